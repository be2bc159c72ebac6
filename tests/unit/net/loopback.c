#include "loopback.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    struct loopback *server;
    int fd;
};

void loopback_send(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t wrote = send(fd, text, len, MSG_NOSIGNAL);
        if (wrote <= 0) {
            return;
        }
        text += wrote;
        len -= (size_t)wrote;
    }
}

void loopback_answer(int fd, int status, const char *headers, const char *body)
{
    char head[4096];
    snprintf(head, sizeof head, "HTTP/1.1 %d Test\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body), headers);
    loopback_send(fd, head);
    loopback_send(fd, body);
}

/* Reads one request; 0 when the client has closed. */
static size_t read_request(int fd, char *out, size_t cap)
{
    size_t len = 0;
    size_t whole = 0;
    while (whole == 0 || len < whole) {
        ssize_t got = recv(fd, out + len, cap - 1 - len, 0);
        if (got <= 0) {
            return 0;
        }
        len += (size_t)got;
        out[len] = '\0';
        char *end = strstr(out, "\r\n\r\n");
        if (end && whole == 0) {
            char *length = strcasestr(out, "\r\nContent-Length:");
            whole = (size_t)(end - out) + 4 + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
        }
    }
    return len;
}

static void *serve(void *ctx)
{
    struct connection connection = *(struct connection *)ctx;
    struct loopback *server = connection.server;
    free(ctx);
    char *request = malloc(sizeof server->last);
    while (request && read_request(connection.fd, request, sizeof server->last) > 0) {
        pthread_mutex_lock(&server->lock);
        memcpy(server->last, request, sizeof server->last);
        pthread_mutex_unlock(&server->lock);
        atomic_fetch_add(&server->requests, 1);
        if (!server->fn(connection.fd, request, server->ctx)) {
            break;
        }
    }
    free(request);
    shutdown(connection.fd, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *ctx)
{
    struct loopback *server = ctx;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        struct connection *connection = malloc(sizeof *connection);
        pthread_mutex_lock(&server->lock);
        int slot = atomic_load(&server->connections);
        if (!connection || slot == LOOPBACK_MAX || server->stopping) {
            pthread_mutex_unlock(&server->lock);
            free(connection);
            close(fd);
            continue;
        }
        *connection = (struct connection){.server = server, .fd = fd};
        server->fds[slot] = fd;
        pthread_create(&server->threads[slot], NULL, serve, connection);
        atomic_fetch_add(&server->connections, 1);
        pthread_mutex_unlock(&server->lock);
    }
}

void loopback_start(struct loopback *server, loopback_fn fn, void *ctx)
{
    *server = (struct loopback){.fn = fn, .ctx = ctx};
    pthread_mutex_init(&server->lock, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(server->listener, 0);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, len), 0, "%s", strerror(errno));
    cr_assert_eq(listen(server->listener, 64), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&server->acceptor, NULL, accept_all, server), 0);
}

void loopback_stop(struct loopback *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    int count = atomic_load(&server->connections);
    for (int i = 0; i < count; i++) {
        shutdown(server->fds[i], SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    for (int i = 0; i < count; i++) {
        pthread_join(server->threads[i], NULL);
        close(server->fds[i]);
    }
    close(server->listener);
    pthread_mutex_destroy(&server->lock);
}

char *loopback_last(struct loopback *server)
{
    pthread_mutex_lock(&server->lock);
    char *copy = strdup(server->last);
    pthread_mutex_unlock(&server->lock);
    return copy;
}
