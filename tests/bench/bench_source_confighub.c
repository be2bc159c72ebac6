/* What a poll of ConfigHub costs while nothing changes, and that it does not grow with the data:
 * bench_source_confighub [UNITS [SPACES [POLLS]]] */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/confighub.h"
#include "holdfast/digest.h"
#include "holdfast/hub.h"
#include "holdfast/json.h"

struct bench {
    char root[64];
    char url[200];
    pid_t pid;
    struct hf_loop *loop;
    struct hf_http *http;
    size_t pending;
    char space_ids[64][64];
    size_t told;
    size_t documents;
    int64_t told_ms;
};

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "bench_source_confighub: %s\n", what);
        exit(1);
    }
}

static void serve(struct bench *bench)
{
    char path[100];
    (void)snprintf(path, sizeof path, "%s/url", bench->root);
    (void)unlink(path);
    bench->pid = fork();
    if (bench->pid == 0) {
        struct hf_error err = HF_ERROR_INIT;
        struct hf_hub_options options = {.listen = "127.0.0.1:0", .write_url = path};
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        must(freopen("/dev/null", "w", stdout) != NULL, "no /dev/null");
        _exit(hf_hub_serve(&options, &err) == 0 ? 0 : 1);
    }
    for (int i = 0; i < 1000; i++) {
        struct hf_buf text = {0};
        struct hf_error err = HF_ERROR_INIT;
        bool there = hf_read_file(path, 1000, &text, &err) == 0 && text.len > 1 && text.ptr[text.len - 1] == '\n';
        if (there) {
            (void)snprintf(bench->url, sizeof bench->url, "%.*s", (int)text.len - 1, text.ptr);
        }
        hf_buf_free(&text);
        if (there) {
            return;
        }
        (void)usleep(10000);
    }
    must(false, "the simulated ConfigHub does not start");
}

static void on_made(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct bench *bench = ctx;
    must(err->code == HF_OK && response->status == 200, "a request failed");
    if (--bench->pending == 0) {
        hf_loop_stop(bench->loop);
    }
}

static void on_space(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    char *id = ctx;
    const struct hf_value *value;
    struct hf_error ignored = HF_ERROR_INIT;
    struct hf_arena *arena = hf_arena_new(0);
    must(err->code == HF_OK && arena &&
             hf_json_read(arena, response->body, response->body_len, NULL, &value, &ignored) == 0,
         "a space was not made");
    (void)snprintf(id, 64, "%s", hf_value_text(hf_value_get(value, "SpaceID")));
    hf_arena_free(arena);
}

static void post(struct bench *bench, const char *path, const char *body, hf_http_done_fn fn, void *ctx)
{
    char url[400];
    struct hf_error err = HF_ERROR_INIT;
    struct hf_http_header header = {"Content-Type", "application/json"};
    (void)snprintf(url, sizeof url, "%s%s", bench->url, path);
    struct hf_http_request request = {.method = "POST",
                                      .url = url,
                                      .headers = &header,
                                      .header_count = 1,
                                      .body = body,
                                      .body_len = strlen(body),
                                      .timeout_ms = 60000};
    must(hf_http_start(bench->http, &request, NULL, fn, ctx, NULL, &err) == 0, err.text);
}

static void on_timer(void *ctx)
{
    hf_loop_stop(ctx);
}

static void run_for(struct bench *bench, int64_t ms)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_timer *timer = hf_timer_new(bench->loop, on_timer, bench->loop);
    must(timer != NULL, "memory");
    hf_timer_set(timer, ms);
    must(hf_loop_run(bench->loop, &err) == 0, err.text);
    hf_timer_free(timer);
}

static void make_units(struct bench *bench, size_t units, size_t spaces, size_t data_size)
{
    struct hf_error err = HF_ERROR_INIT;
    for (size_t i = 0; i < spaces; i++) {
        char body[100];
        (void)snprintf(body, sizeof body, "{\"Slug\":\"bench-%02zu\"}", i);
        post(bench, "/space", body, on_space, bench->space_ids[i]);
    }
    run_for(bench, 300);
    for (size_t done = 0; done < units;) {
        for (size_t i = 0; i < 100 && done < units; i++, done++) {
            char path[200];
            struct hf_buf data = {0};
            struct hf_buf body = {0};
            hf_buf_addf(&data, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%zu}\ndata:\n  a: ", done);
            while (data.len < data_size) {
                hf_buf_adds(&data, "0123456789abcdef");
            }
            hf_buf_addf(&body,
                        "{\"Slug\":\"unit-%zu\",\"TargetID\":\"11111111-1111-4111-8111-111111111111\",\"Data\":\"",
                        done);
            hf_buf_add_base64(&body, data.ptr, data.len);
            hf_buf_adds(&body, "\"}");
            (void)snprintf(path, sizeof path, "/space/%s/unit", bench->space_ids[done % spaces]);
            bench->pending++;
            post(bench, path, hf_buf_text(&body), on_made, bench);
            hf_buf_free(&data);
            hf_buf_free(&body);
        }
        must(hf_loop_run(bench->loop, &err) == 0, err.text);
    }
}

static void on_units(void *ctx, struct hf_unit *const *units, size_t count)
{
    struct bench *bench = ctx;
    bench->told++;
    bench->told_ms = hf_mono_ms();
    bench->documents = 0;
    for (size_t i = 0; i < count; i++) {
        bench->documents += units[i]->document_count;
    }
    hf_loop_stop(bench->loop);
}

static void on_state(void *ctx, const struct hf_error *err)
{
    (void)ctx;
    must(err->code == HF_OK, err->text);
}

static double cpu_ms(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void measure(struct bench *bench, size_t units, size_t spaces, size_t polls, size_t data_size)
{
    static const char *const SPACES[] = {"bench-*"};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub *hub;
    struct hf_source *source;
    struct hf_confighub_stats first, before, after;
    struct hf_confighub_options options = {.base_url = bench->url, .token.environment = "BENCH_TOKEN"};
    struct hf_confighub_selection selection = {
        .spaces = SPACES, .space_count = 1, .desired = HF_CONFIGHUB_HEAD, .poll_ms = 200};
    struct hf_source_events events = {bench, on_units, on_state};
    must(setenv("BENCH_TOKEN", "any-token", 1) == 0, "setenv");
    must(hf_confighub_open(bench->loop, bench->http, NULL, &options, &hub, &err) == 0, err.text);
    must(hf_source_confighub(hub, &selection, &events, NULL, &source, &err) == 0, err.text);
    bench->told = 0;
    int64_t began = hf_mono_ms();
    must(hf_source_start(source, &err) == 0, err.text);
    must(hf_loop_run(bench->loop, &err) == 0, err.text);
    hf_confighub_stats(hub, &first);
    must(bench->documents == units, "not every unit was told with its document");
    (void)printf("%zu units of %zu bytes in %zu spaces: told after %lld ms, %llu requests, %.1f MB\n", units, data_size,
                 spaces, (long long)(bench->told_ms - began), (unsigned long long)first.requests,
                 (double)first.bytes_in / 1e6);
    run_for(bench, 500);
    hf_confighub_stats(hub, &before);
    double cpu = cpu_ms();
    do {
        run_for(bench, 200);
        hf_confighub_stats(hub, &after);
    } while (after.listings - before.listings < polls);
    cpu = cpu_ms() - cpu;
    uint64_t count = after.listings - before.listings;
    (void)printf("  unchanged, a poll: %.2f requests, %.0f bytes (%.0f a unit), %.1f ms of our CPU; told again: %zu; "
                 "longest turn so far: %.1f ms\n",
                 (double)(after.requests - before.requests) / (double)count,
                 (double)(after.bytes_in - before.bytes_in) / (double)count,
                 (double)(after.bytes_in - before.bytes_in) / (double)count / (double)units, cpu / (double)count,
                 bench->told - 1, (double)hf_loop_longest_turn_us(bench->loop) / 1000);
    hf_source_free(source);
    hf_confighub_close(hub);
}

int main(int argc, char **argv)
{
    static const size_t SIZES[] = {200, 2000, 20000};
    int64_t units = 2000, spaces = 20, polls = 20;
    struct hf_error err = HF_ERROR_INIT;
    struct bench bench = {.root = "/tmp/holdfast-bench-XXXXXX"};
    must((argc < 2 || hf_parse_int(hf_slice_of(argv[1]), 1, 100000, &units)) &&
             (argc < 3 || hf_parse_int(hf_slice_of(argv[2]), 1, 64, &spaces)) &&
             (argc < 4 || hf_parse_int(hf_slice_of(argv[3]), 1, 100000, &polls)),
         "expected [UNITS [SPACES [POLLS]]]");
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* nothing is left for the child to print again */
    must(mkdtemp(bench.root) != NULL, "no folder");
    bench.loop = hf_loop_new(&err);
    bench.http = bench.loop ? hf_http_new(bench.loop, "holdfast-bench", &err) : NULL;
    must(bench.http != NULL, err.text);
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        serve(&bench);
        make_units(&bench, (size_t)units, (size_t)spaces, SIZES[i]);
        measure(&bench, (size_t)units, (size_t)spaces, (size_t)polls, SIZES[i]);
        (void)kill(bench.pid, SIGTERM);
        (void)waitpid(bench.pid, NULL, 0);
    }
    hf_http_free(bench.http);
    hf_loop_free(bench.loop);
    char path[100];
    (void)snprintf(path, sizeof path, "%s/url", bench.root);
    (void)unlink(path);
    (void)rmdir(bench.root);
    return 0;
}
