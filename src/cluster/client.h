/* What the files of the cluster station share. */
#ifndef HOLDFAST_CLUSTER_CLIENT_H
#define HOLDFAST_CLUSTER_CLIENT_H

#include "holdfast/cluster.h"
#include "holdfast/json.h"
#include "holdfast/kubeconfig.h"
#include "holdfast/map.h"

struct hf_call;
struct hf_lister;
struct hf_list_job;
struct hf_discovery;
struct hf_mapping;

struct hf_cluster {
    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_log *log;
    char *name;
    char *server;                      /* scheme, host and path prefix, without a slash at the end */
    struct hf_cluster_options options; /* without zeros; name points to the one above */
    struct hf_credential *credential;
    struct hf_mapping *mapping;
    struct hf_discovery *discovery; /* NULL: none under way */
    struct hf_call *calls;          /* under way */
    struct hf_list_job *lists;
    struct hf_follow *follows;
    struct hf_cluster_stats stats;
};

/* call.c: one request with the login that is current; after a 401 once more with a new one. */

struct hf_ask {
    const char *method;
    const char *path; /* with its query; begins with '/' */
    const char *accept;
    const char *content_type; /* NULL: no body */
    const char *body;
    size_t body_len;
    bool is_secret; /* the body: what is kept of it is wiped */
    int64_t timeout_ms;
    int64_t idle_timeout_ms;
    size_t max_body;
    bool separate;
};

struct hf_call_events {
    void *ctx;
    bool free_ctx;           /* with free(), when the call has ended */
    void (*open)(void *ctx); /* may be NULL */
    int (*data)(void *ctx, const char *bytes, size_t len, struct hf_error *err); /* NULL: the body goes to done */
    /* Last. response is never NULL; err says what a status outside 2xx means too. The call has ended already. */
    void (*done)(void *ctx, const struct hf_http_response *response, const struct hf_error *err);
};

/* -1: no callback will come. *out (may be NULL) is valid until done was called. */
int hf_call_start(struct hf_cluster *cluster, const struct hf_ask *ask, const struct hf_call_events *events,
                  struct hf_call **out, struct hf_error *err);
void hf_call_cancel(struct hf_call *call); /* no callback; NULL is fine */

/* path.c */

/* The path of a resource, of one object when name is not NULL. HF_EINVAL: a name that can't be one segment of a path,
 * or a namespace that is missing where the resource needs one (for lists NULL means all). */
int hf_path_add(struct hf_buf *path, const struct hf_resource *resource, const char *namespace, const char *name,
                struct hf_error *err);
/* Appends "?name=value", or "&name=value" when the path has a query, percent-encoded. */
void hf_path_query(struct hf_buf *path, const char *name, const char *value);
/* The path of a group-version: "/api/v1", "/apis/apps/v1". */
int hf_path_group_version(struct hf_buf *path, const char *group, const char *version, struct hf_error *err);

/* mapping.c: the resources that are served. */

struct hf_mapping *hf_mapping_new(void); /* NULL: memory */
void hf_mapping_free(struct hf_mapping *mapping);
const struct hf_resource *hf_mapping_find(const struct hf_mapping *mapping, struct hf_slice group,
                                          struct hf_slice version, const char *kind);
const struct hf_resource *const *hf_mapping_all(const struct hf_mapping *mapping, size_t *count);

/* A renewal: begin, put what is served, keep what could not be read (a group-version, or with version NULL a whole
 * group), end. Until the end lookups answer as before; cancel leaves it so. */
void hf_mapping_begin(struct hf_mapping *mapping);
int hf_mapping_put(struct hf_mapping *mapping, const struct hf_resource *resource, struct hf_error *err);
void hf_mapping_keep(struct hf_mapping *mapping, const char *group, const char *version);
int hf_mapping_end(struct hf_mapping *mapping, struct hf_error *err);

/* discovery_read.c: what discovery documents say. */

typedef int (*hf_found_fn)(void *ctx, const struct hf_resource *found, struct hf_error *err);
typedef int (*hf_version_fn)(void *ctx, const char *group, const char *version, bool broken, struct hf_error *err);

/* An APIGroupDiscoveryList: each resource to found, each group-version to version (broken: it is stale and lists
 * nothing). */
int hf_read_aggregated(const struct hf_value *document, hf_found_fn found, hf_version_fn version, void *ctx,
                       struct hf_error *err);
/* An APIVersions ("/api") or APIGroupList ("/apis"): each group-version. */
int hf_read_versions(const struct hf_value *document, hf_version_fn version, void *ctx, struct hf_error *err);
/* An APIResourceList of one group-version. */
int hf_read_resources(const struct hf_value *document, const char *group, const char *version, hf_found_fn found,
                      void *ctx, struct hf_error *err);

void hf_discovery_free(struct hf_discovery *discovery);

/* page.c: one page of a list as it streams in. */

struct hf_page;
struct hf_page *hf_page_new(const struct hf_resource *resource, size_t max_object, hf_item_fn item, void *ctx);
void hf_page_free(struct hf_page *page);
/* *stop, when it turns true during an item, ends the reading without an error. */
int hf_page_feed(struct hf_page *page, const char *bytes, size_t len, const bool *stop, struct hf_error *err);
/* The list's resourceVersion and continue token ("" when this was the last page), in arena. */
int hf_page_finish(struct hf_page *page, struct hf_arena *arena, const char **resource_version, const char **next,
                   struct hf_error *err);

/* list.c: a list in pages. */

struct hf_lister_events {
    void *ctx;
    void (*begin)(void *ctx); /* may be NULL; before the first item, and again when the list starts over */
    hf_item_fn item;
    /* Last. resource_version is NULL on failure. The lister has ended and may be freed or not. */
    void (*done)(void *ctx, const char *resource_version, const struct hf_http_response *response,
                 const struct hf_error *err);
};
int hf_lister_start(struct hf_cluster *cluster, const struct hf_resource *resource, const char *namespace,
                    const struct hf_lister_events *events, struct hf_lister **out, struct hf_error *err);
void hf_lister_free(struct hf_lister *lister); /* ends it without a callback, also from within one; NULL is fine */
void hf_list_job_free(struct hf_list_job *job);

/* watch.c: the lines of a watch. */

enum hf_watch_type { HF_WATCH_ADDED, HF_WATCH_MODIFIED, HF_WATCH_DELETED, HF_WATCH_BOOKMARK };

/* resource_version is never empty. Return false to stop reading without an error. */
typedef bool (*hf_watch_fn)(void *ctx, enum hf_watch_type type, const struct hf_value *object,
                            const char *resource_version, size_t bytes);

struct hf_watch_reader {
    struct hf_lines lines;
    const struct hf_resource *resource;
    size_t max_object;
    hf_watch_fn event;
    void *ctx;
    bool stopped;
};
/* HF_EGONE: the resourceVersion is too old; other codes for what an ERROR event says; HF_EPARSE and HF_ELIMIT for what
 * is no watch event. A type that is not known is passed over. */
int hf_watch_read(struct hf_watch_reader *reader, const char *bytes, size_t len, struct hf_error *err);
void hf_watch_reader_free(struct hf_watch_reader *reader);

/* backoff.c */

/* The delay before try number `failures` + 1: full jitter over first_ms * 2^(failures - 1), at most max_ms, and never
 * sooner than HF_LEAST_GAP_MS after the last try began (since_ms ago). random is any 32-bit number. */
#define HF_LEAST_GAP_MS 200
int64_t hf_backoff_ms(unsigned failures, int64_t first_ms, int64_t max_ms, int64_t since_ms, uint32_t random);
uint32_t hf_any_number(void);

/* A copy of object with apiVersion and kind of the resource where it lacks them; the object itself where it has both.
 * NULL: memory. */
const struct hf_value *hf_with_kind(struct hf_arena *arena, const struct hf_value *object,
                                    const struct hf_resource *resource);

#endif
