/* Single requests: what is sent, and what an answer means. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apiserver.h"

#define OBJECT "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"}}"
#define BASE "/prefix/apis/apps/v1/namespaces/shop/deployments/web"

static const struct hf_object_ref WEB = {&DEPLOYMENTS, "shop", "web"};

static void serve_object(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "Warning: 299 - \"apps/v1 is going\"\r\n", OBJECT);
}

struct scene {
    struct apiserver *server;
    struct rig rig;
};

static void open_scene(struct scene *scene, serve_fn serve, const struct hf_access *access)
{
    scene->server = apiserver_start(0, serve, NULL);
    rig_open(&scene->rig, scene->server->port, access, NULL);
}

static void close_scene(struct scene *scene)
{
    rig_close(&scene->rig);
    apiserver_stop(scene->server);
}

static void expect(struct scene *scene, const char *told)
{
    rig_until(&scene->rig, "answer ", 3000);
    cr_assert_str_eq(hf_buf_text(&scene->rig.trace), told);
    hf_buf_clear(&scene->rig.trace);
}

Test(request, get_reads_one_object_with_the_login)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_object, NULL);
    cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, rig_answer, &s.rig, &err), 0);
    expect(&s, "answer 200 ok Deployment;");
    const struct request *request = apiserver_request(s.server, 0);
    cr_assert_str_eq(request->method, "GET");
    cr_assert_str_eq(request->target, BASE);
    cr_assert(has(request->headers, "Authorization: Bearer the-token"));
    cr_assert(has(request->headers, "Accept: application/json"));
    close_scene(&s);
}

Test(request, the_servers_warnings_are_logged_and_no_token_is)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_object, NULL);
    cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, rig_answer, &s.rig, &err), 0);
    expect(&s, "answer 200 ok Deployment;");
    hf_auto_free char *log = rig_log(&s.rig);
    cr_assert(has(log, "apps/v1 is going"), "%s", log);
    cr_assert_null(strstr(log, "the-token"));
    close_scene(&s);
}

Test(request, apply_is_server_side_as_its_manager)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_apply apply = {.manager = "kubectl client/side", .force = true, .bytes = "a: 1\n", .len = 5};
    open_scene(&s, serve_object, NULL);
    cr_assert_eq(hf_cluster_apply(s.rig.cluster, &WEB, &apply, rig_answer, &s.rig, &err), 0);
    expect(&s, "answer 200 ok Deployment;");
    const struct request *request = apiserver_request(s.server, 0);
    cr_assert_str_eq(request->method, "PATCH");
    cr_assert_str_eq(request->target, BASE "?fieldManager=kubectl%20client%2Fside&force=true");
    cr_assert_str_eq(request->body, "a: 1\n");
    cr_assert(has(request->headers, "Content-Type: application/apply-patch+yaml"));
    apply.force = false;
    apply.dry_run = true;
    cr_assert_eq(hf_cluster_apply(s.rig.cluster, &WEB, &apply, rig_answer, &s.rig, &err), 0);
    expect(&s, "answer 200 ok Deployment;");
    cr_assert_str_eq(apiserver_request(s.server, 1)->target, BASE "?fieldManager=kubectl%20client%2Fside&dryRun=All");
    apply.manager = "";
    cr_assert_eq(hf_cluster_apply(s.rig.cluster, &WEB, &apply, rig_answer, &s.rig, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
    close_scene(&s);
}

Test(request, what_yaml_would_refuse_or_fold_is_escaped_in_an_apply)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    static const char BODY[] =
        "{\"a\":\"\x7f\xc2\x85\xc2\x9b\xe2\x80\xa8\xef\xbb\xbf\xef\xbf\xbf\xc2\xa0\xe2\x80\xae\xf0\x9f\x98\x80\"}";
    struct hf_apply apply = {.manager = "m", .bytes = BODY, .len = sizeof BODY - 1};
    open_scene(&s, serve_object, NULL);
    cr_assert_eq(hf_cluster_apply(s.rig.cluster, &WEB, &apply, rig_answer, &s.rig, &err), 0);
    expect(&s, "answer 200 ok Deployment;");
    cr_assert_str_eq(apiserver_request(s.server, 0)->body,
                     "{\"a\":\"\\u007f\\u0085\\u009b\\u2028\\ufeff\\uffff\xc2\xa0\xe2\x80\xae\xf0\x9f\x98\x80\"}");
    close_scene(&s);
}

Test(request, patch_has_the_type_it_was_given)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_object, NULL);
    cr_assert_eq(
        hf_cluster_patch(s.rig.cluster, &WEB, "application/json-patch+json", "m", "[]", 2, rig_answer, &s.rig, &err),
        0);
    expect(&s, "answer 200 ok Deployment;");
    const struct request *request = apiserver_request(s.server, 0);
    cr_assert_str_eq(request->method, "PATCH");
    cr_assert_str_eq(request->target, BASE "?fieldManager=m");
    cr_assert_str_eq(request->body, "[]");
    cr_assert(has(request->headers, "Content-Type: application/json-patch+json"));
    close_scene(&s);
}

#define OPTIONS "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":\"Background\""
static const struct deletion {
    char uid[8];
    char version[8];
    bool orphan;
    char body[160];
} DELETIONS[] = {
    {"u\"1", "7", false, OPTIONS ",\"preconditions\":{\"uid\":\"u\\\"1\",\"resourceVersion\":\"7\"}}"},
    {"", "7", false, OPTIONS ",\"preconditions\":{\"resourceVersion\":\"7\"}}"},
    {"u", "", false, OPTIONS ",\"preconditions\":{\"uid\":\"u\"}}"},
    {"", "", false, OPTIONS "}"},
    {"u", "", true,
     "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":\"Orphan\",\"preconditions\":{\"uid\":"
     "\"u\"}}"},
};

ParameterizedTestParameters(request, delete_has_the_preconditions_it_was_given)
{
    return cr_make_param_array(struct deletion, (void *)DELETIONS, sizeof DELETIONS / sizeof *DELETIONS);
}

ParameterizedTest(struct deletion *c, request, delete_has_the_preconditions_it_was_given)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_object, NULL);
    struct hf_delete what = {c->uid[0] ? c->uid : NULL, c->version[0] ? c->version : NULL, c->orphan};
    cr_assert_eq(hf_cluster_delete(s.rig.cluster, &WEB, &what, rig_answer, &s.rig, &err), 0);
    expect(&s, "answer 200 ok Deployment;");
    cr_assert_str_eq(apiserver_request(s.server, 0)->method, "DELETE");
    cr_assert_str_eq(apiserver_request(s.server, 0)->target, BASE);
    cr_assert_str_eq(apiserver_request(s.server, 0)->body, c->body);
    close_scene(&s);
}

static const struct place {
    char namespace[24];
    char name[24];
    char target[64]; /* "": refused */
} PLACES[] = {
    {"shop", "a.b-c", "deployments/a.b-c"},
    {"shop", "system:a b", "deployments/system%3Aa%20b"},
    {"shop", "a\x1b#?", "deployments/a%1B%23%3F"},
    {"shop", "system:node", "deployments/system%3Anode"},
    {"shop", "\xc3\xa4", "deployments/%C3%A4"},
    {"shop", "", ""},
    {"shop", ".", ""},
    {"shop", "..", ""},
    {"shop", "a/b", ""},
    {"shop", "a%2fb", ""},
    {"shop", "a?b", "deployments/a%3Fb"},
    {"shop", "a\\b", "deployments/a%5Cb"},
    {"shop", "a\nb", "deployments/a%0Ab"},
    {"..", "a", ""},
    {"a/b", "a", ""},
    {"", "a", ""},
};

ParameterizedTestParameters(request, a_name_is_one_segment_of_a_path_or_refused)
{
    return cr_make_param_array(struct place, (void *)PLACES, sizeof PLACES / sizeof *PLACES);
}

ParameterizedTest(struct place *c, request, a_name_is_one_segment_of_a_path_or_refused)
{
    hf_auto_buf struct hf_buf path = {0};
    struct hf_error err = HF_ERROR_INIT;
    int status = hf_path_add(&path, &DEPLOYMENTS, c->namespace, c->name, &err);
    cr_assert_eq(status, c->target[0] ? 0 : -1, "%s/%s", c->namespace, c->name);
    if (status == 0) {
        cr_assert_str_eq(hf_buf_text(&path) + strlen("/apis/apps/v1/namespaces/shop/"), c->target);
    } else {
        cr_assert_eq(err.code, HF_EINVAL);
    }
}

Test(request, a_namespace_that_a_kind_does_not_have_stays_out_of_the_path)
{
    hf_auto_buf struct hf_buf path = {0};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_path_add(&path, &NAMESPACES, "shop", "web", &err), 0);
    cr_assert_str_eq(hf_buf_text(&path), "/api/v1/namespaces/web");
}

static void serve_conflict(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer_status(x, 409, "Conflict", "Apply failed with 1 conflict");
}

static void serve_unavailable(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 503, "Retry-After: 3\r\n", "down");
}

static void serve_half(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", "{\"kind\":");
}

static void serve_array(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", "[]");
}

static void serve_cut(struct exchange *x, void *ctx)
{
    (void)ctx;
    cut(x);
}

static const serve_fn FAILING_SERVERS[] = {serve_conflict, serve_unavailable, serve_half, serve_array, serve_cut};
static const struct failure {
    int server;
    char told[48];
} FAILURES[] = {{0, "answer 409 conflict -;"},
                {1, "answer 503 unavailable -;"},
                {2, "answer 200 malformed -;"},
                {3, "answer 200 malformed -;"},
                {4, "answer 0 unavailable -;"}};

ParameterizedTestParameters(request, every_failure_has_a_code)
{
    return cr_make_param_array(struct failure, (void *)FAILURES, sizeof FAILURES / sizeof *FAILURES);
}

ParameterizedTest(struct failure *c, request, every_failure_has_a_code)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, FAILING_SERVERS[c->server], NULL);
    cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, rig_answer, &s.rig, &err), 0);
    expect(&s, c->told);
    close_scene(&s);
}

static void on_message(void *ctx, const struct hf_answer *answer, const struct hf_error *err)
{
    cr_assert_null(answer->object);
    rig_note(ctx, "answer %lld %s;", (long long)answer->retry_after_ms, err->text);
}

Test(request, a_refusal_says_what_the_server_said)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_conflict, NULL);
    cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, on_message, &s.rig, &err), 0);
    rig_until(&s.rig, "Apply failed with 1 conflict", 3000);
    close_scene(&s);
    open_scene(&s, serve_unavailable, NULL);
    cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, on_message, &s.rig, &err), 0);
    rig_until(&s.rig, "answer 3000 ", 3000);
    close_scene(&s);
}

/* A server that wants the second token. */
static void serve_second_token(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (strcasestr(x->headers, "Bearer second")) {
        answer(x, 200, "", OBJECT);
    } else {
        answer_status(x, 401, "Unauthorized", "Unauthorized");
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file);
    cr_assert(fputs(text, file) >= 0);
    cr_assert_eq(fclose(file), 0);
}

Test(request, a_token_that_was_renewed_in_its_file_is_used_after_a_401)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    char path[] = "/tmp/holdfast-token-XXXXXX";
    int fd = mkstemp(path);
    struct hf_access access = {.token_file = path};
    cr_assert(fd >= 0);
    close(fd);
    write_file(path, "first");
    open_scene(&s, serve_second_token, &access);
    cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, rig_answer, &s.rig, &err), 0);
    write_file(path, "second-");
    write_file(path, "second");
    expect(&s, "answer 200 ok Deployment;");
    cr_assert_eq(apiserver_count(s.server), 2);
    cr_assert(has(apiserver_request(s.server, 0)->headers, "Bearer first"));
    cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, rig_answer, &s.rig, &err), 0);
    expect(&s, "answer 200 ok Deployment;");
    cr_assert_eq(apiserver_count(s.server), 3, "the new token is kept");
    unlink(path);
    close_scene(&s);
}

Test(request, a_token_that_stays_refused_is_denied_after_one_more_try_at_most)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_second_token, NULL);
    cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, rig_answer, &s.rig, &err), 0);
    expect(&s, "answer 401 denied -;");
    cr_assert_eq(apiserver_count(s.server), 1);
    close_scene(&s);
}

static void serve_text(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", "ok");
}

static void on_raw(void *ctx, const struct hf_answer *answer, const struct hf_error *err)
{
    cr_assert_null(answer->object);
    rig_note(ctx, "answer %d %s %.*s;", answer->status, hf_code_name(err->code), (int)answer->body_len, answer->body);
}

Test(request, any_path_can_be_read_raw_within_a_limit)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_text, NULL);
    cr_assert_eq(hf_cluster_raw(s.rig.cluster, "/readyz?verbose", NULL, 100, on_raw, &s.rig, &err), 0);
    expect(&s, "answer 200 ok ok;");
    cr_assert_str_eq(apiserver_request(s.server, 0)->target, "/prefix/readyz?verbose");
    cr_assert_eq(hf_cluster_raw(s.rig.cluster, "/readyz", NULL, 1, on_raw, &s.rig, &err), 0);
    rig_until(&s.rig, " over_limit ", 3000);
    cr_assert_eq(hf_cluster_raw(s.rig.cluster, "readyz", NULL, 1, on_raw, &s.rig, &err), -1);
    cr_assert_eq(hf_cluster_raw(s.rig.cluster, "/a b", NULL, 1, on_raw, &s.rig, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
    close_scene(&s);
}

static void close_in_answer(void *ctx, const struct hf_answer *answer, const struct hf_error *err)
{
    struct rig *rig = ctx;
    (void)answer;
    (void)err;
    hf_cluster_free(rig->cluster);
    rig->cluster = NULL;
    rig_note(rig, "closed;");
}

Test(request, an_answer_may_close_the_cluster_and_others_under_way_end_silently)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_object, NULL);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(hf_cluster_get(s.rig.cluster, &WEB, close_in_answer, &s.rig, &err), 0);
    }
    rig_until(&s.rig, "closed;", 3000);
    rig_run(&s.rig, 100);
    cr_assert_str_eq(hf_buf_text(&s.rig.trace), "closed;");
    close_scene(&s);
}

Test(request, the_server_is_shown_without_its_user)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_loop *loop = hf_loop_new(&err);
    struct hf_http *http = hf_http_new(loop, "t", &err);
    struct hf_access access = {.server = "https://user:secret@host:6443/x/?token=1"};
    struct hf_cluster *cluster = NULL;
    cr_assert_eq(hf_cluster_new(loop, http, NULL, &access, NULL, &cluster, &err), 0, "%s", err.text);
    cr_assert_str_eq(hf_cluster_server(cluster), "https://host:6443/x");
    hf_cluster_free(cluster);
    access.server = "file:///etc/passwd";
    cr_assert_eq(hf_cluster_new(loop, http, NULL, &access, NULL, &cluster, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
    hf_http_free(http);
    hf_loop_free(loop);
}

static void serve_review(struct exchange *x, void *ctx)
{
    (void)ctx;
    bool may = has(x->headers, "Authorization: Bearer the-token") && strcmp(x->method, "POST") == 0;
    answer(x, may ? 201 : 403, "", "{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":true}}");
}

Test(request, a_review_is_posted_with_the_login_and_its_answer_told)
{
    static const char BODY[] = "{\"spec\":{\"token\":\"somebody's\"}}";
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_review, NULL);
    cr_assert_eq(hf_cluster_review(s.rig.cluster, "/apis/authentication.k8s.io/v1/tokenreviews", BODY, strlen(BODY),
                                   2000, rig_answer, &s.rig, &err),
                 0);
    expect(&s, "answer 201 ok TokenReview;");
    const struct request *request = apiserver_request(s.server, 0);
    cr_assert_str_eq(request->method, "POST");
    cr_assert_str_eq(request->target, "/prefix/apis/authentication.k8s.io/v1/tokenreviews");
    cr_assert(has(request->headers, "Content-Type: application/json"));
    cr_assert_str_eq(request->body, BODY);
    close_scene(&s);
}

static void serve_nothing(struct exchange *x, void *ctx)
{
    (void)x;
    (void)ctx;
    usleep(700000);
}

Test(request, a_review_has_its_own_limit_of_time)
{
    struct scene s;
    struct hf_error err = HF_ERROR_INIT;
    open_scene(&s, serve_nothing, NULL);
    cr_assert_eq(hf_cluster_review(s.rig.cluster, "/apis/authentication.k8s.io/v1/tokenreviews", "{}", 2, 200,
                                   rig_answer, &s.rig, &err),
                 0);
    expect(&s, "answer 0 timeout -;");
    close_scene(&s);
}
