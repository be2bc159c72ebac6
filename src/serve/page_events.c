/* Events, as the trail gives them in JSON. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "json_out.h"
#include "page.h"
#include "trail.h"

static const char *text_of(const cJSON *event, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(event, name);
    return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
}

void hf_page_add_text(struct hf_buf *out, const char *before, const char *text, size_t most, const char *after)
{
    if (text) {
        hf_buf_adds(out, before);
        hf_page_cut(out, text, most);
        hf_buf_adds(out, after);
    }
}

static void add_link(struct hf_buf *out, const cJSON *event)
{
    const char *incident = text_of(event, "incident");
    hf_buf_adds(out, "<a class=\"where\" href=\"");
    if (incident) {
        hf_buf_adds(out, "/incidents/");
        hf_buf_add_url(out, hf_slice_of(incident));
    } else {
        hf_page_parameter(out, "/object?", "name", text_of(event, "name"));
        hf_page_parameter(out, "&amp;", "target", text_of(event, "target"));
        hf_page_parameter(out, "&amp;", "kind", text_of(event, "kind"));
        hf_page_parameter(out, "&amp;", "namespace", text_of(event, "namespace"));
    }
    hf_buf_adds(out, "\"><bdi>");
    hf_page_cut(out, text_of(event, "name"), 253);
    hf_buf_adds(out, "</bdi></a> ");
}

static void add_event(struct hf_buf *out, const cJSON *event)
{
    int64_t at;
    const char *time = text_of(event, "at");
    const char *severity = text_of(event, "severity");
    hf_buf_adds(out, "<li class=\"event\" data-severity=\"");
    hf_html_add(out, severity ? severity : "info");
    hf_buf_adds(out, "\">");
    hf_page_time(out, hf_time_parse(hf_slice_of(time), &at) ? at : HF_TIME_NONE);
    hf_page_add_text(out, "<span class=\"type\">", text_of(event, "type"), 60, "</span>");
    hf_buf_adds(out, "<div class=\"what\">");
    if (text_of(event, "name")) {
        add_link(out, event);
    }
    hf_page_add_text(out, "<span class=\"dim\">", text_of(event, "kind"), 100, "</span> ");
    hf_page_add_text(out, "<p>", text_of(event, "message"), 1000, "</p>");
    hf_page_add_text(out, "<p class=\"dim\">by <bdi>", text_of(event, "manager"), 253, "</bdi></p>");
    hf_buf_adds(out, "</div></li>");
}

void hf_page_read_events(struct hf_page *page)
{
    struct hf_error err = HF_ERROR_INIT;
    page->query.limit = page->kind->events;
    if (page->query.limit == 0) {
        return;
    }
    const struct hf_serve_trail *trail = &page->request->serve->trail;
    int result = page->lists_incidents ? hf_incidents_read(trail, &page->query, &page->incidents, &err)
                                       : hf_trail_read(trail, &page->query, &page->events, &err);
    if (result != 0) {
        hf_log_error(page->request->serve->log, HF_WARN, "events for a page can't be read", &err, NULL);
        page->no_events = true;
    }
}

void hf_page_events(struct hf_page *page)
{
    struct hf_slice item;
    size_t count = 0;
    if (page->no_events) {
        hf_buf_adds(page->out, "<li class=\"dim none\">The trail can't be read now.</li>");
        return;
    }
    for (const char *at = hf_buf_text(&page->events); hf_array_next(&at, &item); count++) {
        cJSON *event = cJSON_ParseWithLength(item.ptr, item.len);
        if (event) {
            add_event(page->out, event);
        }
        cJSON_Delete(event);
    }
    if (count == 0) {
        hf_buf_adds(page->out, "<li class=\"dim none\">Nothing is on record.</li>");
    }
}

/* The same question, farther back. */
void hf_page_more_events(struct hf_page *page)
{
    const struct hf_query *query = page->request->query;
    struct hf_slice item;
    size_t count = 0;
    int64_t last = 0;
    for (const char *at = hf_buf_text(&page->events); hf_array_next(&at, &item); count++) {
        last = hf_event_id(item);
    }
    if (count < page->query.limit || last <= 1) {
        return;
    }
    hf_buf_addf(page->out, "<a href=\"%s?before=%" PRId64, page->kind->path, last);
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->params[i].name, "before") != 0) {
            hf_page_parameter(page->out, "&amp;", query->params[i].name, query->params[i].value);
        }
    }
    hf_buf_adds(page->out, "\">Farther back</a>");
}
