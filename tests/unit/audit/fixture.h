/* A trail in a folder of its own, and a loop that is nothing but a queue of messages. */
#ifndef TEST_AUDIT_FIXTURE_H
#define TEST_AUDIT_FIXTURE_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/audit.h"
#include "holdfast/mem.h"

#define WAIT_MS 20000

struct message {
    struct message *next;
    void (*fn)(void *ctx, void *message);
    void *ctx;
    void *message;
};

struct loop {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct message *head;
    struct message *tail;
    bool refuses; /* posting fails */
};

struct trail {
    char folder[64];
    char path[96];
    struct loop loop;
    struct hf_audit *audit;
    struct hf_audit_options options;
    uint64_t tickets[4096]; /* told durable, in order */
    size_t ticket_count;
    size_t states;
    struct hf_error state; /* the last one told */
    size_t outbox_told;
    /* The last take's answer. */
    bool taken;
    size_t row_count;
    int64_t row_ids[64];
    char row_keys[64][64];
    char row_json[64][2048];
    int64_t row_attempts[64];
    int64_t next_due_ms;
};

void trail_init(struct trail *trail); /* the folder only */
void trail_open(struct trail *trail);
void trail_begin(struct trail *trail); /* both */
int trail_try_open(struct trail *trail, struct hf_error *err);
void trail_close(struct trail *trail);
void trail_end(struct trail *trail); /* closes and removes the folder */

bool trail_turn(struct trail *trail, int64_t wait_ms); /* runs one message; false: none came */
void trail_wait_durable(struct trail *trail, size_t count);
void trail_append(struct trail *trail, const struct hf_audit_event *event, uint64_t ticket);
void trail_take(struct trail *trail, const char *channel, int64_t now_ms, size_t most);
int loop_post(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message);
/* Copies what a reader needs beyond the callback. */
struct seen {
    size_t count;
    int64_t ids[256];
    char types[256][64];
    struct hf_audit_event last;
    struct hf_arena *arena;
    char digest[96];
    size_t stop_after; /* 0: never */
};
bool seen_row(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest);
struct hf_audit_reader *trail_reader(const struct trail *trail);
/* Verifies; the text of what is broken, "" when nothing is. */
const char *trail_verify(const struct trail *trail, int64_t *rows);
/* SQL on the file by a plain connection, as somebody with sqlite3 would; defences of the file itself stay. Returns the
 * result code. */
int trail_sql(const struct trail *trail, const char *sql);
/* The same with triggers dropped and put back: what a forger would do. */
void trail_forge(const struct trail *trail, const char *sql);
int64_t trail_count(const struct trail *trail, const char *sql);

/* What an event names in particular wins over what EVENT gives all. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define EVENT(...)                                                                                                     \
    (&(struct hf_audit_event){.at_ms = 1772357400123,                                                                  \
                              .drifted_at_ms = HF_TIME_NONE,                                                           \
                              .seen_at_ms = HF_TIME_NONE,                                                              \
                              .corrected_at_ms = HF_TIME_NONE,                                                         \
                              __VA_ARGS__})

#endif
