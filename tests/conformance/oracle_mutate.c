/* What is done to the objects: small random changes of live by others, and of the unit by its next revision. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

#define MOST_SPOTS 3000

/* A value within a document, and what holds it. */
struct spot {
    const char *path;
    const char *list_path; /* an item's list */
    const struct hf_value *value;
    const struct hf_value *holder;
    struct hf_slice key; /* in an object; of an item, the list's */
    size_t index;        /* in a list */
    const struct hf_type *type;
    const struct hf_type *holder_type;
};

struct spots {
    struct oracle *oracle;
    struct spot *at;
    size_t count;
    bool has_status;
};

static bool is_fixed(const struct spots *spots, const char *path)
{
    static const char *const FIXED[] = {"/apiVersion", "/kind"};
    for (size_t i = 0; i < sizeof FIXED / sizeof FIXED[0]; i++) {
        if (strcmp(path, FIXED[i]) == 0) {
            return true;
        }
    }
    if (strcmp(path, "/status") == 0 && spots->has_status) {
        return true;
    }
    return strncmp(path, "/metadata/", 10) == 0 && strncmp(path, "/metadata/labels", 16) != 0 &&
           strncmp(path, "/metadata/annotations", 21) != 0 && strncmp(path, "/metadata/finalizers", 20) != 0;
}

static void collect(struct spots *spots, const struct hf_value *value, const struct hf_type *type, struct hf_slice name,
                    struct hf_buf *path)
{
    size_t len = path->len;
    const char *here = hf_arena_copy(spots->oracle->arena, hf_buf_text(path), path->len);
    for (size_t i = 0; i < hf_value_count(value); i++) {
        bool is_object = value->kind == HF_OBJECT;
        const struct hf_value *below = is_object ? &value->as.object.members[i].value : &value->as.array.items[i];
        const struct hf_type *below_type = type ? type->element : NULL;
        struct hf_slice key = is_object ? value->as.object.members[i].key : name;
        if (is_object && type && type->kind == HF_TYPE_STRUCT) {
            const struct hf_field *field = hf_type_field(type, key);
            below_type = field ? field->type : NULL;
        }
        if (is_object) {
            hf_pointer_add_key(path, key);
        } else {
            hf_pointer_add_index(path, i);
        }
        if (!is_fixed(spots, hf_buf_text(path)) && spots->count < MOST_SPOTS) {
            if (strcmp(hf_buf_text(path), "/metadata") != 0) {
                spots->at[spots->count++] =
                    (struct spot){.path = hf_arena_copy(spots->oracle->arena, hf_buf_text(path), path->len),
                                  .list_path = is_object ? NULL : here,
                                  .value = below,
                                  .holder = value,
                                  .key = key,
                                  .index = i,
                                  .type = below_type,
                                  .holder_type = type};
            }
            collect(spots, below, below_type, key, path);
        }
        path->len = len;
        if (path->ptr) {
            path->ptr[len] = '\0';
        }
    }
}

static struct spots all_spots(struct oracle *oracle, const struct hf_value *object)
{
    hf_auto_buf struct hf_buf path = {0};
    struct spots spots = {.oracle = oracle,
                          .at = hf_arena_array(oracle->arena, MOST_SPOTS, sizeof *spots.at),
                          .has_status = oracle->resource->has_status};
    if (spots.at) {
        collect(&spots, object, oracle->type, (struct hf_slice){"", 0}, &path);
    }
    return spots;
}

static const char *path_below(struct oracle *oracle, const char *path, struct hf_slice key)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_adds(&text, path);
    hf_pointer_add_key(&text, key);
    return hf_arena_copy(oracle->arena, hf_buf_text(&text), text.len);
}

/* The list without an item. */
static struct hf_value *without(struct oracle *oracle, const struct hf_value *list, size_t index)
{
    struct hf_value *result = hf_value_new(oracle->arena, HF_ARRAY);
    for (size_t i = 0; i < list->as.array.count; i++) {
        if (i != index) {
            hf_value_push(oracle->arena, result, &list->as.array.items[i]);
        }
    }
    return result;
}

static void take_out(struct oracle *oracle, const struct spot *spot, struct edit *edit)
{
    if (spot->list_path) {
        *edit = (struct edit){spot->list_path, without(oracle, spot->holder, spot->index)};
    } else {
        *edit = (struct edit){spot->path, NULL};
    }
}

/* An item of another key: most lists of objects are told apart by one of these. */
static struct hf_value *renamed(struct oracle *oracle, const struct hf_value *item)
{
    static const char *const NAMES[] = {"name", "key", "mountPath", "host", "path", "ip", "id"};
    struct hf_value *copy = hf_value_copy(oracle->arena, item);
    for (size_t i = 0; copy->kind == HF_OBJECT && i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const char *name = hf_value_text(hf_value_get(copy, NAMES[i]));
        if (name) {
            hf_value_set(oracle->arena, copy, hf_slice_of(NAMES[i]),
                         oracle_text(oracle, hf_arena_printf(oracle->arena, "%s2", name)));
            return copy;
        }
    }
    static const char *const NUMBERS[] = {"containerPort", "port", "number"};
    for (size_t i = 0; copy->kind == HF_OBJECT && i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        int64_t number;
        if (hf_value_int(hf_value_get(copy, NUMBERS[i]), &number)) {
            hf_value_set(oracle->arena, copy, hf_slice_of(NUMBERS[i]), hf_value_integer(oracle->arena, number + 1));
        }
    }
    return copy;
}

static const struct hf_value *new_item(struct oracle *oracle, const struct spot *spot)
{
    const struct hf_type *type = spot->type;
    const struct hf_type *element = type ? type->element : NULL;
    const struct hf_value *drawn = oracle_drawn(oracle, type, (struct hf_slice){"", 0});
    size_t count = spot->value->as.array.count;
    if (count > 0 && oracle_chance(oracle, 2)) {
        drawn = &spot->value->as.array.items[oracle_below(oracle, count)];
        return oracle_chance(oracle, 10) ? drawn : renamed(oracle, drawn); /* at times, two items of one key */
    }
    if (drawn && drawn->kind == HF_OBJECT) {
        return drawn;
    }
    return oracle_made(oracle, element, spot->key);
}

static struct hf_value *reshaped(struct oracle *oracle, const struct spot *spot)
{
    struct hf_value *list = hf_value_copy(oracle->arena, spot->value);
    size_t count = list->as.array.count;
    size_t how = oracle_below(oracle, 10);
    if (how < 2 && count > 1) {
        size_t a = oracle_below(oracle, count);
        size_t b = oracle_below(oracle, count);
        struct hf_value kept = list->as.array.items[a];
        list->as.array.items[a] = list->as.array.items[b];
        list->as.array.items[b] = kept;
    } else if (how < 5 && count > 1) {
        return without(oracle, list, oracle_below(oracle, count));
    } else if (how == 5) {
        list->as.array.count = 0;
    } else {
        hf_value_push(oracle->arena, list, new_item(oracle, spot));
    }
    return list;
}

/* A field that was not set: one that other objects have, or any; of a map a new entry. */
static bool add_member(struct oracle *oracle, const struct spot *spot, bool is_unit, struct edit *edit)
{
    const struct hf_type *type = spot->type;
    struct hf_slice key = hf_slice_of(oracle_chance(oracle, 3) ? "example.com/added" : "added");
    const struct hf_value *value = NULL;
    if (type && type->kind == HF_TYPE_STRUCT && type->field_count > 0 && !oracle_chance(oracle, 60)) {
        const struct hf_field *field = NULL;
        for (int attempt = 0; attempt < 8 && !value; attempt++) {
            field = &type->fields[oracle_below(oracle, type->field_count)];
            key = hf_slice_of(field->name);
            value = hf_value_find(spot->value, key) ? NULL : oracle_drawn(oracle, type, key);
        }
        value = value ? hf_value_copy(oracle->arena, value) : oracle_made(oracle, field->type, key);
    } else if (type && type->element) {
        key = type->element->kind == HF_TYPE_QUANTITY ? hf_slice_of("cpu") : key;
        value = type->element->kind == HF_TYPE_BYTES ? NULL : oracle_drawn(oracle, type, (struct hf_slice){"", 0});
        value = value ? value : oracle_made(oracle, type->element, key);
    } else {
        value = oracle_scalar(oracle, NULL, NULL, key, NULL, is_unit);
    }
    *edit = (struct edit){path_below(oracle, spot->path, key), value};
    return !hf_value_find(spot->value, key);
}

/* Nothing, said in one of the ways to say it. */
static struct hf_value *emptied(struct oracle *oracle, const struct spot *spot, bool is_null)
{
    struct hf_value *value = hf_value_new(oracle->arena, is_null ? HF_NULL : spot->value->kind);
    if (value->kind == HF_NUMBER) {
        return hf_value_integer(oracle->arena, 0);
    }
    return value->kind == HF_STRING ? oracle_text(oracle, "") : value;
}

/* A Secret's data said as plain text. */
static bool as_string_data(struct oracle *oracle, const struct hf_value *object, struct edit *edit)
{
    static const char *const KEYS[] = {"user", "password", "added"};
    const char *kind = hf_value_text(hf_value_get(object, "kind"));
    if (!kind || strcmp(kind, "Secret") != 0 || !oracle_chance(oracle, 5)) {
        return false;
    }
    const struct hf_value *had = hf_value_get(object, "stringData");
    struct hf_value *plain = had ? hf_value_copy(oracle->arena, had) : hf_value_new(oracle->arena, HF_OBJECT);
    hf_value_set(oracle->arena, plain, hf_slice_of(KEYS[oracle_below(oracle, 3)]),
                 oracle_text(oracle, oracle_chance(oracle, 2) ? "hunter2" : "trader"));
    *edit = (struct edit){"/stringData", plain};
    return true;
}

bool oracle_invent(struct oracle *oracle, const struct hf_value *object, bool is_unit, struct edit *edit)
{
    struct spots spots = all_spots(oracle, object);
    if (is_unit && as_string_data(oracle, object, edit)) {
        return true;
    }
    if (spots.count == 0) {
        return false;
    }
    const struct spot *spot = &spots.at[oracle_below(oracle, spots.count)];
    size_t how = oracle_below(oracle, 20);
    if (how < 4) {
        take_out(oracle, spot, edit);
        return true;
    }
    if (is_unit && how < 7) {
        *edit = (struct edit){spot->path, emptied(oracle, spot, how == 4)};
        return true;
    }
    if (spot->value->kind == HF_OBJECT) {
        return add_member(oracle, spot, is_unit, edit);
    }
    *edit = (struct edit){spot->path,
                          spot->value->kind == HF_ARRAY
                              ? reshaped(oracle, spot)
                              : oracle_scalar(oracle, spot->type, spot->holder_type, spot->key, spot->value, is_unit)};
    return true;
}

/* The way from the root down to a spot, alone: of a keyed item its keys too. */
static const struct hf_value *along(struct oracle *oracle, const struct hf_value *value, const struct hf_type *type,
                                    const char *path)
{
    size_t len = path[0] == '/' ? strcspn(path + 1, "/") : 0;
    if (path[0] == '\0') {
        return value;
    }
    hf_auto_buf struct hf_buf part = {0};
    hf_buf_add(&part, path, len + 1);
    const struct hf_value *below = hf_pointer_get(value, (struct hf_slice){hf_buf_text(&part), part.len});
    const struct hf_type *below_type = oracle_type_at(type, hf_buf_text(&part));
    const struct hf_value *rest = below ? along(oracle, below, below_type, path + len + 1) : NULL;
    if (!rest) {
        return NULL;
    }
    if (value->kind == HF_ARRAY) {
        struct hf_value *list = hf_value_new(oracle->arena, HF_ARRAY);
        struct hf_value *item = hf_value_copy(oracle->arena, rest);
        bool is_keyed = type && type->kind == HF_TYPE_LIST && type->list_type == HF_LIST_MAP;
        if (!is_keyed) {
            return value;
        }
        for (size_t i = 0; i < type->list_key_count && item->kind == HF_OBJECT; i++) {
            const struct hf_value *key = hf_value_get(below, type->list_keys[i]);
            if (key) {
                hf_value_set(oracle->arena, item, hf_slice_of(type->list_keys[i]), key);
            }
        }
        hf_value_push(oracle->arena, list, item);
        return list;
    }
    struct hf_value *object = hf_value_new(oracle->arena, HF_OBJECT);
    for (size_t i = 0; i < value->as.object.count; i++) {
        if (&value->as.object.members[i].value == below) {
            hf_value_set(oracle->arena, object, value->as.object.members[i].key, rest);
        }
    }
    return object;
}

const struct hf_value *oracle_part(struct oracle *oracle, const struct hf_value *live)
{
    struct spots spots = all_spots(oracle, live);
    const struct spot *spot = spots.count ? &spots.at[oracle_below(oracle, spots.count)] : NULL;
    if (!spot) {
        return NULL;
    }
    struct edit edit = {spot->path, spot->value};
    if (spot->value->kind != HF_OBJECT && spot->value->kind != HF_ARRAY && oracle_chance(oracle, 3)) {
        edit.value = oracle_scalar(oracle, spot->type, spot->holder_type, spot->key, spot->value, true);
    }
    const struct hf_value *changed = oracle_edited(oracle, live, &edit);
    const struct hf_value *part = changed ? along(oracle, changed, oracle->type, spot->path) : NULL;
    if (!part || part->kind != HF_OBJECT) {
        return NULL;
    }
    struct hf_value *document = hf_value_copy(oracle->arena, part);
    const struct hf_value *had = hf_value_get(document, "metadata");
    struct hf_value *metadata = had ? hf_value_copy(oracle->arena, had) : hf_value_new(oracle->arena, HF_OBJECT);
    hf_value_set(oracle->arena, metadata, hf_slice_of("name"), hf_value_path(live, "metadata", "name", NULL));
    hf_value_set(oracle->arena, document, hf_slice_of("metadata"), metadata);
    hf_value_set(oracle->arena, document, hf_slice_of("apiVersion"), hf_value_get(live, "apiVersion"));
    hf_value_set(oracle->arena, document, hf_slice_of("kind"), hf_value_get(live, "kind"));
    return document;
}

bool oracle_explicit(struct oracle *oracle, const struct hf_value *desired, const struct hf_value *live,
                     struct edit *edit)
{
    struct spots spots = all_spots(oracle, live);
    for (int attempt = 0; attempt < 20 && spots.count > 0; attempt++) {
        const struct spot *spot = &spots.at[oracle_below(oracle, spots.count)];
        const struct hf_value *had = hf_pointer_get(desired, hf_slice_of(spot->path));
        const char *last = strrchr(spot->path, '/');
        struct hf_slice holder = {spot->path, (size_t)(last - spot->path)};
        if (!spot->list_path && hf_pointer_get(desired, holder) && (!had || !hf_value_equal(had, spot->value))) {
            *edit = (struct edit){spot->path, spot->value};
            return true;
        }
    }
    return false;
}
