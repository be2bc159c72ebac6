/* Types from a CustomResourceDefinition, and objects judged by them. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static const struct hf_value *read_crd(struct fixture *fixture)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf yaml = {0};
    cr_assert_eq(hf_read_file(HF_SOURCE_DIR "/tests/fixtures/drift/openapi-v3/crd.yaml", 1u << 20, &yaml, &err), 0,
                 "%s", err.text);
    return fixture_yaml(fixture, hf_buf_text(&yaml));
}

static struct hf_types *types_of(const struct hf_value *crd)
{
    struct hf_types *types = NULL;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_types_from_crd(crd, NULL, 0, &types, &err), 0, "%s", err.text);
    return types;
}

static const struct hf_type *spec_field(const struct hf_types *types, const char *name)
{
    const struct hf_type *widget = hf_types_find(types, "example.com", "v1", "Widget");
    cr_assert_not_null(widget);
    const struct hf_field *field = hf_type_field(hf_type_field(widget, hf_slice_of("spec"))->type, hf_slice_of(name));
    cr_assert_not_null(field, "%s", name);
    return field->type;
}

Test(types_crd, what_a_structural_schema_says_is_in_the_table)
{
    struct fixture fixture = fixture_new();
    struct hf_types *types = types_of(read_crd(&fixture));
    cr_assert_eq(hf_types_count(types), 1u, "a version that is not served is left out");
    const struct hf_type *widget = hf_types_find(types, "example.com", "v1", "Widget");
    cr_assert_str_eq(hf_type_field(widget, hf_slice_of("metadata"))->type->name,
                     "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    cr_assert(widget->prunes);
    cr_assert_eq(spec_field(types, "port")->kind, HF_TYPE_INT_OR_STRING);
    cr_assert(spec_field(types, "nothing")->is_nullable);
    cr_assert_eq(spec_field(types, "free")->kind, HF_TYPE_UNKNOWN);
    cr_assert(spec_field(types, "known")->preserves_unknown);
    cr_assert_not(spec_field(types, "known")->prunes);
    cr_assert(hf_type_field(spec_field(types, "known"), hf_slice_of("strict"))->type->prunes,
              "what is specified below is pruned all the same");
    cr_assert(spec_field(types, "empty")->prunes);
    cr_assert_eq(spec_field(types, "empty")->field_count, 0u);
    cr_assert(spec_field(types, "truths")->element->prunes);
    cr_assert_eq(spec_field(types, "texts")->element->kind, HF_TYPE_STRING);
    cr_assert_not_null(hf_type_field(spec_field(types, "template"), hf_slice_of("apiVersion")));
    cr_assert_str_eq(hf_type_field(spec_field(types, "whatever"), hf_slice_of("metadata"))->type->name,
                     "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    cr_assert_eq(spec_field(types, "set")->list_type, HF_LIST_SET);
    cr_assert_eq(spec_field(types, "keyed")->list_key_count, 2u);
    cr_assert(spec_field(types, "atom")->atomic);
    cr_assert_eq(spec_field(types, "bytes")->kind, HF_TYPE_STRING, "stored as it is written");
    cr_assert_eq(spec_field(types, "time")->kind, HF_TYPE_STRING, "stored as it is written");
    cr_assert_lt(hf_types_size(types), (size_t)64 << 10);
    hf_types_free(types);
    fixture_free(&fixture);
}

Test(types_crd, only_what_is_wanted_is_read_and_what_is_none_refused)
{
    static const struct hf_type_want OTHER = {"example.com", "v2", "Widget"};
    struct fixture fixture = fixture_new();
    struct hf_types *types = NULL;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_types_from_crd(read_crd(&fixture), &OTHER, 1, &types, &err), 0);
    cr_assert_eq(hf_types_count(types), 0u);
    hf_types_free(types);
    cr_assert_eq(hf_types_from_crd(fixture_yaml(&fixture, "{kind: Status}"), NULL, 0, &types, &err), -1);
    cr_assert_eq(err.code, HF_EPARSE);
    fixture_free(&fixture);
}

Test(types_crd, with_preserveUnknownFields_nothing_is_pruned)
{
    struct fixture fixture = fixture_new();
    struct hf_types *types = types_of(fixture_yaml(
        &fixture, "{spec: {group: example.com, preserveUnknownFields: true, names: {kind: Widget}, versions: [{name: "
                  "v1, served: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, "
                  "properties: {a: {type: string}, empty: {type: object}}}}}}}]}}"));
    cr_assert_not(hf_types_find(types, "example.com", "v1", "Widget")->prunes);
    cr_assert_eq(spec_field(types, "empty")->kind, HF_TYPE_UNKNOWN);
    hf_types_free(types);
    fixture_free(&fixture);
}

struct row {
    const char *what;
    const char *desired; /* of spec */
    const char *live;
    const char *finding; /* readable path; "": in sync */
    const char *problem; /* "": none */
};

static const struct row ROWS[] = {
    {"defaults filled in", "{}", "{replicas: 2, nothing: something, filled: {deep: here}}", "", ""},
    {"a quantity is a string", "{texts: {cpu: 1000m}}", "{texts: {cpu: '1'}}", "spec.texts.cpu", ""},
    {"int-or-string keeps its type", "{port: 80}", "{port: '80'}", "spec.port", ""},
    {"times as they are written", "{time: '2026-01-01T00:00:00+00:00'}", "{time: '2026-01-01T00:00:00Z'}", "spec.time",
     ""},
    {"bytes as they are written", "{bytes: \"YQ\\n==\"}", "{bytes: YQ==}", "spec.bytes", ""},
    {"zero is kept", "{replicas: 0}", "{replicas: 2}", "spec.replicas", ""},
    {"an unknown field is the unit's problem", "{zz: 1}", "{}", "", "spec.zz: no such field"},
    {"below an object without properties, too", "{empty: {a: 1}}", "{empty: {}}", "", "spec.empty.a: no such field"},
    {"objects of additionalProperties: true are emptied", "{truths: {a: {x: 1}, b: 1}}", "{truths: {a: {}, b: 1}}", "",
     "spec.truths.a.x: no such field"},
    {"its scalars are kept", "{truths: {b: 1}}", "{truths: {b: 2}}", "spec.truths.b", ""},
    {"unknown fields that are preserved count", "{free: {a: {b: 1}}}", "{free: {a: {b: 2}}}", "spec.free.a.b", ""},
    {"preserved and missing", "{free: {a: {b: 1}}}", "{free: {a: {}}}", "spec.free.a.b", ""},
    {"pruned below what is preserved", "{known: {x: 1, strict: {a: b, zz: 1}}}", "{known: {x: 1, strict: {a: b}}}", "",
     "spec.known.strict.zz: no such field"},
    {"anything at all", "{any: [1, {a: b}]}", "{any: [1, {a: c}]}", "spec.any[1].a", ""},
    {"a set without order", "{set: [b, a]}", "{set: [a, c, b]}", "", ""},
    {"by keys, one of them a default", "{keyed: [{port: 1, note: a}, {port: 1, protocol: UDP}]}",
     "{keyed: [{port: 1, protocol: UDP}, {port: 1, protocol: TCP, note: b}]}", "spec.keyed[port=1,protocol=TCP].note",
     ""},
    {"defaults in items of a whole list", "{whole: [{a: x}]}", "{whole: [{a: x, b: x}]}", "", ""},
    {"no default in an item of a whole list", "{whole: [{a: x}]}", "{whole: [{a: x, b: z}]}", "spec.whole[0].b", ""},
    {"an embedded object's metadata", "{template: {apiVersion: v1, kind: X, metadata: {name: x, zz: 1}, spec: {x: a}}}",
     "{template: {apiVersion: v1, kind: X, metadata: {name: x}, spec: {x: a}}}", "",
     "spec.template.metadata.zz: no such field"},
    {"an embedded object's kind", "{template: {apiVersion: v1, kind: X, spec: {x: a}}}",
     "{template: {apiVersion: v1, kind: Y, spec: {x: a}}}", "spec.template.kind", ""},
    {"an embedded object that keeps all", "{whatever: {apiVersion: v1, kind: X, data: {a: b}}}",
     "{whatever: {apiVersion: v1, kind: X, data: {a: c}}}", "spec.whatever.data.a", ""},
    {"null where null is kept", "{nothing: null}", "{nothing: null}", "", ""},
    {"null is no default where it is kept", "{nothing: null}", "{nothing: something}", "spec.nothing", ""},
    {"null is lacking where it is kept", "{nothing: null}", "{}", "spec.nothing", ""},
    {"null elsewhere is the default", "{replicas: null}", "{replicas: 2}", "", ""},
    {"null of a map that is merged says nothing", "{maybe: null}", "{maybe: {a: x}}", "", ""},
    {"but is lacking where there is none", "{maybe: null}", "{}", "spec.maybe", ""},
};

/* By number: each runs in a process of its own, where pointers lead elsewhere. */
ParameterizedTestParameters(types_crd, judges_as_the_server_stores)
{
    static size_t numbers[sizeof ROWS / sizeof ROWS[0]];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        numbers[i] = i;
    }
    return cr_make_param_array(size_t, numbers, sizeof numbers / sizeof numbers[0]);
}

ParameterizedTest(size_t *number, types_crd, judges_as_the_server_stores)
{
    const struct row *row = &ROWS[*number];
    struct fixture fixture = fixture_new();
    struct hf_types *types = types_of(read_crd(&fixture));
    struct hf_judgement judgement;
    struct hf_error err = HF_ERROR_INIT;
    char text[2][600];
    static const char HEAD[] = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, spec: ";
    (void)snprintf(text[0], sizeof text[0], "%s%s}", HEAD, row->desired);
    (void)snprintf(text[1], sizeof text[1], "%s%s}", HEAD, row->live);
    struct hf_drift_input input =
        fixture_input(&fixture, fixture_yaml(&fixture, text[0]), fixture_yaml(&fixture, text[1]));
    input.types = types;
    cr_assert_eq(hf_drift_judge(fixture.arena, &input, &judgement, &err), 0);
    cr_expect_eq(judgement.count, row->finding[0] ? 1u : 0u, "%s: %zu findings", row->what, judgement.count);
    cr_expect_str_eq(judgement.count ? judgement.findings[0].readable : "", row->finding, "%s", row->what);
    cr_expect_str_eq(judgement.unit_problem ? judgement.unit_problem : "", row->problem, "%s", row->what);
    hf_types_free(types);
    fixture_free(&fixture);
}
