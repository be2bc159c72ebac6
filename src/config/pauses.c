#include "holdfast/pauses.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/digest.h"
#include "holdfast/text.h"
#include "holdfast/yaml.h"

#define MOST_BYTES ((size_t)1 << 20)
#define KEEP_MS (24 * INT64_C(3600000))
#define LOCK_TRIES 100
#define LOCK_WAIT_US 20000

void hf_pauses_free(struct hf_pauses *pauses)
{
    if (pauses) {
        hf_arena_free(pauses->arena);
    }
}

/* Whoever may write it may make the agent look away. */
static int check_owner(const char *path, struct hf_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", path, strerror(errno));
    }
    if ((info.st_uid != geteuid() && info.st_uid != 0) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return hf_error_set(err, HF_EDENIED, "%s: another user owns it or may write it; expected mode 0600", path);
    }
    return 0;
}

static int read_time(const char *path, const struct hf_value *item, const char *key, int64_t *out, struct hf_error *err)
{
    const struct hf_value *value = hf_value_get(item, key);
    const char *text = hf_value_text(value);
    *out = HF_TIME_NONE;
    if (value && (!text || !hf_time_parse(hf_slice_of(text), out))) {
        return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: %s: expected a time as 2026-03-01T09:30:00Z", path,
                            value->line, value->column, key);
    }
    return 0;
}

static int read_item(const char *path, const struct hf_value *item, struct hf_pause *out, struct hf_error *err)
{
    *out = (struct hf_pause){.id = hf_value_text(hf_value_get(item, "id")),
                             .target = hf_value_text(hf_value_get(item, "target")),
                             .space = hf_value_text(hf_value_get(item, "space")),
                             .unit = hf_value_text(hf_value_get(item, "unit")),
                             .kind = hf_value_text(hf_value_get(item, "kind")),
                             .namespace = hf_value_text(hf_value_get(item, "namespace")),
                             .name = hf_value_text(hf_value_get(item, "name")),
                             .by = hf_value_text(hf_value_get(item, "by")),
                             .reason = hf_value_text(hf_value_get(item, "reason")),
                             .ended_by = hf_value_text(hf_value_get(item, "ended_by"))};
    if (!out->id || strlen(out->id) >= HF_PAUSE_ID || !out->target || !out->by || !out->reason) {
        return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: a pause needs id, target, by and reason", path,
                            item->line, item->column);
    }
    out->is_snooze = hf_value_is_true(hf_value_get(item, "snooze"));
    return read_time(path, item, "since", &out->since_ms, err) != 0 ||
                   read_time(path, item, "until", &out->until_ms, err) != 0 ||
                   read_time(path, item, "ended", &out->ended_ms, err) != 0
               ? -1
               : 0;
}

static int read_list(const char *path, struct hf_pauses *pauses, const struct hf_buf *bytes, struct hf_error *err)
{
    static const struct hf_yaml_limits LIMITS = {.bytes = MOST_BYTES, .depth = 8, .nodes = 50000, .documents = 1};
    struct hf_document *documents;
    size_t count;
    if (hf_yaml_read(pauses->arena, hf_buf_text(bytes), bytes->len, &LIMITS, &documents, &count, err) != 0) {
        return hf_error_wrap(err, "%s", path);
    }
    const struct hf_value *list = count == 1 ? hf_value_get(documents[0].value, "pauses") : NULL;
    if (!list || list->kind != HF_ARRAY || hf_value_count(list) > HF_MOST_PAUSES) {
        return hf_error_set(err, HF_EINVAL, "%s: expected a list `pauses` of at most %u", path, HF_MOST_PAUSES);
    }
    struct hf_pause *items = hf_arena_array(pauses->arena, hf_value_count(list), sizeof *items);
    if (!items) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    for (size_t i = 0; i < hf_value_count(list); i++) {
        if (read_item(path, hf_value_at(list, i), &items[i], err) != 0) {
            return -1;
        }
    }
    pauses->items = items;
    pauses->count = hf_value_count(list);
    return 0;
}

int hf_pauses_read(const char *path, struct hf_pauses **out, struct hf_error *err)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_pauses *pauses = arena ? hf_arena_array(arena, 1, sizeof *pauses) : NULL;
    hf_auto_buf struct hf_buf bytes = {0};
    if (!pauses) {
        hf_arena_free(arena);
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    *pauses = (struct hf_pauses){.arena = arena};
    int result = check_owner(path, err);
    if (result != 0 && err->code == HF_ENOTFOUND) {
        hf_error_clear(err);
        *out = pauses;
        return 0;
    }
    if (result == 0) {
        result = hf_read_file(path, MOST_BYTES, &bytes, err);
    }
    if (result == 0) {
        result = read_list(path, pauses, &bytes, err);
    }
    if (result != 0) {
        hf_arena_free(arena);
        return -1;
    }
    *out = pauses;
    return 0;
}

static void add_text(struct hf_buf *out, const char *key, const char *text)
{
    if (text) {
        hf_buf_addf(out, ",\"%s\":", key);
        hf_buf_add_json(out, hf_slice_of(text));
    }
}

static void add_time(struct hf_buf *out, const char *key, int64_t at_ms)
{
    char text[HF_TIME_TEXT];
    if (at_ms != HF_TIME_NONE) {
        hf_time_format(at_ms, text);
        add_text(out, key, text);
    }
}

static void add_pause(struct hf_buf *out, const struct hf_pause *pause, bool first)
{
    hf_buf_adds(out, first ? "\n  {\"id\":" : ",\n  {\"id\":");
    hf_buf_add_json(out, hf_slice_of(pause->id));
    add_text(out, "target", pause->target);
    add_text(out, "space", pause->space);
    add_text(out, "unit", pause->unit);
    add_text(out, "kind", pause->kind);
    add_text(out, "namespace", pause->namespace);
    add_text(out, "name", pause->name);
    add_text(out, "by", pause->by);
    add_text(out, "reason", pause->reason);
    add_time(out, "since", pause->since_ms);
    add_time(out, "until", pause->until_ms);
    hf_buf_adds(out, pause->is_snooze ? ",\"snooze\":true" : "");
    add_text(out, "ended_by", pause->ended_by);
    add_time(out, "ended", pause->ended_ms);
    hf_buf_addc(out, '}');
}

static int take_lock(const char *path, struct hf_error *err)
{
    hf_auto_buf struct hf_buf name = {0};
    hf_buf_addf(&name, "%s.lock", path);
    int fd = hf_buf_ok(&name) ? open(hf_buf_text(&name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd < 0) {
        return hf_error_set(err, HF_EIO, "%s: %s", hf_buf_text(&name), strerror(errno));
    }
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (i == LOCK_TRIES) {
            close(fd);
            return hf_error_set(err, HF_EBUSY, "%s is held by another program", hf_buf_text(&name));
        }
        usleep(LOCK_WAIT_US);
    }
    return fd;
}

static int replace(const char *path, const struct hf_buf *text, struct hf_error *err)
{
    hf_auto_buf struct hf_buf name = {0};
    hf_buf_addf(&name, "%s.new", path);
    int fd =
        hf_buf_ok(&name) ? open(hf_buf_text(&name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd < 0) {
        return hf_error_set(err, HF_EIO, "%s: %s", hf_buf_text(&name), strerror(errno));
    }
    size_t at = 0;
    bool good = true;
    while (good && at < text->len) {
        ssize_t wrote = write(fd, text->ptr + at, text->len - at);
        good = wrote > 0 || (wrote < 0 && errno == EINTR);
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    good = good && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (!good || rename(hf_buf_text(&name), path) != 0) {
        int why = errno;
        (void)unlink(hf_buf_text(&name));
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(why));
    }
    return 0;
}

bool hf_pause_holds(const struct hf_pause *pause, int64_t now_ms)
{
    return !pause->ended_by && (pause->until_ms == HF_TIME_NONE || pause->until_ms > now_ms);
}

static bool is_forgotten(const struct hf_pause *pause, int64_t now_ms)
{
    int64_t end = pause->ended_by ? pause->ended_ms : pause->until_ms;
    return !hf_pause_holds(pause, now_ms) && (end == HF_TIME_NONE || end < now_ms - KEEP_MS);
}

struct ending {
    const char *id; /* NULL: all */
    const char *by; /* NULL: none is ended */
    size_t count;
};

/* Writes what there is, but for what ended long ago, and one more. */
static int rewrite(const char *path, struct ending *ending, const struct hf_pause *more, int64_t now_ms,
                   struct hf_error *err)
{
    struct hf_pauses *pauses;
    hf_auto_buf struct hf_buf text = {0};
    size_t kept = 0;
    if (hf_pauses_read(path, &pauses, err) != 0) {
        return -1;
    }
    hf_buf_adds(&text, "{\"pauses\":[");
    for (size_t i = 0; i < pauses->count; i++) {
        struct hf_pause pause = pauses->items[i];
        if (is_forgotten(&pause, now_ms)) {
            continue;
        }
        if (ending->by && hf_pause_holds(&pause, now_ms) && (!ending->id || strcmp(pause.id, ending->id) == 0)) {
            pause.ended_by = ending->by;
            pause.ended_ms = now_ms;
            ending->count++;
        }
        add_pause(&text, &pause, kept++ == 0);
    }
    if (more) {
        add_pause(&text, more, kept++ == 0);
    }
    hf_buf_adds(&text, "\n]}\n");
    hf_pauses_free(pauses);
    if (kept > HF_MOST_PAUSES) {
        return hf_error_set(err, HF_ELIMIT, "there are %u pauses already", HF_MOST_PAUSES);
    }
    return hf_buf_ok(&text) ? replace(path, &text, err) : hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
}

int hf_pauses_add(const char *path, const struct hf_pause *pause, int64_t now_ms, char id[HF_PAUSE_ID],
                  struct hf_error *err)
{
    uint32_t number;
    struct ending none = {0};
    if (hf_random(&number, sizeof number, err) != 0) {
        return -1;
    }
    (void)snprintf(id, HF_PAUSE_ID, "p-%08x", number);
    struct hf_pause made = *pause;
    made.id = id;
    int lock = take_lock(path, err);
    if (lock < 0) {
        return -1;
    }
    int result = rewrite(path, &none, &made, now_ms, err);
    close(lock);
    return result;
}

int hf_pauses_end(const char *path, const char *id, const char *by, int64_t now_ms, size_t *count, struct hf_error *err)
{
    struct ending ending = {.id = id, .by = by};
    *count = 0;
    int lock = take_lock(path, err);
    if (lock < 0) {
        return -1;
    }
    int result = rewrite(path, &ending, NULL, now_ms, err);
    close(lock);
    *count = ending.count;
    return result;
}
