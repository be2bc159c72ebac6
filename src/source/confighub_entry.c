/* What is known of each unit. */
#include <stdlib.h>
#include <string.h>

#include "confighub_source.h"

#define STALE_MS 60000 /* a server that was put back to an earlier state is believed after it */

int confighub_set_text(char **slot, const char *text)
{
    char *copy = hf_strdup(text);
    if (text && !copy) {
        return -1;
    }
    free(*slot);
    *slot = copy;
    return 0;
}

void confighub_entry_free(void *value)
{
    struct entry *entry = value;
    if (entry) {
        hf_unit_drop(entry->unit);
        hf_unit_drop(entry->content);
        hf_unit_drop(entry->ahead);
        hf_arena_free(entry->arena);
        free(entry->unit_id);
        free(entry->text);
        free(entry->broken);
        free(entry->gone);
        free(entry);
    }
}

struct entry *confighub_entry(const struct feed *feed, const char *unit_id)
{
    return hf_map_get(feed->entries, hf_slice_of(unit_id));
}

static struct entry *entry_for(struct feed *feed, const char *unit_id)
{
    struct entry *entry = confighub_entry(feed, unit_id);
    if (entry) {
        return entry;
    }
    entry = hf_calloc(1, sizeof *entry);
    if (entry) {
        entry->unit_id = hf_strdup(unit_id);
        entry->updated_ms = entry->action_ms = HF_TIME_NONE;
        if (!entry->unit_id || hf_map_put(feed->entries, hf_slice_of(unit_id), entry, NULL) != 0) {
            confighub_entry_free(entry);
            entry = NULL;
        }
    }
    return entry;
}

/* Only what can't go back is looked at: the live revision may, by an apply of an earlier one. */
static bool is_older(const struct entry *entry, const struct confighub_item *item)
{
    return item->head < entry->head || item->version < entry->version || item->updated_ms < entry->updated_ms ||
           item->action_ms < entry->action_ms;
}

static bool is_stale(struct entry *entry, const struct confighub_item *item)
{
    if (!entry->text || entry->is_stored || !is_older(entry, item)) {
        entry->stale_since_ms = 0;
        return false;
    }
    int64_t now = hf_mono_ms();
    if (entry->stale_since_ms == 0) {
        entry->stale_since_ms = now;
    }
    if (now - entry->stale_since_ms >= STALE_MS) {
        entry->stale_since_ms = 0;
        return false;
    }
    return true;
}

/* The item again, from its own text, so that it lives in the entry's arena. */
static int adopt(struct entry *entry, const struct hf_buf *text, const char *wrong, struct hf_error *err)
{
    struct confighub_item item;
    const struct hf_value *value;
    struct hf_arena *arena = hf_arena_new(0);
    char *copy = hf_strdup(hf_buf_text(text));
    if (!arena || !copy) {
        hf_arena_free(arena);
        free(copy);
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_json_read(arena, copy, text->len, NULL, &value, err) != 0 ||
        confighub_read_item(arena, value, &item, err) != 0) {
        hf_arena_free(arena);
        free(copy);
        return -1;
    }
    item.wrong = wrong ? hf_arena_copy(arena, wrong, strlen(wrong)) : NULL;
    hf_arena_free(entry->arena);
    free(entry->text);
    entry->arena = arena;
    entry->item = item;
    entry->text = copy;
    entry->changes++;
    entry->fresh = true;
    return 0;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A value of a wrong type leaves all as it was read last, beside the problem; a unit that is new has no more than its
 * name. */
static int take_wrong(struct entry *entry, const struct confighub_item *item, struct hf_error *err)
{
    if (same(entry->item.wrong, item->wrong)) {
        return 0;
    }
    entry->fresh = true;
    if (entry->text) {
        entry->item.wrong = hf_arena_copy(entry->arena, item->wrong, strlen(item->wrong));
        return entry->item.wrong ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    hf_auto_buf struct hf_buf text = {0};
    struct confighub_item bare = {.unit_id = item->unit_id,
                                  .space_id = item->space_id,
                                  .slug = item->slug,
                                  .space = item->space,
                                  .toolchain = "",
                                  .target_id = "",
                                  .target = "",
                                  .data_hash = "",
                                  .mode = "",
                                  .upstream_id = "",
                                  .action = "",
                                  .action_result = ""};
    confighub_write_item(&text, &bare);
    return adopt(entry, &text, item->wrong, err);
}

static int take_right(struct feed *feed, struct entry *entry, const struct confighub_item *item, struct hf_error *err)
{
    hf_auto_buf struct hf_buf text = {0};
    confighub_write_item(&text, item);
    if (!hf_buf_ok(&text)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    entry->version = item->version;
    entry->head = item->head;
    entry->updated_ms = item->updated_ms;
    entry->action_ms = item->action_ms;
    if ((!entry->text || strcmp(entry->text, hf_buf_text(&text)) != 0 || entry->item.wrong) &&
        adopt(entry, &text, NULL, err) != 0) {
        return -1;
    }
    confighub_note_apply(feed, entry);
    return 0;
}

struct entry *confighub_entry_take(struct feed *feed, const struct confighub_item *item, bool *stale,
                                   struct hf_error *err)
{
    struct entry *entry = entry_for(feed, item->unit_id);
    *stale = false;
    if (!entry) {
        (void)hf_error_set(err, HF_ENOMEM, "out of memory");
        return NULL;
    }
    *stale = !item->wrong && is_stale(entry, item);
    if (!*stale && (item->wrong ? take_wrong(entry, item, err) : take_right(feed, entry, item, err)) != 0) {
        if (!entry->text) {
            (void)hf_map_remove(feed->entries, hf_slice_of(item->unit_id));
            confighub_entry_free(entry);
        }
        return NULL;
    }
    entry->is_stored = false;
    return entry;
}

static int by_slug(const void *left, const void *right)
{
    const struct entry *const *a = left;
    const struct entry *const *b = right;
    int order = strcmp((*a)->unit->space, (*b)->unit->space);
    order = order ? order : strcmp((*a)->unit->slug, (*b)->unit->slug);
    return order ? order : strcmp((*a)->unit_id, (*b)->unit_id);
}

/* A unit that was deleted and made again has a new id, and for a while both are known: the newer is told. */
static size_t drop_twins(struct entry **list, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct entry *last = kept > 0 ? list[kept - 1] : NULL;
        bool same = last && strcmp(last->unit->slug, list[i]->unit->slug) == 0 &&
                    strcmp(last->unit->space, list[i]->unit->space) == 0;
        if (!same) {
            list[kept++] = list[i];
        } else if (list[i]->seen > last->seen) {
            list[kept - 1] = list[i];
        }
    }
    return kept;
}

struct entry **confighub_entries(const struct feed *feed, size_t *count)
{
    size_t cursor = 0;
    void *value;
    struct entry **list = hf_calloc(hf_map_count(feed->entries) + 1, sizeof(struct entry *));
    *count = 0;
    while (list && hf_map_next(feed->entries, &cursor, NULL, &value)) {
        if (((struct entry *)value)->unit) {
            list[(*count)++] = value;
        }
    }
    if (list) {
        qsort(list, *count, sizeof(struct entry *), by_slug);
        *count = drop_twins(list, *count);
    }
    return list;
}
