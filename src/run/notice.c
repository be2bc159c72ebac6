/* While the trail can't be written no alert can be put into its outbox: that it can't is told to the channels directly,
 * again and again until it has arrived or the trail is written again. Then the trail itself tells of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/digest.h"
#include "run.h"

#define AFTER_MS 2000  /* what is over sooner is told by the trail alone */
#define CALM_MS 600000 /* an outage so soon after one that was told is not told anew */
#define AGAIN_MS 1000  /* the trail's queue was full */
#define NEVER INT64_MAX

struct waiting {
    char *channel;
    int64_t due_ms; /* wall clock; NEVER: it is done with */
    int64_t attempts;
    bool is_in_hand; /* of the alert station */
};

struct run_notice {
    struct hf_run *run;
    struct hf_timer *timer;
    int64_t since_ms; /* wall clock; HF_TIME_NONE: it can be written */
    int64_t until_ms; /* it could be written again, and that is not recorded yet; HF_TIME_NONE: nothing of the kind */
    int64_t calm_ms;  /* monotonic: not told anew before */
    bool is_told;
    char problem[HF_ERROR_TEXT];
    int64_t created_ms;
    char key[40];
    char *json;
    struct waiting *waiting;
    size_t waiting_count;
};

static void forget(struct run_notice *notice)
{
    for (size_t i = 0; i < notice->waiting_count; i++) {
        free(notice->waiting[i].channel);
    }
    free(notice->waiting);
    free(notice->json);
    notice->waiting = NULL;
    notice->waiting_count = 0;
    notice->json = NULL;
}

static struct hf_audit_event event_of(const char *type, const char *severity, const char *message)
{
    return (struct hf_audit_event){.at_ms = hf_now_ms(),
                                   .type = type,
                                   .severity = severity,
                                   .message = message,
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE,
                                   .alert = true};
}

static int compose(struct run_notice *notice, struct hf_error *err)
{
    unsigned char number[16];
    hf_auto_buf struct hf_buf key = {0};
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf json = {0};
    if (hf_random(number, sizeof number, err) != 0) {
        return -1;
    }
    hf_buf_adds(&key, "ntc_");
    hf_buf_add_hex(&key, number, sizeof number);
    hf_buf_addf(
        &text,
        "The audit trail can't be written: %s. Nothing is corrected until it can: drift is seen and stays. What "
        "is to be recorded is kept in memory meanwhile.",
        notice->problem);
    struct hf_audit_event event = event_of("trail.failing", "critical", hf_buf_text(&text));
    hf_audit_event_json(&json, 0, &event, NULL);
    if (!hf_buf_ok(&key) || !hf_buf_ok(&text) || !hf_buf_ok(&json) || key.len >= sizeof notice->key) {
        return hf_error_set(err, HF_ENOMEM, "tell that the trail can't be written: out of memory");
    }
    memcpy(notice->key, key.ptr, key.len + 1);
    notice->created_ms = event.at_ms;
    notice->json = hf_buf_take(&json);
    return 0;
}

static int list_channels(struct run_notice *notice, struct hf_error *err)
{
    const struct hf_config *config = notice->run->config;
    notice->waiting = hf_calloc(config->channel_count, sizeof *notice->waiting);
    for (size_t i = 0; notice->waiting && i < config->channel_count; i++) {
        notice->waiting[i].channel = hf_strdup(config->channels[i].name);
        if (!notice->waiting[i].channel) {
            break;
        }
        notice->waiting_count++;
    }
    return notice->waiting_count == config->channel_count
               ? 0
               : hf_error_set(err, HF_ENOMEM, "tell that the trail can't be written: out of memory");
}

/* Gives what is due to the channels; sets the timer for what will be. */
static void hand_out(struct run_notice *notice)
{
    int64_t now = hf_now_ms();
    int64_t next = NEVER;
    for (size_t i = 0; i < notice->waiting_count; i++) {
        struct waiting *waiting = &notice->waiting[i];
        struct hf_alert_message message = {HF_RUN_NOTICE, notice->key, notice->json, waiting->attempts,
                                           notice->created_ms};
        if (waiting->is_in_hand || waiting->due_ms == NEVER) {
            continue;
        }
        if (waiting->due_ms > now || !notice->run->alert) {
            next = waiting->due_ms < next ? waiting->due_ms : next;
            continue;
        }
        waiting->is_in_hand = true;
        hf_alert_taken(notice->run->alert, waiting->channel, &message, 1, HF_TIME_NONE);
    }
    if (next != NEVER) {
        hf_timer_set(notice->timer, next > now ? next - now : AGAIN_MS);
    }
}

static void tell(struct run_notice *notice)
{
    struct hf_error err = HF_ERROR_INIT;
    if (notice->run->config->channel_count == 0) {
        return;
    }
    if (compose(notice, &err) != 0 || list_channels(notice, &err) != 0) {
        forget(notice);
        hf_log_error(notice->run->log, HF_ERROR, "no channel is told that the trail can't be written", &err, NULL);
        hf_timer_set(notice->timer, AGAIN_MS);
        return;
    }
    notice->is_told = true;
    notice->calm_ms = hf_mono_ms() + CALM_MS;
    hf_log_write(notice->run->log, HF_WARN, "telling the channels directly that the trail can't be written", NULL);
}

/* The trail tells of its own outage once it can. */
static void record_end(struct run_notice *notice)
{
    struct hf_error err = HF_ERROR_INIT;
    char since[HF_TIME_TEXT];
    char until[HF_TIME_TEXT];
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf detail = {0};
    hf_time_format(notice->since_ms, since);
    hf_time_format(notice->until_ms, until);
    hf_buf_addf(&text,
                "The audit trail is written again. From %s to %s it could not be (%s), and nothing was corrected.",
                since, until, notice->problem);
    hf_buf_addf(&detail, "{\"since\":\"%s\",\"until\":\"%s\",\"reason\":", since, until);
    hf_buf_add_json(&detail, hf_slice_of(notice->problem));
    hf_buf_addc(&detail, '}');
    struct hf_audit_event event = event_of("trail.resumed", "warning", hf_buf_text(&text));
    event.detail = hf_buf_text(&detail);
    event.alert = notice->is_told;
    struct hf_audit_batch batch = {.events = &event, .event_count = 1};
    if (!hf_buf_ok(&text) || !hf_buf_ok(&detail) || hf_audit_append(notice->run->audit, &batch, 0, &err) != 0) {
        hf_timer_set(notice->timer, AGAIN_MS);
        return;
    }
    notice->since_ms = notice->until_ms = HF_TIME_NONE;
    notice->is_told = false;
    forget(notice);
}

static void on_timer(void *ctx)
{
    struct run_notice *notice = ctx;
    if (notice->until_ms != HF_TIME_NONE) {
        record_end(notice);
        return;
    }
    if (notice->since_ms == HF_TIME_NONE) {
        return;
    }
    if (!notice->is_told) {
        tell(notice);
    }
    hand_out(notice);
}

int hf_run_notice_begin(struct hf_run *run, struct hf_error *err)
{
    struct run_notice *notice = hf_calloc(1, sizeof *notice);
    if (notice) {
        notice->run = run;
        notice->since_ms = notice->until_ms = HF_TIME_NONE;
        notice->timer = hf_timer_new(run->loop, on_timer, notice);
    }
    if (!notice || !notice->timer) {
        free(notice);
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    run->notice = notice;
    return 0;
}

void hf_run_notice_free(struct hf_run *run)
{
    if (run->notice) {
        forget(run->notice);
        hf_timer_free(run->notice->timer);
        free(run->notice);
        run->notice = NULL;
    }
}

void hf_run_notice_failing(struct hf_run *run, const struct hf_error *problem)
{
    struct run_notice *notice = run->notice;
    (void)snprintf(notice->problem, sizeof notice->problem, "%s", problem->text);
    if (notice->since_ms != HF_TIME_NONE) {
        notice->until_ms = HF_TIME_NONE; /* failing again before its end was recorded: one outage */
    } else {
        notice->since_ms = hf_now_ms();
    }
    if (!notice->is_told) {
        int64_t calm = notice->calm_ms - hf_mono_ms();
        hf_timer_set(notice->timer, calm > AFTER_MS ? calm : AFTER_MS);
    }
}

void hf_run_notice_over(struct hf_run *run)
{
    struct run_notice *notice = run->notice;
    if (notice->since_ms != HF_TIME_NONE) {
        notice->until_ms = hf_now_ms();
        hf_timer_clear(notice->timer);
        record_end(notice);
    }
}

void hf_run_notice_settle(struct hf_run *run, const char *channel, int outcome, int64_t next_ms)
{
    struct run_notice *notice = run->notice;
    for (size_t i = 0; i < notice->waiting_count; i++) {
        struct waiting *waiting = &notice->waiting[i];
        if (strcmp(waiting->channel, channel) == 0 && waiting->is_in_hand) {
            bool again = outcome == HF_ALERT_AGAIN;
            waiting->is_in_hand = false;
            waiting->attempts += again;
            waiting->due_ms = again ? next_ms : NEVER;
        }
    }
    /* Not at once: the alert station that hands it back may be about to go. */
    hf_timer_set(notice->timer, 0);
}
