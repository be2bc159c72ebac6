/* The life of struct hf_access. */
#include <string.h>

#include "holdfast/mem.h"
#include "kubeconfig_file.h"

/* The texts of an access, by their place. */
static const size_t TEXTS[] = {
    offsetof(struct hf_access, context),    offsetof(struct hf_access, cluster),
    offsetof(struct hf_access, user),       offsetof(struct hf_access, server),
    offsetof(struct hf_access, namespace),  offsetof(struct hf_access, ca_pem),
    offsetof(struct hf_access, ca_file),    offsetof(struct hf_access, server_name),
    offsetof(struct hf_access, proxy),      offsetof(struct hf_access, cert_pem),
    offsetof(struct hf_access, key_pem),    offsetof(struct hf_access, cert_file),
    offsetof(struct hf_access, key_file),   offsetof(struct hf_access, token),
    offsetof(struct hf_access, token_file), offsetof(struct hf_access, username),
    offsetof(struct hf_access, password),
};

static char **text_at(struct hf_access *access, size_t offset)
{
    return (char **)(void *)((char *)access + offset);
}

void wipe_text(char *text)
{
    if (text) {
        hf_wipe(text, strlen(text));
        free(text);
    }
}

void wipe_buf(struct hf_buf *buf)
{
    hf_wipe(buf->ptr, buf->cap);
    hf_buf_free(buf);
}

/* The strings here were made by this file, for the access alone; const is for those who read them. */
static char *owned(const char *text)
{
    char *mutable;
    memcpy(&mutable, &text, sizeof mutable);
    return mutable;
}

static void free_list(const char *const *list, size_t count)
{
    for (size_t i = 0; list && i < count; i++) {
        wipe_text(owned(list[i]));
    }
    free(owned((const char *)(const void *)list));
}

static const char *const *copy_list(const char *const *list, size_t count)
{
    const char **copy = hf_calloc(count, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = hf_strdup(list[i]);
        if (!copy[i]) {
            free_list(copy, count);
            return NULL;
        }
    }
    return copy;
}

static void free_plugin(const struct hf_exec_plugin *plugin)
{
    if (plugin) {
        free(owned(plugin->api_version));
        free(owned(plugin->command));
        free(owned(plugin->install_hint));
        wipe_text(owned(plugin->cluster_config));
        free_list(plugin->args, plugin->arg_count);
        free_list(plugin->env, plugin->env_count);
        free(owned((const char *)(const void *)plugin));
    }
}

static const struct hf_exec_plugin *copy_plugin(const struct hf_exec_plugin *plugin)
{
    struct hf_exec_plugin *copy = hf_calloc(1, sizeof *copy);
    if (!copy) {
        return NULL;
    }
    *copy = (struct hf_exec_plugin){.api_version = hf_strdup(plugin->api_version),
                                    .command = hf_strdup(plugin->command),
                                    .args = copy_list(plugin->args, plugin->arg_count),
                                    .arg_count = plugin->arg_count,
                                    .env = copy_list(plugin->env, plugin->env_count),
                                    .env_count = plugin->env_count,
                                    .install_hint = hf_strdup(plugin->install_hint),
                                    .provide_cluster_info = plugin->provide_cluster_info,
                                    .cluster_config = hf_strdup(plugin->cluster_config)};
    if (!copy->command || !copy->api_version || !copy->args || !copy->env ||
        (plugin->install_hint && !copy->install_hint) || (plugin->cluster_config && !copy->cluster_config)) {
        free_plugin(copy);
        return NULL;
    }
    return copy;
}

static void free_headers(const struct hf_http_header *headers, size_t count)
{
    for (size_t i = 0; headers && i < count; i++) {
        free(owned(headers[i].name));
        wipe_text(owned(headers[i].value));
    }
    free(owned((const char *)(const void *)headers));
}

static const struct hf_http_header *copy_headers(const struct hf_http_header *headers, size_t count)
{
    struct hf_http_header *copy = hf_calloc(count, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = (struct hf_http_header){hf_strdup(headers[i].name), hf_strdup(headers[i].value)};
        if (!copy[i].name || !copy[i].value) {
            free_headers(copy, count);
            return NULL;
        }
    }
    return copy;
}

struct hf_access *hf_access_copy(const struct hf_access *access)
{
    struct hf_access *copy = hf_calloc(1, sizeof *copy);
    if (!copy) {
        return NULL;
    }
    bool ok = true;
    copy->insecure = access->insecure;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        const char *text;
        memcpy(&text, (const char *)access + TEXTS[i], sizeof text);
        *text_at(copy, TEXTS[i]) = hf_strdup(text);
        ok = ok && (!text || *text_at(copy, TEXTS[i]));
    }
    copy->exec = ok && access->exec ? copy_plugin(access->exec) : NULL;
    copy->impersonate = ok ? copy_headers(access->impersonate, access->impersonate_count) : NULL;
    copy->impersonate_count = copy->impersonate ? access->impersonate_count : 0;
    if (!ok || (access->exec && !copy->exec) || !copy->impersonate) {
        hf_access_free(copy);
        return NULL;
    }
    return copy;
}

void hf_access_free(struct hf_access *access)
{
    if (!access) {
        return;
    }
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        wipe_text(*text_at(access, TEXTS[i]));
    }
    free_plugin(access->exec);
    free_headers(access->impersonate, access->impersonate_count);
    free(access);
}
