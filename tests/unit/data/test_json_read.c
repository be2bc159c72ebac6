#include <criterion/criterion.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "reading.h"

TestSuite(json, .timeout = 30);

Test(json, what_rfc_8259_allows_is_read)
{
    static const char *const ROWS[][2] = {
        {"null", "null"},
        {" true ", "true"},
        {"\t\r\nfalse", "false"},
        {"\"\"", "\"\""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"\\u0041\\u00e9\\u20AC\"", "\"Aé€\""},
        {"\"\\ud83d\\ude00\"", "\"😀\""},
        {"\"\\u0000\\u001f\\u007f\"", "\"\\u0000\\u001f\x7f\""},
        {"\"é€😀\"", "\"é€😀\""},
        {"[]", "[]"},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {"[1 , 2\n,3]", "[1,2,3]"},
        {"{\"b\":1,\"a\":{\"d\":[],\"c\":null}}", "{\"a\":{\"c\":null,\"d\":[]},\"b\":1}"},
        {"{\"\":1}", "{\"\":1}"},
        {"-1.5e+3", "-1500"},
        {"{\"é\":1,\"z\":2,\"😀\":3,\"\\uffff\":4}", "{\"z\":2,\"é\":1,\"\xEF\xBF\xBF\":4,\"😀\":3}"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *text = canonical_of_json(ROWS[i][0], strlen(ROWS[i][0]));
        cr_expect_str_eq(text, ROWS[i][1], "%s", ROWS[i][0]);
        free(text);
    }
}

Test(json, errors_name_line_column_what_was_found_and_what_was_expected)
{
    static const char *const ROWS[][2] = {
        {"", "line 1, column 1: found the end of the input, expected a value"},
        {"{\n  \"a\": }", "line 2, column 8: found '}', expected a value"},
        {"[1,]", "line 1, column 4: found ']', expected a value"},
        {"[1 2]", "line 1, column 4: found '2', expected ',' or ']'"},
        {"{\"a\" 1}", "line 1, column 6: found '1', expected ':'"},
        {"{\"a\":1,}", "line 1, column 8: found '}', expected a key in double quotes"},
        {"{a:1}", "line 1, column 2: found 'a', expected a key in double quotes"},
        {"{\"a\":1", "line 1, column 7: found the end of the input, expected ',' or '}'"},
        {"nul", "line 1, column 1: found 'nul', expected a value"},
        {"1 2", "line 1, column 3: found '2', expected the end of the input"},
        {"01", "line 1, column 1: found '01', expected a number without leading zeros"},
        {"-", "line 1, column 2: found the end of the input, expected a digit"},
        {"1.", "line 1, column 3: found the end of the input, expected a digit behind the point"},
        {"1e+", "line 1, column 4: found the end of the input, expected a digit of the exponent"},
        {"+1", "line 1, column 1: found '+1', expected a value"},
        {".5", "line 1, column 1: found '.5', expected a value"},
        {"NaN", "line 1, column 1: found 'NaN', expected a value"},
        {"'a'", "line 1, column 1: found ''', expected a value"},
        {"\"a", "line 1, column 3: found the end of the input, expected the closing '\"' of the string"},
        {"\"a\nb\"", "line 1, column 3: found the end of the line, expected the closing '\"' of the string (control "
                     "characters are written as escapes)"},
        {"\"\\x\"", "line 1, column 3: found 'x', expected one of \" \\ / b f n r t u behind the backslash"},
        {"\"\\u12g4\"",
         "line 1, column 3: found 'u12g4', expected 'u' and four hexadecimal digits behind the backslash"},
        {"\"\\ud800\"",
         "line 1, column 3: found 'ud800', expected a character or a whole surrogate pair, not half a pair"},
        {"\"\\ude00\\ud83d\"",
         "line 1, column 3: found 'ude00', expected a character or a whole surrogate pair, not half a pair"},
        {"\"\\ud83d\\u0041\"",
         "line 1, column 3: found 'ud83d', expected a character or a whole surrogate pair, not half a pair"},
        {"\"a\xff\"", "line 1, column 3: found byte 0xFF, which is not UTF-8, expected UTF-8"},
        {"\"\xed\xa0\x80\"", "line 1, column 2: found byte 0xED, which is not UTF-8, expected UTF-8"},
        {"\"\xc0\xaf\"", "line 1, column 2: found byte 0xC0, which is not UTF-8, expected UTF-8"},
        {"\xEF\xBB\xBF{}", "line 1, column 1: found a byte order mark, expected a value"},
        {"{\"a\":1,\n \"b\":2,\n \"a\":3}",
         "line 3, column 2: found the key \"a\" a second time (first on line 1), expected each key once"},
        {"{\"\\u0061\":1,\"a\":2}",
         "line 1, column 13: found the key \"a\" a second time (first on line 1), expected each key once"},
        {"/* no */1", "line 1, column 1: found '/', expected a value"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *text = canonical_of_json(ROWS[i][0], strlen(ROWS[i][0]));
        cr_expect_str_eq(text, ROWS[i][1], "%s", ROWS[i][0]);
        free(text);
    }
}

Test(json, every_cut_of_a_document_is_an_error)
{
    const char *whole = "{\"a\":[1.5e3,\"\\u00e9\\n\",{\"b\":null}],\"c\":true}";
    for (size_t len = 0; len < strlen(whole); len++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        struct hf_error err = HF_ERROR_INIT;
        const struct hf_value *value;
        /* A copy of exactly that length, so that a byte read beyond it is seen. */
        char *cut = hf_strndup(whole, len);
        char *bytes = malloc(len ? len : 1);
        memcpy(bytes, cut, len);
        cr_expect_eq(hf_json_read(arena, bytes, len, NULL, &value, &err), -1, "%zu bytes", len);
        cr_expect_eq(err.code, HF_EPARSE);
        free(bytes);
        free(cut);
    }
}

Test(json, places_are_kept)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *v = json_of(arena, "{\n  \"é\": {\"b\":\n   [1]}}");
    const struct hf_value *inner = hf_value_get(hf_value_get(v, "é"), "b");
    cr_expect_eq(inner->line, 3);
    cr_expect_eq(inner->column, 4);
    const struct hf_member *b = &hf_value_get(v, "é")->as.object.members[0];
    cr_expect_eq(b->line, 2);
    cr_expect_eq(b->column, 10, "columns count bytes");
}

Test(json, deep_nesting_is_refused_at_the_limit_not_by_a_crash)
{
    enum { DEEP = 200000 };
    char *text = malloc(DEEP);
    memset(text, '[', DEEP);
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value;
    cr_expect_eq(hf_json_read(arena, text, DEEP, NULL, &value, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT, "%s", err.text);
    struct hf_read_limits no_limit = {.depth = UINT32_MAX};
    cr_expect_eq(hf_json_read(arena, text, DEEP, &no_limit, &value, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT, "%s", err.text);
    free(text);
    struct hf_read_limits two = {.depth = 2};
    cr_expect_eq(hf_json_read(arena, "[[1]]", 5, &two, &value, &err), 0);
    cr_expect_eq(hf_json_read(arena, "[[[]]]", 6, &two, &value, &err), -1);
    cr_expect_eq(hf_json_read(arena, "[{},{},[[]]]", 12, &two, &value, &err), -1);
    cr_expect_eq(hf_json_read(arena, "[{},{},[]]", 10, &two, &value, &err), 0);
}

Test(json, size_and_number_of_values_are_limited)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value;
    struct hf_read_limits limits = {.bytes = 5, .nodes = 3};
    cr_expect_eq(hf_json_read(arena, "[1,2]", 5, &limits, &value, &err), 0);
    cr_expect_eq(hf_json_read(arena, "[1,2] ", 6, &limits, &value, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT);
    limits.bytes = 0;
    cr_expect_eq(hf_json_read(arena, "[1,2,3]", 7, &limits, &value, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT);
    cr_expect_str_eq(err.text, "line 1, column 6: found more than 3 values, expected no more");
}

Test(json, short_memory_is_told)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addc(&text, '[');
    for (int i = 0; i < 3000; i++) {
        hf_buf_addf(&text, "%s{\"name\":\"\\u00e9%d\",\"n\":%d}", i ? "," : "", i, i);
    }
    hf_buf_addc(&text, ']');
    size_t enough = 0;
    for (size_t limit = 1; !enough && limit < (size_t)16 << 20; limit = limit * 5 / 4 + 1) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(limit);
        struct hf_error err = HF_ERROR_INIT;
        const struct hf_value *value;
        if (hf_json_read(arena, text.ptr, text.len, NULL, &value, &err) == 0) {
            enough = limit;
        } else {
            cr_assert_eq(err.code, HF_ENOMEM, "%s", err.text);
        }
    }
    cr_expect_gt(enough, text.len);
}

Test(json, compact_and_pretty_keep_numbers_as_written)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *v = json_of(arena, "{\"b\":[1.50,{}],\"a\":\"x\\ny\",\"c\":[],\"d\":{\"e\":null}}");
    hf_auto_buf struct hf_buf buf = {0};
    hf_json_write(&buf, v);
    cr_expect_str_eq(hf_buf_text(&buf), "{\"a\":\"x\\ny\",\"b\":[1.50,{}],\"c\":[],\"d\":{\"e\":null}}");
    hf_buf_clear(&buf);
    hf_json_write_pretty(&buf, v);
    cr_expect_str_eq(hf_buf_text(&buf), "{\n  \"a\": \"x\\ny\",\n  \"b\": [\n    1.50,\n    {}\n  ],\n  \"c\": [],\n"
                                        "  \"d\": {\n    \"e\": null\n  }\n}");
}

/* Whether ours and cJSON's reading of one text say the same, numbers as doubles since cJSON has nothing else. */
static bool same(const struct hf_value *ours, const cJSON *theirs)
{
    switch (ours->kind) {
    case HF_NULL:
        return cJSON_IsNull(theirs);
    case HF_BOOL:
        return cJSON_IsBool(theirs) && cJSON_IsTrue(theirs) == ours->as.boolean;
    case HF_NUMBER:
        return cJSON_IsNumber(theirs) && strtod(ours->as.text.ptr, NULL) == theirs->valuedouble;
    case HF_STRING:
        return cJSON_IsString(theirs) && strcmp(ours->as.text.ptr, theirs->valuestring) == 0;
    case HF_ARRAY:
        for (size_t i = 0; i < ours->as.array.count; i++) {
            if (!same(&ours->as.array.items[i], cJSON_GetArrayItem(theirs, (int)i))) {
                return false;
            }
        }
        return cJSON_IsArray(theirs) && (size_t)cJSON_GetArraySize(theirs) == ours->as.array.count;
    case HF_OBJECT:
        for (size_t i = 0; i < ours->as.object.count; i++) {
            const struct hf_member *member = &ours->as.object.members[i];
            const cJSON *other = cJSON_GetObjectItemCaseSensitive(theirs, member->key.ptr);
            if (!other || !same(&member->value, other)) {
                return false;
            }
        }
        return cJSON_IsObject(theirs) && (size_t)cJSON_GetArraySize(theirs) == ours->as.object.count;
    }
    return false;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void add_random(struct hf_buf *buf, uint32_t *state, int depth)
{
    static const char *const LEAVES[] = {"null",
                                         "true",
                                         "false",
                                         "0",
                                         "-0",
                                         "1",
                                         "-17",
                                         "3.25",
                                         "1e3",
                                         "1E-2",
                                         "0.1",
                                         "123456789",
                                         "9007199254740991",
                                         "\"\"",
                                         "\"x\"",
                                         "\"\\\"\\\\\\/\\b\"",
                                         "\"\\u00e9\\ud83d\\ude00\"",
                                         "\"é😀\"",
                                         "\"a\\nb\\tc\"",
                                         "1.7976931348623157e308"};
    uint32_t choice = next_random(state) % (depth > 0 ? 10 : 6);
    if (choice < 6) {
        hf_buf_adds(buf, LEAVES[next_random(state) % (sizeof LEAVES / sizeof LEAVES[0])]);
        return;
    }
    uint32_t count = next_random(state) % 6;
    bool object = choice < 8;
    hf_buf_adds(buf, object ? "{ " : "[\n");
    for (uint32_t i = 0; i < count; i++) {
        if (object) {
            hf_buf_addf(buf, "%s\"%c%u\" : ", i ? "," : "", (char)('z' - next_random(state) % 26), i);
        } else if (i) {
            hf_buf_adds(buf, " ,\t");
        }
        add_random(buf, state, depth - 1);
    }
    hf_buf_adds(buf, object ? "}" : " ]");
}

Test(json, what_both_can_represent_is_read_as_cjson_reads_it)
{
    uint32_t state = 7;
    size_t nested = 0;
    for (int round = 0; round < 5000; round++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        hf_auto_buf struct hf_buf text = {0};
        add_random(&text, &state, 6);
        cJSON *theirs = cJSON_Parse(hf_buf_text(&text));
        cr_assert_not_null(theirs, "%s", hf_buf_text(&text));
        const struct hf_value *ours = json_of(arena, hf_buf_text(&text));
        cr_assert(same(ours, theirs), "%s", hf_buf_text(&text));
        nested += hf_value_count(ours) > 0;
        cJSON_Delete(theirs);
    }
    cr_expect_gt(nested, 500);
}
