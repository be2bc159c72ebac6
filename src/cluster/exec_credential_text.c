/* What an exec plugin is told, and what it answers. */
#include <stdlib.h>
#include <string.h>

#include "exec_credential.h"
#include "holdfast/clock.h"
#include "holdfast/digest.h"
#include "holdfast/json.h"
#include "holdfast/mem.h"
#include "kubeconfig_file.h"

#define EXEC_INFO "KUBERNETES_EXEC_INFO"

static void add_member(struct hf_buf *json, const char *key, const char *text)
{
    if (text) {
        hf_buf_addf(json, ",\"%s\":", key);
        hf_buf_add_json(json, hf_slice_of(text));
    }
}

static void add_cluster(struct hf_buf *json, const struct hf_access *access)
{
    hf_buf_adds(json, "\"cluster\":{\"server\":");
    hf_buf_add_json(json, hf_slice_of(access->server));
    add_member(json, "tls-server-name", access->server_name);
    add_member(json, "proxy-url", access->proxy);
    if (access->insecure) {
        hf_buf_adds(json, ",\"insecure-skip-tls-verify\":true");
    }
    if (access->ca_pem) {
        hf_buf_adds(json, ",\"certificate-authority-data\":\"");
        hf_buf_add_base64(json, access->ca_pem, strlen(access->ca_pem));
        hf_buf_addc(json, '"');
    }
    if (access->exec->cluster_config) {
        hf_buf_addf(json, ",\"config\":%s", access->exec->cluster_config);
    }
    hf_buf_adds(json, "},");
}

/* "KUBERNETES_EXEC_INFO={…}"; NULL when memory is short. */
static char *exec_info(const struct hf_access *access)
{
    struct hf_buf json = {0};
    hf_buf_addf(&json, EXEC_INFO "={\"kind\":\"ExecCredential\",\"apiVersion\":\"%s\",\"spec\":{",
                access->exec->api_version);
    if (access->exec->provide_cluster_info) {
        add_cluster(&json, access);
    }
    hf_buf_adds(&json, "\"interactive\":false}}");
    return hf_buf_take(&json);
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return strncmp(a, b, len + 1) == 0 && a[len] == '=';
}

/* Puts a "NAME=value" in, in place of an earlier one of that name. False when memory is short. */
static bool put(char **environment, size_t *count, const char *line)
{
    char *copy = hf_strdup(line);
    if (!copy) {
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        if (same_name(environment[i], copy)) {
            wipe_text(environment[i]);
            environment[i] = copy;
            return true;
        }
    }
    environment[(*count)++] = copy;
    return true;
}

char **exec_environment(const struct hf_access *access, char *const *ours)
{
    size_t have = 0;
    while (ours && ours[have]) {
        have++;
    }
    size_t count = 0;
    bool ok = true;
    char *info = exec_info(access);
    char **environment = hf_calloc(have + access->exec->env_count + 2, sizeof *environment);
    for (size_t i = 0; environment && ok && i < have; i++) {
        environment[count] = hf_strdup(ours[i]);
        ok = environment[count] != NULL;
        count += ok;
    }
    for (size_t i = 0; environment && ok && i < access->exec->env_count; i++) {
        ok = put(environment, &count, access->exec->env[i]);
    }
    ok = environment && info && ok && put(environment, &count, info);
    wipe_text(info);
    if (!ok) {
        exec_environment_free(environment);
        return NULL;
    }
    return environment;
}

void exec_environment_free(char **environment)
{
    for (size_t i = 0; environment && environment[i]; i++) {
        wipe_text(environment[i]);
    }
    free(environment);
}

void exec_answer_free(struct exec_answer *answer)
{
    wipe_text(answer->token);
    wipe_text(answer->cert_pem);
    wipe_text(answer->key_pem);
    *answer = (struct exec_answer){.expires_ms = HF_TIME_NONE};
}

/* The text of a status member; absent, null and empty are NULL. */
static int take_text(const struct hf_value *status, const char *key, char **out, struct hf_error *err)
{
    const struct hf_value *value = hf_value_get(status, key);
    if (!value || value->kind == HF_NULL) {
        return 0;
    }
    const char *text = hf_value_text(value);
    if (!text) {
        return hf_error_set(err, HF_EINVAL, "status.%s: found %s, expected text", key, hf_kind_name(value->kind));
    }
    *out = *text ? hf_strdup(text) : NULL;
    return *text && !*out ? hf_error_set(err, HF_ENOMEM, "out of memory") : 0;
}

static int take_status(const struct hf_value *status, struct exec_answer *out, struct hf_error *err)
{
    char *expires hf_auto_free = NULL;
    if (take_text(status, "token", &out->token, err) != 0 ||
        take_text(status, "clientCertificateData", &out->cert_pem, err) != 0 ||
        take_text(status, "clientKeyData", &out->key_pem, err) != 0 ||
        take_text(status, "expirationTimestamp", &expires, err) != 0) {
        return -1;
    }
    if (!out->token && !out->cert_pem) {
        return hf_error_set(err, HF_EINVAL, "status: found neither token nor clientCertificateData, expected one");
    }
    if (!out->cert_pem != !out->key_pem) {
        return hf_error_set(err, HF_EINVAL,
                            "status: found one of clientCertificateData and clientKeyData, expected both");
    }
    if (out->cert_pem && (!strstr(out->cert_pem, "-----BEGIN ") || !strstr(out->key_pem, "-----BEGIN "))) {
        return hf_error_set(err, HF_EINVAL, "status: found a client certificate or key that is no PEM, expected PEM");
    }
    if (expires && !hf_time_parse(hf_slice_of(expires), &out->expires_ms)) {
        return hf_error_set(err, HF_EINVAL, "status.expirationTimestamp: found what is no time, expected RFC 3339");
    }
    return 0;
}

static int read_answer(const struct hf_value *value, const char *api_version, struct exec_answer *out,
                       struct hf_error *err)
{
    const char *kind = hf_value_text(hf_value_get(value, "kind"));
    const char *version = hf_value_text(hf_value_get(value, "apiVersion"));
    const struct hf_value *status = hf_value_get(value, "status");
    if (!kind || strcmp(kind, "ExecCredential") != 0) {
        return hf_error_set(err, HF_EINVAL, "kind: found something else, expected ExecCredential");
    }
    if (!version || strcmp(version, api_version) != 0) {
        return hf_error_set(err, HF_EINVAL, "apiVersion: found something else, expected %s", api_version);
    }
    if (!status || status->kind != HF_OBJECT) {
        return hf_error_set(err, HF_EINVAL, "status: found none, expected an object");
    }
    return take_status(status, out, err);
}

int exec_answer_read(const char *text, size_t len, const char *api_version, struct exec_answer *out,
                     struct hf_error *err)
{
    static const struct hf_read_limits LIMITS = {.bytes = 1u << 20, .depth = 50, .nodes = 10000};
    const struct hf_value *value = NULL;
    struct hf_arena *arena = hf_arena_new(16u << 20);
    *out = (struct exec_answer){.expires_ms = HF_TIME_NONE};
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    int result = hf_json_read(arena, text, len, &LIMITS, &value, err);
    if (result != 0) {
        redact_found(err);
        (void)hf_error_wrap(err, "not JSON");
        err->code = err->code == HF_ENOMEM ? HF_ENOMEM : HF_EINVAL;
    } else {
        result = read_answer(value, api_version, out, err);
        wipe_value(value);
    }
    hf_arena_free(arena);
    if (result != 0) {
        exec_answer_free(out);
    }
    return result;
}
