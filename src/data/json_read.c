/* JSON by RFC 8259, strictly, into an arena. */
#include "holdfast/json.h"

#include <string.h>

#include "found.h"
#include "run.h"

#define DEFAULT_BYTES ((size_t)16 << 20)
#define DEFAULT_DEPTH 128u
#define DEFAULT_NODES ((size_t)2000000)
#define EXPONENT_DIGITS ((size_t)17) /* what number.c counts with */

struct reader {
    struct hf_arena *arena;
    const char *bytes;
    size_t len;
    size_t at;
    size_t line_start;
    uint32_t line;
    uint32_t depth; /* left */
    size_t nodes;   /* left */
    size_t most_nodes;
    /* Members and items of what is still open, innermost last; moved to the arena when it closes. */
    struct hf_member *open;
    size_t open_count;
    size_t open_cap;
    struct hf_error *err;
};

static int read_value(struct reader *r, struct hf_value *out);

static uint32_t column_of(const struct reader *r, size_t at)
{
    size_t column = at - r->line_start + 1;
    return column > UINT32_MAX ? UINT32_MAX : (uint32_t)column;
}

static int fail_at(struct reader *r, size_t at, const char *expected)
{
    char found[HF_FOUND_TEXT];
    hf_found(found, r->bytes, r->len, at);
    return hf_error_set(r->err, HF_EPARSE, "line %u, column %u: found %s, expected %s", r->line, column_of(r, at),
                        found, expected);
}

static int fail_limit(struct reader *r, const char *what, size_t limit)
{
    return hf_error_set(r->err, HF_ELIMIT, "line %u, column %u: found more than %zu %s, expected no more", r->line,
                        column_of(r, r->at), limit, what);
}

static int fail_memory(struct reader *r)
{
    return hf_error_set(r->err, HF_ENOMEM, "line %u, column %u: out of memory while reading JSON", r->line,
                        column_of(r, r->at));
}

static void skip_space(struct reader *r)
{
    while (r->at < r->len) {
        char byte = r->bytes[r->at];
        if (byte == '\n') {
            r->line++;
            r->line_start = r->at + 1;
        } else if (byte != ' ' && byte != '\t' && byte != '\r') {
            return;
        }
        r->at++;
    }
}

static int hex4(const struct reader *r, size_t at, uint32_t *out)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        char byte = at + i < r->len ? r->bytes[at + i] : '\0';
        uint32_t digit;
        if (byte >= '0' && byte <= '9') {
            digit = (uint32_t)(byte - '0');
        } else if (byte >= 'a' && byte <= 'f') {
            digit = (uint32_t)(byte - 'a' + 10);
        } else if (byte >= 'A' && byte <= 'F') {
            digit = (uint32_t)(byte - 'A' + 10);
        } else {
            return -1;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return 0;
}

static char *put_utf8(char *to, uint32_t point)
{
    if (point < 0x80) {
        *to++ = (char)point;
    } else if (point < 0x800) {
        *to++ = (char)(0xC0 | point >> 6);
        *to++ = (char)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *to++ = (char)(0xE0 | point >> 12);
        *to++ = (char)(0x80 | (point >> 6 & 0x3F));
        *to++ = (char)(0x80 | (point & 0x3F));
    } else {
        *to++ = (char)(0xF0 | point >> 18);
        *to++ = (char)(0x80 | (point >> 12 & 0x3F));
        *to++ = (char)(0x80 | (point >> 6 & 0x3F));
        *to++ = (char)(0x80 | (point & 0x3F));
    }
    return to;
}

/* The escape at *at (behind the backslash); steps over it. */
static int unescape(struct reader *r, size_t *at, char **to)
{
    static const char FROM[] = "\"\\/bfnrt";
    static const char INTO[] = "\"\\/\b\f\n\r\t";
    char byte = r->bytes[*at];
    const char *known = byte ? strchr(FROM, byte) : NULL;
    if (known) {
        *(*to)++ = INTO[known - FROM];
        (*at)++;
        return 0;
    }
    uint32_t point;
    if (byte != 'u') {
        return fail_at(r, *at, "one of \" \\ / b f n r t u behind the backslash");
    }
    if (hex4(r, *at + 1, &point) != 0) {
        return fail_at(r, *at, "'u' and four hexadecimal digits behind the backslash");
    }
    size_t start = *at;
    *at += 5;
    if (point >= 0xD800 && point <= 0xDFFF) {
        uint32_t low;
        if (point >= 0xDC00 || r->len - *at < 6 || r->bytes[*at] != '\\' || r->bytes[*at + 1] != 'u' ||
            hex4(r, *at + 2, &low) != 0 || low < 0xDC00 || low > 0xDFFF) {
            return fail_at(r, start, "a character or a whole surrogate pair, not half a pair");
        }
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        *at += 6;
    }
    *to = put_utf8(*to, point);
    return 0;
}

static int unescape_all(struct reader *r, size_t from, size_t end, struct hf_slice *out)
{
    /* An escape is never shorter than what it stands for. */
    char *copy = hf_arena_alloc(r->arena, end - from + 1);
    if (!copy) {
        return fail_memory(r);
    }
    char *to = copy;
    for (size_t at = from; at < end;) {
        const char *slash = memchr(r->bytes + at, '\\', end - at);
        size_t plain = slash ? (size_t)(slash - (r->bytes + at)) : end - at;
        memcpy(to, r->bytes + at, plain);
        to += plain;
        at += plain;
        if (slash) {
            at++;
            if (unescape(r, &at, &to) != 0) {
                return -1;
            }
        }
    }
    *out = (struct hf_slice){copy, (size_t)(to - copy)};
    return 0;
}

static int check_utf8(struct reader *r, size_t from, size_t end)
{
    if (hf_utf8_valid(r->bytes + from, end - from)) {
        return 0;
    }
    size_t at = from;
    while (at < end) {
        size_t step = (unsigned char)r->bytes[at] < 0x80 ? 1 : 2;
        while (step <= 4 && step <= end - at && !hf_utf8_valid(r->bytes + at, step)) {
            step++;
        }
        if (step > 4 || step > end - at) {
            break;
        }
        at += step;
    }
    return fail_at(r, at, "UTF-8");
}

/* Where the string that begins at start ends; what is in it besides plain ASCII. */
static int find_end(struct reader *r, size_t start, size_t *end, bool *escaped, bool *high)
{
    const unsigned char *bytes = (const unsigned char *)r->bytes;
    size_t at = start;
    unsigned char seen = 0;
    *escaped = false;
    for (;;) {
        at += hf_clean_run(bytes + at, r->len - at, &seen);
        if (at >= r->len) {
            return fail_at(r, at, "the closing '\"' of the string");
        }
        if (bytes[at] < 0x20) {
            return fail_at(r, at, "the closing '\"' of the string (control characters are written as escapes)");
        }
        if (bytes[at] == '"') {
            break;
        }
        *escaped = true;
        /* What follows the backslash is looked at by unescape, unless it would break the string. */
        at++;
        if (at < r->len && bytes[at] >= 0x20) {
            seen |= bytes[at++];
        }
    }
    *end = at;
    *high = (seen & 0x80) != 0;
    return 0;
}

/* At the opening quote. */
static int read_string(struct reader *r, struct hf_slice *out)
{
    size_t start = r->at + 1;
    size_t end = start;
    bool escaped = false;
    bool high = false;
    if (find_end(r, start, &end, &escaped, &high) != 0 || (high && check_utf8(r, start, end) != 0)) {
        return -1;
    }
    if (escaped) {
        if (unescape_all(r, start, end, out) != 0) {
            return -1;
        }
    } else {
        char *copy = hf_arena_copy(r->arena, r->bytes + start, end - start);
        if (!copy) {
            return fail_memory(r);
        }
        *out = (struct hf_slice){copy, end - start};
    }
    r->at = end + 1;
    return 0;
}

static size_t digits(const struct reader *r, size_t at)
{
    size_t end = at;
    while (end < r->len && r->bytes[end] >= '0' && r->bytes[end] <= '9') {
        end++;
    }
    return end - at;
}

/* At what may be an exponent; steps over it. */
static int pass_exponent(struct reader *r, size_t *at)
{
    if (*at >= r->len || (r->bytes[*at] != 'e' && r->bytes[*at] != 'E')) {
        return 0;
    }
    (*at)++;
    *at += *at < r->len && (r->bytes[*at] == '-' || r->bytes[*at] == '+');
    size_t count = digits(r, *at);
    if (count == 0) {
        return fail_at(r, *at, "a digit of the exponent");
    }
    size_t zeros = 0;
    while (zeros < count && r->bytes[*at + zeros] == '0') {
        zeros++;
    }
    if (count - zeros > EXPONENT_DIGITS) {
        return fail_limit(r, "digits in an exponent", EXPONENT_DIGITS);
    }
    *at += count;
    return 0;
}

static int read_number(struct reader *r, struct hf_value *out)
{
    size_t at = r->at + (r->bytes[r->at] == '-');
    size_t whole = digits(r, at);
    if (whole == 0) {
        return fail_at(r, at, "a digit");
    }
    if (whole > 1 && r->bytes[at] == '0') {
        return fail_at(r, r->at, "a number without leading zeros");
    }
    at += whole;
    if (at < r->len && r->bytes[at] == '.') {
        size_t fraction = digits(r, at + 1);
        if (fraction == 0) {
            return fail_at(r, at + 1, "a digit behind the point");
        }
        at += 1 + fraction;
    }
    if (pass_exponent(r, &at) != 0) {
        return -1;
    }
    char *copy = hf_arena_copy(r->arena, r->bytes + r->at, at - r->at);
    if (!copy) {
        return fail_memory(r);
    }
    out->kind = HF_NUMBER;
    out->as.text = (struct hf_slice){copy, at - r->at};
    r->at = at;
    return 0;
}

static int read_word(struct reader *r, const char *word, struct hf_value *out)
{
    size_t len = strlen(word);
    if (r->len - r->at < len || memcmp(r->bytes + r->at, word, len) != 0) {
        return fail_at(r, r->at, "a value");
    }
    out->kind = word[0] == 'n' ? HF_NULL : HF_BOOL;
    out->as.boolean = word[0] == 't';
    r->at += len;
    return 0;
}

static struct hf_member *push_open(struct reader *r)
{
    if (r->open_count == r->open_cap) {
        size_t cap = r->open_cap ? r->open_cap * 2 : 64;
        struct hf_member *open = hf_reallocarray(r->open, cap, sizeof *open);
        if (!open) {
            (void)fail_memory(r);
            return NULL;
        }
        r->open = open;
        r->open_cap = cap;
    }
    struct hf_member *member = &r->open[r->open_count++];
    *member = (struct hf_member){0};
    return member;
}

/* At the closing bracket. */
static int close_array(struct reader *r, size_t base, struct hf_value *out)
{
    size_t count = r->open_count - base;
    struct hf_value *items = hf_arena_array(r->arena, count, sizeof *items);
    if (!items) {
        return fail_memory(r);
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = r->open[base + i].value;
    }
    out->as.array.items = items;
    out->as.array.count = count;
    r->open_count = base;
    r->at++;
    return 0;
}

static int close_object(struct reader *r, size_t base, struct hf_value *out)
{
    size_t count = r->open_count - base;
    struct hf_member *members = hf_arena_array(r->arena, count, sizeof *members);
    if (!members) {
        return fail_memory(r);
    }
    if (count > 0) {
        memcpy(members, r->open + base, count * sizeof *members);
    }
    out->as.object.members = members;
    out->as.object.count = count;
    r->open_count = base;
    r->at++;
    return hf_value_seal(out, r->err);
}

/* Reads a value into the topmost open slot. */
static int read_child(struct reader *r)
{
    struct hf_value value = {0};
    size_t slot = r->open_count - 1;
    if (read_value(r, &value) != 0) {
        return -1;
    }
    r->open[slot].value = value;
    skip_space(r);
    return 0;
}

static int read_array(struct reader *r, struct hf_value *out)
{
    size_t base = r->open_count;
    r->at++;
    skip_space(r);
    if (r->at < r->len && r->bytes[r->at] == ']') {
        return close_array(r, base, out);
    }
    for (;;) {
        if (!push_open(r) || read_child(r) != 0) {
            return -1;
        }
        if (r->at < r->len && r->bytes[r->at] == ']') {
            return close_array(r, base, out);
        }
        if (r->at >= r->len || r->bytes[r->at] != ',') {
            return fail_at(r, r->at, "',' or ']'");
        }
        r->at++;
    }
}

static int read_key(struct reader *r)
{
    skip_space(r);
    if (r->at >= r->len || r->bytes[r->at] != '"') {
        return fail_at(r, r->at, "a key in double quotes");
    }
    struct hf_member *member = push_open(r);
    if (!member) {
        return -1;
    }
    member->line = r->line;
    member->column = column_of(r, r->at);
    if (read_string(r, &member->key) != 0) {
        return -1;
    }
    skip_space(r);
    if (r->at >= r->len || r->bytes[r->at] != ':') {
        return fail_at(r, r->at, "':'");
    }
    r->at++;
    return 0;
}

static int read_object(struct reader *r, struct hf_value *out)
{
    size_t base = r->open_count;
    r->at++;
    skip_space(r);
    if (r->at < r->len && r->bytes[r->at] == '}') {
        return close_object(r, base, out);
    }
    for (;;) {
        if (read_key(r) != 0 || read_child(r) != 0) {
            return -1;
        }
        if (r->at < r->len && r->bytes[r->at] == '}') {
            return close_object(r, base, out);
        }
        if (r->at >= r->len || r->bytes[r->at] != ',') {
            return fail_at(r, r->at, "',' or '}'");
        }
        r->at++;
    }
}

static int read_nested(struct reader *r, enum hf_kind kind, struct hf_value *out)
{
    if (r->depth == 0) {
        return hf_error_set(r->err, HF_ELIMIT, "line %u, column %u: found deeper nesting than allowed, expected less",
                            r->line, column_of(r, r->at));
    }
    out->kind = kind;
    r->depth--;
    int status = kind == HF_ARRAY ? read_array(r, out) : read_object(r, out);
    r->depth++;
    return status;
}

static int read_value(struct reader *r, struct hf_value *out)
{
    skip_space(r);
    if (r->at >= r->len) {
        return fail_at(r, r->at, "a value");
    }
    if (r->nodes == 0) {
        return fail_limit(r, "values", r->most_nodes);
    }
    r->nodes--;
    out->line = r->line;
    out->column = column_of(r, r->at);
    char byte = r->bytes[r->at];
    switch (byte) {
    case '{':
        return read_nested(r, HF_OBJECT, out);
    case '[':
        return read_nested(r, HF_ARRAY, out);
    case '"':
        out->kind = HF_STRING;
        return read_string(r, &out->as.text);
    case 't':
        return read_word(r, "true", out);
    case 'f':
        return read_word(r, "false", out);
    case 'n':
        return read_word(r, "null", out);
    default:
        return byte == '-' || (byte >= '0' && byte <= '9') ? read_number(r, out) : fail_at(r, r->at, "a value");
    }
}

static int read_text(struct reader *r, struct hf_value *out)
{
    if (r->len >= 3 && memcmp(r->bytes, "\xEF\xBB\xBF", 3) == 0) {
        return hf_error_set(r->err, HF_EPARSE, "line 1, column 1: found a byte order mark, expected a value");
    }
    if (read_value(r, out) != 0) {
        return -1;
    }
    skip_space(r);
    return r->at < r->len ? fail_at(r, r->at, "the end of the input") : 0;
}

int hf_json_read(struct hf_arena *arena, const char *bytes, size_t len, const struct hf_read_limits *limits,
                 const struct hf_value **out, struct hf_error *err)
{
    size_t most = limits && limits->bytes ? limits->bytes : DEFAULT_BYTES;
    uint32_t depth = limits && limits->depth ? limits->depth : DEFAULT_DEPTH;
    size_t nodes = limits && limits->nodes ? limits->nodes : DEFAULT_NODES;
    if (len > most) {
        return hf_error_set(err, HF_ELIMIT, "found %zu bytes of JSON, expected at most %zu", len, most);
    }
    struct hf_value *value = hf_value_new(arena, HF_NULL);
    if (!value) {
        return hf_error_set(err, HF_ENOMEM, "out of memory while reading JSON");
    }
    struct reader r = {.arena = arena,
                       .bytes = len ? bytes : "",
                       .len = len,
                       .line = 1,
                       .depth = depth < HF_DEPTH_MAX ? depth : HF_DEPTH_MAX,
                       .nodes = nodes,
                       .most_nodes = nodes,
                       .err = err};
    int status = read_text(&r, value);
    free(r.open);
    if (status == 0) {
        *out = value;
    }
    return status;
}
