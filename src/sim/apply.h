/* Server-side apply. */
#ifndef SIM_APPLY_H
#define SIM_APPLY_H

#include "managed_fields.h"

/* Merges config into change->live as change->manager. *merged is NULL when the object stays as it is (the managers may
 * still have changed). -1: 409 with its causes, 400 or 500 in work's problem. */
int sim_apply(struct sim_work *work, const struct sim_change *change, const struct hf_value *config, bool force,
              struct sim_managers *managers, struct hf_value **merged);

#endif
