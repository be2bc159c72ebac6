/* ConfigHub: a client of its REST API, and the source that tells its units.
 *
 * All calls and all callbacks on the loop's thread; no callback comes from within the function that starts a call.
 * Requests go only to the configured host; redirects are not followed. The token and the worker's secret are in no
 * error, log or URL. What the API is: the public Go SDK of August 2025 and the OpenAPI document of 2026; both are
 * spoken.
 *
 * Errors say space, unit and what follows from it:
 *   HF_EDENIED      401 (the token was read or exchanged anew once, and is still refused), 403
 *   HF_ENOTFOUND    404: gone from view, which never means deleted
 *   HF_ECONFLICT    409, or a Version or head revision other than the expected: read again
 *   HF_EREFUSED     400, 422, redirects: as it is, ConfigHub will not do it
 *   HF_ETHROTTLED   429
 *   HF_EUNAVAILABLE 5xx, no connection, a body that was cut short, 422 "bridge worker unavailable"
 *   HF_ETIMEOUT, HF_EPARSE (not the JSON that was expected), HF_ELIMIT (larger than allowed), HF_ENOMEM
 *   HF_EUNSUPPORTED a server of 2025 that can't do it safely (an apply of another revision than head, a dry run) */
#ifndef HOLDFAST_CONFIGHUB_H
#define HOLDFAST_CONFIGHUB_H

#include "holdfast/http.h"
#include "holdfast/source.h"

struct hf_confighub; /* a client: one base URL, one login */

/* Where a secret is. At most one is set; both NULL: there is none. The same as struct hf_secret_ref of config.h. */
struct hf_confighub_secret {
    const char *file;        /* read again when it changes, and when the token in it was refused; at most 64 KiB */
    const char *environment; /* a variable's name */
};

/* All is copied. Either token, or worker_id and worker_secret. */
struct hf_confighub_options {
    const char *base_url;             /* with /api: "https://hub.confighub.com/api" */
    struct hf_confighub_secret token; /* the bearer token alone, or JSON with AccessToken (~/.confighub/session.json) */
    struct hf_confighub_secret worker_id; /* exchanged for a token at <host>/auth/worker */
    struct hf_confighub_secret worker_secret;
    const char *ca_pem;         /* PEM bytes of the CA bundle to trust; NULL: the system's */
    const char *proxy;          /* as in struct hf_http_server */
    int64_t connect_timeout_ms; /* 0: 10,000 */
    int64_t timeout_ms;         /* of one request; 0: 30,000 */
};

/* Neither connects nor reads the login yet: what is wrong with these is the error of the first call. HF_EINVAL: the
 * URL, or not exactly one login. loop, http and log must outlive the client. */
int hf_confighub_open(struct hf_loop *loop, struct hf_http *http, struct hf_log *log,
                      const struct hf_confighub_options *options, struct hf_confighub **out, struct hf_error *err);
/* Cancels what is under way, without callbacks. After its sources were freed. May be called from a callback. NULL is
 * fine. */
void hf_confighub_close(struct hf_confighub *hub);

struct hf_confighub_stats {
    uint64_t requests;  /* sent, exchanges of the worker's login included */
    uint64_t bytes_in;  /* of bodies */
    uint64_t renewals;  /* tokens read or exchanged anew after a 401 */
    uint64_t listings;  /* polls that were read whole */
    uint64_t revisions; /* whose data was read */
};
void hf_confighub_stats(const struct hf_confighub *hub, struct hf_confighub_stats *out);

/* --- the source ------------------------------------------------------------------------------------------------- */

enum hf_confighub_desired {
    HF_CONFIGHUB_LIVE, /* LiveRevisionNum: unapplied edits are pending, not drift */
    HF_CONFIGHUB_HEAD  /* HeadRevisionNum, unless a gate blocks it or the unit was destroyed */
};

/* Which units. Everything given must hold. All is copied. */
struct hf_confighub_selection {
    /* Space slugs, patterns with * and ?, and with a leading "!" what is taken away again; none: every space the token
     * can see. At most 64. */
    const char *const *spaces;
    size_t space_count;
    const char *filter;            /* "space/slug" of a stored filter; NULL: none */
    const char *set;               /* "space/slug" of a set (servers of 2025); NULL: none */
    const char *where;             /* a ConfigHub expression; NULL: none */
    const struct hf_label *labels; /* each must be equal */
    size_t label_count;
    const char *target; /* a pattern for the slug of the unit's target; NULL: any. Units of another are told as
                           HF_UNIT_OTHER_TARGET, without documents */
    enum hf_confighub_desired desired;
    int64_t poll_ms;           /* 0: 10,000; each poll a tenth sooner or later by chance */
    int64_t applying_limit_ms; /* how long an apply that does not end is waited for; 0: 15 min */
    size_t parallel;           /* revisions read at one time; 0: 8 */
};

/* The last good revision of every unit, kept by somebody for when ConfigHub is away. */
struct hf_unit_stored {
    const char *space_id;
    const char *unit_id;
    const char *space; /* slugs */
    const char *slug;
    int64_t revision;  /* of the data */
    const char *state; /* what ConfigHub said of the unit: compact JSON, to be given back as it is; at most 64 KiB */
    const char *bytes; /* the revision's data; in save NULL: as saved before */
    size_t byte_count;
};

/* ctx says whose units: a store of several sources needs several. On the loop's thread: load may read (it is called
 * once, in start), the others must not block. The data may hold Secrets: what keeps it must be as private. */
struct hf_unit_store {
    void *ctx;
    /* Calls each for every unit that is kept; *seen_ms: as last told by seen, HF_TIME_NONE when never. */
    int (*load)(void *ctx, void (*each)(void *each_ctx, const struct hf_unit_stored *unit), void *each_ctx,
                int64_t *seen_ms, struct hf_error *err);
    /* What it can't do, it logs itself. */
    void (*save)(void *ctx, const struct hf_unit_stored *unit);
    void (*remove)(void *ctx, const char *space_id, const char *unit_id);
    void (*seen)(void *ctx, int64_t at_ms); /* when the units were last known to be as they are kept; once a minute */
};

/* The units that the selection names, told as the folder source tells its own, sorted by space and slug. store may be
 * NULL. hub must outlive the source. HF_EINVAL: the selection; the error says which part.
 *
 * A poll is one listing without data for all slugs and one more for each pattern; data is read only for a revision that
 * is not had, and not when another unit holds the same bytes. The set is told when all that a poll has changed is read.
 *   - A unit whose data can't be read or used keeps its last good documents beside the problem.
 *   - A unit that is no longer listed stays, with a problem "gone from view: …", until ConfigHub says of its own id
 *     404 while its space can be read: then it was deleted. All gone at once, from two on, is a state.
 *   - An answer older than what was read before (Version, head revision or times that go back) is passed over, until
 *     ConfigHub has said so for a minute.
 *   - ConfigHub away, or the login refused: a state, tried again with growing pauses; Retry-After is kept.
 *   - Before ConfigHub has answered for the first time, and it fails or is silent for 5 s: the stored units are told,
 *     beside a state that says how old they are. What is stored of a revision is not read again. */
int hf_source_confighub(struct hf_confighub *hub, const struct hf_confighub_selection *selection,
                        const struct hf_source_events *events, const struct hf_unit_store *store,
                        struct hf_source **out, struct hf_error *err);

/* Whether a unit is in ConfigHub as it was told: asked anew. For the moment before a correction, since what looks like
 * drift may be an apply that the last poll has not seen. changed: it is not; the new set has been told before the
 * callback. err: could not be asked; then only ConfigHub being away (HF_EUNAVAILABLE, HF_ETIMEOUT) says that nothing
 * else is known. HF_EGONE: it is not shown any more (deleted, or out of view; the next polls tell). HF_EBUSY: it has
 * another target, which the next poll tells. Never called when the source is freed first. At once, HF_ENOTFOUND: the
 * source has no such unit. */
typedef void (*hf_confighub_confirmed_fn)(void *ctx, bool changed, const struct hf_error *err);
int hf_source_confighub_confirm(struct hf_source *source, const char *space_id, const char *unit_id,
                                hf_confighub_confirmed_fn fn, void *ctx, struct hf_error *err);
/* Takes back every confirm with this ctx, without a callback. */
void hf_source_confighub_unconfirm(struct hf_source *source, const void *ctx);

/* Gives up a unit that is gone from view: a person has said that it is right so. The rest is told. HF_ENOTFOUND: no
 * such unit; HF_EREFUSED: it is in view. */
int hf_source_confighub_forget(struct hf_source *source, const char *space_id, const char *unit_id,
                               struct hf_error *err);

/* When the listing was last read whole, wall clock; HF_TIME_NONE: never (store's time when units came from there). */
int64_t hf_source_confighub_seen_ms(const struct hf_source *source);

/* --- calls ------------------------------------------------------------------------------------------------------ */

/* A unit, copied. The slugs are for messages only. */
struct hf_confighub_unit {
    const char *space_id;
    const char *unit_id;
    const char *space;
    const char *slug;
};
static inline struct hf_confighub_unit hf_confighub_unit_of(const struct hf_unit *unit)
{
    return (struct hf_confighub_unit){unit->space_id, unit->unit_id, unit->space, unit->slug};
}

struct hf_confighub_call; /* under way; valid until its last callback */
/* Ends it without a callback; an action that is queued goes on in ConfigHub. */
void hf_confighub_cancel(struct hf_confighub_call *call);

enum hf_confighub_outcome {
    HF_ACTION_RUNNING,            /* only in progress() */
    HF_ACTION_COMPLETED,          /* of a refresh: see drifted */
    HF_ACTION_FAILED,             /* message says why */
    HF_ACTION_CANCELED,           /* by a person, or by an action that came after */
    HF_ACTION_TIMED_OUT,          /* the limit has passed while it ran */
    HF_ACTION_WORKER_UNAVAILABLE, /* refused for it, or the worker has not taken it within its time */
    HF_ACTION_REFUSED             /* err says why: never queued, or no longer followed */
};
const char *hf_confighub_outcome_name(enum hf_confighub_outcome outcome); /* "completed", "worker_unavailable", … */

/* An action, as last seen. Valid during the callback. */
struct hf_confighub_action {
    enum hf_confighub_outcome outcome;
    const char *operation_id; /* "" when none was queued */
    const char *action;       /* "Apply", "Refresh" */
    const char *status;       /* ConfigHub's own words, made safe; "" */
    const char *result;       /* "ApplyCompleted", "ApplyWaitFailed" (the objects are right, not ready yet), … */
    const char *message;      /* made safe, at most 1,000 bytes */
    int64_t revision;         /* that the action is for; 0: not said */
    int64_t took_ms;          /* since the call */
    bool drifted;             /* of a refresh: live differs from the unit */
    const char *data;         /* of a dry run of a refresh: what the unit would become; else NULL */
    size_t data_len;
};

struct hf_confighub_follower {
    void *ctx;
    void (*progress)(void *ctx, const struct hf_confighub_action *action); /* may be NULL: queued, taken, running */
    /* Once, last. err is HF_OK for COMPLETED; else code and a sentence. */
    void (*done)(void *ctx, const struct hf_confighub_action *action, const struct hf_error *err);
};

struct hf_confighub_limits {
    int64_t worker_ms; /* from queued to taken by the worker; 0: 60,000 */
    int64_t total_ms;  /* to the end; 0: 10 min */
};

/* Applies the unit at a revision (> 0; never head by default) and follows the action to its end. A server of 2025
 * applies head only: there it is done only when head is that revision. Should ConfigHub answer that it applies another
 * revision, that is HF_ACTION_REFUSED with HF_EINTERNAL, at once. */
int hf_confighub_apply(struct hf_confighub *hub, const struct hf_confighub_unit *unit, int64_t revision,
                       const struct hf_confighub_limits *limits, const struct hf_confighub_follower *follower,
                       struct hf_confighub_call **out, struct hf_error *err);

/* Brings live back as a new revision. dry_run: nothing changes, data is what would be written. */
int hf_confighub_refresh(struct hf_confighub *hub, const struct hf_confighub_unit *unit, bool dry_run,
                         const struct hf_confighub_limits *limits, const struct hf_confighub_follower *follower,
                         struct hf_confighub_call **out, struct hf_error *err);

/* Follows an action that was queued before, of this process or the one before. */
int hf_confighub_follow(struct hf_confighub *hub, const struct hf_confighub_unit *unit, const char *operation_id,
                        const struct hf_confighub_limits *limits, const struct hf_confighub_follower *follower,
                        struct hf_confighub_call **out, struct hf_error *err);

/* One unit of a bulk apply. */
struct hf_confighub_applied {
    const char *space_id;
    const char *unit_id;
    const char *operation_id; /* "": it was not queued, see err */
    int64_t revision;
    struct hf_error err;
};
typedef void (*hf_confighub_applied_fn)(void *ctx, const struct hf_confighub_applied *units, size_t count,
                                        const struct hf_error *err);
/* Applies all units that `where` lets through in one call; each is followed with hf_confighub_follow. Bulk applies
 * head, so units with unapplied edits are kept out ("AND HeadRevisionNum = LiveRevisionNum"): who is not in the answer
 * is to be applied by itself. */
int hf_confighub_apply_many(struct hf_confighub *hub, const char *where, hf_confighub_applied_fn fn, void *ctx,
                            struct hf_confighub_call **out, struct hf_error *err);
/* The `where` of these units of one space, at most 100; HF_ELIMIT. */
int hf_confighub_where_units(const char *space_id, const char *const *unit_ids, size_t count, struct hf_buf *out,
                             struct hf_error *err);

/* What a changed unit has become. Valid during the callback. */
struct hf_confighub_changed {
    int64_t head_revision;
    int64_t version;
};
typedef void (*hf_confighub_changed_fn)(void *ctx, const struct hf_confighub_changed *unit, const struct hf_error *err);

/* Writes data as a new revision with a description for people. expected_head: the head revision it was made from; the
 * unit is read first, and written with the Version that was read (PUT), so that nobody's edit is lost: HF_ECONFLICT. */
int hf_confighub_update(struct hf_confighub *hub, const struct hf_confighub_unit *unit, int64_t expected_head,
                        const char *bytes, size_t len, const char *description, hf_confighub_changed_fn fn, void *ctx,
                        struct hf_confighub_call **out, struct hf_error *err);

/* Makes an earlier revision the new head. to: its number, or -1 for the one that was live before the live one. Nothing
 * is applied by it. */
int hf_confighub_restore(struct hf_confighub *hub, const struct hf_confighub_unit *unit, int64_t to,
                         const char *description, hf_confighub_changed_fn fn, void *ctx, struct hf_confighub_call **out,
                         struct hf_error *err);

/* Sets annotations (a NULL value takes one away); the others stay. Makes no revision. */
int hf_confighub_annotate(struct hf_confighub *hub, const struct hf_confighub_unit *unit,
                          const struct hf_label *annotations, size_t count, hf_confighub_changed_fn fn, void *ctx,
                          struct hf_confighub_call **out, struct hf_error *err);

/* A revision. Valid during the callback; NULL with an error. */
struct hf_confighub_revision {
    int64_t number;
    const char *description; /* made safe */
    const char *source;
    int64_t created_ms; /* HF_TIME_NONE when not said */
    int64_t live_ms;
    const char *bytes; /* whose SHA-256 is the DataHash, when the server tells one */
    size_t byte_count;
};
typedef void (*hf_confighub_revision_fn)(void *ctx, const struct hf_confighub_revision *revision,
                                         const struct hf_error *err);
int hf_confighub_revision(struct hf_confighub *hub, const struct hf_confighub_unit *unit, int64_t number,
                          hf_confighub_revision_fn fn, void *ctx, struct hf_confighub_call **out, struct hf_error *err);

#endif
