#include "route.h"

#include <fnmatch.h>
#include <string.h>

#include "holdfast/clock.h"

#define MINUTE_MS 60000
#define DAY_MS ((int64_t)24 * 60 * MINUTE_MS)
#define MOST_EDGES 20 /* hours that follow on one another are one quiet */

const char *hf_alert_on_name(enum hf_alert_on on)
{
    static const char *const NAMES[HF_ON_COUNT] = {"severity", "target", "space",   "unit", "kind",   "namespace",
                                                   "name",     "class",  "outcome", "type", "manager"};
    return NAMES[on];
}

const char *hf_alert_outcome_name(enum hf_alert_end end)
{
    static const char *const NAMES[] = {"notice", "open", "blocked", "failed", "corrected", "healed", "dismissed"};
    return NAMES[end];
}

unsigned hf_severity_rank(const char *severity)
{
    return !severity ? 0 : strcmp(severity, "critical") == 0 ? 2 : strcmp(severity, "warning") == 0 ? 1 : 0;
}

/* What there is none of fits no pattern. */
static bool fits(const struct hf_alert_patterns *patterns, const char *text)
{
    for (size_t i = 0; text && i < patterns->count; i++) {
        if (fnmatch(patterns->items[i], text, 0) == 0) {
            return true;
        }
    }
    return false;
}

static bool class_fits(const struct hf_alert_patterns *patterns, const struct hf_alert_text *text)
{
    for (size_t i = 0; i < text->change_count; i++) {
        if (fits(patterns, text->changes[i].class)) {
            return true;
        }
    }
    return text->verdict && (strcmp(text->verdict, "missing") == 0 || strcmp(text->verdict, "terminating") == 0) &&
           fits(patterns, "missing");
}

static bool has_label(const struct hf_alert_text *text, const struct hf_alert_label *wanted)
{
    for (size_t i = 0; i < text->label_count; i++) {
        if (strcmp(text->labels[i].name, wanted->name) == 0) {
            return fnmatch(wanted->value, text->labels[i].value, 0) == 0;
        }
    }
    return false;
}

bool hf_route_matches(const struct hf_alert_match *match, const struct hf_alert_text *text)
{
    const char *const texts[HF_ON_COUNT] = {
        [HF_ON_SEVERITY] = text->severity, [HF_ON_TARGET] = text->target,
        [HF_ON_SPACE] = text->space,       [HF_ON_UNIT] = text->unit,
        [HF_ON_KIND] = text->kind,         [HF_ON_NAMESPACE] = text->namespace,
        [HF_ON_NAME] = text->name,         [HF_ON_OUTCOME] = hf_alert_outcome_name(text->end),
        [HF_ON_TYPE] = text->type,         [HF_ON_MANAGER] = text->manager};
    for (size_t i = 0; i < HF_ON_COUNT; i++) {
        const struct hf_alert_patterns *patterns = &match->on[i];
        if (patterns->count > 0 && !(i == HF_ON_CLASS ? class_fits(patterns, text) : fits(patterns, texts[i]))) {
            return false;
        }
    }
    for (size_t i = 0; i < match->label_count; i++) {
        if (!has_label(text, &match->labels[i])) {
            return false;
        }
    }
    return true;
}

bool hf_route_wants(const struct hf_alert_match *match, size_t match_count, const struct hf_alert_match *except,
                    size_t except_count, const struct hf_alert_text *text)
{
    bool wanted = match_count == 0;
    for (size_t i = 0; i < match_count && !wanted; i++) {
        wanted = hf_route_matches(&match[i], text);
    }
    for (size_t i = 0; i < except_count && wanted; i++) {
        wanted = !hf_route_matches(&except[i], text);
    }
    return wanted;
}

/* The end of the hours that hold at an instant; HF_TIME_NONE: they don't. */
static int64_t end_of(const struct hf_alert_hours *hours, int64_t at_ms)
{
    int64_t local_ms = at_ms + (int64_t)hf_zone_offset(hours->zone, at_ms / 1000) * 1000;
    int64_t today = local_ms / DAY_MS;
    int length = hours->to_minute - hours->from_minute;
    length += length <= 0 ? 24 * 60 : 0;
    for (int64_t day = today - 1; day <= today; day++) {
        unsigned weekday = (unsigned)((day + 4) % 7); /* 1970-01-01 was a Thursday */
        int64_t from_ms = day * DAY_MS + (int64_t)hours->from_minute * MINUTE_MS;
        if (!(hours->days >> weekday & 1u)) {
            continue;
        }
        int64_t opens = hf_zone_instant(hours->zone, from_ms / 1000, false) * 1000;
        int64_t closes = hf_zone_instant(hours->zone, (from_ms + (int64_t)length * MINUTE_MS) / 1000, true) * 1000;
        if (opens <= at_ms && at_ms < closes) {
            return closes;
        }
    }
    return HF_TIME_NONE;
}

int64_t hf_route_quiet_until(const struct hf_alert_hours *hours, size_t count, int64_t now_ms)
{
    int64_t until = HF_TIME_NONE;
    int64_t at = now_ms;
    bool moved = true;
    for (int edge = 0; moved && edge < MOST_EDGES; edge++) {
        moved = false;
        for (size_t i = 0; i < count; i++) {
            int64_t end = end_of(&hours[i], at);
            if (end != HF_TIME_NONE && end > at) {
                at = until = end;
                moved = true;
            }
        }
    }
    return until;
}

static bool same(const char *wanted, const char *text)
{
    return !wanted || (text && strcmp(wanted, text) == 0);
}

int64_t hf_route_snoozed_until(const struct hf_alert_snooze *snoozes, size_t count, const struct hf_alert_text *text,
                               int64_t now_ms)
{
    int64_t until = HF_TIME_NONE;
    for (size_t i = 0; text->incident && i < count; i++) {
        const struct hf_alert_snooze *snooze = &snoozes[i];
        int64_t end = snooze->until_ms == HF_TIME_NONE ? INT64_MAX : snooze->until_ms;
        if (end > now_ms && same(snooze->target, text->target) && same(snooze->space, text->space) &&
            same(snooze->unit, text->unit) && same(snooze->kind, text->kind) &&
            same(snooze->namespace, text->namespace) && same(snooze->name, text->name) &&
            (until == HF_TIME_NONE || end > until)) {
            until = end;
        }
    }
    return until;
}
