/* One run of an exec credential plugin (KEP-541): a program that prints an ExecCredential on stdout. */
#ifndef HF_CLUSTER_EXEC_CREDENTIAL_H
#define HF_CLUSTER_EXEC_CREDENTIAL_H

#include "holdfast/kubeconfig.h"

/* What it printed; wiped by exec_answer_free. */
struct exec_answer {
    char *token;
    char *cert_pem;
    char *key_pem;
    int64_t expires_ms; /* wall clock; HF_TIME_NONE: never */
};

struct exec_run;

/* err is HF_OK with an answer, which the callee may empty to keep it. Called once, on a later turn of the loop. */
typedef void (*exec_done_fn)(void *ctx, struct exec_answer *answer, const struct hf_error *err);

/* access->exec says what to run; access outlives the run. -1: it can't be started. */
int exec_run_start(struct hf_loop *loop, const struct hf_access *access, int64_t timeout_ms, exec_done_fn done,
                   void *ctx, struct exec_run **out, struct hf_error *err);
/* Ends the plugin and all it started, without a callback. NULL is fine. */
void exec_run_free(struct exec_run *run);

/* exec_credential_text.c: what goes in and what comes out. */

/* Our environment with the plugin's on top, and KUBERNETES_EXEC_INFO; closed by NULL. exec_environment_free frees it.
 */
char **exec_environment(const struct hf_access *access, char *const *ours);
void exec_environment_free(char **environment);
/* Reads what was printed; errors (HF_EINVAL) never quote it. */
int exec_answer_read(const char *text, size_t len, const char *api_version, struct exec_answer *out,
                     struct hf_error *err);
void exec_answer_free(struct exec_answer *answer);

#endif
