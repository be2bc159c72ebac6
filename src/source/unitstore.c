#include "holdfast/unitstore.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/mem.h"

#define APPLICATION 0x68667573 /* "hfus" */
#define VERSION 1
#define BUSY_MS 2000
#define MOST_BYTES ((size_t)64 << 20)

enum op_kind { OP_SAVE, OP_REMOVE, OP_SEEN };

struct op {
    struct op *next;
    enum op_kind kind;
    char *target;
    char *space_id;
    char *unit_id;
    char *space;
    char *slug;
    char *state;
    int64_t revision;
    int64_t at_ms;
    char *bytes; /* NULL: as it is */
    size_t byte_count;
};

/* One target's, as the source knows it. */
struct view {
    struct view *next;
    struct hf_unitstore *store;
    char *target;
};

struct hf_unitstore {
    sqlite3 *db; /* the writer's, but for load, which is called before anything is saved, or under the lock */
    struct hf_log *log;
    pthread_mutex_t lock;    /* of the queue */
    pthread_mutex_t writing; /* of db */
    pthread_cond_t more;
    pthread_t writer;
    bool has_writer;
    bool ends;
    bool is_failing;
    struct op *first;
    struct op **end;
    struct view *views;
};

static int db_error(sqlite3 *db, const char *what, struct hf_error *err)
{
    int code = sqlite3_errcode(db);
    return hf_error_set(err,
                        code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? HF_ECORRUPT
                        : code == SQLITE_NOMEM                          ? HF_ENOMEM
                                                                        : HF_EIO,
                        "%s: %s", what, sqlite3_errmsg(db));
}

static int exec(sqlite3 *db, const char *sql, struct hf_error *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, "the file of kept units", err);
}

static int integer(sqlite3 *db, const char *sql, int64_t *out, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return db_error(db, "the file of kept units", err);
    }
    bool has_row = sqlite3_step(statement) == SQLITE_ROW;
    *out = has_row ? sqlite3_column_int64(statement, 0) : 0;
    int status = has_row ? 0 : db_error(db, "the file of kept units", err);
    sqlite3_finalize(statement);
    return status;
}

/* --- the file */

static int make_private(const char *path, struct hf_error *err)
{
    struct stat info;
    hf_auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "open %s", path);
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return hf_error_set(err, HF_EINVAL, "%s is no file", path);
    }
    if (info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
        return hf_error_set(err, HF_EDENIED, "%s: found owner %ld and mode %03o, expected the agent's own user and 600",
                            path, (long)info.st_uid, (unsigned)(info.st_mode & 0777));
    }
    return 0;
}

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE contents (digest BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE units (target TEXT NOT NULL, space_id TEXT NOT NULL, unit_id TEXT NOT NULL, space TEXT NOT NULL,"
    " slug TEXT NOT NULL, revision INTEGER NOT NULL, state TEXT NOT NULL, digest BLOB,"
    " PRIMARY KEY (target, space_id, unit_id)) STRICT;"
    "CREATE INDEX units_digest ON units (digest);"
    "CREATE TABLE seen (target TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;"
    "PRAGMA application_id = 0x68667573;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static int check(sqlite3 *db, struct hf_error *err)
{
    int64_t application;
    int64_t version;
    int64_t tables;
    if (sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL) != SQLITE_OK) {
        return db_error(db, "the file of kept units", err);
    }
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    if (exec(db, "PRAGMA trusted_schema = OFF", err) != 0 || exec(db, "PRAGMA cell_size_check = ON", err) != 0 ||
        exec(db, "PRAGMA journal_mode = WAL", err) != 0 || exec(db, "PRAGMA synchronous = NORMAL", err) != 0 ||
        exec(db, "PRAGMA secure_delete = ON", err) != 0 ||
        integer(db, "PRAGMA application_id", &application, err) != 0 ||
        integer(db, "PRAGMA user_version", &version, err) != 0 ||
        integer(db, "SELECT count(*) FROM sqlite_schema", &tables, err) != 0) {
        return -1;
    }
    if (tables == 0) {
        return exec(db, SCHEMA, err);
    }
    if (application != APPLICATION) {
        return hf_error_set(err, HF_EINVAL, "it is not a file of kept units");
    }
    if (version > VERSION) {
        return hf_error_set(err, HF_EUNSUPPORTED, "its schema is version %lld, this program knows up to %d",
                            (long long)version, VERSION);
    }
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK) {
        return db_error(db, "the file of kept units", err);
    }
    bool is_whole =
        sqlite3_step(statement) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    sqlite3_finalize(statement);
    return is_whole ? 0 : hf_error_set(err, HF_ECORRUPT, "the file of kept units is corrupt");
}

static int open_file(const char *path, sqlite3 **out, struct hf_error *err)
{
    sqlite3 *db = NULL;
    if (make_private(path, err) != 0) {
        return -1;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_NOFOLLOW;
    int status = sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK
                     ? (db ? db_error(db, path, err) : hf_error_set(err, HF_ENOMEM, "open %s: out of memory", path))
                     : check(db, err);
    if (status != 0) {
        sqlite3_close(db);
        return hf_error_wrap(err, "%s", path);
    }
    *out = db;
    return 0;
}

/* What can't be read is kept for whoever wants to look; all of it can be read from ConfigHub anew. */
static int set_aside(const char *path, struct hf_log *log, const struct hf_error *why, struct hf_error *err)
{
    static const char *const PARTS[] = {"", "-wal", "-shm"};
    char time[HF_TIME_TEXT];
    hf_time_format(hf_now_ms(), time);
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        hf_auto_buf struct hf_buf from = {0};
        hf_auto_buf struct hf_buf to = {0};
        hf_buf_addf(&from, "%s%s", path, PARTS[i]);
        hf_buf_addf(&to, "%s.corrupt-%s%s", path, time, PARTS[i]);
        if (!hf_buf_ok(&from) || !hf_buf_ok(&to)) {
            return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
        }
        if (rename(from.ptr, to.ptr) != 0 && (i == 0 || errno != ENOENT)) {
            return hf_error_errno(err, HF_EIO, errno, "set %s aside", from.ptr);
        }
    }
    hf_log_error(log, HF_ERROR, "the file of kept units is set aside and begun anew", why, "path", path, NULL);
    return 0;
}

/* --- reading */

static bool is_right(sqlite3_stmt *statement, int digest_at, int bytes_at)
{
    struct hf_digest digest;
    struct hf_error ignored = HF_ERROR_INIT;
    return sqlite3_column_bytes(statement, digest_at) == HF_SHA256_SIZE &&
           hf_sha256(sqlite3_column_blob(statement, bytes_at), (size_t)sqlite3_column_bytes(statement, bytes_at),
                     &digest, &ignored) == 0 &&
           memcmp(digest.bytes, sqlite3_column_blob(statement, digest_at), HF_SHA256_SIZE) == 0;
}

static const char *text_at(sqlite3_stmt *statement, int at)
{
    const char *text = (const char *)sqlite3_column_text(statement, at);
    return text ? text : "";
}

static int read_units(struct view *view, void (*each)(void *ctx, const struct hf_unit_stored *unit), void *ctx,
                      struct hf_error *err)
{
    sqlite3 *db = view->store->db;
    sqlite3_stmt *statement;
    int result;
    if (sqlite3_prepare_v2(db,
                           "SELECT u.space_id, u.unit_id, u.space, u.slug, u.revision, u.state, u.digest, c.bytes"
                           " FROM units u LEFT JOIN contents c ON c.digest = u.digest WHERE u.target = ?1"
                           " ORDER BY u.space, u.slug",
                           -1, &statement, NULL) != SQLITE_OK) {
        return db_error(db, "read the kept units", err);
    }
    sqlite3_bind_text(statement, 1, view->target, -1, SQLITE_STATIC);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        bool has_bytes = sqlite3_column_type(statement, 7) != SQLITE_NULL;
        if (has_bytes && !is_right(statement, 6, 7)) {
            hf_log_write(view->store->log, HF_WARN, "a kept unit's data does not match its digest: read anew", "unit",
                         text_at(statement, 3), NULL);
            has_bytes = false;
        }
        struct hf_unit_stored unit = {.space_id = text_at(statement, 0),
                                      .unit_id = text_at(statement, 1),
                                      .space = text_at(statement, 2),
                                      .slug = text_at(statement, 3),
                                      .revision = sqlite3_column_int64(statement, 4),
                                      .state = text_at(statement, 5),
                                      .bytes = has_bytes ? sqlite3_column_blob(statement, 7) : NULL,
                                      .byte_count = has_bytes ? (size_t)sqlite3_column_bytes(statement, 7) : 0};
        if (has_bytes && !unit.bytes) {
            unit.bytes = "";
        }
        each(ctx, &unit);
    }
    int status = result == SQLITE_DONE ? 0 : db_error(db, "read the kept units", err);
    sqlite3_finalize(statement);
    return status;
}

static int load(void *ctx, void (*each)(void *each_ctx, const struct hf_unit_stored *unit), void *each_ctx,
                int64_t *seen_ms, struct hf_error *err)
{
    struct view *view = ctx;
    sqlite3_stmt *statement;
    *seen_ms = HF_TIME_NONE;
    pthread_mutex_lock(&view->store->writing);
    int status = read_units(view, each, each_ctx, err);
    if (status == 0 && sqlite3_prepare_v2(view->store->db, "SELECT at FROM seen WHERE target = ?1", -1, &statement,
                                          NULL) == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, view->target, -1, SQLITE_STATIC);
        if (sqlite3_step(statement) == SQLITE_ROW) {
            *seen_ms = sqlite3_column_int64(statement, 0);
        }
        sqlite3_finalize(statement);
    }
    pthread_mutex_unlock(&view->store->writing);
    return status;
}

/* --- writing */

static void free_op(struct op *op)
{
    if (op) {
        free(op->target);
        free(op->space_id);
        free(op->unit_id);
        free(op->space);
        free(op->slug);
        free(op->state);
        if (op->bytes) {
            hf_wipe(op->bytes, op->byte_count);
        }
        free(op->bytes);
        free(op);
    }
}

static int run_with(sqlite3 *db, const char *sql, const struct op *op, const struct hf_digest *digest,
                    struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return db_error(db, "keep a unit", err);
    }
    const char *const texts[] = {op->target, op->space_id, op->unit_id, op->space, op->slug, op->state};
    for (int i = 0; i < 6; i++) {
        if (i < sqlite3_bind_parameter_count(statement)) {
            sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
        }
    }
    sqlite3_bind_int64(statement, 7, op->kind == OP_SEEN ? op->at_ms : op->revision);
    if (digest) {
        sqlite3_bind_blob(statement, 8, digest->bytes, HF_SHA256_SIZE, SQLITE_STATIC);
        sqlite3_bind_blob64(statement, 9, op->bytes ? op->bytes : "", op->byte_count, SQLITE_STATIC);
    }
    int status = sqlite3_step(statement) == SQLITE_DONE ? 0 : db_error(db, "keep a unit", err);
    sqlite3_finalize(statement);
    return status;
}

#define PUT                                                                                                            \
    "INSERT INTO units (target, space_id, unit_id, space, slug, state, revision, digest)"                              \
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (target, space_id, unit_id) DO UPDATE SET"                   \
    " space = excluded.space, slug = excluded.slug, state = excluded.state, revision = excluded.revision"

static int save_unit(sqlite3 *db, const struct op *op, struct hf_error *err)
{
    struct hf_digest digest;
    if (!op->bytes) {
        return run_with(db, PUT, op, NULL, err);
    }
    if (hf_sha256(op->bytes, op->byte_count, &digest, err) != 0) {
        return -1;
    }
    return run_with(db, "INSERT OR IGNORE INTO contents (digest, bytes) VALUES (?8, ?9)", op, &digest, err) != 0
               ? -1
               : run_with(db, PUT ", digest = excluded.digest", op, &digest, err);
}

static int write_one(sqlite3 *db, const struct op *op, struct hf_error *err)
{
    switch (op->kind) {
    case OP_SAVE:
        return save_unit(db, op, err);
    case OP_REMOVE:
        return run_with(db, "DELETE FROM units WHERE target = ?1 AND space_id = ?2 AND unit_id = ?3", op, NULL, err);
    default:
        return run_with(db, "INSERT INTO seen (target, at) VALUES (?1, ?7) ON CONFLICT (target) DO UPDATE SET at = ?7",
                        op, NULL, err);
    }
}

static int write_all(sqlite3 *db, const struct op *ops, struct hf_error *err)
{
    if (exec(db, "BEGIN IMMEDIATE", err) != 0) {
        return -1;
    }
    int status = 0;
    for (const struct op *op = ops; op && status == 0; op = op->next) {
        status = write_one(db, op, err);
    }
    if (status == 0) {
        status =
            exec(db, "DELETE FROM contents WHERE digest NOT IN (SELECT digest FROM units WHERE digest NOT NULL)", err);
    }
    status = status == 0 ? exec(db, "COMMIT", err) : status;
    if (status != 0) {
        struct hf_error ignored = HF_ERROR_INIT;
        (void)exec(db, "ROLLBACK", &ignored);
    }
    return status;
}

static void tell(struct hf_unitstore *store, int status, const struct hf_error *err)
{
    if (status != 0 && !store->is_failing) {
        hf_log_error(store->log, HF_ERROR, "units of ConfigHub can't be kept for when it is away", err, NULL);
    } else if (status == 0 && store->is_failing) {
        hf_log_write(store->log, HF_INFO, "units of ConfigHub are kept again", NULL);
    }
    store->is_failing = status != 0;
}

static void *write_loop(void *ctx)
{
    struct hf_unitstore *store = ctx;
    pthread_mutex_lock(&store->lock);
    for (;;) {
        while (!store->first && !store->ends) {
            pthread_cond_wait(&store->more, &store->lock);
        }
        struct op *ops = store->first;
        store->first = NULL;
        store->end = &store->first;
        if (!ops) {
            break;
        }
        pthread_mutex_unlock(&store->lock);
        struct hf_error err = HF_ERROR_INIT;
        pthread_mutex_lock(&store->writing);
        int status = write_all(store->db, ops, &err);
        pthread_mutex_unlock(&store->writing);
        tell(store, status, &err);
        while (ops) {
            struct op *op = ops;
            ops = op->next;
            free_op(op);
        }
        pthread_mutex_lock(&store->lock);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

/* What was to be written of the same unit and was not yet is replaced, but its data where this brings none. */
static bool replaces(struct hf_unitstore *store, struct op *op)
{
    for (struct op *old = store->first; old; old = old->next) {
        if (old->kind == op->kind && strcmp(old->target, op->target) == 0 &&
            (op->kind == OP_SEEN || (old->kind == OP_SAVE && strcmp(old->unit_id, op->unit_id) == 0 &&
                                     strcmp(old->space_id, op->space_id) == 0))) {
            struct op *next = old->next;
            struct op kept = *old;
            if (op->kind == OP_SAVE && !op->bytes) {
                op->bytes = old->bytes;
                op->byte_count = old->byte_count;
                kept.bytes = NULL;
            }
            *old = *op;
            old->next = next;
            *op = kept;
            return true;
        }
        if (old->kind == OP_REMOVE && op->kind == OP_SAVE && strcmp(old->unit_id, op->unit_id) == 0) {
            return false; /* in order: it is made anew */
        }
    }
    return false;
}

static void push(struct hf_unitstore *store, struct op *op)
{
    pthread_mutex_lock(&store->lock);
    if (replaces(store, op)) {
        free_op(op);
    } else {
        op->next = NULL;
        *store->end = op;
        store->end = &op->next;
    }
    pthread_cond_signal(&store->more);
    pthread_mutex_unlock(&store->lock);
}

static struct op *new_op(const struct view *view, enum op_kind kind, const char *space_id, const char *unit_id)
{
    struct op *op = hf_calloc(1, sizeof *op);
    if (op) {
        op->kind = kind;
        op->target = hf_strdup(view->target);
        op->space_id = hf_strdup(space_id);
        op->unit_id = hf_strdup(unit_id);
    }
    if (op && op->target && op->space_id && op->unit_id) {
        return op;
    }
    hf_log_write(view->store->log, HF_ERROR, "a unit is not kept: out of memory", NULL);
    free_op(op);
    return NULL;
}

static void save(void *ctx, const struct hf_unit_stored *unit)
{
    struct view *view = ctx;
    struct op *op = new_op(view, OP_SAVE, unit->space_id, unit->unit_id);
    if (!op) {
        return;
    }
    op->space = hf_strdup(unit->space ? unit->space : "");
    op->slug = hf_strdup(unit->slug ? unit->slug : "");
    op->state = hf_strdup(unit->state ? unit->state : "");
    op->revision = unit->revision;
    bool is_small = !unit->bytes || unit->byte_count <= MOST_BYTES;
    if (unit->bytes && is_small) {
        op->bytes = hf_calloc(unit->byte_count + 1, 1);
        op->byte_count = unit->byte_count;
    }
    if (!op->space || !op->slug || !op->state || !is_small || (unit->bytes && !op->bytes)) {
        hf_log_write(view->store->log, HF_ERROR,
                     is_small ? "a unit is not kept: out of memory" : "a unit is not kept: larger than 64 MiB", "unit",
                     unit->slug, NULL);
        free_op(op);
        return;
    }
    if (op->bytes) {
        memcpy(op->bytes, unit->bytes, unit->byte_count);
    }
    push(view->store, op);
}

static void remove_unit(void *ctx, const char *space_id, const char *unit_id)
{
    struct view *view = ctx;
    struct op *op = new_op(view, OP_REMOVE, space_id, unit_id);
    if (op) {
        push(view->store, op);
    }
}

static void seen(void *ctx, int64_t at_ms)
{
    struct view *view = ctx;
    struct op *op = new_op(view, OP_SEEN, "", "");
    if (op) {
        op->at_ms = at_ms;
        push(view->store, op);
    }
}

/* --- the store */

int hf_unitstore_of(struct hf_unitstore *store, const char *target, struct hf_unit_store *out, struct hf_error *err)
{
    struct view *view = store->views;
    while (view && strcmp(view->target, target) != 0) {
        view = view->next;
    }
    if (!view) {
        view = hf_calloc(1, sizeof *view);
        char *name = hf_strdup(target);
        if (!view || !name) {
            free(view);
            free(name);
            return hf_error_set(err, HF_ENOMEM, "keep units: out of memory");
        }
        view->store = store;
        view->target = name;
        view->next = store->views;
        store->views = view;
    }
    *out = (struct hf_unit_store){.ctx = view, .load = load, .save = save, .remove = remove_unit, .seen = seen};
    return 0;
}

int hf_unitstore_open(const char *path, struct hf_log *log, struct hf_unitstore **out, struct hf_error *err)
{
    struct hf_unitstore *store = hf_calloc(1, sizeof *store);
    struct hf_error why = HF_ERROR_INIT;
    *out = NULL;
    if (!store) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    store->log = log;
    store->end = &store->first;
    int status = open_file(path, &store->db, &why);
    if (status != 0 && why.code == HF_ECORRUPT) {
        status = set_aside(path, log, &why, err) != 0 ? -1 : open_file(path, &store->db, err);
    } else if (status != 0) {
        *err = why;
    }
    if (status != 0) {
        free(store);
        return -1;
    }
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_mutex_init(&store->writing, NULL);
    (void)pthread_cond_init(&store->more, &clock);
    (void)pthread_condattr_destroy(&clock);
    store->has_writer = pthread_create(&store->writer, NULL, write_loop, store) == 0;
    if (!store->has_writer) {
        hf_unitstore_close(store);
        return hf_error_set(err, HF_EIO, "%s: no thread can be started", path);
    }
    *out = store;
    return 0;
}

void hf_unitstore_close(struct hf_unitstore *store)
{
    if (!store) {
        return;
    }
    pthread_mutex_lock(&store->lock);
    store->ends = true;
    pthread_cond_signal(&store->more);
    pthread_mutex_unlock(&store->lock);
    if (store->has_writer) {
        (void)pthread_join(store->writer, NULL);
    }
    sqlite3_close(store->db);
    while (store->views) {
        struct view *view = store->views;
        store->views = view->next;
        free(view->target);
        free(view);
    }
    (void)pthread_cond_destroy(&store->more);
    (void)pthread_mutex_destroy(&store->writing);
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}
