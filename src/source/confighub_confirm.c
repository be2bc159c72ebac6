/* One unit asked anew, before it is corrected. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confighub_source.h"

#define MOST_AT_ONCE 8u

struct confirm {
    struct feed *feed;
    struct confirm *next;
    char unit_id[CONFIGHUB_MOST_ID + 1];
    hf_confighub_confirmed_fn fn;
    void *ctx;
    struct confighub_listing *listing; /* under way */
    bool answered;
    bool changed;
    size_t listed;
    bool unnamed; /* its space or target is not known by name yet */
    struct hf_error err;
};

static void unlink_confirm(struct confirm *confirm)
{
    struct confirm **link = &confirm->feed->confirms;
    while (*link != confirm) {
        link = &(*link)->next;
    }
    *link = confirm->next;
}

static void confirm_free(struct confirm *confirm)
{
    unlink_confirm(confirm);
    confighub_listing_cancel(confirm->listing);
    free(confirm);
}

void confighub_confirms_free(struct feed *feed)
{
    while (feed->confirms) {
        confirm_free(feed->confirms);
    }
}

void hf_source_confighub_unconfirm(struct hf_source *source, const void *ctx)
{
    struct confirm *next;
    for (struct confirm *at = ((struct feed *)source)->confirms; at; at = next) {
        next = at->next;
        if (at->ctx == ctx) {
            confirm_free(at);
        }
    }
}

static void answer(struct confirm *confirm)
{
    hf_confighub_confirmed_fn fn = confirm->fn;
    void *ctx = confirm->ctx;
    bool changed = confirm->changed;
    struct hf_error err = confirm->err;
    confirm_free(confirm);
    fn(ctx, changed, &err);
}

static struct confirm *answered(const struct feed *feed)
{
    struct confirm *at = feed->confirms;
    while (at && !at->answered) {
        at = at->next;
    }
    return at;
}

void confighub_confirms_done(struct feed *feed)
{
    struct confirm *confirm;
    while (!feed->dead && (confirm = answered(feed))) {
        answer(confirm);
    }
}

static int on_item(void *ctx, const struct confighub_item *item, struct hf_error *err)
{
    bool stale;
    struct confirm *confirm = ctx;
    if (strcmp(item->unit_id, confirm->unit_id) != 0) {
        return 0;
    }
    struct entry *before = confighub_entry(confirm->feed, item->unit_id);
    unsigned changes = before ? before->changes : 0;
    struct entry *entry = confighub_entry_take(confirm->feed, item, &stale, err);
    if (!entry) {
        return -1;
    }
    confirm->listed++;
    if (stale) {
        return hf_error_set(err, HF_EUNAVAILABLE, "the answer is older than what was read before");
    }
    confirm->changed = entry->changes != changes || item->wrong;
    confirm->unnamed =
        !confighub_space_slug(confirm->feed, &entry->item) || !confighub_target_slug(confirm->feed, &entry->item);
    return 0;
}

static void start_waiting(struct feed *feed);

static void on_listed(void *ctx, int status, int64_t retry_after_ms, const struct hf_error *err)
{
    struct confirm *confirm = ctx;
    struct feed *feed = confirm->feed;
    (void)status, (void)retry_after_ms;
    confirm->listing = NULL;
    confirm->answered = true;
    confirm->err = *err;
    if ((err->code == HF_OK && confirm->listed == 0) || err->code == HF_ENOTFOUND) {
        (void)hf_error_set(&confirm->err, HF_EGONE,
                           "ConfigHub does not show the unit: gone from view, which does not mean deleted");
        hf_source_refresh(&feed->source);
    } else if (confirm->unnamed) {
        (void)hf_error_set(&confirm->err, HF_EBUSY, "ConfigHub: the unit has another target, which is being read");
        hf_source_refresh(&feed->source);
    }
    feed->busy++;
    start_waiting(feed);
    if (confirm->changed) {
        confighub_pump(feed); /* the set is told before */
    } else {
        answer(confirm);
    }
    feed->busy--;
    if (feed->dead && feed->busy == 0) {
        confighub_release(feed);
    }
}

static int start(struct confirm *confirm, struct hf_error *err)
{
    struct feed *feed = confirm->feed;
    const struct entry *entry = confighub_entry(feed, confirm->unit_id);
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf doing = {0};
    if (!entry) {
        return hf_error_set(err, HF_EGONE, "ConfigHub: no such unit is known");
    }
    const char *space = confighub_space_slug(feed, &entry->item);
    confighub_one_path(entry->item.space_id, entry->unit_id, feed->is_old, &path);
    hf_buf_addf(&doing, "unit %s/%s: read its revisions", space ? space : "", entry->item.slug);
    if (!hf_buf_ok(&path) || !hf_buf_ok(&doing)) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    return confighub_list_units(feed->hub, hf_buf_text(&path), hf_buf_text(&doing), on_item, on_listed, confirm,
                                &confirm->listing, err);
}

static void start_waiting(struct feed *feed)
{
    size_t running = 0;
    for (struct confirm *at = feed->confirms; at; at = at->next) {
        running += at->listing != NULL;
    }
    for (struct confirm *at = feed->confirms; at && running < MOST_AT_ONCE; at = at->next) {
        if (!at->listing && !at->answered) {
            /* What can't be started is answered with the next set that is told. */
            at->answered = start(at, &at->err) != 0;
            running += !at->answered;
        }
    }
}

int hf_source_confighub_confirm(struct hf_source *source, const char *space_id, const char *unit_id,
                                hf_confighub_confirmed_fn fn, void *ctx, struct hf_error *err)
{
    struct feed *feed = (struct feed *)source;
    const struct entry *entry = confighub_entry(feed, unit_id);
    if (!entry || strcmp(entry->item.space_id, space_id) != 0) {
        return hf_error_set(err, HF_ENOTFOUND, "ConfigHub: no such unit is known");
    }
    struct confirm *confirm = hf_calloc(1, sizeof *confirm);
    if (!confirm) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    *confirm = (struct confirm){.feed = feed, .fn = fn, .ctx = ctx, .next = feed->confirms};
    (void)snprintf(confirm->unit_id, sizeof confirm->unit_id, "%s", unit_id);
    feed->confirms = confirm;
    size_t running = 0;
    for (const struct confirm *at = feed->confirms; at; at = at->next) {
        running += at->listing != NULL;
    }
    if (running < MOST_AT_ONCE && start(confirm, err) != 0) {
        confirm_free(confirm);
        return -1;
    }
    return 0;
}
