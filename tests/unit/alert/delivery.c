#include "delivery.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct asked {
    char channel[20];
    size_t most;
};

struct hf_loop *loop;
struct hf_http *http;
struct outbox outbox;
static struct hf_timer *checker;
static int64_t stop_ms;
static char log_text[65536];
static FILE *log_file;
struct hf_log *log_;

/* As the trail's outbox has it: none before one of the same incident that waits for later than `than`. */
static bool is_behind(size_t number, int64_t than)
{
    for (size_t i = 0; i < number; i++) {
        const struct row *before = &outbox.rows[i];
        if (!before->done && before->due_ms > than && strcmp(before->incident, outbox.rows[number].incident) == 0 &&
            strcmp(before->channel, outbox.rows[number].channel) == 0) {
            return true;
        }
    }
    return false;
}

static void answer(void *ctx, void *message)
{
    struct asked *asked = message;
    struct hf_alert_message found[ROWS];
    size_t count = 0;
    int64_t now = hf_now_ms();
    int64_t next = HF_TIME_NONE;
    (void)ctx;
    for (size_t i = 0; outbox.alert && i < outbox.count && count < asked->most; i++) {
        struct row *row = &outbox.rows[i];
        bool waits = strcmp(row->channel, asked->channel) == 0 && !row->done && !row->in_hand;
        if (waits && row->due_ms <= now && !is_behind(i, now)) {
            row->in_hand = true;
            found[count++] =
                (struct hf_alert_message){(int64_t)i + 1, row->key, row->json, row->attempts, row->created_ms};
        } else if (waits && !is_behind(i, row->due_ms) && (next == HF_TIME_NONE || row->due_ms < next)) {
            next = row->due_ms;
        }
    }
    if (outbox.alert) {
        hf_alert_taken(outbox.alert, asked->channel, found, count, next);
    }
}

int take(void *ctx, const char *channel, size_t most, struct hf_error *err)
{
    (void)ctx;
    cr_assert_geq(most, 1);
    if (outbox.refuse_takes > 0) {
        outbox.refuse_takes--;
        return hf_error_set(err, HF_EBUSY, "the queue is full");
    }
    static struct asked questions[4]; /* one a channel: none is asked twice at once */
    struct asked *asked = questions;
    while (asked->channel[0] && strcmp(asked->channel, channel) != 0) {
        asked++;
    }
    (void)snprintf(asked->channel, sizeof asked->channel, "%s", channel);
    asked->most = most;
    return hf_loop_post(loop, answer, NULL, asked);
}

int settle(void *ctx, const struct hf_alert_settlement *settlement, struct hf_error *err)
{
    (void)ctx;
    if (outbox.refuse_settles > 0) {
        outbox.refuse_settles--;
        return hf_error_set(err, HF_EBUSY, "the queue is full");
    }
    for (size_t i = 0; i < settlement->told_count; i++) {
        const struct hf_alert_told *told = &settlement->told[i];
        size_t len = strlen(outbox.told);
        (void)snprintf(outbox.told + len, sizeof outbox.told - len, "%s %s %s; ", told->incident, told->group,
                       told->over     ? "over"
                       : told->thread ? told->thread
                                      : "-");
    }
    for (size_t i = 0; i < settlement->count; i++) {
        struct row *row = &outbox.rows[settlement->messages[i]->id - 1];
        cr_assert(row->in_hand && !row->done, "settled what was not in hand");
        cr_assert_str_eq(row->channel, settlement->channel);
        row->in_hand = false;
        row->done = settlement->outcome != HF_ALERT_AGAIN && settlement->outcome != HF_ALERT_LATER;
        row->outcome = settlement->outcome;
        row->attempts += settlement->outcome != HF_ALERT_LATER;
        row->due_ms = settlement->next_ms;
        (void)snprintf(row->why, sizeof row->why, "%s", settlement->why ? settlement->why : "");
        outbox.settled += row->done;
    }
    return 0;
}

void add_event(const char *channel, int incident, const char *what, const char *more)
{
    struct row *row = &outbox.rows[outbox.count];
    (void)snprintf(row->channel, sizeof row->channel, "%s", channel);
    (void)snprintf(row->key, sizeof row->key, "key-%zu", outbox.count);
    (void)snprintf(row->incident, sizeof row->incident, "i-%d", incident);
    (void)snprintf(row->json, sizeof row->json,
                   "{\"id\":%zu,\"type\":\"%s\",\"at\":\"2026-11-23T03:00:00.000Z\",\"message\":\"event %zu\"%s}",
                   outbox.count, what, outbox.count, more);
    row->created_ms = row->due_ms = hf_now_ms();
    outbox.count++;
}

void add_row(const char *channel, int incident)
{
    char more[40];
    (void)snprintf(more, sizeof more, ",\"incident\":\"i-%d\"", incident);
    add_event(channel, incident, "drift.seen", more);
}

static void check(void *ctx)
{
    (void)ctx;
    if (outbox.settled >= outbox.count || hf_mono_ms() > stop_ms) {
        hf_loop_stop(loop);
    } else {
        hf_timer_set(checker, 5);
    }
}

/* Runs until every row is settled for good, or ms have passed. */
bool run(int64_t ms)
{
    struct hf_error err = HF_ERROR_INIT;
    stop_ms = hf_mono_ms() + ms;
    hf_timer_set(checker, 5);
    cr_assert_eq(hf_loop_run(loop, &err), 0, "%s", err.text);
    return outbox.settled >= outbox.count;
}

void delivery_set_up(void)
{
    struct hf_error err = HF_ERROR_INIT;
    setenv("NO_PROXY", "*", 1);
    memset(&outbox, 0, sizeof outbox);
    loop = hf_loop_new(&err);
    http = hf_http_new(loop, "holdfast-test", &err);
    cr_assert(loop && http, "%s", err.text);
    checker = hf_timer_new(loop, check, NULL);
    log_file = tmpfile();
    log_ = hf_log_new(fileno(log_file), HF_DEBUG, HF_LOGFMT);
}

void delivery_tear_down(void)
{
    hf_alert_free(outbox.alert);
    outbox.alert = NULL;
    hf_timer_free(checker);
    hf_http_free(http);
    hf_loop_free(loop);
    hf_log_free(log_);
    (void)fclose(log_file);
}

const char *read_log(void)
{
    ssize_t len = pread(fileno(log_file), log_text, sizeof log_text - 1, 0);
    log_text[len > 0 ? len : 0] = '\0';
    return log_text;
}

void start(const struct hf_alert_channel *channels, size_t count)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_alert_outbox table = {NULL, take, settle};
    cr_assert_eq(hf_alert_new(loop, http, log_, channels, count, &table, &outbox.alert, &err), 0, "%s", err.text);
}

struct hf_alert_channel quick(const char *name, const char *url)
{
    return (struct hf_alert_channel){.name = name,
                                     .url = url,
                                     .timeout_ms = 300,
                                     .give_up_ms = 20000,
                                     .backoff_first_ms = 20,
                                     .backoff_max_ms = 100};
}

const char *url_of(const struct receiver *receiver, char *out, size_t size)
{
    (void)snprintf(out, size, "http://127.0.0.1:%u/services/topsecretpath?key=topsecretkey", receiver->port);
    return out;
}
