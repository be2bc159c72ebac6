/* The latest events, as the trail gives them in JSON. */
#include <cjson/cJSON.h>
#include <string.h>

#include "json_out.h"
#include "page.h"
#include "trail.h"

static const char *text_of(const cJSON *event, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(event, name);
    return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
}

static void add_text(struct hf_buf *out, const char *before, const char *text, const char *after)
{
    if (text) {
        hf_buf_adds(out, before);
        hf_html_add(out, text);
        hf_buf_adds(out, after);
    }
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
    add_text(out, "<span class=\"type\">", text_of(event, "type"), "</span>");
    hf_buf_adds(out, "<div class=\"what\">");
    add_text(out, "<bdi class=\"where\">", text_of(event, "name"), "</bdi> ");
    add_text(out, "<span class=\"dim\">", text_of(event, "kind"), "</span> ");
    add_text(out, "<p>", text_of(event, "message"), "</p>");
    add_text(out, "<p class=\"dim\">by <bdi>", text_of(event, "manager"), "</bdi></p>");
    hf_buf_adds(out, "</div></li>");
}

void hf_page_events(struct hf_page *page)
{
    struct hf_serve_query query = HF_SERVE_QUERY_INIT;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf events = {0};
    struct hf_slice item;
    size_t count = 0;
    query.limit = page->events;
    if (hf_trail_read(&page->request->serve->trail, &query, &events, &err) != 0) {
        hf_buf_adds(page->out, "<li class=\"dim\">The trail can't be read now.</li>");
        return;
    }
    for (const char *at = hf_buf_text(&events); hf_array_next(&at, &item); count++) {
        cJSON *event = cJSON_ParseWithLength(item.ptr, item.len);
        if (event) {
            add_event(page->out, event);
        }
        cJSON_Delete(event);
    }
    if (count == 0) {
        hf_buf_adds(page->out, "<li class=\"dim\">Nothing has happened yet.</li>");
    }
}
