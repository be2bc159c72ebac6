/* The one place where a double is used: the API server reads YAML's floats into one. */
#ifndef HF_DATA_YAML_FLOAT_H
#define HF_DATA_YAML_FLOAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits as they come; those beyond what can change a double leave only a trace. */
struct hf_digits {
    char text[800];
    size_t count;
    int64_t exponent; /* of ten, behind the last digit kept */
};

void hf_digits_add(struct hf_digits *digits, char digit, bool behind_point);
/* The nearest double to the digits × 10^exponent; infinite when it is out of range. */
double hf_digits_double(struct hf_digits *digits, int64_t exponent);

/* As Go's encoding/json writes a float64: shortest digits that read back, exponent from 1e21 and below 1e-6. */
void hf_float_json(double real, char out[48]);
/* As Go's FormatFloat(real, 'g', -1, 32) writes it. */
void hf_float_key(double real, char out[48]);

#endif
