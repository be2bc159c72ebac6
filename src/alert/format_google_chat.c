/* Google Chat: a card (https://developers.google.com/workspace/chat/api/reference/rest/v1/cards). Its paragraphs take a
 * few HTML tags, so & < > are escaped; mentions exist in the plain text only, which is not used. 32 KB a message. */
#include <string.h>

#include "formats.h"
#include "holdfast/mem.h"
#include "parts.h"

static void add_html(struct hf_buf *out, const char *text, size_t most)
{
    hf_auto_buf struct hf_buf cut = {0};
    hf_escape(&cut, ESCAPE_PLAIN, text, most);
    for (const char *at = hf_buf_text(&cut); *at; at++) {
        hf_buf_adds(out, *at == '&' ? "&amp;" : *at == '<' ? "&lt;" : *at == '>' ? "&gt;" : *at == '\n' ? "<br>" : "");
        if (!strchr("&<>\n", *at)) {
            hf_buf_addc(out, *at);
        }
    }
    out->failed |= cut.failed;
}

static void add_paragraph(struct hf_buf *out, const struct part *part, size_t most)
{
    hf_auto_buf struct hf_buf html = {0};
    if (part->kind == PART_FACT) {
        hf_buf_addf(&html, "<b>%s:</b> ", part->label);
    } else if (part->kind == PART_DIFF) {
        hf_buf_adds(&html, "<b>");
        add_html(&html, part->label, most);
        hf_buf_adds(&html, "</b><br>");
    } else if (part->kind == PART_ITEM) {
        hf_buf_adds(&html, "• ");
    }
    add_html(&html, part->text, part->kind == PART_DIFF ? 2 * most : most);
    hf_buf_adds(out, out->ptr[out->len - 1] == '[' ? "{\"textParagraph\":{" : ",{\"textParagraph\":{");
    hf_json_text(out, "text", hf_buf_text(&html), true);
    hf_buf_adds(out, "}}");
    out->failed |= html.failed;
}

static void add_button(struct hf_buf *out, const struct part *part, bool first)
{
    hf_buf_adds(out, first ? ",{\"buttonList\":{\"buttons\":[{" : ",{");
    hf_json_text(out, "text", part->label, true);
    hf_buf_adds(out, ",\"onClick\":{\"openLink\":{");
    hf_json_text(out, "url", part->text, true);
    hf_buf_adds(out, "}}}");
}

static void fill(struct hf_buf *body, const struct parts *parts, size_t most)
{
    hf_auto_buf struct hf_buf title = {0};
    bool has_button = false;
    hf_buf_addf(&title, "%s: ", parts->sign);
    hf_escape(&title, ESCAPE_PLAIN, parts->title, 200);
    hf_buf_addc(body, '{');
    hf_json_text(body, "fallbackText", hf_buf_text(&title), true);
    hf_buf_adds(body, ",\"cardsV2\":[{\"cardId\":\"holdfast\",\"card\":{\"header\":{");
    hf_json_text(body, "title", hf_buf_text(&title), true);
    hf_buf_adds(body, "},\"sections\":[{\"widgets\":[");
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind != PART_LINK) {
            add_paragraph(body, &parts->items[i], most);
        }
    }
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind == PART_LINK) {
            add_button(body, &parts->items[i], !has_button);
            has_button = true;
        }
    }
    hf_buf_adds(body, has_button ? "]}}" : "");
    hf_buf_adds(body, "]}]}}]}");
    body->failed |= title.failed;
}

int hf_format_google_chat(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
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
        fill(body, &parts, most);
        if (body->failed || body->len - start <= hf_alert_format_named("google-chat")->body_limit) {
            break;
        }
    }
    return hf_buf_ok(body) ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}
