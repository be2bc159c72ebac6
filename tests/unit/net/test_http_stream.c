/* Streams, and calls that are cancelled, started or freed from within callbacks. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fetch.h"
#include "holdfast/mem.h"

static bool answer(int fd, const char *request, void *ctx)
{
    (void)ctx;
    const char *path = strchr(request, '/');
    if (strncmp(path, "/bytes", 6) == 0) {
        /* Every byte of a chunked answer in a segment of its own. */
        static const char TEXT[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "c\r\n{\"type\":\"ADD\r\n7;x=y\r\nED\"}\n{}\r\n1\r\n\n\r\n0\r\nX-End: 1\r\n\r\n";
        for (const char *at = TEXT; *at; at++) {
            loopback_send(fd, (char[]){*at, '\0'});
            usleep(500);
        }
    } else if (strncmp(path, "/silent", 7) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        sleep(2);
        return false;
    } else if (strncmp(path, "/denied", 7) == 0) {
        loopback_answer(fd, 403, "", "not for you");
    } else if (strncmp(path, "/stream", 7) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 20; i++) {
            loopback_send(fd, "4\r\nline\r\n");
            usleep(20000);
        }
        loopback_send(fd, "0\r\n\r\n");
    } else if (strncmp(path, "/hang", 5) == 0) {
        sleep(2);
        return false;
    } else {
        loopback_answer(fd, 200, "", "hello");
    }
    return true;
}

Test(http_stream, pieces_cut_anywhere_come_whole)
{
    struct fetch fetch;
    char url[256];
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.url = fetch_url(&fetch, "/bytes", url)};
    fetch_call(&fetch, &request, fetch_data);
    cr_expect_eq(fetch.err.code, HF_OK, "%s", fetch.err.text);
    cr_expect_str_eq(hf_buf_text(&fetch.stream), "{\"type\":\"ADDED\"}\n{}\n");
    cr_expect_gt(fetch.pieces, 3);
    cr_expect_str_eq(fetch.body, "");
    fetch_stop(&fetch);
}

Test(http_stream, the_body_of_a_refusal_is_kept_and_not_streamed)
{
    struct fetch fetch;
    char url[256];
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.url = fetch_url(&fetch, "/denied", url)};
    fetch_call(&fetch, &request, fetch_data);
    cr_expect_eq(fetch.response.status, 403);
    cr_expect_str_eq(fetch.body, "not for you");
    cr_expect_eq(fetch.pieces, 0);
    fetch_stop(&fetch);
}

static void on_open(void *ctx)
{
    struct fetch *fetch = ctx;
    cr_expect_eq(fetch->pieces, 0, "opened after its first piece");
    fetch->opened++;
}

struct open_case {
    char path[16];
    int opened;
};

ParameterizedTestParameters(http_stream, opening_is_told_before_the_first_byte_and_only_of_success)
{
    static struct open_case cases[] = {{"/bytes", 1}, {"/silent", 1}, {"/denied", 0}, {"/hang", 0}};
    return cr_make_param_array(struct open_case, cases, 4);
}

ParameterizedTest(struct open_case *one, http_stream, opening_is_told_before_the_first_byte_and_only_of_success)
{
    struct fetch fetch;
    char url[256];
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {
        .url = fetch_url(&fetch, one->path, url), .idle_timeout_ms = 300, .on_open = on_open};
    fetch_call(&fetch, &request, fetch_data);
    cr_expect_eq(fetch.opened, one->opened);
    fetch_stop(&fetch);
}

static int refuse_data(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    (void)ctx, (void)bytes, (void)len;
    return hf_error_set(err, HF_EPARSE, "line 1: not what was expected");
}

Test(http_stream, a_readers_own_error_ends_the_call)
{
    struct fetch fetch;
    char url[256];
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.url = fetch_url(&fetch, "/stream", url)};
    fetch_call(&fetch, &request, refuse_data);
    cr_expect_eq(fetch.err.code, HF_EPARSE);
    cr_expect_str_eq(fetch.err.text, "line 1: not what was expected");
    cr_expect_eq(fetch.response.status, 200);
    fetch_stop(&fetch);
}

/* Calls that act on each other. */
struct web {
    struct fetch fetch;
    struct hf_http_call *calls[3];
    struct hf_timer *timer;
    int ends[3];
    int cancelled_pieces;
    char url[256];
};

struct member {
    struct web *web;
    int index;
};

static void stop_later(void *ctx)
{
    struct web *web = ctx;
    hf_loop_stop(web->fetch.loop);
}

static void open_web(struct web *web)
{
    *web = (struct web){0};
    fetch_start(&web->fetch, answer, NULL);
    web->timer = hf_timer_new(web->fetch.loop, stop_later, web);
}

static void close_web(struct web *web)
{
    hf_timer_free(web->timer);
    fetch_stop(&web->fetch);
}

static void member_done(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    (void)response, (void)err;
    struct member *member = ctx;
    member->web->ends[member->index]++;
    member->web->calls[member->index] = NULL;
}

static void start_member(struct member *member, const char *path, hf_http_data_fn on_data)
{
    struct hf_error err = HF_ERROR_INIT;
    struct web *web = member->web;
    struct hf_http_request request = {.url = fetch_url(&web->fetch, path, web->url)};
    cr_assert_eq(
        hf_http_start(web->fetch.http, &request, on_data, member_done, member, &web->calls[member->index], &err), 0,
        "%s", err.text);
}

static void run_web(struct web *web, int64_t ms)
{
    hf_timer_set(web->timer, ms);
    fetch_run(&web->fetch);
}

static int cancel_all_data(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    (void)bytes, (void)len, (void)err;
    struct member *member = ctx;
    member->web->cancelled_pieces++;
    for (int i = 0; i < 3; i++) {
        if (member->web->calls[i]) {
            hf_http_cancel(member->web->calls[i]);
            member->web->calls[i] = NULL;
        }
    }
    return 0;
}

static uint32_t active(struct web *web)
{
    struct hf_http_stats stats;
    hf_http_stats(web->fetch.http, &stats);
    return stats.active;
}

Test(http_stream, a_call_cancelled_at_once_is_never_sent)
{
    struct web web;
    open_web(&web);
    struct member one = {&web, 0};
    start_member(&one, "/", NULL);
    hf_http_cancel(web.calls[0]);
    run_web(&web, 100);
    cr_expect_eq(web.ends[0], 0);
    cr_expect_eq(active(&web), 0);
    cr_expect_eq(atomic_load(&web.fetch.server.connections), 0);
    close_web(&web);
}

static void cancel_first(void *ctx)
{
    struct web *web = ctx;
    hf_http_cancel(web->calls[0]);
    hf_loop_stop(web->fetch.loop);
}

Test(http_stream, a_call_cancelled_under_way_calls_back_no_more)
{
    struct web web;
    open_web(&web);
    struct member one = {&web, 0};
    start_member(&one, "/hang", NULL);
    struct hf_timer *timer = hf_timer_new(web.fetch.loop, cancel_first, &web);
    hf_timer_set(timer, 100);
    fetch_run(&web.fetch);
    run_web(&web, 50);
    cr_expect_eq(web.ends[0], 0);
    cr_expect_eq(active(&web), 0);
    hf_timer_free(timer);
    close_web(&web);
}

Test(http_stream, a_reader_may_cancel_itself_and_others)
{
    struct web web;
    open_web(&web);
    struct member members[3] = {{&web, 0}, {&web, 1}, {&web, 2}};
    for (int i = 0; i < 3; i++) {
        start_member(&members[i], "/stream", cancel_all_data);
    }
    run_web(&web, 300);
    cr_expect_eq(web.cancelled_pieces, 1, "%d pieces came", web.cancelled_pieces);
    cr_expect_eq(web.ends[0] + web.ends[1] + web.ends[2], 0);
    cr_expect_eq(active(&web), 0);
    close_web(&web);
}

static int start_other_data(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    (void)bytes, (void)len, (void)err;
    struct member *member = ctx;
    if (member->web->cancelled_pieces++ == 0) {
        start_member(member + 1, "/", NULL);
    }
    return 0;
}

Test(http_stream, a_reader_may_start_another_call)
{
    struct web web;
    open_web(&web);
    struct member members[2] = {{&web, 0}, {&web, 1}};
    start_member(&members[0], "/stream", start_other_data);
    run_web(&web, 1500);
    cr_expect_eq(web.ends[0], 1);
    cr_expect_eq(web.ends[1], 1);
    close_web(&web);
}

static void cancel_in_done(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct member *member = ctx;
    hf_http_cancel(member->web->calls[member->index]);
    if (member->web->calls[1]) {
        hf_http_cancel(member->web->calls[1]);
        member->web->calls[1] = NULL;
    }
    member_done(ctx, response, err);
}

Test(http_stream, the_end_of_a_call_may_cancel_itself_and_others)
{
    struct web web;
    open_web(&web);
    struct hf_error err = HF_ERROR_INIT;
    struct member members[2] = {{&web, 0}, {&web, 1}};
    start_member(&members[1], "/hang", NULL);
    struct hf_http_request request = {.url = fetch_url(&web.fetch, "/", web.url)};
    cr_assert_eq(hf_http_start(web.fetch.http, &request, NULL, cancel_in_done, &members[0], &web.calls[0], &err), 0);
    run_web(&web, 200);
    cr_expect_eq(web.ends[0], 1);
    cr_expect_eq(web.ends[1], 0);
    cr_expect_eq(active(&web), 0);
    close_web(&web);
}

static void free_client_done(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct member *member = ctx;
    hf_http_free(member->web->fetch.http);
    member->web->fetch.http = NULL;
    member_done(ctx, response, err);
}

static int free_client_data(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    (void)bytes, (void)len, (void)err;
    struct member *member = ctx;
    hf_http_free(member->web->fetch.http);
    member->web->fetch.http = NULL;
    return 0;
}

Test(http_stream, the_client_may_be_freed_from_its_own_callbacks)
{
    struct hf_error err = HF_ERROR_INIT;
    struct web web;
    open_web(&web);
    struct member members[2] = {{&web, 0}, {&web, 1}};
    start_member(&members[1], "/hang", NULL);
    struct hf_http_request request = {.url = fetch_url(&web.fetch, "/", web.url)};
    cr_assert_eq(hf_http_start(web.fetch.http, &request, NULL, free_client_done, &members[0], NULL, &err), 0);
    run_web(&web, 200);
    cr_expect_eq(web.ends[0], 1);
    cr_expect_eq(web.ends[1], 0);
    web.fetch.http = hf_http_new(web.fetch.loop, "again", &err);
    cr_assert_not_null(web.fetch.http);
    start_member(&members[0], "/stream", free_client_data);
    start_member(&members[1], "/hang", NULL);
    run_web(&web, 200);
    cr_expect_eq(web.ends[0], 1);
    cr_expect_eq(web.ends[1], 0);
    close_web(&web);
}

Test(http_stream, freeing_the_client_ends_calls_without_callbacks)
{
    struct web web;
    open_web(&web);
    struct member members[2] = {{&web, 0}, {&web, 1}};
    start_member(&members[0], "/hang", NULL);
    run_web(&web, 50);
    start_member(&members[1], "/", NULL);
    hf_http_free(web.fetch.http);
    web.fetch.http = NULL;
    run_web(&web, 50);
    cr_expect_eq(web.ends[0] + web.ends[1], 0);
    close_web(&web);
}
