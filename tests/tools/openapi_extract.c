/* Writes the part of an OpenAPI v2 document that holdfast ships: the definitions of the kinds asked for and what they
 * refer to, without descriptions and paths, one definition a line.
 *
 * usage: openapi_extract OPENAPI.json KINDS.txt >schema/kubernetes-openapi.json
 * KINDS.txt: "apiVersion Kind" a line. OPENAPI.json: what `kubectl get --raw /openapi/v2` prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/json.h"
#include "holdfast/map.h"

static const char PREFIX[] = "#/definitions/";

struct extract {
    const struct hf_value *definitions;
    struct hf_map *wanted; /* definition's name → itself */
    bool failed;
};

static void want(struct extract *extract, struct hf_slice name);

static void follow(struct extract *extract, const struct hf_value *schema)
{
    const char *reference = hf_value_text(hf_value_get(schema, "$ref"));
    if (reference && strncmp(reference, PREFIX, sizeof PREFIX - 1) == 0) {
        want(extract, hf_slice_of(reference + sizeof PREFIX - 1));
    }
    for (size_t i = 0; i < hf_value_count(schema); i++) {
        follow(extract, schema->kind == HF_OBJECT ? &schema->as.object.members[i].value : &schema->as.array.items[i]);
    }
}

static void want(struct extract *extract, struct hf_slice name)
{
    const struct hf_value *definition = hf_value_find(extract->definitions, name);
    if (!definition || hf_map_get(extract->wanted, name)) {
        return;
    }
    if (hf_map_put(extract->wanted, name, (void *)(uintptr_t)definition, NULL) != 0) {
        extract->failed = true;
        return;
    }
    follow(extract, definition);
}

static bool is_kind(const struct hf_value *definition, const char *api_version, const char *kind)
{
    const struct hf_value *kinds = hf_value_get(definition, "x-kubernetes-group-version-kind");
    for (size_t i = 0; i < hf_value_count(kinds); i++) {
        const char *group = hf_value_text(hf_value_get(hf_value_at(kinds, i), "group"));
        const char *version = hf_value_text(hf_value_get(hf_value_at(kinds, i), "version"));
        const char *name = hf_value_text(hf_value_get(hf_value_at(kinds, i), "kind"));
        hf_auto_buf struct hf_buf whole = {0};
        hf_buf_addf(&whole, "%s%s%s", group ? group : "", group && group[0] ? "/" : "", version ? version : "");
        if (name && strcmp(name, kind) == 0 && strcmp(hf_buf_text(&whole), api_version) == 0) {
            return true;
        }
    }
    return false;
}

static int want_kinds(struct extract *extract, char *lines)
{
    int missing = 0;
    for (char *line = lines, *next; *line; line = next) {
        size_t len = strcspn(line, "\n");
        next = line + len + (line[len] == '\n');
        line[len] = '\0';
        char *space = strchr(line, ' ');
        bool found = false;
        if (!space) {
            continue;
        }
        *space = '\0';
        for (size_t i = 0; i < hf_value_count(extract->definitions); i++) {
            const struct hf_member *member = &extract->definitions->as.object.members[i];
            if (is_kind(&member->value, line, space + 1)) {
                want(extract, member->key);
                found = true;
            }
        }
        if (!found) {
            fprintf(stderr, "openapi_extract: no definition of %s %s\n", line, space + 1);
            missing = 1;
        }
    }
    return missing;
}

/* A schema without its texts. A property may be called "description": only a schema's own is left out. */
static void write_schema(struct hf_buf *out, const struct hf_value *schema, bool is_properties)
{
    if (schema->kind == HF_OBJECT) {
        bool first = true;
        hf_buf_addc(out, '{');
        for (size_t i = 0; i < schema->as.object.count; i++) {
            const struct hf_member *member = &schema->as.object.members[i];
            bool is_text = hf_slice_is(member->key, "description") || hf_slice_is(member->key, "externalDocs");
            if (is_text && !is_properties) {
                continue;
            }
            hf_buf_adds(out, first ? "" : ",");
            hf_buf_add_json(out, member->key);
            hf_buf_addc(out, ':');
            write_schema(out, &member->value, !is_properties && hf_slice_is(member->key, "properties"));
            first = false;
        }
        hf_buf_addc(out, '}');
    } else {
        hf_json_write(out, schema);
    }
}

static int write_all(const struct extract *extract)
{
    hf_auto_buf struct hf_buf out = {0};
    bool first = true;
    hf_buf_adds(&out, "{\"swagger\":\"2.0\",\"info\":{\"title\":\"Kubernetes, the types of its common "
                      "kinds\",\"version\":\"v1.20.2\"},"
                      "\"paths\":{},\"definitions\":{\n");
    for (size_t i = 0; i < hf_value_count(extract->definitions); i++) {
        const struct hf_member *member = &extract->definitions->as.object.members[i];
        if (!hf_map_get(extract->wanted, member->key)) {
            continue;
        }
        hf_buf_adds(&out, first ? "" : ",\n");
        hf_buf_add_json(&out, member->key);
        hf_buf_addc(&out, ':');
        write_schema(&out, &member->value, false);
        first = false;
    }
    hf_buf_adds(&out, "\n}}\n");
    if (!hf_buf_ok(&out) || fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
        fprintf(stderr, "openapi_extract: can't write\n");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf openapi = {0};
    hf_auto_buf struct hf_buf kinds = {0};
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *document;
    if (argc != 3 || !arena) {
        fprintf(stderr, "usage: openapi_extract OPENAPI.json KINDS.txt\n");
        return 2;
    }
    if (hf_read_file(argv[1], (size_t)64 << 20, &openapi, &err) != 0 ||
        hf_read_file(argv[2], 1 << 20, &kinds, &err) != 0 ||
        hf_json_read(arena, hf_buf_text(&openapi), openapi.len, NULL, &document, &err) != 0) {
        fprintf(stderr, "openapi_extract: %s\n", err.text);
        return 1;
    }
    struct extract extract = {.definitions = hf_value_get(document, "definitions"), .wanted = hf_map_new()};
    int result = extract.wanted ? want_kinds(&extract, kinds.ptr) : 1;
    if (result == 0 && !extract.failed) {
        result = write_all(&extract);
    }
    hf_map_free(extract.wanted, NULL);
    return result;
}
