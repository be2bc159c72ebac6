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
/* The newest event's id; 0 when there is none. */
int hf_trail_head(const struct hf_serve_trail *trail, int64_t *id, struct hf_error *err);

#define HF_SERVE_QUERY_INIT                                                                                            \
    {                                                                                                                  \
        .since_ms = HF_TIME_NONE, .until_ms = HF_TIME_NONE                                                             \
    }

#endif
