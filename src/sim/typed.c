/* The checks and the field set of a typed value. */
#include "typed_walk.h"

#include <string.h>

static const struct sim_type UNTYPED = {.shape = SHAPE_ANY, .name = "", .custom = true, .keeps_unknown = true};

enum sim_view sim_view_of(const struct sim_type *type, const struct hf_value *value)
{
    switch (type->shape) {
    case SHAPE_LIST:
        return type->list == LIST_ATOMIC ? VIEW_LEAF : VIEW_LIST;
    case SHAPE_STRUCT:
    case SHAPE_MAP:
        return type->atomic ? VIEW_LEAF : VIEW_MAP;
    case SHAPE_ANY:
        return type->custom && value && value->kind == HF_OBJECT ? VIEW_MAP : VIEW_LEAF;
    default:
        return VIEW_LEAF;
    }
}

const struct sim_type *sim_member_type(const struct sim_type *type, struct hf_slice key, bool *declared)
{
    const struct sim_field *field = type->shape == SHAPE_STRUCT ? sim_type_field(type, key) : NULL;
    *declared = field != NULL;
    if (field) {
        return field->type;
    }
    if (type->shape == SHAPE_MAP) {
        return type->element;
    }
    return type->shape == SHAPE_ANY || type->keeps_unknown ? &UNTYPED : NULL;
}

struct hf_slice sim_field_element(struct hf_arena *arena, struct hf_slice key)
{
    char *text = hf_arena_alloc(arena, key.len + 3);
    if (!text) {
        return (struct hf_slice){0};
    }
    memcpy(text, "f:", 2);
    memcpy(text + 2, key.ptr, key.len);
    return (struct hf_slice){text, key.len + 2};
}

/* The one default that the 1.20 server's own types have for a key. */
static const char *key_default(struct hf_slice key)
{
    return hf_slice_is(key, "protocol") ? "\"TCP\"" : NULL;
}

static int add_keys(struct sim_work *work, const struct sim_type *list, const struct hf_value *item, struct hf_buf *buf)
{
    if (item->kind != HF_OBJECT) {
        return work ? sim_fail(work, 500, "", ": associative list with keys may not have non-map elements") : -1;
    }
    hf_buf_adds(buf, "k:{");
    for (size_t i = 0; i < list->key_count; i++) {
        const struct hf_value *value = hf_value_find(item, list->keys[i]);
        const char *standard = key_default(list->keys[i]);
        if (!value && !standard) {
            return work ? sim_fail(work, 500, "",
                                   ": associative list with keys has an element that omits key field \"%.*s\" (and "
                                   "doesn't have default value)",
                                   HF_SLICE(list->keys[i]))
                        : -1;
        }
        hf_buf_adds(buf, i ? "," : "");
        hf_buf_add_json(buf, list->keys[i]);
        hf_buf_addc(buf, ':');
        if (value) {
            hf_json_write(buf, value);
        } else {
            hf_buf_adds(buf, standard);
        }
    }
    hf_buf_addc(buf, '}');
    return 0;
}

int sim_item_element(struct sim_work *work, struct hf_arena *arena, const struct sim_type *list, size_t index,
                     const struct hf_value *item, struct hf_slice *out)
{
    hf_auto_buf struct hf_buf buf = {0};
    if (list->list == LIST_KEYED) {
        if (add_keys(work, list, item, &buf) != 0) {
            return -1;
        }
    } else if (list->list == LIST_SET) {
        hf_buf_adds(&buf, "v:");
        hf_json_write(&buf, item);
    } else {
        hf_buf_addf(&buf, "i:%zu", index);
    }
    out->ptr = hf_buf_ok(&buf) ? hf_arena_copy(arena, hf_buf_text(&buf), buf.len) : NULL;
    out->len = buf.len;
    return out->ptr ? 0 : -1;
}

struct checker {
    struct sim_work *work;
    struct sim_trail trail;
};

/* Puts the path where it went wrong before the message. */
static int at_place(struct checker *c)
{
    const char *message = c->work->problem.message;
    hf_auto_buf struct hf_buf path = {0};
    for (size_t i = 0; i < c->trail.depth; i++) {
        struct hf_slice e = c->trail.path[i];
        hf_buf_addc(&path, e.ptr[0] == 'f' ? '.' : '[');
        hf_buf_add(&path, e.ptr + 2, e.len - 2);
        if (e.ptr[0] != 'f') {
            hf_buf_addc(&path, ']');
        }
    }
    if (message && hf_buf_ok(&path)) {
        c->work->problem.message = hf_arena_printf(c->work->arena, "%s%s", hf_buf_text(&path), message);
    }
    return -1;
}

static int wrong(struct checker *c, const char *wanted, const struct hf_value *found)
{
    const char *json = sim_json(c->work->arena, found);
    sim_fail(c->work, 500, "", ": expected %s, got &value.valueUnstructured{Value:%s}", wanted, json ? json : "");
    return at_place(c);
}

static int check(struct checker *c, const struct sim_type *type, const struct hf_value *value);

static int check_in(struct checker *c, struct hf_slice element, const struct sim_type *type,
                    const struct hf_value *value)
{
    if (c->trail.depth == SIM_DEPTH) {
        return sim_fail(c->work, 400, "BadRequest", "the body is nested too deeply");
    }
    c->trail.path[c->trail.depth++] = element;
    int status = check(c, type, value);
    c->trail.depth--;
    return status;
}

static int check_map(struct checker *c, const struct sim_type *type, const struct hf_value *value)
{
    for (size_t i = 0; i < hf_value_count(value); i++) {
        const struct hf_member *member = &value->as.object.members[i];
        bool declared;
        const struct sim_type *inner = sim_member_type(type, member->key, &declared);
        struct hf_slice element = sim_field_element(c->work->arena, member->key);
        if (!element.ptr) {
            return -1;
        }
        if (!inner) {
            sim_fail(c->work, 500, "", ".%.*s: field not declared in schema", HF_SLICE(member->key));
            return at_place(c);
        }
        if (check_in(c, element, inner, &member->value) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check_list(struct checker *c, const struct sim_type *type, const struct hf_value *value)
{
    struct sim_set seen = {0};
    for (size_t i = 0; i < hf_value_count(value); i++) {
        const struct hf_value *item = hf_value_at(value, i);
        struct hf_slice element;
        if (sim_item_element(c->work, c->work->arena, type, i, item, &element) != 0) {
            return c->work->problem.message ? at_place(c) : -1;
        }
        if (sim_set_find(&seen, element)) {
            sim_fail(c->work, 500, "", ": duplicate entries for key [%.*s]", (int)element.len - 2, element.ptr + 2);
            return at_place(c);
        }
        if (sim_set_insert(c->work->arena, &seen, &element, 1) != 0 || check_in(c, element, type->element, item) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check(struct checker *c, const struct sim_type *type, const struct hf_value *value)
{
    if (value->kind == HF_NULL || type->shape == SHAPE_ANY) {
        return 0;
    }
    switch (type->shape) {
    case SHAPE_STRUCT:
    case SHAPE_MAP:
        return value->kind == HF_OBJECT ? check_map(c, type, value) : wrong(c, "map", value);
    case SHAPE_LIST:
        return value->kind == HF_ARRAY ? check_list(c, type, value) : wrong(c, "list", value);
    case SHAPE_INTEGER:
    case SHAPE_NUMBER:
        return value->kind == HF_NUMBER ? 0 : wrong(c, "numeric (int or float)", value);
    case SHAPE_BOOLEAN:
        return value->kind == HF_BOOL ? 0 : wrong(c, "boolean", value);
    case SHAPE_STRING:
    case SHAPE_BYTES:
        return value->kind == HF_STRING ? 0 : wrong(c, "string", value);
    default:
        return 0;
    }
}

int sim_typed_check(struct sim_work *work, const struct sim_type *type, const struct hf_value *value)
{
    struct checker c = {.work = work};
    return check(&c, type, value);
}

struct gatherer {
    struct hf_arena *arena;
    struct sim_set *out;
    struct sim_trail trail;
};

static int gather(struct gatherer *g, const struct sim_type *type, const struct hf_value *value);

static int gather_in(struct gatherer *g, struct hf_slice element, const struct sim_type *type,
                     const struct hf_value *value, bool is_member)
{
    if (!element.ptr || g->trail.depth == SIM_DEPTH) {
        return -1;
    }
    g->trail.path[g->trail.depth++] = element;
    int status = gather(g, type, value);
    if (status == 0 && is_member) {
        status = sim_set_insert(g->arena, g->out, g->trail.path, g->trail.depth);
    }
    g->trail.depth--;
    return status;
}

/* A named field that holds an object or a list is no member itself: nobody owns "spec". */
static int gather_map(struct gatherer *g, const struct sim_type *type, const struct hf_value *value)
{
    for (size_t i = 0; i < hf_value_count(value); i++) {
        const struct hf_member *member = &value->as.object.members[i];
        bool declared;
        const struct sim_type *inner = sim_member_type(type, member->key, &declared);
        if (inner && gather_in(g, sim_field_element(g->arena, member->key), inner, &member->value, !declared) != 0) {
            return -1;
        }
    }
    return 0;
}

static int gather_list(struct gatherer *g, const struct sim_type *type, const struct hf_value *value)
{
    for (size_t i = 0; i < hf_value_count(value); i++) {
        const struct hf_value *item = hf_value_at(value, i);
        struct hf_slice element;
        if (sim_item_element(NULL, g->arena, type, i, item, &element) != 0 ||
            gather_in(g, element, type->element, item, true) != 0) {
            return -1;
        }
    }
    return 0;
}

static int gather(struct gatherer *g, const struct sim_type *type, const struct hf_value *value)
{
    switch (sim_view_of(type, value)) {
    case VIEW_MAP:
        return gather_map(g, type, value);
    case VIEW_LIST:
        return gather_list(g, type, value);
    default:
        return sim_set_insert(g->arena, g->out, g->trail.path, g->trail.depth);
    }
}

int sim_typed_fields(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *value,
                     struct sim_set *out)
{
    struct gatherer g = {.arena = arena, .out = out};
    *out = (struct sim_set){0};
    return gather(&g, type, value);
}

static const struct sim_type *part_type(const struct sim_type *type, struct hf_slice element)
{
    bool declared;
    if (type->shape == SHAPE_LIST) {
        return element.ptr[0] == 'f' ? NULL : type->element;
    }
    if (element.ptr[0] != 'f' || (type->shape != SHAPE_STRUCT && type->shape != SHAPE_MAP)) {
        return NULL;
    }
    return sim_member_type(type, (struct hf_slice){element.ptr + 2, element.len - 2}, &declared);
}

static bool has_parts(const struct sim_type *type)
{
    return type->shape == SHAPE_LIST ? type->list != LIST_ATOMIC
                                     : (type->shape == SHAPE_STRUCT || type->shape == SHAPE_MAP) && !type->atomic;
}

static int reconcile(struct hf_arena *arena, const struct sim_type *type, const struct sim_set *live,
                     const struct sim_set *set, struct sim_set *out)
{
    *out = *set;
    out->nodes = hf_arena_array(arena, set->count + 1, sizeof *out->nodes);
    out->room = set->count + 1;
    if (!out->nodes) {
        return -1;
    }
    for (size_t i = 0; i < set->count; i++) {
        struct sim_node *node = &out->nodes[i];
        *node = set->nodes[i];
        const struct sim_type *inner = node->element.len > 2 ? part_type(type, node->element) : NULL;
        const struct sim_node *there = sim_set_find(live, node->element);
        if (!inner || !there) {
            continue;
        }
        if (node->member && node->children.count == 0 && has_parts(inner)) {
            node->children = there->children;
        } else if (node->children.count > 0 &&
                   reconcile(arena, inner, &there->children, &set->nodes[i].children, &node->children) != 0) {
            return -1;
        }
    }
    return 0;
}

int sim_typed_reconcile(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *live,
                        struct sim_set *set)
{
    struct sim_set fields, out;
    if (sim_typed_fields(arena, type, live, &fields) != 0 || reconcile(arena, type, &fields, set, &out) != 0) {
        return -1;
    }
    *set = out;
    return 0;
}
