/* Types from OpenAPI v2. */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"

static const char SCHEMA[] =
    "{\"definitions\":{"
    "\"com.example.v1.Widget\":{\"type\":\"object\",\"x-kubernetes-group-version-kind\":[{\"group\":\"example.com\","
    "\"version\":\"v1\","
    "\"kind\":\"Widget\"}],\"properties\":{"
    "\"self\":{\"$ref\":\"#/definitions/com.example.v1.Widget\"},"
    "\"keyed\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":[\"a\",\"b\"],"
    "\"items\":{\"type\":\"object\","
    "\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\",\"default\":\"x\"},\"c\":{\"type\":"
    "\"integer\"}}}},"
    "\"set\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":\"string\"}},"
    "\"merged\":{\"type\":\"array\",\"x-kubernetes-patch-strategy\":\"merge\",\"x-kubernetes-patch-merge-key\":"
    "\"name\",\"items\":{\"type\":"
    "\"object\"}},"
    "\"whole\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"atom\":{\"type\":\"object\",\"x-kubernetes-map-type\":\"atomic\",\"additionalProperties\":{\"type\":\"string\"}}"
    ","
    "\"port\":{\"x-kubernetes-int-or-string\":true},"
    "\"free\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true},"
    "\"lost\":{\"$ref\":\"#/definitions/none\"},"
    "\"quantity\":{\"type\":\"string\"}}}}}";

static struct hf_types *read_schema(void)
{
    struct hf_types *types = NULL;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_types_from_openapi_v2(SCHEMA, sizeof SCHEMA - 1, &types, &err), 0, "%s", err.text);
    return types;
}

static const struct hf_type *field_type(const struct hf_type *type, const char *name)
{
    const struct hf_field *field = hf_type_field(type, hf_slice_of(name));
    cr_assert_not_null(field, "%s", name);
    return field->type;
}

Test(types, lists_and_maps_keep_what_the_schema_says_of_them)
{
    struct hf_types *types = read_schema();
    const struct hf_type *widget = hf_types_find(types, "example.com", "v1", "Widget");
    cr_assert_not_null(widget);
    cr_assert_eq(field_type(widget, "self"), widget, "a reference to itself is itself");
    cr_assert_eq(field_type(widget, "keyed")->list_type, HF_LIST_MAP);
    cr_assert_eq(field_type(widget, "keyed")->list_key_count, 2u);
    cr_assert_str_eq(field_type(widget, "keyed")->list_keys[1], "b");
    cr_assert_eq(field_type(widget, "set")->list_type, HF_LIST_SET);
    cr_assert_eq(field_type(widget, "merged")->list_type, HF_LIST_MAP);
    cr_assert(field_type(widget, "merged")->list_by_merge_key);
    cr_assert_eq(field_type(widget, "whole")->list_type, HF_LIST_ATOMIC);
    cr_assert(field_type(widget, "atom")->atomic);
    cr_assert_eq(field_type(widget, "port")->kind, HF_TYPE_INT_OR_STRING);
    cr_assert_eq(field_type(widget, "free")->kind, HF_TYPE_UNKNOWN);
    cr_assert_eq(field_type(widget, "lost")->kind, HF_TYPE_UNKNOWN);
    cr_assert_null(hf_types_find(types, "example.com", "v2", "Widget"));
    hf_types_free(types);
}

Test(types, a_custom_resource_keeps_zero_values_and_its_schema_s_defaults)
{
    struct hf_types *types = read_schema();
    const struct hf_type *item = field_type(hf_types_find(types, "example.com", "v1", "Widget"), "keyed")->element;
    const struct hf_field *field = hf_type_field(item, hf_slice_of("b"));
    cr_assert_eq(field->zero, HF_ZERO_KEPT);
    cr_assert_str_eq(field->default_json, "\"x\"");
    cr_assert_str_eq(hf_value_text(field->preset), "x");
    hf_types_free(types);
}

Test(types, of_a_custom_resource_any_removed_zero_is_found_and_a_quantity_is_a_string)
{
    struct fixture fixture = fixture_new();
    struct hf_types *types = read_schema();
    struct hf_error err = HF_ERROR_INIT;
    struct hf_judgement judgement;
    struct hf_drift_input input =
        fixture_input(&fixture,
                      fixture_yaml(&fixture, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, "
                                             "quantity: 1000m, set: [b, a], keyed: [{a: '1', c: 0}]}"),
                      fixture_yaml(&fixture, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, "
                                             "quantity: '1', set: [a, b, c], keyed: [{a: '1', b: x}]}"));
    input.types = types;
    cr_assert_eq(hf_drift_judge(fixture.arena, &input, &judgement, &err), 0);
    cr_assert_eq(judgement.count, 2u);
    cr_assert_str_eq(judgement.findings[0].path, "/keyed/0/c");
    cr_assert_eq(judgement.findings[0].class, HF_REMOVED);
    cr_assert_str_eq(judgement.findings[0].readable, "keyed[a=1,b=x].c");
    cr_assert_str_eq(judgement.findings[1].path, "/quantity");
    hf_types_free(types);
    fixture_free(&fixture);
}

Test(types, what_v2_leaves_out_of_a_custom_resource_raises_no_alarm)
{
    static const char JSON[] =
        "{\"definitions\":{\"com.example.v1.Widget\":{\"type\":\"object\",\"x-kubernetes-group-version-kind\":[{"
        "\"group\":\"example.com\",\"version\":\"v1\",\"kind\":\"Widget\"}],\"properties\":{\"whole\":{\"type\":"
        "\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":"
        "\"string\"}}}},\"ports\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-"
        "keys\":["
        "\"port\",\"protocol\"],\"items\":{\"type\":\"object\",\"required\":[\"port\"],\"properties\":{\"port\":{"
        "\"type\":"
        "\"integer\"},\"protocol\":{\"type\":\"string\"}}}}}}}}";
    static const char *const LIVE[] = {"{a: x, b: its default}", "{a: y, b: its default}"};
    struct fixture fixture = fixture_new();
    struct hf_types *types = NULL;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_types_from_openapi_v2(JSON, sizeof JSON - 1, &types, &err), 0, "%s", err.text);
    for (size_t i = 0; i < 2; i++) {
        struct hf_judgement judgement;
        hf_auto_buf struct hf_buf live = {0};
        hf_buf_addf(&live,
                    "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, whole: [%s], ports: [{port: 2, "
                    "protocol: TCP}, {port: 1, protocol: TCP}]}",
                    LIVE[i]);
        struct hf_drift_input input = fixture_input(
            &fixture,
            fixture_yaml(
                &fixture,
                "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, whole: [{a: x}], ports: [{port: 1}]}"),
            fixture_yaml(&fixture, hf_buf_text(&live)));
        input.types = types;
        cr_assert_eq(hf_drift_judge(fixture.arena, &input, &judgement, &err), 0);
        cr_assert_eq(judgement.count, i, "%s", LIVE[i]);
    }
    hf_types_free(types);
    fixture_free(&fixture);
}

Test(types, built_in_types_know_their_pointers_and_defaults)
{
    struct fixture fixture = fixture_new();
    const struct hf_type *spec = field_type(hf_types_find(fixture.types, "apps", "v1", "Deployment"), "spec");
    const struct hf_field *replicas = hf_type_field(spec, hf_slice_of("replicas"));
    cr_assert_eq(replicas->zero, HF_ZERO_KEPT);
    cr_assert_str_eq(replicas->preset->as.text.ptr, "1");
    cr_assert_eq(hf_type_field(spec, hf_slice_of("paused"))->zero, HF_ZERO_DROPPED);
    cr_assert_geq(hf_types_count(fixture.types), 47u);
    cr_assert_lt(hf_types_size(fixture.types), (size_t)2 << 20);
    fixture_free(&fixture);
}

Test(types, what_is_no_schema_is_refused)
{
    static const char *const TEXTS[] = {"", "{}", "[]", "{\"definitions\":[]}", "{\"definitions\":{\"a\":"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct hf_types *types = NULL;
        struct hf_error err = HF_ERROR_INIT;
        cr_assert_eq(hf_types_from_openapi_v2(TEXTS[i], strlen(TEXTS[i]), &types, &err), -1, "%s", TEXTS[i]);
        cr_assert_eq(err.code, HF_EPARSE, "%s", TEXTS[i]);
        cr_assert_null(types);
    }
}
