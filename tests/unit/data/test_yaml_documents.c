#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reading.h"

TestSuite(yaml_documents, .timeout = 30);

static void check(const char *const rows[][2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *text = canonical_of_yaml(rows[i][0], strlen(rows[i][0]));
        cr_expect_str_eq(text, rows[i][1], "%s: expected %s, got %s", rows[i][0], rows[i][1], text);
        free(text);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows)[0])

Test(yaml_documents, merge_keys_are_applied_in_the_order_of_go_yaml)
{
    static const char *const ROWS[][2] = {
        {"a: &a {p: 1, q: 2}\nb:\n  <<: *a\n  q: 3\n", "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":3}}"},
        /* go-yaml v2 lets a later merge win over what was written before it. */
        {"a: &a {p: 1, q: 2}\nb:\n  q: 3\n  <<: *a\n", "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":2}}"},
        {"a: &a {p: 1}\nb: &b {p: 2, q: 2}\nc:\n  <<: [*a, *b]\n",
         "{\"a\":{\"p\":1},\"b\":{\"p\":2,\"q\":2},\"c\":{\"p\":1,\"q\":2}}"},
        {"<<: {p: 1}\n<<: {q: 2}\n", "{\"p\":1,\"q\":2}"},
        {"a: &a {p: 1}\nb: &b {<<: *a, q: 2}\nc: {<<: *b}\n",
         "{\"a\":{\"p\":1},\"b\":{\"p\":1,\"q\":2},\"c\":{\"p\":1,\"q\":2}}"},
        {"'<<': 1\n", "{\"<<\":1}"},
        {"!!str <<: 1\n", "{\"<<\":1}"},
        {"<<: {}\np: 1\n", "{\"p\":1}"},
        {"<<: 1\n",
         "line 1, column 5: found something else behind '<<', expected a mapping, an alias of one, or a list of "
         "them"},
        {"<<: [1]\n",
         "line 1, column 5: found something else behind '<<', expected a mapping, an alias of one, or a list "
         "of them"},
        {"a: &a [{p: 1}]\nb: {<<: *a}\n", "line 2, column 9: found something else behind '<<', expected a mapping, an "
                                          "alias of one, or a list of them"},
        {"a: &a {p: 1}\nb:\n  p: 1\n  <<: *a\n  p: 2\n",
         "line 5, column 3: found the key \"p\" a second time (first on line 3), expected each key once"},
    };
    CHECK(ROWS);
}

Test(yaml_documents, anchors_and_aliases_stand_for_what_they_name)
{
    static const char *const ROWS[][2] = {
        {"[&a 1, *a, &a 2, *a]", "[1,1,2,2]"},
        {"a: &x [1, {b: 2}]\nc: *x", "{\"a\":[1,{\"b\":2}],\"c\":[1,{\"b\":2}]}"},
        {"a: *x", "line 1, column 4: found x, expected an alias of an anchor that stands before it"},
        {"a: &x [*x]", "line 1, column 8: found x, expected an alias that is not within what it stands for"},
        {"a: &x {b: *x}", "line 1, column 11: found x, expected an alias that is not within what it stands for"},
    };
    CHECK(ROWS);
    char *text = canonical_of_yaml("--- &x 1\n--- *x\n", 16);
    cr_expect_str_eq(text, "line 2, column 5: found x, expected an alias of an anchor that stands before it");
    free(text);
}

Test(yaml_documents, errors_name_line_column_what_was_found_and_what_was_expected)
{
    static const char *const ROWS[][2] = {
        {"a: 1\nb: 2\na: 3\n",
         "line 3, column 1: found the key \"a\" a second time (first on line 1), expected each key once"},
        {"a: b: c\n", "line 1, column 5: found ':', expected no second ': ' here (quote the text, or check the "
                      "indentation)"},
        {"a:\n\tb: 1\n", "line 2, column 1: found a tab, expected a value (text that begins with this is quoted; "
                         "indentation is spaces)"},
        {"a: [1, 2\nb: 3\n",
         "line 2, column 2: found ':', expected ',' or ']' (while parsing a flow sequence that begins "
         "on line 1)"},
        {"a: {b: 1\n",
         "line 2, column 1: found the end of the input, expected ',' or '}' (while parsing a flow mapping "
         "that begins on line 1)"},
        {"a: @x\n",
         "line 1, column 4: found '@', expected a value (text that begins with this is quoted; indentation is "
         "spaces)"},
        {"a: \"x\n",
         "line 2, column 1: found the end of the input, expected the closing quote (while scanning a quoted "
         "scalar that begins on line 1)"},
        {"a: 1\n  b: 2\n", "line 2, column 4: found ':', expected no second ': ' here (quote the text, or check the "
                           "indentation)"},
        {"a:\n  - 1\n b: 2\n",
         "line 3, column 2: found 'b', expected a key in line with the others, or less indentation "
         "(while parsing a block mapping that begins on line 1)"},
        {"a: \"x\" pass-word\n",
         "line 1, column 8: found text, expected a key in line with the others, or less indentation"},
        {"a: \"\\q\"\n", "line 1, column 5: found '\\', expected a known escape (a backslash is written \\\\ in double "
                         "quotes)"},
        {"a: x\x01y\n", "line 1, column 5: found control character U+0001, expected text without control characters"},
        {"é: \xff\n", "line 1, column 5: found byte 0xFF, which is not UTF-8, expected UTF-8"},
        {"é: [\n", "line 2, column 1: found the end of the input, expected a value"},
        {"é: ü: 1\n", "line 1, column 7: found ':', expected no second ': ' here (quote the text, or check the "
                      "indentation)"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *text = canonical_of_yaml(ROWS[i][0], strlen(ROWS[i][0]));
        cr_expect_str_eq(text, ROWS[i][1], "%s:\n  expected %s\n  got      %s", ROWS[i][0], ROWS[i][1], text);
        free(text);
    }
}

struct part {
    const char *canonical;
    const char *source;
    uint32_t line;
};

static void check_parts(const char *text, const struct part *parts, size_t expected)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents;
    size_t count;
    cr_assert_eq(hf_yaml_read(arena, text, strlen(text), NULL, &documents, &count, &err), 0, "%s: %s", text, err.text);
    cr_expect_eq(count, expected, "%s: %zu documents", text, count);
    for (size_t i = 0; i < count && i < expected; i++) {
        char *canonical = canonical_of_value(documents[i].value);
        cr_expect_str_eq(canonical, parts[i].canonical);
        cr_expect(hf_slice_is(documents[i].source, parts[i].source), "%s: document %zu is \"%.*s\"", text, i,
                  HF_SLICE(documents[i].source));
        cr_expect_eq(documents[i].line, parts[i].line, "%s: document %zu begins on line %u", text, i,
                     documents[i].line);
        free(canonical);
    }
}

#define PARTS(text, ...)                                                                                               \
    do {                                                                                                               \
        const struct part parts[] = {__VA_ARGS__};                                                                     \
        check_parts(text, parts, sizeof parts / sizeof parts[0]);                                                      \
    } while (0)

Test(yaml_documents, each_document_keeps_its_own_bytes)
{
    PARTS("a: 1\n", {"{\"a\":1}", "a: 1\n", 1});
    PARTS("a: 1\n---\nb: 2\n", {"{\"a\":1}", "a: 1\n", 1}, {"{\"b\":2}", "b: 2\n", 3});
    PARTS("---\na: 1\n---\n", {"{\"a\":1}", "a: 1\n", 2});
    PARTS("---\n# only a comment\n---\nb: 2\n...\n", {"{\"b\":2}", "b: 2\n", 4});
    PARTS("# about a\na: 1 # one\n# the end\n---\nb: 2", {"{\"a\":1}", "# about a\na: 1 # one\n# the end\n", 1},
          {"{\"b\":2}", "b: 2", 5});
    PARTS("--- # first\na: 1\n", {"{\"a\":1}", "a: 1\n", 2});
    PARTS("--- {a: 1}\n--- [2]\n", {"{\"a\":1}", "--- {a: 1}\n", 1}, {"[2]", "--- [2]\n", 2});
    PARTS("--- |\n  x\n---\nz\n", {"\"x\\n\"", "--- |\n  x\n", 1}, {"\"z\"", "z\n", 4});
    PARTS("a: 1\n...\n# between\n---\nb: 2\n", {"{\"a\":1}", "a: 1\n", 1}, {"{\"b\":2}", "b: 2\n", 5});
    PARTS("---  --- a\n", {"\"--- a\"", "---  --- a\n", 1});
    PARTS("--- 1\n---\ta1.1\n", {"1", "--- 1\n", 1}, {"\"a1.1\"", "---\ta1.1\n", 2});
    PARTS("--- # x\xC2\x85"
          "a: 1\n",
          {"{\"a\":1}", "a: 1\n", 2});
    PARTS("1\n---\n\xEF\xBB\xBF\xEF\xBB\xBF"
          "b\n",
          {"1", "1\n", 1},
          {"\"\xEF\xBB\xBF"
           "b\"",
           "---\n\xEF\xBB\xBF\xEF\xBB\xBF"
           "b\n",
           2});
    PARTS("%YAML 1.1\n---\na: 1\n", {"{\"a\":1}", "%YAML 1.1\n---\na: 1\n", 1});
    PARTS("\xEF\xBB\xBF"
          "a: 1\n",
          {"{\"a\":1}", "a: 1\n", 1});
    PARTS("é: ü\n---\n日: 本\n---\nx: 1\n", {"{\"é\":\"ü\"}", "é: ü\n", 1}, {"{\"日\":\"本\"}", "日: 本\n", 3},
          {"{\"x\":1}", "x: 1\n", 5});
    PARTS("a: 1\r\n---\r\nb: 2\r\n", {"{\"a\":1}", "a: 1\r\n", 1}, {"{\"b\":2}", "b: 2\r\n", 3});
    PARTS("a: |\n  --- not a marker\n  x\n---\nb: '--- x'\n",
          {"{\"a\":\"--- not a marker\\nx\\n\"}", "a: |\n  --- not a marker\n  x\n", 1},
          {"{\"b\":\"--- x\"}", "b: '--- x'\n", 5});
    PARTS("null\n", {"null", "null\n", 1});
    PARTS("{\"a\": [1, 2],\n \"b\": {\"c\": \"\\u00e9\"}}",
          {"{\"a\":[1,2],\"b\":{\"c\":\"é\"}}", "{\"a\": [1, 2],\n \"b\": {\"c\": \"\\u00e9\"}}", 1});
}

Test(yaml_documents, nothing_but_comments_is_no_document)
{
    static const char *const ROWS[] = {
        "", "\n\n", "# only\n", "---\n", "---\n---\n", "---\n# x\n...\n", "\xEF\xBB\xBF", "  \n"};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        check_parts(ROWS[i], NULL, 0);
    }
}

Test(yaml_documents, the_bytes_of_a_document_mean_what_it_means)
{
    const char *text =
        "# head\n---\na: [1, é]\n--- # two\nb: &x {c: 1}\nd: *x\n...\n%YAML 1.1\n--- 'three'\n--- >\n four\n\n five\n";
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents;
    size_t count;
    cr_assert_eq(hf_yaml_read(arena, text, strlen(text), NULL, &documents, &count, &err), 0, "%s", err.text);
    cr_assert_eq(count, 4);
    for (size_t i = 0; i < count; i++) {
        struct hf_document *again;
        size_t one;
        cr_assert_eq(hf_yaml_read(arena, documents[i].source.ptr, documents[i].source.len, NULL, &again, &one, &err), 0,
                     "%zu: %s", i, err.text);
        cr_assert_eq(one, 1);
        cr_expect(hf_value_equal(again[0].value, documents[i].value), "document %zu", i);
    }
}

Test(yaml_documents, places_are_lines_and_bytes)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *v = yaml_of(arena, "é: 1\nlist:\n  - {ü: ö, b: [x]}\n");
    const struct hf_value *item = hf_value_at(hf_value_get(v, "list"), 0);
    cr_expect_eq(item->line, 3);
    cr_expect_eq(item->column, 5);
    cr_expect_eq(hf_value_get(item, "b")->column, 17);
    cr_expect_eq(hf_value_get(v, "é")->column, 5);
    cr_expect_eq(hf_value_get(item, "ü")->column, 10);
}

Test(yaml_documents, utf_16_is_refused_by_name)
{
    char *text = canonical_of_yaml("\xFF\xFE"
                                   "a\0:\0",
                                   6);
    cr_expect_str_eq(text, "line 1, column 1: found the byte order mark of UTF-16, expected UTF-8");
    free(text);
}
