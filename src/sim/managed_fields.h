/* metadata.managedFields: who owns which fields, and what a write does to that. Rules: Kubernetes 1.20,
 * apiserver/pkg/endpoints/handlers/fieldmanager, and structured-merge-diff's merge.Updater. */
#ifndef SIM_MANAGED_FIELDS_H
#define SIM_MANAGED_FIELDS_H

#include "typed.h"

struct sim_manager {
    const char *name;
    bool applies; /* operation Apply, else Update */
    const char *version;
    const char *time; /* NULL: none */
    struct sim_set set;
};

struct sim_managers {
    struct sim_manager *items;
    size_t count;
    size_t room;
};

/* A write, without managedFields in any of the objects. */
struct sim_change {
    const struct sim_type *type;
    const char *version;          /* "apps/v1" */
    const char *manager;          /* who writes */
    const char *now;              /* RFC 3339, seconds */
    const struct hf_value *empty; /* an object of the kind with nothing in it, as Go writes it */
    const struct hf_value *live;  /* as it was; empty when it is created */
    bool exists;
};

/* From an object's metadata. -1: malformed, or memory. */
int sim_managers_read(struct hf_arena *arena, const struct hf_value *object, struct sim_managers *out);
/* Into an object's metadata, sorted; none takes the field away. -1: memory. */
int sim_managers_write(struct hf_arena *arena, struct hf_value *object, const struct sim_managers *managers);

/* A create, update or patch made `fresh` of live. */
int sim_managers_update(struct sim_work *work, const struct sim_change *change, const struct hf_value *fresh,
                        struct sim_managers *managers);

/* Reads each manager's fields by the type and the live object of the change. -1: memory. */
int sim_managers_reconcile(struct hf_arena *arena, const struct sim_change *change, struct sim_managers *managers);

/* The manager of that identity (an Update's holds the version, an Apply's does not); NULL when there is none. */
struct sim_manager *sim_managers_find(struct sim_managers *managers, const char *name, bool applies,
                                      const char *version);
struct sim_manager *sim_managers_add(struct hf_arena *arena, struct sim_managers *managers, const char *name,
                                     bool applies, const char *version);
void sim_managers_remove(struct sim_managers *managers, struct sim_manager *manager);
/* Takes what nobody owns by intent (kind, metadata.name …) out of the set. -1: memory. */
int sim_managers_strip(struct hf_arena *arena, struct sim_manager *manager);
/* Takes from each manager but `keep` what changed or went. -1: memory. */
int sim_managers_yield(struct hf_arena *arena, struct sim_managers *managers, const struct sim_manager *keep,
                       const struct sim_comparison *comparison);

#endif
