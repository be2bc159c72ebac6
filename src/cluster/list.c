/* A list in pages, one after another, each streamed: memory is that of one item. */
#include <stdio.h>
#include <string.h>

#include "client.h"

#define MOST_PAGES 200000u

struct hf_lister {
    struct hf_cluster *cluster;
    const struct hf_resource *resource;
    char *namespace;
    struct hf_lister_events events;
    struct hf_call *call;
    struct hf_page *page;
    char *next; /* continue token; NULL: none */
    unsigned pages;
    bool whole; /* asked in one piece, after a token expired */
    bool begun;
    bool dead;     /* freed; what is left goes when busy is 0 */
    unsigned busy; /* callbacks that are on the stack */
};

static int ask_page(struct hf_lister *lister, struct hf_error *err);

static void release(struct hf_lister *lister)
{
    hf_page_free(lister->page);
    free(lister->next);
    free(lister->namespace);
    free(lister);
}

/* Ends a callback; false when the lister was freed in it. */
static bool leave(struct hf_lister *lister)
{
    bool dead = lister->dead;
    if (--lister->busy == 0 && dead) {
        release(lister);
    }
    return !dead;
}

void hf_lister_free(struct hf_lister *lister)
{
    if (!lister || lister->dead) {
        return;
    }
    lister->dead = true;
    hf_call_cancel(lister->call);
    lister->call = NULL;
    if (lister->busy == 0) {
        release(lister);
    }
}

static void begin(struct hf_lister *lister)
{
    if (!lister->begun && !lister->dead) {
        lister->begun = true;
        if (lister->events.begin) {
            lister->events.begin(lister->events.ctx);
        }
    }
}

static void on_open(void *ctx)
{
    struct hf_lister *lister = ctx;
    lister->busy++;
    begin(lister);
    (void)leave(lister);
}

static void on_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    struct hf_lister *lister = ctx;
    lister->events.item(lister->events.ctx, object, bytes);
}

static int on_data(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct hf_lister *lister = ctx;
    lister->busy++;
    begin(lister);
    int status = lister->dead ? 0 : hf_page_feed(lister->page, bytes, len, &lister->dead, err);
    return leave(lister) ? status : 0;
}

/* 1: another page was asked for. 0: that was the last; the resourceVersion is in arena. */
static int end_page(struct hf_lister *lister, struct hf_arena *arena, const char **version, struct hf_error *err)
{
    const char *next;
    if (hf_page_finish(lister->page, arena, version, &next, err) != 0) {
        return -1;
    }
    if (!next[0]) {
        return 0;
    }
    if (++lister->pages > MOST_PAGES || (lister->next && strcmp(lister->next, next) == 0)) {
        return hf_error_set(err, HF_EPARSE, "found a list that goes on without end");
    }
    free(lister->next);
    lister->next = hf_strdup(next);
    if (!lister->next) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a list");
    }
    return ask_page(lister, err) == 0 ? 1 : -1;
}

/* The token is too old: the server has forgotten the list it belongs to. Anew in one piece, which can't expire. */
static int start_over(struct hf_lister *lister, struct hf_error *err)
{
    lister->cluster->stats.gone++;
    lister->whole = true;
    lister->begun = false;
    free(lister->next);
    lister->next = NULL;
    return ask_page(lister, err);
}

static void on_done(void *ctx, const struct hf_http_response *response, const struct hf_error *state)
{
    struct hf_lister *lister = ctx;
    struct hf_error err = *state;
    const char *version = NULL;
    lister->busy++;
    lister->call = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        (void)hf_error_set(&err, HF_ENOMEM, "out of memory for a list");
    } else if (err.code == HF_EGONE && lister->next && !lister->whole) {
        hf_error_clear(&err);
        if (start_over(lister, &err) == 0) {
            (void)leave(lister);
            return;
        }
    } else if (err.code == HF_OK) {
        begin(lister); /* without on_data: an empty body, which end_page refuses */
        if (lister->dead || end_page(lister, arena, &version, &err) == 1) {
            (void)leave(lister);
            return;
        }
    }
    if (err.code != HF_OK) {
        version = NULL;
        (void)hf_error_wrap(&err, "list %s", lister->resource->name);
    }
    lister->events.done(lister->events.ctx, version, response, &err);
    (void)leave(lister);
}

static int list_path(struct hf_lister *lister, struct hf_buf *path, struct hf_error *err)
{
    char limit[16];
    if (hf_path_add(path, lister->resource, lister->namespace, NULL, err) != 0) {
        return -1;
    }
    (void)snprintf(limit, sizeof limit, "%u", lister->cluster->options.page);
    if (!lister->whole) {
        hf_path_query(path, "limit", limit);
    }
    if (lister->next) {
        hf_path_query(path, "continue", lister->next);
    }
    return hf_buf_ok(path) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory for a path");
}

static int ask_page(struct hf_lister *lister, struct hf_error *err)
{
    struct hf_cluster *cluster = lister->cluster;
    hf_auto_buf struct hf_buf path = {0};
    if (list_path(lister, &path, err) != 0) {
        return -1;
    }
    hf_page_free(lister->page);
    lister->page = hf_page_new(lister->resource, cluster->options.max_object, on_item, lister);
    if (!lister->page) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a list");
    }
    struct hf_ask ask = {.method = "GET",
                         .path = hf_buf_text(&path),
                         .accept = "application/json",
                         .idle_timeout_ms = cluster->options.request_timeout_ms};
    struct hf_call_events events = {.ctx = lister, .open = on_open, .data = on_data, .done = on_done};
    return hf_call_start(cluster, &ask, &events, &lister->call, err);
}

int hf_lister_start(struct hf_cluster *cluster, const struct hf_resource *resource, const char *namespace,
                    const struct hf_lister_events *events, struct hf_lister **out, struct hf_error *err)
{
    struct hf_lister *lister = hf_calloc(1, sizeof *lister);
    if (!lister) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a list");
    }
    *lister = (struct hf_lister){.cluster = cluster, .resource = resource, .events = *events};
    lister->namespace = hf_strdup(namespace);
    if (namespace && !lister->namespace) {
        release(lister);
        return hf_error_set(err, HF_ENOMEM, "out of memory for a list");
    }
    if (ask_page(lister, err) != 0) {
        release(lister);
        return -1;
    }
    cluster->stats.lists++;
    *out = lister;
    return 0;
}

/* A list that is asked for once. */
struct hf_list_job {
    struct hf_list_job *next;
    struct hf_list_job **link;
    struct hf_lister *lister;
    hf_item_fn item;
    hf_listed_fn done;
    void *ctx;
};

void hf_list_job_free(struct hf_list_job *job)
{
    *job->link = job->next;
    if (job->next) {
        job->next->link = job->link;
    }
    hf_lister_free(job->lister);
    free(job);
}

static void on_job_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    struct hf_list_job *job = ctx;
    job->item(job->ctx, object, bytes);
}

static void on_job_done(void *ctx, const char *version, const struct hf_http_response *response,
                        const struct hf_error *err)
{
    struct hf_list_job *job = ctx;
    hf_listed_fn done = job->done;
    void *done_ctx = job->ctx;
    (void)response;
    hf_list_job_free(job);
    done(done_ctx, version, err);
}

int hf_cluster_list(struct hf_cluster *cluster, const struct hf_resource *resource, const char *namespace,
                    hf_item_fn item, hf_listed_fn done, void *ctx, struct hf_error *err)
{
    struct hf_list_job *job = hf_calloc(1, sizeof *job);
    if (!job) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a list");
    }
    *job = (struct hf_list_job){.item = item, .done = done, .ctx = ctx};
    struct hf_lister_events events = {job, NULL, on_job_item, on_job_done};
    if (hf_lister_start(cluster, resource, namespace, &events, &job->lister, err) != 0) {
        free(job);
        return hf_error_wrap(err, "list %s", resource->name);
    }
    job->link = &cluster->lists;
    job->next = cluster->lists;
    if (job->next) {
        job->next->link = &job->next;
    }
    cluster->lists = job;
    return 0;
}
