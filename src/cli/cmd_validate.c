#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "holdfast/alert.h"
#include "holdfast/config.h"
#include "holdfast/kubeconfig.h"
#include "holdfast/mem.h"
#include "holdfast/rules.h"
#include "holdfast/run.h"
#include "holdfast/source.h"
#include "holdfast/yaml.h"
#include "holdfast/zone.h"
#include "input.h"

#define MOST_BYTES (64u << 20)

/* What a file is: told by its content, so that one command serves all. */
enum subject { SUBJECT_UNIT, SUBJECT_CONFIG, SUBJECT_KUBECONFIG, SUBJECT_RULES };

static enum subject subject_of(const struct hf_document *documents, size_t count)
{
    const struct hf_value *first = count > 0 ? documents[0].value : NULL;
    const char *kind = hf_value_text(hf_value_get(first, "kind"));
    if (hf_config_is_one(first)) {
        return SUBJECT_CONFIG;
    }
    if (hf_rules_is_pack(first)) {
        return SUBJECT_RULES;
    }
    return kind && strcmp(kind, "Config") == 0 && hf_value_get(first, "clusters") ? SUBJECT_KUBECONFIG : SUBJECT_UNIT;
}

/* A file's name may hold what a terminal would obey. */
static void tell(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(const char *path, const char *format, ...)
{
    va_list arguments;
    hf_auto_buf struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(path), 4096);
    printf("%s: ", hf_buf_text(&safe));
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
}

/* Beyond its form: the packs that it names must be there, and be right. */
static int check_config(const char *path, const struct hf_buf *bytes, struct hf_error *err)
{
    struct hf_config *config;
    if (hf_config_read(path, hf_buf_text(bytes), bytes->len, &config, err) != 0) {
        return -1;
    }
    struct hf_rules *rules = NULL;
    int result = hf_run_access_check(config, NULL, err);
    for (size_t i = 0; result == 0 && i < config->channel_count; i++) {
        struct hf_alert_channel channel = {0};
        result = hf_run_channel_settings(config, &config->channels[i], &channel, err);
    }
    result = result == 0 ? hf_run_rules(config, &rules, err) : result;
    if (result == 0) {
        tell(path, "a config with %zu targets and %zu alert channels", config->target_count, config->channel_count);
        hf_rules_free(rules);
    } else {
        (void)hf_error_wrap(err, "%s", path);
    }
    hf_config_free(config);
    return result;
}

static int check_kubeconfig(const char *path, struct hf_error *err)
{
    struct hf_kubeconfig *kubeconfig;
    if (hf_kubeconfig_load(path, &kubeconfig, err) != 0) {
        return -1;
    }
    struct hf_access *access;
    int result = hf_kubeconfig_resolve(kubeconfig, NULL, &access, err);
    if (result == 0) {
        tell(path, "a kubeconfig");
        hf_access_free(access);
    }
    hf_kubeconfig_free(kubeconfig);
    return result;
}

static int find_zone(void *ctx, struct hf_arena *arena, const char *name, const struct hf_zone **out,
                     struct hf_error *err)
{
    (void)ctx;
    return hf_zone_find(arena, NULL, name, out, err);
}

/* What is allowed and surely not meant: told, and not counted as a problem. */
static int warn_of_rules(const struct hf_rules *rules, struct hf_error *err)
{
    const char *const *texts;
    size_t count;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_rules_warnings(arena, rules, &texts, &count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        hf_auto_buf struct hf_buf safe = {0};
        hf_buf_add_safe(&safe, hf_slice_of(texts[i]), 2000);
        fprintf(stderr, "holdfast validate: warning: %s\n", hf_buf_text(&safe));
    }
    return 0;
}

static int check_rules(const char *path, const struct hf_buf *bytes, struct hf_error *err)
{
    struct hf_rules *rules;
    if (hf_rules_new(&rules, err) != 0) {
        return -1;
    }
    hf_rules_zones(rules, find_zone, NULL);
    int result = hf_rules_add(rules, path, hf_buf_text(bytes), bytes->len, err);
    result = result == 0 ? warn_of_rules(rules, err) : result;
    if (result == 0) {
        tell(path, "a pack of %zu rules", hf_rules_count(rules));
    }
    hf_rules_free(rules);
    return result;
}

static int check_unit(const char *path, const struct hf_buf *bytes, struct hf_error *err)
{
    struct hf_unit *unit;
    if (hf_unit_read("", path, path, hf_buf_text(bytes), bytes->len, &unit, err) != 0) {
        return -1;
    }
    tell(path, "a unit of %zu objects", unit->document_count);
    hf_unit_drop(unit);
    return 0;
}

static int check_file(const char *path, struct hf_error *err)
{
    hf_auto_buf struct hf_buf bytes = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    if (hf_input_read(path, MOST_BYTES, &bytes, err) != 0) {
        return -1;
    }
    struct hf_document *documents;
    size_t count;
    if (hf_yaml_read(arena, hf_buf_text(&bytes), bytes.len, NULL, &documents, &count, err) != 0) {
        return hf_error_wrap(err, "%s", path);
    }
    switch (subject_of(documents, count)) {
    case SUBJECT_CONFIG:
        return check_config(path, &bytes, err);
    case SUBJECT_RULES:
        return check_rules(path, &bytes, err);
    case SUBJECT_KUBECONFIG:
        return check_kubeconfig(path, err);
    default:
        return check_unit(path, &bytes, err);
    }
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const struct hf_option none[] = {{0}};
    int exit_code;
    int first = hf_options_read(command, none, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    struct hf_error err = HF_ERROR_INIT;
    if (first == argc) {
        (void)hf_error_set(&err, HF_EINVAL, "found no FILE, expected one or more");
        return hf_command_fail(command, &err);
    }
    int result = HF_EXIT_OK;
    for (int i = first; i < argc; i++) {
        hf_error_clear(&err);
        if (check_file(argv[i], &err) != 0) {
            (void)hf_command_fail(command, &err);
            bool unreadable =
                err.code == HF_ENOTFOUND || err.code == HF_EDENIED || err.code == HF_EIO || err.code == HF_ENOMEM;
            result = unreadable || result == HF_EXIT_ERROR ? HF_EXIT_ERROR : HF_EXIT_FOUND;
        }
    }
    return result;
}

const struct hf_command hf_cmd_validate = {
    .name = "validate",
    .summary = "Check config, rule and unit files without a cluster.",
    .usage = "validate FILE…",
    .help = "What a file is, is told by its content: a config has `targets`, a rule pack `pack` and `rules`,\n"
            "a kubeconfig `kind: Config`, all else are units. A problem is\n"
            "told with file, line and column, what was found and what was expected. A rule that can never decide is\n"
            "warned of.\n"
            "Exit: 0 all is well, 1 a problem was found, 2 a file can't be read.\n",
    .run = run,
};
