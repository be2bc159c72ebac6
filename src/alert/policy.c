#include "policy.h"

#include <string.h>

static bool copy_text(struct hf_arena *arena, const char **text)
{
    *text = *text ? hf_arena_copy(arena, *text, strlen(*text)) : NULL;
    return *text != NULL;
}

static bool copy_patterns(struct hf_arena *arena, struct hf_alert_patterns *patterns)
{
    const char **items = hf_arena_array(arena, patterns->count, sizeof *items);
    bool is_whole = items != NULL;
    for (size_t i = 0; is_whole && i < patterns->count; i++) {
        items[i] = patterns->items[i];
        is_whole = copy_text(arena, &items[i]);
    }
    patterns->items = items;
    return is_whole;
}

static bool copy_labels(struct hf_arena *arena, struct hf_alert_match *match)
{
    struct hf_alert_label *labels = hf_arena_array(arena, match->label_count, sizeof *labels);
    bool is_whole = labels != NULL;
    for (size_t i = 0; is_whole && i < match->label_count; i++) {
        labels[i] = match->labels[i];
        is_whole = copy_text(arena, &labels[i].name) && copy_text(arena, &labels[i].value);
    }
    match->labels = labels;
    return is_whole;
}

static struct hf_alert_match *copy_matches(struct hf_arena *arena, const struct hf_alert_match *from, size_t count)
{
    struct hf_alert_match *matches = hf_arena_array(arena, count, sizeof *matches);
    for (size_t i = 0; matches && i < count; i++) {
        matches[i] = from[i];
        bool is_whole = copy_labels(arena, &matches[i]);
        for (size_t on = 0; is_whole && on < HF_ON_COUNT; on++) {
            is_whole = copy_patterns(arena, &matches[i].on[on]);
        }
        if (!is_whole) {
            return NULL;
        }
    }
    return matches;
}

/* Zones are the config's, and may go with it: only what an instant needs is asked of them, so they are kept by whoever
 * keeps the config. */
static bool copy_quiet(struct hf_policy *policy, const struct hf_alert_channel *config)
{
    struct hf_alert_hours *hours = hf_arena_array(policy->arena, config->quiet_count, sizeof *hours);
    if (hours && config->quiet_count > 0) {
        memcpy(hours, config->quiet, config->quiet_count * sizeof *hours);
    }
    policy->group.quiet = hours;
    policy->group.quiet_count = config->quiet_count;
    policy->group.quiet_below = hf_severity_rank(config->quiet_below ? config->quiet_below : "critical");
    return hours != NULL;
}

int hf_policy_copy(struct hf_policy *policy, const struct hf_alert_channel *config,
                   const struct hf_alert_format *format, struct hf_error *err)
{
    bool is_pager = strcmp(format->type, "pagerduty") == 0 || strcmp(format->type, "alertmanager") == 0;
    memset(policy, 0, sizeof *policy);
    policy->arena = hf_arena_new(0);
    if (!policy->arena) {
        return hf_error_set(err, HF_ENOMEM, "no memory for an alert channel");
    }
    policy->match = copy_matches(policy->arena, config->match, config->match_count);
    policy->match_count = config->match_count;
    policy->except = copy_matches(policy->arena, config->except, config->except_count);
    policy->except_count = config->except_count;
    policy->group.wait_ms = config->group_wait_ms;
    policy->group.interval_ms = config->group_interval_ms;
    policy->group.repeat_ms = config->repeat_ms;
    policy->group.by = config->group_by;
    policy->group.is_pager = is_pager;
    policy->group.without_resolved = config->without_resolved;
    policy->limit = config->limit_messages;
    policy->within_ms = config->limit_within_ms;
    policy->digests = !is_pager && strcmp(format->type, "webhook") != 0;
    policy->sent_ms = hf_arena_array(policy->arena, policy->limit, sizeof *policy->sent_ms);
    if (!policy->match || !policy->except || !policy->sent_ms || !copy_quiet(policy, config)) {
        hf_policy_free(policy);
        return hf_error_set(err, HF_ENOMEM, "no memory for an alert channel");
    }
    for (size_t i = 0; i < policy->limit; i++) {
        policy->sent_ms[i] = INT64_MIN;
    }
    return 0;
}

void hf_policy_free(struct hf_policy *policy)
{
    hf_arena_free(policy->arena);
    memset(policy, 0, sizeof *policy);
}

int64_t hf_policy_room(const struct hf_policy *policy, int64_t mono_ms)
{
    /* The oldest of the last so many. */
    int64_t oldest = policy->limit > 0 ? policy->sent_ms[policy->next] : INT64_MIN;
    return oldest == INT64_MIN || mono_ms - oldest >= policy->within_ms ? 0 : policy->within_ms - (mono_ms - oldest);
}

void hf_policy_sent(struct hf_policy *policy, int64_t mono_ms)
{
    if (policy->limit > 0) {
        policy->sent_ms[policy->next] = mono_ms;
        policy->next = (policy->next + 1) % policy->limit;
    }
}
