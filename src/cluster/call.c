/* One request: the login, the answer, and after a 401 once more with a login that is new. */
#include <string.h>

#include "client.h"

#define CONNECT_TIMEOUT_MS                                                                                             \
    5000 /* a lost SYN is sent again after 1 and 3 s: short, so that a line that is back is soon used */
#define MOST_HEADERS 24

struct hf_call {
    struct hf_cluster *cluster;
    struct hf_call *next;
    struct hf_call **link; /* what points here */
    struct hf_call_events events;
    struct hf_ask ask; /* its texts are in strings */
    struct hf_arena *strings;
    struct hf_http_call *http;
    bool renewed; /* the login was refused once already */
};

static void call_free(struct hf_call *call)
{
    *call->link = call->next;
    if (call->next) {
        call->next->link = call->link;
    }
    if (call->ask.is_secret && call->ask.body) {
        hf_wipe((void *)(uintptr_t)call->ask.body, call->ask.body_len);
    }
    hf_arena_free(call->strings);
    free(call);
}

void hf_call_cancel(struct hf_call *call)
{
    if (call) {
        hf_credential_forget(call->cluster->credential, call);
        if (call->http) {
            hf_http_cancel(call->http);
        }
        if (call->events.free_ctx) {
            free(call->events.ctx);
        }
        call_free(call);
    }
}

static void finish(struct hf_call *call, const struct hf_http_response *response, const struct hf_error *err)
{
    struct hf_call_events events = call->events;
    call->cluster->stats.failures += err->code != HF_OK;
    call_free(call);
    events.done(events.ctx, response, err);
    if (events.free_ctx) {
        free(events.ctx);
    }
}

static void finish_without_answer(struct hf_call *call, const struct hf_error *err)
{
    struct hf_http_response none = {.body = "", .content_type = "", .retry_after_ms = -1};
    finish(call, &none, err);
}

static void on_open(void *ctx)
{
    struct hf_call *call = ctx;
    if (call->events.open) {
        call->events.open(call->events.ctx);
    }
}

static int on_data(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct hf_call *call = ctx;
    call->cluster->stats.bytes_in += len;
    return call->events.data(call->events.ctx, bytes, len, err);
}

static void log_warnings(const struct hf_call *call, const char *warnings)
{
    size_t path_len = strcspn(call->ask.path, "?");
    hf_auto_free char *path = hf_strndup(call->ask.path, path_len);
    hf_log_write(call->cluster->log, HF_WARN, "the API server warns", "target", call->cluster->name, "request", path,
                 "warning", warnings, NULL);
}

static void on_login(void *ctx, const struct hf_login *login, const struct hf_error *err);

static void on_done(void *ctx, const struct hf_http_response *response, const struct hf_error *state)
{
    struct hf_call *call = ctx;
    struct hf_error err = *state;
    call->http = NULL;
    call->cluster->stats.bytes_in += response->body_len;
    if (response->warnings && response->warnings[0]) {
        log_warnings(call, response->warnings);
    }
    if (err.code == HF_OK && response->status == 401 && !call->renewed &&
        hf_credential_reject(call->cluster->credential)) {
        call->renewed = true;
        struct hf_error ignored = HF_ERROR_INIT;
        if (hf_credential_get(call->cluster->credential, on_login, call, &ignored) == 0) {
            return;
        }
    }
    if (err.code == HF_OK) {
        (void)hf_http_status_error(response, &err);
    }
    finish(call, response, &err);
}

static int send(struct hf_call *call, const struct hf_login *login, struct hf_error *err)
{
    const struct hf_ask *ask = &call->ask;
    struct hf_http_header headers[MOST_HEADERS];
    size_t count = 0;
    if (login->header_count > MOST_HEADERS - 2) {
        return hf_error_set(err, HF_ELIMIT, "found %zu headers of a login, expected at most %d", login->header_count,
                            MOST_HEADERS - 2);
    }
    headers[count++] = (struct hf_http_header){"Accept", ask->accept};
    if (ask->content_type) {
        headers[count++] = (struct hf_http_header){"Content-Type", ask->content_type};
    }
    for (size_t i = 0; i < login->header_count; i++) {
        headers[count++] = login->headers[i];
    }
    struct hf_http_server server = login->server;
    server.separate = ask->separate;
    hf_auto_buf struct hf_buf url = {0};
    hf_buf_adds(&url, call->cluster->server);
    hf_buf_adds(&url, ask->path);
    if (!hf_buf_ok(&url)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a request");
    }
    struct hf_http_request request = {.method = ask->method,
                                      .url = hf_buf_text(&url),
                                      .server = &server,
                                      .headers = headers,
                                      .header_count = count,
                                      .bearer = login->bearer,
                                      .body = ask->body,
                                      .body_len = ask->body_len,
                                      .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                      .timeout_ms = ask->timeout_ms,
                                      .idle_timeout_ms = ask->idle_timeout_ms,
                                      .max_body = ask->max_body,
                                      .on_open = on_open};
    call->cluster->stats.requests++;
    return hf_http_start(call->cluster->http, &request, call->events.data ? on_data : NULL, on_done, call, &call->http,
                         err);
}

static void on_login(void *ctx, const struct hf_login *login, const struct hf_error *state)
{
    struct hf_call *call = ctx;
    struct hf_error err = HF_ERROR_INIT;
    if (!login) {
        err = *state;
        (void)hf_error_wrap(&err, "log in to %s", call->cluster->server);
        finish_without_answer(call, &err);
    } else if (send(call, login, &err) != 0) {
        finish_without_answer(call, &err);
    }
}

static int keep_ask(struct hf_call *call, const struct hf_ask *ask, struct hf_error *err)
{
    call->strings = hf_arena_new(0);
    if (call->strings) {
        call->ask = *ask;
        call->ask.body = NULL;
        call->ask.path = hf_arena_copy(call->strings, ask->path, strlen(ask->path));
        call->ask.accept = hf_arena_copy(call->strings, ask->accept, strlen(ask->accept));
        if (ask->content_type) {
            call->ask.content_type = hf_arena_copy(call->strings, ask->content_type, strlen(ask->content_type));
            call->ask.body = hf_arena_copy(call->strings, ask->body, ask->body_len);
        }
    }
    if (!call->strings || !call->ask.path || !call->ask.accept ||
        (ask->content_type && (!call->ask.content_type || !call->ask.body))) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a request");
    }
    return 0;
}

int hf_call_start(struct hf_cluster *cluster, const struct hf_ask *ask, const struct hf_call_events *events,
                  struct hf_call **out, struct hf_error *err)
{
    struct hf_call *call = hf_calloc(1, sizeof *call);
    if (!call) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a request");
    }
    call->cluster = cluster;
    call->events = *events;
    call->link = &cluster->calls;
    call->next = cluster->calls;
    if (call->next) {
        call->next->link = &call->next;
    }
    cluster->calls = call;
    int status = keep_ask(call, ask, err);
    if (status == 0) {
        const struct hf_login *login = hf_credential_now(cluster->credential);
        status = login ? send(call, login, err) : hf_credential_get(cluster->credential, on_login, call, err);
    }
    if (status != 0) {
        call_free(call);
        return -1;
    }
    if (out) {
        *out = call;
    }
    return 0;
}
