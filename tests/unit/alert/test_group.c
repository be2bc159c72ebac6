/* Which events become which messages, and when: on a clock of its own, without any I/O. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "group.h"
#include "holdfast/clock.h"

#define T0 ((int64_t)1772357400000)
#define S 1000

static struct hf_groups groups;
static struct hf_group_settings settings;
static int64_t next_id;

static void set_up(void)
{
    memset(&groups, 0, sizeof groups);
    settings = (struct hf_group_settings){.wait_ms = 2 * S,
                                          .interval_ms = 30 * S,
                                          .repeat_ms = 4 * 3600 * S,
                                          .by = HF_GROUP_TARGET | HF_GROUP_NAMESPACE,
                                          .quiet_below = 2};
    next_id = 0;
}

static void tear_down(void)
{
    hf_groups_free(&groups);
}

TestSuite(group, .init = set_up, .fini = tear_down, .timeout = 20);

/* An event of an object at a time. what: "seen", "back" (put back), "blocked", "healed", "closed", "putting" (seen, and
 * being put back). */
static void event(int64_t at_ms, const char *what, const char *namespace, const char *name, const char *severity)
{
    static const char *const TYPES[][2] = {{"seen", "drift.seen"},           {"putting", "drift.seen"},
                                           {"back", "correction.confirmed"}, {"blocked", "correction.blocked"},
                                           {"healed", "drift.healed"},       {"closed", "drift.dismissed"}};
    char json[1000];
    char key[32];
    char time[HF_TIME_TEXT];
    const char *type = "";
    struct hf_row *row;
    struct hf_error err = HF_ERROR_INIT;
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        type = strcmp(TYPES[i][0], what) == 0 ? TYPES[i][1] : type;
    }
    hf_time_format(at_ms, time);
    (void)snprintf(key, sizeof key, "key-%lld", (long long)++next_id);
    (void)snprintf(json, sizeof json,
                   "{\"id\":%lld,\"type\":\"%s\",\"incident\":\"i-%s\",\"target\":\"dev\",\"kind\":\"%s\",%s%s%s"
                   "\"name\":\"%s\",\"severity\":\"%s\",\"verdict\":\"missing\",\"message\":\"%s %s\",\"at\":\"%s\","
                   "\"seen_at\":\"%s\",\"corrected_at\":\"%s\",\"detail\":{\"correcting\":%s}}",
                   (long long)next_id, type, name, namespace ? "Deployment" : "Namespace",
                   namespace ? "\"namespace\":\"" : "", namespace ? namespace : "", namespace ? "\"," : "", name,
                   severity, name, what, time, time, strcmp(what, "back") == 0 ? time : "",
                   strcmp(what, "putting") == 0 ? "true" : "false");
    struct hf_alert_message message = {next_id, key, json, 0, at_ms};
    cr_assert_eq(hf_row_new(&message, NULL, at_ms, &row, &err), 0, "%s", err.text);
    cr_assert_eq(hf_groups_add(&groups, &settings, row, &err), 0, "%s", err.text);
}

static int64_t wait_at(int64_t now_ms)
{
    int64_t wait_ms;
    cr_assert_null(hf_groups_due(&groups, &settings, now_ms, &wait_ms), "something is due already");
    return wait_ms;
}

struct said {
    char title[500];
    enum hf_alert_state state;
    char incident[100];
    char severity[20];
    char told_severity[20];
    char action[300];
    char who[100];
    char key[40];
    size_t rows;
    size_t items;
    size_t told; /* incidents that are not over */
    size_t over;
};

static struct said finish(struct hf_batch *batch, bool told)
{
    struct hf_alert_text text;
    struct hf_error err = HF_ERROR_INIT;
    struct said said = {0};
    cr_assert_eq(hf_batch_text(batch, NULL, &text, &err), 0, "%s", err.text);
    (void)snprintf(said.title, sizeof said.title, "%s", text.title);
    (void)snprintf(said.incident, sizeof said.incident, "%s", text.incident ? text.incident : "");
    (void)snprintf(said.severity, sizeof said.severity, "%s", text.severity ? text.severity : "");
    (void)snprintf(said.told_severity, sizeof said.told_severity, "%s", text.told_severity ? text.told_severity : "");
    (void)snprintf(said.action, sizeof said.action, "%s", text.action ? text.action : "");
    (void)snprintf(said.key, sizeof said.key, "%s", text.key);
    said.state = text.state;
    said.rows = batch->row_count;
    said.items = text.item_count;
    for (size_t i = 0; i < batch->told_count; i++) {
        said.told += !batch->told[i].over;
        said.over += batch->told[i].over;
    }
    hf_batch_end(&groups, batch, told, told ? "17.5" : NULL);
    return said;
}

/* The message that is due is sent, and taken by the service. */
static struct said say(int64_t now_ms)
{
    int64_t wait_ms;
    struct hf_batch *batch;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_group *group = hf_groups_due(&groups, &settings, now_ms, &wait_ms);
    cr_assert_not_null(group, "nothing is due, but in %lld ms", (long long)wait_ms);
    cr_assert_not(hf_group_passes(group, &settings), "it passes");
    cr_assert_eq(hf_batch_new(&group, 1, 500, now_ms, &batch, &err), 0, "%s", err.text);
    return finish(batch, true);
}

static void expect_passed(int64_t now_ms)
{
    int64_t wait_ms;
    struct hf_batch *batch;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_group *group = hf_groups_due(&groups, &settings, now_ms, &wait_ms);
    cr_assert_not_null(group);
    cr_assert(hf_group_passes(group, &settings));
    cr_assert_eq(hf_batch_new(&group, 1, 500, now_ms, &batch, &err), 0, "%s", err.text);
    (void)finish(batch, true);
}

Test(group, a_deleted_namespace_is_one_message_then_one_that_all_is_right_again)
{
    char name[20];
    event(T0, "putting", NULL, "traderx", "critical");
    for (int i = 0; i < 17; i++) {
        (void)snprintf(name, sizeof name, "object-%d", i);
        event(T0 + 50 * i, "putting", "traderx", name, "warning");
    }
    cr_expect_eq(wait_at(T0 + S), S);
    struct said first = say(T0 + 2 * S);
    cr_expect_eq(first.state, HF_ALERT_OPEN);
    cr_expect_str_eq(first.title, "Namespace traderx was deleted, with 17 of its objects on dev");
    cr_expect_str_eq(first.action, "18 being put back");
    cr_expect_str_eq(first.severity, "critical");
    cr_expect_eq(first.items, 18u);
    cr_expect_eq(first.told, 18u);
    event(T0 + 8 * S, "back", NULL, "traderx", "critical");
    for (int i = 0; i < 17; i++) {
        (void)snprintf(name, sizeof name, "object-%d", i);
        event(T0 + 9 * S, "back", "traderx", name, "warning");
    }
    struct said last = say(T0 + 11 * S);
    cr_expect_eq(last.state, HF_ALERT_RESOLVED);
    cr_expect_str_eq(last.title,
                     "All 18 objects are right again in namespace traderx on dev, 9.0 s after the first was seen");
    cr_expect_str_eq(last.incident, first.incident, "both are known by one name");
    cr_expect_eq(last.over, 18u);
    cr_expect_eq(wait_at(T0 + 12 * S), INT64_MAX);
}

Test(group, what_is_put_back_before_anybody_was_told_is_one_message)
{
    event(T0, "putting", "traderx", "web", "warning");
    event(T0 + 300, "back", "traderx", "web", "warning");
    struct said said = say(T0 + 2 * S);
    cr_expect_eq(said.state, HF_ALERT_RESOLVED);
    cr_expect_str_eq(said.title, "web back");
    cr_expect_eq(said.rows, 2u);
}

Test(group, one_event_keeps_its_own_key_and_many_have_one_by_all_of_theirs)
{
    char many[40];
    event(T0, "seen", "a", "one", "warning");
    cr_expect_str_eq(say(T0 + 2 * S).key, "key-1");
    event(T0, "seen", "b", "two", "warning");
    event(T0, "seen", "b", "three", "warning");
    (void)snprintf(many, sizeof many, "%s", say(T0 + 2 * S).key);
    cr_expect_eq(strncmp(many, "grp_", 4), 0);
    hf_groups_free(&groups);
    next_id = 1; /* the same rows after a restart */
    event(T0, "seen", "b", "two", "warning");
    event(T0, "seen", "b", "three", "warning");
    cr_expect_str_eq(say(T0 + 5 * S).key, many);
}

Test(group, other_places_are_other_messages)
{
    event(T0, "seen", "a", "one", "warning");
    event(T0, "seen", "b", "two", "warning");
    cr_expect_eq(hf_groups_due_count(&groups, &settings, T0 + 2 * S), 2u);
    settings.by = HF_GROUP_TARGET;
    hf_groups_free(&groups);
    event(T0, "seen", "a", "one", "warning");
    event(T0, "seen", "b", "two", "warning");
    cr_expect_eq(hf_groups_due_count(&groups, &settings, T0 + 2 * S), 1u);
    cr_expect_str_eq(say(T0 + 2 * S).title, "2 objects were deleted on dev");
}

Test(group, news_of_a_told_group_wait_for_the_interval_unless_they_are_graver)
{
    event(T0, "seen", "a", "one", "warning");
    (void)say(T0 + 2 * S);
    event(T0 + 5 * S, "seen", "a", "two", "warning");
    cr_expect_eq(wait_at(T0 + 10 * S), 22 * S);
    event(T0 + 11 * S, "seen", "a", "three", "critical");
    struct said said = say(T0 + 11 * S);
    cr_expect_eq(said.state, HF_ALERT_UPDATE);
    cr_expect_eq(said.items, 3u);
    cr_expect_str_eq(said.severity, "critical");
}

Test(group, what_flaps_is_told_once_an_interval)
{
    int messages = 0;
    for (int second = 0; second < 60; second++) {
        int64_t wait_ms;
        int64_t now = T0 + (int64_t)second * S;
        event(now, "putting", "a", "one", "warning");
        event(now + 200, "back", "a", "one", "warning");
        if (hf_groups_due(&groups, &settings, now + 500, &wait_ms)) {
            (void)say(now + 500);
            messages++;
        }
    }
    cr_expect_leq(messages, 3);
    cr_expect_geq(messages, 2);
}

Test(group, a_pager_hears_nothing_of_what_was_over_before_it_could_be_told)
{
    settings.is_pager = true;
    event(T0, "putting", "a", "one", "critical");
    event(T0 + 300, "back", "a", "one", "critical");
    expect_passed(T0 + 2 * S);
    event(T0 + 40 * S, "blocked", "a", "two", "critical");
    struct said open = say(T0 + 42 * S);
    cr_expect_eq(open.state, HF_ALERT_OPEN);
    event(T0 + 50 * S, "back", "a", "two", "critical");
    struct said over = say(T0 + 52 * S);
    cr_expect_eq(over.state, HF_ALERT_RESOLVED);
    cr_expect_str_eq(over.incident, open.incident);
}

/* An event of no incident. */
static void notice(int64_t at_ms, const char *type, const char *severity)
{
    char json[300];
    struct hf_row *row;
    struct hf_error err = HF_ERROR_INIT;
    (void)snprintf(json, sizeof json, "{\"type\":\"%s\",\"target\":\"dev\",\"severity\":\"%s\",\"message\":\"%s\"}",
                   type, severity, type);
    struct hf_alert_message message = {++next_id, "key", json, 0, at_ms};
    cr_assert_eq(hf_row_new(&message, NULL, at_ms, &row, &err), 0, "%s", err.text);
    cr_assert_eq(hf_groups_add(&groups, &settings, row, &err), 0, "%s", err.text);
}

Test(group, a_pager_is_not_woken_by_mere_news_but_by_what_needs_somebody_and_by_a_test)
{
    notice(T0, "pause.set", "info");
    cr_expect_eq(say(T0 + 2 * S).state, HF_ALERT_NOTICE, "chats are told");
    settings.is_pager = true;
    notice(T0 + 100 * S, "pause.set", "info");
    expect_passed(T0 + 102 * S);
    notice(T0 + 200 * S, "pause.refused", "warning");
    cr_expect_str_eq(say(T0 + 202 * S).title, "pause.refused");
    notice(T0 + 300 * S, "alert.test", "info");
    cr_expect_str_eq(say(T0 + 302 * S).title, "alert.test");
}

/* Alertmanager knows an alert by its severity too. */
Test(group, a_message_says_what_severity_its_channel_was_told_before)
{
    event(T0, "seen", "a", "one", "warning");
    cr_expect_str_eq(say(T0 + 2 * S).told_severity, "");
    event(T0 + 60 * S, "seen", "a", "one", "critical");
    struct said graver = say(T0 + 62 * S);
    cr_expect_str_eq(graver.severity, "critical");
    cr_expect_str_eq(graver.told_severity, "warning");
    event(T0 + 120 * S, "back", "a", "one", "info");
    struct said over = say(T0 + 122 * S);
    cr_expect_str_eq(over.severity, "critical");
    cr_expect_str_eq(over.told_severity, "critical");
}

Test(group, without_resolved_no_end_is_told_and_nothing_is_repeated)
{
    settings.without_resolved = true;
    event(T0, "seen", "a", "one", "warning");
    (void)say(T0 + 2 * S);
    event(T0 + 5 * S, "healed", "a", "one", "info");
    expect_passed(T0 + 7 * S);
    cr_expect_eq(wait_at(T0 + 24 * 3600 * S), INT64_MAX);
}

Test(group, what_was_closed_before_it_was_told_is_told_to_nobody)
{
    event(T0, "putting", "a", "one", "warning");
    event(T0 + 300, "closed", "a", "one", "info");
    expect_passed(T0 + 2 * S);
}

Test(group, event_by_event_only_the_end_of_a_quick_correction_is_told)
{
    settings.wait_ms = 0;
    event(T0, "putting", "a", "one", "warning");
    int64_t wait_ms;
    struct hf_batch *batch;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_group *group = hf_groups_due(&groups, &settings, T0, &wait_ms);
    cr_assert(group && hf_group_passes(group, &settings));
    cr_assert_eq(hf_batch_new(&group, 1, 1, T0, &batch, &err), 0);
    (void)finish(batch, false);
    event(T0 + 300, "back", "a", "one", "warning");
    cr_expect_str_eq(say(T0 + 300).title, "one back");
    event(T0 + 400, "seen", "a", "two", "warning");
    cr_expect_eq(say(T0 + 400).state, HF_ALERT_OPEN, "what is left as it is is told at once");
}

Test(group, what_stays_wrong_is_told_again_and_the_end_ends_that)
{
    event(T0, "blocked", "a", "one", "critical");
    (void)say(T0 + 2 * S);
    cr_expect_eq(wait_at(T0 + 2 * S), 4 * 3600 * S);
    struct said again = say(T0 + 2 * S + 4 * 3600 * S);
    cr_expect_eq(again.state, HF_ALERT_UPDATE);
    cr_expect_eq(again.rows, 0u);
    cr_expect_not_null(strstr(again.title, "Still so, for 4 h 0 min"), "%s", again.title);
    cr_expect_not_null(strstr(again.title, "one blocked"), "%s", again.title);
    event(T0 + 5 * 3600 * S, "back", "a", "one", "critical");
    cr_expect_eq(say(T0 + 5 * 3600 * S + 2 * S).state, HF_ALERT_RESOLVED);
    cr_expect_eq(wait_at(T0 + 6 * 3600 * S), INT64_MAX);
}

Test(group, a_message_that_failed_comes_again_whole_and_in_order)
{
    int64_t wait_ms;
    struct hf_batch *batch;
    struct hf_error err = HF_ERROR_INIT;
    event(T0, "seen", "a", "one", "warning");
    struct hf_group *group = hf_groups_due(&groups, &settings, T0 + 2 * S, &wait_ms);
    cr_assert_eq(hf_batch_new(&group, 1, 500, T0 + 2 * S, &batch, &err), 0);
    event(T0 + 2 * S, "healed", "a", "one", "info"); /* while it is under way */
    cr_assert_null(hf_groups_due(&groups, &settings, T0 + 9 * S, &wait_ms), "one message of a group at a time");
    struct hf_row *rest = hf_batch_rest(&groups, batch);
    cr_assert_not_null(rest);
    cr_expect_str_eq(rest->text.type, "drift.healed");
    cr_expect_null(rest->next);
    hf_row_free(rest);
    (void)finish(batch, false);
    cr_expect_eq(groups.row_count, 0u);
    /* The outbox gives both out again. */
    event(T0, "seen", "a", "one", "warning");
    event(T0 + 2 * S, "healed", "a", "one", "info");
    cr_expect_eq(say(T0 + 60 * S).state, HF_ALERT_RESOLVED);
}

Test(group, the_end_of_what_was_told_before_a_restart_has_the_same_name)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_alert_told told = {.incident = "i-one",
                                 .group = "i-first",
                                 .thread = "17.5",
                                 .at_ms = T0,
                                 .event_id = 3,
                                 .event_json = "{\"type\":\"drift.seen\",\"target\":\"dev\",\"kind\":\"Deployment\","
                                               "\"namespace\":\"a\",\"name\":\"one\",\"severity\":\"critical\"}"};
    cr_assert_eq(hf_groups_recall(&groups, &settings, &told, &err), 0, "%s", err.text);
    cr_expect(hf_groups_know(&groups, "i-one"));
    event(T0 + 5 * S, "back", "a", "one", "warning");
    struct said said = say(T0 + 7 * S);
    cr_expect_eq(said.state, HF_ALERT_RESOLVED);
    cr_expect_str_eq(said.incident, "i-first");
    cr_expect_str_eq(said.severity, "critical", "how grave it was: services know an alert by it");
}

Test(group, a_reload_forgets_nothing_that_was_told)
{
    struct hf_groups after = {0};
    struct hf_error err = HF_ERROR_INIT;
    event(T0, "blocked", "a", "one", "critical");
    struct said open = say(T0 + 2 * S);
    cr_assert_eq(hf_groups_inherit(&after, &groups, &err), 0, "%s", err.text);
    hf_groups_free(&groups);
    groups = after;
    event(T0 + 5 * S, "back", "a", "one", "critical");
    struct said over = say(T0 + 7 * S);
    cr_expect_eq(over.state, HF_ALERT_RESOLVED);
    cr_expect_str_eq(over.incident, open.incident);
}

static const struct hf_zone *utc(struct hf_arena *arena)
{
    const struct hf_zone *zone;
    cr_assert(hf_zone_fixed(arena, "UTC", &zone));
    return zone;
}

Test(group, in_quiet_hours_only_what_is_grave_is_told_and_the_rest_at_their_end)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    /* T0 is 2026-03-01T09:30Z, a Sunday. */
    struct hf_alert_hours hours = {1u, 9 * 60, 10 * 60, utc(arena)};
    settings.quiet = &hours;
    settings.quiet_count = 1;
    event(T0, "seen", "a", "one", "warning");
    cr_expect_eq(wait_at(T0 + 2 * S), (30 * 60 - 2) * S);
    event(T0 + 60 * S, "seen", "b", "two", "critical");
    cr_expect_str_eq(say(T0 + 62 * S).title, "two seen");
    cr_expect_str_eq(say(T0 + 30 * 60 * S).title, "one seen");
}

Test(group, a_snoozed_object_waits_alone_and_its_end_is_told_to_whoever_heard_of_it)
{
    struct hf_alert_snooze snooze = {.name = "one", .until_ms = T0 + 3600 * S};
    event(T0, "seen", "a", "one", "warning");
    (void)say(T0 + 2 * S);
    settings.snoozes = &snooze;
    settings.snooze_count = 1;
    event(T0 + 60 * S, "blocked", "a", "one", "critical");
    cr_expect_eq(wait_at(T0 + 70 * S), (3600 - 70) * S);
    event(T0 + 80 * S, "back", "a", "one", "critical");
    cr_expect_eq(say(T0 + 82 * S).state, HF_ALERT_RESOLVED);
}

Test(group, a_digest_says_of_each_place_what_is_so)
{
    struct hf_group *many[3];
    struct hf_batch *batch;
    struct hf_error err = HF_ERROR_INIT;
    event(T0, "seen", "a", "one", "warning");
    event(T0, "seen", "b", "two", "critical");
    event(T0, "putting", "c", "three", "warning");
    event(T0 + 100, "back", "c", "three", "warning");
    size_t count = 0;
    for (struct hf_group *group = groups.first; group; group = group->next) {
        many[count++] = group;
    }
    cr_assert_eq(count, 3u);
    cr_assert_eq(hf_batch_new(many, 3, 500, T0 + 60 * S, &batch, &err), 0);
    struct said said = finish(batch, true);
    cr_expect_eq(said.state, HF_ALERT_NOTICE);
    cr_expect_eq(said.items, 3u);
    cr_expect_str_eq(said.severity, "critical");
    cr_expect_not_null(strstr(said.title, "4 alerts of 3 places in one"), "%s", said.title);
    cr_expect_not_null(strstr(said.title, "2 objects still differ, 1 are right again"), "%s", said.title);
    event(T0 + 70 * S, "healed", "a", "one", "info");
    cr_expect_eq(say(T0 + 72 * S).state, HF_ALERT_RESOLVED, "what the digest told is known to be told");
}

Test(group, an_event_that_cannot_be_read_is_told_as_such)
{
    struct hf_row *row;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_alert_message message = {1, "key-1", "no JSON", 0, T0};
    cr_assert_eq(hf_row_new(&message, NULL, T0, &row, &err), 0, "%s", err.text);
    cr_assert_eq(hf_groups_add(&groups, &settings, row, &err), 0);
    cr_expect_str_eq(say(T0 + 2 * S).title, "an event that can't be read");
}

Test(group, a_clock_that_was_set_back_holds_nothing_up)
{
    event(T0 + 3600 * S, "seen", "a", "one", "warning");
    hf_groups_free(&groups);
    struct hf_row *row;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_alert_message message = {1, "key-1", "{\"type\":\"drift.seen\",\"incident\":\"i\"}", 0, T0 + 3600 * S};
    cr_assert_eq(hf_row_new(&message, NULL, T0, &row, &err), 0);
    cr_assert_eq(hf_groups_add(&groups, &settings, row, &err), 0);
    (void)say(T0 + 2 * S);
}

Test(group, groups_without_anything_to_say_are_forgotten)
{
    event(T0, "putting", "a", "one", "warning");
    event(T0 + 300, "back", "a", "one", "warning");
    (void)say(T0 + 2 * S);
    hf_groups_tidy(&groups, &settings, T0 + 10 * S);
    cr_expect_not_null(groups.first, "so that what flaps is told once an interval");
    hf_groups_tidy(&groups, &settings, T0 + 100 * S);
    cr_expect_null(groups.first);
}
