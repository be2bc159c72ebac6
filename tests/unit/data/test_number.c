#include <criterion/criterion.h>
#include <string.h>

#include "number.h"
#include "reading.h"

TestSuite(number, .timeout = 10);

Test(number, numbers_compare_by_exact_value)
{
    static const struct {
        const char *a;
        const char *b;
        int order;
    } ROWS[] = {
        {"0", "-0", 0},
        {"0", "0.000", 0},
        {"0e999999999", "0", 0},
        {"1", "1.0", 0},
        {"1e3", "1000", 0},
        {"1E+3", "1000.000", 0},
        {"10e-1", "1", 0},
        {"0.1", "1e-1", 0},
        {"0.001e3", "1", 0},
        {"120", "1.2e2", 0},
        {"1", "2", -1},
        {"2", "10", -1},
        {"-2", "-10", 1},
        {"-1", "1", -1},
        {"-1", "0", -1},
        {"0", "1e-400", -1},
        {"0.1", "0.10000000000000000000000000000001", -1},
        {"9007199254740993", "9007199254740992", 1},
        {"9223372036854775807", "9223372036854775806", 1},
        {"18446744073709551616", "1.8446744073709551616e19", 0},
        {"1e999999999", "1e999999998", 1},
        {"1e999999999", "10e999999998", 0},
        {"-1e999999999", "1e-999999999", -1},
        {"1e-999999999", "0", 1},
        {"123.456", "123.4560", 0},
        {"12.34", "12.35", -1},
        {"99", "100", -1},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct hf_slice a = hf_slice_of(ROWS[i].a);
        struct hf_slice b = hf_slice_of(ROWS[i].b);
        int there = hf_number_compare(a, b);
        int back = hf_number_compare(b, a);
        cr_expect_eq((there > 0) - (there < 0), ROWS[i].order, "%s against %s gave %d", ROWS[i].a, ROWS[i].b, there);
        cr_expect_eq((back > 0) - (back < 0), -ROWS[i].order, "%s against %s gave %d", ROWS[i].b, ROWS[i].a, back);
    }
}

Test(number, integers_are_read_exactly_or_not_at_all)
{
    static const struct {
        const char *text;
        bool is_int;
        int64_t value;
    } ROWS[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"0.0", true, 0},
        {"1.0", true, 1},
        {"1e3", true, 1000},
        {"10e-1", true, 1},
        {"-12", true, -12},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9.223372036854775807e18", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"1.5", false, 0},
        {"1e-1", false, 0},
        {"1e19", false, 0},
        {"1e999999999", false, 0},
        {"1e-999999999", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        int64_t value = 77;
        bool is_int = hf_value_int(json_of(arena, ROWS[i].text), &value);
        cr_expect_eq(is_int, ROWS[i].is_int, "%s", ROWS[i].text);
        cr_expect(!is_int || value == ROWS[i].value, "%s gave %lld", ROWS[i].text, (long long)value);
    }
    int64_t value;
    cr_expect_not(hf_value_int(NULL, &value));
}

Test(number, canonical_numbers_are_shortest_and_exact)
{
    static const char *const ROWS[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.0e5", "0"},
        {"1.0", "1"},
        {"1.50", "1.5"},
        {"-1.50", "-1.5"},
        {"100", "100"},
        {"1e2", "100"},
        {"1E+2", "100"},
        {"1e20", "100000000000000000000"},
        {"1e21", "1e+21"},
        {"123456789012345678901", "123456789012345678901"},
        {"1234567890123456789012", "1.234567890123456789012e+21"},
        {"9223372036854775807", "9223372036854775807"},
        {"18446744073709551615", "18446744073709551615"},
        {"0.000001", "0.000001"},
        {"0.0000001", "1e-7"},
        {"123e-2", "1.23"},
        {"1230e-2", "12.3"},
        {"12300e-2", "123"},
        {"0.00012300", "0.000123"},
        {"1.2345678901234567890123456789", "1.2345678901234567890123456789"},
        {"1e999999999", "1e+999999999"},
        {"1.5e-999999999", "1.5e-999999999"},
        {"0.1e1", "1"},
        {"100.100", "100.1"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct hf_buf buf = {0};
        struct hf_buf again = {0};
        hf_canonical_number(&buf, hf_slice_of(ROWS[i][0]));
        cr_expect_str_eq(hf_buf_text(&buf), ROWS[i][1], "%s", ROWS[i][0]);
        cr_expect_eq(hf_number_compare(hf_slice_of(ROWS[i][0]), hf_slice_of(hf_buf_text(&buf))), 0, "%s", ROWS[i][0]);
        hf_canonical_number(&again, hf_slice_of(hf_buf_text(&buf)));
        cr_expect_str_eq(hf_buf_text(&again), hf_buf_text(&buf), "%s is not stable", ROWS[i][0]);
        hf_buf_free(&buf);
        hf_buf_free(&again);
    }
}

Test(number, a_hostile_exponent_costs_nothing)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(1 << 16);
    const struct hf_value *a = json_of(arena, "[1e999999999, -1e-999999999, 1e99999999999999999]");
    char *canonical = canonical_of_value(a);
    cr_expect_str_eq(canonical, "[1e+999999999,-1e-999999999,1e+99999999999999999]");
    free(canonical);
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value;
    const char *text = "[1e100000000000000000]";
    cr_expect_eq(hf_json_read(arena, text, strlen(text), NULL, &value, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT, "%s", err.text);
}
