/* A read-only connection to a file that may have been made by anybody, and may be written to meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trail.h"

/* Triggers and views of the file are never run: all we read are our own tables. */
static int configure(sqlite3 *db, struct hf_error *err)
{
    if (sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL) != SQLITE_OK) {
        return hf_store_error(db, err, "open the audit trail");
    }
    return hf_store_harden(db, err) != 0 ? -1 : hf_store_exec(db, "PRAGMA query_only = ON", err);
}

static int check_version(sqlite3 *db, struct hf_error *err)
{
    int64_t application;
    int64_t version;
    int newest;
    if (hf_store_integer(db, "PRAGMA application_id", &application, err) != 0 ||
        hf_store_integer(db, "PRAGMA user_version", &version, err) != 0 || hf_migrate_newest(&newest, err) != 0) {
        return -1;
    }
    if (application != HF_TRAIL_APPLICATION || version < 1) {
        return hf_error_set(err, HF_EINVAL, "it is not an audit trail of holdfast");
    }
    if (version > newest) {
        return hf_error_set(err, HF_EUNSUPPORTED,
                            "its schema is version %lld, this program knows up to %d: use a newer holdfast",
                            (long long)version, newest);
    }
    return 0;
}

static int open_as(const char *name, int flags, sqlite3 **out, struct hf_error *err)
{
    sqlite3 *db = NULL;
    int status = 0;
    if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL) != SQLITE_OK) {
        status = db ? hf_store_error(db, err, "open the audit trail")
                    : hf_error_set(err, HF_ENOMEM, "open the audit trail: out of memory");
    } else if (configure(db, err) != 0 || check_version(db, err) != 0) {
        status = -1;
    }
    if (status != 0) {
        sqlite3_close(db);
        return -1;
    }
    *out = db;
    return 0;
}

/* A trail on a read-only medium has no place for the shared-memory file of WAL. Without a -wal file nothing can be
 * missed by reading it as a file that does not change. */
static int open_immutable(const char *path, sqlite3 **out, struct hf_error *err)
{
    hf_auto_buf struct hf_buf name = {0};
    hf_buf_addf(&name, "%s-wal", path);
    if (!hf_buf_ok(&name) || access(name.ptr, F_OK) == 0) {
        return -1;
    }
    hf_buf_clear(&name);
    hf_buf_adds(&name, *path == '/' ? "file:" : "file:./");
    hf_buf_add_url(&name, hf_slice_of(path));
    hf_buf_adds(&name, "?immutable=1");
    hf_error_clear(err);
    return hf_buf_ok(&name) ? open_as(name.ptr, SQLITE_OPEN_URI, out, err)
                            : hf_error_set(err, HF_ENOMEM, "out of memory");
}

int hf_audit_reader_open(const char *path, struct hf_audit_reader **out, struct hf_error *err)
{
    if (access(path, R_OK) != 0) {
        return hf_error_errno(err, errno == ENOENT ? HF_ENOTFOUND : HF_EDENIED, errno, "open the audit trail %s", path);
    }
    hf_auto_buf struct hf_buf plain = {0};
    hf_buf_adds(&plain, *path == '/' ? "" : "./");
    hf_buf_adds(&plain, path);
    struct hf_audit_reader *reader = hf_calloc(1, sizeof *reader);
    if (!reader || !hf_buf_ok(&plain)) {
        free(reader);
        return hf_error_set(err, HF_ENOMEM, "open the audit trail: out of memory");
    }
    int status = open_as(plain.ptr, 0, &reader->db, err);
    if (status != 0 && (err->code == HF_EIO || err->code == HF_EDENIED)) {
        status = open_immutable(path, &reader->db, err);
    }
    if (status != 0) {
        free(reader);
        return hf_error_wrap(err, "%s", path);
    }
    *out = reader;
    return 0;
}

void hf_audit_reader_close(struct hf_audit_reader *reader)
{
    if (reader) {
        sqlite3_close(reader->db);
        free(reader);
    }
}

bool hf_audit_reader_is_stale(const struct hf_audit_reader *reader)
{
    int has_moved = 0;
    return sqlite3_file_control(reader->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) == SQLITE_OK && has_moved;
}

static int is_over(void *ctx)
{
    const struct hf_audit_reader *reader = ctx;
    return atomic_load(&reader->is_interrupted) || hf_mono_ms() >= reader->until_ms;
}

void hf_audit_reader_limit(struct hf_audit_reader *reader, int64_t most_ms)
{
    enum { STEPS = 10000 }; /* of SQLite's machine: under a millisecond */
    reader->until_ms = most_ms > 0 ? hf_mono_ms() + most_ms : 0;
    sqlite3_progress_handler(reader->db, most_ms > 0 ? STEPS : 0, most_ms > 0 ? is_over : NULL, reader);
}

void hf_audit_reader_interrupt(struct hf_audit_reader *reader)
{
    atomic_store(&reader->is_interrupted, true);
    sqlite3_interrupt(reader->db);
}

/* Ids count without gaps, and only the first of them are ever removed. */
int hf_audit_extent(struct hf_audit_reader *reader, struct hf_audit_extent *out, struct hf_error *err)
{
    sqlite3_stmt *statement;
    *out = (struct hf_audit_extent){0};
    if (hf_store_prepare(reader->db,
                         "SELECT id, digest, (SELECT min(id) FROM events) FROM events ORDER BY id DESC LIMIT 1",
                         &statement, err) != 0) {
        return -1;
    }
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        const char *digest = (const char *)sqlite3_column_text(statement, 1);
        out->last_id = sqlite3_column_int64(statement, 0);
        out->events = out->last_id - sqlite3_column_int64(statement, 2) + 1;
        (void)snprintf(out->head, sizeof out->head, "%s", digest ? digest : "");
    }
    int status = result == SQLITE_ROW || result == SQLITE_DONE ? 0 : hf_store_error(reader->db, err, "read the trail");
    sqlite3_finalize(statement);
    return status;
}
