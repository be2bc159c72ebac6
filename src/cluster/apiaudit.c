#include "holdfast/apiaudit.h"

#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/json.h"
#include "holdfast/mem.h"

#define MOST_EVENTS 10000u
#define MOST_EVENT ((size_t)4 << 20) /* with a ConfigMap of 1 MiB as request and response */
#define MOST_REST ((size_t)64 << 10)
#define MOST_DEPTH 128
#define MOST_TEXT 1024u
#define MOST_USER_AGENT 256u

struct reading {
    struct hf_arena *arena; /* of one event */
    hf_apiaudit_fn fn;
    void *ctx;
    struct hf_apiaudit_counts *counts;
};

static const char *cut(struct hf_arena *arena, struct hf_slice text, size_t most)
{
    const char *kept = hf_arena_copy(arena, text.ptr, text.len < most ? text.len : most);
    return kept ? kept : "";
}

static const char *text_at(struct hf_arena *arena, const struct hf_value *object, const char *key)
{
    const char *text = hf_value_text(hf_value_get(object, key));
    return text ? cut(arena, hf_slice_of(text), MOST_TEXT) : "";
}

static bool is_one_of(const char *text, const char *const *list)
{
    while (*list && strcmp(*list, text) != 0) {
        list++;
    }
    return *list != NULL;
}

static int hex_of(char byte)
{
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* One parameter of the request's URI, decoded; "" when it is not there. */
static const char *parameter(struct hf_arena *arena, const char *uri, const char *name)
{
    size_t len = strlen(name);
    const char *at = strchr(uri, '?');
    while (at && !(strncmp(at + 1, name, len) == 0 && at[1 + len] == '=')) {
        at = strchr(at + 1, '&');
    }
    if (!at) {
        return "";
    }
    at += len + 2;
    size_t end = strcspn(at, "&#");
    end = end < MOST_TEXT ? end : MOST_TEXT;
    char *out = hf_arena_copy(arena, at, end);
    size_t to = 0;
    for (size_t i = 0; out && i < end; i++) {
        int high = out[i] == '%' && i + 2 < end ? hex_of(out[i + 1]) : -1;
        int low = high >= 0 ? hex_of(out[i + 2]) : -1;
        char byte = low >= 0 ? (char)(high * 16 + low) : out[i] == '+' ? ' ' : out[i];
        i += low >= 0 ? 2 : 0;
        out[to++] = byte ? byte : '?';
    }
    if (out) {
        out[to] = '\0';
    }
    return out ? out : "";
}

static bool is_write(const struct hf_value *event, const char *verb)
{
    static const char *const VERBS[] = {"create", "update", "patch", "delete", "deletecollection", NULL};
    const char *stage = hf_value_text(hf_value_get(event, "stage"));
    int64_t code = 0;
    (void)hf_value_int(hf_value_path(event, "responseStatus", "code", NULL), &code);
    return is_one_of(verb, VERBS) && stage && strcmp(stage, "ResponseComplete") == 0 && code >= 200 && code < 300;
}

static void take_groups(struct hf_arena *arena, const struct hf_value *groups, struct hf_apiaudit_event *out)
{
    for (size_t i = 0; i < hf_value_count(groups) && out->group_count < HF_APIAUDIT_MOST_GROUPS; i++) {
        const char *group = hf_value_text(hf_value_at(groups, i));
        if (group) {
            out->groups[out->group_count++] = cut(arena, hf_slice_of(group), MOST_TEXT);
        }
    }
}

/* A Status answers a deletion: its metadata is a list's, and what was deleted stands in `details`. */
static void take_response(struct hf_arena *arena, const struct hf_value *response, struct hf_apiaudit_event *out)
{
    const struct hf_value *metadata = hf_value_get(response, "metadata");
    const char *kind = hf_value_text(hf_value_get(response, "kind"));
    if (!metadata || (kind && strcmp(kind, "Status") == 0)) {
        return;
    }
    out->resource_version = text_at(arena, metadata, "resourceVersion");
    if (!*out->uid) {
        out->uid = text_at(arena, metadata, "uid");
    }
    if (!*out->name && strcmp(out->verb, "create") == 0) {
        out->name = text_at(arena, metadata, "name"); /* generateName */
    }
}

static bool read_event(struct hf_arena *arena, const struct hf_value *event, struct hf_apiaudit_event *out)
{
    const struct hf_value *user = hf_value_get(event, "user");
    const struct hf_value *ref = hf_value_get(event, "objectRef");
    const char *uri = hf_value_text(hf_value_get(event, "requestURI"));
    const char *agent = hf_value_text(hf_value_get(event, "userAgent"));
    const char *at = hf_value_text(hf_value_get(event, "stageTimestamp"));
    *out = (struct hf_apiaudit_event){
        .user = text_at(arena, user, "username"),
        .impersonated = text_at(arena, hf_value_get(event, "impersonatedUser"), "username"),
        .user_agent = agent ? cut(arena, hf_slice_of(agent), MOST_USER_AGENT) : "",
        .source = "",
        .verb = text_at(arena, event, "verb"),
        .group = text_at(arena, ref, "apiGroup"),
        .version = text_at(arena, ref, "apiVersion"),
        .resource = text_at(arena, ref, "resource"),
        .subresource = text_at(arena, ref, "subresource"),
        .namespace = text_at(arena, ref, "namespace"),
        .name = text_at(arena, ref, "name"),
        .uid = text_at(arena, ref, "uid"),
        .resource_version = "",
        .manager = uri ? parameter(arena, uri, "fieldManager") : "",
        .at_ms = HF_TIME_NONE,
    };
    const char *source = hf_value_text(hf_value_at(hf_value_get(event, "sourceIPs"), 0));
    if (source) {
        out->source = cut(arena, hf_slice_of(source), 64);
    }
    if (at && !hf_time_parse(hf_slice_of(at), &out->at_ms)) {
        out->at_ms = HF_TIME_NONE;
    }
    take_groups(arena, hf_value_get(user, "groups"), out);
    take_response(arena, hf_value_get(event, "responseObject"), out);
    bool is_dry = uri && *parameter(arena, uri, "dryRun");
    return *out->user && *out->resource && !is_dry;
}

static int on_item(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct reading *reading = ctx;
    static const struct hf_read_limits LIMITS = {.depth = MOST_DEPTH, .bytes = MOST_EVENT};
    struct hf_error wrong = HF_ERROR_INIT;
    const struct hf_value *event;
    struct hf_apiaudit_event told;
    if (++reading->counts->events > MOST_EVENTS) {
        return hf_error_set(err, HF_ELIMIT, "an EventList of more than %u events", MOST_EVENTS);
    }
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "read an audit event: out of memory");
    }
    if (hf_json_read(arena, bytes, len, &LIMITS, &event, &wrong) != 0) {
        if (wrong.code == HF_ENOMEM) {
            *err = wrong;
            return -1;
        }
        reading->counts->wrong++;
        return 0;
    }
    const char *verb = hf_value_text(hf_value_get(event, "verb"));
    if (event->kind != HF_OBJECT || !verb) {
        reading->counts->wrong++;
    } else if (is_write(event, verb) && read_event(arena, event, &told)) {
        reading->counts->writes++;
        reading->fn(reading->ctx, &told);
    }
    return 0;
}

int hf_apiaudit_read(const char *bytes, size_t len, hf_apiaudit_fn fn, void *ctx, struct hf_apiaudit_counts *counts,
                     struct hf_error *err)
{
    struct reading reading = {.fn = fn, .ctx = ctx, .counts = counts};
    const struct hf_value *rest;
    *counts = (struct hf_apiaudit_counts){0};
    if (len > HF_APIAUDIT_MOST_BYTES) {
        return hf_error_set(err, HF_ELIMIT, "an EventList of %zu bytes, expected at most %zu", len,
                            HF_APIAUDIT_MOST_BYTES);
    }
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_json_split *split = arena ? hf_json_split_new("items", MOST_EVENT, MOST_REST, on_item, &reading) : NULL;
    if (!split) {
        return hf_error_set(err, HF_ENOMEM, "read an EventList: out of memory");
    }
    int result = hf_json_split_feed(split, bytes, len, err);
    result = result == 0 ? hf_json_split_finish(split, arena, &rest, err) : result;
    hf_json_split_free(split);
    if (result != 0) {
        return hf_error_wrap(err, "read an EventList");
    }
    const char *kind = hf_value_text(hf_value_get(rest, "kind"));
    if (!kind || strcmp(kind, "EventList") != 0) {
        return hf_error_set(err, HF_EPARSE, "found kind \"%.60s\", expected an EventList of audit.k8s.io",
                            kind ? kind : "");
    }
    return 0;
}
