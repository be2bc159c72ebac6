/* The worker: takes queued actions, one after the other, to the cluster, as ConfigHub's own does: forced server-side
 * apply as `confighub`, namespaces and definitions first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "holdfast/json.h"
#include "holdfast/kubeconfig.h"
#include "holdfast/source.h"
#include "holdfast/yaml.h"
#include "worker.h"

static struct hub_unit *unit_of(const struct hub_worker *worker)
{
    return hub_unit_find(worker->hub, NULL, worker->unit_id);
}

static cJSON *action_of(const struct hub_worker *worker, const struct hub_unit *unit)
{
    return unit ? hub_find(unit->actions, "QueuedOperationID", worker->action_id) : NULL;
}

static bool is_pending(const cJSON *action)
{
    return strcasecmp(hub_text(action, "Status"), "Pending") == 0;
}

static bool take_next(struct hub_worker *worker)
{
    const struct hub *hub = worker->hub;
    const cJSON *oldest = NULL;
    for (size_t i = 0; i < hub->unit_count; i++) {
        const cJSON *action;
        cJSON_ArrayForEach(action, hub->units[i]->actions)
        {
            if (is_pending(action) &&
                (!oldest || strcmp(hub_text(action, "CreatedAt"), hub_text(oldest, "CreatedAt")) < 0)) {
                oldest = action;
            }
        }
    }
    if (!oldest) {
        return false;
    }
    (void)snprintf(worker->unit_id, sizeof worker->unit_id, "%s", hub_text(oldest, "UnitID"));
    (void)snprintf(worker->action_id, sizeof worker->action_id, "%s", hub_text(oldest, "QueuedOperationID"));
    (void)snprintf(worker->what, sizeof worker->what, "%s", hub_text(oldest, "Action"));
    worker->revision = hub_number(oldest, "RevisionNum");
    return true;
}

static void end(struct hub_worker *worker, const char *result, const char *message)
{
    struct hub_unit *unit = unit_of(worker);
    cJSON *action = action_of(worker, unit);
    if (action) {
        hub_action_ended(worker->hub, unit, action, result, message);
    }
    hf_unit_drop(worker->documents);
    worker->documents = NULL;
    hf_arena_free(worker->arena);
    worker->arena = NULL;
    worker->busy = false;
    hub_worker_wake(worker->hub);
}

static void end_failed(struct hub_worker *worker, const char *message)
{
    char result[40];
    (void)snprintf(result, sizeof result, "%sFailed", worker->what);
    end(worker, result, message);
}

static void end_refresh(struct hub_worker *worker)
{
    struct hub_unit *unit = unit_of(worker);
    cJSON *action = action_of(worker, unit);
    hf_auto_buf struct hf_buf text = {0};
    for (size_t i = 0; worker->is_drifted && i < worker->documents->document_count; i++) {
        if (worker->merged[i]) {
            hf_buf_adds(&text, text.len > 0 ? "---\n" : "");
            hf_yaml_write(&text, worker->merged[i]);
        }
    }
    if (!worker->is_drifted || !action) {
        end(worker, "RefreshAndNoDrift", "");
        return;
    }
    if (cJSON_HasObjectItem(action, "DryRun")) {
        hf_auto_buf struct hf_buf data = {0};
        hf_buf_add_base64(&data, hf_buf_text(&text), text.len);
        hub_set_text(action, "Data", hf_buf_text(&data));
    } else if (hub_revise(worker->hub, unit, hf_buf_text(&text), text.len, "Refresh", "refreshed from live") != 0) {
        end_failed(worker, "out of memory");
        return;
    }
    end(worker, "RefreshAndDrifted", "");
}

static void next_document(struct hub_worker *worker);

static void on_answer(void *ctx, const struct hf_answer *answer, const struct hf_error *state)
{
    struct hub_worker *worker = ctx;
    size_t index = worker->order[worker->next - 1];
    bool is_gone = state->code == HF_ENOTFOUND;
    if (strcmp(worker->what, "Refresh") == 0 && (state->code == HF_OK || is_gone)) {
        const struct hf_value *desired = worker->documents->documents[index].value;
        worker->merged[index] = is_gone ? NULL : hub_merge(worker->arena, desired, answer->object);
        worker->is_drifted =
            worker->is_drifted || !worker->merged[index] || !hf_value_equal(worker->merged[index], desired);
    } else if (state->code != HF_OK && !(is_gone && strcmp(worker->what, "Destroy") == 0)) {
        end_failed(worker, state->text);
        return;
    }
    next_document(worker);
}

static int ask(struct hub_worker *worker, const struct hf_document *document, const struct hf_object_ref *ref,
               struct hf_error *err)
{
    hf_auto_buf struct hf_buf json = {0};
    hf_json_write(&json, document->value); /* as client-go sends it */
    struct hf_apply apply = {.manager = "confighub", .force = true, .bytes = hf_buf_text(&json), .len = json.len};
    struct hf_delete nothing = {0};
    if (strcmp(worker->what, "Refresh") == 0) {
        return hf_cluster_get(worker->cluster, ref, on_answer, worker, err);
    }
    if (strcmp(worker->what, "Destroy") == 0) {
        return hf_cluster_delete(worker->cluster, ref, &nothing, on_answer, worker, err);
    }
    return hf_cluster_apply(worker->cluster, ref, &apply, on_answer, worker, err);
}

static void on_discovered(void *ctx, const struct hf_error *state)
{
    struct hub_worker *worker = ctx;
    worker->discovered = true;
    if (state->code != HF_OK) {
        end_failed(worker, state->text);
        return;
    }
    next_document(worker);
}

static void next_document(struct hub_worker *worker)
{
    struct hf_error err = HF_ERROR_INIT;
    if (worker->next == worker->documents->document_count) {
        if (strcmp(worker->what, "Refresh") == 0) {
            end_refresh(worker);
        } else {
            end(worker, strcmp(worker->what, "Destroy") == 0 ? "DestroyCompleted" : "ApplyCompleted", "");
        }
        return;
    }
    const struct hf_document *document = &worker->documents->documents[worker->order[worker->next]];
    const char *kind = hf_value_text(hf_value_get(document->value, "kind"));
    const struct hf_resource *resource =
        hf_cluster_resource(worker->cluster, hf_value_text(hf_value_get(document->value, "apiVersion")), kind);
    if (!resource && !worker->discovered) {
        if (hf_cluster_discover(worker->cluster, on_discovered, worker, &err) != 0) {
            end_failed(worker, err.text);
        }
        return;
    }
    const char *namespace = hf_value_text(hf_value_path(document->value, "metadata", "namespace", NULL));
    struct hf_object_ref ref = {resource, NULL,
                                hf_value_text(hf_value_path(document->value, "metadata", "name", NULL))};
    if (resource && resource->namespaced) {
        ref.namespace = namespace ? namespace : "default";
    }
    worker->next++;
    if (!resource) {
        hf_auto_buf struct hf_buf why = {0};
        hf_buf_addf(&why, "no matches for kind \"%s\"", kind);
        end_failed(worker, hf_buf_text(&why));
    } else if (ask(worker, document, &ref, &err) != 0) {
        end_failed(worker, err.text);
    }
}

/* Namespaces and definitions first; a destroy goes the other way. */
static bool put_in_order(struct hub_worker *worker)
{
    size_t count = worker->documents->document_count;
    size_t at = 0;
    bool backwards = strcmp(worker->what, "Destroy") == 0;
    worker->order = hf_arena_array(worker->arena, count, sizeof *worker->order);
    worker->merged = hf_arena_array(worker->arena, count, sizeof *worker->merged);
    for (int pass = 0; worker->order && pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            const char *kind = hf_value_text(hf_value_get(worker->documents->documents[i].value, "kind"));
            bool is_first = strcmp(kind, "Namespace") == 0 || strcmp(kind, "CustomResourceDefinition") == 0;
            if (is_first == (pass == 0)) {
                worker->order[backwards ? count - 1 - at : at] = i;
                at++;
            }
        }
    }
    return worker->order && worker->merged;
}

static void begin(void *ctx)
{
    struct hub_worker *worker = ctx;
    struct hf_error err = HF_ERROR_INIT;
    struct hub_unit *unit = unit_of(worker);
    cJSON *action = action_of(worker, unit);
    const struct hub_revision *revision = unit ? hub_revision(unit, worker->revision) : NULL;
    if (!action || !revision) {
        end(worker, "None", "");
        return;
    }
    hub_action_started(worker->hub, unit, action);
    if (worker->hub->worker_fails[0]) {
        end_failed(worker, worker->hub->worker_fails);
        return;
    }
    if (!worker->cluster) {
        end(worker,
            strcmp(worker->what, "Refresh") == 0   ? "RefreshAndNoDrift"
            : strcmp(worker->what, "Destroy") == 0 ? "DestroyCompleted"
                                                   : "ApplyCompleted",
            "");
        return;
    }
    worker->next = 0;
    worker->is_drifted = worker->discovered = false;
    worker->arena = hf_arena_new(0);
    if (!worker->arena || hf_unit_read("", "unit", hub_text(unit->json, "Slug"), revision->data, revision->len,
                                       &worker->documents, &err) != 0) {
        worker->documents = NULL;
        end_failed(worker, err.text);
        return;
    }
    if (!put_in_order(worker)) {
        end_failed(worker, "out of memory");
        return;
    }
    next_document(worker);
}

void hub_worker_wake(struct hub *hub)
{
    struct hub_worker *worker = hub->worker;
    if (worker && !worker->busy && !hub->worker_is_down && take_next(worker)) {
        worker->busy = true;
        hf_timer_set(worker->timer, hub->options->worker_ms);
    }
}

static int open_cluster(struct hub_worker *worker, struct hf_error *err)
{
    const struct hub *hub = worker->hub;
    struct hf_kubeconfig *kubeconfig;
    struct hf_access *access;
    struct hf_cluster_options options = {.name = "worker"};
    if (hf_kubeconfig_load(hub->options->kubeconfig, &kubeconfig, err) != 0) {
        return -1;
    }
    int result = hf_kubeconfig_resolve(kubeconfig, hub->options->context, &access, err);
    hf_kubeconfig_free(kubeconfig);
    if (result == 0) {
        result = hf_cluster_new(hub->loop, hub->http, hub->log, access, &options, &worker->cluster, err);
        hf_access_free(access);
    }
    return result;
}

int hub_worker_open(struct hub *hub, struct hf_error *err)
{
    struct hub_worker *worker = hf_calloc(1, sizeof *worker);
    if (!worker) {
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    worker->hub = hub;
    hub->worker = worker;
    worker->timer = hf_timer_new(hub->loop, begin, worker);
    if (!worker->timer) {
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    if (hub->options->kubeconfig && open_cluster(worker, err) != 0) {
        return -1;
    }
    hub_worker_wake(hub); /* what was kept as pending */
    return 0;
}

void hub_worker_close(struct hub *hub)
{
    struct hub_worker *worker = hub->worker;
    if (!worker) {
        return;
    }
    hf_cluster_free(worker->cluster);
    hf_unit_drop(worker->documents);
    hf_arena_free(worker->arena);
    hf_timer_free(worker->timer);
    free(worker);
    hub->worker = NULL;
}
