/* Custom resources: a CRD's served versions become collections. The storage version is the one that is kept; of more
 * than one served version only that one is served here. */
#include <string.h>

#include "sim.h"

static const struct hf_value *storage_version(const struct hf_value *spec)
{
    const struct hf_value *versions = hf_value_get(spec, "versions");
    for (size_t i = 0; i < hf_value_count(versions); i++) {
        if (hf_value_is_true(hf_value_get(hf_value_at(versions, i), "storage"))) {
            return hf_value_at(versions, i);
        }
    }
    return hf_value_at(versions, 0);
}

static int put_absent(struct hf_arena *arena, struct hf_value *object, const char *key, const char *text)
{
    return sim_text(object, key)[0] ? 0 : sim_put_text(arena, object, key, text);
}

/* What the server fills in and says of a CRD at once. */
static int complete(struct sim_work *work, struct hf_value *definition)
{
    struct hf_arena *arena = work->arena;
    struct hf_value *spec = sim_object_at(arena, definition, "spec");
    struct hf_value *names = spec ? sim_object_at(arena, spec, "names") : NULL;
    char *list = names ? hf_arena_printf(arena, "%sList", sim_text(names, "kind")) : NULL;
    char *singular = names ? hf_arena_printf(arena, "%s", sim_text(names, "kind")) : NULL;
    const char *now = sim_now(arena);
    if (!list || !singular || !now) {
        return -1;
    }
    for (char *c = singular; *c; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    struct hf_value *conversion = sim_object_at(arena, spec, "conversion");
    if (!conversion || put_absent(arena, conversion, "strategy", "None") != 0 ||
        put_absent(arena, names, "listKind", list) != 0 || put_absent(arena, names, "singular", singular) != 0) {
        return -1;
    }
    char *status = hf_arena_printf(
        arena,
        "{\"conditions\":[{\"type\":\"NamesAccepted\",\"status\":\"True\",\"lastTransitionTime\":\"%s\",\"reason\":"
        "\"NoConflicts\",\"message\":\"no conflicts found\"},{\"type\":\"Established\",\"status\":\"True\","
        "\"lastTransitionTime\":\"%s\",\"reason\":\"InitialNamesAccepted\",\"message\":\"the initial names have been "
        "accepted\"}],\"storedVersions\":[\"%s\"]}",
        now, now, sim_text(storage_version(spec), "name"));
    struct hf_value *value = status ? sim_parse(arena, status) : NULL;
    if (hf_value_count(hf_value_path(definition, "status", "conditions", NULL)) > 0) {
        return 0;
    }
    return value && sim_put(arena, value, "acceptedNames", names) == 0 ? sim_put(arena, definition, "status", value)
                                                                       : -1;
}

static const char *copy_text(struct hf_arena *arena, const struct hf_value *object, const char *key)
{
    return hf_arena_printf(arena, "%s", sim_text(object, key));
}

static const char *join(struct hf_arena *arena, const struct hf_value *list)
{
    hf_auto_buf struct hf_buf text = {0};
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const char *item = hf_value_text(hf_value_at(list, i));
        hf_buf_addf(&text, "%s%s", i ? "," : "", item ? item : "");
    }
    return hf_buf_ok(&text) ? hf_arena_copy(arena, hf_buf_text(&text), text.len) : NULL;
}

/* The kind that a CRD defines, with an arena of its own. -1: memory. */
static int make_kind(const struct sim_schema *schema, const struct hf_value *definition, struct sim_kind *out)
{
    const struct hf_value *spec = hf_value_get(definition, "spec");
    const struct hf_value *names = hf_value_get(spec, "names");
    const struct hf_value *version = storage_version(spec);
    struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *sub = hf_value_get(version, "subresources");
    if (!arena) {
        return -1;
    }
    *out = (struct sim_kind){.arena = arena, .generation = true};
    out->group = copy_text(arena, spec, "group");
    out->version = copy_text(arena, version, "name");
    out->kind = copy_text(arena, names, "kind");
    out->plural = copy_text(arena, names, "plural");
    out->singular = copy_text(arena, names, "singular");
    out->shorts = join(arena, hf_value_get(names, "shortNames"));
    out->category = "";
    out->cluster = strcmp(sim_text(spec, "scope"), "Cluster") == 0;
    out->status = hf_value_get(sub, "status") != NULL;
    out->type = sim_schema_custom(schema, arena, hf_value_path(version, "schema", "openAPIV3Schema", NULL));
    if (!out->group || !out->version || !out->kind || !out->plural || !out->singular || !out->shorts || !out->type) {
        hf_arena_free(arena);
        return -1;
    }
    return 0;
}

/* A CRD that changed: its objects are of the new schema from now on. */
static int redefine(struct sim *sim, struct sim_collection *collection, const struct hf_value *spec)
{
    struct sim_kind *kind = &collection->kind;
    const struct hf_value *schema = hf_value_path(storage_version(spec), "schema", "openAPIV3Schema", NULL);
    const struct sim_type *type = kind->arena ? sim_schema_custom(sim->store.schema, kind->arena, schema) : kind->type;
    if (!type) {
        return -1;
    }
    kind->type = type;
    return 0;
}

int sim_custom_defined(struct sim *sim, struct sim_work *work, struct hf_value *definition)
{
    struct sim_kind kind;
    const struct hf_value *spec = hf_value_get(definition, "spec");
    const char *plural = sim_text(hf_value_get(spec, "names"), "plural");
    if (complete(work, definition) != 0) {
        return -1;
    }
    struct sim_collection *known = sim_store_collection(&sim->store, sim_text(spec, "group"), NULL, plural);
    if (known) {
        return redefine(sim, known, spec);
    }
    return make_kind(sim->store.schema, definition, &kind) == 0 && sim_store_add_kind(&sim->store, &kind) ? 0 : -1;
}

/* The collection stays in memory, for the events that name it; nobody finds it any more. */
void sim_custom_dropped(struct sim *sim, const struct hf_value *definition)
{
    const struct hf_value *spec = hf_value_get(definition, "spec");
    struct sim_collection *collection = sim_store_collection(&sim->store, sim_text(spec, "group"), NULL,
                                                             sim_text(hf_value_get(spec, "names"), "plural"));
    while (collection && collection->count > 0) {
        if (sim_store_delete(&sim->store, collection, collection->items[collection->count - 1]) != 0) {
            return;
        }
    }
    if (collection) {
        collection->gone = true;
    }
}
