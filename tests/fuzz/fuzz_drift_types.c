/* Any schema (OpenAPI v2 or v3, or a CustomResourceDefinition), and two documents judged by it: a line each. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/drift.h"
#include "holdfast/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hf_slice next_line(struct hf_slice *rest)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct hf_slice line = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    *rest = end ? (struct hf_slice){end + 1, rest->len - line.len - 1} : (struct hf_slice){rest->ptr + rest->len, 0};
    return line;
}

static void must(int holds)
{
    if (!holds) {
        abort();
    }
}

static void judge(const struct hf_types *types, struct hf_arena *arena, const struct hf_value *desired,
                  const struct hf_value *live)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_judgement judgement;
    struct hf_drift_input input = {
        .types = types, .desired = desired, .live = live, .manager = "m", .secret_key = "k", .secret_key_len = 1};
    must(hf_drift_judge(arena, &input, &judgement, &err) == 0 || desired->kind != HF_OBJECT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hf_type_want SOME[] = {{"example.com", "v1", "Widget"}, {"", "v1", "K"}};
    static const struct hf_read_limits LIMITS = {.depth = 300};
    struct hf_slice rest = {(const char *)data, size};
    struct hf_slice schema = next_line(&rest);
    struct hf_slice first = next_line(&rest);
    struct hf_slice second = next_line(&rest);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *parts[3] = {NULL, NULL, NULL};
    struct hf_types *joined;
    const struct hf_value *crd = NULL;
    const struct hf_value *desired = NULL;
    const struct hf_value *live = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new((size_t)256 << 20);
    must(arena != NULL);
    if (hf_types_from_openapi(schema.ptr, schema.len, NULL, 0, &parts[0], &err) == 0) {
        must(hf_types_from_openapi(schema.ptr, schema.len, SOME, 2, &parts[1], &err) == 0);
        must(hf_types_count(parts[1]) <= hf_types_count(parts[0]));
        must(hf_types_size(parts[0]) <= (size_t)256 * (schema.len + 4096));
    }
    if (hf_json_read(arena, schema.ptr, schema.len, &LIMITS, &crd, &err) == 0) {
        (void)hf_types_from_crd(crd, NULL, 0, &parts[2], &err);
    }
    must(hf_types_join(parts, 3, &joined, &err) == 0);
    for (size_t i = 0; i < 3; i++) {
        hf_types_free(parts[i]);
    }
    if (hf_json_read(arena, first.ptr, first.len, NULL, &desired, &err) == 0 &&
        hf_json_read(arena, second.ptr, second.len, NULL, &live, &err) == 0) {
        judge(joined, arena, desired, live);
        judge(joined, arena, live, desired);
    }
    hf_types_free(joined);
    return 0;
}
