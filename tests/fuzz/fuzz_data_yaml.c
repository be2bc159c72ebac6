/* The YAML reader: whatever comes in, what comes out has a stable canonical form, the same one after it was written as
 * YAML, and each document's own bytes mean what it means. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/canonical.h"
#include "holdfast/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static const struct hf_value *only(struct hf_arena *arena, const char *bytes, size_t len)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents = NULL;
    size_t count = 0;
    must(hf_yaml_read(arena, bytes, len, NULL, &documents, &count, &err) == 0);
    must(count == 1);
    return documents[0].value;
}

/* A number beyond a double is text in YAML. All of it came from YAML here, so there is none. */
static void check_document(struct hf_arena *arena, const struct hf_document *document)
{
    hf_auto_buf struct hf_buf once = {0};
    hf_auto_buf struct hf_buf twice = {0};
    hf_auto_buf struct hf_buf yaml = {0};
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *again = NULL;
    struct hf_read_limits limits = {.depth = 200};
    hf_canonical_write(&once, document->value);
    must(hf_buf_ok(&once));
    must(hf_json_read(arena, hf_buf_text(&once), once.len, &limits, &again, &err) == 0);
    hf_canonical_write(&twice, again);
    must(once.len == twice.len && memcmp(once.ptr, twice.ptr, once.len) == 0);
    must(hf_value_equal(document->value, again));
    hf_yaml_write(&yaml, document->value);
    must(hf_value_equal(only(arena, hf_buf_text(&yaml), yaml.len), document->value));
    must(hf_value_equal(only(arena, document->source.ptr, document->source.len), document->value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new((size_t)1 << 30);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents = NULL;
    size_t count = 0;
    struct hf_yaml_limits limits = {.nodes = 20000, .depth = 60};
    if (!arena) {
        return 0;
    }
    if (hf_yaml_read(arena, (const char *)data, size, &limits, &documents, &count, &err) != 0) {
        must(err.code == HF_EPARSE || err.code == HF_ELIMIT);
        must(strncmp(err.text, "line ", 5) == 0 && strstr(err.text, "expected ") != NULL);
        return 0;
    }
    size_t behind = 0;
    for (size_t i = 0; i < count; i++) {
        const struct hf_document *document = &documents[i];
        must(document->source.ptr >= (const char *)data &&
             document->source.ptr + document->source.len <= (const char *)data + size);
        size_t start = (size_t)(document->source.ptr - (const char *)data);
        must(start >= behind && document->line >= 1);
        behind = start + document->source.len;
        check_document(arena, document);
    }
    return 0;
}
