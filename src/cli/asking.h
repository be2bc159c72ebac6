/* Asks the running agent something and waits for its last answer. */
#ifndef HF_CLI_ASKING_H
#define HF_CLI_ASKING_H

#include "command.h"
#include "holdfast/asks.h"

/* One answer: state and message, both borrowed. */
typedef void (*hf_asking_fn)(void *ctx, const char *state, const char *message);
/* ask->by, at_ms are set here. Exit code: HF_EXIT_OK done, HF_EXIT_FOUND refused or failed; -1: could not be asked, or
 * nobody answers. */
int hf_asking(const char *folder, struct hf_ask *ask, hf_asking_fn each, void *ctx, struct hf_error *err);

#endif
