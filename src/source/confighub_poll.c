/* One poll after the other: names, listings, what they leave open, and what is no longer in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confighub_source.h"
#include "holdfast/digest.h"

#define FIRST_RETRY_MS 1000
#define LAST_RETRY_MS 60000
#define LOOK_AGAIN_MS 2000 /* when a unit was missed */

/* By up to a part of it sooner or later, so that many agents don't ask at one time. */
static int64_t jitter(int64_t ms, int64_t part)
{
    uint32_t random = 0;
    struct hf_error ignored = HF_ERROR_INIT;
    (void)hf_random(&random, sizeof random, &ignored);
    int64_t range = ms / part;
    return range > 0 ? ms - range + (int64_t)(random % (uint64_t)(2 * range + 1)) : ms;
}

static int64_t retry_in(const struct feed *feed)
{
    int64_t wait = FIRST_RETRY_MS < feed->choice.poll_ms ? FIRST_RETRY_MS : feed->choice.poll_ms;
    for (unsigned i = 1; i < feed->failures && wait < LAST_RETRY_MS; i++) {
        wait *= 2;
    }
    wait = jitter(wait < LAST_RETRY_MS ? wait : LAST_RETRY_MS, 5);
    if (feed->retry_after_ms > wait) {
        wait = feed->retry_after_ms < CONFIGHUB_LONGEST_WAIT_MS ? feed->retry_after_ms : CONFIGHUB_LONGEST_WAIT_MS;
    }
    return wait;
}

void confighub_poll_fail(struct feed *feed, const struct hf_error *err, int64_t retry_after_ms)
{
    if (feed->poll_error.code == HF_OK) {
        feed->poll_error = *err;
    }
    if (retry_after_ms > feed->retry_after_ms) {
        feed->retry_after_ms = retry_after_ms;
    }
}

static int on_item(void *ctx, const struct confighub_item *item, struct hf_error *err)
{
    bool stale;
    struct feed *feed = ctx;
    const char *space = confighub_space_slug(feed, item);
    if (space && !confighub_space_is_chosen(&feed->choice, space)) {
        return 0;
    }
    struct entry *entry = confighub_entry_take(feed, item, &stale, err);
    if (!entry) {
        return -1;
    }
    feed->is_old = !item->is_new;
    feed->listed += entry->seen != feed->poll;
    entry->seen = feed->poll;
    entry->missed = 0;
    if (entry->gone) {
        (void)confighub_set_text(&entry->gone, NULL);
        entry->fresh = true;
    }
    return 0;
}

static void on_listed(void *ctx, int status, int64_t retry_after_ms, const struct hf_error *err)
{
    struct feed *feed = ctx;
    feed->listing = NULL;
    feed->busy++;
    if (status == 400 && !feed->is_old && !feed->tried_old) {
        feed->is_old = feed->tried_old = true; /* it may not know the fields that are asked for */
    } else if (err->code != HF_OK) {
        feed->is_old = feed->is_old && !feed->tried_old;
        confighub_poll_fail(feed, err, retry_after_ms);
    } else {
        feed->listing_index++;
    }
    confighub_poll_on(feed);
    confighub_pump(feed);
    feed->busy--;
    if (feed->dead && feed->busy == 0) {
        confighub_release(feed);
    }
}

static int start_listing(struct feed *feed, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    const char *which = feed->choice.listings[feed->listing_index];
    hf_auto_buf struct hf_buf doing = {0};
    confighub_listing_path(&feed->choice, &feed->found, feed->listing_index, feed->is_old, &path);
    hf_buf_addf(&doing, "list the units%s%.200s", *which ? " of " : "", which);
    if (!hf_buf_ok(&path) || !hf_buf_ok(&doing)) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    return confighub_list_units(feed->hub, hf_buf_text(&path), hf_buf_text(&doing), on_item, on_listed, feed,
                                &feed->listing, err);
}

/* What a server of 2025 has listed without its space's name. */
static void drop_unchosen(struct feed *feed)
{
    size_t cursor = 0;
    void *value;
    struct hf_slice key;
    while (hf_map_next(feed->entries, &cursor, &key, &value)) {
        struct entry *entry = value;
        const char *space = confighub_space_slug(feed, &entry->item);
        if (entry->seen != feed->poll || !space || confighub_space_is_chosen(&feed->choice, space)) {
            continue;
        }
        feed->listed--;
        entry->seen = 0;
        if (!entry->unit) {
            (void)hf_map_remove(feed->entries, key);
            confighub_entry_free(entry);
        }
    }
}

static int start_step(struct feed *feed, struct hf_error *err)
{
    switch (feed->step) {
    case STEP_FILTER:
        return confighub_find_filter(feed, err);
    case STEP_SET:
        return confighub_find_set(feed, err);
    case STEP_LIST:
        feed->names_ms = feed->listing_index == 0 && feed->names_ms == 0 ? hf_mono_ms() : feed->names_ms;
        return feed->listing_index < feed->choice.listing_count ? start_listing(feed, err) : 0;
    case STEP_SPACES:
        return confighub_find_spaces(feed, err);
    case STEP_TARGETS:
        drop_unchosen(feed);
        return confighub_find_targets(feed, err);
    case STEP_UPSTREAM:
        return confighub_find_upstreams(feed, err);
    case STEP_GONE:
        return confighub_look_for_gone(feed, err);
    case STEP_NONE:
        break;
    }
    return 0;
}

/* An apply that has not ended in its time counts as over: nothing else tells. */
static bool has_ended(const struct feed *feed, const struct entry *entry)
{
    hf_auto_buf struct hf_buf ignored = {0};
    return entry->applying_since_ms > 0 && entry->unit && entry->unit->state == HF_UNIT_APPLYING &&
           confighub_state(feed, entry, &ignored) != HF_UNIT_APPLYING;
}

static int64_t look_at_entries(struct feed *feed)
{
    size_t cursor = 0;
    void *value;
    int64_t next_ms = jitter(feed->choice.poll_ms, 10);
    while (hf_map_next(feed->entries, &cursor, NULL, &value)) {
        struct entry *entry = value;
        if (has_ended(feed, entry)) {
            entry->fresh = true;
        }
        if (entry->missed == 1 && next_ms > LOOK_AGAIN_MS) {
            next_ms = LOOK_AGAIN_MS;
        }
    }
    return next_ms;
}

static void end_poll(struct feed *feed)
{
    struct hf_error none = HF_ERROR_INIT;
    feed->step = STEP_NONE;
    feed->failures = 0;
    feed->hub->stats.listings++;
    int64_t next_ms = look_at_entries(feed);
    hf_timer_clear(feed->silence);
    hf_timer_set(feed->next, feed->again ? 0 : next_ms);
    feed->again = false;
    feed->is_listed = true;
    if (!feed->emptied) {
        confighub_saw(feed);
        confighub_tell_state(feed, &none);
    } else if (!feed->is_told) {
        confighub_tell_stored(feed, NULL);
    }
}

static void end_failed(struct feed *feed)
{
    struct hf_error err = feed->poll_error;
    feed->step = STEP_NONE;
    feed->failures++;
    hf_timer_set(feed->next, retry_in(feed));
    feed->again = false;
    hf_timer_clear(feed->silence);
    confighub_tell_stored(feed, &err);
}

void confighub_poll_on(struct feed *feed)
{
    while (feed->step != STEP_NONE && feed->waiting == 0 && !feed->listing && !feed->dead) {
        if (feed->poll_error.code != HF_OK) {
            end_failed(feed);
            return;
        }
        bool lists_on = feed->step == STEP_LIST && feed->listing_index < feed->choice.listing_count;
        if (feed->step == STEP_GONE) {
            end_poll(feed);
            return;
        }
        feed->step = lists_on ? STEP_LIST : (enum step)(feed->step + 1);
        struct hf_error err = HF_ERROR_INIT;
        if (start_step(feed, &err) != 0) {
            confighub_poll_fail(feed, &err, -1);
        }
    }
}

void confighub_poll_now(struct feed *feed)
{
    struct hf_error err = HF_ERROR_INIT;
    if (feed->step != STEP_NONE) {
        feed->again = true;
        return;
    }
    if (feed->names_ms > 0 && hf_mono_ms() - feed->names_ms >= CONFIGHUB_NAMES_MS) {
        feed->names_ms = 0;
        feed->is_old = false;
    }
    feed->poll++;
    feed->listed = 0;
    feed->listing_index = 0;
    feed->tried_old = false;
    feed->poll_error = feed->fetch_error = (struct hf_error)HF_ERROR_INIT;
    feed->retry_after_ms = -1;
    feed->step = STEP_FILTER;
    if (start_step(feed, &err) != 0) {
        confighub_poll_fail(feed, &err, -1);
    }
    confighub_poll_on(feed);
}

/* Whether a unit is held to a revision that is no longer the one to be held. */
static bool misleads(const struct feed *feed)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(feed->entries, &cursor, NULL, &value)) {
        const struct entry *entry = value;
        int64_t wanted = entry->fresh && entry->unit && hf_unit_is_held(entry->unit) && !entry->unit->problem
                             ? confighub_wanted(feed, entry)
                             : 0;
        if (wanted > 0 && wanted != entry->content_revision) {
            return true;
        }
    }
    return false;
}

void confighub_pump(struct feed *feed)
{
    if (feed->dead || (!feed->is_listed && !feed->is_told)) {
        return;
    }
    bool idle = feed->is_listed || feed->is_told ? confighub_fetch(feed) : true;
    if (idle || misleads(feed)) {
        confighub_settle(feed);
    }
}
