/* What the counters count: drifts by class, and whether what is ours to put back is put back in time. */
#include "state.h"

#define CLASS_DELETED (HF_SERVE_CLASS_COUNT - 1)

bool hf_agent_is_drift(const struct incident *incident)
{
    return !incident->created && !incident->rollout && !incident->is_prune;
}

static size_t class_of(const struct object *object)
{
    bool is_whole = object->finding_count == 0 || object->findings[0].class >= CLASS_DELETED;
    return is_whole ? CLASS_DELETED : (size_t)object->findings[0].class;
}

void hf_agent_tally_opened(struct object *object)
{
    const struct incident *incident = &object->incident;
    struct hf_serve_tally *tally = &object->target->tally;
    if (!hf_agent_is_drift(incident)) {
        return;
    }
    object->target->drifts++;
    tally->drifts[class_of(object)]++;
    if (incident->drifted_ms != HF_TIME_NONE) {
        int64_t took = incident->seen_ms > incident->drifted_ms ? incident->seen_ms - incident->drifted_ms : 0;
        hf_agent_count_time(tally->seen_histogram, &tally->seen_sum_ms, took);
    }
}

void hf_agent_count_time(uint64_t counts[HF_SERVE_BUCKET_COUNT + 1], int64_t *sum_ms, int64_t took_ms)
{
    static const int64_t BOUNDS[HF_SERVE_BUCKET_COUNT] = HF_SERVE_BUCKETS_MS;
    size_t bucket = 0;
    while (bucket < HF_SERVE_BUCKET_COUNT && took_ms > BOUNDS[bucket]) {
        bucket++;
    }
    counts[bucket]++;
    *sum_ms += took_ms;
}

void hf_agent_tally_owed(struct hf_agent *agent, struct object *object, bool is_owed)
{
    struct incident *incident = &object->incident;
    if (!is_owed || !incident->open || !hf_agent_is_drift(incident)) {
        incident->is_owed = false;
        return;
    }
    if (!incident->is_owed) {
        incident->is_owed = true;
        incident->owed_since_ms = agent->effects.mono_ms(agent->effects.ctx);
    }
    object->target->tally.due += !incident->is_due;
    incident->is_due = true;
}

int64_t hf_agent_tally_late(struct hf_agent *agent, struct object *object)
{
    struct incident *incident = &object->incident;
    int64_t late_ms = incident->owed_since_ms + HF_SERVE_LATE_MS;
    if (!incident->open || !incident->is_owed || incident->is_late) {
        return INT64_MAX;
    }
    if (agent->effects.mono_ms(agent->effects.ctx) <= late_ms) {
        return late_ms + 1;
    }
    incident->is_late = true;
    object->target->tally.late++;
    return INT64_MAX;
}

void hf_agent_tally_ended(struct hf_agent *agent, struct object *object, uint64_t *outcome)
{
    struct incident *incident = &object->incident;
    (void)hf_agent_tally_late(agent, object);
    if (outcome && hf_agent_is_drift(incident)) {
        ++*outcome;
    }
    incident->is_owed = false;
}
