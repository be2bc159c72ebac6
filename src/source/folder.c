/* Follows a folder, and tells the units that it holds. */
#include "folder.h"

#include <stdlib.h>
#include <string.h>

#define RESCAN_MS 30000
#define RESCAN_UNWATCHED_MS 5000
#define RESCAN_LOST_MS 1000
#define MISSING_MS 120 /* to see whether a file that has gone stays away */

static int look(struct folder *folder, struct hf_error *err)
{
    return hf_folder_scan(folder, err) == 0 ? hf_entries_settle(folder, err) : -1;
}

static void folder_release(struct folder *folder)
{
    hf_map_free(folder->entries, hf_entry_free);
    free(folder->path);
    free(folder->real);
    free(folder->space);
    free(folder);
}

static void folder_free(struct folder *folder)
{
    if (folder->loop) {
        hf_folder_notify_end(folder);
        hf_timer_free(folder->settle);
        hf_timer_free(folder->rescan);
    }
    folder->dead = true;
    if (folder->busy == 0) {
        folder_release(folder);
    }
}

static void tell(struct folder *folder)
{
    size_t count;
    struct hf_unit **units = hf_entries_units(folder, &count);
    if (units) {
        folder->changed = false;
        folder->events.units(folder->events.ctx, units, count);
        free(units);
    }
}

static void look_and_tell(struct folder *folder)
{
    struct hf_error err = HF_ERROR_INIT;
    folder->unsettled_since_ms = 0;
    folder->busy++;
    bool fails = look(folder, &err) != 0;
    hf_timer_set(folder->rescan, fails                                           ? RESCAN_LOST_MS
                                 : folder->notify_short || folder->notify_fd < 0 ? RESCAN_UNWATCHED_MS
                                                                                 : RESCAN_MS);
    if (!fails && folder->missing) {
        hf_timer_set(folder->settle, MISSING_MS);
    }
    if (fails != folder->lost) {
        folder->lost = fails;
        hf_log_error(folder->log, fails ? HF_WARN : HF_INFO,
                     fails ? "the folder of units can't be read" : "the folder of units is back", &err, NULL);
        folder->events.state(folder->events.ctx, &err);
    }
    if (!fails && folder->changed && !folder->dead) {
        tell(folder);
    }
    folder->busy--;
    if (folder->dead && folder->busy == 0) {
        folder_release(folder);
    }
}

static void on_timer(void *ctx)
{
    look_and_tell(ctx);
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
    folder->parent_watch = -1;
    folder->changed = true; /* the first look is told even when it finds nothing */
    folder->path = hf_strndup(path, len);
    const char *slash = folder->path ? strrchr(folder->path, '/') : NULL;
    folder->space = folder->path ? hf_strdup(space && space[0]   ? space
                                             : slash && slash[1] ? slash + 1
                                                                 : folder->path)
                                 : NULL;
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
        hf_log_error(folder->log, HF_WARN, "the folder of units can't be watched; it is read again every few seconds",
                     err, NULL);
        hf_error_clear(err);
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
    folder->settle = hf_timer_new(loop, on_timer, folder);
    folder->rescan = hf_timer_new(loop, on_timer, folder);
    if (!folder->settle || !folder->rescan) {
        folder_free(folder);
        return hf_error_set(err, HF_ENOMEM, "follow %s: out of memory", path);
    }
    *out = &folder->source;
    return 0;
}

int hf_source_folder_once(const char *path, const char *space, struct hf_unit ***units, size_t *count,
                          struct hf_error *err)
{
    struct folder *folder = folder_new(path, space);
    if (!folder) {
        return hf_error_set(err, HF_ENOMEM, "read %s: out of memory", path);
    }
    int result = look(folder, err);
    if (result == 0) {
        *units = hf_entries_units(folder, count);
        for (size_t i = 0; *units && i < *count; i++) {
            (void)hf_unit_keep((*units)[i]);
        }
        if (!*units) {
            result = hf_error_set(err, HF_ENOMEM, "read %s: out of memory", path);
        }
    }
    folder_free(folder);
    return result;
}
