/* A list that comes in pieces, given on item by item. */
#include "holdfast/json.h"

#include <string.h>

#include "found.h"

/* The splitter only finds where things begin and end. What lies between is read strictly by whoever gets the item, and
 * for the rest of the document by hf_json_split_finish. */
enum state {
    IN_REST,    /* in the document but not in the array that is split */
    FIRST_ITEM, /* behind '[' */
    NEXT_ITEM,  /* behind ',' */
    IN_ITEM,    /* in a nested item or a string */
    IN_PLAIN,   /* in a number or a word, ended by what can't be part of it */
    BEHIND_ITEM /* a ',' or the end of the array follows */
};

struct hf_json_split {
    char *key;
    size_t max_item;
    hf_json_item_fn on_item;
    void *ctx;
    enum state state;
    bool root_is_object;
    bool in_string;
    bool escaped; /* the byte before was a backslash in a string */
    bool failed;
    size_t depth; /* brackets open, within the rest or within the item */
    struct hf_buf item;
    struct hf_buf rest;
    size_t key_start; /* in rest: the last key of the top-level object, with its quotes */
    size_t key_end;
    bool expect_key; /* at depth 1: a ':' has not come yet */
    bool in_key;
    uint32_t line;
    uint32_t column; /* of the next byte */
};

struct hf_json_split *hf_json_split_new(const char *array_key, size_t max_item, size_t max_rest,
                                        hf_json_item_fn on_item, void *ctx)
{
    struct hf_json_split *split = hf_calloc(1, sizeof *split);
    if (split) {
        *split = (struct hf_json_split){.key = hf_strdup(array_key),
                                        .max_item = max_item,
                                        .on_item = on_item,
                                        .ctx = ctx,
                                        .rest = {.limit = max_rest},
                                        .line = 1,
                                        .column = 1};
        if (!split->key) {
            free(split);
            return NULL;
        }
    }
    return split;
}

void hf_json_split_free(struct hf_json_split *split)
{
    if (split) {
        free(split->key);
        hf_buf_free(&split->item);
        hf_buf_free(&split->rest);
        free(split);
    }
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static int fail(struct hf_json_split *s, const char *bytes, size_t len, size_t at, const char *expected,
                struct hf_error *err)
{
    char found[HF_FOUND_TEXT];
    hf_found(found, bytes, len, at);
    return hf_error_set(err, HF_EPARSE, "line %u, column %u: found %s, expected %s", s->line, s->column, found,
                        expected);
}

static void step_over(struct hf_json_split *s, const char *bytes, size_t len)
{
    const char *newline;
    while (len > 0 && (newline = memchr(bytes, '\n', len)) != NULL) {
        s->line++;
        s->column = 1;
        len -= (size_t)(newline - bytes) + 1;
        bytes = newline + 1;
    }
    s->column += (uint32_t)len;
}

/* Adds to the item or to the rest, whose limit it reports. */
static int keep(struct hf_json_split *s, bool item, const char *bytes, size_t len, struct hf_error *err)
{
    struct hf_buf *buf = item ? &s->item : &s->rest;
    size_t most = item ? s->max_item : s->rest.limit;
    if (most > 0 && len > most - (buf->len < most ? buf->len : most)) {
        return hf_error_set(err, HF_ELIMIT,
                            "line %u, column %u: found %s of more than %zu bytes, expected at most that", s->line,
                            s->column, item ? "an item" : "a document around the items", most);
    }
    hf_buf_add(buf, bytes, len);
    return hf_buf_ok(buf) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory while splitting JSON");
}

/* In a string: steps to behind its closing quote, if that has come. */
static void pass_string(struct hf_json_split *s, const char *bytes, size_t len, size_t *at)
{
    while (*at < len) {
        char byte = bytes[(*at)++];
        if (s->escaped) {
            s->escaped = false;
        } else if (byte == '\\') {
            s->escaped = true;
        } else if (byte == '"') {
            s->in_string = false;
            return;
        }
    }
}

/* Steps through a nested item or a string; true when its last bracket or quote has closed. */
static bool pass_nested(struct hf_json_split *s, const char *bytes, size_t len, size_t *at)
{
    while (*at < len) {
        if (s->in_string) {
            pass_string(s, bytes, len, at);
            if (!s->in_string && s->depth == 0) {
                return true;
            }
            continue;
        }
        char byte = bytes[(*at)++];
        if (byte == '"') {
            s->in_string = true;
        } else if (byte == '{' || byte == '[') {
            s->depth++;
        } else if ((byte == '}' || byte == ']') && --s->depth == 0) {
            return true;
        }
    }
    return false;
}

/* The item is whole: what was kept of it and the last bytes. */
static int give(struct hf_json_split *s, const char *bytes, size_t len, struct hf_error *err)
{
    int status;
    if (s->item.len == 0 && (s->max_item == 0 || len <= s->max_item)) {
        status = s->on_item(s->ctx, bytes, len, err);
    } else {
        status = keep(s, true, bytes, len, err);
        if (status == 0) {
            status = s->on_item(s->ctx, s->item.ptr, s->item.len, err);
        }
    }
    hf_buf_clear(&s->item);
    s->state = BEHIND_ITEM;
    return status;
}

/* In an item: takes bytes up to its end. Gives how many. */
static int feed_item(struct hf_json_split *s, const char *bytes, size_t len, size_t *taken, struct hf_error *err)
{
    size_t at = 0;
    bool closed;
    if (s->state == IN_PLAIN) {
        while (at < len && bytes[at] != ',' && bytes[at] != ']' && bytes[at] != '}' && !is_space(bytes[at])) {
            at++;
        }
        closed = at < len;
    } else {
        closed = pass_nested(s, bytes, len, &at);
    }
    *taken = at;
    return closed ? give(s, bytes, at, err) : keep(s, true, bytes, at, err);
}

/* Between items. */
static int feed_between(struct hf_json_split *s, const char *bytes, size_t len, size_t at, size_t *taken,
                        struct hf_error *err)
{
    char byte = bytes[at];
    *taken = 1;
    if (is_space(byte)) {
        return 0;
    }
    if (byte == ']' && s->state != NEXT_ITEM) {
        s->state = IN_REST;
        s->depth = 1;
        return keep(s, false, "]", 1, err);
    }
    if (s->state == BEHIND_ITEM) {
        if (byte != ',') {
            return fail(s, bytes, len, at, "',' or ']'", err);
        }
        s->state = NEXT_ITEM;
        return 0;
    }
    if (byte == ',' || byte == ']' || byte == '}' || byte == ':') {
        return fail(s, bytes, len, at, "an item", err);
    }
    *taken = 0;
    s->depth = 0;
    s->state = byte == '{' || byte == '[' || byte == '"' ? IN_ITEM : IN_PLAIN;
    return 0;
}

static int key_matches(struct hf_json_split *s, bool *matches, struct hf_error *err)
{
    struct hf_slice raw = {s->rest.ptr + s->key_start, s->key_end - s->key_start};
    *matches = raw.len == strlen(s->key) + 2 && memcmp(raw.ptr + 1, s->key, raw.len - 2) == 0;
    if (*matches || !memchr(raw.ptr, '\\', raw.len)) {
        return 0;
    }
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *name;
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory while splitting JSON");
    }
    struct hf_error ignored = HF_ERROR_INIT; /* finish reads it again and says where */
    if (hf_json_read(arena, raw.ptr, raw.len, NULL, &name, &ignored) == 0) {
        *matches = hf_slice_is(name->as.text, s->key);
    }
    return 0;
}

/* A bracket that opens in the document around the items. */
static int open_bracket(struct hf_json_split *s, char byte, struct hf_error *err)
{
    bool matches = false;
    if (s->depth == 0) {
        s->root_is_object = s->expect_key = byte == '{';
    } else if (s->depth == 1 && byte == '[' && s->root_is_object && !s->expect_key &&
               key_matches(s, &matches, err) != 0) {
        return -1;
    }
    if (matches) {
        s->state = FIRST_ITEM;
    } else {
        s->depth++;
    }
    return 0;
}

/* A byte of the document around the items, not within a string. */
static int rest_byte(struct hf_json_split *s, char byte, struct hf_error *err)
{
    if (keep(s, false, &byte, 1, err) != 0) {
        return -1;
    }
    switch (byte) {
    case '"':
        s->in_string = true;
        s->in_key = s->depth == 1 && s->expect_key;
        if (s->in_key) {
            s->key_start = s->rest.len - 1;
        }
        return 0;
    case '{':
    case '[':
        return open_bracket(s, byte, err);
    case '}':
    case ']':
        s->depth -= s->depth > 0;
        return 0;
    case ':':
    case ',':
        if (s->depth == 1) {
            s->expect_key = byte == ',';
        }
        return 0;
    default:
        return 0;
    }
}

static int feed_rest(struct hf_json_split *s, const char *bytes, size_t len, size_t *taken, struct hf_error *err)
{
    if (!s->in_string) {
        *taken = 1;
        return rest_byte(s, bytes[0], err);
    }
    *taken = 0;
    pass_string(s, bytes, len, taken);
    if (keep(s, false, bytes, *taken, err) != 0) {
        return -1;
    }
    if (!s->in_string && s->in_key) {
        s->key_end = s->rest.len;
    }
    return 0;
}

int hf_json_split_feed(struct hf_json_split *split, const char *bytes, size_t len, struct hf_error *err)
{
    if (split->failed) {
        return hf_error_set(err, HF_EINVAL, "JSON fed to a splitter that has failed");
    }
    for (size_t at = 0; at < len;) {
        size_t taken = 0;
        int status;
        if (split->state == IN_REST) {
            status = feed_rest(split, bytes + at, len - at, &taken, err);
        } else if (split->state == IN_ITEM || split->state == IN_PLAIN) {
            status = feed_item(split, bytes + at, len - at, &taken, err);
        } else {
            status = feed_between(split, bytes, len, at, &taken, err);
        }
        if (status != 0) {
            split->failed = true;
            return -1;
        }
        step_over(split, bytes + at, taken);
        at += taken;
    }
    return 0;
}

int hf_json_split_finish(struct hf_json_split *split, struct hf_arena *arena, const struct hf_value **rest,
                         struct hf_error *err)
{
    if (split->failed) {
        return hf_error_set(err, HF_EINVAL, "JSON asked of a splitter that has failed");
    }
    split->failed = true;
    if (split->state != IN_REST) {
        return hf_error_set(err, HF_EPARSE,
                            "line %u, column %u: found the end of the input, expected the end of \"%s\"", split->line,
                            split->column, split->key);
    }
    struct hf_read_limits limits = {.bytes = split->rest.limit};
    return hf_json_read(arena, hf_buf_text(&split->rest), split->rest.len, &limits, rest, err);
}
