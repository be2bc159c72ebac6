/* The types of Kubernetes objects as the cluster's own OpenAPI document gives them, in a compact table. Pure: bytes in,
 * table out. */
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
    bool is_filled; /* left empty, the server or a controller fills it in, with whatever it likes */
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
    bool is_embedded; /* x-kubernetes-embedded-resource */
    bool is_built_in; /* of Kubernetes' own: what has no field here is not stored */
    bool derives_defaults; /* some of its fields' defaults depend on other fields */
};

struct hf_types; /* immutable once built; may be shared by threads */

/* From an OpenAPI v2 document (/openapi/v2 as JSON). References may be circular. Errors: HF_EPARSE, HF_ELIMIT,
 * HF_ENOMEM. What is not understood in one definition makes that type HF_TYPE_UNKNOWN, never the whole fail. */
int hf_types_from_openapi_v2(const char *json, size_t len, struct hf_types **out, struct hf_error *err);
void hf_types_free(struct hf_types *types); /* NULL is fine */

/* By x-kubernetes-group-version-kind. NULL: no schema. */
const struct hf_type *hf_types_find(const struct hf_types *types, const char *group, const char *version,
                                    const char *kind);
size_t hf_types_count(const struct hf_types *types);
size_t hf_types_size(const struct hf_types *types); /* bytes of memory */

const struct hf_field *hf_type_field(const struct hf_type *type, struct hf_slice name); /* NULL: none */

#endif
