/* The auditor's search as a form, and the question that its address asks. */
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
    static const char *const STATES[][2] = {{"", "all"}, {"open", "open"}, {"ended", "ended"}};
    const char *chosen = hf_query_get(page->request->query, "state");
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        hf_buf_addf(page->out, "<option value=\"%s\"%s>%s</option>", STATES[i][0],
                    chosen && strcmp(chosen, STATES[i][0]) == 0 ? " selected" : "", STATES[i][1]);
    }
}

bool hf_page_asks_trail(struct hf_page *page, struct hf_answer *answer)
{
    const struct hf_request *request = page->request;
    const struct hf_query *from = request->query;
    struct hf_serve_query *query = &page->query;
    *query = (struct hf_serve_query)HF_SERVE_QUERY_INIT;
    if (!hf_request_int(request, answer, "before", 1, INT64_MAX, 0, &query->after_id) ||
        !hf_request_time(request, answer, "since", &query->since_ms) ||
        !hf_request_time(request, answer, "until", &query->until_ms)) {
        return false;
    }
    query->type = hf_query_get(from, "type");
    query->incident = page->incident ? page->incident : hf_query_get(from, "incident");
    query->oldest_first = page->incident != NULL;
    query->target = hf_query_get(from, "target");
    query->space = hf_query_get(from, "space");
    query->unit = hf_query_get(from, "unit");
    query->kind = hf_query_get(from, "kind");
    query->namespace = hf_query_get(from, "namespace");
    query->name = hf_query_get(from, "name");
    query->manager = hf_query_get(from, "manager");
    query->severity = hf_query_get(from, "severity");
    if (strcmp(page->kind->name, "incidents") == 0) {
        query->type = "drift.seen";
    }
    return true;
}
