#include "holdfast/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

const char *hf_kind_name(enum hf_kind kind)
{
    static const char *const NAMES[] = {"null", "boolean", "number", "string", "array", "object"};
    return (size_t)kind < sizeof NAMES / sizeof NAMES[0] ? NAMES[kind] : "unknown";
}

/* Where key is, or where it would be put. */
static size_t place_of(const struct hf_value *object, struct hf_slice key, bool *found)
{
    size_t low = 0;
    size_t high = object->as.object.count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hf_slice_compare(object->as.object.members[middle].key, key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct hf_value *hf_value_find(const struct hf_value *object, struct hf_slice key)
{
    if (!object || object->kind != HF_OBJECT) {
        return NULL;
    }
    bool found;
    size_t at = place_of(object, key, &found);
    return found ? &object->as.object.members[at].value : NULL;
}

const struct hf_value *hf_value_get(const struct hf_value *object, const char *key)
{
    return hf_value_find(object, hf_slice_of(key));
}

const struct hf_value *hf_value_at(const struct hf_value *array, size_t index)
{
    return array && array->kind == HF_ARRAY && index < array->as.array.count ? &array->as.array.items[index] : NULL;
}

const struct hf_value *hf_value_path(const struct hf_value *value, ...)
{
    va_list keys;
    va_start(keys, value);
    for (const char *key = va_arg(keys, const char *); key && value; key = va_arg(keys, const char *)) {
        value = hf_value_get(value, key);
    }
    va_end(keys);
    return value;
}

const char *hf_value_text(const struct hf_value *value)
{
    if (!value || value->kind != HF_STRING) {
        return NULL;
    }
    if (value->as.text.len == 0) {
        return "";
    }
    return memchr(value->as.text.ptr, 0, value->as.text.len) ? NULL : value->as.text.ptr;
}

bool hf_value_int(const struct hf_value *value, int64_t *out)
{
    struct hf_number number;
    if (!value || value->kind != HF_NUMBER || !hf_number_read(value->as.text, &number)) {
        return false;
    }
    return hf_number_int(&number, out);
}

bool hf_value_is_true(const struct hf_value *value)
{
    return value && value->kind == HF_BOOL && value->as.boolean;
}

size_t hf_value_count(const struct hf_value *value)
{
    if (!value) {
        return 0;
    }
    return value->kind == HF_ARRAY ? value->as.array.count : value->kind == HF_OBJECT ? value->as.object.count : 0;
}

struct hf_value *hf_value_new(struct hf_arena *arena, enum hf_kind kind)
{
    struct hf_value *value = hf_arena_alloc(arena, sizeof *value);
    if (value) {
        value->kind = kind;
        if (kind == HF_STRING) {
            value->as.text = (struct hf_slice){"", 0};
        } else if (kind == HF_NUMBER) {
            value->as.text = (struct hf_slice){"0", 1};
        }
    }
    return value;
}

struct hf_value *hf_value_string(struct hf_arena *arena, struct hf_slice text)
{
    struct hf_value *value = hf_value_new(arena, HF_STRING);
    char *copy = value ? hf_arena_copy(arena, text.ptr, text.len) : NULL;
    if (!copy) {
        return NULL;
    }
    value->as.text = (struct hf_slice){copy, text.len};
    return value;
}

struct hf_value *hf_value_integer(struct hf_arena *arena, int64_t number)
{
    struct hf_value *value = hf_value_new(arena, HF_NUMBER);
    char *text = value ? hf_arena_printf(arena, "%lld", (long long)number) : NULL;
    if (!text) {
        return NULL;
    }
    value->as.text = hf_slice_of(text);
    return value;
}

static int copy_into(struct hf_arena *arena, const struct hf_value *from, struct hf_value *to);

static int copy_text(struct hf_arena *arena, struct hf_slice from, struct hf_slice *to)
{
    char *copy = hf_arena_copy(arena, from.ptr, from.len);
    *to = (struct hf_slice){copy, from.len};
    return copy ? 0 : -1;
}

static int copy_members(struct hf_arena *arena, const struct hf_value *from, struct hf_value *to)
{
    size_t count = from->as.object.count;
    struct hf_member *members = hf_arena_array(arena, count, sizeof *members);
    if (!members) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        members[i] = from->as.object.members[i];
        if (copy_text(arena, from->as.object.members[i].key, &members[i].key) != 0 ||
            copy_into(arena, &from->as.object.members[i].value, &members[i].value) != 0) {
            return -1;
        }
    }
    to->as.object.members = members;
    return 0;
}

static int copy_items(struct hf_arena *arena, const struct hf_value *from, struct hf_value *to)
{
    size_t count = from->as.array.count;
    struct hf_value *items = hf_arena_array(arena, count, sizeof *items);
    if (!items) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (copy_into(arena, &from->as.array.items[i], &items[i]) != 0) {
            return -1;
        }
    }
    to->as.array.items = items;
    return 0;
}

/* The depth of a value was bounded when it was read. */
static int copy_into(struct hf_arena *arena, const struct hf_value *from, struct hf_value *to)
{
    *to = *from;
    to->room = 0;
    switch (from->kind) {
    case HF_NUMBER:
    case HF_STRING:
        return copy_text(arena, from->as.text, &to->as.text);
    case HF_ARRAY:
        return copy_items(arena, from, to);
    case HF_OBJECT:
        return copy_members(arena, from, to);
    default:
        return 0;
    }
}

struct hf_value *hf_value_copy(struct hf_arena *arena, const struct hf_value *value)
{
    struct hf_value *copy = hf_value_new(arena, value->kind);
    return copy && copy_into(arena, value, copy) == 0 ? copy : NULL;
}

/* An array of size bytes each with room for more than count; NULL when memory is short. */
static void *grow(struct hf_arena *arena, struct hf_value *value, const void *old, size_t count, size_t size)
{
    if (count > UINT32_MAX / 2) {
        return NULL;
    }
    size_t cap = count < 4 ? 4 : count * 2;
    void *fresh = hf_arena_array(arena, cap, size);
    if (fresh) {
        if (count > 0) {
            memcpy(fresh, old, count * size);
        }
        value->room = (uint32_t)(cap - count);
    }
    return fresh;
}

int hf_value_set(struct hf_arena *arena, struct hf_value *object, struct hf_slice key, const struct hf_value *value)
{
    bool found;
    size_t count = object->as.object.count;
    size_t at = place_of(object, key, &found);
    /* Room belongs to one owner of the array only. */
    struct hf_member fresh = {.line = value->line, .column = value->column, .value = *value};
    fresh.value.room = 0;
    if (found) {
        object->as.object.members[at].value = fresh.value;
        return 0;
    }
    if (copy_text(arena, key, &fresh.key) != 0) {
        return -1;
    }
    if (object->room == 0) {
        void *members = grow(arena, object, object->as.object.members, count, sizeof(struct hf_member));
        if (!members) {
            return -1;
        }
        object->as.object.members = members;
    }
    struct hf_member *members = object->as.object.members;
    memmove(members + at + 1, members + at, (count - at) * sizeof *members);
    members[at] = fresh;
    object->as.object.count = count + 1;
    object->room--;
    return 0;
}

bool hf_value_unset(struct hf_value *object, struct hf_slice key)
{
    if (object->kind != HF_OBJECT) {
        return false;
    }
    bool found;
    size_t at = place_of(object, key, &found);
    if (!found) {
        return false;
    }
    struct hf_member *members = object->as.object.members;
    memmove(members + at, members + at + 1, (object->as.object.count - at - 1) * sizeof *members);
    object->as.object.count--;
    return true;
}

int hf_value_push(struct hf_arena *arena, struct hf_value *array, const struct hf_value *item)
{
    size_t count = array->as.array.count;
    struct hf_value fresh = *item;
    fresh.room = 0;
    if (array->room == 0) {
        void *items = grow(arena, array, array->as.array.items, count, sizeof(struct hf_value));
        if (!items) {
            return -1;
        }
        array->as.array.items = items;
    }
    array->as.array.items[count] = fresh;
    array->as.array.count = count + 1;
    array->room--;
    return 0;
}

static int compare_members(const void *left, const void *right)
{
    const struct hf_member *a = left;
    const struct hf_member *b = right;
    int order = hf_slice_compare(a->key, b->key);
    if (order != 0) {
        return order;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return (a->column > b->column) - (a->column < b->column);
}

static bool is_sorted(const struct hf_member *members, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (hf_slice_compare(members[i - 1].key, members[i].key) >= 0) {
            return false;
        }
    }
    return true;
}

int hf_value_seal(struct hf_value *object, struct hf_error *err)
{
    struct hf_member *members = object->as.object.members;
    size_t count = object->as.object.count;
    if (is_sorted(members, count)) {
        return 0;
    }
    qsort(members, count, sizeof *members, compare_members);
    for (size_t i = 1; i < count; i++) {
        const struct hf_member *first = &members[i - 1];
        const struct hf_member *second = &members[i];
        if (hf_slice_equal(first->key, second->key)) {
            hf_auto_buf struct hf_buf key = {0};
            hf_buf_add_safe(&key, second->key, 100);
            return hf_error_set(
                err, HF_EPARSE,
                "line %u, column %u: found the key \"%s\" a second time (first on line %u), expected each "
                "key once",
                second->line, second->column, hf_buf_text(&key), first->line);
        }
    }
    return 0;
}

static bool equal_members(const struct hf_value *a, const struct hf_value *b)
{
    for (size_t i = 0; i < a->as.object.count; i++) {
        const struct hf_member *left = &a->as.object.members[i];
        const struct hf_member *right = &b->as.object.members[i];
        if (!hf_slice_equal(left->key, right->key) || !hf_value_equal(&left->value, &right->value)) {
            return false;
        }
    }
    return true;
}

bool hf_value_equal(const struct hf_value *a, const struct hf_value *b)
{
    if (a == b) {
        return true;
    }
    if (!a || !b || a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case HF_NULL:
        return true;
    case HF_BOOL:
        return a->as.boolean == b->as.boolean;
    case HF_NUMBER:
        return hf_slice_equal(a->as.text, b->as.text) || hf_number_compare(a->as.text, b->as.text) == 0;
    case HF_STRING:
        return hf_slice_equal(a->as.text, b->as.text);
    case HF_ARRAY:
        if (a->as.array.count != b->as.array.count) {
            return false;
        }
        for (size_t i = 0; i < a->as.array.count; i++) {
            if (!hf_value_equal(&a->as.array.items[i], &b->as.array.items[i])) {
                return false;
            }
        }
        return true;
    case HF_OBJECT:
        return a->as.object.count == b->as.object.count && equal_members(a, b);
    }
    return false;
}
