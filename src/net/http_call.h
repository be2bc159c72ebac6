/* What the parts of the HTTP client share: calls, and the pools of connections they run in. */
#ifndef HF_NET_HTTP_CALL_H
#define HF_NET_HTTP_CALL_H

#include <curl/curl.h>

#include "holdfast/http.h"

#define HF_HTTP_WARNINGS_MAX 4096u /* bytes kept, about */

/* The connections to one server. Calls with `separate` have a pool of their own, so that long streams and short writes
 * never wait for each other. A pool whose connection let a call time out is retired: calls under way end in it, new
 * ones get a new pool, and so a new connection. */
struct pool {
    struct hf_http *http;
    struct pool *next;
    CURLM *multi;
    CURL *keeper; /* belongs to no connection: what connection upkeep (HTTP/2 pings) is done with */
    struct hf_timer *timer;
    char *key;        /* origin, and whether separate */
    size_t active;    /* calls that hold it */
    int64_t used_ms;  /* monotonic, of the last call's end */
    int64_t heard_ms; /* monotonic, of the last byte of any call */
    bool retired;
};

enum call_state { CALL_WAITING, CALL_RUNNING, CALL_CANCELLED, CALL_DONE };

struct hf_http_call {
    struct hf_http *http;
    struct pool *pool;
    enum call_state state;
    struct hf_http_call *next; /* of all calls */
    struct hf_http_call *prev;
    struct hf_http_call *next_queued; /* of those that wait, or were cancelled while running */

    void (*on_open)(void *ctx);
    hf_http_data_fn on_data;
    hf_http_done_fn on_done;
    void *ctx;

    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    char method[16];
    char *origin; /* scheme://host:port: all of the URL that an error may show */
    char *body;
    size_t body_len;
    char *ca_pem; /* copies that curl points into */
    char *cert_pem;
    char *key_pem;
    char curl_error[CURL_ERROR_SIZE];

    struct hf_timer *idle_timer;
    int64_t idle_timeout_ms;
    int64_t last_byte_ms;

    struct hf_buf answer; /* the body that is kept for on_done */
    struct hf_buf warnings;
    size_t header_bytes;
    int64_t retry_after_ms;
    bool streaming;        /* the answer is 2xx and goes to on_data */
    bool answered;         /* the head of the final answer has come */
    bool connected;        /* counted among the connections */
    struct hf_error error; /* our own reason to end the call */
};

/* The parts of a URL that matter here. */
struct url_parts {
    char *origin;
    char *host; /* IPv6 in brackets */
    char *port;
    char *rewritten; /* the URL with server_name in the host's place; NULL when there is none */
    bool https;
    bool loopback;
};

/* HF_EINVAL when it is no absolute http or https URL. */
int url_split(const char *url, const char *server_name, struct url_parts *out, struct hf_error *err);
void url_parts_free(struct url_parts *parts);

bool header_is_sound(const char *name, const char *value);
/* Retry-After: seconds or a date; -1 for neither. At most a day. */
int64_t retry_after_parse(struct hf_slice value);
/* The value of a header line "Name: value\r\n" when it has that name. */
bool header_value(struct hf_slice line, const char *name, struct hf_slice *value);
/* What a curl result stands for, in *err. */
int curl_failure(CURLcode code, const struct hf_http_call *call, struct hf_error *err);

/* Makes the easy handle and all it points to. */
int call_prepare(struct hf_http_call *call, const struct hf_http_request *request, const char *user_agent,
                 const struct url_parts *parts, struct hf_error *err);
/* Frees all but the memory of the call; wipes what is secret. The handle must be out of its multi. */
void call_release(struct hf_http_call *call);

/* Called by curl with the answer's bytes (http_receive.c). */
size_t call_on_header(char *bytes, size_t size, size_t count, void *call);
size_t call_on_body(char *bytes, size_t size, size_t count, void *call);
void call_count_bytes(struct hf_http_call *call, size_t len);
void call_count_connection(struct hf_http_call *call);

#endif
