/* The basics of each kind: what is required, what may not change. Words and fields as in Kubernetes 1.20,
 * pkg/apis/.../validation. */
#include <ctype.h>
#include <string.h>

#include "write.h"

static const struct hf_value *spec_of(const struct hf_value *object)
{
    return hf_value_get(object, "spec");
}

static bool is_same(const struct hf_value *a, const struct hf_value *b)
{
    return a && b ? hf_value_equal(a, b) : a == b;
}

static enum sim_name_rule rule_of(const struct sim_kind *kind)
{
    if (strcmp(kind->kind, "Service") == 0) {
        return NAME_LABEL_1035;
    }
    if (strcmp(kind->kind, "Namespace") == 0) {
        return NAME_LABEL;
    }
    return strcmp(kind->group, "rbac.authorization.k8s.io") == 0 ? NAME_SEGMENT : NAME_SUBDOMAIN;
}

/* A label's value, or the name of its key: letters, digits, -_. between letters or digits. */
static bool is_label_value(struct hf_slice text)
{
    if (text.len == 0) {
        return true;
    }
    if (text.len > 63 || !isalnum((unsigned char)text.ptr[0]) || !isalnum((unsigned char)text.ptr[text.len - 1])) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!isalnum((unsigned char)text.ptr[i]) && !strchr("-_.", text.ptr[i])) {
            return false;
        }
    }
    return true;
}

static void check_labels(struct sim_work *work, const char *at, const struct hf_value *labels)
{
    for (size_t i = 0; i < hf_value_count(labels); i++) {
        const struct hf_member *label = &labels->as.object.members[i];
        const char *slash = memchr(label->key.ptr, '/', label->key.len);
        size_t skip = slash ? (size_t)(slash - label->key.ptr) + 1 : 0;
        struct hf_slice name = {label->key.ptr + skip, label->key.len - skip};
        if (name.len == 0 || !is_label_value(name)) {
            sim_cause(
                work, "FieldValueInvalid", at,
                "Invalid value: \"%.*s\": name part must consist of alphanumeric characters, '-', '_' or '.', and "
                "must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
                "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
                HF_SLICE(label->key));
        }
        if (label->value.kind == HF_STRING && !is_label_value(label->value.as.text)) {
            sim_cause(work, "FieldValueInvalid", at,
                      label->value.as.text.len > 63
                          ? "Invalid value: \"%.*s\": must be no more than 63 characters"
                          : "Invalid value: \"%.*s\": a valid label must be an empty string or consist of alphanumeric "
                            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
                            "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
                            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
                      HF_SLICE(label->value.as.text));
        }
    }
}

static void check_metadata(struct sim_work *work, const struct sim_kind *kind, const struct hf_value *fresh)
{
    const struct hf_value *metadata = hf_value_get(fresh, "metadata");
    const char *name = sim_text(metadata, "name");
    const char *wrong = name[0] ? sim_name_wrong(name, rule_of(kind)) : NULL;
    if (!name[0]) {
        sim_cause(work, "FieldValueRequired", "metadata.name", "Required value: name or generateName is required");
    } else if (wrong) {
        sim_cause(work, "FieldValueInvalid", "metadata.name", "Invalid value: \"%s\": %s", name, wrong);
    }
    check_labels(work, "metadata.labels", hf_value_get(metadata, "labels"));
}

/* A selector as Go prints the struct. */
static const char *go_selector(struct sim_work *work, const struct hf_value *selector)
{
    const struct hf_value *labels = hf_value_get(selector, "matchLabels");
    const char *json = labels ? sim_json(work->arena, labels) : NULL;
    char *text = hf_arena_printf(work->arena,
                                 "v1.LabelSelector{MatchLabels:map[string]string%s, "
                                 "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}",
                                 json ? json : "(nil)");
    return text ? text : "";
}

static void immutable(struct sim_work *work, const char *field, const struct hf_value *value)
{
    const char *json = value ? sim_json(work->arena, value) : NULL;
    sim_cause(work, "FieldValueInvalid", field, "Invalid value: %s: field is immutable", json ? json : "null");
}

static void keep(struct sim_work *work, const char *field, const struct hf_value *fresh, const struct hf_value *live)
{
    if (!is_same(fresh, live)) {
        immutable(work, field, fresh);
    }
}

static bool selects(const struct hf_value *selector, const struct hf_value *labels)
{
    const struct hf_value *wanted = hf_value_get(selector, "matchLabels");
    for (size_t i = 0; i < hf_value_count(wanted); i++) {
        const struct hf_member *member = &wanted->as.object.members[i];
        const struct hf_value *label = hf_value_find(labels, member->key);
        if (!label || !hf_value_equal(label, &member->value)) {
            return false;
        }
    }
    return true;
}

/* map[string]string{"a":"b"}, as Go prints it. */
static const char *go_map(struct sim_work *work, const struct hf_value *map)
{
    const char *json = map ? sim_json(work->arena, map) : NULL;
    char *text = json ? hf_arena_printf(work->arena, "map[string]string%s", json) : NULL;
    return text ? text : "map[string]string(nil)";
}

static void check_replicas(struct sim_work *work, const struct hf_value *spec)
{
    int64_t replicas = 0;
    if (hf_value_int(hf_value_get(spec, "replicas"), &replicas) && replicas < 0) {
        sim_cause(work, "FieldValueInvalid", "spec.replicas", "Invalid value: %lld: must be greater than or equal to 0",
                  (long long)replicas);
    }
}

/* Selector and labels, which all workloads have. */
static void check_selector(struct sim_work *work, const struct hf_value *fresh)
{
    const struct hf_value *spec = spec_of(fresh);
    const struct hf_value *selector = hf_value_get(spec, "selector");
    const struct hf_value *labels = hf_value_path(spec, "template", "metadata", "labels", NULL);
    check_replicas(work, spec);
    bool none = sim_is_empty(selector);
    if (none) {
        sim_cause(work, "FieldValueRequired", "spec.selector", "Required value");
    }
    if (none ? !labels : !selects(selector, labels)) {
        sim_cause(work, "FieldValueInvalid", "spec.template.metadata.labels",
                  "Invalid value: %s: `selector` does not match template `labels`", go_map(work, labels));
    }
}

static void check_workload(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    check_selector(work, fresh);
    sim_validate_template(work, "spec.template", hf_value_get(spec_of(fresh), "template"), true);
    const struct hf_value *selector = hf_value_get(spec_of(fresh), "selector");
    if (live && !is_same(selector, hf_value_get(spec_of(live), "selector"))) {
        sim_cause(work, "FieldValueInvalid", "spec.selector", "Invalid value: %s: field is immutable",
                  go_selector(work, selector));
    }
}

/* Of a StatefulSet's spec only three fields may change. Its pods are not looked at before they are made: their mounts
 * may be of claims (ValidatePodTemplateSpecForStatefulSet, pkg/apis/apps/validation). */
static void check_stateful_set(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    const struct hf_value *spec = spec_of(fresh);
    check_selector(work, fresh);
    for (size_t i = 0; live && i < hf_value_count(spec); i++) {
        const struct hf_member *member = &spec->as.object.members[i];
        if (!hf_slice_is(member->key, "replicas") && !hf_slice_is(member->key, "template") &&
            !hf_slice_is(member->key, "updateStrategy") &&
            !is_same(&member->value, hf_value_find(spec_of(live), member->key))) {
            sim_cause(work, "FieldValueForbidden", "spec",
                      "Forbidden: updates to statefulset spec for fields other than 'replicas', 'template', and "
                      "'updateStrategy' are forbidden");
            return;
        }
    }
}

static void check_service_ports(struct sim_work *work, const struct hf_value *ports)
{
    const char *field;
    size_t count = hf_value_count(ports);
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *port = hf_value_at(ports, i);
        int64_t number = 0;
        (void)hf_value_int(hf_value_get(port, "port"), &number);
        if (count > 1 && !sim_text(port, "name")[0]) {
            field = sim_printf(work, "spec.ports[%zu].name", i);
            sim_cause(work, "FieldValueRequired", field, "Required value");
        }
        if (number < 1 || number > 65535) {
            field = sim_printf(work, "spec.ports[%zu].port", i);
            sim_cause(work, "FieldValueInvalid", field, "Invalid value: %lld: must be between 1 and 65535, inclusive",
                      (long long)number);
        }
        for (size_t j = 0; j < i; j++) {
            const struct hf_value *other = hf_value_at(ports, j);
            if (is_same(hf_value_get(other, "port"), hf_value_get(port, "port")) &&
                strcmp(sim_text(other, "protocol"), sim_text(port, "protocol")) == 0) {
                field = sim_printf(work, "spec.ports[%zu]", i);
                sim_cause(work, "FieldValueDuplicate", field,
                          "Duplicate value: core.ServicePort{Port:%lld, Protocol:\"%s\"}", (long long)number,
                          sim_text(port, "protocol"));
            }
        }
    }
}

static void check_service(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    const struct hf_value *spec = spec_of(fresh);
    const char *type = sim_text(spec, "type"), *address = sim_text(spec, "clusterIP");
    bool external = strcmp(type, "ExternalName") == 0;
    if (!external && strcmp(address, "None") != 0 && hf_value_count(hf_value_get(spec, "ports")) == 0) {
        sim_cause(work, "FieldValueRequired", "spec.ports", "Required value");
    }
    if (!external && strcmp(type, "ClusterIP") != 0 && strcmp(type, "NodePort") != 0 &&
        strcmp(type, "LoadBalancer") != 0) {
        sim_cause(work, "FieldValueNotSupported", "spec.type",
                  "Unsupported value: \"%s\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", "
                  "\"NodePort\"",
                  type);
    }
    check_service_ports(work, hf_value_get(spec, "ports"));
    const char *before = live ? sim_text(spec_of(live), "clusterIP") : "";
    if (before[0] && !external && !address[0]) {
        sim_cause(work, "FieldValueInvalid", "spec.clusterIPs[0]",
                  "Invalid value: []string(nil): primary clusterIP can not be unset");
    } else if (before[0] && !external && strcmp(before, address) != 0) {
        sim_cause(work, "FieldValueInvalid", "spec.clusterIPs[0]",
                  "Invalid value: []string{\"%s\"}: may not change once set", address);
    }
}

static void check_ingress_paths(struct sim_work *work, size_t rule, const struct hf_value *paths)
{
    const char *field;
    for (size_t i = 0; i < hf_value_count(paths); i++) {
        const struct hf_value *path = hf_value_at(paths, i);
        const char *type = sim_text(path, "pathType"), *text = sim_text(path, "path");
        field = sim_printf(work, "spec.rules[%zu].http.paths[%zu].pathType", rule, i);
        if (!type[0]) {
            sim_cause(work, "FieldValueRequired", field, "Required value: pathType must be specified");
        } else if (strcmp(type, "Exact") != 0 && strcmp(type, "Prefix") != 0 &&
                   strcmp(type, "ImplementationSpecific") != 0) {
            sim_cause(work, "FieldValueNotSupported", field,
                      "Unsupported value: \"%s\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\"",
                      type);
        } else if (strcmp(type, "ImplementationSpecific") != 0 && text[0] != '/') {
            field = sim_printf(work, "spec.rules[%zu].http.paths[%zu].path", rule, i);
            sim_cause(work, "FieldValueInvalid", field, "Invalid value: \"%s\": must be an absolute path", text);
        }
    }
}

static void check_ingress(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    const struct hf_value *rules = hf_value_get(spec_of(fresh), "rules");
    (void)live;
    if (hf_value_count(rules) == 0 && !hf_value_get(spec_of(fresh), "defaultBackend")) {
        sim_cause(work, "FieldValueInvalid", "spec",
                  "Invalid value: []networking.IngressRule(nil): either `defaultBackend` or `rules` must be specified");
    }
    for (size_t i = 0; i < hf_value_count(rules); i++) {
        check_ingress_paths(work, i, hf_value_path(hf_value_at(rules, i), "http", "paths", NULL));
    }
}

static void check_job(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    sim_validate_template(work, "spec.template", hf_value_get(spec_of(fresh), "template"), false);
    if (live) {
        keep(work, "spec.selector", hf_value_get(spec_of(fresh), "selector"), hf_value_get(spec_of(live), "selector"));
        keep(work, "spec.template", hf_value_get(spec_of(fresh), "template"), hf_value_get(spec_of(live), "template"));
        keep(work, "spec.completions", hf_value_get(spec_of(fresh), "completions"),
             hf_value_get(spec_of(live), "completions"));
    }
}

static void check_cron_job(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    (void)live;
    if (!sim_text(spec_of(fresh), "schedule")[0]) {
        sim_cause(work, "FieldValueRequired", "spec.schedule", "Required value");
    }
    sim_validate_template(work, "spec.jobTemplate.spec.template",
                          hf_value_path(spec_of(fresh), "jobTemplate", "spec", "template", NULL), false);
}

static void check_pod(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    (void)live;
    sim_validate_pod_spec(work, "spec", spec_of(fresh));
}

static void check_claim(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    if (hf_value_count(hf_value_get(spec_of(fresh), "accessModes")) == 0) {
        sim_cause(work, "FieldValueRequired", "spec.accessModes", "Required value: at least 1 access mode is required");
    }
    if (!hf_value_path(fresh, "spec", "resources", "requests", "storage", NULL)) {
        sim_cause(work, "FieldValueRequired", "spec.resources[storage]", "Required value");
    }
    if (live && !is_same(spec_of(fresh), spec_of(live))) {
        sim_cause(work, "FieldValueForbidden", "spec",
                  "Forbidden: spec is immutable after creation except resources.requests for bound claims");
    }
}

static void check_secret(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    if (live && strcmp(sim_text(fresh, "type"), sim_text(live, "type")) != 0) {
        sim_cause(work, "FieldValueInvalid", "type", "Invalid value: \"%s\": field is immutable",
                  sim_text(fresh, "type"));
    }
    if (live && hf_value_is_true(hf_value_get(live, "immutable")) &&
        !is_same(hf_value_get(fresh, "data"), hf_value_get(live, "data"))) {
        sim_cause(work, "FieldValueForbidden", "data", "Forbidden: field is immutable when `immutable` is set");
    }
}

static void check_config_map(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    if (live && hf_value_is_true(hf_value_get(live, "immutable")) &&
        !is_same(hf_value_get(fresh, "data"), hf_value_get(live, "data"))) {
        sim_cause(work, "FieldValueForbidden", "data", "Forbidden: field is immutable when `immutable` is set");
    }
}

static void check_binding(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    if (live && !is_same(hf_value_get(fresh, "roleRef"), hf_value_get(live, "roleRef"))) {
        const char *json = sim_json(work->arena, hf_value_get(fresh, "roleRef"));
        sim_cause(work, "FieldValueInvalid", "roleRef", "Invalid value: %s: cannot change roleRef", json ? json : "");
    }
}

static void check_definition(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live)
{
    const struct hf_value *spec = spec_of(fresh);
    const char *name = sim_text(hf_value_get(fresh, "metadata"), "name");
    (void)live;
    const char *wanted =
        sim_printf(work, "%s.%s", sim_text(hf_value_get(spec, "names"), "plural"), sim_text(spec, "group"));
    if (strcmp(name, wanted) != 0) {
        sim_cause(work, "FieldValueInvalid", "metadata.name",
                  "Invalid value: \"%s\": must be spec.names.plural+\".\"+spec.group", name);
    }
    if (hf_value_count(hf_value_get(spec, "versions")) == 0) {
        sim_cause(work, "FieldValueRequired", "spec.versions", "Required value: must have at least one version");
    }
}

static const struct {
    const char *kind;
    void (*check)(struct sim_work *work, const struct hf_value *fresh, const struct hf_value *live);
} CHECKS[] = {
    {"Deployment", check_workload},
    {"ReplicaSet", check_workload},
    {"DaemonSet", check_workload},
    {"StatefulSet", check_stateful_set},
    {"Service", check_service},
    {"Ingress", check_ingress},
    {"Job", check_job},
    {"CronJob", check_cron_job},
    {"Pod", check_pod},
    {"PersistentVolumeClaim", check_claim},
    {"Secret", check_secret},
    {"ConfigMap", check_config_map},
    {"RoleBinding", check_binding},
    {"ClusterRoleBinding", check_binding},
    {"CustomResourceDefinition", check_definition},
};

void sim_validate(struct sim_work *work, const struct sim_kind *kind, const struct hf_value *fresh,
                  const struct hf_value *live)
{
    check_metadata(work, kind, fresh);
    for (size_t i = 0; !kind->type->custom && i < sizeof CHECKS / sizeof CHECKS[0]; i++) {
        if (strcmp(CHECKS[i].kind, kind->kind) == 0) {
            CHECKS[i].check(work, fresh, live);
        }
    }
}
