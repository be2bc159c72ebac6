#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holdfast/config.h"

static const char WHOLE[] =
    "database: trail/h.db\n"
    "listen: 127.0.0.1:0\n"
    "log: {level: debug, format: json}\n"
    "rules: [ours.yaml]\n"
    "trail: {hmac_key: {file: trail.key}, checkpoint: {file: /mnt/far/checkpoints, every: 10m},\n"
    "        retain: {for: 400d, export: old}}\n"
    "targets:\n"
    "  - name: dev\n"
    "    kubeconfig: ./kc\n"
    "    context: traderx\n"
    "    correction: auto\n"
    "    source: {folder: units, space: traderx-dev}\n"
    "    limits: {parallel: 3, fight: {times: 4, within: 90s}}\n"
    "  - name: prod\n"
    "    in_cluster: true\n"
    "    source: {folder: /srv/units}\n"
    "alerts:\n"
    "  channels:\n"
    "    - name: ops\n"
    "      webhook: {url_env: HOOK, secret_file: key, timeout: 5s}\n";

static int read_text(const char *text, struct hf_config **config, struct hf_error *err)
{
    return hf_config_read("/etc/holdfast/holdfast.yaml", text, strlen(text), config, err);
}

Test(config, says_all_that_it_was_told)
{
    struct hf_config *config;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_text(WHOLE, &config, &err), 0, "%s", err.text);
    cr_assert_str_eq(config->database, "/etc/holdfast/trail/h.db");
    cr_assert_str_eq(config->listen, "127.0.0.1:0");
    cr_assert_eq(config->log_level, HF_DEBUG);
    cr_assert_eq(config->log_form, HF_LOG_JSON);
    cr_assert_str_eq(config->trail.hmac_key.file, "/etc/holdfast/trail.key");
    cr_assert_str_eq(config->trail.checkpoint_file, "/mnt/far/checkpoints");
    cr_assert_eq(config->trail.checkpoint_every_ms, 600000);
    cr_assert_not(config->trail.checkpoint_alert);
    cr_assert_eq(config->trail.retain_ms, INT64_C(400) * 86400000);
    cr_assert_str_eq(config->trail.retain_folder, "/etc/holdfast/old");
    cr_assert_eq(config->rule_count, 1u);
    cr_assert_str_eq(config->rules[0], "/etc/holdfast/ours.yaml");
    cr_assert_eq(config->target_count, 2u);
    const struct hf_config_target *dev = &config->targets[0];
    cr_assert_str_eq(dev->kubeconfig, "/etc/holdfast/./kc");
    cr_assert_str_eq(dev->context, "traderx");
    cr_assert(dev->correct);
    cr_assert_str_eq(dev->folder, "/etc/holdfast/units");
    cr_assert_str_eq(dev->space, "traderx-dev");
    cr_assert_eq(dev->parallel, 3u);
    cr_assert_eq(dev->fight_times, 4u);
    cr_assert_eq(dev->fight_within_ms, 90000);
    const struct hf_config_target *prod = &config->targets[1];
    cr_assert(prod->in_cluster);
    cr_assert_not(prod->correct, "nothing is written unless the config says so");
    cr_assert_str_eq(prod->manager, "confighub");
    cr_assert_str_eq(prod->folder, "/srv/units");
    cr_assert_eq(config->channel_count, 1u);
    cr_assert_str_eq(config->channels[0].url.environment, "HOOK");
    cr_assert_str_eq(config->channels[0].secret.file, "/etc/holdfast/key");
    cr_assert_eq(config->channels[0].timeout_ms, 5000);
    hf_config_free(config);
}

Test(config, a_target_has_another_digest_when_and_only_when_its_part_changes)
{
    struct hf_config *a;
    struct hf_config *b;
    struct hf_error err = HF_ERROR_INIT;
    char changed[sizeof WHOLE];
    memcpy(changed, WHOLE, sizeof WHOLE);
    memcpy(strstr(changed, "parallel: 3"), "parallel: 5", 11);
    cr_assert_eq(read_text(WHOLE, &a, &err), 0);
    cr_assert_eq(read_text(changed, &b, &err), 0);
    cr_assert_not(hf_digest_equal(&a->targets[0].digest, &b->targets[0].digest));
    cr_assert(hf_digest_equal(&a->targets[1].digest, &b->targets[1].digest));
    hf_config_free(a);
    hf_config_free(b);
}

struct wrong {
    char text[300];
    char place[40];
    char says[120];
};

ParameterizedTestParameters(config, what_is_wrong_is_named_with_its_place)
{
    static struct wrong cases[] = {
        {"targets:\n  - name: dev\n    correction: on\n    source: {folder: u}\n", "line 3", "correction"},
        {"targets:\n  - name: dev\n    colour: red\n    source: {folder: u}\n", "line 3", "colour"},
        {"targets:\n  - name: dev\n    source: {folder: u}\n  - name: dev\n    source: {folder: v}\n", "line 4",
         "second time"},
        {"targets:\n  - name: dev\n", "line 2", "source"},
        {"targets: []\n", "line 1", "targets"},
        {"targets:\n  - name: dev\n    in_cluster: true\n    context: a\n    source: {folder: u}\n", "line 2",
         "in_cluster"},
        {"targets:\n  - name: dev\n    source: {folder: u}\nalerts:\n  channels:\n    - name: a\n      webhook: {}\n",
         "line 7", "url_file"},
        {"targets:\n  - name: dev\n    source: {folder: u}\n    limits: {fight: {times: 3, within: soon}}\n", "line 4",
         "within"},
        {"targets:\n  - name: dev\n    source: {folder: u}\n   bad\n", "line 4", ""},
        {"targets:\n  - name: dev\n    name: dev\n    source: {folder: u}\n", "line 3", "name"},
        {"alerts: {}\n", "line 1", "targets"},
        {"targets:\n  - name: dev\n    source: {folder: u}\ntrail:\n  hmac_key: {}\n", "line 5", "file"},
        {"targets:\n  - name: dev\n    source: {folder: u}\ntrail:\n  hmac_key: secret\n", "line 5", "hmac_key"},
        {"targets:\n  - name: dev\n    source: {folder: u}\ntrail:\n  checkpoint: {every: 1h}\n", "line 5", "neither"},
        {"targets:\n  - name: dev\n    source: {folder: u}\ntrail:\n  retain: {for: 400d}\n", "line 5", "export"},
        {"targets:\n  - name: dev\n    source: {folder: u}\ntrail:\n  checkpoint: {file: f, every: 1ms}\n", "line 5",
         "every"},
    };
    return cr_make_param_array(struct wrong, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct wrong *row, config, what_is_wrong_is_named_with_its_place)
{
    struct hf_config *config;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_text(row->text, &config, &err), -1, "%s", row->text);
    cr_assert_not_null(strstr(err.text, "/etc/holdfast/holdfast.yaml"), "%s", err.text);
    cr_assert_not_null(strstr(err.text, row->place), "%s", err.text);
    cr_assert_not_null(strstr(err.text, row->says), "%s", err.text);
}

Test(config, two_documents_and_none_are_refused)
{
    struct hf_config *config;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_text("", &config, &err), -1);
    cr_assert_eq(read_text("targets: []\n---\ntargets: []\n", &config, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
}

Test(config, a_secret_comes_from_a_file_or_the_environment_and_is_in_no_error)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    char path[] = "/tmp/hf-secret-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, "https://hooks.example/T0K3N\n", 28), 28);
    close(fd);
    struct hf_secret_ref file = {.file = path};
    cr_assert_eq(hf_secret_load(&file, "webhook URL", &text, &err), 0);
    cr_assert_str_eq(hf_buf_text(&text), "https://hooks.example/T0K3N", "without the line break");
    unlink(path);
    hf_buf_clear(&text);
    cr_assert_eq(hf_secret_load(&file, "webhook URL", &text, &err), -1);
    struct hf_secret_ref environment = {.environment = "HF_TEST_SECRET"};
    setenv("HF_TEST_SECRET", "from-the-environment", 1);
    cr_assert_eq(hf_secret_load(&environment, "key", &text, &err), 0);
    cr_assert_str_eq(hf_buf_text(&text), "from-the-environment");
    unsetenv("HF_TEST_SECRET");
    hf_buf_clear(&text);
    cr_assert_eq(hf_secret_load(&environment, "key", &text, &err), -1);
    cr_assert_not_null(strstr(err.text, "HF_TEST_SECRET"));
    setenv("HF_TEST_SECRET", "", 1);
    cr_assert_eq(hf_secret_load(&environment, "key", &text, &err), -1, "an empty secret is a mistake");
}
