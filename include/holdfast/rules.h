/* Rules: what is done about a finding, and how grave it is. Pure: packs in, decision out.
 *
 * A pack is a YAML file by schema/rules.json. Packs are asked in order; within one the first rule that matches decides.
 * Without any match the decision is: correct, severity warning. */
#ifndef HOLDFAST_RULES_H
#define HOLDFAST_RULES_H

#include "holdfast/drift.h"

enum hf_action {
    HF_ACT_CORRECT, /* put back */
    HF_ACT_OBSERVE, /* recorded and told, not put back */
    HF_ACT_IGNORE   /* never drift */
};
const char *hf_action_name(enum hf_action action);

enum hf_severity { HF_SEVERITY_INFO, HF_SEVERITY_WARNING, HF_SEVERITY_CRITICAL };
const char *hf_severity_name(enum hf_severity severity);

struct hf_rules;

int hf_rules_new(struct hf_rules **out, struct hf_error *err);
void hf_rules_free(struct hf_rules *rules); /* NULL is fine */
/* Adds a pack behind those there are. path is for messages. Errors name file, line and column, what was found and what
 * was expected: HF_EPARSE, HF_EINVAL, HF_ELIMIT, HF_ENOMEM; then the rules are as before. */
int hf_rules_add(struct hf_rules *rules, const char *path, const char *bytes, size_t len, struct hf_error *err);
size_t hf_rules_count(const struct hf_rules *rules);
/* Whether a document is a rule pack: it has a `rules` list and no apiVersion. */
bool hf_rules_is_pack(const struct hf_value *document);

/* What a finding belongs to. NULL: none. */
struct hf_rule_subject {
    const char *target;
    const char *space;
    const char *unit;
    const char *group;
    const char *kind;
    const char *namespace;
    const char *name;
    /* The unit's labels: the value, or NULL. */
    const char *(*label)(const void *ctx, const char *name);
    const void *label_ctx;
};

struct hf_decision {
    enum hf_action action;
    enum hf_severity severity;
    const char *rule; /* "pack/rule"; NULL: no rule matched. Lives as long as the rules */
};

/* finding NULL: of the object as a whole (missing, being deleted): rules with a path, class or manager don't match
 * then. */
void hf_rules_decide(const struct hf_rules *rules, const struct hf_rule_subject *subject,
                     const struct hf_finding *finding, struct hf_decision *out);

/* Whether a path (JSON Pointer, and its readable form) is, or is below, a pattern: a JSON Pointer whose parts may be
 * "*" (any one) or
 * "[key=value]" (the list item of that key). */
bool hf_rule_path_matches(const char *pattern, const char *pointer, const char *readable);

#endif
