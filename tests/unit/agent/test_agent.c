#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static struct world *config_map_world(bool correct, unsigned fight_times)
{
    struct world *world = world_new(correct, fight_times);
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world_start(world);
    world_settle(world);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    cr_assert_eq(world->applies, 0);
    return world;
}

Test(agent, what_is_in_sync_makes_no_event_and_no_request)
{
    struct world *world = config_map_world(true, 0);
    for (int i = 0; i < 50; i++) {
        world_drift(world, 0, 1, "status-controller");
        world_deliver_watch(world);
    }
    cr_assert_eq(world->event_count, 0);
    cr_assert_eq(world->applies + world->gets, 0);
    struct hf_agent_counts counts;
    cr_assert(hf_agent_counts(world->agent, "dev", &counts));
    cr_assert_eq(counts.objects[HF_IN_SYNC], 1u);
    world_free(world);
}

Test(agent, an_apply_is_sent_only_after_its_intent_is_durable)
{
    struct world *world = config_map_world(true, 0);
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    cr_assert_eq(world_count(world, "drift.seen"), 1);
    cr_assert_eq(world_count(world, "correction.intended"), 1);
    cr_assert_eq(world->applies, 0, "the record is on its way, nothing may be written yet");
    world_deliver_durable(world);
    cr_assert_eq(world->applies, 1);
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 1);
    cr_assert_eq(world_count(world, "correction.confirmed"), 1);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

Test(agent, an_incident_names_who_and_ties_its_events_together)
{
    struct world *world = config_map_world(true, 0);
    world_drift(world, 0, 7, "kubectl-label");
    world_settle(world);
    const char *incident = NULL;
    for (int i = 0; i < world->event_count; i++) {
        if (!incident) {
            incident = world->events[i].incident;
        }
        cr_assert_str_eq(world->events[i].incident, incident);
    }
    cr_assert_not_null(incident);
    cr_assert_neq(*incident, '\0');
    cr_assert_not_null(strstr(world->events[0].message, "metadata.labels"), "%s", world->events[0].message);
    world_free(world);
}

Test(agent, an_older_event_that_comes_after_our_own_write_is_not_judged)
{
    struct world *world = config_map_world(true, 0);
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    world_drift(world, 0, 8, "kubectl"); /* on its way, not delivered yet */
    world_deliver_durable(world);
    world_deliver_answer(world, 0, false); /* ours overwrote both */
    cr_assert_eq(world_count(world, "correction.confirmed"), 1);
    world_deliver_watch(world); /* "8": older than our write */
    world_settle(world);
    cr_assert_eq(world->applies, 1, "an old event must not be corrected a second time");
    cr_assert_eq(world_count(world, "drift.seen"), 1);
    world_free(world);
}

Test(agent, a_change_that_is_newer_than_our_write_is_seen_although_it_came_before_the_answer)
{
    struct world *world = config_map_world(true, 0);
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    world_deliver_durable(world);
    world_deliver_watch(world); /* our own write, told before its answer */
    world_drift(world, 0, 9, "kubectl");
    world_deliver_watch(world);
    world_deliver_answer(world, 0, false);
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 1);
    cr_assert_eq(world->applies, 2);
    cr_assert_eq(world_count(world, "drift.seen"), 2);
    cr_assert_eq(world_count(world, "correction.confirmed"), 2);
    world_free(world);
}

Test(agent, a_lost_answer_is_followed_by_a_read_and_not_by_a_second_write)
{
    struct world *world = config_map_world(true, 0);
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    world_deliver_durable(world);
    world_deliver_answer(world, 0, true);
    world->watch_first = world->watch_last; /* the watch is cut too */
    world_settle(world);
    cr_assert_eq(world->applies, 1);
    cr_assert_geq(world->gets, 1);
    cr_assert_eq(world_count(world, "correction.confirmed"), 1);
    world_free(world);
}

Test(agent, a_deleted_object_is_created_again_once)
{
    struct world *world = config_map_world(true, 0);
    world_delete(world, 0);
    world_settle(world);
    cr_assert(world->objects[0].exists);
    cr_assert_eq(world->applies, 1);
    cr_assert_eq(world_count(world, "drift.seen"), 1);
    cr_assert_eq(world_count(world, "correction.confirmed"), 1);
    world_free(world);
}

Test(agent, what_was_never_live_is_created_without_crying_drift)
{
    struct world *world = world_new(true, 0);
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world->objects[0].exists = false;
    world_start(world);
    world_settle(world);
    cr_assert(world->objects[0].exists);
    cr_assert_eq(world_count(world, "drift.seen"), 0);
    cr_assert_eq(world_count(world, "object.absent"), 1);
    for (int i = 0; i < world->event_count; i++) {
        cr_assert_not(world->events[i].alert, "%s", world->events[i].type);
    }
    world_free(world);
}

Test(agent, a_deleted_namespace_comes_back_first_and_the_rest_in_order)
{
    struct world *world = world_new(true, 0);
    world_add(world, "v1", "Namespace", NULL, "dev");
    world_add(world, "v1", "Service", "dev", "first");
    world_add(world, "v1", "Service", "dev", "second");
    world_add(world, "apps/v1", "Deployment", "dev", "third");
    world_start(world);
    world_settle(world);
    world->objects[0].terminating = true;
    world->objects[0].rv = ++world->rv;
    world_drift(world, 0, 1, "namespace-controller");
    world->objects[0].terminating = true;
    for (int i = 3; i > 0; i--) {
        world_delete(world, i);
    }
    while (world->watch_first < world->watch_last) {
        world_deliver_watch(world);
    }
    cr_assert_eq(world_verdict(world, 0), HF_TERMINATING);
    cr_assert_eq(world->applies, 0, "nothing can be made in a namespace that is ending");
    world_delete(world, 0);
    world_settle(world);
    int at = 0;
    static const char *const ORDER[] = {"dev", "first", "second", "third"};
    for (int i = 0; i < world->event_count; i++) {
        if (strcmp(world->events[i].type, "correction.intended") == 0) {
            cr_assert_lt(at, 4);
            cr_assert_str_eq(world->events[i].name, ORDER[at++]);
        }
    }
    cr_assert_eq(at, 4);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(world_verdict(world, i), HF_IN_SYNC);
    }
    world_free(world);
}

Test(agent, a_unit_that_cannot_be_read_is_unknown_and_left_alone_while_the_others_go_on)
{
    struct world *world = world_new(true, 0);
    world_add(world, "v1", "ConfigMap", "dev", "bad");
    world_add(world, "v1", "ConfigMap", "dev", "good");
    world_start(world);
    world_settle(world);
    world_units(world, 0);
    cr_assert_eq(world_verdict(world, 0), HF_UNKNOWN);
    cr_assert_eq(world_count(world, "unit.unreadable"), 1);
    world_drift(world, 0, 5, "kubectl");
    world_drift(world, 1, 5, "kubectl");
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 5, "its intent is not known: it is not touched");
    cr_assert_eq(world->objects[1].value, 1);
    world_units(world, -1);
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 1, "once it can be read again it is held again");
    world_free(world);
}

Test(agent, an_observed_target_is_never_written_to)
{
    struct world *world = config_map_world(false, 0);
    world_drift(world, 0, 7, "kubectl");
    world_delete(world, 0);
    world_settle(world);
    cr_assert_eq(world->applies, 0);
    cr_assert_eq(world_count(world, "drift.seen"), 1);
    cr_assert(world->events[0].alert);
    world_free(world);
}

Test(agent, a_fight_is_stopped_and_told_once)
{
    struct world *world = config_map_world(true, 3);
    for (int i = 0; i < 10; i++) {
        world_drift(world, 0, 7 + i, "other-controller");
        while (world->durable_first < world->durable_last || world->answer_count > 0 ||
               world->watch_first < world->watch_last) {
            if (world->durable_first < world->durable_last) {
                world_deliver_durable(world);
            } else if (world->answer_count > 0) {
                world_deliver_answer(world, 0, false);
            } else {
                world_deliver_watch(world);
            }
        }
    }
    cr_assert_eq(world->applies, 3);
    cr_assert_eq(world_count(world, "correction.blocked"), 1);
    cr_assert_eq(world_verdict(world, 0), HF_BLOCKED);
    for (int i = 0; i < world->event_count; i++) {
        if (strcmp(world->events[i].type, "correction.blocked") == 0) {
            cr_assert_not_null(strstr(world->events[i].message, "other-controller"));
            cr_assert_not_null(strstr(world->events[i].message, "confighub"));
        }
    }
    world_free(world);
}

Test(agent, a_refused_apply_blocks_the_object_with_the_servers_words)
{
    struct world *world = config_map_world(true, 0);
    world->refuse_with_422 = true;
    world_drift(world, 0, 7, "kubectl");
    for (int i = 0; i < 8; i++) {
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
    cr_assert_eq(world->applies, 1);
    cr_assert_eq(world_verdict(world, 0), HF_BLOCKED);
    cr_assert_eq(world_count(world, "correction.blocked"), 1);
    world->refuse_with_422 = false;
    world_settle(world);
    cr_assert_eq(world->objects[0].value, 1, "tried again later, and then it works");
    world_free(world);
}

Test(agent, a_full_trail_stops_corrections_and_loses_no_event)
{
    struct world *world = config_map_world(true, 0);
    struct hf_error err = HF_ERROR_INIT;
    world->trail_is_full = true;
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    for (int i = 0; i < 5; i++) {
        world->mono += 200;
        cr_assert_eq(hf_agent_tick(world->agent, &err), 0);
    }
    cr_assert_eq(world->applies, 0);
    cr_assert_eq(world->event_count, 0);
    world->trail_is_full = false;
    world_settle(world);
    cr_assert_eq(world->applies, 1);
    cr_assert_str_eq(world->events[0].type, "drift.seen");
    cr_assert_str_eq(world->events[1].type, "correction.intended");
    cr_assert_eq(world_count(world, "correction.confirmed"), 1);
    world_free(world);
}

static void resume(struct world *world, const char *type)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_event event = {.type = type,
                                   .incident = "20260301-093000-00000001",
                                   .target = "dev",
                                   .api_version = "v1",
                                   .kind = "ConfigMap",
                                   .namespace = "dev",
                                   .name = "web",
                                   .at_ms = 1772357400000,
                                   .seen_at_ms = 1772357400000,
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE};
    cr_assert_eq(hf_agent_resume(world->agent, &event, &err), 0);
}

Test(agent, after_a_crash_a_write_that_arrived_is_confirmed_and_not_repeated)
{
    struct world *world = world_new(true, 0);
    world_add(world, "v1", "ConfigMap", "dev", "web");
    resume(world, "correction.intended");
    world_start(world);
    world_settle(world);
    cr_assert_eq(world->applies, 0);
    cr_assert_eq(world_count(world, "correction.confirmed"), 1);
    cr_assert_str_eq(world->events[0].incident, "20260301-093000-00000001");
    world_free(world);
}

Test(agent, after_a_crash_a_write_that_never_arrived_is_done_under_the_same_incident)
{
    struct world *world = world_new(true, 0);
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world->objects[0].value = 7;
    resume(world, "correction.intended");
    world_start(world);
    world_settle(world);
    cr_assert_eq(world->applies, 1);
    cr_assert_eq(world_count(world, "drift.seen"), 0, "it was recorded before the crash");
    cr_assert_eq(world_count(world, "correction.confirmed"), 1);
    for (int i = 0; i < world->event_count; i++) {
        cr_assert_str_eq(world->events[i].incident, "20260301-093000-00000001");
    }
    world_free(world);
}

Test(agent, a_draining_agent_begins_nothing_new)
{
    struct world *world = config_map_world(true, 0);
    hf_agent_drain(world->agent);
    world_drift(world, 0, 7, "kubectl");
    world_deliver_watch(world);
    while (world->durable_first < world->durable_last) {
        world_deliver_durable(world);
    }
    cr_assert_eq(world->applies, 0);
    cr_assert_eq(world_count(world, "drift.seen"), 1);
    cr_assert(hf_agent_idle(world->agent));
    world_free(world);
}

Test(agent, a_kind_that_is_not_served_waits_as_unknown_until_it_is)
{
    struct world *world = world_new(true, 0);
    struct hf_error err = HF_ERROR_INIT;
    world_add(world, "v1", "ConfigMap", "dev", "web");
    world->kind_unserved = true;
    world_start(world);
    cr_assert_eq(world_verdict(world, 0), HF_UNKNOWN);
    world->kind_unserved = false;
    cr_assert_eq(hf_agent_discovered(world->agent, "dev", NULL, &err), 0);
    world_list(world, world->scopes[0].id);
    world_settle(world);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

Test(agent, a_watch_that_is_refused_shows_its_objects_as_unknown_and_reads_them_when_it_is_back)
{
    struct world *world = config_map_world(true, 0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_error state = HF_ERROR_INIT;
    (void)hf_error_set(&state, HF_EDENIED, "configmaps is forbidden");
    cr_assert_eq(hf_agent_scope_state(world->agent, world->scopes[0].id, &state, &err), 0);
    cr_assert_eq(world_verdict(world, 0), HF_UNKNOWN);
    hf_error_clear(&state);
    cr_assert_eq(hf_agent_scope_state(world->agent, world->scopes[0].id, &state, &err), 0);
    world_settle(world);
    cr_assert_eq(world_verdict(world, 0), HF_IN_SYNC);
    world_free(world);
}

/* Anything may happen in any order: drifts, deletions, answers late or lost, the trail full, the watch cut and listed
 * anew. */
static void shake(struct world *world, int steps)
{
    struct hf_error err = HF_ERROR_INIT;
    for (int i = 0; i < steps; i++) {
        int object = (int)(world_random(world) % (uint32_t)world->object_count);
        switch (world_random(world) % 12) {
        case 0:
            world_drift(world, object, 2 + (int)(world_random(world) % 5), "kubectl");
            break;
        case 1:
            world_drift(world, object, 1, "kubectl");
            break;
        case 2:
            if (world->objects[object].exists) {
                world_delete(world, object);
            }
            break;
        case 3:
        case 4:
        case 5:
            if (world->watch_first < world->watch_last) {
                world_deliver_watch(world);
            }
            break;
        case 6:
        case 7:
            if (world->answer_count > 0) {
                world_deliver_answer(world, (int)(world_random(world) % (uint32_t)world->answer_count),
                                     world_random(world) % 5 == 0);
            }
            break;
        case 8:
        case 9:
            if (world->durable_first < world->durable_last) {
                world_deliver_durable(world);
            }
            break;
        case 10:
            world->mono += world_random(world) % 3000;
            cr_assert_eq(hf_agent_tick(world->agent, &err), 0);
            break;
        default:
            if (world_random(world) % 20 == 0) {
                world->trail_is_full = !world->trail_is_full;
            } else if (world_random(world) % 10 == 0) {
                world->watch_first = world->watch_last; /* cut: what was on its way is lost, a new list follows */
                for (int j = 0; j < world->scope_count; j++) {
                    world_list(world, world->scopes[j].id);
                }
            }
        }
    }
    world->trail_is_full = false;
}

static void keep_promises(unsigned looked_at_a_ms)
{
    for (uint32_t seed = 1; seed <= 300; seed++) {
        struct world *world = world_new_paced(true, 0, looked_at_a_ms);
        world_add(world, "v1", "ConfigMap", "dev", "a");
        world_add(world, "v1", "ConfigMap", "dev", "b");
        world_add(world, "v1", "Service", "dev", "c");
        world_start(world);
        world->seed = seed;
        shake(world, 400);
        world_settle(world);
        world_settle(world);
        for (int i = 0; i < world->object_count; i++) {
            cr_assert_eq(world->objects[i].value, 1, "seed %u: object %d was left drifted", seed, i);
            cr_assert(world->objects[i].exists, "seed %u: object %d was left missing", seed, i);
            cr_assert_eq(world_verdict(world, i), HF_IN_SYNC, "seed %u: object %d shows %s", seed, i,
                         hf_verdict_name(world_verdict(world, i)));
        }
        cr_assert_eq(world->unrecorded_applies, 0, "seed %u: a write without a durable record", seed);
        cr_assert_leq(world->most_in_flight, 1, "seed %u: two writes at once", seed);
        int opened = world_count(world, "drift.seen");
        int closed = world_count(world, "correction.confirmed") + world_count(world, "drift.healed");
        cr_assert_eq(opened, closed, "seed %u: %d incidents opened, %d closed", seed, opened, closed);
        world_free(world);
    }
}

Test(agent, whatever_the_order_of_things_all_is_put_back_and_every_promise_kept)
{
    keep_promises(0);
}

Test(agent, so_it_is_where_more_is_under_way_than_is_looked_at_each_time)
{
    keep_promises(1);
}
