/* `holdfast put-back`, `accept` and `rollback`: what a person wants done about one unit, by the running agent. */
#include <stdio.h>
#include <string.h>

#include "asking.h"

#define MOST_REASON 500

struct asked {
    const char *config;
    const char *database;
    const char *object;
    const char *to;
    const char *dry_run;
    struct hf_ask ask;
};

static void print(void *ctx, const char *state, const char *message)
{
    hf_auto_buf struct hf_buf text = {0};
    (void)ctx;
    if (strcmp(state, "taken") == 0) {
        return;
    }
    if (strcmp(state, "preview") == 0) {
        /* Line by line: what stands in a live object must not steer a terminal. */
        for (const char *at = message; *at;) {
            size_t len = strcspn(at, "\n");
            hf_buf_add_safe(&text, (struct hf_slice){at, len}, len * 6 + 1);
            hf_buf_addc(&text, '\n');
            at += len + (at[len] == '\n');
        }
    } else {
        hf_buf_addf(&text, "%s: ", state);
        hf_buf_add_safe(&text, hf_slice_of(message), 4000);
        hf_buf_addc(&text, '\n');
    }
    (void)fputs(hf_buf_text(&text), stdout);
    (void)fflush(stdout);
}

static int check(struct asked *asked, struct hf_buf *object, struct hf_error *err)
{
    struct hf_ask *ask = &asked->ask;
    if (!ask->target || !ask->unit) {
        return hf_error_set(err, HF_EINVAL, "expected --target NAME and --unit SLUG");
    }
    ask->dry_run = asked->dry_run != NULL;
    if (ask->dry_run && !ask->reason) {
        ask->reason = "a dry run";
    }
    if (!ask->reason || !*ask->reason || strlen(ask->reason) > MOST_REASON) {
        return hf_error_set(err, HF_EINVAL, "expected --reason TEXT (at most %d bytes): it stands in the trail",
                            MOST_REASON);
    }
    if (ask->kind == HF_ASK_ROLLBACK &&
        (!asked->to ||
         (strcmp(asked->to, "-1") != 0 && !hf_parse_int(hf_slice_of(asked->to), 1, INT64_MAX, &ask->to)))) {
        return hf_error_set(err, HF_EINVAL,
                            "--to: found \"%s\", expected a revision, or -1 for the one that was live before",
                            asked->to ? asked->to : "");
    }
    if (ask->kind == HF_ASK_ROLLBACK && strcmp(asked->to, "-1") == 0) {
        ask->to = -1;
    }
    hf_buf_adds(object, asked->object ? asked->object : "");
    if (!hf_buf_ok(object)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    return asked->object ? hf_command_object(object->ptr, &ask->object_kind, &ask->namespace, &ask->name, err) : 0;
}

static int ask_agent(const struct hf_command *command, struct asked *asked, const struct hf_option *table, int argc,
                     char **argv)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf folder = {0};
    hf_auto_buf struct hf_buf object = {0};
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc) {
        (void)hf_error_set(&err, HF_EINVAL, "found \"%s\", expected options only", argv[first]);
        return hf_command_fail(command, &err);
    }
    if (check(asked, &object, &err) != 0 ||
        hf_command_database(asked->config, asked->database, asked->ask.target, HF_ASKS_SUFFIX, &folder, &err) != 0 ||
        (exit_code = hf_asking(hf_buf_text(&folder), &asked->ask, print, NULL, &err)) < 0) {
        return hf_command_fail(command, &err);
    }
    return exit_code;
}

#define WHICH(asked)                                                                                                   \
    {"config", "FILE", "the agent's configuration", &(asked).config},                                                  \
        {"database", "FILE", "the agent's trail, in place of the configuration's", &(asked).database},                 \
        {"target", "NAME", "which target", &(asked).ask.target},                                                       \
        {"space", "NAME", "the unit's space; needed when two have such a unit", &(asked).ask.space},                   \
        {"unit", "SLUG", "which unit", &(asked).ask.unit},                                                             \
    {                                                                                                                  \
        "reason", "TEXT", "why; it stands in the trail and in the alert", &(asked).ask.reason                          \
    }

static int run_put_back(const struct hf_command *command, int argc, char **argv)
{
    struct asked asked = {.ask.kind = HF_ASK_PUT_BACK};
    const struct hf_option table[] = {
        WHICH(asked), {"object", "KIND/[NS/]NAME", "only this object", &asked.object}, {0}};
    return ask_agent(command, &asked, table, argc, argv);
}

static int run_accept(const struct hf_command *command, int argc, char **argv)
{
    struct asked asked = {.ask.kind = HF_ASK_ACCEPT};
    const struct hf_option table[] = {
        WHICH(asked), {"dry-run", NULL, "only show what would be written", &asked.dry_run}, {0}};
    return ask_agent(command, &asked, table, argc, argv);
}

static int run_rollback(const struct hf_command *command, int argc, char **argv)
{
    struct asked asked = {.ask.kind = HF_ASK_ROLLBACK};
    const struct hf_option table[] = {WHICH(asked),
                                      {"to", "N|-1", "the revision; -1: what was live before", &asked.to},
                                      {"dry-run", NULL, "only show that revision", &asked.dry_run},
                                      {0}};
    return ask_agent(command, &asked, table, argc, argv);
}

const struct hf_command hf_cmd_put_back = {
    .name = "put-back",
    .summary = "Have what differs of a unit put back now.",
    .usage = "put-back --config FILE --target NAME --unit SLUG [--object KIND/[NS/]NAME] --reason TEXT",
    .help =
        "For a minute, neither grace nor a window nor a pause after a fight holds it back, and an observed target is\n"
        "written to. Rules that leave a thing as it is, and pauses by people, still count. Waits until all is in\n"
        "sync. Exit: 0 in sync, 1 refused or failed, 2 when the agent does not answer.\n",
    .run = run_put_back,
};

const struct hf_command hf_cmd_accept = {
    .name = "accept",
    .summary = "Make what is live of a unit its new revision in ConfigHub.",
    .usage = "accept --config FILE --target NAME [--space NAME] --unit SLUG (--reason TEXT | --dry-run)",
    .help =
        "Live is read by ConfigHub's refresh and written as a new revision, whose description names who drifted and\n"
        "who accepted; then that revision is applied. All of the unit is accepted, not a part of it. Refused while\n"
        "the unit has edits that are not applied. The agent does it; this waits until all is in sync.\n"
        "Exit: 0 done, 1 refused or failed, 2 when the agent does not answer.\n\n"
        "  holdfast accept --config holdfast.yaml --target dev --unit trade-service --dry-run\n",
    .run = run_accept,
};

const struct hf_command hf_cmd_rollback = {
    .name = "rollback",
    .summary = "Restore an earlier revision of a unit in ConfigHub and apply it.",
    .usage = "rollback --config FILE --target NAME [--space NAME] --unit SLUG --to N|-1 (--reason TEXT | --dry-run)",
    .help = "The earlier revision becomes a new one, which is applied and followed until all is in sync.\n"
            "Exit: 0 done, 1 refused or failed, 2 when the agent does not answer.\n\n"
            "  holdfast rollback --config holdfast.yaml --target prod --unit trade-service --to -1 --reason INC-4711\n",
    .run = run_rollback,
};
