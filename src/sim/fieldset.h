/* Sets of field paths, as managedFields hold them (fieldsV1): a tree whose nodes may be members themselves.
 *
 * A path element is kept in its written form: f:<name>, k:<keys as JSON>, v:<value as JSON>, i:<index>. Sets live in an
 * arena; what an operation gives may share nodes with what it was given, so a set is not changed once it was passed on.
 */
#ifndef SIM_FIELDSET_H
#define SIM_FIELDSET_H

#include "work.h"

struct sim_node;

struct sim_set {
    struct sim_node *nodes; /* sorted by element */
    size_t count;
    size_t room;
};

struct sim_node {
    struct hf_slice element;
    bool member;
    struct sim_set children;
};

/* Adds a path; the set must not be shared. An empty path adds nothing. -1: memory. */
int sim_set_insert(struct hf_arena *arena, struct sim_set *set, const struct hf_slice *path, size_t depth);
const struct sim_node *sim_set_find(const struct sim_set *set, struct hf_slice element);
bool sim_set_is_empty(const struct sim_set *set);
bool sim_set_equal(const struct sim_set *a, const struct sim_set *b);

/* -1: memory. */
int sim_set_union(struct hf_arena *arena, const struct sim_set *a, const struct sim_set *b, struct sim_set *out);
int sim_set_intersection(struct hf_arena *arena, const struct sim_set *a, const struct sim_set *b, struct sim_set *out);
int sim_set_difference(struct hf_arena *arena, const struct sim_set *a, const struct sim_set *b, struct sim_set *out);

/* fieldsV1 to set and back. from_json: -1 when it is no such thing, or memory; to_json: NULL: memory. */
int sim_set_from_json(struct hf_arena *arena, const struct hf_value *fields, struct sim_set *out);
struct hf_value *sim_set_to_json(struct hf_arena *arena, const struct sim_set *set);

/* Calls fn for each member with its readable path (".spec.containers[name=\"web\"].image"). -1 when fn does. */
int sim_set_each(const struct sim_set *set, int (*fn)(void *ctx, const char *path), void *ctx);

#endif
