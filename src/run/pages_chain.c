/* Whether the trail's chain is whole. To verify it takes a second for some hundred thousand events: it is done on a
 * thread of its own when somebody wants to know, and what was found stands for a while. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "holdfast/json.h"
#include "holdfast/jsonout.h"
#include "pages.h"

#define STANDS_MS 600000
#define STANDS_LEAST_MS 10000 /* who asks for it anew waits for so long */
#define SHARE 20              /* and for so many times what it took: it takes no more than a twentieth of a processor */
#define GENTLE 10

static bool is_due(const struct run_pages *pages, bool verify, int64_t now_ms)
{
    const struct run_finding *found = &pages->found;
    if (pages->stopping || pages->running || pages->wanted) {
        return false;
    }
    int64_t stands = verify ? STANDS_LEAST_MS : STANDS_MS;
    stands = stands > found->took_ms * SHARE ? stands : found->took_ms * SHARE;
    return found->at_ms == HF_TIME_NONE || now_ms < found->at_ms || now_ms - found->at_ms >= stands;
}

/* Only what was found of the chain is told; why a file can't be read names files, and goes to the log. */
static void tell_problem(const struct run_pages *pages, const struct hf_error *err, struct run_finding *found)
{
    bool is_of_chain = err->code == HF_ECORRUPT || err->code == HF_EINVAL;
    hf_log_error(pages->log, HF_ERROR, "the trail's chain does not verify", err, NULL);
    if (is_of_chain) {
        (void)snprintf(found->problem, sizeof found->problem, "%s", err->text);
    } else {
        (void)snprintf(found->problem, sizeof found->problem, "it could not be verified (%s)", hf_code_name(err->code));
    }
}

static int prove(struct run_pages *pages, struct hf_audit_proof *proof, struct hf_error *err)
{
    struct hf_buf key = {0};
    struct hf_audit_reader *reader = NULL;
    int result = pages->key_file ? hf_audit_key_load(pages->key_file, &key, err) : 0;
    struct hf_audit_checks checks = {.key = key.ptr, .key_len = key.len};
    if (result == 0) {
        result = hf_audit_reader_open(pages->database, &reader, err);
    }
    pthread_mutex_lock(&pages->lock);
    pages->verifying = reader;
    bool stopping = pages->stopping;
    pthread_mutex_unlock(&pages->lock);
    if (result == 0) {
        result =
            stopping ? hf_error_set(err, HF_ECANCELED, "the agent stops") : hf_audit_prove(reader, &checks, proof, err);
    }
    pthread_mutex_lock(&pages->lock);
    pages->verifying = NULL;
    pthread_mutex_unlock(&pages->lock);
    hf_audit_reader_close(reader);
    if (key.ptr) {
        hf_wipe(key.ptr, key.cap);
    }
    hf_buf_free(&key);
    return result;
}

static void *work(void *arg)
{
    struct run_pages *pages = arg;
    (void)setpriority(PRIO_PROCESS, 0, GENTLE); /* Linux: of this thread */
    pthread_mutex_lock(&pages->lock);
    while (!pages->stopping) {
        if (!pages->wanted) {
            pthread_cond_wait(&pages->news, &pages->lock);
            continue;
        }
        struct run_finding found = {0};
        struct hf_error err = HF_ERROR_INIT;
        int64_t began_ms = hf_mono_ms();
        pages->wanted = false;
        pages->running = true;
        pthread_mutex_unlock(&pages->lock);
        if (prove(pages, &found.proof, &err) != 0 && err.code != HF_ECANCELED) {
            tell_problem(pages, &err, &found);
        }
        found.at_ms = hf_now_ms();
        found.took_ms = hf_mono_ms() - began_ms;
        pthread_mutex_lock(&pages->lock);
        pages->running = false;
        if (err.code != HF_ECANCELED) {
            pages->found = found;
        }
    }
    pthread_mutex_unlock(&pages->lock);
    return NULL;
}

/* With the lock held. The thread is begun by the first who wants to know. */
static void want(struct run_pages *pages)
{
    sigset_t all;
    sigset_t before;
    if (!pages->has_thread) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pages->has_thread = pthread_create(&pages->thread, NULL, work, pages) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pages->wanted = pages->has_thread;
    pthread_cond_signal(&pages->news);
}

void hf_pages_chain_end(struct run_pages *pages)
{
    pthread_mutex_lock(&pages->lock);
    bool has_thread = pages->has_thread;
    pages->has_thread = false;
    pthread_mutex_unlock(&pages->lock);
    if (has_thread) {
        pthread_join(pages->thread, NULL);
    }
}

struct told {
    int64_t at_ms;
    int64_t id;
    char message[HF_ERROR_TEXT];
};

static bool keep_told(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    static const struct hf_read_limits LIMITS = {.bytes = 1 << 16, .depth = 8};
    struct told *told = ctx;
    struct hf_error unread = HF_ERROR_INIT;
    const struct hf_value *detail;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    (void)id;
    (void)digest;
    told->at_ms = event->at_ms;
    (void)snprintf(told->message, sizeof told->message, "%s", event->message ? event->message : "");
    if (arena && event->detail &&
        hf_json_read(arena, event->detail, strlen(event->detail), &LIMITS, &detail, &unread) == 0) {
        (void)hf_value_int(hf_value_path(detail, "checkpoint", "id", NULL), &told->id);
    }
    return false;
}

static int newest(struct hf_audit_reader *reader, const char *type, struct told *told, struct hf_error *err)
{
    struct hf_audit_filter filter = {
        .type = type, .limit = 1, .newest_first = true, .since_ms = HF_TIME_NONE, .until_ms = HF_TIME_NONE};
    *told = (struct told){.at_ms = HF_TIME_NONE};
    return hf_audit_query(reader, &filter, keep_told, told, err);
}

static void add_found(struct hf_buf *out, const struct run_finding *found)
{
    const struct hf_audit_proof *proof = &found->proof;
    hf_out_time(out, "verified_at", found->at_ms);
    if (found->at_ms == HF_TIME_NONE) {
        hf_out_text(out, "verified", NULL);
        return;
    }
    hf_out_open(out, "verified", '{');
    hf_out_int(out, "events", proof->rows);
    hf_out_int(out, "last_id", proof->last_id);
    hf_out_text(out, "head", proof->head[0] ? proof->head : NULL);
    hf_out_int(out, "removed", proof->removed);
    hf_out_bool(out, "keyed", proof->keyed_from > 0);
    hf_out_int(out, "took_ms", found->took_ms);
    hf_out_close(out, '}');
}

int hf_pages_chain(void *ctx, bool verify, struct hf_buf *out, struct hf_error *err)
{
    struct run_pages *pages = ctx;
    struct hf_audit_reader *reader;
    struct hf_audit_extent extent;
    struct told checkpoint;
    struct told mismatch;
    if (hf_pages_borrow(pages, &reader, err) != 0) {
        return -1;
    }
    int result = hf_audit_extent(reader, &extent, err);
    if (result == 0 && newest(reader, "audit.checkpoint", &checkpoint, err) == 0) {
        result = newest(reader, "audit.mismatch", &mismatch, err);
    } else {
        result = -1;
    }
    hf_pages_return(pages, reader);
    if (result != 0) {
        return -1;
    }
    pthread_mutex_lock(&pages->lock);
    if (is_due(pages, verify, hf_now_ms())) {
        want(pages);
    }
    struct run_finding found = pages->found;
    bool is_verifying = pages->wanted || pages->running;
    pthread_mutex_unlock(&pages->lock);
    const char *problem = found.problem[0] ? found.problem : mismatch.message[0] ? mismatch.message : NULL;
    hf_out_open(out, NULL, '{');
    hf_out_int(out, "events", extent.events);
    if (extent.last_id > 0) {
        hf_out_open(out, "head", '{');
        hf_out_int(out, "id", extent.last_id);
        hf_out_text(out, "digest", extent.head);
        hf_out_close(out, '}');
    } else {
        hf_out_text(out, "head", NULL);
    }
    add_found(out, &found);
    hf_out_bool(out, "verifying", is_verifying);
    hf_out_text(out, "problem", problem);
    if (checkpoint.at_ms != HF_TIME_NONE) {
        hf_out_open(out, "checkpoint", '{');
        hf_out_time(out, "at", checkpoint.at_ms);
        hf_out_int(out, "id", checkpoint.id);
        hf_out_close(out, '}');
    } else {
        hf_out_text(out, "checkpoint", NULL);
    }
    hf_out_close(out, '}');
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "read the trail: out of memory");
}
