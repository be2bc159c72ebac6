/* Requests to one ConfigHub, and the login that they wait for. */
#include "confighub_client.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define USUAL_CONNECT_MS 10000
#define USUAL_TIMEOUT_MS 30000
#define IDLE_MS 15000

struct confighub_ask {
    struct hf_confighub *hub;
    struct confighub_ask *next;
    struct confighub_ask **link;
    char *method;
    char *url;
    char *body;
    size_t body_len;
    char *content_type;
    char *doing;
    size_t max_body;
    size_t streamed;
    hf_http_data_fn on_data;
    void (*on_open)(void *ctx);
    confighub_answer_fn fn;
    void *ctx;
    struct hf_http_call *call; /* NULL: waits for the login */
    uint64_t generation;       /* of the bearer it was sent with */
    bool renewed;              /* it was refused once already */
};

static void ask_free(struct confighub_ask *ask)
{
    if (ask->link) {
        *ask->link = ask->next;
        if (ask->next) {
            ask->next->link = ask->link;
        }
    }
    if (ask->body) {
        hf_wipe(ask->body, ask->body_len);
    }
    free(ask->method);
    free(ask->url);
    free(ask->body);
    free(ask->content_type);
    free(ask->doing);
    free(ask);
}

void confighub_ask_cancel(struct confighub_ask *ask)
{
    if (ask) {
        if (ask->call) {
            hf_http_cancel(ask->call);
        }
        ask_free(ask);
    }
}

static void confighub_release(struct hf_confighub *hub)
{
    confighub_login_free(hub);
    free(hub->base);
    free(hub->login_url);
    free(hub->ca_pem);
    free(hub->proxy);
    free(hub);
}

void confighub_enter(struct hf_confighub *hub)
{
    hub->busy++;
}

void confighub_leave(struct hf_confighub *hub)
{
    if (--hub->busy == 0 && hub->dead) {
        confighub_release(hub);
    }
}

/* Tells the answer; the ask is gone before, so that whoever is told may do anything. */
static void finish(struct confighub_ask *ask, const struct hf_http_response *response, const struct hf_error *err)
{
    struct hf_confighub *hub = ask->hub;
    struct hf_http_response none = {.body = "", .content_type = "", .retry_after_ms = -1};
    struct hf_error told = *err;
    confighub_answer_fn fn = ask->fn;
    void *ctx = ask->ctx;
    ask_free(ask);
    confighub_scrub(hub, &told);
    confighub_enter(hub);
    fn(ctx, response ? response : &none, &told);
    confighub_leave(hub);
}

static void on_done(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct confighub_ask *ask = ctx;
    struct hf_confighub *hub = ask->hub;
    struct hf_error problem = *err;
    ask->call = NULL;
    hub->stats.bytes_in += response->body_len;
    if (err->code == HF_OK && response->status == 401 && !ask->renewed) {
        ask->renewed = true;
        if (ask->generation == hub->generation && hub->bearer) {
            confighub_forget_bearer(hub);
            hub->stats.renewals++;
        }
        hf_timer_set(hub->kick, 0);
        return;
    }
    if (err->code != HF_OK) {
        (void)hf_error_wrap(&problem, "ConfigHub: %s", ask->doing);
    } else {
        (void)confighub_status_error(response, ask->doing, &problem);
    }
    finish(ask, response, &problem);
}

static int on_bytes(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct confighub_ask *ask = ctx;
    ask->hub->stats.bytes_in += len;
    ask->streamed += len;
    if (ask->streamed > ask->max_body) {
        return hf_error_set(err, HF_ELIMIT, "the answer is larger than %zu bytes", ask->max_body);
    }
    return ask->on_data(ask->ctx, bytes, len, err);
}

static void on_opened(void *ctx)
{
    struct confighub_ask *ask = ctx;
    ask->streamed = 0;
    ask->on_open(ask->ctx);
}

static int send_ask(struct confighub_ask *ask, struct hf_error *err)
{
    struct hf_confighub *hub = ask->hub;
    struct hf_http_header headers[] = {{"Accept", "application/json"}, {"Content-Type", ask->content_type}};
    struct hf_http_request request = {.method = ask->method,
                                      .url = ask->url,
                                      .server = &hub->server,
                                      .headers = headers,
                                      .header_count = ask->content_type ? 2 : 1,
                                      .bearer = hub->bearer,
                                      .body = ask->body,
                                      .body_len = ask->body_len,
                                      .connect_timeout_ms = hub->connect_timeout_ms,
                                      .timeout_ms = hub->timeout_ms,
                                      .idle_timeout_ms = IDLE_MS,
                                      .max_body = ask->max_body,
                                      .on_open = ask->on_open ? on_opened : NULL};
    ask->generation = hub->generation;
    hub->stats.requests++;
    return hf_http_start(hub->http, &request, ask->on_data ? on_bytes : NULL, on_done, ask, &ask->call, err);
}

static struct confighub_ask *first_waiting(struct hf_confighub *hub)
{
    struct confighub_ask *found = NULL;
    for (struct confighub_ask *ask = hub->asks; ask; ask = ask->next) {
        found = ask->call ? found : ask; /* the list has the newest first */
    }
    return found;
}

static size_t count_waiting(const struct hf_confighub *hub)
{
    size_t count = 0;
    for (const struct confighub_ask *ask = hub->asks; ask; ask = ask->next) {
        count += !ask->call;
    }
    return count;
}

/* Whoever is told of a failure may ask again: that waits for the next login. */
void confighub_login_done(struct hf_confighub *hub, const struct hf_error *err)
{
    struct confighub_ask *ask;
    size_t count = count_waiting(hub);
    confighub_enter(hub);
    while (count-- > 0 && !hub->dead && (ask = first_waiting(hub))) {
        struct hf_error problem = *err;
        if (problem.code == HF_OK && send_ask(ask, &problem) == 0) {
            continue;
        }
        if (err->code == HF_OK) {
            (void)hf_error_wrap(&problem, "ConfigHub: %s", ask->doing);
        }
        finish(ask, NULL, &problem);
    }
    confighub_forget_refused(hub); /* a token that was refused once may be right the next time */
    confighub_leave(hub);
}

static void on_kick(void *ctx)
{
    struct hf_confighub *hub = ctx;
    struct hf_error none = HF_ERROR_INIT;
    if (!first_waiting(hub)) {
        return;
    }
    if (hub->bearer && confighub_secret_changed(&hub->token)) {
        confighub_drop_bearer(hub);
    }
    if (hub->bearer) {
        confighub_login_done(hub, &none);
    } else {
        confighub_login(hub);
    }
}

static char *url_of(const struct hf_confighub *hub, const char *path)
{
    struct hf_buf url = {0};
    hf_buf_adds(&url, hub->base);
    hf_buf_adds(&url, path);
    return hf_buf_take(&url);
}

int confighub_ask(struct hf_confighub *hub, const struct confighub_request *request, confighub_answer_fn fn, void *ctx,
                  struct confighub_ask **out, struct hf_error *err)
{
    struct confighub_ask *ask = hf_calloc(1, sizeof *ask);
    if (!ask) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: %s: out of memory", request->doing);
    }
    *ask = (struct confighub_ask){.hub = hub,
                                  .method = hf_strdup(request->method),
                                  .url = url_of(hub, request->path),
                                  .body = request->body ? hf_strndup(request->body, request->body_len) : NULL,
                                  .body_len = request->body ? request->body_len : 0,
                                  .content_type = hf_strdup(request->content_type),
                                  .doing = hf_strdup(request->doing),
                                  .max_body = request->max_body,
                                  .on_data = request->on_data,
                                  .on_open = request->on_open,
                                  .fn = fn,
                                  .ctx = ctx};
    if (!ask->method || !ask->url || !ask->doing || (request->body && !ask->body) ||
        (request->content_type && !ask->content_type)) {
        ask_free(ask);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: %s: out of memory", request->doing);
    }
    ask->next = hub->asks;
    ask->link = &hub->asks;
    if (ask->next) {
        ask->next->link = &ask->next;
    }
    hub->asks = ask;
    hf_timer_set(hub->kick, 0);
    if (out) {
        *out = ask;
    }
    return 0;
}

void confighub_call_add(struct hf_confighub *hub, struct hf_confighub_call *call,
                        void (*free_call)(struct hf_confighub_call *call))
{
    call->hub = hub;
    call->free = free_call;
    call->next = hub->calls;
    call->link = &hub->calls;
    if (call->next) {
        call->next->link = &call->next;
    }
    hub->calls = call;
}

void confighub_call_remove(struct hf_confighub_call *call)
{
    *call->link = call->next;
    if (call->next) {
        call->next->link = call->link;
    }
}

void hf_confighub_cancel(struct hf_confighub_call *call)
{
    confighub_call_remove(call);
    call->free(call);
}

/* An absolute URL without a user, a query or a fragment: these would stand in errors, or hold a secret. */
static int check_url(const char *url, struct hf_error *err)
{
    bool is_https = url && strncasecmp(url, "https://", 8) == 0;
    bool is_http = url && strncasecmp(url, "http://", 7) == 0;
    if (!is_https && !is_http) {
        return hf_error_set(err, HF_EINVAL, "ConfigHub's URL: expected \"https://HOST/api\"");
    }
    const char *host = url + (is_https ? 8 : 7);
    size_t len = strcspn(host, "/");
    if (len == 0 || memchr(host, '@', len) || strpbrk(url, "?# \t\r\n")) {
        return hf_error_set(
            err, HF_EINVAL,
            "ConfigHub's URL: found a user, a query, a space or no host, expected \"https://HOST/api\"");
    }
    return 0;
}

static bool is_given(const struct hf_confighub_secret *secret)
{
    return secret->file || secret->environment;
}

static int check(const struct hf_confighub_options *options, struct hf_error *err)
{
    bool by_token = is_given(&options->token);
    bool by_worker = is_given(&options->worker_id) || is_given(&options->worker_secret);
    if (check_url(options->base_url, err) != 0) {
        return -1;
    }
    if (by_token == by_worker || is_given(&options->worker_id) != is_given(&options->worker_secret)) {
        return hf_error_set(err, HF_EINVAL,
                            "ConfigHub's login: expected either a token, or a worker's id and its secret");
    }
    return 0;
}

static bool take_urls(struct hf_confighub *hub, const char *given)
{
    size_t len = strlen(given);
    while (len > 0 && given[len - 1] == '/') {
        len--;
    }
    hub->base = hf_strndup(given, len);
    if (!hub->base) {
        return false;
    }
    const char *host = strstr(hub->base, "://") + 3;
    size_t root = len;
    if (len > 4 && strcmp(hub->base + len - 4, "/api") == 0) {
        root = len - 4;
    } else if (strchr(host, '/')) {
        root = (size_t)(strchr(host, '/') - hub->base);
    }
    struct hf_buf url = {0};
    hub->root = root;
    hf_buf_add(&url, hub->base, root);
    hf_buf_adds(&url, "/auth/worker");
    hub->login_url = hf_buf_take(&url);
    return hub->login_url != NULL;
}

/* A token without encryption is for a cluster's own network at most. */
static void warn_of_plain(const struct hf_confighub *hub)
{
    static const char *const LOCAL[] = {"http://127.", "http://localhost", "http://[::1]"};
    bool is_plain = strncasecmp(hub->base, "http://", 7) == 0;
    for (size_t i = 0; i < sizeof LOCAL / sizeof LOCAL[0]; i++) {
        is_plain = is_plain && strncasecmp(hub->base, LOCAL[i], strlen(LOCAL[i])) != 0;
    }
    if (is_plain) {
        hf_log_write(hub->log, HF_WARN, "ConfigHub's token is sent without encryption", "url", hub->base, NULL);
    }
}

int hf_confighub_open(struct hf_loop *loop, struct hf_http *http, struct hf_log *log,
                      const struct hf_confighub_options *options, struct hf_confighub **out, struct hf_error *err)
{
    if (check(options, err) != 0) {
        return -1;
    }
    struct hf_confighub *hub = hf_calloc(1, sizeof *hub);
    if (!hub) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    *hub = (struct hf_confighub){.loop = loop,
                                 .http = http,
                                 .log = log,
                                 .ca_pem = hf_strdup(options->ca_pem),
                                 .proxy = hf_strdup(options->proxy),
                                 .connect_timeout_ms =
                                     options->connect_timeout_ms > 0 ? options->connect_timeout_ms : USUAL_CONNECT_MS,
                                 .timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : USUAL_TIMEOUT_MS};
    hub->kick = hf_timer_new(loop, on_kick, hub);
    if (!hub->kick || (options->ca_pem && !hub->ca_pem) || (options->proxy && !hub->proxy) ||
        !take_urls(hub, options->base_url) || confighub_secret_copy(&hub->token, &options->token) != 0 ||
        confighub_secret_copy(&hub->worker_id, &options->worker_id) != 0 ||
        confighub_secret_copy(&hub->worker_secret, &options->worker_secret) != 0) {
        hf_confighub_close(hub);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    hub->server = (struct hf_http_server){.ca_pem = hub->ca_pem, .proxy = hub->proxy};
    warn_of_plain(hub);
    *out = hub;
    return 0;
}

void hf_confighub_close(struct hf_confighub *hub)
{
    if (!hub) {
        return;
    }
    while (hub->calls) {
        hf_confighub_cancel(hub->calls);
    }
    while (hub->asks) {
        confighub_ask_cancel(hub->asks);
    }
    if (hub->exchange) {
        hf_http_cancel(hub->exchange);
        hub->exchange = NULL;
    }
    hf_timer_free(hub->kick);
    hub->kick = NULL;
    hub->dead = true;
    if (hub->busy == 0) {
        confighub_release(hub);
    }
}

void hf_confighub_stats(const struct hf_confighub *hub, struct hf_confighub_stats *out)
{
    *out = hub->stats;
}

bool confighub_id_is_sound(const char *id)
{
    size_t len = id ? strlen(id) : 0;
    return len > 0 && len <= CONFIGHUB_MOST_ID &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}

void confighub_add_unit_path(struct hf_buf *out, const char *space_id, const char *unit_id, const char *below)
{
    hf_buf_adds(out, "/space/");
    hf_buf_add_url(out, hf_slice_of(space_id));
    hf_buf_adds(out, "/unit/");
    hf_buf_add_url(out, hf_slice_of(unit_id));
    hf_buf_adds(out, below);
}

void confighub_add_quoted(struct hf_buf *out, const char *text)
{
    hf_buf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'') {
            hf_buf_addc(out, '\'');
        }
        hf_buf_addc(out, *text);
    }
    hf_buf_addc(out, '\'');
}

void confighub_add_parameter(struct hf_buf *path, const char *name, const char *value)
{
    hf_buf_addc(path, path->ptr && strchr(path->ptr, '?') ? '&' : '?');
    hf_buf_adds(path, name);
    hf_buf_addc(path, '=');
    hf_buf_add_url(path, hf_slice_of(value));
}
