#include "server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_UPLOAD (4u << 20)
#define BLOCK (64u << 10)

struct client {
    struct client *next;
    int fd;
};

/* One request and its answer. */
struct exchange {
    struct exchange *next; /* of those held back */
    struct server *server;
    struct MHD_Connection *connection;
    struct sim_request request;
    struct sim_response response;
    struct hf_buf upload;
    bool started; /* the request's head was read */
    bool suspended;
    bool waited; /* was held back already */
    int64_t due;
};

static void resume(void *ctx)
{
    struct exchange *exchange = ctx;
    if (exchange->suspended) {
        exchange->suspended = false;
        exchange->server->woken = true;
        MHD_resume_connection(exchange->connection);
    }
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static enum MHD_Result add_parameter(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct sim_request *request = ctx;
    (void)kind;
    if (request->parameter_count < SIM_MOST_PARAMETERS) {
        request->parameters[request->parameter_count++] = (struct sim_parameter){name, value};
    }
    return MHD_YES;
}

static struct exchange *new_exchange(struct server *server, struct MHD_Connection *connection)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct exchange *exchange = arena ? hf_arena_alloc(arena, sizeof *exchange) : NULL;
    if (!exchange) {
        hf_arena_free(arena);
        return NULL;
    }
    exchange->server = server;
    exchange->connection = connection;
    exchange->request.work.arena = arena;
    exchange->upload.limit = MOST_UPLOAD;
    return exchange;
}

static void fill_request(struct exchange *exchange, const char *method, const char *path)
{
    struct sim_request *request = &exchange->request;
    request->method = method;
    request->path = path;
    request->content_type = header(exchange->connection, "Content-Type");
    request->accept = header(exchange->connection, "Accept");
    request->user_agent = header(exchange->connection, "User-Agent");
    request->authorization = header(exchange->connection, "Authorization");
    request->body = hf_buf_text(&exchange->upload);
    request->body_len = exchange->upload.len;
    request->parameter_count = 0;
    MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, add_parameter, request);
}

static ssize_t read_watch(void *ctx, uint64_t at, char *out, size_t max)
{
    struct exchange *exchange = ctx;
    (void)at;
    long len = sim_watch_read(exchange->response.watch, out, max);
    if (len == -1) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (len < 0) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (len == 0) {
        exchange->suspended = true;
        MHD_suspend_connection(exchange->connection);
    }
    return len;
}

static ssize_t read_truncated(void *ctx, uint64_t at, char *out, size_t max)
{
    struct exchange *exchange = ctx;
    size_t end = exchange->response.truncate;
    if (at >= end) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t len = end - at < max ? end - at : max;
    memcpy(out, exchange->response.body.ptr + at, len);
    return (ssize_t)len;
}

static struct MHD_Response *make_body(struct exchange *exchange)
{
    struct sim_response *answer = &exchange->response;
    if (answer->watch) {
        answer->watch->wake = resume;
        answer->watch->ctx = exchange;
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_watch, exchange, NULL);
    }
    if (answer->truncate > 0) {
        return MHD_create_response_from_callback(answer->body.len, BLOCK, read_truncated, exchange, NULL);
    }
    size_t len = answer->body.len;
    char *bytes = hf_buf_take(&answer->body);
    if (!bytes) {
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(bytes);
    }
    return response;
}

static enum MHD_Result send_answer(struct exchange *exchange)
{
    struct sim_response *answer = &exchange->response;
    if (answer->close) {
        return MHD_NO;
    }
    struct MHD_Response *response = make_body(exchange);
    if (!response) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", answer->content_type);
    MHD_add_response_header(response, "Cache-Control", "no-cache, private");
    if (answer->retry_after) {
        MHD_add_response_header(response, "Retry-After", answer->retry_after);
    }
    enum MHD_Result result = MHD_queue_response(exchange->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* true: not now; the connection sleeps until the answer is due. */
static bool hold_back(struct exchange *exchange)
{
    struct sim *sim = &exchange->server->sim;
    int64_t delay = exchange->waited ? 0 : sim_fault_delay(sim, &exchange->request);
    if (delay == 0) {
        return false;
    }
    exchange->waited = true;
    exchange->due = sim->clock() + delay;
    exchange->next = exchange->server->held;
    exchange->server->held = exchange;
    exchange->suspended = true;
    MHD_suspend_connection(exchange->connection);
    return true;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **slot)
{
    struct server *server = ctx;
    struct exchange *exchange = *slot;
    (void)version;
    if (!exchange) {
        exchange = new_exchange(server, connection);
        *slot = exchange;
        return exchange ? MHD_YES : MHD_NO;
    }
    if (*upload_len > 0) {
        hf_buf_add(&exchange->upload, upload, *upload_len);
        *upload_len = 0;
        return exchange->upload.failed ? MHD_NO : MHD_YES;
    }
    fill_request(exchange, method, url);
    if (hold_back(exchange)) {
        return MHD_YES;
    }
    sim_handle(&server->sim, &exchange->request, &exchange->response);
    return send_answer(exchange);
}

static void forget_held(struct server *server, const struct exchange *exchange)
{
    for (struct exchange **link = &server->held; *link; link = &(*link)->next) {
        if (*link == exchange) {
            *link = exchange->next;
            return;
        }
    }
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode how)
{
    struct server *server = ctx;
    struct exchange *exchange = *slot;
    (void)connection;
    (void)how;
    if (!exchange) {
        return;
    }
    forget_held(server, exchange);
    if (exchange->response.watch) {
        sim_watch_drop(&server->sim, exchange->response.watch);
    }
    hf_buf_free(&exchange->response.body);
    hf_buf_free(&exchange->upload);
    *slot = NULL;
    hf_arena_free(exchange->request.work.arena);
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *server = ctx;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct client *client = info ? hf_calloc(1, sizeof *client) : NULL;
        if (client) {
            *client = (struct client){server->clients, info->connect_fd};
            server->clients = client;
        }
        *slot = client;
        return;
    }
    for (struct client **link = &server->clients; *link; link = &(*link)->next) {
        if (*link == *slot) {
            struct client *client = *link;
            *link = client->next;
            free(client);
            break;
        }
    }
}

void server_accept(struct server *server)
{
    struct sockaddr_storage address;
    for (;;) {
        socklen_t len = sizeof address;
        int fd = accept4(server->listener, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int on = 1;
        if (fd < 0) {
            return;
        }
        if (sim_fault_drops(&server->sim)) {
            close(fd);
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)MHD_add_connection(server->daemon, fd, (struct sockaddr *)&address, len); /* closes fd when it fails */
    }
}

static void resume_due(struct server *server, int64_t now, int64_t *next)
{
    struct exchange **link = &server->held;
    while (*link) {
        struct exchange *exchange = *link;
        if (exchange->due > now) {
            *next = exchange->due < *next ? exchange->due : *next;
            link = &exchange->next;
            continue;
        }
        *link = exchange->next;
        resume(exchange);
    }
}

static void drop_clients(struct server *server)
{
    sim_watch_cut(&server->sim);
    for (struct client *client = server->clients; client; client = client->next) {
        shutdown(client->fd, SHUT_RDWR);
    }
}

/* Begins and ends the time in which nothing can be reached. */
static void turn_drop(struct server *server, int64_t *next)
{
    struct sim_faults *faults = &server->sim.faults;
    struct hf_error err = HF_ERROR_INIT;
    bool dropping = sim_fault_drops(&server->sim);
    if (dropping && !server->dropping) {
        if (faults->refuse) {
            close(server->listener);
            server->listener = -1;
        }
        drop_clients(server);
    }
    if (!dropping && server->listener < 0) {
        server->listener = sim_listen(server->sim.options->listen, server->port, &server->port, &err);
        *next = server->listener < 0 ? server->sim.clock() + 50 : *next;
    }
    if (dropping) {
        *next = faults->drop_until < *next ? faults->drop_until : *next;
    }
    server->dropping = dropping;
}

int64_t server_tick(struct server *server)
{
    int64_t next = sim_tick(&server->sim);
    turn_drop(server, &next);
    resume_due(server, server->sim.clock(), &next);
    return next;
}

int server_open(struct server *server, const struct hf_sim_options *options, struct hf_error *err)
{
    *server = (struct server){.listener = -1};
    if (sim_open(&server->sim, options, err) != 0) {
        return -1;
    }
    server->listener = sim_listen(options->listen, 0, &server->port, err);
    if (server->listener < 0) {
        sim_close(&server->sim);
        return -1;
    }
    server->daemon = MHD_start_daemon(MHD_ALLOW_SUSPEND_RESUME | MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL,
                                      NULL, on_request, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                                      MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
                                      900u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(128u << 10), MHD_OPTION_END);
    if (!server->daemon) {
        close(server->listener);
        sim_close(&server->sim);
        return hf_error_set(err, HF_EIO, "libmicrohttpd does not start");
    }
    return 0;
}

void server_close(struct server *server)
{
    sim_watch_cut(&server->sim);
    while (server->held) {
        struct exchange *exchange = server->held;
        server->held = exchange->next;
        exchange->response.close = true;
        resume(exchange);
    }
    (void)MHD_run(server->daemon);
    MHD_stop_daemon(server->daemon);
    while (server->clients) {
        struct client *client = server->clients;
        server->clients = client->next;
        free(client);
    }
    if (server->listener >= 0) {
        close(server->listener);
    }
    sim_close(&server->sim);
}
