/* A kubeconfig of any bytes: read, every context resolved. Exec plugins are never run; files that it names may be read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exec_credential.h"
#include "holdfast/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void resolve(const struct hf_kubeconfig *config, const char *context)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access *access = NULL;
    if (hf_kubeconfig_resolve(config, context, &access, &err) != 0) {
        if (err.code == HF_OK || err.text[0] == '\0') {
            abort(); /* a failure says why */
        }
        return;
    }
    /* What others rely on. */
    if (strncmp(access->server, "http", 4) != 0 || strpbrk(access->server, "@?# \r\n") || !access->namespace[0] ||
        !access->cert_pem != !access->key_pem || (access->exec && access->token)) {
        abort();
    }
    struct hf_access *copy = hf_access_copy(access);
    hf_access_free(copy);
    hf_access_free(access);
}

/* The same bytes as what a plugin might print. */
static void read_answer(const char *bytes, size_t size)
{
    struct hf_error err = HF_ERROR_INIT;
    struct exec_answer answer;
    if (exec_answer_read(bytes, size, "client.authentication.k8s.io/v1", &answer, &err) == 0) {
        if (!answer.token && !answer.cert_pem) {
            abort();
        }
        exec_answer_free(&answer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_kubeconfig *config;
    const char *bytes = (const char *)data;
    read_answer(bytes, size);
    if (hf_kubeconfig_parse(bytes, size, "fuzz", &config, &err) != 0) {
        return 0;
    }
    const char *name;
    for (size_t i = 0; i < 20 && (name = hf_kubeconfig_context(config, i)) != NULL; i++) {
        resolve(config, name);
    }
    resolve(config, NULL);
    hf_kubeconfig_free(config);
    return 0;
}
