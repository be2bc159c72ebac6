#include <criterion/criterion.h>
#include <string.h>

#include "reading.h"

TestSuite(yaml_limits, .timeout = 30);

static enum hf_code read_code(const char *text, size_t len, const struct hf_yaml_limits *limits)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new((size_t)256 << 20);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents;
    size_t count;
    int status = hf_yaml_read(arena, text, len, limits, &documents, &count, &err);
    cr_expect_eq(status != 0, err.code != HF_OK);
    return err.code;
}

Test(yaml_limits, a_billion_laughs_are_refused)
{
    const char *text = "a: &a [l,l,l,l,l,l,l,l,l,l]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                       "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                       "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
                       "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"
                       "i: [*h,*h,*h,*h,*h,*h,*h,*h,*h,*h]\n";
    cr_expect_eq(read_code(text, strlen(text), NULL), HF_ELIMIT);
    /* The same by merge keys. */
    hf_auto_buf struct hf_buf merges = {0};
    hf_buf_adds(&merges, "a: &a {x: &x [1,1,1,1,1,1,1,1,1,1]}\n");
    for (char c = 'b'; c < 'm'; c++) {
        hf_buf_addf(&merges, "%c: &%c {<<: *%c, p: *%c, q: *%c, r: *%c, s: *%c}\n", c, c, c - 1, c - 1, c - 1, c - 1,
                    c - 1);
    }
    cr_expect_eq(read_code(merges.ptr, merges.len, NULL), HF_ELIMIT);
}

Test(yaml_limits, the_number_of_aliases_values_documents_and_bytes_is_limited)
{
    struct hf_yaml_limits limits = {.aliases = 2};
    cr_expect_eq(read_code("[&a 1,*a,*a]", 12, &limits), HF_OK);
    cr_expect_eq(read_code("[&a 1,*a,*a,*a]", 15, &limits), HF_ELIMIT);
    limits = (struct hf_yaml_limits){.nodes = 4};
    cr_expect_eq(read_code("[1,2,3]", 7, &limits), HF_OK);
    cr_expect_eq(read_code("[1,2,3,4]", 9, &limits), HF_ELIMIT);
    cr_expect_eq(read_code("{a: 1, b: 2}", 12, &limits), HF_ELIMIT, "keys count");
    cr_expect_eq(read_code("[&a [1], *a]", 12, &limits), HF_ELIMIT, "an alias counts as what it stands for");
    limits = (struct hf_yaml_limits){.documents = 2};
    cr_expect_eq(read_code("--- 1\n--- 2\n---\n", 16, &limits), HF_OK);
    cr_expect_eq(read_code("--- 1\n--- 2\n--- 3\n", 18, &limits), HF_ELIMIT);
    limits = (struct hf_yaml_limits){.bytes = 3};
    cr_expect_eq(read_code("abc", 3, &limits), HF_OK);
    cr_expect_eq(read_code("abcd", 4, &limits), HF_ELIMIT);
}

Test(yaml_limits, deep_nesting_is_refused_at_the_limit_not_by_a_crash)
{
    enum { DEEP = 100000 };
    char *text = malloc(DEEP);
    memset(text, '[', DEEP);
    cr_expect_neq(read_code(text, DEEP, NULL), HF_OK);
    struct hf_yaml_limits no_limit = {.depth = UINT32_MAX};
    cr_expect_neq(read_code(text, DEEP, &no_limit), HF_OK);
    for (size_t i = 0; i + 1 < DEEP; i += 2) {
        memcpy(text + i, "- ", 2);
    }
    cr_expect_neq(read_code(text, DEEP, NULL), HF_OK);
    cr_expect_neq(read_code(text, 1900, &no_limit), HF_ENOMEM);
    free(text);
    struct hf_yaml_limits two = {.depth = 2};
    cr_expect_eq(read_code("[[1], {a: b}]", 13, &two), HF_OK);
    cr_expect_eq(read_code("[[[]]]", 6, &two), HF_ELIMIT);
    cr_expect_eq(read_code("[&a [1], [*a]]", 14, &two), HF_ELIMIT, "an alias is as deep as what it stands for");
}

Test(yaml_limits, short_memory_is_told)
{
    hf_auto_buf struct hf_buf text = {0};
    for (int i = 0; i < 1000; i++) {
        hf_buf_addf(&text, "--- # %d\nname: &a \"é%d\"\nlist: [1, *a, {b: yes}]\nm: {<<: {c: 1}}\n", i, i);
    }
    struct hf_yaml_limits limits = {.aliases = 10000};
    size_t enough = 0;
    for (size_t limit = 1; !enough && limit < (size_t)16 << 20; limit = limit * 5 / 4 + 1) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(limit);
        struct hf_error err = HF_ERROR_INIT;
        struct hf_document *documents;
        size_t count;
        if (hf_yaml_read(arena, text.ptr, text.len, &limits, &documents, &count, &err) == 0) {
            enough = limit;
            cr_expect_eq(count, 1000);
        } else {
            cr_assert_eq(err.code, HF_ENOMEM, "%s", err.text);
        }
    }
    cr_expect_gt(enough, text.len);
}

Test(yaml_limits, a_wide_line_beyond_ascii_is_read_in_linear_time)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_adds(&text, "[");
    for (int i = 0; i < 100000; i++) {
        hf_buf_adds(&text, i ? ",é" : "é");
    }
    hf_buf_adds(&text, "]");
    cr_expect_eq(read_code(text.ptr, text.len, NULL), HF_OK);
}
