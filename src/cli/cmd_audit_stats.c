/* `holdfast audit stats`: how many drifts, how long until seen and corrected. */
#include <string.h>

#include "cmd_audit.h"

static const char *const BY[] = {"all", "target", "unit", "kind", "namespace", "manager", "user", "path"};

struct table {
    bool json;
    struct hf_buf out;
    size_t count;
    struct hf_error *err;
    int status;
};

static void add_duration(struct hf_buf *out, int64_t ms)
{
    char text[HF_TIME_TEXT] = "-";
    if (ms >= 0) {
        hf_duration_format(ms, text);
    }
    hf_buf_addf(out, " %11s", text);
}

static void add_json_times(struct hf_buf *out, const char *name, const int64_t times[3])
{
    static const char *const RANKS[] = {"p50", "p95", "max"};
    for (size_t i = 0; i < 3; i++) {
        hf_buf_addf(out, ",\"%s_%s_ms\":", name, RANKS[i]);
        if (times[i] < 0) {
            hf_buf_adds(out, "null");
        } else {
            hf_buf_addf(out, "%lld", (long long)times[i]);
        }
    }
}

static void add_json(struct hf_buf *out, const struct hf_audit_figures *figures)
{
    hf_buf_adds(out, "{\"key\":");
    hf_buf_add_json(out, hf_slice_of(figures->key));
    hf_buf_addf(out, ",\"incidents\":%lld,\"open\":%lld,\"corrected\":%lld,\"healed\":%lld,\"dismissed\":%lld",
                (long long)figures->incidents, (long long)figures->open, (long long)figures->corrected,
                (long long)figures->healed, (long long)figures->dismissed);
    add_json_times(out, "see", figures->see_ms);
    add_json_times(out, "correct", figures->correct_ms);
    hf_buf_addc(out, '}');
}

static void add_row(struct hf_buf *out, const struct hf_audit_figures *figures)
{
    hf_buf_addf(out, "%6lld %6lld %6lld %6lld", (long long)figures->incidents, (long long)figures->open,
                (long long)figures->corrected, (long long)(figures->healed + figures->dismissed));
    for (size_t i = 0; i < 3; i++) {
        add_duration(out, figures->see_ms[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        add_duration(out, figures->correct_ms[i]);
    }
    hf_buf_adds(out, "  ");
    hf_audit_safe(out, *figures->key ? figures->key : "(none)");
    hf_buf_addc(out, '\n');
}

static bool take_figures(void *ctx, const struct hf_audit_figures *figures)
{
    struct table *table = ctx;
    if (table->json) {
        hf_buf_adds(&table->out, table->count ? ",\n" : "[\n");
        add_json(&table->out, figures);
    } else {
        add_row(&table->out, figures);
    }
    table->count++;
    table->status = hf_audit_print(&table->out, table->err);
    return table->status == 0;
}

static int parse_by(const char *text, enum hf_audit_by *by, struct hf_error *err)
{
    for (size_t i = 0; i < sizeof BY / sizeof BY[0]; i++) {
        if (strcmp(BY[i], text) == 0) {
            *by = (enum hf_audit_by)i;
            return 0;
        }
    }
    return hf_error_set(err, HF_EINVAL,
                        "--by: found \"%s\", expected all, target, unit, kind, namespace, manager, user or path", text);
}

static int print_figures(const char *database, enum hf_audit_by by, int64_t since, int64_t until, struct table *table)
{
    struct hf_audit_reader *reader;
    if (hf_audit_reader_open(database, &reader, table->err) != 0) {
        return -1;
    }
    if (!table->json) {
        hf_buf_addf(&table->out, "%27s %35s %35s\n%6s %6s %6s %6s %11s %11s %11s %11s %11s %11s  %s\n", "", "TO SEE",
                    "TO CORRECT", "DRIFTS", "OPEN", "BACK", "ELSE", "P50", "P95", "MAX", "P50", "P95", "MAX",
                    by == HF_BY_ALL ? "" : BY[by]);
    }
    int status = hf_audit_figures(reader, by, since, until, take_figures, table, table->err);
    status = status == 0 ? table->status : status;
    if (status == 0) {
        hf_buf_adds(&table->out, !table->json ? "" : table->count ? "\n]\n" : "[]\n");
        status = hf_audit_print(&table->out, table->err);
    }
    hf_audit_reader_close(reader);
    hf_buf_free(&table->out);
    return status;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *database = HF_AUDIT_DATABASE;
    const char *since_text = NULL;
    const char *until_text = NULL;
    const char *by_text = "unit";
    const char *output = "table";
    const struct hf_option options[] = {
        {"database", "FILE", "the trail (default: " HF_AUDIT_DATABASE ")", &database},
        {"since", "TIME", "seen not before: a time, a day, today, yesterday, or how long ago (2h)", &since_text},
        {"until", "TIME", "seen before this", &until_text},
        {"by", "WHAT", "all, target, unit, kind, namespace, manager, user or path (default: unit)", &by_text},
        {"output", "FORM", "table or json (default: table)", &output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    struct table table = {.err = &err};
    enum hf_audit_by by = HF_BY_UNIT;
    int64_t since;
    int64_t until;
    int exit_code;
    int first = hf_options_read(command, options, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    table.json = strcmp(output, "json") == 0;
    if (first < argc) {
        (void)hf_error_set(&err, HF_EINVAL, "found \"%s\", expected only options", argv[first]);
        return hf_command_fail(command, &err);
    }
    if (!table.json && strcmp(output, "table") != 0) {
        (void)hf_error_set(&err, HF_EINVAL, "--output: found \"%s\", expected table or json", output);
        return hf_command_fail(command, &err);
    }
    if (parse_by(by_text, &by, &err) != 0 || hf_audit_parse_time(since_text, "since", &since, &err) != 0 ||
        hf_audit_parse_time(until_text, "until", &until, &err) != 0 ||
        print_figures(database, by, since, until, &table) != 0) {
        return hf_command_fail(command, &err);
    }
    return HF_EXIT_OK;
}

const struct hf_command hf_cmd_audit_stats = {
    .name = "audit stats",
    .summary = "Count drifts and tell how long until they were seen and corrected: p50, p95, max.",
    .usage = "audit stats [--by unit|manager|user|path|kind|namespace|target|all] [--since TIME] [--output table|json]",
    .help = "BACK: put back and confirmed. ELSE: healed by itself, or its unit went. By path a drift counts once for "
            "each path.\n"
            "Exit: 0, or 2 on an error.\n",
    .run = run,
};
