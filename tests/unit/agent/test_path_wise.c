/* What is put back of an object, and what stays: path by path. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

#define CONFIG                                                                                                         \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: dev}\ndata: {a: \"1\", b: \"1\", c: \"1\"}\n"

/* A live ConfigMap with these values, written by kubectl when it is not as the unit says. */
static const char *live_config(const char *a, const char *b, const char *c, int version)
{
    static char text[1000];
    (void)snprintf(text, sizeof text,
                   "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: dev\n  uid: u-1\n  "
                   "resourceVersion: \"%d\"\n"
                   "  managedFields:\n  - {manager: confighub, operation: Apply, apiVersion: v1, time: "
                   "\"2026-03-01T09:00:00Z\", fieldsType: FieldsV1, "
                   "fieldsV1: {\"f:data\": {\"f:a\": {}, \"f:b\": {}, \"f:c\": {}}}}\n"
                   "data: {a: \"%s\", b: \"%s\", c: \"%s\"}\n",
                   version, a, b, c);
    return text;
}

static struct desk *config_desk(const char *pack)
{
    struct desk *desk = desk_new(pack);
    desk_unit(desk, "web", CONFIG);
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "ConfigMap", live_config("1", "1", "1", 10));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    return desk;
}

static void expect_request(struct desk_request *request, const char *what, const char *body)
{
    cr_assert_not_null(request, "a request to %s was expected", what);
    cr_assert_str_eq(request->what, what);
    cr_assert(strstr(request->body, body), "found: %s\nwanted in it: %s", request->body, body);
}

#define LEAVE_A "pack: mine\nrules:\n  - name: leave\n    match: {kind: ConfigMap, path: /data/a}\n    action: ignore\n"
#define OBSERVE_A                                                                                                      \
    "pack: mine\nrules:\n  - name: look\n    match: {kind: ConfigMap, path: /data/a}\n    action: observe\n"

Test(path_wise, a_path_that_a_rule_ignores_stays_as_it_is_when_another_is_put_back)
{
    struct desk *desk = config_desk(LEAVE_A);
    desk_change(desk, "ConfigMap", live_config("mine", "9", "1", 11));
    struct desk_request *request = desk_next(desk);
    expect_request(request, "apply", "\"data\":{\"a\":\"mine\",\"b\":\"1\",\"c\":\"1\"}");
    expect_request(request, "apply", "\"resourceVersion\":\"11\"");
    cr_assert_str_eq(request->manager, "confighub");
    desk_answer(desk, request, HF_OK, live_config("mine", "1", "1", 12));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 1);
    desk_free(desk);
}

Test(path_wise, without_a_held_path_the_units_own_content_is_sent_whole_as_json)
{
    struct desk *desk = config_desk(LEAVE_A);
    desk_change(desk, "ConfigMap", live_config("1", "9", "1", 11));
    cr_assert_str_eq(desk_next(desk)->body,
                     "{\"apiVersion\":\"v1\",\"data\":{\"a\":\"1\",\"b\":\"1\",\"c\":\"1\"},\"kind\":\"ConfigMap\","
                     "\"metadata\":{\"name\":\"web\",\"namespace\":\"dev\"}}");
    desk_free(desk);
}

Test(path_wise, an_ignored_path_alone_makes_no_event_and_no_request)
{
    struct desk *desk = config_desk(LEAVE_A);
    desk_change(desk, "ConfigMap", live_config("mine", "1", "1", 11));
    desk_wait(desk, 60000);
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk->event_count, 0);
    desk_free(desk);
}

Test(path_wise, an_observed_path_is_told_and_left_while_another_is_put_back)
{
    struct desk *desk = config_desk(OBSERVE_A);
    char reason[400];
    desk_change(desk, "ConfigMap", live_config("mine", "9", "1", 11));
    struct desk_request *request = desk_next(desk);
    expect_request(request, "apply", "\"a\":\"mine\",\"b\":\"1\"");
    desk_answer(desk, request, HF_OK, live_config("mine", "1", "1", 12));
    cr_assert_eq(desk_count(desk, "correction.partial"), 1, "what could be put back was");
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 0, "which would end the incident");
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", reason), HF_DRIFTED, "and the rest is still drift");
    cr_assert(strstr(reason, "mine/look"), "%s", reason);
    desk_change(desk, "ConfigMap", live_config("mine", "1", "1", 12));
    desk_change(desk, "ConfigMap", live_config("1", "1", "1", 13));
    cr_assert_eq(desk_count(desk, "drift.healed"), 1);
    cr_assert_eq(desk_count(desk, "drift.seen"), 1, "it was one incident");
    cr_assert_null(desk_next(desk));
    desk_free(desk);
}

Test(path_wise, when_live_has_moved_on_the_server_refuses_and_it_is_judged_anew)
{
    struct desk *desk = config_desk(LEAVE_A);
    desk_change(desk, "ConfigMap", live_config("mine", "9", "1", 11));
    desk_answer(desk, desk_next(desk), HF_ECONFLICT, "the object has been modified");
    desk_wait(desk, 1000);
    struct desk_request *read = desk_next(desk);
    cr_assert_str_eq(read->what, "get");
    desk_answer(desk, read, HF_OK, live_config("theirs", "9", "1", 12));
    desk_wait(desk, 1000);
    struct desk_request *request = desk_next(desk);
    expect_request(request, "apply", "\"a\":\"theirs\"");
    expect_request(request, "apply", "\"resourceVersion\":\"12\"");
    cr_assert_eq(desk_count(desk, "correction.blocked"), 0);
    desk_free(desk);
}

static void fight(struct desk *desk, int rounds, int *version)
{
    for (int i = 0; i < rounds; i++) {
        desk_change(desk, "ConfigMap", live_config("9", "1", "1", ++*version));
        struct desk_request *request = desk_next(desk);
        cr_assert_not_null(request);
        desk_answer(desk, request, HF_OK, live_config("1", "1", "1", ++*version));
        desk_change(desk, "ConfigMap", live_config("1", "1", "1", *version));
    }
}

Test(path_wise, a_fight_over_one_path_is_stopped_and_told_once_while_other_paths_are_put_back)
{
    struct desk *desk = config_desk(NULL);
    int version = 10;
    fight(desk, 3, &version);
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 3);
    desk_change(desk, "ConfigMap", live_config("9", "1", "1", ++version));
    cr_assert_null(desk_next(desk));
    char reason[400];
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", reason), HF_BLOCKED);
    cr_assert(strstr(reason, "put back 3 times within 10 min"), "%s", reason);
    cr_assert(strstr(reason, "held by confighub"), "%s", reason);
    for (int i = 0; i < 20; i++) {
        desk_change(desk, "ConfigMap", live_config(i % 2 ? "8" : "9", "1", "1", ++version));
        desk_wait(desk, 1000);
    }
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk_count(desk, "correction.blocked"), 1);
    cr_assert(desk_last(desk, "correction.blocked")->alert);
    desk_change(desk, "ConfigMap", live_config("9", "7", "1", ++version));
    expect_request(desk_next(desk), "apply", "\"a\":\"9\",\"b\":\"1\"");
    desk_free(desk);
}

Test(path_wise, after_a_fight_one_more_try_is_made_and_the_next_block_is_twice_as_long)
{
    struct desk *desk = config_desk(NULL);
    int version = 10;
    fight(desk, 3, &version);
    desk_change(desk, "ConfigMap", live_config("9", "1", "1", ++version));
    cr_assert_null(desk_next(desk));
    desk_wait(desk, 601000);
    struct desk_request *read = desk_next(desk);
    cr_assert_str_eq(read->what, "get");
    desk_answer(desk, read, HF_OK, live_config("9", "1", "1", version));
    struct desk_request *request = desk_next(desk);
    expect_request(request, "apply", "a");
    desk_answer(desk, request, HF_OK, live_config("1", "1", "1", ++version));
    desk_change(desk, "ConfigMap", live_config("1", "1", "1", version));
    desk_change(desk, "ConfigMap", live_config("9", "1", "1", ++version));
    cr_assert_null(desk_next(desk));
    desk_wait(desk, 1100000);
    cr_assert_null(desk_next(desk), "twice ten minutes have not gone by");
    desk_wait(desk, 110000);
    cr_assert_not_null(desk_next(desk));
    desk_free(desk);
}

#define DEPLOYMENT                                                                                                     \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: dev}\nspec:\n  replicas: 3\n"             \
    "  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n"              \
    "      containers:\n      - {name: web, image: \"web:1\"}\n"

static const char *live_deployment(int replicas, const char *image, int version)
{
    static char text[2000];
    (void)snprintf(
        text, sizeof text,
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: dev\n  uid: u-1\n  "
        "resourceVersion: \"%d\"\n"
        "  managedFields:\n  - {manager: confighub, operation: Apply, apiVersion: apps/v1, time: "
        "\"2026-03-01T09:00:00Z\", fieldsType: "
        "FieldsV1, fieldsV1: {\"f:spec\": {\"f:replicas\": {}, \"f:template\": {\"f:spec\": {\"f:containers\": "
        "{\"k:{\\\"name\\\":\\\"web\\\"}\": {\".\": {}, \"f:name\": {}, \"f:image\": {}}}}}}}}\n"
        "spec:\n  replicas: %d\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: "
        "web}}\n    spec:\n"
        "      containers:\n      - {name: web, image: \"%s\"}\n",
        version, replicas, image);
    return text;
}

#define AUTOSCALER                                                                                                     \
    "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: dev, uid: h-1, "      \
    "resourceVersion: \"5\"}\n"                                                                                        \
    "spec: {minReplicas: 2, maxReplicas: 10, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n"

static struct desk *deployment_desk(const char *autoscaler, int replicas)
{
    struct desk *desk = desk_new(NULL);
    desk_unit(desk, "web", DEPLOYMENT);
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "Deployment", live_deployment(replicas, "web:1", 10));
    cr_assert_eq(desk->event_count, 0, "no verdict before the autoscalers are known");
    desk_list(desk, "HorizontalPodAutoscaler", autoscaler);
    desk_list_rest(desk);
    struct desk_request *read = desk_next(desk);
    if (read && strcmp(read->what, "get") == 0) {
        desk_answer(desk, read, HF_OK, live_deployment(replicas, "web:1", 10));
    }
    return desk;
}

Test(autoscaler, replicas_within_its_bounds_are_not_drift)
{
    struct desk *desk = deployment_desk(AUTOSCALER, 7);
    for (int replicas = 2; replicas <= 10; replicas++) {
        desk_change(desk, "Deployment", live_deployment(replicas, "web:1", 20 + replicas));
        cr_assert_eq(desk_verdict(desk, "Deployment", "web", NULL), HF_IN_SYNC);
    }
    cr_assert_null(desk_next(desk));
    cr_assert_eq(desk->event_count, 0);
    desk_free(desk);
}

Test(autoscaler, replicas_outside_its_bounds_are_put_back)
{
    struct desk *desk = deployment_desk(AUTOSCALER, 3);
    desk_change(desk, "Deployment", live_deployment(0, "web:1", 11));
    struct desk_request *request = desk_next(desk);
    expect_request(request, "apply", "\"replicas\":3");
    desk_answer(desk, request, HF_OK, live_deployment(3, "web:1", 12));
    cr_assert_eq(desk_verdict(desk, "Deployment", "web", NULL), HF_IN_SYNC);
    desk_change(desk, "Deployment", live_deployment(3, "web:1", 12));
    desk_change(desk, "Deployment", live_deployment(11, "web:1", 13));
    cr_assert_not_null(desk_next(desk));
    desk_free(desk);
}

Test(autoscaler, another_paths_correction_leaves_the_replicas_as_they_are)
{
    struct desk *desk = deployment_desk(AUTOSCALER, 7);
    desk_change(desk, "Deployment", live_deployment(8, "evil:1", 11));
    struct desk_request *request = desk_next(desk);
    expect_request(request, "apply", "\"replicas\":8");
    expect_request(request, "apply", "\"image\":\"web:1\"");
    expect_request(request, "apply", "\"resourceVersion\":\"11\"");
    desk_free(desk);
}

Test(autoscaler, the_replicas_it_may_change_are_sent_as_seen_even_when_they_are_the_units)
{
    struct desk *desk = deployment_desk(AUTOSCALER, 3);
    desk_change(desk, "Deployment", live_deployment(3, "evil:1", 11));
    expect_request(desk_next(desk), "apply", "\"resourceVersion\":\"11\"");
    desk_free(desk);
}

Test(autoscaler, without_one_replicas_are_the_units)
{
    struct desk *desk = deployment_desk("", 3);
    desk_change(desk, "Deployment", live_deployment(7, "web:1", 11));
    expect_request(desk_next(desk), "apply", "\"spec\":{\"replicas\":3,\"selector\"");
    desk_free(desk);
}

Test(autoscaler, when_it_is_deleted_replicas_are_the_units_again)
{
    struct desk *desk = deployment_desk(AUTOSCALER, 7);
    cr_assert_eq(desk_verdict(desk, "Deployment", "web", NULL), HF_IN_SYNC);
    desk_deleted(desk, "HorizontalPodAutoscaler", AUTOSCALER);
    struct desk_request *read = desk_next(desk);
    cr_assert_str_eq(read->what, "get");
    desk_answer(desk, read, HF_OK, live_deployment(7, "web:1", 10));
    cr_assert_str_eq(desk_next(desk)->what, "apply");
    desk_free(desk);
}

Test(autoscaler, when_they_may_not_be_read_replicas_are_left_and_shown_and_the_rest_is_held)
{
    struct desk *desk = desk_new(NULL);
    char reason[400];
    desk_unit(desk, "web", DEPLOYMENT);
    desk_units(desk);
    desk_discovered(desk);
    desk_refuse(desk, "HorizontalPodAutoscaler", HF_EDENIED);
    desk_list(desk, "Deployment", live_deployment(7, "web:1", 10));
    cr_assert_eq(desk_verdict(desk, "Deployment", "web", reason), HF_DRIFTED);
    cr_assert(strstr(reason, "not allowed"), "%s", reason);
    cr_assert(desk_last(desk, "drift.seen")->alert, "somebody must know");
    cr_assert_null(desk_next(desk));
    desk_list_rest(desk);
    desk_change(desk, "Deployment", live_deployment(3, "evil:1", 11));
    cr_assert_not_null(desk_next(desk), "what no autoscaler could own is put back");
    cr_assert_eq(desk_count(desk, "cluster.lost"), 0);
    desk_free(desk);
}
