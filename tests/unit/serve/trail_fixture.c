/* The rest of a trail made up for the tests: of the right form, and as slow or as broken as a test wants it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fixture.h"
#include "holdfast/jsonout.h"

static int begin(struct fake_trail *trail, struct hf_error *err)
{
    int ms = atomic_load(&trail->slow_ms);
    for (int waited = 0; waited < ms && !atomic_load(&trail->is_stopped); waited += 10) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    pthread_mutex_lock(&trail->lock);
    trail->asked++;
    bool broken = trail->broken;
    pthread_mutex_unlock(&trail->lock);
    if (atomic_load(&trail->is_stopped)) {
        return hf_error_set(err, HF_ECANCELED, "stopped");
    }
    return broken ? hf_error_set(err, HF_EIO, "read /var/lib/secret-place/holdfast.db: disk I/O error") : 0;
}

/* The name of an event, as JSON. */
static void add_name(struct hf_buf *out, const char *event)
{
    hf_auto_buf struct hf_buf name = {0};
    const char *at = strstr(event, "\"name\":") + strlen("\"name\":");
    size_t len = 1;
    while (at[len] != '"') {
        len += at[len] == '\\' ? 2 : 1;
    }
    hf_buf_add(&name, at, len + 1);
    hf_out_raw(out, "name", name.ptr);
}

static void add_incident(struct hf_buf *out, int64_t number, const char *event)
{
    char id[24];
    (void)snprintf(id, sizeof id, "inc-%lld", (long long)number);
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "id", id);
    hf_out_int(out, "event", number);
    hf_out_text(out, "outcome", number % 2 ? "open" : "corrected");
    static const char *const TEXTS[] = {"severity", "target",    "space",   "unit",    "api_version",
                                        "kind",     "namespace", "verdict", "manager", "operation",
                                        "user",     "rule",      "message", NULL};
    for (size_t i = 0; TEXTS[i]; i++) {
        hf_out_text(out, TEXTS[i], NULL);
    }
    add_name(out, event);
    hf_out_int(out, "revision", 3);
    hf_out_time(out, "drifted_at", HF_TIME_NONE);
    hf_out_time(out, "seen_at", 1760000000000 + number);
    hf_out_time(out, "ended_at", HF_TIME_NONE);
    hf_out_open(out, "last", '{');
    hf_out_int(out, "id", number + 1);
    hf_out_text(out, "type", "correction.sent");
    hf_out_time(out, "at", 1760000000000 + number);
    hf_out_text(out, "message", NULL);
    hf_out_close(out, '}');
    hf_out_close(out, '}');
}

/* As many incidents as there are events, each of its event. */
static int incidents(void *ctx, const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err)
{
    struct fake_trail *trail = ctx;
    if (begin(trail, err) != 0) {
        return -1;
    }
    pthread_mutex_lock(&trail->lock);
    trail->last = *query;
    int64_t from = query->after_id > 0 ? query->after_id - 1 : trail->count;
    from = from < trail->count ? from : trail->count;
    hf_out_open(out, NULL, '[');
    for (size_t i = 0; i < query->limit && from > 0; i++, from--) {
        add_incident(out, from, trail->events[from - 1]);
    }
    hf_out_close(out, ']');
    pthread_mutex_unlock(&trail->lock);
    return 0;
}

static int incident(void *ctx, const char *id, struct hf_buf *out, struct hf_error *err)
{
    struct fake_trail *trail = ctx;
    struct hf_buf events = {0};
    struct hf_serve_query query = {.incident = id, .limit = 1000, .oldest_first = true};
    if (begin(trail, err) != 0 || fake_trail_table(trail).events(trail, &query, &events, err) != 0) {
        hf_buf_free(&events);
        return -1;
    }
    bool has_some = strcmp(hf_buf_text(&events), "[]") != 0;
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "incident", id);
    hf_out_text(out, "outcome", "open");
    hf_out_text(out, "who", NULL);
    hf_out_raw(out, "items", hf_buf_text(&events));
    hf_out_open(out, "deliveries", '[');
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "channel", "ops");
    hf_out_text(out, "state", "waiting");
    hf_out_time(out, "at", 1760000000000);
    hf_out_int(out, "attempts", 2);
    hf_out_text(out, "last_error", "HTTP 503");
    hf_out_time(out, "due_at", 1760000060000);
    hf_out_close(out, '}');
    hf_out_close(out, ']');
    hf_out_close(out, '}');
    hf_buf_free(&events);
    return has_some ? 0 : hf_error_set(err, HF_ENOTFOUND, "none");
}

static void add_figures(struct hf_buf *out, const char *name, const char *key)
{
    static const char *const COUNTS[] = {"incidents", "open", "corrected", "healed", "dismissed"};
    hf_out_open(out, name, '{');
    if (key) {
        hf_out_text(out, "key", key);
    }
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        hf_out_int(out, COUNTS[i], (int64_t)i);
    }
    for (int i = 0; i < 2; i++) {
        hf_out_open(out, i ? "correct_ms" : "see_ms", '{');
        hf_out_int(out, "p50", 40);
        hf_out_int(out, "p95", 310);
        hf_out_text(out, "max", NULL);
        hf_out_close(out, '}');
    }
    hf_out_close(out, '}');
}

static int stats(void *ctx, enum hf_serve_by by, int64_t since_ms, int64_t until_ms, struct hf_buf *out,
                 struct hf_error *err)
{
    static const char *const BY[] = {"all", "target", "unit", "kind", "namespace", "manager", "user", "path"};
    if (begin(ctx, err) != 0) {
        return -1;
    }
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "by", BY[by]);
    hf_out_time(out, "since", since_ms);
    hf_out_time(out, "until", until_ms);
    if (by == HF_SERVE_BY_ALL) {
        add_figures(out, "all", NULL);
    } else {
        hf_out_open(out, "items", '[');
        add_figures(out, NULL, "one");
        hf_out_close(out, ']');
        hf_out_bool(out, "more", false);
    }
    hf_out_close(out, '}');
    return 0;
}

static int timeline(void *ctx, int64_t since_ms, int64_t until_ms, size_t buckets, struct hf_buf *out,
                    struct hf_error *err)
{
    if (begin(ctx, err) != 0) {
        return -1;
    }
    hf_out_open(out, NULL, '{');
    hf_out_time(out, "since", since_ms);
    hf_out_time(out, "until", until_ms);
    hf_out_open(out, "items", '[');
    for (size_t i = 0; i < buckets; i++) {
        hf_out_open(out, NULL, '{');
        hf_out_time(out, "from", since_ms);
        hf_out_time(out, "to", until_ms);
        hf_out_int(out, "seen", 1);
        hf_out_int(out, "corrected", 1);
        hf_out_int(out, "blocked", 0);
        hf_out_int(out, "open", 0);
        hf_out_close(out, '}');
    }
    hf_out_close(out, ']');
    hf_out_close(out, '}');
    return 0;
}

static int chain(void *ctx, bool verify, struct hf_buf *out, struct hf_error *err)
{
    if (begin(ctx, err) != 0) {
        return -1;
    }
    hf_buf_adds(out,
                "{\"events\":4,\"head\":{\"id\":4,\"digest\":\"sha256:abcd\"},\"verified_at\":null,\"verified\":null");
    hf_out_bool(out, "verifying", verify);
    hf_out_text(out, "problem", NULL);
    hf_out_text(out, "checkpoint", NULL);
    hf_out_close(out, '}');
    return 0;
}

/* A line an id, at most a hundred a piece. */
static int lines(void *ctx, enum hf_serve_form form, const struct hf_serve_query *query, bool begins, int64_t *next_id,
                 struct hf_buf *out, struct hf_error *err)
{
    struct fake_trail *trail = ctx;
    if (begin(trail, err) != 0) {
        return -1;
    }
    if (begins && form == HF_SERVE_CSV) {
        hf_buf_adds(out, "id\r\n");
    }
    int64_t id = query->after_id;
    for (int i = 0; i < 100 && id < query->most_id; i++) {
        hf_buf_addf(out, form == HF_SERVE_CSV ? "%lld\r\n" : "{\"event\":{\"id\":%lld}}\n", (long long)++id);
        atomic_fetch_add(&trail->exported, 1);
    }
    *next_id = id < query->most_id ? id : 0;
    return 0;
}

static int span(void *ctx, int64_t since_ms, int64_t until_ms, int64_t *first, int64_t *last, struct hf_error *err)
{
    struct fake_trail *trail = ctx;
    (void)since_ms;
    (void)until_ms;
    if (begin(trail, err) != 0) {
        return -1;
    }
    *last = trail->lines ? trail->lines : trail->count;
    *first = *last > 0 ? 1 : 0;
    return 0;
}

static void stop(void *ctx)
{
    struct fake_trail *trail = ctx;
    atomic_store(&trail->is_stopped, true);
}

void fake_trail_more(struct hf_serve_trail *table)
{
    table->incidents = incidents;
    table->incident = incident;
    table->stats = stats;
    table->timeline = timeline;
    table->chain = chain;
    table->lines = lines;
    table->span = span;
    table->stop = stop;
}

static int list_rules(void *ctx, struct hf_buf *out, struct hf_error *err)
{
    (void)ctx;
    (void)err;
    hf_buf_adds(out,
                "{\"packs\":[{\"name\":\"security\",\"description\":null,\"file\":\"rules/security.yaml\",\"rules\":["
                "{\"name\":\"images\",\"line\":3,\"description\":\"what <runs>\",\"match\":{\"path\":[\"/spec\"]},"
                "\"severity\":\"critical\",\"fired\":7}]}]}");
    return 0;
}

/* Refuses what the rules' own reader refuses; that is tested where it stands. */
static int explain(void *ctx, const struct hf_serve_wish *wish, struct hf_buf *out, struct hf_error *err)
{
    static const char *const NAMES[] = {"action", "severity", "added", "grace", "limits", "windows", "apply_by"};
    int64_t at;
    (void)ctx;
    if ((wish->labels && !strchr(wish->labels, '=')) || (wish->path && wish->path[0] != '/') ||
        (wish->class && strcmp(wish->class, "changed") != 0) ||
        (wish->at && !hf_time_parse(hf_slice_of(wish->at), &at))) {
        return hf_error_set(err, HF_EINVAL, "found another word");
    }
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "outcome", "drift, put back");
    hf_out_open(out, "decisions", '{');
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        hf_out_open(out, NAMES[i], '{');
        hf_out_text(out, "value", i == 0 && wish->unit_label_count ? wish->unit_labels[0].value : "none");
        hf_out_text(out, "rule", wish->unit);
        hf_out_close(out, '}');
    }
    hf_out_close(out, '}');
    hf_out_open(out, "steps", '[');
    hf_out_close(out, ']');
    hf_out_close(out, '}');
    return 0;
}

struct hf_serve_rules fake_rules_table(void)
{
    return (struct hf_serve_rules){NULL, list_rules, explain};
}
