/* Any bytes as a rule pack: read, or refused with a reason. What was read decides and explains alike. Any text as a
 * pattern and a path, a line each: a path is matched by itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void ask(const struct hf_rules *rules, const struct hf_rule_question *question)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_decision decision;
    const struct hf_rule_step *steps;
    size_t count = 0;
    hf_rules_decide(rules, question, &decision);
    must(arena && hf_rules_explain(arena, rules, question, &steps, &count, &err) == 0);
    must(count == hf_rules_count(rules));
    const char *first = NULL;
    for (size_t i = 0; i < count; i++) {
        must(strcmp(steps[i].rule, hf_rules_name(rules, i)) == 0);
        must(steps[i].matched ? steps[i].decided != NULL : steps[i].why != NULL);
        first = !first && steps[i].matched ? steps[i].rule : first;
    }
    must(first ? decision.rule && strcmp(first, decision.rule) == 0 : !decision.rule);
    must(!decision.held_now || decision.held_until_ms == HF_TIME_NONE || decision.held_until_ms > question->now_ms);
}

static void as_pack(const char *bytes, size_t len)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_rules *rules;
    const char *const *texts;
    size_t count = 0;
    must(hf_rules_new(&rules, &err) == 0);
    if (hf_rules_add(rules, "a.yaml", bytes, len, &err) != 0) {
        must(err.code != HF_OK && strncmp(err.text, "a.yaml: ", 8) == 0 && hf_rules_count(rules) == 0);
        hf_rules_free(rules);
        return;
    }
    struct hf_rule_subject subject = {
        .target = "dev", .group = "apps", .kind = "Deployment", .namespace = "n", .name = "web"};
    struct hf_finding finding = {.path = "/spec/containers/0/image",
                                 .keyed = "/spec/containers/[name=web]/image",
                                 .class = HF_CHANGED,
                                 .manager = "kubectl"};
    struct hf_rule_question question = {.subject = &subject, .finding = &finding, .now_ms = INT64_C(1772443800000)};
    ask(rules, &question);
    question = (struct hf_rule_question){.subject = &subject, .verdict = HF_EXTRA, .now_ms = HF_TIME_NONE};
    ask(rules, &question);
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    must(arena && hf_rules_warnings(arena, rules, &texts, &count, &err) == 0 && count <= hf_rules_count(rules));
    hf_rules_free(rules);
}

static void as_pattern(const char *bytes, size_t len)
{
    struct hf_error err = HF_ERROR_INIT;
    const char *keyed;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const char *end = len ? memchr(bytes, '\n', len) : NULL;
    size_t first = end ? (size_t)(end - bytes) : len;
    char *pattern = arena ? hf_arena_copy(arena, bytes, first) : NULL;
    char *path = arena ? hf_arena_copy(arena, end ? end + 1 : "", end ? len - first - 1 : 0) : NULL;
    must(pattern && path);
    (void)hf_rule_path_matches(pattern, path);
    if (hf_rule_path_read(arena, pattern, &keyed, &err) == 0) {
        must(hf_rule_path_matches(pattern, keyed));
        must(hf_rule_path_matches(keyed, keyed));
    } else {
        must(!hf_rule_path_matches(pattern, path));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 20000) {
        return 0;
    }
    as_pack((const char *)data, size);
    as_pattern((const char *)data, size);
    return 0;
}
