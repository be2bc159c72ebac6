/* Any bytes as a unit's file: read or refused with a place; what was read is well formed. */
#include <stdint.h>
#include <string.h>

#include "holdfast/source.h"

static void check_document(const struct hf_unit *unit, const struct hf_document *document)
{
    const char *name = hf_value_text(hf_value_path(document->value, "metadata", "name", NULL));
    const char *kind = hf_value_text(hf_value_get(document->value, "kind"));
    const char *version = hf_value_text(hf_value_get(document->value, "apiVersion"));
    if (!name || !name[0] || !kind || !kind[0] || !version || !version[0] || !document->source.ptr) {
        abort();
    }
    /* The bytes that would be sent mean the same document. */
    struct hf_document *again;
    size_t count;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_yaml_limits limits = {.bytes = unit->byte_count * 8 + 1024};
    if (arena && hf_yaml_read(arena, document->source.ptr, document->source.len, &limits, &again, &count, &err) == 0 &&
        (count != 1 || !hf_value_equal(again[0].value, document->value))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_unit *unit;
    struct hf_error err = HF_ERROR_INIT;
    if (hf_unit_read("space", "slug", "a.yaml", (const char *)data, size, &unit, &err) != 0) {
        if (err.code == HF_OK || (err.code != HF_ENOMEM && strncmp(err.text, "a.yaml: ", 8) != 0)) {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < unit->document_count && i < 100; i++) {
        check_document(unit, &unit->documents[i]);
    }
    for (size_t i = 0; i < unit->label_count; i++) {
        if (!unit->labels[i].name[0] || !hf_unit_label(unit, unit->labels[i].name)) {
            abort();
        }
    }
    hf_unit_drop(unit);
    return 0;
}
