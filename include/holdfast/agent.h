/* The agent: which objects should be, what they are, and what is done about the difference. A state machine: events in,
 * effects out.
 *
 * It does no I/O and reads no clock of its own: both come in as a table of functions, so that a test drives any
 * interleaving with a fake clock and effects that fail. Thread: one (the loop's). Functions return -1 only for
 * HF_ENOMEM or HF_EINVAL; then the state is as before, and calling again is safe.
 *
 * Promises kept here: a correction is asked for (`apply`) only after the record that it is intended was told durable;
 * an object with a correction under way gets no second one; a unit that can't be read is judged `unknown` and never
 * corrected or forgotten; nothing is deleted unless a rule says so: what carries our mark and no unit holds any more
 * (prune), or what the server refuses to change (recreate). */
#ifndef HOLDFAST_AGENT_H
#define HOLDFAST_AGENT_H

#include "holdfast/audit.h"
#include "holdfast/cluster.h"
#include "holdfast/drift.h"
#include "holdfast/pauses.h"
#include "holdfast/rules.h"
#include "holdfast/serve.h"
#include "holdfast/source.h"

struct hf_agent;

/* Which objects a follow covers. id is the agent's. */
struct hf_agent_scope {
    uint64_t id;
    const char *target;
    const char *api_version;
    const char *kind;
    const char *namespace; /* NULL: cluster-scoped */
};

/* One object, for apply and get. */
struct hf_agent_ref {
    const char *target;
    const char *api_version;
    const char *kind;
    const char *namespace; /* NULL: cluster-scoped */
    const char *name;
};

struct hf_agent_kind {
    bool namespaced;
    bool has_status;
};
enum hf_agent_served { HF_SERVED, HF_NOT_SERVED, HF_NOT_KNOWN_YET };

struct hf_agent_effects {
    void *ctx;
    int64_t (*now_ms)(void *ctx);  /* wall clock, UTC */
    int64_t (*mono_ms)(void *ctx); /* never jumps */
    uint32_t (*random)(void *ctx);
    enum hf_agent_served (*kind)(void *ctx, const char *target, const char *api_version, const char *kind,
                                 struct hf_agent_kind *out);
    /* Lists and watches from now on; asked for a scope that is followed already: lists anew. Answers:
     * hf_agent_list_begin and so on. */
    void (*follow)(void *ctx, const struct hf_agent_scope *scope);
    void (*unfollow)(void *ctx, uint64_t scope);
    /* Makes a batch durable, then hf_agent_recorded(ticket) (ticket 0: not told). HF_EBUSY: asked again later. */
    int (*record)(void *ctx, const struct hf_audit_batch *batch, uint64_t ticket, struct hf_error *err);
    /* A forced server-side apply; then hf_agent_answered(ticket). -1: it could not even be sent, no answer will come.
     */
    int (*apply)(void *ctx, const struct hf_agent_ref *ref, const char *manager, struct hf_slice bytes, uint64_t ticket,
                 struct hf_error *err);
    /* A JSON patch (RFC 6902) as a manager of its own; then hf_agent_answered(ticket). */
    int (*patch)(void *ctx, const struct hf_agent_ref *ref, const char *manager, struct hf_slice bytes, uint64_t ticket,
                 struct hf_error *err);
    /* Deletes it, with these as preconditions; orphan: what it owns stays. Then hf_agent_answered(ticket). */
    int (*remove)(void *ctx, const struct hf_agent_ref *ref, const char *uid, const char *resource_version, bool orphan,
                  uint64_t ticket, struct hf_error *err);
    /* A quorum read; then hf_agent_answered(ticket). */
    int (*get)(void *ctx, const struct hf_agent_ref *ref, uint64_t ticket, struct hf_error *err);
    /* Asks whether a unit is still as it was told, before a difference is believed to be drift: what looks like one may
     * be a rollout that has not been told yet. Then hf_agent_confirmed. -1: there is nobody to ask (a folder's unit),
     * it is believed. May be NULL. */
    int (*confirm)(void *ctx, const char *target, const struct hf_unit *unit, struct hf_error *err);
    /* Has the unit's apply action done on its revision and followed to its end; then hf_agent_unit_applied(ticket). May
     * be NULL, when no target has apply_by_source. */
    int (*apply_unit)(void *ctx, const char *target, const struct hf_unit *unit, uint64_t ticket, struct hf_error *err);
    /* Has what is live of a unit made its new revision, in the rule's name; nothing is answered. May be NULL. */
    int (*accept_unit)(void *ctx, const char *target, const struct hf_unit *unit, const char *rule,
                       struct hf_error *err);
    /* Call hf_agent_tick in so many ms; replaces what was asked before. */
    void (*wake_in)(void *ctx, int64_t delay_ms);
    /* Something that a view shows has changed. */
    void (*changed)(void *ctx);
};

struct hf_agent_target_options {
    const char *name;
    bool correct;         /* false: observe */
    const char *manager;  /* field manager of the applies */
    unsigned parallel;    /* corrections at once; 0: 8 */
    unsigned fight_times; /* so often is a path put back within fight_within_ms before it is blocked; 0: no limit */
    int64_t fight_within_ms;
    int64_t step_in_ms;   /* so long is ConfigHub's own worker left to put back (ContinuousApply); 0: 60,000 */
    bool apply_by_source; /* put back by the unit's apply action in ConfigHub */
    bool no_fallback;     /* ... and where that fails, by nothing else */
};

struct hf_agent_options {
    const void *secret_key; /* for keyed digests of Secret values; copied */
    size_t secret_key_len;
    unsigned looked_at_a_ms; /* so many objects that have something under way are looked at a ms; 0: 1,000 */
};

int hf_agent_new(const struct hf_agent_effects *effects, const struct hf_agent_options *options, struct hf_log *log,
                 struct hf_agent **out, struct hf_error *err);
void hf_agent_free(struct hf_agent *agent); /* NULL is fine; no effects are asked for */

/* Targets. Removing one unfollows its scopes; its open incidents stay open in the trail, to be resumed. */
int hf_agent_target_add(struct hf_agent *agent, const struct hf_agent_target_options *options, struct hf_error *err);
void hf_agent_target_remove(struct hf_agent *agent, const char *target);
/* Takes over a setting without losing state. */
int hf_agent_target_set(struct hf_agent *agent, const struct hf_agent_target_options *options, struct hf_error *err);

/* The rules by which findings are judged, kept by the caller until replaced (NULL: none). What is followed is listed
 * and judged anew. */
int hf_agent_rules(struct hf_agent *agent, const struct hf_rules *rules, struct hf_error *err);

/* What people have paused, kept by the caller until replaced (NULL: nothing). What is no longer paused and still
 * differs is put back at once; what is under way when a pause begins is finished. */
int hf_agent_pauses(struct hf_agent *agent, const struct hf_pauses *pauses, struct hf_error *err);

/* A write to an object of a target that the API server has audited (audit.k8s.io/v1, holdfast/apiaudit.h), by whomever.
 * Borrowed for the call. */
struct hf_agent_write {
    const char *group;
    const char *kind;
    const char *namespace;        /* NULL: cluster-scoped */
    const char *name;             /* NULL: of a whole collection */
    const char *subresource;      /* NULL: none */
    const char *resource_version; /* that it made; NULL: not told */
    const char *user;
    const char *impersonated; /* the user it was done as; NULL: himself */
    const char *const *groups;
    size_t group_count;
    const char *user_agent; /* may be NULL */
    const char *source;     /* an address; may be NULL */
    const char *manager;    /* the request's fieldManager; NULL: by the user agent, as the API server does */
    bool is_delete;
    int64_t at_ms; /* when it was answered */
};
/* Joins them to the drifts that were seen, or will be: by the resourceVersion that the drift was seen at; where that is
 * not told (deletions, objects that are audited without content) by object, manager and time, which the record says.
 * What is found after the drift was recorded is an event of its own, drift.attributed. */
int hf_agent_written(struct hf_agent *agent, const char *target, const struct hf_agent_write *writes, size_t count,
                     struct hf_error *err);

/* At start-up, before anything else of the target: an incident that the trail left open, by its newest event. When its
 * object is first judged it is taken up again, or closed with what is found. */
int hf_agent_resume(struct hf_agent *agent, const struct hf_audit_event *newest, struct hf_error *err);
/* At start-up: the trail knows this object as having been live. What is missing then was deleted, not never created. */
int hf_agent_known(struct hf_agent *agent, const struct hf_audit_object *object, struct hf_error *err);

/* The schema of a target's cluster (may be NULL), kept by the caller until replaced; then discovery is known: kinds are
 * asked for by effects->kind, scopes followed. Called again when discovery or schema changed. */
int hf_agent_discovered(struct hf_agent *agent, const char *target, const struct hf_types *types, struct hf_error *err);

/* The whole set of units of a target, as the source tells it. Units are kept by reference. */
int hf_agent_units(struct hf_agent *agent, const char *target, struct hf_unit *const *units, size_t count,
                   struct hf_error *err);
/* The source or the cluster of a target is lost (err set) or found (HF_OK). what: "source" or "cluster". */
int hf_agent_state(struct hf_agent *agent, const char *target, const char *what, const struct hf_error *state,
                   struct hf_error *err);

/* What a follow tells. An unknown scope is passed over (it may have been unfollowed meanwhile). */
int hf_agent_list_begin(struct hf_agent *agent, uint64_t scope, struct hf_error *err);
int hf_agent_item(struct hf_agent *agent, uint64_t scope, const struct hf_value *object, struct hf_error *err);
int hf_agent_list_end(struct hf_agent *agent, uint64_t scope, struct hf_error *err);
int hf_agent_change(struct hf_agent *agent, uint64_t scope, enum hf_change change, const struct hf_value *object,
                    struct hf_error *err);
int hf_agent_scope_state(struct hf_agent *agent, uint64_t scope, const struct hf_error *state, struct hf_error *err);

/* What was asked for has come: a record is durable; an apply or get was answered (object NULL unless 2xx; state HF_OK,
 * or what went wrong). */
int hf_agent_recorded(struct hf_agent *agent, uint64_t ticket, struct hf_error *err);
int hf_agent_answered(struct hf_agent *agent, uint64_t ticket, const struct hf_value *object, int64_t retry_after_ms,
                      const struct hf_error *state, struct hf_error *err);
int hf_agent_tick(struct hf_agent *agent, struct hf_error *err);
/* What confirm has found: HF_OK: the unit is as told (what had changed was told by hf_agent_units before). Being away
 * (HF_EUNAVAILABLE, HF_ETIMEOUT) or a source that does not know the unit (HF_ENOTFOUND) says nothing else is known; any
 * other error: it is asked again before anything is done. */
int hf_agent_confirmed(struct hf_agent *agent, const char *target, const char *space_id, const char *unit_id,
                       const struct hf_error *state, struct hf_error *err);
/* The apply action's end: HF_OK: completed; else why it was not. what: for people, "action … of revision 7 completed".
 */
int hf_agent_unit_applied(struct hf_agent *agent, uint64_t ticket, const char *what, const struct hf_error *state,
                          struct hf_error *err);

/* A unit, and how its objects stand. unit and reason are borrowed until the next call. */
struct hf_agent_standing {
    const struct hf_unit *unit;
    size_t objects;
    size_t in_sync;     /* with this revision of the unit */
    size_t open;        /* incidents */
    const char *reason; /* of one that is not in sync; NULL: none is known */
};
/* space NULL: whichever has it. only: counts this object alone (apiVersion aside; NULL: all of it). drifts (may be
 * NULL): what its open incidents are and whose doing, for people, appended. HF_ENOTFOUND; HF_EINVAL: several spaces
 * have it. */
int hf_agent_standing(const struct hf_agent *agent, const char *target, const char *space, const char *slug,
                      const struct hf_agent_ref *only, struct hf_agent_standing *out, struct hf_buf *drifts,
                      struct hf_error *err);
/* A person wants what differs of a unit put back now (only: of this object, apiVersion aside; NULL: all of it): for a
 * minute grace, windows, fights' pauses, ConfigHub's own time and an observed target don't hold it back; rules and
 * pauses by people do. *count: how many objects. HF_EREFUSED: none, and why. 0 with a count of 0: nothing differs. */
int hf_agent_put_back(struct hf_agent *agent, const char *target, const char *space, const char *slug,
                      const struct hf_agent_ref *only, size_t *count, struct hf_error *err);

/* Whether every target's scopes have been listed once (readiness). *why (may be NULL) names what is waited for. */
bool hf_agent_synced(const struct hf_agent *agent, const char **why);
/* Whether nothing is under way: for a clean stop. */
bool hf_agent_idle(const struct hf_agent *agent);
/* From now on no new correction is started (the program is stopping). */
void hf_agent_drain(struct hf_agent *agent);

struct hf_agent_counts {
    uint64_t objects[HF_VERDICT_COUNT];
    uint64_t events; /* live forms received */
    uint64_t fast;   /* of these, ended by the digest alone */
    uint64_t drifts;
    uint64_t corrected;
    uint64_t failed;
    uint64_t in_flight;
    uint64_t queued;
    uint64_t histogram[HF_SERVE_BUCKET_COUNT + 1]; /* seen to corrected, HF_SERVE_BUCKETS_MS */
    int64_t histogram_sum_ms;
    struct hf_serve_tally tally;
};
/* False: no such target. */
bool hf_agent_counts(const struct hf_agent *agent, const char *target, struct hf_agent_counts *out);

/* Units and objects of the view (targets are the caller's part), all strings copied into view->arena. */
int hf_agent_fill_view(const struct hf_agent *agent, struct hf_view *view, struct hf_error *err);

#endif
