/* What an attempt's end means: when it is tried again, and how long the channel is left in peace. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "channel.h"
#include "holdfast/alert.h"

#define MINUTE INT64_C(60000)

static struct hf_channel channel(void)
{
    return (struct hf_channel){.first_ms = 1000, .most_ms = 5 * MINUTE, .give_up_ms = 10 * MINUTE};
}

struct ending {
    char what[60];
    struct hf_attempt attempt;
};

ParameterizedTestParameters(retry, no_wait_goes_beyond_the_time_after_which_an_alert_is_given_up)
{
    static struct ending endings[] = {
        {"a receiver that asks for an hour", {.status = 429, .retry_after_ms = 60 * MINUTE, .attempts = 1}},
        {"one that asks for a day by a 503", {.status = 503, .retry_after_ms = 24 * 60 * MINUTE, .attempts = 2}},
        {"a refusal that asks for an hour", {.status = 403, .retry_after_ms = 60 * MINUTE, .refusals = 1}},
        {"nobody there, the last moment", {.retry_after_ms = -1, .attempts = 12, .failures = 12}},
        {"refused again and again", {.status = 404, .retry_after_ms = -1, .attempts = 5, .refusals = 20}}};
    return cr_make_param_array(struct ending, endings, sizeof endings / sizeof endings[0]);
}

/* What is behind it in the channel would wait for what this one does not wait for any more. */
ParameterizedTest(struct ending *ending, retry, no_wait_goes_beyond_the_time_after_which_an_alert_is_given_up)
{
    struct hf_channel it = channel();
    for (int64_t left = 1; left <= it.give_up_ms; left = left < it.give_up_ms ? left * 7 : it.give_up_ms + 1) {
        left = left > it.give_up_ms ? it.give_up_ms : left;
        ending->attempt.created_ms = 1000000;
        ending->attempt.now_ms = 1000000 + it.give_up_ms - left;
        ending->attempt.chance = 0.999;
        struct hf_verdict_on_attempt verdict = hf_attempt_judge(&it, &ending->attempt);
        cr_assert_eq(verdict.outcome, HF_ALERT_AGAIN, "%s", ending->what);
        cr_expect(verdict.delay_ms > 0 && verdict.delay_ms <= left, "%s: waits %lld of %lld ms", ending->what,
                  (long long)verdict.delay_ms, (long long)left);
        cr_expect(verdict.close_ms <= left, "%s: closed for %lld of %lld ms", ending->what, (long long)verdict.close_ms,
                  (long long)left);
    }
}

Test(retry, what_was_asked_for_is_waited_for_and_what_is_refused_waits_without_closing_the_channel)
{
    struct hf_channel it = channel();
    struct hf_attempt attempt = {.status = 429, .retry_after_ms = 2 * MINUTE, .attempts = 1};
    struct hf_verdict_on_attempt verdict = hf_attempt_judge(&it, &attempt);
    cr_expect_eq(verdict.delay_ms, 2 * MINUTE);
    cr_expect_eq(verdict.close_ms, 2 * MINUTE);
    attempt = (struct hf_attempt){.status = 400, .retry_after_ms = -1, .attempts = 1, .refusals = 1};
    verdict = hf_attempt_judge(&it, &attempt);
    cr_expect_geq(verdict.delay_ms, it.most_ms / 2);
    cr_expect_eq(verdict.close_ms, 0);
    attempt = (struct hf_attempt){.status = 204, .retry_after_ms = -1, .attempts = 1};
    verdict = hf_attempt_judge(&it, &attempt);
    cr_expect(verdict.outcome == HF_ALERT_DELIVERED && verdict.close_ms == 0);
}
