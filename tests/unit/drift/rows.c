#include "rows.h"

#include <criterion/criterion.h>
#include <string.h>

#include "holdfast/yaml.h"

static size_t read_rows(struct hf_arena *arena, const char *path, struct hf_document **rows)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    size_t count = 0;
    cr_assert_eq(hf_read_file(path, 4 << 20, &text, &err), 0, "%s", err.text);
    char *kept = hf_arena_copy(arena, text.ptr, text.len);
    cr_assert_eq(hf_yaml_read(arena, kept, text.len, NULL, rows, &count, &err), 0, "%s: %s", path, err.text);
    return count;
}

struct criterion_test_params rows_numbers(const char *path)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_document *rows;
    size_t count = read_rows(arena, path, &rows);
    size_t *numbers = cr_malloc(count * sizeof *numbers);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = i;
    }
    return cr_make_param_array(size_t, numbers, count, NULL);
}

static void expect_findings(const char *name, const struct hf_value *expected, const struct hf_judgement *judgement)
{
    hf_auto_buf struct hf_buf found = {0};
    hf_auto_buf struct hf_buf wanted = {0};
    for (size_t i = 0; i < judgement->count; i++) {
        const struct hf_finding *finding = &judgement->findings[i];
        const char *text = hf_value_text(hf_value_at(expected, i));
        hf_buf_addf(&found, "%s %s", hf_class_name(finding->class), finding->path);
        if (text && strstr(text, " by ")) {
            hf_buf_addf(&found, " by %s", finding->manager ? finding->manager : "?");
        }
        hf_buf_addc(&found, '\n');
        cr_assert(finding->class != HF_EXTRA_FIELD || finding->unowned, "%s: %s", name, finding->path);
    }
    for (size_t i = 0; i < hf_value_count(expected); i++) {
        hf_buf_addf(&wanted, "%s\n", hf_value_text(hf_value_at(expected, i)));
    }
    cr_assert_str_eq(hf_buf_text(&found), hf_buf_text(&wanted), "%s: found\n%sexpected\n%s", name, hf_buf_text(&found),
                     hf_buf_text(&wanted));
}

static const struct hf_value *without_owners(struct hf_arena *arena, const struct hf_value *live)
{
    struct hf_value *bare = hf_value_copy(arena, live);
    struct hf_value *metadata = (struct hf_value *)(uintptr_t)hf_value_get(bare, "metadata");
    (void)hf_value_unset(metadata, hf_slice_of("managedFields"));
    return bare;
}

void rows_run(const char *path, size_t number)
{
    struct fixture fixture = fixture_new();
    struct hf_document *rows;
    cr_assert_lt(number, read_rows(fixture.arena, path, &rows));
    const struct hf_value *row = rows[number].value;
    const char *name = hf_value_text(hf_value_get(row, "case"));
    const struct hf_value *expected = hf_value_get(row, "expect");
    const struct hf_value *readable = hf_value_get(row, "readable");
    const struct hf_value *live = hf_value_get(row, "live");
    bool is_drift = expected && !hf_value_is_true(hf_value_get(row, "in_sync"));
    struct hf_error err = HF_ERROR_INIT;
    struct hf_judgement judgement;
    cr_assert(name && live && hf_value_get(row, "desired"), "row %zu is incomplete", number);
    struct hf_drift_input input = fixture_input(&fixture, hf_value_get(row, "desired"), live);
    input.has_status = !hf_value_is_true(hf_value_get(row, "status"));
    cr_assert_eq(hf_drift_judge(fixture.arena, &input, &judgement, &err), 0, "%s: %s", name, err.text);
    expect_findings(name, expected, &judgement);
    cr_assert_eq(judgement.verdict, is_drift ? HF_DRIFTED : HF_IN_SYNC, "%s", name);
    for (size_t i = 0; i < hf_value_count(readable); i++) {
        cr_assert_str_eq(judgement.findings[i].readable, hf_value_text(hf_value_at(readable, i)), "%s", name);
    }
    if (!expected) {
        input.live = without_owners(fixture.arena, live);
        cr_assert_eq(hf_drift_judge(fixture.arena, &input, &judgement, &err), 0, "%s: %s", name, err.text);
        expect_findings(name, expected, &judgement);
    }
    fixture_free(&fixture);
}
