/* A rule as compiled from its pack. Private to src/drift.
 *
 * rules.c          the packs, and what they decide
 * rules_read.c     a pack's file becomes rules
 * rules_match.c    whether a rule matches, and if not, why
 * rules_window.c   windows of time
 * rules_explain.c  why, in words
 * rules_question.c a question in words, and its answer
 * rules_told.c     the packs for people, and how often each rule fired
 * rules_cover.c    rules that can never speak
 * keyed.c          paths and patterns of paths */
#ifndef HF_DRIFT_RULES_PARTS_H
#define HF_DRIFT_RULES_PARTS_H

#include <stdatomic.h>

#include "holdfast/clock.h"
#include "holdfast/mem.h"
#include "holdfast/rules.h"
#include "keyed.h"

struct glob {
    struct hf_slice text; /* terminated */
    enum { GLOB_LITERAL, GLOB_ANY, GLOB_PATTERN } form;
};

struct globs {
    const struct glob *items;
    size_t count; /* 0: no condition */
};

/* "Deployment", or "apps/Deployment". */
struct kind_glob {
    const char *text;
    bool has_group;
    struct glob group;
    struct glob kind;
};

struct label_match {
    const char *name;
    struct globs values;
};

/* The conditions, in the order in which they are asked and told. */
enum condition {
    ON_KIND,
    ON_GROUP,
    ON_NAMESPACE,
    ON_NAME,
    ON_TARGET,
    ON_SPACE,
    ON_UNIT,
    ON_LABELS,
    ON_CLASS,
    ON_PATH,
    ON_MANAGER,
    ON_OPERATION,
    ON_USER,
    ON_EXCEPTION, /* `not` */
    MATCHED
};
#define TEXT_CONDITIONS 13 /* of these, those that are plain globs have a slot in texts */

enum class_bit {
    CLASS_CHANGED = 1,
    CLASS_REMOVED = 2,
    CLASS_LEFTOVER = 4,
    CLASS_ADDED = 8,
    CLASS_MISSING = 16,
    CLASS_EXTRA = 32
};

struct rule_match {
    unsigned conditions; /* a bit for each that there is */
    struct globs texts[TEXT_CONDITIONS];
    const struct kind_glob *kinds;
    size_t kind_count;
    const struct label_match *labels;
    size_t label_count;
    unsigned classes;
    const struct path_pattern *paths;
    size_t path_count;
    uint64_t path_needs; /* what all of its patterns need, keyed.h */
    const struct rule_match *exceptions;
    size_t exception_count;
};

/* A window: of each week, or from one instant to another. */
struct window {
    bool is_once;
    int64_t from_ms; /* once: instants; weekly: after local midnight of its day */
    int64_t to_ms;   /* weekly: after the same midnight, so beyond a day where it goes over the next */
    unsigned days;   /* a bit for each, Sunday is 0 */
    const struct hf_zone *zone;
};

struct windows {
    const struct window *items;
    size_t count;
};

struct rule {
    const char *full_name;        /* "pack/rule" */
    const struct hf_value *value; /* as the pack has it */
    atomic_ullong *fired;
    size_t line;
    struct rule_match match;
    unsigned sets; /* a bit for each of enum hf_decided */
    enum hf_action action;
    enum hf_severity severity;
    enum hf_added added;
    enum hf_apply_by apply_by;
    int64_t grace_ms;
    unsigned limit_times;
    int64_t limit_within_ms;
    struct windows only; /* correct_only_during */
    struct windows hold; /* hold_during */
};

struct pack {
    struct hf_arena *arena;
    const char *name;
    const char *description; /* NULL */
    const char *path;
    const struct rule *rules;
    size_t count;
    struct pack *next;
};

struct hf_rules {
    atomic_uint refs;
    struct pack *packs;
    struct pack **end;
    hf_rules_zone_fn zone;
    void *zone_ctx;
};

/* A question, with what is asked of every rule made ready. */
struct asked {
    const struct hf_rule_question *question;
    struct hf_slice texts[TEXT_CONDITIONS]; /* ptr NULL: there is none */
    unsigned class;
    bool has_path;
    struct keyed_path path;
};

/* rules_read.c */
int hf_pack_read(const struct hf_rules *rules, struct pack *pack, const char *path, const char *bytes, size_t len,
                 struct hf_error *err);

/* rules_match.c */
void hf_rule_prepare(struct asked *asked, const struct hf_rule_question *question);
/* MATCHED, or the first condition that does not hold. */
enum condition hf_rule_fails(const struct rule_match *match, const struct asked *asked);
/* The same without the reason. */
bool hf_rule_matches(const struct rule_match *match, const struct asked *asked);
bool hf_rule_any(const struct globs *globs, struct hf_slice text);
bool hf_rule_names_kind(const struct rule_match *match, const struct asked *asked);
const char *hf_condition_name(enum condition condition);
/* The glob covers all that the other one matches, as far as can be told. */
bool hf_glob_covers(const struct glob *a, const struct glob *b);

/* rules_window.c */
int hf_window_read(const struct hf_rules *rules, struct hf_arena *arena, const struct hf_value *value,
                   struct window *out, struct hf_error *err);
/* Whether corrections wait at that time, and until when: HF_TIME_NONE: not within the next 8 days. */
bool hf_windows_hold(const struct windows *only, const struct windows *hold, int64_t now_ms, int64_t *until_ms);

#endif
