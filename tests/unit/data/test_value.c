#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reading.h"

TestSuite(value, .timeout = 30);

Test(value, lookups_chain_and_never_crash)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *v = json_of(arena, "{\"metadata\":{\"name\":\"web\",\"ready\":true},\"list\":[1,2]}");
    cr_expect_str_eq(hf_value_text(hf_value_path(v, "metadata", "name", NULL)), "web");
    cr_expect(hf_value_is_true(hf_value_path(v, "metadata", "ready", NULL)));
    cr_expect_null(hf_value_path(v, "metadata", "name", "deeper", NULL));
    cr_expect_null(hf_value_path(v, "spec", "name", NULL));
    cr_expect_eq(hf_value_path(v, NULL), v);
    cr_expect_null(hf_value_get(NULL, "a"));
    cr_expect_null(hf_value_text(NULL));
    cr_expect_null(hf_value_text(v));
    cr_expect_null(hf_value_at(v, 0));
    cr_expect_null(hf_value_at(hf_value_get(v, "list"), 2));
    cr_expect_not_null(hf_value_at(hf_value_get(v, "list"), 1));
    cr_expect_eq(hf_value_count(hf_value_get(v, "list")), 2);
    cr_expect_eq(hf_value_count(v), 2);
    cr_expect_eq(hf_value_count(hf_value_path(v, "metadata", "name", NULL)), 0);
    cr_expect_not(hf_value_is_true(NULL));
    cr_expect_str_eq(hf_kind_name(HF_OBJECT), "object");
}

Test(value, text_with_a_nul_byte_is_no_c_string)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *v = json_of(arena, "\"web\\u0000x\"");
    cr_expect_null(hf_value_text(v));
    cr_expect_eq(v->as.text.len, 5);
    cr_expect_str_eq(hf_value_text(json_of(arena, "\"\"")), "");
}

Test(value, objects_built_in_any_order_are_sorted)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_value *object = hf_value_new(arena, HF_OBJECT);
    for (int i = 0; i < 500; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", (i * 7919) % 500);
        cr_assert_eq(hf_value_set(arena, object, hf_slice_of(key), hf_value_integer(arena, i)), 0);
    }
    cr_expect_eq(hf_value_count(object), 500);
    for (size_t i = 1; i < 500; i++) {
        cr_assert_lt(hf_slice_compare(object->as.object.members[i - 1].key, object->as.object.members[i].key), 0);
    }
    cr_assert_eq(hf_value_set(arena, object, hf_slice_of("7"), hf_value_string(arena, hf_slice_of("new"))), 0);
    cr_expect_eq(hf_value_count(object), 500);
    cr_expect_str_eq(hf_value_text(hf_value_get(object, "7")), "new");
    cr_expect(hf_value_unset(object, hf_slice_of("7")));
    cr_expect_not(hf_value_unset(object, hf_slice_of("7")));
    cr_expect_null(hf_value_get(object, "7"));
    cr_expect_eq(hf_value_count(object), 499);
    cr_expect_lt(hf_arena_size(arena), (size_t)1 << 20, "building takes memory in proportion");
}

Test(value, what_was_put_into_another_is_not_changed_by_building_on)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_value *list = hf_value_new(arena, HF_ARRAY);
    struct hf_value *outer = hf_value_new(arena, HF_OBJECT);
    cr_assert_eq(hf_value_push(arena, list, hf_value_integer(arena, 1)), 0);
    cr_assert_eq(hf_value_set(arena, outer, hf_slice_of("a"), list), 0);
    cr_assert_eq(hf_value_push(arena, list, hf_value_integer(arena, 2)), 0);
    struct hf_value inner = *hf_value_get(outer, "a");
    cr_assert_eq(hf_value_push(arena, &inner, hf_value_integer(arena, 3)), 0);
    char *text = canonical_of_value(list);
    cr_expect_str_eq(text, "[1,2]");
    free(text);
    text = canonical_of_value(outer);
    cr_expect_str_eq(text, "{\"a\":[1]}");
    free(text);
    text = canonical_of_value(&inner);
    cr_expect_str_eq(text, "[1,3]");
    free(text);
}

Test(value, a_copy_lives_without_what_it_was_copied_from)
{
    struct hf_arena *first = hf_arena_new(0);
    hf_auto_arena struct hf_arena *second = hf_arena_new(0);
    const char *text = "{\"a\":[1,\"x\",null,true,{\"b\":{}}],\"c\":[]}";
    struct hf_value *copy = hf_value_copy(second, json_of(first, text));
    hf_arena_free(first);
    cr_assert_not_null(copy);
    char *canonical = canonical_of_value(copy);
    cr_expect_str_eq(canonical, text);
    free(canonical);
}

Test(value, equality_is_by_meaning)
{
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } ROWS[] = {
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1.0}", true},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,1]", false},
        {"\"a\"", "\"\\u0061\"", true},
        {"1e3", "1000", true},
        {"9007199254740993", "9007199254740992", false},
        {"null", "false", false},
        {"true", "true", true},
        {"true", "false", false},
        {"\"1\"", "1", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":1}", false},
        {"{}", "[]", false},
        {"{\"a\":{\"b\":[{}]}}", "{\"a\":{\"b\":[{}]}}", true},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        const struct hf_value *a = json_of(arena, ROWS[i].a);
        const struct hf_value *b = json_of(arena, ROWS[i].b);
        cr_expect_eq(hf_value_equal(a, b), ROWS[i].equal, "%s and %s", ROWS[i].a, ROWS[i].b);
        cr_expect_eq(hf_value_equal(b, a), ROWS[i].equal, "%s and %s", ROWS[i].b, ROWS[i].a);
    }
    cr_expect(hf_value_equal(NULL, NULL));
}

Test(value, short_memory_is_told_and_harms_nothing)
{
    for (size_t limit = 4200; limit < 20000; limit += 4096) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(limit);
        struct hf_value *object = hf_value_new(arena, HF_OBJECT);
        if (!object) {
            continue;
        }
        int status = 0;
        size_t count = 0;
        for (int i = 0; status == 0 && i < 2000; i++) {
            char key[16];
            (void)snprintf(key, sizeof key, "key%d", i);
            struct hf_value *value = hf_value_integer(arena, i);
            status = value ? hf_value_set(arena, object, hf_slice_of(key), value) : -1;
            count += status == 0;
        }
        cr_expect_eq(status, -1);
        cr_expect_eq(hf_value_count(object), count);
        cr_expect_null(hf_value_copy(arena, object));
    }
}
