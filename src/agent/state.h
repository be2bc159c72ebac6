/* The agent's state, private to src/agent.
 *
 * inventory.c  units → objects, scopes          judge.c    a live form → a verdict, incidents
 * correct.c    what is put back, in which order  record.c   events and object rows, in one batch an entry
 * live.c       what follows tell                 view.c     what people see
 * mend.c       what an apply alone can not put right          agent.c   making, targets, tick
 * asked.c      what a person asks about one unit     tally.c    what the counters count
 *
 * Every public entry ends in hf_agent_leave: it starts what may be started, hands the batch over, and asks for the next
 * wake. */
#ifndef HF_AGENT_STATE_H
#define HF_AGENT_STATE_H

#include "holdfast/agent.h"
#include "holdfast/autoscaler.h"
#include "holdfast/map.h"

#define HF_INCIDENT_ID 32
#define HF_RV_TEXT 40
#define HF_RV_RING 16

struct attribution;
struct target;
struct scope;

/* What a request is for. */
enum errand {
    ERRAND_READ,
    ERRAND_APPLY,
    ERRAND_MEND,   /* what an apply alone could not put right: before it, or in its place */
    ERRAND_TIDY,   /* gives up the ownership that a mend left with us */
    ERRAND_MARK,   /* our mark, by which it is known later that we held it */
    ERRAND_REMOVE, /* a prune, or the first half of a recreation */
    ERRAND_SOURCE  /* the unit's apply action in ConfigHub */
};

/* What arrived for an object while a request for it was under way: not judged before the answer tells what is newer. */
struct flight {
    struct object *object;
    struct flight *next; /* of the agent's list: what is answered is found without looking at all that is active */
    struct flight **link;
    uint64_t ticket;
    enum errand errand;
    char rvs[HF_RV_RING][HF_RV_TEXT]; /* resourceVersions seen meanwhile, in order */
    size_t rv_count;
    bool overflowed;
    bool held_deleted;
    struct hf_arena *held_arena;
    const struct hf_value *held; /* the newest of them */
};

enum phase {
    PHASE_IDLE,
    PHASE_WAITING,   /* to be corrected when its turn comes, not before due_ms */
    PHASE_RECORDING, /* the intent is on its way to the disk */
    PHASE_FLYING     /* a request is under way: see flight */
};

struct incident {
    bool open;
    char id[HF_INCIDENT_ID];
    int64_t seen_ms;
    int64_t drifted_ms;
    int64_t revision; /* of the unit, then; 0: not known */
    bool created;     /* never seen live before: a first apply, not a drift */
    bool is_prune;    /* no unit holds it any more */
    bool rollout;     /* desired changed: applying it is no drift */
    bool intended;    /* a correction was recorded */
    bool applied;     /* an apply was answered 2xx, or its answer was lost */
    bool blocked;     /* told as blocked */
    bool is_put_off;  /* … by a rule, a fight or a pause: ends by itself */
    enum hf_severity severity;
    bool failure_told;
    bool source_failed; /* the unit's apply action did not do it: by a direct apply from now on */
    bool is_told;       /* an alert went out: its end is told, too */
    bool recreated;     /* … which is done once */
    bool recreating;    /* the server refuses the change: a rule says to delete it and make it anew */
    unsigned attempts;
    struct hf_digest findings; /* of what was last recorded */
    char manager[64];
    char operation[16];
    char user[128]; /* by the API server's audit events; "": not known */
    char summary[200];
    bool is_due; /* counted as due; … as late */
    bool is_late;
    bool is_owed; /* nothing but us holds it back now, since (monotonic) */
    int64_t owed_since_ms;
    uint64_t blocked_before; /* of an incident taken up again: what was said last of its being blocked; 0: nothing */
};

/* What is known of one path of an object: since when it differs, and how often it was put back. */
struct path_log {
    char *path;       /* JSON Pointer into live; "" for the object as a whole */
    int64_t since_ms; /* monotonic; of the finding that stands */
    uint64_t pass;    /* the judgement in which it was last found */
    int64_t *times;   /* when it was put back, a ring of cap */
    unsigned cap;
    unsigned next;
    unsigned limit_times; /* as decided when it was last found */
    int64_t limit_within_ms;
    int64_t blocked_until_ms;
    unsigned rounds; /* blocks in a row: each lasts twice as long */
};

/* What is done about a finding, now. */
enum outcome {
    OUTCOME_NOW,   /* put back */
    OUTCOME_LATER, /* put back later: grace, a window, a fight, a pause */
    OUTCOME_HOLD   /* not put back: a rule says so */
};

struct object {
    struct target *target;
    char *strings; /* one block for the five below */
    const char *api_version;
    const char *group;
    const char *kind;
    const char *namespace; /* NULL: cluster-scoped */
    const char *name;
    struct hf_unit *unit; /* kept */
    size_t document;
    struct hf_digest desired;
    int64_t rank;
    uint64_t pass;
    bool has_status;
    bool is_served;
    bool is_held;  /* nothing of it is put back: a rule says so */
    bool is_later; /* nothing of it is put back now: see hold_reason, review_ms */
    bool is_grace; /* … but only because it is given time to come right by itself */
    char hold_reason[300];
    enum hf_severity severity;
    const char *rule;    /* that decided the severity; NULL: none */
    struct scope *scope; /* NULL: kind not served */
    uint64_t listed;     /* the scope's list in which it was last named */

    enum hf_verdict verdict;
    char *reason; /* NULL: none */
    int64_t since_ms;
    char uid[HF_RV_TEXT];
    char known_uid[HF_RV_TEXT]; /* as the trail has it, until the object is seen for the first time */
    char last_rv[HF_RV_TEXT];
    bool was_known; /* the trail, or we, have seen it live */
    bool has_in_sync;
    struct hf_digest in_sync; /* of the last live form judged in sync */

    struct hf_arena *findings_arena; /* of the last judgement, while not in sync */
    const struct hf_finding *findings;
    size_t finding_count;

    struct incident incident;
    enum outcome *outcomes; /* of each finding, in findings_arena */
    char *note;             /* what people should know of it although it is in sync; NULL: nothing */
    char *told_note;        /* the note that was last recorded */
    char *send;       /* what is applied in place of the unit's own content, so that held paths stay; NULL: that */
    bool mend_is_all; /* the mend puts all right: no apply behind it */
    char *mend;       /* a JSON patch to be sent before the apply; NULL: none is needed */
    char *tidy;       /* one to be sent after it */
    char *mark;       /* one that puts our mark on it; NULL: none is needed */
    bool is_marked;   /* live carries our mark */
    bool is_gone;     /* an extra that is forgotten at the end of this entry */
    bool is_extra;    /* no unit holds it any more; unit is the last that did */
    bool awaits_autoscalers; /* judged once they are known */
    bool may_recreate;
    enum hf_apply_by apply_by; /* of what is put back now */
    const char *accept_rule;   /* all that differs is to become a revision, by this rule; NULL: not so */
    int64_t accept_after_ms;   /* ... once it has lasted so long */
    int64_t accept_asked_ms;   /* monotonic: when that was asked for, of these findings; 0: not yet */
    struct hf_digest accept_asked;
    bool is_paused; /* as of the last look at the pauses */
    char *who;      /* of the open incident: what the API server has audited, as JSON; NULL: not known */
    struct path_log *paths;
    size_t path_count;
    size_t path_cap;
    uint64_t judgements;
    int64_t review_ms;       /* monotonic: read and judged anew then; 0: not asked for */
    int64_t pushed_until_ms; /* monotonic: a person wants it put back now; 0: nobody */
    enum phase phase;
    bool awaits_confirm;   /* ConfigHub is being asked whether the unit is still so */
    bool is_confirmed;     /* it was: counts for the live form that was asked about, and no later one */
    int64_t confirmed_ms;  /* monotonic: when that was, of the live form judged last; 0: it was not */
    struct hf_digest form; /* of the live form judged last; that of one that is absent or ending is all the same byte */
    struct hf_digest asked; /* of the one that was asked about */
    bool verify_first;      /* an earlier apply may have arrived: read before writing again */
    bool wants_get;         /* must be read anew (desired changed, doubt about what is newest) */
    bool desired_changed;
    int64_t due_ms;      /* monotonic */
    int64_t read_due_ms; /* monotonic: not read before */
    uint64_t record_ticket;
    struct flight *flight;
    char await_rv[HF_RV_TEXT]; /* our own write, not yet seen on the watch: older events are passed over until it is */
    int64_t await_since_ms;
    int64_t corrections;
    int64_t last_correction_ms;

    bool is_active; /* in the agent's list of objects with something under way */
    struct object *active_next;
    struct object *active_prev;
};

struct autoscaler {
    struct scope *scope;
    char *name;
    struct hf_autoscaler *facts;
    uint64_t listed;
    struct autoscaler *next;
};

struct scope {
    uint64_t id;
    enum hf_scaling scales; /* its objects are autoscalers: looked at although no unit names them */
    bool is_for_scales;     /* followed for that only */
    struct target *target;
    char *api_version;
    char *kind;
    char *namespace; /* NULL: cluster-scoped */
    size_t users;
    uint64_t pass;
    uint64_t list; /* counts lists begun */
    bool listing;
    bool synced;
    bool lost; /* its watch is down */
    enum hf_code code;
    char *problem;
    int64_t lost_since_ms;
    struct scope *next;
};

/* An incident that the trail left open, until its object is placed. */
struct resumed {
    struct incident incident;
    char api_version[300];
};

struct target {
    char *name;
    char *manager;
    bool correct;
    unsigned parallel;
    unsigned fight_times;
    int64_t fight_within_ms;
    int64_t step_in_ms;
    bool apply_by_source;
    bool no_fallback;
    bool discovered;
    bool has_units;
    const struct hf_types *types;
    struct hf_map *units;   /* "space\0slug" → struct hf_unit */
    struct hf_map *objects; /* key → struct object */
    struct hf_map *resumed; /* key → struct resumed */
    struct hf_map *known;   /* key → what the trail knew of it, a struct known */
    struct scope *scopes;
    struct autoscaler *autoscalers;
    struct attribution *attribution; /* NULL: nothing is known or waited for */
    struct path_log prunes;          /* how often something was pruned, for the limit */
    uint64_t pass;
    char *source_problem;
    char *cluster_state;   /* why the cluster as a whole can't be reached; NULL: it can */
    char *cluster_problem; /* as last recorded: that, or of one of its watches */
    uint64_t events;
    uint64_t fast;
    uint64_t drifts;
    uint64_t corrected;
    uint64_t failed;
    unsigned in_flight;
    uint64_t histogram[HF_SERVE_BUCKET_COUNT + 1];
    int64_t histogram_sum_ms;
    struct hf_serve_tally tally; /* but for what is open */
    struct target *next;
};

struct batch {
    struct hf_arena *arena;
    struct hf_audit_event *events;
    size_t event_count;
    size_t event_cap;
    struct hf_audit_object *objects;
    size_t object_count;
    size_t object_cap;
    uint64_t ticket;
    struct batch *next;
};

struct hf_agent {
    struct hf_agent_effects effects;
    struct hf_log *log;
    unsigned char *secret_key;
    size_t secret_key_len;
    const struct hf_rules *rules;
    const struct hf_pauses *pauses;
    struct target *targets;
    struct object *active;
    size_t active_count;
    unsigned looked_at_a_ms;
    int64_t next_pass_ms; /* monotonic; not before it is all that is active looked at again */
    struct flight *flights;
    struct hf_hasher *hasher;
    struct hf_buf scratch;
    uint64_t next_ticket;
    uint64_t next_scope;
    bool draining;
    struct batch *open_batch; /* being filled in this entry */
    struct batch *unsent;     /* oldest first: record said HF_EBUSY */
    struct batch **unsent_end;
    bool lacks_memory; /* an event could not be kept: told by the entry's result */
};

/* hub.c */
/* Held by a rule that accepts what is live: asked for once it has lasted, and nothing else of the unit differs. */
void hf_agent_accept_by_rule(struct hf_agent *agent, struct object *object);

/* asked.c */
bool hf_agent_is_of_unit(const struct object *object, const struct hf_unit *unit);
/* Whether it may be put back at all: its target corrects, or a person has asked. */
bool hf_agent_corrects(const struct hf_agent *agent, const struct object *object);
bool hf_agent_is_pushed(const struct hf_agent *agent, const struct object *object);

/* agent.c */
int hf_agent_leave(struct hf_agent *agent, struct hf_error *err);
struct target *hf_agent_find_target(const struct hf_agent *agent, const char *name);
void hf_agent_activate(struct hf_agent *agent, struct object *object);
void hf_agent_deactivate(struct hf_agent *agent, struct object *object);
void hf_agent_list_anew(struct hf_agent *agent, const struct target *target);

/* inventory.c */
int hf_agent_place_all(struct hf_agent *agent, struct target *target, struct hf_error *err);
struct object *hf_agent_find_object(const struct target *target, const char *group, const char *kind,
                                    const char *namespace, const char *name);
struct object *hf_agent_object_for(struct hf_agent *agent, struct target *target, const char *api_version,
                                   const char *kind, const char *namespace, const char *name);
struct scope *hf_agent_scope_for(struct hf_agent *agent, struct target *target, const struct object *object);
struct scope *hf_agent_scope_new(struct hf_agent *agent, struct target *target, const char *api_version,
                                 const char *kind, const char *namespace);
bool hf_agent_key(struct hf_buf *key, const char *group, const char *kind, const char *namespace, const char *name);
void hf_agent_object_free(struct object *object);
int64_t hf_agent_rank(const struct hf_unit *unit, const char *group, const char *kind);

/* judge.c */
int hf_agent_judge(struct hf_agent *agent, struct object *object, const struct hf_value *live, struct hf_error *err);
/* Nothing is put back now: says so once for each reason, and looks again at review_ms. */
void hf_agent_put_off(struct hf_agent *agent, struct object *object, enum hf_verdict verdict, const char *reason);
int hf_agent_note_drift(struct hf_agent *agent, struct object *object, int64_t drifted_ms, struct hf_error *err);
void hf_agent_close_incident(struct hf_agent *agent, struct object *object);
void hf_agent_set_verdict(struct hf_agent *agent, struct object *object, enum hf_verdict verdict, const char *reason);
void hf_agent_clear_findings(struct object *object);
void hf_agent_dismiss(struct hf_agent *agent, struct object *object, const char *why);

/* correct.c */
void hf_agent_plan(struct hf_agent *agent, struct object *object);
void hf_agent_unplan(struct hf_agent *agent, struct object *object);
void hf_agent_run_queue(struct hf_agent *agent);
void hf_agent_end_flight(struct hf_agent *agent, struct object *object);
struct object *hf_agent_in_flight(const struct hf_agent *agent, uint64_t ticket); /* NULL: none */
void hf_agent_flight_free(struct flight *flight);                                 /* NULL is fine */
int64_t hf_agent_next_due(const struct hf_agent *agent, const struct object *object);

/* record.c */
struct event_extra {
    const char *manager;
    const char *operation;
    const char *subresource;
    int64_t drifted_ms;
    int64_t corrected_ms;
    bool alert;
    bool correcting; /* it is put back right now: who hears of the end soon need not hear of the beginning */
    bool with_findings;
    const char *incident; /* NULL: the open one */
    int64_t seen_ms;      /* of `incident` */
    const char *detail;   /* in place of the findings; NULL: none */
};
void hf_agent_say(struct hf_agent *agent, const struct object *object, const char *type, const char *severity,
                  const char *message, const struct event_extra *extra);
void hf_agent_say_target(struct hf_agent *agent, const struct target *target, const struct hf_unit *unit,
                         const char *type, const char *severity, const char *message, bool alert);
void hf_agent_keep_row(struct hf_agent *agent, const struct object *object, bool forget);
uint64_t hf_agent_batch_ticket(struct hf_agent *agent); /* 0: memory is short */
int hf_agent_hand_over(struct hf_agent *agent, struct hf_error *err);
const char *hf_agent_severity(const struct object *object);
void hf_agent_batch_free(struct batch *batch);

/* hub.c: what ConfigHub says of a unit beside its content. */
/* Whether the difference is none to be acted on now: ConfigHub is applying, or is asked first. Shown as pending. */
bool hf_agent_waits_for_hub(struct hf_agent *agent, struct object *object);
/* By the unit's mode: never put back (it follows live), or not before ConfigHub's own worker has had its time. */
void hf_agent_take_mode(struct hf_agent *agent, struct object *object);
/* The live form that is being judged; live NULL: absent. Whether ConfigHub's answer counts for it. */
int hf_agent_take_form(struct hf_agent *agent, struct object *object, const struct hf_value *live, bool ending,
                       struct hf_error *err);
/* Before a write: asks when it was last asked too long ago. True: not now. */
bool hf_agent_must_ask(struct hf_agent *agent, struct object *object);
/* Whether its correction is to be the unit's apply action in ConfigHub: where all of it is put back by the unit's own
 * content, and that was not tried before. */
bool hf_agent_by_source(const struct hf_agent *agent, const struct object *object);
/* Of a unit that is there and holds nothing now (destroyed, never applied, another's target): nothing is told or
 * pruned of what it may hold. */
bool hf_agent_unit_may_hold(const struct hf_unit *unit);

/* rule.c */
struct hf_rule_subject hf_agent_subject(const struct object *object);
/* What the rules, autoscalers, pauses, windows and limits make of a judgement: fills object->outcomes and the findings
 * that count, and what is sent. What the judgement's findings are then is what counts: none, and it is in sync. -1:
 * memory. */
int hf_agent_weigh(struct hf_agent *agent, struct object *object, struct hf_arena *arena, const struct hf_value *live,
                   struct hf_judgement *judgement, struct hf_error *err);
bool hf_agent_weigh_whole(struct hf_agent *agent, struct object *object, enum hf_verdict verdict); /* false: ignored */
void hf_agent_weigh_extra(struct hf_agent *agent, struct object *object);
const char *hf_agent_user_of(const struct object *object); /* NULL: not known */

/* correct.c: tells once why an incident is not put back; not again after a restart when it was the last said of it. */
void hf_agent_say_blocked(struct hf_agent *agent, struct object *object, const char *reason);
uint64_t hf_agent_message_number(const char *message); /* 0: none */

/* attribute.c */
/* A drift has just been found: object->who is set if it is known, else it is waited for. Before it is said. */
void hf_agent_attribute(struct hf_agent *agent, struct object *object, int64_t drifted_ms);
void hf_agent_attribution_free(struct target *target);

/* tally.c */
bool hf_agent_is_drift(const struct incident *incident); /* not a rollout, nor an object that is to be pruned */
void hf_agent_tally_opened(struct object *object);
void hf_agent_count_time(uint64_t counts[HF_SERVE_BUCKET_COUNT + 1], int64_t *sum_ms, int64_t took_ms);
/* Whether the open drift is ours to put back, as of this judgement. */
void hf_agent_tally_owed(struct hf_agent *agent, struct object *object, bool is_owed);
/* Counts what has become late. When it will be (monotonic); INT64_MAX: it won't, or is. */
int64_t hf_agent_tally_late(struct hf_agent *agent, struct object *object);
/* outcome: counts it; NULL: counted elsewhere. While the incident is still open. */
void hf_agent_tally_ended(struct hf_agent *agent, struct object *object, uint64_t *outcome);

/* pause.c */
const struct hf_pause *hf_agent_pause_of(const struct hf_agent *agent, const struct object *object); /* NULL: none */

/* paths.c */
struct path_log *hf_agent_path(struct object *object, const char *path); /* NULL: memory */
void hf_agent_paths_sweep(struct object *object);
void hf_agent_paths_free(struct object *object);
int64_t hf_agent_path_blocked_until(const struct path_log *log, int64_t now_ms); /* 0: is not */
/* Says that it was put back, which may have been once too often: then it is blocked from now on, and true. */
bool hf_agent_path_put_back(struct path_log *log, int64_t now_ms);
/* Counts what an accepted write has put back. */
void hf_agent_count_put_back(struct hf_agent *agent, struct object *object);

/* mend.c */
void hf_agent_begin_patch(struct hf_buf *out, const struct hf_value *live); /* tests the version */
void hf_agent_plan_mend(struct hf_agent *agent, struct object *object, const struct hf_value *live);
void hf_agent_plan_tidy(struct object *object, const struct hf_value *live);
#define HF_MEND_MANAGER "holdfast"

/* autoscale.c */
int hf_agent_follow_autoscalers(struct hf_agent *agent, struct target *target, struct hf_error *err);
int hf_agent_take_autoscaler(struct hf_agent *agent, struct scope *scope, const struct hf_value *live, bool gone,
                             struct hf_error *err);
void hf_agent_sweep_autoscalers(struct hf_agent *agent, struct scope *scope);
void hf_agent_autoscalers_free(struct target *target, const struct scope *scope); /* scope NULL: all */
/* Whether an autoscaler owns the value that live holds there. */
enum owned {
    OWNED_NO,
    OWNED_YES,
    OWNED_NOT_KNOWN, /* not yet */
    OWNED_NOT_TOLD   /* autoscalers may not be read here: *why is what the server said */
};
enum owned hf_agent_autoscaled(const struct object *object, const struct hf_value *live,
                               const struct hf_finding *finding, const char **why);
bool hf_agent_has_horizontal(const struct object *object);

/* extra.c */
void hf_agent_close_unplaced(struct hf_agent *agent, struct target *target);
struct known {
    bool is_placed;
    char reason[300];
    char uid[HF_RV_TEXT];
    char space[64];
    char unit[256];
    char api_version[300];
};
void hf_agent_look_for_mark(struct hf_agent *agent, struct object *object, const struct hf_value *live);
bool hf_agent_becomes_extra(struct hf_agent *agent, struct object *object);
int hf_agent_judge_extra(struct hf_agent *agent, struct object *object, const struct hf_value *live,
                         struct hf_error *err);
int hf_agent_place_extras(struct hf_agent *agent, struct target *target, struct hf_error *err);
bool hf_agent_may_delete(const struct object *object, const struct hf_decision *decision, const char **why);
#define HF_MARK "holdfast.dev/held-by"

/* live.c */
bool hf_agent_scope_is_refused(const struct scope *scope); /* an autoscalers' scope that we may not read */
const struct hf_value *hf_agent_metadata(const struct hf_value *object, const char *name);

#endif
