/* Members and items of what is still open while YAML is read, and what they come to when it closes. */
#ifndef HF_DATA_YAML_MERGE_H
#define HF_DATA_YAML_MERGE_H

#include "holdfast/value.h"

struct hf_yaml_entry {
    struct hf_member member;
    size_t order;
    bool merged; /* came by "<<" */
};

struct hf_yaml_entries {
    struct hf_yaml_entry *list;
    size_t count;
    size_t cap;
    size_t merges; /* so many of them are merged */
};

/* A zeroed slot at the end; NULL when memory is short. Valid until the next push. */
struct hf_member *hf_yaml_entries_push(struct hf_yaml_entries *entries, bool merged);

/* Takes the entries from base on off, as an array. -1 when memory is short. */
int hf_yaml_entries_items(struct hf_yaml_entries *entries, size_t base, struct hf_arena *arena, struct hf_value *out);
/* The same as an object. Of equal keys the last one stays where one of them is merged, which is go-yaml's order; two
 * that are written out are HF_EPARSE. */
int hf_yaml_entries_members(struct hf_yaml_entries *entries, size_t base, struct hf_arena *arena, struct hf_value *out,
                            struct hf_error *err);

#endif
