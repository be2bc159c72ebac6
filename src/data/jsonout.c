#include "holdfast/jsonout.h"

#include <inttypes.h>
#include <string.h>

static void begin(struct hf_buf *out, const char *name)
{
    const char *last = out->len > 0 ? out->ptr + out->len - 1 : "{";
    if (*last != '{' && *last != '[' && *last != ':') {
        hf_buf_addc(out, ',');
    }
    if (name) {
        hf_buf_add_json(out, hf_slice_of(name));
        hf_buf_addc(out, ':');
    }
}

void hf_out_open(struct hf_buf *out, const char *name, char bracket)
{
    begin(out, name);
    hf_buf_addc(out, bracket);
}

void hf_out_close(struct hf_buf *out, char bracket)
{
    hf_buf_addc(out, bracket);
}

void hf_out_text(struct hf_buf *out, const char *name, const char *text)
{
    begin(out, name);
    if (text) {
        hf_buf_add_json(out, hf_slice_of(text));
    } else {
        hf_buf_adds(out, "null");
    }
}

void hf_out_int(struct hf_buf *out, const char *name, int64_t number)
{
    begin(out, name);
    hf_buf_addf(out, "%" PRId64, number);
}

void hf_out_count(struct hf_buf *out, const char *name, uint64_t number)
{
    begin(out, name);
    hf_buf_addf(out, "%" PRIu64, number);
}

void hf_out_bool(struct hf_buf *out, const char *name, bool truth)
{
    begin(out, name);
    hf_buf_adds(out, truth ? "true" : "false");
}

void hf_out_time(struct hf_buf *out, const char *name, int64_t ms)
{
    char text[HF_TIME_TEXT];
    hf_time_format(ms, text);
    hf_out_text(out, name, ms == HF_TIME_NONE || !text[0] ? NULL : text);
}

void hf_out_raw(struct hf_buf *out, const char *name, const char *json)
{
    begin(out, name);
    hf_buf_adds(out, json);
}
