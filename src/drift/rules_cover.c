/* Rules that can never speak: an earlier rule of their pack matches all that they match. */
#include <string.h>

#include "rules_parts.h"

#define MOST_STEPS 2000000u /* then no more is looked for: two rules of 200 paths each take 40,000 */

struct looking {
    size_t steps;
    struct hf_arena *arena;
    const char **texts;
    size_t count;
    size_t cap;
};

/* Each of b's must be covered by one of a's. */
static bool covers_globs(struct looking *looking, const struct globs *a, const struct globs *b)
{
    bool all = b->count > 0;
    for (size_t i = 0; all && i < b->count; i++) {
        bool any = false;
        for (size_t j = 0; !any && j < a->count; j++) {
            looking->steps++;
            any = hf_glob_covers(&a->items[j], &b->items[i]);
        }
        all = any;
    }
    return all;
}

static bool covers_kinds(struct looking *looking, const struct rule_match *a, const struct rule_match *b)
{
    bool all = b->kind_count > 0;
    for (size_t i = 0; all && i < b->kind_count; i++) {
        bool any = false;
        for (size_t j = 0; !any && j < a->kind_count; j++) {
            const struct kind_glob *wide = &a->kinds[j];
            looking->steps++;
            any = hf_glob_covers(&wide->kind, &b->kinds[i].kind) &&
                  (!wide->has_group || (b->kinds[i].has_group && hf_glob_covers(&wide->group, &b->kinds[i].group)));
        }
        all = any;
    }
    return all;
}

static bool covers_paths(struct looking *looking, const struct rule_match *a, const struct rule_match *b)
{
    bool all = b->path_count > 0;
    for (size_t i = 0; all && i < b->path_count; i++) {
        bool any = false;
        for (size_t j = 0; !any && j < a->path_count; j++) {
            looking->steps++;
            any = hf_pattern_covers(&a->paths[j], &b->paths[i]);
        }
        all = any;
    }
    return all;
}

static bool covers_labels(struct looking *looking, const struct rule_match *a, const struct rule_match *b)
{
    bool all = true;
    for (size_t i = 0; all && i < a->label_count; i++) {
        bool any = false;
        for (size_t j = 0; !any && j < b->label_count; j++) {
            looking->steps++;
            any = strcmp(a->labels[i].name, b->labels[j].name) == 0 &&
                  covers_globs(looking, &a->labels[i].values, &b->labels[j].values);
        }
        all = any;
    }
    return all;
}

/* Whether what matches b matches a. Doubt is no. */
static bool covers(struct looking *looking, const struct rule_match *a, const struct rule_match *b)
{
    if (a->conditions & ~b->conditions || a->exception_count > 0) {
        return false;
    }
    for (unsigned left = a->conditions; left != 0; left &= left - 1) {
        enum condition condition = (enum condition)__builtin_ctz(left);
        bool ok;
        switch (condition) {
        case ON_KIND:
            ok = covers_kinds(looking, a, b);
            break;
        case ON_LABELS:
            ok = covers_labels(looking, a, b);
            break;
        case ON_CLASS:
            ok = (b->classes & ~a->classes) == 0;
            break;
        case ON_PATH:
            ok = covers_paths(looking, a, b);
            break;
        default:
            ok = covers_globs(looking, &a->texts[condition], &b->texts[condition]);
            break;
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

static int warn(struct looking *looking, const struct pack *pack, const struct rule *rule, const struct rule *earlier,
                struct hf_error *err)
{
    if (looking->count == looking->cap) {
        size_t cap = looking->cap ? looking->cap * 2 : 8;
        const char **texts = hf_arena_array(looking->arena, cap, sizeof *texts);
        if (!texts) {
            return hf_error_set(err, HF_ENOMEM, "out of memory");
        }
        if (looking->count > 0) {
            memcpy(texts, looking->texts, looking->count * sizeof *texts);
        }
        looking->texts = texts;
        looking->cap = cap;
    }
    looking->texts[looking->count] = hf_arena_printf(
        looking->arena, "%s: line %zu: the rule %s can never decide: %s (line %zu) matches all that it matches",
        pack->path, rule->line, strchr(rule->full_name, '/') + 1, strchr(earlier->full_name, '/') + 1, earlier->line);
    return looking->texts[looking->count++] ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
}

static int look(struct looking *looking, const struct pack *pack, struct hf_error *err)
{
    for (size_t i = 1; i < pack->count; i++) {
        for (size_t j = 0; j < i && looking->steps < MOST_STEPS; j++) {
            looking->steps++;
            if (covers(looking, &pack->rules[j].match, &pack->rules[i].match)) {
                if (warn(looking, pack, &pack->rules[i], &pack->rules[j], err) != 0) {
                    return -1;
                }
                break;
            }
        }
    }
    return 0;
}

int hf_rules_warnings(struct hf_arena *arena, const struct hf_rules *rules, const char *const **texts, size_t *count,
                      struct hf_error *err)
{
    struct looking looking = {.arena = arena};
    for (const struct pack *pack = rules->packs; pack; pack = pack->next) {
        if (look(&looking, pack, err) != 0) {
            return -1;
        }
    }
    *texts = looking.texts;
    *count = looking.count;
    return 0;
}
