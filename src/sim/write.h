/* What happens to an object between the request and the store. */
#ifndef SIM_WRITE_H
#define SIM_WRITE_H

#include "apply.h"
#include "sim.h"

struct sim_writing {
    struct sim *sim;
    struct sim_work *work;
    struct sim_collection *collection;
    const char *space;
    const char *name;
    const char *manager;
    const char *now;
    struct sim_object *live; /* NULL: it is created */
    bool status;             /* the status subresource */
    bool dry_run;
    bool unconditional; /* an update that names no resourceVersion */
};

enum sim_name_rule { NAME_SUBDOMAIN, NAME_LABEL, NAME_LABEL_1035, NAME_SEGMENT };

/* write.c. Decoded and defaulted, and who owns it; nothing stored. raw is what was sent, or the patched object. */
int sim_write_begin(struct sim_writing *writing, const struct hf_value *raw, struct hf_value **fresh);
/* Checks it, and stores it. *stored is NULL on a dry run. *out is the object as it is answered. */
int sim_write_finish(struct sim_writing *writing, struct hf_value *fresh, struct sim_object **stored,
                     const struct hf_value **out);

/* strategy.c: what the kind's own rules make of a new or changed object. -1: memory. */
int sim_strategy_create(struct sim_writing *writing, struct hf_value *fresh);
int sim_strategy_update(struct sim_writing *writing, struct hf_value *fresh);
/* Decodes: shape, stringData, defaults. */
int sim_decode(struct sim_work *work, const struct sim_kind *kind, const struct hf_value *raw, struct hf_value **out);
/* validate.c: causes are gathered in work; live NULL: a new object. */
void sim_validate(struct sim_work *work, const struct sim_kind *kind, const struct hf_value *fresh,
                  const struct hf_value *live);
/* validate_pod.c */
void sim_validate_template(struct sim_work *work, const char *at, const struct hf_value *template, bool always);
void sim_validate_pod_spec(struct sim_work *work, const char *at, const struct hf_value *spec);
/* names.c: NULL when the name is right, else what is wrong with it. */
const char *sim_name_wrong(const char *name, enum sim_name_rule rule);

#endif
