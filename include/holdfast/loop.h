/* The event loop: files, timers, signals, and messages from other threads. Nothing else knows about epoll.
 *
 * All calls on the loop's own thread, except hf_loop_post. Nothing called back may block. A callback may remove or free
 * anything, itself included. */
#ifndef HOLDFAST_LOOP_H
#define HOLDFAST_LOOP_H

#include <signal.h>

#include "holdfast/error.h"
#include "holdfast/text.h"

struct hf_loop;
struct hf_watch_fd;
struct hf_timer;

#define HF_READ 1u
#define HF_WRITE 2u

typedef void (*hf_fd_fn)(void *ctx, int fd, unsigned events);
typedef void (*hf_timer_fn)(void *ctx);
typedef void (*hf_signal_fn)(void *ctx, int signal);
typedef void (*hf_post_fn)(void *ctx, void *message);

struct hf_loop *hf_loop_new(struct hf_error *err);
/* After every timer was freed and no thread posts any more. Messages not yet delivered are dropped. */
void hf_loop_free(struct hf_loop *loop);

/* Runs until hf_loop_stop. -1 only when epoll itself fails. Turns at least once a second, so that an old last turn
 * means a stuck loop. */
int hf_loop_run(struct hf_loop *loop, struct hf_error *err);
void hf_loop_stop(struct hf_loop *loop);

/* fd stays the caller's, and must be removed before it is closed. Errors and hang-ups are told as HF_READ|HF_WRITE. */
struct hf_watch_fd *hf_loop_add_fd(struct hf_loop *loop, int fd, unsigned events, hf_fd_fn fn, void *ctx,
                                   struct hf_error *err);
int hf_loop_set_fd(struct hf_loop *loop, struct hf_watch_fd *watch, unsigned events, struct hf_error *err);
void hf_loop_remove_fd(struct hf_loop *loop, struct hf_watch_fd *watch); /* NULL is fine */

/* A timer is made once, and set as often as wanted: fires once, delay_ms from now (0: on the next turn). */
struct hf_timer *hf_timer_new(struct hf_loop *loop, hf_timer_fn fn, void *ctx); /* NULL: memory */
void hf_timer_set(struct hf_timer *timer, int64_t delay_ms);
void hf_timer_clear(struct hf_timer *timer);
bool hf_timer_is_set(const struct hf_timer *timer);
void hf_timer_free(struct hf_timer *timer); /* NULL is fine */

/* Delivers signals by signalfd; blocks them in the calling thread (threads made later inherit that). */
int hf_loop_signals(struct hf_loop *loop, const sigset_t *set, hf_signal_fn fn, void *ctx, struct hf_error *err);

/* From any thread: fn(ctx, message) runs on the loop's thread, in order of posting, at the latest in hf_loop_free. -1
 * when memory is short or the loop is being freed; then message stays the caller's. */
int hf_loop_post(struct hf_loop *loop, hf_post_fn fn, void *ctx, void *message);

/* Monotonic ms of the last turn's start, and the longest turn so far in µs (for /livez and metrics). Any thread. */
int64_t hf_loop_last_turn_ms(const struct hf_loop *loop);
int64_t hf_loop_longest_turn_us(const struct hf_loop *loop);

#endif
