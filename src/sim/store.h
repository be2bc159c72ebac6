/* The objects, their one counter of versions, and the latest events. */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include "schema.h"
#include "work.h"

struct sim_kind {
    const char *group; /* "" for core */
    const char *version;
    const char *kind;
    const char *plural;
    const char *singular; /* "" as the real server has it for its own kinds */
    const char *shorts;   /* comma separated */
    const char *category;
    const char *definition; /* in the OpenAPI document; NULL for a custom resource */
    bool cluster;           /* not namespaced */
    bool status;            /* has the status subresource */
    bool generation;        /* counts changes of spec */
    bool scale;
    const struct sim_type *type;
    const struct hf_value *empty; /* what Go writes for an object with nothing in it */
    struct hf_arena *arena;       /* of a custom resource's type; NULL else */
};

/* One version of one object: not changed once it is stored; counted by references. */
struct sim_object {
    unsigned references;
    struct hf_arena *arena;
    const struct sim_kind *kind;
    const struct hf_value *value;
    const char *space; /* namespace; "" for cluster-scoped */
    const char *name;
    const char *key; /* "space/name" */
    uint64_t version;
    const char *json; /* without apiVersion and kind: an item of a list */
    size_t json_len;
};

struct sim_collection {
    struct sim_kind kind;
    struct sim_object **items; /* sorted by key */
    size_t count;
    size_t room;
    bool gone; /* its CRD was deleted */
};

struct sim_event {
    uint64_t version;
    struct sim_collection *collection;
    struct sim_object *before; /* NULL: it was created */
    struct sim_object *after;  /* of a deletion: the last form, with the version of the deletion */
    bool deleted;
};

typedef void (*sim_event_fn)(void *ctx, const struct sim_event *event);

struct sim_store {
    struct sim_schema *schema;
    struct sim_collection **collections;
    size_t collection_count;
    struct sim_event *events; /* a ring */
    size_t event_room;
    size_t event_count;
    size_t event_next;
    uint64_t version;
    sim_event_fn on_event;
    void *ctx;
};

/* window: how many events are kept for watches that come late. */
int sim_store_open(struct sim_store *store, size_t window, struct hf_error *err);
void sim_store_close(struct sim_store *store);

/* By group and plural name; version NULL: any. */
struct sim_collection *sim_store_collection(const struct sim_store *store, const char *group, const char *version,
                                            const char *plural);
struct sim_collection *sim_store_kind(const struct sim_store *store, const char *kind);
/* A new kind; the strings and the arena are the store's from now on. NULL: memory. */
struct sim_collection *sim_store_add_kind(struct sim_store *store, const struct sim_kind *kind);

struct sim_object *sim_store_get(const struct sim_collection *collection, const char *space, const char *name);
/* The first item at or behind a key ("space/" for a namespace's first). */
size_t sim_store_seek(const struct sim_collection *collection, const char *key);

/* Stores value (copied) under the next version, which is put into its metadata; created or replaced. The object that is
 * given back is the store's. NULL: memory. */
struct sim_object *sim_store_put(struct sim_store *store, struct sim_collection *collection,
                                 const struct hf_value *value);
/* -1: memory. */
int sim_store_delete(struct sim_store *store, struct sim_collection *collection, struct sim_object *object);

/* The oldest version from which a watch can go on without missing anything. */
uint64_t sim_store_oldest(const struct sim_store *store);
/* The i-th kept event, oldest first. */
const struct sim_event *sim_store_event(const struct sim_store *store, size_t index);
/* The objects of a collection as they were at a version, sorted by key, in arena; false when that is forgotten or
 * memory is short. The objects must not be kept beyond the request. */
bool sim_store_at(const struct sim_store *store, const struct sim_collection *collection, uint64_t version,
                  struct hf_arena *arena, struct sim_object ***out, size_t *count);

void sim_object_ref(struct sim_object *object);
void sim_object_unref(struct sim_object *object); /* NULL is fine */
/* Appends the object with apiVersion and kind. */
void sim_object_write(struct hf_buf *buf, const struct sim_object *object);
/* "apps/v1", "v1"; in arena, NULL: memory. */
const char *sim_api_version(struct hf_arena *arena, const struct sim_kind *kind);

/* kinds.c: the kinds that are there from the start. */
extern const struct sim_kind sim_kinds[];
extern const size_t sim_kind_count;

#endif
