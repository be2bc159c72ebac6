/* `holdfast alert test`: a sample through a channel's own way, or what it would send. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd_alert.h"
#include "holdfast/alert.h"
#include "holdfast/alert_text.h"
#include "holdfast/clock.h"
#include "holdfast/config.h"
#include "holdfast/mem.h"
#include "holdfast/run.h"

/* An outbox with one message that is tried once. */
struct sample {
    struct hf_loop *loop;
    struct hf_alert *alert;
    struct hf_alert_message message;
    bool is_taken;
    bool is_settled;
    int outcome;
    char why[300];
};

static void tell(void *ctx, void *channel)
{
    struct sample *sample = ctx;
    bool is_first = !sample->is_taken;
    if (!sample->alert) {
        return; /* it is over */
    }
    sample->is_taken = true;
    hf_alert_taken(sample->alert, channel, &sample->message, is_first ? 1 : 0, HF_TIME_NONE);
}

static int take(void *ctx, const char *channel, size_t most, struct hf_error *err)
{
    struct sample *sample = ctx;
    (void)most;
    return hf_loop_post(sample->loop, tell, sample, (void *)(uintptr_t)channel) == 0
               ? 0
               : hf_error_set(err, HF_ENOMEM, "out of memory");
}

static int settle(void *ctx, const struct hf_alert_settlement *settlement, struct hf_error *err)
{
    struct sample *sample = ctx;
    (void)err;
    if (!sample->is_settled) {
        sample->is_settled = true;
        sample->outcome = settlement->outcome;
        (void)snprintf(sample->why, sizeof sample->why, "%s", settlement->why ? settlement->why : "");
        hf_loop_stop(sample->loop);
    }
    return 0;
}

static int make_event(struct hf_buf *out, const char *severity, struct hf_error *err)
{
    char at[HF_TIME_TEXT];
    char host[65] = "this host";
    (void)gethostname(host, sizeof host - 1);
    hf_time_format(hf_now_ms(), at);
    hf_buf_addf(out, "{\"at\":\"%s\",\"type\":\"alert.test\",\"severity\":", at);
    hf_buf_add_json(out, hf_slice_of(severity));
    hf_buf_adds(out, ",\"message\":");
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "A test of this channel by holdfast on %s: nothing has happened, nothing is to be done", host);
    hf_buf_add_json(out, hf_slice_of(hf_buf_text(&text)));
    hf_buf_addc(out, '}');
    return hf_buf_ok(out) && hf_buf_ok(&text) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
}

static int print_request(const struct hf_alert_channel *channel, const struct sample *sample, struct hf_error *err)
{
    hf_auto_buf struct hf_buf head = {0};
    hf_auto_buf struct hf_buf body = {0};
    if (hf_alert_preview_head(channel, &sample->message, &head, err) != 0 ||
        hf_alert_preview(channel, &sample->message, &body, err) != 0) {
        return -1;
    }
    fprintf(stderr, "%s", hf_buf_text(&head));
    printf("%s\n", hf_buf_text(&body));
    return 0;
}

static int send_it(const struct hf_alert_channel *channel, struct sample *sample, struct hf_error *err)
{
    struct hf_alert_outbox outbox = {sample, take, settle};
    struct hf_log *log = hf_log_new(STDERR_FILENO, HF_ERROR, HF_LOGFMT);
    sample->loop = hf_loop_new(err);
    struct hf_http *http = sample->loop ? hf_http_new(sample->loop, "holdfast/" HF_VERSION, err) : NULL;
    int result = http && log ? hf_alert_new(sample->loop, http, log, channel, 1, &outbox, &sample->alert, err) : -1;
    if (result == 0) {
        result = hf_loop_run(sample->loop, err);
    }
    hf_alert_free(sample->alert);
    sample->alert = NULL;
    hf_http_free(http);
    if (sample->loop) {
        hf_loop_free(sample->loop);
    }
    hf_log_free(log);
    if (result == 0 && sample->outcome != HF_ALERT_DELIVERED) {
        result = hf_error_set(err, HF_EREFUSED, "channel %s does not take it: %s", channel->name, sample->why);
    }
    return result;
}

static const struct hf_config_channel *find_channel(const struct hf_config *config, const char *name)
{
    for (size_t i = 0; i < config->channel_count; i++) {
        if (strcmp(config->channels[i].name, name) == 0) {
            return &config->channels[i];
        }
    }
    return NULL;
}

static int test_channel(const char *config_path, const char *name, const char *severity, bool is_dry,
                        struct hf_error *err)
{
    struct hf_config *config;
    struct hf_run_secrets secrets = {0};
    struct hf_alert_channel channel;
    struct sample sample = {.message = {.id = 1, .key = "holdfast-alert-test"}};
    hf_auto_buf struct hf_buf event = {0};
    if (hf_config_load(config_path, &config, err) != 0) {
        return -1;
    }
    const struct hf_config_channel *from = find_channel(config, name);
    int result = from ? 0 : hf_error_set(err, HF_ENOTFOUND, "%s has no channel \"%s\"", config_path, name);
    result = result == 0 ? make_event(&event, severity, err) : result;
    result = result == 0 ? hf_run_channel(config, from, &secrets, &channel, err) : result;
    if (result == 0) {
        /* Whatever it is told else, and when: this goes now. */
        channel.match_count = channel.except_count = channel.quiet_count = 0;
        channel.limit_messages = 0;
        channel.group_wait_ms = channel.group_wait_ms > 0 ? 1 : 0;
        sample.message.event_json = hf_buf_text(&event);
        sample.message.created_ms = hf_now_ms();
        result = is_dry ? print_request(&channel, &sample, err) : send_it(&channel, &sample, err);
    }
    if (result == 0 && !is_dry) {
        printf("channel %s has taken it\n", name);
    }
    hf_run_secrets_wipe(&secrets);
    hf_config_free(config);
    return result;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *config = NULL;
    const char *channel = NULL;
    const char *severity = "info";
    const char *dry = NULL;
    const struct hf_option table[] = {
        {"config", "FILE", "the configuration; needed", &config},
        {"channel", "NAME", "which channel; needed", &channel},
        {"severity", "NAME", "info, warning or critical; info by default", &severity},
        {"dry-run", NULL, "print what would be sent, and send nothing", &dry},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc || !config || !channel) {
        (void)hf_error_set(&err, HF_EINVAL, "expected: holdfast %s", command->usage);
        return hf_command_fail(command, &err);
    }
    if (strcmp(severity, "info") != 0 && strcmp(severity, "warning") != 0 && strcmp(severity, "critical") != 0) {
        (void)hf_error_set(&err, HF_EINVAL, "--severity: found \"%s\", expected info, warning or critical", severity);
        return hf_command_fail(command, &err);
    }
    if (test_channel(config, channel, severity, dry != NULL, &err) != 0) {
        return err.code == HF_EREFUSED ? (hf_command_fail(command, &err), HF_EXIT_FOUND)
                                       : hf_command_fail(command, &err);
    }
    return HF_EXIT_OK;
}

const struct hf_command hf_cmd_alert_test = {
    .name = "alert test",
    .summary = "Send a sample through an alert channel, or print what would be sent.",
    .usage = "alert test --config FILE --channel NAME [--severity NAME] [--dry-run]",
    .help =
        "It goes the way that alerts go, once, and is no event of the trail. --dry-run prints the body on standard "
        "output and where\nit would go, with which headers, on standard error; what is secret in them stands as ***.\n"
        "Exit: 0 the channel has taken it, 1 it has not, 2 it could not be tried.\n",
    .run = run,
};
