/* What Kubernetes' own types do that no schema says: which zero values are dropped, and what is filled in. */
#include "facts.h"

#include <string.h>

#include "holdfast/embedded.h"
#include "holdfast/json.h"

/* Versions that came after the source the facts are drawn from, and the version whose types are the same. */
static const struct {
    const char *later;
    const char *known;
} SAME[] = {{"io.k8s.api.batch.v1.CronJob", "io.k8s.api.batch.v1beta1.CronJob"},
            {"io.k8s.api.batch.v1.JobTemplateSpec", "io.k8s.api.batch.v1beta1.JobTemplateSpec"},
            {"io.k8s.api.autoscaling.v2.", "io.k8s.api.autoscaling.v2beta2."},
            {"io.k8s.api.policy.v1.", "io.k8s.api.policy.v1beta1."},
            {"io.k8s.api.discovery.v1.", "io.k8s.api.discovery.v1beta1."},
            {"io.k8s.api.flowcontrol.v1.", "io.k8s.api.flowcontrol.v1beta1."},
            {"io.k8s.api.flowcontrol.v1beta2.", "io.k8s.api.flowcontrol.v1beta1."},
            {"io.k8s.api.flowcontrol.v1beta3.", "io.k8s.api.flowcontrol.v1beta1."}};

static int read_file(struct facts *facts, const char *name, const struct hf_value **out, struct hf_error *err)
{
    const struct hf_embedded *file = hf_embedded_find(name);
    if (!file) {
        return hf_error_set(err, HF_EINTERNAL, "%s is not built in", name);
    }
    if (hf_json_read(facts->arena, file->bytes, file->size, NULL, out, err) != 0) {
        return hf_error_wrap(err, "read %s", name);
    }
    return 0;
}

int hf_facts_read(struct facts *facts, struct hf_error *err)
{
    const struct hf_value *defaults;
    *facts = (struct facts){.arena = hf_arena_new(0)};
    if (!facts->arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (read_file(facts, "schema/kubernetes-types-pointers.json", &facts->fields, err) != 0 ||
        read_file(facts, "schema/kubernetes-types-defaults.json", &defaults, err) != 0) {
        hf_facts_free(facts);
        return -1;
    }
    facts->defaults = hf_value_get(defaults, "defaults");
    facts->filled = hf_value_get(defaults, "filled");
    return 0;
}

void hf_facts_free(struct facts *facts)
{
    hf_arena_free(facts->arena);
    *facts = (struct facts){0};
}

bool hf_facts_is_built_in(const char *definition)
{
    static const char *const PREFIXES[] = {"io.k8s.api.", "io.k8s.apimachinery.", "io.k8s.apiextensions-apiserver.",
                                           "io.k8s.kube-aggregator."};
    for (size_t i = 0; i < sizeof PREFIXES / sizeof PREFIXES[0]; i++) {
        if (strncmp(definition, PREFIXES[i], strlen(PREFIXES[i])) == 0) {
            return true;
        }
    }
    return false; /* io.k8s.networking.gateway.v1.… is a custom resource's */
}

/* The entry of a definition, or of the earlier version that it is the same as. */
static const struct hf_value *entry_of(const struct hf_value *table, const char *definition)
{
    const struct hf_value *entry = hf_value_get(table, definition);
    for (size_t i = 0; !entry && i < sizeof SAME / sizeof SAME[0]; i++) {
        size_t len = strlen(SAME[i].later);
        if (strncmp(definition, SAME[i].later, len) == 0) {
            hf_auto_buf struct hf_buf known = {0};
            hf_buf_addf(&known, "%s%s", SAME[i].known, definition + len);
            entry = hf_value_get(table, hf_buf_text(&known));
        }
    }
    return entry;
}

static enum hf_zero zero_of(const struct hf_value *fields, const char *name)
{
    for (size_t i = 0; i < hf_value_count(fields); i++) {
        const char *field = hf_value_text(hf_value_at(fields, i));
        bool is_pointer = field && field[0] == '*';
        if (field && strcmp(field + is_pointer, name) == 0) {
            return is_pointer ? HF_ZERO_KEPT : HF_ZERO_DROPPED;
        }
    }
    return HF_ZERO_UNSURE;
}

void hf_facts_apply(const struct facts *facts, const char *definition, struct hf_field *field)
{
    const struct hf_value *filled = entry_of(facts->filled, definition);
    const struct hf_value *preset = hf_value_get(entry_of(facts->defaults, definition), field->name);
    field->zero = zero_of(entry_of(facts->fields, definition), field->name);
    field->preset = preset ? preset : field->preset;
    for (size_t i = 0; i < hf_value_count(filled); i++) {
        const char *name = hf_value_text(hf_value_at(filled, i));
        field->is_filled |= name && strcmp(name, field->name) == 0;
    }
}
