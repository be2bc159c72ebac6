/* POSIX.1-2017, Base Definitions, 8.3: TZ; with RFC 8536's hours from -167 to 167. */
#include "zone_rule.h"

#define DAY 86400

static bool take(struct hf_slice *text, char byte)
{
    if (text->len == 0 || text->ptr[0] != byte) {
        return false;
    }
    text->ptr++;
    text->len--;
    return true;
}

static bool is_letter(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool take_number(struct hf_slice *text, int least, int most, int *out)
{
    int number = 0;
    size_t count = 0;
    while (text->len > 0 && is_digit(text->ptr[0]) && count < 4) {
        number = number * 10 + (text->ptr[0] - '0');
        text->ptr++;
        text->len--;
        count++;
    }
    *out = number;
    return count > 0 && number >= least && number <= most;
}

static bool take_name(struct hf_slice *text)
{
    size_t count = 0;
    bool quoted = take(text, '<');
    while (text->len > 0 && (is_letter(text->ptr[0]) ||
                             (quoted && (is_digit(text->ptr[0]) || text->ptr[0] == '+' || text->ptr[0] == '-')))) {
        text->ptr++;
        text->len--;
        count++;
    }
    return count >= 3 && (!quoted || take(text, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct hf_slice *text, int most_hours, int32_t *out)
{
    int hours;
    int minutes = 0;
    int seconds = 0;
    int sign = take(text, '-') ? -1 : 1;
    if (sign > 0) {
        (void)take(text, '+');
    }
    if (!take_number(text, 0, most_hours, &hours) ||
        (take(text, ':') &&
         (!take_number(text, 0, 59, &minutes) || (take(text, ':') && !take_number(text, 0, 59, &seconds))))) {
        return false;
    }
    *out = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool take_day(struct hf_slice *text, struct zone_day *out)
{
    *out = (struct zone_day){.kind = 'N', .time = 7200};
    bool ok;
    if (!take(text, ',')) {
        return false;
    }
    if (take(text, 'M')) {
        out->kind = 'M';
        ok = take_number(text, 1, 12, &out->month) && take(text, '.') && take_number(text, 1, 5, &out->week) &&
             take(text, '.') && take_number(text, 0, 6, &out->day);
    } else if (take(text, 'J')) {
        out->kind = 'J';
        ok = take_number(text, 1, 365, &out->day);
    } else {
        ok = take_number(text, 0, 365, &out->day);
    }
    return ok && (!take(text, '/') || take_time(text, 167, &out->time));
}

bool hf_zone_rule_read(struct hf_slice text, struct zone_rule *out)
{
    int32_t west;
    *out = (struct zone_rule){0};
    if (!take_name(&text) || !take_time(&text, 24, &west)) {
        return false;
    }
    out->standard = out->summer = -west;
    if (text.len == 0) {
        return true;
    }
    out->has_summer = true;
    out->summer = out->standard + 3600;
    if (!take_name(&text)) {
        return false;
    }
    if (text.len > 0 && text.ptr[0] != ',') {
        if (!take_time(&text, 24, &west)) {
            return false;
        }
        out->summer = -west;
    }
    return take_day(&text, &out->begins) && take_day(&text, &out->ends) && text.len == 0;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to 1 January of a year. */
static int64_t new_year(int64_t year)
{
    int64_t before = year - 1;
    int64_t leaps = (before >= 0 ? before / 4 - before / 100 + before / 400
                                 : -((-before + 3) / 4) + (-before + 99) / 100 - (-before + 399) / 400);
    return (year - 1970) * 365 + leaps - 477;
}

static int64_t year_of(int64_t day)
{
    int64_t year = 1970 + (day >= 0 ? day / 366 : day / 365 - 1);
    while (new_year(year + 1) <= day) {
        year++;
    }
    while (new_year(year) > day) {
        year--;
    }
    return year;
}

static int64_t in_month(const struct zone_day *rule, int64_t year)
{
    static const int LENGTHS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t first = new_year(year);
    for (int month = 1; month < rule->month; month++) {
        first += LENGTHS[month - 1] + (month == 2 && is_leap(year));
    }
    int length = LENGTHS[rule->month - 1] + (rule->month == 2 && is_leap(year));
    int weekday = (int)(((first + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    int day = (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;
    return first + (day >= length ? day - 7 : day);
}

/* The local time in that year, in seconds as if it were UTC. */
static int64_t moment(const struct zone_day *rule, int64_t year)
{
    int64_t day;
    if (rule->kind == 'M') {
        day = in_month(rule, year);
    } else if (rule->kind == 'J') {
        day = new_year(year) + rule->day - 1 + (is_leap(year) && rule->day >= 60);
    } else {
        day = new_year(year) + rule->day;
    }
    return day * DAY + rule->time;
}

int32_t hf_zone_rule_offset(const struct zone_rule *rule, int64_t at)
{
    if (!rule->has_summer || at > (int64_t)1 << 40 || at < -((int64_t)1 << 40)) {
        return rule->standard;
    }
    int64_t local = at + rule->standard;
    int64_t year = year_of(local >= 0 ? local / DAY : (local - DAY + 1) / DAY);
    int64_t begins = moment(&rule->begins, year) - rule->standard;
    int64_t ends = moment(&rule->ends, year) - rule->summer;
    bool is_summer = begins < ends ? at >= begins && at < ends : at < ends || at >= begins;
    return is_summer ? rule->summer : rule->standard;
}
