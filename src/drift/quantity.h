/* Private to src/drift. */
#ifndef HF_DRIFT_QUANTITY_H
#define HF_DRIFT_QUANTITY_H

#include "holdfast/text.h"

/* Whether the server stores desired as live; in a resource list (limits, requests, capacity…) it rounds up to
 * thousandths. False when either is no quantity. */
bool hf_quantity_is_stored_as(struct hf_slice desired, struct hf_slice live, bool in_milli, bool *same);

#endif
