/* Reads what is on the disk. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"

#define MOST_DEPTH 8u
#define MOST_FILES 20000u
#define MOST_FOLDERS 20000u

bool hf_folder_is_unit_name(const char *name)
{
    static const char *const ENDS[] = {".yaml", ".yml", ".json"};
    size_t len = strlen(name);
    if (name[0] == '.' || name[0] == '#' || !hf_utf8_valid(name, len)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        size_t end = strlen(ENDS[i]);
        if (len > end && strcmp(name + len - end, ENDS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Where a link leads: only to what is below the folder; and a folder only when it isn't read by its own name anyway, as
 * the hidden ones of a mounted ConfigMap. */
static bool may_follow(const struct folder *folder, const char *path, bool is_folder)
{
    hf_auto_free char *real = realpath(path, NULL);
    size_t len = strlen(folder->real);
    if (!real || strncmp(real, folder->real, len) != 0 || (real[len] != '/' && len > 1)) {
        return false;
    }
    return !is_folder || strstr(real + len - (len == 1), "/.") != NULL;
}

static int scan_folder(struct folder *folder, const char *path, const char *below, unsigned depth,
                       struct hf_error *err);

static int scan_file(struct folder *folder, const char *path, const char *below, const struct stat *info,
                     struct hf_error *err)
{
    bool gone;
    if (folder->files >= MOST_FILES) {
        return hf_error_set(err, HF_ELIMIT, "the folder %s holds more than %u units", folder->path, MOST_FILES);
    }
    if (hf_entry_take(folder, below, path, info, &gone, err) != 0) {
        return -1;
    }
    folder->files += !gone;
    return 0;
}

/* A name that can't be looked at: a unit whose link leads nowhere is gone, another has a problem. */
static int scan_unknown(struct folder *folder, const char *path, const char *below, const char *name, int number,
                        struct hf_error *err)
{
    if (number == ENOENT || !hf_folder_is_unit_name(name)) {
        return 0;
    }
    struct hf_error why = HF_ERROR_INIT;
    (void)hf_error_errno(&why, HF_EIO, number, "read %s", path);
    folder->files++;
    return hf_entry_refuse(folder, below, path, why.text, err);
}

static int scan_name(struct folder *folder, const char *path, const char *below, const struct dirent *found,
                     unsigned depth, struct hf_error *err)
{
    hf_auto_buf struct hf_buf full = {0};
    hf_auto_buf struct hf_buf rest = {0};
    struct stat info;
    hf_buf_addf(&full, "%s/%s", path, found->d_name);
    hf_buf_addf(&rest, "%s%s%s", below, *below ? "/" : "", found->d_name);
    if (!hf_buf_ok(&full) || !hf_buf_ok(&rest)) {
        return hf_error_set(err, HF_ENOMEM, "read %s: out of memory", folder->path);
    }
    if (stat(hf_buf_text(&full), &info) != 0) {
        return scan_unknown(folder, hf_buf_text(&full), hf_buf_text(&rest), found->d_name, errno, err);
    }
    bool is_folder = S_ISDIR(info.st_mode);
    bool is_unit = S_ISREG(info.st_mode) && hf_folder_is_unit_name(found->d_name);
    bool may_be_link = found->d_type == DT_LNK || found->d_type == DT_UNKNOWN;
    struct stat own;
    if ((is_folder || is_unit) && may_be_link && lstat(hf_buf_text(&full), &own) == 0 && S_ISLNK(own.st_mode) &&
        !may_follow(folder, hf_buf_text(&full), is_folder)) {
        hf_log_write(folder->log, HF_DEBUG, "a link out of the folder, or to what is read anyway, is passed over",
                     "file", hf_buf_text(&full), NULL);
        return 0;
    }
    if (is_folder) {
        return depth + 1 < MOST_DEPTH ? scan_folder(folder, hf_buf_text(&full), hf_buf_text(&rest), depth + 1, err) : 0;
    }
    return is_unit ? scan_file(folder, hf_buf_text(&full), hf_buf_text(&rest), &info, err) : 0;
}

static int scan_folder(struct folder *folder, const char *path, const char *below, unsigned depth, struct hf_error *err)
{
    struct dirent **names = NULL;
    if (++folder->folders > MOST_FOLDERS) {
        return hf_error_set(err, HF_ELIMIT, "the folder %s holds more than %u folders", folder->path, MOST_FOLDERS);
    }
    /* Watched before it is read: what changes in between is told. */
    hf_folder_notify_folder(folder, path);
    int count = scandir(path, &names, NULL, alphasort);
    if (count < 0) {
        int number = errno;
        if (depth > 0 && number == ENOENT) {
            return 0;
        }
        enum hf_code code = number == EACCES ? HF_EDENIED : number == ENOENT ? HF_ENOTFOUND : HF_EIO;
        return hf_error_errno(err, code, number, "read the folder %s", path);
    }
    int result = 0;
    for (int i = 0; i < count; i++) {
        if (result == 0 && names[i]->d_name[0] != '.') {
            result = scan_name(folder, path, below, names[i], depth, err);
        }
        free(names[i]);
    }
    free(names);
    return result;
}

int hf_folder_scan(struct folder *folder, struct hf_error *err)
{
    folder->scan++;
    folder->files = 0;
    folder->folders = 0;
    hf_folder_notify_parent(folder);
    free(folder->real);
    folder->real = realpath(folder->path, NULL);
    if (!folder->real) {
        int number = errno;
        return hf_error_errno(err, number == EACCES ? HF_EDENIED : HF_ENOTFOUND, number, "read the folder %s",
                              folder->path);
    }
    if (scan_folder(folder, folder->path, "", 0, err) != 0) {
        return -1;
    }
    if (folder->files == 0 && hf_map_count(folder->entries) > 0) {
        /* All units at once: a mount that came away, a checkout in progress. That is not somebody's wish. */
        return hf_error_set(err, HF_ENOTFOUND, "the folder %s holds no unit any more: the %zu it had are kept",
                            folder->path, hf_map_count(folder->entries));
    }
    hf_entries_forget(folder);
    return 0;
}
