/* Pauses: what a person has asked not to be put back for a while. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"
#include "holdfast/clock.h"

#define CONFIG "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: dev}\ndata: {a: \"1\"}\n"

static const char *unit_of(const char *name)
{
    static char text[300];
    (void)snprintf(text, sizeof text, CONFIG, name);
    return text;
}

static const char *live_of(const char *name, const char *value, int version)
{
    static char text[2000];
    (void)snprintf(text, sizeof text,
                   "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: dev\n  uid: u-%s\n  "
                   "resourceVersion: \"%d\"\n"
                   "  managedFields:\n  - {manager: confighub, operation: Apply, apiVersion: v1, time: "
                   "\"2026-03-01T09:00:00Z\", fieldsType: FieldsV1, "
                   "fieldsV1: {\"f:data\": {\"f:a\": {}}}}\n"
                   "data: {a: \"%s\"}\n",
                   name, name, version, value);
    return text;
}

static struct desk *two_units(void)
{
    struct desk *desk = desk_new(NULL);
    static char both[4000];
    desk_unit(desk, "web", unit_of("web"));
    desk_unit(desk, "api", unit_of("api"));
    desk_units(desk);
    desk_discovered(desk);
    (void)snprintf(both, sizeof both, "%s---\n", live_of("web", "1", 10));
    (void)strcat(both, live_of("api", "1", 10));
    desk_list(desk, "ConfigMap", both);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "api", NULL), HF_IN_SYNC);
    return desk;
}

static struct hf_pause pause_of_web(void)
{
    return (struct hf_pause){.id = "p-1",
                             .target = "dev",
                             .unit = "web",
                             .by = "alice",
                             .reason = "looking into it",
                             .since_ms = 0,
                             .until_ms = HF_TIME_NONE,
                             .ended_ms = HF_TIME_NONE};
}

static void set_pauses(struct desk *desk, const struct hf_pauses *pauses)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_agent_pauses(desk->agent, pauses, &err), 0, "%s", err.text);
}

Test(pauses, what_is_paused_is_told_once_with_who_and_why_and_left_as_it_is)
{
    struct desk *desk = two_units();
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    char reason[400];
    set_pauses(desk, &pauses);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", reason), HF_BLOCKED);
    cr_assert(strstr(reason, "paused by alice: looking into it"), "%s", reason);
    desk_change(desk, "ConfigMap", live_of("web", "9", 12));
    desk_wait(desk, 3600000);
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk_count(desk, "drift.seen"), 1);
    cr_assert_eq(desk_count(desk, "correction.blocked"), 1);
    desk_free(desk);
}

Test(pauses, another_unit_is_put_back_meanwhile)
{
    struct desk *desk = two_units();
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    set_pauses(desk, &pauses);
    desk_change(desk, "ConfigMap", live_of("api", "9", 11));
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "apply");
    cr_assert_str_eq(request->name, "api");
    desk_free(desk);
}

Test(pauses, what_was_drifted_is_put_back_at_once_when_the_pause_ends)
{
    struct desk *desk = two_units();
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    struct hf_pauses none = {0};
    set_pauses(desk, &pauses);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_null(desk_next(desk));
    set_pauses(desk, &none);
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request, "it is looked at again");
    cr_assert_str_eq(request->what, "get");
    desk_answer(desk, request, HF_OK, live_of("web", "9", 11));
    request = desk_next(desk);
    cr_assert_not_null(request, "and put back");
    cr_assert_str_eq(request->what, "apply");
    desk_answer(desk, request, HF_OK, live_of("web", "1", 12));
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 1);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    desk_free(desk);
}

Test(pauses, a_pause_with_an_end_ends_by_itself)
{
    struct desk *desk = two_units();
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    char reason[400];
    desk_change(desk, "ConfigMap", live_of("api", "1", 11));
    pause.until_ms = 1772357400000 + desk->mono + 600000; /* the desk's wall clock */
    set_pauses(desk, &pauses);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", reason), HF_BLOCKED);
    cr_assert(strstr(reason, "paused by alice until "), "%s", reason);
    desk_wait(desk, 599000);
    cr_assert_null(desk_next(desk));
    desk_wait(desk, 2000);
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request);
    if (strcmp(request->what, "get") == 0) {
        desk_answer(desk, request, HF_OK, live_of("web", "9", 11));
        request = desk_next(desk);
        cr_assert_not_null(request);
    }
    cr_assert_str_eq(request->what, "apply");
    desk_free(desk);
}

Test(pauses, what_waited_for_its_record_is_not_sent_once_it_is_paused)
{
    struct desk *desk = two_units();
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    desk_change(desk, "ConfigMap", live_of("web", "9", 11)); /* its intent is not durable yet */
    set_pauses(desk, &pauses);
    struct desk_request *request = desk_next(desk);
    if (request) {
        cr_assert_str_eq(request->what, "get", "found %s", request->what);
        desk_answer(desk, request, HF_OK, live_of("web", "9", 11));
    }
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_BLOCKED);
    desk_free(desk);
}

Test(pauses, a_paused_object_that_someone_puts_right_is_healed)
{
    struct desk *desk = two_units();
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    set_pauses(desk, &pauses);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    desk_change(desk, "ConfigMap", live_of("web", "1", 12));
    cr_assert_eq(desk_count(desk, "drift.healed"), 1);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    desk_free(desk);
}

/* Whether a pause of that one name besides the target keeps `web` from being put back. */
static bool is_kept(const char *field, const char *value)
{
    struct desk *desk = two_units();
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    pause.unit = NULL;
    pause.target = strcmp(field, "target") == 0 ? value : "dev";
    pause.space = strcmp(field, "space") == 0 ? value : NULL;
    pause.unit = strcmp(field, "unit") == 0 ? value : NULL;
    pause.kind = strcmp(field, "kind") == 0 ? value : NULL;
    pause.namespace = strcmp(field, "namespace") == 0 ? value : NULL;
    pause.name = strcmp(field, "name") == 0 ? value : NULL;
    set_pauses(desk, &pauses);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    bool kept = desk_next(desk) == NULL;
    desk_free(desk);
    return kept;
}

Test(pauses, a_pause_covers_what_all_its_names_say_exactly)
{
    cr_expect(is_kept("target", "dev"));
    cr_expect_not(is_kept("target", "prod"));
    cr_expect(is_kept("unit", "web"));
    cr_expect_not(is_kept("unit", "we"));
    cr_expect_not(is_kept("unit", "api"));
    cr_expect(is_kept("kind", "ConfigMap"));
    cr_expect_not(is_kept("kind", "Secret"));
    cr_expect(is_kept("namespace", "dev"));
    cr_expect_not(is_kept("namespace", "prod"));
    cr_expect(is_kept("name", "web"));
    cr_expect_not(is_kept("name", "api"));
    cr_expect_not(is_kept("space", "elsewhere"));
}

static void resume_incident(struct desk *desk, const char *message)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_event newest = {.at_ms = 1772357300000,
                                    .type = "correction.blocked",
                                    .severity = "warning",
                                    .incident = "20260301-092820-0000abcd",
                                    .target = "dev",
                                    .api_version = "v1",
                                    .kind = "ConfigMap",
                                    .namespace = "dev",
                                    .name = "web",
                                    .drifted_at_ms = HF_TIME_NONE,
                                    .seen_at_ms = 1772357300000,
                                    .corrected_at_ms = HF_TIME_NONE,
                                    .message = message};
    cr_assert_eq(hf_agent_resume(desk->agent, &newest, &err), 0);
}

/* An agent that begins with an incident that it had left blocked, as the trail says. */
static struct desk *restarted_with(const struct hf_pauses *pauses, const char *message)
{
    struct desk *desk = desk_new(NULL);
    resume_incident(desk, message);
    set_pauses(desk, pauses);
    desk_unit(desk, "web", unit_of("web"));
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "ConfigMap", live_of("web", "9", 11));
    return desk;
}

Test(pauses, a_restart_does_not_tell_again_what_is_still_paused)
{
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    struct desk *first = restarted_with(&pauses, "something else");
    cr_assert_eq(desk_count(first, "correction.blocked"), 1, "another reason is told");
    char message[400];
    (void)snprintf(message, sizeof message, "%s", desk_last(first, "correction.blocked")->message);
    desk_free(first);
    struct desk *desk = restarted_with(&pauses, message);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_BLOCKED);
    cr_assert_eq(desk_count(desk, "correction.blocked"), 0, "%s", message);
    desk_free(desk);
}

Test(pauses, what_was_told_as_open_is_told_as_closed_when_its_unit_is_taken_away)
{
    struct desk *desk = two_units();
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    set_pauses(desk, &pauses);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_eq(desk_count(desk, "correction.blocked"), 1);
    desk_unit(desk, "web", NULL);
    desk_units(desk);
    cr_assert_eq(desk_count(desk, "drift.dismissed"), 1);
    cr_assert(desk_last(desk, "drift.dismissed")->alert, "a pager that was told of it waits for its end");
    desk_free(desk);
}

Test(pauses, whoever_heard_of_a_drift_that_is_being_put_back_hears_that_it_is_closed)
{
    struct desk *desk = two_units();
    desk_change(desk, "ConfigMap", live_of("web", "9", 11)); /* its correction is about to be sent */
    desk_unit(desk, "web", NULL);
    desk_units(desk);
    cr_assert_eq(desk_count(desk, "drift.dismissed"), 1);
    cr_assert(desk_last(desk, "drift.seen")->alert);
    cr_assert(strstr(desk_last(desk, "drift.seen")->detail, "\"correcting\":true"));
    cr_assert(desk_last(desk, "drift.dismissed")->alert);
    desk_free(desk);
}

Test(pauses, a_pause_that_held_before_the_start_is_ended_as_any_other)
{
    struct hf_pause pause = pause_of_web();
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    struct hf_pauses none = {0};
    struct desk *desk = restarted_with(&pauses, "something else");
    cr_assert_null(desk_next(desk));
    set_pauses(desk, &none);
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request, "it is looked at again");
    desk_free(desk);
}
