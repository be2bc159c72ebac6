/* Compiles OpenAPI definitions into types. */
#include "schema.h"

#include <string.h>

#include "holdfast/embedded.h"
#include "holdfast/json.h"

struct sim_schema {
    struct hf_arena *arena;
    const struct hf_value *definitions;
    const struct hf_value *go;
    struct hf_map *types; /* by definition */
};

struct compiler {
    const struct sim_schema *schema;
    struct hf_arena *arena;
    bool custom;
};

static const struct sim_type ANY = {.shape = SHAPE_ANY, .name = ""};

static int compile(const struct compiler *c, struct sim_type *type, const struct hf_value *node, const char *name);

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static const char *reference_of(const struct hf_value *node)
{
    static const char PREFIX[] = "#/definitions/";
    const char *ref = hf_value_text(hf_value_get(node, "$ref"));
    return ref && strncmp(ref, PREFIX, sizeof PREFIX - 1) == 0 ? ref + sizeof PREFIX - 1 : NULL;
}

/* The type of a schema node; a reference gives the definition's own. NULL: memory. */
static const struct sim_type *type_of(const struct compiler *c, const struct hf_value *node)
{
    const char *ref = reference_of(node);
    if (ref) {
        const struct sim_type *known = sim_schema_find(c->schema, ref);
        return known ? known : &ANY;
    }
    struct sim_type *type = hf_arena_alloc(c->arena, sizeof *type);
    return type && compile(c, type, node, "") == 0 ? type : NULL;
}

static bool strategy_has(const struct hf_value *node, const char *word)
{
    const char *text = hf_value_text(hf_value_get(node, "x-kubernetes-patch-strategy"));
    return text && strstr(text, word) != NULL;
}

static int compile_keys(const struct compiler *c, struct sim_type *type, const struct hf_value *node)
{
    const struct hf_value *keys = hf_value_get(node, "x-kubernetes-list-map-keys");
    size_t count = hf_value_count(keys);
    type->keys = hf_arena_array(c->arena, count + 1, sizeof *type->keys);
    if (!type->keys) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        type->keys[i] = hf_value_at(keys, i)->as.text;
    }
    type->key_count = count;
    if (count == 0 && type->merge_key) {
        type->keys[0] = hf_slice_of(type->merge_key);
        type->key_count = 1;
    }
    return 0;
}

/* Without a list type, Kubernetes 1.20 takes the strategic merge patch's word for it. */
static int compile_list(const struct compiler *c, struct sim_type *type, const struct hf_value *node)
{
    type->shape = SHAPE_LIST;
    const struct hf_value *items = hf_value_get(node, "items");
    type->element = items ? type_of(c, items) : &ANY;
    if (!type->element) {
        return -1;
    }
    type->merge_key = hf_value_text(hf_value_get(node, "x-kubernetes-patch-merge-key"));
    type->patch_merge = strategy_has(node, "merge");
    type->retain_keys = strategy_has(node, "retainKeys");
    const char *list = hf_value_text(hf_value_get(node, "x-kubernetes-list-type"));
    if (!list) {
        list = !type->patch_merge ? "atomic" : type->merge_key ? "map" : "set";
    }
    type->list = strcmp(list, "map") == 0 ? LIST_KEYED : strcmp(list, "set") == 0 ? LIST_SET : LIST_ATOMIC;
    return type->list == LIST_KEYED ? compile_keys(c, type, node) : 0;
}

static enum sim_go go_of(const struct compiler *c, const char *definition, struct hf_slice field)
{
    const char *word = hf_value_text(hf_value_find(hf_value_get(c->schema->go, definition), field));
    if (!word) {
        return GO_OMITEMPTY;
    }
    return strcmp(word, "pointer") == 0  ? GO_POINTER
           : strcmp(word, "inline") == 0 ? GO_INLINE
           : strcmp(word, "always") == 0 ? GO_ALWAYS
                                         : GO_NULL;
}

static bool is_required(const struct hf_value *node, struct hf_slice name)
{
    const struct hf_value *required = hf_value_get(node, "required");
    for (size_t i = 0; i < hf_value_count(required); i++) {
        const struct hf_value *item = hf_value_at(required, i);
        if (item->kind == HF_STRING && hf_slice_equal(item->as.text, name)) {
            return true;
        }
    }
    return false;
}

static int compile_struct(const struct compiler *c, struct sim_type *type, const struct hf_value *node)
{
    const struct hf_value *properties = hf_value_get(node, "properties");
    type->shape = SHAPE_STRUCT;
    type->field_count = hf_value_count(properties);
    type->fields = hf_arena_array(c->arena, type->field_count + 1, sizeof *type->fields);
    if (!type->fields) {
        return -1;
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const struct hf_member *member = &properties->as.object.members[i];
        struct sim_field *field = &type->fields[i];
        field->name = member->key;
        field->type = type_of(c, &member->value);
        field->standard = c->custom ? hf_value_get(&member->value, "default") : NULL;
        field->go = go_of(c, type->name, member->key);
        field->required = is_required(node, member->key);
        field->retain_keys = strategy_has(&member->value, "retainKeys");
        if (!field->type) {
            return -1;
        }
    }
    return 0;
}

static int compile_object(const struct compiler *c, struct sim_type *type, const struct hf_value *node)
{
    const char *map = hf_value_text(hf_value_get(node, "x-kubernetes-map-type"));
    type->atomic = map && strcmp(map, "atomic") == 0;
    type->keeps_unknown = hf_value_is_true(hf_value_get(node, "x-kubernetes-preserve-unknown-fields"));
    if (hf_value_get(node, "properties")) {
        return compile_struct(c, type, node);
    }
    const struct hf_value *element = hf_value_get(node, "additionalProperties");
    if (element && element->kind == HF_OBJECT) {
        type->shape = SHAPE_MAP;
        type->element = type_of(c, element);
        return type->element ? 0 : -1;
    }
    if (c->custom && !type->keeps_unknown && !element) {
        return compile_struct(c, type, node);
    }
    type->shape = SHAPE_ANY;
    return 0;
}

static enum sim_shape shape_of_string(const struct hf_value *node, const char *name)
{
    const char *format = hf_value_text(hf_value_get(node, "format"));
    if (ends_with(name, ".Quantity")) {
        return SHAPE_QUANTITY;
    }
    if (!format) {
        return SHAPE_STRING;
    }
    return strcmp(format, "byte") == 0            ? SHAPE_BYTES
           : strcmp(format, "int-or-string") == 0 ? SHAPE_INT_OR_STRING
           : strcmp(format, "date-time") == 0     ? SHAPE_TIME
                                                  : SHAPE_STRING;
}

static int compile(const struct compiler *c, struct sim_type *type, const struct hf_value *node, const char *name)
{
    type->name = name;
    type->custom = c->custom;
    const char *word = hf_value_text(hf_value_get(node, "type"));
    if (c->custom && hf_value_is_true(hf_value_get(node, "x-kubernetes-int-or-string"))) {
        type->shape = SHAPE_INT_OR_STRING;
    } else if (!word) {
        type->shape = SHAPE_ANY;
        type->keeps_unknown = true;
    } else if (strcmp(word, "object") == 0) {
        return compile_object(c, type, node);
    } else if (strcmp(word, "array") == 0) {
        return compile_list(c, type, node);
    } else if (strcmp(word, "string") == 0) {
        type->shape = c->custom ? SHAPE_STRING : shape_of_string(node, name);
        type->micro = ends_with(name, ".MicroTime");
    } else {
        type->shape = strcmp(word, "integer") == 0   ? SHAPE_INTEGER
                      : strcmp(word, "number") == 0  ? SHAPE_NUMBER
                      : strcmp(word, "boolean") == 0 ? SHAPE_BOOLEAN
                                                     : SHAPE_ANY;
    }
    return 0;
}

static int read_embedded(struct sim_schema *schema, const char *name, const struct hf_value **out, struct hf_error *err)
{
    const struct hf_embedded *file = hf_embedded_find(name);
    if (!file) {
        return hf_error_set(err, HF_EINTERNAL, "%s is not built in", name);
    }
    if (hf_json_read(schema->arena, file->bytes, file->size, NULL, out, err) != 0) {
        return hf_error_wrap(err, "%s", name);
    }
    return 0;
}

/* First a place for each definition, so that references may go round in circles; then what each holds. */
static int compile_all(struct sim_schema *schema)
{
    struct compiler c = {schema, schema->arena, false};
    const struct hf_value *all = schema->definitions;
    for (size_t i = 0; i < hf_value_count(all); i++) {
        struct sim_type *type = hf_arena_alloc(schema->arena, sizeof *type);
        if (!type || hf_map_put(schema->types, all->as.object.members[i].key, type, NULL) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < hf_value_count(all); i++) {
        const struct hf_member *member = &all->as.object.members[i];
        if (compile(&c, hf_map_get(schema->types, member->key), &member->value, member->key.ptr) != 0) {
            return -1;
        }
    }
    return 0;
}

int sim_schema_new(struct sim_schema **out, struct hf_error *err)
{
    struct sim_schema *schema = hf_calloc(1, sizeof *schema);
    const struct hf_value *document = NULL;
    if (!schema || !(schema->arena = hf_arena_new(0)) || !(schema->types = hf_map_new())) {
        hf_error_set(err, HF_ENOMEM, "no memory for the types");
        goto failed;
    }
    if (read_embedded(schema, "schema/kubernetes-openapi.json", &document, err) != 0 ||
        read_embedded(schema, "schema/sim-go-fields.json", &schema->go, err) != 0) {
        goto failed;
    }
    schema->definitions = hf_value_get(document, "definitions");
    if (compile_all(schema) != 0) {
        hf_error_set(err, HF_ENOMEM, "no memory for the types");
        goto failed;
    }
    *out = schema;
    return 0;
failed:
    sim_schema_free(schema);
    return -1;
}

void sim_schema_free(struct sim_schema *schema)
{
    if (!schema) {
        return;
    }
    hf_map_free(schema->types, NULL);
    hf_arena_free(schema->arena);
    free(schema);
}

const struct sim_type *sim_schema_find(const struct sim_schema *schema, const char *definition)
{
    return hf_map_get(schema->types, hf_slice_of(definition));
}

const struct hf_value *sim_schema_definitions(const struct sim_schema *schema)
{
    return schema->definitions;
}

/* apiVersion, kind and metadata are the same in each, whatever the CRD says of them. */
const struct sim_type *sim_schema_custom(const struct sim_schema *schema, struct hf_arena *arena,
                                         const struct hf_value *open_api_v3)
{
    static const char TEXT[] = "{\"type\":\"string\"}";
    struct compiler c = {schema, arena, true};
    const struct hf_value *text = NULL;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_value *node = open_api_v3 ? hf_value_copy(arena, open_api_v3) : hf_value_new(arena, HF_OBJECT);
    const struct hf_value *given = hf_value_get(node, "properties");
    struct hf_value *properties = given ? hf_value_copy(arena, given) : hf_value_new(arena, HF_OBJECT);
    struct hf_value *object = hf_value_string(arena, hf_slice_of("object"));
    struct sim_type *type = hf_arena_alloc(arena, sizeof *type);
    if (!node || !properties || !object || !type ||
        hf_json_read(arena, TEXT, sizeof TEXT - 1, NULL, &text, &err) != 0 ||
        hf_value_set(arena, properties, hf_slice_of("apiVersion"), text) != 0 ||
        hf_value_set(arena, properties, hf_slice_of("kind"), text) != 0 ||
        hf_value_set(arena, properties, hf_slice_of("metadata"), text) != 0 ||
        hf_value_set(arena, node, hf_slice_of("properties"), properties) != 0 ||
        hf_value_set(arena, node, hf_slice_of("type"), object) != 0 || compile(&c, type, node, "") != 0) {
        return NULL;
    }
    type->keeps_unknown = type->keeps_unknown || !open_api_v3;
    for (size_t i = 0; i < type->field_count; i++) {
        if (hf_slice_is(type->fields[i].name, "metadata")) {
            type->fields[i].type = sim_schema_find(schema, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
            type->fields[i].go = GO_INLINE;
        }
    }
    return type;
}

const struct sim_field *sim_type_field(const struct sim_type *type, struct hf_slice name)
{
    size_t low = 0, high = type->field_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = hf_slice_compare(name, type->fields[middle].name);
        if (order == 0) {
            return &type->fields[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

bool sim_type_is_scalar(const struct sim_type *type)
{
    return type->shape != SHAPE_ANY && type->shape != SHAPE_STRUCT && type->shape != SHAPE_MAP &&
           type->shape != SHAPE_LIST;
}
