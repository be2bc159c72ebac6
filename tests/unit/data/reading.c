#include "reading.h"

#include <criterion/criterion.h>
#include <string.h>

const struct hf_value *json_of(struct hf_arena *arena, const char *text)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value = NULL;
    cr_assert_eq(hf_json_read(arena, text, strlen(text), NULL, &value, &err), 0, "%s: %s", text, err.text);
    return value;
}

const struct hf_value *yaml_of(struct hf_arena *arena, const char *text)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents = NULL;
    size_t count = 0;
    cr_assert_eq(hf_yaml_read(arena, text, strlen(text), NULL, &documents, &count, &err), 0, "%s: %s", text, err.text);
    cr_assert_eq(count, 1, "%s: %zu documents", text, count);
    return documents[0].value;
}

char *canonical_of_value(const struct hf_value *value)
{
    struct hf_buf buf = {0};
    hf_canonical_write(&buf, value);
    cr_assert(hf_buf_ok(&buf));
    return hf_buf_take(&buf);
}

char *canonical_of_json(const char *text, size_t len)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value = NULL;
    if (hf_json_read(arena, text, len, NULL, &value, &err) != 0) {
        cr_assert_neq(err.code, HF_OK);
        return hf_strdup(err.text);
    }
    return canonical_of_value(value);
}

char *canonical_of_yaml(const char *text, size_t len)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents = NULL;
    size_t count = 0;
    if (hf_yaml_read(arena, text, len, NULL, &documents, &count, &err) != 0) {
        cr_assert_neq(err.code, HF_OK);
        return hf_strdup(err.text);
    }
    return count > 0 ? canonical_of_value(documents[0].value) : hf_strdup("no document");
}
