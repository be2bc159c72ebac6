/* Power cuts. A VFS below SQLite keeps, beside the files, what of them has been synced; a cut leaves that, and of what
 * was written since any sectors. kill -9 can't show this: the kernel keeps what a process has written. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define SECTOR 512
#define CUTS 40
#define TICKETS 1500

struct unsynced {
    sqlite3_int64 at;
    size_t len;
    unsigned char *bytes; /* NULL: the file was cut off at `at` */
    struct unsynced *next;
};

/* One file as the disk has it. */
struct platter {
    char name[160];
    unsigned char *bytes;
    size_t len;
    size_t cap;
    struct unsynced *first;
    struct unsynced **end;
};

struct disk {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    struct platter platters[4];
    size_t count;
    bool lies;                           /* a sync does nothing */
    void (*on_write)(struct disk *disk); /* after each write; NULL: the disk is not watched now */
    void *ctx;
};

struct file {
    sqlite3_file base;
    struct platter *platter; /* NULL: not one of the trail's */
    struct disk *disk;
    sqlite3_file *real;
};

static struct file *of(sqlite3_file *base)
{
    return (struct file *)(void *)base;
}

static void put(struct platter *platter, sqlite3_int64 at, const unsigned char *bytes, size_t len)
{
    size_t end = (size_t)at + len;
    if (end > platter->len) {
        if (end > platter->cap) {
            platter->cap = 2 * end;
            platter->bytes = realloc(platter->bytes, platter->cap);
        }
        cr_assert_not_null(platter->bytes);
        memset(platter->bytes + platter->len, 0, end - platter->len);
        platter->len = end;
    }
    memcpy(platter->bytes + at, bytes, len);
}

static void apply(struct platter *platter, const struct unsynced *change, bool torn)
{
    if (!change->bytes) {
        platter->len = (size_t)change->at < platter->len ? (size_t)change->at : platter->len;
        return;
    }
    for (size_t done = 0; done < change->len; done += SECTOR) {
        size_t len = change->len - done < SECTOR ? change->len - done : SECTOR;
        if (!torn || rand() % 2) {
            put(platter, change->at + (sqlite3_int64)done, change->bytes + done, len);
        }
    }
}

static void note(struct file *file, const void *bytes, size_t len, sqlite3_int64 at)
{
    struct unsynced *change = calloc(1, sizeof *change);
    cr_assert_not_null(change);
    change->at = at;
    change->len = len;
    if (bytes) {
        change->bytes = malloc(len);
        cr_assert_not_null(change->bytes);
        memcpy(change->bytes, bytes, len);
    }
    *file->platter->end = change;
    file->platter->end = &change->next;
    if (file->disk->on_write) {
        file->disk->on_write(file->disk);
    }
}

static void forget(struct platter *platter, bool keep)
{
    while (platter->first) {
        struct unsynced *change = platter->first;
        platter->first = change->next;
        if (keep) {
            apply(platter, change, false);
        }
        free(change->bytes);
        free(change);
    }
    platter->end = &platter->first;
}

static int file_close(sqlite3_file *base)
{
    return of(base)->real->pMethods->xClose(of(base)->real);
}
static int file_read(sqlite3_file *base, void *to, int len, sqlite3_int64 at)
{
    return of(base)->real->pMethods->xRead(of(base)->real, to, len, at);
}
static int file_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    int result = of(base)->real->pMethods->xWrite(of(base)->real, bytes, len, at);
    if (result == SQLITE_OK && of(base)->platter) {
        note(of(base), bytes, (size_t)len, at);
    }
    return result;
}
static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    int result = of(base)->real->pMethods->xTruncate(of(base)->real, size);
    if (result == SQLITE_OK && of(base)->platter) {
        note(of(base), NULL, 0, size);
    }
    return result;
}
static int file_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    if (of(base)->platter && !of(base)->disk->lies) {
        forget(of(base)->platter, true);
    }
    return SQLITE_OK; /* the real disk's sync shows nothing here and takes time */
}
static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    return of(base)->real->pMethods->xFileSize(of(base)->real, size);
}
static int file_lock(sqlite3_file *base, int level)
{
    return of(base)->real->pMethods->xLock(of(base)->real, level);
}
static int file_unlock(sqlite3_file *base, int level)
{
    return of(base)->real->pMethods->xUnlock(of(base)->real, level);
}
static int file_is_reserved(sqlite3_file *base, int *is)
{
    return of(base)->real->pMethods->xCheckReservedLock(of(base)->real, is);
}
static int file_control(sqlite3_file *base, int op, void *arg)
{
    return of(base)->real->pMethods->xFileControl(of(base)->real, op, arg);
}
static int file_sector(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}
static int file_traits(sqlite3_file *base)
{
    (void)base;
    return 0; /* nothing is promised: no atomic writes, no safe append, no order */
}
static int shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **out)
{
    return of(base)->real->pMethods->xShmMap(of(base)->real, page, size, extend, out);
}
static int shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
    return of(base)->real->pMethods->xShmLock(of(base)->real, offset, n, flags);
}
static void shm_barrier(sqlite3_file *base)
{
    of(base)->real->pMethods->xShmBarrier(of(base)->real);
}
static int shm_unmap(sqlite3_file *base, int deletes)
{
    return of(base)->real->pMethods->xShmUnmap(of(base)->real, deletes);
}

static const sqlite3_io_methods METHODS = {.iVersion = 2,
                                           .xClose = file_close,
                                           .xRead = file_read,
                                           .xWrite = file_write,
                                           .xTruncate = file_truncate,
                                           .xSync = file_sync,
                                           .xFileSize = file_size,
                                           .xLock = file_lock,
                                           .xUnlock = file_unlock,
                                           .xCheckReservedLock = file_is_reserved,
                                           .xFileControl = file_control,
                                           .xSectorSize = file_sector,
                                           .xDeviceCharacteristics = file_traits,
                                           .xShmMap = shm_map,
                                           .xShmLock = shm_lock,
                                           .xShmBarrier = shm_barrier,
                                           .xShmUnmap = shm_unmap};

static struct platter *platter_of(struct disk *disk, const char *name, int flags)
{
    if (!name || !disk->on_write || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))) {
        return NULL;
    }
    for (size_t i = 0; i < disk->count; i++) {
        if (strcmp(disk->platters[i].name, name) == 0) {
            return &disk->platters[i];
        }
    }
    cr_assert_lt(disk->count, sizeof disk->platters / sizeof disk->platters[0]);
    struct platter *made = &disk->platters[disk->count++];
    (void)snprintf(made->name, sizeof made->name, "%s", name);
    made->end = &made->first;
    return made;
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags)
{
    struct disk *disk = vfs->pAppData;
    struct file *file = of(base);
    memset(file, 0, sizeof *file);
    file->disk = disk;
    file->real = (sqlite3_file *)(void *)(file + 1);
    int result = disk->real->xOpen(disk->real, name, file->real, flags, out_flags);
    if (result == SQLITE_OK) {
        file->platter = platter_of(disk, name, flags);
        file->base.pMethods = &METHODS;
    }
    return result;
}

static void disk_begin(struct disk *disk)
{
    disk->real = sqlite3_vfs_find(NULL);
    disk->vfs = *disk->real;
    disk->vfs.zName = "power";
    disk->vfs.pAppData = disk;
    disk->vfs.szOsFile = (int)sizeof(struct file) + disk->real->szOsFile;
    disk->vfs.xOpen = disk_open;
    cr_assert_eq(sqlite3_vfs_register(&disk->vfs, 1), SQLITE_OK);
}

static void disk_end(struct disk *disk)
{
    sqlite3_vfs_unregister(&disk->vfs);
    for (size_t i = 0; i < disk->count; i++) {
        forget(&disk->platters[i], false);
        free(disk->platters[i].bytes);
    }
}

/* What a cut right now leaves behind, as files beside `path`. */
static void cut_power(const struct disk *disk, const char *path)
{
    for (size_t i = 0; i < disk->count; i++) {
        const struct platter *from = &disk->platters[i];
        struct platter left = {.len = from->len, .cap = from->len + 1, .bytes = malloc(from->len + 1)};
        cr_assert_not_null(left.bytes);
        if (from->len > 0) {
            memcpy(left.bytes, from->bytes, from->len);
        }
        for (const struct unsynced *change = from->first; change; change = change->next) {
            if (rand() % 3) {
                apply(&left, change, rand() % 2);
            }
        }
        char name[200];
        size_t end = strlen(from->name);
        bool is_wal = end > 4 && strcmp(from->name + end - 4, "-wal") == 0;
        (void)snprintf(name, sizeof name, "%s%s", path, is_wal ? "-wal" : "");
        FILE *file = fopen(name, "wb");
        cr_assert_not_null(file);
        cr_assert_eq(fwrite(left.bytes, 1, left.len, file), left.len);
        fclose(file);
        free(left.bytes);
    }
}

struct outage {
    struct disk *disk;
    uint64_t told;          /* the newest ticket that was told durable */
    uint64_t told_at[CUTS]; /* … when each cut came */
    size_t cuts;
    size_t most; /* cuts */
    size_t writes;
    char folder[64];
};

static int post_at_once(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message)
{
    (void)ctx;
    fn(fn_ctx, message);
    return 0;
}

static void cut_now(struct outage *outage)
{
    char path[96];
    if (outage->cuts < outage->most) {
        (void)snprintf(path, sizeof path, "%s/%zu.db", outage->folder, outage->cuts);
        outage->told_at[outage->cuts++] = outage->told;
        cut_power(outage->disk, path);
    }
}

static void on_durable(void *ctx, uint64_t ticket)
{
    struct outage *outage = ctx;
    outage->told = ticket;
    if (rand() % 40 == 0) {
        cut_now(outage);
    }
}

static void on_write(struct disk *disk)
{
    struct outage *outage = disk->ctx;
    if (outage->writes++ > 50 && rand() % 150 == 0) {
        cut_now(outage);
    }
}

static void write_through_cuts(struct outage *outage)
{
    char message[800];
    char path[96];
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit *audit;
    struct hf_audit_events events = {outage, on_durable, NULL, NULL};
    (void)snprintf(path, sizeof path, "%s/holdfast.db", outage->folder);
    struct hf_audit_options options = {.path = path};
    memset(message, 'x', sizeof message);
    message[sizeof message - 1] = '\0';
    cr_assert_eq(hf_audit_open(&options, &events, post_at_once, NULL, NULL, &audit, &err), 0, "%s", err.text);
    for (uint64_t ticket = 1; ticket <= TICKETS; ticket++) {
        struct hf_audit_batch batch = {
            .events = EVENT(.type = "unit.changed", .revision = (int64_t)ticket, .message = message), .event_count = 1};
        cr_assert_eq(hf_audit_append(audit, &batch, ticket, &err), 0, "%s", err.text);
        /* Groups of many sizes. */
        if (rand() % 4 == 0) {
            usleep((useconds_t)(rand() % 800));
        }
    }
    hf_audit_close(audit, WAIT_MS);
    outage->disk->on_write = NULL;
}

/* How many tickets that were told durable are not in the trail after the cut. */
static uint64_t lost_by(const struct outage *outage, size_t cut, bool must_be_whole)
{
    char path[96];
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit *audit = NULL;
    struct hf_audit_events events = {0};
    (void)snprintf(path, sizeof path, "%s/%zu.db", outage->folder, cut);
    struct hf_audit_options options = {.path = path};
    int result = hf_audit_open(&options, &events, post_at_once, NULL, NULL, &audit, &err);
    if (result != 0) {
        cr_expect_not(must_be_whole, "cut %zu: %s", cut, err.text);
        return outage->told_at[cut];
    }
    hf_audit_close(audit, WAIT_MS);
    struct trail after = {0};
    (void)snprintf(after.path, sizeof after.path, "%s", path);
    after.options.path = after.path;
    int64_t newest = trail_count(&after, "SELECT coalesce(max(revision), 0) FROM events");
    int64_t replaced = trail_count(&after, "SELECT count(*) FROM events WHERE type = 'trail.replaced'");
    if (must_be_whole) {
        cr_expect_str_empty(trail_verify(&after, NULL), "cut %zu", cut);
        cr_expect_eq(replaced, 0, "cut %zu: the file was taken for corrupt", cut);
        cr_expect_eq(trail_count(&after, "SELECT count(*) FROM events"), newest, "cut %zu: with gaps", cut);
    }
    return outage->told_at[cut] > (uint64_t)newest ? outage->told_at[cut] - (uint64_t)newest : 0;
}

static uint64_t survive(bool lies, uint64_t *told)
{
    struct outage outage = {.most = lies ? 5 : CUTS};
    struct disk disk = {.lies = lies, .on_write = on_write, .ctx = &outage};
    struct trail folder;
    uint64_t lost = 0;
    srand(20261123);
    trail_init(&folder);
    outage.disk = &disk;
    (void)snprintf(outage.folder, sizeof outage.folder, "%s", folder.folder);
    disk_begin(&disk);
    write_through_cuts(&outage);
    cr_expect_eq(outage.cuts, outage.most, "only %zu cuts", outage.cuts);
    *told = 0;
    for (size_t cut = 0; cut < outage.cuts; cut++) {
        lost += lost_by(&outage, cut, !lies);
        *told += outage.told_at[cut];
    }
    disk_end(&disk);
    trail_end(&folder);
    return lost;
}

Test(disk_power, after_a_power_cut_at_any_write_every_ticket_that_was_told_is_there_and_the_chain_holds, .timeout = 120)
{
    uint64_t told;
    uint64_t lost = survive(false, &told);
    cr_expect_eq(lost, 0u, "%llu tickets were told durable and are gone", (unsigned long long)lost);
    cr_expect_gt(told, 1000u, "too few were told for this to mean anything");
}

Test(disk_power, a_disk_that_does_not_sync_loses_tickets_or_else_the_test_above_shows_nothing, .timeout = 120)
{
    uint64_t told;
    cr_expect_gt(survive(true, &told), 0u);
}
