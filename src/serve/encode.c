/* gzip, for clients that take it. */
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "holdfast/mem.h"
#include "server.h"

#define LEAST 1024
#define LEVEL 4
#define GZIP_WINDOW (15 + 16) /* zlib.h: 16 more asks for gzip's header and trailer */

/* "0", "0.", "0.000": RFC 9110, 12.4.2. */
static bool is_zero(const char *weight)
{
    if (*weight++ != '0') {
        return false;
    }
    weight += *weight == '.';
    weight += strspn(weight, "0");
    return *weight == '\0' || strchr(" \t,;", *weight) != NULL;
}

/* Whether an item of the list, "gzip;q=0.5", does not forbid what it names. */
static bool is_taken(const char *item, size_t len)
{
    for (const char *at = item; (at = memchr(at, ';', (size_t)(item + len - at)));) {
        at++;
        at += strspn(at, " \t");
        if ((*at == 'q' || *at == 'Q') && at[1] == '=') {
            return !is_zero(at + 2);
        }
    }
    return true;
}

bool hf_accepts_gzip(const char *header)
{
    bool any = false;
    for (const char *at = header; at && *at;) {
        at += strspn(at, " \t,");
        size_t len = strcspn(at, ",");
        size_t name = strcspn(at, ",; \t");
        if ((name == 4 && strncasecmp(at, "gzip", 4) == 0) || (name == 6 && strncasecmp(at, "x-gzip", 6) == 0)) {
            return is_taken(at, len);
        }
        if (name == 1 && *at == '*') {
            any = is_taken(at, len);
        }
        at += len;
    }
    return any;
}

static bool is_text(const char *type)
{
    static const char *const TYPES[] = {"text/",
                                        "application/json",
                                        "application/problem+json",
                                        "application/yaml",
                                        "application/openmetrics-text",
                                        "image/svg+xml"};
    for (size_t i = 0; type && i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (strncmp(type, TYPES[i], strlen(TYPES[i])) == 0) {
            return strncmp(type, "text/event-stream", 17) != 0;
        }
    }
    return false;
}

static bool pack(const struct hf_buf *body, struct hf_buf *out)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    size_t most = deflateBound(&stream, body->len);
    unsigned char *bytes = hf_calloc(most, 1);
    stream.next_in = (Bytef *)body->ptr;
    stream.avail_in = (uInt)body->len;
    stream.next_out = bytes;
    stream.avail_out = (uInt)most;
    bool done = bytes && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    if (done) {
        hf_buf_add(out, (const char *)bytes, most - stream.avail_out);
    }
    free(bytes);
    (void)deflateEnd(&stream);
    return done && hf_buf_ok(out) && out->len < body->len;
}

/* RFC 9110, 8.8.3.3: another form is another tag. */
static void mark_tag(struct hf_answer *answer)
{
    static const char END[] = "-gzip\"";
    size_t len = strlen(answer->etag);
    if (len > 1 && len + sizeof END <= sizeof answer->etag) {
        memcpy(answer->etag + len - 1, END, sizeof END);
    }
}

void hf_answer_encode(const struct hf_request *request, struct hf_answer *answer)
{
    struct hf_buf packed = {0};
    if (answer->stream || answer->export || answer->is_private || answer->cookie[0]) {
        return;
    }
    answer->varies = is_text(answer->type);
    if (!answer->varies || answer->status == 304 || answer->body.failed || answer->body.len <= LEAST ||
        answer->body.len > UINT32_MAX / 2 || !hf_accepts_gzip(hf_request_header(request, "Accept-Encoding"))) {
        return;
    }
    if (!pack(&answer->body, &packed)) {
        hf_buf_free(&packed);
        return;
    }
    hf_buf_free(&answer->body);
    answer->body = packed;
    answer->is_gzip = true;
    mark_tag(answer);
}
