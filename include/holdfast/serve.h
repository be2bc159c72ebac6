/* Dashboard, JSON API, event stream, metrics, health: on libmicrohttpd's own threads, from an immutable snapshot that
 * the loop publishes and from the trail by a table of functions. Read-only for people. */
#ifndef HOLDFAST_SERVE_H
#define HOLDFAST_SERVE_H

#include "holdfast/clock.h"
#include "holdfast/digest.h"
#include "holdfast/log.h"

struct hf_view_finding {
    const char *path;
    const char *readable;
    const char *class;
    const char *desired;
    const char *live;
    const char *manager;
    const char *operation;
    int64_t at_ms;
};

struct hf_view_object {
    const char *target;
    const char *space;
    const char *unit;
    int64_t revision;
    const char *api_version;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *verdict;
    const char *reason;   /* NULL when there is none */
    const char *incident; /* the open one, NULL */
    int64_t since_ms;
    int64_t order;
    int64_t corrections;
    int64_t last_correction_ms; /* how long the last one took from drifted (or seen) to confirmed; HF_TIME_NONE */
    const struct hf_view_finding *findings;
    size_t finding_count;
};

struct hf_view_label {
    const char *name;
    const char *value;
};

struct hf_view_unit {
    const char *target;
    const char *space;
    const char *slug;
    const char *origin;
    int64_t revision;
    const char *verdict; /* the worst of its objects */
    const char *problem; /* NULL */
    size_t objects;
    const struct hf_view_label *labels;
    size_t label_count;
    /* Of ConfigHub (source.h). */
    bool is_hub;
    const char *state;
    const char *state_reason; /* NULL or "": none */
    const char *mode;
    int64_t head_revision;
    int64_t applied_revision;
    int64_t live_revision;
    int64_t upstream_revision;
    int64_t upstream_head;
};

#define HF_SERVE_BUCKET_COUNT 12
/* Upper bounds in ms of the histograms: drifted to seen, seen to corrected. */
#define HF_SERVE_BUCKETS_MS                                                                                            \
    {                                                                                                                  \
        10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000                                               \
    }
#define HF_SERVE_LATE_MS 30000 /* what is to be put back is put back within this */

/* What has drifted, as counters tell it: the class of the finding that is told first (drift.h), or the whole object. */
#define HF_SERVE_CLASS_COUNT 6
#define HF_SERVE_CLASSES                                                                                               \
    {                                                                                                                  \
        "changed", "removed", "leftover", "added", "defaulted", "deleted"                                              \
    }

/* Counts of a target since start, but for the last two. */
struct hf_serve_tally {
    uint64_t drifts[HF_SERVE_CLASS_COUNT];
    uint64_t due;       /* drifts that were holdfast's to put back: no rule, window, fight or pause held them back */
    uint64_t late;      /* of these, not put back HF_SERVE_LATE_MS after they became so; counted once, when it is so */
    uint64_t partial;   /* put back but for what a rule holds back */
    uint64_t blocked;   /* told that they can't be put back */
    uint64_t put_off;   /* told that they are not put back now: a rule, window, fight or pause */
    uint64_t healed;    /* drifts that came right without us */
    uint64_t dismissed; /* drifts that are no longer ours to judge */
    uint64_t fights;    /* paths left alone because they were changed again and again */
    uint64_t rollouts;  /* objects created, or brought to their unit's new content */
    uint64_t seen_histogram[HF_SERVE_BUCKET_COUNT + 1];
    int64_t seen_sum_ms;
    uint64_t open;      /* drifts now */
    uint64_t open_late; /* of these, late */
};

struct hf_view_target {
    const char *name;
    const char *server;          /* URL without user part */
    const char *correction;      /* "auto", "observe" */
    const char *cluster_state;   /* "connecting", "synced", "lost" */
    const char *cluster_problem; /* NULL */
    int64_t cluster_since_ms;
    const char *source_problem; /* NULL */
    int64_t source_at_ms;       /* when the source was last read well */
    uint64_t watches;
    uint64_t watch_restarts;
    uint64_t audited; /* writes that the API server's audit webhook has told */
    uint64_t audited_wrong;
    uint64_t watch_events;
    uint64_t fast_events; /* ended by the fast path */
    uint64_t requests;
    uint64_t failures;
    uint64_t in_flight; /* corrections */
    uint64_t queued;
    uint64_t corrected;                  /* confirmed since start */
    uint64_t failed;                     /* correction attempts that failed since start */
    uint64_t drifts;                     /* seen since start */
    const uint64_t *corrected_histogram; /* counts for HF_SERVE_BUCKETS_MS, then one for above */
    int64_t corrected_sum_ms;
    struct hf_serve_tally tally;
};

struct hf_view_channel {
    const char *name;
    uint64_t delivered;
    uint64_t failed;
    uint64_t given_up;
    bool failing;
};

/* Immutable, counted by reference, any thread. All strings are its own (one arena). */
struct hf_view {
    int64_t made_ms;
    uint64_t serial; /* counts the views published */
    int64_t started_ms;
    bool ready;                /* every target synced once and the trail writable */
    const char *not_ready;     /* why, NULL */
    const char *trail_problem; /* NULL */
    uint64_t trail_events;
    uint64_t trail_queued;
    uint64_t trail_commits;
    int64_t trail_commit_us; /* how long the last one took */
    uint64_t outbox;
    const struct hf_view_target *targets;
    size_t target_count;
    const struct hf_view_unit *units; /* by target, order, space, slug */
    size_t unit_count;
    const struct hf_view_object *objects; /* by target, order, kind, namespace, name */
    size_t object_count;
    const struct hf_view_channel *channels;
    size_t channel_count;
    struct hf_arena *arena; /* freed with the last reference */
};

/* What is asked of the trail. Texts NULL, times HF_TIME_NONE: any. */
struct hf_serve_query {
    int64_t after_id; /* newest first: only ids below it (0: from the end); oldest first: only ids above it */
    int64_t most_id;  /* an export's piece: and none above it; 0: any */
    size_t limit;     /* 1 to 1,000 */
    bool oldest_first;
    int64_t since_ms;
    int64_t until_ms;
    const char *type;
    const char *incident;
    const char *target;
    const char *space;
    const char *unit;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *manager;
    const char *user;
    const char *severity;
    const char *verdict;
    const char *path;
    const char *class;
    const char *outcome; /* "open", "ended", "corrected", "healed", "dismissed" */
};

enum hf_serve_by {
    HF_SERVE_BY_ALL,
    HF_SERVE_BY_TARGET,
    HF_SERVE_BY_UNIT,
    HF_SERVE_BY_KIND,
    HF_SERVE_BY_NAMESPACE,
    HF_SERVE_BY_MANAGER,
    HF_SERVE_BY_USER,
    HF_SERVE_BY_PATH,
    HF_SERVE_BY_COUNT
};

enum hf_serve_form { HF_SERVE_JSONL, HF_SERVE_CSV };

/* The trail as the server needs it: called on the server's threads, must be safe for that, and each must end within
 * seconds: HF_ECANCELED where it took too long. All append JSON to *out. But for events each may be NULL. */
struct hf_serve_trail {
    void *ctx;
    /* An array of events, newest first unless oldest_first. */
    int (*events)(void *ctx, const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err);
    /* An array of incidents, newest first, each with the id of its first event, by which a page goes on, as "event". */
    int (*incidents)(void *ctx, const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err);
    /* One incident as an object: its events, at most 1,000, oldest first, and its deliveries. HF_ENOTFOUND. */
    int (*incident)(void *ctx, const char *id, struct hf_buf *out, struct hf_error *err);
    /* {"by","since","until","all","items","more"}. */
    int (*stats)(void *ctx, enum hf_serve_by by, int64_t since_ms, int64_t until_ms, struct hf_buf *out,
                 struct hf_error *err);
    /* {"since","until","items"}. */
    int (*timeline)(void *ctx, int64_t since_ms, int64_t until_ms, size_t buckets, struct hf_buf *out,
                    struct hf_error *err);
    /* The chain's state. verify: it is wanted anew; when that was done lately the last finding stands. */
    int (*chain)(void *ctx, bool verify, struct hf_buf *out, struct hf_error *err);
    /* Lines of events for a file, no JSON around them, from query->after_id + 1 to most_id (0: none), as far as they
     * fit; begins: behind a line of names, where the form has one. *next_id: the id to go on after, 0 when there are
     * no more. Must end within a tenth of a second or so. */
    int (*lines)(void *ctx, enum hf_serve_form form, const struct hf_serve_query *query, bool begins, int64_t *next_id,
                 struct hf_buf *out, struct hf_error *err);
    /* The ids that since and until leave, for lines: from *first to *last; both 0 when there are none. */
    int (*span)(void *ctx, int64_t since_ms, int64_t until_ms, int64_t *first, int64_t *last, struct hf_error *err);
    /* What is being read gives up, and nothing more is asked. */
    void (*stop)(void *ctx);
};

/* What rules explain is asked, as holdfast rules explain has it; NULL: not said. */
struct hf_serve_wish {
    const char *target;
    const char *space;
    const char *unit;
    const struct hf_view_label *unit_labels; /* of the unit that is held */
    size_t unit_label_count;
    const char *labels;
    const char *group;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *path;
    const char *class;
    const char *manager;
    const char *operation;
    const char *user;
    const char *at;
};

/* The rules as the agent has them. On the server's threads; appends a JSON object. */
struct hf_serve_rules {
    void *ctx;
    int (*list)(void *ctx, struct hf_buf *out, struct hf_error *err);
    /* HF_EINVAL: the wish is wrong, and the error says how. */
    int (*explain)(void *ctx, const struct hf_serve_wish *wish, struct hf_buf *out, struct hf_error *err);
};

/* POST /audit/v1/TARGET, the API servers' audit webhook. Called on the server's threads. */
struct hf_serve_hook {
    void *ctx;
    /* Whether the bearer token is the one that the target's API server has; false also where there is no such target.
     */
    bool (*may)(void *ctx, const char *target, const char *token);
    /* Takes an EventList's bytes. HF_EBUSY, HF_ENOMEM: the API server is told to come again; anything else: 400. */
    int (*take)(void *ctx, const char *target, const char *body, size_t len, struct hf_error *err);
};

enum hf_serve_role { HF_SERVE_VIEWER, HF_SERVE_OPERATOR, HF_SERVE_AUDITOR };

struct hf_serve_token {
    const char *name;
    enum hf_serve_role role;
    struct hf_digest hash; /* SHA-256 of its text */
    int64_t expires_ms;    /* HF_TIME_NONE: never */
};

/* Who may read and act (docs/access.md). All of it is copied. */
struct hf_serve_access {
    const struct hf_serve_token *tokens;
    size_t token_count;
    int64_t session_ms;       /* of a login; 0: 12 h */
    bool anonymous_read;      /* who has not logged in may read; on loopback only */
    bool plain_http;          /* beyond loopback without TLS too: a proxy ends it */
    const char *const *hosts; /* names that it is reached by, beside addresses; none: beyond loopback any */
    size_t host_count;
    const char *cert_pem; /* the chain; NULL: no TLS */
    const char *key_pem;
    const char *const *proxy_addresses; /* addresses and networks of proxies that tell who asks */
    size_t proxy_count;
    const char *proxy_user_header;
    const char *proxy_role_header; /* NULL: all have proxy_role */
    enum hf_serve_role proxy_role;
    unsigned requests_per_second; /* of one address; 0: no limit */
    bool reviewed;                /* a token that is none of these is shown to a cluster (struct hf_serve_reviewer) */
};

/* What a cluster says of a token that is none of ours. */
enum hf_serve_review_outcome {
    HF_SERVE_REVIEW_NONE, /* it can't be asked */
    HF_SERVE_REVIEW_WRONG,
    HF_SERVE_REVIEW_USER,
};
struct hf_serve_review {
    enum hf_serve_review_outcome outcome;
    const char *user; /* what follows: of a user */
    bool may_read;    /* without it he may nothing */
    bool may_act;
    bool may_audit;
    int64_t until_ms; /* the token's own end; HF_TIME_NONE: not known */
};
struct hf_serve_reviewer {
    void *ctx;
    /* Called on the server's threads. Begins to ask; the answer comes by hf_serve_reviewed, never from within. */
    int (*begin)(void *ctx, uint64_t ticket, const char *token, struct hf_error *err);
    int64_t keep_ms;       /* what is known of a user counts for so long; 0: 60 s */
    int64_t keep_wrong_ms; /* and that a token is wrong, or has no right; 0: 10 s */
    int64_t limit_ms;      /* a request waits for an answer for so long; 0: 5 s */
};

/* What a person with the right to asks of the agent. Texts are the caller's, NULL where not given. */
enum hf_serve_act_kind {
    HF_SERVE_PUT_BACK,
    HF_SERVE_ACCEPT,
    HF_SERVE_ROLLBACK,
    HF_SERVE_PAUSE,
    HF_SERVE_SNOOZE,
    HF_SERVE_RESUME,
};
struct hf_serve_act {
    enum hf_serve_act_kind kind;
    const char *target;
    const char *space;
    const char *unit;
    const char *object_kind;
    const char *namespace;
    const char *name;
    int64_t to; /* rollback: a revision; -1: what was live before */
    bool dry_run;
    int64_t until_ms;  /* pause, snooze; HF_TIME_NONE: until it is ended */
    const char *pause; /* resume: its id */
    const char *by;
    const char *reason;
    int64_t at_ms;
};
#define HF_SERVE_ID 40

/* Called on the server's threads. */
struct hf_serve_actions {
    void *ctx;
    /* id: of the ask, or of the pause. HF_ELIMIT: too many wait; HF_ENOTFOUND: no such pause. */
    int (*act)(void *ctx, const struct hf_serve_act *act, char id[HF_SERVE_ID], struct hf_error *err);
    /* Appends the answers so far, a line of JSON each: {"at","state","message"}; taken: whether the agent has it.
     * HF_ENOTFOUND. */
    int (*answers)(void *ctx, const char *id, bool *taken, struct hf_buf *out, struct hf_error *err);
    /* Appends a JSON array of the pauses and snoozes that hold. */
    int (*pauses)(void *ctx, struct hf_buf *out, struct hf_error *err);
};

struct hf_serve_options {
    const char *listen;       /* "127.0.0.1:8484", "[::1]:0"; beyond loopback only with access, else HF_EDENIED */
    const char *web_folder;   /* overrides the compiled-in web/; NULL */
    unsigned threads;         /* 0: 2 */
    unsigned max_connections; /* 0: 256 */
    unsigned max_streams;     /* event streams at once; 0: 64 */
    unsigned idle_timeout_s;  /* a connection without a byte for so long is closed; 0: 30 */
    int64_t (*last_turn_ms)(void *ctx); /* the loop's last turn (monotonic), for /livez */
    void *last_turn_ctx;
    const struct hf_serve_hook *hook;         /* NULL: there is none */
    const struct hf_serve_access *access;     /* NULL: loopback only, and read-only */
    const struct hf_serve_actions *actions;   /* NULL: there are none */
    const struct hf_serve_reviewer *reviewer; /* NULL: no cluster is asked */
    const struct hf_serve_rules *rules;       /* NULL: they are not told */
    unsigned connections_per_address;         /* 0: 64; on loopback and behind a proxy max_connections */
};

/* A listener for the audit webhook alone, for API servers that are not on this machine: over TLS, where it may be on
 * any address (each post needs its target's token); without a certificate on loopback only. Strings are copied. */
struct hf_hook_server;
struct hf_hook_server_options {
    const char *listen;
    const char *cert_pem; /* the chain; NULL: no TLS */
    const char *key_pem;
    const struct hf_serve_hook *hook;
};
int hf_hook_server_start(const struct hf_hook_server_options *options, struct hf_log *log, struct hf_hook_server **out,
                         struct hf_error *err);
void hf_hook_server_stop(struct hf_hook_server *server); /* NULL is fine */
/* "https://0.0.0.0:8485" with the real port. */
const char *hf_hook_server_address(const struct hf_hook_server *server);

struct hf_serve;

/* Whether hf_serve_start would take these, but for the address being free. */
int hf_serve_check(const char *listen, const struct hf_serve_access *access, struct hf_error *err);

int hf_serve_start(const struct hf_serve_options *options, const struct hf_serve_trail *trail, struct hf_log *log,
                   struct hf_serve **out, struct hf_error *err);
void hf_serve_stop(struct hf_serve *serve); /* NULL is fine; ends streams too */
/* Other tokens, limits, hosts, or another certificate, from now on; streams come again. That TLS is there, or is not,
 * and what else hf_serve_start was told, stays: HF_EINVAL. HF_EDENIED: beyond loopback without access control, and
 * nothing changes. Thread: that of hf_serve_start. */
int hf_serve_renew(struct hf_serve *serve, const struct hf_serve_access *access, struct hf_error *err);
/* The answer to a question of the reviewer's table; one that nobody waits for is passed over. Any thread. */
void hf_serve_reviewed(struct hf_serve *serve, uint64_t ticket, const struct hf_serve_review *review);
/* "http://127.0.0.1:8484" with the real port. */
const char *hf_serve_address(const struct hf_serve *serve);
/* Takes over view (made by the loop, references 1) in place of the one before. */
void hf_serve_publish(struct hf_serve *serve, struct hf_view *view);
/* New events are in the trail: streams look. Any thread. */
void hf_serve_wake(struct hf_serve *serve);

#endif
