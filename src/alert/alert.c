#include "holdfast/alert.h"

#include <string.h>

#include "channel.h"
#include "compose.h"
#include "holdfast/mem.h"

int hf_alert_new(struct hf_loop *loop, struct hf_http *http, struct hf_log *log,
                 const struct hf_alert_channel *channels, size_t count, const struct hf_alert_outbox *outbox,
                 struct hf_alert **out, struct hf_error *err)
{
    struct hf_alert *alert = hf_calloc(1, sizeof *alert);
    *out = NULL;
    if (!alert) {
        return hf_error_set(err, HF_ENOMEM, "no memory for alerts");
    }
    alert->loop = loop;
    alert->http = http;
    alert->log = log;
    alert->outbox = *outbox;
    alert->channels = hf_calloc(count ? count : 1, sizeof *alert->channels);
    if (!alert->channels) {
        hf_alert_free(alert);
        return hf_error_set(err, HF_ENOMEM, "no memory for alerts");
    }
    for (size_t i = 0; i < count; i++) {
        alert->count++;
        if (hf_channel_init(&alert->channels[i], alert, &channels[i], err) != 0) {
            hf_alert_free(alert);
            return -1;
        }
    }
    *out = alert;
    hf_alert_wake(alert);
    return 0;
}

void hf_alert_free(struct hf_alert *alert)
{
    if (!alert) {
        return;
    }
    for (size_t i = 0; i < alert->count; i++) {
        hf_channel_end(&alert->channels[i]);
    }
    free(alert->channels);
    free(alert);
}

void hf_alert_wake(struct hf_alert *alert)
{
    for (size_t i = 0; i < alert->count; i++) {
        hf_channel_wake(&alert->channels[i]);
    }
}

void hf_alert_taken(struct hf_alert *alert, const char *channel, const struct hf_alert_message *messages, size_t count,
                    int64_t next_due_ms)
{
    for (size_t i = 0; i < alert->count; i++) {
        if (strcmp(alert->channels[i].name, channel) == 0) {
            hf_channel_taken(&alert->channels[i], messages, count, next_due_ms);
            return;
        }
    }
}

int hf_alert_preview(const struct hf_alert_channel *channel, const struct hf_alert_message *message,
                     struct hf_buf *body, struct hf_error *err)
{
    struct hf_alert_text text;
    const struct hf_alert_format *format = hf_alert_format_named(channel->type ? channel->type : "webhook");
    bool is_pager = format && strcmp(format->type, "pagerduty") == 0;
    struct hf_alert_form form = {.channel = channel->name,
                                 .address = is_pager ? "***" : channel->conversation,
                                 .event_json = message->event_json};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena || !format) {
        return arena ? hf_error_set(err, HF_EINVAL, "there is no such type of channel")
                     : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    return hf_compose(arena, message, channel->dashboard_url, &text, err) != 0 ? -1
                                                                               : format->body(body, &text, &form, err);
}

size_t hf_alert_stats(const struct hf_alert *alert, struct hf_alert_stats *out, size_t most)
{
    for (size_t i = 0; i < alert->count && i < most; i++) {
        const struct hf_channel *channel = &alert->channels[i];
        out[i] = (struct hf_alert_stats){channel->name, channel->delivered, channel->failed, channel->given_up,
                                         channel->failing};
    }
    return alert->count;
}
