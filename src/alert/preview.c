/* What a channel would be sent, and where, without anything that is secret. */
#include <inttypes.h>
#include <string.h>

#include "channel.h"
#include "compose.h"
#include "holdfast/mem.h"

static const struct hf_alert_format *format_of(const struct hf_alert_channel *channel)
{
    return hf_alert_format_named(channel->type ? channel->type : "webhook");
}

char *hf_alert_channel_host(const struct hf_alert_channel *channel)
{
    const char *url = channel->url ? channel->url : hf_alert_usual_url(channel->type);
    return url ? hf_alert_host(url) : NULL;
}

int hf_alert_preview(const struct hf_alert_channel *channel, const struct hf_alert_message *message,
                     struct hf_buf *body, struct hf_error *err)
{
    struct hf_alert_text text;
    const struct hf_alert_format *format = format_of(channel);
    bool is_pager = format && strcmp(format->type, "pagerduty") == 0;
    bool is_batch = format && strcmp(format->type, "webhook") == 0 && channel->group_wait_ms > 0;
    struct hf_alert_form form = {.channel = channel->name,
                                 .address = is_pager ? "***" : channel->conversation,
                                 .event_json = message->event_json};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena || !format) {
        return arena ? hf_error_set(err, HF_EINVAL, "there is no such type of channel")
                     : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    hf_buf_adds(body, is_batch ? "[" : "");
    if (hf_compose(arena, message, channel->dashboard_url, &text, err) != 0 ||
        format->body(body, &text, &form, err) != 0) {
        return -1;
    }
    hf_buf_adds(body, is_batch ? "]" : "");
    return hf_buf_ok(body) ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

int hf_alert_preview_head(const struct hf_alert_channel *channel, const struct hf_alert_message *message,
                          struct hf_buf *head, struct hf_error *err)
{
    const struct hf_alert_format *format = format_of(channel);
    hf_auto_free char *host = hf_alert_channel_host(channel);
    if (!format || !host) {
        return hf_error_set(err, HF_EINVAL, "alert channel \"%s\": %s", channel->name,
                            format ? "its URL names no host" : "there is no such type");
    }
    bool is_generic = strcmp(format->type, "webhook") == 0;
    bool has_bearer = channel->token && strcmp(format->type, "pagerduty") != 0;
    if (channel->url) {
        hf_buf_addf(head, "POST %.*s://%s/***\n", (int)strcspn(channel->url, ":"), channel->url, host);
    } else {
        hf_buf_addf(head, "POST %s\n", hf_alert_usual_url(channel->type));
    }
    hf_buf_addf(head, "Content-Type: %s\n", hf_alert_content_type(format, channel->group_wait_ms > 0));
    hf_buf_adds(head, has_bearer ? "Authorization: Bearer ***\n" : "");
    if (is_generic) {
        hf_buf_addf(head, "webhook-id: %s\nwebhook-timestamp: %" PRId64 "\n", message->key, message->created_ms / 1000);
        hf_buf_adds(head, channel->secret ? "webhook-signature: v1,***\n" : "");
    }
    return hf_buf_ok(head) ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}
