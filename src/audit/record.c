/* Rows written in a transaction: the event with its digest, what it does to its incident, the outbox, the state of
 * objects. */
#include <stdio.h>
#include <string.h>

#include "trail.h"

#define COLUMN_MARKS "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"
/* Rows of one incident are given out together; but none before one that came first and waits for a later time. */
#define FREE_ROWS                                                                                                      \
    " FROM outbox o WHERE o.channel = ?1 AND o.id NOT IN (SELECT id FROM temp.in_hand)"                                \
    " AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.channel = o.channel AND p.incident = o.incident AND p.id < o.id"  \
    " AND p.due_at > "

/* Not the time of its making: a clock that is set back must not hold an alert up. */
#define DUE_AT_ONCE "1970-01-01T00:00:00.000Z"

static const char *const SQL[HF_STATEMENT_COUNT] = {
    [HF_INSERT_EVENT] = "INSERT INTO events (id," HF_COLUMN_LIST ",digest) VALUES (?," COLUMN_MARKS ",?)",
    [HF_OPEN_INCIDENT] = "INSERT INTO open_incidents (incident, first_id, last_id) VALUES (?1, ?2, ?2)"
                         " ON CONFLICT (incident) DO UPDATE SET last_id = excluded.last_id",
    [HF_TOUCH_INCIDENT] = "UPDATE open_incidents SET last_id = ?2 WHERE incident = ?1",
    [HF_END_INCIDENT] = "DELETE FROM open_incidents WHERE incident = ?1",
    [HF_PUT_OBJECT] =
        "INSERT OR REPLACE INTO objects (target, api_group, kind, namespace, name, version, space, unit, revision,"
        " verdict, reason, uid, incident, since, corrections)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [HF_FORGET_OBJECT] =
        "DELETE FROM objects WHERE target = ? AND api_group = ? AND kind = ? AND namespace = ? AND name = ?",
    [HF_INSERT_OUTBOX] = "INSERT INTO outbox (event_id, channel, incident, key, created_at, id, due_at, attempts)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, '" DUE_AT_ONCE "', 0)",
    [HF_SETTLE_DONE] = "DELETE FROM outbox WHERE id = ?1",
    [HF_SETTLE_AGAIN] = "UPDATE outbox SET attempts = attempts + 1, due_at = ?2, last_error = ?3 WHERE id = ?1",
    [HF_SETTLE_LATER] = "UPDATE outbox SET due_at = ?2, last_error = ?3 WHERE id = ?1",
    [HF_TOLD_KEEP] = "INSERT INTO told (channel, incident, message_group, thread, told_at, event_id)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (channel, incident) DO UPDATE SET"
                     " message_group = excluded.message_group, thread = coalesce(excluded.thread, thread),"
                     " told_at = excluded.told_at, event_id = max(event_id, excluded.event_id)",
    [HF_TOLD_DROP] = "DELETE FROM told WHERE channel = ?1 AND incident = ?2",
    [HF_IN_HAND_ADD] = "INSERT OR IGNORE INTO temp.in_hand (id) VALUES (?1)",
    [HF_IN_HAND_DROP] = "DELETE FROM temp.in_hand WHERE id = ?1",
    [HF_IN_HAND_DROP_ALL] = "DELETE FROM temp.in_hand",
    [HF_OUTBOX_DUE] = "SELECT o.id, o.key, o.attempts, o.created_at, o.event_id" FREE_ROWS
                      "?2) AND o.due_at <= ?2 ORDER BY o.id LIMIT ?3",
    [HF_OUTBOX_NEXT] = "SELECT o.due_at" FREE_ROWS "o.due_at) ORDER BY o.due_at, o.id LIMIT 1",
    [HF_EVENT_BY_ID] = "SELECT digest," HF_COLUMN_LIST " FROM events WHERE id = ?1",
    [HF_BEGIN] = "BEGIN IMMEDIATE",
    [HF_COMMIT] = "COMMIT",
    [HF_ROLLBACK] = "ROLLBACK",
};

void hf_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (text) {
        sqlite3_bind_text64(statement, at, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8);
    } else {
        sqlite3_bind_null(statement, at);
    }
}

void hf_bind_time(sqlite3_stmt *statement, int at, int64_t ms)
{
    char text[HF_TIME_TEXT];
    hf_time_format(ms, text);
    if (*text) {
        sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
    } else {
        sqlite3_bind_null(statement, at);
    }
}

int hf_recorder_run(struct hf_recorder *recorder, enum hf_statement which, struct hf_error *err)
{
    sqlite3_stmt *statement = recorder->statements[which];
    int result;
    do {
        result = sqlite3_step(statement);
    } while (result == SQLITE_ROW);
    int status = result == SQLITE_DONE ? 0 : hf_store_error(recorder->db, err, "write the audit trail");
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

static int read_head(struct hf_recorder *recorder, struct hf_error *err)
{
    sqlite3_stmt *statement;
    int64_t highest;
    /* A tail that was cut off leaves its mark in sqlite_sequence: the next id shows the gap. */
    if (hf_store_integer(recorder->db, "SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'", &highest, err) !=
            0 ||
        hf_store_prepare(recorder->db, "SELECT id, digest FROM events ORDER BY id DESC LIMIT 1", &statement, err) !=
            0) {
        return -1;
    }
    int result = sqlite3_step(statement);
    int status = 0;
    (void)snprintf(recorder->head, sizeof recorder->head, "%s", HF_CHAIN_START);
    recorder->last_id = 0;
    if (result == SQLITE_ROW) {
        const char *digest = (const char *)sqlite3_column_text(statement, 1);
        recorder->last_id = sqlite3_column_int64(statement, 0);
        (void)snprintf(recorder->head, sizeof recorder->head, "%s", digest ? digest : "");
    } else if (result != SQLITE_DONE) {
        status = hf_store_error(recorder->db, err, "read the audit trail's head");
    }
    sqlite3_finalize(statement);
    if (highest > recorder->last_id) {
        recorder->last_id = highest;
    }
    return status;
}

static void free_channels(char **channels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(channels[i]);
    }
    free(channels);
}

static int set_channels(struct hf_recorder *recorder, const char *const *names, size_t count, struct hf_error *err)
{
    char **channels = hf_calloc(count + 1, sizeof *channels);
    for (size_t i = 0; channels && i < count; i++) {
        channels[i] = hf_strdup(names[i]);
        if (!channels[i]) {
            free_channels(channels, i);
            channels = NULL;
        }
    }
    if (!channels) {
        return hf_error_set(err, HF_ENOMEM, "set the alert channels: out of memory");
    }
    free_channels(recorder->channels, recorder->channel_count);
    recorder->channels = channels;
    recorder->channel_count = count;
    return 0;
}

int hf_recorder_init(struct hf_recorder *recorder, const struct hf_audit_options *options, struct hf_error *err)
{
    memset(recorder, 0, sizeof *recorder);
    if (hf_chain_init(&recorder->chain, options->key, options->key_len, err) != 0 ||
        set_channels(recorder, options->channels, options->channel_count, err) != 0) {
        hf_recorder_free(recorder);
        return -1;
    }
    return 0;
}

int hf_recorder_attach(struct hf_recorder *recorder, sqlite3 *db, struct hf_error *err)
{
    int64_t outbox_id;
    recorder->db = db;
    if (hf_store_exec(db, "CREATE TEMP TABLE IF NOT EXISTS in_hand (id INTEGER PRIMARY KEY)", err) != 0) {
        goto fail;
    }
    for (int i = 0; i < HF_STATEMENT_COUNT; i++) {
        if (hf_store_prepare(db, SQL[i], &recorder->statements[i], err) != 0) {
            goto fail;
        }
    }
    if (read_head(recorder, err) != 0 || hf_key_check(db, recorder->head, &recorder->chain, err) != 0 ||
        hf_store_integer(db, "SELECT max(seq) FROM sqlite_sequence WHERE name = 'outbox'", &outbox_id, err) != 0) {
        goto fail;
    }
    if (outbox_id > recorder->outbox_id) {
        recorder->outbox_id = outbox_id;
    }
    return 0;
fail:
    hf_recorder_detach(recorder);
    return -1;
}

void hf_recorder_detach(struct hf_recorder *recorder)
{
    for (int i = 0; i < HF_STATEMENT_COUNT; i++) {
        sqlite3_finalize(recorder->statements[i]);
        recorder->statements[i] = NULL;
    }
    recorder->db = NULL;
}

void hf_recorder_free(struct hf_recorder *recorder)
{
    hf_recorder_detach(recorder);
    free_channels(recorder->channels, recorder->channel_count);
    hf_chain_free(&recorder->chain);
    memset(recorder, 0, sizeof *recorder);
}

static int insert_event(struct hf_recorder *recorder, const struct hf_row *row, const char *digest,
                        struct hf_error *err)
{
    sqlite3_stmt *statement = recorder->statements[HF_INSERT_EVENT];
    sqlite3_bind_int64(statement, 1, row->id);
    for (int i = 0; i < HF_COLUMN_COUNT; i++) {
        const struct hf_cell *cell = &row->cells[i];
        if (cell->is_integer) {
            sqlite3_bind_int64(statement, 2 + i, cell->integer);
        } else if (cell->text.ptr) {
            sqlite3_bind_text64(statement, 2 + i, cell->text.ptr, cell->text.len, SQLITE_STATIC, SQLITE_UTF8);
        }
    }
    sqlite3_bind_text(statement, 2 + HF_COLUMN_COUNT, digest, -1, SQLITE_STATIC);
    return hf_recorder_run(recorder, HF_INSERT_EVENT, err);
}

/* What an event's type does to its incident. Telling about it (alert.*) neither continues nor ends it. */
static int follow_incident(struct hf_recorder *recorder, const struct hf_audit_event *event, int64_t id,
                           struct hf_error *err)
{
    static const char *const OPENING[] = {"drift.seen",         "correction.intended", "correction.sent",
                                          "correction.blocked", "correction.failed",   "rollout.seen",
                                          "extra.seen",         "correction.partial",  "object.absent"};
    static const char *const ENDING[] = {"correction.confirmed", "rollout.confirmed", "drift.healed",
                                         "drift.dismissed"};
    if (!event->incident || !event->type || strncmp(event->type, "alert.", 6) == 0) {
        return 0;
    }
    enum hf_statement which = HF_TOUCH_INCIDENT;
    for (size_t i = 0; i < sizeof OPENING / sizeof OPENING[0]; i++) {
        which = strcmp(event->type, OPENING[i]) == 0 ? HF_OPEN_INCIDENT : which;
    }
    for (size_t i = 0; i < sizeof ENDING / sizeof ENDING[0]; i++) {
        which = strcmp(event->type, ENDING[i]) == 0 ? HF_END_INCIDENT : which;
    }
    hf_bind_text(recorder->statements[which], 1, event->incident);
    if (which != HF_END_INCIDENT) {
        sqlite3_bind_int64(recorder->statements[which], 2, id);
    }
    return hf_recorder_run(recorder, which, err);
}

int hf_record_event(struct hf_recorder *recorder, const struct hf_audit_event *event, struct hf_error *err)
{
    struct hf_row row;
    char digest[HF_TRAIL_DIGEST_TEXT];
    struct hf_audit_event stored;
    hf_auto_arena struct hf_arena *scratch = hf_arena_new(0);
    if (!scratch) {
        return hf_error_set(err, HF_ENOMEM, "record an event: out of memory");
    }
    if (hf_row_from_event(&row, recorder->last_id + 1, event, scratch, err) != 0 ||
        hf_chain_digest(&recorder->chain, recorder->head, &row, recorder->chain.key != NULL, digest, err) != 0 ||
        insert_event(recorder, &row, digest, err) != 0) {
        return -1;
    }
    recorder->last_id++;
    memcpy(recorder->head, digest, sizeof digest);
    recorder->new_events++;
    hf_row_to_event(&row, &stored);
    if (follow_incident(recorder, &stored, row.id, err) != 0) {
        return -1;
    }
    return event->alert ? hf_outbox_put(recorder, row.id, &stored, err) : 0;
}

static int record_object(struct hf_recorder *recorder, const struct hf_audit_object *object, struct hf_error *err)
{
    enum hf_statement which = object->forget ? HF_FORGET_OBJECT : HF_PUT_OBJECT;
    sqlite3_stmt *statement = recorder->statements[which];
    const char *const key[] = {object->target, object->group, object->kind, object->namespace, object->name};
    const char *const rest[] = {object->version, object->space, object->unit};
    const char *const state[] = {object->verdict, object->reason, object->uid, object->incident};
    for (int i = 0; i < 5; i++) {
        hf_bind_text(statement, 1 + i, key[i] ? key[i] : "");
    }
    if (!object->forget) {
        for (int i = 0; i < 3; i++) {
            hf_bind_text(statement, 6 + i, rest[i]);
        }
        if (object->revision != 0) {
            sqlite3_bind_int64(statement, 9, object->revision);
        }
        for (int i = 0; i < 4; i++) {
            hf_bind_text(statement, 10 + i, state[i]);
        }
        hf_bind_time(statement, 14, object->since_ms);
        sqlite3_bind_int64(statement, 15, object->corrections);
    }
    return hf_recorder_run(recorder, which, err);
}

static int record_op(struct hf_recorder *recorder, const struct hf_op *op, struct hf_error *err)
{
    if (op->kind == HF_OP_SETTLE) {
        return hf_outbox_settle(recorder, op, err);
    }
    if (op->kind == HF_OP_REMOVE) {
        return hf_remove_run(recorder, op, err);
    }
    if (op->kind == HF_OP_CHANNELS) {
        recorder->outbox_grew = true; /* what was in hand can be taken again */
        return set_channels(recorder, op->channels, op->channel_count, err) != 0
                   ? -1
                   : hf_recorder_run(recorder, HF_IN_HAND_DROP_ALL, err);
    }
    for (size_t i = 0; i < op->event_count; i++) {
        if (hf_record_event(recorder, &op->events[i], err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < op->object_count; i++) {
        if (record_object(recorder, &op->objects[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* After a failed statement SQLite may or may not have rolled back by itself. */
static int end_open_transaction(struct hf_recorder *recorder, struct hf_error *err)
{
    return sqlite3_get_autocommit(recorder->db) ? 0 : hf_recorder_run(recorder, HF_ROLLBACK, err);
}

int hf_record_group(struct hf_recorder *recorder, const struct hf_ops *ops, struct hf_error *err)
{
    int64_t last_id = recorder->last_id;
    char head[HF_TRAIL_DIGEST_TEXT];
    memcpy(head, recorder->head, sizeof head);
    recorder->new_events = 0;
    recorder->new_outbox = 0;
    recorder->outbox_grew = false;
    int status = end_open_transaction(recorder, err) != 0 ? -1 : hf_recorder_run(recorder, HF_BEGIN, err);
    for (const struct hf_op *op = ops->head; op && status == 0; op = op->next) {
        status = record_op(recorder, op, err);
    }
    if (status == 0) {
        status = hf_recorder_run(recorder, HF_COMMIT, err);
    }
    if (status != 0) {
        struct hf_error ignored = HF_ERROR_INIT;
        (void)end_open_transaction(recorder, &ignored);
        recorder->last_id = last_id;
        memcpy(recorder->head, head, sizeof head);
    }
    return status;
}
