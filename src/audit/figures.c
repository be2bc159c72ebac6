/* How many incidents, how long until seen and corrected: by unit, person, path. */
#include <string.h>

#include "trail.h"

/* Numbers of one group, gathered before they are sorted. */
struct times {
    int64_t *ms;
    size_t count;
    size_t cap;
};

struct group {
    struct hf_buf key;
    bool is_open;
    struct hf_audit_figures figures;
    struct times see;
    struct times correct;
};

static const char *const KEYS[] = {
    [HF_BY_ALL] = "''",
    [HF_BY_TARGET] = "coalesce(s.target, '')",
    [HF_BY_UNIT] = "CASE WHEN s.unit IS NULL THEN '' ELSE coalesce(s.space || '/', '') || s.unit END",
    [HF_BY_KIND] = "coalesce(s.kind, '')",
    [HF_BY_NAMESPACE] = "coalesce(s.namespace, '')",
    [HF_BY_MANAGER] = "coalesce(s.manager, '')",
    [HF_BY_USER] = "coalesce((SELECT " HF_WHO_USER(
        "w.detail") " FROM events w WHERE w.incident = s.incident"
                    " AND w.type IN ('drift.seen', 'extra.seen', 'drift.attributed') AND " HF_WHO_USER(
                        "w.detail") " IS NOT NULL"
                                    " ORDER BY w.id LIMIT 1), '')",
    [HF_BY_PATH] = "coalesce(json_extract(f.value, '$.readable'), json_extract(f.value, '$.path'), '')",
};

/* As v_incidents: the first event of each incident, and what ended it after it was last seen: the newest of those that
 * open and end, where it is one that ends. Of an incident's few events one look at its index tells all (hence the
 * "+"), and a day's are found by when they were seen, not by their type (hence the likelihood). */
#define FROM_INCIDENTS                                                                                                 \
    " FROM events s LEFT JOIN events e ON e.id = (SELECT max(x.id) FROM events x WHERE x.incident = s.incident"        \
    " AND (+x.type IN " HF_ENDING_TYPES " OR +x.type IN " HF_OPENING_TYPES ")) AND +e.type IN " HF_ENDING_TYPES
#define WHERE_INCIDENTS                                                                                                \
    " WHERE s.type IN " HF_SEEN_TYPES " AND s.incident IS NOT NULL AND likelihood(s.seen_at >= ?1, 0.000001)"          \
    " AND s.seen_at < ?2 AND s.id = (SELECT min(z.id) FROM events z WHERE z.incident = s.incident"                     \
    " AND +z.type IN " HF_SEEN_TYPES ")"

static int add_time(struct times *times, int64_t from, int64_t to)
{
    if (from == HF_TIME_NONE || to == HF_TIME_NONE) {
        return 0;
    }
    if (times->count == times->cap) {
        size_t cap = times->cap ? times->cap * 2 : 64;
        int64_t *more = hf_reallocarray(times->ms, cap, sizeof *more);
        if (!more) {
            return -1;
        }
        times->ms = more;
        times->cap = cap;
    }
    /* Clocks of two machines: what was seen before it happened was seen at once. */
    times->ms[times->count++] = to > from ? to - from : 0;
    return 0;
}

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void rank(struct times *times, int64_t out[3])
{
    size_t count = times->count;
    if (count == 0) {
        out[0] = out[1] = out[2] = -1;
        return;
    }
    qsort(times->ms, count, sizeof *times->ms, by_size);
    out[0] = times->ms[(count + 1) / 2 - 1];
    out[1] = times->ms[(count * 95 + 99) / 100 - 1];
    out[2] = times->ms[count - 1];
}

static bool close_group(struct group *group, hf_audit_figures_fn fn, void *ctx)
{
    if (!group->is_open) {
        return true;
    }
    group->is_open = false;
    rank(&group->see, group->figures.see_ms);
    rank(&group->correct, group->figures.correct_ms);
    group->figures.key = hf_buf_text(&group->key);
    return fn(ctx, &group->figures);
}

static int open_group(struct group *group, const char *key, struct hf_error *err)
{
    hf_buf_clear(&group->key);
    hf_buf_adds(&group->key, key);
    memset(&group->figures, 0, sizeof group->figures);
    group->see.count = 0;
    group->correct.count = 0;
    group->is_open = true;
    return hf_buf_ok(&group->key) ? 0 : hf_error_set(err, HF_ENOMEM, "count incidents: out of memory");
}

static int64_t time_at(sqlite3_stmt *statement, int at)
{
    int64_t ms;
    const char *text = (const char *)sqlite3_column_text(statement, at);
    return text && hf_time_parse(hf_slice_of(text), &ms) ? ms : HF_TIME_NONE;
}

static int add_incident(struct group *group, sqlite3_stmt *statement, struct hf_error *err)
{
    const char *end = (const char *)sqlite3_column_text(statement, 4);
    int64_t seen = time_at(statement, 2);
    struct hf_audit_figures *figures = &group->figures;
    int status = add_time(&group->see, time_at(statement, 1), seen);
    figures->incidents++;
    if (!end) {
        figures->open++;
    } else if (strcmp(end, "correction.confirmed") == 0 || strcmp(end, "rollout.confirmed") == 0) {
        figures->corrected++;
        status |= add_time(&group->correct, seen, time_at(statement, 3));
    } else if (strcmp(end, "drift.healed") == 0) {
        figures->healed++;
    } else {
        figures->dismissed++;
    }
    return status == 0 ? 0 : hf_error_set(err, HF_ENOMEM, "count incidents: out of memory");
}

static int walk(sqlite3 *db, sqlite3_stmt *statement, struct group *group, hf_audit_figures_fn fn, void *ctx,
                struct hf_error *err)
{
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        const char *key = text ? text : "";
        if (!group->is_open || strcmp(hf_buf_text(&group->key), key) != 0) {
            if (!close_group(group, fn, ctx)) {
                return 0;
            }
            if (open_group(group, key, err) != 0) {
                return -1;
            }
        }
        if (add_incident(group, statement, err) != 0) {
            return -1;
        }
    }
    if (result != SQLITE_DONE) {
        return hf_store_error(db, err, "count incidents");
    }
    (void)close_group(group, fn, ctx);
    return 0;
}

void hf_figures_sql(struct hf_buf *sql, enum hf_audit_by by)
{
    /* DISTINCT: a path named by two findings is one. */
    hf_buf_addf(sql,
                "SELECT %s %s, s.drifted_at, s.seen_at, coalesce(e.corrected_at, e.at), e.type, s.id" FROM_INCIDENTS,
                by == HF_BY_PATH ? "DISTINCT" : "", KEYS[by]);
    if (by == HF_BY_PATH) {
        hf_buf_adds(sql, " JOIN json_each(CASE WHEN json_valid(s.detail) THEN s.detail ELSE '{}' END, '$.findings') f");
    }
    hf_buf_adds(sql, WHERE_INCIDENTS " ORDER BY 1");
}

int hf_audit_figures(struct hf_audit_reader *reader, enum hf_audit_by by, int64_t since_ms, int64_t until_ms,
                     hf_audit_figures_fn fn, void *ctx, struct hf_error *err)
{
    hf_auto_buf struct hf_buf sql = {0};
    sqlite3_stmt *statement;
    struct group group = {0};
    char since[HF_TIME_TEXT];
    char until[HF_TIME_TEXT];
    hf_figures_sql(&sql, by);
    if (!hf_buf_ok(&sql)) {
        return hf_error_set(err, HF_ENOMEM, "count incidents: out of memory");
    }
    if (hf_store_prepare(reader->db, sql.ptr, &statement, err) != 0) {
        return -1;
    }
    hf_time_format(since_ms, since);
    hf_time_format(until_ms, until);
    hf_bind_text(statement, 1, since);
    hf_bind_text(statement, 2, *until ? until : "9999-12-31T23:59:59.999Z");
    int status = walk(reader->db, statement, &group, fn, ctx, err);
    sqlite3_finalize(statement);
    hf_buf_free(&group.key);
    free(group.see.ms);
    free(group.correct.ms);
    return status;
}
