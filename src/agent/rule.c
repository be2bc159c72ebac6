/* What the rules make of a judgement: which findings count, how grave it is, whether it may be put back. */
#include <stdio.h>
#include <string.h>

#include "state.h"

static const char *label_of(const void *ctx, const char *name)
{
    return hf_unit_label(ctx, name);
}

static struct hf_rule_subject subject_of(const struct object *object)
{
    return (struct hf_rule_subject){.target = object->target->name,
                                    .space = object->unit->space,
                                    .unit = object->unit->slug,
                                    .group = object->group,
                                    .kind = object->kind,
                                    .namespace = object->namespace,
                                    .name = object->name,
                                    .label = label_of,
                                    .label_ctx = object->unit};
}

static void weigh(struct object *object, const struct hf_decision *decision)
{
    if (!object->rule || decision->severity > object->severity) {
        object->severity = decision->severity;
        object->rule = decision->rule;
    }
}

static void hold(struct object *object, const char *rule, const char *path)
{
    object->is_held = true;
    (void)snprintf(object->hold_reason, sizeof object->hold_reason, "rule %s leaves %.200s as it is", rule, path);
}

bool hf_agent_weigh_whole(struct hf_agent *agent, struct object *object)
{
    struct hf_rule_subject subject = subject_of(object);
    struct hf_decision decision;
    hf_rules_decide(agent->rules, &subject, NULL, &decision);
    object->is_held = false;
    object->severity = decision.severity;
    object->rule = decision.rule;
    if (decision.action != HF_ACT_CORRECT) {
        hold(object, decision.rule, object->name);
    }
    return decision.action != HF_ACT_IGNORE;
}

bool hf_agent_weigh(struct hf_agent *agent, struct object *object, struct hf_arena *arena,
                    struct hf_judgement *judgement)
{
    struct hf_rule_subject subject = subject_of(object);
    struct hf_finding *kept = hf_arena_array(arena, judgement->count, sizeof *kept);
    size_t count = 0;
    const struct hf_finding *overwritten = NULL;
    const char *keeper = NULL;
    if (!kept) {
        agent->lacks_memory = true;
        return true; /* without room to leave any out, all count */
    }
    object->is_held = false;
    object->rule = NULL;
    object->severity = HF_SEVERITY_INFO;
    for (size_t i = 0; i < judgement->count; i++) {
        const struct hf_finding *finding = &judgement->findings[i];
        struct hf_decision decision;
        hf_rules_decide(agent->rules, &subject, finding, &decision);
        if (decision.action == HF_ACT_IGNORE) {
            /* An apply of the whole unit would overwrite what the rule promises to leave. */
            if (finding->class != HF_EXTRA_FIELD && finding->class != HF_DEFAULTED) {
                overwritten = finding;
                keeper = decision.rule;
            }
            continue;
        }
        if (decision.action == HF_ACT_OBSERVE) {
            hold(object, decision.rule, finding->readable);
        }
        weigh(object, &decision);
        kept[count++] = *finding;
    }
    judgement->findings = kept;
    judgement->count = count;
    if (count > 0 && overwritten && !object->is_held) {
        hold(object, keeper, overwritten->readable);
    }
    return count > 0;
}

int hf_agent_rules(struct hf_agent *agent, const struct hf_rules *rules, struct hf_error *err)
{
    agent->rules = rules;
    for (struct target *target = agent->targets; target; target = target->next) {
        size_t cursor = 0;
        void *value;
        while (hf_map_next(target->objects, &cursor, NULL, &value)) {
            ((struct object *)value)->rule = NULL; /* it pointed into the old rules */
            ((struct object *)value)->has_in_sync = false;
        }
        hf_agent_list_anew(agent, target);
    }
    return hf_agent_leave(agent, err);
}
