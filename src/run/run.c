/* Start and stop. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_MS 4000
#define AGE_MS 5000

static void on_agent_timer(void *ctx)
{
    struct hf_run *run = ctx;
    struct hf_error err = HF_ERROR_INIT;
    hf_run_told(run, hf_agent_tick(run->agent, &err), &err);
}

static void on_view_timer(void *ctx)
{
    hf_run_publish(ctx);
}

static void on_wake_timer(void *ctx)
{
    struct hf_run *run = ctx;
    hf_serve_wake(run->serve);
}

/* Ages and counters on the pages move although nothing changes; systemd's watchdog is fed by a loop that turns. */
static void on_age_timer(void *ctx)
{
    struct hf_run *run = ctx;
    hf_run_publish(run);
    hf_serve_wake(run->serve);
    hf_run_access_look(run);
    hf_run_notify("WATCHDOG=1\n");
    hf_timer_set(run->age_timer, AGE_MS);
}

static void on_stop_timer(void *ctx)
{
    struct hf_run *run = ctx;
    if (hf_agent_idle(run->agent) || hf_mono_ms() >= run->stop_by_ms) {
        hf_loop_stop(run->loop);
        return;
    }
    hf_timer_set(run->stop_timer, 20);
}

static void begin_stop(struct hf_run *run, int signal)
{
    if (run->stop_by_ms != 0) {
        hf_loop_stop(run->loop); /* asked twice */
        return;
    }
    hf_log_write(run->log, HF_INFO, "stopping: corrections under way are finished, none is begun", "signal",
                 signal == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
    hf_run_notify("STOPPING=1\n");
    run->stop_by_ms = hf_mono_ms() + DRAIN_MS;
    hf_agent_drain(run->agent);
    hf_timer_set(run->stop_timer, 0);
}

static void on_signal(void *ctx, int signal)
{
    struct hf_run *run = ctx;
    if (signal == SIGHUP) {
        hf_run_reload(run);
    } else {
        begin_stop(run, signal);
    }
}

static int apply_overrides(struct hf_run *run, struct hf_error *err)
{
    const struct hf_run_options *options = run->options;
    if (options->log_level && !hf_level_parse(hf_slice_of(options->log_level), &run->config->log_level)) {
        return hf_error_set(err, HF_EINVAL, "--log-level: found \"%s\", expected debug, info, warn or error",
                            options->log_level);
    }
    if (options->log_format && !hf_log_form_parse(hf_slice_of(options->log_format), &run->config->log_form)) {
        return hf_error_set(err, HF_EINVAL, "--log-format: found \"%s\", expected logfmt or json", options->log_format);
    }
    run->database = hf_strdup(options->database ? options->database : run->config->database);
    run->log = hf_log_new(STDERR_FILENO, run->config->log_level, run->config->log_form);
    if (!run->database || !run->log) {
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    return 0;
}

static int make_loop(struct hf_run *run, struct hf_error *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    run->loop = hf_loop_new(err);
    if (!run->loop || hf_loop_signals(run->loop, &signals, on_signal, run, err) != 0) {
        return -1;
    }
    run->agent_timer = hf_timer_new(run->loop, on_agent_timer, run);
    run->view_timer = hf_timer_new(run->loop, on_view_timer, run);
    run->wake_timer = hf_timer_new(run->loop, on_wake_timer, run);
    run->stop_timer = hf_timer_new(run->loop, on_stop_timer, run);
    run->age_timer = hf_timer_new(run->loop, on_age_timer, run);
    if (!run->agent_timer || !run->view_timer || !run->wake_timer || !run->stop_timer || !run->age_timer) {
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    run->http = hf_http_new(run->loop, "holdfast/" HF_VERSION, err);
    return run->http ? 0 : -1;
}

static int make_agent(struct hf_run *run, struct hf_error *err)
{
    unsigned char key[32];
    if (hf_run_secret_key(run->database, key, err) != 0) {
        return -1;
    }
    struct hf_agent_effects effects;
    struct hf_agent_options options = {.secret_key = key, .secret_key_len = sizeof key};
    hf_run_effects(run, &effects);
    int result = hf_agent_new(&effects, &options, run->log, &run->agent, err);
    hf_wipe(key, sizeof key);
    if (result == 0) {
        result = hf_run_rules(run->config, &run->rules, err);
    }
    return result == 0 ? hf_agent_rules(run->agent, run->rules, err) : -1;
}

static int64_t last_turn(void *ctx)
{
    const struct hf_run *run = ctx;
    return hf_loop_last_turn_ms(run->loop);
}

static int make_server(struct hf_run *run, struct hf_error *err)
{
    struct hf_serve_options options = {.listen = run->options->listen ? run->options->listen : run->config->listen,
                                       .web_folder = run->config->web,
                                       .last_turn_ms = last_turn,
                                       .last_turn_ctx = run};
    struct hf_serve_trail trail;
    struct hf_serve_hook hook;
    if (hf_run_pages_begin(run, err) != 0) {
        return -1;
    }
    hf_run_serve_trail(run, &trail);
    if (hf_run_hooks(run, err) != 0 || hf_run_hook_listener(run, err) != 0) {
        return -1;
    }
    hf_run_hook_table(run, &hook);
    options.hook = &hook;
    struct hf_serve_actions actions;
    hf_run_act_table(run, &actions);
    options.actions = &actions;
    struct hf_serve_reviewer reviewer;
    hf_run_review_table(run, &reviewer);
    options.reviewer = &reviewer;
    struct hf_serve_rules rules;
    hf_run_serve_rules(run, &rules);
    options.rules = &rules;
    if (hf_run_serve_start(run, &options, &trail, err) != 0) {
        return -1;
    }
    hf_log_write(run->log, HF_INFO, "listening", "address", hf_serve_address(run->serve), NULL);
    return 0;
}

static int add_targets(struct hf_run *run, struct hf_error *err)
{
    for (size_t i = 0; i < run->config->target_count; i++) {
        struct hf_agent_target_options options = {.name = run->config->targets[i].name,
                                                  .correct = run->config->targets[i].correct,
                                                  .manager = run->config->targets[i].manager,
                                                  .parallel = run->config->targets[i].parallel,
                                                  .fight_times = run->config->targets[i].fight_times,
                                                  .fight_within_ms = run->config->targets[i].fight_within_ms,
                                                  .step_in_ms = run->config->targets[i].step_in_ms,
                                                  .apply_by_source = run->config->targets[i].apply_by_source,
                                                  .no_fallback = run->config->targets[i].no_fallback};
        if (hf_agent_target_add(run->agent, &options, err) != 0) {
            return -1;
        }
    }
    /* What the trail left open is taken up before the first object is judged. */
    if (hf_run_trail_resume(run, NULL, err) != 0 || hf_run_pauses_begin(run, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < run->config->target_count; i++) {
        if (hf_run_target_add(run, &run->config->targets[i], err) != 0) {
            return hf_error_wrap(err, "%s: line %u: target %s", run->config->path, run->config->targets[i].line,
                                 run->config->targets[i].name);
        }
    }
    return 0;
}

void hf_run_say_of_agent(struct hf_run *run, const char *type, const char *message)
{
    char digest[HF_SHA256_TEXT];
    hf_auto_buf struct hf_buf detail = {0};
    hf_digest_text(&run->config->digest, digest);
    hf_buf_addf(&detail, "{\"version\":\"%s\",\"config\":\"%s\",\"pid\":%ld}", HF_VERSION, digest, (long)getpid());
    hf_run_say(run, type, "info", message, hf_buf_text(&detail));
}

static void say_started(struct hf_run *run)
{
    char digest[HF_SHA256_TEXT];
    hf_auto_buf struct hf_buf text = {0};
    hf_digest_text(&run->config->digest, digest);
    hf_buf_addf(&text, "holdfast %s started with %zu targets", HF_VERSION, run->config->target_count);
    hf_run_say_of_agent(run, "agent.started", hf_buf_text(&text));
    hf_log_write(run->log, HF_INFO, "started", "version", HF_VERSION, "config", run->config->path, "digest", digest,
                 NULL);
}

static int start(struct hf_run *run, struct hf_error *err)
{
    if (hf_config_load(run->options->config, &run->config, err) != 0 || apply_overrides(run, err) != 0 ||
        make_loop(run, err) != 0 || hf_run_notice_begin(run, err) != 0 || hf_run_trail_open(run, err) != 0 ||
        hf_run_keep_begin(run, err) != 0 || make_agent(run, err) != 0) {
        return -1;
    }
    if (hf_run_alerts(run, err) != 0 || make_server(run, err) != 0 || add_targets(run, err) != 0 ||
        hf_run_asks_begin(run, err) != 0) {
        return -1;
    }
    say_started(run);
    hf_run_publish(run);
    hf_timer_set(run->age_timer, AGE_MS);
    return 0;
}

static void stop(struct hf_run *run)
{
    if (run->audit && run->started_ms) {
        hf_run_say_of_agent(run, "agent.stopped", "holdfast " HF_VERSION " stopped");
    }
    hf_serve_stop(run->serve);
    hf_run_pages_free(run);
    run->has_stopped = true;
    hf_run_hooks_stop(run);
    hf_run_asks_free(run);
    hf_alert_free(run->alert);
    run->alert = NULL;
    hf_run_notice_free(run);
    while (run->targets) {
        hf_run_target_remove(run, run->targets);
    }
    /* The trail goes last: what the agent queued is written before its file is closed. */
    hf_agent_free(run->agent);
    run->agent = NULL;
    hf_run_hub_free(run);
    hf_run_pauses_free(run);
    hf_rules_free(run->rules);
    hf_audit_close(run->audit, 1500);
    hf_run_keep_end(run, run->started_ms != 0);
    hf_http_free(run->http);
    hf_timer_free(run->agent_timer);
    hf_timer_free(run->view_timer);
    hf_timer_free(run->wake_timer);
    hf_timer_free(run->stop_timer);
    hf_timer_free(run->age_timer);
    hf_loop_free(run->loop);
    hf_run_hooks_free(run);
    hf_log_free(run->log);
    hf_config_free(run->config);
    free(run->guarded);
    free(run->database);
}

int hf_run(const struct hf_run_options *options, struct hf_error *err)
{
    struct hf_run run = {.options = options};
    int result = start(&run, err);
    if (result == 0) {
        run.started_ms = hf_now_ms();
        result = hf_loop_run(run.loop, err);
    }
    stop(&run);
    return result;
}
