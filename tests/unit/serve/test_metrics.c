/* Reads /metrics as a scraper would: families, samples, labels, histograms. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define SAMPLES_MOST 600

struct sample {
    char family[100];
    char type[20];
    char unit[20];
    char name[100];
    char labels[300];
    double value;
};

static struct server server;
static struct sample samples[SAMPLES_MOST];
static size_t sample_count;

static void set_up(void)
{
    server_start(&server, NULL);
}

static void tear_down(void)
{
    server_stop(&server);
}

TestSuite(metrics, .init = set_up, .fini = tear_down, .timeout = 30);

static const char *read_name(const char *at, char *out, size_t size)
{
    size_t len = 0;
    cr_assert(isalpha((unsigned char)*at) || *at == '_', "a name begins at: %.40s", at);
    while (isalnum((unsigned char)*at) || *at == '_') {
        cr_assert_lt(len, size - 1);
        out[len++] = *at++;
    }
    out[len] = '\0';
    return at;
}

/* Label values hold no raw quote, backslash or line end. */
static const char *read_labels(const char *at, char *out, size_t size)
{
    const char *from = at;
    char name[100];
    cr_assert_eq(*at++, '{');
    do {
        at = read_name(at, name, sizeof name);
        cr_assert_eq(*at++, '=');
        cr_assert_eq(*at++, '"');
        while (*at != '"') {
            cr_assert(*at && *at != '\n', "a label's value ends in its line");
            if (*at == '\\') {
                at++;
                cr_assert(*at == '\\' || *at == '"' || *at == 'n', "an escape of the format: \\%c", *at);
            }
            at++;
        }
        at++;
    } while (*at++ == ',');
    cr_assert_eq(at[-1], '}');
    (void)snprintf(out, size, "%.*s", (int)(at - from), from);
    return at;
}

static void read_sample(const char *line, const char *family, const char *type, const char *unit)
{
    struct sample *sample = &samples[sample_count++];
    cr_assert_lt(sample_count, SAMPLES_MOST);
    memset(sample, 0, sizeof *sample);
    (void)snprintf(sample->family, sizeof sample->family, "%s", family);
    (void)snprintf(sample->type, sizeof sample->type, "%s", type);
    (void)snprintf(sample->unit, sizeof sample->unit, "%s", unit);
    const char *at = read_name(line, sample->name, sizeof sample->name);
    if (*at == '{') {
        at = read_labels(at, sample->labels, sizeof sample->labels);
    }
    char *end;
    cr_assert_eq(*at, ' ', "%s", line);
    sample->value = strtod(at + 1, &end);
    cr_assert(*end == '\0', "%s", line);
    cr_assert_eq(strncmp(sample->name, family, strlen(family)), 0, "%s stands under %s", sample->name, family);
    for (size_t i = 0; i + 1 < sample_count; i++) {
        cr_assert(strcmp(samples[i].name, sample->name) != 0 || strcmp(samples[i].labels, sample->labels) != 0,
                  "%s%s stands twice", sample->name, sample->labels);
    }
}

static void read_metrics(const char *accept, bool open_metrics)
{
    char head[200];
    char family[100] = "";
    char type[20] = "";
    char unit[20] = "";
    (void)snprintf(head, sizeof head, "Host: localhost\r\nAccept: %s\r\n", accept);
    struct reply reply = ask(&server, "GET", "/metrics", head);
    cr_assert_eq(reply.status, 200);
    cr_expect_str_eq(reply_header(&reply, "Content-Type"),
                     open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                  : "text/plain; version=0.0.4; charset=utf-8");
    cr_assert(reply.body_len > 0 && reply.body[reply.body_len - 1] == '\n');
    cr_assert(hf_utf8_valid(reply.body, reply.body_len));
    cr_assert_eq(open_metrics, strcmp(reply.body + reply.body_len - 6, "# EOF\n") == 0);
    sample_count = 0;
    for (char *line = strtok(reply.body, "\n"); line; line = strtok(NULL, "\n")) {
        if (strcmp(line, "# EOF") == 0) {
            continue;
        }
        if (strncmp(line, "# HELP ", 7) == 0) {
            (void)read_name(line + 7, family, sizeof family);
            type[0] = unit[0] = '\0';
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            char again[100];
            const char *at = read_name(line + 7, again, sizeof again);
            cr_assert_str_eq(again, family, "HELP and TYPE belong together");
            (void)snprintf(type, sizeof type, "%s", at + 1);
        } else if (open_metrics && strncmp(line, "# UNIT ", 7) == 0) {
            char again[100];
            const char *at = read_name(line + 7, again, sizeof again);
            cr_assert_str_eq(again, family);
            (void)snprintf(unit, sizeof unit, "%s", at + 1);
        } else {
            cr_assert(type[0], "a sample without TYPE: %s", line);
            read_sample(line, family, type, unit);
        }
    }
    reply_free(&reply);
}

static double value(const char *name, const char *labels)
{
    for (size_t i = 0; i < sample_count; i++) {
        if (strcmp(samples[i].name, name) == 0 && strcmp(samples[i].labels, labels) == 0) {
            return samples[i].value;
        }
    }
    cr_assert_fail("there is no %s%s", name, labels);
    return 0;
}

static struct hf_view *busy_view(void)
{
    struct hf_view *view = view_new(5);
    struct hf_view_target *target = view_target(view);
    struct hf_view_channel *channel = hf_arena_alloc(view->arena, sizeof *channel);
    uint64_t *counts = hf_arena_array(view->arena, HF_SERVE_BUCKET_COUNT + 1, sizeof *counts);
    counts[0] = 1;
    counts[5] = 4;
    counts[HF_SERVE_BUCKET_COUNT] = 2;
    target->corrected_histogram = counts;
    target->corrected_sum_ms = 123456;
    target->drifts = 9;
    target->tally = (struct hf_serve_tally){.drifts = {6, 2, 0, 0, 0, 1},
                                            .due = 8,
                                            .late = 2,
                                            .partial = 1,
                                            .blocked = 3,
                                            .put_off = 4,
                                            .healed = 5,
                                            .dismissed = 1,
                                            .fights = 1,
                                            .rollouts = 17,
                                            .seen_histogram = {0, 0, 0, 0, 0, 0, 3},
                                            .seen_sum_ms = 2100,
                                            .open = 2,
                                            .open_late = 1};
    target->source_problem = "the folder is gone";
    target->corrected = 7;
    target->failed = 2;
    target->watch_restarts = 3;
    target->audited = 12;
    target->audited_wrong = 1;
    target->watch_events = 1000;
    target->fast_events = 990;
    target->queued = 4;
    *channel = (struct hf_view_channel){.name = "ops", .delivered = 5, .failed = 6, .given_up = 1, .failing = true};
    view->channels = channel;
    view->channel_count = 1;
    view->outbox = 3;
    view->trail_events = 77;
    view->trail_commits = 40;
    view->trail_commit_us = 1250;
    view_object(view, 0)->verdict = "drifted";
    return view;
}

static void expect_build(void)
{
    for (size_t i = 0; i < sample_count; i++) {
        if (strcmp(samples[i].name, "holdfast_build_info") == 0) {
            cr_expect(strstr(samples[i].labels, "version=\"" HF_VERSION "\"") && samples[i].value == 1, "%s",
                      samples[i].labels);
            return;
        }
    }
    cr_assert_fail("there is no holdfast_build_info");
}

Test(metrics, the_figures_of_the_view_are_there_under_the_promised_names)
{
    hf_serve_publish(server.serve, busy_view());
    read_metrics("text/plain", false);
    expect_build();
    cr_expect_eq(value("holdfast_objects", "{target=\"dev\",verdict=\"drifted\"}"), 1);
    cr_expect_eq(value("holdfast_objects", "{target=\"dev\",verdict=\"in_sync\"}"), 4);
    cr_expect_eq(value("holdfast_drifts_total", "{target=\"dev\",class=\"changed\"}"), 6);
    cr_expect_eq(value("holdfast_drifts_total", "{target=\"dev\",class=\"removed\"}"), 2);
    cr_expect_eq(value("holdfast_drifts_total", "{target=\"dev\",class=\"deleted\"}"), 1);
    cr_expect_eq(value("holdfast_corrections_total", "{target=\"dev\",outcome=\"confirmed\"}"), 6);
    cr_expect_eq(value("holdfast_corrections_total", "{target=\"dev\",outcome=\"partial\"}"), 1);
    cr_expect_eq(value("holdfast_corrections_total", "{target=\"dev\",outcome=\"failed\"}"), 2);
    cr_expect_eq(value("holdfast_corrections_total", "{target=\"dev\",outcome=\"blocked\"}"), 3);
    cr_expect_eq(value("holdfast_corrections_total", "{target=\"dev\",outcome=\"put_off\"}"), 4);
    cr_expect_eq(value("holdfast_incidents_ended_total", "{target=\"dev\",outcome=\"healed\"}"), 5);
    cr_expect_eq(value("holdfast_incidents_ended_total", "{target=\"dev\",outcome=\"dismissed\"}"), 1);
    cr_expect_eq(value("holdfast_put_back_due_total", "{target=\"dev\"}"), 8);
    cr_expect_eq(value("holdfast_put_back_late_total", "{target=\"dev\"}"), 2);
    cr_expect_eq(value("holdfast_incidents_open", "{target=\"dev\"}"), 2);
    cr_expect_eq(value("holdfast_incidents_open_late", "{target=\"dev\"}"), 1);
    cr_expect_eq(value("holdfast_fights_total", "{target=\"dev\"}"), 1);
    cr_expect_eq(value("holdfast_rollouts_total", "{target=\"dev\"}"), 17);
    cr_expect_eq(value("holdfast_source_failing", "{target=\"dev\"}"), 1);
    cr_expect_eq(value("holdfast_trail_commits_total", ""), 40);
    cr_expect_eq(value("holdfast_trail_last_commit_duration_seconds", ""), 0.00125);
    cr_expect_eq(value("holdfast_watch_restarts_total", "{target=\"dev\"}"), 3);
    cr_expect_eq(value("holdfast_audited_writes_total", "{target=\"dev\"}"), 12);
    cr_expect_eq(value("holdfast_audited_unreadable_total", "{target=\"dev\"}"), 1);
    cr_expect_eq(value("holdfast_watch_events_total", "{target=\"dev\"}"), 1000);
    cr_expect_eq(value("holdfast_fast_path_events_total", "{target=\"dev\"}"), 990);
    cr_expect_eq(value("holdfast_queue_depth", "{target=\"dev\"}"), 4);
    double age = value("holdfast_source_age_seconds", "{target=\"dev\"}");
    cr_expect(age >= 1.5 && age < 10, "%f", age);
    cr_expect_eq(value("holdfast_outbox_depth", ""), 3);
    cr_expect_eq(value("holdfast_trail_events", ""), 77);
    cr_expect_eq(value("holdfast_alerts_total", "{channel=\"ops\",outcome=\"delivered\"}"), 5);
    cr_expect_eq(value("holdfast_alert_channel_failing", "{channel=\"ops\"}"), 1);
    cr_expect_eq(value("holdfast_ready", ""), 1);
}

Test(metrics, the_histogram_adds_up)
{
    hf_serve_publish(server.serve, busy_view());
    read_metrics("text/plain", false);
    double last = 0;
    double bound = 0;
    size_t buckets = 0;
    for (size_t i = 0; i < sample_count; i++) {
        if (strcmp(samples[i].name, "holdfast_corrected_seconds_bucket") == 0) {
            double le = strtod(strstr(samples[i].labels, "le=\"") + 4, NULL);
            cr_expect(le > bound && samples[i].value >= last, "%s", samples[i].labels);
            bound = le;
            last = samples[i].value;
            buckets++;
        }
    }
    cr_expect_eq(buckets, HF_SERVE_BUCKET_COUNT + 1);
    cr_expect_eq(value("holdfast_corrected_seconds_bucket", "{target=\"dev\",le=\"0.01\"}"), 1);
    cr_expect_eq(value("holdfast_corrected_seconds_bucket", "{target=\"dev\",le=\"0.5\"}"), 5);
    cr_expect_eq(value("holdfast_corrected_seconds_bucket", "{target=\"dev\",le=\"30.0\"}"), 5);
    cr_expect_eq(value("holdfast_corrected_seconds_bucket", "{target=\"dev\",le=\"60.0\"}"), 5);
    cr_expect_eq(value("holdfast_corrected_seconds_bucket", "{target=\"dev\",le=\"+Inf\"}"), 7);
    cr_expect_eq(value("holdfast_corrected_seconds_count", "{target=\"dev\"}"), 7);
    cr_expect_eq(value("holdfast_corrected_seconds_sum", "{target=\"dev\"}"), 123.456);
    cr_expect_eq(value("holdfast_seen_seconds_bucket", "{target=\"dev\",le=\"0.5\"}"), 0);
    cr_expect_eq(value("holdfast_seen_seconds_bucket", "{target=\"dev\",le=\"1.0\"}"), 3);
    cr_expect_eq(value("holdfast_seen_seconds_count", "{target=\"dev\"}"), 3);
}

Test(metrics, names_keep_the_rules_of_prometheus)
{
    hf_serve_publish(server.serve, busy_view());
    read_metrics("text/plain", false);
    for (size_t i = 0; i < sample_count; i++) {
        const char *name = samples[i].name;
        bool total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
        cr_expect_eq(total, strcmp(samples[i].type, "counter") == 0, "%s is a %s", name, samples[i].type);
        cr_expect(strncmp(name, "holdfast_", 9) == 0 || strncmp(name, "process_", 8) == 0, "%s", name);
        cr_expect(samples[i].value >= 0, "%s", name);
        cr_expect(strcmp(samples[i].type, "counter") == 0 || strcmp(samples[i].type, "gauge") == 0 ||
                      strcmp(samples[i].type, "histogram") == 0,
                  "%s is a %s", name, samples[i].type);
    }
    cr_expect(sample_count > 50);
}

Test(metrics, openmetrics_is_spoken_where_it_is_asked_for)
{
    hf_serve_publish(server.serve, busy_view());
    read_metrics("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", true);
    cr_expect_eq(value("holdfast_put_back_due_total", "{target=\"dev\"}"), 8);
    for (size_t i = 0; i < sample_count; i++) {
        const char *seconds = strstr(samples[i].family, "_seconds");
        const char *bytes = strstr(samples[i].family, "_bytes");
        const char *unit = seconds && !seconds[8] ? "seconds" : bytes && !bytes[6] ? "bytes" : "";
        cr_expect_str_eq(samples[i].unit, unit, "the unit of %s", samples[i].family);
        cr_expect(!strstr(samples[i].family, "_total"), "the family of a counter is named without it: %s",
                  samples[i].family);
    }
}

Test(metrics, a_hostile_target_name_stays_within_its_label)
{
    struct hf_view *view = busy_view();
    view_target(view)->name = "a\"} 1\nholdfast_ready 0\n\\";
    for (size_t i = 0; i < view->object_count; i++) {
        view_object(view, i)->target = view->targets[0].name;
    }
    hf_serve_publish(server.serve, view);
    read_metrics("*/*", false);
    cr_expect_eq(value("holdfast_put_back_due_total", "{target=\"a\\\"} 1\\nholdfast_ready 0\\n\\\\\"}"), 8);
    cr_expect_eq(value("holdfast_ready", ""), 1);
}

Test(metrics, before_the_first_view_the_server_tells_of_itself)
{
    read_metrics("text/plain", false);
    expect_build();
    cr_expect(value("process_resident_memory_bytes", "") > 1e6);
}

Test(metrics, what_prometheus_asks_for_decides_the_form)
{
    static const struct {
        const char *accept;
        bool open_metrics;
    } ROWS[] = {
        {"application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         true},
        {"application/openmetrics-text", true},
        {"Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.9 , text/plain ; q=0.8", true},
        {"text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4", false},
        {"application/openmetrics-text;q=0", false},
        {"application/openmetrics-text;version=2.0.0,text/plain;q=0.1", false},
        {"application/openmetrics-text-2", false},
        {"text/html,application/xhtml+xml,*/*;q=0.8", false},
        {"*/*", false},
        {"", false},
        {",;,;;q=,", false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        read_metrics(ROWS[i].accept, ROWS[i].open_metrics);
    }
}

Test(metrics, the_process_is_told_as_prometheus_clients_tell_it)
{
    read_metrics("text/plain", false);
    cr_expect(value("process_cpu_seconds_total", "") >= 0);
    cr_expect(value("process_virtual_memory_bytes", "") > value("process_resident_memory_bytes", ""));
    double now = (double)hf_now_ms() / 1000;
    double started = value("process_start_time_seconds", "");
    cr_expect(started > now - 600 && started < now + 5, "%f, and it is %f", started, now);
    double open = value("process_open_fds", "");
    cr_expect(open >= 4 && open <= value("process_max_fds", ""), "%f", open);
}
