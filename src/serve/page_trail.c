/* The auditor's search as a form, and the question that its address asks. */
#include <cjson/cJSON.h>
#include <string.h>

#include "json_out.h"
#include "page.h"
#include "trail.h"

static const struct {
    const char *name;
    const char *label;
    const char *hint;
} FIELDS[] = {
    {"since", "Since", "2h, or a time"},
    {"until", "Until", ""},
    {"type", "Type", "drift. or correction.blocked"},
    {"user", "User", ""},
    {"manager", "Field manager", ""},
    {"target", "Target", ""},
    {"space", "Space", ""},
    {"unit", "Unit", ""},
    {"kind", "Kind", ""},
    {"namespace", "Namespace", ""},
    {"name", "Name", ""},
    {"path", "Path", "spec.replicas"},
    {"class", "Class", "changed, removed, added"},
    {"verdict", "Verdict", ""},
    {"outcome", "Outcome", "open, ended, corrected"},
    {"severity", "Severity", "info, warning, critical"},
    {"incident", "Incident", ""},
};

void hf_page_trail_fields(struct hf_page *page)
{
    struct hf_buf *out = page->out;
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        hf_buf_addf(out, "<p><label for=\"f-%s\">%s</label><input id=\"f-%s\" name=\"%s\" value=\"", FIELDS[i].name,
                    FIELDS[i].label, FIELDS[i].name, FIELDS[i].name);
        hf_html_add(out, hf_query_get(page->request->query, FIELDS[i].name));
        hf_buf_addf(out, "\" placeholder=\"%s\" autocomplete=\"off\" spellcheck=\"false\" maxlength=\"300\"></p>",
                    FIELDS[i].hint);
    }
}

void hf_page_states(struct hf_page *page)
{
    const char *chosen = page->query.outcome;
    hf_buf_addf(page->out, "<option value=\"\"%s>all</option>", chosen ? "" : " selected");
    for (size_t i = 0; hf_trail_outcomes[i]; i++) {
        bool is_chosen = chosen && strcmp(chosen, hf_trail_outcomes[i]) == 0;
        hf_buf_addf(page->out, "<option value=\"%s\"%s>%s</option>", hf_trail_outcomes[i], is_chosen ? " selected" : "",
                    hf_trail_outcomes[i]);
    }
}

static void add_export(struct hf_page *page, const char *form, const char *words)
{
    const struct hf_query *query = page->request->query;
    hf_buf_addf(page->out, "<a download href=\"/api/v1/export?format=%s", form);
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->params[i].name, "before") != 0 && query->params[i].value[0]) {
            hf_page_parameter(page->out, "&amp;", query->params[i].name, query->params[i].value);
        }
    }
    hf_buf_addf(page->out, "\">%s</a>", words);
}

void hf_page_exports(struct hf_page *page)
{
    if (page->request->who.may_audit) {
        hf_buf_adds(page->out, "Export what answers to this: ");
        add_export(page, "jsonl", "JSON lines");
        hf_buf_adds(page->out, " · ");
        add_export(page, "csv", "CSV");
    }
}

void hf_page_chain(struct hf_page *page)
{
    const struct hf_serve_trail *trail = &page->request->serve->trail;
    struct hf_buf *out = page->out;
    hf_auto_buf struct hf_buf state = {0};
    struct hf_error err = HF_ERROR_INIT;
    int64_t at_ms;
    if (!trail->chain || trail->chain(trail->ctx, false, &state, &err) != 0) {
        return;
    }
    cJSON *json = cJSON_ParseWithLength(hf_buf_text(&state), state.len);
    const cJSON *problem = cJSON_GetObjectItemCaseSensitive(json, "problem");
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(json, "events");
    const cJSON *verified = cJSON_GetObjectItemCaseSensitive(json, "verified_at");
    const cJSON *head = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "head"), "digest");
    if (cJSON_IsString(problem)) {
        hf_page_add_text(out, "<b>The trail is not well: ", problem->valuestring, 500, "</b> · ");
    }
    if (cJSON_IsNumber(events)) {
        hf_buf_addf(out, "%.0f events", events->valuedouble);
    }
    if (cJSON_IsString(verified) && hf_time_parse(hf_slice_of(verified->valuestring), &at_ms)) {
        hf_buf_adds(out, " · verified ");
        hf_page_time(out, at_ms);
    }
    hf_page_add_text(out, " · head <code>", cJSON_IsString(head) ? head->valuestring : NULL, 100, "</code>");
    cJSON_Delete(json);
}

bool hf_page_asks_trail(struct hf_page *page, struct hf_answer *answer)
{
    const struct hf_request *request = page->request;
    struct hf_serve_query *query = &page->query;
    size_t state;
    *query = (struct hf_serve_query)HF_SERVE_QUERY_INIT;
    page->lists_incidents = strcmp(page->kind->name, "incidents") == 0;
    if (page->lists_incidents) {
        if (!hf_request_word(request, answer, "state", hf_trail_outcomes, SIZE_MAX, &state) ||
            !hf_request_int(request, answer, "cursor", 1, INT64_MAX, 0, &query->after_id)) {
            return false;
        }
        query->outcome = state == SIZE_MAX ? NULL : hf_trail_outcomes[state];
        return true;
    }
    if (strcmp(page->kind->name, "trail") == 0) {
        return hf_request_int(request, answer, "before", 1, INT64_MAX, 0, &query->after_id) &&
               hf_trail_filter(request, answer, query);
    }
    if (page->incident) {
        query->incident = page->incident;
        query->oldest_first = true;
        return true;
    }
    /* What happened to an object. */
    query->target = hf_query_get(request->query, "target");
    query->kind = hf_query_get(request->query, "kind");
    query->namespace = hf_query_get(request->query, "namespace");
    query->name = hf_query_get(request->query, "name");
    return true;
}
