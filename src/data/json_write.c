#include "holdfast/json.h"

static void indent(struct hf_buf *buf, unsigned depth)
{
    hf_buf_addc(buf, '\n');
    for (unsigned i = 0; i < depth; i++) {
        hf_buf_adds(buf, "  ");
    }
}

static void write_value(struct hf_buf *buf, const struct hf_value *value, bool pretty, unsigned depth);

static void write_nested(struct hf_buf *buf, const struct hf_value *value, bool pretty, unsigned depth)
{
    bool is_array = value->kind == HF_ARRAY;
    size_t count = hf_value_count(value);
    hf_buf_addc(buf, is_array ? '[' : '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            hf_buf_addc(buf, ',');
        }
        if (pretty) {
            indent(buf, depth + 1);
        }
        if (is_array) {
            write_value(buf, &value->as.array.items[i], pretty, depth + 1);
        } else {
            hf_buf_add_json(buf, value->as.object.members[i].key);
            hf_buf_adds(buf, pretty ? ": " : ":");
            write_value(buf, &value->as.object.members[i].value, pretty, depth + 1);
        }
    }
    if (pretty && count > 0) {
        indent(buf, depth);
    }
    hf_buf_addc(buf, is_array ? ']' : '}');
}

static void write_value(struct hf_buf *buf, const struct hf_value *value, bool pretty, unsigned depth)
{
    switch (value->kind) {
    case HF_NULL:
        hf_buf_adds(buf, "null");
        break;
    case HF_BOOL:
        hf_buf_adds(buf, value->as.boolean ? "true" : "false");
        break;
    case HF_NUMBER:
        hf_buf_add(buf, value->as.text.ptr, value->as.text.len);
        break;
    case HF_STRING:
        hf_buf_add_json(buf, value->as.text);
        break;
    case HF_ARRAY:
    case HF_OBJECT:
        write_nested(buf, value, pretty, depth);
        break;
    }
}

void hf_json_write(struct hf_buf *buf, const struct hf_value *value)
{
    write_value(buf, value, false, 0);
}

void hf_json_write_pretty(struct hf_buf *buf, const struct hf_value *value)
{
    write_value(buf, value, true, 0);
}
