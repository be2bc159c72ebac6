/* Whether a schema says only what is checked here. */
#include <string.h>

#include "jsonschema.h"

#define MOST_DEPTH 100u

/* What the value of a keyword must be. */
enum shape { ANYTHING, TEXT, COUNT, NUMBER, FLAG, TYPES, TEXTS, LIST, SCHEMA, SCHEMAS, SCHEMA_LIST, REFERENCE };

static const struct {
    const char *keyword;
    enum shape shape;
} KEYWORDS[] = {
    {"$defs", SCHEMAS},
    {"$id", TEXT},
    {"$ref", REFERENCE},
    {"$schema", TEXT},
    {"additionalProperties", SCHEMA},
    {"anyOf", SCHEMA_LIST},
    {"const", ANYTHING},
    {"default", ANYTHING},
    {"description", TEXT},
    {"enum", LIST},
    {"examples", LIST},
    {"format", TEXT},
    {"items", SCHEMA},
    {"maxItems", COUNT},
    {"maxLength", COUNT},
    {"maximum", NUMBER},
    {"minItems", COUNT},
    {"minLength", COUNT},
    {"minimum", NUMBER},
    {"oneOf", SCHEMA_LIST},
    {"pattern", TEXT},
    {"properties", SCHEMAS},
    {"required", TEXTS},
    {"title", TEXT},
    {"type", TYPES},
    {"uniqueItems", FLAG},
};

static bool is_type(const struct hf_value *value)
{
    static const char *const TYPES_KNOWN[] = {"null", "boolean", "number", "integer", "string", "array", "object"};
    for (size_t i = 0; value->kind == HF_STRING && i < sizeof TYPES_KNOWN / sizeof TYPES_KNOWN[0]; i++) {
        if (hf_slice_is(value->as.text, TYPES_KNOWN[i])) {
            return true;
        }
    }
    return false;
}

static bool all_items(const struct hf_value *value, bool (*fits)(const struct hf_value *))
{
    bool all = value->kind == HF_ARRAY;
    for (size_t i = 0; all && i < value->as.array.count; i++) {
        all = fits(&value->as.array.items[i]);
    }
    return all;
}

static bool is_text(const struct hf_value *value)
{
    return hf_value_text(value) != NULL;
}

static bool is_schema(const struct hf_value *value)
{
    return value->kind == HF_OBJECT || value->kind == HF_BOOL;
}

static bool has_shape(const struct hf_value *value, enum shape shape)
{
    int64_t count;
    switch (shape) {
    case ANYTHING:
        return true;
    case TEXT:
        return is_text(value);
    case COUNT:
        return hf_value_int(value, &count) && count >= 0;
    case NUMBER:
        return value->kind == HF_NUMBER;
    case FLAG:
        return value->kind == HF_BOOL;
    case TYPES:
        return is_type(value) || (all_items(value, is_type) && hf_value_count(value) > 0);
    case TEXTS:
        return all_items(value, is_text);
    case LIST:
        return value->kind == HF_ARRAY;
    case SCHEMA:
        return is_schema(value);
    case SCHEMAS:
        return value->kind == HF_OBJECT;
    case SCHEMA_LIST:
        return all_items(value, is_schema) && hf_value_count(value) > 0;
    case REFERENCE:
        return is_text(value) && hf_slice_starts(value->as.text, "#/$defs/");
    }
    return false;
}

static int known_within(const struct hf_value *value, enum shape shape, size_t depth, struct hf_error *err)
{
    if (shape == SCHEMA) {
        return hf_schema_known(value, depth, err);
    }
    for (size_t i = 0; shape == SCHEMAS && i < value->as.object.count; i++) {
        if (hf_schema_known(&value->as.object.members[i].value, depth, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; shape == SCHEMA_LIST && i < value->as.array.count; i++) {
        if (hf_schema_known(&value->as.array.items[i], depth, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int known_keyword(const struct hf_member *member, size_t depth, struct hf_error *err)
{
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof KEYWORDS[0]; i++) {
        if (!hf_slice_is(member->key, KEYWORDS[i].keyword)) {
            continue;
        }
        if (!has_shape(&member->value, KEYWORDS[i].shape)) {
            return hf_error_set(err, HF_EINVAL,
                                "schema: line %u, column %u: the value of \"%s\" has not the form it needs",
                                member->value.line, member->value.column, KEYWORDS[i].keyword);
        }
        return known_within(&member->value, KEYWORDS[i].shape, depth, err);
    }
    hf_auto_buf struct hf_buf key = {0};
    hf_buf_add_safe(&key, member->key, 60);
    return hf_error_set(err, HF_EINVAL,
                        "schema: line %u, column %u: found the keyword \"%s\", expected one that is checked here",
                        member->line, member->column, hf_buf_text(&key));
}

int hf_schema_known(const struct hf_value *schema, size_t depth, struct hf_error *err)
{
    if (!is_schema(schema) || depth >= MOST_DEPTH) {
        return hf_error_set(err, HF_EINVAL, "schema: line %u, column %u: found %s, expected a schema", schema->line,
                            schema->column, depth >= MOST_DEPTH ? "deep nesting" : hf_kind_name(schema->kind));
    }
    for (size_t i = 0; i < (schema->kind == HF_OBJECT ? schema->as.object.count : 0); i++) {
        if (known_keyword(&schema->as.object.members[i], depth + 1, err) != 0) {
            return -1;
        }
    }
    return 0;
}
