/* What is kept elsewhere of a trail: made, appended, read, held against it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/audit_keep.h"
#include "holdfast/json.h"
#include "trail.h"

#define LINE_MOST 8192

/* Without hmac: what that is of. */
static void add_object(struct hf_buf *out, const char *at, const char *digest, const char *hmac, const char *host,
                       int64_t id)
{
    hf_buf_adds(out, "{\"at\":");
    hf_buf_add_json(out, hf_slice_of(at));
    hf_buf_adds(out, ",\"digest\":");
    hf_buf_add_json(out, hf_slice_of(digest));
    if (hmac) {
        hf_buf_addf(out, ",\"hmac\":\"%s\"", hmac);
    }
    hf_buf_adds(out, ",\"host\":");
    hf_buf_add_json(out, hf_slice_of(host));
    hf_buf_addf(out, ",\"id\":%lld}", (long long)id);
}

static int make_hmac(const void *key, size_t key_len, const char *at, const char *digest, const char *host, int64_t id,
                     struct hf_buf *hex, struct hf_error *err)
{
    hf_auto_buf struct hf_buf object = {0};
    struct hf_digest hmac;
    add_object(&object, at, digest, NULL, host, id);
    if (!hf_buf_ok(&object)) {
        return hf_error_set(err, HF_ENOMEM, "checkpoint: out of memory");
    }
    if (hf_hmac_sha256(key, key_len, object.ptr, object.len, &hmac, err) != 0) {
        return -1;
    }
    hf_buf_add_hex(hex, hmac.bytes, sizeof hmac.bytes);
    return hf_buf_ok(hex) ? 0 : hf_error_set(err, HF_ENOMEM, "checkpoint: out of memory");
}

static int read_head(sqlite3 *db, int64_t *id, struct hf_buf *digest, struct hf_error *err)
{
    sqlite3_stmt *statement;
    *id = 0;
    if (hf_store_prepare(db, "SELECT id, digest FROM events ORDER BY id DESC LIMIT 1", &statement, err) != 0) {
        return -1;
    }
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        *id = sqlite3_column_int64(statement, 0);
        hf_buf_adds(digest, (const char *)sqlite3_column_text(statement, 1));
    }
    int status =
        result == SQLITE_ROW || result == SQLITE_DONE ? 0 : hf_store_error(db, err, "read the audit trail's head");
    sqlite3_finalize(statement);
    return status;
}

int hf_audit_checkpoint_make(struct hf_audit_reader *reader, const char *host, const void *key, size_t key_len,
                             int64_t *id, struct hf_buf *out, struct hf_error *err)
{
    hf_auto_buf struct hf_buf digest = {0};
    hf_auto_buf struct hf_buf hmac = {0};
    char now[HF_TIME_TEXT];
    if (read_head(reader->db, id, &digest, err) != 0) {
        return -1;
    }
    if (*id == 0) {
        return 0;
    }
    hf_time_format(hf_now_ms(), now);
    if (key && make_hmac(key, key_len, now, hf_buf_text(&digest), host, *id, &hmac, err) != 0) {
        return -1;
    }
    add_object(out, now, hf_buf_text(&digest), key ? hf_buf_text(&hmac) : NULL, host, *id);
    hf_buf_addc(out, '\n');
    return hf_buf_ok(out) && hf_buf_ok(&digest) ? 0 : hf_error_set(err, HF_ENOMEM, "checkpoint: out of memory");
}

/* A file that can only be appended to is one too: then nobody can tell how it ends. */
static int open_file(const char *path, bool *can_read, struct hf_error *err)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    *can_read = fd >= 0;
    if (fd < 0 && (errno == EACCES || errno == EPERM)) {
        fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0) {
        enum hf_code code = errno == ENOENT ? HF_ENOTFOUND : errno == EACCES || errno == EPERM ? HF_EDENIED : HF_EIO;
        return hf_error_errno(err, code, errno, "open the checkpoints %s", path);
    }
    return fd;
}

int hf_audit_checkpoint_append(const char *path, struct hf_slice line, struct hf_error *err)
{
    bool can_read;
    struct stat info;
    char last = '\n';
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_fd int fd = open_file(path, &can_read, err);
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return hf_error_set(err, HF_EINVAL, "the checkpoints %s are not a file", path);
    }
    if (can_read && info.st_size > 0 && pread(fd, &last, 1, info.st_size - 1) == 1 && last != '\n') {
        hf_buf_addc(&text, '\n');
    }
    hf_buf_add(&text, line.ptr, line.len);
    if (!hf_buf_ok(&text)) {
        return hf_error_set(err, HF_ENOMEM, "checkpoint: out of memory");
    }
    ssize_t written = write(fd, text.ptr, text.len);
    if (written < 0) {
        return hf_error_errno(err, HF_EIO, errno, "append to the checkpoints %s", path);
    }
    if ((size_t)written != text.len) {
        return hf_error_set(err, HF_EIO, "append to the checkpoints %s: no space left on the disk", path);
    }
    if (fsync(fd) != 0) {
        return hf_error_errno(err, HF_EIO, errno, "sync the checkpoints %s", path);
    }
    return info.st_size > 0 ? 0 : hf_store_sync_folder(path, err);
}

static int check_hmac(const struct hf_value *value, const struct hf_audit_checkpoint *checkpoint, const char *name,
                      const void *key, size_t key_len, struct hf_error *err)
{
    const char *told = hf_value_text(hf_value_get(value, "hmac"));
    const char *host = hf_value_text(hf_value_get(value, "host"));
    hf_auto_buf struct hf_buf hmac = {0};
    if (!key || !told) {
        return 0;
    }
    if (make_hmac(key, key_len, checkpoint->at, checkpoint->digest, host ? host : "", checkpoint->id, &hmac, err) !=
        0) {
        return -1;
    }
    return strcmp(hf_buf_text(&hmac), told) == 0
               ? 0
               : hf_error_set(err, HF_ECORRUPT, "%s: line %zu: its hmac is not by this key, or the line was changed",
                              name, checkpoint->line);
}

static int read_line(struct hf_arena *arena, const char *name, struct hf_slice line, const void *key, size_t key_len,
                     struct hf_audit_checkpoint *out, struct hf_error *err)
{
    const struct hf_value *value;
    size_t number = out->line;
    if (line.len > LINE_MOST) {
        return hf_error_set(err, HF_EINVAL, "%s: line %zu has more than %d bytes", name, number, LINE_MOST);
    }
    if (hf_json_read(arena, line.ptr, line.len, NULL, &value, err) != 0) {
        return hf_error_wrap(err, "%s: line %zu", name, number);
    }
    out->digest = hf_value_text(hf_value_get(value, "digest"));
    out->at = hf_value_text(hf_value_get(value, "at"));
    out->at = out->at ? out->at : "";
    if (!out->digest || !hf_value_int(hf_value_get(value, "id"), &out->id) || out->id < 1) {
        return hf_error_set(err, HF_EINVAL, "%s: line %zu: expected {\"digest\":\"sha256:…\",\"id\":N}", name, number);
    }
    return check_hmac(value, out, name, key, key_len, err);
}

/* Cuts the next line off; false at the end. */
static bool next_line(struct hf_slice *text, struct hf_slice *line)
{
    if (text->len == 0) {
        return false;
    }
    const char *end = memchr(text->ptr, '\n', text->len);
    *line = (struct hf_slice){text->ptr, end ? (size_t)(end - text->ptr) : text->len};
    text->len -= line->len + (end != NULL);
    text->ptr += line->len + (end != NULL);
    while (line->len > 0 && strchr(" \r", line->ptr[line->len - 1])) {
        line->len--;
    }
    return true;
}

/* Only ever written whole: what has no end was cut off by a crash, and says nothing. */
static bool is_cut_off(struct hf_slice line)
{
    return line.len == 0 || (*line.ptr == '{' && line.ptr[line.len - 1] != '}');
}

static int by_id(const void *a, const void *b)
{
    const struct hf_audit_checkpoint *left = a;
    const struct hf_audit_checkpoint *right = b;
    int order = (left->id > right->id) - (left->id < right->id);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

int hf_audit_checkpoints_read(struct hf_arena *arena, const char *name, struct hf_slice text, const void *key,
                              size_t key_len, struct hf_audit_checkpoint **out, size_t *count, struct hf_error *err)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    struct hf_audit_checkpoint *list = hf_arena_array(arena, lines, sizeof *list);
    if (!list) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", name);
    }
    *count = 0;
    *out = list;
    struct hf_slice line;
    for (size_t number = 1; next_line(&text, &line); number++) {
        list[*count].line = number;
        if (is_cut_off(line)) {
            continue;
        }
        if (read_line(arena, name, line, key, key_len, &list[*count], err) != 0) {
            return -1;
        }
        ++*count;
    }
    if (*count == 0) {
        return hf_error_set(err, HF_EINVAL, "%s: it has no checkpoint", name);
    }
    qsort(list, *count, sizeof *list, by_id);
    return 0;
}

int hf_audit_checkpoint_last(const char *path, struct hf_arena *arena, struct hf_audit_checkpoint *out,
                             struct hf_error *err)
{
    char end[LINE_MOST * 2];
    struct stat info;
    memset(out, 0, sizeof *out);
    hf_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == EACCES)) {
        return 0; /* not made yet, or one that can only be appended to */
    }
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return hf_error_set(err, HF_EIO, "the checkpoints %s can't be read", path);
    }
    off_t from = info.st_size > (off_t)sizeof end ? info.st_size - (off_t)sizeof end : 0;
    ssize_t got = pread(fd, end, sizeof end, from);
    if (got < 0) {
        return hf_error_errno(err, HF_EIO, errno, "read the checkpoints %s", path);
    }
    struct hf_slice text = {end, (size_t)got};
    struct hf_slice line;
    if (from > 0) {
        (void)next_line(&text, &line); /* the end of a line */
    }
    while (next_line(&text, &line)) {
        struct hf_audit_checkpoint found = {.line = 0};
        struct hf_error not_one = HF_ERROR_INIT;
        if (!is_cut_off(line) && read_line(arena, path, line, NULL, 0, &found, &not_one) == 0) {
            *out = found;
        }
    }
    return 0;
}

int hf_audit_checkpoint_holds(struct hf_audit_reader *reader, const struct hf_audit_checkpoint *checkpoint,
                              struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(reader->db,
                         "SELECT (SELECT min(id) FROM events), (SELECT digest FROM events WHERE id = ?1),"
                         " (SELECT max(id) FROM events)",
                         &statement, err) != 0) {
        return -1;
    }
    sqlite3_bind_int64(statement, 1, checkpoint->id);
    int status = 0;
    if (sqlite3_step(statement) != SQLITE_ROW) {
        status = hf_store_error(reader->db, err, "read the audit trail");
    } else {
        const char *digest = (const char *)sqlite3_column_text(statement, 1);
        bool is_removed = !digest && sqlite3_column_int64(statement, 0) > checkpoint->id;
        if (!digest && !is_removed) {
            status =
                hf_error_set(err, HF_ECORRUPT,
                             "event %lld, of which there is a checkpoint of %s, is missing: the trail ends at %lld",
                             (long long)checkpoint->id, checkpoint->at, (long long)sqlite3_column_int64(statement, 2));
        } else if (digest && strcmp(digest, checkpoint->digest) != 0) {
            status = hf_error_set(err, HF_ECORRUPT,
                                  "event %lld is not the one of which there is a checkpoint of %s: the trail was "
                                  "changed up to it, or another one took its place",
                                  (long long)checkpoint->id, checkpoint->at);
        }
    }
    sqlite3_finalize(statement);
    return status;
}
