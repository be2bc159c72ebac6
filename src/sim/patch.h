/* The three patches that are not server-side apply. Each makes a new document of an old one. */
#ifndef SIM_PATCH_H
#define SIM_PATCH_H

#include "schema.h"
#include "work.h"

/* RFC 7386. */
int sim_patch_merge(struct sim_work *work, const struct hf_value *document, const struct hf_value *patch,
                    struct hf_value **out);
/* RFC 6902. 400 when the patch is malformed, 422 when it can't be applied. */
int sim_patch_json(struct sim_work *work, const struct hf_value *document, const struct hf_value *patch,
                   struct hf_value **out);
/* k8s.io/apimachinery/pkg/util/strategicpatch: lists merged by key, $patch, $retainKeys, $setElementOrder,
 * $deleteFromPrimitiveList. */
int sim_patch_strategic(struct sim_work *work, const struct sim_type *type, const struct hf_value *document,
                        const struct hf_value *patch, struct hf_value **out);

#endif
