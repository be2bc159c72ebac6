/* Changes of a unit: data, restores, annotations; and its revisions read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confighub_call.h"
#include "holdfast/digest.h"

struct change {
    struct hf_confighub_call call;
    struct confighub_subject subject;
    struct confighub_ask *ask;
    char *bytes; /* what is written */
    size_t len;
    char *description;
    int64_t number; /* the head that is expected, the revision to restore or to read */
    hf_confighub_changed_fn fn;
    hf_confighub_revision_fn revision_fn;
    void *ctx;
    const char *doing;
};

static void change_free(struct hf_confighub_call *call)
{
    struct change *change = (struct change *)call;
    confighub_ask_cancel(change->ask);
    confighub_subject_free(&change->subject);
    if (change->bytes) {
        hf_wipe(change->bytes, change->len); /* may hold a Secret */
    }
    free(change->bytes);
    free(change->description);
    free(change);
}

static struct change *change_new(const struct hf_confighub_unit *unit, const char *doing, const char *description,
                                 struct hf_error *err)
{
    struct change *change = hf_calloc(1, sizeof *change);
    if (!change) {
        (void)hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
        return NULL;
    }
    change->doing = doing;
    change->description = hf_strdup(description ? description : "");
    if (!change->description) {
        (void)hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    if (!change->description || confighub_subject_copy(&change->subject, unit, err) != 0) {
        change_free(&change->call);
        return NULL;
    }
    return change;
}

static int start(struct hf_confighub *hub, struct change *change, const struct confighub_step *step,
                 confighub_answer_fn fn, struct hf_confighub_call **out, struct hf_error *err)
{
    if (confighub_ask_unit(hub, &change->subject, step, fn, change, &change->ask, err) != 0) {
        change_free(&change->call);
        return -1;
    }
    confighub_call_add(hub, &change->call, change_free);
    if (out) {
        *out = &change->call;
    }
    return 0;
}

/* The last callback. */
static void finish(struct change *change, const struct hf_confighub_changed *changed, const struct hf_error *err)
{
    struct hf_confighub *hub = change->call.hub;
    struct hf_error problem = *err;
    confighub_scrub(hub, &problem);
    confighub_call_remove(&change->call);
    confighub_enter(hub);
    change->fn(change->ctx, problem.code == HF_OK ? changed : NULL, &problem);
    change_free(&change->call);
    confighub_leave(hub);
}

static void fail(struct change *change, struct hf_error *err)
{
    (void)confighub_wrap(&change->subject, change->doing, err);
    finish(change, NULL, err);
}

static const struct hf_value *read_unit(struct hf_arena *arena, const struct hf_http_response *response,
                                        struct hf_error *err)
{
    const struct hf_value *value;
    if (confighub_read_body(arena, response->body, response->body_len, &value, err) != 0) {
        return NULL;
    }
    const struct hf_value *unit = confighub_inner(value, "Unit");
    if (!*confighub_text(unit, "UnitID") || confighub_integer(unit, "HeadRevisionNum") <= 0) {
        (void)hf_error_set(err, HF_EPARSE, "found no unit in the answer");
        return NULL;
    }
    return unit;
}

static void on_written(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct change *change = ctx;
    struct hf_error problem = *err;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    change->ask = NULL;
    if (problem.code != HF_OK) {
        finish(change, NULL, &problem);
        return;
    }
    const struct hf_value *unit = read_unit(arena, response, &problem);
    if (!unit) {
        fail(change, &problem);
        return;
    }
    struct hf_confighub_changed changed = {confighub_integer(unit, "HeadRevisionNum"),
                                           confighub_integer(unit, "Version")};
    finish(change, &changed, &problem);
}

static int set_member(struct hf_arena *arena, struct hf_value *unit, const char *name, struct hf_slice text)
{
    const struct hf_value *value = hf_value_string(arena, text);
    return value ? hf_value_set(arena, unit, hf_slice_of(name), value) : -1;
}

/* The unit as it was read, with its Version, but for what is changed and what only the server writes. */
static int write_unit(struct hf_arena *arena, const struct change *change, const struct hf_value *read,
                      struct hf_buf *out, struct hf_error *err)
{
    static const char *const NOT_OURS[] = {"LiveState", "LiveData", "BridgeState", "DataHash", "ContentHash"};
    hf_auto_buf struct hf_buf base64 = {0};
    struct hf_value *unit = hf_value_copy(arena, read);
    hf_buf_add_base64(&base64, change->bytes, change->len);
    for (size_t i = 0; unit && i < sizeof NOT_OURS / sizeof NOT_OURS[0]; i++) {
        (void)hf_value_unset(unit, hf_slice_of(NOT_OURS[i]));
    }
    if (!unit || !hf_buf_ok(&base64) ||
        set_member(arena, unit, "Data", (struct hf_slice){hf_buf_text(&base64), base64.len}) != 0 ||
        set_member(arena, unit, "LastChangeDescription", hf_slice_of(change->description)) != 0) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    hf_json_write(out, unit);
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
}

static void on_read_for_update(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct change *change = ctx;
    struct hf_error problem = *err;
    hf_auto_buf struct hf_buf body = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    change->ask = NULL;
    if (problem.code != HF_OK) {
        finish(change, NULL, &problem);
        return;
    }
    const struct hf_value *unit = read_unit(arena, response, &problem);
    int64_t head = unit ? confighub_integer(unit, "HeadRevisionNum") : 0;
    if (unit && change->number > 0 && head != change->number) {
        (void)hf_error_set(&problem, HF_ECONFLICT,
                           "somebody has made revision %lld meanwhile, and this was made from revision %lld: it has to "
                           "be read again",
                           (long long)head, (long long)change->number);
    }
    if (problem.code == HF_OK && write_unit(arena, change, unit, &body, &problem) == 0) {
        struct confighub_step step = {.method = "PUT",
                                      .below = "",
                                      .body = hf_buf_text(&body),
                                      .body_len = body.len,
                                      .content_type = "application/json",
                                      .doing = change->doing,
                                      .max_body = CONFIGHUB_MOST_UNIT};
        (void)confighub_ask_unit(change->call.hub, &change->subject, &step, on_written, change, &change->ask, &problem);
    }
    if (body.ptr) {
        hf_wipe(body.ptr, body.cap);
    }
    if (problem.code != HF_OK) {
        fail(change, &problem);
    }
}

int hf_confighub_update(struct hf_confighub *hub, const struct hf_confighub_unit *unit, int64_t expected_head,
                        const char *bytes, size_t len, const char *description, hf_confighub_changed_fn fn, void *ctx,
                        struct hf_confighub_call **out, struct hf_error *err)
{
    struct change *change = change_new(unit, "write a new revision", description, err);
    if (!change) {
        return -1;
    }
    change->bytes = hf_strndup(bytes, len);
    change->len = len;
    change->number = expected_head;
    change->fn = fn;
    change->ctx = ctx;
    if (!change->bytes) {
        change_free(&change->call);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    struct confighub_step step = {
        .method = "GET", .below = "", .doing = "read it before it is written", .max_body = CONFIGHUB_MOST_UNIT};
    return start(hub, change, &step, on_read_for_update, out, err);
}

static void add_text(struct hf_buf *body, const char *name, const char *text)
{
    hf_buf_addf(body, "{\"%s\":", name);
    hf_buf_add_json(body, hf_slice_of(text));
    hf_buf_addc(body, '}');
}

static void ask_restore(struct change *change, int64_t number)
{
    char below[64];
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf body = {0};
    (void)snprintf(below, sizeof below, "?restore=%lld", (long long)number);
    add_text(&body, "LastChangeDescription", change->description);
    struct confighub_step step = {.method = "PATCH",
                                  .below = below,
                                  .body = hf_buf_text(&body),
                                  .body_len = body.len,
                                  .content_type = "application/merge-patch+json",
                                  .doing = change->doing,
                                  .max_body = CONFIGHUB_MOST_UNIT};
    if (!hf_buf_ok(&body)) {
        (void)hf_error_set(&err, HF_ENOMEM, "out of memory");
    } else {
        (void)confighub_ask_unit(change->call.hub, &change->subject, &step, on_written, change, &change->ask, &err);
    }
    if (err.code != HF_OK) {
        fail(change, &err);
    }
}

static void on_read_for_restore(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct change *change = ctx;
    struct hf_error problem = *err;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    change->ask = NULL;
    if (problem.code != HF_OK) {
        finish(change, NULL, &problem);
        return;
    }
    const struct hf_value *unit = read_unit(arena, response, &problem);
    int64_t head = unit ? confighub_integer(unit, "HeadRevisionNum") : 0;
    int64_t number = !unit                ? 0
                     : change->number < 0 ? confighub_integer(unit, "PreviousLiveRevisionNum")
                                          : change->number;
    if (unit && number <= 0) {
        (void)hf_error_set(&problem, HF_ENOTFOUND, "no revision was live before the one that is");
    } else if (unit && number > head) {
        (void)hf_error_set(&problem, HF_ENOTFOUND, "there is no revision %lld: head is %lld", (long long)number,
                           (long long)head);
    }
    if (problem.code != HF_OK) {
        fail(change, &problem);
    } else {
        ask_restore(change, number);
    }
}

int hf_confighub_restore(struct hf_confighub *hub, const struct hf_confighub_unit *unit, int64_t to,
                         const char *description, hf_confighub_changed_fn fn, void *ctx, struct hf_confighub_call **out,
                         struct hf_error *err)
{
    if (to == 0 || to < -1) {
        return hf_error_set(err, HF_EINVAL,
                            "ConfigHub: unit %s/%s: restore: found %lld, expected a revision's number, or -1 for the "
                            "one that was live before",
                            unit->space ? unit->space : "", unit->slug ? unit->slug : "", (long long)to);
    }
    struct change *change = change_new(unit, "restore a revision", description, err);
    if (!change) {
        return -1;
    }
    change->number = to;
    change->fn = fn;
    change->ctx = ctx;
    struct confighub_step step = {
        .method = "GET", .below = "", .doing = "read it before a restore", .max_body = CONFIGHUB_MOST_UNIT};
    return start(hub, change, &step, on_read_for_restore, out, err);
}

int hf_confighub_annotate(struct hf_confighub *hub, const struct hf_confighub_unit *unit,
                          const struct hf_label *annotations, size_t count, hf_confighub_changed_fn fn, void *ctx,
                          struct hf_confighub_call **out, struct hf_error *err)
{
    hf_auto_buf struct hf_buf body = {0};
    struct change *change = change_new(unit, "write annotations", NULL, err);
    if (!change) {
        return -1;
    }
    change->fn = fn;
    change->ctx = ctx;
    hf_buf_adds(&body, "{\"Annotations\":{");
    for (size_t i = 0; i < count; i++) {
        hf_buf_adds(&body, i > 0 ? "," : "");
        hf_buf_add_json(&body, hf_slice_of(annotations[i].name));
        hf_buf_addc(&body, ':');
        if (annotations[i].value) {
            hf_buf_add_json(&body, hf_slice_of(annotations[i].value));
        } else {
            hf_buf_adds(&body, "null");
        }
    }
    hf_buf_adds(&body, "}}");
    struct confighub_step step = {.method = "PATCH",
                                  .below = "",
                                  .body = hf_buf_text(&body),
                                  .body_len = body.len,
                                  .content_type = "application/merge-patch+json",
                                  .doing = change->doing,
                                  .max_body = CONFIGHUB_MOST_UNIT};
    if (!hf_buf_ok(&body)) {
        change_free(&change->call);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    return start(hub, change, &step, on_written, out, err);
}

static void on_revision(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct change *change = ctx;
    struct hf_confighub *hub = change->call.hub;
    struct hf_error problem = *err;
    struct hf_confighub_revision revision;
    hf_auto_buf struct hf_buf data = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    change->ask = NULL;
    if (problem.code == HF_OK && confighub_read_revision(arena, response->body, response->body_len, change->number,
                                                         &data, &revision, &problem) != 0) {
        (void)confighub_wrap(&change->subject, change->doing, &problem);
    }
    confighub_scrub(hub, &problem);
    confighub_call_remove(&change->call);
    confighub_enter(hub);
    change->revision_fn(change->ctx, problem.code == HF_OK ? &revision : NULL, &problem);
    change_free(&change->call);
    confighub_leave(hub);
}

int hf_confighub_revision(struct hf_confighub *hub, const struct hf_confighub_unit *unit, int64_t number,
                          hf_confighub_revision_fn fn, void *ctx, struct hf_confighub_call **out, struct hf_error *err)
{
    char below[80];
    char doing[64];
    struct change *change = change_new(unit, "read a revision", NULL, err);
    if (!change) {
        return -1;
    }
    change->number = number;
    change->revision_fn = fn;
    change->ctx = ctx;
    (void)snprintf(below, sizeof below, "/revision?where=RevisionNum%%3D%lld", (long long)number);
    (void)snprintf(doing, sizeof doing, "read revision %lld", (long long)number);
    struct confighub_step step = {.method = "GET", .below = below, .doing = doing, .max_body = CONFIGHUB_MOST_UNIT};
    return start(hub, change, &step, on_revision, out, err);
}
