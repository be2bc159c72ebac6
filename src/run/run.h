/* The wiring's state, private to src/run.
 *
 * run.c      start and stop                  target.c   one cluster with its source
 * renew.c    discovery and types             crds.c     CustomResourceDefinitions followed
 * schema*.c  the types of the kinds in use   effects.c  what the agent asks for
 * trail.c    trail and agent, alerts         publish.c  views for the pages
 * pauses.c   what people have paused         hooks.c    the API servers' audit webhooks
 * reload.c   SIGHUP                          notify.c   systemd
 * alerts.c   the alert station               keep.c     the trail's checkpoints
 * channel.c  what a channel is set to           hub*.c     ConfigHub: source, actions, what is told back
 * access.c   who may read and act               act.c      what the pages ask for, handed to asks*.c
 * review.c   a cluster's own users
 * pages*.c   what the server reads of the trail and the rules */
#ifndef HF_RUN_RUN_H
#define HF_RUN_RUN_H

#include <pthread.h>

#include "holdfast/agent.h"
#include "holdfast/alert.h"
#include "holdfast/config.h"
#include "holdfast/confighub.h"
#include "holdfast/kubeconfig.h"
#include "holdfast/map.h"
#include "holdfast/run.h"
#include "holdfast/schema.h"

struct run_crds;
struct run_hooks;
struct run_keep;
struct hf_unitstore;
struct run_notice;
struct run_confirm;
struct run_access;
struct run_action;
struct run_bulk;
struct run_report;
struct run_pauses;
struct run_review;
struct run_asks;
struct run_target;
struct run_pages;

struct hf_run {
    const struct hf_run_options *options;
    struct hf_config *config;
    struct hf_log *log;
    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_rules *rules;
    struct hf_agent *agent;
    struct hf_audit *audit;
    struct hf_alert *alert;
    struct hf_serve *serve;
    struct run_target *targets;
    struct run_pauses *pauses;
    struct run_asks *asks;
    struct run_access *guarded;
    enum hf_code review_problem; /* why the cluster can't be asked who its users are; HF_OK: it can */
    struct run_hooks *hooks;
    struct run_notice *notice;
    struct hf_confighub *hub; /* NULL: no target has its units there */
    struct hf_unitstore *unitstore;
    struct run_keep *keep; /* NULL: no checkpoints are made */

    struct run_pages *pages; /* what the server's threads read */
    char *database;

    struct hf_timer *agent_timer;
    struct hf_timer *view_timer;
    int64_t view_took_ms; /* the last one, to make */
    struct hf_timer *wake_timer;
    struct hf_timer *stop_timer;
    struct hf_timer *age_timer;
    uint64_t view_serial;
    int64_t started_ms;
    int64_t stop_by_ms; /* monotonic; 0: not stopping */
    bool trail_failing;
    char trail_problem[HF_ERROR_TEXT];
    bool was_ready;
    bool has_stopped; /* the server has gone */
};

/* A request of the agent's on its way: freed by its answer, or with its target. */
struct asked {
    struct run_target *target;
    uint64_t ticket;
    struct asked *next;
    struct asked *prev;
};

struct run_follow {
    struct run_target *target;
    uint64_t scope;
    struct hf_follow *follow;
    struct run_follow *next;
};

struct run_target {
    struct hf_run *run;
    char *name;
    struct hf_digest digest; /* of its part of the config */
    bool correct;
    struct hf_access *access;
    struct hf_cluster *cluster;
    struct hf_source *source;
    bool is_hub; /* it is ConfigHub */
    struct run_confirm *confirms;
    struct run_action *actions;
    struct run_bulk *bulks;
    struct hf_timer *gather_timer;
    struct run_report *reports; /* what is to be told to ConfigHub of its units */
    struct hf_timer *report_timer;
    bool reports_back;
    int64_t action_limit_ms;
    struct hf_schema *schema;
    struct hf_types *types;
    struct hf_arena *kinds_arena; /* of kinds' strings */
    struct hf_schema_kind *kinds; /* that its units use */
    size_t kind_count;
    struct run_crds *crds; /* NULL: not followed */
    bool discovered;
    bool renewing;    /* discovery or types are being read */
    bool renew_again; /* something has changed meanwhile */
    unsigned eager;   /* looks that are left soon after a CustomResourceDefinition has changed */
    unsigned partial_reads;
    uint64_t audited; /* writes that its API server has told */
    uint64_t audited_wrong;
    struct hf_timer *discover_timer;
    unsigned discover_failures;
    char cluster_problem[HF_ERROR_TEXT];
    int64_t cluster_since_ms;
    char source_problem[HF_ERROR_TEXT];
    int64_t source_at_ms;
    struct run_follow *follows;
    struct asked *asked;
    struct run_review *reviews; /* under way */
    struct run_target *next;
};

/* target.c */
int hf_run_target_add(struct hf_run *run, const struct hf_config_target *config, struct hf_error *err);
void hf_run_target_remove(struct hf_run *run, struct run_target *target);
struct run_target *hf_run_target_find(const struct hf_run *run, const char *name);
int hf_run_access(const struct hf_config_target *config, struct hf_access **out, struct hf_error *err);

/* renew.c */
void hf_run_renew_due(void *ctx); /* of discover_timer */
/* Reads anew what is served and its types; eagerly: and again soon while a kind is still not served. */
void hf_run_renew(struct run_target *target, bool eagerly);
/* The kinds that the units use; reads anew when one of them is new. */
int hf_run_take_kinds(struct run_target *target, struct hf_unit *const *units, size_t unit_count, struct hf_error *err);
/* Whether units use the kind and its types were not read since: judged without, it would be judged wrong. */
bool hf_run_awaits_types(const struct run_target *target, const char *api_version, const char *kind);
void hf_run_cluster_problem(struct run_target *target, const struct hf_error *problem);

/* crds.c */
void hf_run_crds_follow(struct run_target *target); /* begins or ends, as its kinds need it */
void hf_run_crds_unfollow(struct run_target *target);
/* Whether they would be followed, and can't (no right to): then what is served is looked at more often. */
bool hf_run_crds_lost(const struct run_target *target);

/* hub.c: ConfigHub as the source of units, and as a hand. */
void hf_run_hub_free(struct hf_run *run); /* after the targets */
int hf_run_hub_source(struct run_target *target, const struct hf_config_target *config,
                      const struct hf_source_events *events, struct hf_error *err);
void hf_run_hub_forget(struct run_target *target); /* what was asked for it */
int hf_run_confirm(void *ctx, const char *target, const struct hf_unit *unit, struct hf_error *err);
/* hub_actions.c */
void hf_run_actions_forget(struct run_target *target);
int hf_run_apply_unit(void *ctx, const char *target, const struct hf_unit *unit, uint64_t ticket, struct hf_error *err);

/* hub_report.c: what happened to a unit, as annotations on it in ConfigHub. */
void hf_run_report(struct hf_run *run, const struct hf_audit_batch *batch); /* of an entry of the agent's */
void hf_run_report_forget(struct run_target *target);

/* effects.c */
void hf_run_effects(struct hf_run *run, struct hf_agent_effects *out);
void hf_run_told(struct hf_run *run, int result, const struct hf_error *err);
void hf_run_unfollow_all(struct run_target *target);

/* trail.c */
int hf_run_trail_open(struct hf_run *run, struct hf_error *err);
int hf_run_trail_resume(struct hf_run *run, const char *target, struct hf_error *err); /* target NULL: all */
void hf_run_outbox(struct hf_run *run, struct hf_alert_outbox *out);
void hf_run_say(struct hf_run *run, const char *type, const char *severity, const char *message, const char *detail);
/* The same, with version, config digest and pid. */
void hf_run_say_of_agent(struct hf_run *run, const char *type, const char *message);
int hf_run_secret_key(const char *database, unsigned char out[32], struct hf_error *err);

/* notice.c: that the trail can not be written, told to the channels without its outbox. */
#define HF_RUN_NOTICE 0 /* stands for the id of an outbox row, which is above */
int hf_run_notice_begin(struct hf_run *run, struct hf_error *err);
void hf_run_notice_free(struct hf_run *run); /* after the alerts */
void hf_run_notice_failing(struct hf_run *run, const struct hf_error *problem);
void hf_run_notice_over(struct hf_run *run);
/* What became of one attempt; outcome as enum hf_alert_outcome. */
void hf_run_notice_settle(struct hf_run *run, const char *channel, int outcome, int64_t next_ms);

/* alerts.c */
int hf_run_alerts(struct hf_run *run, struct hf_error *err);
/* keep.c: checkpoints of the trail, as the config wants them. */
int hf_run_keep_begin(struct hf_run *run, struct hf_error *err); /* once the trail is open */
void hf_run_keep_end(struct hf_run *run, bool last);             /* last: with one more, after the trail is closed */

/* publish.c */
void hf_run_publish(struct hf_run *run);
int64_t hf_run_source_seen_ms(const struct run_target *target); /* when its units were last known to be as they are */

/* rules.c */
int hf_run_rules(const struct hf_config *config, struct hf_rules **out, struct hf_error *err);

/* pauses.c */
int hf_run_pauses_begin(struct hf_run *run, struct hf_error *err); /* before the first object is judged */
void hf_run_snooze(struct hf_run *run);                            /* tells the alert station what is snoozed */
void hf_run_pauses_free(struct hf_run *run);                       /* after the agent, which uses the set */

/* asks.c: what people ask of the running agent */
int hf_run_asks_begin(struct hf_run *run, struct hf_error *err); /* once the targets are there */
void hf_run_asks_free(struct hf_run *run);                       /* before ConfigHub's client and the trail */
bool hf_run_ask_recorded(struct hf_run *run, uint64_t ticket);   /* false: not one of an ask's */
int hf_run_accept_unit(void *ctx, const char *target, const struct hf_unit *unit, const char *rule,
                       struct hf_error *err); /* asks in a rule's name */

/* hooks.c */
int hf_run_hooks(struct hf_run *run, struct hf_error *err);         /* at start and after a reload */
int hf_run_hook_listener(struct hf_run *run, struct hf_error *err); /* the same, after hf_run_hooks */
void hf_run_hook_table(struct hf_run *run, struct hf_serve_hook *out);
void hf_run_hooks_stop(struct hf_run *run); /* before the loop's end: nothing is posted any more */
void hf_run_hooks_free(struct hf_run *run); /* after the server, whose threads use them */

/* access.c: who may read and act. */
/* Starts run->serve: fills in what of the options the config says of access. */
int hf_run_serve_start(struct hf_run *run, struct hf_serve_options *options, const struct hf_serve_trail *trail,
                       struct hf_error *err);
void hf_run_access_renew(struct hf_run *run); /* as the config is now */
void hf_run_access_look(struct hf_run *run);  /* the same, if a file of it has changed */

/* review.c: tokens of a cluster's own users. */
void hf_run_review_table(struct hf_run *run, struct hf_serve_reviewer *out);
void hf_run_reviews_forget(struct run_target *target); /* after its cluster, which would answer them */

/* pages*.c: what the server reads of the trail and the rules. */
int hf_run_pages_begin(struct hf_run *run, struct hf_error *err); /* once the rules are there */
void hf_run_pages_rules(struct hf_run *run);                      /* run->rules are others */
void hf_run_pages_free(struct hf_run *run);                       /* after the server */
void hf_run_serve_trail(struct hf_run *run, struct hf_serve_trail *out);
void hf_run_serve_rules(struct hf_run *run, struct hf_serve_rules *out);

/* act.c: what people ask for. */
void hf_run_act_table(struct hf_run *run, struct hf_serve_actions *out);

/* reload.c */
void hf_run_reload(struct hf_run *run);

/* notify.c: sd_notify(3)'s protocol, nothing when NOTIFY_SOCKET is not set. */
void hf_run_notify(const char *state);

#endif
