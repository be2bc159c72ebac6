#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"
#include "json_out.h"
#include "server.h"

static const char *phrase(unsigned status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 303:
        return "See Other";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 414:
        return "URI Too Long";
    case 421:
        return "Misdirected Request";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Error";
    }
}

static void problem_page(struct hf_answer *answer, const char *detail)
{
    answer->type = "text/html; charset=utf-8";
    hf_buf_addf(&answer->body,
                "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>%s · holdfast</title>"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                "<link rel=\"stylesheet\" href=\"/assets/style.css\"></head><body><main><h1>%s</h1><p>",
                phrase(answer->status), phrase(answer->status));
    hf_html_add(&answer->body, detail);
    hf_buf_adds(&answer->body, "</p><p><a href=\"/\">To the overview</a></p></main></body></html>\n");
}

void hf_answer_problem(struct hf_answer *answer, unsigned status, const char *format, ...)
{
    char detail[HF_ERROR_TEXT + 200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    hf_buf_free(&answer->body);
    answer->status = status;
    answer->etag[0] = '\0';
    answer->cacheable = false;
    if (answer->is_page) {
        problem_page(answer, detail);
        return;
    }
    answer->type = "application/problem+json";
    hf_buf_addf(&answer->body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":", phrase(status),
                status);
    hf_buf_add_json(&answer->body, hf_slice_of(detail));
    hf_buf_adds(&answer->body, "}\n");
}

const char *hf_request_header(const struct hf_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *hf_request_cookie(const struct hf_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, name);
}

/* RFC 9110, 13.1.2: a list of tags, compared weakly. */
static bool tag_in_list(const char *list, const char *tag)
{
    size_t len = strlen(tag) - 1; /* as far as its closing quote */
    for (const char *at = list; *at;) {
        at += strspn(at, " \t,");
        if (*at == '*') {
            return true;
        }
        if (strncmp(at, "W/", 2) == 0) {
            at += 2;
        }
        if (strncmp(at, tag, len) == 0 && (at[len] == '"' || strncmp(at + len, "-gzip\"", 6) == 0)) {
            return true;
        }
        const char *open = *at == '"' ? strchr(at + 1, '"') : NULL;
        at = open ? open + 1 : at + strcspn(at, ",");
    }
    return false;
}

bool hf_answer_by_tag(const struct hf_request *request, struct hf_answer *answer, const char *tag)
{
    (void)snprintf(answer->etag, sizeof answer->etag, "\"%s\"", tag);
    answer->cacheable = true;
    const char *list = hf_request_header(request, "If-None-Match");
    if (!list || !tag_in_list(list, answer->etag)) {
        return false;
    }
    answer->status = MHD_HTTP_NOT_MODIFIED;
    char packed[sizeof answer->etag]; /* which of its forms the client has is told back */
    (void)snprintf(packed, sizeof packed, "\"%.80s-gzip\"", tag);
    if (strstr(list, packed)) {
        memcpy(answer->etag, packed, sizeof packed);
    }
    return true;
}

bool hf_answer_by_view(const struct hf_request *request, struct hf_answer *answer)
{
    const struct hf_view *view = request->view ? request->view->view : NULL;
    bool stuck = hf_serve_stuck_ms(request->serve) > 0;
    if (!view || stuck) {
        return false;
    }
    char tag[64];
    (void)snprintf(tag, sizeof tag, "%llx-%llu", (unsigned long long)view->started_ms,
                   (unsigned long long)view->serial);
    return hf_answer_by_tag(request, answer, tag);
}

void hf_answer_headers(struct MHD_Response *response, const struct hf_answer *answer)
{
    static const char *const ALWAYS[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
         "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "same-origin"}, /* no-referrer: browsers then send a form's Origin as null */
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    for (size_t i = 0; i < sizeof ALWAYS / sizeof ALWAYS[0]; i++) {
        (void)MHD_add_response_header(response, ALWAYS[i][0], ALWAYS[i][1]);
    }
    (void)MHD_add_response_header(response, "Cache-Control", answer->cacheable ? "no-cache" : "no-store");
    if (answer->type) {
        (void)MHD_add_response_header(response, "Content-Type", answer->type);
    }
    if (answer->etag[0]) {
        (void)MHD_add_response_header(response, "ETag", answer->etag);
    }
    if (answer->varies) {
        (void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
    }
    if (answer->is_gzip) {
        (void)MHD_add_response_header(response, "Content-Encoding", "gzip");
    }
    if (answer->file) {
        char value[100];
        (void)snprintf(value, sizeof value, "attachment; filename=\"%.60s\"", answer->file);
        (void)MHD_add_response_header(response, "Content-Disposition", value);
    }
    if (answer->location[0]) {
        (void)MHD_add_response_header(response, "Location", answer->location);
    }
    if (answer->cookie[0]) {
        (void)MHD_add_response_header(response, "Set-Cookie", answer->cookie);
    }
    if (answer->authenticate) {
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"holdfast\"");
    }
    if (answer->allow) {
        (void)MHD_add_response_header(response, "Allow", answer->allow);
    }
    if (answer->retry_after_s > 0) {
        char seconds[16];
        (void)snprintf(seconds, sizeof seconds, "%u", answer->retry_after_s);
        (void)MHD_add_response_header(response, "Retry-After", seconds);
    }
}

struct MHD_Response *hf_answer_response(struct hf_answer *answer)
{
    if (answer->body.failed) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
    }
    size_t len = answer->body.len;
    bool empty = !answer->body.ptr || answer->status == MHD_HTTP_NOT_MODIFIED;
    char *bytes = empty ? NULL : hf_buf_take(&answer->body);
    if (!empty && !bytes) {
        return NULL;
    }
    struct MHD_Response *response = empty ? MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT)
                                          : MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(bytes);
        return NULL;
    }
    hf_answer_headers(response, answer);
    return response;
}

bool hf_answer_needs_view(const struct hf_request *request, struct hf_answer *answer)
{
    if (request->view) {
        return true;
    }
    answer->retry_after_s = 1;
    hf_answer_problem(answer, 503, "The agent is starting: nothing has been read yet.");
    return false;
}
