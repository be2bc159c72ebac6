/* What Kubernetes' own types do that no schema says, from schema/kubernetes-types-*.json. Private to src/drift. */
#ifndef HF_DRIFT_FACTS_H
#define HF_DRIFT_FACTS_H

#include "holdfast/types.h"

struct facts {
    struct hf_arena *arena;
    const struct hf_value *fields;   /* definition → ["name", "*pointer", …] */
    const struct hf_value *defaults; /* definition → field → value */
    const struct hf_value *filled;   /* definition → fields */
};

/* Reads the files that are compiled in. The facts stand in facts->arena, which hf_facts_free frees. */
int hf_facts_read(struct facts *facts, struct hf_error *err);
void hf_facts_free(struct facts *facts);

/* Whether a definition is of Kubernetes' own API, which goes through a Go type on the server. */
bool hf_facts_is_built_in(const char *definition);

/* Fills in zero, preset and is_filled of a definition's field. preset points into facts->arena. */
void hf_facts_apply(const struct facts *facts, const char *definition, struct hf_field *field);

#endif
