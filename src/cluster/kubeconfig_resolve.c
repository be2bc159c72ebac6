/* From a context to what it stands for. */
#include <stdlib.h>
#include <string.h>

#include "holdfast/json.h"
#include "holdfast/mem.h"
#include "kubeconfig_file.h"

#define TOKEN_FILE_MAX (64u << 10)
#define EXEC_EXTENSION "client.authentication.k8s.io/exec"

/* The access being put together: its texts belong to the files or to what stands beside it, and are copied at the end.
 */
struct draft {
    struct hf_access access;
    struct hf_exec_plugin plugin;
    struct hf_buf ca;
    struct hf_buf cert;
    struct hf_buf key;
    struct hf_buf cluster_config;
    char *ca_file;
    char *cert_file;
    char *key_file;
    char *token_file;
    char *command;
    char *server;
    char *proxy;
    const char **args;
    char **env;
    struct hf_http_header *headers;
    char **header_names;
    size_t header_count;
};

static void free_draft(struct draft *draft)
{
    wipe_buf(&draft->ca);
    wipe_buf(&draft->cert);
    wipe_buf(&draft->key);
    wipe_buf(&draft->cluster_config);
    free(draft->ca_file);
    free(draft->cert_file);
    free(draft->key_file);
    free(draft->token_file);
    free(draft->command);
    free(draft->server);
    wipe_text(draft->proxy);
    free(draft->args);
    for (size_t i = 0; draft->env && i < draft->plugin.env_count; i++) {
        wipe_text(draft->env[i]);
    }
    free(draft->env);
    for (size_t i = 0; draft->header_names && i < draft->header_count; i++) {
        free(draft->header_names[i]);
    }
    free(draft->header_names);
    free(draft->headers);
}

static int out_of_memory(struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "kubeconfig: out of memory");
}

static const char *text_or_null(const struct hf_buf *buf)
{
    return buf->len > 0 ? hf_buf_text(buf) : NULL;
}

/* The cluster. */

/* client-go takes http, https and socks5, and resolves names at the proxy, which curl calls socks5h. */
static int read_proxy(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    const char *proxy;
    if (field_text(entry->file, entry->value, "proxy-url", &proxy, err) != 0) {
        return -1;
    }
    if (!proxy) {
        return 0;
    }
    bool socks = strncmp(proxy, "socks5://", 9) == 0;
    if (!socks && strncmp(proxy, "http://", 7) != 0 && strncmp(proxy, "https://", 8) != 0) {
        return field_error(entry->file, hf_value_get(entry->value, "proxy-url"), err,
                           "proxy-url: found another scheme, expected http://, https:// or socks5://");
    }
    struct hf_buf url = {0};
    hf_buf_adds(&url, socks ? "socks5h" : "");
    hf_buf_adds(&url, socks ? proxy + 6 : proxy);
    draft->proxy = hf_buf_take(&url);
    draft->access.proxy = draft->proxy;
    return draft->proxy ? 0 : out_of_memory(err);
}

static int read_server(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    const char *server;
    const struct hf_value *place = hf_value_get(entry->value, "server");
    if (field_text(entry->file, entry->value, "server", &server, err) != 0) {
        return -1;
    }
    if (!server) {
        return field_error(entry->file, place ? place : entry->value, err,
                           "cluster \"%.100s\": server: found nothing, expected https://host[:port][/path]",
                           entry->name);
    }
    bool tls = draft->access.ca_pem || draft->access.insecure;
    struct hf_error why = HF_ERROR_INIT;
    if (server_url(server, tls, &draft->server, &why) != 0) {
        return why.code == HF_ENOMEM ? out_of_memory(err)
                                     : field_error(entry->file, place, err, "server: %s", why.text);
    }
    draft->access.server = draft->server;
    return 0;
}

/* What an exec plugin of this cluster is configured with: the extension that client-go looks for. */
static int read_extension(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    const struct hf_value *extensions;
    if (field_kind(entry->file, entry->value, "extensions", HF_ARRAY, &extensions, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < hf_value_count(extensions); i++) {
        const struct hf_value *one = hf_value_at(extensions, i);
        const char *name = hf_value_text(hf_value_get(one, "name"));
        const struct hf_value *contents = hf_value_get(one, "extension");
        if (name && strcmp(name, EXEC_EXTENSION) == 0 && contents) {
            hf_json_write(&draft->cluster_config, contents);
            return hf_buf_ok(&draft->cluster_config) ? 0 : out_of_memory(err);
        }
    }
    return 0;
}

static int read_cluster(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    struct hf_access *access = &draft->access;
    const struct hf_value *value = entry->value;
    if (field_text(entry->file, value, "tls-server-name", &access->server_name, err) != 0 ||
        field_bool(entry->file, value, "insecure-skip-tls-verify", &access->insecure, err) != 0 ||
        field_pem(entry->file, value, "certificate-authority-data", "certificate-authority", &draft->ca,
                  &draft->ca_file, err) != 0) {
        return -1;
    }
    access->ca_pem = text_or_null(&draft->ca);
    access->ca_file = draft->ca_file;
    if (access->insecure && access->ca_pem) {
        return field_error(entry->file, hf_value_get(value, "insecure-skip-tls-verify"), err,
                           "insecure-skip-tls-verify: found true beside a certificate authority, expected one of them");
    }
    return read_proxy(draft, entry, err) == 0 && read_server(draft, entry, err) == 0 ? read_extension(draft, entry, err)
                                                                                     : -1;
}

/* The user. */

static int read_certificate(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    if (field_pem(entry->file, entry->value, "client-certificate-data", "client-certificate", &draft->cert,
                  &draft->cert_file, err) != 0 ||
        field_pem(entry->file, entry->value, "client-key-data", "client-key", &draft->key, &draft->key_file, err) !=
            0) {
        return -1;
    }
    if ((draft->cert.len > 0) != (draft->key.len > 0)) {
        return field_error(entry->file, entry->value, err,
                           "user \"%.100s\": found a client %s without its %s, expected both", entry->name,
                           draft->cert.len ? "certificate" : "key", draft->cert.len ? "key" : "certificate");
    }
    draft->access.cert_pem = text_or_null(&draft->cert);
    draft->access.key_pem = text_or_null(&draft->key);
    draft->access.cert_file = draft->cert_file;
    draft->access.key_file = draft->key_file;
    return 0;
}

static int read_token(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    struct hf_access *access = &draft->access;
    const char *file;
    if (field_text(entry->file, entry->value, "token", &access->token, err) != 0 ||
        field_text(entry->file, entry->value, "tokenFile", &file, err) != 0 ||
        field_text(entry->file, entry->value, "username", &access->username, err) != 0 ||
        field_text(entry->file, entry->value, "password", &access->password, err) != 0) {
        return -1;
    }
    if (file) {
        const struct hf_value *place = hf_value_get(entry->value, "tokenFile");
        struct hf_buf token = {0};
        draft->token_file = kubeconfig_path(entry->file, file);
        int result =
            draft->token_file ? hf_read_file(draft->token_file, TOKEN_FILE_MAX, &token, err) : out_of_memory(err);
        wipe_buf(&token);
        /* A token beside it serves while the file can't be read. */
        if (result != 0 && !access->token) {
            return hf_error_wrap(err, "%s: line %u, column %u: tokenFile", entry->file->path, place->line,
                                 place->column);
        }
        hf_error_clear(err);
        access->token_file = draft->token_file;
    }
    if (access->username && (access->token || access->token_file)) {
        return field_error(entry->file, entry->value, err,
                           "user \"%.100s\": found both a token and a user name, expected one of them", entry->name);
    }
    return 0;
}

static int read_exec_args(struct draft *draft, const struct kubeconfig_file *file, const struct hf_value *exec,
                          struct hf_error *err)
{
    const struct hf_value *args;
    if (field_kind(file, exec, "args", HF_ARRAY, &args, err) != 0) {
        return -1;
    }
    size_t count = hf_value_count(args);
    draft->args = hf_calloc(count, sizeof *draft->args);
    if (!draft->args) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        draft->args[i] = hf_value_text(hf_value_at(args, i));
        if (!draft->args[i]) {
            return field_error(file, hf_value_at(args, i), err, "exec: args: found %s, expected a string",
                               hf_kind_name(hf_value_at(args, i)->kind));
        }
    }
    draft->plugin.args = draft->args;
    draft->plugin.arg_count = count;
    return 0;
}

static int read_exec_env(struct draft *draft, const struct kubeconfig_file *file, const struct hf_value *exec,
                         struct hf_error *err)
{
    const struct hf_value *env;
    if (field_kind(file, exec, "env", HF_ARRAY, &env, err) != 0) {
        return -1;
    }
    size_t count = hf_value_count(env);
    draft->env = hf_calloc(count, sizeof *draft->env);
    if (!draft->env) {
        return out_of_memory(err);
    }
    draft->plugin.env_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *one = hf_value_at(env, i);
        const char *name = NULL;
        const char *value = NULL;
        if (one->kind == HF_OBJECT &&
            (field_text(file, one, "name", &name, err) != 0 || field_text(file, one, "value", &value, err) != 0)) {
            return -1;
        }
        if (!name || strchr(name, '=')) {
            return field_error(file, one, err,
                               "exec: env: found an entry without a proper name, expected name and value");
        }
        struct hf_buf line = {0};
        hf_buf_addf(&line, "%s=%s", name, value ? value : "");
        draft->env[i] = hf_buf_take(&line);
        if (!draft->env[i]) {
            return out_of_memory(err);
        }
    }
    draft->plugin.env = (const char *const *)draft->env;
    return 0;
}

static int check_exec(const struct draft *draft, const struct kubeconfig_entry *entry, const struct hf_value *exec,
                      const char *mode, struct hf_error *err)
{
    const char *version = draft->plugin.api_version;
    if (!version || (strcmp(version, "client.authentication.k8s.io/v1") != 0 &&
                     strcmp(version, "client.authentication.k8s.io/v1beta1") != 0 &&
                     strcmp(version, "client.authentication.k8s.io/v1alpha1") != 0)) {
        const struct hf_value *place = hf_value_get(exec, "apiVersion");
        return field_error(entry->file, place ? place : exec, err,
                           "exec: apiVersion: found %.80s, expected client.authentication.k8s.io/v1 or v1beta1",
                           version ? version : "nothing");
    }
    if (!draft->plugin.command) {
        return field_error(entry->file, exec, err, "exec: command: found nothing, expected a program");
    }
    if (mode && strcmp(mode, "Always") == 0) {
        (void)field_error(
            entry->file, hf_value_get(exec, "interactiveMode"), err,
            "exec: interactiveMode: found Always, expected IfAvailable or Never: this program runs without a "
            "person at a terminal, so use a plugin that needs none");
        err->code = HF_EUNSUPPORTED;
        return -1;
    }
    if (mode ? strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0
             : strcmp(version, "client.authentication.k8s.io/v1") == 0) {
        const struct hf_value *place = hf_value_get(exec, "interactiveMode");
        return field_error(entry->file, place ? place : exec, err,
                           "exec: interactiveMode: found %.40s, expected IfAvailable or Never",
                           mode ? mode : "nothing");
    }
    return 0;
}

static int read_exec(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    const struct kubeconfig_file *file = entry->file;
    const struct hf_value *exec;
    const char *command = NULL;
    const char *mode = NULL;
    if (field_kind(file, entry->value, "exec", HF_OBJECT, &exec, err) != 0) {
        return -1;
    }
    /* As in client-go, a plugin isn't asked where the file itself has a token or a user name. */
    if (!exec || draft->access.token || draft->access.token_file || draft->access.username) {
        return 0;
    }
    struct hf_exec_plugin *plugin = &draft->plugin;
    if (field_text(file, exec, "apiVersion", &plugin->api_version, err) != 0 ||
        field_text(file, exec, "command", &command, err) != 0 ||
        field_text(file, exec, "installHint", &plugin->install_hint, err) != 0 ||
        field_text(file, exec, "interactiveMode", &mode, err) != 0 ||
        field_bool(file, exec, "provideClusterInfo", &plugin->provide_cluster_info, err) != 0 ||
        read_exec_args(draft, file, exec, err) != 0 || read_exec_env(draft, file, exec, err) != 0) {
        return -1;
    }
    if (command) {
        draft->command = strchr(command, '/') ? kubeconfig_path(file, command) : hf_strdup(command);
        plugin->command = draft->command;
        if (!draft->command) {
            return out_of_memory(err);
        }
    }
    plugin->cluster_config = text_or_null(&draft->cluster_config);
    draft->access.exec = plugin;
    return check_exec(draft, entry, exec, mode, err);
}

static int add_header(struct draft *draft, const char *name, const char *key, const char *value, struct hf_error *err)
{
    size_t count = draft->header_count + 1;
    struct hf_http_header *headers = hf_reallocarray(draft->headers, count, sizeof *headers);
    draft->headers = headers ? headers : draft->headers;
    char **names = hf_reallocarray(draft->header_names, count, sizeof *names);
    draft->header_names = names ? names : draft->header_names;
    struct hf_buf whole = {0};
    hf_buf_adds(&whole, name);
    hf_buf_add_url(&whole, hf_slice_of(key)); /* as client-go writes a key of Impersonate-Extra- */
    char *text = headers && names ? hf_buf_take(&whole) : NULL;
    hf_buf_free(&whole);
    if (!text) {
        return out_of_memory(err);
    }
    names[count - 1] = text;
    headers[count - 1] = (struct hf_http_header){text, value};
    draft->header_count = count;
    draft->access.impersonate = headers;
    draft->access.impersonate_count = count;
    return 0;
}

static int add_headers(struct draft *draft, const struct kubeconfig_file *file, const char *name, const char *key,
                       const struct hf_value *list, struct hf_error *err)
{
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const char *text = hf_value_text(hf_value_at(list, i));
        if (list->kind != HF_ARRAY || !text) {
            return field_error(file, list, err, "impersonation: found something else, expected an array of strings");
        }
        if (add_header(draft, name, key, text, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_impersonation(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    const struct hf_value *groups;
    const struct hf_value *extra;
    const char *user;
    const char *uid;
    if (field_text(entry->file, entry->value, "as", &user, err) != 0 ||
        field_text(entry->file, entry->value, "as-uid", &uid, err) != 0 ||
        field_kind(entry->file, entry->value, "as-groups", HF_ARRAY, &groups, err) != 0 ||
        field_kind(entry->file, entry->value, "as-user-extra", HF_OBJECT, &extra, err) != 0) {
        return -1;
    }
    if (!user) {
        return uid || groups || extra ? field_error(entry->file, entry->value, err,
                                                    "user \"%.100s\": found as-uid, as-groups or as-user-extra without "
                                                    "as, expected as too",
                                                    entry->name)
                                      : 0;
    }
    if (add_header(draft, "Impersonate-User", "", user, err) != 0 ||
        (uid && add_header(draft, "Impersonate-Uid", "", uid, err) != 0) ||
        add_headers(draft, entry->file, "Impersonate-Group", "", groups, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < hf_value_count(extra); i++) {
        const struct hf_member *member = &extra->as.object.members[i];
        if (add_headers(draft, entry->file, "Impersonate-Extra-", member->key.ptr, &member->value, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_user(struct draft *draft, const struct kubeconfig_entry *entry, struct hf_error *err)
{
    if (read_certificate(draft, entry, err) != 0 || read_token(draft, entry, err) != 0 ||
        read_exec(draft, entry, err) != 0) {
        return -1;
    }
    const struct hf_value *provider = hf_value_get(entry->value, "auth-provider");
    if (provider && provider->kind != HF_NULL && !draft->access.token && !draft->access.token_file) {
        (void)field_error(entry->file, provider, err,
                          "auth-provider: found one, expected an exec plugin, a token or a certificate: kubectl has "
                          "given them up too");
        err->code = HF_EUNSUPPORTED;
        return -1;
    }
    return read_impersonation(draft, entry, err);
}

static int read_context(const struct hf_kubeconfig *config, const struct kubeconfig_entry *context, struct draft *draft,
                        struct hf_error *err)
{
    struct hf_access *access = &draft->access;
    struct kubeconfig_entry entry;
    if (field_text(context->file, context->value, "cluster", &access->cluster, err) != 0 ||
        field_text(context->file, context->value, "user", &access->user, err) != 0 ||
        field_text(context->file, context->value, "namespace", &access->namespace, err) != 0) {
        return -1;
    }
    access->context = context->name;
    access->namespace = access->namespace ? access->namespace : "default";
    if (!access->cluster) {
        return field_error(context->file, context->value, err,
                           "context \"%.100s\": cluster: found nothing, expected the name of a cluster", context->name);
    }
    if (kubeconfig_find(config, "clusters", access->cluster, &entry, err) != 0 ||
        read_cluster(draft, &entry, err) != 0) {
        return hf_error_wrap(err, "context \"%.100s\"", context->name);
    }
    /* No user at all is anonymous access, as with kubectl. */
    if (access->user &&
        (kubeconfig_find(config, "users", access->user, &entry, err) != 0 || read_user(draft, &entry, err) != 0)) {
        return hf_error_wrap(err, "context \"%.100s\"", context->name);
    }
    return 0;
}

int hf_kubeconfig_resolve(const struct hf_kubeconfig *config, const char *context, struct hf_access **out,
                          struct hf_error *err)
{
    struct kubeconfig_entry entry;
    struct draft draft = {0};
    const char *name = context && *context ? context : hf_kubeconfig_current_context(config);
    if (!*name) {
        return hf_error_set(err, HF_ENOTFOUND, "%s: no current-context is set, and no context was named",
                            config->files[0].path);
    }
    int result =
        kubeconfig_find(config, "contexts", name, &entry, err) == 0 ? read_context(config, &entry, &draft, err) : -1;
    if (result == 0) {
        *out = hf_access_copy(&draft.access);
        result = *out ? 0 : out_of_memory(err);
    }
    free_draft(&draft);
    return result;
}
