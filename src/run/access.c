/* Who may read and act: from the config to the server, and again when a file of it changes. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run.h"

#define MOST_PEM ((size_t)1 << 20)

/* What the server is told, and what it was read from. */
struct filled {
    struct hf_arena *arena;
    struct hf_serve_access access;
    struct hf_buf cert;
    struct hf_buf key;
};

struct run_access {
    struct stat seen[3]; /* tokens_file, cert_file, key_file */
};

static void wipe(struct filled *filled)
{
    hf_arena_free(filled->arena);
    if (filled->key.ptr) {
        hf_wipe(filled->key.ptr, filled->key.cap);
    }
    hf_buf_free(&filled->key);
    hf_buf_free(&filled->cert);
}

static enum hf_serve_role role_of(enum hf_role role)
{
    return role == HF_ROLE_OPERATOR ? HF_SERVE_OPERATOR : role == HF_ROLE_AUDITOR ? HF_SERVE_AUDITOR : HF_SERVE_VIEWER;
}

static int fill_tokens(const struct hf_config_access *config, struct filled *filled, struct hf_error *err)
{
    const struct hf_config_token *more = NULL;
    size_t more_count = 0;
    if (config->tokens_file && hf_config_tokens(config->tokens_file, filled->arena, &more, &more_count, err) != 0) {
        return hf_error_wrap(err, "access.tokens_file");
    }
    size_t count = config->token_count + more_count;
    struct hf_serve_token *tokens = hf_arena_array(filled->arena, count, sizeof *tokens);
    if (!tokens) {
        return hf_error_set(err, HF_ENOMEM, "read access: out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct hf_config_token *from =
            i < config->token_count ? &config->tokens[i] : &more[i - config->token_count];
        tokens[i] = (struct hf_serve_token){from->name, role_of(from->role), from->hash, from->expires_ms};
    }
    filled->access.tokens = tokens;
    filled->access.token_count = count;
    return 0;
}

/* An empty access of a config without one stays NULL for the server. */
static int fill(const struct hf_config_access *config, struct filled *filled, struct hf_error *err)
{
    filled->arena = hf_arena_new(0);
    if (!filled->arena) {
        return hf_error_set(err, HF_ENOMEM, "read access: out of memory");
    }
    filled->access = (struct hf_serve_access){.session_ms = config->session_ms,
                                              .anonymous_read = config->anonymous_read,
                                              .plain_http = config->plain_http,
                                              .hosts = config->hosts,
                                              .host_count = config->host_count,
                                              .proxy_addresses = config->proxy_addresses,
                                              .proxy_count = config->proxy_count,
                                              .proxy_user_header = config->proxy_user_header,
                                              .proxy_role_header = config->proxy_role_header,
                                              .proxy_role = role_of(config->proxy_role),
                                              .requests_per_second = config->requests_per_second,
                                              .reviewed = config->kubernetes_target != NULL};
    if (fill_tokens(config, filled, err) != 0) {
        return -1;
    }
    if (config->cert_file) {
        if (hf_read_file(config->cert_file, MOST_PEM, &filled->cert, err) != 0 ||
            hf_read_file(config->key_file, MOST_PEM, &filled->key, err) != 0) {
            return hf_error_wrap(err, "access.tls");
        }
        filled->access.cert_pem = hf_buf_text(&filled->cert);
        filled->access.key_pem = hf_buf_text(&filled->key);
    }
    return 0;
}

static void look(const struct hf_config_access *config, struct stat seen[3])
{
    const char *const files[3] = {config->tokens_file, config->cert_file, config->key_file};
    memset(seen, 0, 3 * sizeof *seen);
    for (size_t i = 0; i < 3; i++) {
        if (files[i]) {
            (void)stat(files[i], &seen[i]);
        }
    }
}

int hf_run_access_check(const struct hf_config *config, const char *listen, struct hf_error *err)
{
    struct filled filled = {0};
    int result = config->access.is_set ? fill(&config->access, &filled, err) : 0;
    if (result == 0) {
        result = hf_serve_check(listen ? listen : config->listen, config->access.is_set ? &filled.access : NULL, err);
    }
    wipe(&filled);
    return result == 0 ? 0 : hf_error_wrap(err, "%s", config->path);
}

int hf_run_serve_start(struct hf_run *run, struct hf_serve_options *options, const struct hf_serve_trail *trail,
                       struct hf_error *err)
{
    const struct hf_config_access *config = &run->config->access;
    struct filled filled = {0};
    run->guarded = hf_calloc(1, sizeof *run->guarded);
    if (!run->guarded) {
        return hf_error_set(err, HF_ENOMEM, "read access: out of memory");
    }
    look(config, run->guarded->seen);
    int result = config->is_set ? fill(config, &filled, err) : 0;
    if (result == 0) {
        options->access = config->is_set ? &filled.access : NULL;
        options->max_connections = config->connections;
        options->connections_per_address = config->connections_per_address;
        options->max_streams = config->streams;
        options->idle_timeout_s = (unsigned)((config->idle_ms + 999) / 1000);
        result = hf_serve_start(options, trail, run->log, &run->serve, err);
        options->access = NULL;
    }
    wipe(&filled);
    return result;
}

void hf_run_access_renew(struct hf_run *run)
{
    const struct hf_config_access *config = &run->config->access;
    struct filled filled = {0};
    struct hf_error err = HF_ERROR_INIT;
    look(config, run->guarded->seen);
    if ((config->is_set && fill(config, &filled, &err) != 0) ||
        hf_serve_renew(run->serve, config->is_set ? &filled.access : NULL, &err) != 0) {
        hf_log_error(run->log, HF_ERROR, "access is not as the config says", &err, NULL);
        hf_run_say(run, "access.refused", "warning", err.text, NULL);
    } else {
        hf_log_write(run->log, HF_INFO, "who may read and act is read again", NULL);
    }
    wipe(&filled);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_mode == b->st_mode;
}

void hf_run_access_look(struct hf_run *run)
{
    struct stat now[3];
    bool same = true;
    look(&run->config->access, now);
    for (size_t i = 0; i < 3; i++) {
        same &= is_same(&now[i], &run->guarded->seen[i]);
    }
    if (!same) {
        hf_run_access_renew(run);
    }
}
