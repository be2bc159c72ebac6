#include "holdfast/autoscaler.h"

#include <stdlib.h>
#include <string.h>

#include "holdfast/drift.h"
#include "holdfast/mem.h"
#include "holdfast/pointer.h"

struct hf_autoscaler {
    struct hf_arena *arena;
    const char *own_name;
    const char *group;
    const char *kind;
    const char *namespace;
    const char *name;
    bool is_vertical;
    int64_t least; /* replicas */
    int64_t most;
    const struct hf_value *policies; /* NULL: none */
};

static const char *text_at(const struct hf_value *value, const char *key)
{
    const char *text = hf_value_text(hf_value_get(value, key));
    return text ? text : "";
}

static const char *keep(struct hf_arena *arena, const char *text, size_t len)
{
    return hf_arena_copy(arena, text, len);
}

static bool fill(struct hf_autoscaler *to, const struct hf_value *live)
{
    const struct hf_value *metadata = hf_value_get(live, "metadata");
    const struct hf_value *target = hf_value_path(live, "spec", to->is_vertical ? "targetRef" : "scaleTargetRef", NULL);
    const struct hf_value *policies = hf_value_path(live, "spec", "resourcePolicy", "containerPolicies", NULL);
    const char *api_version = text_at(target, "apiVersion");
    const char *slash = strchr(api_version, '/');
    to->own_name = keep(to->arena, text_at(metadata, "name"), strlen(text_at(metadata, "name")));
    to->namespace = keep(to->arena, text_at(metadata, "namespace"), strlen(text_at(metadata, "namespace")));
    to->group = keep(to->arena, api_version, slash ? (size_t)(slash - api_version) : 0);
    to->kind = keep(to->arena, text_at(target, "kind"), strlen(text_at(target, "kind")));
    to->name = keep(to->arena, text_at(target, "name"), strlen(text_at(target, "name")));
    to->policies = policies ? hf_value_copy(to->arena, policies) : NULL;
    to->least = 1;
    (void)hf_value_int(hf_value_path(live, "spec", "minReplicas", NULL), &to->least);
    (void)hf_value_int(hf_value_path(live, "spec", "maxReplicas", NULL), &to->most);
    return to->own_name && to->namespace && to->group && to->kind && to->name && (!policies || to->policies);
}

int hf_autoscaler_read(const struct hf_value *live, bool is_vertical, struct hf_autoscaler **out, struct hf_error *err)
{
    const char *mode = hf_value_text(hf_value_path(live, "spec", "updatePolicy", "updateMode", NULL));
    *out = NULL;
    if (is_vertical && mode && strcmp(mode, "Off") == 0) {
        return 0;
    }
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_autoscaler *made = arena ? hf_arena_alloc(arena, sizeof *made) : NULL;
    if (made) {
        *made = (struct hf_autoscaler){.arena = arena, .is_vertical = is_vertical};
    }
    if (!made || !fill(made, live)) {
        hf_arena_free(arena);
        return hf_error_set(err, HF_ENOMEM, "take an autoscaler: out of memory");
    }
    *out = made;
    return 0;
}

void hf_autoscaler_free(struct hf_autoscaler *autoscaler)
{
    if (autoscaler) {
        hf_arena_free(autoscaler->arena);
    }
}

const char *hf_autoscaler_name(const struct hf_autoscaler *autoscaler)
{
    return autoscaler->own_name;
}

bool hf_autoscaler_is_vertical(const struct hf_autoscaler *autoscaler)
{
    return autoscaler->is_vertical;
}

bool hf_autoscaler_equal(const struct hf_autoscaler *a, const struct hf_autoscaler *b)
{
    return hf_autoscaler_targets(a, b->group, b->kind, b->namespace, b->name) && a->least == b->least &&
           a->most == b->most && a->is_vertical == b->is_vertical &&
           (a->policies && b->policies ? hf_value_equal(a->policies, b->policies) : a->policies == b->policies);
}

bool hf_autoscaler_targets(const struct hf_autoscaler *autoscaler, const char *group, const char *kind,
                           const char *namespace, const char *name)
{
    return namespace && strcmp(autoscaler->group, group) == 0 && strcmp(autoscaler->kind, kind) == 0 &&
           strcmp(autoscaler->name, name) == 0 && strcmp(autoscaler->namespace, namespace) == 0;
}

void hf_autoscaler_target(const struct hf_autoscaler *autoscaler, const char **group, const char **kind,
                          const char **namespace, const char **name)
{
    *group = autoscaler->group;
    *kind = autoscaler->kind;
    *namespace = autoscaler->namespace;
    *name = autoscaler->name;
}

/* …/containers/N/resources/requests/cpu and the like; what is below resources whole is not its doing. */
static bool is_resource(const char *path)
{
    const char *resource = strrchr(path, '/');
    return strstr(path, "/resources/") && strstr(path, "/containers/") &&
           (strcmp(resource, "/cpu") == 0 || strcmp(resource, "/memory") == 0);
}

enum hf_scaling hf_autoscaler_kind_for(const char *path)
{
    return strcmp(path, "/spec/replicas") == 0 ? HF_SCALES_REPLICAS
           : is_resource(path)                 ? HF_SCALES_RESOURCES
                                               : HF_SCALES_NOTHING;
}

static const struct hf_value *policy_for(const struct hf_autoscaler *autoscaler, const char *container)
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

static bool owns_resource(const struct hf_autoscaler *autoscaler, const struct hf_value *live, const char *path)
{
    size_t container_len = (size_t)(strstr(path, "/resources/") - path);
    const struct hf_value *container = hf_pointer_get(live, (struct hf_slice){path, container_len});
    const struct hf_value *value = hf_pointer_get(live, hf_slice_of(path));
    const struct hf_value *policy = policy_for(autoscaler, text_at(container, "name"));
    return value && strcmp(text_at(policy, "mode"), "Off") != 0 && is_within(policy, strrchr(path, '/') + 1, value);
}

bool hf_autoscaler_owns(const struct hf_autoscaler *autoscaler, const struct hf_value *live, const char *path)
{
    int64_t count;
    enum hf_scaling scaling = hf_autoscaler_kind_for(path);
    if (scaling == HF_SCALES_RESOURCES) {
        return autoscaler->is_vertical && owns_resource(autoscaler, live, path);
    }
    return scaling == HF_SCALES_REPLICAS && !autoscaler->is_vertical &&
           hf_value_int(hf_value_path(live, "spec", "replicas", NULL), &count) && count >= autoscaler->least &&
           count <= autoscaler->most;
}
