/* inotify: a hint that the disk should be read again. */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "folder.h"
#include "holdfast/clock.h"

#define SETTLE_MS 50
#define LONGEST_SETTLE_MS 500
/* Not IN_MODIFY: what is being written is read when it is closed. */
#define EVENTS                                                                                                         \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)

/* Editors' swap and backup files come and go beside what they edit. "..data" is how Kubernetes swaps a mounted
 * ConfigMap. */
static bool matters(const struct folder *folder, const struct inotify_event *event)
{
    if (event->len == 0 || (event->mask & IN_Q_OVERFLOW)) {
        return true;
    }
    if (event->wd == folder->parent_watch) {
        const char *slash = strrchr(folder->path, '/');
        return strcmp(event->name, slash ? slash + 1 : folder->path) == 0;
    }
    size_t len = strlen(event->name);
    bool hidden = event->name[0] == '.' && event->name[1] != '.';
    return !hidden && event->name[0] != '#' && event->name[len - 1] != '~';
}

static void on_notify(void *ctx, int fd, unsigned events)
{
    struct folder *folder = ctx;
    _Alignas(struct inotify_event) char bytes[16384];
    bool changed = false;
    (void)events;
    for (;;) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        for (size_t at = 0; at < (size_t)got;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)(bytes + at);
            changed = matters(folder, event) || changed;
            at += sizeof *event + event->len;
        }
    }
    if (changed) {
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
    if (!folder->notify) {
        (void)close(folder->notify_fd);
        folder->notify_fd = -1;
        return -1;
    }
    return 0;
}

void hf_folder_notify_folder(struct folder *folder, const char *path)
{
    if (folder->notify_fd < 0) {
        return;
    }
    int watch = inotify_add_watch(folder->notify_fd, path, EVENTS);
    if (watch >= 0 && watch == folder->parent_watch) {
        folder->parent_watch = -1; /* our folder is called ".": it is its own parent */
    }
    if (watch >= 0 || errno == ENOENT || folder->notify_short) {
        return;
    }
    folder->notify_short = true;
    struct hf_error err = HF_ERROR_INIT;
    (void)hf_error_errno(&err, HF_EIO, errno, "watch %s", path);
    hf_log_error(folder->log, HF_WARN, "a folder can't be watched; it is read again every few seconds", &err, NULL);
}

void hf_folder_notify_parent(struct folder *folder)
{
    const char *slash = strrchr(folder->path, '/');
    hf_auto_free char *parent = slash == folder->path ? hf_strdup("/")
                                : slash               ? hf_strndup(folder->path, (size_t)(slash - folder->path))
                                                      : hf_strdup(".");
    if (folder->notify_fd >= 0 && parent) {
        folder->parent_watch =
            inotify_add_watch(folder->notify_fd, parent, IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE);
    }
}

void hf_folder_notify_end(struct folder *folder)
{
    hf_loop_remove_fd(folder->loop, folder->notify);
    folder->notify = NULL;
    hf_cleanup_fd(&folder->notify_fd);
    folder->notify_fd = -1;
}
