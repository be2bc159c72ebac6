/* From events to what a message says. Private to src/alert. */
#ifndef HF_ALERT_COMPOSE_H
#define HF_ALERT_COMPOSE_H

#include "holdfast/alert.h"
#include "holdfast/alert_text.h"
#include "holdfast/mem.h"

/* Pure. event_json as the outbox has it, at most 4 MiB; dashboard_url: what links to an incident begin with, or NULL.
 * All that is told lives in the arena. HF_EPARSE: it is no event. */
int hf_compose(struct hf_arena *arena, const struct hf_alert_message *message, const char *dashboard_url,
               struct hf_alert_text *out, struct hf_error *err);

#endif
