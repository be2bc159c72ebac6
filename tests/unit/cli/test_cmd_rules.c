/* docs/rules.md: each pack in it is read, and each example prints what the page says. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd_rules.h"
#include "holdfast/json.h"

static char folder[64];

static void setup(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/hf-cmd-rules-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void teardown(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        (void)unlink(entry->d_name);
    }
    closedir(dir);
    cr_expect_eq(rmdir(folder), 0);
}

TestSuite(cmd_rules, .init = setup, .fini = teardown);

/* Runs a command in a process of its own; words as on a command line, quoted by ' where they need it. */
static int call(const struct hf_command *command, const char *words, struct hf_buf *out)
{
    char text[500];
    char *argv[30] = {NULL};
    int argc = 0;
    int ends[2];
    (void)snprintf(text, sizeof text, "%s", words);
    for (char *at = text; *at && argc < 29;) {
        char end = *at == '\'' ? '\'' : ' ';
        at += end == '\'';
        argv[argc++] = at;
        at += strcspn(at, end == '\'' ? "'" : " ");
        while (*at == end || *at == ' ') {
            *at++ = '\0';
        }
    }
    cr_assert_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        int code = command->run(command, argc, argv);
        fflush(NULL);
        _exit(code);
    }
    close(ends[1]);
    char piece[4096];
    for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;) {
        hf_buf_add(out, piece, (size_t)got);
    }
    close(ends[0]);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "%s", words);
    return WEXITSTATUS(status);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

/* The text of the next fenced block of that language after *from; NULL at the end. */
static char *next_block(const char **from, const char *fence)
{
    const char *begin = strstr(*from, fence);
    const char *end = begin ? strstr(begin + strlen(fence), "```\n") : NULL;
    if (!end) {
        return NULL;
    }
    begin += strlen(fence);
    *from = end + 4;
    return hf_strndup(begin, (size_t)(end - begin));
}

/* Each pack of the page as NAME.yaml, with a config beside it. */
static void write_packs(const char *page)
{
    size_t packs = 0;
    for (char *text; (text = next_block(&page, "```yaml\n")); free(text)) {
        char name[64];
        char path[100];
        char config[200];
        if (sscanf(text, "pack: %60s", name) != 1) {
            continue;
        }
        packs++;
        (void)snprintf(path, sizeof path, "%s.yaml", name);
        write_file(path, text);
        (void)snprintf(config, sizeof config, "targets: [{name: dev, source: {folder: units}}]\nrules: [%s.yaml]\n",
                       name);
        (void)snprintf(path, sizeof path, "%s-config.yaml", name);
        write_file(path, config);
        hf_auto_buf struct hf_buf out = {0};
        char words[250];
        (void)snprintf(words, sizeof words, "validate %s.yaml %s-config.yaml", name, name);
        cr_expect_eq(call(&hf_cmd_validate, words, &out), 0, "%s", hf_buf_text(&out));
    }
    cr_expect_eq(packs, 3u);
}

Test(cmd_rules, every_example_of_the_manual_prints_what_the_page_says)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf page = {0};
    size_t examples = 0;
    cr_assert_eq(hf_read_file(HF_SOURCE_DIR "/docs/rules.md", 1000000, &page, &err), 0, "%s", err.text);
    write_packs(hf_buf_text(&page));
    const char *at = hf_buf_text(&page);
    for (char *script; (script = next_block(&at, "```sh\nholdfast ")); examples++) {
        hf_auto_free char *wanted = next_block(&at, "```text\n");
        hf_auto_buf struct hf_buf out = {0};
        cr_assert_not_null(wanted);
        *strstr(script, " | ") = '\0';
        cr_expect_eq(call(&hf_cmd_rules, script, &out), 0, "%s: %s", script, hf_buf_text(&out));
        for (char *line = wanted; *line;) {
            size_t len = strcspn(line, "\n") + 1;
            hf_auto_free char *one = hf_strndup(line, len);
            cr_expect_not_null(strstr(hf_buf_text(&out), one), "%s\nprinted\n%s\nwithout\n%s", script,
                               hf_buf_text(&out), one);
            line += len;
        }
        free(script);
    }
    cr_expect_eq(examples, 2u);
}

Test(cmd_rules, the_json_of_an_explanation_is_json_and_the_unit_of_the_config_is_found)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *value;
    hf_auto_buf struct hf_buf out = {0};
    write_file("c.yaml", "targets: [{name: dev, source: {folder: " HF_SOURCE_DIR
                         "/tests/fixtures/traderx}}]\nrules: ['builtin:traderx']\n");
    cr_assert_eq(
        call(&hf_cmd_rules,
             "rules explain --config c.yaml --name web-gui --kind Deployment --path /spec/replicas --output json",
             &out),
        0, "%s", hf_buf_text(&out));
    cr_assert_eq(hf_json_read(arena, hf_buf_text(&out), out.len, NULL, &value, &err), 0, "%s", err.text);
    cr_expect_str_eq(hf_value_text(hf_value_get(value, "outcome")), "drift, not put back");
    cr_expect_str_eq(hf_value_text(hf_value_path(value, "decisions", "action", "rule", NULL)),
                     "traderx/development-scale");
    cr_expect_gt(hf_value_count(hf_value_get(value, "steps")), 30u);
}

Test(cmd_rules, wrong_questions_are_refused)
{
    static const char *const WORDS[] = {"rules explain",
                                        "rules explain --kind X --class added",
                                        "rules explain --kind X --path spec",
                                        "rules explain --kind X --class missing --path /a",
                                        "rules explain --kind X --at noon",
                                        "rules explain --kind X --labels a",
                                        "rules explain --kind X --config none.yaml",
                                        "rules nothing",
                                        "rules",
                                        "rules list --output xml"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        hf_auto_buf struct hf_buf out = {0};
        cr_expect_eq(call(&hf_cmd_rules, WORDS[i], &out), HF_EXIT_ERROR, "%s", WORDS[i]);
        cr_expect_gt(out.len, 0u);
    }
}
