/* Exact decimal numbers: a sign, digits without zeros at either end, and a power of ten. */
#ifndef HF_DATA_NUMBER_H
#define HF_DATA_NUMBER_H

#include "holdfast/text.h"

struct hf_number {
    bool negative;
    struct hf_slice head; /* digits before the point, from the first that is not 0 */
    struct hf_slice tail; /* digits after it; without zeros at the end */
    size_t digits;        /* significant ones; 0: the number is zero */
    int64_t point;        /* value = 0.DIGITS × 10^point */
};

/* Reads JSON number syntax. False when it is none. Exponents beyond what int64 counts are held at its bounds. */
bool hf_number_read(struct hf_slice text, struct hf_number *out);
char hf_number_digit(const struct hf_number *number, size_t index); /* index below digits */
bool hf_number_int(const struct hf_number *number, int64_t *out);

#endif
