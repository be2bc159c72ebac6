/* One canonical form for documents that mean the same, and its digest.
 *
 * UTF-8 JSON; keys sorted by code point; no insignificant space; strings escaped as little as RFC 8259 allows (\"
 * \\ and control characters, the short escapes where there are any, else \u00xx in lower case); numbers in shortest
 * exact form: no leading or trailing zeros, no '+', integers in plain digits up to 21 digits, else d.ddde±n as RFC 8785
 * would place the point; -0 is 0. */
#ifndef HOLDFAST_CANONICAL_H
#define HOLDFAST_CANONICAL_H

#include "holdfast/digest.h"
#include "holdfast/value.h"

void hf_canonical_write(struct hf_buf *buf, const struct hf_value *value);
/* Appends one JSON number text in canonical form. */
void hf_canonical_number(struct hf_buf *buf, struct hf_slice number);

/* SHA-256 of the canonical form, without building it in memory. */
int hf_canonical_digest(struct hf_hasher *hasher, const struct hf_value *value, struct hf_digest *out,
                        struct hf_error *err);

/* Feeds the canonical form piece by piece into a hasher that the caller finishes; buf is scratch, reused. */
int hf_canonical_feed(struct hf_hasher *hasher, struct hf_buf *scratch, const struct hf_value *value,
                      struct hf_error *err);

#endif
