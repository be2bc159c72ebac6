/* The look that `check` takes: units read, objects fetched and judged. Private to src/cli. */
#ifndef HF_CLI_CHECK_H
#define HF_CLI_CHECK_H

#include "holdfast/autoscaler.h"
#include "holdfast/cluster.h"
#include "holdfast/config.h"
#include "holdfast/drift.h"
#include "holdfast/kubeconfig.h"
#include "holdfast/rules.h"
#include "holdfast/schema.h"
#include "holdfast/source.h"

struct check;

struct check_target {
    struct check *check;
    const struct hf_config_target *config;
    const char *name;
    struct hf_access *access;
    struct hf_cluster *cluster;
    struct hf_schema *schema;
    struct hf_types *types;
    unsigned types_tries;
    struct hf_unit **units;
    size_t unit_count;
};

struct check_object {
    struct check_target *target;
    struct hf_unit *unit;
    const struct hf_value *desired;
    const struct hf_resource *resource;
    const char *api_version;
    const char *kind;
    const char *namespace; /* NULL: cluster-scoped */
    const char *name;
    struct hf_arena *arena; /* of the judgement */
    struct hf_judgement judgement;
    const struct hf_decision *decisions; /* one for each finding */
    struct hf_finding *own_findings;     /* the judgement's, and decisions, where they may be changed; NULL before */
    struct hf_decision *own_decisions;
    const struct hf_value *live; /* kept only where an autoscaler may own a part of it */
    size_t reported;             /* additions that are no drift */
    char *diff;
};

struct check {
    const char *only_target;
    const char *only_unit;
    const char *output;
    struct hf_config *config;
    struct hf_rules *rules;
    struct hf_log *log;
    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_timer *progress;
    int64_t started_ms;
    unsigned char key[32];
    struct check_target *targets;
    size_t target_count;
    struct check_object *objects;
    size_t object_count;
    size_t object_cap;
    size_t next; /* to be fetched */
    size_t done;
    size_t scaled; /* the object whose autoscalers are asked for */
    enum hf_scaling scaling;
    size_t waiting;  /* targets not discovered yet */
    size_t problems; /* units that can't be read: told on stderr */
    bool failed;
    struct hf_error error;
};

/* Reads, fetches, judges. -1: it could not be done at all. Objects are in the order of targets and units. */
int check_run(struct check *check, const char *config, struct hf_error *err);
void check_free(struct check *check);

/* Leaves what the rules count as drift, with what they decide; in sync when nothing is left. check_rules.c */
int check_weigh(struct check_object *object, struct hf_error *err);

/* Whether an autoscaler could own something of what is found. check_scalers.c */
bool check_may_be_scaled(const struct check_object *object);
/* Asks for the autoscalers of all that have `live`, drops what they own from what was found, then stops the loop. */
void check_scalers(struct check *check);

/* The look as a whole can't be taken. */
void check_fail(struct check *check, const struct hf_error *why, const char *doing);

#endif
