/* One client on one loop, and a call that is waited for. */
#ifndef HF_TEST_FETCH_H
#define HF_TEST_FETCH_H

#include "holdfast/http.h"
#include "loopback.h"

struct fetch {
    struct hf_loop *loop;
    struct hf_http *http;
    struct loopback server;
    struct hf_timer *watchdog; /* ends a run that hangs, after 20 s */
    bool hung;
    int pending; /* calls whose end is awaited */

    /* Of the last call that ended. */
    struct hf_http_response response;
    char *body;
    char content_type[128];
    char warnings[512];
    struct hf_error err;
    int done;
    /* Of streams. */
    struct hf_buf stream;
    int pieces;
    int opened;
};

void fetch_start(struct fetch *fetch, loopback_fn answer, void *ctx);
void fetch_stop(struct fetch *fetch);
/* "http://127.0.0.1:PORT" and path, in a buffer of the caller's. */
const char *fetch_url(const struct fetch *fetch, const char *path, char out[256]);
void fetch_done(void *ctx, const struct hf_http_response *response, const struct hf_error *err);
int fetch_data(void *ctx, const char *bytes, size_t len, struct hf_error *err);
/* Starts request with on_data and waits for its end. */
void fetch_call(struct fetch *fetch, const struct hf_http_request *request, hf_http_data_fn on_data);
/* GET of a path on the loopback server. */
void fetch_get(struct fetch *fetch, const char *path);
/* Runs the loop until hf_loop_stop or the watchdog. */
void fetch_run(struct fetch *fetch);

#endif
