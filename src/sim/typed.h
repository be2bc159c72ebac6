/* Objects with a type, as server-side apply sees them: their field sets, merging, comparing, removing. Rule:
 * sigs.k8s.io/structured-merge-diff v4.0, typed. */
#ifndef SIM_TYPED_H
#define SIM_TYPED_H

#include "fieldset.h"
#include "schema.h"

struct sim_comparison {
    struct sim_set added;
    struct sim_set modified;
    struct sim_set removed;
};

/* -1 with the reason in work's problem (message only, ".spec.foo: field not declared in schema"). */
int sim_typed_check(struct sim_work *work, const struct sim_type *type, const struct hf_value *value);
/* The rest: -1 for memory; the values must have passed the check. lhs, rhs may be NULL. */
int sim_typed_fields(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *value,
                     struct sim_set *out);
int sim_typed_merge(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *lhs,
                    const struct hf_value *rhs, struct hf_value **out);
int sim_typed_compare(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *lhs,
                      const struct hf_value *rhs, struct sim_comparison *out);
/* A field that a set holds as a whole although its type has parts (an emptied {".":{}} is written {}) is read as all
 * the parts that the live value has there: what the real server does too, for types that were atomic once. */
int sim_typed_reconcile(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *live,
                        struct sim_set *set);
/* Takes out the list and map items that are members of items. */
int sim_typed_remove(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *value,
                     const struct sim_set *items, struct hf_value **out);

#endif
