/* The comparison's state, private to src/drift. */
#ifndef HF_DRIFT_WALK_H
#define HF_DRIFT_WALK_H

#include "holdfast/drift.h"
#include "keyed.h"

#define HF_MOST_OWNERS 64

/* One entry of managedFields. */
struct owner {
    const char *manager;
    const char *operation;
    const char *subresource;
    int64_t at_ms;
    bool is_ours; /* the Apply entry of the manager that applies the unit */
    const struct hf_value *fields;
};

/* Where each owner's fieldsV1 stands at the place being compared: NULL where it owns nothing at or below. */
struct claims {
    const struct hf_value *at[HF_MOST_OWNERS];
    bool whole[HF_MOST_OWNERS]; /* the owner holds an atomic value that this place is part of */
};

/* A step of the way from the object to a place. */
struct step {
    struct hf_slice key;         /* of a member */
    const struct hf_value *item; /* of a list; NULL: a member */
    const struct hf_type *list;
    size_t live_index;
    size_t desired_index;
    bool in_atomic; /* the list is part of an atomic value */
};

struct walk {
    struct hf_arena *arena;
    const struct hf_drift_input *input;
    struct owner owners[HF_MOST_OWNERS];
    size_t owner_count;
    int ours; /* index of our Apply entry, -1: none */
    bool is_secret;
    bool is_service;
    bool is_custom; /* a custom resource with a schema: what the unit says is stored as it is */
    struct hf_finding *findings;
    size_t count;
    size_t cap;
    size_t left_out;
    struct step *steps;
    size_t step_count;
    size_t step_cap;
    struct hf_buf text; /* of a moment */
    /* As hf_walk_write wrote them. */
    struct hf_buf path;    /* JSON Pointer into live */
    struct hf_buf desired; /* the same into desired */
    struct hf_buf readable;
    struct hf_buf keyed; /* the path by list keys, keyed.h */
    bool untyped;
    bool in_atomic; /* inside an atomic value: the unit's replaces the whole, so what live has beyond must be a default
                     */
    bool quiet;     /* only asking: findings are not kept, differs is set */
    bool differs;
    const struct hf_value *unit; /* the unit's document, for defaults that depend on another place */
    const struct claims *around; /* on the object whose field is looked at; NULL: not known */
    const char *unit_problem;    /* the first field of the unit that its kind does not have */
    unsigned depth;
    bool is_drifted; /* something was found that an apply or a removal would put right, not only additions */
    bool failed;     /* memory */
};

/* How many steps there are, to go back to. */
struct mark {
    size_t steps;
};
struct mark hf_walk_mark(const struct walk *walk);
void hf_walk_back(struct walk *walk, struct mark mark);
void hf_walk_key(struct walk *walk, struct hf_slice key);
/* Whether those are the keys of the last steps but for that many at the end. */
bool hf_walk_is_at(const struct walk *walk, const char *const *keys, size_t count, size_t end);
/* Writes the way down: into path, desired, readable and keyed. */
void hf_walk_write(struct walk *walk);

/* owners.c */
void hf_owners_read(struct walk *walk, const struct hf_value *live);
void hf_claims_begin(const struct walk *walk, struct claims *claims);
void hf_claims_key(const struct walk *walk, const struct claims *from, struct hf_slice key, struct claims *to);
void hf_claims_item(const struct walk *walk, const struct claims *from, const char *segment, struct claims *to);
bool hf_claims_ours(const struct walk *walk, const struct claims *claims);
/* Whether our Apply entry names this very place (not only places below it), and no other entry does. */
bool hf_claims_only_ours(const struct walk *walk, const struct claims *claims, bool is_item);
/* Whether our Apply entry still names each part of what desired sets here: nobody has taken it away since. */
bool hf_claims_applied(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                       const struct claims *claims);
bool hf_claims_any_ours(const struct walk *walk, const struct claims *claims);  /* at or below */
bool hf_claims_by_others(const struct walk *walk, const struct claims *claims); /* at, below or around */
/* Whether our Apply entry names the place without anything below it, and no other entry has anything there. */
bool hf_claims_alone(const struct walk *walk, const struct claims *claims);
/* The place's type as the server merges it by what is claimed there: type itself, or one in the arena. */
const struct hf_type *hf_type_by_claims(struct walk *walk, const struct hf_type *type, const struct hf_value *live,
                                        const struct claims *claims);

/* finding.c */
void hf_walk_find(struct walk *walk, enum hf_class class, const struct hf_value *desired, const struct hf_value *live,
                  const struct claims *claims);

/* A place in the document: its type, and what the server does there with nothing and with next to nothing. */
struct place {
    const struct hf_type *type; /* NULL: no schema */
    enum hf_zero zero;
    const struct hf_value *preset; /* NULL: none */
    bool is_filled;
    bool is_unknown;       /* a built-in type has no such field: the server drops it */
    bool is_entry;         /* of a map: null there is stored as the zero value */
    bool may_have_default; /* that is not known */
    bool in_milli;         /* a quantity of a resource list */
};

/* compare.c */
/* desired NULL: the unit says nothing; live NULL: there is nothing. */
void hf_compare(struct walk *walk, const struct place *place, const struct hf_value *desired,
                const struct hf_value *live, const struct claims *claims);
void hf_compare_member(struct walk *walk, const struct hf_type *type, struct hf_slice key,
                       const struct hf_value *holder, const struct hf_value *desired,
                       const struct hf_value *live_holder, const struct hf_value *live, const struct claims *claims);
/* The place of a key below an object of that type; the objects themselves for defaults that depend on a neighbour. */
struct place hf_place_of(struct walk *walk, const struct hf_type *type, struct hf_slice key,
                         const struct hf_value *desired, const struct hf_value *live);
struct place hf_place_of_item(const struct walk *walk, const struct hf_type *list);
bool hf_is_zero(const struct hf_value *value);
/* Whether null is a value of its own there: where the schema says so, and in a custom resource where it says nothing.
 */
bool hf_keeps_null(const struct walk *walk, const struct place *place);
/* The unit says nothing here (or null, or a zero value that Go drops): the server puts back the default, or nothing. */
void hf_compare_with_preset(struct walk *walk, const struct place *place, const struct hf_value *desired,
                            const struct hf_value *live, const struct claims *claims);
/* Whether live holds no more than the server itself puts where a unit says nothing. */
bool hf_is_preset(struct walk *walk, const struct place *place, const struct hf_value *live);

/* defaults.c: defaults that depend on another field; NULL: none. */
const struct hf_value *hf_preset_by_neighbours(struct walk *walk, const struct hf_type *type, struct hf_slice key,
                                               const struct hf_value *desired, const struct hf_value *live);

bool hf_derives_defaults(const struct hf_type *type);
/* Whether the server takes a field away because of another: what a unit says there is not kept. */
bool hf_is_cleared(struct walk *walk, const struct hf_type *type, struct hf_slice key, const struct hf_value *desired,
                   const struct hf_value *live);
/* Whether the server reads what a unit says there as nothing. */
bool hf_is_read_as_nothing(const struct hf_type *type, const struct hf_value *desired);
/* Whether the default adds to what the unit says: it holds that, too. */
bool hf_is_completed(const struct hf_type *type, struct hf_slice key);

/* leftover.c. Whether a map that only the unit's applier has entries in gets its default once they are gone. */
bool hf_is_filled_again(const struct walk *walk, const struct place *place, const struct claims *claims);
/* What live holds there that the unit no longer says and that only our Apply entry claims. */
void hf_find_leftovers(struct walk *walk, const struct place *place, const struct hf_value *live,
                       const struct claims *claims);

/* convention.c: what controllers and kubectl write into what a unit sets, and that nobody calls drift. */
bool hf_is_convention(const struct walk *walk, struct hf_slice key);
bool hf_is_kept_note(struct hf_slice annotation); /* whether such an annotation is one of theirs */

/* lists.c */
void hf_compare_list(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                     const struct hf_value *live, const struct claims *claims);
/* The fieldsV1 name of an item of a keyed list ("k:{…}") or of a set ("v:…"), in the arena; "" when it has none. */
const char *hf_item_key(struct walk *walk, const struct hf_type *type, const struct hf_value *item);
void hf_walk_item(struct walk *walk, const struct hf_type *type, const struct hf_value *item, size_t live_index,
                  size_t desired_index);
/* An item's key; one that it leaves out is the default. */
const struct hf_value *hf_item_key_value(struct walk *walk, const struct hf_type *type, const struct hf_value *item,
                                         const char *key);
bool hf_is_granular_list(const struct hf_type *type);
/* The items of a list in the order of their keys. NULL: memory (walk->failed). */
struct hf_keyed_item {
    const char *key;
    size_t index;
    bool taken;
};
struct hf_keyed_item *hf_sort_items(struct walk *walk, const struct hf_type *type, const struct hf_value *list);
/* The first item of that key not found yet; next: a zero for each item, kept from call to call. NULL: none. */
struct hf_keyed_item *hf_find_item(struct hf_keyed_item *keys, size_t count, const char *key, size_t *next);

/* added_known.c: whether all that a Pod's tolerations hold is what admission adds. */
bool hf_are_injected_tolerations(const struct walk *walk, const struct hf_value *live);
/* added_known.c: how many items at the end of a whole list admission puts behind the unit's: a Pod's tolerations. */
size_t hf_injected_tail(const struct walk *walk, const struct hf_type *list, const struct hf_value *desired,
                        const struct hf_value *live);

/* added.c: what live holds that the unit does not set and that others put there. */
void hf_find_added(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                   const struct hf_value *live);

/* judge.c: what is the server's or a controller's at the top of the object, whatever the unit says. */
bool hf_is_not_compared(const struct walk *walk, const struct hf_value *desired, struct hf_slice key);

/* scalars.c: whether the server would store desired as live. */
bool hf_scalar_equal(const struct place *place, const struct hf_value *desired, const struct hf_value *live);

#endif
