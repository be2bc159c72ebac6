#include "command.h"
#include "holdfast/run.h"

static int run(const struct hf_command *command, int argc, char **argv)
{
    struct hf_run_options options = {0};
    const struct hf_option table[] = {
        {"config", "FILE", "the configuration (schema/config.json); needed", &options.config},
        {"database", "FILE", "the trail, in place of the config's", &options.database},
        {"listen", "ADDRESS", "dashboard, API and metrics, in place of the config's", &options.listen},
        {"log-level", "LEVEL", "debug, info, warn or error", &options.log_level},
        {"log-format", "FORM", "logfmt or json", &options.log_format},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc) {
        (void)hf_error_set(&err, HF_EINVAL, "found \"%s\", expected options only", argv[first]);
        return hf_command_fail(command, &err);
    }
    if (!options.config) {
        (void)hf_error_set(&err, HF_EINVAL, "--config FILE is needed");
        return hf_command_fail(command, &err);
    }
    return hf_run(&options, &err) == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

const struct hf_command hf_cmd_run = {
    .name = "run",
    .summary = "Hold live objects to their units until told to stop.",
    .usage = "run --config FILE [OPTIONS]",
    .help = "Signals:\n"
            "  SIGTERM, SIGINT   finish corrections under way, begin none, stop within 5 s (a second one: at once)\n"
            "  SIGHUP            read the config again; a wrong one is refused with an error, the old one goes on\n\n"
            "Under systemd (Type=notify) readiness is told when every target is listed and watched.\n"
            "Exit: 0 after a clean stop, 2 when it could not start.\n",
    .run = run,
};
