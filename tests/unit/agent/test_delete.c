/* The two ways in which something is deleted, and all the cases in which it is not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

#define PRUNE "pack: mine\nrules:\n  - name: tidy\n    match: {target: dev}\n    action: prune\n    grace: 30s\n"
#define PRUNE_NAMED                                                                                                    \
    "pack: mine\nrules:\n  - name: tidy\n    match: {target: dev, kind: [ConfigMap, Namespace]}\n    action: prune\n " \
    "   grace: 30s\n"
#define RECREATE                                                                                                       \
    "pack: mine\nrules:\n  - name: anew\n    match: {kind: [Deployment, StatefulSet]}\n    action: recreate\n"

static const char *unit_config(const char *name)
{
    static char text[300];
    (void)snprintf(text, sizeof text,
                   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: dev}\ndata: {a: \"1\"}\n", name);
    return text;
}

static const char *live_config(const char *name, const char *mark, int version)
{
    static char text[800];
    (void)snprintf(text, sizeof text,
                   "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: dev\n  uid: u-%s\n  "
                   "resourceVersion: \"%d\"\n%s%s%s"
                   "data: {a: \"1\"}\n",
                   name, name, version, mark ? "  annotations: {\"holdfast.dev/held-by\": \"" : "", mark ? mark : "",
                   mark ? "\"}\n" : "");
    return text;
}

/* Two ConfigMaps held, "web" with our mark on it. */
static struct desk *marked_desk(const char *pack, const char *mark)
{
    struct desk *desk = desk_new(pack);
    char objects[2000];
    desk_unit(desk, "web", unit_config("web"));
    desk_unit(desk, "other", unit_config("other"));
    desk_units(desk);
    desk_discovered(desk);
    (void)snprintf(objects, sizeof objects, "%s---\n", live_config("web", mark, 10));
    (void)snprintf(objects + strlen(objects), sizeof objects - strlen(objects), "%s",
                   live_config("other", "dev/space/other", 11));
    desk_list(desk, "ConfigMap", objects);
    return desk;
}

static void go(struct desk *desk)
{
    desk_unit(desk, "web", NULL);
    desk_units(desk);
}

/* Answers what is read until something is written; NULL: nothing is, within ten minutes. */
static struct desk_request *first_write(struct desk *desk, const char *live)
{
    for (int i = 0; i < 600; i++) {
        struct desk_request *request = desk_next(desk);
        if (request && strcmp(request->what, "get") != 0) {
            return request;
        }
        if (request) {
            desk_answer(desk, request, HF_OK, live);
        }
        desk_wait(desk, 1000);
    }
    return NULL;
}

Test(prune, our_mark_is_put_only_where_a_rule_would_prune)
{
    struct desk *desk = marked_desk(PRUNE, NULL);
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "patch");
    cr_assert(strstr(request->body, "{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"10\"}"), "%s",
              request->body);
    cr_assert(strstr(request->body, "dev/space/web"), "%s", request->body);
    cr_assert_eq(desk_count(desk, "object.marked"), 1, "recorded before it is written");
    desk_answer(desk, request, HF_OK, live_config("web", "dev/space/web", 12));
    desk_change(desk, "ConfigMap", live_config("web", "dev/space/web", 12));
    desk_wait(desk, 60000);
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    desk_free(desk);
    desk = marked_desk(NULL, NULL);
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk->event_count, 0);
    desk_free(desk);
}

Test(prune, an_object_whose_unit_is_gone_is_deleted_after_its_grace_and_told)
{
    struct desk *desk = marked_desk(PRUNE, "dev/space/web");
    go(desk);
    struct desk_request *read = desk_next(desk);
    cr_assert_str_eq(read->what, "get");
    desk_answer(desk, read, HF_OK, live_config("web", "dev/space/web", 10));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_EXTRA);
    cr_assert_eq(desk_count(desk, "extra.seen"), 1);
    desk_wait(desk, 25000);
    cr_assert_null(desk_next(desk), "not before its grace is over");
    struct desk_request *request = first_write(desk, live_config("web", "dev/space/web", 10));
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "remove");
    cr_assert_str_eq(request->body, "u-web 10");
    cr_assert_eq(desk_count(desk, "correction.intended"), 1);
    desk_answer(desk, request, HF_OK, "");
    desk_deleted(desk, "ConfigMap", live_config("web", "dev/space/web", 12));
    for (int i = 0; i < 3 && (read = desk_next(desk)) != NULL; i++) {
        desk_answer(desk, read, HF_ENOTFOUND, "not found");
    }
    desk_wait(desk, 1000);
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 1);
    cr_assert(strstr(desk_last(desk, "correction.confirmed")->message, "was pruned"));
    cr_assert_null(desk_next(desk));
    desk_free(desk);
}

static void expect_nothing_deleted(struct desk *desk, const char *live)
{
    struct desk_request *request = first_write(desk, live);
    cr_assert_null(request, "found a %s of %s", request->what, request->name);
    desk_free(desk);
}

Test(prune, without_a_rule_nothing_is_deleted)
{
    struct desk *desk = marked_desk(NULL, "dev/space/web");
    go(desk);
    expect_nothing_deleted(desk, live_config("web", "dev/space/web", 10));
}

Test(prune, what_does_not_carry_our_mark_is_let_go)
{
    struct desk *desk = marked_desk(PRUNE, "dev/space/web");
    go(desk);
    expect_nothing_deleted(desk, live_config("web", NULL, 12));
    desk = marked_desk(PRUNE, "dev/space/web");
    go(desk);
    expect_nothing_deleted(desk, live_config("web", "devil/space/web", 12));
}

Test(prune, an_object_of_a_unit_that_can_not_be_read_is_never_deleted)
{
    struct desk *desk = marked_desk(PRUNE, "dev/space/web");
    desk_unit_unreadable(desk, "web");
    desk_units(desk);
    expect_nothing_deleted(desk, live_config("web", "dev/space/web", 10));
}

Test(prune, an_object_that_moved_to_another_unit_is_held_on)
{
    struct desk *desk = marked_desk(PRUNE, "dev/space/web");
    desk_unit(desk, "web", NULL);
    desk_unit(desk, "web-moved", unit_config("web"));
    desk_units(desk);
    struct desk_request *request = first_write(desk, live_config("web", "dev/space/web", 10));
    cr_assert_null(request, "its mark says that we held it: that is enough");
    cr_assert_eq(desk_count(desk, "extra.seen"), 0);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    desk_free(desk);
}

Test(prune, a_unit_that_comes_back_within_the_grace_is_held_on)
{
    struct desk *desk = marked_desk(PRUNE, "dev/space/web");
    go(desk);
    desk_answer(desk, desk_next(desk), HF_OK, live_config("web", "dev/space/web", 10));
    desk_wait(desk, 10000);
    desk_unit(desk, "web", unit_config("web"));
    desk_units(desk);
    struct desk_request *request = first_write(desk, live_config("web", "dev/space/web", 10));
    cr_assert_null(request);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    cr_assert_eq(desk_count(desk, "drift.dismissed"), 1);
    desk_free(desk);
}

#define UNIT_NAMESPACE "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
#define LIVE_NAMESPACE                                                                                                 \
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, uid: n-1, resourceVersion: \"20\", annotations: "         \
    "{holdfast.dev/held-by: dev/space/shop}}\n"                                                                        \
    "spec: {finalizers: [kubernetes]}\n"

Test(prune, a_namespace_is_deleted_only_by_a_rule_that_names_the_kind)
{
    static const char *const PACKS[] = {PRUNE, PRUNE_NAMED};
    for (int i = 0; i < 2; i++) {
        struct desk *desk = desk_new(PACKS[i]);
        desk_unit(desk, "shop", UNIT_NAMESPACE);
        desk_unit(desk, "other", unit_config("other"));
        desk_units(desk);
        desk_discovered(desk);
        desk_list(desk, "Namespace", LIVE_NAMESPACE);
        desk_list(desk, "ConfigMap", live_config("other", "dev/space/other", 11));
        desk_unit(desk, "shop", NULL);
        desk_units(desk);
        struct desk_request *request = first_write(desk, LIVE_NAMESPACE);
        if (i == 0) {
            cr_assert_null(request, "found a %s", request->what);
            char reason[400];
            cr_assert_eq(desk_verdict(desk, "Namespace", "shop", reason), HF_EXTRA);
            cr_assert(strstr(reason, "does not name the kind"), "%s", reason);
        } else {
            cr_assert_str_eq(request->what, "remove");
        }
        desk_free(desk);
    }
}

Test(prune, no_more_than_ten_objects_are_deleted_in_ten_minutes)
{
    struct desk *desk = desk_new(PRUNE);
    char objects[8000] = "";
    char name[16];
    for (int i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "c%d", i);
        desk_unit(desk, name, unit_config(name));
        char mark[100];
        (void)snprintf(mark, sizeof mark, "dev/space/%s", name);
        (void)snprintf(objects + strlen(objects), sizeof objects - strlen(objects), "%s%s", i ? "---\n" : "",
                       live_config(name, mark, 10 + i));
    }
    desk_unit(desk, "other", unit_config("other"));
    desk_units(desk);
    desk_discovered(desk);
    (void)snprintf(objects + strlen(objects), sizeof objects - strlen(objects), "---\n%s",
                   live_config("other", "dev/space/other", 30));
    desk_list(desk, "ConfigMap", objects);
    for (int i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "c%d", i);
        desk_unit(desk, name, NULL);
    }
    desk_units(desk);
    int removed = 0;
    for (int i = 0; i < 300; i++) {
        struct desk_request *request = desk_next(desk);
        if (request && strcmp(request->what, "remove") == 0) {
            removed++;
            desk_answer(desk, request, HF_OK, "");
        } else if (request) {
            char mark[100];
            (void)snprintf(mark, sizeof mark, "dev/space/%s", request->name);
            desk_answer(desk, request, HF_OK, live_config(request->name, mark, 10));
        } else {
            desk_wait(desk, 1000);
        }
    }
    /* What was answered is read again and still there here: so each stays one deletion, and no eleventh object is
     * begun. */
    bool begun[12] = {false};
    int objects_begun = 0;
    for (int i = 0; i < desk->request_count; i++) {
        int index;
        if (strcmp(desk->requests[i].what, "remove") == 0 && sscanf(desk->requests[i].name, "c%d", &index) == 1 &&
            !begun[index]) {
            begun[index] = true;
            objects_begun++;
        }
    }
    cr_assert_leq(objects_begun, 10);
    cr_assert_geq(removed, 1);
    cr_assert_geq(desk_count(desk, "correction.blocked"), 1);
    desk_free(desk);
}

Test(prune, what_an_earlier_run_held_is_found_after_a_restart)
{
    struct desk *desk = desk_new(PRUNE);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_object known = {.target = "dev",
                                    .group = "",
                                    .version = "v1",
                                    .kind = "ConfigMap",
                                    .namespace = "dev",
                                    .name = "web",
                                    .space = "space",
                                    .unit = "web",
                                    .verdict = "in_sync",
                                    .uid = "u-web"};
    cr_assert_eq(hf_agent_known(desk->agent, &known, &err), 0);
    desk_unit(desk, "other", unit_config("other"));
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "ConfigMap", live_config("other", "dev/space/other", 11));
    struct desk_request *request = first_write(desk, live_config("web", "dev/space/web", 10));
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "remove");
    cr_assert_str_eq(request->name, "web");
    desk_free(desk);
}

Test(prune, what_an_earlier_run_held_is_left_when_its_unit_can_not_be_read_at_the_start)
{
    struct desk *desk = desk_new(PRUNE);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_object known = {.target = "dev",
                                    .group = "",
                                    .version = "v1",
                                    .kind = "ConfigMap",
                                    .namespace = "dev",
                                    .name = "web",
                                    .space = "space",
                                    .unit = "web",
                                    .verdict = "in_sync",
                                    .uid = "u-web"};
    cr_assert_eq(hf_agent_known(desk->agent, &known, &err), 0);
    desk_unit(desk, "other", unit_config("other"));
    desk_unit(desk, "web", unit_config("not-web")); /* what it held is not known: it never was read */
    desk_unit_unreadable(desk, "web");
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "ConfigMap", live_config("other", "dev/space/other", 11));
    expect_nothing_deleted(desk, live_config("web", "dev/space/web", 10));
}

#define DEPLOYMENT(KIND)                                                                                               \
    "apiVersion: apps/v1\nkind: " KIND "\nmetadata: {name: web, namespace: dev}\nspec:\n  replicas: 3\n"               \
    "  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n"              \
    "      containers:\n      - {name: web, image: \"web:1\"}\n"
#define LIVE_DEPLOYMENT(KIND, APP)                                                                                     \
    "apiVersion: apps/v1\nkind: " KIND                                                                                 \
    "\nmetadata: {name: web, namespace: dev, uid: u-1, resourceVersion: \"10\"}\nspec:\n  replicas: 3\n"               \
    "  selector: {matchLabels: {app: " APP "}}\n  template:\n    metadata: {labels: {app: " APP "}}\n    spec:\n"      \
    "      containers:\n      - {name: web, image: \"web:1\"}\n"
#define IMMUTABLE                                                                                                      \
    "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: "                                               \
    "v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"web\"}}: "                                               \
    "field is immutable"

static struct desk *refused_desk(const char *pack, const char *unit, const char *live, const char *kind,
                                 const char *refusal)
{
    struct desk *desk = desk_new(pack);
    desk_unit(desk, "web", unit);
    desk_units(desk);
    desk_discovered(desk);
    desk_list_rest(desk);
    desk_list(desk, kind, live);
    for (struct desk_request *request = desk_next(desk); request && strcmp(request->what, "apply") != 0;
         request = desk_next(desk)) {
        desk_answer(desk, request, HF_OK, live); /* read anew since the first, empty list */
    }
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "apply");
    desk_answer(desk, request, HF_EREFUSED, refusal);
    return desk;
}

Test(recreate, what_the_server_refuses_to_change_is_deleted_and_made_anew_where_a_rule_says_so)
{
    struct desk *desk = refused_desk(RECREATE, DEPLOYMENT("Deployment"), LIVE_DEPLOYMENT("Deployment", "other"),
                                     "Deployment", IMMUTABLE);
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request);
    cr_assert_str_eq(request->what, "remove");
    cr_assert_str_eq(request->body, "u-1 10");
    cr_assert(strstr(desk_last(desk, "correction.intended")->message, "delete, to make it anew"));
    desk_answer(desk, request, HF_OK, "");
    struct desk_request *read = desk_next(desk);
    cr_assert_str_eq(read->what, "get");
    desk_answer(desk, read, HF_ENOTFOUND, "not found");
    request = desk_next(desk);
    cr_assert_str_eq(request->what, "apply");
    cr_assert_eq(desk_count(desk, "correction.blocked"), 0);
    desk_free(desk);
}

Test(recreate, what_a_stateful_set_runs_is_left_running)
{
    struct desk *desk = refused_desk(
        RECREATE, DEPLOYMENT("StatefulSet"), LIVE_DEPLOYMENT("StatefulSet", "other"), "StatefulSet",
        "StatefulSet.apps \"web\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than "
        "'replicas', 'template', and 'updateStrategy' are forbidden");
    cr_assert_str_eq(desk_next(desk)->body, "u-1 10 orphan");
    desk_free(desk);
}

Test(recreate, without_a_rule_the_servers_words_are_told_and_nothing_is_deleted)
{
    struct desk *desk =
        refused_desk(NULL, DEPLOYMENT("Deployment"), LIVE_DEPLOYMENT("Deployment", "other"), "Deployment", IMMUTABLE);
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk_count(desk, "correction.blocked"), 1);
    cr_assert(strstr(desk_last(desk, "correction.blocked")->message, "field is immutable"));
    desk_free(desk);
}

Test(recreate, a_unit_that_the_server_would_not_take_either_way_costs_nothing)
{
    static const char *const REFUSALS[] = {
        "Deployment.apps \"web\" is invalid: [spec.template.spec.containers[0].image: Required value, spec.selector: "
        "Invalid value: x: field is "
        "immutable]",
        "Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        "admission webhook \"policy.example\" denied the request: no"};
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        struct desk *desk = refused_desk(RECREATE, DEPLOYMENT("Deployment"), LIVE_DEPLOYMENT("Deployment", "other"),
                                         "Deployment", REFUSALS[i]);
        cr_assert_null(desk_next(desk), "%s", REFUSALS[i]);
        cr_assert_eq(desk_count(desk, "correction.blocked"), 1);
        desk_free(desk);
    }
}
