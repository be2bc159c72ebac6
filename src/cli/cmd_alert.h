/* The parts of `holdfast alert`. */
#ifndef HF_CLI_CMD_ALERT_H
#define HF_CLI_CMD_ALERT_H

#include "command.h"

extern const struct hf_command hf_cmd_alert_test;
extern const struct hf_command hf_cmd_alert_channels;

#endif
