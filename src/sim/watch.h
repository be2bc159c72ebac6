/* Watches: each has what it wants to see, and bytes that are not sent yet. */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include "selector.h"
#include "store.h"

#define SIM_WATCH_BACKLOG (64u << 20)

struct sim_watch {
    struct sim_watch *next;
    struct sim_collection *collection;
    const char *space; /* "": all */
    struct sim_selector selector;
    struct hf_arena *arena; /* of the watch itself */
    struct hf_buf pending;
    size_t sent;             /* of pending */
    int64_t deadline;        /* monotonic ms */
    int64_t bookmark;        /* when the next is due; INT64_MAX: none asked for */
    uint64_t seen;           /* the version up to which it was told */
    bool ended;              /* no more comes; the stream ends when all is sent */
    bool cut;                /* the connection ends at once, without the last chunk */
    bool silent;             /* a fault: told nothing more */
    void (*wake)(void *ctx); /* there is something to send, or it ended */
    void *ctx;
};

struct sim_watches {
    struct sim_watch *first;
    size_t count;
};

struct sim;
struct sim_request;
struct sim_response;

/* Answers a watch request; the watch is in response->watch, and belongs to sim until sim_watch_drop. */
int sim_watch_open(struct sim *sim, struct sim_request *request, struct sim_response *response);
void sim_watch_drop(struct sim *sim, struct sim_watch *watch);
/* Tells each watch. */
void sim_watch_event(struct sim *sim, const struct sim_event *event);
/* Bookmarks, deadlines; when the next is due. */
int64_t sim_watch_tick(struct sim *sim, int64_t now);
/* Ends the connection of each watch. */
void sim_watch_cut(struct sim *sim);
/* Copies up to max unsent bytes. 0: nothing now; -1: the end; -2: the connection ends. */
long sim_watch_read(struct sim_watch *watch, char *out, size_t max);

#endif
