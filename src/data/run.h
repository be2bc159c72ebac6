/* Steps through the bytes of a JSON string that stand for themselves, eight at a time. */
#ifndef HF_DATA_RUN_H
#define HF_DATA_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HF_EACH_BYTE UINT64_C(0x0101010101010101)

static inline bool hf_ends_run(unsigned char byte)
{
    return byte == '"' || byte == '\\' || byte < 0x20;
}

/* How many bytes there are before a quote, a backslash or a control character. What is not ASCII among them sets the
 * top bit of *seen. */
static inline size_t hf_clean_run(const unsigned char *bytes, size_t len, unsigned char *seen)
{
    const uint64_t top = HF_EACH_BYTE * 0x80;
    size_t at = 0;
    uint64_t high = 0;
    while (len - at >= 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        uint64_t quote = word ^ HF_EACH_BYTE * '"';
        uint64_t slash = word ^ HF_EACH_BYTE * '\\';
        /* A byte below n has its top bit set in (word - n) and not in word; a zero byte is one below 1. */
        uint64_t stop = ((word - HF_EACH_BYTE * 0x20) & ~word) | ((quote - HF_EACH_BYTE) & ~quote) |
                        ((slash - HF_EACH_BYTE) & ~slash);
        if (stop & top) {
            break;
        }
        high |= word & top;
        at += 8;
    }
    unsigned char rest = high ? 0x80 : 0;
    while (at < len && !hf_ends_run(bytes[at])) {
        rest |= bytes[at++];
    }
    *seen |= rest;
    return at;
}

#endif
