/* The command line of `holdfast-sim hub`. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/hub.h"
#include "holdfast/text.h"

enum option_id {
    LISTEN = 1,
    URL,
    STATE,
    TOKEN,
    WORKER,
    WORKER_MS,
    TOKEN_MS,
    KUBECONFIG,
    CONTEXT,
    LOAD,
    UPSTREAM,
    OLD,
    SEED,
    HELP
};

static const struct option OPTIONS[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"write-url", required_argument, NULL, URL},
    {"state", required_argument, NULL, STATE},
    {"token-env", required_argument, NULL, TOKEN},
    {"worker-env", required_argument, NULL, WORKER},
    {"worker-delay", required_argument, NULL, WORKER_MS},
    {"session", required_argument, NULL, TOKEN_MS},
    {"kubeconfig", required_argument, NULL, KUBECONFIG},
    {"context", required_argument, NULL, CONTEXT},
    {"load", required_argument, NULL, LOAD},
    {"upstream", required_argument, NULL, UPSTREAM},
    {"old", no_argument, NULL, OLD},
    {"seed", required_argument, NULL, SEED},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static const char USAGE[] =
    "usage: holdfast-sim hub [OPTION…]\n"
    "\n"
    "A small ConfigHub: units in spaces with revisions, actions that a worker takes to a cluster, gates, drift modes.\n"
    "\n"
    "  --listen ADDRESS:PORT     a loopback address; port 0 for any free one (default 127.0.0.1:0)\n"
    "  --write-url FILE          writes the base URL, http://…/api\n"
    "  --state FILE              keeps the state there; without it all is in memory\n"
    "  --load SPACE=FOLDER[@WORKER/TARGET]   a folder of unit files as a space, for a target; may be repeated\n"
    "  --upstream SPACE=BASE     the units of SPACE are clones of those of BASE with the same slugs; may be repeated\n"
    "  --kubeconfig FILE         the cluster that the worker applies to; without it actions end without one\n"
    "  --context NAME            of the kubeconfig\n"
    "  --worker-delay MS         from an action's start to its work (default 50)\n"
    "  --token-env NAME          a variable that holds the user token that is right; without it any is\n"
    "  --worker-env NAME         a variable that holds ID:SECRET of a worker, for POST /auth/worker\n"
    "  --session MS              how long a worker's session lasts (default for ever)\n"
    "  --old                     answers as the server of August 2025\n"
    "  --seed NUMBER             of ids (default 1)\n"
    "\n"
    "Faults: POST /sim/faults with {\"kind\": K, \"seconds\": S, \"count\": N, \"path\": PART}; DELETE takes all away. "
    "K:\n"
    "  status (status, retryAfter)   slow (delay ms)   truncate (bytes)   junk (megabytes)   stale\n"
    "  worker-down (refuse)   worker-fails (message)\n"
    "GET /sim/counts: requests and bytes so far. POST /sim/expire ends the worker's session.\n";

static int take_load(char *text, struct hf_hub_options *out)
{
    char *path = strchr(text, '=');
    if (!path || path == text || out->folder_count == HF_HUB_MOST_FOLDERS) {
        fprintf(stderr, "holdfast-sim hub: --load: found \"%s\", expected SPACE=FOLDER, at most %d of them\n", text,
                HF_HUB_MOST_FOLDERS);
        return -1;
    }
    *path++ = '\0';
    char *target = strrchr(path, '@');
    if (target) {
        *target++ = '\0';
    }
    out->folders[out->folder_count++] = (struct hf_hub_folder){text, path, target};
    return 0;
}

static int take_upstream(char *text, struct hf_hub_options *out)
{
    char *base = strchr(text, '=');
    if (!base || base == text || !base[1] || out->upstream_count == HF_HUB_MOST_FOLDERS) {
        fprintf(stderr, "holdfast-sim hub: --upstream: found \"%s\", expected SPACE=BASE, at most %d of them\n", text,
                HF_HUB_MOST_FOLDERS);
        return -1;
    }
    *base++ = '\0';
    out->upstreams[out->upstream_count++] = (struct hf_hub_upstream){text, base};
    return 0;
}

/* Secrets are not for the command line, which everybody can read. */
static int take_secret(int option, const char *name, struct hf_hub_options *out)
{
    char *value = getenv(name);
    char *colon = value ? strchr(value, ':') : NULL;
    if (!value || !*value || (option == WORKER && !colon)) {
        fprintf(stderr, "holdfast-sim hub: the variable %s is not set as needed\n", name);
        return -1;
    }
    if (option == TOKEN) {
        out->token = value;
        return 0;
    }
    *colon = '\0';
    out->worker_id = value;
    out->worker_secret = colon + 1;
    return 0;
}

static int take_number(const char *name, const char *text, int64_t *out)
{
    if (!hf_parse_int(hf_slice_of(text), 0, 1000000000, out)) {
        fprintf(stderr, "holdfast-sim hub: --%s: found \"%s\", expected a number\n", name, text);
        return -1;
    }
    return 0;
}

static int take_option(int option, const char *name, struct hf_hub_options *out)
{
    int64_t number = 0;
    switch (option) {
    case LISTEN:
        out->listen = optarg;
        return 0;
    case URL:
        out->write_url = optarg;
        return 0;
    case STATE:
        out->state = optarg;
        return 0;
    case TOKEN:
    case WORKER:
        return take_secret(option, optarg, out);
    case KUBECONFIG:
        out->kubeconfig = optarg;
        return 0;
    case CONTEXT:
        out->context = optarg;
        return 0;
    case LOAD:
        return take_load(optarg, out);
    case UPSTREAM:
        return take_upstream(optarg, out);
    case OLD:
        out->old = true;
        return 0;
    case WORKER_MS:
        return take_number(name, optarg, &out->worker_ms);
    case TOKEN_MS:
        return take_number(name, optarg, &out->token_ms);
    default:
        if (take_number(name, optarg, &number) != 0) {
            return -1;
        }
        out->seed = (uint64_t)number;
        return 0;
    }
}

int hf_hub_main(int argc, char **argv)
{
    struct hf_hub_options options = {.listen = "127.0.0.1:0", .worker_ms = 50, .seed = 1};
    struct hf_error err = HF_ERROR_INIT;
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", OPTIONS, &index)) != -1) {
        if (option == HELP) {
            fputs(USAGE, stdout);
            return 0;
        }
        if (option == '?' || take_option(option, OPTIONS[index].name, &options) != 0) {
            fputs("holdfast-sim hub: see holdfast-sim hub --help\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "holdfast-sim hub: unexpected argument \"%s\"\n", argv[optind]);
        return 2;
    }
    if (hf_hub_serve(&options, &err) != 0) {
        fprintf(stderr, "holdfast-sim hub: %s\n", err.text);
        return 1;
    }
    return 0;
}
