/* An HTTP server on loopback that takes every POST, for the integration tests: what was received is appended to a file.
 *
 * usage: webhook_sink FILE      (listens on a free port of 127.0.0.1 and prints "listening 127.0.0.1:PORT")
 *
 * FILE gets each request whole, head and body, then a line feed. One connection at a time, one request each; the answer
 * is 200 with "Connection: close". SIGTERM ends it. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MOST_REQUEST = 8 * 1024 * 1024 };

/* How long the request is, once its head is whole; 0 before. */
static size_t whole_length(const char *text, size_t len)
{
    const char *end = memmem(text, len, "\r\n\r\n", 4);
    if (!end) {
        return 0;
    }
    size_t head = (size_t)(end - text) + 4;
    for (const char *line = text; line < end;) {
        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            return head + strtoul(line + 15, NULL, 10);
        }
        const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!next) {
            break;
        }
        line = next + 2;
    }
    return head;
}

static void send_text(int client, const char *text)
{
    (void)!write(client, text, strlen(text));
}

/* Reads one request; its length, 0 when it was cut off or is too long. */
static size_t take(int client, char *buf)
{
    size_t len = 0;
    bool told = false;
    for (;;) {
        ssize_t got = read(client, buf + len, MOST_REQUEST - len);
        if (got <= 0) {
            return 0;
        }
        len += (size_t)got;
        buf[len] = '\0';
        size_t whole = whole_length(buf, len);
        if (whole > 0 && len >= whole) {
            return whole;
        }
        if (len == MOST_REQUEST || whole > MOST_REQUEST) {
            return 0;
        }
        if (whole > 0 && !told && strcasestr(buf, "Expect: 100-continue")) {
            send_text(client, "HTTP/1.1 100 Continue\r\n\r\n");
            told = true;
        }
    }
}

static void keep(const char *path, const char *text, size_t len)
{
    FILE *out = fopen(path, "a");
    if (!out || fwrite(text, 1, len, out) != len || fputc('\n', out) == EOF || fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    char *buf = malloc(MOST_REQUEST + 1);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (argc != 2 || !buf || listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&at, &size) != 0) {
        fprintf(stderr, "usage: webhook_sink FILE\n");
        return 2;
    }
    printf("listening 127.0.0.1:%u\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        struct timeval limit = {.tv_sec = 5};
        if (client < 0) {
            continue;
        }
        (void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        size_t len = take(client, buf);
        if (len > 0) {
            keep(argv[1], buf, len);
            send_text(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        close(client);
    }
}
