/* One channel: a state machine on the loop. Idle, waiting for an answer of the outbox, sending, waiting to send again.
 */
#ifndef HOLDFAST_ALERT_CHANNEL_H
#define HOLDFAST_ALERT_CHANNEL_H

#include "group.h"
#include "holdfast/alert.h"
#include "holdfast/alert_text.h"
#include "holdfast/clock.h"
#include "policy.h"

struct hf_channel {
    struct hf_alert *alert;
    char *name;
    const struct hf_alert_format *format;
    char *url;           /* secret */
    char *token;         /* secret; NULL: none */
    char *conversation;  /* NULL: none */
    char *dashboard_url; /* NULL: no links */
    char *secret;        /* NULL: not signed */
    char *host;          /* what may be shown of url */
    int64_t timeout_ms;
    int64_t give_up_ms;
    int64_t first_ms;
    int64_t most_ms;

    struct hf_timer *timer;
    struct hf_http_call *call; /* NULL: nothing under way */
    bool asked;                /* the outbox owes an answer */
    bool woken;                /* new messages may have come since it was asked */
    int64_t begun_ms;          /* wall clock: what is older may have been sent by a program before */
    int64_t closed_until_ms;   /* monotonic: the receiver is down or asked for quiet */
    unsigned failures;         /* no answer, or a transient one, in a row */
    unsigned refusals;         /* since the last delivery */

    struct hf_policy policy;
    struct hf_groups groups; /* what is in hand and not under way */
    struct hf_batch *batch;  /* under way, or settled but not yet taken by the outbox */
    bool has_outcome;
    int outcome;
    int64_t next_ms;
    char why[300];
    char thread[32];     /* Slack's name for the message that was just taken */
    bool may_be_more;    /* the outbox was not asked since something changed */
    int64_t next_due_ms; /* of what is not in hand; HF_TIME_NONE: nothing */

    uint64_t delivered;
    uint64_t failed;
    uint64_t given_up;
    uint64_t passed;
    bool failing;
};

struct hf_alert {
    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_log *log;
    struct hf_alert_outbox outbox;
    struct hf_arena *snooze_arena;
    struct hf_channel *channels;
    size_t count;
};

int hf_channel_init(struct hf_channel *channel, struct hf_alert *alert, const struct hf_alert_channel *config,
                    struct hf_error *err);
/* Hands back to the outbox what it holds. */
void hf_channel_end(struct hf_channel *channel);
void hf_channel_wake(struct hf_channel *channel);
void hf_channel_taken(struct hf_channel *channel, const struct hf_alert_message *messages, size_t count,
                      int64_t next_due_ms);

/* retry.c: what an attempt's end means. Pure. */
struct hf_attempt {
    int status;             /* 0: no answer */
    int64_t retry_after_ms; /* -1: none */
    int64_t attempts;       /* with this one */
    unsigned failures;      /* no answer, or a transient one, in a row, with this one */
    unsigned refusals;      /* since the last delivery, with this one */
    int64_t now_ms;
    int64_t created_ms;
    double chance; /* from 0 up to 1 */
};
struct hf_verdict_on_attempt {
    int outcome;      /* enum hf_alert_outcome */
    int64_t delay_ms; /* HF_ALERT_AGAIN */
    int64_t close_ms; /* nothing else is sent before it is over: the receiver is down or wants quiet; 0: go on */
};
struct hf_verdict_on_attempt hf_attempt_judge(const struct hf_channel *channel, const struct hf_attempt *attempt);
bool hf_attempt_is_transient(int status);

/* message.c */
const char *hf_alert_content_type(const struct hf_alert_format *format, bool is_grouped);

/* secret.c: what may be shown of a webhook's URL, all of which is a secret but its host. */
/* The authority without a user part; NULL when it has none or memory is short. The caller frees. */
char *hf_alert_host(const char *url);
/* Of those services that have one address for everybody; NULL. */
const char *hf_alert_usual_url(const char *type);
/* An error for people, without anything of the URL behind its host, nor its user part. */
void hf_alert_reason(char *out, size_t size, const char *url, const struct hf_error *err);

#endif
