#include "yaml_float.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hf_digits_add(struct hf_digits *digits, char digit, bool behind_point)
{
    if (digits->count == 0 && digit == '0') {
        digits->exponent -= behind_point;
        return;
    }
    if (digits->count < sizeof digits->text - 2) {
        digits->text[digits->count++] = digit;
        digits->exponent -= behind_point;
        return;
    }
    /* A digit other than 0 far behind still tells the upper half from the lower. */
    if (digit != '0') {
        digits->text[digits->count - 1] =
            digits->text[digits->count - 1] == '0' ? '1' : digits->text[digits->count - 1];
    }
    digits->exponent += !behind_point;
}

double hf_digits_double(struct hf_digits *digits, int64_t exponent)
{
    if (digits->count == 0) {
        return 0;
    }
    int64_t power = digits->exponent + exponent;
    int64_t leading = power + (int64_t)digits->count;
    if (leading > 400 || leading < -400) {
        return leading > 0 ? HUGE_VAL : 0;
    }
    /* Without a decimal point, so that no locale matters. */
    char text[sizeof digits->text + 24];
    (void)snprintf(text, sizeof text, "%.*se%lld", (int)digits->count, digits->text, (long long)power);
    return strtod(text, NULL);
}

/* The digits and the power of ten of "d.ddde±n", trailing zeros left out. */
static int split_digits(const char *text, char *digits)
{
    int count = 0;
    int kept = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9') {
            digits[count++] = *text;
            kept = *text != '0' ? count : kept;
        }
    }
    digits[kept ? kept : 1] = '\0';
    return *text == 'e' ? (int)strtol(text + 1, NULL, 10) : 0;
}

static bool reads_back(double size, const char *digits, int power, bool single)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%se%d", digits, power - (int)strlen(digits) + 1);
    return single ? strtof(text, NULL) == (float)size : strtod(text, NULL) == size;
}

/* Counts up by one in the last of count places. False when that would need one more digit. */
static bool count_up(char *digits, int count)
{
    for (size_t i = strlen(digits); (int)i < count; i++) {
        digits[i] = '0';
        digits[i + 1] = '\0';
    }
    for (size_t i = strlen(digits); i-- > 0;) {
        if (digits[i] != '9') {
            digits[i]++;
            return true;
        }
        digits[i] = '0';
    }
    return false;
}

/* The shortest digits that
 read back to size (> 0), and the power of ten of the first. */
static int shortest(double size, bool single, char digits[32])
{
    int most = single ? 9 : 17;
    /* Up to so many digits each decimal has a number of its own; not so near zero, where precision fades. */
    bool faded = single ? size < 1.2e-38 : size < 2.3e-308;
    int power = 0;
    for (int count = faded ? 1 : single ? 6 : 15; count <= most; count++) {
        char text[40];
        (void)snprintf(text, sizeof text, "%.*e", count - 1, single ? (double)(float)size : size);
        power = split_digits(text, digits);
        if (reads_back(size, digits, power, single)) {
            break;
        }
        /* Below a power of two doubles lie closer, so the nearest decimal may miss where the next one up does not. */
        int exponent;
        if (frexp(size, &exponent) == 0.5 && count_up(digits, count) && reads_back(size, digits, power, single)) {
            break;
        }
    }
    return power;
}

/* Digits with the point where power puts it, without an exponent. */
static size_t plain(char *out, size_t cap, const char *digits, int power)
{
    size_t count = strlen(digits);
    size_t len = 0;
    if (power < 0) {
        len = (size_t)snprintf(out, cap, "0.%.*s", -power - 1, "000000");
    }
    for (size_t i = 0; i < count || (int)i <= power; i++) {
        if (power >= 0 && (int)i == power + 1) {
            out[len++] = '.';
        }
        out[len++] = i < count ? digits[i] : '0';
    }
    out[len] = '\0';
    return len;
}

static void write_float(double real, bool single, int least, int most, int exponent_digits, char out[48])
{
    char digits[32] = "0";
    int power = 0;
    size_t len = 0;
    double size = fabs(real);
    if (size != 0) {
        power = shortest(size, single, digits);
    }
    if (signbit(real)) {
        out[len++] = '-';
    }
    if (size != 0 && (power < least || power >= most)) {
        (void)snprintf(out + len, 48 - len, "%c%s%se%c%0*d", digits[0], digits[1] ? "." : "", digits + 1,
                       power < 0 ? '-' : '+', exponent_digits, abs(power));
    } else {
        (void)plain(out + len, 48 - len, digits, power);
    }
}

void hf_float_json(double real, char out[48])
{
    write_float(real, false, -6, 21, 1, out);
}

void hf_float_key(double real, char out[48])
{
    /* What float32 can't hold is written as an infinity by Go. */
    if (isinf((float)real)) {
        (void)snprintf(out, 48, "%s", real < 0 ? "-.inf" : ".inf");
        return;
    }
    write_float((double)(float)real, true, -4, 6, 2, out);
}
