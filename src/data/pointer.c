#include "holdfast/pointer.h"

#include <string.h>

void hf_pointer_add_key(struct hf_buf *pointer, struct hf_slice key)
{
    hf_buf_addc(pointer, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~') {
            hf_buf_adds(pointer, "~0");
        } else if (key.ptr[i] == '/') {
            hf_buf_adds(pointer, "~1");
        } else {
            hf_buf_addc(pointer, key.ptr[i]);
        }
    }
}

void hf_pointer_add_index(struct hf_buf *pointer, size_t index)
{
    hf_buf_addf(pointer, "/%zu", index);
}

/* Takes one reference token, unescaped, off the pointer. False when the escape is malformed. */
static bool take_token(struct hf_slice *pointer, struct hf_buf *token)
{
    hf_buf_clear(token);
    size_t i = 1; /* behind the '/' */
    for (; i < pointer->len && pointer->ptr[i] != '/'; i++) {
        char byte = pointer->ptr[i];
        if (byte == '~') {
            i++;
            if (i >= pointer->len || (pointer->ptr[i] != '0' && pointer->ptr[i] != '1')) {
                return false;
            }
            byte = pointer->ptr[i] == '0' ? '~' : '/';
        }
        hf_buf_addc(token, byte);
    }
    pointer->ptr += i;
    pointer->len -= i;
    return hf_buf_ok(token);
}

/* RFC 6901, section 4: digits without leading zeros. */
static bool read_index(const struct hf_buf *token, size_t *index)
{
    int64_t number;
    struct hf_slice text = {token->ptr, token->len};
    if (!hf_parse_int(text, 0, INT64_MAX, &number) || (text.len > 1 && text.ptr[0] == '0')) {
        return false;
    }
    *index = (size_t)number;
    return true;
}

static const struct hf_value *child(const struct hf_value *value, const struct hf_buf *token)
{
    size_t index;
    if (value->kind == HF_ARRAY) {
        return read_index(token, &index) ? hf_value_at(value, index) : NULL;
    }
    return hf_value_find(value, (struct hf_slice){hf_buf_text(token), token->len});
}

const struct hf_value *hf_pointer_get(const struct hf_value *document, struct hf_slice pointer)
{
    hf_auto_buf struct hf_buf token = {0};
    const struct hf_value *value = document;
    while (value && pointer.len > 0) {
        if (pointer.ptr[0] != '/' || !take_token(&pointer, &token)) {
            return NULL;
        }
        value = child(value, &token);
    }
    return value;
}

static struct hf_value *without_item(struct hf_arena *arena, const struct hf_value *array, size_t index)
{
    struct hf_value *copy = hf_value_new(arena, HF_ARRAY);
    size_t count = array->as.array.count;
    struct hf_value *items = copy ? hf_arena_array(arena, count, sizeof *items) : NULL;
    if (!items) {
        return NULL;
    }
    memcpy(items, array->as.array.items, index * sizeof *items);
    memcpy(items + index, array->as.array.items + index + 1, (count - index - 1) * sizeof *items);
    copy->as.array.items = items;
    copy->as.array.count = count - 1;
    return copy;
}

/* A copy of the value's own list of children, sharing what they hold. */
static struct hf_value *shallow(struct hf_arena *arena, const struct hf_value *value)
{
    struct hf_value *copy = hf_value_new(arena, value->kind);
    size_t count = hf_value_count(value);
    size_t size = value->kind == HF_ARRAY ? sizeof(struct hf_value) : sizeof(struct hf_member);
    void *children = copy ? hf_arena_array(arena, count, size) : NULL;
    if (!children) {
        return NULL;
    }
    *copy = *value;
    copy->room = 0;
    if (value->kind == HF_ARRAY) {
        memcpy(children, value->as.array.items, count * size);
        copy->as.array.items = children;
    } else {
        memcpy(children, value->as.object.members, count * size);
        copy->as.object.members = children;
    }
    return copy;
}

/* The copy of value without what the rest of the pointer leads to; value itself when there is nothing there. */
static int remove_below(struct hf_arena *arena, const struct hf_value *value, struct hf_slice pointer,
                        const struct hf_value **out, struct hf_error *err)
{
    hf_auto_buf struct hf_buf token = {0};
    *out = value;
    if (!take_token(&pointer, &token)) {
        return hf_error_set(err, HF_ENOMEM, "remove a path: out of memory");
    }
    const struct hf_value *found = child(value, &token);
    if (!found) {
        return 0;
    }
    const struct hf_value *changed = NULL;
    if (pointer.len > 0) {
        if (remove_below(arena, found, pointer, &changed, err) != 0) {
            return -1;
        }
        if (changed == found) {
            return 0;
        }
    }
    size_t index = 0;
    struct hf_value *copy;
    if (value->kind == HF_ARRAY && !changed) {
        (void)read_index(&token, &index);
        copy = without_item(arena, value, index);
    } else {
        copy = shallow(arena, value);
        if (copy && !changed) {
            (void)hf_value_unset(copy, (struct hf_slice){hf_buf_text(&token), token.len});
        } else if (copy && value->kind == HF_ARRAY) {
            (void)read_index(&token, &index);
            copy->as.array.items[index] = *changed;
        } else if (copy) {
            (void)hf_value_set(arena, copy, (struct hf_slice){hf_buf_text(&token), token.len}, changed);
        }
    }
    *out = copy;
    return copy ? 0 : hf_error_set(err, HF_ENOMEM, "remove a path: out of memory");
}

static bool is_well_formed(struct hf_slice pointer)
{
    for (size_t i = 0; i < pointer.len; i++) {
        char next = i + 1 < pointer.len ? pointer.ptr[i + 1] : '\0';
        if (pointer.ptr[i] == '~' && next != '0' && next != '1') {
            return false;
        }
    }
    return pointer.len == 0 || pointer.ptr[0] == '/';
}

int hf_pointer_remove(struct hf_arena *arena, const struct hf_value *document, struct hf_slice pointer,
                      const struct hf_value **out, struct hf_error *err)
{
    if (pointer.len == 0) {
        return hf_error_set(err, HF_EINVAL, "the whole document can't be removed");
    }
    if (!is_well_formed(pointer)) {
        return hf_error_set(err, HF_EINVAL, "a JSON Pointer begins with '/', with ~ written ~0 and / written ~1 in it");
    }
    return remove_below(arena, document, pointer, out, err);
}
