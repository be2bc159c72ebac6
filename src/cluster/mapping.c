/* Which resource serves an apiVersion and kind. Entries are never freed before the mapping, so that pointers stay
 * valid. */
#include <string.h>

#include "client.h"

#define MOST_RESOURCES 50000u

struct entry {
    struct hf_resource resource; /* first: what lookups give points here */
    bool served;
};

/* A group-version that could not be read: what was known of it stands. */
struct kept {
    const char *group;
    const char *version; /* NULL: all versions */
    struct kept *next;
};

struct found {
    struct hf_resource resource;
    struct entry *entry;
    struct found *next;
};

struct hf_mapping {
    struct hf_arena *arena; /* entries and their texts */
    struct hf_map *entries; /* "group/version/kind" */
    const struct hf_resource **all;
    size_t count;
    struct hf_arena *renewal; /* what was put since hf_mapping_begin; NULL: none */
    struct found *found;
    size_t found_count;
    struct kept *kept;
    bool failed;
};

struct hf_mapping *hf_mapping_new(void)
{
    struct hf_mapping *mapping = hf_calloc(1, sizeof *mapping);
    if (mapping) {
        mapping->arena = hf_arena_new(0);
        mapping->entries = hf_map_new();
        if (!mapping->arena || !mapping->entries) {
            hf_mapping_free(mapping);
            mapping = NULL;
        }
    }
    return mapping;
}

void hf_mapping_free(struct hf_mapping *mapping)
{
    if (mapping) {
        hf_arena_free(mapping->renewal);
        hf_map_free(mapping->entries, NULL);
        hf_arena_free(mapping->arena);
        free(mapping->all);
        free(mapping);
    }
}

static struct entry *find(const struct hf_mapping *mapping, struct hf_slice group, struct hf_slice version,
                          const char *kind, struct hf_buf *key)
{
    hf_buf_add(key, group.ptr, group.len);
    hf_buf_addc(key, '/');
    hf_buf_add(key, version.ptr, version.len);
    hf_buf_addc(key, '/');
    hf_buf_adds(key, kind);
    return hf_buf_ok(key) ? hf_map_get(mapping->entries, (struct hf_slice){key->ptr, key->len}) : NULL;
}

const struct hf_resource *hf_mapping_find(const struct hf_mapping *mapping, struct hf_slice group,
                                          struct hf_slice version, const char *kind)
{
    hf_auto_buf struct hf_buf key = {0};
    struct entry *entry = find(mapping, group, version, kind, &key);
    return entry && entry->served ? &entry->resource : NULL;
}

const struct hf_resource *const *hf_mapping_all(const struct hf_mapping *mapping, size_t *count)
{
    *count = mapping->count;
    return mapping->all;
}

void hf_mapping_begin(struct hf_mapping *mapping)
{
    hf_arena_free(mapping->renewal);
    mapping->renewal = hf_arena_new(0);
    mapping->found = NULL;
    mapping->found_count = 0;
    mapping->kept = NULL;
    mapping->failed = !mapping->renewal;
}

static bool copy_texts(struct hf_arena *arena, struct hf_resource *resource)
{
    const char **texts[] = {&resource->group, &resource->version, &resource->kind, &resource->name};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = hf_arena_copy(arena, *texts[i], strlen(*texts[i]));
        if (!*texts[i]) {
            return false;
        }
    }
    return true;
}

int hf_mapping_put(struct hf_mapping *mapping, const struct hf_resource *resource, struct hf_error *err)
{
    if (mapping->found_count >= MOST_RESOURCES) {
        return hf_error_set(err, HF_ELIMIT, "found more than %u resources", MOST_RESOURCES);
    }
    struct found *found = mapping->failed ? NULL : hf_arena_alloc(mapping->renewal, sizeof *found);
    if (found) {
        found->resource = *resource;
    }
    if (!found || !copy_texts(mapping->renewal, &found->resource)) {
        mapping->failed = true;
        return hf_error_set(err, HF_ENOMEM, "out of memory for the resources served");
    }
    found->next = mapping->found;
    mapping->found = found;
    mapping->found_count++;
    return 0;
}

void hf_mapping_keep(struct hf_mapping *mapping, const char *group, const char *version)
{
    struct kept *kept = mapping->failed ? NULL : hf_arena_alloc(mapping->renewal, sizeof *kept);
    if (kept) {
        kept->group = hf_arena_copy(mapping->renewal, group, strlen(group));
        kept->version = version ? hf_arena_copy(mapping->renewal, version, strlen(version)) : NULL;
    }
    if (!kept || !kept->group || (version && !kept->version)) {
        mapping->failed = true;
        return;
    }
    kept->next = mapping->kept;
    mapping->kept = kept;
}

static bool is_kept(const struct hf_mapping *mapping, const struct hf_resource *resource)
{
    for (const struct kept *kept = mapping->kept; kept; kept = kept->next) {
        if (strcmp(kept->group, resource->group) == 0 &&
            (!kept->version || strcmp(kept->version, resource->version) == 0)) {
            return true;
        }
    }
    return false;
}

/* The entry that what was found belongs to, made when it is new; its texts outlive the renewal. */
static bool settle(struct hf_mapping *mapping, struct found *found)
{
    hf_auto_buf struct hf_buf key = {0};
    struct hf_resource *resource = &found->resource;
    struct entry *entry =
        find(mapping, hf_slice_of(resource->group), hf_slice_of(resource->version), resource->kind, &key);
    if (entry) {
        const char *name = entry->resource.name;
        if (strcmp(name, resource->name) != 0) {
            name = hf_arena_copy(mapping->arena, resource->name, strlen(resource->name));
        }
        resource->group = entry->resource.group;
        resource->version = entry->resource.version;
        resource->kind = entry->resource.kind;
        resource->name = name;
    } else {
        entry = hf_buf_ok(&key) && copy_texts(mapping->arena, resource) ? hf_arena_alloc(mapping->arena, sizeof *entry)
                                                                        : NULL;
        if (!entry || hf_map_put(mapping->entries, (struct hf_slice){key.ptr, key.len}, entry, NULL) != 0) {
            return false;
        }
        entry->resource = *resource;
    }
    found->entry = entry;
    return resource->name != NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct hf_resource *x = *(const struct hf_resource *const *)a;
    const struct hf_resource *y = *(const struct hf_resource *const *)b;
    int order = strcmp(x->group, y->group);
    order = order ? order : strcmp(x->version, y->version);
    return order ? order : strcmp(x->kind, y->kind);
}

static void switch_over(struct hf_mapping *mapping, const struct hf_resource **all)
{
    size_t cursor = 0;
    struct hf_slice key;
    void *value;
    while (hf_map_next(mapping->entries, &cursor, &key, &value)) {
        struct entry *entry = value;
        entry->served = entry->served && is_kept(mapping, &entry->resource);
    }
    for (struct found *found = mapping->found; found; found = found->next) {
        /* Two resources of one kind (OpenShift has some): the one that can be listed. */
        if (!found->entry->served || found->resource.can_list || !found->entry->resource.can_list) {
            found->entry->resource = found->resource;
        }
        found->entry->served = true;
    }
    mapping->count = 0;
    cursor = 0;
    while (hf_map_next(mapping->entries, &cursor, &key, &value)) {
        struct entry *entry = value;
        if (entry->served) {
            all[mapping->count++] = &entry->resource;
        }
    }
    qsort(all, mapping->count, sizeof *all, by_name);
    free(mapping->all);
    mapping->all = all;
}

int hf_mapping_end(struct hf_mapping *mapping, struct hf_error *err)
{
    for (struct found *found = mapping->found; found && !mapping->failed; found = found->next) {
        mapping->failed = !settle(mapping, found);
    }
    const struct hf_resource **all =
        mapping->failed ? NULL : hf_calloc(hf_map_count(mapping->entries) + 1, sizeof *all);
    if (!all) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for the resources served");
    }
    switch_over(mapping, all);
    hf_arena_free(mapping->renewal);
    mapping->renewal = NULL;
    return 0;
}
