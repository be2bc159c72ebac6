#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "holdfast/embedded.h"
#include "trail.h"

static int newest(void)
{
    int version;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_migrate_newest(&version, &err), 0, "%s", err.text);
    return version;
}

Test(open, the_file_is_private_and_in_wal_mode_with_our_mark)
{
    struct trail trail;
    struct stat info;
    trail_begin(&trail);
    cr_assert_eq(stat(trail.path, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600u);
    cr_expect_eq(trail_count(&trail, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    cr_expect_eq(trail_count(&trail, "PRAGMA application_id"), 0x68666174);
    cr_expect_eq(trail_count(&trail, "PRAGMA user_version"), newest());
    trail_end(&trail);
}

Test(open, a_second_agent_is_refused_and_told_who_holds_it)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit *second = NULL;
    char pid[32];
    struct hf_audit_events events = {0};
    trail_begin(&trail);
    cr_assert_eq(hf_audit_open(&trail.options, &events, loop_post, &trail.loop, NULL, &second, &err), -1);
    cr_expect_eq(err.code, HF_EBUSY);
    (void)snprintf(pid, sizeof pid, "pid %ld", (long)getpid());
    cr_expect_not_null(strstr(err.text, pid), "%s", err.text);
    cr_expect_not_null(strstr(err.text, trail.path), "%s", err.text);
    trail_close(&trail);
    trail_open(&trail);
    trail_end(&trail);
}

Test(open, the_lock_of_an_agent_that_was_killed_does_not_stay)
{
    struct trail trail;
    int told[2];
    char byte;
    trail_init(&trail);
    cr_assert_eq(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        trail_open(&trail);
        (void)!write(told[1], "x", 1);
        pause();
        _exit(1);
    }
    cr_assert_eq(read(told[0], &byte, 1), 1);
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(trail_try_open(&trail, &err), -1);
    cr_expect_eq(err.code, HF_EBUSY);
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    trail_open(&trail);
    trail_end(&trail);
    close(told[0]);
    close(told[1]);
}

Test(open, a_newer_schema_is_refused_and_left_alone)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    trail_begin(&trail);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_close(&trail);
    cr_assert_eq(trail_sql(&trail, "PRAGMA user_version = 9999"), SQLITE_OK);
    cr_assert_eq(trail_try_open(&trail, &err), -1);
    cr_expect_eq(err.code, HF_EUNSUPPORTED);
    cr_expect_not_null(strstr(err.text, "9999"), "%s", err.text);
    cr_assert_eq(hf_audit_reader_open(trail.path, &reader, &err), -1);
    cr_expect_eq(err.code, HF_EUNSUPPORTED);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events"), 1);
    trail_end(&trail);
}

Test(open, the_database_of_another_program_is_refused_and_left_alone)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    trail_init(&trail);
    cr_assert_eq(trail_sql(&trail, "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x');"),
                 SQLITE_OK);
    cr_assert_eq(trail_try_open(&trail, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM bookmarks"), 1);
    trail_end(&trail);
}

static void put_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

Test(open, a_file_that_never_was_a_trail_is_refused_not_moved)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf text = {0};
    trail_init(&trail);
    put_file(trail.path, "my precious notes, mistyped as --database\n", 42);
    cr_assert_eq(trail_try_open(&trail, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    cr_assert_eq(hf_read_file(trail.path, 1000, &text, &err), 0);
    cr_expect_eq(strncmp(hf_buf_text(&text), "my precious notes", 17), 0);
    hf_buf_free(&text);
    trail_end(&trail);
}

Test(open, a_path_that_can_not_be_is_named)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    trail_init(&trail);
    trail.options.path = "";
    cr_assert_eq(trail_try_open(&trail, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    trail.options.path = "/nonexistent/folder/holdfast.db";
    cr_assert_eq(trail_try_open(&trail, &err), -1);
    cr_expect_not_null(strstr(err.text, "/nonexistent/folder/holdfast.db"), "%s", err.text);
    trail.options.path = trail.folder;
    cr_assert_eq(trail_try_open(&trail, &err), -1);
    cr_expect_not_null(strstr(err.text, trail.folder), "%s", err.text);
    char lock[128];
    (void)snprintf(lock, sizeof lock, "%s.lock", trail.folder);
    (void)unlink(lock);
    trail_end(&trail);
}

static void flip_byte(const char *path, long from_end_or_start, int value)
{
    FILE *file = fopen(path, "r+b");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, from_end_or_start, SEEK_SET), 0);
    cr_assert_neq(fputc(value, file), EOF);
    fclose(file);
}

static size_t count_aside(const struct trail *trail)
{
    char pattern[160];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s.corrupt-*Z", trail->path);
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void expect_replaced(struct trail *trail)
{
    struct seen seen = {.arena = hf_arena_new(0)};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_filter filter = {.limit = 1};
    trail_append(trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(trail, 1);
    cr_expect_eq(count_aside(trail), 1u);
    struct hf_audit_reader *reader = trail_reader(trail);
    cr_assert_eq(hf_audit_query(reader, &filter, seen_row, &seen, &err), 0, "%s", err.text);
    cr_expect_eq(seen.ids[0], 1);
    cr_expect_str_eq(seen.types[0], "trail.replaced");
    cr_expect_str_eq(seen.last.severity, "critical");
    cr_expect_not_null(strstr(seen.last.message, ".corrupt-"));
    cr_expect_not_null(strstr(seen.last.detail, "\"reason\":"));
    hf_audit_reader_close(reader);
    cr_expect_str_empty(trail_verify(trail, NULL));
    hf_arena_free(seen.arena);
}

static void fill(struct trail *trail, int events)
{
    trail_begin(trail);
    for (int i = 0; i < events; i++) {
        trail_append(
            trail, EVENT(.type = "drift.seen", .incident = "i", .name = "web", .message = "one of many sentences"), 0);
    }
    trail_close(trail);
}

Test(open, a_corrupt_header_is_set_aside_and_the_new_trail_says_so_first)
{
    struct trail trail;
    fill(&trail, 10);
    flip_byte(trail.path, 3, 'X');
    trail_open(&trail);
    expect_replaced(&trail);
    trail_end(&trail);
}

Test(open, a_corrupt_page_in_the_middle_is_set_aside_too)
{
    struct trail trail;
    char junk[4096];
    fill(&trail, 2000);
    memset(junk, 0x5A, sizeof junk);
    FILE *file = fopen(trail.path, "r+b");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, 20L * 4096, SEEK_SET), 0);
    cr_assert_eq(fwrite(junk, 1, sizeof junk, file), sizeof junk);
    fclose(file);
    trail_open(&trail);
    expect_replaced(&trail);
    trail_end(&trail);
}

Test(open, a_file_cut_short_is_set_aside)
{
    struct trail trail;
    fill(&trail, 2000);
    cr_assert_eq(truncate(trail.path, 30L * 4096), 0);
    trail_open(&trail);
    expect_replaced(&trail);
    trail_end(&trail);
}

Test(open, a_trail_with_a_foreign_trigger_is_not_written_to)
{
    struct trail trail;
    fill(&trail, 3);
    cr_assert_eq(trail_sql(&trail, "CREATE TRIGGER helpful AFTER INSERT ON events BEGIN DELETE FROM outbox; END"),
                 SQLITE_OK);
    cr_expect_not_null(strstr(trail_verify(&trail, NULL), "trigger helpful"));
    trail_open(&trail);
    expect_replaced(&trail);
    trail_end(&trail);
}

Test(open, a_trail_whose_guards_were_taken_away_is_not_written_to)
{
    struct trail trail;
    fill(&trail, 3);
    cr_assert_eq(trail_sql(&trail, "DROP TRIGGER events_no_update"), SQLITE_OK);
    cr_expect_not_null(strstr(trail_verify(&trail, NULL), "trigger events_no_update"));
    trail_open(&trail);
    expect_replaced(&trail);
    trail_end(&trail);
}

Test(open, an_auditors_own_view_and_index_stay)
{
    struct trail trail;
    fill(&trail, 3);
    cr_assert_eq(
        trail_sql(&trail, "CREATE VIEW mine AS SELECT id FROM events; CREATE INDEX mine_too ON events (space);"),
        SQLITE_OK);
    trail_open(&trail);
    cr_expect_eq(count_aside(&trail), 0u);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM mine"), 3);
    trail_end(&trail);
}

Test(open, the_chain_goes_on_where_it_ended)
{
    struct trail trail;
    int64_t rows;
    fill(&trail, 5);
    trail_open(&trail);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_close(&trail);
    cr_expect_str_empty(trail_verify(&trail, &rows));
    cr_expect_eq(rows, 6);
    trail_end(&trail);
}

Test(reader, a_missing_or_foreign_file_is_refused)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    trail_init(&trail);
    cr_assert_eq(hf_audit_reader_open(trail.path, &reader, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND);
    cr_assert_eq(trail_sql(&trail, "CREATE TABLE x (y)"), SQLITE_OK);
    cr_assert_eq(hf_audit_reader_open(trail.path, &reader, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    put_file(trail.path,
             "text, no database, and long enough to have a header of a hundred bytes ..............................",
             101);
    cr_assert_eq(hf_audit_reader_open(trail.path, &reader, &err), -1);
    cr_expect_eq(err.code, HF_ECORRUPT);
    trail_end(&trail);
}

Test(reader, a_path_is_a_file_name_and_nothing_else)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    static const char *const ODD[] = {":memory:", "file:/etc/passwd?mode=ro", ""};
    for (size_t i = 0; i < sizeof ODD / sizeof ODD[0]; i++) {
        cr_expect_eq(hf_audit_reader_open(ODD[i], &reader, &err), -1);
        cr_expect_eq(err.code, HF_ENOTFOUND, "%s: %s", ODD[i], err.text);
    }
}

Test(reader, reads_a_trail_in_a_folder_where_nothing_may_be_written)
{
    struct trail trail;
    fill(&trail, 4);
    cr_assert_eq(chmod(trail.path, 0444), 0);
    cr_assert_eq(chmod(trail.folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        struct hf_error err = HF_ERROR_INIT;
        struct hf_audit_reader *reader = NULL;
        int64_t rows = 0;
        bool may_write = geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0);
        int status = hf_audit_reader_open(trail.path, &reader, &err);
        if (status == 0) {
            status = hf_audit_verify(reader, NULL, NULL, &rows, &err);
            hf_audit_reader_close(reader);
        }
        if (status != 0) {
            fprintf(stderr, "%s\n", err.text);
        }
        _exit(status == 0 && rows == 4 && !may_write ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
    cr_assert_eq(chmod(trail.folder, 0755), 0);
    trail_end(&trail);
}

Test(reader, runs_no_view_in_place_of_a_table)
{
    struct trail trail;
    trail_begin(&trail);
    trail_append(&trail, EVENT(.type = "drift.seen", .incident = "i"), 1);
    trail_wait_durable(&trail, 1);
    trail_close(&trail);
    cr_assert_eq(
        trail_sql(&trail, "ALTER TABLE events RENAME TO hidden; CREATE VIEW events AS SELECT * FROM hidden WHERE 0;"),
        SQLITE_OK);
    struct hf_error err = HF_ERROR_INIT;
    struct seen seen = {0};
    struct hf_audit_filter filter = {0};
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_expect_eq(hf_audit_query(reader, &filter, seen_row, &seen, &err), -1);
    cr_expect_neq(err.code, HF_OK);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

Test(open, an_older_schema_is_migrated_with_its_events)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    int64_t rows;
    /* Version 1 as a version 1 program left it: without the views. */
    fill(&trail, 5);
    cr_assert_eq(
        trail_sql(
            &trail,
            "DROP VIEW v_incidents; DROP VIEW v_open; DROP VIEW v_findings; DROP VIEW v_by_actor;"
            "DROP VIEW v_mttr; DROP INDEX events_critical; DROP INDEX events_namespace;"
            "DROP VIEW v_by_user; DROP VIEW v_who; DROP INDEX events_who; DROP TABLE told; DROP INDEX outbox_waiting;"
            "DROP TABLE removals; DROP VIEW v_rollouts; DROP INDEX events_kind;"
            "PRAGMA user_version = 1;"),
        SQLITE_OK);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_expect_eq(hf_audit_verify(reader, NULL, NULL, &rows, &err), 0, "an older trail can be verified as it is: %s",
                 err.text);
    hf_audit_reader_close(reader);
    trail_open(&trail);
    cr_expect_eq(count_aside(&trail), 0u);
    cr_expect_eq(trail_count(&trail, "PRAGMA user_version"), newest());
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM v_incidents"), 1);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_close(&trail);
    cr_expect_str_empty(trail_verify(&trail, &rows));
    cr_expect_eq(rows, 6);
    trail_end(&trail);
}

Test(open, a_migration_that_fails_leaves_the_trail_as_it_was)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    fill(&trail, 5);
    /* The second migration makes v_incidents anew and finds it there. */
    cr_assert_eq(trail_sql(&trail, "DROP VIEW v_mttr; PRAGMA user_version = 1;"), SQLITE_OK);
    cr_assert_eq(trail_try_open(&trail, &err), -1);
    cr_expect_not_null(strstr(err.text, "migrate by schema/migrations/0002-"), "%s", err.text);
    cr_expect_eq(trail_count(&trail, "PRAGMA user_version"), 1);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events"), 5);
    trail_end(&trail);
}

Test(open, a_shipped_migration_is_never_edited)
{
    static const char *const SHIPPED[][2] = {
        {"schema/migrations/0001-trail.sql", "sha256:310c5257ada0b7732d23b7dfc91f8200da25e071dbf46051e59ba40acf4ca891"},
        {"schema/migrations/0002-views.sql", "sha256:c7d16328ee3330485d6282257c8f533c960dbfc0128fdbae5cdcbe1088cf8d7a"},
        {"schema/migrations/0003-rare.sql", "sha256:acc51d98886d32373288cc6656b3913454a1cf197df34e7eebc7fce61585e017"},
        {"schema/migrations/0004-who.sql", "sha256:35b834259e1f78bd5ad98c045d57579de39e85ce2e878abc52612249ed3cf6af"},
    };
    for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++) {
        struct hf_error err = HF_ERROR_INIT;
        struct hf_digest digest;
        char text[HF_SHA256_TEXT];
        const struct hf_embedded *file = hf_embedded_find(SHIPPED[i][0]);
        cr_assert_not_null(file);
        cr_assert_eq(hf_sha256(file->bytes, file->size, &digest, &err), 0);
        hf_digest_text(&digest, text);
        cr_expect_str_eq(text, SHIPPED[i][1], "%s was edited: trails made by it would be taken for forged",
                         SHIPPED[i][0]);
    }
}
