/* Quantities: a decimal number and a suffix, counted in nano, rounded up. */
#include "quantity.h"

#include <stdlib.h>

__extension__ typedef unsigned __int128 wide;

#define MOST_DIGITS 24

struct reading {
    wide digits;
    int fraction; /* digits behind the point */
    bool negative;
};

struct suffix {
    const char *name;
    int ten; /* power of 10 */
    int two; /* power of 2 */
};

static const struct suffix SUFFIXES[] = {
    {"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0},  {"", 0, 0},    {"k", 3, 0},   {"M", 6, 0},
    {"G", 9, 0},   {"T", 12, 0},  {"P", 15, 0},  {"E", 18, 0},  {"Ki", 0, 10}, {"Mi", 0, 20},
    {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50}, {"Ei", 0, 60},
};

static bool read_digits(struct hf_slice *text, struct reading *reading)
{
    int count = 0;
    bool point = false;
    *reading = (struct reading){0};
    if (text->len > 0 && (text->ptr[0] == '-' || text->ptr[0] == '+')) {
        reading->negative = text->ptr[0] == '-';
        text->ptr++;
        text->len--;
    }
    for (; text->len > 0; text->ptr++, text->len--) {
        char c = text->ptr[0];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') {
            break;
        }
        if (++count > MOST_DIGITS) {
            return false;
        }
        reading->digits = reading->digits * 10 + (wide)(unsigned char)(c - '0');
        reading->fraction += point ? 1 : 0;
    }
    return count > 0;
}

static void add_wide(struct hf_buf *buf, bool negative, wide number)
{
    char digits[48];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number > 0);
    if (negative) {
        hf_buf_addc(buf, '-');
    }
    hf_buf_add(buf, digits + at, sizeof digits - at);
}

static const char *ten_suffix(int power)
{
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        if (SUFFIXES[i].two == 0 && SUFFIXES[i].ten == power) {
            return SUFFIXES[i].name;
        }
    }
    return NULL;
}

/* number × 10^power with the power a multiple of 3, as small a number as can be without a fraction. */
static bool add_decimal(struct hf_buf *buf, bool negative, wide number, int power, bool exponent)
{
    bool rounded = false;
    for (; power < -9; power++) {
        rounded |= number % 10 != 0;
        number /= 10;
    }
    number += rounded ? 1 : 0;
    if (number == 0) {
        hf_buf_addc(buf, '0');
        return true;
    }
    while (number % 10 == 0) {
        number /= 10;
        power++;
    }
    for (; power % 3 != 0 || power > 18; power--) {
        if (number > ((wide)1 << 124) / 10) {
            return false;
        }
        number *= 10;
    }
    add_wide(buf, negative, number);
    if (exponent && power != 0) {
        hf_buf_addf(buf, "e%d", power);
        return true;
    }
    hf_buf_adds(buf, ten_suffix(power));
    return true;
}

/* Below 1024 the suffix is dropped, so that nothing is rounded. */
static bool add_binary(struct hf_buf *buf, const struct reading *reading, int two)
{
    wide number = reading->digits;
    for (int i = 0; i < two; i++) {
        if (number > (wide)1 << 125) {
            return false;
        }
        number *= 2;
    }
    wide whole = number, scale = 1;
    for (int i = 0; i < reading->fraction; i++) {
        scale *= 10;
    }
    whole = number / scale;
    if (whole < 1024) {
        return add_decimal(buf, reading->negative, number, -reading->fraction, false);
    }
    whole += number % scale != 0 ? 1 : 0;
    int power = 0;
    while (power < 60 && whole % 1024 == 0) {
        whole /= 1024;
        power += 10;
    }
    add_wide(buf, reading->negative, whole);
    for (size_t i = 0; power > 0 && i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        if (SUFFIXES[i].two == power) {
            hf_buf_adds(buf, SUFFIXES[i].name);
        }
    }
    return true;
}

static bool read_exponent(struct hf_slice text, int *exponent)
{
    int64_t number = 0;
    if (text.len < 2 || (text.ptr[0] != 'e' && text.ptr[0] != 'E')) {
        return false;
    }
    text.ptr++;
    text.len--;
    if (text.ptr[0] == '+') {
        text.ptr++;
        text.len--;
    }
    if (!hf_parse_int(text, -30, 30, &number)) {
        return false;
    }
    *exponent = (int)number;
    return true;
}

bool sim_quantity_canonical(struct hf_buf *buf, struct hf_slice text)
{
    struct reading reading;
    int exponent = 0;
    if (!read_digits(&text, &reading)) {
        return false;
    }
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        if (hf_slice_is(text, SUFFIXES[i].name)) {
            return SUFFIXES[i].two > 0
                       ? add_binary(buf, &reading, SUFFIXES[i].two)
                       : add_decimal(buf, reading.negative, reading.digits, SUFFIXES[i].ten - reading.fraction, false);
        }
    }
    return read_exponent(text, &exponent) &&
           add_decimal(buf, reading.negative, reading.digits, exponent - reading.fraction, true);
}
