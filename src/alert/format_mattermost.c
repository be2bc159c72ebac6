/* Mattermost: an attachment (https://developers.mattermost.com/integrate/reference/message-attachments/). Its text is
 * Markdown of at most 16,383 characters; @all and @here are broken up. */
#include "formats.h"
#include "holdfast/mem.h"
#include "parts.h"

#define MOST_TEXT 15000

static void describe(struct hf_buf *out, const struct parts *parts, size_t most)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        hf_buf_adds(out, out->len ? "\n" : "");
        switch (part->kind) {
        case PART_FACT:
            hf_buf_addf(out, "**%s:** ", part->label);
            hf_escape(out, ESCAPE_MARKDOWN, part->text, most);
            break;
        case PART_DIFF:
            hf_buf_adds(out, "\n```diff\n");
            hf_escape_code(out, ESCAPE_MARKDOWN, part->label, most);
            hf_buf_addc(out, '\n');
            hf_escape_code(out, ESCAPE_MARKDOWN, part->text, 2 * most);
            hf_buf_adds(out, "\n```\n");
            break;
        case PART_LINK:
            hf_buf_addf(out, "[%s](%s)", part->label, part->text);
            break;
        default:
            hf_buf_adds(out, part->kind == PART_ITEM ? "• " : "");
            hf_escape(out, ESCAPE_MARKDOWN, part->text, most);
        }
    }
}

int hf_format_mattermost(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                         struct hf_error *err)
{
    struct parts parts;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf title = {0};
    hf_auto_buf struct hf_buf markdown = {0};
    (void)form;
    if (!arena || hf_parts_make(arena, text, &parts, err) != 0) {
        return arena ? -1 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    hf_buf_addf(&title, "%s: ", parts.sign);
    hf_escape(&title, ESCAPE_MARKDOWN, parts.title, 200);
    for (size_t most = 600; most > 4; most /= 2) {
        hf_buf_clear(&markdown);
        describe(&markdown, &parts, most);
        if (hf_characters(hf_buf_text(&markdown)) <= MOST_TEXT) {
            break;
        }
    }
    hf_buf_adds(body, "{\"attachments\":[{");
    hf_json_text(body, "fallback", hf_buf_text(&title), true);
    hf_json_text(body, "color", hf_alert_colour(text), false);
    hf_json_text(body, "title", hf_buf_text(&title), false);
    hf_json_text(body, "text", hf_buf_text(&markdown), false);
    hf_buf_adds(body, "}]}");
    return hf_buf_ok(body) && hf_buf_ok(&title) && hf_buf_ok(&markdown)
               ? 0
               : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}
