#include "found.h"

#include <stdio.h>
#include <string.h>

/* A longer word is not shown: what stands where something else was expected may be a password or a token. */
#define WORD_SHOWN 5

static bool is_word(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '_' || byte == '-' || byte == '.' || byte == '+';
}

/* The length of the UTF-8 sequence at bytes, 0 when it is none. */
static size_t sequence(const char *bytes, size_t len)
{
    for (size_t n = 2; n <= 4 && n <= len; n++) {
        if (hf_utf8_valid(bytes, n)) {
            return n;
        }
    }
    return 0;
}

static void found_byte(char out[HF_FOUND_TEXT], const char *bytes, size_t len)
{
    unsigned char byte = (unsigned char)bytes[0];
    if (byte == '\n' || byte == '\r') {
        (void)snprintf(out, HF_FOUND_TEXT, "the end of the line");
    } else if (byte == '\t') {
        (void)snprintf(out, HF_FOUND_TEXT, "a tab");
    } else if (byte == ' ') {
        (void)snprintf(out, HF_FOUND_TEXT, "a space");
    } else if (byte < 0x20 || byte == 0x7F) {
        (void)snprintf(out, HF_FOUND_TEXT, "control character U+%04X", (unsigned)byte);
    } else if (byte < 0x80) {
        (void)snprintf(out, HF_FOUND_TEXT, "'%c'", byte);
    } else {
        size_t n = sequence(bytes, len);
        hf_auto_buf struct hf_buf safe = {0};
        hf_buf_add_safe(&safe, (struct hf_slice){bytes, n}, 8);
        if (n > 0) {
            (void)snprintf(out, HF_FOUND_TEXT, "'%s'", hf_buf_text(&safe));
        } else {
            (void)snprintf(out, HF_FOUND_TEXT, "byte 0x%02X, which is not UTF-8", (unsigned)byte);
        }
    }
}

void hf_found(char out[HF_FOUND_TEXT], const char *bytes, size_t len, size_t at)
{
    if (at >= len) {
        (void)snprintf(out, HF_FOUND_TEXT, "the end of the input");
        return;
    }
    size_t word = 0;
    while (at + word < len && word <= WORD_SHOWN && is_word((unsigned char)bytes[at + word])) {
        word++;
    }
    if (word > 0) {
        if (word > WORD_SHOWN) {
            (void)snprintf(out, HF_FOUND_TEXT, "text");
        } else {
            (void)snprintf(out, HF_FOUND_TEXT, "'%.*s'", (int)word, bytes + at);
        }
        return;
    }
    found_byte(out, bytes + at, len - at);
}
