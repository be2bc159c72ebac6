#include "cmd_alert.h"

#include <stdio.h>
#include <string.h>

static const struct hf_command *const PARTS[] = {&hf_cmd_alert_test, &hf_cmd_alert_channels};
#define PART_COUNT (sizeof PARTS / sizeof PARTS[0])

static void print_help(const struct hf_command *command, FILE *out)
{
    fprintf(out, "Usage: holdfast %s\n\n%s\n\nSubcommands:\n", command->usage, command->summary);
    for (size_t i = 0; i < PART_COUNT; i++) {
        fprintf(out, "  %-12s %s\n", PARTS[i]->name + sizeof "alert", PARTS[i]->summary);
    }
    fprintf(out, "\n%s", command->help);
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (strcmp(PARTS[i]->name + sizeof "alert", name) == 0) {
            return PARTS[i]->run(PARTS[i], argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--help") == 0) {
        print_help(command, stdout);
        return HF_EXIT_OK;
    }
    struct hf_error err = HF_ERROR_INIT;
    if (*name) {
        (void)hf_error_set(&err, HF_EINVAL, "there is no subcommand '%s'. Try 'holdfast alert --help'", name);
        return hf_command_fail(command, &err);
    }
    print_help(command, stderr);
    return HF_EXIT_ERROR;
}

const struct hf_command hf_cmd_alert = {
    .name = "alert",
    .summary = "Try the alert channels, and show how they are set.",
    .usage = "alert SUBCOMMAND [OPTIONS]",
    .help = "'holdfast alert SUBCOMMAND --help' tells all about one; docs/alert-channels.md tells of the services.\n",
    .run = run,
};
