/* Bytes that grow, and pieces of bytes that somebody else owns. */
#ifndef HOLDFAST_TEXT_H
#define HOLDFAST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view: not owned, not terminated unless said so. */
struct hf_slice {
    const char *ptr;
    size_t len;
};

struct hf_slice hf_slice_of(const char *text); /* NULL gives an empty slice */
bool hf_slice_is(struct hf_slice slice, const char *text);
bool hf_slice_equal(struct hf_slice a, struct hf_slice b);
int hf_slice_compare(struct hf_slice a, struct hf_slice b); /* by bytes: for UTF-8, code point order */
bool hf_slice_starts(struct hf_slice slice, const char *prefix);

/* "%.*s" arguments for a slice. */
#define HF_SLICE(s) (int)((s).len > 4096 ? 4096 : (s).len), (s).ptr ? (s).ptr : ""

/* A growable, always terminated run of bytes. Zero-initialise (`struct hf_buf b = {0}`); free with
 * hf_buf_free. Once an append fails (memory, limit) `failed` stays set and later appends do nothing, so a
 * caller may append many times and check once at the end with hf_buf_ok. */
struct hf_buf {
    char *ptr; /* NULL until the first append; else terminated */
    size_t len;
    size_t cap;
    size_t limit; /* 0: no limit */
    bool failed;
};

void hf_buf_free(struct hf_buf *buf);  /* leaves it empty and usable */
void hf_buf_clear(struct hf_buf *buf); /* keeps the memory */
void hf_buf_add(struct hf_buf *buf, const char *bytes, size_t len);
void hf_buf_adds(struct hf_buf *buf, const char *text); /* NULL adds nothing */
void hf_buf_addc(struct hf_buf *buf, char byte);
void hf_buf_addf(struct hf_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool hf_buf_ok(const struct hf_buf *buf);
const char *hf_buf_text(const struct hf_buf *buf); /* never NULL; "" when nothing was added */
char *hf_buf_take(struct hf_buf *buf);             /* the caller frees; NULL if failed; the buf is empty after */
#define hf_auto_buf __attribute__((cleanup(hf_buf_free)))

/* Appends text inside JSON quotes, escaped by RFC 8259; invalid UTF-8 becomes U+FFFD. */
void hf_buf_add_json(struct hf_buf *buf, struct hf_slice text);

/* Appends text with every byte outside unreserved (RFC 3986) percent-encoded. */
void hf_buf_add_url(struct hf_buf *buf, struct hf_slice text);

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong). */
bool hf_utf8_valid(const char *bytes, size_t len);

/* Appends text for a terminal or a log: control characters (C0, C1, DEL), line separators and bidirectional
 * marks become visible escapes, invalid UTF-8 becomes U+FFFD; at most max bytes of input, then "…". */
void hf_buf_add_safe(struct hf_buf *buf, struct hf_slice text, size_t max);

/* Reads a whole decimal integer in [min, max]; false when there is anything else. */
bool hf_parse_int(struct hf_slice text, int64_t min, int64_t max, int64_t *out);

struct hf_error;
/* Reads a file of at most limit bytes into *buf (appended). Follows links; refuses folders and devices. */
int hf_read_file(const char *path, size_t limit, struct hf_buf *buf, struct hf_error *err);

#endif
