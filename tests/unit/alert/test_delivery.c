/* Alerts against receivers that behave as receivers do, on a real loop and real sockets, with an outbox in memory. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery.h"

TestSuite(delivery, .init = delivery_set_up, .fini = delivery_tear_down, .timeout = 30);

static void expect_in_order(struct receiver *receiver, size_t count)
{
    size_t next = 0;
    for (size_t i = 0; i < receiver->count; i++) {
        size_t number = strtoul(received_header(&receiver->got[i], "webhook-id") + strlen("key-"), NULL, 10);
        cr_assert(number == next || (next > 0 && number == next - 1), "alert %zu came after %zu", number, next - 1);
        next = number + 1;
    }
    cr_expect_eq(next, count);
}

static const struct answer ROUGH[] = {
    {ANSWER_STATUS, 500, NULL, NULL}, {ANSWER_HANG, 0, NULL, NULL},
    {ANSWER_CLOSE, 0, NULL, NULL},    {ANSWER_CLOSE_EARLY, 0, NULL, NULL},
    {ANSWER_STATUS, 200, NULL, NULL}, {ANSWER_STATUS, 503, NULL, NULL},
    {ANSWER_STATUS, 408, NULL, NULL}, {ANSWER_STATUS, 307, "Location: /elsewhere\r\n", NULL},
    {ANSWER_STATUS, 404, NULL, NULL}, {ANSWER_STATUS, 204, NULL, NULL},
    {ANSWER_STATUS, 429, NULL, NULL},
};

Test(delivery, every_alert_arrives_in_order_however_the_receiver_stumbles)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, ROUGH, sizeof ROUGH / sizeof ROUGH[0]);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    for (int i = 0; i < 20; i++) {
        add_row("ops", 1);
    }
    start(&channel, 1);
    cr_expect(run(15000), "%zu of %zu settled", outbox.settled, outbox.count);
    receiver_stop(&receiver);
    expect_in_order(&receiver, 20);
    for (size_t i = 0; i < outbox.count; i++) {
        cr_expect_eq(outbox.rows[i].outcome, HF_ALERT_DELIVERED);
    }
    cr_expect_geq(receiver.count, 29);
    struct hf_alert_stats stats;
    cr_expect_eq(hf_alert_stats(outbox.alert, &stats, 1), 1);
    cr_expect_eq(stats.delivered, 20);
    cr_expect_eq(stats.failed, 9);
    cr_expect_not(stats.failing);
    receiver_free(&receiver);
}

Test(delivery, the_request_is_a_signed_cloud_event)
{
    struct receiver receiver;
    char url[200];
    struct hf_error err = HF_ERROR_INIT;
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    channel.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    add_row("ops", 1);
    start(&channel, 1);
    cr_assert(run(5000));
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 1);
    const struct received *got = &receiver.got[0];
    cr_expect_eq(strncmp(got->head, "POST /services/topsecretpath?key=topsecretkey ", 46), 0);
    cr_expect(strstr(received_header(got, "Content-Type"), "application/cloudevents+json"));
    cr_expect_str_eq(received_header(got, "webhook-id"), "key-0");
    int64_t timestamp = strtoll(received_header(got, "webhook-timestamp"), NULL, 10);
    cr_expect(llabs(timestamp - hf_now_ms() / 1000) < 10);
    struct hf_buf signature = {0};
    cr_assert_eq(hf_alert_signature(&signature, channel.secret, "key-0", timestamp, got->body, strlen(got->body), &err),
                 0);
    cr_expect_str_eq(received_header(got, "webhook-signature"), signature.ptr);
    hf_buf_free(&signature);
    cJSON *json = cJSON_ParseWithOpts(got->body, NULL, 1);
    cr_assert(json);
    cr_expect_str_eq(cJSON_GetObjectItem(json, "type")->valuestring, "dev.holdfast.drift.seen");
    cr_expect_eq(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "data"), "id")->valueint, 0);
    cJSON_Delete(json);
    receiver_free(&receiver);
}

static const struct answer THROTTLE[] = {{ANSWER_STATUS, 429, "Retry-After: 1\r\n", NULL}};

Test(delivery, a_receiver_that_asks_for_quiet_gets_it_for_all_messages)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, THROTTLE, 1);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    add_row("ops", 1);
    add_row("ops", 2);
    start(&channel, 1);
    cr_assert(run(10000));
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 3);
    cr_expect_geq(receiver.got[1].at_ms - receiver.got[0].at_ms, 950);
    receiver_free(&receiver);
}

Test(delivery, a_receiver_that_was_gone_gets_everything_when_it_is_back)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    receiver_stop(&receiver);
    for (int i = 0; i < 5; i++) {
        add_row("ops", 1);
    }
    start(&channel, 1);
    cr_expect_not(run(700));
    struct hf_alert_stats stats;
    (void)hf_alert_stats(outbox.alert, &stats, 1);
    cr_expect(stats.failing && stats.failed >= 2);
    receiver_return(&receiver);
    cr_expect(run(5000));
    receiver_stop(&receiver);
    expect_in_order(&receiver, 5);
    receiver_free(&receiver);
}

static const struct answer DEAD[] = {{ANSWER_HANG, 0, NULL, NULL}, {ANSWER_HANG, 0, NULL, NULL},
                                     {ANSWER_HANG, 0, NULL, NULL}, {ANSWER_HANG, 0, NULL, NULL},
                                     {ANSWER_HANG, 0, NULL, NULL}, {ANSWER_HANG, 0, NULL, NULL}};

Test(delivery, a_dead_channel_delays_no_other)
{
    struct receiver dead;
    struct receiver well;
    char dead_url[200];
    char well_url[200];
    receiver_start(&dead, DEAD, 6);
    receiver_start(&well, NULL, 0);
    struct hf_alert_channel channels[] = {quick("dead", url_of(&dead, dead_url, sizeof dead_url)),
                                          quick("well", url_of(&well, well_url, sizeof well_url))};
    for (int i = 0; i < 20; i++) {
        add_row("dead", 1);
        add_row("well", 1);
    }
    start(channels, 2);
    for (int turns = 0; turns < 200 && receiver_count(&well) < 20; turns++) {
        (void)run(100);
    }
    receiver_stop(&well);
    receiver_stop(&dead);
    cr_expect_eq(well.count, 20);
    cr_expect_leq(dead.count, 6, "none of its answers but those that hang had come by then");
    receiver_free(&well);
    receiver_free(&dead);
}

static const struct answer POISON[] = {{ANSWER_STATUS, 400, NULL, NULL}};

Test(delivery, a_message_that_is_refused_does_not_block_other_incidents)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, POISON, 1);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    channel.backoff_max_ms = 1500;
    add_row("ops", 1);
    add_row("ops", 1);
    add_row("ops", 2);
    start(&channel, 1);
    cr_assert(run(8000));
    receiver_stop(&receiver);
    static const char *const ORDER[] = {"key-0", "key-2", "key-0", "key-1"};
    cr_assert_eq(receiver.count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_str_eq(received_header(&receiver.got[i], "webhook-id"), ORDER[i]);
    }
    cr_expect_geq(receiver.got[2].at_ms - receiver.got[0].at_ms, 740);
    receiver_free(&receiver);
}

Test(delivery, after_its_time_an_alert_is_given_up_with_a_reason)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    receiver_stop(&receiver);
    channel.give_up_ms = 300;
    add_row("ops", 1);
    start(&channel, 1);
    cr_assert(run(5000));
    cr_expect_eq(outbox.rows[0].outcome, HF_ALERT_GIVEN_UP);
    cr_expect_geq(outbox.rows[0].attempts, 2);
    cr_expect(strlen(outbox.rows[0].why) > 0);
    receiver_free(&receiver);
}

Test(delivery, a_redirect_is_not_followed)
{
    static const struct answer REDIRECT[] = {{ANSWER_STATUS, 302, "Location: /elsewhere\r\n", NULL}};
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, REDIRECT, 1);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    add_row("ops", 1);
    start(&channel, 1);
    cr_assert(run(5000));
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 2);
    cr_expect(strstr(receiver.got[1].head, "/services/"));
    receiver_free(&receiver);
}

Test(delivery, the_webhooks_path_and_key_never_reach_log_or_outbox)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, ROUGH, sizeof ROUGH / sizeof ROUGH[0]);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    channel.secret = "topsecrethmac";
    add_row("ops", 1);
    start(&channel, 1);
    cr_expect(run(10000));
    receiver_stop(&receiver);
    add_row("ops", 1);
    hf_alert_wake(outbox.alert);
    (void)run(500);
    const char *log = read_log();
    cr_expect(strstr(log, "alert channel fails"), "%s", log);
    cr_expect(strstr(log, "works again"));
    cr_expect_not(strstr(log, "topsecret"), "%s", log);
    for (size_t i = 0; i < outbox.count; i++) {
        cr_expect_not(strstr(outbox.rows[i].why, "topsecret"), "%s", outbox.rows[i].why);
    }
    receiver_free(&receiver);
}

Test(delivery, an_outbox_that_is_busy_is_asked_again_and_no_outcome_is_lost)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    add_row("ops", 1);
    outbox.refuse_takes = 1;
    outbox.refuse_settles = 2;
    start(&channel, 1);
    cr_expect(run(10000));
    receiver_stop(&receiver);
    cr_expect_eq(receiver.count, 1, "delivered once: the outcome was kept, not sent again");
    receiver_free(&receiver);
}

Test(delivery, new_alerts_go_out_when_woken)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    start(&channel, 1);
    (void)run(50);
    for (int i = 0; i < 100; i++) {
        add_row("ops", i);
        hf_alert_wake(outbox.alert);
    }
    cr_expect(run(30000));
    receiver_stop(&receiver);
    cr_expect_eq(receiver.count, 100);
    receiver_free(&receiver);
}

Test(delivery, freeing_while_a_request_is_under_way_is_safe)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, DEAD, 6);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    add_row("ops", 1);
    start(&channel, 1);
    (void)run(100);
    hf_alert_free(outbox.alert);
    outbox.alert = NULL;
    (void)run(100);
    cr_expect_not(outbox.rows[0].done, "it stays in the outbox");
    cr_expect_not(outbox.rows[0].in_hand, "and can be taken again");
    receiver_stop(&receiver);
    receiver_free(&receiver);
}

Test(delivery, a_reload_with_requests_under_way_loses_and_holds_back_nothing)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, DEAD, 1);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    for (int i = 0; i < 10; i++) {
        add_row("ops", i);
    }
    start(&channel, 1);
    for (int i = 0; i < 20; i++) {
        struct hf_alert *before = outbox.alert;
        (void)run(7);
        start(&channel, 1);
        hf_alert_free(before);
    }
    cr_expect(run(5000), "%zu of %zu", outbox.settled, outbox.count);
    receiver_stop(&receiver);
    receiver_free(&receiver);
}

static const char *const WRONG_URLS[] = {"", "ftp://host/topsecret", "hooks.example.com/topsecret",
                                         "https:///topsecret", "http://"};

Test(delivery, a_wrong_url_is_refused_at_start_without_being_shown)
{
    for (size_t i = 0; i < sizeof WRONG_URLS / sizeof WRONG_URLS[0]; i++) {
        struct hf_alert_channel channel = {.name = "ops", .url = WRONG_URLS[i]};
        struct hf_alert_outbox table = {NULL, take, settle};
        struct hf_alert *alert = NULL;
        struct hf_error err = HF_ERROR_INIT;
        cr_expect_eq(hf_alert_new(loop, http, NULL, &channel, 1, &table, &alert, &err), -1, "%s", WRONG_URLS[i]);
        cr_expect_eq(err.code, HF_EINVAL);
        cr_expect_not(strstr(err.text, "topsecret"));
        cr_expect_null(alert);
    }
}

static cJSON *body_of(const struct receiver *receiver, size_t number)
{
    cJSON *json = cJSON_ParseWithOpts(receiver->got[number].body, NULL, 1);
    cr_assert_not_null(json, "%s", receiver->got[number].body);
    return json;
}

Test(delivery, a_channel_of_a_service_is_sent_that_services_form)
{
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, NULL, 0);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    channel.type = "slack";
    add_row("ops", 1);
    start(&channel, 1);
    cr_assert(run(5000));
    receiver_stop(&receiver);
    cJSON *json = body_of(&receiver, 0);
    cr_expect(cJSON_HasObjectItem(json, "blocks") && !cJSON_HasObjectItem(json, "specversion"));
    cr_expect_str_eq(received_header(&receiver.got[0], "Content-Type"), "application/json; charset=utf-8");
    cr_expect_null(received_header(&receiver.got[0], "webhook-id"));
    cJSON_Delete(json);
    receiver_free(&receiver);
}

Test(delivery, slacks_api_is_believed_by_what_its_answer_says_and_gets_the_bots_token)
{
    static const struct answer SCRIPT[] = {
        {ANSWER_STATUS, 200, NULL, "{\"ok\":false,\"error\":\"ratelimited\"}"},
        {ANSWER_STATUS, 200, NULL, "no JSON"},
        {ANSWER_STATUS, 200, NULL, "{\"ok\":true,\"ts\":\"1772357400.000100\"}"},
    };
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, SCRIPT, sizeof SCRIPT / sizeof SCRIPT[0]);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    channel.type = "slack-bot";
    channel.token = "xoxb-topsecrettoken";
    channel.conversation = "C0123";
    add_row("ops", 1);
    start(&channel, 1);
    cr_assert(run(10000));
    receiver_stop(&receiver);
    cr_assert_eq(receiver.count, 3);
    cr_expect_eq(outbox.rows[0].outcome, HF_ALERT_DELIVERED);
    cr_expect_str_eq(received_header(&receiver.got[2], "Authorization"), "Bearer xoxb-topsecrettoken");
    cJSON *json = body_of(&receiver, 2);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(json, "channel")), "C0123");
    cJSON_Delete(json);
    cr_expect_null(strstr(read_log(), "topsecret"));
    receiver_free(&receiver);
}

Test(delivery, pagerdutys_key_stands_in_the_body_and_in_no_header_or_log)
{
    static const struct answer SCRIPT[] = {{ANSWER_STATUS, 500, NULL, NULL}, {ANSWER_STATUS, 202, NULL, "{}"}};
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, SCRIPT, sizeof SCRIPT / sizeof SCRIPT[0]);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    channel.type = "pagerduty";
    channel.token = "topsecretrouting";
    add_row("ops", 1);
    start(&channel, 1);
    cr_assert(run(10000));
    receiver_stop(&receiver);
    cr_expect_eq(outbox.rows[0].outcome, HF_ALERT_DELIVERED);
    cr_expect_null(received_header(&receiver.got[1], "Authorization"));
    cJSON *json = body_of(&receiver, 1);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(json, "routing_key")), "topsecretrouting");
    cJSON_Delete(json);
    cr_expect_null(strstr(read_log(), "topsecret"));
    receiver_free(&receiver);
}

Test(delivery, a_type_that_is_not_known_is_refused)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_alert_outbox table = {NULL, take, settle};
    struct hf_alert_channel channel = quick("ops", "http://127.0.0.1:9/");
    channel.type = "smoke-signals";
    cr_assert_eq(hf_alert_new(loop, http, log_, &channel, 1, &table, &outbox.alert, &err), -1);
    cr_assert(strstr(err.text, "no such type"), "%s", err.text);
}

Test(delivery, an_alert_that_is_answered_by_a_long_page_has_arrived_once)
{
    static char page[100001];
    memset(page, 'x', sizeof page - 1);
    struct answer script[] = {{ANSWER_STATUS, 200, NULL, page}};
    struct receiver receiver;
    char url[200];
    receiver_start(&receiver, script, 1);
    struct hf_alert_channel channel = quick("ops", url_of(&receiver, url, sizeof url));
    add_row("ops", 1);
    start(&channel, 1);
    cr_assert(run(5000));
    receiver_stop(&receiver);
    cr_expect_eq(receiver.count, 1);
    cr_expect_eq(outbox.rows[0].outcome, HF_ALERT_DELIVERED);
    cr_expect_eq(outbox.rows[0].attempts, 1);
    receiver_free(&receiver);
}
