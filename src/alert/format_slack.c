/* Slack: Block Kit (https://api.slack.com/reference/block-kit/blocks). A header has at most 150 characters, a section's
 * text 3,000, a message 50 blocks. Text is verbatim: else Slack makes links of addresses in it and mentions of names
 * (https://docs.slack.dev/reference/block-kit/composition-objects/text-object). */
#include <string.h>

#include "formats.h"
#include "holdfast/mem.h"
#include "parts.h"

#define MOST_HEADER 140
#define MOST_SECTION 2900

static void add_facts(struct hf_buf *out, const struct parts *parts, size_t most)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind == PART_FACT) {
            hf_buf_addf(out, "%s*%s:* ", out->len ? "\n" : "", parts->items[i].label);
            hf_escape(out, ESCAPE_SLACK, parts->items[i].text, most);
        }
    }
}

static void add_diff(struct hf_buf *out, const struct parts *parts, size_t most)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind == PART_DIFF) {
            hf_buf_adds(out, out->len ? "\n" : "```\n");
            hf_escape_code(out, ESCAPE_SLACK, parts->items[i].label, most);
            hf_buf_addc(out, '\n');
            hf_escape_code(out, ESCAPE_SLACK, parts->items[i].text, 2 * most);
        }
    }
    hf_buf_adds(out, out->len ? "\n```" : "");
}

static void add_items(struct hf_buf *out, const struct parts *parts, size_t most)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        if (part->kind == PART_ITEM || part->kind == PART_NOTE) {
            hf_buf_adds(out, out->len ? "\n" : "");
            hf_buf_adds(out, part->kind == PART_ITEM ? "• " : "");
            hf_escape(out, ESCAPE_SLACK, part->text, most);
        }
    }
}

static void add_links(struct hf_buf *out, const struct parts *parts, size_t most)
{
    (void)most;
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].kind == PART_LINK) {
            hf_buf_addf(out, "%s<%s|%s>", out->len ? "  ·  " : "", parts->items[i].text, parts->items[i].label);
        }
    }
}

/* One section, with each part cut shorter and shorter until all of it fits. */
static void add_section(struct hf_buf *body, const struct parts *parts,
                        void (*fill)(struct hf_buf *, const struct parts *, size_t))
{
    for (size_t most = 700; most > 4; most /= 2) {
        hf_auto_buf struct hf_buf text = {0};
        fill(&text, parts, most);
        if (text.failed) {
            body->failed = true;
        }
        if (text.len == 0) {
            return;
        }
        if (hf_characters(hf_buf_text(&text)) <= MOST_SECTION) {
            hf_buf_adds(body, ",{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"verbatim\":true");
            hf_json_text(body, "text", hf_buf_text(&text), false);
            hf_buf_adds(body, "}}");
            return;
        }
    }
}

static void add_title(struct hf_buf *out, const struct parts *parts, enum escape escape, size_t most)
{
    hf_buf_addf(out, "%s: ", parts->sign);
    hf_escape(out, escape, parts->title, most);
}

static int format(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                  struct hf_error *err)
{
    struct parts parts;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf title = {0};
    hf_auto_buf struct hf_buf fallback = {0};
    if (!arena || hf_parts_make(arena, text, &parts, err) != 0) {
        return arena ? -1 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    add_title(&title, &parts, ESCAPE_PLAIN, MOST_HEADER);
    add_title(&fallback, &parts, ESCAPE_SLACK, 300);
    hf_buf_addc(body, '{');
    if (form->address) {
        hf_json_text(body, "channel", form->address, true);
        if (form->thread) {
            hf_json_text(body, "thread_ts", form->thread, false);
        }
        hf_buf_addc(body, ',');
    }
    hf_json_text(body, "text", hf_buf_text(&fallback), true);
    hf_buf_adds(body,
                ",\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":"
                "\"plain_text\",\"emoji\":false");
    hf_json_text(body, "text", hf_buf_text(&title), false);
    hf_buf_adds(body, "}}");
    add_section(body, &parts, add_facts);
    add_section(body, &parts, add_diff);
    add_section(body, &parts, add_items);
    add_section(body, &parts, add_links);
    hf_buf_adds(body, "]}");
    return hf_buf_ok(body) && hf_buf_ok(&title) && hf_buf_ok(&fallback)
               ? 0
               : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

int hf_format_slack(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                    struct hf_error *err)
{
    struct hf_alert_form hook = *form;
    hook.address = hook.thread = NULL; /* a webhook has its conversation, and starts no thread */
    return format(body, text, &hook, err);
}

int hf_format_slack_bot(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                        struct hf_error *err)
{
    return format(body, text, form, err);
}
