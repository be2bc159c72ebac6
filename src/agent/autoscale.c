/* Autoscalers, found by themselves: a HorizontalPodAutoscaler owns the replicas of what it targets within its bounds, a
 * VerticalPodAutoscaler that acts owns the resources of its containers within its policies.
 *
 * autoscaling/v1 is read: every server that has HorizontalPodAutoscalers serves it, and it holds all that counts here.
 * What lies outside the bounds was not the autoscaler's doing (k8s.io/kubernetes pkg/controller/podautoscaler,
 * horizontal.go: it does not act on 0 replicas, and brings all else within them). */
#include <stdlib.h>
#include <string.h>

#include "holdfast/pointer.h"
#include "state.h"

static void autoscaler_free(struct autoscaler *autoscaler)
{
    hf_arena_free(autoscaler->arena);
    free(autoscaler->strings);
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
                     const char *namespace, enum scales scales, struct hf_error *err)
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
        enum scales scales;
    } KINDS[] = {{"autoscaling/v1", "HorizontalPodAutoscaler", SCALES_REPLICAS},
                 {"autoscaling.k8s.io/v1", "VerticalPodAutoscaler", SCALES_RESOURCES}};
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

static const char *text_at(const struct hf_value *value, const char *key)
{
    const char *text = hf_value_text(hf_value_get(value, key));
    return text ? text : "";
}

static bool name_it(struct autoscaler *autoscaler, const struct scope *scope, const struct hf_value *live)
{
    const struct hf_value *target =
        hf_value_path(live, "spec", autoscaler->is_vertical ? "targetRef" : "scaleTargetRef", NULL);
    const char *api_version = text_at(target, "apiVersion");
    const char *slash = strchr(api_version, '/');
    const char *own_name = hf_value_text(hf_agent_metadata(live, "name"));
    const char *parts[] = {own_name ? own_name : "", text_at(target, "kind"), scope->namespace,
                           text_at(target, "name")};
    struct hf_buf strings = {0};
    size_t at[4];
    for (size_t i = 0; i < 4; i++) {
        at[i] = strings.len;
        hf_buf_adds(&strings, parts[i]);
        hf_buf_addc(&strings, '\0');
    }
    size_t group = strings.len;
    hf_buf_add(&strings, api_version, slash ? (size_t)(slash - api_version) : 0);
    char *block = hf_buf_take(&strings);
    autoscaler->strings = block;
    if (!block) {
        return false;
    }
    autoscaler->own_name = block + at[0];
    autoscaler->kind = block + at[1];
    autoscaler->namespace = block + at[2];
    autoscaler->name = block + at[3];
    autoscaler->group = block + group;
    return true;
}

/* What it may do: NULL when that is nothing (a VPA that only recommends). */
static struct autoscaler *read_autoscaler(struct scope *scope, const struct hf_value *live, bool *short_of)
{
    bool is_vertical = scope->scales == SCALES_RESOURCES;
    const char *mode = hf_value_text(hf_value_path(live, "spec", "updatePolicy", "updateMode", NULL));
    if (is_vertical && mode && strcmp(mode, "Off") == 0) {
        return NULL;
    }
    struct autoscaler *autoscaler = hf_calloc(1, sizeof *autoscaler);
    if (!autoscaler) {
        *short_of = true;
        return NULL;
    }
    autoscaler->scope = scope;
    autoscaler->is_vertical = is_vertical;
    autoscaler->listed = scope->list;
    autoscaler->least = 1;
    (void)hf_value_int(hf_value_path(live, "spec", "minReplicas", NULL), &autoscaler->least);
    (void)hf_value_int(hf_value_path(live, "spec", "maxReplicas", NULL), &autoscaler->most);
    const struct hf_value *policies = hf_value_path(live, "spec", "resourcePolicy", "containerPolicies", NULL);
    bool good = name_it(autoscaler, scope, live);
    if (good && policies) {
        autoscaler->arena = hf_arena_new(0);
        autoscaler->policies = autoscaler->arena ? hf_value_copy(autoscaler->arena, policies) : NULL;
        good = autoscaler->policies != NULL;
    }
    if (!good) {
        *short_of = true;
        autoscaler_free(autoscaler);
        return NULL;
    }
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
    struct object *object = hf_agent_find_object(autoscaler->scope->target, autoscaler->group, autoscaler->kind,
                                                 autoscaler->namespace, autoscaler->name);
    if (object && !object->is_extra && object->scope && object->scope->synced) {
        read_anew(agent, object);
    }
}

static bool is_same(const struct autoscaler *a, const struct autoscaler *b)
{
    return strcmp(a->group, b->group) == 0 && strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0 &&
           a->least == b->least && a->most == b->most && a->is_vertical == b->is_vertical &&
           (a->policies && b->policies ? hf_value_equal(a->policies, b->policies) : a->policies == b->policies);
}

int hf_agent_take_autoscaler(struct hf_agent *agent, struct scope *scope, const struct hf_value *live, bool gone,
                             struct hf_error *err)
{
    struct target *target = scope->target;
    const char *name = hf_value_text(hf_agent_metadata(live, "name"));
    struct autoscaler **at = &target->autoscalers;
    while (*at && ((*at)->scope != scope || !name || strcmp((*at)->own_name, name) != 0)) {
        at = &(*at)->next;
    }
    struct autoscaler *before = *at;
    bool short_of = false;
    struct autoscaler *now = gone || !name ? NULL : read_autoscaler(scope, live, &short_of);
    if (short_of) {
        return hf_error_set(err, HF_ENOMEM, "take an autoscaler: out of memory");
    }
    if (before && now && is_same(before, now)) {
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

static bool targets(const struct autoscaler *autoscaler, const struct object *object)
{
    return object->namespace && strcmp(autoscaler->group, object->group) == 0 &&
           strcmp(autoscaler->kind, object->kind) == 0 && strcmp(autoscaler->name, object->name) == 0 &&
           strcmp(autoscaler->namespace, object->namespace) == 0;
}

static const struct autoscaler *autoscaler_of(const struct object *object, bool is_vertical)
{
    const struct autoscaler *autoscaler = object->target->autoscalers;
    while (autoscaler && (autoscaler->is_vertical != is_vertical || !targets(autoscaler, object))) {
        autoscaler = autoscaler->next;
    }
    return autoscaler;
}

bool hf_agent_has_horizontal(const struct object *object)
{
    return autoscaler_of(object, false) != NULL;
}

/* The autoscalers of an object's namespace have not been listed yet: they will be, or they may not be read. */
static enum owned before_list(const struct object *object, enum scales scales, const char **why)
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

static enum owned replicas(const struct object *object, const struct hf_value *live, const char **why)
{
    int64_t count;
    enum owned before = before_list(object, SCALES_REPLICAS, why);
    if (before != OWNED_NO) {
        return before;
    }
    const struct autoscaler *autoscaler = autoscaler_of(object, false);
    if (!autoscaler || !hf_value_int(hf_value_path(live, "spec", "replicas", NULL), &count)) {
        return OWNED_NO;
    }
    *why = autoscaler->own_name;
    return count >= autoscaler->least && count <= autoscaler->most ? OWNED_YES : OWNED_NO;
}

static const struct hf_value *policy_for(const struct autoscaler *autoscaler, const char *container)
{
    const struct hf_value *for_all = NULL;
    for (size_t i = 0; i < hf_value_count(autoscaler->policies); i++) {
        const struct hf_value *policy = hf_value_at(autoscaler->policies, i);
        const char *name = text_at(policy, "containerName");
        if (strcmp(name, container) == 0) {
            return policy;
        }
        if (strcmp(name, "*") == 0) {
            for_all = policy;
        }
    }
    return for_all;
}

static struct hf_slice quantity_of(const struct hf_value *value)
{
    return value && (value->kind == HF_STRING || value->kind == HF_NUMBER) ? value->as.text : (struct hf_slice){"", 0};
}

static bool is_within(const struct hf_value *policy, const char *resource, const struct hf_value *value)
{
    const struct hf_value *least = hf_value_path(policy, "minAllowed", resource, NULL);
    const struct hf_value *most = hf_value_path(policy, "maxAllowed", resource, NULL);
    int order;
    if (!value || (least && (!hf_quantity_compare(quantity_of(value), quantity_of(least), &order) || order < 0))) {
        return false;
    }
    return !most || (hf_quantity_compare(quantity_of(value), quantity_of(most), &order) && order <= 0);
}

/* …/containers/N/resources/requests/cpu and the like; what is below resources whole is not its doing. */
static enum owned resources(const struct object *object, const struct hf_value *live, const struct hf_finding *finding,
                            const char **why)
{
    const char *tail = strstr(finding->path, "/resources/");
    const char *resource = strrchr(finding->path, '/') + 1;
    if (!tail || !strstr(finding->path, "/containers/") ||
        (strcmp(resource, "cpu") != 0 && strcmp(resource, "memory") != 0)) {
        return OWNED_NO;
    }
    enum owned before = before_list(object, SCALES_RESOURCES, why);
    if (before != OWNED_NO) {
        return before;
    }
    const struct autoscaler *autoscaler = autoscaler_of(object, true);
    const struct hf_value *container =
        hf_pointer_get(live, (struct hf_slice){finding->path, (size_t)(tail - finding->path)});
    const struct hf_value *value = hf_pointer_get(live, hf_slice_of(finding->path));
    if (!autoscaler || !value) {
        return OWNED_NO;
    }
    const struct hf_value *policy = policy_for(autoscaler, text_at(container, "name"));
    *why = autoscaler->own_name;
    return strcmp(text_at(policy, "mode"), "Off") != 0 && is_within(policy, resource, value) ? OWNED_YES : OWNED_NO;
}

enum owned hf_agent_autoscaled(const struct object *object, const struct hf_value *live,
                               const struct hf_finding *finding, const char **why)
{
    if (!live || finding->class == HF_LEFTOVER) {
        return OWNED_NO;
    }
    if (strcmp(finding->path, "/spec/replicas") == 0) {
        return replicas(object, live, why);
    }
    return resources(object, live, finding, why);
}
