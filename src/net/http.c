/* The client: pools of connections driven by the loop, and the life of a call.
 *
 * Nothing here touches curl's multi handles from within curl's own callbacks, which it forbids: calls that start or are
 * cancelled are queued, and a timer of delay 0 takes them up on the next turn. */
#include "http_call.h"

#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/mem.h"

#define UPKEEP_EVERY_MS 10000
#define HEARD_LATELY_MS 2000
#define POOL_IDLE_MS 120000
#define CONNECTIONS_A_SERVER 16L /* of HTTP/1.1; with HTTP/2 one is enough */
/* A connection carries 100 streams at the most by most servers' settings; past that curl opens one connection a call,
 * so a pool takes no more than this and a further pool is opened. */
#define CALLS_A_POOL 90

struct hf_http {
    struct hf_loop *loop;
    char *user_agent;
    struct pool *pools;
    struct hf_http_call *calls;
    struct hf_http_call *first_waiting;
    struct hf_http_call **last_waiting;
    struct hf_http_call *cancelled;
    struct hf_timer *queue_timer;
    struct hf_timer *upkeep_timer;
    struct hf_http_stats stats;
    unsigned depth; /* of callbacks: freed only when the outermost has returned */
    bool closing;
};

static void destroy(struct hf_http *http);

static void enter(struct hf_http *http)
{
    http->depth++;
}

/* False when the client is gone. */
static bool leave(struct hf_http *http)
{
    http->depth--;
    if (http->closing && http->depth == 0) {
        destroy(http);
        return false;
    }
    return !http->closing;
}

/* Calls. */

void call_count_bytes(struct hf_http_call *call, size_t len)
{
    call->http->stats.bytes_in += len;
    call->last_byte_ms = call->pool->heard_ms = hf_mono_ms();
}

void call_count_connection(struct hf_http_call *call)
{
    long opened = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &opened);
    if (opened > 0 && !call->connected) {
        call->connected = true;
        call->http->stats.connections++;
    }
}

static void unlink_call(struct hf_http_call *call)
{
    struct hf_http *http = call->http;
    if (call->prev) {
        call->prev->next = call->next;
    } else {
        http->calls = call->next;
    }
    if (call->next) {
        call->next->prev = call->prev;
    }
}

static void free_call(struct hf_http_call *call)
{
    if (call->pool) {
        call->pool->active--;
        call->pool->used_ms = hf_mono_ms();
    }
    call->http->stats.active--;
    unlink_call(call);
    call_release(call);
    free(call);
}

static void fill_response(struct hf_http_call *call, struct hf_http_response *out)
{
    long status = 0, opened = 0;
    char *type = NULL;
    curl_off_t tcp = 0, tls = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &opened);
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME_T, &tcp);
    (void)curl_easy_getinfo(call->easy, CURLINFO_APPCONNECT_TIME_T, &tls);
    *out = (struct hf_http_response){.status = (int)status,
                                     .body = hf_buf_text(&call->answer),
                                     .body_len = call->answer.len,
                                     .content_type = type ? type : "",
                                     .retry_after_ms = call->retry_after_ms,
                                     .connect_us = opened > 0 ? (tls > tcp ? tls : tcp) : 0,
                                     .warnings = hf_buf_text(&call->warnings)};
}

/* Tells the caller, once, and frees the call. False when the client is gone. */
static bool finish(struct hf_http_call *call, const struct hf_error *err)
{
    struct hf_http *http = call->http;
    struct hf_http_response response;
    fill_response(call, &response);
    call->state = CALL_DONE;
    hf_timer_clear(call->idle_timer);
    enter(http);
    call->on_done(call->ctx, &response, err);
    free_call(call);
    return leave(http);
}

/* A connection that was there and gave no answer in time is not trusted with new calls. */
static void distrust(struct hf_http_call *call)
{
    curl_off_t sent = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
    call->pool->retired = call->pool->retired || sent > 0;
}

/* A call was silent for as long as it may. When its connections have not been heard of lately by another call, the line
 * may be gone without a word, and with it every other connection to that server: none of them is trusted with new
 * calls. */
static void distrust_silent(struct hf_http_call *call)
{
    int64_t half = call->idle_timeout_ms / 2;
    int64_t lately = hf_mono_ms() - (half < HEARD_LATELY_MS ? half : HEARD_LATELY_MS);
    if (call->pool->heard_ms >= lately) {
        return;
    }
    distrust(call);
    for (struct pool *pool = call->http->pools; pool; pool = pool->next) {
        if (strcmp(pool->key + 1, call->pool->key + 1) == 0 && pool->heard_ms < lately) {
            pool->retired = true;
        }
    }
}

static bool complete(struct hf_http_call *call, CURLcode code)
{
    struct hf_error err = HF_ERROR_INIT;
    if (call->error.code != HF_OK) {
        err = call->error;
    } else if (code != CURLE_OK) {
        (void)curl_failure(code, call, &err);
        if (err.code == HF_ETIMEOUT) {
            distrust(call);
        }
    }
    (void)curl_multi_remove_handle(call->pool->multi, call->easy);
    return finish(call, &err);
}

static void on_idle(void *ctx)
{
    struct hf_http_call *call = ctx;
    int64_t left = call->last_byte_ms + call->idle_timeout_ms - hf_mono_ms();
    if (left > 0) {
        hf_timer_set(call->idle_timer, left);
        return;
    }
    (void)hf_error_set(&call->error, HF_ETIMEOUT, "%s %s: no byte for %lld ms", call->method, call->origin,
                       (long long)call->idle_timeout_ms);
    if (call->state == CALL_RUNNING) {
        distrust_silent(call);
        (void)complete(call, CURLE_OK);
    }
}

/* Pools. */

static void on_pool_file(void *ctx, int fd, unsigned events);
static bool drive(struct pool *pool, curl_socket_t fd, int mask);

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *watch)
{
    (void)easy;
    struct pool *pool = ctx;
    struct hf_loop *loop = pool->http->loop;
    struct hf_error err = HF_ERROR_INIT;
    if (what == CURL_POLL_REMOVE) {
        hf_loop_remove_fd(loop, watch);
        return 0;
    }
    unsigned events = ((what & CURL_POLL_IN) ? HF_READ : 0u) | ((what & CURL_POLL_OUT) ? HF_WRITE : 0u);
    if (watch) {
        return hf_loop_set_fd(loop, watch, events, &err);
    }
    watch = hf_loop_add_fd(loop, fd, events, on_pool_file, pool, &err);
    return watch && curl_multi_assign(pool->multi, fd, watch) == CURLM_OK ? 0 : -1;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct pool *pool = ctx;
    if (timeout_ms < 0) {
        hf_timer_clear(pool->timer);
    } else {
        hf_timer_set(pool->timer, timeout_ms);
    }
    return 0;
}

static void on_pool_file(void *ctx, int fd, unsigned events)
{
    int mask = ((events & HF_READ) ? CURL_CSELECT_IN : 0) | ((events & HF_WRITE) ? CURL_CSELECT_OUT : 0);
    (void)drive(ctx, fd, mask);
}

static void on_pool_timer(void *ctx)
{
    (void)drive(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void free_pool(struct pool *pool)
{
    if (pool->keeper && pool->multi) {
        (void)curl_multi_remove_handle(pool->multi, pool->keeper);
    }
    curl_easy_cleanup(pool->keeper);
    if (pool->multi) {
        (void)curl_multi_cleanup(pool->multi);
    }
    hf_timer_free(pool->timer);
    free(pool->key);
    free(pool);
}

/* An easy handle that ends at once, and stays: its URL's scheme is not allowed. Connection upkeep needs a handle of the
 * multi that holds no connection, since it attaches the handle to each in turn. */
static CURL *make_keeper(CURLM *multi)
{
    CURL *keeper = curl_easy_init();
    bool ok = keeper && curl_easy_setopt(keeper, CURLOPT_URL, "ftp://127.0.0.1/") == CURLE_OK &&
              curl_easy_setopt(keeper, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
              curl_easy_setopt(keeper, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(keeper, CURLOPT_UPKEEP_INTERVAL_MS, (long)UPKEEP_EVERY_MS / 2) == CURLE_OK &&
              curl_multi_add_handle(multi, keeper) == CURLM_OK;
    if (!ok) {
        curl_easy_cleanup(keeper);
        keeper = NULL;
    }
    return keeper;
}

static bool open_pool(struct pool *pool, bool separate)
{
    pool->timer = hf_timer_new(pool->http->loop, on_pool_timer, pool);
    pool->multi = curl_multi_init();
    if (!pool->timer || !pool->multi) {
        return false;
    }
    bool ok = curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) == CURLM_OK &&
              curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool) == CURLM_OK &&
              curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) == CURLM_OK &&
              curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool) == CURLM_OK &&
              curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK;
    if (ok && !separate) {
        ok = curl_multi_setopt(pool->multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_A_SERVER) == CURLM_OK;
    }
    pool->keeper = ok ? make_keeper(pool->multi) : NULL;
    return pool->keeper != NULL;
}

static struct pool *find_pool(struct hf_http *http, const char *origin, bool separate, struct hf_error *err)
{
    struct hf_buf key = {0};
    hf_buf_addf(&key, "%c%s", separate ? 's' : ' ', origin);
    for (struct pool *pool = http->pools; pool && hf_buf_ok(&key); pool = pool->next) {
        if (!pool->retired && pool->active < CALLS_A_POOL && strcmp(pool->key, hf_buf_text(&key)) == 0) {
            hf_buf_free(&key);
            return pool;
        }
    }
    struct pool *pool = hf_calloc(1, sizeof *pool);
    if (pool) {
        *pool = (struct pool){.http = http, .key = hf_buf_take(&key)};
        if (pool->key && open_pool(pool, separate)) {
            pool->next = http->pools;
            http->pools = pool;
            return pool;
        }
        free_pool(pool);
    }
    hf_buf_free(&key);
    (void)hf_error_set(err, HF_ENOMEM, "open a pool of connections: out of memory");
    return NULL;
}

/* Takes out what has no calls left and is retired, or idle for long. */
static void sweep_pools(struct hf_http *http)
{
    int64_t idle_since = hf_mono_ms() - POOL_IDLE_MS;
    for (struct pool **slot = &http->pools; *slot;) {
        struct pool *pool = *slot;
        if (pool->active == 0 && (pool->retired || pool->used_ms < idle_since)) {
            *slot = pool->next;
            free_pool(pool);
        } else {
            slot = &pool->next;
        }
    }
}

/* When a multi handle fails as such (a file that can't be watched), all its calls end. */
static bool fail_pool(struct pool *pool, CURLMcode code)
{
    struct hf_http *http = pool->http;
    pool->retired = true;
    for (struct hf_http_call *call = http->calls; call;) {
        if (call->pool == pool && call->state == CALL_RUNNING) {
            (void)hf_error_set(&call->error, HF_EIO, "%s %s: %s", call->method, call->origin,
                               curl_multi_strerror(code));
            if (!complete(call, CURLE_OK)) {
                return false;
            }
            call = http->calls; /* the callback may have changed the list anywhere */
        } else {
            call = call->next;
        }
    }
    return true;
}

static bool deliver(struct pool *pool)
{
    int left;
    for (CURLMsg *message = curl_multi_info_read(pool->multi, &left); message;
         message = curl_multi_info_read(pool->multi, &left)) {
        char *private = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct hf_http_call *call = (struct hf_http_call *)(void *)private;
        /* The keeper has none; a cancelled call is the queue's to free. */
        if (call && call->state == CALL_RUNNING && !complete(call, code)) {
            return false;
        }
    }
    return true;
}

/* Lets curl act on a file or the time, and tells of the calls that ended. False when the client is gone. */
static bool drive(struct pool *pool, curl_socket_t fd, int mask)
{
    struct hf_http *http = pool->http;
    int running;
    enter(http);
    CURLMcode code = curl_multi_socket_action(pool->multi, fd, mask, &running);
    if (!http->closing && deliver(pool) && code != CURLM_OK) {
        (void)fail_pool(pool, code);
    }
    return leave(http);
}

/* The queue of calls to start and to take out. */

static void release_cancelled(struct hf_http *http)
{
    while (http->cancelled) {
        struct hf_http_call *call = http->cancelled;
        http->cancelled = call->next_queued;
        (void)curl_multi_remove_handle(call->pool->multi, call->easy);
        free_call(call);
    }
}

static bool launch(struct hf_http_call *call)
{
    call->state = CALL_RUNNING;
    if (curl_multi_add_handle(call->pool->multi, call->easy) != CURLM_OK) {
        struct hf_error err = HF_ERROR_INIT;
        (void)hf_error_set(&err, HF_ENOMEM, "%s %s: can't be started", call->method, call->origin);
        return finish(call, &err);
    }
    return true;
}

static bool start_waiting(struct hf_http *http)
{
    while (http->first_waiting) {
        struct hf_http_call *call = http->first_waiting;
        http->first_waiting = call->next_queued;
        if (!http->first_waiting) {
            http->last_waiting = &http->first_waiting;
        }
        if (call->state == CALL_CANCELLED) {
            free_call(call);
            continue;
        }
        struct pool *pool = call->pool;
        bool last_of_pool = !http->first_waiting || http->first_waiting->pool != pool;
        if (!launch(call) || (last_of_pool && !drive(pool, CURL_SOCKET_TIMEOUT, 0))) {
            return false;
        }
    }
    return true;
}

static void on_queue(void *ctx)
{
    struct hf_http *http = ctx;
    enter(http);
    release_cancelled(http);
    if (start_waiting(http)) {
        sweep_pools(http);
    }
    (void)leave(http);
}

static void on_upkeep(void *ctx)
{
    struct hf_http *http = ctx;
    for (struct pool *pool = http->pools; pool; pool = pool->next) {
        (void)curl_easy_upkeep(pool->keeper);
    }
    sweep_pools(http);
    hf_timer_set(http->upkeep_timer, UPKEEP_EVERY_MS);
}

int hf_http_start(struct hf_http *http, const struct hf_http_request *request, hf_http_data_fn on_data,
                  hf_http_done_fn on_done, void *ctx, struct hf_http_call **out, struct hf_error *err)
{
    struct url_parts parts;
    const char *server_name = request->server ? request->server->server_name : NULL;
    if (url_split(request->url, server_name, &parts, err) != 0) {
        return -1;
    }
    struct hf_http_call *call = hf_calloc(1, sizeof *call);
    if (!call) {
        url_parts_free(&parts);
        return hf_error_set(err, HF_ENOMEM, "prepare an HTTP request: out of memory");
    }
    *call = (struct hf_http_call){.http = http,
                                  .on_open = request->on_open,
                                  .on_data = on_data,
                                  .on_done = on_done,
                                  .ctx = ctx,
                                  .idle_timeout_ms = request->idle_timeout_ms,
                                  .last_byte_ms = hf_mono_ms(),
                                  .retry_after_ms = -1,
                                  .next = http->calls};
    if (call->next) {
        call->next->prev = call;
    }
    http->calls = call;
    http->stats.active++;
    call->idle_timer = hf_timer_new(http->loop, on_idle, call);
    bool ok = call->idle_timer || hf_error_set(err, HF_ENOMEM, "prepare an HTTP request: out of memory") == 0;
    ok = ok && call_prepare(call, request, http->user_agent, &parts, err) == 0;
    struct pool *pool = ok ? find_pool(http, parts.origin, request->server && request->server->separate, err) : NULL;
    url_parts_free(&parts);
    if (!pool) {
        free_call(call);
        return -1;
    }
    call->pool = pool;
    pool->active++;
    *http->last_waiting = call;
    http->last_waiting = &call->next_queued;
    if (call->idle_timeout_ms > 0) {
        hf_timer_set(call->idle_timer, call->idle_timeout_ms);
    }
    http->stats.requests++;
    hf_timer_set(http->queue_timer, 0);
    if (out) {
        *out = call;
    }
    return 0;
}

void hf_http_cancel(struct hf_http_call *call)
{
    if (call->state == CALL_RUNNING) {
        call->next_queued = call->http->cancelled;
        call->http->cancelled = call;
    } else if (call->state != CALL_WAITING) {
        return;
    }
    call->state = CALL_CANCELLED;
    hf_timer_clear(call->idle_timer);
    hf_timer_set(call->http->queue_timer, 0);
}

struct hf_http *hf_http_new(struct hf_loop *loop, const char *user_agent, struct hf_error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)hf_error_set(err, HF_EIO, "start libcurl: it refused");
        return NULL;
    }
    struct hf_http *http = hf_calloc(1, sizeof *http);
    if (http) {
        http->loop = loop;
        http->last_waiting = &http->first_waiting;
        http->user_agent = hf_strdup(user_agent);
        http->queue_timer = hf_timer_new(loop, on_queue, http);
        http->upkeep_timer = hf_timer_new(loop, on_upkeep, http);
        if (http->user_agent && http->queue_timer && http->upkeep_timer) {
            hf_timer_set(http->upkeep_timer, UPKEEP_EVERY_MS);
            return http;
        }
        destroy(http);
    } else {
        curl_global_cleanup();
    }
    (void)hf_error_set(err, HF_ENOMEM, "make an HTTP client: out of memory");
    return NULL;
}

static void destroy(struct hf_http *http)
{
    while (http->calls) {
        struct hf_http_call *call = http->calls;
        if (call->pool && call->state != CALL_WAITING) {
            (void)curl_multi_remove_handle(call->pool->multi, call->easy);
        }
        free_call(call);
    }
    while (http->pools) {
        struct pool *next = http->pools->next;
        free_pool(http->pools);
        http->pools = next;
    }
    hf_timer_free(http->queue_timer);
    hf_timer_free(http->upkeep_timer);
    free(http->user_agent);
    free(http);
    curl_global_cleanup();
}

void hf_http_free(struct hf_http *http)
{
    if (!http) {
        return;
    }
    http->closing = true;
    for (struct hf_http_call *call = http->calls; call; call = call->next) {
        hf_http_cancel(call);
    }
    if (http->depth == 0) {
        destroy(http);
    }
}

void hf_http_stats(const struct hf_http *http, struct hf_http_stats *out)
{
    *out = http->stats;
}
