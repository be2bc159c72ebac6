/* The types of Kubernetes objects as the cluster's own OpenAPI documents and CustomResourceDefinitions give them, in a
 * compact table. Pure: bytes in, table out. */
#ifndef HOLDFAST_TYPES_H
#define HOLDFAST_TYPES_H

#include "holdfast/value.h"

enum hf_type_kind {
    HF_TYPE_UNKNOWN, /* no schema, or preserve-unknown-fields: compared by structure */
    HF_TYPE_STRING,
    HF_TYPE_BYTES, /* string, format byte: base64 */
    HF_TYPE_INTEGER,
    HF_TYPE_NUMBER,
    HF_TYPE_BOOLEAN,
    HF_TYPE_QUANTITY,
    HF_TYPE_INT_OR_STRING,
    HF_TYPE_TIME,     /* metav1.Time: kept to the second, in UTC */
    HF_TYPE_DURATION, /* metav1.Duration */
    HF_TYPE_STRUCT,   /* an object with named fields */
    HF_TYPE_MAP,      /* an object with free keys, all of one type */
    HF_TYPE_LIST,
    HF_TYPE_MICRO_TIME
};

enum hf_list_type { HF_LIST_ATOMIC, HF_LIST_SET, HF_LIST_MAP };

struct hf_type;

/* What the server does with a zero value (0, false, "", [], {}) that a unit sets in a field. */
enum hf_zero {
    HF_ZERO_UNSURE,
    HF_ZERO_KEPT,   /* a pointer in Go, an entry of a map, a field of a custom resource */
    HF_ZERO_DROPPED /* any other field of a built-in type (omitempty) */
};

struct hf_field {
    const char *name;
    const struct hf_type *type;
    const char *default_json;      /* the schema's default as JSON text, or NULL */
    const struct hf_value *preset; /* what the server puts where a unit says nothing: of a built-in type by
                                      schema/kubernetes-types-*, else the schema's default; NULL: nothing */
    enum hf_zero zero;
    bool may_have_default; /* of a custom resource, from OpenAPI v2, which leaves its defaults out */
    bool is_filled;        /* left empty, the server or a controller fills it in, with whatever it likes */
};

struct hf_type {
    enum hf_type_kind kind;
    const char *name;              /* the definition's, "" for an inline type */
    const struct hf_field *fields; /* HF_TYPE_STRUCT: sorted by name */
    size_t field_count;
    const struct hf_type *element; /* HF_TYPE_MAP and HF_TYPE_LIST */
    enum hf_list_type list_type;
    const char *const *list_keys; /* HF_LIST_MAP: x-kubernetes-list-map-keys, else the patch merge key */
    size_t list_key_count;
    bool list_by_merge_key; /* keyed by x-kubernetes-patch-merge-key, for want of a list type */
    bool atomic;            /* x-kubernetes-map-type: atomic */
    bool preserves_unknown;
    bool prunes;           /* HF_TYPE_STRUCT: what has no field here is not stored (a Go type, or a CRD that prunes) */
    bool is_nullable;      /* of a custom resource: null is stored as null, and a default does not take its place */
    bool is_embedded;      /* x-kubernetes-embedded-resource: has apiVersion, kind and metadata, too */
    bool is_built_in;      /* a definition of Kubernetes' own: goes through a Go type on the server */
    bool derives_defaults; /* some of its fields' defaults depend on other fields */
};

struct hf_types; /* immutable once built; may be shared by threads */

/* A kind whose types are wanted. Readers that are given none (count 0) take all that the document has. */
struct hf_type_want {
    const char *group; /* "" for the core group */
    const char *version;
    const char *kind;
};

/* Of all readers: references may be circular; a reference that leads nowhere, and what is not understood in one
 * definition, make that type HF_TYPE_UNKNOWN, never the whole fail. Time and memory are bounded by the document's size,
 * depth of the stack by that of its nesting; only what the wanted kinds refer to is kept. Errors: HF_EPARSE (no such
 * document), HF_ELIMIT, HF_ENOMEM. */

/* From an OpenAPI document as JSON: /openapi/v2, or that of one group-version below /openapi/v3. Of custom resources v2
 * lacks what it has no words for: defaults, nullable (the field has no type at all), what is specified below
 * x-kubernetes-preserve-unknown-fields. */
int hf_types_from_openapi(const char *json, size_t len, const struct hf_type_want *wants, size_t count,
                          struct hf_types **out, struct hf_error *err);
/* The same, all kinds. */
int hf_types_from_openapi_v2(const char *json, size_t len, struct hf_types **out, struct hf_error *err);
/* From a CustomResourceDefinition (apiextensions.k8s.io/v1): what the server itself prunes, defaults and merges by.
 * Versions that are not served are passed over. */
int hf_types_from_crd(const struct hf_value *crd, const struct hf_type_want *wants, size_t count, struct hf_types **out,
                      struct hf_error *err);
/* From the extract of the common kinds that is compiled in, as Kubernetes 1.20 has them. */
int hf_types_built_in(const struct hf_type_want *wants, size_t count, struct hf_types **out, struct hf_error *err);

/* One table over several: of a kind that more than one has, the first one's type. It holds on to its parts: they may be
 * given back at once. Parts that are NULL are passed over. */
int hf_types_join(struct hf_types *const *parts, size_t count, struct hf_types **out, struct hf_error *err);
struct hf_types *hf_types_share(struct hf_types *types); /* the same table, to be freed once more */
void hf_types_free(struct hf_types *types);              /* NULL is fine */

/* NULL: no schema. */
const struct hf_type *hf_types_find(const struct hf_types *types, const char *group, const char *version,
                                    const char *kind);
size_t hf_types_count(const struct hf_types *types);
size_t hf_types_size(const struct hf_types *types); /* bytes of memory, its parts' included */

const struct hf_field *hf_type_field(const struct hf_type *type, struct hf_slice name); /* NULL: none */

#endif
