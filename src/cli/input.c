#include "input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int hf_input_read(const char *path, size_t limit, struct hf_buf *out, struct hf_error *err)
{
    if (strcmp(path, "-") != 0) {
        return hf_read_file(path, limit, out, err);
    }
    size_t start = out->len;
    for (;;) {
        char piece[16384];
        ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return hf_error_errno(err, HF_EIO, errno, "read standard input");
        }
        if (got == 0) {
            break;
        }
        hf_buf_add(out, piece, (size_t)got);
        if (out->len - start > limit) {
            return hf_error_set(err, HF_ELIMIT, "standard input is larger than %zu bytes", limit);
        }
    }
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "read standard input: out of memory");
}
