#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

static struct server server;

static void set_up(void)
{
    static struct hf_serve_options options;
    options = (struct hf_serve_options){.max_streams = 110, .max_connections = 256};
    server_start(&server, &options);
}

static void tear_down(void)
{
    server_stop(&server);
}

TestSuite(stream, .init = set_up, .fini = tear_down, .timeout = 60);

static int join(const char *more)
{
    int fd = dial(&server);
    send_text(fd, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n");
    send_text(fd, more);
    send_text(fd, "\r\n");
    return fd;
}

static void add(const char *message)
{
    fake_trail_add(&server.trail, "drift.seen", "inc", "trade-service", message);
    hf_serve_wake(server.serve);
}

Test(stream, a_new_view_and_new_events_arrive_by_themselves)
{
    struct hf_buf seen = {0};
    int fd = join("");
    cr_assert(await_text(fd, &seen, "event: view", 3000), "%s", hf_buf_text(&seen));
    cr_expect(strstr(seen.ptr, "Content-Type: text/event-stream"));
    cr_expect(strstr(seen.ptr, "retry: 2000"));
    hf_serve_publish(server.serve, view_new(4));
    cr_assert(await_text(fd, &seen, "\"objects\":4", 3000));
    add("first");
    cr_assert(await_text(fd, &seen, "\"first\"", 3000));
    cr_expect(strstr(seen.ptr, "event: event\nid: 1\ndata: {\"id\":1,"));
    add("second");
    cr_assert(await_text(fd, &seen, "\"second\"", 3000));
    close(fd);
    hf_buf_free(&seen);
}

Test(stream, a_client_that_comes_back_gets_what_it_missed_once_and_in_order)
{
    for (int i = 1; i <= 600; i++) {
        char message[20];
        (void)snprintf(message, sizeof message, "m%d.", i);
        fake_trail_add(&server.trail, "drift.seen", "inc", "x", message);
    }
    struct hf_buf seen = {0};
    int fd = join("Last-Event-ID: 37\r\n");
    cr_assert(await_text(fd, &seen, "m600.", 5000));
    add("m601.");
    cr_assert(await_text(fd, &seen, "m601.", 3000));
    const char *at = seen.ptr;
    for (int i = 38; i <= 601; i++) {
        char id[30];
        (void)snprintf(id, sizeof id, "\nid: %d\n", i);
        const char *found = strstr(at, id);
        cr_assert(found, "event %d is missing or out of order", i);
        cr_assert_null(strstr(found + 1, id), "event %d came twice", i);
        at = found;
    }
    cr_expect_null(strstr(seen.ptr, "\nid: 37\n"));
    close(fd);
    hf_buf_free(&seen);
}

Test(stream, a_client_that_missed_too_much_is_told_of_a_gap)
{
    for (int i = 0; i < 1500; i++) {
        fake_trail_add(&server.trail, "drift.seen", "inc", "x", "old");
    }
    struct hf_buf seen = {0};
    int fd = join("Last-Event-ID: 1\r\n");
    cr_assert(await_text(fd, &seen, "event: gap", 3000));
    add("fresh");
    cr_assert(await_text(fd, &seen, "fresh", 3000));
    cr_expect_null(strstr(seen.ptr, "\"old\""));
    close(fd);
    hf_buf_free(&seen);
    seen = (struct hf_buf){0};
    fd = join("Last-Event-ID: 999999\r\n");
    cr_expect(await_text(fd, &seen, "event: gap", 3000), "an id of another trail");
    close(fd);
    hf_buf_free(&seen);
}

Test(stream, a_wrong_last_event_id_is_told)
{
    struct hf_buf seen = {0};
    int fd = join("Last-Event-ID: yesterday\r\n");
    cr_expect(await_text(fd, &seen, "HTTP/1.1 400", 3000));
    close(fd);
    hf_buf_free(&seen);
}

static int64_t cpu_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

Test(stream, a_hundred_clients_cost_little_and_all_hear)
{
    int fds[100];
    struct hf_buf seen[100];
    memset(seen, 0, sizeof seen);
    hf_serve_publish(server.serve, view_new(17));
    for (size_t i = 0; i < 100; i++) {
        fds[i] = join("");
    }
    for (size_t i = 0; i < 100; i++) {
        cr_assert(await_text(fds[i], &seen[i], "event: view", 5000), "client %zu", i);
    }
    int64_t idle_from = cpu_ms();
    usleep(1000000);
    int64_t idle = cpu_ms() - idle_from;
    cr_expect(idle < 200, "idle for a second cost %lld ms of CPU", (long long)idle);
    size_t asked = server.trail.asked;
    add("to all");
    for (size_t i = 0; i < 100; i++) {
        cr_expect(await_text(fds[i], &seen[i], "to all", 5000), "client %zu", i);
    }
    cr_expect(server.trail.asked - asked < 10, "the trail is read once for all: %zu", server.trail.asked - asked);
    for (size_t i = 0; i < 100; i++) {
        close(fds[i]);
        hf_buf_free(&seen[i]);
    }
}

Test(stream, one_stream_too_many_is_told_to_come_back)
{
    static struct hf_serve_options options = {.max_streams = 2};
    struct server small;
    server_start(&small, &options);
    int fds[3];
    struct hf_buf seen = {0};
    for (size_t i = 0; i < 3; i++) {
        fds[i] = dial(&small);
        send_text(fds[i], "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
        hf_buf_clear(&seen);
        cr_assert(await_text(fds[i], &seen, i < 2 ? "HTTP/1.1 200" : "HTTP/1.1 503", 3000), "%s", hf_buf_text(&seen));
    }
    cr_expect(strstr(seen.ptr, "Retry-After:"));
    for (size_t i = 0; i < 3; i++) {
        close(fds[i]);
    }
    hf_buf_free(&seen);
    server_stop(&small);
}

Test(stream, stopping_the_server_ends_the_streams_at_once)
{
    struct server other;
    struct hf_buf seen = {0};
    server_start(&other, NULL);
    int fd = dial(&other);
    send_text(fd, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert(await_text(fd, &seen, "event: view", 3000));
    int64_t from = hf_mono_ms();
    server_stop(&other);
    cr_expect(hf_mono_ms() - from < 1500, "%lld ms", (long long)(hf_mono_ms() - from));
    char rest[4096];
    while (recv(fd, rest, sizeof rest, 0) > 0) {
    }
    close(fd);
    hf_buf_free(&seen);
}

Test(stream, publishing_is_quick_while_a_client_does_not_read)
{
    int fd = dial(&server);
    int small = 2048;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    send_text(fd, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    usleep(100000);
    int64_t worst = 0;
    for (int i = 0; i < 300; i++) {
        struct hf_view *view = view_new(50);
        int64_t from = hf_mono_us();
        hf_serve_publish(server.serve, view);
        add("noise");
        int64_t took = hf_mono_us() - from;
        worst = took > worst ? took : worst;
        usleep(1000);
    }
    cr_expect(worst < 100000, "%lld us", (long long)worst);
    struct reply reply = get(&server, "/api/v1/summary");
    cr_expect_eq(reply.status, 200);
    reply_free(&reply);
    close(fd);
}

struct reader {
    pthread_t thread;
    unsigned wrong;
};

static void *read_much(void *ctx)
{
    struct reader *reader = ctx;
    static const char *const TARGETS[] = {
        "/api/v1/objects?limit=50", "/", "/metrics", "/api/v1/summary",
        "/api/v1/object?target=dev&kind=Deployment&namespace=traderx-dev&name=service-00001"};
    for (size_t i = 0; i < 60; i++) {
        struct reply reply = get(&server, TARGETS[i % 5]);
        reader->wrong += reply.status != 200;
        reply_free(&reply);
    }
    return NULL;
}

Test(stream, views_are_swapped_under_readers_without_harm)
{
    struct reader readers[4] = {0};
    hf_serve_publish(server.serve, view_new(300));
    int fd = join("");
    for (size_t i = 0; i < 4; i++) {
        pthread_create(&readers[i].thread, NULL, read_much, &readers[i]);
    }
    for (int i = 0; i < 400; i++) {
        struct hf_view *view = view_new(300);
        view_object(view, (size_t)i % 300)->verdict = "drifted";
        hf_serve_publish(server.serve, view);
        add("seen");
        usleep(500);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(readers[i].thread, NULL);
        cr_expect_eq(readers[i].wrong, 0);
    }
    close(fd);
}
