/* Lists, and what is read of pages and watch lines without a network. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "apiserver.h"

#define OBJECT(name) "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"1\"}}"
#define PAGE(version, next, items)                                                                                     \
    "{\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" next "\"},\"items\":[" items "]}"

static void list(struct rig *rig, const char *namespace)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_cluster_list(rig->cluster, &DEPLOYMENTS, namespace, rig_item, rig_listed, rig, &err), 0, "%s",
                 err.text);
}

static void expect_list(serve_fn serve, const char *told, const char *const *targets, unsigned count)
{
    struct apiserver *server = apiserver_start(0, serve, NULL);
    struct rig rig;
    struct hf_cluster_options options = {.name = "dev", .page = 2};
    rig_open(&rig, server->port, NULL, &options);
    list(&rig, "shop");
    rig_until(&rig, strstr(told, "listed") ? "listed" : "failed", 3000);
    cr_assert_str_eq(hf_buf_text(&rig.trace), told);
    cr_assert_eq(apiserver_count(server), count);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_str_eq(apiserver_request(server, i)->target, targets[i]);
    }
    rig_close(&rig);
    apiserver_stop(server);
}

#define BASE "/prefix/apis/apps/v1/namespaces/shop/deployments"

static void serve_pages(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!target_has(x, "continue=")) {
        answer(x, 200, "", PAGE("10", "to&ken/1", OBJECT("a") "," OBJECT("b")));
    } else {
        answer(x, 200, "", PAGE("10", "", OBJECT("c")));
    }
}

Test(list, comes_in_pages)
{
    const char *targets[] = {BASE "?limit=2", BASE "?limit=2&continue=to%26ken%2F1"};
    expect_list(serve_pages, "item a@1;item b@1;item c@1;listed 10;", targets, 2);
}

static void serve_expired(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (target_has(x, "continue=")) {
        answer_status(x, 410, "Expired", "The provided continue parameter is too old");
    } else if (target_has(x, "limit=")) {
        answer(x, 200, "", PAGE("10", "t1", OBJECT("a")));
    } else {
        answer(x, 200, "", PAGE("20", "", OBJECT("b") "," OBJECT("c")));
    }
}

Test(list, starts_over_in_one_piece_when_it_expires_between_pages)
{
    const char *targets[] = {BASE "?limit=2", BASE "?limit=2&continue=t1", BASE};
    expect_list(serve_expired, "item a@1;item b@1;item c@1;listed 20;", targets, 3);
}

static void serve_endless(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", PAGE("10", "same", OBJECT("a")));
}

Test(list, a_server_that_gives_the_same_page_for_ever_is_not_believed)
{
    const char *targets[] = {BASE "?limit=2", BASE "?limit=2&continue=same"};
    expect_list(serve_endless, "item a@1;item a@1;failed malformed;", targets, 2);
}

static void serve_half(struct exchange *x, void *ctx)
{
    (void)ctx;
    stream_begin(x);
    stream(x, "{\"items\":[" OBJECT("a") ",{");
    stream_end(x);
}

static void serve_no_version(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", "{\"metadata\":{},\"items\":[]}");
}

static void serve_nothing(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", "");
}

static void serve_status(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer_status(x, 403, "Forbidden", "no");
}

static void serve_nameless(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{}}]}");
}

/* Criterion hands parameters to another process: no pointers in them. */
static const serve_fn BROKEN_SERVERS[] = {serve_half, serve_no_version, serve_nothing, serve_nameless, serve_status};
static const struct broken {
    int server;
    char told[48];
} BROKEN[] = {{0, "item a@1;failed malformed;"},
              {1, "failed malformed;"},
              {2, "failed malformed;"},
              {3, "failed malformed;"},
              {4, "failed denied;"}};

ParameterizedTestParameters(list, what_is_not_whole_fails)
{
    return cr_make_param_array(struct broken, (void *)BROKEN, sizeof BROKEN / sizeof *BROKEN);
}

ParameterizedTest(struct broken *c, list, what_is_not_whole_fails)
{
    const char *targets[] = {BASE "?limit=2"};
    expect_list(BROKEN_SERVERS[c->server], c->told, targets, 1);
}

static void serve_namespaces(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "",
           target_is(x, "/prefix/api/v1/namespaces") || target_is(x, "/prefix/apis/apps/v1/deployments")
               ? PAGE("7", "", OBJECT("a"))
               : "?");
}

Test(list, all_namespaces_and_cluster_scoped_kinds_have_their_own_paths)
{
    struct apiserver *server = apiserver_start(0, serve_namespaces, NULL);
    struct rig rig;
    struct hf_error err = HF_ERROR_INIT;
    rig_open(&rig, server->port, NULL, NULL);
    list(&rig, NULL);
    rig_until(&rig, "listed 7;", 3000);
    cr_assert_eq(hf_cluster_list(rig.cluster, &NAMESPACES, NULL, rig_item, rig_listed, &rig, &err), 0);
    rig_until(&rig, "listed 7;item a@1;listed 7;", 3000);
    rig_close(&rig);
    apiserver_stop(server);
}

static void free_cluster_at_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    struct rig *rig = ctx;
    (void)object;
    (void)bytes;
    hf_cluster_free(rig->cluster);
    rig->cluster = NULL;
    rig_note(rig, "freed;");
}

Test(list, an_item_may_close_the_cluster)
{
    struct apiserver *server = apiserver_start(0, serve_pages, NULL);
    struct rig rig;
    struct hf_error err = HF_ERROR_INIT;
    rig_open(&rig, server->port, NULL, NULL);
    cr_assert_eq(hf_cluster_list(rig.cluster, &DEPLOYMENTS, NULL, free_cluster_at_item, rig_listed, &rig, &err), 0);
    rig_until(&rig, "freed;", 3000);
    rig_run(&rig, 100);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "freed;");
    rig_close(&rig);
    apiserver_stop(server);
}

/* Without a network. */

static bool on_event(void *ctx, enum hf_watch_type type, const struct hf_value *object, const char *version,
                     size_t bytes)
{
    struct hf_buf *trace = ctx;
    cr_assert_str_eq(hf_value_text(hf_value_get(object, "kind")), "Deployment");
    cr_assert_gt(bytes, 0);
    hf_buf_addf(trace, "%d %s;", (int)type, version);
    return true;
}

static const char LINES[] =
    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\\u00e4\\\"}\",\"resourceVersion\":\"1\"}}}\n"
    "\n"
    "{\"type\":\"FUTURE\",\"object\":{}}\r\n"
    "{\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"2\"}},\"type\":\"MODIFIED\"}\n"
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"3\"}}}\n"
    "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"4\"}}}\n";

Test(watch, lines_may_be_cut_at_every_byte)
{
    for (size_t at = 0; at <= strlen(LINES); at++) {
        hf_auto_buf struct hf_buf trace = {0};
        struct hf_error err = HF_ERROR_INIT;
        struct hf_watch_reader reader = {
            .resource = &DEPLOYMENTS, .max_object = 4096, .event = on_event, .ctx = &trace};
        cr_assert_eq(hf_watch_read(&reader, LINES, at, &err), 0, "%s", err.text);
        cr_assert_eq(hf_watch_read(&reader, LINES + at, strlen(LINES) - at, &err), 0, "%s", err.text);
        cr_assert_str_eq(hf_buf_text(&trace), "0 1;1 2;3 3;2 4;");
        hf_watch_reader_free(&reader);
    }
}

#define STATUS(rest) "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"message\":\"m\"" rest "}}\n"
static const struct bad_line {
    char line[160];
    enum hf_code code;
} BAD_LINES[] = {
    {"x\n", HF_EPARSE},
    {"[]\n", HF_EPARSE},
    {"{}\n", HF_EPARSE},
    {"{\"type\":\"ADDED\",\"object\":[]}\n", HF_EPARSE},
    {"{\"type\":\"ADDED\",\"object\":{}}\n", HF_EPARSE},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n", HF_EPARSE},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}\n", HF_EPARSE},
    {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"\"}}}\n", HF_EPARSE},
    {"{\"type\":\"ADDED\",\"type\":\"ADDED\"}\n", HF_EPARSE},
    {STATUS(",\"code\":410"), HF_EGONE},
    {STATUS(",\"reason\":\"Expired\""), HF_EGONE},
    {STATUS(",\"code\":403"), HF_EDENIED},
    {STATUS(",\"code\":429"), HF_ETHROTTLED},
    {STATUS(",\"code\":500"), HF_EUNAVAILABLE},
    {STATUS(""), HF_EUNAVAILABLE},
};

ParameterizedTestParameters(watch, what_is_no_event_has_a_code)
{
    return cr_make_param_array(struct bad_line, (void *)BAD_LINES, sizeof BAD_LINES / sizeof *BAD_LINES);
}

ParameterizedTest(struct bad_line *c, watch, what_is_no_event_has_a_code)
{
    hf_auto_buf struct hf_buf trace = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_watch_reader reader = {.resource = &DEPLOYMENTS, .max_object = 4096, .event = on_event, .ctx = &trace};
    cr_assert_eq(hf_watch_read(&reader, c->line, strlen(c->line), &err), -1, "%s", c->line);
    cr_assert_eq(err.code, c->code, "%s: %s", c->line, err.text);
    cr_assert_str_eq(hf_buf_text(&trace), "");
    hf_watch_reader_free(&reader);
}

Test(watch, an_event_larger_than_the_limit_is_refused)
{
    hf_auto_buf struct hf_buf trace = {0};
    hf_auto_buf struct hf_buf line = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_watch_reader reader = {.resource = &DEPLOYMENTS, .max_object = 1024, .event = on_event, .ctx = &trace};
    while (line.len < 2000) {
        hf_buf_addc(&line, ' ');
    }
    cr_assert_eq(hf_watch_read(&reader, line.ptr, line.len, &err), -1);
    cr_assert_eq(err.code, HF_ELIMIT);
    hf_watch_reader_free(&reader);
}

Test(backoff, is_jittered_grows_and_is_capped)
{
    cr_assert_eq(hf_backoff_ms(0, 200, 10000, 5000, UINT32_MAX), 0);
    cr_assert_eq(hf_backoff_ms(1, 400, 10000, 5000, UINT32_MAX), 400);
    cr_assert_eq(hf_backoff_ms(1, 400, 10000, 5000, 0), 0);
    cr_assert_eq(hf_backoff_ms(3, 400, 10000, 5000, UINT32_MAX), 1600);
    cr_assert_eq(hf_backoff_ms(3, 400, 10000, 5000, UINT32_MAX / 2), 799);
    cr_assert_eq(hf_backoff_ms(4000000, 400, 10000, 5000, UINT32_MAX), 10000);
}

Test(backoff, never_gives_more_than_five_tries_a_second)
{
    cr_assert_eq(hf_backoff_ms(0, 1, 1, 0, 0), 200);
    cr_assert_eq(hf_backoff_ms(1, 1, 1, 150, UINT32_MAX), 50);
}
