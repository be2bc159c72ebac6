#include "holdfast/zone.h"

#include <stdlib.h>
#include <string.h>

#include "zone_rule.h"

#define MOST_BYTES ((size_t)1 << 20)
#define HEADER 44u
#define DAY 86400

struct hf_zone {
    size_t count;
    const int64_t *at;     /* transitions, ascending */
    const int32_t *offset; /* from that transition on */
    int32_t before;        /* before the first */
    bool has_rule;
    struct zone_rule rule; /* after the last */
};

struct counts {
    size_t utc;
    size_t standard;
    size_t leaps;
    size_t times;
    size_t types;
    size_t chars;
};

static uint32_t big32(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t big64(const char *at)
{
    return (int64_t)((uint64_t)big32(at) << 32 | big32(at + 4));
}

static bool read_header(struct hf_slice file, struct counts *counts, char *version)
{
    if (file.len < HEADER || memcmp(file.ptr, "TZif", 4) != 0) {
        return false;
    }
    *version = file.ptr[4];
    size_t *const into[] = {&counts->utc,   &counts->standard, &counts->leaps,
                            &counts->times, &counts->types,    &counts->chars};
    for (size_t i = 0; i < 6; i++) {
        *into[i] = big32(file.ptr + 20 + i * 4);
        if (*into[i] > MOST_BYTES) {
            return false;
        }
    }
    return counts->types > 0;
}

static size_t block_size(const struct counts *counts, size_t wide)
{
    return counts->times * (wide + 1) + counts->types * 6 + counts->chars + counts->leaps * (wide + 4) +
           counts->standard + counts->utc;
}

static int malformed(struct hf_error *err, const char *what)
{
    return hf_error_set(err, HF_EPARSE, "the time zone file is malformed: %s", what);
}

static int read_block(struct hf_arena *arena, const char *block, const struct counts *counts, size_t wide,
                      struct hf_zone *zone, struct hf_error *err)
{
    const char *indices = block + counts->times * wide;
    const char *types = indices + counts->times;
    int64_t *at = hf_arena_array(arena, counts->times, sizeof *at);
    int32_t *offset = hf_arena_array(arena, counts->times, sizeof *offset);
    if (!at || !offset) {
        return hf_error_set(err, HF_ENOMEM, "read a time zone: out of memory");
    }
    for (size_t i = 0; i < counts->types; i++) {
        int32_t east = (int32_t)big32(types + i * 6);
        if (east < -26 * 3600 || east > 26 * 3600) {
            return malformed(err, "an offset of more than 26 hours");
        }
    }
    for (size_t i = 0; i < counts->times; i++) {
        size_t type = (unsigned char)indices[i];
        at[i] = wide == 8 ? big64(block + i * 8) : (int32_t)big32(block + i * 4);
        if (type >= counts->types || (i > 0 && at[i] <= at[i - 1])) {
            return malformed(err, "its transitions are out of order, or of no type");
        }
        offset[i] = (int32_t)big32(types + type * 6);
    }
    *zone = (struct hf_zone){.count = counts->times, .at = at, .offset = offset, .before = (int32_t)big32(types)};
    return 0;
}

/* The footer: a line feed, the rule, a line feed. An empty rule: the last offset holds on. */
static int read_footer(struct hf_slice rest, struct hf_zone *zone, struct hf_error *err)
{
    const char *end = rest.len > 1 && rest.ptr[0] == '\n' ? memchr(rest.ptr + 1, '\n', rest.len - 1) : NULL;
    if (!end) {
        return malformed(err, "its footer is cut short");
    }
    struct hf_slice text = {rest.ptr + 1, (size_t)(end - rest.ptr) - 1};
    zone->has_rule = text.len > 0;
    return text.len == 0 || hf_zone_rule_read(text, &zone->rule) ? 0 : malformed(err, "its rule can't be read");
}

int hf_zone_read(struct hf_arena *arena, const char *bytes, size_t len, const struct hf_zone **out,
                 struct hf_error *err)
{
    struct hf_slice file = {bytes, len};
    struct counts counts;
    char version;
    size_t wide = 4;
    struct hf_zone *zone = hf_arena_alloc(arena, sizeof *zone);
    if (!zone) {
        return hf_error_set(err, HF_ENOMEM, "read a time zone: out of memory");
    }
    if (len > MOST_BYTES || !read_header(file, &counts, &version)) {
        return malformed(err, "it has no header");
    }
    if (version >= '2') {
        size_t skip = HEADER + block_size(&counts, 4);
        file = skip < file.len ? (struct hf_slice){file.ptr + skip, file.len - skip} : (struct hf_slice){NULL, 0};
        wide = 8;
        if (!read_header(file, &counts, &version)) {
            return malformed(err, "its second header is missing");
        }
    }
    size_t size = HEADER + block_size(&counts, wide);
    if (file.len < size) {
        return malformed(err, "it is cut short");
    }
    if (counts.leaps > 0) {
        return hf_error_set(err, HF_EUNSUPPORTED, "the time zone counts leap seconds, as no cluster does");
    }
    if (read_block(arena, file.ptr + HEADER, &counts, wide, zone, err) != 0 ||
        (wide == 8 && read_footer((struct hf_slice){file.ptr + size, file.len - size}, zone, err) != 0)) {
        return -1;
    }
    *out = zone;
    return 0;
}

int32_t hf_zone_offset(const struct hf_zone *zone, int64_t at)
{
    size_t low = 0;
    size_t high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->at[middle] <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == zone->count && zone->has_rule) {
        return hf_zone_rule_offset(&zone->rule, at);
    }
    return low == 0 ? zone->before : zone->offset[low - 1];
}

int64_t hf_zone_instant(const struct hf_zone *zone, int64_t local, bool later)
{
    int64_t before = local - hf_zone_offset(zone, local - DAY - DAY / 2);
    int64_t after = local - hf_zone_offset(zone, local + DAY + DAY / 2);
    bool before_fits = before + hf_zone_offset(zone, before) == local;
    bool after_fits = after + hf_zone_offset(zone, after) == local;
    if (before_fits && after_fits) {
        return (before < after) == later ? after : before;
    }
    return after_fits ? after : before;
}

static bool two_digits(const char *text, int most, int *out)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
        return false;
    }
    *out = (text[0] - '0') * 10 + text[1] - '0';
    return *out <= most;
}

bool hf_zone_fixed(struct hf_arena *arena, const char *name, const struct hf_zone **out)
{
    int hours = 0;
    int minutes = 0;
    bool is_utc = strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0;
    bool is_offset = strlen(name) == 6 && (name[0] == '+' || name[0] == '-') && name[3] == ':' &&
                     two_digits(name + 1, 23, &hours) && two_digits(name + 4, 59, &minutes);
    struct hf_zone *zone = is_utc || is_offset ? hf_arena_alloc(arena, sizeof *zone) : NULL;
    if (!zone) {
        return false;
    }
    zone->before = (name[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    *out = zone;
    return true;
}

/* Only names as tzdata has them: none that leads out of its folder. */
static bool is_name(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-");
    return name[0] >= 'A' && name[0] <= 'z' && name[len] == '\0' && len <= 80 && !strstr(name, "//") &&
           name[len - 1] != '/';
}

int hf_zone_find(struct hf_arena *arena, const char *folder, const char *name, const struct hf_zone **out,
                 struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf bytes = {0};
    const char *given = folder ? folder : getenv("TZDIR");
    if (hf_zone_fixed(arena, name, out)) {
        return 0;
    }
    if (!is_name(name)) {
        return hf_error_set(err, HF_ENOTFOUND, "there is no time zone of that name");
    }
    hf_buf_addf(&path, "%s/%s", given && *given ? given : "/usr/share/zoneinfo", name);
    if (!hf_buf_ok(&path)) {
        return hf_error_set(err, HF_ENOMEM, "read a time zone: out of memory");
    }
    if (hf_read_file(hf_buf_text(&path), MOST_BYTES, &bytes, err) != 0) {
        return -1;
    }
    return hf_zone_read(arena, hf_buf_text(&bytes), bytes.len, out, err) == 0
               ? 0
               : hf_error_wrap(err, "%s", hf_buf_text(&path));
}
