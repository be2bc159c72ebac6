/* The search for additions: who else owns a place, and what a client-side apply said of it. */
#include <string.h>

#include "added.h"
#include "holdfast/json.h"

static bool is_atomic(const struct hf_type *type)
{
    return !type || type->kind == HF_TYPE_UNKNOWN || type->atomic ||
           (type->kind == HF_TYPE_LIST && !hf_is_granular_list(type));
}

static bool is_empty_object(const struct hf_value *value)
{
    return value->kind == HF_OBJECT && value->as.object.count == 0;
}

/* Goes one step down. within: the type of what the step is in. Where that is merged, an owner of an empty object does
 * not own what came into it later. */
static void go_down(const struct others *from, const struct hf_type *within, struct hf_slice segment, struct others *to)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct hf_value *below = from->at[i] ? hf_value_find(from->at[i], segment) : NULL;
        bool holds_all = !from->at[i] || (is_empty_object(from->at[i]) && is_atomic(within));
        if (below || holds_all) {
            to->owner[to->count] = from->owner[i];
            to->at[to->count++] = holds_all ? NULL : below;
        }
    }
}

void hf_others_key(const struct others *from, const struct hf_type *within, struct hf_slice key, struct others *to)
{
    char segment[512];
    to->count = 0;
    if (from->count == 0) {
        return;
    }
    size_t len = key.len + 2 < sizeof segment ? key.len : sizeof segment - 2;
    memcpy(segment, "f:", 2);
    memcpy(segment + 2, key.ptr, len);
    go_down(from, within, (struct hf_slice){segment, len + 2}, to);
}

void hf_others_item(struct walk *walk, const struct others *from, const struct hf_type *list,
                    const struct hf_value *item, struct others *to)
{
    to->count = 0;
    if (from->count > 0) {
        go_down(from, list, hf_slice_of(hf_item_key(walk, list, item)), to);
    }
}

/* The other owners of the whole object. What is written through the status subresource is status. */
void hf_others_begin(const struct walk *walk, struct others *others)
{
    others->count = 0;
    for (size_t i = 0; i < walk->owner_count; i++) {
        const struct owner *owner = &walk->owners[i];
        bool is_status = owner->subresource && strcmp(owner->subresource, "status") == 0;
        if (!owner->is_ours && !is_status && hf_value_count(owner->fields) > 0 && owner->fields->kind == HF_OBJECT) {
            others->owner[others->count] = (uint8_t)i;
            others->at[others->count++] = owner->fields;
        }
    }
}

void hf_retrace(struct walk *walk, const struct spot *spot, struct claims *claims)
{
    if (!spot) {
        hf_claims_begin(walk, claims);
        return;
    }
    struct claims above;
    hf_retrace(walk, spot->up, &above);
    if (spot->item) {
        hf_claims_item(walk, &above, hf_item_key(walk, spot->list, spot->item), claims);
        hf_walk_item(walk, spot->list, spot->item, spot->live_index, spot->desired_index);
    } else {
        hf_claims_key(walk, &above, spot->key, claims);
        hf_walk_key(walk, spot->key);
    }
}

struct item_index {
    struct hf_keyed_item *items;
    size_t count;
};

static const struct hf_value *last_applied(struct search *search)
{
    const struct hf_value *note =
        hf_value_find(hf_value_path(search->walk->input->live, "metadata", "annotations", NULL),
                      hf_slice_of("kubectl.kubernetes.io/last-applied-configuration"));
    struct hf_error err = HF_ERROR_INIT;
    if (!search->is_read && note && note->kind == HF_STRING &&
        hf_json_read(search->walk->arena, note->as.text.ptr, note->as.text.len, NULL, &search->last_applied, &err) !=
            0) {
        search->walk->failed |= err.code == HF_ENOMEM;
        search->last_applied = NULL;
    }
    search->is_read = true;
    return search->last_applied;
}

static const struct hf_value *applied_item(struct search *search, struct spot *spot, const struct hf_value *list)
{
    struct spot *up = spot->up;
    if (!list || list->kind != HF_ARRAY || !up) {
        return NULL;
    }
    if (!up->index) {
        up->index = hf_arena_array(search->walk->arena, 1, sizeof *up->index);
        if (!up->index) {
            search->walk->failed = true;
            return NULL;
        }
        *up->index = (struct item_index){hf_sort_items(search->walk, spot->list, list), list->as.array.count};
    }
    const char *key = hf_item_key(search->walk, spot->list, spot->item);
    size_t low = 0;
    size_t high = up->index->items ? up->index->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(up->index->items[middle].key, key);
        if (order == 0) {
            return &list->as.array.items[up->index->items[middle].index];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* The place in what kubectl applied last. */
static const struct hf_value *applied_at(struct search *search, struct spot *spot)
{
    if (!spot) {
        return last_applied(search);
    }
    if (!spot->is_applied_known) {
        const struct hf_value *above = applied_at(search, spot->up);
        spot->applied = spot->item ? applied_item(search, spot, above) : hf_value_find(above, spot->key);
        spot->is_applied_known = true;
    }
    return spot->applied;
}

/* A client-side apply by kubectl, or what the server makes of whoever wrote before the first apply. */
static bool is_client_side(const struct owner *owner)
{
    static const char *const NAMES[] = {"kubectl-client-side-apply", "kubectl", "before-first-apply"};
    bool is_update = owner->manager && owner->operation && strcmp(owner->operation, "Update") == 0;
    for (size_t i = 0; is_update && i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(owner->manager, NAMES[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Whoever made the object by hand before it was ours, and is not expected to write it again. */
static bool is_maker(const struct owner *owner)
{
    static const char *const NAMES[] = {"kubectl-create", "kubectl-replace", "kubectl-run", "kubectl-expose"};
    bool is_update = owner->manager && owner->operation && strcmp(owner->operation, "Update") == 0;
    for (size_t i = 0; is_update && i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(owner->manager, NAMES[i]) == 0) {
            return true;
        }
    }
    return is_client_side(owner);
}

bool hf_are_makers(const struct search *search, const struct others *others)
{
    for (size_t i = 0; i < others->count; i++) {
        if (!is_maker(&search->walk->owners[others->owner[i]])) {
            return false;
        }
    }
    return others->count > 0;
}

bool hf_was_applied(struct search *search, struct spot *spot, const struct others *others)
{
    for (size_t i = 0; i < others->count; i++) {
        if (is_client_side(&search->walk->owners[others->owner[i]])) {
            return applied_at(search, spot) != NULL;
        }
    }
    return false;
}

bool hf_others_name_it(const struct others *others)
{
    for (size_t i = 0; i < others->count; i++) {
        if (!others->at[i] || is_empty_object(others->at[i]) || hf_value_get(others->at[i], ".")) {
            return true;
        }
    }
    return false;
}
