/* What a YAML scalar means to the API server: go-yaml v2 under sigs.k8s.io/yaml, as Kubernetes vendors them. */
#ifndef HF_DATA_YAML_SCALAR_H
#define HF_DATA_YAML_SCALAR_H

#include "holdfast/text.h"

enum hf_scalar_type {
    HF_SCALAR_NULL,
    HF_SCALAR_BOOL,
    HF_SCALAR_INT,
    HF_SCALAR_FLOAT,   /* finite */
    HF_SCALAR_ENDLESS, /* .inf, -.inf, .nan: no JSON number */
    HF_SCALAR_STRING
};

#define HF_SCALAR_NUMBER 48

struct hf_scalar {
    enum hf_scalar_type type;
    bool boolean;
    bool above_int64;              /* of an int */
    double real;                   /* of a float; as the server would hold it */
    char number[HF_SCALAR_NUMBER]; /* of an int or float: JSON text as Go writes it; of an endless one: ".inf", … */
};

/* A plain scalar without a tag. */
void hf_scalar_resolve(struct hf_slice text, struct hf_scalar *out);

/* A scalar with one of the tags "int", "float", "bool", "null", "timestamp". False when it can't be that. */
bool hf_scalar_tagged(const char *tag, struct hf_slice text, struct hf_scalar *out);

/* Writes a float or an endless scalar as sigs.k8s.io/yaml writes it when it is a key. */
void hf_scalar_float_key(const struct hf_scalar *scalar, char out[HF_SCALAR_NUMBER]);

/* Whether a plain scalar would be taken for something else than a string, now or by a YAML 1.1 reader that knows dates
 * and base 60. */
bool hf_scalar_is_ambiguous(struct hf_slice text);

#endif
