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
const struct hf_value *hf_item_key_value(struct walk *walk, const struct hf_type *type, const struct hf_value *item,
                                         const char *key)
{
    const struct hf_value *value = hf_value_get(item, key);
    if (value && value->kind != HF_NULL && !(value->kind == HF_STRING && value->as.text.len == 0)) {
        return value;
    }
    struct place place = hf_place_of(walk, type->element, hf_slice_of(key), item, NULL);
    return place.preset ? place.preset : value;
}

/* The names of fields are plain; the keys of an item are written in their order. */
static void write_keys(struct walk *walk, const struct hf_type *type, const struct hf_value *item)
{
    const char *last = NULL;
    hf_buf_adds(&walk->text, "k:{");
    for (size_t i = 0; i < type->list_key_count; i++) {
        const char *key = NULL;
        for (size_t j = 0; j < type->list_key_count; j++) {
            const char *other = type->list_keys[j];
            bool is_next = (!last || strcmp(other, last) > 0) && (!key || strcmp(other, key) < 0);
            key = is_next ? other : key;
        }
        const struct hf_value *value = key ? hf_item_key_value(walk, type, item, key) : NULL;
        last = key ? key : last;
        if (value) {
            struct hf_value name = {.kind = HF_STRING, .as.text = hf_slice_of(key)};
            if (walk->text.len > 3) {
                hf_buf_addc(&walk->text, ',');
            }
            hf_canonical_write(&walk->text, &name);
            hf_buf_addc(&walk->text, ':');
            hf_canonical_write(&walk->text, value);
        }
    }
    hf_buf_addc(&walk->text, '}');
}

const char *hf_item_key(struct walk *walk, const struct hf_type *type, const struct hf_value *item)
{
    hf_buf_clear(&walk->text);
    if (type->list_type == HF_LIST_SET) {
        hf_buf_adds(&walk->text, "v:");
        hf_canonical_write(&walk->text, item);
    } else {
        write_keys(walk, type, item);
    }
    bool ok = hf_buf_ok(&walk->text);
    char *kept = ok ? hf_arena_copy(walk->arena, hf_buf_text(&walk->text), walk->text.len) : NULL;
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

/* A port that somebody opened: a Service's are what it is for. (What else counts when it was added is for the rules to
 * say.) */
static bool is_service_ports(const struct walk *walk)
{
    static const char *const PORTS[] = {"spec", "ports"};
    return walk->is_service && walk->step_count == 2 && hf_walk_is_at(walk, PORTS, 2, 0);
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
