/* The database file: opened with care, since anybody may have written it; set aside when it is broken, never deleted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trail.h"

#define BUSY_MS 5000

static enum hf_code code_of(int result)
{
    switch (result & 0xFF) {
    case SQLITE_NOMEM:
        return HF_ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return HF_EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return HF_ECORRUPT;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return HF_EDENIED;
    case SQLITE_TOOBIG:
        return HF_ELIMIT;
    case SQLITE_INTERRUPT:
        return HF_ECANCELED;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return HF_EINTERNAL;
    default:
        return result == SQLITE_IOERR_CORRUPTFS ? HF_ECORRUPT : HF_EIO;
    }
}

int hf_store_error(sqlite3 *db, struct hf_error *err, const char *doing)
{
    int result = sqlite3_extended_errcode(db);
    int number = sqlite3_system_errno(db);
    bool is_io = (result & 0xFF) == SQLITE_IOERR;
    if ((result & 0xFF) == SQLITE_FULL || (is_io && (number == ENOSPC || number == EDQUOT))) {
        return hf_error_set(err, HF_EIO, "%s: no space left on the disk", doing);
    }
    if (is_io && number != 0) {
        return hf_error_errno(err, code_of(result), number, "%s: %s", doing, sqlite3_errmsg(db));
    }
    return hf_error_set(err, code_of(result), "%s: %s", doing, sqlite3_errmsg(db));
}

int hf_store_exec(sqlite3 *db, const char *sql, struct hf_error *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return hf_store_error(db, err, "audit trail");
    }
    return 0;
}

int hf_store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct hf_error *err)
{
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK) {
        return hf_store_error(db, err, "audit trail");
    }
    return 0;
}

int hf_store_integer(sqlite3 *db, const char *sql, int64_t *out, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(db, sql, &statement, err) != 0) {
        return -1;
    }
    int result = sqlite3_step(statement);
    *out = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    int status = result == SQLITE_ROW || result == SQLITE_DONE ? 0 : hf_store_error(db, err, "audit trail");
    sqlite3_finalize(statement);
    return status;
}

int hf_store_harden(sqlite3 *db, struct hf_error *err)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, HF_TRAIL_LONGEST);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 4);
    if (sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, BUSY_MS) != SQLITE_OK) {
        return hf_store_error(db, err, "audit trail");
    }
    return hf_store_exec(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;", err);
}

/* A path as SQLite takes it for a plain file: never ":memory:" or a URI. */
static char *plain_path(const char *path)
{
    struct hf_buf plain = {0};
    hf_buf_adds(&plain, *path == '/' ? "" : "./");
    hf_buf_adds(&plain, path);
    return hf_buf_take(&plain);
}

int hf_store_sync_folder(const char *path, struct hf_error *err)
{
    hf_auto_free char *folder = hf_strdup(path);
    if (!folder) {
        return hf_error_set(err, HF_ENOMEM, "audit trail: out of memory");
    }
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder] = '\0';
    }
    hf_auto_fd int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return hf_error_errno(err, HF_EIO, errno, "sync the folder of %s", path);
    }
    return 0;
}

/* Makes the file with its mode before SQLite would with the umask's, and looks whether it can be a database at all. */
static int touch_file(const char *path, bool had_lock, struct hf_error *err)
{
    hf_auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0) {
        enum hf_code code = errno == EACCES || errno == EROFS || errno == EPERM ? HF_EDENIED
                            : errno == ENOENT                                   ? HF_ENOTFOUND
                                                                                : HF_EIO;
        return hf_error_errno(err, code, errno, "open the audit trail %s for writing", path);
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return hf_error_errno(err, HF_EIO, errno, "stat %s", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return hf_error_set(err, HF_EINVAL, "%s is not a file", path);
    }
    char magic[16] = "";
    if (info.st_size == 0) {
        return hf_store_sync_folder(path, err);
    }
    ssize_t got = pread(fd, magic, sizeof magic, 0);
    if (!had_lock && (got != (ssize_t)sizeof magic || memcmp(magic, "SQLite format 3", sizeof magic) != 0)) {
        /* A typing error in the path must not move somebody's file away. */
        return hf_error_set(err, HF_EINVAL, "%s is not a SQLite database; it is left as it is", path);
    }
    return 0;
}

static int quick_check(sqlite3 *db, const char *path, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(db, "PRAGMA quick_check(1)", &statement, err) != 0) {
        return -1;
    }
    int status = 0;
    int result = sqlite3_step(statement);
    const char *said = result == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (result != SQLITE_ROW) {
        status = hf_store_error(db, err, "check the audit trail");
    } else if (!said || strcmp(said, "ok") != 0) {
        status = hf_error_set(err, HF_ECORRUPT, "%s: %s", path, said ? said : "the check says nothing");
    }
    sqlite3_finalize(statement);
    return status;
}

/* A database that some other program made is refused, whatever is in it. */
static int check_owner(sqlite3 *db, const char *path, struct hf_error *err)
{
    int64_t application;
    int64_t tables;
    if (hf_store_integer(db, "PRAGMA application_id", &application, err) != 0 ||
        hf_store_integer(db, "SELECT count(*) FROM sqlite_schema", &tables, err) != 0) {
        return -1;
    }
    if (tables > 0 && application != HF_TRAIL_APPLICATION) {
        return hf_error_set(err, HF_EINVAL, "%s is a database of another program, not an audit trail", path);
    }
    return 0;
}

/* Where shared memory can't be mapped SQLite stays with another journal, and says so only here. */
static int use_wal(sqlite3 *db, const char *path, struct hf_error *err)
{
    int64_t is_wal;
    if (hf_store_exec(db, "PRAGMA journal_mode = WAL", err) != 0 ||
        hf_store_integer(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &is_wal, err) != 0) {
        return -1;
    }
    return is_wal ? 0
                  : hf_error_set(err, HF_EUNSUPPORTED,
                                 "%s is on a file system without shared memory maps: it must be a local one", path);
}

static int set_up(sqlite3 *db, const char *path, struct hf_error *err)
{
    if (hf_store_harden(db, err) != 0) {
        return -1;
    }
    if (sqlite3_db_readonly(db, "main") != 0) {
        return hf_error_set(err, HF_EDENIED, "the audit trail %s can only be read", path);
    }
    int64_t version;
    if (check_owner(db, path, err) != 0 || hf_migrate_known(db, &version, err) != 0 || use_wal(db, path, err) != 0 ||
        hf_store_exec(db,
                      "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"
                      "PRAGMA cache_size = -32768;"
                      "PRAGMA wal_autocheckpoint = 1000;",
                      err) != 0 ||
        quick_check(db, path, err) != 0 || hf_migrate(db, err) != 0) {
        return -1;
    }
    return hf_migrate_check(db, err);
}

static int open_once(const char *path, bool had_lock, sqlite3 **out, struct hf_error *err)
{
    if (touch_file(path, had_lock, err) != 0) {
        return -1;
    }
    hf_auto_free char *plain = plain_path(path);
    sqlite3 *db = NULL;
    if (!plain) {
        return hf_error_set(err, HF_ENOMEM, "audit trail: out of memory");
    }
    int result = sqlite3_open_v2(plain, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    int status = 0;
    if (result != SQLITE_OK) {
        status = db ? hf_store_error(db, err, "open the audit trail")
                    : hf_error_set(err, HF_ENOMEM, "open the audit trail: out of memory");
    } else if (set_up(db, path, err) != 0) {
        status = -1;
    }
    if (status != 0) {
        sqlite3_close(db);
        return hf_error_wrap(err, "%s", path);
    }
    *out = db;
    return 0;
}

int hf_store_set_aside(const char *path, char **set_aside, struct hf_error *err)
{
    static const char *const PARTS[] = {"", "-wal", "-shm", "-journal"};
    char now[HF_TIME_TEXT];
    hf_time_format(hf_now_ms(), now);
    hf_auto_buf struct hf_buf to = {0};
    hf_auto_buf struct hf_buf from = {0};
    hf_buf_addf(&to, "%s.corrupt-", path);
    for (const char *at = now; *at; at++) {
        if (*at != ':' && *at != '-') {
            hf_buf_addc(&to, *at);
        }
    }
    char *name = hf_buf_ok(&to) ? hf_strdup(to.ptr) : NULL;
    if (!name) {
        return hf_error_set(err, HF_ENOMEM, "set the audit trail aside: out of memory");
    }
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        hf_buf_clear(&from);
        hf_buf_clear(&to);
        hf_buf_addf(&from, "%s%s", path, PARTS[i]);
        hf_buf_addf(&to, "%s%s", name, PARTS[i]);
        if (!hf_buf_ok(&from) || !hf_buf_ok(&to) || (rename(from.ptr, to.ptr) != 0 && errno != ENOENT)) {
            int number = errno;
            free(name);
            return hf_error_errno(err, HF_EIO, number, "set the corrupt audit trail %s aside", path);
        }
    }
    *set_aside = name;
    return hf_store_sync_folder(path, err);
}

int hf_store_open(const char *path, bool had_lock, struct hf_log *log, sqlite3 **out, char **set_aside,
                  struct hf_error *reason, struct hf_error *err)
{
    *set_aside = NULL;
    if (had_lock && access(path, F_OK) != 0 && errno == ENOENT) {
        (void)hf_error_set(reason, HF_ENOTFOUND, "%s was not there, its lock file was", path);
    }
    if (open_once(path, had_lock, out, err) == 0) {
        return 0;
    }
    if (err->code != HF_ECORRUPT) {
        return -1;
    }
    *reason = *err;
    if (hf_store_set_aside(path, set_aside, err) != 0) {
        return -1;
    }
    hf_log_error(log, HF_ERROR, "audit trail is corrupt, set aside", reason, "path", path, "aside", *set_aside, NULL);
    hf_error_clear(err);
    return open_once(path, had_lock, out, err);
}
