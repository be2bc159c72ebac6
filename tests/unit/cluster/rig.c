/* The client's side of a test. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apiserver.h"
#include "holdfast/clock.h"

const struct hf_resource DEPLOYMENTS = {.group = "apps",
                                        .version = "v1",
                                        .kind = "Deployment",
                                        .name = "deployments",
                                        .namespaced = true,
                                        .can_list = true,
                                        .can_watch = true,
                                        .can_patch = true,
                                        .has_status = true};
const struct hf_resource NAMESPACES = {.group = "",
                                       .version = "v1",
                                       .kind = "Namespace",
                                       .name = "namespaces",
                                       .can_list = true,
                                       .can_watch = true,
                                       .can_patch = true};

static void on_deadline(void *ctx)
{
    struct rig *rig = ctx;
    rig->late = true;
    hf_loop_stop(rig->loop);
}

void rig_open(struct rig *rig, int port, const struct hf_access *access, const struct hf_cluster_options *options)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access filled = access ? *access : (struct hf_access){.token = "the-token"};
    struct hf_cluster_options defaults = {.name = "dev"};
    char server[64];
    *rig = (struct rig){.log_fd = memfd_create("log", MFD_CLOEXEC)};
    (void)snprintf(server, sizeof server, "http://127.0.0.1:%d/prefix", port);
    filled.server = server;
    filled.proxy = "";
    rig->log = hf_log_new(rig->log_fd, HF_DEBUG, HF_LOGFMT);
    rig->loop = hf_loop_new(&err);
    cr_assert(rig->loop, "%s", err.text);
    rig->http = hf_http_new(rig->loop, "holdfast-test", &err);
    cr_assert(rig->http, "%s", err.text);
    rig->deadline = hf_timer_new(rig->loop, on_deadline, rig);
    cr_assert_eq(
        hf_cluster_new(rig->loop, rig->http, rig->log, &filled, options ? options : &defaults, &rig->cluster, &err), 0,
        "%s", err.text);
}

void rig_close(struct rig *rig)
{
    hf_cluster_free(rig->cluster);
    hf_http_free(rig->http);
    hf_timer_free(rig->deadline);
    hf_loop_free(rig->loop);
    hf_log_free(rig->log);
    hf_buf_free(&rig->trace);
    close(rig->log_fd);
}

static void check(struct rig *rig)
{
    if (rig->wanted && strstr(hf_buf_text(&rig->trace), rig->wanted)) {
        hf_loop_stop(rig->loop);
    }
}

void rig_note(struct rig *rig, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hf_buf_adds(&rig->trace, text);
    check(rig);
}

static void turn(struct rig *rig, int ms)
{
    struct hf_error err = HF_ERROR_INIT;
    rig->late = false;
    hf_timer_set(rig->deadline, ms);
    cr_assert_eq(hf_loop_run(rig->loop, &err), 0, "%s", err.text);
    hf_timer_clear(rig->deadline);
}

int64_t rig_until(struct rig *rig, const char *text, int ms)
{
    int64_t begun = hf_mono_ms();
    rig->wanted = text;
    if (!strstr(hf_buf_text(&rig->trace), text)) {
        turn(rig, ms);
    }
    rig->wanted = NULL;
    hf_auto_free char *log = rig->late ? rig_log(rig) : NULL;
    cr_assert(!rig->late, "waited %d ms for \"%s\", was told: %s\n%s", ms, text, hf_buf_text(&rig->trace),
              log ? log : "");
    return hf_mono_ms() - begun;
}

void rig_run(struct rig *rig, int ms)
{
    turn(rig, ms);
}

char *rig_log(struct rig *rig)
{
    hf_auto_buf struct hf_buf text = {0};
    char bytes[4096];
    off_t at = 0;
    ssize_t got;
    while ((got = pread(rig->log_fd, bytes, sizeof bytes, at)) > 0) {
        hf_buf_add(&text, bytes, (size_t)got);
        at += got;
    }
    hf_buf_addc(&text, '\n');
    return hf_buf_take(&text);
}

static void note_object(struct rig *rig, const char *what, const struct hf_value *object)
{
    const char *name = hf_value_text(hf_value_path(object, "metadata", "name", NULL));
    const char *version = hf_value_text(hf_value_path(object, "metadata", "resourceVersion", NULL));
    const char *kind = hf_value_text(hf_value_get(object, "kind"));
    const char *api_version = hf_value_text(hf_value_get(object, "apiVersion"));
    if (!kind || !api_version) {
        rig_note(rig, "no-kind ");
    }
    rig_note(rig, "%s %s@%s;", what, name ? name : "?", version ? version : "?");
}

void rig_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    cr_assert_gt(bytes, 0);
    note_object(ctx, "item", object);
}

void rig_listed(void *ctx, const char *version, const struct hf_error *err)
{
    if (err->code == HF_OK) {
        rig_note(ctx, "listed %s;", version);
    } else {
        cr_assert_null(version);
        rig_note(ctx, "failed %s;", hf_code_name(err->code));
    }
}

void rig_answer(void *ctx, const struct hf_answer *answer, const struct hf_error *err)
{
    const char *kind = hf_value_text(hf_value_get(answer->object, "kind"));
    rig_note(ctx, "answer %d %s %s;", answer->status, hf_code_name(err->code), kind ? kind : "-");
}

void rig_done(void *ctx, const struct hf_error *err)
{
    rig_note(ctx, "done %s;", hf_code_name(err->code));
}

static void on_begin(void *ctx)
{
    rig_note(ctx, "begin;");
}

static void on_end(void *ctx, const char *version)
{
    rig_note(ctx, "end %s;", version);
}

static void on_change(void *ctx, enum hf_change change, const struct hf_value *object, size_t bytes)
{
    static const char *const names[] = {"ADDED", "MODIFIED", "DELETED"};
    cr_assert_gt(bytes, 0);
    note_object(ctx, names[change], object);
}

static void on_state(void *ctx, const struct hf_error *err)
{
    if (err->code == HF_OK) {
        rig_note(ctx, "open;");
    } else {
        rig_note(ctx, "lost %s;", hf_code_name(err->code));
    }
}

struct hf_follow_events rig_events(struct rig *rig)
{
    return (struct hf_follow_events){rig, on_begin, rig_item, on_end, on_change, on_state};
}
