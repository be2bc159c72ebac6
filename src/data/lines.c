/* Lines that come in pieces. */
#include <string.h>

#include "holdfast/json.h"

#define DEFAULT_LINE ((size_t)8 << 20)

static int too_long(size_t most, struct hf_error *err)
{
    return hf_error_set(err, HF_ELIMIT, "found a line of more than %zu bytes, expected a shorter one", most);
}

static int give(const char *bytes, size_t len, hf_json_item_fn on_line, void *ctx, struct hf_error *err)
{
    if (len > 0 && bytes[len - 1] == '\r') {
        len--;
    }
    return len > 0 ? on_line(ctx, bytes, len, err) : 0;
}

static int keep(struct hf_lines *lines, const char *bytes, size_t len, size_t most, struct hf_error *err)
{
    if (len > most - lines->pending.len) {
        return too_long(most, err);
    }
    hf_buf_add(&lines->pending, bytes, len);
    return hf_buf_ok(&lines->pending) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory while reading lines");
}

int hf_lines_feed(struct hf_lines *lines, const char *bytes, size_t len, hf_json_item_fn on_line, void *ctx,
                  struct hf_error *err)
{
    size_t most = lines->max_line ? lines->max_line : DEFAULT_LINE;
    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        if (!newline) {
            return keep(lines, bytes, len, most, err);
        }
        size_t piece = (size_t)(newline - bytes);
        int status;
        if (lines->pending.len == 0) {
            status = piece > most ? too_long(most, err) : give(bytes, piece, on_line, ctx, err);
        } else {
            status = keep(lines, bytes, piece, most, err);
            if (status == 0) {
                status = give(lines->pending.ptr, lines->pending.len, on_line, ctx, err);
            }
            hf_buf_clear(&lines->pending);
        }
        if (status != 0) {
            return -1;
        }
        bytes = newline + 1;
        len -= piece + 1;
    }
    return 0;
}

void hf_lines_free(struct hf_lines *lines)
{
    hf_buf_free(&lines->pending);
}
