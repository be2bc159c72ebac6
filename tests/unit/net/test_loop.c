#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/loop.h"
#include "holdfast/mem.h"

/* What callbacks write down, in order, and whom they act on. */
struct trace {
    struct hf_loop *loop;
    char order[64];
    struct hf_timer *timers[8];
    struct hf_watch_fd *watches[8];
    int fds[8];
    int count;
    int wanted;
};

static void note(struct trace *trace, char letter)
{
    size_t len = strlen(trace->order);
    if (len + 1 < sizeof trace->order) {
        trace->order[len] = letter;
    }
    if (--trace->wanted == 0) {
        hf_loop_stop(trace->loop);
    }
}

static struct trace *new_trace(int wanted)
{
    struct hf_error err = HF_ERROR_INIT;
    struct trace *trace = hf_calloc(1, sizeof *trace);
    trace->loop = hf_loop_new(&err);
    trace->wanted = wanted;
    cr_assert_not_null(trace->loop, "%s", err.text);
    return trace;
}

static void run(struct trace *trace)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_loop_run(trace->loop, &err), 0, "%s", err.text);
}

static void free_trace(struct trace *trace)
{
    for (int i = 0; i < 8; i++) {
        hf_timer_free(trace->timers[i]);
    }
    hf_loop_free(trace->loop);
    free(trace);
}

static void on_a(void *ctx)
{
    note(ctx, 'a');
}

static void on_b(void *ctx)
{
    note(ctx, 'b');
}

static void on_c(void *ctx)
{
    note(ctx, 'c');
}

Test(loop, timers_fire_in_the_order_of_their_times)
{
    struct trace *trace = new_trace(3);
    trace->timers[0] = hf_timer_new(trace->loop, on_a, trace);
    trace->timers[1] = hf_timer_new(trace->loop, on_b, trace);
    trace->timers[2] = hf_timer_new(trace->loop, on_c, trace);
    int64_t begun = hf_mono_ms();
    hf_timer_set(trace->timers[2], 30);
    hf_timer_set(trace->timers[0], 1);
    hf_timer_set(trace->timers[1], 15);
    run(trace);
    cr_expect_str_eq(trace->order, "abc");
    cr_expect_geq(hf_mono_ms() - begun, 29);
    cr_expect_not(hf_timer_is_set(trace->timers[2]));
    free_trace(trace);
}

Test(loop, a_timer_set_again_fires_once_at_its_last_time)
{
    struct trace *trace = new_trace(2);
    trace->timers[0] = hf_timer_new(trace->loop, on_a, trace);
    trace->timers[1] = hf_timer_new(trace->loop, on_b, trace);
    hf_timer_set(trace->timers[0], 1);
    hf_timer_set(trace->timers[0], 25);
    hf_timer_set(trace->timers[1], 5);
    run(trace);
    cr_expect_str_eq(trace->order, "ba");
    free_trace(trace);
}

Test(loop, a_cleared_timer_does_not_fire)
{
    struct trace *trace = new_trace(1);
    trace->timers[0] = hf_timer_new(trace->loop, on_a, trace);
    trace->timers[1] = hf_timer_new(trace->loop, on_b, trace);
    hf_timer_set(trace->timers[0], 1);
    hf_timer_set(trace->timers[1], 10);
    hf_timer_clear(trace->timers[0]);
    cr_expect_not(hf_timer_is_set(trace->timers[0]));
    run(trace);
    cr_expect_str_eq(trace->order, "b");
    free_trace(trace);
}

static void on_free_others(void *ctx)
{
    struct trace *trace = ctx;
    for (int i = 0; i < 3; i++) {
        hf_timer_free(trace->timers[i]);
        trace->timers[i] = NULL;
    }
    note(trace, 'f');
}

Test(loop, a_timer_may_free_itself_and_others_that_are_due)
{
    struct trace *trace = new_trace(2);
    trace->timers[0] = hf_timer_new(trace->loop, on_free_others, trace);
    trace->timers[1] = hf_timer_new(trace->loop, on_a, trace);
    trace->timers[2] = hf_timer_new(trace->loop, on_b, trace);
    trace->timers[3] = hf_timer_new(trace->loop, on_c, trace);
    for (int i = 0; i < 4; i++) {
        hf_timer_set(trace->timers[i], 0);
    }
    run(trace);
    cr_expect_str_eq(trace->order, "fc");
    free_trace(trace);
}

static void on_again(void *ctx)
{
    struct trace *trace = ctx;
    note(trace, 'a');
    if (++trace->count < 3) {
        hf_timer_set(trace->timers[0], 0);
    }
}

Test(loop, a_timer_of_no_delay_set_by_itself_waits_for_the_next_turn)
{
    struct trace *trace = new_trace(4);
    trace->timers[0] = hf_timer_new(trace->loop, on_again, trace);
    trace->timers[1] = hf_timer_new(trace->loop, on_b, trace);
    hf_timer_set(trace->timers[0], 0);
    hf_timer_set(trace->timers[1], 0);
    run(trace);
    cr_expect_str_eq(trace->order, "abaa");
    free_trace(trace);
}

/* The heap against a plain sort: 2,000 timers with random times, a third of them cleared or set anew. */
struct many {
    struct trace *trace;
    int64_t earliest; /* the clock was read by the test before, and after, the loop read it */
    int64_t latest;
    int64_t *last;
    struct hf_timer *timer;
};

static void on_many(void *ctx)
{
    struct many *one = ctx;
    cr_assert_geq(one->latest, *one->last, "fired at %lld after %lld", (long long)one->latest, (long long)*one->last);
    if (one->earliest > *one->last) {
        *one->last = one->earliest;
    }
    note(one->trace, 'x');
}

Test(loop, thousands_of_timers_fire_in_order_after_random_changes)
{
    enum { COUNT = 2000 };
    struct trace *trace = new_trace(0);
    struct many *all = hf_calloc(COUNT, sizeof *all);
    int64_t last = 0;
    uint32_t seed = 12345;
    int64_t begun = hf_mono_ms();
    for (int i = 0; i < COUNT; i++) {
        all[i] = (struct many){.trace = trace, .last = &last};
        all[i].timer = hf_timer_new(trace->loop, on_many, &all[i]);
        cr_assert_not_null(all[i].timer);
    }
    for (int i = 0; i < COUNT * 2; i++) {
        seed = seed * 1103515245u + 12345u;
        struct many *one = &all[(seed >> 8) % COUNT];
        if (i % 5 == 4) {
            hf_timer_clear(one->timer);
        } else {
            int64_t delay = 5 + (int64_t)(seed >> 16) % 100 * 2;
            one->earliest = hf_mono_ms() - begun + delay;
            hf_timer_set(one->timer, delay);
            one->latest = hf_mono_ms() - begun + delay + 1; /* a timer may round up to a whole millisecond */
        }
    }
    for (int i = 0; i < COUNT; i++) {
        trace->wanted += hf_timer_is_set(all[i].timer);
    }
    cr_assert_gt(trace->wanted, 500);
    run(trace);
    for (int i = 0; i < COUNT; i++) {
        hf_timer_free(all[i].timer);
    }
    free(all);
    free_trace(trace);
}

static void on_byte(void *ctx, int fd, unsigned events)
{
    char byte;
    if ((events & HF_READ) && read(fd, &byte, 1) == 1) {
        note(ctx, byte);
    }
}

static void add_pair(struct trace *trace, int slot, hf_fd_fn fn)
{
    struct hf_error err = HF_ERROR_INIT;
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    trace->fds[slot * 2] = pair[0];
    trace->fds[slot * 2 + 1] = pair[1];
    trace->watches[slot] = hf_loop_add_fd(trace->loop, pair[0], HF_READ, fn, trace, &err);
    cr_assert_not_null(trace->watches[slot], "%s", err.text);
}

static void close_pairs(struct trace *trace, int count)
{
    for (int i = 0; i < count * 2; i++) {
        close(trace->fds[i]);
    }
}

Test(loop, bytes_on_a_file_are_told)
{
    struct trace *trace = new_trace(2);
    add_pair(trace, 0, on_byte);
    cr_assert_eq(write(trace->fds[1], "xy", 2), 2);
    run(trace);
    cr_expect_str_eq(trace->order, "xy");
    free_trace(trace);
}

static void on_remove_all(void *ctx, int fd, unsigned events)
{
    (void)fd, (void)events;
    struct trace *trace = ctx;
    for (int i = 0; i < 3; i++) {
        hf_loop_remove_fd(trace->loop, trace->watches[i]);
        trace->watches[i] = NULL;
    }
    /* Descriptors are reused at once: what the batch still holds must not reach the new watch. */
    close_pairs(trace, 3);
    for (int i = 0; i < 3; i++) {
        add_pair(trace, i, on_byte);
    }
    note(trace, 'r');
}

Test(loop, a_file_watch_may_be_removed_while_its_event_is_pending)
{
    struct trace *trace = new_trace(2);
    for (int i = 0; i < 3; i++) {
        add_pair(trace, i, on_remove_all);
        cr_assert_eq(write(trace->fds[i * 2 + 1], "x", 1), 1);
    }
    trace->timers[0] = hf_timer_new(trace->loop, on_a, trace);
    hf_timer_set(trace->timers[0], 20);
    run(trace);
    cr_expect_str_eq(trace->order, "ra");
    close_pairs(trace, 3);
    free_trace(trace);
}

static void on_hang_up(void *ctx, int fd, unsigned events)
{
    (void)fd;
    struct trace *trace = ctx;
    cr_expect_eq(events, HF_READ | HF_WRITE);
    hf_loop_remove_fd(trace->loop, trace->watches[0]);
    note(trace, 'h');
}

Test(loop, a_hang_up_is_told_as_readable_and_writable)
{
    struct trace *trace = new_trace(1);
    add_pair(trace, 0, on_hang_up);
    close(trace->fds[1]);
    run(trace);
    cr_expect_str_eq(trace->order, "h");
    free_trace(trace);
}

Test(loop, a_watch_without_interest_does_not_spin_on_a_hang_up)
{
    struct hf_error err = HF_ERROR_INIT;
    struct trace *trace = new_trace(1);
    add_pair(trace, 0, on_hang_up);
    cr_assert_eq(hf_loop_set_fd(trace->loop, trace->watches[0], 0, &err), 0);
    close(trace->fds[1]);
    trace->timers[0] = hf_timer_new(trace->loop, on_a, trace);
    hf_timer_set(trace->timers[0], 20);
    run(trace);
    cr_expect_str_eq(trace->order, "a");
    cr_assert_eq(hf_loop_set_fd(trace->loop, trace->watches[0], HF_READ, &err), 0);
    trace->wanted = 1;
    run(trace);
    cr_expect_str_eq(trace->order, "ah");
    free_trace(trace);
}

Test(loop, a_file_that_can_not_be_watched_is_an_error)
{
    struct hf_error err = HF_ERROR_INIT;
    struct trace *trace = new_trace(1);
    cr_expect_null(hf_loop_add_fd(trace->loop, 9999, HF_READ, on_byte, trace, &err));
    cr_expect_eq(err.code, HF_EIO);
    cr_expect_neq(strstr(err.text, "9999"), NULL);
    free_trace(trace);
}

static void on_signal(void *ctx, int signal)
{
    note(ctx, signal == SIGUSR1 ? '1' : signal == SIGUSR2 ? '2' : '?');
}

Test(loop, signals_arrive_as_events)
{
    struct hf_error err = HF_ERROR_INIT;
    struct trace *trace = new_trace(2);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    cr_assert_eq(hf_loop_signals(trace->loop, &set, on_signal, trace, &err), 0, "%s", err.text);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    run(trace);
    cr_expect_str_eq(trace->order, "12");
    free_trace(trace);
}

enum { POSTERS = 4, POSTS = 500 };

struct poster {
    struct hf_loop *loop;
    pthread_t thread;
    struct trace *trace;
    int next; /* only the loop's thread reads and writes it */
};

static void on_post(void *ctx, void *message)
{
    struct poster *poster = ctx;
    int number = (int)(intptr_t)message;
    cr_assert_eq(number, poster->next, "message %d came in place of %d", number, poster->next);
    poster->next++;
    if (--poster->trace->wanted == 0) {
        hf_loop_stop(poster->loop);
    }
}

static void *post_all(void *ctx)
{
    struct poster *poster = ctx;
    for (int i = 0; i < POSTS; i++) {
        if (hf_loop_post(poster->loop, on_post, poster, (void *)(intptr_t)i) != 0) {
            return NULL;
        }
    }
    return poster;
}

Test(loop, messages_of_each_thread_arrive_all_and_in_order)
{
    struct trace *trace = new_trace(POSTERS * POSTS);
    struct poster posters[POSTERS] = {0};
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.loop = trace->loop, .trace = trace};
        cr_assert_eq(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    run(trace);
    for (int i = 0; i < POSTERS; i++) {
        void *result;
        pthread_join(posters[i].thread, &result);
        cr_expect_not_null(result);
        cr_expect_eq(posters[i].next, POSTS);
    }
    free_trace(trace);
}

static void on_slow(void *ctx)
{
    usleep(30000);
    note(ctx, 's');
}

Test(loop, the_longest_turn_is_measured)
{
    struct trace *trace = new_trace(1);
    trace->timers[0] = hf_timer_new(trace->loop, on_slow, trace);
    hf_timer_set(trace->timers[0], 0);
    run(trace);
    cr_expect_geq(hf_loop_longest_turn_us(trace->loop), 29000);
    free_trace(trace);
}

static void *run_there(void *ctx)
{
    run(ctx);
    return NULL;
}

Test(loop, an_idle_loop_still_turns_so_that_a_stuck_one_can_be_told)
{
    struct trace *trace = new_trace(1);
    trace->timers[0] = hf_timer_new(trace->loop, on_a, trace);
    hf_timer_set(trace->timers[0], 2500);
    pthread_t thread;
    int64_t begun = hf_mono_ms();
    cr_assert_eq(pthread_create(&thread, NULL, run_there, trace), 0);
    usleep(1600000);
    cr_expect_geq(hf_loop_last_turn_ms(trace->loop), begun + 900);
    pthread_join(thread, NULL);
    free_trace(trace);
}
