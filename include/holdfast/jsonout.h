/* Writing JSON. A comma is put where one is due: after anything but an opening bracket or a colon. */
#ifndef HOLDFAST_JSONOUT_H
#define HOLDFAST_JSONOUT_H

#include "holdfast/clock.h"
#include "holdfast/text.h"

void hf_out_open(struct hf_buf *out, const char *name, char bracket); /* name NULL: an item of an array, or the top */
void hf_out_close(struct hf_buf *out, char bracket);
void hf_out_text(struct hf_buf *out, const char *name, const char *text); /* NULL text: null */
void hf_out_int(struct hf_buf *out, const char *name, int64_t number);
void hf_out_count(struct hf_buf *out, const char *name, uint64_t number);
void hf_out_bool(struct hf_buf *out, const char *name, bool truth);
void hf_out_time(struct hf_buf *out, const char *name, int64_t ms); /* RFC 3339, null for HF_TIME_NONE */
void hf_out_raw(struct hf_buf *out, const char *name, const char *json);

#endif
