/* Places that weigh by themselves, and what the server and its controllers put there (pkg/registry/…/strategy.go,
 * plugin/pkg/admission, pkg/controller). */
#include <string.h>

#include "added.h"
#include "holdfast/json.h"

/* "io.k8s.api.core.v1.PodSpec" is core.PodSpec, in any version. */
static bool is_of(const char *name, const char *group, const char *kind)
{
    const char *dot = strrchr(name, '.');
    if (!dot || strcmp(dot + 1, kind) != 0) {
        return false;
    }
    size_t len = strlen(group);
    const char *version = dot;
    while (version > name && version[-1] != '.') {
        version--;
    }
    const char *end = version > name ? version - 1 : name;
    return (size_t)(end - name) >= len && strncmp(end - len, group, len) == 0 &&
           (end - len == name || end[-(ptrdiff_t)len - 1] == '.');
}

static bool is_kind(const struct walk *walk, const char *api_version, const char *kind)
{
    const char *own_kind = hf_value_text(hf_value_get(walk->unit, "kind"));
    const char *own_version = hf_value_text(hf_value_get(walk->unit, "apiVersion"));
    return own_kind && own_version && strcmp(own_kind, kind) == 0 &&
           strncmp(own_version, api_version, strlen(api_version)) == 0;
}

static const struct {
    const char *group;
    const char *kind;
    const char *keys; /* each with a blank on both sides; "*" all */
    enum strictness strictness;
} STRICT[] = {
    {"core", "PodSpec", " containers initContainers volumes imagePullSecrets serviceAccountName serviceAccount ",
     STRICT_ALWAYS},
    {"core", "PodSpec", " hostNetwork hostPID hostIPC shareProcessNamespace securityContext ", STRICT_IF_LOOSE},
    {"core", "Container", " env envFrom command args lifecycle ports volumeMounts volumeDevices ", STRICT_ALWAYS},
    {"core", "Container", " securityContext ", STRICT_IF_LOOSE},
    {"core", "SecurityContext", "*", STRICT_IF_LOOSE},
    {"core", "PodSecurityContext", "*", STRICT_IF_LOOSE},
    {"core", "Capabilities", " add ", STRICT_ALWAYS},
    {"core", "ServiceSpec", " ports externalIPs type ", STRICT_ALWAYS},
    {"core", "ConfigMap", " data binaryData immutable ", STRICT_ALWAYS},
    {"core", "Secret", " data immutable ", STRICT_ALWAYS},
    {"rbac", "Role", " rules ", STRICT_ALWAYS},
    {"rbac", "ClusterRole", " rules aggregationRule ", STRICT_ALWAYS},
    {"rbac", "RoleBinding", " subjects ", STRICT_ALWAYS},
    {"rbac", "ClusterRoleBinding", " subjects ", STRICT_ALWAYS},
    {"networking", "NetworkPolicySpec", " ingress egress policyTypes ", STRICT_ALWAYS},
    {"extensions", "NetworkPolicySpec", " ingress egress policyTypes ", STRICT_ALWAYS},
};

/* Whether a key is one of a list of words between blanks. */
static bool has_word(const char *words, struct hf_slice key)
{
    size_t len;
    for (const char *at = words + strspn(words, " "); *at; at += len + strspn(at + len, " ")) {
        len = strcspn(at, " ");
        if (len == key.len && memcmp(at, key.ptr, len) == 0) {
            return true;
        }
    }
    return false;
}

uint32_t hf_strict_rows(const char *type)
{
    uint32_t rows = 0;
    for (size_t i = 0; i < sizeof STRICT / sizeof STRICT[0]; i++) {
        rows |= is_of(type, STRICT[i].group, STRICT[i].kind) ? UINT32_C(1) << i : 0;
    }
    return rows;
}

enum strictness hf_strictness(uint32_t rows, struct hf_slice key)
{
    for (size_t i = 0; rows && i < sizeof STRICT / sizeof STRICT[0]; i++) {
        if ((rows & (UINT32_C(1) << i)) && (STRICT[i].keys[0] == '*' || has_word(STRICT[i].keys, key))) {
            return STRICT[i].strictness;
        }
    }
    return STRICT_NOT;
}

/* What opens when it is true, and what opens when it is false or 0. */
bool hf_is_loose(struct hf_slice key, const struct hf_value *value)
{
    static const char OPENS[] =
        " hostNetwork hostPID hostIPC shareProcessNamespace privileged allowPrivilegeEscalation hostProcess ";
    if (value->kind == HF_OBJECT) {
        for (size_t i = 0; i < value->as.object.count; i++) {
            if (hf_is_loose(value->as.object.members[i].key, &value->as.object.members[i].value)) {
                return true;
            }
        }
        return false;
    }
    if (has_word(OPENS, key)) {
        return hf_value_is_true(value);
    }
    if (hf_slice_is(key, "add")) {
        return hf_value_count(value) > 0;
    }
    if (hf_slice_is(key, "procMount") || hf_slice_is(key, "type")) {
        const char *text = hf_value_text(value);
        return text && (strcmp(text, "Unmasked") == 0 || strcmp(text, "Unconfined") == 0);
    }
    return has_word(" runAsUser runAsGroup runAsNonRoot ", key) && hf_is_zero(value);
}

/* Fields of one kind's own that are allocated, bound or generated, of any value. */
static const struct {
    const char *group;
    const char *type;
    const char *version; /* of the object they are of; NULL: any */
    const char *kind;
    const char *keys;
} ALLOCATED[] = {
    {"core", "PodSpec", "v1", "Pod", " nodeName priority priorityClassName preemptionPolicy enableServiceLinks "},
    {"core", "PodSpec", "v1", "Pod", " imagePullSecrets "},
    {"core", "ServiceAccount", NULL, NULL, " secrets imagePullSecrets "},
    {"core", "PersistentVolumeSpec", NULL, NULL, " claimRef "},
    {"core", "NodeSpec", NULL, NULL, " podCIDR podCIDRs providerID "},
    {"batch", "JobSpec", "batch/", "Job", " selector "},
};

/* Fields of later versions than the source of the known defaults, and what they come as. */
static const struct {
    const char *group;
    const char *type;
    const char *key;
    const char *value; /* as JSON */
} LATER[] = {
    {"core", "ServiceSpec", "internalTrafficPolicy", "\"Cluster\""},
    {"core", "ServiceSpec", "allocateLoadBalancerNodePorts", "true"},
    {"batch", "JobSpec", "completionMode", "\"NonIndexed\""},
    {"batch", "JobSpec", "podReplacementPolicy", "\"TerminatingOrFailed\""},
    {"apps", "StatefulSetSpec", "persistentVolumeClaimRetentionPolicy",
     "{\"whenDeleted\":\"Retain\",\"whenScaled\":\"Retain\"}"},
};

static bool is_later_default(const struct hf_type *type, struct hf_slice key, const struct hf_value *live)
{
    for (size_t i = 0; i < sizeof LATER / sizeof LATER[0]; i++) {
        if (hf_slice_is(key, LATER[i].key) && is_of(type->name, LATER[i].group, LATER[i].type)) {
            hf_auto_buf struct hf_buf text = {0};
            hf_json_write(&text, live);
            return strcmp(hf_buf_text(&text), LATER[i].value) == 0;
        }
    }
    return false;
}

static bool is_same_text(const struct hf_value *a, const struct hf_value *b)
{
    return a && b && a->kind == HF_STRING && hf_value_equal(a, b);
}

/* The default one for a taint of a node that does not answer. */
static bool is_default_toleration(const struct hf_value *item)
{
    const char *key = hf_value_text(hf_value_get(item, "key"));
    const char *effect = hf_value_text(hf_value_get(item, "effect"));
    return key && effect && strcmp(effect, "NoExecute") == 0 &&
           (strcmp(key, "node.kubernetes.io/not-ready") == 0 || strcmp(key, "node.kubernetes.io/unreachable") == 0);
}

static bool are_default_tolerations(const struct hf_value *list)
{
    for (size_t i = 0; i < hf_value_count(list); i++) {
        if (!is_default_toleration(hf_value_at(list, i))) {
            return false;
        }
    }
    return true;
}

bool hf_is_allocated(const struct walk *walk, const struct hf_type *type, struct hf_slice key,
                     const struct hf_value *desired, const struct hf_value *live_holder, const struct hf_value *live)
{
    if (!type || !type->is_built_in) {
        return false;
    }
    for (size_t i = 0; i < sizeof ALLOCATED / sizeof ALLOCATED[0]; i++) {
        if (has_word(ALLOCATED[i].keys, key) && is_of(type->name, ALLOCATED[i].group, ALLOCATED[i].type) &&
            (!ALLOCATED[i].kind || is_kind(walk, ALLOCATED[i].version, ALLOCATED[i].kind))) {
            return true;
        }
    }
    if (is_later_default(type, key, live)) {
        return true;
    }
    if (is_of(type->name, "core", "PodSpec")) {
        bool is_pod = is_kind(walk, "v1", "Pod");
        if (hf_slice_is(key, "serviceAccount")) {
            const struct hf_value *name = hf_value_get(desired, "serviceAccountName");
            return is_same_text(live, name ? name : is_pod ? hf_value_get(live_holder, "serviceAccountName") : NULL);
        }
        if (hf_slice_is(key, "serviceAccountName")) {
            const char *text = hf_value_text(live);
            return is_same_text(live, hf_value_get(desired, "serviceAccount")) ||
                   (is_pod && text && strcmp(text, "default") == 0);
        }
        return is_pod && hf_slice_is(key, "tolerations") && are_default_tolerations(live);
    }
    return is_of(type->name, "core", "PersistentVolumeClaimSpec") &&
           ((hf_slice_is(key, "dataSource") && hf_value_get(desired, "dataSourceRef")) ||
            (hf_slice_is(key, "dataSourceRef") && hf_value_get(desired, "dataSource")));
}

#define TOKEN_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

/* Nothing but a token, the cluster's CA and the namespace. */
static bool is_token_source(const struct hf_value *source)
{
    const char *map = hf_value_text(hf_value_path(source, "configMap", "name", NULL));
    return hf_value_count(source) == 1 &&
           (hf_value_get(source, "serviceAccountToken") || hf_value_get(source, "downwardAPI") ||
            (map && (strcmp(map, "kube-root-ca.crt") == 0 || strcmp(map, "openshift-service-ca.crt") == 0)));
}

static bool is_token_volume(const struct hf_value *volume)
{
    const char *name = hf_value_text(hf_value_get(volume, "name"));
    const char *secret = hf_value_text(hf_value_path(volume, "secret", "secretName", NULL));
    const struct hf_value *sources = hf_value_path(volume, "projected", "sources", NULL);
    if (!name || hf_value_count(volume) != 2) {
        return false;
    }
    if (secret) {
        return strcmp(secret, name) == 0 && strstr(name, "-token-") != NULL;
    }
    for (size_t i = 0; i < hf_value_count(sources); i++) {
        if (!is_token_source(hf_value_at(sources, i))) {
            return false;
        }
    }
    return strncmp(name, "kube-api-access-", 16) == 0 && hf_value_count(sources) > 0;
}

bool hf_is_injected_item(const struct walk *walk, const struct hf_type *type, const struct hf_value *item)
{
    const char *path = hf_value_text(hf_value_get(item, "mountPath"));
    if (!type || !type->is_built_in || !is_kind(walk, "v1", "Pod")) {
        return false;
    }
    if (is_of(type->name, "core", "VolumeMount")) {
        return path && strcmp(path, TOKEN_FOLDER) == 0 && hf_value_is_true(hf_value_get(item, "readOnly"));
    }
    return is_of(type->name, "core", "Volume") && is_token_volume(item);
}

bool hf_is_injected_entry(const struct walk *walk, struct hf_slice map, struct hf_slice key)
{
    const char *secret = walk->is_secret ? hf_value_text(hf_value_get(walk->unit, "type")) : NULL;
    if (hf_slice_is(map, "labels")) {
        return has_word(" controller-uid job-name batch.kubernetes.io/controller-uid batch.kubernetes.io/job-name ",
                        key) &&
               is_kind(walk, "batch/", "Job");
    }
    if (hf_slice_is(map, "annotations")) {
        return hf_slice_is(key, "kubernetes.io/service-account.uid") && walk->is_secret;
    }
    return secret && strcmp(secret, "kubernetes.io/service-account-token") == 0 &&
           has_word(" token ca.crt namespace service-ca.crt ", key);
}

/* Whether the unit tolerates that taint by itself, so that admission adds nothing for it
 * (plugin/pkg/admission/defaulttolerationseconds). */
static bool tolerates(const struct hf_value *unit, const struct hf_value *added)
{
    for (size_t i = 0; i < hf_value_count(unit); i++) {
        const struct hf_value *key = hf_value_get(hf_value_at(unit, i), "key");
        const struct hf_value *effect = hf_value_get(hf_value_at(unit, i), "effect");
        bool is_key = !key || hf_is_zero(key) || hf_value_equal(key, hf_value_get(added, "key"));
        if (is_key && (!effect || hf_is_zero(effect) || hf_value_equal(effect, hf_value_get(added, "effect")))) {
            return true;
        }
    }
    return false;
}

size_t hf_injected_tail(const struct walk *walk, const struct hf_type *list, const struct hf_value *desired,
                        const struct hf_value *live)
{
    size_t wanted = desired->as.array.count;
    bool are_tolerations = list && list->element && list->element->is_built_in &&
                           is_of(list->element->name, "core", "Toleration") && is_kind(walk, "v1", "Pod");
    if (!are_tolerations || live->as.array.count <= wanted) {
        return 0;
    }
    for (size_t i = wanted; i < live->as.array.count; i++) {
        const struct hf_value *item = &live->as.array.items[i];
        if (!is_default_toleration(item) || tolerates(desired, item)) {
            return 0;
        }
    }
    return live->as.array.count - wanted;
}

bool hf_are_injected_tolerations(const struct walk *walk, const struct hf_value *live)
{
    return is_kind(walk, "v1", "Pod") && hf_value_count(live) > 0 && are_default_tolerations(live);
}
