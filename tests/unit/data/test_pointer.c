#include <criterion/criterion.h>
#include <string.h>

#include "holdfast/pointer.h"
#include "reading.h"

TestSuite(pointer, .timeout = 10);

/* RFC 6901, section 5. */
static const char RFC[] =
    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,"
    "\" \":7,\"m~n\":8}";

Test(pointer, the_examples_of_the_rfc_lead_where_it_says)
{
    static const char *const ROWS[][2] = {
        {"/foo", "[\"bar\",\"baz\"]"},
        {"/foo/0", "\"bar\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/g|h", "4"},
        {"/i\\j", "5"},
        {"/k\"l", "6"},
        {"/ ", "7"},
        {"/m~0n", "8"},
        {"/foo/2", NULL},
        {"/foo/-", NULL},
        {"/foo/00", NULL},
        {"/foo/01", NULL},
        {"/foo/1x", NULL},
        {"/foo/", NULL},
        {"foo", NULL},
        {"/m~n", NULL},
        {"/m~2n", NULL},
        {"/foo/0/x", NULL},
        {"/no", NULL},
        {"//", NULL},
        {"/foo/18446744073709551616", NULL},
        {"/foo/-1", NULL},
        {"/m~", NULL},
    };
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *document = json_of(arena, RFC);
    cr_expect_eq(hf_pointer_get(document, hf_slice_of("")), document);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct hf_value *found = hf_pointer_get(document, hf_slice_of(ROWS[i][0]));
        cr_expect_eq(found != NULL, ROWS[i][1] != NULL, "%s", ROWS[i][0]);
        if (found && ROWS[i][1]) {
            char *text = canonical_of_value(found);
            cr_expect_str_eq(text, ROWS[i][1], "%s", ROWS[i][0]);
            free(text);
        }
    }
}

Test(pointer, what_is_built_leads_back)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *document = json_of(arena, "{\"a~1/b\":[0,{\"~\":{\"\":5}}]}");
    hf_auto_buf struct hf_buf pointer = {0};
    hf_pointer_add_key(&pointer, hf_slice_of("a~1/b"));
    hf_pointer_add_index(&pointer, 1);
    hf_pointer_add_key(&pointer, hf_slice_of("~"));
    hf_pointer_add_key(&pointer, hf_slice_of(""));
    cr_expect_str_eq(hf_buf_text(&pointer), "/a~01~1b/1/~0/");
    const struct hf_value *found = hf_pointer_get(document, (struct hf_slice){pointer.ptr, pointer.len});
    cr_assert_not_null(found);
    cr_expect_str_eq(found->as.text.ptr, "5");
}

Test(pointer, removing_leaves_the_document_itself_as_it_was)
{
    static const char *const ROWS[][3] = {
        {"{\"a\":{\"b\":1,\"c\":2},\"d\":[1,2,3]}", "/a/b", "{\"a\":{\"c\":2},\"d\":[1,2,3]}"},
        {"{\"a\":{\"b\":1,\"c\":2},\"d\":[1,2,3]}", "/d/1", "{\"a\":{\"b\":1,\"c\":2},\"d\":[1,3]}"},
        {"{\"a\":{\"b\":1,\"c\":2},\"d\":[1,2,3]}", "/d/2", "{\"a\":{\"b\":1,\"c\":2},\"d\":[1,2]}"},
        {"{\"a\":{\"b\":1,\"c\":2},\"d\":[1,2,3]}", "/d", "{\"a\":{\"b\":1,\"c\":2}}"},
        {"{\"a\":[{\"b\":[[5,6]]}]}", "/a/0/b/0/0", "{\"a\":[{\"b\":[[6]]}]}"},
        {"[0]", "/0", "[]"},
        {"{\"\":1}", "/", "{}"},
        {"{\"a/b\":1,\"a\":{\"b\":2}}", "/a~1b", "{\"a\":{\"b\":2}}"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        struct hf_error err = HF_ERROR_INIT;
        const struct hf_value *document = json_of(arena, ROWS[i][0]);
        const struct hf_value *out = NULL;
        char *before = canonical_of_value(document);
        cr_assert_eq(hf_pointer_remove(arena, document, hf_slice_of(ROWS[i][1]), &out, &err), 0, "%s", err.text);
        char *after = canonical_of_value(document);
        char *removed = canonical_of_value(out);
        cr_expect_str_eq(removed, ROWS[i][2], "%s", ROWS[i][1]);
        cr_expect_str_eq(before, after);
        free(before);
        free(after);
        free(removed);
    }
}

Test(pointer, removing_what_is_not_there_gives_the_same_document)
{
    static const char *const ROWS[] = {"/x", "/a/b/c", "/d/9", "/d/-", "/a/b/0"};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *document = json_of(arena, "{\"a\":{\"b\":1},\"d\":[1]}");
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct hf_error err = HF_ERROR_INIT;
        const struct hf_value *out = NULL;
        cr_expect_eq(hf_pointer_remove(arena, document, hf_slice_of(ROWS[i]), &out, &err), 0, "%s", ROWS[i]);
        cr_expect_eq(out, document, "%s", ROWS[i]);
    }
}

Test(pointer, malformed_pointers_are_refused)
{
    static const char *const ROWS[] = {"", "a", "/a~2", "/a~", "/x/~"};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *document = json_of(arena, "{\"a\":1}");
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct hf_error err = HF_ERROR_INIT;
        const struct hf_value *out = NULL;
        cr_expect_eq(hf_pointer_remove(arena, document, hf_slice_of(ROWS[i]), &out, &err), -1, "%s", ROWS[i]);
        cr_expect_eq(err.code, HF_EINVAL, "%s", ROWS[i]);
    }
}
