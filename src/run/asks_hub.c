/* Accept: what is live becomes a revision. Rollback: an earlier revision is made anew. Both are then applied, at that
 * revision and no other, and followed until all is in sync. */
#include "asks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_PREVIEW ((size_t)1 << 20)

static void refuse(struct run_ask *ask, const char *why)
{
    hf_run_ask_end(ask, "refused", why);
}

/* Both need a unit that ConfigHub has, and that nobody else is just about to change. */
static bool may_begin(struct run_ask *ask, const struct hf_unit *unit)
{
    hf_auto_buf struct hf_buf why = {0};
    if (!unit->space_id || !unit->unit_id || !*unit->unit_id) {
        refuse(ask, "the unit is a file, not ConfigHub's: change the file");
    } else if (unit->state == HF_UNIT_APPLYING) {
        refuse(ask, "ConfigHub is applying the unit: ask again when that has ended");
    } else if (!hf_unit_is_held(unit)) {
        hf_buf_addf(&why, "the unit is not held: %s", hf_unit_state_name(unit->state));
        if (unit->state_reason && *unit->state_reason) {
            hf_buf_addf(&why, ", %s", unit->state_reason);
        }
        refuse(ask, hf_buf_text(&why));
    } else {
        return true;
    }
    return false;
}

static void on_progress(void *ctx, const struct hf_confighub_action *action)
{
    struct run_ask *ask = ctx;
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "%s: %s", action->action, action->status);
    hf_run_ask_answer(ask, "progress", hf_buf_text(&text));
}

/* --- the new revision is applied */

static void on_applied(void *ctx, const struct hf_confighub_action *action, const struct hf_error *state)
{
    struct run_ask *ask = ctx;
    hf_auto_buf struct hf_buf text = {0};
    ask->call = NULL;
    if (state->code != HF_OK) {
        hf_buf_addf(&text, "revision %" PRId64 " of unit %s is made, but could not be applied: %s", ask->revision,
                    ask->ask.unit, state->text);
        hf_run_ask_end(ask, "failed", hf_buf_text(&text));
        return;
    }
    hf_buf_addf(&text, "ConfigHub has applied revision %" PRId64 " in %" PRId64 " ms", ask->revision, action->took_ms);
    hf_run_ask_answer(ask, "progress", hf_buf_text(&text));
    hf_run_ask_follow(ask);
}

static void apply(struct run_ask *ask)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_follower follower = {ask, on_progress, on_applied};
    if (hf_confighub_apply(ask->run->hub, &ask->which, ask->revision, NULL, &follower, &ask->call, &err) != 0) {
        hf_run_ask_fail(ask, &err);
    }
}

static void on_written(void *ctx, const struct hf_confighub_changed *unit, const struct hf_error *state)
{
    struct run_ask *ask = ctx;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    ask->call = NULL;
    if (state->code != HF_OK) {
        hf_run_ask_fail(ask, state);
        return;
    }
    ask->revision = unit->head_revision;
    hf_buf_addf(&text, "unit %s has revision %" PRId64 ", made from %s", ask->ask.unit, ask->revision,
                ask->ask.kind == HF_ASK_ACCEPT ? "what is live" : "an earlier one");
    hf_run_ask_answer(ask, "progress", hf_buf_text(&text));
    if (hf_run_ask_say(ask, "written", "info", hf_buf_text(&text), 0, &err) != 0) {
        hf_run_ask_fail(ask, &err);
        return;
    }
    apply(ask);
}

/* --- accept */

static void describe_accept(const struct run_ask *ask, struct hf_buf *out)
{
    hf_buf_addf(out, "accepted from live by %s with holdfast: %s", ask->ask.by, ask->ask.reason);
    if (ask->drifts[0]) {
        hf_buf_addf(out, " (%s)", ask->drifts);
    }
}

static void write_data(struct run_ask *ask)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    describe_accept(ask, &text);
    if (!hf_buf_ok(&text)) {
        (void)hf_error_set(&err, HF_ENOMEM, "accept: out of memory");
        hf_run_ask_fail(ask, &err);
    } else if (hf_confighub_update(ask->run->hub, &ask->which, ask->head, ask->data.ptr, ask->data.len,
                                   hf_buf_text(&text), on_written, ask, &ask->call, &err) != 0) {
        hf_run_ask_fail(ask, &err);
    }
}

/* What stands in a Secret is shown to nobody. */
static bool holds_secret(const struct run_ask *ask)
{
    struct hf_error ignored = HF_ERROR_INIT;
    struct hf_unit *unit;
    bool holds = true; /* what can't be read may be one */
    if (hf_unit_read(ask->space, ask->ask.unit, "live", ask->data.ptr, ask->data.len, &unit, &ignored) != 0) {
        return true;
    }
    holds = false;
    for (size_t i = 0; i < unit->document_count; i++) {
        const char *kind = hf_value_text(hf_value_get(unit->documents[i].value, "kind"));
        holds = holds || !kind || strcmp(kind, "Secret") == 0;
    }
    hf_unit_drop(unit);
    return holds;
}

static void show(struct run_ask *ask)
{
    hf_auto_buf struct hf_buf text = {0};
    if (holds_secret(ask)) {
        hf_buf_addf(&text, "%zu bytes, which are not shown: the unit holds a Secret", ask->data.len);
        hf_run_ask_answer(ask, "preview", hf_buf_text(&text));
    } else if (ask->data.len > MOST_PREVIEW) {
        hf_buf_addf(&text, "%zu bytes, too many to be shown", ask->data.len);
        hf_run_ask_answer(ask, "preview", hf_buf_text(&text));
    } else {
        hf_run_ask_answer(ask, "preview", hf_buf_text(&ask->data));
    }
    hf_run_ask_end(ask, "done", "a dry run: nothing was written");
}

static void take_data(struct run_ask *ask, const struct hf_confighub_action *action)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    if (!action->drifted || !action->data || action->data_len == 0) {
        hf_run_ask_unneeded(ask, "live is as the unit says: there is nothing to accept");
        return;
    }
    hf_buf_add(&ask->data, action->data, action->data_len);
    if (!hf_buf_ok(&ask->data)) {
        (void)hf_error_set(&err, HF_ENOMEM, "accept: out of memory");
        hf_run_ask_fail(ask, &err);
    } else if (ask->ask.dry_run) {
        show(ask);
    } else {
        hf_buf_addf(&text, "%s accepts what is live of unit %s, now at revision %" PRId64 ": %s", ask->ask.by,
                    ask->ask.unit, ask->live, ask->ask.reason);
        hf_run_ask_record(ask, hf_buf_text(&text), write_data);
    }
}

/* A server of 2025 knows no dry run: it makes the revision itself, and takes it for live, which it is. */
static void on_refreshed(void *ctx, const struct hf_confighub_action *action, const struct hf_error *state)
{
    struct run_ask *ask = ctx;
    ask->call = NULL;
    if (state->code != HF_OK) {
        hf_run_ask_fail(ask, state);
    } else if (!action->drifted) {
        hf_run_ask_unneeded(ask, "live is as the unit says: there is nothing to accept");
    } else {
        ask->revision = ask->live + 1;
        hf_run_ask_follow(ask);
    }
}

static void refresh_plainly(struct run_ask *ask)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_follower follower = {ask, on_progress, on_refreshed};
    if (hf_confighub_refresh(ask->run->hub, &ask->which, false, NULL, &follower, &ask->call, &err) != 0) {
        hf_run_ask_fail(ask, &err);
    }
}

static void go_plainly(struct run_ask *ask)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "%s accepts what is live of unit %s, now at revision %" PRId64 ", by ConfigHub's refresh: %s",
                ask->ask.by, ask->ask.unit, ask->live, ask->ask.reason);
    hf_run_ask_record(ask, hf_buf_text(&text), refresh_plainly);
}

static void on_seen(void *ctx, const struct hf_confighub_action *action, const struct hf_error *state)
{
    struct run_ask *ask = ctx;
    ask->call = NULL;
    if (state->code == HF_OK) {
        take_data(ask, action);
    } else if (state->code == HF_EUNSUPPORTED && !ask->ask.dry_run) {
        go_plainly(ask);
    } else {
        hf_run_ask_fail(ask, state);
    }
}

void hf_run_ask_accept(struct run_ask *ask, const struct hf_unit *unit)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf why = {0};
    struct hf_confighub_follower follower = {ask, on_progress, on_seen};
    if (!may_begin(ask, unit)) {
        return;
    }
    if (unit->mode == HF_UNIT_CONTINUOUS_REFRESH) {
        refuse(ask, "the unit follows live by itself (ContinuousRefresh)");
    } else if (unit->head_revision != unit->live_revision) {
        hf_buf_addf(&why,
                    "the unit has edits that are not applied (head %" PRId64 ", live %" PRId64
                    "): what is live can't be accepted over them; apply or take back those first",
                    unit->head_revision, unit->live_revision);
        refuse(ask, hf_buf_text(&why));
    } else if (ask->is_well) {
        hf_run_ask_unneeded(ask, "live is as the unit says: there is nothing to accept");
    } else if (hf_confighub_refresh(ask->run->hub, &ask->which, true, NULL, &follower, &ask->call, &err) != 0) {
        if (err.code == HF_EUNSUPPORTED && !ask->ask.dry_run) {
            go_plainly(ask);
        } else {
            hf_run_ask_fail(ask, &err);
        }
    }
}

/* --- rollback */

static void restore(struct run_ask *ask)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "rolled back to revision %" PRId64 " by %s with holdfast: %s", ask->ask.to, ask->ask.by,
                ask->ask.reason);
    if (!hf_buf_ok(&text)) {
        (void)hf_error_set(&err, HF_ENOMEM, "roll back: out of memory");
        hf_run_ask_fail(ask, &err);
    } else if (hf_confighub_restore(ask->run->hub, &ask->which, ask->ask.to, hf_buf_text(&text), on_written, ask,
                                    &ask->call, &err) != 0) {
        hf_run_ask_fail(ask, &err);
    }
}

static void on_revision(void *ctx, const struct hf_confighub_revision *revision, const struct hf_error *state)
{
    struct run_ask *ask = ctx;
    char made[HF_TIME_TEXT] = "";
    hf_auto_buf struct hf_buf text = {0};
    ask->call = NULL;
    if (state->code != HF_OK) {
        hf_run_ask_fail(ask, state);
        return;
    }
    hf_time_format(revision->created_ms, made);
    hf_buf_addf(&text, "revision %" PRId64 "%s%s: %s", revision->number, made[0] ? " of " : "", made,
                revision->description);
    if (ask->ask.dry_run) {
        hf_run_ask_answer(ask, "progress", hf_buf_text(&text));
        hf_buf_add(&ask->data, revision->bytes, revision->byte_count);
        show(ask);
        return;
    }
    hf_buf_clear(&text);
    hf_buf_addf(&text, "%s rolls unit %s back from revision %" PRId64 " to %" PRId64 ": %s", ask->ask.by, ask->ask.unit,
                ask->live, ask->ask.to, ask->ask.reason);
    hf_run_ask_record(ask, hf_buf_text(&text), restore);
}

void hf_run_ask_rollback(struct run_ask *ask, const struct hf_unit *unit)
{
    struct hf_error err = HF_ERROR_INIT;
    if (!may_begin(ask, unit)) {
        return;
    }
    if (ask->ask.to == -1) {
        ask->ask.to = unit->previous_live_revision;
    }
    if (ask->ask.to <= 0) {
        refuse(ask, "ConfigHub knows no revision that was live before this one: say which, --to N");
    } else if (ask->ask.to == unit->live_revision) {
        refuse(ask, "that revision is live now");
    } else if (ask->ask.to > unit->head_revision) {
        refuse(ask, "the unit has no such revision");
    } else if (hf_confighub_revision(ask->run->hub, &ask->which, ask->ask.to, on_revision, ask, &ask->call, &err) !=
               0) {
        hf_run_ask_fail(ask, &err);
    }
}
