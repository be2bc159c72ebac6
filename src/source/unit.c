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
        struct hf_unit *content = unit->content;
        hf_arena_free(unit->arena); /* the unit itself lives in it */
        hf_unit_drop(content);
    }
}

const char *hf_unit_mode_name(enum hf_unit_mode mode)
{
    static const char *const NAMES[] = {"on_demand", "continuous_apply", "continuous_refresh"};
    return (size_t)mode < sizeof NAMES / sizeof NAMES[0] ? NAMES[mode] : "unknown";
}

const char *hf_unit_state_name(enum hf_unit_state state)
{
    static const char *const NAMES[] = {"ready",         "pending",   "gated",     "not_approved", "applying",
                                        "never_applied", "destroyed", "no_target", "other_target", "other_toolchain"};
    return (size_t)state < sizeof NAMES / sizeof NAMES[0] ? NAMES[state] : "unknown";
}

bool hf_unit_is_held(const struct hf_unit *unit)
{
    return unit->state <= HF_UNIT_NOT_APPROVED;
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

/* What follows "# holdfast:" in a comment line; false for another line. */
static bool label_text(struct hf_slice line, struct hf_slice *pair)
{
    static const char WORD[] = "holdfast:";
    struct hf_slice text = line.len > 0 ? trim((struct hf_slice){line.ptr + 1, line.len - 1}) : line;
    if (line.len == 0 || line.ptr[0] != '#' || !hf_slice_starts(text, WORD)) {
        return false;
    }
    *pair = trim((struct hf_slice){text.ptr + sizeof WORD - 1, text.len - (sizeof WORD - 1)});
    return true;
}

/* "# holdfast: name=value" on comment lines at the top, before or behind the first "---". */
static int read_labels(struct hf_unit *unit, struct hf_error *err)
{
    struct hf_label *labels = hf_arena_array(unit->arena, MOST_LABELS, sizeof *labels);
    const char *at = unit->bytes;
    const char *end = unit->bytes + unit->byte_count;
    if (!labels) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
    }
    unit->labels = labels;
    if (hf_slice_starts((struct hf_slice){at, unit->byte_count}, "\xef\xbb\xbf")) {
        at += 3;
    }
    while (at < end && unit->label_count < MOST_LABELS) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        struct hf_slice line = trim((struct hf_slice){at, (size_t)((line_end ? line_end : end) - at)});
        struct hf_slice pair;
        at = line_end ? line_end + 1 : end;
        if (line.len > 0 && line.ptr[0] != '#' && !hf_slice_is(line, "---")) {
            break;
        }
        const char *equals = label_text(line, &pair) ? memchr(pair.ptr, '=', pair.len) : NULL;
        if (!equals || equals == pair.ptr) {
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

static int complain(const struct hf_unit *unit, const struct hf_document *document, const struct hf_value *at,
                    const char *found, const char *expected, struct hf_error *err)
{
    uint32_t line = at && at->line ? at->line : document->line;
    uint32_t column = at && at->column ? at->column : 1;
    return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: found %s, expected %s", unit->origin, line, column,
                        found, expected);
}

static int check_text(const struct hf_unit *unit, const struct hf_document *document, const struct hf_value *parent,
                      const char *key, struct hf_error *err)
{
    const struct hf_value *value = hf_value_get(parent, key);
    hf_auto_buf struct hf_buf found = {0};
    hf_auto_buf struct hf_buf expected = {0};
    const char *text = hf_value_text(value);
    if (text && text[0]) {
        return 0;
    }
    if (!value) {
        hf_buf_addf(&found, "no %s", key);
    } else if (text) {
        hf_buf_addf(&found, "an empty %s", key);
    } else if (value->kind == HF_STRING) {
        hf_buf_addf(&found, "a zero byte in %s", key);
    } else {
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
    if (check_text(unit, document, object, "apiVersion", err) != 0 ||
        check_text(unit, document, object, "kind", err) != 0) {
        return -1;
    }
    if (!metadata || metadata->kind != HF_OBJECT) {
        return complain(unit, document, metadata, "no metadata", "an object with metadata.name", err);
    }
    if (!hf_value_get(metadata, "name") && hf_value_get(metadata, "generateName")) {
        return complain(unit, document, hf_value_get(metadata, "generateName"), "generateName",
                        "metadata.name: an object without a fixed name can't be held", err);
    }
    const struct hf_value *namespace = hf_value_get(metadata, "namespace");
    if (namespace && namespace->kind != HF_NULL && !hf_value_text(namespace)) {
        return complain(unit, document, namespace, hf_kind_name(namespace->kind), "a string for metadata.namespace",
                        err);
    }
    return check_text(unit, document, metadata, "name", err);
}

/* kind: List and the like. What has a name of its own is an object, whatever its kind ends in. */
static bool is_list(const struct hf_value *value)
{
    const char *kind = hf_value_text(hf_value_get(value, "kind"));
    const struct hf_value *items = hf_value_get(value, "items");
    size_t len = kind ? strlen(kind) : 0;
    return len >= 4 && strcmp(kind + len - 4, "List") == 0 && items && items->kind == HF_ARRAY &&
           !hf_value_path(value, "metadata", "name", NULL);
}

/* An item of a DeploymentList may leave out what the list says already. */
static const struct hf_value *typed_item(struct hf_arena *arena, const struct hf_value *list,
                                         const struct hf_value *item)
{
    const char *kind = hf_value_text(hf_value_get(list, "kind"));
    const struct hf_value *version = hf_value_get(list, "apiVersion");
    size_t len = strlen(kind) - strlen("List");
    if (item->kind != HF_OBJECT || len == 0 || hf_value_get(item, "kind") || hf_value_get(item, "apiVersion") ||
        !version) {
        return item;
    }
    struct hf_value *copy = hf_value_copy(arena, item);
    const struct hf_value *name = hf_value_string(arena, (struct hf_slice){kind, len});
    if (!copy || !name || hf_value_set(arena, copy, hf_slice_of("kind"), name) != 0 ||
        hf_value_set(arena, copy, hf_slice_of("apiVersion"), version) != 0) {
        return NULL;
    }
    return copy;
}

static size_t count_objects(const struct hf_value *value)
{
    if (!is_list(value)) {
        return 1;
    }
    size_t count = 0;
    const struct hf_value *items = hf_value_get(value, "items");
    for (size_t i = 0; i < items->as.array.count; i++) {
        count += count_objects(&items->as.array.items[i]);
    }
    return count;
}

/* Each item is an object of its own, sent as JSON since it has no bytes of its own. Lists may hold lists, to the depth
 * that the reader allows. */
static int unpack(struct hf_unit *unit, const struct hf_value *list, struct hf_document *out, size_t *count,
                  struct hf_error *err)
{
    const struct hf_value *items = hf_value_get(list, "items");
    for (size_t i = 0; i < items->as.array.count; i++) {
        if (is_list(&items->as.array.items[i])) {
            if (unpack(unit, &items->as.array.items[i], out, count, err) != 0) {
                return -1;
            }
            continue;
        }
        const struct hf_value *item = typed_item(unit->arena, list, &items->as.array.items[i]);
        hf_auto_buf struct hf_buf json = {0};
        if (item) {
            hf_json_write(&json, item);
        }
        char *copy = item && hf_buf_ok(&json) ? hf_arena_copy(unit->arena, hf_buf_text(&json), json.len) : NULL;
        if (!copy) {
            return hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
        }
        out[(*count)++] = (struct hf_document){item, {copy, json.len}, items->as.array.items[i].line};
    }
    return 0;
}

static int take_documents(struct hf_unit *unit, const struct hf_document *read, size_t read_count, struct hf_error *err)
{
    size_t most = 0;
    for (size_t i = 0; i < read_count; i++) {
        most += count_objects(read[i].value);
    }
    struct hf_document *documents = hf_arena_array(unit->arena, most, sizeof *documents);
    size_t count = 0;
    if (!documents) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
    }
    for (size_t i = 0; i < read_count; i++) {
        if (!is_list(read[i].value)) {
            documents[count++] = read[i];
        } else if (unpack(unit, read[i].value, documents, &count, err) != 0) {
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
        if (result == 0 &&
            (!hf_source_object_key(&key, document->value) ||
             hf_map_put(seen, (struct hf_slice){key.ptr, key.len}, (void *)(uintptr_t)document, &first) != 0)) {
            result = hf_error_set(err, HF_ENOMEM, "%s: out of memory", unit->origin);
        }
        if (result == 0 && first) {
            hf_auto_buf struct hf_buf found = {0};
            hf_buf_addf(&found, "%s %s a second time (first on line %u)",
                        hf_value_text(hf_value_get(document->value, "kind")),
                        hf_value_text(hf_value_path(document->value, "metadata", "name", NULL)),
                        ((const struct hf_document *)first)->value->line);
            result = complain(unit, document, document->value, hf_buf_text(&found), "each object once in a unit", err);
        }
    }
    hf_map_free(seen, NULL);
    return result;
}

struct hf_unit *hf_source_unit_new(const char *space, const char *slug, const char *origin, const char *bytes,
                                   size_t len)
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
    unit->unit_id = unit->space_id = unit->target = unit->state_reason = unit->page = "";
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

int hf_unit_read(const char *space, const char *slug, const char *origin, const char *bytes, size_t len,
                 struct hf_unit **out, struct hf_error *err)
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
