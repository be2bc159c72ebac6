/* The parts of `holdfast audit verify`. */
#ifndef HF_CLI_CMD_AUDIT_VERIFY_H
#define HF_CLI_CMD_AUDIT_VERIFY_H

#include "cmd_audit.h"
#include "holdfast/audit_keep.h"

/* A file of removed events, or a folder of them: each whole in itself, and as the trail (or a later file) tells. Of a
 * folder also: nothing that was removed is in none of them. Prints a line for each. */
int hf_audit_verify_export(const char *given, const char *database, const struct hf_audit_checks *checks,
                           struct hf_error *err);

#endif
