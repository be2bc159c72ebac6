/* Paths by list keys: /spec/template/spec/containers/[name=web]/image. A JSON Pointer in which the items of a keyed
 * list stand by their keys, [key=value,…], those of a set by their value, [=value], all others by index. Unlike the
 * readable form nothing in a name can be taken for something else: within a part ~0 is ~, ~1 is /, ~2 is [ (where a
 * map's key begins with one), ~3 is ], ~4 is a comma, ~5 is =, ~6 is NUL (the last four only between brackets, NUL
 * anywhere). Private to src/drift. */
#ifndef HF_DRIFT_KEYED_H
#define HF_DRIFT_KEYED_H

#include "holdfast/drift.h"

/* Deeper parts of a path are not looked at, and no pattern has more. */
#define HF_MOST_PARTS 64

void hf_keyed_add_key(struct hf_buf *out, struct hf_slice key);
/* One "key=value" of an item, escaped; key "" for a set's value. Values that are no scalars are left out: then false.
 */
bool hf_keyed_add_pair(struct hf_buf *out, const char *key, const struct hf_value *value);

/* A path cut into its parts. */
struct keyed_path {
    const char *text;
    size_t count;
    uint64_t has;     /* marks of the parts: a pattern that needs others can not match */
    uint64_t several; /* a bit for each part with a comma in it: it may be an item of several keys */
    struct hf_slice parts[HF_MOST_PARTS];
    uint32_t hashes[HF_MOST_PARTS];
};
void hf_keyed_cut(struct keyed_path *path, const char *text);

enum part_kind { PART_ANY, PART_LITERAL, PART_GLOB, PART_ITEM };

struct pattern_pair {
    struct hf_slice key;
    struct hf_slice value; /* a glob */
};

struct pattern_part {
    enum part_kind kind;
    bool is_plain_item; /* one key, no wildcard */
    uint32_t hash;
    struct hf_slice text;
    const struct pattern_pair *pairs;
    size_t pair_count;
};

struct path_pattern {
    const char *text; /* as written */
    const struct pattern_part *parts;
    size_t count;
    uint64_t needs; /* marks of the parts that only the same text matches */
};

/* Compiles a pattern; all in the arena. HF_EINVAL: the text says what was found and what was expected. */
int hf_pattern_read(struct hf_arena *arena, const char *text, struct path_pattern *out, struct hf_error *err);
/* Whether the path is the pattern's place, or below it. */
bool hf_pattern_matches(const struct path_pattern *pattern, const struct keyed_path *path);
/* Whether whatever matches b matches a, as far as can be told: false when in doubt. */
bool hf_pattern_covers(const struct path_pattern *a, const struct path_pattern *b);
/* The pattern as a path: what a person writes as a finding's path. */
int hf_pattern_write(const struct path_pattern *pattern, struct hf_buf *out);

/* A glob: * stands for any run of bytes, and, if so asked, ? for one. Time is bounded by the product of the lengths. */
bool hf_glob_matches(struct hf_slice glob, struct hf_slice text, bool question_mark);

#endif
