/* The key of a keyed chain: read from its file, and held against the rows that it is to go on from. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trail.h"

#define KEY_MOST 4096u
#define KEYED_SQL "e.digest >= 'hmac-' AND e.digest < 'hmac.'"

static int check_file(int fd, const char *path, struct hf_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return hf_error_errno(err, HF_EIO, errno, "stat the trail's key %s", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return hf_error_set(err, HF_EINVAL, "the trail's key %s is not a file", path);
    }
    if (info.st_mode & (S_IRWXG | S_IRWXO)) {
        return hf_error_set(err, HF_EDENIED,
                            "the trail's key %s has mode %04o: others than its owner can use it; expected 0600 or 0400",
                            path, (unsigned)(info.st_mode & 07777));
    }
    return 0;
}

static int read_all(int fd, const char *path, struct hf_buf *out, struct hf_error *err)
{
    char piece[KEY_MOST + 1];
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, piece + len, sizeof piece - len)) != 0) {
        if (got < 0 && errno != EINTR) {
            hf_wipe(piece, sizeof piece);
            return hf_error_errno(err, HF_EIO, errno, "read the trail's key %s", path);
        }
        len += got > 0 ? (size_t)got : 0;
        if (len > KEY_MOST) {
            hf_wipe(piece, sizeof piece);
            return hf_error_set(err, HF_ELIMIT, "the trail's key %s has more than %u bytes", path, KEY_MOST);
        }
    }
    while (len > 0 && (piece[len - 1] == '\n' || piece[len - 1] == '\r')) {
        len--;
    }
    hf_buf_add(out, piece, len);
    hf_wipe(piece, sizeof piece);
    if (len < HF_AUDIT_KEY_LEAST) {
        return hf_error_set(err, HF_EINVAL, "the trail's key %s has %zu bytes, expected at least %d", path, len,
                            HF_AUDIT_KEY_LEAST);
    }
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "read the trail's key: out of memory");
}

int hf_audit_key_load(const char *path, struct hf_buf *out, struct hf_error *err)
{
    hf_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        enum hf_code code = errno == ENOENT ? HF_ENOTFOUND : errno == EACCES ? HF_EDENIED : HF_EIO;
        return hf_error_errno(err, code, errno, "open the trail's key %s", path);
    }
    return check_file(fd, path, err) != 0 ? -1 : read_all(fd, path, out, err);
}

bool hf_chain_is_keyed(const char *digest)
{
    return strncmp(digest, HF_CHAIN_KEYED, sizeof HF_CHAIN_KEYED - 1) == 0;
}

static int refuse(sqlite3 *db, const char *why, struct hf_error *err)
{
    int64_t first;
    if (hf_store_integer(db, "SELECT min(e.id) FROM events e WHERE " KEYED_SQL, &first, err) != 0) {
        return -1;
    }
    return hf_error_set(err, HF_EINVAL, "the trail is keyed from event %lld on, and %s (trail.hmac_key)",
                        (long long)first, why);
}

/* Of a row with the digest before it: whether the key made its digest. */
static int matches(sqlite3_stmt *statement, struct hf_chain *chain, bool *match, struct hf_error *err)
{
    struct hf_row row;
    struct hf_error unreadable = HF_ERROR_INIT;
    char digest[HF_TRAIL_DIGEST_TEXT];
    const char *stored = (const char *)sqlite3_column_text(statement, 1);
    const char *previous = (const char *)sqlite3_column_text(statement, 2);
    *match = false;
    if (!stored || !previous ||
        hf_row_from_statement(&row, sqlite3_column_int64(statement, 0), statement, 3, &unreadable) != 0) {
        return 0;
    }
    if (hf_chain_digest(chain, previous, &row, true, digest, err) != 0) {
        return -1;
    }
    *match = strcmp(stored, digest) == 0;
    return 0;
}

/* More than one row is asked: one that somebody has changed is found by verify, and keeps no agent from its work. */
int hf_key_check(sqlite3 *db, const char *head, struct hf_chain *chain, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (!hf_chain_is_keyed(head)) {
        return 0;
    }
    if (!chain->key) {
        return refuse(db, "no key is given", err);
    }
    if (hf_store_prepare(db,
                         "SELECT id, digest, CASE id WHEN 1 THEN ?1 ELSE"
                         " (SELECT p.digest FROM events p WHERE p.id = e.id - 1) END," HF_COLUMN_LIST
                         " FROM events e WHERE " KEYED_SQL " ORDER BY id DESC LIMIT 50",
                         &statement, err) != 0) {
        return -1;
    }
    hf_bind_text(statement, 1, HF_CHAIN_START);
    int status = 0;
    int result = SQLITE_DONE;
    bool match = false;
    bool any = false;
    while (status == 0 && !match && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        any = any || sqlite3_column_type(statement, 2) != SQLITE_NULL;
        status = matches(statement, chain, &match, err);
    }
    if (status == 0 && !match && result != SQLITE_DONE) {
        status = hf_store_error(db, err, "read the audit trail's head");
    }
    sqlite3_finalize(statement);
    return status == 0 && any && !match ? refuse(db, "the key that is given is another one", err) : status;
}
