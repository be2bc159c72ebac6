/* The trail as the program sees it: open, append, outbox, close. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trail.h"

struct hf_audit {
    struct hf_store store;
    struct hf_mailbox *mailbox;
    struct hf_writer *writer;
    struct hf_log *log;
};

/* Of a trail that took the place of a corrupt one, or of one that is gone: its first event. */
static int tell_replaced(struct hf_audit *audit, const char *set_aside, const struct hf_error *reason,
                         struct hf_error *err)
{
    struct hf_op *op;
    if (reason->code == HF_OK) {
        return 0;
    }
    if (hf_mend_told(audit->store.path, set_aside, reason, &op, err) != 0) {
        return -1;
    }
    return hf_writer_push(audit->writer, op, false, err);
}

static void audit_free(struct hf_audit *audit)
{
    if (audit->mailbox) {
        hf_mailbox_close(audit->mailbox);
    }
    sqlite3_close(audit->store.db);
    if (audit->store.lock >= 0) {
        close(audit->store.lock);
    }
    free(audit->store.path);
    free(audit);
}

int hf_audit_open(const struct hf_audit_options *options, const struct hf_audit_events *events, hf_audit_post_fn post,
                  void *post_ctx, struct hf_log *log, struct hf_audit **out, struct hf_error *err)
{
    bool had_lock;
    struct hf_error reason = HF_ERROR_INIT;
    hf_auto_free char *set_aside = NULL;
    if (!options->path || !*options->path) {
        return hf_error_set(err, HF_EINVAL, "open the audit trail: its path is empty");
    }
    struct hf_audit *audit = hf_calloc(1, sizeof *audit);
    if (!audit) {
        return hf_error_set(err, HF_ENOMEM, "open the audit trail: out of memory");
    }
    audit->store.lock = -1;
    audit->log = log;
    audit->store.path = hf_strdup(options->path);
    if (!audit->store.path) {
        audit_free(audit);
        return hf_error_set(err, HF_ENOMEM, "open the audit trail: out of memory");
    }
    if (hf_lock_take(options->path, &audit->store.lock, &had_lock, err) != 0 ||
        hf_store_open(options->path, had_lock, log, &audit->store.db, &set_aside, &reason, err) != 0) {
        audit_free(audit);
        return -1;
    }
    audit->mailbox = hf_mailbox_new(events, post, post_ctx);
    if (!audit->mailbox) {
        audit_free(audit);
        return hf_error_set(err, HF_ENOMEM, "open the audit trail: out of memory");
    }
    if (hf_writer_start(&audit->store, options, audit->mailbox, log, &audit->writer, err) != 0) {
        audit_free(audit);
        return -1;
    }
    if (tell_replaced(audit, set_aside, &reason, err) != 0) {
        hf_audit_close(audit, 0);
        return -1;
    }
    *out = audit;
    return 0;
}

void hf_audit_close(struct hf_audit *audit, int64_t wait_ms)
{
    if (!audit) {
        return;
    }
    size_t left = hf_writer_stop(audit->writer, wait_ms);
    if (left > 0) {
        char count[24];
        (void)snprintf(count, sizeof count, "%zu", left);
        hf_log_write(audit->log, HF_ERROR, "audit trail closed before all was written", "batches_left", count, NULL);
    }
    audit_free(audit);
}

int hf_audit_append(struct hf_audit *audit, const struct hf_audit_batch *batch, uint64_t ticket, struct hf_error *err)
{
    struct hf_op *op = hf_op_new(HF_OP_BATCH);
    if (!op) {
        return hf_error_set(err, HF_ENOMEM, "audit: out of memory");
    }
    op->ticket = ticket;
    if (hf_op_add_batch(op, batch, err) != 0 || hf_writer_push(audit->writer, op, true, err) != 0) {
        hf_op_free(op);
        return -1;
    }
    return 0;
}

int hf_audit_push(struct hf_audit *audit, struct hf_op *op, struct hf_error *err)
{
    return hf_writer_push(audit->writer, op, false, err);
}

int hf_audit_outbox_take(struct hf_audit *audit, const char *channel, int64_t now_ms, size_t most, hf_outbox_fn fn,
                         void *ctx, struct hf_error *err)
{
    struct hf_op *op = hf_op_new(HF_OP_TAKE);
    char *name = op ? hf_arena_copy(op->arena, channel, strlen(channel)) : NULL;
    if (!name) {
        hf_op_free(op);
        return hf_error_set(err, HF_ENOMEM, "outbox: out of memory");
    }
    op->channel = name;
    op->now_ms = now_ms;
    op->most = most;
    op->fn = fn;
    op->ctx = ctx;
    op->next_due_ms = HF_TIME_NONE;
    return hf_writer_push(audit->writer, op, false, err);
}

int hf_audit_outbox_settle(struct hf_audit *audit, const struct hf_audit_settlement *settlement, struct hf_error *err)
{
    struct hf_op *op = hf_op_new(HF_OP_SETTLE);
    if (!op) {
        return hf_error_set(err, HF_ENOMEM, "outbox: out of memory");
    }
    struct hf_audit_batch batch = {.events = settlement->event, .event_count = settlement->event ? 1 : 0};
    if (hf_op_add_settlement(op, settlement, err) != 0 || hf_op_add_batch(op, &batch, err) != 0) {
        hf_op_free(op);
        return -1;
    }
    return hf_writer_push(audit->writer, op, false, err);
}

int hf_audit_channels(struct hf_audit *audit, const char *const *channels, size_t count, struct hf_error *err)
{
    struct hf_op *op = hf_op_new(HF_OP_CHANNELS);
    const char **names = op ? hf_arena_array(op->arena, count, sizeof *names) : NULL;
    bool is_whole = names != NULL;
    for (size_t i = 0; is_whole && i < count; i++) {
        names[i] = hf_arena_copy(op->arena, channels[i], strlen(channels[i]));
        is_whole = names[i] != NULL;
    }
    if (!is_whole) {
        hf_op_free(op);
        return hf_error_set(err, HF_ENOMEM, "set the alert channels: out of memory");
    }
    op->channels = names;
    op->channel_count = count;
    return hf_writer_push(audit->writer, op, false, err);
}

void hf_audit_stats(struct hf_audit *audit, struct hf_audit_stats *out)
{
    hf_writer_stats(audit->writer, out);
}
