/* Events and object rows: all that one entry says goes to the trail as one batch, in order. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

void hf_agent_batch_free(struct batch *batch)
{
    if (batch) {
        hf_arena_free(batch->arena);
        free(batch);
    }
}

static struct batch *open_batch(struct hf_agent *agent)
{
    if (!agent->open_batch) {
        struct batch *batch = hf_calloc(1, sizeof *batch);
        if (batch) {
            batch->arena = hf_arena_new(0);
        }
        if (!batch || !batch->arena) {
            hf_agent_batch_free(batch);
            agent->lacks_memory = true;
            return NULL;
        }
        agent->open_batch = batch;
    }
    return agent->open_batch;
}

/* Room for one more in an arena's array, doubling. */
static void *more(struct hf_arena *arena, void *old, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) {
        return old;
    }
    size_t wider = *cap ? *cap * 2 : 4;
    void *next = hf_arena_array(arena, wider, size);
    if (next) {
        if (count > 0) {
            memcpy(next, old, count * size);
        }
        *cap = wider;
    }
    return next;
}

static const char *keep(struct hf_agent *agent, struct batch *batch, const char *text)
{
    if (!text || !*text) {
        return NULL;
    }
    char *copy = hf_arena_copy(batch->arena, text, strlen(text));
    if (!copy) {
        agent->lacks_memory = true;
    }
    return copy;
}

static struct hf_audit_event *new_event(struct hf_agent *agent)
{
    struct batch *batch = open_batch(agent);
    if (!batch) {
        return NULL;
    }
    struct hf_audit_event *events =
        more(batch->arena, batch->events, batch->event_count, &batch->event_cap, sizeof *events);
    if (!events) {
        agent->lacks_memory = true;
        return NULL;
    }
    batch->events = events;
    struct hf_audit_event *event = &events[batch->event_count++];
    *event = (struct hf_audit_event){.at_ms = agent->effects.now_ms(agent->effects.ctx),
                                     .drifted_at_ms = HF_TIME_NONE,
                                     .seen_at_ms = HF_TIME_NONE,
                                     .corrected_at_ms = HF_TIME_NONE};
    return event;
}

const char *hf_agent_severity(const struct object *object)
{
    return hf_severity_name(object->incident.open ? object->incident.severity : object->severity);
}

static void add_text(struct hf_buf *out, const char *name, const char *text, bool first)
{
    if (text) {
        if (!first) {
            hf_buf_addc(out, ',');
        }
        hf_buf_add_json(out, hf_slice_of(name));
        hf_buf_addc(out, ':');
        hf_buf_add_json(out, hf_slice_of(text));
    }
}

static void add_finding(struct hf_buf *out, const struct hf_finding *finding)
{
    hf_buf_addc(out, '{');
    add_text(out, "path", finding->path, true);
    add_text(out, "readable", finding->readable, false);
    add_text(out, "class", hf_class_name(finding->class), false);
    add_text(out, "desired", finding->desired, false);
    add_text(out, "live", finding->live, false);
    add_text(out, "manager", finding->manager, false);
    add_text(out, "operation", finding->operation, false);
    add_text(out, "subresource", finding->subresource, false);
    char time[HF_TIME_TEXT];
    hf_time_format(finding->at_ms, time);
    add_text(out, "at", time[0] ? time : NULL, false);
    if (finding->untyped) {
        hf_buf_adds(out, ",\"untyped\":true");
    }
    hf_buf_addc(out, '}');
}

static void add_labels(struct hf_buf *out, const struct hf_unit *unit)
{
    for (size_t i = 0; unit && i < unit->label_count; i++) {
        hf_buf_adds(out, i == 0 ? ",\"labels\":{" : "");
        add_text(out, unit->labels[i].name, unit->labels[i].value, i == 0);
        hf_buf_adds(out, i + 1 == unit->label_count ? "}" : "");
    }
}

static const char *detail_of(struct hf_agent *agent, struct batch *batch, const struct object *object, bool correcting)
{
    struct hf_buf out = {0};
    hf_buf_adds(&out, "{\"findings\":[");
    for (size_t i = 0; i < object->finding_count; i++) {
        if (i > 0) {
            hf_buf_addc(&out, ',');
        }
        add_finding(&out, &object->findings[i]);
    }
    hf_buf_addc(&out, ']');
    add_text(&out, "rule", object->rule, false);
    if (object->who && object->incident.open) {
        hf_buf_addf(&out, ",\"who\":%s", object->who);
    }
    if (correcting) {
        hf_buf_adds(&out, ",\"correcting\":true");
    }
    add_labels(&out, object->unit);
    if (object->unit && object->unit->page && *object->unit->page) {
        add_text(&out, "unit_url", object->unit->page, false);
    }
    hf_buf_addc(&out, '}');
    const char *kept = hf_buf_ok(&out) ? keep(agent, batch, hf_buf_text(&out)) : NULL;
    if (!kept) {
        agent->lacks_memory = true;
    }
    hf_buf_free(&out);
    return kept;
}

void hf_agent_say(struct hf_agent *agent, const struct object *object, const char *type, const char *severity,
                  const char *message, const struct event_extra *extra)
{
    struct hf_audit_event *event = new_event(agent);
    if (!event) {
        return;
    }
    struct batch *batch = agent->open_batch;
    event->type = keep(agent, batch, type);
    event->severity = keep(agent, batch, severity);
    event->message = keep(agent, batch, message);
    event->target = keep(agent, batch, object->target->name);
    if (object->unit) {
        event->space = keep(agent, batch, object->unit->space);
        event->unit = keep(agent, batch, object->unit->slug);
        event->revision = object->unit->revision;
    }
    event->api_version = keep(agent, batch, object->api_version);
    event->kind = keep(agent, batch, object->kind);
    event->namespace = keep(agent, batch, object->namespace);
    event->name = keep(agent, batch, object->name);
    event->uid = keep(agent, batch, object->uid);
    event->resource_version = keep(agent, batch, object->last_rv);
    event->verdict = keep(agent, batch, hf_verdict_name(object->verdict));
    if (object->incident.open) {
        event->incident = keep(agent, batch, object->incident.id);
        event->seen_at_ms = object->incident.seen_ms;
    }
    if (extra->incident) {
        event->incident = keep(agent, batch, extra->incident);
        event->seen_at_ms = extra->seen_ms;
    }
    event->manager = keep(agent, batch, extra->manager);
    event->operation = keep(agent, batch, extra->operation);
    event->subresource = keep(agent, batch, extra->subresource);
    event->drifted_at_ms = extra->drifted_ms;
    event->corrected_at_ms = extra->corrected_ms;
    event->alert = extra->alert;
    if (extra->detail) {
        event->detail = keep(agent, batch, extra->detail);
    } else if (extra->with_findings && (object->finding_count > 0 || extra->correcting || object->incident.open)) {
        event->detail = detail_of(agent, batch, object, extra->correcting);
    }
    hf_log_write(agent->log,
                 strcmp(type, "correction.failed") == 0 || strcmp(type, "correction.blocked") == 0 ? HF_WARN : HF_INFO,
                 message, "event", type, "target", object->target->name, "kind", object->kind, "namespace",
                 object->namespace, "name", object->name, "incident", event->incident, "manager", event->manager, NULL);
}

void hf_agent_say_target(struct hf_agent *agent, const struct target *target, const struct hf_unit *unit,
                         const char *type, const char *severity, const char *message, bool alert)
{
    struct hf_audit_event *event = new_event(agent);
    if (!event) {
        return;
    }
    struct batch *batch = agent->open_batch;
    event->type = keep(agent, batch, type);
    event->severity = keep(agent, batch, severity);
    event->message = keep(agent, batch, message);
    event->target = keep(agent, batch, target->name);
    if (unit) {
        event->space = keep(agent, batch, unit->space);
        event->unit = keep(agent, batch, unit->slug);
        event->revision = unit->revision;
    }
    event->alert = alert;
    hf_log_write(agent->log, strcmp(severity, "info") == 0 ? HF_INFO : HF_WARN, message, "event", type, "target",
                 target->name, "unit", unit ? unit->slug : NULL, NULL);
}

void hf_agent_keep_row(struct hf_agent *agent, const struct object *object, bool forget)
{
    struct batch *batch = open_batch(agent);
    struct hf_audit_object *rows =
        batch ? more(batch->arena, batch->objects, batch->object_count, &batch->object_cap, sizeof *rows) : NULL;
    if (!rows) {
        agent->lacks_memory = true;
        return;
    }
    batch->objects = rows;
    const char *slash = strchr(object->api_version, '/');
    rows[batch->object_count++] = (struct hf_audit_object){
        .target = keep(agent, batch, object->target->name),
        .group = keep(agent, batch, object->group),
        .version = keep(agent, batch, slash ? slash + 1 : object->api_version),
        .kind = keep(agent, batch, object->kind),
        .namespace = keep(agent, batch, object->namespace),
        .name = keep(agent, batch, object->name),
        .space = object->unit ? keep(agent, batch, object->unit->space) : NULL,
        .unit = object->unit ? keep(agent, batch, object->unit->slug) : NULL,
        .revision = object->unit ? object->unit->revision : 0,
        .verdict = keep(agent, batch, hf_verdict_name(object->verdict)),
        .reason = keep(agent, batch, object->reason),
        .uid = keep(agent, batch, object->uid),
        .incident = object->incident.open ? keep(agent, batch, object->incident.id) : NULL,
        .since_ms = object->since_ms,
        .corrections = object->corrections,
        .forget = forget,
    };
}

uint64_t hf_agent_batch_ticket(struct hf_agent *agent)
{
    struct batch *batch = open_batch(agent);
    if (!batch) {
        return 0;
    }
    if (batch->ticket == 0) {
        batch->ticket = ++agent->next_ticket;
    }
    return batch->ticket;
}

static int record(struct hf_agent *agent, const struct batch *batch, struct hf_error *err)
{
    struct hf_audit_batch told = {batch->events, batch->event_count, batch->objects, batch->object_count};
    return agent->effects.record(agent->effects.ctx, &told, batch->ticket, err);
}

int hf_agent_hand_over(struct hf_agent *agent, struct hf_error *err)
{
    if (agent->open_batch) {
        *agent->unsent_end = agent->open_batch;
        agent->unsent_end = &agent->open_batch->next;
        agent->open_batch = NULL;
    }
    while (agent->unsent) {
        struct hf_error busy = HF_ERROR_INIT;
        if (record(agent, agent->unsent, &busy) != 0) {
            break; /* kept, in order, and tried again at the next entry or tick */
        }
        struct batch *done = agent->unsent;
        agent->unsent = done->next;
        if (!agent->unsent) {
            agent->unsent_end = &agent->unsent;
        }
        hf_agent_batch_free(done);
    }
    if (agent->lacks_memory) {
        agent->lacks_memory = false;
        return hf_error_set(err, HF_ENOMEM, "record an event: out of memory");
    }
    return 0;
}
