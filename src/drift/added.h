/* What live holds beyond the unit: the search (added.c) and what is known of places (added_known.c). Private to
 * src/drift. */
#ifndef HF_DRIFT_ADDED_H
#define HF_DRIFT_ADDED_H

#include "walk.h"

struct item_index;

/* A step of the way from the object to the place that is looked at; the steps stand on the stack. */
struct spot {
    struct spot *up;            /* NULL: the object itself */
    struct hf_slice key;        /* a member's */
    const struct hf_type *list; /* an item's: the type of its list */
    const struct hf_value *item;
    size_t live_index;
    size_t desired_index;
    bool is_applied_known; /* applied has been looked up */
    const struct hf_value *applied;
    struct item_index *index; /* of applied, where it is a list */
};

/* How much it takes for what nobody owns to be an addition. */
enum strictness {
    STRICT_NOT,      /* it is none */
    STRICT_IF_LOOSE, /* only where it takes a fence down */
    STRICT_ALWAYS
};

/* What is known of a type by its name ("io.k8s.api.core.v1.PodSpec"), and what that says of a key. */
uint32_t hf_strict_rows(const char *type);
enum strictness hf_strictness(uint32_t rows, struct hf_slice key);
/* Whether a value of a security setting gives more than a pod has by itself. */
bool hf_is_loose(struct hf_slice key, const struct hf_value *value);

/* Whether the server or a controller allocates, binds or injects what is there, told by place and value, never by who
 * says to have written it. desired: the unit's object that lacks the key, NULL: none. */
bool hf_is_allocated(const struct walk *walk, const struct hf_type *type, struct hf_slice key,
                     const struct hf_value *desired, const struct hf_value *live_holder, const struct hf_value *live);
bool hf_is_injected_item(const struct walk *walk, const struct hf_type *type, const struct hf_value *item);
/* Whether a key of data, labels or annotations is written by a controller for what the unit is. map: "data", … */
bool hf_is_injected_entry(const struct walk *walk, struct hf_slice map, struct hf_slice key);

#endif
