/* The alert station, made from the config at start and after a reload. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

static void wipe(struct hf_buf *buf)
{
    if (buf->ptr) {
        hf_wipe(buf->ptr, buf->cap);
    }
    hf_buf_free(buf);
}

static const char *text_or_null(const struct hf_buf *buf)
{
    return buf->len > 0 ? hf_buf_text(buf) : NULL;
}

int hf_run_channel(const struct hf_config *config, const struct hf_config_channel *from, struct hf_run_secrets *secrets,
                   struct hf_alert_channel *out, struct hf_error *err)
{
    if (hf_secret_load(&from->url, "webhook URL", &secrets->url, err) != 0 ||
        hf_secret_load(&from->secret, "webhook secret", &secrets->key, err) != 0 ||
        hf_secret_load(&from->token, "token", &secrets->token, err) != 0) {
        return hf_error_wrap(err, "channel %s", from->name);
    }
    *out = (struct hf_alert_channel){.name = from->name,
                                     .type = from->type,
                                     .url = text_or_null(&secrets->url),
                                     .secret = text_or_null(&secrets->key),
                                     .token = text_or_null(&secrets->token),
                                     .conversation = from->conversation,
                                     .dashboard_url = config->dashboard_url,
                                     .timeout_ms = from->timeout_ms,
                                     .give_up_ms = from->give_up_ms,
                                     .backoff_max_ms = from->retry_within_ms};
    return hf_run_channel_settings(config, from, out, err);
}

void hf_run_secrets_wipe(struct hf_run_secrets *secrets)
{
    wipe(&secrets->url);
    wipe(&secrets->key);
    wipe(&secrets->token);
}

static int tell_channels(struct hf_run *run, struct hf_error *err)
{
    const char **names = hf_calloc(run->config->channel_count, sizeof *names);
    if (!names) {
        return hf_error_set(err, HF_ENOMEM, "set up alerts: out of memory");
    }
    for (size_t i = 0; i < run->config->channel_count; i++) {
        names[i] = run->config->channels[i].name;
    }
    int result = hf_audit_channels(run->audit, names, run->config->channel_count, err);
    free(names);
    return result;
}

struct recall {
    struct hf_alert *alert;
    struct hf_error *err;
    int result;
};

static bool recall_one(void *ctx, const struct hf_audit_told *told, const char *event_json)
{
    struct recall *recall = ctx;
    struct hf_alert_told what = {.incident = told->incident,
                                 .group = told->group,
                                 .thread = told->thread,
                                 .at_ms = told->told_ms,
                                 .event_id = told->event_id,
                                 .event_json = event_json};
    recall->result = hf_alert_recall(recall->alert, told->channel, &what, recall->err);
    return recall->result == 0;
}

/* At start: what was told before it. That the trail can't be read is told elsewhere, and no reason to tell nothing. */
static int recall(struct hf_run *run, struct hf_alert *alert, struct hf_error *err)
{
    struct hf_error unread = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    struct recall recall = {alert, err, 0};
    if (hf_audit_reader_open(run->database, &reader, &unread) != 0 ||
        hf_audit_told(reader, recall_one, &recall, &unread) != 0) {
        hf_log_error(run->log, HF_WARN, "what the channels were told before is not known", &unread, NULL);
    }
    hf_audit_reader_close(reader);
    return recall.result;
}

int hf_run_alerts(struct hf_run *run, struct hf_error *err)
{
    const struct hf_config *config = run->config;
    struct hf_alert_channel *channels = hf_calloc(config->channel_count, sizeof *channels);
    struct hf_run_secrets *secrets = hf_calloc(config->channel_count, sizeof *secrets);
    struct hf_alert *made = NULL;
    struct hf_alert_outbox outbox;
    int result = channels && secrets ? 0 : hf_error_set(err, HF_ENOMEM, "set up alerts: out of memory");
    hf_run_outbox(run, &outbox);
    for (size_t i = 0; result == 0 && i < config->channel_count; i++) {
        result = hf_run_channel(config, &config->channels[i], &secrets[i], &channels[i], err);
    }
    if (result == 0) {
        result = hf_alert_new(run->loop, run->http, run->log, channels, config->channel_count, &outbox, &made, err);
    }
    for (size_t i = 0; secrets && i < config->channel_count; i++) {
        hf_run_secrets_wipe(&secrets[i]);
    }
    free(secrets);
    free(channels);
    if (result == 0) {
        result = run->alert ? hf_alert_inherit(made, run->alert, err) : recall(run, made, err);
    }
    if (result == 0) {
        result = tell_channels(run, err);
    }
    if (result != 0) {
        hf_alert_free(made);
        return -1;
    }
    hf_alert_free(run->alert);
    run->alert = made;
    hf_run_snooze(run);
    hf_alert_wake(made);
    return 0;
}
