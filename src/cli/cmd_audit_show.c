/* `holdfast audit show`: one event, or all events of an incident, with what differed. */
#include <string.h>

#include "cmd_audit.h"
#include "holdfast/json.h"
#include "holdfast/mem.h"

#define MOST_EVENTS 10000u

struct showing {
    bool json;
    struct hf_buf out;
    size_t count;
    struct hf_error *err;
    int status;
};

static void add_line(struct hf_buf *out, const char *label, const char *text)
{
    if (text && *text) {
        hf_buf_addf(out, "  %-11s", label);
        hf_audit_safe(out, text);
        hf_buf_addc(out, '\n');
    }
}

static void add_time(struct hf_buf *out, const char *label, int64_t ms)
{
    char text[HF_TIME_TEXT];
    hf_time_format(ms, text);
    add_line(out, label, text);
}

/* A finding's value: text as it is, anything else as JSON. */
static void add_value(struct hf_buf *out, const char *sign, const struct hf_value *value)
{
    if (!value) {
        return;
    }
    hf_auto_buf struct hf_buf json = {0};
    const char *text = hf_value_text(value);
    if (!text) {
        hf_json_write(&json, value);
        text = hf_buf_text(&json);
    }
    hf_buf_addf(out, "    %s ", sign);
    hf_audit_safe(out, text);
    hf_buf_addc(out, '\n');
}

static void add_finding(struct hf_buf *out, const struct hf_value *finding)
{
    const char *readable = hf_value_text(hf_value_get(finding, "readable"));
    const char *path = hf_value_text(hf_value_get(finding, "path"));
    const char *manager = hf_value_text(hf_value_get(finding, "manager"));
    const char *class = hf_value_text(hf_value_get(finding, "class"));
    const char *at = hf_value_text(hf_value_get(finding, "at"));
    hf_buf_adds(out, "\n  ");
    hf_audit_safe(out, readable ? readable : path);
    hf_buf_adds(out, "  (");
    hf_audit_safe(out, class ? class : "differs");
    hf_buf_adds(out, ", by ");
    hf_audit_safe(out, manager ? manager : "whom is not known");
    if (at) {
        hf_buf_adds(out, ", ");
        hf_audit_safe(out, at);
    }
    hf_buf_adds(out, ")\n");
    add_value(out, "-", hf_value_get(finding, "live"));
    add_value(out, "+", hf_value_get(finding, "desired"));
}

/* "alice as robot (traders, …) via kubectl/v1.32.0 from 10.0.0.7": as the API server's audit events told it. */
static void add_who(struct hf_buf *out, const struct hf_value *who)
{
    const char *user = hf_value_text(hf_value_get(who, "user"));
    const char *impersonated = hf_value_text(hf_value_get(who, "impersonated"));
    const struct hf_value *groups = hf_value_get(who, "groups");
    const char *agent = hf_value_text(hf_value_get(who, "userAgent"));
    const char *source = hf_value_text(hf_value_get(who, "source"));
    const char *how = hf_value_text(hf_value_get(who, "how"));
    hf_auto_buf struct hf_buf text = {0};
    if (!user) {
        return;
    }
    hf_buf_adds(&text, user);
    if (impersonated) {
        hf_buf_addf(&text, " as %s", impersonated);
    }
    for (size_t i = 0; i < hf_value_count(groups); i++) {
        const char *group = hf_value_text(hf_value_at(groups, i));
        hf_buf_addf(&text, "%s%s", i ? ", " : " (groups ", group ? group : "?");
    }
    hf_buf_adds(&text, hf_value_count(groups) > 0 ? ")" : "");
    if (agent) {
        hf_buf_addf(&text, " via %.*s", (int)strcspn(agent, " "), agent);
    }
    if (source) {
        hf_buf_addf(&text, " from %s", source);
    }
    hf_buf_adds(&text, how && strcmp(how, "time") == 0 ? ", joined by its time" : "");
    add_line(out, "who", hf_buf_text(&text));
}

/* The findings as a diff, "-" live and "+" desired, as `kubectl diff` has it; any other detail as JSON. */
static void add_detail(struct hf_buf *out, const char *detail, const struct hf_value *value)
{
    const struct hf_value *findings = hf_value_get(value, "findings");
    if (findings && findings->kind == HF_ARRAY) {
        for (size_t i = 0; i < hf_value_count(findings); i++) {
            add_finding(out, hf_value_at(findings, i));
        }
        return;
    }
    bool is_told = hf_value_get(value, "who") && hf_value_count(value) == 1;
    add_line(out, "detail", is_told ? NULL : detail);
}

/* NULL: there is none, or it is no JSON. */
static const struct hf_value *read_detail(struct hf_arena *arena, const char *detail)
{
    struct hf_error ignored = HF_ERROR_INIT;
    const struct hf_value *value = NULL;
    bool is_good = arena && detail && hf_json_read(arena, detail, strlen(detail), NULL, &value, &ignored) == 0;
    return is_good ? value : NULL;
}

static void add_took(struct hf_buf *out, const struct hf_audit_event *event)
{
    char took[HF_TIME_TEXT];
    if (event->corrected_at_ms != HF_TIME_NONE && event->seen_at_ms != HF_TIME_NONE &&
        event->corrected_at_ms >= event->seen_at_ms) {
        hf_duration_format(event->corrected_at_ms - event->seen_at_ms, took);
        add_line(out, "took", took);
    }
}

static void add_text(struct hf_buf *out, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    char at[HF_TIME_TEXT];
    hf_auto_buf struct hf_buf joined = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *detail = read_detail(arena, event->detail);
    hf_time_format(event->at_ms, at);
    hf_buf_addf(out, "event %lld  %s  ", (long long)id, at);
    hf_audit_safe(out, event->type);
    if (event->severity) {
        hf_buf_adds(out, "  ");
        hf_audit_safe(out, event->severity);
    }
    hf_buf_addc(out, '\n');
    add_line(out, "message", event->message);
    hf_audit_add_object(&joined, event);
    add_line(out, "object", hf_buf_text(&joined));
    add_line(out, "version", event->api_version);
    add_line(out, "target", event->target);
    hf_buf_clear(&joined);
    if (event->unit) {
        hf_buf_addf(&joined, "%s%s%s", event->space ? event->space : "", event->space ? "/" : "", event->unit);
        if (event->revision) {
            hf_buf_addf(&joined, " revision %lld", (long long)event->revision);
        }
    }
    add_line(out, "unit", hf_buf_text(&joined));
    add_line(out, "by", event->manager);
    add_who(out, hf_value_get(detail, "who"));
    add_line(out, "operation", event->operation);
    add_line(out, "subresource", event->subresource);
    add_line(out, "verdict", event->verdict);
    add_time(out, "drifted", event->drifted_at_ms);
    add_time(out, "seen", event->seen_at_ms);
    add_time(out, "corrected", event->corrected_at_ms);
    add_took(out, event);
    add_line(out, "incident", event->incident);
    add_line(out, "uid", event->uid);
    add_line(out, "rv", event->resource_version);
    add_line(out, "digest", digest);
    add_detail(out, event->detail, detail);
}

static bool show_row(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct showing *showing = ctx;
    if (showing->json) {
        hf_buf_adds(&showing->out, showing->count ? ",\n" : "[\n");
        hf_audit_event_json(&showing->out, id, event, digest);
    } else {
        hf_buf_adds(&showing->out, showing->count ? "\n" : "");
        add_text(&showing->out, id, event, digest);
    }
    showing->count++;
    showing->status = hf_audit_print(&showing->out, showing->err);
    return showing->status == 0;
}

static int show(struct hf_audit_reader *reader, const char *what, struct showing *showing)
{
    int64_t id;
    int status;
    if (hf_parse_int(hf_slice_of(what), 1, INT64_MAX, &id)) {
        status = hf_audit_event_read(reader, id, show_row, showing, showing->err);
    } else {
        struct hf_audit_filter filter = {.incident = what, .limit = MOST_EVENTS};
        status = hf_audit_query(reader, &filter, show_row, showing, showing->err);
        if (status == 0 && showing->count == 0) {
            status = hf_error_set(showing->err, HF_ENOTFOUND, "there is no incident \"%s\" in the trail", what);
        }
    }
    status = status == 0 ? showing->status : status;
    if (status == 0 && showing->json) {
        hf_buf_adds(&showing->out, "\n]\n");
        status = hf_audit_print(&showing->out, showing->err);
    }
    return status;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *database = HF_AUDIT_DATABASE;
    const char *output = "text";
    const struct hf_option options[] = {
        {"database", "FILE", "the trail (default: " HF_AUDIT_DATABASE ")", &database},
        {"output", "FORM", "text or json (default: text)", &output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    struct showing showing = {.err = &err};
    struct hf_audit_reader *reader;
    int exit_code;
    int first = hf_options_read(command, options, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    showing.json = strcmp(output, "json") == 0;
    if (!showing.json && strcmp(output, "text") != 0) {
        (void)hf_error_set(&err, HF_EINVAL, "--output: found \"%s\", expected text or json", output);
        return hf_command_fail(command, &err);
    }
    if (argc - first != 1) {
        (void)hf_error_set(&err, HF_EINVAL, "expected one event or incident, found %d", argc - first);
        return hf_command_fail(command, &err);
    }
    if (hf_audit_reader_open(database, &reader, &err) != 0) {
        return hf_command_fail(command, &err);
    }
    int status = show(reader, argv[first], &showing);
    hf_audit_reader_close(reader);
    hf_buf_free(&showing.out);
    return status == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

const struct hf_command hf_cmd_audit_show = {
    .name = "audit show",
    .summary = "Show one event, or a whole incident from drift to correction, with the diff.",
    .usage = "audit show EVENT|INCIDENT [--database FILE] [--output text|json]",
    .help = "A number is an event, anything else an incident (as `audit log` and the alerts name it). In the diff "
            "\"-\" is what was\n"
            "live and \"+\" what the unit says. Exit: 0, or 2 when there is no such event.\n",
    .run = run,
};
