/* Reads what is on the disk. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "folder.h"

#define MOST_DEPTH 8u
#define MOST_FILES 20000u
#define MOST_BYTES ((size_t)16 << 20)

static bool is_unit_name(const char *name)
{
    static const char *const ENDS[] = {".yaml", ".yml", ".json"};
    size_t len = strlen(name);
    if (name[0] == '.' || name[0] == '#' || name[len - 1] == '~') {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        size_t end = strlen(ENDS[i]);
        if (len > end && strcmp(name + len - end, ENDS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A link may lead about within the folder (as in a mounted ConfigMap), not out of it. */
static bool stays_inside(const struct folder *folder, const char *path)
{
    hf_auto_free char *real = realpath(path, NULL);
    size_t len = strlen(folder->real);
    return real && strncmp(real, folder->real, len) == 0 && (real[len] == '/' || real[len] == '\0');
}

static int read_one(struct folder *folder, const char *path, const char *below, struct hf_error *err)
{
    hf_auto_buf struct hf_buf bytes = {0};
    hf_auto_buf struct hf_buf slug = {0};
    struct hf_error problem = HF_ERROR_INIT;
    const char *dot = strrchr(below, '.');
    hf_buf_add(&slug, below, dot ? (size_t)(dot - below) : strlen(below));
    if (++folder->files > MOST_FILES) {
        return hf_error_set(err, HF_ELIMIT, "%s holds more than %u files", folder->path, MOST_FILES);
    }
    if (hf_read_file(path, MOST_BYTES, &bytes, &problem) != 0 && problem.code == HF_ENOTFOUND) {
        return 0; /* gone since the folder was listed */
    }
    return hf_folder_take(folder, hf_buf_text(&slug), path, hf_buf_text(&bytes), bytes.len,
                          problem.code == HF_OK ? NULL : &problem, err);
}

static int scan_folder(struct folder *folder, const char *path, const char *below, unsigned depth, struct hf_error *err);

static int scan_name(struct folder *folder, const char *path, const char *below, const char *name, unsigned depth,
                     struct hf_error *err)
{
    hf_auto_buf struct hf_buf full = {0};
    hf_auto_buf struct hf_buf rest = {0};
    struct stat info;
    hf_buf_addf(&full, "%s/%s", path, name);
    hf_buf_addf(&rest, "%s%s%s", below, *below ? "/" : "", name);
    if (!hf_buf_ok(&full) || !hf_buf_ok(&rest)) {
        return hf_error_set(err, HF_ENOMEM, "read %s: out of memory", folder->path);
    }
    if (stat(hf_buf_text(&full), &info) != 0 || !stays_inside(folder, hf_buf_text(&full))) {
        return 0;
    }
    if (S_ISDIR(info.st_mode)) {
        return depth + 1 < MOST_DEPTH ? scan_folder(folder, hf_buf_text(&full), hf_buf_text(&rest), depth + 1, err) : 0;
    }
    return S_ISREG(info.st_mode) && is_unit_name(name) ? read_one(folder, hf_buf_text(&full), hf_buf_text(&rest), err) : 0;
}

static int scan_folder(struct folder *folder, const char *path, const char *below, unsigned depth, struct hf_error *err)
{
    struct dirent **names = NULL;
    /* Watched before it is read: what changes in between is told. */
    hf_folder_notify_folder(folder, path);
    int count = scandir(path, &names, NULL, alphasort);
    if (count < 0) {
        if (depth > 0 && errno == ENOENT) {
            return 0;
        }
        enum hf_code code = errno == EACCES ? HF_EDENIED : errno == ENOENT ? HF_ENOTFOUND : HF_EIO;
        return hf_error_errno(err, code, errno, "read the folder %s", path);
    }
    int result = 0;
    for (int i = 0; i < count; i++) {
        if (result == 0 && names[i]->d_name[0] != '.') {
            result = scan_name(folder, path, below, names[i]->d_name, depth, err);
        }
        free(names[i]);
    }
    free(names);
    return result;
}

static void forget_unseen(struct folder *folder)
{
    size_t cursor = 0;
    struct hf_slice key;
    void *value;
    while (hf_map_next(folder->entries, &cursor, &key, &value)) {
        struct entry *entry = value;
        if (entry->seen == folder->scan) {
            continue;
        }
        (void)hf_map_remove(folder->entries, key);
        hf_unit_drop(entry->unit);
        hf_unit_drop(entry->good);
        free(entry->slug);
        free(entry->path);
        free(entry);
        folder->changed = true;
    }
}

int hf_folder_scan(struct folder *folder, struct hf_error *err)
{
    folder->scan++;
    folder->files = 0;
    free(folder->real);
    folder->real = realpath(folder->path, NULL);
    if (!folder->real) {
        return hf_error_errno(err, errno == EACCES ? HF_EDENIED : HF_ENOTFOUND, errno, "read the folder %s", folder->path);
    }
    if (scan_folder(folder, folder->path, "", 0, err) != 0) {
        return -1;
    }
    if (folder->files == 0 && hf_map_count(folder->entries) > 0) {
        /* All units at once: a mount that came away, a checkout in progress. That is not somebody's wish. */
        return hf_error_set(err, HF_ENOTFOUND, "the folder %s holds no unit any more: the %zu it had are kept", folder->path,
                            hf_map_count(folder->entries));
    }
    forget_unseen(folder);
    return 0;
}
