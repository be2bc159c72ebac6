/* The audit webhooks of the targets' API servers: their tokens, and the way of what they post to the loop. may and take
 * run on the server's threads, the rest on the loop's. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "holdfast/apiaudit.h"
#include "run.h"

#define MOST_WAITING 32 /* lists that the loop has not taken yet */
#define MOST_TOKEN ((size_t)4096)

struct hook {
    char *target;
    char *file;
    struct stat seen;
    struct hf_digest digest; /* of the token: what is compared takes the same time whatever is given */
    bool is_known;
    struct hook *next;
};

struct run_hooks {
    struct hf_run *run;
    pthread_mutex_t lock;
    struct hook *hooks;
    atomic_int waiting;
    struct hf_hook_server *server; /* NULL: there is none */
    struct hf_digest listener;     /* of its address, certificate and key */
};

/* A list on its way to the loop. */
struct posted {
    struct run_hooks *hooks;
    struct hf_arena *arena;
    char target[64];
    struct hf_agent_write *writes; /* kind: the resource as URLs have it, until the loop knows better */
    size_t count;
    size_t cap;
    size_t wrong;
    bool short_of;
};

static void hook_free(struct hook *hook)
{
    while (hook) {
        struct hook *next = hook->next;
        free(hook->target);
        free(hook->file);
        free(hook);
        hook = next;
    }
}

static void read_token(struct hook *hook)
{
    struct hf_error err = HF_ERROR_INIT;
    struct stat now;
    struct hf_secret_ref ref = {.file = hook->file};
    struct hf_buf token = {.limit = MOST_TOKEN};
    memset(&now, 0, sizeof now);
    (void)stat(hook->file, &now);
    if (hook->is_known && now.st_mtim.tv_sec == hook->seen.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == hook->seen.st_mtim.tv_nsec && now.st_ino == hook->seen.st_ino) {
        return;
    }
    hook->seen = now;
    hook->is_known = hf_secret_load(&ref, "token", &token, &err) == 0 &&
                     hf_sha256(hf_buf_text(&token), token.len, &hook->digest, &err) == 0;
    hf_wipe(token.ptr, token.cap);
    hf_buf_free(&token);
}

static bool is_same(const struct hf_digest *a, const struct hf_digest *b)
{
    unsigned differs = 0;
    for (size_t i = 0; i < sizeof a->bytes; i++) {
        differs |= (unsigned)(a->bytes[i] ^ b->bytes[i]);
    }
    return differs == 0;
}

static bool may(void *ctx, const char *target, const char *token)
{
    struct run_hooks *hooks = ctx;
    struct hf_digest given;
    struct hf_error err = HF_ERROR_INIT;
    bool is_right = false;
    if (hf_sha256(token, strlen(token), &given, &err) != 0) {
        return false;
    }
    pthread_mutex_lock(&hooks->lock);
    for (struct hook *hook = hooks->hooks; hook; hook = hook->next) {
        if (strcmp(hook->target, target) == 0) {
            read_token(hook);
            is_right = hook->is_known && is_same(&hook->digest, &given);
        }
    }
    pthread_mutex_unlock(&hooks->lock);
    return is_right;
}

static const char *keep(struct posted *posted, const char *text)
{
    if (!*text) {
        return NULL;
    }
    const char *kept = hf_arena_copy(posted->arena, text, strlen(text));
    posted->short_of |= !kept;
    return kept;
}

static bool has_room(struct posted *posted)
{
    if (posted->count < posted->cap) {
        return true;
    }
    size_t wider = posted->cap ? posted->cap * 2 : 64;
    struct hf_agent_write *writes = hf_arena_array(posted->arena, wider, sizeof *writes);
    if (!writes) {
        posted->short_of = true;
        return false;
    }
    if (posted->count > 0) {
        memcpy(writes, posted->writes, posted->count * sizeof *writes);
    }
    posted->writes = writes;
    posted->cap = wider;
    return true;
}

static void on_event(void *ctx, const struct hf_apiaudit_event *event)
{
    struct posted *posted = ctx;
    const char **groups = hf_arena_array(posted->arena, event->group_count, sizeof *groups);
    if (!has_room(posted) || !groups) {
        posted->short_of = true;
        return;
    }
    for (size_t i = 0; i < event->group_count; i++) {
        const char *group = keep(posted, event->groups[i]);
        groups[i] = group ? group : "";
    }
    const char *kind = keep(posted, event->resource);
    const char *group = keep(posted, event->group);
    posted->writes[posted->count++] = (struct hf_agent_write){
        .group = group ? group : "",
        .kind = kind ? kind : "",
        .namespace = keep(posted, event->namespace),
        .name = keep(posted, event->name),
        .subresource = keep(posted, event->subresource),
        .resource_version = keep(posted, event->resource_version),
        .user = keep(posted, event->user),
        .impersonated = keep(posted, event->impersonated),
        .groups = groups,
        .group_count = event->group_count,
        .user_agent = keep(posted, event->user_agent),
        .source = keep(posted, event->source),
        .manager = keep(posted, event->manager),
        .is_delete = strncmp(event->verb, "delete", 6) == 0,
        .at_ms = event->at_ms,
    };
}

/* The kind of a resource as URLs name it; NULL: it is not served, or not known yet. */
static const char *kind_of(const struct hf_cluster *cluster, const char *group, const char *plural)
{
    size_t count;
    const struct hf_resource *const *resources = hf_cluster_resources(cluster, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(resources[i]->name, plural) == 0 && strcmp(resources[i]->group, group) == 0) {
            return resources[i]->kind;
        }
    }
    return NULL;
}

static void posted_free(struct posted *posted)
{
    hf_arena_free(posted->arena);
    free(posted);
}

static void on_posted(void *ctx, void *message)
{
    struct run_hooks *hooks = ctx;
    struct posted *posted = message;
    struct hf_error err = HF_ERROR_INIT;
    struct run_target *target = hf_run_target_find(hooks->run, posted->target);
    size_t count = 0;
    atomic_fetch_sub(&hooks->waiting, 1);
    for (size_t i = 0; target && i < posted->count; i++) {
        posted->writes[count] = posted->writes[i];
        posted->writes[count].kind = kind_of(target->cluster, posted->writes[i].group, posted->writes[i].kind);
        count += posted->writes[count].kind != NULL;
    }
    if (target && hooks->run->agent) {
        target->audited += posted->count;
        target->audited_wrong += posted->wrong;
        hf_run_told(hooks->run, hf_agent_written(hooks->run->agent, target->name, posted->writes, count, &err), &err);
    }
    posted_free(posted);
}

static int take(void *ctx, const char *target, const char *body, size_t len, struct hf_error *err)
{
    struct run_hooks *hooks = ctx;
    struct hf_apiaudit_counts counts;
    struct posted *posted = hf_calloc(1, sizeof *posted);
    if (posted) {
        posted->arena = hf_arena_new(0);
    }
    if (!posted || !posted->arena) {
        free(posted);
        return hf_error_set(err, HF_ENOMEM, "take audit events: out of memory");
    }
    posted->hooks = hooks;
    memcpy(posted->target, target, strnlen(target, sizeof posted->target - 1));
    int result = hf_apiaudit_read(body, len, on_event, posted, &counts, err);
    posted->wrong = counts.wrong;
    if (result == 0 && posted->short_of) {
        result = hf_error_set(err, HF_ENOMEM, "take audit events: out of memory");
    }
    if (result == 0 && atomic_fetch_add(&hooks->waiting, 1) >= MOST_WAITING) {
        atomic_fetch_sub(&hooks->waiting, 1);
        result = hf_error_set(err, HF_EBUSY, "too many audit events wait already");
    } else if (result == 0 && hf_loop_post(hooks->run->loop, on_posted, hooks, posted) != 0) {
        atomic_fetch_sub(&hooks->waiting, 1);
        result = hf_error_set(err, HF_ENOMEM, "take audit events: out of memory");
    }
    if (result != 0) {
        posted_free(posted);
    }
    return result;
}

static int set_hooks(struct run_hooks *hooks, const struct hf_config *config, struct hf_error *err)
{
    struct hook *made = NULL;
    for (size_t i = 0; i < config->target_count; i++) {
        if (!config->targets[i].audit_token.file) {
            continue;
        }
        struct hook *hook = hf_calloc(1, sizeof *hook);
        if (!hook) {
            hook_free(made);
            return hf_error_set(err, HF_ENOMEM, "set up audit webhooks: out of memory");
        }
        hook->next = made;
        made = hook;
        hook->target = hf_strdup(config->targets[i].name);
        hook->file = hf_strdup(config->targets[i].audit_token.file);
        if (!hook->target || !hook->file) {
            hook_free(made);
            return hf_error_set(err, HF_ENOMEM, "set up audit webhooks: out of memory");
        }
    }
    pthread_mutex_lock(&hooks->lock);
    struct hook *old = hooks->hooks;
    hooks->hooks = made;
    pthread_mutex_unlock(&hooks->lock);
    hook_free(old);
    return 0;
}

int hf_run_hooks(struct hf_run *run, struct hf_error *err)
{
    if (!run->hooks) {
        run->hooks = hf_calloc(1, sizeof *run->hooks);
        if (!run->hooks || pthread_mutex_init(&run->hooks->lock, NULL) != 0) {
            free(run->hooks);
            run->hooks = NULL;
            return hf_error_set(err, HF_ENOMEM, "set up audit webhooks: out of memory");
        }
        run->hooks->run = run;
        atomic_init(&run->hooks->waiting, 0);
    }
    return set_hooks(run->hooks, run->config, err);
}

static void wipe(struct hf_buf *buf)
{
    if (buf->ptr) {
        hf_wipe(buf->ptr, buf->cap);
    }
    hf_buf_free(buf);
}

static int digest_listener(const struct hf_config *config, const struct hf_buf *cert, const struct hf_buf *key,
                           struct hf_digest *out, struct hf_error *err)
{
    struct hf_hasher *hasher = hf_hasher_new(err);
    int result = hasher ? 0 : -1;
    if (result == 0 && (hf_hasher_add(hasher, config->audit_listen, strlen(config->audit_listen) + 1, err) != 0 ||
                        hf_hasher_add(hasher, hf_buf_text(cert), cert->len, err) != 0 ||
                        hf_hasher_add(hasher, hf_buf_text(key), key->len, err) != 0)) {
        result = -1;
    }
    result = result == 0 ? hf_hasher_finish(hasher, out, err) : result;
    hf_hasher_free(hasher);
    return result;
}

/* Begins anew only when something of it has changed: a certificate that was renewed counts from the next SIGHUP. */
static int listen_anew(struct hf_run *run, const struct hf_buf *cert, const struct hf_buf *key, struct hf_error *err)
{
    struct run_hooks *hooks = run->hooks;
    struct hf_serve_hook table;
    struct hf_digest digest;
    if (digest_listener(run->config, cert, key, &digest, err) != 0) {
        return -1;
    }
    if (hooks->server && hf_digest_equal(&digest, &hooks->listener)) {
        return 0;
    }
    hf_run_hook_table(run, &table);
    struct hf_hook_server_options options = {.listen = run->config->audit_listen,
                                             .cert_pem = run->config->audit_cert ? hf_buf_text(cert) : NULL,
                                             .key_pem = run->config->audit_cert ? hf_buf_text(key) : NULL,
                                             .hook = &table};
    hf_hook_server_stop(hooks->server);
    hooks->server = NULL;
    hooks->listener = digest;
    return hf_hook_server_start(&options, run->log, &hooks->server, err);
}

int hf_run_hook_listener(struct hf_run *run, struct hf_error *err)
{
    const struct hf_config *config = run->config;
    struct hf_secret_ref cert_ref = {.file = config->audit_cert};
    struct hf_secret_ref key_ref = {.file = config->audit_key};
    struct hf_buf cert = {0};
    struct hf_buf key = {0};
    if (!config->audit_listen) {
        hf_hook_server_stop(run->hooks->server);
        run->hooks->server = NULL;
        return 0;
    }
    int result = hf_secret_load(&cert_ref, "audit_listener.cert_file", &cert, err);
    result = result == 0 ? hf_secret_load(&key_ref, "audit_listener.key_file", &key, err) : result;
    result = result == 0 ? listen_anew(run, &cert, &key, err) : result;
    wipe(&cert);
    wipe(&key);
    return result;
}

void hf_run_hook_table(struct hf_run *run, struct hf_serve_hook *out)
{
    *out = (struct hf_serve_hook){.ctx = run->hooks, .may = may, .take = take};
}

void hf_run_hooks_stop(struct hf_run *run)
{
    if (run->hooks) {
        hf_hook_server_stop(run->hooks->server);
        run->hooks->server = NULL;
    }
}

void hf_run_hooks_free(struct hf_run *run)
{
    if (run->hooks) {
        hook_free(run->hooks->hooks);
        pthread_mutex_destroy(&run->hooks->lock);
        free(run->hooks);
        run->hooks = NULL;
    }
}
