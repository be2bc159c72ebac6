/* An action of ConfigHub, private to src/source: confighub_apply.c queues it, confighub_follow.c follows it. */
#ifndef HF_SOURCE_CONFIGHUB_ACTION_H
#define HF_SOURCE_CONFIGHUB_ACTION_H

#include "confighub_call.h"

struct action {
    struct hf_confighub_call call;
    struct confighub_subject subject;
    struct hf_confighub_limits limits;
    struct hf_confighub_follower follower;
    struct confighub_ask *ask;
    struct hf_timer *timer;
    int64_t revision; /* asked for; 0: none */
    bool is_refresh;
    bool tried_old;     /* the fields of 2026 were refused */
    bool looks_at_unit; /* every other look, once it takes long: whether another action came after */
    bool dry_run;
    int64_t began_ms; /* monotonic */
    int64_t wait_ms;  /* until the next look */
    bool is_taken;    /* by the worker */
    unsigned failures;
    char *operation_id;
    struct hf_arena *arena; /* of the event seen last */
    struct confighub_event seen;
    struct hf_buf data;
};

void confighub_action_free(struct hf_confighub_call *call);
const char *confighub_doing(const struct action *action);
/* The last callback; the action is gone after it. */
void confighub_finish(struct action *action, enum hf_confighub_outcome outcome, const struct hf_error *err);
void confighub_refuse(struct action *action, const struct hf_error *err);
/* Takes what the event says, and its arena; true when it is another than before. */
bool confighub_take_event(struct action *action, struct hf_arena *arena, const struct confighub_event *event);
void confighub_look_later(struct action *action);
void confighub_on_look(void *action);
void confighub_progress(struct action *action);

#endif
