/* A document: what YAML and JSON mean, in an arena.
 *
 * Objects are kept sorted by key (by bytes, which for UTF-8 is code point order) without duplicates, so a lookup is a
 * binary search, canonical output is a straight walk, and two objects compare by a merge walk. Numbers are exact
 * decimal text, never a double. A value and all it points to live as long as its arena; values are not changed once
 * shared. */
#ifndef HOLDFAST_VALUE_H
#define HOLDFAST_VALUE_H

#include "holdfast/error.h"
#include "holdfast/mem.h"
#include "holdfast/text.h"

enum hf_kind { HF_NULL, HF_BOOL, HF_NUMBER, HF_STRING, HF_ARRAY, HF_OBJECT };

struct hf_member;

struct hf_value {
    enum hf_kind kind;
    uint32_t line;   /* where it stood, from 1; 0 when it came from no text */
    uint32_t column; /* in bytes, from 1 */
    uint32_t
        room; /* spare slots behind the items or members while it is being built; private to hf_value_set and _push */
    union {
        bool boolean;
        struct hf_slice text; /* HF_STRING: UTF-8, terminated; HF_NUMBER: as written in JSON syntax, terminated */
        struct {
            struct hf_value *items;
            size_t count;
        } array;
        struct {
            struct hf_member *members; /* sorted by key */
            size_t count;
        } object;
    } as;
};

struct hf_member {
    struct hf_slice key; /* terminated */
    uint32_t line;
    uint32_t column;
    struct hf_value value;
};

const char *hf_kind_name(enum hf_kind kind); /* "null", "boolean", "number", "string", "array", "object" */

/* Lookups: NULL when absent, when value is NULL, or when it is not of that kind; so they chain. */
const struct hf_value *hf_value_get(const struct hf_value *object, const char *key);
const struct hf_value *hf_value_find(const struct hf_value *object, struct hf_slice key);
const struct hf_value *hf_value_at(const struct hf_value *array, size_t index);
/* Through nested objects: hf_value_path(v, "metadata", "name", NULL). */
const struct hf_value *hf_value_path(const struct hf_value *value, ...) __attribute__((sentinel));
/* The terminated text of a string; NULL when it is no string, and when it holds a NUL byte, which would cut it short
 * unseen (use as.text then). */
const char *hf_value_text(const struct hf_value *value);
/* An integer in range of int64; false for anything else (also for 1.5 and "1"); 1.0 and 1e3 are integers. */
bool hf_value_int(const struct hf_value *value, int64_t *out);
bool hf_value_is_true(const struct hf_value *value);
size_t hf_value_count(const struct hf_value *value); /* items or members; 0 for others */

/* Building. Each returns NULL when memory is short. Texts are copied into the arena. */
struct hf_value *hf_value_new(struct hf_arena *arena, enum hf_kind kind);
struct hf_value *hf_value_string(struct hf_arena *arena, struct hf_slice text);
struct hf_value *hf_value_integer(struct hf_arena *arena, int64_t number);
/* A deep copy into arena. */
struct hf_value *hf_value_copy(struct hf_arena *arena, const struct hf_value *value);

/* Sets key in object (replacing), keeping the order. value is copied shallowly. -1 when memory is short. This and the
 * next two change the object itself: of one that is shared make a copy first. */
int hf_value_set(struct hf_arena *arena, struct hf_value *object, struct hf_slice key, const struct hf_value *value);
/* Takes key out; false when it was not there. */
bool hf_value_unset(struct hf_value *object, struct hf_slice key);
int hf_value_push(struct hf_arena *arena, struct hf_value *array, const struct hf_value *item);

/* Sorts members by key; duplicate keys are HF_EPARSE with the place of the second. For readers only. */
int hf_value_seal(struct hf_value *object, struct hf_error *err);

/* Same meaning: key order apart, numbers by exact value (1.0 equals 1), strings by bytes. */
bool hf_value_equal(const struct hf_value *a, const struct hf_value *b);

/* Compares two JSON number texts by exact decimal value: <0, 0, >0. No doubles. */
int hf_number_compare(struct hf_slice a, struct hf_slice b);

#endif
