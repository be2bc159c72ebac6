/* What the walks over typed values share. */
#ifndef SIM_TYPED_WALK_H
#define SIM_TYPED_WALK_H

#include "typed.h"

#define SIM_DEPTH 140

enum sim_view { VIEW_LEAF, VIEW_LIST, VIEW_MAP };

struct sim_trail {
    struct hf_slice path[SIM_DEPTH];
    size_t depth;
};

/* How the type lets the value be walked. value may be NULL. */
enum sim_view sim_view_of(const struct sim_type *type, const struct hf_value *value);
/* The type of a member; NULL: not declared. *declared: it is a named field of a struct. */
const struct sim_type *sim_member_type(const struct sim_type *type, struct hf_slice key, bool *declared);
struct hf_slice sim_field_element(struct hf_arena *arena, struct hf_slice key); /* f:key; ptr NULL: memory */
/* The path element of a list's item: keys, value or index. -1 with work's problem (work may be NULL: none told). */
int sim_item_element(struct sim_work *work, struct hf_arena *arena, const struct sim_type *list, size_t index,
                     const struct hf_value *item, struct hf_slice *out);

#endif
