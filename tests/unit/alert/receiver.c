#include "receiver.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/mem.h"

static bool wait_readable(struct receiver *receiver, int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    while (!atomic_load(&receiver->ending)) {
        if (poll(&poll_fd, 1, 10) > 0) {
            return true;
        }
    }
    return false;
}

/* One whole request with Content-Length. False when the client closed, or the receiver ends. */
static bool read_request(struct receiver *receiver, int fd, struct received *out)
{
    struct hf_buf bytes = {0};
    size_t want = SIZE_MAX;
    while (bytes.len < want) {
        char piece[4096];
        if (!wait_readable(receiver, fd)) {
            break;
        }
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got <= 0) {
            break;
        }
        hf_buf_add(&bytes, piece, (size_t)got);
        char *end = strstr(bytes.ptr, "\r\n\r\n");
        if (end) {
            const char *length = strcasestr(bytes.ptr, "\r\nContent-Length:");
            size_t body = length ? strtoul(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
            want = (size_t)(end + 4 - bytes.ptr) + body;
        }
    }
    bool whole = bytes.len >= want && want != SIZE_MAX;
    if (whole) {
        const char *end = strstr(bytes.ptr, "\r\n\r\n") + 4;
        out->head = hf_strndup(bytes.ptr, (size_t)(end - bytes.ptr));
        out->body = hf_strndup(end, want - (size_t)(end - bytes.ptr));
        out->at_ms = hf_mono_ms();
    }
    hf_buf_free(&bytes);
    return whole;
}

static void send_all(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* False when the connection is to be closed. */
static bool answer_request(struct receiver *receiver, int fd, const struct answer *answer)
{
    char text[1000];
    switch (answer->kind) {
    case ANSWER_HANG:
        (void)wait_readable(receiver, fd); /* the client's hang-up */
        return false;
    case ANSWER_CLOSE:
        return false;
    case ANSWER_CLOSE_EARLY:
        send_all(fd, "HTTP/1.1 20");
        return false;
    case ANSWER_STATUS:
        break;
    }
    const char *body = answer->body ? answer->body : "ok";
    (void)snprintf(text, sizeof text, "HTTP/1.1 %d Answer\r\n%sContent-Length: %zu\r\n\r\n", answer->status,
                   answer->extra ? answer->extra : "", strlen(body));
    send_all(fd, text);
    send_all(fd, body);
    return true;
}

static void serve_connection(struct receiver *receiver, int fd)
{
    static const struct answer WELL = {ANSWER_STATUS, 200, NULL, NULL};
    for (bool go_on = true; go_on;) {
        struct received received;
        if (!read_request(receiver, fd, &received)) {
            return;
        }
        pthread_mutex_lock(&receiver->lock);
        size_t number = receiver->count;
        receiver->got[receiver->count++] = received;
        pthread_mutex_unlock(&receiver->lock);
        go_on = answer_request(receiver, fd, number < receiver->script_count ? &receiver->script[number] : &WELL);
    }
}

static void *run(void *ctx)
{
    struct receiver *receiver = ctx;
    while (wait_readable(receiver, receiver->listener)) {
        int fd = accept4(receiver->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            serve_connection(receiver, fd);
            close(fd);
        }
    }
    return NULL;
}

static void open_port(struct receiver *receiver)
{
    int on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)receiver->port)};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(receiver->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    cr_assert_eq(bind(receiver->listener, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(receiver->listener, 16), 0);
    getsockname(receiver->listener, (struct sockaddr *)&at, &size);
    receiver->port = ntohs(at.sin_port);
    atomic_store(&receiver->ending, false);
    cr_assert_eq(pthread_create(&receiver->thread, NULL, run, receiver), 0);
}

void receiver_start(struct receiver *receiver, const struct answer *script, size_t count)
{
    memset(receiver, 0, sizeof *receiver);
    pthread_mutex_init(&receiver->lock, NULL);
    receiver->script = script;
    receiver->script_count = count;
    open_port(receiver);
}

void receiver_return(struct receiver *receiver)
{
    open_port(receiver);
}

void receiver_stop(struct receiver *receiver)
{
    atomic_store(&receiver->ending, true);
    pthread_join(receiver->thread, NULL);
    close(receiver->listener);
}

void receiver_free(struct receiver *receiver)
{
    for (size_t i = 0; i < receiver->count; i++) {
        free(receiver->got[i].head);
        free(receiver->got[i].body);
    }
    pthread_mutex_destroy(&receiver->lock);
}

size_t receiver_count(struct receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    size_t count = receiver->count;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

const char *received_header(const struct received *received, const char *name)
{
    static char value[1024];
    size_t len = strlen(name);
    for (const char *line = strstr(received->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *from = line + 2 + len + 1;
            from += strspn(from, " ");
            (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\r\n"), from);
            return value;
        }
    }
    return NULL;
}
