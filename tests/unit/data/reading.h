/* Reading in tests: a document from a literal, its canonical form, an expected error. */
#ifndef HF_TEST_DATA_READING_H
#define HF_TEST_DATA_READING_H

#include "holdfast/canonical.h"
#include "holdfast/json.h"
#include "holdfast/yaml.h"

/* The value of a JSON text; the test fails when it can't be read. */
const struct hf_value *json_of(struct hf_arena *arena, const char *text);
/* The only document of a YAML text. */
const struct hf_value *yaml_of(struct hf_arena *arena, const char *text);

/* Canonical form of the first document, or the text of the error; the caller frees. */
char *canonical_of_json(const char *text, size_t len);
char *canonical_of_yaml(const char *text, size_t len);
char *canonical_of_value(const struct hf_value *value);

#endif
