/* The comparison's state, private to src/drift. */
#ifndef HF_DRIFT_WALK_H
#define HF_DRIFT_WALK_H

#include "holdfast/drift.h"

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

struct walk {
    struct hf_arena *arena;
    const struct hf_drift_input *input;
    struct owner owners[HF_MOST_OWNERS];
    size_t owner_count;
    int ours; /* index of our Apply entry, -1: none */
    bool is_secret;
    bool is_service;
    struct hf_finding *findings;
    size_t count;
    size_t cap;
    size_t left_out;
    struct hf_buf path;     /* JSON Pointer into live */
    struct hf_buf desired;  /* the same into desired */
    struct hf_buf readable;
    bool untyped;
    bool in_atomic;         /* inside an item of an atomic list: what live has beyond desired must be a default */
    unsigned depth;
    bool failed;            /* memory */
};

/* The lengths of the three paths, to go back to. */
struct mark {
    size_t path;
    size_t desired;
    size_t readable;
};
struct mark hf_walk_mark(const struct walk *walk);
void hf_walk_back(struct walk *walk, struct mark mark);
void hf_walk_key(struct walk *walk, struct hf_slice key);

/* owners.c */
void hf_owners_read(struct walk *walk, const struct hf_value *live);
void hf_claims_begin(const struct walk *walk, struct claims *claims);
void hf_claims_key(const struct walk *walk, const struct claims *from, struct hf_slice key, struct claims *to);
void hf_claims_item(const struct walk *walk, const struct claims *from, const char *segment, struct claims *to);
bool hf_claims_ours(const struct walk *walk, const struct claims *claims);

/* finding.c */
void hf_walk_find(struct walk *walk, enum hf_class class, const struct hf_value *desired, const struct hf_value *live,
                  const struct claims *claims);

/* compare.c */
void hf_compare(struct walk *walk, const struct hf_type *type, const struct hf_value *desired, const struct hf_value *live,
                const struct claims *claims);
bool hf_is_empty(const struct hf_value *value);

/* lists.c */
void hf_compare_list(struct walk *walk, const struct hf_type *type, const struct hf_value *desired, const struct hf_value *live,
                     const struct claims *claims);

/* scalars.c: whether the server would store desired as live. */
bool hf_scalar_equal(const struct hf_type *type, const struct hf_value *desired, const struct hf_value *live);

#endif
