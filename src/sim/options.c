/* The command line of holdfast-sim. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/sim.h"

enum option_id {
    LISTEN = 1,
    KUBECONFIG,
    TOKEN,
    SEED,
    WINDOW,
    BOOKMARKS,
    NAMESPACE_DELAY,
    CHURN,
    DEPLOYMENTS,
    CONTROLLERS,
    REQUIRE_TOKEN,
    NO_OPENAPI_V3,
    AUDIT_LOG,
    TOKEN_AUTH_FILE,
    HELP
};

static const struct option OPTIONS[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"write-kubeconfig", required_argument, NULL, KUBECONFIG},
    {"token", required_argument, NULL, TOKEN},
    {"require-token", no_argument, NULL, REQUIRE_TOKEN},
    {"token-auth-file", required_argument, NULL, TOKEN_AUTH_FILE},
    {"no-openapi-v3", no_argument, NULL, NO_OPENAPI_V3},
    {"seed", required_argument, NULL, SEED},
    {"history", required_argument, NULL, WINDOW},
    {"bookmarks", required_argument, NULL, BOOKMARKS},
    {"namespace-delay", required_argument, NULL, NAMESPACE_DELAY},
    {"controllers", no_argument, NULL, CONTROLLERS},
    {"churn", required_argument, NULL, CHURN},
    {"seed-deployments", required_argument, NULL, DEPLOYMENTS},
    {"audit-log", required_argument, NULL, AUDIT_LOG},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static const char USAGE[] =
    "usage: holdfast-sim serve [OPTION…]\n"
    "       holdfast-sim version | help\n"
    "\n"
    "A small simulated Kubernetes API server (as 1.20) for demos, faults and scale. All is in memory.\n"
    "\n"
    "  --listen ADDRESS:PORT       a loopback address; port 0 for any free one (default 127.0.0.1:0)\n"
    "  --write-kubeconfig FILE     writes a kubeconfig that leads to the server\n"
    "  --token TOKEN               the bearer token that is right; one that is wrong gets 401\n"
    "  --require-token             so does a missing one (kubectl sends none over plain HTTP)\n"
    "  --token-auth-file FILE      further users: token,name,uid,\"group,group\"; RBAC says what they may\n"
    "  --seed NUMBER               of uids and of faults by probability (default 1)\n"
    "  --history NUMBER            events kept for watches that come late; older: 410 (default 10000)\n"
    "  --bookmarks MS              between a watch's bookmarks (default 60000)\n"
    "  --namespace-delay MS        from a namespace's deletion until it is emptied (default 300)\n"
    "  --controllers               Deployments get a status and a revision, namespaces a ServiceAccount\n"
    "  --no-openapi-v3             only /openapi/v2, as before 1.23\n"
    "  --audit-log FILE            each write is appended as an audit.k8s.io/v1 Event\n"
    "  --churn MS                  every MS some Deployment's status is written again\n"
    "  --seed-deployments NUMBER   Deployments made at the start, in namespace seed\n"
    "\n"
    "It prints \"listening http://ADDRESS\" when it is ready; SIGTERM ends it. Faults: POST /sim/faults with\n"
    "{\"kind\": K, …}; DELETE takes all away. K and its settings (seconds or ms: how long it lasts, 10 s if unset):\n"
    "  drop (seconds, refuse)   error (seconds, percent, status)   throttle (seconds, retryAfter)   slow (seconds, "
    "delay ms)\n"
    "  watch-cut   watch-silent (seconds)   watch-gone (count, cut)   stale (seconds)   truncate (count)\n"
    "  garbage (count)   swallow (count)   path (seconds, path: its beginning, status; 200: junk)\n"
    "POST /sim/seed {\"deployments\": N} makes N more.\n";

static int read_number(const char *name, const char *text, int64_t most, int64_t *out)
{
    if (!hf_parse_int(hf_slice_of(text), 0, most, out)) {
        fprintf(stderr, "holdfast-sim: --%s: found \"%s\", expected a number from 0 to %lld\n", name, text,
                (long long)most);
        return -1;
    }
    return 0;
}

static int take_option(int option, const char *name, struct hf_sim_options *out)
{
    int64_t number = 0;
    if (option >= SEED && option < CONTROLLERS &&
        read_number(name, optarg, option == SEED ? INT64_MAX : 1000000000, &number) != 0) {
        return -1;
    }
    switch (option) {
    case LISTEN:
        out->listen = optarg;
        break;
    case KUBECONFIG:
        out->kubeconfig = optarg;
        break;
    case TOKEN:
        out->token = optarg;
        break;
    case TOKEN_AUTH_FILE:
        out->token_auth_file = optarg;
        break;
    case SEED:
        out->seed = (uint64_t)number;
        break;
    case WINDOW:
        out->window = (size_t)number;
        break;
    case BOOKMARKS:
        out->bookmark_ms = number;
        break;
    case NAMESPACE_DELAY:
        out->namespace_delay_ms = number;
        break;
    case CONTROLLERS:
        out->controllers = true;
        break;
    case REQUIRE_TOKEN:
        out->require_token = true;
        break;
    case NO_OPENAPI_V3:
        out->no_openapi_v3 = true;
        break;
    case AUDIT_LOG:
        out->audit_log = optarg;
        break;
    case CHURN:
        out->churn_ms = number;
        break;
    default:
        out->seed_deployments = (size_t)number;
    }
    return 0;
}

static int serve(int argc, char **argv)
{
    struct hf_sim_options options = {.listen = "127.0.0.1:0", .seed = 1, .namespace_delay_ms = 300};
    struct hf_error err = HF_ERROR_INIT;
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", OPTIONS, &index)) != -1) {
        if (option == HELP) {
            fputs(USAGE, stdout);
            return 0;
        }
        if (option == '?' || take_option(option, OPTIONS[index].name, &options) != 0) {
            fputs("holdfast-sim: see holdfast-sim help\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "holdfast-sim: unexpected argument \"%s\"; see holdfast-sim help\n", argv[optind]);
        return 2;
    }
    if (hf_sim_serve(&options, &err) != 0) {
        fprintf(stderr, "holdfast-sim: %s\n", err.text);
        return 1;
    }
    return 0;
}

int hf_sim_main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "serve") == 0) {
        return serve(argc - 1, argv + 1);
    }
    if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0) {
        puts("holdfast-sim " HF_VERSION " (Kubernetes v1.20.2)");
        return 0;
    }
    if (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        fputs(USAGE, stdout);
        return 0;
    }
    fputs(USAGE, stderr);
    return 2;
}
