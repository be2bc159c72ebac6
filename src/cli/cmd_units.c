/* `holdfast units`: how the units stand, as the running agent knows it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "asking.h"
#include "holdfast/json.h"
#include "holdfast/mem.h"

struct answer {
    struct hf_buf text;
    bool is_done;
};

static void take(void *ctx, const char *state, const char *message)
{
    struct answer *answer = ctx;
    if (strcmp(state, "taken") != 0 && strcmp(state, "progress") != 0) {
        hf_buf_clear(&answer->text);
        hf_buf_adds(&answer->text, message);
        answer->is_done = strcmp(state, "done") == 0;
    }
}

static void add_column(struct hf_buf *out, const char *text, size_t width)
{
    size_t before = out->len;
    hf_buf_add_safe(out, hf_slice_of(text ? text : "-"), 200);
    for (size_t len = out->len - before; len < width; len++) {
        hf_buf_addc(out, ' ');
    }
    hf_buf_adds(out, "  ");
}

static const char *text_of(const struct hf_value *unit, const char *name)
{
    return hf_value_text(hf_value_get(unit, name));
}

static void add_number(struct hf_buf *out, const struct hf_value *unit, const char *name, size_t width)
{
    char text[24] = "-";
    int64_t number;
    if (hf_value_int(hf_value_get(unit, name), &number)) {
        (void)snprintf(text, sizeof text, "%" PRId64, number);
    }
    add_column(out, text, width);
}

static void add_age(struct hf_buf *out, const struct hf_value *unit)
{
    char age[32] = "-";
    int64_t read_ms;
    const char *read_at = text_of(unit, "read_at");
    if (read_at && hf_time_parse(hf_slice_of(read_at), &read_ms)) {
        int64_t s = (hf_now_ms() - read_ms) / 1000;
        if (s < 120) {
            (void)snprintf(age, sizeof age, "%" PRId64 "s", s < 0 ? 0 : s);
        } else {
            (void)snprintf(age, sizeof age, "%" PRId64 "%s", s < 7200 ? s / 60 : s / 3600, s < 7200 ? "m" : "h");
        }
    }
    add_column(out, age, 6);
}

static void end_line(struct hf_buf *out)
{
    while (out->len > 0 && out->ptr[out->len - 1] == ' ') {
        out->len--;
    }
    hf_buf_addc(out, '\n');
}

static void add_row(struct hf_buf *out, const struct hf_value *unit, const size_t widths[3])
{
    const char *reason = text_of(unit, "problem");
    add_column(out, text_of(unit, "target"), widths[0]);
    add_column(out, text_of(unit, "space"), widths[1]);
    add_column(out, text_of(unit, "unit"), widths[2]);
    add_column(out, text_of(unit, "verdict"), 9);
    add_column(out, text_of(unit, "state"), 13);
    add_number(out, unit, "head_revision", 4);
    add_number(out, unit, "applied_revision", 7);
    add_number(out, unit, "live_revision", 4);
    add_number(out, unit, "objects", 7);
    add_age(out, unit);
    if (hf_value_is_true(hf_value_get(unit, "upgrade_needed"))) {
        int64_t from = 0;
        int64_t to = 0;
        (void)hf_value_int(hf_value_get(unit, "upstream_revision"), &from);
        (void)hf_value_int(hf_value_get(unit, "upstream_head"), &to);
        hf_buf_addf(out, "upgrade from %" PRId64 " to %" PRId64 " is there  ", from, to);
    }
    hf_buf_add_safe(out,
                    hf_slice_of(reason                          ? reason
                                : text_of(unit, "state_reason") ? text_of(unit, "state_reason")
                                                                : ""),
                    300);
    end_line(out);
}

static void widen(size_t *width, const char *text)
{
    size_t len = text ? strlen(text) : 1;
    *width = len > *width ? len : *width;
}

static int add_table(struct hf_buf *out, const struct hf_buf *json, struct hf_error *err)
{
    static const char *const HEADS[] = {"VERDICT", "STATE", "HEAD", "APPLIED", "LIVE", "OBJECTS", "AGE"};
    static const size_t WIDTHS[] = {9, 13, 4, 7, 4, 7, 6};
    size_t widths[3] = {6, 5, 4};
    const struct hf_value *units;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena || hf_json_read(arena, hf_buf_text(json), json->len, NULL, &units, err) != 0) {
        return hf_error_wrap(err, "the agent's answer");
    }
    for (size_t i = 0; i < hf_value_count(units); i++) {
        widen(&widths[0], text_of(hf_value_at(units, i), "target"));
        widen(&widths[1], text_of(hf_value_at(units, i), "space"));
        widen(&widths[2], text_of(hf_value_at(units, i), "unit"));
    }
    add_column(out, "TARGET", widths[0]);
    add_column(out, "SPACE", widths[1]);
    add_column(out, "UNIT", widths[2]);
    for (size_t i = 0; i < sizeof HEADS / sizeof HEADS[0]; i++) {
        add_column(out, HEADS[i], WIDTHS[i]);
    }
    end_line(out);
    for (size_t i = 0; i < hf_value_count(units); i++) {
        add_row(out, hf_value_at(units, i), widths);
    }
    return 0;
}

static int list(const char *folder, struct hf_ask *ask, bool is_json, struct hf_error *err)
{
    struct answer answer = {{0}, false};
    hf_auto_buf struct hf_buf out = {0};
    int result = hf_asking(folder, ask, take, &answer, err);
    if (result > 0) {
        result = hf_error_set(err, HF_EREFUSED, "%s", hf_buf_text(&answer.text));
    }
    if (result == 0 && is_json) {
        hf_buf_add(&out, answer.text.ptr, answer.text.len);
        hf_buf_addc(&out, '\n');
    } else if (result == 0) {
        result = add_table(&out, &answer.text, err);
    }
    hf_buf_free(&answer.text);
    if (result == 0 && (!hf_buf_ok(&out) || fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0)) {
        return hf_error_set(err, HF_EIO, "the output can't be written");
    }
    return result;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *config = NULL;
    const char *database = NULL;
    const char *output = "table";
    struct hf_ask ask = {.kind = HF_ASK_UNITS};
    const struct hf_option table[] = {
        {"config", "FILE", "the agent's configuration", &config},
        {"database", "FILE", "the agent's trail, in place of the configuration's", &database},
        {"target", "NAME", "only this target's", &ask.target},
        {"space", "NAME", "only this space's", &ask.space},
        {"unit", "SLUG", "only this one", &ask.unit},
        {"output", "FORM", "table or json; table by default", &output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf folder = {0};
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc || (strcmp(output, "table") != 0 && strcmp(output, "json") != 0)) {
        (void)hf_error_set(&err, HF_EINVAL, "found \"%s\", expected --output table or json",
                           first < argc ? argv[first] : output);
        return hf_command_fail(command, &err);
    }
    if (hf_command_database(config, database, ask.target, HF_ASKS_SUFFIX, &folder, &err) != 0 ||
        list(hf_buf_text(&folder), &ask, strcmp(output, "json") == 0, &err) != 0) {
        return hf_command_fail(command, &err);
    }
    return HF_EXIT_OK;
}

const struct hf_command hf_cmd_units = {
    .name = "units",
    .summary = "How the units stand: revisions, state, verdict.",
    .usage = "units --config FILE [--target NAME] [--space NAME] [--unit SLUG] [--output table|json]",
    .help = "HEAD is the newest edit in ConfigHub, APPLIED the last that was asked to be applied, LIVE the last whose\n"
            "apply was completed: what objects are held to. AGE says when the source was last read well.\n"
            "Exit: 0, or 2 when the agent does not answer.\n",
    .run = run,
};
