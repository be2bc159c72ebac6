/* Any bytes as what an API server streams. First byte: 'w' a watch, 'l' a page of a list, 'd' discovery; second byte:
 * the size of the pieces they come in. However they are cut, the same is told. */
#include <stdint.h>
#include <string.h>

#include "client.h"

#define MOST_OBJECT 65536

static const struct hf_resource RESOURCE = {
    .group = "apps", .version = "v1", .kind = "Deployment", .name = "deployments"};

struct told {
    unsigned count;
    size_t bytes;
    char last[64];
    enum hf_code code;
};

static void note(struct told *told, const struct hf_value *object, const char *version, size_t bytes)
{
    const char *kind = hf_value_text(hf_value_get(object, "kind"));
    if (object->kind != HF_OBJECT || !hf_value_get(object, "kind") || !hf_value_get(object, "apiVersion") ||
        bytes == 0) {
        abort();
    }
    told->count++;
    told->bytes += bytes;
    told->last[0] = kind ? kind[0] : '?';
    strncpy(told->last + 1, version, sizeof told->last - 2);
}

static bool on_event(void *ctx, enum hf_watch_type type, const struct hf_value *object, const char *version,
                     size_t bytes)
{
    struct told *told = ctx;
    if (!version[0] || type > HF_WATCH_BOOKMARK) {
        abort();
    }
    note(told, object, version, bytes);
    return true;
}

static void on_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    note(ctx, object, "", bytes);
}

static struct told read_watch(const char *bytes, size_t len, size_t piece)
{
    struct told told = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_watch_reader reader = {.resource = &RESOURCE, .max_object = MOST_OBJECT, .event = on_event, .ctx = &told};
    for (size_t at = 0; at < len && err.code == HF_OK; at += piece) {
        (void)hf_watch_read(&reader, bytes + at, len - at < piece ? len - at : piece, &err);
    }
    hf_watch_reader_free(&reader);
    told.code = err.code;
    return told;
}

static struct told read_list(const char *bytes, size_t len, size_t piece)
{
    struct told told = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_page *page = hf_page_new(&RESOURCE, MOST_OBJECT, on_item, &told);
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const char *version = NULL, *next = NULL;
    if (page && arena) {
        for (size_t at = 0; at < len && err.code == HF_OK; at += piece) {
            (void)hf_page_feed(page, bytes + at, len - at < piece ? len - at : piece, NULL, &err);
        }
        if (err.code == HF_OK && hf_page_finish(page, arena, &version, &next, &err) == 0 && (!version[0] || !next)) {
            abort();
        }
    }
    hf_page_free(page);
    told.code = err.code;
    return told;
}

static int on_found(void *ctx, const struct hf_resource *found, struct hf_error *err)
{
    return hf_mapping_put(ctx, found, err);
}

static int on_version(void *ctx, const char *group, const char *version, bool broken, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    if (hf_path_group_version(&path, group, version, err) == 0 &&
        (strstr(hf_buf_text(&path), "..//") || path.ptr[0] != '/')) {
        abort();
    }
    if (broken) {
        hf_mapping_keep(ctx, group, version);
    }
    return 0;
}

static void read_discovery(const char *bytes, size_t len)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_mapping *mapping = hf_mapping_new();
    const struct hf_value *document;
    if (arena && mapping && hf_json_read(arena, bytes, len, NULL, &document, &err) == 0) {
        hf_mapping_begin(mapping);
        (void)hf_read_aggregated(document, on_found, on_version, mapping, &err);
        (void)hf_read_versions(document, on_version, mapping, &err);
        (void)hf_read_resources(document, "apps", "v1", on_found, mapping, &err);
        size_t count = 0;
        if (hf_mapping_end(mapping, &err) == 0) {
            const struct hf_resource *const *all = hf_mapping_all(mapping, &count);
            for (size_t i = 0; i < count; i++) {
                if (hf_mapping_find(mapping, hf_slice_of(all[i]->group), hf_slice_of(all[i]->version), all[i]->kind) !=
                    all[i]) {
                    abort();
                }
            }
        }
    }
    hf_mapping_free(mapping);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const char *bytes = (const char *)data + 2;
    size_t piece = data[1] ? data[1] : 1;
    if (data[0] == 'd') {
        read_discovery(bytes, size - 2);
        return 0;
    }
    struct told (*read)(const char *, size_t, size_t) = data[0] == 'l' ? read_list : read_watch;
    struct told whole = read(bytes, size - 2, size);
    struct told cut = read(bytes, size - 2, piece);
    if (whole.count != cut.count || whole.bytes != cut.bytes || whole.code != cut.code ||
        strcmp(whole.last, cut.last) != 0) {
        abort();
    }
    return 0;
}
