#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fetch.h"
#include "holdfast/clock.h"
#include "holdfast/mem.h"

/* Answers by the path of the request. */
static bool answer(int fd, const char *request, void *ctx)
{
    (void)ctx;
    const char *path = strchr(request, '/');
    int status = 0;
    if (sscanf(path, "/status/%d", &status) == 1) {
        loopback_answer(fd, status, "Location: /elsewhere\r\n", "");
    } else if (strncmp(path, "/json", 5) == 0) {
        loopback_answer(fd, 200,
                        "Content-Type: application/json\r\nRetry-After: 7\r\n"
                        "Warning: 299 - \"policy/v1beta1 is deprecated\"\r\nWarning: 299 - \"say \\\"no\\\"\"\r\n",
                        "{\"a\":1}");
    } else if (strncmp(path, "/date", 5) == 0) {
        loopback_answer(fd, 503, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", "");
    } else if (strncmp(path, "/short", 6) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        return false;
    } else if (strncmp(path, "/chunk-short", 12) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n5\r\nab");
        return false;
    } else if (strncmp(path, "/close", 6) == 0) {
        return false;
    } else if (strncmp(path, "/garbage", 8) == 0) {
        loopback_send(fd, "SSH-2.0-OpenSSH_9.2\r\nnothing to see\r\n");
        return false;
    } else if (strncmp(path, "/hang", 5) == 0) {
        sleep(3);
        return false;
    } else if (strncmp(path, "/half", 5) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        sleep(3);
        return false;
    } else if (strncmp(path, "/slow", 5) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
        for (int i = 0; i < 6; i++) {
            usleep(100000);
            loopback_send(fd, "x");
        }
    } else if (strncmp(path, "/declared", 9) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nxxxx");
        sleep(1);
        return false;
    } else if (strncmp(path, "/endless", 8) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\n\r\n");
        for (int i = 0; i < 1000; i++) {
            loopback_send(fd,
                          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567");
        }
        return false;
    } else if (strncmp(path, "/headers", 8) == 0) {
        loopback_send(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 20000; i++) {
            loopback_send(fd, "X-Filler: 0123456789\r\n");
        }
        loopback_send(fd, "Content-Length: 0\r\n\r\n");
    } else if (strncmp(path, "/continue", 9) == 0) {
        loopback_send(fd, "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n");
        loopback_answer(fd, 200, "", "after hints");
    } else {
        loopback_answer(fd, 200, "Content-Type: text/plain\r\n", "hello");
    }
    return true;
}

Test(http, an_answer_comes_with_status_body_type_and_warnings)
{
    struct fetch fetch;
    fetch_start(&fetch, answer, NULL);
    fetch_get(&fetch, "/json");
    cr_expect_eq(fetch.err.code, HF_OK, "%s", fetch.err.text);
    cr_expect_eq(fetch.response.status, 200);
    cr_expect_str_eq(fetch.body, "{\"a\":1}");
    cr_expect_eq(fetch.response.body_len, 7);
    cr_expect_str_eq(fetch.content_type, "application/json");
    cr_expect_eq(fetch.response.retry_after_ms, 7000);
    cr_expect_str_eq(fetch.warnings, "policy/v1beta1 is deprecated\nsay \"no\"");
    cr_expect_gt(fetch.response.connect_us, 0);
    fetch_stop(&fetch);
}

Test(http, what_was_asked_is_what_is_sent)
{
    struct fetch fetch;
    char url[256];
    struct hf_http_header headers[] = {{"Accept", "application/json"}, {"X-Empty", ""}};
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.method = "GET",
                                      .url = fetch_url(&fetch, "/a/../b%2Fc?x=1&y=%20", url),
                                      .headers = headers,
                                      .header_count = 2,
                                      .bearer = "sesame"};
    fetch_call(&fetch, &request, NULL);
    char *sent = loopback_last(&fetch.server);
    cr_expect_eq(strncmp(sent, "GET /a/../b%2Fc?x=1&y=%20 HTTP/1.1\r\n", 36), 0, "%s", sent);
    cr_expect_not_null(strstr(sent, "\r\nAuthorization: Bearer sesame\r\n"), "%s", sent);
    cr_expect_not_null(strstr(sent, "\r\nUser-Agent: holdfast-test/1\r\n"), "%s", sent);
    cr_expect_not_null(strstr(sent, "\r\nAccept: application/json\r\n"), "%s", sent);
    cr_expect_not_null(strstr(sent, "\r\nX-Empty:"), "%s", sent);
    cr_expect_null(strstr(sent, "Content-Type"), "%s", sent);
    free(sent);
    fetch_stop(&fetch);
}

struct method_case {
    char method[8];
    char body[16];
    char first[24];
    char length[24]; /* "": no Content-Length */
};

ParameterizedTestParameters(http, each_method_carries_its_body)
{
    static struct method_case cases[] = {
        {"POST", "{}", "POST /m HTTP/1.1\r\n", "Content-Length: 2\r\n"},
        {"POST", "", "POST /m HTTP/1.1\r\n", "Content-Length: 0\r\n"},
        {"PUT", "{}", "PUT /m HTTP/1.1\r\n", "Content-Length: 2\r\n"},
        {"PATCH", "a: 1\n", "PATCH /m HTTP/1.1\r\n", "Content-Length: 5\r\n"},
        {"DELETE", "", "DELETE /m HTTP/1.1\r\n", ""},
        {"DELETE", "{}", "DELETE /m HTTP/1.1\r\n", "Content-Length: 2\r\n"},
        {"GET", "", "GET /m HTTP/1.1\r\n", ""},
    };
    return cr_make_param_array(struct method_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct method_case *one, http, each_method_carries_its_body)
{
    struct fetch fetch;
    char url[256];
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {
        .method = one->method, .url = fetch_url(&fetch, "/m", url), .body = one->body, .body_len = strlen(one->body)};
    fetch_call(&fetch, &request, NULL);
    cr_expect_eq(fetch.response.status, 200, "%s", fetch.err.text);
    char *sent = loopback_last(&fetch.server);
    cr_expect_eq(strncmp(sent, one->first, strlen(one->first)), 0, "%s", sent);
    cr_expect_eq(strstr(sent, one->length[0] ? one->length : "Content-Length") != NULL, one->length[0] != '\0', "%s",
                 sent);
    cr_expect_str_eq(strstr(sent, "\r\n\r\n") + 4, one->body);
    cr_expect_null(strstr(sent, "Expect"), "%s", sent);
    free(sent);
    fetch_stop(&fetch);
}

struct failure_case {
    char path[24];
    enum hf_code code;
    char text[40]; /* what the sentence must say */
    int status;
    int64_t timeout_ms;
    int64_t idle_ms;
    size_t max_body;
};

ParameterizedTestParameters(http, a_call_that_fails_says_why)
{
    static struct failure_case cases[] = {
        {"/short", HF_EUNAVAILABLE, "remaining to read", 200, 0, 0, 0},
        {"/chunk-short", HF_EUNAVAILABLE, "outstanding", 200, 0, 0, 0},
        {"/close", HF_EUNAVAILABLE, "Empty reply", 0, 0, 0, 0},
        {"/garbage", HF_EIO, "HTTP/0.9", 0, 0, 0, 0},
        {"/hang", HF_ETIMEOUT, "timed out after", 0, 300, 0, 0},
        {"/hang", HF_ETIMEOUT, "no byte for 300 ms", 0, 0, 300, 0},
        {"/half", HF_ETIMEOUT, "no byte for 300 ms", 200, 0, 300, 0},
        {"/declared", HF_ELIMIT, "file size", 0, 0, 0, 1000},
        {"/endless", HF_ELIMIT, "larger than 1000 bytes", 200, 0, 0, 1000},
        {"/headers", HF_ELIMIT, "headers are larger", 0, 0, 0, 0},
    };
    return cr_make_param_array(struct failure_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct failure_case *one, http, a_call_that_fails_says_why)
{
    struct fetch fetch;
    char url[256];
    char path[64];
    snprintf(path, sizeof path, "%s?token=hidden-query", one->path);
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.url = fetch_url(&fetch, path, url),
                                      .timeout_ms = one->timeout_ms,
                                      .idle_timeout_ms = one->idle_ms,
                                      .max_body = one->max_body,
                                      .bearer = "hidden-bearer"};
    int64_t begun = hf_mono_ms();
    fetch_call(&fetch, &request, NULL);
    cr_expect_eq(fetch.err.code, one->code, "%s: %s", hf_code_name(fetch.err.code), fetch.err.text);
    cr_expect_not_null(strcasestr(fetch.err.text, one->text), "%s", fetch.err.text);
    cr_expect_not_null(strstr(fetch.err.text, "GET http://127.0.0.1:"), "%s", fetch.err.text);
    cr_expect_null(strstr(fetch.err.text, "hidden"), "%s", fetch.err.text);
    cr_expect(one->status == 0 || fetch.response.status == one->status, "%d", fetch.response.status);
    cr_expect_lt(hf_mono_ms() - begun, 2500);
    fetch_stop(&fetch);
}

Test(http, a_slow_answer_that_keeps_coming_is_not_idle)
{
    struct fetch fetch;
    char url[256];
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.url = fetch_url(&fetch, "/slow", url), .idle_timeout_ms = 400};
    fetch_call(&fetch, &request, NULL);
    cr_expect_eq(fetch.err.code, HF_OK, "%s", fetch.err.text);
    cr_expect_str_eq(fetch.body, "xxxxxx");
    fetch_stop(&fetch);
}

Test(http, a_server_that_is_not_there_is_unavailable)
{
    struct fetch fetch;
    char url[256];
    fetch_start(&fetch, answer, NULL);
    fetch_url(&fetch, "/", url);
    loopback_stop(&fetch.server);
    struct hf_http_request request = {.url = url};
    fetch_call(&fetch, &request, NULL);
    cr_expect_eq(fetch.err.code, HF_EUNAVAILABLE, "%s", fetch.err.text);
    cr_expect_eq(fetch.response.status, 0);
    loopback_start(&fetch.server, answer, NULL);
    fetch_stop(&fetch);
}

Test(http, a_redirect_is_given_back_and_not_followed)
{
    struct fetch fetch;
    struct hf_error err = HF_ERROR_INIT;
    fetch_start(&fetch, answer, NULL);
    fetch_get(&fetch, "/status/302");
    cr_expect_eq(fetch.err.code, HF_OK);
    cr_expect_eq(fetch.response.status, 302);
    cr_expect_eq(atomic_load(&fetch.server.requests), 1);
    cr_expect_eq(hf_http_status_error(&fetch.response, &err), -1);
    cr_expect_not_null(strstr(err.text, "redirect"), "%s", err.text);
    fetch_stop(&fetch);
}

Test(http, early_hints_do_not_count_as_the_answer)
{
    struct fetch fetch;
    fetch_start(&fetch, answer, NULL);
    fetch_get(&fetch, "/continue");
    cr_expect_eq(fetch.response.status, 200, "%s", fetch.err.text);
    cr_expect_str_eq(fetch.body, "after hints");
    cr_expect_eq(fetch.response.retry_after_ms, -1);
    fetch_stop(&fetch);
}

Test(http, a_retry_time_in_the_past_means_now)
{
    struct fetch fetch;
    fetch_start(&fetch, answer, NULL);
    fetch_get(&fetch, "/date");
    cr_expect_eq(fetch.response.status, 503);
    cr_expect_eq(fetch.response.retry_after_ms, 0);
    fetch_stop(&fetch);
}

Test(http, calls_to_one_server_share_a_connection)
{
    struct fetch fetch;
    struct hf_http_stats stats;
    fetch_start(&fetch, answer, NULL);
    fetch_get(&fetch, "/one");
    cr_expect_gt(fetch.response.connect_us, 0);
    fetch_get(&fetch, "/two");
    cr_expect_eq(fetch.response.connect_us, 0);
    hf_http_stats(fetch.http, &stats);
    cr_expect_eq(stats.connections, 1, "%llu", (unsigned long long)stats.connections);
    cr_expect_eq(stats.requests, 2);
    cr_expect_eq(stats.active, 0);
    cr_expect_gt(stats.bytes_in, 10);
    cr_expect_eq(atomic_load(&fetch.server.connections), 1);
    fetch_stop(&fetch);
}

Test(http, a_separate_call_has_a_connection_of_its_own)
{
    struct fetch fetch;
    char url[256];
    struct hf_http_server separate = {.separate = true};
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.url = fetch_url(&fetch, "/", url)};
    fetch_call(&fetch, &request, NULL);
    request.server = &separate;
    fetch_call(&fetch, &request, NULL);
    cr_expect_eq(atomic_load(&fetch.server.connections), 2);
    request.server = NULL;
    fetch_call(&fetch, &request, NULL);
    cr_expect_eq(atomic_load(&fetch.server.connections), 2);
    fetch_stop(&fetch);
}

Test(http, after_a_timeout_new_calls_do_not_trust_the_old_connection)
{
    struct fetch fetch;
    char url[256];
    struct hf_http_stats stats;
    fetch_start(&fetch, answer, NULL);
    fetch_get(&fetch, "/first");
    struct hf_http_request request = {.url = fetch_url(&fetch, "/hang", url), .idle_timeout_ms = 200};
    fetch_call(&fetch, &request, NULL);
    cr_expect_eq(fetch.err.code, HF_ETIMEOUT, "%s", fetch.err.text);
    fetch_get(&fetch, "/after");
    cr_expect_eq(fetch.response.status, 200);
    cr_expect_gt(fetch.response.connect_us, 0);
    hf_http_stats(fetch.http, &stats);
    cr_expect_eq(stats.connections, 2);
    fetch_stop(&fetch);
}

Test(http, ninety_calls_at_once_all_end_on_few_connections)
{
    struct fetch fetch;
    char url[256];
    struct hf_error err = HF_ERROR_INIT;
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.url = fetch_url(&fetch, "/", url)};
    fetch.pending = 90;
    for (int i = 0; i < 90; i++) {
        cr_assert_eq(hf_http_start(fetch.http, &request, NULL, fetch_done, &fetch, NULL, &err), 0, "%s", err.text);
    }
    fetch_run(&fetch);
    cr_expect_eq(fetch.done, 90);
    cr_expect_eq(atomic_load(&fetch.server.requests), 90);
    cr_expect_leq(atomic_load(&fetch.server.connections), 16);
    fetch_stop(&fetch);
}

struct refusal_case {
    char url[80];
    char method[8];
    char name[24];
    char value[24];
    char bearer[24];
    char text[32];
};

ParameterizedTestParameters(http, a_request_that_makes_no_sense_is_refused_at_once)
{
    static struct refusal_case cases[] = {
        {"", "GET", "", "", "", "not a URL"},
        {"127.0.0.1/path", "GET", "", "", "", "not a URL"},
        {"ftp://127.0.0.1/", "GET", "", "", "", "http or https"},
        {"file:///etc/passwd", "GET", "", "", "", "not a URL"},
        {"http://hidden:hidden@127.0.0.1:99999/?hidden", "GET", "", "", "", "not a URL"},
        {"http://127.0.0.1:1/", "GE T", "", "", "", "not an HTTP method"},
        {"http://127.0.0.1:1/", "get", "", "", "", "not an HTTP method"},
        {"http://127.0.0.1:1/", "GET", "X-A", "hidden\r\nX-B: 1", "", "X-A"},
        {"http://127.0.0.1:1/", "GET", "X A", "hidden", "", "wrong name"},
        {"http://127.0.0.1:1/", "GET", "", "", "hidden\nX-B: 1", "bearer"},
    };
    return cr_make_param_array(struct refusal_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct refusal_case *one, http, a_request_that_makes_no_sense_is_refused_at_once)
{
    struct fetch fetch;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_http_header header = {one->name, one->value};
    struct hf_http_stats stats;
    fetch_start(&fetch, answer, NULL);
    struct hf_http_request request = {.url = one->url,
                                      .method = one->method,
                                      .headers = &header,
                                      .header_count = one->name[0] != '\0',
                                      .bearer = one->bearer};
    cr_expect_eq(hf_http_start(fetch.http, &request, NULL, fetch_done, &fetch, NULL, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    cr_expect_not_null(strstr(err.text, one->text), "%s", err.text);
    cr_expect_null(strstr(err.text, "hidden"), "%s", err.text);
    hf_http_stats(fetch.http, &stats);
    cr_expect_eq(stats.active, 0);
    fetch_stop(&fetch);
}

struct status_case {
    int status;
    enum hf_code code;
    char type[24];
    char body[80];
    char text[64];
};

ParameterizedTestParameters(http, a_status_becomes_an_error_with_the_servers_words)
{
    static struct status_case cases[] = {
        {200, HF_OK, "", "", ""},
        {204, HF_OK, "", "", ""},
        {401, HF_EDENIED, "application/json", "{\"message\":\"Unauthorized\"}",
         "the server answered 401: Unauthorized"},
        {403, HF_EDENIED, "text/plain", "no entry\n\n", "the server answered 403: no entry"},
        {404, HF_ENOTFOUND, "text/html", "<html>", "the server answered 404"},
        {408, HF_ETIMEOUT, "", "", "the server answered 408"},
        {409, HF_ECONFLICT, "", "", "the server answered 409"},
        {410, HF_EGONE, "", "{\"error\":{\"message\":\"too old\"}}", "the server answered 410: too old"},
        {422, HF_EREFUSED, "", "{\"Message\":\"spec: bad\"}", "the server answered 422: spec: bad"},
        {429, HF_ETHROTTLED, "", "{\"kind\":\"Status\"}", "the server answered 429"},
        {500, HF_EUNAVAILABLE, "", "a\x1b[31mb", "the server answered 500: a\\x1b[31mb"},
        {504, HF_EUNAVAILABLE, "", "", "the server answered 504"},
        {0, HF_EUNAVAILABLE, "", "", "no answer came"},
    };
    return cr_make_param_array(struct status_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct status_case *one, http, a_status_becomes_an_error_with_the_servers_words)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_http_response response = {
        .status = one->status, .body = one->body, .body_len = strlen(one->body), .content_type = one->type};
    cr_expect_eq(hf_http_status_error(&response, &err), one->code == HF_OK ? 0 : -1);
    cr_expect_eq(err.code, one->code, "%s", hf_code_name(err.code));
    cr_expect_str_eq(err.text, one->text, "%s", err.text);
}

Test(http, a_long_message_of_a_server_is_cut)
{
    struct hf_error err = HF_ERROR_INIT;
    char body[5000];
    memset(body, 'x', sizeof body);
    struct hf_http_response response = {.status = 500, .body = body, .body_len = sizeof body, .content_type = ""};
    cr_expect_eq(hf_http_status_error(&response, &err), -1);
    cr_expect_lt(strlen(err.text), 700);
    cr_expect_not_null(strstr(err.text, "…"));
}
