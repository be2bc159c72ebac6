/* /api/v1/incidents and /api/v1/incidents/{id}: what was found, and what became of it. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_out.h"
#include "server.h"
#include "trail.h"

#define LIMIT 100
#define LIMIT_MOST 1000

/* The id of the first event, by which a page goes on; 0: there is none. */
static int64_t event_of(struct hf_slice incident)
{
    cJSON *json = cJSON_ParseWithLength(incident.ptr, incident.len);
    const cJSON *event = cJSON_GetObjectItemCaseSensitive(json, "event");
    int64_t id =
        cJSON_IsNumber(event) && event->valuedouble > 0 && event->valuedouble < 9e15 ? (int64_t)event->valuedouble : 0;
    cJSON_Delete(json);
    return id;
}

bool hf_incidents_next(const struct hf_buf *incidents, size_t limit, int64_t *next)
{
    struct hf_slice item;
    struct hf_slice last = {0};
    size_t count = 0;
    for (const char *at = hf_buf_text(incidents); hf_array_next(&at, &item); count++) {
        last = item;
    }
    *next = count == limit && limit > 0 ? event_of(last) : 0;
    return *next > 0;
}

int hf_incidents_read(const struct hf_serve_trail *trail, const struct hf_serve_query *query, struct hf_buf *out,
                      struct hf_error *err)
{
    if (!trail->incidents) {
        return hf_error_set(err, HF_EUNAVAILABLE, "there is no trail to read");
    }
    if (trail->incidents(trail->ctx, query, out, err) != 0) {
        return -1;
    }
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "no memory for the incidents");
}

void hf_serve_incidents(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"since",     "until", "target",  "space", "unit",     "kind",
                                        "namespace", "name",  "manager", "user",  "severity", "verdict",
                                        "path",      "class", "state",   "limit", "cursor",   NULL};
    struct hf_serve_query query = HF_SERVE_QUERY_INIT;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf items = {0};
    int64_t limit;
    int64_t next;
    size_t state;
    if (!hf_request_only(request, answer, KNOWN) || !hf_trail_filter(request, answer, &query) ||
        !hf_request_word(request, answer, "state", hf_trail_outcomes, SIZE_MAX, &state) ||
        !hf_request_int(request, answer, "limit", 1, LIMIT_MOST, LIMIT, &limit) ||
        !hf_request_int(request, answer, "cursor", 1, INT64_MAX, 0, &query.after_id)) {
        return;
    }
    query.outcome = state == SIZE_MAX ? NULL : hf_trail_outcomes[state];
    query.limit = (size_t)limit;
    if (hf_incidents_read(&request->serve->trail, &query, &items, &err) != 0) {
        hf_trail_problem(request, answer, "incidents can't be read", &err);
        return;
    }
    char text[24];
    bool has_more = hf_incidents_next(&items, query.limit, &next);
    (void)snprintf(text, sizeof text, "%" PRId64, next);
    answer->type = "application/json";
    hf_out_open(&answer->body, NULL, '{');
    hf_out_raw(&answer->body, "items", items.len > 0 ? items.ptr : "[]");
    hf_out_text(&answer->body, "next", has_more ? text : NULL);
    hf_out_close(&answer->body, '}');
}

/* Of a trail that has but events. */
static int events_of(const struct hf_serve_trail *trail, const char *id, struct hf_buf *out, struct hf_error *err)
{
    struct hf_serve_query query = HF_SERVE_QUERY_INIT;
    hf_auto_buf struct hf_buf events = {0};
    struct hf_slice first;
    query.incident = id;
    query.limit = LIMIT_MOST;
    query.oldest_first = true;
    if (hf_trail_read(trail, &query, &events, err) != 0) {
        return -1;
    }
    const char *at = hf_buf_text(&events);
    if (!hf_array_next(&at, &first)) {
        return hf_error_set(err, HF_ENOTFOUND, "there is no such incident");
    }
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "incident", id);
    hf_out_text(out, "who", NULL);
    hf_out_raw(out, "items", events.ptr);
    hf_out_raw(out, "deliveries", "[]");
    hf_out_close(out, '}');
    return 0;
}

void hf_serve_incident(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const NONE[] = {NULL};
    const struct hf_serve_trail *trail = &request->serve->trail;
    const char *id = request->query->path + strlen("/api/v1/incidents/");
    struct hf_error err = HF_ERROR_INIT;
    if (!hf_request_only(request, answer, NONE)) {
        return;
    }
    int result = trail->incident ? trail->incident(trail->ctx, id, &answer->body, &err)
                                 : events_of(trail, id, &answer->body, &err);
    if (result == 0) {
        answer->type = "application/json";
        return;
    }
    if (err.code == HF_ENOTFOUND) {
        hf_answer_problem(answer, 404, "There is no incident of that id.");
    } else {
        hf_trail_problem(request, answer, "an incident can't be read", &err);
    }
}
