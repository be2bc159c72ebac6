/* Alerts that wait: put with their event, taken when due, settled when told. */
#include <stdio.h>
#include <string.h>

#include "trail.h"

#define MOST_AT_ONCE 1000u

/* Stable over retries and restarts, and short enough for every service's field: the event's digest and the channel,
 * hashed. */
static int make_key(struct hf_recorder *recorder, const char *channel, struct hf_buf *key, struct hf_error *err)
{
    struct hf_digest digest;
    struct hf_hasher *hasher = recorder->chain.hasher;
    if (hf_hasher_add(hasher, recorder->head, strlen(recorder->head), err) != 0 ||
        hf_hasher_add(hasher, "\n", 1, err) != 0 || hf_hasher_add(hasher, channel, strlen(channel), err) != 0 ||
        hf_hasher_finish(hasher, &digest, err) != 0) {
        return -1;
    }
    hf_buf_adds(key, "evt_");
    hf_buf_add_hex(key, digest.bytes, HF_SHA256_SIZE / 2);
    return hf_buf_ok(key) ? 0 : hf_error_set(err, HF_ENOMEM, "record an alert: out of memory");
}

/* What keeps its alerts in order: its incident, else what it is about ("cluster:dev/": lost, then found). */
static const char *order_of(const struct hf_audit_event *event, struct hf_buf *about)
{
    if (event->incident) {
        return event->incident;
    }
    size_t family = event->type ? strcspn(event->type, ".") : 0;
    hf_buf_add(about, event->type, family);
    hf_buf_addf(about, ":%s/%s", event->target ? event->target : "", event->unit ? event->unit : "");
    return hf_buf_ok(about) ? about->ptr : NULL;
}

int hf_outbox_put(struct hf_recorder *recorder, int64_t event_id, const struct hf_audit_event *event,
                  struct hf_error *err)
{
    sqlite3_stmt *statement = recorder->statements[HF_INSERT_OUTBOX];
    hf_auto_buf struct hf_buf about = {0};
    const char *incident = order_of(event, &about);
    if (!incident) {
        return hf_error_set(err, HF_ENOMEM, "record an alert: out of memory");
    }
    for (size_t i = 0; i < recorder->channel_count; i++) {
        hf_auto_buf struct hf_buf key = {0};
        if (make_key(recorder, recorder->channels[i], &key, err) != 0) {
            return -1;
        }
        sqlite3_bind_int64(statement, 1, event_id);
        hf_bind_text(statement, 2, recorder->channels[i]);
        hf_bind_text(statement, 3, incident);
        hf_bind_text(statement, 4, key.ptr);
        hf_bind_time(statement, 5, hf_now_ms());
        /* Never given twice, not even after the file was replaced: what was taken before is settled by its id. */
        sqlite3_bind_int64(statement, 6, ++recorder->outbox_id);
        if (hf_recorder_run(recorder, HF_INSERT_OUTBOX, err) != 0) {
            return -1;
        }
        recorder->new_outbox++;
        recorder->outbox_grew = true;
    }
    return 0;
}

static int settle_row(struct hf_recorder *recorder, const struct hf_audit_settlement *settlement, int64_t id,
                      bool *was_there, struct hf_error *err)
{
    bool goes = settlement->how == HF_SETTLED;
    enum hf_statement which = goes                                  ? HF_SETTLE_DONE
                              : settlement->how == HF_SETTLED_AGAIN ? HF_SETTLE_AGAIN
                                                                    : HF_SETTLE_LATER;
    sqlite3_bind_int64(recorder->statements[which], 1, id);
    if (!goes) {
        hf_bind_time(recorder->statements[which], 2, settlement->next_ms);
        hf_bind_text(recorder->statements[which], 3, settlement->last_error);
    }
    if (hf_recorder_run(recorder, which, err) != 0) {
        return -1;
    }
    bool changed = sqlite3_changes(recorder->db) > 0;
    *was_there |= changed;
    recorder->new_outbox -= goes && changed;
    sqlite3_bind_int64(recorder->statements[HF_IN_HAND_DROP], 1, id);
    return hf_recorder_run(recorder, HF_IN_HAND_DROP, err);
}

static int keep_told(struct hf_recorder *recorder, const struct hf_audit_told *told, struct hf_error *err)
{
    enum hf_statement which = told->over ? HF_TOLD_DROP : HF_TOLD_KEEP;
    hf_bind_text(recorder->statements[which], 1, told->channel);
    hf_bind_text(recorder->statements[which], 2, told->incident);
    if (!told->over) {
        hf_bind_text(recorder->statements[which], 3, told->group);
        hf_bind_text(recorder->statements[which], 4, told->thread);
        hf_bind_time(recorder->statements[which], 5, told->told_ms);
        sqlite3_bind_int64(recorder->statements[which], 6, told->event_id);
    }
    return hf_recorder_run(recorder, which, err);
}

int hf_outbox_settle(struct hf_recorder *recorder, const struct hf_op *op, struct hf_error *err)
{
    const struct hf_audit_settlement *settlement = &op->settlement;
    bool was_there = false;
    for (size_t i = 0; i < settlement->count; i++) {
        if (settle_row(recorder, settlement, settlement->ids[i], &was_there, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < settlement->told_count; i++) {
        if (keep_told(recorder, &settlement->told[i], err) != 0) {
            return -1;
        }
    }
    /* Settled before: nothing is said twice. (That what is known was told again stands for no row.) */
    was_there |= settlement->count == 0;
    return was_there && op->event_count > 0 ? hf_record_event(recorder, &op->events[0], err) : 0;
}

static char *event_text(struct hf_recorder *recorder, struct hf_arena *arena, int64_t event_id)
{
    sqlite3_stmt *statement = recorder->statements[HF_EVENT_BY_ID];
    hf_auto_buf struct hf_buf json = {0};
    struct hf_row row;
    struct hf_error ignored = HF_ERROR_INIT;
    sqlite3_bind_int64(statement, 1, event_id);
    if (sqlite3_step(statement) == SQLITE_ROW && hf_row_from_statement(&row, event_id, statement, 1, &ignored) == 0) {
        struct hf_audit_event event;
        hf_row_to_event(&row, &event);
        hf_audit_event_json(&json, event_id, &event, (const char *)sqlite3_column_text(statement, 0));
    } else {
        /* The row was tampered with; what is left to say is which one. */
        hf_buf_addf(&json, "{\"id\":%lld}", (long long)event_id);
    }
    sqlite3_reset(statement);
    return hf_buf_ok(&json) ? hf_arena_copy(arena, json.ptr, json.len) : NULL;
}

static int read_due(struct hf_recorder *recorder, struct hf_op *op, sqlite3_stmt *statement, struct hf_error *err)
{
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct hf_outbox_row *row = &op->rows[op->row_count];
        const char *key = (const char *)sqlite3_column_text(statement, 1);
        const char *created = (const char *)sqlite3_column_text(statement, 3);
        row->id = sqlite3_column_int64(statement, 0);
        row->channel = op->channel;
        row->key = key ? hf_arena_copy(op->arena, key, strlen(key)) : NULL;
        row->attempts = sqlite3_column_int64(statement, 2);
        if (!hf_time_parse(hf_slice_of(created), &row->created_ms)) {
            row->created_ms = op->now_ms;
        }
        row->event_json = event_text(recorder, op->arena, sqlite3_column_int64(statement, 4));
        if (!row->key || !row->event_json) {
            return hf_error_set(err, HF_ENOMEM, "read the outbox: out of memory");
        }
        op->row_count++;
    }
    return result == SQLITE_DONE ? 0 : hf_store_error(recorder->db, err, "read the outbox");
}

static int read_next_due(struct hf_recorder *recorder, struct hf_op *op, struct hf_error *err)
{
    sqlite3_stmt *statement = recorder->statements[HF_OUTBOX_NEXT];
    hf_bind_text(statement, 1, op->channel);
    int result = sqlite3_step(statement);
    op->next_due_ms = HF_TIME_NONE;
    int status = 0;
    if (result == SQLITE_ROW) {
        const char *due = (const char *)sqlite3_column_text(statement, 0);
        if (!hf_time_parse(hf_slice_of(due), &op->next_due_ms)) {
            op->next_due_ms = op->now_ms;
        }
    } else if (result != SQLITE_DONE) {
        status = hf_store_error(recorder->db, err, "read the outbox");
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

static int put_in_hand(struct hf_recorder *recorder, const struct hf_op *op, struct hf_error *err)
{
    for (size_t i = 0; i < op->row_count; i++) {
        sqlite3_bind_int64(recorder->statements[HF_IN_HAND_ADD], 1, op->rows[i].id);
        if (hf_recorder_run(recorder, HF_IN_HAND_ADD, err) != 0) {
            struct hf_error ignored = HF_ERROR_INIT;
            while (i-- > 0) {
                sqlite3_bind_int64(recorder->statements[HF_IN_HAND_DROP], 1, op->rows[i].id);
                (void)hf_recorder_run(recorder, HF_IN_HAND_DROP, &ignored);
            }
            return -1;
        }
    }
    return 0;
}

int hf_outbox_take(struct hf_recorder *recorder, struct hf_op *op, struct hf_error *err)
{
    if (!recorder->db) {
        return hf_error_set(err, HF_EIO, "read the outbox: the audit trail is not open");
    }
    size_t most = op->most < MOST_AT_ONCE ? op->most : MOST_AT_ONCE;
    sqlite3_stmt *statement = recorder->statements[HF_OUTBOX_DUE];
    op->row_count = 0;
    op->rows = hf_arena_array(op->arena, most, sizeof *op->rows);
    if (!op->rows) {
        return hf_error_set(err, HF_ENOMEM, "read the outbox: out of memory");
    }
    hf_bind_text(statement, 1, op->channel);
    hf_bind_time(statement, 2, op->now_ms);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)most);
    int status = read_due(recorder, op, statement, err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (status != 0 || put_in_hand(recorder, op, err) != 0) {
        op->row_count = 0;
        return -1;
    }
    return read_next_due(recorder, op, err);
}
