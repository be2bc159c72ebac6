#include <criterion/criterion.h>
#include <string.h>

#include "reading.h"

TestSuite(yaml_write, .timeout = 30);

static char *yaml_text(const struct hf_value *value)
{
    struct hf_buf buf = {0};
    hf_yaml_write(&buf, value);
    cr_assert(hf_buf_ok(&buf));
    return hf_buf_take(&buf);
}

Test(yaml_write, it_looks_as_kubectl_writes_it)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *v = json_of(
        arena, "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"labels\":{},"
               "\"annotations\":{\"a\":\"true\",\"b\":\"line 1\\nline 2\\n\",\"c\":\"x: y\",\"d\":\"\",\"e\":\"1.5\"}},"
               "\"spec\":{\"replicas\":3,\"paused\":false,\"containers\":[{\"name\":\"c\",\"args\":[\"-v\",\"--x=1\","
               "\"- a\",\"*\"],\"env\":[]},{\"name\":\"d\",\"ports\":[[1,2],[]]}],\"none\":null}}");
    char *text = yaml_text(v);
    cr_expect_str_eq(text, "apiVersion: apps/v1\n"
                           "kind: Deployment\n"
                           "metadata:\n"
                           "  annotations:\n"
                           "    a: \"true\"\n"
                           "    b: |\n"
                           "      line 1\n"
                           "      line 2\n"
                           "    c: 'x: y'\n"
                           "    d: \"\"\n"
                           "    e: \"1.5\"\n"
                           "  labels: {}\n"
                           "  name: web\n"
                           "spec:\n"
                           "  containers:\n"
                           "  - args:\n"
                           "    - -v\n"
                           "    - --x=1\n"
                           "    - '- a'\n"
                           "    - '*'\n"
                           "    env: []\n"
                           "    name: c\n"
                           "  - name: d\n"
                           "    ports:\n"
                           "    - - 1\n"
                           "      - 2\n"
                           "    - []\n"
                           "  none: null\n"
                           "  paused: false\n"
                           "  replicas: 3\n");
    free(text);
}

static const char *const TEXTS[] = {
    "",
    "a",
    "true",
    "yes",
    "y",
    "off",
    "null",
    "~",
    "1",
    "1.5",
    "0x10",
    "017",
    "0o17",
    "1_000",
    "1e3",
    ".inf",
    ".nan",
    "2026-01-01",
    "12:30:45",
    "<<",
    "=",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "- a",
    "-a",
    "?",
    "? a",
    ":",
    ": a",
    ":a",
    "a:",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    "#a",
    "&a",
    "*a",
    "!a",
    "!!str a",
    "|",
    ">",
    "'",
    "\"",
    "a'b",
    "a\"b",
    "%a",
    "@a",
    "`a",
    "{",
    "}",
    "{a}",
    "[",
    "]",
    "[a]",
    ",",
    "a,b",
    " a",
    "a ",
    " ",
    "  ",
    "a  b",
    "\t",
    "a\tb",
    "\\",
    "a\\nb",
    "a\nb",
    "a\n",
    "a\n\n",
    "a\n\n\n",
    "\n",
    "\n\n",
    "\na",
    " \na",
    "a\n b\n",
    "a\n\n b\n",
    "a \nb",
    "a\n ",
    "a\n  \n",
    "\ta\n",
    "a\n\tb\n",
    "a\r\nb",
    "\r",
    "é",
    "日本\n語\n",
    "😀",
    "\xC2\x85",
    "\xC2\xA0",
    "\xE2\x80\xA8",
    "\xEF\xBB\xBF",
    "\xEF\xBF\xBE",
    "\x01",
    "\x1b[0m",
    "\x7f",
    "#!/bin/sh\nset -e\n# x\necho \"$1\" : '\n",
    "--- x\n---\n...\n",
    "- a\n- b\n",
    "a: |\n  x\n",
    "key: [1, 2",
    "x\n#y\n",
    "%YAML 1.1\n",
};

Test(yaml_write, every_text_reads_back_as_that_text)
{
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        struct hf_value *text = hf_value_string(arena, hf_slice_of(TEXTS[i]));
        struct hf_value *list = hf_value_new(arena, HF_ARRAY);
        struct hf_value *object = hf_value_new(arena, HF_OBJECT);
        struct hf_value *outer = hf_value_new(arena, HF_ARRAY);
        cr_assert_eq(hf_value_push(arena, list, text), 0);
        cr_assert_eq(hf_value_push(arena, list, list), 0);
        cr_assert_eq(hf_value_set(arena, object, hf_slice_of(TEXTS[i]), text), 0);
        cr_assert_eq(hf_value_set(arena, object, hf_slice_of("zz"), list), 0);
        cr_assert_eq(hf_value_push(arena, outer, object), 0);
        const struct hf_value *const VALUES[] = {text, list, object, outer};
        for (size_t k = 0; k < sizeof VALUES / sizeof VALUES[0]; k++) {
            char *yaml = yaml_text(VALUES[k]);
            cr_expect(hf_value_equal(yaml_of(arena, yaml), VALUES[k]), "text %zu: %s", i, yaml);
            free(yaml);
        }
    }
}

Test(yaml_write, long_keys_and_nul_bytes_read_back)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf key = {0};
    for (int i = 0; i < 2000; i++) {
        hf_buf_adds(&key, i % 50 ? "k" : ": ");
    }
    struct hf_slice long_key = {key.ptr, key.len};
    struct hf_value *object = hf_value_new(arena, HF_OBJECT);
    struct hf_value *outer = hf_value_new(arena, HF_OBJECT);
    cr_assert_eq(hf_value_set(arena, object, long_key, hf_value_string(arena, (struct hf_slice){"a\0b", 3})), 0);
    cr_assert_eq(hf_value_set(arena, object, (struct hf_slice){"\0", 1}, json_of(arena, "[[1],{\"a\":{}}]")), 0);
    cr_assert_eq(hf_value_set(arena, outer, long_key, object), 0);
    cr_assert_eq(hf_value_set(arena, outer, hf_slice_of("list"), json_of(arena, "[1,[2,[3]]]")), 0);
    char *yaml = yaml_text(outer);
    cr_expect(hf_value_equal(yaml_of(arena, yaml), outer), "%s", yaml);
    free(yaml);
}

Test(yaml_write, numbers_read_back_with_their_value)
{
    static const char *const NUMBERS[] = {
        "0",   "-0",   "1",       "-17", "1.50", "1e3", "1E-7", "9223372036854775807", "18446744073709551615",
        "0.1", "1e21", "-2.5e-10"};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        const struct hf_value *number = json_of(arena, NUMBERS[i]);
        char *yaml = yaml_text(number);
        cr_expect(hf_value_equal(yaml_of(arena, yaml), number), "%s became %s", NUMBERS[i], yaml);
        free(yaml);
    }
}
