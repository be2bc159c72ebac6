#include "selector.h"

#include <string.h>

#define MOST_REQUIREMENTS 64

struct reader {
    struct sim_work *work;
    const char *at;
};

static void skip_space(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t') {
        r->at++;
    }
}

static bool take(struct reader *r, const char *word)
{
    skip_space(r);
    size_t len = strlen(word);
    if (strncmp(r->at, word, len) != 0) {
        return false;
    }
    r->at += len;
    return true;
}

static struct hf_slice word_of(struct reader *r)
{
    skip_space(r);
    size_t len = strcspn(r->at, " \t,()=!");
    struct hf_slice word = {r->at, len};
    r->at += len;
    return word;
}

static int unreadable(struct reader *r, const char *wanted)
{
    return sim_fail(r->work, 400, "BadRequest", "unable to parse requirement: found '%.1s', expected: %s", r->at,
                    wanted);
}

static int add_value(struct reader *r, struct sim_requirement *out, struct hf_slice value)
{
    struct hf_slice *values = hf_arena_array(r->work->arena, out->value_count + 1, sizeof *values);
    if (!values) {
        return -1;
    }
    if (out->value_count > 0) {
        memcpy(values, out->values, out->value_count * sizeof *values);
    }
    values[out->value_count++] = value;
    out->values = values;
    return 0;
}

static int read_set(struct reader *r, struct sim_requirement *out)
{
    if (!take(r, "(")) {
        return unreadable(r, "'('");
    }
    do {
        if (add_value(r, out, word_of(r)) != 0) {
            return -1;
        }
    } while (take(r, ","));
    return take(r, ")") ? 0 : unreadable(r, "',' or ')'");
}

static int read_comparison(struct reader *r, struct sim_requirement *out)
{
    skip_space(r);
    if (*r->at == '\0' || *r->at == ',') {
        out->operator= SELECT_EXISTS;
        return 0;
    }
    if (take(r, "!=")) {
        out->operator= SELECT_NOT_IN;
    } else if (take(r, "==") || take(r, "=")) {
        out->operator= SELECT_IN;
    } else {
        struct hf_slice word = word_of(r);
        bool in = hf_slice_is(word, "in");
        if (!in && !hf_slice_is(word, "notin")) {
            return unreadable(r, "in, notin, =, ==, !=");
        }
        out->operator= in ? SELECT_IN : SELECT_NOT_IN;
        return read_set(r, out);
    }
    struct hf_slice value = word_of(r);
    if (*r->at == '=' || *r->at == '!') {
        return unreadable(r, "identifier");
    }
    return add_value(r, out, value);
}

static int read_requirement(struct reader *r, struct sim_requirement *out)
{
    bool absent = take(r, "!");
    *out = (struct sim_requirement){.key = word_of(r)};
    if (out->key.len == 0) {
        return unreadable(r, "!, identifier, or 'end of string'");
    }
    if (absent) {
        out->operator= SELECT_NOT_EXISTS;
        return 0;
    }
    return read_comparison(r, out);
}

static int read_all(struct reader *r, struct sim_requirement **out, size_t *count)
{
    *count = 0;
    skip_space(r);
    if (*r->at == '\0') {
        return 0;
    }
    *out = hf_arena_array(r->work->arena, MOST_REQUIREMENTS, sizeof **out);
    if (!*out) {
        return -1;
    }
    do {
        if (*count == MOST_REQUIREMENTS) {
            return sim_fail(r->work, 400, "BadRequest", "more than %d requirements", MOST_REQUIREMENTS);
        }
        if (read_requirement(r, &(*out)[(*count)++]) != 0) {
            return -1;
        }
    } while (take(r, ","));
    skip_space(r);
    return *r->at == '\0' ? 0 : unreadable(r, "',' or 'end of string'");
}

static bool is_field(const char *kind, struct hf_slice field)
{
    static const char *const FIELDS[][2] = {
        {"", "metadata.name"},
        {"", "metadata.namespace"},
        {"Pod", "spec.nodeName"},
        {"Pod", "status.phase"},
        {"Pod", "spec.restartPolicy"},
        {"Pod", "spec.serviceAccountName"},
        {"Secret", "type"},
        {"Event", "involvedObject.kind"},
        {"Event", "involvedObject.name"},
        {"Event", "reason"},
        {"Event", "involvedObject.namespace"},
        {"Event", "involvedObject.uid"},
        {"Namespace", "status.phase"},
        {"Event", "type"},
    };
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        if ((FIELDS[i][0][0] == '\0' || strcmp(FIELDS[i][0], kind) == 0) && hf_slice_is(field, FIELDS[i][1])) {
            return true;
        }
    }
    return false;
}

int sim_selector_read(struct sim_work *work, const char *kind, const char *labels, const char *fields,
                      struct sim_selector *out)
{
    *out = (struct sim_selector){0};
    const char *label_text = hf_arena_printf(work->arena, "%s", labels);
    const char *field_text = hf_arena_printf(work->arena, "%s", fields);
    if (!label_text || !field_text) {
        return -1;
    }
    struct reader label_reader = {work, label_text};
    struct reader field_reader = {work, field_text};
    if (read_all(&label_reader, &out->labels, &out->label_count) != 0 ||
        read_all(&field_reader, &out->fields, &out->field_count) != 0) {
        return -1;
    }
    for (size_t i = 0; i < out->field_count; i++) {
        if (!is_field(kind, out->fields[i].key)) {
            return sim_fail(work, 400, "BadRequest", "field label not supported: %.*s", HF_SLICE(out->fields[i].key));
        }
    }
    return 0;
}

static bool matches(const struct sim_requirement *requirement, const struct hf_value *value)
{
    bool in = false;
    for (size_t i = 0; value && value->kind == HF_STRING && i < requirement->value_count; i++) {
        in = in || hf_slice_equal(requirement->values[i], value->as.text);
    }
    switch (requirement->operator) {
    case SELECT_IN:
        return in;
    case SELECT_NOT_IN:
        return !in;
    case SELECT_EXISTS:
        return value != NULL;
    default:
        return value == NULL;
    }
}

static const struct hf_value *field_of(const struct hf_value *object, struct hf_slice path)
{
    while (object && path.len > 0) {
        const char *dot = memchr(path.ptr, '.', path.len);
        size_t len = dot ? (size_t)(dot - path.ptr) : path.len;
        object = hf_value_find(object, (struct hf_slice){path.ptr, len});
        path.ptr += len + (dot ? 1 : 0);
        path.len -= len + (dot ? 1 : 0);
    }
    return object;
}

bool sim_selector_matches(const struct sim_selector *selector, const struct hf_value *object)
{
    static const struct hf_value NOTHING = {.kind = HF_STRING, .as.text = {"", 0}};
    const struct hf_value *labels = hf_value_path(object, "metadata", "labels", NULL);
    for (size_t i = 0; i < selector->label_count; i++) {
        if (!matches(&selector->labels[i], hf_value_find(labels, selector->labels[i].key))) {
            return false;
        }
    }
    for (size_t i = 0; i < selector->field_count; i++) {
        const struct hf_value *value = field_of(object, selector->fields[i].key);
        if (!matches(&selector->fields[i], value ? value : &NOTHING)) {
            return false;
        }
    }
    return true;
}
