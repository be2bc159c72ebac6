#include "rules_fixture.h"

#include <stdio.h>
#include <string.h>

#include "holdfast/embedded.h"
#include "holdfast/zone.h"

static int find_zone(void *ctx, struct hf_arena *arena, const char *name, const struct hf_zone **out,
                     struct hf_error *err)
{
    (void)ctx;
    return hf_zone_find(arena, NULL, name, out, err);
}

static struct hf_rules *rules_none(void)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_rules *rules;
    cr_assert_eq(hf_rules_new(&rules, &err), 0);
    hf_rules_zones(rules, find_zone, NULL);
    return rules;
}

void rules_more(struct hf_rules *rules, const char *path, const char *text)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_rules_add(rules, path, text, strlen(text), &err), 0, "%s", err.text);
}

struct hf_rules *rules_of(const char *text)
{
    struct hf_rules *rules = rules_none();
    rules_more(rules, "mine.yaml", text);
    return rules;
}

struct hf_rules *rules_shipped(const char *first)
{
    const char *const NAMES[] = {first, "rules/security.yaml", "rules/kubernetes.yaml", "rules/defaults.yaml"};
    struct hf_rules *rules = rules_none();
    for (size_t i = 0; i < 4; i++) {
        const struct hf_embedded *file = NAMES[i] ? hf_embedded_find(NAMES[i]) : NULL;
        cr_assert(file || !NAMES[i], "%s", NAMES[i]);
        if (file) {
            rules_more(rules, NAMES[i], file->bytes);
        }
    }
    return rules;
}

const char *rules_refusal(const char *text)
{
    static struct hf_error err;
    struct hf_rules *rules = rules_none();
    hf_error_clear(&err);
    cr_assert_eq(hf_rules_add(rules, "mine.yaml", text, strlen(text), &err), -1, "taken: %s", text);
    cr_assert_eq(hf_rules_count(rules), 0u);
    hf_rules_free(rules);
    return err.text;
}

static const char *label_of(const void *ctx, const char *name)
{
    const struct asking *asking = ctx;
    size_t len = strlen(name);
    for (size_t i = 0; i < 3 && asking->labels[i]; i++) {
        if (strncmp(asking->labels[i], name, len) == 0 && asking->labels[i][len] == '=') {
            return asking->labels[i] + len + 1;
        }
    }
    return NULL;
}

struct ready {
    struct hf_rule_subject subject;
    struct hf_finding finding;
    struct hf_rule_question question;
};

static void make_ready(struct ready *ready, const struct asking *asking)
{
    *ready = (struct ready){.subject = {.target = asking->target,
                                        .unit = asking->unit,
                                        .group = asking->group,
                                        .kind = asking->kind,
                                        .namespace = asking->namespace,
                                        .name = asking->name,
                                        .label = label_of,
                                        .label_ctx = asking},
                            .finding = {.path = "/wrong",
                                        .keyed = asking->path,
                                        .class = asking->class,
                                        .manager = asking->manager,
                                        .operation = asking->operation}};
    ready->question = (struct hf_rule_question){.subject = &ready->subject,
                                                .finding = asking->path ? &ready->finding : NULL,
                                                .verdict = asking->verdict,
                                                .user = asking->user,
                                                .now_ms = HF_TIME_NONE};
    if (asking->at) {
        cr_assert(hf_time_parse(hf_slice_of(asking->at), &ready->question.now_ms), "%s", asking->at);
    }
}

struct hf_decision rules_ask(const struct hf_rules *rules, struct asking asking)
{
    struct ready ready;
    struct hf_decision decision;
    make_ready(&ready, &asking);
    hf_rules_decide(rules, &ready.question, &decision);
    return decision;
}

enum hf_weight rules_weigh(const struct hf_rules *rules, struct asking asking)
{
    struct ready ready;
    struct hf_decision decision = rules_ask(rules, asking);
    make_ready(&ready, &asking);
    return hf_decision_weight(&ready.finding, &decision);
}

void rules_explain(const struct hf_rules *rules, struct asking asking, struct hf_buf *out)
{
    struct ready ready;
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_rule_step *steps;
    size_t count;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    make_ready(&ready, &asking);
    cr_assert_eq(hf_rules_explain(arena, rules, &ready.question, &steps, &count, &err), 0, "%s", err.text);
    cr_assert_eq(count, hf_rules_count(rules));
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(steps[i].matched, steps[i].decided != NULL);
        cr_assert_eq(steps[i].matched, steps[i].why == NULL);
        cr_assert_str_eq(steps[i].rule, hf_rules_name(rules, i));
        hf_buf_addf(out, "%s %s:%zu %s\n", steps[i].rule, steps[i].file, steps[i].line,
                    steps[i].matched ? steps[i].decided : steps[i].why);
    }
}
