/* What a user relies on when ConfigHub is asked to do something. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confighub_place.h"

static struct place p;
static struct hf_confighub_unit web;
static const struct hf_confighub_limits QUICK = {.worker_ms = 700, .total_ms = 3000};

static void begin_with(const struct hf_hub_options *options)
{
    place_open(&p, options);
    place_client(&p, NULL);
    web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
}

static void begin(void)
{
    begin_with(NULL);
}

static void end(void)
{
    place_close(&p);
}

TestSuite(confighub_calls, .init = begin, .fini = end, .timeout = 60);

static void apply(int64_t revision)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_apply(p.hub, &web, revision, &QUICK, &follower, NULL, &err), 0, "%s", err.text);
    place_done(&p);
}

/* A number of the unit, as ConfigHub has it. */
static int64_t number(const char *name)
{
    char path[200];
    int64_t out = -1;
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s", web.space_id, web.unit_id);
    place_ask(&p, "GET", path, NULL);
    const struct hf_value *unit = hf_value_get(p.answer, "Unit");
    (void)hf_value_int(hf_value_get(unit ? unit : p.answer, name), &out);
    return out;
}

Test(confighub_calls, an_apply_rolls_out_the_revision_it_names_and_never_head)
{
    place_revise(&p, &web, DOCUMENT("web", "second"));
    apply(1);
    cr_assert_eq(p.outcome, HF_ACTION_COMPLETED, "%s", p.error.text);
    cr_assert_eq(p.error.code, HF_OK);
    cr_assert_str_eq(p.result, "ApplyCompleted");
    cr_assert_eq(p.revision, 1);
    cr_assert_geq(p.progressed, 1);
    cr_assert_eq(number("LiveRevisionNum"), 1);
    cr_assert_eq(number("HeadRevisionNum"), 2);
}

Test(confighub_calls, an_apply_of_no_revision_or_one_that_is_not_there_is_refused_before_anything_is_queued)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_apply(p.hub, &web, 0, NULL, &follower, NULL, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
    apply(9);
    cr_assert_eq(p.outcome, HF_ACTION_REFUSED);
    cr_assert_eq(p.error.code, HF_EREFUSED);
    cr_assert_not_null(strstr(p.error.text, "dev/web"), "%s", p.error.text);
    cr_assert_eq(place_count(&p, "applies"), 0);
}

Test(confighub_calls, an_apply_that_fails_says_the_workers_words)
{
    place_fault(&p, "{\"kind\":\"worker-fails\",\"message\":\"no room in the cluster\"}");
    apply(1);
    cr_assert_eq(p.outcome, HF_ACTION_FAILED);
    cr_assert_not_null(strstr(p.error.text, "no room in the cluster"), "%s", p.error.text);
    cr_assert_not_null(strstr(p.error.text, "dev/web"), "%s", p.error.text);
}

Test(confighub_calls, a_worker_that_does_not_come_is_not_waited_for_for_ever)
{
    place_fault(&p, "{\"kind\":\"worker-down\"}");
    int64_t began = hf_mono_ms();
    apply(1);
    cr_assert_eq(p.outcome, HF_ACTION_WORKER_UNAVAILABLE);
    cr_assert_eq(p.error.code, HF_ETIMEOUT);
    cr_assert(hf_mono_ms() - began >= 700 && hf_mono_ms() - began < 3000);
    cr_assert(*p.operation, "it can be followed on");
}

Test(confighub_calls, a_worker_that_is_said_to_be_unavailable_is_told_at_once)
{
    place_fault(&p, "{\"kind\":\"worker-down\",\"refuse\":true}");
    apply(1);
    cr_assert_eq(p.outcome, HF_ACTION_WORKER_UNAVAILABLE);
    cr_assert_eq(p.error.code, HF_EUNAVAILABLE);
}

Test(confighub_calls, a_gate_refuses_an_apply_with_its_words)
{
    place_patch(&p, &web, "{\"ApplyGates\":{\"a/b\":true}}");
    apply(1);
    cr_assert_eq(p.outcome, HF_ACTION_REFUSED);
    cr_assert_not_null(strstr(p.error.text, "gate"), "%s", p.error.text);
}

Test(confighub_calls, an_action_is_followed_on_after_a_restart_and_through_failing_looks)
{
    struct hf_error err = HF_ERROR_INIT;
    place_fault(&p, "{\"kind\":\"worker-down\"}");
    apply(1);
    struct hf_confighub_follower follower = place_follower(&p);
    place_fault(&p, "{\"kind\":\"status\",\"status\":503,\"count\":2,\"path\":\"unit_event\"}");
    place_ask(&p, "POST", "/sim/faults", "{\"kind\":\"worker-fails\",\"message\":\"\"}");
    cr_assert_eq(hf_confighub_follow(p.hub, &web, p.operation, &QUICK, &follower, NULL, &err), 0, "%s", err.text);
    place_run(&p, 300);
    place_fault(&p, NULL);
    place_done(&p);
    cr_assert_eq(p.outcome, HF_ACTION_COMPLETED, "%s", p.error.text);
}

static struct hf_confighub_applied applied[8];
static size_t applied_count;

static void on_applied(void *ctx, const struct hf_confighub_applied *units, size_t count, const struct hf_error *err)
{
    struct place *place = ctx;
    place->error = *err;
    applied_count = count;
    for (size_t i = 0; i < count && i < 8; i++) {
        applied[i] = units[i];
        applied[i].unit_id = strdup(units[i].unit_id);
        applied[i].operation_id = strdup(units[i].operation_id);
    }
    place->done = true;
    hf_loop_stop(place->loop);
}

Test(confighub_calls, a_bulk_apply_leaves_out_units_with_unapplied_edits_and_tells_each_units_own_error)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit db = place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    struct hf_confighub_unit lost = place_make(&p, "dev", "lost", DOCUMENT("lost", "1"));
    place_apply(&p, &web);
    place_apply(&p, &db);
    place_apply(&p, &lost);
    place_revise(&p, &db, DOCUMENT("db", "2"));
    place_patch(&p, &lost, "{\"TargetID\":null}");
    int64_t before = place_count(&p, "applies");
    struct hf_buf where = {0};
    const char *ids[] = {web.unit_id, db.unit_id, lost.unit_id};
    cr_assert_eq(hf_confighub_where_units(web.space_id, ids, 3, &where, &err), 0);
    cr_assert_eq(hf_confighub_apply_many(p.hub, hf_buf_text(&where), on_applied, &p, NULL, &err), 0);
    hf_buf_free(&where);
    place_done(&p);
    cr_assert_eq(p.error.code, HF_OK, "%s", p.error.text);
    cr_assert_eq(applied_count, 2);
    size_t good = strcmp(applied[0].unit_id, web.unit_id) == 0 ? 0 : 1;
    cr_assert_str_eq(applied[good].unit_id, web.unit_id);
    cr_assert(*applied[good].operation_id);
    cr_assert_eq(applied[good].revision, 1);
    cr_assert_eq(applied[!good].err.code, HF_EREFUSED);
    cr_assert_eq(place_count(&p, "applies"), before + 1);
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_follow(p.hub, &web, applied[good].operation_id, &QUICK, &follower, NULL, &err), 0);
    place_done(&p);
    cr_assert_eq(p.outcome, HF_ACTION_COMPLETED);
    for (size_t i = 0; i < 2; i++) {
        free((void *)(uintptr_t)applied[i].unit_id);
        free((void *)(uintptr_t)applied[i].operation_id);
    }
}

Test(confighub_calls, a_refresh_without_a_difference_says_so)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_refresh(p.hub, &web, true, &QUICK, &follower, NULL, &err), 0, "%s", err.text);
    place_done(&p);
    cr_assert_eq(p.outcome, HF_ACTION_COMPLETED, "%s", p.error.text);
    cr_assert_not(p.drifted);
    cr_assert_eq(number("HeadRevisionNum"), 1);
}

static void update(int64_t expected, const char *data)
{
    struct hf_error err = HF_ERROR_INIT;
    p.done = false;
    cr_assert_eq(hf_confighub_update(p.hub, &web, expected, data, strlen(data), "kim's scale, accepted by robin",
                                     place_changed, &p, NULL, &err),
                 0, "%s", err.text);
    place_done(&p);
}

Test(confighub_calls, an_update_is_a_new_revision_with_its_description_and_keeps_all_else)
{
    struct hf_error err = HF_ERROR_INIT;
    place_patch(&p, &web, "{\"Labels\":{\"a\":\"b\"},\"Annotations\":{\"n\":\"m\"}}");
    update(1, DOCUMENT("web", "live"));
    cr_assert_eq(p.error.code, HF_OK, "%s", p.error.text);
    cr_assert_eq(p.head, 2);
    cr_assert_eq(number("HeadRevisionNum"), 2);
    const struct hf_value *unit = hf_value_get(p.answer, "Unit");
    cr_assert_str_eq(hf_value_text(hf_value_path(unit, "Labels", "a", NULL)), "b");
    cr_assert_str_eq(hf_value_text(hf_value_path(unit, "Annotations", "n", NULL)), "m");
    cr_assert_str_eq(hf_value_text(hf_value_get(unit, "LastChangeDescription")), "kim's scale, accepted by robin");
    cr_assert_str_eq(hf_value_text(hf_value_get(unit, "TargetID")), p.target_id);
    cr_assert_eq(hf_confighub_revision(p.hub, &web, 2, place_revision, &p, NULL, &err), 0);
    place_done(&p);
    cr_assert_str_eq(hf_buf_text(&p.data), DOCUMENT("web", "live"));
}

Test(confighub_calls, an_update_never_overwrites_an_edit_made_meanwhile)
{
    place_revise(&p, &web, DOCUMENT("web", "somebody's"));
    update(1, DOCUMENT("web", "live"));
    cr_assert_eq(p.error.code, HF_ECONFLICT);
    cr_assert_not_null(strstr(p.error.text, "revision 2"), "%s", p.error.text);
    cr_assert_eq(number("HeadRevisionNum"), 2);
    place_fault(&p, "{\"kind\":\"status\",\"status\":409,\"path\":\"/unit/\",\"count\":1}");
    update(2, DOCUMENT("web", "live"));
    cr_assert_eq(p.error.code, HF_ECONFLICT);
    cr_assert_eq(number("HeadRevisionNum"), 2);
}

static void restore(int64_t to)
{
    struct hf_error err = HF_ERROR_INIT;
    p.done = false;
    cr_assert_eq(hf_confighub_restore(p.hub, &web, to, "rolled back by robin", place_changed, &p, NULL, &err), 0, "%s",
                 err.text);
    place_done(&p);
}

Test(confighub_calls, a_restore_makes_the_revision_that_was_live_before_the_new_head)
{
    struct hf_error err = HF_ERROR_INIT;
    restore(-1);
    cr_assert_eq(p.error.code, HF_ENOTFOUND, "nothing was live: %s", p.error.text);
    place_apply(&p, &web);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_apply(&p, &web);
    restore(-1);
    cr_assert_eq(p.error.code, HF_OK, "%s", p.error.text);
    cr_assert_eq(p.head, 3);
    cr_assert_eq(hf_confighub_revision(p.hub, &web, 3, place_revision, &p, NULL, &err), 0);
    place_done(&p);
    cr_assert_str_eq(hf_buf_text(&p.data), DOCUMENT("web", "first"));
    restore(77);
    cr_assert_eq(p.error.code, HF_ENOTFOUND);
    cr_assert_eq(hf_confighub_restore(p.hub, &web, -2, "", place_changed, &p, NULL, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
}

Test(confighub_calls, a_rollback_is_restored_and_applied_within_seconds)
{
    place_apply(&p, &web);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_apply(&p, &web);
    int64_t began = hf_mono_ms();
    restore(-1);
    apply(p.head);
    cr_assert_eq(p.outcome, HF_ACTION_COMPLETED);
    cr_assert_leq(hf_mono_ms() - began, 3000);
    cr_assert_eq(number("LiveRevisionNum"), 3);
}

Test(confighub_calls, annotations_are_set_and_taken_away_and_make_no_revision)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_label set[] = {{"holdfast/drift", "replicas: 3 → 5 \"by hand\""}, {"holdfast/at", "now"}};
    struct hf_label unset[] = {{"holdfast/at", NULL}};
    cr_assert_eq(hf_confighub_annotate(p.hub, &web, set, 2, place_changed, &p, NULL, &err), 0);
    place_done(&p);
    cr_assert_eq(p.error.code, HF_OK, "%s", p.error.text);
    cr_assert_eq(hf_confighub_annotate(p.hub, &web, unset, 1, place_changed, &p, NULL, &err), 0);
    place_done(&p);
    cr_assert_eq(number("HeadRevisionNum"), 1);
    const struct hf_value *notes = hf_value_path(p.answer, "Unit", "Annotations", NULL);
    cr_assert_str_eq(hf_value_text(hf_value_get(notes, "holdfast/drift")), "replicas: 3 → 5 \"by hand\"");
    cr_assert_null(hf_value_get(notes, "holdfast/at"));
}

Test(confighub_calls, a_call_that_is_cancelled_never_answers)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_call *call;
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_apply(p.hub, &web, 1, &QUICK, &follower, &call, &err), 0);
    hf_confighub_cancel(call);
    place_run(&p, 300);
    cr_assert_not(p.done);
    cr_assert_eq(place_count(&p, "applies"), 0);
    p.done = false;
    cr_assert_eq(hf_confighub_apply(p.hub, &web, 1, &QUICK, &follower, &call, &err), 0);
    hf_confighub_close(p.hub); /* with a call under way */
    p.hub = NULL;
    place_run(&p, 100);
    cr_assert_not(p.done);
}

Test(confighub_calls, a_unit_without_sound_ids_is_refused)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit bad = {"..", "a/b", "dev", "web"};
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_apply(p.hub, &bad, 1, NULL, &follower, NULL, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
}

static void begin_old(void)
{
    begin_with(&(struct hf_hub_options){.token = TOKEN, .old = true});
}

TestSuite(confighub_old, .init = begin_old, .fini = end, .timeout = 60);

static bool is_ready(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_READY && !place->units[0]->problem;
}

Test(confighub_old, units_of_a_server_of_2025_are_read_with_the_names_of_their_spaces_and_targets)
{
    static const char *const SPACES[] = {"platform"};
    struct hf_confighub_unit own = place_make(&p, "platform", "own", DOCUMENT("own", "1"));
    place_apply(&p, &own);
    struct hf_confighub_selection selection = {
        .spaces = SPACES, .space_count = 1, .where = "Slug = 'own'", .target = "cluster", .poll_ms = 100};
    place_source(&p, &selection, NULL);
    place_wait(&p, is_ready, "the unit");
    cr_assert_str_eq(p.units[0]->space, "platform");
    cr_assert_str_eq(p.units[0]->target, "cluster");
    cr_assert_eq(p.units[0]->document_count, 1);
    place_revise(&p, &own, DOCUMENT("own", "2"));
    place_apply(&p, &own);
    place_run(&p, 300);
    place_wait(&p, is_ready, "the new revision");
    cr_assert_eq(p.units[0]->revision, 2);
}

Test(confighub_old, an_apply_of_another_revision_than_head_is_not_even_tried)
{
    place_apply(&p, &web);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    int64_t before = place_count(&p, "applies");
    apply(1);
    cr_assert_eq(p.outcome, HF_ACTION_REFUSED);
    cr_assert_eq(p.error.code, HF_EUNSUPPORTED, "%s", p.error.text);
    cr_assert_eq(place_count(&p, "applies"), before);
    apply(2);
    cr_assert_eq(p.outcome, HF_ACTION_COMPLETED, "%s", p.error.text);
}

Test(confighub_old, a_dry_run_that_the_server_does_not_know_is_not_tried)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_refresh(p.hub, &web, true, &QUICK, &follower, NULL, &err), 0);
    place_done(&p);
    cr_assert_eq(p.error.code, HF_EUNSUPPORTED, "%s", p.error.text);
}

Test(confighub_old, an_update_and_a_restore_work_as_well)
{
    place_apply(&p, &web);
    update(1, DOCUMENT("web", "live"));
    cr_assert_eq(p.error.code, HF_OK, "%s", p.error.text);
    place_apply(&p, &web);
    restore(-1);
    cr_assert_eq(p.error.code, HF_OK, "%s", p.error.text);
    cr_assert_eq(p.head, 3);
}

TestSuite(confighub_follow, .init = begin, .fini = end, .timeout = 60);

Test(confighub_follow, an_action_that_another_one_came_after_is_not_waited_for)
{
    char path[200];
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_limits patient = {.worker_ms = 20000, .total_ms = 20000};
    struct hf_confighub_follower follower = place_follower(&p);
    place_fault(&p, "{\"kind\":\"worker-down\",\"seconds\":60}");
    follower = place_follower(&p);
    cr_assert_eq(hf_confighub_apply(p.hub, &web, 1, &patient, &follower, NULL, &err), 0);
    place_run(&p, 200);
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s/refresh", web.space_id, web.unit_id);
    place_ask(&p, "POST", path, "");
    place_done(&p);
    cr_assert_eq(p.outcome, HF_ACTION_CANCELED, "%s", p.error.text);
    cr_assert_not_null(strstr(p.error.text, "came after"), "%s", p.error.text);
}

static bool is_told(const struct place *place)
{
    return place->told > 0;
}

Test(confighub_old, a_stored_filter_selects_on_a_server_that_does_not_know_the_parameter)
{
    char path[200];
    place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    (void)snprintf(path, sizeof path, "/api/space/%s/filter", place_space(&p, "home"));
    place_ask(&p, "POST", path, "{\"Slug\":\"mine\",\"From\":\"Unit\",\"Where\":\"Slug = 'web'\"}");
    cr_assert_eq(p.status, 200);
    struct hf_confighub_selection selection = {.filter = "home/mine", .poll_ms = 100};
    place_source(&p, &selection, NULL);
    place_wait(&p, is_told, "the units");
    cr_assert_eq(p.count, 1);
    cr_assert_str_eq(p.units[0]->slug, "web");
}
