/* A table of types: looked up by kind, joined from parts, shared by reference. */
#include <string.h>

#include "holdfast/embedded.h"
#include "types_build.h"

static struct hf_types *types_new(struct hf_error *err)
{
    struct hf_types *types = hf_calloc(1, sizeof *types);
    if (types) {
        atomic_init(&types->references, 1);
        types->arena = hf_arena_new(0);
        types->by_kind = hf_map_new();
    }
    if (!types || !types->arena || !types->by_kind) {
        hf_types_free(types);
        (void)hf_error_set(err, HF_ENOMEM, "types: out of memory");
        return NULL;
    }
    return types;
}

struct hf_types *hf_types_share(struct hf_types *types)
{
    (void)atomic_fetch_add(&types->references, 1);
    return types;
}

void hf_types_free(struct hf_types *types)
{
    if (!types || atomic_fetch_sub(&types->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < types->part_count; i++) {
        hf_types_free(types->parts[i]);
    }
    free(types->parts);
    hf_map_free(types->by_kind, NULL);
    hf_arena_free(types->arena);
    free(types);
}

/* The kinds of a part that no part before it has. */
static int take_over(struct hf_types *types, const struct hf_types *part)
{
    size_t cursor = 0;
    struct hf_slice key;
    void *type;
    while (hf_map_next(part->by_kind, &cursor, &key, &type)) {
        if (!hf_map_get(types->by_kind, key)) {
            if (hf_map_put(types->by_kind, key, type, NULL) != 0) {
                return -1;
            }
            types->count++;
        }
    }
    return 0;
}

int hf_types_join(struct hf_types *const *parts, size_t count, struct hf_types **out, struct hf_error *err)
{
    struct hf_types *types = types_new(err);
    if (!types) {
        return -1;
    }
    types->parts = hf_calloc(count ? count : 1, sizeof(struct hf_types *));
    for (size_t i = 0; types->parts && i < count; i++) {
        if (!parts[i]) {
            continue;
        }
        types->parts[types->part_count++] = hf_types_share(parts[i]);
        if (take_over(types, parts[i]) != 0) {
            hf_types_free(types);
            return hf_error_set(err, HF_ENOMEM, "types: out of memory");
        }
    }
    if (!types->parts) {
        hf_types_free(types);
        return hf_error_set(err, HF_ENOMEM, "types: out of memory");
    }
    *out = types;
    return 0;
}

const struct hf_type *hf_types_find(const struct hf_types *types, const char *group, const char *version,
                                    const char *kind)
{
    if (!types) {
        return NULL;
    }
    hf_auto_buf struct hf_buf key = {0};
    hf_buf_addf(&key, "%s/%s/%s", group, version, kind);
    return hf_buf_ok(&key) ? hf_map_get(types->by_kind, (struct hf_slice){key.ptr, key.len}) : NULL;
}

size_t hf_types_count(const struct hf_types *types)
{
    return types->count;
}

size_t hf_types_size(const struct hf_types *types)
{
    size_t size = hf_arena_size(types->arena);
    for (size_t i = 0; i < types->part_count; i++) {
        size += hf_types_size(types->parts[i]);
    }
    return size;
}

const struct hf_field *hf_type_field(const struct hf_type *type, struct hf_slice name)
{
    size_t low = 0;
    size_t high = type ? type->field_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hf_slice_compare(hf_slice_of(type->fields[middle].name), name);
        if (order == 0) {
            return &type->fields[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

bool hf_is_wanted(const struct hf_type_want *wants, size_t count, const char *group, const char *version,
                  const char *kind)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(wants[i].kind, kind) == 0 && strcmp(wants[i].version, version) == 0 &&
            strcmp(wants[i].group, group) == 0) {
            return true;
        }
    }
    return count == 0;
}

void hf_builder_put(struct builder *builder, const char *group, const char *version, const char *kind,
                    const struct hf_type *type)
{
    hf_auto_buf struct hf_buf key = {0};
    void *old = NULL;
    hf_buf_addf(&key, "%s/%s/%s", group, version, kind);
    if (!hf_buf_ok(&key) ||
        hf_map_put(builder->types->by_kind, (struct hf_slice){key.ptr, key.len}, (void *)(uintptr_t)type, &old) != 0) {
        builder->short_of_memory = true;
    }
    builder->types->count += old == NULL;
}

int hf_builder_begin(struct builder *builder, struct hf_error *err)
{
    builder->within = "";
    builder->types = types_new(err);
    if (!builder->types) {
        return -1;
    }
    builder->by_name = hf_map_new();
    return builder->by_name ? hf_facts_read(&builder->facts, err)
                            : hf_error_set(err, HF_ENOMEM, "types: out of memory");
}

int hf_builder_end(struct builder *builder, int result, struct hf_types **out, struct hf_error *err)
{
    if (result == 0) {
        hf_convert_pending(builder);
        if (builder->short_of_memory) {
            result = hf_error_set(err, HF_ENOMEM, "types: out of memory");
        }
    }
    hf_map_free(builder->by_name, NULL);
    hf_facts_free(&builder->facts);
    free(builder->pending);
    if (result == 0) {
        *out = builder->types;
    } else {
        hf_types_free(builder->types);
    }
    return result;
}

int hf_types_built_in(const struct hf_type_want *wants, size_t count, struct hf_types **out, struct hf_error *err)
{
    const struct hf_embedded *file = hf_embedded_find("schema/kubernetes-openapi.json");
    if (!file) {
        return hf_error_set(err, HF_EINTERNAL, "schema/kubernetes-openapi.json is not built in");
    }
    return hf_types_from_openapi(file->bytes, file->size, wants, count, out, err);
}
