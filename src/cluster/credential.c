/* The login that is current: static, from files that change, or from a plugin that is run when needed. */
#include <stdlib.h>
#include <string.h>

#include "credential_file.h"
#include "exec_credential.h"
#include "holdfast/clock.h"
#include "holdfast/digest.h"
#include "holdfast/mem.h"
#include "kubeconfig_file.h"

#define PLUGIN_TIMEOUT_MS 60000
#define AFTER_FAILURE_MS 1000
#define AFTER_REJECTION_MS 10000
#define JUST_RENEWED_MS 2000   /* a 401 so soon after a new login was meant for the one before */
#define SHORTEST_LIFE_MS 10000 /* of what a plugin gives: less would make it run without end */
#define LONGEST_LEAD_MS 60000  /* how long before its end a login is renewed */
#define CLOCK_LEEWAY_MS 1000

struct waiter {
    struct waiter *next;
    uint64_t number;
    hf_login_fn fn;
    void *ctx;
};

struct hf_credential {
    struct hf_loop *loop;
    struct hf_log *log;
    struct hf_access *access;
    struct hf_login login; /* points into what stands below, and into access */
    struct hf_http_header *headers;
    char *basic; /* value of Authorization for a user name and password */

    struct watched_file token_file;
    struct watched_file ca_file;
    struct watched_file cert_file;
    struct watched_file key_file;
    char *token; /* from the file or the plugin; NULL: access->token */
    char *ca_pem;
    char *cert_pem;
    char *key_pem;
    int64_t changed_ms;         /* monotonic, when a file last gave something new; 0: never */
    struct hf_error file_error; /* why there is no token, when there is none */

    struct exec_run *run;
    bool answered;       /* the plugin has given a login that was not rejected */
    int64_t expires_ms;  /* wall clock; HF_TIME_NONE: never */
    int64_t answered_ms; /* monotonic */
    int64_t next_run_ms; /* monotonic: not before */

    struct waiter *first;
    struct waiter **last;
    uint64_t next_number;
    struct hf_timer *turn;    /* serves the waiters */
    struct hf_timer *refresh; /* renews before the end */
    bool *gone;               /* set when freed while a callback runs */
};

static int no_memory(struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "credential: out of memory");
}

static void replace(char **slot, char *text)
{
    wipe_text(*slot);
    *slot = text;
}

/* Files. */

static bool differs(const char *old, const char *new)
{
    return !old || strcmp(old, new) != 0;
}

/* The token as kubectl takes it: without the space around it. */
static char *trimmed(const struct hf_buf *text)
{
    const char *from = hf_buf_text(text);
    size_t len = strlen(from);
    while (len > 0 && strchr(" \t\r\n", from[len - 1])) {
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", *from)) {
        from++;
        len--;
    }
    return len > 0 ? hf_strndup(from, len) : NULL;
}

/* A file that can't be read leaves the token that was read before in use, as client-go does. */
static void read_token(struct hf_credential *credential)
{
    struct hf_buf text = {0};
    struct hf_error err = HF_ERROR_INIT;
    const char *path = credential->token_file.path;
    char *token = NULL;
    if (watched_file_read(&credential->token_file, &text, &err) == 0) {
        token = trimmed(&text);
        if (!token) {
            (void)hf_error_set(&err, HF_EINVAL, "%s holds no token", path);
        }
    }
    wipe_buf(&text);
    if (!token) {
        (void)hf_error_wrap(&err, "token file");
        credential->file_error = err;
        hf_log_error(credential->log, HF_WARN, "token file can't be used", &err, "kept",
                     credential->token ? "yes" : "no", NULL);
    } else if (differs(credential->token, token)) {
        if (credential->token) {
            credential->changed_ms = hf_mono_ms();
            hf_log_write(credential->log, HF_DEBUG, "token file has a new token", "file", path, NULL);
        }
        replace(&credential->token, token);
    } else {
        wipe_text(token);
    }
}

/* The PEM of a file, or NULL with a line in the log. */
static char *read_pem(struct hf_credential *credential, struct watched_file *file)
{
    struct hf_buf text = {0};
    struct hf_error err = HF_ERROR_INIT;
    char *pem = NULL;
    if (watched_file_read(file, &text, &err) == 0) {
        pem = strstr(hf_buf_text(&text), "-----BEGIN ") ? hf_strdup(hf_buf_text(&text)) : NULL;
        if (!pem) {
            (void)hf_error_set(&err, HF_EINVAL, "%s holds no PEM", file->path);
        }
    }
    wipe_buf(&text);
    if (!pem) {
        hf_log_error(credential->log, HF_WARN, "certificate file can't be used, what was read before is kept", &err,
                     NULL);
    }
    return pem;
}

static void adopt_pem(struct hf_credential *credential, char **slot, const char *before, char *pem)
{
    if (differs(*slot ? *slot : before, pem)) {
        credential->changed_ms = hf_mono_ms();
        replace(slot, pem);
    } else {
        wipe_text(pem);
    }
}

/* Certificate and key are taken together, so that a half-done rotation doesn't mix two pairs. */
static void read_pair(struct hf_credential *credential)
{
    char *cert = credential->cert_file.path ? read_pem(credential, &credential->cert_file) : NULL;
    char *key = credential->key_file.path ? read_pem(credential, &credential->key_file) : NULL;
    bool whole = (cert || !credential->cert_file.path) && (key || !credential->key_file.path);
    if (whole && cert) {
        adopt_pem(credential, &credential->cert_pem, credential->access->cert_pem, cert);
        cert = NULL;
    }
    if (whole && key) {
        adopt_pem(credential, &credential->key_pem, credential->access->key_pem, key);
        key = NULL;
    }
    wipe_text(cert);
    wipe_text(key);
}

static void read_files(struct hf_credential *credential)
{
    if (watched_file_due(&credential->token_file)) {
        read_token(credential);
    }
    if (watched_file_due(&credential->cert_file) || watched_file_due(&credential->key_file)) {
        read_pair(credential);
    }
    if (watched_file_due(&credential->ca_file)) {
        char *pem = read_pem(credential, &credential->ca_file);
        if (pem) {
            adopt_pem(credential, &credential->ca_pem, credential->access->ca_pem, pem);
        }
    }
}

/* The login. */

static void fill_login(struct hf_credential *credential)
{
    const struct hf_access *access = credential->access;
    struct hf_http_server *server = &credential->login.server;
    server->ca_pem = credential->ca_pem ? credential->ca_pem : access->ca_pem;
    server->cert_pem = credential->cert_pem ? credential->cert_pem : access->cert_pem;
    server->key_pem = credential->key_pem ? credential->key_pem : access->key_pem;
    server->server_name = access->server_name;
    server->proxy = access->proxy;
    server->insecure = access->insecure;
    credential->login.bearer = credential->token ? credential->token : access->token;
    credential->login.headers = credential->headers;
}

static bool plugin_login_valid(const struct hf_credential *credential)
{
    return credential->answered &&
           (credential->expires_ms == HF_TIME_NONE || hf_now_ms() < credential->expires_ms - CLOCK_LEEWAY_MS);
}

const struct hf_login *hf_credential_now(struct hf_credential *credential)
{
    const struct hf_access *access = credential->access;
    read_files(credential);
    fill_login(credential);
    bool valid = access->exec         ? plugin_login_valid(credential)
                 : access->token_file ? credential->login.bearer != NULL
                                      : true;
    return valid ? &credential->login : NULL;
}

/* Tells those that wait now; what they ask for meanwhile is for a later turn. */
static void serve_waiters(struct hf_credential *credential, const struct hf_login *login, const struct hf_error *err)
{
    static const struct hf_error NONE = HF_ERROR_INIT;
    bool gone = false;
    uint64_t until = credential->next_number;
    credential->gone = &gone;
    while (credential->first && credential->first->number < until) {
        struct waiter *waiter = credential->first;
        credential->first = waiter->next;
        if (!credential->first) {
            credential->last = &credential->first;
        }
        struct waiter told = *waiter;
        free(waiter);
        told.fn(told.ctx, login, err ? err : &NONE);
        if (gone) {
            return;
        }
    }
    credential->gone = NULL;
    if (credential->first) {
        hf_timer_set(credential->turn, 0);
    }
}

/* The plugin. */

static void adopt_answer(struct hf_credential *credential, struct exec_answer *answer)
{
    int64_t now = hf_now_ms();
    replace(&credential->token, answer->token);
    replace(&credential->cert_pem, answer->cert_pem);
    replace(&credential->key_pem, answer->key_pem);
    *answer = (struct exec_answer){.expires_ms = answer->expires_ms};
    credential->answered = true;
    credential->answered_ms = hf_mono_ms();
    credential->next_run_ms = credential->answered_ms + AFTER_FAILURE_MS;
    credential->expires_ms = answer->expires_ms;
    hf_timer_clear(credential->refresh);
    if (answer->expires_ms == HF_TIME_NONE) {
        return;
    }
    int64_t life = answer->expires_ms - now;
    if (life < SHORTEST_LIFE_MS) {
        hf_log_write(credential->log, HF_WARN, "credential plugin gave a login that ends within 10 s, or has ended",
                     "plugin", credential->access->exec->command, NULL);
        life = SHORTEST_LIFE_MS;
        credential->expires_ms = now + life;
    }
    int64_t lead = life / 5 < LONGEST_LEAD_MS ? life / 5 : LONGEST_LEAD_MS;
    hf_timer_set(credential->refresh, life - lead);
}

static void on_answer(void *ctx, struct exec_answer *answer, const struct hf_error *err)
{
    struct hf_credential *credential = ctx;
    credential->run = NULL;
    if (err->code == HF_OK) {
        adopt_answer(credential, answer);
        fill_login(credential);
        serve_waiters(credential, &credential->login, NULL);
        return;
    }
    hf_log_error(credential->log, HF_WARN, "credential plugin failed", err, "valid_still",
                 plugin_login_valid(credential) ? "yes" : "no", NULL);
    credential->next_run_ms = hf_mono_ms() + AFTER_FAILURE_MS;
    if (plugin_login_valid(credential)) {
        hf_timer_set(credential->refresh, AFTER_REJECTION_MS);
        fill_login(credential);
        serve_waiters(credential, &credential->login, NULL);
        return;
    }
    serve_waiters(credential, NULL, err);
}

static void run_plugin(struct hf_credential *credential)
{
    struct hf_error err = HF_ERROR_INIT;
    int64_t wait = credential->next_run_ms - hf_mono_ms();
    if (credential->run) {
        return;
    }
    if (wait > 0) {
        hf_timer_set(credential->turn, wait);
        return;
    }
    if (exec_run_start(credential->loop, credential->access, PLUGIN_TIMEOUT_MS, on_answer, credential, &credential->run,
                       &err) != 0) {
        struct exec_answer none = {0};
        on_answer(credential, &none, &err);
    }
}

static void on_refresh(void *ctx)
{
    struct hf_credential *credential = ctx;
    int64_t wait = credential->next_run_ms - hf_mono_ms();
    if (wait > 0) {
        hf_timer_set(credential->refresh, wait);
    } else {
        run_plugin(credential);
    }
}

static void on_turn(void *ctx)
{
    struct hf_credential *credential = ctx;
    const struct hf_login *login = hf_credential_now(credential);
    if (login) {
        serve_waiters(credential, login, NULL);
    } else if (credential->access->exec) {
        run_plugin(credential);
    } else {
        struct hf_error err = credential->file_error;
        serve_waiters(credential, NULL, &err);
    }
}

int hf_credential_get(struct hf_credential *credential, hf_login_fn fn, void *ctx, struct hf_error *err)
{
    struct waiter *waiter = hf_calloc(1, sizeof *waiter);
    if (!waiter) {
        return no_memory(err);
    }
    *waiter = (struct waiter){.number = credential->next_number++, .fn = fn, .ctx = ctx};
    *credential->last = waiter;
    credential->last = &waiter->next;
    hf_timer_set(credential->turn, 0);
    return 0;
}

void hf_credential_forget(struct hf_credential *credential, const void *ctx)
{
    for (struct waiter **slot = &credential->first; *slot;) {
        struct waiter *waiter = *slot;
        if (waiter->ctx == ctx) {
            *slot = waiter->next;
            free(waiter);
        } else {
            slot = &waiter->next;
        }
    }
    credential->last = &credential->first;
    while (*credential->last) {
        credential->last = &(*credential->last)->next;
    }
}

static bool reject_plugin_login(struct hf_credential *credential)
{
    int64_t now = hf_mono_ms();
    if (credential->answered && now - credential->answered_ms >= JUST_RENEWED_MS) {
        int64_t earliest = credential->answered_ms + AFTER_REJECTION_MS;
        credential->answered = false;
        credential->next_run_ms = earliest > credential->next_run_ms ? earliest : credential->next_run_ms;
    }
    return true;
}

bool hf_credential_reject(struct hf_credential *credential)
{
    if (credential->access->exec) {
        return reject_plugin_login(credential);
    }
    watched_file_forget(&credential->token_file);
    watched_file_forget(&credential->cert_file);
    watched_file_forget(&credential->key_file);
    read_files(credential);
    fill_login(credential);
    return credential->changed_ms != 0 && hf_mono_ms() - credential->changed_ms < AFTER_REJECTION_MS;
}

/* Making and freeing. */

static bool fill_headers(struct hf_credential *credential)
{
    const struct hf_access *access = credential->access;
    size_t count = access->impersonate_count;
    credential->headers = hf_calloc(count + 1, sizeof *credential->headers);
    if (!credential->headers) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        credential->headers[i] = access->impersonate[i];
    }
    if (access->username) {
        struct hf_buf pair = {0};
        struct hf_buf value = {0};
        hf_buf_addf(&pair, "%s:%s", access->username, access->password ? access->password : "");
        hf_buf_adds(&value, "Basic ");
        hf_buf_add_base64(&value, hf_buf_text(&pair), pair.len);
        credential->basic = hf_buf_ok(&pair) ? hf_buf_take(&value) : NULL;
        wipe_buf(&pair);
        hf_buf_free(&value);
        credential->headers[count++] = (struct hf_http_header){"Authorization", credential->basic};
    }
    credential->login.header_count = count;
    return !access->username || credential->basic;
}

int hf_credential_new(struct hf_loop *loop, const struct hf_access *access, struct hf_log *log,
                      struct hf_credential **out, struct hf_error *err)
{
    struct hf_credential *credential = hf_calloc(1, sizeof *credential);
    if (!credential) {
        return no_memory(err);
    }
    credential->loop = loop;
    credential->log = log;
    credential->last = &credential->first;
    credential->access = hf_access_copy(access);
    credential->turn = hf_timer_new(loop, on_turn, credential);
    credential->refresh = hf_timer_new(loop, on_refresh, credential);
    if (!credential->access || !credential->turn || !credential->refresh || !fill_headers(credential)) {
        hf_credential_free(credential);
        return no_memory(err);
    }
    credential->token_file.path = credential->access->token_file;
    credential->ca_file.path = credential->access->ca_file;
    credential->cert_file.path = credential->access->cert_file;
    credential->key_file.path = credential->access->key_file;
    *out = credential;
    return 0;
}

void hf_credential_free(struct hf_credential *credential)
{
    if (!credential) {
        return;
    }
    if (credential->gone) {
        *credential->gone = true;
    }
    while (credential->first) {
        struct waiter *next = credential->first->next;
        free(credential->first);
        credential->first = next;
    }
    exec_run_free(credential->run);
    hf_timer_free(credential->turn);
    hf_timer_free(credential->refresh);
    wipe_text(credential->token);
    free(credential->ca_pem);
    wipe_text(credential->cert_pem);
    wipe_text(credential->key_pem);
    wipe_text(credential->basic);
    free(credential->headers);
    hf_access_free(credential->access);
    free(credential);
}
