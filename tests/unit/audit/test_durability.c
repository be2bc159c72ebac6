#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define ROUNDS 30

static const char *const CHANNELS[] = {"ops"};

/* In the child: tells each durable ticket by the pipe at once, on the writer's thread. */
static int post_at_once(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message)
{
    (void)ctx;
    fn(fn_ctx, message);
    return 0;
}

static void write_ticket(void *ctx, uint64_t ticket)
{
    (void)!write(*(int *)ctx, &ticket, sizeof ticket);
}

static void append_until_killed(const struct trail *trail, int acknowledged, uint64_t first)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit *audit = NULL;
    struct hf_audit_events events = {&acknowledged, write_ticket, NULL, NULL};
    if (hf_audit_open(&trail->options, &events, post_at_once, NULL, NULL, &audit, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    for (uint64_t ticket = first;; ticket++) {
        char incident[32];
        (void)snprintf(incident, sizeof incident, "t-%llu", (unsigned long long)ticket);
        struct hf_audit_event two[] = {
            *EVENT(.type = "drift.seen", .incident = incident, .message = "it drifted", .alert = true),
            *EVENT(.type = "correction.intended", .incident = incident),
        };
        struct hf_audit_batch batch = {.events = two, .event_count = 2};
        while (hf_audit_append(audit, &batch, ticket, &err) != 0) {
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    }
}

static uint64_t kill_after(pid_t child, int acknowledged, useconds_t delay_us)
{
    uint64_t last = 0;
    uint64_t ticket;
    struct timespec delay = {0, (long)delay_us * 1000};
    nanosleep(&delay, NULL);
    kill(child, SIGKILL);
    while (read(acknowledged, &ticket, sizeof ticket) == (ssize_t)sizeof ticket) {
        cr_assert(last == 0 || ticket == last + 1, "ticket %llu after %llu", (unsigned long long)ticket,
                  (unsigned long long)last);
        last = ticket;
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status), "the child ended by itself: %d", status);
    return last;
}

Test(durability, after_kill_9_every_acknowledged_ticket_is_there_and_the_chain_holds, .timeout = 120)
{
    struct trail trail;
    uint64_t acknowledged = 0;
    trail_init(&trail);
    trail.options.channels = CHANNELS;
    trail.options.channel_count = 1;
    srand(20261123);
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        cr_assert_eq(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            append_until_killed(&trail, ends[1], (uint64_t)round * 1000000 + 1);
        }
        close(ends[1]);
        /* Every other round is killed while it opens, the rest while it writes, however slow the machine is. */
        if (round % 2 == 1) {
            (void)poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, WAIT_MS);
        }
        uint64_t last = kill_after(child, ends[0], (useconds_t)(rand() % 120000));
        close(ends[0]);
        int64_t rows;
        if (access(trail.path, F_OK) != 0 || (last == 0 && round == 0)) {
            continue;
        }
        cr_assert_str_empty(trail_verify(&trail, &rows), "round %d", round);
        char sql[160];
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM events WHERE type = 'correction.intended' AND incident = 't-%llu'",
                       (unsigned long long)last);
        cr_assert(last == 0 || trail_count(&trail, sql) == 1, "round %d: ticket %llu was told durable and is gone",
                  round, (unsigned long long)last);
        acknowledged += last > 0 ? last - (uint64_t)round * 1000000 : 0;
        /* Whole batches only, each drift with its alert and its open incident. */
        int64_t drifts = trail_count(&trail, "SELECT count(*) FROM events WHERE type = 'drift.seen'");
        cr_assert_eq(rows, 2 * drifts);
        cr_assert_eq(trail_count(&trail, "SELECT count(*) FROM outbox o JOIN events e ON e.id = o.event_id"), drifts);
        cr_assert_eq(trail_count(&trail, "SELECT count(*) FROM open_incidents"), drifts);
    }
    cr_expect_gt(acknowledged, 100u, "too few were acknowledged for this to mean anything");
    cr_expect_geq(trail_count(&trail, "SELECT count(*) FROM events"), (int64_t)(2 * acknowledged));
    trail_end(&trail);
}

static void wait_for_state(struct trail *trail, bool failing)
{
    int64_t until = hf_mono_ms() + WAIT_MS;
    while (trail->states == 0 || (trail->state.code != HF_OK) != failing) {
        cr_assert_lt(hf_mono_ms(), until, "state is still \"%s\"", trail->state.text);
        (void)trail_turn(trail, 100);
    }
}

/* Fills the trail until it can't be written, makes room, and expects all that was taken to be there. */
static void fill_and_recover(struct trail *trail, void (*make_room)(void *ctx), void *ctx)
{
    char message[2000];
    struct hf_error err = HF_ERROR_INIT;
    uint64_t sent = 0;
    memset(message, 'x', sizeof message);
    message[sizeof message - 1] = '\0';
    struct hf_audit_batch batch = {.events = EVENT(.type = "unit.changed", .message = message), .event_count = 1};
    while (trail->states == 0) {
        if (hf_audit_append(trail->audit, &batch, sent + 1, &err) == 0) {
            sent++;
        }
        (void)trail_turn(trail, sent - trail->ticket_count > 100 ? 100 : 0);
        cr_assert_lt(sent, 100000u, "the disk never filled");
    }
    cr_expect_eq(trail->state.code, HF_EIO, "%s", trail->state.text);
    struct hf_audit_stats stats;
    hf_audit_stats(trail->audit, &stats);
    cr_expect(stats.failing);
    cr_expect_gt(stats.queued, 0u);
    size_t told = trail->ticket_count;
    cr_expect_lt(told, sent);
    trail_turn(trail, 300);
    cr_expect_eq(trail->ticket_count, told, "a ticket was told durable while nothing could be written");
    make_room(ctx);
    wait_for_state(trail, false);
    trail_wait_durable(trail, sent);
    hf_audit_stats(trail->audit, &stats);
    cr_expect_not(stats.failing);
    cr_expect_eq(stats.queued, 0u);
    cr_expect_eq(trail_count(trail, "SELECT count(*) FROM events"), (int64_t)sent);
    cr_expect_str_empty(trail_verify(trail, NULL));
}

static void lift_limit(void *ctx)
{
    (void)ctx;
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

Test(durability, what_can_not_be_written_is_kept_and_written_when_it_can_be_again)
{
    struct trail trail;
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    trail_begin(&trail);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 600 * 1024;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    fill_and_recover(&trail, lift_limit, NULL);
    trail_end(&trail);
}

static void remove_ballast(void *ctx)
{
    cr_assert_eq(unlink(ctx), 0);
}

Test(durability, a_full_disk_loses_nothing)
{
    struct trail trail;
    char ballast[160];
    trail_init(&trail);
    if (mount("tmpfs", trail.folder, "tmpfs", 0, "size=2m") != 0) {
        int why = errno;
        trail_end(&trail);
        cr_skip_test("a small tmpfs can't be mounted here (%s)", strerror(why));
    }
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", trail.folder);
    int fd = open(ballast, O_CREAT | O_WRONLY, 0600);
    char block[4096] = {1};
    for (int i = 0; i < 300; i++) {
        cr_assert_eq(write(fd, block, sizeof block), (ssize_t)sizeof block);
    }
    close(fd);
    trail_open(&trail);
    fill_and_recover(&trail, remove_ballast, ballast);
    trail_close(&trail);
    cr_assert_eq(umount2(trail.folder, MNT_DETACH), 0);
    trail_end(&trail);
}

Test(durability, alerts_are_given_out_while_nothing_can_be_written)
{
    struct trail trail;
    struct rlimit limit;
    char message[4000];
    signal(SIGXFSZ, SIG_IGN);
    memset(message, 'x', sizeof message);
    message[sizeof message - 1] = '\0';
    trail_init(&trail);
    trail.options.channels = CHANNELS;
    trail.options.channel_count = 1;
    trail_open(&trail);
    trail_append(&trail, EVENT(.type = "drift.seen", .incident = "i", .alert = true), 1);
    trail_wait_durable(&trail, 1);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 4096;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    trail_append(&trail, EVENT(.type = "unit.changed", .message = message), 2);
    wait_for_state(&trail, true);
    trail_take(&trail, "ops", hf_now_ms(), 10);
    cr_expect_eq(trail.row_count, 1u);
    cr_expect_eq(trail.ticket_count, 1u);
    lift_limit(NULL);
    trail_wait_durable(&trail, 2);
    trail_end(&trail);
}

Test(durability, closing_while_nothing_can_be_written_ends_in_time)
{
    struct trail trail;
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    trail_begin(&trail);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 4096;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    trail_append(&trail, EVENT(.type = "unit.changed"), 1);
    wait_for_state(&trail, true);
    int64_t began = hf_mono_ms();
    hf_audit_close(trail.audit, 300);
    trail.audit = NULL;
    cr_expect_lt(hf_mono_ms() - began, 3000);
    lift_limit(NULL);
    while (trail_turn(&trail, 0)) {
    }
    cr_expect_eq(trail.ticket_count, 0u);
    trail_end(&trail);
}

Test(durability, a_read_only_file_is_refused_at_the_start)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    trail_begin(&trail);
    trail_close(&trail);
    cr_assert_eq(chmod(trail.path, 0400), 0);
    pid_t child = fork();
    if (child == 0) {
        /* root writes to anything. */
        bool is_root =
            geteuid() == 0 && (chown(trail.folder, 65534, 65534) != 0 || chown(trail.path, 65534, 65534) != 0 ||
                               setgid(65534) != 0 || setuid(65534) != 0);
        char lock[128];
        (void)snprintf(lock, sizeof lock, "%s.lock", trail.path);
        (void)unlink(lock);
        int status = trail_try_open(&trail, &err);
        fprintf(stderr, "%s\n", err.text);
        _exit(!is_root && status == -1 && err.code == HF_EDENIED ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
    cr_assert_eq(chmod(trail.path, 0600), 0);
    trail_end(&trail);
}
