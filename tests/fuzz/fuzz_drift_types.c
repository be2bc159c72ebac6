/* Any schema, and two documents judged by it: a line each. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_slice rest = {(const char *)data, size};
    struct hf_slice schema = next_line(&rest);
    struct hf_slice first = next_line(&rest);
    struct hf_slice second = next_line(&rest);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *types = NULL;
    const struct hf_value *desired = NULL;
    const struct hf_value *live = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new((size_t)256 << 20);
    if (!arena || hf_types_from_openapi_v2(schema.ptr, schema.len, &types, &err) != 0) {
        return 0;
    }
    if (hf_json_read(arena, first.ptr, first.len, NULL, &desired, &err) == 0 &&
        hf_json_read(arena, second.ptr, second.len, NULL, &live, &err) == 0) {
        struct hf_judgement judgement;
        struct hf_drift_input input = {
            .types = types, .desired = desired, .live = live, .manager = "m", .secret_key = "k", .secret_key_len = 1};
        int result = hf_drift_judge(arena, &input, &judgement, &err);
        if (result != 0 && desired->kind == HF_OBJECT) {
            abort();
        }
    }
    hf_types_free(types);
    return 0;
}
