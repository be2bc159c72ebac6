/* Sets of kinds. */
#include <string.h>

#include "schema.h"

void schema_kinds_clear(struct schema_kinds *kinds)
{
    hf_arena_free(kinds->arena);
    free(kinds->items);
    *kinds = (struct schema_kinds){0};
}

static bool is_same(const struct hf_type_want *a, const struct hf_type_want *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->version, b->version) == 0 && strcmp(a->group, b->group) == 0;
}

bool schema_kinds_have(const struct schema_kinds *kinds, const struct hf_type_want *kind)
{
    for (size_t i = 0; i < kinds->count; i++) {
        if (is_same(&kinds->items[i], kind)) {
            return true;
        }
    }
    return false;
}

bool schema_kinds_cover(const struct schema_kinds *all, const struct schema_kinds *some)
{
    for (size_t i = 0; i < some->count; i++) {
        if (!schema_kinds_have(all, &some->items[i])) {
            return false;
        }
    }
    return true;
}

int schema_kinds_add(struct schema_kinds *kinds, const struct hf_type_want *kind, struct hf_error *err)
{
    if (schema_kinds_have(kinds, kind)) {
        return 0;
    }
    kinds->arena = kinds->arena ? kinds->arena : hf_arena_new(0);
    if (kinds->arena && kinds->count == kinds->cap) {
        size_t cap = kinds->cap ? kinds->cap * 2 : 8;
        struct hf_type_want *items = hf_reallocarray(kinds->items, cap, sizeof *items);
        if (!items) {
            return hf_error_set(err, HF_ENOMEM, "kinds: out of memory");
        }
        kinds->items = items;
        kinds->cap = cap;
    }
    struct hf_type_want copy = {NULL, NULL, NULL};
    if (kinds->arena) {
        copy.group = hf_arena_copy(kinds->arena, kind->group, strlen(kind->group));
        copy.version = hf_arena_copy(kinds->arena, kind->version, strlen(kind->version));
        copy.kind = hf_arena_copy(kinds->arena, kind->kind, strlen(kind->kind));
    }
    if (!copy.group || !copy.version || !copy.kind) {
        return hf_error_set(err, HF_ENOMEM, "kinds: out of memory");
    }
    kinds->items[kinds->count++] = copy;
    return 0;
}

int schema_want(struct hf_arena *arena, const char *api_version, const char *kind, struct hf_type_want *out,
                struct hf_error *err)
{
    struct hf_slice group;
    struct hf_slice version;
    hf_api_version_split(api_version, &group, &version);
    out->group = hf_arena_copy(arena, group.ptr, group.len);
    out->version = hf_arena_copy(arena, version.ptr, version.len);
    out->kind = kind;
    return out->group && out->version ? 0 : hf_error_set(err, HF_ENOMEM, "kinds: out of memory");
}

bool hf_schema_is_custom(const char *api_version)
{
    static const char *const BUILT_IN[] = {"apps",
                                           "autoscaling",
                                           "batch",
                                           "extensions",
                                           "policy",
                                           "admission.k8s.io",
                                           "admissionregistration.k8s.io",
                                           "apiextensions.k8s.io",
                                           "apiregistration.k8s.io",
                                           "authentication.k8s.io",
                                           "authorization.k8s.io",
                                           "certificates.k8s.io",
                                           "coordination.k8s.io",
                                           "discovery.k8s.io",
                                           "events.k8s.io",
                                           "flowcontrol.apiserver.k8s.io",
                                           "internal.apiserver.k8s.io",
                                           "networking.k8s.io",
                                           "node.k8s.io",
                                           "rbac.authorization.k8s.io",
                                           "resource.k8s.io",
                                           "scheduling.k8s.io",
                                           "settings.k8s.io",
                                           "storage.k8s.io",
                                           "storagemigration.k8s.io"};
    struct hf_slice group;
    struct hf_slice version;
    hf_api_version_split(api_version, &group, &version);
    for (size_t i = 0; i < sizeof BUILT_IN / sizeof BUILT_IN[0]; i++) {
        if (hf_slice_is(group, BUILT_IN[i])) {
            return false;
        }
    }
    return group.len > 0;
}
