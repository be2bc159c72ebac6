/* Reading: what the alert channels were told of an incident, and what still waits. */
#include <string.h>

#include "trail.h"

#define MOST 100

struct telling {
    sqlite3 *db;
    const char *incident;
    hf_audit_delivery_fn fn;
    void *ctx;
    size_t left;
};

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

/* Columns: channel, at, attempts, message, due. */
static int tell(struct telling *telling, sqlite3_stmt *statement, const char *state, struct hf_error *err)
{
    int result = SQLITE_DONE;
    while (telling->left > 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct hf_audit_delivery delivery = {.channel = text_at(statement, 0),
                                             .state = state,
                                             .at_ms = time_at(statement, 1),
                                             .attempts = sqlite3_column_int64(statement, 2),
                                             .message = text_at(statement, 3),
                                             .due_ms = time_at(statement, 4)};
        telling->left--;
        if (!telling->fn(telling->ctx, &delivery)) {
            telling->left = 0;
        }
    }
    return telling->left == 0 || result == SQLITE_DONE ? 0 : hf_store_error(telling->db, err, "read deliveries");
}

/* Soon after its events: so many alerts behind the first of them are looked through. */
static int tell_settled(struct telling *telling, const char *type, const char *state, int64_t first_id,
                        struct hf_error *err)
{
    sqlite3_stmt *statement;
    hf_auto_buf struct hf_buf quoted = {0};
    if (hf_store_prepare(telling->db,
                         "SELECT json_extract(detail, '$.channel'), at, json_extract(detail, '$.attempts'), message,"
                         " NULL FROM (SELECT id, at, message, detail FROM events WHERE type = ?1 AND id > ?2"
                         " ORDER BY id LIMIT 5000) WHERE instr(detail, ?3) AND json_valid(detail) AND EXISTS"
                         " (SELECT 1 FROM json_each(detail, '$.incidents') i WHERE i.value = ?4) ORDER BY id",
                         &statement, err) != 0) {
        return -1;
    }
    hf_buf_add_json(&quoted, hf_slice_of(telling->incident));
    hf_bind_text(statement, 1, type);
    sqlite3_bind_int64(statement, 2, first_id);
    hf_bind_text(statement, 3, hf_buf_text(&quoted));
    hf_bind_text(statement, 4, telling->incident);
    int status = tell(telling, statement, state, err);
    sqlite3_finalize(statement);
    return status;
}

int hf_audit_deliveries(struct hf_audit_reader *reader, const char *incident, int64_t first_id, hf_audit_delivery_fn fn,
                        void *ctx, struct hf_error *err)
{
    struct telling telling = {reader->db, incident, fn, ctx, MOST};
    sqlite3_stmt *statement;
    if (tell_settled(&telling, "alert.delivered", "delivered", first_id, err) != 0 ||
        tell_settled(&telling, "alert.failed", "given_up", first_id, err) != 0 ||
        hf_store_prepare(reader->db,
                         "SELECT channel, created_at, attempts, last_error, due_at FROM outbox WHERE incident = ?1"
                         " ORDER BY id",
                         &statement, err) != 0) {
        return -1;
    }
    hf_bind_text(statement, 1, incident);
    int status = tell(&telling, statement, "waiting", err);
    sqlite3_finalize(statement);
    return status;
}
