/* Follows one resource: list, watch from the list's resourceVersion, again after whatever ends it.
 *
 * One thing is under way at a time: a list, a watch, or the timer before the next of them. */
#include <stdio.h>

#include "client.h"
#include "holdfast/clock.h"

#define UNREACHABLE_MOST_MS 2000 /* a line that is back is to be used within that */
#define RETRY_AFTER_MOST_MS 120000
#define DENIED_QUICK_TRIES 3  /* an API server that starts says 403 and 404 for a moment */
#define REFUSED_BEFORE_LIST 3 /* what a list may cure: a resourceVersion of a store that was restored */
#define REOPEN_JITTER_MS 50
#define SHORT_WATCH_MS 1000 /* a watch that ends cleanly, but so soon and with nothing in it, counts as a failure */
#define LONG_WATCH_MS 5000
#define LONGEST_WATCH_S 600
#define OVERTIME_MS 60000 /* given to a server past the timeoutSeconds it was asked for */

struct hf_follow {
    struct hf_cluster *cluster;
    struct hf_follow *next;
    struct hf_follow **link;
    const struct hf_resource *resource;
    char *namespace;
    struct hf_follow_events events;
    struct hf_timer *timer;
    struct hf_lister *lister;
    struct hf_call *watch;
    struct hf_watch_reader reader;
    struct hf_buf version; /* to resume from; empty: list first */
    int64_t tried_ms;      /* when the last list or watch was asked for */
    unsigned failures;     /* in a row */
    unsigned refused;      /* watches in a row that the server or their content ended */
    bool told_open;
    bool unreachable; /* the last failure was the line's: another follow that gets through means the server is back */
    bool opened;      /* this watch: the head of its answer has come */
    bool progress;    /* this watch: it gave an event */
    bool dead;
    unsigned busy;
};

static void start_list(struct hf_follow *follow);
static void start_watch(struct hf_follow *follow);

static void release(struct hf_follow *follow)
{
    hf_watch_reader_free(&follow->reader);
    hf_buf_free(&follow->version);
    free(follow->namespace);
    free(follow);
}

static void leave(struct hf_follow *follow)
{
    if (--follow->busy == 0 && follow->dead) {
        release(follow);
    }
}

void hf_follow_free(struct hf_follow *follow)
{
    if (!follow || follow->dead) {
        return;
    }
    follow->dead = true;
    hf_call_cancel(follow->watch);
    hf_lister_free(follow->lister);
    hf_timer_free(follow->timer);
    if (follow->link) {
        *follow->link = follow->next;
        if (follow->next) {
            follow->next->link = follow->link;
        }
    }
    if (follow->busy == 0) {
        release(follow);
    }
}

/* One follow got through to the server after a failure: the others need not wait out their backoff. */
static void wake_others(struct hf_follow *follow)
{
    int64_t now = hf_mono_ms();
    for (struct hf_follow *other = follow->cluster->follows; other; other = other->next) {
        if (other != follow && other->unreachable && hf_timer_is_set(other->timer)) {
            other->unreachable = false;
            int64_t least = hf_backoff_ms(0, 0, 0, now - other->tried_ms, 0);
            hf_timer_set(other->timer, least + hf_any_number() % REOPEN_JITTER_MS);
        }
    }
}

static void tell_open(struct hf_follow *follow)
{
    if (follow->unreachable) {
        follow->unreachable = false;
        wake_others(follow);
    }
    if (!follow->told_open && !follow->dead) {
        struct hf_error none = HF_ERROR_INIT;
        follow->told_open = true;
        hf_log_write(follow->cluster->log, follow->refused > 0 ? HF_DEBUG : HF_INFO, "following", "target",
                     follow->cluster->name, "resource", follow->resource->name, "namespace", follow->namespace, NULL);
        follow->events.state(follow->events.ctx, &none);
    }
}

static void tell_failure(struct hf_follow *follow, const struct hf_error *err)
{
    follow->told_open = false;
    hf_log_error(follow->cluster->log, follow->failures <= 1 ? HF_WARN : HF_DEBUG, "can't follow", err, "target",
                 follow->cluster->name, "resource", follow->resource->name, "namespace", follow->namespace, NULL);
    follow->events.state(follow->events.ctx, err);
}

/* The wait after a failure that has been counted. */
static int64_t wait_after(const struct hf_follow *follow, int status, int64_t retry_after_ms,
                          const struct hf_error *err)
{
    const struct hf_cluster_options *options = &follow->cluster->options;
    bool denied = err->code == HF_ENOTFOUND || (err->code == HF_EDENIED && status != 401);
    int64_t most = options->backoff_max_ms;
    if ((status == 0 || follow->opened) && most > UNREACHABLE_MOST_MS) {
        most = UNREACHABLE_MOST_MS;
    }
    int64_t delay = hf_backoff_ms(follow->failures, options->backoff_first_ms, most, hf_mono_ms() - follow->tried_ms,
                                  hf_any_number());
    if (denied && status != 0 && follow->failures > DENIED_QUICK_TRIES) {
        delay = options->denied_retry_ms + hf_any_number() % (options->denied_retry_ms / 8 + 1);
    }
    if (retry_after_ms > delay) {
        delay = retry_after_ms < RETRY_AFTER_MOST_MS ? retry_after_ms : RETRY_AFTER_MOST_MS;
    }
    return delay;
}

/* A list or a watch has failed. */
static void fail(struct hf_follow *follow, const struct hf_http_response *response, const struct hf_error *err)
{
    int status = response ? response->status : 0;
    bool gone = err->code == HF_EGONE;
    follow->failures++;
    follow->unreachable = status == 0 || (follow->opened && err->code == HF_EUNAVAILABLE);
    follow->refused += status != 0 && (!follow->opened || err->code == HF_EPARSE || err->code == HF_ELIMIT);
    if (gone || err->code == HF_ENOTFOUND || err->code == HF_EREFUSED || follow->refused >= REFUSED_BEFORE_LIST) {
        hf_buf_clear(&follow->version);
    }
    hf_timer_set(follow->timer, wait_after(follow, status, response ? response->retry_after_ms : -1, err));
    if (gone) {
        follow->cluster->stats.gone++; /* the list that follows makes it good: nothing is lost */
    } else {
        tell_failure(follow, err);
    }
}

/* Lists. */

static void on_list_begin(void *ctx)
{
    struct hf_follow *follow = ctx;
    follow->events.list_begin(follow->events.ctx);
}

static void on_list_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    struct hf_follow *follow = ctx;
    follow->events.item(follow->events.ctx, object, bytes);
}

static void after_list(struct hf_follow *follow, const char *version)
{
    hf_buf_clear(&follow->version);
    follow->refused = 0;
    follow->events.list_end(follow->events.ctx, version);
    if (follow->dead) {
        return;
    }
    if (!follow->resource->can_watch) {
        follow->failures = 0;
        hf_timer_set(follow->timer, follow->cluster->options.denied_retry_ms);
        tell_open(follow);
        return;
    }
    hf_buf_adds(&follow->version, version);
    if (hf_buf_ok(&follow->version)) {
        start_watch(follow);
        return;
    }
    hf_buf_free(&follow->version);
    hf_timer_set(follow->timer, UNREACHABLE_MOST_MS);
}

static void on_listed(void *ctx, const char *version, const struct hf_http_response *response,
                      const struct hf_error *err)
{
    struct hf_follow *follow = ctx;
    follow->busy++;
    hf_lister_free(follow->lister);
    follow->lister = NULL;
    if (err->code == HF_OK) {
        after_list(follow, version);
    } else {
        fail(follow, response, err);
    }
    leave(follow);
}

static void start_list(struct hf_follow *follow)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_lister_events events = {follow, on_list_begin, on_list_item, on_listed};
    follow->opened = false;
    follow->tried_ms = hf_mono_ms();
    if (hf_lister_start(follow->cluster, follow->resource, follow->namespace, &events, &follow->lister, &err) != 0) {
        (void)hf_error_wrap(&err, "list %s", follow->resource->name);
        fail(follow, NULL, &err);
    }
}

/* Watches. */

static bool on_event(void *ctx, enum hf_watch_type type, const struct hf_value *object, const char *version,
                     size_t bytes)
{
    struct hf_follow *follow = ctx;
    hf_buf_clear(&follow->version);
    hf_buf_adds(&follow->version, version);
    if (!hf_buf_ok(&follow->version)) {
        hf_buf_free(&follow->version); /* then a list comes next */
    }
    follow->progress = true;
    follow->failures = 0;
    follow->refused = 0;
    if (type != HF_WATCH_BOOKMARK) {
        enum hf_change change = type == HF_WATCH_ADDED      ? HF_ADDED
                                : type == HF_WATCH_MODIFIED ? HF_MODIFIED
                                                            : HF_DELETED;
        follow->cluster->stats.watch_events++;
        follow->events.change(follow->events.ctx, change, object, bytes);
    }
    return !follow->dead;
}

static void on_open(void *ctx)
{
    struct hf_follow *follow = ctx;
    follow->busy++;
    follow->opened = true;
    tell_open(follow);
    leave(follow);
}

static int on_data(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct hf_follow *follow = ctx;
    follow->busy++;
    int status = hf_watch_read(&follow->reader, bytes, len, err);
    leave(follow);
    return status;
}

/* The watch ended as watches do: by its time, or because it was silent. Nothing is lost; open it again. */
static void reopen(struct hf_follow *follow)
{
    int64_t now = hf_mono_ms();
    int64_t lived = now - follow->tried_ms;
    if (!follow->progress && lived < SHORT_WATCH_MS) {
        follow->failures++;
    }
    const struct hf_cluster_options *options = &follow->cluster->options;
    int64_t delay =
        hf_backoff_ms(follow->failures, options->backoff_first_ms, options->backoff_max_ms, lived, hf_any_number());
    hf_timer_set(follow->timer, delay + hf_any_number() % REOPEN_JITTER_MS);
}

static void on_watch_end(void *ctx, const struct hf_http_response *response, const struct hf_error *state)
{
    struct hf_follow *follow = ctx;
    struct hf_error err = *state;
    follow->busy++;
    follow->watch = NULL;
    follow->cluster->stats.watch_restarts++;
    if (follow->opened && hf_mono_ms() - follow->tried_ms > LONG_WATCH_MS) {
        follow->failures = 0;
        follow->refused = 0;
    }
    if (err.code == HF_OK || (err.code == HF_ETIMEOUT && follow->opened)) {
        hf_log_write(follow->cluster->log, HF_DEBUG, err.code == HF_OK ? "watch ended" : "watch was silent", "target",
                     follow->cluster->name, "resource", follow->resource->name, "namespace", follow->namespace, NULL);
        reopen(follow);
    } else {
        (void)hf_error_wrap(&err, "watch %s", follow->resource->name);
        fail(follow, response, &err);
    }
    leave(follow);
}

/* An API server sends a bookmark 2 s before a watch's time is up (k8s.io/apiserver, cacher.nextBookmarkTime), else only
 * once a minute. So a watch that is to be heard of every silence_ms is asked for no longer than that: it then never has
 * to be cut. */
static int64_t watch_seconds(const struct hf_cluster_options *options)
{
    if (options->watch_timeout_ms) {
        return (options->watch_timeout_ms + 999) / 1000;
    }
    int64_t most = options->silence_ms / 1000 - 1;
    most = most < 1 ? 1 : most > LONGEST_WATCH_S ? LONGEST_WATCH_S : most;
    int64_t least = most == LONGEST_WATCH_S ? most / 2 : most - most / 4;
    return least + hf_any_number() % (most - least + 1);
}

static int watch_path(const struct hf_follow *follow, struct hf_buf *path, int64_t seconds, struct hf_error *err)
{
    char number[24];
    if (hf_path_add(path, follow->resource, follow->namespace, NULL, err) != 0) {
        return -1;
    }
    (void)snprintf(number, sizeof number, "%lld", (long long)seconds);
    hf_path_query(path, "watch", "true");
    hf_path_query(path, "allowWatchBookmarks", "true");
    hf_path_query(path, "resourceVersion", hf_buf_text(&follow->version));
    hf_path_query(path, "timeoutSeconds", number);
    return hf_buf_ok(path) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory for a path");
}

static void start_watch(struct hf_follow *follow)
{
    const struct hf_cluster_options *options = &follow->cluster->options;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf path = {0};
    int64_t seconds = watch_seconds(options);
    hf_watch_reader_free(&follow->reader);
    follow->reader = (struct hf_watch_reader){
        .resource = follow->resource, .max_object = options->max_object, .event = on_event, .ctx = follow};
    follow->opened = follow->progress = false;
    follow->tried_ms = hf_mono_ms();
    int status = watch_path(follow, &path, seconds, &err);
    if (status == 0) {
        struct hf_ask ask = {.method = "GET",
                             .path = hf_buf_text(&path),
                             .accept = "application/json",
                             .timeout_ms = seconds * 1000 + OVERTIME_MS,
                             .idle_timeout_ms = options->silence_ms,
                             .separate = true};
        struct hf_call_events events = {.ctx = follow, .open = on_open, .data = on_data, .done = on_watch_end};
        status = hf_call_start(follow->cluster, &ask, &events, &follow->watch, &err);
    }
    if (status != 0) {
        (void)hf_error_wrap(&err, "watch %s", follow->resource->name);
        fail(follow, NULL, &err);
    }
}

static void on_timer(void *ctx)
{
    struct hf_follow *follow = ctx;
    follow->busy++;
    if (follow->version.len > 0) {
        start_watch(follow);
    } else {
        start_list(follow);
    }
    leave(follow);
}

int hf_cluster_follow(struct hf_cluster *cluster, const struct hf_resource *resource, const char *namespace,
                      const struct hf_follow_events *events, struct hf_follow **out, struct hf_error *err)
{
    if (!resource->can_list) {
        return hf_error_set(err, HF_EUNSUPPORTED, "follow %s: it can't be listed", resource->name);
    }
    hf_auto_buf struct hf_buf path = {0};
    if (hf_path_add(&path, resource, namespace, NULL, err) != 0) {
        return hf_error_wrap(err, "follow %s", resource->name);
    }
    struct hf_follow *follow = hf_calloc(1, sizeof *follow);
    if (!follow) {
        return hf_error_set(err, HF_ENOMEM, "out of memory to follow %s", resource->name);
    }
    follow->cluster = cluster;
    follow->resource = resource;
    follow->events = *events;
    follow->namespace = hf_strdup(namespace);
    follow->timer = hf_timer_new(cluster->loop, on_timer, follow);
    if (!follow->timer || (namespace && !follow->namespace)) {
        hf_follow_free(follow);
        return hf_error_set(err, HF_ENOMEM, "out of memory to follow %s", resource->name);
    }
    follow->link = &cluster->follows;
    follow->next = cluster->follows;
    if (follow->next) {
        follow->next->link = &follow->next;
    }
    cluster->follows = follow;
    hf_timer_set(follow->timer, 0);
    *out = follow;
    return 0;
}
