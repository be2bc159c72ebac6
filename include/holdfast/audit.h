/* The trail: an append-only, chained table of events in SQLite, the current state of each object, and the outbox of
 * alerts.
 *
 * One writer thread owns the one writable connection; records are grouped into transactions with full sync; when a
 * group is durable its tickets are told on the loop. Readers open the file read-only. */
#ifndef HOLDFAST_AUDIT_H
#define HOLDFAST_AUDIT_H

#include "holdfast/clock.h"
#include "holdfast/digest.h"
#include "holdfast/log.h"

/* One event. Every string may be NULL (stored as NULL). Times in ms UTC, HF_TIME_NONE: NULL. All is copied on append.
 */
struct hf_audit_event {
    int64_t at_ms;
    const char *type; /* "drift.seen", "drift.healed", "correction.intended", "correction.sent", "correction.confirmed",
                         "correction.failed", "correction.blocked", "correction.partial" (what could be put back was;
                         the incident stays open), "extra.seen", "object.marked", "object.noted", "object.recreated",
                         "unit.changed", "unit.unreadable", "unit.readable", "unit.gone", "source.lost", "source.found",
                         "cluster.lost", "cluster.found", "config.reloaded", "config.refused", "agent.started",
                         "agent.stopped", "alert.delivered", "alert.failed", … */
    const char *severity; /* "info", "warning", "critical" */
    const char *incident; /* ties the events of one drift together */
    const char *target;
    const char *space;
    const char *unit;
    int64_t revision; /* 0: none */
    const char *api_version;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *uid;
    const char *resource_version;
    const char *verdict;
    const char *manager;
    const char *operation;
    const char *subresource;
    int64_t drifted_at_ms;
    int64_t seen_at_ms;
    int64_t corrected_at_ms;
    const char *message; /* a sentence for a person */
    const char *detail;  /* a JSON object: {"findings":[…]}, … */
    bool alert;          /* goes to the outbox too, for every channel, in the same transaction */
};

/* The current state of an object, replaced by key (target, group, kind, namespace, name). forget: the row is removed.
 */
struct hf_audit_object {
    const char *target;
    const char *group;
    const char *version;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *space;
    const char *unit;
    int64_t revision;
    const char *verdict;
    const char *reason;
    const char *uid;
    const char *incident; /* the open one, or NULL */
    int64_t since_ms;     /* when it came to this verdict */
    int64_t corrections;  /* confirmed ones so far */
    bool forget;
};

struct hf_audit_batch {
    const struct hf_audit_event *events;
    size_t event_count;
    const struct hf_audit_object *objects;
    size_t object_count;
};

struct hf_audit_options {
    const char *path;
    const char *const *channels; /* names of alert channels: each alert event makes one outbox row for each */
    size_t channel_count;
    size_t queue_limit; /* records waiting; 0: 8,192 */
    /* HMAC key of the chain (copied), or NULL: plain SHA-256. Once rows are keyed it is refused to go on without it or
     * with another one: HF_EINVAL names the first of them. */
    const void *key;
    size_t key_len;
};

struct hf_audit_events {
    void *ctx;
    /* All called on the loop's thread (the audit posts to the loop by the function below). */
    void (*durable)(void *ctx, uint64_t ticket);
    /* HF_OK: writing works (again); else why it does not. What is queued is kept and tried again; no ticket is told
     * meanwhile. */
    void (*state)(void *ctx, const struct hf_error *err);
    void (*outbox)(void *ctx); /* new outbox rows are there */
};

/* How the writer's thread reaches the loop: hf_loop_post in the program, anything in a test. */
typedef int (*hf_audit_post_fn)(void *ctx, void (*fn)(void *ctx, void *message), void *fn_ctx, void *message);

struct hf_audit;

/* Opens or makes the database (mode 0600), takes the lock <path>.lock (HF_EBUSY naming the holder's pid when another
 * agent holds it), migrates forward, refuses a newer schema (HF_EUNSUPPORTED), checks integrity (quick_check; a corrupt
 * file is set aside as <path>.corrupt-<time> and a new one begun that says so in its first event), starts the writer
 * thread. */
int hf_audit_open(const struct hf_audit_options *options, const struct hf_audit_events *events, hf_audit_post_fn post,
                  void *post_ctx, struct hf_log *log, struct hf_audit **out, struct hf_error *err);
/* Writes what is queued (at most wait_ms), ends the thread, closes, releases the lock. */
void hf_audit_close(struct hf_audit *audit, int64_t wait_ms);

/* Queues one batch as one transaction's part; when it is durable, durable(ctx, ticket) is called. ticket 0: nobody
 * needs to know. HF_EBUSY: the queue is full: keep it and try again after a durable call. Thread: the loop's. */
int hf_audit_append(struct hf_audit *audit, const struct hf_audit_batch *batch, uint64_t ticket, struct hf_error *err);

struct hf_audit_stats {
    uint64_t commits;
    uint64_t events;
    uint64_t queued;
    uint64_t outbox; /* waiting */
    int64_t last_commit_us;
    bool failing;
};
void hf_audit_stats(struct hf_audit *audit, struct hf_audit_stats *out); /* any thread */

/* After a reload: from the next append on, alerts make rows for these channels; and what was taken and not settled may
 * be taken again (by whoever replaced the one that took it). Names are copied. Thread: the loop's. */
int hf_audit_channels(struct hf_audit *audit, const char *const *channels, size_t count, struct hf_error *err);

/* The outbox. Thread: the loop's; the work is done by the writer's thread and told on the loop. */
struct hf_outbox_row {
    int64_t id;
    const char *channel;
    const char *key;        /* idempotency key: stable over retries and restarts */
    const char *event_json; /* the event as JSON */
    int64_t attempts;
    int64_t created_ms;
};
/* Called once for each take that was accepted; with no rows, HF_TIME_NONE, in hf_audit_close for one not answered by
 * then. */
typedef void (*hf_outbox_fn)(void *ctx, const struct hf_outbox_row *rows, size_t count, int64_t next_due_ms);
/* Oldest due first, at most `most` rows of `channel` not in hand already; next_due_ms: when the next one will be due
 * (HF_TIME_NONE: none waits). In order within a channel, oldest first: a row is not given before one ahead of it of
 * the same incident that waits for a later time. */
int hf_audit_outbox_take(struct hf_audit *audit, const char *channel, int64_t now_ms, size_t most, hf_outbox_fn fn,
                         void *ctx, struct hf_error *err);
/* What a channel was told of an incident; over: it was told the end of it, or need not be. */
struct hf_audit_told {
    const char *channel;
    const char *incident;
    const char *group;  /* what the messages about it share */
    const char *thread; /* may be NULL */
    int64_t told_ms;
    int64_t event_id; /* the newest that was told */
    bool over;
};
enum hf_settled {
    HF_SETTLED,       /* the rows go: told, given up, or not for this channel */
    HF_SETTLED_AGAIN, /* due again at next_ms, attempts + 1, with last_error kept */
    HF_SETTLED_LATER  /* due at next_ms; it was not tried */
};
struct hf_audit_settlement {
    const int64_t *ids;
    size_t count;
    enum hf_settled how;
    int64_t next_ms;
    const char *last_error;
    const struct hf_audit_event *event; /* may be NULL; chained, unless all the rows were settled before */
    const struct hf_audit_told *told;   /* kept (or forgotten, when over) */
    size_t told_count;
};
/* All of it in one transaction; copied. Never HF_EBUSY. */
int hf_audit_outbox_settle(struct hf_audit *audit, const struct hf_audit_settlement *settlement, struct hf_error *err);

/* Reading: one reader a thread. Opens read-only (query_only); works while an agent writes. */
struct hf_audit_reader;
int hf_audit_reader_open(const char *path, struct hf_audit_reader **out, struct hf_error *err);
void hf_audit_reader_close(struct hf_audit_reader *reader);
/* Whether the file it reads is not the one at its path any more: then a reader opened now reads another one. */
bool hf_audit_reader_is_stale(const struct hf_audit_reader *reader);

struct hf_audit_filter { /* NULL, 0 or HF_TIME_NONE: any */
    int64_t after_id;    /* only ids above (oldest first) or below (newest_first) */
    int64_t most_id;     /* and none above it: who walks the trail a piece at a time bounds each by ids */
    int64_t since_ms;
    int64_t until_ms;
    const char *type; /* exact, or a prefix ending in '.' : "correction." */
    const char *incident;
    const char *target;
    const char *space;
    const char *unit;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *manager;
    const char *user; /* of detail.who: as whom the API server knew them */
    const char *severity;
    const char *verdict;
    const char *path;    /* a finding whose path (or its readable form) begins so */
    const char *class;   /* a finding of this class */
    const char *outcome; /* of the event's incident: "open", "ended", "corrected", "healed", "dismissed" */
    size_t limit;        /* 0: 100 */
    bool newest_first;
};
/* A row as read: the event (strings valid during the callback) with its id and its digest in the chain. Return false to
 * stop. */
typedef bool (*hf_audit_row_fn)(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest);
int hf_audit_query(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, hf_audit_row_fn fn, void *ctx,
                   struct hf_error *err);

/* Incidents without an end (drift seen, neither confirmed nor healed), for start-up: the newest event of each. */
int hf_audit_open_incidents(struct hf_audit_reader *reader, hf_audit_row_fn fn, void *ctx, struct hf_error *err);

/* One event by its id. HF_ENOTFOUND: there is none. */
int hf_audit_event_read(struct hf_audit_reader *reader, int64_t id, hf_audit_row_fn fn, void *ctx,
                        struct hf_error *err);

/* The state of every object, in order of its key (target, group, kind, namespace, name). Strings are valid during the
 * callback; false stops. */
typedef bool (*hf_audit_object_fn)(void *ctx, const struct hf_audit_object *object);
int hf_audit_objects(struct hf_audit_reader *reader, hf_audit_object_fn fn, void *ctx, struct hf_error *err);

/* Recomputes the chain. *rows: how many were right. -1 HF_ECORRUPT names the first broken row. progress may be NULL; it
 * is called every 10,000 rows. */
int hf_audit_verify(struct hf_audit_reader *reader, void (*progress)(void *ctx, int64_t rows), void *ctx, int64_t *rows,
                    struct hf_error *err);

struct hf_audit_checkpoint;

/* What a chain can be held against, and how far it was right. */
struct hf_audit_checks {
    const void *key; /* of a keyed chain, or NULL */
    size_t key_len;
    const struct hf_audit_checkpoint *checkpoints; /* audit_keep.h, in order of id: the trail must hold each */
    size_t checkpoint_count;
    void (*progress)(void *ctx, int64_t rows, int64_t of);
    void *ctx;
};
struct hf_audit_proof {
    int64_t rows;       /* that were right */
    int64_t last_id;    /* of the last of them */
    char head[80];      /* its digest; empty when there is none */
    int64_t keyed_from; /* the first keyed row; 0: none is */
    size_t held;        /* checkpoints that the trail holds */
    int64_t removed;    /* events that were removed from its beginning by retention, as removed_by tells */
    int64_t removed_by;
    size_t removed_checkpoints; /* of events among them: only the exports can hold these */
};
#define HF_AUDIT_KEY_LEAST 32 /* bytes */
/* Appends the key in a file, without line breaks at its end, to *out, which the caller wipes and frees. HF_EDENIED:
 * others than the owner can use the file; HF_EINVAL: it has fewer than HF_AUDIT_KEY_LEAST bytes. */
int hf_audit_key_load(const char *path, struct hf_buf *out, struct hf_error *err);

/* hf_audit_verify with all that can be checked. Also: no row of the tail is gone (sqlite_sequence), the schema with its
 * triggers is as holdfast made it; where a key is given, rows are keyed with it. HF_EINVAL: rows are keyed and no key
 * was given. */
int hf_audit_prove(struct hf_audit_reader *reader, const struct hf_audit_checks *checks, struct hf_audit_proof *out,
                   struct hf_error *err);

/* What channels were told of incidents that they were not told the end of: in order of channel and incident; event_json
 * is the newest event that was told ("{}" when it is gone), valid during the callback; false stops. */
typedef bool (*hf_audit_told_fn)(void *ctx, const struct hf_audit_told *told, const char *event_json);
int hf_audit_told(struct hf_audit_reader *reader, hf_audit_told_fn fn, void *ctx, struct hf_error *err);

/* Each event above after_id as its canonical JSON (what its digest covers, behind the digest before it and a line
 * feed), oldest first. canonical is valid during the callback; false stops. One snapshot, also while an agent writes.
 */
typedef bool (*hf_audit_line_fn)(void *ctx, int64_t id, const char *digest, struct hf_slice canonical);
int hf_audit_export(struct hf_audit_reader *reader, int64_t after_id, hf_audit_line_fn fn, void *ctx,
                    struct hf_error *err);
/* The same of the events that a filter lets through, in its order. */
int hf_audit_export_some(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, hf_audit_line_fn fn,
                         void *ctx, struct hf_error *err);
/* The line of an export, with its line feed: {"digest":…,"event":canonical}. */
void hf_audit_export_line(struct hf_buf *buf, const char *digest, struct hf_slice canonical);

/* Copies the whole trail as it is now into a new file (mode 0600), also while an agent writes. HF_ECONFLICT: path
 * exists. progress may be NULL. On failure nothing is left at path. */
int hf_audit_backup(struct hf_audit_reader *reader, const char *path,
                    void (*progress)(void *ctx, int64_t pages, int64_t of), void *ctx, struct hf_error *err);

/* Incidents by what they have in common. Times in ms: p50, p95 (nearest rank) and the most; -1 where there is none. */
enum hf_audit_by {
    HF_BY_ALL,
    HF_BY_TARGET,
    HF_BY_UNIT,
    HF_BY_KIND,
    HF_BY_NAMESPACE,
    HF_BY_MANAGER,
    HF_BY_USER,
    HF_BY_PATH
};
struct hf_audit_figures {
    const char *key; /* valid during the callback; "" where an incident has none */
    int64_t incidents;
    int64_t open;
    int64_t corrected;
    int64_t healed;
    int64_t dismissed;
    int64_t see_ms[3];     /* from drifted to seen */
    int64_t correct_ms[3]; /* from seen to corrected */
};
typedef bool (*hf_audit_figures_fn)(void *ctx, const struct hf_audit_figures *figures);
/* Of incidents seen in [since_ms, until_ms) (HF_TIME_NONE: open-ended), in order of key. By path an incident counts
 * once for each of its paths. */
int hf_audit_figures(struct hf_audit_reader *reader, enum hf_audit_by by, int64_t since_ms, int64_t until_ms,
                     hf_audit_figures_fn fn, void *ctx, struct hf_error *err);

/* An incident: what the event said that saw it, and what became of it. Strings are valid during the callback. */
struct hf_audit_incident {
    const char *id;
    const char *outcome;               /* "open", "corrected", "healed", "dismissed" */
    const char *user;                  /* who did it, where the API server's audit events told it; NULL */
    const struct hf_audit_event *seen; /* drift.seen or extra.seen */
    int64_t first_id;                  /* its id: a page goes on by it (the filter's after_id) */
    int64_t ended_ms;                  /* HF_TIME_NONE: open */
    int64_t last_id;                   /* its newest event */
    const char *last_type;
    int64_t last_ms;
    const char *last_message;
};
typedef bool (*hf_audit_incident_fn)(void *ctx, const struct hf_audit_incident *incident);
#define HF_AUDIT_INCIDENTS_MOST 1000
/* At most HF_AUDIT_INCIDENTS_MOST incidents by what was said when they were seen; the filter's type is not asked.
 * outcome "ended" too. */
int hf_audit_incidents(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, hf_audit_incident_fn fn,
                       void *ctx, struct hf_error *err);

/* What a channel was told of an incident, or is to be. Strings are valid during the callback. */
struct hf_audit_delivery {
    const char *channel;
    const char *state; /* "delivered", "given_up", "waiting" */
    int64_t at_ms;     /* when it was settled; waiting: since when it waits */
    int64_t attempts;
    const char *message; /* waiting: why the last attempt failed; may be NULL */
    int64_t due_ms;      /* waiting: not before; else HF_TIME_NONE */
};
typedef bool (*hf_audit_delivery_fn)(void *ctx, const struct hf_audit_delivery *delivery);
/* The settled ones by state and time, then those that wait; at most 100. first_id: of the incident's first event. */
int hf_audit_deliveries(struct hf_audit_reader *reader, const char *incident, int64_t first_id, hf_audit_delivery_fn fn,
                        void *ctx, struct hf_error *err);

/* A part of a span of time. Of the times at which it was seen, corrected and blocked; open: at its end. */
struct hf_audit_bucket {
    int64_t from_ms;
    int64_t to_ms;
    int64_t seen;
    int64_t corrected;
    int64_t blocked;
    int64_t open;
};
#define HF_AUDIT_BUCKETS_MOST 1000
/* Fills `count` equal parts of [since_ms, until_ms). HF_EINVAL: none, too many, or no span. */
int hf_audit_timeline(struct hf_audit_reader *reader, int64_t since_ms, int64_t until_ms,
                      struct hf_audit_bucket *buckets, size_t count, struct hf_error *err);

/* What reads later than in so many ms from now gives up with HF_ECANCELED, until the next call of this; 0: never. */
void hf_audit_reader_limit(struct hf_audit_reader *reader, int64_t most_ms);
/* What reads now gives up with HF_ECANCELED, and so does what reads later under a limit. Any thread, while the reader
 * is open. */
void hf_audit_reader_interrupt(struct hf_audit_reader *reader);

/* How many events the trail holds, its newest event and that one's digest; 0, 0 and "" when it is empty. */
struct hf_audit_extent {
    int64_t events;
    int64_t last_id;
    char head[80];
};
int hf_audit_extent(struct hf_audit_reader *reader, struct hf_audit_extent *out, struct hf_error *err);

/* One event as a JSON object (what the API, the exports and the alerts use). Appends to *buf. */
void hf_audit_event_json(struct hf_buf *buf, int64_t id, const struct hf_audit_event *event, const char *digest);
/* The same as a line of CSV (RFC 4180), and the line of names that it goes below. What a spreadsheet would take for a
 * formula is made text by a leading apostrophe. */
void hf_audit_event_csv(struct hf_buf *buf, int64_t id, const struct hf_audit_event *event, const char *digest);
void hf_audit_csv_names(struct hf_buf *buf);

#endif
