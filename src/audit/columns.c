/* Which columns an event has: one table for writing, reading, the chain and JSON. */
#include <string.h>

#include "trail.h"

#define COLUMN(field, kind, limit)                                                                                     \
    {                                                                                                                  \
#field, kind, offsetof(struct hf_audit_event, field), limit                                                    \
    }
#define TIME(field)                                                                                                    \
    {                                                                                                                  \
#field, HF_COLUMN_TIME, offsetof(struct hf_audit_event, field##_ms), HF_TIME_TEXT                              \
    }

#define NAME 1024
#define SENTENCE 8192
#define DETAIL 4194304

const struct hf_column hf_columns[HF_COLUMN_COUNT] = {
    COLUMN(alert, HF_COLUMN_FLAG, 0),
    COLUMN(api_version, HF_COLUMN_TEXT, NAME),
    TIME(at),
    TIME(corrected_at),
    COLUMN(detail, HF_COLUMN_TEXT, DETAIL),
    TIME(drifted_at),
    COLUMN(incident, HF_COLUMN_TEXT, NAME),
    COLUMN(kind, HF_COLUMN_TEXT, NAME),
    COLUMN(manager, HF_COLUMN_TEXT, NAME),
    COLUMN(message, HF_COLUMN_TEXT, SENTENCE),
    COLUMN(name, HF_COLUMN_TEXT, NAME),
    COLUMN(namespace, HF_COLUMN_TEXT, NAME),
    COLUMN(operation, HF_COLUMN_TEXT, NAME),
    COLUMN(resource_version, HF_COLUMN_TEXT, NAME),
    COLUMN(revision, HF_COLUMN_INTEGER, 0),
    TIME(seen_at),
    COLUMN(severity, HF_COLUMN_TEXT, NAME),
    COLUMN(space, HF_COLUMN_TEXT, NAME),
    COLUMN(subresource, HF_COLUMN_TEXT, NAME),
    COLUMN(target, HF_COLUMN_TEXT, NAME),
    COLUMN(type, HF_COLUMN_TEXT, NAME),
    COLUMN(uid, HF_COLUMN_TEXT, NAME),
    COLUMN(unit, HF_COLUMN_TEXT, NAME),
    COLUMN(verdict, HF_COLUMN_TEXT, NAME),
};

/* Most of a trail is ASCII: eight bytes at a time. */
static bool is_utf8(const char *text, size_t len)
{
    size_t at = 0;
    for (uint64_t word; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if (word & 0x8080808080808080u) {
            break;
        }
    }
    return hf_utf8_valid(text + at, len - at);
}

/* Text that would be stored otherwise than it was handed over: cut at a whole character, or not UTF-8 at all. */
static int mend_text(struct hf_slice *text, const struct hf_column *column, struct hf_arena *scratch,
                     struct hf_error *err)
{
    if (text->len > column->limit) {
        if (column->offset == offsetof(struct hf_audit_event, detail)) {
            /* Half a JSON object is none. */
            text->ptr = hf_arena_printf(scratch, "{\"left_out\":\"%zu bytes of detail\"}", text->len);
            if (!text->ptr) {
                return hf_error_set(err, HF_ENOMEM, "record an event: out of memory");
            }
            text->len = strlen(text->ptr);
            return 0;
        }
        size_t end = column->limit - 3;
        while (end > 0 && ((unsigned char)text->ptr[end] & 0xC0) == 0x80) {
            end--;
        }
        text->ptr = hf_arena_printf(scratch, "%.*s…", (int)end, text->ptr);
        if (!text->ptr) {
            return hf_error_set(err, HF_ENOMEM, "record an event: out of memory");
        }
        text->len = strlen(text->ptr);
    }
    if (is_utf8(text->ptr, text->len)) {
        return 0;
    }
    hf_auto_buf struct hf_buf clean = {0};
    for (size_t at = 0; at < text->len;) {
        size_t step = 4 < text->len - at ? 4 : text->len - at;
        while (step > 1 && !hf_utf8_valid(text->ptr + at, step)) {
            step--;
        }
        if (hf_utf8_valid(text->ptr + at, step)) {
            hf_buf_add(&clean, text->ptr + at, step);
        } else {
            hf_buf_adds(&clean, "\xEF\xBF\xBD");
        }
        at += step;
    }
    char *copy = hf_buf_ok(&clean) ? hf_arena_copy(scratch, clean.ptr, clean.len) : NULL;
    if (!copy) {
        return hf_error_set(err, HF_ENOMEM, "record an event: out of memory");
    }
    *text = (struct hf_slice){copy, clean.len};
    return 0;
}

static int64_t event_integer(const struct hf_audit_event *event, const struct hf_column *column)
{
    const char *at = (const char *)event + column->offset;
    if (column->kind == HF_COLUMN_FLAG) {
        return *(const bool *)at;
    }
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int cell_from_event(struct hf_cell *cell, char time[HF_TIME_TEXT], const struct hf_column *column,
                           const struct hf_audit_event *event, struct hf_arena *scratch, struct hf_error *err)
{
    memset(cell, 0, sizeof *cell);
    if (column->kind == HF_COLUMN_TEXT) {
        const char *text;
        memcpy(&text, (const char *)event + column->offset, sizeof text);
        if (!text) {
            return 0;
        }
        cell->text = hf_slice_of(text);
        return mend_text(&cell->text, column, scratch, err);
    }
    int64_t value = event_integer(event, column);
    if (column->kind == HF_COLUMN_TIME) {
        hf_time_format(value, time);
        if (*time) {
            cell->text = hf_slice_of(time);
        }
        return 0;
    }
    cell->is_integer = column->kind == HF_COLUMN_FLAG || value != 0;
    cell->integer = value;
    return 0;
}

int hf_row_from_event(struct hf_row *row, int64_t id, const struct hf_audit_event *event, struct hf_arena *scratch,
                      struct hf_error *err)
{
    struct hf_audit_event whole = *event;
    /* The table wants both; the views count from when a drift was seen. */
    char probe[HF_TIME_TEXT];
    hf_time_format(whole.at_ms, probe);
    if (!*probe) {
        whole.at_ms = hf_now_ms();
    }
    if (!whole.type) {
        whole.type = "event";
    }
    bool is_seen = strcmp(whole.type, "drift.seen") == 0 || strcmp(whole.type, "extra.seen") == 0;
    if (whole.seen_at_ms == HF_TIME_NONE && is_seen) {
        whole.seen_at_ms = whole.at_ms;
    }
    row->id = id;
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        if (cell_from_event(&row->cells[i], row->times[i], &hf_columns[i], &whole, scratch, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int hf_row_from_statement(struct hf_row *row, int64_t id, sqlite3_stmt *statement, int first, struct hf_error *err)
{
    row->id = id;
    for (int i = 0; i < HF_COLUMN_COUNT; i++) {
        struct hf_cell *cell = &row->cells[i];
        const struct hf_column *column = &hf_columns[i];
        bool wants_integer = column->kind == HF_COLUMN_INTEGER || column->kind == HF_COLUMN_FLAG;
        int type = sqlite3_column_type(statement, first + i);
        memset(cell, 0, sizeof *cell);
        if (type == SQLITE_NULL) {
            continue;
        }
        if (type != (wants_integer ? SQLITE_INTEGER : SQLITE_TEXT)) {
            return hf_error_set(err, HF_ECORRUPT, "event %lld: %s is not %s", (long long)id, column->name,
                                wants_integer ? "an integer" : "text");
        }
        if (wants_integer) {
            cell->is_integer = true;
            cell->integer = sqlite3_column_int64(statement, first + i);
            continue;
        }
        const char *text = (const char *)sqlite3_column_text(statement, first + i);
        int len = sqlite3_column_bytes(statement, first + i);
        if (!text || len < 0) {
            return hf_error_set(err, HF_ENOMEM, "read event %lld: out of memory", (long long)id);
        }
        cell->text = (struct hf_slice){text, (size_t)len};
        if (!is_utf8(text, (size_t)len)) {
            return hf_error_set(err, HF_ECORRUPT, "event %lld: %s is not UTF-8", (long long)id, column->name);
        }
    }
    return 0;
}

void hf_row_to_event(const struct hf_row *row, struct hf_audit_event *event)
{
    memset(event, 0, sizeof *event);
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        const struct hf_cell *cell = &row->cells[i];
        char *at = (char *)event + hf_columns[i].offset;
        int64_t value = cell->integer;
        switch (hf_columns[i].kind) {
        case HF_COLUMN_TEXT:
            memcpy(at, &cell->text.ptr, sizeof cell->text.ptr);
            break;
        case HF_COLUMN_TIME:
            if (!cell->text.ptr || !hf_time_parse(cell->text, &value)) {
                value = HF_TIME_NONE;
            }
            memcpy(at, &value, sizeof value);
            break;
        case HF_COLUMN_FLAG:
            *(bool *)at = value != 0;
            break;
        case HF_COLUMN_INTEGER:
            memcpy(at, &value, sizeof value);
            break;
        }
    }
}
