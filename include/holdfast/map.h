/* A hash table from byte strings to pointers. Keys are copied; values are the caller's.
 * SipHash with a random key, so that a cluster full of chosen names can't make it slow. One thread at a time. */
#ifndef HOLDFAST_MAP_H
#define HOLDFAST_MAP_H

#include "holdfast/text.h"

struct hf_map;

struct hf_map *hf_map_new(void); /* NULL when memory is short */
/* drop, if not NULL, is called for each value left. NULL map is fine. */
void hf_map_free(struct hf_map *map, void (*drop)(void *value));

void *hf_map_get(const struct hf_map *map, struct hf_slice key); /* NULL when absent */
/* Stores value (not NULL) under key and gives the one that was there in *old (NULL if none; old may be NULL).
 * -1 when memory is short: then nothing changed. */
int hf_map_put(struct hf_map *map, struct hf_slice key, void *value, void **old);
void *hf_map_remove(struct hf_map *map, struct hf_slice key); /* the value, or NULL */
size_t hf_map_count(const struct hf_map *map);

/* Walks all entries in no particular order: start with *cursor = 0, ends with false. The entry just returned
 * may be removed during the walk; nothing may be added. */
bool hf_map_next(const struct hf_map *map, size_t *cursor, struct hf_slice *key, void **value);

#endif
