/* Times. Instants are milliseconds since 1970-01-01T00:00:00Z; intervals are on the monotonic clock. */
#ifndef HOLDFAST_CLOCK_H
#define HOLDFAST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "holdfast/text.h"

#define HF_TIME_NONE INT64_MIN /* "not known" */
#define HF_TIME_TEXT 32

int64_t hf_now_ms(void);  /* the wall clock, UTC */
int64_t hf_mono_ms(void); /* CLOCK_MONOTONIC: never jumps */
int64_t hf_mono_us(void);

/* RFC 3339 in UTC with milliseconds: "2026-03-01T09:30:00.123Z"; "" for HF_TIME_NONE. Years 0000 to 9999. */
void hf_time_format(int64_t ms, char out[HF_TIME_TEXT]);
/* Reads RFC 3339 with any offset and any number of fraction digits (cut to ms). False when it is not one. */
bool hf_time_parse(struct hf_slice text, int64_t *ms);

/* "250ms", "30s", "5m", "2h", "1d", or these joined ("1m30s"); a bare number is refused. */
bool hf_duration_parse(struct hf_slice text, int64_t *ms);
/* "412 ms", "3.2 s", "5 min 3 s", "2 h 5 min": for people. */
void hf_duration_format(int64_t ms, char out[HF_TIME_TEXT]);

#endif
