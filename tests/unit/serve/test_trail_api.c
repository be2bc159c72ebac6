/* What the API tells of the trail and the rules, the pages of it, and what keeps a slow reading from being felt. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "access_fixture.h"
#include "server.h"

static struct server server;

static void set_up(void)
{
    server_start(&server, NULL);
    struct hf_view *view = view_new(40);
    struct hf_view_unit *units = hf_arena_array(view->arena, 3, sizeof *units);
    struct hf_view_label *label = hf_arena_alloc(view->arena, sizeof *label);
    *label = (struct hf_view_label){"tier", "gold"};
    units[0] =
        (struct hf_view_unit){.target = "dev", .space = "traderx", .slug = "unit-1", .labels = label, .label_count = 1};
    units[1] = (struct hf_view_unit){.target = "dev", .space = "traderx", .slug = "unit-2"};
    units[2] = (struct hf_view_unit){.target = "dev", .space = "base", .slug = "empty"};
    view->units = units;
    view->unit_count = 3;
    view_object(view, 1)->verdict = "drifted";
    view_object(view, 2)->space = NULL;
    hf_serve_publish(server.serve, view);
}

static void tear_down(void)
{
    server_stop(&server);
}

TestSuite(trail_api, .init = set_up, .fini = tear_down, .timeout = 60);

static void expect(const char *target, int status, const char *part)
{
    struct reply reply = get(&server, target);
    cr_expect_eq(reply.status, status, "%s: %d %s", target, reply.status, reply.body);
    cr_expect(strstr(reply.body, part), "%s: no %s in %s", target, part, reply.body);
    reply_free(&reply);
}

Test(trail_api, spaces_tell_their_units_and_how_their_objects_stand)
{
    expect("/api/v1/spaces", 200,
           "\"items\":[{\"target\":\"dev\",\"space\":null,\"units\":0,\"counts\":{\"blocked\":0,\"unknown\":0,"
           "\"missing\":0,\"drifted\":0,\"extra\":0,\"terminating\":0,\"pending\":0,\"in_sync\":1}},"
           "{\"target\":\"dev\",\"space\":\"base\",\"units\":1,");
    expect("/api/v1/spaces", 200,
           "{\"target\":\"dev\",\"space\":\"traderx\",\"units\":2,\"counts\":{\"blocked\":0,\"unknown\":0,"
           "\"missing\":0,\"drifted\":1,\"extra\":0,\"terminating\":0,\"pending\":0,\"in_sync\":38}}]");
}

Test(trail_api, incidents_are_walked_to_their_end_each_once)
{
    char cursor[64] = "";
    int seen = 0;
    for (int i = 0; i < 25; i++) {
        fake_trail_add(&server.trail, "drift.seen", "inc", "web", "m");
    }
    for (int page = 0; page < 10; page++) {
        char target[120];
        (void)snprintf(target, sizeof target, "/api/v1/incidents?limit=10%s", cursor);
        struct reply reply = get(&server, target);
        cr_assert_eq(reply.status, 200, "%s", reply.body);
        for (const char *at = strstr(reply.body, "\"event\":"); at; at = strstr(at + 1, "\"event\":")) {
            cr_expect_eq(atoi(at + strlen("\"event\":")), 25 - seen);
            seen++;
        }
        const char *next = strstr(reply.body, "\"next\":\"");
        (void)snprintf(cursor, sizeof cursor, "&cursor=%d", next ? atoi(next + strlen("\"next\":\"")) : 0);
        bool at_end = !next;
        reply_free(&reply);
        if (at_end) {
            break;
        }
    }
    cr_expect_eq(seen, 25);
}

Test(trail_api, every_filter_of_the_command_reaches_the_trail)
{
    expect(
        "/api/v1/events?since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z&type=drift.&incident=i&target=t&space=s"
        "&unit=u&kind=k&namespace=n&name=m&manager=g&user=alice&severity=critical&verdict=drifted&path=/spec"
        "&class=added&outcome=healed&limit=7&before=99",
        200, "\"items\"");
    const struct hf_serve_query *query = &server.trail.last;
    cr_expect_eq(query->limit, 7);
    cr_expect_eq(query->after_id, 99);
    cr_expect_eq(query->until_ms - query->since_ms, 31LL * 86400000);
    const char *const texts[] = {query->severity, query->verdict, query->class, query->outcome};
    static const char *const WANTED[] = {"critical", "drifted", "added", "healed"};
    for (size_t i = 0; i < 4; i++) { /* words of ours: they live on */
        cr_expect_str_eq(texts[i], WANTED[i]);
    }
    cr_expect(query->user && query->path && query->type && query->incident && query->space);
}

Test(trail_api, explain_is_asked_with_what_is_held_of_the_object)
{
    expect("/api/v1/rules/explain?kind=Deployment&name=service-00001&path=/spec", 200,
           "\"action\":{\"value\":\"gold\",\"rule\":\"unit-1\"}");
    expect("/api/v1/rules/explain?name=nobody", 200, "\"rule\":null");
    expect("/api/v1/rules/explain?target=dev", 400, "is needed");
    expect("/api/v1/rules/explain?name=x&class=new", 400, "Wrong question: found another word.");
}

Test(trail_api, a_trail_that_can_not_be_read_is_told_without_its_path)
{
    static const char *const TARGETS[] = {"/api/v1/events", "/api/v1/incidents",      "/api/v1/incidents/i",
                                          "/api/v1/stats",  "/api/v1/stats/timeline", "/api/v1/trail",
                                          "/api/v1/export"};
    pthread_mutex_lock(&server.trail.lock);
    server.trail.broken = true;
    pthread_mutex_unlock(&server.trail.lock);
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        struct reply reply = get(&server, TARGETS[i]);
        cr_expect_eq(reply.status, 503, "%s: %d", TARGETS[i], reply.status);
        cr_expect_not(strstr(reply.body, "secret-place"), "%s", reply.body);
        cr_expect(reply_header(&reply, "Retry-After"));
        reply_free(&reply);
    }
}

/* --- exports */

Test(trail_api, an_export_comes_whole_in_pieces)
{
    server.trail.lines = 12345;
    struct reply reply = get(&server, "/api/v1/export?format=jsonl");
    cr_assert_eq(reply.status, 200);
    cr_expect_str_eq(reply_header(&reply, "Content-Type"), "application/x-ndjson");
    cr_expect_str_eq(reply_header(&reply, "Content-Disposition"), "attachment; filename=\"holdfast-trail.jsonl\"");
    size_t count = 0;
    for (const char *at = strchr(reply.body, '\n'); at; at = strchr(at + 1, '\n')) {
        count++;
    }
    cr_expect_eq(count, 12345);
    cr_expect(strstr(reply.body, "{\"event\":{\"id\":12345}}\n"));
    reply_free(&reply);
    reply = get(&server, "/api/v1/export?format=csv");
    cr_expect_eq(strncmp(reply.body, "id\r\n1\r\n2\r\n", 10), 0);
    reply_free(&reply);
}

Test(trail_api, an_export_of_nothing_has_the_line_of_names_alone)
{
    struct reply reply = get(&server, "/api/v1/export?format=csv");
    cr_expect_eq(reply.status, 200);
    cr_expect_str_eq(reply.body, "id\r\n");
    reply_free(&reply);
    reply = get(&server, "/api/v1/export");
    cr_expect_eq(reply.status, 200);
    cr_expect_str_eq(reply.body, "");
    reply_free(&reply);
}

/* What is not taken is not read: the memory that an export costs is that of a piece. */
Test(trail_api, an_export_waits_for_its_reader)
{
    struct hf_buf seen = {0};
    server.trail.lines = 100000000;
    int fd = dial(&server);
    send_text(fd, "GET /api/v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert(await_text(fd, &seen, "{\"id\":1}", 5000), "%s", hf_buf_text(&seen));
    long long before = -1;
    for (int i = 0; i < 100 && before != atomic_load(&server.trail.exported); i++) {
        before = atomic_load(&server.trail.exported);
        (void)poll(NULL, 0, 50);
    }
    cr_expect_lt(before, 2000000, "%lld lines were read of which none is taken", before);
    expect("/api/v1/summary", 200, "\"serial\"");
    close(fd);
    hf_buf_free(&seen);
}

Test(trail_api, an_export_that_fails_under_way_is_cut_off)
{
    struct hf_buf seen = {0};
    server.trail.lines = 100000000;
    int fd = dial(&server);
    send_text(fd, "GET /api/v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert(await_text(fd, &seen, "{\"id\":1}", 5000));
    pthread_mutex_lock(&server.trail.lock);
    server.trail.broken = true;
    pthread_mutex_unlock(&server.trail.lock);
    cr_expect_not(await_text(fd, &seen, "\r\n0\r\n\r\n", 5000), "the end of a whole answer is never sent");
    close(fd);
    hf_buf_free(&seen);
}

Test(trail_api, an_export_is_for_auditors)
{
    struct hf_serve_token tokens[4];
    struct hf_serve_access access_control;
    struct hf_error err = HF_ERROR_INIT;
    access_of(&access_control, tokens);
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), 0, "%s", err.text);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/export", "", NULL), 401);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/export", AS(BOB), NULL), 403);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/export", AS(ALICE), NULL), 403);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/export", AS(CAROL), NULL), 200);
    struct reply reply = with(&server, "GET", "/trail", AS(BOB), NULL);
    cr_expect_not(strstr(reply.body, "/api/v1/export"), "no link that is refused");
    reply_free(&reply);
    reply = with(&server, "GET", "/trail?kind=Service&since=", AS(CAROL), NULL);
    cr_expect(strstr(reply.body, "href=\"/api/v1/export?format=jsonl&amp;kind=Service\""), "%s", reply.body);
    reply_free(&reply);
}

/* --- pages */

Test(trail_api, the_page_of_incidents_goes_on_by_a_link)
{
    for (int i = 0; i < 101; i++) {
        fake_trail_add(&server.trail, "drift.seen", "inc", "web", "m");
    }
    expect("/incidents?state=open", 200, "<a href=\"/incidents?cursor=2&amp;state=open\">Farther back</a>");
    cr_expect_str_eq(server.trail.last.outcome, "open");
    expect("/incidents?cursor=2", 200, "href=\"/incidents/inc-1\"");
    expect("/incidents?state=lost", 400, "must be open, ended, corrected, healed or dismissed");
}

Test(trail_api, the_page_of_rules_tells_them_as_text)
{
    expect("/rules", 200, "what &lt;runs&gt;");
    expect("/rules", 200, "<b>7</b>");
}

/* --- a slow reading */

static int ask_slowly(const char *target)
{
    int fd = dial(&server);
    struct hf_buf request = {0};
    hf_buf_addf(&request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    send_text(fd, request.ptr);
    hf_buf_free(&request);
    return fd;
}

static bool has_answer(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) > 0;
}

Test(trail_api, slow_readings_do_not_keep_others_waiting)
{
    int slow[3];
    atomic_store(&server.trail.slow_ms, 20000);
    for (size_t i = 0; i < 3; i++) {
        slow[i] = ask_slowly("/api/v1/stats");
    }
    for (int i = 0; i < 30; i++) {
        expect("/api/v1/summary", 200, "\"serial\"");
        expect("/api/v1/events", 200, "\"items\""); /* the fake's events are never slow */
        expect("/units", 200, "service-00001");
    }
    for (size_t i = 0; i < 3; i++) {
        cr_expect_not(has_answer(slow[i]), "the slow ones are still under way");
        close(slow[i]);
    }
}

Test(trail_api, what_waits_when_the_server_stops_is_answered)
{
    int slow[8];
    struct hf_buf seen = {0};
    atomic_store(&server.trail.slow_ms, 20000);
    for (size_t i = 0; i < 8; i++) {
        slow[i] = ask_slowly("/api/v1/stats");
    }
    expect("/api/v1/summary", 200, "\"serial\"");
    int64_t before = hf_mono_ms();
    hf_serve_stop(server.serve);
    server.serve = NULL;
    cr_expect_lt(hf_mono_ms() - before, 15000, "it did not wait for what takes so long");
    for (size_t i = 0; i < 8; i++) {
        (void)await_text(slow[i], &seen, "never sent", 1000);
        close(slow[i]);
    }
    cr_expect(strstr(hf_buf_text(&seen), "503 Service Unavailable"));
    hf_buf_free(&seen);
}

Test(trail_api, too_many_that_wait_are_sent_away)
{
    int slow[90];
    size_t answered = 0;
    struct hf_buf seen = {0};
    atomic_store(&server.trail.slow_ms, 20000);
    for (size_t i = 0; i < 90; i++) {
        slow[i] = ask_slowly("/api/v1/stats");
    }
    int64_t until = hf_mono_ms() + 5000;
    while (answered == 0 && hf_mono_ms() < until) {
        for (size_t i = 0; i < 90; i++) {
            if (has_answer(slow[i])) {
                answered++;
                (void)await_text(slow[i], &seen, "at once", 1000);
                break;
            }
        }
    }
    cr_expect(strstr(hf_buf_text(&seen), "503 Service Unavailable"), "%s", hf_buf_text(&seen));
    cr_expect(strstr(hf_buf_text(&seen), "Retry-After: 2"));
    for (size_t i = 0; i < 90; i++) {
        close(slow[i]);
    }
    hf_buf_free(&seen);
}

/* --- gzip */

Test(trail_api, gzip_is_taken_where_the_client_says_so)
{
    static const struct {
        const char *header;
        bool taken;
    } TABLE[] = {
        {NULL, false},          {"", false},           {"gzip", true},
        {"GZIP", true},         {"x-gzip", true},      {"deflate, gzip;q=0.5, br", true},
        {"gzip;q=0", false},    {"gzip;q=0.0", false}, {"gzip; q=0.000", false},
        {"gzip;q=0.001", true}, {"identity", false},   {"*", true},
        {"*;q=0", false},       {"*;q=0, gzip", true}, {"gzip;q=0, *", false},
        {"*, gzip;q=0", false}, {"gzipped", false},    {"br;q=1, deflate", false},
        {"gzip;q=1", true},     {"gzip ; Q=0", false}, {",,gzip", true},
        {"gzip;x=q=0", true},
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        cr_expect_eq(hf_accepts_gzip(TABLE[i].header), TABLE[i].taken, "\"%s\"",
                     TABLE[i].header ? TABLE[i].header : "(none)");
    }
}

/* The answer's bytes, after its head. */
static void ask_bytes(const char *target, const char *head, struct hf_buf *out, size_t *body)
{
    struct hf_buf request = {0};
    char piece[16384];
    int fd = dial(&server);
    hf_buf_addf(&request, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", target, head);
    send_text(fd, request.ptr);
    for (ssize_t got; (got = read(fd, piece, sizeof piece)) > 0;) {
        hf_buf_add(out, piece, (size_t)got);
    }
    close(fd);
    hf_buf_free(&request);
    *body = (size_t)(strstr(hf_buf_text(out), "\r\n\r\n") + 4 - hf_buf_text(out));
}

static void unpack(const char *bytes, size_t len, struct hf_buf *out)
{
    unsigned char piece[16384];
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len};
    cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    int result = Z_OK;
    while (result == Z_OK) {
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        result = inflate(&stream, Z_NO_FLUSH);
        hf_buf_add(out, (const char *)piece, sizeof piece - stream.avail_out);
    }
    cr_assert_eq(result, Z_STREAM_END);
    inflateEnd(&stream);
}

Test(trail_api, gzip_holds_what_the_plain_answer_does_under_a_tag_of_its_own)
{
    static const char *const TARGETS[] = {"/api/v1/objects", "/units", "/metrics", "/api/v1/openapi.yaml",
                                          "/assets/style.css"};
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        struct hf_buf packed = {0};
        struct hf_buf plain = {0};
        size_t body;
        ask_bytes(TARGETS[i], "Accept-Encoding: gzip\r\n", &packed, &body);
        cr_assert(strstr(packed.ptr, "Content-Encoding: gzip\r\n"), "%s: %.*s", TARGETS[i], (int)body, packed.ptr);
        cr_expect(strstr(packed.ptr, "Vary: Accept-Encoding\r\n"));
        unpack(packed.ptr + body, packed.len - body, &plain);
        struct reply reply = get(&server, TARGETS[i]);
        cr_expect_null(reply_header(&reply, "Content-Encoding"));
        cr_expect_str_eq(reply_header(&reply, "Vary"), "Accept-Encoding");
        if (strcmp(TARGETS[i], "/metrics") != 0 && strcmp(TARGETS[i], "/units") != 0) { /* which tell ages */
            cr_expect_str_eq(hf_buf_text(&plain), reply.body, "%s", TARGETS[i]);
        }
        cr_expect_lt(packed.len - body, plain.len);
        reply_free(&reply);
        hf_buf_free(&packed);
        hf_buf_free(&plain);
    }
}

Test(trail_api, either_form_is_not_sent_again)
{
    struct hf_buf packed = {0};
    size_t body;
    char head[300];
    char tag[100];
    ask_bytes("/api/v1/objects", "Accept-Encoding: gzip\r\n", &packed, &body);
    cr_assert_eq(sscanf(strstr(packed.ptr, "ETag: "), "ETag: %99[^\r]", tag), 1);
    cr_expect(strstr(tag, "-gzip\""), "%s", tag);
    hf_buf_free(&packed);
    struct reply reply = get(&server, "/api/v1/objects");
    cr_expect_str_neq(reply_header(&reply, "ETag"), tag);
    (void)snprintf(head, sizeof head, "If-None-Match: %s\r\n", reply_header(&reply, "ETag"));
    reply_free(&reply);
    reply = with(&server, "GET", "/api/v1/objects", head, NULL);
    cr_expect_eq(reply.status, 304);
    cr_expect_str_eq(reply_header(&reply, "Vary"), "Accept-Encoding");
    reply_free(&reply);
    (void)snprintf(head, sizeof head, "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", tag);
    reply = with(&server, "GET", "/api/v1/objects", head, NULL);
    cr_expect_eq(reply.status, 304);
    cr_expect_str_eq(reply_header(&reply, "ETag"), tag);
    reply_free(&reply);
    reply = with(&server, "GET", "/api/v1/objects", "If-None-Match: \"1-1-gzip\"\r\n", NULL);
    cr_expect_eq(reply.status, 200);
    reply_free(&reply);
}

Test(trail_api, what_is_short_secret_or_a_stream_is_sent_as_it_is)
{
    static const char *const TARGETS[] = {"/api/v1/targets?", "/api/v1/session",
                                          "/login?next=/aaaaaaaaaaaaaaaaaaaaaaaa", "/api/v1/export"};
    server.trail.lines = 10000;
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        struct reply reply = with(&server, "GET", TARGETS[i], "Accept-Encoding: gzip\r\n", NULL);
        cr_expect_eq(reply.status, 200, "%s: %d", TARGETS[i], reply.status);
        cr_expect_null(reply_header(&reply, "Content-Encoding"), "%s", TARGETS[i]);
        reply_free(&reply);
    }
    struct hf_buf seen = {0};
    int fd = dial(&server);
    send_text(fd, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n");
    cr_assert(await_text(fd, &seen, "event: view", 3000));
    cr_expect_not(strstr(seen.ptr, "Content-Encoding"));
    close(fd);
    hf_buf_free(&seen);
}

/* --- a trail that has but events */

Test(trail_api, what_a_trail_has_not_is_told_and_an_incident_is_told_by_its_events)
{
    struct server plain = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_serve_options options = {.listen = "127.0.0.1:0"};
    struct hf_serve_trail table = {.ctx = &server.trail, .events = fake_trail_table(&server.trail).events};
    fake_trail_add(&server.trail, "drift.seen", "inc-1", "web", "scaled");
    cr_assert_eq(hf_serve_start(&options, &table, NULL, &plain.serve, &err), 0, "%s", err.text);
    plain.port = (unsigned)atoi(strrchr(hf_serve_address(plain.serve), ':') + 1);
    static const struct {
        const char *target;
        int status;
    } TABLE[] = {{"/api/v1/incidents/inc-1", 200},
                 {"/api/v1/incidents/inc-2", 404},
                 {"/api/v1/incidents", 503},
                 {"/api/v1/stats", 503},
                 {"/api/v1/stats/timeline", 503},
                 {"/api/v1/trail", 503},
                 {"/api/v1/export", 503},
                 {"/api/v1/rules", 404},
                 {"/api/v1/rules/explain", 404},
                 {"/incidents", 200},
                 {"/trail", 200},
                 {"/rules", 200}};
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        struct reply reply = get(&plain, TABLE[i].target);
        cr_expect_eq(reply.status, TABLE[i].status, "%s: %d %s", TABLE[i].target, reply.status, reply.body);
        reply_free(&reply);
    }
    hf_serve_stop(plain.serve);
}
