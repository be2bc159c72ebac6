/* What correct.c and answer.c share. */
#ifndef HF_AGENT_CORRECT_H
#define HF_AGENT_CORRECT_H

#include "state.h"

#define HF_BACKOFF_UNREACHED_MS                                                                                        \
    2000 /* while the cluster can't be reached: a drift must be put back soon after it can */
#define HF_BACKOFF_MOST_MS 300000

int64_t hf_agent_backoff(const struct hf_agent *agent, unsigned attempts, int64_t most);
/* Not put back for a reason that may last: told once, tried again after wait_ms. */
void hf_agent_block(struct hf_agent *agent, struct object *object, const char *reason, int64_t wait_ms);
void hf_agent_send(struct hf_agent *agent, struct object *object, enum errand errand);
void hf_agent_tell_failure(struct hf_agent *agent, struct object *object, const char *why);
void hf_agent_tell_sent(struct hf_agent *agent, struct object *object, const char *text);
/* The text of a failed request as it may be told; what is made anew is in out. */
const char *hf_agent_words_of(const struct object *object, const char *text, struct hf_buf *out);
void hf_agent_failed(struct hf_agent *agent, struct object *object, enum errand errand, const struct hf_error *state,
                     int64_t retry_after_ms);

#endif
