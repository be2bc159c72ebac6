/* Scalars of a YAML document. */
#include <string.h>

#include "holdfast/digest.h"
#include "yaml_node.h"

#define TAG_PREFIX "tag:yaml.org,2002:"

static int set_text(struct hf_yaml_reader *r, struct hf_value *value, enum hf_kind kind, struct hf_slice text)
{
    char *copy = hf_arena_copy(r->arena, text.ptr, text.len);
    if (!copy) {
        return hf_yaml_fail_memory(r);
    }
    value->kind = kind;
    value->as.text = (struct hf_slice){copy, text.len};
    return 0;
}

const char *hf_yaml_tag(const yaml_char_t *tag)
{
    const char *text = (const char *)tag;
    if (!text || strcmp(text, "!") == 0) {
        return "";
    }
    return strncmp(text, TAG_PREFIX, strlen(TAG_PREFIX)) == 0 ? text + strlen(TAG_PREFIX) : NULL;
}

int hf_yaml_fail_tag(struct hf_yaml_reader *r, const yaml_event_t *event, const yaml_char_t *tag, const char *expected)
{
    return hf_yaml_fail_at(r, &event->start_mark, hf_slice_of((const char *)tag), expected);
}

static int read_binary(struct hf_yaml_reader *r, const yaml_event_t *event, struct hf_slice text,
                       struct hf_value *value)
{
    hf_auto_buf struct hf_buf bytes = {0};
    struct hf_error ignored = HF_ERROR_INIT;
    if (hf_base64_decode(text, &bytes, &ignored) != 0) {
        return hf_yaml_fail_at(r, &event->start_mark, hf_slice_of("a !!binary value"), "base64");
    }
    if (!hf_utf8_valid(hf_buf_text(&bytes), bytes.len)) {
        return hf_yaml_fail_at(r, &event->start_mark, hf_slice_of("a !!binary value that is no UTF-8"),
                               "text (JSON has no bytes; leave the tag away where base64 is wanted)");
    }
    return set_text(r, value, HF_STRING, (struct hf_slice){hf_buf_text(&bytes), bytes.len});
}

/* Whether a scalar has the tag "!", which makes it text. libyaml says of it only that it needs no tag. */
static bool has_bare_tag(struct hf_yaml_reader *r, const yaml_event_t *event)
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
static int resolve(struct hf_yaml_reader *r, const yaml_event_t *event, struct hf_scalar *scalar)
{
    struct hf_slice text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    const char *tag = hf_yaml_tag(event->data.scalar.tag);
    if (event->data.scalar.plain_implicit && !has_bare_tag(r, event)) {
        hf_scalar_resolve(text, scalar);
        return 0;
    }
    scalar->type = HF_SCALAR_STRING;
    if (!tag) {
        return hf_yaml_fail_tag(r, event, event->data.scalar.tag,
                                "no tag, or one of !!str, !!int, !!float, !!bool, !!null");
    }
    if (*tag == '\0' || strcmp(tag, "str") == 0 || strcmp(tag, "binary") == 0) {
        return 0;
    }
    static const char *const KNOWN[] = {"int", "float", "bool", "null", "timestamp"};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (strcmp(tag, KNOWN[i]) == 0) {
            return hf_scalar_tagged(tag, text, scalar)
                       ? 0
                       : hf_yaml_fail_tag(r, event, event->data.scalar.tag, "a value that its tag fits");
        }
    }
    return hf_yaml_fail_tag(r, event, event->data.scalar.tag,
                            "no tag, or one of !!str, !!int, !!float, !!bool, !!null");
}

int hf_yaml_read_scalar(struct hf_yaml_reader *r, const yaml_event_t *event, struct hf_yaml_node *out)
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
    const char *tag = hf_yaml_tag(event->data.scalar.tag);
    if (tag && strcmp(tag, "binary") == 0) {
        return read_binary(r, event, text, &out->value);
    }
    return set_text(r, &out->value, HF_STRING, text);
}

int hf_yaml_no_endless(struct hf_yaml_reader *r, const yaml_mark_t *mark, const struct hf_yaml_node *node)
{
    if (node->is_scalar && node->scalar.type == HF_SCALAR_ENDLESS) {
        return hf_yaml_fail_at(r, mark, hf_slice_of(node->scalar.number),
                               "a number that JSON has (quote it if it is text)");
    }
    return 0;
}

int hf_yaml_set_key(struct hf_yaml_reader *r, const yaml_mark_t *mark, const struct hf_yaml_node *node,
                    struct hf_member *member)
{
    char number[HF_SCALAR_NUMBER];
    struct hf_slice text = {0};
    if (!node->is_scalar) {
        return hf_yaml_fail_at(
            r, mark, hf_slice_of(node->value.kind == HF_ARRAY ? "a list as a key" : "a mapping as a key"), "text");
    }
    switch (node->scalar.type) {
    case HF_SCALAR_NULL:
        return hf_yaml_fail_at(r, mark, hf_slice_of("null as a key"), "text (quote it if it is meant)");
    case HF_SCALAR_BOOL:
        text = hf_slice_of(node->scalar.boolean ? "true" : "false");
        break;
    case HF_SCALAR_INT:
        if (node->scalar.above_int64) {
            return hf_yaml_fail_at(r, mark, hf_slice_of(node->scalar.number), "a key in quotes, or a smaller number");
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
    return copy ? 0 : hf_yaml_fail_memory(r);
}
