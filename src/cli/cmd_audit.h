/* The subcommands of `holdfast audit`, and what they share. */
#ifndef HF_CLI_CMD_AUDIT_H
#define HF_CLI_CMD_AUDIT_H

#include <stdio.h>

#include "command.h"
#include "holdfast/audit.h"

#define HF_AUDIT_DATABASE "holdfast.db" /* when neither --database nor HOLDFAST_DATABASE is given */

extern const struct hf_command hf_cmd_audit_log;
extern const struct hf_command hf_cmd_audit_show;
extern const struct hf_command hf_cmd_audit_stats;
extern const struct hf_command hf_cmd_audit_verify;
extern const struct hf_command hf_cmd_audit_checkpoint;
extern const struct hf_command hf_cmd_audit_export;
extern const struct hf_command hf_cmd_audit_retain;
extern const struct hf_command hf_cmd_audit_backup;

/* "2026-03-01T09:30:00Z", "2026-03-01" (its start, UTC), "today", "yesterday", or a duration ("2h": so long ago). NULL
 * or empty: HF_TIME_NONE. */
int hf_audit_parse_time(const char *text, const char *option, int64_t *ms, struct hf_error *err);
/* Writes all of *text and empties it. To a terminal control characters are made visible, whatever the form of the text.
 * -1: HF_EIO. */
int hf_audit_print(struct hf_buf *text, struct hf_error *err);
/* Appends text made safe for a terminal; "" for NULL. */
void hf_audit_safe(struct hf_buf *out, const char *text);
/* "Deployment traderx-dev/trade-service", as far as it is known. */
void hf_audit_add_object(struct hf_buf *out, const struct hf_audit_event *event);

#endif
