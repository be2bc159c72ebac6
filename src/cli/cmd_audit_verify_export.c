/* `holdfast audit verify --export`: files of removed events, by themselves, behind each other, and as the trail tells
 * of them. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd_audit_verify.h"

struct list {
    struct hf_audit_removal *items;
    size_t count;
    size_t cap;
    bool failed;
};

static bool add(void *ctx, const struct hf_audit_removal *removal)
{
    struct list *list = ctx;
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        struct hf_audit_removal *more = hf_reallocarray(list->items, cap, sizeof *more);
        if (!more) {
            list->failed = true;
            return false;
        }
        list->items = more;
        list->cap = cap;
    }
    list->items[list->count++] = *removal;
    return true;
}

static int by_place(const void *a, const void *b)
{
    const struct hf_audit_removal *left = a;
    const struct hf_audit_removal *right = b;
    int order = (left->first_id > right->first_id) - (left->first_id < right->first_id);
    return order ? order : (left->last_id > right->last_id) - (left->last_id < right->last_id);
}

static int read_one(const char *path, const struct hf_audit_checks *checks, struct list *files, struct list *told,
                    struct hf_error *err)
{
    struct hf_audit_removal file;
    if (hf_audit_exported_read(path, checks->key, checks->key_len, &file, add, told, err) != 0) {
        return -1;
    }
    (void)add(files, &file);
    return 0;
}

static bool is_export(const char *name)
{
    size_t len = strlen(name);
    return strncmp(name, "holdfast-", 9) == 0 && len > 6 && strcmp(name + len - 6, ".jsonl") == 0;
}

static int read_folder(const char *folder, const struct hf_audit_checks *checks, struct list *files, struct list *told,
                       struct hf_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        return hf_error_errno(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, errno, "open the folder %s", folder);
    }
    int status = 0;
    for (struct dirent *entry; status == 0 && (entry = readdir(dir));) {
        hf_auto_buf struct hf_buf path = {0};
        if (!is_export(entry->d_name)) {
            continue;
        }
        hf_buf_addf(&path, "%s/%s", folder, entry->d_name);
        status = hf_buf_ok(&path) ? read_one(path.ptr, checks, files, told, err)
                                  : hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    closedir(dir);
    if (status == 0 && files->count == 0) {
        return hf_error_set(err, HF_ENOTFOUND, "%s: there is no holdfast-FIRST-LAST.jsonl in it", folder);
    }
    return status;
}

static const struct hf_audit_removal *told_of(const struct list *told, const struct hf_audit_removal *file)
{
    for (size_t i = 0; i < told->count; i++) {
        const struct hf_audit_removal *one = &told->items[i];
        if (one->first_id == file->first_id && one->last_id == file->last_id &&
            strcmp(one->file_digest, file->file_digest) == 0 && strcmp(one->previous, file->previous) == 0 &&
            strcmp(one->digest, file->digest) == 0) {
            return one;
        }
    }
    return NULL;
}

/* A file that no event tells of is what a crash left between export and removal, or not this trail's. */
static int match(const struct list *files, const struct list *told, bool is_folder, struct hf_error *err)
{
    size_t matched = 0;
    int64_t reach = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct hf_audit_removal *file = &files->items[i];
        const struct hf_audit_removal *by = told_of(told, file);
        printf("%s: events %lld to %lld, whole in itself, %s", file->file, (long long)file->first_id,
               (long long)file->last_id, by ? "as told by event " : "and no event tells that it was removed");
        if (by) {
            printf("%lld", (long long)by->event_id);
            matched++;
            if (is_folder && file->first_id > reach + 1) {
                printf("\n");
                return hf_error_set(err, HF_ECORRUPT, "events %lld to %lld are in no export", (long long)reach + 1,
                                    (long long)file->first_id - 1);
            }
            reach = file->last_id > reach ? file->last_id : reach;
        }
        printf("\n");
    }
    if (matched == 0) {
        return hf_error_set(err, HF_ECORRUPT, "the trail tells of no such export");
    }
    int64_t gone = 0;
    for (size_t i = 0; i < told->count; i++) {
        gone = told->items[i].last_id > gone ? told->items[i].last_id : gone;
    }
    if (is_folder && reach < gone) {
        return hf_error_set(err, HF_ECORRUPT, "events %lld to %lld are in no export", (long long)reach + 1,
                            (long long)gone);
    }
    return 0;
}

int hf_audit_verify_export(const char *given, const char *database, const struct hf_audit_checks *checks,
                           struct hf_error *err)
{
    struct list files = {0};
    struct list told = {0};
    struct stat info;
    struct hf_audit_reader *reader;
    bool is_folder = stat(given, &info) == 0 && S_ISDIR(info.st_mode);
    int status =
        is_folder ? read_folder(given, checks, &files, &told, err) : read_one(given, checks, &files, &told, err);
    if (status == 0) {
        status = hf_audit_reader_open(database, &reader, err);
    }
    if (status == 0) {
        status = hf_audit_removals(reader, add, &told, err);
        hf_audit_reader_close(reader);
    }
    if (status == 0 && (files.failed || told.failed)) {
        status = hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (status == 0) {
        qsort(files.items, files.count, sizeof *files.items, by_place);
        status = match(&files, &told, is_folder, err);
    }
    free(files.items);
    free(told.items);
    return status;
}
