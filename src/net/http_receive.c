/* What curl calls when an answer's bytes come in. */
#include "http_call.h"

#include <string.h>

#include "holdfast/clock.h"

#define LARGEST_HEADERS (256u << 10)

static void begin_answer(struct hf_http_call *call)
{
    hf_buf_clear(&call->warnings);
    call->retry_after_ms = -1;
}

/* The quoted texts of a Warning header (RFC 7234 §5.5): `299 - "use apps/v1"`, several joined by commas. */
static void note_warning(struct hf_http_call *call, struct hf_slice value)
{
    bool inside = false;
    for (size_t i = 0; i < value.len && call->warnings.len < HF_HTTP_WARNINGS_MAX; i++) {
        char byte = value.ptr[i];
        if (byte == '"') {
            inside = !inside;
            if (inside && call->warnings.len > 0) {
                hf_buf_addc(&call->warnings, '\n');
            }
        } else if (inside) {
            bool escaped = byte == '\\' && i + 1 < value.len;
            i += escaped;
            hf_buf_addc(&call->warnings, value.ptr[i]);
        }
    }
}

/* At the end of a block of headers: of the answer itself, unless they were those of 100 Continue, or trailers. */
static void open_answer(struct hf_http_call *call)
{
    long status = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->answered || status < 200) {
        return;
    }
    call->answered = true;
    bool good = status <= 299;
    call->streaming = call->on_data && good;
    if (good && call->on_open) {
        call->on_open(call->ctx);
    }
}

/* Lines come one a call; a status line starts the headers anew (after 100 Continue, say). */
size_t call_on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct hf_http_call *call = ctx;
    size_t len = size * count;
    if (call->state != CALL_RUNNING) {
        return CURL_WRITEFUNC_ERROR;
    }
    call_count_bytes(call, len);
    call->header_bytes += len;
    if (call->header_bytes > LARGEST_HEADERS) {
        (void)hf_error_set(&call->error, HF_ELIMIT, "%s %s: the answer's headers are larger than %u bytes",
                           call->method, call->origin, LARGEST_HEADERS);
        return CURL_WRITEFUNC_ERROR;
    }
    struct hf_slice line = {bytes, len};
    struct hf_slice value;
    if (hf_slice_starts(line, "HTTP/")) {
        begin_answer(call);
    } else if (header_value(line, "Retry-After", &value)) {
        call->retry_after_ms = retry_after_parse(value);
    } else if (header_value(line, "Warning", &value)) {
        note_warning(call, value);
    } else if (hf_slice_is(line, "\r\n") || hf_slice_is(line, "\n")) {
        open_answer(call);
    }
    return call->state == CALL_RUNNING ? len : CURL_WRITEFUNC_ERROR;
}

size_t call_on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct hf_http_call *call = ctx;
    size_t len = size * count;
    if (call->state != CALL_RUNNING) {
        return CURL_WRITEFUNC_ERROR;
    }
    call_count_bytes(call, len);
    if (call->streaming) {
        int result = call->on_data(call->ctx, bytes, len, &call->error);
        if (result != 0 && call->error.code == HF_OK) {
            (void)hf_error_set(&call->error, HF_ECANCELED, "%s %s: ended by its reader", call->method, call->origin);
        }
        return result == 0 && call->state == CALL_RUNNING ? len : CURL_WRITEFUNC_ERROR;
    }
    size_t limit = call->answer.limit;
    if (len > limit - call->answer.len) {
        (void)hf_error_set(&call->error, HF_ELIMIT, "%s %s: the answer is larger than %zu bytes", call->method,
                           call->origin, limit);
        return CURL_WRITEFUNC_ERROR;
    }
    hf_buf_add(&call->answer, bytes, len);
    if (!hf_buf_ok(&call->answer)) {
        (void)hf_error_set(&call->error, HF_ENOMEM, "%s %s: out of memory for the answer", call->method, call->origin);
        return CURL_WRITEFUNC_ERROR;
    }
    return len;
}
