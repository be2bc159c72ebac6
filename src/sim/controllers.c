/* A little of kube-controller-manager: Deployments get a status and a revision, so that there is something to look away
 * from; new namespaces get their default ServiceAccount. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define REACTION_MS 30
#define MANAGER "kube-controller-manager"
#define REVISION "deployment.kubernetes.io/revision"

static bool is_kind(const struct sim_event *event, const char *kind)
{
    return strcmp(event->collection->kind.kind, kind) == 0;
}

void sim_controllers_event(struct sim *sim, const struct sim_event *event)
{
    if (!sim->options->controllers || event->deleted ||
        !(is_kind(event, "Deployment") || (is_kind(event, "Namespace") && !event->before))) {
        return;
    }
    (void)hf_map_put(sim->controllers.due, hf_slice_of(event->after->key), event->collection, NULL);
    if (sim->controllers.at == 0) {
        sim->controllers.at = sim->clock() + REACTION_MS;
    }
}

static int64_t number_at(const struct hf_value *object, const char *first, const char *second)
{
    int64_t number = 0;
    (void)hf_value_int(hf_value_path(object, first, second, NULL), &number);
    return number;
}

static int put_condition(struct hf_arena *arena, struct hf_value *conditions, const char *type, const char *reason,
                         const char *message, const char *now)
{
    char *json =
        hf_arena_printf(arena,
                        "{\"type\":\"%s\",\"status\":\"True\",\"lastUpdateTime\":\"%s\",\"lastTransitionTime\":"
                        "\"%s\",\"reason\":\"%s\",\"message\":\"%s\"}",
                        type, now, now, reason, message);
    struct hf_value *value = json ? sim_parse(arena, json) : NULL;
    return value ? hf_value_push(arena, conditions, value) : -1;
}

static struct hf_value *make_status(struct hf_arena *arena, const struct hf_value *object)
{
    int64_t replicas = number_at(object, "spec", "replicas");
    const char *name = sim_text(hf_value_get(object, "metadata"), "name");
    const char *now = sim_now(arena);
    struct hf_value *status = hf_value_new(arena, HF_OBJECT);
    struct hf_value *conditions = hf_value_new(arena, HF_ARRAY);
    char *message = hf_arena_printf(arena, "ReplicaSet \\\"%s\\\" has successfully progressed.", name);
    if (!now || !status || !conditions || !message ||
        put_condition(arena, conditions, "Available", "MinimumReplicasAvailable",
                      "Deployment has minimum availability.", now) != 0 ||
        put_condition(arena, conditions, "Progressing", "NewReplicaSetAvailable", message, now) != 0 ||
        sim_put(arena, status, "conditions", conditions) != 0 ||
        sim_put_int(arena, status, "observedGeneration", number_at(object, "metadata", "generation")) != 0) {
        return NULL;
    }
    static const char *const COUNTS[] = {"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"};
    for (size_t i = 0; replicas > 0 && i < 4; i++) {
        if (sim_put_int(arena, status, COUNTS[i], replicas) != 0) {
            return NULL;
        }
    }
    return status;
}

/* The revision grows when the template does. */
static int put_revision(struct hf_arena *arena, struct hf_value *object, bool changed)
{
    struct hf_value *metadata = sim_get(object, "metadata");
    struct hf_value *annotations = sim_object_at(arena, metadata, "annotations");
    int64_t revision = 0;
    if (!annotations) {
        return -1;
    }
    (void)hf_parse_int(hf_slice_of(sim_text(annotations, REVISION)), 0, INT64_MAX - 1, &revision);
    if (revision > 0 && !changed) {
        return 0;
    }
    char *text = hf_arena_printf(arena, "%lld", (long long)revision + 1);
    return text ? sim_put_text(arena, annotations, REVISION, text) : -1;
}

static bool is_observed(const struct hf_value *object)
{
    return number_at(object, "status", "observedGeneration") == number_at(object, "metadata", "generation") &&
           number_at(object, "status", "replicas") == number_at(object, "spec", "replicas");
}

/* Whether the template differs from the one of the last event that had the observed generation: looked up among the
 * kept events. */
static bool is_new_template(const struct sim *sim, const struct sim_object *object)
{
    int64_t observed = number_at(object->value, "status", "observedGeneration");
    const struct hf_value *template = hf_value_path(object->value, "spec", "template", NULL);
    for (size_t i = sim->store.event_count; i-- > 0;) {
        const struct sim_event *event = sim_store_event(&sim->store, i);
        if (!event->deleted && event->after->kind == object->kind && strcmp(event->after->key, object->key) == 0 &&
            number_at(event->after->value, "metadata", "generation") == observed) {
            const struct hf_value *before = hf_value_path(event->after->value, "spec", "template", NULL);
            return before && template && !hf_value_equal(before, template);
        }
    }
    return false;
}

static void write_status(struct sim *sim, struct sim_collection *collection, struct sim_object *object, bool always)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct sim_work work = {.arena = arena};
    struct hf_value *fresh = arena ? hf_value_copy(arena, object->value) : NULL;
    if (!fresh || (!always && is_observed(object->value)) ||
        hf_value_path(fresh, "metadata", "deletionTimestamp", NULL)) {
        return;
    }
    struct hf_value *status = make_status(arena, fresh);
    if (status && put_revision(arena, fresh, is_new_template(sim, object)) == 0 &&
        sim_put(arena, fresh, "status", status) == 0) {
        (void)sim_write_own(sim, &work, collection, fresh, MANAGER);
    }
}

static void make_account(struct sim *sim, const struct sim_object *space)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct sim_work work = {.arena = arena};
    struct sim_collection *accounts = sim_store_collection(&sim->store, "", "v1", "serviceaccounts");
    char *json = arena
                     ? hf_arena_printf(arena, "{\"metadata\":{\"name\":\"default\",\"namespace\":\"%s\"}}", space->name)
                     : NULL;
    struct hf_value *account = json ? sim_parse(arena, json) : NULL;
    if (account && !sim_store_get(accounts, space->name, "default")) {
        (void)sim_write_own(sim, &work, accounts, account, MANAGER);
    }
}

static void handle_due(struct sim *sim, struct sim_collection *collection, const char *key)
{
    size_t at = sim_store_seek(collection, key);
    if (at >= collection->count || strcmp(collection->items[at]->key, key) != 0) {
        return;
    }
    if (strcmp(collection->kind.kind, "Namespace") == 0) {
        make_account(sim, collection->items[at]);
    } else {
        write_status(sim, collection, collection->items[at], false);
    }
}

/* What is written here causes events of its own: they come into a fresh table. */
static void handle_all(struct sim *sim)
{
    struct hf_map *due = sim->controllers.due;
    size_t cursor = 0;
    struct hf_slice key;
    void *collection;
    sim->controllers.at = 0;
    sim->controllers.due = hf_map_new();
    if (!sim->controllers.due) {
        sim->controllers.due = due;
        return;
    }
    while (hf_map_next(due, &cursor, &key, &collection)) {
        char text[600];
        snprintf(text, sizeof text, "%.*s", HF_SLICE(key));
        handle_due(sim, collection, text);
    }
    hf_map_free(due, NULL);
}

/* Churn: a Deployment's status is written again with new times, one after another. */
static void churn(struct sim *sim, int64_t now)
{
    struct sim_collection *deployments = sim_store_collection(&sim->store, "apps", "v1", "deployments");
    sim->next_churn = now + sim->options->churn_ms;
    if (deployments->count > 0) {
        sim->churn_at = (sim->churn_at + 1) % deployments->count;
        write_status(sim, deployments, deployments->items[sim->churn_at], true);
    }
}

int64_t sim_controllers_run(struct sim *sim)
{
    int64_t now = sim->clock(), next = INT64_MAX;
    if (sim->controllers.at != 0 && sim->controllers.at <= now) {
        handle_all(sim);
    }
    if (sim->options->churn_ms > 0 && sim->next_churn <= now) {
        churn(sim, now);
    }
    if (sim->controllers.at != 0) {
        next = sim->controllers.at;
    }
    return sim->options->churn_ms > 0 && sim->next_churn < next ? sim->next_churn : next;
}

#define SEED_SPACE "seed"

static int seed_one(struct sim *sim, size_t number)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct sim_work work = {.arena = arena};
    struct sim_collection *deployments = sim_store_collection(&sim->store, "apps", "v1", "deployments");
    char *json =
        arena ? hf_arena_printf(
                    arena,
                    "{\"metadata\":{\"name\":\"seed-%zu\",\"namespace\":\"" SEED_SPACE
                    "\",\"labels\":{\"app\":\"seed-%zu\"}},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":"
                    "{\"app\":\"seed-%zu\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"seed-%zu\"}},"
                    "\"spec\":{\"containers\":[{\"name\":\"app\",\"image\":\"registry.example.com/app:%zu\","
                    "\"ports\":[{\"name\":\"http\",\"containerPort\":8080}],\"env\":[{\"name\":\"A\",\"value\":"
                    "\"1\"},{\"name\":\"B\",\"value\":\"2\"}],\"resources\":{\"requests\":{\"cpu\":\"100m\","
                    "\"memory\":\"128Mi\"},\"limits\":{\"memory\":\"256Mi\"}},\"readinessProbe\":{\"httpGet\":"
                    "{\"path\":\"/ready\",\"port\":\"http\"}}}]}}}}",
                    number, number, number, number, number)
              : NULL;
    struct hf_value *value = json ? sim_parse(arena, json) : NULL;
    return value && sim_write_own(sim, &work, deployments, value, "seed") ? 0 : -1;
}

int sim_seed_deployments(struct sim *sim, size_t count, struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct sim_work work = {.arena = arena};
    struct sim_collection *namespaces = sim_store_collection(&sim->store, "", "v1", "namespaces");
    struct hf_value *space = arena ? sim_parse(arena, "{\"metadata\":{\"name\":\"" SEED_SPACE "\"}}") : NULL;
    if (!space ||
        (!sim_store_get(namespaces, "", SEED_SPACE) && !sim_write_own(sim, &work, namespaces, space, "seed"))) {
        return hf_error_set(err, HF_EINTERNAL, "namespace " SEED_SPACE " can't be made: %s",
                            work.problem.message ? work.problem.message : "no memory");
    }
    size_t first = sim_store_collection(&sim->store, "apps", "v1", "deployments")->count;
    for (size_t i = 0; i < count; i++) {
        if (seed_one(sim, first + i) != 0) {
            return hf_error_set(err, HF_EINTERNAL, "Deployment %zu can't be made", first + i);
        }
    }
    return 0;
}
