#include <stdio.h>
#include <string.h>

#include "command.h"
#include "holdfast/mem.h"

static const struct hf_command *const COMMANDS[] = {
    &hf_cmd_run,    &hf_cmd_check,    &hf_cmd_validate, &hf_cmd_rules,  &hf_cmd_units,   &hf_cmd_put_back,
    &hf_cmd_accept, &hf_cmd_rollback, &hf_cmd_pause,    &hf_cmd_snooze, &hf_cmd_resume,  &hf_cmd_pauses,
    &hf_cmd_digest, &hf_cmd_audit,    &hf_cmd_alert,    &hf_cmd_token,  &hf_cmd_version,
};
#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static void print_help(FILE *out)
{
    fprintf(out, "holdfast keeps live Kubernetes objects true to their units.\n\nUsage: holdfast COMMAND [OPTIONS]\n\n"
                 "Commands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-10s %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    }
    fprintf(out, "\n'holdfast COMMAND --help' tells all about one. Each option can be given by the environment too:\n"
                 "HOLDFAST_ and its name in capitals (--log-level: HOLDFAST_LOG_LEVEL); the command line wins.\n");
}

int main(int argc, char **argv)
{
    hf_keep_memory_private();
    if (argc < 2) {
        print_help(stderr);
        return HF_EXIT_ERROR;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (strcmp(name, "help") == 0 && argc == 2)) {
        print_help(stdout);
        return HF_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    char help[] = "--help";
    char *help_argv[] = {NULL, help, NULL};
    bool wants_help = strcmp(name, "help") == 0;
    if (wants_help) {
        name = argv[2];
        help_argv[0] = argv[2];
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(COMMANDS[i]->name, name) == 0) {
            return wants_help ? COMMANDS[i]->run(COMMANDS[i], 2, help_argv)
                              : COMMANDS[i]->run(COMMANDS[i], argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "holdfast: there is no command '%s'. Try 'holdfast --help'.\n", name);
    return HF_EXIT_ERROR;
}
