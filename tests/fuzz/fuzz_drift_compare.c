/* Any two documents, a line each: judged without a crash, a document is in sync with itself, and nothing that is told
 * holds a Secret's value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/drift.h"
#include "holdfast/embedded.h"
#include "holdfast/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hf_types *types;

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool are_additions(const struct hf_judgement *judgement)
{
    for (size_t i = 0; i < judgement->count; i++) {
        if (judgement->findings[i].class != HF_EXTRA_FIELD) {
            return false;
        }
    }
    return judgement->verdict == HF_IN_SYNC;
}

static struct hf_judgement judge(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_judgement judgement = {.verdict = HF_UNKNOWN};
    struct hf_drift_input input = {.types = types,
                                   .desired = desired,
                                   .live = live,
                                   .manager = "confighub",
                                   .has_status = true,
                                   .secret_key = "0123456789abcdef",
                                   .secret_key_len = 16};
    if (hf_drift_judge(arena, &input, &judgement, &err) == 0) {
        hf_auto_buf struct hf_buf diff = {0};
        must(hf_drift_diff(&diff, &input, &judgement, 3, &err) == 0);
        must(judgement.verdict == HF_DRIFTED || are_additions(&judgement));
        must(judgement.verdict == HF_IN_SYNC || judgement.count > 0);
        must(judgement.count <= 200);
    } else {
        must(desired->kind != HF_OBJECT);
    }
    return judgement;
}

/* The server never gives these back as they are: stringData is folded, derived defaults are there. */
static bool is_never_live(const struct hf_value *value)
{
    const char *kind = hf_value_text(hf_value_get(value, "kind"));
    return hf_value_get(value, "stringData") || (kind && strcmp(kind, "LimitRange") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hf_embedded *file = hf_embedded_find("schema/kubernetes-openapi.json");
    struct hf_error err = HF_ERROR_INIT;
    if (!types) {
        must(file && hf_types_from_openapi_v2(file->bytes, file->size, &types, &err) == 0);
    }
    hf_auto_arena struct hf_arena *arena = hf_arena_new((size_t)256 << 20);
    const char *text = (const char *)data;
    const char *end = size ? memchr(text, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - text) : size;
    const struct hf_value *desired = NULL;
    const struct hf_value *live = NULL;
    must(arena);
    if (hf_json_read(arena, text, len, NULL, &desired, &err) != 0) {
        return 0;
    }
    if (desired->kind == HF_OBJECT && !is_never_live(desired)) {
        struct hf_judgement of_itself = judge(arena, desired, desired);
        must(of_itself.verdict == HF_IN_SYNC && of_itself.count == 0);
    }
    if (end && hf_json_read(arena, end + 1, size - len - 1, NULL, &live, &err) == 0) {
        (void)judge(arena, desired, live);
        (void)judge(arena, live, desired);
    }
    return 0;
}
