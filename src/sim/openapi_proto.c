/* Protobuf of an OpenAPI v2 document, as far as kubectl reads it: definitions, and the parameters of PATCH.
 * Field numbers: github.com/googleapis/gnostic, openapiv2/OpenAPIv2.proto. */
#include <string.h>

#include "openapi.h"

enum wire { WIRE_NUMBER = 0, WIRE_BYTES = 2 };

static void add_number(struct hf_buf *out, uint64_t number)
{
    for (; number >= 0x80; number >>= 7) {
        hf_buf_addc(out, (char)(unsigned char)(number | 0x80));
    }
    hf_buf_addc(out, (char)number);
}

static void add_tag(struct hf_buf *out, unsigned field, enum wire wire)
{
    add_number(out, ((uint64_t)field << 3) | (uint64_t)wire);
}

static void add_bytes(struct hf_buf *out, unsigned field, const char *bytes, size_t len)
{
    add_tag(out, field, WIRE_BYTES);
    add_number(out, len);
    hf_buf_add(out, bytes, len);
}

static void add_text(struct hf_buf *out, unsigned field, const struct hf_value *text)
{
    if (text && text->kind == HF_STRING) {
        add_bytes(out, field, text->as.text.ptr, text->as.text.len);
    }
}

/* Takes inner over into out as a message, and empties it. */
static void add_message(struct hf_buf *out, unsigned field, struct hf_buf *inner)
{
    out->failed = out->failed || inner->failed;
    add_bytes(out, field, hf_buf_text(inner), inner->len);
    hf_buf_free(inner);
}

static void add_any(struct hf_buf *out, unsigned field, const struct hf_value *value)
{
    struct hf_buf any = {0};
    hf_auto_buf struct hf_buf yaml = {0};
    hf_json_write(&yaml, value);
    hf_buf_addc(&yaml, '\n');
    add_bytes(&any, 2, hf_buf_text(&yaml), yaml.len);
    add_message(out, field, &any);
}

static void add_extensions(struct hf_buf *out, unsigned field, const struct hf_value *object)
{
    for (size_t i = 0; i < hf_value_count(object); i++) {
        const struct hf_member *member = &object->as.object.members[i];
        if (hf_slice_starts(member->key, "x-")) {
            struct hf_buf named = {0};
            add_bytes(&named, 1, member->key.ptr, member->key.len);
            add_any(&named, 2, &member->value);
            add_message(out, field, &named);
        }
    }
}

static void add_schema(struct hf_buf *out, unsigned field, const struct hf_value *schema);

static void add_named_schemas(struct hf_buf *out, const struct hf_value *object)
{
    for (size_t i = 0; i < hf_value_count(object); i++) {
        const struct hf_member *member = &object->as.object.members[i];
        struct hf_buf named = {0};
        add_bytes(&named, 1, member->key.ptr, member->key.len);
        add_schema(&named, 2, &member->value);
        add_message(out, 1, &named);
    }
}

static void add_parts(struct hf_buf *out, const struct hf_value *schema)
{
    const struct hf_value *more = hf_value_get(schema, "additionalProperties");
    struct hf_buf inner = {0};
    if (more && more->kind == HF_OBJECT) {
        add_schema(&inner, 1, more);
        add_message(out, 21, &inner);
    }
    if (hf_value_get(schema, "type")) {
        add_text(&inner, 1, hf_value_get(schema, "type"));
        add_message(out, 22, &inner);
    }
    if (hf_value_get(schema, "items")) {
        add_schema(&inner, 1, hf_value_get(schema, "items"));
        add_message(out, 23, &inner);
    }
    if (hf_value_get(schema, "properties")) {
        add_named_schemas(&inner, hf_value_get(schema, "properties"));
        add_message(out, 25, &inner);
    }
}

static void add_schema(struct hf_buf *out, unsigned field, const struct hf_value *schema)
{
    struct hf_buf inner = {0};
    const struct hf_value *required = hf_value_get(schema, "required");
    add_text(&inner, 1, hf_value_get(schema, "$ref"));
    add_text(&inner, 2, hf_value_get(schema, "format"));
    for (size_t i = 0; i < hf_value_count(required); i++) {
        add_text(&inner, 19, hf_value_at(required, i));
    }
    add_parts(&inner, schema);
    add_extensions(&inner, 31, schema);
    add_message(out, field, &inner);
}

/* ParametersItem { Parameter { NonBodyParameter { QueryParameterSubSchema } } } */
static void add_parameter(struct hf_buf *out, const struct hf_value *parameter)
{
    struct hf_buf query = {0}, non_body = {0}, any = {0}, item = {0};
    add_text(&query, 2, hf_value_get(parameter, "in"));
    add_text(&query, 4, hf_value_get(parameter, "name"));
    add_text(&query, 6, hf_value_get(parameter, "type"));
    add_message(&non_body, 3, &query);
    add_message(&any, 2, &non_body);
    add_message(&item, 1, &any);
    add_message(out, 8, &item);
}

static void add_path(struct hf_buf *out, const struct hf_member *path)
{
    struct hf_buf operation = {0}, item = {0}, named = {0};
    const struct hf_value *patch = hf_value_get(&path->value, "patch");
    const struct hf_value *parameters = hf_value_get(patch, "parameters");
    for (size_t i = 0; i < hf_value_count(parameters); i++) {
        add_parameter(&operation, hf_value_at(parameters, i));
    }
    add_extensions(&operation, 13, patch);
    add_message(&item, 8, &operation);
    add_bytes(&named, 1, path->key.ptr, path->key.len);
    add_message(&named, 2, &item);
    add_message(out, 2, &named);
}

void sim_openapi_proto(struct hf_buf *out, const struct hf_value *document)
{
    struct hf_buf inner = {0};
    const struct hf_value *info = hf_value_get(document, "info");
    const struct hf_value *paths = hf_value_get(document, "paths");
    add_text(out, 1, hf_value_get(document, "swagger"));
    add_text(&inner, 1, hf_value_get(info, "title"));
    add_text(&inner, 2, hf_value_get(info, "version"));
    add_message(out, 2, &inner);
    for (size_t i = 0; i < hf_value_count(paths); i++) {
        add_path(&inner, &paths->as.object.members[i]);
    }
    add_message(out, 8, &inner);
    add_named_schemas(&inner, hf_value_get(document, "definitions"));
    add_message(out, 9, &inner);
}
