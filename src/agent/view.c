/* What people see: counts, and a copy of units and objects that other threads may read. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define LOST_SHOWS_MS 30000

bool hf_agent_counts(const struct hf_agent *agent, const char *name, struct hf_agent_counts *out)
{
    const struct target *target = hf_agent_find_target(agent, name);
    if (!target) {
        return false;
    }
    *out = (struct hf_agent_counts){.events = target->events,
                                    .fast = target->fast,
                                    .drifts = target->drifts,
                                    .corrected = target->corrected,
                                    .failed = target->failed,
                                    .in_flight = target->in_flight,
                                    .histogram_sum_ms = target->histogram_sum_ms,
                                    .tally = target->tally};
    memcpy(out->histogram, target->histogram, sizeof out->histogram);
    size_t cursor = 0;
    void *value;
    while (hf_map_next(target->objects, &cursor, NULL, &value)) {
        const struct object *object = value;
        out->objects[object->verdict]++;
        bool is_open = object->incident.open && hf_agent_is_drift(&object->incident);
        out->tally.open += is_open;
        out->tally.open_late += is_open && object->incident.is_owed && object->incident.is_late;
        out->queued += object->phase == PHASE_WAITING || object->phase == PHASE_RECORDING;
    }
    return true;
}

static char *copy(struct hf_view *view, const char *text, bool *short_of)
{
    if (!text) {
        return NULL;
    }
    char *kept = hf_arena_copy(view->arena, text, strlen(text));
    *short_of |= !kept;
    return kept;
}

static const struct hf_view_finding *copy_findings(struct hf_view *view, const struct object *object, bool *short_of)
{
    struct hf_view_finding *findings = hf_arena_array(view->arena, object->finding_count, sizeof *findings);
    if (!findings) {
        *short_of = true;
        return NULL;
    }
    for (size_t i = 0; i < object->finding_count; i++) {
        const struct hf_finding *from = &object->findings[i];
        findings[i] = (struct hf_view_finding){.path = copy(view, from->path, short_of),
                                               .readable = copy(view, from->readable, short_of),
                                               .class = hf_class_name(from->class),
                                               .desired = copy(view, from->desired, short_of),
                                               .live = copy(view, from->live, short_of),
                                               .manager = copy(view, from->manager, short_of),
                                               .operation = copy(view, from->operation, short_of),
                                               .at_ms = from->at_ms};
    }
    return findings;
}

/* A watch that has been down for long leaves its objects unjudged: what was true then is not shown as true now. */
static bool is_stale(const struct hf_agent *agent, const struct object *object)
{
    return object->scope && object->scope->lost && object->verdict != HF_UNKNOWN &&
           agent->effects.now_ms(agent->effects.ctx) - object->scope->lost_since_ms > LOST_SHOWS_MS;
}

static void copy_object(const struct hf_agent *agent, struct hf_view *view, const struct object *object,
                        struct hf_view_object *out, bool *short_of)
{
    bool stale = is_stale(agent, object);
    *out = (struct hf_view_object){.target = copy(view, object->target->name, short_of),
                                   .space = copy(view, object->unit->space, short_of),
                                   .unit = copy(view, object->unit->slug, short_of),
                                   .revision = object->unit->revision,
                                   .api_version = copy(view, object->api_version, short_of),
                                   .kind = copy(view, object->kind, short_of),
                                   .namespace = copy(view, object->namespace, short_of),
                                   .name = copy(view, object->name, short_of),
                                   .verdict = hf_verdict_name(stale ? HF_UNKNOWN : object->verdict),
                                   .reason = copy(view, stale ? object->scope->problem : object->reason, short_of),
                                   .incident = object->incident.open ? copy(view, object->incident.id, short_of) : NULL,
                                   .since_ms = stale ? object->scope->lost_since_ms : object->since_ms,
                                   .order = object->rank,
                                   .corrections = object->corrections,
                                   .last_correction_ms = object->last_correction_ms,
                                   .finding_count = object->finding_count};
    if (object->finding_count > 0) {
        out->findings = copy_findings(view, object, short_of);
    }
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_objects(const void *left, const void *right)
{
    const struct hf_view_object *a = left;
    const struct hf_view_object *b = right;
    int order = compare_text(a->target, b->target);
    if (order == 0) {
        order = (a->order > b->order) - (a->order < b->order);
    }
    if (order == 0) {
        order = compare_text(a->kind, b->kind);
    }
    if (order == 0) {
        order = compare_text(a->namespace, b->namespace);
    }
    return order ? order : compare_text(a->name, b->name);
}

static int compare_units(const void *left, const void *right)
{
    const struct hf_view_unit *a = left;
    const struct hf_view_unit *b = right;
    int order = compare_text(a->target, b->target);
    if (order == 0) {
        order = compare_text(a->space, b->space);
    }
    return order ? order : compare_text(a->slug, b->slug);
}

/* How bad a verdict is for the unit that has it: the worst of its objects is the unit's. */
static int badness(const char *verdict)
{
    static const char *const ORDER[] = {"in_sync", "extra",   "pending", "terminating",
                                        "missing", "drifted", "unknown", "blocked"};
    for (int i = 0; i < 8; i++) {
        if (strcmp(ORDER[i], verdict) == 0) {
            return i;
        }
    }
    return 0;
}

static void judge_units(struct hf_view *view, struct hf_view_unit *units, size_t unit_count,
                        const struct hf_view_object *objects)
{
    for (size_t i = 0; i < view->object_count; i++) {
        struct hf_view_unit key = {.target = objects[i].target, .space = objects[i].space, .slug = objects[i].unit};
        struct hf_view_unit *unit = bsearch(&key, units, unit_count, sizeof *units, compare_units);
        if (unit) {
            unit->objects++;
            if (!unit->problem && badness(objects[i].verdict) > badness(unit->verdict)) {
                unit->verdict = objects[i].verdict;
            }
        }
    }
}

static const struct hf_view_label *copy_labels(struct hf_view *view, const struct hf_unit *unit, bool *short_of)
{
    struct hf_view_label *labels = hf_arena_array(view->arena, unit->label_count, sizeof *labels);
    if (!labels) {
        *short_of = true;
        return NULL;
    }
    for (size_t i = 0; i < unit->label_count; i++) {
        labels[i].name = copy(view, unit->labels[i].name, short_of);
        labels[i].value = copy(view, unit->labels[i].value, short_of);
    }
    return labels;
}

int hf_agent_fill_view(const struct hf_agent *agent, struct hf_view *view, struct hf_error *err)
{
    size_t unit_count = 0;
    size_t object_count = 0;
    for (const struct target *target = agent->targets; target; target = target->next) {
        unit_count += hf_map_count(target->units);
        object_count += hf_map_count(target->objects);
    }
    struct hf_view_unit *units = hf_arena_array(view->arena, unit_count, sizeof *units);
    struct hf_view_object *objects = hf_arena_array(view->arena, object_count, sizeof *objects);
    bool short_of = !units || !objects;
    size_t unit_at = 0;
    size_t object_at = 0;
    for (const struct target *target = agent->targets; target && !short_of; target = target->next) {
        size_t cursor = 0;
        void *value;
        while (hf_map_next(target->units, &cursor, NULL, &value)) {
            const struct hf_unit *unit = value;
            units[unit_at++] =
                (struct hf_view_unit){.target = copy(view, target->name, &short_of),
                                      .space = copy(view, unit->space, &short_of),
                                      .slug = copy(view, unit->slug, &short_of),
                                      .origin = copy(view, unit->origin, &short_of),
                                      .revision = unit->revision,
                                      .labels = copy_labels(view, unit, &short_of),
                                      .label_count = unit->label_count,
                                      .verdict = hf_verdict_name(unit->problem ? HF_UNKNOWN : HF_IN_SYNC),
                                      .state = hf_unit_state_name(unit->state),
                                      .state_reason = copy(view, unit->state_reason, &short_of),
                                      .mode = hf_unit_mode_name(unit->mode),
                                      .is_hub = unit->unit_id && *unit->unit_id,
                                      .head_revision = unit->head_revision,
                                      .applied_revision = unit->applied_revision,
                                      .live_revision = unit->live_revision,
                                      .upstream_revision = unit->upstream_revision,
                                      .upstream_head = unit->upstream_head,
                                      .problem = copy(view, unit->problem, &short_of)};
        }
        for (cursor = 0; hf_map_next(target->objects, &cursor, NULL, &value);) {
            copy_object(agent, view, value, &objects[object_at++], &short_of);
        }
    }
    if (short_of) {
        return hf_error_set(err, HF_ENOMEM, "make a view: out of memory");
    }
    view->units = units;
    view->unit_count = unit_at;
    view->objects = objects;
    view->object_count = object_at;
    qsort(units, unit_at, sizeof *units, compare_units);
    qsort(objects, object_at, sizeof *objects, compare_objects);
    judge_units(view, units, unit_at, objects);
    return 0;
}
