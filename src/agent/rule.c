/* What becomes of a judgement: which findings count, how grave it is, what is put back now, later or never. */
#include <stdio.h>
#include <string.h>

#include "state.h"

#define NO_END_MS 3600000 /* a window without an end in sight is looked at again so often */

struct weighing {
    struct hf_agent *agent;
    struct object *object;
    struct hf_arena *arena;
    const struct hf_value *live;
    struct hf_rule_subject subject;
    int64_t wall_ms;
    int64_t mono_ms;
    struct hf_finding *shown;
    enum outcome *outcomes;
    size_t count;
    const struct hf_finding **kept; /* stay as live has them */
    size_t kept_count;
    size_t now;
    size_t later;
    size_t apply;   /* of those to be put back now: an apply is needed for them */
    size_t accepts; /* of those that are held: a rule accepts them */
    const char *accept_rule;
    bool awaits;     /* autoscalers are not known yet */
    bool only_grace; /* all that is put off is given time to come right by itself */
    int64_t review_ms;
    char keeper[160];
    struct hf_buf reason; /* of the first that is put off */
    struct hf_buf hold;   /* of the first that is held */
    struct hf_buf note;   /* what was added and is only recorded */
};

static const char *label_of(const void *ctx, const char *name)
{
    return hf_unit_label(ctx, name);
}

struct hf_rule_subject hf_agent_subject(const struct object *object)
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

static void take_severity(struct object *object, const struct hf_decision *decision)
{
    if (!object->rule || decision->severity > object->severity) {
        object->severity = decision->severity;
        object->rule = decision->rule;
    }
}

static void add_clock(struct hf_buf *out, int64_t at_ms)
{
    char text[HF_TIME_TEXT];
    hf_time_format(at_ms, text);
    hf_buf_addf(out, "%.16sZ", text);
}

static void review_at(struct weighing *weighing, int64_t mono_ms)
{
    if (weighing->review_ms == 0 || mono_ms < weighing->review_ms) {
        weighing->review_ms = mono_ms;
    }
}

/* Not now: the first reason is the one that is told. */
static void put_off(struct weighing *weighing, int64_t until_ms, bool is_grace, struct hf_buf *reason)
{
    review_at(weighing, until_ms);
    if (weighing->only_grace && !is_grace) {
        hf_buf_clear(&weighing->reason);
    }
    weighing->only_grace = is_grace && (weighing->later == 0 || weighing->only_grace);
    if (weighing->reason.len == 0) {
        hf_buf_adds(&weighing->reason, hf_buf_text(reason));
    }
}

static bool waits_for_person(struct weighing *weighing)
{
    const struct hf_pause *pause = hf_agent_pause_of(weighing->agent, weighing->object);
    int64_t wait = NO_END_MS;
    hf_auto_buf struct hf_buf reason = {0};
    weighing->object->is_paused = pause != NULL;
    if (!pause) {
        return false;
    }
    hf_buf_adds(&reason, "paused by ");
    hf_buf_add_safe(&reason, hf_slice_of(pause->by), 60);
    if (pause->until_ms != HF_TIME_NONE) {
        hf_buf_adds(&reason, " until ");
        add_clock(&reason, pause->until_ms);
        wait = pause->until_ms - weighing->wall_ms;
    }
    hf_buf_adds(&reason, ": ");
    hf_buf_add_safe(&reason, hf_slice_of(pause->reason), 160);
    put_off(weighing, weighing->mono_ms + (wait > 0 ? wait : 0) + 1, false, &reason);
    return true;
}

static bool waits_for_window(struct weighing *weighing, const struct hf_decision *decision)
{
    if (!decision->held_now) {
        return false;
    }
    hf_auto_buf struct hf_buf reason = {0};
    int64_t wait = NO_END_MS;
    hf_buf_addf(&reason, "rule %s holds corrections back", decision->by[HF_BY_WINDOWS]);
    if (decision->held_until_ms != HF_TIME_NONE) {
        hf_buf_adds(&reason, " until ");
        add_clock(&reason, decision->held_until_ms);
        wait = decision->held_until_ms - weighing->wall_ms;
    }
    put_off(weighing, weighing->mono_ms + (wait > 0 ? wait : 1) + 1, false, &reason);
    return true;
}

static bool waits_for_peace(struct weighing *weighing, const struct path_log *log, const char *manager)
{
    int64_t until = hf_agent_path_blocked_until(log, weighing->mono_ms);
    if (until == 0) {
        return false;
    }
    hf_auto_buf struct hf_buf reason = {0};
    char within[HF_TIME_TEXT];
    hf_duration_format(log->limit_within_ms, within);
    hf_buf_addf(&reason, "put back %u times within %s, and changed again each time%s", log->limit_times, within,
                manager ? ", last by " : "");
    hf_buf_add_safe(&reason, hf_slice_of(manager), 128);
    hf_buf_addf(&reason, "; held by %s", weighing->object->target->manager);
    put_off(weighing, until, false, &reason);
    return true;
}

static bool waits_for_grace(struct weighing *weighing, const struct path_log *log, const struct hf_decision *decision)
{
    int64_t until = log->since_ms + decision->grace_ms;
    if (decision->grace_ms <= 0 || until <= weighing->mono_ms) {
        return false;
    }
    hf_auto_buf struct hf_buf reason = {0};
    char grace[HF_TIME_TEXT];
    hf_duration_format(decision->grace_ms, grace);
    hf_buf_addf(&reason, "rule %s gives it %s to come right by itself", decision->by[HF_BY_GRACE], grace);
    put_off(weighing, until, true, &reason);
    return true;
}

/* When a path is put back that may be. manager: who changed it, NULL when not known. */
static enum outcome when(struct weighing *weighing, const char *path, const char *manager,
                         const struct hf_decision *decision)
{
    struct object *object = weighing->object;
    struct path_log *log = hf_agent_path(object, path);
    if (!log) {
        return OUTCOME_NOW; /* no room to remember: no fight can be told, drift is put back all the same */
    }
    if (log->pass == 0 || log->pass + 1 < object->judgements) {
        log->since_ms = weighing->mono_ms;
    }
    log->pass = object->judgements;
    log->limit_times = decision->limit_times ? decision->limit_times : object->target->fight_times;
    log->limit_within_ms = decision->limit_times ? decision->limit_within_ms : object->target->fight_within_ms;
    bool is_drift = !object->desired_changed && (weighing->live || object->was_known);
    if (waits_for_person(weighing)) {
        return OUTCOME_LATER;
    }
    if (hf_agent_is_pushed(weighing->agent, object)) {
        return OUTCOME_NOW;
    }
    if (waits_for_window(weighing, decision) ||
        (is_drift && (waits_for_peace(weighing, log, manager) || waits_for_grace(weighing, log, decision)))) {
        return OUTCOME_LATER;
    }
    return OUTCOME_NOW;
}

static void keep_as_live(struct weighing *weighing, const struct hf_finding *finding, const char *rule)
{
    weighing->kept[weighing->kept_count++] = finding;
    if (!weighing->keeper[0]) {
        (void)snprintf(weighing->keeper, sizeof weighing->keeper, "%s", rule ? rule : "a rule");
    }
}

static void show(struct weighing *weighing, const struct hf_finding *finding, enum outcome outcome)
{
    weighing->shown[weighing->count] = *finding;
    weighing->outcomes[weighing->count++] = outcome;
    weighing->now += outcome == OUTCOME_NOW;
    weighing->later += outcome == OUTCOME_LATER;
    weighing->apply += outcome == OUTCOME_NOW && !finding->unowned && finding->class != HF_EXTRA_FIELD;
}

static void report(struct weighing *weighing, const struct hf_finding *finding)
{
    if (weighing->note.len > 250) {
        return;
    }
    hf_buf_adds(&weighing->note, weighing->note.len == 0 ? "also holds what the unit does not set: " : ", ");
    hf_buf_add_safe(&weighing->note, hf_slice_of(finding->readable), 120);
    if (finding->manager) {
        hf_buf_adds(&weighing->note, " (");
        hf_buf_add_safe(&weighing->note, hf_slice_of(finding->manager), 60);
        hf_buf_addc(&weighing->note, ')');
    }
}

static void hold(struct weighing *weighing, const struct hf_finding *finding, const struct hf_decision *decision)
{
    if (weighing->hold.len == 0) {
        hf_buf_addf(&weighing->hold, "rule %s %s ", decision->by[HF_BY_ACTION] ? decision->by[HF_BY_ACTION] : "-",
                    decision->action == HF_ACT_ACCEPT ? "accepts" : "leaves");
        hf_buf_add_safe(&weighing->hold, hf_slice_of(finding->readable), 160);
        hf_buf_adds(&weighing->hold, " as it is");
    }
}

/* An autoscaler may own it, and we may not ask: to put it back could be an outage. */
static void hold_for_autoscaler(struct weighing *weighing, const struct hf_finding *finding, const char *problem)
{
    if (weighing->hold.len == 0) {
        hf_buf_add_safe(&weighing->hold, hf_slice_of(finding->readable), 160);
        hf_buf_addf(&weighing->hold, " may be an autoscaler's, and autoscalers can't be read: %s", problem);
    }
    keep_as_live(weighing, finding, "an autoscaler");
    show(weighing, finding, OUTCOME_HOLD);
}

static void take_accept(struct weighing *weighing, const struct hf_decision *decision)
{
    if (decision->action == HF_ACT_ACCEPT) {
        weighing->accepts++;
        weighing->accept_rule = decision->by[HF_BY_ACTION];
        weighing->object->accept_after_ms = decision->grace_ms;
    }
}

/* The strictest of what is put back together. */
static void take_apply_by(struct object *object, enum hf_apply_by by)
{
    if (by == HF_APPLY_BY_CONFIGHUB_ONLY || object->apply_by == HF_APPLY_BY_TARGET ||
        (by == HF_APPLY_BY_DIRECT && object->apply_by == HF_APPLY_BY_CONFIGHUB)) {
        object->apply_by = by;
    }
}

static void weigh_one(struct weighing *weighing, const struct hf_finding *finding)
{
    struct hf_rule_question question = {.subject = &weighing->subject,
                                        .finding = finding,
                                        .user = hf_agent_user_of(weighing->object),
                                        .now_ms = weighing->wall_ms};
    struct hf_decision decision;
    const char *autoscaler = NULL;
    if (strcmp(finding->path, "/metadata/annotations/holdfast.dev~1held-by") == 0) {
        return; /* ours */
    }
    enum owned owned = hf_agent_autoscaled(weighing->object, weighing->live, finding, &autoscaler);
    if (owned == OWNED_YES || owned == OWNED_NOT_KNOWN) {
        weighing->awaits |= owned == OWNED_NOT_KNOWN;
        keep_as_live(weighing, finding, autoscaler);
        return;
    }
    hf_rules_decide(weighing->agent->rules, &question, &decision);
    hf_rules_fired(weighing->agent->rules, &decision);
    enum hf_weight weight = hf_decision_weight(finding, &decision);
    if (owned == OWNED_NOT_TOLD && weight == HF_WEIGHT_CORRECT) {
        take_severity(weighing->object, &decision);
        hold_for_autoscaler(weighing, finding, autoscaler);
        return;
    }
    if (weight == HF_WEIGHT_NONE || weight == HF_WEIGHT_REPORT) {
        keep_as_live(weighing, finding, decision.by[HF_BY_ACTION]);
        if (weight == HF_WEIGHT_REPORT) {
            report(weighing, finding);
        }
        return;
    }
    take_severity(weighing->object, &decision);
    enum outcome outcome =
        weight == HF_WEIGHT_HOLD ? OUTCOME_HOLD : when(weighing, finding->path, finding->manager, &decision);
    if (weight == HF_WEIGHT_HOLD) {
        hold(weighing, finding, &decision);
        take_accept(weighing, &decision);
    } else if (decision.action == HF_ACT_RECREATE && hf_agent_may_delete(weighing->object, &decision, NULL)) {
        weighing->object->may_recreate = true;
    }
    if (outcome != OUTCOME_NOW) {
        keep_as_live(weighing, finding, decision.by[HF_BY_ACTION]);
    }
    if (outcome == OUTCOME_NOW) {
        take_apply_by(weighing->object, decision.apply_by);
    }
    show(weighing, finding, outcome);
}

static void set_hold(struct object *object, bool held, bool later, const struct hf_buf *reason)
{
    object->is_held = held;
    object->is_later = later;
    object->hold_reason[0] = '\0';
    if (held || later) {
        (void)snprintf(object->hold_reason, sizeof object->hold_reason, "%s", hf_buf_text(reason));
    }
}

static bool puts_back_replicas(const struct weighing *weighing)
{
    for (size_t i = 0; i < weighing->count; i++) {
        if (weighing->outcomes[i] == OUTCOME_NOW && strcmp(weighing->shown[i].path, "/spec/replicas") == 0) {
            return true;
        }
    }
    return false;
}

/* An autoscaler may write between the judgement and the apply: what it owns is said as it was seen, and refused by the
 * server if it has moved on. */
static const struct hf_finding *autoscaled_replicas(struct weighing *weighing)
{
    const struct hf_value *replicas = hf_value_path(weighing->live, "spec", "replicas", NULL);
    const struct hf_value *desired = weighing->object->unit->documents[weighing->object->document].value;
    if (!replicas || !hf_value_path(desired, "spec", "replicas", NULL) || !hf_agent_has_horizontal(weighing->object) ||
        puts_back_replicas(weighing)) {
        return NULL;
    }
    struct hf_finding *finding = hf_arena_array(weighing->arena, 1, sizeof *finding);
    if (finding) {
        *finding = (struct hf_finding){.path = "/spec/replicas",
                                       .desired_path = "/spec/replicas",
                                       .readable = "spec.replicas",
                                       .class = HF_CHANGED,
                                       .live = "",
                                       .at_ms = HF_TIME_NONE};
    }
    return finding;
}

/* What is sent: the unit's own content, or, where something must stay as it is, the unit with that in it. */
static int plan_send(struct weighing *weighing, struct hf_error *err)
{
    struct object *object = weighing->object;
    bool has_replicas = false;
    object->mend_is_all = weighing->apply == 0;
    if (weighing->now == 0 || object->mend_is_all) {
        return 0;
    }
    size_t overwritten = 0;
    for (size_t i = 0; i < weighing->kept_count; i++) {
        overwritten += !weighing->kept[i]->unowned && weighing->kept[i]->class != HF_EXTRA_FIELD;
        has_replicas |= strcmp(weighing->kept[i]->path, "/spec/replicas") == 0;
    }
    const struct hf_finding *replicas = has_replicas ? NULL : autoscaled_replicas(weighing);
    if (replicas) {
        weighing->kept[weighing->kept_count++] = replicas;
        overwritten++;
    }
    if (overwritten == 0) {
        return 0;
    }
    const struct hf_value *send;
    const struct hf_value *desired = object->unit->documents[object->document].value;
    if (hf_drift_keep(weighing->arena, desired, weighing->live, weighing->kept, weighing->kept_count, &send, err) !=
        0) {
        return -1;
    }
    if (!send) {
        weighing->now = 0;
        hf_buf_clear(&weighing->hold);
        hf_buf_addf(&weighing->hold, "what %s keeps as it is can't be kept by an apply of the rest", weighing->keeper);
        for (size_t i = 0; i < weighing->count; i++) {
            weighing->outcomes[i] = OUTCOME_HOLD;
        }
        return 0;
    }
    struct hf_buf text = {0};
    hf_json_write(&text, send);
    object->send = hf_buf_take(&text);
    return object->send ? 0 : hf_error_set(err, HF_ENOMEM, "plan a correction: out of memory");
}

static void forget_plan(struct object *object)
{
    object->judgements++;
    free(object->send);
    free(object->mend);
    free(object->note);
    object->send = object->mend = object->note = NULL;
    object->mend_is_all = false;
    object->may_recreate = false;
    object->apply_by = HF_APPLY_BY_TARGET;
    object->accept_rule = NULL;
    object->review_ms = 0;
    object->awaits_autoscalers = false;
    object->rule = NULL;
    object->severity = HF_SEVERITY_INFO;
}

static bool begin(struct weighing *weighing, size_t count)
{
    struct hf_arena *arena = weighing->arena;
    weighing->subject = hf_agent_subject(weighing->object);
    weighing->wall_ms = weighing->agent->effects.now_ms(weighing->agent->effects.ctx);
    weighing->mono_ms = weighing->agent->effects.mono_ms(weighing->agent->effects.ctx);
    weighing->shown = hf_arena_array(arena, count, sizeof *weighing->shown);
    weighing->outcomes = hf_arena_array(arena, count, sizeof *weighing->outcomes);
    weighing->kept = hf_arena_array(arena, count + 1, sizeof *weighing->kept);
    return weighing->shown && weighing->outcomes && weighing->kept;
}

static int finish(struct weighing *weighing, struct hf_judgement *judgement, struct hf_error *err)
{
    struct object *object = weighing->object;
    hf_agent_paths_sweep(object);
    if (plan_send(weighing, err) != 0) {
        return -1;
    }
    object->awaits_autoscalers = weighing->awaits;
    object->review_ms = weighing->review_ms;
    object->outcomes = weighing->outcomes;
    bool later = weighing->now == 0 && weighing->later > 0;
    set_hold(object, weighing->now == 0 && !later && weighing->count > 0, later,
             later ? &weighing->reason : &weighing->hold);
    object->is_grace = later && weighing->only_grace;
    object->accept_rule = weighing->count > 0 && weighing->accepts == weighing->count ? weighing->accept_rule : NULL;
    if (weighing->note.len > 0) {
        object->note = hf_strdup(hf_buf_text(&weighing->note));
    }
    judgement->findings = weighing->shown;
    judgement->count = weighing->count;
    return 0;
}

int hf_agent_weigh(struct hf_agent *agent, struct object *object, struct hf_arena *arena, const struct hf_value *live,
                   struct hf_judgement *judgement, struct hf_error *err)
{
    struct weighing weighing = {.agent = agent, .object = object, .arena = arena, .live = live};
    int result = 0;
    forget_plan(object);
    if (!begin(&weighing, judgement->count)) {
        return hf_error_set(err, HF_ENOMEM, "weigh what was found: out of memory");
    }
    for (size_t i = 0; i < judgement->count; i++) {
        weigh_one(&weighing, &judgement->findings[i]);
    }
    result = finish(&weighing, judgement, err);
    hf_buf_free(&weighing.reason);
    hf_buf_free(&weighing.hold);
    hf_buf_free(&weighing.note);
    return result;
}

const char *hf_agent_user_of(const struct object *object)
{
    return object->incident.open && object->incident.user[0] ? object->incident.user : NULL;
}

bool hf_agent_weigh_whole(struct hf_agent *agent, struct object *object, enum hf_verdict verdict)
{
    struct weighing weighing = {.agent = agent,
                                .object = object,
                                .subject = hf_agent_subject(object),
                                .wall_ms = agent->effects.now_ms(agent->effects.ctx),
                                .mono_ms = agent->effects.mono_ms(agent->effects.ctx)};
    struct hf_rule_question question = {
        .subject = &weighing.subject, .verdict = verdict, .user = hf_agent_user_of(object), .now_ms = weighing.wall_ms};
    struct hf_decision decision;
    hf_rules_decide(agent->rules, &question, &decision);
    hf_rules_fired(agent->rules, &decision);
    forget_plan(object);
    object->severity = decision.severity;
    object->rule = decision.rule;
    object->apply_by = decision.apply_by;
    bool held =
        decision.action == HF_ACT_OBSERVE || decision.action == HF_ACT_IGNORE || decision.action == HF_ACT_ACCEPT;
    bool later = false;
    if (held) {
        hf_buf_addf(&weighing.hold, "rule %s leaves %s as it is", decision.by[HF_BY_ACTION], object->name);
    } else if (verdict != HF_TERMINATING) {
        later = when(&weighing, "", object->incident.manager[0] ? object->incident.manager : NULL, &decision) ==
                OUTCOME_LATER;
    }
    hf_agent_paths_sweep(object);
    set_hold(object, held, later, held ? &weighing.hold : &weighing.reason);
    object->is_grace = later && weighing.only_grace;
    object->review_ms = weighing.review_ms;
    hf_buf_free(&weighing.reason);
    hf_buf_free(&weighing.hold);
    return decision.action != HF_ACT_IGNORE;
}

#define PRUNE_GRACE_MS 60000 /* a unit may only have moved from one file, or space, to another */
#define PRUNE_TIMES 10
#define PRUNE_WITHIN_MS 600000

static bool waits_for_prunes(struct weighing *weighing, const struct hf_decision *decision)
{
    struct path_log *log = &weighing->object->target->prunes;
    log->limit_times = decision->limit_times ? decision->limit_times : PRUNE_TIMES;
    log->limit_within_ms = decision->limit_times ? decision->limit_within_ms : PRUNE_WITHIN_MS;
    int64_t until = hf_agent_path_blocked_until(log, weighing->mono_ms);
    if (until == 0) {
        return false;
    }
    hf_auto_buf struct hf_buf reason = {0};
    char within[HF_TIME_TEXT];
    hf_duration_format(log->limit_within_ms, within);
    hf_buf_addf(&reason, "%u objects of %s were pruned within %s, the limit", log->limit_times,
                weighing->object->target->name, within);
    put_off(weighing, until, false, &reason);
    return true;
}

void hf_agent_weigh_extra(struct hf_agent *agent, struct object *object)
{
    struct weighing weighing = {.agent = agent,
                                .object = object,
                                .subject = hf_agent_subject(object),
                                .wall_ms = agent->effects.now_ms(agent->effects.ctx),
                                .mono_ms = agent->effects.mono_ms(agent->effects.ctx)};
    struct hf_rule_question question = {.subject = &weighing.subject, .verdict = HF_EXTRA, .now_ms = weighing.wall_ms};
    struct hf_decision decision;
    const char *why = NULL;
    hf_rules_decide(agent->rules, &question, &decision);
    hf_rules_fired(agent->rules, &decision);
    forget_plan(object);
    object->severity = decision.severity;
    object->rule = decision.rule;
    bool held = decision.action != HF_ACT_PRUNE || !hf_agent_may_delete(object, &decision, &why);
    bool later = false;
    if (held) {
        hf_buf_addf(&weighing.hold, "no unit holds it any more; it is not pruned: %s", why ? why : "no rule says so");
    } else {
        struct path_log *log = hf_agent_path(object, "");
        if (log && log->pass + 1 != object->judgements) {
            log->since_ms = weighing.mono_ms;
        }
        if (log) {
            log->pass = object->judgements;
        }
        decision.grace_ms = decision.grace_ms > 0 ? decision.grace_ms : PRUNE_GRACE_MS;
        decision.by[HF_BY_GRACE] = decision.by[HF_BY_GRACE] ? decision.by[HF_BY_GRACE] : decision.by[HF_BY_ACTION];
        later = !log || waits_for_person(&weighing) || waits_for_window(&weighing, &decision) ||
                waits_for_prunes(&weighing, &decision) || waits_for_grace(&weighing, log, &decision);
    }
    set_hold(object, held, later, held ? &weighing.hold : &weighing.reason);
    object->is_grace = later && weighing.only_grace;
    object->review_ms = weighing.review_ms;
    hf_buf_free(&weighing.reason);
    hf_buf_free(&weighing.hold);
}

int hf_agent_rules(struct hf_agent *agent, const struct hf_rules *rules, struct hf_error *err)
{
    agent->rules = rules;
    for (struct target *target = agent->targets; target; target = target->next) {
        size_t cursor = 0;
        void *value;
        while (hf_map_next(target->objects, &cursor, NULL, &value)) {
            ((struct object *)value)->rule = NULL; /* they pointed into the old rules */
            ((struct object *)value)->accept_rule = NULL;
            ((struct object *)value)->has_in_sync = false;
        }
        hf_agent_list_anew(agent, target);
    }
    return hf_agent_leave(agent, err);
}
