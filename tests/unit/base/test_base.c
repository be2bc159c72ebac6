#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/digest.h"
#include "holdfast/embedded.h"
#include "holdfast/log.h"
#include "holdfast/map.h"
#include "holdfast/mem.h"

Test(error, tells_what_was_being_done_before_what_went_wrong)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_error_set(&err, HF_EPARSE, "line %d: duplicate key", 12), -1);
    cr_assert_eq(hf_error_wrap(&err, "read unit \"%s\"", "web"), -1);
    cr_assert_str_eq(err.text, "read unit \"web\": line 12: duplicate key");
    cr_assert_eq(err.code, HF_EPARSE);
}

Test(error, a_long_text_is_cut_at_a_whole_character_and_says_so)
{
    struct hf_error err = HF_ERROR_INIT;
    char text[HF_ERROR_TEXT * 2];
    for (size_t i = 0; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, "é", 2);
    }
    text[sizeof text - 2] = '\0';
    (void)hf_error_set(&err, HF_EIO, "%s", text);
    size_t len = strlen(err.text);
    cr_assert_lt(len, (size_t)HF_ERROR_TEXT);
    cr_assert(hf_utf8_valid(err.text, len));
    cr_assert_str_eq(err.text + len - strlen("…"), "…");
}

Test(error, may_be_set_from_its_own_text)
{
    struct hf_error err = HF_ERROR_INIT;
    (void)hf_error_set(&err, HF_EIO, "inner");
    (void)hf_error_set(&err, HF_EIO, "outer: %s", err.text);
    cr_assert_str_eq(err.text, "outer: inner");
}

Test(error, every_code_has_its_own_name)
{
    for (int a = 0; a <= HF_EINTERNAL; a++) {
        for (int b = 0; b < a; b++) {
            cr_assert_str_neq(hf_code_name((enum hf_code)a), hf_code_name((enum hf_code)b));
        }
    }
    cr_assert_str_eq(hf_code_name((enum hf_code)99), "unknown");
}

Test(arena, keeps_pieces_apart_zeroed_and_aligned)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    char *last = NULL;
    for (size_t size = 0; size < 5000; size += 37) {
        char *piece = hf_arena_alloc(arena, size);
        cr_assert_not_null(piece);
        cr_assert_eq((uintptr_t)piece % 16, 0u);
        for (size_t i = 0; i < size; i++) {
            cr_assert_eq(piece[i], 0);
        }
        memset(piece, 0xAA, size);
        cr_assert_neq(piece, last);
        last = piece;
    }
}

Test(arena, refuses_what_goes_over_its_limit_and_what_overflows)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(100000);
    cr_assert_not_null(hf_arena_alloc(arena, 50000));
    cr_assert_null(hf_arena_alloc(arena, 80000));
    cr_assert_null(hf_arena_array(arena, SIZE_MAX / 2, 3));
    cr_assert_null(hf_arena_alloc(arena, SIZE_MAX));
    cr_assert_not_null(hf_arena_alloc(arena, 10), "a refusal leaves it usable");
}

Test(buf, remembers_a_failed_append)
{
    hf_auto_buf struct hf_buf buf = {.limit = 10};
    hf_buf_adds(&buf, "12345");
    cr_assert(hf_buf_ok(&buf));
    hf_buf_adds(&buf, "1234567");
    cr_assert_not(hf_buf_ok(&buf));
    hf_buf_adds(&buf, "x");
    cr_assert_str_eq(hf_buf_text(&buf), "12345");
}

struct text_case {
    char in[40];
    char out[80];
};

ParameterizedTestParameters(text, json_escapes)
{
    static struct text_case cases[] = {
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\t\x01", "\"\\n\\t\\u0001\""},
        {"caf\xC3\xA9", "\"caf\xC3\xA9\""},
        {"bad\xFF!", "\"bad\xEF\xBF\xBD!\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    return cr_make_param_array(struct text_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct text_case *row, text, json_escapes)
{
    hf_auto_buf struct hf_buf buf = {0};
    hf_buf_add_json(&buf, hf_slice_of(row->in));
    cr_assert_str_eq(hf_buf_text(&buf), row->out);
}

ParameterizedTestParameters(text, is_made_safe_for_a_terminal)
{
    static struct text_case cases[] = {
        {"plain", "plain"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"two\nlines", "two\\nlines"},
        {"\xE2\x80\xAEtxt", "\\u202etxt"},
        {"\xC2\x9B", "\\u009b"},
        {"\xFF", "\xEF\xBF\xBD"},
    };
    return cr_make_param_array(struct text_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct text_case *row, text, is_made_safe_for_a_terminal)
{
    hf_auto_buf struct hf_buf buf = {0};
    hf_buf_add_safe(&buf, hf_slice_of(row->in), 1000);
    cr_assert_str_eq(hf_buf_text(&buf), row->out);
}

Test(text, url_parts_are_percent_encoded)
{
    hf_auto_buf struct hf_buf buf = {0};
    hf_buf_add_url(&buf, hf_slice_of("a/b c?d=\xC3\xA9~"));
    cr_assert_str_eq(hf_buf_text(&buf), "a%2Fb%20c%3Fd%3D%C3%A9~");
}

Test(text, integers_are_whole_and_in_range)
{
    int64_t value;
    cr_assert(hf_parse_int(hf_slice_of("-9223372036854775808"), INT64_MIN, INT64_MAX, &value));
    cr_assert_eq(value, INT64_MIN);
    cr_assert_not(hf_parse_int(hf_slice_of("9223372036854775808"), INT64_MIN, INT64_MAX, &value));
    cr_assert_not(hf_parse_int(hf_slice_of("12x"), 0, 100, &value));
    cr_assert_not(hf_parse_int(hf_slice_of("-"), -1, 100, &value));
    cr_assert_not(hf_parse_int(hf_slice_of(""), 0, 100, &value));
    cr_assert_not(hf_parse_int(hf_slice_of("101"), 0, 100, &value));
}

Test(map, holds_what_was_put_through_growth_and_removal)
{
    struct hf_map *map = hf_map_new();
    static int values[2000];
    char key[16];
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        cr_assert_eq(hf_map_put(map, hf_slice_of(key), &values[i], NULL), 0);
    }
    for (int i = 0; i < 2000; i += 2) {
        (void)snprintf(key, sizeof key, "k%d", i);
        cr_assert_eq(hf_map_remove(map, hf_slice_of(key)), &values[i]);
    }
    cr_assert_eq(hf_map_count(map), 1000u);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        cr_assert_eq(hf_map_get(map, hf_slice_of(key)), i % 2 ? &values[i] : NULL);
    }
    void *old = NULL;
    cr_assert_eq(hf_map_put(map, hf_slice_of("k1"), &values[0], &old), 0);
    cr_assert_eq(old, &values[1]);
    hf_map_free(map, NULL);
}

Test(map, a_walk_may_remove_what_it_was_given)
{
    struct hf_map *map = hf_map_new();
    static int value;
    char key[16];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        cr_assert_eq(hf_map_put(map, hf_slice_of(key), &value, NULL), 0);
    }
    size_t cursor = 0;
    size_t walked = 0;
    struct hf_slice at;
    while (hf_map_next(map, &cursor, &at, NULL)) {
        cr_assert_not_null(hf_map_remove(map, at));
        walked++;
    }
    cr_assert_eq(walked, 300u);
    cr_assert_eq(hf_map_count(map), 0u);
    hf_map_free(map, NULL);
}

Test(map, keys_may_hold_any_bytes)
{
    struct hf_map *map = hf_map_new();
    static int a;
    static int b;
    cr_assert_eq(hf_map_put(map, (struct hf_slice){"x\0y", 3}, &a, NULL), 0);
    cr_assert_eq(hf_map_put(map, (struct hf_slice){"x\0z", 3}, &b, NULL), 0);
    cr_assert_eq(hf_map_get(map, (struct hf_slice){"x\0y", 3}), &a);
    cr_assert_eq(hf_map_get(map, (struct hf_slice){"x\0z", 3}), &b);
    cr_assert_null(hf_map_get(map, (struct hf_slice){"x", 1}));
    hf_map_free(map, NULL);
}

Test(digest, matches_the_published_vectors)
{
    struct hf_digest digest;
    struct hf_error err = HF_ERROR_INIT;
    char text[HF_SHA256_TEXT];
    cr_assert_eq(hf_sha256("abc", 3, &digest, &err), 0); /* FIPS 180-2, B.1 */
    hf_digest_text(&digest, text);
    cr_assert_str_eq(text, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_assert_eq(hf_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, &digest, &err),
                 0); /* RFC 4231, case 2 */
    hf_digest_text(&digest, text);
    cr_assert_str_eq(text, "sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

Test(digest, pieces_give_the_same_as_the_whole_and_the_hasher_is_reusable)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_hasher *hasher = hf_hasher_new(&err);
    struct hf_digest whole;
    cr_assert_eq(hf_sha256("hello world", 11, &whole, &err), 0);
    for (int round = 0; round < 2; round++) {
        struct hf_digest pieces;
        cr_assert_eq(hf_hasher_add(hasher, "hello", 5, &err), 0);
        cr_assert_eq(hf_hasher_add(hasher, " world", 6, &err), 0);
        cr_assert_eq(hf_hasher_finish(hasher, &pieces, &err), 0);
        cr_assert(hf_digest_equal(&whole, &pieces));
    }
    hf_hasher_free(hasher);
}

ParameterizedTestParameters(digest, base64_goes_both_ways)
{
    static struct text_case cases[] = {{"", ""},
                                       {"f", "Zg=="},
                                       {"fo", "Zm8="},
                                       {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="},
                                       {"fooba", "Zm9vYmE="},
                                       {"foobar", "Zm9vYmFy"}}; /* RFC 4648, section 10 */
    return cr_make_param_array(struct text_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct text_case *row, digest, base64_goes_both_ways)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf coded = {0};
    hf_auto_buf struct hf_buf plain = {0};
    hf_buf_add_base64(&coded, row->in, strlen(row->in));
    cr_assert_str_eq(hf_buf_text(&coded), row->out);
    cr_assert_eq(hf_base64_decode(hf_slice_of(row->out), &plain, &err), 0);
    cr_assert_str_eq(hf_buf_text(&plain), row->in);
}

Test(digest, base64_passes_over_line_breaks_and_refuses_what_is_malformed)
{
    struct hf_error err = HF_ERROR_INIT;
    static const char *const BAD[] = {"Zg=", "Zg", "Z===", "Zm9v!", "Zg==Zg==", "=", "Zm8=\nx"};
    hf_auto_buf struct hf_buf plain = {0};
    cr_assert_eq(hf_base64_decode(hf_slice_of("Zm9v\nYm\r\nFy\n"), &plain, &err), 0);
    cr_assert_str_eq(hf_buf_text(&plain), "foobar");
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        hf_auto_buf struct hf_buf out = {0};
        cr_assert_eq(hf_base64_decode(hf_slice_of(BAD[i]), &out, &err), -1, "%s", BAD[i]);
        cr_assert_eq(err.code, HF_EPARSE);
    }
}

struct time_case {
    char text[40];
    int64_t ms;
    int good;
};

ParameterizedTestParameters(clock, reads_rfc_3339)
{
    static struct time_case cases[] = {
        {"1970-01-01T00:00:00Z", 0, 1},
        {"2026-03-01T09:30:00.123Z", 1772357400123, 1},
        {"2026-03-01T10:30:00.123456+01:00", 1772357400123, 1},
        {"2024-02-29T00:00:00Z", 1709164800000, 1},
        {"1969-12-31T23:59:59.999Z", -1, 1},
        {"2026-02-29T00:00:00Z", 0, 0},
        {"2026-13-01T00:00:00Z", 0, 0},
        {"2026-03-01 09:30:00Z", 0, 0},
        {"2026-03-01T09:30:00", 0, 0},
        {"2026-03-01T09:30:00.Z", 0, 0},
        {"", 0, 0},
    };
    return cr_make_param_array(struct time_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct time_case *row, clock, reads_rfc_3339)
{
    int64_t ms = 0;
    cr_assert_eq(hf_time_parse(hf_slice_of(row->text), &ms), row->good != 0, "%s", row->text);
    if (row->good) {
        cr_assert_eq(ms, row->ms, "%s: %lld", row->text, (long long)ms);
        char text[HF_TIME_TEXT];
        int64_t again = 0;
        hf_time_format(ms, text);
        cr_assert(hf_time_parse(hf_slice_of(text), &again));
        cr_assert_eq(again, ms);
    }
}

ParameterizedTestParameters(clock, reads_durations)
{
    static struct time_case cases[] = {
        {"250ms", 250, 1}, {"30s", 30000, 1}, {"1m30s", 90000, 1}, {"2h", 7200000, 1}, {"1d", 86400000, 1},
        {"30", 0, 0},      {"", 0, 0},        {"-1s", 0, 0},       {"1w", 0, 0},       {"99999999999999999d", 0, 0},
        {"s", 0, 0}};
    return cr_make_param_array(struct time_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct time_case *row, clock, reads_durations)
{
    int64_t ms = 0;
    cr_assert_eq(hf_duration_parse(hf_slice_of(row->text), &ms), row->good != 0, "%s", row->text);
    if (row->good) {
        cr_assert_eq(ms, row->ms);
    }
}

static void read_pipe(int fd, char *out, size_t cap)
{
    ssize_t got = read(fd, out, cap - 1);
    out[got > 0 ? got : 0] = '\0';
}

Test(log, nothing_from_a_cluster_can_forge_a_line)
{
    int ends[2];
    char line[1000];
    cr_assert_eq(pipe(ends), 0);
    struct hf_log *log = hf_log_new(ends[1], HF_INFO, HF_LOGFMT);
    hf_log_write(log, HF_DEBUG, "too fine", NULL);
    hf_log_write(log, HF_INFO, "seen", "name", "x\ntime=2020 level=error msg=forged", "other", NULL, NULL);
    read_pipe(ends[0], line, sizeof line);
    cr_assert_not_null(strstr(line, " level=info msg=seen name=\"x\\\\ntime=2020 level=error msg=forged\"\n"), "%s",
                       line);
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
    hf_log_free(log);
}

Test(log, json_lines_carry_the_error)
{
    int ends[2];
    char line[1000];
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(pipe(ends), 0);
    struct hf_log *log = hf_log_new(ends[1], HF_INFO, HF_LOG_JSON);
    (void)hf_error_set(&err, HF_ETIMEOUT, "no answer");
    hf_log_error(log, HF_WARN, "list failed", &err, "target", "dev", NULL);
    read_pipe(ends[0], line, sizeof line);
    cr_assert_not_null(
        strstr(line, "\"msg\":\"list failed\",\"target\":\"dev\",\"code\":\"timeout\",\"error\":\"no answer\"}\n"),
        "%s", line);
    hf_log_free(log);
}

Test(file, a_folder_a_pipe_a_missing_and_a_large_file_are_each_refused_clearly)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf buf = {0};
    char path[] = "/tmp/hf-file-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, "0123456789", 10), 10);
    close(fd);
    cr_assert_eq(hf_read_file(path, 10, &buf, &err), 0);
    cr_assert_eq(buf.len, 10u);
    cr_assert_eq(hf_read_file(path, 9, &buf, &err), -1);
    cr_assert_eq(err.code, HF_ELIMIT);
    unlink(path);
    cr_assert_eq(hf_read_file(path, 10, &buf, &err), -1);
    cr_assert_eq(err.code, HF_ENOTFOUND);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(hf_read_file(path, 10, &buf, &err), -1);
    cr_assert_eq(err.code, HF_EINVAL);
    unlink(path);
    cr_assert_eq(hf_read_file("/tmp", 10, &buf, &err), -1);
    cr_assert_not_null(strstr(err.text, "a folder"));
}

Test(embedded, the_configs_schema_is_compiled_in)
{
    const struct hf_embedded *file = hf_embedded_find("schema/config.json");
    cr_assert_not_null(file);
    cr_assert_eq(file->bytes[0], '{');
    cr_assert_eq(strlen(file->bytes), file->size);
    cr_assert_null(hf_embedded_find("schema/none"));
}
