#include "holdfast/canonical.h"

#include <inttypes.h>
#include <string.h>

#include "number.h"
#include "run.h"

/* Where RFC 8785 (that is ECMAScript's Number::toString) puts the point. */
#define PLAIN_DIGITS 21
#define PLAIN_ZEROS (-6)

static void add_zeros(struct hf_buf *buf, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        hf_buf_addc(buf, '0');
    }
}

/* Digits from first up to end, as many of them as there are. */
static void add_digits(struct hf_buf *buf, const struct hf_number *number, size_t first, size_t end)
{
    size_t head = number->head.len;
    if (first < head) {
        hf_buf_add(buf, number->head.ptr + first, (end < head ? end : head) - first);
        first = head;
    }
    if (first < end) {
        hf_buf_add(buf, number->tail.ptr + (first - head), end - first);
    }
}

void hf_canonical_number(struct hf_buf *buf, struct hf_slice text)
{
    struct hf_number number;
    if (!hf_number_read(text, &number)) {
        hf_buf_add(buf, text.ptr, text.len);
        return;
    }
    int64_t digits = (int64_t)number.digits;
    if (number.negative) {
        hf_buf_addc(buf, '-');
    }
    if (digits == 0) {
        hf_buf_addc(buf, '0');
    } else if (number.point > 0 && number.point <= PLAIN_DIGITS) {
        size_t whole = (size_t)(number.point < digits ? number.point : digits);
        add_digits(buf, &number, 0, whole);
        add_zeros(buf, number.point - (int64_t)whole);
        if (digits > number.point) {
            hf_buf_addc(buf, '.');
            add_digits(buf, &number, whole, number.digits);
        }
    } else if (number.point > PLAIN_ZEROS && number.point <= 0) {
        hf_buf_adds(buf, "0.");
        add_zeros(buf, -number.point);
        add_digits(buf, &number, 0, number.digits);
    } else {
        add_digits(buf, &number, 0, 1);
        if (digits > 1) {
            hf_buf_addc(buf, '.');
            add_digits(buf, &number, 1, number.digits);
        }
        hf_buf_addf(buf, "e%+" PRId64, number.point - 1);
    }
}

/* Canonical bytes gather here and go on in pieces. */
struct sink {
    struct hf_hasher *hasher; /* NULL: to target */
    struct hf_buf *target;
    struct hf_buf *scratch; /* for numbers that are not canonical as written */
    struct hf_error *err;
    bool failed;
    size_t used;
    char piece[4096];
};

static void pass_on(struct sink *s, const char *bytes, size_t len)
{
    if (!s->hasher) {
        hf_buf_add(s->target, bytes, len);
    } else if (!s->failed && hf_hasher_add(s->hasher, bytes, len, s->err) != 0) {
        s->failed = true;
    }
}

static void flush(struct sink *s)
{
    pass_on(s, s->piece, s->used);
    s->used = 0;
}

static inline void put(struct sink *s, const char *bytes, size_t len)
{
    if (len > sizeof s->piece - s->used) {
        flush(s);
        if (len > sizeof s->piece) {
            pass_on(s, bytes, len);
            return;
        }
    }
    memcpy(s->piece + s->used, bytes, len);
    s->used += len;
}

static inline void put_byte(struct sink *s, char byte)
{
    if (s->used == sizeof s->piece) {
        flush(s);
    }
    s->piece[s->used++] = byte;
}

static void put_escape(struct sink *s, unsigned char byte)
{
    static const char HEX[] = "0123456789abcdef";
    static const char SHORT[] = "\b\f\n\r\t\"\\";
    static const char LETTER[] = "bfnrt\"\\";
    const char *known = byte ? strchr(SHORT, byte) : NULL;
    if (known) {
        char pair[2] = {'\\', LETTER[known - SHORT]};
        put(s, pair, sizeof pair);
    } else {
        char code[6] = {'\\', 'u', '0', '0', HEX[byte >> 4], HEX[byte & 15]};
        put(s, code, sizeof code);
    }
}

static void put_string(struct sink *s, struct hf_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    unsigned char seen = 0;
    size_t at = 0;
    put_byte(s, '"');
    while (at < text.len) {
        size_t run = hf_clean_run(bytes + at, text.len - at, &seen);
        put(s, text.ptr + at, run);
        at += run;
        if (at < text.len) {
            put_escape(s, bytes[at++]);
        }
    }
    put_byte(s, '"');
}

static void put_number(struct sink *s, struct hf_slice text)
{
    /* Short plain integers, which nearly all are, are canonical already. */
    bool plain = text.len > 0 && text.len < PLAIN_DIGITS && (text.ptr[0] != '0' || text.len == 1);
    for (size_t i = 0; plain && i < text.len; i++) {
        plain = text.ptr[i] >= '0' && text.ptr[i] <= '9';
    }
    if (plain) {
        put(s, text.ptr, text.len);
        return;
    }
    hf_buf_clear(s->scratch);
    hf_canonical_number(s->scratch, text);
    if (!hf_buf_ok(s->scratch)) {
        s->failed = true;
        return;
    }
    put(s, hf_buf_text(s->scratch), s->scratch->len);
}

static void put_value(struct sink *s, const struct hf_value *value)
{
    switch (value->kind) {
    case HF_NULL:
        put(s, "null", 4);
        break;
    case HF_BOOL:
        put(s, value->as.boolean ? "true" : "false", value->as.boolean ? 4 : 5);
        break;
    case HF_NUMBER:
        put_number(s, value->as.text);
        break;
    case HF_STRING:
        put_string(s, value->as.text);
        break;
    case HF_ARRAY:
        put_byte(s, '[');
        for (size_t i = 0; i < value->as.array.count; i++) {
            if (i > 0) {
                put_byte(s, ',');
            }
            put_value(s, &value->as.array.items[i]);
        }
        put_byte(s, ']');
        break;
    case HF_OBJECT:
        put_byte(s, '{');
        for (size_t i = 0; i < value->as.object.count; i++) {
            if (i > 0) {
                put_byte(s, ',');
            }
            put_string(s, value->as.object.members[i].key);
            put_byte(s, ':');
            put_value(s, &value->as.object.members[i].value);
        }
        put_byte(s, '}');
        break;
    }
}

void hf_canonical_write(struct hf_buf *buf, const struct hf_value *value)
{
    hf_auto_buf struct hf_buf scratch = {0};
    struct sink s;
    s.hasher = NULL;
    s.target = buf;
    s.scratch = &scratch;
    s.err = NULL;
    s.failed = false;
    s.used = 0;
    put_value(&s, value);
    flush(&s);
    if (s.failed) {
        buf->failed = true;
    }
}

int hf_canonical_feed(struct hf_hasher *hasher, struct hf_buf *scratch, const struct hf_value *value,
                      struct hf_error *err)
{
    struct sink s;
    hf_error_clear(err);
    s.hasher = hasher;
    s.target = NULL;
    s.scratch = scratch;
    s.err = err;
    s.failed = false;
    s.used = 0;
    put_value(&s, value);
    flush(&s);
    if (s.failed && err->code == HF_OK) {
        return hf_error_set(err, HF_ENOMEM, "out of memory while writing canonical JSON");
    }
    return s.failed ? -1 : 0;
}

int hf_canonical_digest(struct hf_hasher *hasher, const struct hf_value *value, struct hf_digest *out,
                        struct hf_error *err)
{
    hf_auto_buf struct hf_buf scratch = {0};
    if (hf_canonical_feed(hasher, &scratch, value, err) != 0) {
        /* What was fed of it must not begin the next digest. */
        struct hf_error ignored = HF_ERROR_INIT;
        struct hf_digest partial;
        (void)hf_hasher_finish(hasher, &partial, &ignored);
        return -1;
    }
    return hf_hasher_finish(hasher, out, err);
}
