/* /openapi/v3: the index of group-versions, each with the digest of its document, and the documents. A server of 1.23
 * or later; the objects behind it are those of 1.20. */
#include <string.h>

#include "holdfast/digest.h"
#include "holdfast/map.h"
#include "openapi.h"
#include "sim.h"

#define PREFIX_V2 "#/definitions/"
#define PREFIX_V3 "#/components/schemas/"
#define META "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

struct writer {
    const struct sim *sim;
    struct hf_arena *arena;
    struct hf_value *schemas;
    struct hf_value *paths;
    struct hf_map *waiting; /* definitions that were referred to and are not in schemas yet */
};

static struct hf_value *rewrite(struct writer *writer, const struct hf_value *schema);

/* As kube-openapi writes it: what is said beside a reference stands beside an allOf. */
static struct hf_value *rewrite_reference(struct writer *writer, const struct hf_value *schema, const char *name)
{
    const struct hf_value *description = hf_value_get(schema, "description");
    char *json = hf_arena_printf(writer->arena, "{\"allOf\":[{\"$ref\":\"" PREFIX_V3 "%s\"}],\"default\":{}}", name);
    struct hf_value *made = json ? sim_parse(writer->arena, json) : NULL;
    if (!hf_value_get(writer->schemas, name) &&
        hf_map_put(writer->waiting, hf_slice_of(name), (void *)(uintptr_t)name, NULL) != 0) {
        return NULL;
    }
    return made && description && sim_put(writer->arena, made, "description", description) != 0 ? NULL : made;
}

static struct hf_value *rewrite(struct writer *writer, const struct hf_value *value)
{
    struct hf_arena *arena = writer->arena;
    const char *reference = hf_value_text(hf_value_get(value, "$ref"));
    if (reference && strncmp(reference, PREFIX_V2, sizeof PREFIX_V2 - 1) == 0) {
        return rewrite_reference(writer, value, reference + sizeof PREFIX_V2 - 1);
    }
    struct hf_value *made = hf_value_copy(arena, value);
    if (made && made->kind == HF_OBJECT) {
        for (size_t i = 0; i < made->as.object.count; i++) {
            const struct hf_value *inner = rewrite(writer, &made->as.object.members[i].value);
            if (!inner) {
                return NULL;
            }
            made->as.object.members[i].value = *inner;
        }
    }
    return made;
}

static int put_definition(struct writer *writer, const char *name)
{
    const struct hf_value *definition = hf_value_get(sim_schema_definitions(writer->sim->store.schema), name);
    struct hf_value *made = definition ? rewrite(writer, definition) : NULL;
    return !definition ? 0 : made ? sim_put(writer->arena, writer->schemas, name, made) : -1;
}

static const struct hf_value *schema_of(const struct sim *sim, const struct sim_kind *kind)
{
    const struct sim_collection *crds = sim_store_kind(&sim->store, "CustomResourceDefinition");
    for (size_t i = 0; crds && i < crds->count; i++) {
        const struct hf_value *spec = hf_value_get(crds->items[i]->value, "spec");
        const struct hf_value *versions = hf_value_get(spec, "versions");
        if (strcmp(sim_text(spec, "group"), kind->group) == 0 &&
            strcmp(sim_text(hf_value_get(spec, "names"), "plural"), kind->plural) == 0) {
            for (size_t j = 0; j < hf_value_count(versions); j++) {
                if (strcmp(sim_text(hf_value_at(versions, j), "name"), kind->version) == 0) {
                    return hf_value_path(hf_value_at(versions, j), "schema", "openAPIV3Schema", NULL);
                }
            }
        }
    }
    return NULL;
}

/* A custom resource's own schema, with what every object has. */
static int put_custom(struct writer *writer, const struct sim_kind *kind)
{
    struct hf_arena *arena = writer->arena;
    const struct hf_value *given = schema_of(writer->sim, kind);
    struct hf_value *schema = given ? hf_value_copy(arena, given) : sim_parse(arena, "{\"type\":\"object\"}");
    struct hf_value *properties = schema ? sim_object_at(arena, schema, "properties") : NULL;
    struct hf_value *meta = properties ? rewrite_reference(writer, NULL, META) : NULL;
    char *name = hf_arena_printf(arena, "sim.holdfast.%s.%s.%s", kind->group, kind->version, kind->kind);
    char *gvk = hf_arena_printf(arena, "[{\"group\":\"%s\",\"kind\":\"%s\",\"version\":\"%s\"}]", kind->group,
                                kind->kind, kind->version);
    if (!meta || !name || !gvk || sim_put(arena, properties, "metadata", meta) != 0 ||
        sim_put_json(arena, properties, "apiVersion", "{\"type\":\"string\"}") != 0 ||
        sim_put_json(arena, properties, "kind", "{\"type\":\"string\"}") != 0 ||
        sim_put_json(arena, schema, "x-kubernetes-group-version-kind", gvk) != 0) {
        return -1;
    }
    return sim_put(arena, writer->schemas, name, schema);
}

static bool is_of(const struct sim_collection *collection, const char *group, const char *version)
{
    return !collection->gone && strcmp(collection->kind.group, group) == 0 &&
           strcmp(collection->kind.version, version) == 0;
}

static int put_kinds(struct writer *writer, const char *group, const char *version)
{
    for (size_t i = 0; i < writer->sim->store.collection_count; i++) {
        const struct sim_collection *collection = writer->sim->store.collections[i];
        const struct sim_kind *kind = &collection->kind;
        if (is_of(collection, group, version) &&
            (sim_openapi_patch(writer->arena, writer->paths, kind) != 0 ||
             (kind->definition ? put_definition(writer, kind->definition) : put_custom(writer, kind)) != 0)) {
            return -1;
        }
    }
    while (hf_map_count(writer->waiting) > 0) {
        size_t cursor = 0;
        struct hf_slice key;
        void *name;
        (void)hf_map_next(writer->waiting, &cursor, &key, &name);
        (void)hf_map_remove(writer->waiting, hf_slice_of(name));
        if (!hf_value_get(writer->schemas, name) && put_definition(writer, name) != 0) {
            return -1;
        }
    }
    return 0;
}

static int write_document(const struct sim *sim, struct hf_arena *arena, const char *group, const char *version,
                          struct hf_buf *out)
{
    struct hf_value *document =
        sim_parse(arena, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":"
                         "\"v1.20.2\"},\"paths\":{},\"components\":{\"schemas\":{}}}");
    struct writer writer = {sim, arena, document ? sim_path(document, "components", "schemas") : NULL,
                            document ? sim_get(document, "paths") : NULL, hf_map_new()};
    int result = writer.schemas && writer.waiting ? put_kinds(&writer, group, version) : -1;
    hf_map_free(writer.waiting, NULL);
    if (result == 0) {
        hf_json_write(out, document);
    }
    return result == 0 && hf_buf_ok(out) ? 0 : -1;
}

static bool is_first(const struct sim *sim, size_t index)
{
    const struct sim_kind *kind = &sim->store.collections[index]->kind;
    for (size_t i = 0; i < index; i++) {
        if (is_of(sim->store.collections[i], kind->group, kind->version)) {
            return false;
        }
    }
    return !sim->store.collections[index]->gone;
}

static int write_index(const struct sim *sim, struct hf_buf *out)
{
    bool any = false;
    hf_buf_adds(out, "{\"paths\":{");
    for (size_t i = 0; i < sim->store.collection_count; i++) {
        const struct sim_kind *kind = &sim->store.collections[i]->kind;
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        hf_auto_buf struct hf_buf document = {0};
        hf_auto_buf struct hf_buf path = {0};
        struct hf_digest digest;
        struct hf_error err = HF_ERROR_INIT;
        if (!is_first(sim, i)) {
            continue;
        }
        if (!arena || write_document(sim, arena, kind->group, kind->version, &document) != 0 ||
            hf_sha256(document.ptr, document.len, &digest, &err) != 0) {
            return -1;
        }
        hf_buf_addf(&path, kind->group[0] ? "apis/%s/%s" : "api%s/%s", kind->group, kind->version);
        hf_buf_addf(out, "%s\"%s\":{\"serverRelativeURL\":\"/openapi/v3/%s?hash=", any ? "," : "", hf_buf_text(&path),
                    hf_buf_text(&path));
        hf_buf_add_hex(out, digest.bytes, sizeof digest.bytes);
        hf_buf_adds(out, "\"}");
        any = true;
    }
    hf_buf_adds(out, "}}");
    return hf_buf_ok(out) ? 0 : -1;
}

int sim_openapi_v3(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    const char *rest = request->path + sizeof "/openapi/v3" - 1;
    if (!rest[0] || strcmp(rest, "/") == 0) {
        return write_index(sim, &response->body);
    }
    for (size_t i = 0; i < sim->store.collection_count; i++) {
        const struct sim_kind *kind = &sim->store.collections[i]->kind;
        const char *path = hf_arena_printf(request->work.arena, kind->group[0] ? "/apis/%s/%s" : "/api%s/%s",
                                           kind->group, kind->version);
        if (path && is_first(sim, i) && strcmp(path, rest) == 0) {
            return write_document(sim, request->work.arena, kind->group, kind->version, &response->body);
        }
    }
    return sim_fail(&request->work, 404, "NotFound", "the server could not find the requested resource");
}
