/* Trails that older versions left (tests/fixtures/audit/vN.sql, N its schema's version) are migrated with all they
 * hold; one of a newer version is refused and not touched. A new migration needs a fixture of the schema before it. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "holdfast/audit_keep.h"
#include "trail.h"

#define EVENTS 15
#define HEAD "sha256:32be566ed8ec591a2fba2922976b4890f82c11ea90aa94a4f2e9f797c3623028"
#define OPEN_INCIDENT "20261123-182111-fec38877"

static void make_old(const struct trail *trail, int version)
{
    char file[256];
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf sql = {0};
    (void)snprintf(file, sizeof file, HF_SOURCE_DIR "/tests/fixtures/audit/v%d.sql", version);
    cr_assert_eq(hf_read_file(file, 1000000, &sql, &err), 0, "%s: a trail of each version before the newest is needed",
                 err.text);
    cr_assert_eq(trail_sql(trail, sql.ptr), SQLITE_OK);
    cr_assert_eq(trail_count(trail, "PRAGMA user_version"), version);
    hf_buf_free(&sql);
}

/* Every value of every row, as text. */
static void contents(const struct trail *trail, struct hf_buf *out)
{
    static const char *const SQL[] = {
        "SELECT * FROM events WHERE id <= 15 ORDER BY id",
        "SELECT * FROM objects ORDER BY target, api_group, kind, namespace, name",
        "SELECT * FROM open_incidents ORDER BY incident",
        "SELECT id, event_id, channel, incident, key, created_at, due_at, attempts, last_error"
        " FROM outbox ORDER BY id"};
    sqlite3 *db;
    cr_assert_eq(sqlite3_open_v2(trail->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof SQL / sizeof SQL[0]; i++) {
        sqlite3_stmt *statement;
        cr_assert_eq(sqlite3_prepare_v2(db, SQL[i], -1, &statement, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
        while (sqlite3_step(statement) == SQLITE_ROW) {
            for (int column = 0; column < sqlite3_column_count(statement); column++) {
                const char *text = (const char *)sqlite3_column_text(statement, column);
                hf_buf_addf(out, "%s=%s\n", sqlite3_column_name(statement, column), text ? text : "NULL");
            }
        }
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
}

static bool note_incident(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    (void)id;
    (void)digest;
    cr_expect_str_eq(event->incident, OPEN_INCIDENT);
    ++*(size_t *)ctx;
    return true;
}

static bool note_object(void *ctx, const struct hf_audit_object *object)
{
    (void)object;
    ++*(size_t *)ctx;
    return true;
}

static void expect_usable(struct trail *trail)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_checkpoint kept = {.id = EVENTS, .digest = HEAD, .at = ""};
    struct hf_audit_checks checks = {.checkpoints = &kept, .checkpoint_count = 1};
    struct hf_audit_proof proof;
    size_t incidents = 0;
    size_t objects = 0;
    struct hf_audit_reader *reader = trail_reader(trail);
    cr_expect_eq(hf_audit_prove(reader, &checks, &proof, &err), 0, "%s", err.text);
    cr_expect_eq(hf_audit_open_incidents(reader, note_incident, &incidents, &err), 0, "%s", err.text);
    cr_expect_eq(incidents, 1u);
    cr_expect_eq(hf_audit_objects(reader, note_object, &objects, &err), 0, "%s", err.text);
    cr_expect_eq(objects, 18u);
    hf_audit_reader_close(reader);
    cr_expect_eq(trail_count(trail, "SELECT count(*) FROM v_incidents"), 3);
    cr_expect_eq(trail_count(trail, "SELECT count(*) FROM v_open"), 1);
    cr_expect_gt(trail_count(trail, "SELECT count(*) FROM v_findings"), 0);
    trail_take(trail, "gone", hf_now_ms(), 10);
    cr_expect_eq(trail->row_count, 3u, "alerts that waited are told");
    cr_expect_str_eq(trail->row_keys[0], "evt_c05f2e80cc93c51c88171dfd268d652d", "the oldest, by its key");
}

ParameterizedTestParameters(old_databases, are_migrated_with_contents_and_chain_intact)
{
    static int versions[32];
    int newest;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_migrate_newest(&newest, &err), 0);
    for (int i = 0; i < newest - 1; i++) {
        versions[i] = i + 1;
    }
    return cr_make_param_array(int, versions, (size_t)newest - 1);
}

ParameterizedTest(const int *version, old_databases, are_migrated_with_contents_and_chain_intact)
{
    static const char *const CHANNELS[] = {"sink", "gone"};
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf before = {0};
    struct hf_buf after = {0};
    int64_t rows;
    int newest;
    trail_init(&trail);
    trail.options.channels = CHANNELS;
    trail.options.channel_count = 2;
    cr_assert_eq(hf_migrate_newest(&newest, &err), 0);
    make_old(&trail, *version);
    contents(&trail, &before);
    cr_assert_gt(before.len, 5000u);
    cr_expect_str_empty(trail_verify(&trail, &rows), "an older trail can be verified before it is migrated");
    cr_expect_eq(rows, EVENTS);
    for (int start = 0; start < 2; start++) {
        trail_open(&trail);
        expect_usable(&trail);
        trail_close(&trail);
        hf_buf_clear(&after);
        contents(&trail, &after);
        cr_expect_str_eq(after.ptr, before.ptr);
    }
    cr_expect_eq(trail_count(&trail, "PRAGMA user_version"), newest);
    trail_open(&trail);
    size_t told = trail.ticket_count;
    trail_append(&trail, EVENT(.type = "drift.seen", .incident = "new", .alert = true), 1);
    trail_wait_durable(&trail, told + 1);
    cr_expect_str_empty(trail_verify(&trail, &rows));
    cr_expect_eq(rows, EVENTS + 1);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox WHERE event_id = 16 AND id > 6"), 2);
    hf_buf_free(&before);
    hf_buf_free(&after);
    trail_end(&trail);
}

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

Test(old_databases, one_of_a_newer_version_is_refused_and_not_one_byte_of_it_changed)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf before = {0};
    struct hf_buf after = {0};
    int newest;
    char sql[64];
    trail_init(&trail);
    cr_assert_eq(hf_migrate_newest(&newest, &err), 0);
    make_old(&trail, newest - 1);
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version = %d", newest + 1);
    cr_assert_eq(trail_sql(&trail, sql), SQLITE_OK);
    cr_assert_eq(hf_read_file(trail.path, 10000000, &before, &err), 0);
    cr_expect_eq(trail_try_open(&trail, &err), -1);
    cr_expect_eq(err.code, HF_EUNSUPPORTED, "%s", err.text);
    cr_expect_not_null(strstr(err.text, "use a newer holdfast"), "%s", err.text);
    cr_assert_eq(hf_read_file(trail.path, 10000000, &after, &err), 0);
    cr_expect_eq(after.len, before.len);
    cr_expect_eq(memcmp(before.ptr, after.ptr, before.len), 0, "the file was changed");
    cr_expect_eq(files_in(trail.folder), 2u, "the file and its lock");
    hf_buf_free(&before);
    hf_buf_free(&after);
    trail_end(&trail);
}
