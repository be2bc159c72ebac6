/* What channels were told, as it stands in the file: for the alert station's start. */
#include <string.h>

#include "trail.h"

#define SELECT "SELECT channel, incident, message_group, thread, told_at, event_id FROM told ORDER BY channel, incident"
#define SELECT_EVENT "SELECT digest," HF_COLUMN_LIST " FROM events WHERE id = ?1"

static const char *text_at(sqlite3_stmt *statement, int at)
{
    return (const char *)sqlite3_column_text(statement, at);
}

static void read_event(sqlite3_stmt *statement, int64_t id, struct hf_buf *json)
{
    struct hf_row row;
    struct hf_error ignored = HF_ERROR_INIT;
    hf_buf_clear(json);
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, id);
    const char *digest = sqlite3_step(statement) == SQLITE_ROW ? text_at(statement, 0) : NULL;
    if (digest && hf_row_from_statement(&row, id, statement, 1, &ignored) == 0) {
        struct hf_audit_event event;
        hf_row_to_event(&row, &event);
        hf_audit_event_json(json, id, &event, digest);
    } else {
        hf_buf_adds(json, "{}");
    }
}

int hf_audit_told(struct hf_audit_reader *reader, hf_audit_told_fn fn, void *ctx, struct hf_error *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *events = NULL;
    hf_auto_buf struct hf_buf json = {0};
    int64_t tables;
    int result;
    /* A trail of an older version that no agent has opened since has no such table. */
    if (hf_store_integer(reader->db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'told'",
                         &tables, err) != 0) {
        return -1;
    }
    if (tables == 0) {
        return 0;
    }
    if (hf_store_prepare(reader->db, SELECT, &statement, err) != 0 ||
        hf_store_prepare(reader->db, SELECT_EVENT, &events, err) != 0) {
        sqlite3_finalize(statement);
        return -1;
    }
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct hf_audit_told told = {.channel = text_at(statement, 0),
                                     .incident = text_at(statement, 1),
                                     .group = text_at(statement, 2),
                                     .thread = text_at(statement, 3),
                                     .event_id = sqlite3_column_int64(statement, 5)};
        if (!told.channel || !told.incident || !told.group ||
            !hf_time_parse(hf_slice_of(text_at(statement, 4)), &told.told_ms)) {
            continue; /* it was tampered with: at the worst something is told twice */
        }
        read_event(events, told.event_id, &json);
        if (!hf_buf_ok(&json)) {
            result = SQLITE_NOMEM;
            break;
        }
        if (!fn(ctx, &told, hf_buf_text(&json))) {
            result = SQLITE_DONE;
            break;
        }
    }
    int status = result == SQLITE_DONE ? 0 : hf_store_error(reader->db, err, "read what the channels were told");
    sqlite3_finalize(statement);
    sqlite3_finalize(events);
    return status;
}
