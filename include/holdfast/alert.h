/* Who is told, and again until it arrives: takes due rows from an outbox, posts them, settles them.
 *
 * At-least-once, in order within an incident and channel; a dead channel delays no other. URLs are secrets: shown by
 * host only. All on the loop's thread. */
#ifndef HOLDFAST_ALERT_H
#define HOLDFAST_ALERT_H

#include "holdfast/http.h"
#include "holdfast/log.h"
#include "holdfast/zone.h"

/* Patterns by fnmatch(3); a list of none matches anything. */
struct hf_alert_patterns {
    const char *const *items;
    size_t count;
};
enum hf_alert_on {
    HF_ON_SEVERITY,
    HF_ON_TARGET,
    HF_ON_SPACE,
    HF_ON_UNIT,
    HF_ON_KIND,
    HF_ON_NAMESPACE,
    HF_ON_NAME,
    HF_ON_CLASS,   /* of any of its findings: changed, removed, leftover, added, missing */
    HF_ON_OUTCOME, /* hf_alert_outcome_name */
    HF_ON_TYPE,    /* of the event: drift.seen */
    HF_ON_MANAGER,
    HF_ON_COUNT
};
const char *hf_alert_on_name(enum hf_alert_on on); /* "severity", "target", … */
struct hf_alert_label {
    const char *name;
    const char *value; /* a pattern */
};
/* What an alert must be like: every list has one that fits, and the unit has every label. */
struct hf_alert_match {
    struct hf_alert_patterns on[HF_ON_COUNT];
    const struct hf_alert_label *labels;
    size_t label_count;
};

/* A time of the week by a wall clock. */
struct hf_alert_hours {
    unsigned days; /* bit 0 is Sunday; the day on which it begins */
    int from_minute;
    int to_minute; /* at or before from_minute: over midnight */
    const struct hf_zone *zone;
};

/* What an alert's rows are put together by. */
enum hf_alert_by {
    HF_GROUP_TARGET = 1,
    HF_GROUP_SPACE = 2,
    HF_GROUP_UNIT = 4,
    HF_GROUP_NAMESPACE = 8,
    HF_GROUP_KIND = 16,
    HF_GROUP_INCIDENT = 32 /* each by itself */
};

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

    /* Which it is told: any of match (none given: all) and none of except; and the end of whatever it was told. */
    const struct hf_alert_match *match;
    size_t match_count;
    const struct hf_alert_match *except;
    size_t except_count;
    bool without_resolved; /* it is not told the end of anything */

    /* 0: each event is a message of its own, at once. Else events wait so long for others of their group. */
    int64_t group_wait_ms;
    int64_t group_interval_ms; /* from one message of a group to the next, unless it is its end or grows graver */
    int64_t repeat_ms;         /* what is still open is told again; 0: never */
    unsigned group_by;         /* of enum hf_alert_by */

    /* At most so many messages in so long; what is left over goes in one digest when there is room again (a pager's
     * messages wait one by one). 0: no limit. */
    unsigned limit_messages;
    int64_t limit_within_ms;

    /* What is less grave than this waits until the hours are over. */
    const struct hf_alert_hours *quiet;
    size_t quiet_count;
    const char *quiet_below; /* NULL: "critical" */
};

/* What people want to hear nothing of for a while. Every pattern is a literal text; NULL: any. */
struct hf_alert_snooze {
    const char *target;
    const char *space;
    const char *unit;
    const char *kind;
    const char *namespace;
    const char *name;
    int64_t until_ms; /* HF_TIME_NONE: until it is taken away */
};

/* A message waiting in the outbox. */
struct hf_alert_message {
    int64_t id;
    const char *key;        /* idempotency key */
    const char *event_json; /* the event as JSON */
    int64_t attempts;
    int64_t created_ms;
};

enum hf_alert_outcome {
    HF_ALERT_DELIVERED,
    HF_ALERT_AGAIN, /* due at next_ms; an attempt was made */
    HF_ALERT_GIVEN_UP,
    HF_ALERT_LATER, /* due at next_ms; none was made */
    HF_ALERT_PASSED /* not for this channel */
};
/* That a channel has been told of an incident, or of its end. */
struct hf_alert_told {
    const char *incident;
    const char *group;  /* what messages about it share */
    const char *thread; /* the service's; NULL: none */
    int64_t at_ms;
    int64_t event_id;       /* the newest event of it */
    const char *event_json; /* only in hf_alert_recall: may be "{}" */
    bool over;
};
struct hf_alert_settlement {
    const char *channel;
    const char *key; /* of the message */
    const struct hf_alert_message *const *messages;
    size_t count; /* 0: what was told before was told again */
    int outcome;
    int64_t next_ms;
    const char *why; /* for people, without secrets */
    const struct hf_alert_told *told;
    size_t told_count;
};

/* The outbox as the alert station needs it: implemented on the audit trail by src/run, by a table in memory in tests.
 */
struct hf_alert_outbox {
    void *ctx;
    /* Asks for due messages of a channel; the answer comes by hf_alert_taken. */
    int (*take)(void *ctx, const char *channel, size_t most, struct hf_error *err);
    /* Settles all that one message spoke for. */
    int (*settle)(void *ctx, const struct hf_alert_settlement *settlement, struct hf_error *err);
};

struct hf_alert;

/* channels and their strings are copied; the zones of their quiet hours must live as long as the station. */
int hf_alert_new(struct hf_loop *loop, struct hf_http *http, struct hf_log *log,
                 const struct hf_alert_channel *channels, size_t count, const struct hf_alert_outbox *outbox,
                 struct hf_alert **out, struct hf_error *err);
/* NULL is fine. What was under way is handed back to the outbox (settle, HF_ALERT_AGAIN): so the outbox must still be
 * there. */
void hf_alert_free(struct hf_alert *alert);

/* What a channel was told of before the program's start, one after another: before the first hf_alert_wake. An unknown
 * channel is passed over. */
int hf_alert_recall(struct hf_alert *alert, const char *channel, const struct hf_alert_told *told,
                    struct hf_error *err);
/* After a reload: takes over what the station before it knew to be told, by the channels' names. */
int hf_alert_inherit(struct hf_alert *alert, const struct hf_alert *before, struct hf_error *err);
/* Replaces what is snoozed (copied). What was held is told once it ends. */
int hf_alert_snooze(struct hf_alert *alert, const struct hf_alert_snooze *snoozes, size_t count, struct hf_error *err);

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
    bool failing;    /* the last attempt failed */
    uint64_t passed; /* rows that were not for it */
    size_t in_hand;  /* rows that wait for others, for quiet to end, for room */
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
/* The request's line and headers, a line each: of the URL only the host is shown, tokens and signatures stand as "***".
 * A service's own address is no secret. */
int hf_alert_preview_head(const struct hf_alert_channel *channel, const struct hf_alert_message *message,
                          struct hf_buf *head, struct hf_error *err);
/* What may be shown of where a channel posts; NULL: its URL names no host, or no memory. The caller frees. */
char *hf_alert_channel_host(const struct hf_alert_channel *channel);
/* "v1,<base64 HMAC-SHA256 of id.timestamp.body>" (https://www.standardwebhooks.com). */
int hf_alert_signature(struct hf_buf *out, const char *secret, const char *id, int64_t timestamp_s, const char *body,
                       size_t len, struct hf_error *err);

#endif
