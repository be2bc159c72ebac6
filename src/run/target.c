/* One target: a cluster with a source. What is served and its types first (renew.c), then the agent says what to
 * follow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

struct run_target *hf_run_target_find(const struct hf_run *run, const char *name)
{
    struct run_target *target = run->targets;
    while (target && strcmp(target->name, name) != 0) {
        target = target->next;
    }
    return target;
}

int hf_run_access(const struct hf_config_target *config, struct hf_access **out, struct hf_error *err)
{
    if (config->in_cluster) {
        return hf_access_in_cluster(NULL, out, err);
    }
    struct hf_kubeconfig *kubeconfig;
    if (hf_kubeconfig_load(config->kubeconfig, &kubeconfig, err) != 0) {
        return -1;
    }
    int result = hf_kubeconfig_resolve(kubeconfig, config->context, out, err);
    hf_kubeconfig_free(kubeconfig);
    return result;
}

static void on_units(void *ctx, struct hf_unit *const *units, size_t count)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
    target->source_at_ms = hf_now_ms();
    hf_run_told(target->run, hf_run_take_kinds(target, units, count, &err), &err);
    hf_run_told(target->run, hf_agent_units(target->run->agent, target->name, units, count, &err), &err);
}

static void on_source_state(void *ctx, const struct hf_error *state)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
    if (!target->source_problem[0] && state->code != HF_OK && !target->is_hub) {
        target->source_at_ms = hf_now_ms(); /* until now it was watched */
    }
    (void)snprintf(target->source_problem, sizeof target->source_problem, "%s",
                   state->code != HF_OK ? state->text : "");
    hf_run_told(target->run, hf_agent_state(target->run->agent, target->name, "source", state, &err), &err);
}

static int begin(struct run_target *target, const struct hf_config_target *config, struct hf_error *err)
{
    struct hf_run *run = target->run;
    struct hf_cluster_options options = {.name = config->name};
    target->name = hf_strdup(config->name);
    target->digest = config->digest;
    target->correct = config->correct;
    target->cluster_since_ms = target->source_at_ms = hf_now_ms();
    target->discover_timer = hf_timer_new(run->loop, hf_run_renew_due, target);
    if (!target->name || !target->discover_timer) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_run_access(config, &target->access, err) != 0 ||
        hf_cluster_new(run->loop, run->http, run->log, target->access, &options, &target->cluster, err) != 0 ||
        hf_schema_new(target->cluster, run->log, target->name, &target->schema, err) != 0) {
        return -1;
    }
    struct hf_source_events events = {target, on_units, on_source_state};
    return config->hub
               ? hf_run_hub_source(target, config, &events, err)
               : hf_source_folder(run->loop, run->log, config->folder, config->space, &events, &target->source, err);
}

static void target_free(struct run_target *target)
{
    hf_run_hub_forget(target);
    hf_source_free(target->source);
    hf_run_unfollow_all(target);
    hf_run_crds_unfollow(target);
    hf_cluster_free(target->cluster);
    hf_run_reviews_forget(target);
    hf_schema_free(target->schema);
    while (target->asked) {
        struct asked *asked = target->asked;
        target->asked = asked->next;
        free(asked);
    }
    hf_timer_free(target->discover_timer);
    hf_access_free(target->access);
    hf_types_free(target->types);
    hf_arena_free(target->kinds_arena);
    free(target->kinds);
    free(target->name);
    free(target);
}

int hf_run_target_add(struct hf_run *run, const struct hf_config_target *config, struct hf_error *err)
{
    struct run_target *target = hf_calloc(1, sizeof *target);
    if (!target) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    target->run = run;
    if (begin(target, config, err) != 0) {
        target_free(target);
        return -1;
    }
    target->next = run->targets;
    run->targets = target;
    if (hf_source_start(target->source, err) != 0) {
        /* The folder may come later: it is looked for again, and the target shows it. */
        on_source_state(target, err);
        hf_error_clear(err);
    }
    hf_timer_set(target->discover_timer, 0);
    return 0;
}

void hf_run_target_remove(struct hf_run *run, struct run_target *target)
{
    for (struct run_target **at = &run->targets; *at; at = &(*at)->next) {
        if (*at == target) {
            *at = target->next;
            break;
        }
    }
    target_free(target);
}
