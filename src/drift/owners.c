/* Who owns what: managedFields, walked along with the comparison (sigs.k8s.io/structured-merge-diff, fieldpath's
 * serialisation: "f:name" a field, "k:{…}" the item of a key, "v:…" the item of a set, "." the thing itself). */
#include <string.h>

#include "holdfast/clock.h"
#include "walk.h"

static const char *text_or(const struct hf_value *value, const char *otherwise)
{
    const char *text = hf_value_text(value);
    return text ? text : otherwise;
}

void hf_owners_read(struct walk *walk, const struct hf_value *live)
{
    const struct hf_value *list = hf_value_path(live, "metadata", "managedFields", NULL);
    walk->ours = -1;
    for (size_t i = 0; i < hf_value_count(list) && walk->owner_count < HF_MOST_OWNERS; i++) {
        const struct hf_value *entry = hf_value_at(list, i);
        const struct hf_value *time = hf_value_get(entry, "time");
        struct owner *owner = &walk->owners[walk->owner_count];
        *owner = (struct owner){.manager = text_or(hf_value_get(entry, "manager"), NULL),
                                .operation = text_or(hf_value_get(entry, "operation"), NULL),
                                .subresource = text_or(hf_value_get(entry, "subresource"), NULL),
                                .at_ms = HF_TIME_NONE,
                                .fields = hf_value_get(entry, "fieldsV1")};
        if (time && time->kind == HF_STRING && !hf_time_parse(time->as.text, &owner->at_ms)) {
            owner->at_ms = HF_TIME_NONE;
        }
        owner->is_ours = owner->manager && owner->operation && !owner->subresource && walk->input->manager &&
                         strcmp(owner->operation, "Apply") == 0 && strcmp(owner->manager, walk->input->manager) == 0;
        if (owner->is_ours) {
            walk->ours = (int)walk->owner_count;
        }
        walk->owner_count++;
    }
}

void hf_claims_begin(const struct walk *walk, struct claims *claims)
{
    for (size_t i = 0; i < walk->owner_count; i++) {
        claims->at[i] = walk->owners[i].fields;
        claims->whole[i] = false;
    }
}

/* A claim without anything below it is of an atomic value: it holds whatever is inside. */
static bool is_leaf(const struct hf_value *node)
{
    return node && node->kind == HF_OBJECT && node->as.object.count == 0;
}

void hf_claims_item(const struct walk *walk, const struct claims *from, const char *segment, struct claims *to)
{
    for (size_t i = 0; i < walk->owner_count; i++) {
        to->whole[i] = from->whole[i] || is_leaf(from->at[i]);
        to->at[i] = from->whole[i] ? NULL : hf_value_get(from->at[i], segment);
    }
}

void hf_claims_key(const struct walk *walk, const struct claims *from, struct hf_slice key, struct claims *to)
{
    char small[256];
    if (key.len + 3 > sizeof small) {
        for (size_t i = 0; i < walk->owner_count; i++) {
            to->at[i] = NULL;
            to->whole[i] = from->whole[i] || is_leaf(from->at[i]);
        }
        return;
    }
    memcpy(small, "f:", 2);
    memcpy(small + 2, key.ptr, key.len);
    small[key.len + 2] = '\0';
    hf_claims_item(walk, from, small, to);
}

bool hf_claims_ours(const struct walk *walk, const struct claims *claims)
{
    return walk->ours >= 0 && (claims->at[walk->ours] || claims->whole[walk->ours]);
}

bool hf_claims_any_ours(const struct walk *walk, const struct claims *claims)
{
    return walk->ours >= 0 && claims->at[walk->ours] && !claims->whole[walk->ours];
}

/* A server before 1.23 or so merges some custom resources without their schema (one int-or-string in it is enough):
 * their lists as a whole, their maps by entry. The claims show it. An empty list is always claimed as a whole, an empty
 * object too, and that one may have been filled since. */
const struct hf_type *hf_type_by_claims(struct walk *walk, const struct hf_type *type, const struct hf_value *live,
                                        const struct claims *claims)
{
    static const struct hf_type WHOLE = {.kind = HF_TYPE_UNKNOWN, .name = "", .atomic = true};
    bool has_parts = false;
    bool is_whole = false;
    bool is_free = walk->is_custom && (!type || type->kind == HF_TYPE_UNKNOWN) && live && live->kind == HF_OBJECT &&
                   live->as.object.count > 0;
    bool is_list = type && live && live->kind == HF_ARRAY && hf_is_granular_list(type) && live->as.array.count > 0;
    bool is_map = type && live && live->kind == HF_OBJECT && type->atomic;
    for (size_t i = 0; (is_list || is_map || is_free) && i < walk->owner_count; i++) {
        const struct hf_value *claim = claims->at[i];
        is_whole |= claim && is_leaf(claim);
        has_parts |= hf_value_count(claim) > 1 || (hf_value_count(claim) == 1 && !hf_value_get(claim, "."));
    }
    if (is_free && is_whole && !has_parts) {
        return &WHOLE;
    }
    if (!(is_list && is_whole && !has_parts) && !(is_map && has_parts)) {
        return type;
    }
    struct hf_type *merged = hf_arena_alloc(walk->arena, sizeof *merged);
    if (!merged) {
        walk->failed = true;
        return type;
    }
    *merged = *type;
    merged->atomic = false;
    merged->list_type = HF_LIST_ATOMIC;
    return merged;
}

bool hf_claims_by_others(const struct walk *walk, const struct claims *claims)
{
    for (size_t i = 0; i < walk->owner_count; i++) {
        if ((int)i != walk->ours && (claims->whole[i] || claims->at[i])) {
            return true;
        }
    }
    return false;
}

bool hf_claims_alone(const struct walk *walk, const struct claims *claims)
{
    return walk->ours >= 0 && !claims->whole[walk->ours] && is_leaf(claims->at[walk->ours]) &&
           !hf_claims_by_others(walk, claims);
}

/* A list item or an entry of a map that holds others is named by ".". */
static bool names(const struct hf_value *claim, bool is_item)
{
    return claim && (!is_item || is_leaf(claim) || hf_value_get(claim, "."));
}

bool hf_claims_applied(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                       const struct claims *claims)
{
    bool is_granular = type ? !type->atomic : true;
    size_t count = hf_value_count(desired);
    if (!hf_claims_any_ours(walk, claims)) {
        return false;
    }
    if (desired->kind == HF_OBJECT && is_granular && count > 0) {
        for (size_t i = 0; i < count; i++) {
            const struct hf_member *member = &desired->as.object.members[i];
            struct place place = hf_place_of(walk, type, member->key, desired, NULL);
            struct claims below;
            hf_claims_key(walk, claims, member->key, &below);
            if (!hf_claims_applied(walk, place.type, &member->value, &below)) {
                return false;
            }
        }
        return true;
    }
    if (desired->kind == HF_ARRAY && hf_is_granular_list(type) && count > 0) {
        for (size_t i = 0; i < count; i++) {
            struct claims below;
            hf_claims_item(walk, claims, hf_item_key(walk, type, &desired->as.array.items[i]), &below);
            if (!names(below.at[walk->ours], true)) {
                return false;
            }
        }
        return true;
    }
    return is_leaf(claims->at[walk->ours]);
}

bool hf_claims_only_ours(const struct walk *walk, const struct claims *claims, bool is_item)
{
    if (walk->ours < 0 || claims->whole[walk->ours] || !names(claims->at[walk->ours], is_item)) {
        return false;
    }
    for (size_t i = 0; i < walk->owner_count; i++) {
        if ((int)i != walk->ours && (claims->whole[i] || names(claims->at[i], is_item))) {
            return false;
        }
    }
    return true;
}

const char *hf_drift_applier(struct hf_arena *arena, const struct hf_value *live)
{
    const struct hf_value *list = hf_value_path(live, "metadata", "managedFields", NULL);
    const struct hf_value *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const struct hf_value *entry = hf_value_at(list, i);
        const char *operation = hf_value_text(hf_value_get(entry, "operation"));
        struct hf_buf size = {0};
        if (!operation || strcmp(operation, "Apply") != 0 || !hf_value_get(entry, "fieldsV1")) {
            continue;
        }
        hf_canonical_write(&size, hf_value_get(entry, "fieldsV1"));
        if (size.len >= most) {
            most = size.len;
            best = hf_value_get(entry, "manager");
        }
        hf_buf_free(&size);
    }
    return best && best->kind == HF_STRING ? hf_arena_copy(arena, best->as.text.ptr, best->as.text.len) : NULL;
}
