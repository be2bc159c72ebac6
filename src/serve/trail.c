#include "trail.h"

#include <cjson/cJSON.h>
#include <string.h>

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The end of the object that begins at `at`; NULL when it has none. */
static const char *object_end(const char *at)
{
    size_t depth = 0;
    bool quoted = false;
    for (; *at; at++) {
        if (quoted) {
            if (*at == '\\' && at[1]) {
                at++;
            } else if (*at == '"') {
                quoted = false;
            }
        } else if (*at == '"') {
            quoted = true;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if ((*at == '}' || *at == ']') && --depth == 0) {
            return at + 1;
        }
    }
    return NULL;
}

bool hf_array_next(const char **at, struct hf_slice *item)
{
    const char *from = skip_space(*at);
    if (*from == '[' || *from == ',') {
        from = skip_space(from + 1);
    }
    const char *end = *from == '{' ? object_end(from) : NULL;
    if (!end) {
        return false;
    }
    item->ptr = from;
    item->len = (size_t)(end - from);
    *at = end;
    return true;
}

int64_t hf_event_id(struct hf_slice event)
{
    cJSON *json = cJSON_ParseWithLength(event.ptr, event.len);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "id");
    int64_t number =
        cJSON_IsNumber(id) && id->valuedouble >= 0 && id->valuedouble < 9e15 ? (int64_t)id->valuedouble : -1;
    cJSON_Delete(json);
    return number;
}

int hf_trail_read(const struct hf_serve_trail *trail, const struct hf_serve_query *query, struct hf_buf *out,
                  struct hf_error *err)
{
    if (!trail->events) {
        return hf_error_set(err, HF_EUNAVAILABLE, "there is no trail to read");
    }
    if (trail->events(trail->ctx, query, out, err) != 0) {
        return -1;
    }
    if (!hf_buf_ok(out)) {
        return hf_error_set(err, HF_ENOMEM, "no memory for the events");
    }
    return 0;
}

int hf_trail_head(const struct hf_serve_trail *trail, int64_t *id, struct hf_error *err)
{
    struct hf_serve_query query = HF_SERVE_QUERY_INIT;
    hf_auto_buf struct hf_buf events = {0};
    struct hf_slice item;
    *id = 0;
    query.limit = 1;
    if (hf_trail_read(trail, &query, &events, err) != 0) {
        return -1;
    }
    const char *at = hf_buf_text(&events);
    if (hf_array_next(&at, &item)) {
        *id = hf_event_id(item);
    }
    return 0;
}
