/* What the dashboard costs, measured from outside on an agent over holdfast-sim: the overview's requests, event
 * streams, and what both do to the time in which drift is put back. For tests/bench/dashboard.
 *
 * usage: dashboard_load AGENT SIMULATION NAMESPACE OBJECTS DRIFTS STREAMS     both as HOST:PORT
 *        dashboard_load --seed SIMULATION NAMESPACE OBJECTS                   applies the units' objects, as confighub
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MOST (16u << 20)
#define MOST_STREAMS 1000
#define REQUESTS 200       /* of each path */
#define VISITS_A_SECOND 10 /* overviews opened, while drift is measured */
#define QUIET_S 10

struct client {
    struct sockaddr_in to;
    char *answer;
    size_t len;
    int fd;
};

struct streams {
    struct pollfd fds[MOST_STREAMS];
    int count;
    atomic_ullong bytes;
    atomic_bool over;
};

struct visits {
    struct sockaddr_in to;
    atomic_ullong requests;
    atomic_bool over;
};

static struct sockaddr_in agent;
static size_t object_count;

/* What the overview asks when it is opened (web/overview.js). What an agent does not have (404) is told as such. */
static const char *const OVERVIEW[] = {
    "/",
    "/api/v1/summary",
    "/api/v1/"
    "objects?findings=true&verdict=blocked%2Cunknown%2Cmissing%2Cdrifted%2Cextra%2Cterminating%2Cpending&limit=50",
    "/api/v1/stats/timeline?buckets=48&since=@1",
    "/api/v1/stats?since=@1",
    "/api/v1/events?limit=20",
    "/api/v1/spaces",
};
#define OVERVIEW_COUNT (sizeof OVERVIEW / sizeof OVERVIEW[0])
/* Of the other pages. */
static const char *const OTHERS[] = {
    "/api/v1/stats/timeline?buckets=84&since=@7", "/api/v1/stats?since=@7",
    "/api/v1/objects?sort=order&limit=1000",      "/api/v1/units",
    "/api/v1/incidents?state=ended&limit=50",     "/api/v1/incidents?state=open&limit=50",
    "/api/v1/events?kind=Job&limit=100",          "/metrics"};
#define OTHER_COUNT (sizeof OTHERS / sizeof OTHERS[0])

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "dashboard_load: %s\n", what);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static void sleep_us(int64_t us)
{
    if (us > 0) {
        nanosleep(&(struct timespec){us / 1000000, (long)(us % 1000000) * 1000}, NULL);
    }
}

static struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host) {
        fail("an address is HOST:PORT");
    }
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) {
        fail("an address is HOST:PORT");
    }
    return to;
}

static int dial(const struct sockaddr_in *to)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) != 0) {
        fail("can't connect");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            fail("the connection was cut");
        }
        text += sent;
        len -= (size_t)sent;
    }
}

static void open_client(struct client *client, const struct sockaddr_in *to)
{
    *client = (struct client){.to = *to, .answer = malloc(ANSWER_MOST), .fd = dial(to)};
    if (!client->answer) {
        fail("out of memory");
    }
}

static void close_client(struct client *client)
{
    close(client->fd);
    free(client->answer);
}

/* The whole answer with its head is in client->answer; its status is returned. */
static int ask(struct client *client, const char *method, const char *path, const char *type, const char *body)
{
    char head[700];
    char kind[100] = "";
    if (type) {
        (void)snprintf(kind, sizeof kind, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, strlen(body));
    }
    int len = snprintf(head, sizeof head,
                       "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, text/html\r\n%s\r\n%s", method,
                       path, kind, body);
    send_all(client->fd, head, (size_t)len);
    const char *end = NULL;
    size_t want = SIZE_MAX;
    bool is_chunked = false;
    client->len = 0;
    while (client->len < want) {
        ssize_t got = recv(client->fd, client->answer + client->len, ANSWER_MOST - 1 - client->len, 0);
        if (got <= 0) {
            fail("an answer was cut");
        }
        client->len += (size_t)got;
        client->answer[client->len] = '\0';
        if (!end) {
            end = strstr(client->answer, "\r\n\r\n");
            const char *length = end ? strcasestr(client->answer, "\r\nContent-Length:") : NULL;
            want = length && length < end ? (size_t)(end + 4 - client->answer) + strtoul(length + 17, NULL, 10) : want;
            is_chunked = end && want == SIZE_MAX;
        }
        if (is_chunked && client->len >= 5 && memcmp(client->answer + client->len - 5, "0\r\n\r\n", 5) == 0) {
            break;
        }
    }
    return (int)strtol(client->answer + strlen("HTTP/1.1 "), NULL, 10);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double at(const int64_t *times, size_t count, size_t hundredth)
{
    return (double)times[count * hundredth / 100] / 1000;
}

static double metric(const char *name)
{
    struct client client;
    char line[100];
    open_client(&client, &agent);
    if (ask(&client, "GET", "/metrics", NULL, "") != 200) {
        fail("no /metrics");
    }
    (void)snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(client.answer, line);
    double value = found ? strtod(found + strlen(line), NULL) : 0;
    close_client(&client);
    return value;
}

/* "@7" at a path's end is the time seven days ago. */
static const char *with_since(const char *path, char out[200])
{
    const char *days = strchr(path, '@');
    size_t len = days ? (size_t)(days - path) : strlen(path);
    struct tm parts;
    time_t from = days ? time(NULL) - strtol(days + 1, NULL, 10) * 86400 : 0;
    (void)snprintf(out, 200, "%.*s", (int)len, path);
    if (days && gmtime_r(&from, &parts)) {
        (void)strftime(out + len, 200 - len, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    return out;
}

static void measure_path(const char *plain)
{
    char path[200];
    int64_t times[REQUESTS];
    struct client client;
    (void)with_since(plain, path);
    open_client(&client, &agent);
    for (size_t i = 0; i < REQUESTS; i++) {
        int64_t from = now_us();
        int status = ask(&client, "GET", path, NULL, "");
        times[i] = now_us() - from;
        if (status != 200) {
            printf("  %-44.44s answered with %d\n", plain, status);
            close_client(&client);
            return;
        }
    }
    qsort(times, REQUESTS, sizeof times[0], compare);
    printf("  %-44.44s p50 %8.2f ms, p99 %8.2f ms, max %8.2f ms, %7zu bytes\n", plain, at(times, REQUESTS, 50),
           at(times, REQUESTS, 99), (double)times[REQUESTS - 1] / 1000, client.len);
    close_client(&client);
}

static void *read_streams(void *ctx)
{
    struct streams *streams = ctx;
    static char piece[65536];
    while (!atomic_load(&streams->over)) {
        if (poll(streams->fds, (nfds_t)streams->count, 100) <= 0) {
            continue;
        }
        for (int i = 0; i < streams->count; i++) {
            ssize_t got = streams->fds[i].revents ? recv(streams->fds[i].fd, piece, sizeof piece, 0) : 1;
            if (got <= 0) {
                fail("an event stream was closed");
            }
            atomic_fetch_add(&streams->bytes, streams->fds[i].revents ? (unsigned long long)got : 0);
        }
    }
    return NULL;
}

static pthread_t open_streams(struct streams *streams, int count)
{
    static const char ASK[] = "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    pthread_t thread;
    for (int i = 0; i < count; i++) {
        streams->fds[i] = (struct pollfd){.fd = dial(&agent), .events = POLLIN};
        send_all(streams->fds[i].fd, ASK, sizeof ASK - 1);
    }
    streams->count = count;
    if (pthread_create(&thread, NULL, read_streams, streams) != 0) {
        fail("no thread");
    }
    for (int tries = 0; metric("holdfast_http_streams") < count; tries++) {
        if (tries > 100) {
            fail("the event streams are not open");
        }
        sleep_us(100000);
    }
    return thread;
}

/* Opens the overview so often a second, as many people would. */
static void *visit(void *ctx)
{
    struct visits *visits = ctx;
    struct client client;
    char path[200];
    open_client(&client, &visits->to);
    for (int64_t next = now_us(); !atomic_load(&visits->over); next += 1000000 / VISITS_A_SECOND) {
        sleep_us(next - now_us());
        for (size_t i = 0; i < OVERVIEW_COUNT; i++) {
            (void)ask(&client, "GET", with_since(OVERVIEW[i], path), NULL, "");
            atomic_fetch_add(&visits->requests, 1);
        }
        next = next < now_us() - 1000000 ? now_us() : next; /* too slow: not all that was missed at once */
    }
    close_client(&client);
    return NULL;
}

/* From before a PATCH is sent until the simulation has the unit's value again. */
static void measure_drifts(const struct sockaddr_in *simulation, const char *namespace, size_t count, int64_t *times)
{
    struct client client;
    char path[200];
    char body[100];
    open_client(&client, simulation);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/configmaps/settings-%05zu?fieldManager=bench",
                       namespace, i * 7919 % object_count);
        (void)snprintf(body, sizeof body, "{\"data\":{\"value\":\"wrong-%zu\"}}", i);
        int64_t from = now_us();
        if (ask(&client, "PATCH", path, "application/merge-patch+json", body) != 200) {
            fail("the simulation does not take the PATCH");
        }
        *strchr(path, '?') = '\0';
        do {
            sleep_us(200);
            if (ask(&client, "GET", path, NULL, "") != 200 || now_us() - from > 30000000) {
                fail("a drift is not put back within 30 s");
            }
        } while (!strstr(client.answer, "\"value\":\"right\""));
        times[i] = now_us() - from;
        sleep_us(20000);
    }
    close_client(&client);
    qsort(times, count, sizeof times[0], compare);
}

static void print_drifts(const char *when, const int64_t *times, size_t count)
{
    printf("drift to corrected, %-34s p50 %7.2f ms, p99 %7.2f ms, max %7.2f ms\n", when, at(times, count, 50),
           at(times, count, 99), (double)times[count - 1] / 1000);
}

/* Beside the mean of before and after: what else the machine does meanwhile weighs less so. */
static void print_ratio(const char *what, const int64_t *times, const int64_t *before, const int64_t *after,
                        size_t count)
{
    printf("%s, beside nobody looking: p50 %.2f times, p99 %.2f times\n", what,
           2 * at(times, count, 50) / (at(before, count, 50) + at(after, count, 50)),
           2 * at(times, count, 99) / (at(before, count, 99) + at(after, count, 99)));
}

static void apply(struct client *client, const char *path, const char *body)
{
    char query[300];
    (void)snprintf(query, sizeof query, "%s?fieldManager=confighub&force=true", path);
    int status = ask(client, "PATCH", query, "application/apply-patch+yaml", body);
    if (status != 200 && status != 201) {
        fail("the simulation does not take an apply");
    }
}

/* As the units that tests/bench/dashboard writes. */
static void seed(const struct sockaddr_in *simulation, const char *namespace, size_t count)
{
    struct client client;
    char path[200];
    char body[400];
    open_client(&client, simulation);
    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s", namespace);
    (void)snprintf(body, sizeof body, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}",
                   namespace);
    apply(&client, path, body);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/configmaps/settings-%05zu", namespace, i);
        (void)snprintf(
            body, sizeof body,
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"settings-%05zu\",\"namespace\":"
            "\"%s\",\"labels\":{\"app\":\"bench\"}},\"data\":{\"value\":\"right\",\"level\":\"%zu\"}}",
            i, namespace, i);
        apply(&client, path, body);
    }
    close_client(&client);
}

static double cpu_share(void)
{
    double from = metric("process_cpu_seconds_total");
    int64_t began = now_us();
    sleep_us(QUIET_S * 1000000);
    return (metric("process_cpu_seconds_total") - from) * 1e6 / (double)(now_us() - began);
}

int main(int argc, char **argv)
{
    static struct streams streams;
    static struct visits visits;
    pthread_t reader;
    pthread_t visitor;
    if (argc == 5 && strcmp(argv[1], "--seed") == 0) {
        struct sockaddr_in to = address_of(argv[2]);
        seed(&to, argv[3], strtoul(argv[4], NULL, 10));
        return 0;
    }
    if (argc != 7) {
        (void)fprintf(stderr, "usage: dashboard_load AGENT SIMULATION NAMESPACE OBJECTS DRIFTS STREAMS\n"
                              "       dashboard_load --seed SIMULATION NAMESPACE OBJECTS\n");
        return 2;
    }
    agent = visits.to = address_of(argv[1]);
    struct sockaddr_in simulation = address_of(argv[2]);
    object_count = strtoul(argv[4], NULL, 10);
    size_t count = strtoul(argv[5], NULL, 10);
    int stream_count = (int)strtol(argv[6], NULL, 10);
    int64_t *quiet = calloc(count, sizeof *quiet);
    int64_t *streamed = calloc(count, sizeof *streamed);
    int64_t *loaded = calloc(count, sizeof *loaded);
    int64_t *again = calloc(count, sizeof *again);
    if (!quiet || !streamed || !loaded || !again || object_count < 1 || count < 100 || stream_count < 1 ||
        stream_count > MOST_STREAMS) {
        fail("expected objects, at least 100 drifts, and 1 to 1,000 streams");
    }

    printf("the overview's requests, one after another, %d of each:\n", REQUESTS);
    for (size_t i = 0; i < OVERVIEW_COUNT; i++) {
        measure_path(OVERVIEW[i]);
    }
    printf("other requests:\n");
    for (size_t i = 0; i < OTHER_COUNT; i++) {
        measure_path(OTHERS[i]);
    }
    double memory = metric("process_resident_memory_bytes");
    double idle = cpu_share();
    measure_drifts(&simulation, argv[3], count, quiet);
    print_drifts("nobody looks:", quiet, count);

    reader = open_streams(&streams, stream_count);
    double more = metric("process_resident_memory_bytes") - memory;
    double streaming = cpu_share();
    printf("%d event streams: %.0f kB more memory in all, CPU %.2f %% (without: %.2f %%) while nothing drifts\n",
           stream_count, more / 1000, streaming * 100, idle * 100);
    unsigned long long bytes = atomic_load(&streams.bytes);
    double from = metric("process_cpu_seconds_total");
    measure_drifts(&simulation, argv[3], count, streamed);
    printf("a drift with %d streams: %.1f ms of CPU, %.1f kB a stream\n", stream_count,
           (metric("process_cpu_seconds_total") - from) * 1000 / (double)count,
           (double)(atomic_load(&streams.bytes) - bytes) / 1000 / (double)count / stream_count);
    print_drifts("event streams are open:", streamed, count);

    if (pthread_create(&visitor, NULL, visit, &visits) != 0) {
        fail("no thread");
    }
    int64_t began = now_us();
    measure_drifts(&simulation, argv[3], count, loaded);
    double requests = (double)atomic_load(&visits.requests) * 1e6 / (double)(now_us() - began);
    print_drifts("streams, and overviews opened:", loaded, count);
    printf("overviews were asked for by %.0f requests a second; loop stuck for %.1f s\n", requests,
           metric("holdfast_loop_stuck_seconds"));
    atomic_store(&visits.over, true);
    atomic_store(&streams.over, true);
    pthread_join(visitor, NULL);
    pthread_join(reader, NULL);
    for (int i = 0; i < streams.count; i++) {
        close(streams.fds[i].fd);
    }
    measure_drifts(&simulation, argv[3], count, again);
    print_drifts("nobody looks, again:", again, count);
    print_ratio("event streams", streamed, quiet, again, count);
    print_ratio("streams and overviews", loaded, quiet, again, count);
    free(again);
    free(streamed);
    free(quiet);
    free(loaded);
    return 0;
}
