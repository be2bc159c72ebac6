/* The port and the loop of the simulated ConfigHub. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "holdfast/http.h"
#include "hub.h"

#define KEEP_MS 200

struct port {
    struct hub *hub;
    struct MHD_Daemon *daemon;
    struct hf_watch_fd *watch;
    struct hf_timer *turn; /* libmicrohttpd's own time limits */
    struct hf_timer *keep;
    unsigned number;
    struct exchange *held; /* answers that are held back */
};

struct exchange {
    struct port *port;
    struct MHD_Connection *connection;
    struct hf_buf upload;
    struct hub_call call;
    struct hf_timer *delay;
    bool waited;
    struct exchange *next_held;
    size_t cut; /* 0: the answer is whole */
};

static void turn(struct port *port)
{
    MHD_UNSIGNED_LONG_LONG timeout;
    (void)MHD_run(port->daemon);
    if (MHD_get_timeout(port->daemon, &timeout) == MHD_YES) {
        hf_timer_set(port->turn, (int64_t)timeout);
    }
}

static void on_ready(void *ctx, int fd, unsigned events)
{
    (void)fd;
    (void)events;
    turn(ctx);
}

static void on_turn(void *ctx)
{
    turn(ctx);
}

static void on_keep(void *ctx)
{
    struct port *port = ctx;
    struct hf_error err = HF_ERROR_INIT;
    if (hub_keep(port->hub, &err) != 0) {
        fprintf(stderr, "holdfast-sim hub: %s\n", err.text);
    }
    hf_timer_set(port->keep, KEEP_MS);
}

static const char *parameter(const struct hub_call *call, const char *name)
{
    const struct exchange *exchange = call->ctx;
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static ssize_t read_cut(void *ctx, uint64_t at, char *out, size_t max)
{
    const struct exchange *exchange = ctx;
    if (at >= exchange->cut) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t len = exchange->cut - at < max ? exchange->cut - at : max;
    memcpy(out, exchange->call.out.ptr + at, len);
    return (ssize_t)len;
}

static enum MHD_Result send_answer(struct exchange *exchange)
{
    struct hub_call *call = &exchange->call;
    int64_t number;
    size_t len = call->out.len;
    if (hub_fault(call->hub, HUB_FAULT_JUNK, call->path, &number, NULL)) {
        hf_buf_clear(&call->out);
        while (call->out.len < (size_t)number << 20 && hf_buf_ok(&call->out)) {
            hf_buf_adds(&call->out, "<html>this is not what you have asked for ");
        }
        len = call->out.len;
    }
    if (hub_fault(call->hub, HUB_FAULT_TRUNCATE, call->path, &number, NULL)) {
        exchange->cut = (size_t)number < len ? (size_t)number : len / 2;
    }
    call->hub->bytes_out += len;
    struct MHD_Response *response =
        exchange->cut > 0
            ? MHD_create_response_from_callback(len, 65536, read_cut, exchange, NULL)
            : MHD_create_response_from_buffer(len, (void *)(uintptr_t)hf_buf_text(&call->out), MHD_RESPMEM_MUST_COPY);
    if (!response) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", call->type ? call->type : "application/json");
    if (call->retry_after >= 0) {
        char text[24];
        (void)snprintf(text, sizeof text, "%lld", (long long)call->retry_after);
        MHD_add_response_header(response, "Retry-After", text);
    }
    enum MHD_Result result = MHD_queue_response(exchange->connection, (unsigned)call->status, response);
    MHD_destroy_response(response);
    return result;
}

static void let_go(struct exchange *exchange)
{
    struct exchange **link = &exchange->port->held;
    while (*link != exchange) {
        link = &(*link)->next_held;
    }
    *link = exchange->next_held;
    MHD_resume_connection(exchange->connection);
}

static void on_delay(void *ctx)
{
    struct exchange *exchange = ctx;
    let_go(exchange);
    turn(exchange->port);
}

static bool hold_back(struct exchange *exchange, const char *path)
{
    int64_t delay;
    if (exchange->waited || !hub_fault(exchange->port->hub, HUB_FAULT_SLOW, path, &delay, NULL)) {
        return false;
    }
    exchange->waited = true;
    exchange->delay = hf_timer_new(exchange->port->hub->loop, on_delay, exchange);
    if (!exchange->delay) {
        return false;
    }
    MHD_suspend_connection(exchange->connection);
    exchange->next_held = exchange->port->held;
    exchange->port->held = exchange;
    hf_timer_set(exchange->delay, delay);
    return true;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **slot)
{
    struct port *port = ctx;
    struct exchange *exchange = *slot;
    (void)version;
    if (!exchange) {
        exchange = hf_calloc(1, sizeof *exchange);
        *slot = exchange;
        if (exchange) {
            exchange->port = port;
            exchange->connection = connection;
            exchange->upload.limit = HUB_MOST_DATA * 2;
        }
        return exchange ? MHD_YES : MHD_NO;
    }
    if (*upload_len > 0) {
        hf_buf_add(&exchange->upload, upload, *upload_len);
        *upload_len = 0;
        return exchange->upload.failed ? MHD_NO : MHD_YES;
    }
    /* The worker's sign-in and what /sim offers stand beside /api. */
    const char *path = strncmp(url, "/api/", 5) == 0                                     ? url + 4
                       : strncmp(url, "/auth/", 6) == 0 || strncmp(url, "/sim/", 5) == 0 ? url
                                                                                         : "/";
    if (hold_back(exchange, path)) {
        return MHD_YES;
    }
    exchange->call.hub = port->hub;
    exchange->call.method = method;
    exchange->call.path = path;
    exchange->call.authorization = header(connection, "Authorization");
    exchange->call.content_type = header(connection, "Content-Type");
    exchange->call.body = hf_buf_text(&exchange->upload);
    exchange->call.body_len = exchange->upload.len;
    exchange->call.parameter = parameter;
    exchange->call.ctx = exchange;
    hub_handle(&exchange->call);
    return send_answer(exchange);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode how)
{
    struct exchange *exchange = *slot;
    (void)ctx;
    (void)connection;
    (void)how;
    if (exchange) {
        hf_timer_free(exchange->delay);
        hf_buf_free(&exchange->upload);
        hf_buf_free(&exchange->call.out);
        free(exchange);
        *slot = NULL;
    }
}

static void on_signal(void *ctx, int signal_number)
{
    struct hub *hub = ctx;
    (void)signal_number;
    hf_loop_stop(hub->loop);
}

static int listen_on(const char *address, unsigned *number, struct hf_error *err)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t len = sizeof name;
    char host[40];
    int64_t port;
    int on = 1;
    const char *colon = strrchr(address, ':');
    (void)snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - address) : 0, address);
    if (!colon || inet_pton(AF_INET, host, &name.sin_addr) != 1 || strncmp(host, "127.", 4) != 0 ||
        !hf_parse_int(hf_slice_of(colon + 1), 0, 65535, &port)) {
        return hf_error_set(err, HF_EINVAL, "--listen: found \"%s\", expected a loopback address as 127.0.0.1:0",
                            address);
    }
    name.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&name, sizeof name) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) != 0) {
        int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        return hf_error_errno(err, HF_EIO, why, "listen on %s", address);
    }
    *number = ntohs(name.sin_port);
    return fd;
}

static int open_port(struct port *port, struct hub *hub, struct hf_error *err)
{
    port->hub = hub;
    int fd = listen_on(hub->options->listen, &port->number, err);
    if (fd < 0) {
        return -1;
    }
    port->turn = hf_timer_new(hub->loop, on_turn, port);
    port->keep = hf_timer_new(hub->loop, on_keep, port);
    port->daemon = MHD_start_daemon(MHD_ALLOW_SUSPEND_RESUME | MHD_USE_EPOLL, 0, NULL, NULL, on_request, port,
                                    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, port,
                                    MHD_OPTION_CONNECTION_LIMIT, 500u, MHD_OPTION_END);
    if (!port->daemon || !port->turn || !port->keep) {
        return hf_error_set(err, HF_EIO, "libmicrohttpd does not start");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(port->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    port->watch = info ? hf_loop_add_fd(hub->loop, info->epoll_fd, HF_READ, on_ready, port, err) : NULL;
    if (!port->watch) {
        return -1;
    }
    hf_timer_set(port->keep, KEEP_MS);
    return 0;
}

static void close_port(struct port *port)
{
    hf_loop_remove_fd(port->hub->loop, port->watch);
    while (port->held) {
        let_go(port->held); /* the daemon can't be stopped while one is held back */
    }
    if (port->daemon) {
        MHD_stop_daemon(port->daemon);
    }
    hf_timer_free(port->turn);
    hf_timer_free(port->keep);
}

static int tell_address(const struct hub *hub, unsigned number, struct hf_error *err)
{
    printf("listening http://127.0.0.1:%u/api\n", number);
    (void)fflush(stdout);
    if (!hub->options->write_url) {
        return 0;
    }
    FILE *file = fopen(hub->options->write_url, "we");
    if (!file || fprintf(file, "http://127.0.0.1:%u/api\n", number) < 0 || fclose(file) != 0) {
        return hf_error_errno(err, HF_EIO, errno, "write %s", hub->options->write_url);
    }
    return 0;
}

static int open_hub(struct hub *hub, struct port *port, struct hf_error *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    hub->loop = hf_loop_new(err);
    if (!hub->loop || hf_loop_signals(hub->loop, &signals, on_signal, hub, err) != 0) {
        return -1;
    }
    hub->log = hf_log_new(STDERR_FILENO, HF_WARN, HF_LOGFMT);
    hub->http = hf_http_new(hub->loop, "confighub-worker/holdfast-sim", err);
    if (!hub->log || !hub->http || hub_state_open(hub, err) != 0 || hub_worker_open(hub, err) != 0) {
        return -1;
    }
    return open_port(port, hub, err);
}

int hf_hub_serve(const struct hf_hub_options *options, struct hf_error *err)
{
    struct hub hub = {.options = options, .random = options->seed * 2 + 1};
    struct port port = {.hub = &hub};
    (void)signal(SIGPIPE, SIG_IGN);
    int result = open_hub(&hub, &port, err);
    if (result == 0) {
        result = tell_address(&hub, port.number, err);
    }
    if (result == 0) {
        result = hf_loop_run(hub.loop, err);
    }
    if (result == 0) {
        result = hub_keep(&hub, err);
    }
    if (hub.loop) {
        close_port(&port);
        hub_worker_close(&hub);
        hf_http_free(hub.http);
        hf_loop_free(hub.loop);
    }
    hf_log_free(hub.log);
    hub_state_close(&hub);
    return result;
}
