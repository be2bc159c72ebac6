#include <stdio.h>
#include <string.h>

#include "holdfast/zone.h"
#include "rules_parts.h"

#define MINUTE_MS 60000
#define DAY_MS 86400000
#define AHEAD_DAYS 8
#define MOST_STEPS 400 /* from one edge of a window to the next */

static int64_t floor_day(int64_t ms)
{
    return (ms >= 0 ? ms : ms - DAY_MS + 1) / DAY_MS;
}

/* When the window of a local day opens and closes; false: that day has none. */
static bool of_day(const struct window *window, int64_t day, int64_t *from_ms, int64_t *to_ms)
{
    unsigned weekday = (unsigned)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    if (!(window->days >> weekday & 1u)) {
        return false;
    }
    int64_t midnight = day * DAY_MS;
    *from_ms = hf_zone_instant(window->zone, (midnight + window->from_ms) / 1000, false) * 1000;
    *to_ms = hf_zone_instant(window->zone, (midnight + window->to_ms) / 1000, true) * 1000;
    return *from_ms < *to_ms;
}

static int64_t local_day(const struct window *window, int64_t at_ms)
{
    int64_t second = (at_ms >= 0 ? at_ms : at_ms - 999) / 1000;
    return floor_day(at_ms + (int64_t)hf_zone_offset(window->zone, second) * 1000);
}

/* Whether the window is open, and until when; else when it opens next (HF_TIME_NONE: not in the days ahead). */
static bool is_open(const struct window *window, int64_t at_ms, int64_t *edge_ms)
{
    *edge_ms = HF_TIME_NONE;
    if (window->is_once) {
        if (at_ms < window->from_ms) {
            *edge_ms = window->from_ms;
        } else if (at_ms < window->to_ms) {
            *edge_ms = window->to_ms;
            return true;
        }
        return false;
    }
    int64_t today = local_day(window, at_ms);
    for (int64_t day = today - 2; day <= today + AHEAD_DAYS; day++) {
        int64_t from_ms;
        int64_t to_ms;
        if (!of_day(window, day, &from_ms, &to_ms) || to_ms <= at_ms) {
            continue;
        }
        *edge_ms = from_ms <= at_ms ? to_ms : from_ms;
        return from_ms <= at_ms;
    }
    return false;
}

/* Whether any is open, until when the longest lasts, else when the first opens. */
static bool any_open(const struct windows *windows, int64_t at_ms, int64_t *edge_ms)
{
    bool open = false;
    *edge_ms = HF_TIME_NONE;
    for (size_t i = 0; i < windows->count; i++) {
        int64_t edge;
        bool this_open = is_open(&windows->items[i], at_ms, &edge);
        if (this_open && (!open || edge > *edge_ms)) {
            *edge_ms = edge;
        } else if (!open && !this_open && edge != HF_TIME_NONE && (*edge_ms == HF_TIME_NONE || edge < *edge_ms)) {
            *edge_ms = edge;
        }
        open |= this_open;
    }
    return open;
}

static bool holds_at(const struct windows *only, const struct windows *hold, int64_t at_ms, int64_t *edge_ms)
{
    if (any_open(hold, at_ms, edge_ms)) {
        return true;
    }
    return only->count > 0 && !any_open(only, at_ms, edge_ms);
}

bool hf_windows_hold(const struct windows *only, const struct windows *hold, int64_t now_ms, int64_t *until_ms)
{
    int64_t at = now_ms;
    int64_t edge;
    *until_ms = HF_TIME_NONE;
    /* Beyond these years nobody corrects anything, and the arithmetic could overflow. */
    if (now_ms < -((int64_t)1 << 50) || now_ms > (int64_t)1 << 50 || !holds_at(only, hold, now_ms, &edge)) {
        return false;
    }
    for (int i = 0; i < MOST_STEPS && edge != HF_TIME_NONE && edge - now_ms <= (int64_t)AHEAD_DAYS * DAY_MS; i++) {
        at = edge;
        if (!holds_at(only, hold, at, &edge)) {
            *until_ms = at;
            return true;
        }
    }
    return true;
}

static int expected(const struct hf_value *value, struct hf_error *err, const char *what)
{
    hf_auto_buf struct hf_buf found = {0};
    hf_buf_add_safe(&found, value->kind == HF_STRING ? value->as.text : (struct hf_slice){"another form", 12}, 60);
    return hf_error_set(err, HF_EINVAL, "line %u, column %u: found \"%s\", expected %s", value->line, value->column,
                        hf_buf_text(&found), what);
}

static const char *const DAYS[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static int day_of(struct hf_slice text)
{
    for (int i = 0; i < 7; i++) {
        if (hf_slice_is(text, DAYS[i])) {
            return i;
        }
    }
    return -1;
}

/* "mon", "mon-fri", "fri-mon". */
static int read_days(const struct hf_value *value, unsigned *days, struct hf_error *err)
{
    struct hf_slice text = value->as.text;
    const char *dash = memchr(text.ptr, '-', text.len);
    struct hf_slice first = {text.ptr, dash ? (size_t)(dash - text.ptr) : text.len};
    struct hf_slice last = dash ? (struct hf_slice){dash + 1, text.len - first.len - 1} : first;
    int from = day_of(first);
    int to = day_of(last);
    if (from < 0 || to < 0) {
        return expected(value, err, "a day (mon, tue, wed, thu, fri, sat, sun) or a run of days (mon-fri)");
    }
    for (int day = from;; day = (day + 1) % 7) {
        *days |= 1u << day;
        if (day == to) {
            return 0;
        }
    }
}

static int read_all_days(const struct hf_value *value, struct window *out, struct hf_error *err)
{
    out->days = value ? 0 : 0x7F;
    if (value && value->kind == HF_STRING) {
        return read_days(value, &out->days, err);
    }
    for (size_t i = 0; i < hf_value_count(value); i++) {
        if (read_days(hf_value_at(value, i), &out->days, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* "18:00", "24:00". */
static int read_minutes(const struct hf_value *value, int64_t otherwise, int64_t *ms, struct hf_error *err)
{
    int64_t hours;
    int64_t minutes;
    *ms = otherwise;
    if (!value) {
        return 0;
    }
    struct hf_slice text = value->as.text;
    if (text.len != 5 || text.ptr[2] != ':' || !hf_parse_int((struct hf_slice){text.ptr, 2}, 0, 24, &hours) ||
        !hf_parse_int((struct hf_slice){text.ptr + 3, 2}, 0, 59, &minutes) || hours * 60 + minutes > 24 * 60) {
        return expected(value, err, "a time of day such as \"18:00\", or 2026-12-24T00:00:00Z");
    }
    *ms = (hours * 60 + minutes) * MINUTE_MS;
    return 0;
}

static bool is_instant(const struct hf_value *value)
{
    return value && memchr(value->as.text.ptr, 'T', value->as.text.len);
}

static int read_once(const struct hf_value *value, struct window *out, struct hf_error *err)
{
    const struct hf_value *from = hf_value_get(value, "from");
    const struct hf_value *to = hf_value_get(value, "to");
    const struct hf_value *extra = hf_value_get(value, "days");
    extra = extra ? extra : hf_value_get(value, "zone");
    if (!from || !to) {
        return hf_error_set(err, HF_EINVAL, "line %u, column %u: found one instant, expected both from and to",
                            value->line, value->column);
    }
    if (extra) {
        return hf_error_set(err, HF_EINVAL,
                            "line %u, column %u: found days or a zone beside an instant, expected from and to alone",
                            extra->line, extra->column);
    }
    if (!hf_time_parse(from->as.text, &out->from_ms)) {
        return expected(from, err, "an instant such as 2026-12-24T00:00:00Z");
    }
    if (!hf_time_parse(to->as.text, &out->to_ms)) {
        return expected(to, err, "an instant such as 2026-12-24T00:00:00Z");
    }
    out->is_once = true;
    return out->from_ms < out->to_ms ? 0 : expected(to, err, "an instant behind that of from");
}

static int read_zone(const struct hf_rules *rules, struct hf_arena *arena, const struct hf_value *value,
                     struct window *out, struct hf_error *err)
{
    const char *name = value ? hf_value_text(value) : "UTC";
    struct hf_error why = HF_ERROR_INIT;
    if (name && hf_zone_fixed(arena, name, &out->zone)) {
        return 0;
    }
    if (!value) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (!name || !rules->zone) {
        return expected(value, err, "UTC or an offset such as +01:00: no time zones can be read here");
    }
    if (rules->zone(rules->zone_ctx, arena, name, &out->zone, &why) == 0) {
        return 0;
    }
    if (why.code == HF_ENOTFOUND) {
        return expected(value, err,
                        "UTC, an offset such as +01:00, or a time zone that this system knows, such as "
                        "America/New_York");
    }
    *err = why;
    return hf_error_wrap(err, "line %u, column %u", value->line, value->column);
}

int hf_window_read(const struct hf_rules *rules, struct hf_arena *arena, const struct hf_value *value,
                   struct window *out, struct hf_error *err)
{
    const struct hf_value *from = hf_value_get(value, "from");
    const struct hf_value *to = hf_value_get(value, "to");
    *out = (struct window){0};
    if (is_instant(from) || is_instant(to)) {
        return read_once(value, out, err);
    }
    if (!from && !to && !hf_value_get(value, "days")) {
        return hf_error_set(err, HF_EINVAL,
                            "line %u, column %u: found a window of all times, expected days, from or to", value->line,
                            value->column);
    }
    if (read_all_days(hf_value_get(value, "days"), out, err) != 0 || read_minutes(from, 0, &out->from_ms, err) != 0 ||
        read_minutes(to, DAY_MS, &out->to_ms, err) != 0 ||
        read_zone(rules, arena, hf_value_get(value, "zone"), out, err) != 0) {
        return -1;
    }
    if (out->from_ms == out->to_ms) {
        return expected(to ? to : from, err, "another time than that of from");
    }
    out->to_ms += out->to_ms < out->from_ms ? DAY_MS : 0;
    return 0;
}
