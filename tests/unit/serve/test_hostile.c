/* Names that want to be markup, a line of a log, a path, or another name. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "json_out.h"

static const char *const HOSTILE[] = {
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title></table></html>",
    "{{sentence}}{{objects}}",
    "javascript:alert(1)",
    "\xE2\x80\xAEgpj.exe",
    "\x1b[31mred\x1b[0m",
    "line\nbreak\r\nSet-Cookie: a=b",
    "\xFF\xFE broken \xC3",
    "&lt;already&amp;",
    "a&b=c#d?e/../f%00",
};
#define COUNT (sizeof HOSTILE / sizeof HOSTILE[0])

static struct server server;

static struct hf_view *hostile_view(void)
{
    struct hf_view *view = view_new(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        struct hf_view_object *object = view_object(view, i);
        object->name = object->unit = object->space = object->namespace = object->kind = object->reason = HOSTILE[i];
        object->verdict = "drifted";
        view_finding(view, i, HOSTILE[i], HOSTILE[i], HOSTILE[i], HOSTILE[i]);
    }
    view_target(view)->name = HOSTILE[1];
    view_target(view)->server = HOSTILE[0];
    view_target(view)->cluster_state = HOSTILE[2];
    view_target(view)->cluster_problem = HOSTILE[8];
    view_target(view)->source_problem = HOSTILE[0];
    view->not_ready = HOSTILE[0];
    view->trail_problem = HOSTILE[6];
    return view;
}

static void set_up(void)
{
    server_start(&server, NULL);
    hf_serve_publish(server.serve, hostile_view());
    for (size_t i = 0; i < COUNT; i++) {
        fake_trail_add(&server.trail, HOSTILE[i], HOSTILE[i], HOSTILE[i], HOSTILE[i]);
    }
}

static void tear_down(void)
{
    server_stop(&server);
}

TestSuite(hostile, .init = set_up, .fini = tear_down, .timeout = 30);

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static struct reply check_markup(const char *target)
{
    struct reply reply = get(&server, target);
    cr_assert_eq(reply.status, 200, "%s: %d", target, reply.status);
    size_t own = strncmp(target, "/login", 6) == 0 ? 0 : 1;
    cr_expect_eq(occurrences(reply.body, "<script"), own, "%s: only our own", target);
    cr_expect_eq(occurrences(reply.body, "<img"), 1);
    cr_expect_eq(occurrences(reply.body, "<svg"), 0);
    cr_expect_eq(occurrences(reply.body, "</html>"), 1);
    cr_expect_eq(occurrences(reply.body, "</title>"), 1);
    cr_expect_eq(occurrences(reply.body, "\xE2\x80\xAE"), 0, "the reading direction can't be turned");
    cr_expect_eq(occurrences(reply.body, "\x1b"), 0);
    cr_expect(hf_utf8_valid(reply.body, reply.body_len));
    return reply;
}

static void check_page(const char *target)
{
    struct reply reply = check_markup(target);
    cr_expect_geq(occurrences(reply.body, "&lt;script&gt;alert(1)&lt;/script&gt;"), 2);
    cr_expect_geq(occurrences(reply.body, "{{sentence}}"), 1, "what fills a place is not filled again");
    reply_free(&reply);
}

Test(hostile, names_stay_text_on_the_page)
{
    check_page("/");
    check_page("/units");
    check_page("/trail");
    check_page("/incidents");
    static const char *const ASKED[] = {"/units?q=%3C",
                                        "/units?q=%22%3E%3Cimg%20src%3Dx%3E{{objects}}&verdict=drifted",
                                        "/incidents/%3Cimg%20src%3Dx%3E",
                                        "/?incident=%3Cimg%20src%3Dx%3E{{objects}}",
                                        "/trail?name=%22%3E%3Cimg%20src%3Dx%3E{{objects}}",
                                        "/incidents?state=open",
                                        "/object?name=%3Cimg%20src%3Dx%3E",
                                        "/login?next=%22%3E%3Cimg%3E",
                                        "/rules"};
    for (size_t i = 0; i < sizeof ASKED / sizeof ASKED[0]; i++) {
        struct reply reply = check_markup(ASKED[i]);
        reply_free(&reply);
    }
}

Test(hostile, names_stay_text_in_the_detail_of_an_object)
{
    struct hf_buf target = {0};
    hf_buf_adds(&target, "/object?target=dev&kind=");
    hf_buf_add_url(&target, hf_slice_of(HOSTILE[0]));
    hf_buf_adds(&target, "&namespace=");
    hf_buf_add_url(&target, hf_slice_of(HOSTILE[0]));
    hf_buf_adds(&target, "&name=");
    hf_buf_add_url(&target, hf_slice_of(HOSTILE[0]));
    struct reply reply = get(&server, target.ptr);
    cr_assert_eq(reply.status, 200);
    cr_expect(strstr(reply.body, "What differs"));
    cr_expect_eq(occurrences(reply.body, "<script"), 1);
    reply_free(&reply);
    hf_buf_free(&target);
}

Test(hostile, every_json_answer_stays_json)
{
    static const char *const TARGETS[] = {"/api/v1/objects?findings=true", "/api/v1/summary", "/api/v1/targets",
                                          "/api/v1/events", "/api/v1/units"};
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        struct reply reply = get(&server, TARGETS[i]);
        cJSON *json = cJSON_ParseWithOpts(reply.body, NULL, 1);
        cr_expect(json, "%s: %.500s", TARGETS[i], reply.body);
        cr_expect(hf_utf8_valid(reply.body, reply.body_len), "%s", TARGETS[i]);
        cJSON_Delete(json);
        reply_free(&reply);
    }
}

Test(hostile, a_name_comes_back_from_the_api_as_it_was)
{
    struct reply reply = get(&server, "/api/v1/objects");
    cJSON *json = cJSON_Parse(reply.body);
    size_t found = 0;
    const cJSON *object;
    cJSON_ArrayForEach(object, cJSON_GetObjectItem(json, "items"))
    {
        const char *name = cJSON_GetObjectItem(object, "name")->valuestring;
        for (size_t i = 0; i < COUNT; i++) {
            found += strcmp(name, HOSTILE[i]) == 0;
        }
    }
    cr_expect_eq(found, COUNT - 1, "all but the one that is no UTF-8");
    cJSON_Delete(json);
    reply_free(&reply);
}

Test(hostile, paging_gets_over_names_that_look_like_a_cursor)
{
    struct hf_view *view = view_new(9);
    static const char *const NAMES[] = {"a,b", "a,b,c,d", "%2C", "%", "é", "a b", "+", "&", ""};
    for (size_t i = 0; i < 9; i++) {
        view_object(view, i)->name = NAMES[i];
    }
    hf_serve_publish(server.serve, view);
    struct hf_buf target = {0};
    size_t given = 0;
    hf_buf_adds(&target, "/api/v1/objects?limit=1");
    for (bool more = true; more && given < 20;) {
        struct reply reply = get(&server, target.ptr);
        cr_assert_eq(reply.status, 200, "%s: %s", target.ptr, reply.body);
        cJSON *json = cJSON_Parse(reply.body);
        const cJSON *next = cJSON_GetObjectItem(json, "next");
        more = cJSON_IsString(next);
        given++;
        hf_buf_clear(&target);
        hf_buf_adds(&target, "/api/v1/objects?limit=1&cursor=");
        hf_buf_add_url(&target, hf_slice_of(more ? next->valuestring : ""));
        cJSON_Delete(json);
        reply_free(&reply);
    }
    cr_expect_eq(given, 9);
    hf_buf_free(&target);
}

Test(hostile, a_megabyte_in_a_value_does_not_break_the_page)
{
    struct hf_view *view = view_new(2);
    char *big = hf_arena_alloc(view->arena, (1 << 20) + 1);
    memset(big, '<', 1 << 20);
    view_object(view, 0)->verdict = "drifted";
    view_object(view, 0)->reason = big;
    view_finding(view, 0, big, big, big, big);
    hf_serve_publish(server.serve, view);
    struct reply reply = get(&server, "/");
    cr_expect_eq(reply.status, 200);
    cr_expect(reply.body_len < 100000, "values are cut in the table: %zu", reply.body_len);
    reply_free(&reply);
    reply = get(&server, "/object?target=dev&kind=Deployment&namespace=traderx-dev&name=service-00000");
    cr_expect_eq(reply.status, 200);
    cr_expect(reply.body_len < 100000, "and in the detail: %zu", reply.body_len);
    reply_free(&reply);
}

Test(hostile, html_of_any_byte_is_utf8_without_markup)
{
    char bytes[257];
    for (int i = 1; i < 256; i++) {
        bytes[i - 1] = (char)i;
    }
    bytes[255] = '\0';
    struct hf_buf out = {0};
    hf_html_add(&out, bytes);
    cr_expect(hf_utf8_valid(out.ptr, out.len));
    cr_expect(!strpbrk(out.ptr, "<>\"'\n\r\t\x1b"));
    hf_buf_free(&out);
}
