/* What rules decide, property by property, how they are explained, and which packs are refused. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "rules_fixture.h"

static const struct asking IMAGE = {.group = "apps",
                                    .kind = "Deployment",
                                    .namespace = "ns",
                                    .name = "web",
                                    .path = "/spec/template/spec/containers/[name=web]/image",
                                    .class = HF_CHANGED};

Test(decisions, without_rules_all_is_put_back_with_a_warning)
{
    struct hf_decision decision = rules_ask(NULL, IMAGE);
    cr_expect_eq(decision.action, HF_ACT_CORRECT);
    cr_expect_eq(decision.severity, HF_SEVERITY_WARNING);
    cr_expect_eq(decision.added, HF_ADDED_REPORT);
    cr_expect_eq(decision.grace_ms, 0);
    cr_expect_eq(decision.limit_times, 0u);
    cr_expect_not(decision.held_now);
    cr_expect_null(decision.rule);
}

Test(decisions, the_first_rule_of_a_pack_speaks_and_each_property_is_the_first_packs_that_sets_it)
{
    struct hf_rules *rules = rules_of("pack: first\nrules:\n"
                                      "  - {name: other, match: {kind: Service}, severity: info}\n"
                                      "  - {name: watch, match: {kind: Deployment}, action: observe, grace: 90s}\n"
                                      "  - {name: late, severity: info, grace: 1h}\n");
    rules_more(rules, "b.yaml",
               "pack: second\nrules: [{name: grave, action: ignore, severity: critical, grace: 5m, "
               "limits: {times: 3, within: 1m30s}, added: strict}]");
    struct hf_decision decision = rules_ask(rules, IMAGE);
    cr_expect_eq(decision.action, HF_ACT_OBSERVE);
    cr_expect_str_eq(decision.by[HF_BY_ACTION], "first/watch");
    cr_expect_eq(decision.severity, HF_SEVERITY_CRITICAL);
    cr_expect_str_eq(decision.by[HF_BY_SEVERITY], "second/grave");
    cr_expect_eq(decision.grace_ms, 90000);
    cr_expect_str_eq(decision.by[HF_BY_GRACE], "first/watch");
    cr_expect_eq(decision.limit_times, 3u);
    cr_expect_eq(decision.limit_within_ms, 90000);
    cr_expect_eq(decision.added, HF_ADDED_STRICT);
    cr_expect_null(decision.by[HF_BY_WINDOWS]);
    cr_expect_str_eq(decision.rule, "first/watch");
    hf_rules_free(rules);
}

Test(decisions, every_action_severity_and_policy_can_be_said)
{
    for (int action = 0; action < HF_ACTION_COUNT; action++) {
        char pack[200];
        (void)snprintf(pack, sizeof pack,
                       "pack: mine\nrules: [{name: a, match: {kind: Deployment}, action: %s, severity: %s, added: %s}]",
                       hf_action_name((enum hf_action)action), hf_severity_name((enum hf_severity)(action % 3)),
                       hf_added_name((enum hf_added)(action % 3)));
        struct hf_rules *rules = rules_of(pack);
        struct hf_decision decision = rules_ask(rules, IMAGE);
        cr_expect_eq((int)decision.action, action);
        cr_expect_eq((int)decision.severity, action % 3);
        cr_expect_eq((int)decision.added, action % 3);
        hf_rules_free(rules);
    }
}

Test(decisions, an_explanation_says_which_rule_decided_and_why_the_others_did_not)
{
    struct hf_rules *rules = rules_of("pack: mine\nrules:\n"
                                      "  - name: a\n    match: {kind: [Service, Pod]}\n    action: ignore\n"
                                      "  - name: b\n    match: {path: /spec/replicas}\n    action: ignore\n"
                                      "  - name: c\n    match: {manager: helm}\n    action: ignore\n"
                                      "  - name: d\n    match: {not: {namespace: ns}}\n    action: ignore\n"
                                      "  - name: e\n    match: {labels: {layer: data}}\n    action: ignore\n"
                                      "  - name: f\n    action: observe\n    grace: 1m\n"
                                      "  - name: g\n    severity: info\n");
    rules_more(rules, "b.yaml", "pack: other\nrules: [{name: h, action: ignore, severity: critical}]");
    hf_auto_buf struct hf_buf out = {0};
    rules_explain(rules, IMAGE, &out);
    cr_expect_str_eq(hf_buf_text(&out),
                     "mine/a mine.yaml:3 kind is Deployment, not one of Service or Pod\n"
                     "mine/b mine.yaml:6 path is /spec/template/spec/containers/[name=web]/image, not at or below "
                     "/spec/replicas\n"
                     "mine/c mine.yaml:9 manager is not known, not helm\n"
                     "mine/d mine.yaml:12 excepted by `not` (namespace)\n"
                     "mine/e mine.yaml:15 the unit's label layer is not set, not data\n"
                     "mine/f mine.yaml:18 action observe, grace 1 min 0 s\n"
                     "mine/g mine.yaml:21 not asked: mine/f of the same pack matched before\n"
                     "other/h b.yaml:2 action ignore (not taken: mine/f decided before), severity critical\n",
                     "%s", hf_buf_text(&out));
    hf_rules_free(rules);
}

struct refused {
    char rules[200];
    char why[120];
};

ParameterizedTestParameters(packs, a_wrong_pack_is_refused_with_its_place)
{
    static struct refused cases[] = {
        {"  - {name: a, match: {kind: X}}", "line 3, column 5: found a rule that decides nothing"},
        {"  - {name: a, action: fix}",
         "line 3, column 23: rules[0].action: found \"fix\", expected one of \"correct\""},
        {"  - {name: a, action: ignore}\n  - {name: a, action: observe}",
         "line 4, column 12: found the rule \"a\" a second time (first on line 3)"},
        {"  - {name: a, match: {kinds: X}, action: ignore}", "\"kinds\""},
        {"  - {name: a, match: {path: spec}, action: ignore}",
         "line 3, column 29: rules[0].match.path: found text that does not match"},
        {"  - {name: a, match: {path: '/a/[b]'}, action: ignore}", "line 3, column 29: found the part \"[b]\""},
        {"  - {name: a, match: {path: /a~x}, action: ignore}", "expected ~ only as ~0 (for ~) or ~1 (for /)"},
        {"  - {name: a, match: {class: new}, action: ignore}", "expected one of \"changed\""},
        {"  - {name: a, action: prune}", "line 3, column 23: found the action prune for whatever there is"},
        {"  - {name: a, match: {path: /spec}, action: recreate}", "found the action recreate for whatever there is"},
        {"  - {name: a, match: {not: {}}, action: ignore}", "line 3, column 28: found an empty exception"},
        {"  - {name: a, grace: soon}", "line 3, column 22: rules[0].grace"},
        {"  - {name: a, grace: 900d}", "line 3, column 22: found \"900d\", expected a duration"},
        {"  - {name: a, limits: {times: 0, within: 1m}}", "rules[0].limits.times: found 0"},
        {"  - {name: a, limits: {times: 3}}", "\"within\""},
        {"  - {name: a, limits: {times: 3, within: 0s}}",
         "line 3, column 42: found \"0s\", expected a duration of more than 0"},
        {"  - {name: a, hold_during: [{zone: UTC}]}", "line 3, column 29: found a window of all times"},
        {"  - {name: a, hold_during: [{days: mo}]}", "line 3, column 36: found \"mo\", expected a day"},
        {"  - {name: a, hold_during: [{from: '25:00'}]}", "line 3, column 36: found \"25:00\", expected a time of day"},
        {"  - {name: a, hold_during: [{from: '24:01'}]}", "found \"24:01\""},
        {"  - {name: a, hold_during: [{from: '9:00'}]}", "found \"9:00\""},
        {"  - {name: a, hold_during: [{from: '09:00', to: '09:00'}]}", "expected another time than that of from"},
        {"  - {name: a, hold_during: [{from: '09:00', zone: Mars/Olympus}]}",
         "line 3, column 51: found \"Mars/Olympus\", expected UTC"},
        {"  - {name: a, hold_during: [{from: '09:00', zone: ../../etc/passwd}]}", "found \"../../etc/passwd\""},
        {"  - {name: a, hold_during: [{from: '09:00', zone: '+25:00'}]}", "found \"+25:00\""},
        {"  - {name: a, hold_during: [{from: 2026-12-24T00:00:00Z}]}", "found one instant, expected both"},
        {"  - {name: a, hold_during: [{from: 2026-12-24T00:00:00Z, to: 2026-12-23T00:00:00Z}]}",
         "expected an instant behind that of from"},
        {"  - {name: a, hold_during: [{from: 2026-12-24T00:00:00Z, to: 2026-12-25T00:00:00Z, zone: UTC}]}",
         "found days or a zone beside an instant"},
        {"  - {name: a, hold_during: [{from: 2026-13-24T00:00:00Z, to: 2026-12-25T00:00:00Z}]}", "expected an instant"},
        {"  - {name: a, hold_during: []}", "line 3, column 28: "},
    };
    return cr_make_param_array(struct refused, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct refused *one, packs, a_wrong_pack_is_refused_with_its_place)
{
    char pack[300];
    (void)snprintf(pack, sizeof pack, "pack: mine\nrules:\n%s\n", one->rules);
    const char *why = rules_refusal(pack);
    cr_expect_not_null(strstr(why, one->why), "%s\n%s", why, one->why);
    cr_expect_eq(strncmp(why, "mine.yaml: line ", 16), 0, "%s", why);
}

Test(packs, two_packs_of_one_name_are_refused_and_the_rules_are_as_before)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_rules *rules = rules_of("pack: mine\nrules: [{name: a, action: ignore}]");
    static const char AGAIN[] = "pack: mine\nrules: [{name: b, action: observe}]";
    cr_expect_eq(hf_rules_add(rules, "again.yaml", AGAIN, sizeof AGAIN - 1, &err), -1);
    cr_expect_str_eq(err.text, "again.yaml: found the pack \"mine\" a second time (first in mine.yaml)");
    cr_expect_eq(hf_rules_count(rules), 1u);
    cr_expect_str_eq(hf_rules_name(rules, 0), "mine/a");
    cr_expect_null(hf_rules_name(rules, 1));
    hf_rules_free(rules);
}

struct cover_case {
    char earlier[120];
    char later[120];
    bool covers;
};

ParameterizedTestParameters(packs, a_rule_that_can_never_decide_is_warned_of)
{
    static struct cover_case cases[] = {
        {"{}", "{kind: Service}", true},
        {"{kind: '*'}", "{kind: Service}", true},
        {"{kind: [Service, Pod]}", "{kind: Service, path: /spec}", true},
        {"{kind: Service}", "{kind: [Service, Pod]}", false},
        {"{kind: core/Service}", "{kind: Service}", false},
        {"{kind: Service}", "{kind: core/Service}", true},
        {"{path: /spec}", "{path: [/spec/a, /spec/b/c]}", true},
        {"{path: /spec/a}", "{path: /spec}", false},
        {"{path: /spec}", "{}", false},
        {"{class: [changed, added]}", "{class: added}", true},
        {"{class: added}", "{class: [changed, added]}", false},
        {"{namespace: 'a*'}", "{namespace: abc}", true},
        {"{namespace: 'a*'}", "{namespace: 'ab*'}", false},
        {"{labels: {a: '*'}}", "{labels: {a: x, b: z}}", true},
        {"{labels: {a: x, b: z}}", "{labels: {a: x}}", false},
        {"{not: {kind: Pod}}", "{kind: Service}", false},
        {"{kind: Service}", "{kind: Service, not: {name: x}}", true},
    };
    return cr_make_param_array(struct cover_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct cover_case *one, packs, a_rule_that_can_never_decide_is_warned_of)
{
    char pack[400];
    struct hf_error err = HF_ERROR_INIT;
    const char *const *texts;
    size_t count;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    (void)snprintf(pack, sizeof pack,
                   "pack: mine\nrules:\n  - {name: a, match: %s, action: ignore}\n"
                   "  - {name: b, match: %s, action: observe}\n",
                   one->earlier, one->later);
    struct hf_rules *rules = rules_of(pack);
    cr_assert_eq(hf_rules_warnings(arena, rules, &texts, &count, &err), 0);
    cr_expect_eq(count, one->covers ? 1u : 0u, "%s then %s", one->earlier, one->later);
    if (count > 0) {
        cr_expect_str_eq(texts[0], "mine.yaml: line 4: the rule b can never decide: a (line 3) matches all that it "
                                   "matches");
    }
    hf_rules_free(rules);
}
