#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "listen.h"

static struct server server;

static void set_up(void)
{
    static struct hf_serve_options options;
    options = (struct hf_serve_options){.idle_timeout_s = 1};
    server_start(&server, &options);
    hf_serve_publish(server.serve, view_new(3));
}

static void tear_down(void)
{
    server_stop(&server);
}

TestSuite(http, .init = set_up, .fini = tear_down, .timeout = 30);

struct listen_case {
    const char *text;
    enum hf_code code;
};
static const struct listen_case LISTENS[] = {
    {"0.0.0.0:0", HF_EDENIED},
    {"[::]:0", HF_EDENIED},
    {"192.0.2.1:0", HF_EDENIED},
    {"128.0.0.1:0", HF_EDENIED},
    {"[::ffff:127.0.0.1]:0", HF_EDENIED},
    {"[fe80::1]:0", HF_EDENIED},
    {"example.com:80", HF_EINVAL},
    {"127.0.0.1", HF_EINVAL},
    {"127.0.0.1:", HF_EINVAL},
    {":8484", HF_EINVAL},
    {"127.0.0.1:65536", HF_EINVAL},
    {"127.0.0.1:-1", HF_EINVAL},
    {"127.1:0", HF_EINVAL},
    {"", HF_EINVAL},
    {"[::1:0", HF_EINVAL},
    {"::1:0", HF_EINVAL},
    {"[]:0", HF_EINVAL},
    {"127.0.0.1:0x10", HF_EINVAL},
};

Test(listen, every_address_but_loopback_is_refused_with_a_reason)
{
    for (size_t i = 0; i < sizeof LISTENS / sizeof LISTENS[0]; i++) {
        struct hf_listen listen;
        struct hf_error err = HF_ERROR_INIT;
        cr_expect_eq(hf_listen_open(&listen, LISTENS[i].text, &err), -1, "%s was opened", LISTENS[i].text);
        cr_expect_eq(err.code, LISTENS[i].code, "%s: %s", LISTENS[i].text, err.text);
        cr_expect_eq(listen.fd, -1);
    }
}

static const char *const LOOPBACKS[][2] = {
    {"127.0.0.1:0", "http://127.0.0.1:"}, {"localhost:0", "http://127.0.0.1:"}, {"127.8.9.1:0", "http://127.8.9.1:"}};

Test(listen, loopback_addresses_give_the_real_port)
{
    for (size_t i = 0; i < sizeof LOOPBACKS / sizeof LOOPBACKS[0]; i++) {
        struct hf_listen listen;
        struct hf_error err = HF_ERROR_INIT;
        cr_assert_eq(hf_listen_open(&listen, LOOPBACKS[i][0], &err), 0, "%s", err.text);
        cr_expect_eq(strncmp(listen.address, LOOPBACKS[i][1], strlen(LOOPBACKS[i][1])), 0, "%s", listen.address);
        cr_expect(atoi(strrchr(listen.address, ':') + 1) > 0);
        close(listen.fd);
    }
}

Test(http, a_port_in_use_is_told_as_busy)
{
    struct hf_serve_options options = {.listen = hf_serve_address(server.serve) + strlen("http://")};
    struct hf_serve *second = NULL;
    struct hf_error err = HF_ERROR_INIT;
    cr_expect_eq(hf_serve_start(&options, NULL, NULL, &second, &err), -1);
    cr_expect_eq(err.code, HF_EBUSY);
    cr_expect_null(second);
}

static const struct {
    const char *host;
    int status;
} HOSTS[] = {
    {"localhost", 200},
    {"localhost:8484", 200},
    {"LOCALHOST:1", 200},
    {"127.0.0.1", 200},
    {"127.0.0.1:9999", 200},
    {"[::1]:8484", 200},
    {"evil.example", 421},
    {"evil.example:8484", 421},
    {"localhost.evil.example", 421},
    {"127.0.0.1.evil.example", 421},
    {"127.0.0.1:80@evil", 421},
    {"localhost:", 421},
    {"", 421},
    {"127.0.0.2", 421},
};

Test(http, a_name_that_is_not_this_machine_is_refused)
{
    for (size_t i = 0; i < sizeof HOSTS / sizeof HOSTS[0]; i++) {
        char head[200];
        (void)snprintf(head, sizeof head, "Host: %s\r\n", HOSTS[i].host);
        struct reply reply = ask(&server, "GET", "/api/v1/summary", head);
        cr_expect_eq(reply.status, HOSTS[i].status, "Host \"%s\": %d", HOSTS[i].host, reply.status);
        reply_free(&reply);
    }
}

Test(http, only_get_and_head_are_answered)
{
    static const char *const METHODS[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"};
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        struct reply reply = ask(&server, METHODS[i], "/api/v1/summary", "Host: localhost\r\nContent-Length: 0\r\n");
        cr_expect_eq(reply.status, 405, "%s: %d", METHODS[i], reply.status);
        cr_expect_str_eq(reply_header(&reply, "Allow"), "GET, HEAD");
        reply_free(&reply);
    }
}

Test(http, head_gives_the_headers_of_get_and_no_body)
{
    static const char *const TARGETS[] = {"/",       "/api/v1/objects", "/metrics", "/assets/app.js", "/api/v1/stream",
                                          "/nothing"};
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        struct reply reply = ask(&server, "HEAD", TARGETS[i], "Host: localhost\r\n");
        cr_expect_eq(reply.status, strcmp(TARGETS[i], "/nothing") == 0 ? 404 : 200, "%s: %d", TARGETS[i], reply.status);
        cr_expect_eq(reply.body_len, 0, "%s", TARGETS[i]);
        cr_expect(reply_header(&reply, "Content-Type"), "%s", TARGETS[i]);
        reply_free(&reply);
    }
}

Test(http, every_answer_carries_the_security_headers)
{
    static const char *const TARGETS[] = {"/",        "/api/v1/summary", "/assets/style.css",
                                          "/nothing", "/readyz",         "/api/v1/objects?x=1"};
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        struct reply reply = get(&server, TARGETS[i]);
        const char *policy = reply_header(&reply, "Content-Security-Policy");
        cr_assert(policy, "%s", TARGETS[i]);
        cr_expect(strstr(policy, "default-src 'none'"));
        cr_expect(strstr(policy, "frame-ancestors 'none'"));
        cr_expect(!strstr(policy, "unsafe"));
        cr_expect_str_eq(reply_header(&reply, "X-Content-Type-Options"), "nosniff");
        cr_expect_str_eq(reply_header(&reply, "Referrer-Policy"), "same-origin");
        cr_expect_null(reply_header(&reply, "Access-Control-Allow-Origin"));
        reply_free(&reply);
    }
}

Test(http, the_pages_files_are_served_with_their_types_and_kept_by_digest)
{
    static const char *const FILES[][2] = {{"/", "text/html; charset=utf-8"},
                                           {"/assets/style.css", "text/css; charset=utf-8"},
                                           {"/assets/app.js", "text/javascript; charset=utf-8"},
                                           {"/assets/icon.svg", "image/svg+xml"},
                                           {"/openapi.yaml", "application/yaml; charset=utf-8"}};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        struct reply reply = get(&server, FILES[i][0]);
        cr_expect_eq(reply.status, 200, "%s: %d", FILES[i][0], reply.status);
        cr_expect_str_eq(reply_header(&reply, "Content-Type"), FILES[i][1]);
        cr_expect(reply.body_len > 100);
        reply_free(&reply);
    }
    struct reply first = get(&server, "/assets/app.js");
    char head[300];
    (void)snprintf(head, sizeof head, "Host: localhost\r\nIf-None-Match: %s\r\n", reply_header(&first, "ETag"));
    struct reply again = ask(&server, "GET", "/assets/app.js", head);
    cr_expect_eq(again.status, 304);
    reply_free(&again);
    reply_free(&first);
}

Test(http, a_folder_given_for_the_web_files_is_used_in_their_place)
{
    struct hf_serve_options options = {.web_folder = HF_SOURCE_DIR "/web"};
    struct server other;
    server_start(&other, &options);
    struct reply reply = get(&other, "/assets/style.css");
    cr_expect_eq(reply.status, 200);
    reply_free(&reply);
    server_stop(&other);
    options = (struct hf_serve_options){.web_folder = "/nonexistent"};
    server_start(&other, &options);
    reply = get(&other, "/");
    cr_expect_eq(reply.status, 503);
    cr_expect(!strstr(reply.body, "/nonexistent"));
    reply_free(&reply);
    server_stop(&other);
}

Test(http, an_absolute_target_is_understood)
{
    struct reply reply = ask(&server, "GET", "http://localhost/healthz?verbose", "Host: localhost\r\n");
    cr_expect_eq(reply.status, 200);
    cr_expect_str_eq(reply.body, "ok\n");
    reply_free(&reply);
}

Test(http, one_connection_serves_many_requests)
{
    struct hf_buf seen = {0};
    int fd = dial(&server);
    for (int i = 0; i < 5; i++) {
        hf_buf_clear(&seen);
        send_text(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        cr_assert(await_text(fd, &seen, "\r\n\r\nok\n", 3000), "request %d: %s", i, hf_buf_text(&seen));
    }
    close(fd);
    hf_buf_free(&seen);
}

Test(http, a_body_is_not_waited_for)
{
    struct hf_buf seen = {0};
    int fd = dial(&server);
    send_text(fd, "GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n");
    cr_expect(await_text(fd, &seen, "\r\n\r\nok\n", 3000), "%s", hf_buf_text(&seen));
    cr_expect(strstr(hf_buf_text(&seen), "Connection: close"));
    close(fd);
    fd = dial(&server);
    hf_buf_clear(&seen);
    send_text(fd, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    cr_expect(await_text(fd, &seen, "HTTP/1.1 405", 3000), "%s", hf_buf_text(&seen));
    close(fd);
    hf_buf_free(&seen);
}

Test(http, a_huge_target_or_header_is_refused)
{
    char *target = malloc(200001);
    memset(target, 'a', 200000);
    memcpy(target, "/api/v1/objects?q=", 18);
    target[9000] = '\0';
    struct reply reply = get(&server, target);
    cr_expect_eq(reply.status, 414);
    reply_free(&reply);
    int fd = dial(&server);
    struct hf_buf seen = {0};
    target[9000] = 'a';
    target[200000] = '\0';
    send_text(fd, "GET ");
    send_text(fd, target);
    send_text(fd, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    /* Closed, or told so: never taken, never waited for. */
    cr_expect(!await_text(fd, &seen, "HTTP/1.1 200", 5000));
    close(fd);
    hf_buf_free(&seen);
    free(target);
}

Test(http, a_client_that_says_nothing_is_let_go)
{
    char byte;
    int fd = dial(&server);
    send_text(fd, "GET / HTTP/1.1\r\nHost: loc");
    int64_t from = hf_mono_ms();
    cr_expect_leq(recv(fd, &byte, 1, 0), 0);
    int64_t took = hf_mono_ms() - from;
    cr_expect(took > 500 && took < 5000, "%lld ms", (long long)took);
    close(fd);
}

Test(http, many_slow_clients_do_not_hold_up_others)
{
    int slow[40];
    for (size_t i = 0; i < 40; i++) {
        slow[i] = dial(&server);
        send_text(slow[i], "GET / HTTP/1.1\r\n");
    }
    int64_t from = hf_mono_ms();
    struct reply reply = get(&server, "/api/v1/summary");
    cr_expect_eq(reply.status, 200);
    cr_expect(hf_mono_ms() - from < 900);
    reply_free(&reply);
    for (size_t i = 0; i < 40; i++) {
        close(slow[i]);
    }
}

Test(http, more_connections_than_allowed_are_closed_and_the_rest_go_on)
{
    struct hf_serve_options options = {.max_connections = 8, .threads = 1, .idle_timeout_s = 1};
    struct server small;
    int held[8];
    server_start(&small, &options);
    for (size_t i = 0; i < 8; i++) {
        held[i] = dial(&small);
        send_text(held[i], "GET / HTTP/1.1\r\n");
    }
    usleep(100000);
    char byte;
    int ninth = dial(&small);
    struct timeval limit = {.tv_sec = 1};
    setsockopt(ninth, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    send_text(ninth, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)!recv(ninth, &byte, 1, 0);
    close(ninth);
    for (size_t i = 0; i < 8; i++) {
        close(held[i]);
    }
    usleep(200000);
    struct reply reply = get(&small, "/livez");
    cr_expect_eq(reply.status, 200);
    reply_free(&reply);
    server_stop(&small);
}

Test(http, health_follows_the_loop_and_readiness_the_view)
{
    struct reply reply = get(&server, "/readyz");
    cr_expect_eq(reply.status, 200);
    cr_expect_str_eq(reply.body, "ok\n");
    reply_free(&reply);
    struct hf_view *view = view_new(1);
    view->ready = false;
    view->trail_problem = "disk full\nforged line";
    view_target(view)->cluster_state = "connecting";
    hf_serve_publish(server.serve, view);
    reply = get(&server, "/readyz?verbose");
    cr_expect_eq(reply.status, 503);
    cr_expect(strstr(reply.body, "[-]cluster dev: not synced yet\n"), "%s", reply.body);
    cr_expect(strstr(reply.body, "[+]source dev ok\n"));
    cr_expect(strstr(reply.body, "[-]trail: disk full\\nforged line\n"));
    reply_free(&reply);
    atomic_store(&server.turn_ms, hf_mono_ms() - 11000);
    reply = get(&server, "/livez");
    cr_expect_eq(reply.status, 503);
    reply_free(&reply);
    reply = get(&server, "/api/v1/summary");
    cr_expect(strstr(reply.body, "has stood still"), "%s", reply.body);
    reply_free(&reply);
    atomic_store(&server.turn_ms, 0);
    reply = get(&server, "/livez");
    cr_expect_eq(reply.status, 200);
    reply_free(&reply);
}

Test(http, the_pages_templates_and_what_lies_beside_them_are_no_assets)
{
    static const char *const PATHS[] = {"/assets/main-overview.html",
                                        "/assets/page.html",
                                        "/assets/nothing.js",
                                        "/assets/.js",
                                        "/assets/a/b.js",
                                        "/assets/App.js",
                                        "/assets/app.js.",
                                        "/assets/app.jsx",
                                        "/assets/style.css/x"};
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        struct reply reply = get(&server, PATHS[i]);
        cr_expect_eq(reply.status, 404, "%s: %d", PATHS[i], reply.status);
        reply_free(&reply);
    }
}

Test(http, every_page_is_there_by_its_address)
{
    static const char *const PAGES[][2] = {{"/", "overview"},
                                           {"/units?q=a&verdict=drifted", "units"},
                                           {"/incidents?state=open", "incidents"},
                                           {"/incidents/inc-1", "incident"},
                                           {"/?incident=inc-1", "incident"},
                                           {"/object?target=dev&kind=Pod&name=a", "object"},
                                           {"/trail?type=drift.&since=2h&outcome=open", "trail"},
                                           {"/rules", "rules"},
                                           {"/login?next=/units", "login"}};
    for (size_t i = 0; i < sizeof PAGES / sizeof PAGES[0]; i++) {
        char mark[64];
        struct reply reply = get(&server, PAGES[i][0]);
        (void)snprintf(mark, sizeof mark, "<body data-page=\"%s\">", PAGES[i][1]);
        cr_expect_eq(reply.status, 200, "%s: %d", PAGES[i][0], reply.status);
        cr_expect(strstr(reply.body, mark), "%s is the page %s", PAGES[i][0], PAGES[i][1]);
        reply_free(&reply);
    }
    struct reply reply = get(&server, "/units?colour=red");
    cr_expect_eq(reply.status, 400);
    reply_free(&reply);
}
