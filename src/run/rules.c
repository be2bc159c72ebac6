/* The rules in force: the config's packs, then the shipped ones. */
#include <string.h>

#include "holdfast/embedded.h"
#include "holdfast/zone.h"
#include "run.h"

#define MOST_BYTES (1u << 20)
#define BUILT_IN "builtin:"

static int find_zone(void *ctx, struct hf_arena *arena, const char *name, const struct hf_zone **out,
                     struct hf_error *err)
{
    (void)ctx;
    return hf_zone_find(arena, NULL, name, out, err);
}

static int add_built_in(struct hf_rules *rules, const char *name, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_buf_addf(&path, "rules/%s.yaml", name);
    const struct hf_embedded *file = hf_buf_ok(&path) ? hf_embedded_find(hf_buf_text(&path)) : NULL;
    if (!file) {
        return hf_error_set(err, HF_ENOTFOUND, "there is no pack %s%s: found a name that is not shipped", BUILT_IN,
                            name);
    }
    return hf_rules_add(rules, hf_buf_text(&path), file->bytes, file->size, err);
}

/* A config may name a shipped pack among its own, to have it asked elsewhere. */
static int add_shipped(struct hf_rules *rules, struct hf_error *err)
{
    static const char *const SHIPPED[] = {"security", "kubernetes", "defaults"};
    for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++) {
        if (!hf_rules_has_pack(rules, SHIPPED[i]) && add_built_in(rules, SHIPPED[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int add_named(struct hf_rules *rules, const char *path, struct hf_error *err)
{
    hf_auto_buf struct hf_buf bytes = {0};
    if (strncmp(path, BUILT_IN, sizeof BUILT_IN - 1) == 0) {
        return add_built_in(rules, path + sizeof BUILT_IN - 1, err);
    }
    if (hf_read_file(path, MOST_BYTES, &bytes, err) != 0) {
        return -1;
    }
    return hf_rules_add(rules, path, hf_buf_text(&bytes), bytes.len, err);
}

int hf_run_rules(const struct hf_config *config, struct hf_rules **out, struct hf_error *err)
{
    struct hf_rules *rules;
    if (hf_rules_new(&rules, err) != 0) {
        return -1;
    }
    hf_rules_zones(rules, find_zone, NULL);
    int result = 0;
    for (size_t i = 0; result == 0 && config && i < config->rule_count; i++) {
        result = add_named(rules, config->rules[i], err);
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
