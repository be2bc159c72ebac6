/* Private to src/config. */
#ifndef HF_CONFIG_HUB_H
#define HF_CONFIG_HUB_H

#include "holdfast/config.h"
#include "holdfast/value.h"

/* config.c: the path as seen from the config's folder; NULL for NULL, and when memory is short. */
const char *hf_config_resolve(struct hf_config *config, const char *text);

int hf_config_read_hub(struct hf_config *config, const struct hf_value *document, struct hf_error *err);
int hf_config_read_selection(struct hf_config *config, const struct hf_value *value, struct hf_config_target *target,
                             struct hf_error *err);

#endif
