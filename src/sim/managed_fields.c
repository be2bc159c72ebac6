#include "managed_fields.h"

#include <string.h>

#include "holdfast/clock.h"

#define MOST_UPDATERS 10

struct sim_manager *sim_managers_find(struct sim_managers *managers, const char *name, bool applies,
                                      const char *version)
{
    for (size_t i = 0; i < managers->count; i++) {
        struct sim_manager *item = &managers->items[i];
        if (item->applies == applies && strcmp(item->name, name) == 0 &&
            (applies || strcmp(item->version, version) == 0)) {
            return item;
        }
    }
    return NULL;
}

struct sim_manager *sim_managers_add(struct hf_arena *arena, struct sim_managers *managers, const char *name,
                                     bool applies, const char *version)
{
    if (managers->count == managers->room) {
        size_t room = managers->room ? managers->room * 2 : 8;
        struct sim_manager *items = hf_arena_array(arena, room, sizeof *items);
        if (!items) {
            return NULL;
        }
        if (managers->count > 0) {
            memcpy(items, managers->items, managers->count * sizeof *items);
        }
        managers->items = items;
        managers->room = room;
    }
    struct sim_manager *item = &managers->items[managers->count++];
    *item = (struct sim_manager){.name = name, .applies = applies, .version = version};
    return item;
}

void sim_managers_remove(struct sim_managers *managers, struct sim_manager *manager)
{
    size_t at = (size_t)(manager - managers->items);
    memmove(manager, manager + 1, (managers->count - at - 1) * sizeof *manager);
    managers->count--;
}

static int read_entry(struct hf_arena *arena, const struct hf_value *entry, struct sim_managers *out)
{
    static const char EMPTY[] = "{}";
    const char *type = hf_value_text(hf_value_get(entry, "fieldsType"));
    const struct hf_value *fields = hf_value_get(entry, "fieldsV1");
    if (!type || strcmp(type, "FieldsV1") != 0) {
        return -1;
    }
    struct sim_manager *item =
        sim_managers_add(arena, out, sim_text(entry, "manager"), strcmp(sim_text(entry, "operation"), "Apply") == 0,
                         sim_text(entry, "apiVersion"));
    if (!item) {
        return -1;
    }
    item->time = hf_value_text(hf_value_get(entry, "time"));
    return sim_set_from_json(arena, fields && fields->kind == HF_OBJECT ? fields : sim_parse(arena, EMPTY), &item->set);
}

int sim_managers_read(struct hf_arena *arena, const struct hf_value *object, struct sim_managers *out)
{
    const struct hf_value *entries = hf_value_path(object, "metadata", "managedFields", NULL);
    *out = (struct sim_managers){0};
    for (size_t i = 0; i < hf_value_count(entries); i++) {
        if (read_entry(arena, hf_value_at(entries, i), out) != 0) {
            *out = (struct sim_managers){0};
            return -1;
        }
    }
    return 0;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* By operation, time, name, version; RFC 3339 in UTC sorts as text. */
static int by_time(const void *left, const void *right)
{
    const struct sim_manager *a = left, *b = right;
    if (a->applies != b->applies) {
        return a->applies ? -1 : 1;
    }
    int order = compare_text(a->time, b->time);
    order = order ? order : strcmp(a->name, b->name);
    return order ? order : strcmp(a->version, b->version);
}

static struct hf_value *entry_of(struct hf_arena *arena, const struct sim_manager *item)
{
    struct hf_value *entry = hf_value_new(arena, HF_OBJECT);
    if (!entry || sim_put_text(arena, entry, "apiVersion", item->version) != 0 ||
        sim_put_text(arena, entry, "fieldsType", "FieldsV1") != 0 ||
        sim_put(arena, entry, "fieldsV1", sim_set_to_json(arena, &item->set)) != 0 ||
        sim_put_text(arena, entry, "manager", item->name) != 0 ||
        sim_put_text(arena, entry, "operation", item->applies ? "Apply" : "Update") != 0 ||
        (item->time && sim_put_text(arena, entry, "time", item->time) != 0)) {
        return NULL;
    }
    return entry;
}

int sim_managers_write(struct hf_arena *arena, struct hf_value *object, const struct sim_managers *managers)
{
    struct hf_value *metadata = sim_object_at(arena, object, "metadata");
    struct hf_value *entries = hf_value_new(arena, HF_ARRAY);
    if (!metadata || !entries) {
        return -1;
    }
    if (managers->count == 0) {
        sim_drop(metadata, "managedFields");
        return 0;
    }
    qsort(managers->items, managers->count, sizeof *managers->items, by_time);
    for (size_t i = 0; i < managers->count; i++) {
        struct hf_value *entry = entry_of(arena, &managers->items[i]);
        if (!entry || hf_value_push(arena, entries, entry) != 0) {
            return -1;
        }
    }
    return sim_put(arena, metadata, "managedFields", entries);
}

int sim_managers_strip(struct hf_arena *arena, struct sim_manager *manager)
{
    static const char STRIPPED[] =
        "{\"f:apiVersion\":{},\"f:kind\":{},\"f:metadata\":{\".\":{},\"f:name\":{},\"f:namespace\":{},"
        "\"f:creationTimestamp\":{},\"f:selfLink\":{},\"f:uid\":{},\"f:clusterName\":{},\"f:generation\":{},"
        "\"f:managedFields\":{},\"f:resourceVersion\":{}}}";
    const struct hf_value *fields = sim_parse(arena, STRIPPED);
    struct sim_set stripped, rest;
    if (!fields || sim_set_from_json(arena, fields, &stripped) != 0 ||
        sim_set_difference(arena, &manager->set, &stripped, &rest) != 0) {
        return -1;
    }
    manager->set = rest;
    return 0;
}

int sim_managers_yield(struct hf_arena *arena, struct sim_managers *managers, const struct sim_manager *keep,
                       const struct sim_comparison *comparison)
{
    struct sim_set changed, gone;
    if (sim_set_union(arena, &comparison->modified, &comparison->added, &changed) != 0 ||
        sim_set_union(arena, &changed, &comparison->removed, &gone) != 0) {
        return -1;
    }
    for (size_t i = 0; i < managers->count; i++) {
        struct sim_set rest;
        if (&managers->items[i] == keep) {
            continue;
        }
        if (sim_set_difference(arena, &managers->items[i].set, &gone, &rest) != 0) {
            return -1;
        }
        managers->items[i].set = rest;
    }
    return 0;
}

static void drop_empty(struct sim_managers *managers)
{
    for (size_t i = managers->count; i-- > 0;) {
        if (sim_set_is_empty(&managers->items[i].set)) {
            sim_managers_remove(managers, &managers->items[i]);
        }
    }
}

static struct sim_manager *oldest_updater(struct sim_managers *managers, const struct sim_manager *after)
{
    struct sim_manager *oldest = NULL;
    for (size_t i = 0; i < managers->count; i++) {
        struct sim_manager *item = &managers->items[i];
        if (!item->applies && (!after || by_time(item, after) > 0) && (!oldest || by_time(item, oldest) < 0)) {
            oldest = item;
        }
    }
    return oldest;
}

/* More than ten updaters: the oldest two become one called ancient-changes. */
static int cap(struct hf_arena *arena, struct sim_managers *managers)
{
    size_t updaters = 0;
    for (size_t i = 0; i < managers->count; i++) {
        updaters += managers->items[i].applies ? 0 : 1;
    }
    while (updaters > MOST_UPDATERS) {
        struct sim_manager *first = oldest_updater(managers, NULL);
        struct sim_manager *second = first ? oldest_updater(managers, first) : NULL;
        struct sim_set both;
        if (!second || strcmp(first->version, second->version) != 0) {
            return 0;
        }
        if (sim_set_union(arena, &first->set, &second->set, &both) != 0) {
            return -1;
        }
        first->name = "ancient-changes";
        first->set = both;
        first->time = second->time;
        sim_managers_remove(managers, second);
        updaters--;
    }
    return 0;
}

/* What changed becomes the writer's. The time moves only when the set of fields does. */
static int take(struct hf_arena *arena, const struct sim_change *change, const struct sim_comparison *comparison,
                const struct sim_set *former, struct sim_managers *managers)
{
    struct sim_manager taken = {.name = change->manager, .version = change->version};
    struct sim_set changed;
    if (sim_set_union(arena, &comparison->modified, &comparison->added, &changed) != 0 ||
        sim_set_difference(arena, &changed, &comparison->removed, &taken.set) != 0 ||
        sim_managers_strip(arena, &taken) != 0) {
        return -1;
    }
    if (sim_set_is_empty(&taken.set)) {
        return 0;
    }
    struct sim_manager *own = sim_managers_find(managers, change->manager, false, change->version);
    if (!own) {
        own = sim_managers_add(arena, managers, change->manager, false, change->version);
    }
    if (!own || sim_set_union(arena, &own->set, &taken.set, &changed) != 0) {
        return -1;
    }
    own->set = changed;
    if (!former || !sim_set_equal(&own->set, former)) {
        own->time = change->now;
    }
    return 0;
}

int sim_managers_reconcile(struct hf_arena *arena, const struct sim_change *change, struct sim_managers *managers)
{
    for (size_t i = 0; i < managers->count; i++) {
        if (sim_typed_reconcile(arena, change->type, change->live, &managers->items[i].set) != 0) {
            return -1;
        }
    }
    return 0;
}

/* An object that was written before managedFields were tracked stays untracked until the first apply. */
int sim_managers_update(struct sim_work *work, const struct sim_change *change, const struct hf_value *fresh,
                        struct sim_managers *managers)
{
    struct sim_comparison comparison;
    if (managers->count == 0 && change->exists) {
        return 0;
    }
    if (sim_typed_check(work, change->type, change->live) != 0 || sim_typed_check(work, change->type, fresh) != 0 ||
        sim_managers_reconcile(work->arena, change, managers) != 0 ||
        sim_typed_compare(work->arena, change->type, change->live, fresh, &comparison) != 0) {
        return -1;
    }
    struct sim_manager *own = sim_managers_find(managers, change->manager, false, change->version);
    struct sim_set former = own ? own->set : (struct sim_set){0};
    if (sim_managers_yield(work->arena, managers, NULL, &comparison) != 0 ||
        take(work->arena, change, &comparison, own ? &former : NULL, managers) != 0) {
        return -1;
    }
    drop_empty(managers);
    return cap(work->arena, managers);
}
