/* Lists, revisions, actions and events, as ConfigHub answers them. */
#include <string.h>
#include <strings.h>

#include "confighub_client.h"
#include "confighub_read.h"
#include "holdfast/digest.h"

#define MOST_SHOWN 1000u

int confighub_read_body(struct hf_arena *arena, const char *body, size_t len, const struct hf_value **out,
                        struct hf_error *err)
{
    struct hf_read_limits limits = {.bytes = len + 1};
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_json_read(arena, body, len, &limits, out, err) != 0) {
        return hf_error_wrap(err, "not the JSON that was expected");
    }
    return 0;
}

int confighub_read_list(struct hf_arena *arena, const char *body, size_t len, const struct hf_value **out,
                        struct hf_error *err)
{
    if (confighub_read_body(arena, body, len, out, err) != 0) {
        return -1;
    }
    if ((*out)->kind != HF_ARRAY && (*out)->kind != HF_NULL) {
        return hf_error_set(err, HF_EPARSE, "found %s, expected a list", hf_kind_name((*out)->kind));
    }
    return 0;
}

const char *confighub_text(const struct hf_value *object, const char *name)
{
    const char *text = hf_value_text(hf_value_get(object, name));
    return text ? text : "";
}

const char *confighub_safe_text(struct hf_arena *arena, const struct hf_value *object, const char *name)
{
    hf_auto_buf struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(confighub_text(object, name)), MOST_SHOWN);
    return hf_buf_ok(&safe) ? hf_arena_copy(arena, hf_buf_text(&safe), safe.len) : NULL;
}

int64_t confighub_integer(const struct hf_value *object, const char *name)
{
    int64_t number = 0;
    const struct hf_value *value = hf_value_get(object, name);
    return value && hf_value_int(value, &number) ? number : 0;
}

/* "Never" may be absent, null or of the year 1. */
int64_t confighub_time(const struct hf_value *object, const char *name)
{
    int64_t ms;
    const char *text = confighub_text(object, name);
    return strncmp(text, "0001-", 5) != 0 && hf_time_parse(hf_slice_of(text), &ms) ? ms : HF_TIME_NONE;
}

static bool is_sha256(const char *hex)
{
    return strlen(hex) == (size_t)HF_SHA256_SIZE * 2 &&
           strspn(hex, "0123456789abcdefABCDEF") == (size_t)HF_SHA256_SIZE * 2;
}

/* A hash of another form is of another kind, and tells nothing here. */
static int check_hash(const struct hf_value *revision, const struct hf_buf *data, struct hf_error *err)
{
    struct hf_digest digest;
    hf_auto_buf struct hf_buf hex = {0};
    const char *said = confighub_text(revision, "DataHash");
    if (!is_sha256(said)) {
        return 0;
    }
    if (hf_sha256(hf_buf_text(data), data->len, &digest, err) != 0) {
        return -1;
    }
    hf_buf_add_hex(&hex, digest.bytes, sizeof digest.bytes);
    if (strcasecmp(hf_buf_text(&hex), said) != 0) {
        return hf_error_set(err, HF_ECORRUPT, "its data does not match its DataHash: it is not used");
    }
    return 0;
}

static const struct hf_value *numbered(const struct hf_value *list, int64_t number)
{
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const struct hf_value *revision = confighub_inner(hf_value_at(list, i), "Revision");
        if (revision && confighub_integer(revision, "RevisionNum") == number) {
            return revision;
        }
    }
    return NULL;
}

int confighub_read_revision(struct hf_arena *arena, const char *body, size_t len, int64_t number, struct hf_buf *data,
                            struct hf_confighub_revision *out, struct hf_error *err)
{
    const struct hf_value *list;
    if (confighub_read_list(arena, body, len, &list, err) != 0) {
        return -1;
    }
    const struct hf_value *revision = numbered(list, number);
    const struct hf_value *encoded = hf_value_get(revision, "Data");
    if (!revision) {
        return hf_error_set(err, HF_ENOTFOUND, "ConfigHub does not show such a revision");
    }
    if (encoded && encoded->kind != HF_STRING && encoded->kind != HF_NULL) {
        return hf_error_set(err, HF_EPARSE, "Data: found %s, expected base64", hf_kind_name(encoded->kind));
    }
    if (!encoded) {
        return hf_error_set(err, HF_EPARSE, "found no Data in the revision");
    }
    if (encoded->kind == HF_STRING && hf_base64_decode(encoded->as.text, data, err) != 0) {
        return hf_error_wrap(err, "Data");
    }
    if (check_hash(revision, data, err) != 0) {
        return -1;
    }
    *out = (struct hf_confighub_revision){.number = number,
                                          .description = confighub_safe_text(arena, revision, "Description"),
                                          .source = confighub_safe_text(arena, revision, "Source"),
                                          .created_ms = confighub_time(revision, "CreatedAt"),
                                          .live_ms = confighub_time(revision, "LiveAt"),
                                          .bytes = hf_buf_text(data),
                                          .byte_count = data->len};
    return out->description && out->source ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
}

void confighub_read_event(struct hf_arena *arena, const struct hf_value *json, struct confighub_event *out)
{
    const char *names[] = {"QueuedOperationID", "Action", "Status", "Result", "Message"};
    const char *texts[5];
    for (size_t i = 0; i < 5; i++) {
        const char *text = confighub_safe_text(arena, json, names[i]);
        texts[i] = text ? text : "";
    }
    *out = (struct confighub_event){.operation_id = texts[0],
                                    .action = texts[1],
                                    .status = texts[2],
                                    .result = texts[3],
                                    .message = texts[4],
                                    .revision = confighub_integer(json, "RevisionNum"),
                                    .created_ms = confighub_time(json, "CreatedAt")};
}

/* An unknown status is one on the way. The result says more than the status where they differ. */
enum hf_confighub_outcome confighub_outcome_of(const struct confighub_event *event)
{
    const char *status = event->status;
    if (strcasecmp(status, "Canceled") == 0 || strcasecmp(status, "Cancelled") == 0 ||
        strcasecmp(status, "Aborted") == 0) {
        return HF_ACTION_CANCELED;
    }
    size_t len = strlen(event->result);
    bool says_failed =
        len >= 6 && strcmp(event->result + len - 6, "Failed") == 0 && strcmp(event->result, "ApplyWaitFailed") != 0;
    if (strcasecmp(status, "Failed") == 0) {
        return strcmp(event->result, "ApplyWaitFailed") == 0 ? HF_ACTION_COMPLETED : HF_ACTION_FAILED;
    }
    if (strcasecmp(status, "Completed") == 0) {
        return says_failed ? HF_ACTION_FAILED : HF_ACTION_COMPLETED;
    }
    return HF_ACTION_RUNNING;
}

bool confighub_is_taken(const struct confighub_event *event)
{
    static const char *const WAITING[] = {"", "None", "Initializing", "Pending", "Submitted"};
    for (size_t i = 0; i < sizeof WAITING / sizeof WAITING[0]; i++) {
        if (strcasecmp(event->status, WAITING[i]) == 0) {
            return false;
        }
    }
    return true;
}
