#include <string.h>

#include "rules_parts.h"

#define SHOWN 120u
#define MOST_NAMED 6

static void add_text(struct hf_buf *out, const char *text)
{
    hf_buf_add_safe(out, hf_slice_of(text), SHOWN);
}

static void add_choice(struct hf_buf *out, size_t index, size_t count, const char *text)
{
    if (index < MOST_NAMED) {
        hf_buf_adds(out, index == 0 ? "" : index + 1 == count ? " or " : ", ");
        add_text(out, text);
    } else if (index == MOST_NAMED) {
        hf_buf_addf(out, " or %zu more", count - index);
    }
}

static void add_globs(struct hf_buf *out, const struct globs *globs)
{
    hf_buf_adds(out, globs->count > 1 ? "not one of " : "not ");
    for (size_t i = 0; i < globs->count; i++) {
        add_choice(out, i, globs->count, globs->items[i].text.len ? globs->items[i].text.ptr : "core");
    }
}

static void say_kind(struct hf_buf *out, const struct rule_match *match, const struct asked *asked)
{
    const char *group = asked->question->subject->group;
    bool with_group = false;
    for (size_t i = 0; i < match->kind_count; i++) {
        with_group |= match->kinds[i].has_group;
    }
    hf_buf_adds(out, "kind is ");
    if (with_group && group && *group) {
        add_text(out, group);
        hf_buf_addc(out, '/');
    }
    add_text(out, asked->texts[ON_KIND].ptr ? asked->texts[ON_KIND].ptr : "not known");
    hf_buf_adds(out, match->kind_count > 1 ? ", not one of " : ", not ");
    for (size_t i = 0; i < match->kind_count; i++) {
        add_choice(out, i, match->kind_count, match->kinds[i].text);
    }
}

static void say_labels(struct hf_buf *out, const struct rule_match *match, const struct asked *asked)
{
    const struct hf_rule_subject *subject = asked->question->subject;
    for (size_t i = 0; i < match->label_count; i++) {
        const struct label_match *label = &match->labels[i];
        const char *text = subject->label ? subject->label(subject->label_ctx, label->name) : NULL;
        if (text && hf_rule_any(&label->values, hf_slice_of(text))) {
            continue;
        }
        hf_buf_adds(out, "the unit's label ");
        add_text(out, label->name);
        hf_buf_adds(out, text ? " is " : " is not set");
        add_text(out, text ? text : "");
        hf_buf_adds(out, ", ");
        add_globs(out, &label->values);
        return;
    }
}

static void say_class(struct hf_buf *out, const struct rule_match *match, const struct asked *asked)
{
    static const char *const CLASSES[] = {"changed", "removed", "leftover", "added", "missing", "extra"};
    const char *is = "another";
    size_t count = (size_t)__builtin_popcount(match->classes);
    size_t index = 0;
    for (unsigned i = 0; i < 6; i++) {
        is = asked->class == 1u << i ? CLASSES[i] : is;
    }
    hf_buf_addf(out, "class is %s, %s", is, count > 1 ? "not one of " : "not ");
    for (unsigned i = 0; i < 6; i++) {
        if (match->classes >> i & 1u) {
            add_choice(out, index++, count, CLASSES[i]);
        }
    }
}

static void say_path(struct hf_buf *out, const struct rule_match *match, const struct asked *asked)
{
    if (!asked->has_path) {
        hf_buf_adds(out, "it is asked of the object as a whole, and the rule is for paths");
        return;
    }
    hf_buf_adds(out, "path is ");
    add_text(out, asked->path.text);
    if (match->path_count == 1) {
        hf_buf_adds(out, ", not at or below ");
        add_text(out, match->paths[0].text);
    } else {
        hf_buf_addf(out, ", not at or below one of the rule's %zu", match->path_count);
    }
}

static void say_text(struct hf_buf *out, enum condition condition, const struct rule_match *match,
                     const struct asked *asked)
{
    struct hf_slice text = asked->texts[condition];
    hf_buf_adds(out, hf_condition_name(condition));
    if (!text.ptr) {
        bool has_none = condition == ON_NAMESPACE;
        hf_buf_adds(out, has_none ? " is none" : " is not known");
    } else {
        hf_buf_adds(out, " is ");
        add_text(out, text.len ? text.ptr : condition == ON_GROUP ? "core" : "empty");
    }
    hf_buf_adds(out, ", ");
    add_globs(out, &match->texts[condition]);
}

/* Which exception it falls under: the conditions that it names. */
static void say_exception(struct hf_buf *out, const struct rule_match *match, const struct asked *asked)
{
    size_t i = 0;
    while (i + 1 < match->exception_count && hf_rule_fails(&match->exceptions[i], asked) != MATCHED) {
        i++;
    }
    hf_buf_adds(out, "excepted by `not`");
    if (match->exception_count > 1) {
        hf_buf_addf(out, " number %zu", i + 1);
    }
    hf_buf_adds(out, " (");
    bool first = true;
    for (unsigned left = match->exceptions[i].conditions; left != 0; left &= left - 1) {
        hf_buf_addf(out, "%s%s", first ? "" : ", ", hf_condition_name((enum condition)__builtin_ctz(left)));
        first = false;
    }
    hf_buf_addc(out, ')');
}

static void say_why(struct hf_buf *out, enum condition condition, const struct rule_match *match,
                    const struct asked *asked)
{
    switch (condition) {
    case ON_KIND:
        say_kind(out, match, asked);
        break;
    case ON_LABELS:
        say_labels(out, match, asked);
        break;
    case ON_CLASS:
        say_class(out, match, asked);
        break;
    case ON_PATH:
        say_path(out, match, asked);
        break;
    case ON_EXCEPTION:
        say_exception(out, match, asked);
        break;
    default:
        say_text(out, condition, match, asked);
        break;
    }
}

static void add_span(struct hf_buf *out, int64_t ms)
{
    char text[HF_TIME_TEXT];
    hf_duration_format(ms, text);
    hf_buf_adds(out, text);
}

static void add_windows(struct hf_buf *out, const struct rule *rule, const struct asked *asked)
{
    int64_t now_ms = asked->question->now_ms;
    int64_t until_ms;
    char until[HF_TIME_TEXT] = "";
    hf_buf_adds(out, "windows");
    if (now_ms == HF_TIME_NONE) {
        return;
    }
    if (!hf_windows_hold(&rule->only, &rule->hold, now_ms, &until_ms)) {
        hf_buf_adds(out, " (open now)");
        return;
    }
    hf_time_format(until_ms, until);
    hf_buf_addf(out, " (held now%s%.16s%s)", *until ? ", until " : "", until, *until ? "Z" : ", for at least 8 days");
}

static void add_property(struct hf_buf *out, const struct rule *rule, enum hf_decided what, const struct asked *asked)
{
    switch (what) {
    case HF_BY_ACTION:
        hf_buf_addf(out, "action %s", hf_action_name(rule->action));
        break;
    case HF_BY_SEVERITY:
        hf_buf_addf(out, "severity %s", hf_severity_name(rule->severity));
        break;
    case HF_BY_ADDED:
        hf_buf_addf(out, "added %s", hf_added_name(rule->added));
        break;
    case HF_BY_GRACE:
        hf_buf_adds(out, "grace ");
        add_span(out, rule->grace_ms);
        break;
    case HF_BY_LIMITS:
        hf_buf_addf(out, "limits %u times within ", rule->limit_times);
        add_span(out, rule->limit_within_ms);
        break;
    case HF_BY_WINDOWS:
        add_windows(out, rule, asked);
        break;
    case HF_BY_APPLY:
        hf_buf_addf(out, "apply_by %s", hf_apply_by_name(rule->apply_by));
        break;
    }
}

static void say_decided(struct hf_buf *out, const struct rule *rule, const struct asked *asked,
                        const char *by[HF_DECIDED_COUNT])
{
    for (enum hf_decided what = 0; what < HF_DECIDED_COUNT; what++) {
        if (!(rule->sets >> what & 1u)) {
            continue;
        }
        hf_buf_adds(out, out->len > 0 ? ", " : "");
        add_property(out, rule, what, asked);
        if (by[what]) {
            hf_buf_addf(out, " (not taken: %s decided before)", by[what]);
        } else {
            by[what] = rule->full_name;
        }
    }
}

static const char *keep(struct hf_arena *arena, struct hf_buf *text)
{
    const char *copy = hf_buf_ok(text) ? hf_arena_copy(arena, hf_buf_text(text), text->len) : NULL;
    hf_buf_clear(text);
    return copy;
}

int hf_rules_explain(struct hf_arena *arena, const struct hf_rules *rules, const struct hf_rule_question *question,
                     const struct hf_rule_step **steps, size_t *count, struct hf_error *err)
{
    struct asked asked;
    const char *by[HF_DECIDED_COUNT] = {NULL};
    hf_auto_buf struct hf_buf text = {0};
    struct hf_rule_step *out = hf_arena_array(arena, hf_rules_count(rules), sizeof *out);
    bool ok = out != NULL;
    size_t at = 0;
    hf_rule_prepare(&asked, question);
    for (const struct pack *pack = rules->packs; pack && ok; pack = pack->next) {
        const struct rule *spoke = NULL;
        for (size_t i = 0; i < pack->count && ok; i++) {
            const struct rule *rule = &pack->rules[i];
            enum condition fails = spoke ? MATCHED : hf_rule_fails(&rule->match, &asked);
            struct hf_rule_step *step = &out[at++];
            *step = (struct hf_rule_step){.rule = rule->full_name, .file = pack->path, .line = rule->line};
            if (spoke) {
                hf_buf_addf(&text, "not asked: %s of the same pack matched before", spoke->full_name);
            } else if (fails != MATCHED) {
                say_why(&text, fails, &rule->match, &asked);
            } else {
                spoke = rule;
                step->matched = true;
                say_decided(&text, rule, &asked, by);
            }
            const char *kept = keep(arena, &text);
            ok = kept != NULL;
            step->decided = step->matched ? kept : NULL;
            step->why = step->matched ? NULL : kept;
        }
    }
    *steps = out;
    *count = at;
    return ok ? 0 : hf_error_set(err, HF_ENOMEM, "explain rules: out of memory");
}

int hf_rules_list(struct hf_arena *arena, const struct hf_rules *rules, const struct hf_rule_step **steps,
                  size_t *count, struct hf_error *err)
{
    static const struct hf_rule_question AT_NO_TIME = {.now_ms = HF_TIME_NONE};
    const struct asked asked = {.question = &AT_NO_TIME};
    hf_auto_buf struct hf_buf text = {0};
    struct hf_rule_step *out = hf_arena_array(arena, hf_rules_count(rules), sizeof *out);
    bool ok = out != NULL;
    size_t at = 0;
    for (const struct pack *pack = rules->packs; pack && ok; pack = pack->next) {
        for (size_t i = 0; i < pack->count && ok; i++) {
            const char *by[HF_DECIDED_COUNT] = {NULL};
            const struct rule *rule = &pack->rules[i];
            say_decided(&text, rule, &asked, by);
            out[at] = (struct hf_rule_step){
                .rule = rule->full_name, .file = pack->path, .line = rule->line, .decided = keep(arena, &text)};
            ok = out[at++].decided != NULL;
        }
    }
    *steps = out;
    *count = at;
    return ok ? 0 : hf_error_set(err, HF_ENOMEM, "list rules: out of memory");
}

bool hf_rule_path_matches(const char *pattern, const char *path)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct path_pattern compiled;
    struct keyed_path cut;
    if (!arena || hf_pattern_read(arena, pattern, &compiled, &err) != 0) {
        return false;
    }
    hf_keyed_cut(&cut, path);
    return hf_pattern_matches(&compiled, &cut);
}

int hf_rule_path_read(struct hf_arena *arena, const char *text, const char **keyed, struct hf_error *err)
{
    struct path_pattern pattern;
    hf_auto_buf struct hf_buf out = {0};
    if (hf_pattern_read(arena, text, &pattern, err) != 0) {
        return -1;
    }
    if (hf_pattern_write(&pattern, &out) != 0 || !(*keyed = hf_arena_copy(arena, hf_buf_text(&out), out.len))) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    return 0;
}
