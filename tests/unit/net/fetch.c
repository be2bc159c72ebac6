#include "fetch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/mem.h"

static void on_watchdog(void *ctx)
{
    struct fetch *fetch = ctx;
    fetch->hung = true;
    hf_loop_stop(fetch->loop);
}

void fetch_start(struct fetch *fetch, loopback_fn answer, void *ctx)
{
    *fetch = (struct fetch){0};
    struct hf_error err = HF_ERROR_INIT;
    fetch->loop = hf_loop_new(&err);
    cr_assert_not_null(fetch->loop, "%s", err.text);
    fetch->http = hf_http_new(fetch->loop, "holdfast-test/1", &err);
    cr_assert_not_null(fetch->http, "%s", err.text);
    fetch->watchdog = hf_timer_new(fetch->loop, on_watchdog, fetch);
    loopback_start(&fetch->server, answer, ctx);
}

void fetch_stop(struct fetch *fetch)
{
    hf_http_free(fetch->http);
    hf_timer_free(fetch->watchdog);
    hf_loop_free(fetch->loop);
    loopback_stop(&fetch->server);
    hf_buf_free(&fetch->stream);
    free(fetch->body);
}

const char *fetch_url(const struct fetch *fetch, const char *path, char out[256])
{
    snprintf(out, 256, "http://127.0.0.1:%d%s", fetch->server.port, path);
    return out;
}

void fetch_done(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct fetch *fetch = ctx;
    fetch->response = *response;
    free(fetch->body);
    fetch->body = hf_strndup(response->body, response->body_len);
    fetch->response.body = fetch->body;
    snprintf(fetch->content_type, sizeof fetch->content_type, "%s", response->content_type);
    fetch->response.content_type = fetch->content_type;
    snprintf(fetch->warnings, sizeof fetch->warnings, "%s", response->warnings);
    fetch->response.warnings = fetch->warnings;
    fetch->err = *err;
    fetch->done++;
    if (--fetch->pending == 0) {
        hf_loop_stop(fetch->loop);
    }
}

int fetch_data(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    (void)err;
    struct fetch *fetch = ctx;
    hf_buf_add(&fetch->stream, bytes, len);
    fetch->pieces++;
    return 0;
}

void fetch_run(struct fetch *fetch)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_timer_set(fetch->watchdog, 20000);
    cr_assert_eq(hf_loop_run(fetch->loop, &err), 0, "%s", err.text);
    hf_timer_clear(fetch->watchdog);
    cr_assert_not(fetch->hung, "no end in 20 s");
}

void fetch_call(struct fetch *fetch, const struct hf_http_request *request, hf_http_data_fn on_data)
{
    struct hf_error err = HF_ERROR_INIT;
    int done = fetch->done;
    fetch->pending = 1;
    cr_assert_eq(hf_http_start(fetch->http, request, on_data, fetch_done, fetch, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(fetch->done, done, "on_done was called from within hf_http_start");
    fetch_run(fetch);
    cr_assert_eq(fetch->done, done + 1);
}

void fetch_get(struct fetch *fetch, const char *path)
{
    char url[256];
    struct hf_http_request request = {.method = "GET", .url = fetch_url(fetch, path, url), .timeout_ms = 10000};
    fetch_call(fetch, &request, NULL);
}
