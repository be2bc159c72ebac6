/* The trail for the pages: each on whatever thread of the server asks, with a borrowed reader. */
#include <string.h>

#include "holdfast/json.h"
#include "holdfast/jsonout.h"
#include "pages.h"

/* Figures of a hundred thousand incidents take some seconds. */
#define COUNTING_MS 9000
#define PIECE_IDS 2000
#define PIECE_BYTES ((size_t)64 << 10)
#define GROUPS 1000
#define INCIDENT_EVENTS 1000

static struct hf_audit_filter filter_of(const struct hf_serve_query *query)
{
    return (struct hf_audit_filter){.after_id = query->after_id,
                                    .most_id = query->most_id,
                                    .since_ms = query->since_ms,
                                    .until_ms = query->until_ms,
                                    .type = query->type,
                                    .incident = query->incident,
                                    .target = query->target,
                                    .space = query->space,
                                    .unit = query->unit,
                                    .kind = query->kind,
                                    .namespace = query->namespace,
                                    .name = query->name,
                                    .manager = query->manager,
                                    .user = query->user,
                                    .severity = query->severity,
                                    .verdict = query->verdict,
                                    .path = query->path,
                                    .class = query->class,
                                    .outcome = query->outcome,
                                    .limit = query->limit,
                                    .newest_first = !query->oldest_first};
}

static int check_room(const struct hf_buf *out, int result, struct hf_error *err)
{
    return result == 0 && !hf_buf_ok(out) ? hf_error_set(err, HF_ENOMEM, "read the trail: out of memory") : result;
}

struct listing {
    struct hf_buf *out;
    size_t count;
};

static bool add_event(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct listing *listing = ctx;
    if (listing->count++ > 0) {
        hf_buf_addc(listing->out, ',');
    }
    hf_audit_event_json(listing->out, id, event, digest);
    return hf_buf_ok(listing->out);
}

static int list_events(void *ctx, const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err)
{
    struct hf_audit_reader *reader;
    struct hf_audit_filter filter = filter_of(query);
    struct listing listing = {out, 0};
    if (hf_pages_borrow(ctx, &reader, err) != 0) {
        return -1;
    }
    hf_buf_addc(out, '[');
    int result = hf_audit_query(reader, &filter, add_event, &listing, err);
    hf_buf_addc(out, ']');
    hf_pages_return(ctx, reader);
    return check_room(out, result, err);
}

/* A member of an event's detail; NULL when it has none. */
static const struct hf_value *detail_member(struct hf_arena *arena, const char *detail, const char *name)
{
    static const struct hf_read_limits LIMITS = {.bytes = 1 << 20, .depth = 64};
    struct hf_error unread = HF_ERROR_INIT;
    const struct hf_value *value;
    if (!detail || !strstr(detail, name) ||
        hf_json_read(arena, detail, strlen(detail), &LIMITS, &value, &unread) != 0) {
        return NULL;
    }
    return hf_value_get(value, name);
}

static void add_last(struct hf_buf *out, const struct hf_audit_incident *incident)
{
    hf_out_open(out, "last", '{');
    hf_out_int(out, "id", incident->last_id);
    hf_out_text(out, "type", incident->last_type);
    hf_out_time(out, "at", incident->last_ms);
    hf_out_text(out, "message", incident->last_message);
    hf_out_close(out, '}');
}

/* What the list and the one have in common. */
static void add_facts(struct hf_buf *out, const struct hf_audit_incident *incident)
{
    const struct hf_audit_event *seen = incident->seen;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *rule = arena ? detail_member(arena, seen->detail, "rule") : NULL;
    hf_out_int(out, "event", incident->first_id);
    hf_out_text(out, "outcome", incident->outcome);
    hf_out_text(out, "severity", seen->severity);
    hf_out_text(out, "target", seen->target);
    hf_out_text(out, "space", seen->space);
    hf_out_text(out, "unit", seen->unit);
    hf_out_int(out, "revision", seen->revision);
    hf_out_text(out, "api_version", seen->api_version);
    hf_out_text(out, "kind", seen->kind);
    hf_out_text(out, "namespace", seen->namespace);
    hf_out_text(out, "name", seen->name);
    hf_out_text(out, "verdict", seen->verdict);
    hf_out_text(out, "manager", seen->manager);
    hf_out_text(out, "operation", seen->operation);
    hf_out_text(out, "user", incident->user);
    hf_out_text(out, "rule", rule ? hf_value_text(rule) : NULL);
    hf_out_time(out, "drifted_at", seen->drifted_at_ms);
    hf_out_time(out, "seen_at", seen->seen_at_ms != HF_TIME_NONE ? seen->seen_at_ms : seen->at_ms);
    hf_out_time(out, "ended_at", incident->ended_ms);
    hf_out_text(out, "message", seen->message);
    add_last(out, incident);
}

static bool add_incident(void *ctx, const struct hf_audit_incident *incident)
{
    struct hf_buf *out = ctx;
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "id", incident->id);
    add_facts(out, incident);
    hf_out_close(out, '}');
    return hf_buf_ok(out);
}

static int list_incidents(void *ctx, const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err)
{
    struct hf_audit_reader *reader;
    struct hf_audit_filter filter = filter_of(query);
    if (hf_pages_borrow(ctx, &reader, err) != 0) {
        return -1;
    }
    hf_out_open(out, NULL, '[');
    int result = hf_audit_incidents(reader, &filter, add_incident, out, err);
    hf_out_close(out, ']');
    hf_pages_return(ctx, reader);
    return check_room(out, result, err);
}

struct one {
    struct hf_buf *out;
    struct listing listing;
    struct hf_buf events;
    struct hf_buf who; /* as an event's detail has it, the newest that does */
    int64_t first_id;
    bool is_seen;
};

static bool add_step(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct one *one = ctx;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *who = arena ? detail_member(arena, event->detail, "who") : NULL;
    one->first_id = one->first_id ? one->first_id : id;
    if (who && who->kind == HF_OBJECT) {
        hf_buf_clear(&one->who);
        hf_json_write(&one->who, who);
    }
    return add_event(&one->listing, id, event, digest);
}

static bool add_seen(void *ctx, const struct hf_audit_incident *incident)
{
    struct one *one = ctx;
    one->is_seen = true;
    one->first_id = incident->first_id;
    add_facts(one->out, incident);
    return false;
}

static bool add_delivery(void *ctx, const struct hf_audit_delivery *delivery)
{
    struct hf_buf *out = ctx;
    bool is_delivered = strcmp(delivery->state, "delivered") == 0;
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "channel", delivery->channel);
    hf_out_text(out, "state", delivery->state);
    hf_out_time(out, "at", delivery->at_ms);
    hf_out_int(out, "attempts", delivery->attempts);
    hf_out_text(out, "last_error", is_delivered ? NULL : delivery->message);
    hf_out_time(out, "due_at", delivery->due_ms);
    hf_out_close(out, '}');
    return hf_buf_ok(out);
}

static int read_incident(struct hf_audit_reader *reader, const char *id, struct one *one, struct hf_error *err)
{
    struct hf_audit_filter steps = {
        .incident = id, .limit = INCIDENT_EVENTS, .since_ms = HF_TIME_NONE, .until_ms = HF_TIME_NONE};
    struct hf_audit_filter first = steps;
    struct hf_buf *out = one->out;
    first.limit = 1;
    if (hf_audit_query(reader, &steps, add_step, one, err) != 0) {
        return -1;
    }
    if (one->listing.count == 0) {
        return hf_error_set(err, HF_ENOTFOUND, "there is no such incident");
    }
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "incident", id);
    if (hf_audit_incidents(reader, &first, add_seen, one, err) != 0) {
        return -1;
    }
    hf_out_raw(out, "who", one->who.len > 0 ? one->who.ptr : "null");
    hf_out_open(out, "items", '[');
    hf_buf_add(out, one->events.ptr, one->events.len);
    hf_out_close(out, ']');
    hf_out_open(out, "deliveries", '[');
    if (hf_audit_deliveries(reader, id, one->first_id, add_delivery, out, err) != 0) {
        return -1;
    }
    hf_out_close(out, ']');
    hf_out_close(out, '}');
    return 0;
}

static int one_incident(void *ctx, const char *id, struct hf_buf *out, struct hf_error *err)
{
    struct hf_audit_reader *reader;
    struct one one = {.out = out};
    one.listing.out = &one.events;
    if (hf_pages_borrow(ctx, &reader, err) != 0) {
        return -1;
    }
    int result = read_incident(reader, id, &one, err);
    hf_pages_return(ctx, reader);
    out->failed |= one.events.failed || one.who.failed;
    hf_buf_free(&one.events);
    hf_buf_free(&one.who);
    return check_room(out, result, err);
}

static void add_times(struct hf_buf *out, const char *name, const int64_t ms[3])
{
    static const char *const RANKS[] = {"p50", "p95", "max"};
    hf_out_open(out, name, '{');
    for (size_t i = 0; i < 3; i++) {
        if (ms[i] < 0) {
            hf_out_text(out, RANKS[i], NULL);
        } else {
            hf_out_int(out, RANKS[i], ms[i]);
        }
    }
    hf_out_close(out, '}');
}

struct figures {
    struct hf_buf *out;
    bool by_all;
    size_t count;
    bool has_more;
};

static bool add_figures(void *ctx, const struct hf_audit_figures *figures)
{
    struct figures *all = ctx;
    struct hf_buf *out = all->out;
    if (all->count == GROUPS) {
        all->has_more = true;
        return false;
    }
    all->count++;
    hf_out_open(out, all->by_all ? "all" : NULL, '{');
    if (!all->by_all) {
        hf_out_text(out, "key", figures->key);
    }
    hf_out_int(out, "incidents", figures->incidents);
    hf_out_int(out, "open", figures->open);
    hf_out_int(out, "corrected", figures->corrected);
    hf_out_int(out, "healed", figures->healed);
    hf_out_int(out, "dismissed", figures->dismissed);
    add_times(out, "see_ms", figures->see_ms);
    add_times(out, "correct_ms", figures->correct_ms);
    hf_out_close(out, '}');
    return hf_buf_ok(out);
}

static int stats(void *ctx, enum hf_serve_by by, int64_t since_ms, int64_t until_ms, struct hf_buf *out,
                 struct hf_error *err)
{
    static const struct {
        const char *name;
        enum hf_audit_by by;
    } BY[HF_SERVE_BY_COUNT] = {{"all", HF_BY_ALL},
                               {"target", HF_BY_TARGET},
                               {"unit", HF_BY_UNIT},
                               {"kind", HF_BY_KIND},
                               {"namespace", HF_BY_NAMESPACE},
                               {"manager", HF_BY_MANAGER},
                               {"user", HF_BY_USER},
                               {"path", HF_BY_PATH}};
    struct hf_audit_reader *reader;
    struct figures figures = {.out = out, .by_all = by == HF_SERVE_BY_ALL};
    if (hf_pages_borrow(ctx, &reader, err) != 0) {
        return -1;
    }
    hf_audit_reader_limit(reader, COUNTING_MS);
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "by", BY[by].name);
    hf_out_time(out, "since", since_ms);
    hf_out_time(out, "until", until_ms);
    if (!figures.by_all) {
        hf_out_open(out, "items", '[');
    }
    int result = hf_audit_figures(reader, BY[by].by, since_ms, until_ms, add_figures, &figures, err);
    hf_pages_return(ctx, reader);
    if (figures.by_all && figures.count == 0) {
        add_figures(&figures, &(struct hf_audit_figures){.see_ms = {-1, -1, -1}, .correct_ms = {-1, -1, -1}});
    }
    if (!figures.by_all) {
        hf_out_close(out, ']');
        hf_out_bool(out, "more", figures.has_more);
    }
    hf_out_close(out, '}');
    return check_room(out, result, err);
}

static int timeline(void *ctx, int64_t since_ms, int64_t until_ms, size_t count, struct hf_buf *out,
                    struct hf_error *err)
{
    struct hf_audit_reader *reader;
    struct hf_audit_bucket *buckets = hf_calloc(count, sizeof *buckets);
    if (!buckets) {
        return hf_error_set(err, HF_ENOMEM, "read the trail: out of memory");
    }
    int result = hf_pages_borrow(ctx, &reader, err);
    if (result == 0) {
        hf_audit_reader_limit(reader, COUNTING_MS);
        result = hf_audit_timeline(reader, since_ms, until_ms, buckets, count, err);
        hf_pages_return(ctx, reader);
    }
    hf_out_open(out, NULL, '{');
    hf_out_time(out, "since", since_ms);
    hf_out_time(out, "until", until_ms);
    hf_out_open(out, "items", '[');
    for (size_t i = 0; result == 0 && i < count; i++) {
        hf_out_open(out, NULL, '{');
        hf_out_time(out, "from", buckets[i].from_ms);
        hf_out_time(out, "to", buckets[i].to_ms);
        hf_out_int(out, "seen", buckets[i].seen);
        hf_out_int(out, "corrected", buckets[i].corrected);
        hf_out_int(out, "blocked", buckets[i].blocked);
        hf_out_int(out, "open", buckets[i].open);
        hf_out_close(out, '}');
    }
    hf_out_close(out, ']');
    hf_out_close(out, '}');
    free(buckets);
    return check_room(out, result, err);
}

struct piece {
    struct hf_buf *out;
    int64_t last_id;
    bool is_full;
};

static bool go_on(struct piece *piece, int64_t id)
{
    piece->last_id = id;
    piece->is_full = piece->out->len >= PIECE_BYTES;
    return !piece->is_full && hf_buf_ok(piece->out);
}

static bool add_line(void *ctx, int64_t id, const char *digest, struct hf_slice canonical)
{
    struct piece *piece = ctx;
    hf_audit_export_line(piece->out, digest, canonical);
    return go_on(piece, id);
}

static bool add_csv(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct piece *piece = ctx;
    hf_audit_event_csv(piece->out, id, event, digest);
    return go_on(piece, id);
}

static int lines(void *ctx, enum hf_serve_form form, const struct hf_serve_query *query, bool begins, int64_t *next_id,
                 struct hf_buf *out, struct hf_error *err)
{
    struct hf_audit_reader *reader;
    struct hf_audit_filter filter = filter_of(query);
    struct piece piece = {.out = out};
    filter.newest_first = false;
    filter.limit = PIECE_IDS;
    *next_id = 0;
    if (begins && form == HF_SERVE_CSV) {
        hf_audit_csv_names(out);
    }
    if (query->most_id == 0 || query->after_id >= query->most_id) {
        return check_room(out, 0, err);
    }
    if (query->most_id - query->after_id > PIECE_IDS) {
        filter.most_id = query->after_id + PIECE_IDS;
    }
    if (hf_pages_borrow(ctx, &reader, err) != 0) {
        return -1;
    }
    int result = form == HF_SERVE_CSV ? hf_audit_query(reader, &filter, add_csv, &piece, err)
                                      : hf_audit_export_some(reader, &filter, add_line, &piece, err);
    hf_pages_return(ctx, reader);
    int64_t reached = piece.is_full ? piece.last_id : filter.most_id;
    *next_id = reached < query->most_id ? reached : 0;
    return check_room(out, result, err);
}

static bool keep_id(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    (void)event;
    (void)digest;
    *(int64_t *)ctx = id;
    return false;
}

static int span(void *ctx, int64_t since_ms, int64_t until_ms, int64_t *first, int64_t *last, struct hf_error *err)
{
    struct hf_audit_reader *reader;
    struct hf_audit_filter filter = {.limit = 1, .since_ms = since_ms, .until_ms = until_ms};
    *first = 0;
    *last = 0;
    if (hf_pages_borrow(ctx, &reader, err) != 0) {
        return -1;
    }
    int result = hf_audit_query(reader, &filter, keep_id, first, err);
    filter.newest_first = true;
    if (result == 0) {
        result = hf_audit_query(reader, &filter, keep_id, last, err);
    }
    hf_pages_return(ctx, reader);
    return result;
}

void hf_pages_trail_table(struct run_pages *pages, struct hf_serve_trail *out)
{
    *out = (struct hf_serve_trail){.ctx = pages,
                                   .events = list_events,
                                   .incidents = list_incidents,
                                   .incident = one_incident,
                                   .stats = stats,
                                   .timeline = timeline,
                                   .chain = hf_pages_chain,
                                   .lines = lines,
                                   .span = span,
                                   .stop = hf_pages_stop};
}
