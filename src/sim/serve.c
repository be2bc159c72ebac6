/* The loop of holdfast-sim: the port, libmicrohttpd, signals, what is due. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server.h"

#define LONGEST_WAIT_MS 1000

static int open_signals(struct hf_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return hf_error_errno(err, HF_EIO, errno, "signals");
    }
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? hf_error_errno(err, HF_EIO, errno, "signalfd") : fd;
}

static int wait_ms(struct server *server)
{
    int64_t now = server->sim.clock();
    int64_t next = server_tick(server);
    int64_t wait = next <= now ? 0 : next - now;
    MHD_UNSIGNED_LONG_LONG timeout;
    wait = wait > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait;
    if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES && (int64_t)timeout < wait) {
        wait = (int64_t)timeout;
    }
    if (server->woken) {
        server->woken = false;
        wait = 0;
    }
    return (int)wait;
}

static int run(struct server *server, int signals, struct hf_error *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info) {
        return hf_error_set(err, HF_EINTERNAL, "libmicrohttpd has no epoll");
    }
    int epoll = info->epoll_fd;
    for (;;) {
        struct pollfd fds[] = {{signals, POLLIN, 0}, {epoll, POLLIN, 0}, {server->listener, POLLIN, 0}};
        int wait = wait_ms(server);
        fds[2].fd = server->listener;
        if (poll(fds, 3, wait) < 0 && errno != EINTR) {
            return hf_error_errno(err, HF_EIO, errno, "poll");
        }
        if (fds[0].revents != 0) {
            return 0;
        }
        if (fds[2].revents != 0) {
            server_accept(server);
        }
        if (MHD_run(server->daemon) != MHD_YES) {
            return hf_error_set(err, HF_EIO, "libmicrohttpd stopped");
        }
    }
}

int hf_sim_serve(const struct hf_sim_options *options, struct hf_error *err)
{
    struct hf_sim_options own = *options;
    struct server server;
    own.bookmark_ms = own.bookmark_ms > 0 ? own.bookmark_ms : 60000;
    hf_auto_fd int signals = open_signals(err);
    if (signals < 0 || server_open(&server, &own, err) != 0) {
        return -1;
    }
    int status = own.kubeconfig ? sim_write_kubeconfig(own.kubeconfig, server.port, own.token, err) : 0;
    if (status == 0) {
        printf("listening http://127.0.0.1:%u\n", server.port);
        status = fflush(stdout) == 0 ? run(&server, signals, err) : hf_error_errno(err, HF_EIO, errno, "stdout");
    }
    server_close(&server);
    return status;
}
