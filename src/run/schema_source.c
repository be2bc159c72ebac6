/* One document that types come from: asked for, read, kept. */
#include <stdio.h>
#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/digest.h"
#include "holdfast/json.h"
#include "schema.h"

#define MOST_OPENAPI ((size_t)64 << 20)
#define MOST_CRD ((size_t)8 << 20)
#define DEEPEST_CRD 300

struct source *schema_source(struct hf_schema *schema, enum source_form form, const char *name, struct hf_error *err)
{
    struct source *source = schema->sources;
    while (source && (source->form != form || strcmp(source->name, name) != 0)) {
        source = source->next;
    }
    if (!source) {
        source = hf_calloc(1, sizeof *source);
        char *copy = hf_strdup(name);
        if (!source || !copy) {
            free(source);
            free(copy);
            (void)hf_error_set(err, HF_ENOMEM, "types: out of memory");
            return NULL;
        }
        *source = (struct source){.schema = schema, .next = schema->sources, .form = form, .name = copy};
        schema->sources = source;
    }
    source->in_use = true;
    return source;
}

void schema_source_free(struct source *source)
{
    schema_kinds_clear(&source->asked);
    schema_kinds_clear(&source->read);
    hf_types_free(source->types);
    free(source->name);
    free(source->path);
    free(source->stamp);
    free(source);
}

bool schema_source_is_whole(const struct source *source)
{
    return source->types && schema_kinds_cover(&source->read, &source->asked);
}

static void tell(struct source *source, const struct hf_error *why)
{
    static const char *const WHAT[] = {"CustomResourceDefinition", "OpenAPI v3", "OpenAPI v2", "built in"};
    struct hf_schema *schema = source->schema;
    bool is_normal = source->form == SOURCE_CRD && (why->code == HF_ENOTFOUND || why->code == HF_EDENIED);
    if (why->code == HF_OK && source->is_failing) {
        hf_log_write(schema->log, HF_INFO, "types can be read again", "target", schema->name, "from",
                     WHAT[source->form], "document", source->name, NULL);
    } else if (why->code != HF_OK && !source->is_failing) {
        hf_log_error(schema->log, is_normal ? HF_INFO : HF_WARN,
                     "types can't be read, the next best source of this group serves", why, "target", schema->name,
                     "from", WHAT[source->form], "document", source->name, NULL);
    }
    source->is_failing = why->code != HF_OK;
}

/* What was known stands while the server is in trouble; what it says is not so goes. */
void schema_source_failed(struct source *source, const struct hf_error *why)
{
    struct hf_schema *schema = source->schema;
    bool may_pass = hf_code_is_transient(why->code) || why->code == HF_EPARSE;
    schema->partial |= may_pass;
    if (hf_code_is_transient(why->code) && schema->first_error.code == HF_OK) {
        schema->first_error = *why;
    }
    if (!hf_code_is_transient(why->code) || !schema_source_is_whole(source)) {
        schema->changed |= source->types && source->was_joined;
        hf_types_free(source->types);
        source->types = NULL;
        free(source->stamp);
        source->stamp = NULL;
    }
    tell(source, why);
}

static int take(struct source *source, struct hf_types *types, const char *stamp, struct hf_error *err)
{
    struct schema_kinds read = {0};
    char *copy = hf_strdup(stamp);
    int result = copy ? 0 : hf_error_set(err, HF_ENOMEM, "types: out of memory");
    for (size_t i = 0; result == 0 && i < source->asked.count; i++) {
        result = schema_kinds_add(&read, &source->asked.items[i], err);
    }
    if (result != 0) {
        schema_kinds_clear(&read);
        free(copy);
        hf_types_free(types);
        return -1;
    }
    schema_kinds_clear(&source->read);
    source->read = read;
    free(source->stamp);
    source->stamp = copy;
    hf_types_free(source->types);
    source->types = types;
    source->schema->changed = true;
    return 0;
}

static bool is_same(const struct source *source, const char *stamp)
{
    return source->stamp && strcmp(source->stamp, stamp) == 0 && schema_source_is_whole(source);
}

static int read_openapi(struct source *source, const char *body, size_t len, struct hf_error *err)
{
    char stamp[HF_SHA256_TEXT];
    struct hf_types *types;
    struct hf_digest digest;
    if (source->form == SOURCE_V2) {
        if (hf_sha256(body, len, &digest, err) != 0) {
            return -1;
        }
        hf_digest_text(&digest, stamp);
        if (is_same(source, stamp)) {
            return 0;
        }
    }
    if (hf_types_from_openapi(body, len, source->asked.items, source->asked.count, &types, err) != 0) {
        return -1;
    }
    return take(source, types, source->form == SOURCE_V2 ? stamp : source->path, err);
}

static int read_crd(struct source *source, const char *body, size_t len, struct hf_error *err)
{
    static const struct hf_read_limits LIMITS = {.bytes = MOST_CRD, .depth = DEEPEST_CRD};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *crd;
    struct hf_types *types;
    int64_t generation = 0;
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "types: out of memory");
    }
    if (hf_json_read(arena, body, len, &LIMITS, &crd, err) != 0) {
        return -1;
    }
    const char *uid = hf_value_text(hf_value_path(crd, "metadata", "uid", NULL));
    (void)hf_value_int(hf_value_path(crd, "metadata", "generation", NULL), &generation);
    char *stamp = hf_arena_printf(arena, "%s/%lld", uid ? uid : "", (long long)generation);
    if (!stamp) {
        return hf_error_set(err, HF_ENOMEM, "types: out of memory");
    }
    if (uid && is_same(source, stamp)) {
        return 0;
    }
    if (hf_types_from_crd(crd, source->asked.items, source->asked.count, &types, err) != 0) {
        return -1;
    }
    return take(source, types, stamp, err);
}

static void on_answer(void *ctx, const struct hf_answer *answer, const struct hf_error *state)
{
    struct source *source = ctx;
    struct hf_schema *schema = source->schema;
    struct hf_error err = *state;
    if (err.code == HF_OK) {
        int64_t since = hf_mono_us();
        (void)(source->form == SOURCE_CRD ? read_crd : read_openapi)(source, answer->body, answer->body_len, &err);
        int64_t took = hf_mono_us() - since;
        schema->longest_us = took > schema->longest_us ? took : schema->longest_us;
    }
    if (err.code == HF_OK) {
        tell(source, &err);
    } else {
        schema_source_failed(source, &err);
    }
    schema_answered(schema);
}

int schema_source_ask(struct source *source, struct hf_error *err)
{
    source->is_waiting = false;
    return hf_cluster_raw(source->schema->cluster, source->path, "application/json",
                          source->form == SOURCE_CRD ? MOST_CRD : MOST_OPENAPI, on_answer, source, err);
}

int schema_source_built_in(struct source *source, struct hf_error *err)
{
    struct hf_types *types;
    if (schema_source_is_whole(source)) {
        return 0;
    }
    if (hf_types_built_in(source->asked.items, source->asked.count, &types, err) != 0) {
        return -1;
    }
    return take(source, types, "", err);
}
