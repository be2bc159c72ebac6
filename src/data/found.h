/* What stands at a place of the input, in words for an error: "found X". */
#ifndef HF_DATA_FOUND_H
#define HF_DATA_FOUND_H

#include "holdfast/text.h"

#define HF_FOUND_TEXT 64

/* Nesting that no limit of a reader goes beyond, since what reads, writes and compares values recurses. */
#define HF_DEPTH_MAX 1000u

/* Writes "'}'", "'nul'", "text" for a longer word, "the end of the input", "control character U+0007", … */
void hf_found(char out[HF_FOUND_TEXT], const char *bytes, size_t len, size_t at);

#endif
