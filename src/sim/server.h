/* The HTTP side: libmicrohttpd, driven by one loop in one thread. */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include <microhttpd.h>

#include "sim.h"

struct exchange;

struct server {
    struct sim sim;
    struct MHD_Daemon *daemon;
    int listener; /* -1 while connections are refused */
    uint16_t port;
    struct exchange *held;  /* answers that are held back */
    struct client *clients; /* open connections */
    bool dropping;
    bool woken; /* a connection was resumed: libmicrohttpd must run at once, and does not say so itself */
};

int server_open(struct server *server, const struct hf_sim_options *options, struct hf_error *err);
void server_close(struct server *server);
/* Accepts who knocks. */
void server_accept(struct server *server);
/* What is due; the monotonic ms at which something is due next. */
int64_t server_tick(struct server *server);

/* listen.c */
int sim_listen(const char *address, uint16_t port, uint16_t *bound, struct hf_error *err);
/* Writes a kubeconfig for the server, readable by its owner only. */
int sim_write_kubeconfig(const char *path, uint16_t port, const char *token, struct hf_error *err);

#endif
