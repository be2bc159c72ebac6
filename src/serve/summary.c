/* /api/v1/summary, /api/v1/targets, /api/v1/units. */
#include <string.h>

#include "json_out.h"
#include "server.h"

static void counts_json(struct hf_buf *out, const char *name, const size_t counts[HF_RANK_COUNT])
{
    hf_out_open(out, name, '{');
    for (int rank = 0; rank < HF_RANK_COUNT; rank++) {
        hf_out_count(out, hf_rank_name((enum hf_rank)rank), counts[rank]);
    }
    hf_out_close(out, '}');
}

/* Leaves the object open. */
static void begin_summary(const struct hf_request *request, struct hf_buf *out, struct hf_assessment *assessment)
{
    static const size_t NO_COUNTS[HF_RANK_COUNT] = {0};
    const struct hf_view *view = request->view ? request->view->view : NULL;
    const struct hf_view_index *index = request->view ? hf_view_index(request->view) : NULL;
    hf_assess(assessment, view, index, hf_serve_stuck_ms(request->serve));
    hf_out_open(out, NULL, '{');
    hf_out_count(out, "serial", view ? view->serial : 0);
    hf_out_text(out, "state", hf_state_name(assessment->state));
    hf_out_text(out, "sentence", hf_buf_text(&assessment->sentence));
    hf_out_count(out, "objects", view ? view->object_count : 0);
    counts_json(out, "counts", index ? index->counts : NO_COUNTS);
    hf_out_open(out, "problems", '[');
    const char *line = hf_buf_text(&assessment->problems);
    while (*line) {
        size_t len = strcspn(line, "\n");
        if (out->ptr && out->ptr[out->len - 1] != '[') {
            hf_buf_addc(out, ',');
        }
        hf_buf_add_json(out, (struct hf_slice){line, len});
        line += len + (line[len] == '\n');
    }
    hf_out_close(out, ']');
}

void hf_summary_short(const struct hf_request *request, struct hf_buf *out)
{
    struct hf_assessment assessment;
    begin_summary(request, out, &assessment);
    hf_out_close(out, '}');
    hf_assessment_free(&assessment);
}

static void target_json(struct hf_buf *out, const struct hf_view_target *target, const size_t counts[HF_RANK_COUNT])
{
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "name", target->name);
    hf_out_text(out, "server", target->server);
    hf_out_text(out, "correction", target->correction);
    hf_out_open(out, "cluster", '{');
    hf_out_text(out, "state", target->cluster_state);
    hf_out_text(out, "problem", target->cluster_problem);
    hf_out_time(out, "since", target->cluster_since_ms);
    hf_out_close(out, '}');
    hf_out_open(out, "source", '{');
    hf_out_text(out, "problem", target->source_problem);
    hf_out_time(out, "read_at", target->source_at_ms);
    hf_out_close(out, '}');
    counts_json(out, "counts", counts);
    hf_out_count(out, "watches", target->watches);
    hf_out_count(out, "watch_restarts", target->watch_restarts);
    hf_out_count(out, "watch_events", target->watch_events);
    hf_out_count(out, "fast_path_events", target->fast_events);
    hf_out_count(out, "requests", target->requests);
    hf_out_count(out, "request_failures", target->failures);
    hf_out_count(out, "corrections_in_flight", target->in_flight);
    hf_out_count(out, "corrections_queued", target->queued);
    hf_out_count(out, "corrections_confirmed", target->corrected);
    hf_out_count(out, "corrections_failed", target->failed);
    hf_out_count(out, "drifts", target->drifts);
    hf_out_int(out, "corrected_sum_ms", target->corrected_sum_ms);
    hf_out_close(out, '}');
}

static void targets_json(struct hf_buf *out, const char *name, struct hf_view_ref *ref)
{
    static const size_t NO_COUNTS[HF_RANK_COUNT] = {0};
    const struct hf_view_index *index = hf_view_index(ref);
    hf_out_open(out, name, '[');
    for (size_t i = 0; i < ref->view->target_count; i++) {
        target_json(out, &ref->view->targets[i], index ? index->by_target[i] : NO_COUNTS);
    }
    hf_out_close(out, ']');
}

static void full_summary(const struct hf_request *request, struct hf_buf *out)
{
    struct hf_assessment assessment;
    begin_summary(request, out, &assessment);
    hf_assessment_free(&assessment);
    hf_out_text(out, "version", HF_VERSION);
    if (request->view) {
        const struct hf_view *view = request->view->view;
        hf_out_time(out, "made_at", view->made_ms);
        hf_out_time(out, "started_at", view->started_ms);
        hf_out_bool(out, "ready", view->ready);
        hf_out_text(out, "not_ready", view->not_ready);
        hf_out_open(out, "trail", '{');
        hf_out_text(out, "problem", view->trail_problem);
        hf_out_count(out, "events", view->trail_events);
        hf_out_count(out, "queued", view->trail_queued);
        hf_out_close(out, '}');
        hf_out_count(out, "outbox", view->outbox);
        hf_out_open(out, "channels", '[');
        for (size_t i = 0; i < view->channel_count; i++) {
            const struct hf_view_channel *channel = &view->channels[i];
            hf_out_open(out, NULL, '{');
            hf_out_text(out, "name", channel->name);
            hf_out_count(out, "delivered", channel->delivered);
            hf_out_count(out, "failed_attempts", channel->failed);
            hf_out_count(out, "given_up", channel->given_up);
            hf_out_bool(out, "failing", channel->failing);
            hf_out_close(out, '}');
        }
        hf_out_close(out, ']');
        targets_json(out, "targets", request->view);
    }
    hf_out_close(out, '}');
}

void hf_serve_summary(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {NULL};
    if (!hf_request_only(request, answer, KNOWN)) {
        return;
    }
    answer->type = "application/json";
    if (!hf_answer_by_view(request, answer)) {
        full_summary(request, &answer->body);
    }
}

void hf_serve_targets(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {NULL};
    if (!hf_request_only(request, answer, KNOWN) || !hf_answer_needs_view(request, answer)) {
        return;
    }
    answer->type = "application/json";
    if (hf_answer_by_view(request, answer)) {
        return;
    }
    hf_out_open(&answer->body, NULL, '{');
    hf_out_count(&answer->body, "serial", request->view->view->serial);
    targets_json(&answer->body, "items", request->view);
    hf_out_close(&answer->body, '}');
}

void hf_serve_units(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"target", "space", NULL};
    if (!hf_request_only(request, answer, KNOWN) || !hf_answer_needs_view(request, answer)) {
        return;
    }
    answer->type = "application/json";
    if (hf_answer_by_view(request, answer)) {
        return;
    }
    const struct hf_view *view = request->view->view;
    const char *target = hf_query_get(request->query, "target");
    const char *space = hf_query_get(request->query, "space");
    hf_out_open(&answer->body, NULL, '{');
    hf_out_count(&answer->body, "serial", view->serial);
    hf_out_open(&answer->body, "items", '[');
    for (size_t i = 0; i < view->unit_count; i++) {
        const struct hf_view_unit *unit = &view->units[i];
        if ((target && (!unit->target || strcmp(target, unit->target) != 0)) ||
            (space && (!unit->space || strcmp(space, unit->space) != 0))) {
            continue;
        }
        hf_out_open(&answer->body, NULL, '{');
        hf_out_text(&answer->body, "target", unit->target);
        hf_out_text(&answer->body, "space", unit->space);
        hf_out_text(&answer->body, "slug", unit->slug);
        hf_out_text(&answer->body, "origin", unit->origin);
        hf_out_int(&answer->body, "revision", unit->revision);
        hf_out_text(&answer->body, "verdict", hf_rank_name(hf_rank_of(unit->verdict)));
        hf_out_text(&answer->body, "problem", unit->problem);
        hf_out_count(&answer->body, "objects", unit->objects);
        hf_out_text(&answer->body, "state", unit->state);
        hf_out_text(&answer->body, "state_reason",
                    unit->state_reason && *unit->state_reason ? unit->state_reason : NULL);
        if (unit->is_hub) {
            hf_out_text(&answer->body, "mode", unit->mode);
            hf_out_int(&answer->body, "head_revision", unit->head_revision);
            hf_out_int(&answer->body, "applied_revision", unit->applied_revision);
            hf_out_int(&answer->body, "live_revision", unit->live_revision);
            hf_out_int(&answer->body, "upstream_revision", unit->upstream_revision);
            hf_out_int(&answer->body, "upstream_head", unit->upstream_head);
        }
        hf_out_close(&answer->body, '}');
    }
    hf_out_close(&answer->body, ']');
    hf_out_close(&answer->body, '}');
}
