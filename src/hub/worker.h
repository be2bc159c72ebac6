/* The worker's state, private to worker.c and merge.c. */
#ifndef HF_HUB_WORKER_H
#define HF_HUB_WORKER_H

#include "holdfast/value.h"
#include "hub.h"

struct hub_worker {
    struct hub *hub;
    struct hf_cluster *cluster; /* NULL: there is none */
    struct hf_timer *timer;
    bool busy;
    bool discovered; /* anew, for this action */
    bool is_drifted;
    char unit_id[40];
    char action_id[40];
    char what[16];
    int64_t revision;
    struct hf_arena *arena;
    struct hf_unit *documents;
    size_t *order;
    size_t next;
    const struct hf_value **merged; /* a refresh's; NULL: gone */
};

/* What a refresh makes of a document: its own fields with live's values, and what live has more of in lists. NULL:
 * memory. */
const struct hf_value *hub_merge(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live);

#endif
