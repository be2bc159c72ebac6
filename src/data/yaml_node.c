/* Lists, mappings, anchors and aliases of a YAML document. */
#include "yaml_node.h"

#include <string.h>

#define MERGE_TAG "tag:yaml.org,2002:merge"

static int read_node(struct hf_yaml_reader *r, yaml_event_t *event, struct hf_yaml_node *out);

static void stand_at(struct hf_yaml_reader *r, const yaml_mark_t *mark, struct hf_value *value)
{
    (void)hf_yaml_place_of(&r->place, mark, &value->column);
    value->line = mark->line < UINT32_MAX ? (uint32_t)mark->line + 1 : UINT32_MAX;
}

static int count_node(struct hf_yaml_reader *r, const yaml_mark_t *mark, size_t more)
{
    if (more > r->limits.nodes - r->nodes) {
        return hf_yaml_fail_limit(r, mark, r->limits.nodes, "values (aliases count as what they stand for)");
    }
    r->nodes += more;
    return 0;
}

static int enter(struct hf_yaml_reader *r, const yaml_event_t *event, const yaml_char_t *tag, const char *own,
                 uint32_t height)
{
    const char *name = hf_yaml_tag(tag);
    if (!name || (*name != '\0' && strcmp(name, own) != 0)) {
        return hf_yaml_fail_tag(r, event, tag, "no tag here");
    }
    if (r->depth + height > r->limits.depth) {
        return hf_yaml_fail_limit(r, &event->start_mark, r->limits.depth, "levels of nesting");
    }
    return 0;
}

int hf_yaml_read_node(struct hf_yaml_reader *r, yaml_event_t *event, struct hf_yaml_node *out)
{
    int status = read_node(r, event, out);
    yaml_event_delete(event);
    return status;
}

static void include(struct hf_yaml_node *out, const struct hf_yaml_node *child)
{
    out->nodes += child->nodes;
    if (child->height >= out->height) {
        out->height = child->height + 1;
    }
}

static int read_items(struct hf_yaml_reader *r, struct hf_yaml_node *out)
{
    size_t base = r->open.count;
    for (;;) {
        yaml_event_t event;
        if (hf_yaml_next(r, &event) != 0) {
            return -1;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        struct hf_yaml_node item = {0};
        yaml_mark_t mark = event.start_mark;
        if (hf_yaml_read_node(r, &event, &item) != 0 || hf_yaml_no_endless(r, &mark, &item) != 0) {
            return -1;
        }
        struct hf_member *slot = hf_yaml_entries_push(&r->open, false);
        if (!slot) {
            return hf_yaml_fail_memory(r);
        }
        slot->value = item.value;
        include(out, &item);
    }
    out->value.kind = HF_ARRAY;
    return hf_yaml_entries_items(&r->open, base, r->arena, &out->value) == 0 ? 0 : hf_yaml_fail_memory(r);
}

static int fail_merge(struct hf_yaml_reader *r, const yaml_mark_t *mark)
{
    return hf_yaml_fail_at(r, mark, hf_slice_of("something else behind '<<'"),
                           "a mapping, an alias of one, or a list of them");
}

static int merge_one(struct hf_yaml_reader *r, const yaml_mark_t *mark, const struct hf_value *value)
{
    if (value->kind != HF_OBJECT) {
        return fail_merge(r, mark);
    }
    for (size_t i = 0; i < value->as.object.count; i++) {
        struct hf_member *slot = hf_yaml_entries_push(&r->open, true);
        if (!slot) {
            return hf_yaml_fail_memory(r);
        }
        *slot = value->as.object.members[i];
    }
    return 0;
}

/* What stands behind "<<". Of a list the earlier ones win. */
static int read_merge(struct hf_yaml_reader *r, struct hf_yaml_node *out)
{
    yaml_event_t event;
    if (hf_yaml_next(r, &event) != 0) {
        return -1;
    }
    struct hf_yaml_node from = {0};
    yaml_mark_t mark = event.start_mark;
    bool list = event.type == YAML_SEQUENCE_START_EVENT;
    if (hf_yaml_read_node(r, &event, &from) != 0) {
        return -1;
    }
    include(out, &from);
    if (!list) {
        return merge_one(r, &mark, &from.value);
    }
    for (size_t i = from.value.as.array.count; i-- > 0;) {
        if (merge_one(r, &mark, &from.value.as.array.items[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

static bool is_merge(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 2 &&
           memcmp(event->data.scalar.value, "<<", 2) == 0 &&
           (event->data.scalar.plain_implicit ||
            (event->data.scalar.tag && strcmp((const char *)event->data.scalar.tag, MERGE_TAG) == 0));
}

/* At a key that is not "<<": it and its value. */
static int read_member(struct hf_yaml_reader *r, yaml_event_t *event, struct hf_yaml_node *out)
{
    struct hf_member member = {0};
    struct hf_yaml_node key = {0};
    struct hf_yaml_node value = {0};
    struct hf_value place = {0};
    yaml_mark_t mark = event->start_mark;
    stand_at(r, &mark, &place);
    member.line = place.line;
    member.column = place.column;
    if (hf_yaml_read_node(r, event, &key) != 0 || hf_yaml_set_key(r, &mark, &key, &member) != 0 ||
        hf_yaml_next(r, event) != 0) {
        return -1;
    }
    mark = event->start_mark;
    if (hf_yaml_read_node(r, event, &value) != 0 || hf_yaml_no_endless(r, &mark, &value) != 0) {
        return -1;
    }
    member.value = value.value;
    struct hf_member *slot = hf_yaml_entries_push(&r->open, false);
    if (!slot) {
        return hf_yaml_fail_memory(r);
    }
    *slot = member;
    include(out, &key);
    include(out, &value);
    return 0;
}

static int read_members(struct hf_yaml_reader *r, struct hf_yaml_node *out)
{
    size_t base = r->open.count;
    for (;;) {
        yaml_event_t event;
        if (hf_yaml_next(r, &event) != 0) {
            return -1;
        }
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        int status;
        if (is_merge(&event)) {
            yaml_event_delete(&event);
            status = read_merge(r, out);
        } else {
            status = read_member(r, &event, out);
        }
        if (status != 0) {
            return -1;
        }
    }
    out->value.kind = HF_OBJECT;
    return hf_yaml_entries_members(&r->open, base, r->arena, &out->value, r->err);
}

static int read_alias(struct hf_yaml_reader *r, const yaml_event_t *event, struct hf_yaml_node *out)
{
    struct hf_slice name = hf_slice_of((const char *)event->data.alias.anchor);
    struct hf_yaml_anchor *anchor = r->anchors ? hf_map_get(r->anchors, name) : NULL;
    if (!anchor) {
        return hf_yaml_fail_at(r, &event->start_mark, name, "an alias of an anchor that stands before it");
    }
    if (anchor->open) {
        return hf_yaml_fail_at(r, &event->start_mark, name, "an alias that is not within what it stands for");
    }
    if (++r->aliases > r->limits.aliases) {
        return hf_yaml_fail_limit(r, &event->start_mark, r->limits.aliases, "aliases");
    }
    if (r->depth + anchor->node.height > r->limits.depth) {
        return hf_yaml_fail_limit(r, &event->start_mark, r->limits.depth, "levels of nesting");
    }
    if (count_node(r, &event->start_mark, anchor->node.nodes) != 0) {
        return -1;
    }
    *out = anchor->node;
    return 0;
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static int open_anchor(struct hf_yaml_reader *r, const yaml_event_t *event, struct hf_yaml_anchor **out)
{
    const yaml_char_t *name = anchor_of(event);
    *out = NULL;
    if (!name) {
        return 0;
    }
    if (!r->anchors) {
        r->anchors = hf_map_new();
    }
    struct hf_yaml_anchor *anchor = hf_arena_alloc(r->arena, sizeof *anchor);
    if (!r->anchors || !anchor || hf_map_put(r->anchors, hf_slice_of((const char *)name), anchor, NULL) != 0) {
        return hf_yaml_fail_memory(r);
    }
    anchor->open = true;
    *out = anchor;
    return 0;
}

static int read_nested(struct hf_yaml_reader *r, const yaml_event_t *event, struct hf_yaml_node *out)
{
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    if (enter(r, event, list ? event->data.sequence_start.tag : event->data.mapping_start.tag, list ? "seq" : "map",
              1) != 0) {
        return -1;
    }
    out->nodes = 1;
    out->height = 1;
    r->depth++;
    int status = list ? read_items(r, out) : read_members(r, out);
    r->depth--;
    return status;
}

static int read_node(struct hf_yaml_reader *r, yaml_event_t *event, struct hf_yaml_node *out)
{
    struct hf_yaml_anchor *anchor;
    if (event->type == YAML_ALIAS_EVENT) {
        return read_alias(r, event, out);
    }
    if (open_anchor(r, event, &anchor) != 0 || count_node(r, &event->start_mark, 1) != 0) {
        return -1;
    }
    stand_at(r, &event->start_mark, &out->value);
    int status = event->type == YAML_SCALAR_EVENT ? hf_yaml_read_scalar(r, event, out) : read_nested(r, event, out);
    if (status == 0 && anchor) {
        anchor->node = *out;
        anchor->open = false;
    }
    return status;
}
