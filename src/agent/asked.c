/* What a person asks about one unit: how it stands, and that what differs is put back now. */
#include <string.h>

#include "correct.h"

#define PUSH_MS 60000

static int64_t mono(const struct hf_agent *agent)
{
    return agent->effects.mono_ms(agent->effects.ctx);
}

static int find_unit(const struct hf_agent *agent, const char *target_name, const char *space, const char *slug,
                     const struct target **target, struct hf_unit **unit, struct hf_error *err)
{
    size_t cursor = 0;
    size_t found = 0;
    void *value;
    *target = hf_agent_find_target(agent, target_name);
    if (!*target) {
        return hf_error_set(err, HF_ENOTFOUND, "there is no target %s", target_name);
    }
    while (hf_map_next((*target)->units, &cursor, NULL, &value)) {
        struct hf_unit *one = value;
        if (strcmp(one->slug, slug) == 0 && (!space || strcmp(one->space ? one->space : "", space) == 0)) {
            *unit = one;
            found++;
        }
    }
    if (found == 0) {
        return hf_error_set(err, HF_ENOTFOUND, "target %s has no unit %s%s%s", target_name, slug,
                            space ? " in space " : "", space ? space : "");
    }
    return found == 1 ? 0
                      : hf_error_set(err, HF_EINVAL, "%zu spaces of target %s have a unit %s: say which one", found,
                                     target_name, slug);
}

bool hf_agent_is_of_unit(const struct object *object, const struct hf_unit *unit)
{
    return !object->is_extra && object->unit && strcmp(object->unit->slug, unit->slug) == 0 &&
           strcmp(object->unit->space ? object->unit->space : "", unit->space ? unit->space : "") == 0;
}

static bool is_meant(const struct object *object, const struct hf_agent_ref *only)
{
    return !only || (strcmp(object->kind, only->kind) == 0 && strcmp(object->name, only->name) == 0 &&
                     strcmp(object->namespace ? object->namespace : "", only->namespace ? only->namespace : "") == 0);
}

static void add_drift(struct hf_buf *out, const struct incident *incident)
{
    if (out->len > 600 || !incident->summary[0]) {
        return;
    }
    hf_buf_adds(out, out->len > 0 ? "; " : "");
    hf_buf_adds(out, incident->summary);
    if (incident->user[0]) {
        hf_buf_adds(out, " by ");
        hf_buf_add_safe(out, hf_slice_of(incident->user), 127);
    } else if (incident->manager[0]) {
        hf_buf_adds(out, " by ");
        hf_buf_add_safe(out, hf_slice_of(incident->manager), 63);
    }
}

int hf_agent_standing(const struct hf_agent *agent, const char *target_name, const char *space, const char *slug,
                      const struct hf_agent_ref *only, struct hf_agent_standing *out, struct hf_buf *drifts,
                      struct hf_error *err)
{
    const struct target *target;
    struct hf_unit *unit = NULL;
    size_t cursor = 0;
    void *value;
    if (find_unit(agent, target_name, space, slug, &target, &unit, err) != 0) {
        return -1;
    }
    *out = (struct hf_agent_standing){.unit = unit};
    while (hf_map_next(target->objects, &cursor, NULL, &value)) {
        const struct object *object = value;
        if (!hf_agent_is_of_unit(object, unit) || !is_meant(object, only)) {
            continue;
        }
        bool is_well = object->verdict == HF_IN_SYNC && !object->wants_get && !object->desired_changed &&
                       object->unit->revision == unit->revision;
        out->objects++;
        out->in_sync += is_well;
        out->open += object->incident.open;
        if (!is_well && !out->reason) {
            out->reason = object->reason;
        }
        if (object->incident.open && drifts) {
            add_drift(drifts, &object->incident);
        }
    }
    return !drifts || hf_buf_ok(drifts) ? 0 : hf_error_set(err, HF_ENOMEM, "look at unit %s: out of memory", slug);
}

bool hf_agent_corrects(const struct hf_agent *agent, const struct object *object)
{
    return object->target->correct || hf_agent_is_pushed(agent, object);
}

bool hf_agent_is_pushed(const struct hf_agent *agent, const struct object *object)
{
    return object->pushed_until_ms != 0 && mono(agent) < object->pushed_until_ms;
}

static void push(struct hf_agent *agent, struct object *object)
{
    object->pushed_until_ms = mono(agent) + PUSH_MS;
    for (size_t i = 0; i < object->path_count; i++) {
        object->paths[i].blocked_until_ms = 0;
    }
    if (object->phase == PHASE_WAITING) {
        hf_agent_unplan(agent, object);
    }
    object->wants_get = true;
    object->read_due_ms = 0;
    hf_agent_activate(agent, object);
}

/* A person who wants it put back though another wants it left has to end that first. */
static int refuse(const struct hf_agent *agent, const struct object *object, struct hf_error *err)
{
    const struct hf_pause *pause = hf_agent_pause_of(agent, object);
    if (pause) {
        return hf_error_set(err, HF_EREFUSED, "%s %s is paused by %s (%s): end that first", object->kind, object->name,
                            pause->by, pause->id);
    }
    return object->is_held ? hf_error_set(err, HF_EREFUSED, "%s %s is not put back: %s", object->kind, object->name,
                                          object->hold_reason)
                           : 0;
}

int hf_agent_put_back(struct hf_agent *agent, const char *target_name, const char *space, const char *slug,
                      const struct hf_agent_ref *only, size_t *count, struct hf_error *err)
{
    const struct target *target;
    struct hf_unit *unit = NULL;
    size_t cursor = 0;
    void *value;
    *count = 0;
    if (find_unit(agent, target_name, space, slug, &target, &unit, err) != 0) {
        return -1;
    }
    while (hf_map_next(target->objects, &cursor, NULL, &value)) {
        struct object *object = value;
        if (!hf_agent_is_of_unit(object, unit) || !is_meant(object, only) || object->verdict == HF_IN_SYNC) {
            continue;
        }
        if (object->verdict == HF_UNKNOWN) {
            (void)hf_error_set(err, HF_EREFUSED, "%s %s can't be judged now: %s", object->kind, object->name,
                               object->reason ? object->reason : "it was not read yet");
        } else if (refuse(agent, object, err) == 0) {
            push(agent, object);
            ++*count;
        }
    }
    if (*count == 0 && err->code != HF_OK) {
        return -1;
    }
    *err = (struct hf_error)HF_ERROR_INIT; /* some can be put back: the others say by themselves why not */
    return hf_agent_leave(agent, err);
}
