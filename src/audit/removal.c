/* What can go from the beginning of a trail, and the event that tells that it went: the tombstone. */
#include <stdio.h>
#include <string.h>

#include "holdfast/audit_keep.h"
#include "holdfast/json.h"
#include "trail.h"

#define TELLING "type = '" HF_REMOVED "'"

void hf_removal_detail(struct hf_buf *out, const struct hf_audit_removal *removal)
{
    hf_buf_addf(out, "{\"count\":%lld,\"export\":{\"bytes\":%lld,\"digest\":\"%s\",\"file\":",
                (long long)(removal->last_id - removal->first_id + 1), (long long)removal->file_bytes,
                removal->file_digest);
    hf_buf_add_json(out, hf_slice_of(removal->file));
    hf_buf_addf(out, "},\"first_id\":%lld,\"last_digest\":\"%s\",\"last_id\":%lld,\"previous\":\"%s\"}",
                (long long)removal->first_id, removal->digest, (long long)removal->last_id, removal->previous);
}

static bool take_text(const struct hf_value *value, char *out, size_t size)
{
    const char *text = hf_value_text(value);
    if (!text || strlen(text) >= size) {
        return false;
    }
    (void)snprintf(out, size, "%s", text);
    return true;
}

bool hf_removal_parse(struct hf_slice detail, int64_t event_id, struct hf_audit_removal *out)
{
    struct hf_error ignored = HF_ERROR_INIT;
    const struct hf_value *value;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    memset(out, 0, sizeof *out);
    out->event_id = event_id;
    return arena && hf_json_read(arena, detail.ptr, detail.len, NULL, &value, &ignored) == 0 &&
           hf_value_int(hf_value_get(value, "first_id"), &out->first_id) && out->first_id >= 1 &&
           hf_value_int(hf_value_get(value, "last_id"), &out->last_id) && out->last_id >= out->first_id &&
           out->last_id < event_id && take_text(hf_value_get(value, "previous"), out->previous, sizeof out->previous) &&
           take_text(hf_value_get(value, "last_digest"), out->digest, sizeof out->digest) &&
           take_text(hf_value_path(value, "export", "digest", NULL), out->file_digest, sizeof out->file_digest) &&
           take_text(hf_value_path(value, "export", "file", NULL), out->file, sizeof out->file) &&
           hf_value_int(hf_value_path(value, "export", "bytes", NULL), &out->file_bytes);
}

int hf_audit_removals(struct hf_audit_reader *reader, hf_audit_removal_fn fn, void *ctx, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(reader->db, "SELECT id, detail FROM events WHERE " TELLING " ORDER BY id", &statement, err) !=
        0) {
        return -1;
    }
    int result = SQLITE_DONE;
    bool go_on = true;
    while (go_on && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct hf_audit_removal removal;
        struct hf_slice detail = hf_slice_of((const char *)sqlite3_column_text(statement, 1));
        if (hf_removal_parse(detail, sqlite3_column_int64(statement, 0), &removal)) {
            go_on = fn(ctx, &removal);
        }
    }
    int status = go_on && result != SQLITE_DONE ? hf_store_error(reader->db, err, "read the removals") : 0;
    sqlite3_finalize(statement);
    return status;
}

struct finding {
    int64_t last_id;
    struct hf_audit_removal *out;
};

static bool find_one(void *ctx, const struct hf_audit_removal *removal)
{
    struct finding *finding = ctx;
    if (removal->last_id == finding->last_id) {
        *finding->out = *removal;
    }
    return true;
}

int hf_removal_before(sqlite3 *db, int64_t first_id, struct hf_audit_removal *out, struct hf_error *err)
{
    struct hf_audit_reader reader = {.db = db};
    struct finding finding = {first_id - 1, out};
    memset(out, 0, sizeof *out);
    return hf_audit_removals(&reader, find_one, &finding, err);
}

struct bound {
    const char *sql;
    const char *why;
};

/* Ids from which on nothing goes. A row that is not there is no bound. */
static const struct bound BOUNDS[] = {
    {"SELECT max(id) FROM events", "it is the newest one"},
    {"SELECT min(event_id) FROM outbox", "an alert of it has not arrived yet"},
    {"SELECT min(first_id) FROM open_incidents", "its incident is open"},
};

static int apply_bounds(sqlite3 *db, int64_t before_ms, struct hf_audit_removal *out, const char **why,
                        struct hf_error *err)
{
    char before[HF_TIME_TEXT];
    hf_auto_buf struct hf_buf sql = {0};
    int64_t at;
    hf_time_format(before_ms, before);
    hf_buf_addf(&sql, "SELECT min(id) FROM events INDEXED BY events_at WHERE at >= '%s'", before);
    if (!hf_buf_ok(&sql)) {
        return hf_error_set(err, HF_ENOMEM, "plan a removal: out of memory");
    }
    if (hf_store_integer(db, sql.ptr, &at, err) != 0) {
        return -1;
    }
    if (at > 0 && at <= out->last_id) {
        out->last_id = at - 1;
        *why = "it is not old enough";
    }
    for (size_t i = 0; i < sizeof BOUNDS / sizeof BOUNDS[0]; i++) {
        if (hf_store_integer(db, BOUNDS[i].sql, &at, err) != 0) {
            return -1;
        }
        if (at > 0 && at <= out->last_id) {
            out->last_id = at - 1;
            *why = BOUNDS[i].why;
        }
    }
    return 0;
}

/* The last row up to which every incident is either wholly before or wholly behind. */
static int keep_incidents_whole(sqlite3 *db, struct hf_audit_removal *out, const char **why, struct hf_error *err)
{
    sqlite3_stmt *statement;
    int64_t reach = 0;
    int64_t whole = out->first_id - 1;
    if (hf_store_prepare(db,
                         "SELECT e.id, (SELECT max(x.id) FROM events x WHERE x.incident = e.incident)"
                         " FROM events e WHERE e.id BETWEEN ?1 AND ?2 ORDER BY e.id",
                         &statement, err) != 0) {
        return -1;
    }
    sqlite3_bind_int64(statement, 1, out->first_id);
    sqlite3_bind_int64(statement, 2, out->last_id);
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(statement, 0);
        int64_t end = sqlite3_column_int64(statement, 1);
        reach = end > reach ? end : reach;
        whole = reach <= id ? id : whole;
    }
    int status = result == SQLITE_DONE ? 0 : hf_store_error(db, err, "plan a removal");
    sqlite3_finalize(statement);
    if (whole < out->last_id) {
        out->last_id = whole;
        *why = "its incident goes on behind it";
    }
    return status;
}

static int read_ends(sqlite3 *db, struct hf_audit_removal *out, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(db, "SELECT digest, at FROM events WHERE id = ?1", &statement, err) != 0) {
        return -1;
    }
    sqlite3_bind_int64(statement, 1, out->last_id);
    int result = sqlite3_step(statement);
    int status =
        result == SQLITE_ROW ? 0 : hf_error_set(err, HF_ECORRUPT, "event %lld is missing", (long long)out->last_id);
    if (status == 0) {
        const char *digest = (const char *)sqlite3_column_text(statement, 0);
        const char *at = (const char *)sqlite3_column_text(statement, 1);
        (void)snprintf(out->digest, sizeof out->digest, "%s", digest ? digest : "");
        if (!hf_time_parse(hf_slice_of(at), &out->last_at_ms)) {
            out->last_at_ms = HF_TIME_NONE;
        }
    }
    sqlite3_finalize(statement);
    if (status == 0 && out->first_id > 1) {
        struct hf_audit_removal before;
        status = hf_removal_before(db, out->first_id, &before, err);
        if (status == 0 && before.event_id == 0) {
            return hf_error_set(err, HF_ECORRUPT, "event %lld is missing, and nothing tells that it was removed",
                                (long long)out->first_id - 1);
        }
        (void)snprintf(out->previous, sizeof out->previous, "%s", before.digest);
    } else {
        (void)snprintf(out->previous, sizeof out->previous, "%s", HF_CHAIN_START);
    }
    return status;
}

static int plan(sqlite3 *db, int64_t before_ms, int64_t most, struct hf_audit_removal *out, struct hf_buf *why,
                struct hf_error *err)
{
    const char *bound = "it goes next";
    if (hf_store_integer(db, "SELECT min(id) FROM events", &out->first_id, err) != 0 ||
        hf_store_integer(db, "SELECT max(id) FROM events", &out->head_id, err) != 0) {
        return -1;
    }
    bool is_empty = out->first_id == 0;
    out->last_id = out->first_id + most - 1;
    if (!is_empty &&
        (apply_bounds(db, before_ms, out, &bound, err) != 0 || keep_incidents_whole(db, out, &bound, err) != 0)) {
        return -1;
    }
    if (why && !is_empty) {
        hf_buf_addf(why, "event %lld stays: %s", (long long)out->last_id + 1, bound);
    }
    if (is_empty || out->last_id < out->first_id) {
        out->first_id = 0;
        return 0;
    }
    (void)snprintf(out->file, sizeof out->file, "holdfast-%lld-%lld.jsonl", (long long)out->first_id,
                   (long long)out->last_id);
    return read_ends(db, out, err);
}

int hf_audit_removal_plan(struct hf_audit_reader *reader, int64_t before_ms, int64_t most, struct hf_audit_removal *out,
                          struct hf_buf *why, struct hf_error *err)
{
    memset(out, 0, sizeof *out);
    out->last_at_ms = HF_TIME_NONE;
    if (hf_store_exec(reader->db, "BEGIN", err) != 0) {
        return -1;
    }
    int status = plan(reader->db, before_ms, most, out, why, err);
    sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
    return status;
}
