/* The last good revision of every unit, in a store of somebody else. */
#include <string.h>

#include "confighub_source.h"

#define SAW_EVERY_MS 60000
#define MOST_STATE 65536u

static struct entry *entry_from(struct feed *feed, const struct hf_unit_stored *stored)
{
    struct confighub_item item;
    const struct hf_value *value;
    struct hf_error err = HF_ERROR_INIT;
    bool stale;
    struct entry *entry = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    size_t len = stored->state ? strlen(stored->state) : 0;
    if (!arena || len == 0 || len > MOST_STATE || hf_json_read(arena, stored->state, len, NULL, &value, &err) != 0 ||
        confighub_read_item(arena, value, &item, &err) != 0 || strcmp(item.unit_id, stored->unit_id) != 0) {
        hf_log_error(feed->hub->log, HF_WARN, "a kept unit can't be used", &err, "unit", stored->slug, NULL);
        return NULL;
    }
    const char *space = *item.space ? item.space : stored->space;
    if (space && confighub_space_is_chosen(&feed->choice, space)) {
        item.wrong = NULL;
        entry = confighub_entry_take(feed, &item, &stale, &err);
    }
    if (entry) {
        entry->is_stored = feed->is_loaded = true;
    }
    return entry;
}

static void on_stored(void *ctx, const struct hf_unit_stored *stored)
{
    struct feed *feed = ctx;
    struct hf_error err = HF_ERROR_INIT;
    struct entry *entry = entry_from(feed, stored);
    if (!entry || stored->revision <= 0 || !stored->bytes) {
        return;
    }
    entry->content = confighub_content(entry, stored->space ? stored->space : "", stored->revision, stored->bytes,
                                       stored->byte_count, &err);
    if (entry->content) {
        entry->content_revision = stored->revision;
        entry->content_is_kept = true;
    } else {
        hf_log_error(feed->hub->log, HF_WARN, "a kept unit's data can't be used", &err, "unit", stored->slug, NULL);
    }
}

int confighub_load(struct feed *feed, struct hf_error *err)
{
    int64_t seen_ms = HF_TIME_NONE;
    if (!feed->has_store) {
        return 0;
    }
    if (feed->store.load(feed->store.ctx, on_stored, feed, &seen_ms, err) != 0) {
        return hf_error_wrap(err, "load the kept units of ConfigHub");
    }
    feed->seen_ms = seen_ms;
    return 0;
}

void confighub_save(struct feed *feed, struct entry *entry)
{
    hf_auto_buf struct hf_buf state = {0};
    struct confighub_item named = entry->item;
    const char *target = confighub_target_slug(feed, &entry->item);
    const char *space = confighub_space_slug(feed, &entry->item);
    if (!feed->has_store || entry->is_stored) {
        return;
    }
    named.target = target ? target : "";
    named.space = space ? space : "";
    confighub_write_item(&state, &named);
    if (!hf_buf_ok(&state) || state.len > MOST_STATE) {
        return;
    }
    bool with_bytes = !entry->content_is_kept;
    struct hf_unit_stored stored = {
        .space_id = entry->item.space_id,
        .unit_id = entry->unit_id,
        .space = named.space,
        .slug = entry->item.slug,
        .revision = entry->content ? entry->content_revision : 0,
        .state = hf_buf_text(&state),
        .bytes = !with_bytes      ? NULL
                 : entry->content ? entry->content->bytes
                                  : "",
        .byte_count = with_bytes && entry->content ? entry->content->byte_count : 0,
    };
    feed->store.save(feed->store.ctx, &stored);
    entry->content_is_kept = true;
}

void confighub_saw(struct feed *feed)
{
    int64_t now = hf_mono_ms();
    feed->seen_ms = hf_now_ms();
    if (feed->has_store && (feed->seen_kept_ms == 0 || now - feed->seen_kept_ms >= SAW_EVERY_MS)) {
        feed->seen_kept_ms = now;
        feed->store.seen(feed->store.ctx, feed->seen_ms);
    }
}
