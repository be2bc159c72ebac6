/* The keywords of JSON Schema that lead from one value to others. */
#include "jsonschema.h"

#include <stdio.h>
#include <string.h>

#include "holdfast/canonical.h"
#include "holdfast/map.h"
#include "holdfast/pointer.h"

#define MOST_STEPS 600u /* each takes less than a kilobyte of stack, but for anyOf and oneOf */

static int check_value(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value);

void hf_schema_violate(struct hf_schema_check *check, uint32_t line, uint32_t column, const char *found,
                       const char *expected)
{
    struct hf_violation *v = check->violation;
    if (v->any && (v->line < line || (v->line == line && v->column <= column))) {
        return;
    }
    v->any = true;
    v->line = line;
    v->column = column;
    v->depth = check->depth;
    (void)snprintf(v->path, sizeof v->path, "%s", hf_buf_text(&check->path));
    (void)snprintf(v->found, sizeof v->found, "%s", found);
    (void)snprintf(v->expected, sizeof v->expected, "%s", expected);
}

static bool is_plain_key(struct hf_slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        char byte = key.ptr[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
              byte == '_' || byte == '-')) {
            return false;
        }
    }
    return key.len > 0;
}

/* Checks a child; key NULL: the item of that index. */
static int check_child(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_slice *key,
                       size_t index, const struct hf_value *value)
{
    size_t len = check->path.len;
    if (!key) {
        hf_buf_addf(&check->path, "[%zu]", index);
    } else if (is_plain_key(*key)) {
        hf_buf_adds(&check->path, len ? "." : "");
        hf_buf_add(&check->path, key->ptr, key->len);
    } else {
        hf_buf_adds(&check->path, "[\"");
        hf_buf_add_safe(&check->path, *key, 80);
        hf_buf_adds(&check->path, "\"]");
    }
    if (!hf_buf_ok(&check->path)) {
        return hf_error_set(check->err, HF_ENOMEM, "out of memory while checking a document");
    }
    check->depth++;
    int status = check_value(check, schema, value);
    check->depth--;
    check->path.len = len;
    check->path.ptr[len] = '\0';
    return status;
}

static int check_unique(struct hf_schema_check *check, const struct hf_value *array)
{
    struct hf_map *seen = hf_map_new();
    hf_auto_buf struct hf_buf text = {0};
    int status = seen ? 0 : -1;
    for (size_t i = 0; status == 0 && i < array->as.array.count; i++) {
        const struct hf_value *item = &array->as.array.items[i];
        struct hf_slice key;
        void *old = NULL;
        hf_buf_clear(&text);
        hf_canonical_write(&text, item);
        key = (struct hf_slice){hf_buf_text(&text), text.len};
        status = hf_buf_ok(&text) ? hf_map_put(seen, key, check, &old) : -1;
        if (old) {
            hf_schema_violate(check, item->line, item->column, "an item a second time", "each item once");
        }
    }
    hf_map_free(seen, NULL);
    return status == 0 ? 0 : hf_error_set(check->err, HF_ENOMEM, "out of memory while checking a document");
}

static int check_array(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value)
{
    const struct hf_value *items = hf_value_get(schema, "items");
    for (size_t i = 0; items && i < value->as.array.count; i++) {
        if (check_child(check, items, NULL, i, &value->as.array.items[i]) != 0) {
            return -1;
        }
    }
    return hf_value_is_true(hf_value_get(schema, "uniqueItems")) ? check_unique(check, value) : 0;
}

static void check_required(struct hf_schema_check *check, const struct hf_value *required, const struct hf_value *value)
{
    for (size_t i = 0; i < hf_value_count(required); i++) {
        const struct hf_value *name = hf_value_at(required, i);
        if (!hf_value_find(value, name->as.text)) {
            char found[120];
            char expected[120];
            (void)snprintf(found, sizeof found, "no \"%.*s\"", HF_SLICE(name->as.text));
            (void)snprintf(expected, sizeof expected, "\"%.*s\"", HF_SLICE(name->as.text));
            hf_schema_violate(check, value->line, value->column, found, expected);
            return;
        }
    }
}

static int check_object(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value)
{
    const struct hf_value *properties = hf_value_get(schema, "properties");
    const struct hf_value *others = hf_value_get(schema, "additionalProperties");
    bool closed = others && others->kind == HF_BOOL && !others->as.boolean;
    bool unknown = false;
    for (size_t i = 0; i < value->as.object.count; i++) {
        const struct hf_member *member = &value->as.object.members[i];
        const struct hf_value *own = hf_value_find(properties, member->key);
        if (!own && closed) {
            unknown = true;
            hf_schema_unknown_property(check, properties, member);
        } else if ((own || others) && check_child(check, own ? own : others, &member->key, 0, &member->value) != 0) {
            return -1;
        }
    }
    /* A misspelt property is better told by its own name than by the one that is missing then. */
    if (!unknown) {
        check_required(check, hf_value_get(schema, "required"), value);
    }
    return 0;
}

/* What a value that fits none of several schemas is told: the violation that went deepest, else what each of them
 * expected. */
static void combine(struct hf_violation *all, const struct hf_violation *one)
{
    if (!all->any || one->depth > all->depth) {
        *all = *one;
    } else if (one->depth == all->depth && !strstr(all->expected, one->expected)) {
        size_t len = strlen(all->expected);
        size_t room = sizeof all->expected - len;
        if (snprintf(all->expected + len, room, ", or %s", one->expected) >= (int)room) {
            all->expected[len] = '\0';
        }
    }
}

static int check_choice(struct hf_schema_check *check, const struct hf_value *choices, bool only_one,
                        const struct hf_value *value)
{
    struct hf_violation *outer = check->violation;
    struct hf_violation all = {0};
    size_t fits = 0;
    int status = 0;
    for (size_t i = 0; status == 0 && i < hf_value_count(choices); i++) {
        struct hf_violation one = {0};
        check->violation = &one;
        status = check_value(check, hf_value_at(choices, i), value);
        if (one.any) {
            combine(&all, &one);
        } else {
            fits++;
        }
    }
    check->violation = outer;
    if (status == 0 && fits == 0 && all.any &&
        (!outer->any || all.line < outer->line || (all.line == outer->line && all.column < outer->column))) {
        *outer = all;
    } else if (status == 0 && fits > 1 && only_one) {
        hf_schema_violate(check, value->line, value->column,
                          "a value that fits more than one of the forms allowed here", "one that fits a single form");
    }
    return status;
}

static int check_reference(struct hf_schema_check *check, const struct hf_value *reference,
                           const struct hf_value *value)
{
    struct hf_slice pointer = {reference->as.text.ptr + 1, reference->as.text.len - 1};
    const struct hf_value *schema = hf_pointer_get(check->root, pointer);
    if (!schema) {
        return hf_error_set(check->err, HF_EINVAL, "schema: \"$ref\" leads to \"%.*s\", which is not there",
                            HF_SLICE(reference->as.text));
    }
    return check_value(check, schema, value);
}

static int check_keywords(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value)
{
    const struct hf_value *reference = hf_value_get(schema, "$ref");
    if (reference && check_reference(check, reference, value) != 0) {
        return -1;
    }
    int status = 0;
    if (!hf_schema_scalar(check, schema, value, &status) || status != 0) {
        return status;
    }
    if ((value->kind == HF_ARRAY && check_array(check, schema, value) != 0) ||
        (value->kind == HF_OBJECT && check_object(check, schema, value) != 0)) {
        return -1;
    }
    const struct hf_value *any = hf_value_get(schema, "anyOf");
    const struct hf_value *one = hf_value_get(schema, "oneOf");
    if ((any && check_choice(check, any, false, value) != 0) || (one && check_choice(check, one, true, value) != 0)) {
        return -1;
    }
    return 0;
}

static int check_value(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value)
{
    if (schema->kind == HF_BOOL) {
        if (!schema->as.boolean) {
            hf_schema_violate(check, value->line, value->column, "a value", "nothing here");
        }
        return 0;
    }
    if (check->steps >= MOST_STEPS) {
        return hf_error_set(check->err, HF_ELIMIT, "line %u, column %u: nested too deeply to be checked", value->line,
                            value->column);
    }
    check->steps++;
    int status = check_keywords(check, schema, value);
    check->steps--;
    return status;
}

int hf_jsonschema_check(const struct hf_value *schema, const struct hf_value *value, struct hf_error *err)
{
    struct hf_violation violation = {0};
    struct hf_schema_check check = {.root = schema, .violation = &violation, .err = err};
    int status = hf_schema_known(schema, 0, err);
    if (status == 0) {
        status = check_value(&check, schema, value);
    }
    hf_buf_free(&check.path);
    if (status != 0 || !violation.any) {
        return status;
    }
    const char *colon = violation.path[0] ? ": " : "";
    return hf_error_set(err, HF_EINVAL, "line %u, column %u: %s%sfound %s, expected %s", violation.line,
                        violation.column, violation.path, colon, violation.found, violation.expected);
}
