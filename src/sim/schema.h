/* The types of the kinds that are served, as the OpenAPI document and the Go types behind it give them.
 *
 * drift's types.h tells how two documents compare; a server must know more: the strategic merge keys, what is required,
 * and which zero values Go writes. Having its own reader also keeps the simulation an independent judge. */
#ifndef SIM_SCHEMA_H
#define SIM_SCHEMA_H

#include "holdfast/map.h"
#include "holdfast/value.h"

enum sim_shape {
    SHAPE_ANY, /* no schema: kept as it is, atomic to server-side apply */
    SHAPE_STRING,
    SHAPE_BYTES,
    SHAPE_INTEGER,
    SHAPE_NUMBER,
    SHAPE_BOOLEAN,
    SHAPE_QUANTITY,
    SHAPE_INT_OR_STRING,
    SHAPE_TIME,
    SHAPE_STRUCT,
    SHAPE_MAP,
    SHAPE_LIST
};

enum sim_list { LIST_ATOMIC, LIST_SET, LIST_KEYED };

/* How Go writes the field; from schema/sim-go-fields.json. */
enum sim_go {
    GO_OMITEMPTY, /* left out when zero (a pointer to a struct: when nil) */
    GO_POINTER,   /* a pointer to a scalar: zero is kept */
    GO_INLINE,    /* a struct by value: written even when nothing was given */
    GO_ALWAYS,    /* no omitempty: zero is written */
    GO_NULL       /* a pointer without omitempty: null is written */
};

struct sim_type;

struct sim_field {
    struct hf_slice name;
    const struct sim_type *type;
    const struct hf_value *standard; /* the schema's default; NULL: none */
    enum sim_go go;
    bool required;
    bool retain_keys; /* x-kubernetes-patch-strategy: retainKeys */
};

struct sim_type {
    enum sim_shape shape;
    const char *name;         /* the definition's; "" for one that stands inline */
    struct sim_field *fields; /* sorted by name */
    size_t field_count;
    const struct sim_type *element;
    enum sim_list list;
    struct hf_slice *keys; /* LIST_KEYED: what identifies an item to server-side apply */
    size_t key_count;
    const char *merge_key; /* what identifies an item to a strategic merge patch */
    bool patch_merge;      /* the strategic merge patch merges the list */
    bool retain_keys;      /* of the list's items */
    bool atomic;           /* x-kubernetes-map-type */
    bool keeps_unknown;
    bool custom; /* of a custom resource: JSON as it is, no Go struct behind it */
    bool micro;  /* SHAPE_TIME with fractions */
};

struct sim_schema;

/* From the embedded documents. */
int sim_schema_new(struct sim_schema **out, struct hf_error *err);
void sim_schema_free(struct sim_schema *schema);
/* NULL when there is none. */
const struct sim_type *sim_schema_find(const struct sim_schema *schema, const char *definition);
/* The OpenAPI document's definitions. */
const struct hf_value *sim_schema_definitions(const struct sim_schema *schema);
/* The type of a custom resource from its openAPIV3Schema (NULL: none), living in arena. NULL: memory. */
const struct sim_type *sim_schema_custom(const struct sim_schema *schema, struct hf_arena *arena,
                                         const struct hf_value *open_api_v3);

const struct sim_field *sim_type_field(const struct sim_type *type, struct hf_slice name);
bool sim_type_is_scalar(const struct sim_type *type);

#endif
