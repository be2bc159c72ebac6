#include <stdio.h>
#include <string.h>

#include "holdfast/embedded.h"
#include "holdfast/jsonschema.h"
#include "holdfast/map.h"
#include "holdfast/yaml.h"
#include "rules_parts.h"

#define MOST_BYTES ((size_t)1 << 20)

struct reading {
    const struct hf_rules *rules;
    struct pack *pack;
    struct hf_arena *arena;
    struct hf_error *err;
};

static int no_memory(const struct reading *reading)
{
    return hf_error_set(reading->err, HF_ENOMEM, "out of memory");
}

static int complain(const struct reading *reading, const struct hf_value *at, const char *what)
{
    return hf_error_set(reading->err, HF_EINVAL, "line %u, column %u: %s", at->line, at->column, what);
}

static const struct hf_value *nth(const struct hf_value *value, size_t index)
{
    return value->kind == HF_ARRAY ? hf_value_at(value, index) : value;
}

static size_t count_of(const struct hf_value *value)
{
    return !value ? 0 : value->kind == HF_ARRAY ? hf_value_count(value) : 1;
}

static struct glob glob_of(struct hf_slice text)
{
    bool wild = memchr(text.ptr, '*', text.len) || memchr(text.ptr, '?', text.len);
    return (struct glob){text, hf_slice_is(text, "*") ? GLOB_ANY : wild ? GLOB_PATTERN : GLOB_LITERAL};
}

static struct glob group_of(struct hf_slice text)
{
    return glob_of(hf_slice_is(text, "core") ? (struct hf_slice){"", 0} : text);
}

static int read_globs(const struct reading *reading, const struct hf_value *value, bool is_group, struct globs *out)
{
    size_t count = count_of(value);
    struct glob *items = hf_arena_array(reading->arena, count, sizeof *items);
    if (!items) {
        return no_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        struct hf_slice text = nth(value, i)->as.text;
        items[i] = is_group ? group_of(text) : glob_of(text);
    }
    *out = (struct globs){items, count};
    return 0;
}

static int read_kinds(const struct reading *reading, const struct hf_value *value, struct rule_match *out)
{
    size_t count = count_of(value);
    struct kind_glob *kinds = hf_arena_array(reading->arena, count, sizeof *kinds);
    if (!kinds) {
        return no_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        struct hf_slice text = nth(value, i)->as.text;
        const char *slash = memrchr(text.ptr, '/', text.len);
        struct hf_slice group = {text.ptr, slash ? (size_t)(slash - text.ptr) : 0};
        struct hf_slice kind = slash ? (struct hf_slice){slash + 1, text.len - group.len - 1} : text;
        kinds[i] = (struct kind_glob){text.ptr, slash != NULL, group_of(group), glob_of(kind)};
    }
    out->kinds = kinds;
    out->kind_count = count;
    return 0;
}

static int read_labels(const struct reading *reading, const struct hf_value *value, struct rule_match *out)
{
    size_t count = hf_value_count(value);
    struct label_match *labels = hf_arena_array(reading->arena, count, sizeof *labels);
    if (!labels) {
        return no_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        const struct hf_member *member = &value->as.object.members[i];
        labels[i].name = member->key.ptr;
        if (read_globs(reading, &member->value, false, &labels[i].values) != 0) {
            return -1;
        }
    }
    out->labels = labels;
    out->label_count = count;
    return 0;
}

static int read_classes(const struct hf_value *value, struct rule_match *out)
{
    static const char *const CLASSES[] = {"changed", "removed", "leftover", "added", "missing", "extra"};
    for (size_t i = 0; i < count_of(value); i++) {
        for (unsigned class = 0; class < sizeof CLASSES / sizeof CLASSES[0]; class ++) {
            out->classes |= hf_slice_is(nth(value, i)->as.text, CLASSES[class]) ? 1u << class : 0;
        }
    }
    return 0;
}

static int read_paths(const struct reading *reading, const struct hf_value *value, struct rule_match *out)
{
    size_t count = count_of(value);
    struct path_pattern *paths = hf_arena_array(reading->arena, count, sizeof *paths);
    if (!paths) {
        return no_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *item = nth(value, i);
        if (hf_pattern_read(reading->arena, item->as.text.ptr, &paths[i], reading->err) != 0) {
            return hf_error_wrap(reading->err, "line %u, column %u", item->line, item->column);
        }
    }
    out->paths = paths;
    out->path_count = count;
    out->path_needs = count > 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < count; i++) {
        out->path_needs &= paths[i].needs;
    }
    return 0;
}

static int read_match(const struct reading *reading, const struct hf_value *value, struct rule_match *out);

static int read_exceptions(const struct reading *reading, const struct hf_value *value, struct rule_match *out)
{
    size_t count = count_of(value);
    struct rule_match *exceptions = hf_arena_array(reading->arena, count, sizeof *exceptions);
    if (!exceptions) {
        return no_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *item = nth(value, i);
        if (hf_value_count(item) == 0) {
            return complain(reading, item, "found an empty exception, which excepts everything, expected a condition");
        }
        if (read_match(reading, item, &exceptions[i]) != 0) {
            return -1;
        }
    }
    out->exceptions = exceptions;
    out->exception_count = count;
    return 0;
}

static int read_condition(const struct reading *reading, enum condition condition, const struct hf_value *value,
                          struct rule_match *out)
{
    switch (condition) {
    case ON_KIND:
        return read_kinds(reading, value, out);
    case ON_LABELS:
        return read_labels(reading, value, out);
    case ON_CLASS:
        return read_classes(value, out);
    case ON_PATH:
        return read_paths(reading, value, out);
    case ON_EXCEPTION:
        return read_exceptions(reading, value, out);
    default:
        return read_globs(reading, value, condition == ON_GROUP, &out->texts[condition]);
    }
}

static int read_match(const struct reading *reading, const struct hf_value *value, struct rule_match *out)
{
    for (enum condition condition = 0; condition < MATCHED; condition++) {
        const struct hf_value *wanted = hf_value_get(value, hf_condition_name(condition));
        if (!wanted || (condition == ON_LABELS && hf_value_count(wanted) == 0)) {
            continue;
        }
        out->conditions |= 1u << condition;
        if (read_condition(reading, condition, wanted, out) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_windows(const struct reading *reading, const struct hf_value *value, struct windows *out)
{
    size_t count = count_of(value);
    struct window *items = hf_arena_array(reading->arena, count, sizeof *items);
    if (!items) {
        return no_memory(reading);
    }
    for (size_t i = 0; i < count; i++) {
        if (hf_window_read(reading->rules, reading->arena, nth(value, i), &items[i], reading->err) != 0) {
            return -1;
        }
    }
    *out = (struct windows){items, count};
    return 0;
}

/* The index of a text in the names that name() gives; the schema has seen that it is one of them. */
static unsigned index_of(const struct hf_value *value, const char *(*name)(unsigned))
{
    unsigned index = 0;
    while (index < 16 && !hf_slice_is(value->as.text, name(index))) {
        index++;
    }
    return index;
}

static const char *action_name(unsigned index)
{
    return hf_action_name((enum hf_action)index);
}

static const char *severity_name(unsigned index)
{
    return hf_severity_name((enum hf_severity)index);
}

static const char *apply_by_name(unsigned index)
{
    return hf_apply_by_name((enum hf_apply_by)index);
}

static const char *added_name(unsigned index)
{
    return hf_added_name((enum hf_added)index);
}

static int read_duration(const struct reading *reading, const struct hf_value *value, int64_t least, int64_t *ms)
{
    if (hf_duration_parse(value->as.text, ms) && *ms >= least && *ms <= INT64_C(366) * 86400000) {
        return 0;
    }
    return hf_error_set(reading->err, HF_EINVAL,
                        "line %u, column %u: found \"%.*s\", expected a duration of %s366 days", value->line,
                        value->column, HF_SLICE(value->as.text), least > 0 ? "more than 0 and at most " : "at most ");
}

static int read_times(const struct reading *reading, const struct hf_value *value, struct rule *rule)
{
    const struct hf_value *grace = hf_value_get(value, "grace");
    const struct hf_value *limits = hf_value_get(value, "limits");
    const struct hf_value *only = hf_value_get(value, "correct_only_during");
    const struct hf_value *hold = hf_value_get(value, "hold_during");
    if (grace) {
        rule->sets |= 1u << HF_BY_GRACE;
        if (read_duration(reading, grace, 0, &rule->grace_ms) != 0) {
            return -1;
        }
    }
    if (limits) {
        int64_t times = 0;
        rule->sets |= 1u << HF_BY_LIMITS;
        (void)hf_value_int(hf_value_get(limits, "times"), &times);
        rule->limit_times = (unsigned)times;
        if (read_duration(reading, hf_value_get(limits, "within"), 1, &rule->limit_within_ms) != 0) {
            return -1;
        }
    }
    rule->sets |= only || hold ? 1u << HF_BY_WINDOWS : 0;
    return read_windows(reading, only, &rule->only) != 0 ? -1 : read_windows(reading, hold, &rule->hold);
}

/* What deletes must say of what. */
static int refuse_at_large(const struct reading *reading, const struct hf_value *action, const struct rule *rule)
{
    unsigned narrowing = 1u << ON_KIND | 1u << ON_GROUP | 1u << ON_NAMESPACE | 1u << ON_NAME | 1u << ON_TARGET |
                         1u << ON_SPACE | 1u << ON_UNIT | 1u << ON_LABELS;
    if ((rule->action != HF_ACT_PRUNE && rule->action != HF_ACT_RECREATE) || (rule->match.conditions & narrowing)) {
        return 0;
    }
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text,
                "found the action %s for whatever there is, expected a match that says of what: kind, group, "
                "namespace, name, target, space, unit or labels",
                hf_action_name(rule->action));
    return complain(reading, action, hf_buf_text(&text));
}

static int read_rule(const struct reading *reading, const struct hf_value *value, struct rule *rule)
{
    const struct hf_value *action = hf_value_get(value, "action");
    const struct hf_value *severity = hf_value_get(value, "severity");
    const struct hf_value *added = hf_value_get(value, "added");
    const struct hf_value *apply_by = hf_value_get(value, "apply_by");
    rule->full_name =
        hf_arena_printf(reading->arena, "%s/%s", reading->pack->name, hf_value_text(hf_value_get(value, "name")));
    rule->line = value->line;
    rule->value = value;
    rule->fired = hf_arena_alloc(reading->arena, sizeof *rule->fired);
    if (!rule->full_name || !rule->fired) {
        return no_memory(reading);
    }
    atomic_init(rule->fired, 0);
    if (read_match(reading, hf_value_get(value, "match"), &rule->match) != 0) {
        return -1;
    }
    if (action) {
        rule->sets |= 1u << HF_BY_ACTION;
        rule->action = (enum hf_action)index_of(action, action_name);
    }
    if (severity) {
        rule->sets |= 1u << HF_BY_SEVERITY;
        rule->severity = (enum hf_severity)index_of(severity, severity_name);
    }
    if (added) {
        rule->sets |= 1u << HF_BY_ADDED;
        rule->added = (enum hf_added)index_of(added, added_name);
    }
    if (apply_by) {
        rule->sets |= 1u << HF_BY_APPLY;
        rule->apply_by = (enum hf_apply_by)index_of(apply_by, apply_by_name);
    }
    if (read_times(reading, value, rule) != 0) {
        return -1;
    }
    if (rule->sets == 0) {
        return complain(reading, value,
                        "found a rule that decides nothing, expected action, severity, added, grace, limits, "
                        "correct_only_during, hold_during or apply_by");
    }
    return refuse_at_large(reading, action, rule);
}

static int refuse_twice(const struct reading *reading, const struct hf_value *list)
{
    struct hf_map *seen = hf_map_new();
    int result = seen ? 0 : no_memory(reading);
    for (size_t i = 0; result == 0 && i < hf_value_count(list); i++) {
        const struct hf_value *name = hf_value_get(hf_value_at(list, i), "name");
        const struct hf_value *first = hf_map_get(seen, name->as.text);
        if (first) {
            result = hf_error_set(reading->err, HF_EINVAL,
                                  "line %u, column %u: found the rule \"%s\" a second time (first on line %u)",
                                  name->line, name->column, hf_value_text(name), first->line);
        } else if (hf_map_put(seen, name->as.text, (void *)(uintptr_t)name, NULL) != 0) {
            result = no_memory(reading);
        }
    }
    hf_map_free(seen, NULL);
    return result;
}

static int read_document(const struct reading *reading, const struct hf_value *document)
{
    const struct hf_embedded *file = hf_embedded_find("schema/rules.json");
    const struct hf_value *schema;
    if (!file) {
        return hf_error_set(reading->err, HF_EINTERNAL, "schema/rules.json is not compiled in");
    }
    if (hf_json_read(reading->arena, file->bytes, file->size, NULL, &schema, reading->err) != 0) {
        return hf_error_wrap(reading->err, "schema/rules.json");
    }
    if (hf_jsonschema_check(schema, document, reading->err) != 0) {
        return -1;
    }
    const struct hf_value *list = hf_value_get(document, "rules");
    struct rule *rules = hf_arena_array(reading->arena, hf_value_count(list), sizeof *rules);
    if (!rules) {
        return no_memory(reading);
    }
    reading->pack->name = hf_value_text(hf_value_get(document, "pack"));
    reading->pack->description = hf_value_text(hf_value_get(document, "description"));
    reading->pack->rules = rules;
    reading->pack->count = hf_value_count(list);
    if (refuse_twice(reading, list) != 0) {
        return -1;
    }
    for (size_t i = 0; i < reading->pack->count; i++) {
        if (read_rule(reading, hf_value_at(list, i), &rules[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

int hf_pack_read(const struct hf_rules *rules, struct pack *pack, const char *path, const char *bytes, size_t len,
                 struct hf_error *err)
{
    static const struct hf_yaml_limits LIMITS = {.bytes = MOST_BYTES, .depth = 20, .nodes = 100000, .documents = 2};
    struct reading reading = {.rules = rules, .pack = pack, .arena = pack->arena, .err = err};
    struct hf_document *documents;
    size_t count;
    pack->path = hf_arena_copy(pack->arena, path, strlen(path));
    int result = pack->path ? 0 : no_memory(&reading);
    if (result == 0) {
        result = hf_yaml_read(pack->arena, bytes, len, &LIMITS, &documents, &count, err);
    }
    if (result == 0 && count != 1) {
        result = hf_error_set(err, HF_EINVAL, "found %zu documents, expected one rule pack", count);
    }
    if (result == 0) {
        result = read_document(&reading, documents[0].value);
    }
    return result == 0 ? 0 : hf_error_wrap(err, "%s", path);
}
