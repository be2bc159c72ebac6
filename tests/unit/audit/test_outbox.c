#include "fixture.h"

#define T0 4102444800000 /* 2100: later than any row's creation */

static const char *const CHANNELS[] = {"ops", "pager"};

static void begin(struct trail *trail)
{
    trail_init(trail);
    trail->options.channels = CHANNELS;
    trail->options.channel_count = 2;
    trail_open(trail);
}

static void alert(struct trail *trail, const char *incident, const char *message, uint64_t ticket)
{
    trail_append(trail, EVENT(.type = "drift.seen", .incident = incident, .message = message, .alert = true), ticket);
}

static void settle(struct trail *trail, int64_t id, bool done, int64_t next_ms, const struct hf_audit_event *event)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_settlement settlement = {.ids = &id,
                                             .count = 1,
                                             .how = done || next_ms == HF_TIME_NONE ? HF_SETTLED : HF_SETTLED_AGAIN,
                                             .next_ms = next_ms,
                                             .last_error = done ? NULL : "HTTP 503",
                                             .event = event};
    cr_assert_eq(hf_audit_outbox_settle(trail->audit, &settlement, &err), 0, "%s", err.text);
    /* Settling is not told; what is appended after it is durable after it. */
    size_t before = trail->ticket_count;
    trail_append(trail, EVENT(.type = "unit.changed"), 999);
    trail_wait_durable(trail, before + 1);
}

static void later(struct trail *trail, int64_t id, int64_t next_ms)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_settlement settlement = {
        .ids = &id, .count = 1, .how = HF_SETTLED_LATER, .next_ms = next_ms, .last_error = "quiet hours"};
    cr_assert_eq(hf_audit_outbox_settle(trail->audit, &settlement, &err), 0, "%s", err.text);
}

Test(outbox, an_alert_makes_one_row_a_channel_and_other_events_none)
{
    struct trail trail;
    struct hf_audit_stats stats;
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    trail_append(&trail, EVENT(.type = "correction.sent", .incident = "i1"), 2);
    trail_wait_durable(&trail, 2);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox WHERE event_id = 1"), 2);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox"), 2);
    cr_expect_geq(trail.outbox_told, 1u);
    hf_audit_stats(trail.audit, &stats);
    cr_expect_eq(stats.outbox, 2u);
    trail_take(&trail, "ops", T0, 10);
    cr_expect_eq(trail.row_count, 1u);
    cr_expect_not_null(strstr(trail.row_json[0], "\"message\":\"one\""), "%s", trail.row_json[0]);
    cr_expect_not_null(strstr(trail.row_json[0], "\"id\":1"), "%s", trail.row_json[0]);
    cr_expect_eq(trail.next_due_ms, HF_TIME_NONE);
    trail_end(&trail);
}

Test(outbox, what_is_in_hand_is_not_given_out_again_until_the_next_start)
{
    struct trail trail;
    char key[64];
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    alert(&trail, "i2", "two", 2);
    trail_wait_durable(&trail, 2);
    trail_take(&trail, "ops", T0, 1);
    cr_expect_eq(trail.row_count, 1u);
    cr_expect_neq(trail.next_due_ms, HF_TIME_NONE);
    (void)snprintf(key, sizeof key, "%s", trail.row_keys[0]);
    trail_take(&trail, "ops", T0, 10);
    cr_expect_eq(trail.row_count, 1u);
    cr_expect_str_neq(trail.row_keys[0], key);
    trail_take(&trail, "ops", T0, 10);
    cr_expect_eq(trail.row_count, 0u);
    trail_close(&trail);
    trail_open(&trail);
    trail_take(&trail, "ops", T0, 10);
    cr_expect_eq(trail.row_count, 2u);
    cr_expect_str_eq(trail.row_keys[0], key, "the key is another after a restart");
    trail_end(&trail);
}

Test(outbox, keys_tell_events_and_channels_apart)
{
    struct trail trail;
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    alert(&trail, "i1", "one", 2);
    trail_wait_durable(&trail, 2);
    cr_expect_eq(trail_count(&trail, "SELECT count(DISTINCT key) FROM outbox"), 4);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox WHERE length(key) = 36 AND key GLOB 'evt_*'"), 4);
    trail_end(&trail);
}

Test(outbox, within_an_incident_none_is_given_before_one_that_waits)
{
    struct trail trail;
    begin(&trail);
    alert(&trail, "i1", "seen", 1);
    alert(&trail, "i1", "corrected", 2);
    alert(&trail, "i2", "other", 3);
    trail_wait_durable(&trail, 3);
    trail_take(&trail, "ops", T0, 10);
    cr_assert_eq(trail.row_count, 3u);
    cr_expect_not_null(strstr(trail.row_json[0], "\"seen\""));
    cr_expect_not_null(strstr(trail.row_json[1], "\"corrected\""));
    cr_expect_not_null(strstr(trail.row_json[2], "\"other\""));
    int64_t first = trail.row_ids[0];
    int64_t second = trail.row_ids[1];
    /* Tried and failed: still before "corrected", which was not tried. */
    settle(&trail, first, false, T0 + 5000, NULL);
    later(&trail, second, T0 - 1000);
    trail_take(&trail, "ops", T0, 10);
    cr_expect_eq(trail.row_count, 0u);
    cr_expect_eq(trail.next_due_ms, T0 + 5000);
    trail_take(&trail, "ops", T0 + 5000, 10);
    cr_assert_eq(trail.row_count, 2u, "together, by age");
    cr_expect_eq(trail.row_ids[0], first);
    cr_expect_eq(trail.row_attempts[0], 1);
    cr_expect_eq(trail.row_ids[1], second);
    cr_expect_eq(trail.row_attempts[1], 0, "what was put off was not tried");
    /* The other channel has its own order and pace. */
    trail_take(&trail, "pager", T0, 10);
    cr_expect_eq(trail.row_count, 3u);
    trail_end(&trail);
}

Test(outbox, alerts_of_no_incident_wait_for_nobody)
{
    struct trail trail;
    begin(&trail);
    alert(&trail, NULL, "one", 1);
    alert(&trail, NULL, "two", 2);
    trail_wait_durable(&trail, 2);
    trail_take(&trail, "ops", T0, 10);
    cr_expect_eq(trail.row_count, 2u);
    trail_end(&trail);
}

Test(outbox, a_new_alert_is_due_at_once_even_when_the_clock_was_set_back)
{
    struct trail trail;
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    alert(&trail, "i1", "two", 2);
    trail_wait_durable(&trail, 2);
    trail_take(&trail, "ops", 1000, 1);
    cr_assert_eq(trail.row_count, 1u);
    settle(&trail, trail.row_ids[0], false, 2001, NULL);
    trail_take(&trail, "ops", 2000, 10);
    cr_expect_eq(trail.row_count, 0u, "tried again before its time");
    cr_expect_eq(trail.next_due_ms, 2001);
    trail_take(&trail, "ops", 2001, 10);
    cr_expect_eq(trail.row_count, 2u);
    trail_end(&trail);
}

Test(outbox, a_delivery_is_chained_with_the_row_going_and_told_once)
{
    struct trail trail;
    struct hf_audit_stats stats;
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    trail_wait_durable(&trail, 1);
    trail_take(&trail, "ops", T0, 10);
    const struct hf_audit_event *delivered = EVENT(.type = "alert.delivered", .incident = "i1");
    int64_t id = trail.row_ids[0];
    settle(&trail, id, true, HF_TIME_NONE, delivered);
    settle(&trail, id, true, HF_TIME_NONE, delivered);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox WHERE channel = 'ops'"), 0);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events WHERE type = 'alert.delivered'"), 1);
    hf_audit_stats(trail.audit, &stats);
    cr_expect_eq(stats.outbox, 1u);
    cr_expect_str_empty(trail_verify(&trail, NULL));
    trail_end(&trail);
}

Test(outbox, giving_up_takes_the_row_away_and_says_so)
{
    struct trail trail;
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    trail_wait_durable(&trail, 1);
    trail_take(&trail, "ops", T0, 10);
    settle(&trail, trail.row_ids[0], false, HF_TIME_NONE, EVENT(.type = "alert.failed", .incident = "i1"));
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox WHERE channel = 'ops'"), 0);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events WHERE type = 'alert.failed'"), 1);
    trail_end(&trail);
}

Test(outbox, why_it_failed_is_kept_for_the_reader)
{
    struct trail trail;
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    trail_wait_durable(&trail, 1);
    trail_take(&trail, "ops", T0, 10);
    settle(&trail, trail.row_ids[0], false, T0, NULL);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox WHERE last_error = 'HTTP 503' AND attempts = 1"
                                     " AND due_at = '2100-01-01T00:00:00.000Z'"),
                 1);
    trail_end(&trail);
}

Test(outbox, a_row_whose_event_was_tampered_with_still_goes_out)
{
    struct trail trail;
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    trail_wait_durable(&trail, 1);
    trail_close(&trail);
    trail_forge(&trail, "UPDATE events SET message = cast(x'ff' AS TEXT)");
    trail_open(&trail);
    trail_take(&trail, "ops", T0, 10);
    cr_assert_eq(trail.row_count, 1u);
    cr_expect_str_eq(trail.row_json[0], "{\"id\":1}");
    trail_end(&trail);
}

Test(outbox, after_a_reload_new_channels_get_rows_and_what_was_in_hand_is_given_out_again)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    static const char *const NEW[] = {"pager", "mail"};
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    trail_wait_durable(&trail, 1);
    trail_take(&trail, "pager", T0, 10);
    cr_assert_eq(trail.row_count, 1u);
    int64_t id = trail.row_ids[0];
    cr_assert_eq(hf_audit_channels(trail.audit, NEW, 2, &err), 0, "%s", err.text);
    alert(&trail, "i2", "two", 2);
    trail_wait_durable(&trail, 2);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox WHERE event_id = 2 AND channel IN ('pager', 'mail')"),
                 2);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM outbox WHERE event_id = 2"), 2);
    trail_take(&trail, "pager", T0, 10);
    cr_assert_eq(trail.row_count, 2u);
    cr_expect_eq(trail.row_ids[0], id);
    trail_end(&trail);
}

static bool collect_told(void *ctx, const struct hf_audit_told *told, const char *event_json)
{
    hf_buf_addf(ctx, "%s %s %s %s %lld %s; ", told->channel, told->incident, told->group,
                told->thread ? told->thread : "-", (long long)told->event_id, strstr(event_json, "one") ? "one" : "?");
    return true;
}

Test(outbox, what_a_channel_was_told_of_is_known_after_a_restart_until_its_end_was_told)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    hf_auto_buf struct hf_buf text = {0};
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    alert(&trail, "i2", "one too", 2);
    trail_wait_durable(&trail, 2);
    trail_take(&trail, "ops", T0, 10);
    struct hf_audit_told told[] = {{"ops", "i1", "g1", "17.5", T0, 1, false}, {"ops", "i2", "g1", NULL, T0, 2, false}};
    struct hf_audit_settlement both = {.ids = trail.row_ids, .count = 2, .told = told, .told_count = 2};
    cr_assert_eq(hf_audit_outbox_settle(trail.audit, &both, &err), 0, "%s", err.text);
    told[0] = (struct hf_audit_told){"ops", "i1", "g1", NULL, T0 + 1, 1, false};
    told[1].over = true;
    struct hf_audit_settlement one_over = {.told = told, .told_count = 2};
    cr_assert_eq(hf_audit_outbox_settle(trail.audit, &one_over, &err), 0, "%s", err.text);
    trail_close(&trail);
    cr_assert_eq(hf_audit_reader_open(trail.path, &reader, &err), 0, "%s", err.text);
    cr_assert_eq(hf_audit_told(reader, collect_told, &text, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    cr_expect_str_eq(hf_buf_text(&text), "ops i1 g1 17.5 1 one; ", "the thread is kept when a message brings none");
    trail_open(&trail);
    trail_end(&trail);
}

struct asked {
    size_t answers;
    size_t rows;
};

static void count_answer(void *ctx, const struct hf_outbox_row *rows, size_t count, int64_t next_due_ms)
{
    struct asked *asked = ctx;
    (void)rows;
    (void)next_due_ms;
    asked->answers++;
    asked->rows += count;
}

Test(outbox, every_take_is_answered_once_even_when_the_trail_is_closed_before)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct asked asked = {0};
    begin(&trail);
    alert(&trail, "i1", "one", 1);
    trail_wait_durable(&trail, 1);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(hf_audit_outbox_take(trail.audit, "ops", T0, 10, count_answer, &asked, &err), 0);
    }
    hf_audit_close(trail.audit, WAIT_MS);
    trail.audit = NULL;
    cr_expect_eq(asked.answers, 20u);
    cr_expect_eq(asked.rows, 0u);
    while (trail_turn(&trail, 0)) {
    }
    cr_expect_eq(asked.answers, 20u);
    trail_end(&trail);
}
