/* What follows tell: lists, changes, and what state they are in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

const struct hf_value *hf_agent_metadata(const struct hf_value *object, const char *name)
{
    return hf_value_get(hf_value_get(object, "metadata"), name);
}

/* Rights to read autoscalers may be missing: what they would own is then held, and the rest goes on. */
bool hf_agent_scope_is_refused(const struct scope *scope)
{
    return scope->is_for_scales && scope->lost && !hf_code_is_transient(scope->code);
}

static struct scope *find_scope(const struct hf_agent *agent, uint64_t id)
{
    for (const struct target *target = agent->targets; target; target = target->next) {
        for (struct scope *scope = target->scopes; scope; scope = scope->next) {
            if (scope->id == id) {
                return scope;
            }
        }
    }
    return NULL;
}

/* The object of ours that a live form is; NULL when no unit names it: then it is dropped here. */
static struct object *find_live(struct scope *scope, const struct hf_value *live)
{
    const char *name = hf_value_text(hf_agent_metadata(live, "name"));
    const char *namespace = hf_value_text(hf_agent_metadata(live, "namespace"));
    if (!name) {
        return NULL;
    }
    const char *slash = strchr(scope->api_version, '/');
    char group[256];
    (void)snprintf(group, sizeof group, "%.*s", slash ? (int)(slash - scope->api_version) : 0, scope->api_version);
    struct object *object =
        hf_agent_find_object(scope->target, group, scope->kind, scope->namespace ? namespace : NULL, name);
    return object && object->scope == scope ? object : NULL;
}

/* While a request is under way nothing is judged: the answer will tell which of these are newer than it. */
static int hold(struct object *object, enum hf_change change, const struct hf_value *live, struct hf_error *err)
{
    struct flight *flight = object->flight;
    const char *rv = hf_value_text(hf_agent_metadata(live, "resourceVersion"));
    if (flight->rv_count < HF_RV_RING) {
        (void)snprintf(flight->rvs[flight->rv_count++], HF_RV_TEXT, "%s", rv ? rv : "");
    } else {
        flight->overflowed = true;
    }
    flight->held_deleted = change == HF_DELETED;
    struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *copy = arena ? hf_value_copy(arena, live) : NULL;
    hf_arena_free(flight->held_arena);
    flight->held_arena = copy ? arena : NULL;
    flight->held = copy;
    if (!copy) {
        hf_arena_free(arena);
        flight->overflowed = true; /* read anew after the answer */
        return hf_error_set(err, HF_ENOMEM, "keep a change of %s %s: out of memory", object->kind, object->name);
    }
    return 0;
}

static int take(struct hf_agent *agent, struct object *object, enum hf_change change, const struct hf_value *live,
                struct hf_error *err)
{
    object->target->events++;
    if (object->flight) {
        return hold(object, change, live, err);
    }
    if (object->await_rv[0]) {
        const char *rv = hf_value_text(hf_agent_metadata(live, "resourceVersion"));
        if (!rv || strcmp(rv, object->await_rv) != 0 || change == HF_DELETED) {
            return 0; /* older than what was judged already */
        }
        object->await_rv[0] = '\0';
    }
    object->wants_get = false;
    return hf_agent_judge(agent, object, change == HF_DELETED ? NULL : live, err);
}

int hf_agent_change(struct hf_agent *agent, uint64_t scope_id, enum hf_change change, const struct hf_value *live,
                    struct hf_error *err)
{
    struct scope *scope = find_scope(agent, scope_id);
    if (scope && scope->scales != HF_SCALES_NOTHING &&
        hf_agent_take_autoscaler(agent, scope, live, change == HF_DELETED, err) != 0) {
        return -1;
    }
    struct object *object = scope ? find_live(scope, live) : NULL;
    if (!object) {
        return scope ? hf_agent_leave(agent, err) : 0;
    }
    if (take(agent, object, change, live, err) != 0) {
        object->wants_get = true;
        hf_agent_activate(agent, object);
        struct hf_error ignored;
        (void)hf_agent_leave(agent, &ignored);
        return -1;
    }
    return hf_agent_leave(agent, err);
}

int hf_agent_list_begin(struct hf_agent *agent, uint64_t scope_id, struct hf_error *err)
{
    (void)err;
    struct scope *scope = find_scope(agent, scope_id);
    if (scope) {
        scope->list++;
        scope->listing = true;
    }
    return 0;
}

int hf_agent_item(struct hf_agent *agent, uint64_t scope_id, const struct hf_value *live, struct hf_error *err)
{
    struct scope *scope = find_scope(agent, scope_id);
    if (scope && scope->scales != HF_SCALES_NOTHING && hf_agent_take_autoscaler(agent, scope, live, false, err) != 0) {
        return -1;
    }
    struct object *object = scope ? find_live(scope, live) : NULL;
    if (!object) {
        return 0;
    }
    object->listed = scope->list;
    object->target->events++;
    if (object->flight) {
        /* The list may be older or newer than the answer to come. */
        object->flight->overflowed = true;
        return 0;
    }
    if (object->await_rv[0]) {
        const char *rv = hf_value_text(hf_agent_metadata(live, "resourceVersion"));
        if (!rv || strcmp(rv, object->await_rv) != 0) {
            object->wants_get = true;
            hf_agent_activate(agent, object);
            return 0;
        }
        object->await_rv[0] = '\0';
    }
    object->wants_get = false;
    if (hf_agent_judge(agent, object, live, err) != 0) {
        object->wants_get = true;
        hf_agent_activate(agent, object);
        return -1;
    }
    return hf_agent_leave(agent, err);
}

static int find_missing(struct hf_agent *agent, struct scope *scope, struct hf_error *err)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(scope->target->objects, &cursor, NULL, &value)) {
        struct object *object = value;
        if (object->scope != scope || object->listed == scope->list) {
            continue;
        }
        object->listed = scope->list;
        if (object->flight) {
            object->flight->overflowed = true;
        } else if (object->await_rv[0]) {
            object->wants_get = true;
            hf_agent_activate(agent, object);
        } else if (hf_agent_judge(agent, object, NULL, err) != 0) {
            object->wants_get = true;
            hf_agent_activate(agent, object);
            return -1;
        }
    }
    return 0;
}

int hf_agent_list_end(struct hf_agent *agent, uint64_t scope_id, struct hf_error *err)
{
    struct scope *scope = find_scope(agent, scope_id);
    if (!scope) {
        return 0;
    }
    scope->listing = false;
    scope->synced = true;
    if (scope->scales != HF_SCALES_NOTHING) {
        hf_agent_sweep_autoscalers(agent, scope);
    }
    int result = find_missing(agent, scope, err);
    agent->effects.changed(agent->effects.ctx);
    if (result != 0) {
        struct hf_error ignored;
        (void)hf_agent_leave(agent, &ignored);
        return -1;
    }
    return hf_agent_leave(agent, err);
}

/* Lost and found are told once for a target, not for each of its watches: lost is the cluster as a whole, or any watch.
 */
static void tell_cluster(struct hf_agent *agent, struct target *target)
{
    const char *problem = target->cluster_state;
    for (const struct scope *scope = target->scopes; scope && !problem; scope = scope->next) {
        if (scope->lost && scope->problem && !hf_agent_scope_is_refused(scope)) {
            problem = scope->problem;
        }
    }
    hf_auto_buf struct hf_buf text = {0};
    if (problem && !target->cluster_problem) {
        target->cluster_problem = hf_strdup(problem);
        hf_buf_addf(&text, "the cluster of %s can't be read: %s. What is known of it is kept.", target->name, problem);
        hf_agent_say_target(agent, target, NULL, "cluster.lost", "warning", hf_buf_text(&text), false);
    } else if (!problem && target->cluster_problem) {
        free(target->cluster_problem);
        target->cluster_problem = NULL;
        hf_buf_addf(&text, "the cluster of %s can be read again", target->name);
        hf_agent_say_target(agent, target, NULL, "cluster.found", "info", hf_buf_text(&text), false);
    }
}

/* Rights or kinds that are missing are not a connection that is down: the objects can't be read, and say so. */
static void mark_unreadable(struct hf_agent *agent, const struct scope *scope)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(scope->target->objects, &cursor, NULL, &value)) {
        struct object *object = value;
        if (object->scope == scope && object->phase != PHASE_FLYING) {
            hf_agent_unplan(agent, object);
            object->has_in_sync = false;
            hf_agent_set_verdict(agent, object, HF_UNKNOWN, scope->problem);
        }
    }
}

/* Objects that could not be judged while their watch was refused are read again once it is open. */
static void read_again(struct hf_agent *agent, const struct scope *scope)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(scope->target->objects, &cursor, NULL, &value)) {
        struct object *object = value;
        if (object->scope == scope && object->verdict == HF_UNKNOWN && !object->unit->problem) {
            object->wants_get = true;
            hf_agent_activate(agent, object);
        }
    }
}

int hf_agent_scope_state(struct hf_agent *agent, uint64_t scope_id, const struct hf_error *state, struct hf_error *err)
{
    struct scope *scope = find_scope(agent, scope_id);
    if (!scope) {
        return 0;
    }
    bool lost = state->code != HF_OK;
    if (lost && !scope->lost) {
        scope->lost_since_ms = agent->effects.now_ms(agent->effects.ctx);
    }
    scope->lost = lost;
    scope->code = state->code;
    free(scope->problem);
    scope->problem = lost ? hf_strdup(state->text) : NULL;
    if (lost) {
        scope->listing = false;
    }
    if (lost && (!hf_code_is_transient(state->code) || !scope->synced)) {
        mark_unreadable(agent, scope);
    } else if (!lost && scope->synced) {
        read_again(agent, scope);
    }
    tell_cluster(agent, scope->target);
    agent->effects.changed(agent->effects.ctx);
    return hf_agent_leave(agent, err);
}

int hf_agent_state(struct hf_agent *agent, const char *target_name, const char *what, const struct hf_error *state,
                   struct hf_error *err)
{
    struct target *target = hf_agent_find_target(agent, target_name);
    if (!target) {
        return 0;
    }
    hf_auto_buf struct hf_buf text = {0};
    if (strcmp(what, "source") != 0) {
        free(target->cluster_state);
        target->cluster_state = state->code != HF_OK ? hf_strdup(state->text) : NULL;
        tell_cluster(agent, target);
    } else if (state->code != HF_OK && !target->source_problem) {
        hf_buf_addf(&text, "the source of %s can't be read: %s. What is known of it is kept.", target->name,
                    state->text);
        hf_agent_say_target(agent, target, NULL, "source.lost", "warning", hf_buf_text(&text), true);
        target->source_problem = hf_strdup(state->text);
    } else if (state->code == HF_OK && target->source_problem) {
        hf_buf_addf(&text, "the source of %s can be read again", target->name);
        hf_agent_say_target(agent, target, NULL, "source.found", "info", hf_buf_text(&text), true);
        free(target->source_problem);
        target->source_problem = NULL;
    }
    agent->effects.changed(agent->effects.ctx);
    return hf_agent_leave(agent, err);
}
