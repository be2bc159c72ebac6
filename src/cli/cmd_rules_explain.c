#include <stdio.h>
#include <string.h>

#include "cmd_rules.h"
#include "holdfast/clock.h"

#define WIDTH 44

static void add_object(struct hf_buf *out, const struct rules_question *question)
{
    const struct hf_rule_subject *subject = &question->asking.subject;
    hf_buf_add_safe(out, hf_slice_of(subject->kind ? subject->kind : "an object"), 200);
    hf_buf_adds(out, " ");
    if (subject->namespace) {
        hf_buf_add_safe(out, hf_slice_of(subject->namespace), 200);
        hf_buf_adds(out, "/");
    }
    hf_buf_add_safe(out, hf_slice_of(subject->name ? subject->name : "of any name"), 200);
    if (question->asking.question.finding) {
        hf_buf_addf(out, ", %s ", hf_class_name(question->asking.finding.class));
        hf_buf_add_safe(out, hf_slice_of(question->asking.finding.keyed), 1000);
    } else {
        hf_buf_adds(out, question->asking.question.verdict == HF_EXTRA ? ", extra" : ", missing");
    }
    if (question->origin) {
        hf_buf_adds(out, ", of ");
        hf_buf_add_safe(out, hf_slice_of(question->origin), 1000);
    }
    hf_buf_adds(out, "\n");
}

static int add_text(struct hf_arena *arena, const struct hf_rules *rules, const struct rules_question *question,
                    struct hf_buf *out, struct hf_error *err)
{
    struct hf_decision decided;
    const struct hf_decision *decision = &decided;
    const struct hf_rule_step *steps;
    size_t count;
    hf_rules_decide(rules, &question->asking.question, &decided);
    if (hf_rules_explain(arena, rules, &question->asking.question, &steps, &count, err) != 0) {
        return -1;
    }
    add_object(out, question);
    hf_buf_addf(out, "%s\n\n", hf_rule_outcome(&question->asking, decision));
    for (enum hf_decided what = 0; what < HF_DECIDED_COUNT; what++) {
        hf_auto_buf struct hf_buf value = {0};
        hf_decision_say(decision, what, &value);
        hf_buf_addf(out, "%-10s %-28s %s\n", hf_decided_name(what), hf_buf_text(&value),
                    decision->by[what] ? decision->by[what] : "(no rule)");
    }
    hf_buf_addc(out, '\n');
    for (size_t i = 0; i < count; i++) {
        hf_buf_addf(out, "%s %-*s %s\n", steps[i].matched ? "*" : " ", WIDTH, steps[i].rule,
                    steps[i].matched ? steps[i].decided : steps[i].why);
    }
    return 0;
}

static int explain(const struct rules_wish *wish, bool is_json, struct hf_error *err)
{
    struct hf_config *config;
    struct hf_rules *rules;
    struct rules_question question;
    hf_auto_buf struct hf_buf out = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_rules_load(wish->config, &config, &rules, err) != 0) {
        return -1;
    }
    int result = hf_rules_question(arena, wish, config, &question, err);
    if (result == 0 && is_json) {
        result = hf_rule_answer_json(rules, &question.asking, &out, err);
        hf_buf_addc(&out, '\n');
    } else if (result == 0) {
        result = add_text(arena, rules, &question, &out, err);
    }
    result = result == 0 ? hf_rules_print(&out, err) : result;
    hf_rules_free(rules);
    hf_config_free(config);
    return result;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    struct rules_wish wish = {0};
    const struct hf_option table[] = {
        {"config", "FILE", "the configuration; without it the shipped packs alone", &wish.config},
        {"target", "NAME", "the target", &wish.asked.target},
        {"space", "NAME", "the unit's space", &wish.asked.space},
        {"unit", "UNIT", "the unit (its slug)", &wish.asked.unit},
        {"labels", "NAME=VALUE,…", "labels of the unit", &wish.asked.labels},
        {"group", "GROUP", "the API group; core for that of Service", &wish.asked.group},
        {"kind", "KIND", "the kind, Deployment or apps/Deployment", &wish.asked.kind},
        {"namespace", "NAME", "the namespace", &wish.asked.namespace},
        {"name", "NAME", "the object's name", &wish.asked.name},
        {"path", "PATH", "/spec/template/spec/containers/[name=web]/image; without it the object as a whole",
         &wish.asked.path},
        {"class", "CLASS", "changed, removed, leftover, added; or missing, extra. changed, or missing, by default",
         &wish.asked.class},
        {"manager", "NAME", "the field manager that wrote it", &wish.asked.manager},
        {"operation", "NAME", "Apply or Update", &wish.asked.operation},
        {"user", "NAME", "the user, by the API server's audit events", &wish.asked.user},
        {"at", "TIME", "when it is asked, 2026-03-02T15:00:00Z; now by default", &wish.asked.at},
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
    if (first < argc || (!wish.asked.kind && !wish.asked.unit && !wish.asked.name)) {
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
