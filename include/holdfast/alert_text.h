/* What an alert says, before any service's own form: made from events (src/alert/compose.c), written by one pure
 * formatter a service (src/alert/format_*.c). Strings are raw text from live objects: each formatter escapes for its
 * service. Borrowed all. */
#ifndef HOLDFAST_ALERT_TEXT_H
#define HOLDFAST_ALERT_TEXT_H

#include "holdfast/error.h"
#include "holdfast/text.h"

#include <stdint.h>

enum hf_alert_state {
    HF_ALERT_OPEN,     /* something is wrong now */
    HF_ALERT_UPDATE,   /* news of an incident told before */
    HF_ALERT_RESOLVED, /* an incident has ended */
    HF_ALERT_NOTICE    /* of no incident: a lost cluster, a test, a digest of many */
};

/* One line of the diff. */
struct hf_alert_change {
    const char *path;    /* as people read it: spec.template.spec.containers[name=app].image */
    const char *class;   /* changed, removed, leftover, added, missing */
    const char *desired; /* canonical JSON, cut and with secrets withheld already; NULL: absent */
    const char *live;
    const char *who; /* of this path alone; NULL: not known */
};

/* What has come of it. */
enum hf_alert_end {
    HF_END_NONE, /* a notice */
    HF_END_OPEN, /* seen; being put back, or left */
    HF_END_BLOCKED,
    HF_END_FAILED,
    HF_END_CORRECTED,
    HF_END_HEALED,
    HF_END_DISMISSED
};
const char *hf_alert_outcome_name(enum hf_alert_end end); /* "open", "blocked", … */

struct hf_alert_unit_label {
    const char *name;
    const char *value;
};

/* One object of a group. */
struct hf_alert_item {
    const char *kind;
    const char *namespace; /* NULL: cluster-scoped */
    const char *name;
    const char *summary; /* "deleted, put back after 0.3 s" */
    const char *severity;
};

struct hf_alert_text {
    const char *key;  /* idempotency key of this message: the same again means the same message */
    const char *type; /* of the newest event: "drift.seen" */
    int64_t event_id; /* of the newest event */
    enum hf_alert_end end;
    bool correcting; /* it is being put back right now */
    const char *verdict;
    const char *manager;
    const struct hf_alert_unit_label *labels; /* of the unit */
    size_t label_count;
    enum hf_alert_state state;
    const char *severity;      /* "info", "warning", "critical" */
    const char *told_severity; /* as the channel was told of it last; NULL: it was not */
    const char *title;         /* a line, at most 200 characters: what, where, who, outcome */
    const char *target;
    const char *space;
    const char *unit;
    const char *kind; /* NULL: of no single object (a group, a notice) */
    const char *namespace;
    const char *name;
    const char *who;     /* "alice via kubectl-edit from 10.0.0.7"; NULL: not known */
    const char *meaning; /* severity's reason: the rule and what it says; may be NULL */
    const char *action;  /* what holdfast did, or why it did not: a sentence */
    int64_t drifted_ms;  /* UTC; HF_TIME_NONE: not known */
    int64_t seen_ms;
    int64_t corrected_ms;
    int64_t at_ms;        /* of the newest event in it */
    const char *incident; /* what messages of one incident (or group) share: PagerDuty's dedup_key, a Slack thread */
    const char *incident_url; /* NULL: no dashboard address is configured */
    const char *unit_url;     /* of the unit in ConfigHub; may be NULL */
    const struct hf_alert_change *changes;
    size_t change_count;
    size_t changes_left_out; /* more there were */
    const struct hf_alert_item *items;
    size_t item_count; /* of a group or a digest */
    size_t items_left_out;
    size_t resolved_items; /* of a group: how many are right again */
};

/* What a service is told about where it posts. */
struct hf_alert_form {
    const char *channel;    /* holdfast's name for it */
    const char *address;    /* slack-bot: the conversation's id; pagerduty: the routing key; else NULL */
    const char *thread;     /* of an earlier message of the incident (Slack's ts); NULL: none */
    const char *event_json; /* generic: the newest event's JSON */
};

/* A service's formatter. Pure. Appends the body (JSON, UTF-8) to *body; keeps the service's limits by cutting, and says
 * in the text how much was left out. */
struct hf_alert_format {
    const char *type;  /* "slack", "slack-bot", "teams", "google-chat", "discord", "mattermost", "pagerduty",
                          "alertmanager", "webhook" */
    size_t body_limit; /* bytes that the service takes */
    int (*body)(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                struct hf_error *err);
};
const struct hf_alert_format *hf_alert_format_named(const char *type); /* NULL: there is none */
size_t hf_alert_format_count(void);
const struct hf_alert_format *hf_alert_format_at(size_t index);

#endif
