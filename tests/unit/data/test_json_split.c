#include <criterion/criterion.h>
#include <string.h>

#include "reading.h"

TestSuite(json_split, .timeout = 30);

struct items {
    struct hf_buf text; /* each item and a line feed */
    size_t count;
    size_t stop_at; /* refuses the item of this number; 0: none */
};

static int note(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct items *items = ctx;
    items->count++;
    if (items->count == items->stop_at) {
        return hf_error_set(err, HF_ECANCELED, "enough");
    }
    hf_buf_add(&items->text, bytes, len);
    hf_buf_addc(&items->text, '\n');
    return 0;
}

/* Feeds two pieces, of exactly their size each, so that a byte read beyond is seen. */
static int split_at(const char *text, size_t cut, struct items *items, char **rest, struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_json_split *split = hf_json_split_new("items", 1000, 1000, note, items);
    size_t sizes[2] = {cut, strlen(text) - cut};
    int status = 0;
    for (int i = 0; i < 2 && status == 0; i++) {
        char *piece = malloc(sizes[i] ? sizes[i] : 1);
        memcpy(piece, text + (i ? cut : 0), sizes[i]);
        status = hf_json_split_feed(split, piece, sizes[i], err);
        free(piece);
    }
    const struct hf_value *value = NULL;
    if (status == 0) {
        status = hf_json_split_finish(split, arena, &value, err);
    }
    *rest = status == 0 ? canonical_of_value(value) : NULL;
    hf_json_split_free(split);
    return status;
}

Test(json_split, a_list_comes_item_by_item_wherever_it_is_cut)
{
    static const char *const ROWS[][3] = {
        {"{\"kind\":\"List\",\"items\":[{\"a\":1},{\"b\":[\"]\",{}]}],\"z\":1}", "{\"a\":1}\n{\"b\":[\"]\",{}]}\n",
         "{\"items\":[],\"kind\":\"List\",\"z\":1}"},
        {"{\"items\":[]}", "", "{\"items\":[]}"},
        {" { \"items\" : [ 1 , \"x\\\"]\" ,null,-2.5e3,[[]] ] , \"a\":{\"items\":[7]} } ",
         "1\n\"x\\\"]\"\nnull\n-2.5e3\n[[]]\n", "{\"a\":{\"items\":[7]},\"items\":[]}"},
        {"{\"items\":null,\"a\":[1]}", "", "{\"a\":[1],\"items\":null}"},
        {"{\"items\":{\"items\":[1]}}", "", "{\"items\":{\"items\":[1]}}"},
        {"{\"a\":\"items\",\"b\":[1]}", "", "{\"a\":\"items\",\"b\":[1]}"},
        {"{\"it\\u0065ms\":[1,2]}", "1\n2\n", "{\"items\":[]}"},
        {"{\"a\\\"\":1,\"\\\\items\":[3],\"items\":[4]}", "4\n", "{\"\\\\items\":[3],\"a\\\"\":1,\"items\":[]}"},
        {"[{\"items\":[1]}]", "", "[{\"items\":[1]}]"},
        {"{\"é\":\"]}\",\"items\":[\"é\"]}", "\"é\"\n", "{\"items\":[],\"é\":\"]}\"}"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        for (size_t cut = 0; cut <= strlen(ROWS[i][0]); cut++) {
            struct items items = {0};
            struct hf_error err = HF_ERROR_INIT;
            char *rest;
            cr_assert_eq(split_at(ROWS[i][0], cut, &items, &rest, &err), 0, "%s: %s", ROWS[i][0], err.text);
            cr_expect_str_eq(hf_buf_text(&items.text), ROWS[i][1], "%s cut at %zu", ROWS[i][0], cut);
            cr_expect_str_eq(rest, ROWS[i][2]);
            free(rest);
            hf_buf_free(&items.text);
        }
    }
}

Test(json_split, what_is_malformed_around_the_items_is_refused)
{
    static const char *const ROWS[][2] = {
        {"{\"items\":[1 2]}", "line 1, column 13: found '2', expected ',' or ']'"},
        {"{\"items\":[1,]}", "line 1, column 13: found ']', expected an item"},
        {"{\"items\":[,1]}", "line 1, column 11: found ',', expected an item"},
        {"{\"items\":\n[{},\n}", "line 3, column 1: found '}', expected an item"},
        {"{\"items\":[1}", "line 1, column 12: found '}', expected ',' or ']'"},
        {"{\"items\":[1,2", "line 1, column 14: found the end of the input, expected the end of \"items\""},
        {"{\"items\":[{\"a\":", "line 1, column 16: found the end of the input, expected the end of \"items\""},
        {"{\"items\":[1]", "line 1, column 12: found the end of the input, expected ',' or '}'"},
        {"{\"items\":[1]}}", "line 1, column 13: found '}', expected the end of the input"},
        {"{\"items\":[1],\"items\":[2]}",
         "line 1, column 13: found the key \"items\" a second time (first on line 1), expected each key once"},
        {"{\"items\" [1]}", "line 1, column 10: found '[', expected ':'"},
        {"", "line 1, column 1: found the end of the input, expected a value"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        for (size_t cut = 0; cut <= strlen(ROWS[i][0]); cut++) {
            struct items items = {0};
            struct hf_error err = HF_ERROR_INIT;
            char *rest;
            cr_expect_eq(split_at(ROWS[i][0], cut, &items, &rest, &err), -1, "%s", ROWS[i][0]);
            cr_expect_eq(err.code, HF_EPARSE);
            if (cut == 0) {
                cr_expect_str_eq(err.text, ROWS[i][1], "%s: %s", ROWS[i][0], err.text);
            }
            free(rest);
            hf_buf_free(&items.text);
        }
    }
}

Test(json_split, one_item_and_the_rest_are_limited_in_size_but_not_the_list)
{
    struct items items = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_json_split *split = hf_json_split_new("items", 20, 40, note, &items);
    cr_assert_eq(hf_json_split_feed(split, "{\"items\":[0", 11, &err), 0);
    for (int i = 0; i < 10000; i++) {
        cr_assert_eq(hf_json_split_feed(split, ",{\"a\":\"0123456789\"}", 19, &err), 0, "%s", err.text);
    }
    cr_expect_eq(items.count, 10001);
    cr_expect_eq(hf_json_split_feed(split, ",{\"a\":\"0123456789012\"}", 22, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT, "%s", err.text);
    cr_expect_eq(hf_json_split_feed(split, "]", 1, &err), -1, "a splitter that failed stays failed");
    hf_json_split_free(split);

    split = hf_json_split_new("items", 20, 40, note, &items);
    cr_expect_eq(hf_json_split_feed(split, "{\"a\":\"0123456789012345678901234567890123456789\"", 48, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT, "%s", err.text);
    hf_json_split_free(split);
    hf_buf_free(&items.text);
}

Test(json_split, whoever_gets_the_items_can_stop)
{
    for (size_t cut = 0; cut < 25; cut++) {
        struct items items = {.stop_at = 2};
        struct hf_error err = HF_ERROR_INIT;
        char *rest;
        cr_expect_eq(split_at("{\"items\":[{},{\"a\":1},3]}", cut, &items, &rest, &err), -1);
        cr_expect_eq(err.code, HF_ECANCELED);
        cr_expect_eq(items.count, 2);
        hf_buf_free(&items.text);
        free(rest);
    }
}
