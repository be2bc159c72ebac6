/* An exported file by itself: its lines, their chain, its digest. Anybody may have written it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/audit_keep.h"
#include "holdfast/json.h"
#include "trail.h"

#define LINE_MOST ((size_t)32 << 20)
#define PIECE 65536
#define BEGIN "{\"digest\":\""
#define MIDDLE "\",\"event\":"

struct exported {
    const char *path;
    int fd;
    struct hf_hasher *hasher; /* of the file */
    struct hf_hasher *row_hasher;
    const void *key;
    size_t key_len;
    struct hf_buf text; /* read, and not gone through yet from `at` on */
    size_t at;
    size_t line;
    struct hf_audit_removal *out;
    bool has_previous;
    int64_t announced_last; /* by the first line; 0: it has none */
    hf_audit_removal_fn fn;
    void *ctx;
};

static int broken(const struct exported *exported, struct hf_error *err, const char *what)
{
    return hf_error_set(err, HF_ECORRUPT, "%s: line %zu: %s", exported->path, exported->line, what);
}

/* 1: a line (without its line feed), 0: the end, -1. */
static int next_line(struct exported *exported, struct hf_slice *line, struct hf_error *err)
{
    struct hf_buf *text = &exported->text;
    size_t seen = exported->at;
    for (;;) {
        const char *end = text->len > seen ? memchr(text->ptr + seen, '\n', text->len - seen) : NULL;
        if (end) {
            *line = (struct hf_slice){text->ptr + exported->at, (size_t)(end - text->ptr) - exported->at};
            exported->at += line->len + 1;
            exported->line++;
            return 1;
        }
        seen = text->len - exported->at;
        if (exported->at > 0) {
            memmove(text->ptr, text->ptr + exported->at, seen);
            text->len = seen;
            exported->at = 0;
        }
        if (seen > LINE_MOST) {
            exported->line++;
            return broken(exported, err, "it is too long");
        }
        char piece[PIECE];
        ssize_t got = read(exported->fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return hf_error_errno(err, HF_EIO, errno, "read %s", exported->path);
        }
        if (got == 0) {
            exported->line++;
            return seen == 0 ? 0 : broken(exported, err, "it is cut off");
        }
        hf_buf_add(text, piece, (size_t)got);
        exported->out->file_bytes += got;
        if (!hf_buf_ok(text) || hf_hasher_add(exported->hasher, piece, (size_t)got, err) != 0) {
            return hf_buf_ok(text) ? -1 : hf_error_set(err, HF_ENOMEM, "read %s: out of memory", exported->path);
        }
    }
}

/* {"count","first_id","last_id","previous"} */
static int take_head(struct exported *exported, struct hf_slice line, struct hf_error *err)
{
    const struct hf_value *value;
    struct hf_error why = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena || hf_json_read(arena, line.ptr, line.len, NULL, &value, &why) != 0) {
        return broken(exported, err, "it is no JSON");
    }
    const char *previous = hf_value_text(hf_value_get(value, "previous"));
    if (!previous || strlen(previous) >= sizeof exported->out->digest ||
        !hf_value_int(hf_value_get(value, "first_id"), &exported->out->first_id) ||
        !hf_value_int(hf_value_get(value, "last_id"), &exported->announced_last) || exported->out->first_id < 1) {
        return broken(exported, err, "expected {\"count\":…,\"first_id\":…,\"last_id\":…,\"previous\":…} or an event");
    }
    (void)snprintf(exported->out->previous, sizeof exported->out->previous, "%s", previous);
    (void)snprintf(exported->out->digest, sizeof exported->out->digest, "%s", previous);
    exported->out->last_id = exported->out->first_id - 1;
    exported->has_previous = true;
    return 0;
}

static int recompute(struct exported *exported, const char *previous, struct hf_slice canonical, bool keyed,
                     char out[HF_TRAIL_DIGEST_TEXT], struct hf_error *err)
{
    struct hf_digest digest;
    char text[HF_SHA256_TEXT];
    if (keyed) {
        hf_auto_buf struct hf_buf whole = {0};
        hf_buf_addf(&whole, "%s\n", previous);
        hf_buf_add(&whole, canonical.ptr, canonical.len);
        if (!hf_buf_ok(&whole)) {
            return hf_error_set(err, HF_ENOMEM, "read %s: out of memory", exported->path);
        }
        if (hf_hmac_sha256(exported->key, exported->key_len, whole.ptr, whole.len, &digest, err) != 0) {
            return -1;
        }
    } else if (hf_hasher_add(exported->row_hasher, previous, strlen(previous), err) != 0 ||
               hf_hasher_add(exported->row_hasher, "\n", 1, err) != 0 ||
               hf_hasher_add(exported->row_hasher, canonical.ptr, canonical.len, err) != 0 ||
               hf_hasher_finish(exported->row_hasher, &digest, err) != 0) {
        return -1;
    }
    hf_digest_text(&digest, text);
    (void)snprintf(out, HF_TRAIL_DIGEST_TEXT, "%s%s", keyed ? HF_CHAIN_KEYED : "", text);
    return 0;
}

/* The row's id, in order; and what it tells of an earlier removal. */
static int take_event(struct exported *exported, struct hf_slice canonical, struct hf_error *err)
{
    const struct hf_value *value;
    struct hf_error why = HF_ERROR_INIT;
    int64_t id;
    static const struct hf_read_limits LIMITS = {.bytes = LINE_MOST, .depth = 4, .nodes = 1000};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena || hf_json_read(arena, canonical.ptr, canonical.len, &LIMITS, &value, &why) != 0 ||
        !hf_value_int(hf_value_get(value, "id"), &id)) {
        return broken(exported, err, "it is no event");
    }
    struct hf_audit_removal *out = exported->out;
    if (out->first_id == 0) {
        out->first_id = id;
        out->last_id = id - 1;
    }
    if (id != out->last_id + 1) {
        hf_error_set(&why, HF_ECORRUPT, "expected event %lld, found %lld", (long long)out->last_id + 1, (long long)id);
        return broken(exported, err, why.text);
    }
    out->last_id = id;
    const char *at = hf_value_text(hf_value_get(value, "at"));
    const char *type = hf_value_text(hf_value_get(value, "type"));
    const char *detail = hf_value_text(hf_value_get(value, "detail"));
    if (!at || !hf_time_parse(hf_slice_of(at), &out->last_at_ms)) {
        out->last_at_ms = HF_TIME_NONE;
    }
    struct hf_audit_removal removal;
    if (exported->fn && type && detail && strcmp(type, HF_REMOVED) == 0 &&
        hf_removal_parse(hf_slice_of(detail), id, &removal)) {
        (void)exported->fn(exported->ctx, &removal);
    }
    return 0;
}

static int take_row(struct exported *exported, struct hf_slice line, struct hf_error *err)
{
    char stored[HF_TRAIL_DIGEST_TEXT];
    char digest[HF_TRAIL_DIGEST_TEXT];
    struct hf_slice rest = {line.ptr + sizeof BEGIN - 1, line.len - (sizeof BEGIN - 1)};
    const char *end = memchr(rest.ptr, '"', rest.len);
    size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
    if (!end || len >= sizeof stored || !hf_slice_starts((struct hf_slice){end, rest.len - len}, MIDDLE) ||
        rest.ptr[rest.len - 1] != '}') {
        return broken(exported, err, "expected {\"digest\":\"…\",\"event\":{…}}");
    }
    memcpy(stored, rest.ptr, len);
    stored[len] = '\0';
    struct hf_slice canonical = {end + sizeof MIDDLE - 1, rest.len - len - (sizeof MIDDLE - 1) - 1};
    bool keyed = hf_chain_is_keyed(stored);
    if (keyed && !exported->key) {
        return hf_error_set(err, HF_EINVAL, "%s: line %zu: it is keyed, and no key was given", exported->path,
                            exported->line);
    }
    if (!keyed && hf_chain_is_keyed(exported->out->digest)) {
        return broken(exported, err, "its digest is not keyed, the one before is");
    }
    if (take_event(exported, canonical, err) != 0) {
        return -1;
    }
    if (!exported->has_previous && exported->out->first_id == 1) {
        (void)snprintf(exported->out->previous, sizeof exported->out->previous, "%s", HF_CHAIN_START);
        (void)snprintf(exported->out->digest, sizeof exported->out->digest, "%s", HF_CHAIN_START);
        exported->has_previous = true;
    }
    if (exported->has_previous) {
        if (recompute(exported, exported->out->digest, canonical, keyed, digest, err) != 0) {
            return -1;
        }
        if (strcmp(digest, stored) != 0) {
            return broken(exported, err, "it is not what it was when it was recorded");
        }
    }
    exported->has_previous = true; /* of a part without its beginning the first row is taken as it is */
    (void)snprintf(exported->out->digest, sizeof exported->out->digest, "%s", stored);
    return 0;
}

static int read_lines(struct exported *exported, struct hf_error *err)
{
    struct hf_slice line;
    int got;
    while ((got = next_line(exported, &line, err)) == 1) {
        bool is_row = hf_slice_starts(line, BEGIN);
        if (!is_row && exported->line > 1) {
            return broken(exported, err, "it is no event");
        }
        if ((is_row ? take_row(exported, line, err) : take_head(exported, line, err)) != 0) {
            return -1;
        }
    }
    if (got != 0) {
        return -1;
    }
    if (exported->out->first_id == 0 || exported->out->last_id < exported->out->first_id) {
        return broken(exported, err, "it has no event");
    }
    if (exported->announced_last != 0 && exported->announced_last != exported->out->last_id) {
        return broken(exported, err, "its end is missing");
    }
    return 0;
}

int hf_audit_exported_read(const char *path, const void *key, size_t key_len, struct hf_audit_removal *out,
                           hf_audit_removal_fn fn, void *ctx, struct hf_error *err)
{
    struct stat info;
    struct hf_digest digest;
    const char *slash = strrchr(path, '/');
    struct exported exported = {.path = path, .key = key, .key_len = key_len, .out = out, .fn = fn, .ctx = ctx};
    memset(out, 0, sizeof *out);
    out->last_at_ms = HF_TIME_NONE;
    (void)snprintf(out->file, sizeof out->file, "%.120s", slash ? slash + 1 : path);
    hf_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return hf_error_errno(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, errno, "open %s", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return hf_error_set(err, HF_EINVAL, "%s is not a file", path);
    }
    exported.fd = fd;
    exported.hasher = hf_hasher_new(err);
    exported.row_hasher = exported.hasher ? hf_hasher_new(err) : NULL;
    int status = exported.row_hasher ? read_lines(&exported, err) : -1;
    if (status == 0 && (status = hf_hasher_finish(exported.hasher, &digest, err)) == 0) {
        hf_digest_text(&digest, out->file_digest);
    }
    hf_hasher_free(exported.hasher);
    hf_hasher_free(exported.row_hasher);
    hf_buf_free(&exported.text);
    return status;
}
