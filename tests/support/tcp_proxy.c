/* A TCP proxy on loopback whose line can be cut, for the integration tests.
 *
 * usage: tcp_proxy HOST:PORT      (numeric IPv4; listens on a free port of 127.0.0.1 and prints "listening
 * 127.0.0.1:PORT")
 *
 * SIGUSR1  cut: every connection is reset, and so is each new one
 * SIGUSR2  whole again
 * SIGHUP   silent: connections that exist now stay open and carry nothing any more, as behind a firewall that forgot
 * them; new ones work SIGTERM  ends */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_LINES = 256, CHUNK = 65536 };

/* One way of a connection: what was read from one side and not yet written to the other. */
struct way {
    char bytes[CHUNK];
    size_t begin;
    size_t end;
    bool over; /* the reading side has ended; the writing side was told */
};

struct line {
    int side[2];        /* 0: who connected, 1: the server */
    struct way *way[2]; /* [i]: read from side[i], written to the other */
    bool silent;
};

struct proxy {
    int listener;
    int signals;
    bool cut;
    struct sockaddr_in to;
    struct line lines[MOST_LINES];
    size_t count;
};

static void reset(int socket)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(socket);
}

/* `whole`: both sides have ended by themselves; what the kernel still holds is sent. Else it is thrown away. */
static void end_line(struct proxy *proxy, size_t index, bool whole)
{
    struct line *line = &proxy->lines[index];
    for (int i = 0; i < 2; i++) {
        if (whole) {
            close(line->side[i]);
        } else {
            reset(line->side[i]);
        }
        free(line->way[i]);
    }
    *line = proxy->lines[--proxy->count];
}

static void accept_line(struct proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) {
        return;
    }
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct line line = {.side = {client, server},
                        .way = {calloc(1, sizeof(struct way)), calloc(1, sizeof(struct way))}};
    if (proxy->cut || proxy->count == MOST_LINES || server < 0 || !line.way[0] || !line.way[1] ||
        connect(server, (struct sockaddr *)&proxy->to, sizeof proxy->to) != 0 ||
        fcntl(server, F_SETFL, O_NONBLOCK) != 0) {
        reset(client);
        if (server >= 0) {
            close(server);
        }
        free(line.way[0]);
        free(line.way[1]);
        return;
    }
    proxy->lines[proxy->count++] = line;
}

/* Moves what can be moved one way; -1 when the connection is broken. */
static int move(struct line *line, int from)
{
    struct way *way = line->way[from];
    if (way->begin == way->end && !way->over) {
        ssize_t got = recv(line->side[from], way->bytes, sizeof way->bytes, 0);
        if (got < 0) {
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        }
        way->begin = 0;
        way->end = (size_t)got;
        if (got == 0) {
            way->over = true;
            return shutdown(line->side[!from], SHUT_WR);
        }
    }
    if (way->begin < way->end) {
        ssize_t put = send(line->side[!from], way->bytes + way->begin, way->end - way->begin, MSG_NOSIGNAL);
        if (put < 0) {
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        }
        way->begin += (size_t)put;
    }
    return 0;
}

static short wanted(const struct line *line, int side)
{
    const struct way *in = line->way[side];
    const struct way *out = line->way[!side];
    short events = 0;
    if (in->begin == in->end && !in->over) {
        events |= POLLIN;
    }
    if (out->begin < out->end) {
        events |= POLLOUT;
    }
    return events;
}

static bool on_signal(struct proxy *proxy)
{
    struct signalfd_siginfo info;
    if (read(proxy->signals, &info, sizeof info) != sizeof info) {
        return true;
    }
    switch (info.ssi_signo) {
    case SIGUSR1:
        proxy->cut = true;
        while (proxy->count > 0) {
            end_line(proxy, proxy->count - 1, false);
        }
        return true;
    case SIGUSR2:
        proxy->cut = false;
        return true;
    case SIGHUP:
        for (size_t i = 0; i < proxy->count; i++) {
            proxy->lines[i].silent = true;
        }
        return true;
    default:
        return false;
    }
}

/* One turn; false: end. */
static bool turn(struct proxy *proxy)
{
    static struct pollfd polled[2 + 2 * MOST_LINES];
    polled[0] = (struct pollfd){.fd = proxy->signals, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
    size_t lines = proxy->count;
    for (size_t i = 0; i < lines; i++) {
        const struct line *line = &proxy->lines[i];
        for (int side = 0; side < 2; side++) {
            short events = line->silent ? 0 : wanted(line, side);
            /* A side with nothing to wait for is left out, or its hang-up would spin the loop. */
            polled[2 + 2 * i + (size_t)side] = (struct pollfd){.fd = events ? line->side[side] : -1, .events = events};
        }
    }
    if (poll(polled, 2 + 2 * lines, -1) < 0) {
        return errno == EINTR;
    }
    for (size_t i = lines; i-- > 0;) {
        struct line *line = &proxy->lines[i];
        bool ready = polled[2 + 2 * i].revents || polled[3 + 2 * i].revents;
        bool broken = ready && (move(line, 0) != 0 || move(line, 1) != 0);
        bool done = line->way[0]->over && line->way[1]->over && line->way[0]->begin == line->way[0]->end &&
                    line->way[1]->begin == line->way[1]->end;
        if (broken || done) {
            end_line(proxy, i, !broken);
        }
    }
    if (polled[1].revents) {
        accept_line(proxy);
    }
    return !polled[0].revents || on_signal(proxy);
}

static int open_listener(struct proxy *proxy)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (proxy->listener < 0 || bind(proxy->listener, (struct sockaddr *)&here, sizeof here) != 0 ||
        listen(proxy->listener, 64) != 0 || getsockname(proxy->listener, (struct sockaddr *)&here, &len) != 0) {
        perror("tcp_proxy: listen");
        return -1;
    }
    printf("listening 127.0.0.1:%d\n", ntohs(here.sin_port));
    return fflush(stdout);
}

static int open_signals(struct proxy *proxy)
{
    sigset_t set;
    sigemptyset(&set);
    int numbers[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(&set, numbers[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    proxy->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return proxy->signals < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    static struct proxy proxy;
    char host[INET_ADDRSTRLEN];
    char *colon = argc == 2 ? strrchr(argv[1], ':') : NULL;
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    proxy.to.sin_family = AF_INET;
    proxy.to.sin_port = htons((unsigned short)port);
    if (!colon || port < 1 || port > 65535 ||
        snprintf(host, sizeof host, "%.*s", (int)(colon - argv[1]), argv[1]) >= (int)sizeof host ||
        inet_pton(AF_INET, host, &proxy.to.sin_addr) != 1) {
        fprintf(stderr, "usage: tcp_proxy HOST:PORT (numeric)\n");
        return 2;
    }
    if (open_signals(&proxy) != 0 || open_listener(&proxy) != 0) {
        return 1;
    }
    while (turn(&proxy)) {
    }
    while (proxy.count > 0) {
        end_line(&proxy, proxy.count - 1, false);
    }
    return 0;
}
