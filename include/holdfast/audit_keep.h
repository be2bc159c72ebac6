/* How a trail is kept provable: checkpoints elsewhere. Reading and files only, on any thread; one reader a thread. */
#ifndef HOLDFAST_AUDIT_KEEP_H
#define HOLDFAST_AUDIT_KEEP_H

#include "holdfast/audit.h"
#include "holdfast/mem.h"

/* An event whose digest was kept elsewhere: the trail must still hold it. */
struct hf_audit_checkpoint {
    int64_t id;
    const char *digest;
    const char *at; /* when the checkpoint was made */
    size_t line;    /* of its file, from 1 */
};

/* The newest event as a line of JSON with its line feed, appended to *out: {"at":now,"digest":…,"host":…,"id":…}; with
 * a key also "hmac", HMAC-SHA-256 in hex of the same object without it. Ids count from 1 without gaps: the id is also
 * how many there were. *id: 0 and nothing is appended when the trail is empty. */
int hf_audit_checkpoint_make(struct hf_audit_reader *reader, const char *host, const void *key, size_t key_len,
                             int64_t *id, struct hf_buf *out, struct hf_error *err);

/* Adds a line to a file (mode 0600 when it is made) and syncs it. What a crash left of a line is ended first. */
int hf_audit_checkpoint_append(const char *path, struct hf_slice line, struct hf_error *err);

/* All checkpoints of a file's text in order of id, out of the arena. A line that was cut off in writing is passed over.
 * name is for errors: HF_EINVAL, a line is none; HF_ECORRUPT, its hmac is not by the key. */
int hf_audit_checkpoints_read(struct hf_arena *arena, const char *name, struct hf_slice text, const void *key,
                              size_t key_len, struct hf_audit_checkpoint **out, size_t *count, struct hf_error *err);

/* The last whole line of a file; out->id 0: it has none, or is not there. */
int hf_audit_checkpoint_last(const char *path, struct hf_arena *arena, struct hf_audit_checkpoint *out,
                             struct hf_error *err);

/* Looks up one event. HF_ECORRUPT: the trail does not hold what the checkpoint has. */
int hf_audit_checkpoint_holds(struct hf_audit_reader *reader, const struct hf_audit_checkpoint *checkpoint,
                              struct hf_error *err);

#endif
