/* What trying again does not mend, while an agent writes: a file that is corrupt, or is not at its path any more. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trail.h"

static bool has_moved(struct hf_store *store)
{
    int moved = 0;
    return sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

void hf_store_watch(struct hf_store *store)
{
    store->is_watched = !has_moved(store);
}

int hf_store_in_place(struct hf_store *store, struct hf_error *err)
{
    if (store->is_watched && has_moved(store)) {
        return hf_error_set(err, HF_ENOTFOUND, "%s has vanished: it was deleted, moved or replaced", store->path);
    }
    return 0;
}

/* The lock goes with its folder: without one another agent could come in between. */
static int keep_lock(struct hf_store *store, struct hf_error *err)
{
    hf_auto_buf struct hf_buf name = {0};
    struct stat held;
    struct stat there;
    bool was_there;
    hf_buf_addf(&name, "%s.lock", store->path);
    if (!hf_buf_ok(&name)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (store->lock >= 0 && fstat(store->lock, &held) == 0 && stat(name.ptr, &there) == 0 &&
        held.st_ino == there.st_ino && held.st_dev == there.st_dev) {
        return 0;
    }
    int fd;
    if (hf_lock_take(store->path, &fd, &was_there, err) != 0) {
        return -1;
    }
    if (store->lock >= 0) {
        close(store->lock);
    }
    store->lock = fd;
    return 0;
}

int hf_store_write_back(struct hf_store *store, struct hf_error *err)
{
    struct hf_audit_reader held = {.db = store->db};
    struct hf_error why = HF_ERROR_INIT;
    struct stat there;
    if (stat(store->path, &there) == 0) {
        return hf_error_set(err, HF_ECONFLICT, "%s is another file than the one that was opened: restart to use it",
                            store->path);
    }
    if (keep_lock(store, &why) != 0 || hf_audit_backup(&held, store->path, NULL, NULL, &why) != 0) {
        return hf_error_set(err, HF_ENOTFOUND, "%s has vanished and can't be written anew: %s", store->path, why.text);
    }
    sqlite3_close_v2(store->db); /* in truth once its statements are finalized */
    store->db = NULL;
    return 0;
}

static int compose(const char *path, const char *set_aside, const struct hf_error *reason, struct hf_buf *message,
                   struct hf_buf *detail, struct hf_error *err)
{
    if (set_aside) {
        hf_buf_addf(message, "The audit trail was corrupt and was set aside as %s; this is a new one.", set_aside);
    } else if (reason) {
        hf_buf_addf(message, "The audit trail %s was gone at the start although there had been one; this is a new one.",
                    path);
    } else {
        hf_buf_addf(
            message,
            "The audit trail's file %s was deleted or moved while it was written; it was written anew from what "
            "was still open, nothing of it is lost.",
            path);
    }
    hf_buf_adds(detail, "{\"path\":");
    hf_buf_add_json(detail, hf_slice_of(path));
    if (reason) {
        hf_buf_adds(detail, ",\"reason\":");
        hf_buf_add_json(detail, hf_slice_of(reason->text));
    }
    if (set_aside) {
        hf_buf_adds(detail, ",\"set_aside\":");
        hf_buf_add_json(detail, hf_slice_of(set_aside));
    }
    hf_buf_addc(detail, '}');
    return hf_buf_ok(message) && hf_buf_ok(detail) ? 0 : hf_error_set(err, HF_ENOMEM, "audit trail: out of memory");
}

int hf_mend_told(const char *path, const char *set_aside, const struct hf_error *reason, struct hf_op **out,
                 struct hf_error *err)
{
    hf_auto_buf struct hf_buf message = {0};
    hf_auto_buf struct hf_buf detail = {0};
    if (compose(path, set_aside, reason, &message, &detail, err) != 0) {
        return -1;
    }
    struct hf_audit_event event = {.at_ms = hf_now_ms(),
                                   .type = set_aside || reason ? "trail.replaced" : "trail.restored",
                                   .severity = "critical",
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE,
                                   .message = message.ptr,
                                   .detail = detail.ptr,
                                   .alert = true};
    struct hf_audit_batch batch = {.events = &event, .event_count = 1};
    struct hf_op *op = hf_op_new(HF_OP_BATCH);
    if (!op || hf_op_add_batch(op, &batch, err) != 0) {
        hf_op_free(op);
        return hf_error_set(err, HF_ENOMEM, "audit trail: out of memory");
    }
    *out = op;
    return 0;
}
