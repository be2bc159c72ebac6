/* SIGHUP: the config is read again; a wrong one is refused, and the old one goes on. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

static const struct hf_config_target *find(const struct hf_config *config, const char *name)
{
    for (size_t i = 0; i < config->target_count; i++) {
        if (strcmp(config->targets[i].name, name) == 0) {
            return &config->targets[i];
        }
    }
    return NULL;
}

static void refuse(struct hf_run *run, const struct hf_error *err)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_log_error(run->log, HF_ERROR, "the new config is refused, the old one goes on", err, NULL);
    hf_buf_addf(&text, "the new config is refused, the old one goes on: %s", err->text);
    hf_run_say(run, "config.refused", "warning", hf_buf_text(&text), NULL);
}

/* Everything that can fail for the user's reasons is tried before anything is changed. */
static int try_targets(const struct hf_config *config, struct hf_error *err)
{
    for (size_t i = 0; i < config->target_count; i++) {
        struct hf_access *access;
        if (hf_run_access(&config->targets[i], &access, err) != 0) {
            return hf_error_wrap(err, "%s: line %u: target %s", config->path, config->targets[i].line,
                                 config->targets[i].name);
        }
        hf_access_free(access);
    }
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whether a target's cluster and units are where they were: then the rest is set without beginning it anew. */
static bool same_places(const struct hf_config_target *a, const struct hf_config_target *b)
{
    return a && same_text(a->kubeconfig, b->kubeconfig) && same_text(a->context, b->context) &&
           a->in_cluster == b->in_cluster && !a->hub && !b->hub && same_text(a->folder, b->folder) &&
           same_text(a->space, b->space);
}

static void change_keeping(struct hf_run *run, const struct hf_config_trail *old)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_config_trail *config = &run->config->trail;
    if ((same_text(old->checkpoint_file, config->checkpoint_file) &&
         old->checkpoint_every_ms == config->checkpoint_every_ms && old->checkpoint_alert == config->checkpoint_alert &&
         old->retain_ms == config->retain_ms && same_text(old->retain_folder, config->retain_folder)) ||
        !same_text(old->hmac_key.file, config->hmac_key.file)) {
        return;
    }
    hf_run_keep_end(run, false);
    if (hf_run_keep_begin(run, &err) != 0) {
        hf_log_error(run->log, HF_ERROR, "no checkpoints of the trail are made", &err, NULL);
    }
}

static struct hf_agent_target_options options_of(const struct hf_config_target *config)
{
    return (struct hf_agent_target_options){.name = config->name,
                                            .correct = config->correct,
                                            .manager = config->manager,
                                            .parallel = config->parallel,
                                            .fight_times = config->fight_times,
                                            .fight_within_ms = config->fight_within_ms,
                                            .step_in_ms = config->step_in_ms,
                                            .apply_by_source = config->apply_by_source,
                                            .no_fallback = config->no_fallback};
}

static bool set_target(struct hf_run *run, struct run_target *target, const struct hf_config_target *wanted)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_target_options options = options_of(wanted);
    if (hf_agent_target_set(run->agent, &options, &err) != 0) {
        return false;
    }
    target->correct = wanted->correct;
    target->digest = wanted->digest;
    return true;
}

static void begin_target(struct hf_run *run, const struct hf_config_target *wanted)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_target_options options = options_of(wanted);
    if (hf_agent_target_add(run->agent, &options, &err) != 0 || hf_run_trail_resume(run, wanted->name, &err) != 0 ||
        hf_run_target_add(run, wanted, &err) != 0) {
        hf_log_error(run->log, HF_ERROR, "a target could not be started", &err, "target", wanted->name, NULL);
    }
}

static void change_targets(struct hf_run *run, const struct hf_config *old, const struct hf_config *config)
{
    for (struct run_target *target = run->targets; target;) {
        struct run_target *next = target->next;
        const struct hf_config_target *wanted = find(config, target->name);
        if (!wanted || !hf_digest_equal(&wanted->digest, &target->digest)) {
            hf_log_write(run->log, HF_INFO, wanted ? "target changed" : "target removed", "target", target->name, NULL);
            if (!wanted || !same_places(find(old, target->name), wanted) || !set_target(run, target, wanted)) {
                hf_agent_target_remove(run->agent, target->name);
                hf_run_target_remove(run, target);
            }
        }
        target = next;
    }
    for (size_t i = 0; i < config->target_count; i++) {
        const struct hf_config_target *wanted = &config->targets[i];
        if (!hf_run_target_find(run, wanted->name)) {
            begin_target(run, wanted);
        }
    }
}

void hf_run_reload(struct hf_run *run)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_config *config;
    hf_run_notify("RELOADING=1\n");
    if (hf_config_load(run->options->config, &config, &err) != 0) {
        refuse(run, &err);
        hf_run_notify("READY=1\n");
        return;
    }
    struct hf_config *old = run->config;
    run->config = config;
    struct hf_rules *rules = NULL;
    if (hf_run_access_check(config, run->options->listen, &err) != 0 || try_targets(config, &err) != 0 ||
        hf_run_rules(config, &rules, &err) != 0 || hf_run_alerts(run, &err) != 0) {
        hf_rules_free(rules);
        run->config = old;
        hf_config_free(config);
        refuse(run, &err);
        hf_run_notify("READY=1\n");
        return;
    }
    if (strcmp(old->database, config->database) != 0 || strcmp(old->listen, config->listen) != 0 ||
        !same_text(old->trail.hmac_key.file, config->trail.hmac_key.file)) {
        hf_log_write(run->log, HF_WARN, "a new database, key of the trail or listen address counts from the next start",
                     NULL);
    }
    if (!run->options->log_level) {
        hf_log_level(run->log, config->log_level);
    }
    change_targets(run, old, config);
    if (hf_run_hooks(run, &err) != 0 || hf_run_hook_listener(run, &err) != 0) {
        hf_log_error(run->log, HF_ERROR, "the audit webhooks are not as the config says", &err, NULL);
        hf_error_clear(&err);
    }
    if (old->access.is_set || config->access.is_set) {
        hf_run_access_renew(run);
    }
    change_keeping(run, &old->trail);
    struct hf_rules *replaced = run->rules;
    hf_rules_go_on(rules, replaced);
    run->rules = rules;
    hf_run_pages_rules(run);
    hf_run_told(run, hf_agent_rules(run->agent, rules, &err), &err);
    hf_rules_free(replaced);
    hf_config_free(old);
    hf_run_say_of_agent(run, "config.reloaded", "the config was read again");
    hf_log_write(run->log, HF_INFO, "config read again", "config", config->path, NULL);
    hf_run_notify("READY=1\n");
    hf_run_publish(run);
}
