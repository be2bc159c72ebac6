/* What people ask of the running agent: the folder between the two. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/asks.h"

static char top[64];
static char folder[96];

static void begin(void)
{
    (void)snprintf(top, sizeof top, "/tmp/hf-asks-XXXXXX");
    cr_assert_not_null(mkdtemp(top));
    (void)snprintf(folder, sizeof folder, "%s/holdfast.db.asks", top);
}

/* Removes all; says how many files with that ending there were. */
static int files(const char *ending, bool removes)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        const char *dot = strrchr(entry->d_name, '.');
        count += entry->d_name[0] != '.' && dot && strcmp(dot, ending) == 0;
        if (removes && entry->d_name[0] != '.') {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    return count;
}

static void end(void)
{
    (void)chmod(folder, 0700);
    (void)files(".ask", true);
    (void)rmdir(folder);
    cr_assert_eq(rmdir(top), 0, "something else was left in %s", top);
}

TestSuite(asks, .init = begin, .fini = end);

static struct hf_ask one(const char *unit)
{
    return (struct hf_ask){.kind = HF_ASK_ROLLBACK,
                           .target = "dev",
                           .space = "traderx \"dev\"",
                           .unit = unit,
                           .to = 7,
                           .dry_run = true,
                           .by = "alice",
                           .reason = "two\nlines",
                           .at_ms = hf_now_ms()};
}

static void submit(const struct hf_ask *ask, char id[HF_ASK_ID])
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_ask_submit(folder, ask, id, &err), 0, "%s", err.text);
}

static enum hf_code take(struct hf_arena *arena, struct hf_ask *out)
{
    struct hf_error err = HF_ERROR_INIT;
    return hf_ask_take(folder, arena, out, &err) == 0 ? HF_OK : err.code;
}

static void expect_answers(const char *id, const char *wanted)
{
    struct hf_error err = HF_ERROR_INIT;
    size_t offset = 0;
    hf_auto_buf struct hf_buf out = {0};
    cr_assert_eq(hf_ask_answers(folder, id, &offset, &out, &err), 0, "%s", err.text);
    cr_assert_not_null(strstr(hf_buf_text(&out), wanted), "found %s, expected %s", hf_buf_text(&out), wanted);
}

Test(asks, what_is_asked_arrives_whole_and_once)
{
    char id[HF_ASK_ID];
    struct hf_ask taken;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_ask ask = one("web");
    submit(&ask, id);
    cr_assert_eq(take(arena, &taken), HF_OK);
    cr_assert_str_eq(taken.id, id);
    cr_assert_eq(taken.kind, HF_ASK_ROLLBACK);
    cr_assert_str_eq(taken.space, "traderx \"dev\"");
    cr_assert_str_eq(taken.reason, "two\nlines");
    cr_assert_null(taken.object_kind);
    cr_assert_eq(taken.to, 7);
    cr_assert(taken.dry_run);
    cr_assert_eq(take(arena, &taken), HF_ENOTFOUND, "it was taken twice");
}

Test(asks, the_one_that_came_first_is_taken_first)
{
    char id[HF_ASK_ID];
    struct hf_ask taken;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    for (int i = 0; i < 5; i++) {
        char unit[8];
        (void)snprintf(unit, sizeof unit, "u%d", i);
        struct hf_ask ask = one(unit);
        ask.at_ms += i;
        submit(&ask, id);
    }
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(take(arena, &taken), HF_OK);
        cr_assert_eq(taken.unit[1], '0' + i, "found %s", taken.unit);
    }
}

Test(asks, answers_are_read_as_they_come_and_only_whole_lines)
{
    char id[HF_ASK_ID];
    char path[160];
    struct hf_error err = HF_ERROR_INIT;
    size_t offset = 0;
    hf_auto_buf struct hf_buf out = {0};
    const struct hf_ask ask = one("web");
    submit(&ask, id);
    cr_assert_eq(hf_ask_answers(folder, id, &offset, &out, &err), 0);
    cr_assert_eq(out.len, 0, "nothing was answered yet");
    cr_assert_eq(hf_ask_answer(folder, id, "taken", "a \"word\"", &err), 0);
    (void)snprintf(path, sizeof path, "%s/%s.answer", folder, id);
    FILE *file = fopen(path, "a");
    cr_assert(file && fputs("{\"state\":\"do", file) >= 0 && fclose(file) == 0);
    cr_assert_eq(hf_ask_answers(folder, id, &offset, &out, &err), 0);
    cr_assert_not_null(strstr(hf_buf_text(&out), "\"state\":\"taken\",\"message\":\"a \\\"word\\\"\"}\n"));
    cr_assert_null(strstr(hf_buf_text(&out), "do"));
}

Test(asks, what_was_under_way_when_the_agent_ended_is_told_and_never_done_again)
{
    char ended[HF_ASK_ID];
    char open[HF_ASK_ID];
    struct hf_ask taken;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_ask ask = one("web");
    submit(&ask, ended);
    cr_assert_eq(take(arena, &taken), HF_OK);
    cr_assert_eq(hf_ask_answer(folder, ended, "done", "in sync", &err), 0);
    ask.at_ms++;
    submit(&ask, open);
    cr_assert_eq(take(arena, &taken), HF_OK);
    cr_assert_eq(hf_asks_begin(folder, NULL, NULL, &err), 0, "%s", err.text);
    expect_answers(ended, "\"state\":\"done\"");
    expect_answers(open, "\"state\":\"failed\"");
    cr_assert_eq(files(".taken", false), 0);
    cr_assert_eq(take(arena, &taken), HF_ENOTFOUND);
}

Test(asks, one_that_waited_for_an_agent_that_was_away_is_refused)
{
    char id[HF_ASK_ID];
    struct hf_ask taken;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_ask ask = one("web");
    ask.at_ms -= 11 * 60000;
    submit(&ask, id);
    cr_assert_eq(take(arena, &taken), HF_ENOTFOUND, "what a person wanted then may be wrong now");
    expect_answers(id, "older than ten minutes");
}

Test(asks, one_that_can_not_be_read_is_refused_and_keeps_no_other_waiting)
{
    static const char *const BAD[] = {"", "{", "[]", "{\"kind\":\"accept\"}", "{\"kind\":\"drop\",\"to\":1,\"at\":1}"};
    char path[160];
    char id[HF_ASK_ID];
    struct hf_ask taken;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_asks_begin(folder, NULL, NULL, &err), 0);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(path, sizeof path, "%s/a00000000000-00000%d.ask", folder, i);
        FILE *file = fopen(path, "w");
        cr_assert(file && fputs(BAD[i], file) >= 0 && fclose(file) == 0);
    }
    const struct hf_ask ask = one("web");
    submit(&ask, id);
    cr_assert_eq(take(arena, &taken), HF_OK);
    cr_assert_str_eq(taken.id, id);
    expect_answers("a00000000000-000001", "can't be read");
}

Test(asks, one_that_nobody_took_can_be_taken_back_and_one_that_was_taken_can_not)
{
    char id[HF_ASK_ID];
    struct hf_ask taken;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_ask ask = one("web");
    submit(&ask, id);
    cr_assert(hf_ask_withdraw(folder, id));
    cr_assert_eq(take(arena, &taken), HF_ENOTFOUND);
    submit(&ask, id);
    cr_assert_eq(take(arena, &taken), HF_OK);
    cr_assert_not(hf_ask_withdraw(folder, id));
}

Test(asks, a_folder_that_others_may_write_is_not_believed)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(mkdir(folder, 0700), 0);
    cr_assert_eq(chmod(folder, 0770), 0);
    cr_assert_eq(hf_asks_begin(folder, NULL, NULL, &err), -1);
    cr_assert_eq(err.code, HF_EDENIED);
    cr_assert_not_null(strstr(err.text, "mode 770"), "%s", err.text);
}

Test(asks, a_hundred_that_wait_are_enough)
{
    char id[HF_ASK_ID];
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_ask ask = one("web");
    for (int i = 0; i < 100; i++) {
        submit(&ask, id);
    }
    cr_assert_eq(hf_ask_submit(folder, &ask, id, &err), -1);
    cr_assert_eq(err.code, HF_ELIMIT);
}
