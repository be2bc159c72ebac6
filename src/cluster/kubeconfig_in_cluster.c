/* The service account that a pod is given (client-go's rest.InClusterConfig). */
#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"
#include "kubeconfig_file.h"

#define MOUNTED "/var/run/secrets/kubernetes.io/serviceaccount"
#define SMALL_FILE_MAX (64u << 10)
#define CA_MAX (1u << 20)

static int read_mounted(const char *folder, const char *name, size_t limit, struct hf_buf *text, char **path,
                        struct hf_error *err)
{
    struct hf_buf whole = {0};
    hf_buf_addf(&whole, "%s/%s", folder, name);
    *path = hf_buf_take(&whole);
    if (!*path) {
        return hf_error_set(err, HF_ENOMEM, "service account: out of memory");
    }
    return hf_read_file(*path, limit, text, err) == 0 ? 0 : hf_error_wrap(err, "service account");
}

static void trim_end(struct hf_buf *text)
{
    while (text->len > 0 && strchr(" \t\r\n", text->ptr[text->len - 1])) {
        text->ptr[--text->len] = '\0';
    }
}

/* What is read on the way, freed in one place. */
struct mounted {
    struct hf_buf server;
    struct hf_buf token;
    struct hf_buf ca;
    struct hf_buf namespace;
    char *token_file;
    char *ca_file;
    char *namespace_file;
};

static int read_all(const char *folder, struct mounted *mounted, struct hf_access **out, struct hf_error *err)
{
    struct hf_error ignored = HF_ERROR_INIT;
    if (read_mounted(folder, "token", SMALL_FILE_MAX, &mounted->token, &mounted->token_file, err) != 0 ||
        read_mounted(folder, "ca.crt", CA_MAX, &mounted->ca, &mounted->ca_file, err) != 0) {
        return -1;
    }
    if (!strstr(hf_buf_text(&mounted->ca), "-----BEGIN ")) {
        return hf_error_set(err, HF_EINVAL, "service account: %s holds no PEM, expected -----BEGIN …",
                            mounted->ca_file);
    }
    if (read_mounted(folder, "namespace", SMALL_FILE_MAX, &mounted->namespace, &mounted->namespace_file, &ignored) ==
        0) {
        trim_end(&mounted->namespace);
    }
    struct hf_access access = {.context = "in-cluster",
                               .cluster = "in-cluster",
                               .user = "service-account",
                               .server = hf_buf_text(&mounted->server),
                               .namespace = mounted->namespace.len > 0 ? hf_buf_text(&mounted->namespace) : "default",
                               .ca_pem = hf_buf_text(&mounted->ca),
                               .ca_file = mounted->ca_file,
                               .token_file = mounted->token_file};
    *out = hf_access_copy(&access);
    return *out ? 0 : hf_error_set(err, HF_ENOMEM, "service account: out of memory");
}

int hf_access_in_cluster(const char *folder, struct hf_access **out, struct hf_error *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");
    struct hf_slice number = hf_slice_of(port);
    int64_t parsed;
    if (!host || !*host || !port || !*port) {
        return hf_error_set(err, HF_ENOTFOUND,
                            "this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
    }
    if (!hf_parse_int(number, 1, 65535, &parsed)) {
        return hf_error_set(err, HF_EINVAL, "KUBERNETES_SERVICE_PORT: found what is no port, expected 1 to 65535");
    }
    struct mounted mounted = {0};
    hf_buf_addf(&mounted.server, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
    int result = hf_buf_ok(&mounted.server) ? read_all(folder ? folder : MOUNTED, &mounted, out, err)
                                            : hf_error_set(err, HF_ENOMEM, "service account: out of memory");
    hf_buf_free(&mounted.server);
    wipe_buf(&mounted.token);
    hf_buf_free(&mounted.ca);
    hf_buf_free(&mounted.namespace);
    free(mounted.token_file);
    free(mounted.ca_file);
    free(mounted.namespace_file);
    return result;
}
