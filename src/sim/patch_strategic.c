#include "patch.h"

#include <string.h>

#define DELETE_FROM "$deleteFromPrimitiveList/"
#define ELEMENT_ORDER "$setElementOrder/"

static const struct sim_type UNTYPED = {.shape = SHAPE_ANY, .name = ""};

static int merge_map(struct sim_work *work, const struct sim_type *type, struct hf_value *target,
                     const struct hf_value *patch, unsigned depth);

static bool has_directive(const struct hf_value *patch, const char *word)
{
    return strcmp(sim_text(patch, "$patch"), word) == 0;
}

static bool contains(const struct hf_value *list, const struct hf_value *item)
{
    for (size_t i = 0; i < hf_value_count(list); i++) {
        if (hf_value_equal(hf_value_at(list, i), item)) {
            return true;
        }
    }
    return false;
}

static void take_item(struct hf_value *list, size_t at)
{
    memmove(&list->as.array.items[at], &list->as.array.items[at + 1],
            (list->as.array.count - at - 1) * sizeof *list->as.array.items);
    list->as.array.count--;
}

/* The index of the item whose key is that of wanted; the count when there is none. */
static size_t find_item(const struct hf_value *list, const char *key, const struct hf_value *wanted)
{
    const struct hf_value *value = hf_value_get(wanted, key);
    size_t count = hf_value_count(list);
    for (size_t i = 0; value && i < count; i++) {
        const struct hf_value *other = hf_value_get(hf_value_at(list, i), key);
        if (other && hf_value_equal(other, value)) {
            return i;
        }
    }
    return count;
}

static int merge_item(struct sim_work *work, const struct sim_type *list, struct hf_value *target,
                      const struct hf_value *item, unsigned depth)
{
    if (item->kind != HF_OBJECT || !hf_value_get(item, list->merge_key)) {
        const char *json = sim_json(work->arena, item);
        return sim_fail(work, 500, "", "map: %s does not contain declared merge key: %s", json ? json : "",
                        list->merge_key);
    }
    size_t at = find_item(target, list->merge_key, item);
    if (has_directive(item, "delete")) {
        if (at < hf_value_count(target)) {
            take_item(target, at);
        }
        return 0;
    }
    if (at < hf_value_count(target)) {
        return merge_map(work, list->element, &target->as.array.items[at], item, depth + 1);
    }
    return hf_value_push(work->arena, target, item);
}

static bool replaces(const struct hf_value *patch)
{
    for (size_t i = 0; i < hf_value_count(patch); i++) {
        if (has_directive(hf_value_at(patch, i), "replace")) {
            return true;
        }
    }
    return false;
}

/* {"$patch": "replace"} as an item: the rest of the list takes the place of all that was there. */
static int replace_list(struct sim_work *work, struct hf_value *target, const struct hf_value *patch)
{
    target->as.array.count = 0;
    for (size_t i = 0; i < hf_value_count(patch); i++) {
        if (!hf_value_get(hf_value_at(patch, i), "$patch") &&
            hf_value_push(work->arena, target, hf_value_at(patch, i)) != 0) {
            return -1;
        }
    }
    return 0;
}

static int merge_list(struct sim_work *work, const struct sim_type *list, struct hf_value *target,
                      const struct hf_value *patch, unsigned depth)
{
    if (replaces(patch)) {
        return replace_list(work, target, patch);
    }
    for (size_t i = 0; i < hf_value_count(patch); i++) {
        const struct hf_value *item = hf_value_at(patch, i);
        if (list->merge_key) {
            if (merge_item(work, list, target, item, depth) != 0) {
                return -1;
            }
        } else if (!contains(target, item) && hf_value_push(work->arena, target, item) != 0) {
            return -1;
        }
    }
    return 0;
}

static void retain_keys(struct hf_value *target, const struct hf_value *keys)
{
    for (size_t i = hf_value_count(target); i-- > 0;) {
        struct hf_value key = {.kind = HF_STRING, .as.text = target->as.object.members[i].key};
        if (!contains(keys, &key)) {
            (void)hf_value_unset(target, key.as.text);
        }
    }
}

static void delete_from(struct hf_value *target, struct hf_slice key, const struct hf_value *values)
{
    struct hf_value *list = (struct hf_value *)(uintptr_t)hf_value_find(target, key);
    for (size_t i = hf_value_count(list); list && list->kind == HF_ARRAY && i-- > 0;) {
        if (contains(values, &list->as.array.items[i])) {
            take_item(list, i);
        }
    }
}

/* Where an item stands in the order that was sent; the count when it is not in it. */
static size_t rank_of(const struct hf_value *order, const char *key, const struct hf_value *item)
{
    if (key) {
        return find_item(order, key, item);
    }
    for (size_t i = 0; i < hf_value_count(order); i++) {
        if (hf_value_equal(hf_value_at(order, i), item)) {
            return i;
        }
    }
    return hf_value_count(order);
}

/* Items of the order in that order, in the places that such items have; what only the server has stays where it is. */
static int set_order(struct sim_work *work, const struct sim_type *list, struct hf_value *target,
                     const struct hf_value *order)
{
    size_t count = hf_value_count(target), named = hf_value_count(order), next = 0;
    struct hf_value *sorted = hf_arena_array(work->arena, count + 1, sizeof *sorted);
    size_t sorted_count = 0;
    if (!sorted) {
        return -1;
    }
    for (size_t rank = 0; rank < named; rank++) {
        for (size_t i = 0; i < count; i++) {
            if (rank_of(order, list->merge_key, &target->as.array.items[i]) == rank && sorted_count < count) {
                sorted[sorted_count++] = target->as.array.items[i];
            }
        }
    }
    for (size_t i = 0; i < count && next < sorted_count; i++) {
        if (rank_of(order, list->merge_key, &target->as.array.items[i]) < named) {
            target->as.array.items[i] = sorted[next++];
        }
    }
    return 0;
}

static const struct sim_field *field_of(const struct sim_type *type, struct hf_slice key)
{
    return type->shape == SHAPE_STRUCT ? sim_type_field(type, key) : NULL;
}

static const struct sim_type *type_of(const struct sim_type *type, struct hf_slice key)
{
    const struct sim_field *field = field_of(type, key);
    return field ? field->type : type->shape == SHAPE_MAP ? type->element : &UNTYPED;
}

static int merge_member(struct sim_work *work, const struct sim_type *type, struct hf_value *target,
                        const struct hf_member *member, unsigned depth)
{
    const struct sim_type *inner = type_of(type, member->key);
    struct hf_value *there = (struct hf_value *)(uintptr_t)hf_value_find(target, member->key);
    if (member->value.kind == HF_NULL) {
        (void)hf_value_unset(target, member->key);
        return 0;
    }
    if (there && there->kind == HF_OBJECT && member->value.kind == HF_OBJECT) {
        return merge_map(work, inner, there, &member->value, depth + 1);
    }
    if (there && there->kind == HF_ARRAY && member->value.kind == HF_ARRAY && inner->shape == SHAPE_LIST &&
        inner->patch_merge) {
        return merge_list(work, inner, there, &member->value, depth);
    }
    return hf_value_set(work->arena, target, member->key, &member->value);
}

static struct hf_slice without(struct hf_slice key, const char *prefix)
{
    size_t len = strlen(prefix);
    return (struct hf_slice){key.ptr + len, key.len - len};
}

static int merge_members(struct sim_work *work, const struct sim_type *type, struct hf_value *target,
                         const struct hf_value *patch, unsigned depth)
{
    for (size_t i = 0; i < hf_value_count(patch); i++) {
        const struct hf_member *member = &patch->as.object.members[i];
        if (hf_slice_starts(member->key, DELETE_FROM)) {
            delete_from(target, without(member->key, DELETE_FROM), &member->value);
        } else if (!hf_slice_starts(member->key, ELEMENT_ORDER) && !hf_slice_is(member->key, "$retainKeys") &&
                   !hf_slice_is(member->key, "$patch") && merge_member(work, type, target, member, depth) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < hf_value_count(patch); i++) {
        const struct hf_member *member = &patch->as.object.members[i];
        if (!hf_slice_starts(member->key, ELEMENT_ORDER)) {
            continue;
        }
        struct hf_slice key = without(member->key, ELEMENT_ORDER);
        struct hf_value *list = (struct hf_value *)(uintptr_t)hf_value_find(target, key);
        if (list && list->kind == HF_ARRAY && set_order(work, type_of(type, key), list, &member->value) != 0) {
            return -1;
        }
    }
    return 0;
}

static int merge_map(struct sim_work *work, const struct sim_type *type, struct hf_value *target,
                     const struct hf_value *patch, unsigned depth)
{
    if (depth > 140) {
        return sim_fail(work, 400, "BadRequest", "the body is nested too deeply");
    }
    if (has_directive(patch, "replace")) {
        struct hf_value *copy = hf_value_copy(work->arena, patch);
        if (!copy) {
            return -1;
        }
        sim_drop(copy, "$patch");
        *target = *copy;
        return 0;
    }
    if (has_directive(patch, "delete")) {
        target->as.object.count = 0;
        return 0;
    }
    const struct hf_value *keys = hf_value_get(patch, "$retainKeys");
    if (keys) {
        retain_keys(target, keys);
    }
    return merge_members(work, type, target, patch, depth);
}

int sim_patch_strategic(struct sim_work *work, const struct sim_type *type, const struct hf_value *document,
                        const struct hf_value *patch, struct hf_value **out)
{
    if (patch->kind != HF_OBJECT) {
        return sim_fail(work, 400, "BadRequest", "error decoding patch: expected an object, found %s",
                        hf_kind_name(patch->kind));
    }
    struct hf_value *changes = hf_value_copy(work->arena, patch);
    *out = hf_value_copy(work->arena, document);
    return *out && changes ? merge_map(work, type, *out, changes, 0) : -1;
}
