/* Pauses: what a person has asked not to be put back for a while. It is watched, judged and told all the same. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

static bool is_any_or(const char *wanted, const char *text)
{
    return !wanted || (text && strcmp(wanted, text) == 0);
}

static bool covers(const struct hf_pause *pause, const struct object *object)
{
    return is_any_or(pause->target, object->target->name) && is_any_or(pause->space, object->unit->space) &&
           is_any_or(pause->unit, object->unit->slug) && is_any_or(pause->kind, object->kind) &&
           is_any_or(pause->namespace, object->namespace) && is_any_or(pause->name, object->name);
}

const struct hf_pause *hf_agent_pause_of(const struct hf_agent *agent, const struct object *object)
{
    int64_t now = agent->effects.now_ms(agent->effects.ctx);
    for (size_t i = 0; agent->pauses && i < agent->pauses->count; i++) {
        const struct hf_pause *pause = &agent->pauses->items[i];
        if (!pause->is_snooze && hf_pause_holds(pause, now) && covers(pause, object)) {
            return pause;
        }
    }
    return NULL;
}

/* Read and judged anew: what is planned may have to wait now, and what waited may not have to any more. */
static void look_again(struct hf_agent *agent, struct object *object)
{
    if (object->phase == PHASE_WAITING || object->phase == PHASE_RECORDING) {
        hf_agent_unplan(agent, object);
    }
    object->wants_get = true;
    hf_agent_activate(agent, object);
}

int hf_agent_pauses(struct hf_agent *agent, const struct hf_pauses *pauses, struct hf_error *err)
{
    agent->pauses = pauses;
    for (struct target *target = agent->targets; target; target = target->next) {
        size_t cursor = 0;
        void *value;
        while (hf_map_next(target->objects, &cursor, NULL, &value)) {
            struct object *object = value;
            bool is_paused = hf_agent_pause_of(agent, object) != NULL;
            if (is_paused != object->is_paused && object->is_served && object->verdict != HF_IN_SYNC &&
                object->verdict != HF_UNKNOWN) {
                look_again(agent, object);
            }
            object->is_paused = is_paused;
        }
    }
    return hf_agent_leave(agent, err);
}
