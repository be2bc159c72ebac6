/* Follows an action to its end. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "confighub_action.h"
#include "holdfast/digest.h"

#define FIRST_LOOK_MS 200
#define LAST_LOOK_MS 6000
#define LONGEST_PAUSE_MS 60000
#define UNIT_LOOK_MS 800 /* pauses longer than this */

const char *hf_confighub_outcome_name(enum hf_confighub_outcome outcome)
{
    static const char *const NAMES[] = {"running",   "completed",          "failed", "canceled",
                                        "timed_out", "worker_unavailable", "refused"};
    return (size_t)outcome < sizeof NAMES / sizeof NAMES[0] ? NAMES[outcome] : "unknown";
}

void confighub_action_free(struct hf_confighub_call *call)
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

const char *confighub_doing(const struct action *action)
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
void confighub_finish(struct action *action, enum hf_confighub_outcome outcome, const struct hf_error *err)
{
    struct hf_confighub *hub = action->call.hub;
    struct hf_confighub_action told = as_told(action, outcome);
    struct hf_error problem = *err;
    confighub_scrub(hub, &problem);
    confighub_call_remove(&action->call);
    confighub_enter(hub);
    action->follower.done(action->follower.ctx, &told, &problem);
    confighub_action_free(&action->call);
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
    (void)confighub_wrap(&action->subject, confighub_doing(action), &err);
    confighub_finish(action, outcome, &err);
}

void confighub_refuse(struct action *action, const struct hf_error *err)
{
    bool no_worker = err->code == HF_EUNAVAILABLE && confighub_says_worker_unavailable(err);
    confighub_finish(action, no_worker ? HF_ACTION_WORKER_UNAVAILABLE : HF_ACTION_REFUSED, err);
}

void confighub_look_later(struct action *action)
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
        (void)confighub_wrap(&action->subject, confighub_doing(action), &problem);
    }
    const struct hf_value *inner = confighub_inner(confighub_inner(value, "UnitAction"), "QueuedOperation");
    const struct hf_value *data = hf_value_get(inner, "Data");
    if (problem.code == HF_OK && data && data->kind == HF_STRING &&
        hf_base64_decode(data->as.text, &action->data, &problem) != 0) {
        (void)confighub_wrap(&action->subject, confighub_doing(action), &problem);
    }
    if (problem.code != HF_OK) {
        confighub_finish(action, HF_ACTION_REFUSED, &problem);
    } else if (!action->data.ptr) {
        fail(action, HF_ACTION_REFUSED, HF_EUNSUPPORTED, "ConfigHub does not say what the dry run would write");
    } else {
        confighub_finish(action, HF_ACTION_COMPLETED, &problem);
    }
}

static void read_action(struct action *action)
{
    hf_auto_buf struct hf_buf below = {0};
    struct hf_error err = HF_ERROR_INIT;
    hf_buf_adds(&below, "/unit_action/");
    hf_buf_add_url(&below, hf_slice_of(action->operation_id));
    struct confighub_step step = {.method = "GET",
                                  .below = hf_buf_text(&below),
                                  .doing = confighub_doing(action),
                                  .max_body = CONFIGHUB_MOST_UNIT};
    if (!hf_buf_ok(&below) ||
        confighub_ask_unit(action->call.hub, &action->subject, &step, on_action, action, &action->ask, &err) != 0) {
        confighub_finish(action, HF_ACTION_REFUSED, &err);
    }
}

static void end(struct action *action, enum hf_confighub_outcome outcome)
{
    struct hf_error none = HF_ERROR_INIT;
    if (outcome == HF_ACTION_COMPLETED && action->dry_run && strcmp(action->seen.result, "RefreshAndDrifted") == 0) {
        read_action(action);
    } else if (outcome == HF_ACTION_COMPLETED) {
        confighub_finish(action, outcome, &none);
    } else {
        fail(action, outcome, outcome == HF_ACTION_CANCELED ? HF_ECANCELED : HF_EREFUSED,
             outcome == HF_ACTION_CANCELED ? "the action was canceled" : "the action has failed");
    }
}

/* Takes what the event says; true when it is another than before. */
bool confighub_take_event(struct action *action, struct hf_arena *arena, const struct confighub_event *event)
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

void confighub_progress(struct action *action)
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
        (void)confighub_wrap(&action->subject, confighub_doing(action), &problem);
    }
    if (problem.code != HF_OK) {
        hf_arena_free(arena);
        bool may_heal = hf_code_is_transient(problem.code) || problem.code == HF_ETHROTTLED ||
                        (problem.code == HF_EPARSE && action->failures < 3);
        action->failures++;
        if (!may_heal) {
            confighub_finish(action, HF_ACTION_REFUSED, &problem);
        } else if (!is_late(action)) {
            if (response->retry_after_ms > action->wait_ms) {
                action->wait_ms =
                    response->retry_after_ms < LONGEST_PAUSE_MS ? response->retry_after_ms : LONGEST_PAUSE_MS;
            }
            confighub_look_later(action);
        }
        return;
    }
    if (!newest(arena, list, action->operation_id, &event)) {
        hf_arena_free(arena);
        if (!is_late(action)) {
            confighub_look_later(action);
        }
        return;
    }
    bool is_new = confighub_take_event(action, arena, &event);
    enum hf_confighub_outcome outcome = confighub_outcome_of(&event);
    if (outcome != HF_ACTION_RUNNING) {
        end(action, outcome);
    } else if (!is_late(action)) {
        confighub_look_later(action); /* before the callback, which may cancel it */
        if (is_new) {
            confighub_progress(action);
        }
    }
}

/* An action that came after takes this one's place: no event of this one may ever come again. */
static void on_unit(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct action *action = ctx;
    const struct hf_value *list = NULL;
    struct hf_error ignored = HF_ERROR_INIT;
    struct confighub_event latest;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    action->ask = NULL;
    if (err->code == HF_OK) {
        (void)confighub_read_list(arena, response->body, response->body_len, &list, &ignored);
    }
    const struct hf_value *event = hf_value_get(hf_value_at(list, 0), "LatestUnitEvent");
    if (arena && event) {
        confighub_read_event(arena, event, &latest);
    }
    if (arena && event && *latest.operation_id && strcmp(latest.operation_id, action->operation_id) != 0) {
        fail(action, HF_ACTION_CANCELED, HF_ECANCELED, "another action of the unit came after it");
    } else if (!is_late(action)) {
        confighub_look_later(action);
    }
}

static int look_at_unit(struct action *action, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf what = {0};
    hf_auto_buf struct hf_buf where = {0};
    hf_buf_adds(&where, "UnitID = ");
    confighub_add_quoted(&where, action->subject.unit_id);
    hf_buf_addf(&path, "/space/%s/unit", action->subject.space_id);
    confighub_add_parameter(&path, "where", hf_buf_text(&where));
    confighub_add_parameter(&path, "select", "UnitID,SpaceID,Slug");
    confighub_add_parameter(&path, "include", "UnitEventID");
    hf_buf_addf(&what, "unit %s: %s", action->subject.name, confighub_doing(action));
    struct confighub_request request = {
        .method = "GET", .path = hf_buf_text(&path), .doing = hf_buf_text(&what), .max_body = CONFIGHUB_MOST_UNIT};
    if (!hf_buf_ok(&path) || !hf_buf_ok(&what) || !hf_buf_ok(&where)) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    return confighub_ask(action->call.hub, &request, on_unit, action, &action->ask, err);
}

void confighub_on_look(void *ctx)
{
    struct action *action = ctx;
    hf_auto_buf struct hf_buf below = {0};
    hf_auto_buf struct hf_buf where = {0};
    struct hf_error err = HF_ERROR_INIT;
    action->looks_at_unit = !action->looks_at_unit && action->wait_ms > UNIT_LOOK_MS;
    if (action->looks_at_unit) {
        if (look_at_unit(action, &err) != 0) {
            confighub_finish(action, HF_ACTION_REFUSED, &err);
        }
        return;
    }
    hf_buf_adds(&where, "QueuedOperationID=");
    confighub_add_quoted(&where, action->operation_id);
    hf_buf_adds(&below, "/unit_event");
    confighub_add_parameter(&below, "where", hf_buf_text(&where));
    struct confighub_step step = {.method = "GET", .below = hf_buf_text(&below), .doing = confighub_doing(action)};
    if (!hf_buf_ok(&below) ||
        confighub_ask_unit(action->call.hub, &action->subject, &step, on_events, action, &action->ask, &err) != 0) {
        confighub_finish(action, HF_ACTION_REFUSED, &err);
    }
}
