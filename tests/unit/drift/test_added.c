/* What somebody added to an object is found, by whom, and told apart from what the server filled in; whatever stands in
 * managedFields. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rows.h"

#define TABLE HF_SOURCE_DIR "/tests/fixtures/drift/added.yaml"

ParameterizedTestParameters(added, told_from_what_the_server_filled_in)
{
    return rows_numbers(TABLE);
}

ParameterizedTest(size_t *number, added, told_from_what_the_server_filled_in)
{
    rows_run(TABLE, *number);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A text around many of one thing, %zu its number. */
__attribute__((format(printf, 2, 0))) static void add_many(struct hf_buf *text, const char *each, size_t count)
{
    char one[512];
    for (size_t i = 0; i < count; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(one, sizeof one, each, i, i);
#pragma GCC diagnostic pop
        hf_buf_addf(text, "%s%s", i ? ", " : "", one);
    }
}

Test(added, five_thousand_keys_are_counted_and_take_no_time)
{
    struct fixture fixture = fixture_new();
    hf_auto_buf struct hf_buf live = {0};
    hf_buf_adds(&live, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, managedFields: [{manager: x, operation: "
                       "Update, fieldsV1: {f:data: {");
    add_many(&live, "f:k%zu: {}", 5000);
    hf_buf_adds(&live, "}}}]}, data: {");
    add_many(&live, "k%zu: v%zu", 5000);
    hf_buf_adds(&live, "}}");
    double since = seconds();
    struct hf_judgement judgement = fixture_judge(
        &fixture, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k7: v7}}", hf_buf_text(&live));
    cr_assert_lt(seconds() - since, 10.0);
    cr_assert_eq(judgement.verdict, HF_IN_SYNC);
    cr_assert_eq(judgement.count, 200u);
    cr_assert_not_null(strstr(judgement.findings[199].readable, "(and 4799 more)"));
    fixture_free(&fixture);
}

Test(added, five_thousand_items_that_a_client_side_apply_left_take_no_time)
{
    struct fixture fixture = fixture_new();
    hf_auto_buf struct hf_buf live = {0};
    hf_buf_adds(&live, "{apiVersion: v1, kind: Pod, metadata: {name: a, managedFields: [{manager: kubectl, operation: "
                       "Update, fieldsV1: {f:spec: {f:containers: {'k:{\"name\":\"c\"}': {f:env: {");
    add_many(&live, "'k:{\"name\":\"E%zu\"}': {\".\": {}}", 5000);
    hf_buf_adds(&live, "}}}}}}], annotations: {kubectl.kubernetes.io/last-applied-configuration: "
                       "'{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[");
    add_many(&live, "{\"name\":\"E%zu\"}", 5000);
    hf_buf_adds(&live, "]}]}}'}}, spec: {containers: [{name: c, env: [");
    add_many(&live, "{name: E%zu}", 5000);
    hf_buf_adds(&live, "]}]}}");
    double since = seconds();
    struct hf_judgement judgement =
        fixture_judge(&fixture, "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c}]}}",
                      hf_buf_text(&live));
    cr_assert_lt(seconds() - since, 10.0);
    cr_assert_eq(judgement.verdict, HF_DRIFTED);
    cr_assert_eq(judgement.count, 200u);
    cr_assert_eq(judgement.findings[0].class, HF_LEFTOVER);
    cr_assert(judgement.findings[0].unowned);
    fixture_free(&fixture);
}

/* What weighs little and comes in numbers does not push out what weighs. */
Test(added, a_container_is_told_behind_thousands_of_annotations)
{
    struct fixture fixture = fixture_new();
    hf_auto_buf struct hf_buf live = {0};
    hf_buf_adds(&live, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: {");
    add_many(&live, "k%zu: v%zu", 3000);
    hf_buf_adds(&live, "}, managedFields: [{manager: x, operation: Update, fieldsV1: {f:metadata: {f:annotations: {");
    add_many(&live, "f:k%zu: {}", 3000);
    hf_buf_adds(&live,
                "}}, f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"evil\"}': {\".\": {}}}}}}}}]}, "
                "spec: {template: {spec: {containers: [{name: c}, {name: evil}]}}}}");
    struct hf_judgement judgement = fixture_judge(&fixture,
                                                  "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: "
                                                  "{template: {spec: {containers: [{name: c}]}}}}",
                                                  hf_buf_text(&live));
    bool is_told = false;
    for (size_t i = 0; i < judgement.count; i++) {
        is_told |= strcmp(judgement.findings[i].path, "/spec/template/spec/containers/1") == 0;
    }
    cr_assert(is_told);
    fixture_free(&fixture);
}

Test(added, what_the_sixty_fifth_manager_put_into_a_pod_is_found_all_the_same)
{
    struct fixture fixture = fixture_new();
    hf_auto_buf struct hf_buf live = {0};
    hf_buf_adds(&live, "{apiVersion: v1, kind: Pod, metadata: {name: a, managedFields: [");
    add_many(&live, "{manager: m%zu, operation: Apply, fieldsV1: {f:metadata: {f:labels: {f:l%zu: {}}}}}", 100);
    hf_buf_adds(&live, ", {manager: last, operation: Apply, fieldsV1: {f:spec: {f:containers: {'k:{\"name\":\"x\"}': "
                       "{\".\": {}}}}}}]}, spec: {containers: [{name: c}, {name: x}]}}");
    struct hf_judgement judgement =
        fixture_judge(&fixture, "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c}]}}",
                      hf_buf_text(&live));
    cr_assert_eq(judgement.count, 1u);
    cr_assert_str_eq(judgement.findings[0].readable, "spec.containers[name=x]");
    cr_assert_null(judgement.findings[0].manager);
    fixture_free(&fixture);
}

Test(added, documents_as_deep_as_can_be_read_are_judged)
{
    enum { DEEP = 90 };
    struct fixture fixture = fixture_new();
    hf_auto_buf struct hf_buf live = {0};
    hf_auto_buf struct hf_buf unit = {0};
    hf_buf_adds(&live, "{apiVersion: example.com/v1, kind: X, metadata: {name: a, managedFields: [{manager: x, "
                       "operation: Update, fieldsV1: ");
    for (int i = 0; i < DEEP; i++) {
        hf_buf_adds(&live, i ? "{f:a: " : "{f:spec: ");
    }
    hf_buf_adds(&live, "{f:b: {}}");
    for (int i = 0; i < DEEP; i++) {
        hf_buf_addc(&live, '}');
    }
    hf_buf_adds(&live, "}]}, spec: ");
    hf_buf_adds(&unit, "{apiVersion: example.com/v1, kind: X, metadata: {name: a}, spec: ");
    for (int i = 1; i < DEEP; i++) {
        hf_buf_adds(&live, "{a: ");
        hf_buf_adds(&unit, "{a: ");
    }
    hf_buf_adds(&live, "{b: 1}");
    hf_buf_adds(&unit, "{}");
    for (int i = 0; i < DEEP; i++) {
        hf_buf_addc(&live, '}');
        hf_buf_addc(&unit, '}');
    }
    struct hf_judgement judgement = fixture_judge(&fixture, hf_buf_text(&unit), hf_buf_text(&live));
    cr_assert_eq(judgement.count, 1u);
    cr_assert_str_eq(judgement.findings[0].manager, "x");
    fixture_free(&fixture);
}

Test(added, the_order_of_managers_and_keys_changes_nothing)
{
    static const char *const MANAGERS[] = {
        "{manager: a, operation: Update, time: '2026-01-02T00:00:00Z', fieldsV1: {f:data: {f:p: {}, f:q: {}}}}",
        "{manager: b, operation: Update, time: '2026-01-03T00:00:00Z', fieldsV1: {f:data: {f:q: {}, f:p: {}}}}",
        "{manager: confighub, operation: Apply, time: '2026-01-04T00:00:00Z', fieldsV1: {f:data: {f:k: {}}}}"};
    static const int ORDERS[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct fixture fixture = fixture_new();
    for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++) {
        hf_auto_buf struct hf_buf live = {0};
        hf_buf_addf(&live,
                    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, managedFields: [%s, %s, %s]}, data: %s}",
                    MANAGERS[ORDERS[i][0]], MANAGERS[ORDERS[i][1]], MANAGERS[ORDERS[i][2]],
                    i % 2 ? "{p: '1', k: '0', q: '2'}" : "{q: '2', p: '1', k: '0'}");
        struct hf_judgement judgement = fixture_judge(
            &fixture, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: '0'}}", hf_buf_text(&live));
        cr_assert_eq(judgement.count, 2u);
        cr_assert_str_eq(judgement.findings[0].path, "/data/p");
        cr_assert_str_eq(judgement.findings[1].path, "/data/q");
        cr_assert_str_eq(judgement.findings[0].manager, "b", "the latest");
        cr_assert_eq(judgement.drifted_at_ms, 1767398400000);
    }
    fixture_free(&fixture);
}

Test(added, a_secret_added_by_hand_is_never_told_in_the_clear)
{
    struct fixture fixture = fixture_new();
    struct hf_judgement judgement =
        fixture_judge(&fixture, "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {k: v}}",
                      "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {k: dg==, x: Y2FuYXJ5}}");
    cr_assert_eq(judgement.count, 1u);
    cr_assert_eq(judgement.findings[0].class, HF_EXTRA_FIELD);
    cr_assert_not_null(strstr(judgement.findings[0].live, "hmac-sha256:"));
    cr_assert_null(strstr(judgement.findings[0].live, "Y2FuYXJ5"));
    fixture_free(&fixture);
}

/* An annotation that is ignored and newer than the change says nothing about when it drifted. */
Test(added, when_it_drifted_is_told_by_what_drifted)
{
    struct fixture fixture = fixture_new();
    struct hf_judgement judgement = fixture_judge(
        &fixture, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: '0'}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {note: x}, managedFields: ["
        "{manager: a, operation: Update, time: '2026-01-02T00:00:00Z', fieldsV1: {f:data: {f:k: {}}}},"
        "{manager: b, operation: Update, time: '2026-01-03T00:00:00Z', fieldsV1: {f:metadata: {f:annotations: {f:note: "
        "{}}}}}]}, data: {k: '1'}}");
    cr_assert_eq(judgement.verdict, HF_DRIFTED);
    cr_assert_eq(judgement.count, 2u);
    cr_assert_eq(judgement.drifted_at_ms, 1767312000000);
    fixture_free(&fixture);
}
