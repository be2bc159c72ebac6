/* The documents of a YAML input. */
#include <string.h>

#include "found.h"
#include "yaml_node.h"

#define DEFAULT_BYTES ((size_t)16 << 20)
#define DEFAULT_DEPTH 100u
#define DEFAULT_NODES ((size_t)1000000)
#define DEFAULT_ALIASES ((size_t)1000)
#define DEFAULT_DOCUMENTS ((size_t)20000)

int hf_yaml_fail_memory(struct hf_yaml_reader *r)
{
    return hf_error_set(r->err, HF_ENOMEM, "out of memory while reading YAML");
}

int hf_yaml_fail_limit(struct hf_yaml_reader *r, const yaml_mark_t *mark, size_t most, const char *what)
{
    uint32_t column;
    (void)hf_yaml_place_of(&r->place, mark, &column);
    return hf_error_set(r->err, HF_ELIMIT, "line %zu, column %u: found more than %zu %s, expected at most that many",
                        mark->line + 1, column, most, what);
}

int hf_yaml_fail_at(struct hf_yaml_reader *r, const yaml_mark_t *mark, struct hf_slice found, const char *expected)
{
    uint32_t column;
    (void)hf_yaml_place_of(&r->place, mark, &column);
    hf_auto_buf struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, found, 60);
    return hf_error_set(r->err, HF_EPARSE, "line %zu, column %u: found %s, expected %s", mark->line + 1, column,
                        hf_buf_text(&safe), expected);
}

int hf_yaml_next(struct hf_yaml_reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) {
        return 0;
    }
    return hf_yaml_problem(&r->place, &r->parser, r->err);
}

/* Behind a marker: the next line when there is nothing but space and a comment on this one, else at itself. */
static size_t past_line(const struct hf_yaml_reader *r, size_t at)
{
    const char *bytes = r->place.bytes;
    size_t end = at;
    while (end < r->place.len && (bytes[end] == ' ' || bytes[end] == '\t')) {
        end++;
    }
    if (end < r->place.len && bytes[end] == '#' && end > at) {
        while (end < r->place.len && hf_yaml_break(bytes + end, r->place.len - end) == 0) {
            end++;
        }
    }
    size_t ended = end < r->place.len ? hf_yaml_break(bytes + end, r->place.len - end) : 0;
    return ended > 0 || end == r->place.len ? end + ended : at;
}

static size_t count_lines(const struct hf_yaml_reader *r, size_t from, size_t to)
{
    size_t count = 0;
    while (from < to) {
        size_t step = hf_yaml_break(r->place.bytes + from, to - from);
        count += step > 0;
        from += step ? step : 1;
    }
    return count;
}

/* Where the document that event opens begins, and on which line. */
static size_t source_start(struct hf_yaml_reader *r, const yaml_event_t *event, uint32_t *line)
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
        row = event->end_mark.line + count_lines(r, behind, start);
        /* What begins on the marker's line keeps it, and so does a byte order mark, which would be lost at the front of
         * an input. */
        bool mark = r->place.len - start >= 3 && memcmp(r->place.bytes + start, "\xEF\xBB\xBF", 3) == 0;
        if (start == behind || mark) {
            row = event->start_mark.line;
            start = hf_yaml_place_of(&r->place, &event->start_mark, &column);
        }
    } else {
        size_t first = hf_yaml_place_of(&r->place, &event->start_mark, &column);
        row -= count_lines(r, start, first);
    }
    *line = row < UINT32_MAX ? (uint32_t)row + 1 : UINT32_MAX;
    return start;
}

static int add_document(struct hf_yaml_reader *r, const struct hf_document *document)
{
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 16;
        struct hf_document *list = hf_reallocarray(r->documents, cap, sizeof *list);
        if (!list) {
            return hf_yaml_fail_memory(r);
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
static int read_document(struct hf_yaml_reader *r, size_t start, uint32_t line)
{
    yaml_event_t event;
    if (hf_yaml_next(r, &event) != 0) {
        return -1;
    }
    bool empty = is_empty(&event);
    yaml_mark_t mark = event.start_mark;
    struct hf_yaml_node root = {0};
    if (hf_yaml_read_node(r, &event, &root) != 0 || hf_yaml_no_endless(r, &mark, &root) != 0 ||
        hf_yaml_next(r, &event) != 0) {
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
        return hf_yaml_fail_limit(r, &mark, r->limits.documents, "documents");
    }
    struct hf_value *value = hf_value_new(r->arena, HF_NULL);
    if (!value) {
        return hf_yaml_fail_memory(r);
    }
    *value = root.value;
    struct hf_document document = {
        .value = value, .source = {r->place.bytes + start, end > start ? end - start : 0}, .line = line};
    return add_document(r, &document);
}

static int read_stream(struct hf_yaml_reader *r)
{
    for (;;) {
        yaml_event_t event;
        if (hf_yaml_next(r, &event) != 0) {
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

static int read_all(struct hf_yaml_reader *r, struct hf_document **out, size_t *count)
{
    if (!yaml_parser_initialize(&r->parser)) {
        return hf_yaml_fail_memory(r);
    }
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->place.bytes, r->place.len);
    int status = read_stream(r);
    if (status == 0) {
        *out = hf_arena_array(r->arena, r->count, sizeof **out);
        *count = r->count;
        status = *out ? 0 : hf_yaml_fail_memory(r);
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
    struct hf_yaml_reader r = {.arena = arena, .limits = most, .err = err};
    hf_yaml_place_init(&r.place, len ? bytes : "", len);
    int status = read_all(&r, out, count);
    hf_map_free(r.anchors, NULL);
    free(r.open.list);
    free(r.documents);
    return status;
}
