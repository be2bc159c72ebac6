/* The lines of a watch: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
#include <string.h>

#include "client.h"

#define LINE_FRAME 64 /* {"type":"…","object":…} around an object */

static int not_an_event(const char *found, struct hf_error *err)
{
    return hf_error_set(err, HF_EPARSE, "read a watch event: found %s", found);
}

/* An ERROR event holds a Status. The codes as hf_http_status_error has them. */
static int status_event(const struct hf_value *status, struct hf_error *err)
{
    const char *message = hf_value_text(hf_value_get(status, "message"));
    const char *reason = hf_value_text(hf_value_get(status, "reason"));
    int64_t code = 0;
    (void)hf_value_int(hf_value_get(status, "code"), &code);
    bool gone = code == 410 || (reason && (strcmp(reason, "Gone") == 0 || strcmp(reason, "Expired") == 0));
    enum hf_code means = gone                         ? HF_EGONE
                         : code == 401 || code == 403 ? HF_EDENIED
                         : code == 404                ? HF_ENOTFOUND
                         : code == 429                ? HF_ETHROTTLED
                         : code >= 400 && code < 500  ? HF_EREFUSED
                                                      : HF_EUNAVAILABLE;
    hf_auto_buf struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(message ? message : reason), 500);
    return hf_error_set(err, means, "the watch was ended by the server: %s (%lld)", hf_buf_text(&safe),
                        (long long)code);
}

static bool type_of(const char *text, enum hf_watch_type *type)
{
    static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *type = (enum hf_watch_type)i;
            return true;
        }
    }
    return false;
}

static int give(struct hf_watch_reader *reader, struct hf_arena *arena, const struct hf_value *event, size_t bytes,
                struct hf_error *err)
{
    const char *name = hf_value_text(hf_value_get(event, "type"));
    const struct hf_value *object = hf_value_get(event, "object");
    enum hf_watch_type type;
    if (!name || !object || object->kind != HF_OBJECT) {
        return not_an_event("something without a type and an object", err);
    }
    if (strcmp(name, "ERROR") == 0) {
        return status_event(object, err);
    }
    if (!type_of(name, &type)) {
        return 0;
    }
    const char *version = hf_value_text(hf_value_path(object, "metadata", "resourceVersion", NULL));
    if (!version || !version[0]) {
        return not_an_event("an object without metadata.resourceVersion", err);
    }
    if (type != HF_WATCH_BOOKMARK && !hf_value_text(hf_value_path(object, "metadata", "name", NULL))) {
        return not_an_event("an object without metadata.name", err);
    }
    object = hf_with_kind(arena, object, reader->resource);
    if (!object) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a watch event");
    }
    if (!reader->event(reader->ctx, type, object, version, bytes)) {
        reader->stopped = true;
    }
    return 0;
}

static int on_line(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct hf_watch_reader *reader = ctx;
    if (reader->stopped) {
        return 0;
    }
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a watch event");
    }
    struct hf_read_limits limits = {.bytes = reader->max_object + LINE_FRAME};
    const struct hf_value *event;
    if (hf_json_read(arena, bytes, len, &limits, &event, err) != 0) {
        return hf_error_wrap(err, "read a watch event");
    }
    return give(reader, arena, event, len, err);
}

int hf_watch_read(struct hf_watch_reader *reader, const char *bytes, size_t len, struct hf_error *err)
{
    reader->lines.max_line = reader->max_object + LINE_FRAME;
    return hf_lines_feed(&reader->lines, bytes, len, on_line, reader, err);
}

void hf_watch_reader_free(struct hf_watch_reader *reader)
{
    hf_lines_free(&reader->lines);
}
