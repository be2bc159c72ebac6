/* Autoscalers, found by themselves: what they may do is holdfast/autoscaler.h's part; here it is known which there are.
 */
#include <stdlib.h>
#include <string.h>

#include "state.h"

static void autoscaler_free(struct autoscaler *autoscaler)
{
    hf_autoscaler_free(autoscaler->facts);
    free(autoscaler->name);
    free(autoscaler);
}

void hf_agent_autoscalers_free(struct target *target, const struct scope *scope)
{
    for (struct autoscaler **at = &target->autoscalers; *at;) {
        struct autoscaler *autoscaler = *at;
        if (scope && autoscaler->scope != scope) {
            at = &autoscaler->next;
            continue;
        }
        *at = autoscaler->next;
        autoscaler_free(autoscaler);
    }
}

static bool scales_something(const struct object *object)
{
    static const char *const KINDS[] = {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController",
                                        "DaemonSet"};
    if (object->is_extra || !object->namespace || object->document >= object->unit->document_count) {
        return false;
    }
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (strcmp(object->kind, KINDS[i]) == 0) {
            return true;
        }
    }
    return hf_value_path(object->unit->documents[object->document].value, "spec", "replicas", NULL) != NULL;
}

static struct scope *scope_of(const struct target *target, const char *api_version, const char *kind,
                              const char *namespace)
{
    for (struct scope *scope = target->scopes; scope; scope = scope->next) {
        if (strcmp(scope->api_version, api_version) == 0 && strcmp(scope->kind, kind) == 0 && scope->namespace &&
            strcmp(scope->namespace, namespace) == 0) {
            return scope;
        }
    }
    return NULL;
}

static int add_scope(struct hf_agent *agent, struct target *target, const char *api_version, const char *kind,
                     const char *namespace, enum hf_scaling scales, struct hf_error *err)
{
    struct scope *scope = scope_of(target, api_version, kind, namespace);
    if (!scope) {
        scope = hf_agent_scope_new(agent, target, api_version, kind, namespace);
        if (!scope) {
            return hf_error_set(err, HF_ENOMEM, "follow the autoscalers: out of memory");
        }
        scope->is_for_scales = true;
    } else if (scope->pass != target->pass) {
        scope->is_for_scales = true; /* no unit's object is in it */
    }
    scope->scales = scales;
    scope->pass = target->pass;
    return 0;
}

int hf_agent_follow_autoscalers(struct hf_agent *agent, struct target *target, struct hf_error *err)
{
    static const struct {
        const char *api_version;
        const char *kind;
        enum hf_scaling scales;
    } KINDS[] = {{"autoscaling/v1", "HorizontalPodAutoscaler", HF_SCALES_REPLICAS},
                 {"autoscaling.k8s.io/v1", "VerticalPodAutoscaler", HF_SCALES_RESOURCES}};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        struct hf_agent_kind facts = {0};
        if (agent->effects.kind(agent->effects.ctx, target->name, KINDS[i].api_version, KINDS[i].kind, &facts) !=
                HF_SERVED ||
            !facts.namespaced) {
            continue;
        }
        size_t cursor = 0;
        void *value;
        while (hf_map_next(target->objects, &cursor, NULL, &value)) {
            const struct object *object = value;
            if (object->is_served && scales_something(object) &&
                add_scope(agent, target, KINDS[i].api_version, KINDS[i].kind, object->namespace, KINDS[i].scales,
                          err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static struct autoscaler *read_autoscaler(struct scope *scope, const struct hf_value *live, const char *name,
                                          struct hf_error *err)
{
    struct hf_autoscaler *facts;
    struct autoscaler *autoscaler = NULL;
    if (hf_autoscaler_read(live, scope->scales == HF_SCALES_RESOURCES, &facts, err) != 0 || !facts) {
        return NULL;
    }
    autoscaler = hf_calloc(1, sizeof *autoscaler);
    if (!autoscaler || !(autoscaler->name = hf_strdup(name))) {
        free(autoscaler);
        hf_autoscaler_free(facts);
        (void)hf_error_set(err, HF_ENOMEM, "take an autoscaler: out of memory");
        return NULL;
    }
    autoscaler->facts = facts;
    autoscaler->scope = scope;
    autoscaler->listed = scope->list;
    return autoscaler;
}

/* A read that is under way will be judged by what is known when it is answered. */
static void read_anew(struct hf_agent *agent, struct object *object)
{
    object->has_in_sync = false;
    if (!object->flight || object->flight->errand != ERRAND_READ) {
        object->wants_get = true;
        hf_agent_activate(agent, object);
    }
}

static void judge_anew(struct hf_agent *agent, const struct autoscaler *autoscaler)
{
    const char *group;
    const char *kind;
    const char *namespace;
    const char *name;
    hf_autoscaler_target(autoscaler->facts, &group, &kind, &namespace, &name);
    struct object *object = hf_agent_find_object(autoscaler->scope->target, group, kind, namespace, name);
    if (object && !object->is_extra && object->scope && object->scope->synced) {
        read_anew(agent, object);
    }
}

int hf_agent_take_autoscaler(struct hf_agent *agent, struct scope *scope, const struct hf_value *live, bool gone,
                             struct hf_error *err)
{
    struct target *target = scope->target;
    const char *name = hf_value_text(hf_agent_metadata(live, "name"));
    struct autoscaler **at = &target->autoscalers;
    while (*at && ((*at)->scope != scope || !name || strcmp((*at)->name, name) != 0)) {
        at = &(*at)->next;
    }
    struct autoscaler *before = *at;
    struct hf_error problem = HF_ERROR_INIT;
    struct autoscaler *now = gone || !name ? NULL : read_autoscaler(scope, live, name, &problem);
    if (problem.code != HF_OK) {
        *err = problem;
        return -1;
    }
    if (before && now && hf_autoscaler_equal(before->facts, now->facts)) {
        before->listed = scope->list;
        autoscaler_free(now); /* its status changed */
        return 0;
    }
    if (before) {
        *at = before->next;
        judge_anew(agent, before);
        autoscaler_free(before);
    }
    if (now) {
        now->next = target->autoscalers;
        target->autoscalers = now;
        judge_anew(agent, now);
    }
    return 0;
}

/* At the end of a list: what was not in it is gone, and what waited for it is judged. */
void hf_agent_sweep_autoscalers(struct hf_agent *agent, struct scope *scope)
{
    for (struct autoscaler **at = &scope->target->autoscalers; *at;) {
        struct autoscaler *autoscaler = *at;
        if (autoscaler->scope != scope || autoscaler->listed == scope->list) {
            at = &autoscaler->next;
            continue;
        }
        *at = autoscaler->next;
        judge_anew(agent, autoscaler);
        autoscaler_free(autoscaler);
    }
    size_t cursor = 0;
    void *value;
    while (hf_map_next(scope->target->objects, &cursor, NULL, &value)) {
        struct object *object = value;
        if (object->awaits_autoscalers && object->namespace && strcmp(object->namespace, scope->namespace) == 0) {
            read_anew(agent, object);
        }
    }
}

static const struct autoscaler *autoscaler_of(const struct object *object, bool is_vertical)
{
    const struct autoscaler *autoscaler = object->target->autoscalers;
    while (autoscaler &&
           (hf_autoscaler_is_vertical(autoscaler->facts) != is_vertical ||
            !hf_autoscaler_targets(autoscaler->facts, object->group, object->kind, object->namespace, object->name))) {
        autoscaler = autoscaler->next;
    }
    return autoscaler;
}

bool hf_agent_has_horizontal(const struct object *object)
{
    return autoscaler_of(object, false) != NULL;
}

/* The autoscalers of an object's namespace have not been listed yet: they will be, or they may not be read. */
static enum owned before_list(const struct object *object, enum hf_scaling scales, const char **why)
{
    for (const struct scope *scope = object->target->scopes; scope; scope = scope->next) {
        if (scope->scales == scales && !scope->synced && object->namespace &&
            strcmp(scope->namespace, object->namespace) == 0) {
            *why = scope->problem;
            return scope->lost && !hf_code_is_transient(scope->code) ? OWNED_NOT_TOLD : OWNED_NOT_KNOWN;
        }
    }
    return OWNED_NO;
}

enum owned hf_agent_autoscaled(const struct object *object, const struct hf_value *live,
                               const struct hf_finding *finding, const char **why)
{
    enum hf_scaling scales = live ? hf_autoscaler_kind_for(finding->path) : HF_SCALES_NOTHING;
    if (scales == HF_SCALES_NOTHING || finding->class == HF_LEFTOVER) {
        return OWNED_NO;
    }
    enum owned before = before_list(object, scales, why);
    if (before != OWNED_NO) {
        return before;
    }
    const struct autoscaler *autoscaler = autoscaler_of(object, scales == HF_SCALES_RESOURCES);
    if (!autoscaler) {
        return OWNED_NO;
    }
    *why = hf_autoscaler_name(autoscaler->facts);
    return hf_autoscaler_owns(autoscaler->facts, live, finding->path) ? OWNED_YES : OWNED_NO;
}
