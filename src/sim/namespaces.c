/* A namespace's end: what is in it goes, then it goes itself. */
#include <string.h>

#include "holdfast/clock.h"
#include "sim.h"

/* Nothing new comes into a namespace that is not there, or that is ending. */
int sim_check_namespace(struct sim *sim, struct sim_work *work, const struct sim_kind *kind, const char *space,
                        const char *name)
{
    const struct sim_collection *namespaces = sim_store_collection(&sim->store, "", "v1", "namespaces");
    if (kind->cluster) {
        return 0;
    }
    const struct sim_object *object = sim_store_get(namespaces, "", space);
    if (!object) {
        return sim_not_found(work, &namespaces->kind, space);
    }
    if (!hf_value_path(object->value, "metadata", "deletionTimestamp", NULL)) {
        return 0;
    }
    sim_fail(work, 403, "Forbidden",
             "%s \"%s\" is forbidden: unable to create new content in namespace %s because it is being terminated",
             sim_resource_name(work->arena, kind), name, space);
    char *message = hf_arena_printf(work->arena, "namespace %s is being terminated", space);
    sim_cause(work, "NamespaceTerminating", "metadata.namespace", "%s", message ? message : "");
    return sim_details(work, name, kind->group, kind->plural);
}

void sim_namespace_deleted(struct sim *sim)
{
    int64_t due = sim->clock() + sim->options->namespace_delay_ms;
    if (sim->next_sweep == 0 || due < sim->next_sweep) {
        sim->next_sweep = due;
    }
}

static bool is_held(const struct sim_object *object)
{
    return strcmp(object->kind->kind, "PersistentVolumeClaim") != 0 &&
           hf_value_count(hf_value_path(object->value, "metadata", "finalizers", NULL)) > 0;
}

static int mark_held(struct sim *sim, struct sim_collection *collection, const struct sim_object *object)
{
    if (hf_value_path(object->value, "metadata", "deletionTimestamp", NULL)) {
        return 0;
    }
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_value *fresh = arena ? hf_value_copy(arena, object->value) : NULL;
    struct hf_value *metadata = sim_get(fresh, "metadata");
    const char *now = arena ? sim_now(arena) : NULL;
    return metadata && now && sim_put_text(arena, metadata, "deletionTimestamp", now) == 0 &&
                   sim_put_int(arena, metadata, "deletionGracePeriodSeconds", 0) == 0 &&
                   sim_store_put(&sim->store, collection, fresh)
               ? 0
               : -1;
}

/* How much is left of what was in it. */
static size_t empty_out(struct sim *sim, const char *space)
{
    size_t left = 0;
    for (size_t i = 0; i < sim->store.collection_count; i++) {
        struct sim_collection *collection = sim->store.collections[i];
        for (size_t j = collection->count; !collection->kind.cluster && j-- > 0;) {
            struct sim_object *object = collection->items[j];
            if (strcmp(object->space, space) != 0) {
                continue;
            }
            bool held = is_held(object);
            if (held ? mark_held(sim, collection, object) != 0
                     : sim_store_delete(&sim->store, collection, object) != 0) {
                return 1;
            }
            left += held ? 1 : 0;
        }
    }
    return left;
}

int sim_sweep_namespaces(struct sim *sim)
{
    struct sim_collection *namespaces = sim_store_collection(&sim->store, "", "v1", "namespaces");
    bool more = false;
    for (size_t i = namespaces->count; i-- > 0;) {
        struct sim_object *object = namespaces->items[i];
        int64_t since;
        const struct hf_value *deleted = hf_value_path(object->value, "metadata", "deletionTimestamp", NULL);
        if (!deleted || !hf_time_parse(deleted->as.text, &since)) {
            continue;
        }
        if (empty_out(sim, object->name) > 0) {
            more = true;
        } else if (sim_store_delete(&sim->store, namespaces, object) != 0) {
            return -1;
        }
    }
    sim->next_sweep = more ? sim->clock() + 200 : 0;
    return 0;
}
