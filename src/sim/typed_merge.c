/* Merging and comparing two typed values in one walk; removing items from one. */
#include "typed_walk.h"

struct merger {
    struct hf_arena *arena;
    struct sim_comparison *comparison; /* NULL: only merge */
    struct sim_trail trail;
};

struct pair {
    const struct hf_value *lhs; /* NULL: absent */
    const struct hf_value *rhs;
};

static int merge(struct merger *m, const struct sim_type *type, struct pair pair, struct hf_value *out, bool *has);

static int note_place(struct merger *m, struct sim_set *set)
{
    return sim_set_insert(m->arena, set, m->trail.path, m->trail.depth);
}

/* On a node with children only coming and going is noted, a change is its children's. */
static int note(struct merger *m, struct pair pair, bool is_leaf)
{
    if (!m->comparison) {
        return 0;
    }
    if (!pair.lhs) {
        return note_place(m, &m->comparison->added);
    }
    if (!pair.rhs) {
        return note_place(m, &m->comparison->removed);
    }
    return is_leaf && !hf_value_equal(pair.lhs, pair.rhs) ? note_place(m, &m->comparison->modified) : 0;
}

static int leaf(struct merger *m, struct pair pair, struct hf_value *out, bool *has)
{
    *out = pair.rhs ? *pair.rhs : *pair.lhs;
    *has = true;
    return note(m, pair, true);
}

static int merge_in(struct merger *m, struct hf_slice element, const struct sim_type *type, struct pair pair,
                    struct hf_value *out, bool *has)
{
    if (!element.ptr || m->trail.depth == SIM_DEPTH) {
        return -1;
    }
    m->trail.path[m->trail.depth++] = element;
    int status = merge(m, type, pair, out, has);
    m->trail.depth--;
    return status;
}

static int merge_member(struct merger *m, const struct sim_type *type, struct hf_slice key, struct pair pair,
                        struct hf_value *out)
{
    bool declared, has = false;
    struct hf_value value = {.kind = HF_NULL};
    const struct sim_type *inner = sim_member_type(type, key, &declared);
    if (!inner) {
        return 0;
    }
    if (merge_in(m, sim_field_element(m->arena, key), inner, pair, &value, &has) != 0) {
        return -1;
    }
    return has ? hf_value_set(m->arena, out, key, &value) : 0;
}

static int merge_map(struct merger *m, const struct sim_type *type, struct pair pair, struct hf_value *out)
{
    for (size_t i = 0; i < hf_value_count(pair.lhs); i++) {
        const struct hf_member *member = &pair.lhs->as.object.members[i];
        struct pair inner = {&member->value, hf_value_find(pair.rhs, member->key)};
        if (merge_member(m, type, member->key, inner, out) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < hf_value_count(pair.rhs); i++) {
        const struct hf_member *member = &pair.rhs->as.object.members[i];
        struct pair inner = {NULL, &member->value};
        if (!hf_value_find(pair.lhs, member->key) && merge_member(m, type, member->key, inner, out) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The path elements of a list's items. NULL: memory, or an item without its keys. */
static struct hf_slice *elements_of(struct merger *m, const struct sim_type *type, const struct hf_value *list)
{
    size_t count = list && list->kind == HF_ARRAY ? hf_value_count(list) : 0;
    struct hf_slice *elements = hf_arena_array(m->arena, count + 1, sizeof *elements);
    for (size_t i = 0; elements && i < count; i++) {
        if (sim_item_element(NULL, m->arena, type, i, hf_value_at(list, i), &elements[i]) != 0) {
            return NULL;
        }
    }
    return elements;
}

static size_t index_of(const struct hf_slice *elements, size_t count, struct hf_slice element)
{
    for (size_t i = 0; i < count; i++) {
        if (hf_slice_equal(elements[i], element)) {
            return i;
        }
    }
    return count;
}

static int merge_item(struct merger *m, const struct sim_type *type, struct hf_slice element, struct pair pair,
                      struct hf_value *out)
{
    struct hf_value value = {.kind = HF_NULL};
    bool has = false;
    if (merge_in(m, element, type->element, pair, &value, &has) != 0) {
        return -1;
    }
    return has ? hf_value_push(m->arena, out, &value) : 0;
}

static int merge_list(struct merger *m, const struct sim_type *type, struct pair pair, struct hf_value *out)
{
    struct hf_slice *left = elements_of(m, type, pair.lhs);
    struct hf_slice *right = elements_of(m, type, pair.rhs);
    size_t left_count = hf_value_count(pair.lhs), right_count = hf_value_count(pair.rhs);
    if (!left || !right) {
        return -1;
    }
    for (size_t i = 0; i < left_count; i++) {
        size_t at = index_of(right, right_count, left[i]);
        struct pair inner = {hf_value_at(pair.lhs, i), at < right_count ? hf_value_at(pair.rhs, at) : NULL};
        if (merge_item(m, type, left[i], inner, out) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < right_count; i++) {
        struct pair inner = {NULL, hf_value_at(pair.rhs, i)};
        if (index_of(left, left_count, right[i]) == left_count && merge_item(m, type, right[i], inner, out) != 0) {
            return -1;
        }
    }
    return 0;
}

static enum sim_view view_of_pair(const struct sim_type *type, struct pair pair)
{
    enum sim_view left = sim_view_of(type, pair.lhs);
    enum sim_view right = sim_view_of(type, pair.rhs);
    return !pair.lhs ? right : !pair.rhs ? left : left == right ? left : VIEW_LEAF;
}

/* Where both sides are empty or null the node is a leaf, so that one is not taken for the other. */
static int merge(struct merger *m, const struct sim_type *type, struct pair pair, struct hf_value *out, bool *has)
{
    enum sim_view view = view_of_pair(type, pair);
    *has = false;
    if (view == VIEW_LEAF || (sim_is_empty(pair.lhs) && sim_is_empty(pair.rhs))) {
        return leaf(m, pair, out, has);
    }
    struct hf_value *fresh = hf_value_new(m->arena, view == VIEW_LIST ? HF_ARRAY : HF_OBJECT);
    if (!fresh) {
        return -1;
    }
    *out = *fresh;
    if ((view == VIEW_LIST ? merge_list(m, type, pair, out) : merge_map(m, type, pair, out)) != 0) {
        return -1;
    }
    *has = hf_value_count(out) > 0;
    return note(m, pair, false);
}

int sim_typed_merge(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *lhs,
                    const struct hf_value *rhs, struct hf_value **out)
{
    struct merger m = {.arena = arena};
    bool has;
    *out = hf_value_new(arena, HF_NULL);
    return *out ? merge(&m, type, (struct pair){lhs, rhs}, *out, &has) : -1;
}

int sim_typed_compare(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *lhs,
                      const struct hf_value *rhs, struct sim_comparison *out)
{
    struct merger m = {.arena = arena, .comparison = out};
    struct hf_value scratch = {.kind = HF_NULL};
    bool has;
    *out = (struct sim_comparison){0};
    return merge(&m, type, (struct pair){lhs, rhs}, &scratch, &has);
}

static int strip(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *value,
                 const struct sim_set *items, struct hf_value *out);

/* *kept is false when the item itself is taken out. */
static int strip_item(struct hf_arena *arena, const struct sim_type *type, struct hf_slice element,
                      const struct hf_value *item, const struct sim_set *items, struct hf_value *out, bool *kept)
{
    const struct sim_node *node = sim_set_find(items, element);
    *kept = !node || !node->member;
    *out = *item;
    return *kept && node && type && !sim_set_is_empty(&node->children) ? strip(arena, type, item, &node->children, out)
                                                                       : 0;
}

static int strip_map(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *value,
                     const struct sim_set *items, struct hf_value *out)
{
    for (size_t i = 0; i < hf_value_count(value); i++) {
        const struct hf_member *member = &value->as.object.members[i];
        struct hf_value rest;
        bool declared, kept;
        const struct sim_type *inner = sim_member_type(type, member->key, &declared);
        struct hf_slice element = sim_field_element(arena, member->key);
        if (!element.ptr || strip_item(arena, inner, element, &member->value, items, &rest, &kept) != 0 ||
            (kept && hf_value_set(arena, out, member->key, &rest) != 0)) {
            return -1;
        }
    }
    return 0;
}

static int strip_list(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *value,
                      const struct sim_set *items, struct hf_value *out)
{
    for (size_t i = 0; i < hf_value_count(value); i++) {
        const struct hf_value *item = hf_value_at(value, i);
        struct hf_slice element;
        struct hf_value rest;
        bool kept;
        if (sim_item_element(NULL, arena, type, i, item, &element) != 0 ||
            strip_item(arena, type->element, element, item, items, &rest, &kept) != 0 ||
            (kept && hf_value_push(arena, out, &rest) != 0)) {
            return -1;
        }
    }
    return 0;
}

/* What is left with nothing in it becomes null, and so goes when it is written. */
static int strip(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *value,
                 const struct sim_set *items, struct hf_value *out)
{
    enum sim_view view = sim_view_of(type, value);
    if (view == VIEW_LEAF) {
        *out = *value;
        if (!sim_type_is_scalar(type)) {
            *out = (struct hf_value){.kind = HF_NULL};
        }
        return 0;
    }
    struct hf_value *fresh = hf_value_new(arena, view == VIEW_LIST ? HF_ARRAY : HF_OBJECT);
    if (!fresh) {
        return -1;
    }
    *out = *fresh;
    if ((view == VIEW_LIST ? strip_list(arena, type, value, items, out) : strip_map(arena, type, value, items, out)) !=
        0) {
        return -1;
    }
    if (hf_value_count(out) == 0) {
        *out = (struct hf_value){.kind = HF_NULL};
    }
    return 0;
}

int sim_typed_remove(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *value,
                     const struct sim_set *items, struct hf_value **out)
{
    *out = hf_value_new(arena, HF_NULL);
    return *out ? strip(arena, type, value, items, *out) : -1;
}
