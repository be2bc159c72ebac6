#include "confighub_place.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdfast/digest.h"

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static pid_t serve(const struct hf_hub_options *options)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct hf_error err = HF_ERROR_INIT;
        int null = open("/dev/null", O_WRONLY);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, STDOUT_FILENO);
        if (hf_hub_serve(options, &err) != 0) {
            fprintf(stderr, "the simulated ConfigHub: %s\n", err.text);
            _exit(1);
        }
        _exit(0);
    }
    return pid;
}

static void read_url(struct place *place, const char *path)
{
    struct hf_error err = HF_ERROR_INIT;
    for (int i = 0; i < 1000; i++) {
        struct hf_buf text = {0};
        if (hf_read_file(path, 1000, &text, &err) == 0 && text.len > 0 && text.ptr[text.len - 1] == '\n') {
            (void)snprintf(place->url, sizeof place->url, "%.*s", (int)text.len - 1, text.ptr);
            (void)snprintf(place->host, sizeof place->host, "%.*s", (int)text.len - 5, text.ptr);
            hf_buf_free(&text);
            return;
        }
        hf_buf_free(&text);
        usleep(10000);
    }
    cr_assert_fail("the simulated ConfigHub does not start");
}

static void on_late(void *ctx)
{
    struct place *place = ctx;
    place->late = true;
    hf_loop_stop(place->loop);
}

void place_open(struct place *place, const struct hf_hub_options *options)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_hub_options own = options ? *options : (struct hf_hub_options){.token = TOKEN};
    char path[100], folder[100], file[130];
    *place = (struct place){.root = "/tmp/holdfast-hub-XXXXXX", .log_fd = -1};
    cr_assert_not_null(mkdtemp(place->root));
    (void)snprintf(path, sizeof path, "%s/url", place->root);
    (void)snprintf(folder, sizeof folder, "%s/units", place->root);
    (void)snprintf(file, sizeof file, "%s/platform-note.yaml", folder);
    cr_assert_eq(mkdir(folder, 0700), 0);
    write_file(file, DOCUMENT("note", "1"));
    own.listen = "127.0.0.1:0";
    own.write_url = path;
    own.folders[0] = (struct hf_hub_folder){"platform", folder, "worker/cluster"};
    own.folder_count = 1;
    setenv("HOLDFAST_TEST_TOKEN", TOKEN, 1);
    place->hub_pid = serve(&own);
    cr_assert_gt(place->hub_pid, 0);
    read_url(place, path);
    (void)snprintf(path, sizeof path, "%s/log", place->root);
    place->log_fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    place->loop = hf_loop_new(&err);
    place->http = hf_http_new(place->loop, "holdfast-test", &err);
    place->log = hf_log_new(place->log_fd, HF_DEBUG, HF_LOGFMT);
    place->timer = hf_timer_new(place->loop, on_late, place);
    cr_assert(place->loop && place->http && place->log && place->timer);
    const char *space = place_space(place, "platform");
    char ask[100];
    (void)snprintf(ask, sizeof ask, "/api/space/%s/target", space);
    place_ask(place, "GET", ask, NULL);
    const struct hf_value *target = hf_value_at(place->answer, 0);
    target = hf_value_get(target, "Target") ? hf_value_get(target, "Target") : target;
    (void)snprintf(place->target_id, sizeof place->target_id, "%s", hf_value_text(hf_value_get(target, "TargetID")));
}

static void drop_units(struct place *place)
{
    for (size_t i = 0; i < place->count; i++) {
        hf_unit_drop(place->units[i]);
    }
    free(place->units);
    place->units = NULL;
    place->count = 0;
}

void place_close(struct place *place)
{
    char command[160];
    hf_source_free(place->source);
    hf_confighub_close(place->hub);
    drop_units(place);
    hf_http_free(place->http);
    hf_timer_free(place->timer);
    hf_loop_free(place->loop);
    hf_log_free(place->log);
    hf_arena_free(place->arena);
    hf_buf_free(&place->data);
    close(place->log_fd);
    kill(place->hub_pid, SIGTERM);
    waitpid(place->hub_pid, NULL, 0);
    static const char *const FILES[] = {"url", "log", "units/platform-note.yaml", "token", "store"};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        (void)snprintf(command, sizeof command, "%s/%s", place->root, FILES[i]);
        unlink(command);
    }
    (void)snprintf(command, sizeof command, "%s/units", place->root);
    rmdir(command);
    rmdir(place->root);
}

void place_client(struct place *place, const struct hf_confighub_options *options)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_options own = options ? *options : (struct hf_confighub_options){0};
    own.base_url = own.base_url ? own.base_url : place->url;
    if (!options) {
        own.token.environment = "HOLDFAST_TEST_TOKEN";
    }
    cr_assert_eq(hf_confighub_open(place->loop, place->http, place->log, &own, &place->hub, &err), 0, "%s", err.text);
}

static void check(struct place *place)
{
    if (place->wanted && place->wanted(place)) {
        hf_loop_stop(place->loop);
    }
}

static void on_units(void *ctx, struct hf_unit *const *units, size_t count)
{
    struct place *place = ctx;
    drop_units(place);
    place->units = hf_calloc(count + 1, sizeof *place->units);
    place->count = count;
    place->told++;
    for (size_t i = 0; i < count; i++) {
        place->units[i] = hf_unit_keep(units[i]);
    }
    check(place);
}

static void on_state(void *ctx, const struct hf_error *err)
{
    struct place *place = ctx;
    place->state = *err;
    place->states += err->code != HF_OK;
    check(place);
}

void place_source(struct place *place, const struct hf_confighub_selection *selection,
                  const struct hf_unit_store *store)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_source_events events = {place, on_units, on_state};
    cr_assert_eq(hf_source_confighub(place->hub, selection, &events, store, &place->source, &err), 0, "%s", err.text);
    cr_assert_eq(hf_source_start(place->source, &err), 0, "%s", err.text);
}

void place_wait(struct place *place, bool (*wanted)(const struct place *place), const char *what)
{
    struct hf_error err = HF_ERROR_INIT;
    place->wanted = wanted;
    place->late = false;
    hf_timer_set(place->timer, 10000);
    if (!wanted(place)) {
        cr_assert_eq(hf_loop_run(place->loop, &err), 0, "%s", err.text);
    }
    hf_timer_clear(place->timer);
    place->wanted = NULL;
    if (place->late) {
        struct hf_buf text = {0};
        for (size_t i = 0; i < place->count; i++) {
            hf_buf_addf(&text, "\n%s/%s rev %lld head %lld applied %lld live %lld %s (%s) problem %s",
                        place->units[i]->space, place->units[i]->slug, (long long)place->units[i]->revision,
                        (long long)place->units[i]->head_revision, (long long)place->units[i]->applied_revision,
                        (long long)place->units[i]->live_revision, hf_unit_state_name(place->units[i]->state),
                        place->units[i]->state_reason, place->units[i]->problem ? place->units[i]->problem : "-");
        }
        cr_assert_fail("%s: not within 10 s; %u sets told, state: %s%s", what, place->told, place->state.text,
                       hf_buf_text(&text));
    }
}

void place_run(struct place *place, int64_t ms)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_timer_set(place->timer, ms);
    cr_assert_eq(hf_loop_run(place->loop, &err), 0, "%s", err.text);
    hf_timer_clear(place->timer);
}

static void on_answer(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct place *place = ctx;
    struct hf_error ignored = HF_ERROR_INIT;
    cr_assert_eq(err->code, HF_OK, "%s", err->text);
    place->status = response->status;
    place->answer = NULL;
    hf_arena_free(place->arena);
    place->arena = hf_arena_new(0);
    (void)hf_json_read(place->arena, response->body, response->body_len, NULL, &place->answer, &ignored);
    place->done = true;
    hf_loop_stop(place->loop);
}

void place_ask(struct place *place, const char *method, const char *path, const char *body)
{
    char url[400];
    struct hf_error err = HF_ERROR_INIT;
    struct hf_http_header header = {"Content-Type", "application/json"};
    (void)snprintf(url, sizeof url, "%s%s", place->host, path);
    struct hf_http_request request = {.method = method,
                                      .url = url,
                                      .headers = &header,
                                      .header_count = body ? 1 : 0,
                                      .bearer = TOKEN,
                                      .body = body,
                                      .body_len = body ? strlen(body) : 0,
                                      .timeout_ms = 10000};
    bool (*wanted)(const struct place *) = place->wanted;
    place->wanted = NULL;
    place->done = false;
    cr_assert_eq(hf_http_start(place->http, &request, NULL, on_answer, place, NULL, &err), 0, "%s", err.text);
    while (!place->done) {
        cr_assert_eq(hf_loop_run(place->loop, &err), 0);
    }
    place->wanted = wanted;
    place->done = false;
}

void place_fault(struct place *place, const char *json)
{
    place_ask(place, json ? "POST" : "DELETE", "/sim/faults", json);
    cr_assert_eq(place->status, 200);
}

int64_t place_count(struct place *place, const char *name)
{
    int64_t number = -1;
    place_ask(place, "GET", "/sim/counts", NULL);
    cr_assert(hf_value_int(hf_value_get(place->answer, name), &number));
    return number;
}

const char *place_space(struct place *place, const char *slug)
{
    static char ids[8][64];
    static unsigned next;
    char body[200];
    (void)snprintf(body, sizeof body, "{\"Slug\":\"%s\"}", slug);
    place_ask(place, "POST", "/api/space", body);
    char *id = ids[next++ % 8];
    (void)snprintf(id, 64, "%s", hf_value_text(hf_value_get(place->answer, "SpaceID")));
    return id;
}

struct hf_confighub_unit place_make(struct place *place, const char *space, const char *slug, const char *data)
{
    static char ids[32][3][80];
    static unsigned next;
    char path[200];
    struct hf_buf body = {0};
    char(*id)[80] = ids[next++ % 32];
    (void)snprintf(id[0], 80, "%s", place_space(place, space));
    (void)snprintf(id[2], 80, "%s", space);
    hf_buf_addf(&body, "{\"Slug\":\"%s\",\"TargetID\":\"%s\",\"Data\":\"", slug, place->target_id);
    hf_buf_add_base64(&body, data, strlen(data));
    hf_buf_adds(&body, "\"}");
    (void)snprintf(path, sizeof path, "/api/space/%s/unit", id[0]);
    place_ask(place, "POST", path, hf_buf_text(&body));
    hf_buf_free(&body);
    cr_assert_eq(place->status, 200);
    (void)snprintf(id[1], 80, "%s", hf_value_text(hf_value_get(place->answer, "UnitID")));
    return (struct hf_confighub_unit){id[0], id[1], id[2], slug};
}

static void ask_unit(struct place *place, const struct hf_confighub_unit *unit, const char *method, const char *below,
                     const char *body)
{
    char path[300];
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s%s", unit->space_id, unit->unit_id, below);
    place_ask(place, method, path, body);
    cr_assert_eq(place->status, 200, "%s %s: %d", method, path, place->status);
}

void place_patch(struct place *place, const struct hf_confighub_unit *unit, const char *json)
{
    ask_unit(place, unit, "PATCH", "", json);
}

void place_revise(struct place *place, const struct hf_confighub_unit *unit, const char *data)
{
    struct hf_buf body = {0};
    hf_buf_adds(&body, "{\"Data\":\"");
    hf_buf_add_base64(&body, data, strlen(data));
    hf_buf_adds(&body, "\",\"LastChangeDescription\":\"by a test\"}");
    place_patch(place, unit, hf_buf_text(&body));
    hf_buf_free(&body);
}

void place_apply(struct place *place, const struct hf_confighub_unit *unit)
{
    ask_unit(place, unit, "POST", "/apply", "");
    for (int i = 0; i < 500; i++) {
        int64_t applied = 0, live = 0;
        ask_unit(place, unit, "GET", "", NULL);
        const struct hf_value *json = hf_value_get(place->answer, "Unit");
        json = json ? json : place->answer;
        if (hf_value_int(hf_value_get(json, "LastAppliedRevisionNum"), &applied) &&
            hf_value_int(hf_value_get(json, "LiveRevisionNum"), &live) && applied == live) {
            return;
        }
        usleep(5000);
    }
    cr_assert_fail("the apply does not end");
}

const struct hf_unit *place_unit(const struct place *place, const char *slug)
{
    for (size_t i = 0; i < place->count; i++) {
        if (strcmp(place->units[i]->slug, slug) == 0) {
            return place->units[i];
        }
    }
    return NULL;
}

static void on_progress(void *ctx, const struct hf_confighub_action *action)
{
    struct place *place = ctx;
    place->progressed++;
    cr_assert_eq(action->outcome, HF_ACTION_RUNNING);
}

static void on_ended(void *ctx, const struct hf_confighub_action *action, const struct hf_error *err)
{
    struct place *place = ctx;
    place->error = *err;
    place->outcome = action->outcome;
    place->revision = action->revision;
    place->drifted = action->drifted;
    (void)snprintf(place->result, sizeof place->result, "%s", action->result);
    (void)snprintf(place->operation, sizeof place->operation, "%s", action->operation_id);
    hf_buf_clear(&place->data);
    hf_buf_add(&place->data, action->data ? action->data : "", action->data_len);
    place->done = true;
    hf_loop_stop(place->loop);
}

struct hf_confighub_follower place_follower(struct place *place)
{
    place->done = false;
    place->progressed = 0;
    return (struct hf_confighub_follower){place, on_progress, on_ended};
}

void place_changed(void *ctx, const struct hf_confighub_changed *unit, const struct hf_error *err)
{
    struct place *place = ctx;
    place->error = *err;
    place->head = unit ? unit->head_revision : 0;
    place->done = true;
    hf_loop_stop(place->loop);
}

void place_revision(void *ctx, const struct hf_confighub_revision *revision, const struct hf_error *err)
{
    struct place *place = ctx;
    place->error = *err;
    hf_buf_clear(&place->data);
    place->revision = revision ? revision->number : 0;
    if (revision) {
        hf_buf_add(&place->data, revision->bytes, revision->byte_count);
    }
    place->done = true;
    hf_loop_stop(place->loop);
}

static bool is_done(const struct place *place)
{
    return place->done;
}

void place_done(struct place *place)
{
    place_wait(place, is_done, "the call's last callback");
    place->done = false;
}

static void answer_one(int fd, const char *answer, FILE *log)
{
    char bytes[16384];
    size_t len = 0;
    while (len < sizeof bytes - 1) {
        ssize_t got = recv(fd, bytes + len, sizeof bytes - 1 - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        bytes[len] = '\0';
        if (strstr(bytes, "\r\n\r\n")) {
            break;
        }
    }
    bytes[len] = '\0';
    fputs(bytes, log);
    fflush(log);
    (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
    close(fd);
}

pid_t canned_start(const char *const *answers, size_t count, char url[128], const char *log_path)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t len = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0 && listen(fd, 16) == 0 &&
              getsockname(fd, (struct sockaddr *)&name, &len) == 0);
    (void)snprintf(url, 128, "http://127.0.0.1:%u/api", ntohs(name.sin_port));
    pid_t pid = fork();
    if (pid == 0) {
        FILE *log = fopen(log_path, "a");
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t i = 0;; i++) {
            int got = accept(fd, NULL, NULL);
            answer_one(got, answers[i < count ? i : count - 1], log);
        }
    }
    close(fd);
    return pid;
}
