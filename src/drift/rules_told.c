/* The packs for people, and how often each rule fired. */
#include <string.h>

#include "holdfast/json.h"
#include "holdfast/jsonout.h"
#include "rules_parts.h"

/* A decision's texts are the rules' own, so that they are told by where they are. */
static bool has_made(const struct rule *rule, const struct hf_decision *decision)
{
    for (enum hf_decided what = 0; what < HF_DECIDED_COUNT; what++) {
        if (decision->by[what] == rule->full_name) {
            return true;
        }
    }
    return false;
}

void hf_rules_fired(const struct hf_rules *rules, const struct hf_decision *decision)
{
    for (const struct pack *pack = rules && decision->rule ? rules->packs : NULL; pack; pack = pack->next) {
        size_t at = 0;
        while (at < pack->count && !has_made(&pack->rules[at], decision)) {
            at++;
        }
        if (at < pack->count) { /* one rule of a pack speaks */
            atomic_fetch_add_explicit(pack->rules[at].fired, 1, memory_order_relaxed);
        }
    }
}

static const struct rule *find(const struct hf_rules *rules, const char *full_name)
{
    for (const struct pack *pack = rules->packs; pack; pack = pack->next) {
        size_t len = strlen(pack->name);
        bool is_here = strncmp(pack->name, full_name, len) == 0 && full_name[len] == '/';
        for (size_t i = 0; is_here && i < pack->count; i++) {
            if (strcmp(pack->rules[i].full_name, full_name) == 0) {
                return &pack->rules[i];
            }
        }
    }
    return NULL;
}

void hf_rules_go_on(struct hf_rules *rules, const struct hf_rules *before)
{
    for (const struct pack *pack = before ? rules->packs : NULL; pack; pack = pack->next) {
        for (size_t i = 0; i < pack->count; i++) {
            const struct rule *old = find(before, pack->rules[i].full_name);
            if (old) {
                atomic_store(pack->rules[i].fired, atomic_load(old->fired));
            }
        }
    }
}

static void add_rule(struct hf_buf *out, const struct rule *rule)
{
    static const char *const FIRST[] = {"name", "description", "match"};
    hf_auto_buf struct hf_buf text = {0};
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "name", hf_value_text(hf_value_get(rule->value, "name")));
    hf_out_count(out, "line", rule->line);
    hf_out_text(out, "description", hf_value_text(hf_value_get(rule->value, "description")));
    const struct hf_value *match = hf_value_get(rule->value, "match");
    if (match) {
        hf_json_write(&text, match);
    }
    hf_out_raw(out, "match", match ? hf_buf_text(&text) : "null");
    for (size_t i = 0; i < hf_value_count(rule->value); i++) {
        const struct hf_member *member = &rule->value->as.object.members[i];
        bool is_said = false;
        for (size_t n = 0; n < sizeof FIRST / sizeof FIRST[0]; n++) {
            is_said |= hf_slice_is(member->key, FIRST[n]);
        }
        if (!is_said) {
            hf_buf_clear(&text);
            hf_json_write(&text, &member->value);
            hf_out_raw(out, member->key.ptr, hf_buf_text(&text));
        }
    }
    hf_out_count(out, "fired", atomic_load(rule->fired));
    hf_out_close(out, '}');
    out->failed |= text.failed;
}

void hf_rules_json(const struct hf_rules *rules, struct hf_buf *out)
{
    hf_out_open(out, NULL, '{');
    hf_out_open(out, "packs", '[');
    for (const struct pack *pack = rules ? rules->packs : NULL; pack; pack = pack->next) {
        hf_out_open(out, NULL, '{');
        hf_out_text(out, "name", pack->name);
        hf_out_text(out, "description", pack->description);
        hf_out_text(out, "file", pack->path);
        hf_out_open(out, "rules", '[');
        for (size_t i = 0; i < pack->count; i++) {
            add_rule(out, &pack->rules[i]);
        }
        hf_out_close(out, ']');
        hf_out_close(out, '}');
    }
    hf_out_close(out, ']');
    hf_out_close(out, '}');
}
