#include <criterion/criterion.h>
#include <string.h>

#include "holdfast/mem.h"
#include "query.h"

struct good_case {
    const char *target;
    const char *path;
    const char *name;
    const char *value;
};

static const struct good_case GOOD[] = {
    {"/", "/", "a", NULL},
    {"/a/b", "/a/b", "a", NULL},
    {"/a/b/", "/a/b/", "a", NULL},
    {"/a%20b", "/a b", "a", NULL},
    {"/a?x=1", "/a", "x", "1"},
    {"/a?x=1&", "/a", "x", "1"},
    {"/a?&&x=1", "/a", "x", "1"},
    {"/a?x", "/a", "x", NULL},
    {"/a?x=", "/a", "x", NULL},
    {"/a?x=a+b%2Bc", "/a", "x", "a b+c"},
    {"/a+b?x=1", "/a+b", "x", "1"},
    {"/a?x=%C3%A9", "/a", "x", "é"},
    {"/a?x=1=2", "/a", "x", "1=2"},
    {"/a?x=%26%3D%3F", "/a", "x", "&=?"},
    {"/a?%78=1", "/a", "x", "1"},
    {"/..a/...", "/..a/...", "x", NULL},
    {"/a?x=%25252e", "/a", "x", "%252e"},
    {"/a?x=%1b%5B31m%7f", "/a", "x", "\x1b[31m\x7f"},
};

Test(query, a_target_is_decoded_once)
{
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        struct hf_query query;
        struct hf_error err = HF_ERROR_INIT;
        cr_assert_eq(hf_query_read(&query, GOOD[i].target, &err), 0, "%s: %s", GOOD[i].target, err.text);
        cr_expect_str_eq(query.path, GOOD[i].path);
        const char *value = hf_query_get(&query, GOOD[i].name);
        cr_expect(value ? GOOD[i].value && strcmp(value, GOOD[i].value) == 0 : !GOOD[i].value, "%s", GOOD[i].target);
        hf_query_free(&query);
    }
}

static const char *const BAD[] = {
    "",          "a",        "*",          "/..",      "/.",          "/a/../b", "/a/./b",      "/a/..",  "//",
    "/a//b",     "//evil/x", "/%2e%2e/a",  "/%2E./a",  "/a%2f..%2fb", "/a%00",   "/a\\b",       "/a%5Cb", "/%zz",
    "/%",        "/%a",      "/a%ff",      "/a%c0%af", "/a%ed%a0%80", "/a\x01",  "/a%0a",       "/a%7f",  "/?=1",
    "/?x=1&x=2", "/?x=%00",  "/?x=%0d%0a", "/?x=%",    "/?x=%f",      "/?%ff=1", "/?x=1&%78=2",
};

Test(query, what_could_mean_two_things_is_refused)
{
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct hf_query query;
        struct hf_error err = HF_ERROR_INIT;
        cr_expect_eq(hf_query_read(&query, BAD[i], &err), -1, "%s was taken", BAD[i]);
        cr_expect_eq(err.code, HF_EINVAL);
        hf_query_free(&query);
    }
}

Test(query, length_and_number_of_parameters_are_bounded)
{
    struct hf_query query;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf target = {0};
    hf_buf_addc(&target, '/');
    while (target.len < HF_QUERY_MAX) {
        hf_buf_addc(&target, 'a');
    }
    cr_expect_eq(hf_query_read(&query, target.ptr, &err), 0);
    hf_query_free(&query);
    hf_buf_addc(&target, 'a');
    cr_expect_eq(hf_query_read(&query, target.ptr, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT);
    hf_query_free(&query);
    hf_buf_clear(&target);
    hf_buf_adds(&target, "/?");
    for (int i = 0; i <= HF_QUERY_PARAMS; i++) {
        hf_buf_addf(&target, "p%d=&", i);
    }
    cr_expect_eq(hf_query_read(&query, target.ptr, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT);
    hf_query_free(&query);
    hf_buf_free(&target);
}
