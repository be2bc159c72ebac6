#include "fieldset.h"

#include <string.h>

static size_t place_of(const struct sim_set *set, struct hf_slice element, bool *found)
{
    size_t low = 0, high = set->count;
    *found = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = hf_slice_compare(set->nodes[middle].element, element);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct sim_node *sim_set_find(const struct sim_set *set, struct hf_slice element)
{
    bool found;
    size_t at = place_of(set, element, &found);
    return found ? &set->nodes[at] : NULL;
}

static struct sim_node *open_slot(struct hf_arena *arena, struct sim_set *set, size_t at)
{
    if (set->count == set->room) {
        size_t room = set->room ? set->room * 2 : 4;
        struct sim_node *nodes = hf_arena_array(arena, room, sizeof *nodes);
        if (!nodes) {
            return NULL;
        }
        if (set->count > 0) {
            memcpy(nodes, set->nodes, set->count * sizeof *nodes);
        }
        set->nodes = nodes;
        set->room = room;
    }
    memmove(set->nodes + at + 1, set->nodes + at, (set->count - at) * sizeof *set->nodes);
    set->count++;
    set->nodes[at] = (struct sim_node){0};
    return &set->nodes[at];
}

int sim_set_insert(struct hf_arena *arena, struct sim_set *set, const struct hf_slice *path, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        bool found;
        size_t at = place_of(set, path[i], &found);
        struct sim_node *node = found ? &set->nodes[at] : open_slot(arena, set, at);
        if (!node) {
            return -1;
        }
        if (!found) {
            node->element = path[i];
        }
        if (i + 1 == depth) {
            node->member = true;
        }
        set = &node->children;
    }
    return 0;
}

bool sim_set_is_empty(const struct sim_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->nodes[i].member || !sim_set_is_empty(&set->nodes[i].children)) {
            return false;
        }
    }
    return true;
}

bool sim_set_equal(const struct sim_set *a, const struct sim_set *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!hf_slice_equal(a->nodes[i].element, b->nodes[i].element) || a->nodes[i].member != b->nodes[i].member ||
            !sim_set_equal(&a->nodes[i].children, &b->nodes[i].children)) {
            return false;
        }
    }
    return true;
}

static int append(struct hf_arena *arena, struct sim_set *set, const struct sim_node *node)
{
    if (!node->member && node->children.count == 0) {
        return 0;
    }
    struct sim_node *slot = open_slot(arena, set, set->count);
    if (!slot) {
        return -1;
    }
    *slot = *node;
    return 0;
}

enum operation { UNION, INTERSECTION, DIFFERENCE };

static int combine(struct hf_arena *arena, enum operation operation, const struct sim_set *a, const struct sim_set *b,
                   struct sim_set *out);

static int combine_node(struct hf_arena *arena, enum operation operation, const struct sim_node *a,
                        const struct sim_node *b, struct sim_set *out)
{
    struct sim_node node = {.element = a->element};
    node.member = operation == UNION          ? a->member || b->member
                  : operation == INTERSECTION ? a->member && b->member
                                              : a->member && !b->member;
    if (combine(arena, operation, &a->children, &b->children, &node.children) != 0) {
        return -1;
    }
    return append(arena, out, &node);
}

static int combine(struct hf_arena *arena, enum operation operation, const struct sim_set *a, const struct sim_set *b,
                   struct sim_set *out)
{
    size_t i = 0, j = 0;
    *out = (struct sim_set){0};
    while (i < a->count || j < b->count) {
        int order = i == a->count ? 1 : j == b->count ? -1 : hf_slice_compare(a->nodes[i].element, b->nodes[j].element);
        int status = 0;
        if (order == 0) {
            status = combine_node(arena, operation, &a->nodes[i], &b->nodes[j], out);
        } else if (order < 0 && operation != INTERSECTION) {
            status = append(arena, out, &a->nodes[i]);
        } else if (order > 0 && operation == UNION) {
            status = append(arena, out, &b->nodes[j]);
        }
        if (status != 0) {
            return -1;
        }
        i += order <= 0 ? 1 : 0;
        j += order >= 0 ? 1 : 0;
    }
    return 0;
}

int sim_set_union(struct hf_arena *arena, const struct sim_set *a, const struct sim_set *b, struct sim_set *out)
{
    return combine(arena, UNION, a, b, out);
}

int sim_set_intersection(struct hf_arena *arena, const struct sim_set *a, const struct sim_set *b, struct sim_set *out)
{
    return combine(arena, INTERSECTION, a, b, out);
}

int sim_set_difference(struct hf_arena *arena, const struct sim_set *a, const struct sim_set *b, struct sim_set *out)
{
    return combine(arena, DIFFERENCE, a, b, out);
}

int sim_set_from_json(struct hf_arena *arena, const struct hf_value *fields, struct sim_set *out)
{
    *out = (struct sim_set){0};
    if (!fields || fields->kind != HF_OBJECT) {
        return -1;
    }
    for (size_t i = 0; i < hf_value_count(fields); i++) {
        const struct hf_member *member = &fields->as.object.members[i];
        struct sim_node node = {.element = member->key, .member = hf_value_count(&member->value) == 0};
        if (hf_slice_is(member->key, ".")) {
            continue; /* read by the level above */
        }
        if (sim_set_from_json(arena, &member->value, &node.children) != 0) {
            return -1;
        }
        node.member = node.member || hf_value_get(&member->value, ".") != NULL;
        if (append(arena, out, &node) != 0) {
            return -1;
        }
    }
    return 0;
}

struct hf_value *sim_set_to_json(struct hf_arena *arena, const struct sim_set *set)
{
    struct hf_value *fields = hf_value_new(arena, HF_OBJECT);
    for (size_t i = 0; fields && i < set->count; i++) {
        const struct sim_node *node = &set->nodes[i];
        struct hf_value *inner = sim_set_to_json(arena, &node->children);
        if (!inner || (node->member && node->children.count > 0 && sim_put_json(arena, inner, ".", "{}") != 0) ||
            hf_value_set(arena, fields, node->element, inner) != 0) {
            return NULL;
        }
    }
    return fields;
}

/* k:{"name":"a"} is written [name="a"], v:"x" is written [="x"], i:0 is written [0]. */
static void add_element(struct hf_buf *path, struct hf_slice element)
{
    const char *rest = element.ptr + 2;
    size_t len = element.len < 2 ? 0 : element.len - 2;
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *keys = NULL;
    if (element.len < 2 || element.ptr[0] == 'f') {
        hf_buf_addc(path, '.');
        hf_buf_add(path, rest, len);
        return;
    }
    hf_buf_addc(path, '[');
    if (element.ptr[0] == 'v') {
        hf_buf_addc(path, '=');
    }
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (element.ptr[0] != 'k' || !arena || hf_json_read(arena, rest, len, NULL, &keys, &err) != 0) {
        hf_buf_add(path, rest, len);
    } else {
        for (size_t i = 0; i < hf_value_count(keys); i++) {
            hf_buf_addf(path, "%s%.*s=", i ? "," : "", HF_SLICE(keys->as.object.members[i].key));
            hf_json_write(path, &keys->as.object.members[i].value);
        }
    }
    hf_buf_addc(path, ']');
}

/* First all members of a level, then what is below: the order of the real messages. */
static int each(const struct sim_set *set, struct hf_buf *path, int (*fn)(void *ctx, const char *path), void *ctx)
{
    size_t len = path->len;
    for (size_t i = 0; i < 2 * set->count; i++) {
        const struct sim_node *node = &set->nodes[i % set->count];
        bool members = i < set->count;
        if (members ? !node->member : node->children.count == 0) {
            continue;
        }
        add_element(path, node->element);
        if (!hf_buf_ok(path) || (members ? fn(ctx, hf_buf_text(path)) : each(&node->children, path, fn, ctx)) != 0) {
            return -1;
        }
        path->len = len;
        path->ptr[len] = 0;
    }
    return 0;
}

int sim_set_each(const struct sim_set *set, int (*fn)(void *ctx, const char *path), void *ctx)
{
    hf_auto_buf struct hf_buf path = {0};
    return each(set, &path, fn, ctx);
}
