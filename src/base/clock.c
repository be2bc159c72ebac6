#include "holdfast/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0) {
        return 0;
    }
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t hf_now_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t hf_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t hf_mono_ms(void)
{
    return hf_mono_us() / 1000;
}

void hf_time_format(int64_t ms, char out[HF_TIME_TEXT])
{
    out[0] = '\0';
    if (ms == HF_TIME_NONE) {
        return;
    }
    int64_t seconds = ms / 1000;
    int64_t rest = ms % 1000;
    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    time_t whole = (time_t)seconds;
    struct tm parts;
    if (!gmtime_r(&whole, &parts) || parts.tm_year < -1900 || parts.tm_year > 8099) {
        return;
    }
    char date[24];
    if (strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        return;
    }
    /* strftime's %Y has no leading zeros before the year 1000 everywhere; write it ourselves. */
    (void)snprintf(out, HF_TIME_TEXT, "%04u%s.%03uZ", (unsigned)(parts.tm_year + 1900) % 10000u, strchr(date, '-'),
                   (unsigned)rest);
}

static bool digits(struct hf_slice *text, size_t count, int64_t *value)
{
    if (text->len < count) {
        return false;
    }
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        char byte = text->ptr[i];
        if (byte < '0' || byte > '9') {
            return false;
        }
        *value = *value * 10 + (byte - '0');
    }
    text->ptr += count;
    text->len -= count;
    return true;
}

static bool byte_of(struct hf_slice *text, const char *any)
{
    if (text->len == 0 || text->ptr[0] == '\0' || !strchr(any, text->ptr[0])) {
        return false;
    }
    text->ptr++;
    text->len--;
    return true;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar (Hinnant's days_from_civil). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool fraction(struct hf_slice *text, int64_t *ms)
{
    *ms = 0;
    if (!byte_of(text, ".")) {
        return true;
    }
    size_t count = 0;
    int64_t scale = 100;
    while (text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9') {
        *ms += (text->ptr[0] - '0') * scale;
        scale /= 10;
        count++;
        text->ptr++;
        text->len--;
    }
    return count > 0;
}

static bool offset(struct hf_slice *text, int64_t *minutes)
{
    *minutes = 0;
    if (byte_of(text, "Zz")) {
        return true;
    }
    if (text->len == 0) {
        return false;
    }
    int64_t sign = text->ptr[0] == '-' ? -1 : 1;
    int64_t hours;
    int64_t rest;
    if (!byte_of(text, "+-") || !digits(text, 2, &hours) || !byte_of(text, ":") || !digits(text, 2, &rest) ||
        hours > 23 || rest > 59) {
        return false;
    }
    *minutes = sign * (hours * 60 + rest);
    return true;
}

bool hf_time_parse(struct hf_slice text, int64_t *ms)
{
    static const int LAST[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t part;
    int64_t shift;
    if (!digits(&text, 4, &year) || !byte_of(&text, "-") || !digits(&text, 2, &month) || !byte_of(&text, "-") ||
        !digits(&text, 2, &day) || !byte_of(&text, "Tt") || !digits(&text, 2, &hour) || !byte_of(&text, ":") ||
        !digits(&text, 2, &minute) || !byte_of(&text, ":") || !digits(&text, 2, &second) || !fraction(&text, &part) ||
        !offset(&text, &shift) || text.len != 0) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 || day > LAST[month - 1] || (month == 2 && day == 29 && !leap) ||
        hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *ms = ((days_of(year, month, day) * 24 + hour) * 60 + minute - shift) * 60000 + second * 1000 + part;
    return true;
}

static bool unit_of(struct hf_slice *text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } UNITS[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        size_t len = strlen(UNITS[i].name);
        if (hf_slice_starts(*text, UNITS[i].name) &&
            (text->len == len || (text->ptr[len] >= '0' && text->ptr[len] <= '9'))) {
            *ms = UNITS[i].ms;
            text->ptr += len;
            text->len -= len;
            return true;
        }
    }
    return false;
}

bool hf_duration_parse(struct hf_slice text, int64_t *ms)
{
    int64_t total = 0;
    if (text.len == 0) {
        return false;
    }
    while (text.len > 0) {
        size_t count = 0;
        while (count < text.len && text.ptr[count] >= '0' && text.ptr[count] <= '9') {
            count++;
        }
        int64_t number;
        int64_t scale;
        if (!hf_parse_int((struct hf_slice){text.ptr, count}, 0, INT64_MAX, &number)) {
            return false;
        }
        text.ptr += count;
        text.len -= count;
        if (!unit_of(&text, &scale) || __builtin_mul_overflow(number, scale, &number) ||
            __builtin_add_overflow(total, number, &total)) {
            return false;
        }
    }
    *ms = total;
    return true;
}

void hf_duration_format(int64_t ms, char out[HF_TIME_TEXT])
{
    long long value = ms < 0 ? 0 : ms;
    if (value < 1000) {
        (void)snprintf(out, HF_TIME_TEXT, "%lld ms", value);
    } else if (value < 60000) {
        (void)snprintf(out, HF_TIME_TEXT, "%lld.%lld s", value / 1000, value % 1000 / 100);
    } else if (value < 3600000) {
        (void)snprintf(out, HF_TIME_TEXT, "%lld min %lld s", value / 60000, value % 60000 / 1000);
    } else if (value < 86400000) {
        (void)snprintf(out, HF_TIME_TEXT, "%lld h %lld min", value / 3600000, value % 3600000 / 60000);
    } else {
        (void)snprintf(out, HF_TIME_TEXT, "%lld d %lld h", value / 86400000, value % 86400000 / 3600000);
    }
}
