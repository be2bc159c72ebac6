/* `holdfast pause`, `snooze`, `resume` and `pauses`: what is not put back, or not told, for a while, and in whose name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "holdfast/mem.h"
#include "holdfast/pauses.h"

#define MOST_FOR_MS (INT64_C(366) * 86400000)
#define MOST_REASON 500

static int read_object(char *text, struct hf_pause *pause, struct hf_error *err)
{
    return hf_command_object(text, &pause->kind, &pause->namespace, &pause->name, err);
}

static int read_end(const char *duration, const char *forever, struct hf_pause *pause, struct hf_error *err)
{
    int64_t ms = 0;
    pause->until_ms = HF_TIME_NONE;
    if (!duration == !forever) {
        return hf_error_set(err, HF_EINVAL, "expected one of --for DURATION and --until-resumed");
    }
    if (duration && (!hf_duration_parse(hf_slice_of(duration), &ms) || ms < 1000 || ms > MOST_FOR_MS)) {
        return hf_error_set(err, HF_EINVAL, "--for: found \"%s\", expected 1s to 366d, such as 1h30m", duration);
    }
    if (duration) {
        pause->until_ms = pause->since_ms + ms;
    }
    return 0;
}

struct asked {
    const char *config;
    const char *database;
    const char *object;
    const char *duration;
    const char *forever;
    struct hf_pause pause;
};

static int set_pause(struct asked *asked, struct hf_error *err)
{
    char id[HF_PAUSE_ID];
    char until[HF_TIME_TEXT];
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf object = {0};
    struct hf_pause *pause = &asked->pause;
    if (!pause->target || !pause->reason || !*pause->reason || strlen(pause->reason) > MOST_REASON) {
        return hf_error_set(err, HF_EINVAL, "expected --target NAME and --reason TEXT (at most %d bytes)", MOST_REASON);
    }
    hf_buf_adds(&object, asked->object ? asked->object : "");
    pause->since_ms = hf_now_ms();
    pause->by = hf_command_who();
    if (!hf_buf_ok(&object)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if ((asked->object && read_object(object.ptr, pause, err) != 0) ||
        read_end(asked->duration, asked->forever, pause, err) != 0 ||
        hf_command_database(asked->config, asked->database, pause->target, HF_PAUSES_SUFFIX, &path, err) != 0 ||
        hf_pauses_add(hf_buf_text(&path), pause, pause->since_ms, id, err) != 0) {
        return -1;
    }
    hf_time_format(pause->until_ms, until);
    printf("%s: %s %s%s, in the name of %s. The agent takes it up within a second.\n"
           "End it by: holdfast resume %s\n",
           id, pause->is_snooze ? "put back, but nobody is alerted" : "not put back",
           until[0] ? "until " : "until it is ended", until, pause->by, id);
    return 0;
}

static int set(const struct hf_command *command, int argc, char **argv, bool is_snooze)
{
    struct asked asked = {.pause.is_snooze = is_snooze};
    const struct hf_option table[] = {
        {"config", "FILE", "the agent's configuration", &asked.config},
        {"database", "FILE", "the agent's trail, in place of the configuration's", &asked.database},
        {"target", "NAME", "which target", &asked.pause.target},
        {"space", "NAME", "only units of this space", &asked.pause.space},
        {"unit", "SLUG", "only this unit", &asked.pause.unit},
        {"object", "KIND/[NS/]NAME", "only this object", &asked.object},
        {"for", "DURATION", "how long, such as 1h30m", &asked.duration},
        {"until-resumed", NULL, "until `holdfast resume` ends it", &asked.forever},
        {"reason", "TEXT", "why; it stands in the trail and in the alert", &asked.pause.reason},
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
    return set_pause(&asked, &err) == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

static int run_pause(const struct hf_command *command, int argc, char **argv)
{
    return set(command, argc, argv, false);
}

static int run_snooze(const struct hf_command *command, int argc, char **argv)
{
    return set(command, argc, argv, true);
}

static int end_pause(const char *config, const char *database, const char *id, struct hf_error *err)
{
    size_t count;
    hf_auto_buf struct hf_buf path = {0};
    if (hf_command_database(config, database, NULL, HF_PAUSES_SUFFIX, &path, err) != 0 ||
        hf_pauses_end(hf_buf_text(&path), id, hf_command_who(), hf_now_ms(), &count, err) != 0) {
        return -1;
    }
    if (id && count == 0) {
        return hf_error_set(err, HF_ENOTFOUND, "there is no pause \"%s\" that holds: see `holdfast pauses`", id);
    }
    printf("%zu ended, in the name of %s\n", count, hf_command_who());
    return 0;
}

static int run_resume(const struct hf_command *command, int argc, char **argv)
{
    const char *config = NULL;
    const char *database = NULL;
    const char *all = NULL;
    const struct hf_option table[] = {
        {"config", "FILE", "the agent's configuration", &config},
        {"database", "FILE", "the agent's trail, in place of the configuration's", &database},
        {"all", NULL, "every pause of the agent", &all},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (argc - first != (all ? 0 : 1)) {
        (void)hf_error_set(&err, HF_EINVAL, "expected one pause's id, or --all");
        return hf_command_fail(command, &err);
    }
    return end_pause(config, database, all ? NULL : argv[first], &err) == 0 ? HF_EXIT_OK
                                                                            : hf_command_fail(command, &err);
}

static void add_text(struct hf_buf *out, const char *name, const char *text)
{
    hf_buf_addf(out, ",\"%s\":", name);
    if (text && *text) {
        hf_buf_add_json(out, hf_slice_of(text));
    } else {
        hf_buf_adds(out, "null");
    }
}

static void add_json(struct hf_buf *out, const struct hf_pause *pause, const char *until)
{
    char since[HF_TIME_TEXT];
    hf_time_format(pause->since_ms, since);
    hf_buf_adds(out, out->len > 1 ? ",\n{\"id\":" : "{\"id\":");
    hf_buf_add_json(out, hf_slice_of(pause->id));
    add_text(out, "target", pause->target);
    add_text(out, "space", pause->space);
    add_text(out, "unit", pause->unit);
    add_text(out, "kind", pause->kind);
    add_text(out, "namespace", pause->namespace);
    add_text(out, "name", pause->name);
    add_text(out, "by", pause->by);
    add_text(out, "reason", pause->reason);
    hf_buf_adds(out, pause->is_snooze ? ",\"snooze\":true" : ",\"snooze\":false");
    add_text(out, "since", since);
    add_text(out, "until", until);
    hf_buf_addc(out, '}');
}

static void add_part(struct hf_buf *out, const char *before, const char *text)
{
    if (text) {
        hf_buf_adds(out, before);
        hf_buf_add_safe(out, hf_slice_of(text), 500);
    }
}

static void add_line(struct hf_buf *out, const struct hf_pause *pause, const char *until)
{
    hf_buf_addf(out, "%-12s %-26s %s", pause->id, until[0] ? until : "until it is ended",
                pause->is_snooze ? "alerts only, " : "");
    add_part(out, "by ", pause->by);
    add_part(out, ": ", pause->target);
    add_part(out, ", space ", pause->space);
    add_part(out, ", unit ", pause->unit);
    add_part(out, ", ", pause->kind);
    add_part(out, " ", pause->namespace);
    add_part(out, pause->namespace ? "/" : " ", pause->name);
    add_part(out, ": ", pause->reason);
    hf_buf_addc(out, '\n');
}

static int list(const char *config, const char *database, bool is_json, struct hf_error *err)
{
    struct hf_pauses *pauses;
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf out = {0};
    int64_t now = hf_now_ms();
    if (hf_command_database(config, database, NULL, HF_PAUSES_SUFFIX, &path, err) != 0 ||
        hf_pauses_read(hf_buf_text(&path), &pauses, err) != 0) {
        return -1;
    }
    hf_buf_adds(&out, is_json ? "[" : "");
    for (size_t i = 0; i < pauses->count; i++) {
        char until[HF_TIME_TEXT];
        hf_time_format(pauses->items[i].until_ms, until);
        if (hf_pause_holds(&pauses->items[i], now)) {
            (is_json ? add_json : add_line)(&out, &pauses->items[i], until);
        }
    }
    hf_buf_adds(&out, is_json ? "]\n" : out.len == 0 ? "nothing is paused\n" : "");
    hf_pauses_free(pauses);
    if (!hf_buf_ok(&out) || fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
        return hf_error_set(err, HF_EIO, "the output can't be written");
    }
    return 0;
}

static int run_pauses(const struct hf_command *command, int argc, char **argv)
{
    const char *config = NULL;
    const char *database = NULL;
    const char *output = "text";
    const struct hf_option table[] = {
        {"config", "FILE", "the agent's configuration", &config},
        {"database", "FILE", "the agent's trail, in place of the configuration's", &database},
        {"output", "FORM", "text or json; text by default", &output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc || (strcmp(output, "text") != 0 && strcmp(output, "json") != 0)) {
        (void)hf_error_set(&err, HF_EINVAL, "found \"%s\", expected --output text or json",
                           first < argc ? argv[first] : output);
        return hf_command_fail(command, &err);
    }
    return list(config, database, strcmp(output, "json") == 0, &err) == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

const struct hf_command hf_cmd_pause = {
    .name = "pause",
    .summary = "Let a target, a unit or an object be as it is for a while.",
    .usage = "pause --config FILE --target NAME [--space NAME] [--unit SLUG] [--object KIND/[NS/]NAME]\n"
             "                      (--for DURATION | --until-resumed) --reason TEXT",
    .help =
        "What is paused is watched, recorded and told all the same; it is only not put back. The pause stands in\n"
        "<database>.pauses, which only the agent's own user may write, and outlives a restart.\n"
        "Exit: 0, or 2 when it could not be set.\n\n"
        "  holdfast pause --config holdfast.yaml --target dev --unit trade-service --for 30m --reason 'debugging'\n",
    .run = run_pause,
};

const struct hf_command hf_cmd_snooze = {
    .name = "snooze",
    .summary = "Be told nothing of a target, a unit or an object for a while.",
    .usage = "snooze --config FILE --target NAME [--space NAME] [--unit SLUG] [--object KIND/[NS/]NAME]\n"
             "                       (--for DURATION | --until-resumed) --reason TEXT",
    .help = "What is snoozed is watched, recorded and put back all the same; no channel is alerted of it, but that "
            "what it\n"
            "was told of before is over. What is still wrong when the snooze ends is told then.\n"
            "Exit: 0, or 2 when it could not be set.\n",
    .run = run_snooze,
};

const struct hf_command hf_cmd_resume = {
    .name = "resume",
    .summary = "End a pause or a snooze: what differs is put back, or told, at once.",
    .usage = "resume --config FILE (ID | --all)",
    .help = "Exit: 0, or 2 when there is no such pause.\n",
    .run = run_resume,
};

const struct hf_command hf_cmd_pauses = {
    .name = "pauses",
    .summary = "What is paused or snoozed now, until when, by whom and why.",
    .usage = "pauses --config FILE [--output text|json]",
    .help = "Exit: 0, or 2 when the file of pauses can't be read.\n",
    .run = run_pauses,
};
