/* YAML from libyaml's events into values. */
#include "holdfast/yaml.h"

#include <string.h>
#include <yaml.h>

#include "found.h"
#include "holdfast/digest.h"
#include "holdfast/map.h"
#include "yaml_merge.h"
#include "yaml_place.h"
#include "yaml_scalar.h"

#define DEFAULT_BYTES ((size_t)16 << 20)
#define DEFAULT_DEPTH 100u
#define DEFAULT_NODES ((size_t)1000000)
#define DEFAULT_ALIASES ((size_t)1000)
#define DEFAULT_DOCUMENTS ((size_t)20000)

#define TAG_PREFIX "tag:yaml.org,2002:"

/* What a node came to. */
struct node {
    struct hf_value value;
    size_t nodes;    /* values in it */
    uint32_t height; /* brackets nested in it */
    bool is_scalar;
    struct hf_scalar scalar; /* of one that is not a string */
};

struct anchor {
    bool open; /* still being read: an alias to it would hold itself */
    struct node node;
};

struct reader {
    struct hf_arena *arena;
    yaml_parser_t parser;
    struct hf_yaml_place place;
    struct hf_yaml_limits limits;
    struct hf_map *anchors; /* of this document; NULL until there is one */
    struct hf_yaml_entries open;
    struct hf_document *documents;
    size_t count;
    size_t cap;
    uint32_t depth; /* brackets open */
    size_t nodes;
    size_t aliases;
    size_t source_from; /* where an implicit document would begin */
    struct hf_error *err;
};

static int read_node(struct reader *r, yaml_event_t *event, struct node *out);

static int fail_memory(struct reader *r)
{
    return hf_error_set(r->err, HF_ENOMEM, "out of memory while reading YAML");
}

static int fail_limit(struct reader *r, const yaml_mark_t *mark, size_t most, const char *what)
{
    uint32_t column;
    (void)hf_yaml_place_of(&r->place, mark, &column);
    return hf_error_set(r->err, HF_ELIMIT, "line %zu, column %u: found more than %zu %s, expected at most that many",
                        mark->line + 1, column, most, what);
}

static int fail_at(struct reader *r, const yaml_mark_t *mark, struct hf_slice found, const char *expected)
{
    uint32_t column;
    (void)hf_yaml_place_of(&r->place, mark, &column);
    hf_auto_buf struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, found, 60);
    return hf_error_set(r->err, HF_EPARSE, "line %zu, column %u: found %s, expected %s", mark->line + 1, column,
                        hf_buf_text(&safe), expected);
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) {
        return 0;
    }
    return hf_yaml_problem(&r->place, &r->parser, r->err);
}

static void stand_at(struct reader *r, const yaml_mark_t *mark, struct hf_value *value)
{
    (void)hf_yaml_place_of(&r->place, mark, &value->column);
    value->line = mark->line < UINT32_MAX ? (uint32_t)mark->line + 1 : UINT32_MAX;
}

static int count_node(struct reader *r, const yaml_mark_t *mark, size_t more)
{
    if (more > r->limits.nodes - r->nodes) {
        return fail_limit(r, mark, r->limits.nodes, "values (aliases count as what they stand for)");
    }
    r->nodes += more;
    return 0;
}

static int set_text(struct reader *r, struct hf_value *value, enum hf_kind kind, struct hf_slice text)
{
    char *copy = hf_arena_copy(r->arena, text.ptr, text.len);
    if (!copy) {
        return fail_memory(r);
    }
    value->kind = kind;
    value->as.text = (struct hf_slice){copy, text.len};
    return 0;
}

/* NULL when it is not one of YAML's own; "" for none. */
static const char *short_tag(const yaml_char_t *tag)
{
    const char *text = (const char *)tag;
    if (!text || strcmp(text, "!") == 0) {
        return "";
    }
    return strncmp(text, TAG_PREFIX, strlen(TAG_PREFIX)) == 0 ? text + strlen(TAG_PREFIX) : NULL;
}

static int fail_tag(struct reader *r, const yaml_event_t *event, const yaml_char_t *tag, const char *expected)
{
    return fail_at(r, &event->start_mark, hf_slice_of((const char *)tag), expected);
}

static int read_binary(struct reader *r, const yaml_event_t *event, struct hf_slice text, struct hf_value *value)
{
    hf_auto_buf struct hf_buf bytes = {0};
    struct hf_error ignored = HF_ERROR_INIT;
    if (hf_base64_decode(text, &bytes, &ignored) != 0) {
        return fail_at(r, &event->start_mark, hf_slice_of("a !!binary value"), "base64");
    }
    if (!hf_utf8_valid(hf_buf_text(&bytes), bytes.len)) {
        return fail_at(r, &event->start_mark, hf_slice_of("a !!binary value that is no UTF-8"),
                       "text (JSON has no bytes; leave the tag away where base64 is wanted)");
    }
    return set_text(r, value, HF_STRING, (struct hf_slice){hf_buf_text(&bytes), bytes.len});
}

/* Whether a scalar has the tag "!", which makes it text. libyaml says of it only that it needs no tag. */
static bool has_bare_tag(struct reader *r, const yaml_event_t *event)
{
    uint32_t column;
    const char *bytes = r->place.bytes;
    size_t at = hf_yaml_place_of(&r->place, &event->start_mark, &column);
    if (at < r->place.len && bytes[at] == '&') {
        while (at < r->place.len && bytes[at] != ' ' && bytes[at] != '\t' && bytes[at] != '\n' && bytes[at] != '\r') {
            at++;
        }
        while (at < r->place.len && (bytes[at] == ' ' || bytes[at] == '\t' || bytes[at] == '\n' || bytes[at] == '\r')) {
            at++;
        }
    }
    return at < r->place.len && bytes[at] == '!';
}

/* What kind of scalar it is, by tag, quotes and text. */
static int resolve(struct reader *r, const yaml_event_t *event, struct hf_scalar *scalar)
{
    struct hf_slice text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    const char *tag = short_tag(event->data.scalar.tag);
    if (event->data.scalar.plain_implicit && !has_bare_tag(r, event)) {
        hf_scalar_resolve(text, scalar);
        return 0;
    }
    scalar->type = HF_SCALAR_STRING;
    if (!tag) {
        return fail_tag(r, event, event->data.scalar.tag, "no tag, or one of !!str, !!int, !!float, !!bool, !!null");
    }
    if (*tag == '\0' || strcmp(tag, "str") == 0 || strcmp(tag, "binary") == 0) {
        return 0;
    }
    static const char *const KNOWN[] = {"int", "float", "bool", "null", "timestamp"};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (strcmp(tag, KNOWN[i]) == 0) {
            return hf_scalar_tagged(tag, text, scalar)
                       ? 0
                       : fail_tag(r, event, event->data.scalar.tag, "a value that its tag fits");
        }
    }
    return fail_tag(r, event, event->data.scalar.tag, "no tag, or one of !!str, !!int, !!float, !!bool, !!null");
}

static int read_scalar(struct reader *r, const yaml_event_t *event, struct node *out)
{
    struct hf_slice text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    out->is_scalar = true;
    out->nodes = 1;
    if (resolve(r, event, &out->scalar) != 0) {
        return -1;
    }
    switch (out->scalar.type) {
    case HF_SCALAR_NULL:
    case HF_SCALAR_ENDLESS:
        out->value.kind = HF_NULL;
        return 0;
    case HF_SCALAR_BOOL:
        out->value.kind = HF_BOOL;
        out->value.as.boolean = out->scalar.boolean;
        return 0;
    case HF_SCALAR_INT:
    case HF_SCALAR_FLOAT:
        return set_text(r, &out->value, HF_NUMBER, hf_slice_of(out->scalar.number));
    case HF_SCALAR_STRING:
        break;
    }
    const char *tag = short_tag(event->data.scalar.tag);
    if (tag && strcmp(tag, "binary") == 0) {
        return read_binary(r, event, text, &out->value);
    }
    return set_text(r, &out->value, HF_STRING, text);
}

static int no_endless(struct reader *r, const yaml_mark_t *mark, const struct node *node)
{
    if (node->is_scalar && node->scalar.type == HF_SCALAR_ENDLESS) {
        return fail_at(r, mark, hf_slice_of(node->scalar.number), "a number that JSON has (quote it if it is text)");
    }
    return 0;
}

/* A scalar as a key: what sigs.k8s.io/yaml makes a string of. */
static int set_key(struct reader *r, const yaml_mark_t *mark, const struct node *node, struct hf_member *member)
{
    char number[HF_SCALAR_NUMBER];
    struct hf_slice text = {0};
    if (!node->is_scalar) {
        return fail_at(r, mark, hf_slice_of(node->value.kind == HF_ARRAY ? "a list as a key" : "a mapping as a key"),
                       "text");
    }
    switch (node->scalar.type) {
    case HF_SCALAR_NULL:
        return fail_at(r, mark, hf_slice_of("null as a key"), "text (quote it if it is meant)");
    case HF_SCALAR_BOOL:
        text = hf_slice_of(node->scalar.boolean ? "true" : "false");
        break;
    case HF_SCALAR_INT:
        if (node->scalar.above_int64) {
            return fail_at(r, mark, hf_slice_of(node->scalar.number), "a key in quotes, or a smaller number");
        }
        text = hf_slice_of(node->scalar.number);
        break;
    case HF_SCALAR_FLOAT:
    case HF_SCALAR_ENDLESS:
        hf_scalar_float_key(&node->scalar, number);
        text = hf_slice_of(number);
        break;
    case HF_SCALAR_STRING:
        member->key = node->value.as.text;
        return 0;
    }
    char *copy = hf_arena_copy(r->arena, text.ptr, text.len);
    member->key = (struct hf_slice){copy, text.len};
    return copy ? 0 : fail_memory(r);
}

static int enter(struct reader *r, const yaml_event_t *event, const yaml_char_t *tag, const char *own, uint32_t height)
{
    const char *name = short_tag(tag);
    if (!name || (*name != '\0' && strcmp(name, own) != 0)) {
        return fail_tag(r, event, tag, "no tag here");
    }
    if (r->depth + height > r->limits.depth) {
        return fail_limit(r, &event->start_mark, r->limits.depth, "levels of nesting");
    }
    return 0;
}

/* Reads the node that event begins, of which it is the owner, and deletes it. */
static int read_and_drop(struct reader *r, yaml_event_t *event, struct node *out)
{
    int status = read_node(r, event, out);
    yaml_event_delete(event);
    return status;
}

static void include(struct node *out, const struct node *child)
{
    out->nodes += child->nodes;
    if (child->height >= out->height) {
        out->height = child->height + 1;
    }
}

static int read_items(struct reader *r, struct node *out)
{
    size_t base = r->open.count;
    for (;;) {
        yaml_event_t event;
        if (next_event(r, &event) != 0) {
            return -1;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        struct node item = {0};
        yaml_mark_t mark = event.start_mark;
        if (read_and_drop(r, &event, &item) != 0 || no_endless(r, &mark, &item) != 0) {
            return -1;
        }
        struct hf_member *slot = hf_yaml_entries_push(&r->open, false);
        if (!slot) {
            return fail_memory(r);
        }
        slot->value = item.value;
        include(out, &item);
    }
    out->value.kind = HF_ARRAY;
    return hf_yaml_entries_items(&r->open, base, r->arena, &out->value) == 0 ? 0 : fail_memory(r);
}

static int fail_merge(struct reader *r, const yaml_mark_t *mark)
{
    return fail_at(r, mark, hf_slice_of("something else behind '<<'"), "a mapping, an alias of one, or a list of them");
}

static int merge_one(struct reader *r, const yaml_mark_t *mark, const struct hf_value *value)
{
    if (value->kind != HF_OBJECT) {
        return fail_merge(r, mark);
    }
    for (size_t i = 0; i < value->as.object.count; i++) {
        struct hf_member *slot = hf_yaml_entries_push(&r->open, true);
        if (!slot) {
            return fail_memory(r);
        }
        *slot = value->as.object.members[i];
    }
    return 0;
}

/* What stands behind "<<". Of a list the earlier ones win. */
static int read_merge(struct reader *r, struct node *out)
{
    yaml_event_t event;
    if (next_event(r, &event) != 0) {
        return -1;
    }
    struct node from = {0};
    yaml_mark_t mark = event.start_mark;
    bool list = event.type == YAML_SEQUENCE_START_EVENT;
    if (read_and_drop(r, &event, &from) != 0) {
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
            (event->data.scalar.tag && strcmp((const char *)event->data.scalar.tag, TAG_PREFIX "merge") == 0));
}

/* At a key that is not "<<": it and its value. */
static int read_member(struct reader *r, yaml_event_t *event, struct node *out)
{
    struct hf_member member = {0};
    struct node key = {0};
    struct node value = {0};
    struct hf_value place = {0};
    yaml_mark_t mark = event->start_mark;
    stand_at(r, &mark, &place);
    member.line = place.line;
    member.column = place.column;
    if (read_and_drop(r, event, &key) != 0 || set_key(r, &mark, &key, &member) != 0 || next_event(r, event) != 0) {
        return -1;
    }
    mark = event->start_mark;
    if (read_and_drop(r, event, &value) != 0 || no_endless(r, &mark, &value) != 0) {
        return -1;
    }
    member.value = value.value;
    struct hf_member *slot = hf_yaml_entries_push(&r->open, false);
    if (!slot) {
        return fail_memory(r);
    }
    *slot = member;
    include(out, &key);
    include(out, &value);
    return 0;
}

static int read_members(struct reader *r, struct node *out)
{
    size_t base = r->open.count;
    for (;;) {
        yaml_event_t event;
        if (next_event(r, &event) != 0) {
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

static int read_alias(struct reader *r, const yaml_event_t *event, struct node *out)
{
    struct hf_slice name = hf_slice_of((const char *)event->data.alias.anchor);
    struct anchor *anchor = r->anchors ? hf_map_get(r->anchors, name) : NULL;
    if (!anchor) {
        return fail_at(r, &event->start_mark, name, "an alias of an anchor that stands before it");
    }
    if (anchor->open) {
        return fail_at(r, &event->start_mark, name, "an alias that is not within what it stands for");
    }
    if (++r->aliases > r->limits.aliases) {
        return fail_limit(r, &event->start_mark, r->limits.aliases, "aliases");
    }
    if (r->depth + anchor->node.height > r->limits.depth) {
        return fail_limit(r, &event->start_mark, r->limits.depth, "levels of nesting");
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

static int open_anchor(struct reader *r, const yaml_event_t *event, struct anchor **out)
{
    const yaml_char_t *name = anchor_of(event);
    *out = NULL;
    if (!name) {
        return 0;
    }
    if (!r->anchors) {
        r->anchors = hf_map_new();
    }
    struct anchor *anchor = hf_arena_alloc(r->arena, sizeof *anchor);
    if (!r->anchors || !anchor || hf_map_put(r->anchors, hf_slice_of((const char *)name), anchor, NULL) != 0) {
        return fail_memory(r);
    }
    anchor->open = true;
    *out = anchor;
    return 0;
}

static int read_nested(struct reader *r, const yaml_event_t *event, struct node *out)
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

static int read_node(struct reader *r, yaml_event_t *event, struct node *out)
{
    struct anchor *anchor;
    if (event->type == YAML_ALIAS_EVENT) {
        return read_alias(r, event, out);
    }
    if (open_anchor(r, event, &anchor) != 0 || count_node(r, &event->start_mark, 1) != 0) {
        return -1;
    }
    stand_at(r, &event->start_mark, &out->value);
    int status = event->type == YAML_SCALAR_EVENT ? read_scalar(r, event, out) : read_nested(r, event, out);
    if (status == 0 && anchor) {
        anchor->node = *out;
        anchor->open = false;
    }
    return status;
}

/* Behind at: the rest of the line when there is nothing on it but space and a comment, with its end; else at itself. */
static size_t past_line(const struct reader *r, size_t at)
{
    const char *bytes = r->place.bytes;
    size_t end = at;
    while (end < r->place.len && (bytes[end] == ' ' || bytes[end] == '\t')) {
        end++;
    }
    if (end < r->place.len && bytes[end] == '#' && end > at) {
        while (end < r->place.len && bytes[end] != '\n' && bytes[end] != '\r') {
            end++;
        }
    }
    if (end == r->place.len) {
        return end;
    }
    if (bytes[end] == '\r') {
        return end + 1 + (end + 1 < r->place.len && bytes[end + 1] == '\n');
    }
    return bytes[end] == '\n' ? end + 1 : at;
}

/* Where the document that event opens begins, and on which line. */
static size_t source_start(struct reader *r, const yaml_event_t *event, uint32_t *line)
{
    uint32_t column;
    size_t start = r->source_from;
    size_t row = event->start_mark.line;
    bool directives = event->data.document_start.version_directive ||
                      event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end;
    if (directives) {
        start = hf_yaml_place_of(&r->place, &event->start_mark, &column);
    } else if (!event->data.document_start.implicit) {
        size_t behind = hf_yaml_place_of(&r->place, &event->end_mark, &column);
        start = past_line(r, behind);
        row = event->end_mark.line + (start > behind && start > 0 && r->place.bytes[start - 1] != '#' &&
                                      memchr(r->place.bytes + behind, '\n', start - behind) != NULL);
    } else {
        size_t first = hf_yaml_place_of(&r->place, &event->start_mark, &column);
        for (size_t i = start; i < first; i++) {
            row -= r->place.bytes[i] == '\n' && row > 0;
        }
    }
    *line = row < UINT32_MAX ? (uint32_t)row + 1 : UINT32_MAX;
    return start;
}

static int add_document(struct reader *r, const struct hf_document *document)
{
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 16;
        struct hf_document *list = hf_reallocarray(r->documents, cap, sizeof *list);
        if (!list) {
            return fail_memory(r);
        }
        r->documents = list;
        r->cap = cap;
    }
    r->documents[r->count++] = *document;
    return 0;
}

/* Nothing but comments: libyaml gives an empty plain scalar. */
static bool is_empty(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 && !event->data.scalar.anchor &&
           !event->data.scalar.tag && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Behind the start of a document: its root and its end. */
static int read_document(struct reader *r, size_t start, uint32_t line)
{
    yaml_event_t event;
    if (next_event(r, &event) != 0) {
        return -1;
    }
    bool empty = is_empty(&event);
    yaml_mark_t mark = event.start_mark;
    struct node root = {0};
    if (read_and_drop(r, &event, &root) != 0 || no_endless(r, &mark, &root) != 0 || next_event(r, &event) != 0) {
        return -1;
    }
    uint32_t column;
    size_t end = hf_yaml_place_of(&r->place, &event.start_mark, &column);
    bool marked = event.type == YAML_DOCUMENT_END_EVENT && !event.data.document_end.implicit;
    r->source_from = marked ? past_line(r, hf_yaml_place_of(&r->place, &event.end_mark, &column)) : end;
    yaml_event_delete(&event);
    hf_map_free(r->anchors, NULL);
    r->anchors = NULL;
    if (empty) {
        return 0;
    }
    if (r->count >= r->limits.documents) {
        return fail_limit(r, &mark, r->limits.documents, "documents");
    }
    struct hf_value *value = hf_value_new(r->arena, HF_NULL);
    if (!value) {
        return fail_memory(r);
    }
    *value = root.value;
    struct hf_document document = {
        .value = value, .source = {r->place.bytes + start, end > start ? end - start : 0}, .line = line};
    return add_document(r, &document);
}

static int read_stream(struct reader *r)
{
    for (;;) {
        yaml_event_t event;
        if (next_event(r, &event) != 0) {
            return -1;
        }
        yaml_event_type_t type = event.type;
        uint32_t line = 0;
        size_t start = type == YAML_DOCUMENT_START_EVENT ? source_start(r, &event, &line) : 0;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) {
            return 0;
        }
        if (type == YAML_DOCUMENT_START_EVENT && read_document(r, start, line) != 0) {
            return -1;
        }
    }
}

static int read_all(struct reader *r, struct hf_document **out, size_t *count)
{
    if (!yaml_parser_initialize(&r->parser)) {
        return fail_memory(r);
    }
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->place.bytes, r->place.len);
    int status = read_stream(r);
    if (status == 0) {
        *out = hf_arena_array(r->arena, r->count, sizeof **out);
        *count = r->count;
        status = *out ? 0 : fail_memory(r);
    }
    if (status == 0 && r->count > 0) {
        memcpy(*out, r->documents, r->count * sizeof **out);
    }
    yaml_parser_delete(&r->parser);
    return status;
}

int hf_yaml_read(struct hf_arena *arena, const char *bytes, size_t len, const struct hf_yaml_limits *limits,
                 struct hf_document **out, size_t *count, struct hf_error *err)
{
    struct hf_yaml_limits most = limits ? *limits : (struct hf_yaml_limits){0};
    most.bytes = most.bytes ? most.bytes : DEFAULT_BYTES;
    most.depth = most.depth ? most.depth : DEFAULT_DEPTH;
    most.depth = most.depth < HF_DEPTH_MAX ? most.depth : HF_DEPTH_MAX;
    most.nodes = most.nodes ? most.nodes : DEFAULT_NODES;
    most.aliases = most.aliases ? most.aliases : DEFAULT_ALIASES;
    most.documents = most.documents ? most.documents : DEFAULT_DOCUMENTS;
    if (len > most.bytes) {
        return hf_error_set(err, HF_ELIMIT, "found %zu bytes of YAML, expected at most %zu", len, most.bytes);
    }
    if (len >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0)) {
        return hf_error_set(err, HF_EPARSE, "line 1, column 1: found the byte order mark of UTF-16, expected UTF-8");
    }
    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3;
        len -= 3;
    }
    struct reader r = {.arena = arena, .limits = most, .err = err};
    hf_yaml_place_init(&r.place, len ? bytes : "", len);
    int status = read_all(&r, out, count);
    hf_map_free(r.anchors, NULL);
    free(r.open.list);
    free(r.documents);
    return status;
}
