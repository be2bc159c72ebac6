#include "check.h"
#include "check_hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/mem.h"
#include "holdfast/run.h"

#define AT_ONCE 32u
#define PROGRESS_MS 1000
#define MOST_TRIES 4 /* at types that can't be read just now; then the next best serve */

void check_fail(struct check *check, const struct hf_error *why, const char *doing)
{
    if (!check->failed) {
        check->failed = true;
        check->error = *why;
        (void)hf_error_wrap(&check->error, "%s", doing);
    }
    hf_loop_stop(check->loop);
}

static void on_progress(void *ctx)
{
    struct check *check = ctx;
    fprintf(stderr, "\rchecked %zu of %zu objects ", check->done, check->object_count);
    hf_timer_set(check->progress, 200);
}

static struct hf_drift_input input_of(const struct check_object *object, const struct hf_value *live)
{
    return (struct hf_drift_input){.types = object->target->types,
                                   .desired = object->desired,
                                   .live = live,
                                   .manager = object->target->config->manager,
                                   .has_status = object->resource->has_status,
                                   .secret_key = object->target->check->key,
                                   .secret_key_len = sizeof object->target->check->key};
}

static void make_diff(struct check_object *object, const struct hf_value *live, struct hf_error *err)
{
    struct hf_drift_input input = input_of(object, live);
    hf_auto_buf struct hf_buf diff = {0};
    if (object->judgement.verdict != HF_DRIFTED && object->judgement.verdict != HF_MISSING) {
        return;
    }
    if (hf_drift_diff(&diff, &input, &object->judgement, 3, err) == 0) {
        object->diff = hf_buf_take(&diff);
    }
}

static void judge(struct check_object *object, const struct hf_value *live, struct hf_error *err)
{
    struct hf_drift_input input = input_of(object, live);
    int64_t deleted_ms;
    if (hf_drift_judge(object->arena, &input, &object->judgement, err) != 0 || check_weigh(object, err) != 0) {
        return;
    }
    if (live && hf_drift_is_terminating(live, &deleted_ms)) {
        object->judgement.verdict = HF_TERMINATING;
        return;
    }
    if (check_may_be_scaled(object)) {
        object->live = hf_value_copy(object->arena, live);
        if (!object->live) {
            (void)hf_error_set(err, HF_ENOMEM, "out of memory");
        }
        return;
    }
    make_diff(object, live, err);
}

static void unknown(struct check_object *object, const char *why)
{
    object->judgement = (struct hf_judgement){.verdict = HF_UNKNOWN, .drifted_at_ms = HF_TIME_NONE};
    object->judgement.reason = hf_arena_copy(object->arena, why, strlen(why));
}

static void fetch_more(struct check *check);

static void on_live(void *ctx, const struct hf_answer *answer, const struct hf_error *state)
{
    struct check_object *object = ctx;
    struct check *check = object->target->check;
    struct hf_error err = HF_ERROR_INIT;
    check->done++;
    if (state->code == HF_OK || state->code == HF_ENOTFOUND) {
        judge(object, state->code == HF_OK ? answer->object : NULL, &err);
        if (err.code != HF_OK) {
            unknown(object, err.text);
        }
    } else {
        unknown(object, state->text);
    }
    fetch_more(check);
}

static bool is_fetchable(struct check_object *object)
{
    object->resource = hf_cluster_resource(object->target->cluster, object->api_version, object->kind);
    if (!object->resource) {
        hf_auto_buf struct hf_buf why = {0};
        hf_buf_addf(&why, "the cluster does not serve %s in %s", object->kind, object->api_version);
        unknown(object, hf_buf_text(&why));
        return false;
    }
    if (!object->resource->namespaced) {
        object->namespace = NULL;
    } else if (!object->namespace) {
        object->namespace = "default";
    }
    return true;
}

static void fetch_more(struct check *check)
{
    struct hf_error err = HF_ERROR_INIT;
    while (!check->failed && check->next < check->object_count && check->next - check->done < AT_ONCE) {
        struct check_object *object = &check->objects[check->next++];
        if (!is_fetchable(object)) {
            check->done++;
            continue;
        }
        struct hf_object_ref ref = {object->resource, object->namespace, object->name};
        if (hf_cluster_get(object->target->cluster, &ref, on_live, object, &err) != 0) {
            unknown(object, err.text);
            check->done++;
        }
    }
    if (check->done == check->object_count) {
        check_scalers(check);
    }
}

static void target_ready(struct check *check)
{
    if (--check->waiting == 0) {
        fetch_more(check);
    }
}

static void on_types(void *ctx, const struct hf_schema_result *result, const struct hf_error *state);

/* The types of all that its objects are. */
static int read_types(struct check_target *target, struct hf_error *err)
{
    struct check *check = target->check;
    struct hf_schema_kind *kinds = hf_calloc(check->object_count ? check->object_count : 1, sizeof *kinds);
    size_t count = 0;
    if (!kinds) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < check->object_count; i++) {
        if (check->objects[i].target == target) {
            kinds[count++] = (struct hf_schema_kind){check->objects[i].api_version, check->objects[i].kind};
        }
    }
    int result = hf_schema_read(target->schema, kinds, count, on_types, target, err);
    free(kinds);
    return result;
}

static void on_types(void *ctx, const struct hf_schema_result *result, const struct hf_error *state)
{
    struct check_target *target = ctx;
    struct hf_error err = *state;
    if (hf_code_is_transient(err.code) && target->types_tries++ < MOST_TRIES) {
        hf_error_clear(&err);
        if (read_types(target, &err) == 0) {
            return;
        }
    }
    if (err.code != HF_OK) {
        check_fail(target->check, &err, target->name);
        return;
    }
    target->types = result->types;
    target_ready(target->check);
}

static void on_discovered(void *ctx, const struct hf_error *state)
{
    struct check_target *target = ctx;
    struct hf_error err = *state;
    if (err.code != HF_OK || read_types(target, &err) != 0) {
        check_fail(target->check, &err, target->name);
    }
}

static int add_object(struct check *check, struct check_target *target, struct hf_unit *unit,
                      const struct hf_value *document, struct hf_error *err)
{
    if (check->object_count == check->object_cap) {
        size_t cap = check->object_cap ? check->object_cap * 2 : 64;
        struct check_object *objects = hf_reallocarray(check->objects, cap, sizeof *objects);
        if (!objects) {
            return hf_error_set(err, HF_ENOMEM, "out of memory");
        }
        check->objects = objects;
        check->object_cap = cap;
    }
    struct check_object *object = &check->objects[check->object_count];
    *object = (struct check_object){.target = target,
                                    .unit = unit,
                                    .desired = document,
                                    .api_version = hf_value_text(hf_value_get(document, "apiVersion")),
                                    .kind = hf_value_text(hf_value_get(document, "kind")),
                                    .namespace = hf_value_text(hf_value_path(document, "metadata", "namespace", NULL)),
                                    .name = hf_value_text(hf_value_path(document, "metadata", "name", NULL)),
                                    .arena = hf_arena_new(0)};
    if (!object->arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    check->object_count++;
    return 0;
}

static int add_units(struct check *check, struct check_target *target, bool *unit_found, struct hf_error *err)
{
    int result = target->config->hub
                     ? hf_check_hub_units(check->config, target->config, &target->units, &target->unit_count, err)
                     : hf_source_folder_once(target->config->folder, target->config->space, &target->units,
                                             &target->unit_count, err);
    if (result != 0) {
        return -1;
    }
    for (size_t i = 0; i < target->unit_count; i++) {
        struct hf_unit *unit = target->units[i];
        if (check->only_unit && strcmp(check->only_unit, unit->slug) != 0) {
            continue;
        }
        *unit_found = true;
        if (unit->problem) {
            hf_auto_buf struct hf_buf safe = {0};
            hf_buf_add_safe(&safe, hf_slice_of(unit->slug), 1000);
            hf_buf_adds(&safe, " can't be read: ");
            hf_buf_add_safe(&safe, hf_slice_of(unit->problem), 2000);
            fprintf(stderr, "holdfast check: unit %s\n", hf_buf_text(&safe));
            check->problems++;
            continue;
        }
        for (size_t j = 0; j < unit->document_count; j++) {
            if (add_object(check, target, unit, unit->documents[j].value, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int open_target(struct check_target *target, struct hf_error *err)
{
    const struct hf_config_target *config = target->config;
    struct hf_cluster_options options = {.name = target->name};
    if (config->in_cluster) {
        if (hf_access_in_cluster(NULL, &target->access, err) != 0) {
            return -1;
        }
    } else {
        struct hf_kubeconfig *kubeconfig;
        if (hf_kubeconfig_load(config->kubeconfig, &kubeconfig, err) != 0) {
            return -1;
        }
        int result = hf_kubeconfig_resolve(kubeconfig, config->context, &target->access, err);
        hf_kubeconfig_free(kubeconfig);
        if (result != 0) {
            return -1;
        }
    }
    if (hf_cluster_new(target->check->loop, target->check->http, target->check->log, target->access, &options,
                       &target->cluster, err) != 0) {
        return -1;
    }
    return hf_schema_new(target->cluster, target->check->log, target->name, &target->schema, err);
}

static int open_targets(struct check *check, struct hf_error *err)
{
    bool unit_found = false;
    check->targets = hf_calloc(check->config->target_count, sizeof *check->targets);
    if (!check->targets) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < check->config->target_count; i++) {
        const struct hf_config_target *config = &check->config->targets[i];
        if (check->only_target && strcmp(check->only_target, config->name) != 0) {
            continue;
        }
        struct check_target *target = &check->targets[check->target_count++];
        *target = (struct check_target){.check = check, .config = config, .name = config->name};
        if (add_units(check, target, &unit_found, err) != 0 || open_target(target, err) != 0) {
            return hf_error_wrap(err, "%s: line %u: target %s", check->config->path, config->line, config->name);
        }
    }
    if (check->target_count == 0) {
        return hf_error_set(err, HF_ENOTFOUND, "the config has no target \"%s\"", check->only_target);
    }
    if (check->only_unit && !unit_found) {
        return hf_error_set(err, HF_ENOTFOUND, "no target has a unit \"%s\"", check->only_unit);
    }
    return 0;
}

static int look(struct check *check, struct hf_error *err)
{
    check->waiting = check->target_count;
    for (size_t i = 0; i < check->target_count; i++) {
        if (hf_cluster_discover(check->targets[i].cluster, on_discovered, &check->targets[i], err) != 0) {
            return hf_error_wrap(err, "%s", check->targets[i].name);
        }
    }
    if (isatty(STDERR_FILENO)) {
        hf_timer_set(check->progress, PROGRESS_MS);
    }
    if (hf_loop_run(check->loop, err) != 0) {
        return -1;
    }
    if (isatty(STDERR_FILENO) && hf_mono_ms() - check->started_ms > PROGRESS_MS) {
        fprintf(stderr, "\r                                        \r");
    }
    if (check->failed) {
        *err = check->error;
        return -1;
    }
    return 0;
}

int check_run(struct check *check, const char *config, struct hf_error *err)
{
    check->started_ms = hf_mono_ms();
    check->log = hf_log_new(STDERR_FILENO, HF_WARN, HF_LOGFMT);
    if (hf_config_load(config, &check->config, err) != 0 || hf_run_rules(check->config, &check->rules, err) != 0 ||
        hf_random(check->key, sizeof check->key, err) != 0) {
        return -1;
    }
    check->loop = hf_loop_new(err);
    if (!check->loop) {
        return -1;
    }
    check->http = hf_http_new(check->loop, "holdfast/" HF_VERSION, err);
    check->progress = check->http ? hf_timer_new(check->loop, on_progress, check) : NULL;
    if (!check->progress) {
        return check->http ? hf_error_set(err, HF_ENOMEM, "out of memory") : -1;
    }
    if (open_targets(check, err) != 0 || look(check, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < check->object_count; i++) {
        if (check->objects[i].live) {
            make_diff(&check->objects[i], check->objects[i].live, err);
        }
    }
    return err->code == HF_OK ? 0 : -1;
}

void check_free(struct check *check)
{
    for (size_t i = 0; i < check->target_count; i++) {
        struct check_target *target = &check->targets[i];
        hf_cluster_free(target->cluster);
        hf_schema_free(target->schema);
        hf_access_free(target->access);
        hf_types_free(target->types);
        for (size_t j = 0; j < target->unit_count; j++) {
            hf_unit_drop(target->units[j]);
        }
        free(target->units);
    }
    for (size_t i = 0; i < check->object_count; i++) {
        hf_arena_free(check->objects[i].arena);
        free(check->objects[i].diff);
    }
    free(check->objects);
    free(check->targets);
    hf_timer_free(check->progress);
    if (check->http) {
        hf_http_free(check->http);
    }
    if (check->loop) {
        hf_loop_free(check->loop);
    }
    hf_log_free(check->log);
    hf_rules_free(check->rules);
    hf_config_free(check->config);
}
