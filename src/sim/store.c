#include "store.h"

#include <string.h>

#include "shape.h"

void sim_object_ref(struct sim_object *object)
{
    object->references++;
}

void sim_object_unref(struct sim_object *object)
{
    if (object && --object->references == 0) {
        hf_arena_free(object->arena);
    }
}

const char *sim_api_version(struct hf_arena *arena, const struct sim_kind *kind)
{
    return kind->group[0] ? hf_arena_printf(arena, "%s/%s", kind->group, kind->version) : kind->version;
}

void sim_object_write(struct hf_buf *buf, const struct sim_object *object)
{
    const struct sim_kind *kind = object->kind;
    hf_buf_addf(buf, "{\"kind\":\"%s\",\"apiVersion\":\"%s%s%s\",", kind->kind, kind->group, kind->group[0] ? "/" : "",
                kind->version);
    hf_buf_add(buf, object->json + 1, object->json_len - 1);
}

static int write_json(struct sim_object *object)
{
    hf_auto_buf struct hf_buf buf = {0};
    hf_buf_addc(&buf, '{');
    for (size_t i = 0; i < hf_value_count(object->value); i++) {
        const struct hf_member *member = &object->value->as.object.members[i];
        if (hf_slice_is(member->key, "apiVersion") || hf_slice_is(member->key, "kind")) {
            continue;
        }
        hf_buf_adds(&buf, buf.len > 1 ? "," : "");
        hf_buf_add_json(&buf, member->key);
        hf_buf_addc(&buf, ':');
        hf_json_write(&buf, &member->value);
    }
    hf_buf_addc(&buf, '}');
    object->json = hf_buf_ok(&buf) ? hf_arena_copy(object->arena, hf_buf_text(&buf), buf.len) : NULL;
    object->json_len = buf.len;
    return object->json ? 0 : -1;
}

static struct sim_object *new_object(const struct sim_kind *kind, const struct hf_value *value, uint64_t version)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct sim_object *object = arena ? hf_arena_alloc(arena, sizeof *object) : NULL;
    struct hf_value *copy = object ? hf_value_copy(arena, value) : NULL;
    struct hf_value *metadata = sim_get(copy, "metadata");
    char *text = metadata ? hf_arena_printf(arena, "%llu", (unsigned long long)version) : NULL;
    if (!text || sim_put_text(arena, metadata, "resourceVersion", text) != 0) {
        hf_arena_free(arena);
        return NULL;
    }
    *object = (struct sim_object){.references = 1, .arena = arena, .kind = kind, .value = copy, .version = version};
    object->space = kind->cluster ? "" : sim_text(metadata, "namespace");
    object->name = sim_text(metadata, "name");
    object->key = hf_arena_printf(arena, "%s/%s", object->space, object->name);
    if (!object->key || write_json(object) != 0) {
        hf_arena_free(arena);
        return NULL;
    }
    return object;
}

size_t sim_store_seek(const struct sim_collection *collection, const char *key)
{
    size_t low = 0, high = collection->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(collection->items[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct sim_object *sim_store_get(const struct sim_collection *collection, const char *space, const char *name)
{
    hf_auto_buf struct hf_buf key = {0};
    hf_buf_addf(&key, "%s/%s", collection->kind.cluster ? "" : space, name);
    if (!hf_buf_ok(&key)) {
        return NULL;
    }
    size_t at = sim_store_seek(collection, hf_buf_text(&key));
    return at < collection->count && strcmp(collection->items[at]->key, hf_buf_text(&key)) == 0 ? collection->items[at]
                                                                                                : NULL;
}

static void drop_event(struct sim_event *event)
{
    sim_object_unref(event->before);
    sim_object_unref(event->after);
    *event = (struct sim_event){0};
}

/* Takes over the references of before and after. */
static void add_event(struct sim_store *store, const struct sim_event *event)
{
    struct sim_event *slot = &store->events[store->event_next];
    drop_event(slot);
    *slot = *event;
    store->event_next = (store->event_next + 1) % store->event_room;
    if (store->event_count < store->event_room) {
        store->event_count++;
    }
    if (store->on_event) {
        store->on_event(store->ctx, slot);
    }
}

const struct sim_event *sim_store_event(const struct sim_store *store, size_t index)
{
    size_t first = (store->event_next + store->event_room - store->event_count) % store->event_room;
    return &store->events[(first + index) % store->event_room];
}

uint64_t sim_store_oldest(const struct sim_store *store)
{
    if (store->event_count < store->event_room) {
        return 1;
    }
    return sim_store_event(store, 0)->version - 1;
}

static int make_room(struct sim_collection *collection)
{
    if (collection->count < collection->room) {
        return 0;
    }
    size_t room = collection->room ? collection->room * 2 : 16;
    struct sim_object **items = hf_reallocarray(collection->items, room, sizeof(struct sim_object *));
    if (!items) {
        return -1;
    }
    collection->items = items;
    collection->room = room;
    return 0;
}

struct sim_object *sim_store_put(struct sim_store *store, struct sim_collection *collection,
                                 const struct hf_value *value)
{
    struct sim_object *object = new_object(&collection->kind, value, store->version + 1);
    if (!object || make_room(collection) != 0) {
        sim_object_unref(object);
        return NULL;
    }
    size_t at = sim_store_seek(collection, object->key);
    struct sim_object *before = NULL;
    if (at < collection->count && strcmp(collection->items[at]->key, object->key) == 0) {
        before = collection->items[at];
    } else {
        memmove(collection->items + at + 1, collection->items + at,
                (collection->count - at) * sizeof(struct sim_object *));
        collection->count++;
    }
    collection->items[at] = object;
    store->version++;
    sim_object_ref(object);
    add_event(store, &(struct sim_event){store->version, collection, before, object, false});
    return object;
}

int sim_store_delete(struct sim_store *store, struct sim_collection *collection, struct sim_object *object)
{
    size_t at = sim_store_seek(collection, object->key);
    struct sim_object *last = new_object(&collection->kind, object->value, store->version + 1);
    if (!last) {
        return -1;
    }
    memmove(collection->items + at, collection->items + at + 1,
            (collection->count - at - 1) * sizeof(struct sim_object *));
    collection->count--;
    store->version++;
    add_event(store, &(struct sim_event){store->version, collection, object, last, true});
    return 0;
}

static int compare_keys(const void *left, const void *right)
{
    return strcmp((*(struct sim_object *const *)left)->key, (*(struct sim_object *const *)right)->key);
}

/* Goes back through the kept events, undoing each. */
bool sim_store_at(const struct sim_store *store, const struct sim_collection *collection, uint64_t version,
                  struct hf_arena *arena, struct sim_object ***out, size_t *count)
{
    if (version < sim_store_oldest(store) || version > store->version) {
        return false;
    }
    struct hf_map *objects = hf_map_new();
    bool ok = objects != NULL;
    for (size_t i = 0; ok && i < collection->count; i++) {
        ok = hf_map_put(objects, hf_slice_of(collection->items[i]->key), collection->items[i], NULL) == 0;
    }
    for (size_t i = store->event_count; ok && i-- > 0;) {
        const struct sim_event *event = sim_store_event(store, i);
        if (event->version <= version) {
            break;
        }
        if (event->collection != collection) {
            continue;
        }
        if (!event->before) {
            (void)hf_map_remove(objects, hf_slice_of(event->after->key));
        } else {
            ok = hf_map_put(objects, hf_slice_of(event->before->key), event->before, NULL) == 0;
        }
    }
    *count = 0;
    *out = ok ? hf_arena_array(arena, hf_map_count(objects) + 1, sizeof(struct sim_object *)) : NULL;
    size_t cursor = 0;
    void *value;
    struct hf_slice key;
    while (*out && hf_map_next(objects, &cursor, &key, &value)) {
        (*out)[(*count)++] = value;
    }
    hf_map_free(objects, NULL);
    if (*out) {
        qsort(*out, *count, sizeof **out, compare_keys);
    }
    return *out != NULL;
}

struct sim_collection *sim_store_collection(const struct sim_store *store, const char *group, const char *version,
                                            const char *plural)
{
    for (size_t i = 0; i < store->collection_count; i++) {
        struct sim_collection *collection = store->collections[i];
        if (!collection->gone && strcmp(collection->kind.plural, plural) == 0 &&
            strcmp(collection->kind.group, group) == 0 &&
            (!version || strcmp(collection->kind.version, version) == 0)) {
            return collection;
        }
    }
    return NULL;
}

struct sim_collection *sim_store_kind(const struct sim_store *store, const char *kind)
{
    for (size_t i = 0; i < store->collection_count; i++) {
        if (strcmp(store->collections[i]->kind.kind, kind) == 0) {
            return store->collections[i];
        }
    }
    return NULL;
}

static int make_empty(struct sim_kind *kind)
{
    struct sim_work work = {.arena = kind->arena};
    struct hf_value *nothing = hf_value_new(kind->arena, HF_OBJECT);
    struct hf_value *empty = NULL;
    const char *version = sim_api_version(kind->arena, kind);
    if (!nothing || !version || sim_shape(&work, kind->type, nothing, &empty) != 0 ||
        sim_put_text(kind->arena, empty, "apiVersion", version) != 0 ||
        sim_put_text(kind->arena, empty, "kind", kind->kind) != 0) {
        return -1;
    }
    kind->empty = empty;
    return 0;
}

struct sim_collection *sim_store_add_kind(struct sim_store *store, const struct sim_kind *kind)
{
    struct sim_collection **all =
        hf_reallocarray(store->collections, store->collection_count + 1, sizeof(struct sim_collection *));
    struct sim_collection *collection = all ? hf_calloc(1, sizeof *collection) : NULL;
    if (all) {
        store->collections = all;
    }
    if (!collection) {
        return NULL;
    }
    collection->kind = *kind;
    collection->kind.group = kind->group ? kind->group : "";
    collection->kind.singular = kind->singular ? kind->singular : "";
    collection->kind.shorts = kind->shorts ? kind->shorts : "";
    collection->kind.category = kind->category ? kind->category : "";
    collection->kind.arena = kind->arena ? kind->arena : hf_arena_new(0);
    if (kind->definition) {
        collection->kind.type = sim_schema_find(store->schema, kind->definition);
    }
    if (!collection->kind.arena || !collection->kind.type || make_empty(&collection->kind) != 0) {
        hf_arena_free(kind->arena ? NULL : collection->kind.arena);
        free(collection);
        return NULL;
    }
    store->collections[store->collection_count++] = collection;
    return collection;
}

int sim_store_open(struct sim_store *store, size_t window, struct hf_error *err)
{
    *store = (struct sim_store){.event_room = window ? window : 1, .version = 1};
    store->events = hf_calloc(store->event_room, sizeof *store->events);
    if (!store->events) {
        return hf_error_set(err, HF_ENOMEM, "no memory for %zu events", window);
    }
    if (sim_schema_new(&store->schema, err) != 0) {
        sim_store_close(store);
        return -1;
    }
    for (size_t i = 0; i < sim_kind_count; i++) {
        if (!sim_store_add_kind(store, &sim_kinds[i])) {
            hf_error_set(err, HF_EINTERNAL, "no type for kind %s", sim_kinds[i].kind);
            sim_store_close(store);
            return -1;
        }
    }
    return 0;
}

void sim_store_close(struct sim_store *store)
{
    for (size_t i = 0; store->events && i < store->event_room; i++) {
        drop_event(&store->events[i]);
    }
    for (size_t i = 0; i < store->collection_count; i++) {
        struct sim_collection *collection = store->collections[i];
        for (size_t j = 0; j < collection->count; j++) {
            sim_object_unref(collection->items[j]);
        }
        hf_arena_free(collection->kind.arena);
        free(collection->items);
        free(collection);
    }
    free(store->collections);
    free(store->events);
    sim_schema_free(store->schema);
    *store = (struct sim_store){0};
}
