/* Microsoft Teams: a Workflows webhook takes an Adaptive Card of at most 28 KB. RichTextBlock shows its runs as they
 * are: nothing in them is Markdown, so nothing can link or mention
 * (https://adaptivecards.io/explorer/RichTextBlock.html). */
#include <string.h>

#include "formats.h"
#include "holdfast/mem.h"
#include "parts.h"

static void add_run(struct hf_buf *out, const char *text, size_t most, const char *more, bool first)
{
    hf_auto_buf struct hf_buf cut = {0};
    hf_escape(&cut, ESCAPE_PLAIN, text, most);
    hf_buf_addf(out, "%s{\"type\":\"TextRun\"%s", first ? "" : ",", more);
    hf_json_text(out, "text", hf_buf_text(&cut), false);
    hf_buf_addc(out, '}');
    out->failed |= cut.failed;
}

static void open_block(struct hf_buf *out, const char *more)
{
    hf_buf_addf(out, ",{\"type\":\"RichTextBlock\"%s,\"inlines\":[", more);
}

static void add_part(struct hf_buf *out, const struct part *part, size_t most)
{
    switch (part->kind) {
    case PART_FACT:
        open_block(out, ",\"spacing\":\"Small\"");
        add_run(out, part->label, 40, ",\"weight\":\"Bolder\"", true);
        add_run(out, ": ", 4, "", false);
        add_run(out, part->text, most, "", false);
        hf_buf_adds(out, "]}");
        break;
    case PART_DIFF:
        open_block(out, ",\"spacing\":\"Medium\"");
        add_run(out, part->label, most, ",\"weight\":\"Bolder\"", true);
        hf_buf_adds(out, "]}");
        open_block(out, ",\"spacing\":\"None\"");
        add_run(out, part->text, 2 * most, ",\"fontType\":\"Monospace\"", true);
        hf_buf_adds(out, "]}");
        break;
    case PART_ITEM:
    case PART_NOTE:
        open_block(out, ",\"spacing\":\"None\"");
        add_run(out, part->text, most, "", true);
        hf_buf_adds(out, "]}");
        break;
    default:
        break;
    }
}

static void fill(struct hf_buf *body, const struct hf_alert_text *text, const struct parts *parts, size_t most)
{
    bool first = true;
    const char *colour = text->state == HF_ALERT_RESOLVED                            ? "Good"
                         : text->severity && strcmp(text->severity, "critical") == 0 ? "Attention"
                         : text->severity && strcmp(text->severity, "warning") == 0  ? "Warning"
                                                                                     : "Accent";
    hf_buf_adds(
        body,
        "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/vnd.microsoft.card.adaptive\","
        "\"content\":{\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\",\"type\":\"AdaptiveCard\","
        "\"version\":\"1.4\",\"msteams\":{\"width\":\"Full\"},\"body\":[{\"type\":\"RichTextBlock\",\"inlines\":[");
    hf_buf_addf(body,
                "{\"type\":\"TextRun\",\"weight\":\"Bolder\",\"size\":\"Medium\",\"color\":\"%s\",\"text\":\"%s\"}",
                colour, parts->sign);
    add_run(body, ": ", 4, "", false);
    add_run(body, parts->title, 300, ",\"weight\":\"Bolder\",\"size\":\"Medium\"", false);
    hf_buf_adds(body, "]}");
    for (size_t i = 0; i < parts->count; i++) {
        add_part(body, &parts->items[i], most);
    }
    hf_buf_adds(body, "],\"actions\":[");
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind == PART_LINK) {
            hf_buf_adds(body, first ? "{\"type\":\"Action.OpenUrl\"" : ",{\"type\":\"Action.OpenUrl\"");
            hf_json_text(body, "title", parts->items[i].label, false);
            hf_json_text(body, "url", parts->items[i].text, false);
            hf_buf_addc(body, '}');
            first = false;
        }
    }
    hf_buf_adds(body, "]}}]}");
}

int hf_format_teams(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                    struct hf_error *err)
{
    struct parts parts;
    size_t start = body->len;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    (void)form;
    if (!arena || hf_parts_make(arena, text, &parts, err) != 0) {
        return arena ? -1 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    for (size_t most = 600; most > 4; most /= 2) {
        body->len = start;
        fill(body, text, &parts, most);
        if (body->failed || body->len - start <= hf_alert_format_named("teams")->body_limit) {
            break;
        }
    }
    return hf_buf_ok(body) ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}
