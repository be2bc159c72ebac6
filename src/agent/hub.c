/* What ConfigHub says of a unit beside its content: that it is being applied, that it follows live, that its own worker
 * puts it back. And the question whether a unit is still as it was told, before a difference is believed to be drift:
 * whoever applies a new revision there changes live seconds before the next poll. */
#include <stdio.h>
#include <string.h>

#include "correct.h"

#define CONFIRMED_MS 5000 /* so long is an answer believed */
#define ASK_AGAIN_MS 10000
#define APPLYING_MS 2000
#define STEP_IN_MS 60000
#define ACCEPT_AFTER_MS 10000 /* what comes and goes is not to become a revision */
#define ACCEPT_AGAIN_MS 600000
#define ACCEPT_LOOK_MS 5000

static int64_t mono(const struct hf_agent *agent)
{
    return agent->effects.mono_ms(agent->effects.ctx);
}

bool hf_agent_unit_may_hold(const struct hf_unit *unit)
{
    return unit && (unit->problem || !hf_unit_is_held(unit));
}

static bool was_confirmed(const struct hf_agent *agent, const struct object *object)
{
    return object->confirmed_ms != 0 && mono(agent) - object->confirmed_ms < CONFIRMED_MS;
}

bool hf_agent_must_ask(struct hf_agent *agent, struct object *object)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_unit *unit = object->unit;
    if (object->awaits_confirm) {
        return true;
    }
    if (!agent->effects.confirm || !unit->unit_id || !*unit->unit_id || was_confirmed(agent, object) ||
        agent->effects.confirm(agent->effects.ctx, object->target->name, unit, &err) != 0) {
        return false;
    }
    object->awaits_confirm = true;
    object->asked = object->form;
    return true;
}

/* Asked after this form was seen: what was answered before says nothing about it. Between the answer and the read that
 * follows it the next rollout may come. */
int hf_agent_take_form(struct hf_agent *agent, struct object *object, const struct hf_value *live, bool ending,
                       struct hf_error *err)
{
    if (!live || ending) {
        memset(&object->form, live ? 0xEE : 0xAA, sizeof object->form);
    } else if (hf_drift_live_digest(agent->hasher, &agent->scratch, live, object->has_status, &object->form, err) !=
               0) {
        return -1;
    }
    bool counts = object->is_confirmed && hf_digest_equal(&object->form, &object->asked);
    object->confirmed_ms = counts ? mono(agent) : 0;
    object->is_confirmed = false;
    return 0;
}

bool hf_agent_waits_for_hub(struct hf_agent *agent, struct object *object)
{
    if (object->is_extra) {
        return false;
    }
    if (object->unit->state == HF_UNIT_APPLYING) {
        hf_agent_unplan(agent, object);
        hf_agent_set_verdict(agent, object, HF_PENDING,
                             object->unit->state_reason && *object->unit->state_reason ? object->unit->state_reason
                                                                                       : "ConfigHub is applying it");
        /* Polls may be rare: how it ends is asked for. */
        (void)hf_agent_must_ask(agent, object);
        object->review_ms = mono(agent) + APPLYING_MS;
        hf_agent_activate(agent, object);
        return true;
    }
    if (!object->incident.open && hf_agent_must_ask(agent, object)) {
        hf_agent_set_verdict(agent, object, HF_PENDING, "ConfigHub is asked whether its unit has changed");
        return true;
    }
    return false;
}

static void give_time(struct hf_agent *agent, struct object *object)
{
    int64_t now = agent->effects.now_ms(agent->effects.ctx);
    int64_t limit = object->target->step_in_ms > 0 ? object->target->step_in_ms : STEP_IN_MS;
    int64_t left = (object->incident.open ? object->incident.seen_ms : now) + limit - now;
    if (left <= 0 || object->is_held || object->is_later || hf_agent_is_pushed(agent, object)) {
        return;
    }
    object->is_later = object->is_grace = true;
    object->review_ms = mono(agent) + left;
    (void)snprintf(object->hold_reason, sizeof object->hold_reason,
                   "ConfigHub's own worker is to put it back (ContinuousApply); holdfast does if it has not in %lld s",
                   (long long)(limit / 1000));
}

void hf_agent_take_mode(struct hf_agent *agent, struct object *object)
{
    if (object->is_extra || !hf_agent_corrects(agent, object)) {
        return;
    }
    if (object->unit->mode == HF_UNIT_CONTINUOUS_REFRESH) {
        object->is_held = true;
        object->is_later = false;
        object->severity = HF_SEVERITY_INFO;
        (void)snprintf(object->hold_reason, sizeof object->hold_reason, "%s",
                       "in ConfigHub the unit follows live (ContinuousRefresh)");
    } else if (object->unit->mode == HF_UNIT_CONTINUOUS_APPLY) {
        give_time(agent, object);
    }
}

/* Nothing is done that ConfigHub can't be asked about, but while it is away. */
static void not_confirmed(struct hf_agent *agent, struct object *object, const struct hf_error *state)
{
    hf_auto_buf struct hf_buf reason = {0};
    hf_buf_addf(&reason, "ConfigHub does not say whether its unit has changed: %s", state->text);
    hf_agent_set_verdict(agent, object, object->incident.open ? object->verdict : HF_PENDING, hf_buf_text(&reason));
    if (object->phase == PHASE_WAITING) {
        object->due_ms = mono(agent) + ASK_AGAIN_MS;
    } else {
        object->review_ms = mono(agent) + ASK_AGAIN_MS;
    }
}

static bool says_nothing_else(const struct hf_error *state)
{
    return state->code == HF_OK || state->code == HF_EUNAVAILABLE || state->code == HF_ETIMEOUT ||
           state->code == HF_ENOTFOUND;
}

int hf_agent_confirmed(struct hf_agent *agent, const char *target_name, const char *space_id, const char *unit_id,
                       const struct hf_error *state, struct hf_error *err)
{
    struct target *target = hf_agent_find_target(agent, target_name);
    size_t cursor = 0;
    void *value;
    while (target && hf_map_next(target->objects, &cursor, NULL, &value)) {
        struct object *object = value;
        if (!object->awaits_confirm || !object->unit->unit_id || strcmp(object->unit->unit_id, unit_id) != 0 ||
            strcmp(object->unit->space_id ? object->unit->space_id : "", space_id) != 0) {
            continue;
        }
        object->awaits_confirm = false;
        if (says_nothing_else(state)) {
            object->is_confirmed = true;
            object->wants_get = true;
            object->read_due_ms = 0;
        } else {
            not_confirmed(agent, object, state);
        }
        hf_agent_activate(agent, object);
    }
    return hf_agent_leave(agent, err);
}

/* --- the unit's apply action */

static bool by_source(const struct object *object)
{
    return object->apply_by == HF_APPLY_BY_TARGET ? object->target->apply_by_source
                                                  : object->apply_by != HF_APPLY_BY_DIRECT;
}

static bool no_fallback(const struct object *object)
{
    return object->apply_by == HF_APPLY_BY_CONFIGHUB_ONLY || object->target->no_fallback;
}

bool hf_agent_by_source(const struct hf_agent *agent, const struct object *object)
{
    const struct hf_unit *unit = object->unit;
    if (!by_source(object) || !agent->effects.apply_unit || !unit->unit_id || !*unit->unit_id || object->send ||
        object->mend || object->is_extra || object->incident.source_failed) {
        return false;
    }
    for (size_t i = 0; object->outcomes && i < object->finding_count; i++) {
        if (object->outcomes[i] != OUTCOME_NOW) {
            return false; /* the action would put back what is to stay */
        }
    }
    return true;
}

/* By itself next, or not at all for a while. */
static void go_on_without(struct hf_agent *agent, struct object *object, const char *why)
{
    object->incident.attempts++;
    object->target->failed++;
    hf_agent_tell_failure(agent, object, why);
    object->phase = PHASE_WAITING;
    if (no_fallback(object)) {
        hf_agent_block(agent, object, why, hf_agent_backoff(agent, object->incident.attempts + 5, HF_BACKOFF_MOST_MS));
        return;
    }
    object->incident.source_failed = true;
    object->verify_first = true;
    object->due_ms = mono(agent);
}

int hf_agent_unit_applied(struct hf_agent *agent, uint64_t ticket, const char *what, const struct hf_error *state,
                          struct hf_error *err)
{
    struct object *object = hf_agent_in_flight(agent, ticket);
    if (!object || object->flight->errand != ERRAND_SOURCE) {
        return 0;
    }
    hf_agent_end_flight(agent, object);
    hf_agent_activate(agent, object);
    if (state->code == HF_OK) {
        hf_agent_tell_sent(agent, object, what);
        hf_agent_count_put_back(agent, object);
        /* Should it still differ, then by a direct apply. */
        object->incident.source_failed = !no_fallback(object);
        object->wants_get = true;
        object->read_due_ms = 0;
    } else {
        go_on_without(agent, object, state->text);
    }
    return hf_agent_leave(agent, err);
}

/* --- what is live becomes a revision, by a rule */

static bool is_all_accepted(const struct object *object)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(object->target->objects, &cursor, NULL, &value)) {
        const struct object *other = value;
        if (other != object && hf_agent_is_of_unit(other, object->unit) && other->verdict != HF_IN_SYNC &&
            !(other->is_held && other->accept_rule)) {
            return false;
        }
    }
    return true;
}

static void look_again_in(struct hf_agent *agent, struct object *object, int64_t wait_ms)
{
    object->review_ms = mono(agent) + wait_ms;
    hf_agent_activate(agent, object);
}

void hf_agent_accept_by_rule(struct hf_agent *agent, struct object *object)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_unit *unit = object->unit;
    struct incident *incident = &object->incident;
    int64_t left = incident->seen_ms + (object->accept_after_ms > 0 ? object->accept_after_ms : ACCEPT_AFTER_MS) -
                   agent->effects.now_ms(agent->effects.ctx);
    if (!agent->effects.accept_unit || !unit->unit_id || !*unit->unit_id || unit->mode == HF_UNIT_CONTINUOUS_REFRESH ||
        !incident->open || hf_agent_pause_of(agent, object)) {
        return;
    }
    bool is_asked = object->accept_asked_ms != 0 && hf_digest_equal(&object->accept_asked, &incident->findings);
    if (is_asked) {
        left = object->accept_asked_ms + ACCEPT_AGAIN_MS - mono(agent);
    }
    if (left > 0) {
        look_again_in(agent, object, left);
        return;
    }
    object->accept_asked = incident->findings;
    if (!is_all_accepted(object) ||
        agent->effects.accept_unit(agent->effects.ctx, object->target->name, unit, object->accept_rule, &err) != 0) {
        look_again_in(agent, object, ACCEPT_LOOK_MS);
        return;
    }
    object->accept_asked_ms = mono(agent);
    look_again_in(agent, object, ACCEPT_AGAIN_MS);
}
