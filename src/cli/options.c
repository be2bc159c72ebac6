#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "holdfast/mem.h"

#define MOST_OPTIONS 40

static void environment_name(const char *option, char *out, size_t cap)
{
    (void)snprintf(out, cap, "HOLDFAST_%s", option);
    for (char *at = out + 9; *at; at++) {
        *at = *at == '-' ? '_' : (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    }
}

static void print_help(const struct hf_command *command, const struct hf_option *options)
{
    printf("Usage: holdfast %s\n\n%s\n\n", command->usage, command->summary);
    if (options->name) {
        printf("Options:\n");
    }
    for (const struct hf_option *option = options; option->name; option++) {
        char environment[80];
        char left[80];
        environment_name(option->name, environment, sizeof environment);
        (void)snprintf(left, sizeof left, "--%s%s%s", option->name, option->argument ? " " : "",
                       option->argument ? option->argument : "");
        printf("  %-26s %s [%s]\n", left, option->help, environment);
    }
    printf("  %-26s show this text\n", "--help");
    if (command->help) {
        printf("\n%s", command->help);
    }
}

static void from_environment(const struct hf_option *options)
{
    for (const struct hf_option *option = options; option->name; option++) {
        char environment[80];
        environment_name(option->name, environment, sizeof environment);
        const char *text = getenv(environment);
        if (text && *text) {
            *option->value = text;
        }
    }
}

int hf_options_read(const struct hf_command *command, const struct hf_option *options, int argc, char **argv,
                    int *exit_code)
{
    struct option table[MOST_OPTIONS + 2] = {0};
    int count = 0;
    for (; options[count].name && count < MOST_OPTIONS; count++) {
        table[count].name = options[count].name;
        table[count].has_arg = options[count].argument ? required_argument : no_argument;
        table[count].val = 1;
    }
    table[count].name = "help";
    from_environment(options);
    optind = 0; /* glibc: start afresh, whatever was read before */
    opterr = 1;
    int index = 0;
    for (int got = getopt_long(argc, argv, "", table, &index); got != -1;
         got = getopt_long(argc, argv, "", table, &index)) {
        if (got == '?') {
            fprintf(stderr, "Try 'holdfast %s --help'.\n", command->name);
            *exit_code = HF_EXIT_ERROR;
            return -1;
        }
        if (index == count) {
            print_help(command, options);
            *exit_code = HF_EXIT_OK;
            return -1;
        }
        *options[index].value = options[index].argument ? optarg : "1";
    }
    return optind;
}

int hf_command_fail(const struct hf_command *command, const struct hf_error *err)
{
    struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(err->text), HF_ERROR_TEXT);
    fprintf(stderr, "holdfast %s: %s\n", command->name, hf_buf_text(&safe));
    hf_buf_free(&safe);
    return HF_EXIT_ERROR;
}
