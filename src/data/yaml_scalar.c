#include "yaml_scalar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_float.h"

/* Walks a text, passing over '_' where numbers may hold it. */
struct walk {
    const char *at;
    const char *end;
    bool underscores;
};

static int peek(struct walk *w)
{
    while (w->underscores && w->at < w->end && *w->at == '_') {
        w->at++;
    }
    return w->at < w->end ? (unsigned char)*w->at : -1;
}

static int take(struct walk *w)
{
    int byte = peek(w);
    w->at += byte >= 0;
    return byte;
}

static int digit_of(int byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'z' ? byte - 'a' + 10 : 99;
}

static void set_int(struct hf_scalar *out, bool negative, uint64_t size)
{
    out->type = HF_SCALAR_INT;
    out->above_int64 = !negative && size > INT64_MAX;
    (void)snprintf(out->number, sizeof out->number, "%s%llu", negative && size ? "-" : "", (unsigned long long)size);
}

/* The digits of a base up to the end, at least one unless may_be_empty. */
static bool read_digits(struct walk w, int base, bool may_be_empty, uint64_t *size)
{
    *size = 0;
    bool any = may_be_empty;
    for (int byte = take(&w); byte >= 0; byte = take(&w)) {
        int digit = digit_of(byte);
        if (digit >= base || __builtin_mul_overflow(*size, (uint64_t)base, size) ||
            __builtin_add_overflow(*size, (uint64_t)digit, size)) {
            return false;
        }
        any = true;
    }
    return any;
}

static bool fits(bool sign_given, bool negative, uint64_t size)
{
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : sign_given ? INT64_MAX : UINT64_MAX;
    return size <= most;
}

/* Go's ParseInt(text, 0, 64), then ParseUint. */
static bool read_int(struct walk w, struct hf_scalar *out)
{
    bool negative = peek(&w) == '-';
    bool sign_given = negative || peek(&w) == '+';
    if (sign_given) {
        (void)take(&w);
    }
    int base = 10;
    bool may_be_empty = false;
    if (peek(&w) == '0') {
        (void)take(&w);
        struct walk after = w;
        int letter = take(&after) | 0x20;
        base = 8;
        may_be_empty = true;
        if ((letter == 'b' || letter == 'o' || letter == 'x') && peek(&after) >= 0) {
            base = letter == 'b' ? 2 : letter == 'o' ? 8 : 16;
            may_be_empty = false;
            w = after;
        }
    }
    uint64_t size;
    if (!read_digits(w, base, may_be_empty, &size) || !fits(sign_given, negative, size)) {
        return false;
    }
    set_int(out, negative, size);
    return true;
}

/* A sign behind "0b" is taken as well. */
static bool read_odd_binary(struct walk w, struct hf_scalar *out)
{
    if (take(&w) != '0' || take(&w) != 'b') {
        return false;
    }
    int sign = take(&w);
    uint64_t size;
    if ((sign != '-' && sign != '+') || !read_digits(w, 2, false, &size) || !fits(true, sign == '-', size)) {
        return false;
    }
    set_int(out, sign == '-', size);
    return true;
}

/* ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$, gathered for a conversion that depends on no locale. */
static bool read_float(struct walk w, struct hf_scalar *out)
{
    struct hf_digits digits = {0};
    bool negative = peek(&w) == '-';
    if (negative || peek(&w) == '+') {
        (void)take(&w);
    }
    size_t before = 0;
    size_t behind = 0;
    for (; digit_of(peek(&w)) < 10; before++) {
        hf_digits_add(&digits, (char)take(&w), false);
    }
    if (peek(&w) == '.') {
        (void)take(&w);
        for (; digit_of(peek(&w)) < 10; behind++) {
            hf_digits_add(&digits, (char)take(&w), true);
        }
    }
    if (before == 0 && behind == 0) {
        return false;
    }
    int64_t exponent = 0;
    if (peek(&w) == 'e' || peek(&w) == 'E') {
        (void)take(&w);
        bool down = peek(&w) == '-';
        if (down || peek(&w) == '+') {
            (void)take(&w);
        }
        if (digit_of(peek(&w)) >= 10) {
            return false;
        }
        while (digit_of(peek(&w)) < 10) {
            int digit = take(&w) - '0';
            exponent = exponent < 1000000000 ? exponent * 10 + digit : exponent;
        }
        exponent = down ? -exponent : exponent;
    }
    if (peek(&w) >= 0) {
        return false;
    }
    double real = hf_digits_double(&digits, exponent);
    if (isinf(real)) {
        return false; /* out of range for Go, which then takes it as a string */
    }
    out->type = HF_SCALAR_FLOAT;
    out->real = negative ? -real : real;
    hf_float_json(out->real, out->number);
    return true;
}

static bool read_word(struct hf_slice text, struct hf_scalar *out)
{
    static const struct {
        const char *word;
        enum hf_scalar_type type;
        bool boolean;
    } WORDS[] = {
        {"y", HF_SCALAR_BOOL, true},         {"Y", HF_SCALAR_BOOL, true},         {"yes", HF_SCALAR_BOOL, true},
        {"Yes", HF_SCALAR_BOOL, true},       {"YES", HF_SCALAR_BOOL, true},       {"true", HF_SCALAR_BOOL, true},
        {"True", HF_SCALAR_BOOL, true},      {"TRUE", HF_SCALAR_BOOL, true},      {"on", HF_SCALAR_BOOL, true},
        {"On", HF_SCALAR_BOOL, true},        {"ON", HF_SCALAR_BOOL, true},        {"n", HF_SCALAR_BOOL, false},
        {"N", HF_SCALAR_BOOL, false},        {"no", HF_SCALAR_BOOL, false},       {"No", HF_SCALAR_BOOL, false},
        {"NO", HF_SCALAR_BOOL, false},       {"false", HF_SCALAR_BOOL, false},    {"False", HF_SCALAR_BOOL, false},
        {"FALSE", HF_SCALAR_BOOL, false},    {"off", HF_SCALAR_BOOL, false},      {"Off", HF_SCALAR_BOOL, false},
        {"OFF", HF_SCALAR_BOOL, false},      {"~", HF_SCALAR_NULL, false},        {"null", HF_SCALAR_NULL, false},
        {"Null", HF_SCALAR_NULL, false},     {"NULL", HF_SCALAR_NULL, false},     {".nan", HF_SCALAR_ENDLESS, false},
        {".NaN", HF_SCALAR_ENDLESS, false},  {".NAN", HF_SCALAR_ENDLESS, false},  {".inf", HF_SCALAR_ENDLESS, false},
        {".Inf", HF_SCALAR_ENDLESS, false},  {".INF", HF_SCALAR_ENDLESS, false},  {"+.inf", HF_SCALAR_ENDLESS, false},
        {"+.Inf", HF_SCALAR_ENDLESS, false}, {"+.INF", HF_SCALAR_ENDLESS, false}, {"-.inf", HF_SCALAR_ENDLESS, false},
        {"-.Inf", HF_SCALAR_ENDLESS, false}, {"-.INF", HF_SCALAR_ENDLESS, false},
    };
    if (text.len > 5) {
        return false;
    }
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (hf_slice_is(text, WORDS[i].word)) {
            out->type = WORDS[i].type;
            out->boolean = WORDS[i].boolean;
            if (out->type == HF_SCALAR_ENDLESS) {
                bool nan_word = (text.ptr[1] | 0x20) == 'n';
                (void)snprintf(out->number, sizeof out->number, "%s",
                               nan_word             ? ".nan"
                               : text.ptr[0] == '-' ? "-.inf"
                                                    : ".inf");
            }
            return true;
        }
    }
    return false;
}

/* Whether each "_" stands between digits, which is where Go passes over it in a float. */
static bool parts_digits(struct hf_slice text, bool *any)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '_') {
            continue;
        }
        if (i == 0 || i + 1 == text.len || digit_of(text.ptr[i - 1]) >= 10 || digit_of(text.ptr[i + 1]) >= 10) {
            return false;
        }
        *any = true;
    }
    return true;
}

/* Resolves by the first byte, as go-yaml does. */
void hf_scalar_resolve(struct hf_slice text, struct hf_scalar *out)
{
    out->type = HF_SCALAR_NULL;
    out->boolean = false;
    out->above_int64 = false;
    if (text.len == 0) {
        return;
    }
    char first = text.ptr[0];
    bool number = (first >= '0' && first <= '9') || first == '+' || first == '-';
    struct walk w = {text.ptr, text.ptr + text.len, number};
    if ((number || strchr("yYnNtTfFoO~.", first)) && first != '\0') {
        if (read_word(text, out)) {
            return;
        }
        if (number && (read_int(w, out) || read_float(w, out) || read_odd_binary(w, out))) {
            return;
        }
        if (first == '.' && parts_digits(text, &w.underscores) && read_float(w, out)) {
            return;
        }
    }
    out->type = HF_SCALAR_STRING;
}

static bool looks_like_date(struct hf_slice text)
{
    size_t at = 0;
    for (size_t part = 0; part < 3; part++) {
        size_t start = at;
        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
            at++;
        }
        size_t count = at - start;
        if (part == 0 ? count != 4 : count < 1 || count > 2) {
            return false;
        }
        if (part < 2) {
            if (at >= text.len || text.ptr[at] != '-') {
                return false;
            }
            at++;
        }
    }
    return at == text.len || text.ptr[at] == 'T' || text.ptr[at] == 't' || text.ptr[at] == ' ';
}

bool hf_scalar_tagged(const char *tag, struct hf_slice text, struct hf_scalar *out)
{
    hf_scalar_resolve(text, out);
    if (strcmp(tag, "timestamp") == 0) {
        return out->type == HF_SCALAR_STRING && looks_like_date(text);
    }
    if (strcmp(tag, "float") == 0) {
        if (out->type == HF_SCALAR_INT && !out->above_int64) {
            out->type = HF_SCALAR_FLOAT;
            out->real = (double)strtoll(out->number, NULL, 10);
            hf_float_json(out->real, out->number);
        }
        return out->type == HF_SCALAR_FLOAT || out->type == HF_SCALAR_ENDLESS;
    }
    return (strcmp(tag, "int") == 0 && out->type == HF_SCALAR_INT) ||
           (strcmp(tag, "bool") == 0 && out->type == HF_SCALAR_BOOL) ||
           (strcmp(tag, "null") == 0 && out->type == HF_SCALAR_NULL);
}

void hf_scalar_float_key(const struct hf_scalar *scalar, char out[HF_SCALAR_NUMBER])
{
    if (scalar->type == HF_SCALAR_ENDLESS) {
        (void)snprintf(out, HF_SCALAR_NUMBER, "%s", scalar->number);
    } else {
        hf_float_key(scalar->real, out);
    }
}

static bool is_base60(struct hf_slice text)
{
    bool colon = false;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        colon |= byte == ':';
        if (!(byte >= '0' && byte <= '9') && byte != ':' && byte != '_' && byte != '.' &&
            !(i == 0 && (byte == '-' || byte == '+'))) {
            return false;
        }
    }
    return colon;
}

bool hf_scalar_is_ambiguous(struct hf_slice text)
{
    struct hf_scalar scalar;
    hf_scalar_resolve(text, &scalar);
    return scalar.type != HF_SCALAR_STRING || looks_like_date(text) || is_base60(text) || hf_slice_is(text, "<<") ||
           hf_slice_is(text, "=");
}
