/* From the writer's thread to the loop. What is told needs no memory of its own: the ops themselves travel back. */
#include <pthread.h>
#include <string.h>

#include "trail.h"

struct hf_mailbox {
    pthread_mutex_t mutex;
    struct hf_audit_events events;
    hf_audit_post_fn post;
    void *post_ctx;
    struct hf_ops told;
    struct hf_error state;
    bool state_changed;
    bool outbox_grew;
    bool posted;  /* a wake is on its way that has taken nothing yet */
    size_t wakes; /* on their way or running: each holds the mailbox */
    bool closed;
};

struct hf_mailbox *hf_mailbox_new(const struct hf_audit_events *events, hf_audit_post_fn post, void *post_ctx)
{
    struct hf_mailbox *mailbox = hf_calloc(1, sizeof *mailbox);
    if (!mailbox) {
        return NULL;
    }
    if (pthread_mutex_init(&mailbox->mutex, NULL) != 0) {
        free(mailbox);
        return NULL;
    }
    mailbox->events = *events;
    mailbox->post = post;
    mailbox->post_ctx = post_ctx;
    return mailbox;
}

static void destroy(struct hf_mailbox *mailbox)
{
    hf_ops_free(&mailbox->told);
    pthread_mutex_destroy(&mailbox->mutex);
    free(mailbox);
}

/* A take's ctx is freed by its answer, so there must be one. */
void hf_mailbox_drop(struct hf_ops *ops)
{
    for (struct hf_op *op = hf_ops_pop(ops); op; op = hf_ops_pop(ops)) {
        if (op->kind == HF_OP_TAKE) {
            op->fn(op->ctx, NULL, 0, HF_TIME_NONE);
        }
        hf_op_free(op);
    }
}

void hf_mailbox_close(struct hf_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    struct hf_ops untold = mailbox->told;
    memset(&mailbox->told, 0, sizeof mailbox->told);
    mailbox->closed = true;
    bool is_last = mailbox->wakes == 0;
    pthread_mutex_unlock(&mailbox->mutex);
    hf_mailbox_drop(&untold);
    if (is_last) {
        destroy(mailbox);
    }
}

void hf_mailbox_told(struct hf_mailbox *mailbox, struct hf_ops *ops)
{
    pthread_mutex_lock(&mailbox->mutex);
    hf_ops_append(&mailbox->told, ops);
    pthread_mutex_unlock(&mailbox->mutex);
}

void hf_mailbox_state(struct hf_mailbox *mailbox, const struct hf_error *state)
{
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->state = *state;
    mailbox->state_changed = true;
    pthread_mutex_unlock(&mailbox->mutex);
}

void hf_mailbox_outbox(struct hf_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->outbox_grew = true;
    pthread_mutex_unlock(&mailbox->mutex);
}

static bool has_mail(const struct hf_mailbox *mailbox)
{
    return mailbox->told.head || mailbox->state_changed || mailbox->outbox_grew;
}

static bool is_closed(struct hf_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    bool closed = mailbox->closed;
    pthread_mutex_unlock(&mailbox->mutex);
    return closed;
}

static void tell_op(const struct hf_mailbox *mailbox, const struct hf_op *op)
{
    const struct hf_audit_events *events = &mailbox->events;
    if (op->kind == HF_OP_TAKE) {
        op->fn(op->ctx, op->rows, op->row_count, op->next_due_ms);
    } else if (op->kind == HF_OP_REMOVE) {
        op->removed(op->ctx, op->refusal);
    } else if (op->ticket != 0 && events->durable) {
        events->durable(events->ctx, op->ticket);
    }
}

/* On the loop's thread. A callback may close the audit: then the rest goes untold, and the mailbox with it. */
static void deliver(void *ctx, void *message)
{
    struct hf_mailbox *mailbox = ctx;
    (void)message;
    pthread_mutex_lock(&mailbox->mutex);
    struct hf_ops told = mailbox->told;
    struct hf_error state = mailbox->state;
    bool state_changed = mailbox->state_changed;
    bool outbox_grew = mailbox->outbox_grew;
    memset(&mailbox->told, 0, sizeof mailbox->told);
    mailbox->state_changed = false;
    mailbox->outbox_grew = false;
    mailbox->posted = false;
    pthread_mutex_unlock(&mailbox->mutex);

    const struct hf_audit_events *events = &mailbox->events;
    if (state_changed && events->state && !is_closed(mailbox)) {
        events->state(events->ctx, &state);
    }
    struct hf_ops untold = {0};
    for (struct hf_op *op = hf_ops_pop(&told); op; op = hf_ops_pop(&told)) {
        if (is_closed(mailbox)) {
            hf_ops_push(&untold, op);
            continue;
        }
        tell_op(mailbox, op);
        hf_op_free(op);
    }
    hf_mailbox_drop(&untold);
    if (outbox_grew && events->outbox && !is_closed(mailbox)) {
        events->outbox(events->ctx);
    }
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->wakes--;
    bool is_last = mailbox->closed && mailbox->wakes == 0;
    pthread_mutex_unlock(&mailbox->mutex);
    if (is_last) {
        destroy(mailbox);
    }
}

bool hf_mailbox_post(struct hf_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    bool wanted = !mailbox->posted && !mailbox->closed && has_mail(mailbox);
    mailbox->posted = mailbox->posted || wanted;
    mailbox->wakes += wanted;
    pthread_mutex_unlock(&mailbox->mutex);
    if (!wanted || mailbox->post(mailbox->post_ctx, deliver, mailbox, mailbox) == 0) {
        return true;
    }
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->posted = false;
    mailbox->wakes--;
    pthread_mutex_unlock(&mailbox->mutex);
    return false;
}
