/* What a user relies on when a resource is followed. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apiserver.h"
#include "holdfast/clock.h"

#define PATH "/prefix/apis/apps/v1/namespaces/shop/deployments"
#define OBJECT(name, version) "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, name, version)                                                                                     \
    "{\"type\":\"" type "\",\"object\":{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":"    \
    "\"" name "\",\"resourceVersion\":\"" version "\"}}}\n"
#define BOOKMARK(version)                                                                                              \
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{"             \
    "\"resourceVersion\":\"" version "\",\"creationTimestamp\":null},\"spec\":{}}}\n"
#define GONE                                                                                                           \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":"    \
    "\"too old resource version\",\"reason\":\"Expired\",\"code\":410}}\n"
#define LIST(version, items)                                                                                           \
    "{\"kind\":\"DeploymentList\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"resourceVersion\":\"" version             \
    "\"},\"items\":[" items "]}"
#define LIST_A LIST("10", OBJECT("a", "5"))

static bool is_watch(const struct exchange *exchange)
{
    return target_has(exchange, "watch=true");
}

static void follow(struct rig *rig, struct hf_follow **out)
{
    struct hf_follow_events events = rig_events(rig);
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_cluster_follow(rig->cluster, &DEPLOYMENTS, "shop", &events, out, &err), 0, "%s", err.text);
}

/* Each test: a server, a client that follows, what must be told, and the server's view of it. */
struct scene {
    struct apiserver *server;
    struct rig rig;
    struct hf_follow *follow;
};

static void open_scene(struct scene *scene, serve_fn serve, const struct hf_cluster_options *options)
{
    scene->server = apiserver_start(0, serve, NULL);
    rig_open(&scene->rig, scene->server->port, NULL, options);
    follow(&scene->rig, &scene->follow);
}

static void close_scene(struct scene *scene)
{
    hf_follow_free(scene->follow);
    rig_close(&scene->rig);
    apiserver_stop(scene->server);
}

static void serve_plain(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", LIST_A);
        return;
    }
    stream_begin(x);
    stream(x, EVENT("ADDED", "b", "11") EVENT("MODIFIED", "a", "12"));
    stream(x, EVENT("DELETED", "b", "13"));
    stay(x, 5000);
    cut(x);
}

Test(follow, lists_then_watches_from_where_the_list_was)
{
    struct scene s;
    open_scene(&s, serve_plain, NULL);
    rig_until(&s.rig, "DELETED b@13;", 3000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), "begin;item a@5;end 10;open;ADDED b@11;MODIFIED a@12;DELETED b@13;");
    cr_assert_str_eq(apiserver_request(s.server, 0)->target, PATH "?limit=250");
    const char *target = apiserver_request(s.server, 1)->target;
    cr_assert(strncmp(target, PATH "?watch=true&allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=",
                      strlen(PATH "?watch=true&allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=")) == 0,
              "%s", target);
    int seconds = atoi(strrchr(target, '=') + 1);
    cr_assert(seconds >= 14 && seconds <= 19, "%d", seconds);
    struct hf_cluster_stats stats;
    hf_cluster_stats(s.rig.cluster, &stats);
    cr_assert_eq(stats.lists, 1);
    cr_assert_eq(stats.watch_events, 3);
    cr_assert_eq(stats.requests, 2);
    cr_assert_eq(stats.failures, 0);
    cr_assert_gt(stats.bytes_in, 100);
    close_scene(&s);
}

static const struct length {
    int64_t silence_ms;
    int64_t asked_ms;
    int least;
    int most;
} LENGTHS[] = {{20000, 0, 15, 19}, {90000, 0, 67, 89}, {3600000, 0, 300, 600}, {300, 0, 1, 1}, {20000, 2500, 3, 3}};

ParameterizedTestParameters(follow, a_watch_is_asked_for_so_long_that_a_quiet_one_ends_in_order)
{
    return cr_make_param_array(struct length, (void *)LENGTHS, sizeof LENGTHS / sizeof *LENGTHS);
}

ParameterizedTest(struct length *c, follow, a_watch_is_asked_for_so_long_that_a_quiet_one_ends_in_order)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .silence_ms = c->silence_ms, .watch_timeout_ms = c->asked_ms};
    open_scene(&s, serve_plain, &options);
    rig_until(&s.rig, "DELETED b@13;", 3000);
    int seconds = atoi(strrchr(apiserver_request(s.server, 1)->target, '=') + 1);
    cr_assert(seconds >= c->least && seconds <= c->most, "%d", seconds);
    close_scene(&s);
}

static void serve_bookmark(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", LIST_A);
        return;
    }
    stream_begin(x);
    if (target_has(x, "resourceVersion=10&")) {
        stream(x, BOOKMARK("4000"));
        stream_end(x);
    } else if (target_has(x, "resourceVersion=4000&")) {
        stream(x, EVENT("ADDED", "b", "4001"));
        stay(x, 5000);
        cut(x);
    }
}

Test(follow, resumes_from_a_bookmark_when_the_server_ends_the_watch)
{
    struct scene s;
    open_scene(&s, serve_bookmark, NULL);
    rig_until(&s.rig, "ADDED b@4001;", 3000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), "begin;item a@5;end 10;open;ADDED b@4001;");
    cr_assert_eq(apiserver_count(s.server), 3);
    close_scene(&s);
}

static void serve_gone_status(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", x->number == 0 ? LIST_A : LIST("20", OBJECT("c", "15")));
    } else if (target_has(x, "resourceVersion=10&")) {
        answer_status(x, 410, "Expired", "too old resource version: 10 (18)");
    } else {
        stream_begin(x);
        stream(x, EVENT("ADDED", "d", "21"));
        stay(x, 5000);
        cut(x);
    }
}

static void serve_gone_event(struct exchange *x, void *ctx)
{
    if (is_watch(x) && target_has(x, "resourceVersion=10&")) {
        stream_begin(x);
        stream(x, GONE);
        stream_end(x);
    } else {
        serve_gone_status(x, ctx);
    }
}

static void lists_again(serve_fn serve, const char *told)
{
    struct scene s;
    open_scene(&s, serve, NULL);
    rig_until(&s.rig, "ADDED d@21;", 3000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), told);
    cr_assert_eq(apiserver_count(s.server), 4);
    cr_assert_str_eq(apiserver_request(s.server, 2)->target, PATH "?limit=250");
    struct hf_cluster_stats stats;
    hf_cluster_stats(s.rig.cluster, &stats);
    cr_assert_eq(stats.gone, 1);
    close_scene(&s);
}

Test(follow, lists_again_when_its_version_is_too_old)
{
    lists_again(serve_gone_status, "begin;item a@5;end 10;begin;item c@15;end 20;open;ADDED d@21;");
}

Test(follow, lists_again_when_the_watch_says_its_version_is_too_old)
{
    lists_again(serve_gone_event, "begin;item a@5;end 10;open;begin;item c@15;end 20;ADDED d@21;");
}

static void serve_silence(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", LIST_A);
        return;
    }
    stream_begin(x);
    if (target_has(x, "resourceVersion=10&")) {
        stream(x, EVENT("ADDED", "b", "11"));
    } else {
        stream(x, EVENT("ADDED", "c", "12"));
    }
    stay(x, 20000);
    cut(x);
}

Test(follow, a_silent_watch_is_opened_again_from_its_last_version)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .silence_ms = 300};
    open_scene(&s, serve_silence, &options);
    rig_until(&s.rig, "ADDED b@11;", 3000);
    int64_t took = rig_until(&s.rig, "ADDED c@12;", 3000);
    cr_assert(took >= 200 && took < 1500, "%lld ms", (long long)took);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), "begin;item a@5;end 10;open;ADDED b@11;ADDED c@12;");
    cr_assert(has(apiserver_request(s.server, 2)->target, "resourceVersion=11&"));
    close_scene(&s);
}

static void serve_garbage(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", LIST_A);
        return;
    }
    stream_begin(x);
    if (target_has(x, "resourceVersion=10&")) {
        stream(x, EVENT("ADDED", "b", "11"));
        stream(x, "{\"type\":\"MODIFIED\",\"obj<<<\n");
    } else {
        stream(x, EVENT("ADDED", "c", "12"));
    }
    stay(x, 5000);
    cut(x);
}

Test(follow, a_garbage_line_loses_nothing)
{
    struct scene s;
    open_scene(&s, serve_garbage, NULL);
    rig_until(&s.rig, "ADDED c@12;", 3000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace),
                     "begin;item a@5;end 10;open;ADDED b@11;lost malformed;open;ADDED c@12;");
    cr_assert(has(apiserver_request(s.server, 2)->target, "resourceVersion=11&"));
    close_scene(&s);
}

static void serve_garbage_for_ever(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", LIST_A);
        return;
    }
    stream_begin(x);
    stream(x, "no json\n");
    stream_end(x);
}

Test(follow, lists_again_when_one_version_can_not_be_watched)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .backoff_first_ms = 10};
    open_scene(&s, serve_garbage_for_ever, &options);
    rig_until(&s.rig, "lost malformed;begin;item a@5;end 10;", 5000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace),
                     "begin;item a@5;end 10;open;lost malformed;open;lost malformed;open;lost "
                     "malformed;begin;item a@5;end 10;");
    close_scene(&s);
}

static void serve_cut(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", LIST_A);
        return;
    }
    stream_begin(x);
    if (target_has(x, "resourceVersion=10&")) {
        stream(x, EVENT("ADDED", "b", "11") "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Depl");
        cut(x);
    } else {
        stream(x, EVENT("ADDED", "c", "12"));
        stay(x, 5000);
        cut(x);
    }
}

Test(follow, a_watch_cut_in_the_middle_of_an_event_resumes_before_it)
{
    struct scene s;
    open_scene(&s, serve_cut, NULL);
    rig_until(&s.rig, "lost unavailable;", 3000);
    int64_t took = rig_until(&s.rig, "ADDED c@12;", 3000);
    cr_assert_lt(took, 1000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace),
                     "begin;item a@5;end 10;open;ADDED b@11;lost unavailable;open;ADDED c@12;");
    cr_assert(has(apiserver_request(s.server, 2)->target, "resourceVersion=11&"));
    close_scene(&s);
}

static void serve_list_cut(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (is_watch(x)) {
        stream_begin(x);
        stay(x, 5000);
        cut(x);
    } else if (x->number == 0) {
        stream_begin(x);
        stream(x, "{\"kind\":\"DeploymentList\",\"items\":[" OBJECT("a", "5") ",{\"metadata\":");
        cut(x);
    } else {
        answer(x, 200, "", LIST("20", OBJECT("b", "6")));
    }
}

Test(follow, a_list_cut_in_the_middle_never_counts_as_whole)
{
    struct scene s;
    open_scene(&s, serve_list_cut, NULL);
    rig_until(&s.rig, "open;", 3000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), "begin;item a@5;lost unavailable;begin;item b@6;end 20;open;");
    close_scene(&s);
}

Test(follow, a_server_that_comes_back_is_watched_again_within_two_seconds)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .backoff_first_ms = 200};
    open_scene(&s, serve_plain, &options);
    int port = s.server->port;
    rig_until(&s.rig, "DELETED b@13;", 3000);
    apiserver_stop(s.server);
    rig_run(&s.rig, 6000); /* long enough for the backoff to have grown to its cap */
    cr_assert(has(hf_buf_text(&s.rig.trace), "lost unavailable;"));
    hf_buf_clear(&s.rig.trace);
    s.server = apiserver_start(port, serve_plain, NULL);
    int64_t took = rig_until(&s.rig, "open;ADDED b@11;", 5000);
    cr_assert_leq(took, 2300, "%lld ms", (long long)took);
    cr_assert(has(apiserver_request(s.server, 0)->target, "resourceVersion=13&"));
    close_scene(&s);
}

Test(follow, the_first_that_gets_through_again_wakes_the_others)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .backoff_first_ms = 2000};
    struct hf_follow *others[7];
    open_scene(&s, serve_plain, &options);
    int port = s.server->port;
    for (size_t i = 0; i < 7; i++) {
        follow(&s.rig, &others[i]);
    }
    rig_run(&s.rig, 500);
    apiserver_stop(s.server);
    rig_run(&s.rig, 100);
    hf_buf_clear(&s.rig.trace);
    s.server = apiserver_start(port, serve_plain, NULL);
    rig_until(&s.rig, "open;", 3000);
    rig_run(&s.rig, 500);
    unsigned open = 0;
    for (const char *at = hf_buf_text(&s.rig.trace); (at = strstr(at, "open;")) != NULL; at++) {
        open++;
    }
    cr_assert_eq(open, 8, "%u: %s", open, hf_buf_text(&s.rig.trace));
    close_scene(&s);
}

static void serve_restored(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", x->number == 0 ? LIST_A : LIST("3", OBJECT("a", "2")));
    } else if (target_has(x, "resourceVersion=10&")) {
        answer_status(x, 504, "Timeout", "Timeout: Too large resource version: 10, current: 3");
    } else {
        stream_begin(x);
        stream(x, EVENT("ADDED", "b", "4"));
        stay(x, 5000);
        cut(x);
    }
}

Test(follow, a_store_restored_from_a_backup_is_listed_again)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .backoff_first_ms = 10};
    open_scene(&s, serve_restored, &options);
    rig_until(&s.rig, "ADDED b@4;", 5000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), "begin;item a@5;end 10;lost unavailable;lost unavailable;lost "
                                                "unavailable;begin;item a@2;end 3;open;ADDED b@4;");
    close_scene(&s);
}

/* The token that is good now; the watch is cut when it changes. */
static void serve_by_token(struct exchange *x, void *ctx)
{
    (void)ctx;
    bool second = has(x->headers, "Bearer second");
    if (!is_watch(x)) {
        answer(x, 200, "", LIST_A);
    } else if (target_has(x, "resourceVersion=10&") && !second) {
        stream_begin(x);
        stream(x, EVENT("ADDED", "b", "11"));
        stream_end(x);
    } else if (!second) {
        answer_status(x, 401, "Unauthorized", "Unauthorized");
    } else {
        stream_begin(x);
        stream(x, EVENT("ADDED", "c", "12"));
        stay(x, 5000);
        cut(x);
    }
}

static void write_token(const char *path, const char *token)
{
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL);
    cr_assert(fputs(token, file) >= 0);
    cr_assert_eq(fclose(file), 0);
}

Test(follow, goes_on_with_a_token_that_was_renewed_in_its_file)
{
    char path[] = "/tmp/holdfast-token-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
    write_token(path, "first");
    struct hf_access access = {.token_file = path};
    struct scene s = {.server = apiserver_start(0, serve_by_token, NULL)};
    rig_open(&s.rig, s.server->port, &access, NULL);
    follow(&s.rig, &s.follow);
    rig_until(&s.rig, "ADDED b@11;", 3000);
    write_token(path, "second");
    rig_until(&s.rig, "ADDED c@12;", 3000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), "begin;item a@5;end 10;open;ADDED b@11;ADDED c@12;");
    unlink(path);
    close_scene(&s);
}

static void serve_denied(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer_status(x, 403, "Forbidden", "deployments is forbidden");
}

Test(follow, a_denied_resource_is_tried_a_few_times_then_slowly)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .backoff_first_ms = 10, .denied_retry_ms = 20000};
    open_scene(&s, serve_denied, &options);
    rig_run(&s.rig, 2000);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), "lost denied;lost denied;lost denied;lost denied;");
    cr_assert_eq(apiserver_count(s.server), 4);
    close_scene(&s);
}

static void serve_throttled(struct exchange *x, void *ctx)
{
    if (x->number == 0) {
        answer(x, 429, "Retry-After: 1\r\n", "{\"kind\":\"Status\",\"message\":\"too many\",\"code\":429}");
    } else {
        serve_plain(x, ctx);
    }
}

Test(follow, retry_after_is_honoured)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .backoff_first_ms = 10};
    open_scene(&s, serve_throttled, &options);
    rig_until(&s.rig, "lost throttled;", 3000);
    rig_until(&s.rig, "DELETED b@13;", 3000);
    int64_t waited = apiserver_request(s.server, 1)->at_ms - apiserver_request(s.server, 0)->at_ms;
    cr_assert(waited >= 990, "%lld ms", (long long)waited);
    close_scene(&s);
}

static void serve_ends_at_once(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!is_watch(x)) {
        answer(x, 200, "", LIST_A);
        return;
    }
    stream_begin(x);
    stream_end(x);
}

Test(follow, a_server_that_ends_every_watch_at_once_is_not_hammered)
{
    struct scene s;
    struct hf_cluster_options options = {.name = "dev", .backoff_first_ms = 1, .backoff_max_ms = 1};
    open_scene(&s, serve_ends_at_once, &options);
    rig_run(&s.rig, 2000);
    cr_assert(apiserver_count(s.server) >= 4 && apiserver_count(s.server) <= 12, "%u", apiserver_count(s.server));
    cr_assert_null(strstr(hf_buf_text(&s.rig.trace), "lost"));
    close_scene(&s);
}

static void serve_unwatched(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", LIST_A);
}

Test(follow, what_can_not_be_watched_is_listed_now_and_then)
{
    struct apiserver *server = apiserver_start(0, serve_unwatched, NULL);
    struct rig rig;
    struct hf_cluster_options options = {.name = "dev", .denied_retry_ms = 300};
    rig_open(&rig, server->port, NULL, &options);
    struct hf_resource resource = DEPLOYMENTS;
    struct hf_follow_events events = rig_events(&rig);
    struct hf_follow *out;
    struct hf_error err = HF_ERROR_INIT;
    resource.can_watch = false;
    cr_assert_eq(hf_cluster_follow(rig.cluster, &resource, "shop", &events, &out, &err), 0);
    rig_until(&rig, "begin;item a@5;end 10;open;begin;item a@5;end 10;", 3000);
    resource.can_list = false;
    struct hf_follow *none = NULL;
    cr_assert_eq(hf_cluster_follow(rig.cluster, &resource, "shop", &events, &none, &err), -1);
    cr_assert_eq(err.code, HF_EUNSUPPORTED);
    rig_close(&rig);
    apiserver_stop(server);
}

Test(follow, no_callback_comes_from_within_the_start)
{
    struct rig rig;
    struct hf_follow *out;
    rig_open(&rig, 1, NULL, NULL);
    follow(&rig, &out);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "");
    rig_until(&rig, "lost unavailable;", 3000);
    rig_close(&rig);
}
