/* What the counters count, on a clock that only the test moves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "state.h"
#include "world.h"

static struct world *settled_world(bool correct)
{
    struct world *world = world_new(correct, 0);
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world_start(world);
    world_settle(world);
    if (correct) {
        cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    }
    return world;
}

static struct hf_agent_counts counts_of(struct world *world)
{
    struct hf_agent_counts counts;
    cr_assert(hf_agent_counts(world->agent, "dev", &counts));
    return counts;
}

static void tick_after(struct world *world, int64_t ms)
{
    struct hf_error err = HF_ERROR_INIT;
    world->mono += ms;
    cr_assert_eq(hf_agent_tick(world->agent, &err), 0);
}

static uint64_t sum_of(const uint64_t *counts)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= HF_SERVE_BUCKET_COUNT; i++) {
        sum += counts[i];
    }
    return sum;
}

Test(tally, a_drift_is_counted_by_the_class_of_what_is_told_first)
{
    struct world *world = settled_world(true);
    world_drift(world, 0, 7, "kubectl");
    world_settle(world);
    world_delete(world, 0);
    world_settle(world);
    struct hf_agent_counts counts = counts_of(world);
    cr_expect_eq(counts.drifts, 2);
    cr_expect_eq(counts.tally.drifts[HF_CHANGED], 1);
    cr_expect_eq(counts.tally.drifts[HF_SERVE_CLASS_COUNT - 1], 1);
    cr_expect_eq(counts.corrected, 2);
    cr_expect_eq(counts.tally.due, 2);
    cr_expect_eq(counts.tally.late, 0);
    cr_expect_eq(counts.tally.open, 0);
    world_free(world);
}

Test(tally, what_is_created_for_the_first_time_is_no_drift)
{
    struct world *world = world_new(true, 0);
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world->objects[0].exists = false;
    world_start(world);
    world_settle(world);
    struct hf_agent_counts counts = counts_of(world);
    cr_expect_eq(world_verdict(world, 0), HF_IN_SYNC);
    cr_expect_eq(counts.tally.rollouts, 1);
    cr_expect_eq(counts.drifts, 0);
    cr_expect_eq(counts.tally.due, 0);
    world_free(world);
}

Test(tally, each_class_of_finding_has_a_counter_of_its_name)
{
    static const char *const CLASSES[HF_SERVE_CLASS_COUNT] = HF_SERVE_CLASSES;
    for (int class = HF_CHANGED; class <= HF_DEFAULTED; class ++) {
        cr_expect_str_eq(CLASSES[class], hf_class_name((enum hf_class) class));
    }
    cr_expect_eq(HF_DEFAULTED + 2, HF_SERVE_CLASS_COUNT);
}

Test(tally, the_time_to_see_is_counted_where_the_cluster_tells_when_it_drifted)
{
    struct world *world = settled_world(true);
    world_drift(world, 0, 7, "kubectl");
    world_settle(world);
    cr_expect_eq(sum_of(counts_of(world).tally.seen_histogram), 1);
    world_delete(world, 0); /* when, nobody tells */
    world_settle(world);
    struct hf_agent_counts counts = counts_of(world);
    cr_expect_eq(sum_of(counts.tally.seen_histogram), 1);
    cr_expect_geq(counts.tally.seen_sum_ms, 0);
    cr_expect_eq(sum_of(counts.histogram), 2);
    world_free(world);
}

Test(tally, a_drift_that_never_ends_is_late_once_and_stays_open)
{
    struct world *world = settled_world(true);
    world->cut_off = true;
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    world_deliver_durable(world);
    tick_after(world, HF_SERVE_LATE_MS);
    cr_expect_eq(counts_of(world).tally.due, 1);
    cr_expect_eq(counts_of(world).tally.late, 0, "30 s are in time");
    tick_after(world, 1);
    cr_expect_eq(counts_of(world).tally.late, 1);
    tick_after(world, 600000);
    struct hf_agent_counts counts = counts_of(world);
    cr_expect_eq(counts.tally.due, 1);
    cr_expect_eq(counts.tally.late, 1);
    cr_expect_eq(counts.tally.open, 1);
    cr_expect_eq(counts.tally.open_late, 1);
    world->cut_off = false;
    world_settle(world);
    counts = counts_of(world);
    cr_expect_eq(counts.corrected, 1);
    cr_expect_eq(counts.tally.late, 1);
    cr_expect_eq(counts.tally.open, 0);
    cr_expect_eq(counts.tally.open_late, 0);
    world_free(world);
}

Test(tally, the_agent_asks_to_be_woken_when_a_drift_becomes_late)
{
    struct world *world = settled_world(true);
    world->refuse_with_422 = true; /* waits longer than 30 s before it tries again */
    world_drift(world, 0, 7, "kubectl");
    int64_t since = world->mono;
    world_deliver_watch(world);
    for (int i = 0; i < 8 && world->durable_first < world->durable_last; i++) {
        world_deliver_durable(world);
        while (world->answer_count > 0) {
            world_deliver_answer(world, 0, false);
        }
    }
    cr_expect_eq(world_verdict(world, 0), HF_BLOCKED);
    cr_expect_eq(counts_of(world).tally.blocked, 1);
    cr_expect_leq(world->wake_at, since + HF_SERVE_LATE_MS + 1);
    tick_after(world, HF_SERVE_LATE_MS + 1);
    cr_expect_eq(counts_of(world).tally.late, 1);
    world_free(world);
}

Test(tally, an_observed_target_owes_nothing)
{
    struct world *world = world_new(false, 0);
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world->objects[0].exists = true;
    world->objects[0].value = 1;
    world->objects[0].manager = "confighub";
    world->objects[0].rv = ++world->rv;
    world_start(world);
    world_settle(world);
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    tick_after(world, 2 * HF_SERVE_LATE_MS);
    struct hf_agent_counts counts = counts_of(world);
    cr_expect_eq(counts.drifts, 1);
    cr_expect_eq(counts.tally.open, 1);
    cr_expect_eq(counts.tally.due, 0);
    cr_expect_eq(counts.tally.late, 0);
    world_drift(world, 0, 1, "kubectl");
    world_settle(world);
    counts = counts_of(world);
    cr_expect_eq(counts.tally.healed, 1);
    cr_expect_eq(counts.corrected, 0);
    world_free(world);
}

Test(tally, what_a_person_pauses_is_owed_again_from_the_end_of_the_pause)
{
    struct world *world = settled_world(true);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_pause pause = {.id = "p-1",
                             .target = "dev",
                             .by = "alice",
                             .reason = "looking into it",
                             .until_ms = HF_TIME_NONE,
                             .ended_ms = HF_TIME_NONE};
    struct hf_pauses pauses = {.items = &pause, .count = 1};
    cr_assert_eq(hf_agent_pauses(world->agent, &pauses, &err), 0);
    world_drift(world, 0, 7, "kubectl");
    world_settle(world);
    tick_after(world, 2 * HF_SERVE_LATE_MS);
    cr_expect_eq(counts_of(world).tally.due, 0);
    cr_expect_eq(counts_of(world).tally.late, 0);
    cr_expect_eq(counts_of(world).tally.put_off, 1);
    cr_assert_eq(hf_agent_pauses(world->agent, NULL, &err), 0);
    world_settle(world);
    struct hf_agent_counts counts = counts_of(world);
    cr_expect_eq(counts.tally.due, 1);
    cr_expect_eq(counts.tally.late, 0, "it was put back at once");
    cr_expect_eq(counts.corrected, 1);
    world_free(world);
}

Test(tally, a_fight_is_counted_when_the_path_is_left_alone)
{
    struct world *world = world_new(true, 3);
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world_start(world);
    world_settle(world);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(counts_of(world).tally.fights, 0);
        world_drift(world, 0, 7, "kubectl");
        world_deliver_watch(world);
        for (int round = 0; round < 20; round++) {
            if (world->durable_first < world->durable_last) {
                world_deliver_durable(world);
            }
            if (world->answer_count > 0) {
                world_deliver_answer(world, 0, false);
            }
            if (world->watch_first < world->watch_last) {
                world_deliver_watch(world);
            }
        }
    }
    cr_expect_eq(counts_of(world).tally.fights, 1);
    world_free(world);
}

Test(tally, a_unit_taken_away_dismisses_its_drift)
{
    struct world *world = settled_world(true);
    struct hf_error err = HF_ERROR_INIT;
    world->cut_off = true;
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    cr_assert_eq(hf_agent_units(world->agent, "dev", NULL, 0, &err), 0);
    struct hf_agent_counts counts = counts_of(world);
    cr_expect_eq(counts.tally.dismissed, 1);
    cr_expect_eq(counts.tally.open, 0);
    world_free(world);
}
