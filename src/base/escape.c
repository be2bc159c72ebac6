/* Text made fit for where it goes: JSON, URLs, terminals and logs. */
#include <string.h>

#include "holdfast/text.h"
#include "utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"

size_t hf_utf8_step(const unsigned char *bytes, size_t len, uint32_t *point)
{
    if (len == 0) {
        return 0;
    }
    unsigned char lead = bytes[0];
    if (lead < 0x80) {
        *point = lead;
        return 1;
    }
    size_t need;
    uint32_t value;
    uint32_t least;
    if ((lead & 0xE0) == 0xC0) {
        need = 2, value = lead & 0x1Fu, least = 0x80;
    } else if ((lead & 0xF0) == 0xE0) {
        need = 3, value = lead & 0x0Fu, least = 0x800;
    } else if ((lead & 0xF8) == 0xF0) {
        need = 4, value = lead & 0x07u, least = 0x10000;
    } else {
        return 0;
    }
    if (len < need) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = (value << 6) | (bytes[i] & 0x3Fu);
    }
    if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *point = value;
    return need;
}

bool hf_utf8_valid(const char *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (len > 0) {
        uint32_t point;
        size_t step = hf_utf8_step(at, len, &point);
        if (step == 0) {
            return false;
        }
        at += step;
        len -= step;
    }
    return true;
}

static void add_json_control(struct hf_buf *buf, unsigned char byte)
{
    switch (byte) {
    case '\b':
        hf_buf_adds(buf, "\\b");
        break;
    case '\f':
        hf_buf_adds(buf, "\\f");
        break;
    case '\n':
        hf_buf_adds(buf, "\\n");
        break;
    case '\r':
        hf_buf_adds(buf, "\\r");
        break;
    case '\t':
        hf_buf_adds(buf, "\\t");
        break;
    default:
        hf_buf_addf(buf, "\\u%04x", (unsigned)byte);
    }
}

void hf_buf_add_json(struct hf_buf *buf, struct hf_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t start = 0;
    size_t at = 0;
    hf_buf_addc(buf, '"');
    while (at < text.len) {
        unsigned char byte = bytes[at];
        uint32_t point;
        size_t step = hf_utf8_step(bytes + at, text.len - at, &point);
        if (step > 0 && byte >= 0x20 && byte != '"' && byte != '\\') {
            at += step;
            continue;
        }
        hf_buf_add(buf, text.ptr + start, at - start);
        if (step == 0) {
            hf_buf_adds(buf, REPLACEMENT);
        } else if (byte < 0x20) {
            add_json_control(buf, byte);
        } else {
            hf_buf_addc(buf, '\\');
            hf_buf_addc(buf, (char)byte);
        }
        at++;
        start = at;
    }
    hf_buf_add(buf, text.ptr ? text.ptr + start : "", at - start);
    hf_buf_addc(buf, '"');
}

void hf_buf_add_url(struct hf_buf *buf, struct hf_slice text)
{
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
            (byte != 0 && strchr("-._~", byte))) {
            hf_buf_addc(buf, (char)byte);
        } else {
            char triple[3] = {'%', HEX[byte >> 4], HEX[byte & 15]};
            hf_buf_add(buf, triple, sizeof triple);
        }
    }
}

/* What could forge a line, move a cursor or turn the reading direction (UAX #9). */
static bool is_unsafe(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029 ||
           (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) || point == 0x200E ||
           point == 0x200F || point == 0x061C || point == 0xFEFF;
}

void hf_buf_add_safe(struct hf_buf *buf, struct hf_slice text, size_t max)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t at = 0;
    while (at < text.len) {
        uint32_t point;
        size_t step = hf_utf8_step(bytes + at, text.len - at, &point);
        if (at + (step ? step : 1) > max) {
            hf_buf_adds(buf, "…");
            return;
        }
        if (step == 0) {
            hf_buf_adds(buf, REPLACEMENT);
            at++;
            continue;
        }
        if (point == '\n') {
            hf_buf_adds(buf, "\\n");
        } else if (point == '\t') {
            hf_buf_adds(buf, "\\t");
        } else if (point < 0x80 && is_unsafe(point)) {
            hf_buf_addf(buf, "\\x%02x", (unsigned)point);
        } else if (is_unsafe(point)) {
            hf_buf_addf(buf, "\\u%04x", (unsigned)point);
        } else {
            hf_buf_add(buf, text.ptr + at, step);
        }
        at += step;
    }
}
