/* `holdfast rules`: which rules are in force, and which of them decides. */
#include "cmd_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/run.h"

static const struct hf_command *const PARTS[] = {&hf_cmd_rules_explain, &hf_cmd_rules_list};
#define PART_COUNT (sizeof PARTS / sizeof PARTS[0])

int hf_rules_load(const char *path, struct hf_config **config, struct hf_rules **rules, struct hf_error *err)
{
    *config = NULL;
    if (path && hf_config_load(path, config, err) != 0) {
        return -1;
    }
    if (hf_run_rules(*config, rules, err) != 0) {
        hf_config_free(*config);
        *config = NULL;
        return -1;
    }
    return 0;
}

int hf_rules_print(struct hf_buf *text, struct hf_error *err)
{
    if (!hf_buf_ok(text)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (text->len > 0 && fwrite(text->ptr, 1, text->len, stdout) != text->len) {
        return hf_error_errno(err, HF_EIO, errno, "write to standard output");
    }
    return 0;
}

bool hf_rules_form(const char *output, bool *is_json, struct hf_error *err)
{
    *is_json = output && strcmp(output, "json") == 0;
    if (!output || *is_json || strcmp(output, "text") == 0) {
        return true;
    }
    (void)hf_error_set(err, HF_EINVAL, "--output: found \"%s\", expected text or json", output);
    return false;
}

static void print_help(const struct hf_command *command, FILE *out)
{
    fprintf(out, "Usage: holdfast %s\n\n%s\n\nSubcommands:\n", command->usage, command->summary);
    for (size_t i = 0; i < PART_COUNT; i++) {
        fprintf(out, "  %-12s %s\n", PARTS[i]->name + sizeof "rules", PARTS[i]->summary);
    }
    fprintf(out, "\n%s", command->help);
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (strcmp(PARTS[i]->name + sizeof "rules", name) == 0) {
            return PARTS[i]->run(PARTS[i], argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--help") == 0) {
        print_help(command, stdout);
        return HF_EXIT_OK;
    }
    struct hf_error err = HF_ERROR_INIT;
    if (*name) {
        (void)hf_error_set(&err, HF_EINVAL, "there is no subcommand '%s'. Try 'holdfast rules --help'", name);
        return hf_command_fail(command, &err);
    }
    print_help(command, stderr);
    return HF_EXIT_ERROR;
}

const struct hf_command hf_cmd_rules = {
    .name = "rules",
    .summary = "Say which rules are in force, and which of them decides about a difference.",
    .usage = "rules SUBCOMMAND [OPTIONS]",
    .help = "Without --config the shipped packs are asked alone. docs/rules.md tells how packs are written;\n"
            "'holdfast validate FILE' checks one.\n",
    .run = run,
};
