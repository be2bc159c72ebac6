/* What `rules explain` is asked about. */
#include <string.h>

#include "cmd_rules.h"
#include "holdfast/clock.h"
#include "holdfast/source.h"

static const char *copy(struct hf_arena *arena, const char *text)
{
    return text ? hf_arena_copy(arena, text, strlen(text)) : NULL;
}

static const char *label_of(const void *ctx, const char *name)
{
    const struct rules_question *question = ctx;
    for (size_t i = 0; i < question->label_count; i++) {
        if (strcmp(question->labels[i].name, name) == 0) {
            return question->labels[i].value;
        }
    }
    return NULL;
}

static int add_label(struct hf_arena *arena, struct rules_question *out, struct hf_slice name, struct hf_slice value,
                     struct hf_error *err)
{
    struct rules_label *labels = hf_arena_array(arena, out->label_count + 1, sizeof *labels);
    if (!labels) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (out->label_count > 0) {
        memcpy(labels, out->labels, out->label_count * sizeof *labels);
    }
    labels[out->label_count].name = hf_arena_copy(arena, name.ptr, name.len);
    labels[out->label_count].value = hf_arena_copy(arena, value.ptr, value.len);
    if (!labels[out->label_count].name || !labels[out->label_count].value) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    out->labels = labels;
    out->label_count++;
    return 0;
}

static int read_labels(struct hf_arena *arena, const char *text, struct rules_question *out, struct hf_error *err)
{
    while (text && *text) {
        size_t len = strcspn(text, ",");
        const char *equals = memchr(text, '=', len);
        if (!equals || equals == text) {
            return hf_error_set(err, HF_EINVAL, "--labels: found \"%.*s\", expected name=value,name=value", (int)len,
                                text);
        }
        size_t name = (size_t)(equals - text);
        if (add_label(arena, out, (struct hf_slice){text, name}, (struct hf_slice){equals + 1, len - name - 1}, err) !=
            0) {
            return -1;
        }
        text += len + (text[len] == ',');
    }
    return 0;
}

static bool is_asked(const char *wanted, const char *found)
{
    return !wanted || (found && strcmp(wanted, found) == 0);
}

static const char *group_of(struct hf_arena *arena, const char *api_version)
{
    const char *slash = api_version ? strchr(api_version, '/') : NULL;
    return slash ? hf_arena_copy(arena, api_version, (size_t)(slash - api_version)) : copy(arena, "");
}

static const struct hf_value *find_document(const struct rules_wish *wish, const char *kind, const struct hf_unit *unit)
{
    for (size_t i = 0; is_asked(wish->unit, unit->slug) && i < unit->document_count; i++) {
        const struct hf_value *document = unit->documents[i].value;
        if (is_asked(kind, hf_value_text(hf_value_get(document, "kind"))) &&
            is_asked(wish->name, hf_value_text(hf_value_path(document, "metadata", "name", NULL))) &&
            (!wish->namespace ||
             is_asked(wish->namespace, hf_value_text(hf_value_path(document, "metadata", "namespace", NULL))))) {
            return document;
        }
    }
    return NULL;
}

static int take_unit(struct hf_arena *arena, const struct hf_config_target *target, const struct hf_unit *unit,
                     const struct hf_value *document, struct rules_question *out, struct hf_error *err)
{
    struct hf_rule_subject *subject = &out->subject;
    const struct {
        const char **into;
        const char *text;
    } TEXTS[] = {{&subject->target, target->name},
                 {&subject->space, unit->space},
                 {&subject->unit, unit->slug},
                 {&subject->kind, hf_value_text(hf_value_get(document, "kind"))},
                 {&subject->namespace, hf_value_text(hf_value_path(document, "metadata", "namespace", NULL))},
                 {&subject->name, hf_value_text(hf_value_path(document, "metadata", "name", NULL))},
                 {&out->origin, unit->origin}};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        if (!*TEXTS[i].into) {
            *TEXTS[i].into = copy(arena, TEXTS[i].text);
        }
    }
    if (!subject->group) {
        subject->group = group_of(arena, hf_value_text(hf_value_get(document, "apiVersion")));
    }
    for (size_t i = 0; i < unit->label_count; i++) {
        if (add_label(arena, out, hf_slice_of(unit->labels[i].name), hf_slice_of(unit->labels[i].value), err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The first object of the config's folders that fits. A folder that can't be read holds none. */
static int look_in(struct hf_arena *arena, const struct rules_wish *wish, const struct hf_config_target *target,
                   struct rules_question *out, struct hf_error *err)
{
    struct hf_error unreadable = HF_ERROR_INIT;
    struct hf_unit **units;
    size_t count;
    int result = 0;
    if (!target->folder || hf_source_folder_once(target->folder, target->space, &units, &count, &unreadable) != 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *document =
            !out->origin && result == 0 ? find_document(wish, out->subject.kind, units[i]) : NULL;
        if (document && is_asked(wish->space, units[i]->space)) {
            result = take_unit(arena, target, units[i], document, out, err);
        }
        hf_unit_drop(units[i]);
    }
    free(units);
    return result;
}

static int read_class(const struct rules_wish *wish, struct rules_question *out, struct hf_error *err)
{
    const char *class = wish->class ? wish->class : wish->path ? "changed" : "missing";
    if (strcmp(class, "missing") == 0 || strcmp(class, "extra") == 0) {
        out->question.verdict = strcmp(class, "extra") == 0 ? HF_EXTRA : HF_MISSING;
        return !wish->path
                   ? 0
                   : hf_error_set(err, HF_EINVAL, "--class %s is of the object as a whole: found --path too", class);
    }
    for (enum hf_class each = HF_CHANGED; each <= HF_EXTRA_FIELD; each++) {
        if (strcmp(class, hf_class_name(each)) == 0) {
            out->finding.class = each;
            out->question.finding = &out->finding;
            return wish->path ? 0 : hf_error_set(err, HF_EINVAL, "--class %s needs --path", class);
        }
    }
    return hf_error_set(err, HF_EINVAL,
                        "--class: found \"%s\", expected changed, removed, leftover, added, missing or extra", class);
}

static int read_time(const struct rules_wish *wish, struct rules_question *out, struct hf_error *err)
{
    out->question.now_ms = hf_now_ms();
    return !wish->at || hf_time_parse(hf_slice_of(wish->at), &out->question.now_ms)
               ? 0
               : hf_error_set(err, HF_EINVAL, "--at: found \"%s\", expected a time such as 2026-03-02T15:00:00Z",
                              wish->at);
}

int hf_rules_question(struct hf_arena *arena, const struct rules_wish *wish, const struct hf_config *config,
                      struct rules_question *out, struct hf_error *err)
{
    *out = (struct rules_question){
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
    if (read_class(wish, out, err) != 0 || read_time(wish, out, err) != 0 ||
        read_labels(arena, wish->labels, out, err) != 0) {
        return -1;
    }
    if (wish->path && hf_rule_path_read(arena, wish->path, &out->finding.keyed, err) != 0) {
        return hf_error_wrap(err, "--path");
    }
    for (size_t i = 0; config && (wish->kind || wish->name || wish->unit) && i < config->target_count; i++) {
        const struct hf_config_target *target = &config->targets[i];
        if (!out->origin && is_asked(wish->target, target->name) && look_in(arena, wish, target, out, err) != 0) {
            return -1;
        }
    }
    return 0;
}
