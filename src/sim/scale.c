/* The scale subresource. As in Kubernetes 1.20 a write by it leaves managedFields as they are. */
#include <string.h>

#include "patch.h"
#include "write.h"

static int add_selector(struct hf_buf *text, const struct hf_value *selector)
{
    const struct hf_value *labels = hf_value_get(selector, "matchLabels");
    for (size_t i = 0; i < hf_value_count(labels); i++) {
        const struct hf_member *label = &labels->as.object.members[i];
        hf_buf_addf(text, "%s%.*s=%.*s", i ? "," : "", HF_SLICE(label->key), HF_SLICE(label->value.as.text));
    }
    return hf_buf_ok(text) ? 0 : -1;
}

static int64_t number_at(const struct hf_value *object, const char *first, const char *second)
{
    int64_t number = 0;
    (void)hf_value_int(hf_value_path(object, first, second, NULL), &number);
    return number;
}

/* The Scale of an object. NULL: memory. */
static struct hf_value *scale_of(struct hf_arena *arena, const struct hf_value *object)
{
    static const char *const KEPT[] = {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"};
    hf_auto_buf struct hf_buf selector = {0};
    struct hf_value *scale = sim_parse(arena, "{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"metadata\":{},"
                                              "\"spec\":{},\"status\":{}}");
    struct hf_value *metadata = sim_get(scale, "metadata");
    struct hf_value *status = sim_get(scale, "status");
    int64_t replicas = number_at(object, "spec", "replicas");
    for (size_t i = 0; metadata && i < sizeof KEPT / sizeof KEPT[0]; i++) {
        if (sim_put(arena, metadata, KEPT[i], hf_value_path(object, "metadata", KEPT[i], NULL)) != 0) {
            return NULL;
        }
    }
    if (!status || add_selector(&selector, hf_value_path(object, "spec", "selector", NULL)) != 0 ||
        (replicas != 0 && sim_put_int(arena, sim_get(scale, "spec"), "replicas", replicas) != 0) ||
        sim_put_int(arena, status, "replicas", number_at(object, "status", "replicas")) != 0 ||
        (selector.len > 0 && sim_put_text(arena, status, "selector", hf_buf_text(&selector)) != 0)) {
        return NULL;
    }
    return scale;
}

static int read_scale(struct sim_request *request, const struct hf_value *before, struct hf_value **out)
{
    struct hf_value *body;
    if (sim_read_body(request, false, &body) != 0) {
        return -1;
    }
    if (strcmp(request->method, "PUT") == 0) {
        *out = body;
        return 0;
    }
    if (strncmp(request->content_type, "application/json-patch+json", 27) == 0) {
        return sim_patch_json(&request->work, before, body, out);
    }
    return sim_patch_merge(&request->work, before, body, out);
}

static int check_scale(struct sim_request *request, const struct sim_object *live, const struct hf_value *scale,
                       int64_t *replicas)
{
    static const struct sim_kind SCALE = {.group = "autoscaling", .kind = "Scale"};
    const char *version = sim_text(hf_value_get(scale, "metadata"), "resourceVersion");
    const struct hf_value *given = hf_value_path(scale, "spec", "replicas", NULL);
    *replicas = 0;
    if (given && !hf_value_int(given, replicas)) {
        return sim_fail(&request->work, 400, "BadRequest", "Scale: spec.replicas: expected an integer, found %s",
                        hf_kind_name(given->kind));
    }
    if (*replicas < 0) {
        sim_cause(&request->work, "FieldValueInvalid", "spec.replicas",
                  "Invalid value: %lld: must be greater than or equal to 0", (long long)*replicas);
        return sim_invalid(&request->work, &SCALE, live->name);
    }
    if (version[0] && strcmp(version, sim_text(hf_value_get(live->value, "metadata"), "resourceVersion")) != 0) {
        return sim_conflict(
            &request->work, live->kind, live->name,
            "the object has been modified; please apply your changes to the latest version and try again");
    }
    return 0;
}

static int write_scale(struct sim *sim, struct sim_request *request, struct sim_object **live, int64_t replicas)
{
    struct hf_arena *arena = request->work.arena;
    struct hf_value *fresh = hf_value_copy(arena, (*live)->value);
    struct hf_value *metadata = sim_get(fresh, "metadata");
    int64_t generation = number_at(fresh, "metadata", "generation");
    if (number_at(fresh, "spec", "replicas") == replicas) {
        return 0;
    }
    if (!metadata || sim_put_int(arena, sim_get(fresh, "spec"), "replicas", replicas) != 0 ||
        sim_put_int(arena, metadata, "generation", generation + 1) != 0) {
        return -1;
    }
    *live = sim_store_put(&sim->store, request->collection, fresh);
    return *live ? 0 : -1;
}

int sim_scale(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct sim_object *live = sim_store_get(request->collection, request->space, request->name);
    struct hf_value *scale, *fresh;
    int64_t replicas;
    if (!live) {
        return sim_not_found(&request->work, &request->collection->kind, request->name);
    }
    scale = scale_of(request->work.arena, live->value);
    if (!scale) {
        return -1;
    }
    if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0) {
        if (read_scale(request, scale, &fresh) != 0 || check_scale(request, live, fresh, &replicas) != 0 ||
            (!sim_is_dry_run(request) && write_scale(sim, request, &live, replicas) != 0)) {
            return -1;
        }
        scale = scale_of(request->work.arena, live->value);
    } else if (strcmp(request->method, "GET") != 0) {
        return sim_fail(&request->work, 405, "MethodNotAllowed",
                        "the server does not allow this method on the requested resource");
    }
    if (!scale) {
        return -1;
    }
    hf_json_write(&response->body, scale);
    return hf_buf_ok(&response->body) ? 0 : -1;
}
