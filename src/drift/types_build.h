/* How a table of types is made. Private to src/drift.
 *
 * types.c          the table: lookup, joining, references
 * types_convert.c  one schema becomes one type
 * types_openapi.c  the definitions of an OpenAPI document, v2 or v3
 * types_crd.c      a CustomResourceDefinition */
#ifndef HF_DRIFT_TYPES_BUILD_H
#define HF_DRIFT_TYPES_BUILD_H

#include <stdatomic.h>

#include "facts.h"
#include "holdfast/map.h"
#include "holdfast/types.h"

struct hf_types {
    atomic_size_t references;
    struct hf_arena *arena;
    struct hf_map *by_kind; /* "group/version/kind" → struct hf_type */
    size_t count;
    struct hf_types **parts; /* of a joined table: those that hold the types */
    size_t part_count;
};

/* A definition that was referred to: converted later, so that a long chain of references takes no stack. */
struct pending {
    struct hf_type *type;
    const struct hf_value *schema;
};

struct builder {
    struct hf_types *types;
    struct hf_map *by_name; /* definition's name → struct hf_type */
    const struct hf_value *definitions;
    const char *prefix; /* of a reference: "#/definitions/" */
    struct facts facts;
    struct pending *pending;
    size_t pending_count;
    size_t pending_cap;
    const char *within;      /* the definition that is being converted */
    bool lacks_defaults;     /* the document does not tell those of custom resources */
    bool in_built_in;        /* that one is Kubernetes' own */
    bool keeps_what_unknown; /* nothing is pruned: a CRD with spec.preserveUnknownFields */
    bool short_of_memory;
};

int hf_builder_begin(struct builder *builder, struct hf_error *err);
/* Converts all that was referred to and hands the table over; frees the rest either way. result: of what came before.
 */
int hf_builder_end(struct builder *builder, int result, struct hf_types **out, struct hf_error *err);

/* The type of a schema that stands in another one. */
const struct hf_type *hf_convert(struct builder *builder, const struct hf_value *schema);
/* The type of a whole custom resource: with apiVersion, kind and metadata. */
const struct hf_type *hf_convert_custom(struct builder *builder, const struct hf_value *schema);
/* The type of a definition, converted by hf_convert_pending at the latest. */
const struct hf_type *hf_convert_named(struct builder *builder, const char *name);
void hf_convert_pending(struct builder *builder);

void hf_builder_put(struct builder *builder, const char *group, const char *version, const char *kind,
                    const struct hf_type *type);
bool hf_is_wanted(const struct hf_type_want *wants, size_t count, const char *group, const char *version,
                  const char *kind);

#endif
