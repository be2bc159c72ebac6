/* One agent a file: flock on <path>.lock, which the kernel lets go of whatever way the holder ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "trail.h"

static int held_by_another(const char *path, int fd, struct hf_error *err)
{
    char text[32] = "";
    int64_t pid;
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    struct hf_slice digits = {text, got > 0 ? (size_t)got : 0};
    while (digits.len > 0 && digits.ptr[digits.len - 1] == '\n') {
        digits.len--;
    }
    if (hf_parse_int(digits, 1, INT32_MAX, &pid)) {
        return hf_error_set(err, HF_EBUSY, "the audit trail %s is in use by another agent (pid %lld)", path,
                            (long long)pid);
    }
    return hf_error_set(err, HF_EBUSY, "the audit trail %s is in use by another agent", path);
}

int hf_lock_take(const char *path, int *out, bool *was_there, struct hf_error *err)
{
    hf_auto_buf struct hf_buf name = {0};
    hf_buf_addf(&name, "%s.lock", path);
    if (!hf_buf_ok(&name)) {
        return hf_error_set(err, HF_ENOMEM, "lock the audit trail: out of memory");
    }
    *was_there = access(name.ptr, F_OK) == 0;
    hf_auto_fd int fd = open(name.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        enum hf_code code = errno == EACCES || errno == EROFS || errno == EPERM ? HF_EDENIED
                            : errno == ENOENT                                   ? HF_ENOTFOUND
                                                                                : HF_EIO;
        return hf_error_errno(err, code, errno, "lock the audit trail: open %s", name.ptr);
    }
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return held_by_another(path, fd, err);
        }
        if (errno != EINTR) {
            return hf_error_errno(err, HF_EIO, errno, "lock %s", name.ptr);
        }
    }
    char pid[32];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    /* The pid only serves the message to the next one; a disk too full for it is no reason to stay away. */
    if (ftruncate(fd, 0) == 0) {
        ssize_t written = pwrite(fd, pid, (size_t)len, 0);
        (void)written;
    }
    *out = fd;
    fd = -1;
    return 0;
}
