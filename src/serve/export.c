/* /api/v1/export: what answers to the filters, as a file. It is read as it is sent, a piece at a time, so that it costs
 * the same memory however long it gets, and no reading holds a thread for long. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"
#include "server.h"
#include "trail.h"

#define BLOCK (64 * 1024)
#define PIECES 20 /* without a line, read before a thread looks at something else */

struct hf_export {
    struct hf_serve_trail trail;
    struct hf_log *log;
    enum hf_serve_form form;
    struct hf_serve_query query; /* its texts point into source */
    struct hf_query source;
    struct hf_buf pending;
    size_t sent;
    bool is_begun;
    bool at_end;
};

void hf_export_free(struct hf_export *export)
{
    if (export) {
        hf_query_free(&export->source);
        hf_buf_free(&export->pending);
        free(export);
    }
}

static int read_piece(struct hf_export *export)
{
    struct hf_error err = HF_ERROR_INIT;
    int64_t next_id = 0;
    hf_buf_clear(&export->pending);
    export->sent = 0;
    if (export->trail.lines(export->trail.ctx, export->form, &export->query, !export->is_begun, &next_id,
                            &export->pending, &err) != 0 ||
        !hf_buf_ok(&export->pending)) {
        hf_log_error(export->log, HF_WARN, "an export is cut off", &err, NULL);
        return -1;
    }
    export->is_begun = true;
    export->query.after_id = next_id;
    export->at_end = next_id == 0;
    return 0;
}

/* A failure closes the connection in the midst of a chunk, so that the client knows that the file is not whole. */
static ssize_t read_more(void *ctx, uint64_t at, char *to, size_t most)
{
    struct hf_export *export = ctx;
    (void)at;
    for (int i = 0; export->sent == export->pending.len && i < PIECES; i++) {
        if (export->at_end) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        if (read_piece(export) != 0) {
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    size_t len = export->pending.len - export->sent;
    len = len < most ? len : most;
    if (len > 0) {
        memcpy(to, export->pending.ptr + export->sent, len);
    }
    export->sent += len;
    return (ssize_t)len;
}

static void free_more(void *ctx)
{
    hf_export_free(ctx);
}

struct MHD_Response *hf_export_response(struct hf_answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_more, answer->export, free_more);
    if (response) {
        answer->export = NULL;
        hf_answer_headers(response, answer);
    }
    return response;
}

/* What of it there is, is told before anything is sent: a trail that can't be read is a problem. */
static void begin(const struct hf_request *request, struct hf_answer *answer, struct hf_export *export)
{
    struct hf_error err = HF_ERROR_INIT;
    int64_t first = 0;
    const struct hf_serve_query *query = &export->query;
    if (export->trail.span(export->trail.ctx, query->since_ms, query->until_ms, &first, &export->query.most_id, &err) !=
        0) {
        hf_trail_problem(request, answer, "the trail can't be exported", &err);
        return;
    }
    export->query.after_id = first > 0 ? first - 1 : 0;
    answer->type = export->form == HF_SERVE_CSV ? "text/csv; charset=utf-8" : "application/x-ndjson";
    answer->file = export->form == HF_SERVE_CSV ? "holdfast-trail.csv" : "holdfast-trail.jsonl";
}

void hf_serve_export(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {HF_TRAIL_FILTERS, "outcome", "format", NULL};
    static const char *const FORMATS[] = {"jsonl", "csv", NULL};
    const struct hf_serve_trail *trail = &request->serve->trail;
    struct hf_error err = HF_ERROR_INIT;
    size_t form;
    if (!hf_request_only(request, answer, KNOWN) || !hf_request_word(request, answer, "format", FORMATS, 0, &form)) {
        return;
    }
    if (!trail->lines || !trail->span) {
        (void)hf_error_set(&err, HF_EUNAVAILABLE, "there is no trail to read");
        hf_trail_problem(request, answer, "the trail can't be exported", &err);
        return;
    }
    struct hf_export *export = hf_calloc(1, sizeof *export);
    if (!export) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
        return;
    }
    export->trail = *trail;
    export->log = request->serve->log;
    export->form = form == 1 ? HF_SERVE_CSV : HF_SERVE_JSONL;
    export->query = (struct hf_serve_query)HF_SERVE_QUERY_INIT;
    answer->export = export;
    if (hf_query_copy(&export->source, request->query) != 0) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
    } else {
        struct hf_request asked = *request;
        asked.query = &export->source;
        if (hf_trail_filter(&asked, answer, &export->query)) {
            begin(request, answer, export);
        }
    }
    if (answer->status != 0) {
        hf_export_free(export);
        answer->export = NULL;
    }
}
