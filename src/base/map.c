#include "holdfast/map.h"

#include <stdlib.h>
#include <string.h>

#include "holdfast/digest.h"
#include "holdfast/mem.h"

/* Open addressing with linear probing. A removed slot keeps its key as a grave, so that a walk may remove. */
struct slot {
    char *key;
    size_t key_len;
    uint64_t hash;
    void *value; /* NULL with a key: a grave */
};

struct hf_map {
    struct slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t count;
    size_t graves;
    uint64_t seed[2];
};

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, with the reduced rounds that hash tables use). */
static uint64_t sip_hash(const uint64_t seed[2], struct hf_slice key)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du, seed[0] ^ 0x6c7967656e657261u,
                     seed[1] ^ 0x7465646279746573u};
    size_t at = 0;
    for (; at + 8 <= key.len; at += 8) {
        uint64_t word;
        memcpy(&word, key.ptr + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.len << 56;
    for (size_t i = 0; at + i < key.len; i++) {
        last |= (uint64_t)(unsigned char)key.ptr[at + i] << (8 * i);
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct hf_map *hf_map_new(void)
{
    struct hf_map *map = calloc(1, sizeof *map);
    struct hf_error err;
    if (map && hf_random(map->seed, sizeof map->seed, &err) != 0) {
        free(map);
        return NULL;
    }
    return map;
}

void hf_map_free(struct hf_map *map, void (*drop)(void *value))
{
    if (!map) {
        return;
    }
    for (size_t i = 0; i < map->cap; i++) {
        if (map->slots[i].value && drop) {
            drop(map->slots[i].value);
        }
        free(map->slots[i].key);
    }
    free(map->slots);
    free(map);
}

static struct slot *find(const struct hf_map *map, struct hf_slice key)
{
    if (map->cap == 0) {
        return NULL;
    }
    uint64_t hash = sip_hash(map->seed, key);
    for (size_t i = (size_t)hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        struct slot *slot = &map->slots[i];
        if (!slot->key) {
            return NULL;
        }
        if (slot->hash == hash && hf_slice_equal((struct hf_slice){slot->key, slot->key_len}, key)) {
            return slot;
        }
    }
}

static int grow(struct hf_map *map)
{
    size_t cap = map->cap == 0 ? 16 : map->count * 2 >= map->cap ? map->cap * 2 : map->cap;
    struct slot *slots = hf_calloc(cap, sizeof *slots);
    if (!slots) {
        return -1;
    }
    for (size_t i = 0; i < map->cap; i++) {
        struct slot *old = &map->slots[i];
        if (!old->value) {
            free(old->key);
            continue;
        }
        size_t at = (size_t)old->hash & (cap - 1);
        while (slots[at].key) {
            at = (at + 1) & (cap - 1);
        }
        slots[at] = *old;
    }
    free(map->slots);
    map->slots = slots;
    map->cap = cap;
    map->graves = 0;
    return 0;
}

void *hf_map_get(const struct hf_map *map, struct hf_slice key)
{
    struct slot *slot = find(map, key);
    return slot ? slot->value : NULL;
}

int hf_map_put(struct hf_map *map, struct hf_slice key, void *value, void **old)
{
    if (old) {
        *old = NULL;
    }
    struct slot *slot = find(map, key);
    if (slot) {
        if (slot->value) {
            if (old) {
                *old = slot->value;
            }
        } else {
            map->graves--;
            map->count++;
        }
        slot->value = value;
        return 0;
    }
    if ((map->count + map->graves + 1) * 4 > map->cap * 3 && grow(map) != 0) {
        return -1;
    }
    char *copy = hf_strndup(key.ptr, key.len);
    if (!copy) {
        return -1;
    }
    uint64_t hash = sip_hash(map->seed, key);
    size_t at = (size_t)hash & (map->cap - 1);
    while (map->slots[at].key) {
        at = (at + 1) & (map->cap - 1);
    }
    map->slots[at] = (struct slot){copy, key.len, hash, value};
    map->count++;
    return 0;
}

void *hf_map_remove(struct hf_map *map, struct hf_slice key)
{
    struct slot *slot = find(map, key);
    if (!slot || !slot->value) {
        return NULL;
    }
    void *value = slot->value;
    slot->value = NULL;
    map->count--;
    map->graves++;
    return value;
}

size_t hf_map_count(const struct hf_map *map)
{
    return map->count;
}

bool hf_map_next(const struct hf_map *map, size_t *cursor, struct hf_slice *key, void **value)
{
    while (*cursor < map->cap) {
        const struct slot *slot = &map->slots[(*cursor)++];
        if (slot->value) {
            if (key) {
                *key = (struct hf_slice){slot->key, slot->key_len};
            }
            if (value) {
                *value = slot->value;
            }
            return true;
        }
    }
    return false;
}
