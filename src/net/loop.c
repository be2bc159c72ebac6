#include "holdfast/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/mem.h"

#define BATCH 64
#define IDLE_TURN_MS 1000 /* an idle loop turns this often, so that an old last turn always means a stuck one */
#define LONGEST_DELAY_MS (INT64_C(1) << 50)

struct hf_watch_fd {
    int fd;
    unsigned events;
    bool polled; /* epoll knows of it; not so while events is 0, since hang-ups can't be masked */
    bool dead;   /* removed during a turn: freed at its end, because the batch may still point here */
    hf_fd_fn fn;
    void *ctx;
    struct hf_watch_fd *next;
    struct hf_watch_fd *prev;
};

struct hf_timer {
    struct hf_loop *loop;
    hf_timer_fn fn;
    void *ctx;
    int64_t due_us;
    uint64_t order; /* of setting: timers due at once fire in it */
    size_t slot;    /* in the heap, from 1; 0: not set */
};

struct post {
    struct post *next;
    hf_post_fn fn;
    void *ctx;
    void *message;
};

struct hf_loop {
    int epoll;
    int timer_fd;
    int wake_fd;
    int signal_fd;
    bool stop;
    bool turning;
    struct hf_watch_fd *watches;
    struct hf_watch_fd *dead;

    struct hf_timer **heap; /* from 1; room for every timer that exists, so that setting one can't fail */
    size_t heap_count;
    size_t heap_room;
    size_t timer_count;
    uint64_t next_order;
    int64_t armed_us; /* what timer_fd is set to; 0: nothing */

    hf_signal_fn signal_fn;
    void *signal_ctx;

    pthread_mutex_t lock; /* guards the posts and closed */
    struct post *first_post;
    struct post **last_post;
    bool closed;

    _Atomic int64_t last_turn_ms;
    _Atomic int64_t longest_turn_us;
};

/* Timers: a binary heap, the earliest on top. */

static bool earlier(const struct hf_timer *a, const struct hf_timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void heap_place(struct hf_loop *loop, struct hf_timer *timer, size_t slot)
{
    loop->heap[slot] = timer;
    timer->slot = slot;
}

static void heap_up(struct hf_loop *loop, struct hf_timer *timer, size_t slot)
{
    while (slot > 1 && earlier(timer, loop->heap[slot / 2])) {
        heap_place(loop, loop->heap[slot / 2], slot);
        slot /= 2;
    }
    heap_place(loop, timer, slot);
}

static void heap_down(struct hf_loop *loop, struct hf_timer *timer, size_t slot)
{
    for (;;) {
        size_t child = slot * 2;
        if (child < loop->heap_count && earlier(loop->heap[child + 1], loop->heap[child])) {
            child++;
        }
        if (child > loop->heap_count || !earlier(loop->heap[child], timer)) {
            break;
        }
        heap_place(loop, loop->heap[child], slot);
        slot = child;
    }
    heap_place(loop, timer, slot);
}

struct hf_timer *hf_timer_new(struct hf_loop *loop, hf_timer_fn fn, void *ctx)
{
    if (loop->timer_count + 2 > loop->heap_room) {
        size_t room = loop->heap_room ? loop->heap_room * 2 : 32;
        struct hf_timer **heap = hf_reallocarray(loop->heap, room, sizeof *heap);
        if (!heap) {
            return NULL;
        }
        loop->heap = heap;
        loop->heap_room = room;
    }
    struct hf_timer *timer = hf_calloc(1, sizeof *timer);
    if (timer) {
        *timer = (struct hf_timer){.loop = loop, .fn = fn, .ctx = ctx};
        loop->timer_count++;
    }
    return timer;
}

void hf_timer_clear(struct hf_timer *timer)
{
    struct hf_loop *loop = timer->loop;
    size_t slot = timer->slot;
    if (slot == 0) {
        return;
    }
    timer->slot = 0;
    struct hf_timer *last = loop->heap[loop->heap_count--];
    if (last != timer) {
        if (slot > 1 && earlier(last, loop->heap[slot / 2])) {
            heap_up(loop, last, slot);
        } else {
            heap_down(loop, last, slot);
        }
    }
}

void hf_timer_set(struct hf_timer *timer, int64_t delay_ms)
{
    struct hf_loop *loop = timer->loop;
    int64_t delay = delay_ms < 0 ? 0 : delay_ms > LONGEST_DELAY_MS ? LONGEST_DELAY_MS : delay_ms;
    hf_timer_clear(timer);
    timer->due_us = hf_mono_us() + delay * 1000;
    timer->order = loop->next_order++;
    heap_up(loop, timer, ++loop->heap_count);
}

bool hf_timer_is_set(const struct hf_timer *timer)
{
    return timer->slot != 0;
}

void hf_timer_free(struct hf_timer *timer)
{
    if (timer) {
        hf_timer_clear(timer);
        timer->loop->timer_count--;
        free(timer);
    }
}

/* Fires what is due; what is set meanwhile waits for the next turn. */
static void fire_timers(struct hf_loop *loop)
{
    int64_t now = hf_mono_us();
    uint64_t set_before = loop->next_order;
    while (loop->heap_count > 0) {
        struct hf_timer *timer = loop->heap[1];
        if (timer->due_us > now || timer->order >= set_before) {
            return;
        }
        hf_timer_clear(timer);
        timer->fn(timer->ctx);
    }
}

static void arm(struct hf_loop *loop)
{
    int64_t due = loop->heap_count > 0 ? loop->heap[1]->due_us : 0;
    if (due == loop->armed_us) {
        return;
    }
    struct itimerspec spec = {.it_value = {.tv_sec = due / 1000000, .tv_nsec = due % 1000000 * 1000}};
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0) {
        loop->armed_us = due;
    }
}

/* Only takes the wake-up off: each turn fires its timers after the files. */
static void on_timer_fd(void *ctx, int fd, unsigned events)
{
    (void)events;
    struct hf_loop *loop = ctx;
    uint64_t count;
    if (read(fd, &count, sizeof count) == (ssize_t)sizeof count) {
        loop->armed_us = 0;
    }
}

/* Files. */

static uint32_t epoll_mask(unsigned events)
{
    return ((events & HF_READ) ? (uint32_t)EPOLLIN : 0u) | ((events & HF_WRITE) ? (uint32_t)EPOLLOUT : 0u);
}

int hf_loop_set_fd(struct hf_loop *loop, struct hf_watch_fd *watch, unsigned events, struct hf_error *err)
{
    struct epoll_event event = {.events = epoll_mask(events), .data = {.ptr = watch}};
    bool wanted = event.events != 0;
    if (wanted || watch->polled) {
        int op = !wanted ? EPOLL_CTL_DEL : watch->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        if (epoll_ctl(loop->epoll, op, watch->fd, &event) != 0) {
            return hf_error_errno(err, HF_EIO, errno, "watch file descriptor %d", watch->fd);
        }
    }
    watch->polled = wanted;
    watch->events = events;
    return 0;
}

struct hf_watch_fd *hf_loop_add_fd(struct hf_loop *loop, int fd, unsigned events, hf_fd_fn fn, void *ctx,
                                   struct hf_error *err)
{
    struct hf_watch_fd *watch = hf_calloc(1, sizeof *watch);
    if (!watch) {
        (void)hf_error_set(err, HF_ENOMEM, "watch file descriptor %d: out of memory", fd);
        return NULL;
    }
    *watch = (struct hf_watch_fd){.fd = fd, .fn = fn, .ctx = ctx};
    if (hf_loop_set_fd(loop, watch, events, err) != 0) {
        free(watch);
        return NULL;
    }
    watch->next = loop->watches;
    if (watch->next) {
        watch->next->prev = watch;
    }
    loop->watches = watch;
    return watch;
}

void hf_loop_remove_fd(struct hf_loop *loop, struct hf_watch_fd *watch)
{
    if (!watch || watch->dead) {
        return;
    }
    if (watch->polled) {
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    }
    if (watch->prev) {
        watch->prev->next = watch->next;
    } else {
        loop->watches = watch->next;
    }
    if (watch->next) {
        watch->next->prev = watch->prev;
    }
    if (loop->turning) {
        watch->dead = true;
        watch->next = loop->dead;
        loop->dead = watch;
    } else {
        free(watch);
    }
}

static void bury(struct hf_watch_fd **list)
{
    while (*list) {
        struct hf_watch_fd *next = (*list)->next;
        free(*list);
        *list = next;
    }
}

static void dispatch(struct hf_watch_fd *watch, uint32_t events)
{
    unsigned told = 0;
    if (events & (EPOLLERR | EPOLLHUP)) {
        told = HF_READ | HF_WRITE;
    } else {
        told = ((events & EPOLLIN) ? HF_READ : 0u) | ((events & EPOLLOUT) ? HF_WRITE : 0u);
        told &= watch->events;
    }
    /* An earlier callback of this batch may have removed it, or have lost interest. */
    if (!watch->dead && watch->events != 0 && told != 0) {
        watch->fn(watch->ctx, watch->fd, told);
    }
}

/* Signals. */

static void on_signal_fd(void *ctx, int fd, unsigned events)
{
    (void)events;
    struct hf_loop *loop = ctx;
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        loop->signal_fn(loop->signal_ctx, (int)info.ssi_signo);
    }
}

int hf_loop_signals(struct hf_loop *loop, const sigset_t *set, hf_signal_fn fn, void *ctx, struct hf_error *err)
{
    int failed = pthread_sigmask(SIG_BLOCK, set, NULL);
    if (failed) {
        return hf_error_errno(err, HF_EIO, failed, "block signals");
    }
    int fd = signalfd(loop->signal_fd, set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "take signals as a file");
    }
    loop->signal_fn = fn;
    loop->signal_ctx = ctx;
    if (loop->signal_fd < 0) {
        if (!hf_loop_add_fd(loop, fd, HF_READ, on_signal_fd, loop, err)) {
            (void)close(fd);
            return -1;
        }
        loop->signal_fd = fd;
    }
    return 0;
}

/* Messages from other threads. */

static void wake(const struct hf_loop *loop)
{
    uint64_t one = 1;
    ssize_t wrote = write(loop->wake_fd, &one, sizeof one);
    (void)wrote; /* fails only when the counter is full: then the loop is awake anyway */
}

int hf_loop_post(struct hf_loop *loop, hf_post_fn fn, void *ctx, void *message)
{
    struct post *post = hf_calloc(1, sizeof *post);
    if (!post) {
        return -1;
    }
    *post = (struct post){.fn = fn, .ctx = ctx, .message = message};
    (void)pthread_mutex_lock(&loop->lock);
    bool open = !loop->closed;
    if (open) {
        *loop->last_post = post;
        loop->last_post = &post->next;
        wake(loop);
    }
    (void)pthread_mutex_unlock(&loop->lock);
    if (!open) {
        free(post);
    }
    return open ? 0 : -1;
}

static struct post *take_posts(struct hf_loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    struct post *first = loop->first_post;
    loop->first_post = NULL;
    loop->last_post = &loop->first_post;
    (void)pthread_mutex_unlock(&loop->lock);
    return first;
}

static void on_wake_fd(void *ctx, int fd, unsigned events)
{
    (void)events;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got;
    for (struct post *post = take_posts(ctx); post;) {
        struct post *next = post->next;
        post->fn(post->ctx, post->message);
        free(post);
        post = next;
    }
}

/* The loop itself. */

static int open_files(struct hf_loop *loop, struct hf_error *err)
{
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        return hf_error_errno(err, HF_EIO, errno, "make an epoll");
    }
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->timer_fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "make a timerfd");
    }
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "make an eventfd");
    }
    if (!hf_loop_add_fd(loop, loop->timer_fd, HF_READ, on_timer_fd, loop, err) ||
        !hf_loop_add_fd(loop, loop->wake_fd, HF_READ, on_wake_fd, loop, err)) {
        return -1;
    }
    return 0;
}

struct hf_loop *hf_loop_new(struct hf_error *err)
{
    struct hf_loop *loop = hf_calloc(1, sizeof *loop);
    if (!loop) {
        (void)hf_error_set(err, HF_ENOMEM, "make a loop: out of memory");
        return NULL;
    }
    loop->epoll = loop->timer_fd = loop->wake_fd = loop->signal_fd = -1;
    loop->last_post = &loop->first_post;
    atomic_init(&loop->last_turn_ms, hf_mono_ms());
    (void)pthread_mutex_init(&loop->lock, NULL);
    if (open_files(loop, err) != 0) {
        hf_loop_free(loop);
        return NULL;
    }
    return loop;
}

void hf_loop_free(struct hf_loop *loop)
{
    if (!loop) {
        return;
    }
    (void)pthread_mutex_lock(&loop->lock);
    loop->closed = true;
    (void)pthread_mutex_unlock(&loop->lock);
    for (struct post *post = take_posts(loop); post;) {
        struct post *next = post->next;
        post->fn(post->ctx, post->message); /* who posted has given it away */
        free(post);
        post = next;
    }
    bury(&loop->watches);
    bury(&loop->dead);
    hf_cleanup_fd(&loop->signal_fd);
    hf_cleanup_fd(&loop->wake_fd);
    hf_cleanup_fd(&loop->timer_fd);
    hf_cleanup_fd(&loop->epoll);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop->heap);
    free(loop);
}

static int turn(struct hf_loop *loop, struct hf_error *err)
{
    struct epoll_event batch[BATCH];
    arm(loop);
    int count = epoll_wait(loop->epoll, batch, BATCH, IDLE_TURN_MS);
    if (count < 0 && errno != EINTR) {
        return hf_error_errno(err, HF_EIO, errno, "wait for events");
    }
    int64_t begun = hf_mono_us();
    atomic_store_explicit(&loop->last_turn_ms, begun / 1000, memory_order_relaxed);
    loop->turning = true;
    for (int i = 0; i < count; i++) {
        dispatch(batch[i].data.ptr, batch[i].events);
    }
    fire_timers(loop);
    loop->turning = false;
    bury(&loop->dead);
    int64_t took = hf_mono_us() - begun;
    if (took > atomic_load_explicit(&loop->longest_turn_us, memory_order_relaxed)) {
        atomic_store_explicit(&loop->longest_turn_us, took, memory_order_relaxed);
    }
    return 0;
}

int hf_loop_run(struct hf_loop *loop, struct hf_error *err)
{
    int result = 0;
    while (!loop->stop && result == 0) {
        result = turn(loop, err);
    }
    loop->stop = false;
    return result;
}

void hf_loop_stop(struct hf_loop *loop)
{
    loop->stop = true;
}

int64_t hf_loop_last_turn_ms(const struct hf_loop *loop)
{
    return atomic_load_explicit(&loop->last_turn_ms, memory_order_relaxed);
}

int64_t hf_loop_longest_turn_us(const struct hf_loop *loop)
{
    return atomic_load_explicit(&loop->longest_turn_us, memory_order_relaxed);
}
