/* What the files of a folder mean: one unit each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "holdfast/clock.h"

#define MOST_BYTES ((size_t)16 << 20)
#define GONE_AFTER_MS 100  /* editors take a file away and put it back */
#define SURE_AFTER_MS 2000 /* older than the coarsest clock of a file system */

void hf_entry_free(void *value)
{
    struct entry *entry = value;
    hf_unit_drop(entry->unit);
    hf_unit_drop(entry->good);
    free(entry->below);
    free(entry->path);
    free(entry->broken);
    free(entry->clash);
    free(entry->slug);
    free(entry);
}

static struct entry *entry_for(struct folder *folder, const char *below, const char *path, struct hf_error *err)
{
    struct entry *entry = hf_map_get(folder->entries, hf_slice_of(below));
    if (!entry) {
        folder->unsettled = true;
        entry = hf_calloc(1, sizeof *entry);
        if (entry) {
            entry->below = hf_strdup(below);
            entry->path = hf_strdup(path);
            if (!entry->below || !entry->path || hf_map_put(folder->entries, hf_slice_of(below), entry, NULL) != 0) {
                hf_entry_free(entry);
                entry = NULL;
            }
        }
        if (!entry) {
            (void)hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
            return NULL;
        }
    }
    entry->seen = folder->scan;
    entry->missing_ms = 0;
    return entry;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whether the file is the one that was read, and can't have been written since without showing it. */
static bool same_stamp(const struct stamp *stamp, const struct stat *info)
{
    return stamp->sure && stamp->device == info->st_dev && stamp->inode == info->st_ino &&
           stamp->size == info->st_size && same_time(&stamp->modified, &info->st_mtim) &&
           same_time(&stamp->changed, &info->st_ctim);
}

static struct stamp stamp_of(const struct stat *info)
{
    int64_t changed_ms = (int64_t)info->st_ctim.tv_sec * 1000 + info->st_ctim.tv_nsec / 1000000;
    return (struct stamp){info->st_dev,  info->st_ino,  info->st_size,
                          info->st_mtim, info->st_ctim, hf_now_ms() - changed_ms > SURE_AFTER_MS};
}

static int set_text(char **slot, const char *text, struct hf_error *err)
{
    char *copy = hf_strdup(text);
    if (text && !copy) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    free(*slot);
    *slot = copy;
    return 0;
}

static int set_broken(struct folder *folder, struct entry *entry, const char *why, struct hf_error *err)
{
    if (!entry->broken || strcmp(entry->broken, why) != 0) {
        hf_log_write(folder->log, HF_WARN, "a unit can't be used; its last good content stands", "file", entry->path,
                     "problem", why, NULL);
    }
    folder->unsettled = true;
    return set_text(&entry->broken, why, err);
}

int hf_entry_refuse(struct folder *folder, const char *below, const char *path, const char *why, struct hf_error *err)
{
    struct entry *entry = entry_for(folder, below, path, err);
    if (!entry) {
        return -1;
    }
    entry->read_once = false;
    entry->stamp.sure = false;
    return set_broken(folder, entry, why, err);
}

static char *stem_of(const char *below)
{
    const char *dot = strrchr(below, '.');
    return hf_strndup(below, dot ? (size_t)(dot - below) : strlen(below));
}

static int read_unit(struct folder *folder, struct entry *entry, const struct hf_buf *bytes, struct hf_error *err)
{
    struct hf_unit *unit;
    struct hf_error problem = HF_ERROR_INIT;
    hf_auto_free char *slug = stem_of(entry->below);
    if (!slug) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", entry->path);
    }
    if (hf_unit_read(folder->space, slug, entry->path, hf_buf_text(bytes), bytes->len, &unit, &problem) != 0) {
        return set_broken(folder, entry, problem.text, err);
    }
    if (unit->document_count == 0 && entry->good && entry->good->document_count > 0) {
        hf_unit_drop(unit);
        (void)hf_error_set(&problem, HF_EPARSE,
                           "%s: line 1, column 1: found no object, expected at least one: the %zu it had are kept",
                           entry->path, entry->good->document_count);
        return set_broken(folder, entry, problem.text, err);
    }
    unit->revision = entry->good ? entry->good->revision + !hf_digest_equal(&entry->good->digest, &unit->digest) : 1;
    hf_unit_drop(entry->good);
    entry->good = unit;
    entry->fresh = folder->unsettled = true;
    return set_text(&entry->broken, NULL, err);
}

int hf_entry_take(struct folder *folder, const char *below, const char *path, const struct stat *info, bool *gone,
                  struct hf_error *err)
{
    hf_auto_buf struct hf_buf bytes = {0};
    struct hf_error problem = HF_ERROR_INIT;
    struct hf_digest digest;
    struct entry *entry = hf_map_get(folder->entries, hf_slice_of(below));
    *gone = false;
    if (entry && entry->read_once && same_stamp(&entry->stamp, info)) {
        return entry_for(folder, below, path, err) ? 0 : -1;
    }
    struct stamp stamp = stamp_of(info); /* before the reading: a write during it shows next time */
    if (hf_read_file(path, MOST_BYTES, &bytes, &problem) != 0) {
        *gone = problem.code == HF_ENOTFOUND;
        return *gone ? 0 : hf_entry_refuse(folder, below, path, problem.text, err);
    }
    entry = entry_for(folder, below, path, err);
    if (!entry || hf_sha256(hf_buf_text(&bytes), bytes.len, &digest, err) != 0) {
        return -1;
    }
    entry->stamp = stamp;
    if (entry->read_once && hf_digest_equal(&digest, &entry->digest)) {
        return 0;
    }
    entry->digest = digest;
    entry->read_once = true;
    return read_unit(folder, entry, &bytes, err);
}

void hf_entries_forget(struct folder *folder)
{
    size_t cursor = 0;
    struct hf_slice key;
    void *value;
    int64_t now = hf_mono_ms();
    folder->missing = false;
    while (hf_map_next(folder->entries, &cursor, &key, &value)) {
        struct entry *entry = value;
        if (entry->seen == folder->scan) {
            continue;
        }
        if (entry->missing_ms == 0) {
            entry->missing_ms = now;
        }
        if (now - entry->missing_ms < GONE_AFTER_MS) {
            folder->missing = true;
            continue;
        }
        hf_log_write(folder->log, HF_INFO, "a unit's file is gone", "file", entry->path, NULL);
        (void)hf_map_remove(folder->entries, key);
        hf_entry_free(entry);
        folder->changed = folder->unsettled = true;
    }
}

static int by_path(const void *left, const void *right)
{
    const struct entry *const *a = left;
    const struct entry *const *b = right;
    return strcmp((*a)->below, (*b)->below);
}

static struct entry **sorted(const struct folder *folder, size_t *count)
{
    size_t cursor = 0;
    void *value;
    struct entry **list = hf_calloc(hf_map_count(folder->entries), sizeof(struct entry *));
    *count = 0;
    while (list && hf_map_next(folder->entries, &cursor, NULL, &value)) {
        list[(*count)++] = value;
    }
    if (list) {
        qsort(list, *count, sizeof(struct entry *), by_path);
    }
    return list;
}

static void say(struct hf_buf *clash, const struct entry *entry, const char *found, const struct entry *first)
{
    if (clash->len == 0) {
        hf_buf_addf(clash, "%s: found %s, which %s holds already", entry->path, found, first->path);
    }
}

/* Its slug: the path without the ending, or the whole path where another file has that slug. */
static int name_entry(struct entry *entry, struct hf_map *slugs, struct hf_buf *clash, struct hf_error *err)
{
    hf_auto_free char *stem = stem_of(entry->below);
    const char *slug = stem;
    struct entry *first = stem ? hf_map_get(slugs, hf_slice_of(stem)) : NULL;
    if (first) {
        hf_auto_buf struct hf_buf found = {0};
        hf_buf_addf(&found, "unit %s", stem);
        say(clash, entry, hf_buf_text(&found), first);
        slug = entry->below;
    }
    if (!stem || hf_map_put(slugs, hf_slice_of(slug), entry, NULL) != 0) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    return entry->slug && strcmp(entry->slug, slug) == 0 ? 0 : set_text(&entry->slug, slug, err);
}

/* What the first file by path holds, another can't. */
static int claim_objects(struct entry *entry, struct hf_map *owners, struct hf_buf *clash, struct hf_error *err)
{
    hf_auto_buf struct hf_buf key = {0};
    for (size_t i = 0; entry->good && i < entry->good->document_count; i++) {
        const struct hf_value *object = entry->good->documents[i].value;
        if (!hf_source_object_key(&key, object)) {
            return hf_error_set(err, HF_ENOMEM, "out of memory");
        }
        struct entry *first = hf_map_get(owners, (struct hf_slice){key.ptr, key.len});
        if (first && first != entry) {
            hf_auto_buf struct hf_buf found = {0};
            hf_buf_addf(&found, "%s %s on line %u", hf_value_text(hf_value_get(object, "kind")),
                        hf_value_text(hf_value_path(object, "metadata", "name", NULL)), object->line);
            say(clash, entry, hf_buf_text(&found), first);
        } else if (!first && hf_map_put(owners, (struct hf_slice){key.ptr, key.len}, entry, NULL) != 0) {
            return hf_error_set(err, HF_ENOMEM, "out of memory");
        }
    }
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The last good documents under the slug, with the problem beside them if there is one. */
static int present(struct folder *folder, struct entry *entry, struct hf_error *err)
{
    const char *problem = entry->broken ? entry->broken : entry->clash;
    struct hf_unit *unit = NULL;
    if (entry->unit && !entry->fresh && same_text(entry->unit->problem, problem) &&
        strcmp(entry->unit->slug, entry->slug) == 0) {
        return 0;
    }
    const struct hf_unit *good = entry->good;
    if (good && !problem && strcmp(good->slug, entry->slug) == 0) {
        unit = hf_unit_keep(entry->good);
    } else if (!good) {
        unit = hf_source_unit_new(folder->space, entry->slug, entry->path, "", 0);
    } else if (hf_unit_read(good->space, entry->slug, good->origin, good->bytes, good->byte_count, &unit, err) != 0) {
        return -1; /* memory: it could be read before */
    }
    if (unit && problem) {
        unit->problem = hf_arena_copy(unit->arena, problem, strlen(problem));
    }
    if (!unit || (problem && !unit->problem)) {
        hf_unit_drop(unit);
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    unit->revision = good ? good->revision : 1;
    hf_unit_drop(entry->unit);
    entry->unit = unit;
    entry->fresh = false;
    folder->changed = true;
    return 0;
}

static int settle_one(struct folder *folder, struct entry *entry, struct hf_map *slugs, struct hf_map *owners,
                      struct hf_error *err)
{
    hf_auto_buf struct hf_buf clash = {0};
    if (name_entry(entry, slugs, &clash, err) != 0 || claim_objects(entry, owners, &clash, err) != 0) {
        return -1;
    }
    if (!hf_buf_ok(&clash)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    const char *text = clash.len > 0 ? hf_buf_text(&clash) : NULL;
    if (!same_text(text, entry->clash) && set_text(&entry->clash, text, err) != 0) {
        return -1;
    }
    return present(folder, entry, err);
}

int hf_entries_settle(struct folder *folder, struct hf_error *err)
{
    size_t count;
    if (!folder->unsettled) {
        return 0;
    }
    struct entry **list = sorted(folder, &count);
    struct hf_map *slugs = hf_map_new();
    struct hf_map *owners = hf_map_new();
    int result = list && slugs && owners ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = settle_one(folder, list[i], slugs, owners, err);
    }
    hf_map_free(slugs, NULL);
    hf_map_free(owners, NULL);
    free(list);
    folder->unsettled = result != 0;
    return result == 0 ? 0 : hf_error_wrap(err, "read the folder %s", folder->path);
}

struct hf_unit **hf_entries_units(const struct folder *folder, size_t *count)
{
    struct entry **list = sorted(folder, count);
    struct hf_unit **units = list ? hf_calloc(*count, sizeof(struct hf_unit *)) : NULL;
    for (size_t i = 0; units && i < *count; i++) {
        units[i] = list[i]->unit;
    }
    free(list);
    return units;
}
