/* Resource quantities in the form in which the API server stores them. */
#ifndef SIM_QUANTITY_H
#define SIM_QUANTITY_H

#include "holdfast/text.h"

/* Appends the canonical form ("1000m" → "1", "0.5" → "500m", "1024Mi" → "1Gi"); false when it is no quantity. Rule:
 * k8s.io/apimachinery/pkg/api/resource, Quantity. */
bool sim_quantity_canonical(struct hf_buf *buf, struct hf_slice text);

#endif
