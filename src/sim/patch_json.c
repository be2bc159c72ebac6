#include "patch.h"

#include <string.h>

#include "holdfast/pointer.h"

struct place {
    struct hf_value *parent;
    struct hf_slice key; /* unescaped */
};

/* The real server does not say what it was. */
static int unable(struct sim_work *work)
{
    return sim_fail(work, 422, "Invalid", "the server rejected our request due to an error in our request");
}

static int unescape(struct hf_arena *arena, struct hf_slice token, struct hf_slice *out)
{
    char *text = hf_arena_alloc(arena, token.len + 1);
    size_t len = 0;
    for (size_t i = 0; text && i < token.len; i++) {
        bool escaped = token.ptr[i] == '~' && i + 1 < token.len && (token.ptr[i + 1] == '0' || token.ptr[i + 1] == '1');
        text[len++] = escaped ? (token.ptr[i + 1] == '1' ? '/' : '~') : token.ptr[i];
        i += escaped ? 1 : 0;
    }
    *out = (struct hf_slice){text, len};
    return text ? 0 : -1;
}

/* The value that holds what the path leads to, and its last step. */
static int find_place(struct sim_work *work, struct hf_value *document, const char *path, struct place *out)
{
    const char *last = strrchr(path, '/');
    if (path[0] != '/' || !last) {
        return unable(work);
    }
    struct hf_slice parent = {path, (size_t)(last - path)};
    out->parent = (struct hf_value *)(uintptr_t)hf_pointer_get(document, parent);
    if (!out->parent || (out->parent->kind != HF_OBJECT && out->parent->kind != HF_ARRAY)) {
        return unable(work);
    }
    return unescape(work->arena, hf_slice_of(last + 1), &out->key);
}

/* An index of an array; at most `most`. */
static bool index_of(const struct place *place, size_t most, size_t *out)
{
    int64_t number;
    if (!hf_parse_int(place->key, 0, (int64_t)most, &number) || (place->key.len > 1 && place->key.ptr[0] == '0')) {
        return false;
    }
    *out = (size_t)number;
    return true;
}

static int add(struct sim_work *work, struct hf_value *document, const char *path, const struct hf_value *value)
{
    struct place place;
    size_t at = 0;
    if (path[0] == '\0') {
        *document = *value;
        return 0;
    }
    if (find_place(work, document, path, &place) != 0) {
        return -1;
    }
    if (place.parent->kind == HF_OBJECT) {
        return hf_value_set(work->arena, place.parent, place.key, value);
    }
    size_t count = hf_value_count(place.parent);
    if (hf_slice_is(place.key, "-")) {
        at = count;
    } else if (!index_of(&place, count, &at)) {
        return unable(work);
    }
    if (hf_value_push(work->arena, place.parent, value) != 0) {
        return -1;
    }
    struct hf_value *items = place.parent->as.array.items;
    memmove(items + at + 1, items + at, (count - at) * sizeof *items);
    items[at] = *value;
    return 0;
}

static int take_out(struct sim_work *work, struct hf_value *document, const char *path, struct hf_value *out)
{
    struct place place;
    size_t at;
    if (find_place(work, document, path, &place) != 0) {
        return -1;
    }
    if (place.parent->kind == HF_OBJECT) {
        const struct hf_value *there = hf_value_find(place.parent, place.key);
        if (!there) {
            return unable(work);
        }
        *out = *there;
        (void)hf_value_unset(place.parent, place.key);
        return 0;
    }
    size_t count = hf_value_count(place.parent);
    if (count == 0 || !index_of(&place, count - 1, &at)) {
        return unable(work);
    }
    struct hf_value *items = place.parent->as.array.items;
    *out = items[at];
    memmove(items + at, items + at + 1, (count - at - 1) * sizeof *items);
    place.parent->as.array.count--;
    return 0;
}

static int replace(struct sim_work *work, struct hf_value *document, const char *path, const struct hf_value *value)
{
    struct hf_value *there = (struct hf_value *)(uintptr_t)hf_pointer_get(document, hf_slice_of(path));
    if (!there) {
        return unable(work);
    }
    *there = *value;
    return 0;
}

static int test(struct sim_work *work, const struct hf_value *document, const char *path, const struct hf_value *value)
{
    static const struct hf_value NOTHING = {.kind = HF_NULL};
    const struct hf_value *there = hf_pointer_get(document, hf_slice_of(path));
    return hf_value_equal(there ? there : &NOTHING, value) ? 0 : unable(work);
}

static int move(struct sim_work *work, struct hf_value *document, const struct hf_value *step, const char *path,
                bool keep)
{
    const char *from = hf_value_text(hf_value_get(step, "from"));
    struct hf_value value;
    if (!from) {
        return unable(work);
    }
    if (!keep) {
        return take_out(work, document, from, &value) == 0 ? add(work, document, path, &value) : -1;
    }
    const struct hf_value *there = hf_pointer_get(document, hf_slice_of(from));
    if (!there) {
        return unable(work);
    }
    struct hf_value *copy = hf_value_copy(work->arena, there);
    return copy ? add(work, document, path, copy) : -1;
}

static int run_step(struct sim_work *work, struct hf_value *document, const struct hf_value *step)
{
    static const struct hf_value NOTHING = {.kind = HF_NULL};
    const char *operation = hf_value_text(hf_value_get(step, "op"));
    const char *path = hf_value_text(hf_value_get(step, "path"));
    const struct hf_value *given = hf_value_get(step, "value");
    struct hf_value *value = hf_value_copy(work->arena, given ? given : &NOTHING);
    struct hf_value gone;
    if (!value) {
        return -1;
    }
    if (!operation || !path) {
        return sim_fail(work, 400, "BadRequest", "a step of a JSON patch needs op and path");
    }
    if (strcmp(operation, "add") == 0) {
        return add(work, document, path, value);
    }
    if (strcmp(operation, "remove") == 0) {
        return take_out(work, document, path, &gone);
    }
    if (strcmp(operation, "replace") == 0) {
        return replace(work, document, path, value);
    }
    if (strcmp(operation, "test") == 0) {
        return test(work, document, path, value);
    }
    if (strcmp(operation, "move") == 0 || strcmp(operation, "copy") == 0) {
        return move(work, document, step, path, operation[0] == 'c');
    }
    return sim_fail(work, 400, "BadRequest", "Unexpected kind: %s", operation);
}

#define MOST_STEPS 10000

int sim_patch_json(struct sim_work *work, const struct hf_value *document, const struct hf_value *patch,
                   struct hf_value **out)
{
    if (patch->kind != HF_ARRAY) {
        return sim_fail(work, 400, "BadRequest", "error decoding patch: expected an array, found %s",
                        hf_kind_name(patch->kind));
    }
    if (hf_value_count(patch) > MOST_STEPS) {
        return sim_fail(work, 413, "RequestEntityTooLarge",
                        "The allowed maximum operations in a JSON patch is %d, got %zu", MOST_STEPS,
                        hf_value_count(patch));
    }
    *out = hf_value_copy(work->arena, document);
    for (size_t i = 0; *out && i < hf_value_count(patch); i++) {
        if (run_step(work, *out, hf_value_at(patch, i)) != 0) {
            return -1;
        }
    }
    return *out ? 0 : -1;
}
