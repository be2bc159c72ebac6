/* The file of pauses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdfast/pauses.h"

#define NOW INT64_C(1772357400000)

static char folder[64];
static char path[96];

static void begin(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/hf-pauses-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/holdfast.db.pauses", folder);
}

static void end(void)
{
    char command[200];
    (void)snprintf(command, sizeof command, "%s.lock", path);
    (void)unlink(command);
    (void)unlink(path);
    cr_assert_eq(rmdir(folder), 0, "something else was left in %s", folder);
}

TestSuite(pauses, .init = begin, .fini = end);

static struct hf_pause one(const char *name)
{
    return (struct hf_pause){.target = "dev",
                             .kind = "Deployment",
                             .namespace = "traderx",
                             .name = name,
                             .by = "alice",
                             .reason = "a \"quoted\" reason\nof two lines",
                             .since_ms = NOW,
                             .until_ms = NOW + 60000,
                             .ended_ms = HF_TIME_NONE};
}

static struct hf_pauses *read_all(void)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_pauses *pauses;
    cr_assert_eq(hf_pauses_read(path, &pauses, &err), 0, "%s", err.text);
    return pauses;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
    cr_assert_eq(chmod(path, mode), 0);
}

Test(pauses, no_file_means_that_nothing_is_paused)
{
    struct hf_pauses *pauses = read_all();
    cr_assert_eq(pauses->count, 0);
    hf_pauses_free(pauses);
}

Test(pauses, what_is_added_is_read_again_whole)
{
    struct hf_error err = HF_ERROR_INIT;
    char id[HF_PAUSE_ID];
    struct hf_pause pause = one("trade-service");
    struct stat info;
    cr_assert_eq(hf_pauses_add(path, &pause, NOW, id, &err), 0, "%s", err.text);
    struct hf_pauses *pauses = read_all();
    cr_assert_eq(pauses->count, 1);
    cr_assert_str_eq(pauses->items[0].id, id);
    cr_assert_str_eq(pauses->items[0].reason, pause.reason);
    cr_assert_str_eq(pauses->items[0].name, "trade-service");
    cr_assert_null(pauses->items[0].unit);
    cr_assert_eq(pauses->items[0].until_ms, NOW + 60000);
    cr_assert(hf_pause_holds(&pauses->items[0], NOW + 59999));
    cr_assert_not(hf_pause_holds(&pauses->items[0], NOW + 60000));
    hf_pauses_free(pauses);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
}

Test(pauses, one_that_is_ended_stays_for_a_day_with_who_ended_it)
{
    struct hf_error err = HF_ERROR_INIT;
    char first[HF_PAUSE_ID];
    char second[HF_PAUSE_ID];
    size_t count;
    struct hf_pause pause = one("a");
    struct hf_pause other = one("b");
    cr_assert_eq(hf_pauses_add(path, &pause, NOW, first, &err), 0);
    cr_assert_eq(hf_pauses_add(path, &other, NOW, second, &err), 0);
    cr_assert_str_neq(first, second);
    cr_assert_eq(hf_pauses_end(path, first, "bob", NOW + 1000, &count, &err), 0);
    cr_assert_eq(count, 1);
    struct hf_pauses *pauses = read_all();
    cr_assert_eq(pauses->count, 2);
    cr_assert_not(hf_pause_holds(&pauses->items[0], NOW + 1000));
    cr_assert_str_eq(pauses->items[0].ended_by, "bob");
    cr_assert(hf_pause_holds(&pauses->items[1], NOW + 1000));
    hf_pauses_free(pauses);
    cr_assert_eq(hf_pauses_end(path, first, "bob", NOW + 1000, &count, &err), 0);
    cr_assert_eq(count, 0, "it was ended before");
    cr_assert_eq(hf_pauses_end(path, NULL, "carol", NOW + 2000, &count, &err), 0);
    cr_assert_eq(count, 1);
    cr_assert_eq(hf_pauses_add(path, &pause, NOW + INT64_C(90000000), first, &err), 0);
    pauses = read_all();
    cr_assert_eq(pauses->count, 1, "what ended a day ago is forgotten");
    hf_pauses_free(pauses);
}

Test(pauses, what_others_may_write_is_refused)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_pauses *pauses;
    write_file("{\"pauses\":[]}", 0622);
    cr_assert_eq(hf_pauses_read(path, &pauses, &err), -1);
    cr_assert_eq(err.code, HF_EDENIED);
}

Test(pauses, a_wrong_file_is_refused_with_its_place)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_pauses *pauses;
    static const char *const WRONG[][2] = {
        {"pauses: [", "line 2, column 1"},
        {"[]", "a list `pauses`"},
        {"pauses: {}", "a list `pauses`"},
        {"pauses:\n- {id: p-1, target: dev, by: a}\n", "line 2, column 3: a pause needs"},
        {"pauses:\n- {id: p-1, target: dev, by: a, reason: b, until: tomorrow}\n", "until: expected a time"},
        {"pauses:\n- {id: p-12345678901234567890123456, target: dev, by: a, reason: b}\n", "a pause needs id"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        write_file(WRONG[i][0], 0600);
        hf_error_clear(&err);
        cr_assert_eq(hf_pauses_read(path, &pauses, &err), -1, "%s", WRONG[i][0]);
        cr_assert(strstr(err.text, WRONG[i][1]) && strstr(err.text, path), "%s: %s", WRONG[i][0], err.text);
    }
}

Test(pauses, many_at_once_lose_none)
{
    enum { WRITERS = 8, EACH = 10 };
    for (int i = 0; i < WRITERS; i++) {
        pid_t pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
            struct hf_pause pause = one("x");
            char id[HF_PAUSE_ID];
            int failed = 0;
            for (int k = 0; k < EACH; k++) {
                struct hf_error err = HF_ERROR_INIT;
                failed |= hf_pauses_add(path, &pause, NOW, id, &err);
            }
            _exit(failed ? 1 : 0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        cr_assert(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct hf_pauses *pauses = read_all();
    cr_assert_eq(pauses->count, WRITERS * EACH);
    hf_pauses_free(pauses);
}
