/* One page of a list as it streams in:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks */
#include <string.h>

#include "client.h"

#define MOST_REST ((size_t)1 << 20) /* a list around its items: kind and metadata */

struct hf_page {
    struct hf_json_split *split;
    const struct hf_resource *resource;
    size_t max_object;
    hf_item_fn item;
    void *ctx;
    const bool *stop;
};

const struct hf_value *hf_with_kind(struct hf_arena *arena, const struct hf_value *object,
                                    const struct hf_resource *resource)
{
    if (hf_value_get(object, "apiVersion") && hf_value_get(object, "kind")) {
        return object;
    }
    struct hf_value *copy = hf_value_new(arena, HF_OBJECT);
    const char *version =
        resource->group[0] ? hf_arena_printf(arena, "%s/%s", resource->group, resource->version) : resource->version;
    const struct hf_value *api_version = version ? hf_value_string(arena, hf_slice_of(version)) : NULL;
    const struct hf_value *kind = hf_value_string(arena, hf_slice_of(resource->kind));
    if (!copy || !api_version || !kind) {
        return NULL;
    }
    *copy = *object;
    copy->room = 0; /* the spare slots stay the original's */
    if (hf_value_set(arena, copy, hf_slice_of("apiVersion"), api_version) != 0 ||
        hf_value_set(arena, copy, hf_slice_of("kind"), kind) != 0) {
        return NULL;
    }
    return copy;
}

static int on_item(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct hf_page *page = ctx;
    if (page->stop && *page->stop) {
        return 0;
    }
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_read_limits limits = {.bytes = page->max_object};
    const struct hf_value *object;
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for an item of a list");
    }
    if (hf_json_read(arena, bytes, len, &limits, &object, err) != 0) {
        return hf_error_wrap(err, "read an item of a list");
    }
    if (!hf_value_text(hf_value_path(object, "metadata", "name", NULL))) {
        return hf_error_set(err, HF_EPARSE, "read an item of a list: found something without metadata.name");
    }
    object = hf_with_kind(arena, object, page->resource);
    if (!object) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for an item of a list");
    }
    page->item(page->ctx, object, len);
    return 0;
}

struct hf_page *hf_page_new(const struct hf_resource *resource, size_t max_object, hf_item_fn item, void *ctx)
{
    struct hf_page *page = hf_calloc(1, sizeof *page);
    if (!page) {
        return NULL;
    }
    *page = (struct hf_page){.resource = resource, .max_object = max_object, .item = item, .ctx = ctx};
    page->split = hf_json_split_new("items", max_object, MOST_REST, on_item, page);
    if (!page->split) {
        free(page);
        return NULL;
    }
    return page;
}

void hf_page_free(struct hf_page *page)
{
    if (page) {
        hf_json_split_free(page->split);
        free(page);
    }
}

int hf_page_feed(struct hf_page *page, const char *bytes, size_t len, const bool *stop, struct hf_error *err)
{
    page->stop = stop;
    return hf_json_split_feed(page->split, bytes, len, err);
}

int hf_page_finish(struct hf_page *page, struct hf_arena *arena, const char **resource_version, const char **next,
                   struct hf_error *err)
{
    const struct hf_value *list;
    if (hf_json_split_finish(page->split, arena, &list, err) != 0) {
        return -1;
    }
    const struct hf_value *metadata = hf_value_get(list, "metadata");
    *resource_version = hf_value_text(hf_value_get(metadata, "resourceVersion"));
    *next = hf_value_text(hf_value_get(metadata, "continue"));
    if (!*resource_version || !(*resource_version)[0]) {
        return hf_error_set(err, HF_EPARSE, "found a list without metadata.resourceVersion");
    }
    if (!*next) {
        *next = "";
    }
    return 0;
}
