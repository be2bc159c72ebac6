/* Whether a unit is to be held, to which revision, and why not. */
#include <string.h>
#include <strings.h>

#include "confighub_source.h"

/* LiveRevisionNum lags LastAppliedRevisionNum while an apply runs, and for ever after one that has failed. */
static bool lags(const struct confighub_item *item)
{
    return item->applied != item->live && item->applied > 0;
}

/* Whether the lag is that of an action which may still be running. Where nothing is said of the latest action, it may.
 */
static bool may_run(const struct confighub_item *item)
{
    bool is_other = *item->action && strcmp(item->action, "Apply") != 0 && strcmp(item->action, "Destroy") != 0;
    return !item->action_ended && !is_other;
}

static bool is_destroying(const struct confighub_item *item)
{
    return strcmp(item->action, "Destroy") == 0 && !item->action_ended && item->live > 0;
}

static bool was_destroyed(const struct confighub_item *item)
{
    return item->live == 0 && (item->previous > 0 || (strcmp(item->action, "Destroy") == 0 && item->action_ended));
}

static bool runs(const struct confighub_item *item)
{
    if (strcmp(item->action, "Destroy") == 0) {
        return is_destroying(item);
    }
    /* What was destroyed and shows no newer action is at rest, though the last apply is another than live. */
    return lags(item) && may_run(item) && !(was_destroyed(item) && !*item->action);
}

void confighub_note_apply(const struct feed *feed, struct entry *entry)
{
    (void)feed;
    if (!runs(&entry->item)) {
        entry->applying_since_ms = 0;
    } else if (entry->applying_since_ms == 0) {
        entry->applying_since_ms = hf_mono_ms();
    }
}

static bool is_overdue(const struct feed *feed, const struct entry *entry)
{
    return entry->applying_since_ms > 0 && hf_mono_ms() - entry->applying_since_ms > feed->choice.applying_limit_ms;
}

static bool is_applying(const struct feed *feed, const struct entry *entry)
{
    return runs(&entry->item) && !is_overdue(feed, entry);
}

/* Whether edits that are not applied are what should be. */
static bool head_counts(const struct feed *feed, const struct confighub_item *item)
{
    return feed->choice.desired == HF_CONFIGHUB_HEAD && item->gate_count == 0 && !was_destroyed(item);
}

static bool is_foreign(const struct feed *feed, const struct confighub_item *item)
{
    const char *target = confighub_target_slug(feed, item);
    return (*item->toolchain && strcmp(item->toolchain, "Kubernetes/YAML") != 0) || !*item->target_id ||
           !confighub_target_is_chosen(&feed->choice, target ? target : "");
}

int64_t confighub_wanted(const struct feed *feed, const struct entry *entry)
{
    const struct confighub_item *item = &entry->item;
    if (is_foreign(feed, item)) {
        return 0;
    }
    return head_counts(feed, item) && !is_applying(feed, entry) ? item->head : item->live;
}

static enum hf_unit_state foreign_state(const struct feed *feed, const struct confighub_item *item,
                                        struct hf_buf *reason)
{
    const char *target = confighub_target_slug(feed, item);
    if (*item->toolchain && strcmp(item->toolchain, "Kubernetes/YAML") != 0) {
        hf_buf_addf(reason, "its toolchain is %.100s, not Kubernetes/YAML", item->toolchain);
        return HF_UNIT_OTHER_TOOLCHAIN;
    }
    if (!*item->target_id) {
        hf_buf_adds(reason, "it has no target: it is applied nowhere");
        return HF_UNIT_NO_TARGET;
    }
    if (target && *target) {
        hf_buf_addf(reason, "its target is %.130s, not %.130s", target, feed->choice.target);
    } else {
        hf_buf_addf(reason, "its target %s can't be read, so it is not known to be %.130s", item->target_id,
                    feed->choice.target);
    }
    return HF_UNIT_OTHER_TARGET;
}

static void add_held(const struct feed *feed, const struct entry *entry, struct hf_buf *reason)
{
    int64_t revision = confighub_wanted(feed, entry);
    if (revision > 0) {
        hf_buf_addf(reason, "; held to %srevision %lld", revision == entry->item.live ? "live " : "",
                    (long long)revision);
    }
}

static enum hf_unit_state gate_state(const struct feed *feed, const struct entry *entry, struct hf_buf *reason)
{
    const struct confighub_item *item = &entry->item;
    bool only_approval = true;
    hf_buf_addf(reason, "apply gate%s ", item->gate_count > 1 ? "s" : "");
    for (size_t i = 0; i < item->gate_count; i++) {
        only_approval = only_approval && strcasestr(item->gates[i], "approv");
        hf_buf_addf(reason, "%s%.100s", i > 0 ? ", " : "", item->gates[i]);
    }
    if (item->head > item->live) {
        hf_buf_addf(reason, " block%s revision %lld", item->gate_count > 1 ? "" : "s", (long long)item->head);
    } else {
        hf_buf_addf(reason, " block%s an apply", item->gate_count > 1 ? "" : "s");
    }
    if (only_approval) {
        hf_buf_adds(reason, ", which waits for an approval");
    }
    add_held(feed, entry, reason);
    return only_approval ? HF_UNIT_NOT_APPROVED : HF_UNIT_GATED;
}

/* What became of the last apply, when it is not what is live. */
static void add_last_apply(const struct feed *feed, const struct entry *entry, struct hf_buf *reason)
{
    const struct confighub_item *item = &entry->item;
    bool is_said = !*item->action || strcmp(item->action, "Apply") == 0;
    if (!lags(item) || was_destroyed(item) || !is_said || strcmp(item->action_result, "ApplyCompleted") == 0) {
        return;
    }
    hf_buf_adds(reason, reason->len > 0 ? "; " : "");
    if (is_overdue(feed, entry)) {
        char limit[HF_TIME_TEXT];
        hf_duration_format(feed->choice.applying_limit_ms, limit);
        hf_buf_addf(reason, "the apply of revision %lld has not ended for %s", (long long)item->applied, limit);
    } else {
        hf_buf_addf(reason, "the apply of revision %lld was not completed%s%.100s", (long long)item->applied,
                    *item->action_result ? ": " : "", item->action_result);
    }
}

static enum hf_unit_state resting_state(const struct feed *feed, const struct entry *entry, struct hf_buf *reason)
{
    const struct confighub_item *item = &entry->item;
    if (was_destroyed(item)) {
        hf_buf_addf(reason, "it was destroyed: nothing of it should be there");
        return HF_UNIT_DESTROYED;
    }
    if (item->live == 0 && !head_counts(feed, item)) {
        hf_buf_adds(reason, "it was never applied");
        add_last_apply(feed, entry, reason);
        if (item->gate_count > 0) {
            hf_buf_addf(reason, "; apply gate %.100s blocks it", item->gates[0]);
        }
        return HF_UNIT_NEVER_APPLIED;
    }
    if (item->gate_count > 0) {
        return gate_state(feed, entry, reason);
    }
    if (item->head > item->live && !head_counts(feed, item)) {
        hf_buf_addf(reason, "revision %lld is not applied", (long long)item->head);
        add_last_apply(feed, entry, reason);
        add_held(feed, entry, reason);
        return HF_UNIT_PENDING;
    }
    add_last_apply(feed, entry, reason);
    return HF_UNIT_READY;
}

enum hf_unit_state confighub_state(const struct feed *feed, const struct entry *entry, struct hf_buf *reason)
{
    const struct confighub_item *item = &entry->item;
    if (is_foreign(feed, item)) {
        return foreign_state(feed, item, reason);
    }
    if (is_applying(feed, entry)) {
        if (is_destroying(item)) {
            hf_buf_adds(reason, "it is being destroyed: live may be of it or not");
        } else {
            hf_buf_addf(reason, "revision %lld is being applied: live may be of it or of revision %lld",
                        (long long)item->applied, (long long)item->live);
        }
        return HF_UNIT_APPLYING;
    }
    int64_t wanted = confighub_wanted(feed, entry);
    if (wanted > 0 && wanted != entry->content_revision && entry->content &&
        !(entry->broken && entry->broken_revision == wanted)) {
        hf_buf_addf(reason, "revision %lld has become what should be, and is being read", (long long)wanted);
        return HF_UNIT_APPLYING;
    }
    enum hf_unit_state state = resting_state(feed, entry, reason);
    if (state == HF_UNIT_READY && *item->mode && confighub_item_mode(item) == HF_UNIT_CONTINUOUS_REFRESH &&
        strcmp(item->mode, "ContinuousRefresh") != 0) {
        hf_buf_addf(reason, "%sits drift mode %.60s is not known: what is live is never undone",
                    reason->len > 0 ? "; " : "", item->mode);
    }
    return state;
}
