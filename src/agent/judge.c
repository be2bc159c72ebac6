/* A live form becomes a verdict; verdicts open and close incidents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

void hf_agent_clear_findings(struct object *object)
{
    hf_arena_free(object->findings_arena);
    object->findings_arena = NULL;
    object->findings = NULL;
    object->finding_count = 0;
}

void hf_agent_set_verdict(struct hf_agent *agent, struct object *object, enum hf_verdict verdict, const char *reason)
{
    bool same_reason =
        (!reason && !object->reason) || (reason && object->reason && strcmp(reason, object->reason) == 0);
    if (object->verdict == verdict && same_reason) {
        return;
    }
    if (object->verdict != verdict) {
        object->since_ms = agent->effects.now_ms(agent->effects.ctx);
    }
    object->verdict = verdict;
    free(object->reason);
    object->reason = hf_strdup(reason);
    hf_agent_keep_row(agent, object, false);
    agent->effects.changed(agent->effects.ctx);
}

/* Sortable by time, short enough to say on the phone: 20260301-093000-1a2b3c4d. */
static void make_id(struct hf_agent *agent, char out[HF_INCIDENT_ID])
{
    char time[HF_TIME_TEXT];
    hf_time_format(agent->effects.now_ms(agent->effects.ctx), time);
    (void)snprintf(out, HF_INCIDENT_ID, "%.4s%.2s%.2s-%.2s%.2s%.2s-%08x", time, time + 5, time + 8, time + 11,
                   time + 14, time + 17, agent->effects.random(agent->effects.ctx));
}

static int digest_findings(struct hf_agent *agent, const struct object *object, struct hf_digest *out,
                           struct hf_error *err)
{
    char verdict = (char)object->verdict;
    if (hf_hasher_add(agent->hasher, &verdict, 1, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < object->finding_count; i++) {
        const char *parts[] = {object->findings[i].path, object->findings[i].desired, object->findings[i].live};
        for (size_t j = 0; j < 3; j++) {
            if (hf_hasher_add(agent->hasher, parts[j] ? parts[j] : "\x01", parts[j] ? strlen(parts[j]) + 1 : 2, err) !=
                0) {
                return -1;
            }
        }
    }
    return hf_hasher_finish(agent->hasher, out, err);
}

static const char *kind_and_name(const struct object *object, struct hf_buf *out)
{
    hf_buf_addf(out, "%s ", object->kind);
    if (object->namespace) {
        hf_buf_addf(out, "%s/", object->namespace);
    }
    hf_buf_adds(out, object->name);
    return hf_buf_text(out);
}

static void add_value(struct hf_buf *out, const char *json, const char *absent)
{
    if (!json) {
        hf_buf_adds(out, absent);
        return;
    }
    hf_buf_add_safe(out, hf_slice_of(json), 120);
}

/* What is wrong in one sentence: "Deployment dev/web: spec.replicas is 10, should be 3, and 2 more". */
static void describe(const struct object *object, struct hf_buf *out)
{
    (void)kind_and_name(object, out);
    if (object->verdict == HF_MISSING) {
        hf_buf_adds(out, object->was_known ? " is gone from the cluster" : " is not in the cluster yet");
    } else if (object->verdict == HF_TERMINATING) {
        hf_buf_adds(out, " is being deleted");
    } else if (object->verdict == HF_EXTRA) {
        hf_buf_addf(out, " is held by no unit any more (it was by %s)", object->unit->slug);
    } else if (object->finding_count > 0) {
        const struct hf_finding *finding = &object->findings[0];
        hf_buf_adds(out, ": ");
        hf_buf_add_safe(out, hf_slice_of(finding->readable), 200);
        hf_buf_adds(out, finding->live ? " is " : " is gone");
        if (finding->live) {
            add_value(out, finding->live, "");
        }
        hf_buf_adds(out, ", should be ");
        add_value(out, finding->desired, "absent");
        if (object->finding_count > 1) {
            hf_buf_addf(out, ", and %zu more", object->finding_count - 1);
        }
    }
}

static void note_author(struct incident *incident, const struct object *object)
{
    incident->manager[0] = incident->operation[0] = '\0';
    const struct hf_finding *latest = NULL;
    for (size_t i = 0; i < object->finding_count; i++) {
        const struct hf_finding *finding = &object->findings[i];
        if (finding->manager && (!latest || finding->at_ms > latest->at_ms)) {
            latest = finding;
        }
    }
    if (latest) {
        (void)snprintf(incident->manager, sizeof incident->manager, "%s", latest->manager);
        (void)snprintf(incident->operation, sizeof incident->operation, "%s",
                       latest->operation ? latest->operation : "");
    } else if (object->verdict == HF_MISSING || object->verdict == HF_TERMINATING) {
        (void)snprintf(incident->operation, sizeof incident->operation, "%s", incident->created ? "" : "Delete");
    }
}

static const char *opening_type(const struct object *object)
{
    return object->verdict == HF_EXTRA ? "extra.seen"
           : object->incident.created  ? "object.absent"
           : object->incident.rollout  ? "rollout.seen"
                                       : "drift.seen";
}

/* Opens an incident, or adds to the open one when what is found has changed. */
int hf_agent_note_drift(struct hf_agent *agent, struct object *object, int64_t drifted_ms, struct hf_error *err)
{
    struct incident *incident = &object->incident;
    struct hf_digest digest;
    if (digest_findings(agent, object, &digest, err) != 0) {
        return -1;
    }
    bool opens = !incident->open;
    if (opens) {
        *incident = (struct incident){.open = true,
                                      .seen_ms = agent->effects.now_ms(agent->effects.ctx),
                                      .drifted_ms = drifted_ms,
                                      .rollout = object->desired_changed,
                                      .revision = object->unit->revision,
                                      .created = object->verdict == HF_MISSING && !object->was_known};
        make_id(agent, incident->id);
    } else if (hf_digest_equal(&incident->findings, &digest)) {
        return 0;
    }
    /* An incident taken up from the trail has no digest yet: what it holds was recorded before the restart. */
    static const struct hf_digest NONE;
    bool taken_up = !opens && hf_digest_equal(&incident->findings, &NONE);
    incident->findings = digest;
    incident->is_prune = object->verdict == HF_EXTRA;
    incident->severity = object->severity;
    note_author(incident, object);
    hf_auto_buf struct hf_buf text = {0};
    describe(object, &text);
    (void)snprintf(incident->summary, sizeof incident->summary, "%s", hf_buf_text(&text));
    if (taken_up) {
        hf_agent_keep_row(agent, object, false);
        return 0;
    }
    if (hf_agent_is_drift(incident)) {
        hf_agent_attribute(agent, object, drifted_ms);
    } else {
        free(object->who);
        object->who = NULL;
    }
    bool corrects = hf_agent_corrects(agent, object) && !object->is_held;
    struct event_extra extra = {.manager = incident->manager,
                                .operation = incident->operation,
                                .drifted_ms = drifted_ms,
                                .corrected_ms = HF_TIME_NONE,
                                .alert = opens && !incident->created && (!corrects || !incident->rollout),
                                .correcting = corrects,
                                .with_findings = true};
    if (opens) {
        hf_agent_tally_opened(object);
    }
    incident->is_told |= extra.alert;
    hf_agent_say(agent, object, opens ? opening_type(object) : "drift.changed",
                 incident->created || incident->rollout ? "info" : hf_agent_severity(object), hf_buf_text(&text),
                 &extra);
    hf_agent_keep_row(agent, object, false);
    return 0;
}

/* A rollout that went well is no news, unless it was told that it did not. */
static bool is_heard_of(const struct incident *incident)
{
    return (!incident->created && !incident->rollout) || incident->is_told;
}

static void confirm(struct hf_agent *agent, struct object *object)
{
    struct incident *incident = &object->incident;
    int64_t now = agent->effects.now_ms(agent->effects.ctx);
    int64_t took = now > incident->seen_ms ? now - incident->seen_ms : 0;
    char duration[HF_TIME_TEXT];
    hf_duration_format(took, duration);
    hf_auto_buf struct hf_buf text = {0};
    (void)kind_and_name(object, &text);
    hf_buf_addf(&text, " %s, %s after it was seen",
                incident->created   ? "was created"
                : incident->rollout ? "was brought to the unit's new content"
                                    : "was put back",
                duration);
    if (!incident->created && !incident->rollout && incident->summary[0]) {
        hf_buf_addf(&text, " (%s)", incident->summary);
    }
    struct event_extra extra = {.manager = incident->manager,
                                .operation = incident->operation,
                                .drifted_ms = incident->drifted_ms,
                                .corrected_ms = now,
                                .alert = is_heard_of(incident)};
    hf_agent_say(agent, object, incident->created || incident->rollout ? "rollout.confirmed" : "correction.confirmed",
                 incident->created || incident->rollout ? "info" : hf_agent_severity(object), hf_buf_text(&text),
                 &extra);
    object->corrections++;
    object->last_correction_ms = took;
    if (incident->created || incident->rollout) {
        object->target->tally.rollouts++;
    } else {
        object->target->corrected++;
        hf_agent_count_time(object->target->histogram, &object->target->histogram_sum_ms, took);
    }
}

void hf_agent_close_incident(struct hf_agent *agent, struct object *object)
{
    struct incident *incident = &object->incident;
    if (!incident->open) {
        return;
    }
    hf_agent_tally_ended(agent, object, incident->applied ? NULL : &object->target->tally.healed);
    if (incident->applied) {
        confirm(agent, object);
    } else {
        object->target->tally.rollouts += incident->rollout;
        hf_auto_buf struct hf_buf text = {0};
        (void)kind_and_name(object, &text);
        hf_buf_adds(&text, " is right again, without a correction by holdfast");
        if (incident->revision > 0 && incident->revision < object->unit->revision) {
            hf_buf_addf(&text, ": revision %lld of unit %s says what is live", (long long)object->unit->revision,
                        object->unit->slug);
        }
        struct event_extra extra = {.manager = incident->manager,
                                    .operation = incident->operation,
                                    .drifted_ms = incident->drifted_ms,
                                    .corrected_ms = agent->effects.now_ms(agent->effects.ctx),
                                    .alert = is_heard_of(incident)};
        hf_agent_say(agent, object, incident->rollout ? "rollout.confirmed" : "drift.healed", "info",
                     hf_buf_text(&text), &extra);
    }
    incident->open = false;
}

void hf_agent_dismiss(struct hf_agent *agent, struct object *object, const char *why)
{
    if (!object->incident.open) {
        return;
    }
    hf_auto_buf struct hf_buf text = {0};
    (void)kind_and_name(object, &text);
    hf_buf_addf(&text, ": closed, %s", why);
    struct event_extra extra = {
        .drifted_ms = object->incident.drifted_ms, .corrected_ms = HF_TIME_NONE, .alert = object->incident.is_told};
    hf_agent_say(agent, object, "drift.dismissed", "info", hf_buf_text(&text), &extra);
    hf_agent_tally_ended(agent, object, &object->target->tally.dismissed);
    object->incident.open = false;
}

static void take_uid(struct hf_agent *agent, struct object *object, const struct hf_value *live)
{
    const char *uid = hf_value_text(hf_agent_metadata(live, "uid"));
    const char *rv = hf_value_text(hf_agent_metadata(live, "resourceVersion"));
    (void)snprintf(object->last_rv, sizeof object->last_rv, "%s", rv ? rv : "");
    if (!uid || strncmp(object->uid, uid, sizeof object->uid - 1) == 0) {
        return;
    }
    bool another =
        object->uid[0] || (object->known_uid[0] && strncmp(object->known_uid, uid, sizeof object->known_uid - 1) != 0);
    bool replaced = another && !object->incident.open;
    object->known_uid[0] = '\0';
    (void)snprintf(object->uid, sizeof object->uid, "%s", uid);
    object->was_known = true;
    if (replaced) {
        hf_auto_buf struct hf_buf text = {0};
        (void)kind_and_name(object, &text);
        hf_buf_adds(&text, " was deleted and created again by somebody else");
        struct event_extra extra = {.drifted_ms = HF_TIME_NONE, .corrected_ms = HF_TIME_NONE};
        hf_agent_say(agent, object, "object.recreated", "info", hf_buf_text(&text), &extra);
    }
    hf_agent_keep_row(agent, object, false);
}

/* What people should know of an object although it is in sync: told once for each content. */
static void tell_note(struct hf_agent *agent, struct object *object, const char *unit_problem)
{
    hf_auto_buf struct hf_buf note = {0};
    hf_buf_adds(&note, unit_problem);
    if (object->note) {
        hf_buf_adds(&note, note.len > 0 ? "; " : "");
        hf_buf_adds(&note, object->note);
    }
    hf_agent_set_verdict(agent, object, HF_IN_SYNC, note.len > 0 ? hf_buf_text(&note) : NULL);
    if (strcmp(hf_buf_text(&note), object->told_note ? object->told_note : "") == 0) {
        return;
    }
    free(object->told_note);
    object->told_note = hf_strdup(hf_buf_text(&note));
    if (note.len > 0) {
        hf_auto_buf struct hf_buf text = {0};
        (void)kind_and_name(object, &text);
        hf_buf_addf(&text, ": %s", hf_buf_text(&note));
        struct event_extra extra = {.drifted_ms = HF_TIME_NONE, .corrected_ms = HF_TIME_NONE};
        hf_agent_say(agent, object, "object.noted", unit_problem ? "warning" : "info", hf_buf_text(&text), &extra);
    }
}

static void in_sync(struct hf_agent *agent, struct object *object, const struct hf_value *live,
                    const struct hf_digest *digest, const char *unit_problem)
{
    object->in_sync = *digest;
    object->has_in_sync = true;
    object->desired_changed = false;
    object->verify_first = false;
    object->was_known = true;
    object->review_ms = 0;
    object->pushed_until_ms = 0;
    object->is_held = object->is_later = false;
    hf_agent_clear_findings(object);
    hf_agent_unplan(agent, object);
    hf_agent_close_incident(agent, object);
    tell_note(agent, object, unit_problem);
    hf_agent_look_for_mark(agent, object, live);
    if (object->mark) {
        hf_agent_plan(agent, object);
    }
}

void hf_agent_put_off(struct hf_agent *agent, struct object *object, enum hf_verdict verdict, const char *reason)
{
    struct incident *incident = &object->incident;
    bool told = incident->blocked && object->reason && strcmp(object->reason, reason) == 0;
    hf_agent_unplan(agent, object);
    hf_agent_activate(agent, object);
    if (object->is_grace) {
        hf_agent_set_verdict(agent, object, verdict, reason);
        return;
    }
    incident->blocked = incident->is_put_off = true;
    hf_agent_set_verdict(agent, object, HF_BLOCKED, reason);
    if (!told) {
        object->target->tally.put_off++;
        hf_agent_say_blocked(agent, object, reason);
    }
}

/* What could be put back now was; the rest stays, and the incident with it. */
static void confirm_part(struct hf_agent *agent, struct object *object)
{
    struct incident *incident = &object->incident;
    int64_t now = agent->effects.now_ms(agent->effects.ctx);
    hf_auto_buf struct hf_buf text = {0};
    (void)kind_and_name(object, &text);
    hf_buf_addf(&text, " was put back but for what is left: %s", object->hold_reason);
    struct event_extra extra = {.manager = incident->manager,
                                .operation = incident->operation,
                                .drifted_ms = incident->drifted_ms,
                                .corrected_ms = now};
    hf_agent_say(agent, object, "correction.partial", hf_agent_severity(object), hf_buf_text(&text), &extra);
    incident->applied = false;
    object->corrections++;
    object->target->corrected++;
    object->target->tally.partial++;
    hf_agent_count_time(object->target->histogram, &object->target->histogram_sum_ms,
                        now > incident->seen_ms ? now - incident->seen_ms : 0);
}

static int not_in_sync(struct hf_agent *agent, struct object *object, enum hf_verdict verdict, int64_t drifted_ms,
                       struct hf_error *err)
{
    object->has_in_sync = false;
    if (hf_agent_waits_for_hub(agent, object)) {
        hf_agent_tally_owed(agent, object, false);
        return 0;
    }
    hf_agent_take_mode(agent, object);
    if (object->incident.is_put_off && !object->is_later) {
        object->incident.is_put_off = object->incident.blocked = false;
    }
    if (object->incident.open && object->incident.applied && verdict == HF_DRIFTED &&
        (object->is_held || object->is_later)) {
        confirm_part(agent, object);
    }
    bool stays_blocked = object->verdict == HF_BLOCKED && object->incident.blocked && !object->is_held;
    enum hf_verdict shown = object->desired_changed && verdict != HF_TERMINATING ? HF_PENDING : verdict;
    if (!stays_blocked) {
        hf_agent_set_verdict(agent, object, shown,
                             !hf_agent_corrects(agent, object) ? "this target is only observed"
                             : object->is_held                 ? object->hold_reason
                                                               : NULL);
    }
    /* Describe what is, not the "pending" or "blocked" that is shown for it. */
    enum hf_verdict kept = object->verdict;
    object->verdict = verdict;
    int result = hf_agent_note_drift(agent, object, drifted_ms, err);
    object->verdict = kept;
    hf_agent_tally_owed(agent, object,
                        hf_agent_corrects(agent, object) && !object->is_held && !object->is_later &&
                            verdict != HF_TERMINATING);
    if (result == 0 && object->is_held) {
        hf_agent_unplan(agent, object);
        if (object->accept_rule) {
            hf_agent_accept_by_rule(agent, object);
        }
    } else if (result == 0 && object->is_later && hf_agent_corrects(agent, object)) {
        hf_agent_put_off(agent, object, shown, object->hold_reason);
    } else if (result == 0 && verdict != HF_TERMINATING) {
        hf_agent_plan(agent, object);
    }
    return result;
}

static int compare(struct hf_agent *agent, struct object *object, const struct hf_value *live,
                   const struct hf_digest *digest, struct hf_error *err)
{
    struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "judge %s %s: out of memory", object->kind, object->name);
    }
    struct hf_drift_input input = {.types = object->target->types,
                                   .desired = object->unit->documents[object->document].value,
                                   .live = live,
                                   .manager = object->target->manager,
                                   .has_status = object->has_status,
                                   .secret_key = agent->secret_key,
                                   .secret_key_len = agent->secret_key_len};
    struct hf_judgement judgement;
    if (hf_drift_judge(arena, &input, &judgement, err) != 0) {
        hf_arena_free(arena);
        return hf_error_wrap(err, "judge %s %s", object->kind, object->name);
    }
    bool is_known = judgement.verdict != HF_UNKNOWN;
    if (hf_agent_weigh(agent, object, arena, live, &judgement, err) != 0) {
        hf_arena_free(arena);
        return -1;
    }
    if (is_known && object->awaits_autoscalers) {
        hf_arena_free(arena);
        hf_agent_set_verdict(agent, object, HF_UNKNOWN, "it is not known yet whether an autoscaler owns a part of it");
        return 0;
    }
    if (is_known && judgement.count == 0) {
        in_sync(agent, object, live, digest, judgement.unit_problem);
        hf_arena_free(arena);
        return 0;
    }
    hf_agent_clear_findings(object);
    object->findings_arena = arena;
    object->findings = judgement.findings;
    object->finding_count = judgement.count;
    if (!is_known) {
        hf_agent_unplan(agent, object);
        hf_agent_set_verdict(agent, object, HF_UNKNOWN, judgement.reason);
        return 0;
    }
    hf_agent_plan_mend(agent, object, live);
    return not_in_sync(agent, object, HF_DRIFTED, judgement.drifted_at_ms, err);
}

int hf_agent_judge(struct hf_agent *agent, struct object *object, const struct hf_value *live, struct hf_error *err)
{
    struct target *target = object->target;
    if (live) {
        take_uid(agent, object, live);
    } else {
        object->last_rv[0] = '\0';
    }
    if (object->is_extra) {
        return hf_agent_judge_extra(agent, object, live, err);
    }
    if (object->unit->problem) {
        hf_agent_set_verdict(agent, object, HF_UNKNOWN, object->unit->problem);
        return 0;
    }
    int64_t deleted_ms = HF_TIME_NONE;
    bool ending = live && hf_drift_is_terminating(live, &deleted_ms);
    if (hf_agent_take_form(agent, object, live, ending, err) != 0) {
        return -1;
    }
    if (!live) {
        hf_agent_clear_findings(object);
        if (object->uid[0]) {
            object->uid[0] = '\0';
            object->was_known = true;
        }
        if (!hf_agent_weigh_whole(agent, object, HF_MISSING)) {
            hf_agent_unplan(agent, object);
            hf_agent_dismiss(agent, object, "a rule ignores it");
            hf_agent_set_verdict(agent, object, HF_MISSING, object->hold_reason);
            return 0;
        }
        return not_in_sync(agent, object, HF_MISSING, HF_TIME_NONE, err);
    }
    if (ending) {
        hf_agent_clear_findings(object);
        hf_agent_unplan(agent, object);
        (void)hf_agent_weigh_whole(agent, object, HF_TERMINATING);
        return not_in_sync(agent, object, HF_TERMINATING, deleted_ms, err);
    }
    if (object->has_in_sync && object->verdict == HF_IN_SYNC && hf_digest_equal(&object->form, &object->in_sync)) {
        target->fast++;
        return 0;
    }
    struct hf_digest digest = object->form;
    return compare(agent, object, live, &digest, err);
}
