/* Units of ConfigHub: a difference is believed only once ConfigHub has said that the unit is still as it was told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

TestSuite(hub, .timeout = 30);

static const char *unit_of(const char *value)
{
    static char text[400];
    (void)snprintf(text, sizeof text,
                   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: dev}\ndata: {a: \"%s\"}\n",
                   value);
    return text;
}

static const char *live_of(const char *value, int version)
{
    static char text[900];
    (void)snprintf(
        text, sizeof text,
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: dev\n  uid: u-web\n"
        "  resourceVersion: \"%d\"\n  managedFields:\n  - {manager: confighub, operation: Apply, apiVersion: v1, "
        "time: \"2026-03-01T09:00:00Z\", fieldsType: FieldsV1, fieldsV1: {\"f:data\": {\"f:a\": {}}}}\n"
        "data: {a: \"%s\"}\n",
        version, value);
    return text;
}

static void set(struct desk *desk, const char *value, enum hf_unit_state state, enum hf_unit_mode mode,
                int64_t revision)
{
    desk_unit(desk, "web", unit_of(value));
    (void)desk_hub(desk, "web", state, mode, revision);
    desk_units(desk);
}

static struct desk *in_sync_by(const char *pack, enum hf_unit_mode mode, const struct hf_agent_target_options *options)
{
    struct desk *desk = desk_new(pack);
    struct hf_error err = HF_ERROR_INIT;
    if (options) {
        cr_assert_eq(hf_agent_target_set(desk->agent, options, &err), 0, "%s", err.text);
    }
    desk_unit(desk, "web", unit_of("1"));
    (void)desk_hub(desk, "web", HF_UNIT_READY, mode, 1);
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "ConfigMap", live_of("1", 10));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    return desk;
}

static struct desk *in_sync_as(enum hf_unit_mode mode, const struct hf_agent_target_options *options)
{
    return in_sync_by(NULL, mode, options);
}

static struct desk *in_sync(void)
{
    return in_sync_as(HF_UNIT_ON_DEMAND, NULL);
}

static void expect_request(struct desk *desk, const char *what)
{
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request, "expected %s", what);
    cr_assert_str_eq(request->what, what);
}

static void confirmed(struct desk *desk, enum hf_code code)
{
    struct hf_error state = HF_ERROR_INIT;
    struct hf_error err = HF_ERROR_INIT;
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request, "it was not asked");
    cr_assert_str_eq(request->what, "confirm");
    request->answered = true;
    if (code != HF_OK) {
        (void)hf_error_set(&state, code, "what ConfigHub said");
    }
    cr_assert_eq(hf_agent_confirmed(desk->agent, "dev", "space-id", "id-web", &state, &err), 0, "%s", err.text);
}

static void read_as(struct desk *desk, const char *live)
{
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "get");
    desk_answer(desk, request, HF_OK, live);
}

Test(hub, a_drift_is_believed_once_the_unit_is_still_as_it_was_told)
{
    struct desk *desk = in_sync();
    char reason[400];
    desk_change(desk, "ConfigMap", live_of("9", 11));
    cr_assert_eq(desk_count(desk, "drift.seen"), 0);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", reason), HF_PENDING);
    cr_assert(strstr(reason, "ConfigHub is asked"), "%s", reason);
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    cr_assert_eq(desk_count(desk, "drift.seen"), 1);
    expect_request(desk, "apply");
    desk_free(desk);
}

Test(hub, a_rollout_that_was_not_told_yet_is_no_drift)
{
    struct desk *desk = in_sync();
    desk_change(desk, "ConfigMap", live_of("2", 11));
    set(desk, "2", HF_UNIT_READY, HF_UNIT_ON_DEMAND, 2); /* the source tells it before it says that it has changed */
    confirmed(desk, HF_OK);
    while (desk_next(desk)) {
        read_as(desk, live_of("2", 11));
    }
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    cr_assert_eq(desk_count(desk, "drift.seen") + desk_count(desk, "correction.intended"), 0);
    desk_free(desk);
}

Test(hub, an_answer_counts_for_the_live_form_that_it_was_asked_for_and_no_later_one)
{
    struct desk *desk = in_sync();
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    desk_answer(desk, desk_next(desk), HF_OK, live_of("1", 12));
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 1);
    desk_change(desk, "ConfigMap", live_of("1", 12));
    desk_change(desk, "ConfigMap", live_of("2", 13)); /* at once: a rollout */
    cr_assert_eq(desk_count(desk, "drift.seen"), 1);
    expect_request(desk, "confirm");
    desk_free(desk);
}

Test(hub, a_rollout_between_the_answer_and_the_read_after_it_is_asked_about_anew)
{
    struct desk *desk = in_sync();
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("2", 12)); /* not what was asked about */
    cr_assert_eq(desk_count(desk, "drift.seen"), 0);
    expect_request(desk, "confirm");
    desk_free(desk);
}

Test(hub, an_answer_that_came_with_a_rollout_counts_for_no_later_one)
{
    struct desk *desk = in_sync();
    desk_change(desk, "ConfigMap", live_of("2", 11));
    set(desk, "2", HF_UNIT_READY, HF_UNIT_ON_DEMAND, 2);
    confirmed(desk, HF_OK);
    while (desk_next(desk)) {
        read_as(desk, live_of("2", 11));
    }
    desk_change(desk, "ConfigMap", live_of("3", 12));
    cr_assert_eq(desk_count(desk, "drift.seen"), 0, "it was put back to the revision before");
    expect_request(desk, "confirm");
    desk_free(desk);
}

Test(hub, a_change_while_a_correction_waits_is_asked_about_before_it_is_sent)
{
    struct desk *desk = in_sync();
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    struct desk_request *request = desk_next(desk);
    cr_assert_str_eq(request->what, "apply");
    desk_answer(desk, request, HF_EUNAVAILABLE, "the server is overloaded");
    desk_change(desk, "ConfigMap", live_of("2", 12));
    desk_wait(desk, 3000);
    read_as(desk, live_of("2", 12)); /* whether the lost write has arrived */
    expect_request(desk, "confirm");
    desk_free(desk);
}

Test(hub, while_confighub_is_away_what_it_said_last_is_held_to)
{
    struct desk *desk = in_sync();
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_EUNAVAILABLE);
    read_as(desk, live_of("9", 11));
    cr_assert_eq(desk_count(desk, "drift.seen"), 1);
    expect_request(desk, "apply");
    desk_free(desk);
}

Test(hub, a_refused_login_is_no_leave_to_correct_and_is_asked_again)
{
    struct desk *desk = in_sync();
    char reason[400];
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_EDENIED);
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", reason), HF_PENDING);
    cr_assert(strstr(reason, "what ConfigHub said"), "%s", reason);
    desk_wait(desk, 11000);
    read_as(desk, live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    expect_request(desk, "apply");
    desk_free(desk);
}

Test(hub, while_confighub_applies_neither_revision_is_drift)
{
    struct desk *desk = in_sync();
    char reason[400];
    set(desk, "1", HF_UNIT_APPLYING, HF_UNIT_ON_DEMAND, 1);
    desk_change(desk, "ConfigMap", live_of("2", 11));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", reason), HF_PENDING);
    cr_assert(strstr(reason, "as ConfigHub says"), "%s", reason);
    confirmed(desk, HF_OK); /* how it ends is asked for, however rarely it is polled */
    read_as(desk, live_of("2", 11));
    desk_wait(desk, 2100);
    read_as(desk, live_of("2", 11));
    set(desk, "2", HF_UNIT_READY, HF_UNIT_ON_DEMAND, 2);
    confirmed(desk, HF_OK);
    read_as(desk, live_of("2", 11));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    cr_assert_eq(desk_count(desk, "drift.seen"), 0);
    cr_assert_eq(desk_count(desk, "unit.state"), 2, "both changes of state are recorded");
    desk_free(desk);
}

Test(hub, an_apply_that_ends_without_change_leaves_the_drift_to_be_put_back)
{
    struct desk *desk = in_sync();
    set(desk, "1", HF_UNIT_APPLYING, HF_UNIT_ON_DEMAND, 1);
    desk_change(desk, "ConfigMap", live_of("9", 11));
    set(desk, "1", HF_UNIT_READY, HF_UNIT_ON_DEMAND, 1);
    confirmed(desk, HF_OK);
    for (int i = 0; i < 6 && strcmp(desk_next(desk)->what, "apply") != 0; i++) {
        if (strcmp(desk_next(desk)->what, "get") == 0) {
            read_as(desk, live_of("9", 11));
        } else {
            confirmed(desk, HF_OK);
        }
    }
    expect_request(desk, "apply");
    desk_free(desk);
}

Test(hub, a_unit_that_follows_live_is_recorded_and_never_undone)
{
    struct desk *desk = in_sync_as(HF_UNIT_CONTINUOUS_REFRESH, NULL);
    char reason[400];
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    cr_assert_eq(desk_count(desk, "drift.seen"), 1);
    cr_assert_str_eq(desk_last(desk, "drift.seen")->severity, "info");
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", reason), HF_DRIFTED);
    cr_assert(strstr(reason, "follows live"), "%s", reason);
    desk_wait(desk, 600000);
    cr_assert_eq(desk_count(desk, "correction.intended"), 0);
    desk_free(desk);
}

Test(hub, confighubs_own_worker_has_its_time_before_holdfast_steps_in)
{
    struct desk *desk = in_sync_as(HF_UNIT_CONTINUOUS_APPLY, NULL);
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    cr_assert_eq(desk_count(desk, "drift.seen"), 1);
    desk_wait(desk, 50000);
    cr_assert_eq(desk_count(desk, "correction.intended"), 0);
    desk_wait(desk, 12000);
    read_as(desk, live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    expect_request(desk, "apply");
    desk_free(desk);
}

Test(hub, what_confighubs_worker_put_back_in_time_is_healed)
{
    struct desk *desk = in_sync_as(HF_UNIT_CONTINUOUS_APPLY, NULL);
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    desk_wait(desk, 8000);
    desk_change(desk, "ConfigMap", live_of("1", 12));
    cr_assert_eq(desk_count(desk, "drift.healed"), 1);
    cr_assert_eq(desk_count(desk, "correction.intended"), 0);
    desk_free(desk);
}

Test(hub, objects_of_a_unit_that_holds_nothing_now_are_left_as_they_are)
{
    static const enum hf_unit_state STATES[] = {HF_UNIT_DESTROYED, HF_UNIT_OTHER_TARGET, HF_UNIT_NO_TARGET};
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        struct desk *desk = in_sync();
        set(desk, "1", STATES[i], HF_UNIT_ON_DEMAND, 0);
        desk->units[0]->document_count = 0;
        desk_units(desk);
        desk_wait(desk, 60000);
        cr_assert_null(desk_next(desk));
        cr_assert_eq(desk_count(desk, "drift.seen") + desk_count(desk, "extra.seen"), 0);
        desk_free(desk);
    }
}

static const struct hf_agent_target_options BY_SOURCE = {
    .name = "dev", .correct = true, .manager = "confighub", .parallel = 8, .apply_by_source = true};

static struct desk_request *drifts_by_source(struct desk *desk)
{
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "apply_unit");
    request->answered = true;
    return request;
}

static void applied(struct desk *desk, const struct desk_request *request, enum hf_code code)
{
    struct hf_error state = HF_ERROR_INIT;
    struct hf_error err = HF_ERROR_INIT;
    if (code != HF_OK) {
        (void)hf_error_set(&state, code, "the worker is away");
    }
    cr_assert_eq(hf_agent_unit_applied(desk->agent, request->ticket, "ConfigHub's action completed", &state, &err), 0);
}

Test(hub, a_correction_through_confighub_is_recorded_before_and_judged_after)
{
    struct desk *desk = in_sync_as(HF_UNIT_ON_DEMAND, &BY_SOURCE);
    struct desk_request *request = drifts_by_source(desk);
    cr_assert_eq(desk_count(desk, "correction.intended"), 1);
    cr_assert(strstr(desk_last(desk, "correction.intended")->message, "unit web at revision 1"), "%s",
              desk_last(desk, "correction.intended")->message);
    applied(desk, request, HF_OK);
    cr_assert_str_eq(desk_last(desk, "correction.sent")->message, "ConfigHub's action completed");
    read_as(desk, live_of("1", 12));
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 1);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    desk_free(desk);
}

Test(hub, where_confighubs_action_fails_a_direct_apply_takes_over)
{
    struct desk *desk = in_sync_as(HF_UNIT_ON_DEMAND, &BY_SOURCE);
    applied(desk, drifts_by_source(desk), HF_ETIMEOUT);
    cr_assert(strstr(desk_last(desk, "correction.failed")->message, "the worker is away"));
    read_as(desk, live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    expect_request(desk, "apply");
    desk_free(desk);
}

Test(hub, without_fallback_a_failed_action_is_told_and_tried_again)
{
    struct hf_agent_target_options options = BY_SOURCE;
    options.no_fallback = true;
    struct desk *desk = in_sync_as(HF_UNIT_ON_DEMAND, &options);
    applied(desk, drifts_by_source(desk), HF_EREFUSED);
    cr_assert_eq(desk_count(desk, "correction.blocked"), 1);
    cr_assert(desk_last(desk, "correction.blocked")->alert);
    desk_wait(desk, 300000);
    if (strcmp(desk_next(desk)->what, "confirm") == 0) {
        confirmed(desk, HF_OK);
        read_as(desk, live_of("9", 11));
    }
    expect_request(desk, "apply_unit");
    desk_free(desk);
}

Test(hub, what_an_action_left_different_is_applied_directly)
{
    struct desk *desk = in_sync_as(HF_UNIT_ON_DEMAND, &BY_SOURCE);
    applied(desk, drifts_by_source(desk), HF_OK);
    read_as(desk, live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    expect_request(desk, "apply");
    desk_free(desk);
}

Test(hub, a_rule_may_say_how_it_is_put_back)
{
    struct desk *desk = in_sync_by("pack: mine\nrules:\n- {name: by-hub, match: {kind: ConfigMap}, apply_by: "
                                   "confighub-only}\n",
                                   HF_UNIT_ON_DEMAND, NULL);
    applied(desk, drifts_by_source(desk), HF_EREFUSED);
    cr_assert_eq(desk_count(desk, "correction.blocked"), 1, "it was put back by something else");
    desk_free(desk);

    desk = in_sync_by("pack: mine\nrules:\n- {name: by-us, match: {kind: ConfigMap}, apply_by: direct}\n",
                      HF_UNIT_ON_DEMAND, &BY_SOURCE);
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    expect_request(desk, "apply");
    desk_free(desk);
}

#define ACCEPTS "pack: mine\nrules:\n- {name: theirs, match: {kind: ConfigMap, path: /data/a}, action: accept%s}\n"

static void drifts_accepted(struct desk *desk)
{
    desk_change(desk, "ConfigMap", live_of("9", 11));
    confirmed(desk, HF_OK);
    read_as(desk, live_of("9", 11));
    cr_assert_eq(desk_count(desk, "drift.seen"), 1);
    cr_assert_null(desk_next(desk));
}

/* Reads what is asked for until the agent asks for something else, or for nothing in that time. */
static struct desk_request *next_in(struct desk *desk, int64_t ms)
{
    for (int64_t waited = 0; waited <= ms; waited += 500) {
        struct desk_request *request = desk_next(desk);
        if (request && strcmp(request->what, "get") == 0) {
            desk_answer(desk, request, HF_OK, live_of("9", 11));
        } else if (request && strcmp(request->what, "confirm") == 0) {
            confirmed(desk, HF_OK);
        } else if (request) {
            return request;
        }
        desk_wait(desk, 500);
    }
    return NULL;
}

Test(hub, what_a_rule_accepts_becomes_a_revision_once_it_has_lasted)
{
    char pack[300];
    (void)snprintf(pack, sizeof pack, ACCEPTS, "");
    struct desk *desk = in_sync_by(pack, HF_UNIT_ON_DEMAND, NULL);
    drifts_accepted(desk);
    cr_assert_null(next_in(desk, 9000), "it was accepted before it had lasted");
    struct desk_request *request = next_in(desk, 3000);
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "accept_unit");
    cr_assert_str_eq(request->body, "mine/theirs");
    request->answered = true;
    cr_assert_null(next_in(desk, 300000), "it was asked for twice");
    desk_free(desk);
}

Test(hub, what_comes_and_goes_is_not_accepted)
{
    char pack[300];
    (void)snprintf(pack, sizeof pack, ACCEPTS, ", grace: 1m");
    struct desk *desk = in_sync_by(pack, HF_UNIT_ON_DEMAND, NULL);
    drifts_accepted(desk);
    cr_assert_null(next_in(desk, 50000));
    desk_change(desk, "ConfigMap", live_of("1", 12));
    cr_assert_null(next_in(desk, 100000));
    desk_free(desk);
}

Test(hub, a_unit_of_which_something_else_differs_too_is_not_accepted_by_a_rule)
{
    char pack[300];
    (void)snprintf(pack, sizeof pack, ACCEPTS, "");
    struct desk *desk = in_sync_by(pack, HF_UNIT_CONTINUOUS_REFRESH, NULL);
    drifts_accepted(desk);
    cr_assert_null(next_in(desk, 60000), "a unit that follows live by itself was accepted");
    desk_free(desk);
}
