/* Values as block-style YAML, in the manner of kubectl. */
#include <string.h>

#include "holdfast/yaml.h"
#include "yaml_scalar.h"

#define STEP 2u
#define LONGEST_SIMPLE_KEY 120u /* libyaml's emitter turns to "? " at 128; its scanner can't read beyond 1024 */

enum style { PLAIN, SINGLE, DOUBLE, LITERAL };

static void write_node(struct hf_buf *buf, const struct hf_value *value, size_t indent, bool in_line);

static void indent_by(struct hf_buf *buf, size_t indent)
{
    for (size_t i = 0; i < indent; i++) {
        hf_buf_addc(buf, ' ');
    }
}

/* The code point at text, and its length in *step. */
static uint32_t point_at(const char *text, size_t len, size_t *step)
{
    unsigned char lead = (unsigned char)text[0];
    size_t need = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t point = lead < 0x80 ? lead : lead & (0x7Fu >> need);
    *step = need;
    if (lead >= 0x80 && (need > len || !hf_utf8_valid(text, need))) {
        *step = 1;
        return 0xFFFD;
    }
    for (size_t i = 1; i < need; i++) {
        point = point << 6 | ((unsigned char)text[i] & 0x3Fu);
    }
    return point;
}

/* What may stand in YAML as it is, apart from line ends. */
static bool is_printable(uint32_t point)
{
    return (point >= 0x20 && point < 0x7F) ||
           (point >= 0xA0 && point <= 0xFFFD && point != 0x2028 && point != 0x2029 && point != 0xFEFF) ||
           point >= 0x10000;
}

/* Whether all is printable; *lines: and whether there are line feeds. */
static bool all_printable(struct hf_slice text, bool *lines)
{
    size_t step;
    *lines = false;
    for (size_t at = 0; at < text.len; at += step) {
        uint32_t point = point_at(text.ptr + at, text.len - at, &step);
        if (point == '\n') {
            *lines = true;
        } else if (!is_printable(point) || (point == 0xFFFD && step == 1)) {
            return false;
        }
    }
    return true;
}

static bool may_be_plain(struct hf_slice text)
{
    char first = text.ptr[0];
    char second = text.len > 1 ? text.ptr[1] : ' ';
    if (strchr(",[]{}#&*!|>'\"%@` ", first) || (strchr("-?:", first) && second == ' ') ||
        text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == ':' || hf_slice_starts(text, "---") ||
        hf_slice_starts(text, "...")) {
        return false;
    }
    for (size_t i = 0; i + 1 < text.len; i++) {
        if ((text.ptr[i] == ':' && text.ptr[i + 1] == ' ') || (text.ptr[i] == ' ' && text.ptr[i + 1] == '#')) {
            return false;
        }
    }
    return true;
}

static enum style style_of(struct hf_slice text, bool key)
{
    bool lines;
    if (text.len == 0 || !all_printable(text, &lines)) {
        return DOUBLE;
    }
    if (lines) {
        /* Leading space would need an indentation indicator, trailing space would be lost to an editor. */
        bool fits = !key && text.ptr[0] != ' ' && text.ptr[0] != '\n' && text.ptr[text.len - 1] != ' ';
        return fits ? LITERAL : DOUBLE;
    }
    if (hf_scalar_is_ambiguous(text)) {
        return DOUBLE;
    }
    return may_be_plain(text) ? PLAIN : SINGLE;
}

static void write_single(struct hf_buf *buf, struct hf_slice text)
{
    hf_buf_addc(buf, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'') {
            hf_buf_addc(buf, '\'');
        }
        hf_buf_addc(buf, text.ptr[i]);
    }
    hf_buf_addc(buf, '\'');
}

static void write_double(struct hf_buf *buf, struct hf_slice text)
{
    static const char FROM[] = "\"\\\n\t\r\b\f";
    static const char INTO[] = "\"\\ntrbf";
    size_t step;
    hf_buf_addc(buf, '"');
    for (size_t at = 0; at < text.len; at += step) {
        uint32_t point = point_at(text.ptr + at, text.len - at, &step);
        const char *known = point > 0 && point < 0x80 ? strchr(FROM, (int)point) : NULL;
        if (known) {
            hf_buf_addc(buf, '\\');
            hf_buf_addc(buf, INTO[known - FROM]);
        } else if (point == 0xFFFD && step == 1) {
            hf_buf_adds(buf, "\xEF\xBF\xBD");
        } else if (is_printable(point)) {
            hf_buf_add(buf, text.ptr + at, step);
        } else {
            hf_buf_addf(buf, point < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)point);
        }
    }
    hf_buf_addc(buf, '"');
}

/* indent: of the lines. */
static void write_literal(struct hf_buf *buf, struct hf_slice text, size_t indent)
{
    bool ends = text.ptr[text.len - 1] == '\n';
    bool twice = ends && text.len > 1 && text.ptr[text.len - 2] == '\n';
    hf_buf_adds(buf, !ends ? "|-" : twice ? "|+" : "|");
    for (size_t at = 0; at < text.len;) {
        const char *end = memchr(text.ptr + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - text.ptr) - at : text.len - at;
        hf_buf_addc(buf, '\n');
        if (len > 0) {
            indent_by(buf, indent);
            hf_buf_add(buf, text.ptr + at, len);
        }
        at += len + 1;
    }
}

static void write_text(struct hf_buf *buf, struct hf_slice text, size_t indent, bool key)
{
    switch (style_of(text, key)) {
    case PLAIN:
        hf_buf_add(buf, text.ptr, text.len);
        break;
    case SINGLE:
        write_single(buf, text);
        break;
    case DOUBLE:
        write_double(buf, text);
        break;
    case LITERAL:
        write_literal(buf, text, indent);
        break;
    }
}

static bool has_lines(const struct hf_value *value)
{
    return (value->kind == HF_ARRAY || value->kind == HF_OBJECT) && hf_value_count(value) > 0;
}

static void write_member(struct hf_buf *buf, const struct hf_member *member, size_t indent)
{
    const struct hf_value *value = &member->value;
    hf_auto_buf struct hf_buf key = {.limit = buf->limit};
    write_text(&key, member->key, indent, true);
    if (!hf_buf_ok(&key)) {
        buf->failed = true;
        return;
    }
    if (key.len > LONGEST_SIMPLE_KEY) {
        hf_buf_adds(buf, "? ");
        hf_buf_add(buf, key.ptr, key.len);
        hf_buf_addc(buf, '\n');
        indent_by(buf, indent);
        hf_buf_adds(buf, ": ");
        write_node(buf, value, indent + STEP, true);
        return;
    }
    hf_buf_add(buf, key.ptr, key.len);
    if (!has_lines(value)) {
        hf_buf_adds(buf, ": ");
        write_node(buf, value, indent + STEP, true);
        return;
    }
    hf_buf_adds(buf, ":\n");
    write_node(buf, value, value->kind == HF_ARRAY ? indent : indent + STEP, false);
}

/* in_line: the first line has its indentation already. Ends with a line feed. */
static void write_node(struct hf_buf *buf, const struct hf_value *value, size_t indent, bool in_line)
{
    if (has_lines(value)) {
        for (size_t i = 0; i < hf_value_count(value); i++) {
            if (i > 0 || !in_line) {
                indent_by(buf, indent);
            }
            if (value->kind == HF_ARRAY) {
                hf_buf_adds(buf, "- ");
                write_node(buf, &value->as.array.items[i], indent + STEP, true);
            } else {
                write_member(buf, &value->as.object.members[i], indent);
            }
        }
        return;
    }
    if (value->kind == HF_STRING) {
        write_text(buf, value->as.text, indent, false);
    } else if (value->kind == HF_NUMBER) {
        hf_buf_add(buf, value->as.text.ptr, value->as.text.len);
    } else if (value->kind == HF_BOOL) {
        hf_buf_adds(buf, value->as.boolean ? "true" : "false");
    } else {
        hf_buf_adds(buf, value->kind == HF_ARRAY ? "[]" : value->kind == HF_OBJECT ? "{}" : "null");
    }
    hf_buf_addc(buf, '\n');
}

void hf_yaml_write(struct hf_buf *buf, const struct hf_value *value)
{
    /* A literal at the top still needs lines that are indented. */
    bool scalar = !has_lines(value);
    write_node(buf, value, scalar ? STEP : 0, scalar);
}
