/* `holdfast audit …` as a person calls it: what it prints and how it exits. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd_audit.h"
#include "holdfast/json.h"
#include "holdfast/mem.h"

static char folder[64];
static char database[96];

static int post_at_once(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message)
{
    (void)ctx;
    fn(fn_ctx, message);
    return 0;
}

static const char FINDINGS[] =
    "{\"findings\":[{\"path\":\"/spec/replicas\",\"readable\":\"spec.replicas\",\"class\":\"changed\","
    "\"desired\":\"3\",\"live\":\"10\",\"manager\":\"kubectl\",\"at\":\"2026-03-02T09:29:59.000Z\"},"
    "{\"path\":\"/spec/paused\",\"readable\":\"spec.paused\",\"class\":\"added\",\"live\":true}]}";

static const char WHO[] =
    "{\"who\":{\"user\":\"alice\",\"impersonated\":\"robot\",\"groups\":[\"traders\",\"system:authenticated\"],"
    "\"userAgent\":\"kubectl/v1.32.0 (linux/amd64) kubernetes/abc\",\"source\":\"10.0.0.7\",\"how\":\"time\"}}";

static void make_trail(void)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit *audit;
    struct hf_audit_events told = {0};
    struct hf_audit_options options = {.path = database};
    struct hf_audit_event events[6];
    for (size_t i = 0; i < 6; i++) {
        events[i] = (struct hf_audit_event){.at_ms = 1772443800210 + (int64_t)i * 1000,
                                            .type = "unit.changed",
                                            .severity = "info",
                                            .drifted_at_ms = HF_TIME_NONE,
                                            .seen_at_ms = HF_TIME_NONE,
                                            .corrected_at_ms = HF_TIME_NONE};
    }
    events[1].type = "drift.seen";
    events[1].severity = "critical";
    events[1].incident = "inc-1";
    events[1].target = "dev";
    events[1].space = "traderx";
    events[1].unit = "trade-service";
    events[1].revision = 42;
    events[1].api_version = "apps/v1";
    events[1].kind = "Deployment";
    events[1].namespace = "traderx-dev";
    events[1].name = "trade-service";
    events[1].manager = "kubectl";
    events[1].drifted_at_ms = 1772443799000;
    events[1].seen_at_ms = 1772443800200;
    events[1].message = "scaled from 3 to 10";
    events[1].detail = FINDINGS;
    events[2].type = "correction.confirmed";
    events[2].incident = "inc-1";
    events[2].seen_at_ms = 1772443800200;
    events[2].corrected_at_ms = 1772443800612;
    events[3].message = "=cmd|' /C calc'!A0 \"quoted\"\nsecond line";
    events[3].name = "\x1b[31mred\xE2\x80\xAE";
    events[3].manager = "+1";
    events[4].manager = "-2";
    events[5].type = "drift.attributed";
    events[5].incident = "inc-1";
    events[5].detail = WHO;
    struct hf_audit_batch batch = {.events = events, .event_count = 6};
    cr_assert_eq(hf_audit_open(&options, &told, post_at_once, NULL, NULL, &audit, &err), 0, "%s", err.text);
    cr_assert_eq(hf_audit_append(audit, &batch, 0, &err), 0, "%s", err.text);
    hf_audit_close(audit, 10000);
}

static void setup(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/hf-cmd-audit-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(database, sizeof database, "%s/holdfast.db", folder);
    make_trail();
    cr_assert_eq(setenv("HOLDFAST_DATABASE", database, 1), 0);
}

static void teardown(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    closedir(dir);
    cr_expect_eq(rmdir(folder), 0);
}

TestSuite(cmd_audit, .init = setup, .fini = teardown);

/* Runs the command in a process of its own. words: as on a command line, divided by single spaces. */
static int call(const char *words, struct hf_buf *out, struct hf_buf *errors)
{
    char text[400];
    char *argv[20] = {NULL};
    int argc = 0;
    int ends[2][2];
    (void)snprintf(text, sizeof text, "audit %s", words);
    for (char *at = text; at && argc < 19; argc++) {
        argv[argc] = at;
        at = strchr(at, ' ');
        if (at) {
            *at++ = '\0';
        }
    }
    cr_assert_eq(pipe(ends[0]), 0);
    cr_assert_eq(pipe(ends[1]), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[0][1], STDOUT_FILENO);
        dup2(ends[1][1], STDERR_FILENO);
        close(ends[0][0]);
        close(ends[1][0]);
        int code = hf_cmd_audit.run(&hf_cmd_audit, argc, argv);
        fflush(NULL);
        _exit(code);
    }
    struct hf_buf *const to[] = {out, errors};
    for (int i = 0; i < 2; i++) {
        char piece[4096];
        close(ends[i][1]);
        for (ssize_t got; (got = read(ends[i][0], piece, sizeof piece)) > 0;) {
            if (to[i]) {
                hf_buf_add(to[i], piece, (size_t)got);
            }
        }
        close(ends[i][0]);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static size_t count_lines(const struct hf_buf *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->len; i++) {
        count += text->ptr[i] == '\n';
    }
    return count;
}

struct call_case {
    char words[120];
    int exit_code;
    size_t lines;     /* on standard output; 0: not counted */
    char wanted[160]; /* somewhere in it, or on standard error when the code is not 0 */
};

ParameterizedTestParameters(cmd_audit, each_call_prints_and_exits_as_its_help_says)
{
    static struct call_case table[] = {
        {"log", 0, 7,
         "       2 2026-03-02T09:30:01.210Z critical drift.seen           Deployment traderx-dev/trade-service"},
        {"log --outcome lost", 2, 0, "--outcome: found \"lost\", expected open, corrected, healed or dismissed"},
        {"log --outcome dismissed --output jsonl", 0, 0, ""},
        {"log --limit 2", 0, 3, "drift.attributed"},
        {"log --limit 0 --oldest-first", 0, 7, "MESSAGE\n       1 "},
        {"log --type drift.", 0, 3, "scaled from 3 to 10"},
        {"log --manager kubectl --output jsonl", 0, 1, "\"detail\":{\"findings\":["},
        {"log --path spec.replicas --class changed", 0, 2, "scaled from 3 to 10"},
        {"log --path spec.replicas --class added", 0, 1, "MESSAGE"},
        {"log --user alice --output jsonl", 0, 1, "\"type\":\"drift.attributed\""},
        {"log --user bob --output json", 0, 1, "[]"},
        {"log --manager nobody --output json", 0, 1, "[]"},
        {"log --since 2026-03-02T09:30:02Z --until 2026-03-02T09:30:03Z", 0, 2, "correction.confirmed"},
        {"log --since 2026-03-03", 0, 1, "MESSAGE"},
        {"log --until 2026-03-02", 0, 1, "MESSAGE"},
        {"log --since 1h --output jsonl", 0, 0, ""},
        {"log --since soon", 2, 0, "--since: found \"soon\", expected a time"},
        {"log --output xml", 2, 0, "--output: found \"xml\", expected table, json, jsonl or csv"},
        {"log --limit many", 2, 0, "--limit: found \"many\""},
        {"log --follow --output json", 2, 0, "use --output jsonl"},
        {"log extra", 2, 0, "found \"extra\", expected only options"},
        {"log --nonsense", 2, 0, "Try 'holdfast audit log --help'"},
        {"log --database /nonexistent/x.db", 2, 0, "/nonexistent/x.db"},
        {"log --help", 0, 0, "Usage: holdfast audit log"},
        {"show 2", 0, 0, "  spec.replicas  (changed, by kubectl, 2026-03-02T09:29:59.000Z)\n    - 10\n    + 3\n"},
        {"show 2", 0, 0, "  spec.paused  (added, by whom is not known)\n    - true\n"},
        {"show 2", 0, 0, "  unit       traderx/trade-service revision 42\n"},
        {"show inc-1", 0, 0, "  took       412 ms\n"},
        {"show inc-1 --output json", 0, 5, "\"type\":\"correction.confirmed\""},
        {"show 6", 0, 0,
         "  who        alice as robot (groups traders, system:authenticated) via kubectl/v1.32.0 from 10.0.0.7, joined "
         "by "
         "its time\n"},
        {"show 99", 2, 0, "there is no event 99"},
        {"show nothing", 2, 0, "there is no incident \"nothing\""},
        {"show", 2, 0, "expected one event or incident, found 0"},
        {"verify", 0, 1, "whole: 6 events, the last is 6, sha256:"},
        {"verify --checkpoint /nonexistent", 2, 0, "/nonexistent"},
        {"stats", 0, 3, "traderx/trade-service"},
        {"stats --by manager --output json", 0, 3, "\"key\":\"kubectl\",\"incidents\":1,\"open\":0,\"corrected\":1"},
        {"stats --by user --output json", 0, 3, "\"key\":\"alice\",\"incidents\":1,\"open\":0,\"corrected\":1"},
        {"stats --by path --output json", 0, 4, "\"correct_p50_ms\":412"},
        {"stats --by moon", 2, 0, "--by: found \"moon\""},
        {"export", 0, 6, "{\"digest\":\"sha256:"},
        {"export --after 5", 0, 1, "\"id\":6"},
        {"export --after x", 2, 0, "--after"},
        {"checkpoint", 0, 1, "\"id\":6}\n"},
        {"backup", 2, 0, "expected the name of the copy"},
        {"backup /nonexistent/copy", 2, 0, "/nonexistent/copy"},
        {"--help", 0, 0, "  verify       Recompute the chain"},
        {"dance", 2, 0, "there is no subcommand 'dance'"},
    };
    return cr_make_param_array(struct call_case, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct call_case *one, cmd_audit, each_call_prints_and_exits_as_its_help_says)
{
    struct hf_buf out = {0};
    struct hf_buf errors = {0};
    cr_expect_eq(call(one->words, &out, &errors), one->exit_code, "%s: %s", one->words, hf_buf_text(&errors));
    const char *where = hf_buf_text(one->exit_code == 0 ? &out : &errors);
    cr_expect_not_null(strstr(where, one->wanted), "audit %s printed\n%s", one->words, where);
    cr_expect(one->lines == 0 || count_lines(&out) == one->lines, "audit %s: %zu lines\n%s", one->words,
              count_lines(&out), hf_buf_text(&out));
    cr_expect(one->exit_code != 0 || errors.len == 0, "%s", hf_buf_text(&errors));
    hf_buf_free(&out);
    hf_buf_free(&errors);
}

Test(cmd_audit, csv_is_quoted_and_no_field_is_a_formula)
{
    struct hf_buf out = {0};
    cr_assert_eq(call("log --output csv --oldest-first", &out, NULL), 0);
    const char *text = hf_buf_text(&out);
    cr_expect(strncmp(text, "id,at,type,severity,incident,", 29) == 0);
    cr_expect_not_null(strstr(text, ",\"'=cmd|' /C calc'!A0 \"\"quoted\"\"\nsecond line\","), "%s", text);
    cr_expect_not_null(strstr(text, ",\"'+1\","), "%s", text);
    cr_expect_not_null(strstr(text, ",\"'-2\","), "%s", text);
    cr_expect_not_null(strstr(text, "\"{\"\"findings\"\":["), "%s", text);
    cr_expect_null(strstr(text, ",\"=cmd"));
    hf_buf_free(&out);
}

Test(cmd_audit, nothing_from_the_trail_can_move_a_terminals_cursor)
{
    struct hf_buf out = {0};
    cr_assert_eq(call("log", &out, NULL), 0);
    cr_assert_eq(call("show 4", &out, NULL), 0);
    cr_assert_eq(call("log --output json", &out, NULL), 0);
    cr_expect_null(strchr(hf_buf_text(&out), '\x1b'), "%s", hf_buf_text(&out));
    cr_expect_not_null(strstr(hf_buf_text(&out), "\\n"
                                                 "second line"),
                       "%s", hf_buf_text(&out));
    hf_buf_free(&out);
}

Test(cmd_audit, json_can_be_read_as_one_document)
{
    struct hf_buf out = {0};
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value = NULL;
    struct hf_arena *arena = hf_arena_new(0);
    cr_assert_eq(call("log --output json", &out, NULL), 0);
    cr_assert_eq(hf_json_read(arena, out.ptr, out.len, NULL, &value, &err), 0, "%s", err.text);
    cr_expect_eq(hf_value_count(value), 6u);
    hf_buf_free(&out);
    hf_arena_free(arena);
}

static void forge(const char *sql)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(database, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(cmd_audit, verify_exits_1_and_names_the_first_broken_event)
{
    struct hf_buf errors = {0};
    forge("DROP TRIGGER events_no_update; UPDATE events SET name = 'x' WHERE id = 3");
    cr_expect_eq(call("verify", NULL, &errors), 1);
    cr_expect_not_null(strstr(hf_buf_text(&errors), "holdfast audit verify: event 3: it is not what it was"), "%s",
                       hf_buf_text(&errors));
    cr_expect_not_null(strstr(hf_buf_text(&errors), "right for 2 events, up to event 2"), "%s", hf_buf_text(&errors));
    hf_buf_free(&errors);
}

static void put_file(const char *name, const struct hf_buf *text)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "a");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(hf_buf_text(text), 1, text->len, file), text->len);
    fclose(file);
}

Test(cmd_audit, a_checkpoint_shows_a_tail_that_was_cut_off)
{
    struct hf_buf checkpoint = {0};
    struct hf_buf errors = {0};
    char words[160];
    cr_assert_eq(call("checkpoint", &checkpoint, NULL), 0);
    put_file("checkpoints", &checkpoint);
    (void)snprintf(words, sizeof words, "verify --checkpoint %s/checkpoints", folder);
    cr_expect_eq(call(words, NULL, &errors), 0, "%s", hf_buf_text(&errors));
    forge("INSERT INTO removals VALUES (6, 6, 1); DELETE FROM events WHERE id = 6; DELETE FROM removals;"
          "UPDATE sqlite_sequence SET seq = 5 WHERE name = 'events'");
    cr_expect_eq(call("verify", NULL, &errors), 0, "%s", hf_buf_text(&errors));
    cr_expect_eq(call(words, NULL, &errors), 1);
    cr_expect_not_null(strstr(hf_buf_text(&errors), "event 6 is missing"), "%s", hf_buf_text(&errors));
    hf_buf_free(&checkpoint);
    hf_buf_free(&errors);
}

Test(cmd_audit, a_backup_verifies_and_is_not_written_over)
{
    struct hf_buf errors = {0};
    char words[200];
    (void)snprintf(words, sizeof words, "backup %s/copy.db", folder);
    cr_expect_eq(call(words, NULL, &errors), 0, "%s", hf_buf_text(&errors));
    cr_expect_eq(call(words, NULL, &errors), 2);
    (void)snprintf(words, sizeof words, "verify --database %s/copy.db", folder);
    cr_expect_eq(call(words, NULL, &errors), 0, "%s", hf_buf_text(&errors));
    hf_buf_free(&errors);
}

static bool read_until(int fd, struct hf_buf *text, const char *wanted)
{
    char piece[4096];
    while (!strstr(hf_buf_text(text), wanted)) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&ready, 1, 20000) == 1 ? read(fd, piece, sizeof piece) : 0;
        if (got <= 0) {
            return false;
        }
        hf_buf_add(text, piece, (size_t)got);
    }
    return true;
}

Test(cmd_audit, follow_prints_the_newest_then_each_event_as_it_comes)
{
    int ends[2];
    char words[][20] = {"log", "--follow", "--limit", "2", "--output", "jsonl"};
    char audit[] = "audit";
    char *argv[] = {audit, words[0], words[1], words[2], words[3], words[4], words[5], NULL};
    struct hf_buf text = {0};
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        _exit(hf_cmd_audit.run(&hf_cmd_audit, 7, argv));
    }
    close(ends[1]);
    cr_expect(read_until(ends[0], &text, "\"id\":6,"), "%s", hf_buf_text(&text));
    cr_expect(strncmp(hf_buf_text(&text), "{\"id\":5,", 8) == 0, "%s", hf_buf_text(&text));
    make_trail(); /* six more */
    cr_expect(read_until(ends[0], &text, "\"id\":12,"), "%s", hf_buf_text(&text));
    cr_expect_eq(count_lines(&text), 8u, "%s", hf_buf_text(&text));
    kill(child, SIGTERM);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    close(ends[0]);
    hf_buf_free(&text);
}

Test(cmd_audit, follow_goes_on_with_the_trail_that_took_the_place_of_the_one_it_began_with)
{
    int ends[2];
    char words[][20] = {"log", "--follow", "--limit", "2", "--output", "jsonl"};
    char audit[] = "audit";
    char *argv[] = {audit, words[0], words[1], words[2], words[3], words[4], words[5], NULL};
    struct hf_buf text = {0};
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        _exit(hf_cmd_audit.run(&hf_cmd_audit, 7, argv));
    }
    close(ends[1]);
    cr_expect(read_until(ends[0], &text, "\"id\":6,"), "%s", hf_buf_text(&text));
    hf_buf_clear(&text);
    static const char *const PARTS[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        char from[120];
        char to[140];
        (void)snprintf(from, sizeof from, "%s%s", database, PARTS[i]);
        (void)snprintf(to, sizeof to, "%s.corrupt-x%s", database, PARTS[i]);
        (void)rename(from, to);
    }
    make_trail();
    cr_expect(read_until(ends[0], &text, "\"id\":6,"), "%s", hf_buf_text(&text));
    cr_expect(strncmp(hf_buf_text(&text), "{\"id\":1,", 8) == 0, "%s", hf_buf_text(&text));
    cr_expect_not_null(strstr(hf_buf_text(&text), "trail.replaced"), "%s", hf_buf_text(&text));
    kill(child, SIGTERM);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    close(ends[0]);
    hf_buf_free(&text);
}

Test(cmd_audit, on_a_terminal_csv_shows_control_characters_instead_of_sending_them)
{
    int master;
    int slave;
    char words[][20] = {"log", "--output", "csv"};
    char audit[] = "audit";
    char *argv[] = {audit, words[0], words[1], words[2], NULL};
    struct hf_buf text = {0};
    cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(slave, STDOUT_FILENO);
        int code = hf_cmd_audit.run(&hf_cmd_audit, 4, argv);
        fflush(stdout);
        _exit(code);
    }
    close(slave);
    cr_expect(read_until(master, &text, "scaled from 3 to 10"), "%s", hf_buf_text(&text));
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_expect_null(strchr(hf_buf_text(&text), '\x1b'));
    cr_expect_null(strstr(hf_buf_text(&text), "\xE2\x80\xAE"));
    cr_expect_not_null(strstr(hf_buf_text(&text), "\\x1b[31mred\\u202e"), "%s", hf_buf_text(&text));
    close(master);
    hf_buf_free(&text);
}
