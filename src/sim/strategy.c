/* What each kind's own rules do to an object that is created or changed. Rules: Kubernetes 1.20, pkg/registry. */
#include "write.h"

#include <stdio.h>
#include <string.h>

#include "defaults.h"
#include "shape.h"

#define FIRST_PORT 30000u
#define PORTS 2768u

static bool is_kind(const struct sim_writing *w, const char *kind)
{
    return strcmp(w->collection->kind.kind, kind) == 0;
}

static bool port_is_taken(const struct sim *sim, int64_t wanted)
{
    const struct sim_collection *services = sim_store_collection(&sim->store, "", "v1", "services");
    for (size_t i = 0; services && i < services->count; i++) {
        const struct hf_value *ports = hf_value_path(services->items[i]->value, "spec", "ports", NULL);
        for (size_t j = 0; j < hf_value_count(ports); j++) {
            int64_t port;
            if (hf_value_int(hf_value_get(hf_value_at(ports, j), "nodePort"), &port) && port == wanted) {
                return true;
            }
        }
    }
    return false;
}

static int64_t free_port(struct sim *sim)
{
    for (unsigned tries = 0; tries < PORTS; tries++) {
        int64_t port = FIRST_PORT + (sim->next_port++ * 1237u) % PORTS;
        if (!port_is_taken(sim, port)) {
            return port;
        }
    }
    return 0;
}

static bool address_is_taken(const struct sim *sim, const char *wanted)
{
    const struct sim_collection *services = sim_store_collection(&sim->store, "", "v1", "services");
    for (size_t i = 0; services && i < services->count; i++) {
        if (strcmp(sim_text(hf_value_get(services->items[i]->value, "spec"), "clusterIP"), wanted) == 0) {
            return true;
        }
    }
    return false;
}

static int put_address(struct sim_writing *w, struct hf_value *spec)
{
    char text[32] = "";
    const char *given = sim_text(spec, "clusterIP");
    if (!given[0]) {
        do {
            uint32_t host = 256u + (w->sim->next_ip++ * 7919u) % 64000u;
            snprintf(text, sizeof text, "10.96.%u.%u", host / 256u, host % 256u);
        } while (address_is_taken(w->sim, text));
        given = text;
        if (sim_put_text(w->work->arena, spec, "clusterIP", text) != 0) {
            return -1;
        }
    }
    struct hf_value *all = hf_value_new(w->work->arena, HF_ARRAY);
    struct hf_value *one = hf_value_string(w->work->arena, hf_slice_of(given));
    return all && one && hf_value_push(w->work->arena, all, one) == 0 ? sim_put(w->work->arena, spec, "clusterIPs", all)
                                                                      : -1;
}

static int put_ports(struct sim_writing *w, struct hf_value *spec)
{
    struct hf_value *ports = sim_get(spec, "ports");
    for (size_t i = 0; i < hf_value_count(ports); i++) {
        struct hf_value *port = &ports->as.array.items[i];
        if (!hf_value_get(port, "nodePort") && sim_put_int(w->work->arena, port, "nodePort", free_port(w->sim)) != 0) {
            return -1;
        }
    }
    return 0;
}

static void drop_ports(struct hf_value *spec)
{
    struct hf_value *ports = sim_get(spec, "ports");
    for (size_t i = 0; i < hf_value_count(ports); i++) {
        sim_drop(&ports->as.array.items[i], "nodePort");
    }
}

/* Ports that left out their nodePort keep the one they had. */
static int keep_ports(struct sim_writing *w, struct hf_value *spec)
{
    struct hf_value *ports = sim_get(spec, "ports");
    const struct hf_value *before = w->live ? hf_value_path(w->live->value, "spec", "ports", NULL) : NULL;
    for (size_t i = 0; i < hf_value_count(ports); i++) {
        struct hf_value *port = &ports->as.array.items[i];
        for (size_t j = 0; !hf_value_get(port, "nodePort") && j < hf_value_count(before); j++) {
            const struct hf_value *old = hf_value_at(before, j);
            const struct hf_value *number = hf_value_get(old, "port"), *node = hf_value_get(old, "nodePort");
            if (node && number && hf_value_get(port, "port") && hf_value_equal(number, hf_value_get(port, "port")) &&
                strcmp(sim_text(old, "protocol"), sim_text(port, "protocol")) == 0 &&
                sim_put(w->work->arena, port, "nodePort", node) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int allocate_service(struct sim_writing *w, struct hf_value *fresh)
{
    struct hf_value *spec = sim_object_at(w->work->arena, fresh, "spec");
    const char *type = sim_text(spec, "type");
    bool has_node_ports = strcmp(type, "NodePort") == 0 || strcmp(type, "LoadBalancer") == 0;
    if (!spec) {
        return -1;
    }
    if (strcmp(type, "ExternalName") == 0) {
        sim_drop(spec, "clusterIP");
        sim_drop(spec, "clusterIPs");
        return 0;
    }
    bool had = w->live && sim_text(hf_value_get(w->live->value, "spec"), "clusterIP")[0] != '\0';
    if ((!had || sim_text(spec, "clusterIP")[0]) && put_address(w, spec) != 0) {
        return -1;
    }
    if (!has_node_ports) {
        if (w->live && strcmp(sim_text(hf_value_get(w->live->value, "spec"), "type"), type) != 0) {
            drop_ports(spec);
        }
        return 0;
    }
    return keep_ports(w, spec) == 0 ? put_ports(w, spec) : -1;
}

static int create_pod(struct sim_writing *w, struct hf_value *fresh)
{
    static const char TOLERATIONS[] =
        "[{\"effect\":\"NoExecute\",\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\","
        "\"tolerationSeconds\":300},{\"effect\":\"NoExecute\",\"key\":\"node.kubernetes.io/unreachable\","
        "\"operator\":\"Exists\",\"tolerationSeconds\":300}]";
    struct hf_value *spec = sim_object_at(w->work->arena, fresh, "spec");
    struct hf_value *status = sim_object_at(w->work->arena, fresh, "status");
    const struct hf_value *containers = hf_value_get(spec, "containers");
    bool asks = false;
    for (size_t i = 0; i < hf_value_count(containers); i++) {
        asks = asks || hf_value_count(hf_value_get(hf_value_at(containers, i), "resources")) > 0;
    }
    if (!spec || !status || sim_put_text(w->work->arena, status, "phase", "Pending") != 0 ||
        sim_put_text(w->work->arena, status, "qosClass", asks ? "Burstable" : "BestEffort") != 0 ||
        (!hf_value_get(spec, "tolerations") && sim_put_json(w->work->arena, spec, "tolerations", TOLERATIONS) != 0) ||
        (!hf_value_get(spec, "priority") && sim_put_int(w->work->arena, spec, "priority", 0) != 0) ||
        (!hf_value_get(spec, "preemptionPolicy") &&
         sim_put_text(w->work->arena, spec, "preemptionPolicy", "PreemptLowerPriority") != 0)) {
        return -1;
    }
    return 0;
}

/* The labels by which a Job knows its Pods are made of its uid. */
static int create_job(struct sim_writing *w, struct hf_value *fresh)
{
    struct hf_arena *arena = w->work->arena;
    struct hf_value *metadata = sim_get(fresh, "metadata");
    struct hf_value *spec = sim_object_at(arena, fresh, "spec");
    struct hf_value *template = spec ? sim_object_at(arena, spec, "template") : NULL;
    struct hf_value *inner = template ? sim_object_at(arena, template, "metadata") : NULL;
    struct hf_value *labels = inner ? sim_object_at(arena, inner, "labels") : NULL;
    const char *uid = sim_text(metadata, "uid");
    if (!labels || sim_put_text(arena, labels, "controller-uid", uid) != 0 ||
        sim_put_text(arena, labels, "job-name", sim_text(metadata, "name")) != 0) {
        return -1;
    }
    char *selector = hf_arena_printf(arena, "{\"matchLabels\":{\"controller-uid\":\"%s\"}}", uid);
    if (!selector || (!hf_value_get(spec, "selector") && sim_put_json(arena, spec, "selector", selector) != 0)) {
        return -1;
    }
    const struct hf_value *own = hf_value_get(metadata, "labels");
    return own ? 0 : sim_put(arena, metadata, "labels", hf_value_copy(arena, labels));
}

static int put_finalizer(struct hf_arena *arena, struct hf_value *owner, const char *name)
{
    struct hf_value *list = sim_get(owner, "finalizers");
    struct hf_value *item = hf_value_string(arena, hf_slice_of(name));
    if (!list) {
        struct hf_value *fresh = hf_value_new(arena, HF_ARRAY);
        if (!fresh || sim_put(arena, owner, "finalizers", fresh) != 0) {
            return -1;
        }
        list = sim_get(owner, "finalizers");
    }
    for (size_t i = 0; item && i < hf_value_count(list); i++) {
        if (hf_value_equal(hf_value_at(list, i), item)) {
            return 0;
        }
    }
    return item ? hf_value_push(arena, list, item) : -1;
}

static int create_daemon_set(struct sim_writing *w, struct hf_value *fresh)
{
    struct hf_value *metadata = sim_get(fresh, "metadata");
    struct hf_value *annotations = sim_object_at(w->work->arena, metadata, "annotations");
    return annotations ? sim_put_text(w->work->arena, annotations, "deprecated.daemonset.template.generation", "1")
                       : -1;
}

static int special_create(struct sim_writing *w, struct hf_value *fresh)
{
    struct hf_arena *arena = w->work->arena;
    if (is_kind(w, "Service")) {
        return allocate_service(w, fresh);
    }
    if (is_kind(w, "Pod")) {
        return create_pod(w, fresh);
    }
    if (is_kind(w, "Job")) {
        return create_job(w, fresh);
    }
    if (is_kind(w, "DaemonSet")) {
        return create_daemon_set(w, fresh);
    }
    if (is_kind(w, "Namespace")) {
        struct hf_value *spec = sim_object_at(arena, fresh, "spec");
        return spec ? put_finalizer(arena, spec, "kubernetes") : -1;
    }
    return is_kind(w, "PersistentVolumeClaim")
               ? put_finalizer(arena, sim_get(fresh, "metadata"), "kubernetes.io/pvc-protection")
               : 0;
}

/* The status of a new object is the server's. */
static int reset_status(struct sim_writing *w, struct hf_value *fresh)
{
    const struct sim_kind *kind = &w->collection->kind;
    if (!kind->status) {
        return 0;
    }
    sim_drop(fresh, "status");
    const struct sim_field *field = sim_type_field(kind->type, hf_slice_of("status"));
    const struct hf_value *empty = hf_value_get(kind->empty, "status");
    if (!empty || !field) {
        return 0;
    }
    struct hf_value *status = hf_value_copy(w->work->arena, empty);
    return status && sim_default(w->work->arena, field->type, status) == 0
               ? sim_put(w->work->arena, fresh, "status", status)
               : -1;
}

int sim_strategy_create(struct sim_writing *w, struct hf_value *fresh)
{
    struct hf_value *metadata = sim_get(fresh, "metadata");
    if (reset_status(w, fresh) != 0 ||
        (w->collection->kind.generation && sim_put_int(w->work->arena, metadata, "generation", 1) != 0)) {
        return -1;
    }
    return special_create(w, fresh);
}

static int take_from(struct sim_writing *w, struct hf_value *fresh, const struct hf_value *live, const char *key)
{
    const struct hf_value *value = hf_value_get(live, key);
    sim_drop(fresh, key);
    return value ? sim_put(w->work->arena, fresh, key, value) : 0;
}

static bool is_same(const struct hf_value *a, const struct hf_value *b)
{
    return a && b ? hf_value_equal(a, b) : a == b;
}

/* All but metadata and status counts; of a Deployment its annotations do too. */
static bool is_new_generation(const struct sim_writing *w, const struct hf_value *fresh)
{
    const struct hf_value *live = w->live->value;
    for (size_t i = 0; i < hf_value_count(fresh); i++) {
        const struct hf_member *member = &fresh->as.object.members[i];
        if (!hf_slice_is(member->key, "metadata") && !hf_slice_is(member->key, "status") &&
            !is_same(&member->value, hf_value_find(live, member->key))) {
            return true;
        }
    }
    return is_kind(w, "Deployment") && !is_same(hf_value_path(fresh, "metadata", "annotations", NULL),
                                                hf_value_path(live, "metadata", "annotations", NULL));
}

static int update_status(struct sim_writing *w, struct hf_value *fresh)
{
    const struct hf_value *live = w->live->value;
    const struct hf_value *live_labels = hf_value_path(live, "metadata", "labels", NULL);
    struct hf_value *metadata = sim_get(fresh, "metadata");
    for (size_t i = 0; i < hf_value_count(live); i++) {
        const struct hf_member *member = &live->as.object.members[i];
        if (!hf_slice_is(member->key, "metadata") && !hf_slice_is(member->key, "status") &&
            hf_value_set(w->work->arena, fresh, member->key, &member->value) != 0) {
            return -1;
        }
    }
    sim_drop(metadata, "labels");
    return live_labels ? sim_put(w->work->arena, metadata, "labels", live_labels) : 0;
}

int sim_strategy_update(struct sim_writing *w, struct hf_value *fresh)
{
    const struct sim_kind *kind = &w->collection->kind;
    int64_t generation = 0;
    if (w->status) {
        return update_status(w, fresh);
    }
    if (kind->status && take_from(w, fresh, w->live->value, "status") != 0) {
        return -1;
    }
    if (is_kind(w, "Service") && allocate_service(w, fresh) != 0) {
        return -1;
    }
    if (is_kind(w, "Namespace") && take_from(w, fresh, w->live->value, "spec") != 0) {
        return -1;
    }
    if (!kind->generation || !is_new_generation(w, fresh)) {
        return 0;
    }
    (void)hf_value_int(hf_value_path(w->live->value, "metadata", "generation", NULL), &generation);
    return sim_put_int(w->work->arena, sim_get(fresh, "metadata"), "generation", generation + 1);
}
