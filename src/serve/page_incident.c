/* One incident, from what the event said that saw it and the one that ended it. */
#include <cjson/cJSON.h>
#include <string.h>

#include "json_out.h"
#include "page.h"
#include "trail.h"

#define VALUE_MOST 4000

static const char *text_of(const cJSON *event, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(event, name);
    return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
}

static void add_named_time(struct hf_buf *out, const char *title, const char *text)
{
    int64_t at;
    if (text && hf_time_parse(hf_slice_of(text), &at)) {
        hf_buf_addf(out, "<div><dt>%s</dt><dd>", title);
        hf_page_time(out, at);
        hf_buf_adds(out, "</dd></div>");
    }
}

static void add_named(struct hf_buf *out, const char *title, const char *text)
{
    if (text) {
        hf_buf_addf(out, "<div><dt>%s</dt><dd><bdi>", title);
        hf_page_cut(out, text, 253);
        hf_buf_adds(out, "</bdi></dd></div>");
    }
}

static void add_value(struct hf_buf *out, const char *class, const char *title, const char *value)
{
    hf_buf_addf(out, "<td class=\"%s\" data-title=\"%s\">", class, title);
    if (value) {
        hf_buf_adds(out, "<code>");
        hf_page_cut(out, value, VALUE_MOST);
        hf_buf_adds(out, "</code></td>");
    } else {
        hf_buf_adds(out, "<span class=\"absent\">not there</span></td>");
    }
}

static void add_findings(struct hf_buf *out, const cJSON *seen)
{
    const cJSON *detail = cJSON_GetObjectItemCaseSensitive(seen, "detail");
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(detail, "findings");
    const cJSON *finding;
    if (cJSON_GetArraySize(findings) == 0) {
        return;
    }
    hf_buf_adds(out, "<table class=\"diff\"><caption>What differs</caption><thead><tr><th scope=\"col\">Should be</th>"
                     "<th scope=\"col\">Live</th></tr></thead><tbody>");
    cJSON_ArrayForEach(finding, findings)
    {
        const char *readable = text_of(finding, "readable");
        hf_buf_adds(out, "<tr class=\"context\"><td colspan=\"2\"><code>");
        hf_page_cut(out, readable ? readable : text_of(finding, "path"), 500);
        hf_buf_adds(out, "</code></td></tr><tr class=\"changed-path\">");
        add_value(out, "desired", "Should be", text_of(finding, "desired"));
        add_value(out, "live", "Live", text_of(finding, "live"));
        hf_buf_adds(out, "</tr>");
    }
    hf_buf_adds(out, "</tbody></table>");
}

static const char *outcome_of(const char *type)
{
    static const char *const ENDS[][2] = {{"correction.confirmed", "corrected"},
                                          {"rollout.confirmed", "live"},
                                          {"drift.healed", "healed"},
                                          {"drift.dismissed", "dismissed"}};
    for (size_t i = 0; type && i < sizeof ENDS / sizeof ENDS[0]; i++) {
        if (strcmp(type, ENDS[i][0]) == 0) {
            return ENDS[i][1];
        }
    }
    return NULL;
}

static void add_incident(struct hf_page *page, const cJSON *seen, const cJSON *last)
{
    struct hf_buf *out = page->out;
    const char *ended = last ? outcome_of(text_of(last, "type")) : NULL;
    const cJSON *detail = cJSON_GetObjectItemCaseSensitive(seen, "detail");
    const cJSON *who = cJSON_GetObjectItemCaseSensitive(detail, "who");
    hf_buf_adds(out, "<header><h1><bdi>");
    hf_page_cut(out, text_of(seen, "name") ? text_of(seen, "name") : page->incident, 253);
    hf_buf_addf(out, "</bdi></h1><p><span class=\"badge\" data-outcome=\"%s\">%s</span></p></header>",
                ended ? ended : "open", ended ? ended : "open");
    if (text_of(seen, "message")) {
        hf_buf_adds(out, "<p>");
        hf_page_cut(out, text_of(seen, "message"), 2000);
        hf_buf_adds(out, "</p>");
    }
    hf_buf_adds(out, "<dl class=\"facts\">");
    add_named(out, "Who", text_of(who, "user"));
    add_named(out, "Field manager", text_of(seen, "manager"));
    add_named_time(out, "Changed", text_of(seen, "drifted_at"));
    add_named_time(out, "Seen", text_of(seen, "seen_at") ? text_of(seen, "seen_at") : text_of(seen, "at"));
    add_named_time(out, "Ended", ended ? text_of(last, "at") : NULL);
    add_named(out, "Kind", text_of(seen, "kind"));
    add_named(out, "Namespace", text_of(seen, "namespace"));
    add_named(out, "Unit", text_of(seen, "unit"));
    add_named(out, "Target", text_of(seen, "target"));
    add_named(out, "Rule", text_of(detail, "rule"));
    hf_buf_adds(out, "</dl>");
    add_findings(out, seen);
}

/* The newest event that ends one or goes on with it: told alerts and late authors do not count. */
static bool is_state(const char *type)
{
    return type && (outcome_of(type) || strncmp(type, "correction.", 11) == 0 || strcmp(type, "drift.seen") == 0);
}

void hf_page_incident(struct hf_page *page)
{
    struct hf_slice item;
    cJSON *seen = NULL;
    cJSON *last = NULL;
    for (const char *at = hf_buf_text(&page->events); hf_array_next(&at, &item);) {
        cJSON *event = cJSON_ParseWithLength(item.ptr, item.len);
        if (event && !seen) {
            seen = event;
            continue;
        }
        if (event && is_state(text_of(event, "type"))) {
            cJSON_Delete(last);
            last = event;
            continue;
        }
        cJSON_Delete(event);
    }
    if (seen) {
        add_incident(page, seen, last);
    } else {
        hf_buf_adds(page->out, "<h1>No such incident</h1><p>The trail has none of that id.</p>");
    }
    cJSON_Delete(seen);
    cJSON_Delete(last);
}
