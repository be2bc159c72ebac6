/* The rules in force: the config's packs, then the shipped ones. */
#include "holdfast/embedded.h"
#include "run.h"

#define MOST_BYTES (1u << 20)

static int add_shipped(struct hf_rules *rules, struct hf_error *err)
{
    static const char *const SHIPPED[] = {"rules/kubernetes.yaml", "rules/security.yaml"};
    for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++) {
        const struct hf_embedded *file = hf_embedded_find(SHIPPED[i]);
        if (!file) {
            return hf_error_set(err, HF_EINTERNAL, "%s is not compiled in", SHIPPED[i]);
        }
        if (hf_rules_add(rules, SHIPPED[i], file->bytes, file->size, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int hf_run_rules(const struct hf_config *config, struct hf_rules **out, struct hf_error *err)
{
    struct hf_rules *rules;
    if (hf_rules_new(&rules, err) != 0) {
        return -1;
    }
    int result = 0;
    for (size_t i = 0; result == 0 && i < config->rule_count; i++) {
        hf_auto_buf struct hf_buf bytes = {0};
        result = hf_read_file(config->rules[i], MOST_BYTES, &bytes, err);
        if (result == 0) {
            result = hf_rules_add(rules, config->rules[i], hf_buf_text(&bytes), bytes.len, err);
        }
    }
    if (result == 0) {
        result = add_shipped(rules, err);
    }
    if (result != 0) {
        hf_rules_free(rules);
        return hf_error_wrap(err, "rules");
    }
    *out = rules;
    return 0;
}
