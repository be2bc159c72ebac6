/* The writer's thread: takes what waits, commits it as one group, tells it durable; on failure keeps it and tries
 * again. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "trail.h"

#define QUEUE_LIMIT 8192u
#define GROUP_RECORDS 2048u
#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS 2000
#define POST_AGAIN_MS 100

struct hf_writer {
    pthread_t thread;
    pthread_mutex_t mutex; /* over what is between the next two lines */
    pthread_cond_t wake;

    struct hf_ops queue;
    struct hf_ops takes;
    size_t waiting; /* records queued or in the group at work */
    size_t limit;
    bool closing;
    int64_t deadline_ms; /* monotonic, once closing */
    struct hf_audit_stats stats;

    /* The thread's own. */
    struct hf_recorder recorder;
    struct hf_mailbox *mailbox;
    struct hf_log *log;
    struct hf_ops group;
    bool failing;
    struct hf_error told;
    int64_t retry_ms; /* monotonic: not before */
    int64_t backoff_ms;
    bool post_failed;
};

/* What the thread has to do now; false: nothing. With the mutex held. */
static bool has_work(const struct hf_writer *writer, int64_t now)
{
    bool may_write = !writer->failing || now >= writer->retry_ms || writer->closing;
    return writer->takes.head || writer->closing || ((writer->group.head || writer->queue.head) && may_write);
}

static void wait_for_work(struct hf_writer *writer)
{
    while (!has_work(writer, hf_mono_ms())) {
        int64_t delay = -1;
        if (writer->failing && (writer->group.head || writer->queue.head)) {
            delay = writer->retry_ms - hf_mono_ms();
        }
        if (writer->post_failed && (delay < 0 || delay > POST_AGAIN_MS)) {
            delay = POST_AGAIN_MS;
        }
        if (delay < 0) {
            pthread_cond_wait(&writer->wake, &writer->mutex);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t nanoseconds = until.tv_nsec + (delay % 1000) * 1000000;
        until.tv_sec += (time_t)(delay / 1000 + nanoseconds / 1000000000);
        until.tv_nsec = (long)(nanoseconds % 1000000000);
        if (pthread_cond_timedwait(&writer->wake, &writer->mutex, &until) == ETIMEDOUT && writer->post_failed) {
            return;
        }
    }
}

static void fill_group(struct hf_writer *writer)
{
    size_t records = 0;
    while (!writer->group.head || records < GROUP_RECORDS) {
        struct hf_op *op = hf_ops_pop(&writer->queue);
        if (!op) {
            return;
        }
        records += hf_op_records(op);
        hf_ops_push(&writer->group, op);
    }
}

static void tell_failure(struct hf_writer *writer, const struct hf_error *err)
{
    if (!writer->failing || strcmp(writer->told.text, err->text) != 0) {
        hf_log_error(writer->log, HF_ERROR, "audit trail can't be written, trying again", err, NULL);
        hf_mailbox_state(writer->mailbox, err);
        writer->told = *err;
    }
    int64_t doubled = writer->failing ? writer->backoff_ms * 2 : RETRY_FIRST_MS;
    writer->backoff_ms = doubled < RETRY_MOST_MS ? doubled : RETRY_MOST_MS;
    writer->retry_ms = hf_mono_ms() + writer->backoff_ms;
    writer->failing = true;
}

static void tell_success(struct hf_writer *writer)
{
    if (writer->failing) {
        static const struct hf_error fine = HF_ERROR_INIT;
        hf_log_write(writer->log, HF_INFO, "audit trail can be written again", NULL);
        hf_mailbox_state(writer->mailbox, &fine);
        writer->failing = false;
    }
    if (writer->recorder.outbox_grew) {
        hf_mailbox_outbox(writer->mailbox);
    }
    hf_mailbox_told(writer->mailbox, &writer->group);
}

static void count_commit(struct hf_writer *writer, int64_t took_us, bool committed)
{
    pthread_mutex_lock(&writer->mutex);
    writer->stats.failing = !committed;
    if (committed) {
        for (const struct hf_op *op = writer->group.head; op; op = op->next) {
            writer->waiting -= hf_op_records(op);
        }
        writer->stats.commits++;
        writer->stats.events += writer->recorder.new_events;
        writer->stats.outbox += (uint64_t)writer->recorder.new_outbox;
        writer->stats.last_commit_us = took_us;
    }
    pthread_mutex_unlock(&writer->mutex);
}

static void write_group(struct hf_writer *writer)
{
    struct hf_error err = HF_ERROR_INIT;
    int64_t began = hf_mono_us();
    bool committed = hf_record_group(&writer->recorder, &writer->group, &err) == 0;
    count_commit(writer, hf_mono_us() - began, committed);
    if (committed) {
        tell_success(writer);
    } else {
        tell_failure(writer, &err);
    }
}

/* Reading needs no space on the disk: alerts go on while the trail can't be written. */
static void serve_takes(struct hf_writer *writer, struct hf_ops *takes)
{
    for (struct hf_op *op = takes->head; op; op = op->next) {
        struct hf_error err = HF_ERROR_INIT;
        if (hf_outbox_take(&writer->recorder, op, &err) != 0) {
            hf_log_error(writer->log, HF_ERROR, "outbox can't be read, trying again", &err, "channel", op->channel,
                         NULL);
            op->next_due_ms = op->now_ms + RETRY_MOST_MS;
        }
    }
    hf_mailbox_told(writer->mailbox, takes);
}

/* With the mutex held. Whether the thread is through. */
static bool is_over(const struct hf_writer *writer, bool tried)
{
    if (!writer->closing) {
        return false;
    }
    bool is_empty = !writer->group.head && !writer->queue.head;
    return is_empty || (tried && hf_mono_ms() >= writer->deadline_ms);
}

static void *run(void *arg)
{
    struct hf_writer *writer = arg;
    bool tried = false;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL); /* signals are the loop's; SIGXFSZ becomes an error of write(2) */
    pthread_mutex_lock(&writer->mutex);
    while (!is_over(writer, tried)) {
        wait_for_work(writer);
        struct hf_ops takes = writer->takes;
        memset(&writer->takes, 0, sizeof writer->takes);
        bool may_write = !writer->failing || hf_mono_ms() >= writer->retry_ms || writer->closing;
        if (may_write && !writer->group.head) {
            fill_group(writer);
        }
        bool closing = writer->closing;
        pthread_mutex_unlock(&writer->mutex);
        if (may_write && writer->group.head) {
            write_group(writer);
            tried = closing;
        }
        if (closing && writer->failing) {
            nanosleep(&(struct timespec){0, 10 * 1000000L}, NULL);
        }
        serve_takes(writer, &takes);
        writer->post_failed = !hf_mailbox_post(writer->mailbox);
        pthread_mutex_lock(&writer->mutex);
    }
    pthread_mutex_unlock(&writer->mutex);
    return NULL;
}

static int init_sync(struct hf_writer *writer, struct hf_error *err)
{
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&writer->mutex, NULL) != 0) {
        return hf_error_set(err, HF_ENOMEM, "start the audit writer: no mutex");
    }
    int failed = pthread_condattr_init(&attributes);
    if (!failed) {
        failed =
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) || pthread_cond_init(&writer->wake, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    if (failed) {
        pthread_mutex_destroy(&writer->mutex);
        return hf_error_set(err, HF_ENOMEM, "start the audit writer: no condition");
    }
    return 0;
}

static void writer_free(struct hf_writer *writer)
{
    hf_ops_free(&writer->queue);
    hf_mailbox_drop(&writer->takes);
    hf_ops_free(&writer->group);
    hf_recorder_free(&writer->recorder);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
}

int hf_writer_start(sqlite3 *db, const struct hf_audit_options *options, struct hf_mailbox *mailbox, struct hf_log *log,
                    struct hf_writer **out, struct hf_error *err)
{
    struct hf_writer *writer = hf_calloc(1, sizeof *writer);
    if (!writer) {
        return hf_error_set(err, HF_ENOMEM, "start the audit writer: out of memory");
    }
    if (init_sync(writer, err) != 0) {
        free(writer);
        return -1;
    }
    writer->mailbox = mailbox;
    writer->log = log;
    writer->limit = options->queue_limit ? options->queue_limit : QUEUE_LIMIT;
    int64_t outbox;
    int failed;
    if (hf_recorder_init(&writer->recorder, db, options, err) != 0 ||
        hf_store_integer(db, "SELECT count(*) FROM outbox", &outbox, err) != 0) {
        goto fail;
    }
    writer->stats.outbox = (uint64_t)outbox;
    failed = pthread_create(&writer->thread, NULL, run, writer);
    if (failed) {
        hf_error_errno(err, HF_ENOMEM, failed, "start the audit writer");
        goto fail;
    }
    *out = writer;
    return 0;
fail:
    writer_free(writer);
    return -1;
}

int hf_writer_push(struct hf_writer *writer, struct hf_op *op, bool bounded, struct hf_error *err)
{
    size_t records = hf_op_records(op);
    pthread_mutex_lock(&writer->mutex);
    /* A batch larger than the whole queue goes alone. */
    bool is_full = bounded && writer->waiting > 0 && writer->waiting + records > writer->limit;
    if (!is_full) {
        writer->waiting += records;
        hf_ops_push(op->kind == HF_OP_TAKE ? &writer->takes : &writer->queue, op);
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->mutex);
    if (is_full) {
        return hf_error_set(err, HF_EBUSY, "the audit trail's queue is full (%zu records)", writer->limit);
    }
    return 0;
}

size_t hf_writer_stop(struct hf_writer *writer, int64_t wait_ms)
{
    pthread_mutex_lock(&writer->mutex);
    writer->closing = true;
    writer->deadline_ms = hf_mono_ms() + wait_ms;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    size_t left = writer->queue.count + writer->group.count;
    writer_free(writer);
    return left;
}

void hf_writer_stats(struct hf_writer *writer, struct hf_audit_stats *out)
{
    pthread_mutex_lock(&writer->mutex);
    *out = writer->stats;
    out->queued = writer->waiting;
    pthread_mutex_unlock(&writer->mutex);
}
