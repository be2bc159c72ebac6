#include "json_out.h"

void hf_html_add(struct hf_buf *out, const char *text)
{
    struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(text), SIZE_MAX);
    for (size_t i = 0; i < safe.len; i++) {
        switch (safe.ptr[i]) {
        case '&':
            hf_buf_adds(out, "&amp;");
            break;
        case '<':
            hf_buf_adds(out, "&lt;");
            break;
        case '>':
            hf_buf_adds(out, "&gt;");
            break;
        case '"':
            hf_buf_adds(out, "&quot;");
            break;
        case '\'':
            hf_buf_adds(out, "&#39;");
            break;
        default:
            hf_buf_addc(out, safe.ptr[i]);
        }
    }
    if (safe.failed) {
        out->failed = true;
    }
    hf_buf_free(&safe);
}
