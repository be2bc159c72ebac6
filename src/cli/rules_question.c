/* What `rules explain` is asked about. */
#include <string.h>

#include "cmd_rules.h"
#include "holdfast/clock.h"
#include "holdfast/source.h"

static const char *copy(struct hf_arena *arena, const char *text)
{
    return text ? hf_arena_copy(arena, text, strlen(text)) : NULL;
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

static const struct hf_value *find_document(const struct hf_rule_wish *wish, const char *kind,
                                            const struct hf_unit *unit)
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
    struct hf_rule_subject *subject = &out->asking.subject;
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
        if (hf_rule_ask_label(arena, &out->asking, hf_slice_of(unit->labels[i].name),
                              hf_slice_of(unit->labels[i].value), err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The first object of the config's folders that fits. A folder that can't be read holds none. */
static int look_in(struct hf_arena *arena, const struct hf_rule_wish *wish, const struct hf_config_target *target,
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
            !out->origin && result == 0 ? find_document(wish, out->asking.subject.kind, units[i]) : NULL;
        if (document && is_asked(wish->space, units[i]->space)) {
            result = take_unit(arena, target, units[i], document, out, err);
        }
        hf_unit_drop(units[i]);
    }
    free(units);
    return result;
}

int hf_rules_question(struct hf_arena *arena, const struct rules_wish *wish, const struct hf_config *config,
                      struct rules_question *out, struct hf_error *err)
{
    const struct hf_rule_wish *asked = &wish->asked;
    out->origin = NULL;
    if (hf_rule_ask(arena, asked, "--", &out->asking, err) != 0) {
        return -1;
    }
    for (size_t i = 0; config && (asked->kind || asked->name || asked->unit) && i < config->target_count; i++) {
        const struct hf_config_target *target = &config->targets[i];
        if (!out->origin && is_asked(asked->target, target->name) && look_in(arena, asked, target, out, err) != 0) {
            return -1;
        }
    }
    return 0;
}
