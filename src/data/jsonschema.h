/* Checking a value against a schema: what went wrong, and where. */
#ifndef HF_DATA_JSONSCHEMA_H
#define HF_DATA_JSONSCHEMA_H

#include "holdfast/jsonschema.h"

/* The first violation in document order, so far. */
struct hf_violation {
    bool any;
    uint32_t line;
    uint32_t column;
    size_t depth; /* of the value in the document */
    char path[200];
    char found[120];
    char expected[440];
};

struct hf_schema_check {
    const struct hf_value *root; /* schema */
    struct hf_buf path;
    size_t depth; /* of the value in the document */
    size_t steps; /* schemas within schemas, so that a $ref to itself ends */
    struct hf_violation *violation;
    struct hf_error *err;
};

/* Notes a violation, unless an earlier place has one. */
void hf_schema_violate(struct hf_schema_check *check, uint32_t line, uint32_t column, const char *found,
                       const char *expected);

/* Whether all of a schema is known here: -1 with HF_EINVAL when it is not. */
int hf_schema_known(const struct hf_value *schema, size_t depth, struct hf_error *err);

/* The keywords that look at one value alone (type, enum, minimum, pattern, …). False when type doesn't fit: then
 * nothing else is looked at. -1 in *status for an error of the schema or memory. */
bool hf_schema_scalar(struct hf_schema_check *check, const struct hf_value *schema, const struct hf_value *value,
                      int *status);

/* Notes a property that the schema does not know, with the nearest that it does. */
void hf_schema_unknown_property(struct hf_schema_check *check, const struct hf_value *properties,
                                const struct hf_member *member);

#endif
