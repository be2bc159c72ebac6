/* `holdfast audit`: finds the subcommand; and what the subcommands share. */
#include "cmd_audit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct hf_command *const PARTS[] = {
    &hf_cmd_audit_log,        &hf_cmd_audit_show,   &hf_cmd_audit_stats,  &hf_cmd_audit_verify,
    &hf_cmd_audit_checkpoint, &hf_cmd_audit_export, &hf_cmd_audit_backup, &hf_cmd_audit_retain,
};
#define PART_COUNT (sizeof PARTS / sizeof PARTS[0])

int hf_audit_parse_time(const char *text, const char *option, int64_t *ms, struct hf_error *err)
{
    enum { DAY_MS = 86400000 };
    int64_t now = hf_now_ms();
    int64_t ago;
    hf_auto_buf struct hf_buf midnight = {0};
    *ms = HF_TIME_NONE;
    if (!text || !*text) {
        return 0;
    }
    hf_buf_addf(&midnight, "%sT00:00:00Z", text);
    if (strcmp(text, "today") == 0) {
        *ms = now - now % DAY_MS;
    } else if (strcmp(text, "yesterday") == 0) {
        *ms = now - now % DAY_MS - DAY_MS;
    } else if (hf_duration_parse(hf_slice_of(text), &ago)) {
        *ms = now - ago;
    } else if (!hf_time_parse(hf_slice_of(text), ms) && !hf_time_parse(hf_slice_of(hf_buf_text(&midnight)), ms)) {
        return hf_error_set(
            err, HF_EINVAL,
            "--%s: found \"%s\", expected a time (2026-03-01T09:30:00Z), a day (2026-03-01), today, yesterday, "
            "or how long ago (2h)",
            option, text);
    }
    return 0;
}

static void make_safe(struct hf_buf *text)
{
    struct hf_buf safe = {0};
    for (size_t at = 0; at < text->len;) {
        const char *end = memchr(text->ptr + at, '\n', text->len - at);
        size_t len = end ? (size_t)(end - text->ptr) - at : text->len - at;
        hf_buf_add_safe(&safe, (struct hf_slice){text->ptr + at, len}, SIZE_MAX);
        if (end) {
            hf_buf_addc(&safe, '\n');
        }
        at += len + (end != NULL);
    }
    hf_buf_free(text);
    *text = safe;
}

int hf_audit_print(struct hf_buf *text, struct hf_error *err)
{
    if (hf_buf_ok(text) && isatty(STDOUT_FILENO)) {
        make_safe(text);
    }
    if (!hf_buf_ok(text)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (text->len > 0 && fwrite(text->ptr, 1, text->len, stdout) != text->len) {
        return hf_error_errno(err, HF_EIO, errno, "write to standard output");
    }
    hf_buf_clear(text);
    return 0;
}

void hf_audit_safe(struct hf_buf *out, const char *text)
{
    hf_buf_add_safe(out, hf_slice_of(text ? text : ""), SIZE_MAX);
}

void hf_audit_add_object(struct hf_buf *out, const struct hf_audit_event *event)
{
    if (event->kind) {
        hf_audit_safe(out, event->kind);
        hf_buf_addc(out, ' ');
        if (event->namespace) {
            hf_audit_safe(out, event->namespace);
            hf_buf_addc(out, '/');
        }
        hf_audit_safe(out, event->name);
    } else if (event->unit) {
        hf_buf_adds(out, "unit ");
        hf_audit_safe(out, event->unit);
    } else {
        hf_audit_safe(out, event->target);
    }
}

static void print_help(const struct hf_command *command, FILE *out)
{
    fprintf(out, "Usage: holdfast %s\n\n%s\n\nSubcommands:\n", command->usage, command->summary);
    for (size_t i = 0; i < PART_COUNT; i++) {
        fprintf(out, "  %-12s %s\n", PARTS[i]->name + sizeof "audit", PARTS[i]->summary);
    }
    fprintf(out, "\n%s", command->help);
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (strcmp(PARTS[i]->name + sizeof "audit", name) == 0) {
            return PARTS[i]->run(PARTS[i], argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--help") == 0) {
        print_help(command, stdout);
        return HF_EXIT_OK;
    }
    struct hf_error err = HF_ERROR_INIT;
    if (*name) {
        (void)hf_error_set(&err, HF_EINVAL, "there is no subcommand '%s'. Try 'holdfast audit --help'", name);
        return hf_command_fail(command, &err);
    }
    print_help(command, stderr);
    return HF_EXIT_ERROR;
}

const struct hf_command hf_cmd_audit = {
    .name = "audit",
    .summary = "Read, prove and keep the audit trail: what drifted, who did it, when it was back.",
    .usage = "audit SUBCOMMAND [OPTIONS]",
    .help = "All subcommands but retain only read the trail, also while an agent writes to it. 'holdfast audit "
            "SUBCOMMAND --help' "
            "tells all\n"
            "about one; docs/trail.md tells what the tables and views hold, for sqlite3 or any program that reads "
            "SQLite.\n",
    .run = run,
};
