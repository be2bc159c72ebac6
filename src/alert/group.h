/* Rows of the outbox put together into messages: which wait for others, which are due. A state machine without I/O: the
 * clock is handed in. Private to src/alert.
 *
 * A group is what a person would call one trouble: by default all of a target and namespace. Its first message goes out
 * group_wait after its first event, so that a deleted namespace is one message; the next not before group_interval has
 * passed, unless it has grown graver or all of it is over. */
#ifndef HF_ALERT_GROUP_H
#define HF_ALERT_GROUP_H

#include "holdfast/alert.h"
#include "holdfast/alert_text.h"
#include "holdfast/mem.h"

/* A row in hand, with what it says. Owns all of it. */
struct hf_row {
    struct hf_row *next;
    struct hf_arena *arena;
    struct hf_alert_message message;
    struct hf_alert_text text;
    int64_t since_ms; /* when it came to be, never later than when it was taken */
    bool is_snoozed;
    bool may_be_told; /* an attempt had no answer, or was made by a program that was killed */
};
/* An event that can't be read is a row still: it says so. */
int hf_row_new(const struct hf_alert_message *message, const char *dashboard_url, int64_t now_ms, struct hf_row **out,
               struct hf_error *err);
void hf_row_free(struct hf_row *row); /* NULL is fine */

/* An incident (or what else begins and ends) in a group. */
struct hf_incident {
    char *incident;
    char *kind;
    char *namespace;
    char *name;
    char *title;
    char *who;
    char *verdict;
    const char *severity; /* a literal */
    enum hf_alert_end end;
    bool correcting;
    bool over;
    bool told; /* the channel was told of it, and not of its end */
    int64_t event_id;
    int64_t drifted_ms;
    int64_t seen_ms;
    int64_t corrected_ms;
};

struct hf_group {
    struct hf_group *next;
    char *key;
    char *target; /* NULL: of no one target */
    char *namespace;
    char *id;     /* what its messages share while it is open; NULL: it is not */
    char *thread; /* the service's name of that; NULL: none */
    struct hf_incident *members;
    size_t member_count;
    size_t member_cap;
    struct hf_row *first;
    struct hf_row *last;
    size_t row_count;
    int64_t told_ms; /* its last message; HF_TIME_NONE: none */
    unsigned told_rank;
    unsigned said_rank; /* as its last message had it */
    bool in_flight;
};

struct hf_groups {
    struct hf_group *first;
    size_t row_count;
};

struct hf_group_settings {
    int64_t wait_ms;
    int64_t interval_ms;
    int64_t repeat_ms;
    unsigned by;
    bool is_pager; /* is told of nothing that was over before it could be told */
    bool without_resolved;
    const struct hf_alert_hours *quiet;
    size_t quiet_count;
    unsigned quiet_below;
    const struct hf_alert_snooze *snoozes;
    size_t snooze_count;
};

/* Quiet hours' zones and snoozes are borrowed. Takes the row. -1 HF_ENOMEM: it is as before, and the caller's. */
int hf_groups_add(struct hf_groups *groups, const struct hf_group_settings *settings, struct hf_row *row,
                  struct hf_error *err);
int hf_groups_recall(struct hf_groups *groups, const struct hf_group_settings *settings,
                     const struct hf_alert_told *told, struct hf_error *err);
/* What was told there is known here too. */
int hf_groups_inherit(struct hf_groups *groups, const struct hf_groups *before, struct hf_error *err);
/* Whether it was told, or is about to be. */
bool hf_groups_know(const struct hf_groups *groups, const char *incident);
/* The group whose message is due, the one that waits longest first; NULL: none, *wait_ms says when the next one is
 * (INT64_MAX: none waits). */
struct hf_group *hf_groups_due(struct hf_groups *groups, const struct hf_group_settings *settings, int64_t now_ms,
                               int64_t *wait_ms);
size_t hf_groups_due_count(const struct hf_groups *groups, const struct hf_group_settings *settings, int64_t now_ms);
/* Whether what waits in it need not be told. */
bool hf_group_passes(const struct hf_group *group, const struct hf_group_settings *settings);
/* Forgets groups that have nothing to say any more. */
void hf_groups_tidy(struct hf_groups *groups, const struct hf_group_settings *settings, int64_t now_ms);
void hf_groups_free(struct hf_groups *groups);

/* group.c, for batch.c and merge.c. */
bool hf_group_any_told(const struct hf_group *group);
void hf_group_drop(struct hf_group *group, size_t index); /* a member */
/* Copies text to *at, unless there is none; false: no memory, *at is as it was. */
bool hf_put_text(char **at, const char *text);
int64_t hf_earlier(int64_t a, int64_t b); /* HF_TIME_NONE: not known */

/* batch.c. One message under way: the rows it speaks for, and what it tells. */
struct hf_batch {
    struct hf_arena *arena;
    struct hf_group **groups;
    size_t group_count;
    struct hf_row **rows; /* of all groups, in order */
    const struct hf_alert_message **messages;
    size_t row_count;
    struct hf_alert_told *told; /* texts in the arena */
    size_t told_count;
    char key[40];
    int64_t created_ms; /* of the oldest row */
    int64_t attempts;   /* of the row that was tried most */
    unsigned said_rank; /* how grave its text says it is */
    int64_t now_ms;
};
/* Takes rows out of the groups, at most most_rows. Free it by hf_batch_end. */
int hf_batch_new(struct hf_group *const *groups, size_t count, size_t most_rows, int64_t now_ms, struct hf_batch **out,
                 struct hf_error *err);
/* Its rows go. told: its groups' members were told what the batch says; else what was never told is forgotten (the
 * outbox gives it out again). thread may be NULL. */
void hf_batch_end(struct hf_groups *groups, struct hf_batch *batch, bool told, const char *thread);
/* What is still in hand of the groups of a batch that failed: taken out, for the outbox. */
struct hf_row *hf_batch_rest(struct hf_groups *groups, struct hf_batch *batch);

/* merge.c: what the message says. Texts live in the batch's arena or its rows. */
int hf_batch_text(struct hf_batch *batch, const char *dashboard_url, struct hf_alert_text *out, struct hf_error *err);

#endif
