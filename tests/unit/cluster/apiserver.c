#include "apiserver.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "holdfast/clock.h"

#define MOST_REQUEST 65536

struct connection {
    struct apiserver *server;
    int fd;
};

static bool stopping(struct apiserver *server)
{
    pthread_mutex_lock(&server->lock);
    bool stop = server->stop;
    pthread_mutex_unlock(&server->lock);
    return stop;
}

static void put(struct exchange *exchange, const char *bytes, size_t len)
{
    while (len > 0 && !exchange->over) {
        ssize_t sent = send(exchange->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            exchange->over = true;
            return;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
}

bool stay(struct exchange *exchange, int ms)
{
    for (int64_t until = hf_mono_ms() + ms; hf_mono_ms() < until;) {
        struct pollfd poll_fd = {.fd = exchange->fd, .events = POLLIN};
        if (poll(&poll_fd, 1, 10) != 0 || stopping(exchange->server)) {
            return false;
        }
    }
    return true;
}

bool target_has(const struct exchange *exchange, const char *piece)
{
    return strstr(exchange->target, piece) != NULL;
}

bool target_is(const struct exchange *exchange, const char *path)
{
    size_t len = strcspn(exchange->target, "?");
    return len == strlen(path) && strncmp(exchange->target, path, len) == 0;
}

void answer(struct exchange *exchange, int status, const char *headers, const char *body)
{
    hf_auto_buf struct hf_buf out = {0};
    hf_buf_addf(&out, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n", status,
                strlen(body), headers);
    hf_buf_adds(&out, body);
    put(exchange, out.ptr, out.len);
}

void answer_status(struct exchange *exchange, int status, const char *reason, const char *message)
{
    hf_auto_buf struct hf_buf body = {0};
    hf_buf_addf(&body,
                "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"%s\","
                "\"reason\":\"%s\",\"code\":%d}",
                message, reason, status);
    answer(exchange, status, "", hf_buf_text(&body));
}

void stream_begin(struct exchange *exchange)
{
    const char *head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    put(exchange, head, strlen(head));
}

void stream(struct exchange *exchange, const char *bytes)
{
    hf_auto_buf struct hf_buf out = {0};
    hf_buf_addf(&out, "%zx\r\n%s\r\n", strlen(bytes), bytes);
    put(exchange, out.ptr, out.len);
}

void stream_end(struct exchange *exchange)
{
    put(exchange, "0\r\n\r\n", 5);
}

void cut(struct exchange *exchange)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(exchange->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    exchange->over = true;
}

static unsigned remember(struct apiserver *server, const struct exchange *exchange)
{
    pthread_mutex_lock(&server->lock);
    unsigned number = server->count;
    if (number < MOST_REQUESTS) {
        server->requests[number] =
            (struct request){hf_strdup(exchange->method), hf_strdup(exchange->target), hf_strdup(exchange->headers),
                             hf_strdup(exchange->body), hf_mono_ms()};
        server->count++;
    }
    pthread_mutex_unlock(&server->lock);
    return number;
}

/* Reads until the head and the body are whole. False when the client has gone. */
static bool take(struct connection *connection, char *bytes, size_t *len, char **body, size_t *body_len)
{
    for (;;) {
        bytes[*len] = '\0';
        char *end = strstr(bytes, "\r\n\r\n");
        if (end) {
            const char *length = strcasestr(bytes, "Content-Length:");
            *body_len = length && length < end ? (size_t)strtoul(length + 15, NULL, 10) : 0;
            *body = end + 4;
            if ((size_t)(bytes + *len - *body) >= *body_len) {
                *end = '\0';
                return true;
            }
        }
        struct pollfd poll_fd = {.fd = connection->fd, .events = POLLIN};
        while (poll(&poll_fd, 1, 20) == 0) {
            if (stopping(connection->server)) {
                return false;
            }
        }
        ssize_t got = recv(connection->fd, bytes + *len, MOST_REQUEST - *len - 1, 0);
        if (got <= 0) {
            return false;
        }
        *len += (size_t)got;
    }
}

static bool one_exchange(struct connection *connection)
{
    hf_auto_free char *bytes = hf_calloc(1, MOST_REQUEST);
    size_t len = 0, body_len = 0;
    char *body = NULL;
    if (!take(connection, bytes, &len, &body, &body_len)) {
        return false;
    }
    body[body_len] = '\0';
    char *method_end = strchr(bytes, ' ');
    char *target_end = method_end ? strchr(method_end + 1, ' ') : NULL;
    if (!target_end) {
        return false;
    }
    char *headers = strstr(target_end + 1, "\r\n");
    *method_end = *target_end = '\0';
    struct exchange exchange = {.server = connection->server,
                                .fd = connection->fd,
                                .method = bytes,
                                .target = method_end + 1,
                                .headers = headers ? headers : "",
                                .body = body};
    exchange.number = remember(connection->server, &exchange);
    connection->server->serve(&exchange, connection->server->ctx);
    return !exchange.over;
}

static void *run_connection(void *ctx)
{
    struct connection *connection = ctx;
    while (one_exchange(connection)) {
    }
    close(connection->fd);
    pthread_mutex_lock(&connection->server->lock);
    connection->server->connections--;
    pthread_cond_signal(&connection->server->changed);
    pthread_mutex_unlock(&connection->server->lock);
    free(connection);
    return NULL;
}

static void *run_listener(void *ctx)
{
    struct apiserver *server = ctx;
    while (!stopping(server)) {
        struct pollfd poll_fd = {.fd = server->listener, .events = POLLIN};
        if (poll(&poll_fd, 1, 20) <= 0) {
            continue;
        }
        struct connection *connection = hf_calloc(1, sizeof *connection);
        connection->server = server;
        connection->fd = accept(server->listener, NULL, NULL);
        pthread_t thread;
        pthread_mutex_lock(&server->lock);
        server->connections++;
        pthread_mutex_unlock(&server->lock);
        pthread_create(&thread, NULL, run_connection, connection);
        pthread_detach(thread);
    }
    return NULL;
}

struct apiserver *apiserver_start(int port, serve_fn serve, void *ctx)
{
    struct apiserver *server = hf_calloc(1, sizeof *server);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int on = 1;
    server->serve = serve;
    server->ctx = ctx;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(server->listener, 64), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&server->thread, NULL, run_listener, server), 0);
    return server;
}

void apiserver_stop(struct apiserver *server)
{
    pthread_mutex_lock(&server->lock);
    server->stop = true;
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    close(server->listener);
    pthread_mutex_lock(&server->lock);
    while (server->connections > 0) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
    for (unsigned i = 0; i < server->count; i++) {
        free(server->requests[i].method);
        free(server->requests[i].target);
        free(server->requests[i].headers);
        free(server->requests[i].body);
    }
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
    free(server);
}

const struct request *apiserver_request(struct apiserver *server, unsigned n)
{
    static const struct request none = {"", "", "", "", 0};
    return n < apiserver_count(server) ? &server->requests[n] : &none;
}

unsigned apiserver_count(struct apiserver *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned count = server->count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

unsigned apiserver_count_of(struct apiserver *server, const char *target)
{
    unsigned count = 0;
    for (unsigned i = 0; i < apiserver_count(server); i++) {
        count += strncmp(server->requests[i].target, target, strlen(target)) == 0;
    }
    return count;
}

bool has(const char *text, const char *piece)
{
    return strcasestr(text, piece) != NULL;
}
