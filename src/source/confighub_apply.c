/* Actions: queued, and followed to their end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "confighub_call.h"
#include "confighub_select.h"
#include "holdfast/digest.h"

#define FIRST_LOOK_MS 200
#define LAST_LOOK_MS 6000
#define USUAL_WORKER_MS 60000
#define USUAL_TOTAL_MS (10 * 60000)

struct action {
    struct hf_confighub_call call;
    struct confighub_subject subject;
    struct hf_confighub_limits limits;
    struct hf_confighub_follower follower;
    struct confighub_ask *ask;
    struct hf_timer *timer;
    int64_t revision; /* asked for; 0: none */
    bool is_refresh;
    bool tried_old; /* the fields of 2026 were refused */
    bool dry_run;
    int64_t began_ms; /* monotonic */
    int64_t wait_ms;  /* until the next look */
    bool is_taken;    /* by the worker */
    unsigned failures;
    char *operation_id;
    struct hf_arena *arena; /* of the event seen last */
    struct confighub_event seen;
    struct hf_buf data;
};

const char *hf_confighub_outcome_name(enum hf_confighub_outcome outcome)
{
    static const char *const NAMES[] = {"running",   "completed",          "failed", "canceled",
                                        "timed_out", "worker_unavailable", "refused"};
    return (size_t)outcome < sizeof NAMES / sizeof NAMES[0] ? NAMES[outcome] : "unknown";
}

static void action_free(struct hf_confighub_call *call)
{
    struct action *action = (struct action *)call;
    confighub_ask_cancel(action->ask);
    hf_timer_free(action->timer);
    confighub_subject_free(&action->subject);
    hf_arena_free(action->arena);
    hf_buf_free(&action->data);
    free(action->operation_id);
    free(action);
}

static const char *doing(const struct action *action)
{
    return action->is_refresh ? (action->dry_run ? "refresh (dry run)" : "refresh") : "apply";
}

static struct hf_confighub_action as_told(const struct action *action, enum hf_confighub_outcome outcome)
{
    const struct confighub_event *seen = &action->seen;
    return (struct hf_confighub_action){
        .outcome = outcome,
        .operation_id = action->operation_id ? action->operation_id : "",
        .action = action->is_refresh ? "Refresh" : "Apply",
        .status = seen->status ? seen->status : "",
        .result = seen->result ? seen->result : "",
        .message = seen->message ? seen->message : "",
        .revision = seen->revision > 0 ? seen->revision : action->revision,
        .took_ms = hf_mono_ms() - action->began_ms,
        .drifted = seen->result && strcmp(seen->result, "RefreshAndDrifted") == 0,
        .data = action->data.ptr,
        .data_len = action->data.len,
    };
}

/* The last callback. The action is out of the client's list before, and freed after. */
static void finish(struct action *action, enum hf_confighub_outcome outcome, const struct hf_error *err)
{
    struct hf_confighub *hub = action->call.hub;
    struct hf_confighub_action told = as_told(action, outcome);
    struct hf_error problem = *err;
    confighub_scrub(hub, &problem);
    confighub_call_remove(&action->call);
    confighub_enter(hub);
    action->follower.done(action->follower.ctx, &told, &problem);
    action_free(&action->call);
    confighub_leave(hub);
}

static void fail(struct action *action, enum hf_confighub_outcome outcome, enum hf_code code, const char *words)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct confighub_event *seen = &action->seen;
    bool has_message = seen->message && *seen->message;
    (void)hf_error_set(&err, code, "%s%s%s%s%s%s%s", words, seen->result && *seen->result ? " (" : "",
                       seen->result ? seen->result : "", seen->result && *seen->result ? ")" : "",
                       has_message ? ": " : "", has_message ? seen->message : "", "");
    (void)confighub_wrap(&action->subject, doing(action), &err);
    finish(action, outcome, &err);
}

static void refuse(struct action *action, const struct hf_error *err)
{
    bool no_worker = err->code == HF_EUNAVAILABLE && confighub_says_worker_unavailable(err);
    finish(action, no_worker ? HF_ACTION_WORKER_UNAVAILABLE : HF_ACTION_REFUSED, err);
}

static void look_later(struct action *action)
{
    if (action->wait_ms == 0) {
        action->wait_ms = FIRST_LOOK_MS;
    }
    hf_timer_set(action->timer, action->wait_ms);
    action->wait_ms = action->wait_ms * 2 < LAST_LOOK_MS ? action->wait_ms * 2 : LAST_LOOK_MS;
}

/* Whether its time is over; then it is finished. */
static bool is_late(struct action *action)
{
    int64_t took_ms = hf_mono_ms() - action->began_ms;
    if (!action->is_taken && took_ms > action->limits.worker_ms) {
        fail(action, HF_ACTION_WORKER_UNAVAILABLE, HF_ETIMEOUT,
             "the worker has not taken the action in its time: it stays queued in ConfigHub");
        return true;
    }
    if (took_ms > action->limits.total_ms) {
        fail(action, HF_ACTION_TIMED_OUT, HF_ETIMEOUT, "the action has not ended in its time: it goes on in ConfigHub");
        return true;
    }
    return false;
}

/* What a dry run would write stands in the action. */
static void on_action(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct action *action = ctx;
    struct hf_error problem = *err;
    const struct hf_value *value = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    action->ask = NULL;
    if (problem.code == HF_OK &&
        confighub_read_body(arena, response->body, response->body_len, &value, &problem) != 0) {
        (void)confighub_wrap(&action->subject, doing(action), &problem);
    }
    const struct hf_value *inner = confighub_inner(confighub_inner(value, "UnitAction"), "QueuedOperation");
    const struct hf_value *data = hf_value_get(inner, "Data");
    if (problem.code == HF_OK && data && data->kind == HF_STRING &&
        hf_base64_decode(data->as.text, &action->data, &problem) != 0) {
        (void)confighub_wrap(&action->subject, doing(action), &problem);
    }
    if (problem.code != HF_OK) {
        finish(action, HF_ACTION_REFUSED, &problem);
    } else if (!action->data.ptr) {
        fail(action, HF_ACTION_REFUSED, HF_EUNSUPPORTED, "ConfigHub does not say what the dry run would write");
    } else {
        finish(action, HF_ACTION_COMPLETED, &problem);
    }
}

static void read_action(struct action *action)
{
    hf_auto_buf struct hf_buf below = {0};
    struct hf_error err = HF_ERROR_INIT;
    hf_buf_adds(&below, "/unit_action/");
    hf_buf_add_url(&below, hf_slice_of(action->operation_id));
    struct confighub_step step = {
        .method = "GET", .below = hf_buf_text(&below), .doing = doing(action), .max_body = CONFIGHUB_MOST_UNIT};
    if (!hf_buf_ok(&below) ||
        confighub_ask_unit(action->call.hub, &action->subject, &step, on_action, action, &action->ask, &err) != 0) {
        finish(action, HF_ACTION_REFUSED, &err);
    }
}

static void end(struct action *action, enum hf_confighub_outcome outcome)
{
    struct hf_error none = HF_ERROR_INIT;
    if (outcome == HF_ACTION_COMPLETED && action->dry_run && strcmp(action->seen.result, "RefreshAndDrifted") == 0) {
        read_action(action);
    } else if (outcome == HF_ACTION_COMPLETED) {
        finish(action, outcome, &none);
    } else {
        fail(action, outcome, outcome == HF_ACTION_CANCELED ? HF_ECANCELED : HF_EREFUSED,
             outcome == HF_ACTION_CANCELED ? "the action was canceled" : "the action has failed");
    }
}

/* Takes what the event says; true when it is another than before. */
static bool take_event(struct action *action, struct hf_arena *arena, const struct confighub_event *event)
{
    bool is_new = !action->seen.status || strcmp(action->seen.status, event->status) != 0 ||
                  strcmp(action->seen.result, event->result) != 0 || strcmp(action->seen.message, event->message) != 0;
    hf_arena_free(action->arena);
    action->arena = arena;
    action->seen = *event;
    action->is_taken = action->is_taken || confighub_is_taken(event);
    return is_new;
}

/* The newest event of the operation: by time, and of those of one time the last. */
static bool newest(struct hf_arena *arena, const struct hf_value *list, const char *operation_id,
                   struct confighub_event *out)
{
    bool found = false;
    for (size_t i = 0; i < hf_value_count(list); i++) {
        struct confighub_event event;
        confighub_read_event(arena, confighub_inner(hf_value_at(list, i), "UnitEvent"), &event);
        bool is_end = confighub_outcome_of(&event) != HF_ACTION_RUNNING;
        if (strcmp(event.operation_id, operation_id) != 0 || (found && event.created_ms < out->created_ms && !is_end) ||
            (found && confighub_outcome_of(out) != HF_ACTION_RUNNING && !is_end)) {
            continue;
        }
        *out = event;
        found = true;
    }
    return found;
}

static void progress(struct action *action)
{
    struct hf_confighub_action told = as_told(action, HF_ACTION_RUNNING);
    struct hf_confighub *hub = action->call.hub;
    if (action->follower.progress) {
        confighub_enter(hub);
        action->follower.progress(action->follower.ctx, &told);
        confighub_leave(hub);
    }
}

/* A look that fails does not end it while ConfigHub may come back. */
static void on_events(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct action *action = ctx;
    const struct hf_value *list = NULL;
    struct hf_error problem = *err;
    struct confighub_event event;
    struct hf_arena *arena = hf_arena_new(0);
    action->ask = NULL;
    if (problem.code == HF_OK && confighub_read_list(arena, response->body, response->body_len, &list, &problem) != 0) {
        (void)confighub_wrap(&action->subject, doing(action), &problem);
    }
    if (problem.code != HF_OK) {
        hf_arena_free(arena);
        bool may_heal = hf_code_is_transient(problem.code) || problem.code == HF_ETHROTTLED ||
                        (problem.code == HF_EPARSE && action->failures < 3);
        action->failures++;
        if (!may_heal) {
            finish(action, HF_ACTION_REFUSED, &problem);
        } else if (!is_late(action)) {
            if (response->retry_after_ms > action->wait_ms) {
                action->wait_ms =
                    response->retry_after_ms < USUAL_WORKER_MS ? response->retry_after_ms : USUAL_WORKER_MS;
            }
            look_later(action);
        }
        return;
    }
    if (!newest(arena, list, action->operation_id, &event)) {
        hf_arena_free(arena);
        if (!is_late(action)) {
            look_later(action);
        }
        return;
    }
    bool is_new = take_event(action, arena, &event);
    enum hf_confighub_outcome outcome = confighub_outcome_of(&event);
    if (outcome != HF_ACTION_RUNNING) {
        end(action, outcome);
    } else if (!is_late(action)) {
        look_later(action); /* before the callback, which may cancel it */
        if (is_new) {
            progress(action);
        }
    }
}

static void on_look(void *ctx)
{
    struct action *action = ctx;
    hf_auto_buf struct hf_buf below = {0};
    hf_auto_buf struct hf_buf where = {0};
    struct hf_error err = HF_ERROR_INIT;
    hf_buf_adds(&where, "QueuedOperationID=");
    confighub_add_quoted(&where, action->operation_id);
    hf_buf_adds(&below, "/unit_event");
    confighub_add_parameter(&below, "where", hf_buf_text(&where));
    struct confighub_step step = {.method = "GET", .below = hf_buf_text(&below), .doing = doing(action)};
    if (!hf_buf_ok(&below) ||
        confighub_ask_unit(action->call.hub, &action->subject, &step, on_events, action, &action->ask, &err) != 0) {
        finish(action, HF_ACTION_REFUSED, &err);
    }
}

static void on_queued(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct action *action = ctx;
    struct hf_error problem = *err;
    const struct hf_value *value = NULL;
    struct confighub_event event = {0};
    struct hf_arena *arena = hf_arena_new(0);
    action->ask = NULL;
    if (problem.code == HF_OK &&
        confighub_read_body(arena, response->body, response->body_len, &value, &problem) == 0) {
        const struct hf_value *queued = confighub_inner(confighub_inner(value, "Action"), "QueuedOperation");
        confighub_read_event(arena, queued, &event);
        event.result = "";
        event.message = "";
        if (!confighub_id_is_sound(event.operation_id) || !(action->operation_id = hf_strdup(event.operation_id))) {
            (void)hf_error_set(&problem, HF_EPARSE, "found no QueuedOperationID in the answer");
        } else if (action->revision > 0 && event.revision > 0 && event.revision != action->revision) {
            (void)hf_error_set(&problem, HF_EINTERNAL,
                               "ConfigHub applies revision %lld though revision %lld was asked for: somebody has to "
                               "look at it at once",
                               (long long)event.revision, (long long)action->revision);
        }
    }
    if (problem.code != HF_OK) {
        if (err->code == HF_OK) {
            (void)confighub_wrap(&action->subject, doing(action), &problem);
        }
        hf_arena_free(arena);
        refuse(action, &problem);
        return;
    }
    (void)take_event(action, arena, &event);
    look_later(action);
    progress(action);
}

static void queue(struct action *action)
{
    char below[64];
    char what[64];
    struct hf_error err = HF_ERROR_INIT;
    if (action->is_refresh) {
        (void)snprintf(below, sizeof below, "/refresh%s", action->dry_run ? "?dry_run=true" : "");
        (void)snprintf(what, sizeof what, "%s", doing(action));
    } else {
        (void)snprintf(below, sizeof below, "/apply?revision=%lld", (long long)action->revision);
        (void)snprintf(what, sizeof what, "apply revision %lld", (long long)action->revision);
    }
    struct confighub_step step = {.method = "POST", .below = below, .doing = what};
    if (confighub_ask_unit(action->call.hub, &action->subject, &step, on_queued, action, &action->ask, &err) != 0) {
        finish(action, HF_ACTION_REFUSED, &err);
    }
}

/* A server of 2025 knows neither `revision` nor `dry_run`, and would do what was not asked for. */
static int check_unit(const struct action *action, const struct confighub_item *item, struct hf_error *err)
{
    if (item->wrong) {
        return hf_error_set(err, HF_EPARSE, "%s", item->wrong);
    }
    if (action->revision > item->head) {
        return hf_error_set(err, HF_EREFUSED, "there is no revision %lld: head is %lld", (long long)action->revision,
                            (long long)item->head);
    }
    if (item->is_new) {
        return 0;
    }
    if (action->dry_run) {
        return hf_error_set(err, HF_EUNSUPPORTED, "this ConfigHub has no dry run");
    }
    if (action->revision > 0 && action->revision != item->head) {
        return hf_error_set(err, HF_EUNSUPPORTED,
                            "this ConfigHub applies the newest revision only, which is %lld: revision %lld can't be "
                            "applied through it",
                            (long long)item->head, (long long)action->revision);
    }
    return 0;
}

static int ask_numbers(struct action *action, struct hf_error *err);

static void on_unit(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct action *action = ctx;
    struct confighub_item item;
    struct hf_error problem = *err;
    const struct hf_value *list = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    action->ask = NULL;
    if (response->status == 400 && !action->tried_old) {
        action->tried_old = true; /* it may not know the fields that are asked for */
        hf_error_clear(&problem);
        if (ask_numbers(action, &problem) != 0) {
            finish(action, HF_ACTION_REFUSED, &problem);
        }
        return;
    }
    if (problem.code == HF_OK &&
        (confighub_read_list(arena, response->body, response->body_len, &list, &problem) != 0 ||
         (hf_value_count(list) != 1
              ? hf_error_set(&problem, HF_ENOTFOUND,
                             "ConfigHub does not show it: gone from view, which does not mean deleted")
              : confighub_read_item(arena, hf_value_at(list, 0), &item, &problem)) != 0 ||
         check_unit(action, &item, &problem) != 0)) {
        (void)confighub_wrap(&action->subject, doing(action), &problem);
    }
    if (problem.code != HF_OK) {
        finish(action, HF_ACTION_REFUSED, &problem);
    } else {
        queue(action);
    }
}

static struct action *action_new(struct hf_confighub *hub, const struct hf_confighub_unit *unit,
                                 const struct hf_confighub_limits *limits, const struct hf_confighub_follower *follower,
                                 struct hf_error *err)
{
    struct action *action = hf_calloc(1, sizeof *action);
    if (!action || !(action->timer = hf_timer_new(hub->loop, on_look, action))) {
        free(action);
        (void)hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
        return NULL;
    }
    if (confighub_subject_copy(&action->subject, unit, err) != 0) {
        action_free(&action->call);
        return NULL;
    }
    action->limits.worker_ms = limits && limits->worker_ms > 0 ? limits->worker_ms : USUAL_WORKER_MS;
    action->limits.total_ms = limits && limits->total_ms > 0 ? limits->total_ms : USUAL_TOTAL_MS;
    action->follower = *follower;
    action->began_ms = hf_mono_ms();
    return action;
}

static int ask_numbers(struct action *action, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf what = {0};
    confighub_one_path(action->subject.space_id, action->subject.unit_id, action->tried_old, &path);
    hf_buf_addf(&what, "unit %s: %s", action->subject.name, doing(action));
    struct confighub_request request = {
        .method = "GET", .path = hf_buf_text(&path), .doing = hf_buf_text(&what), .max_body = CONFIGHUB_MOST_UNIT};
    if (!hf_buf_ok(&path) || !hf_buf_ok(&what)) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    return confighub_ask(action->call.hub, &request, on_unit, action, &action->ask, err);
}

static int begin(struct hf_confighub *hub, struct action *action, struct hf_confighub_call **out, struct hf_error *err)
{
    action->call.hub = hub;
    if (ask_numbers(action, err) != 0) {
        action_free(&action->call);
        return -1;
    }
    confighub_call_add(hub, &action->call, action_free);
    if (out) {
        *out = &action->call;
    }
    return 0;
}

int hf_confighub_apply(struct hf_confighub *hub, const struct hf_confighub_unit *unit, int64_t revision,
                       const struct hf_confighub_limits *limits, const struct hf_confighub_follower *follower,
                       struct hf_confighub_call **out, struct hf_error *err)
{
    if (revision <= 0) {
        return hf_error_set(err, HF_EINVAL, "ConfigHub: unit %s/%s: apply: found revision %lld, expected one from 1",
                            unit->space ? unit->space : "", unit->slug ? unit->slug : "", (long long)revision);
    }
    struct action *action = action_new(hub, unit, limits, follower, err);
    if (!action) {
        return -1;
    }
    action->revision = revision;
    return begin(hub, action, out, err);
}

int hf_confighub_refresh(struct hf_confighub *hub, const struct hf_confighub_unit *unit, bool dry_run,
                         const struct hf_confighub_limits *limits, const struct hf_confighub_follower *follower,
                         struct hf_confighub_call **out, struct hf_error *err)
{
    struct action *action = action_new(hub, unit, limits, follower, err);
    if (!action) {
        return -1;
    }
    action->is_refresh = true;
    action->dry_run = dry_run;
    return begin(hub, action, out, err);
}

int hf_confighub_follow(struct hf_confighub *hub, const struct hf_confighub_unit *unit, const char *operation_id,
                        const struct hf_confighub_limits *limits, const struct hf_confighub_follower *follower,
                        struct hf_confighub_call **out, struct hf_error *err)
{
    struct action *action = action_new(hub, unit, limits, follower, err);
    if (!action) {
        return -1;
    }
    if (!confighub_id_is_sound(operation_id) || !(action->operation_id = hf_strdup(operation_id))) {
        (void)hf_error_set(err, HF_EINVAL, "ConfigHub: unit %s: follow: expected the id of an action",
                           action->subject.name);
        action_free(&action->call);
        return -1;
    }
    hf_timer_set(action->timer, 0);
    confighub_call_add(hub, &action->call, action_free);
    if (out) {
        *out = &action->call;
    }
    return 0;
}
