#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static struct server server;

static void set_up(void)
{
    server_start(&server, NULL);
}

static void tear_down(void)
{
    server_stop(&server);
}

TestSuite(api, .init = set_up, .fini = tear_down, .timeout = 30);

static cJSON *get_json(const char *target, int status)
{
    struct reply reply = get(&server, target);
    cr_assert_eq(reply.status, status, "%s: %d %s", target, reply.status, reply.body);
    cJSON *json = cJSON_ParseWithOpts(reply.body, NULL, 1);
    if (!json) {
        const char *end = reply.body + strcspn(reply.body, "\n");
        json = cJSON_ParseWithLength(reply.body, (size_t)(end - reply.body));
    }
    cr_assert(json, "%s: no JSON: %.300s", target, reply.body);
    reply_free(&reply);
    return json;
}

static const char *text(const cJSON *json, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

static double number(const cJSON *json, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, name);
    cr_assert(cJSON_IsNumber(value), "no number %s", name);
    return value->valuedouble;
}

static const cJSON *items(const cJSON *json)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "items");
    cr_assert(cJSON_IsArray(list));
    return list;
}

Test(api, before_the_first_view_lists_say_that_the_agent_is_starting)
{
    cJSON *json = get_json("/api/v1/objects", 503);
    cr_assert(strstr(text(json, "detail"), "starting"));
    cJSON_Delete(json);
    json = get_json("/api/v1/summary", 200);
    cr_assert_str_eq(text(json, "state"), "starting");
    cJSON_Delete(json);
}

Test(api, objects_come_worst_first)
{
    struct hf_view *view = view_new(6);
    view_object(view, 1)->verdict = "pending";
    view_object(view, 3)->verdict = "drifted";
    view_object(view, 4)->verdict = "blocked";
    view_object(view, 5)->verdict = "missing";
    hf_serve_publish(server.serve, view);
    cJSON *json = get_json("/api/v1/objects", 200);
    static const char *const ORDER[] = {"blocked", "missing", "drifted", "pending", "in_sync", "in_sync"};
    cr_assert_eq(cJSON_GetArraySize(items(json)), 6);
    for (int i = 0; i < 6; i++) {
        cr_expect_str_eq(text(cJSON_GetArrayItem(items(json), i), "verdict"), ORDER[i]);
    }
    cJSON_Delete(json);
}

Test(api, objects_can_be_filtered_by_every_part_of_their_name)
{
    struct hf_view *view = view_new(20);
    view_object(view, 7)->kind = "Service";
    view_object(view, 7)->name = "trade-feed";
    view_object(view, 7)->namespace = "other";
    view_object(view, 7)->verdict = "drifted";
    view_object(view, 7)->space = "Über-space";
    hf_serve_publish(server.serve, view);
    static const char *const TARGETS[] = {
        "/api/v1/objects?kind=Service",
        "/api/v1/objects?name=trade-feed",
        "/api/v1/objects?namespace=other",
        "/api/v1/objects?verdict=drifted",
        "/api/v1/objects?verdict=drifted,blocked",
        "/api/v1/objects?unit=unit-7",
        "/api/v1/objects?q=FEED",
        "/api/v1/objects?q=feed+service+other",
        "/api/v1/objects?space=%C3%9Cber-space",
        "/api/v1/objects?target=dev&kind=Service&q=trade",
    };
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        cJSON *json = get_json(TARGETS[i], 200);
        cr_expect_eq(cJSON_GetArraySize(items(json)), 1, "%s", TARGETS[i]);
        cr_expect_eq(number(json, "matched"), 1);
        cr_expect_eq(number(json, "total"), 20);
        cr_expect_str_eq(text(cJSON_GetArrayItem(items(json), 0), "name"), "trade-feed");
        cJSON_Delete(json);
    }
    cJSON *json = get_json("/api/v1/objects?q=feed+nosuchword", 200);
    cr_expect_eq(cJSON_GetArraySize(items(json)), 0);
    cJSON_Delete(json);
}

static void page_through(const char *sort)
{
    char target[600];
    char cursor[400] = "";
    size_t seen[100] = {0};
    int pages = 0;
    do {
        (void)snprintf(target, sizeof target, "/api/v1/objects?limit=7&sort=%s%s%s", sort, cursor[0] ? "&cursor=" : "",
                       cursor);
        cJSON *json = get_json(target, 200);
        const cJSON *object;
        cJSON_ArrayForEach(object, items(json))
        {
            seen[atoi(text(object, "name") + strlen("service-"))]++;
        }
        const char *next = text(json, "next");
        struct hf_buf encoded = {0};
        hf_buf_add_url(&encoded, hf_slice_of(next));
        (void)snprintf(cursor, sizeof cursor, "%s", hf_buf_text(&encoded));
        hf_buf_free(&encoded);
        cJSON_Delete(json);
        pages++;
    } while (cursor[0]);
    cr_expect_eq(pages, 15);
    for (size_t i = 0; i < 100; i++) {
        cr_expect_eq(seen[i], 1, "object %zu was given %zu times", i, seen[i]);
    }
}

Test(api, paging_by_cursor_gives_each_object_once)
{
    struct hf_view *view = view_new(100);
    for (size_t i = 0; i < 100; i += 9) {
        view_object(view, i)->verdict = i % 2 ? "drifted" : "unknown";
    }
    hf_serve_publish(server.serve, view);
    page_through("worst");
    page_through("order");
}

/* A Role's name may hold nearly anything. */
Test(api, paging_goes_on_behind_a_name_of_control_characters)
{
    struct hf_view *view = view_new(100);
    for (size_t i = 0; i < 100; i++) {
        view_object(view, i)->name = hf_arena_printf(view->arena, "service-%05zu\x1b[31m\r\n%%\x7f", i);
    }
    hf_serve_publish(server.serve, view);
    page_through("order");
}

Test(api, paging_goes_on_right_when_the_view_changes_between_pages)
{
    hf_serve_publish(server.serve, view_new(10));
    cJSON *json = get_json("/api/v1/objects?limit=5&sort=order", 200);
    char target[400];
    struct hf_buf cursor = {0};
    hf_buf_add_url(&cursor, hf_slice_of(text(json, "next")));
    (void)snprintf(target, sizeof target, "/api/v1/objects?limit=5&sort=order&cursor=%s", cursor.ptr);
    cJSON_Delete(json);
    hf_buf_free(&cursor);
    struct hf_view *view = view_new(10);
    view_object(view, 0)->name = "service-00000-gone";
    hf_serve_publish(server.serve, view);
    json = get_json(target, 200);
    cr_expect_eq(cJSON_GetArraySize(items(json)), 5);
    cr_expect_str_eq(text(cJSON_GetArrayItem(items(json), 0), "name"), "service-00005");
    cJSON_Delete(json);
}

Test(api, one_object_shows_its_findings_with_who_and_when)
{
    struct hf_view *view = view_new(3);
    view_object(view, 1)->verdict = "drifted";
    view_object(view, 1)->incident = "inc-1";
    view_finding(view, 1, "/spec/replicas", "3", "10", "kubectl-scale");
    hf_serve_publish(server.serve, view);
    cJSON *json = get_json("/api/v1/object?target=dev&kind=Deployment&namespace=traderx-dev&name=service-00001", 200);
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(json, "findings");
    cr_assert_eq(cJSON_GetArraySize(findings), 1);
    const cJSON *finding = cJSON_GetArrayItem(findings, 0);
    cr_expect_str_eq(text(finding, "path"), "/spec/replicas");
    cr_expect_str_eq(text(finding, "desired"), "3");
    cr_expect_str_eq(text(finding, "live"), "10");
    cr_expect_str_eq(text(finding, "manager"), "kubectl-scale");
    cr_expect(text(finding, "at"));
    cr_expect_str_eq(text(json, "incident"), "inc-1");
    cJSON_Delete(json);
    cJSON_Delete(get_json("/api/v1/object?target=dev&kind=Deployment&namespace=traderx-dev&name=no", 404));
    cJSON_Delete(get_json("/api/v1/object?target=dev&kind=Deployment&name=service-00001", 404));
    cJSON_Delete(get_json("/api/v1/object?target=dev", 400));
}

static const struct {
    const char *verdict;
    const char *correction;
    int64_t since_ago_ms;
    const char *state;
    const char *words;
} SENTENCES[] = {
    {"in_sync", "auto", 0, "well", "All is well: 2 objects"},
    {"drifted", "auto", 1000, "handled", "Being put back: 1 object (1 drifted, 0 missing)"},
    {"missing", "auto", 1000, "handled", "1 missing"},
    {"pending", "auto", 1000, "handled", "1 is in a rollout"},
    {"drifted", "auto", 40000, "act", "1 is not put back within 30 s."},
    {"drifted", "observe", 1000, "act", "1 is different where holdfast only observes"},
    {"blocked", "auto", 1000, "act", "act: 1 is blocked."},
    {"unknown", "auto", 1000, "act", "act: 1 is unknown."},
    {"nonsense", "auto", 1000, "act", "act: 1 is unknown."},
};

Test(api, the_summary_says_in_one_sentence_whether_a_person_must_act)
{
    for (size_t i = 0; i < sizeof SENTENCES / sizeof SENTENCES[0]; i++) {
        struct hf_view *view = view_new(2);
        view_object(view, 0)->verdict = SENTENCES[i].verdict;
        view_object(view, 0)->since_ms = view->made_ms - SENTENCES[i].since_ago_ms;
        view_target(view)->correction = SENTENCES[i].correction;
        hf_serve_publish(server.serve, view);
        cJSON *json = get_json("/api/v1/summary", 200);
        cr_expect_str_eq(text(json, "state"), SENTENCES[i].state, "case %zu: %s", i, text(json, "sentence"));
        cr_expect(strstr(text(json, "sentence"), SENTENCES[i].words), "case %zu: %s", i, text(json, "sentence"));
        cJSON_Delete(json);
    }
}

Test(api, what_holdfast_stands_on_counts_as_a_problem_too)
{
    struct hf_view *view = view_new(2);
    struct hf_view_channel *channel = hf_arena_alloc(view->arena, sizeof *channel);
    *channel = (struct hf_view_channel){.name = "pager", .failing = true};
    view->channels = channel;
    view->channel_count = 1;
    view_target(view)->cluster_state = "lost";
    view_target(view)->cluster_problem = "connection refused";
    view->trail_problem = "no space left";
    hf_serve_publish(server.serve, view);
    cJSON *json = get_json("/api/v1/summary", 200);
    const cJSON *problems = cJSON_GetObjectItemCaseSensitive(json, "problems");
    cr_expect_str_eq(text(json, "state"), "act");
    cr_assert_eq(cJSON_GetArraySize(problems), 3);
    cr_expect(strstr(cJSON_GetArrayItem(problems, 0)->valuestring, "connection refused"));
    cr_expect(strstr(cJSON_GetArrayItem(problems, 1)->valuestring, "no space left"));
    cr_expect(strstr(cJSON_GetArrayItem(problems, 2)->valuestring, "pager"));
    cJSON_Delete(json);
}

Test(api, a_thousand_unreadable_units_are_counted_not_listed)
{
    struct hf_view *view = view_new(1);
    struct hf_view_unit *units = hf_arena_array(view->arena, 1000, sizeof *units);
    for (size_t i = 0; i < 1000; i++) {
        units[i] =
            (struct hf_view_unit){.target = "dev", .slug = "u", .verdict = "unknown", .problem = "line 1: no YAML"};
    }
    view->units = units;
    view->unit_count = 1000;
    hf_serve_publish(server.serve, view);
    cJSON *json = get_json("/api/v1/summary", 200);
    const cJSON *problems = cJSON_GetObjectItemCaseSensitive(json, "problems");
    cr_assert_eq(cJSON_GetArraySize(problems), 21);
    cr_expect_str_eq(cJSON_GetArrayItem(problems, 20)->valuestring, "and 980 more");
    cr_expect(strstr(text(json, "sentence"), "1000 things"), "%s", text(json, "sentence"));
    cJSON_Delete(json);
}

Test(api, targets_and_units_are_listed)
{
    struct hf_view *view = view_new(2);
    struct hf_view_unit *units = hf_arena_array(view->arena, 2, sizeof *units);
    units[0] = (struct hf_view_unit){.target = "dev", .space = "a", .slug = "one", .verdict = "in_sync", .objects = 1};
    units[1] = (struct hf_view_unit){
        .target = "dev", .space = "b", .slug = "two", .verdict = "unknown", .problem = "two.yaml: line 3: tab"};
    view->units = units;
    view->unit_count = 2;
    hf_serve_publish(server.serve, view);
    cJSON *json = get_json("/api/v1/targets", 200);
    cr_assert_eq(cJSON_GetArraySize(items(json)), 1);
    const cJSON *counts = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(items(json), 0), "counts");
    cr_expect_eq(number(counts, "in_sync"), 2);
    cJSON_Delete(json);
    json = get_json("/api/v1/units?space=b", 200);
    cr_assert_eq(cJSON_GetArraySize(items(json)), 1);
    cr_expect_str_eq(text(cJSON_GetArrayItem(items(json), 0), "problem"), "two.yaml: line 3: tab");
    cJSON_Delete(json);
}

Test(api, an_unchanged_view_is_not_sent_again)
{
    hf_serve_publish(server.serve, view_new(2));
    struct reply first = get(&server, "/api/v1/objects");
    char head[300];
    (void)snprintf(head, sizeof head, "Host: localhost:%u\r\nIf-None-Match: \"x\", W/%s\r\n", server.port,
                   reply_header(&first, "ETag"));
    struct reply again = ask(&server, "GET", "/api/v1/objects", head);
    cr_expect_eq(again.status, 304);
    cr_expect_eq(again.body_len, 0);
    reply_free(&again);
    hf_serve_publish(server.serve, view_new(2));
    again = ask(&server, "GET", "/api/v1/objects", head);
    cr_expect_eq(again.status, 200);
    reply_free(&again);
    reply_free(&first);
}

Test(api, events_page_back_and_forth_by_id)
{
    for (int i = 0; i < 25; i++) {
        fake_trail_add(&server.trail, "drift.seen", i % 5 ? "inc-x" : "inc-y", "trade-service", "scaled");
    }
    cJSON *json = get_json("/api/v1/events?limit=10", 200);
    cr_expect_eq(number(cJSON_GetArrayItem(items(json), 0), "id"), 25);
    cr_expect_eq(number(json, "next_before"), 16);
    cJSON_Delete(json);
    json = get_json("/api/v1/events?limit=10&before=16", 200);
    cr_expect_eq(number(cJSON_GetArrayItem(items(json), 0), "id"), 15);
    cJSON_Delete(json);
    json = get_json("/api/v1/events?limit=10&after=20", 200);
    cr_expect_eq(cJSON_GetArraySize(items(json)), 5);
    cr_expect_eq(number(cJSON_GetArrayItem(items(json), 0), "id"), 21);
    cr_expect(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "next_after")));
    cJSON_Delete(json);
    json = get_json("/api/v1/events?limit=10&after=0", 200);
    cr_expect_eq(number(cJSON_GetArrayItem(items(json), 0), "id"), 1);
    cJSON_Delete(json);
    json = get_json("/api/v1/incidents/inc-y", 200);
    cr_expect_eq(cJSON_GetArraySize(items(json)), 5);
    cJSON_Delete(json);
    cJSON_Delete(get_json("/api/v1/incidents/none", 404));
}

Test(api, event_filters_reach_the_trail)
{
    cJSON_Delete(
        get_json("/api/v1/events?type=correction.&target=dev&kind=Service&manager=kubectl&since=2026-01-01T00:00:00Z"
                 "&until=2026-01-02T00:00:00%2B02:00&severity=critical",
                 200));
    cr_expect_eq(server.trail.last.since_ms, 1767225600000);
    cr_expect_eq(server.trail.last.until_ms, 1767304800000);
    cr_expect_eq(server.trail.last.oldest_first, false);
    int64_t before = hf_now_ms();
    cJSON_Delete(get_json("/api/v1/events?since=2h", 200));
    cr_expect(llabs(server.trail.last.since_ms - (before - 7200000)) < 5000);
}

Test(api, a_trail_that_fails_is_told_without_its_inner_words)
{
    server.trail.broken = true;
    struct reply reply = get(&server, "/api/v1/events");
    cr_expect_eq(reply.status, 503);
    cr_expect(!strstr(reply.body, "secret-place"));
    cr_expect(reply_header(&reply, "Retry-After"));
    reply_free(&reply);
    reply = get(&server, "/");
    cr_expect_eq(reply.status, 200);
    cr_expect(strstr(reply.body, "The trail can&#39;t be read now") ||
              strstr(reply.body, "The trail can't be read now"));
    reply_free(&reply);
}

static const char *const WRONG[] = {
    "/api/v1/objects?limit=0",
    "/api/v1/objects?limit=99999999999999999999",
    "/api/v1/objects?limit=ten",
    "/api/v1/objects?limit=-1",
    "/api/v1/objects?verdict=fine",
    "/api/v1/objects?verdict=,",
    "/api/v1/objects?sort=name",
    "/api/v1/objects?cursor=x",
    "/api/v1/objects?cursor=9,a,1,b,c,d,e",
    "/api/v1/objects?cursor=1,a,z,b,c,d,e",
    "/api/v1/objects?cursor=1,a,1,b,c,d,e,f",
    "/api/v1/objects?colour=red",
    "/api/v1/objects?findings=maybe",
    "/api/v1/objects?name=%00",
    "/api/v1/objects?name=%ff",
    "/api/v1/objects?name=%",
    "/api/v1/objects?name=a&name=b",
    "/api/v1/objects?=b",
    "/api/v1/events?before=0",
    "/api/v1/events?before=1&after=1",
    "/api/v1/events?since=yesterday",
    "/api/v1/events?after=-1",
    "/api/v1/events?limit=1001",
    "/api/v1/stream?after=x",
    "/api/v1/summary?x=1",
    "/api/v1/%2e%2e/secret",
    "/assets/../server.c",
    "/assets/%2e%2e/%2e%2e/etc/passwd",
    "/assets//style.css",
    "/assets\\style.css",
    "/api/v1/objects?name=%0a",
};

Test(api, wrong_requests_get_400_and_a_problem_document)
{
    hf_serve_publish(server.serve, view_new(2));
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        struct reply reply = get(&server, WRONG[i]);
        cr_expect_eq(reply.status, 400, "%s: %d", WRONG[i], reply.status);
        cr_expect_str_eq(reply_header(&reply, "Content-Type"), "application/problem+json", "%s", WRONG[i]);
        cJSON *json = cJSON_Parse(reply.body);
        cr_expect_eq(number(json, "status"), 400);
        cr_expect(strlen(text(json, "detail")) > 10);
        cJSON_Delete(json);
        reply_free(&reply);
    }
}
