#include <criterion/criterion.h>
#include <string.h>

#include "reading.h"

TestSuite(lines, .timeout = 30);

static int note(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    (void)err;
    hf_buf_add(ctx, bytes, len);
    hf_buf_addc(ctx, '|');
    return 0;
}

static int refuse(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    (void)ctx;
    return hf_error_set(err, HF_ECANCELED, "no %.*s", (int)len, bytes);
}

Test(lines, lines_are_whole_wherever_the_stream_is_cut)
{
    const char *text = "{\"a\":1}\n\n\r\nxy\r\n{\"é\":\"\\n\"}\nlast";
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        struct hf_lines lines = {0};
        struct hf_error err = HF_ERROR_INIT;
        hf_auto_buf struct hf_buf seen = {0};
        cr_assert_eq(hf_lines_feed(&lines, text, cut, note, &seen, &err), 0);
        cr_assert_eq(hf_lines_feed(&lines, text + cut, strlen(text) - cut, note, &seen, &err), 0);
        cr_expect_str_eq(hf_buf_text(&seen), "{\"a\":1}|xy|{\"é\":\"\\n\"}|", "cut at %zu", cut);
        cr_expect_str_eq(hf_buf_text(&lines.pending), "last");
        hf_lines_free(&lines);
    }
}

Test(lines, a_line_that_never_ends_is_refused)
{
    struct hf_lines lines = {.max_line = 5};
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf seen = {0};
    cr_expect_eq(hf_lines_feed(&lines, "12345\n123", 9, note, &seen, &err), 0);
    cr_expect_eq(hf_lines_feed(&lines, "45\n", 3, note, &seen, &err), 0);
    cr_expect_str_eq(hf_buf_text(&seen), "12345|12345|");
    cr_expect_eq(hf_lines_feed(&lines, "123456\n", 7, note, &seen, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT);
    cr_expect_eq(hf_lines_feed(&lines, "123", 3, note, &seen, &err), 0);
    cr_expect_eq(hf_lines_feed(&lines, "456", 3, note, &seen, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT);
    hf_lines_free(&lines);
}

Test(lines, whoever_gets_the_lines_can_stop)
{
    struct hf_lines lines = {0};
    struct hf_error err = HF_ERROR_INIT;
    cr_expect_eq(hf_lines_feed(&lines, "a\nb\n", 4, refuse, NULL, &err), -1);
    cr_expect_str_eq(err.text, "no a");
    cr_expect_eq(hf_lines_feed(&lines, "c", 1, refuse, NULL, &err), 0);
    cr_expect_eq(hf_lines_feed(&lines, "d\n", 2, refuse, NULL, &err), -1);
    cr_expect_str_eq(err.text, "no cd");
    cr_expect_eq(lines.pending.len, 0);
    hf_lines_free(&lines);
}
