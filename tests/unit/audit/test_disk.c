/* What happens to the file while an agent writes to it: corrupt, deleted, moved, replaced, cut short, read-only. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "holdfast/audit_keep.h"

static const char *const CHANNELS[] = {"ops"};

static void append_many(struct trail *trail, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        trail_append(trail, EVENT(.type = "unit.changed", .name = "web", .message = "one of many sentences"), 1);
    }
    trail_wait_durable(trail, trail->ticket_count + count);
}

/* One record that must become durable within the time that a test waits. */
static void append_one(struct trail *trail, const char *type)
{
    size_t told = trail->ticket_count;
    trail_append(trail, EVENT(.type = type), 7);
    trail_wait_durable(trail, told + 1);
}

static void wait_for_failure(struct trail *trail)
{
    int64_t until = hf_mono_ms() + WAIT_MS;
    while (trail->state.code == HF_OK) {
        cr_assert_lt(hf_mono_ms(), until, "it never failed");
        (void)trail_turn(trail, 100);
    }
}

static void wait_for_success(struct trail *trail)
{
    int64_t until = hf_mono_ms() + WAIT_MS;
    while (trail->state.code != HF_OK) {
        cr_assert_lt(hf_mono_ms(), until, "still failing: %s", trail->state.text);
        (void)trail_turn(trail, 100);
    }
}

static char *aside_of(const struct trail *trail, size_t *count)
{
    char pattern[160];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s.corrupt-*Z", trail->path);
    int result = glob(pattern, 0, NULL, &found);
    *count = result == 0 ? found.gl_pathc : 0;
    char *first = *count > 0 ? strdup(found.gl_pathv[0]) : NULL;
    globfree(&found);
    return first;
}

/* Every page but the first becomes junk, and no page of the writer's cache is of use to it any more. */
static void corrupt_pages(struct trail *trail)
{
    char junk[4096];
    struct stat info;
    cr_assert_eq(trail_sql(trail, "UPDATE objects SET reason = 'other' WHERE name = 'web'"), SQLITE_OK);
    cr_assert_eq(trail_sql(trail, "PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
    memset(junk, 0x5A, sizeof junk);
    int fd = open(trail->path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(fstat(fd, &info), 0);
    cr_assert_gt(info.st_size, 20 * 4096);
    for (off_t at = 4096; at < info.st_size; at += 4096) {
        cr_assert_eq(pwrite(fd, junk, sizeof junk, at), (ssize_t)sizeof junk);
    }
    close(fd);
}

static void put_object(struct trail *trail)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_object object = {.target = "dev", .kind = "Deployment", .name = "web", .verdict = "in_sync"};
    struct hf_audit_batch batch = {.objects = &object, .object_count = 1};
    cr_assert_eq(hf_audit_append(trail->audit, &batch, 1, &err), 0);
    trail_wait_durable(trail, trail->ticket_count + 1);
}

Test(disk, a_file_that_becomes_corrupt_while_it_is_written_is_set_aside_and_the_new_one_says_so_first)
{
    struct trail trail;
    size_t count;
    struct stat before;
    struct stat after;
    trail_init(&trail);
    trail.options.channels = CHANNELS;
    trail.options.channel_count = 1;
    trail_open(&trail);
    append_many(&trail, 1000);
    put_object(&trail);
    corrupt_pages(&trail);
    cr_assert_eq(stat(trail.path, &before), 0);
    append_one(&trail, "drift.seen");
    char *aside = aside_of(&trail, &count);
    cr_assert_eq(count, 1u);
    cr_expect_eq(stat(aside, &after), 0);
    cr_expect_eq(after.st_ino, before.st_ino, "what was set aside is not the file that was corrupt");
    cr_expect_eq(after.st_size, before.st_size);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events"), 2);
    cr_expect_eq(trail_count(&trail,
                             "SELECT count(*) FROM events WHERE id = 1 AND type = 'trail.replaced' AND alert AND"
                             " severity = 'critical' AND message LIKE '%.corrupt-%'"),
                 1);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events WHERE id = 2 AND type = 'drift.seen'"), 1);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox"), 1);
    cr_expect_str_empty(trail_verify(&trail, NULL));
    append_many(&trail, 100);
    trail_close(&trail);
    trail_open(&trail);
    free(aside_of(&trail, &count));
    cr_expect_eq(count, 1u);
    free(aside);
    trail_end(&trail);
}

Test(disk, an_alert_in_hand_when_the_file_was_replaced_is_not_mixed_up_with_one_of_the_new_file)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    trail_init(&trail);
    trail.options.channels = CHANNELS;
    trail.options.channel_count = 1;
    trail_open(&trail);
    append_many(&trail, 1000);
    put_object(&trail);
    trail_append(&trail, EVENT(.type = "drift.seen", .alert = true), 1);
    trail_wait_durable(&trail, trail.ticket_count + 1);
    trail_take(&trail, "ops", hf_now_ms(), 10);
    cr_assert_eq(trail.row_count, 1u);
    int64_t in_hand = trail.row_ids[0];
    corrupt_pages(&trail);
    append_one(&trail, "agent.started");
    cr_assert_eq(hf_audit_outbox_settle(trail.audit, &(struct hf_audit_settlement){.ids = &in_hand, .count = 1}, &err),
                 0);
    append_one(&trail, "agent.started");
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox"), 1, "the alert of the new file was taken for told");
    trail_take(&trail, "ops", hf_now_ms(), 10);
    cr_expect_eq(trail.row_count, 1u);
    cr_expect_neq(trail.row_ids[0], in_hand);
    cr_expect_not_null(strstr(trail.row_json[0], "trail.replaced"));
    trail_end(&trail);
}

static void remove_files(const struct trail *trail)
{
    static const char *const PARTS[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        char path[160];
        (void)snprintf(path, sizeof path, "%s%s", trail->path, PARTS[i]);
        cr_assert_eq(unlink(path), 0, "%s", path);
    }
}

static void expect_whole_and_locked(struct trail *trail, int64_t events)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit *second = NULL;
    struct hf_audit_events told = {0};
    struct stat info;
    int64_t rows;
    cr_expect_str_empty(trail_verify(trail, &rows));
    cr_expect_eq(rows, events);
    cr_expect_eq(trail_count(trail, "SELECT count(*) FROM events WHERE type = 'trail.restored' AND alert"), 1);
    cr_expect_eq(stat(trail->path, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600u);
    cr_expect_eq(hf_audit_open(&trail->options, &told, loop_post, &trail->loop, NULL, &second, &err), -1);
    cr_expect_eq(err.code, HF_EBUSY, "%s", err.text);
}

Test(disk, a_deleted_file_is_written_anew_with_all_that_it_held)
{
    struct trail trail;
    trail_begin(&trail);
    append_many(&trail, 50);
    remove_files(&trail);
    append_one(&trail, "drift.seen");
    append_one(&trail, "agent.stopped");
    expect_whole_and_locked(&trail, 53);
    trail_end(&trail);
}

Test(disk, a_deleted_file_is_missed_by_an_agent_that_has_nothing_to_record)
{
    struct trail trail;
    trail_begin(&trail);
    append_many(&trail, 5);
    remove_files(&trail);
    int64_t until = hf_mono_ms() + WAIT_MS;
    char wal[120];
    (void)snprintf(wal, sizeof wal, "%s-wal", trail.path);
    while (access(wal, F_OK) != 0) {
        cr_assert_lt(hf_mono_ms(), until);
        (void)trail_turn(&trail, 100);
    }
    append_one(&trail, "agent.stopped"); /* behind the one that tells of it */
    expect_whole_and_locked(&trail, 7);
    trail_end(&trail);
}

Test(disk, without_its_folder_nothing_is_told_durable_until_the_folder_is_there_again)
{
    struct trail trail;
    char away[80];
    trail_begin(&trail);
    append_many(&trail, 20);
    (void)snprintf(away, sizeof away, "%s-away", trail.folder);
    cr_assert_eq(rename(trail.folder, away), 0);
    size_t told = trail.ticket_count;
    trail_append(&trail, EVENT(.type = "drift.seen"), 7);
    wait_for_failure(&trail);
    cr_expect_eq(trail.state.code, HF_ENOTFOUND);
    cr_expect_not_null(strstr(trail.state.text, "has vanished"), "%s", trail.state.text);
    (void)trail_turn(&trail, 500);
    cr_expect_eq(trail.ticket_count, told);
    cr_assert_eq(mkdir(trail.folder, 0700), 0);
    wait_for_success(&trail);
    trail_wait_durable(&trail, told + 1);
    append_one(&trail, "agent.stopped");
    expect_whole_and_locked(&trail, 23);
    trail_end(&trail);
    static const char *const PARTS[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        char path[120];
        (void)snprintf(path, sizeof path, "%s/holdfast.db%s", away, PARTS[i]);
        (void)unlink(path);
    }
    cr_expect_eq(rmdir(away), 0);
}

Test(disk, a_folder_that_was_moved_and_comes_back_goes_on_as_it_was)
{
    struct trail trail;
    char away[80];
    trail_begin(&trail);
    append_many(&trail, 20);
    (void)snprintf(away, sizeof away, "%s-away", trail.folder);
    cr_assert_eq(rename(trail.folder, away), 0);
    trail_append(&trail, EVENT(.type = "drift.seen"), 7);
    wait_for_failure(&trail);
    cr_assert_eq(rename(away, trail.folder), 0);
    wait_for_success(&trail);
    trail_wait_durable(&trail, 21);
    int64_t rows;
    cr_expect_str_empty(trail_verify(&trail, &rows));
    cr_expect_eq(rows, 21, "the record is there once");
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events WHERE type = 'trail.restored'"), 0);
    trail_end(&trail);
}

Test(disk, another_file_in_its_place_is_neither_written_to_nor_overwritten)
{
    struct trail trail;
    char other[120];
    struct stat before;
    struct stat after;
    trail_begin(&trail);
    append_many(&trail, 20);
    (void)snprintf(other, sizeof other, "%s-other", trail.path);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_backup(reader, other, NULL, NULL, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    cr_assert_eq(rename(other, trail.path), 0);
    cr_assert_eq(stat(trail.path, &before), 0);
    size_t told = trail.ticket_count;
    trail_append(&trail, EVENT(.type = "drift.seen"), 7);
    wait_for_failure(&trail);
    cr_expect_not_null(strstr(trail.state.text, "another file"), "%s", trail.state.text);
    (void)trail_turn(&trail, 300);
    cr_expect_eq(trail.ticket_count, told);
    cr_assert_eq(stat(trail.path, &after), 0);
    cr_expect_eq(after.st_ino, before.st_ino);
    cr_expect_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    cr_assert_eq(unlink(trail.path), 0);
    wait_for_success(&trail);
    trail_wait_durable(&trail, told + 1);
    trail_end(&trail);
}

Test(disk, a_reader_is_told_when_its_file_is_not_the_trail_any_more)
{
    struct trail trail;
    trail_begin(&trail);
    append_many(&trail, 5);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_expect_not(hf_audit_reader_is_stale(reader));
    remove_files(&trail);
    append_one(&trail, "drift.seen");
    cr_expect(hf_audit_reader_is_stale(reader));
    hf_audit_reader_close(reader);
    reader = trail_reader(&trail);
    cr_expect_not(hf_audit_reader_is_stale(reader));
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

Test(disk, a_trail_that_is_gone_at_the_start_is_missed_in_the_first_row)
{
    struct trail trail;
    trail_begin(&trail);
    append_many(&trail, 5);
    trail_close(&trail);
    cr_assert_eq(unlink(trail.path), 0);
    trail_open(&trail);
    append_one(&trail, "agent.started");
    cr_expect_eq(trail_count(&trail,
                             "SELECT count(*) FROM events WHERE id = 1 AND type = 'trail.replaced' AND alert AND"
                             " message LIKE '%was gone at the start%'"),
                 1);
    trail_close(&trail);
    trail_open(&trail);
    append_one(&trail, "agent.started");
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events WHERE type = 'trail.replaced'"), 1);
    trail_end(&trail);
}

static void copy_file(const char *from, const char *to, off_t most)
{
    struct hf_buf bytes = {0};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_read_file(from, 100000000, &bytes, &err), 0, "%s", err.text);
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = most >= 0 && (size_t)most < bytes.len ? (size_t)most : bytes.len;
    cr_assert_eq(write(fd, bytes.ptr, len), (ssize_t)len);
    close(fd);
    hf_buf_free(&bytes);
}

/* As after a crash: the database and its -wal, which is cut off after some bytes. */
static void crash_with_wal(struct trail *trail, struct trail *after, off_t wal_bytes)
{
    char from[120];
    char to[120];
    trail_init(after);
    (void)snprintf(from, sizeof from, "%s-wal", trail->path);
    (void)snprintf(to, sizeof to, "%s-wal", after->path);
    copy_file(trail->path, after->path, -1);
    copy_file(from, to, wal_bytes);
}

Test(disk, a_wal_that_was_cut_off_leaves_a_whole_shorter_trail_and_a_checkpoint_shows_it)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    trail_begin(&trail);
    for (int i = 0; i < 60; i++) {
        append_one(&trail, "unit.changed");
    }
    struct hf_audit_reader *reader = trail_reader(&trail);
    struct hf_audit_checks checks = {0};
    struct hf_audit_proof kept;
    cr_assert_eq(hf_audit_prove(reader, &checks, &kept, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    static const off_t CUTS[] = {0, 31, 5000, 100001, 200000, 300007};
    for (size_t i = 0; i < sizeof CUTS / sizeof CUTS[0]; i++) {
        struct trail after;
        int64_t rows;
        size_t aside;
        crash_with_wal(&trail, &after, CUTS[i]);
        trail_open(&after);
        free(aside_of(&after, &aside));
        cr_expect_eq(aside, 0u);
        cr_expect_str_empty(trail_verify(&after, &rows));
        cr_expect_lt(rows, 60, "cut at %ld", (long)CUTS[i]);
        append_one(&after, "agent.started");
        cr_expect_str_empty(trail_verify(&after, NULL));
        struct hf_audit_checkpoint checkpoint = {.id = kept.last_id, .digest = kept.head, .at = ""};
        checks.checkpoints = &checkpoint;
        checks.checkpoint_count = 1;
        reader = trail_reader(&after);
        cr_expect_eq(hf_audit_prove(reader, &checks, &(struct hf_audit_proof){0}, &err), -1, "cut at %ld",
                     (long)CUTS[i]);
        cr_expect_eq(err.code, HF_ECORRUPT);
        hf_audit_reader_close(reader);
        trail_end(&after);
    }
    trail_end(&trail);
}

Test(disk, a_read_only_disk_is_refused_at_the_start_and_can_still_be_read)
{
    struct trail trail;
    trail_init(&trail);
    if (mount("tmpfs", trail.folder, "tmpfs", 0, "size=8m") != 0) {
        int why = errno;
        trail_end(&trail);
        cr_skip_test("a tmpfs can't be mounted here (%s)", strerror(why));
    }
    trail_open(&trail);
    append_many(&trail, 20);
    cr_assert_eq(chmod(trail.path, 0400), 0);
    trail_close(&trail);
    cr_assert_eq(mount(NULL, trail.folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    struct hf_error err = HF_ERROR_INIT;
    cr_expect_eq(trail_try_open(&trail, &err), -1);
    cr_expect_eq(err.code, HF_EDENIED, "%s", err.text);
    cr_expect_not_null(strstr(err.text, "ead-only"), "%s", err.text);
    struct hf_audit_reader *reader = trail_reader(&trail);
    int64_t rows;
    cr_expect_eq(hf_audit_verify(reader, NULL, NULL, &rows, &err), 0, "%s", err.text);
    cr_expect_eq(rows, 20);
    hf_audit_reader_close(reader);
    cr_assert_eq(mount(NULL, trail.folder, NULL, MS_REMOUNT, NULL), 0);
    cr_assert_eq(chmod(trail.path, 0600), 0);
    trail_open(&trail);
    append_many(&trail, 1);
    trail_close(&trail);
    cr_assert_eq(umount2(trail.folder, MNT_DETACH), 0);
    trail_end(&trail);
}
