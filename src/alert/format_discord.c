/* Discord: one embed (https://discord.com/developers/docs/resources/message#embed-object): title 256 characters,
 * description 4,096, all of it 6,000. allowed_mentions with nothing in it: no text pings. */
#include <stdlib.h>
#include <string.h>

#include "formats.h"
#include "holdfast/mem.h"
#include "parts.h"

#define MOST_TITLE 240
#define MOST_DESCRIPTION 3900

static void describe(struct hf_buf *out, const struct parts *parts, size_t most)
{
    bool in_code = false;
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        if (part->kind == PART_DIFF) {
            hf_buf_adds(out, in_code ? "\n" : "\n```diff\n");
            in_code = true;
            hf_escape_code(out, ESCAPE_MARKDOWN, part->label, most);
            hf_buf_addc(out, '\n');
            hf_escape_code(out, ESCAPE_MARKDOWN, part->text, 2 * most);
            continue;
        }
        hf_buf_adds(out, in_code ? "\n```\n" : out->len ? "\n" : "");
        in_code = false;
        if (part->kind == PART_LINK) {
            hf_buf_addf(out, "[%s](%s)", part->label, part->text);
            continue;
        }
        if (part->kind == PART_FACT) {
            hf_buf_addf(out, "**%s:** ", part->label);
        } else if (part->kind == PART_ITEM) {
            hf_buf_adds(out, "• ");
        }
        hf_escape(out, ESCAPE_MARKDOWN, part->text, most);
    }
    hf_buf_adds(out, in_code ? "\n```" : "");
}

int hf_format_discord(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                      struct hf_error *err)
{
    struct parts parts;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf title = {0};
    hf_auto_buf struct hf_buf description = {0};
    (void)form;
    if (!arena || hf_parts_make(arena, text, &parts, err) != 0) {
        return arena ? -1 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    hf_buf_addf(&title, "%s: ", parts.sign);
    for (size_t most = 200; most > 4; most /= 2) {
        title.len = strlen(parts.sign) + 2;
        hf_escape(&title, ESCAPE_MARKDOWN, parts.title, most);
        if (hf_characters(hf_buf_text(&title)) <= MOST_TITLE) {
            break;
        }
    }
    for (size_t most = 600; most > 4; most /= 2) {
        hf_buf_clear(&description);
        describe(&description, &parts, most);
        if (hf_characters(hf_buf_text(&description)) <= MOST_DESCRIPTION) {
            break;
        }
    }
    hf_buf_adds(body, "{\"allowed_mentions\":{\"parse\":[]},\"embeds\":[{");
    hf_json_text(body, "title", hf_buf_text(&title), true);
    hf_json_text(body, "description", hf_buf_text(&description), false);
    hf_buf_addf(body, ",\"color\":%ld}]}", strtol(hf_alert_colour(text) + 1, NULL, 16));
    return hf_buf_ok(body) && hf_buf_ok(&title) && hf_buf_ok(&description)
               ? 0
               : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}
