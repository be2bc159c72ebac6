#include "holdfast/digest.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "holdfast/mem.h"

struct hf_hasher {
    EVP_MD_CTX *context;
    bool ready; /* it has its algorithm */
    bool open;
};

bool hf_digest_equal(const struct hf_digest *a, const struct hf_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static const char HEX[] = "0123456789abcdef";

void hf_digest_text(const struct hf_digest *digest, char out[HF_SHA256_TEXT])
{
    memcpy(out, "sha256:", 7);
    for (size_t i = 0; i < sizeof digest->bytes; i++) {
        out[7 + 2 * i] = HEX[digest->bytes[i] >> 4];
        out[8 + 2 * i] = HEX[digest->bytes[i] & 15];
    }
    out[71] = '\0';
}

int hf_sha256(const void *bytes, size_t len, struct hf_digest *out, struct hf_error *err)
{
    if (EVP_Digest(len ? bytes : "", len, out->bytes, NULL, EVP_sha256(), NULL) != 1) {
        return hf_error_set(err, HF_EINTERNAL, "SHA-256: libcrypto failed");
    }
    return 0;
}

int hf_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len, struct hf_digest *out,
                   struct hf_error *err)
{
    if (key_len > INT32_MAX ||
        !HMAC(EVP_sha256(), key_len ? key : "", (int)key_len, len ? bytes : (const void *)"", len, out->bytes, NULL)) {
        return hf_error_set(err, HF_EINTERNAL, "HMAC-SHA-256: libcrypto failed");
    }
    return 0;
}

struct hf_hasher *hf_hasher_new(struct hf_error *err)
{
    struct hf_hasher *hasher = hf_calloc(1, sizeof *hasher);
    if (hasher) {
        hasher->context = EVP_MD_CTX_new();
    }
    if (!hasher || !hasher->context) {
        hf_hasher_free(hasher);
        (void)hf_error_set(err, HF_ENOMEM, "SHA-256: out of memory");
        return NULL;
    }
    return hasher;
}

void hf_hasher_free(struct hf_hasher *hasher)
{
    if (hasher) {
        EVP_MD_CTX_free(hasher->context);
        free(hasher);
    }
}

static int begin(struct hf_hasher *hasher, struct hf_error *err)
{
    if (hasher->open) {
        return 0;
    }
    /* Once it is set up it need not be looked up again. */
    const EVP_MD *type = hasher->ready ? NULL : EVP_sha256();
    if (EVP_DigestInit_ex(hasher->context, type, NULL) != 1) {
        return hf_error_set(err, HF_EINTERNAL, "SHA-256: libcrypto failed");
    }
    hasher->open = hasher->ready = true;
    return 0;
}

int hf_hasher_add(struct hf_hasher *hasher, const void *bytes, size_t len, struct hf_error *err)
{
    if (begin(hasher, err) != 0) {
        return -1;
    }
    if (len > 0 && EVP_DigestUpdate(hasher->context, bytes, len) != 1) {
        return hf_error_set(err, HF_EINTERNAL, "SHA-256: libcrypto failed");
    }
    return 0;
}

int hf_hasher_finish(struct hf_hasher *hasher, struct hf_digest *out, struct hf_error *err)
{
    if (begin(hasher, err) != 0) {
        return -1;
    }
    hasher->open = false;
    if (EVP_DigestFinal_ex(hasher->context, out->bytes, NULL) != 1) {
        return hf_error_set(err, HF_EINTERNAL, "SHA-256: libcrypto failed");
    }
    return 0;
}

int hf_random(void *out, size_t len, struct hf_error *err)
{
    unsigned char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return hf_error_errno(err, HF_EIO, errno, "getrandom");
        }
        at += got;
        len -= (size_t)got;
    }
    return 0;
}

void hf_buf_add_hex(struct hf_buf *buf, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++) {
        hf_buf_addc(buf, HEX[at[i] >> 4]);
        hf_buf_addc(buf, HEX[at[i] & 15]);
    }
}

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hf_buf_add_base64(struct hf_buf *buf, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t word = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) | (left > 2 ? at[i + 2] : 0);
        char four[4] = {BASE64[word >> 18], BASE64[(word >> 12) & 63], left > 1 ? BASE64[(word >> 6) & 63] : '=',
                        left > 2 ? BASE64[word & 63] : '='};
        hf_buf_add(buf, four, sizeof four);
    }
}

static int base64_digit(char byte)
{
    const char *found = byte ? memchr(BASE64, byte, 64) : NULL;
    return found ? (int)(found - BASE64) : -1;
}

int hf_base64_decode(struct hf_slice text, struct hf_buf *buf, struct hf_error *err)
{
    uint32_t word = 0;
    unsigned digits = 0;
    unsigned pads = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '\n' || byte == '\r') {
            continue;
        }
        if (byte == '=' && digits >= 2 && digits + pads < 4) {
            pads++;
            continue;
        }
        int digit = base64_digit(byte);
        if (digit < 0 || pads > 0) {
            return hf_error_set(err, HF_EPARSE, "base64: byte %zu is not a base64 digit", i + 1);
        }
        word = word << 6 | (uint32_t)digit;
        if (++digits == 4) {
            char three[3] = {(char)(word >> 16), (char)(word >> 8), (char)word};
            hf_buf_add(buf, three, 3);
            word = 0;
            digits = 0;
        }
    }
    if (digits != 0) {
        if (digits + pads != 4) {
            return hf_error_set(err, HF_EPARSE, "base64: cut short, its length is not a multiple of 4");
        }
        word <<= 6 * pads;
        char three[3] = {(char)(word >> 16), (char)(word >> 8), (char)word};
        hf_buf_add(buf, three, 3 - pads);
    }
    if (!hf_buf_ok(buf)) {
        return hf_error_set(err, HF_ENOMEM, "base64: out of memory");
    }
    return 0;
}
