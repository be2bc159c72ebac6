/* The shipped packs: what they let pass, what they call grave, and that nobody is excused by the name he gives himself.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "rules_fixture.h"

#define DEPLOYMENT .group = "apps", .kind = "Deployment"
#define TEMPLATE "/spec/template/spec"

struct shipped_case {
    struct asking asking;
    enum hf_weight weight;
    enum hf_severity severity;
};

#define ADDED(place) .path = (place), .class = HF_EXTRA_FIELD
#define CHANGED(place) .path = (place), .class = HF_CHANGED

static const struct shipped_case SHIPPED[] = {
    /* Conventions. */
    {{DEPLOYMENT, CHANGED("/metadata/annotations/deployment.kubernetes.io~1revision")}, HF_WEIGHT_NONE, 1},
    {{DEPLOYMENT, ADDED("/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration")}, HF_WEIGHT_NONE, 1},
    {{DEPLOYMENT, ADDED(TEMPLATE "/../metadata")}, HF_WEIGHT_REPORT, 1},
    {{DEPLOYMENT, ADDED("/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt")}, HF_WEIGHT_NONE, 1},
    {{.group = "", .kind = "PersistentVolumeClaim", ADDED("/metadata/annotations/pv.kubernetes.io~1bind-completed")},
     HF_WEIGHT_NONE,
     1},
    {{.group = "", .kind = "PersistentVolumeClaim", ADDED("/spec/volumeName")}, HF_WEIGHT_NONE, 1},
    {{.group = "", .kind = "PersistentVolumeClaim", CHANGED("/spec/volumeName")}, HF_WEIGHT_CORRECT, 1},
    {{.group = "", .kind = "Service", ADDED("/spec/clusterIP")}, HF_WEIGHT_NONE, 1},
    {{.group = "", .kind = "Service", ADDED("/spec/ports/[port=80,protocol=TCP]/nodePort")}, HF_WEIGHT_NONE, 1},
    {{.group = "", .kind = "Service", CHANGED("/spec/ports/[port=80,protocol=TCP]/nodePort")}, HF_WEIGHT_CORRECT, 1},
    {{.group = "admissionregistration.k8s.io",
      .kind = "MutatingWebhookConfiguration",
      ADDED("/webhooks/[name=a]/clientConfig/caBundle")},
     HF_WEIGHT_NONE,
     2},
    {{.group = "admissionregistration.k8s.io",
      .kind = "MutatingWebhookConfiguration",
      CHANGED("/webhooks/[name=a]/clientConfig/caBundle")},
     HF_WEIGHT_CORRECT,
     2},
    {{.group = "admissionregistration.k8s.io", .kind = "ValidatingWebhookConfiguration", ADDED("/webhooks/[name=a]")},
     HF_WEIGHT_CORRECT,
     2},
    {{DEPLOYMENT, ADDED("/metadata/finalizers/[=a]")}, HF_WEIGHT_NONE, 1},
    {{DEPLOYMENT, ADDED("/metadata/labels/team")}, HF_WEIGHT_NONE, 1},
    {{DEPLOYMENT, CHANGED("/metadata/labels/team")}, HF_WEIGHT_CORRECT, 1},
    /* What somebody put there. */
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=evil]")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=evil]"), .manager = "kube-controller-manager"},
     HF_WEIGHT_CORRECT,
     2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/initContainers/[name=evil]")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/volumes/[name=host]")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=web]/env/[name=LD_PRELOAD]")}, HF_WEIGHT_CORRECT, 1},
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=web]/env")}, HF_WEIGHT_CORRECT, 1},
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=web]/envFrom")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=web]/command")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=web]/securityContext/privileged")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=web]/securityContext")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/containers/[name=web]/livenessProbe")}, HF_WEIGHT_REPORT, 1},
    {{DEPLOYMENT, ADDED(TEMPLATE "/hostNetwork")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/serviceAccountName")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, ADDED(TEMPLATE "/nodeSelector")}, HF_WEIGHT_REPORT, 1},
    {{DEPLOYMENT, ADDED("/spec/minReadySeconds")}, HF_WEIGHT_REPORT, 1},
    {{.group = "batch", .kind = "CronJob", ADDED("/spec/jobTemplate/spec/template/spec/hostPID")},
     HF_WEIGHT_CORRECT,
     2},
    {{.group = "batch", .kind = "CronJob", ADDED("/spec/jobTemplate/spec/template/spec/containers/[name=evil]")},
     HF_WEIGHT_CORRECT,
     2},
    {{.group = "", .kind = "Pod", ADDED("/spec/hostIPC")}, HF_WEIGHT_CORRECT, 2},
    {{.group = "", .kind = "Pod", ADDED("/spec/containers/[name=istio-proxy]")}, HF_WEIGHT_REPORT, 2},
    {{.group = "", .kind = "Pod", ADDED("/spec/ephemeralContainers/[name=debug]")}, HF_WEIGHT_REPORT, 2},
    {{.group = "rbac.authorization.k8s.io", .kind = "Role", ADDED("/rules")}, HF_WEIGHT_CORRECT, 2},
    {{.group = "rbac.authorization.k8s.io", .kind = "RoleBinding", CHANGED("/subjects")}, HF_WEIGHT_CORRECT, 2},
    {{.group = "rbac.authorization.k8s.io", .kind = "Role", CHANGED("/metadata/labels/team")}, HF_WEIGHT_CORRECT, 1},
    {{.group = "rbac.authorization.k8s.io",
      .kind = "ClusterRole",
      ADDED("/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-admin")},
     HF_WEIGHT_CORRECT,
     2},
    {{.group = "networking.k8s.io", .kind = "NetworkPolicy", ADDED("/spec/egress")}, HF_WEIGHT_CORRECT, 2},
    {{.group = "", .kind = "Service", ADDED("/spec/ports/[port=81,protocol=TCP]")}, HF_WEIGHT_CORRECT, 1},
    {{.group = "", .kind = "Service", ADDED("/spec/externalIPs")}, HF_WEIGHT_CORRECT, 2},
    {{.group = "", .kind = "ConfigMap", ADDED("/data/extra")}, HF_WEIGHT_CORRECT, 1},
    {{.group = "", .kind = "Secret", ADDED("/data/extra")}, HF_WEIGHT_CORRECT, 2},
    {{.group = "", .kind = "Secret", ADDED("/metadata/annotations/x")}, HF_WEIGHT_NONE, 1},
    {{.group = "", .kind = "Namespace", ADDED("/metadata/labels/pod-security.kubernetes.io~1enforce")},
     HF_WEIGHT_CORRECT,
     2},
    {{.group = "", .kind = "ServiceAccount", ADDED("/metadata/annotations/eks.amazonaws.com~1role-arn")},
     HF_WEIGHT_CORRECT,
     2},
    {{.group = "example.com", .kind = "Widget", ADDED("/spec/size")}, HF_WEIGHT_REPORT, 1},
    /* Changes. */
    {{DEPLOYMENT, CHANGED("/spec/replicas")}, HF_WEIGHT_CORRECT, 1},
    {{DEPLOYMENT, CHANGED("/spec/replicas"), .labels = {"criticality=critical"}}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, CHANGED(TEMPLATE "/containers/[name=web]/image")}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, .path = TEMPLATE "/containers/[name=guard]", .class = HF_REMOVED}, HF_WEIGHT_CORRECT, 2},
    {{DEPLOYMENT, .path = TEMPLATE "/containers/[name=web]/tty", .class = HF_REMOVED}, HF_WEIGHT_CORRECT, 1},
};

ParameterizedTestParameters(shipped, a_difference_weighs_what_the_page_says)
{
    static size_t indices[sizeof SHIPPED / sizeof *SHIPPED];
    for (size_t i = 0; i < sizeof SHIPPED / sizeof *SHIPPED; i++) {
        indices[i] = i;
    }
    return cr_make_param_array(size_t, indices, sizeof SHIPPED / sizeof *SHIPPED);
}

ParameterizedTest(size_t *index, shipped, a_difference_weighs_what_the_page_says)
{
    const struct shipped_case *one = &SHIPPED[*index];
    struct hf_rules *rules = rules_shipped(NULL);
    struct hf_decision decision = rules_ask(rules, one->asking);
    cr_expect_eq(rules_weigh(rules, one->asking), one->weight, "%s %s: %d by %s, %s", one->asking.kind,
                 one->asking.path, rules_weigh(rules, one->asking), decision.by[HF_BY_ADDED],
                 decision.by[HF_BY_ACTION]);
    cr_expect_eq(decision.severity, one->severity, "%s %s: %s", one->asking.kind, one->asking.path,
                 hf_severity_name(decision.severity));
    hf_rules_free(rules);
}

Test(shipped, no_pack_asks_for_a_name_that_anybody_can_give_himself)
{
    static const char *const MANAGERS[] = {"kube-controller-manager", "confighub", "kubectl", "cert-manager", NULL};
    struct hf_rules *rules = rules_shipped("rules/traderx.yaml");
    for (size_t i = 0; i < sizeof SHIPPED / sizeof *SHIPPED; i++) {
        struct asking asking = SHIPPED[i].asking;
        asking.manager = NULL;
        enum hf_weight weight = rules_weigh(rules, asking);
        for (size_t j = 0; MANAGERS[j]; j++) {
            asking.manager = MANAGERS[j];
            cr_expect_eq(rules_weigh(rules, asking), weight, "%s by %s", asking.path, MANAGERS[j]);
        }
    }
    hf_rules_free(rules);
}

Test(shipped, no_rule_of_a_shipped_pack_is_out_of_reach)
{
    struct hf_error err = HF_ERROR_INIT;
    const char *const *texts;
    size_t count;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_rules *rules = rules_shipped("rules/traderx.yaml");
    cr_assert_eq(hf_rules_warnings(arena, rules, &texts, &count, &err), 0);
    cr_expect_eq(count, 0u, "%s", count ? texts[0] : "");
    hf_rules_free(rules);
}

#define GUI .group = "apps", .kind = "Deployment", .name = "web-gui", .labels = {"criticality=medium"}
#define TRADE .group = "apps", .kind = "Deployment", .name = "trade-service", .labels = {"criticality=critical"}
#define OPEN "2026-03-02T15:00:00Z"   /* Monday, 10:00 in New York */
#define CLOSED "2026-03-02T22:00:00Z" /* 17:00 */

Test(traderx, production_waits_for_the_close_with_what_is_not_on_the_path_of_a_trade)
{
    struct hf_rules *rules = rules_shipped("rules/traderx.yaml");
    struct asking gui = {GUI, .target = "prod-us", CHANGED("/spec/template/spec/containers/[name=web-gui]/resources"),
                         .at = OPEN};
    struct hf_decision decision = rules_ask(rules, gui);
    char until[HF_TIME_TEXT];
    hf_time_format(decision.held_until_ms, until);
    cr_expect(decision.held_now);
    cr_expect_str_eq(until, "2026-03-02T21:00:00.000Z");
    gui.at = CLOSED;
    cr_expect_not(rules_ask(rules, gui).held_now);
    gui.at = OPEN;
    gui.path = "/spec/template/spec/containers/[name=web-gui]/image";
    cr_expect_not(rules_ask(rules, gui).held_now);
    cr_expect_eq(rules_ask(rules, gui).severity, HF_SEVERITY_CRITICAL);
    gui.path = "/spec/template/spec/containers/[name=evil]";
    gui.class = HF_EXTRA_FIELD;
    cr_expect_not(rules_ask(rules, gui).held_now);
    gui.target = "east";
    gui.namespace = "traderx-prod";
    gui.path = "/spec/replicas";
    gui.class = HF_CHANGED;
    cr_expect(rules_ask(rules, gui).held_now);
    hf_rules_free(rules);
}

Test(traderx, the_path_of_a_trade_goes_back_at_once_in_production)
{
    struct hf_rules *rules = rules_shipped("rules/traderx.yaml");
    struct hf_decision decision =
        rules_ask(rules, (struct asking){TRADE, .target = "prod", CHANGED("/spec/replicas"), .at = OPEN});
    cr_expect_not(decision.held_now);
    cr_expect_eq(decision.grace_ms, 0);
    cr_expect_eq(decision.severity, HF_SEVERITY_CRITICAL);
    cr_expect_eq(decision.limit_times, 5u);
    hf_rules_free(rules);
}

Test(traderx, development_is_given_time_and_scale_is_left)
{
    struct hf_rules *rules = rules_shipped("rules/traderx.yaml");
    struct asking gui = {GUI, .namespace = "traderx-dev", CHANGED("/spec/template/spec/containers/[name=w]/resources")};
    struct hf_decision decision = rules_ask(rules, gui);
    cr_expect_eq(decision.grace_ms, 600000);
    cr_expect_eq(decision.severity, HF_SEVERITY_INFO);
    gui.path = "/spec/template/spec/containers/[name=w]/image";
    cr_expect_eq(rules_ask(rules, gui).grace_ms, 0);
    cr_expect_eq(rules_ask(rules, gui).severity, HF_SEVERITY_CRITICAL);
    gui.path = "/spec/replicas";
    cr_expect_eq(rules_weigh(rules, gui), HF_WEIGHT_HOLD);
    struct asking processor = gui;
    processor.name = "trade-processor";
    cr_expect_eq(rules_weigh(rules, processor), HF_WEIGHT_CORRECT);
    cr_expect_eq(rules_ask(rules, processor).severity, HF_SEVERITY_CRITICAL);
    hf_rules_free(rules);
}

Test(traderx, the_limit_check_is_found_by_the_name_of_its_variable)
{
    struct hf_rules *rules = rules_shipped("rules/traderx.yaml");
    struct asking asking = {
        TRADE, .namespace = "traderx-dev",
        CHANGED("/spec/template/spec/containers/[name=trade-service]/env/[name=TRADE_LIMIT_CHECK]/value")};
    cr_expect_str_eq(rules_ask(rules, asking).rule, "traderx/limit-check");
    asking.path = "/spec/template/spec/containers/[name=trade-service]/env/[name=TRADE_LIMIT_CHECK2]/value";
    cr_expect_str_neq(rules_ask(rules, asking).rule, "traderx/limit-check");
    hf_rules_free(rules);
}
