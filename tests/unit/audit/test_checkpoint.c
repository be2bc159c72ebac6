/* Checkpoints kept elsewhere: how they are written and read, and what they show that a chain alone can't. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "holdfast/audit_keep.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define CHECKPOINTS 3 /* of events 4, 8 and 12, in lines 1, 2 and 3 */

struct kept {
    struct trail trail;
    char file[128];
};

static void append(struct trail *trail, int first, int last, const char *name)
{
    trail_open(trail);
    for (int i = first; i <= last; i++) {
        trail_append(trail, EVENT(.type = "drift.seen", .name = name, .revision = i), 0);
    }
    trail_close(trail);
}

static void checkpoint(struct kept *kept)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf line = {0};
    int64_t id;
    const struct hf_audit_options *options = &kept->trail.options;
    struct hf_audit_reader *reader = trail_reader(&kept->trail);
    cr_assert_eq(hf_audit_checkpoint_make(reader, "far\"host", options->key, options->key_len, &id, &line, &err), 0,
                 "%s", err.text);
    hf_audit_reader_close(reader);
    cr_assert_eq(hf_audit_checkpoint_append(kept->file, (struct hf_slice){line.ptr, line.len}, &err), 0, "%s",
                 err.text);
    hf_buf_free(&line);
}

static void fill(struct kept *kept, const char *key)
{
    trail_init(&kept->trail);
    kept->trail.options.key = key;
    kept->trail.options.key_len = key ? strlen(key) : 0;
    (void)snprintf(kept->file, sizeof kept->file, "%s/checkpoints", kept->trail.folder);
    for (int i = 0; i < CHECKPOINTS; i++) {
        append(&kept->trail, i * 4 + 1, i * 4 + 4, "web");
        checkpoint(kept);
    }
    append(&kept->trail, 13, 14, "web");
}

/* "" when all holds. */
static const char *verify(const struct kept *kept, struct hf_audit_proof *proof)
{
    static struct hf_error err;
    struct hf_buf text = {0};
    struct hf_audit_checkpoint *list;
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_audit_checks checks = {.key = kept->trail.options.key, .key_len = kept->trail.options.key_len};
    hf_error_clear(&err);
    cr_assert_eq(hf_read_file(kept->file, 100000, &text, &err), 0, "%s", err.text);
    int status = hf_audit_checkpoints_read(arena, "kept", (struct hf_slice){text.ptr, text.len}, checks.key,
                                           checks.key_len, &list, &checks.checkpoint_count, &err);
    if (status == 0) {
        checks.checkpoints = list;
        struct hf_audit_reader *reader = trail_reader(&kept->trail);
        status = hf_audit_prove(reader, &checks, proof, &err);
        hf_audit_reader_close(reader);
    }
    hf_arena_free(arena);
    hf_buf_free(&text);
    return status == 0 ? "" : err.text;
}

static void edit(const struct kept *kept, const char *from, const char *to)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf text = {0};
    cr_assert_eq(hf_read_file(kept->file, 100000, &text, &err), 0, "%s", err.text);
    char *at = strstr(text.ptr, from);
    cr_assert_not_null(at, "%s", text.ptr);
    FILE *file = fopen(kept->file, "w");
    cr_assert_gt(fprintf(file, "%.*s%s%s", (int)(at - text.ptr), text.ptr, to, at + strlen(from)), 0);
    fclose(file);
    hf_buf_free(&text);
}

Test(checkpoint, every_line_of_a_file_is_held_by_the_trail_it_was_made_of)
{
    static const char *const KEYS[] = {NULL, KEY};
    for (size_t i = 0; i < 2; i++) {
        struct kept kept;
        struct hf_audit_proof proof;
        fill(&kept, KEYS[i]);
        cr_expect_str_empty(verify(&kept, &proof));
        cr_expect_eq(proof.held, (size_t)CHECKPOINTS);
        cr_expect_eq(proof.rows, 14);
        trail_end(&kept.trail);
    }
}

struct tampering {
    char sql[160];
    char says[2][120];
};

ParameterizedTestParameters(checkpoint, what_does_not_hold_is_told_with_the_first_checkpoint_that_shows_it)
{
    static struct tampering table[] = {
        /* The tail, with the file's own count of it. */
        {"DELETE FROM events WHERE id > 9; UPDATE sqlite_sequence SET seq = 9 WHERE name = 'events'",
         {"event 10 is missing: the checkpoint is of event 12 and the trail ends at 9",
          "the first checkpoint that does not hold: line 3, event 12, of 20"}},
        {"DELETE FROM events WHERE id > 2; UPDATE sqlite_sequence SET seq = 2 WHERE name = 'events'",
         {"event 3 is missing", "line 1, event 4"}},
        {"DELETE FROM events; DELETE FROM sqlite_sequence", {"event 1 is missing", "line 1, event 4"}},
        {"UPDATE events SET name = 'x' WHERE id = 6", {"event 6: it is not what it was", "line 2, event 8"}},
        {"DELETE FROM events WHERE id = 5", {"event 5 is missing", "line 2, event 8"}},
        {"UPDATE events SET name = 'x' WHERE id = 13", {"event 13: it is not what it was when it was recorded", ""}},
    };
    return cr_make_param_array(struct tampering, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct tampering *tampering, checkpoint,
                  what_does_not_hold_is_told_with_the_first_checkpoint_that_shows_it)
{
    struct kept kept;
    struct hf_audit_proof proof;
    fill(&kept, NULL);
    trail_forge(&kept.trail, tampering->sql);
    const char *said = verify(&kept, &proof);
    cr_expect_not_null(strstr(said, tampering->says[0]), "%s", said);
    cr_expect_not_null(strstr(said, tampering->says[1]), "%s", said);
    cr_expect(*tampering->says[1] || !strstr(said, "checkpoint"), "%s", said);
    trail_end(&kept.trail);
}

Test(checkpoint, a_trail_made_anew_that_is_whole_in_itself_is_found)
{
    struct kept kept;
    struct hf_audit_proof proof;
    fill(&kept, NULL);
    cr_assert_eq(unlink(kept.trail.path), 0);
    append(&kept.trail, 1, 5, "web");
    append(&kept.trail, 6, 14, "db");
    cr_expect_str_empty(trail_verify(&kept.trail, NULL));
    const char *said = verify(&kept, &proof);
    cr_expect_not_null(strstr(said, "event 4: its digest is not the one"), "trail.replaced is its first event: %s",
                       said);
    trail_end(&kept.trail);
}

Test(checkpoint, a_row_changed_with_all_digests_after_it_is_found_by_the_next_checkpoint)
{
    struct kept kept;
    struct hf_audit_proof proof;
    char lock[160];
    fill(&kept, NULL);
    cr_assert_eq(unlink(kept.trail.path), 0);
    (void)snprintf(lock, sizeof lock, "%s.lock", kept.trail.path);
    cr_assert_eq(unlink(lock), 0);
    append(&kept.trail, 1, 5, "web");
    append(&kept.trail, 6, 14, "db");
    cr_expect_str_empty(trail_verify(&kept.trail, NULL));
    const char *said = verify(&kept, &proof);
    cr_expect_not_null(strstr(said, "event 8: its digest is not the one that was kept"), "%s", said);
    cr_expect_not_null(strstr(said, "line 2, event 8"), "%s", said);
    cr_expect_eq(proof.held, 1u);
    trail_end(&kept.trail);
}

Test(checkpoint, a_line_changed_without_the_key_is_told_by_its_number)
{
    struct kept kept;
    struct hf_audit_proof proof;
    fill(&kept, KEY);
    edit(&kept, "\"id\":8}", "\"id\":7}");
    cr_expect_not_null(strstr(verify(&kept, &proof), "kept: line 2: its hmac is not by this key"));
    trail_end(&kept.trail);
}

Test(checkpoint, a_line_that_a_crash_cut_off_hides_no_other)
{
    struct kept kept;
    struct hf_audit_proof proof;
    struct stat info;
    fill(&kept, NULL);
    cr_assert_eq(stat(kept.file, &info), 0);
    cr_expect_eq(info.st_mode & 07777, 0600u);
    cr_assert_eq(truncate(kept.file, info.st_size - 20), 0);
    cr_expect_str_empty(verify(&kept, &proof));
    cr_expect_eq(proof.held, 2u);
    checkpoint(&kept);
    cr_expect_str_empty(verify(&kept, &proof));
    cr_expect_eq(proof.held, 3u);
    edit(&kept, "\"digest\"", "\"digset\"");
    cr_expect_not_null(strstr(verify(&kept, &proof), "kept: line 1: expected"));
    trail_end(&kept.trail);
}

Test(checkpoint, the_last_one_is_held_against_the_trail_without_reading_all_of_it)
{
    struct kept kept;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_checkpoint last;
    struct hf_arena *arena = hf_arena_new(0);
    fill(&kept, NULL);
    cr_assert_eq(hf_audit_checkpoint_last(kept.file, arena, &last, &err), 0, "%s", err.text);
    cr_expect_eq(last.id, 12);
    struct hf_audit_reader *reader = trail_reader(&kept.trail);
    cr_expect_eq(hf_audit_checkpoint_holds(reader, &last, &err), 0, "%s", err.text);
    trail_forge(&kept.trail, "UPDATE events SET digest = 'sha256:0' WHERE id = 12");
    cr_expect_eq(hf_audit_checkpoint_holds(reader, &last, &err), -1);
    cr_expect_eq(err.code, HF_ECORRUPT);
    cr_expect_not_null(strstr(err.text, "event 12 is not the one"), "%s", err.text);
    trail_forge(&kept.trail, "DELETE FROM events WHERE id > 11");
    cr_expect_eq(hf_audit_checkpoint_holds(reader, &last, &err), -1);
    cr_expect_not_null(strstr(err.text, "is missing: the trail ends at 11"), "%s", err.text);
    hf_audit_reader_close(reader);
    cr_assert_eq(unlink(kept.file), 0);
    cr_expect_eq(hf_audit_checkpoint_last(kept.file, arena, &last, &err), 0);
    cr_expect_eq(last.id, 0);
    hf_arena_free(arena);
    trail_end(&kept.trail);
}

Test(checkpoint, only_a_file_takes_one_and_an_empty_trail_has_none)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf line = {0};
    int64_t id = 1;
    trail_begin(&trail);
    trail_close(&trail);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_expect_eq(hf_audit_checkpoint_make(reader, "here", NULL, 0, &id, &line, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    cr_expect_eq(id, 0);
    cr_expect_eq(line.len, 0u);
    cr_expect_eq(hf_audit_checkpoint_append(trail.folder, hf_slice_of("x\n"), &err), -1);
    cr_expect_eq(hf_audit_checkpoint_append("/nowhere/checkpoints", hf_slice_of("x\n"), &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND);
    cr_expect_eq(hf_audit_checkpoint_append("/dev/full", hf_slice_of("x\n"), &err), -1);
    trail_end(&trail);
}
