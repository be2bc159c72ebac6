#include <criterion/criterion.h>
#include <string.h>

#include "holdfast/pointer.h"
#include "reading.h"

TestSuite(pointer_edit, .timeout = 10);

struct edit {
    const char *pointer;
    const char *value; /* NULL: cut */
    const char *after; /* NULL: refused, and as before */
};

static const char BEFORE[] = "{\"a\":[1,2,3],\"b\":{\"c/d\":1,\"e~f\":2},\"n\":null}";

static struct hf_value *read_text(struct hf_arena *arena, const char *text)
{
    const struct hf_value *value;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_json_read(arena, text, strlen(text), NULL, &value, &err), 0, "%s", err.text);
    return hf_value_copy(arena, value);
}

Test(pointer_edit, a_place_is_set_appended_or_taken_out_and_nothing_else_changes)
{
    static const struct edit EDITS[] = {
        {"/a/1", "9", "{\"a\":[1,9,3],\"b\":{\"c/d\":1,\"e~f\":2},\"n\":null}"},
        {"/a/-", "9", "{\"a\":[1,2,3,9],\"b\":{\"c/d\":1,\"e~f\":2},\"n\":null}"},
        {"/a/3", "9", "{\"a\":[1,2,3,9],\"b\":{\"c/d\":1,\"e~f\":2},\"n\":null}"},
        {"/b/c~1d", "9", "{\"a\":[1,2,3],\"b\":{\"c/d\":9,\"e~f\":2},\"n\":null}"},
        {"/b/new", "9", "{\"a\":[1,2,3],\"b\":{\"c/d\":1,\"e~f\":2,\"new\":9},\"n\":null}"},
        {"/a/4", "9", NULL},
        {"/a/x", "9", NULL},
        {"/a/01", "9", NULL},
        {"/a/0/x", "9", NULL},
        {"/n/x", "9", NULL},
        {"/no/x", "9", NULL},
        {"/b/c~2d", "9", NULL},
        {"", "9", NULL},
        {"/a/0", NULL, "{\"a\":[2,3],\"b\":{\"c/d\":1,\"e~f\":2},\"n\":null}"},
        {"/b/e~0f", NULL, "{\"a\":[1,2,3],\"b\":{\"c/d\":1},\"n\":null}"},
        {"/n", NULL, "{\"a\":[1,2,3],\"b\":{\"c/d\":1,\"e~f\":2}}"},
        {"/a/-", NULL, NULL},
        {"/a/3", NULL, NULL},
        {"/no", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof EDITS / sizeof EDITS[0]; i++) {
        const struct edit *edit = &EDITS[i];
        struct hf_arena *arena = hf_arena_new(0);
        struct hf_value *document = read_text(arena, BEFORE);
        struct hf_error err = HF_ERROR_INIT;
        struct hf_buf text = {0};
        bool done = edit->value ? hf_pointer_put(arena, document, hf_slice_of(edit->pointer),
                                                 read_text(arena, edit->value), &err) == 0
                                : hf_pointer_cut(document, hf_slice_of(edit->pointer));
        hf_json_write(&text, document);
        cr_expect_eq(done, edit->after != NULL, "%s", edit->pointer);
        cr_expect_str_eq(hf_buf_text(&text), edit->after ? edit->after : BEFORE, "%s", edit->pointer);
        hf_buf_free(&text);
        hf_arena_free(arena);
    }
}

Test(pointer_edit, what_is_appended_twice_stands_twice)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_value *document = read_text(arena, BEFORE);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf text = {0};
    cr_assert_eq(hf_pointer_put(arena, document, hf_slice_of("/a/-"), read_text(arena, "8"), &err), 0);
    cr_assert_eq(hf_pointer_put(arena, document, hf_slice_of("/a/-"), read_text(arena, "9"), &err), 0);
    hf_json_write(&text, hf_value_get(document, "a"));
    cr_assert_str_eq(hf_buf_text(&text), "[1,2,3,8,9]");
    hf_buf_free(&text);
    hf_arena_free(arena);
}

Test(pointer_edit, places_are_ordered_by_number_and_what_is_below_comes_behind)
{
    static const char *const ORDER[] = {"", "/a", "/a/2", "/a/2/x", "/a/9", "/a/10", "/b"};
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0]; i++) {
        for (size_t j = 0; j < sizeof ORDER / sizeof ORDER[0]; j++) {
            int order = hf_pointer_compare(ORDER[i], ORDER[j]);
            cr_expect_eq((order > 0) - (order < 0), (i > j) - (i < j), "%s and %s", ORDER[i], ORDER[j]);
        }
    }
}
