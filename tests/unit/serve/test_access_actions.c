/* What people ask the agent for by the API: who may, what is checked, in whose name it is handed on. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access_fixture.h"

static struct server server;
static struct fake_actions fake;
static struct hf_serve_token tokens[4];
static struct hf_serve_access access_control;

static void set_up(void)
{
    access_of(&access_control, tokens);
    access_start(&server, &fake, &access_control);
}

static void tear_down(void)
{
    server_stop(&server);
}

TestSuite(actions, .init = set_up, .fini = tear_down, .timeout = 60);

#define PUT_BACK "{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"it hurts\"}"

static struct reply post(const char *head, const char *body)
{
    return with(&server, "POST", "/api/v1/actions", head, body);
}

static int status(const char *head, const char *body)
{
    return status_of(&server, "POST", "/api/v1/actions", head, body);
}

Test(actions, only_an_operator_may_act)
{
    cr_expect_eq(status(JSON, PUT_BACK), 401);
    cr_expect_eq(status(JSON AS("wrong"), PUT_BACK), 401);
    cr_expect_eq(status(JSON AS(OLD), PUT_BACK), 401);
    cr_expect_eq(status(JSON AS(BOB), PUT_BACK), 403);
    cr_expect_eq(status(JSON AS(CAROL), PUT_BACK), 403);
    cr_expect_eq(fake.count, 0u);
    cr_expect_eq(status(JSON AS(ALICE), PUT_BACK), 202);
    cr_expect_eq(fake.count, 1u);
}

Test(actions, a_put_back_is_handed_on_in_the_name_of_who_asked)
{
    struct reply reply = post(JSON AS(ALICE), PUT_BACK);
    cr_assert_eq(reply.status, 202, "%s", reply.body);
    cr_expect_str_eq(reply_header(&reply, "Location"), "/api/v1/actions/a0123-456789");
    cr_expect(strstr(reply.body, "\"id\":\"a0123-456789\",\"state\":\"waiting\",\"href\":\"/api/v1/actions/"), "%s",
              reply.body);
    reply_free(&reply);
    cr_expect_eq(fake.kind, HF_SERVE_PUT_BACK);
    cr_expect_str_eq(fake.by, "alice");
    cr_expect_str_eq(fake.reason, "it hurts");
    cr_expect_str_eq(fake.target, "dev");
    cr_expect_str_eq(fake.unit, "unit-1");
}

Test(actions, of_an_object_alone_the_unit_follows)
{
    cr_assert_eq(status(JSON AS(ALICE),
                        "{\"kind\":\"put_back\",\"target\":\"dev\",\"object\":{\"kind\":\"Deployment\",\"namespace\":"
                        "\"traderx-dev\",\"name\":\"service-00002\"},\"reason\":\"x\"}"),
                 202);
    cr_expect_str_eq(fake.unit, "unit-2");
    cr_expect_str_eq(fake.name, "service-00002");
}

Test(actions, an_object_of_several_namespaces_is_not_guessed)
{
    struct hf_view *view = view_new(3);
    view_object(view, 1)->name = view_object(view, 0)->name;
    view_object(view, 1)->namespace = "traderx-other";
    hf_serve_publish(server.serve, view);
    cr_expect_eq(status(JSON AS(ALICE), "{\"kind\":\"put_back\",\"target\":\"dev\",\"object\":{\"kind\":\"Deployment\","
                                        "\"name\":\"service-00000\"},\"reason\":\"x\"}"),
                 400);
    cr_expect_eq(fake.count, 0u);
    cr_expect_eq(status(JSON AS(ALICE),
                        "{\"kind\":\"put_back\",\"target\":\"dev\",\"object\":{\"kind\":\"Deployment\","
                        "\"namespace\":\"traderx-other\",\"name\":\"service-00000\"},\"reason\":\"x\"}"),
                 202);
    cr_expect_str_eq(fake.unit, "unit-1");
}

Test(actions, a_pause_ends_when_it_was_told_to)
{
    int64_t now = hf_now_ms();
    struct reply reply = post(
        JSON AS(ALICE), "{\"kind\":\"pause\",\"target\":\"dev\",\"unit\":\"unit-1\",\"for\":\"2h\",\"reason\":\"r\"}");
    cr_assert_eq(reply.status, 200, "%s", reply.body);
    cr_expect(strstr(reply.body, "\"id\":\"p-12345678\",\"state\":\"done\""), "%s", reply.body);
    reply_free(&reply);
    cr_expect(fake.until_ms >= now + 7200000 && fake.until_ms < now + 7260000);
    cr_assert_eq(
        status(JSON AS(ALICE), "{\"kind\":\"snooze\",\"target\":\"dev\",\"until\":\"resumed\",\"reason\":\"r\"}"), 200);
    cr_expect_eq(fake.until_ms, HF_TIME_NONE);
    cr_expect_eq(fake.kind, HF_SERVE_SNOOZE);
    cr_assert_eq(status(JSON AS(ALICE), "{\"kind\":\"resume\",\"pause\":\"p-1\",\"reason\":\"r\"}"), 200);
    cr_expect_str_eq(fake.pause, "p-1");
}

Test(actions, accept_and_rollback_can_be_tried_first)
{
    cr_assert_eq(status(JSON AS(ALICE), "{\"kind\":\"accept\",\"target\":\"dev\",\"unit\":\"unit-0\",\"dry_run\":true,"
                                        "\"reason\":\"r\"}"),
                 202);
    cr_expect(fake.dry_run && fake.kind == HF_SERVE_ACCEPT && fake.to == -1);
    cr_assert_eq(status(JSON AS(ALICE),
                        "{\"kind\":\"rollback\",\"target\":\"dev\",\"unit\":\"unit-0\",\"to\":7,\"reason\":\"r\"}"),
                 202);
    cr_expect(!fake.dry_run && fake.kind == HF_SERVE_ROLLBACK && fake.to == 7);
}

struct wrong {
    char body[260];
    int status;
    char told[60];
};

ParameterizedTestParameters(actions, wrong)
{
#define BEGIN "{\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"r\","
    static struct wrong rows[] = {
        {"", 400, "no JSON"},
        {"{", 400, "no JSON"},
        {"[]", 400, "object"},
        {"null", 400, "object"},
        {"{}", 400, "kind"},
        {BEGIN "\"kind\":\"destroy\"}", 400, "kind"},
        {BEGIN "\"kind\":[]}", 400, "kind"},
        {BEGIN "\"kind\":\"put_back\",\"colour\":\"red\"}", 400, "colour"},
        {BEGIN "\"kind\":\"put_back\",\"to\":3}", 400, "no meaning"},
        {BEGIN "\"kind\":\"put_back\",\"for\":\"2h\"}", 400, "no meaning"},
        {BEGIN "\"kind\":\"put_back\",\"kind\":\"accept\"}", 400, "no JSON"},
        {BEGIN "\"kind\":\"rollback\",\"to\":0}", 400, "revision"},
        {BEGIN "\"kind\":\"rollback\",\"to\":\"3\"}", 400, "revision"},
        {BEGIN "\"kind\":\"rollback\",\"to\":1e400}", 400, "revision"},
        {BEGIN "\"kind\":\"accept\",\"dry_run\":\"yes\"}", 400, "dry_run"},
        {BEGIN "\"kind\":\"pause\"}", 400, "for"},
        {BEGIN "\"kind\":\"pause\",\"for\":\"2h\",\"until\":\"resumed\"}", 400, "for"},
        {BEGIN "\"kind\":\"pause\",\"for\":\"soon\"}", 400, "for"},
        {BEGIN "\"kind\":\"pause\",\"for\":\"900d\"}", 400, "for"},
        {BEGIN "\"kind\":\"pause\",\"until\":\"2020-01-01T00:00:00Z\"}", 400, "for"},
        {BEGIN "\"kind\":\"put_back\",\"object\":\"x\"}", 400, "object"},
        {BEGIN "\"kind\":\"put_back\",\"object\":{\"kind\":\"Deployment\"}}", 400, "object"},
        {BEGIN "\"kind\":\"put_back\",\"object\":{\"kind\":\"Deployment\",\"name\":\"service-00000\"}}", 404,
         "no such object"},
        {"{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\"}", 400, "reason"},
        {"{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"\"}", 400, "reason"},
        {"{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"  \"}", 400, "reason"},
        {"{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"a\\nb\"}", 400, "reason"},
        {"{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"a\\u0000b\"}", 400, "reason"},
        {"{\"kind\":\"put_back\",\"unit\":\"unit-1\",\"reason\":\"r\"}", 400, "target"},
        {"{\"kind\":\"put_back\",\"target\":\"prod\",\"unit\":\"unit-1\",\"reason\":\"r\"}", 404, "no such target"},
        {"{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-9\",\"reason\":\"r\"}", 404, "no such unit"},
        {"{\"kind\":\"put_back\",\"target\":\"dev\",\"reason\":\"r\"}", 400, "unit"},
        {"{\"kind\":\"accept\",\"target\":\"dev\",\"reason\":\"r\"}", 400, "unit"},
        {"{\"kind\":\"resume\",\"reason\":\"r\"}", 400, "pause"},
        {"{\"kind\":\"pause\",\"target\":\"dev\",\"unit\":\"../../etc\",\"for\":\"1h\",\"reason\":\"r\"}", 404, "unit"},
    };
    return cr_make_param_array(struct wrong, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(struct wrong *row, actions, wrong)
{
    struct reply reply = post(JSON AS(ALICE), row->body);
    cr_expect_eq(reply.status, row->status, "%s: %d %s", row->body, reply.status, reply.body);
    cr_expect(strstr(reply.body, row->told), "%s: %s", row->body, reply.body);
    cr_expect_str_eq(reply_header(&reply, "Content-Type"), "application/problem+json");
    cr_expect_eq(fake.count, 0u);
    reply_free(&reply);
}

Test(actions, a_cookie_alone_changes_nothing)
{
    struct login alice = log_in(&server, ALICE);
    struct login other = log_in(&server, ALICE);
    char head[600];
    (void)snprintf(head, sizeof head, JSON "Cookie: %s\r\n", alice.cookie);
    cr_expect_eq(status(head, PUT_BACK), 403, "no CSRF token");
    (void)snprintf(head, sizeof head, JSON "Cookie: %s\r\nX-CSRF-Token: \r\n", alice.cookie);
    cr_expect_eq(status(head, PUT_BACK), 403, "an empty one");
    (void)snprintf(head, sizeof head, JSON "Cookie: %s\r\nX-CSRF-Token: %s\r\n", alice.cookie, other.csrf);
    cr_expect_eq(status(head, PUT_BACK), 403, "that of another login");
    cr_expect_eq(fake.count, 0u);
    (void)snprintf(head, sizeof head, JSON "Cookie: %s\r\nX-CSRF-Token: %s\r\n", alice.cookie, alice.csrf);
    cr_expect_eq(status(head, PUT_BACK), 202);
    cr_expect_str_eq(fake.by, "alice");
}

Test(actions, a_post_of_another_site_changes_nothing)
{
    char head[300];
    static const char *const EVIL[] = {"Origin: https://evil.example\r\n", "Origin: null\r\n",
                                       "Origin: http://127.0.0.1:1\r\n", "Sec-Fetch-Site: cross-site\r\n",
                                       "Sec-Fetch-Site: same-site\r\n"};
    for (size_t i = 0; i < sizeof EVIL / sizeof EVIL[0]; i++) {
        (void)snprintf(head, sizeof head, JSON AS(ALICE) "%s", EVIL[i]);
        cr_expect_eq(status(head, PUT_BACK), 403, "%s", EVIL[i]);
        (void)snprintf(head, sizeof head, FORM "%s", EVIL[i]);
        cr_expect_eq(status_of(&server, "POST", "/login", head, "token=" ALICE), 403, "%s", EVIL[i]);
    }
    cr_expect_eq(fake.count, 0u);
    (void)snprintf(head, sizeof head, JSON AS(ALICE) "Origin: http://127.0.0.1:%u\r\nSec-Fetch-Site: same-origin\r\n",
                   server.port);
    cr_expect_eq(status(head, PUT_BACK), 202);
}

Test(actions, what_a_form_of_another_site_can_send_is_not_read)
{
    cr_expect_eq(status(AS(ALICE) "Content-Type: text/plain\r\n", PUT_BACK), 415);
    cr_expect_eq(status(AS(ALICE) FORM, "kind=put_back"), 415);
    cr_expect_eq(status(AS(ALICE), PUT_BACK), 415);
    cr_expect_eq(status_of(&server, "PUT", "/api/v1/actions", AS(ALICE) JSON, PUT_BACK), 405);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/actions", AS(ALICE), NULL), 405);
    cr_expect_eq(fake.count, 0u);
}

Test(actions, a_long_body_is_refused)
{
    char *body = malloc(70001);
    memset(body, ' ', 70000);
    body[70000] = '\0';
    cr_expect_eq(status(AS(ALICE) JSON, body), 413);
    free(body);
}

Test(actions, failures_of_the_agent_are_told_without_its_paths)
{
    static const int ROWS[][2] = {{HF_EIO, 503}, {HF_ELIMIT, 429}, {HF_ENOTFOUND, 404}, {HF_EDENIED, 503}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        fake.fails = ROWS[i][0];
        struct reply reply = post(JSON AS(ALICE), PUT_BACK);
        cr_expect_eq(reply.status, ROWS[i][1]);
        cr_expect(!strstr(reply.body, "secret-place"), "%s", reply.body);
        reply_free(&reply);
    }
}

Test(actions, what_came_of_it_is_told)
{
    struct reply reply = with(&server, "GET", "/api/v1/actions/a0123-456789", AS(BOB), NULL);
    cr_expect_eq(reply.status, 200);
    cr_expect_str_eq(reply.body,
                     "{\"id\":\"a0123-456789\",\"state\":\"done\",\"answers\":[{\"at\":\"2026-11-23T03:00:00."
                     "000Z\",\"state\":\"taken\",\"message\":\"begun\"},{\"at\":\"2026-11-23T03:00:01.000Z\","
                     "\"state\":\"done\",\"message\":\"put <b>back</b>\"}]}\n");
    reply_free(&reply);
    static const char *const NONE[] = {
        "/api/v1/actions/a9",    "/api/v1/actions/..%2f..%2fetc",
        "/api/v1/actions/A",     "/api/v1/actions/a0123-456789%2f",
        "/api/v1/actions/a%20b", "/api/v1/actions/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        int found = status_of(&server, "GET", NONE[i], AS(BOB), NULL);
        cr_expect(found == 404 || found == 400, "%s: %d", NONE[i], found);
    }
    reply = with(&server, "GET", "/api/v1/pauses", AS(BOB), NULL);
    cr_expect(strstr(reply.body, "{\"items\":[{\"id\":\"p-1\""), "%s", reply.body);
    reply_free(&reply);
}

Test(actions, without_access_control_loopback_is_read_only)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_serve_renew(server.serve, NULL, &err), 0);
    struct reply reply = with(&server, "GET", "/api/v1/session", "", NULL);
    cr_expect(strstr(reply.body,
                     "\"user\":null,\"role\":\"viewer\",\"by\":\"loopback\",\"csrf\":null,\"may\":[\"read\","
                     "\"audit\"],\"login\":false"),
              "%s", reply.body);
    reply_free(&reply);
    cr_expect_eq(status(JSON, PUT_BACK), 403);
    cr_expect_eq(status(JSON AS(ALICE), PUT_BACK), 403, "a token that nobody gave out gives nothing");
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", "", NULL), 200);
    cr_expect_eq(status_of(&server, "POST", "/api/v1/login", JSON, "{\"token\":\"x\"}"), 404);
    cr_expect_eq(fake.count, 0u);
}
