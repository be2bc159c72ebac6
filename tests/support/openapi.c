#include "openapi.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/json.h"
#include "holdfast/jsonschema.h"
#include "holdfast/yaml.h"

/* The checker knows references to $defs only. */
static void move_references(struct hf_buf *text)
{
    static const char FROM[] = "#/components/schemas/";
    static const char TO[] = "#/$defs/";
    for (char *at = strstr(text->ptr, FROM); at; at = strstr(at, FROM)) {
        memcpy(at, TO, sizeof TO - 1);
        memmove(at + sizeof TO - 1, at + sizeof FROM - 1, strlen(at + sizeof FROM - 1) + 1);
        text->len -= sizeof FROM - sizeof TO;
    }
}

/* A field that the document does not name is an error here, so that none is forgotten. */
static void close_objects(struct hf_arena *arena, struct hf_value *schema)
{
    if (schema->kind == HF_ARRAY) {
        for (size_t i = 0; i < schema->as.array.count; i++) {
            close_objects(arena, &schema->as.array.items[i]);
        }
    }
    if (schema->kind != HF_OBJECT) {
        return;
    }
    for (size_t i = 0; i < schema->as.object.count; i++) {
        close_objects(arena, &schema->as.object.members[i].value);
    }
    const struct hf_value *properties = hf_value_get(schema, "properties");
    if (properties && properties->kind == HF_OBJECT && !hf_value_get(schema, "additionalProperties")) {
        struct hf_value *no = hf_value_new(arena, HF_BOOL);
        cr_assert_eq(hf_value_set(arena, schema, hf_slice_of("additionalProperties"), no), 0);
    }
}

void openapi_read(struct openapi *api)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf text = {0};
    struct hf_document *documents;
    size_t count;
    api->arena = hf_arena_new(0);
    cr_assert_eq(hf_read_file(HF_SOURCE_DIR "/schema/openapi.yaml", 1 << 20, &text, &err), 0, "%s", err.text);
    move_references(&text);
    cr_assert_eq(hf_yaml_read(api->arena, text.ptr, text.len, NULL, &documents, &count, &err), 0, "%s", err.text);
    cr_assert_eq(count, 1);
    api->document = hf_value_copy(api->arena, documents[0].value);
    api->definitions = hf_value_copy(api->arena, hf_value_path(api->document, "components", "schemas", NULL));
    close_objects(api->arena, api->definitions);
    hf_buf_free(&text);
}

const struct hf_value *openapi_follow(const struct openapi *api, const struct hf_value *value)
{
    const char *reference = hf_value_text(hf_value_get(value, "$ref"));
    if (!reference) {
        return value;
    }
    char group[40];
    char name[40];
    cr_assert_eq(sscanf(reference, "#/components/%39[^/]/%39s", group, name), 2, "%s", reference);
    const struct hf_value *found = hf_value_path(api->document, "components", group, name, NULL);
    cr_assert(found, "%s leads nowhere", reference);
    return found;
}

const struct hf_value *openapi_get(const struct openapi *api, const char *path)
{
    const struct hf_value *operation = hf_value_path(api->document, "paths", path, "get", NULL);
    cr_assert(operation, "the document knows no %s", path);
    return operation;
}

void openapi_check(const struct openapi *api, const struct hf_value *operation, const char *what, int status,
                   const char *type, const char *body, size_t len)
{
    char number[8];
    const struct hf_value *value;
    struct hf_error err = HF_ERROR_INIT;
    (void)snprintf(number, sizeof number, "%d", status);
    const struct hf_value *answer = hf_value_get(hf_value_get(operation, "responses"), number);
    cr_assert(answer, "%s: the document knows no %s: %s", what, number, body);
    const struct hf_value *media = hf_value_get(hf_value_get(openapi_follow(api, answer), "content"), type);
    cr_assert(media, "%s: the document knows no %s for %s", what, type, number);
    if (strcmp(type, "application/json") != 0 && strcmp(type, "application/problem+json") != 0) {
        return;
    }
    struct hf_value *schema = hf_value_copy(api->arena, hf_value_get(media, "schema"));
    cr_assert_eq(hf_json_read(api->arena, body, len, NULL, &value, &err), 0, "%s: %s: %s", what, err.text, body);
    close_objects(api->arena, schema);
    cr_assert_eq(hf_value_set(api->arena, schema, hf_slice_of("$defs"), api->definitions), 0);
    cr_expect_eq(hf_jsonschema_check(schema, value, &err), 0, "%s: %s: %s", what, err.text, body);
}
