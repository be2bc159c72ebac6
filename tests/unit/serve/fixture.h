/* A server with views and a trail made up for the tests, and a small client on a plain socket. */
#ifndef TEST_SERVE_FIXTURE_H
#define TEST_SERVE_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "holdfast/mem.h"
#include "holdfast/serve.h"

/* A trail in memory: events with ids from 1. */
struct fake_trail {
    pthread_mutex_t lock;
    char *events[4096];
    int64_t count;
    bool broken;
    atomic_size_t asked; /* reads so far */
    struct hf_serve_query last;
    char last_incident[200];
    atomic_int slow_ms;     /* what is read but for events takes so long */
    atomic_bool is_stopped; /* the server said that nothing more is asked */
    atomic_llong exported;  /* lines that were read for exports */
    int64_t lines;          /* how many an export of the fake has; 0: as many as there are events */
};
void fake_trail_init(struct fake_trail *trail);
void fake_trail_free(struct fake_trail *trail);
void fake_trail_add(struct fake_trail *trail, const char *type, const char *incident, const char *name,
                    const char *message);
struct hf_serve_trail fake_trail_table(struct fake_trail *trail);
/* trail_fixture.c: all but events. */
void fake_trail_more(struct hf_serve_trail *table);
struct hf_serve_rules fake_rules_table(void);

struct server {
    struct hf_serve *serve;
    struct fake_trail trail;
    atomic_llong turn_ms; /* what the loop's last turn is said to be */
    unsigned port;
};
/* options may be NULL. Listens on a free port. */
void server_start(struct server *server, struct hf_serve_options *options);
void server_stop(struct server *server);

/* Views. */
struct hf_view *view_new(size_t objects); /* ready, one target "dev" with correction auto, all in sync */
struct hf_view_object *view_object(struct hf_view *view, size_t index);
struct hf_view_target *view_target(struct hf_view *view);
void view_finding(struct hf_view *view, size_t index, const char *path, const char *desired, const char *live,
                  const char *manager);

/* One request with "Connection: close" and the right Host, then the whole answer. Freed by reply_free. */
struct reply {
    int status;
    char *head; /* status line and headers */
    char *body; /* without chunking */
    size_t body_len;
};
struct reply get(const struct server *server, const char *target);
/* head: everything between the request line and the empty line, each line with \r\n. */
struct reply ask(const struct server *server, const char *method, const char *target, const char *head);
/* The same with a body; head has its Content-Length. */
struct reply ask_body(const struct server *server, const char *method, const char *target, const char *head,
                      const char *body);
void reply_free(struct reply *reply);
/* A header's value in a static buffer; NULL when there is none. */
const char *reply_header(const struct reply *reply, const char *name);

int dial(const struct server *server);
void send_text(int fd, const char *text);
/* Reads until text has come or ms have passed; everything read so far is in *seen. */
bool await_text(int fd, struct hf_buf *seen, const char *text, int64_t ms);

#endif
