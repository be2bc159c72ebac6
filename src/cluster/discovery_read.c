/* What discovery documents say. Sources: k8s.io/api/apidiscovery/v2, apimachinery's metav1.APIResourceList. */
#include <string.h>

#include "client.h"

static bool has_verb(const struct hf_value *verbs, const char *verb)
{
    for (size_t i = 0; i < hf_value_count(verbs); i++) {
        const char *text = hf_value_text(hf_value_at(verbs, i));
        if (text && strcmp(text, verb) == 0) {
            return true;
        }
    }
    return false;
}

static void take_verbs(struct hf_resource *resource, const struct hf_value *verbs)
{
    resource->can_list = has_verb(verbs, "list");
    resource->can_watch = has_verb(verbs, "watch");
    resource->can_patch = has_verb(verbs, "patch");
}

static bool has_status_below(const struct hf_value *subresources)
{
    for (size_t i = 0; i < hf_value_count(subresources); i++) {
        const char *name = hf_value_text(hf_value_get(hf_value_at(subresources, i), "subresource"));
        if (name && strcmp(name, "status") == 0) {
            return true;
        }
    }
    return false;
}

static const char *text_or(const struct hf_value *value, const char *other)
{
    const char *text = hf_value_text(value);
    return text && text[0] ? text : other;
}

static int read_aggregated_version(const struct hf_value *item, const char *group, const char *version,
                                   hf_found_fn found, void *ctx, struct hf_error *err)
{
    const struct hf_value *resources = hf_value_get(item, "resources");
    for (size_t i = 0; i < hf_value_count(resources); i++) {
        const struct hf_value *one = hf_value_at(resources, i);
        const struct hf_value *kind = hf_value_get(one, "responseKind");
        const char *scope = hf_value_text(hf_value_get(one, "scope"));
        struct hf_resource resource = {.group = text_or(hf_value_get(kind, "group"), group),
                                       .version = text_or(hf_value_get(kind, "version"), version),
                                       .kind = hf_value_text(hf_value_get(kind, "kind")),
                                       .name = hf_value_text(hf_value_get(one, "resource")),
                                       .namespaced = scope && strcmp(scope, "Namespaced") == 0,
                                       .has_status = has_status_below(hf_value_get(one, "subresources"))};
        take_verbs(&resource, hf_value_get(one, "verbs"));
        /* A kind of another group-version is served here only as an answer: its own place is where its group is. */
        bool own = strcmp(resource.group, group) == 0 && strcmp(resource.version, version) == 0;
        if (own && resource.kind && resource.kind[0] && resource.name && resource.name[0] &&
            found(ctx, &resource, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int hf_read_aggregated(const struct hf_value *document, hf_found_fn found, hf_version_fn version, void *ctx,
                       struct hf_error *err)
{
    const struct hf_value *groups = hf_value_get(document, "items");
    for (size_t i = 0; i < hf_value_count(groups); i++) {
        const struct hf_value *group = hf_value_at(groups, i);
        const char *name = text_or(hf_value_path(group, "metadata", "name", NULL), "");
        const struct hf_value *versions = hf_value_get(group, "versions");
        for (size_t j = 0; j < hf_value_count(versions); j++) {
            const struct hf_value *one = hf_value_at(versions, j);
            const char *text = hf_value_text(hf_value_get(one, "version"));
            const char *freshness = text_or(hf_value_get(one, "freshness"), "Current");
            bool broken = strcmp(freshness, "Stale") == 0 && hf_value_count(hf_value_get(one, "resources")) == 0;
            if (text && text[0] &&
                (version(ctx, name, text, broken, err) != 0 ||
                 read_aggregated_version(one, name, text, found, ctx, err) != 0)) {
                return -1;
            }
        }
    }
    return 0;
}

static int read_group_version(const struct hf_value *text, hf_version_fn version, void *ctx, struct hf_error *err)
{
    const char *group_version = hf_value_text(text);
    if (!group_version || !group_version[0]) {
        return 0;
    }
    struct hf_slice group;
    struct hf_slice name;
    hf_api_version_split(group_version, &group, &name);
    hf_auto_free char *group_text = hf_strndup(group.ptr, group.len);
    if (!group_text) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for discovery");
    }
    return version(ctx, group_text, name.ptr, false, err);
}

int hf_read_versions(const struct hf_value *document, hf_version_fn version, void *ctx, struct hf_error *err)
{
    const struct hf_value *core = hf_value_get(document, "versions");
    for (size_t i = 0; i < hf_value_count(core); i++) {
        if (read_group_version(hf_value_at(core, i), version, ctx, err) != 0) {
            return -1;
        }
    }
    const struct hf_value *groups = hf_value_get(document, "groups");
    for (size_t i = 0; i < hf_value_count(groups); i++) {
        const struct hf_value *versions = hf_value_get(hf_value_at(groups, i), "versions");
        for (size_t j = 0; j < hf_value_count(versions); j++) {
            if (read_group_version(hf_value_get(hf_value_at(versions, j), "groupVersion"), version, ctx, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static bool has_status(const struct hf_value *resources, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < hf_value_count(resources); i++) {
        const char *other = hf_value_text(hf_value_get(hf_value_at(resources, i), "name"));
        if (other && strncmp(other, name, len) == 0 && strcmp(other + len, "/status") == 0) {
            return true;
        }
    }
    return false;
}

int hf_read_resources(const struct hf_value *document, const char *group, const char *version, hf_found_fn found,
                      void *ctx, struct hf_error *err)
{
    const struct hf_value *resources = hf_value_get(document, "resources");
    for (size_t i = 0; i < hf_value_count(resources); i++) {
        const struct hf_value *one = hf_value_at(resources, i);
        struct hf_resource resource = {.group = group,
                                       .version = version,
                                       .kind = hf_value_text(hf_value_get(one, "kind")),
                                       .name = hf_value_text(hf_value_get(one, "name")),
                                       .namespaced = hf_value_is_true(hf_value_get(one, "namespaced"))};
        if (!resource.kind || !resource.kind[0] || !resource.name || !resource.name[0] || strchr(resource.name, '/')) {
            continue;
        }
        take_verbs(&resource, hf_value_get(one, "verbs"));
        resource.has_status = has_status(resources, resource.name);
        if (found(ctx, &resource, err) != 0) {
            return -1;
        }
    }
    return 0;
}
