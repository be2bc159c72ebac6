#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "holdfast/mem.h"

#define CONNECTION_MEMORY ((size_t)32 * 1024)
#define LOOK_MS 1000
#define HEAD_MORE_MS 5000 /* beside the idle time: who sends a byte now and then is not idle */
#define BODY_MS 60000
#define ANSWER_MS 900000
#define RETIRE_MS 15000

void hf_line_phase(struct hf_serve *serve, struct MHD_Connection *connection, enum hf_phase phase)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct hf_line *line = info ? info->socket_context : NULL;
    if (line) {
        pthread_mutex_lock(&serve->doors->lock);
        line->phase = phase;
        line->since_ms = hf_mono_ms();
        pthread_mutex_unlock(&serve->doors->lock);
    }
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    struct hf_doors *doors = ctx;
    struct hf_line *line = *slot;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        line = info ? hf_calloc(1, sizeof *line) : NULL;
        *slot = line;
        if (line) {
            line->fd = info->connect_fd;
            line->since_ms = hf_mono_ms();
            pthread_mutex_lock(&doors->lock);
            line->next = doors->lines;
            line->from = &doors->lines;
            if (line->next) {
                line->next->from = &line->next;
            }
            doors->lines = line;
            pthread_mutex_unlock(&doors->lock);
        }
    } else if (line) { /* before its descriptor is closed, so that the keeper never meets another's */
        pthread_mutex_lock(&doors->lock);
        *line->from = line->next;
        if (line->next) {
            line->next->from = line->from;
        }
        pthread_mutex_unlock(&doors->lock);
        free(line);
        *slot = NULL;
    }
}

static void door_free(struct hf_door *door)
{
    if (!door) {
        return;
    }
    if (door->daemon) {
        MHD_stop_daemon(door->daemon);
    }
    if (door->key) {
        hf_wipe(door->key, strlen(door->key));
    }
    free(door->key);
    free(door->cert);
    free(door);
}

static int start_daemon(struct hf_doors *doors, struct hf_door *door, struct hf_error *err)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (doors->is_v6 ? MHD_USE_IPv6 : 0u) |
                     (door->cert ? MHD_USE_TLS : 0u);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, door->cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, door->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem calls[4];
    sigset_t all;
    sigset_t before;
    int fd = fcntl(doors->listen_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "start the HTTP server");
    }
    hf_door_callbacks(door, calls);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    door->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, hf_door_request, door, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd,
        MHD_OPTION_CONNECTION_LIMIT, doors->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, doors->per_address,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, doors->idle_s,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, doors, MHD_OPTION_ARRAY, calls,
        MHD_OPTION_ARRAY, door->cert ? tls : none, doors->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
        doors->threads, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!door->daemon) {
        close(fd);
        return hf_error_set(err, HF_EIO, "start the HTTP server");
    }
    return 0;
}

static int open_door(struct hf_doors *doors, const char *cert_pem, const char *key_pem, struct hf_door **out,
                     struct hf_error *err)
{
    struct hf_door *door = hf_calloc(1, sizeof *door);
    if (!door) {
        return hf_error_set(err, HF_ENOMEM, "no memory for the server");
    }
    door->serve = doors->serve;
    door->number = doors->first ? doors->first->number + 1 : 1;
    door->cert = hf_strdup(cert_pem);
    door->key = hf_strdup(cert_pem ? key_pem : NULL);
    int result = 0;
    if (cert_pem && (!door->cert || !door->key)) {
        result = hf_error_set(err, HF_ENOMEM, "no memory for the server");
    }
    if (result == 0 && cert_pem) {
        result = hf_tls_check(door->cert, door->key, err) == 0 ? 0 : hf_error_wrap(err, "access.tls");
    }
    if (result != 0 || start_daemon(doors, door, err) != 0) {
        door_free(door);
        return -1;
    }
    *out = door;
    return 0;
}

/* Lock held: who has taken more time than his phase allows. Closed by libmicrohttpd, once it sees the end. */
static void end_slow(struct hf_doors *doors)
{
    int64_t now = hf_mono_ms();
    int64_t head = (int64_t)doors->idle_s * 1000 + HEAD_MORE_MS;
    for (const struct hf_line *line = doors->lines; line; line = line->next) {
        int64_t most = line->phase == HF_PHASE_HEAD ? head : line->phase == HF_PHASE_BODY ? BODY_MS : ANSWER_MS;
        if (line->phase != HF_PHASE_STREAM && now - line->since_ms > most) {
            (void)shutdown(line->fd, SHUT_RDWR);
        }
    }
}

/* Lock held. One that was replaced and has nobody left, or has had its time: taken out of the list. */
static struct hf_door *take_retired(struct hf_doors *doors)
{
    for (struct hf_door **at = &doors->first; *at; at = &(*at)->next) {
        struct hf_door *door = *at;
        if (door->retired_ms == 0) {
            continue;
        }
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(door->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        if ((info && info->num_connections == 0) || hf_mono_ms() - door->retired_ms > RETIRE_MS) {
            *at = door->next;
            return door;
        }
    }
    return NULL;
}

static void *keep(void *ctx)
{
    struct hf_doors *doors = ctx;
    pthread_mutex_lock(&doors->lock);
    while (!doors->ending) {
        int64_t until = hf_mono_ms() + LOOK_MS;
        struct timespec at = {.tv_sec = until / 1000, .tv_nsec = (until % 1000) * 1000000};
        (void)pthread_cond_timedwait(&doors->ending_news, &doors->lock, &at);
        end_slow(doors);
        struct hf_door *old = take_retired(doors);
        pthread_mutex_unlock(&doors->lock); /* connections take it when they end */
        hf_reviews_tick(doors->serve->guard.reviews);
        if (old) {
            hf_reviews_shut(doors->serve->guard.reviews, old->number);
            door_free(old);
        }
        pthread_mutex_lock(&doors->lock);
    }
    pthread_mutex_unlock(&doors->lock);
    return NULL;
}

static int start_keeper(struct hf_doors *doors, struct hf_error *err)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&doors->keeper, NULL, keep, doors);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    doors->running = !failed;
    return failed ? hf_error_errno(err, HF_EIO, failed, "start the server's keeper") : 0;
}

int hf_doors_begin(struct hf_doors *doors, const char *cert_pem, const char *key_pem, struct hf_error *err)
{
    pthread_condattr_t monotonic;
    atomic_init(&doors->newest, 1);
    pthread_mutex_init(&doors->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&doors->ending_news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return open_door(doors, cert_pem, key_pem, &doors->first, err) == 0 ? start_keeper(doors, err) : -1;
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool hf_doors_is_old(struct hf_doors *doors, unsigned number)
{
    return number < atomic_load(&doors->newest);
}

unsigned hf_doors_newest(struct hf_doors *doors)
{
    return atomic_load(&doors->newest);
}

int hf_doors_renew(struct hf_doors *doors, const char *cert_pem, const char *key_pem, struct hf_error *err)
{
    struct hf_door *old = doors->first;
    struct hf_door *made;
    if (is_same(old->cert, cert_pem) && is_same(old->key, cert_pem ? key_pem : NULL)) {
        return 0;
    }
    if (open_door(doors, cert_pem, key_pem, &made, err) != 0) {
        return -1;
    }
    MHD_socket fd = MHD_quiesce_daemon(old->daemon);
    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }
    pthread_mutex_lock(&doors->lock);
    old->retired_ms = hf_mono_ms();
    atomic_store(&doors->newest, made->number);
    made->next = doors->first;
    doors->first = made;
    pthread_mutex_unlock(&doors->lock);
    hf_streams_kick(doors->serve->streams, made->number);
    return 0;
}

void hf_doors_end(struct hf_doors *doors)
{
    if (!doors->serve) {
        return;
    }
    pthread_mutex_lock(&doors->lock);
    doors->ending = true;
    pthread_cond_signal(&doors->ending_news);
    pthread_mutex_unlock(&doors->lock);
    if (doors->running) {
        pthread_join(doors->keeper, NULL);
    }
    while (doors->first) {
        struct hf_door *door = doors->first;
        doors->first = door->next;
        door_free(door);
    }
    if (doors->listen_fd >= 0) {
        close(doors->listen_fd);
    }
    pthread_cond_destroy(&doors->ending_news);
    pthread_mutex_destroy(&doors->lock);
}
