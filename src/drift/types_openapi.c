/* An OpenAPI v2 document becomes a table of types. */
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "holdfast/json.h"
#include "holdfast/map.h"
#include "holdfast/mem.h"
#include "holdfast/types.h"
#include "walk.h"

#define MOST_BYTES ((size_t)64 << 20)
#define MOST_NODES ((size_t)8000000)

struct hf_types {
    struct hf_arena *arena;
    struct hf_map *by_kind; /* "group/version/kind" → struct hf_type */
    size_t count;
};

struct builder {
    struct hf_types *types;
    struct hf_map *by_name; /* definition's name → struct hf_type */
    const struct hf_value *definitions;
    struct facts facts;
    const char *within; /* the definition that is being converted */
    bool short_of_memory;
};

static const struct hf_type UNKNOWN = {.kind = HF_TYPE_UNKNOWN, .name = ""};

static void *take(struct builder *builder, size_t count, size_t size)
{
    void *piece = hf_arena_array(builder->types->arena, count, size);
    builder->short_of_memory |= !piece;
    return piece;
}

static const char *keep(struct builder *builder, struct hf_slice text)
{
    char *copy = hf_arena_copy(builder->types->arena, text.ptr, text.len);
    builder->short_of_memory |= !copy;
    return copy ? copy : "";
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

static bool text_is(const struct hf_value *schema, const char *key, const char *text)
{
    const char *found = hf_value_text(hf_value_get(schema, key));
    return found && strcmp(found, text) == 0;
}

static const struct hf_type *convert(struct builder *builder, const struct hf_value *schema);

/* Definitions whose form says less than their name: they have marshallers of their own in apimachinery. */
static bool convert_by_name(const char *name, struct hf_type *type)
{
    static const struct {
        const char *end;
        enum hf_type_kind kind;
    } NAMES[] = {{"apimachinery.pkg.api.resource.Quantity", HF_TYPE_QUANTITY},
                 {"apimachinery.pkg.apis.meta.v1.Time", HF_TYPE_TIME},
                 {"apimachinery.pkg.apis.meta.v1.MicroTime", HF_TYPE_MICRO_TIME},
                 {"apimachinery.pkg.apis.meta.v1.Duration", HF_TYPE_DURATION},
                 {"apimachinery.pkg.util.intstr.IntOrString", HF_TYPE_INT_OR_STRING},
                 {"apimachinery.pkg.runtime.RawExtension", HF_TYPE_UNKNOWN},
                 {"apiextensions.v1.JSON", HF_TYPE_UNKNOWN},
                 {"apiextensions.v1beta1.JSON", HF_TYPE_UNKNOWN}};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (ends_with(name, NAMES[i].end)) {
            type->kind = NAMES[i].kind;
            return true;
        }
    }
    return false;
}

static void convert_string(const struct hf_value *schema, struct hf_type *type)
{
    type->kind = HF_TYPE_STRING;
    if (text_is(schema, "format", "byte")) {
        type->kind = HF_TYPE_BYTES;
    } else if (text_is(schema, "format", "date-time")) {
        type->kind = HF_TYPE_TIME;
    } else if (text_is(schema, "format", "int-or-string")) {
        type->kind = HF_TYPE_INT_OR_STRING;
    }
}

static void set_keys(struct builder *builder, struct hf_type *type, const struct hf_value *keys)
{
    size_t count = hf_value_count(keys);
    const char **names = take(builder, count, sizeof *names);
    for (size_t i = 0; names && i < count; i++) {
        const struct hf_value *key = hf_value_at(keys, i);
        names[i] = key->kind == HF_STRING ? keep(builder, key->as.text) : "";
    }
    type->list_keys = names;
    type->list_key_count = names ? count : 0;
}

/* The relation of a list's items, as kube-openapi's schemaconv reads it for server-side apply: the list type, else the
 * older patch strategy, else atomic. */
static void convert_list(struct builder *builder, const struct hf_value *schema, struct hf_type *type)
{
    const struct hf_value *items = hf_value_get(schema, "items");
    const char *strategy = hf_value_text(hf_value_get(schema, "x-kubernetes-patch-strategy"));
    const struct hf_value *merge_key = hf_value_get(schema, "x-kubernetes-patch-merge-key");
    type->kind = HF_TYPE_LIST;
    type->element = items ? convert(builder, items) : &UNKNOWN;
    type->list_type = HF_LIST_ATOMIC;
    if (text_is(schema, "x-kubernetes-list-type", "map")) {
        type->list_type = HF_LIST_MAP;
        set_keys(builder, type, hf_value_get(schema, "x-kubernetes-list-map-keys"));
    } else if (text_is(schema, "x-kubernetes-list-type", "set")) {
        type->list_type = HF_LIST_SET;
    } else if (!hf_value_get(schema, "x-kubernetes-list-type") && strategy && strncmp(strategy, "merge", 5) == 0) {
        type->list_type = merge_key && merge_key->kind == HF_STRING ? HF_LIST_MAP : HF_LIST_SET;
        type->list_by_merge_key = true;
        if (type->list_type == HF_LIST_MAP) {
            const char **names = take(builder, 1, sizeof *names);
            if (names) {
                names[0] = keep(builder, merge_key->as.text);
            }
            type->list_keys = names;
            type->list_key_count = names ? 1 : 0;
        }
    }
}

/* The schema's default: that of a built-in type that is empty says nothing, it is put on every struct. */
static void convert_default(struct builder *builder, const struct hf_value *preset, struct hf_field *field)
{
    bool is_built_in = hf_facts_is_built_in(builder->within);
    hf_auto_buf struct hf_buf json = {0};
    if (!preset ||
        (is_built_in && ((preset->kind == HF_STRING && preset->as.text.len == 0) || preset->kind == HF_NULL ||
                         (preset->kind == HF_OBJECT && preset->as.object.count == 0)))) {
        return;
    }
    hf_json_write(&json, preset);
    field->default_json = keep(builder, (struct hf_slice){hf_buf_text(&json), json.len});
    field->preset = preset;
}

static void convert_fields(struct builder *builder, const struct hf_value *properties, struct hf_type *type)
{
    size_t count = hf_value_count(properties);
    struct hf_field *fields = take(builder, count, sizeof *fields);
    const char *within = builder->within;
    for (size_t i = 0; fields && i < count; i++) {
        const struct hf_member *member = &properties->as.object.members[i];
        fields[i].name = keep(builder, member->key);
        fields[i].zero = HF_ZERO_KEPT;
        convert_default(builder, hf_value_get(&member->value, "default"), &fields[i]);
        if (hf_facts_is_built_in(within)) {
            hf_facts_apply(&builder->facts, within, &fields[i]);
        }
        if (fields[i].preset) {
            fields[i].preset = hf_value_copy(builder->types->arena, fields[i].preset);
            builder->short_of_memory |= !fields[i].preset;
        }
        fields[i].type = convert(builder, &member->value);
        builder->within = within;
    }
    type->fields = fields;
    type->field_count = fields ? count : 0;
}

static void convert_object(struct builder *builder, const struct hf_value *schema, struct hf_type *type)
{
    const struct hf_value *properties = hf_value_get(schema, "properties");
    const struct hf_value *additional = hf_value_get(schema, "additionalProperties");
    type->atomic = text_is(schema, "x-kubernetes-map-type", "atomic");
    if (properties && properties->kind == HF_OBJECT) {
        type->kind = HF_TYPE_STRUCT;
        convert_fields(builder, properties, type);
    } else if (additional && additional->kind == HF_OBJECT) {
        type->kind = HF_TYPE_MAP;
        type->element = convert(builder, additional);
    } else {
        type->kind = HF_TYPE_UNKNOWN;
    }
}

static void convert_form(struct builder *builder, const struct hf_value *schema, struct hf_type *type)
{
    type->preserves_unknown = hf_value_is_true(hf_value_get(schema, "x-kubernetes-preserve-unknown-fields"));
    type->is_embedded = hf_value_is_true(hf_value_get(schema, "x-kubernetes-embedded-resource"));
    if (hf_value_is_true(hf_value_get(schema, "x-kubernetes-int-or-string"))) {
        type->kind = HF_TYPE_INT_OR_STRING;
    } else if (text_is(schema, "type", "string")) {
        convert_string(schema, type);
    } else if (text_is(schema, "type", "integer")) {
        type->kind = HF_TYPE_INTEGER;
    } else if (text_is(schema, "type", "number")) {
        type->kind = HF_TYPE_NUMBER;
    } else if (text_is(schema, "type", "boolean")) {
        type->kind = HF_TYPE_BOOLEAN;
    } else if (text_is(schema, "type", "array")) {
        convert_list(builder, schema, type);
    } else {
        convert_object(builder, schema, type);
    }
}

static const struct hf_type *by_reference(struct builder *builder, const char *reference)
{
    static const char PREFIX[] = "#/definitions/";
    if (strncmp(reference, PREFIX, sizeof PREFIX - 1) != 0) {
        return &UNKNOWN;
    }
    const char *name = reference + sizeof PREFIX - 1;
    const char *within = builder->within;
    struct hf_type *type = hf_map_get(builder->by_name, hf_slice_of(name));
    if (type) {
        return type; /* whole, or being converted further up: references may be circular */
    }
    const struct hf_value *schema = hf_value_get(builder->definitions, name);
    type = schema ? take(builder, 1, sizeof *type) : NULL;
    if (!type) {
        return &UNKNOWN;
    }
    type->name = keep(builder, hf_slice_of(name));
    type->is_built_in = hf_facts_is_built_in(name);
    type->derives_defaults = type->is_built_in && hf_derives_defaults(type);
    if (hf_map_put(builder->by_name, hf_slice_of(name), type, NULL) != 0) {
        builder->short_of_memory = true;
        return &UNKNOWN;
    }
    if (!convert_by_name(name, type)) {
        builder->within = type->name;
        convert_form(builder, schema, type);
        builder->within = within;
    }
    return type;
}

static const struct hf_type *convert(struct builder *builder, const struct hf_value *schema)
{
    const char *reference = hf_value_text(hf_value_get(schema, "$ref"));
    if (reference) {
        return by_reference(builder, reference);
    }
    struct hf_type *type = take(builder, 1, sizeof *type);
    if (!type) {
        return &UNKNOWN;
    }
    type->name = "";
    convert_form(builder, schema, type);
    return type;
}

static void add_kinds(struct builder *builder, const struct hf_member *definition)
{
    const struct hf_value *kinds = hf_value_get(&definition->value, "x-kubernetes-group-version-kind");
    for (size_t i = 0; i < hf_value_count(kinds); i++) {
        const struct hf_value *kind = hf_value_at(kinds, i);
        const char *group = hf_value_text(hf_value_get(kind, "group"));
        const char *version = hf_value_text(hf_value_get(kind, "version"));
        const char *name = hf_value_text(hf_value_get(kind, "kind"));
        hf_auto_buf struct hf_buf reference = {0};
        hf_auto_buf struct hf_buf key = {0};
        hf_buf_addf(&reference, "#/definitions/%s", definition->key.ptr);
        hf_buf_addf(&key, "%s/%s/%s", group ? group : "", version ? version : "", name ? name : "");
        const struct hf_type *type = by_reference(builder, hf_buf_text(&reference));
        if (!hf_buf_ok(&key) || hf_map_put(builder->types->by_kind, (struct hf_slice){key.ptr, key.len},
                                           (void *)(uintptr_t)type, NULL) != 0) {
            builder->short_of_memory = true;
        }
        builder->types->count++;
    }
}

static int build(struct hf_types *types, const char *json, size_t len, struct hf_error *err)
{
    static const struct hf_read_limits LIMITS = {.bytes = MOST_BYTES, .nodes = MOST_NODES, .depth = 200};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *document;
    struct builder builder = {.types = types, .by_name = hf_map_new(), .within = ""};
    types->arena = hf_arena_new(0);
    types->by_kind = hf_map_new();
    if (!arena || !builder.by_name || !types->arena || !types->by_kind) {
        hf_map_free(builder.by_name, NULL);
        return hf_error_set(err, HF_ENOMEM, "read OpenAPI: out of memory");
    }
    int result = hf_facts_read(&builder.facts, err);
    result = result ? result : hf_json_read(arena, json, len, &LIMITS, &document, err);
    if (result == 0) {
        builder.definitions = hf_value_get(document, "definitions");
        if (!builder.definitions || builder.definitions->kind != HF_OBJECT) {
            result = hf_error_set(err, HF_EPARSE, "found no definitions, expected an OpenAPI v2 document");
        }
    }
    for (size_t i = 0; result == 0 && i < hf_value_count(builder.definitions); i++) {
        add_kinds(&builder, &builder.definitions->as.object.members[i]);
    }
    hf_map_free(builder.by_name, NULL);
    hf_facts_free(&builder.facts);
    if (result == 0 && builder.short_of_memory) {
        result = hf_error_set(err, HF_ENOMEM, "read OpenAPI: out of memory");
    }
    return result != 0 ? hf_error_wrap(err, "read OpenAPI") : 0;
}

int hf_types_from_openapi_v2(const char *json, size_t len, struct hf_types **out, struct hf_error *err)
{
    struct hf_types *types = hf_calloc(1, sizeof *types);
    if (!types) {
        return hf_error_set(err, HF_ENOMEM, "read OpenAPI: out of memory");
    }
    if (build(types, json, len, err) != 0) {
        hf_types_free(types);
        return -1;
    }
    *out = types;
    return 0;
}

void hf_types_free(struct hf_types *types)
{
    if (types) {
        hf_map_free(types->by_kind, NULL);
        hf_arena_free(types->arena);
        free(types);
    }
}

const struct hf_type *hf_types_find(const struct hf_types *types, const char *group, const char *version,
                                    const char *kind)
{
    if (!types) {
        return NULL;
    }
    hf_auto_buf struct hf_buf key = {0};
    hf_buf_addf(&key, "%s/%s/%s", group, version, kind);
    return hf_buf_ok(&key) ? hf_map_get(types->by_kind, (struct hf_slice){key.ptr, key.len}) : NULL;
}

size_t hf_types_count(const struct hf_types *types)
{
    return types->count;
}

size_t hf_types_size(const struct hf_types *types)
{
    return hf_arena_size(types->arena);
}

const struct hf_field *hf_type_field(const struct hf_type *type, struct hf_slice name)
{
    size_t low = 0;
    size_t high = type ? type->field_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hf_slice_compare(hf_slice_of(type->fields[middle].name), name);
        if (order == 0) {
            return &type->fields[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
