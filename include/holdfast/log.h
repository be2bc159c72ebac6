/* The log: one line an entry, logfmt or JSON, to a file descriptor. Handed in, never global.
 *
 * Values are escaped, so that nothing from a cluster can forge a line. Nobody passes secrets: a type that holds
 * one has no text form. Thread: any; a line is one write(2). */
#ifndef HOLDFAST_LOG_H
#define HOLDFAST_LOG_H

#include "holdfast/error.h"
#include "holdfast/text.h"

enum hf_level { HF_DEBUG, HF_INFO, HF_WARN, HF_ERROR };
enum hf_log_form { HF_LOGFMT, HF_LOG_JSON };

struct hf_log;

/* fd stays the caller's. NULL when memory is short. */
struct hf_log *hf_log_new(int fd, enum hf_level least, enum hf_log_form form);
void hf_log_free(struct hf_log *log);
void hf_log_level(struct hf_log *log, enum hf_level least);

/* Then name and text pairs of `const char *`, closed by NULL:
 *   hf_log_write(log, HF_INFO, "watch open", "target", "dev", "kind", "Deployment", NULL);
 * A NULL text leaves its pair out. log may be NULL: nothing is written. */
void hf_log_write(struct hf_log *log, enum hf_level level, const char *message, ...) __attribute__((sentinel));
/* The same with err's code and text as pairs. */
void hf_log_error(struct hf_log *log, enum hf_level level, const char *message, const struct hf_error *err, ...)
    __attribute__((sentinel));

bool hf_level_parse(struct hf_slice text, enum hf_level *level);      /* debug, info, warn, error */
bool hf_log_form_parse(struct hf_slice text, enum hf_log_form *form); /* logfmt, json */

#endif
