/* The API's document against the running server: each path, each answer by its schema, each parameter with right and
 * wrong values. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "access_fixture.h"
#include "openapi.h"

static struct server server;
static struct fake_actions fake;
static struct hf_serve_actions actions;
static struct openapi api;

static void fill_view(struct hf_view *view)
{
    struct hf_view_unit *unit = hf_arena_alloc(view->arena, sizeof *unit);
    struct hf_view_channel *channel = hf_arena_alloc(view->arena, sizeof *channel);
    *unit = (struct hf_view_unit){.target = "dev",
                                  .space = "a",
                                  .slug = "one",
                                  .verdict = "in_sync",
                                  .objects = 1,
                                  .is_hub = true,
                                  .state = "pending",
                                  .state_reason = "has edits",
                                  .mode = "on_demand",
                                  .head_revision = 3};
    *channel = (struct hf_view_channel){.name = "ops"};
    view->units = unit;
    view->unit_count = 1;
    view->channels = channel;
    view->channel_count = 1;
    view_object(view, 1)->verdict = "drifted";
    view_object(view, 1)->last_correction_ms = 412;
    view_object(view, 2)->namespace = NULL;
    view_finding(view, 1, "/spec/replicas", "3", NULL, NULL);
}

static void set_up(void)
{
    openapi_read(&api);
    struct hf_serve_options options = {.actions = &actions};
    fake_actions_table(&fake, &actions);
    server_start(&server, &options);
    struct hf_view *view = view_new(4);
    fill_view(view);
    hf_serve_publish(server.serve, view);
    fake_trail_add(&server.trail, "drift.seen", "inc-1", "service-00001", "scaled");
}

static void tear_down(void)
{
    server_stop(&server);
    hf_arena_free(api.arena);
}

TestSuite(openapi, .init = set_up, .fini = tear_down, .timeout = 60);

/* A value that the server takes, for each parameter that the document names. */
static const char *good_value(const char *path, const char *name)
{
    if (strcmp(name, "cursor") == 0 && strstr(path, "/incidents")) {
        return "9";
    }
    if (strcmp(name, "until") == 0 && strstr(path, "/timeline")) {
        return "1h"; /* behind the day that it begins with */
    }
    static const char *const VALUES[][2] = {{"target", "dev"},
                                            {"kind", "Deployment"},
                                            {"namespace", "traderx-dev"},
                                            {"name", "service-00001"},
                                            {"incident", "inc-1"},
                                            {"limit", "5"},
                                            {"after", "0"},
                                            {"before", "9"},
                                            {"since", "2h"},
                                            {"until", "2026-01-01T00:00:00Z"},
                                            {"verdict", "drifted"},
                                            {"sort", "order"},
                                            {"findings", "true"},
                                            {"verbose", "true"},
                                            {"q", "service"},
                                            {"api_version", "apps/v1"},
                                            {"space", "traderx"},
                                            {"unit", "unit-1"},
                                            {"type", "drift."},
                                            {"manager", "kubectl"},
                                            {"severity", "warning"},
                                            {"by", "kind"},
                                            {"buckets", "5"},
                                            {"verify", "true"},
                                            {"format", "csv"},
                                            {"state", "ended"},
                                            {"outcome", "corrected"},
                                            {"class", "changed"},
                                            {"path", "/spec/replicas"},
                                            {"user", "alice"},
                                            {"labels", "tier=one"},
                                            {"group", "apps"},
                                            {"operation", "Update"},
                                            {"at", "2026-01-01T00:00:00Z"},
                                            {"cursor", "7,dev,0,Deployment,traderx-dev,service-00001,apps%2Fv1"}};
    for (size_t i = 0; i < sizeof VALUES / sizeof VALUES[0]; i++) {
        if (strcmp(VALUES[i][0], name) == 0) {
            return VALUES[i][1];
        }
    }
    cr_assert_fail("no value is known for the parameter %s", name);
    return NULL;
}

static void check_body(const char *target, const struct reply *reply, const struct hf_value *operation)
{
    char type[80];
    const char *header = reply_header(reply, "Content-Type");
    (void)snprintf(type, sizeof type, "%.*s", (int)strcspn(header, ";"), header);
    openapi_check(&api, operation, target, reply->status, type, reply->body, reply->body_len);
}

/* The path with its required parameters; `other` is left to the caller. */
static void add_required(struct hf_buf *target, const char *path, const struct hf_value *operation, const char *other)
{
    const char *open = strchr(path, '{');
    hf_buf_add(target, path, open ? (size_t)(open - path) : strlen(path));
    hf_buf_adds(target, open ? "inc-1" : "");
    hf_buf_addc(target, '?');
    const struct hf_value *parameters = hf_value_get(operation, "parameters");
    for (size_t i = 0; i < hf_value_count(parameters); i++) {
        const struct hf_value *parameter = openapi_follow(&api, hf_value_at(parameters, i));
        const char *name = hf_value_text(hf_value_get(parameter, "name"));
        bool is_query = strcmp(hf_value_text(hf_value_get(parameter, "in")), "query") == 0;
        if (is_query && hf_value_is_true(hf_value_get(parameter, "required")) && (!other || strcmp(name, other) != 0)) {
            hf_buf_addf(target, "%s=%s&", name, good_value(path, name));
        }
    }
    if (strcmp(path, "/api/v1/rules/explain") == 0 && (!other || strcmp(other, "kind") != 0)) {
        hf_buf_adds(target, "kind=Deployment&");
    }
    if (strcmp(path, "/api/v1/object") == 0 && (!other || strcmp(other, "namespace") != 0)) {
        hf_buf_adds(target, "namespace=traderx-dev&");
    }
}

static void try_target(const char *target, const struct hf_value *operation, int status)
{
    if (strstr(target, "/stream") && status == 200) {
        return; /* its answer does not end; test_stream.c reads it */
    }
    struct reply reply = get(&server, target);
    cr_expect_eq(reply.status, status, "%s: %d %s", target, reply.status, reply.body);
    cr_expect_lt(reply.status, 500);
    check_body(target, &reply, operation);
    reply_free(&reply);
}

static bool has_wrong_value(const struct hf_value *parameter)
{
    const struct hf_value *schema = hf_value_get(parameter, "schema");
    const char *type = hf_value_text(hf_value_get(schema, "type"));
    const char *name = hf_value_text(hf_value_get(parameter, "name"));
    return strcmp(type, "string") != 0 || hf_value_get(schema, "enum") || hf_value_get(schema, "pattern") ||
           strcmp(name, "since") == 0 || strcmp(name, "until") == 0 || strcmp(name, "cursor") == 0 ||
           strcmp(name, "at") == 0;
}

static void try_parameter(const char *path, const struct hf_value *operation, const struct hf_value *parameter)
{
    static const char *const WRONG[] = {"%F0%9F%92%A3", "-5",  "99999999999999999999999", "1e3", "null", "[]",
                                        "%3Cb%3E",      "0x10"};
    const char *name = hf_value_text(hf_value_get(parameter, "name"));
    if (strcmp(hf_value_text(hf_value_get(parameter, "in")), "query") != 0) {
        return;
    }
    struct hf_buf target = {0};
    add_required(&target, path, operation, name);
    size_t kept = target.len;
    hf_buf_addf(&target, "%s=%s", name, good_value(path, name));
    try_target(target.ptr, operation, 200);
    for (size_t i = 0; has_wrong_value(parameter) && i < sizeof WRONG / sizeof WRONG[0]; i++) {
        target.len = kept;
        target.ptr[kept] = '\0';
        hf_buf_addf(&target, "%s=%s", name, WRONG[i]);
        try_target(target.ptr, operation, 400);
    }
    hf_buf_free(&target);
}

Test(openapi, every_path_and_parameter_answers_as_the_document_says)
{
    const struct hf_value *paths = hf_value_get(api.document, "paths");
    size_t tried = 0;
    for (size_t i = 0; i < hf_value_count(paths); i++) {
        const char *path = paths->as.object.members[i].key.ptr;
        const struct hf_value *operation = hf_value_get(&paths->as.object.members[i].value, "get");
        if (!operation) {
            cr_assert(hf_value_get(&paths->as.object.members[i].value, "post"), "%s", path);
            continue;
        }
        struct hf_buf target = {0};
        add_required(&target, path, operation, NULL);
        try_target(target.ptr, operation, 200);
        hf_buf_free(&target);
        const struct hf_value *parameters = hf_value_get(operation, "parameters");
        for (size_t n = 0; n < hf_value_count(parameters); n++) {
            try_parameter(path, operation, openapi_follow(&api, hf_value_at(parameters, n)));
            tried++;
        }
    }
    cr_expect_geq(hf_value_count(paths), 23);
    cr_expect_geq(tried, 95);
}

Test(openapi, an_unknown_parameter_is_refused_on_every_path)
{
    const struct hf_value *paths = hf_value_get(api.document, "paths");
    for (size_t i = 0; i < hf_value_count(paths); i++) {
        struct hf_buf target = {0};
        const struct hf_value *operation = hf_value_get(&paths->as.object.members[i].value, "get");
        if (!operation) {
            continue;
        }
        add_required(&target, paths->as.object.members[i].key.ptr, operation, NULL);
        hf_buf_adds(&target, "colour=red");
        struct reply reply = get(&server, target.ptr);
        cr_expect_eq(reply.status, 400, "%s: %d", target.ptr, reply.status);
        reply_free(&reply);
        hf_buf_free(&target);
    }
}

/* A body that the document's schema allows or not, as each post answers it; who posts is nobody, or an operator. */
static void try_post(const char *path, const struct hf_value *operation, const char *head, const char *body)
{
    struct reply reply = with(&server, "POST", path, head, body);
    cr_expect_lt(reply.status, 500, "%s %s: %s", path, body, reply.body);
    if (reply.status == 204) {
        cr_expect(hf_value_path(operation, "responses", "204", NULL), "%s: the document knows no 204", path);
    } else {
        check_body(path, &reply, operation);
    }
    reply_free(&reply);
}

Test(openapi, every_post_answers_as_the_document_says)
{
    static const char *const BODIES[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"token\":\"wrong\"}",
        "{\"token\":\"" ALICE "\"}",
        "{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"r\"}",
        "{\"kind\":\"pause\",\"target\":\"dev\",\"for\":\"1h\",\"reason\":\"r\"}",
        "{\"kind\":\"put_back\",\"target\":\"nowhere\",\"unit\":\"unit-1\",\"reason\":\"r\"}",
        "{\"kind\":[[[[[[[[[[[[[[1]]]]]]]]]]]]]]}",
        "{\"kind\":\"rollback\",\"target\":\"dev\",\"unit\":\"unit-1\",\"to\":99999999999999999999,\"reason\":\"r\"}",
    };
    static const char *const HEADS[] = {JSON, JSON AS(ALICE), JSON AS(BOB), AS(ALICE) "Content-Type: x/y\r\n",
                                        JSON "Origin: https://evil.example\r\n"};
    const struct hf_value *paths = hf_value_get(api.document, "paths");
    struct hf_serve_token tokens[4];
    struct hf_serve_access access_control;
    struct hf_error err = HF_ERROR_INIT;
    size_t tried = 0;
    access_of(&access_control, tokens);
    for (int round = 0; round < 2; round++) {
        cr_assert_eq(hf_serve_renew(server.serve, round == 0 ? NULL : &access_control, &err), 0, "%s", err.text);
        for (size_t i = 0; i < hf_value_count(paths); i++) {
            const struct hf_value *operation = hf_value_get(&paths->as.object.members[i].value, "post");
            for (size_t b = 0; operation && b < sizeof BODIES / sizeof BODIES[0]; b++) {
                for (size_t h = 0; h < sizeof HEADS / sizeof HEADS[0]; h++, tried++) {
                    try_post(paths->as.object.members[i].key.ptr, operation, HEADS[h], BODIES[b]);
                }
            }
        }
    }
    cr_expect_geq(tried, 300);
}
