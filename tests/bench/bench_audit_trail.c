/* What the trail can do: events committed with full sync, rows verified, queries on a long trail.
 * usage: bench_audit_trail [EVENTS (default 100,000)] [FOLDER (default: a new one in /var/tmp)]
 *        bench_audit_trail EVENTS --keep PATH     only makes the trail there; its newest events are of the last minute
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/audit.h"
#include "holdfast/mem.h"

#define SINGLES 300u
#define EVENTS_A_DRIFT 4
#define KEPT_STEP_MS 10000 /* a million events in a month */
#define FIRST_MS 1767225600000

struct bench {
    char path[256];
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    uint64_t durable;
    struct hf_audit *audit;
    uint64_t events;
    int64_t first_ms;
    int64_t step_ms; /* from one drift to the next */
};

static void fail(const struct hf_error *err)
{
    fprintf(stderr, "bench_audit_trail: %s\n", err->text);
    exit(1);
}

static int post(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message)
{
    (void)ctx;
    fn(fn_ctx, message);
    return 0;
}

static void on_durable(void *ctx, uint64_t ticket)
{
    struct bench *bench = ctx;
    pthread_mutex_lock(&bench->mutex);
    bench->durable = ticket;
    pthread_cond_signal(&bench->wake);
    pthread_mutex_unlock(&bench->mutex);
}

static void wait_for(struct bench *bench, uint64_t ticket)
{
    pthread_mutex_lock(&bench->mutex);
    while (bench->durable < ticket) {
        pthread_cond_wait(&bench->wake, &bench->mutex);
    }
    pthread_mutex_unlock(&bench->mutex);
}

/* One drift as the agent records it: seen, intended, sent, confirmed. */
static void append_drift(struct bench *bench, uint64_t number)
{
    static const char *const TYPES[EVENTS_A_DRIFT] = {"drift.seen", "correction.intended", "correction.sent",
                                                      "correction.confirmed"};
    struct hf_audit_event events[EVENTS_A_DRIFT];
    struct hf_error err = HF_ERROR_INIT;
    char incident[32];
    char name[32];
    (void)snprintf(incident, sizeof incident, "%016llx", (unsigned long long)(number * 0x9E3779B97F4A7C15u));
    (void)snprintf(name, sizeof name, "service-%llu", (unsigned long long)(number % 200));
    int64_t at = bench->first_ms + (int64_t)number * bench->step_ms;
    for (size_t i = 0; i < EVENTS_A_DRIFT; i++) {
        events[i] = (struct hf_audit_event){
            .at_ms = at + (int64_t)i * 40,
            .type = TYPES[i],
            .severity = "warning",
            .incident = incident,
            .target = "prod",
            .space = "traderx",
            .unit = name,
            .revision = 42,
            .api_version = "apps/v1",
            .kind = "Deployment",
            .namespace = "traderx",
            .name = name,
            .uid = "6f1e2d3c-0000-0000-0000-000000000000",
            .verdict = "drifted",
            .resource_version = "123456789",
            .manager = number % 3 ? "kubectl-edit" : "kubectl",
            .operation = "Update",
            .drifted_at_ms = at - 300,
            .seen_at_ms = at,
            .corrected_at_ms = i == 3 ? at + 120 : HF_TIME_NONE,
            .message = "spec.replicas was 3 and became 10, by kubectl-edit",
            .detail = i == 0 ? "{\"findings\":[{\"path\":\"/spec/replicas\",\"readable\":\"spec.replicas\",\"class\":"
                               "\"changed\",\"desired\":\"3\",\"live\":\"10\",\"manager\":\"kubectl-edit\"}]}"
                             : NULL};
    }
    struct hf_audit_batch batch = {.events = events, .event_count = EVENTS_A_DRIFT};
    while (hf_audit_append(bench->audit, &batch, number, &err) != 0) {
        if (err.code != HF_EBUSY) {
            fail(&err);
        }
        usleep(500);
    }
}

static void time_open(struct bench *bench)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_options options = {.path = bench->path};
    struct hf_audit_events told = {bench, on_durable, NULL, NULL};
    int64_t began = hf_mono_us();
    if (hf_audit_open(&options, &told, post, NULL, NULL, &bench->audit, &err) != 0) {
        fail(&err);
    }
    printf("open with its check: %.0f ms\n", (double)(hf_mono_us() - began) / 1000);
    hf_audit_close(bench->audit, 60000);
}

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void write_trail(struct bench *bench, uint64_t drifts)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_options options = {.path = bench->path};
    struct hf_audit_events told = {bench, on_durable, NULL, NULL};
    struct hf_audit_stats stats;
    int64_t took[SINGLES];
    if (hf_audit_open(&options, &told, post, NULL, NULL, &bench->audit, &err) != 0) {
        fail(&err);
    }
    for (uint64_t i = 0; i < SINGLES; i++) {
        int64_t began = hf_mono_us();
        append_drift(bench, i + 1);
        wait_for(bench, i + 1);
        took[i] = hf_mono_us() - began;
    }
    qsort(took, SINGLES, sizeof took[0], by_size);
    printf("one at a time: appended to durable p50 %.2f ms, p99 %.2f ms\n", (double)took[SINGLES / 2] / 1000,
           (double)took[SINGLES * 99 / 100] / 1000);
    int64_t began = hf_mono_us();
    for (uint64_t i = SINGLES; i < drifts; i++) {
        append_drift(bench, i + 1);
    }
    wait_for(bench, drifts);
    int64_t all = hf_mono_us() - began;
    hf_audit_stats(bench->audit, &stats);
    printf("as they come: %.0f events/s committed with full sync, %.1f events a commit\n",
           (double)((drifts - SINGLES) * EVENTS_A_DRIFT) * 1e6 / (double)all,
           (double)(stats.events - SINGLES * EVENTS_A_DRIFT) / (double)(stats.commits - SINGLES));
    hf_audit_close(bench->audit, 60000);
}

static bool count_row(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    (void)id;
    (void)event;
    (void)digest;
    ++*(size_t *)ctx;
    return true;
}

static bool count_figures(void *ctx, const struct hf_audit_figures *figures)
{
    (void)figures;
    ++*(size_t *)ctx;
    return true;
}

static void time_query(struct hf_audit_reader *reader, const char *what, const struct hf_audit_filter *filter)
{
    struct hf_error err = HF_ERROR_INIT;
    size_t rows = 0;
    int64_t began = hf_mono_us();
    if (hf_audit_query(reader, filter, count_row, &rows, &err) != 0) {
        fail(&err);
    }
    printf("query %-32s %8.2f ms, %zu rows\n", what, (double)(hf_mono_us() - began) / 1000, rows);
}

static bool count_line(void *ctx, int64_t id, const char *digest, struct hf_slice canonical)
{
    (void)id;
    (void)digest;
    *(size_t *)ctx += canonical.len;
    return true;
}

static void carry_elsewhere(const struct bench *bench, struct hf_audit_reader *reader)
{
    struct hf_error err = HF_ERROR_INIT;
    struct stat info;
    size_t bytes = 0;
    char copy[280];
    int64_t began = hf_mono_us();
    if (hf_audit_export(reader, 0, count_line, &bytes, &err) != 0) {
        fail(&err);
    }
    printf("export: %.0f MB/s of JSON\n", (double)bytes / (double)(hf_mono_us() - began));
    (void)snprintf(copy, sizeof copy, "%s-copy", bench->path);
    began = hf_mono_us();
    if (hf_audit_backup(reader, copy, NULL, NULL, &err) != 0) {
        fail(&err);
    }
    int64_t took = hf_mono_us() - began;
    if (stat(copy, &info) == 0) {
        printf("backup: %.0f MB/s, %.0f bytes an event with its indexes\n", (double)info.st_size / (double)took,
               (double)info.st_size / (double)bench->events);
    }
    (void)unlink(copy);
}

static void read_trail(const struct bench *bench, uint64_t drifts)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    int64_t rows;
    size_t count = 0;
    int64_t last = FIRST_MS + (int64_t)drifts * 1000;
    if (hf_audit_reader_open(bench->path, &reader, &err) != 0) {
        fail(&err);
    }
    int64_t began = hf_mono_us();
    if (hf_audit_verify(reader, NULL, NULL, &rows, &err) != 0) {
        fail(&err);
    }
    printf("verify: %.0f rows/s (%lld rows)\n", (double)rows * 1e6 / (double)(hf_mono_us() - began), (long long)rows);
    time_query(reader, "newest 100", &(struct hf_audit_filter){.newest_first = true});
    time_query(reader, "last hour, newest 100",
               &(struct hf_audit_filter){.since_ms = last - 3600000, .newest_first = true});
    time_query(reader, "a minute long ago",
               &(struct hf_audit_filter){.since_ms = last / 2 + FIRST_MS / 2,
                                         .until_ms = last / 2 + FIRST_MS / 2 + 60000,
                                         .newest_first = true});
    time_query(reader, "one unit, newest 100", &(struct hf_audit_filter){.unit = "service-7", .newest_first = true});
    time_query(reader, "one person's drifts, 100",
               &(struct hf_audit_filter){.manager = "kubectl", .type = "drift.seen", .newest_first = true});
    time_query(reader, "one incident", &(struct hf_audit_filter){.incident = "9e3779b97f4a7c15"});
    time_query(reader, "one object, newest 20",
               &(struct hf_audit_filter){.target = "prod",
                                         .kind = "Deployment",
                                         .namespace = "traderx",
                                         .name = "service-7",
                                         .limit = 20,
                                         .newest_first = true});
    time_query(reader, "a stream's turn", &(struct hf_audit_filter){.after_id = (int64_t)drifts * EVENTS_A_DRIFT - 10});
    time_query(reader, "critical ones, of which is none",
               &(struct hf_audit_filter){.severity = "critical", .newest_first = true});
    time_query(reader, "a kind of which is none", &(struct hf_audit_filter){.kind = "Job", .newest_first = true});
    time_query(reader, "a namespace of which is none",
               &(struct hf_audit_filter){.namespace = "other", .newest_first = true});
    time_query(reader, "corrections, newest 100",
               &(struct hf_audit_filter){.type = "correction.", .newest_first = true});
    time_query(reader, "a path, newest 100", &(struct hf_audit_filter){.path = "/spec/replicas", .newest_first = true});
    began = hf_mono_us();
    if (hf_audit_open_incidents(reader, count_row, &count, &err) != 0) {
        fail(&err);
    }
    printf("open incidents: %.2f ms, %zu\n", (double)(hf_mono_us() - began) / 1000, count);
    began = hf_mono_us();
    if (hf_audit_figures(reader, HF_BY_UNIT, HF_TIME_NONE, HF_TIME_NONE, count_figures, &count, &err) != 0) {
        fail(&err);
    }
    printf("figures of all by unit: %.0f ms, %zu units\n", (double)(hf_mono_us() - began) / 1000, count);
    carry_elsewhere(bench, reader);
    hf_audit_reader_close(reader);
}

int main(int argc, char **argv)
{
    struct bench bench = {
        .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .first_ms = FIRST_MS, .step_ms = 1000};
    char folder[200] = "/var/tmp/hf-bench-audit-XXXXXX";
    int64_t events = 100000;
    if (argc > 1 && !hf_parse_int(hf_slice_of(argv[1]), 2000, INT32_MAX, &events)) {
        fprintf(stderr, "usage: bench_audit_trail [EVENTS, at least 2000] [FOLDER]\n");
        return 2;
    }
    uint64_t drifts = (uint64_t)events / EVENTS_A_DRIFT;
    bench.events = drifts * EVENTS_A_DRIFT;
    if (argc > 3 && strcmp(argv[2], "--keep") == 0) {
        (void)snprintf(bench.path, sizeof bench.path, "%s", argv[3]);
        bench.step_ms = KEPT_STEP_MS;
        bench.first_ms = hf_now_ms() - (int64_t)drifts * KEPT_STEP_MS - 60000;
        write_trail(&bench, drifts);
        return 0;
    }
    if (argc > 2) {
        (void)snprintf(folder, sizeof folder, "%s/hf-bench-audit-XXXXXX", argv[2]);
    }
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    (void)snprintf(bench.path, sizeof bench.path, "%s/trail.db", folder);
    write_trail(&bench, drifts);
    time_open(&bench);
    read_trail(&bench, drifts);
    static const char *const PARTS[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        char path[280];
        (void)snprintf(path, sizeof path, "%s%s", bench.path, PARTS[i]);
        (void)unlink(path);
    }
    if (rmdir(folder) != 0) {
        perror(folder);
        return 1;
    }
    return 0;
}
