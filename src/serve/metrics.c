/* /metrics: the Prometheus text format 0.0.4, or OpenMetrics 1.0 where the client asks for it. */
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* Label values: backslash, quote and line end are escaped (the same in both formats); the rest must be UTF-8. */
static void add_label_value(struct hf_buf *out, const char *value)
{
    size_t len = value ? strlen(value) : 0;
    if (!hf_utf8_valid(value ? value : "", len)) {
        hf_buf_adds(out, "invalid");
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '\n') {
            hf_buf_adds(out, "\\n");
            continue;
        }
        if (value[i] == '\\' || value[i] == '"') {
            hf_buf_addc(out, '\\');
        }
        hf_buf_addc(out, value[i]);
    }
}

/* OpenMetrics has a family that ends in a unit say so. */
static void add_unit(struct hf_metrics *metrics, const char *name, size_t len)
{
    static const char *const UNITS[] = {"seconds", "bytes"};
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        size_t unit = strlen(UNITS[i]);
        if (len > unit && name[len - unit - 1] == '_' && strncmp(name + len - unit, UNITS[i], unit) == 0) {
            hf_buf_addf(metrics->out, "# UNIT %.*s %s\n", (int)len, name, UNITS[i]);
        }
    }
}

void hf_metric_family(struct hf_metrics *metrics, const char *name, const char *type, const char *help)
{
    bool is_counter = strcmp(type, "counter") == 0;
    bool is_info = strcmp(type, "info") == 0;
    size_t len = strlen(name);
    metrics->name = name;
    /* OpenMetrics names a counter's family without _total, and an info's without _info. */
    if (metrics->open_metrics && is_counter) {
        len -= strlen("_total");
    } else if (metrics->open_metrics && is_info) {
        len -= strlen("_info");
    }
    hf_buf_addf(metrics->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)len, name, help, (int)len, name,
                is_info && !metrics->open_metrics ? "gauge" : type);
    if (metrics->open_metrics) {
        add_unit(metrics, name, len);
    }
}

static void add_name(struct hf_metrics *metrics, const char *suffix, const struct hf_metric_label *labels, size_t count)
{
    hf_buf_adds(metrics->out, metrics->name);
    hf_buf_adds(metrics->out, suffix);
    for (size_t i = 0; i < count; i++) {
        hf_buf_addf(metrics->out, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        add_label_value(metrics->out, labels[i].value);
        hf_buf_addc(metrics->out, '"');
    }
    hf_buf_adds(metrics->out, count > 0 ? "} " : " ");
}

void hf_metric_count(struct hf_metrics *metrics, uint64_t value, const struct hf_metric_label *labels, size_t count)
{
    add_name(metrics, "", labels, count);
    hf_buf_addf(metrics->out, "%" PRIu64 "\n", value);
}

void hf_metric_seconds(struct hf_metrics *metrics, int64_t ms, const struct hf_metric_label *labels, size_t count)
{
    add_name(metrics, "", labels, count);
    hf_buf_addf(metrics->out, "%" PRId64 ".%03" PRId64 "\n", ms / 1000, ms % 1000);
}

void hf_metric_micro(struct hf_metrics *metrics, int64_t us)
{
    add_name(metrics, "", NULL, 0);
    hf_buf_addf(metrics->out, "%" PRId64 ".%06" PRId64 "\n", us / 1000000, us % 1000000);
}

void hf_metric_histogram(struct hf_metrics *metrics, const uint64_t *counts, int64_t sum_ms, const char *target)
{
    static const int64_t BUCKETS[HF_SERVE_BUCKET_COUNT] = HF_SERVE_BUCKETS_MS;
    uint64_t sum = 0;
    for (size_t i = 0; i <= HF_SERVE_BUCKET_COUNT; i++) {
        char bound[24];
        if (i == HF_SERVE_BUCKET_COUNT) {
            (void)snprintf(bound, sizeof bound, "+Inf");
        } else if (BUCKETS[i] % 1000 == 0) {
            (void)snprintf(bound, sizeof bound, "%" PRId64 ".0", BUCKETS[i] / 1000);
        } else {
            (void)snprintf(bound, sizeof bound, "%.3g", (double)BUCKETS[i] / 1000.0);
        }
        struct hf_metric_label labels[] = {{"target", target}, {"le", bound}};
        sum += counts[i];
        add_name(metrics, "_bucket", labels, 2);
        hf_buf_addf(metrics->out, "%" PRIu64 "\n", sum);
    }
    struct hf_metric_label label = {"target", target};
    add_name(metrics, "_sum", &label, 1);
    hf_buf_addf(metrics->out, "%" PRId64 ".%03" PRId64 "\n", sum_ms / 1000, sum_ms % 1000);
    add_name(metrics, "_count", &label, 1);
    hf_buf_addf(metrics->out, "%" PRIu64 "\n", sum);
}

void hf_serve_metrics(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const NONE[] = {NULL};
    struct hf_metrics metrics = {.out = &answer->body};
    if (!hf_request_only(request, answer, NONE)) {
        return;
    }
    metrics.open_metrics = hf_metrics_wants_open(hf_request_header(request, "Accept"));
    answer->type = metrics.open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                        : "text/plain; version=0.0.4; charset=utf-8";
    struct hf_metric_label build[] = {{"version", HF_VERSION}, {"compiler", COMPILER}};
    hf_metric_family(&metrics, "holdfast_build_info", "info", "The holdfast that runs, and what compiled it.");
    hf_metric_count(&metrics, 1, build, 2);
    hf_metric_family(&metrics, "holdfast_http_requests_total", "counter", "Requests to this server.");
    hf_metric_count(&metrics, atomic_load(&request->serve->requests), NULL, 0);
    hf_metric_family(&metrics, "holdfast_http_streams", "gauge", "Event streams that are open.");
    hf_metric_count(&metrics, hf_streams_count(request->serve->streams), NULL, 0);
    hf_metric_family(&metrics, "holdfast_loop_stuck_seconds", "gauge",
                     "For how long the agent's loop has not turned, when that is over 10 s; else 0.");
    hf_metric_seconds(&metrics, hf_serve_stuck_ms(request->serve), NULL, 0);
    hf_metrics_process(&metrics);
    if (request->view) {
        hf_metrics_view(&metrics, request->view, request->now_ms);
    }
    if (metrics.open_metrics) {
        hf_buf_adds(&answer->body, "# EOF\n");
    }
}
