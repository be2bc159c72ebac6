/* One look at every object, no writes: what `run` would find, as a diff for people or as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "command.h"
#include "holdfast/canonical.h"
#include "holdfast/clock.h"

static bool is_json(const struct check *check)
{
    return check->output && strcmp(check->output, "json") == 0;
}

static void add_place(struct hf_buf *out, const struct check_object *object)
{
    hf_buf_adds(out, object->kind);
    hf_buf_addc(out, ' ');
    if (object->namespace) {
        hf_buf_addf(out, "%s/", object->namespace);
    }
    hf_buf_adds(out, object->name);
}

static bool is_held(const struct check_object *object, size_t index)
{
    return object->decisions &&
           hf_decision_weight(&object->judgement.findings[index], &object->decisions[index]) == HF_WEIGHT_HOLD;
}

/* What people should know of an object whatever its verdict is; empty when there is nothing. */
static void add_note(struct hf_buf *out, const struct check_object *object)
{
    if (object->judgement.unit_problem) {
        hf_buf_add_safe(out, hf_slice_of(object->judgement.unit_problem), 1000);
    }
    if (object->reported > 0) {
        hf_buf_addf(out, "%s%zu addition%s by others, reported only", out->len > 0 ? "; " : "", object->reported,
                    object->reported == 1 ? "" : "s");
    }
}

static void print_text(const struct check_object *object, FILE *out)
{
    hf_auto_buf struct hf_buf place = {0};
    hf_auto_buf struct hf_buf safe = {0};
    hf_auto_buf struct hf_buf note = {0};
    add_place(&place, object);
    add_note(&note, object);
    hf_buf_add_safe(&safe, (struct hf_slice){hf_buf_text(&place), place.len}, 1000);
    if (object->judgement.verdict == HF_IN_SYNC && note.len == 0) {
        return;
    }
    hf_buf_addf(&safe, " (target %s, unit ", object->target->name);
    hf_buf_add_safe(&safe, hf_slice_of(object->unit->slug), 1000);
    hf_buf_addf(&safe, "): %s", hf_verdict_name(object->judgement.verdict));
    hf_buf_adds(&safe, note.len > 0 ? "; " : "");
    hf_buf_adds(&safe, hf_buf_text(&note));
    if (object->judgement.reason) {
        hf_buf_adds(&safe, ", ");
        hf_buf_add_safe(&safe, hf_slice_of(object->judgement.reason), 1000);
    }
    fprintf(out, "%s\n", hf_buf_text(&safe));
    for (size_t i = 0; i < object->judgement.count; i++) {
        const struct hf_finding *finding = &object->judgement.findings[i];
        char at[HF_TIME_TEXT];
        hf_auto_buf struct hf_buf line = {0};
        hf_time_format(finding->at_ms, at);
        hf_buf_add_safe(&line, hf_slice_of(finding->readable), 500);
        hf_buf_adds(&line, " by ");
        hf_buf_add_safe(&line, hf_slice_of(finding->manager ? finding->manager : "somebody not known"), 253);
        fprintf(out, "  # %s %s%s%s%s\n", hf_class_name(finding->class), hf_buf_text(&line), at[0] ? " at " : "", at,
                is_held(object, i) ? ", left as it is by a rule" : "");
    }
    if (object->diff) {
        fprintf(out, "%s", object->diff);
    }
    fprintf(out, "\n");
}

static void add_pair(struct hf_buf *out, const char *name, const char *text)
{
    hf_buf_addf(out, ",\"%s\":", name);
    if (text) {
        hf_buf_add_json(out, hf_slice_of(text));
    } else {
        hf_buf_adds(out, "null");
    }
}

static void add_json(struct hf_buf *out, const struct check_object *object)
{
    hf_buf_adds(out, "{\"target\":");
    hf_buf_add_json(out, hf_slice_of(object->target->name));
    add_pair(out, "space", object->unit->space);
    add_pair(out, "unit", object->unit->slug);
    add_pair(out, "apiVersion", object->api_version);
    add_pair(out, "kind", object->kind);
    add_pair(out, "namespace", object->namespace);
    add_pair(out, "name", object->name);
    add_pair(out, "verdict", hf_verdict_name(object->judgement.verdict));
    add_pair(out, "reason", object->judgement.reason);
    hf_auto_buf struct hf_buf note = {0};
    add_note(&note, object);
    add_pair(out, "note", note.len > 0 ? hf_buf_text(&note) : NULL);
    hf_buf_adds(out, ",\"findings\":[");
    for (size_t i = 0; i < object->judgement.count; i++) {
        const struct hf_finding *finding = &object->judgement.findings[i];
        char at[HF_TIME_TEXT];
        hf_time_format(finding->at_ms, at);
        hf_buf_adds(out, i ? ",{\"class\":" : "{\"class\":");
        hf_buf_add_json(out, hf_slice_of(hf_class_name(finding->class)));
        add_pair(out, "path", finding->path);
        add_pair(out, "readable", finding->readable);
        add_pair(out, "desired", finding->desired);
        add_pair(out, "live", finding->live);
        add_pair(out, "manager", finding->manager);
        add_pair(out, "operation", finding->operation);
        add_pair(out, "at", at[0] ? at : NULL);
        if (object->decisions) {
            const struct hf_decision *decision = &object->decisions[i];
            add_pair(out, "severity", hf_severity_name(decision->severity));
            add_pair(out, "action", hf_action_name(decision->action));
            add_pair(out, "rule", decision->rule);
        }
        hf_buf_addc(out, '}');
    }
    hf_buf_adds(out, "]}");
}

static void report(const struct check *check, size_t counts[HF_VERDICT_COUNT])
{
    hf_auto_buf struct hf_buf json = {0};
    for (size_t i = 0; i < check->object_count; i++) {
        const struct check_object *object = &check->objects[i];
        counts[object->judgement.verdict]++;
        if (is_json(check)) {
            hf_buf_adds(&json, i ? ",\n" : "");
            add_json(&json, object);
        } else {
            print_text(object, stdout);
        }
    }
    if (is_json(check)) {
        printf("[%s]\n", hf_buf_text(&json));
        return;
    }
    printf("%zu objects: %zu in sync, %zu drifted, %zu missing", check->object_count, counts[HF_IN_SYNC],
           counts[HF_DRIFTED], counts[HF_MISSING]);
    if (counts[HF_TERMINATING] > 0) {
        printf(", %zu being deleted", counts[HF_TERMINATING]);
    }
    if (counts[HF_UNKNOWN] > 0) {
        printf(", %zu can't be judged", counts[HF_UNKNOWN]);
    }
    printf("\n");
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    struct check check = {0};
    const char *config = NULL;
    const struct hf_option table[] = {
        {"config", "FILE", "the configuration; needed", &config},
        {"target", "NAME", "only this target", &check.only_target},
        {"unit", "UNIT", "only this unit (its slug)", &check.only_unit},
        {"output", "FORM", "text (a diff) or json; text by default", &check.output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc || !config) {
        (void)hf_error_set(&err, HF_EINVAL,
                           first < argc ? "found \"%s\", expected options only" : "--config FILE is needed",
                           first < argc ? argv[first] : "");
        return hf_command_fail(command, &err);
    }
    if (check.output && strcmp(check.output, "text") != 0 && !is_json(&check)) {
        (void)hf_error_set(&err, HF_EINVAL, "--output: found \"%s\", expected text or json", check.output);
        return hf_command_fail(command, &err);
    }
    int result = HF_EXIT_ERROR;
    size_t counts[HF_VERDICT_COUNT] = {0};
    if (check_run(&check, config, &err) != 0) {
        result = hf_command_fail(command, &err);
    } else {
        report(&check, counts);
        bool drifts = counts[HF_DRIFTED] + counts[HF_MISSING] + counts[HF_TERMINATING] > 0;
        result = counts[HF_UNKNOWN] + check.problems > 0 ? HF_EXIT_ERROR : drifts ? HF_EXIT_FOUND : HF_EXIT_OK;
    }
    check_free(&check);
    return result;
}

const struct hf_command hf_cmd_check = {
    .name = "check",
    .summary = "Compare every object with its unit once, without writing anything.",
    .usage = "check --config FILE [--target NAME] [--unit UNIT] [--output text|json]",
    .help = "Prints a diff for each object that differs: '-' is live, '+' is what the unit says. Values of Secrets are "
            "masked.\n"
            "Exit: 0 all in sync, 1 something has drifted or is missing, 2 something could not be read or judged.\n",
    .run = run,
};
