#include <stdio.h>
#include <string.h>

#include "cmd_rules.h"
#include "holdfast/clock.h"

#define WIDTH 44

static const char *const DECIDED[HF_DECIDED_COUNT] = {"action", "severity", "added",   "grace",
                                                      "limits", "windows",  "apply_by"};

static void say(const struct hf_decision *decision, enum hf_decided what, struct hf_buf *out)
{
    char text[HF_TIME_TEXT];
    switch (what) {
    case HF_BY_ACTION:
        hf_buf_adds(out, hf_action_name(decision->action));
        break;
    case HF_BY_SEVERITY:
        hf_buf_adds(out, hf_severity_name(decision->severity));
        break;
    case HF_BY_ADDED:
        hf_buf_adds(out, hf_added_name(decision->added));
        break;
    case HF_BY_GRACE:
        hf_duration_format(decision->grace_ms, text);
        hf_buf_adds(out, decision->grace_ms > 0 ? text : "none");
        break;
    case HF_BY_LIMITS:
        hf_duration_format(decision->limit_within_ms, text);
        if (decision->limit_times > 0) {
            hf_buf_addf(out, "%u times within %s", decision->limit_times, text);
        } else {
            hf_buf_adds(out, "the target's");
        }
        break;
    case HF_BY_WINDOWS:
        hf_time_format(decision->held_until_ms, text);
        hf_buf_addf(out, "%s%.16s%s",
                    !decision->held_now ? "not held"
                    : *text             ? "held until "
                                        : "held for at least 8 days",
                    decision->held_now ? text : "", decision->held_now && *text ? "Z" : "");
        break;
    case HF_BY_APPLY:
        hf_buf_adds(out,
                    decision->apply_by == HF_APPLY_BY_TARGET ? "the target's" : hf_apply_by_name(decision->apply_by));
        break;
    }
}

/* Of an addition: what becomes of it, which takes two properties to tell. */
static const char *outcome(const struct rules_question *question, const struct hf_decision *decision)
{
    if (question->question.finding) {
        switch (hf_decision_weight(&question->finding, decision)) {
        case HF_WEIGHT_NONE:
            return "no drift";
        case HF_WEIGHT_REPORT:
            return "recorded, no drift";
        case HF_WEIGHT_HOLD:
            return "drift, not put back";
        default:
            return decision->held_now ? "drift, put back later" : "drift, put back";
        }
    }
    bool is_extra = question->question.verdict == HF_EXTRA;
    switch (decision->action) {
    case HF_ACT_IGNORE:
        return "no drift";
    case HF_ACT_OBSERVE:
    case HF_ACT_ACCEPT:
        return is_extra ? "told, left as it is" : "drift, not put back";
    case HF_ACT_PRUNE:
        return is_extra ? "deleted" : "drift, put back";
    default:
        return is_extra ? "told, left as it is" : decision->held_now ? "drift, put back later" : "drift, put back";
    }
}

static void add_object(struct hf_buf *out, const struct rules_question *question)
{
    const struct hf_rule_subject *subject = &question->subject;
    hf_buf_add_safe(out, hf_slice_of(subject->kind ? subject->kind : "an object"), 200);
    hf_buf_adds(out, " ");
    if (subject->namespace) {
        hf_buf_add_safe(out, hf_slice_of(subject->namespace), 200);
        hf_buf_adds(out, "/");
    }
    hf_buf_add_safe(out, hf_slice_of(subject->name ? subject->name : "of any name"), 200);
    if (question->question.finding) {
        hf_buf_addf(out, ", %s ", hf_class_name(question->finding.class));
        hf_buf_add_safe(out, hf_slice_of(question->finding.keyed), 1000);
    } else {
        hf_buf_adds(out, question->question.verdict == HF_EXTRA ? ", extra" : ", missing");
    }
    if (question->origin) {
        hf_buf_adds(out, ", of ");
        hf_buf_add_safe(out, hf_slice_of(question->origin), 1000);
    }
    hf_buf_adds(out, "\n");
}

static void add_text(struct hf_buf *out, const struct rules_question *question, const struct hf_decision *decision,
                     const struct hf_rule_step *steps, size_t count)
{
    add_object(out, question);
    hf_buf_addf(out, "%s\n\n", outcome(question, decision));
    for (enum hf_decided what = 0; what < HF_DECIDED_COUNT; what++) {
        hf_auto_buf struct hf_buf value = {0};
        say(decision, what, &value);
        hf_buf_addf(out, "%-10s %-28s %s\n", DECIDED[what], hf_buf_text(&value),
                    decision->by[what] ? decision->by[what] : "(no rule)");
    }
    hf_buf_addc(out, '\n');
    for (size_t i = 0; i < count; i++) {
        hf_buf_addf(out, "%s %-*s %s\n", steps[i].matched ? "*" : " ", WIDTH, steps[i].rule,
                    steps[i].matched ? steps[i].decided : steps[i].why);
    }
}

static void add_pair(struct hf_buf *out, const char *name, const char *text)
{
    hf_buf_addf(out, "\"%s\":", name);
    if (text) {
        hf_buf_add_json(out, hf_slice_of(text));
    } else {
        hf_buf_adds(out, "null");
    }
}

static void add_json(struct hf_buf *out, const struct rules_question *question, const struct hf_decision *decision,
                     const struct hf_rule_step *steps, size_t count)
{
    hf_buf_addc(out, '{');
    add_pair(out, "outcome", outcome(question, decision));
    hf_buf_adds(out, ",\"decisions\":{");
    for (enum hf_decided what = 0; what < HF_DECIDED_COUNT; what++) {
        hf_auto_buf struct hf_buf value = {0};
        say(decision, what, &value);
        hf_buf_addf(out, "%s\"%s\":{", what ? "," : "", DECIDED[what]);
        add_pair(out, "value", hf_buf_text(&value));
        hf_buf_addc(out, ',');
        add_pair(out, "rule", decision->by[what]);
        hf_buf_addc(out, '}');
    }
    hf_buf_adds(out, "},\"steps\":[");
    for (size_t i = 0; i < count; i++) {
        hf_buf_adds(out, i ? ",\n{" : "\n{");
        add_pair(out, "rule", steps[i].rule);
        hf_buf_addc(out, ',');
        add_pair(out, "file", steps[i].file);
        hf_buf_addf(out, ",\"line\":%zu,\"matched\":%s,", steps[i].line, steps[i].matched ? "true" : "false");
        add_pair(out, "why", steps[i].why);
        hf_buf_addc(out, ',');
        add_pair(out, "decided", steps[i].decided);
        hf_buf_addc(out, '}');
    }
    hf_buf_adds(out, "]}\n");
}

static int explain(const struct rules_wish *wish, bool is_json, struct hf_error *err)
{
    struct hf_config *config;
    struct hf_rules *rules;
    struct rules_question question;
    struct hf_decision decision;
    const struct hf_rule_step *steps;
    size_t count;
    hf_auto_buf struct hf_buf out = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_rules_load(wish->config, &config, &rules, err) != 0) {
        return -1;
    }
    int result = hf_rules_question(arena, wish, config, &question, err);
    if (result == 0) {
        hf_rules_decide(rules, &question.question, &decision);
        result = hf_rules_explain(arena, rules, &question.question, &steps, &count, err);
    }
    if (result == 0) {
        (is_json ? add_json : add_text)(&out, &question, &decision, steps, count);
        result = hf_rules_print(&out, err);
    }
    hf_rules_free(rules);
    hf_config_free(config);
    return result;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    struct rules_wish wish = {0};
    const struct hf_option table[] = {
        {"config", "FILE", "the configuration; without it the shipped packs alone", &wish.config},
        {"target", "NAME", "the target", &wish.target},
        {"space", "NAME", "the unit's space", &wish.space},
        {"unit", "UNIT", "the unit (its slug)", &wish.unit},
        {"labels", "NAME=VALUE,…", "labels of the unit", &wish.labels},
        {"group", "GROUP", "the API group; core for that of Service", &wish.group},
        {"kind", "KIND", "the kind, Deployment or apps/Deployment", &wish.kind},
        {"namespace", "NAME", "the namespace", &wish.namespace},
        {"name", "NAME", "the object's name", &wish.name},
        {"path", "PATH", "/spec/template/spec/containers/[name=web]/image; without it the object as a whole",
         &wish.path},
        {"class", "CLASS", "changed, removed, leftover, added; or missing, extra. changed, or missing, by default",
         &wish.class},
        {"manager", "NAME", "the field manager that wrote it", &wish.manager},
        {"operation", "NAME", "Apply or Update", &wish.operation},
        {"user", "NAME", "the user, by the API server's audit events", &wish.user},
        {"at", "TIME", "when it is asked, 2026-03-02T15:00:00Z; now by default", &wish.at},
        {"output", "FORM", "text or json; text by default", &wish.output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    bool is_json;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc || (!wish.kind && !wish.unit && !wish.name)) {
        (void)hf_error_set(&err, HF_EINVAL,
                           first < argc ? "found \"%s\", expected options only"
                                        : "found no object, expected --kind, --name or --unit%s",
                           first < argc ? argv[first] : "");
        return hf_command_fail(command, &err);
    }
    if (!hf_rules_form(wish.output, &is_json, &err) || explain(&wish, is_json, &err) != 0) {
        return hf_command_fail(command, &err);
    }
    return HF_EXIT_OK;
}

const struct hf_command hf_cmd_rules_explain = {
    .name = "rules explain",
    .summary = "Which rule decides about an object or a path of it, and why the earlier ones do not.",
    .usage = "rules explain [--config FILE] --kind KIND --name NAME [--namespace NAME] [--path PATH] [OPTIONS]",
    .help =
        "What the options leave out is taken from the unit that holds the object, where a folder of the config has\n"
        "it: its labels, space, group. A rule with * has matched; what it decided is told, and what an earlier\n"
        "pack had decided before it.\n"
        "Exit: 0, or 2 when the config or a pack can't be read.\n",
    .run = run,
};
