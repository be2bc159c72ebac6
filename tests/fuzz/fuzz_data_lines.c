/* The watch stream: lines cut anywhere are the lines that came, each read as JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static int note(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct hf_buf *seen = ctx;
    (void)err;
    must(len > 0 && !memchr(bytes, '\n', len));
    hf_buf_add(seen, bytes, len);
    hf_buf_addc(seen, '\n');
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error ignored = HF_ERROR_INIT;
    const struct hf_value *value;
    if (arena && hf_json_read(arena, bytes, len, NULL, &value, &ignored) == 0) {
        (void)hf_value_text(hf_value_path(value, "object", "metadata", "resourceVersion", NULL));
    }
    return 0;
}

/* piece 0: lengths from the bytes themselves. */
static int feed(const char *bytes, size_t len, size_t piece, struct hf_buf *seen, struct hf_error *err)
{
    struct hf_lines lines = {.max_line = 1000};
    int status = 0;
    for (size_t at = 0; status == 0 && at < len;) {
        size_t step = piece ? piece : (size_t)1 + (unsigned char)bytes[at] % 13;
        step = step < len - at ? step : len - at;
        status = hf_lines_feed(&lines, bytes + at, step, note, seen, err);
        at += step;
    }
    hf_lines_free(&lines);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_auto_buf struct hf_buf whole = {0};
    hf_auto_buf struct hf_buf pieces = {0};
    struct hf_error one = HF_ERROR_INIT;
    struct hf_error other = HF_ERROR_INIT;
    int first = feed((const char *)data, size, size ? size : 1, &whole, &one);
    int second = feed((const char *)data, size, 0, &pieces, &other);
    must(first == second && one.code == other.code);
    must(whole.len == pieces.len && (whole.len == 0 || memcmp(whole.ptr, pieces.ptr, whole.len) == 0));
    return 0;
}
