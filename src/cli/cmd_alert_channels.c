/* `holdfast alert channels`: how each channel is set, with nothing of it that is secret. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd_alert.h"
#include "holdfast/alert.h"
#include "holdfast/clock.h"
#include "holdfast/config.h"
#include "holdfast/json.h"
#include "holdfast/mem.h"
#include "holdfast/run.h"
#include "holdfast/value.h"

#define TIMEOUT_MS 10000
#define GIVE_UP_MS (24 * INT64_C(3600000))
#define RETRY_MS 300000

/* One channel as it is told of here. */
struct listed {
    const struct hf_config_channel *from;
    struct hf_alert_channel channel;
    char *host;                  /* NULL: not known */
    char problem[HF_ERROR_TEXT]; /* "": none */
    bool is_signed;
    bool has_token;
};

static void read_one(const struct hf_config *config, const struct hf_config_channel *from, struct listed *out)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_run_secrets secrets = {0};
    *out = (struct listed){.from = from};
    if (hf_run_channel(config, from, &secrets, &out->channel, &err) == 0) {
        out->host = hf_alert_channel_host(&out->channel);
        out->is_signed = out->channel.secret != NULL;
        out->has_token = out->channel.token != NULL;
        if (!out->host) {
            (void)snprintf(out->problem, sizeof out->problem, "its URL names no host");
        }
    } else {
        (void)snprintf(out->problem, sizeof out->problem, "%s", err.text);
        (void)hf_run_channel_settings(config, from, &out->channel, &err);
    }
    /* What the secrets were is forgotten here, and so is what pointed at them. */
    out->channel.url = out->channel.secret = out->channel.token = NULL;
    hf_run_secrets_wipe(&secrets);
}

static void add_text(struct hf_buf *out, const char *name, const char *text)
{
    hf_buf_addf(out, ",\"%s\":", name);
    if (text) {
        hf_buf_add_json(out, hf_slice_of(text));
    } else {
        hf_buf_adds(out, "null");
    }
}

static void add_ms(struct hf_buf *out, const char *name, int64_t ms)
{
    hf_buf_addf(out, ",\"%s_ms\":%" PRId64, name, ms);
}

/* As it stands in the file. */
static void add_setting(struct hf_buf *out, const struct listed *listed, const char *name)
{
    const struct hf_value *value = hf_value_get(listed->from->settings, name);
    hf_buf_addf(out, ",\"%s\":", name);
    if (value) {
        hf_json_write(out, value);
    } else {
        hf_buf_adds(out, "null");
    }
}

static const char *const BY[] = {"target", "space", "unit", "namespace", "kind", "incident"};

static void add_by(struct hf_buf *out, unsigned by, const char *quote)
{
    const char *between = "";
    for (size_t i = 0; i < sizeof BY / sizeof BY[0]; i++) {
        if (by & 1u << i) {
            hf_buf_addf(out, "%s%s%s%s", between, quote, BY[i], quote);
            between = ",";
        }
    }
}

static void add_json(struct hf_buf *out, const struct listed *listed)
{
    const struct hf_alert_channel *channel = &listed->channel;
    hf_buf_adds(out, "{\"name\":");
    hf_buf_add_json(out, hf_slice_of(listed->from->name));
    add_text(out, "type", listed->from->type);
    add_text(out, "host", listed->host);
    add_text(out, "conversation", listed->from->conversation);
    hf_buf_addf(out, ",\"signed\":%s,\"token\":%s", listed->is_signed ? "true" : "false",
                listed->has_token ? "true" : "false");
    add_ms(out, "timeout", listed->from->timeout_ms ? listed->from->timeout_ms : TIMEOUT_MS);
    add_ms(out, "retry_within", listed->from->retry_within_ms ? listed->from->retry_within_ms : RETRY_MS);
    add_ms(out, "give_up", listed->from->give_up_ms ? listed->from->give_up_ms : GIVE_UP_MS);
    hf_buf_adds(out, ",\"group\":{\"by\":[");
    add_by(out, channel->group_by, "\"");
    hf_buf_addc(out, ']');
    add_ms(out, "wait", channel->group_wait_ms);
    add_ms(out, "interval", channel->group_interval_ms);
    add_ms(out, "repeat", channel->repeat_ms);
    hf_buf_addf(out, "},\"limit\":{\"messages\":%u", channel->limit_messages);
    add_ms(out, "within", channel->limit_within_ms);
    hf_buf_addf(out, "},\"resolved\":%s", channel->without_resolved ? "false" : "true");
    add_setting(out, listed, "quiet");
    add_setting(out, listed, "match");
    add_setting(out, listed, "except");
    add_text(out, "problem", listed->problem[0] ? listed->problem : NULL);
    hf_buf_addc(out, '}');
}

static void add_duration(struct hf_buf *out, const char *name, int64_t ms)
{
    char text[HF_TIME_TEXT];
    hf_duration_format(ms, text);
    hf_buf_addf(out, "%s%s", name, text);
}

static void add_pace(struct hf_buf *out, const struct listed *listed)
{
    const struct hf_alert_channel *channel = &listed->channel;
    hf_buf_adds(out, "  messages: ");
    if (channel->group_wait_ms > 0) {
        hf_buf_adds(out, "one a trouble, by ");
        add_by(out, channel->group_by, "");
        add_duration(out, ", after ", channel->group_wait_ms);
        add_duration(out, ", the next after ", channel->group_interval_ms);
    } else {
        hf_buf_adds(out, "one an event, at once");
    }
    if (channel->repeat_ms > 0) {
        add_duration(out, ", again every ", channel->repeat_ms);
    }
    if (channel->limit_messages > 0) {
        hf_buf_addf(out, ", at most %u", channel->limit_messages);
        add_duration(out, " in ", channel->limit_within_ms);
    }
    hf_buf_adds(out, channel->without_resolved ? ", no ends\n" : "\n");
    add_duration(out, "  delivery: answers within ", listed->from->timeout_ms ? listed->from->timeout_ms : TIMEOUT_MS);
    add_duration(out, ", tried again within ",
                 listed->from->retry_within_ms ? listed->from->retry_within_ms : RETRY_MS);
    add_duration(out, ", given up after ", listed->from->give_up_ms ? listed->from->give_up_ms : GIVE_UP_MS);
    hf_buf_addc(out, '\n');
}

static void add_rule(struct hf_buf *out, const struct listed *listed, const char *name, const char *without)
{
    hf_auto_buf struct hf_buf json = {0};
    const struct hf_value *list = hf_value_get(listed->from->settings, name);
    if (!list) {
        hf_buf_adds(out, without);
        return;
    }
    hf_json_write(&json, list);
    hf_buf_addf(out, "  %s: ", name);
    hf_buf_add_safe(out, hf_slice_of(hf_buf_text(&json)), 2000);
    hf_buf_addc(out, '\n');
    out->failed |= json.failed;
}

static void add_plain(struct hf_buf *out, const struct listed *listed)
{
    hf_buf_add_safe(out, hf_slice_of(listed->from->name), 200);
    hf_buf_addf(out, ": %s at %s%s%s", listed->from->type, listed->host ? listed->host : "?",
                listed->is_signed ? ", signed" : "", listed->has_token ? ", with a token" : "");
    if (listed->from->conversation) {
        hf_buf_adds(out, ", conversation ");
        hf_buf_add_safe(out, hf_slice_of(listed->from->conversation), 200);
    }
    hf_buf_addc(out, '\n');
    if (listed->problem[0]) {
        hf_buf_adds(out, "  problem: ");
        hf_buf_add_safe(out, hf_slice_of(listed->problem), sizeof listed->problem);
        hf_buf_addc(out, '\n');
    }
    add_rule(out, listed, "match", "  match: everything\n");
    add_rule(out, listed, "except", "");
    add_rule(out, listed, "quiet", "");
    add_pace(out, listed);
}

/* 1: a channel has a problem. */
static int list(const char *path, bool is_json, struct hf_error *err)
{
    struct hf_config *config;
    bool has_problem = false;
    hf_auto_buf struct hf_buf out = {0};
    if (hf_config_load(path, &config, err) != 0) {
        return -1;
    }
    hf_buf_adds(&out, is_json ? "[" : "");
    for (size_t i = 0; i < config->channel_count; i++) {
        struct listed listed;
        read_one(config, &config->channels[i], &listed);
        has_problem |= listed.problem[0] != '\0';
        hf_buf_adds(&out, is_json && i > 0 ? "," : "");
        (is_json ? add_json : add_plain)(&out, &listed);
        free(listed.host);
    }
    hf_buf_adds(&out, is_json ? "]\n" : config->channel_count == 0 ? "there are no alert channels\n" : "");
    hf_config_free(config);
    if (!hf_buf_ok(&out) || fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
        return hf_error_set(err, HF_EIO, "the output can't be written");
    }
    return has_problem;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *config = NULL;
    const char *output = "text";
    const struct hf_option table[] = {
        {"config", "FILE", "the configuration; needed", &config},
        {"output", "FORM", "text or json; text by default", &output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    if (first < argc || !config || (strcmp(output, "text") != 0 && strcmp(output, "json") != 0)) {
        (void)hf_error_set(&err, HF_EINVAL, "expected: holdfast %s", command->usage);
        return hf_command_fail(command, &err);
    }
    int result = list(config, strcmp(output, "json") == 0, &err);
    return result < 0 ? hf_command_fail(command, &err) : result > 0 ? HF_EXIT_FOUND : HF_EXIT_OK;
}

const struct hf_command hf_cmd_alert_channels = {
    .name = "alert channels",
    .summary = "List the channels: type, host, what each is told, and how often.",
    .usage = "alert channels --config FILE [--output text|json]",
    .help = "Of an address only the host is shown; tokens and keys are not.\n"
            "Exit: 0 all are well set, 1 a channel has a problem (its secret can't be read), 2 it could not be done.\n",
    .run = run,
};
