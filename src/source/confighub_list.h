/* A listing of units, given on item by item as it comes; private to src/source. */
#ifndef HF_SOURCE_CONFIGHUB_LIST_H
#define HF_SOURCE_CONFIGHUB_LIST_H

#include "confighub_client.h"
#include "confighub_read.h"

struct confighub_listing;

/* item is valid during the call; -1 with err ends the listing. done comes last, once: HF_OK when it was read whole;
 * status is that of the answer, 0 when none came. */
typedef int (*confighub_item_fn)(void *ctx, const struct confighub_item *item, struct hf_error *err);
typedef void (*confighub_listed_fn)(void *ctx, int status, int64_t retry_after_ms, const struct hf_error *err);

int confighub_list_units(struct hf_confighub *hub, const char *path, const char *doing, confighub_item_fn on_item,
                         confighub_listed_fn on_done, void *ctx, struct confighub_listing **out, struct hf_error *err);
void confighub_listing_cancel(struct confighub_listing *listing); /* NULL is fine */

#endif
