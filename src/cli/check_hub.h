/* Private to src/cli. */
#ifndef HF_CLI_CHECK_HUB_H
#define HF_CLI_CHECK_HUB_H

#include "holdfast/config.h"
#include "holdfast/source.h"

/* The units of a target whose source is ConfigHub, as they are now. The array and each unit are the caller's
 * (hf_unit_drop, free). */
int hf_check_hub_units(const struct hf_config *config, const struct hf_config_target *target, struct hf_unit ***units,
                       size_t *count, struct hf_error *err);

#endif
