/* What autoscalers own is no drift: asked once all objects are judged, and only where it matters. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "holdfast/autoscaler.h"
#include "holdfast/mem.h"

static bool has_scaled(const struct check_object *object, enum hf_scaling scaling)
{
    for (size_t i = 0; object->judgement.verdict == HF_DRIFTED && i < object->judgement.count; i++) {
        const struct hf_finding *finding = &object->judgement.findings[i];
        if (finding->class != HF_LEFTOVER && hf_autoscaler_kind_for(finding->path) == scaling) {
            return true;
        }
    }
    return false;
}

bool check_may_be_scaled(const struct check_object *object)
{
    return object->namespace && (has_scaled(object, HF_SCALES_REPLICAS) || has_scaled(object, HF_SCALES_RESOURCES));
}

static void drop_owned(struct check_object *object, const struct hf_autoscaler *autoscaler)
{
    struct hf_judgement *judgement = &object->judgement;
    struct hf_finding *findings = object->own_findings;
    struct hf_decision *decisions = object->own_decisions;
    size_t kept = 0;
    for (size_t i = 0; i < judgement->count; i++) {
        if (findings[i].class == HF_LEFTOVER || !hf_autoscaler_owns(autoscaler, object->live, findings[i].path)) {
            decisions[kept] = decisions[i];
            findings[kept++] = findings[i];
        }
    }
    judgement->count = kept;
    judgement->verdict = kept == 0 ? HF_IN_SYNC : judgement->verdict;
}

static const char *group_of(const struct check_object *object, char *out, size_t size)
{
    const char *slash = strchr(object->api_version, '/');
    size_t len = slash ? (size_t)(slash - object->api_version) : 0;
    len = len < size ? len : size - 1;
    memcpy(out, object->api_version, len);
    out[len] = '\0';
    return out;
}

static void on_item(void *ctx, const struct hf_value *live, size_t bytes)
{
    struct check_object *object = ctx;
    struct check *check = object->target->check;
    struct hf_autoscaler *autoscaler;
    struct hf_error err = HF_ERROR_INIT;
    char group[256];
    (void)bytes;
    if (hf_autoscaler_read(live, check->scaling == HF_SCALES_RESOURCES, &autoscaler, &err) != 0) {
        check_fail(check, &err, "read an autoscaler");
        return;
    }
    if (autoscaler && hf_autoscaler_targets(autoscaler, group_of(object, group, sizeof group), object->kind,
                                            object->namespace, object->name)) {
        drop_owned(object, autoscaler);
    }
    hf_autoscaler_free(autoscaler);
}

static void next(struct check *check);

static void on_end(void *ctx, const char *resource_version, const struct hf_error *state)
{
    struct check_object *object = ctx;
    (void)resource_version;
    if (state->code != HF_OK) {
        hf_auto_buf struct hf_buf why = {0};
        hf_buf_addf(&why, "an autoscaler may own a part of it, and autoscalers can't be read: %s", state->text);
        object->judgement.reason = hf_arena_copy(object->arena, hf_buf_text(&why), why.len);
    }
    next(object->target->check);
}

/* False: nothing to ask for. */
static bool ask(struct check *check, struct check_object *object, enum hf_scaling scaling)
{
    struct hf_error err = HF_ERROR_INIT;
    bool is_vertical = scaling == HF_SCALES_RESOURCES;
    const struct hf_resource *resource =
        hf_cluster_resource(object->target->cluster, is_vertical ? "autoscaling.k8s.io/v1" : "autoscaling/v1",
                            is_vertical ? "VerticalPodAutoscaler" : "HorizontalPodAutoscaler");
    if (!object->live || !has_scaled(object, scaling) || !resource) {
        return false;
    }
    check->scaling = scaling;
    if (hf_cluster_list(object->target->cluster, resource, object->namespace, on_item, on_end, object, &err) != 0) {
        check_fail(check, &err, "list autoscalers");
    }
    return true;
}

/* One object after the other, its replicas first, then its resources. */
static void next(struct check *check)
{
    for (; !check->failed && check->scaled < check->object_count; check->scaled++, check->scaling = HF_SCALES_NOTHING) {
        struct check_object *object = &check->objects[check->scaled];
        if (check->scaling == HF_SCALES_NOTHING && ask(check, object, HF_SCALES_REPLICAS)) {
            return;
        }
        if (check->scaling != HF_SCALES_RESOURCES && ask(check, object, HF_SCALES_RESOURCES)) {
            return;
        }
    }
    hf_loop_stop(check->loop);
}

void check_scalers(struct check *check)
{
    next(check);
}
