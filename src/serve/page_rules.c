/* The packs as loaded, with how often each rule fired. */
#include <cjson/cJSON.h>
#include <string.h>

#include "json_out.h"
#include "page.h"

static const char *text_of(const cJSON *of, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(of, name);
    return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
}

static void add_json(struct hf_buf *out, const cJSON *value)
{
    char *text = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    hf_buf_adds(out, "<code>");
    hf_page_cut(out, text ? text : cJSON_IsString(value) ? value->valuestring : "", 600);
    hf_buf_adds(out, "</code>");
    cJSON_free(text);
}

/* All that a rule says but what stands in columns of its own. */
static void add_says(struct hf_buf *out, const cJSON *rule)
{
    static const char *const OWN[] = {"name", "line", "description", "match", "fired"};
    const cJSON *member;
    bool is_first = true;
    cJSON_ArrayForEach(member, rule)
    {
        bool is_own = false;
        for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++) {
            is_own |= strcmp(member->string, OWN[i]) == 0;
        }
        if (!is_own) {
            hf_buf_adds(out, is_first ? "" : " · ");
            hf_html_add(out, member->string);
            hf_buf_addc(out, ' ');
            add_json(out, member);
            is_first = false;
        }
    }
}

static void add_rule(struct hf_buf *out, const cJSON *rule)
{
    const cJSON *match = cJSON_GetObjectItemCaseSensitive(rule, "match");
    const cJSON *fired = cJSON_GetObjectItemCaseSensitive(rule, "fired");
    hf_page_add_text(out, "<tr><th scope=\"row\"><bdi>", text_of(rule, "name"), 100, "</bdi>");
    hf_page_add_text(out, "<p class=\"dim\">", text_of(rule, "description"), 500, "</p>");
    hf_buf_adds(out, "</th><td>");
    if (cJSON_IsObject(match)) {
        add_json(out, match);
    } else {
        hf_buf_adds(out, "everything");
    }
    hf_buf_adds(out, "</td><td>");
    add_says(out, rule);
    hf_buf_adds(out, "</td><td>");
    if (cJSON_IsNumber(fired) && fired->valuedouble > 0) {
        hf_buf_addf(out, "<b>%.0f</b>", fired->valuedouble);
    } else {
        hf_buf_adds(out, "<span class=\"dim\">never</span>");
    }
    hf_buf_adds(out, "</td></tr>");
}

static void add_pack(struct hf_buf *out, const cJSON *pack)
{
    const cJSON *rule;
    hf_page_add_text(out, "<details open class=\"pack\"><summary><b><bdi>", text_of(pack, "name"), 100,
                     "</bdi></b></summary>");
    hf_page_add_text(out, "<p class=\"dim\">", text_of(pack, "description"), 500, "</p>");
    hf_buf_adds(out, "<table class=\"plain rules\"><thead><tr><th scope=\"col\">Rule</th><th scope=\"col\">Matches</th>"
                     "<th scope=\"col\">Says</th><th scope=\"col\">Fired</th></tr></thead><tbody>");
    cJSON_ArrayForEach(rule, cJSON_GetObjectItemCaseSensitive(pack, "rules"))
    {
        add_rule(out, rule);
    }
    hf_buf_adds(out, "</tbody></table></details>");
}

void hf_page_packs(struct hf_page *page)
{
    const struct hf_serve_rules *rules = &page->request->serve->rules;
    hf_auto_buf struct hf_buf list = {0};
    struct hf_error err = HF_ERROR_INIT;
    const cJSON *pack;
    cJSON *json = NULL;
    if (rules->list && rules->list(rules->ctx, &list, &err) == 0) {
        json = cJSON_ParseWithLength(hf_buf_text(&list), list.len);
    }
    if (!json) {
        hf_buf_adds(page->out, "<p>The rules can't be told now; <code>holdfast rules list</code> tells them.</p>");
    }
    cJSON_ArrayForEach(pack, cJSON_GetObjectItemCaseSensitive(json, "packs"))
    {
        add_pack(page->out, pack);
    }
    cJSON_Delete(json);
}
