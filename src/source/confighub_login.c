/* The login: where the token or the worker's credentials are, and the exchange of these for a session's token. */
#include <stdlib.h>
#include <string.h>

#include "confighub_client.h"
#include "holdfast/json.h"

#define MOST_SECRET 65536u
#define MOST_SESSION ((size_t)1 << 20)

static void free_wiped(char **text)
{
    if (*text) {
        hf_wipe(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

static void wipe_buf(struct hf_buf *buf)
{
    if (buf->ptr) {
        hf_wipe(buf->ptr, buf->cap);
    }
    hf_buf_free(buf);
}
#define auto_wiped __attribute__((cleanup(wipe_buf)))

int confighub_secret_copy(struct confighub_secret *secret, const struct hf_confighub_secret *from)
{
    secret->file = hf_strdup(from->file);
    secret->environment = hf_strdup(from->environment);
    return (from->file && !secret->file) || (from->environment && !secret->environment) ? -1 : 0;
}

void confighub_secret_free(struct confighub_secret *secret)
{
    free(secret->file);
    free(secret->environment);
    *secret = (struct confighub_secret){0};
}

static void take_stamp(struct confighub_secret *secret, const struct stat *info)
{
    secret->modified = info->st_mtim;
    secret->inode = info->st_ino;
    secret->size = info->st_size;
}

bool confighub_secret_changed(const struct confighub_secret *secret)
{
    struct stat now;
    return secret->file && stat(secret->file, &now) == 0 &&
           (now.st_ino != secret->inode || now.st_size != secret->size ||
            now.st_mtim.tv_sec != secret->modified.tv_sec || now.st_mtim.tv_nsec != secret->modified.tv_nsec);
}

static int read_secret(struct confighub_secret *secret, const char *what, struct hf_buf *out, struct hf_error *err)
{
    struct stat info = {0};
    if (secret->file) {
        (void)stat(secret->file, &info); /* before the reading: a change in between shows as one more change */
        take_stamp(secret, &info);
        if (hf_read_file(secret->file, MOST_SECRET, out, err) != 0) {
            return hf_error_wrap(err, "ConfigHub: read the %s", what);
        }
    } else {
        const char *value = secret->environment ? getenv(secret->environment) : NULL;
        if (!value) {
            return hf_error_set(err, HF_EDENIED, "ConfigHub: the variable %s, which should hold the %s, is not set",
                                secret->environment ? secret->environment : "", what);
        }
        hf_buf_adds(out, value);
    }
    while (out->len > 0 && strchr(" \t\r\n", out->ptr[out->len - 1])) {
        out->ptr[--out->len] = '\0';
    }
    if (out->len == 0 && hf_buf_ok(out)) {
        return hf_error_set(err, HF_EDENIED, "ConfigHub: the %s is empty: found nothing in %s", what,
                            secret->file ? secret->file : secret->environment);
    }
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
}

/* A session, as the worker's login answers and as `cub` keeps it. */
static const char *session_token(const struct hf_value *session)
{
    static const char *const NAMES[] = {"AccessToken", "accessToken", "access_token", "Token", "token"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const char *text = hf_value_text(hf_value_get(session, NAMES[i]));
        if (text && *text) {
            return text;
        }
    }
    const struct hf_value *inner = hf_value_get(session, "Session");
    return inner ? session_token(inner) : NULL;
}

static bool is_token(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* The arena is not wiped: it goes back to the allocator with the token in it, as the HTTP client's own buffers do. */
static int token_in(const char *bytes, size_t len, const char *where, char **out, struct hf_error *err)
{
    const char *token = bytes;
    const struct hf_value *session;
    struct hf_error ignored = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (arena && len > 0 && *bytes == '{') {
        token = hf_json_read(arena, bytes, len, NULL, &session, &ignored) == 0 ? session_token(session) : NULL;
    }
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    if (!token) {
        return hf_error_set(err, HF_EPARSE, "ConfigHub: %s holds no session: expected JSON with AccessToken", where);
    }
    if (!is_token(token)) {
        return hf_error_set(err, HF_EPARSE, "ConfigHub: %s holds bytes that no token has", where);
    }
    *out = hf_strdup(token);
    return *out ? 0 : hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
}

static void take_bearer(struct hf_confighub *hub, char *bearer)
{
    free_wiped(&hub->bearer);
    hub->bearer = bearer;
    hub->generation++;
}

void confighub_forget_bearer(struct hf_confighub *hub)
{
    free_wiped(&hub->refused);
    hub->refused = hub->bearer;
    hub->bearer = NULL;
}

void confighub_drop_bearer(struct hf_confighub *hub)
{
    free_wiped(&hub->bearer);
}

void confighub_forget_refused(struct hf_confighub *hub)
{
    free_wiped(&hub->refused);
}

void confighub_login_free(struct hf_confighub *hub)
{
    free_wiped(&hub->bearer);
    free_wiped(&hub->refused);
    confighub_secret_free(&hub->token);
    confighub_secret_free(&hub->worker_id);
    confighub_secret_free(&hub->worker_secret);
}

static int read_token(struct hf_confighub *hub, struct hf_error *err)
{
    char *bearer = NULL;
    auto_wiped struct hf_buf text = {0};
    if (read_secret(&hub->token, "token", &text, err) != 0 ||
        token_in(text.ptr, text.len, hub->token.file ? hub->token.file : hub->token.environment, &bearer, err) != 0) {
        return -1;
    }
    if (hub->refused && strcmp(hub->refused, bearer) == 0) {
        free_wiped(&bearer);
        return hf_error_set(err, HF_EDENIED,
                            "ConfigHub: the token is refused (401), and %s still holds the same: nothing is known to "
                            "have changed",
                            hub->token.file ? hub->token.file : hub->token.environment);
    }
    take_bearer(hub, bearer);
    return 0;
}

/* The answer's own words are not told: they may repeat the secret. */
static void on_session(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct hf_confighub *hub = ctx;
    struct hf_error problem = *err;
    char *bearer = NULL;
    struct hf_http_response silent = {.status = response ? response->status : 0, .body = "", .content_type = ""};
    silent.retry_after_ms = response ? response->retry_after_ms : -1;
    hub->exchange = NULL;
    hub->stats.bytes_in += response ? response->body_len : 0;
    if (problem.code != HF_OK) {
        (void)hf_error_wrap(&problem, "ConfigHub: log in as worker");
    } else if (confighub_status_error(&silent, "log in as worker", &problem) == 0 &&
               token_in(response->body, response->body_len, "the answer to the worker's login", &bearer, &problem) ==
                   0) {
        take_bearer(hub, bearer);
    }
    confighub_scrub(hub, &problem);
    confighub_login_done(hub, &problem);
}

static int exchange(struct hf_confighub *hub, struct hf_error *err)
{
    auto_wiped struct hf_buf id = {0};
    auto_wiped struct hf_buf secret = {0};
    auto_wiped struct hf_buf body = {0};
    if (read_secret(&hub->worker_id, "worker's id", &id, err) != 0 ||
        read_secret(&hub->worker_secret, "worker's secret", &secret, err) != 0) {
        return -1;
    }
    hf_buf_adds(&body, "{\"worker_id\":");
    hf_buf_add_json(&body, (struct hf_slice){id.ptr, id.len});
    hf_buf_adds(&body, ",\"worker_secret\":");
    hf_buf_add_json(&body, (struct hf_slice){secret.ptr, secret.len});
    hf_buf_addc(&body, '}');
    struct hf_http_header headers[] = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
    struct hf_http_request request = {.method = "POST",
                                      .url = hub->login_url,
                                      .server = &hub->server,
                                      .headers = headers,
                                      .header_count = 2,
                                      .body = hf_buf_text(&body),
                                      .body_len = body.len,
                                      .connect_timeout_ms = hub->connect_timeout_ms,
                                      .timeout_ms = hub->timeout_ms,
                                      .max_body = MOST_SESSION};
    if (!hf_buf_ok(&body)) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    hub->stats.requests++;
    return hf_http_start(hub->http, &request, NULL, on_session, hub, &hub->exchange, err);
}

void confighub_login(struct hf_confighub *hub)
{
    struct hf_error err = HF_ERROR_INIT;
    bool is_worker = hub->worker_id.file || hub->worker_id.environment;
    if (hub->exchange) {
        return;
    }
    int result = is_worker ? exchange(hub, &err) : read_token(hub, &err);
    if (result != 0 || !is_worker) {
        confighub_login_done(hub, &err);
    }
}

static void cut_out(char *text, const char *secret)
{
    size_t len = secret ? strlen(secret) : 0;
    for (char *at = len >= 4 ? strstr(text, secret) : NULL; at; at = strstr(at, secret)) {
        memmove(at + 3, at + len, strlen(at + len) + 1);
        memcpy(at, "***", 3);
    }
}

void confighub_scrub(const struct hf_confighub *hub, struct hf_error *err)
{
    cut_out(err->text, hub->bearer);
    cut_out(err->text, hub->refused);
    const char *secret = hub->worker_secret.environment ? getenv(hub->worker_secret.environment) : NULL;
    cut_out(err->text, secret);
}
