/* Private to src/config. */
#ifndef HF_CONFIG_ACCESS_H
#define HF_CONFIG_ACCESS_H

#include "hub.h"

int hf_config_read_access(struct hf_config *config, const struct hf_value *document, struct hf_error *err);

#endif
