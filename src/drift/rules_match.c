#include <string.h>

#include "rules_parts.h"

static const char *const NAMES[] = {"kind",   "group", "namespace", "name",    "target",    "space", "unit",
                                    "labels", "class", "path",      "manager", "operation", "user",  "not"};

const char *hf_condition_name(enum condition condition)
{
    return (size_t)condition < sizeof NAMES / sizeof NAMES[0] ? NAMES[condition] : "";
}

static unsigned class_of(const struct hf_rule_question *question)
{
    if (question->finding) {
        switch (question->finding->class) {
        case HF_CHANGED:
            return CLASS_CHANGED;
        case HF_REMOVED:
            return CLASS_REMOVED;
        case HF_LEFTOVER:
            return CLASS_LEFTOVER;
        case HF_EXTRA_FIELD:
            return CLASS_ADDED;
        default:
            return 0;
        }
    }
    switch (question->verdict) {
    case HF_MISSING:
    case HF_TERMINATING:
        return CLASS_MISSING;
    case HF_EXTRA:
        return CLASS_EXTRA;
    default:
        return 0;
    }
}

void hf_rule_prepare(struct asked *asked, const struct hf_rule_question *question)
{
    const struct hf_rule_subject *subject = question->subject;
    const struct hf_finding *finding = question->finding;
    asked->question = question;
    const struct {
        enum condition condition;
        const char *text;
    } TEXTS[] = {{ON_KIND, subject->kind},
                 {ON_GROUP, subject->group  ? subject->group
                            : subject->kind ? ""
                                            : NULL},
                 {ON_NAMESPACE, subject->namespace},
                 {ON_NAME, subject->name},
                 {ON_TARGET, subject->target},
                 {ON_SPACE, subject->space},
                 {ON_UNIT, subject->unit},
                 {ON_LABELS, NULL},
                 {ON_CLASS, NULL},
                 {ON_PATH, NULL},
                 {ON_MANAGER, finding ? finding->manager : NULL},
                 {ON_OPERATION, finding ? finding->operation : NULL},
                 {ON_USER, question->user}};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        asked->texts[TEXTS[i].condition] = TEXTS[i].text ? hf_slice_of(TEXTS[i].text) : (struct hf_slice){NULL, 0};
    }
    asked->class = class_of(question);
    asked->has_path = finding != NULL;
    const char *path = finding ? (finding->keyed ? finding->keyed : finding->path) : NULL;
    hf_keyed_cut(&asked->path, path ? path : "");
}

static bool one(const struct glob *glob, struct hf_slice text)
{
    switch (glob->form) {
    case GLOB_LITERAL:
        return glob->text.len == text.len && memcmp(glob->text.ptr, text.ptr, text.len) == 0;
    case GLOB_ANY:
        return true;
    default:
        return hf_glob_matches(glob->text, text, true);
    }
}

/* What there is none of matches no pattern, not even "*". */
bool hf_rule_any(const struct globs *globs, struct hf_slice text)
{
    for (size_t i = 0; text.ptr && i < globs->count; i++) {
        if (one(&globs->items[i], text)) {
            return true;
        }
    }
    return false;
}

static bool kind_matches(const struct kind_glob *kind, const struct asked *asked)
{
    struct hf_slice text = asked->texts[ON_KIND];
    struct hf_slice group = asked->texts[ON_GROUP];
    return text.ptr && one(&kind->kind, text) && (!kind->has_group || (group.ptr && one(&kind->group, group)));
}

static bool any_kind(const struct rule_match *match, const struct asked *asked)
{
    for (size_t i = 0; i < match->kind_count; i++) {
        if (kind_matches(&match->kinds[i], asked)) {
            return true;
        }
    }
    return false;
}

bool hf_rule_names_kind(const struct rule_match *match, const struct asked *asked)
{
    for (size_t i = 0; i < match->kind_count; i++) {
        if (match->kinds[i].kind.form == GLOB_LITERAL && kind_matches(&match->kinds[i], asked)) {
            return true;
        }
    }
    return false;
}

static bool all_labels(const struct rule_match *match, const struct asked *asked)
{
    const struct hf_rule_subject *subject = asked->question->subject;
    for (size_t i = 0; i < match->label_count; i++) {
        const char *text = subject->label ? subject->label(subject->label_ctx, match->labels[i].name) : NULL;
        if (!text || !hf_rule_any(&match->labels[i].values, hf_slice_of(text))) {
            return false;
        }
    }
    return true;
}

static bool any_path(const struct rule_match *match, const struct asked *asked)
{
    for (size_t i = 0; asked->has_path && i < match->path_count; i++) {
        if (hf_pattern_matches(&match->paths[i], &asked->path)) {
            return true;
        }
    }
    return false;
}

static bool any_exception(const struct rule_match *match, const struct asked *asked)
{
    for (size_t i = 0; i < match->exception_count; i++) {
        if (hf_rule_fails(&match->exceptions[i], asked) == MATCHED) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct rule_match *match, enum condition condition, const struct asked *asked)
{
    switch (condition) {
    case ON_KIND:
        return any_kind(match, asked);
    case ON_LABELS:
        return all_labels(match, asked);
    case ON_CLASS:
        return (match->classes & asked->class) != 0;
    case ON_PATH:
        return any_path(match, asked);
    case ON_EXCEPTION:
        return !any_exception(match, asked);
    default:
        return hf_rule_any(&match->texts[condition], asked->texts[condition]);
    }
}

enum condition hf_rule_fails(const struct rule_match *match, const struct asked *asked)
{
    for (unsigned left = match->conditions; left != 0; left &= left - 1) {
        enum condition condition = (enum condition)__builtin_ctz(left);
        if (!holds(match, condition, asked)) {
            return condition;
        }
    }
    return MATCHED;
}

bool hf_rule_matches(const struct rule_match *match, const struct asked *asked)
{
    bool may = !(match->conditions & 1u << ON_PATH) || !(match->path_needs & ~asked->path.has);
    return may && hf_rule_fails(match, asked) == MATCHED;
}

bool hf_glob_covers(const struct glob *a, const struct glob *b)
{
    if (a->form == GLOB_ANY || (a->form == b->form && hf_slice_equal(a->text, b->text))) {
        return true;
    }
    return b->form == GLOB_LITERAL && one(a, b->text);
}
