/* Lists: by key, as sets, or whole. */
#include <string.h>

#include "holdfast/json.h"
#include "walk.h"

/* A key that an item leaves out: the schema's default, else what Kubernetes is known to fill in. */
static const struct hf_value *key_of(struct walk *walk, const struct hf_type *type, const struct hf_value *item, const char *key)
{
    const struct hf_value *value = hf_value_get(item, key);
    if (value && !(value->kind == HF_STRING && value->as.text.len == 0)) {
        return value;
    }
    const struct hf_field *field =
        type->element && type->element->kind == HF_TYPE_STRUCT ? hf_type_field(type->element, hf_slice_of(key)) : NULL;
    const struct hf_value *preset = NULL;
    struct hf_error err = HF_ERROR_INIT;
    if (field && field->default_json &&
        hf_json_read(walk->arena, field->default_json, strlen(field->default_json), NULL, &preset, &err) == 0) {
        return preset;
    }
    return strcmp(key, "protocol") == 0 ? hf_value_string(walk->arena, hf_slice_of("TCP")) : NULL;
}

/* "k:{…}" as fieldsV1 spells it: keys sorted, compact. "" when the item is no object or memory is short. */
static const char *item_key(struct walk *walk, const struct hf_type *type, const struct hf_value *item)
{
    struct hf_value *keys = hf_value_new(walk->arena, HF_OBJECT);
    if (!keys || !item || item->kind != HF_OBJECT) {
        return "";
    }
    for (size_t i = 0; i < type->list_key_count; i++) {
        const struct hf_value *value = key_of(walk, type, item, type->list_keys[i]);
        if (value && hf_value_set(walk->arena, keys, hf_slice_of(type->list_keys[i]), value) != 0) {
            walk->failed = true;
        }
    }
    struct hf_buf text = {0};
    hf_buf_adds(&text, "k:");
    hf_canonical_write(&text, keys);
    char *kept = hf_buf_ok(&text) ? hf_arena_copy(walk->arena, text.ptr, text.len) : NULL;
    hf_buf_free(&text);
    walk->failed |= !kept;
    return kept ? kept : "";
}

struct keyed {
    const char *key;
    size_t index;
    bool taken;
};

static int compare_keyed(const void *left, const void *right)
{
    const struct keyed *a = left;
    const struct keyed *b = right;
    int order = strcmp(a->key, b->key);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static struct keyed *sorted_keys(struct walk *walk, const struct hf_type *type, const struct hf_value *list)
{
    size_t count = list->as.array.count;
    struct keyed *keys = hf_arena_array(walk->arena, count, sizeof *keys);
    if (!keys) {
        walk->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = (struct keyed){item_key(walk, type, &list->as.array.items[i]), i, false};
    }
    qsort(keys, count, sizeof *keys, compare_keyed);
    return keys;
}

/* The first item of that key not taken yet: items of one key match by position. */
static struct keyed *find_key(struct keyed *keys, size_t count, const char *key)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(keys[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low < count && strcmp(keys[low].key, key) == 0 && keys[low].taken) {
        low++;
    }
    return low < count && strcmp(keys[low].key, key) == 0 ? &keys[low] : NULL;
}

/* "[name=web]", "[containerPort=80,protocol=TCP]" */
static void add_readable_key(struct walk *walk, const struct hf_type *type, const struct hf_value *item)
{
    hf_buf_addc(&walk->readable, '[');
    bool first = true;
    for (size_t i = 0; i < type->list_key_count; i++) {
        const struct hf_value *value = hf_value_get(item, type->list_keys[i]);
        if (!value) {
            continue;
        }
        hf_buf_addf(&walk->readable, "%s%s=", first ? "" : ",", type->list_keys[i]);
        if (value->kind == HF_STRING || value->kind == HF_NUMBER) {
            hf_buf_add(&walk->readable, value->as.text.ptr, value->as.text.len);
        }
        first = false;
    }
    hf_buf_addc(&walk->readable, ']');
}

static void add_indexes(struct walk *walk, size_t live_index, size_t desired_index)
{
    hf_buf_addf(&walk->path, "/%zu", live_index);
    hf_buf_addf(&walk->desired, "/%zu", desired_index);
}

static void compare_by_key(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                           const struct hf_value *live, const struct claims *claims)
{
    size_t count = live->as.array.count;
    struct keyed *keys = sorted_keys(walk, type, live);
    for (size_t i = 0; keys && i < desired->as.array.count && !walk->failed; i++) {
        const struct hf_value *item = &desired->as.array.items[i];
        const char *key = item_key(walk, type, item);
        struct keyed *found = find_key(keys, count, key);
        struct claims below;
        struct mark mark = hf_walk_mark(walk);
        hf_claims_item(walk, claims, key, &below);
        add_indexes(walk, found ? found->index : count, i);
        add_readable_key(walk, type, item);
        if (found) {
            found->taken = true;
            hf_compare(walk, type->element, item, &live->as.array.items[found->index], &below);
        } else {
            hf_walk_find(walk, HF_REMOVED, item, NULL, &below);
        }
        hf_walk_back(walk, mark);
    }
    /* A port that somebody opened. (What else counts when it was added is for the rules to say.) */
    for (size_t i = 0; keys && i < count && walk->is_service && strcmp(hf_buf_text(&walk->path), "/spec/ports") == 0; i++) {
        struct claims below;
        hf_claims_item(walk, claims, keys[i].key, &below);
        if (!keys[i].taken && (walk->ours < 0 || !below.at[walk->ours])) {
            struct mark mark = hf_walk_mark(walk);
            add_indexes(walk, keys[i].index, desired->as.array.count);
            add_readable_key(walk, type, &live->as.array.items[keys[i].index]);
            hf_walk_find(walk, HF_EXTRA_FIELD, NULL, &live->as.array.items[keys[i].index], &below);
            hf_walk_back(walk, mark);
        }
    }
    /* Items that only we claim and that the unit no longer has. */
    for (size_t i = 0; keys && i < count && walk->ours >= 0 && !walk->failed; i++) {
        struct claims below;
        hf_claims_item(walk, claims, keys[i].key, &below);
        bool left = !keys[i].taken && below.at[walk->ours];
        for (size_t j = 0; left && j < walk->owner_count; j++) {
            left = (int)j == walk->ours || !below.at[j];
        }
        if (left) {
            struct mark mark = hf_walk_mark(walk);
            add_indexes(walk, keys[i].index, desired->as.array.count);
            add_readable_key(walk, type, &live->as.array.items[keys[i].index]);
            hf_walk_find(walk, HF_LEFTOVER, NULL, &live->as.array.items[keys[i].index], &below);
            hf_walk_back(walk, mark);
        }
    }
}

static bool is_in(const struct hf_value *list, const struct hf_type *element, const struct hf_value *item)
{
    for (size_t i = 0; i < list->as.array.count; i++) {
        if (hf_scalar_equal(element, item, &list->as.array.items[i])) {
            return true;
        }
    }
    return false;
}

static void compare_set(struct walk *walk, const struct hf_type *type, const struct hf_value *desired, const struct hf_value *live,
                        const struct claims *claims)
{
    for (size_t i = 0; i < desired->as.array.count && !walk->failed; i++) {
        const struct hf_value *item = &desired->as.array.items[i];
        if (!is_in(live, type ? type->element : NULL, item)) {
            struct mark mark = hf_walk_mark(walk);
            add_indexes(walk, live->as.array.count, i);
            hf_buf_addf(&walk->readable, "[%zu]", i);
            hf_walk_find(walk, HF_REMOVED, item, NULL, claims);
            hf_walk_back(walk, mark);
        }
    }
}

static void compare_whole(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                          const struct hf_value *live, const struct claims *claims)
{
    bool was_atomic = walk->in_atomic;
    if (desired->as.array.count != live->as.array.count) {
        hf_walk_find(walk, HF_CHANGED, desired, live, claims);
        return;
    }
    walk->in_atomic = true;
    for (size_t i = 0; i < desired->as.array.count && !walk->failed; i++) {
        struct claims below;
        struct mark mark = hf_walk_mark(walk);
        hf_claims_item(walk, claims, "", &below);
        add_indexes(walk, i, i);
        hf_buf_addf(&walk->readable, "[%zu]", i);
        hf_compare(walk, type ? type->element : NULL, &desired->as.array.items[i], &live->as.array.items[i], &below);
        hf_walk_back(walk, mark);
    }
    walk->in_atomic = was_atomic;
}

void hf_compare_list(struct walk *walk, const struct hf_type *type, const struct hf_value *desired, const struct hf_value *live,
                     const struct claims *claims)
{
    bool is_list = type && type->kind == HF_TYPE_LIST;
    if (is_list && type->list_type == HF_LIST_MAP && type->list_key_count > 0) {
        compare_by_key(walk, type, desired, live, claims);
    } else if (is_list && type->list_type == HF_LIST_SET) {
        compare_set(walk, type, desired, live, claims);
    } else {
        compare_whole(walk, type, desired, live, claims);
    }
}
