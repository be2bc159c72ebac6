/* Actions: what is asked for, and queued. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confighub_action.h"
#include "confighub_select.h"

#define USUAL_WORKER_MS 60000
#define USUAL_TOTAL_MS (10 * 60000)

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
            (void)confighub_wrap(&action->subject, confighub_doing(action), &problem);
        }
        hf_arena_free(arena);
        confighub_refuse(action, &problem);
        return;
    }
    (void)confighub_take_event(action, arena, &event);
    confighub_look_later(action);
    confighub_progress(action);
}

static void queue(struct action *action)
{
    char below[64];
    char what[64];
    struct hf_error err = HF_ERROR_INIT;
    if (action->is_refresh) {
        (void)snprintf(below, sizeof below, "/refresh%s", action->dry_run ? "?dry_run=true" : "");
        (void)snprintf(what, sizeof what, "%s", confighub_doing(action));
    } else {
        (void)snprintf(below, sizeof below, "/apply?revision=%lld", (long long)action->revision);
        (void)snprintf(what, sizeof what, "apply revision %lld", (long long)action->revision);
    }
    struct confighub_step step = {.method = "POST", .below = below, .doing = what};
    if (confighub_ask_unit(action->call.hub, &action->subject, &step, on_queued, action, &action->ask, &err) != 0) {
        confighub_finish(action, HF_ACTION_REFUSED, &err);
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
            confighub_finish(action, HF_ACTION_REFUSED, &problem);
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
        (void)confighub_wrap(&action->subject, confighub_doing(action), &problem);
    }
    if (problem.code != HF_OK) {
        confighub_finish(action, HF_ACTION_REFUSED, &problem);
    } else {
        queue(action);
    }
}

static struct action *action_new(struct hf_confighub *hub, const struct hf_confighub_unit *unit,
                                 const struct hf_confighub_limits *limits, const struct hf_confighub_follower *follower,
                                 struct hf_error *err)
{
    struct action *action = hf_calloc(1, sizeof *action);
    if (!action || !(action->timer = hf_timer_new(hub->loop, confighub_on_look, action))) {
        free(action);
        (void)hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
        return NULL;
    }
    if (confighub_subject_copy(&action->subject, unit, err) != 0) {
        confighub_action_free(&action->call);
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
    hf_buf_addf(&what, "unit %s: %s", action->subject.name, confighub_doing(action));
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
        confighub_action_free(&action->call);
        return -1;
    }
    confighub_call_add(hub, &action->call, confighub_action_free);
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
        confighub_action_free(&action->call);
        return -1;
    }
    hf_timer_set(action->timer, 0);
    confighub_call_add(hub, &action->call, confighub_action_free);
    if (out) {
        *out = &action->call;
    }
    return 0;
}
