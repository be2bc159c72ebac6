#include "server.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "door.h"
#include "holdfast/mem.h"
#include "hook.h"
#include "listen.h"
#include "post.h"
#include "works.h"

#define THREADS 2
#define CONNECTIONS 256
#define STREAMS 64
#define PER_ADDRESS 64
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
    bool headed;     /* the headers have been told */
    bool is_counted; /* as a request of its address; it may be looked at again after a sleep */
    struct hf_review_sleep sleep;
    struct hf_hook_call *hook; /* its body is being taken; NULL: it is no such request */
    struct hf_post *post;      /* the same for a login or an action */
    struct hf_job *job;        /* a thread answers it, or has; NULL: none */
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
    struct hf_door *door = ctx;
    struct exchange *exchange = *slot;
    (void)code;
    hf_line_phase(door->serve, connection, HF_PHASE_HEAD);
    if (exchange) {
        hf_review_leave(door->serve->guard.reviews, &exchange->sleep);
        hf_hook_free(exchange->hook);
        hf_post_free(exchange->post);
        hf_job_free(exchange->job);
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

void hf_door_callbacks(struct hf_door *door, struct MHD_OptionItem *options)
{
    options[0] = (struct MHD_OptionItem){MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)keep_target, door};
    options[1] = (struct MHD_OptionItem){MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)drop_target, door};
    options[2] = (struct MHD_OptionItem){MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escaped, NULL};
    options[3] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

/* RFC 9112, 3.2.2: a client may send the absolute form; the Host header has been checked. */
static const char *origin_form(const char *target)
{
    size_t scheme = strncmp(target, "http://", 7) == 0 ? 7 : strncmp(target, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0) {
        return target;
    }
    const char *rest = target + scheme;
    const char *path = rest + strcspn(rest, "/?");
    return *path == '/' ? path : "/";
}

/* What reads the trail is handed to a thread of its own. False: it is to be answered at once, or there is a problem. */
static bool hand_over(struct hf_request *request, struct hf_query *query, const struct hf_route *route,
                      struct exchange *exchange, struct hf_answer *answer)
{
    struct hf_serve *serve = request->serve;
    /* With a body under way an answer must come at once, and an old door does not wait for long. */
    if (!route->reads_trail || !exchange->headed || hf_doors_is_old(serve->doors, request->door)) {
        return false;
    }
    struct hf_job *job = hf_calloc(1, sizeof *job);
    if (!job) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
        return false;
    }
    job->request = *request;
    job->query = *query;
    job->request.query = &job->query;
    job->route = route;
    exchange->job = job;
    hf_line_phase(serve, request->connection, HF_PHASE_ANSWER);
    if (hf_works_add(serve->works, job)) {
        memset(query, 0, sizeof *query);
        request->view = NULL;
        return true;
    }
    exchange->job = NULL;
    free(job);
    answer->retry_after_s = 2;
    hf_answer_problem(answer, 503, "Too much is asked of the trail at once.");
    return false;
}

/* False: a thread answers it, and its connection waits. */
static bool answer_request(struct hf_request *request, const char *method, struct exchange *exchange,
                           struct hf_answer *answer)
{
    struct hf_query query = {.path = ""};
    struct hf_error err = HF_ERROR_INIT;
    bool is_handed = false;
    request->is_head = strcmp(method, "HEAD") == 0;
    if (!hf_policy_admit(request, answer)) {
        return true;
    }
    if (strcmp(method, "GET") != 0 && !request->is_head) {
        answer->allow = "GET, HEAD";
        hf_answer_problem(answer, 405, "Only GET and HEAD are answered here.");
        return true;
    }
    if (!exchange) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
        return true;
    }
    if (hf_query_read(&query, origin_form(exchange->target), &err) != 0) {
        unsigned status = err.code == HF_ELIMIT ? 414 : err.code == HF_ENOMEM ? 503 : 400;
        hf_answer_problem(answer, status, "Wrong request: %s.", err.text);
    } else {
        request->query = &query;
        const struct hf_route *route = hf_serve_route(query.path);
        if (hf_policy_read(request, answer)) {
            is_handed = hand_over(request, &query, route, exchange, answer);
            if (!is_handed && answer->status == 0) {
                route->handler(request, answer);
                hf_policy_hide(request, answer);
                hf_answer_encode(request, answer);
            }
        }
        if (answer->stream && request->is_head) {
            answer->stream = false;
        }
    }
    request->query = NULL;
    hf_query_free(&query);
    return !is_handed;
}

/* Nothing asked of here has a body: who sends one is answered before it comes, and the connection is closed. */
static bool brings_body(struct MHD_Connection *connection)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length") ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
}

static enum MHD_Result send_answer(const struct hf_request *request, struct hf_answer *answer)
{
    bool streams = answer->stream;
    struct MHD_Response *response = streams          ? hf_streams_join(request, answer)
                                    : answer->export ? hf_export_response(answer)
                                                     : hf_answer_response(answer);
    enum MHD_Result queued = MHD_NO;
    if (response) {
        if (hf_doors_is_old(request->serve->doors, request->door)) {
            (void)MHD_add_response_header(response, "Connection", "close");
        }
        hf_line_phase(request->serve, request->connection,
                      streams && (answer->status == 0 || answer->status == 200) ? HF_PHASE_STREAM : HF_PHASE_ANSWER);
        queued = MHD_queue_response(request->connection, answer->status ? answer->status : MHD_HTTP_OK, response);
        MHD_destroy_response(response);
    }
    hf_export_free(answer->export);
    answer->export = NULL;
    hf_buf_free(&answer->body);
    hf_wipe(answer->cookie, sizeof answer->cookie);
    return queued;
}

/* The API servers' audit events: the pieces of the body come one by one, and an empty one at its end. */
static enum MHD_Result on_hook(struct hf_request *request, struct exchange *exchange, const char *upload,
                               size_t *upload_size)
{
    struct hf_answer answer = {0};
    if (!exchange->headed) {
        struct hf_rights *rights = hf_guard_rights(&request->serve->guard);
        bool is_ours = hf_guard_host(rights, hf_request_header(request, "Host"), request->serve->host);
        hf_rights_release(rights);
        exchange->headed = true;
        if (!is_ours) {
            hf_answer_problem(&answer, 421, "This server does not answer to this name: see access.hosts.");
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

static bool sleeps(struct hf_request *request, struct exchange *exchange, const struct hf_digest *review)
{
    return hf_review_sleep(request->serve->guard.reviews, &exchange->sleep, request->connection, request->door, review);
}

/* Finds out who asks. True: the connection sleeps meanwhile, and the handler is called again. */
static bool awaits_who(struct hf_request *request, struct exchange *exchange)
{
    struct hf_who *who = &request->who;
    for (int tries = 0; tries < 2; tries++) {
        if (!exchange || !exchange->is_counted) {
            atomic_fetch_add_explicit(&request->serve->requests, 1, memory_order_relaxed);
        }
        hf_guard_who(&request->serve->guard, request->connection, exchange && exchange->is_counted, who);
        if (exchange) {
            exchange->is_counted = true;
        }
        if (!who->must_wait || !exchange || !hf_policy_needs_who(origin_form(exchange->target))) {
            break;
        }
        if (sleeps(request, exchange, &who->review)) {
            return true;
        }
    }
    who->away_s = who->must_wait ? 1 : who->away_s;
    return false;
}

/* The same for a token that was posted. */
static bool awaits_login(struct hf_request *request, struct exchange *exchange, struct hf_answer *answer)
{
    for (int tries = 0; tries < 2; tries++) {
        answer->must_wait = false;
        hf_post_finish(exchange->post, request, answer);
        if (!answer->must_wait) {
            return false;
        }
        if (sleeps(request, exchange, &answer->review)) {
            return true;
        }
    }
    answer->retry_after_s = 1;
    hf_answer_problem(answer, 503, "The cluster can't be asked now whose token this is: try again.");
    return false;
}

/* A login or an action. */
static enum MHD_Result on_post(struct hf_request *request, struct exchange *exchange, const char *upload,
                               size_t *upload_size)
{
    struct hf_answer answer = {0};
    if (!exchange->headed) {
        exchange->headed = true;
        exchange->post = hf_post_begin(request, origin_form(exchange->target), &answer);
        return exchange->post ? MHD_YES : send_answer(request, &answer);
    }
    if (!exchange->post) {
        return MHD_NO;
    }
    if (*upload_size > 0) {
        bool good = hf_post_take(exchange->post, upload, *upload_size);
        *upload_size = 0;
        return good ? MHD_YES : MHD_NO;
    }
    if (awaits_who(request, exchange)) {
        return MHD_YES;
    }
    request->view = hf_views_get(&request->serve->views);
    bool asleep = hf_policy_admit(request, &answer) && awaits_login(request, exchange, &answer);
    hf_view_release(request->view);
    return asleep ? MHD_YES : send_answer(request, &answer);
}

enum MHD_Result hf_door_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **slot)
{
    const struct hf_door *door = ctx;
    struct hf_serve *serve = door->serve;
    struct exchange *exchange = *slot;
    (void)url;
    (void)version;
    struct hf_request request = {.serve = serve, .connection = connection, .now_ms = hf_now_ms(), .door = door->number};
    if (exchange && !exchange->headed) {
        hf_line_phase(serve, connection, HF_PHASE_BODY);
    }
    if (exchange && hf_hook_is(method, exchange->target)) {
        return on_hook(&request, exchange, upload, upload_size);
    }
    if (exchange && strcmp(method, "POST") == 0) {
        return on_post(&request, exchange, upload, upload_size);
    }
    if (exchange && !exchange->headed && !brings_body(connection)) {
        exchange->headed = true; /* an answer at once would close the connection */
        return MHD_YES;
    }
    if (exchange && exchange->job) {
        return send_answer(&exchange->job->request, &exchange->job->answer);
    }
    struct hf_answer answer = {0};
    if (awaits_who(&request, exchange)) {
        return MHD_YES;
    }
    request.view = hf_views_get(&serve->views);
    bool is_made = answer_request(&request, method, exchange, &answer);
    enum MHD_Result queued = is_made ? send_answer(&request, &answer) : MHD_YES;
    hf_view_release(request.view);
    return queued;
}

/* What beyond loopback everybody could read and, with a token seen on the way, do. */
static int check_listen(const struct hf_listen *listen, const struct hf_serve_access *access, struct hf_error *err)
{
    if (hf_listen_is_loopback(listen->host)) {
        return 0;
    }
    if (!access) {
        return hf_error_set(err, HF_EDENIED,
                            "listen on %s: refused, since everyone who reaches that address could read the dashboard: "
                            "set `access` in the config (docs/access.md), or listen on 127.0.0.1 or [::1]",
                            listen->host);
    }
    if (access->anonymous_read) {
        return hf_error_set(err, HF_EDENIED, "listen on %s: refused with access.anonymous: read, which is for loopback",
                            listen->host);
    }
    if (!access->cert_pem && !access->plain_http) {
        return hf_error_set(err, HF_EDENIED,
                            "listen on %s: refused without TLS, since tokens could be read on the way: set access.tls, "
                            "or access.plain_http: true behind a proxy that ends TLS",
                            listen->host);
    }
    return 0;
}

static int start_doors(struct hf_serve *serve, const struct hf_serve_options *options, const struct hf_listen *listen,
                       struct hf_error *err)
{
    const struct hf_serve_access *access = options->access;
    unsigned connections = options->max_connections ? options->max_connections : CONNECTIONS;
    unsigned threads = options->threads ? options->threads : THREADS;
    bool shared = hf_listen_is_loopback(listen->host) || (access && access->proxy_count > 0);
    unsigned usual = shared || connections < PER_ADDRESS ? connections : PER_ADDRESS;
    serve->doors = hf_calloc(1, sizeof *serve->doors);
    if (!serve->doors) {
        close(listen->fd);
        return hf_error_set(err, HF_ENOMEM, "no memory for the server");
    }
    serve->doors->serve = serve;
    serve->doors->listen_fd = listen->fd;
    serve->doors->is_v6 = listen->is_v6;
    serve->doors->threads = threads < connections ? threads : connections;
    serve->doors->connections = connections;
    serve->doors->per_address = options->connections_per_address ? options->connections_per_address : usual;
    serve->doors->idle_s = options->idle_timeout_s ? options->idle_timeout_s : IDLE_S;
    if (hf_doors_begin(serve->doors, access ? access->cert_pem : NULL, access ? access->key_pem : NULL, err) != 0) {
        return hf_error_wrap(err, "%s", listen->address);
    }
    return 0;
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
    if (options->actions) {
        serve->actions = *options->actions;
    }
    if (options->rules) {
        serve->rules = *options->rules;
    }
    if (options->web_folder) {
        serve->web_folder = hf_strdup(options->web_folder);
        if (!serve->web_folder) {
            return hf_error_set(err, HF_ENOMEM, "no memory for the server");
        }
    }
    if (hf_guard_begin(&serve->guard, options->access, serve->address, serve->log, err) != 0 ||
        hf_works_new(&serve->works, err) != 0 ||
        (options->reviewer && hf_reviews_new(options->reviewer, &serve->guard.reviews, err) != 0)) {
        return -1;
    }
    return hf_streams_new(serve, options->max_streams ? options->max_streams : STREAMS, &serve->streams, err);
}

int hf_serve_start(const struct hf_serve_options *options, const struct hf_serve_trail *trail, struct hf_log *log,
                   struct hf_serve **out, struct hf_error *err)
{
    struct hf_listen listen;
    *out = NULL;
    if (hf_listen_anywhere(&listen, options->listen ? options->listen : "127.0.0.1:8484", err) != 0) {
        return -1;
    }
    struct hf_serve *serve = NULL;
    if (check_listen(&listen, options->access, err) != 0) {
        close(listen.fd);
        return -1;
    }
    serve = hf_calloc(1, sizeof *serve);
    if (!serve || hf_views_init(&serve->views, err) != 0) {
        free(serve);
        close(listen.fd);
        return hf_error_set(err, HF_ENOMEM, "no memory for the server");
    }
    serve->log = log;
    if (trail) {
        serve->trail = *trail;
    }
    const char *rest = strstr(listen.address, "://");
    bool is_tls = options->access && options->access->cert_pem;
    memcpy(serve->host, listen.host, sizeof serve->host);
    (void)snprintf(serve->address, sizeof serve->address, "%s%.80s", is_tls ? "https" : "http", rest ? rest : "");
    if (fill(serve, options, err) != 0) {
        close(listen.fd);
        hf_serve_stop(serve);
        return -1;
    }
    if (start_doors(serve, options, &listen, err) != 0) {
        hf_serve_stop(serve);
        return -1;
    }
    hf_log_write(log, HF_INFO, "dashboard", "address", serve->address, NULL);
    *out = serve;
    return 0;
}

int hf_serve_check(const char *listen, const struct hf_serve_access *access, struct hf_error *err)
{
    struct hf_listen parsed;
    struct hf_network network;
    if (hf_listen_read(&parsed, listen, err) != 0 || check_listen(&parsed, access, err) != 0) {
        return -1;
    }
    for (size_t i = 0; access && i < access->proxy_count; i++) {
        if (hf_network_read(access->proxy_addresses[i], &network, err) != 0) {
            return hf_error_wrap(err, "access.proxy.addresses");
        }
    }
    if (access && access->cert_pem && hf_tls_check(access->cert_pem, access->key_pem, err) != 0) {
        return hf_error_wrap(err, "access.tls");
    }
    return 0;
}

int hf_serve_renew(struct hf_serve *serve, const struct hf_serve_access *access, struct hf_error *err)
{
    struct hf_listen listen = {.fd = -1};
    bool was_tls = strncmp(serve->address, "https", 5) == 0;
    bool is_tls = access && access->cert_pem;
    struct hf_serve_access kept = access ? *access : (struct hf_serve_access){0};
    kept.plain_http |= was_tls; /* the certificate of the start goes on */
    memcpy(listen.host, serve->host, sizeof listen.host);
    if (check_listen(&listen, access ? &kept : NULL, err) != 0 || hf_guard_renew(&serve->guard, access, err) != 0) {
        return -1;
    }
    hf_reviews_forget(serve->guard.reviews);
    int result = was_tls && is_tls ? hf_doors_renew(serve->doors, access->cert_pem, access->key_pem, err) : 0;
    hf_streams_kick(serve->streams, hf_doors_newest(serve->doors));
    if (result == 0 && was_tls != is_tls) {
        result = hf_error_set(err, HF_EINVAL, "access.tls: that it is there, or is not, counts from the next start");
    }
    return result;
}

void hf_serve_stop(struct hf_serve *serve)
{
    if (!serve) {
        return;
    }
    if (serve->streams) {
        hf_streams_end(serve->streams);
    }
    hf_reviews_end(serve->guard.reviews);
    if (serve->trail.stop) {
        serve->trail.stop(serve->trail.ctx);
    }
    hf_works_end(serve->works);
    if (serve->doors) {
        hf_doors_end(serve->doors);
        free(serve->doors);
    }
    hf_works_free(serve->works);
    hf_streams_free(serve->streams);
    hf_reviews_free(serve->guard.reviews);
    hf_guard_end(&serve->guard);
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

void hf_serve_reviewed(struct hf_serve *serve, uint64_t ticket, const struct hf_serve_review *review)
{
    if (serve->guard.reviews) {
        hf_reviews_answer(serve->guard.reviews, ticket, review);
        hf_streams_wake(serve->streams, false);
    }
}
