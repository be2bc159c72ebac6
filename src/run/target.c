/* One target: a cluster with a source. Discovery and schema first, then the agent says what to follow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/embedded.h"
#include "run.h"

#define MOST_SCHEMA (64u << 20)
#define RENEW_MS 300000     /* discovery and schema are looked at again so often */
#define RENEW_SOON_MS 10000 /* while a kind that a unit needs is not served */
#define FIRST_RETRY_MS 500
#define LAST_RETRY_MS 5000

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

static void set_cluster_problem(struct run_target *target, const struct hf_error *problem)
{
    struct hf_error err = HF_ERROR_INIT;
    bool was = target->cluster_problem[0] != '\0';
    bool is = problem->code != HF_OK;
    if (was != is) {
        target->cluster_since_ms = hf_now_ms();
    }
    (void)snprintf(target->cluster_problem, sizeof target->cluster_problem, "%s", is ? problem->text : "");
    hf_run_told(target->run, hf_agent_state(target->run->agent, target->name, "cluster", problem, &err), &err);
}

static void discover_later(struct run_target *target, const struct hf_error *why)
{
    if (!target->discovered) {
        set_cluster_problem(target, why);
    }
    int64_t delay = FIRST_RETRY_MS << (target->discover_failures < 5 ? target->discover_failures : 5);
    target->discover_failures++;
    hf_log_error(target->run->log, HF_WARN, "the cluster can't be discovered", why, "target", target->name, NULL);
    hf_timer_set(target->discover_timer, delay < LAST_RETRY_MS ? delay : LAST_RETRY_MS);
}

static bool lacks_a_kind(const struct run_target *target)
{
    struct hf_agent_counts counts;
    return hf_agent_counts(target->run->agent, target->name, &counts) && counts.objects[HF_UNKNOWN] > 0;
}

static void discovered(struct run_target *target, struct hf_types *types)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *old = NULL;
    if (types) {
        old = target->types;
        target->types = types;
    }
    if (!target->discovered) {
        target->cluster_since_ms = hf_now_ms();
    }
    target->discovered = true;
    target->discover_failures = 0;
    set_cluster_problem(target, &err);
    hf_run_told(target->run, hf_agent_discovered(target->run->agent, target->name, target->types, &err), &err);
    hf_types_free(old);
    hf_timer_set(target->discover_timer, lacks_a_kind(target) ? RENEW_SOON_MS : RENEW_MS);
}

/* The extract of the common kinds' types that is compiled in, for a cluster whose own can't be read. */
static struct hf_types *built_in_types(struct run_target *target)
{
    const struct hf_embedded *file = hf_embedded_find("schema/kubernetes-openapi.json");
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *types = NULL;
    if (!file || hf_types_from_openapi_v2(file->bytes, file->size, &types, &err) != 0) {
        hf_log_error(target->run->log, HF_WARN, "no schema at all: objects are compared by structure", &err, "target",
                     target->name, NULL);
        return NULL;
    }
    return types;
}

static void on_schema(void *ctx, const struct hf_answer *answer, const struct hf_error *state)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_digest digest;
    struct hf_types *types = NULL;
    if (state->code != HF_OK && hf_code_is_transient(state->code) && !target->discovered) {
        discover_later(target, state);
        return;
    }
    if (state->code != HF_OK) {
        hf_log_error(target->run->log, HF_WARN, "the cluster's schema can't be read", state, "target", target->name,
                     NULL);
        discovered(target, target->types ? NULL : built_in_types(target));
        return;
    }
    if (hf_sha256(answer->body, answer->body_len, &digest, &err) == 0 && target->has_types_digest &&
        hf_digest_equal(&digest, &target->types_digest)) {
        discovered(target, NULL); /* the same schema: what was judged by it stands */
        return;
    }
    if (hf_types_from_openapi_v2(answer->body, answer->body_len, &types, &err) != 0) {
        hf_log_error(target->run->log, HF_WARN, "the cluster's schema can't be understood", &err, "target",
                     target->name, NULL);
        discovered(target, target->types ? NULL : built_in_types(target));
        return;
    }
    target->types_digest = digest;
    target->has_types_digest = true;
    discovered(target, types);
}

static void on_discovered(void *ctx, const struct hf_error *state)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
    if (state->code != HF_OK) {
        discover_later(target, state);
        return;
    }
    if (hf_cluster_raw(target->cluster, "/openapi/v2", "application/json", MOST_SCHEMA, on_schema, target, &err) != 0) {
        discover_later(target, &err);
    }
}

static void on_discover_timer(void *ctx)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
    if (hf_cluster_discover(target->cluster, on_discovered, target, &err) != 0) {
        discover_later(target, &err);
    }
}

static void on_units(void *ctx, struct hf_unit *const *units, size_t count)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
    target->source_at_ms = hf_now_ms();
    hf_run_told(target->run, hf_agent_units(target->run->agent, target->name, units, count, &err), &err);
}

static void on_source_state(void *ctx, const struct hf_error *state)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
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
    target->discover_timer = hf_timer_new(run->loop, on_discover_timer, target);
    if (!target->name || !target->discover_timer) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_run_access(config, &target->access, err) != 0 ||
        hf_cluster_new(run->loop, run->http, run->log, target->access, &options, &target->cluster, err) != 0) {
        return -1;
    }
    struct hf_source_events events = {target, on_units, on_source_state};
    return hf_source_folder(run->loop, run->log, config->folder, config->space, &events, &target->source, err);
}

static void target_free(struct run_target *target)
{
    hf_source_free(target->source);
    hf_run_unfollow_all(target);
    hf_cluster_free(target->cluster);
    while (target->asked) {
        struct asked *asked = target->asked;
        target->asked = asked->next;
        free(asked);
    }
    hf_timer_free(target->discover_timer);
    hf_access_free(target->access);
    hf_types_free(target->types);
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
