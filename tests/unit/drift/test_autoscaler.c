/* What an autoscaler may have set. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "holdfast/autoscaler.h"
#include "holdfast/mem.h"
#include "holdfast/yaml.h"

static const struct hf_value *read_yaml(struct hf_arena *arena, const char *yaml)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents;
    size_t count;
    cr_assert_eq(hf_yaml_read(arena, yaml, strlen(yaml), NULL, &documents, &count, &err), 0, "%s", err.text);
    return documents[0].value;
}

struct row {
    char scaler[400];
    char live[300];
    char path[120];
    bool owns;
};

#define HPA(BOUNDS)                                                                                                    \
    "metadata: {name: s, namespace: dev}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "       \
    "web}, " BOUNDS "}\n"
#define VPA(POLICY)                                                                                                    \
    "metadata: {name: s, namespace: dev}\nspec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, "      \
    "resourcePolicy: {containerPolicies: [" POLICY "]}}\n"
#define CPU "/spec/template/spec/containers/0/resources/requests/cpu"
#define POD(CPUS)                                                                                                      \
    "spec: {replicas: 3, template: {spec: {containers: [{name: app, resources: {requests: {cpu: " CPUS "}}}]}}}\n"

ParameterizedTestParameters(autoscaler, it_owns_what_lies_within_its_bounds)
{
    static struct row rows[] = {
        {HPA("minReplicas: 2, maxReplicas: 6"), "spec: {replicas: 2}\n", "/spec/replicas", true},
        {HPA("minReplicas: 2, maxReplicas: 6"), "spec: {replicas: 6}\n", "/spec/replicas", true},
        {HPA("minReplicas: 2, maxReplicas: 6"), "spec: {replicas: 7}\n", "/spec/replicas", false},
        {HPA("minReplicas: 2, maxReplicas: 6"), "spec: {replicas: 1}\n", "/spec/replicas", false},
        {HPA("maxReplicas: 6"), "spec: {replicas: 1}\n", "/spec/replicas", true},
        {HPA("maxReplicas: 6"), "spec: {replicas: 0}\n", "/spec/replicas", false},
        {HPA("minReplicas: 0, maxReplicas: 6"), "spec: {replicas: 0}\n", "/spec/replicas", true},
        {HPA("maxReplicas: 6"), "spec: {}\n", "/spec/replicas", false},
        {HPA("maxReplicas: 6"), "spec: {replicas: 3, paused: true}\n", "/spec/paused", false},
        {HPA("maxReplicas: 6"), POD("1"), CPU, false},
        {VPA(""), POD("1"), CPU, true},
        {VPA("{containerName: app, minAllowed: {cpu: 100m}, maxAllowed: {cpu: 2}}"), POD("1500m"), CPU, true},
        {VPA("{containerName: app, minAllowed: {cpu: 100m}, maxAllowed: {cpu: 2}}"), POD("2001m"), CPU, false},
        {VPA("{containerName: app, minAllowed: {cpu: 100m}, maxAllowed: {cpu: 2}}"), POD("99m"), CPU, false},
        {VPA("{containerName: '*', maxAllowed: {cpu: 2}}, {containerName: app, mode: 'Off'}"), POD("1"), CPU, false},
        {VPA("{containerName: '*', maxAllowed: {cpu: 2}}"), POD("3"), CPU, false},
        {VPA(""), POD("1"), "/spec/replicas", false},
        {VPA(""), POD("1"), "/spec/template/spec/containers/0/resources", false},
        {VPA(""), POD("1"), "/spec/template/spec/containers/7/resources/requests/cpu", false},
    };
    return cr_make_param_array(struct row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(struct row *row, autoscaler, it_owns_what_lies_within_its_bounds)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_autoscaler *autoscaler;
    bool is_vertical = strstr(row->scaler, "targetRef") != NULL;
    cr_assert_eq(hf_autoscaler_read(read_yaml(arena, row->scaler), is_vertical, &autoscaler, &err), 0);
    cr_assert(hf_autoscaler_targets(autoscaler, "apps", "Deployment", "dev", "web"));
    cr_assert_not(hf_autoscaler_targets(autoscaler, "apps", "Deployment", "prod", "web"));
    cr_assert_not(hf_autoscaler_targets(autoscaler, "apps", "StatefulSet", "dev", "web"));
    cr_expect_eq(hf_autoscaler_owns(autoscaler, read_yaml(arena, row->live), row->path), row->owns, "%s%s%s",
                 row->scaler, row->live, row->path);
    hf_autoscaler_free(autoscaler);
}

Test(autoscaler, one_that_only_recommends_owns_nothing)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_autoscaler *autoscaler;
    cr_assert_eq(hf_autoscaler_read(read_yaml(arena, "metadata: {name: s, namespace: dev}\nspec: {targetRef: {kind: "
                                                     "Deployment, name: web}, updatePolicy: {updateMode: 'Off'}}\n"),
                                    true, &autoscaler, &err),
                 0);
    cr_assert_null(autoscaler);
}

Test(autoscaler, one_without_a_spec_is_read_and_targets_nothing)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_autoscaler *autoscaler;
    cr_assert_eq(hf_autoscaler_read(read_yaml(arena, "spec: 7\n"), false, &autoscaler, &err), 0);
    cr_assert_not(hf_autoscaler_targets(autoscaler, "apps", "Deployment", "dev", "web"));
    hf_autoscaler_free(autoscaler);
}
