/* Defaults that depend on another field (pkg/apis/…/defaults.go). What stands alone is in
 * schema/kubernetes-types-defaults.json. */
#include <string.h>

#include "walk.h"

/* What the server has of a neighbour once the unit is applied: the unit's, else what is there. */
struct neighbours {
    struct walk *walk;
    const struct hf_value *desired;
    const struct hf_value *live;
};

static const struct hf_value *next_to(const struct neighbours *at, const char *key)
{
    const struct hf_value *value = hf_value_get(at->desired, key);
    if (value && value->kind != HF_NULL) {
        return value;
    }
    return at->walk->in_atomic ? NULL : hf_value_get(at->live, key);
}

/* What the object will hold there: the unit's, else what is there and does not go with our last apply. */
static const struct hf_value *merged(const struct neighbours *at, const char *key)
{
    const struct hf_value *wanted = hf_value_get(at->desired, key);
    const struct hf_value *found = wanted || at->walk->in_atomic ? NULL : hf_value_get(at->live, key);
    struct claims claims;
    if (found && at->walk->around) {
        hf_claims_key(at->walk, at->walk->around, hf_slice_of(key), &claims);
        bool goes = hf_claims_any_ours(at->walk, &claims) && !hf_claims_by_others(at->walk, &claims);
        found = goes ? NULL : found;
    }
    wanted = wanted ? wanted : found;
    return wanted && !hf_is_zero(wanted) ? wanted : NULL;
}

static bool is_next_to(const struct neighbours *at, const char *key, const char *text)
{
    const char *found = hf_value_text(next_to(at, key));
    return found && strcmp(found, text) == 0;
}

static const struct hf_value *text(const struct neighbours *at, const char *value)
{
    struct hf_value *made = hf_value_string(at->walk->arena, hf_slice_of(value));
    at->walk->failed |= !made;
    return made;
}

static const struct hf_value *empty_object(void)
{
    static const struct hf_value EMPTY = {.kind = HF_OBJECT};
    return &EMPTY;
}

/* "latest", also by leaving the tag out, is always pulled; a digest counts as a tag. */
static const struct hf_value *pull_policy(const struct neighbours *at)
{
    const char *image = hf_value_text(next_to(at, "image"));
    const char *name = image ? strrchr(image, '/') : NULL;
    name = name ? name + 1 : image;
    if (!image || strchr(image, '@')) {
        return text(at, "IfNotPresent");
    }
    const char *tag = strchr(name, ':');
    return text(at, !tag || strcmp(tag, ":latest") == 0 ? "Always" : "IfNotPresent");
}

static const struct hf_value *target_port(const struct neighbours *at)
{
    return next_to(at, "port");
}

/* A volume without a source is an emptyDir. */
static const struct hf_value *volume_source(const struct neighbours *at)
{
    const struct hf_value *volume = at->desired ? at->desired : at->live;
    for (size_t i = 0; i < hf_value_count(volume); i++) {
        const struct hf_member *member = &volume->as.object.members[i];
        if (!hf_slice_is(member->key, "name") && !hf_slice_is(member->key, "emptyDir") &&
            member->value.kind != HF_NULL) {
            return NULL;
        }
    }
    return empty_object();
}

static const struct hf_value *rolling_update(const struct neighbours *at)
{
    const struct hf_value *type = next_to(at, "type");
    return !type || hf_is_zero(type) || is_next_to(at, "type", "RollingUpdate") ? empty_object() : NULL;
}

static const struct hf_value *policy_types(const struct neighbours *at)
{
    struct hf_value *types = hf_value_new(at->walk->arena, HF_ARRAY);
    const struct hf_value *ingress = text(at, "Ingress");
    const struct hf_value *egress = text(at, "Egress");
    if (!types || !ingress || !egress || hf_value_push(at->walk->arena, types, ingress) != 0 ||
        (hf_value_count(next_to(at, "egress")) > 0 && hf_value_push(at->walk->arena, types, egress) != 0)) {
        at->walk->failed = true;
        return NULL;
    }
    return types;
}

static const struct hf_value *subject_group(const struct neighbours *at)
{
    bool is_rbac = is_next_to(at, "kind", "User") || is_next_to(at, "kind", "Group");
    return is_rbac ? text(at, "rbac.authorization.k8s.io") : NULL;
}

/* Adds the entries of a map of quantities that the other does not have yet. */
static void add_quantities(const struct neighbours *at, struct hf_value *to, const struct hf_value *from)
{
    for (size_t i = 0; i < hf_value_count(from) && from->kind == HF_OBJECT; i++) {
        const struct hf_member *member = &from->as.object.members[i];
        if (!hf_value_find(to, member->key) && hf_value_set(at->walk->arena, to, member->key, &member->value) != 0) {
            at->walk->failed = true;
        }
    }
}

/* A container's default limit is its maximum; its default request the limit, else the minimum. */
static const struct hf_value *limit_defaults(const struct neighbours *at, bool is_request)
{
    struct hf_value *result = hf_value_new(at->walk->arena, HF_OBJECT);
    if (!result || !is_next_to(at, "type", "Container")) {
        at->walk->failed |= !result;
        return NULL;
    }
    if (is_request) {
        add_quantities(at, result, next_to(at, "defaultRequest"));
    }
    add_quantities(at, result, next_to(at, "default"));
    add_quantities(at, result, next_to(at, "max"));
    if (is_request) {
        add_quantities(at, result, next_to(at, "min"));
    }
    return result->as.object.count > 0 ? result : NULL;
}

static const struct hf_value *default_limits(const struct neighbours *at)
{
    return limit_defaults(at, false);
}

static const struct hf_value *default_requests(const struct neighbours *at)
{
    return limit_defaults(at, true);
}

static const struct hf_value *traffic_policy(const struct neighbours *at)
{
    bool is_open = is_next_to(at, "type", "NodePort") || is_next_to(at, "type", "LoadBalancer");
    return is_open ? text(at, "Cluster") : NULL;
}

/* One completion where neither completions nor parallelism is said. */
static const struct hf_value *completions(const struct neighbours *at)
{
    return hf_value_get(at->desired, "parallelism") ? NULL : hf_value_integer(at->walk->arena, 1);
}

/* On the host's network a container's port is the host's port. */
static const struct hf_value *host_port(const struct neighbours *at)
{
    const struct hf_value *template = hf_value_path(at->walk->unit, "spec", "template", "spec", NULL);
    const struct hf_value *pod = template ? template : hf_value_get(at->walk->unit, "spec");
    return hf_value_is_true(hf_value_get(pod, "hostNetwork")) ? next_to(at, "containerPort") : NULL;
}

/* Of two names of one thing the server writes the one from the other (pkg/apis/core/v1/conversion.go): a Node's podCIDR
 * from its podCIDRs, a Pod's serviceAccount from its serviceAccountName, and that from the former where it is empty. */
static const struct hf_value *pod_cidr(const struct neighbours *at)
{
    const struct hf_value *list = merged(at, "podCIDRs");
    return list && list->kind == HF_ARRAY ? hf_value_at(list, 0) : NULL;
}

static const struct hf_value *account_name(const struct neighbours *at)
{
    return merged(at, "serviceAccount");
}

static const struct hf_value *account(const struct neighbours *at)
{
    return merged(at, "serviceAccountName");
}

static const struct hf_value *list_kind(const struct neighbours *at)
{
    const char *kind = hf_value_text(next_to(at, "kind"));
    char *name = kind ? hf_arena_printf(at->walk->arena, "%sList", kind) : NULL;
    return name ? text(at, name) : NULL;
}

static const struct hf_value *singular(const struct neighbours *at)
{
    const char *kind = hf_value_text(next_to(at, "kind"));
    char *name = kind ? hf_arena_copy(at->walk->arena, kind, strlen(kind)) : NULL;
    for (size_t i = 0; name && name[i]; i++) {
        name[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    return name ? text(at, name) : NULL;
}

/* A ReplicationController without a selector takes its template's labels, others' among them. */
static const struct hf_value *template_labels(const struct neighbours *at)
{
    static const char *const WAY[] = {"template", "metadata", "labels"};
    const struct hf_value *wanted = hf_value_path(at->desired, "template", "metadata", "labels", NULL);
    const struct hf_value *found =
        at->walk->in_atomic ? NULL : hf_value_path(at->live, "template", "metadata", "labels", NULL);
    struct hf_value *labels = wanted && wanted->kind == HF_OBJECT ? hf_value_copy(at->walk->arena, wanted)
                                                                  : hf_value_new(at->walk->arena, HF_OBJECT);
    struct claims claims[4];
    at->walk->failed |= !labels;
    if (!labels || labels->kind != HF_OBJECT || (found && found->kind != HF_OBJECT)) {
        return NULL;
    }
    for (size_t i = 0; at->walk->around && i < 3; i++) {
        hf_claims_key(at->walk, i ? &claims[i - 1] : at->walk->around, hf_slice_of(WAY[i]), &claims[i]);
    }
    for (size_t i = 0; i < hf_value_count(found); i++) {
        const struct hf_member *label = &found->as.object.members[i];
        bool goes = false;
        if (at->walk->around) {
            hf_claims_key(at->walk, &claims[2], label->key, &claims[3]);
            goes = hf_claims_any_ours(at->walk, &claims[3]) && !hf_claims_by_others(at->walk, &claims[3]);
        }
        if (!goes && !hf_value_find(labels, label->key)) {
            at->walk->failed |= hf_value_set(at->walk->arena, labels, label->key, &label->value) != 0;
        }
    }
    return labels->as.object.count > 0 ? labels : NULL;
}

static const struct hf_value *affinity_config(const struct neighbours *at)
{
    static const struct hf_value NOTHING = {.kind = HF_OBJECT};
    struct hf_value *config = hf_value_new(at->walk->arena, HF_OBJECT);
    if (!is_next_to(at, "sessionAffinity", "ClientIP") || !config) {
        return NULL;
    }
    return hf_value_set(at->walk->arena, config, hf_slice_of("clientIP"), &NOTHING) == 0 ? config : NULL;
}

static const struct hf_value *restart_policy(const struct neighbours *at)
{
    const char *kind = hf_value_text(hf_value_get(at->walk->unit, "kind"));
    bool is_job = kind && (strcmp(kind, "Job") == 0 || strcmp(kind, "CronJob") == 0);
    return is_job ? NULL : text(at, "Always");
}

/* Of the policies of a HorizontalPodAutoscaler's behaviour each field by itself: those that the unit leaves out of one
 * are the ones of the whole. */
static const struct hf_value *scaling_rule(const struct neighbours *at, const char *field)
{
    static const char *const UP[] = {"behavior", "scaleUp"};
    bool is_up = hf_walk_is_at(at->walk, UP, 2, 0);
    if (strcmp(field, "policies") != 0) {
        return is_up ? hf_value_integer(at->walk->arena, 0) : NULL;
    }
    static const struct {
        const char *type;
        int64_t value;
    } POLICIES[] = {{"Percent", 100}, {"Pods", 4}};
    struct hf_value *list = hf_value_new(at->walk->arena, HF_ARRAY);
    for (size_t i = is_up ? 2 : 1; list && i-- > 0;) {
        struct hf_arena *arena = at->walk->arena;
        struct hf_value *policy = hf_value_new(arena, HF_OBJECT);
        const struct hf_value *type = text(at, POLICIES[i].type);
        const struct hf_value *value = hf_value_integer(arena, POLICIES[i].value);
        const struct hf_value *period = hf_value_integer(arena, 15);
        at->walk->failed |= !policy || !type || !value || !period ||
                            hf_value_set(arena, policy, hf_slice_of("type"), type) != 0 ||
                            hf_value_set(arena, policy, hf_slice_of("value"), value) != 0 ||
                            hf_value_set(arena, policy, hf_slice_of("periodSeconds"), period) != 0 ||
                            hf_value_push(arena, list, policy) != 0;
        if (at->walk->failed) {
            return NULL;
        }
    }
    return list;
}

static const struct hf_value *scaling_policies(const struct neighbours *at)
{
    return scaling_rule(at, "policies");
}

static const struct hf_value *scaling_window(const struct neighbours *at)
{
    return scaling_rule(at, "stabilizationWindowSeconds");
}

/* A Pod's, where admission adds those for a node that does not answer. */
static const struct hf_value *tolerations(const struct neighbours *at)
{
    const struct hf_value *found = at->walk->in_atomic ? NULL : hf_value_get(at->live, "tolerations");
    return found && hf_are_injected_tolerations(at->walk, found) ? found : NULL;
}

static bool is_named(const struct hf_type *type, const char *end)
{
    size_t len = strlen(type->name);
    size_t tail = strlen(end);
    return len > tail && type->name[len - tail - 1] == '.' && strcmp(type->name + len - tail, end) == 0;
}

bool hf_is_cleared(struct walk *walk, const struct hf_type *type, struct hf_slice key, const struct hf_value *desired,
                   const struct hf_value *live)
{
    struct neighbours at = {walk, desired, live};
    if (!type || !type->derives_defaults) {
        return false;
    }
    if (hf_slice_is(key, "serviceAccount")) {
        const struct hf_value *alias = desired ? hf_value_find(desired, key) : NULL;
        const struct hf_value *name =
            alias && is_named(type, "core.v1.PodSpec") ? merged(&at, "serviceAccountName") : NULL;
        return name && !hf_value_equal(alias, name);
    }
    return hf_slice_is(key, "sessionAffinityConfig") && is_named(type, "core.v1.ServiceSpec") &&
           !is_next_to(&at, "sessionAffinity", "ClientIP");
}

bool hf_is_completed(const struct hf_type *type, struct hf_slice key)
{
    return (hf_slice_is(key, "default") || hf_slice_is(key, "defaultRequest")) && type &&
           is_named(type, "core.v1.LimitRangeItem");
}

static const struct {
    const char *type; /* the end of the definition's name */
    const char *key;
    const struct hf_value *(*preset)(const struct neighbours *at);
} PRESETS[] = {{"core.v1.Container", "imagePullPolicy", pull_policy},
               {"core.v1.EphemeralContainer", "imagePullPolicy", pull_policy},
               {"core.v1.ServicePort", "targetPort", target_port},
               {"core.v1.Volume", "emptyDir", volume_source},
               {"core.v1.PodSpec", "restartPolicy", restart_policy},
               {"core.v1.PodSpec", "tolerations", tolerations},
               {"autoscaling.v2beta2.HPAScalingRules", "policies", scaling_policies},
               {"autoscaling.v2beta2.HPAScalingRules", "stabilizationWindowSeconds", scaling_window},
               {"autoscaling.v2.HPAScalingRules", "policies", scaling_policies},
               {"autoscaling.v2.HPAScalingRules", "stabilizationWindowSeconds", scaling_window},
               {"core.v1.PodSpec", "serviceAccount", account},
               {"core.v1.PodSpec", "serviceAccountName", account_name},
               {"core.v1.ContainerPort", "hostPort", host_port},
               {"core.v1.NodeSpec", "podCIDR", pod_cidr},
               {"core.v1.LimitRangeItem", "default", default_limits},
               {"core.v1.LimitRangeItem", "defaultRequest", default_requests},
               {"core.v1.ServiceSpec", "externalTrafficPolicy", traffic_policy},
               {"core.v1.ServiceSpec", "sessionAffinityConfig", affinity_config},
               {"apps.v1.DeploymentStrategy", "rollingUpdate", rolling_update},
               {"apps.v1.DaemonSetUpdateStrategy", "rollingUpdate", rolling_update},
               {"apps.v1.StatefulSetUpdateStrategy", "rollingUpdate", rolling_update},
               {"core.v1.ReplicationControllerSpec", "selector", template_labels},
               {"batch.v1.JobSpec", "completions", completions},
               {"networking.v1.NetworkPolicySpec", "policyTypes", policy_types},
               {"rbac.v1.Subject", "apiGroup", subject_group},
               {"apiextensions.v1.CustomResourceDefinitionNames", "listKind", list_kind},
               {"apiextensions.v1.CustomResourceDefinitionNames", "singular", singular}};

bool hf_derives_defaults(const struct hf_type *type)
{
    for (size_t i = 0; i < sizeof PRESETS / sizeof PRESETS[0]; i++) {
        if (is_named(type, PRESETS[i].type)) {
            return true;
        }
    }
    return false;
}

const struct hf_value *hf_preset_by_neighbours(struct walk *walk, const struct hf_type *type, struct hf_slice key,
                                               const struct hf_value *desired, const struct hf_value *live)
{
    struct neighbours at = {walk, desired, live};
    for (size_t i = 0; i < sizeof PRESETS / sizeof PRESETS[0]; i++) {
        if (hf_slice_is(key, PRESETS[i].key) && is_named(type, PRESETS[i].type)) {
            return PRESETS[i].preset(&at);
        }
    }
    return NULL;
}

/* Neither a schema nor a list of them: read as nothing (apiextensions/v1/marshal.go). */
bool hf_is_read_as_nothing(const struct hf_type *type, const struct hf_value *desired)
{
    return type && type->kind == HF_TYPE_UNKNOWN && type->is_built_in && desired->kind != HF_OBJECT &&
           desired->kind != HF_ARRAY &&
           (is_named(type, "JSONSchemaPropsOrArray") || is_named(type, "JSONSchemaPropsOrStringArray"));
}
