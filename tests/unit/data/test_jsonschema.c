#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/jsonschema.h"
#include "reading.h"

TestSuite(jsonschema, .timeout = 30);

/* "" when value fits. */
static char *verdict(const char *schema, const char *value)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    int status = hf_jsonschema_check(json_of(arena, schema), yaml_of(arena, value), &err);
    cr_expect_eq(status != 0, err.code != HF_OK);
    return hf_strdup(err.text);
}

static void check(const char *const rows[][3], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *text = verdict(rows[i][0], rows[i][1]);
        cr_expect_str_eq(text, rows[i][2], "%s with %s:\n  expected %s\n  got      %s", rows[i][0], rows[i][1],
                         rows[i][2], text);
        free(text);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows)[0])

Test(jsonschema, each_keyword_holds)
{
    static const char *const ROWS[][3] = {
        {"{}", "1", ""},
        {"true", "1", ""},
        {"false", "1", "line 1, column 1: found a value, expected nothing here"},
        {"{\"type\":\"string\"}", "x", ""},
        {"{\"type\":\"string\"}", "1", "line 1, column 1: found 1, expected text"},
        {"{\"type\":\"string\"}", "[1]", "line 1, column 1: found a list, expected text"},
        {"{\"type\":\"integer\"}", "1.0", ""},
        {"{\"type\":\"integer\"}", "1.5", "line 1, column 1: found 1.5, expected an integer"},
        {"{\"type\":\"number\"}", "1.5", ""},
        {"{\"type\":[\"string\",\"null\"]}", "~", ""},
        {"{\"type\":[\"string\",\"null\"]}", "yes", "line 1, column 1: found true, expected text or null"},
        {"{\"enum\":[\"auto\",\"observe\"]}", "auto", ""},
        {"{\"enum\":[\"auto\",\"observe\"]}", "on",
         "line 1, column 1: found true, expected one of \"auto\", \"observe\""},
        {"{\"enum\":[\"auto\",\"observe\"]}", "Auto",
         "line 1, column 1: found \"Auto\", expected one of \"auto\", \"observe\""},
        {"{\"const\":1}", "1.0", ""},
        {"{\"const\":1}", "2", "line 1, column 1: found 2, expected 1"},
        {"{\"minimum\":1,\"maximum\":10}", "10", ""},
        {"{\"minimum\":1,\"maximum\":10}", "11", "line 1, column 1: found 11, expected a number from 1 to 10"},
        {"{\"minimum\":0}", "-1", "line 1, column 1: found -1, expected a number of at least 0"},
        {"{\"maximum\":9007199254740992}", "9007199254740993",
         "line 1, column 1: found 9007199254740993, expected a number of at most 9007199254740992"},
        {"{\"minLength\":1}", "''", "line 1, column 1: found 0 characters, expected at least 1"},
        {"{\"maxLength\":3}", "日本語", ""},
        {"{\"maxLength\":2}", "日本語", "line 1, column 1: found 3 characters, expected at most 2"},
        {"{\"minItems\":1}", "[]", "line 1, column 1: found 0 items, expected at least 1"},
        {"{\"maxItems\":1}", "[1,2]", "line 1, column 1: found 2 items, expected at most 1"},
        {"{\"uniqueItems\":true}", "[1,2]", ""},
        {"{\"uniqueItems\":true}", "[{a: 1}, {b: 1}, {a: 1.0}]",
         "line 1, column 18: found an item a second time, expected each item once"},
        {"{\"pattern\":\"^[a-z]+$\"}", "abc", ""},
        {"{\"pattern\":\"^[a-z]+$\",\"description\":\"A name.\"}", "aBc",
         "line 1, column 1: found text that does not match, expected text that matches ^[a-z]+$ (A name.)"},
        {"{\"pattern\":\"b\"}", "abc", ""},
        {"{\"items\":{\"type\":\"integer\"}}", "[1, x]", "line 1, column 5: [1]: found text, expected an integer"},
        {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{a: 1, b: x}",
         "line 1, column 11: b: found text, expected an integer"},
        {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{a.b/c: x}",
         "line 1, column 9: [\"a.b/c\"]: found text, expected an integer"},
        {"{\"required\":[\"a\"]}", "{b: 1}", "line 1, column 1: found no \"a\", expected \"a\""},
        {"{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"type\":\"string\"}}}", "1",
         "line 1, column 1: found 1, expected text"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "1", ""},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "yes",
         "line 1, column 1: found true, expected text, or an integer"},
        {"{\"oneOf\":[{\"type\":\"number\"},{\"type\":\"integer\"}]}", "1.5", ""},
        {"{\"oneOf\":[{\"type\":\"number\"},{\"type\":\"integer\"}]}", "1",
         "line 1, column 1: found a value that fits more than one of the forms allowed here, expected one that fits a "
         "single form"},
        {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}]}",
         "{a: x}", "line 1, column 5: a: found text, expected an integer"},
    };
    CHECK(ROWS);
}

static const char CONFIG[] = "{\"type\":\"object\",\"required\":[\"targets\"],\"additionalProperties\":false,"
                             "\"properties\":{\"targets\":{\"type\":"
                             "\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\",\"source\"],"
                             "\"additionalProperties\":false,\"properties\":"
                             "{\"name\":{\"type\":\"string\"},\"kubeconfig\":{\"type\":\"string\"},\"correction\":{"
                             "\"enum\":[\"auto\",\"observe\"]},"
                             "\"source\":{\"type\":\"object\"}}}}}}";

Test(jsonschema, the_first_violation_is_named_by_place_and_readable_path)
{
    static const char *const ROWS[][3] = {
        {CONFIG, "targets:\n- name: a\n  source: {}\n  correction: auto\n", ""},
        {CONFIG, "targets:\n- name: a\n  source: {}\n  kubeconfig: 5\n",
         "line 4, column 15: targets[0].kubeconfig: found 5, expected text"},
        {CONFIG, "targets:\n- name: a\n  source: {}\n- name: b\n  source: {}\n  correction: \"on\"\n",
         "line 6, column 15: targets[1].correction: found \"on\", expected one of \"auto\", \"observe\""},
        {CONFIG, "targets:\n- name: a\n  source: {}\n  corection: auto\n",
         "line 4, column 3: targets[0]: found the unknown property \"corection\", expected \"correction\""},
        {CONFIG, "targets:\n- nmae: a\n  source: {}\n",
         "line 2, column 3: targets[0]: found the unknown property \"nmae\", expected \"name\""},
        {CONFIG, "targets:\n- name: a\n  source: {}\n  zzz: 1\n",
         "line 4, column 3: targets[0]: found the unknown property \"zzz\", expected one of \"correction\", "
         "\"kubeconfig\", "
         "\"name\", \"source\""},
        {CONFIG, "targets:\n- name: a\n", "line 2, column 3: targets[0]: found no \"source\", expected \"source\""},
        {CONFIG, "{}\n", "line 1, column 1: found no \"targets\", expected \"targets\""},
        {CONFIG, "targets:\n- source: 1\n  name: 2\n  kubeconfig: 3\n",
         "line 2, column 11: targets[0].source: found 1, expected a mapping"},
        {CONFIG, "- targets\n", "line 1, column 1: found a list, expected a mapping"},
    };
    CHECK(ROWS);
}

Test(jsonschema, a_text_that_might_be_a_secret_is_not_shown)
{
    static const char *const ROWS[] = {"{\"type\":\"integer\"}", "{\"pattern\":\"^x$\"}", "{\"minLength\":100}",
                                       "{\"type\":\"object\"}"};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *text = verdict(ROWS[i], "hunter2-token");
        cr_expect_neq(text[0], '\0', "%s", ROWS[i]);
        cr_expect_null(strstr(text, "hunter2"), "%s", text);
        free(text);
    }
}

Test(jsonschema, a_schema_that_says_more_than_is_checked_is_refused)
{
    static const char *const ROWS[] = {
        "{\"allOf\":[]}",
        "{\"exclusiveMinimum\":1}",
        "{\"type\":\"text\"}",
        "{\"type\":[]}",
        "{\"minLength\":-1}",
        "{\"minLength\":\"1\"}",
        "{\"pattern\":\"(\"}",
        "{\"$ref\":\"other.json\"}",
        "{\"$ref\":\"#/$defs/none\"}",
        "{\"required\":\"a\"}",
        "{\"properties\":[]}",
        "{\"properties\":{\"a\":1}}",
        "{\"items\":{\"if\":{}}}",
        "{\"anyOf\":[{\"not\":{}}]}",
        "{\"anyOf\":[]}",
        "[]",
        "{\"$defs\":{\"x\":{\"y\":1}}}",
        "{\"enum\":1}",
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        struct hf_error err = HF_ERROR_INIT;
        cr_expect_eq(hf_jsonschema_check(json_of(arena, ROWS[i]), yaml_of(arena, "x"), &err), -1, "%s", ROWS[i]);
        cr_expect_eq(err.code, HF_EINVAL, "%s: %s", ROWS[i], err.text);
        cr_expect(strncmp(err.text, "schema: ", 8) == 0, "%s: %s", ROWS[i], err.text);
    }
}

Test(jsonschema, a_reference_to_itself_ends)
{
    char *text = verdict("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}}}", "x");
    cr_expect_str_eq(text, "line 1, column 1: nested too deeply to be checked");
    free(text);
    text = verdict("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"items\":{\"$ref\":\"#/$defs/a\"},\"type\":\"array\"}}}",
                   "[[[[]]], []]");
    cr_expect_str_eq(text, "");
    free(text);
}

static void read_shipped(const char *name)
{
    char path[512];
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    (void)snprintf(path, sizeof path, "%s/schema/%s", HF_SOURCE_DIR, name);
    cr_assert_eq(hf_read_file(path, 1 << 20, &text, &err), 0, "%s", err.text);
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *schema = json_of(arena, hf_buf_text(&text));
    cr_expect_eq(hf_jsonschema_check(schema, json_of(arena, "[]"), &err), -1);
    cr_expect(strncmp(err.text, "line 1, column 1: ", 18) == 0, "%s: %s", name, err.text);
}

Test(jsonschema, the_schemas_that_ship_say_only_what_is_checked)
{
    read_shipped("config.json");
    read_shipped("rules.json");
}
