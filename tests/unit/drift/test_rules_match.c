/* Which rules match: what a person writes, and what hostile names can't pretend. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "rules_fixture.h"

struct path_case {
    char pattern[100];
    char path[120];
    bool matches;
};

ParameterizedTestParameters(rule_paths, a_pattern_matches_its_place_and_below)
{
    static struct path_case cases[] = {
        {"/spec", "/spec", true},
        {"/spec", "/spec/replicas", true},
        {"/spec", "/special", false},
        {"/spec/replicas", "/spec", false},
        {"/spec/*/image", "/spec/x/image", true},
        {"/spec/*/image", "/spec/x/y/image", false},
        {"/spec/containers/*/image", "/spec/containers/[name=web]/image", true},
        {"/spec/containers/*/image", "/spec/containers/3/image", true},
        {"/spec/containers/[name=web]", "/spec/containers/[name=web]/image", true},
        {"/spec/containers/[name=web]", "/spec/containers/[name=web2]/image", false},
        {"/spec/containers/[name=web*]", "/spec/containers/[name=web2]/image", true},
        {"/spec/containers/[name=web]", "/spec/containers/0/image", false},
        {"/ports/[containerPort=80,protocol=TCP]", "/ports/[containerPort=80,protocol=TCP]/name", true},
        {"/ports/[protocol=TCP,containerPort=80]", "/ports/[containerPort=80,protocol=TCP]/name", true},
        {"/ports/[containerPort=80]", "/ports/[containerPort=80,protocol=UDP]", true},
        {"/ports/[containerPort=80,protocol=TCP]", "/ports/[containerPort=80,protocol=UDP]", false},
        {"/ports/[containerPort=80,protocol=TCP]", "/ports/[containerPort=80]", false},
        {"/ports/[containerPort=8]", "/ports/[containerPort=80,protocol=TCP]", false},
        {"/metadata/finalizers/[=a.b~1c]", "/metadata/finalizers/[=a.b~1c]", true},
        {"/metadata/finalizers/[=a.b/c]", "/metadata/finalizers/[=a.b~1c]", true},
        {"/metadata/finalizers/[=a]", "/metadata/finalizers/[=b]", false},
        {"/env/[name=a/b]/value", "/env/[name=a~1b]/value", true},
        {"/env/[name=a~1b]/value", "/env/[name=a~1b]/value", true},
        {"/env/[name=a~4b]", "/env/[name=a~4b]", true},
        {"/env/[name=a]b]/value", "/env/[name=a~3b]/value", true},
        {"/metadata/annotations/a~1b", "/metadata/annotations/a~1b", true},
        {"/metadata/annotations/a~1b", "/metadata/annotations/a/b", false},
        {"/metadata/annotations/a~0b", "/metadata/annotations/a~0b", true},
        {"/metadata/annotations/pv.kubernetes.io~1*", "/metadata/annotations/pv.kubernetes.io~1bound", true},
        {"/metadata/annotations/pv.kubernetes.io~1*", "/metadata/annotations/xpv.kubernetes.io~1bound", false},
        {"/data/0", "/data/0", true},
        /* A map's key that looks like a list's item is none. */
        {"/data/[name=web]", "/data/~2name=web]", false},
        {"/data/~2name=web]", "/data/~2name=web]", true},
        /* A name that holds the end of an item, and another item behind it. */
        {"/spec/containers/[name=web]/image", "/spec/containers/[name=x~3~1~2name~5web]/image", false},
        {"/spec/containers/[name=web]", "/spec/containers/[name=x~4name~5web]", false},
        {"/spec/c*", "/spec/containers", true},
        {"/spec/c*/x", "/spec/[name=c]/x", false},
        {"/spec/containers/w*", "/spec/containers/[name=w]", false},
        {"no pointer", "no pointer", false},
        {"/a/[b", "/a/[b", false},
    };
    return cr_make_param_array(struct path_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct path_case *one, rule_paths, a_pattern_matches_its_place_and_below)
{
    cr_expect_eq(hf_rule_path_matches(one->pattern, one->path), one->matches, "%s on %s", one->pattern, one->path);
}

static const char WEB[] =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: "
    "{a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [%s]}}}}";

/* The keyed path of the first finding of a change in a pod's containers. */
static void keyed_of(const char *desired, const char *live, char out[300])
{
    struct fixture fixture = fixture_new();
    char documents[2][1000];
    (void)snprintf(documents[0], sizeof documents[0], WEB, desired);
    (void)snprintf(documents[1], sizeof documents[1], WEB, live);
    struct hf_judgement judgement = fixture_judge(&fixture, documents[0], documents[1]);
    cr_assert_geq(judgement.count, 1u);
    (void)snprintf(out, 300, "%s", judgement.findings[0].keyed);
    fixture_free(&fixture);
}

Test(keyed_paths, a_finding_names_the_items_of_lists_by_all_their_keys)
{
    char keyed[300];
    keyed_of("{name: web, image: a}", "{name: web, image: b}", keyed);
    cr_expect_str_eq(keyed, "/spec/template/spec/containers/[name=web]/image");
    keyed_of("{name: web, ports: [{containerPort: 80, name: a}]}",
             "{name: web, ports: [{containerPort: 80, protocol: TCP, name: b}]}", keyed);
    cr_expect_str_eq(keyed, "/spec/template/spec/containers/[name=web]/ports/[containerPort=80,protocol=TCP]/name");
    keyed_of("{name: web, command: [a, b]}", "{name: web, command: [a, c]}", keyed);
    cr_expect_str_eq(keyed, "/spec/template/spec/containers/[name=web]/command/1");
}

Test(keyed_paths, a_hostile_name_can_not_be_taken_for_another_item)
{
    char keyed[300];
    keyed_of("{name: 'x]/[name=web', image: a}", "{name: 'x]/[name=web', image: b}", keyed);
    cr_expect_str_eq(keyed, "/spec/template/spec/containers/[name=x~3~1[name~5web]/image");
    cr_expect_not(hf_rule_path_matches("/spec/template/spec/containers/[name=web]", keyed));
    cr_expect_not(hf_rule_path_matches("/spec/template/spec/containers/[name=x]", keyed));
    cr_expect(hf_rule_path_matches("/spec/template/spec/containers/*/image", keyed));
    keyed_of("{name: 'w,name=web', image: a}", "{name: 'w,name=web', image: b}", keyed);
    cr_expect_not(hf_rule_path_matches("/spec/template/spec/containers/[name=web]", keyed), "%s", keyed);
    cr_expect(hf_rule_path_matches("/spec/template/spec/containers/*/image", keyed));
    keyed_of("{name: \"w\\0\", image: a}", "{name: \"w\\0\", image: b}", keyed);
    cr_expect_str_eq(keyed, "/spec/template/spec/containers/[name=w~6]/image");
}

Test(keyed_paths, a_numeric_key_of_a_map_is_no_index_and_moves_no_item)
{
    struct fixture fixture = fixture_new();
    struct hf_judgement judgement = fixture_judge(
        &fixture, "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {'0': a, '[name=web]': a}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {'0': b, '[name=web]': b}}");
    cr_assert_eq(judgement.count, 2u);
    cr_expect_str_eq(judgement.findings[0].keyed, "/data/0");
    cr_expect_str_eq(judgement.findings[1].keyed, "/data/~2name=web]");
    cr_expect_not(hf_rule_path_matches("/data/[name=web]", judgement.findings[1].keyed));
    fixture_free(&fixture);
}

struct match_case {
    char match[160];
    bool matches;
};

ParameterizedTestParameters(rule_match, each_condition_narrows)
{
    static struct match_case cases[] = {
        {"{}", true},
        {"{kind: Deployment}", true},
        {"{kind: apps/Deployment}", true},
        {"{kind: '*/Deployment'}", true},
        {"{kind: 'apps/*'}", true},
        {"{kind: core/Deployment}", false},
        {"{kind: /Deployment}", false},
        {"{kind: [Service, Deploy*]}", true},
        {"{kind: Deploymen?}", true},
        {"{kind: deployment}", false},
        {"{group: apps}", true},
        {"{group: core}", false},
        {"{group: ''}", false},
        {"{target: dev, unit: web, namespace: 'traderx-*', name: web}", true},
        {"{target: prod}", false},
        {"{space: '*'}", false},
        {"{labels: {layer: data}}", false},
        {"{labels: {layer: [data, front*]}}", true},
        {"{labels: {layer: frontend, other: '*'}}", false},
        {"{labels: {}}", true},
        {"{path: /spec}", true},
        {"{path: [/metadata, /spec/replicas]}", true},
        {"{path: /spec/template}", false},
        {"{class: changed}", true},
        {"{class: [added, missing]}", false},
        {"{manager: kubectl*}", true},
        {"{manager: helm}", false},
        {"{operation: Update}", true},
        {"{operation: Apply}", false},
        {"{user: '*@example.com'}", true},
        {"{user: root}", false},
        {"{kind: Deployment, not: {namespace: kube-system}}", true},
        {"{kind: Deployment, not: {namespace: traderx-dev}}", false},
        {"{not: {namespace: traderx-dev, manager: helm}}", true},
        {"{not: [{namespace: a}, {path: /spec/replicas}]}", false},
        {"{not: {class: [missing, extra]}}", true},
    };
    return cr_make_param_array(struct match_case, cases, sizeof cases / sizeof *cases);
}

static const struct asking SCALED = {.target = "dev",
                                     .unit = "web",
                                     .labels = {"layer=frontend"},
                                     .group = "apps",
                                     .kind = "Deployment",
                                     .namespace = "traderx-dev",
                                     .name = "web",
                                     .path = "/spec/replicas",
                                     .class = HF_CHANGED,
                                     .manager = "kubectl-scale",
                                     .operation = "Update",
                                     .user = "jo@example.com"};

ParameterizedTest(struct match_case *one, rule_match, each_condition_narrows)
{
    char pack[300];
    (void)snprintf(pack, sizeof pack, "pack: mine\nrules: [{name: one, match: %s, action: observe}]", one->match);
    struct hf_rules *rules = rules_of(pack);
    struct hf_decision decision = rules_ask(rules, SCALED);
    cr_expect_eq(decision.rule != NULL, one->matches, "%s", one->match);
    cr_expect_eq(decision.action, one->matches ? HF_ACT_OBSERVE : HF_ACT_CORRECT);
    hf_rules_free(rules);
}

Test(rule_match, what_is_not_known_matches_no_pattern)
{
    struct asking unknown = SCALED;
    unknown.manager = unknown.user = unknown.namespace = NULL;
    static const char *const CONDITIONS[] = {"manager", "user", "namespace"};
    for (size_t i = 0; i < 3; i++) {
        char pack[200];
        (void)snprintf(pack, sizeof pack, "pack: mine\nrules: [{name: one, match: {%s: '*'}, action: ignore}]",
                       CONDITIONS[i]);
        struct hf_rules *rules = rules_of(pack);
        cr_expect_null(rules_ask(rules, unknown).rule, "%s", CONDITIONS[i]);
        hf_rules_free(rules);
    }
}

Test(rule_match, the_object_as_a_whole_is_missing_or_extra_and_has_no_path)
{
    struct hf_rules *rules = rules_of("pack: mine\nrules:\n"
                                      "  - {name: path, match: {path: /spec}, action: ignore}\n"
                                      "  - {name: manager, match: {manager: '*'}, action: ignore}\n"
                                      "  - {name: gone, match: {class: missing}, action: observe}\n"
                                      "  - {name: left, match: {kind: ConfigMap, class: extra}, action: prune}\n"
                                      "  - {name: rest, severity: info}\n");
    struct asking whole = SCALED;
    whole.path = NULL;
    whole.verdict = HF_MISSING;
    cr_expect_str_eq(rules_ask(rules, whole).rule, "mine/gone");
    whole.verdict = HF_TERMINATING;
    cr_expect_str_eq(rules_ask(rules, whole).rule, "mine/gone");
    whole.verdict = HF_EXTRA;
    cr_expect_str_eq(rules_ask(rules, whole).rule, "mine/rest");
    whole.kind = "ConfigMap";
    whole.group = "";
    struct hf_decision decision = rules_ask(rules, whole);
    cr_expect_str_eq(decision.rule, "mine/left");
    cr_expect_eq(decision.action, HF_ACT_PRUNE);
    cr_expect(decision.names_kind);
    hf_rules_free(rules);
}

Test(rule_match, a_kind_is_named_only_without_a_wildcard)
{
    struct hf_rules *rules = rules_of("pack: mine\nrules:\n"
                                      "  - {name: a, match: {name: web, kind: ['*', Service]}, action: recreate}\n"
                                      "  - {name: b, match: {kind: [Service, apps/Deployment]}, action: recreate}\n");
    struct asking asking = SCALED;
    cr_expect_not(rules_ask(rules, asking).names_kind);
    asking.name = "other";
    cr_expect(rules_ask(rules, asking).names_kind);
    hf_rules_free(rules);
}

Test(rule_match, the_core_group_is_matched_by_its_name_or_as_empty)
{
    struct asking service = {.kind = "Service", .group = "", .path = "/spec/ports"};
    static const char *const MATCHES[] = {"{group: core}", "{group: ''}", "{kind: core/Service}", "{kind: /Service}"};
    for (size_t i = 0; i < 4; i++) {
        char pack[200];
        (void)snprintf(pack, sizeof pack, "pack: mine\nrules: [{name: one, match: %s, action: ignore}]", MATCHES[i]);
        struct hf_rules *rules = rules_of(pack);
        cr_expect_not_null(rules_ask(rules, service).rule, "%s", MATCHES[i]);
        hf_rules_free(rules);
    }
}

Test(rules, a_path_that_names_a_key_of_an_item_twice_is_refused)
{
    struct hf_error err = HF_ERROR_INIT;
    const char *keyed;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    cr_assert_eq(hf_rule_path_read(arena, "/spec/ports/[port=80,port=81]", &keyed, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
    cr_assert(strstr(err.text, "names the key port twice"), "%s", err.text);
    cr_assert_not(hf_rule_path_matches("/spec/ports/[port=80,port=81]", "/spec/ports/[port=80]"));
}
