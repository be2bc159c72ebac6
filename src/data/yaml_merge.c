#include "yaml_merge.h"

#include <string.h>

struct hf_member *hf_yaml_entries_push(struct hf_yaml_entries *entries, bool merged)
{
    if (entries->count == entries->cap) {
        size_t cap = entries->cap ? entries->cap * 2 : 64;
        struct hf_yaml_entry *list = hf_reallocarray(entries->list, cap, sizeof *list);
        if (!list) {
            return NULL;
        }
        entries->list = list;
        entries->cap = cap;
    }
    struct hf_yaml_entry *entry = &entries->list[entries->count];
    *entry = (struct hf_yaml_entry){.order = entries->count, .merged = merged};
    entries->count++;
    entries->merges += merged;
    return &entry->member;
}

int hf_yaml_entries_items(struct hf_yaml_entries *entries, size_t base, struct hf_arena *arena, struct hf_value *out)
{
    size_t count = entries->count - base;
    struct hf_value *items = hf_arena_array(arena, count, sizeof *items);
    if (!items) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = entries->list[base + i].member.value;
    }
    out->as.array.items = items;
    out->as.array.count = count;
    entries->count = base;
    return 0;
}

static int compare_entries(const void *left, const void *right)
{
    const struct hf_yaml_entry *a = left;
    const struct hf_yaml_entry *b = right;
    int order = hf_slice_compare(a->member.key, b->member.key);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/* Leaves one entry a key, the last; but those written out all, so that a key written twice is still seen. */
static size_t settle(struct hf_yaml_entry *list, size_t count)
{
    size_t kept = 0;
    qsort(list, count, sizeof *list, compare_entries);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        size_t written = !list[i].merged;
        while (end < count && hf_slice_equal(list[i].member.key, list[end].member.key)) {
            written += !list[end++].merged;
        }
        for (size_t k = i; k < end; k++) {
            if (written > 1 ? !list[k].merged : k == end - 1) {
                list[kept++] = list[k];
            }
        }
        i = end;
    }
    return kept;
}

int hf_yaml_entries_members(struct hf_yaml_entries *entries, size_t base, struct hf_arena *arena, struct hf_value *out,
                            struct hf_error *err)
{
    size_t count = entries->count - base;
    struct hf_yaml_entry *list = count ? entries->list + base : NULL;
    size_t merges = 0;
    for (size_t i = 0; entries->merges > 0 && i < count; i++) {
        merges += list[i].merged;
    }
    if (merges > 0) {
        entries->merges -= merges;
        count = settle(list, count);
    }
    struct hf_member *members = hf_arena_array(arena, count, sizeof *members);
    if (!members) {
        return hf_error_set(err, HF_ENOMEM, "out of memory while reading YAML");
    }
    for (size_t i = 0; i < count; i++) {
        members[i] = list[i].member;
    }
    out->as.object.members = members;
    out->as.object.count = count;
    entries->count = base;
    return hf_value_seal(out, err);
}
