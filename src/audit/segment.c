/* Rows that are to be removed, written to a file of their own: whole, on the disk and read again before they go. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/audit_keep.h"
#include "trail.h"

#define FLUSH_BYTES 262144u
#define STEP_ROWS 1000

struct segment {
    const struct hf_audit_removal *removal;
    sqlite3 *db;
    struct hf_chain chain;
    char previous[HF_TRAIL_DIGEST_TEXT];
    int64_t id; /* the last that was written */
    int fd;
    struct hf_buf out;
    hf_audit_step_fn step;
    void *ctx;
};

static int go_on(const struct segment *segment, enum hf_audit_export_step step, struct hf_error *err)
{
    return !segment->step || segment->step(segment->ctx, step)
               ? 0
               : hf_error_set(err, HF_ECANCELED, "the export was given up");
}

static int flush(struct segment *segment, struct hf_error *err)
{
    struct hf_buf *out = &segment->out;
    if (!hf_buf_ok(out)) {
        return hf_error_set(err, HF_ENOMEM, "export: out of memory");
    }
    for (size_t at = 0; at < out->len;) {
        ssize_t written = write(segment->fd, out->ptr + at, out->len - at);
        if (written < 0 && errno != EINTR) {
            return hf_error_errno(err, HF_EIO, errno, "write the export %s", segment->removal->file);
        }
        at += written > 0 ? (size_t)written : 0;
    }
    hf_buf_clear(out);
    return 0;
}

static int add_row(struct segment *segment, sqlite3_stmt *statement, struct hf_error *err)
{
    struct hf_row row;
    char digest[HF_TRAIL_DIGEST_TEXT];
    int64_t id = sqlite3_column_int64(statement, 0);
    const char *stored = (const char *)sqlite3_column_text(statement, 1);
    if (id != segment->id + 1 || !stored) {
        return hf_error_set(err, HF_ECORRUPT, "event %lld is missing: nothing is removed", (long long)segment->id + 1);
    }
    bool keyed = hf_chain_is_keyed(stored);
    if (keyed && !segment->chain.key) {
        return hf_error_set(err, HF_EINVAL, "event %lld is keyed, and no key was given", (long long)id);
    }
    if (hf_row_from_statement(&row, id, statement, 2, err) != 0 ||
        hf_chain_digest(&segment->chain, segment->previous, &row, keyed, digest, err) != 0) {
        return -1;
    }
    if (strcmp(stored, digest) != 0) {
        return hf_error_set(err, HF_ECORRUPT,
                            "event %lld: it is not what it was when it was recorded: nothing is removed",
                            (long long)id);
    }
    /* Behind the previous digest and a line feed, chain.canonical holds what was digested. */
    size_t skip = strlen(segment->previous) + 1;
    hf_buf_addf(&segment->out, "{\"digest\":\"%s\",\"event\":", digest);
    hf_buf_add(&segment->out, segment->chain.canonical.ptr + skip, segment->chain.canonical.len - skip);
    hf_buf_adds(&segment->out, "}\n");
    memcpy(segment->previous, digest, sizeof digest);
    segment->id = id;
    return segment->out.len >= FLUSH_BYTES ? flush(segment, err) : 0;
}

static int write_rows(struct segment *segment, struct hf_error *err)
{
    const struct hf_audit_removal *removal = segment->removal;
    sqlite3_stmt *statement;
    if (hf_store_prepare(segment->db,
                         "SELECT id, digest," HF_COLUMN_LIST " FROM events WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
                         &statement, err) != 0) {
        return -1;
    }
    sqlite3_bind_int64(statement, 1, removal->first_id);
    sqlite3_bind_int64(statement, 2, removal->last_id);
    hf_buf_addf(&segment->out, "{\"count\":%lld,\"first_id\":%lld,\"last_id\":%lld,\"previous\":\"%s\"}\n",
                (long long)(removal->last_id - removal->first_id + 1), (long long)removal->first_id,
                (long long)removal->last_id, removal->previous);
    int status = 0;
    int result = SQLITE_DONE;
    while (status == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        status = add_row(segment, statement, err);
        if (status == 0 && segment->id % STEP_ROWS == 0) {
            status = go_on(segment, HF_EXPORT_WRITTEN, err);
        }
    }
    if (status == 0 && result != SQLITE_DONE) {
        status = hf_store_error(segment->db, err, "export the audit trail");
    }
    sqlite3_finalize(statement);
    if (status == 0 && (segment->id != removal->last_id || strcmp(segment->previous, removal->digest) != 0)) {
        status =
            hf_error_set(err, HF_ECORRUPT, "event %lld is missing: nothing is removed", (long long)segment->id + 1);
    }
    return status == 0 ? flush(segment, err) : -1;
}

static int write_file(struct segment *segment, const char *partial, const char *path, struct hf_error *err)
{
    segment->fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (segment->fd < 0) {
        return hf_error_errno(err, errno == EACCES ? HF_EDENIED : HF_EIO, errno, "make the export %s", partial);
    }
    int status = write_rows(segment, err);
    if (status == 0) {
        status = go_on(segment, HF_EXPORT_WRITTEN, err);
    }
    if (status == 0 && fsync(segment->fd) != 0) {
        status = hf_error_errno(err, HF_EIO, errno, "sync the export %s", partial);
    }
    close(segment->fd);
    if (status == 0) {
        status = go_on(segment, HF_EXPORT_SYNCED, err);
    }
    if (status == 0 && rename(partial, path) != 0) {
        status = hf_error_errno(err, HF_EIO, errno, "rename the export %s", partial);
    }
    if (status != 0) {
        (void)unlink(partial);
        return -1;
    }
    return go_on(segment, HF_EXPORT_RENAMED, err);
}

/* What is on the disk under the name must be what is to be removed. */
static int read_back(const char *path, struct hf_audit_removal *removal, const void *key, size_t key_len,
                     struct hf_error *err)
{
    struct hf_audit_removal found;
    if (hf_audit_exported_read(path, key, key_len, &found, NULL, NULL, err) != 0) {
        return -1;
    }
    if (found.first_id != removal->first_id || found.last_id != removal->last_id ||
        strcmp(found.previous, removal->previous) != 0 || strcmp(found.digest, removal->digest) != 0) {
        return hf_error_set(err, HF_ECORRUPT, "%s does not hold the events %lld to %lld of this trail", path,
                            (long long)removal->first_id, (long long)removal->last_id);
    }
    (void)snprintf(removal->file_digest, sizeof removal->file_digest, "%s", found.file_digest);
    removal->file_bytes = found.file_bytes;
    return 0;
}

static int make_file(struct hf_audit_reader *reader, const struct hf_audit_removal *removal, const char *partial,
                     const char *path, const void *key, size_t key_len, hf_audit_step_fn step, void *ctx,
                     struct hf_error *err)
{
    struct segment segment = {
        .removal = removal, .db = reader->db, .id = removal->first_id - 1, .fd = -1, .step = step, .ctx = ctx};
    (void)snprintf(segment.previous, sizeof segment.previous, "%s", removal->previous);
    if (hf_chain_init(&segment.chain, key, key_len, err) != 0) {
        return -1;
    }
    int status = write_file(&segment, partial, path, err);
    if (status == 0 && hf_store_sync_folder(path, err) == 0) {
        status = go_on(&segment, HF_EXPORT_SAFE, err);
    } else {
        status = -1;
    }
    hf_buf_free(&segment.out);
    hf_chain_free(&segment.chain);
    return status;
}

int hf_audit_removal_export(struct hf_audit_reader *reader, struct hf_audit_removal *removal, const char *folder,
                            const void *key, size_t key_len, hf_audit_step_fn step, void *ctx, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf partial = {0};
    hf_buf_addf(&path, "%s/%s", folder, removal->file);
    hf_buf_addf(&partial, "%s/.%s.partial", folder, removal->file);
    if (!hf_buf_ok(&path) || !hf_buf_ok(&partial)) {
        return hf_error_set(err, HF_ENOMEM, "export: out of memory");
    }
    bool was_there = access(path.ptr, F_OK) == 0;
    if (!was_there && make_file(reader, removal, partial.ptr, path.ptr, key, key_len, step, ctx, err) != 0) {
        return -1;
    }
    if (read_back(path.ptr, removal, key, key_len, err) != 0) {
        if (was_there && err->code == HF_ECORRUPT) {
            struct hf_error why = *err;
            return hf_error_set(err, HF_ECONFLICT, "another file has the name of the export: %s", why.text);
        }
        if (!was_there) {
            (void)unlink(path.ptr);
        }
        return -1;
    }
    /* One that was there may never have been synced: it was found after a crash. */
    if (was_there && hf_store_sync_folder(path.ptr, err) != 0) {
        return -1;
    }
    return step && !step(ctx, HF_EXPORT_READ) ? hf_error_set(err, HF_ECANCELED, "the export was given up") : 0;
}
