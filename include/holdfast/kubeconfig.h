/* How to reach an API server and as whom: kubeconfig files as kubectl reads them, the in-cluster service account, and
 * the login that is current now (token files that change, exec credential plugins).
 *
 * Sources of the rules: client-go's tools/clientcmd, rest/transport and plugin/pkg/client/auth/exec. */
#ifndef HOLDFAST_KUBECONFIG_H
#define HOLDFAST_KUBECONFIG_H

#include "holdfast/http.h"
#include "holdfast/log.h"

/* A plugin that prints an ExecCredential. */
struct hf_exec_plugin {
    const char *api_version; /* client.authentication.k8s.io/v1, v1beta1 or v1alpha1 */
    const char *command;     /* absolute, or a name to look for in PATH */
    const char *const *args; /* without the command itself */
    size_t arg_count;
    const char *const *env; /* "NAME=value", added to our own environment */
    size_t env_count;
    const char *install_hint; /* told when the command is not found; NULL: none */
    bool provide_cluster_info;
    const char *cluster_config; /* JSON of the cluster's extension "client.authentication.k8s.io/exec"; NULL: none */
};

/* One server and one user of it. A caller may fill one by hand (tests) and hand it to hf_access_copy. NULL or 0: not
 * set. */
struct hf_access {
    const char *context;   /* the context it came from; "in-cluster" */
    const char *cluster;   /* name of the cluster entry */
    const char *user;      /* name of the user entry */
    const char *server;    /* "https://host:6443/prefix", no slash at the end, no user part, no query */
    const char *namespace; /* the context's; "default" when it names none */

    const char *ca_pem;  /* NULL: the system's trust */
    const char *ca_file; /* where ca_pem was read, so that it can be read again when it changes */
    const char *server_name;
    const char *proxy; /* NULL: by the environment */
    bool insecure;

    const char *cert_pem;
    const char *key_pem;
    const char *cert_file; /* as ca_file */
    const char *key_file;

    /* At most one of: token or token_file (the file wins while it can be read), exec, username. */
    const char *token;
    const char *token_file;
    const char *username;
    const char *password;
    const struct hf_exec_plugin *exec;

    const struct hf_http_header *impersonate; /* Impersonate-User, -Uid, -Group, -Extra-… */
    size_t impersonate_count;
};

/* A deep copy. NULL when memory is short. Free with hf_access_free, which wipes what is secret; NULL is fine. */
struct hf_access *hf_access_copy(const struct hf_access *access);
void hf_access_free(struct hf_access *access);

/* The merged contents of one or more kubeconfig files. */
struct hf_kubeconfig;

/* paths: one path, or several joined by ':' as in KUBECONFIG; NULL or "": $KUBECONFIG, else ~/.kube/config. Merged by
 * kubectl's rules: the first file to set a value, or to name an entry, wins; relative paths belong to the folder of the
 * file that holds them; files of a list that are not there are passed over (one alone, or all of them, is
 * HF_ENOTFOUND). A file holds at most 1 MiB. Errors name file, line and column: HF_EPARSE (not YAML), HF_EINVAL (not
 * what was expected), HF_ELIMIT, HF_EIO, HF_EDENIED, HF_ENOMEM. */
int hf_kubeconfig_load(const char *paths, struct hf_kubeconfig **out, struct hf_error *err);
/* The same of one text in memory; path is what errors call it, and its folder is what relative paths belong to. */
int hf_kubeconfig_parse(const char *bytes, size_t len, const char *path, struct hf_kubeconfig **out,
                        struct hf_error *err);
void hf_kubeconfig_free(struct hf_kubeconfig *config); /* wipes; NULL is fine */

/* "" when none is set. */
const char *hf_kubeconfig_current_context(const struct hf_kubeconfig *config);
/* Names in the order of the files; NULL beyond the last. */
const char *hf_kubeconfig_context(const struct hf_kubeconfig *config, size_t index);

/* What a context stands for; NULL or "": the current one. Reads the files it names (CA, certificate, key, token).
 * Errors: HF_ENOTFOUND (no such context, cluster or user: the nearest known names are told; a file is missing),
 * HF_EINVAL (a wrong value, with its place), HF_EUNSUPPORTED (auth-provider, a plugin that must talk to a person),
 * HF_ENOMEM. */
int hf_kubeconfig_resolve(const struct hf_kubeconfig *config, const char *context, struct hf_access **out,
                          struct hf_error *err);

/* From KUBERNETES_SERVICE_HOST and _PORT and the mounted service account. folder: NULL for
 * /var/run/secrets/kubernetes.io/serviceaccount. HF_ENOTFOUND when this is no pod. */
int hf_access_in_cluster(const char *folder, struct hf_access **out, struct hf_error *err);

/* The login that is current now. All on the loop's thread. */
struct hf_credential;

/* All that a request needs to go to the server as the user; valid until the next call about the credential, or the end
 * of the callback. hf_http_start copies what it gets, so `request.server = &login->server` and so on may be used
 * straight away. */
struct hf_login {
    struct hf_http_server
        server;         /* trust, client certificate, name, proxy; `separate` is the caller's to set in a copy */
    const char *bearer; /* NULL: none */
    const struct hf_http_header *headers; /* basic authorization, impersonation */
    size_t header_count;
};

/* login is NULL when err is set. */
typedef void (*hf_login_fn)(void *ctx, const struct hf_login *login, const struct hf_error *err);

/* access is copied; loop and log outlive the credential. log may be NULL. */
int hf_credential_new(struct hf_loop *loop, const struct hf_access *access, struct hf_log *log,
                      struct hf_credential **out, struct hf_error *err);
/* Ends a plugin that runs; callbacks that wait are not called. Wipes. NULL is fine. */
void hf_credential_free(struct hf_credential *credential);

/* The login, when one that is valid is at hand without waiting (static, from a file, or from a plugin that has answered
 * and has not expired); else NULL: use hf_credential_get. Files are looked at again when they changed, and once a
 * minute. */
const struct hf_login *hf_credential_now(struct hf_credential *credential);

/* Calls fn once on a later turn of the loop (never from within this function) with the login, running the plugin if it
 * must. Calls that come while it runs share its answer. Errors given to fn: HF_ENOTFOUND (command or file missing),
 * HF_EDENIED, HF_ETIMEOUT (60 s), HF_EINVAL (what the plugin printed), HF_EIO (it failed; with the end of its stderr),
 * HF_ENOMEM. After a failure the next get tries again, at the earliest a second later. -1: memory; no callback will
 * come. */
int hf_credential_get(struct hf_credential *credential, hf_login_fn fn, void *ctx, struct hf_error *err);
/* Drops the waiting callbacks that have this ctx. */
void hf_credential_forget(struct hf_credential *credential, const void *ctx);

/* After a 401: what was given is not used again. The next get reads the file or runs the plugin anew (at most once in
 * 10 s, so that a server which refuses everything doesn't make a plugin run without end). False when there is nothing
 * new to try (a static token, certificate or password): then the 401 is final. */
bool hf_credential_reject(struct hf_credential *credential);

#endif
