/* holdfast-sim: a small simulated Kubernetes API server for the demo, for faults and for scale. It answers as
 * kube-apiserver 1.20 does. */
#ifndef HOLDFAST_SIM_H
#define HOLDFAST_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "holdfast/error.h"

struct hf_sim_options {
    const char *listen;          /* "127.0.0.1:0"; loopback only */
    const char *kubeconfig;      /* path to write; NULL: none */
    const char *token;           /* the bearer token that is right; NULL: any */
    bool require_token;          /* kubectl sends none over plain HTTP, so a missing one is let in otherwise */
    const char *token_auth_file; /* users, as kube-apiserver has them: what they may is for RBAC to say; NULL: none */
    uint64_t seed;               /* of uids and of faults by probability */
    size_t window;               /* events kept for late watches; 0: 10,000 */
    int64_t bookmark_ms;         /* between bookmarks; 0: 60 s */
    int64_t namespace_delay_ms;  /* from a namespace's deletion to its end */
    int64_t churn_ms;            /* between changes of some Deployment's status; 0: none */
    size_t seed_deployments;     /* Deployments made at the start, in namespace "seed" */
    bool no_openapi_v3;          /* /openapi/v3 is not served, as before 1.23 */
    bool controllers;            /* Deployments get a status */
    const char *audit_log;       /* a file to which each write is appended as an audit.k8s.io/v1 Event; NULL: none */
};

/* Serves until SIGTERM or SIGINT; prints "listening http://ADDRESS" on stdout when it is ready. 0 after a clean stop.
 * Thread: the main one. */
int hf_sim_serve(const struct hf_sim_options *options, struct hf_error *err);

/* The program: holdfast-sim serve … | version | help. The exit status: 0, 1 failed, 2 wrong usage. */
int hf_sim_main(int argc, char **argv);

#endif
