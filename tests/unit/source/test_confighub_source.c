/* What a user relies on when the units are ConfigHub's. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confighub_place.h"

static struct place p;

static void begin(void)
{
    place_open(&p, NULL);
}

static void end(void)
{
    place_close(&p);
}

TestSuite(confighub, .init = begin, .fini = end, .timeout = 60);

static struct hf_confighub_selection selection_of(const char *const *spaces, size_t count)
{
    return (struct hf_confighub_selection){.spaces = spaces, .space_count = count, .poll_ms = 100};
}

static void follow(const char *const *spaces, size_t count)
{
    struct hf_confighub_selection selection = selection_of(spaces, count);
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
}

static bool is_told(const struct place *place)
{
    return place->told > 0;
}

static const char *names(void)
{
    static char text[1000];
    text[0] = '\0';
    for (size_t i = 0; i < p.count; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%s%s/%s", i > 0 ? " " : "", p.units[i]->space, p.units[i]->slug);
    }
    return text;
}

Test(confighub, units_are_selected_by_patterns_of_spaces_and_by_slugs_and_some_taken_away)
{
    static const char *const SPACES[] = {"fb-traderx-*", "other", "!*-base"};
    place_make(&p, "fb-traderx-dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "fb-traderx-prod", "web", DOCUMENT("web", "1"));
    place_make(&p, "fb-traderx-base", "web", DOCUMENT("web", "1"));
    place_make(&p, "fbXtraderx-dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "other", "db", DOCUMENT("db", "1"));
    place_make(&p, "another", "db", DOCUMENT("db", "1"));
    follow(SPACES, 3);
    place_wait(&p, is_told, "the units");
    cr_assert_str_eq(names(), "fb-traderx-dev/web fb-traderx-prod/web other/db");
}

Test(confighub, units_are_selected_by_labels_and_an_expression)
{
    static const struct hf_label LABELS[] = {{"tier", "gold's"}, {"app.kubernetes.io/name", "x"}};
    struct hf_confighub_unit a = place_make(&p, "dev", "a", DOCUMENT("a", "1"));
    struct hf_confighub_unit b = place_make(&p, "dev", "b", DOCUMENT("b", "1"));
    place_make(&p, "dev", "c", DOCUMENT("c", "1"));
    place_patch(&p, &a, "{\"Labels\":{\"tier\":\"gold's\",\"app.kubernetes.io/name\":\"x\"}}");
    place_patch(&p, &b, "{\"Labels\":{\"tier\":\"gold's\",\"app.kubernetes.io/name\":\"x\"}}");
    struct hf_confighub_selection selection = {
        .labels = LABELS, .label_count = 2, .where = "Slug != 'b'", .poll_ms = 100};
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_told, "the units");
    cr_assert_str_eq(names(), "dev/a");
    cr_assert_str_eq(hf_unit_label(p.units[0], "tier"), "gold's");
}

Test(confighub, units_are_selected_by_a_stored_filter)
{
    char path[200];
    place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    (void)snprintf(path, sizeof path, "/api/space/%s/filter", place_space(&p, "home"));
    place_ask(&p, "POST", path, "{\"Slug\":\"mine\",\"From\":\"Unit\",\"Where\":\"Slug = 'web'\"}");
    cr_assert_eq(p.status, 200);
    struct hf_confighub_selection selection = {.filter = "home/mine", .poll_ms = 100};
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_told, "the units");
    cr_assert_str_eq(names(), "dev/web");
}

static bool has_state(const struct place *place)
{
    return place->state.code != HF_OK;
}

Test(confighub, a_filter_that_is_not_there_is_a_state_and_not_every_unit)
{
    place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_space(&p, "home");
    struct hf_confighub_selection selection = {.filter = "home/none", .poll_ms = 100};
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, has_state, "a state");
    cr_assert_eq(p.state.code, HF_ENOTFOUND);
    cr_assert_not_null(strstr(p.state.text, "home/none"), "%s", p.state.text);
    cr_assert_eq(p.told, 0);
}

static bool is_ready(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_READY && !place->units[0]->problem;
}

static bool is_pending(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_PENDING;
}

static bool is_at_2(const struct place *place)
{
    return is_ready(place) && place->units[0]->revision == 2;
}

Test(confighub, the_live_revision_is_what_should_be_and_an_edit_that_is_not_applied_is_pending)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(p.units[0]->revision, 1);
    cr_assert_eq(p.units[0]->document_count, 1);
    cr_assert_str_eq(p.units[0]->target, "cluster", "a target of another space");
    cr_assert_str_eq(p.units[0]->unit_id, web.unit_id);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_wait(&p, is_pending, "the edit");
    const struct hf_unit *unit = p.units[0];
    cr_assert_eq(unit->revision, 1);
    cr_assert_eq(unit->head_revision, 2);
    cr_assert(hf_unit_is_held(unit));
    cr_assert_not_null(memmem(unit->bytes, unit->byte_count, "first", 5));
    cr_assert_not_null(strstr(unit->state_reason, "revision 2 is not applied"), "%s", unit->state_reason);
    place_apply(&p, &web);
    place_wait(&p, is_at_2, "the applied edit");
    cr_assert_not_null(memmem(p.units[0]->bytes, p.units[0]->byte_count, "second", 6));
}

Test(confighub, head_is_what_should_be_when_it_is_asked_for)
{
    static const char *const SPACES[] = {"dev"};
    place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.desired = HF_CONFIGHUB_HEAD;
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(p.units[0]->revision, 1);
}

static bool is_applying(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_APPLYING;
}

static bool is_done_2(const struct place *place)
{
    /* Never may the unit be held to revision 1 when 2 is live. */
    cr_assert(place->count != 1 || !hf_unit_is_held(place->units[0]) ||
              place->units[0]->revision == place->units[0]->live_revision);
    return is_at_2(place);
}

Test(confighub, while_an_apply_runs_neither_revision_is_held_and_after_it_the_new_one_at_once)
{
    static const char *const SPACES[] = {"dev"};
    char path[200];
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    follow(SPACES, 1);
    place_wait(&p, is_pending, "the unit");
    place_fault(&p, "{\"kind\":\"worker-down\"}");
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s/apply", web.space_id, web.unit_id);
    place_ask(&p, "POST", path, "");
    place_wait(&p, is_applying, "the apply");
    cr_assert_eq(p.units[0]->revision, 1);
    cr_assert_not(hf_unit_is_held(p.units[0]));
    unsigned told = p.told;
    place_run(&p, 500);
    cr_assert_eq(p.told, told, "told once, not at each poll");
    cr_assert_not_null(strstr(p.units[0]->state_reason, "revision 2 is being applied"));
    place_fault(&p, NULL);
    place_wait(&p, is_done_2, "its end");
}

Test(confighub, an_apply_that_has_failed_leaves_the_unit_held_to_what_is_live)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    char path[200];
    place_apply(&p, &web);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_fault(&p, "{\"kind\":\"worker-fails\",\"message\":\"no room\"}");
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s/apply", web.space_id, web.unit_id);
    place_ask(&p, "POST", path, "");
    follow(SPACES, 1);
    place_wait(&p, is_pending, "the unit after the apply");
    cr_assert_eq(p.units[0]->revision, 1);
    cr_assert_not_null(strstr(p.units[0]->state_reason, "ApplyFailed"), "%s", p.units[0]->state_reason);
}

Test(confighub, an_apply_that_does_not_end_is_not_waited_for_for_ever)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    char path[200];
    place_apply(&p, &web);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_fault(&p, "{\"kind\":\"worker-down\",\"seconds\":60}");
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s/apply", web.space_id, web.unit_id);
    place_ask(&p, "POST", path, "");
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.applying_limit_ms = 400;
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_applying, "the apply");
    place_wait(&p, is_pending, "the end of the patience");
    cr_assert_not_null(strstr(p.units[0]->state_reason, "has not ended"), "%s", p.units[0]->state_reason);
}

static bool has_six(const struct place *place)
{
    return place->count == 6;
}

Test(confighub, each_unit_that_is_not_to_be_held_says_why)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit unit[6];
    static const char *const SLUGS[] = {"a-never", "b-gated", "c-unapproved", "d-destroyed", "e-nowhere", "f-tofu"};
    static const enum hf_unit_state STATES[] = {HF_UNIT_NEVER_APPLIED, HF_UNIT_GATED,     HF_UNIT_NOT_APPROVED,
                                                HF_UNIT_DESTROYED,     HF_UNIT_NO_TARGET, HF_UNIT_OTHER_TOOLCHAIN};
    static const char *const REASONS[] = {"never applied", "sec/no-root", "approval",
                                          "destroyed",     "no target",   "OpenTofu"};
    for (size_t i = 0; i < 6; i++) {
        unit[i] = place_make(&p, "dev", SLUGS[i], DOCUMENT("x", "1"));
        if (i > 0 && i < 4) {
            place_apply(&p, &unit[i]);
        }
    }
    place_patch(&p, &unit[1], "{\"ApplyGates\":{\"sec/no-root\":true,\"sec/old\":false}}");
    place_patch(&p, &unit[2], "{\"ApplyGates\":{\"sec/is-approved\":true}}");
    place_patch(&p, &unit[4], "{\"TargetID\":null}");
    place_patch(&p, &unit[5], "{\"ToolchainType\":\"OpenTofu/HCL\"}");
    char path[200];
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s/destroy", unit[3].space_id, unit[3].unit_id);
    place_ask(&p, "POST", path, "");
    place_run(&p, 200);
    follow(SPACES, 1);
    place_wait(&p, has_six, "the units");
    for (size_t i = 0; i < 6; i++) {
        const struct hf_unit *told = place_unit(&p, SLUGS[i]);
        cr_assert_eq(told->state, STATES[i], "%s: %s (%s)", SLUGS[i], hf_unit_state_name(told->state),
                     told->state_reason);
        cr_assert_not_null(strstr(told->state_reason, REASONS[i]), "%s: %s", SLUGS[i], told->state_reason);
        cr_assert_null(told->problem, "%s: %s", SLUGS[i], told->problem);
        cr_assert_eq(told->document_count, i == 1 || i == 2 ? 1 : 0, "%s", SLUGS[i]);
    }
}

Test(confighub, a_unit_of_another_target_is_told_without_documents)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.target = "prod-*";
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_told, "the unit");
    cr_assert_eq(p.units[0]->state, HF_UNIT_OTHER_TARGET);
    cr_assert_eq(p.units[0]->document_count, 0);
    cr_assert_not_null(strstr(p.units[0]->state_reason, "cluster"), "%s", p.units[0]->state_reason);
}

Test(confighub, drift_modes_are_told_and_one_that_is_not_known_is_never_undone)
{
    static const char *const SPACES[] = {"dev"};
    static const char *const MODES[] = {"OnDemand", "ContinuousApply", "ContinuousRefresh", "Sideways"};
    static const enum hf_unit_mode WANTED[] = {HF_UNIT_ON_DEMAND, HF_UNIT_CONTINUOUS_APPLY, HF_UNIT_CONTINUOUS_REFRESH,
                                               HF_UNIT_CONTINUOUS_REFRESH};
    for (size_t i = 0; i < 4; i++) {
        char body[100];
        struct hf_confighub_unit unit = place_make(&p, "dev", MODES[i], DOCUMENT("x", "1"));
        (void)snprintf(body, sizeof body, "{\"DriftReconciliationMode\":\"%s\"}", MODES[i]);
        place_patch(&p, &unit, body);
        place_apply(&p, &unit);
    }
    follow(SPACES, 1);
    place_wait(&p, is_told, "the units");
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(place_unit(&p, MODES[i])->mode, WANTED[i], "%s", MODES[i]);
    }
    cr_assert_not_null(strstr(place_unit(&p, "Sideways")->state_reason, "not known"));
}

Test(confighub, clones_show_how_far_they_are_behind_their_upstream)
{
    static const char *const SPACES[] = {"dev"};
    char body[300];
    struct hf_confighub_unit base = place_make(&p, "base", "web", DOCUMENT("web", "1"));
    struct hf_confighub_unit dev = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_revise(&p, &base, DOCUMENT("web", "2"));
    place_revise(&p, &base, DOCUMENT("web", "3"));
    (void)snprintf(body, sizeof body,
                   "{\"UpstreamUnitID\":\"%s\",\"UpstreamSpaceID\":\"%s\",\"UpstreamRevisionNum\":1}", base.unit_id,
                   base.space_id);
    place_patch(&p, &dev, body);
    place_apply(&p, &dev);
    follow(SPACES, 1);
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(p.units[0]->upstream_revision, 1);
    cr_assert_eq(p.units[0]->upstream_head, 3);
}

Test(confighub, clones_of_the_same_bytes_are_read_once)
{
    static const char *const SPACES[] = {"t-*"};
    struct hf_confighub_stats stats;
    for (int i = 0; i < 10; i++) {
        char space[20];
        (void)snprintf(space, sizeof space, "t-%d", i);
        struct hf_confighub_unit unit = place_make(&p, space, "web", DOCUMENT("web", "1"));
        place_apply(&p, &unit);
    }
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.parallel = 1;
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_told, "the units");
    cr_assert_eq(p.count, 10);
    for (size_t i = 0; i < 10; i++) {
        cr_assert_eq(p.units[i]->document_count, 1);
        cr_assert_null(p.units[i]->problem);
    }
    hf_confighub_stats(p.hub, &stats);
    cr_assert_eq(stats.revisions, 1);
}

Test(confighub, a_poll_of_what_has_not_changed_is_one_request_and_tells_nothing)
{
    static const char *const SPACES[] = {"t-*"};
    char data[20000];
    memset(data, 'x', sizeof data);
    for (int i = 0; i < 5; i++) {
        char space[20];
        (void)snprintf(space, sizeof space, "t-%d", i);
        (void)snprintf(data, sizeof data, "%s# %.*d\n", DOCUMENT("web", "1"), 10000, i);
        struct hf_confighub_unit unit = place_make(&p, space, "web", data);
        place_apply(&p, &unit);
    }
    struct hf_confighub_stats before, after;
    follow(SPACES, 1);
    place_wait(&p, is_told, "the units");
    place_run(&p, 300);
    hf_confighub_stats(p.hub, &before);
    place_run(&p, 1000);
    hf_confighub_stats(p.hub, &after);
    cr_assert_geq(after.listings - before.listings, 5);
    cr_assert_leq(after.requests - before.requests, after.listings - before.listings + 1);
    cr_assert_leq((after.bytes_in - before.bytes_in) / (after.requests - before.requests), 5 * 1200);
    cr_assert_eq(after.revisions, 5);
    cr_assert_eq(p.told, 1);
}

static bool is_gone_one(const struct place *place)
{
    const struct hf_unit *unit = place_unit(place, "web");
    return unit && unit->problem;
}

static bool has_two(const struct place *place)
{
    return place->count == 2 && !place_unit(place, "web")->problem;
}

static bool has_one(const struct place *place)
{
    return place->count == 1;
}

Test(confighub, a_unit_that_lost_its_label_is_gone_from_view_with_its_documents_kept)
{
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    struct hf_confighub_unit db = place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    struct hf_error err = HF_ERROR_INIT;
    place_patch(&p, &web, "{\"Labels\":{\"held\":\"yes\"}}");
    place_patch(&p, &db, "{\"Labels\":{\"held\":\"yes\"}}");
    place_apply(&p, &web);
    place_apply(&p, &db);
    struct hf_confighub_selection selection = {
        .labels = (struct hf_label[]){{"held", "yes"}}, .label_count = 1, .poll_ms = 100};
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, has_two, "the units");
    place_patch(&p, &web, "{\"Labels\":{\"held\":null}}");
    place_wait(&p, is_gone_one, "the loss");
    cr_assert_eq(p.count, 2);
    cr_assert_not_null(strstr(place_unit(&p, "web")->problem, "gone from view"));
    cr_assert_eq(place_unit(&p, "web")->document_count, 1);
    cr_assert_eq(hf_source_confighub_forget(p.source, db.space_id, db.unit_id, &err), -1, "it is in view");
    place_patch(&p, &web, "{\"Labels\":{\"held\":\"yes\"}}");
    place_wait(&p, has_two, "its return");
    place_patch(&p, &web, "{\"Labels\":{\"held\":null}}");
    place_wait(&p, is_gone_one, "the second loss");
    cr_assert_eq(hf_source_confighub_forget(p.source, web.space_id, web.unit_id, &err), 0);
    cr_assert_eq(p.count, 1);
}

static void delete_unit(const struct hf_confighub_unit *unit)
{
    char path[200];
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s", unit->space_id, unit->unit_id);
    place_ask(&p, "DELETE", path, NULL);
    cr_assert_eq(p.status, 200);
}

Test(confighub, a_unit_that_was_deleted_is_told_as_gone_when_its_space_can_be_read)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    follow(SPACES, 1);
    place_wait(&p, has_two, "the units");
    delete_unit(&web);
    place_wait(&p, has_one, "the deletion");
    cr_assert_str_eq(names(), "dev/db");
}

Test(confighub, all_units_gone_at_once_is_a_state_and_removes_none)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    struct hf_confighub_unit db = place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    follow(SPACES, 1);
    place_wait(&p, has_two, "the units");
    delete_unit(&web);
    delete_unit(&db);
    place_wait(&p, has_state, "a state");
    place_run(&p, 500);
    cr_assert_eq(p.state.code, HF_ENOTFOUND);
    cr_assert_not_null(strstr(p.state.text, "none of the 2 units"), "%s", p.state.text);
    cr_assert_eq(p.count, 2);
    cr_assert_null(p.units[0]->problem);
}

struct answer {
    bool came;
    bool changed;
    struct hf_error err;
};

static void on_confirmed(void *ctx, bool changed, const struct hf_error *err)
{
    *(struct answer *)ctx = (struct answer){true, changed, *err};
    p.done = true;
    hf_loop_stop(p.loop);
}

Test(confighub, an_apply_that_the_last_poll_has_not_seen_is_seen_when_a_correction_asks)
{
    static const char *const SPACES[] = {"dev"};
    struct answer answer = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.poll_ms = 600000;
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert(answer.came && !answer.changed && answer.err.code == HF_OK, "%s", answer.err.text);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_apply(&p, &web);
    cr_assert_eq(p.units[0]->revision, 1, "no poll was since");
    answer = (struct answer){0};
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert(answer.came && answer.changed && answer.err.code == HF_OK, "%s", answer.err.text);
    cr_assert(!hf_unit_is_held(p.units[0]) || p.units[0]->revision == 2, "told before the answer");
    place_wait(&p, is_at_2, "the new revision");
    place_fault(&p, "{\"kind\":\"status\",\"status\":503}");
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert_eq(answer.err.code, HF_EUNAVAILABLE);
}

Test(confighub, a_revision_that_can_not_be_read_leaves_the_last_good_documents_beside_the_problem)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, is_ready, "the unit");
    place_revise(&p, &web, "kind: [broken\n");
    place_apply(&p, &web);
    place_wait(&p, is_gone_one, "the problem");
    cr_assert_not_null(strstr(p.units[0]->problem, "dev/web, revision 2"), "%s", p.units[0]->problem);
    cr_assert_eq(p.units[0]->document_count, 1);
    cr_assert_eq(p.units[0]->revision, 1);
    place_revise(&p, &web, DOCUMENT("web", "third"));
    place_apply(&p, &web);
    place_wait(&p, is_ready, "the mended unit");
    cr_assert_eq(p.units[0]->revision, 3);
}

Test(confighub, a_unit_of_ten_thousand_documents_is_read)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_buf data = {0};
    for (int i = 0; i < 10000; i++) {
        hf_buf_addf(&data, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\ndata: {a: \"%d\"}\n", i, i);
    }
    struct hf_confighub_unit web = place_make(&p, "dev", "web", hf_buf_text(&data));
    hf_buf_free(&data);
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(p.units[0]->document_count, 10000);
}

static bool is_back(const struct place *place)
{
    return place->states > 0 && place->state.code == HF_OK;
}

Test(confighub, every_failing_answer_is_a_state_with_the_consequence_and_changes_no_unit)
{
    static const struct {
        const char *fault;
        enum hf_code code;
        const char *words;
    } ROWS[] = {
        {"{\"kind\":\"status\",\"status\":401,\"count\":2}", HF_EDENIED, "refused"},
        {"{\"kind\":\"status\",\"status\":403,\"count\":2}", HF_EDENIED, "does not mean that it is gone"},
        {"{\"kind\":\"status\",\"status\":404,\"count\":2}", HF_ENOTFOUND, "does not mean deleted"},
        {"{\"kind\":\"status\",\"status\":409,\"count\":2}", HF_ECONFLICT, "409"},
        {"{\"kind\":\"status\",\"status\":422,\"count\":2}", HF_EREFUSED, "422"},
        {"{\"kind\":\"status\",\"status\":429,\"retryAfter\":1,\"count\":1}", HF_ETHROTTLED, "asked again in 1"},
        {"{\"kind\":\"status\",\"status\":500,\"count\":2}", HF_EUNAVAILABLE, "500"},
        {"{\"kind\":\"status\",\"status\":302,\"count\":2}", HF_EREFUSED, "redirect"},
        {"{\"kind\":\"truncate\",\"path\":\"/unit\",\"bytes\":200,\"count\":2}", HF_EUNAVAILABLE, "list the units"},
        {"{\"kind\":\"junk\",\"path\":\"/unit\",\"megabytes\":50,\"count\":2}", HF_EPARSE, "not the list"},
    };
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, is_ready, "the unit");
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        p.states = 0;
        p.state.code = HF_OK;
        int64_t began = hf_mono_ms();
        place_fault(&p, ROWS[i].fault);
        place_wait(&p, has_state, ROWS[i].fault);
        cr_assert_eq(p.state.code, ROWS[i].code, "%s: %s: %s", ROWS[i].fault, hf_code_name(p.state.code), p.state.text);
        cr_assert_not_null(strstr(p.state.text, ROWS[i].words), "%s: %s", ROWS[i].fault, p.state.text);
        cr_assert_not_null(strstr(p.state.text, "ago"), "how old the units are: %s", p.state.text);
        cr_assert_null(strstr(p.state.text, TOKEN));
        place_wait(&p, is_back, ROWS[i].fault);
        cr_assert(ROWS[i].code != HF_ETHROTTLED || hf_mono_ms() - began >= 900, "Retry-After is kept");
        cr_assert(is_ready(&p));
        place_fault(&p, NULL);
    }
    cr_assert_eq(p.told, 1);
}

/* A store in memory. */
struct kept {
    char text[5][40000];
    size_t len;
    int64_t revision;
    bool is_there;
    int64_t seen_ms;
    unsigned saves;
    unsigned saves_of_data;
};

static int store_load(void *ctx, void (*each)(void *, const struct hf_unit_stored *), void *each_ctx, int64_t *seen_ms,
                      struct hf_error *err)
{
    struct kept *kept = ctx;
    (void)err;
    *seen_ms = kept->seen_ms;
    if (kept->is_there) {
        each(each_ctx, &(struct hf_unit_stored){.space_id = kept->text[0],
                                                .unit_id = kept->text[1],
                                                .space = kept->text[2],
                                                .slug = "web",
                                                .revision = kept->revision,
                                                .state = kept->text[3],
                                                .bytes = kept->text[4],
                                                .byte_count = kept->len});
    }
    return 0;
}

static void store_save(void *ctx, const struct hf_unit_stored *unit)
{
    struct kept *kept = ctx;
    kept->saves++;
    kept->is_there = true;
    kept->revision = unit->revision;
    (void)snprintf(kept->text[0], 100, "%s", unit->space_id);
    (void)snprintf(kept->text[1], 100, "%s", unit->unit_id);
    (void)snprintf(kept->text[2], 100, "%s", unit->space);
    (void)snprintf(kept->text[3], 4000, "%s", unit->state);
    if (unit->bytes) {
        kept->saves_of_data++;
        memcpy(kept->text[4], unit->bytes, unit->byte_count);
        kept->text[4][unit->byte_count] = '\0';
        kept->len = unit->byte_count;
    }
}

static void store_remove(void *ctx, const char *space_id, const char *unit_id)
{
    (void)space_id;
    (void)unit_id;
    ((struct kept *)ctx)->is_there = false;
}

static void store_seen(void *ctx, int64_t at_ms)
{
    ((struct kept *)ctx)->seen_ms = at_ms;
}

static struct kept kept;

static const struct hf_unit_store *the_store(void)
{
    static struct hf_unit_store store = {&kept, store_load, store_save, store_remove, store_seen};
    kept.seen_ms = kept.seen_ms ? kept.seen_ms : HF_TIME_NONE;
    return &store;
}

static void restart(const struct hf_confighub_selection *selection)
{
    hf_source_free(p.source);
    p.source = NULL;
    p.told = p.states = 0;
    p.state = (struct hf_error)HF_ERROR_INIT;
    place_source(&p, selection, the_store());
}

Test(confighub, after_a_restart_with_confighub_away_the_kept_revision_is_held_and_its_age_told)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_stats before, after;
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.target = "cluster";
    place_client(&p, NULL);
    place_source(&p, &selection, the_store());
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(kept.saves_of_data, 1);
    place_fault(&p, "{\"kind\":\"status\",\"status\":503}");
    restart(&selection);
    place_wait(&p, is_told, "the kept unit");
    cr_assert(is_ready(&p), "%s", p.units[0]->problem);
    cr_assert_eq(p.units[0]->revision, 1);
    cr_assert_eq(p.units[0]->document_count, 1);
    cr_assert_str_eq(p.units[0]->target, "cluster");
    cr_assert_eq(p.state.code, HF_EUNAVAILABLE);
    cr_assert_not_null(strstr(p.state.text, "ago"), "%s", p.state.text);
    hf_confighub_stats(p.hub, &before);
    place_fault(&p, NULL);
    place_wait(&p, is_back, "ConfigHub");
    place_run(&p, 200);
    hf_confighub_stats(p.hub, &after);
    cr_assert_eq(before.revisions, after.revisions, "what is kept is not read again");
    cr_assert(is_ready(&p));
}

Test(confighub, what_is_kept_of_a_space_that_is_no_longer_selected_is_not_told)
{
    static const char *const SPACES[] = {"dev"};
    static const char *const OTHER[] = {"prod"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    place_client(&p, NULL);
    place_source(&p, &selection, the_store());
    place_wait(&p, is_ready, "the unit");
    place_fault(&p, "{\"kind\":\"status\",\"status\":503}");
    selection.spaces = OTHER;
    restart(&selection);
    place_wait(&p, has_state, "a state");
    place_run(&p, 100);
    cr_assert_eq(p.told, 0);
}

static bool is_gone_web(const struct place *place)
{
    return is_gone_one(place);
}

Test(confighub, a_unit_whose_space_can_not_be_read_is_gone_from_view_and_not_deleted)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    follow(SPACES, 1);
    place_wait(&p, has_two, "the units");
    delete_unit(&web);
    place_ask(&p, "POST", "/sim/faults", "{\"kind\":\"status\",\"status\":404,\"path\":\"/space/\",\"seconds\":60}");
    place_wait(&p, is_gone_web, "the loss");
    cr_assert_not_null(strstr(place_unit(&p, "web")->problem, "its space"), "%s", place_unit(&p, "web")->problem);
    cr_assert_eq(p.count, 2);
}

static void on_units_free(void *ctx, struct hf_unit *const *units, size_t count)
{
    struct place *place = ctx;
    (void)units;
    place->count = 0;
    place->told += count > 0;
    hf_source_free(place->source);
    place->source = NULL;
    hf_confighub_close(place->hub);
    place->hub = NULL;
    hf_loop_stop(place->loop);
}

static void on_state_free(void *ctx, const struct hf_error *err)
{
    (void)err;
    on_units_free(ctx, NULL, 0);
}

Test(confighub, a_source_and_its_client_may_be_freed_by_whoever_is_told)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_source_events events = {&p, on_units_free, on_state_free};
    struct hf_confighub_selection selection = {.poll_ms = 100};
    place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    for (int i = 0; i < 2; i++) {
        place_client(&p, NULL);
        place_fault(&p, i == 0 ? NULL : "{\"kind\":\"status\",\"status\":503}");
        cr_assert_eq(hf_source_confighub(p.hub, &selection, &events, NULL, &p.source, &err), 0);
        cr_assert_eq(hf_source_start(p.source, &err), 0);
        place_run(&p, 5000);
        cr_assert_null(p.source);
    }
    cr_assert_eq(p.told, 1);
}

Test(confighub, a_confighub_that_is_silent_at_the_start_leaves_the_kept_units_held_after_five_seconds)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    place_client(&p, NULL);
    place_source(&p, &selection, the_store());
    place_wait(&p, is_ready, "the unit");
    place_fault(&p, "{\"kind\":\"slow\",\"delay\":9000,\"path\":\"/unit\",\"seconds\":60}");
    int64_t began = hf_mono_ms();
    restart(&selection);
    place_wait(&p, is_told, "the kept unit");
    cr_assert_leq(hf_mono_ms() - began, 6000);
    cr_assert(is_ready(&p));
    cr_assert_eq(p.state.code, HF_ETIMEOUT);
    cr_assert_not_null(strstr(p.state.text, "has not answered"), "%s", p.state.text);
}

Test(confighub, wrong_selections_are_refused_with_the_part_that_is_wrong)
{
    static const char *const BAD_SPACES[] = {"dev'; DROP"};
    static const struct hf_label BAD_LABELS[] = {{"a = 'b' OR", "c"}};
    struct hf_confighub_selection bad[] = {
        {.spaces = BAD_SPACES, .space_count = 1},
        {.labels = BAD_LABELS, .label_count = 1},
        {.filter = "no-slash"},
        {.set = "a/b/c"},
        {.target = "space/cluster"},
    };
    static const char *const WORDS[] = {"space", "label", "filter", "set", "target"};
    struct hf_source_events events = {0};
    place_client(&p, NULL);
    for (size_t i = 0; i < 5; i++) {
        struct hf_error err = HF_ERROR_INIT;
        cr_assert_eq(hf_source_confighub(p.hub, &bad[i], &events, NULL, &p.source, &err), -1);
        cr_assert_eq(err.code, HF_EINVAL);
        cr_assert_not_null(strstr(err.text, WORDS[i]), "%s", err.text);
    }
}

static bool is_remade(const struct place *place)
{
    const struct hf_unit *unit = place_unit(place, "web");
    cr_assert_leq(place->count, 2, "one of each name");
    return unit && !unit->problem && unit->live_revision == 0 && unit->head_revision == 1;
}

Test(confighub, a_unit_that_is_deleted_and_made_again_is_told_once)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, has_two, "the units");
    delete_unit(&web);
    place_make(&p, "dev", "web", DOCUMENT("web", "2"));
    place_wait(&p, is_remade, "the unit made again");
    place_run(&p, 500);
    cr_assert_eq(p.count, 2);
}

static bool is_broken(const struct place *place)
{
    return place->count == 1 && place->units[0]->problem;
}

Test(confighub, a_revision_that_is_throttled_is_asked_for_again_after_the_time_that_was_said)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_apply(&p, &web);
    place_fault(&p, "{\"kind\":\"status\",\"status\":429,\"retryAfter\":1,\"count\":1,\"path\":\"/revision\"}");
    int64_t began = hf_mono_ms();
    follow(SPACES, 1);
    place_wait(&p, is_broken, "the problem");
    cr_assert_not_null(strstr(p.units[0]->problem, "429"), "%s", p.units[0]->problem);
    place_wait(&p, is_ready, "the unit");
    cr_assert_geq(hf_mono_ms() - began, 900);
}

Test(confighub, a_unit_is_not_held_to_the_old_revision_while_the_new_one_is_still_being_read)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.poll_ms = 600000;
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_ready, "the unit");
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_apply(&p, &web);
    place_fault(&p, "{\"kind\":\"slow\",\"delay\":1000,\"path\":\"/revision\"}");
    hf_source_refresh(p.source);
    int64_t began = hf_mono_ms();
    place_wait(&p, is_applying, "the warning");
    cr_assert_leq(hf_mono_ms() - began, 900);
    cr_assert_eq(p.units[0]->live_revision, 2);
    cr_assert_eq(p.units[0]->revision, 1);
    cr_assert_not_null(strstr(p.units[0]->state_reason, "is being read"), "%s", p.units[0]->state_reason);
    place_wait(&p, is_at_2, "the new revision");
}

static bool is_of_another_target(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_OTHER_TARGET;
}

Test(confighub, a_unit_that_was_moved_or_deleted_since_the_last_poll_is_never_confirmed)
{
    static const char *const SPACES[] = {"dev"};
    struct answer answer = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.poll_ms = 600000;
    selection.target = "cluster";
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_ready, "the unit");
    place_patch(&p, &web, "{\"TargetID\":\"33333333-3333-4333-8333-333333333333\"}");
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert_eq(answer.err.code, HF_EBUSY, "%s", answer.err.text);
    place_wait(&p, is_of_another_target, "the move");
    delete_unit(&web);
    answer = (struct answer){0};
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert_eq(answer.err.code, HF_EGONE, "%s", answer.err.text);
}
