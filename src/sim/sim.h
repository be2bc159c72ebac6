/* The simulated API server. One thread: all calls come from the loop that owns it. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdio.h>

#include "faults.h"
#include "holdfast/map.h"
#include "holdfast/sim.h"
#include "request.h"
#include "users.h"
#include "watch.h"

struct sim {
    const struct hf_sim_options *options;
    struct sim_store store;
    struct sim_watches watches;
    struct sim_faults faults;
    struct sim_users users;
    int64_t (*clock)(void); /* monotonic, ms */
    uint64_t random;        /* state; seeded, so that a run can be had again */
    uint32_t next_ip;
    uint32_t next_port;
    int64_t next_sweep; /* when terminating namespaces are looked at; 0: none */
    int64_t next_churn;
    size_t churn_at;
    FILE *audit_log; /* NULL: none */
    struct sim_controllers {
        struct hf_map *due; /* keys of Deployments to look at */
        int64_t at;         /* 0: none */
    } controllers;
};

int sim_open(struct sim *sim, const struct hf_sim_options *options, struct hf_error *err);
void sim_close(struct sim *sim);

/* Does what is due; gives the monotonic time in ms at which something is due next, INT64_MAX for never. */
int64_t sim_tick(struct sim *sim);

uint64_t sim_random(struct sim *sim);
/* A UUID of version 4 made of the seeded numbers; in the arena, NULL: memory. */
const char *sim_uuid(struct sim *sim, struct hf_arena *arena);
/* RFC 3339 of now to the second; in the arena, NULL: memory. */
const char *sim_now(struct hf_arena *arena);

/* write.c: finishes and stores an object that the server itself made or changed. NULL: work's problem, or memory. */
struct sim_object *sim_write_own(struct sim *sim, struct sim_work *work, struct sim_collection *collection,
                                 const struct hf_value *value, const char *manager);

/* namespaces.c */
int sim_check_namespace(struct sim *sim, struct sim_work *work, const struct sim_kind *kind, const char *space,
                        const char *name);
void sim_namespace_deleted(struct sim *sim);
int sim_sweep_namespaces(struct sim *sim);

/* controllers.c */
void sim_controllers_event(struct sim *sim, const struct sim_event *event);
int64_t sim_controllers_run(struct sim *sim);
int sim_seed_deployments(struct sim *sim, size_t count, struct hf_error *err);

/* audit_log.c */
void sim_audit(const struct sim *sim, const struct sim_request *request, const struct sim_response *response);

/* custom.c: a CRD came, changed or went. -1: memory. */
int sim_custom_defined(struct sim *sim, struct sim_work *work, struct hf_value *definition);
void sim_custom_dropped(struct sim *sim, const struct hf_value *definition);

#endif
