/* What the pages ask of the trail: incidents a page at a time, how many there were over time, and never for too long.
 */
#include "fixture.h"

#define START 1772357400000 /* 2026-03-01T09:30:00Z */
#define MINUTE 60000

static struct trail trail;
static struct hf_arena *arena;

static struct hf_audit_event of(const char *incident, const char *type, int64_t at)
{
    bool is_seen = strcmp(type, "drift.seen") == 0;
    bool is_end = strcmp(type, "correction.confirmed") == 0;
    return (struct hf_audit_event){.at_ms = at,
                                   .type = type,
                                   .severity = "warning",
                                   .incident = incident,
                                   .target = "dev",
                                   .unit = "trade-service",
                                   .kind = "Deployment",
                                   .name = incident,
                                   .manager = "kubectl-edit",
                                   .message = type,
                                   .drifted_at_ms = is_seen ? at - 100 : HF_TIME_NONE,
                                   .seen_at_ms = is_seen ? at : HF_TIME_NONE,
                                   .corrected_at_ms = is_end ? at : HF_TIME_NONE,
                                   .detail = is_seen ? "{\"findings\":[{\"path\":\"/spec/replicas\",\"class\":"
                                                       "\"changed\"}],\"who\":{\"user\":\"alice\"}}"
                                                     : NULL};
}

static void add(const char *incident, const char *type, int64_t at)
{
    struct hf_audit_event event = of(incident, type, at);
    trail_append(&trail, &event, 0);
}

/* i1 put back after a minute, i2 healed, i3 blocked and open, r1 a rollout, i4 open. */
static void set_up(void)
{
    arena = hf_arena_new(0);
    trail_begin(&trail);
    add("i1", "drift.seen", START);
    add("i1", "correction.intended", START + 1000);
    add("i1", "correction.confirmed", START + MINUTE);
    add("i2", "drift.seen", START + 2 * MINUTE);
    add("r1", "rollout.seen", START + 2 * MINUTE);
    add("r1", "rollout.confirmed", START + 2 * MINUTE + 10);
    add("i2", "drift.healed", START + 3 * MINUTE);
    add("i3", "drift.seen", START + 4 * MINUTE);
    add("i3", "correction.blocked", START + 5 * MINUTE);
    struct hf_audit_event last = of("i4", "drift.seen", START + 6 * MINUTE);
    trail_append(&trail, &last, 1);
    trail_wait_durable(&trail, 1);
}

static void tear_down(void)
{
    trail_end(&trail);
    hf_arena_free(arena);
}

TestSuite(pages, .init = set_up, .fini = tear_down, .timeout = 60);

struct listed {
    char text[400];
    int64_t last;
};

static bool list_one(void *ctx, const struct hf_audit_incident *incident)
{
    struct listed *listed = ctx;
    size_t len = strlen(listed->text);
    (void)snprintf(listed->text + len, sizeof listed->text - len, "%s%s %s %s %s", len ? ", " : "", incident->id,
                   incident->outcome, incident->last_type, incident->user ? incident->user : "-");
    listed->last = incident->first_id;
    return true;
}

static struct listed list(struct hf_audit_filter filter)
{
    struct hf_error err = HF_ERROR_INIT;
    struct listed listed = {0};
    struct hf_audit_reader *reader = trail_reader(&trail);
    filter.newest_first = true;
    cr_assert_eq(hf_audit_incidents(reader, &filter, list_one, &listed, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    return listed;
}

Test(pages, incidents_are_listed_newest_first_with_what_became_of_them_and_no_rollout)
{
    struct listed listed = list((struct hf_audit_filter){0});
    cr_expect_str_eq(listed.text, "i4 open drift.seen alice, i3 open correction.blocked alice, i2 healed drift.healed "
                                  "alice, i1 corrected correction.confirmed alice");
}

struct wanted {
    struct hf_audit_filter filter;
    char incidents[32];
};

Test(pages, each_filter_lists_the_incidents_it_names)
{
    static const struct wanted WANTED[] = {{{.outcome = "open"}, "i4i3"},
                                           {{.outcome = "ended"}, "i2i1"},
                                           {{.outcome = "healed"}, "i2"},
                                           {{.outcome = "corrected"}, "i1"},
                                           {{.outcome = "dismissed"}, ""},
                                           {{.name = "i3"}, "i3"},
                                           {{.user = "alice", .limit = 1}, "i4"},
                                           {{.user = "bob"}, ""},
                                           {{.path = "/spec/re"}, "i4i3i2i1"},
                                           {{.class = "missing"}, ""},
                                           {{.since_ms = START + 3 * MINUTE}, "i4i3"},
                                           {{.until_ms = START + 1}, "i1"},
                                           {{.type = "correction."}, "i4i3i2i1"}};
    for (size_t i = 0; i < sizeof WANTED / sizeof WANTED[0]; i++) {
        char ids[64] = "";
        struct listed listed = list(WANTED[i].filter);
        for (const char *at = listed.text; *at;) {
            size_t len = strlen(ids);
            (void)snprintf(ids + len, sizeof ids - len, "%.2s", at);
            const char *next = strstr(at, ", ");
            at = next ? next + 2 : at + strlen(at);
        }
        cr_expect_str_eq(ids, WANTED[i].incidents, "filter %zu: %s", i, listed.text);
    }
}

Test(pages, a_page_goes_on_where_the_one_before_ended)
{
    struct listed first = list((struct hf_audit_filter){.limit = 2});
    struct listed second = list((struct hf_audit_filter){.limit = 2, .after_id = first.last});
    cr_expect_eq(strncmp(first.text, "i4 open", 7), 0);
    cr_expect_eq(strncmp(second.text, "i2 healed", 9), 0, "%s", second.text);
    cr_expect(strstr(second.text, "i1 corrected"));
}

Test(pages, an_incident_that_drifts_again_after_its_end_is_open_again)
{
    struct hf_audit_event again = of("i1", "drift.seen", START + 7 * MINUTE);
    trail_append(&trail, &again, 2);
    trail_wait_durable(&trail, 2);
    struct listed listed = list((struct hf_audit_filter){.outcome = "open", .name = "i1"});
    cr_expect_str_eq(listed.text, "i1 open drift.seen alice");
}

Test(pages, the_timeline_counts_what_was_seen_put_back_and_blocked_and_what_was_open_at_each_end)
{
    static const int64_t WANTED[4][4] = {
        {1, 1, 0, 0}, /* i1 seen and put back */
        {1, 0, 0, 0}, /* i2 seen and healed; the rollout is none */
        {1, 0, 1, 1}, /* i3 seen and blocked */
        {1, 0, 0, 2}  /* i4 seen */
    };
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_bucket buckets[4];
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_timeline(reader, START, START + 8 * MINUTE, buckets, 4, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(buckets[i].from_ms, START + (int64_t)i * 2 * MINUTE);
        cr_expect_eq(buckets[i].to_ms, START + (int64_t)(i + 1) * 2 * MINUTE);
        cr_expect_eq(buckets[i].seen, WANTED[i][0], "%zu", i);
        cr_expect_eq(buckets[i].corrected, WANTED[i][1], "%zu", i);
        cr_expect_eq(buckets[i].blocked, WANTED[i][2], "%zu", i);
        cr_expect_eq(buckets[i].open, WANTED[i][3], "%zu: %lld", i, (long long)buckets[i].open);
    }
}

Test(pages, a_timeline_that_ends_before_now_knows_what_was_open_then)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_bucket bucket;
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_timeline(reader, START - MINUTE, START + 30000, &bucket, 1, &err), 0, "%s", err.text);
    cr_expect_eq(bucket.open, 1);
    cr_expect_eq(bucket.corrected, 0);
    cr_expect_eq(hf_audit_timeline(reader, START, START, &bucket, 1, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    hf_audit_reader_close(reader);
}

static bool linger(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    (void)ctx;
    (void)id;
    (void)event;
    (void)digest;
    return true;
}

Test(pages, a_read_that_takes_too_long_is_given_up_and_the_next_one_is_not)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_event event = of("i5", "drift.seen", START + 8 * MINUTE);
    for (int i = 0; i < 3000; i++) {
        trail_append(&trail, &event, i == 2999 ? 3 : 0);
    }
    trail_wait_durable(&trail, 2);
    struct hf_audit_reader *reader = trail_reader(&trail);
    struct hf_audit_filter nobody = {.path = "/nothing", .limit = SIZE_MAX};
    hf_audit_reader_limit(reader, 1);
    int64_t until = hf_mono_ms() + 2;
    while (hf_mono_ms() < until) {
    }
    cr_expect_eq(hf_audit_query(reader, &nobody, linger, NULL, &err), -1);
    cr_expect_eq(err.code, HF_ECANCELED, "%s", err.text);
    hf_audit_reader_limit(reader, 0);
    hf_error_clear(&err);
    cr_expect_eq(hf_audit_query(reader, &nobody, linger, NULL, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
}

Test(pages, a_line_of_csv_is_no_formula_and_keeps_quotes_and_lines)
{
    struct hf_buf line = {0};
    struct hf_audit_event event = {.at_ms = START,
                                   .type = "drift.seen",
                                   .message = "=cmd|'/c calc'!A1 \"x\"\nnext",
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE};
    hf_audit_event_csv(&line, 7, &event, "sha256:00");
    cr_expect(strstr(line.ptr, "\"'=cmd|'/c calc'!A1 \"\"x\"\"\nnext\""), "%s", line.ptr);
    cr_expect_eq(strncmp(line.ptr, "\"7\",\"2026-03-01T09:30:00.000Z\",\"drift.seen\"", 42), 0, "%s", line.ptr);
    hf_buf_free(&line);
}

struct told {
    char text[400];
};

static bool told_one(void *ctx, const struct hf_audit_delivery *delivery)
{
    struct told *told = ctx;
    size_t len = strlen(told->text);
    (void)snprintf(told->text + len, sizeof told->text - len, "%s%s %s %lld", len ? ", " : "", delivery->channel,
                   delivery->state, (long long)delivery->attempts);
    return true;
}

Test(pages, deliveries_of_an_incident_are_those_that_spoke_of_it_and_what_waits)
{
    static const char *const CHANNELS[] = {"ops", "pager"};
    struct hf_error err = HF_ERROR_INIT;
    struct told told = {0};
    struct hf_audit_event event = of("i4", "drift.changed", START + 7 * MINUTE);
    cr_assert_eq(hf_audit_channels(trail.audit, CHANNELS, 1, &err), 0);
    event.alert = true;
    trail_append(&trail, &event, 0);
    trail_append(&trail,
                 EVENT(.type = "alert.delivered",
                       .detail = "{\"attempts\":2,\"channel\":\"ops\",\"incidents\":[\"i3\",\"i4\"]}"),
                 0);
    trail_append(
        &trail,
        EVENT(.type = "alert.failed", .detail = "{\"attempts\":9,\"channel\":\"pager\",\"incidents\":[\"i4\"]}"), 0);
    trail_append(&trail,
                 EVENT(.type = "alert.delivered",
                       .detail = "{\"attempts\":1,\"channel\":\"ops\",\"incidents\":[\"i44\"],\"x\":\"i4\"}"),
                 2);
    trail_wait_durable(&trail, 2);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_deliveries(reader, "i4", 1, told_one, &told, &err), 0, "%s", err.text);
    cr_expect_str_eq(told.text, "ops delivered 2, pager given_up 9, ops waiting 0");
    hf_audit_reader_close(reader);
}
