/* A question in words, and its answer. */
#include <string.h>

#include "holdfast/jsonout.h"
#include "rules_parts.h"

const char *hf_decided_name(enum hf_decided what)
{
    static const char *const NAMES[HF_DECIDED_COUNT] = {"action", "severity", "added",   "grace",
                                                        "limits", "windows",  "apply_by"};
    return (size_t)what < HF_DECIDED_COUNT ? NAMES[what] : "unknown";
}

void hf_decision_say(const struct hf_decision *decision, enum hf_decided what, struct hf_buf *out)
{
    char text[HF_TIME_TEXT];
    switch (what) {
    case HF_BY_ACTION:
        hf_buf_adds(out, hf_action_name(decision->action));
        break;
    case HF_BY_SEVERITY:
        hf_buf_adds(out, hf_severity_name(decision->severity));
        break;
    case HF_BY_ADDED:
        hf_buf_adds(out, hf_added_name(decision->added));
        break;
    case HF_BY_GRACE:
        hf_duration_format(decision->grace_ms, text);
        hf_buf_adds(out, decision->grace_ms > 0 ? text : "none");
        break;
    case HF_BY_LIMITS:
        hf_duration_format(decision->limit_within_ms, text);
        if (decision->limit_times > 0) {
            hf_buf_addf(out, "%u times within %s", decision->limit_times, text);
        } else {
            hf_buf_adds(out, "the target's");
        }
        break;
    case HF_BY_WINDOWS:
        hf_time_format(decision->held_until_ms, text);
        hf_buf_addf(out, "%s%.16s%s",
                    !decision->held_now ? "not held"
                    : *text             ? "held until "
                                        : "held for at least 8 days",
                    decision->held_now ? text : "", decision->held_now && *text ? "Z" : "");
        break;
    case HF_BY_APPLY:
        hf_buf_adds(out,
                    decision->apply_by == HF_APPLY_BY_TARGET ? "the target's" : hf_apply_by_name(decision->apply_by));
        break;
    }
}

/* Of an addition: what becomes of it, which takes two properties to tell. */
const char *hf_rule_outcome(const struct hf_rule_asking *asking, const struct hf_decision *decision)
{
    if (asking->question.finding) {
        switch (hf_decision_weight(&asking->finding, decision)) {
        case HF_WEIGHT_NONE:
            return "no drift";
        case HF_WEIGHT_REPORT:
            return "recorded, no drift";
        case HF_WEIGHT_HOLD:
            return "drift, not put back";
        default:
            return decision->held_now ? "drift, put back later" : "drift, put back";
        }
    }
    bool is_extra = asking->question.verdict == HF_EXTRA;
    switch (decision->action) {
    case HF_ACT_IGNORE:
        return "no drift";
    case HF_ACT_OBSERVE:
    case HF_ACT_ACCEPT:
        return is_extra ? "told, left as it is" : "drift, not put back";
    case HF_ACT_PRUNE:
        return is_extra ? "deleted" : "drift, put back";
    default:
        return is_extra ? "told, left as it is" : decision->held_now ? "drift, put back later" : "drift, put back";
    }
}

static const char *label_of(const void *ctx, const char *name)
{
    const struct hf_rule_asking *asking = ctx;
    for (size_t i = 0; i < asking->label_count; i++) {
        if (strcmp(asking->labels[i].name, name) == 0) {
            return asking->labels[i].value;
        }
    }
    return NULL;
}

int hf_rule_ask_label(struct hf_arena *arena, struct hf_rule_asking *asking, struct hf_slice name,
                      struct hf_slice value, struct hf_error *err)
{
    struct hf_rule_label *labels = hf_arena_array(arena, asking->label_count + 1, sizeof *labels);
    if (!labels) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (asking->label_count > 0) {
        memcpy(labels, asking->labels, asking->label_count * sizeof *labels);
    }
    labels[asking->label_count].name = hf_arena_copy(arena, name.ptr, name.len);
    labels[asking->label_count].value = hf_arena_copy(arena, value.ptr, value.len);
    if (!labels[asking->label_count].name || !labels[asking->label_count].value) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    asking->labels = labels;
    asking->label_count++;
    return 0;
}

static int read_labels(struct hf_arena *arena, const char *text, const char *before, struct hf_rule_asking *out,
                       struct hf_error *err)
{
    while (text && *text) {
        size_t len = strcspn(text, ",");
        const char *equals = memchr(text, '=', len);
        if (!equals || equals == text) {
            return hf_error_set(err, HF_EINVAL, "%slabels: found \"%.*s\", expected name=value,name=value", before,
                                (int)len, text);
        }
        size_t name = (size_t)(equals - text);
        if (hf_rule_ask_label(arena, out, (struct hf_slice){text, name}, (struct hf_slice){equals + 1, len - name - 1},
                              err) != 0) {
            return -1;
        }
        text += len + (text[len] == ',');
    }
    return 0;
}

static int read_class(const struct hf_rule_wish *wish, const char *before, struct hf_rule_asking *out,
                      struct hf_error *err)
{
    const char *class = wish->class ? wish->class : wish->path ? "changed" : "missing";
    if (strcmp(class, "missing") == 0 || strcmp(class, "extra") == 0) {
        out->question.verdict = strcmp(class, "extra") == 0 ? HF_EXTRA : HF_MISSING;
        return !wish->path ? 0
                           : hf_error_set(err, HF_EINVAL, "%sclass %s is of the object as a whole: found %spath too",
                                          before, class, before);
    }
    for (enum hf_class each = HF_CHANGED; each <= HF_EXTRA_FIELD; each++) {
        if (strcmp(class, hf_class_name(each)) == 0) {
            out->finding.class = each;
            out->question.finding = &out->finding;
            return wish->path ? 0 : hf_error_set(err, HF_EINVAL, "%sclass %s needs %spath", before, class, before);
        }
    }
    return hf_error_set(err, HF_EINVAL,
                        "%sclass: found \"%s\", expected changed, removed, leftover, added, missing or extra", before,
                        class);
}

static int read_time(const struct hf_rule_wish *wish, const char *before, struct hf_rule_asking *out,
                     struct hf_error *err)
{
    out->question.now_ms = hf_now_ms();
    return !wish->at || hf_time_parse(hf_slice_of(wish->at), &out->question.now_ms)
               ? 0
               : hf_error_set(err, HF_EINVAL, "%sat: found \"%s\", expected a time such as 2026-03-02T15:00:00Z",
                              before, wish->at);
}

int hf_rule_ask(struct hf_arena *arena, const struct hf_rule_wish *wish, const char *before, struct hf_rule_asking *out,
                struct hf_error *err)
{
    *out = (struct hf_rule_asking){
        .subject = {.target = wish->target,
                    .space = wish->space,
                    .unit = wish->unit,
                    .group = wish->group,
                    .kind = wish->kind,
                    .namespace = wish->namespace,
                    .name = wish->name},
        .finding = {.path = wish->path, .manager = wish->manager, .operation = wish->operation, .at_ms = HF_TIME_NONE}};
    out->question.subject = &out->subject;
    out->question.user = wish->user;
    out->subject.label = label_of;
    out->subject.label_ctx = out;
    const char *slash = wish->kind ? strrchr(wish->kind, '/') : NULL;
    if (slash && !wish->group) {
        out->subject.group = hf_arena_copy(arena, wish->kind, (size_t)(slash - wish->kind));
        out->subject.kind = slash + 1;
    }
    if (out->subject.group && strcmp(out->subject.group, "core") == 0) {
        out->subject.group = "";
    }
    if (read_class(wish, before, out, err) != 0 || read_time(wish, before, out, err) != 0 ||
        read_labels(arena, wish->labels, before, out, err) != 0) {
        return -1;
    }
    if (wish->path && hf_rule_path_read(arena, wish->path, &out->finding.keyed, err) != 0) {
        return hf_error_wrap(err, "%spath", before);
    }
    return 0;
}

static void add_step(struct hf_buf *out, const struct hf_rule_step *step)
{
    hf_buf_adds(out, out->len > 0 && out->ptr[out->len - 1] == '[' ? "\n" : ",\n");
    hf_buf_addc(out, '{');
    hf_out_text(out, "rule", step->rule);
    hf_out_text(out, "file", step->file);
    hf_out_count(out, "line", step->line);
    hf_out_bool(out, "matched", step->matched);
    hf_out_text(out, "why", step->why);
    hf_out_text(out, "decided", step->decided);
    hf_out_close(out, '}');
}

int hf_rule_answer_json(const struct hf_rules *rules, const struct hf_rule_asking *asking, struct hf_buf *out,
                        struct hf_error *err)
{
    struct hf_decision decision;
    const struct hf_rule_step *steps;
    size_t count;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "explain rules: out of memory");
    }
    hf_rules_decide(rules, &asking->question, &decision);
    if (hf_rules_explain(arena, rules, &asking->question, &steps, &count, err) != 0) {
        return -1;
    }
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "outcome", hf_rule_outcome(asking, &decision));
    hf_out_open(out, "decisions", '{');
    for (enum hf_decided what = 0; what < HF_DECIDED_COUNT; what++) {
        hf_auto_buf struct hf_buf value = {0};
        hf_decision_say(&decision, what, &value);
        hf_out_open(out, hf_decided_name(what), '{');
        hf_out_text(out, "value", hf_buf_text(&value));
        hf_out_text(out, "rule", decision.by[what]);
        hf_out_close(out, '}');
    }
    hf_out_close(out, '}');
    hf_out_open(out, "steps", '[');
    for (size_t i = 0; i < count; i++) {
        add_step(out, &steps[i]);
    }
    hf_out_close(out, ']');
    hf_out_close(out, '}');
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "explain rules: out of memory");
}
