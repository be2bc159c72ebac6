/* The audit station's own: rows as cells, the chain, the database file, the writer.
 *
 * columns.c  which columns an event has      store.c    the file: open, check, set aside
 * chain.c    a row's digest                  migrate.c  the schema, forward
 * key.c      the key of the chain            lock.c     one agent a file
 * queue.c    what waits to be written        mend.c     a file that is corrupt or gone while it is written
 * writer.c   the thread: groups, retries     mailbox.c  what is told on the loop
 * record.c   rows written in a transaction   outbox.c   taken and settled
 * removal.c  what can go, and the tombstone  segment.c, exported.c  what goes, in a file; that file by itself
 * remove.c   the rows go                     checkpoint.c  what is kept elsewhere
 * reader.c, query.c, incidents.c, deliveries.c, figures.c, verify.c, export.c, event_json.c, event_csv.c: read-only */
#ifndef HF_AUDIT_TRAIL_H
#define HF_AUDIT_TRAIL_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "holdfast/audit.h"
#include "holdfast/mem.h"

#define HF_TRAIL_APPLICATION 1751540084 /* "hfat" */
#define HF_TRAIL_MIGRATIONS "schema/migrations/"
#define HF_TRAIL_LONGEST 16777216 /* bytes of one value, whoever wrote the file */
#define HF_TRAIL_DIGEST_TEXT 80   /* "hmac-sha256:" + 64 hex digits + NUL, rounded up */

/* columns.c: the columns of an event in code point order, as its canonical JSON has them; without id and digest. */
enum hf_column_kind { HF_COLUMN_TEXT, HF_COLUMN_TIME, HF_COLUMN_INTEGER, HF_COLUMN_FLAG };
struct hf_column {
    const char *name;
    enum hf_column_kind kind;
    size_t offset; /* in struct hf_audit_event */
    size_t limit;  /* bytes of a text; longer ones are cut (detail: replaced) */
};
#define HF_COLUMN_COUNT 24
extern const struct hf_column hf_columns[HF_COLUMN_COUNT];
/* "alert,api_version,…": what every statement over events names, in the table's order. */
#define HF_COLUMN_LIST                                                                                                 \
    "alert,api_version,at,corrected_at,detail,drifted_at,incident,kind,manager,message,name,namespace,operation,"      \
    "resource_version,revision,seen_at,severity,space,subresource,target,type,uid,unit,verdict"

/* A value of a row. text.ptr NULL and !is_integer: NULL. */
struct hf_cell {
    bool is_integer;
    int64_t integer;
    struct hf_slice text;
};
struct hf_row {
    int64_t id;
    struct hf_cell cells[HF_COLUMN_COUNT];
    char times[HF_COLUMN_COUNT][HF_TIME_TEXT]; /* where a time's text lives when it came from an event */
};

/* An event's texts as they are stored: well-formed UTF-8, no longer than the column allows. scratch holds what had to
 * be changed. -1: HF_ENOMEM. */
int hf_row_from_event(struct hf_row *row, int64_t id, const struct hf_audit_event *event, struct hf_arena *scratch,
                      struct hf_error *err);
/* From a statement whose columns `first`… are HF_COLUMN_LIST. Views into the statement. -1 HF_ECORRUPT: a value of a
 * type, or bytes, that this program never writes. */
int hf_row_from_statement(struct hf_row *row, int64_t id, sqlite3_stmt *statement, int first, struct hf_error *err);
/* The event as read; strings stay where row has them. Times that can't be read become HF_TIME_NONE. */
void hf_row_to_event(const struct hf_row *row, struct hf_audit_event *event);

/* chain.c */
struct hf_chain {
    struct hf_hasher *hasher;
    struct hf_buf canonical;
    unsigned char *key; /* NULL: plain SHA-256 */
    size_t key_len;
};
extern const char HF_CHAIN_START[]; /* what stands for the digest before the first row */
#define HF_CHAIN_KEYED "hmac-"      /* what the digest of a keyed row begins with */
int hf_chain_init(struct hf_chain *chain, const void *key, size_t key_len, struct hf_error *err);
void hf_chain_free(struct hf_chain *chain);
/* Appends the canonical JSON of a row: its columns that are not NULL, without digest. */
void hf_chain_canonical(struct hf_buf *buf, const struct hf_row *row);
/* digest = SHA-256(previous + "\n" + canonical), or HMAC-SHA-256 of the same where keyed. */
int hf_chain_digest(struct hf_chain *chain, const char *previous, const struct hf_row *row, bool keyed,
                    char out[HF_TRAIL_DIGEST_TEXT], struct hf_error *err);

/* key.c */
bool hf_chain_is_keyed(const char *digest);
/* That the key is the one of the rows before head, the newest digest. HF_EINVAL: it is not, or there is none; names the
 * first keyed row. */
int hf_key_check(sqlite3 *db, const char *head, struct hf_chain *chain, struct hf_error *err);

/* store.c */
int hf_store_error(sqlite3 *db, struct hf_error *err, const char *doing); /* db's last error, with a code; returns -1 */
int hf_store_exec(sqlite3 *db, const char *sql, struct hf_error *err);
int hf_store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct hf_error *err);
/* Limits and settings for a file that may have been made by anybody. */
int hf_store_harden(sqlite3 *db, struct hf_error *err);
/* One integer of one row. */
int hf_store_integer(sqlite3 *db, const char *sql, int64_t *out, struct hf_error *err);
/* The open file. db is NULL while it can not be opened (again). */
struct hf_store {
    char *path;
    sqlite3 *db;
    int lock;        /* of <path>.lock; -1: none */
    bool is_watched; /* whether it is in its place can be told */
};
/* Opens for writing: makes, migrates, checks, sets aside (then *set_aside names where to; the caller frees). had_lock:
 * the lock file was there before, so a trail was. */
int hf_store_open(const char *path, bool had_lock, struct hf_log *log, sqlite3 **out, char **set_aside,
                  struct hf_error *reason, struct hf_error *err);
/* So that a file just made in it is there after a power cut. */
int hf_store_sync_folder(const char *path, struct hf_error *err);
/* Renames the file with what belongs to it; *set_aside names where to; the caller frees. */
int hf_store_set_aside(const char *path, char **set_aside, struct hf_error *err);

/* mend.c: what trying again does not mend. Thread: the writer's. */
/* Right after opening: where inodes are not stable (some file systems in user space) it can not be told later whether a
 * file was moved. */
void hf_store_watch(struct hf_store *store);
/* -1 HF_ENOTFOUND: what is open is not the file at the path any more. */
int hf_store_in_place(struct hf_store *store, struct hf_error *err);
/* Writes what is still held open to the path it has vanished from, with its lock. The one that was open is closed. -1:
 * nothing is changed, or store->db is NULL. */
int hf_store_write_back(struct hf_store *store, struct hf_error *err);
/* The event that tells what became of a trail: set aside; gone at the start (no set_aside); written back (no reason).
 */
struct hf_op;
int hf_mend_told(const char *path, const char *set_aside, const struct hf_error *reason, struct hf_op **out,
                 struct hf_error *err);

/* migrate.c */
/* Its version; -1 HF_EUNSUPPORTED: a newer one than this program knows. Changes nothing. */
int hf_migrate_known(sqlite3 *db, int64_t *version, struct hf_error *err);
int hf_migrate(sqlite3 *db, struct hf_error *err);
int hf_migrate_newest(int *version, struct hf_error *err);
/* Whether tables, indexes, triggers and views are what the migrations make: HF_ECORRUPT names the first that is not, or
 * is foreign. Views and indexes of other names are let pass (an auditor's own). */
int hf_migrate_check(sqlite3 *db, struct hf_error *err);

/* lock.c */
int hf_lock_take(const char *path, int *fd, bool *was_there, struct hf_error *err);

/* queue.c: what waits for the writer. */
struct hf_audit_removal;
enum hf_op_kind { HF_OP_BATCH, HF_OP_SETTLE, HF_OP_TAKE, HF_OP_CHANNELS, HF_OP_REMOVE };
struct hf_op {
    struct hf_op *next;
    struct hf_arena *arena; /* holds all below */
    enum hf_op_kind kind;
    uint64_t ticket;
    struct hf_audit_event *events;
    size_t event_count;
    struct hf_audit_object *objects;
    size_t object_count;
    struct hf_audit_settlement settlement; /* settle; without its event, which is the first of events */
    const char *const *channels;           /* channels */
    size_t channel_count;
    const char *channel; /* take */
    int64_t now_ms;
    size_t most;
    hf_outbox_fn fn;
    void *ctx;
    struct hf_outbox_row *rows; /* take's answer */
    size_t row_count;
    int64_t next_due_ms;
    const struct hf_audit_removal *removal; /* remove */
    struct hf_error *refusal;               /* remove's answer */
    void (*removed)(void *ctx, const struct hf_error *outcome);
};
struct hf_ops {
    struct hf_op *head;
    struct hf_op *tail;
    size_t count;
};
void hf_ops_push(struct hf_ops *ops, struct hf_op *op);
struct hf_op *hf_ops_pop(struct hf_ops *ops);
void hf_ops_append(struct hf_ops *ops, struct hf_ops *more); /* leaves more empty */
void hf_ops_free(struct hf_ops *ops);
void hf_op_free(struct hf_op *op);
struct hf_op *hf_op_new(enum hf_op_kind kind); /* NULL: memory */
size_t hf_op_records(const struct hf_op *op);
/* Copies deeply into op. */
int hf_op_add_batch(struct hf_op *op, const struct hf_audit_batch *batch, struct hf_error *err);
int hf_op_add_settlement(struct hf_op *op, const struct hf_audit_settlement *settlement, struct hf_error *err);

/* mailbox.c: from the writer's thread to the loop. Lives until the last wake that was posted has run. */
struct hf_mailbox;
struct hf_mailbox *hf_mailbox_new(const struct hf_audit_events *events, hf_audit_post_fn post, void *post_ctx);
void hf_mailbox_close(struct hf_mailbox *mailbox); /* the loop's thread: nothing is told after this */
void hf_mailbox_drop(struct hf_ops *ops); /* frees ops that will not be told; takes are answered with nothing */
void hf_mailbox_told(struct hf_mailbox *mailbox, struct hf_ops *ops); /* takes them */
void hf_mailbox_state(struct hf_mailbox *mailbox, const struct hf_error *state);
void hf_mailbox_outbox(struct hf_mailbox *mailbox);
/* Posts a wake if something waits and none is under way. False: posting failed, to be tried again. */
bool hf_mailbox_post(struct hf_mailbox *mailbox);

/* record.c: one connection's prepared statements and the head of the chain. */
enum hf_statement {
    HF_INSERT_EVENT,
    HF_OPEN_INCIDENT,
    HF_TOUCH_INCIDENT,
    HF_END_INCIDENT,
    HF_PUT_OBJECT,
    HF_FORGET_OBJECT,
    HF_INSERT_OUTBOX,
    HF_SETTLE_DONE,
    HF_SETTLE_AGAIN,
    HF_SETTLE_LATER,
    HF_TOLD_KEEP,
    HF_TOLD_DROP,
    HF_IN_HAND_ADD,
    HF_IN_HAND_DROP,
    HF_IN_HAND_DROP_ALL,
    HF_OUTBOX_DUE,
    HF_OUTBOX_NEXT,
    HF_EVENT_BY_ID,
    HF_BEGIN,
    HF_COMMIT,
    HF_ROLLBACK,
    HF_STATEMENT_COUNT
};
struct hf_recorder {
    sqlite3 *db;
    sqlite3_stmt *statements[HF_STATEMENT_COUNT];
    struct hf_chain chain;
    struct hf_arena *scratch;
    char **channels;
    size_t channel_count;
    int64_t last_id;
    int64_t outbox_id; /* the highest that was ever given */
    char head[HF_TRAIL_DIGEST_TEXT];
    /* Since the last commit. */
    uint64_t new_events;
    int64_t new_outbox; /* rows added less rows settled */
    bool outbox_grew;
};
int hf_recorder_init(struct hf_recorder *recorder, const struct hf_audit_options *options, struct hf_error *err);
/* Gets ready to write into db, behind its newest event. Ids of the outbox go on rising when it is another file. */
int hf_recorder_attach(struct hf_recorder *recorder, sqlite3 *db, struct hf_error *err);
void hf_recorder_detach(struct hf_recorder *recorder); /* finalizes; db stays */
void hf_recorder_free(struct hf_recorder *recorder);
int hf_recorder_run(struct hf_recorder *recorder, enum hf_statement which,
                    struct hf_error *err); /* steps to the end, resets */
/* All ops in one transaction. On failure nothing of it is left, and the recorder is as before. */
int hf_record_group(struct hf_recorder *recorder, const struct hf_ops *ops, struct hf_error *err);
int hf_record_event(struct hf_recorder *recorder, const struct hf_audit_event *event, struct hf_error *err);
void hf_bind_text(sqlite3_stmt *statement, int at, const char *text);
void hf_bind_time(sqlite3_stmt *statement, int at, int64_t ms);

/* outbox.c */
int hf_outbox_put(struct hf_recorder *recorder, int64_t event_id, const struct hf_audit_event *event,
                  struct hf_error *err);
int hf_outbox_settle(struct hf_recorder *recorder, const struct hf_op *op, struct hf_error *err);
int hf_outbox_take(struct hf_recorder *recorder, struct hf_op *op, struct hf_error *err);

/* removal.c: what is told of rows that went. */
#define HF_REMOVED "audit.removed"
void hf_removal_detail(struct hf_buf *out, const struct hf_audit_removal *removal);
bool hf_removal_parse(struct hf_slice detail, int64_t event_id, struct hf_audit_removal *out); /* false: it is none */
/* The removal that ended right before first_id; event_id 0: there is none. */
int hf_removal_before(sqlite3 *db, int64_t first_id, struct hf_audit_removal *out, struct hf_error *err);

/* remove.c: in the transaction. What stands against it goes to op->refusal, and nothing is changed. */
int hf_remove_run(struct hf_recorder *recorder, const struct hf_op *op, struct hf_error *err);

/* audit.c */
int hf_audit_push(struct hf_audit *audit, struct hf_op *op, struct hf_error *err); /* not bounded */

/* writer.c */
struct hf_writer;
int hf_writer_start(struct hf_store *store, const struct hf_audit_options *options, struct hf_mailbox *mailbox,
                    struct hf_log *log, struct hf_writer **out, struct hf_error *err);
/* Takes the op unless -1 (HF_EBUSY). bounded: the queue's limit holds for it. */
int hf_writer_push(struct hf_writer *writer, struct hf_op *op, bool bounded, struct hf_error *err);
/* Ends the thread after what is queued is written or wait_ms passed; returns how many ops were left. */
size_t hf_writer_stop(struct hf_writer *writer, int64_t wait_ms);
void hf_writer_stats(struct hf_writer *writer, struct hf_audit_stats *out);

/* reader.c */
struct hf_audit_reader {
    sqlite3 *db;
    int64_t until_ms; /* monotonic: what reads then gives up; 0: never */
    atomic_bool is_interrupted;
};

/* How incidents begin, are seen, and end: record.c's statements, the queries and the views (the newest migration)
 * agree. */
#define HF_SEEN_TYPES "('drift.seen', 'extra.seen')"
#define HF_OPENING_TYPES                                                                                               \
    "('drift.seen', 'extra.seen', 'rollout.seen', 'object.absent', 'correction.intended', 'correction.sent',"          \
    " 'correction.blocked', 'correction.failed', 'correction.partial')"
#define HF_ENDING_TYPES "('correction.confirmed', 'rollout.confirmed', 'drift.healed', 'drift.dismissed')"

/* figures.c: the statement of hf_audit_figures, for the same. */
void hf_figures_sql(struct hf_buf *sql, enum hf_audit_by by);
/* query.c: the statement that a filter becomes, for whoever wants to see its plan. */
void hf_query_sql(struct hf_buf *sql, const struct hf_audit_filter *filter);
/* A statement whose columns are id, digest, then HF_COLUMN_LIST; the caller finalizes. */
int hf_query_prepare(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, sqlite3_stmt **statement,
                     struct hf_error *err);
/* Ids of the events that saw an incident first, by filter, at most `most`. */
int hf_query_sightings(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, int64_t *ids, size_t most,
                       size_t *count, struct hf_error *err);

/* What the API server's audit events told, in an event's detail: word for word as in the index events_who. */
#define HF_HAS_WHO(detail) "instr(" detail ", '\"who\":')"
#define HF_WHO_USER(detail)                                                                                            \
    "(CASE WHEN " HF_HAS_WHO(detail) " AND json_valid(" detail ") THEN json_extract(" detail ", '$.who.user') END)"

#endif
