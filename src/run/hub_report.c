/* Drift and correction, told back to ConfigHub as annotations on the unit, so that they show in its own lists: the
 * newest only, gathered for half a second, one write a unit at a time; the trail is the record. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define GATHER_MS 500
#define AGAIN_MS 2000
#define FAILED_AGAIN_MS 30000
#define MOST_TRIES 5
#define MOST_TEXT 500

struct run_report {
    struct run_target *target;
    char *space; /* NULL: whichever */
    char *slug;
    const char *state;
    char at[HF_TIME_TEXT];
    char *text;
    unsigned tries;
    int64_t due_ms; /* monotonic */
    bool is_new;
    struct hf_confighub_call *call;
    struct run_report *next;
};

static const char *state_of(const char *type)
{
    static const struct {
        const char *type;
        const char *state;
    } TOLD[] = {{"drift.seen", "drifted"},
                {"drift.changed", "drifted"},
                {"correction.blocked", "blocked"},
                {"correction.partial", "partly corrected"},
                {"correction.confirmed", "corrected"},
                {"drift.healed", "healed"}};
    for (size_t i = 0; i < sizeof TOLD / sizeof TOLD[0]; i++) {
        if (strcmp(TOLD[i].type, type) == 0) {
            return TOLD[i].state;
        }
    }
    return NULL;
}

static void drop(struct run_report *report)
{
    struct run_report **at = &report->target->reports;
    while (*at && *at != report) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = report->next;
    }
    free(report->space);
    free(report->slug);
    free(report->text);
    free(report);
}

void hf_run_report_forget(struct run_target *target)
{
    while (target->reports) {
        if (target->reports->call) {
            hf_confighub_cancel(target->reports->call);
        }
        drop(target->reports);
    }
    hf_timer_free(target->report_timer);
    target->report_timer = NULL;
}

static void on_written(void *ctx, const struct hf_confighub_changed *unit, const struct hf_error *state)
{
    struct run_report *report = ctx;
    (void)unit;
    report->call = NULL;
    if (state->code != HF_OK && !report->is_new) {
        hf_log_error(report->target->run->log, HF_WARN, "a unit's annotations could not be written", state, "unit",
                     report->slug, NULL);
        report->is_new = ++report->tries < MOST_TRIES && state->code != HF_EDENIED && state->code != HF_ENOTFOUND;
        report->due_ms = hf_mono_ms() + FAILED_AGAIN_MS;
    }
    if (!report->is_new) {
        drop(report);
    } else if (!hf_timer_is_set(report->target->report_timer)) {
        hf_timer_set(report->target->report_timer, AGAIN_MS);
    }
}

/* False: it is over. */
static bool write_one(struct run_report *report)
{
    struct hf_run *run = report->target->run;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_standing standing;
    if (hf_agent_standing(run->agent, report->target->name, report->space, report->slug, NULL, &standing, NULL, &err) !=
            0 ||
        !standing.unit->unit_id || !*standing.unit->unit_id) {
        return false;
    }
    const struct hf_label annotations[] = {{"holdfast.dev/drift", report->state},
                                           {"holdfast.dev/drift-at", report->at},
                                           {"holdfast.dev/drift-what", report->text}};
    struct hf_confighub_unit which = hf_confighub_unit_of(standing.unit);
    report->is_new = false;
    report->due_ms = hf_mono_ms() + AGAIN_MS;
    return hf_confighub_annotate(run->hub, &which, annotations, sizeof annotations / sizeof annotations[0], on_written,
                                 report, &report->call, &err) == 0;
}

static void on_timer(void *ctx)
{
    struct run_target *target = ctx;
    int64_t now = hf_mono_ms();
    int64_t next = INT64_MAX;
    for (struct run_report *report = target->reports, *after; report; report = after) {
        after = report->next;
        if (!report->is_new || report->call) {
            continue;
        }
        if (report->due_ms > now) {
            next = report->due_ms < next ? report->due_ms : next;
        } else if (!write_one(report)) {
            drop(report);
        }
    }
    if (next != INT64_MAX) {
        hf_timer_set(target->report_timer, next - now);
    }
}

static struct run_report *report_of(struct run_target *target, const struct hf_audit_event *event)
{
    for (struct run_report *report = target->reports; report; report = report->next) {
        if (strcmp(report->slug, event->unit) == 0 &&
            strcmp(report->space ? report->space : "", event->space ? event->space : "") == 0) {
            return report;
        }
    }
    struct run_report *report = hf_calloc(1, sizeof *report);
    if (!report) {
        return NULL;
    }
    report->target = target;
    report->slug = hf_strdup(event->unit);
    report->space = event->space ? hf_strdup(event->space) : NULL;
    report->next = target->reports;
    target->reports = report;
    if (!report->slug || (event->space && !report->space)) {
        drop(report);
        return NULL;
    }
    return report;
}

static void take(struct run_target *target, const struct hf_audit_event *event, const char *state)
{
    struct hf_buf text = {0};
    struct run_report *report = report_of(target, event);
    if (!report) {
        return; /* the trail has it */
    }
    hf_buf_add_safe(&text, hf_slice_of(event->message ? event->message : ""), MOST_TEXT);
    char *taken = hf_buf_take(&text);
    if (!taken) {
        return;
    }
    free(report->text);
    report->text = taken;
    report->state = state;
    report->tries = 0;
    report->is_new = true;
    hf_time_format(event->at_ms, report->at);
    int64_t soon = hf_mono_ms() + GATHER_MS;
    report->due_ms = report->due_ms > soon ? report->due_ms : soon;
    if (!target->report_timer) {
        target->report_timer = hf_timer_new(target->run->loop, on_timer, target);
    }
    if (target->report_timer && !hf_timer_is_set(target->report_timer)) {
        hf_timer_set(target->report_timer, GATHER_MS);
    }
}

void hf_run_report(struct hf_run *run, const struct hf_audit_batch *batch)
{
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct hf_audit_event *event = &batch->events[i];
        const char *state = event->type ? state_of(event->type) : NULL;
        struct run_target *target =
            state && event->target && event->unit ? hf_run_target_find(run, event->target) : NULL;
        if (target && target->is_hub && target->reports_back) {
            take(target, event, state);
        }
    }
}
