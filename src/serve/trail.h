/* The trail's answer, taken apart without reading it twice: a JSON array of events, each with a whole number "id". */
#ifndef HOLDFAST_SERVE_TRAIL_H
#define HOLDFAST_SERVE_TRAIL_H

#include "holdfast/serve.h"

/* Walks the elements of a JSON array: *at starts at its text; false at the end, or where the text is no array of
 * objects. */
bool hf_array_next(const char **at, struct hf_slice *item);
/* An event's id; -1 when it has none. */
int64_t hf_event_id(struct hf_slice event);

/* Reads events as one array into *out. HF_EUNAVAILABLE when the server has no trail. */
int hf_trail_read(const struct hf_serve_trail *trail, const struct hf_serve_query *query, struct hf_buf *out,
                  struct hf_error *err);
/* incidents.c: as one array into *out; and whether there are more, with the cursor to go on by. */
int hf_incidents_read(const struct hf_serve_trail *trail, const struct hf_serve_query *query, struct hf_buf *out,
                      struct hf_error *err);
bool hf_incidents_next(const struct hf_buf *incidents, size_t limit, int64_t *next);
/* The newest event's id; 0 when there is none. */
int hf_trail_head(const struct hf_serve_trail *trail, int64_t *id, struct hf_error *err);

/* filter.c */
/* The filters that holdfast audit log has, from the address; the rest of query is as it was. False, and a 400, when
 * one is wrong. */
struct hf_request;
struct hf_answer;
bool hf_trail_filter(const struct hf_request *request, struct hf_answer *answer, struct hf_serve_query *query);
/* The outcomes that can be asked for, closed by NULL. */
extern const char *const hf_trail_outcomes[];
/* A failure of the trail's as a problem: its own words stay in the log, since they may name files. */
void hf_trail_problem(const struct hf_request *request, struct hf_answer *answer, const char *what,
                      const struct hf_error *err);

#define HF_TRAIL_FILTERS                                                                                               \
    "since", "until", "type", "incident", "target", "space", "unit", "kind", "namespace", "name", "manager", "user",   \
        "severity", "verdict", "path", "class"

#define HF_SERVE_QUERY_INIT                                                                                            \
    {                                                                                                                  \
        .since_ms = HF_TIME_NONE, .until_ms = HF_TIME_NONE                                                             \
    }

#endif
