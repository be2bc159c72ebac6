/* What a channel's settings ask for: who is told, when, how often. Private to src/alert. */
#ifndef HF_ALERT_POLICY_H
#define HF_ALERT_POLICY_H

#include "group.h"
#include "route.h"

struct hf_policy {
    struct hf_arena *arena; /* holds what below points at, but the snoozes */
    struct hf_alert_match *match;
    size_t match_count;
    struct hf_alert_match *except;
    size_t except_count;
    struct hf_group_settings group; /* its snoozes are the alert station's */
    int64_t *sent_ms;               /* monotonic, of the last limit messages, a ring */
    size_t limit;                   /* 0: none */
    size_t next;
    int64_t within_ms;
    bool digests;     /* what had no room goes in one message */
    bool had_no_room; /* and there is such */
};

/* Copies. -1: HF_ENOMEM, HF_EINVAL. */
int hf_policy_copy(struct hf_policy *policy, const struct hf_alert_channel *config,
                   const struct hf_alert_format *format, struct hf_error *err);
void hf_policy_free(struct hf_policy *policy);

/* How long until one more message may be sent; 0: now. */
int64_t hf_policy_room(const struct hf_policy *policy, int64_t mono_ms);
void hf_policy_sent(struct hf_policy *policy, int64_t mono_ms);

#endif
