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

Test(confighub, a_unit_has_its_page_in_confighub)
{
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    char page[300];
    follow(NULL, 0);
    place_wait(&p, is_told, "the units");
    (void)snprintf(page, sizeof page, "%s/units/%s/%s", p.host, web.space_id, web.unit_id);
    cr_assert_str_eq(p.units[0]->page, page);
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

static bool is_behind(const struct place *place)
{
    return place->count == 2 && place_unit(place, "web-dev")->upstream_head == 2;
}

Test(confighub, a_new_revision_upstream_shows_at_its_clones_in_the_same_selection)
{
    static const char *const SPACES[] = {"base", "dev"};
    char body[300];
    struct hf_confighub_unit base = place_make(&p, "base", "web", DOCUMENT("web", "1"));
    struct hf_confighub_unit dev = place_make(&p, "dev", "web-dev", DOCUMENT("web", "1"));
    (void)snprintf(body, sizeof body,
                   "{\"UpstreamUnitID\":\"%s\",\"UpstreamSpaceID\":\"%s\",\"UpstreamRevisionNum\":1}", base.unit_id,
                   base.space_id);
    place_patch(&p, &dev, body);
    place_apply(&p, &dev);
    follow(SPACES, 2);
    place_wait(&p, is_told, "the units");
    cr_assert_eq(place_unit(&p, "web-dev")->upstream_head, 1);
    place_revise(&p, &base, DOCUMENT("web", "2"));
    place_wait(&p, is_behind, "that the clone is behind");
    cr_assert_eq(place_unit(&p, "web-dev")->upstream_revision, 1);
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
