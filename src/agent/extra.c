/* Objects that no unit holds any more. Only what carries our mark is ours to judge, and only a rule lets it be deleted.
 *
 * The mark is an annotation, written only where a rule would prune the object once its unit is gone: so that what is
 * pruned is what we held by this target, and not a namesake. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/pointer.h"
#include "state.h"

#define MARK_POINTER "/metadata/annotations/holdfast.dev~1held-by"

static void mark_of(const struct object *object, struct hf_buf *out)
{
    hf_buf_addf(out, "%s/%s/%s", object->target->name, object->unit->space ? object->unit->space : "",
                object->unit->slug);
}

static const char *mark_in(const struct hf_value *live)
{
    return hf_value_text(hf_value_get(hf_agent_metadata(live, "annotations"), HF_MARK));
}

/* The mark names target, space and unit; that of another agent's target is not ours. */
static bool is_ours(const struct object *object, const char *mark)
{
    size_t len = strlen(object->target->name);
    return mark && strncmp(mark, object->target->name, len) == 0 && mark[len] == '/';
}

static bool is_named_kind(const char *kind)
{
    static const char *const KINDS[] = {"Namespace", "CustomResourceDefinition", "PersistentVolume",
                                        "PersistentVolumeClaim"};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (strcmp(kind, KINDS[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool hf_agent_may_delete(const struct object *object, const struct hf_decision *decision, const char **why)
{
    const char *ignored;
    why = why ? why : &ignored;
    *why = NULL;
    if (is_named_kind(object->kind) && !decision->names_kind) {
        *why = "the rule does not name the kind, and more than the object would go with it";
    } else if (strcmp(object->kind, "Namespace") == 0 &&
               (strcmp(object->name, "default") == 0 || strncmp(object->name, "kube-", 5) == 0)) {
        *why = "it is the cluster's own";
    }
    return !*why;
}

/* Whether a rule would prune it: then it must be known later that it was ours. */
static bool would_prune(const struct hf_agent *agent, const struct object *object)
{
    struct hf_rule_subject subject = hf_agent_subject(object);
    struct hf_rule_question question = {.subject = &subject, .verdict = HF_EXTRA, .now_ms = HF_TIME_NONE};
    struct hf_decision decision;
    hf_rules_decide(agent->rules, &question, &decision);
    return decision.action == HF_ACT_PRUNE && hf_agent_may_delete(object, &decision, NULL);
}

void hf_agent_look_for_mark(struct hf_agent *agent, struct object *object, const struct hf_value *live)
{
    const char *mark = mark_in(live);
    hf_auto_buf struct hf_buf wanted = {0};
    mark_of(object, &wanted);
    free(object->mark);
    object->mark = NULL;
    object->is_marked = is_ours(object, mark);
    if (object->is_marked || !object->target->correct || !would_prune(agent, object)) {
        return;
    }
    struct hf_buf patch = {0};
    hf_agent_begin_patch(&patch, live);
    if (!hf_agent_metadata(live, "annotations")) {
        hf_buf_adds(&patch, ",{\"op\":\"add\",\"path\":\"/metadata/annotations\",\"value\":{}}");
    }
    hf_buf_adds(&patch, ",{\"op\":\"add\",\"path\":\"" MARK_POINTER "\",\"value\":");
    hf_buf_add_json(&patch, (struct hf_slice){hf_buf_text(&wanted), wanted.len});
    hf_buf_adds(&patch, "}]");
    object->mark = hf_buf_take(&patch);
    agent->lacks_memory |= !object->mark;
}

static const struct hf_unit *unit_named(const struct target *target, const char *space, const char *slug)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(target->units, &cursor, NULL, &value)) {
        const struct hf_unit *unit = value;
        if (strcmp(unit->slug, slug) == 0 && strcmp(unit->space ? unit->space : "", space ? space : "") == 0) {
            return unit;
        }
    }
    return NULL;
}

/* A unit that can't be read may still hold it. */
static bool may_be_held(const struct object *object)
{
    const struct hf_unit *unit = unit_named(object->target, object->unit->space, object->unit->slug);
    return hf_agent_unit_may_hold(unit);
}

bool hf_agent_becomes_extra(struct hf_agent *agent, struct object *object)
{
    if (!object->is_marked || !object->scope || may_be_held(object)) {
        return false;
    }
    if (!object->is_extra) {
        hf_agent_unplan(agent, object);
        hf_agent_dismiss(agent, object, "no unit holds it any more");
        object->is_extra = true;
        object->desired_changed = false;
        object->has_in_sync = false;
        object->wants_get = true;
        hf_agent_activate(agent, object);
    }
    object->pass = object->target->pass;
    object->scope->pass = object->target->pass;
    return true;
}

static void let_go(struct hf_agent *agent, struct object *object)
{
    hf_agent_unplan(agent, object);
    object->is_gone = true;
    hf_agent_activate(agent, object);
    hf_agent_keep_row(agent, object, true);
}

static void is_no_more(struct hf_agent *agent, struct object *object)
{
    if (object->incident.open) {
        hf_auto_buf struct hf_buf text = {0};
        hf_buf_addf(&text, "%s %s%s%s %s", object->kind, object->namespace ? object->namespace : "",
                    object->namespace ? "/" : "", object->name,
                    object->incident.applied ? "was pruned" : "is gone, without holdfast's doing");
        struct event_extra extra = {.drifted_ms = object->incident.drifted_ms,
                                    .corrected_ms = agent->effects.now_ms(agent->effects.ctx),
                                    .alert = object->incident.applied || object->incident.is_told};
        hf_agent_say(agent, object, object->incident.applied ? "correction.confirmed" : "drift.healed", "info",
                     hf_buf_text(&text), &extra);
        object->incident.open = false;
    }
    let_go(agent, object);
}

int hf_agent_judge_extra(struct hf_agent *agent, struct object *object, const struct hf_value *live,
                         struct hf_error *err)
{
    int64_t deleted_ms;
    hf_agent_clear_findings(object);
    if (!live) {
        is_no_more(agent, object);
        return 0;
    }
    if (hf_drift_is_terminating(live, &deleted_ms)) {
        hf_agent_set_verdict(agent, object, HF_TERMINATING, NULL);
        return 0;
    }
    if (!is_ours(object, mark_in(live))) {
        hf_agent_dismiss(agent, object, "it does not carry our mark");
        let_go(agent, object);
        return 0;
    }
    if (may_be_held(object)) {
        hf_agent_unplan(agent, object);
        hf_agent_set_verdict(agent, object, HF_UNKNOWN, "the unit that held it can't be read");
        return 0;
    }
    hf_agent_weigh_extra(agent, object);
    hf_agent_set_verdict(agent, object, HF_EXTRA, object->is_held ? object->hold_reason : NULL);
    if (hf_agent_note_drift(agent, object, HF_TIME_NONE, err) != 0) {
        return -1;
    }
    if (object->is_held) {
        hf_agent_unplan(agent, object);
    } else if (object->is_later) {
        hf_agent_put_off(agent, object, HF_EXTRA, object->hold_reason);
    } else {
        hf_agent_plan(agent, object);
    }
    return 0;
}

/* The unit that is gone, as far as the trail knows it. */
static struct hf_unit *last_unit(const struct known *known)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_unit *unit = arena ? hf_arena_array(arena, 1, sizeof *unit) : NULL;
    if (!unit) {
        hf_arena_free(arena);
        return NULL;
    }
    *unit = (struct hf_unit){.arena = arena,
                             .references = 1,
                             .slug = hf_arena_copy(arena, known->unit, strlen(known->unit)),
                             .space = hf_arena_copy(arena, known->space, strlen(known->space)),
                             .unit_id = "",
                             .origin = "a unit that is gone"};
    if (!unit->slug || !unit->space) {
        hf_arena_free(arena);
        return NULL;
    }
    return unit;
}

/* What an earlier run held and no unit names now: read once, and let go unless it carries our mark. */
static int place_extra(struct hf_agent *agent, struct target *target, struct hf_slice key, const struct known *known,
                       struct hf_error *err)
{
    const char *group = key.ptr;
    const char *kind = group + strlen(group) + 1;
    const char *namespace = kind + strlen(kind) + 1;
    const char *name = namespace + strlen(namespace) + 1;
    struct hf_agent_kind facts = {0};
    if (agent->effects.kind(agent->effects.ctx, target->name, known->api_version, kind, &facts) != HF_SERVED) {
        return 0;
    }
    struct hf_unit *unit = last_unit(known);
    struct object *object =
        unit ? hf_agent_object_for(agent, target, known->api_version, kind, facts.namespaced ? namespace : NULL, name)
             : NULL;
    if (!object) {
        hf_unit_drop(unit);
        return hf_error_set(err, HF_ENOMEM, "look for what is held no more: out of memory");
    }
    object->unit = unit;
    object->has_status = facts.has_status;
    object->is_served = true;
    object->is_extra = object->is_marked = true; /* until it is read */
    object->pass = target->pass;
    object->scope = hf_agent_scope_for(agent, target, object);
    if (!object->scope) {
        return hf_error_set(err, HF_ENOMEM, "look for what is held no more: out of memory");
    }
    object->scope->pass = target->pass;
    object->wants_get = true;
    hf_agent_activate(agent, object);
    return 0;
}

int hf_agent_place_extras(struct hf_agent *agent, struct target *target, struct hf_error *err)
{
    size_t cursor = 0;
    struct hf_slice key;
    void *value;
    while (hf_map_next(target->known, &cursor, &key, &value)) {
        const struct known *known = value;
        const struct hf_unit *unit = unit_named(target, known->space, known->unit);
        if (known->is_placed || hf_map_get(target->objects, key) || hf_agent_unit_may_hold(unit)) {
            continue;
        }
        ((struct known *)value)->is_placed = true;
        if (place_extra(agent, target, key, known, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Incidents that an earlier run left open, of objects that no unit names now: closed, unless a unit that can't be read
 * may be the one. */
void hf_agent_close_unplaced(struct hf_agent *agent, struct target *target)
{
    size_t cursor = 0;
    struct hf_slice key;
    void *value;
    while (hf_map_next(target->units, &cursor, NULL, &value)) {
        if (hf_agent_unit_may_hold(value)) {
            return;
        }
    }
    for (cursor = 0; hf_map_next(target->resumed, &cursor, &key, &value);) {
        struct resumed *resumed = value;
        const char *kind = key.ptr + strlen(key.ptr) + 1;
        const char *namespace = kind + strlen(kind) + 1;
        const char *name = namespace + strlen(namespace) + 1;
        struct object object = {.target = target,
                                .api_version = resumed->api_version,
                                .kind = kind,
                                .namespace = *namespace ? namespace : NULL,
                                .name = name,
                                .verdict = HF_UNKNOWN,
                                .incident = resumed->incident};
        hf_agent_dismiss(agent, &object, "no unit holds it any more");
        (void)hf_map_remove(target->resumed, key);
        free(resumed);
    }
}
