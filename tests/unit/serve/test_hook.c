/* POST /audit/v1/TARGET: who may post, what is taken, and what it can't do to the rest. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

static struct server server;
static atomic_int lists;
static atomic_size_t bytes;
static atomic_int answer_code;

static bool may(void *ctx, const char *target, const char *token)
{
    (void)ctx;
    return strcmp(target, "dev") == 0 && strcmp(token, "right") == 0;
}

static int take(void *ctx, const char *target, const char *body, size_t len, struct hf_error *err)
{
    (void)ctx;
    cr_assert_str_eq(target, "dev");
    cr_assert_eq(body[len], '\0');
    int code = atomic_load(&answer_code);
    if (code != HF_OK) {
        return hf_error_set(err, (enum hf_code)code, "asked for");
    }
    atomic_fetch_add(&lists, 1);
    atomic_fetch_add(&bytes, len);
    return 0;
}

static void set_up(void)
{
    static const struct hf_serve_hook HOOK = {NULL, may, take};
    struct hf_serve_options options = {.hook = &HOOK};
    server_start(&server, &options);
}

static void tear_down(void)
{
    server_stop(&server);
}

TestSuite(hook, .init = set_up, .fini = tear_down, .timeout = 60);

/* A POST with these header lines; the status, 0 when the connection was closed without one. */
static int post(const char *target, const char *head, const char *body, size_t len)
{
    char first[600];
    struct hf_buf seen = {0};
    int status = 0;
    int fd = dial(&server);
    (void)snprintf(first, sizeof first,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n",
                   target, server.port, len, head);
    send_text(fd, first);
    for (size_t at = 0; at < len;) {
        ssize_t wrote = send(fd, body + at, len - at, MSG_NOSIGNAL);
        if (wrote <= 0) {
            break;
        }
        at += (size_t)wrote;
    }
    if (await_text(fd, &seen, "\r\n\r\n", 10000)) {
        status = atoi(hf_buf_text(&seen) + 9);
    }
    hf_buf_free(&seen);
    close(fd);
    return status;
}

#define JSON "Content-Type: application/json\r\n"
#define RIGHT "Authorization: Bearer right\r\n" JSON

static int post_text(const char *target, const char *head, const char *body)
{
    return post(target, head, body, strlen(body));
}

Test(hook, a_list_with_the_targets_token_is_taken)
{
    cr_assert_eq(post_text("/audit/v1/dev", RIGHT, "{}"), 200);
    cr_assert_eq(post_text("/audit/v1/dev?timeout=30s", RIGHT, "{}"), 200);
    cr_assert_eq(post_text("/audit/v1/dev", "Authorization: bearer right\r\n" JSON, "{}"), 200);
    cr_assert_eq(atomic_load(&lists), 3);
}

Test(hook, without_the_right_token_nothing_is_read_and_a_target_that_is_not_there_looks_the_same)
{
    cr_expect_eq(post_text("/audit/v1/dev", JSON, "{}"), 401);
    cr_expect_eq(post_text("/audit/v1/dev", "Authorization: Bearer wrong\r\n" JSON, "{}"), 401);
    cr_expect_eq(post_text("/audit/v1/dev", "Authorization: Bearer righter\r\n" JSON, "{}"), 401);
    cr_expect_eq(post_text("/audit/v1/dev", "Authorization: Basic right\r\n" JSON, "{}"), 401);
    cr_expect_eq(post_text("/audit/v1/prod", RIGHT, "{}"), 401);
    cr_expect_eq(post_text("/audit/v1/", RIGHT, "{}"), 401);
    cr_expect_eq(post_text("/audit/v1/dev/x", RIGHT, "{}"), 401);
    cr_expect_eq(post_text("/audit/v1/..%2fdev", RIGHT, "{}"), 401);
    cr_assert_eq(atomic_load(&lists), 0);
}

Test(hook, what_is_no_json_or_too_long_is_refused_before_it_is_read)
{
    cr_expect_eq(post_text("/audit/v1/dev", "Authorization: Bearer right\r\nContent-Type: text/plain\r\n", "{}"), 415);
    int fd = dial(&server);
    char head[400];
    struct hf_buf seen = {0};
    (void)snprintf(head, sizeof head,
                   "POST /audit/v1/dev HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: 16777217\r\n" RIGHT "\r\n",
                   server.port);
    send_text(fd, head);
    cr_expect(await_text(fd, &seen, "HTTP/1.1 413", 5000), "%s", hf_buf_text(&seen));
    hf_buf_free(&seen);
    close(fd);
    cr_assert_eq(atomic_load(&lists), 0);
}

Test(hook, a_body_of_chunks_has_the_same_limit)
{
    static char chunk[65536 + 16];
    struct hf_buf seen = {0};
    char head[400];
    int fd = dial(&server);
    (void)snprintf(head, sizeof head,
                   "POST /audit/v1/dev HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nTransfer-Encoding: chunked\r\n" RIGHT "\r\n",
                   server.port);
    send_text(fd, head);
    memset(chunk, ' ', sizeof chunk);
    memcpy(chunk, "10000\r\n", 7);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    bool closed = false;
    for (int i = 0; i < 400 && !closed; i++) {
        closed = send(fd, chunk, 7 + 65536 + 2, MSG_NOSIGNAL) <= 0;
    }
    cr_assert(closed || !await_text(fd, &seen, "200", 1000), "more than 16 MiB were taken");
    cr_assert_eq(atomic_load(&lists), 0);
    hf_buf_free(&seen);
    close(fd);
}

Test(hook, a_large_list_arrives_whole)
{
    size_t len = (size_t)3 << 20;
    char *body = malloc(len);
    memset(body, ' ', len);
    cr_assert_eq(post("/audit/v1/dev", RIGHT, body, len), 200);
    cr_assert_eq(atomic_load(&bytes), len);
    free(body);
}

Test(hook, when_it_can_not_be_taken_now_the_api_server_is_told_to_come_again)
{
    atomic_store(&answer_code, HF_EBUSY);
    cr_assert_eq(post_text("/audit/v1/dev", RIGHT, "{}"), 503);
    atomic_store(&answer_code, HF_EPARSE);
    cr_assert_eq(post_text("/audit/v1/dev", RIGHT, "{}"), 400);
    atomic_store(&answer_code, HF_OK);
    cr_assert_eq(post_text("/audit/v1/dev", RIGHT, "{}"), 200);
}

Test(hook, nothing_else_may_be_posted_to)
{
    cr_expect_eq(post_text("/api/v1/objects", RIGHT, "{}"), 405);
    cr_expect_eq(post_text("/", RIGHT, "{}"), 405);
    struct reply reply = get(&server, "/audit/v1/dev");
    cr_expect_eq(reply.status, 404);
    reply_free(&reply);
}

static void *post_many(void *ctx)
{
    int *good = ctx;
    for (int i = 0; i < 20; i++) {
        int status = post_text("/audit/v1/dev", RIGHT, "{\"kind\":\"EventList\"}");
        *good += status == 200;
        cr_assert(status == 200 || status == 503, "%d", status);
    }
    return NULL;
}

Test(hook, many_at_once_are_taken_or_sent_back_and_the_pages_go_on)
{
    pthread_t threads[10];
    int good[10] = {0};
    int sum = 0;
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, post_many, &good[i]), 0);
    }
    struct reply reply = get(&server, "/livez");
    cr_assert_eq(reply.status, 200);
    reply_free(&reply);
    for (int i = 0; i < 10; i++) {
        pthread_join(threads[i], NULL);
        sum += good[i];
    }
    cr_assert_eq(sum, atomic_load(&lists));
    cr_assert_gt(sum, 0);
    cr_assert_eq(post_text("/audit/v1/dev", RIGHT, "{}"), 200, "none is left open");
}

Test(hook, one_that_sends_slowly_or_goes_away_holds_nobody_up)
{
    int slow[12];
    char head[400];
    (void)snprintf(head, sizeof head,
                   "POST /audit/v1/dev HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: 1000\r\n" RIGHT "\r\n{",
                   server.port);
    for (int i = 0; i < 12; i++) {
        slow[i] = dial(&server);
        send_text(slow[i], head);
    }
    usleep(200000);
    cr_assert_eq(post_text("/audit/v1/dev", RIGHT, "{}"), 503, "eight at once are open");
    for (int i = 0; i < 12; i++) {
        close(slow[i]);
    }
    int status = 0;
    for (int i = 0; i < 100 && status != 200; i++) {
        usleep(20000);
        status = post_text("/audit/v1/dev", RIGHT, "{}");
    }
    cr_assert_eq(status, 200, "they are forgotten once they are gone");
}

Test(hook, its_own_listener_is_refused_beyond_loopback_without_a_certificate)
{
    static const struct hf_serve_hook HOOK = {NULL, may, take};
    struct hf_hook_server_options options = {.listen = "0.0.0.0:0", .hook = &HOOK};
    struct hf_hook_server *made;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_hook_server_start(&options, NULL, &made, &err), -1);
    cr_assert_eq(err.code, HF_EDENIED);
    hf_error_clear(&err);
    options.cert_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    options.key_pem = "x";
    options.listen = "127.0.0.1:0";
    cr_assert_eq(hf_hook_server_start(&options, NULL, &made, &err), -1);
    cr_assert(strstr(err.text, "certificate"), "%s", err.text);
}
