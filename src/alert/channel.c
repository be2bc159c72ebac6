#include "channel.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "compose.h"
#include "holdfast/digest.h"
#include "holdfast/mem.h"

#define TIMEOUT_MS 10000
#define GIVE_UP_MS (24 * INT64_C(3600000))
#define FIRST_MS 1000
#define MOST_MS 300000
#define OUTBOX_RETRY_MS 1000
#define LOOK_MS 60000 /* the wall clock may jump: a far due time is looked at again */
#define ANSWER_MOST ((size_t)64 * 1024)

static void go_on(struct hf_channel *channel);

static void forget_secret(char *secret)
{
    if (secret) {
        hf_wipe(secret, strlen(secret));
    }
    free(secret);
}

static void free_message(struct hf_alert_message *message)
{
    free((char *)message->key);
    free((char *)message->event_json);
    memset(message, 0, sizeof *message);
}

static void drop_message(struct hf_channel *channel)
{
    free_message(&channel->message);
    channel->has_message = channel->has_outcome = false;
}

/* The outbox keeps it and gives it out again; at the worst it arrives twice. */
static void give_back(struct hf_channel *channel, const struct hf_alert_message *message, const char *why)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_alert_outbox *outbox = &channel->alert->outbox;
    if (outbox->settle(outbox->ctx, channel->name, message, HF_ALERT_AGAIN, hf_now_ms(), why, &err) != 0) {
        hf_log_error(channel->alert->log, HF_WARN, "alert not handed back: it waits until the next start", &err,
                     "channel", channel->name, NULL);
    }
}

static void give_back_all(struct hf_channel *channel)
{
    if (channel->has_outcome) {
        const struct hf_alert_outbox *outbox = &channel->alert->outbox;
        struct hf_error err = HF_ERROR_INIT;
        (void)outbox->settle(outbox->ctx, channel->name, &channel->message, channel->outcome, channel->next_ms,
                             channel->outcome == HF_ALERT_DELIVERED ? NULL : channel->why, &err);
    } else if (channel->has_message) {
        give_back(channel, &channel->message, "interrupted");
    }
    drop_message(channel);
    for (size_t i = 0; i < channel->queued; i++) {
        give_back(channel, &channel->queue[i], "interrupted");
        free_message(&channel->queue[i]);
    }
    free(channel->queue);
    channel->queue = NULL;
    channel->queued = 0;
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static void on_timer(void *ctx)
{
    go_on(ctx);
}

/* Of those services that have one address for everybody. */
static const char *usual_url(const char *type)
{
    return type && strcmp(type, "slack-bot") == 0   ? "https://slack.com/api/chat.postMessage"
           : type && strcmp(type, "pagerduty") == 0 ? "https://events.pagerduty.com/v2/enqueue"
                                                    : NULL;
}

int hf_channel_init(struct hf_channel *channel, struct hf_alert *alert, const struct hf_alert_channel *config,
                    struct hf_error *err)
{
    struct hf_error key_error = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf signature = {0};
    channel->alert = alert;
    channel->name = hf_strdup(config->name);
    channel->format = hf_alert_format_named(config->type ? config->type : "webhook");
    channel->url = hf_strdup(config->url ? config->url : usual_url(config->type));
    channel->token = hf_strdup(config->token);
    channel->conversation = hf_strdup(config->conversation);
    channel->dashboard_url = hf_strdup(config->dashboard_url);
    channel->secret = hf_strdup(config->secret);
    channel->timeout_ms = or_default(config->timeout_ms, TIMEOUT_MS);
    channel->give_up_ms = or_default(config->give_up_ms, GIVE_UP_MS);
    channel->first_ms = or_default(config->backoff_first_ms, FIRST_MS);
    channel->most_ms = or_default(config->backoff_max_ms, MOST_MS);
    channel->timer = hf_timer_new(alert->loop, on_timer, channel);
    if (!channel->name || (config->secret && !channel->secret) || (config->token && !channel->token) ||
        (config->conversation && !channel->conversation) || (config->dashboard_url && !channel->dashboard_url) ||
        !channel->timer) {
        return hf_error_set(err, HF_ENOMEM, "no memory for an alert channel");
    }
    if (!channel->format || !channel->url) {
        return hf_error_set(err, HF_EINVAL, "alert channel \"%s\": %s", channel->name,
                            channel->format ? "it needs a URL" : "there is no such type");
    }
    bool is_http = strncasecmp(channel->url, "http://", 7) == 0 || strncasecmp(channel->url, "https://", 8) == 0;
    channel->host = is_http ? hf_alert_host(channel->url) : NULL;
    if (!channel->host) {
        return hf_error_set(err, HF_EINVAL,
                            "alert channel \"%s\": its URL must begin with http:// or https:// and name a host",
                            channel->name);
    }
    if (channel->secret && hf_alert_signature(&signature, channel->secret, "", 0, "", 0, &key_error) != 0) {
        return hf_error_set(err, key_error.code, "alert channel \"%s\": %s", channel->name, key_error.text);
    }
    return 0;
}

void hf_channel_end(struct hf_channel *channel)
{
    if (channel->call) {
        hf_http_cancel(channel->call);
    }
    hf_timer_free(channel->timer);
    give_back_all(channel);
    forget_secret(channel->url);
    forget_secret(channel->secret);
    forget_secret(channel->token);
    free(channel->conversation);
    free(channel->dashboard_url);
    free(channel->host);
    free(channel->name);
}

static void tell_change(struct hf_channel *channel, bool failing)
{
    if (failing && !channel->failing) {
        hf_log_write(channel->alert->log, HF_WARN, "alert channel fails", "channel", channel->name, "host",
                     channel->host, "why", channel->why, NULL);
    } else if (!failing && channel->failing) {
        hf_log_write(channel->alert->log, HF_INFO, "alert channel works again", "channel", channel->name, NULL);
    }
    channel->failing = failing;
}

/* Hands the outcome to the outbox; what it does not take now is handed over again: until then the message counts as not
 * settled. */
static bool settle(struct hf_channel *channel)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_alert_outbox *outbox = &channel->alert->outbox;
    if (outbox->settle(outbox->ctx, channel->name, &channel->message, channel->outcome, channel->next_ms,
                       channel->outcome == HF_ALERT_DELIVERED ? NULL : channel->why, &err) != 0) {
        hf_log_error(channel->alert->log, HF_WARN, "alert's outcome not recorded", &err, "channel", channel->name,
                     NULL);
        hf_timer_set(channel->timer, OUTBOX_RETRY_MS);
        return false;
    }
    drop_message(channel);
    return true;
}

static double chance(void)
{
    struct hf_error err = HF_ERROR_INIT;
    uint32_t number = 0;
    return hf_random(&number, sizeof number, &err) == 0 ? (double)number / ((double)UINT32_MAX + 1) : 0.5;
}

static void finish_attempt(struct hf_channel *channel, int status, int64_t retry_after_ms)
{
    bool well = status >= 200 && status < 300;
    bool transient = !well && hf_attempt_is_transient(status);
    channel->failures = transient ? channel->failures + 1 : 0;
    channel->refusals = well ? 0 : channel->refusals + !transient;
    struct hf_attempt attempt = {.status = status,
                                 .retry_after_ms = retry_after_ms,
                                 .attempts = channel->message.attempts + 1,
                                 .failures = channel->failures,
                                 .refusals = channel->refusals,
                                 .now_ms = hf_now_ms(),
                                 .created_ms = channel->message.created_ms,
                                 .chance = chance()};
    struct hf_verdict_on_attempt verdict = hf_attempt_judge(channel, &attempt);
    channel->has_outcome = true;
    channel->outcome = verdict.outcome;
    channel->next_ms = verdict.outcome == HF_ALERT_AGAIN ? attempt.now_ms + verdict.delay_ms : HF_TIME_NONE;
    if (verdict.close_ms > 0) {
        channel->closed_until_ms = hf_mono_ms() + verdict.close_ms;
    }
    channel->delivered += verdict.outcome == HF_ALERT_DELIVERED;
    channel->failed += !well;
    channel->given_up += verdict.outcome == HF_ALERT_GIVEN_UP;
    tell_change(channel, !well);
    if (verdict.outcome == HF_ALERT_GIVEN_UP) {
        hf_log_write(channel->alert->log, HF_ERROR, "alert given up", "channel", channel->name, "key",
                     channel->message.key, "why", channel->why, NULL);
    }
}

static bool is_type(const struct hf_channel *channel, const char *type)
{
    return strcmp(channel->format->type, type) == 0;
}

/* Slack's API answers 200 to everything; what came of it stands in the body: {"ok":false,"error":"…"}. */
static int slack_status(struct hf_channel *channel, const struct hf_http_response *response)
{
    cJSON *answer = cJSON_ParseWithLength(response->body, response->body_len);
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    bool is_well = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok"));
    /* https://api.slack.com/methods/chat.postMessage#errors: these pass by themselves. */
    bool passes = error && (strcmp(error, "ratelimited") == 0 || strcmp(error, "internal_error") == 0 ||
                            strcmp(error, "fatal_error") == 0 || strcmp(error, "service_unavailable") == 0);
    hf_auto_buf struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(error ? error : "no word of it"), 80);
    (void)snprintf(channel->why, sizeof channel->why, "Slack: %s", hf_buf_text(&safe));
    cJSON_Delete(answer);
    return is_well ? 200 : passes || !error ? 503 : 400;
}

static void on_done(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct hf_channel *channel = ctx;
    /* What it said is known also where it went on to say more than is read. */
    int status = err->code == HF_OK || err->code == HF_ELIMIT ? response->status : 0;
    channel->call = NULL;
    if (status == 200 && is_type(channel, "slack-bot")) {
        status = slack_status(channel, response);
    } else if (status == 0) {
        hf_alert_reason(channel->why, sizeof channel->why, channel->url, err);
    } else if (status >= 300 && status < 400) {
        (void)snprintf(channel->why, sizeof channel->why, "status %d: redirects are not followed", status);
    } else {
        (void)snprintf(channel->why, sizeof channel->why, "status %d", status);
    }
    finish_attempt(channel, status, status ? response->retry_after_ms : -1);
    go_on(channel);
}

static int make_body(struct hf_channel *channel, struct hf_buf *body, struct hf_error *err)
{
    struct hf_alert_text text;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_alert_form form = {.channel = channel->name,
                                 .address = is_type(channel, "pagerduty") ? channel->token : channel->conversation,
                                 .event_json = channel->message.event_json};
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    if (hf_compose(arena, &channel->message, channel->dashboard_url, &text, err) != 0) {
        return -1;
    }
    return channel->format->body(body, &text, &form, err);
}

static int post(struct hf_channel *channel, struct hf_error *err)
{
    hf_auto_buf struct hf_buf body = {0};
    hf_auto_buf struct hf_buf signature = {0};
    char timestamp[24];
    int64_t now_s = hf_now_ms() / 1000;
    bool is_generic = is_type(channel, "webhook");
    const struct hf_alert_message *message = &channel->message;
    if (make_body(channel, &body, err) != 0 ||
        (is_generic && channel->secret &&
         hf_alert_signature(&signature, channel->secret, message->key, now_s, body.ptr, body.len, err) != 0)) {
        return -1;
    }
    (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, now_s);
    struct hf_http_header headers[] = {{"Content-Type", is_generic ? "application/cloudevents+json; charset=utf-8"
                                                                   : "application/json; charset=utf-8"},
                                       {"webhook-id", message->key},
                                       {"webhook-timestamp", timestamp},
                                       {"webhook-signature", hf_buf_text(&signature)}};
    struct hf_http_request request = {.method = "POST",
                                      .url = channel->url,
                                      .headers = headers,
                                      .header_count = !is_generic       ? 1
                                                      : channel->secret ? 4
                                                                        : 3,
                                      .bearer = is_type(channel, "pagerduty") ? NULL : channel->token,
                                      .body = body.ptr,
                                      .body_len = body.len,
                                      .connect_timeout_ms = channel->timeout_ms,
                                      .timeout_ms = channel->timeout_ms,
                                      .max_body = ANSWER_MOST};
    return hf_http_start(channel->alert->http, &request, NULL, on_done, channel, &channel->call, err);
}

static void send_message(struct hf_channel *channel)
{
    struct hf_error err = HF_ERROR_INIT;
    if (post(channel, &err) == 0) {
        return;
    }
    /* It never left: a body that can't be made stays as it is, memory comes back. */
    hf_alert_reason(channel->why, sizeof channel->why, channel->url, &err);
    channel->call = NULL;
    finish_attempt(channel, err.code == HF_ENOMEM ? 0 : 400, -1);
    hf_timer_set(channel->timer, 0);
}

static void ask_outbox(struct hf_channel *channel)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_alert_outbox *outbox = &channel->alert->outbox;
    channel->asked = true;
    channel->woken = false;
    /* One at a time: the next one in order may depend on how this one ends. */
    if (outbox->take(outbox->ctx, channel->name, 1, &err) != 0) {
        channel->asked = false;
        hf_log_error(channel->alert->log, HF_DEBUG, "outbox can't be read now", &err, "channel", channel->name, NULL);
        hf_timer_set(channel->timer, OUTBOX_RETRY_MS);
    }
}

static void next_message(struct hf_channel *channel)
{
    channel->message = channel->queue[0];
    channel->has_message = true;
    channel->queued--;
    memmove(channel->queue, channel->queue + 1, channel->queued * sizeof channel->queue[0]);
}

/* Does the next thing that can be done, if any. */
static void go_on(struct hf_channel *channel)
{
    if (channel->call) {
        return;
    }
    if (channel->has_outcome && !settle(channel)) {
        return;
    }
    int64_t closed = channel->closed_until_ms - hf_mono_ms();
    if (closed > 0) {
        hf_timer_set(channel->timer, closed);
    } else if (channel->queued > 0) {
        next_message(channel);
        send_message(channel);
    } else if (!channel->asked) {
        ask_outbox(channel);
    }
}

void hf_channel_wake(struct hf_channel *channel)
{
    channel->woken = true;
    if (!channel->call && !channel->asked) {
        hf_timer_set(channel->timer, 0);
    }
}

static bool keep_message(struct hf_channel *channel, const struct hf_alert_message *message)
{
    struct hf_alert_message kept = *message;
    struct hf_alert_message *queue = hf_reallocarray(channel->queue, channel->queued + 1, sizeof *queue);
    if (!queue) {
        return false;
    }
    channel->queue = queue;
    kept.key = hf_strdup(message->key);
    kept.event_json = hf_strdup(message->event_json);
    if (!kept.key || !kept.event_json) {
        free_message(&kept);
        return false;
    }
    queue[channel->queued++] = kept;
    return true;
}

void hf_channel_taken(struct hf_channel *channel, const struct hf_alert_message *messages, size_t count,
                      int64_t next_due_ms)
{
    channel->asked = false;
    for (size_t i = 0; i < count; i++) {
        if (!keep_message(channel, &messages[i])) {
            give_back(channel, &messages[i], "no memory");
        }
    }
    if (count > 0 || channel->woken) {
        hf_timer_set(channel->timer, 0);
    } else if (next_due_ms != HF_TIME_NONE) {
        int64_t delay = next_due_ms - hf_now_ms();
        hf_timer_set(channel->timer, delay < 1 ? 1 : delay > LOOK_MS ? LOOK_MS : delay);
    }
}
