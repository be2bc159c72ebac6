/* Rules: what is done about a finding, and how grave it is. Pure: packs and a question in, a decision out.
 *
 * A pack is a YAML file by schema/rules.json. Packs are asked in order. Within a pack the first rule that matches
 * speaks, the others of that pack don't. A decision has several properties (action, severity, added, grace, limits,
 * windows, apply_by): each is decided by the first pack whose speaking rule sets it, so that an own pack may say
 * "observe" and the shipped one still says "critical". What no rule decides: correct, warning, added things are
 * reported, no grace, the target's limits, at any time. */
#ifndef HOLDFAST_RULES_H
#define HOLDFAST_RULES_H

#include "holdfast/drift.h"
#include "holdfast/mem.h"

enum hf_action {
    HF_ACT_CORRECT,  /* put back */
    HF_ACT_OBSERVE,  /* recorded and told, not put back */
    HF_ACT_IGNORE,   /* never drift */
    HF_ACT_ACCEPT,   /* what is live is to become a new revision of the unit; never put back */
    HF_ACT_RECREATE, /* put back; where the server refuses because a field can't be changed: deleted and made anew */
    HF_ACT_PRUNE     /* of an extra object (class extra): deleted. Of anything else it means correct */
};
#define HF_ACTION_COUNT 6
const char *hf_action_name(enum hf_action action);

enum hf_severity { HF_SEVERITY_INFO, HF_SEVERITY_WARNING, HF_SEVERITY_CRITICAL };
const char *hf_severity_name(enum hf_severity severity);

/* What an `added` finding means. */
enum hf_added {
    HF_ADDED_REPORT, /* recorded, neither drift nor put back */
    HF_ADDED_STRICT, /* drift: handled by the action */
    HF_ADDED_IGNORE
};
const char *hf_added_name(enum hf_added added);

/* How it is put back: by a direct apply, or by the unit's apply action in ConfigHub. */
enum hf_apply_by {
    HF_APPLY_BY_TARGET, /* as the target says */
    HF_APPLY_BY_DIRECT,
    HF_APPLY_BY_CONFIGHUB,     /* where that fails, directly, unless the target says no */
    HF_APPLY_BY_CONFIGHUB_ONLY /* where that fails, not at all */
};
const char *hf_apply_by_name(enum hf_apply_by by); /* "direct", "confighub", "confighub-only"; "target" */

struct hf_rules;

int hf_rules_new(struct hf_rules **out, struct hf_error *err);
/* Gives one reference back; the last one frees. NULL is fine. */
void hf_rules_free(struct hf_rules *rules);
/* One more reference, for another thread: from then on nothing is added. */
struct hf_rules *hf_rules_share(struct hf_rules *rules);
/* How a pack's windows find their time zone by its name, when the pack is read (the decision itself asks nothing):
 * hf_zone_find. Without one: UTC and offsets only. */
struct hf_zone;
typedef int (*hf_rules_zone_fn)(void *ctx, struct hf_arena *arena, const char *name, const struct hf_zone **out,
                                struct hf_error *err);
void hf_rules_zones(struct hf_rules *rules, hf_rules_zone_fn zone, void *ctx);
/* Adds a pack behind those there are. path is for messages. Errors name file, line and column, what was found and what
 * was expected: HF_EPARSE, HF_EINVAL (two packs or two rules of one pack of one name too), HF_ELIMIT, HF_ENOMEM; then
 * the rules are as before. */
int hf_rules_add(struct hf_rules *rules, const char *path, const char *bytes, size_t len, struct hf_error *err);
size_t hf_rules_count(const struct hf_rules *rules);
/* "pack/rule" of the i-th rule in the order asked; NULL beyond the last. */
const char *hf_rules_name(const struct hf_rules *rules, size_t index);
bool hf_rules_has_pack(const struct hf_rules *rules, const char *name);
/* Rules that can never speak because an earlier one of their pack matches all that they match: how many were found, and
 * the text of each ("FILE: line 9: …") in the arena. What takes too long to tell is not told. */
int hf_rules_warnings(struct hf_arena *arena, const struct hf_rules *rules, const char *const **texts, size_t *count,
                      struct hf_error *err);
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

struct hf_rule_question {
    const struct hf_rule_subject *subject;
    const struct hf_finding
        *finding;            /* NULL: of the object as a whole; rules with a path or manager don't match then */
    enum hf_verdict verdict; /* of the object as a whole: HF_MISSING and HF_TERMINATING match class `missing`, HF_EXTRA
                                class `extra`; not read when there is a finding */
    const char *user;        /* who did it, by the API server's audit events; NULL: not known */
    int64_t now_ms;          /* wall clock, for windows; HF_TIME_NONE: windows don't count */
};

/* What is decided, and by which rule each ("pack/rule", NULL: by none). The texts live as long as the rules. */
enum hf_decided { HF_BY_ACTION, HF_BY_SEVERITY, HF_BY_ADDED, HF_BY_GRACE, HF_BY_LIMITS, HF_BY_WINDOWS, HF_BY_APPLY };
#define HF_DECIDED_COUNT 7
struct hf_decision {
    enum hf_action action;
    enum hf_severity severity;
    enum hf_added added;
    enum hf_apply_by apply_by;
    int64_t grace_ms;     /* from when it was seen to when it is put back; 0: at once */
    unsigned limit_times; /* so often in limit_within_ms may a path be put back; 0: the target's limits */
    int64_t limit_within_ms;
    bool held_now;         /* a window says: not now */
    int64_t held_until_ms; /* when that ends; HF_TIME_NONE: not within the next 8 days */
    bool names_kind;       /* the rule that decided the action names the kind in its match, without a wildcard */
    const char *by[HF_DECIDED_COUNT];
    const char *rule; /* the first rule that decided anything: for people; NULL: none matched */
};
void hf_rules_decide(const struct hf_rules *rules, const struct hf_rule_question *question, struct hf_decision *out);

/* Why: one step a rule, in the order asked. */
struct hf_rule_step {
    const char *rule; /* "pack/rule" */
    const char *file; /* the pack's path */
    size_t line;      /* of the rule in it */
    bool matched;
    const char *why;     /* not matched: the first condition that failed, "kind is Service, not one of Deployment"; or
                            "not asked: pack/other of the same pack matched before" */
    const char *decided; /* matched: what it decided, "severity critical, action observe"; what it set but an earlier
                            pack had decided is said so. NULL: not matched */
};
int hf_rules_explain(struct hf_arena *arena, const struct hf_rules *rules, const struct hf_rule_question *question,
                     const struct hf_rule_step **steps, size_t *count, struct hf_error *err);

/* Every rule in the order asked, without a question: `decided` is what it sets, `matched` is false. */
int hf_rules_list(struct hf_arena *arena, const struct hf_rules *rules, const struct hf_rule_step **steps,
                  size_t *count, struct hf_error *err);

/* Counts a decision for the rules that made it: how often each fired. Any thread. */
void hf_rules_fired(const struct hf_rules *rules, const struct hf_decision *decision);
/* Goes on counting where other rules of the same names are, after a reload. */
void hf_rules_go_on(struct hf_rules *rules, const struct hf_rules *before);
/* The packs in the order asked: {"packs":[{"name","description","file","rules":[{"name","line","description","match",
 * what it sets as the pack says it…,"fired"}]}]}. Any thread. */
void hf_rules_json(const struct hf_rules *rules, struct hf_buf *out);

/* A question as people ask it, in words; NULL: not said. */
struct hf_rule_wish {
    const char *target;
    const char *space;
    const char *unit;
    const char *labels; /* of the unit: "a=b,c=d" */
    const char *group;  /* "core" for that of Service */
    const char *kind;   /* "Deployment" or "apps/Deployment" */
    const char *namespace;
    const char *name;
    const char *path;  /* NULL: the object as a whole */
    const char *class; /* "changed" with a path, else "missing" */
    const char *manager;
    const char *operation;
    const char *user;
    const char *at; /* RFC 3339; now */
};
struct hf_rule_label {
    const char *name;
    const char *value;
};
/* The question, and all that it points to; not to be moved. */
struct hf_rule_asking {
    struct hf_rule_subject subject;
    struct hf_finding finding;
    struct hf_rule_question question;
    struct hf_rule_label *labels;
    size_t label_count;
};
/* Reads a wish; texts stay the wish's, the rest is in the arena. before: what stands before a name in an error, "--".
 * HF_EINVAL, HF_ENOMEM. */
int hf_rule_ask(struct hf_arena *arena, const struct hf_rule_wish *wish, const char *before, struct hf_rule_asking *out,
                struct hf_error *err);
int hf_rule_ask_label(struct hf_arena *arena, struct hf_rule_asking *asking, struct hf_slice name,
                      struct hf_slice value, struct hf_error *err);
/* What becomes of it, in words: "drift, put back". */
const char *hf_rule_outcome(const struct hf_rule_asking *asking, const struct hf_decision *decision);
/* One property's value in words. */
void hf_decision_say(const struct hf_decision *decision, enum hf_decided what, struct hf_buf *out);
const char *hf_decided_name(enum hf_decided what); /* "action", … */
/* {"outcome","decisions":{"action":{"value","rule"},…},"steps":[{"rule","file","line","matched","why","decided"}]} */
int hf_rule_answer_json(const struct hf_rules *rules, const struct hf_rule_asking *asking, struct hf_buf *out,
                        struct hf_error *err);

/* What the rules make of one finding. */
enum hf_weight {
    HF_WEIGHT_NONE,   /* ignored: no drift, and a correction must leave it as it is */
    HF_WEIGHT_REPORT, /* an addition that is only recorded; a correction leaves it as it is */
    HF_WEIGHT_HOLD,   /* drift that is not put back (observe, accept); a correction leaves it as it is */
    HF_WEIGHT_CORRECT /* drift that is put back, now or later (grace, windows) */
};
/* A finding of class defaulted weighs nothing. action `prune` and `recreate` of a finding count as correct here. */
enum hf_weight hf_decision_weight(const struct hf_finding *finding, const struct hf_decision *decision);

/* Whether a path is, or is below, a pattern. path is a finding's `keyed` (or its JSON Pointer). The pattern is a JSON
 * Pointer whose parts may be "*" (any one), a name with "*" in it, "[key=value]" or "[key=value,key=value]" (the item
 * of a keyed list; value may hold "*") or "[=value]" (the item of a set). False for what is no pattern. */
bool hf_rule_path_matches(const char *pattern, const char *path);
/* The `keyed` path of a finding as a person writes it: "/spec/ports/[port=80]/nodePort". In the arena. HF_EINVAL. */
int hf_rule_path_read(struct hf_arena *arena, const char *text, const char **keyed, struct hf_error *err);

#endif
