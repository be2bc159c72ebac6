#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "channel.h"
#include "holdfast/alert.h"

static const char *text(const cJSON *json, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

Test(message, a_webhook_is_signed_as_the_standard_webhooks_vector)
{
    static const char BODY[] = "{\"test\": 2432232314}";
    struct hf_buf out = {0};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_alert_signature(&out, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                    1614265330, BODY, strlen(BODY), &err),
                 0);
    cr_assert_str_eq(out.ptr, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    hf_buf_free(&out);
}

Test(message, a_secret_that_is_no_base64_is_refused_without_being_shown)
{
    struct hf_buf out = {0};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_alert_signature(&out, "whsec_!hush-hush!", "id", 1, "{}", 2, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    cr_expect(!strstr(err.text, "hush"));
    hf_buf_free(&out);
}

Test(message, the_body_is_a_cloud_event_around_the_event)
{
    struct hf_alert_message message = {
        .id = 7,
        .key = "evt-7-ops",
        .event_json =
            "{\"id\":7,\"at\":\"2026-11-23T03:00:00.123Z\",\"type\":\"drift.seen\",\"target\":\"dev\",\"kind\":"
            "\"Deployment\",\"namespace\":\"traderx-dev\",\"name\":\"trade-service\",\"revision\":9007199254740993,"
            "\"message\":\"<b>\\u0000 \\\"quoted\\\"\"}"};
    struct hf_buf body = {0};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_alert_body(&body, &message, &err), 0, "%s", err.text);
    cJSON *json = cJSON_ParseWithOpts(body.ptr, NULL, 1);
    cr_assert(json);
    cr_expect_str_eq(text(json, "specversion"), "1.0");
    cr_expect_str_eq(text(json, "id"), "evt-7-ops");
    cr_expect_str_eq(text(json, "source"), "holdfast");
    cr_expect_str_eq(text(json, "type"), "dev.holdfast.drift.seen");
    cr_expect_str_eq(text(json, "time"), "2026-11-23T03:00:00.123Z");
    cr_expect_str_eq(text(json, "subject"), "dev/Deployment/traderx-dev/trade-service");
    cr_expect_str_eq(text(json, "datacontenttype"), "application/json");
    cr_expect(strstr(body.ptr, "\"data\":{\"id\":7,"), "the event's own bytes: numbers keep every digit");
    cr_expect(strstr(body.ptr, "9007199254740993"));
    cJSON_Delete(json);
    hf_buf_free(&body);
}

static const char *const BROKEN[] = {"", "{", "[]", "7", "null", "{}x", "{\"type\":\"a\"},{\"b\":1}", "\"text\""};

Test(message, an_event_that_is_no_object_is_never_put_into_a_body)
{
    for (size_t i = 0; i < sizeof BROKEN / sizeof BROKEN[0]; i++) {
        struct hf_alert_message message = {.id = 1, .key = "k", .event_json = BROKEN[i]};
        struct hf_buf body = {0};
        struct hf_error err = HF_ERROR_INIT;
        cr_expect_eq(hf_alert_body(&body, &message, &err), -1, "%s", BROKEN[i]);
        cr_expect_eq(err.code, HF_EPARSE);
        hf_buf_free(&body);
    }
}

struct attempt_case {
    int status;
    int64_t retry_after_ms;
    int64_t attempts;
    unsigned failures;
    unsigned refusals;
    int64_t age_ms;
    int outcome;
    int64_t least_ms;
    int64_t most_ms;
    int64_t least_close_ms;
    int64_t most_close_ms;
};

/* First delay 1 s, at most 300 s, given up after 1 h. */
ParameterizedTestParameters(retry, each_end_of_an_attempt_leads_to_what_is_promised)
{
    static struct attempt_case cases[] = {
        {200, -1, 1, 0, 0, 0, HF_ALERT_DELIVERED, 0, 0, 0, 0},
        {204, -1, 9, 0, 0, 4000000, HF_ALERT_DELIVERED, 0, 0, 0, 0},
        {0, -1, 1, 1, 0, 0, HF_ALERT_AGAIN, 500, 1000, 500, 1000},
        {500, -1, 1, 1, 0, 0, HF_ALERT_AGAIN, 500, 1000, 500, 1000},
        {503, -1, 3, 3, 0, 0, HF_ALERT_AGAIN, 2000, 4000, 2000, 4000},
        {408, -1, 1, 1, 0, 0, HF_ALERT_AGAIN, 500, 1000, 500, 1000},
        {425, -1, 1, 1, 0, 0, HF_ALERT_AGAIN, 500, 1000, 500, 1000},
        {500, -1, 60, 60, 0, 0, HF_ALERT_AGAIN, 150000, 300000, 150000, 300000},
        {500, -1, 1, 9, 0, 0, HF_ALERT_AGAIN, 128000, 256000, 128000, 256000},
        {429, 7000, 1, 1, 0, 0, HF_ALERT_AGAIN, 7000, 7000, 7000, 7000},
        {503, 200, 1, 1, 0, 0, HF_ALERT_AGAIN, 500, 1000, 500, 1000},
        {429, 86400000, 1, 1, 0, 0, HF_ALERT_AGAIN, 3600000, 3600000, 3600000, 3600000},
        {301, -1, 1, 0, 1, 0, HF_ALERT_AGAIN, 150000, 300000, 0, 0},
        {404, -1, 1, 0, 2, 0, HF_ALERT_AGAIN, 150000, 300000, 0, 0},
        {401, -1, 1, 0, 3, 0, HF_ALERT_AGAIN, 150000, 300000, 500, 1000},
        {401, -1, 1, 0, 99, 0, HF_ALERT_AGAIN, 150000, 300000, 150000, 300000},
        {500, -1, 40, 40, 0, 3590000, HF_ALERT_AGAIN, 10000, 10000, 10000, 10000},
        {500, -1, 40, 40, 0, 3600000, HF_ALERT_GIVEN_UP, 0, 0, 0, 0},
        {404, -1, 40, 40, 0, 3700000, HF_ALERT_GIVEN_UP, 0, 0, 0, 0},
    };
    return cr_make_param_array(struct attempt_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct attempt_case *c, retry, each_end_of_an_attempt_leads_to_what_is_promised)
{
    static const double CHANCES[] = {0, 0.3, 0.999};
    struct hf_channel channel = {.first_ms = 1000, .most_ms = 300000, .give_up_ms = 3600000};
    for (size_t i = 0; i < 3; i++) {
        struct hf_attempt attempt = {c->status,  c->retry_after_ms,      c->attempts, c->failures, c->refusals,
                                     1000000000, 1000000000 - c->age_ms, CHANCES[i]};
        struct hf_verdict_on_attempt verdict = hf_attempt_judge(&channel, &attempt);
        cr_expect_eq(verdict.outcome, c->outcome, "status %d: %d", c->status, verdict.outcome);
        cr_expect(verdict.delay_ms >= c->least_ms && verdict.delay_ms <= c->most_ms, "status %d: %lld ms", c->status,
                  (long long)verdict.delay_ms);
        cr_expect(verdict.close_ms >= c->least_close_ms && verdict.close_ms <= c->most_close_ms, "status %d: %lld ms",
                  c->status, (long long)verdict.close_ms);
    }
}

struct url_case {
    const char *url;
    const char *host;
};

static const struct url_case URLS[] = {
    {"https://hooks.example.com/services/T000/B000/topsecrettoken", "hooks.example.com"},
    {"https://user:passphrase@hooks.example.com:8443/x?key=topsecrettoken", "hooks.example.com:8443"},
    {"http://127.0.0.1:9/topsecrettoken#frag", "127.0.0.1:9"},
    {"https://a@b@host.example/topsecrettoken", "host.example"},
    {"https://[::1]:9000/topsecrettoken", "[::1]:9000"},
};

Test(secret, of_a_webhook_url_only_the_host_is_ever_shown)
{
    for (size_t i = 0; i < sizeof URLS / sizeof URLS[0]; i++) {
        char why[300];
        struct hf_error err = HF_ERROR_INIT;
        char *host = hf_alert_host(URLS[i].url);
        cr_expect_str_eq(host, URLS[i].host);
        free(host);
        hf_error_set(&err, HF_EUNAVAILABLE, "POST %s: connection refused", URLS[i].url);
        hf_alert_reason(why, sizeof why, URLS[i].url, &err);
        cr_expect(!strstr(why, "topsecrettoken"), "%s", why);
        cr_expect(!strstr(why, "passphrase"), "%s", why);
        cr_expect(strstr(why, "unavailable"));
        cr_expect(strstr(why, "connection refused"), "%s", why);
        hf_error_set(&err, HF_EUNAVAILABLE, "could not send to TOPSECRETTOKEN-like /some/topsecrettoken/elsewhere");
        hf_alert_reason(why, sizeof why, URLS[i].url, &err);
        cr_expect(!strstr(why, "topsecrettoken"), "%s", why);
    }
}
