#include "defaults.h"

#include <string.h>

#define CORE "io.k8s.api.core.v1."
#define APPS "io.k8s.api.apps.v1."
#define BATCH "io.k8s.api.batch.v1."
#define CRON "io.k8s.api.batch.v1beta1."
#define HOOKS "io.k8s.api.admissionregistration.v1."

struct standard {
    const char *type;
    const char *field;
    const char *json;
};

/* Set where the field is absent. */
static const struct standard STANDARDS[] = {
    {CORE "PodSpec", "dnsPolicy", "\"ClusterFirst\""},
    {CORE "PodSpec", "restartPolicy", "\"Always\""},
    {CORE "PodSpec", "schedulerName", "\"default-scheduler\""},
    {CORE "PodSpec", "securityContext", "{}"},
    {CORE "PodSpec", "terminationGracePeriodSeconds", "30"},
    {CORE "Container", "terminationMessagePath", "\"/dev/termination-log\""},
    {CORE "Container", "terminationMessagePolicy", "\"File\""},
    {CORE "EphemeralContainer", "terminationMessagePath", "\"/dev/termination-log\""},
    {CORE "EphemeralContainer", "terminationMessagePolicy", "\"File\""},
    {CORE "ContainerPort", "protocol", "\"TCP\""},
    {CORE "Probe", "timeoutSeconds", "1"},
    {CORE "Probe", "periodSeconds", "10"},
    {CORE "Probe", "successThreshold", "1"},
    {CORE "Probe", "failureThreshold", "3"},
    {CORE "HTTPGetAction", "path", "\"/\""},
    {CORE "HTTPGetAction", "scheme", "\"HTTP\""},
    {CORE "ObjectFieldSelector", "apiVersion", "\"v1\""},
    {CORE "SecretVolumeSource", "defaultMode", "420"},
    {CORE "ConfigMapVolumeSource", "defaultMode", "420"},
    {CORE "DownwardAPIVolumeSource", "defaultMode", "420"},
    {CORE "ProjectedVolumeSource", "defaultMode", "420"},
    {CORE "ServiceAccountTokenProjection", "expirationSeconds", "3600"},
    {CORE "HostPathVolumeSource", "type", "\"\""},
    {CORE "ISCSIVolumeSource", "iscsiInterface", "\"default\""},
    {CORE "RBDVolumeSource", "pool", "\"rbd\""},
    {CORE "RBDVolumeSource", "user", "\"admin\""},
    {CORE "RBDVolumeSource", "keyring", "\"/etc/ceph/keyring\""},
    {CORE "Secret", "type", "\"Opaque\""},
    {CORE "PersistentVolumeClaimSpec", "volumeMode", "\"Filesystem\""},
    {CORE "PersistentVolumeSpec", "volumeMode", "\"Filesystem\""},
    {CORE "PersistentVolumeSpec", "persistentVolumeReclaimPolicy", "\"Retain\""},
    {CORE "PersistentVolumeClaimStatus", "phase", "\"Pending\""},
    {CORE "PersistentVolumeStatus", "phase", "\"Pending\""},
    {CORE "NamespaceStatus", "phase", "\"Active\""},
    {CORE "EndpointPort", "protocol", "\"TCP\""},
    {CORE "ServiceSpec", "sessionAffinity", "\"None\""},
    {CORE "ServiceSpec", "type", "\"ClusterIP\""},
    {CORE "ServicePort", "protocol", "\"TCP\""},
    {APPS "DeploymentSpec", "replicas", "1"},
    {APPS "DeploymentSpec", "revisionHistoryLimit", "10"},
    {APPS "DeploymentSpec", "progressDeadlineSeconds", "600"},
    {APPS "DeploymentStrategy", "type", "\"RollingUpdate\""},
    {APPS "RollingUpdateDeployment", "maxUnavailable", "\"25%\""},
    {APPS "RollingUpdateDeployment", "maxSurge", "\"25%\""},
    {APPS "StatefulSetSpec", "replicas", "1"},
    {APPS "StatefulSetSpec", "revisionHistoryLimit", "10"},
    {APPS "StatefulSetSpec", "podManagementPolicy", "\"OrderedReady\""},
    {APPS "StatefulSetUpdateStrategy", "type", "\"RollingUpdate\""},
    {APPS "RollingUpdateStatefulSetStrategy", "partition", "0"},
    {APPS "DaemonSetSpec", "revisionHistoryLimit", "10"},
    {APPS "DaemonSetUpdateStrategy", "type", "\"RollingUpdate\""},
    {APPS "RollingUpdateDaemonSet", "maxUnavailable", "1"},
    {APPS "ReplicaSetSpec", "replicas", "1"},
    {CRON "CronJobSpec", "concurrencyPolicy", "\"Allow\""},
    {CRON "CronJobSpec", "suspend", "false"},
    {CRON "CronJobSpec", "successfulJobsHistoryLimit", "3"},
    {CRON "CronJobSpec", "failedJobsHistoryLimit", "1"},
    {"io.k8s.api.networking.v1.NetworkPolicyPort", "protocol", "\"TCP\""},
    {"io.k8s.api.rbac.v1.RoleRef", "apiGroup", "\"rbac.authorization.k8s.io\""},
    {"io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec", "minReplicas", "1"},
    {"io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec", "targetCPUUtilizationPercentage", "80"},
    {"io.k8s.api.storage.v1.StorageClass", "reclaimPolicy", "\"Delete\""},
    {"io.k8s.api.storage.v1.StorageClass", "volumeBindingMode", "\"Immediate\""},
    {"io.k8s.api.scheduling.v1.PriorityClass", "preemptionPolicy", "\"PreemptLowerPriority\""},
    {HOOKS "MutatingWebhook", "failurePolicy", "\"Fail\""},
    {HOOKS "MutatingWebhook", "matchPolicy", "\"Equivalent\""},
    {HOOKS "MutatingWebhook", "namespaceSelector", "{}"},
    {HOOKS "MutatingWebhook", "objectSelector", "{}"},
    {HOOKS "MutatingWebhook", "reinvocationPolicy", "\"Never\""},
    {HOOKS "MutatingWebhook", "timeoutSeconds", "10"},
    {HOOKS "ValidatingWebhook", "failurePolicy", "\"Fail\""},
    {HOOKS "ValidatingWebhook", "matchPolicy", "\"Equivalent\""},
    {HOOKS "ValidatingWebhook", "namespaceSelector", "{}"},
    {HOOKS "ValidatingWebhook", "objectSelector", "{}"},
    {HOOKS "ValidatingWebhook", "timeoutSeconds", "10"},
    {HOOKS "RuleWithOperations", "scope", "\"*\""},
    {HOOKS "ServiceReference", "port", "443"},
};

/* Go knows no difference between "" and nothing. */
static bool is_absent(const struct hf_value *value)
{
    return !value || value->kind == HF_NULL || (value->kind == HF_STRING && value->as.text.len == 0);
}

static int put_absent(struct hf_arena *arena, struct hf_value *object, const char *field, const char *json)
{
    const struct hf_value *there = hf_value_get(object, field);
    return is_absent(there) ? sim_put_json(arena, object, field, json) : 0;
}

/* Latest when the image has the tag latest or none. */
static int default_container(struct hf_arena *arena, struct hf_value *container)
{
    const char *image = sim_text(container, "image");
    const char *name = strrchr(image, '/');
    const char *tag = strchr(name ? name : image, ':');
    bool digest = strchr(image, '@') != NULL;
    bool latest = !digest && (!tag || strcmp(tag, ":latest") == 0);
    return put_absent(arena, container, "imagePullPolicy", latest ? "\"Always\"" : "\"IfNotPresent\"");
}

static int copy_field(struct hf_arena *arena, struct hf_value *object, const char *from, const char *to)
{
    const struct hf_value *value = hf_value_get(object, from);
    return value && !hf_value_get(object, to) ? sim_put(arena, object, to, value) : 0;
}

static int default_host_ports(struct hf_arena *arena, struct hf_value *containers)
{
    for (size_t i = 0; i < hf_value_count(containers); i++) {
        const struct hf_value *ports = hf_value_get(&containers->as.array.items[i], "ports");
        for (size_t j = 0; j < hf_value_count(ports); j++) {
            if (copy_field(arena, &ports->as.array.items[j], "containerPort", "hostPort") != 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* serviceAccount is the deprecated name of serviceAccountName: each fills the other. */
static int default_pod_spec(struct hf_arena *arena, struct hf_value *spec)
{
    if (copy_field(arena, spec, "serviceAccount", "serviceAccountName") != 0) {
        return -1;
    }
    if (hf_value_get(spec, "serviceAccountName") &&
        sim_put(arena, spec, "serviceAccount", hf_value_get(spec, "serviceAccountName")) != 0) {
        return -1;
    }
    if (hf_value_is_true(hf_value_get(spec, "hostNetwork"))) {
        return default_host_ports(arena, sim_get(spec, "containers")) ||
                       default_host_ports(arena, sim_get(spec, "initContainers"))
                   ? -1
                   : 0;
    }
    return 0;
}

static int default_requests(struct hf_arena *arena, struct hf_value *containers)
{
    for (size_t i = 0; i < hf_value_count(containers); i++) {
        struct hf_value *resources = sim_get(&containers->as.array.items[i], "resources");
        const struct hf_value *limits = hf_value_get(resources, "limits");
        struct hf_value *requests = limits ? sim_object_at(arena, resources, "requests") : NULL;
        for (size_t j = 0; requests && j < hf_value_count(limits); j++) {
            const struct hf_member *limit = &limits->as.object.members[j];
            if (!hf_value_find(requests, limit->key) && hf_value_set(arena, requests, limit->key, &limit->value) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* Only of a Pod itself, not of a template. */
static int default_pod(struct hf_arena *arena, struct hf_value *pod)
{
    struct hf_value *spec = sim_object_at(arena, pod, "spec");
    return spec && put_absent(arena, spec, "enableServiceLinks", "true") == 0 &&
                   default_requests(arena, sim_get(spec, "containers")) == 0 &&
                   default_requests(arena, sim_get(spec, "initContainers")) == 0
               ? 0
               : -1;
}

/* A volume that names no source is an emptyDir. */
static int default_volume(struct hf_arena *arena, struct hf_value *volume)
{
    return hf_value_count(volume) <= 1 ? put_absent(arena, volume, "emptyDir", "{}") : 0;
}

static int default_service_port(struct hf_arena *arena, struct hf_value *port)
{
    const struct hf_value *target = hf_value_get(port, "targetPort");
    int64_t number = -1;
    bool unset = !target || sim_is_empty(target) || (hf_value_int(target, &number) && number == 0);
    return unset && hf_value_get(port, "port") ? sim_put(arena, port, "targetPort", hf_value_get(port, "port")) : 0;
}

static int default_service(struct hf_arena *arena, struct hf_value *spec)
{
    const char *type = sim_text(spec, "type");
    if ((strcmp(type, "NodePort") == 0 || strcmp(type, "LoadBalancer") == 0) &&
        put_absent(arena, spec, "externalTrafficPolicy", "\"Cluster\"") != 0) {
        return -1;
    }
    return strcmp(sim_text(spec, "sessionAffinity"), "ClientIP") == 0
               ? put_absent(arena, spec, "sessionAffinityConfig", "{\"clientIP\":{\"timeoutSeconds\":10800}}")
               : 0;
}

static int default_rolling(struct hf_arena *arena, struct hf_value *strategy, const char *json)
{
    return strcmp(sim_text(strategy, "type"), "RollingUpdate") == 0 ? put_absent(arena, strategy, "rollingUpdate", json)
                                                                    : 0;
}

static int default_deployment_strategy(struct hf_arena *arena, struct hf_value *strategy)
{
    return default_rolling(arena, strategy, "{\"maxUnavailable\":\"25%\",\"maxSurge\":\"25%\"}");
}

static int default_daemon_strategy(struct hf_arena *arena, struct hf_value *strategy)
{
    return default_rolling(arena, strategy, "{\"maxUnavailable\":1}");
}

static int default_stateful_strategy(struct hf_arena *arena, struct hf_value *strategy)
{
    return default_rolling(arena, strategy, "{\"partition\":0}");
}

static int default_stateful_spec(struct hf_arena *arena, struct hf_value *spec)
{
    struct hf_value *claims = sim_get(spec, "volumeClaimTemplates");
    for (size_t i = 0; i < hf_value_count(claims); i++) {
        struct hf_value *claim = &claims->as.array.items[i];
        if (put_absent(arena, claim, "apiVersion", "\"v1\"") != 0 ||
            put_absent(arena, claim, "kind", "\"PersistentVolumeClaim\"") != 0) {
            return -1;
        }
    }
    return 0;
}

/* Only of a Job itself, not of a CronJob's template. */
static int default_job(struct hf_arena *arena, struct hf_value *job)
{
    struct hf_value *spec = sim_object_at(arena, job, "spec");
    if (!spec || put_absent(arena, spec, "backoffLimit", "6") != 0) {
        return -1;
    }
    if (hf_value_get(spec, "completions") || hf_value_get(spec, "parallelism")) {
        return put_absent(arena, spec, "parallelism", "1");
    }
    return sim_put_int(arena, spec, "completions", 1) || sim_put_int(arena, spec, "parallelism", 1) ? -1 : 0;
}

static int default_subject(struct hf_arena *arena, struct hf_value *subject)
{
    const char *kind = sim_text(subject, "kind");
    return strcmp(kind, "User") == 0 || strcmp(kind, "Group") == 0
               ? put_absent(arena, subject, "apiGroup", "\"rbac.authorization.k8s.io\"")
               : 0;
}

static int default_network_policy(struct hf_arena *arena, struct hf_value *spec)
{
    bool egress = hf_value_count(hf_value_get(spec, "egress")) > 0;
    return put_absent(arena, spec, "policyTypes", egress ? "[\"Ingress\",\"Egress\"]" : "[\"Ingress\"]");
}

/* A field of an API version that is gone lives on as an annotation. */
static int default_daemon_set(struct hf_arena *arena, struct hf_value *set)
{
    struct hf_value *metadata = sim_object_at(arena, set, "metadata");
    struct hf_value *annotations = metadata ? sim_object_at(arena, metadata, "annotations") : NULL;
    return annotations ? put_absent(arena, annotations, "deprecated.daemonset.template.generation", "\"0\"") : -1;
}

static const struct {
    const char *type;
    int (*fill)(struct hf_arena *arena, struct hf_value *value);
} FILLERS[] = {
    {CORE "Container", default_container},
    {CORE "EphemeralContainer", default_container},
    {CORE "PodSpec", default_pod_spec},
    {CORE "Pod", default_pod},
    {CORE "Volume", default_volume},
    {CORE "ServicePort", default_service_port},
    {CORE "ServiceSpec", default_service},
    {APPS "DeploymentStrategy", default_deployment_strategy},
    {APPS "DaemonSet", default_daemon_set},
    {APPS "DaemonSetUpdateStrategy", default_daemon_strategy},
    {APPS "StatefulSetUpdateStrategy", default_stateful_strategy},
    {APPS "StatefulSetSpec", default_stateful_spec},
    {BATCH "Job", default_job},
    {"io.k8s.api.rbac.v1.Subject", default_subject},
    {"io.k8s.api.networking.v1.NetworkPolicySpec", default_network_policy},
};

static int default_own(struct hf_arena *arena, const struct sim_type *type, struct hf_value *value)
{
    for (size_t i = 0; i < sizeof STANDARDS / sizeof STANDARDS[0]; i++) {
        if (strcmp(STANDARDS[i].type, type->name) == 0 &&
            put_absent(arena, value, STANDARDS[i].field, STANDARDS[i].json) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof FILLERS / sizeof FILLERS[0]; i++) {
        if (strcmp(FILLERS[i].type, type->name) == 0 && FILLERS[i].fill(arena, value) != 0) {
            return -1;
        }
    }
    return 0;
}

static int default_struct(struct hf_arena *arena, const struct sim_type *type, struct hf_value *value)
{
    if (default_own(arena, type, value) != 0) {
        return -1;
    }
    for (size_t i = 0; i < value->as.object.count; i++) {
        struct hf_member *member = &value->as.object.members[i];
        const struct sim_field *field = sim_type_field(type, member->key);
        if (field && sim_default(arena, field->type, &member->value) != 0) {
            return -1;
        }
    }
    return 0;
}

int sim_default(struct hf_arena *arena, const struct sim_type *type, struct hf_value *value)
{
    if (type->shape == SHAPE_STRUCT && value->kind == HF_OBJECT && !type->custom) {
        return default_struct(arena, type, value);
    }
    for (size_t i = 0; type->shape == SHAPE_LIST && value->kind == HF_ARRAY && i < value->as.array.count; i++) {
        if (sim_default(arena, type->element, &value->as.array.items[i]) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; type->shape == SHAPE_MAP && value->kind == HF_OBJECT && i < value->as.object.count; i++) {
        if (sim_default(arena, type->element, &value->as.object.members[i].value) != 0) {
            return -1;
        }
    }
    return 0;
}
