/* Time zones: against the C library's own reading of the same files, and any bytes. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "holdfast/zone.h"

static const struct hf_zone *zone_of(struct hf_arena *arena, const char *name)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_zone *zone = NULL;
    cr_assert_eq(hf_zone_find(arena, NULL, name, &zone, &err), 0, "%s: %s", name, err.text);
    return zone;
}

Test(zones, an_offset_at_any_time_is_what_the_c_library_says)
{
    static const char *const NAMES[] = {"America/New_York",
                                        "Europe/Berlin",
                                        "Australia/Sydney",
                                        "Asia/Kolkata",
                                        "America/Sao_Paulo",
                                        "Africa/Casablanca",
                                        "Pacific/Apia",
                                        "Europe/Dublin",
                                        "Asia/Tehran",
                                        "America/St_Johns",
                                        "UTC"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        const struct hf_zone *zone = zone_of(arena, NAMES[i]);
        cr_assert_eq(setenv("TZ", NAMES[i], 1), 0);
        tzset();
        for (int64_t at = 0; at < INT64_C(7258118400); at += 4 * 86400 + 3607) { /* to the year 2200 */
            time_t whole = (time_t)at;
            struct tm parts;
            cr_assert_not_null(localtime_r(&whole, &parts));
            cr_assert_eq(hf_zone_offset(zone, at), parts.tm_gmtoff, "%s at %lld: %d, not %ld", NAMES[i], (long long)at,
                         hf_zone_offset(zone, at), parts.tm_gmtoff);
        }
    }
}

Test(zones, a_local_time_is_turned_back_into_its_instant)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_zone *zone = zone_of(arena, "America/New_York");
    cr_expect_eq(hf_zone_instant(zone, 1772443800, false), 1772443800 + 5 * 3600); /* 2026-03-02 09:30 */
    cr_expect_eq(hf_zone_instant(zone, 1782984600, true), 1782984600 + 4 * 3600);  /* 2026-07-02 09:30 */
    /* 2026-11-01 01:30 comes twice, 2026-03-08 02:30 not at all. */
    cr_expect_eq(hf_zone_instant(zone, 1793496600, false), 1793496600 + 4 * 3600);
    cr_expect_eq(hf_zone_instant(zone, 1793496600, true), 1793496600 + 5 * 3600);
    cr_expect_eq(hf_zone_instant(zone, 1772937000, false), 1772937000 + 5 * 3600);
}

Test(zones, offsets_are_read_and_nothing_else_is_taken_for_one)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_zone *zone;
    static const struct {
        const char *name;
        int offset;
    } GOOD[] = {{"UTC", 0}, {"Z", 0}, {"+01:00", 3600}, {"-05:30", -19800}, {"+00:00", 0}, {"+23:59", 86340}};
    static const char *const BAD[] = {"", "+1:00", "+24:00", "+01:60", "01:00", "+01-00", "+0x:00", "utc"};
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        cr_assert(hf_zone_fixed(arena, GOOD[i].name, &zone), "%s", GOOD[i].name);
        cr_expect_eq(hf_zone_offset(zone, 0), GOOD[i].offset, "%s", GOOD[i].name);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        cr_expect_not(hf_zone_fixed(arena, BAD[i], &zone), "%s", BAD[i]);
    }
}

Test(zones, a_name_never_leads_out_of_the_folder)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    static const char *const BAD[] = {
        "../../../etc/passwd", "/etc/passwd", "Europe/../../../etc/passwd", "Europe//Berlin", "Europe/", "", ".",
        "posixrules.",         "Mars/Olympus"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct hf_error err = HF_ERROR_INIT;
        const struct hf_zone *zone;
        cr_expect_eq(hf_zone_find(arena, NULL, BAD[i], &zone, &err), -1, "%s", BAD[i]);
        cr_expect(err.code == HF_ENOTFOUND || i == 4, "%s: %s", BAD[i], err.text);
    }
}

Test(zones, a_file_that_is_cut_or_changed_is_refused_or_read_within_its_bounds)
{
    hf_auto_buf struct hf_buf bytes = {0};
    struct hf_error err = HF_ERROR_INIT;
    size_t refused = 0;
    cr_assert_eq(hf_read_file("/usr/share/zoneinfo/America/New_York", 1 << 20, &bytes, &err), 0, "%s", err.text);
    for (size_t len = 0; len < bytes.len; len += 7) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        hf_auto_free char *cut = hf_strndup(bytes.ptr, len);
        const struct hf_zone *zone;
        cr_expect_eq(hf_zone_read(arena, cut, len, &zone, &err), -1, "%zu bytes", len);
    }
    srand(4711);
    for (int i = 0; i < 3000; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        hf_auto_free char *changed = hf_calloc(1, bytes.len);
        const struct hf_zone *zone;
        memcpy(changed, bytes.ptr, bytes.len);
        for (int j = 0; j < 3; j++) {
            changed[(size_t)rand() % bytes.len] = (char)rand();
        }
        if (hf_zone_read(arena, changed, bytes.len, &zone, &err) != 0) {
            refused++;
        } else {
            int32_t offset = hf_zone_offset(zone, INT64_C(1) << (i % 62));
            cr_assert(offset > -1000000 && offset < 1000000);
        }
    }
    cr_expect(refused > 0 && refused < 3000);
}
