/* Making and unmaking, targets, the tick, and the end of every entry. */
#include "holdfast/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define RETRY_RECORD_MS 100
#define LOOKED_AT_A_MS 1000

int hf_agent_new(const struct hf_agent_effects *effects, const struct hf_agent_options *options, struct hf_log *log,
                 struct hf_agent **out, struct hf_error *err)
{
    struct hf_agent *agent = hf_calloc(1, sizeof *agent);
    if (!agent) {
        return hf_error_set(err, HF_ENOMEM, "make the agent: out of memory");
    }
    agent->effects = *effects;
    agent->log = log;
    agent->unsent_end = &agent->unsent;
    agent->hasher = hf_hasher_new(err);
    agent->secret_key = hf_calloc(1, options->secret_key_len);
    if (!agent->hasher || !agent->secret_key) {
        hf_agent_free(agent);
        return hf_error_set(err, HF_ENOMEM, "make the agent: out of memory");
    }
    if (options->secret_key_len > 0) {
        memcpy(agent->secret_key, options->secret_key, options->secret_key_len);
    }
    agent->secret_key_len = options->secret_key_len;
    agent->looked_at_a_ms = options->looked_at_a_ms ? options->looked_at_a_ms : LOOKED_AT_A_MS;
    *out = agent;
    return 0;
}

static void drop_unit(void *unit)
{
    hf_unit_drop(unit);
}

static void drop_object(void *object)
{
    hf_agent_object_free(object);
}

static void target_free(struct target *target)
{
    while (target->scopes) {
        struct scope *scope = target->scopes;
        target->scopes = scope->next;
        free(scope->api_version);
        free(scope->kind);
        free(scope->namespace);
        free(scope->problem);
        free(scope);
    }
    hf_map_free(target->objects, drop_object);
    hf_map_free(target->units, drop_unit);
    hf_map_free(target->resumed, free);
    hf_map_free(target->known, free);
    hf_agent_autoscalers_free(target, NULL);
    hf_agent_attribution_free(target);
    free(target->prunes.times);
    free(target->source_problem);
    free(target->cluster_problem);
    free(target->cluster_state);
    free(target->name);
    free(target->manager);
    free(target);
}

void hf_agent_free(struct hf_agent *agent)
{
    if (!agent) {
        return;
    }
    while (agent->targets) {
        struct target *target = agent->targets;
        agent->targets = target->next;
        target_free(target);
    }
    while (agent->unsent) {
        struct batch *batch = agent->unsent;
        agent->unsent = batch->next;
        hf_agent_batch_free(batch);
    }
    hf_agent_batch_free(agent->open_batch);
    if (agent->secret_key) {
        hf_wipe(agent->secret_key, agent->secret_key_len);
        free(agent->secret_key);
    }
    hf_hasher_free(agent->hasher);
    hf_buf_free(&agent->scratch);
    free(agent);
}

struct target *hf_agent_find_target(const struct hf_agent *agent, const char *name)
{
    struct target *target = agent->targets;
    while (target && strcmp(target->name, name) != 0) {
        target = target->next;
    }
    return target;
}

void hf_agent_activate(struct hf_agent *agent, struct object *object)
{
    if (object->is_active) {
        return;
    }
    agent->active_count++;
    object->is_active = true;
    object->active_prev = NULL;
    object->active_next = agent->active;
    if (agent->active) {
        agent->active->active_prev = object;
    }
    agent->active = object;
}

void hf_agent_deactivate(struct hf_agent *agent, struct object *object)
{
    if (!object->is_active) {
        return;
    }
    if (object->active_prev) {
        object->active_prev->active_next = object->active_next;
    } else {
        agent->active = object->active_next;
    }
    if (object->active_next) {
        object->active_next->active_prev = object->active_prev;
    }
    object->is_active = false;
    agent->active_count--;
}

static int set_options(struct target *target, const struct hf_agent_target_options *options)
{
    char *manager = hf_strdup(options->manager ? options->manager : "confighub");
    if (!manager) {
        return -1;
    }
    free(target->manager);
    target->manager = manager;
    target->correct = options->correct;
    target->parallel = options->parallel ? options->parallel : 8;
    target->fight_times = options->fight_times;
    target->fight_within_ms = options->fight_within_ms;
    target->step_in_ms = options->step_in_ms;
    target->apply_by_source = options->apply_by_source;
    target->no_fallback = options->no_fallback;
    return 0;
}

int hf_agent_target_add(struct hf_agent *agent, const struct hf_agent_target_options *options, struct hf_error *err)
{
    if (hf_agent_find_target(agent, options->name)) {
        return hf_error_set(err, HF_EINVAL, "there are two targets %s", options->name);
    }
    struct target *target = hf_calloc(1, sizeof *target);
    if (!target) {
        return hf_error_set(err, HF_ENOMEM, "add target %s: out of memory", options->name);
    }
    target->name = hf_strdup(options->name);
    target->units = hf_map_new();
    target->objects = hf_map_new();
    target->resumed = hf_map_new();
    target->known = hf_map_new();
    if (!target->name || !target->units || !target->objects || !target->resumed || !target->known ||
        set_options(target, options) != 0) {
        target_free(target);
        return hf_error_set(err, HF_ENOMEM, "add target %s: out of memory", options->name);
    }
    target->next = agent->targets;
    agent->targets = target;
    return 0;
}

int hf_agent_target_set(struct hf_agent *agent, const struct hf_agent_target_options *options, struct hf_error *err)
{
    struct target *target = hf_agent_find_target(agent, options->name);
    if (!target) {
        return hf_error_set(err, HF_EINVAL, "there is no target %s", options->name);
    }
    bool begins = options->correct && !target->correct;
    bool ends = !options->correct && target->correct;
    if (set_options(target, options) != 0) {
        return hf_error_set(err, HF_ENOMEM, "set target %s: out of memory", options->name);
    }
    size_t cursor = 0;
    void *value;
    while ((begins || ends) && hf_map_next(target->objects, &cursor, NULL, &value)) {
        struct object *object = value;
        if (ends && (object->phase == PHASE_WAITING || object->phase == PHASE_RECORDING)) {
            hf_agent_unplan(agent, object);
            object->has_in_sync = false;
            object->wants_get = object->is_served;
            hf_agent_activate(agent, object);
        } else if (ends) {
            continue;
        } else if (object->verdict == HF_DRIFTED || object->verdict == HF_MISSING || object->verdict == HF_PENDING) {
            hf_agent_set_verdict(agent, object, object->verdict, NULL);
            hf_agent_plan(agent, object);
        }
    }
    return hf_agent_leave(agent, err);
}

void hf_agent_target_remove(struct hf_agent *agent, const char *name)
{
    for (struct target **at = &agent->targets; *at; at = &(*at)->next) {
        struct target *target = *at;
        if (strcmp(target->name, name) != 0) {
            continue;
        }
        *at = target->next;
        for (const struct scope *scope = target->scopes; scope; scope = scope->next) {
            agent->effects.unfollow(agent->effects.ctx, scope->id);
        }
        size_t cursor = 0;
        void *value;
        while (hf_map_next(target->objects, &cursor, NULL, &value)) {
            hf_agent_deactivate(agent, value);
        }
        target_free(target);
        agent->effects.changed(agent->effects.ctx);
        return;
    }
}

static void key_of_event(struct hf_buf *key, const char *api_version, const char *kind, const char *namespace,
                         const char *name)
{
    const char *slash = api_version ? strchr(api_version, '/') : NULL;
    hf_buf_add(key, api_version ? api_version : "", slash ? (size_t)(slash - api_version) : 0);
    const char *parts[] = {kind, namespace, name};
    for (size_t i = 0; i < 3; i++) {
        hf_buf_addc(key, '\0');
        hf_buf_adds(key, parts[i]);
    }
}

int hf_agent_resume(struct hf_agent *agent, const struct hf_audit_event *newest, struct hf_error *err)
{
    struct target *target = newest->target ? hf_agent_find_target(agent, newest->target) : NULL;
    if (!target || !newest->incident || !newest->kind || !newest->name) {
        return 0; /* of a target that is no longer configured */
    }
    struct resumed *resumed = hf_calloc(1, sizeof *resumed);
    struct incident *incident = resumed ? &resumed->incident : NULL;
    hf_auto_buf struct hf_buf key = {0};
    key_of_event(&key, newest->api_version, newest->kind, newest->namespace, newest->name);
    if (!incident || !hf_buf_ok(&key)) {
        free(resumed);
        return hf_error_set(err, HF_ENOMEM, "take up incident %s: out of memory", newest->incident);
    }
    (void)snprintf(resumed->api_version, sizeof resumed->api_version, "%s",
                   newest->api_version ? newest->api_version : "");
    incident->open = true;
    (void)snprintf(incident->id, sizeof incident->id, "%s", newest->incident);
    incident->seen_ms = newest->seen_at_ms != HF_TIME_NONE ? newest->seen_at_ms : newest->at_ms;
    incident->drifted_ms = newest->drifted_at_ms;
    incident->intended = newest->type && strncmp(newest->type, "correction.", 11) == 0;
    /* Whether the write went out before the end is not known: if the object is found right, it was very likely ours. */
    bool is_blocked = newest->type && strcmp(newest->type, "correction.blocked") == 0;
    incident->applied = incident->intended && !is_blocked;
    incident->rollout = newest->type && strncmp(newest->type, "rollout.", 8) == 0;
    incident->created = newest->type && strcmp(newest->type, "object.absent") == 0;
    /* Perhaps: an end that nobody waits for does no harm. That of a rollout would be news. */
    incident->is_told = !incident->rollout && !incident->created;
    incident->blocked_before = is_blocked ? hf_agent_message_number(newest->message) : 0;
    (void)snprintf(incident->manager, sizeof incident->manager, "%s", newest->manager ? newest->manager : "");
    void *old = NULL;
    if (hf_map_put(target->resumed, (struct hf_slice){key.ptr, key.len}, resumed, &old) != 0) {
        free(resumed);
        return hf_error_set(err, HF_ENOMEM, "take up incident %s: out of memory", newest->incident);
    }
    free(old);
    return 0;
}

int hf_agent_known(struct hf_agent *agent, const struct hf_audit_object *object, struct hf_error *err)
{
    struct target *target = object->target ? hf_agent_find_target(agent, object->target) : NULL;
    if (!target || !object->uid || !*object->uid) {
        return 0;
    }
    hf_auto_buf struct hf_buf key = {0};
    struct known *known = hf_calloc(1, sizeof *known);
    void *old = NULL;
    if (known) {
        bool has_note = object->verdict && strcmp(object->verdict, "in_sync") == 0 && object->reason;
        (void)snprintf(known->reason, sizeof known->reason, "%s", has_note ? object->reason : "");
        (void)snprintf(known->uid, sizeof known->uid, "%s", object->uid);
        (void)snprintf(known->space, sizeof known->space, "%s", object->space ? object->space : "");
        (void)snprintf(known->unit, sizeof known->unit, "%s", object->unit ? object->unit : "");
        (void)snprintf(known->api_version, sizeof known->api_version, "%s%s%s", object->group ? object->group : "",
                       object->group && *object->group ? "/" : "", object->version ? object->version : "");
    }
    if (!known || !hf_agent_key(&key, object->group, object->kind, object->namespace, object->name) ||
        hf_map_put(target->known, (struct hf_slice){key.ptr, key.len}, known, &old) != 0) {
        free(known);
        return hf_error_set(err, HF_ENOMEM, "take up what is known: out of memory");
    }
    free(old);
    return 0;
}

/* Live forms are not kept: to judge all anew, all is listed anew. */
void hf_agent_list_anew(struct hf_agent *agent, const struct target *target)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(target->objects, &cursor, NULL, &value)) {
        ((struct object *)value)->has_in_sync = false; /* by what was known before */
    }
    for (const struct scope *scope = target->scopes; scope; scope = scope->next) {
        if (scope->synced) {
            struct hf_agent_scope told = {scope->id, target->name, scope->api_version, scope->kind, scope->namespace};
            agent->effects.follow(agent->effects.ctx, &told);
        }
    }
}

int hf_agent_discovered(struct hf_agent *agent, const char *name, const struct hf_types *types, struct hf_error *err)
{
    struct target *target = hf_agent_find_target(agent, name);
    if (!target) {
        return 0;
    }
    bool renewed = target->discovered && target->types != types;
    target->types = types;
    target->discovered = true;
    if (hf_agent_place_all(agent, target, err) != 0) {
        return -1;
    }
    if (renewed) {
        hf_agent_list_anew(agent, target); /* another schema may give another verdict */
    }
    return hf_agent_leave(agent, err);
}

static bool is_at_rest(const struct object *object)
{
    return object->phase == PHASE_IDLE && !object->wants_get && !object->await_rv[0] && object->review_ms == 0;
}

/* Extras that are no more, taken out where nobody holds on to them. */
static void forget_gone(struct hf_agent *agent, struct object *object)
{
    hf_auto_buf struct hf_buf key = {0};
    hf_agent_deactivate(agent, object);
    if (hf_agent_key(&key, object->group, object->kind, object->namespace, object->name) &&
        hf_map_get(object->target->objects, (struct hf_slice){key.ptr, key.len}) == object) {
        (void)hf_map_remove(object->target->objects, (struct hf_slice){key.ptr, key.len});
        hf_agent_object_free(object);
    }
}

/* Lets go of what is done. When the next of the others is due. */
static int64_t sweep(struct hf_agent *agent)
{
    int64_t next = INT64_MAX;
    for (struct object *object = agent->active; object;) {
        struct object *following = object->active_next;
        if (object->is_gone && !object->flight) {
            forget_gone(agent, object);
        } else if (is_at_rest(object)) {
            hf_agent_deactivate(agent, object);
        } else {
            int64_t due = hf_agent_next_due(agent, object);
            int64_t late = hf_agent_tally_late(agent, object);
            due = late < due ? late : due;
            next = due < next ? due : next;
        }
        object = following;
    }
    return next;
}

int hf_agent_leave(struct hf_agent *agent, struct hf_error *err)
{
    int64_t now = agent->effects.mono_ms(agent->effects.ctx);
    /* A deleted namespace of thousands is as many entries: looking at all of them in each would never end. */
    bool is_too_soon = now < agent->next_pass_ms;
    if (!is_too_soon) {
        hf_agent_run_queue(agent);
    }
    int result = hf_agent_hand_over(agent, err);
    if (is_too_soon) {
        agent->effects.wake_in(agent->effects.ctx, agent->next_pass_ms - now);
        return result;
    }
    int64_t next = sweep(agent);
    agent->next_pass_ms = now + (int64_t)(agent->active_count / agent->looked_at_a_ms);
    if (agent->unsent && next > now + RETRY_RECORD_MS) {
        next = now + RETRY_RECORD_MS;
    }
    if (next != INT64_MAX) {
        /* What is due but waits for its turn (order, a namespace) is looked at by every event, and at this pace. */
        int64_t delay = next - now;
        agent->effects.wake_in(agent->effects.ctx, delay > RETRY_RECORD_MS ? delay : RETRY_RECORD_MS);
    }
    return result;
}

int hf_agent_tick(struct hf_agent *agent, struct hf_error *err)
{
    return hf_agent_leave(agent, err);
}

bool hf_agent_synced(const struct hf_agent *agent, const char **why)
{
    for (const struct target *target = agent->targets; target; target = target->next) {
        const char *missing = !target->discovered ? "the cluster's discovery" : !target->has_units ? "the units" : NULL;
        for (const struct scope *scope = target->scopes; scope && !missing; scope = scope->next) {
            if (!scope->synced && !hf_agent_scope_is_refused(scope)) {
                missing = scope->problem ? scope->problem : "the first list of objects";
            }
        }
        if (missing) {
            if (why) {
                *why = missing;
            }
            return false;
        }
    }
    return true;
}

bool hf_agent_idle(const struct hf_agent *agent)
{
    for (const struct object *object = agent->active; object; object = object->active_next) {
        if (object->phase == PHASE_RECORDING || (object->flight && object->flight->errand != ERRAND_READ)) {
            return false;
        }
    }
    return !agent->unsent;
}

void hf_agent_drain(struct hf_agent *agent)
{
    agent->draining = true;
}
