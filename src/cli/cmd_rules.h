/* The parts of `holdfast rules`. Private to src/cli. */
#ifndef HF_CLI_CMD_RULES_H
#define HF_CLI_CMD_RULES_H

#include "command.h"
#include "holdfast/config.h"
#include "holdfast/mem.h"
#include "holdfast/rules.h"

extern const struct hf_command hf_cmd_rules_explain; /* "rules explain" */
extern const struct hf_command hf_cmd_rules_list;    /* "rules list" */

/* The rules in force under a config; path NULL: the shipped ones alone, and *config is NULL. */
int hf_rules_load(const char *path, struct hf_config **config, struct hf_rules **rules, struct hf_error *err);
/* The text on stdout, made safe for a terminal. */
int hf_rules_print(struct hf_buf *text, struct hf_error *err);
bool hf_rules_form(const char *output, bool *is_json, struct hf_error *err);

/* What is asked about, as the options say it. */
struct rules_wish {
    const char *config;
    struct hf_rule_wish asked;
    const char *output;
};

struct rules_question {
    struct hf_rule_asking asking;
    const char *origin; /* where the unit was found; NULL: nowhere */
};

/* From the options, and, where the config's folders hold such an object, from its unit. All in the arena. */
int hf_rules_question(struct hf_arena *arena, const struct rules_wish *wish, const struct hf_config *config,
                      struct rules_question *out, struct hf_error *err);

#endif
