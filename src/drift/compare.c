/* Desired against live, guided by the type. */
#include <string.h>

#include "holdfast/json.h"
#include "walk.h"

#define DEEPEST 200u

bool hf_is_empty(const struct hf_value *value)
{
    switch (value->kind) {
    case HF_NULL:
        return true;
    case HF_BOOL:
        return !value->as.boolean;
    case HF_NUMBER:
        return hf_number_compare(value->as.text, hf_slice_of("0")) == 0;
    case HF_STRING:
        return value->as.text.len == 0;
    case HF_ARRAY:
        return value->as.array.count == 0;
    case HF_OBJECT:
        for (size_t i = 0; i < value->as.object.count; i++) {
            if (!hf_is_empty(&value->as.object.members[i].value)) {
                return false;
            }
        }
        return true;
    }
    return false;
}

static const struct hf_type *type_of_key(const struct hf_type *type, struct hf_slice key)
{
    if (!type) {
        return NULL;
    }
    if (type->kind == HF_TYPE_MAP) {
        return type->element;
    }
    const struct hf_field *field = type->kind == HF_TYPE_STRUCT ? hf_type_field(type, key) : NULL;
    return field ? field->type : NULL;
}

/* Live lacks what desired sets. A zero value may have been dropped by the server (Go's omitempty): then our own apply still claims it; when
 * somebody took it away the server took the claim away as well. */
static void absent(struct walk *walk, const struct hf_value *desired, const struct claims *claims)
{
    if (desired->kind == HF_NULL) {
        return;
    }
    if (hf_is_empty(desired) && (walk->ours < 0 || hf_claims_ours(walk, claims))) {
        return;
    }
    hf_walk_find(walk, HF_REMOVED, desired, NULL, claims);
}

/* Values that a unit leaves empty for the server, or a controller, to fill in. */
static bool is_filled_in(const struct walk *walk, const struct hf_value *desired)
{
    static const char *const FILLED[] = {"/caBundle", "/clusterIP", "/nodePort", "/healthCheckNodePort", "/protocol",
                                         "/volumeName", "/type", "/imagePullPolicy", "/restartPolicy", "/dnsPolicy"};
    const char *path = hf_buf_text(&walk->path);
    const char *slash = strrchr(path, '/');
    if (!slash || desired->kind == HF_BOOL || !hf_is_empty(desired)) {
        return false;
    }
    for (size_t i = 0; i < sizeof FILLED / sizeof FILLED[0]; i++) {
        if (strcmp(slash, FILLED[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* What live has inside an atomic value beyond desired: the server's defaults only, else somebody added it. */
static bool is_default(const struct hf_type *type, struct hf_slice key, const struct hf_value *live)
{
    static const struct {
        const char *key;
        const char *value; /* NULL: any */
    } KNOWN[] = {{"apiVersion", NULL},       {"kind", NULL},           {"status", NULL},
                 {"creationTimestamp", NULL}, {"volumeMode", "Filesystem"}, {"protocol", "TCP"},
                 {"apiGroup", "rbac.authorization.k8s.io"}, {"scope", "*"}, {"pathType", "ImplementationSpecific"},
                 {"divisor", "0"},           {"whenUnsatisfiable", NULL}, {"matchPolicy", NULL}};
    const struct hf_field *field = type && type->kind == HF_TYPE_STRUCT ? hf_type_field(type, key) : NULL;
    if (hf_is_empty(live)) {
        return true;
    }
    if (field && field->default_json) {
        hf_auto_buf struct hf_buf json = {0};
        hf_json_write(&json, live);
        if (strcmp(hf_buf_text(&json), field->default_json) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (hf_slice_is(key, KNOWN[i].key) &&
            (!KNOWN[i].value || (live->kind == HF_STRING && hf_slice_is(live->as.text, KNOWN[i].value)))) {
            return true;
        }
    }
    return hf_slice_is(key, "expirationSeconds") || hf_slice_is(key, "defaultMode");
}

/* Keys of live that desired does not have: what we own there was left over by an earlier revision; in an atomic value any but a default
 * was added by somebody. */
static void beyond(struct walk *walk, const struct hf_type *type, const struct hf_value *desired, const struct hf_value *live,
                   const struct claims *claims)
{
    for (size_t i = 0; i < live->as.object.count && !walk->failed; i++) {
        const struct hf_member *member = &live->as.object.members[i];
        if (hf_value_find(desired, member->key)) {
            continue;
        }
        struct claims below;
        hf_claims_key(walk, claims, member->key, &below);
        bool atomic = walk->in_atomic || (type && type->atomic);
        bool left = !atomic && walk->ours >= 0 && below.at[walk->ours];
        if (!left && (!atomic || is_default(type, member->key, &member->value))) {
            continue;
        }
        /* Owned by another as well: our apply only gives up our share of it. */
        for (size_t j = 0; left && j < walk->owner_count; j++) {
            left = (int)j == walk->ours || !below.at[j];
        }
        if (!left && !atomic) {
            continue;
        }
        struct mark mark = hf_walk_mark(walk);
        hf_walk_key(walk, member->key);
        hf_walk_find(walk, left ? HF_LEFTOVER : HF_CHANGED, NULL, &member->value, &below);
        hf_walk_back(walk, mark);
    }
}

static void compare_members(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                            const struct hf_value *live, const struct claims *claims)
{
    bool was_atomic = walk->in_atomic;
    walk->in_atomic |= type && type->atomic;
    for (size_t i = 0; i < desired->as.object.count && !walk->failed; i++) {
        const struct hf_member *member = &desired->as.object.members[i];
        struct claims below;
        struct mark mark = hf_walk_mark(walk);
        hf_claims_key(walk, claims, member->key, &below);
        hf_walk_key(walk, member->key);
        hf_compare(walk, type_of_key(type, member->key), &member->value, hf_value_find(live, member->key), &below);
        hf_walk_back(walk, mark);
    }
    beyond(walk, type, desired, live, claims);
    walk->in_atomic = was_atomic;
}

void hf_compare(struct walk *walk, const struct hf_type *type, const struct hf_value *desired, const struct hf_value *live,
                const struct claims *claims)
{
    if (!live || live->kind == HF_NULL) {
        absent(walk, desired, claims);
        return;
    }
    if (desired->kind == HF_NULL || walk->depth >= DEEPEST) {
        return;
    }
    bool was_untyped = walk->untyped;
    walk->untyped = !type || type->kind == HF_TYPE_UNKNOWN;
    walk->depth++;
    if (desired->kind == HF_OBJECT && live->kind == HF_OBJECT) {
        compare_members(walk, type, desired, live, claims);
    } else if (desired->kind == HF_ARRAY && live->kind == HF_ARRAY) {
        hf_compare_list(walk, type, desired, live, claims);
    } else if (!hf_scalar_equal(type, desired, live) && !is_filled_in(walk, desired)) {
        hf_walk_find(walk, HF_CHANGED, desired, live, claims);
    }
    walk->depth--;
    walk->untyped = was_untyped;
}
