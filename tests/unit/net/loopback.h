/* A small HTTP server on 127.0.0.1 for the tests: one thread a connection, the answers written by the test. */
#ifndef HF_TEST_LOOPBACK_H
#define HF_TEST_LOOPBACK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { LOOPBACK_MAX = 64 };

/* Answers one request (its head and body, terminated) on fd; false closes the connection. */
typedef bool (*loopback_fn)(int fd, const char *request, void *ctx);

struct loopback {
    int listener;
    int port;
    loopback_fn fn;
    void *ctx;
    pthread_t acceptor;
    pthread_t threads[LOOPBACK_MAX];
    int fds[LOOPBACK_MAX];
    _Atomic int connections;
    _Atomic int requests;
    pthread_mutex_t lock;
    char last[65536]; /* the last request; under the lock */
    bool stopping;    /* under the lock */
};

void loopback_start(struct loopback *server, loopback_fn fn, void *ctx);
void loopback_stop(struct loopback *server);
/* A copy of the last request; the caller frees. */
char *loopback_last(struct loopback *server);

void loopback_send(int fd, const char *text);
/* "HTTP/1.1 200 OK" with a Content-Length and the given header lines ("A: b\r\n") and body. */
void loopback_answer(int fd, int status, const char *headers, const char *body);

#endif
