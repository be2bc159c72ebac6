/* YAML on libyaml's event API, with the meaning kubectl gives it (sigs.k8s.io/yaml over go-yaml v2: YAML 1.1 booleans,
 * octal and underscored integers, merge keys; times stay strings; keys become strings). */
#ifndef HOLDFAST_YAML_H
#define HOLDFAST_YAML_H

#include "holdfast/json.h"

struct hf_document {
    const struct hf_value *value; /* HF_NULL for an empty document */
    struct hf_slice
        source;    /* the document's own bytes, within the input; without the "---" line, unless it holds more */
    uint32_t line; /* where it begins in the input */
};

struct hf_yaml_limits {
    size_t bytes;     /* of the input; 0: 16 MiB */
    uint32_t depth;   /* 0: 100 */
    size_t nodes;     /* after alias expansion; 0: 1,000,000 */
    size_t aliases;   /* 0: 1,000 */
    size_t documents; /* 0: 20,000 */
};

/* Reads a stream of documents; JSON is YAML, and is read here too. *out is an array in the arena; empty documents (only
 * comments, a trailing "---") are left out. `bytes` must outlive what `source` is used for.
 * Errors, each with line and column, what was found and what was expected: HF_EPARSE (syntax, duplicate key, unknown
 * tag, unknown alias, a key that is a list), HF_ELIMIT, HF_ENOMEM. */
int hf_yaml_read(struct hf_arena *arena, const char *bytes, size_t len, const struct hf_yaml_limits *limits,
                 struct hf_document **out, size_t *count, struct hf_error *err);

/* Block-style YAML of a value as `kubectl get -o yaml` writes it (keys sorted, strings quoted where a YAML 1.1 reader
 * would take them for something else); reads back to an equal value, but for numbers that a double does not hold and
 * that are no 64-bit integers. */
void hf_yaml_write(struct hf_buf *buf, const struct hf_value *value);

#endif
