#include "credential_file.h"

#include "holdfast/clock.h"

#define READ_EVERY_MS 60000
#define MISSING_EVERY_MS 1000
#define FILE_MAX (1u << 20)

bool watched_file_due(const struct watched_file *file)
{
    struct stat now;
    if (!file->path) {
        return false;
    }
    int64_t age = hf_mono_ms() - file->read_ms;
    if (file->read_ms == 0 || age >= READ_EVERY_MS) {
        return true;
    }
    if (stat(file->path, &now) != 0) {
        return age >= MISSING_EVERY_MS;
    }
    return now.st_ino != file->inode || now.st_size != file->size || now.st_mtim.tv_sec != file->changed.tv_sec ||
           now.st_mtim.tv_nsec != file->changed.tv_nsec;
}

int watched_file_read(struct watched_file *file, struct hf_buf *out, struct hf_error *err)
{
    struct stat now = {0};
    /* Looked at before it is read: a change in between shows as another change, never as none. */
    (void)stat(file->path, &now);
    file->inode = now.st_ino;
    file->size = now.st_size;
    file->changed = now.st_mtim;
    file->read_ms = hf_mono_ms();
    return hf_read_file(file->path, FILE_MAX, out, err);
}

void watched_file_forget(struct watched_file *file)
{
    file->read_ms = 0;
}
