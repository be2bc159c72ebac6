/* Deleting one object or a whole collection. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

static int read_options(struct sim_request *request, struct hf_value **out)
{
    *out = NULL;
    if (request->body_len == 0) {
        return 0;
    }
    request->content_type = strstr(request->content_type, "json") ? request->content_type : "";
    return sim_read_body(request, false, out);
}

static int check_preconditions(struct sim_request *request, const struct sim_object *object,
                               const struct hf_value *options)
{
    const struct hf_value *wanted = hf_value_get(options, "preconditions");
    const char *uid = sim_text(wanted, "uid"), *version = sim_text(wanted, "resourceVersion");
    const char *live_uid = sim_text(hf_value_get(object->value, "metadata"), "uid");
    struct sim_kind named = *object->kind;
    char current[32];
    named.plural = object->kind->kind;
    snprintf(current, sizeof current, "%llu", (unsigned long long)object->version);
    if (uid[0] && strcmp(uid, live_uid) != 0) {
        return sim_conflict(
            &request->work, &named, object->name,
            "the UID in the precondition (%s) does not match the UID in record (%s). The object might have "
            "been deleted and then recreated",
            uid, live_uid);
    }
    if (version[0] && strcmp(version, current) != 0) {
        return sim_conflict(&request->work, &named, object->name,
                            "the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record "
                            "(%s). The object might have been modified",
                            version, current);
    }
    return 0;
}

/* The claim's own finalizer is the controller's, which is content at once. */
static bool is_held(const struct hf_value *metadata)
{
    const struct hf_value *finalizers = hf_value_get(metadata, "finalizers");
    size_t count = hf_value_count(finalizers);
    for (size_t i = 0; i < count; i++) {
        const char *name = hf_value_text(hf_value_at(finalizers, i));
        if (!name || strcmp(name, "kubernetes.io/pvc-protection") != 0) {
            return true;
        }
    }
    return false;
}

/* The object stays, marked, until its finalizers are gone. */
static struct sim_object *mark(struct sim *sim, struct sim_work *work, struct sim_collection *collection,
                               const struct sim_object *object, bool is_namespace)
{
    struct hf_value *fresh = hf_value_copy(work->arena, object->value);
    struct hf_value *metadata = sim_get(fresh, "metadata");
    const char *now = sim_now(work->arena);
    if (!metadata || !now || sim_put_text(work->arena, metadata, "deletionTimestamp", now) != 0) {
        return NULL;
    }
    int64_t generation;
    if (!is_namespace && (sim_put_int(work->arena, metadata, "deletionGracePeriodSeconds", 0) != 0 ||
                          (hf_value_int(hf_value_get(metadata, "generation"), &generation) &&
                           sim_put_int(work->arena, metadata, "generation", generation + 1) != 0))) {
        return NULL;
    }
    struct hf_value *status = is_namespace ? sim_object_at(work->arena, fresh, "status") : NULL;
    if (is_namespace && (!status || sim_put_text(work->arena, status, "phase", "Terminating") != 0)) {
        return NULL;
    }
    return sim_store_put(&sim->store, collection, fresh);
}

static int write_gone(struct sim_request *request, const struct sim_object *object, struct hf_buf *buf)
{
    const struct sim_kind *kind = object->kind;
    (void)request;
    hf_buf_addf(
        buf,
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Success\",\"details\":{\"name\":"
        "\"%s\",%s%s%s\"kind\":\"%s\",\"uid\":\"%s\"}}\n",
        object->name, kind->group[0] ? "\"group\":\"" : "", kind->group, kind->group[0] ? "\"," : "", kind->plural,
        sim_text(hf_value_get(object->value, "metadata"), "uid"));
    return hf_buf_ok(buf) ? 0 : -1;
}

/* body NULL: none is wanted. */
static int delete_one(struct sim *sim, struct sim_request *request, struct sim_object *object, struct hf_buf *body)
{
    struct sim_collection *collection = request->collection;
    const struct hf_value *metadata = hf_value_get(object->value, "metadata");
    bool is_namespace = strcmp(collection->kind.kind, "Namespace") == 0;
    bool stays = is_namespace || is_held(metadata);
    if (is_namespace && (strcmp(object->name, "default") == 0 || strncmp(object->name, "kube-", 5) == 0)) {
        sim_fail(&request->work, 403, "Forbidden", "namespaces \"%s\" is forbidden: this namespace may not be deleted",
                 object->name);
        return sim_details(&request->work, object->name, "", "namespaces");
    }
    if (!stays || sim_is_dry_run(request)) {
        if (body && write_gone(request, object, body) != 0) {
            return -1;
        }
        if (sim_is_dry_run(request)) {
            return 0;
        }
        if (strcmp(collection->kind.kind, "CustomResourceDefinition") == 0) {
            sim_custom_dropped(sim, object->value);
        }
        return sim_store_delete(&sim->store, collection, object);
    }
    if (!hf_value_get(metadata, "deletionTimestamp")) {
        object = mark(sim, &request->work, collection, object, is_namespace);
        if (object && is_namespace) {
            sim_namespace_deleted(sim);
        }
    }
    if (object && body) {
        sim_object_write(body, object);
    }
    return object ? 0 : -1;
}

int sim_delete_object(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct hf_value *options;
    struct sim_object *object = sim_store_get(request->collection, request->space, request->name);
    if (read_options(request, &options) != 0) {
        return -1;
    }
    if (!object) {
        return sim_not_found(&request->work, &request->collection->kind, request->name);
    }
    if (check_preconditions(request, object, options) != 0) {
        return -1;
    }
    return delete_one(sim, request, object, &response->body);
}

/* Answers the list of what was there, as it was. */
int sim_delete_collection(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct sim_selector selector;
    if (sim_selector_read(&request->work, request->collection->kind.kind, sim_parameter(request, "labelSelector"),
                          sim_parameter(request, "fieldSelector"), &selector) != 0 ||
        sim_list_objects(sim, request, response) != 0) {
        return -1;
    }
    for (size_t i = request->collection->count; i-- > 0;) {
        struct sim_object *object = request->collection->items[i];
        if ((request->space[0] == '\0' || strcmp(object->space, request->space) == 0) &&
            sim_selector_matches(&selector, object->value) && delete_one(sim, request, object, NULL) != 0) {
            return -1;
        }
    }
    return 0;
}
