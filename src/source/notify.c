/* inotify: a hint that the disk should be read again. */
#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "folder.h"
#include "holdfast/clock.h"

#define SETTLE_MS 50
#define LONGEST_SETTLE_MS 500

static void on_notify(void *ctx, int fd, unsigned events)
{
    struct folder *folder = ctx;
    _Alignas(struct inotify_event) char bytes[8192];
    (void)events;
    for (;;) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        hf_folder_changed(folder);
    }
}

/* A burst of writes is read once, when it is over; under constant writes all the same now and then. */
void hf_folder_changed(struct folder *folder)
{
    int64_t now = hf_mono_ms();
    if (folder->unsettled_since_ms == 0) {
        folder->unsettled_since_ms = now;
    }
    int64_t left = folder->unsettled_since_ms + LONGEST_SETTLE_MS - now;
    hf_timer_set(folder->settle, left < 0 ? 0 : left < SETTLE_MS ? left : SETTLE_MS);
}

int hf_folder_notify_begin(struct folder *folder, struct hf_error *err)
{
    folder->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (folder->notify_fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "watch %s", folder->path);
    }
    folder->notify = hf_loop_add_fd(folder->loop, folder->notify_fd, HF_READ, on_notify, folder, err);
    return folder->notify ? 0 : -1;
}

void hf_folder_notify_folder(struct folder *folder, const char *path)
{
    if (folder->notify_fd >= 0) {
        /* Without it (too many watches) the rescan still finds the change. */
        (void)inotify_add_watch(folder->notify_fd, path,
                                IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |
                                    IN_MOVE_SELF | IN_ATTRIB);
    }
}

void hf_folder_notify_end(struct folder *folder)
{
    if (folder->notify) {
        hf_loop_remove_fd(folder->loop, folder->notify);
    }
    if (folder->notify_fd >= 0) {
        close(folder->notify_fd);
    }
}
