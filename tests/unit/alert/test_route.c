/* Who is told what, and when not. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "holdfast/clock.h"
#include "route.h"

static const struct hf_alert_change CHANGES[] = {{.class = "changed"}, {.class = "leftover"}};
static const struct hf_alert_unit_label LABELS[] = {{"team", "fx-options"}, {"tier", "1"}};

static struct hf_alert_text sample(void)
{
    return (struct hf_alert_text){.type = "correction.blocked",
                                  .end = HF_END_BLOCKED,
                                  .incident = "i-1",
                                  .severity = "critical",
                                  .target = "prod-eu",
                                  .space = "traderx-prod",
                                  .unit = "trade-service",
                                  .kind = "Deployment",
                                  .namespace = "traderx",
                                  .name = "trade-service",
                                  .manager = "kubectl-edit",
                                  .changes = CHANGES,
                                  .change_count = 2,
                                  .labels = LABELS,
                                  .label_count = 2};
}

struct match_case {
    enum hf_alert_on on;
    char pattern[40];
    bool fits;
};

ParameterizedTestParameters(route, each_condition_fits_what_it_says)
{
    static struct match_case CASES[] = {
        {HF_ON_SEVERITY, "critical", true},     {HF_ON_SEVERITY, "warning", false},  {HF_ON_TARGET, "prod-*", true},
        {HF_ON_TARGET, "prod", false},          {HF_ON_SPACE, "traderx-prod", true}, {HF_ON_SPACE, "traderx-?", false},
        {HF_ON_UNIT, "trade-*", true},          {HF_ON_UNIT, "web-*", false},        {HF_ON_KIND, "Deploy*", true},
        {HF_ON_KIND, "deployment", false},      {HF_ON_NAMESPACE, "*", true},        {HF_ON_NAMESPACE, "kube-*", false},
        {HF_ON_NAME, "trade-[rs]ervice", true}, {HF_ON_NAME, "trade", false},        {HF_ON_CLASS, "leftover", true},
        {HF_ON_CLASS, "added", false},          {HF_ON_OUTCOME, "blocked", true},    {HF_ON_OUTCOME, "open", false},
        {HF_ON_TYPE, "correction.*", true},     {HF_ON_TYPE, "drift.*", false},      {HF_ON_MANAGER, "kubectl*", true},
        {HF_ON_MANAGER, "argocd", false},
    };
    return cr_make_param_array(struct match_case, CASES, sizeof CASES / sizeof CASES[0]);
}

ParameterizedTest(struct match_case *c, route, each_condition_fits_what_it_says)
{
    const char *const patterns[] = {"no-such-thing", c->pattern};
    struct hf_alert_match match = {0};
    struct hf_alert_text text = sample();
    match.on[c->on] = (struct hf_alert_patterns){patterns, 2};
    cr_expect_eq(hf_route_matches(&match, &text), c->fits, "%s: %s", hf_alert_on_name(c->on), c->pattern);
}

Test(route, all_conditions_of_a_match_must_hold_and_what_there_is_none_of_fits_nothing)
{
    const char *const any[] = {"*"};
    const char *const kind[] = {"Service"};
    struct hf_alert_match match = {.on = {[HF_ON_TARGET] = {any, 1}, [HF_ON_KIND] = {kind, 1}}};
    struct hf_alert_text text = sample();
    cr_expect_not(hf_route_matches(&match, &text));
    match.on[HF_ON_KIND] = (struct hf_alert_patterns){any, 1};
    cr_expect(hf_route_matches(&match, &text));
    text.kind = NULL;
    cr_expect_not(hf_route_matches(&match, &text), "a lost cluster is of no kind");
}

Test(route, a_units_labels_are_matched_by_pattern)
{
    struct hf_alert_text text = sample();
    const struct hf_alert_label fx[] = {{"team", "fx-*"}, {"tier", "1"}};
    const struct hf_alert_label other[] = {{"team", "fx-*"}, {"region", "*"}};
    struct hf_alert_match match = {.labels = fx, .label_count = 2};
    cr_expect(hf_route_matches(&match, &text));
    match.labels = other;
    cr_expect_not(hf_route_matches(&match, &text));
}

Test(route, a_deleted_object_is_of_class_missing)
{
    const char *const missing[] = {"missing"};
    struct hf_alert_match match = {.on = {[HF_ON_CLASS] = {missing, 1}}};
    struct hf_alert_text text = {.verdict = "missing"};
    cr_expect(hf_route_matches(&match, &text));
    text.verdict = "drifted";
    cr_expect_not(hf_route_matches(&match, &text));
}

Test(route, any_of_match_and_none_of_except)
{
    const char *const critical[] = {"critical"};
    const char *const info[] = {"info"};
    const char *const prod[] = {"prod-*"};
    struct hf_alert_match match[] = {{.on = {[HF_ON_SEVERITY] = {info, 1}}},
                                     {.on = {[HF_ON_SEVERITY] = {critical, 1}}}};
    struct hf_alert_match except = {.on = {[HF_ON_TARGET] = {prod, 1}}};
    struct hf_alert_text text = sample();
    cr_expect(hf_route_wants(NULL, 0, NULL, 0, &text), "without any: everything");
    cr_expect(hf_route_wants(match, 2, NULL, 0, &text));
    cr_expect_not(hf_route_wants(match, 1, NULL, 0, &text));
    cr_expect_not(hf_route_wants(match, 2, &except, 1, &text));
    cr_expect_not(hf_route_wants(NULL, 0, &except, 1, &text));
}

static int64_t at(const char *text)
{
    int64_t ms;
    cr_assert(hf_time_parse(hf_slice_of(text), &ms), "%s", text);
    return ms;
}

struct quiet_case {
    char zone[24];
    unsigned days;
    int from;
    int to;
    char now[32];
    char until[32]; /* "": not quiet */
};

#define EVERY 0x7Fu
#define SATURDAY (1u << 6)

ParameterizedTestParameters(route, quiet_hours_hold_by_the_wall_clock_of_their_zone)
{
    static struct quiet_case CASES[] = {
        {"UTC", EVERY, 22 * 60, 7 * 60, "2026-11-23T23:00:00.000Z", "2026-11-24T07:00:00.000Z"},
        {"UTC", EVERY, 22 * 60, 7 * 60, "2026-11-24T06:59:59.999Z", "2026-11-24T07:00:00.000Z"},
        {"UTC", EVERY, 22 * 60, 7 * 60, "2026-11-24T07:00:00.000Z", ""},
        {"UTC", EVERY, 22 * 60, 7 * 60, "2026-11-24T21:59:00.000Z", ""},
        {"UTC", SATURDAY, 0, 24 * 60, "2026-11-28T12:00:00.000Z", "2026-11-29T00:00:00.000Z"},
        {"UTC", SATURDAY, 0, 24 * 60, "2026-11-29T12:00:00.000Z", ""},
        {"UTC", SATURDAY, 20 * 60, 8 * 60, "2026-11-29T07:00:00.000Z", "2026-11-29T08:00:00.000Z"},
        {"UTC", SATURDAY, 20 * 60, 8 * 60, "2026-11-28T07:00:00.000Z", ""},
        {"UTC", EVERY, 9 * 60, 9 * 60, "2026-11-24T09:00:00.000Z", "+"},
        {"-05:00", EVERY, 22 * 60, 7 * 60, "2026-11-24T11:00:00.000Z", "2026-11-24T12:00:00.000Z"},
        {"America/New_York", EVERY, 22 * 60, 7 * 60, "2026-07-01T10:30:00.000Z", "2026-07-01T11:00:00.000Z"},
        {"America/New_York", EVERY, 22 * 60, 7 * 60, "2026-07-01T11:30:00.000Z", ""},
    };
    return cr_make_param_array(struct quiet_case, CASES, sizeof CASES / sizeof CASES[0]);
}

ParameterizedTest(struct quiet_case *c, route, quiet_hours_hold_by_the_wall_clock_of_their_zone)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_alert_hours hours = {c->days, c->from, c->to, NULL};
    cr_assert_eq(hf_zone_find(arena, NULL, c->zone, &hours.zone, &err), 0, "%s", err.text);
    int64_t until = hf_route_quiet_until(&hours, 1, at(c->now));
    if (strcmp(c->until, "+") == 0) {
        cr_expect_gt(until, at(c->now) + 86400000, "a whole day every day never ends");
    } else {
        cr_expect_eq(until, c->until[0] ? at(c->until) : HF_TIME_NONE, "%s %s", c->zone, c->now);
    }
}

Test(route, hours_that_follow_on_one_another_are_one_quiet)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_zone *utc;
    cr_assert(hf_zone_fixed(arena, "UTC", &utc));
    struct hf_alert_hours hours[] = {{EVERY, 6 * 60, 8 * 60, utc}, {EVERY, 22 * 60, 6 * 60, utc}};
    cr_expect_eq(hf_route_quiet_until(hours, 2, at("2026-11-23T23:00:00.000Z")), at("2026-11-24T08:00:00.000Z"));
}

Test(route, a_snooze_covers_what_all_its_names_match_and_no_longer_than_it_says)
{
    struct hf_alert_text text = sample();
    struct hf_alert_snooze snoozes[] = {{.target = "prod-eu", .unit = "trade-service", .until_ms = 5000},
                                        {.kind = "Service", .until_ms = 9000}};
    cr_expect_eq(hf_route_snoozed_until(snoozes, 2, &text, 4000), 5000);
    cr_expect_eq(hf_route_snoozed_until(snoozes, 2, &text, 5000), HF_TIME_NONE);
    snoozes[1].kind = "Deployment";
    cr_expect_eq(hf_route_snoozed_until(snoozes, 2, &text, 4000), 9000);
    snoozes[0].until_ms = HF_TIME_NONE;
    cr_expect_eq(hf_route_snoozed_until(snoozes, 2, &text, 4000), INT64_MAX);
    text.incident = NULL;
    cr_expect_eq(hf_route_snoozed_until(snoozes, 2, &text, 4000), HF_TIME_NONE, "that it is snoozed is told");
}
