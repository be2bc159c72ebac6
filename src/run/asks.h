/* What people ask of the running agent, step by step; private to src/run/asks*.c.
 *
 * asks.c        taken, recorded, followed until all is in sync, answered
 * asks_hub.c    accept and rollback: what is asked of ConfigHub
 * asks_units.c  how the units stand */
#ifndef HF_RUN_ASKS_H
#define HF_RUN_ASKS_H

#include "holdfast/asks.h"
#include "run.h"

/* Tickets of records that an ask waits for: the agent counts its own from 1. */
#define RUN_ASK_TICKET (UINT64_C(1) << 62)

struct run_ask {
    struct hf_run *run;
    struct hf_arena *arena;
    struct hf_ask ask; /* of the arena, as are the texts below */
    const char *space; /* the unit's */
    struct hf_confighub_unit which;
    const char *drifts; /* what was found, and whose doing; "" */
    struct hf_confighub_call *call;
    struct hf_buf data; /* accept: what is written */
    int64_t live;       /* the revision that was live when it was asked */
    int64_t head;       /* ... and the head */
    int64_t revision;   /* the new one; 0: none yet */
    int64_t begun_mono_ms;
    int64_t follow_until_ms; /* monotonic; 0: not followed yet */
    uint64_t ticket;         /* the record that is waited for; 0: none */
    void (*recorded)(struct run_ask *ask);
    bool is_well; /* when it was asked, all was in sync */
    bool is_over;
    struct run_ask *next;
};

/* Says it in the trail. ticket 0: nobody waits. */
int hf_run_ask_say(struct run_ask *ask, const char *step, const char *severity, const char *message, uint64_t ticket,
                   struct hf_error *err);
/* Says it, and goes on with recorded() once that is durable; or ends the ask. */
void hf_run_ask_record(struct run_ask *ask, const char *message, void (*recorded)(struct run_ask *ask));
void hf_run_ask_answer(struct run_ask *ask, const char *state, const char *message);
/* The last answer. state: "done", "failed", "refused". Recorded, but for a dry run. */
void hf_run_ask_end(struct run_ask *ask, const char *state, const char *message);
/* "done", but nothing was: no event. */
void hf_run_ask_unneeded(struct run_ask *ask, const char *message);
void hf_run_ask_fail(struct run_ask *ask, const struct hf_error *why);
/* From now on it is looked at until the unit is in sync at ask->revision. */
void hf_run_ask_follow(struct run_ask *ask);

void hf_run_ask_accept(struct run_ask *ask, const struct hf_unit *unit);
void hf_run_ask_rollback(struct run_ask *ask, const struct hf_unit *unit);
void hf_run_ask_units(struct run_ask *ask);

#endif
