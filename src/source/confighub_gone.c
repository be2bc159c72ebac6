/* Units that are no longer listed: gone from view, until ConfigHub says that they were deleted. */
#include <stdio.h>
#include <string.h>

#include "confighub_source.h"

#define CHECK_AGAIN_MS 60000
#define MOST_CHECKS 50u /* in one poll */

static void set_gone(struct feed *feed, struct entry *entry, const char *why)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "gone from view: %s; its last documents are kept", why);
    if (entry->gone && strcmp(entry->gone, hf_buf_text(&text)) == 0) {
        return;
    }
    hf_log_write(feed->hub->log, HF_WARN, "a unit is gone from view", "unit", entry->item.slug, "why", why, NULL);
    if (hf_buf_ok(&text) && confighub_set_text(&entry->gone, hf_buf_text(&text)) == 0) {
        entry->fresh = true;
    }
}

static void drop(struct feed *feed, struct entry *entry)
{
    hf_log_write(feed->hub->log, HF_INFO, "a unit was deleted in ConfigHub", "unit", entry->item.slug, NULL);
    if (feed->has_store) {
        feed->store.remove(feed->store.ctx, entry->item.space_id, entry->unit_id);
    }
    (void)hf_map_remove(feed->entries, hf_slice_of(entry->unit_id));
    confighub_entry_free(entry);
    feed->changed = true;
}

static void on_space(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                     const struct hf_error *err)
{
    const struct hf_value *space = NULL;
    struct hf_error ignored = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct entry *entry = confighub_entry(feed, errand->id);
    if (!entry || entry->seen == feed->poll) {
        return;
    }
    bool is_read = err->code == HF_OK &&
                   confighub_read_body(arena, response->body, response->body_len, &space, &ignored) == 0 &&
                   strcmp(confighub_text(confighub_inner(space, "Space"), "SpaceID"), errand->space) == 0;
    if (is_read) {
        drop(feed, entry);
    } else if (err->code == HF_EDENIED || err->code == HF_ENOTFOUND || err->code == HF_EREFUSED) {
        set_gone(feed, entry, "its space is not there, or not visible to this token");
    }
}

static void on_unit(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                    const struct hf_error *err)
{
    struct entry *entry = confighub_entry(feed, errand->id);
    struct hf_error problem = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf path = {0};
    if (!entry || entry->seen == feed->poll) {
        return;
    }
    entry->gone_checked_ms = hf_mono_ms();
    if (err->code == HF_OK || err->code == HF_ELIMIT) {
        set_gone(feed, entry,
                 "it is in ConfigHub, and the selection (space, filter, labels, expression) no longer "
                 "names it");
    } else if (err->code == HF_EDENIED && response->status == 403) {
        set_gone(feed, entry, "there is no permission to read it");
    } else if (err->code == HF_ENOTFOUND) {
        struct errand next = *errand;
        next.done = on_space;
        hf_buf_adds(&path, "/space/");
        hf_buf_add_url(&path, hf_slice_of(errand->space));
        struct confighub_request request = {.method = "GET",
                                            .path = hf_buf_text(&path),
                                            .doing = "read the space of a unit that is not there",
                                            .max_body = CONFIGHUB_MOST_LIST};
        if (hf_buf_ok(&path)) {
            (void)confighub_errand(feed, &request, &next, &problem); /* else at the next poll */
        }
    }
}

static int check(struct feed *feed, const struct entry *entry, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf doing = {0};
    const char *space = confighub_space_slug(feed, &entry->item);
    struct errand errand = {.done = on_unit, .of_poll = true};
    (void)snprintf(errand.id, sizeof errand.id, "%s", entry->unit_id);
    (void)snprintf(errand.space, sizeof errand.space, "%s", entry->item.space_id);
    confighub_add_unit_path(&path, entry->item.space_id, entry->unit_id, "");
    hf_buf_addf(&doing, "unit %s/%s: look for it by its id", space ? space : "", entry->item.slug);
    struct confighub_request request = {
        .method = "GET", .path = hf_buf_text(&path), .doing = hf_buf_text(&doing), .max_body = CONFIGHUB_MOST_UNIT};
    return hf_buf_ok(&path) && hf_buf_ok(&doing) ? confighub_errand(feed, &request, &errand, err)
                                                 : hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
}

static size_t count_known(const struct feed *feed)
{
    size_t cursor = 0, count = 0;
    void *value;
    while (hf_map_next(feed->entries, &cursor, NULL, &value)) {
        count += !((struct entry *)value)->gone;
    }
    return count;
}

/* All at once is no deletion that anybody meant: a filter, a permission or the server is wrong. */
static void tell_emptied(struct feed *feed, size_t count)
{
    struct hf_error err = HF_ERROR_INIT;
    feed->emptied = true;
    (void)hf_error_set(&err, HF_ENOTFOUND,
                       "ConfigHub lists none of the %zu units any more: gone from view, which does not mean deleted; "
                       "they are kept as they were",
                       count);
    confighub_tell_state(feed, &err);
}

int confighub_look_for_gone(struct feed *feed, struct hf_error *err)
{
    size_t cursor = 0, checks = 0;
    void *value;
    size_t known = count_known(feed);
    int64_t now = hf_mono_ms();
    if (feed->listed == 0 && known >= 2) {
        tell_emptied(feed, known);
        return 0;
    }
    feed->emptied = false;
    while (hf_map_next(feed->entries, &cursor, NULL, &value)) {
        struct entry *entry = value;
        bool is_due = entry->gone_checked_ms == 0 || now - entry->gone_checked_ms >= CHECK_AGAIN_MS;
        if (entry->seen == feed->poll) {
            entry->gone_checked_ms = 0;
            continue;
        }
        entry->missed += entry->missed < 1000;
        /* Once may be a stale answer, or a page that has changed under the reader. */
        if (entry->missed >= 2 && is_due && checks++ < MOST_CHECKS && check(feed, entry, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int hf_source_confighub_forget(struct hf_source *source, const char *space_id, const char *unit_id,
                               struct hf_error *err)
{
    struct feed *feed = (struct feed *)source;
    struct entry *entry = confighub_entry(feed, unit_id);
    if (!entry || strcmp(entry->item.space_id, space_id) != 0) {
        return hf_error_set(err, HF_ENOTFOUND, "ConfigHub: no such unit is known");
    }
    if (!entry->gone && !feed->emptied) {
        return hf_error_set(err, HF_EREFUSED, "ConfigHub: unit %s is in view", entry->item.slug);
    }
    drop(feed, entry);
    confighub_settle(feed);
    return 0;
}
