/* A webhook receiver on a loopback port, on a thread of its own, that answers each request by a script. */
#ifndef TEST_ALERT_RECEIVER_H
#define TEST_ALERT_RECEIVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "holdfast/text.h"

enum answer_kind {
    ANSWER_STATUS,      /* status, with `extra` headers */
    ANSWER_HANG,        /* nothing, until the client gives up */
    ANSWER_CLOSE,       /* closed without a byte */
    ANSWER_CLOSE_EARLY, /* closed within the status line */
};

struct answer {
    enum answer_kind kind;
    int status;
    const char *extra; /* whole header lines with \r\n, or NULL */
    const char *body;  /* NULL: "ok" */
};

#define RECEIVED_MOST 512

struct received {
    char *head;
    char *body;
    int64_t at_ms; /* monotonic */
};

struct receiver {
    pthread_t thread;
    pthread_mutex_t lock;
    int listener;
    unsigned port;
    atomic_bool ending;
    const struct answer *script; /* one a request; after its end: 200 */
    size_t script_count;
    struct received got[RECEIVED_MOST];
    size_t count;
};

void receiver_start(struct receiver *receiver, const struct answer *script, size_t count);
/* Listens again on the port it had. */
void receiver_return(struct receiver *receiver);
void receiver_stop(struct receiver *receiver); /* the port is closed; what was received stays */
void receiver_free(struct receiver *receiver);
size_t receiver_count(struct receiver *receiver);
/* A header's value of a received request in a static buffer; NULL. */
const char *received_header(const struct received *received, const char *name);

#endif
