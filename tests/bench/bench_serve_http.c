/* How long the dashboard's requests take with many objects, and what publishing costs the loop while streams are open:
 * bench_serve_http [OBJECTS [REQUESTS [STREAMS]]] */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "holdfast/mem.h"
#include "holdfast/serve.h"

static int read_events(void *ctx, const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err)
{
    (void)ctx;
    (void)err;
    hf_buf_addc(out, '[');
    for (size_t i = 0; i < query->limit && !query->oldest_first; i++) {
        hf_buf_addf(
            out,
            "%s{\"id\":%zu,\"at\":\"2026-11-23T03:00:00.000Z\",\"type\":\"drift.seen\",\"name\":\"trade-service\"}",
            i > 0 ? "," : "", 1000 - i);
    }
    hf_buf_addc(out, ']');
    return 0;
}

static struct hf_view *make_view(size_t count)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_view *view = arena ? hf_arena_alloc(arena, sizeof *view) : NULL;
    struct hf_view_object *objects = view ? hf_arena_array(arena, count, sizeof *objects) : NULL;
    struct hf_view_target *target = objects ? hf_arena_alloc(arena, sizeof *target) : NULL;
    if (!target) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        objects[i] = (struct hf_view_object){.target = "dev",
                                             .space = "traderx",
                                             .unit = "settings",
                                             .api_version = "v1",
                                             .kind = "ConfigMap",
                                             .namespace = "traderx-dev",
                                             .name = hf_arena_printf(arena, "settings-%06zu", i),
                                             .verdict = i % 200 ? "in_sync" : "drifted",
                                             .since_ms = hf_now_ms(),
                                             .last_correction_ms = HF_TIME_NONE};
    }
    *target = (struct hf_view_target){
        .name = "dev", .server = "https://127.0.0.1:6443", .correction = "auto", .cluster_state = "synced"};
    *view = (struct hf_view){.made_ms = hf_now_ms(),
                             .ready = true,
                             .targets = target,
                             .target_count = 1,
                             .objects = objects,
                             .object_count = count,
                             .arena = arena};
    return view;
}

static int dial(unsigned port)
{
    int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("connect");
        exit(1);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void ask(int fd, const char *target)
{
    char text[400];
    int len = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    if (send(fd, text, (size_t)len, MSG_NOSIGNAL) != len) {
        perror("send");
        exit(1);
    }
}

/* Returns the whole answer's bytes; exits when it is not 200. */
static size_t read_answer(int fd)
{
    static char bytes[8 << 20];
    size_t len = 0;
    size_t want = SIZE_MAX;
    while (len < want) {
        ssize_t got = recv(fd, bytes + len, sizeof bytes - 1 - len, 0);
        if (got <= 0) {
            (void)fprintf(stderr, "the answer was cut\n");
            exit(1);
        }
        len += (size_t)got;
        bytes[len] = '\0';
        const char *end = want == SIZE_MAX ? strstr(bytes, "\r\n\r\n") : NULL;
        const char *length = end ? strstr(bytes, "Content-Length: ") : NULL;
        if (length) {
            want = (size_t)(end + 4 - bytes) + strtoul(length + 16, NULL, 10);
        }
    }
    if (strncmp(bytes, "HTTP/1.1 200", 12) != 0) {
        (void)fprintf(stderr, "%.300s\n", bytes);
        exit(1);
    }
    return len;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_line(const char *what, int64_t *times, size_t count, size_t bytes)
{
    qsort(times, count, sizeof *times, compare);
    printf("%-44s %8.2f %8.2f %8.2f %9zu\n", what, (double)times[count / 2] / 1000,
           (double)times[count * 99 / 100] / 1000, (double)times[count - 1] / 1000, bytes);
}

static void measure(unsigned port, const char *target, int64_t *times, size_t requests)
{
    int fd = dial(port);
    size_t bytes = 0;
    for (size_t i = 0; i < requests; i++) {
        int64_t from = hf_mono_us();
        ask(fd, target);
        bytes = read_answer(fd);
        times[i] = hf_mono_us() - from;
    }
    close(fd);
    print_line(target, times, requests, bytes);
}

static int64_t cpu_us(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static void measure_publishing(struct hf_serve *serve, unsigned port, size_t objects, size_t streams, int64_t *times)
{
    enum { VIEWS = 50 };
    int *fds = hf_calloc(streams ? streams : 1, sizeof *fds);
    for (size_t i = 0; fds && i < streams; i++) {
        fds[i] = dial(port);
        ask(fds[i], "/api/v1/stream");
    }
    usleep(500000);
    int64_t idle = cpu_us();
    usleep(1000000);
    idle = cpu_us() - idle;
    for (size_t i = 0; i < VIEWS; i++) {
        struct hf_view *view = make_view(objects);
        int64_t from = hf_mono_us();
        hf_serve_publish(serve, view);
        hf_serve_wake(serve);
        times[i] = hf_mono_us() - from;
        usleep(20000);
    }
    print_line("publish, on the loop's thread", times, VIEWS, 0);
    printf("%zu idle streams use %.2f %% of a CPU\n", streams, (double)idle / 10000);
    for (size_t i = 0; fds && i < streams; i++) {
        close(fds[i]);
    }
    free(fds);
}

int main(int argc, char **argv)
{
    static const char *const TARGETS[] = {"/",
                                          "/api/v1/summary",
                                          "/api/v1/objects?findings=true&limit=200",
                                          "/api/v1/objects?findings=true&limit=200&q=settings-009",
                                          "/api/v1/objects?limit=5000",
                                          "/api/v1/events?limit=50",
                                          "/metrics"};
    size_t objects = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    size_t requests = argc > 2 ? strtoul(argv[2], NULL, 10) : 300;
    size_t streams = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
    struct hf_serve_options options = {.listen = "127.0.0.1:0", .max_streams = (unsigned)streams + 1};
    struct hf_serve_trail trail = {.ctx = NULL, .events = read_events};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_serve *serve;
    int64_t *times = hf_calloc(requests < 50 ? 50 : requests, sizeof *times);
    if (!times || requests == 0 || hf_serve_start(&options, &trail, NULL, &serve, &err) != 0) {
        (void)fprintf(stderr, "bench_serve_http: %s\n", err.text);
        return 1;
    }
    unsigned port = (unsigned)strtoul(strrchr(hf_serve_address(serve), ':') + 1, NULL, 10);
    hf_serve_publish(serve, make_view(objects));
    printf("%zu objects, %zu requests each\n%-44s %8s %8s %8s %9s\n", objects, requests, "", "p50 ms", "p99 ms",
           "max ms", "bytes");
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        measure(port, TARGETS[i], times, requests);
    }
    measure_publishing(serve, port, objects, streams, times);
    hf_serve_stop(serve);
    free(times);
    return 0;
}
