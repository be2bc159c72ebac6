/* A request's target, its Host, Accept and Accept-Encoding headers, an object filter's cursor, and the trail's array:
 * what is taken keeps what is promised of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"
#include "json_out.h"
#include "listen.h"
#include "metrics.h"
#include "objects.h"
#include "query.h"
#include "trail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void check_text(const char *text)
{
    require(hf_utf8_valid(text, strlen(text)));
    for (const char *at = text; *at; at++) {
        require((unsigned char)*at >= 0x20 && *at != 0x7F);
    }
}

/* Escaped, a value may hold what names in a cluster may. */
static void check_value(const char *text)
{
    require(hf_utf8_valid(text, strlen(text)) && !strpbrk(text, "\r\n"));
}

static void try_target(const char *text)
{
    struct hf_query query;
    struct hf_error err = HF_ERROR_INIT;
    if (hf_query_read(&query, text, &err) == 0) {
        check_text(query.path);
        require(query.path[0] == '/' && !strstr(query.path, "/../") && !strstr(query.path, "//"));
        require(hf_serve_route(query.path) != NULL);
        for (size_t i = 0; i < query.count; i++) {
            check_text(query.params[i].name);
            check_value(query.params[i].value);
            require(hf_query_has(&query, query.params[i].name));
        }
    } else {
        require(err.code != HF_OK && err.text[0]);
    }
    hf_query_free(&query);
}

static void try_others(const char *text)
{
    struct hf_cursor cursor;
    struct hf_error err = HF_ERROR_INIT;
    if (hf_cursor_read(&cursor, text, &err)) {
        require(cursor.rank < HF_RANK_COUNT && cursor.object.name && cursor.object.kind);
    }
    free(cursor.bytes);
    (void)hf_host_is_local(text, "127.0.0.1");
    (void)hf_accepts_gzip(text);
    (void)hf_metrics_wants_open(text);
    struct hf_slice item;
    const char *end = text + strlen(text);
    for (const char *at = text; hf_array_next(&at, &item);) {
        require(item.len >= 2 && item.ptr[0] == '{' && item.ptr + item.len == at && at <= end);
        (void)hf_event_id(item);
    }
}

static void try_html(const char *text)
{
    struct hf_buf out = {0};
    hf_html_add(&out, text);
    require(hf_utf8_valid(hf_buf_text(&out), out.len) && !strpbrk(hf_buf_text(&out), "<>\"'\n"));
    hf_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = hf_strndup((const char *)data, size);
    if (text) {
        try_target(text);
        try_others(text);
        try_html(text);
    }
    free(text);
    return 0;
}
