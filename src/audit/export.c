/* The trail carried elsewhere: as lines that prove themselves, or as a whole copy. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trail.h"

#define BACKUP_PAGES 1000 /* a step: short enough for progress, long enough to get on */

static int export_rows(sqlite3_stmt *statement, hf_audit_line_fn fn, void *ctx, struct hf_buf *canonical, sqlite3 *db,
                       struct hf_error *err)
{
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct hf_row row;
        int64_t id = sqlite3_column_int64(statement, 0);
        if (hf_row_from_statement(&row, id, statement, 2, err) != 0) {
            return -1;
        }
        hf_buf_clear(canonical);
        hf_chain_canonical(canonical, &row);
        if (!hf_buf_ok(canonical)) {
            return hf_error_set(err, HF_ENOMEM, "export event %lld: out of memory", (long long)id);
        }
        const char *digest = (const char *)sqlite3_column_text(statement, 1);
        if (!fn(ctx, id, digest ? digest : "", (struct hf_slice){canonical->ptr, canonical->len})) {
            return 0;
        }
    }
    return result == SQLITE_DONE ? 0 : hf_store_error(db, err, "export the audit trail");
}

int hf_audit_export(struct hf_audit_reader *reader, int64_t after_id, hf_audit_line_fn fn, void *ctx,
                    struct hf_error *err)
{
    sqlite3_stmt *statement;
    hf_auto_buf struct hf_buf canonical = {0};
    if (hf_store_prepare(reader->db, "SELECT id, digest," HF_COLUMN_LIST " FROM events WHERE id > ?1 ORDER BY id",
                         &statement, err) != 0) {
        return -1;
    }
    sqlite3_bind_int64(statement, 1, after_id);
    int status = export_rows(statement, fn, ctx, &canonical, reader->db, err);
    sqlite3_finalize(statement);
    return status;
}

int hf_audit_export_some(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, hf_audit_line_fn fn,
                         void *ctx, struct hf_error *err)
{
    sqlite3_stmt *statement;
    hf_auto_buf struct hf_buf canonical = {0};
    if (hf_query_prepare(reader, filter, &statement, err) != 0) {
        return -1;
    }
    int status = export_rows(statement, fn, ctx, &canonical, reader->db, err);
    sqlite3_finalize(statement);
    return status;
}

void hf_audit_export_line(struct hf_buf *buf, const char *digest, struct hf_slice canonical)
{
    hf_buf_adds(buf, "{\"digest\":");
    hf_buf_add_json(buf, hf_slice_of(digest));
    hf_buf_adds(buf, ",\"event\":");
    hf_buf_add(buf, canonical.ptr, canonical.len);
    hf_buf_adds(buf, "}\n");
}

static int copy_pages(sqlite3 *from, sqlite3 *to, void (*progress)(void *, int64_t, int64_t), void *ctx,
                      struct hf_error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup) {
        return hf_store_error(to, err, "back up the audit trail");
    }
    int result;
    do {
        result = sqlite3_backup_step(backup, BACKUP_PAGES);
        if (progress) {
            int64_t of = sqlite3_backup_pagecount(backup);
            progress(ctx, of - sqlite3_backup_remaining(backup), of);
        }
    } while (result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED);
    int finished = sqlite3_backup_finish(backup);
    return result == SQLITE_DONE && finished == SQLITE_OK ? 0 : hf_store_error(to, err, "back up the audit trail");
}

static int fill_copy(struct hf_audit_reader *reader, const char *path, void (*progress)(void *, int64_t, int64_t),
                     void *ctx, struct hf_error *err)
{
    hf_auto_buf struct hf_buf plain = {0};
    sqlite3 *copy = NULL;
    hf_buf_addf(&plain, "%s%s", *path == '/' ? "" : "./", path);
    if (!hf_buf_ok(&plain) ||
        sqlite3_open_v2(plain.ptr, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        sqlite3_close(copy);
        return hf_error_set(err, HF_EIO, "open the copy %s", path);
    }
    /* One read transaction for all steps: an agent that goes on writing would make the copy start over. */
    int status = hf_store_harden(copy, err);
    if (status == 0) {
        status = hf_store_exec(reader->db, "BEGIN; SELECT count(*) FROM sqlite_schema;", err);
    }
    if (status == 0) {
        status = copy_pages(reader->db, copy, progress, ctx, err);
        sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
    }
    if (sqlite3_close(copy) != SQLITE_OK && status == 0) {
        status = hf_error_set(err, HF_EIO, "close the copy %s", path);
    }
    return status;
}

int hf_audit_backup(struct hf_audit_reader *reader, const char *path,
                    void (*progress)(void *ctx, int64_t pages, int64_t of), void *ctx, struct hf_error *err)
{
    hf_auto_fd int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return hf_error_errno(err, errno == EEXIST ? HF_ECONFLICT : HF_EIO, errno, "make the copy %s", path);
    }
    int status = fill_copy(reader, path, progress, ctx, err);
    if (status == 0 && fsync(fd) != 0) {
        status = hf_error_errno(err, HF_EIO, errno, "sync the copy %s", path);
    }
    if (status != 0) {
        (void)unlink(path);
    }
    return status;
}
