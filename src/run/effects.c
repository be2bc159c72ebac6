/* What the agent asks for, done with the real stations. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define VIEW_MS 50
#define VIEW_SHARE 10

/* An entry of the agent that failed (memory) left its state as before and will be asked again: say so, go on. */
void hf_run_told(struct hf_run *run, int result, const struct hf_error *err)
{
    if (result != 0) {
        hf_log_error(run->log, HF_ERROR, "the agent could not take an event", err, NULL);
        hf_timer_set(run->agent_timer, 1000);
    }
}

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return hf_now_ms();
}

static int64_t mono_ms(void *ctx)
{
    (void)ctx;
    return hf_mono_ms();
}

static uint32_t random_number(void *ctx)
{
    (void)ctx;
    uint32_t number = 0;
    struct hf_error err = HF_ERROR_INIT;
    return hf_random(&number, sizeof number, &err) == 0 ? number : (uint32_t)hf_mono_us();
}

static enum hf_agent_served kind_of(void *ctx, const char *target_name, const char *api_version, const char *kind,
                                    struct hf_agent_kind *out)
{
    struct run_target *target = hf_run_target_find(ctx, target_name);
    if (!target || !target->discovered) {
        return HF_NOT_KNOWN_YET;
    }
    const struct hf_resource *resource = hf_cluster_resource(target->cluster, api_version, kind);
    if (!resource) {
        return HF_NOT_SERVED;
    }
    if (hf_run_awaits_types(target, api_version, kind)) {
        return HF_NOT_KNOWN_YET;
    }
    out->namespaced = resource->namespaced;
    out->has_status = resource->has_status;
    return HF_SERVED;
}

static void on_list_begin(void *ctx)
{
    struct run_follow *follow = ctx;
    struct hf_error err = HF_ERROR_INIT;
    hf_run_told(follow->target->run, hf_agent_list_begin(follow->target->run->agent, follow->scope, &err), &err);
}

static void on_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    struct run_follow *follow = ctx;
    struct hf_error err = HF_ERROR_INIT;
    (void)bytes;
    hf_run_told(follow->target->run, hf_agent_item(follow->target->run->agent, follow->scope, object, &err), &err);
}

static void on_list_end(void *ctx, const char *resource_version)
{
    struct run_follow *follow = ctx;
    struct hf_error err = HF_ERROR_INIT;
    (void)resource_version;
    hf_run_told(follow->target->run, hf_agent_list_end(follow->target->run->agent, follow->scope, &err), &err);
}

static void on_change(void *ctx, enum hf_change change, const struct hf_value *object, size_t bytes)
{
    struct run_follow *follow = ctx;
    struct hf_error err = HF_ERROR_INIT;
    (void)bytes;
    hf_run_told(follow->target->run, hf_agent_change(follow->target->run->agent, follow->scope, change, object, &err),
                &err);
}

static void on_state(void *ctx, const struct hf_error *state)
{
    struct run_follow *follow = ctx;
    struct hf_error err = HF_ERROR_INIT;
    hf_run_told(follow->target->run, hf_agent_scope_state(follow->target->run->agent, follow->scope, state, &err),
                &err);
}

static void unfollow(void *ctx, uint64_t scope)
{
    struct hf_run *run = ctx;
    for (struct run_target *target = run->targets; target; target = target->next) {
        for (struct run_follow **at = &target->follows; *at; at = &(*at)->next) {
            if ((*at)->scope == scope) {
                struct run_follow *gone = *at;
                *at = gone->next;
                hf_follow_free(gone->follow);
                free(gone);
                return;
            }
        }
    }
}

void hf_run_unfollow_all(struct run_target *target)
{
    while (target->follows) {
        struct run_follow *gone = target->follows;
        target->follows = gone->next;
        hf_follow_free(gone->follow);
        free(gone);
    }
}

static void follow_failed(struct hf_run *run, uint64_t scope, const struct hf_error *why)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_run_told(run, hf_agent_scope_state(run->agent, scope, why, &err), &err);
}

static void follow(void *ctx, const struct hf_agent_scope *scope)
{
    struct hf_run *run = ctx;
    struct hf_error err = HF_ERROR_INIT;
    unfollow(ctx, scope->id);
    struct run_target *target = hf_run_target_find(run, scope->target);
    const struct hf_resource *resource =
        target ? hf_cluster_resource(target->cluster, scope->api_version, scope->kind) : NULL;
    struct run_follow *made = hf_calloc(1, sizeof *made);
    if (!resource || !made) {
        (void)hf_error_set(&err, made ? HF_ENOTFOUND : HF_ENOMEM, "follow %s: %s", scope->kind,
                           made ? "not served" : "out of memory");
        free(made);
        follow_failed(run, scope->id, &err);
        return;
    }
    made->target = target;
    made->scope = scope->id;
    struct hf_follow_events events = {made, on_list_begin, on_item, on_list_end, on_change, on_state};
    if (hf_cluster_follow(target->cluster, resource, scope->namespace, &events, &made->follow, &err) != 0) {
        free(made);
        follow_failed(run, scope->id, &err);
        return;
    }
    made->next = target->follows;
    target->follows = made;
}

static int record(void *ctx, const struct hf_audit_batch *batch, uint64_t ticket, struct hf_error *err)
{
    struct hf_run *run = ctx;
    if (hf_audit_append(run->audit, batch, ticket, err) != 0) {
        return -1;
    }
    hf_run_report(run, batch);
    if (batch->event_count > 0 && !hf_timer_is_set(run->wake_timer)) {
        hf_timer_set(run->wake_timer, 100);
    }
    return 0;
}

static struct asked *ask(struct run_target *target, uint64_t ticket)
{
    struct asked *asked = hf_calloc(1, sizeof *asked);
    if (asked) {
        *asked = (struct asked){target, ticket, target->asked, NULL};
        if (target->asked) {
            target->asked->prev = asked;
        }
        target->asked = asked;
    }
    return asked;
}

static void forget(struct asked *asked)
{
    if (asked->prev) {
        asked->prev->next = asked->next;
    } else {
        asked->target->asked = asked->next;
    }
    if (asked->next) {
        asked->next->prev = asked->prev;
    }
    free(asked);
}

static void on_answer(void *ctx, const struct hf_answer *answer, const struct hf_error *state)
{
    struct asked *asked = ctx;
    struct hf_run *run = asked->target->run;
    uint64_t ticket = asked->ticket;
    struct hf_error err = HF_ERROR_INIT;
    forget(asked);
    hf_run_told(run, hf_agent_answered(run->agent, ticket, answer->object, answer->retry_after_ms, state, &err), &err);
}

static int ref_for(struct hf_run *run, const struct hf_agent_ref *from, struct hf_object_ref *out,
                   struct run_target **target, struct hf_error *err)
{
    *target = hf_run_target_find(run, from->target);
    out->resource = *target ? hf_cluster_resource((*target)->cluster, from->api_version, from->kind) : NULL;
    out->namespace = from->namespace;
    out->name = from->name;
    if (!out->resource) {
        return hf_error_set(err, HF_ENOTFOUND, "%s in %s is not served", from->kind, from->api_version);
    }
    return 0;
}

static int apply(void *ctx, const struct hf_agent_ref *from, const char *manager, struct hf_slice bytes,
                 uint64_t ticket, struct hf_error *err)
{
    struct run_target *target;
    struct hf_object_ref ref;
    if (ref_for(ctx, from, &ref, &target, err) != 0) {
        return -1;
    }
    struct hf_apply what = {.manager = manager, .force = true, .bytes = bytes.ptr, .len = bytes.len};
    struct asked *asked = ask(target, ticket);
    if (!asked) {
        return hf_error_set(err, HF_ENOMEM, "apply %s: out of memory", from->name);
    }
    if (hf_cluster_apply(target->cluster, &ref, &what, on_answer, asked, err) != 0) {
        forget(asked);
        return -1;
    }
    return 0;
}

static int patch(void *ctx, const struct hf_agent_ref *from, const char *manager, struct hf_slice bytes,
                 uint64_t ticket, struct hf_error *err)
{
    struct run_target *target;
    struct hf_object_ref ref;
    if (ref_for(ctx, from, &ref, &target, err) != 0) {
        return -1;
    }
    struct asked *asked = ask(target, ticket);
    if (!asked) {
        return hf_error_set(err, HF_ENOMEM, "patch %s: out of memory", from->name);
    }
    if (hf_cluster_patch(target->cluster, &ref, "application/json-patch+json", manager, bytes.ptr, bytes.len, on_answer,
                         asked, err) != 0) {
        forget(asked);
        return -1;
    }
    return 0;
}

static int remove_object(void *ctx, const struct hf_agent_ref *from, const char *uid, const char *resource_version,
                         bool orphan, uint64_t ticket, struct hf_error *err)
{
    struct run_target *target;
    struct hf_object_ref ref;
    if (ref_for(ctx, from, &ref, &target, err) != 0) {
        return -1;
    }
    struct asked *asked = ask(target, ticket);
    if (!asked) {
        return hf_error_set(err, HF_ENOMEM, "delete %s: out of memory", from->name);
    }
    struct hf_delete what = {.uid = uid, .resource_version = resource_version, .orphan = orphan};
    if (hf_cluster_delete(target->cluster, &ref, &what, on_answer, asked, err) != 0) {
        forget(asked);
        return -1;
    }
    return 0;
}

static int get(void *ctx, const struct hf_agent_ref *from, uint64_t ticket, struct hf_error *err)
{
    struct run_target *target;
    struct hf_object_ref ref;
    if (ref_for(ctx, from, &ref, &target, err) != 0) {
        return -1;
    }
    struct asked *asked = ask(target, ticket);
    if (!asked) {
        return hf_error_set(err, HF_ENOMEM, "read %s: out of memory", from->name);
    }
    if (hf_cluster_get(target->cluster, &ref, on_answer, asked, err) != 0) {
        forget(asked);
        return -1;
    }
    return 0;
}

static void wake_in(void *ctx, int64_t delay_ms)
{
    struct hf_run *run = ctx;
    hf_timer_set(run->agent_timer, delay_ms);
}

static void changed(void *ctx)
{
    struct hf_run *run = ctx;
    if (!hf_timer_is_set(run->view_timer)) {
        /* With many objects a view takes its time: no more than a tenth of the loop's. */
        hf_timer_set(run->view_timer,
                     run->view_took_ms > VIEW_MS / VIEW_SHARE ? run->view_took_ms * VIEW_SHARE : VIEW_MS);
    }
}

void hf_run_effects(struct hf_run *run, struct hf_agent_effects *out)
{
    *out = (struct hf_agent_effects){.ctx = run,
                                     .now_ms = now_ms,
                                     .mono_ms = mono_ms,
                                     .random = random_number,
                                     .kind = kind_of,
                                     .follow = follow,
                                     .unfollow = unfollow,
                                     .record = record,
                                     .apply = apply,
                                     .patch = patch,
                                     .remove = remove_object,
                                     .get = get,
                                     .confirm = hf_run_confirm,
                                     .apply_unit = hf_run_apply_unit,
                                     .accept_unit = hf_run_accept_unit,
                                     .wake_in = wake_in,
                                     .changed = changed};
}
