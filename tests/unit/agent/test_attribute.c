/* Who did it, by what the API server has audited. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

#define WALL INT64_C(1772357400000) /* the desk's clock at its start */

static const char *live_of(const char *value, const char *manager, int version)
{
    static char text[2000];
    (void)snprintf(
        text, sizeof text,
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: dev\n  uid: u-1\n  resourceVersion: "
        "\"%d\"\n"
        "  managedFields:\n"
        "  - {manager: confighub, operation: Apply, apiVersion: v1, time: \"2026-03-01T09:00:00Z\", fieldsType: "
        "FieldsV1, "
        "fieldsV1: {\"f:data\": {\"f:b\": {}}}}\n"
        "  - {manager: %s, operation: Update, apiVersion: v1, time: \"2026-03-01T09:30:00Z\", fieldsType: FieldsV1, "
        "fieldsV1: {\"f:data\": {\"f:a\": {}}}}\n"
        "data: {a: \"%s\", b: \"1\"}\n",
        version, manager, value);
    return text;
}

static struct desk *config_desk(const char *pack)
{
    struct desk *desk = desk_new(pack);
    desk_unit(desk, "web",
              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: dev}\ndata: {a: \"1\", b: \"1\"}\n");
    desk_unit(desk, "space", "apiVersion: v1\nkind: Namespace\nmetadata: {name: dev}\n");
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "Namespace",
              "apiVersion: v1\nkind: Namespace\nmetadata: {name: dev, uid: n-1, resourceVersion: \"5\"}\n");
    desk_list(desk, "ConfigMap", live_of("1", "confighub", 10));
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    return desk;
}

static struct hf_agent_write write_of_alice(void)
{
    static const char *const GROUPS[] = {"traders", "system:authenticated"};
    return (struct hf_agent_write){.group = "",
                                   .kind = "ConfigMap",
                                   .namespace = "dev",
                                   .name = "web",
                                   .resource_version = "11",
                                   .user = "alice",
                                   .groups = GROUPS,
                                   .group_count = 2,
                                   .user_agent = "kubectl/v1.32.0 (linux/amd64)",
                                   .source = "10.0.0.7",
                                   .manager = "kubectl-edit",
                                   .at_ms = WALL};
}

static void told(struct desk *desk, const struct hf_agent_write *writes, size_t count)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_agent_written(desk->agent, "dev", writes, count, &err), 0, "%s", err.text);
}

static void expect_who(const struct desk_event *event, const char *user, const char *how)
{
    char wanted[80];
    cr_assert_not_null(event);
    (void)snprintf(wanted, sizeof wanted, "\"who\":{\"user\":\"%s\"", user);
    cr_assert(strstr(event->detail, wanted), "%s", event->detail);
    (void)snprintf(wanted, sizeof wanted, "\"how\":\"%s\"", how);
    cr_assert(strstr(event->detail, wanted), "%s", event->detail);
}

Test(attribute, a_write_that_was_told_before_stands_in_the_drifts_own_record)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write alice = write_of_alice();
    told(desk, &alice, 1);
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    expect_who(desk_last(desk, "drift.seen"), "alice", "resourceVersion");
    cr_assert(strstr(desk_last(desk, "drift.seen")->detail, "\"groups\":[\"traders\",\"system:authenticated\"]"));
    cr_assert(strstr(desk_last(desk, "drift.seen")->detail, "\"source\":\"10.0.0.7\""));
    cr_assert_eq(desk_count(desk, "drift.attributed"), 0);
    desk_free(desk);
}

Test(attribute, a_write_that_is_told_late_completes_the_record_by_an_event_of_its_own_also_after_the_correction)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write alice = write_of_alice();
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    char incident[40];
    (void)snprintf(incident, sizeof incident, "%s", desk_last(desk, "drift.seen")->incident);
    cr_assert_null(strstr(desk_last(desk, "drift.seen")->detail, "who"));
    desk_answer(desk, desk_next(desk), HF_OK, live_of("1", "confighub", 12));
    cr_assert_eq(desk_count(desk, "correction.confirmed"), 1);
    told(desk, &alice, 1);
    const struct desk_event *event = desk_last(desk, "drift.attributed");
    expect_who(event, "alice", "resourceVersion");
    cr_assert_str_eq(event->incident, incident);
    cr_assert(strstr(event->message, "done by alice via kubectl-edit from 10.0.0.7"), "%s", event->message);
    cr_assert(strstr(event->detail, "\"over\":true"), "%s", event->detail);
    told(desk, &alice, 1);
    cr_assert_eq(desk_count(desk, "drift.attributed"), 1, "told once");
    desk_free(desk);
}

Test(attribute, the_version_alone_is_not_enough_when_managedFields_name_another_manager)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write kubelet = write_of_alice();
    kubelet.user = "system:node:a";
    kubelet.manager = NULL;
    kubelet.user_agent = "kubelet/v1.20.2 (linux/amd64)";
    told(desk, &kubelet, 1);
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    cr_assert_null(strstr(desk_last(desk, "drift.seen")->detail, "who"));
    cr_assert_eq(desk_count(desk, "drift.attributed"), 0);
    desk_free(desk);
}

Test(attribute, without_a_field_manager_in_the_request_it_is_the_user_agents_first_word)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write write = write_of_alice();
    write.manager = NULL;
    write.user_agent = "curl/7.88.1";
    told(desk, &write, 1);
    desk_change(desk, "ConfigMap", live_of("9", "curl", 11));
    expect_who(desk_last(desk, "drift.seen"), "alice", "resourceVersion");
    desk_free(desk);
}

Test(attribute, what_holdfast_wrote_itself_and_what_went_to_status_is_never_the_cause)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write writes[2] = {write_of_alice(), write_of_alice()};
    writes[0].user_agent = "holdfast/0.1.0";
    writes[1].subresource = "status";
    told(desk, writes, 2);
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    cr_assert_null(strstr(desk_last(desk, "drift.seen")->detail, "who"));
    desk_free(desk);
}

Test(attribute, without_a_version_it_is_joined_by_manager_and_time_and_says_so)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write alice = write_of_alice();
    alice.resource_version = NULL;
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    alice.at_ms = WALL - 60000; /* long before */
    told(desk, &alice, 1);
    cr_assert_eq(desk_count(desk, "drift.attributed"), 0);
    alice.at_ms = WALL + 300;
    told(desk, &alice, 1);
    expect_who(desk_last(desk, "drift.attributed"), "alice", "time");
    cr_assert(strstr(desk_last(desk, "drift.attributed")->message, "(joined by its time)"));
    desk_free(desk);
}

Test(attribute, a_removal_that_is_audited_without_content_has_its_author_by_the_time_alone)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write alice = write_of_alice();
    alice.resource_version = NULL;
    alice.at_ms = WALL + desk->mono;
    desk_change(
        desk, "ConfigMap",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: dev, uid: u-1, resourceVersion: \"11\"}\n"
        "data: {b: \"1\"}\n");
    told(desk, &alice, 1);
    expect_who(desk_last(desk, "drift.attributed"), "alice", "time");
    desk_free(desk);
}

Test(attribute, by_time_alone_nobody_is_named_when_two_come_into_question)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write writes[2] = {write_of_alice(), write_of_alice()};
    writes[0].resource_version = writes[1].resource_version = NULL;
    writes[1].user = "bob";
    told(desk, writes, 2);
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    cr_assert_null(strstr(desk_last(desk, "drift.seen")->detail, "who"));
    desk_free(desk);
}

Test(attribute, whoever_deletes_an_object_is_named)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write alice = write_of_alice();
    alice.at_ms = WALL + desk->mono;
    alice.is_delete = true;
    alice.resource_version = NULL;
    desk_deleted(desk, "ConfigMap", live_of("1", "confighub", 10));
    told(desk, &alice, 1);
    expect_who(desk_last(desk, "drift.attributed"), "alice", "time");
    desk_free(desk);
}

Test(attribute, a_deleted_collection_is_the_deletion_of_each_in_it)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write alice = write_of_alice();
    alice.at_ms = WALL + desk->mono;
    alice.is_delete = true;
    alice.name = NULL;
    alice.resource_version = NULL;
    desk_deleted(desk, "ConfigMap", live_of("1", "confighub", 10));
    told(desk, &alice, 1);
    expect_who(desk_last(desk, "drift.attributed"), "alice", "time");
    desk_free(desk);
}

Test(attribute, whoever_deleted_the_namespace_deleted_what_was_in_it)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write writes[2] = {write_of_alice(), write_of_alice()};
    writes[0] = (struct hf_agent_write){.group = "",
                                        .kind = "Namespace",
                                        .name = "dev",
                                        .user = "alice",
                                        .user_agent = "kubectl/v1.32.0",
                                        .is_delete = true,
                                        .at_ms = WALL + desk->mono};
    writes[1].at_ms = WALL + desk->mono;
    writes[1].user = "system:serviceaccount:kube-system:namespace-controller";
    writes[1].name = NULL;
    writes[1].is_delete = true;
    writes[1].resource_version = NULL;
    told(desk, writes, 2);
    desk_deleted(desk, "ConfigMap", live_of("1", "confighub", 10));
    expect_who(desk_last(desk, "drift.seen"), "alice", "time");
    desk_free(desk);
}

Test(attribute, a_rule_may_ask_who_it_was_while_the_drift_is_given_grace)
{
    struct desk *desk =
        config_desk("pack: mine\nrules:\n"
                    "  - name: bots\n    match: {kind: ConfigMap, user: \"ci-*\"}\n    action: ignore\n"
                    "  - name: wait\n    match: {kind: ConfigMap}\n    action: correct\n    grace: 5s\n");
    struct hf_agent_write bot = write_of_alice();
    bot.user = "ci-deploy";
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    desk_wait(desk, 1000);
    told(desk, &bot, 1);
    struct desk_request *request = desk_next(desk);
    cr_assert_not_null(request, "it is judged anew");
    cr_assert_str_eq(request->what, "get");
    desk_answer(desk, request, HF_OK, live_of("9", "kubectl-edit", 11));
    desk_wait(desk, 20000);
    cr_assert_null(desk_next(desk), "the bot's change is left");
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    desk_free(desk);
}

Test(attribute, a_storm_of_writes_elsewhere_costs_nothing_that_is_waited_for)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write other = write_of_alice();
    struct hf_agent_write alice = write_of_alice();
    other.name = "not-ours";
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    for (int i = 0; i < 5000; i++) {
        told(desk, &other, 1);
    }
    told(desk, &alice, 1);
    cr_assert_eq(desk_count(desk, "drift.attributed"), 1);
    desk_free(desk);
}

Test(attribute, a_name_that_is_hostile_stays_text)
{
    struct desk *desk = config_desk(NULL);
    struct hf_agent_write write = write_of_alice();
    write.user = "\"},{\"user\":\"bob\x1b[31m\n";
    write.impersonated = "root";
    told(desk, &write, 1);
    desk_change(desk, "ConfigMap", live_of("9", "kubectl-edit", 11));
    const char *detail = desk_last(desk, "drift.seen")->detail;
    cr_assert(strstr(detail, "\"user\":\"\\\"},{\\\"user\\\":\\\"bob\\u001b[31m\\n\",\"impersonated\":\"root\""), "%s",
              detail);
    desk_free(desk);
}
