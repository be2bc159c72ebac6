/* The JSON reader against itself: the canonical form is stable, and the splitter, fed in pieces, gives the items that
 * the whole reader finds and refuses what it refuses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/canonical.h"
#include "holdfast/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

struct gathered {
    struct hf_arena *arena;
    struct hf_value *items;
};

/* One level less deep than the whole, since an item lies two levels below. */
static const struct hf_read_limits ITEM = {.depth = 58};
static const struct hf_read_limits WHOLE = {.depth = 60};

static int gather(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct gathered *gathered = ctx;
    const struct hf_value *item = NULL;
    if (hf_json_read(gathered->arena, bytes, len, &ITEM, &item, err) != 0) {
        return -1;
    }
    must(hf_value_push(gathered->arena, gathered->items, item) == 0);
    return 0;
}

/* Pieces of the lengths that the input's own bytes give. */
static int split(struct gathered *gathered, const char *bytes, size_t len, const struct hf_value **rest)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_json_split *splitter = hf_json_split_new("items", (size_t)1 << 24, (size_t)1 << 24, gather, gathered);
    must(splitter != NULL);
    int status = 0;
    for (size_t at = 0; status == 0 && at < len;) {
        size_t piece = (size_t)1 + (unsigned char)bytes[at] % 7;
        piece = piece < len - at ? piece : len - at;
        char *copy = malloc(piece);
        must(copy != NULL);
        memcpy(copy, bytes + at, piece);
        status = hf_json_split_feed(splitter, copy, piece, &err);
        free(copy);
        at += piece;
    }
    if (status == 0) {
        status = hf_json_split_finish(splitter, gathered->arena, rest, &err);
    }
    must((status == 0) == (err.code == HF_OK));
    hf_json_split_free(splitter);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf once = {0};
    hf_auto_buf struct hf_buf twice = {0};
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *whole = NULL;
    const struct hf_value *again = NULL;
    const struct hf_value *rest = NULL;
    if (!arena) {
        return 0;
    }
    struct gathered gathered = {arena, hf_value_new(arena, HF_ARRAY)};
    bool read = hf_json_read(arena, (const char *)data, size, &WHOLE, &whole, &err) == 0;
    must(read || err.code == HF_EPARSE || err.code == HF_ELIMIT);
    bool cut = split(&gathered, (const char *)data, size, &rest) == 0;
    /* What was refused for its depth alone may pass in pieces. */
    must(read == cut || err.code == HF_ELIMIT);
    if (!read) {
        return 0;
    }
    const struct hf_value *items = hf_value_get(whole, "items");
    if (items && items->kind == HF_ARRAY) {
        must(hf_value_equal(items, gathered.items));
        struct hf_value *joined = hf_value_copy(arena, rest);
        must(hf_value_count(hf_value_get(joined, "items")) == 0);
        must(hf_value_set(arena, joined, hf_slice_of("items"), gathered.items) == 0);
        must(hf_value_equal(joined, whole));
    } else {
        must(hf_value_count(gathered.items) == 0 && hf_value_equal(rest, whole));
    }
    hf_canonical_write(&once, whole);
    must(hf_json_read(arena, hf_buf_text(&once), once.len, &WHOLE, &again, &err) == 0);
    hf_canonical_write(&twice, again);
    must(once.len == twice.len && memcmp(once.ptr, twice.ptr, once.len) == 0);
    must(hf_value_equal(whole, again));
    return 0;
}
