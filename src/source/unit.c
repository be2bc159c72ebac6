/* One unit from its bytes. */
#include <stdlib.h>
#include <string.h>

#include "holdfast/map.h"
#include "unit.h"

#define MOST_LABELS 64u

struct hf_unit *hf_unit_keep(struct hf_unit *unit)
{
    unit->references++;
    return unit;
}

void hf_unit_drop(struct hf_unit *unit)
{
    if (unit && --unit->references == 0) {
        hf_arena_free(unit->arena); /* the unit itself lives in it */
    }
}

const char *hf_unit_label(const struct hf_unit *unit, const char *name)
{
    for (size_t i = 0; i < unit->label_count; i++) {
        if (strcmp(unit->labels[i].name, name) == 0) {
            return unit->labels[i].value;
        }
    }
    return NULL;
}

static struct hf_slice trim(struct hf_slice text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r", text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* "# holdfast: name=value" on comment lines at the top. */
static int read_labels(struct hf_unit *unit, struct hf_error *err)
{
    struct hf_label *labels = hf_arena_array(unit->arena, MOST_LABELS, sizeof *labels);
    const char *at = unit->bytes;
    const char *end = unit->bytes + unit->byte_count;
    if (!labels) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
    }
    unit->labels = labels;
    while (at < end && unit->label_count < MOST_LABELS) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        struct hf_slice line = trim((struct hf_slice){at, (size_t)((line_end ? line_end : end) - at)});
        at = line_end ? line_end + 1 : end;
        if (line.len > 0 && line.ptr[0] != '#') {
            break;
        }
        if (line.len == 0 || !hf_slice_starts(line, "# holdfast:")) {
            continue;
        }
        struct hf_slice pair = trim((struct hf_slice){line.ptr + 11, line.len - 11});
        const char *equals = memchr(pair.ptr, '=', pair.len);
        if (!equals) {
            continue;
        }
        struct hf_slice name = trim((struct hf_slice){pair.ptr, (size_t)(equals - pair.ptr)});
        struct hf_slice value = trim((struct hf_slice){equals + 1, (size_t)(pair.ptr + pair.len - equals - 1)});
        struct hf_label *label = &labels[unit->label_count++];
        label->name = hf_arena_copy(unit->arena, name.ptr, name.len);
        label->value = hf_arena_copy(unit->arena, value.ptr, value.len);
        if (!label->name || !label->value) {
            return hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
        }
    }
    return 0;
}

static int complain(const struct hf_unit *unit, const struct hf_document *document, const struct hf_value *at, const char *found,
                    const char *expected, struct hf_error *err)
{
    uint32_t line = at && at->line ? at->line : document->line;
    uint32_t column = at && at->column ? at->column : 1;
    return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: found %s, expected %s", unit->origin, line, column, found, expected);
}

static int check_text(const struct hf_unit *unit, const struct hf_document *document, const struct hf_value *parent,
                      const char *key, struct hf_error *err)
{
    const struct hf_value *value = hf_value_get(parent, key);
    hf_auto_buf struct hf_buf found = {0};
    hf_auto_buf struct hf_buf expected = {0};
    if (value && value->kind == HF_STRING && value->as.text.len > 0) {
        return 0;
    }
    hf_buf_addf(&found, "%s%s", !value ? "no " : value->kind == HF_STRING ? "an empty " : "", !value || value->kind == HF_STRING ? key : "");
    if (value && value->kind != HF_STRING) {
        hf_buf_addf(&found, "%s for %s", hf_kind_name(value->kind), key);
    }
    hf_buf_addf(&expected, "a Kubernetes object with %s", key);
    return complain(unit, document, value ? value : parent, hf_buf_text(&found), hf_buf_text(&expected), err);
}

static int check_object(const struct hf_unit *unit, const struct hf_document *document, struct hf_error *err)
{
    const struct hf_value *object = document->value;
    if (object->kind != HF_OBJECT) {
        return complain(unit, document, object, hf_kind_name(object->kind), "a Kubernetes object", err);
    }
    const struct hf_value *metadata = hf_value_get(object, "metadata");
    if (check_text(unit, document, object, "apiVersion", err) != 0 || check_text(unit, document, object, "kind", err) != 0) {
        return -1;
    }
    if (!metadata || metadata->kind != HF_OBJECT) {
        return complain(unit, document, metadata, "no metadata", "an object with metadata.name", err);
    }
    if (!hf_value_get(metadata, "name") && hf_value_get(metadata, "generateName")) {
        return complain(unit, document, hf_value_get(metadata, "generateName"), "generateName",
                        "metadata.name: an object without a fixed name can't be held", err);
    }
    return check_text(unit, document, metadata, "name", err);
}

/* kind: List and the like: each item is an object of its own, sent as JSON since it has no bytes of its own. */
static bool is_list(const struct hf_value *value)
{
    const char *kind = hf_value_text(hf_value_get(value, "kind"));
    const struct hf_value *items = hf_value_get(value, "items");
    size_t len = kind ? strlen(kind) : 0;
    return len >= 4 && strcmp(kind + len - 4, "List") == 0 && items && items->kind == HF_ARRAY;
}

static int unpack(struct hf_unit *unit, const struct hf_document *list, struct hf_document *out, size_t *count, struct hf_error *err)
{
    const struct hf_value *items = hf_value_get(list->value, "items");
    for (size_t i = 0; i < items->as.array.count; i++) {
        struct hf_buf json = {0};
        hf_json_write(&json, &items->as.array.items[i]);
        char *copy = hf_buf_ok(&json) ? hf_arena_copy(unit->arena, hf_buf_text(&json), json.len) : NULL;
        struct hf_document *document = &out[(*count)++];
        *document = (struct hf_document){&items->as.array.items[i], {copy, json.len}, items->as.array.items[i].line};
        hf_buf_free(&json);
        if (!copy) {
            return hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
        }
    }
    return 0;
}

static int take_documents(struct hf_unit *unit, const struct hf_document *read, size_t read_count, struct hf_error *err)
{
    size_t most = 0;
    for (size_t i = 0; i < read_count; i++) {
        most += is_list(read[i].value) ? hf_value_count(hf_value_get(read[i].value, "items")) : 1;
    }
    struct hf_document *documents = hf_arena_array(unit->arena, most, sizeof *documents);
    size_t count = 0;
    if (!documents) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
    }
    for (size_t i = 0; i < read_count; i++) {
        if (!is_list(read[i].value)) {
            documents[count++] = read[i];
        } else if (unpack(unit, &read[i], documents, &count, err) != 0) {
            return -1;
        }
    }
    unit->documents = documents;
    unit->document_count = count;
    return 0;
}

bool hf_source_object_key(struct hf_buf *key, const struct hf_value *object)
{
    const char *api_version = hf_value_text(hf_value_get(object, "apiVersion"));
    const char *slash = strchr(api_version, '/');
    const char *parts[] = {hf_value_text(hf_value_get(object, "kind")),
                           hf_value_text(hf_value_path(object, "metadata", "namespace", NULL)),
                           hf_value_text(hf_value_path(object, "metadata", "name", NULL))};
    hf_buf_clear(key);
    hf_buf_add(key, api_version, slash ? (size_t)(slash - api_version) : 0);
    for (size_t i = 0; i < 3; i++) {
        hf_buf_addc(key, '\0');
        hf_buf_adds(key, parts[i]);
    }
    return hf_buf_ok(key);
}

static int check_documents(const struct hf_unit *unit, struct hf_error *err)
{
    struct hf_map *seen = hf_map_new();
    hf_auto_buf struct hf_buf key = {0};
    int result = seen ? 0 : hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
    for (size_t i = 0; result == 0 && i < unit->document_count; i++) {
        const struct hf_document *document = &unit->documents[i];
        void *first = NULL;
        result = check_object(unit, document, err);
        if (result == 0 && (!hf_source_object_key(&key, document->value) ||
                            hf_map_put(seen, (struct hf_slice){key.ptr, key.len}, (void *)(uintptr_t)document, &first) != 0)) {
            result = hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
        }
        if (result == 0 && first) {
            hf_auto_buf struct hf_buf found = {0};
            hf_buf_addf(&found, "%s %s a second time (first on line %u)", hf_value_text(hf_value_get(document->value, "kind")),
                        hf_value_text(hf_value_path(document->value, "metadata", "name", NULL)),
                        ((const struct hf_document *)first)->value->line);
            result = complain(unit, document, document->value, hf_buf_text(&found), "each object once in a unit", err);
        }
    }
    hf_map_free(seen, NULL);
    return result;
}

struct hf_unit *hf_source_unit_new(const char *space, const char *slug, const char *origin, const char *bytes, size_t len)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_unit *unit = arena ? hf_arena_alloc(arena, sizeof *unit) : NULL;
    if (!unit) {
        hf_arena_free(arena);
        return NULL;
    }
    unit->arena = arena;
    unit->references = 1;
    unit->revision = 1;
    unit->unit_id = "";
    unit->space = hf_arena_copy(arena, space, strlen(space));
    unit->slug = hf_arena_copy(arena, slug, strlen(slug));
    unit->origin = hf_arena_copy(arena, origin, strlen(origin));
    unit->bytes = hf_arena_copy(arena, bytes, len);
    unit->byte_count = len;
    if (!unit->space || !unit->slug || !unit->origin || !unit->bytes) {
        hf_unit_drop(unit);
        return NULL;
    }
    return unit;
}

int hf_unit_read(const char *space, const char *slug, const char *origin, const char *bytes, size_t len, struct hf_unit **out,
                 struct hf_error *err)
{
    struct hf_unit *unit = hf_source_unit_new(space, slug, origin, bytes, len);
    struct hf_document *documents;
    size_t count;
    if (!unit) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", origin);
    }
    int result = hf_yaml_read(unit->arena, unit->bytes, len, NULL, &documents, &count, err);
    if (result != 0) {
        (void)hf_error_wrap(err, "%s", origin);
    } else if (hf_sha256(bytes, len, &unit->digest, err) != 0 || read_labels(unit, err) != 0 ||
               take_documents(unit, documents, count, err) != 0 || check_documents(unit, err) != 0) {
        result = -1;
    }
    if (result != 0) {
        hf_unit_drop(unit);
        return -1;
    }
    *out = unit;
    return 0;
}
