/* docs/trail.md: every example in it is run, and must print what the page says. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "holdfast/audit_keep.h"

#define DAY_MS 86400000

static int64_t at(const char *text)
{
    int64_t ms;
    cr_assert(hf_time_parse(hf_slice_of(text), &ms), "%s", text);
    return ms;
}

static const char MARCH_9[] =
    "{\"findings\":[{\"path\":\"/spec/template/spec/containers/0/image\","
    "\"readable\":\"spec.template.spec.containers[name=trade-service].image\",\"class\":\"changed\","
    "\"desired\":\"\\\"trade-service:4.2\\\"\",\"live\":\"\\\"evil:1\\\"\",\"manager\":\"kubectl-edit\"},"
    "{\"path\":\"/spec/"
    "replicas\",\"readable\":\"spec.replicas\",\"class\":\"changed\",\"desired\":\"3\",\"live\":\"0\","
    "\"manager\":\"kubectl\"}]}";
static const char MARCH_2[] =
    "{\"findings\":[{\"path\":\"/spec/replicas\",\"readable\":\"spec.replicas\",\"class\":\"changed\","
    "\"desired\":\"3\",\"live\":\"10\",\"manager\":\"kubectl\"}]}";

static void append(struct trail *trail, const char *incident, const char *type, int64_t at_ms,
                   struct hf_audit_event event)
{
    event.incident = incident;
    event.type = type;
    event.at_ms = at_ms;
    trail_append(trail, &event, 0);
}

/* The trail that the page's answers speak of. */
static void tell_the_story(struct trail *trail)
{
    struct hf_audit_event trade =
        *EVENT(.unit = "trade-service", .target = "dev", .space = "traderx", .kind = "Deployment",
               .namespace = "traderx-dev", .name = "trade-service", .manager = "kubectl");
    struct hf_audit_event gui = *EVENT(.unit = "web-gui", .target = "dev", .space = "traderx", .kind = "Deployment",
                                       .namespace = "traderx-dev", .name = "web-gui", .manager = "kubectl-edit");
    struct hf_audit_event people = *EVENT(.unit = "people", .target = "dev", .space = "traderx", .kind = "Service",
                                          .namespace = "traderx-dev", .name = "people", .manager = "kubectl");
    struct hf_audit_event back = *EVENT(.type = "");
    append(trail, NULL, "agent.started", at("2026-03-01T00:00:00.000Z"), back);

    trade.drifted_at_ms = at("2026-03-02T09:29:59.000Z");
    trade.seen_at_ms = at("2026-03-02T09:30:00.200Z");
    trade.message = "trade-service was scaled from 3 to 10";
    trade.detail = MARCH_2;
    append(trail, "i-march-2", "drift.seen", at("2026-03-02T09:30:00.210Z"), trade);
    append(trail, "i-march-2", "correction.intended", at("2026-03-02T09:30:00.250Z"), back);
    append(trail, "i-march-2", "correction.sent", at("2026-03-02T09:30:00.260Z"), back);
    back.corrected_at_ms = at("2026-03-02T09:30:00.500Z");
    back.message = "trade-service is back";
    append(trail, "i-march-2", "correction.confirmed", at("2026-03-02T09:30:00.500Z"), back);

    trade.manager = "kubectl-edit";
    trade.drifted_at_ms = at("2026-03-09T17:05:12.000Z");
    trade.seen_at_ms = at("2026-03-09T17:05:12.900Z");
    trade.detail = MARCH_9;
    append(trail, "i-march-9", "drift.seen", at("2026-03-09T17:05:12.910Z"), trade);
    back.corrected_at_ms = at("2026-03-09T17:05:14.000Z");
    append(trail, "i-march-9", "correction.confirmed", at("2026-03-09T17:05:14.000Z"), back);

    while (hf_now_ms() % DAY_MS > DAY_MS - 10000) {
        usleep(100000); /* "today" must still be today when the examples ask */
    }
    int64_t now = hf_now_ms();
    gui.seen_at_ms = now;
    append(trail, "i-today-1", "drift.seen", now, gui);
    back.corrected_at_ms = now + 380;
    append(trail, "i-today-1", "correction.confirmed", now + 380, back);
    people.seen_at_ms = now + 400;
    back.corrected_at_ms = HF_TIME_NONE;
    append(trail, "i-today-2", "drift.seen", now + 400, people);
    append(trail, "i-today-2", "correction.intended", now + 410, back);
    append(trail, "i-today-2", "correction.failed", now + 420, back);
}

static bool write_line(void *ctx, int64_t id, const char *digest, struct hf_slice canonical)
{
    (void)id;
    return fprintf(ctx, "{\"digest\":\"%s\",\"event\":%.*s}\n", digest, (int)canonical.len, canonical.ptr) > 0;
}

static void write_export(const struct trail *trail)
{
    struct hf_error err = HF_ERROR_INIT;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/export.jsonl", trail->folder);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    struct hf_audit_reader *reader = trail_reader(trail);
    cr_assert_eq(hf_audit_export(reader, 0, write_line, file, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    fclose(file);
}

/* As retention leaves it; nothing is removed. */
static void write_old(const struct trail *trail)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_removal removal;
    struct hf_audit_reader *reader = trail_reader(trail);
    cr_assert_eq(hf_audit_removal_plan(reader, at("2026-04-01T00:00:00.000Z"), 1000, &removal, NULL, &err), 0, "%s",
                 err.text);
    cr_assert_str_eq(removal.file, "holdfast-1-7.jsonl");
    cr_assert_eq(hf_audit_removal_export(reader, &removal, trail->folder, NULL, 0, NULL, NULL, &err), 0, "%s",
                 err.text);
    hf_audit_reader_close(reader);
}

static int run_script(const struct trail *trail, const char *script, struct hf_buf *out)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        /* The sanitizers' preloads are not for bash. */
        unsetenv("LD_PRELOAD");
        if (chdir(trail->folder) == 0 && dup2(ends[1], STDOUT_FILENO) >= 0) {
            close(ends[0]);
            execlp("bash", "bash", "-euo", "pipefail", "-c", script, (char *)NULL);
        }
        _exit(127);
    }
    close(ends[1]);
    char piece[4096];
    for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;) {
        hf_buf_add(out, piece, (size_t)got);
    }
    close(ends[0]);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The text of the next fenced block of that language after *from, cut out; NULL at the end. */
static char *next_block(const char **from, const char *fence)
{
    const char *begin = strstr(*from, fence);
    if (!begin) {
        return NULL;
    }
    begin += strlen(fence);
    const char *end = strstr(begin, "```\n");
    cr_assert_not_null(end);
    *from = end + 4;
    return hf_strndup(begin, (size_t)(end - begin));
}

/* Spaces at the ends of lines are the column mode's. */
static void trim_lines(struct hf_buf *text)
{
    size_t to = 0;
    for (size_t i = 0; i < text->len; i++) {
        while (text->ptr[i] == '\n' && to > 0 && text->ptr[to - 1] == ' ') {
            to--;
        }
        text->ptr[to++] = text->ptr[i];
    }
    text->len = to;
    if (text->ptr) {
        text->ptr[to] = '\0';
    }
}

Test(manual, every_example_prints_what_the_page_says, .timeout = 60)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf page = {0};
    size_t examples = 0;
    cr_assert_eq(hf_read_file(HF_SOURCE_DIR "/docs/trail.md", 1000000, &page, &err), 0, "%s", err.text);
    trail_begin(&trail);
    tell_the_story(&trail);
    trail_close(&trail);
    write_export(&trail);
    write_old(&trail);
    const char *at_text = hf_buf_text(&page);
    for (char *script; (script = next_block(&at_text, "```sh\n")) != NULL; examples++) {
        char *wanted = next_block(&at_text, "```text\n");
        struct hf_buf out = {0};
        cr_assert_not_null(wanted, "no answer follows: %s", script);
        cr_expect_eq(run_script(&trail, script, &out), 0, "%s", script);
        trim_lines(&out);
        cr_expect_str_eq(hf_buf_text(&out), wanted, "%s\nprinted\n%s\nthe page says\n%s", script, hf_buf_text(&out),
                         wanted);
        hf_buf_free(&out);
        free(script);
        free(wanted);
    }
    cr_expect_eq(examples, 9u);
    hf_buf_free(&page);
    trail_end(&trail);
}

Test(manual, every_query_of_the_readme_finds_something)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf page = {0};
    size_t examples = 0;
    cr_assert_eq(hf_read_file(HF_SOURCE_DIR "/README.md", 1000000, &page, &err), 0, "%s", err.text);
    trail_begin(&trail);
    tell_the_story(&trail);
    trail_close(&trail);
    for (const char *line = strstr(hf_buf_text(&page), "\n    sqlite3 "); line;
         line = strstr(line + 1, "\n    sqlite3 "), examples++) {
        struct hf_buf out = {0};
        char *script = hf_strndup(line + 1, strcspn(line + 1, "\n"));
        cr_expect_eq(run_script(&trail, script, &out), 0, "%s", script);
        cr_expect_not_null(strstr(hf_buf_text(&out), "kubectl") ? out.ptr : strstr(hf_buf_text(&out), "trade-service"),
                           "%s\n%s", script, hf_buf_text(&out));
        free(script);
        hf_buf_free(&out);
    }
    cr_expect_eq(examples, 4u);
    hf_buf_free(&page);
    trail_end(&trail);
}

Test(manual, the_scripts_that_check_the_chain_find_a_forgery)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf page = {0};
    size_t found = 0;
    cr_assert_eq(hf_read_file(HF_SOURCE_DIR "/docs/trail.md", 1000000, &page, &err), 0, "%s", err.text);
    trail_begin(&trail);
    tell_the_story(&trail);
    trail_append(&trail,
                 EVENT(.type = "odd", .message = "\"\\/\b\f\n\r\t\x01\x1f\x7f é | \xF0\x9F\x98\x80",
                       .detail = "no json", .revision = -9007199254740993, .alert = true),
                 0);
    trail_close(&trail);
    for (int forged = 0; forged < 2; forged++) {
        if (forged) {
            trail_forge(&trail, "UPDATE events SET manager = 'nobody' WHERE id = 7");
        }
        write_export(&trail);
        const char *at_text = hf_buf_text(&page);
        for (char *script; (script = next_block(&at_text, "```sh\n")) != NULL; free(script)) {
            struct hf_buf out = {0};
            if (!strstr(script, "sha256sum")) {
                continue;
            }
            found++;
            cr_expect_eq(run_script(&trail, script, &out), forged, "%s", hf_buf_text(&out));
            cr_expect_not_null(strstr(hf_buf_text(&out), forged ? "broken: {\"alert\":0" : "whole"), "%s",
                               hf_buf_text(&out));
            cr_expect(!forged || strstr(hf_buf_text(&out), "\"id\":7,"), "%s", hf_buf_text(&out));
            hf_buf_free(&out);
        }
    }
    cr_expect_eq(found, 4u);
    hf_buf_free(&page);
    trail_end(&trail);
}
