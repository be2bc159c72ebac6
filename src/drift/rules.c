#include "holdfast/rules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/embedded.h"
#include "holdfast/jsonschema.h"
#include "holdfast/mem.h"
#include "holdfast/yaml.h"

#define MOST_BYTES ((size_t)1 << 20)

struct rule {
    const char *full_name; /* "pack/rule" */
    const struct hf_value *match;
    enum hf_action action;
    enum hf_severity severity;
    bool has_severity;
    struct rule *next;
};

struct pack {
    struct hf_arena *arena;
    struct rule *rules;
    size_t count;
    struct pack *next;
};

struct hf_rules {
    struct pack *packs;
    struct pack **end;
};

const char *hf_action_name(enum hf_action action)
{
    static const char *const NAMES[] = {"correct", "observe", "ignore", "accept", "recreate", "prune"};
    return (size_t)action < HF_ACTION_COUNT ? NAMES[action] : "unknown";
}

const char *hf_severity_name(enum hf_severity severity)
{
    static const char *const NAMES[] = {"info", "warning", "critical"};
    return (size_t)severity < 3 ? NAMES[severity] : "unknown";
}

int hf_rules_new(struct hf_rules **out, struct hf_error *err)
{
    struct hf_rules *rules = hf_calloc(1, sizeof *rules);
    if (!rules) {
        return hf_error_set(err, HF_ENOMEM, "read rules: out of memory");
    }
    rules->end = &rules->packs;
    *out = rules;
    return 0;
}

static void pack_free(struct pack *pack)
{
    if (pack) {
        hf_arena_free(pack->arena);
        free(pack);
    }
}

void hf_rules_free(struct hf_rules *rules)
{
    if (!rules) {
        return;
    }
    while (rules->packs) {
        struct pack *pack = rules->packs;
        rules->packs = pack->next;
        pack_free(pack);
    }
    free(rules);
}

size_t hf_rules_count(const struct hf_rules *rules)
{
    size_t count = 0;
    for (const struct pack *pack = rules->packs; pack; pack = pack->next) {
        count += pack->count;
    }
    return count;
}

bool hf_rules_is_pack(const struct hf_value *document)
{
    return hf_value_get(document, "rules") && hf_value_get(document, "pack") && !hf_value_get(document, "apiVersion");
}

static int read_rule(struct pack *pack, const char *pack_name, const struct hf_value *value, struct rule *rule,
                     const char *path, struct hf_error *err)
{
    const char *action = hf_value_text(hf_value_get(value, "action"));
    const char *severity = hf_value_text(hf_value_get(value, "severity"));
    rule->full_name = hf_arena_printf(pack->arena, "%s/%s", pack_name, hf_value_text(hf_value_get(value, "name")));
    rule->match = hf_value_get(value, "match");
    rule->severity = HF_SEVERITY_WARNING;
    if (!rule->full_name) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    if (!action && !severity) {
        return hf_error_set(err, HF_EINVAL,
                            "%s: line %u, column %u: found a rule that decides nothing, expected action or severity",
                            path, value->line, value->column);
    }
    for (enum hf_action each = HF_ACT_CORRECT; action && each <= HF_ACT_IGNORE; each++) {
        if (strcmp(action, hf_action_name(each)) == 0) {
            rule->action = each;
        }
    }
    for (enum hf_severity each = HF_SEVERITY_INFO; severity && each <= HF_SEVERITY_CRITICAL; each++) {
        if (strcmp(severity, hf_severity_name(each)) == 0) {
            rule->severity = each;
            rule->has_severity = true;
        }
    }
    return 0;
}

static int read_pack(struct pack *pack, const char *path, const struct hf_value *document, struct hf_error *err)
{
    const struct hf_embedded *file = hf_embedded_find("schema/rules.json");
    const struct hf_value *schema;
    if (!file) {
        return hf_error_set(err, HF_EINTERNAL, "schema/rules.json is not compiled in");
    }
    if (hf_json_read(pack->arena, file->bytes, file->size, NULL, &schema, err) != 0) {
        return hf_error_wrap(err, "schema/rules.json");
    }
    if (hf_jsonschema_check(schema, document, err) != 0) {
        return hf_error_wrap(err, "%s", path);
    }
    const struct hf_value *list = hf_value_get(document, "rules");
    const char *name = hf_value_text(hf_value_get(document, "pack"));
    struct rule *rules = hf_arena_array(pack->arena, hf_value_count(list), sizeof *rules);
    if (!rules) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    pack->rules = rules;
    pack->count = hf_value_count(list);
    for (size_t i = 0; i < pack->count; i++) {
        if (read_rule(pack, name, hf_value_at(list, i), &rules[i], path, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int hf_rules_add(struct hf_rules *rules, const char *path, const char *bytes, size_t len, struct hf_error *err)
{
    struct pack *pack = hf_calloc(1, sizeof *pack);
    struct hf_document *documents;
    size_t count;
    static const struct hf_yaml_limits LIMITS = {.bytes = MOST_BYTES, .depth = 20, .nodes = 100000, .documents = 2};
    if (pack) {
        pack->arena = hf_arena_new(0);
    }
    if (!pack || !pack->arena) {
        pack_free(pack);
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    int result = hf_yaml_read(pack->arena, bytes, len, &LIMITS, &documents, &count, err);
    if (result != 0) {
        (void)hf_error_wrap(err, "%s", path);
    } else if (count != 1) {
        result = hf_error_set(err, HF_EINVAL, "%s: found %zu documents, expected one rule pack", path, count);
    } else {
        result = read_pack(pack, path, documents[0].value, err);
    }
    if (result != 0) {
        pack_free(pack);
        return -1;
    }
    *rules->end = pack;
    rules->end = &pack->next;
    return 0;
}

static bool glob(const struct hf_value *pattern, const char *text)
{
    const char *glob_text = hf_value_text(pattern);
    return glob_text && text && fnmatch(glob_text, text, 0) == 0;
}

typedef bool (*one_fn)(const struct hf_value *pattern, const void *subject);

/* A pattern or a list of them: one must match. Without a pattern all do. */
static bool any(const struct hf_value *patterns, one_fn one, const void *subject)
{
    if (!patterns) {
        return true;
    }
    if (patterns->kind != HF_ARRAY) {
        return one(patterns, subject);
    }
    for (size_t i = 0; i < hf_value_count(patterns); i++) {
        if (one(hf_value_at(patterns, i), subject)) {
            return true;
        }
    }
    return false;
}

static bool one_name(const struct hf_value *pattern, const void *subject)
{
    return glob(pattern, subject);
}

static bool one_path(const struct hf_value *pattern, const void *subject)
{
    const struct hf_finding *finding = subject;
    return finding && hf_rule_path_matches(hf_value_text(pattern), finding->path, finding->readable);
}

static bool names_match(const struct hf_value *match, const struct hf_rule_subject *subject)
{
    const struct {
        const char *key;
        const char *text;
    } NAMES[] = {{"target", subject->target}, {"space", subject->space}, {"unit", subject->unit},
                 {"group", subject->group},   {"kind", subject->kind},   {"namespace", subject->namespace},
                 {"name", subject->name}};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!any(hf_value_get(match, NAMES[i].key), one_name, NAMES[i].text)) {
            return false;
        }
    }
    const struct hf_value *labels = hf_value_get(match, "labels");
    for (size_t i = 0; i < hf_value_count(labels); i++) {
        const struct hf_member *member = &labels->as.object.members[i];
        const char *text = subject->label ? subject->label(subject->label_ctx, member->key.ptr) : NULL;
        if (!text || !any(&member->value, one_name, text)) {
            return false;
        }
    }
    return true;
}

static const char *class_of(const struct hf_rule_question *question)
{
    if (question->finding) {
        return hf_class_name(question->finding->class);
    }
    return question->verdict == HF_EXTRA ? "extra" : "missing";
}

static bool rule_matches(const struct rule *rule, const struct hf_rule_question *question)
{
    const struct hf_finding *finding = question->finding;
    return names_match(rule->match, question->subject) && any(hf_value_get(rule->match, "path"), one_path, finding) &&
           any(hf_value_get(rule->match, "class"), one_name, class_of(question)) &&
           any(hf_value_get(rule->match, "manager"), one_name, finding ? finding->manager : NULL);
}

void hf_rules_decide(const struct hf_rules *rules, const struct hf_rule_question *question, struct hf_decision *out)
{
    const struct hf_rule_subject *subject = question->subject;
    *out = (struct hf_decision){.action = HF_ACT_CORRECT,
                                .severity = HF_SEVERITY_WARNING,
                                .added = HF_ADDED_REPORT,
                                .held_until_ms = HF_TIME_NONE};
    const char *criticality = subject->label ? subject->label(subject->label_ctx, "criticality") : NULL;
    if (criticality && strcmp(criticality, "critical") == 0) {
        out->severity = HF_SEVERITY_CRITICAL;
    }
    for (const struct pack *pack = rules ? rules->packs : NULL; pack; pack = pack->next) {
        for (size_t i = 0; i < pack->count; i++) {
            const struct rule *rule = &pack->rules[i];
            if (rule_matches(rule, question)) {
                out->action = rule->action;
                out->rule = out->by[HF_BY_ACTION] = rule->full_name;
                if (rule->has_severity) {
                    out->severity = rule->severity;
                }
                return;
            }
        }
    }
}

enum hf_weight hf_decision_weight(const struct hf_finding *finding, const struct hf_decision *decision)
{
    if (finding->class == HF_DEFAULTED || decision->action == HF_ACT_IGNORE) {
        return HF_WEIGHT_NONE;
    }
    if (finding->class == HF_EXTRA_FIELD && decision->added != HF_ADDED_STRICT) {
        return decision->added == HF_ADDED_REPORT ? HF_WEIGHT_REPORT : HF_WEIGHT_NONE;
    }
    return decision->action == HF_ACT_OBSERVE || decision->action == HF_ACT_ACCEPT ? HF_WEIGHT_HOLD : HF_WEIGHT_CORRECT;
}

/* One part of a pointer, and where the next begins. */
static struct hf_slice part_of(const char **at)
{
    const char *start = *at + 1;
    const char *end = strchr(start, '/');
    /* A key in brackets may hold a slash: [name=a/b]. */
    if (*start == '[') {
        const char *close = strchr(start, ']');
        end = close ? strchr(close, '/') : end;
    }
    size_t len = end ? (size_t)(end - start) : strlen(start);
    *at = start + len;
    return (struct hf_slice){start, len};
}

/* The next bracketed list key of a readable path, "[name=web]"; quoted map keys, ["a.b/c"], are passed over. */
static struct hf_slice next_key(const char **readable)
{
    const char *at = *readable ? *readable : "";
    while ((at = strchr(at, '[')) != NULL) {
        const char *end = at[1] == '"' ? strstr(at, "\"]") : strchr(at, ']');
        if (!end) {
            break;
        }
        bool quoted = at[1] == '"';
        end += quoted ? 2 : 1;
        if (!quoted) {
            *readable = end;
            return (struct hf_slice){at, (size_t)(end - at)};
        }
        at = end;
    }
    *readable = "";
    return (struct hf_slice){"", 0};
}

static bool is_index(struct hf_slice part)
{
    int64_t index;
    return hf_parse_int(part, 0, INT64_MAX, &index);
}

bool hf_rule_path_matches(const char *pattern, const char *pointer, const char *readable)
{
    const char *want = pattern;
    const char *have = pointer;
    while (*want) {
        if (*have != '/') {
            return false;
        }
        struct hf_slice wanted = part_of(&want);
        struct hf_slice got = part_of(&have);
        /* Each index of the pointer stands for one bracketed key of the readable form, in order. */
        struct hf_slice key = is_index(got) ? next_key(&readable) : (struct hf_slice){"", 0};
        bool keyed = wanted.len > 2 && wanted.ptr[0] == '[';
        if (keyed ? !hf_slice_equal(key, wanted) : !hf_slice_is(wanted, "*") && !hf_slice_equal(wanted, got)) {
            return false;
        }
    }
    return true;
}
