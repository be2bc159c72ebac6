/* What the rules make of what `check` has found: the same as the agent would. */
#include "check.h"

#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/rules.h"

static const char *label_of(const void *ctx, const char *name)
{
    return hf_unit_label(ctx, name);
}

static const char *group_of(struct check_object *object)
{
    const char *slash = strchr(object->api_version, '/');
    size_t len = slash ? (size_t)(slash - object->api_version) : 0;
    const char *group = hf_arena_copy(object->arena, object->api_version, len);
    return group ? group : "";
}

static int weigh_findings(struct check_object *object, struct hf_rule_question *question, struct hf_error *err)
{
    struct hf_judgement *judgement = &object->judgement;
    struct hf_finding *kept = hf_arena_array(object->arena, judgement->count, sizeof *kept);
    struct hf_decision *decisions = hf_arena_array(object->arena, judgement->count, sizeof *decisions);
    size_t count = 0;
    if (!kept || !decisions) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < judgement->count; i++) {
        struct hf_decision decision;
        question->finding = &judgement->findings[i];
        hf_rules_decide(object->target->check->rules, question, &decision);
        enum hf_weight weight = hf_decision_weight(question->finding, &decision);
        object->reported += weight == HF_WEIGHT_REPORT;
        if (weight == HF_WEIGHT_HOLD || weight == HF_WEIGHT_CORRECT) {
            kept[count] = *question->finding;
            decisions[count++] = decision;
        }
    }
    judgement->findings = kept;
    judgement->count = count;
    object->decisions = object->own_decisions = decisions;
    object->own_findings = kept;
    if (count == 0) {
        judgement->verdict = HF_IN_SYNC;
    }
    return 0;
}

int check_weigh(struct check_object *object, struct hf_error *err)
{
    struct hf_rule_subject subject = {.target = object->target->name,
                                      .space = object->unit->space,
                                      .unit = object->unit->slug,
                                      .group = group_of(object),
                                      .kind = object->kind,
                                      .namespace = object->namespace,
                                      .name = object->name,
                                      .label = label_of,
                                      .label_ctx = object->unit};
    struct hf_rule_question question = {.subject = &subject, .verdict = HF_MISSING, .now_ms = hf_now_ms()};
    if (object->judgement.verdict == HF_DRIFTED) {
        return weigh_findings(object, &question, err);
    }
    if (object->judgement.verdict == HF_MISSING) {
        struct hf_decision decision;
        hf_rules_decide(object->target->check->rules, &question, &decision);
        if (decision.action == HF_ACT_IGNORE) {
            object->judgement.verdict = HF_IN_SYNC;
        }
    }
    return 0;
}
