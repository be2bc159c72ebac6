/* What the pages show: a view, made anew after changes, handed over to the server's threads. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

static const char *keep(struct hf_view *view, const char *text)
{
    return text && *text ? hf_arena_copy(view->arena, text, strlen(text)) : NULL;
}

static const char *cluster_state(const struct hf_run *run, const struct run_target *target)
{
    (void)run;
    if (target->cluster_problem[0]) {
        return "lost";
    }
    return target->discovered ? "synced" : "connecting";
}

/* Sources tell their units only when they change. ConfigHub's knows when it last asked; a folder is watched, so that
 * what it told is what is there. */
int64_t hf_run_source_seen_ms(const struct run_target *target)
{
    if (!target->is_hub && !target->source_problem[0]) {
        return hf_now_ms();
    }
    int64_t seen_ms = target->is_hub && target->source ? hf_source_confighub_seen_ms(target->source) : HF_TIME_NONE;
    return seen_ms != HF_TIME_NONE ? seen_ms : target->source_at_ms;
}

static int fill_target(struct hf_run *run, struct hf_view *view, const struct run_target *from,
                       struct hf_view_target *to, struct hf_error *err)
{
    struct hf_cluster_stats cluster = {0};
    struct hf_agent_counts counts;
    hf_cluster_stats(from->cluster, &cluster);
    if (!hf_agent_counts(run->agent, from->name, &counts)) {
        counts = (struct hf_agent_counts){0};
    }
    uint64_t *histogram = hf_arena_array(view->arena, HF_SERVE_BUCKET_COUNT + 1, sizeof *histogram);
    if (!histogram) {
        return hf_error_set(err, HF_ENOMEM, "make a view: out of memory");
    }
    memcpy(histogram, counts.histogram, sizeof counts.histogram);
    *to = (struct hf_view_target){.name = keep(view, from->name),
                                  .server = keep(view, hf_cluster_server(from->cluster)),
                                  .correction = from->correct ? "auto" : "observe",
                                  .cluster_state = cluster_state(run, from),
                                  .cluster_problem = keep(view, from->cluster_problem),
                                  .cluster_since_ms = from->cluster_since_ms,
                                  .source_problem = keep(view, from->source_problem),
                                  .source_at_ms = hf_run_source_seen_ms(from),
                                  .watch_restarts = cluster.watch_restarts,
                                  .audited = from->audited,
                                  .audited_wrong = from->audited_wrong,
                                  .watch_events = cluster.watch_events,
                                  .fast_events = counts.fast,
                                  .requests = cluster.requests,
                                  .failures = cluster.failures,
                                  .in_flight = counts.in_flight,
                                  .queued = counts.queued,
                                  .corrected = counts.corrected,
                                  .failed = counts.failed,
                                  .drifts = counts.drifts,
                                  .corrected_histogram = histogram,
                                  .corrected_sum_ms = counts.histogram_sum_ms,
                                  .tally = counts.tally};
    for (const struct run_follow *follow = from->follows; follow; follow = follow->next) {
        to->watches++;
    }
    return 0;
}

static int fill_targets(struct hf_run *run, struct hf_view *view, struct hf_error *err)
{
    size_t count = 0;
    for (const struct run_target *target = run->targets; target; target = target->next) {
        count++;
    }
    struct hf_view_target *targets = hf_arena_array(view->arena, count, sizeof *targets);
    if (!targets) {
        return hf_error_set(err, HF_ENOMEM, "make a view: out of memory");
    }
    view->targets = targets;
    view->target_count = count;
    for (const struct run_target *target = run->targets; target; target = target->next) {
        if (fill_target(run, view, target, &targets[--count], err) != 0) {
            return -1;
        }
    }
    return 0;
}

static void fill_channels(struct hf_run *run, struct hf_view *view)
{
    size_t count = run->config->channel_count;
    struct hf_alert_stats *stats = hf_calloc(count, sizeof *stats);
    struct hf_view_channel *channels = hf_arena_array(view->arena, count, sizeof *channels);
    if (stats && channels && run->alert) {
        size_t got = hf_alert_stats(run->alert, stats, count);
        for (size_t i = 0; i < got && i < count; i++) {
            channels[i] = (struct hf_view_channel){keep(view, stats[i].channel), stats[i].delivered, stats[i].failed,
                                                   stats[i].given_up, stats[i].failing};
        }
        view->channels = channels;
        view->channel_count = got < count ? got : count;
    }
    free(stats);
}

static void fill_trail(struct hf_run *run, struct hf_view *view)
{
    struct hf_audit_stats stats;
    hf_audit_stats(run->audit, &stats);
    view->trail_events = stats.events;
    view->trail_queued = stats.queued;
    view->trail_commits = stats.commits;
    view->trail_commit_us = stats.last_commit_us;
    view->outbox = stats.outbox;
    view->trail_problem = run->trail_failing ? keep(view, run->trail_problem) : NULL;
}

static void fill_readiness(struct hf_run *run, struct hf_view *view)
{
    const char *why = NULL;
    view->ready = hf_agent_synced(run->agent, &why) && !run->trail_failing && run->stop_by_ms == 0;
    if (run->stop_by_ms != 0) {
        why = "stopping";
    } else if (run->trail_failing) {
        why = "the trail can't be written";
    }
    view->not_ready = view->ready ? NULL : keep(view, why);
    if (view->ready && !run->was_ready) {
        run->was_ready = true;
        hf_log_write(run->log, HF_INFO, "ready: every target is listed and watched", NULL);
        hf_run_notify("READY=1\nSTATUS=holding\n");
    }
}

void hf_run_publish(struct hf_run *run)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_view *view = arena ? hf_arena_alloc(arena, sizeof *view) : NULL;
    if (!view || !run->agent || !run->serve) {
        hf_arena_free(arena);
        return;
    }
    int64_t began_us = hf_mono_us();
    view->arena = arena;
    view->made_ms = hf_now_ms();
    view->serial = ++run->view_serial;
    view->started_ms = run->started_ms;
    if (fill_targets(run, view, &err) != 0 || hf_agent_fill_view(run->agent, view, &err) != 0) {
        hf_log_error(run->log, HF_WARN, "the pages are not renewed", &err, NULL);
        hf_arena_free(arena);
        return;
    }
    fill_channels(run, view);
    fill_trail(run, view);
    fill_readiness(run, view);
    run->view_took_ms = (hf_mono_us() - began_us) / 1000;
    hf_serve_publish(run->serve, view);
}
