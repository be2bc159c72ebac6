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

/* Where the owners that are not ours stand: only those that own something at, below or around the place. */
struct others {
    size_t count;
    uint8_t owner[HF_MOST_OWNERS];             /* by their places in walk->owners */
    const struct hf_value *at[HF_MOST_OWNERS]; /* NULL: it holds what is around */
};

struct search {
    struct walk *walk;
    bool of_notes;                       /* labels and annotations are looked at, and nothing else */
    bool has_notes;                      /* some are there that the unit does not set */
    bool is_read;                        /* last applied */
    const struct hf_value *last_applied; /* by kubectl apply: what its annotation says */
    struct {
        const char *name;
        uint32_t rows;
    } rows[16]; /* of types met before */
    unsigned depth;
};

/* added_owners.c. The other owners of the whole object; then a step down. within: the type of what the step is in. */
void hf_others_begin(const struct walk *walk, struct others *others);
void hf_others_key(const struct others *from, const struct hf_type *within, struct hf_slice key, struct others *to);
void hf_others_item(struct walk *walk, const struct others *from, const struct hf_type *list,
                    const struct hf_value *item, struct others *to);
/* Whether others own the item or entry itself, not only something below it. */
bool hf_others_name_it(const struct others *others);
/* Writes down the way to a place, and who owns what there. */
void hf_retrace(struct walk *walk, const struct spot *spot, struct claims *claims);
/* Whether the place is of a client-side apply: it owns it, and its annotation has it. */
bool hf_was_applied(struct search *search, struct spot *spot, const struct others *others);
/* Whether all of them only made the object, once: what our last apply claimed beside them was ours. */
bool hf_are_makers(const struct search *search, const struct others *others);

/* added_known.c */
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
