/* The removal itself, in the writer's transaction: the event that tells of it, the permission, the rows. */
#include <stdio.h>
#include <string.h>

#include "holdfast/audit_keep.h"
#include "trail.h"

struct hold {
    const char *sql; /* of ?1 first, ?2 last id, ?3 head: how many stand against it */
    const char *why;
};

static const struct hold HOLDS[] = {
    {"SELECT count(*) FROM events WHERE id < ?1", "older ones are there"},
    {"SELECT ?2 - ?1 + 1 - count(*) FROM events WHERE id BETWEEN ?1 AND ?2", "they are not all there"},
    {"SELECT NOT EXISTS (SELECT 1 FROM events WHERE id > ?2)", "nothing is behind them"},
    {"SELECT count(*) FROM outbox WHERE event_id <= ?2", "an alert of them waits"},
    {"SELECT count(*) FROM open_incidents WHERE first_id <= ?2", "an incident of them is open"},
    {"SELECT count(*) FROM events n WHERE n.id > ?3 AND EXISTS"
     " (SELECT 1 FROM events o WHERE o.incident = n.incident AND o.id <= ?2)",
     "an incident of them goes on"},
};

static int check(sqlite3 *db, const struct hf_audit_removal *removal, struct hf_error *refusal, struct hf_error *err)
{
    for (size_t i = 0; i < sizeof HOLDS / sizeof HOLDS[0]; i++) {
        sqlite3_stmt *statement;
        if (hf_store_prepare(db, HOLDS[i].sql, &statement, err) != 0) {
            return -1;
        }
        const int64_t ids[] = {removal->first_id, removal->last_id, removal->head_id};
        for (int at = 0; at < sqlite3_bind_parameter_count(statement); at++) {
            sqlite3_bind_int64(statement, at + 1, ids[at]);
        }
        int result = sqlite3_step(statement);
        bool stands = result == SQLITE_ROW && sqlite3_column_int64(statement, 0) != 0;
        int status = result == SQLITE_ROW ? 0 : hf_store_error(db, err, "remove events");
        sqlite3_finalize(statement);
        if (status != 0) {
            return -1;
        }
        if (stands) {
            (void)hf_error_set(refusal, HF_ECONFLICT, "events %lld to %lld stay: %s", (long long)removal->first_id,
                               (long long)removal->last_id, HOLDS[i].why);
            return 0;
        }
    }
    return 0;
}

static int check_digest(sqlite3 *db, const struct hf_audit_removal *removal, struct hf_error *refusal,
                        struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(db, "SELECT digest FROM events WHERE id = ?1", &statement, err) != 0) {
        return -1;
    }
    sqlite3_bind_int64(statement, 1, removal->last_id);
    const char *digest = sqlite3_step(statement) == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (!digest || strcmp(digest, removal->digest) != 0) {
        (void)hf_error_set(refusal, HF_ECONFLICT, "event %lld is not the one that was exported",
                           (long long)removal->last_id);
    }
    sqlite3_finalize(statement);
    return 0;
}

static int record_tombstone(struct hf_recorder *recorder, const struct hf_audit_removal *removal, struct hf_error *err)
{
    hf_auto_buf struct hf_buf message = {0};
    hf_auto_buf struct hf_buf detail = {0};
    char until[HF_TIME_TEXT];
    hf_time_format(removal->last_at_ms, until);
    hf_buf_addf(&message, "events %lld to %lld (until %s) were exported to %s and removed",
                (long long)removal->first_id, (long long)removal->last_id, until, removal->file);
    hf_removal_detail(&detail, removal);
    if (!hf_buf_ok(&message) || !hf_buf_ok(&detail)) {
        return hf_error_set(err, HF_ENOMEM, "remove events: out of memory");
    }
    struct hf_audit_event event = {.at_ms = hf_now_ms(),
                                   .type = HF_REMOVED,
                                   .severity = "info",
                                   .message = message.ptr,
                                   .detail = detail.ptr,
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE};
    return hf_record_event(recorder, &event, err);
}

static int remove_rows(struct hf_recorder *recorder, const struct hf_audit_removal *removal, struct hf_error *err)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql, "INSERT INTO removals (first_id, last_id, event_id) VALUES (%lld, %lld, %lld)",
                   (long long)removal->first_id, (long long)removal->last_id, (long long)recorder->last_id);
    if (hf_store_exec(recorder->db, sql, err) != 0) {
        return -1;
    }
    (void)snprintf(sql, sizeof sql, "DELETE FROM events WHERE id BETWEEN %lld AND %lld", (long long)removal->first_id,
                   (long long)removal->last_id);
    return hf_store_exec(recorder->db, sql, err);
}

int hf_remove_run(struct hf_recorder *recorder, const struct hf_op *op, struct hf_error *err)
{
    struct hf_error *refusal = op->refusal;
    hf_error_clear(refusal); /* the group may have been tried before */
    if (check(recorder->db, op->removal, refusal, err) != 0 ||
        (refusal->code == HF_OK && check_digest(recorder->db, op->removal, refusal, err) != 0)) {
        return -1;
    }
    if (refusal->code != HF_OK) {
        return 0;
    }
    return record_tombstone(recorder, op->removal, err) != 0 ? -1 : remove_rows(recorder, op->removal, err);
}

int hf_audit_remove(struct hf_audit *audit, const struct hf_audit_removal *removal, hf_audit_removed_fn fn, void *ctx,
                    struct hf_error *err)
{
    struct hf_op *op = hf_op_new(HF_OP_REMOVE);
    struct hf_audit_removal *copy = op ? hf_arena_alloc(op->arena, sizeof *copy) : NULL;
    struct hf_error *refusal = copy ? hf_arena_alloc(op->arena, sizeof *refusal) : NULL;
    if (!refusal) {
        hf_op_free(op);
        return hf_error_set(err, HF_ENOMEM, "remove events: out of memory");
    }
    *copy = *removal;
    op->removal = copy;
    op->refusal = refusal;
    op->removed = fn;
    op->ctx = ctx;
    return hf_audit_push(audit, op, err);
}
