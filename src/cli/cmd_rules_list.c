#include <string.h>

#include "cmd_rules.h"

static void add(struct hf_buf *out, const struct hf_rule_step *step, size_t index, bool is_json)
{
    if (is_json) {
        hf_buf_adds(out, index ? ",\n{\"rule\":" : "{\"rule\":");
        hf_buf_add_json(out, hf_slice_of(step->rule));
        hf_buf_adds(out, ",\"file\":");
        hf_buf_add_json(out, hf_slice_of(step->file));
        hf_buf_addf(out, ",\"line\":%zu,\"sets\":", step->line);
        hf_buf_add_json(out, hf_slice_of(step->decided));
        hf_buf_addc(out, '}');
        return;
    }
    hf_buf_addf(out, "%-40s %-40s ", step->rule, step->decided);
    hf_buf_add_safe(out, hf_slice_of(step->file), 1000);
    hf_buf_addf(out, ":%zu\n", step->line);
}

static int list(const char *config_path, bool is_json, struct hf_error *err)
{
    struct hf_config *config;
    struct hf_rules *rules;
    const struct hf_rule_step *steps;
    size_t count;
    hf_auto_buf struct hf_buf out = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_rules_load(config_path, &config, &rules, err) != 0) {
        return -1;
    }
    int result = hf_rules_list(arena, rules, &steps, &count, err);
    hf_buf_adds(&out, is_json ? "[" : "");
    for (size_t i = 0; result == 0 && i < count; i++) {
        add(&out, &steps[i], i, is_json);
    }
    hf_buf_adds(&out, is_json ? "]\n" : "");
    result = result == 0 ? hf_rules_print(&out, err) : result;
    hf_rules_free(rules);
    hf_config_free(config);
    return result;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *config = NULL;
    const char *output = NULL;
    const struct hf_option table[] = {
        {"config", "FILE", "the configuration; without it the shipped packs alone", &config},
        {"output", "FORM", "text or json; text by default", &output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    bool is_json;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc) {
        (void)hf_error_set(&err, HF_EINVAL, "found \"%s\", expected options only", argv[first]);
        return hf_command_fail(command, &err);
    }
    if (!hf_rules_form(output, &is_json, &err) || list(config, is_json, &err) != 0) {
        return hf_command_fail(command, &err);
    }
    return HF_EXIT_OK;
}

const struct hf_command hf_cmd_rules_list = {
    .name = "rules list",
    .summary = "Every rule in the order asked: what it decides, and where it stands.",
    .usage = "rules list [--config FILE] [--output text|json]",
    .help = "Exit: 0, or 2 when the config or a pack can't be read.\n",
    .run = run,
};
