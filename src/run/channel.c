/* An alert channel's settings in the config, as the alert station takes them. */
#include <string.h>

#include "holdfast/value.h"
#include "run.h"

#define CHAT_WAIT_MS 2000
#define CHAT_INTERVAL_MS 30000
#define CHAT_REPEAT_MS (4 * INT64_C(3600000))
#define CHAT_MESSAGES 20
#define CHAT_WITHIN_MS 600000
#define EVERY_DAY 0x7Fu

static int no_memory(const struct hf_config_channel *from, struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "channel %s: out of memory", from->name);
}

static int64_t duration_of(const struct hf_value *parent, const char *key, int64_t otherwise)
{
    const char *text = hf_value_text(hf_value_get(parent, key));
    int64_t ms;
    return text && hf_duration_parse(hf_slice_of(text), &ms) ? ms : otherwise;
}

/* One text, or a list of them. */
static bool read_patterns(struct hf_arena *arena, const struct hf_value *value, struct hf_alert_patterns *out)
{
    size_t count = !value ? 0 : value->kind == HF_STRING ? 1 : hf_value_count(value);
    const char **items = hf_arena_array(arena, count, sizeof *items);
    for (size_t i = 0; items && i < count; i++) {
        items[i] = hf_value_text(value->kind == HF_STRING ? value : hf_value_at(value, i));
        if (!items[i]) {
            return false;
        }
    }
    *out = (struct hf_alert_patterns){items, count};
    return items != NULL;
}

static bool read_match(struct hf_arena *arena, const struct hf_value *value, struct hf_alert_match *out)
{
    const struct hf_value *labels = hf_value_get(value, "labels");
    size_t count = hf_value_count(labels);
    struct hf_alert_label *kept = hf_arena_array(arena, count, sizeof *kept);
    for (size_t on = 0; on < HF_ON_COUNT; on++) {
        if (!read_patterns(arena, hf_value_get(value, hf_alert_on_name((enum hf_alert_on)on)), &out->on[on])) {
            return false;
        }
    }
    for (size_t i = 0; kept && i < count; i++) {
        const struct hf_member *member = &labels->as.object.members[i];
        kept[i] = (struct hf_alert_label){hf_arena_copy(arena, member->key.ptr, member->key.len),
                                          hf_value_text(&member->value)};
        if (!kept[i].name || !kept[i].value) {
            return false;
        }
    }
    out->labels = kept;
    out->label_count = count;
    return kept != NULL;
}

static int read_matches(const struct hf_config *config, const struct hf_config_channel *from, const char *key,
                        const struct hf_alert_match **out, size_t *count, struct hf_error *err)
{
    const struct hf_value *list = hf_value_get(from->settings, key);
    struct hf_alert_match *matches = hf_arena_array(config->arena, hf_value_count(list), sizeof *matches);
    *count = hf_value_count(list);
    for (size_t i = 0; matches && i < *count; i++) {
        if (!read_match(config->arena, hf_value_at(list, i), &matches[i])) {
            return no_memory(from, err);
        }
    }
    *out = matches;
    return matches ? 0 : no_memory(from, err);
}

static int minute_of(const char *text)
{
    return ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
}

static unsigned days_of(const struct hf_value *list)
{
    static const char *const DAYS[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    unsigned days = list ? 0 : EVERY_DAY;
    for (size_t i = 0; i < hf_value_count(list); i++) {
        for (unsigned day = 0; day < 7; day++) {
            days |= strcmp(hf_value_text(hf_value_at(list, i)), DAYS[day]) == 0 ? 1u << day : 0;
        }
    }
    return days;
}

static int read_quiet(const struct hf_config *config, const struct hf_config_channel *from,
                      struct hf_alert_channel *out, struct hf_error *err)
{
    const struct hf_value *quiet = hf_value_get(from->settings, "quiet");
    const struct hf_value *list = hf_value_get(quiet, "hours");
    struct hf_alert_hours *hours = hf_arena_array(config->arena, hf_value_count(list), sizeof *hours);
    if (!hours) {
        return no_memory(from, err);
    }
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const struct hf_value *value = hf_value_at(list, i);
        const struct hf_value *zone = hf_value_get(value, "zone");
        hours[i].days = days_of(hf_value_get(value, "days"));
        hours[i].from_minute = minute_of(hf_value_text(hf_value_get(value, "from")));
        hours[i].to_minute = minute_of(hf_value_text(hf_value_get(value, "to")));
        if (hf_zone_find(config->arena, NULL, zone ? hf_value_text(zone) : "UTC", &hours[i].zone, err) != 0) {
            return hf_error_wrap(err, "%s: line %u, column %u: zone \"%s\"", config->path, zone ? zone->line : 0,
                                 zone ? zone->column : 0, zone ? hf_value_text(zone) : "UTC");
        }
    }
    out->quiet = hours;
    out->quiet_count = hf_value_count(list);
    out->quiet_below = hf_value_text(hf_value_get(quiet, "below"));
    return 0;
}

static unsigned by_of(const struct hf_value *list, unsigned otherwise)
{
    static const struct {
        const char *name;
        enum hf_alert_by bit;
    } NAMES[] = {{"target", HF_GROUP_TARGET},       {"space", HF_GROUP_SPACE}, {"unit", HF_GROUP_UNIT},
                 {"namespace", HF_GROUP_NAMESPACE}, {"kind", HF_GROUP_KIND},   {"incident", HF_GROUP_INCIDENT}};
    unsigned by = list ? 0 : otherwise;
    for (size_t i = 0; i < hf_value_count(list); i++) {
        for (size_t n = 0; n < sizeof NAMES / sizeof NAMES[0]; n++) {
            by |= strcmp(hf_value_text(hf_value_at(list, i)), NAMES[n].name) == 0 ? (unsigned)NAMES[n].bit : 0;
        }
    }
    return by;
}

/* What each type does unless it is told otherwise: a machine gets every event as it comes, people are told of a trouble
 * once; PagerDuty knows itself what is still open; Alertmanager does the grouping, and forgets what is not repeated. */
static void read_pace(const struct hf_config_channel *from, struct hf_alert_channel *out)
{
    const struct hf_value *group = hf_value_get(from->settings, "group");
    const struct hf_value *limit = hf_value_get(from->settings, "limit");
    bool is_machine = strcmp(from->type, "webhook") == 0;
    bool is_pager = strcmp(from->type, "pagerduty") == 0;
    bool is_alertmanager = strcmp(from->type, "alertmanager") == 0;
    bool is_chat = !is_machine && !is_pager && !is_alertmanager;
    int64_t messages = is_chat ? CHAT_MESSAGES : 0;
    out->group_wait_ms = duration_of(group, "wait", is_machine ? 0 : CHAT_WAIT_MS);
    out->group_interval_ms = duration_of(group, "interval", CHAT_INTERVAL_MS);
    out->repeat_ms = is_machine ? 0 : duration_of(group, "repeat", is_pager ? 0 : CHAT_REPEAT_MS);
    out->group_by =
        by_of(hf_value_get(group, "by"), is_alertmanager ? HF_GROUP_INCIDENT : HF_GROUP_TARGET | HF_GROUP_NAMESPACE);
    (void)hf_value_int(hf_value_get(limit, "messages"), &messages);
    out->limit_messages = (unsigned)messages;
    out->limit_within_ms = duration_of(limit, "within", CHAT_WITHIN_MS);
    const struct hf_value *resolved = hf_value_get(from->settings, "resolved");
    out->without_resolved = resolved && !hf_value_is_true(resolved);
}

int hf_run_channel_settings(const struct hf_config *config, const struct hf_config_channel *from,
                            struct hf_alert_channel *out, struct hf_error *err)
{
    read_pace(from, out);
    return read_matches(config, from, "match", &out->match, &out->match_count, err) != 0 ||
                   read_matches(config, from, "except", &out->except, &out->except_count, err) != 0
               ? -1
               : read_quiet(config, from, out, err);
}
