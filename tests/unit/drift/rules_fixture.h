/* What the tests of rules share. */
#ifndef HF_TEST_RULES_FIXTURE_H
#define HF_TEST_RULES_FIXTURE_H

#include <criterion/criterion.h>

#include "holdfast/clock.h"
#include "holdfast/rules.h"

/* One question: what is NULL is not known, or none. */
struct asking {
    const char *target;
    const char *unit;
    const char *labels[3]; /* "name=value" */
    const char *group;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *path; /* by list keys; NULL: the object as a whole */
    enum hf_class class;
    enum hf_verdict verdict;
    const char *manager;
    const char *operation;
    const char *user;
    const char *at; /* NULL: no time */
};

struct hf_rules *rules_of(const char *text); /* one pack, by the system's time zones; must be right */
void rules_more(struct hf_rules *rules, const char *path, const char *text);
struct hf_rules *rules_shipped(const char *first); /* the shipped packs, behind the pack of that file (NULL: none) */
/* Why a pack is refused. */
const char *rules_refusal(const char *text);
struct hf_decision rules_ask(const struct hf_rules *rules, struct asking asking);
enum hf_weight rules_weigh(const struct hf_rules *rules, struct asking asking);
/* The explanation, a line a rule, into out. */
void rules_explain(const struct hf_rules *rules, struct asking asking, struct hf_buf *out);

#endif
