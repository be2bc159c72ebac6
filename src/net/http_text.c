#include "http_call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "holdfast/mem.h"

#define LONGEST_RETRY_S 86400
#define LARGEST_STATUS_BODY (1u << 20)
#define SHOWN_MESSAGE 600

static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *curl_text = NULL;
    char *copy = NULL;
    if (curl_url_get(url, part, &curl_text, flags) == CURLUE_OK) {
        copy = hf_strdup(curl_text);
        curl_free(curl_text);
    }
    return copy;
}

static bool is_loopback(const char *host)
{
    unsigned a, b, c, d;
    char rest;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (sscanf(host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) == 4 && a == 127);
}

void url_parts_free(struct url_parts *parts)
{
    free(parts->origin);
    free(parts->host);
    free(parts->port);
    free(parts->rewritten);
    *parts = (struct url_parts){0};
}

static int url_rewrite(CURLU *url, const char *server_name, struct url_parts *out, struct hf_error *err)
{
    bool plain_ipv6 = strchr(server_name, ':') && server_name[0] != '[';
    struct hf_buf name hf_auto_buf = {0};
    hf_buf_addf(&name, plain_ipv6 ? "[%s]" : "%s", server_name);
    if (!hf_buf_ok(&name)) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (curl_url_set(url, CURLUPART_HOST, hf_buf_text(&name), 0) != CURLUE_OK) {
        return hf_error_set(err, HF_EINVAL, "server name \"%s\": not a host name", server_name);
    }
    out->rewritten = url_part(url, CURLUPART_URL, 0);
    return out->rewritten ? 0 : hf_error_set(err, HF_EINVAL, "server name \"%s\": not a host name", server_name);
}

static int split(CURLU *url, const char *text, const char *server_name, struct url_parts *out, struct hf_error *err)
{
    CURLUcode failed = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME);
    if (failed == CURLUE_OUT_OF_MEMORY) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (failed != CURLUE_OK) {
        return hf_error_set(err, HF_EINVAL, "not a URL: %s; expected \"https://host[:port]/path\"",
                            curl_url_strerror(failed));
    }
    char *scheme hf_auto_free = url_part(url, CURLUPART_SCHEME, 0);
    out->host = url_part(url, CURLUPART_HOST, 0);
    out->port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!scheme || !out->host || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)) {
        return hf_error_set(err, HF_EINVAL, "not a URL of http or https; expected \"https://host[:port]/path\"");
    }
    struct hf_buf origin = {0};
    hf_buf_addf(&origin, "%s://%s:%s", scheme, out->host, out->port ? out->port : "");
    out->origin = hf_buf_take(&origin);
    if (!out->origin || !out->port) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    out->https = strcmp(scheme, "https") == 0;
    out->loopback = is_loopback(out->host);
    return out->https && server_name && *server_name ? url_rewrite(url, server_name, out, err) : 0;
}

int url_split(const char *text, const char *server_name, struct url_parts *out, struct hf_error *err)
{
    *out = (struct url_parts){0};
    CURLU *url = curl_url();
    if (!url) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    int result = text ? split(url, text, server_name, out, err) : hf_error_set(err, HF_EINVAL, "no URL");
    curl_url_cleanup(url);
    if (result != 0) {
        url_parts_free(out);
    }
    return result;
}

/* RFC 9110 §5.1, §5.5: a name is a token, a value has no control characters but the tab. */
bool header_is_sound(const char *name, const char *value)
{
    if (!name || !*name || !value) {
        return false;
    }
    for (const char *at = name; *at; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (!letter && !strchr("!#$%&'*+-.^_`|~", *at)) {
            return false;
        }
    }
    for (const char *at = value; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
            return false;
        }
    }
    return true;
}

bool header_value(struct hf_slice line, const char *name, struct hf_slice *value)
{
    size_t len = strlen(name);
    if (line.len <= len || line.ptr[len] != ':' || strncasecmp(line.ptr, name, len) != 0) {
        return false;
    }
    struct hf_slice rest = {line.ptr + len + 1, line.len - len - 1};
    while (rest.len > 0 && strchr(" \t", rest.ptr[0])) {
        rest.ptr++;
        rest.len--;
    }
    while (rest.len > 0 && strchr(" \t\r\n", rest.ptr[rest.len - 1])) {
        rest.len--;
    }
    *value = rest;
    return true;
}

int64_t retry_after_parse(struct hf_slice value)
{
    int64_t seconds;
    char date[64];
    if (!hf_parse_int(value, 0, INT64_MAX, &seconds)) {
        if (value.len == 0 || value.len >= sizeof date || memchr(value.ptr, '\0', value.len)) {
            return -1;
        }
        memcpy(date, value.ptr, value.len);
        date[value.len] = '\0';
        time_t at = curl_getdate(date, NULL);
        if (at < 0) {
            return -1;
        }
        seconds = (int64_t)at - (int64_t)time(NULL);
    }
    seconds = seconds < 0 ? 0 : seconds > LONGEST_RETRY_S ? LONGEST_RETRY_S : seconds;
    return seconds * 1000;
}

static enum hf_code code_of_curl(CURLcode code)
{
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return HF_ENOMEM;
    case CURLE_OPERATION_TIMEDOUT:
        return HF_ETIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
        return HF_EUNAVAILABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
        return HF_EDENIED;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_URL_MALFORMAT:
        return HF_EINVAL;
    case CURLE_FILESIZE_EXCEEDED:
        return HF_ELIMIT;
    default:
        return HF_EIO;
    }
}

int curl_failure(CURLcode code, const struct hf_http_call *call, struct hf_error *err)
{
    struct hf_buf safe hf_auto_buf = {0};
    hf_buf_add_safe(&safe, hf_slice_of(call->curl_error[0] ? call->curl_error : curl_easy_strerror(code)),
                    CURL_ERROR_SIZE);
    return hf_error_set(err, code_of_curl(code), "%s %s: %s", call->method, call->origin, hf_buf_text(&safe));
}

static enum hf_code code_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return HF_EDENIED;
    case 404:
        return HF_ENOTFOUND;
    case 408:
        return HF_ETIMEOUT;
    case 409:
        return HF_ECONFLICT;
    case 410:
        return HF_EGONE;
    case 429:
        return HF_ETHROTTLED;
    default:
        return status >= 500 || status == 0 ? HF_EUNAVAILABLE : HF_EREFUSED;
    }
}

/* The sentence in a JSON body: Kubernetes' Status and most APIs call it "message"; RFC 9457 "detail". */
static const char *json_message(const cJSON *body)
{
    static const char *const NAMES[] = {"message", "detail", "error_description", "error", "title"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const cJSON *member = cJSON_GetObjectItem(body, NAMES[i]); /* of any case: "Message" too */
        if (cJSON_IsObject(member)) {
            member = cJSON_GetObjectItem(member, "message");
        }
        if (cJSON_IsString(member) && member->valuestring[0]) {
            return member->valuestring;
        }
    }
    return NULL;
}

static void add_message(struct hf_buf *out, const struct hf_http_response *response)
{
    struct hf_slice body = {response->body, response->body_len};
    if (body.len == 0 || body.len > LARGEST_STATUS_BODY || strncasecmp(response->content_type, "text/html", 9) == 0) {
        return;
    }
    cJSON *json = cJSON_ParseWithLength(body.ptr, body.len);
    const char *message = json_message(json);
    if (message) {
        body = hf_slice_of(message);
    }
    while (body.len > 0 && strchr(" \t\r\n", body.ptr[body.len - 1])) {
        body.len--;
    }
    if (message || !json) {
        hf_buf_adds(out, ": ");
        hf_buf_add_safe(out, body, SHOWN_MESSAGE);
    }
    cJSON_Delete(json);
}

int hf_http_status_error(const struct hf_http_response *response, struct hf_error *err)
{
    int status = response->status;
    if (status >= 200 && status <= 299) {
        return 0;
    }
    if (status == 0) {
        return hf_error_set(err, HF_EUNAVAILABLE, "no answer came");
    }
    struct hf_buf message hf_auto_buf = {0};
    add_message(&message, response);
    const char *hint = status >= 300 && status <= 399 ? " (a redirect, which is not followed)" : "";
    return hf_error_set(err, code_of_status(status), "the server answered %d%s%s", status, hint, hf_buf_text(&message));
}
