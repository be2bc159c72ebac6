#include "channel.h"

#define REFUSALS 3 /* so many in a row, and the channel itself is taken to be wrong */

bool hf_attempt_is_transient(int status)
{
    return status == 0 || status == 408 || status == 425 || status == 429 || status >= 500;
}

/* Doubling, from the first delay to the greatest, and between a half and the whole of it by chance: so that many agents
 * do not knock at once. */
static int64_t backoff(const struct hf_channel *channel, int64_t tries, double chance)
{
    int64_t delay = channel->first_ms;
    for (int64_t i = 1; i < tries && delay < channel->most_ms; i++) {
        delay *= 2;
    }
    if (delay > channel->most_ms) {
        delay = channel->most_ms;
    }
    int64_t half = delay / 2;
    int64_t rest = delay - half;
    return half + (int64_t)((double)rest * chance);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long the channel is left in peace after a failure, and the message that failed. */
static void set_waits(const struct hf_channel *channel, const struct hf_attempt *attempt,
                      struct hf_verdict_on_attempt *verdict)
{
    if (hf_attempt_is_transient(attempt->status)) {
        int64_t tries = attempt->failures > attempt->attempts ? attempt->failures : attempt->attempts;
        verdict->delay_ms = verdict->close_ms = backoff(channel, tries, attempt->chance);
    } else {
        /* Refused or sent elsewhere: a person has to mend the channel or the receiver, so slowly; another message may
         * pass, unless none does. */
        verdict->delay_ms = backoff(channel, INT32_MAX, attempt->chance);
        verdict->close_ms =
            attempt->refusals < REFUSALS ? 0 : backoff(channel, attempt->refusals - REFUSALS + 1, attempt->chance);
    }
    if (attempt->retry_after_ms > verdict->delay_ms) {
        verdict->delay_ms = verdict->close_ms = attempt->retry_after_ms;
    }
}

struct hf_verdict_on_attempt hf_attempt_judge(const struct hf_channel *channel, const struct hf_attempt *attempt)
{
    struct hf_verdict_on_attempt verdict = {.outcome = HF_ALERT_DELIVERED};
    if (attempt->status >= 200 && attempt->status < 300) {
        return verdict;
    }
    int64_t left = attempt->created_ms + channel->give_up_ms - attempt->now_ms;
    if (left <= 0) {
        verdict.outcome = HF_ALERT_GIVEN_UP;
        return verdict;
    }
    /* One last attempt at the end of its time, whatever the receiver asks for. */
    verdict.outcome = HF_ALERT_AGAIN;
    set_waits(channel, attempt, &verdict);
    verdict.delay_ms = least(verdict.delay_ms, left);
    verdict.close_ms = least(verdict.close_ms, left);
    return verdict;
}
