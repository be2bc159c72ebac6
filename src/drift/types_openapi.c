/* An OpenAPI document becomes a table of types: v2 as a whole, v3 for each group-version. */
#include <string.h>

#include "holdfast/json.h"
#include "types_build.h"

#define MOST_BYTES ((size_t)64 << 20)
#define MOST_NODES ((size_t)4000000)

static void add_kinds(struct builder *builder, const struct hf_member *definition, const struct hf_type_want *wants,
                      size_t count)
{
    const struct hf_value *kinds = hf_value_get(&definition->value, "x-kubernetes-group-version-kind");
    for (size_t i = 0; kinds && kinds->kind == HF_ARRAY && i < kinds->as.array.count; i++) {
        const struct hf_value *kind = hf_value_at(kinds, i);
        const char *group = hf_value_text(hf_value_get(kind, "group"));
        const char *version = hf_value_text(hf_value_get(kind, "version"));
        const char *name = hf_value_text(hf_value_get(kind, "kind"));
        group = group ? group : "";
        version = version ? version : "";
        name = name ? name : "";
        if (hf_is_wanted(wants, count, group, version, name)) {
            hf_builder_put(builder, group, version, name, hf_convert_named(builder, definition->key.ptr));
        }
    }
}

/* Where the document keeps its definitions. */
static int find_definitions(struct builder *builder, const struct hf_value *document, struct hf_error *err)
{
    builder->prefix = "#/definitions/";
    builder->definitions = hf_value_get(document, "definitions");
    builder->lacks_defaults = true;
    if (!builder->definitions) {
        builder->prefix = "#/components/schemas/";
        builder->lacks_defaults = false;
        builder->definitions = hf_value_path(document, "components", "schemas", NULL);
    }
    if (!builder->definitions || builder->definitions->kind != HF_OBJECT) {
        return hf_error_set(err, HF_EPARSE, "found no definitions and no components, expected an OpenAPI document");
    }
    return 0;
}

int hf_types_from_openapi(const char *json, size_t len, const struct hf_type_want *wants, size_t count,
                          struct hf_types **out, struct hf_error *err)
{
    static const struct hf_read_limits LIMITS = {.bytes = MOST_BYTES, .nodes = MOST_NODES, .depth = 200};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *document;
    struct builder builder = {0};
    int result = arena ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
    result = result ? result : hf_json_read(arena, json, len, &LIMITS, &document, err);
    result = result ? result : find_definitions(&builder, document, err);
    result = result ? result : hf_builder_begin(&builder, err);
    for (size_t i = 0; result == 0 && i < builder.definitions->as.object.count; i++) {
        add_kinds(&builder, &builder.definitions->as.object.members[i], wants, count);
    }
    result = hf_builder_end(&builder, result, out, err);
    return result != 0 ? hf_error_wrap(err, "read OpenAPI") : 0;
}

int hf_types_from_openapi_v2(const char *json, size_t len, struct hf_types **out, struct hf_error *err)
{
    return hf_types_from_openapi(json, len, NULL, 0, out, err);
}
