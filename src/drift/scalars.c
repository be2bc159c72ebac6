/* Single values, by their type: whether the server would store desired as live. */
#include <stdlib.h>
#include <string.h>

#include "holdfast/clock.h"
#include "quantity.h"
#include "walk.h"

__extension__ typedef __int128 wide;

static bool quantity_text(const struct hf_value *value, struct hf_slice *out)
{
    if (value->kind != HF_STRING && value->kind != HF_NUMBER) {
        return false;
    }
    *out = value->as.text;
    return true;
}

static bool equal_quantities(const struct hf_value *desired, const struct hf_value *live, bool in_milli)
{
    struct hf_slice a;
    struct hf_slice b;
    bool same;
    if (!quantity_text(desired, &a) || !quantity_text(live, &b)) {
        return false;
    }
    return hf_quantity_is_stored_as(a, b, in_milli, &same) ? same : hf_slice_equal(a, b);
}

static bool equal_bytes(const struct hf_value *desired, const struct hf_value *live)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf a = {0};
    hf_auto_buf struct hf_buf b = {0};
    if (desired->kind != HF_STRING || live->kind != HF_STRING) {
        return false;
    }
    if (hf_slice_equal(desired->as.text, live->as.text)) {
        return true;
    }
    bool equal = hf_base64_decode(desired->as.text, &a, &err) == 0 && hf_base64_decode(live->as.text, &b, &err) == 0 &&
                 hf_slice_equal((struct hf_slice){hf_buf_text(&a), a.len}, (struct hf_slice){hf_buf_text(&b), b.len});
    hf_wipe(a.ptr, a.cap);
    hf_wipe(b.ptr, b.cap);
    return equal;
}

/* The first six digits behind the seconds. */
static int64_t micros_of(struct hf_slice time)
{
    int64_t micros = 0;
    size_t at = 0;
    while (at < time.len && time.ptr[at] != '.') {
        at++;
    }
    for (int i = 0; i < 6; i++) {
        bool is_digit = ++at < time.len && time.ptr[at] >= '0' && time.ptr[at] <= '9';
        micros = micros * 10 + (is_digit ? time.ptr[at] - '0' : 0);
        at = is_digit ? at : time.len;
    }
    return micros;
}

/* metav1.Time is kept to the second, MicroTime to the microsecond. */
static bool equal_times(const struct hf_value *desired, const struct hf_value *live, bool in_micros)
{
    int64_t a;
    int64_t b;
    if (desired->kind != HF_STRING || live->kind != HF_STRING) {
        return false;
    }
    if (!hf_time_parse(desired->as.text, &a) || !hf_time_parse(live->as.text, &b)) {
        return hf_slice_equal(desired->as.text, live->as.text);
    }
    int64_t second = a / 1000 - (a % 1000 < 0);
    return second == b / 1000 - (b % 1000 < 0) &&
           (!in_micros || micros_of(desired->as.text) == micros_of(live->as.text));
}

/* Go's time.ParseDuration, in nanoseconds. */
static bool read_duration(struct hf_slice text, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t nano;
    } UNITS[] = {{"ns", 1},         {"us", 1000},       {"µs", 1000},        {"ms", 1000000},
                 {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};
    int64_t total = 0;
    bool negative = hf_slice_starts(text, "-");
    if (negative || hf_slice_starts(text, "+")) {
        text.ptr++;
        text.len--;
    }
    if (hf_slice_is(text, "0")) {
        *out = 0;
        return true;
    }
    bool any = text.len > 0;
    while (text.len > 0) {
        size_t digits = 0;
        int64_t whole = 0;
        int64_t part = 0;
        int64_t divisor = 1;
        for (; text.len > 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9' && whole < INT64_MAX / 20;
             digits++, text.ptr++, text.len--) {
            whole = whole * 10 + (text.ptr[0] - '0');
        }
        if (text.len > 0 && text.ptr[0] == '.') {
            for (text.ptr++, text.len--; text.len > 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9';
                 digits++, text.ptr++, text.len--) {
                if (divisor < 1000000000) {
                    part = part * 10 + (text.ptr[0] - '0');
                    divisor *= 10;
                }
            }
        }
        size_t unit = 0;
        size_t count = sizeof UNITS / sizeof UNITS[0];
        while (unit < count && (!hf_slice_starts(text, UNITS[unit].name) ||
                                (strcmp(UNITS[unit].name, "m") == 0 && hf_slice_starts(text, "ms")))) {
            unit++;
        }
        int64_t nano;
        if (digits == 0 || unit == count || __builtin_mul_overflow(whole, UNITS[unit].nano, &nano) ||
            __builtin_add_overflow(total, nano + (int64_t)((wide)part * UNITS[unit].nano / divisor), &total)) {
            return false;
        }
        text.ptr += strlen(UNITS[unit].name);
        text.len -= strlen(UNITS[unit].name);
    }
    *out = negative ? -total : total;
    return any;
}

static bool equal_durations(const struct hf_value *desired, const struct hf_value *live)
{
    int64_t a;
    int64_t b;
    if (desired->kind != HF_STRING || live->kind != HF_STRING) {
        return false;
    }
    if (!read_duration(desired->as.text, &a) || !read_duration(live->as.text, &b)) {
        return hf_slice_equal(desired->as.text, live->as.text);
    }
    return a == b;
}

static bool is_whole(struct hf_slice text)
{
    return !memchr(text.ptr, '.', text.len) && !memchr(text.ptr, 'e', text.len) && !memchr(text.ptr, 'E', text.len);
}

static bool read_double(struct hf_slice text, double *out)
{
    char copy[400];
    if (text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, NULL);
    return true;
}

/* Go reads a number as int64 where it is written as one and fits, else as float64 (sigs.k8s.io/json): what a unit
 * writes with a point or an exponent is stored rounded to that. */
static bool equal_numbers(const struct hf_value *desired, const struct hf_value *live)
{
    int64_t number;
    double a;
    double b;
    if ((is_whole(desired->as.text) && hf_value_int(desired, &number)) || !read_double(desired->as.text, &a) ||
        !read_double(live->as.text, &b)) {
        return hf_value_equal(desired, live);
    }
    if (is_whole(live->as.text) && hf_value_int(live, &number)) {
        return a >= -9.2e18 && a <= 9.2e18 && (int64_t)a == number && (double)(int64_t)a >= a &&
               (double)(int64_t)a <= a;
    }
    return a >= b && a <= b;
}

bool hf_scalar_equal(const struct place *place, const struct hf_value *desired, const struct hf_value *live)
{
    const struct hf_type *type = place->type;
    if (desired->kind == HF_NUMBER && live->kind == HF_NUMBER && (!type || type->kind != HF_TYPE_QUANTITY)) {
        return equal_numbers(desired, live);
    }
    if (hf_value_equal(desired, live)) {
        return true;
    }
    switch (type ? type->kind : HF_TYPE_UNKNOWN) {
    case HF_TYPE_QUANTITY:
        return equal_quantities(desired, live, place->in_milli);
    case HF_TYPE_BYTES:
        return equal_bytes(desired, live);
    case HF_TYPE_TIME:
        return equal_times(desired, live, false);
    case HF_TYPE_MICRO_TIME:
        return equal_times(desired, live, true);
    case HF_TYPE_DURATION:
        return equal_durations(desired, live);
    default:
        return false;
    }
}
