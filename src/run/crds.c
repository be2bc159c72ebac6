/* CustomResourceDefinitions are followed where rights allow, as long as a unit's kind may be a custom one: when one of
 * a group that units use comes, changes or goes, what is served and the types are read again. */
#include <stdio.h>
#include <string.h>

#include "run.h"

#define CRD_API "apiextensions.k8s.io/v1"

struct run_crds {
    struct run_target *target;
    struct hf_follow *follow;
    struct hf_map *seen; /* name → what was seen of it, as text */
    bool was_listed;
    bool is_lost; /* what changes is not told just now */
};

static bool is_of_use(const struct run_target *target, const struct hf_value *crd)
{
    const char *of = hf_value_text(hf_value_path(crd, "spec", "group", NULL));
    for (size_t i = 0; of && i < target->kind_count; i++) {
        struct hf_slice group;
        struct hf_slice version;
        hf_api_version_split(target->kinds[i].api_version, &group, &version);
        if (hf_slice_is(group, of)) {
            return true;
        }
    }
    return false;
}

/* What matters of a CustomResourceDefinition: which one it is, its spec, and how far it is. */
static char *look_of(const struct hf_value *crd)
{
    struct hf_buf text = {0};
    int64_t generation = 0;
    const char *uid = hf_value_text(hf_value_path(crd, "metadata", "uid", NULL));
    const struct hf_value *conditions = hf_value_path(crd, "status", "conditions", NULL);
    (void)hf_value_int(hf_value_path(crd, "metadata", "generation", NULL), &generation);
    hf_buf_addf(&text, "%s %lld", uid ? uid : "", (long long)generation);
    for (size_t i = 0; conditions && conditions->kind == HF_ARRAY && i < conditions->as.array.count; i++) {
        const char *type = hf_value_text(hf_value_get(hf_value_at(conditions, i), "type"));
        const char *status = hf_value_text(hf_value_get(hf_value_at(conditions, i), "status"));
        hf_buf_addf(&text, " %s=%s", type ? type : "", status ? status : "");
    }
    return hf_buf_take(&text);
}

static void seen(struct run_crds *crds, const struct hf_value *crd, bool is_gone)
{
    const struct hf_value *name = hf_value_path(crd, "metadata", "name", NULL);
    if (!name || name->kind != HF_STRING || !is_of_use(crds->target, crd)) {
        return;
    }
    char *look = is_gone ? NULL : look_of(crd);
    char *before = hf_map_get(crds->seen, name->as.text);
    bool changed = is_gone || !look || !before || strcmp(look, before) != 0;
    void *old = is_gone ? hf_map_remove(crds->seen, name->as.text) : NULL;
    if (look && hf_map_put(crds->seen, name->as.text, look, &old) != 0) {
        free(look);
    }
    free(old);
    if (changed && crds->was_listed) {
        hf_log_write(crds->target->run->log, HF_INFO, "a CustomResourceDefinition has changed", "target",
                     crds->target->name, "name", name->as.text.ptr, NULL);
        hf_run_renew(crds->target, true);
    }
}

static void on_list_begin(void *ctx)
{
    (void)ctx;
}

static void on_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    (void)bytes;
    seen(ctx, object, false);
}

/* What changed before the first list, or while the watch was lost, is not told: look once. */
static void on_list_end(void *ctx, const char *version)
{
    struct run_crds *crds = ctx;
    (void)version;
    crds->was_listed = true;
    hf_run_renew(crds->target, true);
}

static void on_change(void *ctx, enum hf_change change, const struct hf_value *object, size_t bytes)
{
    (void)bytes;
    seen(ctx, object, change == HF_DELETED);
}

static void on_state(void *ctx, const struct hf_error *err)
{
    struct run_crds *crds = ctx;
    crds->is_lost = err->code != HF_OK;
}

bool hf_run_crds_lost(const struct run_target *target)
{
    return target->crds && target->crds->is_lost;
}

void hf_run_crds_unfollow(struct run_target *target)
{
    struct run_crds *crds = target->crds;
    if (crds) {
        target->crds = NULL;
        hf_follow_free(crds->follow);
        hf_map_free(crds->seen, free);
        free(crds);
    }
}

static bool may_be_custom(const struct run_target *target)
{
    for (size_t i = 0; i < target->kind_count; i++) {
        if (hf_schema_is_custom(target->kinds[i].api_version)) {
            return true;
        }
    }
    return false;
}

void hf_run_crds_follow(struct run_target *target)
{
    const struct hf_resource *resource = hf_cluster_resource(target->cluster, CRD_API, "CustomResourceDefinition");
    struct hf_error err = HF_ERROR_INIT;
    if (!resource || !may_be_custom(target)) {
        hf_run_crds_unfollow(target);
        return;
    }
    if (target->crds) {
        return;
    }
    struct run_crds *crds = hf_calloc(1, sizeof *crds);
    if (crds) {
        crds->target = target;
        crds->seen = hf_map_new();
    }
    struct hf_follow_events events = {crds, on_list_begin, on_item, on_list_end, on_change, on_state};
    if (!crds || !crds->seen || hf_cluster_follow(target->cluster, resource, NULL, &events, &crds->follow, &err) != 0) {
        hf_log_error(target->run->log, HF_WARN, "CustomResourceDefinitions can't be followed", &err, "target",
                     target->name, NULL); /* tried again with the next renewal */
        hf_map_free(crds ? crds->seen : NULL, NULL);
        free(crds);
        return;
    }
    target->crds = crds;
}
