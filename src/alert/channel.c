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
#define MOST_ROWS 500     /* that one message speaks for */
#define MOST_IN_HAND 5000 /* the others wait in the outbox */
#define MOST_GROUPS 200   /* in one digest */

static void go_on(struct hf_channel *channel);

static void forget_secret(char *secret)
{
    if (secret) {
        hf_wipe(secret, strlen(secret));
    }
    free(secret);
}

static int hand_over(struct hf_channel *channel, const struct hf_alert_settlement *settlement, struct hf_error *err)
{
    const struct hf_alert_outbox *outbox = &channel->alert->outbox;
    return outbox->settle(outbox->ctx, settlement, err);
}

/* The outbox keeps it and gives it out again; at the worst it arrives twice. */
static void give_back(struct hf_channel *channel, const struct hf_alert_message *message, int64_t next_ms,
                      const char *why)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_alert_settlement settlement = {.channel = channel->name,
                                             .messages = &message,
                                             .count = 1,
                                             .outcome = HF_ALERT_LATER,
                                             .next_ms = next_ms,
                                             .why = why};
    if (hand_over(channel, &settlement, &err) != 0) {
        hf_log_error(channel->alert->log, HF_WARN, "alert not handed back: it waits until the next start", &err,
                     "channel", channel->name, NULL);
    }
}

static void give_back_rows(struct hf_channel *channel, struct hf_row *rows, int64_t next_ms, const char *why)
{
    while (rows) {
        struct hf_row *row = rows;
        rows = row->next;
        give_back(channel, &row->message, next_ms, why);
        hf_row_free(row);
    }
}

/* Whether the channel now knows what the message says, or need not: what is over and given up is over all the same. */
static bool is_told(const struct hf_channel *channel)
{
    bool over = true;
    for (size_t i = 0; i < channel->batch->told_count; i++) {
        over &= channel->batch->told[i].over;
    }
    return channel->has_outcome &&
           (channel->outcome == HF_ALERT_DELIVERED ||
            (over && (channel->outcome == HF_ALERT_PASSED || channel->outcome == HF_ALERT_GIVEN_UP)));
}

static void describe_outcome(const struct hf_channel *channel, struct hf_alert_settlement *out)
{
    const struct hf_batch *batch = channel->batch;
    bool tells = is_told(channel);
    *out = (struct hf_alert_settlement){.channel = channel->name,
                                        .key = batch->key,
                                        .messages = batch->messages,
                                        .count = batch->row_count,
                                        .outcome = channel->outcome,
                                        .next_ms = channel->next_ms,
                                        .why = channel->outcome == HF_ALERT_DELIVERED ? NULL : channel->why,
                                        .told = tells ? batch->told : NULL,
                                        .told_count = tells ? batch->told_count : 0};
}

static void give_back_all(struct hf_channel *channel)
{
    int64_t now = hf_now_ms();
    if (channel->batch && channel->has_outcome) {
        struct hf_alert_settlement settlement;
        struct hf_error err = HF_ERROR_INIT;
        describe_outcome(channel, &settlement);
        (void)hand_over(channel, &settlement, &err);
    } else if (channel->batch) {
        for (size_t i = 0; i < channel->batch->row_count; i++) {
            give_back(channel, channel->batch->messages[i], now, "interrupted");
        }
    }
    if (channel->batch) {
        hf_batch_end(&channel->groups, channel->batch, is_told(channel), NULL);
        channel->batch = NULL;
    }
    channel->has_outcome = false;
    for (struct hf_group *group = channel->groups.first; group; group = group->next) {
        for (struct hf_row *row = group->first; row; row = row->next) {
            give_back(channel, &row->message, now, "interrupted");
        }
    }
    hf_groups_free(&channel->groups);
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static void on_timer(void *ctx)
{
    go_on(ctx);
}

int hf_channel_init(struct hf_channel *channel, struct hf_alert *alert, const struct hf_alert_channel *config,
                    struct hf_error *err)
{
    struct hf_error key_error = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf signature = {0};
    channel->alert = alert;
    channel->name = hf_strdup(config->name);
    channel->format = hf_alert_format_named(config->type ? config->type : "webhook");
    channel->url = hf_strdup(config->url ? config->url : hf_alert_usual_url(config->type));
    channel->token = hf_strdup(config->token);
    channel->conversation = hf_strdup(config->conversation);
    channel->dashboard_url = hf_strdup(config->dashboard_url);
    channel->secret = hf_strdup(config->secret);
    channel->timeout_ms = or_default(config->timeout_ms, TIMEOUT_MS);
    channel->give_up_ms = or_default(config->give_up_ms, GIVE_UP_MS);
    channel->first_ms = or_default(config->backoff_first_ms, FIRST_MS);
    channel->most_ms = or_default(config->backoff_max_ms, MOST_MS);
    channel->may_be_more = true;
    channel->begun_ms = hf_now_ms();
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
    return hf_policy_copy(&channel->policy, config, channel->format, err);
}

void hf_channel_end(struct hf_channel *channel)
{
    if (channel->call) {
        hf_http_cancel(channel->call);
    }
    hf_timer_free(channel->timer);
    give_back_all(channel);
    hf_policy_free(&channel->policy);
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
    struct hf_alert_settlement settlement;
    describe_outcome(channel, &settlement);
    if (channel->thread[0]) {
        for (size_t i = 0; i < channel->batch->told_count; i++) {
            channel->batch->told[i].thread = channel->thread;
        }
    }
    if (hand_over(channel, &settlement, &err) != 0) {
        hf_log_error(channel->alert->log, HF_WARN, "alert's outcome not recorded", &err, "channel", channel->name,
                     NULL);
        hf_timer_set(channel->timer, OUTBOX_RETRY_MS);
        return false;
    }
    bool again = channel->outcome == HF_ALERT_AGAIN;
    if (again) {
        /* What came meanwhile of the same incidents stays behind it. */
        give_back_rows(channel, hf_batch_rest(&channel->groups, channel->batch), channel->next_ms, channel->why);
    }
    channel->passed += channel->outcome == HF_ALERT_PASSED ? channel->batch->row_count : 0;
    hf_batch_end(&channel->groups, channel->batch, is_told(channel), channel->thread[0] ? channel->thread : NULL);
    channel->batch = NULL;
    channel->thread[0] = '\0';
    channel->has_outcome = false;
    channel->may_be_more = true;
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
                                 .attempts = channel->batch->attempts + 1,
                                 .failures = channel->failures,
                                 .refusals = channel->refusals,
                                 .now_ms = hf_now_ms(),
                                 .created_ms = channel->batch->created_ms,
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
                     channel->batch->key, "why", channel->why, NULL);
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
    const char *ts = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "ts"));
    bool is_well = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok"));
    /* https://api.slack.com/methods/chat.postMessage#errors: these pass by themselves. */
    bool passes = error && (strcmp(error, "ratelimited") == 0 || strcmp(error, "internal_error") == 0 ||
                            strcmp(error, "fatal_error") == 0 || strcmp(error, "service_unavailable") == 0);
    hf_auto_buf struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(error ? error : "no word of it"), 80);
    (void)snprintf(channel->why, sizeof channel->why, "Slack: %s", hf_buf_text(&safe));
    if (is_well && ts && strspn(ts, "0123456789.") == strlen(ts) && strlen(ts) < sizeof channel->thread) {
        (void)snprintf(channel->thread, sizeof channel->thread, "%s", ts);
    }
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

/* Each event whole, as a batch of CloudEvents (https://github.com/cloudevents/spec, JSON format, 4). */
static int make_events(const struct hf_batch *batch, struct hf_buf *body, struct hf_error *err)
{
    hf_buf_addc(body, '[');
    for (size_t i = 0; i < batch->row_count; i++) {
        hf_buf_adds(body, i > 0 ? "," : "");
        if (hf_alert_body(body, batch->messages[i], err) != 0) {
            return -1;
        }
    }
    hf_buf_addc(body, ']');
    return hf_buf_ok(body) ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

static bool is_grouped(const struct hf_channel *channel)
{
    return channel->policy.group.wait_ms > 0;
}

static int make_body(struct hf_channel *channel, struct hf_buf *body, struct hf_error *err)
{
    struct hf_alert_text text;
    struct hf_batch *batch = channel->batch;
    if (is_type(channel, "webhook") && is_grouped(channel)) {
        return make_events(batch, body, err);
    }
    struct hf_alert_form form = {.channel = channel->name,
                                 .address = is_type(channel, "pagerduty") ? channel->token : channel->conversation,
                                 .thread = batch->group_count == 1 ? batch->groups[0]->thread : NULL,
                                 .event_json =
                                     batch->row_count > 0 ? batch->messages[batch->row_count - 1]->event_json : "{}"};
    return hf_batch_text(batch, channel->dashboard_url, &text, err) != 0
               ? -1
               : channel->format->body(body, &text, &form, err);
}

static int post(struct hf_channel *channel, struct hf_error *err)
{
    hf_auto_buf struct hf_buf body = {0};
    hf_auto_buf struct hf_buf signature = {0};
    char timestamp[24];
    int64_t now_s = hf_now_ms() / 1000;
    bool is_generic = is_type(channel, "webhook");
    const char *key = channel->batch->key;
    if (make_body(channel, &body, err) != 0 ||
        (is_generic && channel->secret &&
         hf_alert_signature(&signature, channel->secret, key, now_s, body.ptr, body.len, err) != 0)) {
        return -1;
    }
    (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, now_s);
    struct hf_http_header headers[] = {{"Content-Type", hf_alert_content_type(channel->format, is_grouped(channel))},
                                       {"webhook-id", key},
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

static void send_batch(struct hf_channel *channel)
{
    struct hf_error err = HF_ERROR_INIT;
    if (post(channel, &err) == 0) {
        hf_policy_sent(&channel->policy, hf_mono_ms());
        return;
    }
    /* It never left: a body that can't be made stays as it is, memory comes back. */
    hf_alert_reason(channel->why, sizeof channel->why, channel->url, &err);
    channel->call = NULL;
    finish_attempt(channel, err.code == HF_ENOMEM ? 0 : 400, -1);
    hf_timer_set(channel->timer, 0);
}

/* What waits in the group is for nobody here: it goes from the outbox. */
static void pass(struct hf_channel *channel, struct hf_group *group)
{
    struct hf_error err = HF_ERROR_INIT;
    bool is_whole =
        hf_batch_new(&group, 1, is_grouped(channel) ? MOST_ROWS : 1, hf_now_ms(), &channel->batch, &err) == 0;
    if (!channel->batch) {
        hf_timer_set(channel->timer, OUTBOX_RETRY_MS);
        return;
    }
    channel->has_outcome = true;
    channel->outcome = is_whole ? HF_ALERT_PASSED : HF_ALERT_LATER;
    channel->next_ms = is_whole ? HF_TIME_NONE : hf_now_ms() + OUTBOX_RETRY_MS;
    (void)snprintf(channel->why, sizeof channel->why, "%s", is_whole ? "not for this channel" : "no memory");
    hf_timer_set(channel->timer, 0);
}

/* The next message: of one group, or a digest where messages had to wait for room. */
static void take_batch(struct hf_channel *channel, struct hf_group *group, int64_t now_ms)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_group *many[MOST_GROUPS];
    size_t count = 0;
    if (channel->policy.had_no_room && channel->policy.digests) {
        for (struct hf_group *due = hf_groups_due(&channel->groups, &channel->policy.group, now_ms, &(int64_t){0});
             due && count < MOST_GROUPS;
             due = hf_groups_due(&channel->groups, &channel->policy.group, now_ms, &(int64_t){0})) {
            due->in_flight = true; /* the next one is another */
            many[count++] = due;
        }
    }
    if (count == 0) {
        many[count++] = group;
    }
    channel->policy.had_no_room = false;
    size_t most = is_grouped(channel) ? MOST_ROWS : 1;
    if (hf_batch_new(many, count, most, now_ms, &channel->batch, &err) == 0) {
        send_batch(channel);
        return;
    }
    for (size_t i = 0; i < count && !channel->batch; i++) {
        many[i]->in_flight = false;
    }
    if (channel->batch) {
        hf_alert_reason(channel->why, sizeof channel->why, channel->url, &err);
        finish_attempt(channel, 0, -1);
    }
    hf_timer_set(channel->timer, OUTBOX_RETRY_MS);
}

static void ask_outbox(struct hf_channel *channel)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_alert_outbox *outbox = &channel->alert->outbox;
    channel->asked = true;
    channel->woken = false;
    channel->may_be_more = false;
    if (outbox->take(outbox->ctx, channel->name, MOST_ROWS, &err) != 0) {
        channel->asked = false;
        channel->may_be_more = true;
        hf_log_error(channel->alert->log, HF_DEBUG, "outbox can't be read now", &err, "channel", channel->name, NULL);
        hf_timer_set(channel->timer, OUTBOX_RETRY_MS);
    }
}

static bool wants_more(const struct hf_channel *channel, int64_t now_ms)
{
    bool is_due = channel->next_due_ms != HF_TIME_NONE && channel->next_due_ms <= now_ms;
    return !channel->asked && (channel->may_be_more || channel->woken || is_due) &&
           channel->groups.row_count < MOST_IN_HAND;
}

static void rest(struct hf_channel *channel, int64_t wait_ms, int64_t now_ms)
{
    if (channel->next_due_ms != HF_TIME_NONE && channel->next_due_ms - now_ms < wait_ms) {
        wait_ms = channel->next_due_ms - now_ms;
    }
    if (wait_ms != INT64_MAX) {
        hf_timer_set(channel->timer, wait_ms < 1 ? 1 : wait_ms > LOOK_MS ? LOOK_MS : wait_ms);
    }
}

/* Does the next thing that can be done, if any. */
static void go_on(struct hf_channel *channel)
{
    int64_t wait_ms;
    int64_t now_ms = hf_now_ms();
    if (channel->call || (channel->has_outcome && !settle(channel))) {
        return;
    }
    int64_t closed = channel->closed_until_ms - hf_mono_ms();
    if (closed > 0) {
        hf_timer_set(channel->timer, closed);
        return;
    }
    if (wants_more(channel, now_ms)) {
        ask_outbox(channel);
    }
    hf_groups_tidy(&channel->groups, &channel->policy.group, now_ms);
    struct hf_group *group = hf_groups_due(&channel->groups, &channel->policy.group, now_ms, &wait_ms);
    int64_t no_room = hf_policy_room(&channel->policy, hf_mono_ms());
    if (group && hf_group_passes(group, &channel->policy.group)) {
        pass(channel, group);
    } else if (group && no_room > 0) {
        channel->policy.had_no_room |= hf_groups_due_count(&channel->groups, &channel->policy.group, now_ms) > 1;
        rest(channel, no_room, now_ms);
    } else if (group) {
        take_batch(channel, group, now_ms);
    } else if (!channel->asked) {
        rest(channel, wait_ms, now_ms);
    }
}

void hf_channel_wake(struct hf_channel *channel)
{
    channel->woken = true;
    if (!channel->call && !channel->asked) {
        hf_timer_set(channel->timer, 0);
    }
}

/* Not for this channel, and not the end of what it was told of or is about to be. */
static bool is_for_others(const struct hf_channel *channel, const struct hf_alert_text *text)
{
    const struct hf_policy *policy = &channel->policy;
    return !hf_route_wants(policy->match, policy->match_count, policy->except, policy->except_count, text) &&
           !(text->state == HF_ALERT_RESOLVED && hf_groups_know(&channel->groups, text->incident));
}

static void pass_row(struct hf_channel *channel, struct hf_row *row)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_alert_message *message = &row->message;
    struct hf_alert_settlement settlement = {.channel = channel->name,
                                             .key = message->key,
                                             .messages = &message,
                                             .count = 1,
                                             .outcome = HF_ALERT_PASSED,
                                             .next_ms = HF_TIME_NONE,
                                             .why = "not for this channel"};
    if (hand_over(channel, &settlement, &err) != 0) {
        give_back(channel, message, hf_now_ms() + OUTBOX_RETRY_MS, "not for this channel");
    }
    channel->passed++;
    channel->may_be_more = true;
    hf_row_free(row);
}

static int keep_message(struct hf_channel *channel, const struct hf_alert_message *message, struct hf_error *err)
{
    struct hf_row *row;
    int64_t now_ms = hf_now_ms();
    const struct hf_group_settings *settings = &channel->policy.group;
    if (hf_row_new(message, channel->dashboard_url, now_ms, &row, err) != 0) {
        return -1;
    }
    if (is_for_others(channel, &row->text)) {
        pass_row(channel, row);
        return 0;
    }
    row->may_be_told = message->attempts > 0 || message->created_ms < channel->begun_ms;
    row->is_snoozed =
        hf_route_snoozed_until(settings->snoozes, settings->snooze_count, &row->text, now_ms) != HF_TIME_NONE;
    if (hf_groups_add(&channel->groups, settings, row, err) != 0) {
        hf_row_free(row);
        return -1;
    }
    return 0;
}

void hf_channel_taken(struct hf_channel *channel, const struct hf_alert_message *messages, size_t count,
                      int64_t next_due_ms)
{
    channel->asked = false;
    channel->next_due_ms = next_due_ms;
    for (size_t i = 0; i < count; i++) {
        struct hf_error err = HF_ERROR_INIT;
        if (keep_message(channel, &messages[i], &err) != 0) {
            give_back(channel, &messages[i], hf_now_ms() + OUTBOX_RETRY_MS, "no memory");
        }
    }
    channel->may_be_more |= count > 0;
    hf_timer_set(channel->timer, 0);
}
