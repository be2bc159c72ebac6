#include <criterion/criterion.h>
#include <string.h>

#include "reading.h"

TestSuite(canonical, .timeout = 30);

static void digest_of(const struct hf_value *value, char out[HF_SHA256_TEXT])
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_hasher *hasher = hf_hasher_new(&err);
    struct hf_digest digest;
    cr_assert_not_null(hasher);
    cr_assert_eq(hf_canonical_digest(hasher, value, &digest, &err), 0, "%s", err.text);
    hf_digest_text(&digest, out);
    hf_hasher_free(hasher);
}

Test(canonical, documents_that_mean_the_same_have_one_form_and_one_digest)
{
    static const char *const ROWS[][2] = {
        {"{\"a\":1,\"b\":[true,null]}", "b: [yes, ~]\na: 1"},
        {"{\"spec\":{\"replicas\":3}}", "{\"spec\": {\"replicas\": 3.0}}"},
        {"{\"count\":1000}", "count: 1e3"},
        {"{\"s\":\"caf\\u00e9\"}", "s: café"},
        {"{\"text\":\"a\\nb\\n\"}", "text: |\n  a\n  b\n"},
        {"[\"x\"]", "- 'x'"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        char one[HF_SHA256_TEXT];
        char other[HF_SHA256_TEXT];
        digest_of(json_of(arena, ROWS[i][0]), one);
        digest_of(yaml_of(arena, ROWS[i][1]), other);
        cr_expect_str_eq(one, other, "%s", ROWS[i][1]);
    }
}

Test(canonical, documents_that_differ_have_other_digests)
{
    static const char *const ROWS[] = {"1",
                                       "\"1\"",
                                       "[1]",
                                       "[]",
                                       "{}",
                                       "null",
                                       "\"\"",
                                       "[[]]",
                                       "[null]",
                                       "{\"a\":null}",
                                       "{\"a\":{}}",
                                       "9007199254740993",
                                       "9007199254740992",
                                       "true",
                                       "\"true\"",
                                       "[\"a\",\"b\"]",
                                       "[\"b\",\"a\"]",
                                       "[\"ab\"]"};
    enum { COUNT = sizeof ROWS / sizeof ROWS[0] };
    char digests[COUNT][HF_SHA256_TEXT];
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    for (size_t i = 0; i < COUNT; i++) {
        digest_of(json_of(arena, ROWS[i]), digests[i]);
        for (size_t k = 0; k < i; k++) {
            cr_expect_str_neq(digests[i], digests[k], "%s and %s", ROWS[i], ROWS[k]);
        }
    }
}

Test(canonical, strings_are_escaped_as_little_as_possible)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    char *text =
        canonical_of_value(json_of(arena, "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\\u007f\\/\\\"\\\\é\\u2028\""));
    cr_expect_str_eq(text, "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f\x7f/\\\"\\\\é\xE2\x80\xA8\"");
    free(text);
}

Test(canonical, the_form_of_the_form_is_itself)
{
    static const char *const ROWS[] = {
        "{\"z\":[1.0,2e5,{\"b\":\"\\u0007\",\"a\":[]}],\"é\":-0,\"\":0.00000012,\"big\":"
        "123456789012345678901234567890}",
        "[1e999999999,1e-7,\"\\ud83d\\ude00\",[[[]]],{\"\\n\":null}]",
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        char *once = canonical_of_value(json_of(arena, ROWS[i]));
        char *twice = canonical_of_value(json_of(arena, once));
        cr_expect_str_eq(once, twice);
        cr_expect(hf_value_equal(json_of(arena, ROWS[i]), json_of(arena, once)));
        free(once);
        free(twice);
    }
}

Test(canonical, the_digest_is_that_of_the_written_form_whatever_its_length)
{
    for (size_t len = 0; len < 20000; len = len * 3 / 2 + 997) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        hf_auto_buf struct hf_buf text = {0};
        hf_buf_adds(&text, "[1.50,\"");
        for (size_t i = 0; i < len; i++) {
            hf_buf_adds(&text, i % 100 == 99 ? "\\n" : "x");
        }
        hf_buf_adds(&text, "\",{\"a\":12}");
        for (size_t i = 0; i < len / 3; i++) {
            hf_buf_adds(&text, ",1");
        }
        hf_buf_adds(&text, "]");
        const struct hf_value *value = json_of(arena, hf_buf_text(&text));
        char *written = canonical_of_value(value);
        struct hf_digest whole;
        struct hf_error err = HF_ERROR_INIT;
        cr_assert_eq(hf_sha256(written, strlen(written), &whole, &err), 0);
        char expected[HF_SHA256_TEXT];
        char digest[HF_SHA256_TEXT];
        hf_digest_text(&whole, expected);
        digest_of(value, digest);
        cr_expect_str_eq(digest, expected, "%zu", len);
        free(written);
    }
}

Test(canonical, a_digest_known_from_elsewhere)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    char digest[HF_SHA256_TEXT];
    digest_of(json_of(arena, "{ }"), digest); /* printf '{}' | sha256sum */
    cr_expect_str_eq(digest, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}
