#include "server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holdfast/mem.h"
#include "hook.h"
#include "listen.h"

#define THREADS 2
#define CONNECTIONS 256
#define STREAMS 64
#define CONNECTION_MEMORY ((size_t)32 * 1024)
#define IDLE_S 30
#define STUCK_MS 10000

int64_t hf_serve_stuck_ms(const struct hf_serve *serve)
{
    if (!serve->last_turn_ms) {
        return 0;
    }
    int64_t age = hf_mono_ms() - serve->last_turn_ms(serve->last_turn_ctx);
    return age > STUCK_MS ? age : 0;
}

/* What is kept of a request between its first line and its answer. */
struct exchange {
    bool headed;               /* the headers have been told */
    struct hf_hook_call *hook; /* its body is being taken; NULL: it is no such request */
    char target[];             /* as sent, before libmicrohttpd decodes it */
};

/* NULL (memory): told in answer_request. */
static void *keep_target(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    (void)ctx;
    (void)connection;
    size_t len = strnlen(uri, HF_QUERY_MAX + 1);
    struct exchange *exchange = hf_calloc(1, sizeof *exchange + len + 1);
    if (exchange) {
        memcpy(exchange->target, uri, len);
    }
    return exchange;
}

static void drop_target(void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *slot;
    (void)ctx;
    (void)connection;
    (void)code;
    if (exchange) {
        hf_hook_free(exchange->hook);
    }
    free(exchange);
    *slot = NULL;
}

/* libmicrohttpd's own decoding is left out: hf_query_read decodes. */
static size_t keep_escaped(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx;
    (void)connection;
    return strlen(text);
}

/* RFC 9112, 3.2.2: a client may send the absolute form; the Host header has been checked. */
static const char *origin_form(const char *target)
{
    static const char SCHEME[] = "http://";
    if (strncmp(target, SCHEME, sizeof SCHEME - 1) != 0) {
        return target;
    }
    const char *rest = target + sizeof SCHEME - 1;
    const char *path = rest + strcspn(rest, "/?");
    return *path == '/' ? path : "/";
}

static void answer_request(struct hf_request *request, const char *method, const char *target, struct hf_answer *answer)
{
    struct hf_query query = {.path = ""};
    struct hf_error err = HF_ERROR_INIT;
    if (!hf_host_is_local(hf_request_header(request, "Host"), request->serve->host)) {
        hf_answer_problem(answer, 421, "This server answers to localhost, 127.0.0.1 and [::1] only.");
        return;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer->allow = "GET, HEAD";
        hf_answer_problem(answer, 405, "Only GET and HEAD are answered here.");
        return;
    }
    if (!target) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
        return;
    }
    if (hf_query_read(&query, origin_form(target), &err) != 0) {
        unsigned status = err.code == HF_ELIMIT ? 414 : err.code == HF_ENOMEM ? 503 : 400;
        hf_answer_problem(answer, status, "Wrong request: %s.", err.text);
    } else {
        request->query = &query;
        hf_serve_route(query.path)(request, answer);
        if (answer->stream && strcmp(method, "HEAD") == 0) {
            answer->stream = false;
        }
    }
    request->query = NULL;
    hf_query_free(&query);
}

/* Nothing asked of here has a body: who sends one is answered before it comes, and the connection is closed. */
static bool brings_body(struct MHD_Connection *connection)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length") ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
}

static enum MHD_Result send_answer(const struct hf_request *request, struct hf_answer *answer)
{
    struct MHD_Response *response = answer->stream ? hf_streams_join(request, answer) : hf_answer_response(answer);
    enum MHD_Result queued = MHD_NO;
    if (response) {
        queued = MHD_queue_response(request->connection, answer->status ? answer->status : MHD_HTTP_OK, response);
        MHD_destroy_response(response);
    }
    hf_buf_free(&answer->body);
    return queued;
}

/* The one kind of request that brings a body: its pieces come one by one, and an empty one at its end. */
static enum MHD_Result on_hook(struct hf_request *request, struct exchange *exchange, const char *upload,
                               size_t *upload_size)
{
    struct hf_answer answer = {0};
    if (!exchange->headed) {
        exchange->headed = true;
        if (!hf_host_is_local(hf_request_header(request, "Host"), request->serve->host)) {
            hf_answer_problem(&answer, 421, "This server answers to localhost, 127.0.0.1 and [::1] only.");
            return send_answer(request, &answer);
        }
        exchange->hook = hf_hook_begin(&request->serve->gate, request->connection, exchange->target, &answer);
        return exchange->hook ? MHD_YES : send_answer(request, &answer);
    }
    if (!exchange->hook) {
        return MHD_NO;
    }
    if (*upload_size > 0) {
        bool good = hf_hook_take(exchange->hook, upload, *upload_size);
        *upload_size = 0;
        return good ? MHD_YES : MHD_NO;
    }
    hf_hook_finish(exchange->hook, &answer);
    return send_answer(request, &answer);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **slot)
{
    struct hf_serve *serve = ctx;
    struct exchange *exchange = *slot;
    (void)url;
    (void)version;
    struct hf_request request = {.serve = serve, .connection = connection, .now_ms = hf_now_ms()};
    if (exchange && hf_hook_is(method, exchange->target)) {
        return on_hook(&request, exchange, upload, upload_size);
    }
    if (exchange && !exchange->headed && !brings_body(connection)) {
        exchange->headed = true; /* an answer at once would close the connection */
        return MHD_YES;
    }
    struct hf_answer answer = {0};
    atomic_fetch_add_explicit(&serve->requests, 1, memory_order_relaxed);
    request.view = hf_views_get(&serve->views);
    answer_request(&request, method, exchange ? exchange->target : NULL, &answer);
    enum MHD_Result queued = send_answer(&request, &answer);
    hf_view_release(request.view);
    return queued;
}

static int start_daemon(struct hf_serve *serve, const struct hf_serve_options *options, const struct hf_listen *listen,
                        struct hf_error *err)
{
    unsigned connections = options->max_connections ? options->max_connections : CONNECTIONS;
    unsigned threads = options->threads ? options->threads : THREADS;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (listen->is_v6 ? MHD_USE_IPv6 : 0u);
    sigset_t all;
    sigset_t before;
    if (threads > connections) {
        threads = connections;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    serve->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, serve, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)listen->fd,
                         MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, connections,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
                         options->idle_timeout_s ? options->idle_timeout_s : IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                         MHD_OPTION_URI_LOG_CALLBACK, keep_target, NULL, MHD_OPTION_NOTIFY_COMPLETED, drop_target, NULL,
                         MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL,
                         threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return serve->daemon ? 0 : hf_error_set(err, HF_EIO, "start the HTTP server on %s", listen->address);
}

static int fill(struct hf_serve *serve, const struct hf_serve_options *options, struct hf_error *err)
{
    serve->last_turn_ms = options->last_turn_ms;
    serve->last_turn_ctx = options->last_turn_ctx;
    atomic_init(&serve->requests, 0);
    atomic_init(&serve->gate.open, 0);
    if (options->hook) {
        serve->gate.hook = *options->hook;
    }
    if (options->web_folder) {
        serve->web_folder = hf_strdup(options->web_folder);
        if (!serve->web_folder) {
            return hf_error_set(err, HF_ENOMEM, "no memory for the server");
        }
    }
    return hf_streams_new(serve, options->max_streams ? options->max_streams : STREAMS, &serve->streams, err);
}

int hf_serve_start(const struct hf_serve_options *options, const struct hf_serve_trail *trail, struct hf_log *log,
                   struct hf_serve **out, struct hf_error *err)
{
    struct hf_listen listen;
    *out = NULL;
    if (hf_listen_open(&listen, options->listen ? options->listen : "127.0.0.1:8484", err) != 0) {
        return -1;
    }
    struct hf_serve *serve = hf_calloc(1, sizeof *serve);
    if (!serve || hf_views_init(&serve->views, err) != 0) {
        free(serve);
        close(listen.fd);
        return hf_error_set(err, HF_ENOMEM, "no memory for the server");
    }
    serve->log = log;
    if (trail) {
        serve->trail = *trail;
    }
    memcpy(serve->host, listen.host, sizeof serve->host);
    memcpy(serve->address, listen.address, sizeof serve->address);
    if (fill(serve, options, err) != 0 || start_daemon(serve, options, &listen, err) != 0) {
        close(listen.fd);
        hf_serve_stop(serve);
        return -1;
    }
    hf_log_write(log, HF_INFO, "dashboard", "address", serve->address, NULL);
    *out = serve;
    return 0;
}

void hf_serve_stop(struct hf_serve *serve)
{
    if (!serve) {
        return;
    }
    if (serve->streams) {
        hf_streams_end(serve->streams);
    }
    if (serve->daemon) {
        MHD_stop_daemon(serve->daemon);
    }
    hf_streams_free(serve->streams);
    hf_views_end(&serve->views);
    free(serve->web_folder);
    free(serve);
}

const char *hf_serve_address(const struct hf_serve *serve)
{
    return serve->address;
}

void hf_serve_publish(struct hf_serve *serve, struct hf_view *view)
{
    struct hf_error err = HF_ERROR_INIT;
    if (hf_views_put(&serve->views, view, &err) != 0) {
        hf_log_error(serve->log, HF_WARN, "view not published", &err, NULL);
        return;
    }
    hf_streams_wake(serve->streams, false);
}

void hf_serve_wake(struct hf_serve *serve)
{
    hf_streams_wake(serve->streams, true);
}
