/* The incidents, newest first. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "json_out.h"
#include "page.h"
#include "trail.h"

static const char *text_of(const cJSON *incident, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(incident, name);
    return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
}

static int64_t time_of(const cJSON *incident, const char *name)
{
    int64_t ms;
    const char *text = text_of(incident, name);
    return text && hf_time_parse(hf_slice_of(text), &ms) ? ms : HF_TIME_NONE;
}

static void add_incident(struct hf_buf *out, const cJSON *incident)
{
    const char *id = text_of(incident, "id");
    const char *who = text_of(incident, "user") ? text_of(incident, "user") : text_of(incident, "manager");
    int64_t seen_ms = time_of(incident, "seen_at");
    int64_t ended_ms = time_of(incident, "ended_at");
    hf_page_add_text(out, "<li class=\"event\" data-severity=\"", text_of(incident, "severity"), 20, "\">");
    hf_page_time(out, seen_ms);
    hf_page_add_text(out, "<span><span class=\"badge\" data-outcome=\"", text_of(incident, "outcome"), 20, "\">");
    hf_page_add_text(out, "", text_of(incident, "outcome"), 20, "</span>");
    if (seen_ms != HF_TIME_NONE && ended_ms != HF_TIME_NONE) {
        char took[HF_TIME_TEXT];
        hf_duration_format(ended_ms > seen_ms ? ended_ms - seen_ms : 0, took);
        hf_buf_addf(out, "<span class=\"dim\"> · after %s</span>", took);
    }
    hf_buf_adds(out, "</span><div class=\"what\"><a class=\"where\" href=\"/incidents/");
    hf_buf_add_url(out, hf_slice_of(id));
    hf_page_add_text(out, "\"><bdi>", text_of(incident, "name") ? text_of(incident, "name") : id, 253, "</bdi></a> ");
    hf_page_add_text(out, "<span class=\"dim\">", text_of(incident, "kind"), 100, "</span> ");
    hf_page_add_text(out, "<p>", text_of(incident, "message"), 500, "</p>");
    hf_page_add_text(out, "<p class=\"dim\">by <bdi>", who, 253, "</bdi></p>");
    hf_buf_adds(out, "</div></li>");
}

void hf_page_incidents(struct hf_page *page)
{
    struct hf_slice item;
    size_t count = 0;
    if (page->no_events) {
        hf_buf_adds(page->out, "<li class=\"dim none\">The trail can't be read now.</li>");
        return;
    }
    for (const char *at = hf_buf_text(&page->incidents); hf_array_next(&at, &item); count++) {
        cJSON *incident = cJSON_ParseWithLength(item.ptr, item.len);
        if (text_of(incident, "id")) {
            add_incident(page->out, incident);
        }
        cJSON_Delete(incident);
    }
    if (count == 0) {
        hf_buf_adds(page->out, "<li class=\"dim none\">There is none.</li>");
    }
}

void hf_page_more_incidents(struct hf_page *page)
{
    int64_t next;
    if (hf_incidents_next(&page->incidents, page->query.limit, &next)) {
        hf_buf_addf(page->out, "<a href=\"/incidents?cursor=%" PRId64, next);
        hf_page_parameter(page->out, "&amp;", "state", page->query.outcome);
        hf_buf_adds(page->out, "\">Farther back</a>");
    }
}
