#include "openapi.h"

#include <string.h>

#include "sim.h"

/* What kubectl looks for before it asks for a dry run or an apply. */
int sim_openapi_patch(struct hf_arena *arena, struct hf_value *paths, const struct sim_kind *kind)
{
    static const char PATCH[] =
        "{\"patch\":{\"parameters\":[{\"in\":\"query\",\"name\":\"dryRun\",\"type\":\"string\",\"uniqueItems\":true},"
        "{\"in\":\"query\",\"name\":\"fieldManager\",\"type\":\"string\",\"uniqueItems\":true},{\"in\":\"query\","
        "\"name\":"
        "\"force\",\"type\":\"boolean\",\"uniqueItems\":true}],\"responses\":{\"200\":{\"description\":\"OK\"}},"
        "\"x-kubernetes-action\":\"patch\",\"x-kubernetes-group-version-kind\":{\"group\":\"%s\",\"kind\":\"%s\","
        "\"version\":\"%s\"}}}";
    char *path =
        hf_arena_printf(arena, "%s%s%s/%s/%s%s/{name}", kind->group[0] ? "/apis" : "/api", kind->group[0] ? "/" : "",
                        kind->group, kind->version, kind->cluster ? "" : "namespaces/{namespace}/", kind->plural);
    char *json = hf_arena_printf(arena, PATCH, kind->group, kind->kind, kind->version);
    return path && json ? sim_put_json(arena, paths, path, json) : -1;
}

/* The schema of a custom resource with its kind. */
static int put_custom(struct hf_arena *arena, struct hf_value *definitions, const struct sim_kind *kind)
{
    char *name = hf_arena_printf(arena, "holdfast.sim.%s.%s.%s", kind->group, kind->version, kind->kind);
    char *json = hf_arena_printf(arena,
                                 "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true,"
                                 "\"x-kubernetes-group-version-kind\":[{\"group\":\"%s\",\"kind\":\"%s\",\"version\":"
                                 "\"%s\"}]}",
                                 kind->group, kind->kind, kind->version);
    return name && json ? sim_put_json(arena, definitions, name, json) : -1;
}

static struct hf_value *make_document(struct sim *sim, struct hf_arena *arena)
{
    struct hf_value *document = sim_parse(arena, "{\"swagger\":\"2.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":"
                                                 "\"v1.20.2\"},\"paths\":{},\"definitions\":{}}");
    struct hf_value *definitions = hf_value_copy(arena, sim_schema_definitions(sim->store.schema));
    struct hf_value *paths = sim_get(document, "paths");
    for (size_t i = 0; paths && definitions && i < sim->store.collection_count; i++) {
        const struct sim_collection *collection = sim->store.collections[i];
        if (!collection->gone &&
            (sim_openapi_patch(arena, paths, &collection->kind) != 0 ||
             (!collection->kind.definition && put_custom(arena, definitions, &collection->kind) != 0))) {
            return NULL;
        }
    }
    return definitions && document && sim_put(arena, document, "definitions", definitions) == 0 ? document : NULL;
}

int sim_openapi(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct hf_value *document = make_document(sim, request->work.arena);
    if (!document) {
        return -1;
    }
    if (strstr(request->accept, "openapi.spec.v2@v1.0+protobuf")) {
        response->content_type = "application/octet-stream"; /* the real name can't be parsed as a media type */
        sim_openapi_proto(&response->body, document);
    } else {
        hf_json_write(&response->body, document);
    }
    return hf_buf_ok(&response->body) ? 0 : -1;
}
