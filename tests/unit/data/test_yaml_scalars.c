#include <criterion/criterion.h>
#include <string.h>

#include "reading.h"

TestSuite(yaml_scalars, .timeout = 30);

static void check(const char *const rows[][2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *text = canonical_of_yaml(rows[i][0], strlen(rows[i][0]));
        cr_expect_str_eq(text, rows[i][1], "%s: expected %s, got %s", rows[i][0], rows[i][1], text);
        free(text);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows)[0])

/* What follows was compared with YAMLToJSON of sigs.k8s.io/yaml as Kubernetes 1.20 vendors it. */

Test(yaml_scalars, words_mean_what_kubectl_takes_them_for)
{
    static const char *const ROWS[][2] = {
        {"y", "true"},
        {"Y", "true"},
        {"yes", "true"},
        {"Yes", "true"},
        {"YES", "true"},
        {"yEs", "\"yEs\""},
        {"true", "true"},
        {"True", "true"},
        {"TRUE", "true"},
        {"tRUE", "\"tRUE\""},
        {"on", "true"},
        {"On", "true"},
        {"ON", "true"},
        {"n", "false"},
        {"N", "false"},
        {"no", "false"},
        {"No", "false"},
        {"NO", "false"},
        {"false", "false"},
        {"False", "false"},
        {"off", "false"},
        {"Off", "false"},
        {"OFF", "false"},
        {"oFF", "\"oFF\""},
        {"~", "null"},
        {"null", "null"},
        {"Null", "null"},
        {"NULL", "null"},
        {"nUll", "\"nUll\""},
        {"nil", "\"nil\""},
        {"\"yes\"", "\"yes\""},
        {"'no'", "\"no\""},
        {"'~'", "\"~\""},
        {"''", "\"\""},
        {"'null'", "\"null\""},
        {"a: ", "{\"a\":null}"},
        {"a: <<", "{\"a\":\"<<\"}"},
        {"a: =", "{\"a\":\"=\"}"},
        {"a: |\n  yes\n", "{\"a\":\"yes\\n\"}"},
        {"a: >-\n  1\n", "{\"a\":\"1\"}"},
    };
    CHECK(ROWS);
}

Test(yaml_scalars, integers_mean_what_kubectl_takes_them_for)
{
    static const char *const ROWS[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"+1", "1"},
        {"0777", "511"},
        {"017", "15"},
        {"0o17", "15"},
        {"0O17", "15"},
        {"08", "8"},
        {"089", "89"},
        {"00", "0"},
        {"-017", "-15"},
        {"0b11", "3"},
        {"-0b11", "-3"},
        {"0b-1", "-1"},
        {"0b12", "\"0b12\""},
        {"0x1F", "31"},
        {"0X1f", "31"},
        {"-0x1F", "-31"},
        {"0x", "\"0x\""},
        {"0xg", "\"0xg\""},
        {"1_000", "1000"},
        {"1__0_", "10"},
        {"0x_1F", "31"},
        {"0_7", "7"},
        {"_1", "\"_1\""},
        {"1,000", "\"1,000\""},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", "18446744073709552000"},
        {"-9223372036854775809", "-9223372036854776000"},
        {"+18446744073709551615", "18446744073709552000"},
        {"0xFFFFFFFFFFFFFFFF", "18446744073709551615"},
        {"0x10000000000000000", "\"0x10000000000000000\""},
        {"123456789012345678901234567890", "1.2345678901234568e+29"},
        {"+", "\"+\""},
        {"--1", "\"--1\""},
        {"1-2", "\"1-2\""},
        {"1.2.3", "\"1.2.3\""},
        {"190:20:30", "\"190:20:30\""},
    };
    CHECK(ROWS);
}

Test(yaml_scalars, floats_mean_what_the_server_holds)
{
    static const char *const ROWS[][2] = {
        {"12e03", "12000"},
        {"1e3", "1000"},
        {"1E+3", "1000"},
        {"1.10", "1.1"},
        {"3.0", "3"},
        {"1.", "1"},
        {"1.e5", "100000"},
        {".5", "0.5"},
        {"-.5", "-0.5"},
        {"+.5e-3", "0.0005"},
        {".5_0", "0.5"},
        {".5_", "\".5_\""},
        {"._5", "\"._5\""},
        {"1_0.5", "10.5"},
        {"-0.0", "0"},
        {"0e99999999999", "0"},
        {"1e400", "\"1e400\""},
        {"-1e400", "\"-1e400\""},
        {"1e99999999999999999999", "\"1e99999999999999999999\""},
        {"1e-400", "0"},
        {"1e-99999999999999999999", "0"},
        {"5e-324", "5e-324"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"1.7976931348623159e308", "\"1.7976931348623159e308\""},
        {"0.1", "0.1"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"0.1000000000000000055511151231257827", "0.1"},
        {"6.6174449004242213990e-24", "6.617444900424222e-24"},
        {"1e21", "1e+21"},
        {"1e20", "100000000000000000000"},
        {"0.000001", "0.000001"},
        {"0.0000001", "1e-7"},
        {"1e", "\"1e\""},
        {"1e+", "\"1e+\""},
        {"e5", "\"e5\""},
        {".", "\".\""},
        {"...x", "\"...x\""},
        {"0x1p3", "\"0x1p3\""},
        {"inf", "\"inf\""},
        {"nan", "\"nan\""},
    };
    CHECK(ROWS);
}

Test(yaml_scalars, a_double_rounds_right_however_many_digits_it_has)
{
    hf_auto_buf struct hf_buf text = {0};
    /* 1 + 2^-53 lies half way between two doubles and goes down to the even one; a trace above it goes up. */
    const char *half = "1.00000000000000011102230246251565404236316680908203125";
    hf_buf_adds(&text, half);
    char *even = canonical_of_yaml(text.ptr, text.len);
    cr_expect_str_eq(even, "1");
    free(even);
    for (int i = 0; i < 5000; i++) {
        hf_buf_addc(&text, '0');
    }
    hf_buf_addc(&text, '1');
    char *above = canonical_of_yaml(text.ptr, text.len);
    cr_expect_str_eq(above, "1.0000000000000002");
    free(above);
}

Test(yaml_scalars, what_json_has_no_number_for_is_an_error)
{
    static const char *const ROWS[][2] = {
        {"a: .inf", "line 1, column 4: found .inf, expected a number that JSON has (quote it if it is text)"},
        {"- 1\n- -.INF", "line 2, column 3: found -.inf, expected a number that JSON has (quote it if it is text)"},
        {".NaN", "line 1, column 1: found .nan, expected a number that JSON has (quote it if it is text)"},
        {"'.inf'", "\".inf\""},
        {".infinite", "\".infinite\""},
    };
    CHECK(ROWS);
}

Test(yaml_scalars, times_stay_text)
{
    static const char *const ROWS[][2] = {
        {"2026-01-01", "\"2026-01-01\""},
        {"2026-01-01T00:00:00Z", "\"2026-01-01T00:00:00Z\""},
        {"2026-1-1 10:00:00", "\"2026-1-1 10:00:00\""},
        {"!!timestamp 2026-01-01", "\"2026-01-01\""},
    };
    CHECK(ROWS);
}

Test(yaml_scalars, tags_are_honoured_and_unknown_ones_refused)
{
    static const char *const ROWS[][2] = {
        {"!!str 12", "\"12\""},
        {"!!str yes", "\"yes\""},
        {"!!str", "\"\""},
        {"! 12", "\"12\""},
        {"&a ! 12", "\"12\""},
        {"! \"12\"", "\"12\""},
        {"!!int \"12\"", "12"},
        {"!!int '0x1F'", "31"},
        {"!!float 3", "3"},
        {"!!float '1.50'", "1.5"},
        {"!!float 9007199254740993", "9007199254740992"},
        {"!!bool 'yes'", "true"},
        {"!!null ''", "null"},
        {"!!null '~'", "null"},
        {"!!binary |\n aGVs\n bG8=\n", "\"hello\""},
        {"!<tag:yaml.org,2002:str> 1", "\"1\""},
        {"!!map {a: !!seq [1]}", "{\"a\":[1]}"},
        {"!!int 1.5", "line 1, column 1: found tag:yaml.org,2002:int, expected a value that its tag fits"},
        {"!!bool 1", "line 1, column 1: found tag:yaml.org,2002:bool, expected a value that its tag fits"},
        {"!!null x", "line 1, column 1: found tag:yaml.org,2002:null, expected a value that its tag fits"},
        {"!!timestamp x", "line 1, column 1: found tag:yaml.org,2002:timestamp, expected a value that its tag fits"},
        {"!!float 18446744073709551615",
         "line 1, column 1: found tag:yaml.org,2002:float, expected a value that its tag fits"},
        {"a: !secret x",
         "line 1, column 4: found !secret, expected no tag, or one of !!str, !!int, !!float, !!bool, !!null"},
        {"a: !!python/object x", "line 1, column 4: found tag:yaml.org,2002:python/object, expected no tag, or one of "
                                 "!!str, !!int, !!float, !!bool, !!null"},
        {"a: !foo [1]", "line 1, column 4: found !foo, expected no tag here"},
        {"a: !!set {b}", "line 1, column 4: found tag:yaml.org,2002:set, expected no tag here"},
        {"a: !!binary '***'", "line 1, column 4: found a !!binary value, expected base64"},
        {"a: !!binary /w==",
         "line 1, column 4: found a !!binary value that is no UTF-8, expected text (JSON has no bytes; "
         "leave the tag away where base64 is wanted)"},
    };
    CHECK(ROWS);
}

Test(yaml_scalars, keys_become_text_as_sigs_yaml_makes_them)
{
    static const char *const ROWS[][2] = {
        {"1: a", "{\"1\":\"a\"}"},
        {"0x10: a", "{\"16\":\"a\"}"},
        {"true: a", "{\"true\":\"a\"}"},
        {"on: a", "{\"true\":\"a\"}"},
        {"n: a", "{\"false\":\"a\"}"},
        {"'on': a", "{\"on\":\"a\"}"},
        {"1.5: a", "{\"1.5\":\"a\"}"},
        {"1e6: a", "{\"1e+06\":\"a\"}"},
        {"1e5: a", "{\"100000\":\"a\"}"},
        {"123456789.0: a", "{\"1.2345679e+08\":\"a\"}"},
        {"0.00001: a", "{\"1e-05\":\"a\"}"},
        {"0.0001: a", "{\"0.0001\":\"a\"}"},
        {"1e40: a", "{\".inf\":\"a\"}"},
        {"-0.0: a", "{\"-0\":\"a\"}"},
        {".inf: a", "{\".inf\":\"a\"}"},
        {"-.Inf: a", "{\"-.inf\":\"a\"}"},
        {".nan: a", "{\".nan\":\"a\"}"},
        {"2026-01-01: a", "{\"2026-01-01\":\"a\"}"},
        {"!!str 1: a", "{\"1\":\"a\"}"},
        {"x: &k 0x10\n*k : a", "{\"16\":\"a\",\"x\":16}"},
        {"? a\n: b", "{\"a\":\"b\"}"},
        {"~: a", "line 1, column 1: found null as a key, expected text (quote it if it is meant)"},
        {"[1]: a", "line 1, column 1: found a list as a key, expected text"},
        {"{b: 1}: a", "line 1, column 1: found a mapping as a key, expected text"},
        {"18446744073709551615: a",
         "line 1, column 1: found 18446744073709551615, expected a key in quotes, or a smaller number"},
        {"1: a\n'1': b",
         "line 2, column 1: found the key \"1\" a second time (first on line 1), expected each key once"},
    };
    CHECK(ROWS);
}
