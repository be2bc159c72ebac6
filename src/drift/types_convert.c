/* One schema becomes one type: of a definition, of a property, of a list's items. */
#include <stdlib.h>
#include <string.h>

#include "holdfast/json.h"
#include "types_build.h"
#include "walk.h"

#define OBJECT_META "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

static const struct hf_type UNKNOWN = {.kind = HF_TYPE_UNKNOWN, .name = ""};
static const struct hf_type TEXT = {.kind = HF_TYPE_STRING, .name = ""};
/* Of what a CRD allows without saying what it is, objects are stored empty (apiextensions-apiserver, schema/pruning).
 */
static const struct hf_type EMPTIED = {.kind = HF_TYPE_STRUCT, .name = "", .prunes = true};

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

/* A custom resource's strings are stored as they are written, whatever their format. */
static void convert_string(const struct builder *builder, const struct hf_value *schema, struct hf_type *type)
{
    type->kind = HF_TYPE_STRING;
    if (!builder->in_built_in) {
        return;
    }
    if (text_is(schema, "format", "byte")) {
        type->kind = HF_TYPE_BYTES;
    } else if (text_is(schema, "format", "date-time")) {
        type->kind = HF_TYPE_TIME;
    } else if (text_is(schema, "format", "int-or-string")) {
        type->kind = HF_TYPE_INT_OR_STRING;
    }
}

static bool has_item(const struct hf_value *list, const struct hf_value *wanted)
{
    for (size_t i = 0; list && list->kind == HF_ARRAY && i < list->as.array.count; i++) {
        if (hf_value_equal(&list->as.array.items[i], wanted)) {
            return true;
        }
    }
    return false;
}

/* A custom resource's key is required or has a default. Where the default is not told, an item that leaves the key out
 * can't be told from the one with the default: the list is keyed by the others, and equal ones pair in their order. */
static void set_keys(struct builder *builder, struct hf_type *type, const struct hf_value *keys,
                     const struct hf_value *required)
{
    size_t all = keys && keys->kind == HF_ARRAY ? keys->as.array.count : 0;
    const char **names = take(builder, all, sizeof *names);
    bool is_told = builder->in_built_in || !builder->lacks_defaults;
    size_t count = 0;
    for (int pass = 0; names && pass < 2 && count == 0; pass++) {
        for (size_t i = 0; i < all; i++) {
            const struct hf_value *key = hf_value_at(keys, i);
            if (key->kind == HF_STRING && (is_told || pass == 1 || has_item(required, key))) {
                names[count++] = keep(builder, key->as.text);
            }
        }
    }
    type->list_keys = names;
    type->list_key_count = count;
}

/* The relation of a list's items, as kube-openapi's schemaconv reads it for server-side apply: the list type, else the
 * older patch strategy, else atomic. */
static void convert_list(struct builder *builder, const struct hf_value *schema, struct hf_type *type)
{
    const struct hf_value *items = hf_value_get(schema, "items");
    const char *strategy = hf_value_text(hf_value_get(schema, "x-kubernetes-patch-strategy"));
    const struct hf_value *merge_key = hf_value_get(schema, "x-kubernetes-patch-merge-key");
    type->kind = HF_TYPE_LIST;
    type->element = items ? hf_convert(builder, items) : &UNKNOWN;
    type->list_type = HF_LIST_ATOMIC;
    if (text_is(schema, "x-kubernetes-list-type", "map")) {
        type->list_type = HF_LIST_MAP;
        set_keys(builder, type, hf_value_get(schema, "x-kubernetes-list-map-keys"), hf_value_get(items, "required"));
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

/* The schema's default. That of a built-in type that is zero says nothing: OpenAPI v3 has one on every field that is no
 * pointer in Go. */
static void convert_default(struct builder *builder, const struct hf_value *preset, struct hf_field *field)
{
    hf_auto_buf struct hf_buf json = {0};
    if (!preset || preset->kind == HF_NULL || (builder->in_built_in && hf_is_zero(preset))) {
        return;
    }
    hf_json_write(&json, preset);
    field->default_json = keep(builder, (struct hf_slice){hf_buf_text(&json), json.len});
    field->preset = preset;
}

/* Fields of a struct, with room for more behind them. */
static void convert_fields(struct builder *builder, const struct hf_value *properties, struct hf_type *type,
                           size_t more)
{
    size_t count = hf_value_count(properties);
    struct hf_field *fields = take(builder, count + more, sizeof *fields);
    for (size_t i = 0; fields && i < count; i++) {
        const struct hf_member *member = &properties->as.object.members[i];
        fields[i].name = keep(builder, member->key);
        fields[i].zero = HF_ZERO_KEPT;
        convert_default(builder, hf_value_get(&member->value, "default"), &fields[i]);
        if (builder->in_built_in) {
            hf_facts_apply(&builder->facts, builder->within, &fields[i]);
        }
        if (fields[i].preset) {
            fields[i].preset = hf_value_copy(builder->types->arena, fields[i].preset);
            builder->short_of_memory |= !fields[i].preset;
        }
        fields[i].may_have_default = builder->lacks_defaults && !builder->in_built_in && !fields[i].preset;
        fields[i].type = hf_convert(builder, &member->value);
    }
    type->fields = fields;
    type->field_count = fields ? count : 0;
}

/* Sets or adds a field in fields that have room for it. */
static void put_field(struct hf_type *type, const char *name, const struct hf_type *of)
{
    struct hf_field *fields = (struct hf_field *)(uintptr_t)type->fields;
    size_t at = 0;
    while (at < type->field_count && strcmp(fields[at].name, name) < 0) {
        at++;
    }
    if (at == type->field_count || strcmp(fields[at].name, name) != 0) {
        memmove(&fields[at + 1], &fields[at], (type->field_count - at) * sizeof *fields);
        type->field_count++;
        fields[at] = (struct hf_field){.name = name, .zero = HF_ZERO_KEPT};
    }
    fields[at].type = of;
}

/* What every object has, whatever its schema says of it: an embedded one, and a custom resource itself. */
static void convert_resource(struct builder *builder, const struct hf_value *properties, struct hf_type *type)
{
    type->kind = HF_TYPE_STRUCT;
    convert_fields(builder, properties && properties->kind == HF_OBJECT ? properties : NULL, type, 3);
    if (type->fields) {
        put_field(type, "apiVersion", &TEXT);
        put_field(type, "kind", &TEXT);
        put_field(type, "metadata", hf_convert_named(builder, OBJECT_META));
    }
}

static void convert_object(struct builder *builder, const struct hf_value *schema, struct hf_type *type)
{
    const struct hf_value *properties = hf_value_get(schema, "properties");
    const struct hf_value *additional = hf_value_get(schema, "additionalProperties");
    bool keeps_unknown = type->preserves_unknown || (builder->keeps_what_unknown && !builder->in_built_in);
    bool is_custom_part = !builder->in_built_in && type->name[0] == '\0';
    type->atomic = text_is(schema, "x-kubernetes-map-type", "atomic");
    if (type->is_embedded) {
        convert_resource(builder, properties, type);
    } else if (properties && properties->kind == HF_OBJECT) {
        type->kind = HF_TYPE_STRUCT;
        convert_fields(builder, properties, type, 0);
    } else if (additional && additional->kind == HF_OBJECT) {
        type->kind = HF_TYPE_MAP;
        type->element = hf_convert(builder, additional);
    } else if (is_custom_part && hf_value_is_true(additional)) {
        type->kind = HF_TYPE_MAP;
        type->element = keeps_unknown ? &UNKNOWN : &EMPTIED;
    } else if (is_custom_part && text_is(schema, "type", "object") && !keeps_unknown) {
        type->kind = HF_TYPE_STRUCT;
    } else {
        type->kind = HF_TYPE_UNKNOWN;
    }
    type->prunes = type->kind == HF_TYPE_STRUCT && !keeps_unknown;
}

static void convert_form(struct builder *builder, const struct hf_value *schema, struct hf_type *type)
{
    type->preserves_unknown = hf_value_is_true(hf_value_get(schema, "x-kubernetes-preserve-unknown-fields"));
    type->is_embedded = hf_value_is_true(hf_value_get(schema, "x-kubernetes-embedded-resource"));
    type->is_nullable = !builder->in_built_in && hf_value_is_true(hf_value_get(schema, "nullable"));
    if (hf_value_is_true(hf_value_get(schema, "x-kubernetes-int-or-string"))) {
        type->kind = HF_TYPE_INT_OR_STRING;
    } else if (text_is(schema, "type", "string")) {
        convert_string(builder, schema, type);
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

const struct hf_type *hf_convert_named(struct builder *builder, const char *name)
{
    struct hf_type *type = hf_map_get(builder->by_name, hf_slice_of(name));
    if (type) {
        return type;
    }
    const struct hf_value *schema = hf_value_get(builder->definitions, name);
    type = schema ? take(builder, 1, sizeof *type) : NULL;
    if (!type) {
        return &UNKNOWN;
    }
    if (builder->pending_count == builder->pending_cap) {
        size_t cap = builder->pending_cap ? builder->pending_cap * 2 : 64;
        struct pending *pending = hf_reallocarray(builder->pending, cap, sizeof *pending);
        if (!pending) {
            builder->short_of_memory = true;
            return &UNKNOWN;
        }
        builder->pending = pending;
        builder->pending_cap = cap;
    }
    type->name = keep(builder, hf_slice_of(name));
    type->is_built_in = hf_facts_is_built_in(name);
    if (hf_map_put(builder->by_name, hf_slice_of(name), type, NULL) != 0) {
        builder->short_of_memory = true;
        return &UNKNOWN;
    }
    if (!convert_by_name(name, type)) {
        builder->pending[builder->pending_count++] = (struct pending){type, schema};
    }
    return type;
}

void hf_convert_pending(struct builder *builder)
{
    while (builder->pending_count > 0 && !builder->short_of_memory) {
        struct pending next = builder->pending[--builder->pending_count];
        builder->within = next.type->name;
        builder->in_built_in = next.type->is_built_in;
        next.type->derives_defaults = next.type->is_built_in && hf_derives_defaults(next.type);
        convert_form(builder, next.schema, next.type);
    }
}

/* A reference stands by itself, or in allOf where something is said beside it. */
static const char *reference_of(const struct hf_value *schema)
{
    const struct hf_value *all = hf_value_get(schema, "allOf");
    const char *reference = hf_value_text(hf_value_get(schema, "$ref"));
    for (size_t i = 0; !reference && all && all->kind == HF_ARRAY && i < all->as.array.count; i++) {
        reference = hf_value_text(hf_value_get(hf_value_at(all, i), "$ref"));
    }
    return reference;
}

const struct hf_type *hf_convert(struct builder *builder, const struct hf_value *schema)
{
    const char *reference = reference_of(schema);
    if (reference) {
        size_t len = strlen(builder->prefix);
        return strncmp(reference, builder->prefix, len) == 0 ? hf_convert_named(builder, reference + len) : &UNKNOWN;
    }
    struct hf_type *type = take(builder, 1, sizeof *type);
    if (!type) {
        return &UNKNOWN;
    }
    type->name = "";
    convert_form(builder, schema, type);
    return type;
}

const struct hf_type *hf_convert_custom(struct builder *builder, const struct hf_value *schema)
{
    struct hf_type *type = take(builder, 1, sizeof *type);
    if (!type) {
        return &UNKNOWN;
    }
    type->name = "";
    type->preserves_unknown = hf_value_is_true(hf_value_get(schema, "x-kubernetes-preserve-unknown-fields"));
    type->atomic = text_is(schema, "x-kubernetes-map-type", "atomic");
    convert_resource(builder, hf_value_get(schema, "properties"), type);
    type->prunes = !type->preserves_unknown && !builder->keeps_what_unknown;
    return type;
}
