/* The source of ConfigHub's units: made, started, told, freed. */
#include "confighub_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE_MS 5000

struct work {
    struct feed *feed;
    struct work *next;
    struct work **link;
    struct confighub_ask *ask;
    struct errand errand;
};

static void work_free(struct work *work)
{
    *work->link = work->next;
    if (work->next) {
        work->next->link = work->link;
    }
    free(work);
}

void confighub_release(struct feed *feed)
{
    hf_map_free(feed->entries, confighub_entry_free);
    hf_map_free(feed->spaces, free);
    hf_map_free(feed->targets, free);
    hf_map_free(feed->upstreams, free);
    confighub_forget_twins(feed);
    confighub_choice_free(&feed->choice);
    confighub_found_free(&feed->found);
    free(feed->told_state);
    free(feed);
}

static void feed_free(struct hf_source *source)
{
    struct feed *feed = (struct feed *)source;
    while (feed->works) {
        confighub_ask_cancel(feed->works->ask);
        work_free(feed->works);
    }
    confighub_listing_cancel(feed->listing);
    feed->listing = NULL;
    confighub_confirms_free(feed);
    hf_timer_free(feed->next);
    hf_timer_free(feed->silence);
    feed->next = feed->silence = NULL;
    feed->dead = true;
    if (feed->busy == 0) {
        confighub_release(feed);
    }
}

static void on_answer(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct work *work = ctx;
    struct feed *feed = work->feed;
    struct errand errand = work->errand;
    work_free(work);
    feed->busy++;
    feed->waiting -= errand.of_poll;
    errand.done(feed, &errand, response, err);
    confighub_poll_on(feed);
    confighub_pump(feed);
    feed->busy--;
    if (feed->dead && feed->busy == 0) {
        confighub_release(feed);
    }
}

int confighub_errand(struct feed *feed, const struct confighub_request *request, const struct errand *errand,
                     struct hf_error *err)
{
    struct work *work = hf_calloc(1, sizeof *work);
    if (!work) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    *work = (struct work){.feed = feed, .errand = *errand, .next = feed->works, .link = &feed->works};
    if (confighub_ask(feed->hub, request, on_answer, work, &work->ask, err) != 0) {
        free(work);
        return -1;
    }
    if (work->next) {
        work->next->link = &work->next;
    }
    feed->works = work;
    feed->waiting += errand->of_poll;
    return 0;
}

void confighub_tell_state(struct feed *feed, const struct hf_error *err)
{
    bool same = feed->told_state && strcmp(feed->told_state, err->text) == 0;
    if (feed->dead || (err->code == HF_OK ? !feed->told_state : same)) {
        return;
    }
    (void)confighub_set_text(&feed->told_state, err->code == HF_OK ? NULL : err->text);
    hf_log_error(feed->hub->log, err->code == HF_OK ? HF_INFO : HF_WARN,
                 err->code == HF_OK ? "ConfigHub is back" : "ConfigHub can't be read", err, NULL);
    struct hf_error told = *err;
    if (err->code != HF_OK && feed->seen_ms != HF_TIME_NONE) {
        char at[HF_TIME_TEXT];
        char age[HF_TIME_TEXT];
        hf_time_format(feed->seen_ms, at);
        hf_duration_format(hf_now_ms() - feed->seen_ms, age);
        size_t len = strlen(told.text);
        (void)snprintf(told.text + len, sizeof told.text - len, "; the units are held as they were at %s, %s ago", at,
                       age);
    }
    feed->busy++;
    feed->events.state(feed->events.ctx, &told);
    feed->busy--;
}

static void tell(struct feed *feed)
{
    size_t count;
    struct entry **list = confighub_entries(feed, &count);
    struct hf_unit **units = list ? hf_calloc(count + 1, sizeof(struct hf_unit *)) : NULL;
    for (size_t i = 0; units && i < count; i++) {
        units[i] = list[i]->unit;
    }
    if (units) {
        feed->changed = false;
        feed->is_told = true;
        feed->events.units(feed->events.ctx, units, count);
    }
    free(units);
    free(list);
}

/* Whether it can be told yet: its space and target are known by name, and what it says first has been read. */
static bool can_show(const struct feed *feed, const struct entry *entry)
{
    bool is_named = confighub_space_slug(feed, &entry->item) && confighub_target_slug(feed, &entry->item);
    bool is_awaited = !entry->unit && !entry->content && !entry->broken && feed->fetching > 0;
    return entry->text && (is_named || entry->is_stored) && !is_awaited;
}

void confighub_settle(struct feed *feed)
{
    size_t cursor = 0;
    void *value;
    struct hf_error err = HF_ERROR_INIT;
    if (feed->dead) {
        return;
    }
    confighub_renew_clones(feed);
    while (hf_map_next(feed->entries, &cursor, NULL, &value)) {
        struct entry *entry = value;
        if (!entry->fresh || !can_show(feed, entry)) {
            continue;
        }
        if (confighub_present(feed, entry, &err) != 0) {
            hf_log_error(feed->hub->log, HF_ERROR, "a unit can't be told", &err, NULL);
        } else if (!entry->unit->problem) {
            confighub_save(feed, entry);
        }
    }
    feed->busy++;
    if (feed->changed) {
        tell(feed);
    }
    confighub_confirms_done(feed);
    feed->busy--;
}

/* why NULL: nothing is wrong but that ConfigHub has not answered. */
void confighub_tell_stored(struct feed *feed, const struct hf_error *why)
{
    struct hf_error silent = HF_ERROR_INIT;
    if (!why && !feed->emptied) {
        (void)hf_error_set(&silent, HF_ETIMEOUT, "ConfigHub has not answered since the start");
        why = &silent;
    }
    feed->busy++;
    if (why) {
        confighub_tell_state(feed, why);
    }
    if (!feed->is_told && feed->is_loaded && !feed->dead) {
        confighub_settle(feed);
    }
    feed->busy--;
}

static void on_next(void *ctx)
{
    struct feed *feed = ctx;
    feed->busy++;
    confighub_poll_now(feed);
    confighub_pump(feed);
    feed->busy--;
    if (feed->dead && feed->busy == 0) {
        confighub_release(feed);
    }
}

static void on_silence(void *ctx)
{
    struct feed *feed = ctx;
    feed->busy++;
    if (feed->is_loaded) {
        confighub_tell_stored(feed, NULL);
    }
    feed->busy--;
    if (feed->dead && feed->busy == 0) {
        confighub_release(feed);
    }
}

static int feed_start(struct hf_source *source, struct hf_error *err)
{
    struct feed *feed = (struct feed *)source;
    if (confighub_load(feed, err) != 0) {
        hf_log_error(feed->hub->log, HF_WARN, "the kept units can't be used", err, NULL);
        hf_error_clear(err);
    }
    hf_timer_set(feed->next, 0);
    hf_timer_set(feed->silence, SILENCE_MS);
    return 0;
}

static void feed_refresh(struct hf_source *source)
{
    struct feed *feed = (struct feed *)source;
    feed->again = feed->step != STEP_NONE;
    if (!feed->again) {
        hf_timer_set(feed->next, 0);
    }
}

int64_t hf_source_confighub_seen_ms(const struct hf_source *source)
{
    return ((const struct feed *)source)->seen_ms;
}

static bool make_parts(struct feed *feed)
{
    feed->entries = hf_map_new();
    feed->spaces = hf_map_new();
    feed->targets = hf_map_new();
    feed->upstreams = hf_map_new();
    feed->next = hf_timer_new(feed->hub->loop, on_next, feed);
    feed->silence = hf_timer_new(feed->hub->loop, on_silence, feed);
    return feed->entries && feed->spaces && feed->targets && feed->upstreams && feed->next && feed->silence;
}

int hf_source_confighub(struct hf_confighub *hub, const struct hf_confighub_selection *selection,
                        const struct hf_source_events *events, const struct hf_unit_store *store,
                        struct hf_source **out, struct hf_error *err)
{
    static const struct hf_source_class CLASS = {"confighub", feed_start, feed_refresh, feed_free};
    struct feed *feed = hf_calloc(1, sizeof *feed);
    if (!feed) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    feed->source.class = &CLASS;
    feed->hub = hub;
    feed->events = *events;
    feed->has_store = store != NULL;
    feed->store = store ? *store : (struct hf_unit_store){0};
    feed->changed = true; /* the first listing is told even when it is empty */
    feed->seen_ms = HF_TIME_NONE;
    feed->retry_after_ms = -1;
    if (confighub_choice_make(selection, &feed->choice, err) != 0) {
        feed_free(&feed->source);
        return -1;
    }
    if (!make_parts(feed)) {
        feed_free(&feed->source);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    *out = &feed->source;
    return 0;
}
