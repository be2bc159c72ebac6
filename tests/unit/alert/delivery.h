/* A real loop, a log, and an outbox in memory that keeps the audit trail's rules. */
#ifndef HF_TEST_DELIVERY_H
#define HF_TEST_DELIVERY_H

#include "holdfast/alert.h"
#include "holdfast/clock.h"
#include "holdfast/mem.h"
#include "receiver.h"

#define ROWS 300

struct row {
    char channel[20];
    char key[40];
    char json[700];
    char incident[24];
    int64_t attempts;
    int64_t created_ms;
    int64_t due_ms;
    bool in_hand;
    bool done;
    int outcome;
    char why[300];
};

/* Due, not in hand, and nothing of the same incident and channel before it that waits. */
struct outbox {
    struct hf_loop *loop;
    struct hf_alert *alert;
    struct row rows[ROWS];
    size_t count;
    int refuse_takes;
    int refuse_settles;
    size_t settled;
    char told[2000]; /* "incident group thread|over; " for each that was told */
};

extern struct outbox outbox;
extern struct hf_loop *loop;
extern struct hf_http *http;
extern struct hf_log *log_;

void delivery_set_up(void);
void delivery_tear_down(void);
/* One of incident number `incident`; what: the event's type. */
void add_row(const char *channel, int incident);
void add_event(const char *channel, int incident, const char *what, const char *more);
/* Runs until every row is settled for good, or ms have passed. */
bool run(int64_t ms);
const char *read_log(void);
void start(const struct hf_alert_channel *channels, size_t count);
struct hf_alert_channel quick(const char *name, const char *url);
const char *url_of(const struct receiver *receiver, char *out, size_t size);
int take(void *ctx, const char *channel, size_t most, struct hf_error *err);
int settle(void *ctx, const struct hf_alert_settlement *settlement, struct hf_error *err);

#endif
