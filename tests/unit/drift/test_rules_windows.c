/* When corrections wait. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "rules_fixture.h"

struct window_case {
    char windows[240];
    char at[32];
    bool held;
    char until[32]; /* "": not within 8 days */
};

/* 2026-03-02 is a Monday. New York: EST until 2026-03-08 07:00Z, EDT until 2026-11-01 06:00Z. */
ParameterizedTestParameters(windows, corrections_wait_as_the_wall_clock_says)
{
    static struct window_case cases[] = {
        {"hold_during: [{days: mon-fri, from: '09:00', to: '17:00'}]", "2026-03-02T08:59:59Z", false, ""},
        {"hold_during: [{days: mon-fri, from: '09:00', to: '17:00'}]", "2026-03-02T09:00:00Z", true,
         "2026-03-02T17:00:00.000Z"},
        {"hold_during: [{days: mon-fri, from: '09:00', to: '17:00'}]", "2026-03-02T17:00:00Z", false, ""},
        {"hold_during: [{days: mon-fri, from: '09:00', to: '17:00'}]", "2026-03-01T12:00:00Z", false, ""},
        {"hold_during: [{days: fri-mon, from: '09:00', to: '17:00'}]", "2026-03-01T12:00:00Z", true,
         "2026-03-01T17:00:00.000Z"},
        {"hold_during: [{days: [sat, sun]}]", "2026-02-28T00:00:00Z", true, "2026-03-02T00:00:00.000Z"},
        {"hold_during: [{days: [sat, sun]}]", "2026-03-02T00:00:00Z", false, ""},
        {"hold_during: [{days: fri, from: '22:00', to: '02:00'}]", "2026-03-07T01:00:00Z", true,
         "2026-03-07T02:00:00.000Z"},
        {"hold_during: [{days: fri, from: '22:00', to: '02:00'}]", "2026-03-06T01:00:00Z", false, ""},
        {"hold_during: [{from: '09:00', to: '17:00', zone: '+02:00'}]", "2026-03-02T07:00:00Z", true,
         "2026-03-02T15:00:00.000Z"},
        {"hold_during: [{from: '09:00', to: '17:00', zone: '-05:30'}]", "2026-03-02T14:29:00Z", false, ""},
        {"hold_during: [{from: '22:00'}]", "2026-03-02T23:00:00Z", true, "2026-03-03T00:00:00.000Z"},
        {"hold_during: [{to: '06:00'}]", "2026-03-02T05:00:00Z", true, "2026-03-02T06:00:00.000Z"},
        {"hold_during: [{from: '00:00', to: '24:00'}]", "2026-03-02T05:00:00Z", true, ""},
        {"correct_only_during: [{days: mon-fri, from: '18:00', to: '06:00'}]", "2026-03-02T12:00:00Z", true,
         "2026-03-02T18:00:00.000Z"},
        {"correct_only_during: [{days: mon-fri, from: '18:00', to: '06:00'}]", "2026-03-03T05:59:59Z", false, ""},
        {"correct_only_during: [{days: mon-fri, from: '18:00', to: '06:00'}]", "2026-03-07T12:00:00Z", true,
         "2026-03-09T18:00:00.000Z"},
        {"correct_only_during: [{days: mon-fri, from: '18:00', to: '06:00'}]", "2026-03-02T05:00:00Z", true,
         "2026-03-02T18:00:00.000Z"},
        {"correct_only_during: [{from: 2026-12-24T00:00:00Z, to: 2026-12-25T00:00:00Z}]", "2026-03-02T05:00:00Z", true,
         ""},
        {"correct_only_during: [{from: 2026-12-24T00:00:00Z, to: 2026-12-25T00:00:00Z}]", "2026-12-20T05:00:00Z", true,
         "2026-12-24T00:00:00.000Z"},
        {"hold_during: [{from: 2026-12-24T00:00:00+01:00, to: 2026-12-27T00:00:00+01:00}]", "2026-12-23T23:00:00Z",
         true, "2026-12-26T23:00:00.000Z"},
        {"hold_during: [{from: 2026-12-24T00:00:00Z, to: 2026-12-27T00:00:00Z}]", "2026-12-27T00:00:00Z", false, ""},
        /* Joined windows are one wait; a hold within an open window counts. */
        {"hold_during: [{from: '08:00', to: '12:00'}, {from: '12:00', to: '14:00'}]", "2026-03-02T09:00:00Z", true,
         "2026-03-02T14:00:00.000Z"},
        {"correct_only_during: [{from: '08:00', to: '12:00'}]\n    hold_during: [{from: '07:00', to: '09:00'}]",
         "2026-03-02T06:00:00Z", true, "2026-03-02T09:00:00.000Z"},
        {"correct_only_during: [{from: '08:00', to: '12:00'}]\n    hold_during: [{from: '07:00', to: '13:00'}]",
         "2026-03-02T10:00:00Z", true, ""},
        /* Summer time: the same wall clock, another instant. */
        {"hold_during: [{days: mon-fri, from: '09:30', to: '16:00', zone: America/New_York}]", "2026-03-06T14:29:59Z",
         false, ""},
        {"hold_during: [{days: mon-fri, from: '09:30', to: '16:00', zone: America/New_York}]", "2026-03-06T14:30:00Z",
         true, "2026-03-06T21:00:00.000Z"},
        {"hold_during: [{days: mon-fri, from: '09:30', to: '16:00', zone: America/New_York}]", "2026-03-09T13:30:00Z",
         true, "2026-03-09T20:00:00.000Z"},
        {"hold_during: [{days: mon-fri, from: '09:30', to: '16:00', zone: America/New_York}]", "2026-11-02T14:29:59Z",
         false, ""},
        {"correct_only_during: [{days: sun, from: '02:30', to: '03:30', zone: America/New_York}]",
         "2026-03-08T06:00:00Z", true, "2026-03-15T06:30:00.000Z"},
        {"hold_during: [{days: sun, from: '01:30', to: '02:30', zone: America/New_York}]", "2026-11-01T06:45:00Z", true,
         "2026-11-01T07:30:00.000Z"},
        {"hold_during: [{days: sun, from: '01:30', to: '02:30', zone: America/New_York}]", "2026-11-01T05:30:00Z", true,
         "2026-11-01T07:30:00.000Z"},
        /* Far beyond the table: the rule in the file's footer. */
        {"hold_during: [{from: '09:30', to: '16:00', zone: America/New_York}]", "2199-07-01T13:30:00Z", true,
         "2199-07-01T20:00:00.000Z"},
        {"hold_during: [{from: '09:30', to: '16:00', zone: Australia/Sydney}]", "2150-01-15T22:30:00Z", true,
         "2150-01-16T05:00:00.000Z"},
    };
    return cr_make_param_array(struct window_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct window_case *one, windows, corrections_wait_as_the_wall_clock_says)
{
    char pack[400];
    char until[HF_TIME_TEXT];
    (void)snprintf(pack, sizeof pack, "pack: mine\nrules:\n  - name: a\n    %s\n", one->windows);
    struct hf_rules *rules = rules_of(pack);
    struct hf_decision decision = rules_ask(rules, (struct asking){.kind = "Pod", .path = "/spec", .at = one->at});
    hf_time_format(decision.held_until_ms, until);
    cr_expect_eq(decision.held_now, one->held, "%s at %s", one->windows, one->at);
    cr_expect_str_eq(until, one->until, "%s at %s: until %s", one->windows, one->at, until);
    cr_expect_str_eq(decision.by[HF_BY_WINDOWS], "mine/a");
    hf_rules_free(rules);
}

Test(windows, without_a_time_none_counts)
{
    struct hf_rules *rules = rules_of("pack: mine\nrules: [{name: a, hold_during: [{from: '00:00', to: '24:00'}]}]");
    cr_expect_not(rules_ask(rules, (struct asking){.kind = "Pod"}).held_now);
    cr_expect(rules_ask(rules, (struct asking){.kind = "Pod", .at = "2026-03-02T00:00:00Z"}).held_now);
    hf_rules_free(rules);
}

Test(windows, without_a_way_to_read_zones_only_offsets_are_taken)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_rules *rules;
    static const char NAMED[] = "pack: a\nrules: [{name: a, hold_during: [{from: '09:00', zone: Europe/Berlin}]}]";
    static const char OFFSET[] = "pack: b\nrules: [{name: a, hold_during: [{from: '09:00', zone: '+01:00'}]}]";
    cr_assert_eq(hf_rules_new(&rules, &err), 0);
    cr_expect_eq(hf_rules_add(rules, "a", NAMED, sizeof NAMED - 1, &err), -1);
    cr_expect_not_null(strstr(err.text, "no time zones can be read here"), "%s", err.text);
    cr_expect_eq(hf_rules_add(rules, "b", OFFSET, sizeof OFFSET - 1, &err), 0, "%s", err.text);
    hf_rules_free(rules);
}
