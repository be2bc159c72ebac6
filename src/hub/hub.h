/* The state of the simulated ConfigHub, private to src/hub. Entities are kept as the JSON that the API shows, data
 * apart.
 *
 * state.c   entities and their ids       keep.c    the state's file          where.c   `where` expressions
 * show.c    what lists and reads show    route.c   which call it is          units.c   units and revisions
 * actions.c apply and refresh            worker.c  the cluster's side        faults.c  faults asked for
 * serve.c   the port and the loop        options.c the command line          session.c tokens */
#ifndef HF_HUB_HUB_H
#define HF_HUB_HUB_H

#include <cjson/cJSON.h>

#include "holdfast/clock.h"
#include "holdfast/cluster.h"
#include "holdfast/hub.h"
#include "holdfast/loop.h"
#include "holdfast/mem.h"
#include "holdfast/text.h"

#define HUB_MOST_DATA ((size_t)64 << 20)
#define HUB_DATE 25

struct hub_revision {
    cJSON *json;
    char *data;
    size_t len;
};

struct hub_unit {
    cJSON *json; /* without Data */
    struct hub_revision *revisions;
    size_t revision_count;
    cJSON *events; /* newest last */
    cJSON *actions;
    char *live_state;
};

enum hub_fault_kind {
    HUB_FAULT_STATUS,
    HUB_FAULT_SLOW,
    HUB_FAULT_TRUNCATE,
    HUB_FAULT_JUNK,
    HUB_FAULT_STALE,
    HUB_FAULT_COUNT
};

struct hub_fault {
    int64_t until_ms; /* monotonic */
    int64_t count;    /* -1: by time alone */
    int64_t number;   /* the status, the delay in ms, the junk's MB */
    int64_t retry_after;
    char path[128]; /* what the path must hold; "": any */
};

struct hub_worker;

struct hub {
    const struct hf_hub_options *options;
    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_log *log;
    uint64_t random;
    cJSON *spaces;
    cJSON *targets;
    cJSON *workers;
    cJSON *filters;
    struct hub_unit **units;
    size_t unit_count;
    cJSON *stale;     /* the listing that a stale read shows */
    char session[64]; /* the worker's token that is right */
    int64_t session_until_ms;
    struct hub_fault faults[HUB_FAULT_COUNT];
    bool worker_is_down;
    char worker_fails[200]; /* why the next actions fail; "": they don't */
    struct hub_worker *worker;
    uint64_t bulks; /* applies of many units in one call */
    uint64_t requests;
    uint64_t bytes_out;
    uint64_t applies;
    bool is_changed; /* since it was kept */
};

/* A call and its answer. */
struct hub_call {
    struct hub *hub;
    const char *method;
    const char *path; /* below /api, without it: "/space/…" */
    const char *authorization;
    const char *content_type;
    const char *body;
    size_t body_len;
    const char *(*parameter)(const struct hub_call *call, const char *name); /* NULL: not given */
    void *ctx;
    char parts[8][160]; /* of the path */
    size_t part_count;
    int status;
    const char *type;
    struct hf_buf out;
    int64_t retry_after; /* -1: none */
};

/* state.c */
int hub_state_open(struct hub *hub, struct hf_error *err);
void hub_state_close(struct hub *hub);
void hub_uuid(struct hub *hub, char out[40]);
void hub_time(int64_t ms, char out[HUB_DATE + 8]);
cJSON *hub_find(cJSON *list, const char *id_name, const char *id); /* by id, or by Slug; NULL: there is none */
struct hub_unit *hub_unit_find(const struct hub *hub, const char *space_id, const char *id_or_slug);
cJSON *hub_space_new(struct hub *hub, const char *slug);
cJSON *hub_target_new(struct hub *hub, const char *space_id, const char *slug, const char *worker);
/* A unit with its first revision; NULL: memory. */
struct hub_unit *hub_unit_new(struct hub *hub, const cJSON *space, const char *slug, const char *data, size_t len);
void hub_unit_remove(struct hub *hub, struct hub_unit *unit);
/* A new head; -1: memory. */
int hub_revise(struct hub *hub, struct hub_unit *unit, const char *data, size_t len, const char *source,
               const char *description);
const struct hub_revision *hub_revision(const struct hub_unit *unit, int64_t number); /* NULL: there is none */
int64_t hub_number(const cJSON *json, const char *name);
void hub_set_number(cJSON *json, const char *name, int64_t value);
void hub_set_text(cJSON *json, const char *name, const char *text);
const char *hub_text(const cJSON *json, const char *name); /* "" when it is not there */
int hub_load_folder(struct hub *hub, const struct hf_hub_folder *folder, struct hf_error *err);

/* keep.c */
int hub_keep(struct hub *hub, struct hf_error *err);
int hub_recall(struct hub *hub, struct hf_error *err); /* HF_ENOTFOUND: there is none yet */

/* where.c: -1 with the problem when it is no expression; else whether it holds. */
int hub_where(const char *expression, const cJSON *entity, const cJSON *space, bool *holds, struct hf_error *err);

/* show.c */
cJSON *hub_show_unit(const struct hub_call *call, const struct hub_unit *unit, bool extended);
void hub_answer(struct hub_call *call, int status, cJSON *json); /* takes json; NULL: memory */
void hub_fail(struct hub_call *call, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The entities of a list that `where` lets through, cut to `select`; wrapped as {NAME: …} when name is given. */
void hub_list(struct hub_call *call, cJSON *list, const char *name);

/* route.c */
void hub_handle(struct hub_call *call);

/* units.c */
void hub_units_list(struct hub_call *call, const char *space_id);
void hub_unit_call(struct hub_call *call, const cJSON *space);

/* actions.c */
void hub_apply(struct hub_call *call, struct hub_unit *unit);
void hub_apply_many(struct hub_call *call);
void hub_refresh(struct hub_call *call, struct hub_unit *unit);
void hub_destroy(struct hub_call *call, struct hub_unit *unit);
/* The worker's word on an action under way. */
void hub_action_started(struct hub *hub, struct hub_unit *unit, cJSON *action);
void hub_action_ended(struct hub *hub, struct hub_unit *unit, cJSON *action, const char *result, const char *message);

/* worker.c */
int hub_worker_open(struct hub *hub, struct hf_error *err);
void hub_worker_close(struct hub *hub);
void hub_worker_wake(struct hub *hub);

/* faults.c */
void hub_faults_call(struct hub_call *call);
/* Whether a fault of the kind is to be done to this call; counts it. */
bool hub_fault(struct hub *hub, enum hub_fault_kind kind, const char *path, int64_t *number, int64_t *retry_after);

/* session.c */
bool hub_may(const struct hub_call *call);
void hub_session_call(struct hub_call *call);

#endif
