/* The table of tests/fixtures/drift/verdicts.yaml, a case a document. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "fixture.h"
#include "holdfast/yaml.h"

#define TABLE HF_SOURCE_DIR "/tests/fixtures/drift/verdicts.yaml"
#define CRDS HF_SOURCE_DIR "/tests/fixtures/drift/crds.yaml"

static size_t read_documents(struct hf_arena *arena, const char *path, struct hf_document **cases)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf text = {0};
    size_t count = 0;
    cr_assert_eq(hf_read_file(path, 1 << 20, &text, &err), 0, "%s", err.text);
    char *kept = hf_arena_copy(arena, text.ptr, text.len);
    cr_assert_eq(hf_yaml_read(arena, kept, text.len, NULL, cases, &count, &err), 0, "%s", err.text);
    hf_buf_free(&text);
    return count;
}

static size_t read_table(struct hf_arena *arena, struct hf_document **cases)
{
    return read_documents(arena, TABLE, cases);
}

/* The types of the definition that a case names. */
static struct hf_types *types_of(struct fixture *fixture, const char *crd)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *crds;
    struct hf_types *types = NULL;
    size_t count = read_documents(fixture->arena, CRDS, &crds);
    for (size_t i = 0; !types && i < count; i++) {
        const char *name = hf_value_text(hf_value_path(crds[i].value, "metadata", "name", NULL));
        if (strcmp(name, crd) == 0) {
            cr_assert_eq(hf_types_from_crd(crds[i].value, NULL, 0, &types, &err), 0, "%s", err.text);
        }
    }
    cr_assert_not_null(types, "no %s", crd);
    return types;
}

ParameterizedTestParameters(verdicts, as_the_server_would_judge)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_document *cases;
    size_t count = read_table(arena, &cases);
    size_t *numbers = cr_malloc(count * sizeof *numbers);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = i;
    }
    hf_arena_free(arena);
    return cr_make_param_array(size_t, numbers, count, NULL);
}

static void expect_findings(const char *name, const struct hf_value *expected, const struct hf_value *readable,
                            const struct hf_judgement *judgement)
{
    hf_auto_buf struct hf_buf found = {0};
    hf_auto_buf struct hf_buf wanted = {0};
    for (size_t i = 0; i < judgement->count; i++) {
        hf_buf_addf(&found, "%s %s\n", hf_class_name(judgement->findings[i].class), judgement->findings[i].path);
    }
    for (size_t i = 0; i < hf_value_count(expected); i++) {
        hf_buf_addf(&wanted, "%s\n", hf_value_text(hf_value_at(expected, i)));
    }
    cr_assert_str_eq(hf_buf_text(&found), hf_buf_text(&wanted), "%s: found\n%sexpected\n%s", name, hf_buf_text(&found),
                     hf_buf_text(&wanted));
    for (size_t i = 0; i < hf_value_count(readable); i++) {
        cr_assert_str_eq(judgement->findings[i].readable, hf_value_text(hf_value_at(readable, i)), "%s", name);
    }
}

ParameterizedTest(size_t *number, verdicts, as_the_server_would_judge)
{
    struct fixture fixture = fixture_new();
    struct hf_document *cases;
    cr_assert_lt(*number, read_table(fixture.arena, &cases));
    const struct hf_value *row = cases[*number].value;
    const char *name = hf_value_text(hf_value_get(row, "case"));
    const char *problem = hf_value_text(hf_value_get(row, "problem"));
    const struct hf_value *expected = hf_value_get(row, "expect");
    struct hf_drift_input input = fixture_input(&fixture, hf_value_get(row, "desired"), hf_value_get(row, "live"));
    const char *crd = hf_value_text(hf_value_get(row, "crd"));
    struct hf_types *types = crd ? types_of(&fixture, crd) : NULL;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_judgement judgement;
    input.types = types ? types : input.types;
    cr_assert_eq(hf_drift_judge(fixture.arena, &input, &judgement, &err), 0, "%s: %s", name, err.text);
    expect_findings(name, expected, hf_value_get(row, "readable"), &judgement);
    cr_assert_eq(judgement.verdict, hf_value_get(row, "in_sync") || !expected ? HF_IN_SYNC : HF_DRIFTED, "%s", name);
    cr_assert_eq(problem != NULL, judgement.unit_problem != NULL, "%s", name);
    if (problem) {
        cr_assert_str_eq(judgement.unit_problem, problem, "%s", name);
    }
    hf_types_free(types);
    fixture_free(&fixture);
}
