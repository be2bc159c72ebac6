/* What a cluster serves, and the types of what units use of it: read at the start, and again when either may have
 * changed. */
#include <stdio.h>
#include <string.h>

#include "run.h"

#define RENEW_MS 300000      /* without a word from anybody */
#define RENEW_BLIND_MS 60000 /* while CustomResourceDefinitions matter and can't be followed */
#define RENEW_SOON_MS 10000  /* while a kind that a unit needs is not served, or a document can't be read */
#define RENEW_NOW_MS 100     /* after a CustomResourceDefinition has changed: a burst is one */
#define EAGER_TRIES 6        /* then: the server says by itself when it serves the kind, within moments */
#define FIRST_RETRY_MS 500
#define LAST_RETRY_MS 5000

void hf_run_cluster_problem(struct run_target *target, const struct hf_error *problem)
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

static void try_later(struct run_target *target, const struct hf_error *why)
{
    target->renewing = false;
    if (!target->discovered) {
        hf_run_cluster_problem(target, why);
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

/* When to look again. */
static int64_t next_renewal(struct run_target *target, bool partial)
{
    if (target->renew_again) {
        return 0;
    }
    target->partial_reads = partial ? target->partial_reads + 1 : 0;
    if (lacks_a_kind(target)) {
        if (target->eager > 0) {
            return RENEW_NOW_MS << (EAGER_TRIES - target->eager--);
        }
        return RENEW_SOON_MS;
    }
    target->eager = 0;
    int64_t delay = hf_run_crds_lost(target) ? RENEW_BLIND_MS : RENEW_MS;
    if (partial && target->partial_reads < 5) {
        delay = (int64_t)RENEW_SOON_MS << (target->partial_reads - 1);
    }
    return delay;
}

static void on_types(void *ctx, const struct hf_schema_result *result, const struct hf_error *state)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *old = NULL;
    if (state->code != HF_OK) {
        try_later(target, state);
        return;
    }
    target->renewing = false;
    if (result->types) {
        old = target->types;
        target->types = result->types;
    }
    if (!target->discovered) {
        target->cluster_since_ms = hf_now_ms();
    }
    target->discovered = true;
    target->discover_failures = 0;
    hf_run_cluster_problem(target, &err);
    hf_run_told(target->run, hf_agent_discovered(target->run->agent, target->name, target->types, &err), &err);
    hf_types_free(old);
    hf_run_crds_follow(target);
    hf_timer_set(target->discover_timer, next_renewal(target, result->partial));
}

static void on_discovered(void *ctx, const struct hf_error *state)
{
    struct run_target *target = ctx;
    struct hf_error err = *state;
    if (err.code != HF_OK ||
        hf_schema_read(target->schema, target->kinds, target->kind_count, on_types, target, &err) != 0) {
        try_later(target, &err);
    }
}

void hf_run_renew_due(void *ctx)
{
    struct run_target *target = ctx;
    struct hf_error err = HF_ERROR_INIT;
    target->renewing = true;
    target->renew_again = false;
    if (hf_cluster_discover(target->cluster, on_discovered, target, &err) != 0) {
        try_later(target, &err);
    }
}

void hf_run_renew(struct run_target *target, bool eagerly)
{
    target->eager = eagerly ? EAGER_TRIES : target->eager;
    if (target->renewing) {
        target->renew_again = true;
    } else if (target->discovered) {
        hf_timer_set(target->discover_timer, eagerly ? RENEW_NOW_MS : 0);
    }
}

static bool has_kind(const struct hf_schema_kind *kinds, size_t count, const char *api_version, const char *kind)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(kinds[i].kind, kind) == 0 && strcmp(kinds[i].api_version, api_version) == 0) {
            return true;
        }
    }
    return false;
}

/* The kinds of a unit that the list has not yet. */
static int add_kinds(struct hf_arena *arena, const struct hf_unit *unit, struct hf_schema_kind **kinds, size_t *count,
                     struct hf_error *err)
{
    for (size_t i = 0; i < unit->document_count; i++) {
        const char *api_version = hf_value_text(hf_value_get(unit->documents[i].value, "apiVersion"));
        const char *kind = hf_value_text(hf_value_get(unit->documents[i].value, "kind"));
        if (!api_version || !kind || has_kind(*kinds, *count, api_version, kind)) {
            continue;
        }
        struct hf_schema_kind *more = hf_reallocarray(*kinds, *count + 1, sizeof *more);
        if (!more) {
            return hf_error_set(err, HF_ENOMEM, "take units: out of memory");
        }
        *kinds = more;
        more[*count] = (struct hf_schema_kind){hf_arena_copy(arena, api_version, strlen(api_version)),
                                               hf_arena_copy(arena, kind, strlen(kind))};
        if (!more[*count].api_version || !more[*count].kind) {
            return hf_error_set(err, HF_ENOMEM, "take units: out of memory");
        }
        (*count)++;
    }
    return 0;
}

int hf_run_take_kinds(struct run_target *target, struct hf_unit *const *units, size_t unit_count, struct hf_error *err)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_schema_kind *kinds = NULL;
    size_t count = 0;
    bool is_new = false;
    int result = arena ? 0 : hf_error_set(err, HF_ENOMEM, "take units: out of memory");
    for (size_t i = 0; result == 0 && i < unit_count; i++) {
        result = add_kinds(arena, units[i], &kinds, &count, err);
    }
    if (result != 0) {
        hf_arena_free(arena);
        free(kinds);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        is_new |= !has_kind(target->kinds, target->kind_count, kinds[i].api_version, kinds[i].kind);
    }
    hf_arena_free(target->kinds_arena);
    free(target->kinds);
    target->kinds_arena = arena;
    target->kinds = kinds;
    target->kind_count = count;
    if (is_new) {
        hf_run_renew(target, false);
    }
    return 0;
}

bool hf_run_awaits_types(const struct run_target *target, const char *api_version, const char *kind)
{
    return has_kind(target->kinds, target->kind_count, api_version, kind) &&
           !hf_schema_covers(target->schema, api_version, kind);
}
