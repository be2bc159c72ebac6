/* Memory: arenas for things that live and die together, and scope-bound cleanup. */
#ifndef HOLDFAST_MEM_H
#define HOLDFAST_MEM_H

#include <stddef.h>
#include <stdlib.h>

/* An arena hands out memory that is freed all at once. Not for use by two threads at the same time. */
struct hf_arena;

/* limit: the most bytes it may ever hold, 0 for no limit. NULL when memory is short. */
struct hf_arena *hf_arena_new(size_t limit);
void hf_arena_free(struct hf_arena *arena); /* NULL is fine */

/* Zeroed memory aligned for any type; NULL when memory is short or the limit is reached. size 0 gives a
 * valid pointer to nothing. */
void *hf_arena_alloc(struct hf_arena *arena, size_t size);

/* count * size, NULL on overflow too. */
void *hf_arena_array(struct hf_arena *arena, size_t count, size_t size);

/* A terminated copy of len bytes. NULL when memory is short. */
char *hf_arena_copy(struct hf_arena *arena, const char *bytes, size_t len);

/* printf into the arena. NULL when memory is short. */
char *hf_arena_printf(struct hf_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes taken from the system so far, for limits and metrics. */
size_t hf_arena_size(const struct hf_arena *arena);

/* calloc and realloc with the overflow check done. NULL when memory is short. */
void *hf_calloc(size_t count, size_t size);
void *hf_reallocarray(void *old, size_t count, size_t size);
char *hf_strdup(const char *text); /* NULL in, NULL out */
char *hf_strndup(const char *bytes, size_t len);

/* Overwrites len bytes in a way that the compiler keeps: for tokens and keys, before they are freed. */
void hf_wipe(void *bytes, size_t len);

/* From now on the process leaves no core dump, and no neighbour of the same user may read its memory or trace it:
 * tokens and the values of Secrets are in it. */
void hf_keep_memory_private(void);

/* Scope-bound cleanup: `hf_auto_free char *name = …;` */
void hf_cleanup_free(void *slot);
void hf_cleanup_arena(struct hf_arena **slot);
void hf_cleanup_fd(int *slot); /* closes when >= 0 */
#define hf_auto_free __attribute__((cleanup(hf_cleanup_free)))
#define hf_auto_arena __attribute__((cleanup(hf_cleanup_arena)))
#define hf_auto_fd __attribute__((cleanup(hf_cleanup_fd)))

#endif
