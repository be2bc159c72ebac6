/* A small HTTP/1.1 server on loopback, a thread a connection, that answers as a test tells it; and a client beside it.
 */
#ifndef HOLDFAST_TEST_APISERVER_H
#define HOLDFAST_TEST_APISERVER_H

#include <pthread.h>

#include "client.h"

#define MOST_REQUESTS 512

struct apiserver;

/* One request. On the server's thread. */
struct exchange {
    struct apiserver *server;
    int fd;
    unsigned number; /* of the request, from 0 */
    const char *method;
    const char *target; /* path and query */
    const char *headers;
    const char *body;
    bool over; /* the connection is not used again */
};
typedef void (*serve_fn)(struct exchange *exchange, void *ctx);

struct request {
    char *method;
    char *target;
    char *headers;
    char *body;
    int64_t at_ms;
};

struct apiserver {
    int listener;
    int port;
    serve_fn serve;
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool stop;
    unsigned connections;
    struct request requests[MOST_REQUESTS];
    unsigned count;
};

struct apiserver *apiserver_start(int port, serve_fn serve, void *ctx); /* port 0: any */
void apiserver_stop(struct apiserver *server);
/* A copy of what came as request n; empty texts when it has not. */
const struct request *apiserver_request(struct apiserver *server, unsigned n);
unsigned apiserver_count(struct apiserver *server);
/* How many requests began with this target. */
unsigned apiserver_count_of(struct apiserver *server, const char *target);

/* The piece, in any case of its letters. */
bool has(const char *text, const char *piece);
bool target_is(const struct exchange *exchange, const char *path);   /* the path, without the query */
bool target_has(const struct exchange *exchange, const char *piece); /* anywhere in path and query */
void answer(struct exchange *exchange, int status, const char *headers, const char *body);
void answer_status(struct exchange *exchange, int status, const char *reason, const char *message);
void stream_begin(struct exchange *exchange);
void stream(struct exchange *exchange, const char *bytes);
void stream_end(struct exchange *exchange);
void cut(struct exchange *exchange); /* resets the connection */
/* Until the client has gone or the server stops, at most ms; false when one of these. */
bool stay(struct exchange *exchange, int ms);

/* The client: a loop, a cluster, and a text of what was told. */
struct rig {
    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_log *log;
    int log_fd;
    struct hf_cluster *cluster;
    struct hf_timer *deadline;
    struct hf_buf trace;
    const char *wanted; /* the loop stops when the trace holds it */
    bool late;
};

void rig_open(struct rig *rig, int port, const struct hf_access *access, const struct hf_cluster_options *options);
void rig_close(struct rig *rig);
void rig_note(struct rig *rig, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Runs until the trace holds the text; fails the test after ms. Gives the ms it took. */
int64_t rig_until(struct rig *rig, const char *text, int ms);
/* Runs for so long. */
void rig_run(struct rig *rig, int ms);
char *rig_log(struct rig *rig); /* the log so far; the caller frees */
/* Tells into the trace: "begin;" "item a@5;" "end 9;" "ADDED a@10;" "open;" "lost unavailable;" */
struct hf_follow_events rig_events(struct rig *rig);
void rig_item(void *rig, const struct hf_value *object, size_t bytes);
void rig_listed(void *rig, const char *version, const struct hf_error *err); /* "listed 9;" or "failed code;" */
void rig_answer(void *rig, const struct hf_answer *answer, const struct hf_error *err); /* "answer 200 ok kind;" */
void rig_done(void *rig, const struct hf_error *err);                                   /* "done ok;" */

/* Deployments of apps/v1 and namespaces of v1, as if discovered. */
extern const struct hf_resource DEPLOYMENTS;
extern const struct hf_resource NAMESPACES;

#endif
