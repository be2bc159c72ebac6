/* /api/v1/events: the trail as it is. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_out.h"
#include "server.h"
#include "trail.h"

#define LIMIT 100
#define LIMIT_MOST 1000

static const char *const KNOWN[] = {HF_TRAIL_FILTERS, "outcome", "before", "after", "limit", NULL};

static bool read_query(const struct hf_request *request, struct hf_answer *answer, struct hf_serve_query *query)
{
    int64_t before;
    int64_t after;
    int64_t limit;
    if (!hf_request_only(request, answer, KNOWN) ||
        !hf_request_int(request, answer, "before", 1, INT64_MAX, 0, &before) ||
        !hf_request_int(request, answer, "after", 0, INT64_MAX, -1, &after) ||
        !hf_request_int(request, answer, "limit", 1, LIMIT_MOST, LIMIT, &limit) ||
        !hf_trail_filter(request, answer, query)) {
        return false;
    }
    if (before > 0 && after >= 0) {
        hf_answer_problem(answer, 400, "The parameters \"before\" and \"after\" can't stand together.");
        return false;
    }
    query->oldest_first = after >= 0;
    query->after_id = after >= 0 ? after : before;
    query->limit = (size_t)limit;
    return true;
}

static void answer_items(const struct hf_serve_query *query, const struct hf_buf *events, struct hf_answer *answer)
{
    const char *at = hf_buf_text(events);
    struct hf_slice item;
    size_t count = 0;
    int64_t last = 0;
    while (hf_array_next(&at, &item)) {
        count++;
        last = hf_event_id(item);
    }
    answer->type = "application/json";
    hf_out_open(&answer->body, NULL, '{');
    hf_out_raw(&answer->body, "items", events->len > 0 ? events->ptr : "[]");
    const char *name = query->oldest_first ? "next_after" : "next_before";
    if (count == query->limit && last > 0) {
        hf_out_int(&answer->body, name, last);
    } else {
        hf_out_text(&answer->body, name, NULL);
    }
    hf_out_close(&answer->body, '}');
}

void hf_serve_events(const struct hf_request *request, struct hf_answer *answer)
{
    struct hf_serve_query query = HF_SERVE_QUERY_INIT;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf events = {0};
    if (!read_query(request, answer, &query)) {
        return;
    }
    if (hf_trail_read(&request->serve->trail, &query, &events, &err) != 0) {
        hf_trail_problem(request, answer, "events can't be read", &err);
        return;
    }
    answer_items(&query, &events, answer);
}
