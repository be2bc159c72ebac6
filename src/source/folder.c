/* The set of units that a folder holds, and what is told of it. */
#include "folder.h"

#include <stdlib.h>
#include <string.h>

#define RESCAN_MS 30000
#define RESCAN_LOST_MS 1000

/* The last good documents with a problem beside them; without any, a unit that only has the problem. */
static struct hf_unit *with_problem(const struct folder *folder, const struct entry *entry, const char *problem)
{
    struct hf_unit *unit = NULL;
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_unit *good = entry->good;
    if (good && hf_unit_read(good->space, good->slug, good->origin, good->bytes, good->byte_count, &unit, &err) == 0) {
        unit->revision = good->revision;
    } else {
        unit = hf_source_unit_new(folder->space, entry->slug, entry->path, "", 0);
    }
    if (!unit) {
        return NULL;
    }
    unit->problem = hf_arena_copy(unit->arena, problem, strlen(problem));
    if (!unit->problem) {
        hf_unit_drop(unit);
        return NULL;
    }
    return unit;
}

static void tell_as(struct folder *folder, struct entry *entry, struct hf_unit *unit)
{
    hf_unit_drop(entry->unit);
    entry->unit = unit;
    folder->changed = true;
}

static struct entry *entry_for(struct folder *folder, const char *slug, const char *path)
{
    struct entry *entry = hf_map_get(folder->entries, hf_slice_of(slug));
    if (entry) {
        return entry;
    }
    entry = hf_calloc(1, sizeof *entry);
    if (!entry) {
        return NULL;
    }
    entry->slug = hf_strdup(slug);
    entry->path = hf_strdup(path);
    if (!entry->slug || !entry->path || hf_map_put(folder->entries, hf_slice_of(slug), entry, NULL) != 0) {
        free(entry->slug);
        free(entry->path);
        free(entry);
        return NULL;
    }
    return entry;
}

static int take_problem(struct folder *folder, struct entry *entry, const char *problem, struct hf_error *err)
{
    if (entry->unit && entry->unit->problem && strcmp(entry->unit->problem, problem) == 0) {
        return 0;
    }
    struct hf_unit *unit = with_problem(folder, entry, problem);
    if (!unit) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", entry->path);
    }
    tell_as(folder, entry, unit);
    return 0;
}

int hf_folder_take(struct folder *folder, const char *slug, const char *path, const char *bytes, size_t len,
                   const struct hf_error *unreadable, struct hf_error *err)
{
    struct entry *entry = entry_for(folder, slug, path);
    struct hf_digest digest;
    if (!entry) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    entry->seen = folder->scan;
    if (unreadable) {
        entry->read_once = false;
        return take_problem(folder, entry, unreadable->text, err);
    }
    if (hf_sha256(bytes, len, &digest, err) != 0) {
        return -1;
    }
    if (entry->read_once && hf_digest_equal(&digest, &entry->digest)) {
        return 0;
    }
    struct hf_unit *unit;
    struct hf_error problem = HF_ERROR_INIT;
    entry->digest = digest;
    entry->read_once = true;
    if (hf_unit_read(folder->space, slug, path, bytes, len, &unit, &problem) != 0) {
        return take_problem(folder, entry, problem.text, err);
    }
    unit->revision = entry->good ? entry->good->revision + !hf_digest_equal(&entry->good->digest, &unit->digest) : 1;
    hf_unit_drop(entry->good);
    entry->good = hf_unit_keep(unit);
    tell_as(folder, entry, unit);
    return 0;
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *const *a = left;
    const struct entry *const *b = right;
    return strcmp((*a)->slug, (*b)->slug);
}

static struct entry **sorted(const struct folder *folder)
{
    size_t count = 0;
    size_t cursor = 0;
    void *value;
    struct entry **list = hf_calloc(hf_map_count(folder->entries), sizeof(struct entry *));
    while (list && hf_map_next(folder->entries, &cursor, NULL, &value)) {
        list[count++] = value;
    }
    if (list) {
        qsort(list, count, sizeof(struct entry *), compare_entries);
    }
    return list;
}

/* An object in two units: the first by path holds it, the other says so. */
static int find_rivals(struct folder *folder, struct entry **list, struct hf_error *err)
{
    struct hf_map *owners = hf_map_new();
    hf_auto_buf struct hf_buf key = {0};
    int result = owners ? 0 : hf_error_set(err, HF_ENOMEM, "read %s: out of memory", folder->path);
    for (size_t i = 0; result == 0 && i < hf_map_count(folder->entries); i++) {
        struct entry *entry = list[i];
        bool is_rival = false;
        for (size_t j = 0; result == 0 && entry->good && j < entry->good->document_count && !is_rival; j++) {
            const struct hf_value *object = entry->good->documents[j].value;
            struct entry *first = hf_source_object_key(&key, object) ? hf_map_get(owners, (struct hf_slice){key.ptr, key.len}) : NULL;
            if (first && first != entry) {
                hf_auto_buf struct hf_buf text = {0};
                hf_buf_addf(&text, "%s: line %u: found %s %s, which unit %s (%s) holds already", entry->path, object->line,
                            hf_value_text(hf_value_get(object, "kind")),
                            hf_value_text(hf_value_path(object, "metadata", "name", NULL)), first->slug, first->path);
                result = take_problem(folder, entry, hf_buf_text(&text), err);
                is_rival = true;
            } else if (hf_map_put(owners, (struct hf_slice){key.ptr, key.len}, entry, NULL) != 0) {
                result = hf_error_set(err, HF_ENOMEM, "read %s: out of memory", folder->path);
            }
        }
        /* No longer a rival (the other has changed), and readable. */
        if (result == 0 && !is_rival && entry->good && entry->unit->problem && entry->read_once &&
            hf_digest_equal(&entry->digest, &entry->good->digest)) {
            tell_as(folder, entry, hf_unit_keep(entry->good));
        }
    }
    hf_map_free(owners, NULL);
    return result;
}

static int look(struct folder *folder, struct hf_error *err)
{
    if (hf_folder_scan(folder, err) != 0) {
        return -1;
    }
    struct entry **list = sorted(folder);
    int result = list ? find_rivals(folder, list, err) : hf_error_set(err, HF_ENOMEM, "read %s: out of memory", folder->path);
    free(list);
    return result;
}

static void tell(struct folder *folder)
{
    struct entry **list = sorted(folder);
    size_t count = hf_map_count(folder->entries);
    struct hf_unit **units = hf_calloc(count, sizeof(struct hf_unit *));
    if (list && units) {
        for (size_t i = 0; i < count; i++) {
            units[i] = list[i]->unit;
        }
        folder->changed = false;
        folder->events.units(folder->events.ctx, units, count);
    }
    free(units);
    free(list);
}

static void look_and_tell(struct folder *folder)
{
    struct hf_error err = HF_ERROR_INIT;
    folder->unsettled_since_ms = 0;
    bool fails = look(folder, &err) != 0;
    hf_timer_set(folder->rescan, fails ? RESCAN_LOST_MS : RESCAN_MS);
    if (fails != folder->lost) {
        folder->lost = fails;
        folder->events.state(folder->events.ctx, &err);
    }
    if (!fails && folder->changed) {
        tell(folder);
    }
}

static void on_settle(void *ctx)
{
    look_and_tell(ctx);
}

static void on_rescan(void *ctx)
{
    look_and_tell(ctx);
}

static void free_entry(void *value)
{
    struct entry *entry = value;
    hf_unit_drop(entry->unit);
    hf_unit_drop(entry->good);
    free(entry->slug);
    free(entry->path);
    free(entry);
}

static void folder_free(struct folder *folder)
{
    hf_folder_notify_end(folder);
    hf_timer_free(folder->settle);
    hf_timer_free(folder->rescan);
    hf_map_free(folder->entries, free_entry);
    free(folder->path);
    free(folder->real);
    free(folder->space);
    free(folder);
}

static struct folder *folder_new(const char *path, const char *space)
{
    struct folder *folder = hf_calloc(1, sizeof *folder);
    size_t len = strlen(path);
    if (!folder) {
        return NULL;
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    folder->notify_fd = -1;
    folder->changed = true; /* the first look is told even when it finds nothing */
    folder->path = hf_strndup(path, len);
    const char *slash = folder->path ? strrchr(folder->path, '/') : NULL;
    folder->space = folder->path ? hf_strdup(space ? space : slash && slash[1] ? slash + 1 : folder->path) : NULL;
    folder->entries = hf_map_new();
    if (!folder->path || !folder->space || !folder->entries) {
        folder_free(folder);
        return NULL;
    }
    return folder;
}

static int folder_start(struct hf_source *source, struct hf_error *err)
{
    struct folder *folder = (struct folder *)source;
    if (hf_folder_notify_begin(folder, err) != 0) {
        return -1;
    }
    hf_timer_set(folder->settle, 0);
    return 0;
}

static void folder_refresh(struct hf_source *source)
{
    hf_timer_set(((struct folder *)source)->settle, 0);
}

static void folder_end(struct hf_source *source)
{
    folder_free((struct folder *)source);
}

int hf_source_folder(struct hf_loop *loop, struct hf_log *log, const char *path, const char *space,
                     const struct hf_source_events *events, struct hf_source **out, struct hf_error *err)
{
    static const struct hf_source_class CLASS = {"folder", folder_start, folder_refresh, folder_end};
    struct folder *folder = folder_new(path, space);
    if (!folder) {
        return hf_error_set(err, HF_ENOMEM, "follow %s: out of memory", path);
    }
    folder->source.class = &CLASS;
    folder->loop = loop;
    folder->log = log;
    folder->events = *events;
    folder->settle = hf_timer_new(loop, on_settle, folder);
    folder->rescan = hf_timer_new(loop, on_rescan, folder);
    if (!folder->settle || !folder->rescan) {
        folder_free(folder);
        return hf_error_set(err, HF_ENOMEM, "follow %s: out of memory", path);
    }
    *out = &folder->source;
    return 0;
}

int hf_source_folder_once(const char *path, const char *space, struct hf_unit ***units, size_t *count, struct hf_error *err)
{
    struct folder *folder = folder_new(path, space);
    if (!folder) {
        return hf_error_set(err, HF_ENOMEM, "read %s: out of memory", path);
    }
    int result = look(folder, err);
    struct entry **list = result == 0 ? sorted(folder) : NULL;
    if (list) {
        *count = hf_map_count(folder->entries);
        *units = hf_calloc(*count, sizeof(struct hf_unit *));
        for (size_t i = 0; *units && i < *count; i++) {
            (*units)[i] = hf_unit_keep(list[i]->unit);
        }
    }
    if (result == 0 && (!list || !*units)) {
        result = hf_error_set(err, HF_ENOMEM, "read %s: out of memory", path);
    }
    free(list);
    folder_free(folder);
    return result;
}
