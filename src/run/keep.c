/* Keeps the trail provable and short: checkpoints elsewhere, at the start, every so often and at the stop; what is old
 * leaves it. On a thread of its own: elsewhere may be a share that hangs. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "holdfast/audit_keep.h"
#include "run.h"

#define END_MS 2000
#define REPORTS 8
#define NEVER INT64_MAX
#define SEGMENT_ROWS 50000
#define SLACK 20 /* only what is older by a twentieth goes: a file a day would be many */
#define LOOK_MOST_MS 3600000
#define LOOK_LEAST_MS 1000

/* An event on its way from the thread to the loop. */
struct report {
    const char *type;
    const char *severity;
    bool alert;
    char *message;
    char *detail;
};

struct run_keep {
    pthread_t thread;
    pthread_mutex_t mutex; /* over ending, ended and the reports */
    pthread_cond_t wake;
    bool ending;
    bool last; /* one more checkpoint, at the end */
    bool ended;
    struct report reports[REPORTS];
    size_t report_count;
    bool asked;    /* the loop, to remove what is in removal */
    bool answered; /* outcome tells how it went */
    struct hf_audit_removal removal;
    struct hf_error outcome;

    /* The thread's own. */
    struct hf_run *run; /* for posting alone */
    struct hf_loop *loop;
    char *database;
    char *file;
    struct hf_buf key;
    char host[256];
    int64_t every_ms;
    bool alert;
    int64_t retain_ms;
    char *folder;
    bool retain_failing;
    int64_t done_id;     /* of which the last checkpoint was made */
    int64_t mismatch_id; /* that was told */
    bool failing;
};

static void report_free(struct report *report)
{
    free(report->message);
    free(report->detail);
}

static void keep_free(struct run_keep *keep)
{
    for (size_t i = 0; i < keep->report_count; i++) {
        report_free(&keep->reports[i]);
    }
    if (keep->key.ptr) {
        hf_wipe(keep->key.ptr, keep->key.cap);
    }
    hf_buf_free(&keep->key);
    pthread_cond_destroy(&keep->wake);
    pthread_mutex_destroy(&keep->mutex);
    free(keep->database);
    free(keep->file);
    free(keep->folder);
    free(keep);
}

/* On the loop's thread. */
static void tell(struct hf_run *run, const struct report *report)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_event event = {.at_ms = hf_now_ms(),
                                   .type = report->type,
                                   .severity = report->severity,
                                   .message = report->message,
                                   .detail = report->detail,
                                   .alert = report->alert,
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE};
    struct hf_audit_batch batch = {.events = &event, .event_count = 1};
    bool is_fine = strcmp(report->severity, "info") == 0;
    hf_log_write(run->log, is_fine ? HF_DEBUG : HF_ERROR, report->message, "event", report->type, NULL);
    if (hf_audit_append(run->audit, &batch, 0, &err) != 0) {
        hf_log_error(run->log, HF_ERROR, "an event could not be recorded", &err, "event", report->type, NULL);
    }
}

static void on_reports(void *ctx, void *message)
{
    struct hf_run *run = ctx;
    struct run_keep *keep = run->keep;
    (void)message;
    if (!keep || !run->audit) {
        return;
    }
    pthread_mutex_lock(&keep->mutex);
    for (size_t i = 0; i < keep->report_count; i++) {
        tell(run, &keep->reports[i]);
        report_free(&keep->reports[i]);
    }
    keep->report_count = 0;
    pthread_mutex_unlock(&keep->mutex);
}

static void add_report(struct run_keep *keep, const char *type, const char *severity, bool alert,
                       struct hf_buf *message, struct hf_buf *detail)
{
    struct report report = {type, severity, alert, hf_buf_take(message), hf_buf_take(detail)};
    pthread_mutex_lock(&keep->mutex);
    bool fits = report.message && report.detail && keep->report_count < REPORTS && !keep->ending;
    if (fits) {
        keep->reports[keep->report_count++] = report;
        (void)hf_loop_post(keep->loop, on_reports, keep->run, keep); /* never after the end: the loop is gone then */
    }
    pthread_mutex_unlock(&keep->mutex);
    if (!fits) {
        report_free(&report);
    }
}

static void report_trouble(struct run_keep *keep, const char *type, const char *severity, const char *place,
                           const char *what, const struct hf_error *err)
{
    struct hf_buf message = {0};
    struct hf_buf detail = {0};
    hf_buf_addf(&message, "%s: %s", what, err->text);
    hf_buf_adds(&detail, "{\"file\":");
    hf_buf_add_json(&detail, hf_slice_of(place));
    hf_buf_adds(&detail, ",\"reason\":");
    hf_buf_add_json(&detail, hf_slice_of(err->text));
    hf_buf_addc(&detail, '}');
    add_report(keep, type, severity, true, &message, &detail);
}

static void report_made(struct run_keep *keep, int64_t id, struct hf_buf *line)
{
    struct hf_buf message = {0};
    struct hf_buf detail = {0};
    line->ptr[--line->len] = '\0'; /* the line feed */
    hf_buf_addf(&message, "checkpoint of the trail's event %lld%s%s: %s", (long long)id, keep->file ? " in " : "",
                keep->file ? keep->file : "", line->ptr);
    hf_buf_addf(&detail, "{\"checkpoint\":%s", line->ptr);
    if (keep->file) {
        hf_buf_adds(&detail, ",\"file\":");
        hf_buf_add_json(&detail, hf_slice_of(keep->file));
    }
    hf_buf_addc(&detail, '}');
    add_report(keep, "audit.checkpoint", "info", keep->alert, &message, &detail);
}

/* That the trail still holds what was kept last, before more is added behind it. */
static int check_last(struct run_keep *keep, struct hf_audit_reader *reader, struct hf_error *err)
{
    struct hf_audit_checkpoint last;
    struct hf_error broken = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!keep->file) {
        return 0;
    }
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "checkpoint: out of memory");
    }
    if (hf_audit_checkpoint_last(keep->file, arena, &last, err) != 0) {
        return -1;
    }
    if (last.id == 0 || hf_audit_checkpoint_holds(reader, &last, &broken) == 0) {
        return 0;
    }
    if (broken.code != HF_ECORRUPT) {
        *err = broken;
        return -1;
    }
    if (keep->mismatch_id != last.id) {
        report_trouble(keep, "audit.mismatch", "critical", keep->file, "the trail is not what its last checkpoint says",
                       &broken);
    }
    keep->mismatch_id = last.id;
    return 0;
}

struct newest {
    int64_t id;
    bool is_checkpoint;
};

static bool note_newest(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct newest *newest = ctx;
    (void)digest;
    newest->id = id;
    newest->is_checkpoint = event->type && strcmp(event->type, "audit.checkpoint") == 0;
    return false;
}

/* Nothing was added but the event that tells of the checkpoint before. */
static int has_news(const struct run_keep *keep, struct hf_audit_reader *reader, bool *has, struct hf_error *err)
{
    struct newest newest = {0};
    struct hf_audit_filter filter = {.limit = 1, .newest_first = true};
    int status = hf_audit_query(reader, &filter, note_newest, &newest, err);
    *has = newest.id > keep->done_id && !(newest.id == keep->done_id + 1 && newest.is_checkpoint);
    return status;
}

static int make_checkpoint(struct run_keep *keep, struct hf_audit_reader *reader, struct hf_error *err)
{
    hf_auto_buf struct hf_buf line = {0};
    bool has;
    int64_t id;
    if (check_last(keep, reader, err) != 0 || has_news(keep, reader, &has, err) != 0) {
        return -1;
    }
    if (!has) {
        return 0;
    }
    if (hf_audit_checkpoint_make(reader, keep->host, keep->key.ptr, keep->key.len, &id, &line, err) != 0) {
        return -1;
    }
    if (id == 0) {
        return 0;
    }
    if (keep->file && hf_audit_checkpoint_append(keep->file, (struct hf_slice){line.ptr, line.len}, err) != 0) {
        return -1;
    }
    keep->done_id = id;
    report_made(keep, id, &line);
    return 0;
}

static void checkpoint(struct run_keep *keep)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    int status = hf_audit_reader_open(keep->database, &reader, &err);
    if (status == 0) {
        status = make_checkpoint(keep, reader, &err);
        hf_audit_reader_close(reader);
    }
    if (status != 0 && !keep->failing) {
        report_trouble(keep, "audit.checkpoint_failed", "warning", keep->file,
                       "no checkpoint of the trail could be made", &err);
    }
    keep->failing = status != 0;
}

/* With the mutex held: until then, or until it is to end. */
static void wait_until(struct run_keep *keep, int64_t due_ms)
{
    while (!keep->ending) {
        int64_t delay = due_ms == NEVER ? LOOK_MOST_MS : due_ms - hf_mono_ms();
        if (delay <= 0) {
            return;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t nanoseconds = until.tv_nsec + (delay % 1000) * 1000000;
        until.tv_sec += (time_t)(delay / 1000 + nanoseconds / 1000000000);
        until.tv_nsec = (long)(nanoseconds % 1000000000);
        (void)pthread_cond_timedwait(&keep->wake, &keep->mutex, &until);
    }
}

/* On the loop's thread, which alone hands anything to the trail. */
static void on_removed(void *ctx, const struct hf_error *outcome)
{
    struct hf_run *run = ctx;
    struct run_keep *keep = run->keep;
    if (!keep) {
        return;
    }
    pthread_mutex_lock(&keep->mutex);
    keep->answered = keep->asked;
    keep->outcome = *outcome;
    pthread_cond_broadcast(&keep->wake);
    pthread_mutex_unlock(&keep->mutex);
}

static void on_remove(void *ctx, void *message)
{
    struct hf_run *run = ctx;
    struct run_keep *keep = run->keep;
    struct hf_error err = HF_ERROR_INIT;
    (void)message;
    if (!keep || !run->audit) {
        return;
    }
    pthread_mutex_lock(&keep->mutex);
    struct hf_audit_removal removal = keep->removal;
    bool asked = keep->asked;
    pthread_mutex_unlock(&keep->mutex);
    if (asked && hf_audit_remove(run->audit, &removal, on_removed, run, &err) != 0) {
        on_removed(run, &err);
    }
}

/* Waits for the loop. While the trail can't be written that may be long. */
static int ask_to_remove(struct run_keep *keep, const struct hf_audit_removal *removal, struct hf_error *err)
{
    pthread_mutex_lock(&keep->mutex);
    keep->removal = *removal;
    keep->asked = !keep->ending && hf_loop_post(keep->loop, on_remove, keep->run, keep) == 0;
    keep->answered = false;
    while (keep->asked && !keep->answered && !keep->ending) {
        pthread_cond_wait(&keep->wake, &keep->mutex);
    }
    keep->asked = false;
    if (keep->answered) {
        *err = keep->outcome;
    } else {
        (void)hf_error_set(err, HF_ECANCELED, "the agent stops");
    }
    pthread_mutex_unlock(&keep->mutex);
    return err->code == HF_OK ? 0 : -1;
}

static bool may_go_on(void *ctx, enum hf_audit_export_step step)
{
    struct run_keep *keep = ctx;
    (void)step;
    pthread_mutex_lock(&keep->mutex);
    bool ending = keep->ending;
    pthread_mutex_unlock(&keep->mutex);
    return !ending;
}

static bool note_first(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    (void)id;
    (void)digest;
    *(int64_t *)ctx = event->at_ms;
    return false;
}

static int remove_old(struct run_keep *keep, struct hf_audit_reader *reader, struct hf_error *err)
{
    int64_t before_ms = hf_now_ms() - keep->retain_ms;
    int64_t oldest_ms = HF_TIME_NONE;
    struct hf_audit_filter first = {.limit = 1};
    if (hf_audit_query(reader, &first, note_first, &oldest_ms, err) != 0) {
        return -1;
    }
    if (oldest_ms == HF_TIME_NONE || oldest_ms > before_ms - keep->retain_ms / SLACK) {
        return 0;
    }
    for (;;) {
        struct hf_audit_removal removal;
        if (hf_audit_removal_plan(reader, before_ms, SEGMENT_ROWS, &removal, NULL, err) != 0) {
            return -1;
        }
        if (removal.first_id == 0) {
            return 0;
        }
        if (hf_audit_removal_export(reader, &removal, keep->folder, keep->key.ptr, keep->key.len, may_go_on, keep,
                                    err) != 0) {
            return -1;
        }
        if (ask_to_remove(keep, &removal, err) != 0) {
            /* What came between plan and removal is no trouble: the next look plans anew. */
            return err->code == HF_ECONFLICT ? 0 : -1;
        }
    }
}

static void retain(struct run_keep *keep)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    int status = hf_audit_reader_open(keep->database, &reader, &err);
    if (status == 0) {
        status = remove_old(keep, reader, &err);
        hf_audit_reader_close(reader);
    }
    bool failed = status != 0 && err.code != HF_ECANCELED;
    if (failed && !keep->retain_failing) {
        report_trouble(keep, "audit.retain_failed", "warning", keep->folder, "old events could not be removed", &err);
    }
    keep->retain_failing = failed;
}

static int64_t look_every(const struct run_keep *keep)
{
    int64_t ms = keep->retain_ms / SLACK;
    return ms > LOOK_MOST_MS ? LOOK_MOST_MS : ms < LOOK_LEAST_MS ? LOOK_LEAST_MS : ms;
}

static void *work(void *arg)
{
    struct run_keep *keep = arg;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_mutex_lock(&keep->mutex);
    int64_t checkpoint_ms = keep->every_ms ? hf_mono_ms() : NEVER;
    int64_t retain_ms = keep->retain_ms ? hf_mono_ms() : NEVER;
    while (!keep->ending) {
        int64_t now = hf_mono_ms();
        pthread_mutex_unlock(&keep->mutex);
        if (now >= checkpoint_ms) {
            checkpoint_ms = now + keep->every_ms;
            checkpoint(keep);
        }
        if (now >= retain_ms) {
            retain_ms = now + look_every(keep);
            retain(keep);
        }
        pthread_mutex_lock(&keep->mutex);
        wait_until(keep, checkpoint_ms < retain_ms ? checkpoint_ms : retain_ms);
    }
    bool last = keep->last && keep->file;
    pthread_mutex_unlock(&keep->mutex);
    if (last) {
        checkpoint(keep);
    }
    pthread_mutex_lock(&keep->mutex);
    keep->ended = true;
    pthread_cond_broadcast(&keep->wake);
    pthread_mutex_unlock(&keep->mutex);
    return NULL;
}

static int init_sync(struct run_keep *keep, struct hf_error *err)
{
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&keep->mutex, NULL) != 0) {
        return hf_error_set(err, HF_ENOMEM, "keep the trail: no mutex");
    }
    int failed = pthread_condattr_init(&attributes);
    if (!failed) {
        failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) || pthread_cond_init(&keep->wake, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    if (failed) {
        pthread_mutex_destroy(&keep->mutex);
        return hf_error_set(err, HF_ENOMEM, "keep the trail: no condition");
    }
    return 0;
}

static int take_settings(struct run_keep *keep, struct hf_run *run, struct hf_error *err)
{
    const struct hf_config_trail *config = &run->config->trail;
    keep->run = run;
    keep->loop = run->loop;
    keep->every_ms = config->checkpoint_every_ms;
    keep->alert = config->checkpoint_alert;
    keep->database = hf_strdup(run->database);
    keep->file = hf_strdup(config->checkpoint_file);
    keep->retain_ms = config->retain_ms;
    keep->folder = hf_strdup(config->retain_folder);
    (void)gethostname(keep->host, sizeof keep->host - 1);
    if (!keep->database || (config->checkpoint_file && !keep->file) || (config->retain_folder && !keep->folder)) {
        return hf_error_set(err, HF_ENOMEM, "keep the trail: out of memory");
    }
    return config->hmac_key.file ? hf_audit_key_load(config->hmac_key.file, &keep->key, err) : 0;
}

int hf_run_keep_begin(struct hf_run *run, struct hf_error *err)
{
    if (run->config->trail.checkpoint_every_ms == 0 && run->config->trail.retain_ms == 0) {
        return 0;
    }
    struct run_keep *keep = hf_calloc(1, sizeof *keep);
    if (!keep) {
        return hf_error_set(err, HF_ENOMEM, "keep the trail: out of memory");
    }
    if (init_sync(keep, err) != 0) {
        free(keep);
        return -1;
    }
    int failed = 0;
    if (take_settings(keep, run, err) != 0 || (failed = pthread_create(&keep->thread, NULL, work, keep)) != 0) {
        if (failed) {
            (void)hf_error_errno(err, HF_ENOMEM, failed, "keep the trail");
        }
        keep_free(keep);
        return -1;
    }
    run->keep = keep;
    return 0;
}

void hf_run_keep_end(struct hf_run *run, bool last)
{
    struct run_keep *keep = run->keep;
    if (!keep) {
        return;
    }
    run->keep = NULL;
    pthread_mutex_lock(&keep->mutex);
    keep->ending = true;
    keep->last = last;
    pthread_cond_broadcast(&keep->wake);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += END_MS / 1000;
    while (!keep->ended && pthread_cond_timedwait(&keep->wake, &keep->mutex, &until) != ETIMEDOUT) {
    }
    bool ended = keep->ended;
    pthread_mutex_unlock(&keep->mutex);
    if (!ended) {
        /* It hangs in the system, and what it holds is left to it. */
        pthread_detach(keep->thread);
        hf_log_write(run->log, HF_ERROR, "the last checkpoint or export of the trail could not be made in time", NULL);
        return;
    }
    pthread_join(keep->thread, NULL);
    keep_free(keep);
}
