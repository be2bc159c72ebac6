/* What the answers to our requests mean. A failure whose effect is unclear is followed by a read, not by another write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "correct.h"

static int64_t mono(const struct hf_agent *agent)
{
    return agent->effects.mono_ms(agent->effects.ctx);
}

void hf_agent_tell_failure(struct hf_agent *agent, struct object *object, const char *why)
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
    incident->is_told |= extra.alert;
    hf_agent_say(agent, object, "correction.failed", "warning", hf_buf_text(&text), &extra);
}

/* A write into a namespace that is ending is refused with 403 and these words (apiserver's namespace lifecycle
 * admission). */
static bool is_namespace_ending(const struct hf_error *state)
{
    return state->code == HF_EDENIED && strstr(state->text, "because it is being terminated");
}

static size_t count_of(const char *text, const char *const *words, size_t word_count)
{
    size_t count = 0;
    for (size_t i = 0; i < word_count; i++) {
        for (const char *at = strstr(text, words[i]); at; at = strstr(at + 1, words[i])) {
            count++;
        }
    }
    return count;
}

/* Whether the server refuses only because fields can't be changed: a unit that it would not take for another reason
 * must not cost the object that there is. (k8s.io/apimachinery pkg/util/validation/field, errors.go: the kinds of
 * causes; the words of immutability are those of pkg/apis' validations.) */
static bool is_only_immutable(const char *text)
{
    static const char *const CAUSES[] = {": Invalid value: ",     ": Forbidden: ",       ": Required value",
                                         ": Unsupported value: ", ": Duplicate value: ", ": Not found: ",
                                         ": Too long: ",          ": Too many: ",        ": Internal error: "};
    static const char *const WORDS[] = {
        "field is immutable",          "may not be changed",
        "may not change once set",     "updates to statefulset spec for fields other than",
        "is immutable after creation", "cannot change roleRef"};
    size_t causes = count_of(text, CAUSES, sizeof CAUSES / sizeof CAUSES[0]);
    size_t immutable = count_of(text, WORDS, sizeof WORDS / sizeof WORDS[0]);
    return immutable > 0 && causes == immutable;
}

static bool begins_recreation(struct hf_agent *agent, struct object *object, enum errand errand,
                              const struct hf_error *state)
{
    struct incident *incident = &object->incident;
    if (errand != ERRAND_APPLY || state->code != HF_EREFUSED || !object->may_recreate || incident->recreated ||
        !object->uid[0] || !is_only_immutable(state->text)) {
        return false;
    }
    incident->recreating = incident->recreated = true;
    object->due_ms = mono(agent);
    return true;
}

/* The version that was judged is gone: read, judge, and plan anew. (A JSON patch whose test fails is answered 422.) */
static bool is_outdated(const struct object *object, enum errand errand, const struct hf_error *state)
{
    return state->code == HF_ECONFLICT ||
           (errand == ERRAND_MEND && state->code == HF_EREFUSED && object->incident.attempts < 3);
}

void hf_agent_failed(struct hf_agent *agent, struct object *object, enum errand errand, const struct hf_error *state,
                     int64_t retry_after_ms)
{
    hf_agent_activate(agent, object);
    if (errand == ERRAND_MARK) {
        object->review_ms = mono(agent) + HF_BACKOFF_MOST_MS;
        return;
    }
    object->incident.attempts++;
    object->target->failed++;
    object->phase = PHASE_WAITING;
    hf_auto_buf struct hf_buf words = {0};
    const char *told = hf_agent_words_of(object, state->text, &words);
    bool ending = is_namespace_ending(state);
    if (is_outdated(object, errand, state)) {
        if (object->incident.attempts > 3) {
            hf_agent_tell_failure(agent, object, told);
        }
        object->verify_first = true;
        object->due_ms = mono(agent) + (object->incident.attempts > 3 ? hf_agent_backoff(agent, 3, 2000) : 0);
        return;
    }
    if (!ending) {
        hf_agent_tell_failure(agent, object, told);
    }
    if (begins_recreation(agent, object, errand, state)) {
        return;
    }
    switch (state->code) {
    case HF_EDENIED:
    case HF_EREFUSED:
    case HF_EINVAL:
        if (ending) {
            object->due_ms = mono(agent) + hf_agent_backoff(agent, 3, HF_BACKOFF_UNREACHED_MS);
            return;
        }
        object->due_ms = 0;
        hf_agent_block(agent, object, told, hf_agent_backoff(agent, object->incident.attempts + 7, HF_BACKOFF_MOST_MS));
        return;
    case HF_ETIMEOUT:
    case HF_EUNAVAILABLE:
    case HF_EIO:
    case HF_ELIMIT:
    case HF_EPARSE:
        /* The write may have arrived although its answer did not. */
        object->incident.applied = true;
        object->verify_first = true;
        object->due_ms = mono(agent) + hf_agent_backoff(agent, object->incident.attempts, HF_BACKOFF_UNREACHED_MS);
        break;
    default:
        object->due_ms = mono(agent) + hf_agent_backoff(agent, object->incident.attempts, HF_BACKOFF_UNREACHED_MS);
        break;
    }
    if (retry_after_ms > 0) {
        int64_t wait = retry_after_ms < HF_BACKOFF_MOST_MS ? retry_after_ms : HF_BACKOFF_MOST_MS;
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
    object->due_ms = mono(agent) + hf_agent_backoff(agent, object->incident.attempts + 1, HF_BACKOFF_MOST_MS);
    if (object->incident.attempts == 3) {
        hf_agent_block(agent, object, "applied three times, and still not as the unit says",
                       object->due_ms - mono(agent));
    }
}

/* A mend was needed for this apply: now that the unit's own manager has the fields, ours lets go of them. */
static void finish_mend(struct hf_agent *agent, struct object *object, const struct hf_value *answer)
{
    bool is_at_rest = object->phase == PHASE_IDLE || (object->phase == PHASE_WAITING && object->mark);
    if (object->verdict != HF_IN_SYNC || object->flight || !is_at_rest) {
        return;
    }
    hf_agent_plan_tidy(object, answer);
    if (object->tidy) {
        hf_agent_activate(agent, object);
        object->await_rv[0] = '\0';
        hf_agent_send(agent, object, ERRAND_TIDY);
    }
}

void hf_agent_tell_sent(struct hf_agent *agent, struct object *object, const char *text)
{
    object->incident.applied = true;
    struct event_extra extra = {.drifted_ms = object->incident.drifted_ms, .corrected_ms = HF_TIME_NONE};
    hf_agent_say(agent, object, "correction.sent", "info", text, &extra);
}

static int answered_well(struct hf_agent *agent, struct object *object, const struct hf_value *answer,
                         struct hf_error *err)
{
    struct flight *flight = object->flight;
    enum errand errand = flight->errand;
    bool is_write = errand == ERRAND_APPLY || errand == ERRAND_MEND;
    bool is_last = errand == ERRAND_APPLY || object->mend_is_all;
    object->flight = NULL;
    object->phase = PHASE_IDLE;
    if (errand != ERRAND_READ) {
        object->target->in_flight--;
    }
    if (is_write) {
        hf_agent_tell_sent(agent, object,
                           errand == ERRAND_APPLY ? "the API server took the apply" : "the API server took the patch");
    }
    if (is_write && is_last) {
        hf_agent_count_put_back(agent, object);
    }
    int result = judge_answer(agent, object, flight, answer, err);
    if (result == 0 && is_write && is_last) {
        slow_down(agent, object);
        finish_mend(agent, object, answer);
    }
    hf_agent_flight_free(flight);
    return result;
}

/* The deletion was taken, or there was nothing to delete any more: what is there now tells how to go on. */
static void removed(struct hf_agent *agent, struct object *object, const struct hf_error *state)
{
    hf_agent_end_flight(agent, object);
    if (state->code == HF_OK) {
        hf_agent_tell_sent(agent, object, "the API server took the deletion");
    }
    object->incident.recreating = false;
    object->await_rv[0] = '\0';
    object->due_ms = mono(agent);
    object->read_due_ms = 0;
    object->wants_get = true;
    hf_agent_activate(agent, object);
}

int hf_agent_answered(struct hf_agent *agent, uint64_t ticket, const struct hf_value *answer, int64_t retry_after_ms,
                      const struct hf_error *state, struct hf_error *err)
{
    struct object *object = hf_agent_in_flight(agent, ticket);
    if (!object) {
        return 0;
    }
    int result = 0;
    enum errand errand = object->flight->errand;
    if (errand == ERRAND_REMOVE && (state->code == HF_OK || state->code == HF_ENOTFOUND)) {
        removed(agent, object, state);
    } else if (errand == ERRAND_MEND && state->code == HF_OK && !object->mend_is_all && !object->send) {
        free(object->mend);
        object->mend = NULL;
        hf_agent_end_flight(agent, object);
        hf_agent_send(agent, object, ERRAND_APPLY);
    } else if (errand == ERRAND_TIDY && state->code != HF_OK) {
        /* Tried again with the next correction; what is live is right already. */
        hf_agent_end_flight(agent, object);
        object->wants_get = true;
        object->read_due_ms = mono(agent) + hf_agent_backoff(agent, 3, HF_BACKOFF_UNREACHED_MS);
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
            object->read_due_ms =
                mono(agent) + (state->code == HF_ENOTFOUND ? 0 : hf_agent_backoff(agent, 3, HF_BACKOFF_UNREACHED_MS));
        }
    } else {
        bool missed = object->flight->rv_count > 0 || object->flight->overflowed;
        hf_agent_end_flight(agent, object);
        hf_agent_failed(agent, object, errand, state, retry_after_ms);
        object->verify_first |= (missed || errand == ERRAND_MEND) && errand != ERRAND_MARK;
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
