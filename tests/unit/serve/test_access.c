/* Who may read, who may export, who may log in; and what none of it gives away. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

TestSuite(access, .init = set_up, .fini = tear_down, .timeout = 60);

Test(access, without_a_token_nothing_is_read_but_whether_it_lives)
{
    static const char *const SHUT[] = {"/api/v1/summary",
                                       "/api/v1/targets",
                                       "/api/v1/objects",
                                       "/api/v1/events",
                                       "/api/v1/incidents/1",
                                       "/metrics",
                                       "/api/v1/stream",
                                       "/openapi.yaml",
                                       "/api/v1/pauses",
                                       "/api/v1/actions/x",
                                       "/",
                                       "/nothing"};
    for (size_t i = 0; i < sizeof SHUT / sizeof SHUT[0]; i++) {
        struct reply reply = with(&server, "GET", SHUT[i], "", NULL);
        cr_expect_eq(reply.status, 401, "%s: %d", SHUT[i], reply.status);
        cr_expect(!strstr(reply.body, "service-0"), "%s tells of an object", SHUT[i]);
        cr_expect_str_eq(reply_header(&reply, "WWW-Authenticate"), "Bearer realm=\"holdfast\"");
        reply_free(&reply);
    }
    static const char *const OPEN[] = {"/livez", "/healthz", "/readyz", "/login", "/assets/style.css", "/favicon.ico"};
    for (size_t i = 0; i < sizeof OPEN / sizeof OPEN[0]; i++) {
        cr_expect_eq(status_of(&server, "GET", OPEN[i], "", NULL), 200, "%s", OPEN[i]);
    }
}

Test(access, readyz_tells_details_only_to_who_may_read)
{
    struct hf_view *view = view_new(1);
    view->ready = false;
    view_target(view)->cluster_state = "lost";
    view_target(view)->cluster_problem = "https://10.1.2.3:6443 does not answer";
    hf_serve_publish(server.serve, view);
    struct reply reply = with(&server, "GET", "/readyz?verbose", "", NULL);
    cr_expect_eq(reply.status, 503);
    cr_expect_str_eq(reply.body, "not ready\n");
    reply_free(&reply);
    reply = with(&server, "GET", "/readyz?verbose", AS(BOB), NULL);
    cr_expect(strstr(reply.body, "10.1.2.3"), "%s", reply.body);
    reply_free(&reply);
}

Test(access, a_browser_is_led_to_the_login_and_back)
{
    struct reply reply = with(&server, "GET", "/", "Accept: text/html,*/*\r\n", NULL);
    cr_expect_eq(reply.status, 303);
    cr_expect_str_eq(reply_header(&reply, "Location"), "/login");
    reply_free(&reply);
    reply = with(&server, "GET", "/units", "Accept: text/html\r\n", NULL);
    cr_expect_str_eq(reply_header(&reply, "Location"), "/login?next=%2Funits");
    reply_free(&reply);
    reply = with(&server, "GET", "/login?next=%2Funits", "Accept: text/html\r\n", NULL);
    cr_expect(strstr(reply.body, "name=\"next\" value=\"/units\""), "%s", reply.body);
    cr_expect(strstr(reply.body, "type=\"password\""));
    reply_free(&reply);
    reply = with(&server, "GET", "/api/v1/objects", "Accept: text/html\r\n", NULL);
    cr_expect_eq(reply.status, 401, "the API tells, and leads nowhere");
    reply_free(&reply);
}

Test(access, the_login_never_leads_to_another_site)
{
    static const char *const EVIL[] = {"//evil.example",      "https://evil.example", "%2F%5Cevil.example",
                                       "javascript:alert(1)", "/%22%3E%3Cscript%3E",  ""};
    for (size_t i = 0; i < sizeof EVIL / sizeof EVIL[0]; i++) {
        char body[200];
        (void)snprintf(body, sizeof body, "token=%s&next=%s", BOB, EVIL[i]);
        struct reply reply = with(&server, "POST", "/login", FORM, body);
        cr_expect_eq(reply.status, 303);
        cr_expect_str_eq(reply_header(&reply, "Location"), "/", "%s leads away", EVIL[i]);
        reply_free(&reply);
        char target[200];
        (void)snprintf(target, sizeof target, "/login?next=%s", EVIL[i]);
        reply = with(&server, "GET", target, "", NULL);
        cr_expect(!strstr(reply.body, "evil") && !strstr(reply.body, "<script"), "%s", reply.body);
        reply_free(&reply);
    }
}

struct row {
    char token[60];
    char target[40];
    int status;
};

ParameterizedTestParameters(access, roles)
{
    static struct row rows[] = {
        {ALICE, "/api/v1/objects", 200}, {BOB, "/api/v1/objects", 200},    {CAROL, "/api/v1/objects", 200},
        {OLD, "/api/v1/objects", 401},   {"wrong", "/api/v1/events", 401}, {ALICE "x", "/api/v1/events", 401},
        {"", "/api/v1/events", 401},     {BOB, "/metrics", 200},           {BOB, "/", 200},
        {ALICE, "/api/v1/export", 403},  {BOB, "/api/v1/export", 403},
    };
    return cr_make_param_array(struct row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(struct row *row, access, roles)
{
    char head[200];
    (void)snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", row->token);
    cr_expect_eq(status_of(&server, "GET", row->target, head, NULL), row->status, "%s with %s", row->target,
                 row->token);
}

Test(access, the_auditor_is_not_kept_from_the_export)
{
    cr_expect_neq(status_of(&server, "GET", "/api/v1/export", AS(CAROL), NULL), 403);
}

Test(access, a_wrong_token_is_told_even_where_anybody_may_read)
{
    struct hf_error err = HF_ERROR_INIT;
    access_control.anonymous_read = true;
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), 0, "%s", err.text);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", "", NULL), 200);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", AS("wrong"), NULL), 401);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/export", "", NULL), 403, "who is not known exports nothing");
}

Test(access, the_session_tells_who_one_is_and_what_one_may)
{
    static const char *const ROWS[][2] = {
        {"", "\"user\":null,\"role\":null,\"by\":null,\"csrf\":null,\"may\":[],\"login\":true"},
        {AS("wrong"), "\"user\":null,\"role\":null"},
        {AS(ALICE),
         "\"user\":\"alice\",\"role\":\"operator\",\"by\":\"token\",\"csrf\":null,\"may\":[\"read\",\"act\"]"},
        {AS(BOB), "\"user\":\"bob\",\"role\":\"viewer\",\"by\":\"token\",\"csrf\":null,\"may\":[\"read\"]"},
        {AS(CAROL), "\"role\":\"auditor\",\"by\":\"token\",\"csrf\":null,\"may\":[\"read\",\"audit\"]"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct reply reply = with(&server, "GET", "/api/v1/session", ROWS[i][0], NULL);
        cr_expect_eq(reply.status, 200);
        cr_expect(strstr(reply.body, ROWS[i][1]), "%s\nis not %s", reply.body, ROWS[i][1]);
        reply_free(&reply);
    }
}

Test(access, a_login_gives_a_cookie_that_no_script_and_no_other_site_can_use)
{
    struct reply reply = with(&server, "POST", "/api/v1/login", JSON, "{\"token\":\"" ALICE "\"}");
    cr_assert_eq(reply.status, 204);
    const char *cookie = reply_header(&reply, "Set-Cookie");
    cr_assert(cookie);
    cr_expect(strstr(cookie, "; HttpOnly") && strstr(cookie, "; SameSite=Strict") && strstr(cookie, "; Path=/"), "%s",
              cookie);
    cr_expect(!strstr(cookie, "Secure"), "without TLS no browser would keep it");
    cr_expect(!strstr(cookie, "Domain") && !strstr(cookie, "alice"));
    cr_expect(strstr(cookie, "; Max-Age=432"), "%s", cookie);
    cr_expect_str_eq(reply_header(&reply, "Cache-Control"), "no-store");
    reply_free(&reply);
}

Test(access, a_login_lets_in_until_it_is_ended)
{
    struct login login = log_in(&server, ALICE);
    char head[300];
    (void)snprintf(head, sizeof head, "Cookie: other=1; %s\r\n", login.cookie);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 200);
    struct reply reply = with(&server, "GET", "/api/v1/session", head, NULL);
    cr_expect(strstr(reply.body, "\"user\":\"alice\",\"role\":\"operator\",\"by\":\"cookie\""), "%s", reply.body);
    reply_free(&reply);
    reply = with(&server, "POST", "/api/v1/logout", head, "");
    cr_expect_eq(reply.status, 204);
    cr_expect(strstr(reply_header(&reply, "Set-Cookie"), "Max-Age=0"));
    reply_free(&reply);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 401, "the server has forgotten it too");
}

Test(access, a_form_logs_in_and_out_without_javascript)
{
    struct reply reply = with(&server, "POST", "/login", FORM, "token=" BOB "&next=%2Fevents");
    cr_assert_eq(reply.status, 303);
    cr_expect_str_eq(reply_header(&reply, "Location"), "/events");
    char head[300];
    const char *cookie = reply_header(&reply, "Set-Cookie");
    (void)snprintf(head, sizeof head, "Cookie: %.*s\r\n" FORM, (int)strcspn(cookie, ";"), cookie);
    reply_free(&reply);
    cr_expect_eq(status_of(&server, "GET", "/", head, NULL), 200);
    cr_expect_eq(status_of(&server, "POST", "/logout", head, ""), 303);
    cr_expect_eq(status_of(&server, "GET", "/", head, NULL), 401);
    reply = with(&server, "POST", "/login", FORM, "token=wrong&next=%2F");
    cr_expect_eq(reply.status, 401);
    cr_expect(strstr(reply.body, "role=\"alert\"") && strstr(reply.body, "name=\"token\""), "%s", reply.body);
    cr_expect_null(reply_header(&reply, "Set-Cookie"));
    reply_free(&reply);
}

Test(access, a_wrong_login_gives_nothing)
{
    static const char *const BODIES[] = {"{\"token\":\"wrong\"}", "{\"token\":\"\"}", "{\"token\":\"" OLD "\"}",
                                         "{\"token\":\"" ALICE " \"}"};
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        struct reply reply = with(&server, "POST", "/api/v1/login", JSON, BODIES[i]);
        cr_expect_eq(reply.status, 401, "%s: %d", BODIES[i], reply.status);
        cr_expect_null(reply_header(&reply, "Set-Cookie"));
        cr_expect(!strstr(reply.body, "wrong"), "the token is not told back");
        reply_free(&reply);
    }
    static const char *const NONE[] = {"",
                                       "[]",
                                       "{",
                                       "{\"token\":5}",
                                       "{\"token\":null}",
                                       "{}",
                                       "\"" ALICE "\"",
                                       "{\"token\":\"" ALICE "\",\"role\":\"operator\"}"};
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        cr_expect_eq(status_of(&server, "POST", "/api/v1/login", JSON, NONE[i]), 400, "%s", NONE[i]);
    }
    cr_expect_eq(status_of(&server, "POST", "/api/v1/login", "Content-Type: text/plain\r\n", "token=x"), 415);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/login", "", NULL), 405);
}

Test(access, a_cookie_of_somebody_elses_making_is_none)
{
    struct login login = log_in(&server, ALICE);
    char head[300];
    char *last = login.cookie + strlen(login.cookie) - 2;
    *last = *last == 'A' ? 'B' : 'A';
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", login.cookie);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 401);
    *strchr(login.cookie, '=') = '\0';
    (void)snprintf(head, sizeof head, "Cookie: %s=\r\n", login.cookie);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 401);
}

Test(access, guessing_is_shut_out_for_that_address_alone)
{
    int status = 0;
    for (int i = 0; i < 10; i++) {
        char body[60];
        (void)snprintf(body, sizeof body, "{\"token\":\"guess-%d\"}", i);
        cr_expect_eq(status_of(&server, "POST", "/api/v1/login", JSON, body), 401);
    }
    struct reply reply = with(&server, "POST", "/api/v1/login", JSON, "{\"token\":\"" ALICE "\"}");
    cr_expect_eq(reply.status, 429, "the right one is not looked at either: %d", reply.status);
    const char *after = reply_header(&reply, "Retry-After");
    cr_expect(after && atoi(after) > 50 && atoi(after) <= 60, "%s", after);
    reply_free(&reply);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", AS(ALICE), NULL), 429, "nor by a header");
    struct hf_buf seen = {0};
    char request[300];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server.port)};
    from.sin_addr.s_addr = htonl(0x7f000002);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    (void)snprintf(request, sizeof request, "GET /api/v1/objects HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n" AS(ALICE) "\r\n",
                   server.port);
    send_text(fd, request);
    cr_assert(await_text(fd, &seen, "\r\n\r\n", 5000));
    status = atoi(hf_buf_text(&seen) + 9);
    cr_expect_eq(status, 200, "another address goes on: %d", status);
    hf_buf_free(&seen);
    close(fd);
}

Test(access, who_is_logged_in_stays_so_while_his_address_is_shut_out)
{
    struct login login = log_in(&server, ALICE);
    char head[300];
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", login.cookie);
    for (int i = 0; i < 12; i++) {
        (void)status_of(&server, "GET", "/api/v1/objects", AS("guess"), NULL);
    }
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", AS("guess"), NULL), 429);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 200);
}

Test(access, a_token_that_is_taken_away_takes_its_logins_along)
{
    struct login alice = log_in(&server, ALICE);
    struct login bob = log_in(&server, BOB);
    struct hf_error err = HF_ERROR_INIT;
    char head[300];
    tokens[1].role = HF_SERVE_AUDITOR; /* bob is an auditor now */
    access_control.tokens = tokens + 1;
    access_control.token_count = 3;
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), 0, "%s", err.text);
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", alice.cookie);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 401);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", AS(ALICE), NULL), 401);
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", bob.cookie);
    struct reply reply = with(&server, "GET", "/api/v1/session", head, NULL);
    cr_expect(strstr(reply.body, "\"role\":\"auditor\""), "%s", reply.body);
    reply_free(&reply);
}

Test(access, a_session_ends_by_itself)
{
    struct hf_error err = HF_ERROR_INIT;
    access_control.session_ms = 1200;
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), 0);
    struct login login = log_in(&server, ALICE);
    char head[300];
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", login.cookie);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 200);
    usleep(1300000);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 401);
}

Test(access, a_stream_ends_with_the_right_to_read_it)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf seen = {0};
    char request[300];
    int fd = dial(&server);
    (void)snprintf(request, sizeof request, "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n" AS(BOB) "\r\n",
                   server.port);
    send_text(fd, request);
    cr_assert(await_text(fd, &seen, "event: view", 5000), "%s", hf_buf_text(&seen));
    access_control.token_count = 1; /* alice alone */
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), 0);
    cr_expect(await_text(fd, &seen, "\r\n0\r\n\r\n", 5000), "the stream goes on: %s", hf_buf_text(&seen));
    hf_buf_free(&seen);
    close(fd);
}

Test(access, many_logins_of_one_do_not_push_out_others)
{
    struct login bob = log_in(&server, BOB);
    char head[300];
    for (int i = 0; i < 60; i++) {
        (void)log_in(&server, ALICE);
    }
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", bob.cookie);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", head, NULL), 200);
}

Test(access, no_token_is_in_any_answer)
{
    static const char *const TARGETS[] = {"/api/v1/session", "/api/v1/objects", "/metrics", "/",
                                          "/login",          "/api/v1/nothing"};
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        struct reply reply = with(&server, "GET", TARGETS[i], AS(ALICE), NULL);
        cr_expect(!strstr(reply.body, ALICE) && !strstr(reply.head, ALICE), "%s", TARGETS[i]);
        reply_free(&reply);
    }
}

Test(access, the_login_page_tells_nothing_of_what_is_held)
{
    struct hf_view *view = view_new(2);
    view_object(view, 0)->verdict = "blocked";
    view_target(view)->cluster_problem = "https://10.1.2.3:6443 does not answer";
    hf_serve_publish(server.serve, view);
    struct reply page = with(&server, "GET", "/login", "Accept: text/html\r\n", NULL);
    cr_expect_eq(page.status, 200);
    cr_expect(!strstr(page.body, "10.1.2.3") && !strstr(page.body, "service-0") && !strstr(page.body, "blocked"), "%s",
              page.body);
    reply_free(&page);
}
