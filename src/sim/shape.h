/* An object as Go would decode it and write it again: unknown fields and nulls go, zero values go or stay as the Go
 * struct has them, quantities, times and base64 take their one form. */
#ifndef SIM_SHAPE_H
#define SIM_SHAPE_H

#include "schema.h"
#include "work.h"

/* Into a new value. -1: 400 in work's problem; the text says where what was found instead of what. */
int sim_shape(struct sim_work *work, const struct sim_type *type, const struct hf_value *in, struct hf_value **out);

#endif
