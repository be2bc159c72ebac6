#include "holdfast/asks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/digest.h"
#include "holdfast/json.h"

#define MOST_BYTES ((size_t)64 << 10)
#define MOST_ANSWER ((size_t)64 << 20)
#define MOST_WAITING 100
#define LATE_MS 600000
#define KEEP_MS (24 * INT64_C(3600000))

static const char *const kinds[] = {"accept", "rollback", "units", "put_back"};

const char *hf_ask_kind_name(enum hf_ask_kind kind)
{
    return kinds[kind];
}

/* Whoever may write there may ask in the agent's name. */
static int check_folder(const char *folder, struct hf_error *err)
{
    struct stat info;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return hf_error_errno(err, HF_EIO, errno, "make %s", folder);
    }
    if (lstat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return hf_error_set(err, HF_EDENIED, "%s is no folder", folder);
    }
    if ((info.st_uid != geteuid() && info.st_uid != 0 && geteuid() != 0) || (info.st_mode & 077) != 0) {
        return hf_error_set(err, HF_EDENIED, "%s: found mode %03o, expected the agent's own user and mode 700", folder,
                            (unsigned)(info.st_mode & 0777));
    }
    return 0;
}

static int name_of(struct hf_buf *out, const char *folder, const char *id, const char *ending, struct hf_error *err)
{
    hf_buf_clear(out);
    hf_buf_addf(out, "%s/%s%s", folder, id, ending);
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "%s: out of memory", folder);
}

static bool is_id(const char *text, size_t len)
{
    return len > 2 && len < HF_ASK_ID && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") >= len;
}

static void add_text(struct hf_buf *out, const char *name, const char *text)
{
    if (text) {
        hf_buf_addf(out, ",\"%s\":", name);
        hf_buf_add_json(out, hf_slice_of(text));
    }
}

static int write_whole(int fd, const struct hf_buf *text)
{
    size_t at = 0;
    while (at < text->len) {
        ssize_t wrote = write(fd, text->ptr + at, text->len - at);
        if (wrote < 0 && errno != EINTR) {
            return -1;
        }
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(fd);
}

/* Of those that wait: the one that came first ("" when none does); how many there are. Ids rise with the time. */
static int look(const char *folder, const char *ending, char first[HF_ASK_ID], size_t *count, struct hf_error *err)
{
    DIR *dir = opendir(folder);
    first[0] = '\0';
    *count = 0;
    if (!dir) {
        return errno == ENOENT ? 0 : hf_error_errno(err, HF_EIO, errno, "read %s", folder);
    }
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        const char *dot = strchr(entry->d_name, '.');
        size_t len = dot ? (size_t)(dot - entry->d_name) : 0;
        if (dot && strcmp(dot, ending) == 0 && is_id(entry->d_name, len)) {
            ++*count;
            if (!first[0] || strncmp(entry->d_name, first, len) < 0) {
                memcpy(first, entry->d_name, len);
                first[len] = '\0';
            }
        }
    }
    (void)closedir(dir);
    return 0;
}

int hf_ask_submit(const char *folder, const struct hf_ask *ask, char id[HF_ASK_ID], struct hf_error *err)
{
    hf_auto_buf struct hf_buf temporary = {0};
    hf_auto_buf struct hf_buf name = {0};
    hf_auto_buf struct hf_buf text = {0};
    char first[HF_ASK_ID];
    size_t waiting;
    unsigned char number[3];
    if (check_folder(folder, err) != 0 || look(folder, ".ask", first, &waiting, err) != 0 ||
        hf_random(number, sizeof number, err) != 0) {
        return -1;
    }
    if (waiting >= MOST_WAITING) {
        return hf_error_set(err, HF_ELIMIT, "%zu requests wait already: does the agent run?", waiting);
    }
    (void)snprintf(id, HF_ASK_ID, "a%011" PRIx64 "-%02x%02x%02x", (uint64_t)ask->at_ms, number[0], number[1],
                   number[2]);
    hf_buf_addf(&text, "{\"kind\":\"%s\",\"to\":%" PRId64 ",\"dry_run\":%s,\"at\":%" PRId64,
                hf_ask_kind_name(ask->kind), ask->to, ask->dry_run ? "true" : "false", ask->at_ms);
    add_text(&text, "target", ask->target);
    add_text(&text, "space", ask->space);
    add_text(&text, "unit", ask->unit);
    add_text(&text, "object_kind", ask->object_kind);
    add_text(&text, "namespace", ask->namespace);
    add_text(&text, "name", ask->name);
    add_text(&text, "by", ask->by);
    add_text(&text, "reason", ask->reason);
    hf_buf_adds(&text, "}\n");
    if (!hf_buf_ok(&text) || name_of(&temporary, folder, id, ".new", err) != 0 ||
        name_of(&name, folder, id, ".ask", err) != 0) {
        return hf_error_set(err, HF_ENOMEM, "ask the agent: out of memory");
    }
    hf_auto_fd int fd = open(temporary.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write_whole(fd, &text) != 0 || rename(temporary.ptr, name.ptr) != 0) {
        return hf_error_errno(err, HF_EIO, errno, "write %s", name.ptr);
    }
    return 0;
}

bool hf_ask_withdraw(const char *folder, const char *id)
{
    struct hf_error ignored = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf name = {0};
    return name_of(&name, folder, id, ".ask", &ignored) == 0 && unlink(name.ptr) == 0;
}

int hf_ask_answers(const char *folder, const char *id, size_t *offset, struct hf_buf *out, struct hf_error *err)
{
    hf_auto_buf struct hf_buf name = {0};
    hf_auto_buf struct hf_buf all = {0};
    struct hf_error unread = HF_ERROR_INIT;
    if (name_of(&name, folder, id, ".answer", err) != 0) {
        return -1;
    }
    if (hf_read_file(name.ptr, MOST_ANSWER, &all, &unread) != 0) {
        return unread.code == HF_ENOTFOUND ? 0 : hf_error_set(err, unread.code, "%s", unread.text);
    }
    size_t end = all.len;
    while (end > *offset && all.ptr[end - 1] != '\n') {
        end--;
    }
    if (end > *offset) {
        hf_buf_add(out, all.ptr + *offset, end - *offset);
        *offset = end;
    }
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "read the answers: out of memory");
}

int hf_ask_answer(const char *folder, const char *id, const char *state, const char *message, struct hf_error *err)
{
    char at[HF_TIME_TEXT];
    hf_auto_buf struct hf_buf name = {0};
    hf_auto_buf struct hf_buf line = {0};
    hf_time_format(hf_now_ms(), at);
    hf_buf_addf(&line, "{\"at\":\"%s\",\"state\":\"%s\",\"message\":", at, state);
    hf_buf_add_json(&line, hf_slice_of(message));
    hf_buf_adds(&line, "}\n");
    if (!hf_buf_ok(&line) || name_of(&name, folder, id, ".answer", err) != 0) {
        return hf_error_set(err, HF_ENOMEM, "answer an ask: out of memory");
    }
    hf_auto_fd int fd = open(name.ptr, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 && write_whole(fd, &line) == 0 ? 0 : hf_error_errno(err, HF_EIO, errno, "write %s", name.ptr);
}

static void remove_old(const char *folder)
{
    DIR *dir = opendir(folder);
    int64_t now_s = hf_now_ms() / 1000;
    for (const struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        struct stat info;
        if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode) && now_s - info.st_mtime > KEEP_MS / 1000) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

static int end_ask(const char *folder, const char *id, const char *ending, const char *state, const char *why,
                   struct hf_error *err)
{
    hf_auto_buf struct hf_buf name = {0};
    if (hf_ask_answer(folder, id, state, why, err) != 0 || name_of(&name, folder, id, ending, err) != 0) {
        return -1;
    }
    return unlink(name.ptr) == 0 || errno == ENOENT ? 0 : hf_error_errno(err, HF_EIO, errno, "remove %s", name.ptr);
}

static const char *text_of(const struct hf_value *value, const char *name)
{
    return hf_value_text(hf_value_get(value, name));
}

static bool read_ask(struct hf_arena *arena, const char *id, const struct hf_buf *bytes, struct hf_ask *out)
{
    const struct hf_value *value;
    struct hf_error ignored = HF_ERROR_INIT;
    if (hf_json_read(arena, hf_buf_text(bytes), bytes->len, NULL, &value, &ignored) != 0) {
        return false;
    }
    const char *kind = text_of(value, "kind");
    size_t number = 0;
    while (kind && number < sizeof kinds / sizeof kinds[0] && strcmp(kind, kinds[number]) != 0) {
        number++;
    }
    *out = (struct hf_ask){.id = hf_arena_copy(arena, id, strlen(id)),
                           .kind = (enum hf_ask_kind)number,
                           .target = text_of(value, "target"),
                           .space = text_of(value, "space"),
                           .unit = text_of(value, "unit"),
                           .object_kind = text_of(value, "object_kind"),
                           .namespace = text_of(value, "namespace"),
                           .name = text_of(value, "name"),
                           .dry_run = hf_value_is_true(hf_value_get(value, "dry_run")),
                           .by = text_of(value, "by"),
                           .reason = text_of(value, "reason")};
    bool is_whole = number == HF_ASK_UNITS || (out->target && out->unit && out->reason);
    return kind && number < sizeof kinds / sizeof kinds[0] && is_whole && out->id && out->by &&
           hf_value_int(hf_value_get(value, "to"), &out->to) && hf_value_int(hf_value_get(value, "at"), &out->at_ms);
}

static bool has_ended(const char *folder, const char *id)
{
    struct hf_error ignored = HF_ERROR_INIT;
    size_t offset = 0;
    hf_auto_buf struct hf_buf answers = {0};
    (void)hf_ask_answers(folder, id, &offset, &answers, &ignored);
    return answers.ptr && (strstr(answers.ptr, "\"state\":\"done\"") || strstr(answers.ptr, "\"state\":\"failed\"") ||
                           strstr(answers.ptr, "\"state\":\"refused\""));
}

static void tell_interrupted(const char *folder, const char *id, void (*interrupted)(void *, const struct hf_ask *),
                             void *ctx)
{
    struct hf_error ignored = HF_ERROR_INIT;
    struct hf_ask ask;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf name = {0};
    hf_auto_buf struct hf_buf bytes = {0};
    if (interrupted && arena && name_of(&name, folder, id, ".taken", &ignored) == 0 &&
        hf_read_file(name.ptr, MOST_BYTES, &bytes, &ignored) == 0 && read_ask(arena, id, &bytes, &ask)) {
        interrupted(ctx, &ask);
    }
}

void hf_ask_end(const char *folder, const char *id)
{
    struct hf_error ignored = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf name = {0};
    if (name_of(&name, folder, id, ".taken", &ignored) == 0) {
        (void)unlink(name.ptr); /* what stays is seen at the next start to have ended */
    }
}

int hf_asks_begin(const char *folder, void (*interrupted)(void *ctx, const struct hf_ask *ask), void *ctx,
                  struct hf_error *err)
{
    char id[HF_ASK_ID];
    size_t count = 1;
    if (check_folder(folder, err) != 0) {
        return -1;
    }
    remove_old(folder);
    while (look(folder, ".taken", id, &count, err) == 0 && count > 0) {
        hf_auto_buf struct hf_buf name = {0};
        if (!has_ended(folder, id)) {
            tell_interrupted(folder, id, interrupted, ctx);
            if (hf_ask_answer(folder, id, "failed", "the agent ended while it was under way", err) != 0) {
                return -1;
            }
        }
        if (name_of(&name, folder, id, ".taken", err) != 0 || unlink(name.ptr) != 0) {
            return hf_error_set(err, HF_EIO, "%s can't be removed", hf_buf_text(&name));
        }
    }
    return err->code == HF_OK ? 0 : -1;
}

int hf_ask_take(const char *folder, struct hf_arena *arena, struct hf_ask *out, struct hf_error *err)
{
    char id[HF_ASK_ID];
    size_t count;
    for (;;) {
        hf_auto_buf struct hf_buf name = {0};
        hf_auto_buf struct hf_buf taken = {0};
        hf_auto_buf struct hf_buf bytes = {0};
        struct hf_error unread = HF_ERROR_INIT;
        if (look(folder, ".ask", id, &count, err) != 0 || check_folder(folder, err) != 0) {
            return -1;
        }
        if (count == 0) {
            return hf_error_set(err, HF_ENOTFOUND, "nothing is asked");
        }
        if (name_of(&name, folder, id, ".ask", err) != 0 || name_of(&taken, folder, id, ".taken", err) != 0) {
            return -1;
        }
        if (rename(name.ptr, taken.ptr) != 0) {
            return hf_error_errno(err, HF_EIO, errno, "take %s", name.ptr);
        }
        bool is_read = hf_read_file(taken.ptr, MOST_BYTES, &bytes, &unread) == 0 && read_ask(arena, id, &bytes, out);
        if (is_read && hf_now_ms() - out->at_ms <= LATE_MS) {
            return 0;
        }
        if (end_ask(folder, id, ".taken", "refused",
                    is_read ? "it is older than ten minutes: the agent was not there" : "it can't be read", err) != 0) {
            return -1;
        }
    }
}
