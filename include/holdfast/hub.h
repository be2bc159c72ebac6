/* `holdfast-sim hub`: a small ConfigHub for the demo, for tests and for faults. The endpoints that a client of units
 * needs, with the JSON, status codes, tokens, revisions, hashes, gates, events and actions of the real one; state in
 * memory, kept in a file when asked for. Its worker applies to a real or simulated cluster. */
#ifndef HOLDFAST_HUB_H
#define HOLDFAST_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "holdfast/error.h"

/* A folder of unit files that becomes a space, or one more set of units of it. */
struct hf_hub_folder {
    const char *space;
    const char *path;
    const char *target; /* "worker/target", NULL: its units have no target */
};

/* The units of a space are clones of those of another with the same slugs. */
struct hf_hub_upstream {
    const char *space;
    const char *base;
};

#define HF_HUB_MOST_FOLDERS 16

struct hf_hub_options {
    const char *listen;    /* "127.0.0.1:0"; loopback only */
    const char *write_url; /* a file to write the base URL to; NULL: none */
    const char *state;     /* a file that keeps the state; NULL: in memory only */
    const char *token;     /* of a user: the bearer token that is right; NULL: any */
    const char *worker_id; /* what POST /auth/worker takes; NULL: nobody */
    const char *worker_secret;
    const char *kubeconfig; /* of the cluster that the worker applies to; NULL: actions end without a cluster */
    const char *context;
    int64_t worker_ms; /* from an action's start to its work; 0: at once */
    int64_t token_ms;  /* how long a worker's session token is right; 0: for ever */
    bool old;          /* answers as the server of 2025 did */
    uint64_t seed;     /* of ids */
    struct hf_hub_folder folders[HF_HUB_MOST_FOLDERS];
    size_t folder_count;
    struct hf_hub_upstream upstreams[HF_HUB_MOST_FOLDERS];
    size_t upstream_count;
};

/* Serves until SIGTERM or SIGINT; prints "listening http://ADDRESS/api" when it is ready. Thread: the main one. */
int hf_hub_serve(const struct hf_hub_options *options, struct hf_error *err);

/* The command line behind `holdfast-sim hub`. The exit status: 0, 1 failed, 2 wrong usage. */
int hf_hub_main(int argc, char **argv);

#endif
