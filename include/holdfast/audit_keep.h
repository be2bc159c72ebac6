/* How a trail is kept provable: checkpoints elsewhere, and the removal of what is old. Reading and files, on any
 * thread, but for hf_audit_remove; one reader a thread. */
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

/* Rows at the beginning of a trail that were exported and removed, or are to be. In the trail it is told by the event
 * audit.removed, whose detail is {"count","export":{"bytes","digest","file"},"first_id","last_digest","last_id",
 * "previous"}: what verify begins from when the rows before are gone. */
struct hf_audit_removal {
    int64_t event_id; /* of audit.removed; 0: not recorded */
    int64_t first_id; /* 0: there is nothing to remove */
    int64_t last_id;
    char previous[80]; /* the digest before first_id */
    char digest[80];   /* of last_id */
    char file[128];    /* the export's name, without its folder */
    char file_digest[HF_SHA256_TEXT];
    int64_t file_bytes;
    int64_t last_at_ms;
    int64_t head_id; /* the newest event when it was planned */
};

/* What can go: rows older than before_ms, at most `most` of them, from the first on. Never: the newest row, one from
 * the first of an open incident on or with a waiting alert, or an incident cut in two. *why (may be NULL): a sentence
 * about what keeps the next row. HF_ECORRUPT: rows are missing that no removal accounts for. */
int hf_audit_removal_plan(struct hf_audit_reader *reader, int64_t before_ms, int64_t most, struct hf_audit_removal *out,
                          struct hf_buf *why, struct hf_error *err);

enum hf_audit_export_step { HF_EXPORT_WRITTEN, HF_EXPORT_SYNCED, HF_EXPORT_RENAMED, HF_EXPORT_SAFE, HF_EXPORT_READ };
/* false: give up (HF_ECANCELED). Also called now and then while rows are written. */
typedef bool (*hf_audit_step_fn)(void *ctx, enum hf_audit_export_step step);
/* Writes what is planned as holdfast-FIRST-LAST.jsonl into a folder: a first line {"count","first_id","last_id",
 * "previous"}, then lines as hf_audit_export has them, each checked. Under its name only when it is whole and on the
 * disk, then read again. A whole one that is there already is taken. HF_ECONFLICT: another file has the name. */
int hf_audit_removal_export(struct hf_audit_reader *reader, struct hf_audit_removal *removal, const char *folder,
                            const void *key, size_t key_len, hf_audit_step_fn step, void *ctx, struct hf_error *err);

/* Queues the removal of what was exported, with its event, in one transaction. fn is called on the loop when that is
 * durable, or with why it is not done (HF_ECONFLICT: something holds a row of it by now). Thread: the loop's. */
typedef void (*hf_audit_removed_fn)(void *ctx, const struct hf_error *outcome);
int hf_audit_remove(struct hf_audit *audit, const struct hf_audit_removal *removal, hf_audit_removed_fn fn, void *ctx,
                    struct hf_error *err);

/* Removals told in the trail (or in an exported file), oldest first. */
typedef bool (*hf_audit_removal_fn)(void *ctx, const struct hf_audit_removal *removal);
int hf_audit_removals(struct hf_audit_reader *reader, hf_audit_removal_fn fn, void *ctx, struct hf_error *err);

/* Reads an exported file and recomputes its chain: out is what it holds, out->file the last part of path. fn (may be
 * NULL) gets the removals that its own rows tell of. HF_ECORRUPT names the line. */
int hf_audit_exported_read(const char *path, const void *key, size_t key_len, struct hf_audit_removal *out,
                           hf_audit_removal_fn fn, void *ctx, struct hf_error *err);

#endif
