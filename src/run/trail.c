/* The trail and those it serves: the agent (what is durable, what is open) and the alerts (the outbox). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holdfast/json.h"
#include "holdfast/jsonout.h"
#include "run.h"

static void on_durable(void *ctx, uint64_t ticket)
{
    struct hf_run *run = ctx;
    struct hf_error err = HF_ERROR_INIT;
    if (run->agent && !hf_run_ask_recorded(run, ticket)) {
        hf_run_told(run, hf_agent_recorded(run->agent, ticket, &err), &err);
    }
}

static void on_trail_state(void *ctx, const struct hf_error *state)
{
    struct hf_run *run = ctx;
    run->trail_failing = state->code != HF_OK;
    (void)snprintf(run->trail_problem, sizeof run->trail_problem, "%s", state->text);
    if (run->trail_failing) {
        hf_log_error(run->log, HF_ERROR, "the trail can't be written: nothing is corrected until it can", state, NULL);
        hf_run_notice_failing(run, state);
    } else {
        hf_log_write(run->log, HF_INFO, "the trail is written again", NULL);
        hf_run_notice_over(run);
    }
    hf_run_publish(run);
}

static void on_outbox(void *ctx)
{
    struct hf_run *run = ctx;
    if (run->alert) {
        hf_alert_wake(run->alert);
    }
}

static int post(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message)
{
    return hf_loop_post(ctx, fn, fn_ctx, message);
}

int hf_run_trail_open(struct hf_run *run, struct hf_error *err)
{
    const char **names = hf_calloc(run->config->channel_count, sizeof *names);
    if (!names) {
        return hf_error_set(err, HF_ENOMEM, "open the trail: out of memory");
    }
    for (size_t i = 0; i < run->config->channel_count; i++) {
        names[i] = run->config->channels[i].name;
    }
    struct hf_buf key = {0};
    struct hf_audit_options options = {
        .path = run->database, .channels = names, .channel_count = run->config->channel_count};
    int result = run->config->trail.hmac_key.file ? hf_audit_key_load(run->config->trail.hmac_key.file, &key, err) : 0;
    options.key = key.ptr;
    options.key_len = key.len;
    struct hf_audit_events events = {run, on_durable, on_trail_state, on_outbox};
    if (result == 0) {
        result = hf_audit_open(&options, &events, post, run->loop, run->log, &run->audit, err);
    }
    if (key.ptr) {
        hf_wipe(key.ptr, key.cap);
    }
    hf_buf_free(&key);
    free(names);
    return result;
}

struct resume {
    struct hf_run *run;
    const char *target; /* only this one's; NULL: all */
    int result;
    struct hf_error *err;
};

static bool resume_one(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct resume *resume = ctx;
    (void)id;
    (void)digest;
    if (resume->target && (!event->target || strcmp(event->target, resume->target) != 0)) {
        return true;
    }
    resume->result = hf_agent_resume(resume->run->agent, event, resume->err);
    return resume->result == 0;
}

static bool know_one(void *ctx, const struct hf_audit_object *object)
{
    struct resume *resume = ctx;
    if (resume->target && (!object->target || strcmp(object->target, resume->target) != 0)) {
        return true;
    }
    resume->result = hf_agent_known(resume->run->agent, object, resume->err);
    return resume->result == 0;
}

int hf_run_trail_resume(struct hf_run *run, const char *target, struct hf_error *err)
{
    struct hf_audit_reader *reader;
    if (hf_audit_reader_open(run->database, &reader, err) != 0) {
        return -1;
    }
    struct resume resume = {run, target, 0, err};
    int result = hf_audit_open_incidents(reader, resume_one, &resume, err);
    if (result == 0 && resume.result == 0) {
        result = hf_audit_objects(reader, know_one, &resume, err);
    }
    hf_audit_reader_close(reader);
    return result != 0 ? result : resume.result;
}

struct taking {
    struct hf_run *run;
    char channel[];
};

static void on_taken(void *ctx, const struct hf_outbox_row *rows, size_t count, int64_t next_due_ms)
{
    struct taking *taking = ctx;
    struct hf_alert_message *messages = hf_calloc(count, sizeof *messages);
    for (size_t i = 0; messages && i < count; i++) {
        messages[i] = (struct hf_alert_message){rows[i].id, rows[i].key, rows[i].event_json, rows[i].attempts,
                                                rows[i].created_ms};
    }
    if (taking->run->alert) {
        hf_alert_taken(taking->run->alert, taking->channel, messages, messages ? count : 0, next_due_ms);
    }
    free(messages);
    free(taking);
}

static int take(void *ctx, const char *channel, size_t most, struct hf_error *err)
{
    struct hf_run *run = ctx;
    struct taking *taking = hf_calloc(1, sizeof *taking + strlen(channel) + 1);
    if (!taking) {
        return hf_error_set(err, HF_ENOMEM, "look into the outbox: out of memory");
    }
    taking->run = run;
    memcpy(taking->channel, channel, strlen(channel) + 1);
    if (hf_audit_outbox_take(run->audit, channel, hf_now_ms(), most, on_taken, taking, err) != 0) {
        free(taking);
        return -1;
    }
    return 0;
}

#define INCIDENTS_MOST 100

/* The incident of an event as JSON, in the arena; NULL. */
static const char *incident_of(struct hf_arena *arena, const char *event_json)
{
    static const struct hf_read_limits LIMITS = {.bytes = 1 << 20, .depth = 64};
    struct hf_error unread = HF_ERROR_INIT;
    const struct hf_value *event;
    if (hf_json_read(arena, event_json, strlen(event_json), &LIMITS, &event, &unread) != 0) {
        return NULL;
    }
    return hf_value_text(hf_value_get(event, "incident"));
}

/* By what hf_audit_deliveries finds it: channel, attempts, and the incidents that the message spoke for. */
static void add_detail(const struct hf_alert_settlement *settlement, int64_t attempts, struct hf_buf *out)
{
    const char *told[INCIDENTS_MOST];
    size_t count = 0;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_out_open(out, NULL, '{');
    hf_out_int(out, "attempts", attempts);
    hf_out_text(out, "channel", settlement->channel);
    hf_out_open(out, "incidents", '[');
    for (size_t i = 0; arena && i < settlement->count && count < INCIDENTS_MOST; i++) {
        const char *incident = incident_of(arena, settlement->messages[i]->event_json);
        size_t at = 0;
        while (incident && at < count && strcmp(told[at], incident) != 0) {
            at++;
        }
        if (incident && at == count) {
            told[count++] = incident;
            hf_out_text(out, NULL, incident);
        }
    }
    hf_out_close(out, ']');
    hf_out_close(out, '}');
}

/* One event a message, of all that it spoke for. That a row was not for a channel is no event. */
static bool describe(const struct hf_alert_settlement *settlement, struct hf_audit_event *event, struct hf_buf *text,
                     struct hf_buf *detail)
{
    int64_t attempts = 1;
    for (size_t i = 0; i < settlement->count; i++) {
        int64_t tried = settlement->messages[i]->attempts + 1;
        attempts = tried > attempts ? tried : attempts;
    }
    hf_buf_addf(text, "alert %s", settlement->key);
    if (settlement->count > 1) {
        hf_buf_addf(text, " (%zu events)", settlement->count);
    }
    if (settlement->outcome == HF_ALERT_DELIVERED) {
        event->type = "alert.delivered";
        event->severity = "info";
        hf_buf_addf(text, " reached %s at attempt %lld", settlement->channel, (long long)attempts);
    } else {
        event->type = "alert.failed";
        event->severity = "warning";
        hf_buf_addf(text, " never reached %s, given up after %lld attempts: %s", settlement->channel,
                    (long long)attempts, settlement->why ? settlement->why : "no reason known");
    }
    event->message = hf_buf_text(text);
    add_detail(settlement, attempts, detail);
    event->detail = hf_buf_text(detail);
    return settlement->outcome == HF_ALERT_DELIVERED || settlement->outcome == HF_ALERT_GIVEN_UP;
}

static int settle(void *ctx, const struct hf_alert_settlement *settlement, struct hf_error *err)
{
    struct hf_run *run = ctx;
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf detail = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    int64_t *ids = arena ? hf_arena_array(arena, settlement->count, sizeof *ids) : NULL;
    struct hf_audit_told *told = arena ? hf_arena_array(arena, settlement->told_count, sizeof *told) : NULL;
    struct hf_audit_event event = {.at_ms = hf_now_ms(),
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE};
    struct hf_audit_settlement kept = {.ids = ids,
                                       .next_ms = settlement->next_ms,
                                       .last_error = settlement->why,
                                       .how = settlement->outcome == HF_ALERT_AGAIN   ? HF_SETTLED_AGAIN
                                              : settlement->outcome == HF_ALERT_LATER ? HF_SETTLED_LATER
                                                                                      : HF_SETTLED,
                                       .told = told,
                                       .told_count = settlement->told_count};
    if (!ids || !told) {
        return hf_error_set(err, HF_ENOMEM, "settle an alert: out of memory");
    }
    for (size_t i = 0; i < settlement->count; i++) {
        if (settlement->messages[i]->id == HF_RUN_NOTICE) {
            hf_run_notice_settle(run, settlement->channel, settlement->outcome, settlement->next_ms);
        } else {
            ids[kept.count++] = settlement->messages[i]->id;
        }
    }
    for (size_t i = 0; i < settlement->told_count; i++) {
        const struct hf_alert_told *from = &settlement->told[i];
        told[i] = (struct hf_audit_told){.channel = settlement->channel,
                                         .incident = from->incident,
                                         .group = from->group,
                                         .thread = from->thread,
                                         .told_ms = from->at_ms,
                                         .event_id = from->event_id,
                                         .over = from->over};
    }
    if (kept.count == 0 && kept.told_count == 0) {
        return 0;
    }
    kept.event = describe(settlement, &event, &text, &detail) ? &event : NULL;
    return hf_audit_outbox_settle(run->audit, &kept, err);
}

void hf_run_outbox(struct hf_run *run, struct hf_alert_outbox *out)
{
    *out = (struct hf_alert_outbox){run, take, settle};
}

void hf_run_say(struct hf_run *run, const char *type, const char *severity, const char *message, const char *detail)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_event event = {.at_ms = hf_now_ms(),
                                   .type = type,
                                   .severity = severity,
                                   .message = message,
                                   .detail = detail,
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE};
    struct hf_audit_batch batch = {.events = &event, .event_count = 1};
    if (hf_audit_append(run->audit, &batch, 0, &err) != 0) {
        hf_log_error(run->log, HF_ERROR, "an event could not be recorded", &err, "event", type, NULL);
    }
}

/* The key of the digests that stand for Secret values: beside the database, made once, so that equal values can be told
 * equal over restarts and by nobody else. */
int hf_run_secret_key(const char *database, unsigned char out[32], struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_buf_addf(&path, "%s.key", database);
    hf_auto_fd int fd = open(hf_buf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "open %s", hf_buf_text(&path));
    }
    ssize_t got = read(fd, out, 32);
    if (got == 32) {
        return 0;
    }
    if (got != 0) {
        return hf_error_set(err, HF_ECORRUPT, "%s is not a key of 32 bytes", hf_buf_text(&path));
    }
    if (hf_random(out, 32, err) != 0) {
        return -1;
    }
    if (write(fd, out, 32) != 32 || fsync(fd) != 0) {
        int number = errno;
        (void)!ftruncate(fd, 0); /* a part of a key would be taken for a broken one for ever */
        return hf_error_errno(err, HF_EIO, number, "write %s", hf_buf_text(&path));
    }
    return 0;
}
