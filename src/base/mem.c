#include "holdfast/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define FIRST_BLOCK 4096u
#define LARGEST_BLOCK (1u << 20)
#define ALIGNMENT 16u

struct block {
    struct block *next;
    size_t cap;
    size_t used;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

struct hf_arena {
    struct block *head; /* the block being filled */
    size_t limit;
    size_t total;
    size_t next_block;
};

struct hf_arena *hf_arena_new(size_t limit)
{
    struct hf_arena *arena = calloc(1, sizeof *arena);
    if (arena) {
        arena->limit = limit;
        arena->next_block = FIRST_BLOCK;
    }
    return arena;
}

void hf_arena_free(struct hf_arena *arena)
{
    if (!arena) {
        return;
    }
    for (struct block *block = arena->head; block;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

static struct block *add_block(struct hf_arena *arena, size_t least)
{
    size_t cap = arena->next_block > least ? arena->next_block : least;
    if (cap > SIZE_MAX - sizeof(struct block)) {
        return NULL;
    }
    size_t whole = cap + sizeof(struct block);
    if (arena->limit && (whole > arena->limit || arena->total > arena->limit - whole)) {
        return NULL;
    }
    struct block *block = malloc(whole);
    if (!block) {
        return NULL;
    }
    block->cap = cap;
    block->used = 0;
    /* A piece larger than a block gets its own, behind the one being filled. */
    if (arena->head && least > arena->next_block) {
        block->next = arena->head->next;
        arena->head->next = block;
    } else {
        block->next = arena->head;
        arena->head = block;
        if (arena->next_block < LARGEST_BLOCK) {
            arena->next_block *= 2;
        }
    }
    arena->total += whole;
    return block;
}

void *hf_arena_alloc(struct hf_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (rounded == 0) {
        rounded = ALIGNMENT;
    }
    struct block *block = arena->head;
    if (!block || block->cap - block->used < rounded) {
        block = add_block(arena, rounded);
        if (!block) {
            return NULL;
        }
    }
    void *piece = block->bytes + block->used;
    block->used += rounded;
    return memset(piece, 0, rounded);
}

void *hf_arena_array(struct hf_arena *arena, size_t count, size_t size)
{
    size_t whole;
    if (__builtin_mul_overflow(count, size, &whole)) {
        return NULL;
    }
    return hf_arena_alloc(arena, whole);
}

char *hf_arena_copy(struct hf_arena *arena, const char *bytes, size_t len)
{
    if (len == SIZE_MAX) {
        return NULL;
    }
    char *copy = hf_arena_alloc(arena, len + 1);
    if (copy && len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

char *hf_arena_printf(struct hf_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : hf_arena_alloc(arena, (size_t)len + 1);
    if (text) {
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}

size_t hf_arena_size(const struct hf_arena *arena)
{
    return arena->total;
}

void *hf_calloc(size_t count, size_t size)
{
    return calloc(count ? count : 1, size ? size : 1);
}

void *hf_reallocarray(void *old, size_t count, size_t size)
{
    size_t whole;
    if (__builtin_mul_overflow(count, size, &whole)) {
        return NULL;
    }
    return realloc(old, whole ? whole : 1);
}

char *hf_strdup(const char *text)
{
    return text ? strdup(text) : NULL;
}

char *hf_strndup(const char *bytes, size_t len)
{
    if (len == SIZE_MAX) {
        return NULL;
    }
    char *copy = malloc(len + 1);
    if (copy) {
        if (len > 0) {
            memcpy(copy, bytes, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

void hf_wipe(void *bytes, size_t len)
{
    if (bytes) {
        OPENSSL_cleanse(bytes, len);
    }
}

void hf_keep_memory_private(void)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

void hf_cleanup_free(void *slot)
{
    void *pointer;
    memcpy(&pointer, slot, sizeof pointer);
    free(pointer);
}

void hf_cleanup_arena(struct hf_arena **slot)
{
    hf_arena_free(*slot);
}

void hf_cleanup_fd(int *slot)
{
    if (*slot >= 0) {
        close(*slot);
    }
}
