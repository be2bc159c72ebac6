/* What a message says, from the event in the trail. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "compose.h"
#include "holdfast/clock.h"

static struct hf_alert_text compose(struct hf_arena *arena, const char *json)
{
    struct hf_alert_message message = {.id = 1, .key = "k-1", .event_json = json};
    struct hf_alert_text text;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_compose(arena, &message, "https://holdfast.example.com/", &text, &err), 0, "%s", err.text);
    return text;
}

#define SEEN                                                                                                           \
    "{\"id\":17,\"at\":\"2026-03-01T09:30:00.123Z\",\"type\":\"correction.blocked\",\"severity\":\"critical\","        \
    "\"incident\":\"20260301-093000-abc\",\"target\":\"dev\",\"space\":\"traderx\",\"unit\":\"50-web\",\"kind\":"      \
    "\"Deployment\","                                                                                                  \
    "\"namespace\":\"traderx-dev\",\"name\":\"web\",\"manager\":\"kubectl-edit\",\"seen_at\":\"2026-03-01T09:29:59."   \
    "000Z\","                                                                                                          \
    "\"message\":\"web is not put back: paused by bob\",\"detail\":{\"rule\":\"security/image\",\"findings\":["        \
    "{\"path\":\"/spec/"                                                                                               \
    "replicas\",\"readable\":\"spec.replicas\",\"class\":\"changed\",\"desired\":\"3\",\"live\":\"5\"},"               \
    "{\"path\":\"/spec/paused\",\"class\":\"added\",\"live\":\"true\"}]%s}}"

Test(compose, an_event_says_what_where_who_since_when_and_what_it_means)
{
    char json[2000];
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    (void)snprintf(json, sizeof json, SEEN, "");
    struct hf_alert_text text = compose(arena, json);
    cr_expect_eq(text.state, HF_ALERT_OPEN);
    cr_expect_str_eq(text.title, "web is not put back: paused by bob");
    cr_expect_str_eq(text.who, "kubectl-edit");
    cr_expect_str_eq(text.meaning, "critical, by rule security/image");
    cr_expect_str_eq(text.name, "web");
    cr_expect_eq(text.seen_ms, INT64_C(1772357399000));
    cr_expect_eq(text.corrected_ms, HF_TIME_NONE);
    cr_expect_str_eq(text.incident_url, "https://holdfast.example.com/?incident=20260301-093000-abc");
    cr_assert_eq(text.change_count, 2);
    cr_expect_str_eq(text.changes[0].path, "spec.replicas");
    cr_expect_str_eq(text.changes[0].live, "5");
    cr_expect_str_eq(text.changes[1].path, "/spec/paused");
    cr_expect_null(text.changes[1].desired);
}

Test(compose, the_user_is_named_where_the_api_server_has_told)
{
    char json[2000];
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    (void)snprintf(json, sizeof json, SEEN,
                   ",\"who\":{\"user\":\"alice\",\"impersonated\":\"robot\",\"source\":\"10.0.0.7\"}");
    cr_expect_str_eq(compose(arena, json).who, "alice as robot via kubectl-edit from 10.0.0.7");
}

Test(compose, each_type_is_open_an_update_resolved_or_a_notice)
{
    static const struct {
        const char *type;
        enum hf_alert_state state;
    } ROWS[] = {{"drift.seen", HF_ALERT_OPEN},        {"drift.attributed", HF_ALERT_UPDATE},
                {"correction.failed", HF_ALERT_OPEN}, {"correction.confirmed", HF_ALERT_RESOLVED},
                {"drift.healed", HF_ALERT_RESOLVED},  {"source.lost", HF_ALERT_OPEN},
                {"source.found", HF_ALERT_RESOLVED},  {"unit.gone", HF_ALERT_NOTICE},
                {"something.new", HF_ALERT_NOTICE}};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char json[100];
        (void)snprintf(json, sizeof json, "{\"type\":\"%s\"}", ROWS[i].type);
        cr_expect_eq(compose(arena, json).state, ROWS[i].state, "%s", ROWS[i].type);
    }
}

Test(compose, what_begins_and_ends_without_an_object_is_known_by_what_it_is_about)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    cr_expect_str_eq(compose(arena, "{\"type\":\"cluster.lost\",\"target\":\"dev\"}").incident, "cluster:dev");
    cr_expect_str_eq(compose(arena, "{\"type\":\"cluster.found\",\"target\":\"dev\"}").incident, "cluster:dev");
    cr_expect_str_eq(compose(arena, "{\"type\":\"unit.readable\",\"target\":\"dev\",\"unit\":\"web\"}").incident,
                     "unit:dev/web");
    cr_expect_null(compose(arena, "{\"type\":\"unit.gone\",\"target\":\"dev\"}").incident);
}

Test(compose, a_drift_that_is_being_put_back_says_so_and_carries_its_units_labels_and_page)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_alert_text text =
        compose(arena, "{\"id\":7,\"type\":\"drift.seen\",\"detail\":{\"correcting\":true,\"labels\":{\"team\":\"fx\"},"
                       "\"unit_url\":\"https://hub.example.com/units/s1/u1\"}}");
    cr_expect(text.correcting);
    cr_expect_str_eq(text.unit_url, "https://hub.example.com/units/s1/u1");
    cr_expect_str_eq(text.action, "Being put back by holdfast");
    cr_expect_eq(text.event_id, 7);
    cr_assert_eq(text.label_count, 1u);
    cr_expect_str_eq(text.labels[0].name, "team");
    cr_expect_str_eq(text.labels[0].value, "fx");
}

Test(compose, a_long_text_is_never_cut_within_a_character)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    char json[4200];
    size_t len = (size_t)snprintf(json, sizeof json, "{\"type\":\"drift.seen\",\"message\":\"x");
    while (len < 4000) {
        len += (size_t)snprintf(json + len, sizeof json - len, "\u00e9");
    }
    (void)snprintf(json + len, sizeof json - len, "\"}");
    struct hf_alert_text text = compose(arena, json);
    cr_expect(hf_utf8_valid(text.title, strlen(text.title)));
    cr_expect_eq(strlen(text.title), 1999u);
}

Test(compose, who_did_it_told_after_the_incidents_end_opens_it_at_no_pager_again)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    cr_expect_eq(compose(arena, "{\"type\":\"drift.attributed\",\"detail\":{\"over\":true}}").state, HF_ALERT_RESOLVED);
    cr_expect_eq(compose(arena, "{\"type\":\"drift.attributed\",\"detail\":{}}").state, HF_ALERT_UPDATE);
}

Test(compose, what_is_no_event_is_refused_and_odd_types_are_left_out)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_alert_text text;
    static const char *const WRONG[] = {"", "7", "[]", "{\"type\":", "null"};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        struct hf_error err = HF_ERROR_INIT;
        struct hf_alert_message message = {.key = "k", .event_json = WRONG[i]};
        cr_expect_eq(hf_compose(arena, &message, NULL, &text, &err), -1, "%s", WRONG[i]);
        cr_expect_eq(err.code, HF_EPARSE);
    }
    text = compose(arena, "{\"type\":7,\"message\":[],\"detail\":{\"findings\":7,\"who\":[1]},\"at\":\"yesterday\"}");
    cr_expect_eq(text.change_count, 0);
    cr_expect_str_eq(text.title, "an event without words");
    cr_expect_eq(text.at_ms, HF_TIME_NONE);
    cr_expect_null(text.incident_url);
}
