/* States that must have a way out, and events that must not lie. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"
#include "world.h"

static struct world *settled_world(const char *kind)
{
    struct world *world = world_new(true, 0);
    world_add(world, "v1", kind, "dev", "web");
    world_start(world);
    world_settle(world);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    return world;
}

static struct object *object_of(struct world *world)
{
    struct target *target = hf_agent_find_target(world->agent, "dev");
    return hf_agent_find_object(target, "", world->objects[0].kind, "dev", "web");
}

/* All but the clock, a few times. */
static void deliver(struct world *world, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        if (world->watch_first < world->watch_last) {
            world_deliver_watch(world);
        }
        if (world->durable_first < world->durable_last) {
            world_deliver_durable(world);
        }
        if (world->answer_count > 0) {
            world_deliver_answer(world, 0, false);
        }
    }
}

static void tell_scope(struct world *world, enum hf_code code)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_error state = HF_ERROR_INIT;
    if (code != HF_OK) {
        (void)hf_error_set(&state, code, "the watch is refused");
    }
    cr_assert_eq(hf_agent_scope_state(world->agent, world->scopes[0].id, &state, &err), 0);
}

Test(agent, a_service_deleted_before_its_mend_was_sent_is_created_again)
{
    struct world *world = settled_world("Service");
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    object_of(world)->mend = hf_strdup("[]"); /* as for a foreign port */
    world_delete(world, 0);
    world_deliver_watch(world);
    world_settle(world);
    cr_assert(world->objects[0].exists);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

Test(agent, a_blocked_object_that_can_not_be_read_is_not_asked_for_without_pause)
{
    struct world *world = settled_world("ConfigMap");
    world->refuse_with_422 = true;
    world_drift(world, 0, 7, "kubectl");
    deliver(world, 8);
    cr_assert_eq(world_verdict(world, 0), HF_BLOCKED);
    object_of(world)->wants_get = true;
    world->get_code = HF_EUNAVAILABLE;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_agent_tick(world->agent, &err), 0);
    deliver(world, 50);
    cr_assert_leq(world->gets, 1, "%d reads without the clock having moved", world->gets);
    world->get_code = HF_OK;
    world->refuse_with_422 = false;
    world_settle(world);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

Test(agent, a_unit_made_right_is_applied_at_once_although_its_old_content_was_refused)
{
    struct world *world = settled_world("ConfigMap");
    world->refuse_with_422 = true;
    world_drift(world, 0, 7, "kubectl");
    deliver(world, 8);
    cr_assert_eq(world_verdict(world, 0), HF_BLOCKED);
    world->refuse_with_422 = false;
    world->wanted = 2;
    world_units(world, -1);
    deliver(world, 8);
    cr_assert_eq(world->objects[0].value, 2, "the clock has not moved");
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

Test(agent, a_unit_that_changes_while_its_apply_is_under_way_is_applied_again)
{
    struct world *world = settled_world("ConfigMap");
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    world_deliver_durable(world);
    cr_assert_eq(world->applies, 1);
    world->wanted = 2;
    world_units(world, -1);
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 2);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    cr_assert_eq(world->most_in_flight, 1);
    world_free(world);
}

Test(agent, a_unit_unreadable_for_a_moment_gets_no_second_write_beside_the_one_under_way)
{
    struct world *world = settled_world("ConfigMap");
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    world_deliver_durable(world);
    cr_assert_eq(world->answer_count, 1);
    world_units(world, 0);
    world_units(world, -1);
    world_drift(world, 0, 5, "kubectl");
    for (int i = 0; i < 8; i++) {
        if (world->watch_first < world->watch_last) {
            world_deliver_watch(world);
        }
        if (world->durable_first < world->durable_last) {
            world_deliver_durable(world);
        }
        if (world->answer_count > 1) {
            world_deliver_answer(world, 1, false); /* the first one is slow */
        }
    }
    cr_assert_eq(world->most_in_flight, 1);
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 1);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

Test(agent, a_write_that_fails_after_its_unit_became_unreadable_is_not_repeated)
{
    struct world *world = settled_world("ConfigMap");
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    world_deliver_durable(world);
    world_units(world, 0);
    world_deliver_answer(world, 0, true);
    world_settle(world);
    cr_assert_eq(world->applies, 1);
    cr_assert_eq(world_verdict(world, 0), HF_UNKNOWN);
    world_units(world, -1);
    world_settle(world);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

Test(agent, a_missing_object_that_a_rule_ignores_is_not_created_by_a_correction_begun_before)
{
    static const char PACK[] =
        "pack: mine\nrules:\n  - name: leave\n    match:\n      kind: ConfigMap\n    action: ignore\n";
    struct world *world = settled_world("ConfigMap");
    struct hf_error err = HF_ERROR_INIT;
    struct hf_rules *rules;
    cr_assert_eq(hf_rules_new(&rules, &err), 0);
    cr_assert_eq(hf_rules_add(rules, "mine", PACK, sizeof PACK - 1, &err), 0, "%s", err.text);
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    cr_assert_eq(hf_agent_rules(world->agent, rules, &err), 0);
    world_delete(world, 0);
    world_deliver_watch(world);
    world_settle(world);
    cr_assert_eq(world->applies, 0);
    cr_assert_eq(world_count(world, "drift.dismissed"), 1, "and its incident is closed");
    world_free(world);
    hf_rules_free(rules);
}

Test(agent, a_cluster_is_not_told_as_found_while_one_of_its_watches_is_refused)
{
    struct world *world = settled_world("ConfigMap");
    struct hf_error err = HF_ERROR_INIT;
    struct hf_error fine = HF_ERROR_INIT;
    for (int i = 0; i < 5; i++) {
        tell_scope(world, HF_EDENIED);
        cr_assert_eq(hf_agent_state(world->agent, "dev", "cluster", &fine, &err), 0);
    }
    cr_assert_eq(world_count(world, "cluster.lost"), 1);
    cr_assert_eq(world_count(world, "cluster.found"), 0);
    tell_scope(world, HF_OK);
    cr_assert_eq(world_count(world, "cluster.found"), 1);
    world_free(world);
}

/* A list of several pages: something happens between its items and its end. */
static struct world *listing_world(void)
{
    struct world *world = world_new(true, 0);
    struct hf_error err = HF_ERROR_INIT;
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world_units(world, -1);
    cr_assert_eq(hf_agent_discovered(world->agent, "dev", NULL, &err), 0);
    return world;
}

Test(agent, a_unit_that_changes_during_the_first_list_is_applied)
{
    struct world *world = listing_world();
    struct hf_error err = HF_ERROR_INIT;
    world_list_open(world, world->scopes[0].id);
    world->wanted = 2;
    world_units(world, -1);
    cr_assert_eq(hf_agent_list_end(world->agent, world->scopes[0].id, &err), 0);
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 2);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

Test(agent, an_object_that_joins_a_list_under_way_is_read_and_not_told_as_absent)
{
    struct world *world = listing_world();
    struct hf_error err = HF_ERROR_INIT;
    world_list_open(world, world->scopes[0].id);
    world_add(world, "v1", "ConfigMap", "dev", "late"); /* its item went by already */
    world_units(world, -1);
    cr_assert_eq(hf_agent_list_end(world->agent, world->scopes[0].id, &err), 0);
    world_settle(world);
    cr_assert_eq(world_count(world, "object.absent"), 0);
    cr_assert_eq(world->applies, 0);
    cr_assert_eq(world_verdict(world, 1), HF_IN_SYNC);
    world_free(world);
}

Test(agent, an_incident_whose_unit_went_while_the_program_was_down_is_closed)
{
    struct world *world = world_new(true, 0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_event event = {.type = "drift.seen",
                                   .incident = "20260301-093000-00000001",
                                   .target = "dev",
                                   .api_version = "apps/v1",
                                   .kind = "Deployment",
                                   .namespace = "dev",
                                   .name = "gone",
                                   .at_ms = 1772357400000,
                                   .seen_at_ms = 1772357400000,
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE};
    world_add(world, "v1", "ConfigMap", "dev", "web");
    cr_assert_eq(hf_agent_resume(world->agent, &event, &err), 0);
    world_units(world, 0);
    cr_assert_eq(hf_agent_discovered(world->agent, "dev", NULL, &err), 0);
    cr_assert_eq(world_count(world, "drift.dismissed"), 0, "the unit that can't be read may hold it");
    world_units(world, -1);
    cr_assert_eq(world_count(world, "drift.dismissed"), 1);
    cr_assert_str_eq(world->events[world->event_count - 1].incident, "20260301-093000-00000001");
    cr_assert_str_eq(world->events[world->event_count - 1].name, "gone");
    world_units(world, -1);
    cr_assert_eq(world_count(world, "drift.dismissed"), 1);
    world_free(world);
}

Test(agent, a_write_that_could_not_be_sent_is_not_told_as_what_put_it_back)
{
    struct world *world = settled_world("ConfigMap");
    world->cut_off = true;
    world_drift(world, 0, 7, "kubectl");
    deliver(world, 4);
    world_drift(world, 0, 1, "kubectl"); /* healed by hand */
    deliver(world, 4);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    cr_assert_eq(world_count(world, "correction.confirmed"), 0);
    cr_assert_eq(world_count(world, "drift.healed"), 1);
    world_free(world);
}

Test(agent, a_target_set_to_observe_sends_nothing_that_was_about_to_be)
{
    struct world *world = settled_world("ConfigMap");
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_target_options options = {.name = "dev", .correct = false, .manager = "confighub"};
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    cr_assert_eq(hf_agent_target_set(world->agent, &options, &err), 0);
    deliver(world, 4);
    cr_assert_eq(world->applies, 0);
    options.correct = true;
    cr_assert_eq(hf_agent_target_set(world->agent, &options, &err), 0);
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 1);
    world_free(world);
}
