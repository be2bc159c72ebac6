#include "parts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "holdfast/mem.h"

#define MOST_CHANGES 6
#define MOST_ITEMS 25
#define MOST_VALUE 200

size_t hf_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

const char *hf_alert_colour(const struct hf_alert_text *text)
{
    return text->state == HF_ALERT_RESOLVED                            ? "#2e7d32"
           : text->severity && strcmp(text->severity, "critical") == 0 ? "#c62828"
           : text->severity && strcmp(text->severity, "warning") == 0  ? "#ef6c00"
                                                                       : "#1565c0";
}

void hf_json_text(struct hf_buf *out, const char *name, const char *text, bool first)
{
    hf_buf_addf(out, "%s\"%s\":", first ? "" : ",", name);
    hf_buf_add_json(out, hf_slice_of(text));
}

/* Marks that look like nothing but let text pass for another: joiners, isolates, tags, variation selectors. */
static bool is_invisible(const unsigned char *at)
{
    return (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0x8b && at[2] <= 0x8f) ||
           (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa0 && at[2] <= 0xaf) ||
           (at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf);
}

/* One line, visible as it is. */
const char *hf_clean(struct hf_arena *arena, const char *text, size_t most)
{
    hf_auto_buf struct hf_buf safe = {0};
    hf_auto_buf struct hf_buf out = {0};
    if (!text) {
        return NULL;
    }
    hf_buf_add_safe(&safe, hf_slice_of(text), most);
    const unsigned char *at = (const unsigned char *)hf_buf_text(&safe);
    while (*at) {
        if (is_invisible(at)) {
            at += 3;
            continue;
        }
        hf_buf_addc(&out, (char)*at++);
    }
    return safe.failed || out.failed ? NULL : hf_arena_copy(arena, hf_buf_text(&out), out.len);
}

static void add(struct parts *parts, enum part_kind kind, const char *label, const char *text)
{
    if (text && *text && parts->count < HF_MOST_PARTS) {
        parts->items[parts->count++] = (struct part){kind, label, text};
    }
}

static void add_place(struct parts *parts, const struct hf_alert_text *text)
{
    hf_auto_buf struct hf_buf out = {0};
    const char *const WHERE[][2] = {{"target ", text->target}, {"space ", text->space}, {"unit ", text->unit}};
    if (text->kind) {
        hf_buf_addf(&out, "%s %s%s%s", text->kind, text->namespace ? text->namespace : "", text->namespace ? "/" : "",
                    text->name ? text->name : "");
    }
    for (size_t i = 0; i < 3; i++) {
        if (WHERE[i][1]) {
            hf_buf_addf(&out, "%s%s%s", out.len ? ", " : "", WHERE[i][0], WHERE[i][1]);
        }
    }
    add(parts, PART_FACT, "What", hf_clean(parts->arena, hf_buf_text(&out), 700));
}

static void add_span(struct hf_buf *out, const char *what, int64_t from_ms, int64_t to_ms)
{
    char span[HF_TIME_TEXT];
    if (from_ms != HF_TIME_NONE && to_ms != HF_TIME_NONE && to_ms >= from_ms) {
        hf_duration_format(to_ms - from_ms, span);
        hf_buf_addf(out, ", %s after %s", what, span);
    }
}

static void add_times(struct parts *parts, const struct hf_alert_text *text)
{
    hf_auto_buf struct hf_buf out = {0};
    char at[HF_TIME_TEXT];
    int64_t since = text->drifted_ms != HF_TIME_NONE ? text->drifted_ms : text->seen_ms;
    if (since == HF_TIME_NONE) {
        since = text->at_ms;
    }
    hf_time_format(since, at);
    if (!at[0]) {
        return;
    }
    /* "2026-03-01 09:30:00 UTC": to the second is enough for people. */
    hf_buf_addf(&out, "%.10s %.8s UTC", at, at + 11);
    add_span(&out, "seen", text->drifted_ms, text->seen_ms);
    add_span(&out, "right again", text->seen_ms, text->corrected_ms);
    add(parts, PART_FACT, "Since", hf_clean(parts->arena, hf_buf_text(&out), 300));
}

static void add_changes(struct parts *parts, const struct hf_alert_text *text)
{
    size_t shown = text->change_count < MOST_CHANGES ? text->change_count : MOST_CHANGES;
    size_t left = text->changes_left_out + text->change_count - shown;
    for (size_t i = 0; i < shown; i++) {
        const struct hf_alert_change *change = &text->changes[i];
        hf_auto_buf struct hf_buf lines = {0};
        const char *live = change->live ? hf_clean(parts->arena, change->live, MOST_VALUE) : "(absent)";
        const char *desired = change->desired ? hf_clean(parts->arena, change->desired, MOST_VALUE) : "(absent)";
        hf_buf_addf(&lines, "- %s\n+ %s", live ? live : "", desired ? desired : "");
        add(parts, PART_DIFF, hf_clean(parts->arena, change->path, 200),
            hf_buf_ok(&lines) ? hf_arena_copy(parts->arena, lines.ptr, lines.len) : NULL);
    }
    if (left > 0) {
        add(parts, PART_NOTE, "",
            hf_arena_printf(parts->arena, "… %zu more %s", left, left == 1 ? "change" : "changes"));
    }
}

static void add_items(struct parts *parts, const struct hf_alert_text *text)
{
    size_t shown = text->item_count < MOST_ITEMS ? text->item_count : MOST_ITEMS;
    size_t left = text->items_left_out + text->item_count - shown;
    for (size_t i = 0; i < shown; i++) {
        const struct hf_alert_item *item = &text->items[i];
        hf_auto_buf struct hf_buf line = {0};
        hf_buf_addf(&line, "%s %s%s%s%s%s", item->kind ? item->kind : "", item->namespace ? item->namespace : "",
                    item->namespace ? "/" : "", item->name ? item->name : "", item->summary ? ": " : "",
                    item->summary ? item->summary : "");
        add(parts, PART_ITEM, "", hf_clean(parts->arena, hf_buf_text(&line), 240));
    }
    if (left > 0) {
        add(parts, PART_NOTE, "",
            hf_arena_printf(parts->arena, "… %zu more %s", left, left == 1 ? "object" : "objects"));
    }
}

/* Only what is a plain URL may be a link: nothing of an object ever gets into one but what was percent-encoded. */
static bool is_link(const char *url)
{
    return url && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) &&
           !strpbrk(url, " \t\r\n<>\"'`|()[]{}\\");
}

int hf_parts_make(struct hf_arena *arena, const struct hf_alert_text *text, struct parts *out, struct hf_error *err)
{
    static const char *const SIGNS[] = {"OPEN", "UPDATE", "RESOLVED", "NOTICE"};
    *out = (struct parts){.arena = arena, .sign = SIGNS[text->state], .title = hf_clean(arena, text->title, 400)};
    add_place(out, text);
    add(out, PART_FACT, "Who", text->who ? hf_clean(arena, text->who, 400) : "not known");
    add_times(out, text);
    add(out, PART_FACT, "Means", text->meaning ? hf_clean(arena, text->meaning, 500) : NULL);
    add(out, PART_FACT, "Done", text->action ? hf_clean(arena, text->action, 700) : NULL);
    add_changes(out, text);
    add_items(out, text);
    add(out, PART_LINK, "Open the incident", is_link(text->incident_url) ? text->incident_url : NULL);
    add(out, PART_LINK, "Open the unit", is_link(text->unit_url) ? text->unit_url : NULL);
    if (!text->who && (text->state == HF_ALERT_NOTICE || text->item_count > 0 || !text->kind)) {
        /* A notice is nobody's doing, and a group's objects may each have their own. */
        for (size_t i = 0; i < out->count; i++) {
            if (out->items[i].kind == PART_FACT && strcmp(out->items[i].label, "Who") == 0) {
                memmove(&out->items[i], &out->items[i + 1], (out->count - i - 1) * sizeof out->items[i]);
                out->count--;
                break;
            }
        }
    }
    return out->title ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

static bool ends_in_www(const struct hf_buf *out)
{
    return out->len >= 3 && strncasecmp(out->ptr + out->len - 3, "www", 3) == 0;
}

static void add_escaped(struct hf_buf *out, enum escape escape, const char **at)
{
    char byte = **at;
    if (escape == ESCAPE_SLACK && (byte == '&' || byte == '<' || byte == '>')) {
        hf_buf_adds(out, byte == '&' ? "&amp;" : byte == '<' ? "&lt;" : "&gt;");
    } else if (escape == ESCAPE_SLACK && strchr("*_~`", byte)) {
        /* mrkdwn has no escape: a zero-width space keeps a pair from meaning anything. */
        hf_buf_addc(out, byte);
        hf_buf_adds(out, "\xe2\x80\x8b");
    } else if (escape == ESCAPE_MARKDOWN && strchr("\\`*_[]()<>#|~", byte)) {
        hf_buf_addc(out, '\\');
        hf_buf_addc(out, byte);
    } else if (escape == ESCAPE_MARKDOWN && byte == '.' && ends_in_www(out)) {
        hf_buf_adds(out, "\xe2\x80\x8b.");
    } else if (escape == ESCAPE_MARKDOWN && (byte == '@' || (byte == ':' && (*at)[1] == '/'))) {
        /* @here, @everyone and https: begin no mention and no link with this behind them. */
        hf_buf_addc(out, byte);
        hf_buf_adds(out, "\xe2\x80\x8b");
    } else {
        hf_buf_addc(out, byte);
    }
}

static void add_cut(struct hf_buf *out, enum escape escape, const char *text, size_t most, bool is_code)
{
    size_t count = 0;
    bool cuts = hf_characters(text) > most;
    for (const char *at = text; *at; at++) {
        bool is_start = ((unsigned char)*at & 0xc0) != 0x80;
        if (is_start && cuts && count + 1 >= most) {
            hf_buf_adds(out, "…");
            return;
        }
        count += is_start;
        if (is_code && *at == '`') {
            hf_buf_adds(out, "'");
        } else if (is_code && *at == '@') {
            hf_buf_adds(out, "@\xe2\x80\x8b");
        } else if (is_code && escape != ESCAPE_SLACK) {
            hf_buf_addc(out, *at);
        } else if (is_code && !strchr("&<>", *at)) {
            hf_buf_addc(out, *at);
        } else {
            add_escaped(out, escape, &at);
        }
    }
}

void hf_escape(struct hf_buf *out, enum escape escape, const char *text, size_t most)
{
    add_cut(out, escape, text, most, false);
}

void hf_escape_code(struct hf_buf *out, enum escape escape, const char *text, size_t most)
{
    add_cut(out, escape, text, most, true);
}
