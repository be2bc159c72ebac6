/* What is put back, in which order, and what the answers mean.
 *
 * waiting → (intent recorded, durable) → applied → judged. A failure whose effect is unclear is followed by a read, not
 * by another write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define DOUBT_MS 5000 /* our own write not seen on the watch for so long: read */
#define BACKOFF_FIRST_MS 200
#define BACKOFF_UNREACHED_MS 2000 /* while the cluster can't be reached: a drift must be put back soon after it can */
#define BACKOFF_MOST_MS 300000
#define GATE_ATTEMPTS 3 /* after so many failures an object no longer holds up those behind it */

static int64_t mono(const struct hf_agent *agent)
{
    return agent->effects.mono_ms(agent->effects.ctx);
}

static int64_t backoff(const struct hf_agent *agent, unsigned attempts, int64_t most)
{
    int64_t ceiling = BACKOFF_FIRST_MS;
    for (unsigned i = 1; i < attempts && ceiling < most; i++) {
        ceiling *= 2;
    }
    if (ceiling > most) {
        ceiling = most;
    }
    /* Half fixed, half random: spread, and never at once. */
    return ceiling / 2 + (int64_t)(agent->effects.random(agent->effects.ctx) % (uint32_t)(ceiling / 2 + 1));
}

void hf_agent_plan(struct hf_agent *agent, struct object *object)
{
    if (!object->target->correct || object->is_held || object->phase != PHASE_IDLE) {
        return;
    }
    object->phase = PHASE_WAITING;
    if (object->due_ms < mono(agent) && !object->incident.blocked) {
        object->due_ms = mono(agent);
    }
    hf_agent_activate(agent, object);
}

void hf_agent_end_flight(struct hf_agent *agent, struct object *object)
{
    (void)agent;
    if (object->flight) {
        if (object->flight->errand != ERRAND_READ) {
            object->target->in_flight--;
        }
        hf_arena_free(object->flight->held_arena);
        free(object->flight);
        object->flight = NULL;
    }
    object->phase = PHASE_IDLE;
}

/* Nothing is to be done for the object now. An answer still on its way finds no taker. */
void hf_agent_unplan(struct hf_agent *agent, struct object *object)
{
    hf_agent_end_flight(agent, object);
    object->record_ticket = 0;
    object->due_ms = 0;
    object->verify_first = false;
    object->incident.blocked = false;
}

void hf_agent_count_fight(struct hf_agent *agent, struct object *object)
{
    unsigned cap = object->target->fight_times;
    if (cap == 0) {
        return;
    }
    if (object->fight_cap != cap) {
        free(object->fights);
        object->fights = hf_calloc(cap, sizeof *object->fights);
        object->fight_cap = object->fights ? cap : 0;
        object->fight_next = 0;
        if (!object->fights) {
            return;
        }
    }
    object->fights[object->fight_next] = mono(agent) + 1; /* 0 means never */
    object->fight_next = (object->fight_next + 1) % object->fight_cap;
}

/* Whether it was put back so often of late that somebody must be working against it; until when to wait. */
static bool is_fight(const struct hf_agent *agent, const struct object *object, int64_t *until_ms)
{
    if (object->fight_cap == 0 || object->target->fight_times == 0) {
        return false;
    }
    int64_t oldest = object->fights[object->fight_next];
    *until_ms = oldest + object->target->fight_within_ms;
    return oldest != 0 && *until_ms > mono(agent);
}

static void block(struct hf_agent *agent, struct object *object, const char *reason, int64_t wait_ms)
{
    object->due_ms = mono(agent) + wait_ms;
    object->phase = PHASE_WAITING;
    hf_agent_activate(agent, object);
    bool told = object->incident.blocked && object->reason && strcmp(object->reason, reason) == 0;
    object->incident.blocked = true;
    hf_agent_set_verdict(agent, object, HF_BLOCKED, reason);
    if (!told) {
        struct event_extra extra = {.manager = object->incident.manager,
                                    .operation = object->incident.operation,
                                    .drifted_ms = object->incident.drifted_ms,
                                    .corrected_ms = HF_TIME_NONE,
                                    .alert = true,
                                    .with_findings = true};
        hf_auto_buf struct hf_buf text = {0};
        hf_buf_addf(&text, "%s is not put back: %s", object->incident.summary, reason);
        hf_agent_say(agent, object, "correction.blocked", hf_agent_severity(object), hf_buf_text(&text), &extra);
    }
}

/* The namespace that an object needs is not there: its own correction, or its end, comes first. */
static bool waits_for_namespace(const struct object *object)
{
    if (!object->namespace) {
        return false;
    }
    const struct object *namespace = hf_agent_find_object(object->target, "", "Namespace", NULL, object->namespace);
    return namespace && (namespace->verdict == HF_TERMINATING || namespace->verdict == HF_MISSING ||
                         (namespace->verdict == HF_PENDING && namespace->uid[0] == '\0'));
}

static bool is_absent(const struct object *object)
{
    return object->uid[0] == '\0';
}

/* What is absent is made in order: nothing starts before all of a lower rank is there (or has failed often enough). */
static int64_t gate_of(const struct hf_agent *agent, const struct target *target)
{
    int64_t gate = INT64_MAX;
    for (const struct object *object = agent->active; object; object = object->active_next) {
        if (object->target == target && is_absent(object) && object->phase != PHASE_IDLE && !object->incident.blocked &&
            object->incident.attempts < GATE_ATTEMPTS && object->rank < gate) {
            gate = object->rank;
        }
    }
    return gate;
}

static void start(struct hf_agent *agent, struct object *object)
{
    int64_t until;
    if (!object->incident.created && !object->incident.rollout && is_fight(agent, object, &until)) {
        hf_auto_buf struct hf_buf reason = {0};
        char within[HF_TIME_TEXT];
        hf_duration_format(object->target->fight_within_ms, within);
        hf_buf_addf(&reason, "put back %u times within %s, and changed again each time%s%s; held by %s",
                    object->target->fight_times, within, object->incident.manager[0] ? ", last by " : "",
                    object->incident.manager, object->target->manager);
        block(agent, object, hf_buf_text(&reason), until - mono(agent));
        return;
    }
    uint64_t ticket = hf_agent_batch_ticket(agent);
    if (ticket == 0) {
        object->due_ms = mono(agent) + BACKOFF_FIRST_MS;
        return;
    }
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "about to apply %s %s%s%s as %s%s", object->kind, object->namespace ? object->namespace : "",
                object->namespace ? "/" : "", object->name, object->target->manager,
                object->incident.attempts ? " (again)" : "");
    struct event_extra extra = {.drifted_ms = object->incident.drifted_ms, .corrected_ms = HF_TIME_NONE};
    object->incident.intended = true;
    object->record_ticket = ticket;
    object->phase = PHASE_RECORDING;
    hf_agent_say(agent, object, "correction.intended", "info", hf_buf_text(&text), &extra);
}

static struct flight *take_off(struct object *object, uint64_t ticket, enum errand errand)
{
    struct flight *flight = hf_calloc(1, sizeof *flight);
    if (flight) {
        flight->ticket = ticket;
        flight->errand = errand;
        object->flight = flight;
        object->phase = PHASE_FLYING;
        if (errand != ERRAND_READ) {
            object->target->in_flight++;
        }
    }
    return flight;
}

static struct hf_agent_ref ref_of(const struct object *object)
{
    return (struct hf_agent_ref){object->target->name, object->api_version, object->kind, object->namespace,
                                 object->name};
}

static void read_object(struct hf_agent *agent, struct object *object)
{
    struct hf_agent_ref ref = ref_of(object);
    struct hf_error err = HF_ERROR_INIT;
    uint64_t ticket = ++agent->next_ticket;
    if (!take_off(object, ticket, ERRAND_READ)) {
        object->due_ms = mono(agent) + BACKOFF_FIRST_MS;
        return;
    }
    object->wants_get = false;
    if (agent->effects.get(agent->effects.ctx, &ref, ticket, &err) != 0) {
        hf_agent_end_flight(agent, object);
        object->wants_get = true;
        object->due_ms = mono(agent) + BACKOFF_UNREACHED_MS;
    }
}

static void failed(struct hf_agent *agent, struct object *object, const struct hf_error *state, int64_t retry_after_ms);

static int ask(struct hf_agent *agent, struct object *object, enum errand errand, uint64_t ticket, struct hf_error *err)
{
    struct hf_agent_ref ref = ref_of(object);
    if (errand == ERRAND_APPLY) {
        return agent->effects.apply(agent->effects.ctx, &ref, object->target->manager,
                                    object->unit->documents[object->document].source, ticket, err);
    }
    const char *patch = errand == ERRAND_MEND ? object->mend : object->tidy;
    return agent->effects.patch(agent->effects.ctx, &ref, HF_MEND_MANAGER, hf_slice_of(patch), ticket, err);
}

static void send_write(struct hf_agent *agent, struct object *object, enum errand errand)
{
    struct hf_error err = HF_ERROR_INIT;
    uint64_t ticket = ++agent->next_ticket;
    object->record_ticket = 0;
    if (!take_off(object, ticket, errand)) {
        object->phase = PHASE_WAITING;
        object->due_ms = mono(agent) + BACKOFF_FIRST_MS;
        return;
    }
    if (ask(agent, object, errand, ticket, &err) != 0) {
        hf_agent_end_flight(agent, object);
        failed(agent, object, &err, -1);
    }
}

int hf_agent_recorded(struct hf_agent *agent, uint64_t ticket, struct hf_error *err)
{
    for (struct object *object = agent->active; object; object = object->active_next) {
        if (object->phase == PHASE_RECORDING && object->record_ticket == ticket) {
            send_write(agent, object, object->mend ? ERRAND_MEND : ERRAND_APPLY);
        }
    }
    return hf_agent_leave(agent, err);
}

static bool is_due(const struct hf_agent *agent, const struct object *object)
{
    return object->due_ms <= mono(agent);
}

static void run_target(struct hf_agent *agent, struct target *target)
{
    int64_t gate = gate_of(agent, target);
    unsigned busy = target->in_flight;
    for (const struct object *object = agent->active; object; object = object->active_next) {
        busy += object->target == target && object->phase == PHASE_RECORDING;
    }
    for (struct object *object = agent->active; object && busy < target->parallel; object = object->active_next) {
        if (object->target != target || object->phase != PHASE_WAITING || !is_due(agent, object) || object->wants_get ||
            object->verdict == HF_UNKNOWN) {
            continue;
        }
        if (is_absent(object) && (object->rank > gate || waits_for_namespace(object))) {
            continue;
        }
        if (object->verify_first) {
            object->verify_first = false;
            object->wants_get = true;
            continue;
        }
        start(agent, object);
        busy += object->phase == PHASE_RECORDING;
    }
}

int hf_agent_run_queue(struct hf_agent *agent, struct hf_error *err)
{
    (void)err;
    for (struct object *object = agent->active; object; object = object->active_next) {
        if (object->await_rv[0] && !object->flight && mono(agent) - object->await_since_ms > DOUBT_MS) {
            object->wants_get = true;
        }
    }
    /* With records waiting for room, nothing new is begun: the trail sets the pace. */
    if (!agent->draining && !agent->unsent) {
        for (struct target *target = agent->targets; target; target = target->next) {
            if (target->correct) {
                run_target(agent, target);
            }
        }
    }
    for (struct object *object = agent->active; object; object = object->active_next) {
        if (object->wants_get && !object->flight && object->phase != PHASE_RECORDING && object->is_served &&
            (is_due(agent, object) || object->incident.blocked)) {
            read_object(agent, object);
        }
    }
    return 0;
}

int64_t hf_agent_next_due(const struct hf_agent *agent, const struct object *object)
{
    int64_t next = INT64_MAX;
    if (object->flight || object->phase == PHASE_RECORDING) {
        return next;
    }
    if (object->phase == PHASE_WAITING || object->wants_get) {
        next = object->due_ms;
    }
    if (object->await_rv[0] && object->await_since_ms + DOUBT_MS < next) {
        next = object->await_since_ms + DOUBT_MS;
    }
    (void)agent;
    return next;
}

static void tell_failure(struct hf_agent *agent, struct object *object, const char *why)
{
    struct incident *incident = &object->incident;
    /* The first, then ever more rarely: 2, 4, 8 … */
    if (incident->attempts > 1 && (incident->attempts & (incident->attempts - 1)) != 0) {
        return;
    }
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "attempt %u to put back %s %s%s%s failed: %s", incident->attempts, object->kind,
                object->namespace ? object->namespace : "", object->namespace ? "/" : "", object->name, why);
    struct event_extra extra = {.drifted_ms = incident->drifted_ms,
                                .corrected_ms = HF_TIME_NONE,
                                .alert = incident->attempts >= 4 && !incident->failure_told};
    incident->failure_told |= extra.alert;
    hf_agent_say(agent, object, "correction.failed", "warning", hf_buf_text(&text), &extra);
}

/* A write into a namespace that is ending is refused with 403 and these words (apiserver's namespace lifecycle
 * admission). */
static bool is_namespace_ending(const struct hf_error *state)
{
    return state->code == HF_EDENIED && strstr(state->text, "because it is being terminated");
}

static void failed(struct hf_agent *agent, struct object *object, const struct hf_error *state, int64_t retry_after_ms)
{
    object->incident.attempts++;
    object->target->failed++;
    object->phase = PHASE_WAITING;
    hf_agent_activate(agent, object);
    bool ending = is_namespace_ending(state);
    if (!ending) {
        tell_failure(agent, object, state->text);
    }
    switch (state->code) {
    case HF_EDENIED:
    case HF_EREFUSED:
    case HF_EINVAL:
        if (ending) {
            object->due_ms = mono(agent) + backoff(agent, 3, BACKOFF_UNREACHED_MS);
            return;
        }
        object->due_ms = 0;
        block(agent, object, state->text, backoff(agent, object->incident.attempts + 7, BACKOFF_MOST_MS));
        return;
    case HF_ETIMEOUT:
    case HF_EUNAVAILABLE:
    case HF_EIO:
    case HF_ELIMIT:
    case HF_EPARSE:
        /* The write may have arrived although its answer did not. */
        object->incident.applied = true;
        object->verify_first = true;
        object->due_ms = mono(agent) + backoff(agent, object->incident.attempts, BACKOFF_UNREACHED_MS);
        break;
    default:
        object->due_ms = mono(agent) + backoff(agent, object->incident.attempts, BACKOFF_UNREACHED_MS);
        break;
    }
    if (retry_after_ms > 0) {
        int64_t wait = retry_after_ms < BACKOFF_MOST_MS ? retry_after_ms : BACKOFF_MOST_MS;
        if (object->due_ms < mono(agent) + wait) {
            object->due_ms = mono(agent) + wait;
        }
    }
}

/* Which is newer, the answer or what the watch told meanwhile? resourceVersions are compared for equality only: the
 * watch tells each of them once, in order. */
enum newest { NEWEST_ANSWER, NEWEST_HELD, NEWEST_UNSURE };

static enum newest newest_of(const struct object *object, const struct flight *flight, const char *rv, bool *seen)
{
    *seen = strcmp(rv, object->last_rv) == 0;
    if (flight->overflowed) {
        return NEWEST_UNSURE;
    }
    if (*seen) {
        return flight->rv_count > 0 ? NEWEST_HELD : NEWEST_ANSWER;
    }
    for (size_t i = 0; i < flight->rv_count; i++) {
        if (strcmp(flight->rvs[i], rv) == 0) {
            *seen = true;
            return i + 1 == flight->rv_count ? NEWEST_ANSWER : NEWEST_HELD;
        }
    }
    return flight->held_deleted ? NEWEST_UNSURE : NEWEST_ANSWER;
}

static int judge_answer(struct hf_agent *agent, struct object *object, struct flight *flight,
                        const struct hf_value *answer, struct hf_error *err)
{
    const char *rv = hf_value_text(hf_agent_metadata(answer, "resourceVersion"));
    bool seen = false;
    enum newest newest = newest_of(object, flight, rv ? rv : "", &seen);
    object->await_rv[0] = '\0';
    if (newest == NEWEST_UNSURE) {
        /* Judged as answered; then read, to see what stands. */
        object->wants_get = true;
        hf_agent_activate(agent, object);
    } else if (!seen && rv && newest == NEWEST_ANSWER) {
        (void)snprintf(object->await_rv, sizeof object->await_rv, "%s", rv);
        object->await_since_ms = mono(agent);
        hf_agent_activate(agent, object);
    }
    int result = hf_agent_judge(agent, object, answer, err);
    if (result == 0 && newest == NEWEST_HELD && flight->held) {
        result = hf_agent_judge(agent, object, flight->held_deleted ? NULL : flight->held, err);
    }
    return result;
}

/* Applied, and still not as desired: something changes it at once (a webhook, another writer), or we misjudge it. Slow
 * down. */
static void slow_down(struct hf_agent *agent, struct object *object)
{
    if (object->phase != PHASE_WAITING || !object->incident.open) {
        return;
    }
    object->incident.attempts++;
    object->due_ms = mono(agent) + backoff(agent, object->incident.attempts + 1, BACKOFF_MOST_MS);
    if (object->incident.attempts == 3) {
        block(agent, object, "applied three times, and still not as the unit says", object->due_ms - mono(agent));
    }
}

/* A mend was needed for this apply: now that the unit's own manager has the fields, ours lets go of them. */
static void finish_mend(struct hf_agent *agent, struct object *object, const struct hf_value *answer)
{
    if (object->verdict != HF_IN_SYNC || object->flight || object->phase != PHASE_IDLE) {
        return;
    }
    hf_agent_plan_tidy(object, answer);
    if (object->tidy) {
        hf_agent_activate(agent, object);
        object->await_rv[0] = '\0';
        send_write(agent, object, ERRAND_TIDY);
    }
}

static int answered_well(struct hf_agent *agent, struct object *object, const struct hf_value *answer,
                         struct hf_error *err)
{
    struct flight *flight = object->flight;
    bool was_apply = flight->errand == ERRAND_APPLY;
    object->flight = NULL;
    object->phase = PHASE_IDLE;
    if (flight->errand != ERRAND_READ) {
        object->target->in_flight--;
    }
    if (was_apply) {
        object->incident.applied = true;
        struct event_extra extra = {.drifted_ms = object->incident.drifted_ms, .corrected_ms = HF_TIME_NONE};
        hf_agent_say(agent, object, "correction.sent", "info", "the API server took the apply", &extra);
    }
    int result = judge_answer(agent, object, flight, answer, err);
    if (result == 0 && was_apply) {
        slow_down(agent, object);
        finish_mend(agent, object, answer);
    }
    hf_arena_free(flight->held_arena);
    free(flight);
    return result;
}

int hf_agent_answered(struct hf_agent *agent, uint64_t ticket, const struct hf_value *answer, int64_t retry_after_ms,
                      const struct hf_error *state, struct hf_error *err)
{
    struct object *object = agent->active;
    while (object && !(object->flight && object->flight->ticket == ticket)) {
        object = object->active_next;
    }
    if (!object) {
        return 0;
    }
    int result = 0;
    enum errand errand = object->flight->errand;
    if (errand == ERRAND_MEND && state->code == HF_OK) {
        free(object->mend);
        object->mend = NULL;
        hf_agent_end_flight(agent, object);
        send_write(agent, object, ERRAND_APPLY);
    } else if (errand == ERRAND_TIDY && state->code != HF_OK) {
        /* Tried again with the next correction; what is live is right already. */
        hf_agent_end_flight(agent, object);
        object->wants_get = true;
        object->due_ms = mono(agent) + backoff(agent, 3, BACKOFF_UNREACHED_MS);
    } else if (state->code == HF_OK && answer) {
        result = answered_well(agent, object, answer, err);
    } else if (errand == ERRAND_READ) {
        bool doubt = object->flight->rv_count > 0 || object->flight->overflowed;
        hf_agent_end_flight(agent, object);
        if (state->code == HF_ENOTFOUND && !doubt) {
            object->await_rv[0] = '\0';
            result = hf_agent_judge(agent, object, NULL, err);
        } else {
            object->wants_get = true;
            object->due_ms = mono(agent) + (state->code == HF_ENOTFOUND ? 0 : backoff(agent, 3, BACKOFF_UNREACHED_MS));
        }
    } else {
        bool missed = object->flight->rv_count > 0 || object->flight->overflowed;
        hf_agent_end_flight(agent, object);
        failed(agent, object, state, retry_after_ms);
        object->verify_first |= missed || errand == ERRAND_MEND;
    }
    if (result != 0) {
        object->wants_get = true;
        hf_agent_activate(agent, object);
        struct hf_error ignored;
        (void)hf_agent_leave(agent, &ignored);
        return -1;
    }
    return hf_agent_leave(agent, err);
}
