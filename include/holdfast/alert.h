/* Who is told, and again until it arrives: takes due rows from an outbox, posts them, settles them.
 *
 * At-least-once, in order within an incident and channel; a dead channel delays no other. URLs are secrets: shown by
 * host only. All on the loop's thread. */
#ifndef HOLDFAST_ALERT_H
#define HOLDFAST_ALERT_H

#include "holdfast/http.h"
#include "holdfast/log.h"

struct hf_alert_channel {
    const char *name;
    const char *type;  /* alert_text.h; NULL: "webhook" */
    const char *url;   /* http(s); from a file or the environment, never shown. slack-bot: the API's own when NULL */
    const char *token; /* bearer token (slack-bot, alertmanager), PagerDuty's routing key; NULL: none */
    const char *conversation;  /* slack-bot: where it posts */
    const char *dashboard_url; /* what links to incidents begin with; NULL: no links */
    const char *secret;        /* HMAC key for the signature header, or NULL */
    int64_t timeout_ms;        /* of one attempt; 0: 10,000 */
    int64_t give_up_ms;        /* after this long; 0: 24 h */
    int64_t backoff_first_ms;  /* 0: 1,000; doubling with jitter up to */
    int64_t backoff_max_ms;    /* 0: 300,000 */
};

/* A message waiting in the outbox. */
struct hf_alert_message {
    int64_t id;
    const char *key;        /* idempotency key */
    const char *event_json; /* the event as JSON */
    int64_t attempts;
    int64_t created_ms;
};

/* The outbox as the alert station needs it: implemented on the audit trail by src/run, by a table in memory in tests.
 */
struct hf_alert_outbox {
    void *ctx;
    /* Asks for due messages of a channel; the answer comes by hf_alert_taken. */
    int (*take)(void *ctx, const char *channel, size_t most, struct hf_error *err);
    /* Settles one. outcome: delivered, again (due at next_ms), or given up. why: for people, without secrets. */
    int (*settle)(void *ctx, const char *channel, const struct hf_alert_message *message, int outcome, int64_t next_ms,
                  const char *why, struct hf_error *err);
};
enum hf_alert_outcome { HF_ALERT_DELIVERED, HF_ALERT_AGAIN, HF_ALERT_GIVEN_UP };

struct hf_alert;

/* channels and their strings are copied. */
int hf_alert_new(struct hf_loop *loop, struct hf_http *http, struct hf_log *log,
                 const struct hf_alert_channel *channels, size_t count, const struct hf_alert_outbox *outbox,
                 struct hf_alert **out, struct hf_error *err);
/* NULL is fine. What was under way is handed back to the outbox (settle, HF_ALERT_AGAIN): so the outbox must still be
 * there. */
void hf_alert_free(struct hf_alert *alert);

/* New messages may be there: look now. */
void hf_alert_wake(struct hf_alert *alert);
/* The answer to take: messages are copied; next_due_ms: wall clock, HF_TIME_NONE when nothing waits. */
void hf_alert_taken(struct hf_alert *alert, const char *channel, const struct hf_alert_message *messages, size_t count,
                    int64_t next_due_ms);

struct hf_alert_stats {
    const char *channel;
    uint64_t delivered;
    uint64_t failed; /* attempts */
    uint64_t given_up;
    bool failing; /* the last attempt failed */
};
/* Returns the number of channels; fills at most `most`. */
size_t hf_alert_stats(const struct hf_alert *alert, struct hf_alert_stats *out, size_t most);

/* Pure: the generic webhook's body (application/json) for one event: CloudEvents 1.0 structured mode around the event,
 * and the Standard Webhooks headers' values. */
struct hf_buf;
int hf_alert_body(struct hf_buf *body, const struct hf_alert_message *message, struct hf_error *err);
/* Pure: the body that a channel would be sent for a message, as its type has it. What is secret in it (PagerDuty's
 * routing key) stands as "***". */
int hf_alert_preview(const struct hf_alert_channel *channel, const struct hf_alert_message *message,
                     struct hf_buf *body, struct hf_error *err);
/* "v1,<base64 HMAC-SHA256 of id.timestamp.body>" (https://www.standardwebhooks.com). */
int hf_alert_signature(struct hf_buf *out, const char *secret, const char *id, int64_t timestamp_s, const char *body,
                       size_t len, struct hf_error *err);

#endif
