/* What is: one Kubernetes API server, spoken to without blocking. Seven verbs on any resource.
 *
 * All calls and callbacks on the loop's thread. No callback is called from within the function that starts the work. A
 * callback may close the cluster. Objects handed to callbacks live in an arena that ends with the callback. */
#ifndef HOLDFAST_CLUSTER_H
#define HOLDFAST_CLUSTER_H

#include "holdfast/http.h"
#include "holdfast/log.h"
#include "holdfast/value.h"

/* A resource as the server serves it. Strings belong to the mapping and live as long as the cluster. */
struct hf_resource {
    const char *group; /* "" for the core group */
    const char *version;
    const char *kind;
    const char *name; /* plural, as in URLs: "deployments" */
    bool namespaced;
    bool can_list;
    bool can_watch;
    bool can_patch;
    bool has_status; /* a status subresource */
};

/* One object's place: what a URL needs. */
struct hf_object_ref {
    const struct hf_resource *resource;
    const char *namespace; /* NULL or "" for cluster-scoped */
    const char *name;
};

struct hf_access; /* kubeconfig.h */
struct hf_cluster;

struct hf_cluster_options {
    const char *name;           /* the target's, for the log */
    int64_t request_timeout_ms; /* 0: 15,000 */
    int64_t watch_timeout_ms; /* asked of the server (timeoutSeconds). 0: random, somewhat less than silence_ms, so that
                                 a quiet watch ends in order, with a bookmark before it and its connection kept; at the
                                 most 5 to 10 minutes */
    int64_t silence_ms; /* a watch without a byte (events, bookmarks) so long is reopened: a line that died without a
                           word must be found, and the drift corrected, within 30 s; 0: 20,000 */
    int64_t backoff_first_ms; /* 0: 200 */
    int64_t backoff_max_ms;   /* 0: 10,000; full jitter; 2,000 at the most while the server can't be reached at all */
    size_t max_object;        /* bytes of one object; 0: 8 MiB */
    uint32_t page;            /* items asked of a list at once; 0: 250 */
    int64_t denied_retry_ms;  /* a follow that got 403 or 404 tries again so slowly; 0: 30,000 */
};

/* Nothing is sent yet. access and options are copied. The loop, client and log outlive the cluster. */
int hf_cluster_new(struct hf_loop *loop, struct hf_http *http, struct hf_log *log, const struct hf_access *access,
                   const struct hf_cluster_options *options, struct hf_cluster **out, struct hf_error *err);
/* Ends all that is under way without callbacks. NULL is fine. */
void hf_cluster_free(struct hf_cluster *cluster);
const char *hf_cluster_server(const struct hf_cluster *cluster); /* URL without user part: for people */

/* Reads what is served (aggregated discovery where offered, else /api, /apis and each group-version). Groups that fail
 * (a broken aggregated API) are passed over, and named in the log. err: the whole failed. May be called again to renew:
 * resources known before stay valid; those no longer served answer NULL to lookups. */
typedef void (*hf_cluster_done_fn)(void *ctx, const struct hf_error *err);
int hf_cluster_discover(struct hf_cluster *cluster, hf_cluster_done_fn done, void *ctx, struct hf_error *err);
/* NULL: not served (or not discovered yet). */
const struct hf_resource *hf_cluster_resource(const struct hf_cluster *cluster, const char *api_version,
                                              const char *kind);
/* All resources served, for completion and tests; sorted by group, version and kind. The array is valid until the next
 * discovery. */
const struct hf_resource *const *hf_cluster_resources(const struct hf_cluster *cluster, size_t *count);

/* The answer to a single request. object is NULL unless the answer was 2xx with a JSON object; status is the HTTP
 * status, 0 when none came. err: HF_OK, or what a status outside 2xx means (hf_http_status_error), or why no answer
 * came. warnings: the server's Warning headers are logged. */
struct hf_answer {
    int status;
    const struct hf_value *object;
    const char *body;
    size_t body_len;
    int64_t retry_after_ms; /* -1: none */
};
typedef void (*hf_answer_fn)(void *ctx, const struct hf_answer *answer, const struct hf_error *err);

/* GET of any path ("/openapi/v2", "/version", "/readyz"), the body given raw (object NULL), at most max_body bytes. */
int hf_cluster_raw(struct hf_cluster *cluster, const char *path, const char *accept, size_t max_body, hf_answer_fn done,
                   void *ctx, struct hf_error *err);
/* A quorum read of one object. */
int hf_cluster_get(struct hf_cluster *cluster, const struct hf_object_ref *ref, hf_answer_fn done, void *ctx,
                   struct hf_error *err);

struct hf_apply {
    const char *manager; /* fieldManager */
    bool force;
    bool dry_run;      /* dryRun=All */
    const char *bytes; /* YAML or JSON of the whole configuration; copied */
    size_t len;
};
/* Server-side apply (application/apply-patch+yaml). */
int hf_cluster_apply(struct hf_cluster *cluster, const struct hf_object_ref *ref, const struct hf_apply *apply,
                     hf_answer_fn done, void *ctx, struct hf_error *err);
/* content_type: "application/json-patch+json", "application/merge-patch+json",
 * "application/strategic-merge-patch+json". */
int hf_cluster_patch(struct hf_cluster *cluster, const struct hf_object_ref *ref, const char *content_type,
                     const char *manager, const char *bytes, size_t len, hf_answer_fn done, void *ctx,
                     struct hf_error *err);
struct hf_delete {
    const char *uid; /* this and the next, when not NULL, are preconditions: 409 when they do not hold */
    const char *resource_version;
    bool orphan; /* what the object owns stays; else it is collected in the background */
};
int hf_cluster_delete(struct hf_cluster *cluster, const struct hf_object_ref *ref, const struct hf_delete *what,
                      hf_answer_fn done, void *ctx, struct hf_error *err);

/* POST of JSON to a path by which nothing is stored: a review. What is kept of the bytes is wiped. */
int hf_cluster_review(struct hf_cluster *cluster, const char *path, const char *bytes, size_t len, int64_t timeout_ms,
                      hf_answer_fn done, void *ctx, struct hf_error *err);

/* A list of one resource (in one namespace, or NULL for all) once: items as they stream in, then done. Items get
 * apiVersion and kind, which list items lack. resource_version of the list is given to done (NULL on failure). A list
 * that expires between two pages is started over, so that an item may be told twice. */
typedef void (*hf_item_fn)(void *ctx, const struct hf_value *object, size_t bytes);
typedef void (*hf_listed_fn)(void *ctx, const char *resource_version, const struct hf_error *err);
int hf_cluster_list(struct hf_cluster *cluster, const struct hf_resource *resource, const char *namespace,
                    hf_item_fn item, hf_listed_fn done, void *ctx, struct hf_error *err);

/* Follows one resource for ever: list, watch, resume from the last resourceVersion (bookmarks included), list anew
 * after 410, back off with jitter, reopen when silent. */
struct hf_follow;
enum hf_change { HF_ADDED, HF_MODIFIED, HF_DELETED };
struct hf_follow_events {
    void *ctx;
    /* A list starts: what is not named until its end is gone. Told again, without a list_end between, when the list had
     * to be started over: what was named until then doesn't count. */
    void (*list_begin)(void *ctx);
    void (*item)(void *ctx, const struct hf_value *object, size_t bytes);
    void (*list_end)(void *ctx, const char *resource_version);
    void (*change)(void *ctx, enum hf_change change, const struct hf_value *object, size_t bytes);
    /* err HF_OK: the watch is open (again); else why it is not, told once for each failure. HF_EDENIED and HF_ENOTFOUND
     * are tried again too, slowly: rights and kinds come and go. */
    void (*state)(void *ctx, const struct hf_error *err);
};
int hf_cluster_follow(struct hf_cluster *cluster, const struct hf_resource *resource, const char *namespace,
                      const struct hf_follow_events *events, struct hf_follow **out, struct hf_error *err);
void hf_follow_free(struct hf_follow *follow); /* NULL is fine */

struct hf_cluster_stats {
    uint64_t lists;
    uint64_t watch_events;
    uint64_t watch_restarts;
    uint64_t gone; /* 410s */
    uint64_t requests;
    uint64_t failures;
    uint64_t bytes_in;
};
void hf_cluster_stats(const struct hf_cluster *cluster, struct hf_cluster_stats *out);

/* "apps/v1" → "apps", "v1"; "v1" → "", "v1". The slices point into api_version. */
void hf_api_version_split(const char *api_version, struct hf_slice *group, struct hf_slice *version);

#endif
