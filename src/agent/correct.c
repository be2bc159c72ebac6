/* What is put back, in which order, and what the answers mean.
 *
 * waiting → (intent recorded, durable) → applied → judged. A failure whose effect is unclear is followed by a read, not
 * by another write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "correct.h"
#include "holdfast/json.h"

#define DOUBT_MS 5000 /* our own write not seen on the watch for so long: read */
#define BACKOFF_FIRST_MS 200
#define GATE_ATTEMPTS 3 /* after so many failures an object no longer holds up those behind it */

static int64_t mono(const struct hf_agent *agent)
{
    return agent->effects.mono_ms(agent->effects.ctx);
}

int64_t hf_agent_backoff(const struct hf_agent *agent, unsigned attempts, int64_t most)
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
    if (!hf_agent_corrects(agent, object) || object->is_held || object->is_later || object->phase != PHASE_IDLE) {
        return;
    }
    object->phase = PHASE_WAITING;
    if (object->due_ms < mono(agent) && !object->incident.blocked) {
        object->due_ms = mono(agent);
    }
    hf_agent_activate(agent, object);
}

void hf_agent_flight_free(struct flight *flight)
{
    if (flight) {
        *flight->link = flight->next;
        if (flight->next) {
            flight->next->link = flight->link;
        }
        hf_arena_free(flight->held_arena);
        free(flight);
    }
}

struct object *hf_agent_in_flight(const struct hf_agent *agent, uint64_t ticket)
{
    const struct flight *flight = agent->flights;
    while (flight && flight->ticket != ticket) {
        flight = flight->next;
    }
    return flight ? flight->object : NULL;
}

void hf_agent_end_flight(struct hf_agent *agent, struct object *object)
{
    (void)agent;
    if (object->flight) {
        if (object->flight->errand != ERRAND_READ) {
            object->target->in_flight--;
        }
        hf_agent_flight_free(object->flight);
        object->flight = NULL;
    }
    object->phase = PHASE_IDLE;
}

/* Nothing is to be done for the object now. A write that is on its way is waited for: no second one beside it. */
void hf_agent_unplan(struct hf_agent *agent, struct object *object)
{
    if (!object->flight || object->flight->errand == ERRAND_READ) {
        hf_agent_end_flight(agent, object);
    }
    object->record_ticket = 0;
    object->due_ms = 0;
    object->verify_first = false;
    object->incident.blocked = false;
}

void hf_agent_block(struct hf_agent *agent, struct object *object, const char *reason, int64_t wait_ms)
{
    object->due_ms = mono(agent) + wait_ms;
    object->phase = PHASE_WAITING;
    hf_agent_activate(agent, object);
    bool told = object->incident.blocked && object->reason && strcmp(object->reason, reason) == 0;
    object->incident.blocked = true;
    hf_agent_set_verdict(agent, object, HF_BLOCKED, reason);
    if (!told) {
        object->target->tally.blocked++;
        hf_agent_say_blocked(agent, object, reason);
    }
}

uint64_t hf_agent_message_number(const char *message)
{
    uint64_t number = 0;
    struct hf_digest digest;
    struct hf_error ignored = HF_ERROR_INIT;
    if (message && hf_sha256(message, strlen(message), &digest, &ignored) == 0) {
        memcpy(&number, digest.bytes, sizeof number);
    }
    return number;
}

void hf_agent_say_blocked(struct hf_agent *agent, struct object *object, const char *reason)
{
    struct incident *incident = &object->incident;
    uint64_t before = incident->blocked_before;
    struct event_extra extra = {.manager = incident->manager,
                                .operation = incident->operation,
                                .drifted_ms = incident->drifted_ms,
                                .corrected_ms = HF_TIME_NONE,
                                .alert = true,
                                .with_findings = true};
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "%s is not put back: %s", incident->summary, reason);
    incident->blocked_before = 0;
    incident->is_told = true;
    if (before == 0 || before != hf_agent_message_number(hf_buf_text(&text))) {
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

/* What is about to be done, in a sentence that is recorded before it is. */
static void tell_intent(const struct object *object, enum errand errand, struct hf_buf *out)
{
    size_t later = 0;
    for (size_t i = 0; i < object->finding_count; i++) {
        later += object->outcomes && object->outcomes[i] != OUTCOME_NOW;
    }
    hf_buf_addf(out, "about to %s %s %s%s%s",
                errand == ERRAND_MARK     ? "mark as held by us"
                : errand == ERRAND_SOURCE ? "have ConfigHub apply, for"
                : errand == ERRAND_REMOVE ? (object->is_extra ? "prune" : "delete, to make it anew,")
                : object->mend_is_all     ? "remove what was added to"
                                          : "apply",
                object->kind, object->namespace ? object->namespace : "", object->namespace ? "/" : "", object->name);
    if (errand == ERRAND_APPLY) {
        hf_buf_addf(out, " as %s", object->target->manager);
    } else if (errand == ERRAND_SOURCE) {
        hf_buf_addf(out, ", unit %s at revision %lld", object->unit->slug, (long long)object->unit->revision);
    }
    if (later > 0) {
        hf_buf_addf(out, ", leaving %zu of %zu findings as they are", later, object->finding_count);
    } else if (object->send && errand == ERRAND_APPLY) {
        hf_buf_adds(out, ", leaving what others own as it is");
    }
    hf_buf_adds(out, object->incident.attempts ? " (again)" : "");
}

static enum errand first_errand(const struct hf_agent *agent, const struct object *object)
{
    if (object->is_extra || object->incident.recreating) {
        return ERRAND_REMOVE;
    }
    return object->verdict == HF_IN_SYNC       ? ERRAND_MARK
           : hf_agent_by_source(agent, object) ? ERRAND_SOURCE
                                               : ERRAND_APPLY;
}

/* Others of the target may have been pruned since this one was weighed. */
static bool is_over_the_limit(struct hf_agent *agent, struct object *object)
{
    if (!object->is_extra) {
        return false;
    }
    hf_agent_weigh_extra(agent, object);
    if (object->is_held || object->is_later) {
        hf_agent_put_off(agent, object, HF_EXTRA, object->hold_reason);
        return true;
    }
    (void)hf_agent_path_put_back(&object->target->prunes, mono(agent));
    return false;
}

static void start(struct hf_agent *agent, struct object *object)
{
    if (is_over_the_limit(agent, object)) {
        return;
    }
    uint64_t ticket = hf_agent_batch_ticket(agent);
    if (ticket == 0) {
        object->due_ms = mono(agent) + BACKOFF_FIRST_MS;
        return;
    }
    hf_auto_buf struct hf_buf text = {0};
    enum errand errand = first_errand(agent, object);
    tell_intent(object, errand, &text);
    struct event_extra extra = {.drifted_ms = object->incident.open ? object->incident.drifted_ms : HF_TIME_NONE,
                                .corrected_ms = HF_TIME_NONE};
    object->incident.intended = errand != ERRAND_MARK;
    object->record_ticket = ticket;
    object->phase = PHASE_RECORDING;
    hf_agent_say(agent, object, errand == ERRAND_MARK ? "object.marked" : "correction.intended", "info",
                 hf_buf_text(&text), &extra);
}

static struct flight *take_off(struct hf_agent *agent, struct object *object, uint64_t ticket, enum errand errand)
{
    struct flight *flight = hf_calloc(1, sizeof *flight);
    if (flight) {
        *flight = (struct flight){
            .object = object, .next = agent->flights, .link = &agent->flights, .ticket = ticket, .errand = errand};
        if (flight->next) {
            flight->next->link = &flight->next;
        }
        agent->flights = flight;
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
    if (!take_off(agent, object, ticket, ERRAND_READ)) {
        object->read_due_ms = mono(agent) + BACKOFF_FIRST_MS;
        return;
    }
    object->wants_get = false;
    if (agent->effects.get(agent->effects.ctx, &ref, ticket, &err) != 0) {
        hf_agent_end_flight(agent, object);
        object->wants_get = true;
        object->read_due_ms = mono(agent) + HF_BACKOFF_UNREACHED_MS;
    }
}

/* The unit's own content, as JSON: an API server that audits requests with their content can not write down an apply in
 * YAML, and loses its event with all others of the batch (https://github.com/kubernetes/kubernetes/pull/139419). */
static int apply(struct hf_agent *agent, const struct object *object, const struct hf_agent_ref *ref, uint64_t ticket,
                 struct hf_error *err)
{
    hf_auto_buf struct hf_buf json = {0};
    struct hf_slice bytes = hf_slice_of(object->send);
    if (!object->send) {
        hf_json_write(&json, object->unit->documents[object->document].value);
        if (!hf_buf_ok(&json)) {
            return hf_error_set(err, HF_ENOMEM, "apply %s %s: out of memory", object->kind, object->name);
        }
        bytes = (struct hf_slice){json.ptr, json.len};
    }
    return agent->effects.apply(agent->effects.ctx, ref, object->target->manager, bytes, ticket, err);
}

static int ask(struct hf_agent *agent, struct object *object, enum errand errand, uint64_t ticket, struct hf_error *err)
{
    struct hf_agent_ref ref = ref_of(object);
    if (errand == ERRAND_APPLY) {
        return apply(agent, object, &ref, ticket, err);
    }
    if (errand == ERRAND_SOURCE) {
        return agent->effects.apply_unit(agent->effects.ctx, object->target->name, object->unit, ticket, err);
    }
    if (errand == ERRAND_REMOVE) {
        /* What a StatefulSet runs goes on running while it is made anew. */
        bool orphan = !object->is_extra && strcmp(object->kind, "StatefulSet") == 0;
        return agent->effects.remove(agent->effects.ctx, &ref, object->uid, object->last_rv, orphan, ticket, err);
    }
    const char *patch = errand == ERRAND_MEND ? object->mend : errand == ERRAND_MARK ? object->mark : object->tidy;
    return agent->effects.patch(agent->effects.ctx, &ref, HF_MEND_MANAGER, hf_slice_of(patch), ticket, err);
}

void hf_agent_send(struct hf_agent *agent, struct object *object, enum errand errand)
{
    struct hf_error err = HF_ERROR_INIT;
    uint64_t ticket = ++agent->next_ticket;
    object->record_ticket = 0;
    if (!take_off(agent, object, ticket, errand)) {
        object->phase = PHASE_WAITING;
        object->due_ms = mono(agent) + BACKOFF_FIRST_MS;
        return;
    }
    if (ask(agent, object, errand, ticket, &err) != 0) {
        hf_agent_end_flight(agent, object);
        /* It was not sent: nothing of it can have arrived. */
        bool was_applied = object->incident.applied;
        hf_agent_failed(agent, object, errand, &err, -1);
        object->incident.applied = was_applied;
        object->verify_first = false;
    }
}

int hf_agent_recorded(struct hf_agent *agent, uint64_t ticket, struct hf_error *err)
{
    for (struct object *object = agent->active; object; object = object->active_next) {
        if (object->phase == PHASE_RECORDING && object->record_ticket == ticket) {
            enum errand errand = first_errand(agent, object);
            hf_agent_send(agent, object, errand == ERRAND_APPLY && object->mend ? ERRAND_MEND : errand);
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
    unsigned busy = target->in_flight;
    for (const struct object *object = agent->active; object && busy < target->parallel; object = object->active_next) {
        busy += object->target == target && object->phase == PHASE_RECORDING;
    }
    if (busy >= target->parallel) {
        return;
    }
    int64_t gate = gate_of(agent, target);
    for (struct object *object = agent->active; object && busy < target->parallel; object = object->active_next) {
        if (object->target != target || object->phase != PHASE_WAITING || !is_due(agent, object) || object->wants_get ||
            object->verdict == HF_UNKNOWN) {
            continue;
        }
        if (!hf_agent_corrects(agent, object)) {
            hf_agent_unplan(agent, object);
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
        if (!object->is_extra && object->verdict != HF_IN_SYNC && hf_agent_must_ask(agent, object)) {
            continue;
        }
        start(agent, object);
        busy += object->phase == PHASE_RECORDING;
    }
}

void hf_agent_run_queue(struct hf_agent *agent)
{
    for (struct object *object = agent->active; object; object = object->active_next) {
        if (object->await_rv[0] && !object->flight && mono(agent) - object->await_since_ms > DOUBT_MS) {
            object->wants_get = true;
        }
        if (object->review_ms != 0 && object->review_ms <= mono(agent) && object->phase == PHASE_IDLE) {
            object->review_ms = 0;
            object->has_in_sync = false;
            object->wants_get = true;
        }
    }
    /* With records waiting for room, nothing new is begun: the trail sets the pace. */
    if (!agent->draining && !agent->unsent) {
        for (struct target *target = agent->targets; target; target = target->next) {
            run_target(agent, target);
        }
    }
    for (struct object *object = agent->active; object; object = object->active_next) {
        if (object->wants_get && !object->flight && object->phase != PHASE_RECORDING && object->is_served &&
            object->read_due_ms <= mono(agent)) {
            read_object(agent, object);
        }
    }
}

int64_t hf_agent_next_due(const struct hf_agent *agent, const struct object *object)
{
    int64_t next = INT64_MAX;
    if (object->flight || object->phase == PHASE_RECORDING) {
        return next;
    }
    if (object->phase == PHASE_WAITING && !object->wants_get) {
        next = object->due_ms;
    } else if (object->wants_get) {
        next = object->read_due_ms;
    }
    if (object->review_ms != 0 && object->phase == PHASE_IDLE && object->review_ms < next) {
        next = object->review_ms;
    }
    if (object->await_rv[0] && object->await_since_ms + DOUBT_MS < next) {
        next = object->await_since_ms + DOUBT_MS;
    }
    (void)agent;
    return next;
}
