/* A document changed in place, where a JSON Pointer leads. */
#include <stdlib.h>
#include <string.h>

#include "holdfast/pointer.h"

/* The pointer to what holds the place, and the last token, unescaped. */
static bool split(struct hf_slice pointer, struct hf_slice *holder, struct hf_buf *last)
{
    size_t at = pointer.len;
    while (at > 0 && pointer.ptr[at - 1] != '/') {
        at--;
    }
    if (at == 0) {
        return false;
    }
    *holder = (struct hf_slice){pointer.ptr, at - 1};
    for (size_t i = at; i < pointer.len; i++) {
        char byte = pointer.ptr[i];
        if (byte == '~') {
            i++;
            if (i == pointer.len || (pointer.ptr[i] != '0' && pointer.ptr[i] != '1')) {
                return false;
            }
            byte = pointer.ptr[i] == '0' ? '~' : '/';
        }
        hf_buf_addc(last, byte);
    }
    return hf_buf_ok(last);
}

/* The document is the caller's to change, and so is all that it holds. */
static struct hf_value *holder_in(struct hf_value *document, struct hf_slice pointer)
{
    return (struct hf_value *)(uintptr_t)hf_pointer_get(document, pointer);
}

static bool index_of(struct hf_slice token, size_t count, size_t *index)
{
    int64_t number;
    if (hf_slice_is(token, "-")) {
        *index = count;
        return true;
    }
    if (!hf_parse_int(token, 0, (int64_t)count, &number) || (token.len > 1 && token.ptr[0] == '0')) {
        return false;
    }
    *index = (size_t)number;
    return true;
}

int hf_pointer_put(struct hf_arena *arena, struct hf_value *document, struct hf_slice pointer,
                   const struct hf_value *value, struct hf_error *err)
{
    struct hf_slice holder_pointer;
    hf_auto_buf struct hf_buf last = {0};
    if (!split(pointer, &holder_pointer, &last)) {
        return hf_error_set(err, HF_EINVAL, "a JSON Pointer to a part of a document begins with '/'");
    }
    struct hf_value *holder = holder_in(document, holder_pointer);
    struct hf_slice token = {hf_buf_text(&last), last.len};
    size_t index;
    int result = -1;
    if (holder && holder->kind == HF_OBJECT) {
        result = hf_value_set(arena, holder, token, value);
    } else if (holder && holder->kind == HF_ARRAY && index_of(token, holder->as.array.count, &index)) {
        if (index < holder->as.array.count) {
            holder->as.array.items[index] = *value;
            holder->as.array.items[index].room = 0;
            return 0;
        }
        result = hf_value_push(arena, holder, value);
    } else {
        return hf_error_set(err, HF_ENOTFOUND, "there is nothing at %.*s that could hold a value", (int)pointer.len,
                            pointer.ptr);
    }
    return result == 0 ? 0 : hf_error_set(err, HF_ENOMEM, "change a document: out of memory");
}

bool hf_pointer_cut(struct hf_value *document, struct hf_slice pointer)
{
    struct hf_slice holder_pointer;
    hf_auto_buf struct hf_buf last = {0};
    struct hf_value *holder = split(pointer, &holder_pointer, &last) ? holder_in(document, holder_pointer) : NULL;
    struct hf_slice token = {hf_buf_text(&last), last.len};
    size_t index;
    if (holder && holder->kind == HF_OBJECT) {
        return hf_value_unset(holder, token);
    }
    if (!holder || holder->kind != HF_ARRAY || !index_of(token, holder->as.array.count, &index) ||
        index == holder->as.array.count) {
        return false;
    }
    struct hf_value *items = holder->as.array.items;
    memmove(items + index, items + index + 1, (holder->as.array.count - index - 1) * sizeof *items);
    holder->as.array.count--;
    return true;
}

/* One token of each; numbers by value, so that 10 comes behind 9. */
static int compare_token(struct hf_slice a, struct hf_slice b)
{
    int64_t x;
    int64_t y;
    if (hf_parse_int(a, 0, INT64_MAX, &x) && hf_parse_int(b, 0, INT64_MAX, &y)) {
        return (x > y) - (x < y);
    }
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

int hf_pointer_compare(const char *a, const char *b)
{
    while (*a && *b) {
        struct hf_slice x = {a + 1, strcspn(a + 1, "/")};
        struct hf_slice y = {b + 1, strcspn(b + 1, "/")};
        int order = compare_token(x, y);
        if (order != 0) {
            return order;
        }
        a = x.ptr + x.len;
        b = y.ptr + y.len;
    }
    return (*a != '\0') - (*b != '\0');
}
