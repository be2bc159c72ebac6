/* Turns a request into a curl handle. */
#include "http_call.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "holdfast/mem.h"

#define CONNECT_TIMEOUT_MS 10000
#define MAX_BODY (64ll << 20)
/* A dead line is seen after 10 s of silence and 3 unanswered probes 3 s apart, or when what was sent (a request, an
 * HTTP/2 ping) is not acknowledged for 12 s: soon enough to reopen and still put a drift back within 30 s. */
#define KEEPALIVE_IDLE_S 10
#define KEEPALIVE_EVERY_S 3
#define KEEPALIVE_PROBES 3
#define USER_TIMEOUT_MS 12000
#define REUSE_IDLE_S 60L
#define DNS_CACHE_S 30L

static int no_memory(struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "prepare an HTTP request: out of memory");
}

static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static bool set_long(CURL *easy, CURLoption option, long number)
{
    return curl_easy_setopt(easy, option, number) == CURLE_OK;
}

static bool set_large(CURL *easy, CURLoption option, long long number)
{
    return curl_easy_setopt(easy, option, (curl_off_t)number) == CURLE_OK;
}

static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    (void)ctx;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (purpose == CURLSOCKTYPE_IPCXN) {
        unsigned timeout = USER_TIMEOUT_MS;
        int probes = KEEPALIVE_PROBES;
        /* A kernel that refuses these still has keepalive: no reason to give up the connection. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    }
    return CURL_SOCKOPT_OK;
}

static int on_connected(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    call_count_connection(ctx);
    return CURL_PREREQFUNC_OK;
}

static bool set_connection(CURL *easy)
{
    return set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") && set_long(easy, CURLOPT_FOLLOWLOCATION, 0) &&
           set_long(easy, CURLOPT_NOSIGNAL, 1) && set_long(easy, CURLOPT_PATH_AS_IS, 1) &&
           set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1) && set_long(easy, CURLOPT_TCP_KEEPALIVE, 1) &&
           set_long(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S) &&
           set_long(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S) &&
           set_long(easy, CURLOPT_MAXAGE_CONN, REUSE_IDLE_S) &&
           set_long(easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_CACHE_S) &&
           curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket) == CURLE_OK &&
           /* A cancelled call doesn't wait for the thread that resolves its name. */
           set_long(easy, CURLOPT_QUICK_EXIT, 1);
}

static bool set_blob(CURL *easy, CURLoption option, const char *pem, char **copy)
{
    if (!pem) {
        return true;
    }
    *copy = hf_strdup(pem);
    struct curl_blob blob = {.data = *copy, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};
    return *copy && curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

static bool set_trust(struct hf_http_call *call, const struct hf_http_server *server)
{
    CURL *easy = call->easy;
    bool ok = set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) &&
              set_long(easy, CURLOPT_SSL_VERIFYPEER, !server->insecure) &&
              set_long(easy, CURLOPT_SSL_VERIFYHOST, server->insecure ? 0 : 2) &&
              set_blob(easy, CURLOPT_SSLCERT_BLOB, server->cert_pem, &call->cert_pem) &&
              set_blob(easy, CURLOPT_SSLKEY_BLOB, server->key_pem, &call->key_pem);
    if (ok && server->ca_pem) {
        /* The given bundle is all that is trusted: the system's folder would stay in force beside it. */
        ok = set_blob(easy, CURLOPT_CAINFO_BLOB, server->ca_pem, &call->ca_pem) && set_text(easy, CURLOPT_CAPATH, NULL);
    }
    return ok;
}

/* Without a setting: as the environment says, except that loopback is never sent through a proxy (as Go's clients have
 * it), and HTTP_PROXY counts as well as http_proxy, unless this is a CGI program. */
static bool set_proxy(CURL *easy, const struct hf_http_server *server, const struct url_parts *parts)
{
    if (server->proxy) {
        return set_text(easy, CURLOPT_PROXY, server->proxy) && set_text(easy, CURLOPT_NOPROXY, "");
    }
    if (parts->loopback) {
        return set_text(easy, CURLOPT_PROXY, "");
    }
    const char *upper = getenv("HTTP_PROXY");
    if (!parts->https && upper && !getenv("http_proxy") && !getenv("REQUEST_METHOD")) {
        return set_text(easy, CURLOPT_PROXY, upper);
    }
    return true;
}

/* With a server name the URL carries it, so that it is verified and sent as SNI, and the connection goes to the real
 * host. */
static bool set_url(struct hf_http_call *call, const struct hf_http_request *request, const char *server_name,
                    const struct url_parts *parts)
{
    CURL *easy = call->easy;
    if (!parts->rewritten) {
        return set_text(easy, CURLOPT_URL, request->url);
    }
    struct hf_buf route hf_auto_buf = {0};
    hf_buf_addf(&route, "%s:%s:%s:%s", server_name, parts->port, parts->host, parts->port);
    call->connect_to = hf_buf_ok(&route) ? curl_slist_append(NULL, hf_buf_text(&route)) : NULL;
    return call->connect_to && set_text(easy, CURLOPT_URL, parts->rewritten) &&
           curl_easy_setopt(easy, CURLOPT_CONNECT_TO, call->connect_to) == CURLE_OK;
}

static void wipe_list(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next) {
        hf_wipe(at->data, strlen(at->data));
    }
    curl_slist_free_all(list);
}

static bool add_line(struct hf_http_call *call, const char *name, const char *between, const char *value)
{
    size_t len = strlen(name) + strlen(between) + strlen(value) + 1;
    char *line = hf_calloc(1, len);
    if (!line) {
        return false;
    }
    (void)snprintf(line, len, "%s%s%s", name, between, value);
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    if (longer) {
        call->headers = longer;
    }
    hf_wipe(line, len);
    free(line);
    return longer != NULL;
}

/* To curl "Name:" means to leave the header out, and "Name;" to send it empty. */
static int add_header(struct hf_http_call *call, const char *name, const char *value, struct hf_error *err)
{
    if (!header_is_sound(name, value)) {
        return hf_error_set(err, HF_EINVAL, "header %s: its name or value holds bytes that no header may",
                            header_is_sound(name, "") ? name : "with a wrong name");
    }
    return add_line(call, name, *value ? ": " : ";", value) ? 0 : no_memory(err);
}

static bool has_header(const struct hf_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].name && curl_strequal(request->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static int add_bearer(struct hf_http_call *call, const char *bearer, struct hf_error *err)
{
    if (!header_is_sound("Authorization", bearer)) {
        return hf_error_set(err, HF_EINVAL, "bearer token: holds bytes that no header may");
    }
    return add_line(call, "Authorization", ": Bearer ", bearer) ? 0 : no_memory(err);
}

static int set_headers(struct hf_http_call *call, const struct hf_http_request *request, const struct url_parts *parts,
                       struct hf_error *err)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (add_header(call, request->headers[i].name, request->headers[i].value, err) != 0) {
            return -1;
        }
    }
    if (request->bearer && *request->bearer && add_bearer(call, request->bearer, err) != 0) {
        return -1;
    }
    if (parts->rewritten && !has_header(request, "Host")) {
        /* The host that was asked for, not the name that stands in for it in TLS. */
        struct hf_buf host hf_auto_buf = {0};
        hf_buf_addf(&host, strcmp(parts->port, "443") == 0 ? "%s" : "%s:%s", parts->host, parts->port);
        if (!hf_buf_ok(&host)) {
            return no_memory(err);
        }
        if (add_header(call, "Host", hf_buf_text(&host), err) != 0) {
            return -1;
        }
    }
    bool ok = add_line(call, "Expect", ":", "") &&
              (has_header(request, "Content-Type") || add_line(call, "Content-Type", ":", "")) &&
              (has_header(request, "Accept-Encoding") || set_text(call->easy, CURLOPT_ACCEPT_ENCODING, "gzip")) &&
              curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
    return ok ? 0 : no_memory(err);
}

static int set_method(struct hf_http_call *call, const struct hf_http_request *request, struct hf_error *err)
{
    const char *method = request->method ? request->method : "GET";
    size_t len = strlen(method);
    if (len == 0 || len >= sizeof call->method || strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != len) {
        return hf_error_set(err, HF_EINVAL, "not an HTTP method; expected GET, POST, PUT, PATCH or DELETE");
    }
    memcpy(call->method, method, len + 1);
    if (strcmp(method, "HEAD") == 0) {
        return set_long(call->easy, CURLOPT_NOBODY, 1) ? 0 : no_memory(err);
    }
    bool carries = request->body_len > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                   strcmp(method, "PATCH") == 0;
    bool ok = true;
    if (carries) {
        call->body = hf_strndup(request->body ? request->body : "", request->body_len);
        call->body_len = request->body_len;
        ok = call->body && set_large(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (long long)call->body_len) &&
             curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body) == CURLE_OK;
    }
    if (strcmp(method, carries ? "POST" : "GET") != 0) {
        ok = ok && set_text(call->easy, CURLOPT_CUSTOMREQUEST, method);
    }
    return ok ? 0 : no_memory(err);
}

static bool set_receiving(struct hf_http_call *call)
{
    CURL *easy = call->easy;
    return curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, call_on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, call_on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, call) == CURLE_OK;
}

static long bounded_ms(int64_t ms)
{
    return ms < 0 ? 0 : ms > 1000000000 ? 1000000000L : (long)ms;
}

static bool set_limits(struct hf_http_call *call, const struct hf_http_request *request)
{
    int64_t connect = request->connect_timeout_ms ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    size_t largest = request->max_body ? request->max_body : (size_t)MAX_BODY;
    call->answer.limit = largest;
    return set_long(call->easy, CURLOPT_CONNECTTIMEOUT_MS, bounded_ms(connect)) &&
           set_long(call->easy, CURLOPT_TIMEOUT_MS, bounded_ms(request->timeout_ms)) &&
           (call->on_data || set_large(call->easy, CURLOPT_MAXFILESIZE_LARGE, (long long)largest));
}

int call_prepare(struct hf_http_call *call, const struct hf_http_request *request, const char *user_agent,
                 const struct url_parts *parts, struct hf_error *err)
{
    static const struct hf_http_server DEFAULTS = {0};
    const struct hf_http_server *server = request->server ? request->server : &DEFAULTS;
    call->origin = hf_strdup(parts->origin);
    call->easy = curl_easy_init();
    if (!call->origin || !call->easy) {
        return no_memory(err);
    }
    bool ok = set_connection(call->easy) && set_trust(call, server) && set_proxy(call->easy, server, parts) &&
              set_url(call, request, server->server_name, parts) && set_receiving(call) && set_limits(call, request) &&
              set_text(call->easy, CURLOPT_USERAGENT, user_agent) &&
              set_long(call->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS) &&
              /* Over TLS a second call waits to learn whether it may share the first one's connection. */
              set_long(call->easy, CURLOPT_PIPEWAIT, parts->https);
    if (!ok) {
        return no_memory(err);
    }
    return set_method(call, request, err) != 0 ? -1 : set_headers(call, request, parts, err);
}

static void free_wiped(char *text)
{
    if (text) {
        hf_wipe(text, strlen(text));
        free(text);
    }
}

void call_release(struct hf_http_call *call)
{
    curl_easy_cleanup(call->easy);
    wipe_list(call->headers);
    curl_slist_free_all(call->connect_to);
    hf_timer_free(call->idle_timer);
    free(call->origin);
    if (call->body) {
        hf_wipe(call->body, call->body_len); /* it may hold a token, or a Secret */
    }
    free(call->body);
    free(call->ca_pem);
    free(call->cert_pem);
    free_wiped(call->key_pem);
    hf_buf_free(&call->answer);
    hf_buf_free(&call->warnings);
}
