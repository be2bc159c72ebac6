/* Lists: by key, as sets, or whole. */
#include <stdlib.h>
#include <string.h>

#include "walk.h"

bool hf_is_granular_list(const struct hf_type *type)
{
    return type && type->kind == HF_TYPE_LIST &&
           ((type->list_type == HF_LIST_MAP && type->list_key_count > 0) || type->list_type == HF_LIST_SET);
}

/* A key that an item leaves out is the default. */
static const struct hf_value *key_of(struct walk *walk, const struct hf_type *type, const struct hf_value *item,
                                     const char *key)
{
    const struct hf_value *value = hf_value_get(item, key);
    if (value && value->kind != HF_NULL && !(value->kind == HF_STRING && value->as.text.len == 0)) {
        return value;
    }
    struct place place = hf_place_of(walk, type->element, hf_slice_of(key), item, NULL);
    return place.preset ? place.preset : value;
}

const char *hf_item_key(struct walk *walk, const struct hf_type *type, const struct hf_value *item)
{
    struct hf_buf text = {0};
    if (type->list_type == HF_LIST_SET) {
        hf_buf_adds(&text, "v:");
        hf_canonical_write(&text, item);
    } else {
        struct hf_value *keys = hf_value_new(walk->arena, HF_OBJECT);
        for (size_t i = 0; keys && i < type->list_key_count; i++) {
            const struct hf_value *value = key_of(walk, type, item, type->list_keys[i]);
            if (value && hf_value_set(walk->arena, keys, hf_slice_of(type->list_keys[i]), value) != 0) {
                keys = NULL;
            }
        }
        walk->failed |= !keys;
        hf_buf_adds(&text, "k:");
        if (keys) {
            hf_canonical_write(&text, keys);
        }
    }
    char *kept = hf_buf_ok(&text) ? hf_arena_copy(walk->arena, hf_buf_text(&text), text.len) : NULL;
    hf_buf_free(&text);
    walk->failed |= !kept;
    return kept ? kept : "";
}

static int compare_keyed(const void *left, const void *right)
{
    const struct hf_keyed_item *a = left;
    const struct hf_keyed_item *b = right;
    int order = strcmp(a->key, b->key);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

struct hf_keyed_item *hf_sort_items(struct walk *walk, const struct hf_type *type, const struct hf_value *list)
{
    size_t count = list->as.array.count;
    struct hf_keyed_item *keys = hf_arena_array(walk->arena, count, sizeof *keys);
    if (!keys) {
        walk->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = (struct hf_keyed_item){hf_item_key(walk, type, &list->as.array.items[i]), i, false};
    }
    qsort(keys, count, sizeof *keys, compare_keyed);
    return keys;
}

/* The first item of that key not taken yet: items of one key match by position. next[low] says where the first that is
 * free can be, so that many of one key take no more than a step each. */
struct hf_keyed_item *hf_find_item(struct hf_keyed_item *keys, size_t count, const char *key, size_t *next)
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
    size_t at = low < count ? low + next[low] : count;
    if (at >= count || strcmp(keys[at].key, key) != 0) {
        return NULL;
    }
    next[low]++;
    return &keys[at];
}

/* "[name=web]", "[containerPort=80,protocol=TCP]"; of a set or a whole list the index. */
static void add_readable_item(struct walk *walk, const struct hf_type *type, const struct hf_value *item, size_t index)
{
    size_t count = type && type->list_type == HF_LIST_MAP && !walk->in_atomic ? type->list_key_count : 0;
    hf_buf_addc(&walk->readable, '[');
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *value = key_of(walk, type, item, type->list_keys[i]);
        if (!value) {
            continue;
        }
        hf_buf_addf(&walk->readable, "%s%s=", first ? "" : ",", type->list_keys[i]);
        if (value->kind == HF_STRING || value->kind == HF_NUMBER) {
            hf_buf_add(&walk->readable, value->as.text.ptr, value->as.text.len);
        }
        first = false;
    }
    if (first) {
        hf_buf_addf(&walk->readable, "%zu", index);
    }
    hf_buf_addc(&walk->readable, ']');
}

/* "/[name=web]", "/[=value]" of a set; of a whole list the index. */
static void add_keyed_item(struct walk *walk, const struct hf_type *type, const struct hf_value *item, size_t index)
{
    bool granular = hf_is_granular_list(type) && !walk->in_atomic;
    bool is_set = granular && type->list_type == HF_LIST_SET;
    size_t start = walk->keyed.len;
    size_t written = 0;
    hf_buf_adds(&walk->keyed, "/[");
    for (size_t i = 0; granular && i < (is_set ? 1 : type->list_key_count); i++) {
        const struct hf_value *value = is_set ? item : key_of(walk, type, item, type->list_keys[i]);
        size_t before = walk->keyed.len;
        hf_buf_adds(&walk->keyed, written ? "," : "");
        if (value && hf_keyed_add_pair(&walk->keyed, is_set ? "" : type->list_keys[i], value)) {
            written++;
        } else if (hf_buf_ok(&walk->keyed)) {
            walk->keyed.len = before;
            walk->keyed.ptr[before] = '\0';
        }
    }
    hf_buf_addc(&walk->keyed, ']');
    if (written == 0 && hf_buf_ok(&walk->keyed)) {
        walk->keyed.len = start;
        hf_buf_addf(&walk->keyed, "/%zu", index);
    }
}

void hf_walk_item(struct walk *walk, const struct hf_type *type, const struct hf_value *item, size_t live_index,
                  size_t desired_index)
{
    add_readable_item(walk, type, item, live_index);
    add_keyed_item(walk, type, item, live_index);
    hf_buf_addf(&walk->path, "/%zu", live_index);
    hf_buf_addf(&walk->desired, "/%zu", desired_index);
}

/* A port that somebody opened: a Service's are what it is for. (What else counts when it was added is for the rules to
 * say.) */
static bool is_service_ports(const struct walk *walk)
{
    return walk->is_service && strcmp(hf_buf_text(&walk->path), "/spec/ports") == 0;
}

/* Items that the unit does not have: those that our last apply claimed. */
static void beyond(struct walk *walk, const struct hf_type *type, const struct hf_value *live,
                   const struct hf_keyed_item *keys, size_t desired_count, const struct claims *claims)
{
    struct place place = hf_place_of_item(walk, type);
    bool is_strict = is_service_ports(walk);
    for (size_t i = 0; i < live->as.array.count && !walk->failed; i++) {
        if (keys[i].taken) {
            continue;
        }
        const struct hf_value *item = &live->as.array.items[keys[i].index];
        struct claims below;
        struct mark mark = hf_walk_mark(walk);
        hf_claims_item(walk, claims, keys[i].key, &below);
        hf_walk_item(walk, type, item, keys[i].index, desired_count);
        if (hf_claims_only_ours(walk, &below, true)) {
            hf_walk_find(walk, HF_LEFTOVER, NULL, item, &below);
        } else if (is_strict && !hf_claims_any_ours(walk, &below)) {
            hf_walk_find(walk, HF_EXTRA_FIELD, NULL, item, &below);
        } else {
            hf_find_leftovers(walk, &place, item, &below);
        }
        hf_walk_back(walk, mark);
    }
}

static void compare_by_key(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                           const struct hf_value *live, const struct claims *claims)
{
    size_t count = live->as.array.count;
    struct hf_keyed_item *keys = hf_sort_items(walk, type, live);
    size_t *next = hf_arena_array(walk->arena, count, sizeof *next);
    struct place place = hf_place_of_item(walk, type);
    walk->failed |= !next;
    for (size_t i = 0; keys && next && i < desired->as.array.count && !walk->failed; i++) {
        const struct hf_value *item = &desired->as.array.items[i];
        const char *key = hf_item_key(walk, type, item);
        struct hf_keyed_item *found = hf_find_item(keys, count, key, next);
        struct claims below;
        struct mark mark = hf_walk_mark(walk);
        hf_claims_item(walk, claims, key, &below);
        hf_walk_item(walk, type, item, found ? found->index : count, i);
        if (!found) {
            hf_walk_find(walk, HF_REMOVED, item, NULL, &below);
        } else {
            found->taken = true;
            if (type->list_type == HF_LIST_MAP) {
                hf_compare(walk, &place, item, &live->as.array.items[found->index], &below);
            }
        }
        hf_walk_back(walk, mark);
    }
    if (keys && (hf_claims_any_ours(walk, claims) || is_service_ports(walk))) {
        beyond(walk, type, live, keys, desired->as.array.count, claims);
    }
}

/* A HorizontalPodAutoscaler's metrics are stored as another version's and come back in an order of their own. */
static bool is_in_any_order(const struct hf_type *type)
{
    static const char END[] = ".MetricSpec";
    size_t len = type && type->element ? strlen(type->element->name) : 0;
    return len >= sizeof END && strcmp(type->element->name + len - (sizeof END - 1), END) == 0;
}

#define MOST_IN_ANY_ORDER 64

static bool is_same_item(struct walk *walk, const struct place *place, const struct hf_value *desired,
                         const struct hf_value *live)
{
    static const struct claims NONE;
    bool was_quiet = walk->quiet;
    bool differed = walk->differs;
    walk->quiet = true;
    walk->differs = false;
    hf_compare(walk, place, desired, live, &NONE);
    bool same = !walk->differs;
    walk->quiet = was_quiet;
    walk->differs = differed;
    return same;
}

/* Which item of live each of desired's is: the same one wherever it stands, of the rest one of its type, else the next.
 */
static void pair_items(struct walk *walk, const struct place *place, const struct hf_value *desired,
                       const struct hf_value *live, size_t *pairs)
{
    bool taken[MOST_IN_ANY_ORDER] = {false};
    size_t count = desired->as.array.count;
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < count &&
               (taken[j] || !is_same_item(walk, place, &desired->as.array.items[i], &live->as.array.items[j]))) {
            j++;
        }
        pairs[i] = j;
        if (j < count) {
            taken[j] = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *kind = hf_value_get(&desired->as.array.items[i], "type");
        size_t of_kind = 0;
        size_t free = 0;
        while (of_kind < count && (taken[of_kind] || !kind || !hf_value_get(&live->as.array.items[of_kind], "type") ||
                                   !hf_value_equal(kind, hf_value_get(&live->as.array.items[of_kind], "type")))) {
            of_kind++;
        }
        while (free < count && taken[free]) {
            free++;
        }
        if (pairs[i] == count) {
            pairs[i] = of_kind < count ? of_kind : free;
            taken[pairs[i]] = true;
        }
    }
}

static void compare_whole(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                          const struct hf_value *live, const struct claims *claims)
{
    bool was_atomic = walk->in_atomic;
    struct place place = hf_place_of_item(walk, type);
    if (desired->as.array.count + hf_injected_tail(walk, type, desired, live) != live->as.array.count) {
        hf_walk_find(walk, HF_CHANGED, desired, live, claims);
        return;
    }
    walk->in_atomic = true;
    size_t pairs[MOST_IN_ANY_ORDER];
    bool is_paired = is_in_any_order(type) && desired->as.array.count <= MOST_IN_ANY_ORDER;
    if (is_paired) {
        pair_items(walk, &place, desired, live, pairs);
    }
    for (size_t i = 0; i < desired->as.array.count && !walk->failed; i++) {
        struct claims below;
        struct mark mark = hf_walk_mark(walk);
        size_t at = is_paired ? pairs[i] : i;
        hf_claims_item(walk, claims, "", &below);
        hf_walk_item(walk, type, &desired->as.array.items[i], at, i);
        hf_compare(walk, &place, &desired->as.array.items[i], &live->as.array.items[at], &below);
        hf_walk_back(walk, mark);
    }
    walk->in_atomic = was_atomic;
}

void hf_compare_list(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                     const struct hf_value *live, const struct claims *claims)
{
    if (hf_is_granular_list(type) && !walk->in_atomic) {
        compare_by_key(walk, type, desired, live, claims);
    } else {
        compare_whole(walk, type, desired, live, claims);
    }
}
