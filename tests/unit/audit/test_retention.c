/* Old events leave a trail: what goes and what never, that the chain stays provable, and that no crash loses anything.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "holdfast/audit_keep.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define BASE_MS INT64_C(1772357400000)
#define AT(n) (BASE_MS + (n)*1000)
#define ALL (AT(100000))

static void add(struct trail *trail, int n, const char *type, const char *incident, bool alert)
{
    trail_append(trail, EVENT(.at_ms = AT(n), .type = type, .incident = incident, .name = "web", .alert = alert), 0);
}

/* Events 1 to 2 * count: incidents of two each, seen and put back. */
static void add_incidents(struct trail *trail, int first, int count)
{
    for (int i = 0; i < count; i++) {
        char incident[32];
        int n = first + i * 2;
        (void)snprintf(incident, sizeof incident, "i-%d", n);
        add(trail, n, "drift.seen", incident, false);
        add(trail, n + 1, "correction.confirmed", incident, false);
    }
}

static void use_key(struct trail *trail, const char *key)
{
    trail->options.key = key;
    trail->options.key_len = key ? strlen(key) : 0;
}

static bool seen_outcome;
static struct hf_error outcome;

static void on_removed(void *ctx, const struct hf_error *told)
{
    (void)ctx;
    outcome = *told;
    seen_outcome = true;
}

static int plan(const struct trail *trail, int64_t before_ms, int64_t most, struct hf_audit_removal *removal,
                struct hf_buf *why, struct hf_error *err)
{
    struct hf_audit_reader *reader = trail_reader(trail);
    int status = hf_audit_removal_plan(reader, before_ms, most, removal, why, err);
    hf_audit_reader_close(reader);
    return status;
}

static int export(const struct trail *trail, struct hf_audit_removal *removal, hf_audit_step_fn step, void *ctx,
                  struct hf_error *err)
{
    struct hf_audit_reader *reader = trail_reader(trail);
    int status = hf_audit_removal_export(reader, removal, trail->folder, trail->options.key, trail->options.key_len,
                                         step, ctx, err);
    hf_audit_reader_close(reader);
    return status;
}

static int commit(struct trail *trail, const struct hf_audit_removal *removal, struct hf_error *err)
{
    seen_outcome = false;
    cr_assert_eq(hf_audit_remove(trail->audit, removal, on_removed, trail, err), 0, "%s", err->text);
    while (!seen_outcome) {
        cr_assert(trail_turn(trail, WAIT_MS));
    }
    *err = outcome;
    return err->code == HF_OK ? 0 : -1;
}

/* What goes in one piece; returns how many rows. The trail is open. */
static int64_t retain(struct trail *trail, int64_t before_ms, int64_t most)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_removal removal;
    cr_assert_eq(plan(trail, before_ms, most, &removal, NULL, &err), 0, "%s", err.text);
    if (removal.first_id == 0) {
        return 0;
    }
    cr_assert_eq(export(trail, &removal, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(commit(trail, &removal, &err), 0, "%s", err.text);
    return removal.last_id - removal.first_id + 1;
}

static const char *verify(const struct trail *trail, struct hf_audit_proof *proof)
{
    static struct hf_error err;
    struct hf_audit_checks checks = {.key = trail->options.key, .key_len = trail->options.key_len};
    struct hf_audit_reader *reader = trail_reader(trail);
    hf_error_clear(&err);
    int status = hf_audit_prove(reader, &checks, proof, &err);
    hf_audit_reader_close(reader);
    return status == 0 ? "" : err.text;
}

struct told {
    size_t count;
    struct hf_audit_removal last;
};

static bool note(void *ctx, const struct hf_audit_removal *removal)
{
    struct told *told = ctx;
    told->count++;
    told->last = *removal;
    return true;
}

static void removals_of(const struct trail *trail, struct told *told)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader = trail_reader(trail);
    memset(told, 0, sizeof *told);
    cr_assert_eq(hf_audit_removals(reader, note, told, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
}

static int read_export(const struct trail *trail, const char *name, struct hf_audit_removal *file, struct told *told,
                       struct hf_error *err)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", trail->folder, name);
    return hf_audit_exported_read(path, trail->options.key, trail->options.key_len, file, note, told, err);
}

static void expect_exported(const struct trail *trail, const struct hf_audit_removal *removal, struct told *told)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_removal file;
    memset(told, 0, sizeof *told);
    cr_assert_eq(read_export(trail, removal->file, &file, told, &err), 0, "%s", err.text);
    cr_expect_str_eq(file.file_digest, removal->file_digest);
    cr_expect_str_eq(file.previous, removal->previous);
    cr_expect_str_eq(file.digest, removal->digest);
    cr_expect_eq(file.first_id, removal->first_id);
    cr_expect_eq(file.last_id, removal->last_id);
    cr_expect_eq(file.file_bytes, removal->file_bytes);
}

Test(retention, old_events_go_and_the_chain_stays_provable_from_the_event_that_tells_of_it)
{
    static const char *const KEYS[] = {NULL, KEY};
    for (size_t i = 0; i < 2; i++) {
        struct trail trail;
        struct hf_audit_proof proof;
        struct told told;
        struct told inside;
        trail_begin(&trail);
        add_incidents(&trail, 1, 3); /* plain, also where a key follows */
        trail_close(&trail);
        use_key(&trail, KEYS[i]);
        trail_open(&trail);
        add_incidents(&trail, 7, 7); /* 7 to 20 */
        trail_wait_durable(&trail, 0);
        trail_append(&trail, EVENT(.type = "agent.started", .at_ms = AT(30)), 9);
        trail_wait_durable(&trail, 1);
        cr_expect_eq(retain(&trail, AT(11), 1000), 10);
        cr_expect_eq(trail_count(&trail, "SELECT min(id) FROM events"), 11);
        cr_expect_str_empty(verify(&trail, &proof));
        cr_expect_eq(proof.removed, 10);
        cr_expect_eq(proof.removed_by, 22);
        cr_expect_eq(proof.rows, 12);
        removals_of(&trail, &told);
        cr_expect_eq(told.count, 1u);
        expect_exported(&trail, &told.last, &inside);
        cr_expect_eq(inside.count, 0u);
        /* The next part takes the event that told of the first with it. */
        add_incidents(&trail, 40, 2);
        trail_append(&trail, EVENT(.type = "agent.started", .at_ms = AT(60)), 10);
        trail_wait_durable(&trail, 2);
        trail_close(&trail);
        trail_open(&trail);
        cr_expect_eq(retain(&trail, hf_now_ms() + 3600000, 1000), 16);
        cr_expect_str_empty(verify(&trail, &proof));
        cr_expect_eq(proof.removed, 26);
        removals_of(&trail, &told);
        cr_expect_eq(told.count, 1u);
        expect_exported(&trail, &told.last, &inside);
        cr_expect_eq(inside.count, 1u, "the later export has what tells of the earlier one");
        cr_expect_eq(inside.last.last_id, 10);
        cr_expect_str_eq(inside.last.digest, told.last.previous);
        cr_expect_eq(retain(&trail, 0, 1000), 0);
        trail_end(&trail);
    }
}

Test(retention, parts_are_no_longer_than_asked_and_follow_each_other)
{
    struct trail trail;
    struct hf_audit_proof proof;
    trail_begin(&trail);
    add_incidents(&trail, 1, 10);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    cr_expect_eq(retain(&trail, ALL, 7), 6, "the fourth incident would be cut in two");
    cr_expect_eq(retain(&trail, ALL, 7), 6);
    cr_expect_eq(retain(&trail, ALL, 7), 6);
    cr_expect_str_empty(verify(&trail, &proof));
    cr_expect_eq(proof.removed, 18);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM removals"), 3);
    trail_end(&trail);
}

struct keeping {
    char what[24];
    int64_t goes;
    char why[64];
};

ParameterizedTestParameters(retention, what_is_needed_still_stays)
{
    static struct keeping table[] = {
        {"nothing", 8, "event 9 stays: it is the newest one"},
        {"waits", 4, "event 5 stays: an alert of it has not arrived yet"},
        {"open", 4, "event 5 stays: its incident is open"},
        {"goes on", 4, "event 5 stays: its incident goes on behind it"},
        {"young", 4, "event 5 stays: it is not old enough"},
    };
    return cr_make_param_array(struct keeping, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct keeping *keeping, retention, what_is_needed_still_stays)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_removal removal;
    struct hf_buf why = {0};
    const char *const channels[] = {"ops"};
    int64_t before = ALL;
    trail_init(&trail);
    trail.options.channels = channels;
    trail.options.channel_count = 1;
    trail_open(&trail);
    add_incidents(&trail, 1, 2);
    bool is_young = strcmp(keeping->what, "young") == 0;
    add(&trail, is_young ? 50 : 5, "drift.seen", "odd", strcmp(keeping->what, "waits") == 0);
    if (strcmp(keeping->what, "open") != 0) {
        add(&trail, 6, "correction.confirmed", "odd", false);
    } else {
        add(&trail, 6, "unit.changed", NULL, false);
    }
    add_incidents(&trail, 7, 1);
    trail_append(&trail,
                 EVENT(.type = "drift.attributed", .at_ms = AT(9),
                       .incident = strcmp(keeping->what, "goes on") == 0 ? "odd" : NULL),
                 1);
    trail_wait_durable(&trail, 1);
    before = is_young ? AT(20) : before;
    cr_assert_eq(plan(&trail, before, 1000, &removal, &why, &err), 0, "%s", err.text);
    cr_expect_eq(removal.last_id, keeping->goes);
    cr_expect_str_eq(hf_buf_text(&why), keeping->why);
    cr_expect_eq(retain(&trail, before, 1000), keeping->goes);
    cr_expect_str_empty(verify(&trail, &(struct hf_audit_proof){0}));
    hf_buf_free(&why);
    trail_end(&trail);
}

struct forgery {
    char sql[300];
    char naming[80];
};

ParameterizedTestParameters(retention, rows_that_went_otherwise_are_missed)
{
    static struct forgery table[] = {
        {"DELETE FROM events WHERE id = 11", "event 1 is missing: the first is 12, and no event tells"},
        {"INSERT INTO removals VALUES (11, 12, 22); DELETE FROM events WHERE id IN (11, 12)",
         "event 1 is missing: the first is 13, and no event tells"},
        {"INSERT INTO removals VALUES (14, 14, 22); DELETE FROM events WHERE id = 14", "event 14 is missing"},
        {"DELETE FROM events WHERE id = 22; UPDATE sqlite_sequence SET seq = 21 WHERE name = 'events'",
         "event 1 is missing: the first is 11, and no event tells"},
        {"UPDATE events SET detail = replace(detail, '\"last_id\":10', '\"last_id\":12') WHERE id = 22;"
         "DELETE FROM events WHERE id IN (11, 12)",
         "event 13"},
        {"UPDATE events SET detail = replace(detail, '\"count\":10', '\"count\":11') WHERE id = 22", "event 22"},
        {"UPDATE events SET name = 'x' WHERE id = 11", "event 11"},
    };
    return cr_make_param_array(struct forgery, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct forgery *forgery, retention, rows_that_went_otherwise_are_missed)
{
    struct trail trail;
    struct hf_audit_proof proof;
    trail_begin(&trail);
    add_incidents(&trail, 1, 10);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    cr_assert_eq(retain(&trail, AT(11), 1000), 10);
    trail_close(&trail);
    trail_forge(&trail, forgery->sql);
    const char *said = verify(&trail, &proof);
    cr_expect_not_null(strstr(said, forgery->naming), "said \"%s\"", said);
    trail_end(&trail);
}

Test(retention, the_guard_lets_only_what_was_told_go)
{
    struct trail trail;
    trail_begin(&trail);
    add_incidents(&trail, 1, 10);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    cr_assert_eq(retain(&trail, AT(11), 1000), 10);
    trail_close(&trail);
    cr_expect_eq(trail_sql(&trail, "DELETE FROM events WHERE id = 11"), SQLITE_CONSTRAINT);
    cr_expect_eq(trail_sql(&trail, "DELETE FROM events"), SQLITE_CONSTRAINT);
    trail_end(&trail);
}

Test(retention, checkpoints_of_removed_events_are_counted_and_the_newest_of_them_is_held)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_proof proof;
    struct told told;
    trail_begin(&trail);
    add_incidents(&trail, 1, 10);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    cr_assert_eq(retain(&trail, AT(11), 1000), 10);
    trail_close(&trail);
    removals_of(&trail, &told);
    struct hf_audit_checkpoint kept[] = {{.id = 4, .digest = "sha256:4", .at = ""},
                                         {.id = 10, .digest = told.last.digest, .at = ""}};
    struct hf_audit_checks checks = {.checkpoints = kept, .checkpoint_count = 2};
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_expect_eq(hf_audit_prove(reader, &checks, &proof, &err), 0, "%s", err.text);
    cr_expect_eq(proof.removed_checkpoints, 1u);
    cr_expect_eq(proof.held, 1u);
    kept[1].digest = "sha256:0";
    cr_expect_eq(hf_audit_prove(reader, &checks, &proof, &err), -1);
    cr_expect_not_null(strstr(err.text, "event 10: its digest is not the one that was kept"), "%s", err.text);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

Test(retention, nothing_is_removed_of_what_is_not_whole)
{
    static const char *const SQL[] = {"UPDATE events SET name = 'x' WHERE id = 5", "DELETE FROM events WHERE id = 5"};
    for (size_t i = 0; i < 2; i++) {
        struct trail trail;
        struct hf_error err = HF_ERROR_INIT;
        struct hf_audit_removal removal;
        trail_begin(&trail);
        add_incidents(&trail, 1, 10);
        trail_close(&trail);
        trail_forge(&trail, SQL[i]);
        trail_open(&trail);
        cr_assert_eq(plan(&trail, ALL, 1000, &removal, NULL, &err), 0, "%s", err.text);
        cr_expect_eq(export(&trail, &removal, NULL, NULL, &err), -1);
        cr_expect_eq(err.code, HF_ECORRUPT);
        cr_expect_not_null(strstr(err.text, "event 5"), "%s", err.text);
        /* Told to remove all the same. */
        (void)snprintf(removal.file_digest, sizeof removal.file_digest, "sha256:0");
        if (i == 1) {
            cr_expect_eq(commit(&trail, &removal, &err), -1);
            cr_expect_eq(err.code, HF_ECONFLICT);
        }
        cr_expect_eq(trail_count(&trail, "SELECT min(id) FROM events"), 1);
        cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events WHERE type = 'audit.removed'"), 0);
        trail_end(&trail);
    }
}

Test(retention, what_happened_since_the_plan_keeps_the_rows_and_the_rest_of_the_group_is_written)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_removal removal;
    trail_begin(&trail);
    add_incidents(&trail, 1, 10);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    cr_assert_eq(plan(&trail, ALL, 6, &removal, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(export(&trail, &removal, NULL, NULL, &err), 0, "%s", err.text);
    trail_append(&trail, EVENT(.type = "drift.attributed", .incident = "i-5"), 0);
    cr_expect_eq(commit(&trail, &removal, &err), -1);
    cr_expect_eq(err.code, HF_ECONFLICT);
    cr_expect_not_null(strstr(err.text, "an incident of them goes on"), "%s", err.text);
    trail_append(&trail, EVENT(.type = "agent.stopped"), 2);
    trail_wait_durable(&trail, 2);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events"), 23);
    cr_expect_eq(retain(&trail, ALL, 6), 4, "without the incident that goes on");
    cr_expect_str_empty(verify(&trail, &(struct hf_audit_proof){0}));
    trail_end(&trail);
}

static void write_text(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, len, file), len);
    fclose(file);
}

Test(retention, a_file_of_somebody_elses_is_not_overwritten_and_a_whole_one_left_by_a_crash_is_taken)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_removal removal;
    struct hf_buf text = {0};
    char path[256];
    trail_begin(&trail);
    add_incidents(&trail, 1, 3);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    cr_assert_eq(plan(&trail, ALL, 6, &removal, NULL, &err), 0, "%s", err.text);
    (void)snprintf(path, sizeof path, "%s/%s", trail.folder, removal.file);
    write_text(path, "mine\n", 5);
    cr_expect_eq(export(&trail, &removal, NULL, NULL, &err), -1);
    cr_expect_eq(err.code, HF_ECONFLICT);
    cr_assert_eq(hf_read_file(path, 1000, &text, &err), 0);
    cr_expect_str_eq(text.ptr, "mine\n");
    cr_assert_eq(unlink(path), 0);
    cr_expect_eq(export(&trail, &removal, NULL, NULL, &err), 0, "%s", err.text);
    cr_expect_eq(retain(&trail, ALL, 6), 6, "the file is there already");
    hf_buf_free(&text);
    trail_end(&trail);
}

struct damage {
    char from[48];
    char to[48]; /* "" cuts the file off there */
    char naming[64];
};

ParameterizedTestParameters(retention, a_damaged_export_is_found_by_its_line)
{
    static struct damage table[] = {
        {"\"id\":3,", "\"id\":4,", "line 4: expected event 3, found 4"},
        {"\"incident\":\"i-3\"", "\"incident\":\"i-4\"", "line 4: it is not what it was"},
        {"{\"count\"", "{\"digest\":\"sha256:0\",\"event\":{\"id\":1}}\n{\"count\"", "line 1"},
        {"\"previous\":\"sha256:0", "\"previous\":\"sha256:1", "line 2"},
        {"\"id\":5,", "", "line 6: it is cut off"},
        {"{\"count\":6,\"first_id\":1,\"last_id\":6", "{\"count\":6,\"first_id\":1,\"last_id\":7",
         "its end is missing"},
        {"{\"count\":6,\"first_id\":1", "{\"count\":6,\"first_id\":2", "line 2"},
    };
    return cr_make_param_array(struct damage, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct damage *damage, retention, a_damaged_export_is_found_by_its_line)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf text = {0};
    struct hf_audit_removal file;
    struct told told = {0};
    char path[256];
    trail_begin(&trail);
    add_incidents(&trail, 1, 3);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    cr_assert_eq(retain(&trail, ALL, 6), 6);
    (void)snprintf(path, sizeof path, "%s/holdfast-1-6.jsonl", trail.folder);
    cr_assert_eq(hf_read_file(path, 100000, &text, &err), 0);
    const char *at = strstr(text.ptr, damage->from);
    cr_assert_not_null(at, "%s", text.ptr);
    struct hf_buf changed = {0};
    hf_buf_add(&changed, text.ptr, (size_t)(at - text.ptr));
    hf_buf_adds(&changed, damage->to);
    if (*damage->to) {
        hf_buf_adds(&changed, at + strlen(damage->from));
    }
    write_text(path, changed.ptr, changed.len);
    cr_expect_eq(read_export(&trail, "holdfast-1-6.jsonl", &file, &told, &err), -1);
    cr_expect_eq(err.code, HF_ECORRUPT);
    cr_expect_not_null(strstr(err.text, damage->naming), "%s", err.text);
    hf_buf_free(&text);
    hf_buf_free(&changed);
    trail_end(&trail);
}

/* Every state between two steps: all is there or in a file that proves itself, and going on ends it. */
static void expect_nothing_lost(struct trail *trail, int64_t rows)
{
    struct hf_audit_proof proof;
    trail_open(trail);
    cr_expect_str_empty(verify(trail, &proof));
    cr_expect_eq(proof.last_id, proof.removed + proof.rows);
    if (proof.removed > 0) {
        struct told told;
        struct told inside;
        removals_of(trail, &told);
        expect_exported(trail, &told.last, &inside);
        cr_expect_eq(told.last.last_id, proof.removed);
    } else {
        cr_expect_geq(proof.rows, rows);
    }
    while (retain(trail, ALL, 40) > 0) {
    }
    cr_expect_str_empty(verify(trail, &proof));
    cr_expect_geq(proof.removed, rows - 1);
    trail_close(trail);
}

static void in_child(struct trail *trail, hf_audit_step_fn step, void *ctx)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_removal removal;
    if (trail_try_open(trail, &err) != 0) {
        _exit(3);
    }
    for (;;) {
        struct hf_audit_reader *reader;
        if (hf_audit_reader_open(trail->path, &reader, &err) != 0 ||
            hf_audit_removal_plan(reader, ALL, 40, &removal, NULL, &err) != 0) {
            _exit(4);
        }
        if (removal.first_id == 0) {
            _exit(0);
        }
        if (hf_audit_removal_export(reader, &removal, trail->folder, NULL, 0, step, ctx, &err) != 0) {
            _exit(5);
        }
        hf_audit_reader_close(reader);
        seen_outcome = false;
        if (hf_audit_remove(trail->audit, &removal, on_removed, trail, &err) != 0) {
            _exit(6);
        }
        while (!seen_outcome && trail_turn(trail, WAIT_MS)) {
        }
        if (step && ctx && *(const int *)ctx == 100) {
            kill(getpid(), SIGKILL);
        }
    }
}

static bool die_at(void *ctx, enum hf_audit_export_step step)
{
    if (*(const int *)ctx == (int)step) {
        kill(getpid(), SIGKILL);
    }
    return true;
}

ParameterizedTestParameters(retention, kill_9_between_any_two_steps_loses_nothing)
{
    static int steps[] = {HF_EXPORT_WRITTEN, HF_EXPORT_SYNCED, HF_EXPORT_RENAMED, HF_EXPORT_SAFE, HF_EXPORT_READ, 100};
    return cr_make_param_array(int, steps, sizeof steps / sizeof steps[0]);
}

ParameterizedTest(const int *step, retention, kill_9_between_any_two_steps_loses_nothing)
{
    struct trail trail;
    int status;
    trail_begin(&trail);
    add_incidents(&trail, 1, 60);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    trail_close(&trail);
    pid_t child = fork();
    if (child == 0) {
        int at = *step;
        in_child(&trail, die_at, &at);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status), "the child ended by itself: %d", status);
    expect_nothing_lost(&trail, 121);
    trail_end(&trail);
}

Test(retention, kill_9_at_any_instant_loses_nothing, .timeout = 180)
{
    srand(20261123);
    for (int round = 0; round < 25; round++) {
        struct trail trail;
        int status;
        trail_begin(&trail);
        add_incidents(&trail, 1, 200);
        trail_append(&trail, EVENT(.type = "agent.started"), 1);
        trail_wait_durable(&trail, 1);
        trail_close(&trail);
        pid_t child = fork();
        if (child == 0) {
            in_child(&trail, NULL, NULL);
        }
        nanosleep(&(struct timespec){0, (10 + rand() % 250) * 1000000L}, NULL);
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "the child: %d", status);
        expect_nothing_lost(&trail, 401);
        trail_end(&trail);
    }
}
