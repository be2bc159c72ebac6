/* What the API server fills in where nothing was given. Rules: Kubernetes 1.20, pkg/apis/<group>/<version>/defaults.go.
 */
#ifndef SIM_DEFAULTS_H
#define SIM_DEFAULTS_H

#include "schema.h"
#include "work.h"

/* Changes an object that sim_shape made. -1: memory. */
int sim_default(struct hf_arena *arena, const struct sim_type *type, struct hf_value *value);

#endif
