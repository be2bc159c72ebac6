/* What several commands read: a file or standard input. */
#ifndef HF_CLI_INPUT_H
#define HF_CLI_INPUT_H

#include "holdfast/error.h"
#include "holdfast/text.h"

/* path "-": standard input. At most limit bytes; appended to *out. */
int hf_input_read(const char *path, size_t limit, struct hf_buf *out, struct hf_error *err);

#endif
