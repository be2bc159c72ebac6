/* From a request to its handler. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "holdfast/yaml.h"
#include "sim.h"

#define MOST_SEGMENTS 12
#define MOST_BODY (3u << 20)

struct segments {
    const char *part[MOST_SEGMENTS];
    size_t count;
};

const char *sim_parameter(const struct sim_request *request, const char *name)
{
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (strcmp(request->parameters[i].name, name) == 0) {
            return request->parameters[i].value ? request->parameters[i].value : "";
        }
    }
    return "";
}

bool sim_is_dry_run(const struct sim_request *request)
{
    return sim_parameter(request, "dryRun")[0] != '\0';
}

const char *sim_manager_name(struct sim_request *request)
{
    const char *given = sim_parameter(request, "fieldManager");
    if (given[0]) {
        return given;
    }
    size_t len = strcspn(request->user_agent, "/");
    char *name = hf_arena_alloc(request->work.arena, len + 1);
    size_t kept = 0;
    for (size_t i = 0; name && i < len && kept < 128; i++) {
        if (isprint((unsigned char)request->user_agent[i])) {
            name[kept++] = request->user_agent[i];
        }
    }
    return name && kept > 0 ? name : "unknown";
}

static bool media_is(const char *type, const char *wanted)
{
    size_t len = strcspn(type, "; ");
    return len == strlen(wanted) && strncasecmp(type, wanted, len) == 0;
}

static int read_yaml(struct sim_request *request, struct hf_value **out)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents = NULL;
    size_t count = 0;
    if (hf_yaml_read(request->work.arena, request->body, request->body_len, NULL, &documents, &count, &err) != 0) {
        return sim_fail(&request->work, 400, "BadRequest", "error decoding YAML: %s", err.text);
    }
    if (count != 1) {
        return sim_fail(&request->work, 400, "BadRequest", "error decoding YAML: found %zu documents, expected one",
                        count);
    }
    *out = (struct hf_value *)(uintptr_t)documents[0].value;
    return 0;
}

int sim_read_body(struct sim_request *request, bool yaml, struct hf_value **out)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value = NULL;
    const char *type = request->content_type;
    yaml = yaml || media_is(type, "application/yaml");
    if (!yaml && type[0] && strstr(type, "json") == NULL) {
        return sim_fail(&request->work, 415, "UnsupportedMediaType",
                        "the body of the request was in an unknown format - accepted media types include: "
                        "application/json, application/yaml, application/vnd.kubernetes.protobuf");
    }
    if (request->body_len > MOST_BODY) {
        return sim_fail(&request->work, 413, "RequestEntityTooLarge", "Request entity too large: limit is %u",
                        MOST_BODY);
    }
    if (yaml) {
        return read_yaml(request, out);
    }
    if (hf_json_read(request->work.arena, request->body, request->body_len, NULL, &value, &err) != 0) {
        return sim_fail(&request->work, 400, "BadRequest", "couldn't get version/kind; json parse error: %s", err.text);
    }
    *out = (struct hf_value *)(uintptr_t)value;
    return 0;
}

static int split_path(struct sim_request *request, struct segments *out)
{
    char *copy = hf_arena_printf(request->work.arena, "%s", request->path);
    char *rest = NULL;
    out->count = 0;
    for (char *part = copy ? strtok_r(copy, "/", &rest) : NULL; part; part = strtok_r(NULL, "/", &rest)) {
        if (out->count == MOST_SEGMENTS) {
            return -1;
        }
        out->part[out->count++] = part;
    }
    return copy ? 0 : -1;
}

static bool is_namespace_part(const char *word)
{
    return strcmp(word, "status") == 0 || strcmp(word, "finalize") == 0;
}

/* [namespaces NS] PLURAL [NAME [SUBRESOURCE]] */
static bool resolve_resource(const struct sim *sim, struct sim_request *request, const char *group, const char *version,
                             const char *const *part, size_t count)
{
    if (count >= 3 && strcmp(part[0], "namespaces") == 0 && !(count == 3 && is_namespace_part(part[2]))) {
        request->space = part[1];
        part += 2;
        count -= 2;
    }
    if (count == 0 || count > 3) {
        return false;
    }
    request->collection = sim_store_collection(&sim->store, group, version, part[0]);
    request->name = count > 1 ? part[1] : "";
    request->subresource = count > 2 ? part[2] : "";
    if (!request->collection) {
        return false;
    }
    if (request->collection->kind.cluster) {
        return request->space[0] == '\0';
    }
    return request->space[0] != '\0' || request->name[0] == '\0';
}

static bool resolve(const struct sim *sim, struct sim_request *request)
{
    struct segments s;
    request->space = request->name = request->subresource = "";
    if (split_path(request, &s) != 0 || s.count < 3) {
        return false;
    }
    if (strcmp(s.part[0], "api") == 0) {
        return resolve_resource(sim, request, "", s.part[1], s.part + 2, s.count - 2);
    }
    return strcmp(s.part[0], "apis") == 0 && s.count >= 4 &&
           resolve_resource(sim, request, s.part[1], s.part[2], s.part + 3, s.count - 3);
}

static int no_method(struct sim_request *request)
{
    return sim_fail(&request->work, 405, "MethodNotAllowed",
                    "the server does not allow this method on the requested resource");
}

static bool is_true(const char *text)
{
    return strcmp(text, "1") == 0 || strcmp(text, "true") == 0 || strcmp(text, "True") == 0;
}

static int handle_collection(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    bool whole = !request->collection->kind.cluster && request->space[0] == '\0';
    if (strcmp(request->method, "GET") == 0) {
        return is_true(sim_parameter(request, "watch")) ? sim_watch_open(sim, request, response)
                                                        : sim_list_objects(sim, request, response);
    }
    if (strcmp(request->method, "POST") == 0 && !whole) {
        return sim_create_object(sim, request, response);
    }
    if (strcmp(request->method, "DELETE") == 0 && !whole) {
        return sim_delete_collection(sim, request, response);
    }
    return no_method(request);
}

static int handle_object(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    const struct sim_kind *kind = &request->collection->kind;
    bool status = strcmp(request->subresource, "status") == 0;
    if (strcmp(request->subresource, "scale") == 0 && kind->scale) {
        return sim_scale(sim, request, response);
    }
    if (request->subresource[0] && !(status && kind->status)) {
        return sim_fail(&request->work, 404, "NotFound", "the server could not find the requested resource");
    }
    if (strcmp(request->method, "GET") == 0) {
        return sim_get_object(sim, request, response);
    }
    if (strcmp(request->method, "PUT") == 0) {
        return sim_update_object(sim, request, response);
    }
    if (strcmp(request->method, "PATCH") == 0) {
        return sim_patch_object(sim, request, response);
    }
    return strcmp(request->method, "DELETE") == 0 && !status ? sim_delete_object(sim, request, response)
                                                             : no_method(request);
}

static bool is_health(const char *path)
{
    return strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0 || strcmp(path, "/livez") == 0;
}

/* What is asked and not kept. 1: it is something else. */
static int review(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    bool is_token = strcmp(request->path, "/apis/authentication.k8s.io/v1/tokenreviews") == 0;
    if (!is_token && strcmp(request->path, "/apis/authorization.k8s.io/v1/subjectaccessreviews") != 0) {
        return 1;
    }
    if (strcmp(request->method, "POST") != 0) {
        return no_method(request);
    }
    if (sim_authorize(sim, request, is_token ? "authentication.k8s.io" : "authorization.k8s.io",
                      is_token ? "tokenreviews" : "subjectaccessreviews") != 0) {
        return -1;
    }
    return (is_token ? sim_token_review : sim_access_review)(sim, request, response);
}

static int handle(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    bool known = false;
    int reviewed = review(sim, request, response);
    if (reviewed != 1) {
        return reviewed;
    }
    if (strcmp(request->path, "/sim/faults") == 0 || strcmp(request->path, "/sim/seed") == 0) {
        return sim_control(sim, request, response);
    }
    int status = sim_discover(sim, request, response, &known);
    if (known) {
        return status;
    }
    if (!resolve(sim, request)) {
        return sim_fail(&request->work, 404, "NotFound", "the server could not find the requested resource");
    }
    if (sim_authorize(sim, request, request->collection->kind.group, request->collection->kind.plural) != 0) {
        return -1;
    }
    return request->name[0] ? handle_object(sim, request, response) : handle_collection(sim, request, response);
}

static void answer(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    *response = (struct sim_response){.status = 200, .content_type = "application/json"};
    request->space = request->name = request->subresource = "";
    bool control = strncmp(request->path, "/sim/", 5) == 0;
    if (!sim_authenticate(sim, request) && !is_health(request->path)) {
        sim_fail(&request->work, 401, "Unauthorized", "Unauthorized");
    } else if (!control && sim_fault_answer(sim, request, response)) {
        return;
    } else if (handle(sim, request, response) == 0) {
        if (!control) {
            sim_fault_after(sim, request, response);
        }
        return;
    }
    hf_buf_clear(&response->body);
    sim_write_status(&response->body, &request->work);
    response->status = request->work.problem.code ? request->work.problem.code : 500;
}

void sim_handle(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    request->collection = NULL;
    answer(sim, request, response);
    sim_audit(sim, request, response);
}
