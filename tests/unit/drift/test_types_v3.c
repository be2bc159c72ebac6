/* Types from OpenAPI v3, in the form that servers since 1.23 give it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static struct hf_types *read_file(const char *name, const struct hf_type_want *wants, size_t count)
{
    struct hf_types *types = NULL;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf json = {0};
    hf_buf_addf(&path, HF_SOURCE_DIR "/tests/fixtures/drift/openapi-v3/%s", name);
    cr_assert_eq(hf_read_file(hf_buf_text(&path), 1u << 20, &json, &err), 0, "%s", err.text);
    cr_assert_eq(hf_types_from_openapi(json.ptr, json.len, wants, count, &types, &err), 0, "%s", err.text);
    return types;
}

static const struct hf_type *below(const struct hf_type *type, const char *path)
{
    char copy[200];
    char *rest = NULL;
    (void)snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok_r(copy, ".", &rest); key; key = strtok_r(NULL, ".", &rest)) {
        if (strcmp(key, "[]") == 0) {
            type = type->element;
            continue;
        }
        const struct hf_field *field = hf_type_field(type, hf_slice_of(key));
        cr_assert_not_null(field, "%s: no %s", path, key);
        type = field->type;
    }
    return type;
}

Test(types_v3, references_in_allOf_and_beside_their_neighbours_are_followed)
{
    struct hf_types *types = read_file("apis-apps-v1.json", NULL, 0);
    const struct hf_type *deployment = hf_types_find(types, "apps", "v1", "Deployment");
    cr_assert_not_null(deployment);
    const struct hf_type *container = below(deployment, "spec.template.spec.containers.[]");
    cr_assert_str_eq(container->name, "io.k8s.api.core.v1.Container");
    cr_assert_eq(below(container, "ports")->list_type, HF_LIST_MAP);
    cr_assert_eq(below(container, "ports")->list_key_count, 2u);
    cr_assert_eq(below(container, "command")->list_type, HF_LIST_ATOMIC);
    cr_assert_eq(below(container, "resources.limits")->element->kind, HF_TYPE_QUANTITY,
                 "by its name, for oneOf says less");
    cr_assert_eq(below(deployment, "spec.strategy.rollingUpdate.maxSurge")->kind, HF_TYPE_INT_OR_STRING);
    cr_assert(below(deployment, "spec.selector")->atomic);
    cr_assert(below(deployment, "spec.template.spec.nodeSelector")->atomic);
    cr_assert(deployment->is_built_in);
    cr_assert(deployment->prunes);
    cr_assert_null(hf_types_find(types, "apps", "v1", "DeploymentSpec"));
    hf_types_free(types);
}

Test(types_v3, a_default_that_is_zero_says_nothing_of_a_built_in_type)
{
    struct hf_types *types = read_file("apis-apps-v1.json", NULL, 0);
    const struct hf_type *port =
        below(hf_types_find(types, "apps", "v1", "Deployment"), "spec.template.spec.containers.[].ports.[]");
    cr_assert_null(hf_type_field(port, hf_slice_of("containerPort"))->preset);
    cr_assert_str_eq(hf_value_text(hf_type_field(port, hf_slice_of("protocol"))->preset), "TCP");
    cr_assert_null(hf_type_field(hf_types_find(types, "apps", "v1", "Deployment"), hf_slice_of("spec"))->default_json);
    hf_types_free(types);
}

Test(types_v3, only_the_kinds_in_use_are_kept)
{
    static const struct hf_type_want STATEFUL = {"apps", "v1", "StatefulSet"};
    static const struct hf_type_want OTHER = {"apps", "v1beta1", "Deployment"};
    struct hf_types *all = read_file("apis-apps-v1.json", NULL, 0);
    struct hf_types *one = read_file("apis-apps-v1.json", &STATEFUL, 1);
    struct hf_types *none = read_file("apis-apps-v1.json", &OTHER, 1);
    cr_assert_eq(hf_types_count(all), 2u);
    cr_assert_eq(hf_types_count(one), 1u);
    cr_assert_null(hf_types_find(one, "apps", "v1", "Deployment"));
    cr_assert_eq(below(hf_types_find(one, "apps", "v1", "StatefulSet"), "spec.replicas")->kind, HF_TYPE_INTEGER);
    cr_assert_eq(hf_types_count(none), 0u);
    hf_types_free(all);
    hf_types_free(one);
    hf_types_free(none);
}

Test(types_v3, a_custom_group_below_k8s_io_is_no_built_in_one)
{
    struct hf_types *types = read_file("apis-gateway-v1.json", NULL, 0);
    const struct hf_type *route = hf_types_find(types, "gateway.networking.k8s.io", "v1", "HTTPRoute");
    cr_assert_not_null(route);
    cr_assert_not(route->is_built_in);
    cr_assert(route->prunes, "its CRD prunes all the same");
    const struct hf_type *spec = below(route, "spec");
    cr_assert_eq(hf_type_field(spec, hf_slice_of("weight"))->zero, HF_ZERO_KEPT);
    cr_assert_str_eq(hf_type_field(spec, hf_slice_of("weight"))->default_json, "0", "its zero is a default like any");
    cr_assert(below(spec, "extra")->is_nullable);
    cr_assert(below(spec, "extra")->preserves_unknown);
    cr_assert_eq(below(spec, "port")->kind, HF_TYPE_INT_OR_STRING);
    cr_assert_str_eq(below(spec, "object.metadata")->name, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    cr_assert(below(spec, "object")->is_embedded);
    hf_types_free(types);
}

Test(types_v3, judging_by_it_sees_defaults_quantities_and_keys)
{
    struct fixture fixture = fixture_new();
    struct hf_types *types = read_file("apis-apps-v1.json", NULL, 0);
    struct hf_judgement judgement;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_drift_input input = fixture_input(
        &fixture,
        fixture_yaml(&fixture, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: "
                               "{containers: [{name: x, ports: [{containerPort: 80}], resources: {limits: {cpu: "
                               "1000m}}, env: [{name: A, value: b}]}]}}}}"),
        fixture_yaml(&fixture, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 1, "
                               "template: {spec: {containers: [{name: y}, {name: x, ports: [{containerPort: 80, "
                               "protocol: UDP}, {containerPort: 80, protocol: TCP}], resources: {limits: {cpu: '1'}}, "
                               "env: [{name: A, value: c}]}]}}}}"));
    input.types = types;
    cr_assert_eq(hf_drift_judge(fixture.arena, &input, &judgement, &err), 0);
    cr_assert_eq(judgement.count, 3u);
    cr_assert_eq(judgement.findings[0].class, HF_EXTRA_FIELD);
    cr_assert_str_eq(judgement.findings[1].readable, "spec.template.spec.containers[name=x].env[name=A].value");
    cr_assert_str_eq(judgement.findings[2].readable,
                     "spec.template.spec.containers[name=x].ports[containerPort=80,protocol=UDP]");
    hf_types_free(types);
    fixture_free(&fixture);
}

Test(types_v3, a_chain_of_references_of_any_length_takes_no_stack)
{
    enum { LENGTH = 200000 };
    hf_auto_buf struct hf_buf json = {0};
    struct hf_types *types = NULL;
    struct hf_error err = HF_ERROR_INIT;
    hf_buf_adds(&json,
                "{\"components\":{\"schemas\":{\"d0\":{\"x-kubernetes-group-version-kind\":[{\"group\":\"\","
                "\"version\":\"v1\",\"kind\":\"K\"}],\"properties\":{\"f\":{\"$ref\":\"#/components/schemas/d1\"}}}");
    for (int i = 1; i < LENGTH; i++) {
        hf_buf_addf(&json, ",\"d%d\":{\"properties\":{\"f\":{\"allOf\":[{\"$ref\":\"#/components/schemas/d%d\"}]}}}", i,
                    (i + 1) % LENGTH);
    }
    hf_buf_adds(&json, "}}}");
    cr_assert_eq(hf_types_from_openapi(json.ptr, json.len, NULL, 0, &types, &err), 0, "%s", err.text);
    const struct hf_type *type = hf_types_find(types, "", "v1", "K");
    for (int i = 0; i < LENGTH; i++) {
        type = hf_type_field(type, hf_slice_of("f"))->type;
    }
    cr_assert_eq(type, hf_types_find(types, "", "v1", "K"), "round and back");
    hf_types_free(types);
}

Test(types_v3, a_joined_table_asks_its_parts_in_order_and_outlives_them)
{
    static const struct hf_type_want DEPLOYMENT = {"apps", "v1", "Deployment"};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *built_in = NULL;
    struct hf_types *joined = NULL;
    struct hf_types *first = read_file("apis-apps-v1.json", &DEPLOYMENT, 1);
    cr_assert_eq(hf_types_built_in(NULL, 0, &built_in, &err), 0, "%s", err.text);
    const struct hf_type *wanted = hf_types_find(first, "apps", "v1", "Deployment");
    struct hf_types *parts[] = {NULL, first, built_in};
    cr_assert_eq(hf_types_join(parts, 3, &joined, &err), 0);
    hf_types_free(first);
    hf_types_free(built_in);
    cr_assert_eq(hf_types_find(joined, "apps", "v1", "Deployment"), wanted);
    cr_assert_eq(below(hf_types_find(joined, "", "v1", "ConfigMap"), "data")->kind, HF_TYPE_MAP);
    cr_assert_geq(hf_types_count(joined), 47u);
    cr_assert_gt(hf_types_size(joined), (size_t)100 << 10, "its parts' memory counts");
    struct hf_types *shared = hf_types_share(joined);
    hf_types_free(joined);
    cr_assert_not_null(hf_types_find(shared, "apps", "v1", "Deployment"));
    hf_types_free(shared);
}

Test(types_v3, what_is_no_schema_is_refused)
{
    static const char *const TEXTS[] = {"{\"components\":{}}", "{\"components\":{\"schemas\":[]}}",
                                        "{\"openapi\":\"3.0.0\",\"components\":", "{\"components\":null}"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct hf_types *types = NULL;
        struct hf_error err = HF_ERROR_INIT;
        cr_assert_eq(hf_types_from_openapi(TEXTS[i], strlen(TEXTS[i]), NULL, 0, &types, &err), -1, "%s", TEXTS[i]);
        cr_assert_eq(err.code, HF_EPARSE, "%s", TEXTS[i]);
        cr_assert_null(types);
    }
}
