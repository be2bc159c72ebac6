/* The basics of a pod's spec and of a pod template. */
#include <string.h>

#include "holdfast/drift.h"
#include "write.h"

static void required(struct sim_work *work, const char *field)
{
    sim_cause(work, "FieldValueRequired", field, "Required value");
}

static void check_ports(struct sim_work *work, const char *at, const struct hf_value *container)
{
    const struct hf_value *ports = hf_value_get(container, "ports");
    const char *field;
    for (size_t i = 0; i < hf_value_count(ports); i++) {
        const struct hf_value *port = hf_value_at(ports, i);
        const char *protocol = sim_text(port, "protocol");
        int64_t number = 0;
        (void)hf_value_int(hf_value_get(port, "containerPort"), &number);
        field = sim_printf(work, "%s.ports[%zu].containerPort", at, i);
        if (number == 0) {
            required(work, field);
        } else if (number < 1 || number > 65535) {
            sim_cause(work, "FieldValueInvalid", field, "Invalid value: %lld: must be between 1 and 65535, inclusive",
                      (long long)number);
        }
        if (strcmp(protocol, "TCP") != 0 && strcmp(protocol, "UDP") != 0 && strcmp(protocol, "SCTP") != 0) {
            field = sim_printf(work, "%s.ports[%zu].protocol", at, i);
            sim_cause(work, "FieldValueNotSupported", field,
                      "Unsupported value: \"%s\": supported values: \"SCTP\", \"TCP\", \"UDP\"", protocol);
        }
    }
}

static void check_env(struct sim_work *work, const char *at, const struct hf_value *container)
{
    const struct hf_value *env = hf_value_get(container, "env");
    const char *field;
    for (size_t i = 0; i < hf_value_count(env); i++) {
        const struct hf_value *item = hf_value_at(env, i);
        if (!sim_text(item, "name")[0]) {
            field = sim_printf(work, "%s.env[%zu].name", at, i);
            required(work, field);
        }
        if (hf_value_get(item, "valueFrom") && sim_text(item, "value")[0]) {
            field = sim_printf(work, "%s.env[%zu].valueFrom", at, i);
            sim_cause(work, "FieldValueInvalid", field,
                      "Invalid value: \"\": may not be specified when `value` is not empty");
        }
    }
}

static bool has_volume(const struct hf_value *spec, const char *name)
{
    const struct hf_value *volumes = hf_value_get(spec, "volumes");
    for (size_t i = 0; i < hf_value_count(volumes); i++) {
        if (strcmp(sim_text(hf_value_at(volumes, i), "name"), name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_mounts(struct sim_work *work, const char *at, const struct hf_value *container,
                         const struct hf_value *spec)
{
    const struct hf_value *mounts = hf_value_get(container, "volumeMounts");
    const char *field;
    for (size_t i = 0; i < hf_value_count(mounts); i++) {
        const struct hf_value *mount = hf_value_at(mounts, i);
        field = sim_printf(work, "%s.volumeMounts[%zu].name", at, i);
        if (!sim_text(mount, "name")[0]) {
            required(work, field);
        } else if (!has_volume(spec, sim_text(mount, "name"))) {
            sim_cause(work, "FieldValueNotFound", field, "Not found: \"%s\"", sim_text(mount, "name"));
        }
        if (!sim_text(mount, "mountPath")[0]) {
            field = sim_printf(work, "%s.volumeMounts[%zu].mountPath", at, i);
            required(work, field);
        }
    }
}

static void check_probe(struct sim_work *work, const char *at, const struct hf_value *container, const char *name)
{
    const struct hf_value *probe = hf_value_get(container, name);
    const char *field;
    if (!probe) {
        return;
    }
    field = sim_printf(work, "%s.%s", at, name);
    if (!hf_value_get(probe, "httpGet") && !hf_value_get(probe, "exec") && !hf_value_get(probe, "tcpSocket")) {
        sim_cause(work, "FieldValueRequired", field, "Required value: must specify a handler type");
    }
    int64_t threshold = 1;
    (void)hf_value_int(hf_value_get(probe, "successThreshold"), &threshold);
    if (threshold != 1 && strcmp(name, "readinessProbe") != 0) {
        field = sim_printf(work, "%s.%s.successThreshold", at, name);
        sim_cause(work, "FieldValueInvalid", field, "Invalid value: %lld: must be 1", (long long)threshold);
    }
}

static void check_resources(struct sim_work *work, const char *at, const struct hf_value *container)
{
    const struct hf_value *limits = hf_value_path(container, "resources", "limits", NULL);
    const struct hf_value *requests = hf_value_path(container, "resources", "requests", NULL);
    const char *field;
    for (size_t i = 0; i < hf_value_count(requests); i++) {
        const struct hf_member *request = &requests->as.object.members[i];
        const struct hf_value *limit = hf_value_find(limits, request->key);
        int order = 0;
        if (limit && hf_quantity_compare(request->value.as.text, limit->as.text, &order) && order > 0) {
            field = sim_printf(work, "%s.resources.requests", at);
            sim_cause(work, "FieldValueInvalid", field,
                      "Invalid value: \"%.*s\": must be less than or equal to %.*s limit",
                      HF_SLICE(request->value.as.text), HF_SLICE(request->key));
        }
    }
}

static bool is_repeated(const struct hf_value *list, size_t index, const char *key)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(sim_text(hf_value_at(list, i), key), sim_text(hf_value_at(list, index), key)) == 0) {
            return true;
        }
    }
    return false;
}

static void check_container(struct sim_work *work, const char *at, const struct hf_value *list, size_t index,
                            const struct hf_value *spec)
{
    const struct hf_value *container = hf_value_at(list, index);
    const char *name = sim_text(container, "name");
    const char *wrong = sim_name_wrong(name, NAME_LABEL);
    const char *field;
    field = sim_printf(work, "%s.name", at);
    if (!name[0]) {
        required(work, field);
    } else if (wrong) {
        sim_cause(work, "FieldValueInvalid", field, "Invalid value: \"%s\": %s", name, wrong);
    } else if (is_repeated(list, index, "name")) {
        sim_cause(work, "FieldValueDuplicate", field, "Duplicate value: \"%s\"", name);
    }
    if (!sim_text(container, "image")[0]) {
        field = sim_printf(work, "%s.image", at);
        required(work, field);
    }
    check_ports(work, at, container);
    check_env(work, at, container);
    check_mounts(work, at, container, spec);
    check_probe(work, at, container, "livenessProbe");
    check_probe(work, at, container, "readinessProbe");
    check_probe(work, at, container, "startupProbe");
    check_resources(work, at, container);
}

void sim_validate_pod_spec(struct sim_work *work, const char *at, const struct hf_value *spec)
{
    static const char *const LISTS[] = {"containers", "initContainers"};
    const char *field;
    for (size_t list = 0; list < 2; list++) {
        const struct hf_value *containers = hf_value_get(spec, LISTS[list]);
        if (list == 0 && hf_value_count(containers) == 0) {
            field = sim_printf(work, "%s.containers", at);
            required(work, field);
        }
        for (size_t i = 0; i < hf_value_count(containers); i++) {
            field = sim_printf(work, "%s.%s[%zu]", at, LISTS[list], i);
            check_container(work, field, containers, i, spec);
        }
    }
    const struct hf_value *volumes = hf_value_get(spec, "volumes");
    for (size_t i = 0; i < hf_value_count(volumes); i++) {
        field = sim_printf(work, "%s.volumes[%zu].name", at, i);
        if (!sim_text(hf_value_at(volumes, i), "name")[0]) {
            required(work, field);
        } else if (is_repeated(volumes, i, "name")) {
            sim_cause(work, "FieldValueDuplicate", field, "Duplicate value: \"%s\"",
                      sim_text(hf_value_at(volumes, i), "name"));
        }
    }
}

/* always: the controller starts its pods again for ever. */
void sim_validate_template(struct sim_work *work, const char *at, const struct hf_value *template, bool always)
{
    const struct hf_value *spec = hf_value_get(template, "spec");
    const char *field;
    field = sim_printf(work, "%s.spec", at);
    sim_validate_pod_spec(work, field, spec);
    const char *policy = sim_text(spec, "restartPolicy");
    field = sim_printf(work, "%s.spec.restartPolicy", at);
    if (always && policy[0] && strcmp(policy, "Always") != 0) {
        sim_cause(work, "FieldValueNotSupported", field, "Unsupported value: \"%s\": supported values: \"Always\"",
                  policy);
    } else if (!always && strcmp(policy, "Always") == 0) {
        sim_cause(work, "FieldValueNotSupported", field,
                  "Unsupported value: \"Always\": supported values: \"OnFailure\", \"Never\"");
    }
}
