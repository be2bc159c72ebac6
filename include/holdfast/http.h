/* HTTP client: libcurl's multi interface on the loop. Requests to one server share HTTP/2 connections.
 *
 * All calls and all callbacks on the loop's thread. Nothing blocks: names are resolved off the loop's thread. Redirects
 * are not followed. Bodies are bounded. Text of errors never contains header values, nor a URL's query or user part. */
#ifndef HOLDFAST_HTTP_H
#define HOLDFAST_HTTP_H

#include "holdfast/loop.h"

struct hf_http;      /* one client, on one loop: the pool of connections */
struct hf_http_call; /* one request under way */

/* How to reach and trust a server. All strings are copied on use; NULL or 0: not set. */
struct hf_http_server {
    const char *ca_pem;      /* PEM bytes of the CA bundle to trust; NULL: the system's */
    const char *cert_pem;    /* client certificate chain, PEM */
    const char *key_pem;     /* its private key, PEM */
    const char *server_name; /* name to verify and to send as SNI in place of the URL's host */
    const char *proxy;       /* proxy URL; NULL: the environment's HTTPS_PROXY, HTTP_PROXY, NO_PROXY; "": none */
    bool insecure;           /* no verification: only where a kubeconfig says insecure-skip-tls-verify */
    bool separate;           /* own connection, not shared with calls that have it unset: for long streams */
};

struct hf_http_header {
    const char *name;
    const char *value;
};

struct hf_http_request {
    const char *method;                  /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *url;                     /* absolute, http or https */
    const struct hf_http_server *server; /* NULL: defaults */
    const struct hf_http_header *headers;
    size_t header_count;
    const char *bearer; /* token without "Bearer "; copied and wiped after */
    const char *body;   /* copied */
    size_t body_len;
    int64_t connect_timeout_ms; /* 0: 10,000 */
    int64_t timeout_ms;         /* for the whole call; 0: none (a stream) */
    int64_t idle_timeout_ms;    /* without a byte received; 0: none. HF_ETIMEOUT when it runs out */
    size_t max_body;            /* bytes kept for on_done; more is HF_ELIMIT; 0: 64 MiB. Not for streams */
    /* May be NULL. Called with on_data's ctx when the head of a final 2xx answer has come, before any on_data: a stream
     * is open though it may say nothing for long. May cancel the call. */
    void (*on_open)(void *ctx);
};

struct hf_http_response {
    int status;       /* 0 when no answer came: see err */
    const char *body; /* terminated; empty for streams; valid during the callback */
    size_t body_len;
    const char *content_type; /* "" when none */
    int64_t retry_after_ms;   /* from Retry-After (seconds or date); -1 when none */
    int64_t connect_us;       /* 0 when an existing connection was used */
    const char *warnings; /* texts of the Warning headers (RFC 7234: the quoted part), one a line; "" or NULL: none */
};

/* Called once, last, unless the call was cancelled. err is HF_OK whenever a complete answer of any status arrived. */
typedef void (*hf_http_done_fn)(void *ctx, const struct hf_http_response *response, const struct hf_error *err);
/* For streams: pieces of a 2xx body as they come (an answer of another status is kept as the body for on_done).
 * Return -1 with err to end the call: on_done then gets that error. */
typedef int (*hf_http_data_fn)(void *ctx, const char *bytes, size_t len, struct hf_error *err);

struct hf_http *hf_http_new(struct hf_loop *loop, const char *user_agent, struct hf_error *err);
/* Cancels what is under way (no callbacks) and closes. May be called from a callback. NULL is fine. */
void hf_http_free(struct hf_http *http);

/* Starts a call; on_data NULL collects the body for on_done. -1 (HF_EINVAL: bad URL, HF_ENOMEM): no callback will come.
 * *out (may be NULL) is valid until on_done was called. on_done is never called from within this function. */
int hf_http_start(struct hf_http *http, const struct hf_http_request *request, hf_http_data_fn on_data,
                  hf_http_done_fn on_done, void *ctx, struct hf_http_call **out, struct hf_error *err);
/* Ends a call without a callback. */
void hf_http_cancel(struct hf_http_call *call);

/* The error that a status outside 2xx stands for (401/403 HF_EDENIED, 404 HF_ENOTFOUND, 408 HF_ETIMEOUT, 409, 410, 429,
 * 3xx and other 4xx HF_EREFUSED, 5xx HF_EUNAVAILABLE), with a Kubernetes Status or plain body's message,
 * cut and made safe. Returns -1; 0 for 2xx. */
int hf_http_status_error(const struct hf_http_response *response, struct hf_error *err);

struct hf_http_stats {
    uint64_t requests;
    uint64_t connections; /* opened since start */
    uint64_t bytes_in;
    uint32_t active;
};
void hf_http_stats(const struct hf_http *http, struct hf_http_stats *out);

#endif
