/* Prometheus Alertmanager's API v2 (https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml). Labels
 * are what an alert is known by, so those of an incident stay the same until it is resolved; where its severity
 * changes, the alert that was known by the one before is resolved in the same request. */
#include <string.h>

#include "formats.h"
#include "holdfast/mem.h"
#include "parts.h"

#define OPEN_MS (24 * INT64_C(3600000)) /* without a word for so long Alertmanager resolves it by itself */

static void add_label(struct hf_buf *out, struct hf_arena *arena, const char *name, const char *raw)
{
    const char *text = hf_clean(arena, raw, 1000);
    hf_auto_buf struct hf_buf cut = {0};
    if (text && *text) {
        hf_escape(&cut, ESCAPE_PLAIN, text, 250);
        hf_json_text(out, name, hf_buf_text(&cut), false);
        out->failed |= cut.failed;
    }
}

static void add_time(struct hf_buf *out, const char *name, int64_t ms)
{
    char text[HF_TIME_TEXT];
    hf_time_format(ms, text);
    if (text[0]) {
        hf_json_text(out, name, text, false);
    }
}

static void describe(struct hf_buf *out, const struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        if (part->kind != PART_LINK) {
            hf_buf_addf(out, "%s%s%s", out->len ? "\n" : "", part->label,
                        part->kind == PART_FACT ? ": "
                        : *part->label          ? "\n"
                                                : "");
            hf_escape(out, ESCAPE_PLAIN, part->text, 1000);
        }
    }
}

static void add_alert(struct hf_buf *body, struct hf_arena *arena, const struct hf_alert_text *text,
                      const struct parts *parts, const char *description, const char *severity, int64_t end)
{
    hf_buf_adds(body, "{\"labels\":{");
    hf_json_text(body, "alertname", text->state == HF_ALERT_NOTICE ? "HoldfastNotice" : "HoldfastDrift", true);
    add_label(body, arena, "severity", severity);
    add_label(body, arena, "target", text->target);
    add_label(body, arena, "space", text->space);
    add_label(body, arena, "unit", text->unit);
    add_label(body, arena, "kind", text->kind);
    add_label(body, arena, "namespace", text->namespace);
    add_label(body, arena, "name", text->name);
    add_label(body, arena, "incident", text->incident ? text->incident : text->key);
    hf_buf_adds(body, "},\"annotations\":{");
    hf_json_text(body, "summary", parts->title, true);
    hf_json_text(body, "description", description, false);
    hf_buf_addc(body, '}');
    add_time(body, "startsAt", text->seen_ms != HF_TIME_NONE ? text->seen_ms : text->at_ms);
    add_time(body, "endsAt", end);
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind == PART_LINK) {
            hf_json_text(body, "generatorURL", parts->items[i].text, false);
            break;
        }
    }
    hf_buf_addc(body, '}');
}

int hf_format_alertmanager(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                           struct hf_error *err)
{
    struct parts parts;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf description = {0};
    int64_t over = text->corrected_ms != HF_TIME_NONE ? text->corrected_ms : text->at_ms;
    int64_t later = text->at_ms != HF_TIME_NONE ? text->at_ms + OPEN_MS : HF_TIME_NONE;
    const char *told = text->state != HF_ALERT_NOTICE ? text->told_severity : NULL;
    (void)form;
    if (!arena || hf_parts_make(arena, text, &parts, err) != 0) {
        return arena ? -1 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    describe(&description, &parts);
    hf_buf_addc(body, '[');
    add_alert(body, arena, text, &parts, hf_buf_text(&description), text->severity,
              text->state == HF_ALERT_RESOLVED ? over : later);
    if (told && text->severity && strcmp(told, text->severity) != 0) {
        hf_buf_addc(body, ',');
        add_alert(body, arena, text, &parts, hf_buf_text(&description), told,
                  text->state == HF_ALERT_RESOLVED ? over : text->at_ms);
    }
    hf_buf_addc(body, ']');
    return hf_buf_ok(body) && hf_buf_ok(&description) ? 0
                                                      : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}
