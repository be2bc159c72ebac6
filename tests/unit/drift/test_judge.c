/* What is found is told with its author, and never with a Secret's value. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static const char DESIRED[] = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {mode: live, limit: '10'}}";

Test(judge, no_live_object_is_missing)
{
    struct fixture fixture = fixture_new();
    cr_assert_eq(fixture_judge(&fixture, DESIRED, NULL).verdict, HF_MISSING);
    fixture_free(&fixture);
}

Test(judge, a_unit_that_is_no_object_is_refused)
{
    struct fixture fixture = fixture_new();
    struct hf_error err = HF_ERROR_INIT;
    struct hf_judgement judgement;
    struct hf_drift_input input = fixture_input(&fixture, fixture_yaml(&fixture, "[1]"), NULL);
    cr_assert_eq(hf_drift_judge(fixture.arena, &input, &judgement, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
    fixture_free(&fixture);
}

Test(judge, a_finding_names_who_wrote_it_and_when)
{
    struct fixture fixture = fixture_new();
    struct hf_judgement judgement = fixture_judge(
        &fixture, DESIRED,
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, managedFields: ["
        "{manager: confighub, operation: Apply, time: '2026-01-01T00:00:00Z', fieldsV1: {f:data: {f:limit: {}}}},"
        "{manager: kubectl-edit, operation: Update, time: '2026-01-01T10:00:00Z', fieldsV1: {f:data: {f:mode: {}}}},"
        "{manager: older, operation: Update, time: '2025-01-01T10:00:00Z', fieldsV1: {f:data: {f:mode: {}}}}]},"
        "data: {mode: test, limit: '10'}}");
    cr_assert_eq(judgement.count, 1u);
    cr_assert_str_eq(judgement.findings[0].manager, "kubectl-edit");
    cr_assert_str_eq(judgement.findings[0].operation, "Update");
    cr_assert_eq(judgement.findings[0].at_ms, 1767261600000);
    cr_assert_eq(judgement.drifted_at_ms, 1767261600000);
    cr_assert_str_eq(judgement.findings[0].desired, "\"live\"");
    cr_assert_str_eq(judgement.findings[0].live, "\"test\"");
    fixture_free(&fixture);
}

Test(judge, who_took_something_away_is_not_known)
{
    struct fixture fixture = fixture_new();
    struct hf_judgement judgement =
        fixture_judge(&fixture, DESIRED, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {mode: live}}");
    cr_assert_eq(judgement.count, 1u);
    cr_assert_null(judgement.findings[0].manager);
    cr_assert_null(judgement.findings[0].live);
    fixture_free(&fixture);
}

static void expect_no_secret(const char *text)
{
    cr_assert_null(strstr(text, "canary"), "%s", text);
    cr_assert_null(strstr(text, "Y2FuYXJ5"), "%s", text);
}

Test(judge, a_secret_value_is_told_as_digest_and_length)
{
    struct fixture fixture = fixture_new();
    const char *desired = "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: canary-one}, data: {b: "
                          "Y2FuYXJ5, c: Y2FuYXJ5}}";
    const char *live = "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: Y2FuYXJ5LTI=, c: Y2FuYXJ5}}";
    struct hf_judgement judgement = fixture_judge(&fixture, desired, live);
    cr_assert_eq(judgement.count, 2u);
    for (size_t i = 0; i < judgement.count; i++) {
        expect_no_secret(judgement.findings[i].desired);
        expect_no_secret(judgement.findings[i].live ? judgement.findings[i].live : "");
    }
    cr_assert_not_null(strstr(judgement.findings[0].desired, "\"hmac-sha256:"));
    cr_assert_not_null(strstr(judgement.findings[0].desired, " (10 bytes)\""));
    cr_assert_not_null(strstr(judgement.findings[0].live, " (8 bytes)\""));
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf diff = {0};
    struct hf_drift_input input =
        fixture_input(&fixture, fixture_yaml(&fixture, desired), fixture_yaml(&fixture, live));
    cr_assert_eq(hf_drift_diff(&diff, &input, &judgement, 3, &err), 0);
    expect_no_secret(hf_buf_text(&diff));
    cr_assert_not_null(strstr(hf_buf_text(&diff), "hmac-sha256:"));
    fixture_free(&fixture);
}

Test(judge, what_stands_elsewhere_in_a_secret_is_not_told_either_but_its_labels_and_type_are)
{
    struct fixture fixture = fixture_new();
    const char *desired = "{apiVersion: v1, kind: Secret, metadata: {name: a, labels: {l: seen}, annotations: {n: "
                          "canary-one, same: canary}}, type: seen-type, data: canary-three, odd: canary-four}";
    const char *live = "{apiVersion: v1, kind: Secret, metadata: {name: a, labels: {l: other}, annotations: {n: "
                       "canary-two, same: canary}}, type: other-type}";
    struct hf_judgement judgement = fixture_judge(&fixture, desired, live);
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf told = {0};
    for (size_t i = 0; i < judgement.count; i++) {
        hf_buf_adds(&told, judgement.findings[i].desired ? judgement.findings[i].desired : "");
        hf_buf_adds(&told, judgement.findings[i].live ? judgement.findings[i].live : "");
    }
    struct hf_drift_input input =
        fixture_input(&fixture, fixture_yaml(&fixture, desired), fixture_yaml(&fixture, live));
    cr_assert_eq(hf_drift_diff(&told, &input, &judgement, 9, &err), 0);
    expect_no_secret(hf_buf_text(&told));
    cr_assert_not_null(strstr(hf_buf_text(&told), "\"seen\""));
    cr_assert_not_null(strstr(hf_buf_text(&told), "\"other-type\""));
    fixture_free(&fixture);
}

Test(judge, a_secret_that_is_no_map_of_strings_is_not_told_either)
{
    struct fixture fixture = fixture_new();
    struct hf_judgement judgement =
        fixture_judge(&fixture, "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: [canary]}",
                      "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: [canary], b: canary}}");
    for (size_t i = 0; i < judgement.count; i++) {
        expect_no_secret(judgement.findings[i].desired ? judgement.findings[i].desired : "");
        expect_no_secret(judgement.findings[i].live ? judgement.findings[i].live : "");
    }
    cr_assert_eq(judgement.verdict, HF_DRIFTED);
    fixture_free(&fixture);
}

Test(judge, more_findings_than_asked_for_are_counted)
{
    struct fixture fixture = fixture_new();
    hf_auto_buf struct hf_buf desired = {0};
    hf_buf_adds(&desired, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {");
    for (int i = 0; i < 300; i++) {
        hf_buf_addf(&desired, "%sk%d: v", i ? ", " : "", i);
    }
    hf_buf_adds(&desired, "}}");
    struct hf_judgement judgement = fixture_judge(
        &fixture, hf_buf_text(&desired), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: y}}");
    cr_assert_eq(judgement.count, 200u);
    cr_assert_not_null(strstr(judgement.findings[199].readable, "(and 101 more)"));
    fixture_free(&fixture);
}

Test(judge, the_diff_shows_what_is_live_and_what_would_be_put_back)
{
    struct fixture fixture = fixture_new();
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf diff = {0};
    const char *live = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {mode: test}}";
    struct hf_judgement judgement = fixture_judge(&fixture, DESIRED, live);
    struct hf_drift_input input =
        fixture_input(&fixture, fixture_yaml(&fixture, DESIRED), fixture_yaml(&fixture, live));
    cr_assert_eq(hf_drift_diff(&diff, &input, &judgement, 1, &err), 0);
    cr_assert_not_null(strstr(hf_buf_text(&diff), "-  mode: test\n"), "%s", hf_buf_text(&diff));
    cr_assert_not_null(strstr(hf_buf_text(&diff), "+  mode: live\n"), "%s", hf_buf_text(&diff));
    cr_assert_not_null(strstr(hf_buf_text(&diff), "+  limit: \"10\"\n"), "%s", hf_buf_text(&diff));
    fixture_free(&fixture);
}

static struct hf_digest digest_of(struct fixture *fixture, const char *live, bool has_status)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_hasher *hasher = hf_hasher_new(&err);
    hf_auto_buf struct hf_buf scratch = {0};
    struct hf_digest digest;
    cr_assert_eq(hf_drift_live_digest(hasher, &scratch, fixture_yaml(fixture, live), has_status, &digest, &err), 0);
    hf_hasher_free(hasher);
    return digest;
}

Test(judge, the_fast_path_passes_over_what_the_server_owns_and_nothing_else)
{
    struct fixture fixture = fixture_new();
    struct hf_digest first =
        digest_of(&fixture, "{metadata: {name: a, resourceVersion: '1', uid: u}, data: {a: b}, status: {x: 1}}", true);
    struct hf_digest again = digest_of(
        &fixture,
        "{data: {a: b}, metadata: {generation: 2, managedFields: [], name: a, resourceVersion: '2'}, status: {x: 2}}",
        true);
    struct hf_digest changed = digest_of(&fixture, "{metadata: {name: a, labels: {x: y}}, data: {a: b}}", true);
    struct hf_digest with_status = digest_of(&fixture, "{metadata: {name: a}, data: {a: b}, status: {x: 1}}", false);
    cr_assert(hf_digest_equal(&first, &again));
    cr_assert_not(hf_digest_equal(&first, &changed));
    cr_assert_not(hf_digest_equal(&first, &with_status));
    fixture_free(&fixture);
}

Test(judge, the_applier_is_who_applied_most)
{
    struct fixture fixture = fixture_new();
    const struct hf_value *live =
        fixture_yaml(&fixture, "{metadata: {managedFields: [{manager: small, operation: Apply, fieldsV1: {f:a: {}}}, "
                               "{manager: big, operation: "
                               "Apply, fieldsV1: {f:a: {}, f:b: {}}}, {manager: biggest, operation: Update, fieldsV1: "
                               "{f:a: {}, f:b: {}, f:c: {}}}]}}");
    cr_assert_str_eq(hf_drift_applier(fixture.arena, live), "big");
    cr_assert_null(hf_drift_applier(fixture.arena, fixture_yaml(&fixture, "{metadata: {}}")));
    fixture_free(&fixture);
}

Test(judge, what_is_being_deleted_is_told_with_its_time)
{
    struct fixture fixture = fixture_new();
    int64_t at_ms;
    cr_assert(hf_drift_is_terminating(fixture_yaml(&fixture, "{metadata: {deletionTimestamp: '2026-01-01T00:00:00Z'}}"),
                                      &at_ms));
    cr_assert_eq(at_ms, 1767225600000);
    cr_assert_not(hf_drift_is_terminating(fixture_yaml(&fixture, "{metadata: {}}"), &at_ms));
    fixture_free(&fixture);
}

Test(judge, verdict_names_read_back)
{
    for (int i = 0; i < HF_VERDICT_COUNT; i++) {
        enum hf_verdict verdict = HF_VERDICT_COUNT;
        cr_assert(hf_verdict_parse(hf_slice_of(hf_verdict_name((enum hf_verdict)i)), &verdict));
        cr_assert_eq((int)verdict, i);
    }
}
