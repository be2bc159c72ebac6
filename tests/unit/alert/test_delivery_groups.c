/* Messages that speak for many events, over real HTTP. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "delivery.h"

TestSuite(delivery_groups, .init = delivery_set_up, .fini = delivery_tear_down, .timeout = 30);

static void seen(const char *what, int incident, const char *namespace)
{
    char more[200];
    (void)snprintf(
        more, sizeof more,
        ",\"target\":\"dev\",\"kind\":\"Service\",\"namespace\":\"%s\",\"name\":\"s%d\",\"incident\":\"i-%d\"",
        namespace, incident, incident);
    add_event("ops", incident, what, more);
}

static struct hf_alert_channel chat(const char *url)
{
    struct hf_alert_channel channel = quick("ops", url);
    channel.type = "slack";
    channel.group_wait_ms = 100;
    channel.group_interval_ms = 100;
    channel.group_by = HF_GROUP_TARGET | HF_GROUP_NAMESPACE;
    return channel;
}

static char *text_of(const struct receiver *receiver, size_t number)
{
    return receiver->got[number].body;
}

Test(delivery_groups, many_events_are_one_message_and_are_settled_together)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = chat(url_of(&receiver, url, sizeof url));
    for (int i = 0; i < 40; i++) {
        seen("drift.seen", i, "a");
    }
    start(&channel, 1);
    cr_assert(run(5000), "%zu of %zu settled", outbox.settled, outbox.count);
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 1);
    cr_expect_not_null(strstr(text_of(&receiver, 0), "40 objects differ in namespace a on dev"), "%s",
                       text_of(&receiver, 0));
    for (size_t i = 0; i < outbox.count; i++) {
        cr_expect_eq(outbox.rows[i].outcome, HF_ALERT_DELIVERED);
    }
    cr_expect_not_null(strstr(outbox.told, "i-39 i-0 -; "), "%s", outbox.told);
    receiver_free(&receiver);
}

Test(delivery_groups, a_group_that_fails_is_sent_again_with_what_came_meanwhile_behind_it)
{
    static const struct answer SCRIPT[] = {{ANSWER_STATUS, 500, NULL, NULL}, {ANSWER_HANG, 0, NULL, NULL}};
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, SCRIPT, 2);
    struct hf_alert_channel channel = chat(url_of(&receiver, url, sizeof url));
    for (int i = 0; i < 5; i++) {
        seen("drift.seen", i, "a");
    }
    start(&channel, 1);
    (void)run(250); /* the first attempt has failed, the second hangs */
    for (int i = 0; i < 5; i++) {
        seen("drift.healed", i, "a");
    }
    hf_alert_wake(outbox.alert);
    cr_assert(run(8000), "%zu of %zu settled", outbox.settled, outbox.count);
    receiver_stop(&receiver);
    cr_expect_geq(receiver.count, 3);
    cr_expect_not_null(strstr(text_of(&receiver, receiver.count - 1), "right again"), "%s",
                       text_of(&receiver, receiver.count - 1));
    cr_expect_not_null(strstr(outbox.told, "i-4 i-0 over; "), "%s", outbox.told);
    receiver_free(&receiver);
}

Test(delivery_groups, slacks_messages_of_one_incident_are_a_thread)
{
    static const struct answer SCRIPT[] = {
        {ANSWER_STATUS, 200, NULL, "{\"ok\":true,\"ts\":\"1772357400.000100\"}"},
        {ANSWER_STATUS, 200, NULL, "{\"ok\":true,\"ts\":\"1772357401.000200\"}"},
        {ANSWER_STATUS, 200, NULL, "{\"ok\":true,\"ts\":\"1772357402.000300\"}"},
    };
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, SCRIPT, 3);
    struct hf_alert_channel channel = chat(url_of(&receiver, url, sizeof url));
    channel.type = "slack-bot";
    channel.token = "xoxb-token";
    channel.conversation = "C0123";
    seen("drift.seen", 1, "a");
    start(&channel, 1);
    cr_assert(run(5000));
    seen("drift.healed", 1, "a");
    hf_alert_wake(outbox.alert);
    cr_assert(run(5000));
    seen("drift.seen", 2, "a"); /* another trouble of the same place is no reply to it */
    hf_alert_wake(outbox.alert);
    cr_assert(run(5000));
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 3);
    cr_expect_null(strstr(text_of(&receiver, 0), "thread_ts"));
    cr_expect_not_null(strstr(text_of(&receiver, 1), "\"thread_ts\":\"1772357400.000100\""), "%s",
                       text_of(&receiver, 1));
    cr_expect_null(strstr(text_of(&receiver, 2), "thread_ts"));
    cr_expect_str_eq(outbox.told, "i-1 i-1 1772357400.000100; i-1 i-1 over; i-2 i-2 1772357402.000300; ");
    receiver_free(&receiver);
}

Test(delivery_groups, beyond_its_limit_a_channel_gets_a_digest_in_place_of_a_storm)
{
    struct receiver receiver;
    char url[200];
    char namespace[12];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = chat(url_of(&receiver, url, sizeof url));
    channel.limit_messages = 2;
    channel.limit_within_ms = 700;
    for (int i = 0; i < 30; i++) {
        (void)snprintf(namespace, sizeof namespace, "n%d", i);
        seen("drift.seen", i, namespace);
    }
    start(&channel, 1);
    cr_assert(run(8000), "%zu of %zu settled", outbox.settled, outbox.count);
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 3);
    cr_expect_not_null(strstr(text_of(&receiver, 2), "28 alerts of 28 places in one"), "%s", text_of(&receiver, 2));
    cr_expect_geq(receiver.got[2].at_ms - receiver.got[0].at_ms, 650);
    receiver_free(&receiver);
}

Test(delivery_groups, a_pagers_messages_wait_one_by_one_for_room)
{
    struct receiver receiver;
    char url[200];
    char namespace[12];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = chat(url_of(&receiver, url, sizeof url));
    channel.type = "pagerduty";
    channel.token = "routing";
    channel.limit_messages = 2;
    channel.limit_within_ms = 200;
    for (int i = 0; i < 5; i++) {
        (void)snprintf(namespace, sizeof namespace, "n%d", i);
        seen("drift.seen", i, namespace);
    }
    start(&channel, 1);
    cr_assert(run(8000));
    receiver_stop(&receiver);
    cr_expect_eq(receiver.count, 5);
    receiver_free(&receiver);
}

static struct hf_alert_channel pager(const char *url)
{
    struct hf_alert_channel channel = chat(url);
    channel.type = "pagerduty";
    channel.token = "routing";
    return channel;
}

/* It may have arrived for all that: then only the end of it closes what was opened. */
Test(delivery_groups, a_pager_that_did_not_answer_is_told_the_end_of_what_it_may_have_heard)
{
    static const struct answer SCRIPT[] = {{ANSWER_HANG, 0, NULL, NULL}};
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, SCRIPT, 1);
    struct hf_alert_channel channel = pager(url_of(&receiver, url, sizeof url));
    channel.group_wait_ms = 1;
    seen("drift.seen", 1, "a");
    start(&channel, 1);
    (void)run(150);
    seen("drift.healed", 1, "a");
    hf_alert_wake(outbox.alert);
    cr_assert(run(5000));
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 2);
    cr_expect_not_null(strstr(text_of(&receiver, 0), "\"trigger\""));
    cr_expect_not_null(strstr(text_of(&receiver, 1), "\"resolve\""), "%s", text_of(&receiver, 1));
    receiver_free(&receiver);
}

/* A program that was killed does not know what it had sent. */
Test(delivery_groups, a_pager_is_told_the_end_of_what_it_may_have_heard_before_a_restart)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = pager(url_of(&receiver, url, sizeof url));
    seen("drift.seen", 1, "a");
    seen("drift.healed", 1, "a");
    outbox.rows[0].created_ms = outbox.rows[1].created_ms = hf_now_ms() - 1000;
    start(&channel, 1);
    cr_assert(run(5000));
    cr_expect_eq(receiver_count(&receiver), 1);
    cr_expect_not_null(strstr(text_of(&receiver, 0), "\"resolve\""));
    seen("drift.seen", 2, "b");
    seen("drift.healed", 2, "b");
    hf_alert_wake(outbox.alert);
    cr_assert(run(5000));
    receiver_stop(&receiver);
    cr_expect_eq(receiver.count, 1, "what began and ended since is not told");
    cr_expect_eq(outbox.rows[3].outcome, HF_ALERT_PASSED);
    receiver_free(&receiver);
}

Test(delivery_groups, what_is_not_for_a_channel_goes_from_its_outbox_unsent)
{
    static const char *const KINDS[] = {"Deployment"};
    struct hf_alert_match match = {.on = {[HF_ON_KIND] = {KINDS, 1}}};
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    channel.match = &match;
    channel.match_count = 1;
    for (int i = 0; i < 20; i++) {
        seen("drift.seen", i, "a");
    }
    add_event("ops", 99, "drift.seen", ",\"kind\":\"Deployment\",\"name\":\"web\",\"incident\":\"i-99\"");
    start(&channel, 1);
    cr_assert(run(5000), "%zu of %zu settled", outbox.settled, outbox.count);
    receiver_stop(&receiver);
    cr_expect_eq(receiver.count, 1);
    cr_expect_eq(outbox.rows[0].outcome, HF_ALERT_PASSED);
    cr_expect_eq(outbox.rows[20].outcome, HF_ALERT_DELIVERED);
    struct hf_alert_stats stats;
    (void)hf_alert_stats(outbox.alert, &stats, 1);
    cr_expect_eq(stats.passed, 20);
    receiver_free(&receiver);
}

/* Its pattern fits how a trouble begins only: whoever is about to be told that hears of the end all the same. */
Test(delivery_groups, the_end_of_what_waits_to_be_told_is_for_the_channel_too)
{
    static const char *const OUTCOMES[] = {"blocked"};
    static const struct answer SCRIPT[] = {{ANSWER_STATUS, 500, NULL, NULL}};
    struct hf_alert_match match = {.on = {[HF_ON_OUTCOME] = {OUTCOMES, 1}}};
    for (size_t failures = 0; failures < 2; failures++) {
        struct receiver receiver;
        char url[200];
        receiver_start(&receiver, SCRIPT, failures);
        struct hf_alert_channel channel = chat(url_of(&receiver, url, sizeof url));
        channel.match = &match;
        channel.match_count = 1;
        size_t first = outbox.count;
        seen("correction.blocked", (int)failures, "a");
        start(&channel, 1);
        (void)run(50);
        seen("correction.confirmed", (int)failures, "a");
        hf_alert_wake(outbox.alert);
        cr_assert(run(5000), "%zu of %zu settled", outbox.settled, outbox.count);
        receiver_stop(&receiver);
        cr_expect_eq(outbox.rows[first + 1].outcome, HF_ALERT_DELIVERED, "the end was not told");
        cr_expect_not_null(strstr(text_of(&receiver, receiver.count - 1), "RESOLVED"), "%s",
                           text_of(&receiver, receiver.count - 1));
        receiver_free(&receiver);
        hf_alert_free(outbox.alert);
        outbox.alert = NULL;
    }
}

Test(delivery_groups, grouped_events_reach_a_webhook_as_a_batch_of_cloud_events)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = chat(url_of(&receiver, url, sizeof url));
    channel.type = "webhook";
    seen("drift.seen", 1, "a");
    seen("drift.seen", 2, "a");
    start(&channel, 1);
    cr_assert(run(5000));
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 1);
    cr_expect_not_null(strstr(received_header(&receiver.got[0], "Content-Type"), "application/cloudevents-batch+json"));
    cJSON *json = cJSON_ParseWithOpts(text_of(&receiver, 0), NULL, 1);
    cr_assert_eq(cJSON_GetArraySize(json), 2);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(json, 1), "id")), "key-1");
    cJSON_Delete(json);
    receiver_free(&receiver);
}

Test(delivery_groups, what_waits_for_its_group_is_handed_back_at_the_end)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = chat(url_of(&receiver, url, sizeof url));
    channel.group_wait_ms = 60000;
    for (int i = 0; i < 5; i++) {
        seen("drift.seen", i, "a");
    }
    start(&channel, 1);
    (void)run(200);
    hf_alert_free(outbox.alert);
    outbox.alert = NULL;
    receiver_stop(&receiver);
    cr_expect_eq(receiver.count, 0);
    for (size_t i = 0; i < outbox.count; i++) {
        cr_expect(!outbox.rows[i].in_hand && !outbox.rows[i].done && outbox.rows[i].attempts == 0);
    }
    receiver_free(&receiver);
}
