#include "fixture.h"
#include "holdfast/audit_keep.h"
#include "trail.h"

static void fill(struct trail *trail, int events)
{
    trail_begin(trail);
    for (int i = 0; i < events; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "web-%d", i + 1);
        trail_append(
            trail,
            EVENT(.type = "drift.seen", .incident = name, .name = name, .revision = i, .drifted_at_ms = 1772357400000),
            0);
    }
    trail_close(trail);
}

static void expect_broken(const struct trail *trail, const char *naming, int64_t right)
{
    int64_t rows;
    const char *text = trail_verify(trail, &rows);
    cr_expect_not_null(strstr(text, naming), "said \"%s\", expected \"%s\"", text, naming);
    cr_expect_eq(rows, right, "%lld rows were right", (long long)rows);
}

Test(chain, verifies_from_the_first_row_to_the_last)
{
    struct trail trail;
    int64_t rows;
    fill(&trail, 50);
    cr_expect_str_empty(trail_verify(&trail, &rows));
    cr_expect_eq(rows, 50);
    trail_end(&trail);
}

Test(chain, an_empty_trail_is_whole)
{
    struct trail trail;
    int64_t rows;
    trail_begin(&trail);
    cr_expect_str_empty(trail_verify(&trail, &rows));
    cr_expect_eq(rows, 0);
    trail_end(&trail);
}

struct forgery {
    char sql[320]; /* by value: each case runs in a process of its own */
    char naming[80];
    int64_t right;
};

ParameterizedTestParameters(chain, every_forgery_is_found_by_its_row)
{
    static struct forgery table[] = {
        {"UPDATE events SET name = 'weB-5' WHERE id = 5", "event 5", 4},
        {"UPDATE events SET revision = 99 WHERE id = 5", "event 5", 4},
        {"UPDATE events SET alert = 1 WHERE id = 5", "event 5", 4},
        {"UPDATE events SET manager = 'nobody' WHERE id = 5", "event 5", 4},
        {"UPDATE events SET name = NULL WHERE id = 5", "event 5", 4},
        {"UPDATE events SET unit = '' WHERE id = 5", "event 5", 4},
        {"UPDATE events SET at = '2026-03-01T09:30:00.124Z' WHERE id = 1", "event 1", 0},
        {"UPDATE events SET drifted_at = '2026-03-01T09:30:00.000+00:00' WHERE id = 5", "event 5", 4},
        {"UPDATE events SET name = name || char(0) || 'x' WHERE id = 5", "event 5", 4},
        {"UPDATE events SET name = cast(x'ff' AS TEXT) WHERE id = 5", "event 5: name is not UTF-8", 4},
        {"UPDATE events SET digest = replace(digest, substr(digest, 9, 1), 'z') WHERE id = 5", "event 5", 4},
        {"UPDATE events SET digest = '' WHERE id = 5", "event 5", 4},
        {"UPDATE events SET digest = printf('%.*c', 5000, 'a') WHERE id = 5", "event 5", 4},
        {"DELETE FROM events WHERE id = 5", "event 5 is missing: after 4 comes 6", 4},
        {"DELETE FROM events WHERE id = 1", "event 1 is missing", 0},
        {"DELETE FROM events WHERE id = 50", "event 50 is missing", 49},
        {"DELETE FROM events WHERE id > 20", "event 21 is missing: the trail once reached 50 and ends at 20", 20},
        {"DELETE FROM events", "event 1 is missing", 0},
        {"UPDATE events SET id = 1000 WHERE id = 7; UPDATE events SET id = 7 WHERE id = 8; UPDATE events SET id = 8 "
         "WHERE id = 1000",
         "event 7", 6},
        {"UPDATE events SET id = id + 1000 WHERE id > 10; UPDATE events SET id = id - 1001 WHERE id > 1011;"
         "DELETE FROM events WHERE id = 1011; UPDATE sqlite_sequence SET seq = 49 WHERE name = 'events'",
         "event 11", 10},
        {"INSERT INTO events (id, at, type, alert, digest) SELECT 51, at, type, 0, digest FROM events WHERE id = 50",
         "event 51", 50},
        {"INSERT INTO events (id, at, type, alert, digest) SELECT -3, at, type, 0, digest FROM events WHERE id = 50",
         "event 1 is missing", 0},
    };
    return cr_make_param_array(struct forgery, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct forgery *forgery, chain, every_forgery_is_found_by_its_row)
{
    struct trail trail;
    fill(&trail, 50);
    trail_forge(&trail, forgery->sql);
    expect_broken(&trail, forgery->naming, forgery->right);
    trail_end(&trail);
}

Test(chain, a_byte_flipped_in_the_file_itself_is_found)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf bytes = {0};
    fill(&trail, 50);
    cr_assert_eq(hf_read_file(trail.path, 10000000, &bytes, &err), 0);
    char *at = memmem(bytes.ptr, bytes.len, "drift.seenweb-33", 16);
    cr_assert_not_null(at);
    at[15] ^= 1;
    FILE *file = fopen(trail.path, "wb");
    cr_assert_eq(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    fclose(file);
    hf_buf_free(&bytes);
    expect_broken(&trail, "event 33", 32);
    trail_end(&trail);
}

Test(chain, the_tail_cut_off_stays_visible_after_the_agent_went_on)
{
    struct trail trail;
    fill(&trail, 10);
    trail_forge(&trail, "DELETE FROM events WHERE id > 6");
    trail_open(&trail);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_close(&trail);
    expect_broken(&trail, "event 7 is missing: after 6 comes 11", 6);
    trail_end(&trail);
}

Test(chain, rows_can_be_neither_changed_nor_deleted_nor_slipped_in)
{
    static const char *const SQL[] = {
        "UPDATE events SET name = 'x' WHERE id = 3",
        "DELETE FROM events WHERE id = 3",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events (id, at, type, alert, digest) VALUES (3, 'x', 'x', 0, 'x')",
        "REPLACE INTO events (id, at, type, alert, digest) VALUES (10, 'x', 'x', 0, 'x')",
        "INSERT INTO events (id, at, type, alert, digest) VALUES (-1, 'x', 'x', 0, 'x')",
        "INSERT INTO events (id, at, type, alert, digest) VALUES (3, 'x', 'x', 0, 'x') ON CONFLICT DO UPDATE SET name "
        "= 'y'",
    };
    struct trail trail;
    int64_t rows;
    fill(&trail, 10);
    for (size_t i = 0; i < sizeof SQL / sizeof SQL[0]; i++) {
        cr_expect_eq(trail_sql(&trail, SQL[i]), SQLITE_CONSTRAINT, "%s", SQL[i]);
    }
    cr_expect_str_empty(trail_verify(&trail, &rows));
    cr_expect_eq(rows, 10);
    trail_end(&trail);
}

Test(chain, the_canonical_form_is_the_documented_one_to_the_byte)
{
    struct hf_row row;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf text = {0};
    struct hf_arena *scratch = hf_arena_new(0);
    struct hf_chain chain;
    char digest[HF_TRAIL_DIGEST_TEXT];
    const struct hf_audit_event *event = EVENT(.type = "drift.seen", .name = "a\"b\\c\n\x01é\x7f", .revision = 12,
                                               .seen_at_ms = 1772357400124, .unit = "");
    cr_assert_eq(hf_row_from_event(&row, 7, event, scratch, &err), 0);
    hf_chain_canonical(&text, &row);
    cr_expect_str_eq(hf_buf_text(&text),
                     "{\"alert\":0,\"at\":\"2026-03-01T09:30:00.123Z\",\"id\":7,"
                     "\"name\":\"a\\\"b\\\\c\\n\\u0001é\x7f\",\"revision\":12,"
                     "\"seen_at\":\"2026-03-01T09:30:00.124Z\",\"type\":\"drift.seen\",\"unit\":\"\"}");
    cr_assert_eq(hf_chain_init(&chain, NULL, 0, &err), 0);
    cr_assert_eq(hf_chain_digest(&chain, HF_CHAIN_START, &row, false, digest, &err), 0);
    /* printf '%s\n%s' sha256:000… '{…}' | sha256sum */
    cr_expect_str_eq(digest, "sha256:ffbc75feaf59767018cdb4bb96e59ab72771da6b708e5f5cc303b24b7f5fe5df");
    hf_chain_free(&chain);
    hf_buf_free(&text);
    hf_arena_free(scratch);
}

Test(chain, columns_are_in_code_point_order_and_named_as_statements_name_them)
{
    struct hf_buf list = {0};
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        hf_buf_addf(&list, "%s%s", i ? "," : "", hf_columns[i].name);
        cr_expect(i == 0 || strcmp(hf_columns[i - 1].name, hf_columns[i].name) < 0, "%s", hf_columns[i].name);
    }
    cr_expect_str_eq(hf_buf_text(&list), HF_COLUMN_LIST);
    hf_buf_free(&list);
}

static int prove(const struct trail *trail, const struct hf_audit_checks *checks, struct hf_audit_proof *proof,
                 struct hf_error *err)
{
    struct hf_audit_reader *reader = trail_reader(trail);
    hf_error_clear(err);
    int status = hf_audit_prove(reader, checks, proof, err);
    hf_audit_reader_close(reader);
    return status;
}

Test(chain, a_key_makes_a_forged_chain_impossible_without_it)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_proof proof;
    struct hf_audit_checks checks = {0};
    /* Begun without a key, gone on with one. */
    fill(&trail, 3);
    trail.options.key = "secret key";
    trail.options.key_len = 10;
    trail_open(&trail);
    trail_append(&trail, EVENT(.type = "agent.started"), 0);
    trail_append(&trail, EVENT(.type = "agent.stopped"), 0);
    trail_close(&trail);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events WHERE digest LIKE 'hmac-sha256:%'"), 2);

    cr_expect_eq(prove(&trail, &checks, &proof, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    cr_expect_not_null(strstr(err.text, "event 4"), "%s", err.text);
    checks.key = "secret key";
    checks.key_len = 10;
    cr_expect_eq(prove(&trail, &checks, &proof, &err), 0, "%s", err.text);
    cr_expect_eq(proof.rows, 5);
    cr_expect_eq(proof.last_id, 5);
    checks.key = "Secret key";
    cr_expect_eq(prove(&trail, &checks, &proof, &err), -1);
    cr_expect_eq(err.code, HF_ECORRUPT);
    cr_expect_not_null(strstr(err.text, "event 4"), "%s", err.text);

    /* Without the key one can only go on with plain digests. */
    trail_forge(&trail, "INSERT INTO events (id, at, type, alert, digest)"
                        " SELECT 6, at, type, alert, replace(digest, 'hmac-', '') FROM events WHERE id = 5");
    checks.key = "secret key";
    cr_expect_eq(prove(&trail, &checks, &proof, &err), -1);
    cr_expect_not_null(strstr(err.text, "event 6: its digest is not keyed"), "%s", err.text);
    trail_end(&trail);
}

Test(chain, a_checkpoint_kept_elsewhere_shows_a_rewritten_or_shortened_trail)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_proof proof;
    struct hf_audit_proof again;
    struct hf_audit_checks checks = {0};
    fill(&trail, 10);
    cr_assert_eq(prove(&trail, &checks, &proof, &err), 0, "%s", err.text);
    struct hf_audit_checkpoint kept = {.id = proof.last_id, .digest = proof.head, .at = ""};
    checks.checkpoints = &kept;
    checks.checkpoint_count = 1;
    cr_expect_eq(prove(&trail, &checks, &again, &err), 0, "%s", err.text);
    kept.id = 9;
    cr_expect_eq(prove(&trail, &checks, &again, &err), -1);
    cr_expect_not_null(strstr(err.text, "event 9"), "%s", err.text);
    /* The tail is cut so that nothing inside the file tells. */
    kept.id = proof.last_id;
    trail_forge(&trail, "DELETE FROM events WHERE id = 10; UPDATE sqlite_sequence SET seq = 9 WHERE name = 'events'");
    cr_expect_str_empty(trail_verify(&trail, NULL));
    cr_expect_eq(prove(&trail, &checks, &again, &err), -1);
    cr_expect_not_null(strstr(err.text, "event 10 is missing"), "%s", err.text);
    trail_end(&trail);
}
