/* A CustomResourceDefinition becomes a table of types. */
#include <string.h>

#include "holdfast/json.h"
#include "types_build.h"

#define META "io.k8s.apimachinery.pkg.apis.meta.v1."

/* What all objects have (apimachinery, pkg/apis/meta/v1). */
static const char DEFINITIONS[] =
    "{\"" META "ObjectMeta\":{\"type\":\"object\",\"properties\":{"
    "\"annotations\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
    "\"clusterName\":{\"type\":\"string\"},"
    "\"creationTimestamp\":{\"$ref\":\"#/definitions/" META "Time\"},"
    "\"deletionGracePeriodSeconds\":{\"type\":\"integer\"},"
    "\"deletionTimestamp\":{\"$ref\":\"#/definitions/" META "Time\"},"
    "\"finalizers\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"x-kubernetes-list-type\":\"set\"},"
    "\"generateName\":{\"type\":\"string\"},"
    "\"generation\":{\"type\":\"integer\"},"
    "\"labels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
    "\"managedFields\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
    "\"name\":{\"type\":\"string\"},"
    "\"namespace\":{\"type\":\"string\"},"
    "\"ownerReferences\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/definitions/" META "OwnerReference\"},"
    "\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":[\"uid\"]},"
    "\"resourceVersion\":{\"type\":\"string\"},"
    "\"selfLink\":{\"type\":\"string\"},"
    "\"uid\":{\"type\":\"string\"}}},"
    "\"" META "OwnerReference\":{\"type\":\"object\",\"properties\":{"
    "\"apiVersion\":{\"type\":\"string\"},"
    "\"blockOwnerDeletion\":{\"type\":\"boolean\"},"
    "\"controller\":{\"type\":\"boolean\"},"
    "\"kind\":{\"type\":\"string\"},"
    "\"name\":{\"type\":\"string\"},"
    "\"uid\":{\"type\":\"string\"}}},"
    "\"" META "Time\":{\"type\":\"string\",\"format\":\"date-time\"}}";

static void add_version(struct builder *builder, const struct hf_value *spec, const struct hf_value *version,
                        const struct hf_type_want *wants, size_t count)
{
    static const struct hf_type UNKNOWN = {.kind = HF_TYPE_UNKNOWN, .name = ""};
    const char *group = hf_value_text(hf_value_get(spec, "group"));
    const char *kind = hf_value_text(hf_value_path(spec, "names", "kind", NULL));
    const char *name = hf_value_text(hf_value_get(version, "name"));
    const struct hf_value *schema = hf_value_path(version, "schema", "openAPIV3Schema", NULL);
    if (group && kind && name && hf_value_is_true(hf_value_get(version, "served")) &&
        hf_is_wanted(wants, count, group, name, kind)) {
        hf_builder_put(builder, group, name, kind, schema ? hf_convert_custom(builder, schema) : &UNKNOWN);
    }
}

int hf_types_from_crd(const struct hf_value *crd, const struct hf_type_want *wants, size_t count, struct hf_types **out,
                      struct hf_error *err)
{
    const struct hf_value *spec = hf_value_get(crd, "spec");
    const struct hf_value *versions = hf_value_get(spec, "versions");
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct builder builder = {.prefix = "#/definitions/"};
    if (!versions || versions->kind != HF_ARRAY) {
        return hf_error_set(err, HF_EPARSE, "found no spec.versions, expected a CustomResourceDefinition");
    }
    int result = arena ? 0 : hf_error_set(err, HF_ENOMEM, "types: out of memory");
    result =
        result ? result : hf_json_read(arena, DEFINITIONS, sizeof DEFINITIONS - 1, NULL, &builder.definitions, err);
    result = result ? result : hf_builder_begin(&builder, err);
    builder.keeps_what_unknown = hf_value_is_true(hf_value_get(spec, "preserveUnknownFields"));
    for (size_t i = 0; result == 0 && i < versions->as.array.count; i++) {
        add_version(&builder, spec, &versions->as.array.items[i], wants, count);
    }
    result = hf_builder_end(&builder, result, out, err);
    return result != 0 ? hf_error_wrap(err, "read a CustomResourceDefinition") : 0;
}
