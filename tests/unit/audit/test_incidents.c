#include "fixture.h"

static const struct hf_audit_event SEEN = {.at_ms = 1772357400123,
                                           .type = "drift.seen",
                                           .incident = "i1",
                                           .target = "dev",
                                           .unit = "trade-service",
                                           .api_version = "apps/v1",
                                           .kind = "Deployment",
                                           .namespace = "traderx-dev",
                                           .name = "trade-service",
                                           .manager = "kubectl",
                                           .drifted_at_ms = 1772357399000,
                                           .seen_at_ms = 1772357399120,
                                           .corrected_at_ms = HF_TIME_NONE};

static void open_incidents(struct trail *trail, struct seen *seen)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader = trail_reader(trail);
    cr_assert_eq(hf_audit_open_incidents(reader, seen_row, seen, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
}

static void append_all(struct trail *trail, const char *const *types, size_t count)
{
    trail_begin(trail);
    trail_append(trail, &SEEN, 0);
    for (size_t i = 0; i < count; i++) {
        trail_append(trail, EVENT(.type = types[i], .incident = "i1"), i + 1);
    }
    trail_wait_durable(trail, count);
}

Test(incidents, an_open_one_is_told_by_its_newest_event_with_its_object_and_times)
{
    struct trail trail;
    struct seen seen = {.arena = hf_arena_new(0)};
    static const char *const TYPES[] = {"correction.intended", "correction.sent", "alert.delivered"};
    append_all(&trail, TYPES, 3);
    open_incidents(&trail, &seen);
    cr_assert_eq(seen.count, 1u);
    cr_expect_eq(seen.ids[0], 3);
    cr_expect_str_eq(seen.last.type, "correction.sent");
    cr_expect_str_eq(seen.last.incident, "i1");
    cr_expect_str_eq(seen.last.target, "dev");
    cr_expect_str_eq(seen.last.api_version, "apps/v1");
    cr_expect_str_eq(seen.last.kind, "Deployment");
    cr_expect_str_eq(seen.last.namespace, "traderx-dev");
    cr_expect_str_eq(seen.last.name, "trade-service");
    cr_expect_str_eq(seen.last.manager, "kubectl");
    cr_expect_eq(seen.last.drifted_at_ms, SEEN.drifted_at_ms);
    cr_expect_eq(seen.last.seen_at_ms, SEEN.seen_at_ms);
    cr_expect_eq(seen.last.corrected_at_ms, HF_TIME_NONE);
    hf_arena_free(seen.arena);
    trail_end(&trail);
}

struct ending {
    char type[32];
    size_t open;
};

ParameterizedTestParameters(incidents, end_by_confirmed_healed_or_dismissed_and_by_nothing_else)
{
    static struct ending table[] = {
        {"correction.confirmed", 0}, {"drift.healed", 0},      {"drift.dismissed", 0},    {"correction.intended", 1},
        {"correction.sent", 1},      {"correction.failed", 1}, {"correction.blocked", 1}, {"alert.delivered", 1},
        {"alert.failed", 1},         {"object.recreated", 1},  {"unit.changed", 1},
    };
    return cr_make_param_array(struct ending, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct ending *ending, incidents, end_by_confirmed_healed_or_dismissed_and_by_nothing_else)
{
    struct trail trail;
    struct seen seen = {0};
    const char *type = ending->type;
    append_all(&trail, &type, 1);
    open_incidents(&trail, &seen);
    cr_expect_eq(seen.count, ending->open);
    trail_end(&trail);
}

Test(incidents, seen_again_after_its_end_is_open_again)
{
    struct trail trail;
    struct seen seen = {0};
    static const char *const TYPES[] = {"correction.confirmed", "drift.seen"};
    append_all(&trail, TYPES, 2);
    open_incidents(&trail, &seen);
    cr_expect_eq(seen.count, 1u);
    cr_expect_eq(seen.ids[0], 3);
    trail_end(&trail);
}

Test(incidents, a_correction_begun_without_a_drift_is_looked_at_again_too)
{
    struct trail trail;
    struct seen seen = {0};
    trail_begin(&trail);
    trail_append(&trail, EVENT(.type = "correction.intended", .incident = "create-1", .name = "web"), 1);
    trail_append(&trail, EVENT(.type = "object.recreated", .incident = "never-opened"), 2);
    trail_append(&trail, EVENT(.type = "drift.seen"), 3);
    trail_wait_durable(&trail, 3);
    open_incidents(&trail, &seen);
    cr_expect_eq(seen.count, 1u);
    cr_expect_eq(seen.ids[0], 1);
    trail_end(&trail);
}

static void fill_for_queries(struct trail *trail)
{
    trail_begin(trail);
    for (int i = 1; i <= 40; i++) {
        struct hf_audit_event event = SEEN;
        event.at_ms = 1772357400000 + i * 1000;
        event.type = i % 4 == 0   ? "correction.sent"
                     : i % 4 == 1 ? "correction.confirmed"
                     : i % 4 == 2 ? "drift.seen"
                                  : "correctionist";
        event.target = i % 2 ? "dev" : "prod";
        event.space = i <= 20 ? "a" : "b";
        event.unit = i % 5 ? "web" : "db";
        event.kind = i % 3 ? "Deployment" : "Service";
        event.namespace = i % 10 ? "n1" : "n2";
        event.name = i == 17 ? "needle" : "hay";
        event.manager = i == 18 ? "hpa" : "kubectl";
        event.severity = i == 19 ? "critical" : "info";
        event.incident = i == 20 ? "i20" : "i";
        event.verdict = i == 21 ? "blocked" : "drifted";
        event.detail =
            i == 22
                ? "{\"findings\":[{\"path\":\"/spec/replicas\",\"readable\":\"spec.replicas\",\"class\":\"changed\"},"
                  "{\"path\":\"/metadata/labels/a_b\",\"class\":\"added\"}]}"
            : i == 23 ? "{\"findings\":[7,\"x\",{\"path\":5,\"class\":\"added\"}]}"
            : i == 24 ? "{\"findings\":\"none\"}"
            : i == 26 ? "{\"who\":{\"user\":\"alice\",\"groups\":[\"traders\"],\"how\":\"time\"}}"
            : i == 27 ? "{\"findings\":[],\"who\":{\"user\":\"system:serviceaccount:ci:deployer\"}}"
            : i == 28 ? "{\"who\":\"alice\"}"
            : i == 29 ? "broken \"who\":{"
            : i == 30 ? "{\"findings\":[{\"live\":\"\\\"who\\\":{\\\"user\\\":\\\"alice\\\"}\"}]}"
            : i == 25 ? "broken{"
                      : NULL;
        trail_append(trail, &event, (uint64_t)i);
    }
    trail_wait_durable(trail, 40);
}

struct query_case {
    struct hf_audit_filter filter;
    char type[32];
    char text[48];
    size_t field; /* offset in the filter where text goes */
    size_t count;
    int64_t first;
};
#define BY(member, value) .text = value, .field = offsetof(struct hf_audit_filter, member)

ParameterizedTestParameters(query, each_filter_gives_its_rows_and_no_other)
{
    static struct query_case table[] = {
        {.filter = {0}, .count = 40, .first = 1},
        {.filter = {.since_ms = HF_TIME_NONE, .until_ms = HF_TIME_NONE}, .count = 40, .first = 1},
        {.filter = {.newest_first = true}, .count = 40, .first = 40},
        {.filter = {.limit = 7}, .count = 7, .first = 1},
        {.filter = {.after_id = 35}, .count = 5, .first = 36},
        {.filter = {.after_id = 35, .newest_first = true}, .count = 34, .first = 34},
        {.filter = {.since_ms = 1772357400000 + 31000}, .count = 10, .first = 31},
        {.filter = {.until_ms = 1772357400000 + 31000}, .count = 30, .first = 1},
        {.filter = {.since_ms = 1772357400000 + 10000, .until_ms = 1772357400000 + 12000}, .count = 2, .first = 10},
        {.filter = {0}, .type = "drift.seen", .count = 10, .first = 2},
        {.filter = {0}, .type = "correction.", .count = 20, .first = 1},
        {.filter = {0}, .type = "correction", .count = 0, .first = 0},
        {.filter = {0}, BY(incident, "i20"), .count = 1, .first = 20},
        {.filter = {0}, BY(target, "prod"), .count = 20, .first = 2},
        {.filter = {0}, BY(space, "b"), .count = 20, .first = 21},
        {.filter = {0}, BY(unit, "db"), .count = 8, .first = 5},
        {.filter = {0}, BY(kind, "Service"), .count = 13, .first = 3},
        {.filter = {0}, BY(namespace, "n2"), .count = 4, .first = 10},
        {.filter = {0}, BY(name, "needle"), .count = 1, .first = 17},
        {.filter = {0}, BY(manager, "hpa"), .count = 1, .first = 18},
        {.filter = {0}, BY(user, "alice"), .count = 1, .first = 26},
        {.filter = {.newest_first = true}, BY(user, "system:serviceaccount:ci:deployer"), .count = 1, .first = 27},
        {.filter = {0}, BY(user, "nobody"), .count = 0, .first = 0},
        {.filter = {0}, BY(severity, "critical"), .count = 1, .first = 19},
        {.filter = {0}, BY(verdict, "blocked"), .count = 1, .first = 21},
        {.filter = {0}, BY(path, "/spec/replicas"), .count = 1, .first = 22},
        {.filter = {0}, BY(path, "spec."), .count = 1, .first = 22},
        {.filter = {0}, BY(path, "/metadata/labels/a%b"), .count = 0, .first = 0},
        {.filter = {0}, BY(class, "added"), .count = 2, .first = 22},
        {.filter = {0}, BY(name, "x' OR 1=1 --"), .count = 0, .first = 0},
        {.filter = {.after_id = 20, .newest_first = false},
         .type = "correction.",
         BY(unit, "db"),
         .count = 2,
         .first = 25},
    };
    return cr_make_param_array(struct query_case, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct query_case *wanted, query, each_filter_gives_its_rows_and_no_other)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct seen seen = {0};
    struct hf_audit_filter filter = wanted->filter;
    const char *text = wanted->text;
    if (*wanted->type) {
        filter.type = wanted->type;
    }
    if (wanted->field) {
        memcpy((char *)&filter + wanted->field, &text, sizeof text);
    }
    fill_for_queries(&trail);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_query(reader, &filter, seen_row, &seen, &err), 0, "%s", err.text);
    cr_expect_eq(seen.count, wanted->count, "%zu rows", seen.count);
    cr_expect_eq(seen.ids[0], wanted->first, "first is %lld", (long long)seen.ids[0]);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

Test(query, stops_when_it_is_told_to)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct seen seen = {.stop_after = 3};
    struct hf_audit_filter filter = {0};
    fill_for_queries(&trail);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_query(reader, &filter, seen_row, &seen, &err), 0, "%s", err.text);
    cr_expect_eq(seen.count, 3u);
    cr_expect_eq(hf_audit_event_read(reader, 41, seen_row, &seen, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

Test(query, a_row_of_a_type_never_written_is_named_not_read)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct seen seen = {0};
    struct hf_audit_filter filter = {0};
    fill_for_queries(&trail);
    trail_close(&trail);
    trail_forge(&trail, "UPDATE events SET name = cast(x'c3' AS TEXT) WHERE id = 9");
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_expect_eq(hf_audit_query(reader, &filter, seen_row, &seen, &err), -1);
    cr_expect_eq(err.code, HF_ECORRUPT);
    cr_expect_not_null(strstr(err.text, "event 9"), "%s", err.text);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

Test(query, path_and_class_are_those_of_one_finding)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct seen seen = {0};
    struct hf_audit_filter filter = {.path = "/spec", .class = "added"};
    fill_for_queries(&trail);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_query(reader, &filter, seen_row, &seen, &err), 0, "%s", err.text);
    cr_expect_eq(seen.count, 0u);
    filter.class = "changed";
    cr_assert_eq(hf_audit_query(reader, &filter, seen_row, &seen, &err), 0, "%s", err.text);
    cr_expect_eq(seen.count, 1u);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}
