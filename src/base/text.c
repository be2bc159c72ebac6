#include "holdfast/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"

struct hf_slice hf_slice_of(const char *text)
{
    return (struct hf_slice){text, text ? strlen(text) : 0};
}

bool hf_slice_is(struct hf_slice slice, const char *text)
{
    return hf_slice_equal(slice, hf_slice_of(text));
}

bool hf_slice_equal(struct hf_slice a, struct hf_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int hf_slice_compare(struct hf_slice a, struct hf_slice b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least ? memcmp(a.ptr, b.ptr, least) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool hf_slice_starts(struct hf_slice slice, const char *prefix)
{
    size_t len = strlen(prefix);
    return slice.len >= len && (len == 0 || memcmp(slice.ptr, prefix, len) == 0);
}

void hf_buf_free(struct hf_buf *buf)
{
    free(buf->ptr);
    size_t limit = buf->limit;
    *buf = (struct hf_buf){.limit = limit};
}

void hf_buf_clear(struct hf_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->ptr) {
        buf->ptr[0] = '\0';
    }
}

/* Makes room for more bytes and the terminator. */
static bool reserve(struct hf_buf *buf, size_t more)
{
    if (buf->failed) {
        return false;
    }
    size_t wanted;
    if (__builtin_add_overflow(buf->len, more, &wanted) || wanted == SIZE_MAX || (buf->limit && wanted > buf->limit)) {
        buf->failed = true;
        return false;
    }
    wanted++;
    if (wanted <= buf->cap) {
        return true;
    }
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < wanted) {
        cap = cap > SIZE_MAX / 2 ? wanted : cap * 2;
    }
    char *ptr = realloc(buf->ptr, cap);
    if (!ptr) {
        buf->failed = true;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

void hf_buf_add(struct hf_buf *buf, const char *bytes, size_t len)
{
    if (!reserve(buf, len)) {
        return;
    }
    if (len > 0) {
        memcpy(buf->ptr + buf->len, bytes, len);
    }
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

void hf_buf_adds(struct hf_buf *buf, const char *text)
{
    if (text) {
        hf_buf_add(buf, text, strlen(text));
    }
}

void hf_buf_addc(struct hf_buf *buf, char byte)
{
    hf_buf_add(buf, &byte, 1);
}

void hf_buf_addf(struct hf_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
    } else if (reserve(buf, (size_t)len)) {
        (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

bool hf_buf_ok(const struct hf_buf *buf)
{
    return !buf->failed;
}

const char *hf_buf_text(const struct hf_buf *buf)
{
    return buf->ptr ? buf->ptr : "";
}

char *hf_buf_take(struct hf_buf *buf)
{
    if (!reserve(buf, 0)) {
        hf_buf_free(buf);
        return NULL;
    }
    buf->ptr[buf->len] = '\0';
    char *ptr = buf->ptr;
    buf->ptr = NULL;
    buf->len = buf->cap = 0;
    return ptr;
}

bool hf_parse_int(struct hf_slice text, int64_t min, int64_t max, int64_t *out)
{
    if (text.len == 0 || text.len > 20) {
        return false;
    }
    size_t at = text.ptr[0] == '-' ? 1 : 0;
    if (at == text.len) {
        return false;
    }
    int64_t value = 0;
    for (; at < text.len; at++) {
        char byte = text.ptr[at];
        if (byte < '0' || byte > '9') {
            return false;
        }
        int64_t digit = text.ptr[0] == '-' ? -(byte - '0') : byte - '0';
        if (__builtin_mul_overflow(value, (int64_t)10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (value < min || value > max) {
        return false;
    }
    *out = value;
    return true;
}
