/* One read of the types in use: CustomResourceDefinitions and the index of OpenAPI v3 at once, then the v3 documents
 * of the group-versions that are still needed, then v2 for what they lack, then the extract that is built in. */
#include "schema.h"

#include <stdio.h>
#include <string.h>

#include "holdfast/json.h"

#define MOST_INDEX ((size_t)8 << 20)
#define MOST_URL 2048
#define PARALLEL 8
#define FIRST_TRIES 4 /* before substitutes serve for what could not be read at the very first */
#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

enum phase { PHASE_CRDS, PHASE_V3, PHASE_V2, PHASE_BUILT_IN };

int hf_schema_new(struct hf_cluster *cluster, struct hf_log *log, const char *name, struct hf_schema **out,
                  struct hf_error *err)
{
    struct hf_schema *schema = hf_calloc(1, sizeof *schema);
    char *copy = hf_strdup(name);
    if (!schema || !copy) {
        free(schema);
        free(copy);
        return hf_error_set(err, HF_ENOMEM, "types: out of memory");
    }
    *schema = (struct hf_schema){.cluster = cluster, .log = log, .name = copy};
    *out = schema;
    return 0;
}

static void drop_sources(struct hf_schema *schema, bool all)
{
    for (struct source **at = &schema->sources; *at;) {
        struct source *source = *at;
        if (all || !source->in_use) {
            *at = source->next;
            schema_source_free(source);
        } else {
            at = &source->next;
        }
    }
}

void hf_schema_free(struct hf_schema *schema)
{
    if (!schema) {
        return;
    }
    drop_sources(schema, true);
    schema_kinds_clear(&schema->wanted);
    schema_kinds_clear(&schema->asked);
    schema_kinds_clear(&schema->covered);
    hf_arena_free(schema->index_arena);
    free(schema->name);
    free(schema);
}

bool hf_schema_covers(const struct hf_schema *schema, const char *api_version, const char *kind)
{
    struct hf_slice group;
    struct hf_slice version;
    hf_api_version_split(api_version, &group, &version);
    for (size_t i = 0; i < schema->covered.count; i++) {
        const struct hf_type_want *want = &schema->covered.items[i];
        if (strcmp(want->kind, kind) == 0 && hf_slice_is(version, want->version) && hf_slice_is(group, want->group)) {
            return true;
        }
    }
    return false;
}

static bool is_found(const struct hf_schema *schema, const struct hf_type_want *want)
{
    for (const struct source *source = schema->sources; source; source = source->next) {
        if (source->in_use && source->types && hf_types_find(source->types, want->group, want->version, want->kind)) {
            return true;
        }
    }
    return false;
}

static int set_path(struct source *source, const char *path, struct hf_error *err)
{
    char *copy = hf_strdup(path);
    if (!copy) {
        return hf_error_set(err, HF_ENOMEM, "types: out of memory");
    }
    free(source->path);
    source->path = copy;
    return 0;
}

/* The kinds that are served, and of the custom ones their CustomResourceDefinitions. */
static int want_kind(struct hf_schema *schema, const struct hf_type_want *want, const char *api_version,
                     struct hf_error *err)
{
    const struct hf_resource *resource = hf_cluster_resource(schema->cluster, api_version, want->kind);
    if (!resource) {
        return 0;
    }
    if (schema_kinds_add(&schema->wanted, want, err) != 0) {
        return -1;
    }
    if (!hf_schema_is_custom(api_version) ||
        !hf_cluster_resource(schema->cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition")) {
        return 0;
    }
    hf_auto_buf struct hf_buf name = {0};
    hf_auto_buf struct hf_buf path = {0};
    hf_buf_addf(&name, "%s.%s", resource->name, want->group);
    hf_buf_adds(&path, CRDS);
    hf_buf_add_url(&path, hf_slice_of(hf_buf_text(&name)));
    if (!hf_buf_ok(&name) || !hf_buf_ok(&path)) {
        return hf_error_set(err, HF_ENOMEM, "types: out of memory");
    }
    struct source *source = schema_source(schema, SOURCE_CRD, hf_buf_text(&name), err);
    if (!source || schema_kinds_add(&source->asked, want, err) != 0 || set_path(source, hf_buf_text(&path), err) != 0) {
        return -1;
    }
    source->is_waiting = true;
    return 0;
}

/* Where the index says that a group-version's document is; NULL: nowhere. The path comes from outside. */
static const char *url_of(const struct hf_schema *schema, const char *name)
{
    for (const struct source *source = schema->sources; source && schema->index_failing; source = source->next) {
        if (source->form == SOURCE_V3 && strcmp(source->name, name) == 0) {
            return source->stamp; /* where it was: the index can't be read just now */
        }
    }
    const char *url = hf_value_text(hf_value_path(schema->index, name, "serverRelativeURL", NULL));
    bool is_there = url && strncmp(url, "/openapi/v3/", 12) == 0 && strlen(url) < MOST_URL && !strstr(url, "..");
    return is_there ? url : NULL;
}

static int begin_v3(struct hf_schema *schema, struct hf_error *err)
{
    for (size_t i = 0; i < schema->wanted.count; i++) {
        const struct hf_type_want *want = &schema->wanted.items[i];
        hf_auto_buf struct hf_buf name = {0};
        hf_buf_addf(&name, want->group[0] ? "apis/%s/%s" : "api%s/%s", want->group, want->version);
        const char *url = url_of(schema, hf_buf_text(&name));
        if (is_found(schema, want) || !url) {
            continue;
        }
        struct source *source = schema_source(schema, SOURCE_V3, hf_buf_text(&name), err);
        if (!source || schema_kinds_add(&source->asked, want, err) != 0 || set_path(source, url, err) != 0) {
            return -1;
        }
    }
    for (struct source *source = schema->sources; source; source = source->next) {
        source->is_waiting =
            source->form == SOURCE_V3 && source->in_use &&
            !(source->stamp && strcmp(source->stamp, source->path) == 0 && schema_source_is_whole(source));
    }
    return 0;
}

/* What is still lacking, asked of one more source. NULL in *out: nothing is lacking. */
static int ask_lacking(struct hf_schema *schema, enum source_form form, const char *name, struct source **out,
                       struct hf_error *err)
{
    *out = NULL;
    struct schema_kinds *wanted = &schema->wanted;
    struct schema_kinds lacking = {0};
    int result = 0;
    for (size_t i = 0; result == 0 && i < wanted->count; i++) {
        if (!is_found(schema, &wanted->items[i])) {
            result = schema_kinds_add(&lacking, &wanted->items[i], err);
        }
    }
    if (result == 0 && lacking.count > 0) {
        *out = schema_source(schema, form, name, err);
        result = *out ? 0 : -1;
    }
    if (*out) {
        schema_kinds_clear(&(*out)->asked);
        (*out)->asked = lacking;
    } else {
        schema_kinds_clear(&lacking);
    }
    return result;
}

static int begin_v2(struct hf_schema *schema, struct hf_error *err)
{
    struct source *source;
    if (ask_lacking(schema, SOURCE_V2, "/openapi/v2", &source, err) != 0) {
        return -1;
    }
    if (source) {
        source->is_waiting = true;
        return set_path(source, "/openapi/v2", err);
    }
    return 0;
}

static int begin_built_in(struct hf_schema *schema, struct hf_error *err)
{
    struct source *source;
    if (ask_lacking(schema, SOURCE_BUILT_IN, "schema/kubernetes-openapi.json", &source, err) != 0) {
        return -1;
    }
    return source ? schema_source_built_in(source, err) : 0;
}

/* Puts the parts together, best first. */
static int join(struct hf_schema *schema, struct hf_types **out, struct hf_error *err)
{
    size_t count = 0;
    for (const struct source *source = schema->sources; source; source = source->next) {
        count++;
    }
    struct hf_types **parts = hf_calloc(count ? count : 1, sizeof(struct hf_types *));
    if (!parts) {
        return hf_error_set(err, HF_ENOMEM, "types: out of memory");
    }
    count = 0;
    for (enum source_form form = SOURCE_CRD; form <= SOURCE_BUILT_IN; form++) {
        for (const struct source *source = schema->sources; source; source = source->next) {
            if (source->form == form && source->in_use) {
                parts[count++] = source->types;
            }
        }
    }
    int result = hf_types_join(parts, count, out, err);
    free(parts);
    return result;
}

static void say(const struct hf_schema *schema, const struct hf_types *types)
{
    unsigned counts[SOURCE_BUILT_IN + 1] = {0};
    char text[160];
    char longest[32];
    char kilobytes[32];
    for (const struct source *source = schema->sources; source; source = source->next) {
        counts[source->form] += source->in_use && source->types;
    }
    (void)snprintf(text, sizeof text, "%u CustomResourceDefinitions, %u OpenAPI v3 documents%s%s", counts[SOURCE_CRD],
                   counts[SOURCE_V3], counts[SOURCE_V2] ? ", OpenAPI v2" : "",
                   counts[SOURCE_BUILT_IN] ? ", the built-in extract" : "");
    (void)snprintf(longest, sizeof longest, "%.1f ms", (double)schema->longest_us / 1000.0);
    (void)snprintf(kilobytes, sizeof kilobytes, "%zu kB", hf_types_size(types) / 1024);
    hf_log_write(schema->log, HF_INFO, "types read", "target", schema->name, "from", text, "memory", kilobytes,
                 "longest", longest, NULL);
}

static void end(struct hf_schema *schema, struct hf_error *err)
{
    struct hf_schema_result result = {.types = NULL, .partial = schema->partial};
    hf_schema_fn done = schema->done;
    if (err->code == HF_OK) {
        for (const struct source *source = schema->sources; source; source = source->next) {
            schema->changed |= source->was_joined != (source->in_use && source->types);
        }
        if ((schema->changed || !schema->has_table) && join(schema, &result.types, err) == 0) {
            schema->has_table = true;
            schema->changed = false;
            say(schema, result.types);
        }
    }
    if (err->code == HF_OK) {
        drop_sources(schema, false);
        for (struct source *source = schema->sources; source; source = source->next) {
            source->was_joined = source->types != NULL;
        }
        schema_kinds_clear(&schema->covered);
        schema->covered = schema->wanted;
        schema->wanted = (struct schema_kinds){0};
    }
    hf_arena_free(schema->index_arena);
    schema->index_arena = NULL;
    schema->index = NULL;
    schema->done = NULL;
    done(schema->ctx, &result, err);
}

/* Whether substitutes would serve for what only could not be read just now, at the very first: better wait. */
static bool is_too_early(struct hf_schema *schema)
{
    for (size_t i = 0; schema->first_error.code != HF_OK && !schema->has_table && i < schema->wanted.count; i++) {
        if (!is_found(schema, &schema->wanted.items[i])) {
            return ++schema->failures < FIRST_TRIES;
        }
    }
    return false;
}

static void ask_waiting(struct hf_schema *schema)
{
    for (struct source *source = schema->sources; source && schema->active < PARALLEL; source = source->next) {
        struct hf_error why = HF_ERROR_INIT;
        if (source->is_waiting && schema_source_ask(source, &why) == 0) {
            schema->active++;
        } else if (why.code != HF_OK) {
            schema_source_failed(source, &why);
        }
    }
}

/* Asks for what waits; when all is answered goes on with the next phase, to the end. */
static void go_on(struct hf_schema *schema)
{
    struct hf_error err = HF_ERROR_INIT;
    for (;;) {
        ask_waiting(schema);
        if (schema->active > 0) {
            return;
        }
        int result = 0;
        switch (schema->phase++) {
        case PHASE_CRDS:
            result = begin_v3(schema, &err);
            break;
        case PHASE_V3:
            result = begin_v2(schema, &err);
            break;
        case PHASE_V2:
            if (is_too_early(schema)) {
                err = schema->first_error;
                result = -1;
                break;
            }
            result = begin_built_in(schema, &err);
            break;
        default:
            end(schema, &err);
            return;
        }
        if (result != 0) {
            end(schema, &err);
            return;
        }
    }
}

void schema_answered(struct hf_schema *schema)
{
    schema->active--;
    go_on(schema);
}

static void on_index(void *ctx, const struct hf_answer *answer, const struct hf_error *state)
{
    struct hf_schema *schema = ctx;
    struct hf_error err = *state;
    const struct hf_value *document = NULL;
    schema->index_arena = hf_arena_new(0);
    if (err.code == HF_OK && schema->index_arena) {
        struct hf_read_limits limits = {.bytes = MOST_INDEX};
        (void)hf_json_read(schema->index_arena, answer->body, answer->body_len, &limits, &document, &err);
    }
    schema->index = hf_value_get(document, "paths");
    bool is_absent = err.code == HF_ENOTFOUND || err.code == HF_EDENIED || err.code == HF_EREFUSED;
    if (err.code != HF_OK && !is_absent) {
        schema->partial = true;
        if (!schema->index_failing) {
            hf_log_error(schema->log, HF_WARN, "the index of OpenAPI v3 can't be read", &err, "target", schema->name,
                         NULL);
        }
        if (hf_code_is_transient(err.code) && schema->first_error.code == HF_OK) {
            schema->first_error = err;
        }
    }
    schema->index_failing = err.code != HF_OK && !is_absent;
    schema_answered(schema);
}

static int begin(struct hf_schema *schema, const struct hf_schema_kind *kinds, size_t count, struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "types: out of memory");
    }
    for (struct source *source = schema->sources; source; source = source->next) {
        source->in_use = false;
        source->is_waiting = false;
        schema_kinds_clear(&source->asked);
    }
    schema_kinds_clear(&schema->wanted);
    schema_kinds_clear(&schema->asked);
    for (size_t i = 0; i < count; i++) {
        struct hf_type_want want;
        if (schema_want(arena, kinds[i].api_version, kinds[i].kind, &want, err) != 0) {
            return -1;
        }
        if (!schema_kinds_have(&schema->asked, &want) && (schema_kinds_add(&schema->asked, &want, err) != 0 ||
                                                          want_kind(schema, &want, kinds[i].api_version, err) != 0)) {
            return -1;
        }
    }
    return 0;
}

int hf_schema_read(struct hf_schema *schema, const struct hf_schema_kind *kinds, size_t count, hf_schema_fn done,
                   void *ctx, struct hf_error *err)
{
    if (schema->done) {
        return hf_error_set(err, HF_EBUSY, "types are being read already");
    }
    schema->phase = PHASE_CRDS;
    schema->partial = false;
    schema->longest_us = 0;
    hf_error_clear(&schema->first_error);
    if (begin(schema, kinds, count, err) != 0 ||
        hf_cluster_raw(schema->cluster, "/openapi/v3", "application/json", MOST_INDEX, on_index, schema, err) != 0) {
        return -1;
    }
    schema->active = 1;
    schema->done = done;
    schema->ctx = ctx;
    ask_waiting(schema);
    return 0;
}
