/* `holdfast audit export` and `audit backup`: the trail carried elsewhere. */
#include <string.h>
#include <unistd.h>

#include "cmd_audit.h"

#define FLUSH_BYTES 65536u

struct exporting {
    struct hf_buf out;
    struct hf_error *err;
    int status;
};

static bool add_line(void *ctx, int64_t id, const char *digest, struct hf_slice canonical)
{
    struct exporting *exporting = ctx;
    struct hf_buf *out = &exporting->out;
    (void)id;
    hf_audit_export_line(out, digest, canonical);
    if (out->len >= FLUSH_BYTES || !hf_buf_ok(out)) {
        exporting->status = hf_audit_print(out, exporting->err);
    }
    return exporting->status == 0;
}

static int run_export(const struct hf_command *command, int argc, char **argv)
{
    const char *database = HF_AUDIT_DATABASE;
    const char *after = "0";
    const struct hf_option options[] = {
        {"database", "FILE", "the trail (default: " HF_AUDIT_DATABASE ")", &database},
        {"after", "ID", "only events above this one (default: 0, all)", &after},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    struct exporting exporting = {.err = &err};
    struct hf_audit_reader *reader;
    int64_t after_id;
    int exit_code;
    int first = hf_options_read(command, options, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc || !hf_parse_int(hf_slice_of(after), 0, INT64_MAX, &after_id)) {
        (void)hf_error_set(&err, HF_EINVAL, "%s: found \"%s\"",
                           first < argc ? "expected only options" : "--after: expected a number",
                           first < argc ? argv[first] : after);
        return hf_command_fail(command, &err);
    }
    if (hf_audit_reader_open(database, &reader, &err) != 0) {
        return hf_command_fail(command, &err);
    }
    int status = hf_audit_export(reader, after_id, add_line, &exporting, &err);
    status = status == 0 ? exporting.status : status;
    if (status == 0) {
        status = hf_audit_print(&exporting.out, &err);
    }
    hf_audit_reader_close(reader);
    hf_buf_free(&exporting.out);
    return status == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

static int run_backup(const struct hf_command *command, int argc, char **argv)
{
    const char *database = HF_AUDIT_DATABASE;
    const struct hf_option options[] = {
        {"database", "FILE", "the trail (default: " HF_AUDIT_DATABASE ")", &database},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    int exit_code;
    int first = hf_options_read(command, options, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (argc - first != 1) {
        (void)hf_error_set(&err, HF_EINVAL, "expected the name of the copy, found %d", argc - first);
        return hf_command_fail(command, &err);
    }
    if (hf_audit_reader_open(database, &reader, &err) != 0) {
        return hf_command_fail(command, &err);
    }
    int status = hf_audit_backup(reader, argv[first], NULL, NULL, &err);
    hf_audit_reader_close(reader);
    return status == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

const struct hf_command hf_cmd_audit_export = {
    .name = "audit export",
    .summary = "Print the events as JSON Lines with their digests, for a script that checks the chain.",
    .usage = "audit export [--database FILE] [--after ID]",
    .help = "A line is {\"digest\":\"sha256:…\",\"event\":{…}}; the digest is SHA-256 of the digest before, a line "
            "feed, and the bytes of\n"
            "\"event\" as printed. docs/trail.md has the script.\n",
    .run = run_export,
};

const struct hf_command hf_cmd_audit_backup = {
    .name = "audit backup",
    .summary = "Copy the whole trail into a new file, also while an agent writes to it.",
    .usage = "audit backup COPY [--database FILE]",
    .help = "The copy is a trail of its own, whole as of one moment; check it by 'audit verify --database COPY'.\n",
    .run = run_backup,
};
