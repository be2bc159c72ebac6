/* Any bytes as an event's texts: what is stored is UTF-8 and the same when stored again; its JSON is JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/json.h"
#include "trail.h"

static void check_json(const struct hf_audit_event *event)
{
    struct hf_buf json = {0};
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_audit_event_json(&json, 1, event, "sha256:00");
    if (!arena || hf_json_read(arena, json.ptr, json.len, NULL, &value, &err) != 0 || value->kind != HF_OBJECT) {
        abort();
    }
    hf_buf_free(&json);
}

static void check_row(const struct hf_audit_event *event)
{
    struct hf_row row;
    struct hf_row again;
    struct hf_audit_event stored;
    struct hf_buf first = {0};
    struct hf_buf second = {0};
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *scratch = hf_arena_new(0);
    if (!scratch || hf_row_from_event(&row, 1, event, scratch, &err) != 0) {
        abort();
    }
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        if (row.cells[i].text.ptr && !hf_utf8_valid(row.cells[i].text.ptr, row.cells[i].text.len)) {
            abort();
        }
    }
    hf_row_to_event(&row, &stored);
    if (hf_row_from_event(&again, 1, &stored, scratch, &err) != 0) {
        abort();
    }
    hf_chain_canonical(&first, &row);
    hf_chain_canonical(&second, &again);
    if (first.len != second.len || memcmp(first.ptr, second.ptr, first.len) != 0) {
        abort();
    }
    hf_buf_free(&first);
    hf_buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Texts are divided by NUL bytes: detail, name, message, type. */
    char *copy = calloc(1, size + 4);
    if (!copy) {
        return 0;
    }
    memcpy(copy, data, size);
    const char *texts[4];
    const char *at = copy;
    for (size_t i = 0; i < 4; i++) {
        texts[i] = at;
        at += strlen(at);
        at += at < copy + size + 3;
    }
    struct hf_audit_event event = {.at_ms = (int64_t)size * 1000003,
                                   .detail = texts[0],
                                   .name = texts[1],
                                   .message = texts[2],
                                   .type = texts[3],
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = (int64_t)size * -99991,
                                   .corrected_at_ms = INT64_MAX};
    check_json(&event);
    check_row(&event);
    free(copy);
    return 0;
}
