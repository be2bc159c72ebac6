#include "keyed.h"

#include <string.h>

static void add_escaped(struct hf_buf *out, struct hf_slice text, bool in_item)
{
    for (size_t i = 0; i < text.len; i++) {
        static const char ESCAPED[] = {'~', '/', '[', ']', ',', '=', '\0'};
        char byte = text.ptr[i];
        const char *at = memchr(ESCAPED, byte, sizeof ESCAPED);
        bool plain =
            !at || (byte == '[' && (in_item || i > 0)) || (!in_item && (byte == ']' || byte == ',' || byte == '='));
        if (plain) {
            hf_buf_addc(out, byte);
        } else {
            hf_buf_addc(out, '~');
            hf_buf_addc(out, (char)('0' + (at - ESCAPED)));
        }
    }
}

void hf_keyed_add_key(struct hf_buf *out, struct hf_slice key)
{
    hf_buf_addc(out, '/');
    add_escaped(out, key, false);
}

bool hf_keyed_add_pair(struct hf_buf *out, const char *key, const struct hf_value *value)
{
    struct hf_slice text = {"null", 4};
    if (value && (value->kind == HF_STRING || value->kind == HF_NUMBER)) {
        text = value->as.text;
    } else if (value && value->kind == HF_BOOL) {
        text = hf_slice_of(value->as.boolean ? "true" : "false");
    } else if (!value || value->kind != HF_NULL) {
        return false;
    }
    add_escaped(out, hf_slice_of(key), true);
    hf_buf_addc(out, '=');
    add_escaped(out, text, true);
    return true;
}

/* FNV-1a: only to tell most that differ apart at once; what has the same hash is compared. */
static uint32_t hash_of(struct hf_slice text)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.ptr[i]) * 16777619u;
    }
    return hash;
}

/* Two of 64 bits for a text at its place. */
static uint64_t mark_of(uint32_t hash, size_t at)
{
    uint32_t mixed = (hash ^ (uint32_t)at * 0x9E3779B9u) * 0x85EBCA6Bu;
    return UINT64_C(1) << (mixed >> 26) | UINT64_C(1) << (mixed >> 20 & 63);
}

void hf_keyed_cut(struct keyed_path *path, const char *text)
{
    path->text = text;
    path->count = 0;
    path->several = 0;
    path->has = 0;
    while (*text == '/' && path->count < HF_MOST_PARTS) {
        const char *start = text + 1;
        const char *end = strchr(start, '/');
        size_t len = end ? (size_t)(end - start) : strlen(start);
        path->parts[path->count] = (struct hf_slice){start, len};
        path->hashes[path->count] = hash_of(path->parts[path->count]);
        path->several |= (uint64_t)(memchr(start, ',', len) != NULL) << path->count;
        path->has |= mark_of(path->hashes[path->count], path->count);
        path->count++;
        text = start + len;
    }
    path->has = path->several ? UINT64_MAX : path->has; /* an item of several keys has no text of its own */
}

bool hf_glob_matches(struct hf_slice glob, struct hf_slice text, bool question_mark)
{
    size_t g = 0;
    size_t t = 0;
    size_t star = SIZE_MAX;
    size_t taken = 0;
    while (t < text.len) {
        if (g < glob.len && glob.ptr[g] == '*') {
            star = g++;
            taken = t;
        } else if (g < glob.len && (glob.ptr[g] == text.ptr[t] || (question_mark && glob.ptr[g] == '?'))) {
            g++;
            t++;
        } else if (star != SIZE_MAX) {
            g = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.ptr[g] == '*') {
        g++;
    }
    return g == glob.len;
}

/* The next "key=value" between the brackets; *at moves behind it. */
static struct pattern_pair next_pair(struct hf_slice *at)
{
    const char *comma = memchr(at->ptr, ',', at->len);
    struct hf_slice whole = {at->ptr, comma ? (size_t)(comma - at->ptr) : at->len};
    const char *equals = memchr(whole.ptr, '=', whole.len);
    size_t key = equals ? (size_t)(equals - whole.ptr) : whole.len;
    size_t used = whole.len + (comma != NULL);
    *at = (struct hf_slice){at->ptr + used, at->len - used};
    return (struct pattern_pair){{whole.ptr, key},
                                 {whole.ptr + key + (equals != NULL), whole.len - key - (equals != NULL)}};
}

static bool has_pair(struct hf_slice item, const struct pattern_pair *wanted)
{
    while (item.len > 0) {
        struct pattern_pair pair = next_pair(&item);
        if (hf_slice_equal(pair.key, wanted->key)) {
            return hf_glob_matches(wanted->value, pair.value, false);
        }
    }
    return false;
}

static bool item_matches(const struct pattern_part *part, struct hf_slice text)
{
    if (text.len < 2 || text.ptr[0] != '[') {
        return false;
    }
    struct hf_slice inner = {text.ptr + 1, text.len - 2};
    for (size_t i = 0; i < part->pair_count; i++) {
        if (!has_pair(inner, &part->pairs[i])) {
            return false;
        }
    }
    return true;
}

static bool part_matches(const struct pattern_part *part, struct hf_slice text)
{
    switch (part->kind) {
    case PART_ANY:
        return true;
    case PART_LITERAL:
        return hf_slice_equal(part->text, text);
    case PART_GLOB:
        /* A list's item is no name. */
        return (text.len == 0 || text.ptr[0] != '[') && hf_glob_matches(part->text, text, false);
    default:
        return item_matches(part, text);
    }
}

bool hf_pattern_matches(const struct path_pattern *pattern, const struct keyed_path *path)
{
    if (pattern->count > path->count || (pattern->needs & ~path->has)) {
        return false;
    }
    /* Patterns differ in their ends: by hash from behind first, what is left by text. */
    for (size_t i = pattern->count; i-- > 0;) {
        const struct pattern_part *part = &pattern->parts[i];
        bool by_hash = part->kind == PART_LITERAL || (part->is_plain_item && !(path->several >> i & 1u));
        if (by_hash && part->hash != path->hashes[i]) {
            return false;
        }
    }
    for (size_t i = 0; i < pattern->count; i++) {
        if (!part_matches(&pattern->parts[i], path->parts[i])) {
            return false;
        }
    }
    return true;
}

static bool same_part(const struct pattern_part *a, const struct pattern_part *b)
{
    if (a->kind == PART_ANY) {
        return true;
    }
    if (a->kind == PART_GLOB && b->kind == PART_LITERAL) {
        return (b->text.len == 0 || b->text.ptr[0] != '[') && hf_glob_matches(a->text, b->text, false);
    }
    return a->kind == b->kind && hf_slice_equal(a->text, b->text);
}

bool hf_pattern_covers(const struct path_pattern *a, const struct path_pattern *b)
{
    if (a->count > b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!same_part(&a->parts[i], &b->parts[i])) {
            return false;
        }
    }
    return true;
}

int hf_pattern_write(const struct path_pattern *pattern, struct hf_buf *out)
{
    for (size_t i = 0; i < pattern->count; i++) {
        hf_buf_addc(out, '/');
        hf_buf_add(out, pattern->parts[i].text.ptr, pattern->parts[i].text.len);
    }
    return hf_buf_ok(out) ? 0 : -1;
}

/* One part as written. Between brackets a slash is no end, as in [name=a/b]. */
static struct hf_slice cut_part(const char **at)
{
    const char *start = *at + 1;
    const char *end = strchr(start, '/');
    if (*start == '[') {
        const char *close = start;
        do {
            close = strchr(close + 1, ']');
        } while (close && close[1] != '/' && close[1] != '\0');
        end = close ? close + 1 : end;
    }
    size_t len = end && *end ? (size_t)(end - start) : strlen(start);
    *at = start + len;
    return (struct hf_slice){start, len};
}

static bool escapes_are_known(struct hf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '~' && (i + 1 >= text.len || text.ptr[i + 1] < '0' || text.ptr[i + 1] > '6')) {
            return false;
        }
    }
    return true;
}

/* What a person may leave as it is between brackets is written as the paths have it. */
static struct hf_slice canonical_value(struct hf_arena *arena, struct hf_slice text)
{
    hf_auto_buf struct hf_buf out = {0};
    for (size_t i = 0; i < text.len; i++) {
        static const char RAW[] = "/]=";
        static const char *const AS[] = {"~1", "~3", "~5"};
        const char *at = memchr(RAW, text.ptr[i], sizeof RAW - 1);
        if (at) {
            hf_buf_adds(&out, AS[at - RAW]);
        } else {
            hf_buf_addc(&out, text.ptr[i]);
        }
    }
    char *copy = hf_buf_ok(&out) ? hf_arena_copy(arena, hf_buf_text(&out), out.len) : NULL;
    return (struct hf_slice){copy, out.len};
}

static size_t count_of(struct hf_slice text, char byte)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == byte;
    }
    return count;
}

static int read_item(struct hf_arena *arena, struct hf_slice text, struct pattern_part *part, struct hf_error *err)
{
    if (text.len < 4 || text.ptr[text.len - 1] != ']') {
        return hf_error_set(err, HF_EINVAL,
                            "found the part \"%.*s\", expected [key=value], [key=value,key=value] or [=value]",
                            HF_SLICE(text));
    }
    struct hf_slice inner = {text.ptr + 1, text.len - 2};
    size_t most = count_of(inner, ',') + 1;
    struct pattern_pair *pairs = hf_arena_array(arena, most, sizeof *pairs);
    hf_auto_buf struct hf_buf whole = {0};
    if (!pairs) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    while (inner.len > 0) {
        bool has_value = memchr(inner.ptr, '=', inner.len) != NULL;
        struct pattern_pair pair = next_pair(&inner);
        if (!has_value || pair.value.ptr == pair.key.ptr + pair.key.len ||
            (part->pair_count > 0 && pair.key.len == 0)) {
            return hf_error_set(err, HF_EINVAL, "found the part \"%.*s\", expected key=value between the brackets",
                                HF_SLICE(text));
        }
        pair.key = canonical_value(arena, pair.key);
        pair.value = canonical_value(arena, pair.value);
        if (!pair.key.ptr || !pair.value.ptr) {
            return hf_error_set(err, HF_ENOMEM, "out of memory");
        }
        for (size_t i = 0; i < part->pair_count; i++) {
            if (hf_slice_equal(pairs[i].key, pair.key)) {
                return hf_error_set(err, HF_EINVAL, "found the part \"%.*s\", which names the key %.*s twice",
                                    HF_SLICE(text), HF_SLICE(pair.key));
            }
        }
        hf_buf_addf(&whole, "%c", part->pair_count ? ',' : '[');
        hf_buf_add(&whole, pair.key.ptr, pair.key.len);
        hf_buf_addc(&whole, '=');
        hf_buf_add(&whole, pair.value.ptr, pair.value.len);
        pairs[part->pair_count++] = pair;
    }
    hf_buf_addc(&whole, ']');
    char *copy = hf_buf_ok(&whole) ? hf_arena_copy(arena, hf_buf_text(&whole), whole.len) : NULL;
    if (!copy) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    part->kind = PART_ITEM;
    part->pairs = pairs;
    part->text = (struct hf_slice){copy, whole.len};
    part->hash = hash_of(part->text);
    part->is_plain_item = part->pair_count == 1 && !memchr(copy, '*', whole.len);
    return 0;
}

static int read_part(struct hf_arena *arena, struct hf_slice text, struct pattern_part *part, struct hf_error *err)
{
    if (!escapes_are_known(text)) {
        return hf_error_set(err, HF_EINVAL, "found the part \"%.*s\", expected ~ only as ~0 (for ~) or ~1 (for /)",
                            HF_SLICE(text));
    }
    if (text.len > 0 && text.ptr[0] == '[') {
        return read_item(arena, text, part, err);
    }
    part->kind = hf_slice_is(text, "*") ? PART_ANY : memchr(text.ptr, '*', text.len) ? PART_GLOB : PART_LITERAL;
    part->text = text;
    part->hash = hash_of(text);
    return 0;
}

int hf_pattern_read(struct hf_arena *arena, const char *text, struct path_pattern *out, struct hf_error *err)
{
    const char *kept = hf_arena_copy(arena, text, strlen(text));
    size_t most = count_of(hf_slice_of(text), '/');
    struct pattern_part *parts = hf_arena_array(arena, most < HF_MOST_PARTS ? most : HF_MOST_PARTS, sizeof *parts);
    size_t count = 0;
    if (!kept || !parts) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (*kept != '/') {
        return hf_error_set(err, HF_EINVAL, "found \"%.100s\", expected a path that begins with /", kept);
    }
    for (const char *at = kept; *at;) {
        if (count == HF_MOST_PARTS) {
            return hf_error_set(err, HF_EINVAL, "found a path of more than %d parts", HF_MOST_PARTS);
        }
        if (*at != '/') {
            return hf_error_set(err, HF_EINVAL, "found \"%.100s\" behind a ], expected / or the end", at);
        }
        if (read_part(arena, cut_part(&at), &parts[count], err) != 0) {
            return -1;
        }
        count++;
    }
    *out = (struct path_pattern){.text = kept, .parts = parts, .count = count};
    for (size_t i = 0; i < count; i++) {
        bool is_exact = parts[i].kind == PART_LITERAL || parts[i].is_plain_item;
        out->needs |= is_exact ? mark_of(parts[i].hash, i) : 0;
    }
    return 0;
}
