/* A subset of JSON Schema 2020-12, enough for our own config and rule files, with errors a person can act on.
 *
 * Keywords: type (name or list), properties, required, additionalProperties (false or schema), items, enum, const,
 * minimum, maximum, minLength, maxLength, minItems, maxItems, uniqueItems, pattern (POSIX extended), oneOf, anyOf,
 * $ref to "#/$defs/…", $defs, $schema, $id, description, title, default, examples, format (kept, not checked). Any
 * other keyword in the schema is HF_EINVAL, so that no rule is silently not applied. */
#ifndef HOLDFAST_JSONSCHEMA_H
#define HOLDFAST_JSONSCHEMA_H

#include "holdfast/value.h"

/* Checks value; *err names the first violation in document order: "line 4, column 7: targets[0].correction: found "on",
 * expected one of "auto", "observe"". An unknown property names the nearest known one. */
int hf_jsonschema_check(const struct hf_value *schema, const struct hf_value *value, struct hf_error *err);

#endif
