/* Reading: incidents, a page at a time, and how many there were over time. */
#include <string.h>

#include "trail.h"

#define DIGEST_AND_ENDS                                                                                                \
    ", s.digest, e.id, e.type, coalesce(e.corrected_at, e.at), l.id, l.type, l.at, l.message,"                         \
    " (SELECT " HF_WHO_USER("w.detail") " FROM events w WHERE w.incident = s.incident"                                 \
                                        " AND w.type IN ('drift.seen', 'extra.seen', 'drift.attributed')"              \
                                        " AND " HF_WHO_USER("w.detail") " IS NOT NULL ORDER BY w.id LIMIT 1)"
/* As v_incidents, of one incident. */
#define FROM_ONE                                                                                                       \
    " FROM events s LEFT JOIN events e ON e.id = (SELECT max(x.id) FROM events x WHERE x.incident = s.incident"        \
    " AND x.type IN " HF_ENDING_TYPES " AND x.id > (SELECT max(y.id) FROM events y WHERE y.incident = s.incident"      \
    " AND y.type IN " HF_OPENING_TYPES "))"                                                                            \
    " LEFT JOIN events l ON l.id = (SELECT max(m.id) FROM events m WHERE m.incident = s.incident)"                     \
    " WHERE s.id = ?1"

static const char *text_at(sqlite3_stmt *statement, int at)
{
    return (const char *)sqlite3_column_text(statement, at);
}

static int64_t time_at(sqlite3_stmt *statement, int at)
{
    int64_t ms;
    const char *text = text_at(statement, at);
    return text && hf_time_parse(hf_slice_of(text), &ms) ? ms : HF_TIME_NONE;
}

static const char *outcome_of(const char *end)
{
    if (!end) {
        return "open";
    }
    return strcmp(end, "drift.healed") == 0      ? "healed"
           : strcmp(end, "drift.dismissed") == 0 ? "dismissed"
                                                 : "corrected";
}

static int tell_one(sqlite3_stmt *statement, hf_audit_incident_fn fn, void *ctx, bool *go_on, struct hf_error *err)
{
    enum { AFTER = HF_COLUMN_COUNT + 1 };
    struct hf_row row;
    struct hf_audit_event seen;
    int64_t id = sqlite3_column_int64(statement, 0);
    if (hf_row_from_statement(&row, id, statement, 1, err) != 0) {
        return -1;
    }
    hf_row_to_event(&row, &seen);
    struct hf_audit_incident incident = {.id = seen.incident,
                                         .seen = &seen,
                                         .first_id = id,
                                         .outcome = outcome_of(text_at(statement, AFTER + 2)),
                                         .ended_ms = time_at(statement, AFTER + 3),
                                         .last_id = sqlite3_column_int64(statement, AFTER + 4),
                                         .last_type = text_at(statement, AFTER + 5),
                                         .last_ms = time_at(statement, AFTER + 6),
                                         .last_message = text_at(statement, AFTER + 7),
                                         .user = text_at(statement, AFTER + 8)};
    *go_on = fn(ctx, &incident);
    return 0;
}

static int prepare_one(sqlite3 *db, sqlite3_stmt **out, struct hf_error *err)
{
    hf_auto_buf struct hf_buf sql = {0};
    hf_buf_adds(&sql, "SELECT s.id");
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        hf_buf_addf(&sql, ", s.%s", hf_columns[i].name);
    }
    hf_buf_adds(&sql, DIGEST_AND_ENDS FROM_ONE);
    return hf_buf_ok(&sql) ? hf_store_prepare(db, sql.ptr, out, err)
                           : hf_error_set(err, HF_ENOMEM, "read incidents: out of memory");
}

static int tell_all(struct hf_audit_reader *reader, const int64_t *ids, size_t count, hf_audit_incident_fn fn,
                    void *ctx, struct hf_error *err)
{
    sqlite3_stmt *statement;
    bool go_on = true;
    int status = 0;
    if (count == 0) {
        return 0;
    }
    if (prepare_one(reader->db, &statement, err) != 0) {
        return -1;
    }
    for (size_t i = 0; status == 0 && go_on && i < count; i++) {
        sqlite3_bind_int64(statement, 1, ids[i]);
        int result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            status = tell_one(statement, fn, ctx, &go_on, err);
        } else if (result != SQLITE_DONE) {
            status = hf_store_error(reader->db, err, "read incidents");
        }
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return status;
}

int hf_audit_incidents(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, hf_audit_incident_fn fn,
                       void *ctx, struct hf_error *err)
{
    size_t most = filter->limit ? filter->limit : 100;
    size_t count = 0;
    most = most < HF_AUDIT_INCIDENTS_MOST ? most : HF_AUDIT_INCIDENTS_MOST;
    int64_t *ids = hf_calloc(most, sizeof *ids);
    if (!ids) {
        return hf_error_set(err, HF_ENOMEM, "read incidents: out of memory");
    }
    int status = hf_query_sightings(reader, filter, ids, most, &count, err);
    if (status == 0) {
        status = tell_all(reader, ids, count, fn, ctx, err);
    }
    free(ids);
    return status;
}

/* What happened in a span, by what is counted. Each names its time first. ?1: from then on. */
enum counted { SEEN, CORRECTED, BLOCKED, OTHERWISE };
#define SINCE_ID " AND id >= (SELECT min(id) FROM events INDEXED BY events_at WHERE at >= ?1)"
static const char *const COUNTED[] = {
    /* The index alone is read. A time that is not one of ours sorts where it likes. */
    [SEEN] = "SELECT seen_at FROM events INDEXED BY events_seen WHERE type IN " HF_SEEN_TYPES " AND seen_at >= ?1",
    [CORRECTED] = "SELECT at FROM events WHERE type = 'correction.confirmed'" SINCE_ID,
    [BLOCKED] = "SELECT at FROM events WHERE type = 'correction.blocked'" SINCE_ID,
    /* A rollout ends so too, and was never counted as seen. */
    [OTHERWISE] =
        "SELECT at FROM events o WHERE type IN ('rollout.confirmed', 'drift.healed', 'drift.dismissed')"
        " AND EXISTS (SELECT 1 FROM events z WHERE z.incident = o.incident AND z.type IN " HF_SEEN_TYPES ")" SINCE_ID,
};

struct timeline {
    struct hf_audit_bucket *buckets; /* and one for what came later */
    size_t count;
    int64_t since_ms;
    int64_t until_ms;
};

static void add_at(struct timeline *timeline, enum counted what, int64_t ms, int64_t *ended)
{
    if (ms == HF_TIME_NONE || ms < timeline->since_ms) {
        return;
    }
    int64_t span = timeline->until_ms - timeline->since_ms;
    size_t at = timeline->count;
    if (ms < timeline->until_ms) {
        at = (size_t)((ms - timeline->since_ms) * (int64_t)timeline->count / span);
    }
    struct hf_audit_bucket *bucket = &timeline->buckets[at];
    bucket->seen += what == SEEN;
    bucket->corrected += what == CORRECTED;
    bucket->blocked += what == BLOCKED;
    ended[at] += what == CORRECTED || what == OTHERWISE;
}

static int count_one(sqlite3 *db, struct timeline *timeline, enum counted what, int64_t *ended, struct hf_error *err)
{
    sqlite3_stmt *statement;
    char since[HF_TIME_TEXT];
    int result;
    if (hf_store_prepare(db, COUNTED[what], &statement, err) != 0) {
        return -1;
    }
    hf_time_format(timeline->since_ms, since);
    hf_bind_text(statement, 1, since);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        add_at(timeline, what, time_at(statement, 0), ended);
    }
    int status = result == SQLITE_DONE ? 0 : hf_store_error(db, err, "count incidents over time");
    sqlite3_finalize(statement);
    return status;
}

/* Backwards from what is open now: less what was seen after, and what had ended by now was open then. */
static void work_out_open(struct timeline *timeline, const int64_t *ended, int64_t open_now)
{
    int64_t open = open_now;
    for (size_t i = timeline->count + 1; i-- > 0;) {
        struct hf_audit_bucket *bucket = &timeline->buckets[i];
        bucket->open = open > 0 ? open : 0;
        open += ended[i] - bucket->seen;
    }
}

static int fill(struct hf_audit_reader *reader, struct timeline *timeline, struct hf_error *err)
{
    int64_t open_now;
    int64_t *ended = hf_calloc(timeline->count + 1, sizeof *ended);
    if (!ended) {
        return hf_error_set(err, HF_ENOMEM, "count incidents over time: out of memory");
    }
    /* One snapshot: what is open now and what ended must be of the same moment. */
    int status = hf_store_exec(reader->db, "BEGIN", err);
    if (status == 0) {
        status = hf_store_integer(reader->db,
                                  "SELECT count(*) FROM open_incidents o WHERE EXISTS (SELECT 1 FROM events s"
                                  " WHERE s.incident = o.incident AND s.type IN " HF_SEEN_TYPES ")",
                                  &open_now, err);
        for (enum counted what = SEEN; status == 0 && what <= OTHERWISE; what++) {
            status = count_one(reader->db, timeline, what, ended, err);
        }
        (void)sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
    }
    if (status == 0) {
        work_out_open(timeline, ended, open_now);
    }
    free(ended);
    return status;
}

int hf_audit_timeline(struct hf_audit_reader *reader, int64_t since_ms, int64_t until_ms,
                      struct hf_audit_bucket *buckets, size_t count, struct hf_error *err)
{
    if (count == 0 || count > HF_AUDIT_BUCKETS_MOST || until_ms <= since_ms) {
        return hf_error_set(err, HF_EINVAL, "a timeline is of 1 to %d parts of a span of time", HF_AUDIT_BUCKETS_MOST);
    }
    struct timeline timeline = {hf_calloc(count + 1, sizeof *buckets), count, since_ms, until_ms};
    if (!timeline.buckets) {
        return hf_error_set(err, HF_ENOMEM, "count incidents over time: out of memory");
    }
    int64_t span = until_ms - since_ms;
    for (size_t i = 0; i < count; i++) {
        timeline.buckets[i].from_ms = since_ms + span * (int64_t)i / (int64_t)count;
        timeline.buckets[i].to_ms = since_ms + span * (int64_t)(i + 1) / (int64_t)count;
    }
    int status = fill(reader, &timeline, err);
    if (status == 0) {
        memcpy(buckets, timeline.buckets, count * sizeof *buckets);
    }
    free(timeline.buckets);
    return status;
}
