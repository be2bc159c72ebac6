#include <stddef.h>
#include <string.h>

#include "metrics.h"

#define TALLY(field) offsetof(struct hf_view_target, tally) + offsetof(struct hf_serve_tally, field)

static const struct {
    const char *name;
    const char *type;
    const char *help;
    size_t offset; /* of an uint64_t of the target */
} TARGET_NUMBERS[] = {
    {"holdfast_put_back_due_total", "counter",
     "Drifts that were holdfast's to put back: no rule, window, fight or pause held them back.", TALLY(due)},
    {"holdfast_put_back_late_total", "counter",
     "Of the drifts that were to be put back, those that were not within 30 s; counted when the 30 s are over.",
     TALLY(late)},
    {"holdfast_fights_total", "counter",
     "Paths that are left alone for a while because they were changed again and again.", TALLY(fights)},
    {"holdfast_rollouts_total", "counter", "Objects that were created, or brought to their unit's new content.",
     TALLY(rollouts)},
    {"holdfast_incidents_open", "gauge", "Drifts that are open.", TALLY(open)},
    {"holdfast_incidents_open_late", "gauge",
     "Drifts that are open although they were to be put back more than 30 s ago.", TALLY(open_late)},
    {"holdfast_watch_restarts_total", "counter", "Watches that had to be opened again.",
     offsetof(struct hf_view_target, watch_restarts)},
    {"holdfast_audited_writes_total", "counter", "Writes told by the API server's audit webhook.",
     offsetof(struct hf_view_target, audited)},
    {"holdfast_audited_unreadable_total", "counter", "Audit events that could not be read.",
     offsetof(struct hf_view_target, audited_wrong)},
    {"holdfast_watch_events_total", "counter", "Watch events received.", offsetof(struct hf_view_target, watch_events)},
    {"holdfast_fast_path_events_total", "counter", "Watch events that ended at an equal digest.",
     offsetof(struct hf_view_target, fast_events)},
    {"holdfast_api_requests_total", "counter", "Requests to the cluster's API server.",
     offsetof(struct hf_view_target, requests)},
    {"holdfast_api_request_failures_total", "counter", "Requests to the cluster's API server that failed.",
     offsetof(struct hf_view_target, failures)},
    {"holdfast_watches", "gauge", "Watches that are open.", offsetof(struct hf_view_target, watches)},
    {"holdfast_queue_depth", "gauge", "Corrections that wait.", offsetof(struct hf_view_target, queued)},
    {"holdfast_corrections_in_flight", "gauge", "Corrections under way.", offsetof(struct hf_view_target, in_flight)},
};

static void add_objects(struct hf_metrics *metrics, const struct hf_view *view, const struct hf_view_index *index)
{
    hf_metric_family(metrics, "holdfast_objects", "gauge", "Objects held to their units, by verdict.");
    for (size_t i = 0; i < view->target_count; i++) {
        for (int rank = 0; rank < HF_RANK_COUNT; rank++) {
            struct hf_metric_label labels[] = {{"target", view->targets[i].name},
                                               {"verdict", hf_rank_name((enum hf_rank)rank)}};
            hf_metric_count(metrics, index->by_target[i][rank], labels, 2);
        }
    }
}

static void add_drifts(struct hf_metrics *metrics, const struct hf_view *view)
{
    static const char *const CLASSES[HF_SERVE_CLASS_COUNT] = HF_SERVE_CLASSES;
    hf_metric_family(metrics, "holdfast_drifts_total", "counter",
                     "Drifts seen since start, by the class of what is told first of them.");
    for (size_t i = 0; i < view->target_count; i++) {
        for (size_t class = 0; class < HF_SERVE_CLASS_COUNT; class ++) {
            struct hf_metric_label labels[] = {{"target", view->targets[i].name}, {"class", CLASSES[class]}};
            hf_metric_count(metrics, view->targets[i].tally.drifts[class], labels, 2);
        }
    }
    hf_metric_family(metrics, "holdfast_seen_seconds", "histogram",
                     "Time from drifted, where the cluster tells it (in whole seconds, cut off), to seen.");
    for (size_t i = 0; i < view->target_count; i++) {
        const struct hf_serve_tally *tally = &view->targets[i].tally;
        hf_metric_histogram(metrics, tally->seen_histogram, tally->seen_sum_ms, view->targets[i].name);
    }
}

static void add_outcome(struct hf_metrics *metrics, const char *target, const char *outcome, uint64_t count)
{
    struct hf_metric_label labels[] = {{"target", target}, {"outcome", outcome}};
    hf_metric_count(metrics, count, labels, 2);
}

static void add_corrections(struct hf_metrics *metrics, const struct hf_view *view)
{
    hf_metric_family(metrics, "holdfast_corrections_total", "counter", "Corrections since start, by outcome.");
    for (size_t i = 0; i < view->target_count; i++) {
        const struct hf_view_target *target = &view->targets[i];
        add_outcome(metrics, target->name, "confirmed", target->corrected - target->tally.partial);
        add_outcome(metrics, target->name, "partial", target->tally.partial);
        add_outcome(metrics, target->name, "failed", target->failed);
        add_outcome(metrics, target->name, "blocked", target->tally.blocked);
        add_outcome(metrics, target->name, "put_off", target->tally.put_off);
    }
    hf_metric_family(metrics, "holdfast_incidents_ended_total", "counter", "Drifts that have ended, by how.");
    for (size_t i = 0; i < view->target_count; i++) {
        const struct hf_view_target *target = &view->targets[i];
        add_outcome(metrics, target->name, "corrected", target->corrected - target->tally.partial);
        add_outcome(metrics, target->name, "healed", target->tally.healed);
        add_outcome(metrics, target->name, "dismissed", target->tally.dismissed);
    }
    hf_metric_family(metrics, "holdfast_corrected_seconds", "histogram", "Time from seen to confirmed corrected.");
    for (size_t i = 0; i < view->target_count; i++) {
        const struct hf_view_target *target = &view->targets[i];
        if (target->corrected_histogram) {
            hf_metric_histogram(metrics, target->corrected_histogram, target->corrected_sum_ms, target->name);
        }
    }
}

static void add_targets(struct hf_metrics *metrics, const struct hf_view *view, int64_t now_ms)
{
    for (size_t n = 0; n < sizeof TARGET_NUMBERS / sizeof TARGET_NUMBERS[0]; n++) {
        hf_metric_family(metrics, TARGET_NUMBERS[n].name, TARGET_NUMBERS[n].type, TARGET_NUMBERS[n].help);
        for (size_t i = 0; i < view->target_count; i++) {
            struct hf_metric_label label = {"target", view->targets[i].name};
            uint64_t number;
            memcpy(&number, (const char *)&view->targets[i] + TARGET_NUMBERS[n].offset, sizeof number);
            hf_metric_count(metrics, number, &label, 1);
        }
    }
    hf_metric_family(metrics, "holdfast_cluster_synced", "gauge",
                     "1 while the target's cluster is listed and watched.");
    for (size_t i = 0; i < view->target_count; i++) {
        struct hf_metric_label label = {"target", view->targets[i].name};
        const char *state = view->targets[i].cluster_state;
        hf_metric_count(metrics, state && strcmp(state, "synced") == 0, &label, 1);
    }
    hf_metric_family(metrics, "holdfast_source_failing", "gauge", "1 while the target's source can't be read.");
    for (size_t i = 0; i < view->target_count; i++) {
        struct hf_metric_label label = {"target", view->targets[i].name};
        const char *problem = view->targets[i].source_problem;
        hf_metric_count(metrics, problem && problem[0], &label, 1);
    }
    hf_metric_family(metrics, "holdfast_source_age_seconds", "gauge",
                     "Time since the target's source was last read well.");
    for (size_t i = 0; i < view->target_count; i++) {
        struct hf_metric_label label = {"target", view->targets[i].name};
        int64_t at = view->targets[i].source_at_ms;
        if (at != HF_TIME_NONE) {
            hf_metric_seconds(metrics, now_ms > at ? now_ms - at : 0, &label, 1);
        }
    }
}

static void add_number(struct hf_metrics *metrics, const char *name, const char *type, const char *help, uint64_t value)
{
    hf_metric_family(metrics, name, type, help);
    hf_metric_count(metrics, value, NULL, 0);
}

static void add_channels(struct hf_metrics *metrics, const struct hf_view *view)
{
    hf_metric_family(metrics, "holdfast_alerts_total", "counter", "Alerts since start, by channel and outcome.");
    for (size_t i = 0; i < view->channel_count; i++) {
        struct hf_metric_label labels[] = {{"channel", view->channels[i].name}, {"outcome", "delivered"}};
        hf_metric_count(metrics, view->channels[i].delivered, labels, 2);
        labels[1].value = "given_up";
        hf_metric_count(metrics, view->channels[i].given_up, labels, 2);
    }
    hf_metric_family(metrics, "holdfast_alert_attempt_failures_total", "counter", "Attempts to deliver that failed.");
    for (size_t i = 0; i < view->channel_count; i++) {
        struct hf_metric_label label = {"channel", view->channels[i].name};
        hf_metric_count(metrics, view->channels[i].failed, &label, 1);
    }
    hf_metric_family(metrics, "holdfast_alert_channel_failing", "gauge", "1 while a channel's last attempt failed.");
    for (size_t i = 0; i < view->channel_count; i++) {
        struct hf_metric_label label = {"channel", view->channels[i].name};
        hf_metric_count(metrics, view->channels[i].failing, &label, 1);
    }
}

void hf_metrics_view(struct hf_metrics *metrics, struct hf_view_ref *ref, int64_t now_ms)
{
    const struct hf_view *view = ref->view;
    const struct hf_view_index *index = hf_view_index(ref);
    hf_metric_family(metrics, "holdfast_start_time_seconds", "gauge", "When the agent started, since the epoch.");
    hf_metric_seconds(metrics, view->started_ms, NULL, 0);
    add_number(metrics, "holdfast_ready", "gauge", "1 when every target was synced once and the trail can be written.",
               view->ready);
    if (index) {
        add_objects(metrics, view, index);
    }
    add_drifts(metrics, view);
    add_corrections(metrics, view);
    add_targets(metrics, view, now_ms);
    add_number(metrics, "holdfast_trail_events", "gauge", "Events in the audit trail.", view->trail_events);
    add_number(metrics, "holdfast_trail_commits_total", "counter",
               "Groups of records committed to the trail since start.", view->trail_commits);
    hf_metric_family(metrics, "holdfast_trail_last_commit_duration_seconds", "gauge",
                     "How long the last commit to the trail took, its sync to the disk included.");
    hf_metric_micro(metrics, view->trail_commit_us);
    add_number(metrics, "holdfast_trail_queue_depth", "gauge", "Records that wait to be written to the trail.",
               view->trail_queued);
    add_number(metrics, "holdfast_trail_failing", "gauge", "1 while the trail can't be written.",
               view->trail_problem && view->trail_problem[0]);
    add_number(metrics, "holdfast_outbox_depth", "gauge", "Alerts that wait to be delivered.", view->outbox);
    add_channels(metrics, view);
}
