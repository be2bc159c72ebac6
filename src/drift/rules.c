#include "holdfast/rules.h"

#include <string.h>

#include "rules_parts.h"

const char *hf_action_name(enum hf_action action)
{
    static const char *const NAMES[] = {"correct", "observe", "ignore", "accept", "recreate", "prune"};
    return (size_t)action < HF_ACTION_COUNT ? NAMES[action] : "unknown";
}

const char *hf_severity_name(enum hf_severity severity)
{
    static const char *const NAMES[] = {"info", "warning", "critical"};
    return (size_t)severity < 3 ? NAMES[severity] : "unknown";
}

const char *hf_added_name(enum hf_added added)
{
    static const char *const NAMES[] = {"report", "strict", "ignore"};
    return (size_t)added < 3 ? NAMES[added] : "unknown";
}

const char *hf_apply_by_name(enum hf_apply_by by)
{
    static const char *const NAMES[] = {"target", "direct", "confighub", "confighub-only"};
    return (size_t)by < 4 ? NAMES[by] : "unknown";
}

int hf_rules_new(struct hf_rules **out, struct hf_error *err)
{
    struct hf_rules *rules = hf_calloc(1, sizeof *rules);
    if (!rules) {
        return hf_error_set(err, HF_ENOMEM, "read rules: out of memory");
    }
    atomic_init(&rules->refs, 1);
    rules->end = &rules->packs;
    *out = rules;
    return 0;
}

void hf_rules_zones(struct hf_rules *rules, hf_rules_zone_fn zone, void *ctx)
{
    rules->zone = zone;
    rules->zone_ctx = ctx;
}

static void pack_free(struct pack *pack)
{
    if (pack) {
        hf_arena_free(pack->arena);
        free(pack);
    }
}

void hf_rules_free(struct hf_rules *rules)
{
    if (!rules || atomic_fetch_sub(&rules->refs, 1) != 1) {
        return;
    }
    while (rules->packs) {
        struct pack *pack = rules->packs;
        rules->packs = pack->next;
        pack_free(pack);
    }
    free(rules);
}

struct hf_rules *hf_rules_share(struct hf_rules *rules)
{
    atomic_fetch_add(&rules->refs, 1);
    return rules;
}

static int refuse_twice(const struct hf_rules *rules, const struct pack *pack, struct hf_error *err)
{
    for (const struct pack *other = rules->packs; other; other = other->next) {
        if (strcmp(other->name, pack->name) == 0) {
            return hf_error_set(err, HF_EINVAL, "%s: found the pack \"%s\" a second time (first in %s)", pack->path,
                                pack->name, other->path);
        }
    }
    return 0;
}

int hf_rules_add(struct hf_rules *rules, const char *path, const char *bytes, size_t len, struct hf_error *err)
{
    struct pack *pack = hf_calloc(1, sizeof *pack);
    if (pack) {
        pack->arena = hf_arena_new(0);
    }
    if (!pack || !pack->arena) {
        pack_free(pack);
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    if (hf_pack_read(rules, pack, path, bytes, len, err) != 0 || refuse_twice(rules, pack, err) != 0) {
        pack_free(pack);
        return -1;
    }
    *rules->end = pack;
    rules->end = &pack->next;
    return 0;
}

size_t hf_rules_count(const struct hf_rules *rules)
{
    size_t count = 0;
    for (const struct pack *pack = rules->packs; pack; pack = pack->next) {
        count += pack->count;
    }
    return count;
}

const char *hf_rules_name(const struct hf_rules *rules, size_t index)
{
    for (const struct pack *pack = rules->packs; pack; pack = pack->next) {
        if (index < pack->count) {
            return pack->rules[index].full_name;
        }
        index -= pack->count;
    }
    return NULL;
}

bool hf_rules_has_pack(const struct hf_rules *rules, const char *name)
{
    for (const struct pack *pack = rules->packs; pack; pack = pack->next) {
        if (strcmp(pack->name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool hf_rules_is_pack(const struct hf_value *document)
{
    return hf_value_get(document, "rules") && hf_value_get(document, "pack") && !hf_value_get(document, "apiVersion");
}

static void take(const struct rule *rule, enum hf_decided what, const struct asked *asked, struct hf_decision *out)
{
    out->by[what] = rule->full_name;
    switch (what) {
    case HF_BY_ACTION:
        out->action = rule->action;
        out->names_kind = hf_rule_names_kind(&rule->match, asked);
        break;
    case HF_BY_SEVERITY:
        out->severity = rule->severity;
        break;
    case HF_BY_ADDED:
        out->added = rule->added;
        break;
    case HF_BY_GRACE:
        out->grace_ms = rule->grace_ms;
        break;
    case HF_BY_LIMITS:
        out->limit_times = rule->limit_times;
        out->limit_within_ms = rule->limit_within_ms;
        break;
    case HF_BY_WINDOWS:
        if (asked->question->now_ms != HF_TIME_NONE) {
            out->held_now = hf_windows_hold(&rule->only, &rule->hold, asked->question->now_ms, &out->held_until_ms);
        }
        break;
    case HF_BY_APPLY:
        out->apply_by = rule->apply_by;
        break;
    }
}

void hf_rules_decide(const struct hf_rules *rules, const struct hf_rule_question *question, struct hf_decision *out)
{
    struct asked asked;
    *out = (struct hf_decision){.action = HF_ACT_CORRECT,
                                .severity = HF_SEVERITY_WARNING,
                                .added = HF_ADDED_REPORT,
                                .held_until_ms = HF_TIME_NONE};
    if (!rules) {
        return;
    }
    hf_rule_prepare(&asked, question);
    for (const struct pack *pack = rules->packs; pack; pack = pack->next) {
        const struct rule *rule = pack->rules;
        const struct rule *end = rule + pack->count;
        while (rule < end && !hf_rule_matches(&rule->match, &asked)) {
            rule++;
        }
        for (enum hf_decided what = 0; rule < end && what < HF_DECIDED_COUNT; what++) {
            if ((rule->sets >> what & 1u) && !out->by[what]) {
                take(rule, what, &asked, out);
                out->rule = out->rule ? out->rule : rule->full_name;
            }
        }
    }
}

enum hf_weight hf_decision_weight(const struct hf_finding *finding, const struct hf_decision *decision)
{
    if (finding->class == HF_DEFAULTED || decision->action == HF_ACT_IGNORE) {
        return HF_WEIGHT_NONE;
    }
    if (finding->class == HF_EXTRA_FIELD && decision->added != HF_ADDED_STRICT) {
        return decision->added == HF_ADDED_REPORT ? HF_WEIGHT_REPORT : HF_WEIGHT_NONE;
    }
    return decision->action == HF_ACT_OBSERVE || decision->action == HF_ACT_ACCEPT ? HF_WEIGHT_HOLD : HF_WEIGHT_CORRECT;
}
