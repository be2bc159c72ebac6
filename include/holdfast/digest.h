/* SHA-256, HMAC, hex and base64, on OpenSSL's libcrypto. */
#ifndef HOLDFAST_DIGEST_H
#define HOLDFAST_DIGEST_H

#include "holdfast/error.h"
#include "holdfast/text.h"

#define HF_SHA256_SIZE 32
#define HF_SHA256_TEXT 72 /* "sha256:" + 64 hex digits + NUL */

struct hf_digest {
    uint8_t bytes[HF_SHA256_SIZE];
};

bool hf_digest_equal(const struct hf_digest *a, const struct hf_digest *b);
/* Writes "sha256:…" (71 characters and NUL). */
void hf_digest_text(const struct hf_digest *digest, char out[HF_SHA256_TEXT]);

/* Whole input at once. -1 (HF_EINTERNAL, HF_ENOMEM) only when libcrypto fails. */
int hf_sha256(const void *bytes, size_t len, struct hf_digest *out, struct hf_error *err);
/* FIPS 198-1 with SHA-256. */
int hf_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len, struct hf_digest *out,
                   struct hf_error *err);

/* Piece by piece; reusable: finish resets it for the next document. */
struct hf_hasher;
struct hf_hasher *hf_hasher_new(struct hf_error *err);
void hf_hasher_free(struct hf_hasher *hasher);
int hf_hasher_add(struct hf_hasher *hasher, const void *bytes, size_t len, struct hf_error *err);
int hf_hasher_finish(struct hf_hasher *hasher, struct hf_digest *out, struct hf_error *err);

/* len bytes from the system's random source. */
int hf_random(void *out, size_t len, struct hf_error *err);

void hf_buf_add_hex(struct hf_buf *buf, const void *bytes, size_t len);
/* RFC 4648 with padding. */
void hf_buf_add_base64(struct hf_buf *buf, const void *bytes, size_t len);
/* Decodes RFC 4648 base64; line breaks are passed over, as Go's encoding/base64 does. Appends to *buf. */
int hf_base64_decode(struct hf_slice text, struct hf_buf *buf, struct hf_error *err);

#endif
