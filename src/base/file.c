#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/error.h"
#include "holdfast/mem.h"
#include "holdfast/text.h"

int hf_read_file(const char *path, size_t limit, struct hf_buf *buf, struct hf_error *err)
{
    /* O_NONBLOCK: opening a FIFO must not hang before fstat can refuse it. */
    hf_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        enum hf_code code = errno == ENOENT ? HF_ENOTFOUND : errno == EACCES ? HF_EDENIED : HF_EIO;
        return hf_error_errno(err, code, errno, "open %s", path);
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return hf_error_errno(err, HF_EIO, errno, "stat %s", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return hf_error_set(err, HF_EINVAL, "%s is %s, expected a file", path,
                            S_ISDIR(info.st_mode) ? "a folder" : "a device or a pipe");
    }
    size_t total = 0;
    for (;;) {
        char piece[16384];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return hf_error_errno(err, HF_EIO, errno, "read %s", path);
        }
        if (got == 0) {
            break;
        }
        total += (size_t)got;
        if (total > limit) {
            return hf_error_set(err, HF_ELIMIT, "%s is larger than %zu bytes", path, limit);
        }
        hf_buf_add(buf, piece, (size_t)got);
    }
    if (!hf_buf_ok(buf)) {
        return hf_error_set(err, HF_ENOMEM, "read %s: out of memory", path);
    }
    return 0;
}
