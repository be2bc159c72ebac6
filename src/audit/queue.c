/* What waits for the writer: each op owns all it speaks of. */
#include <string.h>

#include "trail.h"

void hf_ops_push(struct hf_ops *ops, struct hf_op *op)
{
    op->next = NULL;
    if (ops->tail) {
        ops->tail->next = op;
    } else {
        ops->head = op;
    }
    ops->tail = op;
    ops->count++;
}

struct hf_op *hf_ops_pop(struct hf_ops *ops)
{
    struct hf_op *op = ops->head;
    if (op) {
        ops->head = op->next;
        ops->tail = ops->head ? ops->tail : NULL;
        ops->count--;
        op->next = NULL;
    }
    return op;
}

void hf_ops_append(struct hf_ops *ops, struct hf_ops *more)
{
    if (!more->head) {
        return;
    }
    if (ops->tail) {
        ops->tail->next = more->head;
    } else {
        ops->head = more->head;
    }
    ops->tail = more->tail;
    ops->count += more->count;
    memset(more, 0, sizeof *more);
}

void hf_ops_free(struct hf_ops *ops)
{
    for (struct hf_op *op = hf_ops_pop(ops); op; op = hf_ops_pop(ops)) {
        hf_op_free(op);
    }
}

void hf_op_free(struct hf_op *op)
{
    if (op) {
        hf_arena_free(op->arena);
        free(op);
    }
}

struct hf_op *hf_op_new(enum hf_op_kind kind)
{
    struct hf_op *op = hf_calloc(1, sizeof *op);
    if (!op) {
        return NULL;
    }
    op->kind = kind;
    op->arena = hf_arena_new(0);
    if (!op->arena) {
        free(op);
        return NULL;
    }
    return op;
}

size_t hf_op_records(const struct hf_op *op)
{
    return op->event_count + op->object_count + op->settlement.count;
}

static int copy_text(struct hf_arena *arena, const char **text)
{
    if (!*text) {
        return 0;
    }
    /* Above what a column can hold nothing is told apart anyhow. */
    size_t len = strnlen(*text, HF_TRAIL_LONGEST);
    *text = hf_arena_copy(arena, *text, len);
    return *text ? 0 : -1;
}

static int copy_event(struct hf_arena *arena, struct hf_audit_event *event)
{
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        if (hf_columns[i].kind != HF_COLUMN_TEXT) {
            continue;
        }
        char *at = (char *)event + hf_columns[i].offset;
        const char *text;
        memcpy(&text, at, sizeof text);
        if (copy_text(arena, &text) != 0) {
            return -1;
        }
        memcpy(at, &text, sizeof text);
    }
    return 0;
}

static int copy_object(struct hf_arena *arena, struct hf_audit_object *object)
{
    const char **const texts[] = {&object->target,    &object->group,  &object->version, &object->kind,
                                  &object->namespace, &object->name,   &object->space,   &object->unit,
                                  &object->verdict,   &object->reason, &object->uid,     &object->incident};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (copy_text(arena, texts[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

int hf_op_add_batch(struct hf_op *op, const struct hf_audit_batch *batch, struct hf_error *err)
{
    op->events = hf_arena_array(op->arena, batch->event_count, sizeof *op->events);
    op->objects = hf_arena_array(op->arena, batch->object_count, sizeof *op->objects);
    if (!op->events || !op->objects) {
        return hf_error_set(err, HF_ENOMEM, "audit: out of memory");
    }
    for (size_t i = 0; i < batch->event_count; i++) {
        op->events[i] = batch->events[i];
        if (copy_event(op->arena, &op->events[i]) != 0) {
            return hf_error_set(err, HF_ENOMEM, "audit: out of memory");
        }
    }
    for (size_t i = 0; i < batch->object_count; i++) {
        op->objects[i] = batch->objects[i];
        if (copy_object(op->arena, &op->objects[i]) != 0) {
            return hf_error_set(err, HF_ENOMEM, "audit: out of memory");
        }
    }
    op->event_count = batch->event_count;
    op->object_count = batch->object_count;
    return 0;
}

static int copy_told(struct hf_arena *arena, struct hf_audit_told *told)
{
    return copy_text(arena, &told->channel) != 0 || copy_text(arena, &told->incident) != 0 ||
                   copy_text(arena, &told->group) != 0 || copy_text(arena, &told->thread) != 0
               ? -1
               : 0;
}

int hf_op_add_settlement(struct hf_op *op, const struct hf_audit_settlement *settlement, struct hf_error *err)
{
    int64_t *ids = hf_arena_array(op->arena, settlement->count, sizeof *ids);
    struct hf_audit_told *told = hf_arena_array(op->arena, settlement->told_count, sizeof *told);
    const char *last_error = settlement->last_error;
    bool is_whole = ids && told && copy_text(op->arena, &last_error) == 0;
    for (size_t i = 0; is_whole && i < settlement->count; i++) {
        ids[i] = settlement->ids[i];
    }
    for (size_t i = 0; is_whole && i < settlement->told_count; i++) {
        told[i] = settlement->told[i];
        is_whole = copy_told(op->arena, &told[i]) == 0;
    }
    op->settlement = *settlement;
    op->settlement.ids = ids;
    op->settlement.told = told;
    op->settlement.last_error = last_error;
    op->settlement.event = NULL;
    return is_whole ? 0 : hf_error_set(err, HF_ENOMEM, "outbox: out of memory");
}
