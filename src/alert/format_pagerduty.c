/* PagerDuty Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview): summary 1,024 characters,
 * dedup_key 255, an event 512 KB. What one incident's messages share is its dedup_key: they update one alert. */
#include <stdio.h>
#include <string.h>

#include "formats.h"
#include "holdfast/mem.h"
#include "parts.h"

static const char *severity_of(const struct hf_alert_text *text)
{
    return text->severity && (strcmp(text->severity, "critical") == 0 || strcmp(text->severity, "warning") == 0)
               ? text->severity
               : "info";
}

static void add_cut(struct hf_buf *out, const char *name, const char *text, size_t most, bool first)
{
    hf_auto_buf struct hf_buf cut = {0};
    if (text) {
        hf_escape(&cut, ESCAPE_PLAIN, text, most);
        hf_json_text(out, name, hf_buf_text(&cut), first);
        out->failed |= cut.failed;
    }
}

static void add_details(struct hf_buf *out, const struct parts *parts)
{
    size_t number = 0;
    hf_buf_adds(out, ",\"custom_details\":{");
    hf_json_text(out, "state", parts->sign, true);
    for (size_t i = 0; i < parts->count; i++) {
        char name[24];
        const struct part *part = &parts->items[i];
        if (part->kind == PART_FACT) {
            add_cut(out, part->label, part->text, 1000, false);
        } else if (part->kind == PART_DIFF) {
            hf_auto_buf struct hf_buf whole = {0};
            hf_buf_addf(&whole, "%s\n%s", part->label, part->text);
            (void)snprintf(name, sizeof name, "change %zu", ++number);
            add_cut(out, name, hf_buf_text(&whole), 1000, false);
        } else if (part->kind != PART_LINK) {
            (void)snprintf(name, sizeof name, "object %zu", ++number);
            add_cut(out, name, part->text, 1000, false);
        }
    }
    hf_buf_addc(out, '}');
}

static void add_links(struct hf_buf *out, const struct parts *parts)
{
    bool first = true;
    hf_buf_adds(out, ",\"links\":[");
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind == PART_LINK) {
            hf_buf_adds(out, first ? "{" : ",{");
            hf_json_text(out, "href", parts->items[i].text, true);
            hf_json_text(out, "text", parts->items[i].label, false);
            hf_buf_addc(out, '}');
            first = false;
        }
    }
    hf_buf_addc(out, ']');
}

int hf_format_pagerduty(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                        struct hf_error *err)
{
    struct parts parts;
    char at[HF_TIME_TEXT];
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena || hf_parts_make(arena, text, &parts, err) != 0) {
        return arena ? -1 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    hf_buf_addc(body, '{');
    hf_json_text(body, "routing_key", form->address ? form->address : "", true);
    hf_json_text(body, "event_action", text->state == HF_ALERT_RESOLVED ? "resolve" : "trigger", false);
    add_cut(body, "dedup_key", text->incident ? text->incident : text->key, 255, false);
    hf_buf_adds(body, ",\"client\":\"holdfast\"");
    add_links(body, &parts);
    hf_buf_adds(body, ",\"payload\":{");
    add_cut(body, "summary", parts.title, 1000, true);
    add_cut(body, "source", text->target ? hf_clean(arena, text->target, 1000) : "holdfast", 255, false);
    hf_json_text(body, "severity", severity_of(text), false);
    hf_time_format(text->at_ms, at);
    if (at[0]) {
        hf_json_text(body, "timestamp", at, false);
    }
    add_cut(body, "component", hf_clean(arena, text->unit, 1000), 255, false);
    add_cut(body, "group", hf_clean(arena, text->space, 1000), 255, false);
    add_cut(body, "class", hf_clean(arena, text->kind, 1000), 255, false);
    add_details(body, &parts);
    hf_buf_adds(body, "}}");
    return hf_buf_ok(body) ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}
