/* One event as JSON, for the API, exports and alerts. Its detail is embedded when it is a JSON object, else quoted. */
#include <string.h>

#include "holdfast/json.h"
#include "trail.h"

#define DETAIL_DEPTH 64

static void add_detail(struct hf_buf *buf, const char *detail)
{
    static const struct hf_read_limits limits = {.bytes = HF_TRAIL_LONGEST, .depth = DETAIL_DEPTH};
    struct hf_error ignored = HF_ERROR_INIT;
    const struct hf_value *value = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (arena && hf_json_read(arena, detail, strlen(detail), &limits, &value, &ignored) == 0 &&
        value->kind == HF_OBJECT) {
        hf_json_write(buf, value);
    } else {
        hf_buf_add_json(buf, hf_slice_of(detail));
    }
}

static void add_name(struct hf_buf *buf, const char *name)
{
    hf_buf_addf(buf, "%s\"%s\":", hf_buf_ok(buf) && buf->len > 0 && buf->ptr[buf->len - 1] == '{' ? "" : ",", name);
}

static void add_column(struct hf_buf *buf, const struct hf_column *column, const struct hf_audit_event *event)
{
    const char *at = (const char *)event + column->offset;
    char time[HF_TIME_TEXT];
    const char *text;
    int64_t number;
    switch (column->kind) {
    case HF_COLUMN_TEXT:
        memcpy(&text, at, sizeof text);
        if (text) {
            add_name(buf, column->name);
            if (at == (const char *)&event->detail) {
                add_detail(buf, text);
            } else {
                hf_buf_add_json(buf, hf_slice_of(text));
            }
        }
        break;
    case HF_COLUMN_TIME:
        memcpy(&number, at, sizeof number);
        hf_time_format(number, time);
        if (*time) {
            add_name(buf, column->name);
            hf_buf_add_json(buf, hf_slice_of(time));
        }
        break;
    case HF_COLUMN_FLAG:
        add_name(buf, column->name);
        hf_buf_adds(buf, *(const bool *)at ? "true" : "false");
        break;
    case HF_COLUMN_INTEGER:
        memcpy(&number, at, sizeof number);
        if (number != 0) {
            add_name(buf, column->name);
            hf_buf_addf(buf, "%lld", (long long)number);
        }
        break;
    }
}

void hf_audit_event_json(struct hf_buf *buf, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    hf_buf_addc(buf, '{');
    if (id > 0) {
        add_name(buf, "id");
        hf_buf_addf(buf, "%lld", (long long)id);
    }
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        add_column(buf, &hf_columns[i], event);
    }
    if (digest) {
        add_name(buf, "digest");
        hf_buf_add_json(buf, hf_slice_of(digest));
    }
    hf_buf_addc(buf, '}');
}
