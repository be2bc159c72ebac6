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
#define LOOK_MS 2000 /* whether the file is still there, when nothing is written */

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
    struct hf_store *store;
    struct hf_recorder recorder;
    struct hf_mailbox *mailbox;
    struct hf_log *log;
    struct hf_ops group;
    bool recorded;   /* the group is in the open file; not known yet: whether that is still at its path */
    bool reopened;   /* since the last commit: its own check had nothing to say against the file */
    char *set_aside; /* where to; not yet recorded, as the next two */
    struct hf_error reason;
    bool restored;
    int64_t look_ms; /* monotonic */
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
    bool has_records = writer->failing || writer->group.head || writer->queue.head;
    return writer->takes.head || writer->closing || now >= writer->look_ms || (has_records && may_write);
}

static void wait_for_work(struct hf_writer *writer)
{
    while (!has_work(writer, hf_mono_ms())) {
        int64_t until_ms = writer->failing && writer->retry_ms < writer->look_ms ? writer->retry_ms : writer->look_ms;
        int64_t delay = until_ms - hf_mono_ms();
        if (writer->post_failed && delay > POST_AGAIN_MS) {
            delay = POST_AGAIN_MS;
        }
        if (delay <= 0) {
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
    if (committed && writer->group.head) {
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

/* What became of the file is its next record: of a new one, the first. */
static int add_note(struct hf_writer *writer, struct hf_error *err)
{
    struct hf_op *note;
    if (!writer->set_aside && !writer->restored) {
        return 0;
    }
    if (hf_mend_told(writer->store->path, writer->set_aside, writer->set_aside ? &writer->reason : NULL, &note, err) !=
        0) {
        return -1;
    }
    pthread_mutex_lock(&writer->mutex);
    writer->waiting += hf_op_records(note);
    if (writer->recorded) {
        hf_ops_push(&writer->queue, note); /* the group at hand is in the file already */
    } else {
        struct hf_ops rest = writer->group;
        memset(&writer->group, 0, sizeof writer->group);
        hf_ops_push(&writer->group, note);
        hf_ops_append(&writer->group, &rest);
    }
    pthread_mutex_unlock(&writer->mutex);
    free(writer->set_aside);
    writer->set_aside = NULL;
    writer->restored = false;
    return 0;
}

static int open_again(struct hf_writer *writer, struct hf_error *err)
{
    struct hf_store *store = writer->store;
    struct hf_error reason = HF_ERROR_INIT;
    char *set_aside = NULL;
    int64_t outbox;
    int status = hf_store_open(store->path, true, writer->log, &store->db, &set_aside, &reason, err);
    if (set_aside) {
        free(writer->set_aside);
        writer->set_aside = set_aside;
        writer->reason = reason;
    }
    if (status == 0 && (hf_recorder_attach(&writer->recorder, store->db, err) != 0 ||
                        hf_store_integer(store->db, "SELECT count(*) FROM outbox", &outbox, err) != 0)) {
        hf_recorder_detach(&writer->recorder);
        sqlite3_close(store->db);
        status = -1;
    }
    if (status != 0) {
        store->db = NULL;
        return -1;
    }
    hf_store_watch(store);
    pthread_mutex_lock(&writer->mutex);
    writer->stats.outbox = (uint64_t)outbox;
    pthread_mutex_unlock(&writer->mutex);
    return 0;
}

/* Opening it again checks it, and sets it aside. When the check has nothing to say and it still can't be written, it is
 * set aside all the same. */
static int leave_corrupt(struct hf_writer *writer, struct hf_error *err)
{
    struct hf_store *store = writer->store;
    struct hf_error why = *err;
    int64_t last_id = writer->recorder.last_id;
    hf_recorder_detach(&writer->recorder);
    sqlite3_close(store->db);
    store->db = NULL;
    writer->recorded = false;
    if (writer->reopened) {
        char *set_aside;
        if (hf_store_set_aside(store->path, &set_aside, err) != 0) {
            return -1;
        }
        hf_log_error(writer->log, HF_ERROR, "audit trail is corrupt, set aside", &why, "path", store->path, "aside",
                     set_aside, NULL);
        free(writer->set_aside);
        writer->set_aside = set_aside;
        writer->reason = why;
    }
    writer->reopened = true;
    if (open_again(writer, err) != 0) {
        return -1;
    }
    if (!writer->set_aside && writer->recorder.last_id < last_id) {
        hf_log_write(writer->log, HF_ERROR, "audit trail has lost its newest events", "path", store->path, NULL);
        writer->recorder.last_id = last_id; /* the next id shows the gap */
    }
    return 0;
}

static int write_back(struct hf_writer *writer, struct hf_error *err)
{
    if (hf_store_write_back(writer->store, err) != 0) {
        return -1;
    }
    hf_recorder_detach(&writer->recorder);
    writer->restored = true;
    hf_log_write(writer->log, HF_ERROR, "audit trail had vanished and was written anew", "path", writer->store->path,
                 NULL);
    return open_again(writer, err);
}

static int try_group(struct hf_writer *writer, struct hf_error *err)
{
    if ((!writer->store->db && open_again(writer, err) != 0) || add_note(writer, err) != 0) {
        return -1;
    }
    if (!writer->recorded && !writer->group.head) {
        writer->recorder.outbox_grew = false;
    } else if (!writer->recorded && hf_record_group(&writer->recorder, &writer->group, err) != 0) {
        return -1;
    }
    writer->recorded = writer->group.head != NULL;
    if (hf_store_in_place(writer->store, err) != 0) {
        return -1;
    }
    writer->recorded = false;
    writer->reopened = false;
    return 0;
}

static bool mend(struct hf_writer *writer, struct hf_error *err)
{
    if (!writer->store->db) {
        return false;
    }
    return err->code == HF_ECORRUPT    ? leave_corrupt(writer, err) == 0
           : err->code == HF_ENOTFOUND ? write_back(writer, err) == 0
                                       : false;
}

/* The group at hand; with an empty one it is only seen that the file is still there. */
static void write_group(struct hf_writer *writer)
{
    struct hf_error err = HF_ERROR_INIT;
    int64_t began = hf_mono_us();
    bool committed = try_group(writer, &err) == 0;
    /* The second time is for a file that its own check has nothing to say against. */
    for (int tries = 0; !committed && tries < 2 && mend(writer, &err); tries++) {
        hf_error_clear(&err);
        committed = try_group(writer, &err) == 0;
    }
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
        bool looks = hf_mono_ms() >= writer->look_ms;
        bool closing = writer->closing;
        pthread_mutex_unlock(&writer->mutex);
        if (may_write && (writer->group.head || writer->failing || looks)) {
            write_group(writer);
            tried = closing;
        }
        if (closing && writer->failing) {
            nanosleep(&(struct timespec){0, 10 * 1000000L}, NULL);
        }
        writer->look_ms = hf_mono_ms() + LOOK_MS;
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
    free(writer->set_aside);
    hf_recorder_free(&writer->recorder);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
}

int hf_writer_start(struct hf_store *store, const struct hf_audit_options *options, struct hf_mailbox *mailbox,
                    struct hf_log *log, struct hf_writer **out, struct hf_error *err)
{
    struct hf_writer *writer = hf_calloc(1, sizeof *writer);
    if (!writer) {
        return hf_error_set(err, HF_ENOMEM, "start the audit writer: out of memory");
    }
    if (init_sync(writer, err) != 0) {
        free(writer);
        return -1;
    }
    writer->store = store;
    writer->mailbox = mailbox;
    writer->log = log;
    writer->limit = options->queue_limit ? options->queue_limit : QUEUE_LIMIT;
    int64_t outbox;
    int failed;
    if (hf_recorder_init(&writer->recorder, options, err) != 0 ||
        hf_recorder_attach(&writer->recorder, store->db, err) != 0 ||
        hf_store_integer(store->db, "SELECT count(*) FROM outbox", &outbox, err) != 0) {
        goto fail;
    }
    writer->stats.outbox = (uint64_t)outbox;
    hf_store_watch(store);
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
