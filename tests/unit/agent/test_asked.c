/* What a person asks about one unit: how it stands, and that it is put back now. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

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

static struct desk *web(const char *pack, bool correct)
{
    struct desk *desk = desk_new(pack);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_target_options options = {.name = "dev",
                                              .correct = correct,
                                              .manager = "confighub",
                                              .parallel = 8,
                                              .fight_times = 2,
                                              .fight_within_ms = 600000};
    cr_assert_eq(hf_agent_target_set(desk->agent, &options, &err), 0);
    desk_unit(desk, "web", unit_of("web"));
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "ConfigMap", live_of("web", "1", 10));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    return desk;
}

/* What it answered: HF_OK and how many objects, or why not. */
static size_t put_back(struct desk *desk, enum hf_code wanted)
{
    struct hf_error err = HF_ERROR_INIT;
    size_t count = 99;
    int result = hf_agent_put_back(desk->agent, "dev", NULL, "web", NULL, &count, &err);
    cr_assert_eq(err.code, wanted, "%s", err.text);
    cr_assert_eq(result, wanted == HF_OK ? 0 : -1);
    return count;
}

/* The read that comes first is answered as live is, then the apply is expected. */
static void expect_apply(struct desk *desk, const char *value, int version)
{
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "get");
    desk_answer(desk, request, HF_OK, live_of("web", value, version));
    request = desk_next(desk);
    cr_assert_not_null(request, "nothing was put back");
    cr_assert_str_eq(request->what, "apply");
    desk_answer(desk, request, HF_OK, live_of("web", "1", version + 1));
}

TestSuite(asked, .timeout = 30);

Test(asked, what_an_observed_target_holds_is_put_back_once_and_no_longer)
{
    struct desk *desk = web(NULL, false);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_null(desk_next(desk), "it is only observed");
    cr_assert_eq(put_back(desk, HF_OK), 1);
    expect_apply(desk, "9", 11);
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 1);
    cr_assert_eq(desk->unrecorded, 0);
    desk_change(desk, "ConfigMap", live_of("web", "8", 13));
    cr_assert_null(desk_next(desk), "the next drift is nobody's wish");
    desk_free(desk);
}

Test(asked, a_wish_that_is_not_fulfilled_in_a_minute_is_over)
{
    struct desk *desk = web(NULL, false);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_eq(put_back(desk, HF_OK), 1);
    struct desk_request *request = desk_next(desk);
    desk_wait(desk, 61000);
    desk_answer(desk, request, HF_OK, live_of("web", "9", 11));
    cr_assert_null(desk_next(desk));
    desk_wait(desk, 600000);
    cr_assert_null(desk_next(desk));
    desk_free(desk);
}

Test(asked, grace_is_cut_short)
{
    struct desk *desk = web("pack: mine\nrules:\n- {name: slowly, match: {kind: ConfigMap}, grace: 1h}\n", true);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_null(desk_next(desk));
    cr_assert_eq(put_back(desk, HF_OK), 1);
    expect_apply(desk, "9", 11);
    desk_free(desk);
}

Test(asked, a_path_that_was_fought_over_is_put_back_when_a_person_says_so)
{
    struct desk *desk = web(NULL, true);
    int version = 11;
    for (int i = 0; i < 2; i++, version += 2) {
        desk_change(desk, "ConfigMap", live_of("web", "9", version));
        struct desk_request *request = desk_next(desk);
        cr_assert_not_null(request, "%d: %s", i, desk->events[desk->event_count - 1].message);
        cr_assert_str_eq(request->what, "apply");
        desk_answer(desk, request, HF_OK, live_of("web", "1", version + 1));
        desk_change(desk, "ConfigMap", live_of("web", "1", version + 1));
    }
    desk_change(desk, "ConfigMap", live_of("web", "9", version));
    cr_assert_null(desk_next(desk), "a fight is not stopped");
    cr_assert_eq(put_back(desk, HF_OK), 1);
    expect_apply(desk, "9", version);
    desk_free(desk);
}

Test(asked, what_a_rule_leaves_stays_and_the_rule_is_named)
{
    struct desk *desk = web("pack: mine\nrules:\n- {name: left, match: {kind: ConfigMap}, action: observe}\n", true);
    struct hf_error err = HF_ERROR_INIT;
    size_t count;
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_eq(hf_agent_put_back(desk->agent, "dev", NULL, "web", NULL, &count, &err), -1);
    cr_assert_eq(err.code, HF_EREFUSED);
    cr_assert_not_null(strstr(err.text, "mine/left"), "%s", err.text);
    cr_assert_null(desk_next(desk));
    desk_free(desk);
}

Test(asked, what_a_person_has_paused_stays_and_the_person_is_named)
{
    struct desk *desk = web(NULL, true);
    struct hf_pause pause = {
        .id = "p-1", .target = "dev", .by = "alice", .reason = "x", .until_ms = HF_TIME_NONE, .ended_ms = HF_TIME_NONE};
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    struct hf_error err = HF_ERROR_INIT;
    size_t count;
    cr_assert_eq(hf_agent_pauses(desk->agent, &pauses, &err), 0);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_eq(hf_agent_put_back(desk->agent, "dev", NULL, "web", NULL, &count, &err), -1);
    cr_assert_not_null(strstr(err.text, "paused by alice (p-1)"), "%s", err.text);
    cr_assert_null(desk_next(desk));
    desk_free(desk);
}

Test(asked, what_does_not_differ_is_not_written_and_what_is_not_there_is_said)
{
    struct desk *desk = web(NULL, true);
    struct hf_error err = HF_ERROR_INIT;
    size_t count;
    cr_assert_eq(put_back(desk, HF_OK), 0);
    cr_assert_null(desk_next(desk));
    cr_assert_eq(hf_agent_put_back(desk->agent, "dev", NULL, "nothing", NULL, &count, &err), -1);
    cr_assert_eq(err.code, HF_ENOTFOUND);
    desk_free(desk);
}

Test(asked, how_a_unit_stands_says_what_has_drifted_and_whose_doing_it_is)
{
    struct desk *desk = web(NULL, false);
    struct hf_agent_standing standing;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf drifts = {0};
    cr_assert_eq(hf_agent_standing(desk->agent, "dev", NULL, "web", NULL, &standing, &drifts, &err), 0);
    cr_assert_eq(standing.objects, 1);
    cr_assert_eq(standing.in_sync, 1);
    cr_assert_eq(drifts.len, 0);
    desk_change(desk, "ConfigMap", live_of("web", "9", 11));
    cr_assert_eq(hf_agent_standing(desk->agent, "dev", NULL, "web", NULL, &standing, &drifts, &err), 0);
    cr_assert_eq(standing.in_sync, 0);
    cr_assert_eq(standing.open, 1);
    cr_assert_not_null(strstr(hf_buf_text(&drifts), "ConfigMap dev/web: data.a is"), "%s", hf_buf_text(&drifts));
    cr_assert_eq(hf_agent_standing(desk->agent, "dev", "elsewhere", "web", NULL, &standing, NULL, &err), -1);
    cr_assert_eq(err.code, HF_ENOTFOUND);
    desk_free(desk);
}
