/* Single requests: get, apply, patch, delete, and any path raw. */
#include <string.h>

#include "client.h"

#define FRAME ((size_t)64 << 10) /* an answer may be larger than what was sent: managedFields, defaults, a Status */
#define MOST_PATH 4096
#define MOST_REVIEW ((size_t)1 << 20)

struct answer {
    struct hf_cluster *cluster;
    hf_answer_fn done;
    void *ctx;
    bool raw;
};

/* The object of a 2xx answer. */
static int read_object(const struct answer *answer, struct hf_arena *arena, const struct hf_http_response *response,
                       const struct hf_value **object, struct hf_error *err)
{
    struct hf_read_limits limits = {.bytes = answer->cluster->options.max_object + FRAME};
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for an answer");
    }
    if (hf_json_read(arena, response->body, response->body_len, &limits, object, err) != 0) {
        return hf_error_wrap(err, "read the API server's answer");
    }
    if ((*object)->kind != HF_OBJECT) {
        return hf_error_set(err, HF_EPARSE, "read the API server's answer: found %s, expected an object",
                            hf_kind_name((*object)->kind));
    }
    return 0;
}

static void on_done(void *ctx, const struct hf_http_response *response, const struct hf_error *state)
{
    const struct answer *answer = ctx;
    struct hf_error err = *state;
    struct hf_answer told = {.status = response->status,
                             .body = response->body,
                             .body_len = response->body_len,
                             .retry_after_ms = response->retry_after_ms};
    hf_auto_arena struct hf_arena *arena = NULL;
    if (err.code == HF_OK && !answer->raw) {
        arena = hf_arena_new(0);
        if (read_object(answer, arena, response, &told.object, &err) != 0) {
            told.object = NULL;
        }
    }
    answer->done(answer->ctx, &told, &err);
}

static int start(struct hf_cluster *cluster, const struct hf_ask *ask, bool raw, hf_answer_fn done, void *ctx,
                 struct hf_error *err)
{
    struct answer *answer = hf_calloc(1, sizeof *answer);
    if (!answer) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a request");
    }
    *answer = (struct answer){cluster, done, ctx, raw};
    struct hf_call_events events = {.ctx = answer, .free_ctx = true, .done = on_done};
    if (hf_call_start(cluster, ask, &events, NULL, err) != 0) {
        free(answer);
        return -1;
    }
    return 0;
}

int hf_cluster_raw(struct hf_cluster *cluster, const char *path, const char *accept, size_t max_body, hf_answer_fn done,
                   void *ctx, struct hf_error *err)
{
    size_t len = strlen(path);
    bool plain = path[0] == '/' && len <= MOST_PATH;
    for (size_t i = 0; plain && i < len; i++) {
        plain = path[i] > 0x20 && path[i] < 0x7f && path[i] != '#';
    }
    if (!plain) {
        return hf_error_set(err, HF_EINVAL, "found a path that is none, expected one that begins with '/'");
    }
    struct hf_ask ask = {.method = "GET",
                         .path = path,
                         .accept = accept ? accept : "*/*",
                         .timeout_ms = cluster->options.request_timeout_ms,
                         .max_body = max_body};
    return start(cluster, &ask, true, done, ctx, err);
}

/* A request about one object; the path, already with its query, is freed by the caller. */
static int about_object(struct hf_cluster *cluster, const char *method, const struct hf_buf *path,
                        const char *content_type, struct hf_slice body, hf_answer_fn done, void *ctx,
                        struct hf_error *err)
{
    if (!hf_buf_ok(path)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a path");
    }
    struct hf_ask ask = {.method = method,
                         .path = hf_buf_text(path),
                         .accept = "application/json",
                         .content_type = content_type,
                         .body = body.ptr ? body.ptr : "",
                         .body_len = body.len,
                         .timeout_ms = cluster->options.request_timeout_ms,
                         .max_body = cluster->options.max_object + FRAME};
    return start(cluster, &ask, false, done, ctx, err);
}

int hf_cluster_get(struct hf_cluster *cluster, const struct hf_object_ref *ref, hf_answer_fn done, void *ctx,
                   struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    if (hf_path_add(&path, ref->resource, ref->namespace, ref->name, err) != 0) {
        return -1;
    }
    return about_object(cluster, "GET", &path, NULL, (struct hf_slice){0}, done, ctx, err);
}

/* An apply is read as YAML 1.1, also where it is JSON: there some characters are refused and others are line ends,
 * which in a text become spaces. JSON, which has them in texts only, can have them as escapes. */
static void add_as_yaml(struct hf_buf *out, const char *bytes, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i + 1 < len; i++) {
        const unsigned char *at = (const unsigned char *)bytes + i;
        bool two = at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f; /* U+0080 to U+009F */
        bool three = i + 2 < len && ((at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) ||
                                     (at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf) ||
                                     (at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe));
        if (!two && !three && at[0] != 0x7f) {
            continue;
        }
        unsigned code = two ? at[1] : three ? (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu) : at[0];
        hf_buf_add(out, bytes + kept, i - kept);
        hf_buf_addf(out, "\\u%04x", code);
        i += two ? 1 : three ? 2 : 0;
        kept = i + 1;
    }
    hf_buf_add(out, bytes + kept, len - kept);
}

int hf_cluster_apply(struct hf_cluster *cluster, const struct hf_object_ref *ref, const struct hf_apply *apply,
                     hf_answer_fn done, void *ctx, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    if (!apply->manager || !apply->manager[0]) {
        return hf_error_set(err, HF_EINVAL, "found an apply without a field manager, expected one");
    }
    if (hf_path_add(&path, ref->resource, ref->namespace, ref->name, err) != 0) {
        return -1;
    }
    hf_path_query(&path, "fieldManager", apply->manager);
    if (apply->force) {
        hf_path_query(&path, "force", "true");
    }
    if (apply->dry_run) {
        hf_path_query(&path, "dryRun", "All");
    }
    hf_auto_buf struct hf_buf body = {0};
    bool is_json = apply->len > 0 && apply->bytes[0] == '{';
    if (is_json) {
        add_as_yaml(&body, apply->bytes, apply->len);
    }
    if (!hf_buf_ok(&body)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for an apply");
    }
    return about_object(cluster, "PATCH", &path, "application/apply-patch+yaml",
                        is_json ? (struct hf_slice){body.ptr, body.len} : (struct hf_slice){apply->bytes, apply->len},
                        done, ctx, err);
}

int hf_cluster_patch(struct hf_cluster *cluster, const struct hf_object_ref *ref, const char *content_type,
                     const char *manager, const char *bytes, size_t len, hf_answer_fn done, void *ctx,
                     struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    if (hf_path_add(&path, ref->resource, ref->namespace, ref->name, err) != 0) {
        return -1;
    }
    if (manager && manager[0]) {
        hf_path_query(&path, "fieldManager", manager);
    }
    return about_object(cluster, "PATCH", &path, content_type, (struct hf_slice){bytes, len}, done, ctx, err);
}

int hf_cluster_review(struct hf_cluster *cluster, const char *path, const char *bytes, size_t len, int64_t timeout_ms,
                      hf_answer_fn done, void *ctx, struct hf_error *err)
{
    struct hf_ask ask = {.method = "POST",
                         .path = path,
                         .accept = "application/json",
                         .content_type = "application/json",
                         .body = bytes,
                         .body_len = len,
                         .is_secret = true,
                         .timeout_ms = timeout_ms,
                         .max_body = MOST_REVIEW};
    return start(cluster, &ask, false, done, ctx, err);
}

static void add_precondition(struct hf_buf *body, const char *name, const char *value, bool *first)
{
    if (value) {
        hf_buf_addf(body, "%s\"%s\":", *first ? ",\"preconditions\":{" : ",", name);
        hf_buf_add_json(body, hf_slice_of(value));
        *first = false;
    }
}

int hf_cluster_delete(struct hf_cluster *cluster, const struct hf_object_ref *ref, const struct hf_delete *what,
                      hf_answer_fn done, void *ctx, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf body = {0};
    bool first = true;
    if (hf_path_add(&path, ref->resource, ref->namespace, ref->name, err) != 0) {
        return -1;
    }
    hf_buf_addf(&body, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":\"%s\"",
                what->orphan ? "Orphan" : "Background");
    add_precondition(&body, "uid", what->uid, &first);
    add_precondition(&body, "resourceVersion", what->resource_version, &first);
    hf_buf_adds(&body, first ? "}" : "}}");
    if (!hf_buf_ok(&body)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a request");
    }
    return about_object(cluster, "DELETE", &path, "application/json", (struct hf_slice){body.ptr, body.len}, done, ctx,
                        err);
}
