/* The keywords of JSON Schema that look at one value alone. */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/json.h"
#include "jsonschema.h"
#include "number.h"

#define SHOWN 60u

static bool is_integer(const struct hf_value *value)
{
    struct hf_number number;
    return value->kind == HF_NUMBER && hf_number_read(value->as.text, &number) &&
           (number.digits == 0 || number.point >= (int64_t)number.digits);
}

static bool has_type(const struct hf_value *value, const char *type)
{
    return strcmp(hf_kind_name(value->kind), type) == 0 || (strcmp(type, "integer") == 0 && is_integer(value));
}

static const char *with_article(const char *type)
{
    static const char *const NAMES[][2] = {
        {"null", "null"},   {"boolean", "true or false"}, {"number", "a number"}, {"integer", "an integer"},
        {"string", "text"}, {"array", "a list"},          {"object", "a mapping"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(type, NAMES[i][0]) == 0) {
            return NAMES[i][1];
        }
    }
    return type;
}

/* The value itself where it is short and no text: text may be a secret in the wrong place. */
static void show(const struct hf_value *value, bool text_too, struct hf_buf *out)
{
    hf_auto_buf struct hf_buf json = {0};
    bool scalar = value->kind == HF_NULL || value->kind == HF_BOOL || value->kind == HF_NUMBER;
    if (scalar || (text_too && value->kind == HF_STRING && value->as.text.len <= SHOWN)) {
        hf_json_write(&json, value);
        hf_buf_add_safe(out, (struct hf_slice){hf_buf_text(&json), json.len}, SHOWN);
    } else {
        hf_buf_adds(out, with_article(hf_kind_name(value->kind)));
    }
}

static void add_choice(struct hf_buf *buf, size_t index, size_t count)
{
    if (index > 0) {
        hf_buf_adds(buf, index + 1 == count ? " or " : ", ");
    }
}

static bool check_type(struct hf_schema_check *check, const struct hf_value *type, const struct hf_value *value)
{
    hf_auto_buf struct hf_buf found = {0};
    hf_auto_buf struct hf_buf expected = {0};
    if (type->kind == HF_STRING) {
        if (has_type(value, type->as.text.ptr)) {
            return true;
        }
        hf_buf_adds(&expected, with_article(type->as.text.ptr));
    }
    for (size_t i = 0; i < hf_value_count(type); i++) {
        const char *name = hf_value_at(type, i)->as.text.ptr;
        if (has_type(value, name)) {
            return true;
        }
        add_choice(&expected, i, hf_value_count(type));
        hf_buf_adds(&expected, with_article(name));
    }
    show(value, false, &found);
    hf_schema_violate(check, value->line, value->column, hf_buf_text(&found), hf_buf_text(&expected));
    return false;
}

static void check_enum(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value)
{
    const struct hf_value *list = hf_value_get(schema, "enum");
    const struct hf_value *constant = hf_value_get(schema, "const");
    hf_auto_buf struct hf_buf found = {0};
    hf_auto_buf struct hf_buf expected = {0};
    if (constant && !hf_value_equal(constant, value)) {
        show(value, true, &found);
        hf_json_write(&expected, constant);
        hf_schema_violate(check, value->line, value->column, hf_buf_text(&found), hf_buf_text(&expected));
    }
    if (!list) {
        return;
    }
    hf_buf_clear(&expected);
    hf_buf_clear(&found);
    for (size_t i = 0; i < hf_value_count(list); i++) {
        if (hf_value_equal(hf_value_at(list, i), value)) {
            return;
        }
        hf_buf_adds(&expected, i == 0 ? (hf_value_count(list) > 1 ? "one of " : "") : ", ");
        hf_json_write(&expected, hf_value_at(list, i));
    }
    show(value, true, &found);
    hf_schema_violate(check, value->line, value->column, hf_buf_text(&found), hf_buf_text(&expected));
}

static void check_number(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value)
{
    const struct hf_value *least = hf_value_get(schema, "minimum");
    const struct hf_value *most = hf_value_get(schema, "maximum");
    bool low = least && hf_number_compare(value->as.text, least->as.text) < 0;
    bool high = most && hf_number_compare(value->as.text, most->as.text) > 0;
    if (!low && !high) {
        return;
    }
    char found[80];
    char expected[160];
    (void)snprintf(found, sizeof found, "%.*s", (int)(value->as.text.len > SHOWN ? SHOWN : value->as.text.len),
                   value->as.text.ptr);
    if (least && most) {
        (void)snprintf(expected, sizeof expected, "a number from %.60s to %.60s", least->as.text.ptr,
                       most->as.text.ptr);
    } else {
        (void)snprintf(expected, sizeof expected, "a number of at %s %.60s", low ? "least" : "most",
                       (low ? least : most)->as.text.ptr);
    }
    hf_schema_violate(check, value->line, value->column, found, expected);
}

/* Holds a count between the limits that two keywords set; -1 for no limit. */
static void check_count(struct hf_schema_check *check, const struct hf_value *schema, const char *least_key,
                        const char *most_key, size_t count, const char *what, const struct hf_value *value)
{
    int64_t least = 0;
    int64_t most = INT64_MAX;
    (void)hf_value_int(hf_value_get(schema, least_key), &least);
    (void)hf_value_int(hf_value_get(schema, most_key), &most);
    if ((int64_t)count >= least && (int64_t)count <= most) {
        return;
    }
    char found[80];
    char expected[80];
    (void)snprintf(found, sizeof found, "%zu %s", count, what);
    (void)snprintf(expected, sizeof expected, "at %s %lld", (int64_t)count < least ? "least" : "most",
                   (long long)((int64_t)count < least ? least : most));
    hf_schema_violate(check, value->line, value->column, found, expected);
}

static size_t count_characters(struct hf_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return count;
}

static int check_pattern(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *pattern,
                         const struct hf_value *value)
{
    regex_t regex;
    if (regcomp(&regex, pattern->as.text.ptr, REG_EXTENDED | REG_NOSUB) != 0) {
        return hf_error_set(check->err, HF_EINVAL, "schema: \"pattern\" is no POSIX extended expression: %.*s",
                            HF_SLICE(pattern->as.text));
    }
    const char *text = hf_value_text(value);
    int matched = text ? regexec(&regex, text, 0, NULL, 0) : REG_NOMATCH;
    regfree(&regex);
    if (matched == REG_ESPACE) {
        return hf_error_set(check->err, HF_ENOMEM, "out of memory while checking a document");
    }
    if (matched != 0) {
        char expected[400];
        const char *description = hf_value_text(hf_value_get(schema, "description"));
        (void)snprintf(expected, sizeof expected, "text that matches %.200s%s%.140s%s", pattern->as.text.ptr,
                       description ? " (" : "", description ? description : "", description ? ")" : "");
        hf_schema_violate(check, value->line, value->column, "text that does not match", expected);
    }
    return 0;
}

bool hf_schema_scalar(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value,
                      int *status)
{
    const struct hf_value *type = hf_value_get(schema, "type");
    if (type && !check_type(check, type, value)) {
        return false;
    }
    check_enum(check, schema, value);
    if (value->kind == HF_NUMBER) {
        check_number(check, schema, value);
    } else if (value->kind == HF_STRING) {
        check_count(check, schema, "minLength", "maxLength", count_characters(value->as.text), "characters", value);
        const struct hf_value *pattern = hf_value_get(schema, "pattern");
        *status = pattern ? check_pattern(check, schema, pattern, value) : 0;
    } else if (value->kind == HF_ARRAY) {
        check_count(check, schema, "minItems", "maxItems", hf_value_count(value), "items", value);
    }
    return true;
}

#define LONGEST_NAME 40u

/* Letters to change, add, take away or swap to get from one name to the other. */
static size_t distance(struct hf_slice a, struct hf_slice b)
{
    size_t rows[3][LONGEST_NAME + 1];
    if (a.len > LONGEST_NAME || b.len > LONGEST_NAME) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *above = rows[(i - 1) % 3];
        size_t *row = rows[i % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = above[j - 1] + ((a.ptr[i - 1] | 0x20) != (b.ptr[j - 1] | 0x20));
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
                size_t swapped = rows[(i - 2) % 3][j - 2] + 1;
                best = swapped < best ? swapped : best;
            }
            row[j] = best;
        }
    }
    return rows[a.len % 3][b.len];
}

void hf_schema_unknown_property(struct hf_schema_check *check, const struct hf_value *properties,
                                const struct hf_member *member)
{
    hf_auto_buf struct hf_buf found = {0};
    hf_auto_buf struct hf_buf expected = {0};
    const struct hf_member *nearest = NULL;
    size_t best = 1 + member->key.len / 3;
    for (size_t i = 0; i < hf_value_count(properties); i++) {
        const struct hf_member *known = &properties->as.object.members[i];
        size_t steps = distance(member->key, known->key);
        if (steps <= best && (!nearest || steps < best)) {
            best = steps;
            nearest = known;
        }
        hf_buf_addf(&expected, "%s\"%.*s\"", i == 0 ? "one of " : ", ", HF_SLICE(known->key));
    }
    hf_buf_adds(&found, "the unknown property \"");
    hf_buf_add_safe(&found, member->key, SHOWN);
    hf_buf_addc(&found, '"');
    if (nearest) {
        hf_buf_clear(&expected);
        hf_buf_addf(&expected, "\"%.*s\"", HF_SLICE(nearest->key));
    }
    hf_schema_violate(check, member->line, member->column, hf_buf_text(&found),
                      expected.len ? hf_buf_text(&expected) : "no properties");
}
