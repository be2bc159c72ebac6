/* The places where the local verdict can't be the server's, each with the reason. Everything else must agree. */
#include <stdio.h>
#include <string.h>

#include "oracle.h"

/* What only the server knows. A difference here is confirmed by the dry-run and counted by its reason. A field whose
 * feature is off is dropped from what is applied, unless live has it already; once the unit was applied, its claim in
 * managedFields tells as much, and the verdict is sure again. */
static const struct known NOT_KNOWABLE[] = {
    {"batch.v1.JobSpec", "ttlSecondsAfterFinished", NULL, "feature gate TTLAfterFinished", BELOW_TOO},
    {"core.v1.PodSpec", "ephemeralContainers", NULL, "feature gate EphemeralContainers", BELOW_TOO},
    {"core.v1.Volume", "ephemeral", NULL, "feature gate GenericEphemeralVolume", BELOW_TOO},
    {"core.v1.SecurityContext", "procMount", NULL, "feature gate ProcMountType", BELOW_TOO},
    {"core.v1.ServiceSpec", "topologyKeys", NULL, "feature gate ServiceTopology", BELOW_TOO},
    {"core.v1.ServiceSpec", "ipFamilyPolicy", NULL, "feature gate IPv6DualStack", BELOW_TOO},
    {"core.v1.ServiceSpec", "ipFamilies", NULL, "feature gate IPv6DualStack", BELOW_TOO},
    {"core.v1.ServiceSpec", "clusterIPs", NULL, "feature gate IPv6DualStack", BELOW_TOO},
    {"core.v1.NodeSpec", "podCIDRs", NULL, "feature gate IPv6DualStack", BELOW_TOO},
    {"core.v1.ServicePort", "nodePort", NULL,
     "before 1.21 a node port of 0 is allotted anew at each apply, since then it stays", ONLY_UNSAID},
    {"core.v1.ServiceSpec", "allocateLoadBalancerNodePorts", NULL, "feature gate ServiceLBNodePortControl", BELOW_TOO},
    {"core.v1.PersistentVolumeClaimSpec", "dataSource", NULL, "feature gate AnyVolumeDataSource", BELOW_TOO},
    {"autoscaling.v2beta2.MetricTarget", "type", NULL, "autoscaling/v1, as it is stored, has one value a target",
     BELOW_TOO},
    {"autoscaling.v2beta2.MetricTarget", "value", NULL, "autoscaling/v1, as it is stored, has one value a target",
     BELOW_TOO},
    {"autoscaling.v2beta2.MetricTarget", "averageValue", NULL,
     "autoscaling/v1, as it is stored, has one value a target", BELOW_TOO},
    {"autoscaling.v2beta2.MetricTarget", "averageUtilization", NULL,
     "autoscaling/v1, as it is stored, has one value a target", BELOW_TOO},
    {"autoscaling.v2beta2.HorizontalPodAutoscalerSpec", "metrics", NULL,
     "autoscaling/v1, as it is stored, has one metric of the cpu", ONLY_ITSELF},
    {"autoscaling.v2beta2.MetricSpec", "containerResource", NULL,
     "autoscaling/v1, as it is stored, has one metric of the cpu", BELOW_TOO},
    {"autoscaling.v2beta2.MetricSpec", "external", NULL, "autoscaling/v1, as it is stored, has one metric of the cpu",
     BELOW_TOO},
    {"autoscaling.v2beta2.MetricSpec", "object", NULL, "autoscaling/v1, as it is stored, has one metric of the cpu",
     BELOW_TOO},
    {"autoscaling.v2beta2.MetricSpec", "pods", NULL, "autoscaling/v1, as it is stored, has one metric of the cpu",
     BELOW_TOO},
    {"discovery.v1beta1.Endpoint", "nodeName", NULL, "feature gate EndpointSliceNodeName", BELOW_TOO},
    {"discovery.v1beta1.EndpointConditions", "serving", NULL, "feature gate EndpointSliceTerminatingCondition",
     BELOW_TOO},
    {"discovery.v1beta1.EndpointConditions", "terminating", NULL, "feature gate EndpointSliceTerminatingCondition",
     BELOW_TOO},
    {"storage.v1.CSIDriverSpec", "storageCapacity", NULL, "feature gate CSIStorageCapacity", BELOW_TOO},
    {"storage.v1.CSIDriverSpec", "requiresRepublish", NULL, "feature gate CSIServiceAccountToken", BELOW_TOO},
    {"storage.v1.CSIDriverSpec", "tokenRequests", NULL, "feature gate CSIServiceAccountToken", BELOW_TOO},
};

/* What the server sets because of another field, one beside it or, with a "/", one of the object: one finding, on that
 * field, tells both. */
static const struct known DERIVED[] = {
    {"core.v1.PodSpec", "serviceAccount", "serviceAccountName", "deprecated copy", BELOW_TOO},
    {"core.v1.Container", "imagePullPolicy", "image", "by the image's tag", BELOW_TOO},
    {"core.v1.EphemeralContainer", "imagePullPolicy", "image", "by the image's tag", BELOW_TOO},
    {"core.v1.ServiceSpec", "sessionAffinityConfig", "sessionAffinity", "of ClientIP only", BELOW_TOO},
    {"core.v1.ServiceSpec", "externalTrafficPolicy", "type", "of what is open to the outside", BELOW_TOO},
    {"core.v1.ServiceSpec", "healthCheckNodePort", "type", "of a LoadBalancer", BELOW_TOO},
    {"core.v1.ServiceSpec", "healthCheckNodePort", "externalTrafficPolicy", "of Local", BELOW_TOO},
    {"core.v1.ServiceSpec", "clusterIP", "type", "of what has an address", BELOW_TOO},
    {"core.v1.ServiceSpec", "clusterIPs", "type", "of what has an address", BELOW_TOO},
    {"core.v1.ServiceSpec", "clusterIPs", "clusterIP", "holds it", BELOW_TOO},
    {"core.v1.ServicePort", "nodePort", "/spec/type", "of what is open to the outside", BELOW_TOO},
    {"core.v1.ContainerPort", "hostPort", "/spec/hostNetwork", "of the host's network", BELOW_TOO},
    {"core.v1.ContainerPort", "hostPort", "/spec/template/spec/hostNetwork", "of the host's network", BELOW_TOO},
    {"core.v1.ContainerPort", "hostPort", "/spec/jobTemplate/spec/template/spec/hostNetwork", "of the host's network",
     BELOW_TOO},
    {"rbac.v1.Subject", "apiGroup", "kind", "of users and groups", BELOW_TOO},
    {"core.v1.LimitRangeItem", "default", "type", "of a Container", BELOW_TOO},
    {"core.v1.LimitRangeItem", "default", "max", "the maximum, where nothing is said", BELOW_TOO},
    {"core.v1.LimitRangeItem", "defaultRequest", "type", "of a Container", BELOW_TOO},
    {"core.v1.LimitRangeItem", "defaultRequest", "default", "the limit, where nothing is said", BELOW_TOO},
    {"core.v1.LimitRangeItem", "defaultRequest", "max", "the limit, where nothing is said", BELOW_TOO},
    {"core.v1.LimitRangeItem", "defaultRequest", "min", "the minimum, where nothing is said", BELOW_TOO},
    {"", "deprecated.daemonset.template.generation", "/spec/template", "counts changes of the template", BELOW_TOO},
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

/* The next part of a path, unescaped; false at its end. */
static bool next_part(const char **path, char *part, size_t size)
{
    if (**path != '/') {
        return false;
    }
    size_t len = 0;
    for ((*path)++; **path && **path != '/'; (*path)++) {
        char byte = **path;
        if (byte == '~') {
            (*path)++;
            byte = **path == '1' ? '/' : '~';
        }
        if (len + 1 < size) {
            part[len++] = byte;
        }
    }
    part[len] = '\0';
    return true;
}

static const struct hf_type *below(const struct hf_type *type, const char *part)
{
    if (!type) {
        return NULL;
    }
    if (type->kind == HF_TYPE_STRUCT) {
        const struct hf_field *field = hf_type_field(type, hf_slice_of(part));
        return field ? field->type : NULL;
    }
    return type->element;
}

const struct hf_type *oracle_type_at(const struct hf_type *root, const char *path)
{
    char part[300];
    while (next_part(&path, part, sizeof part)) {
        root = below(root, part);
    }
    return root;
}

/* The entry behind that many others which speaks of the path. */
static const struct known *find(const struct known *table, size_t count, const struct hf_type *root, const char *path,
                                size_t behind, size_t *parent_len)
{
    const char *at = path;
    char part[300];
    for (;;) {
        size_t len = (size_t)(at - path);
        const struct hf_type *type = root;
        if (!next_part(&at, part, sizeof part)) {
            return NULL;
        }
        for (size_t i = 0; type && i < count; i++) {
            bool is_meant = strcmp(part, table[i].field) == 0 && ends_with(type->name, table[i].type) &&
                            (*at == '\0' || table[i].extent != ONLY_ITSELF);
            if (is_meant && behind-- == 0) {
                *parent_len = len;
                return &table[i];
            }
        }
        root = below(root, part);
    }
}

const struct known *oracle_not_knowable(const struct hf_type *root, const char *path)
{
    size_t ignored;
    return find(NOT_KNOWABLE, sizeof NOT_KNOWABLE / sizeof NOT_KNOWABLE[0], root, path, 0, &ignored);
}

const struct known *oracle_derived(const struct hf_type *root, const char *path, size_t behind, char *beside,
                                   size_t size)
{
    size_t len;
    const struct known *known = find(DERIVED, sizeof DERIVED / sizeof DERIVED[0], root, path, behind, &len);
    if (known) {
        bool is_absolute = known->because[0] == '/';
        (void)snprintf(beside, size, "%.*s%s%s", is_absolute ? 0 : (int)len, path, is_absolute ? "" : "/",
                       known->because);
    }
    return known;
}

static bool is_nothing(const struct hf_value *value)
{
    return value && (value->kind == HF_NULL || (value->kind == HF_STRING && value->as.text.len == 0));
}

static bool has_empty_key(const struct hf_type *type, const struct hf_value *list)
{
    for (size_t i = 0; i < list->as.array.count; i++) {
        for (size_t j = 0; j < type->list_key_count; j++) {
            if (is_nothing(hf_value_get(&list->as.array.items[i], type->list_keys[j]))) {
                return true;
            }
        }
    }
    return false;
}

bool oracle_empty_key(const struct hf_type *type, const struct hf_value *desired, struct hf_buf *path)
{
    size_t len = path->len;
    if (type && type->kind == HF_TYPE_LIST && desired->kind == HF_ARRAY && has_empty_key(type, desired)) {
        return true;
    }
    for (size_t i = 0; type && i < hf_value_count(desired); i++) {
        bool is_object = desired->kind == HF_OBJECT;
        char part[300];
        (void)snprintf(part, sizeof part, "%s", is_object ? desired->as.object.members[i].key.ptr : "");
        if (is_object) {
            hf_pointer_add_key(path, desired->as.object.members[i].key);
        } else {
            hf_pointer_add_index(path, i);
        }
        if (oracle_empty_key(below(type, part),
                             is_object ? &desired->as.object.members[i].value : &desired->as.array.items[i], path)) {
            return true;
        }
        path->len = len;
        if (path->ptr) {
            path->ptr[len] = '\0';
        }
    }
    return false;
}
