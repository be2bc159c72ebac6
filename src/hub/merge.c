/* What a refresh brings back: a unit says what it said before, with live's values; the server's own fields stay out. */
#include <string.h>

#include "worker.h"

static const struct hf_value *named(const struct hf_value *list, const char *name)
{
    for (size_t i = 0; name && i < hf_value_count(list); i++) {
        const char *own = hf_value_text(hf_value_get(hf_value_at(list, i), "name"));
        if (own && strcmp(own, name) == 0) {
            return hf_value_at(list, i);
        }
    }
    return NULL;
}

static bool merge(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live,
                  struct hf_value *out);

static bool merge_list(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live,
                       struct hf_value *out)
{
    for (size_t i = 0; i < hf_value_count(live); i++) {
        const struct hf_value *item = hf_value_at(live, i);
        const char *name = hf_value_text(hf_value_get(item, "name"));
        const struct hf_value *own = name ? named(desired, name) : hf_value_at(desired, i);
        struct hf_value merged = *item;
        if ((own && !merge(arena, own, item, &merged)) || hf_value_push(arena, out, &merged) != 0) {
            return false;
        }
    }
    return true;
}

static bool merge_object(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live,
                         struct hf_value *out)
{
    for (size_t i = 0; i < hf_value_count(desired); i++) {
        const struct hf_member *member = &desired->as.object.members[i];
        const struct hf_value *item = hf_value_find(live, member->key);
        struct hf_value merged;
        if (!item) {
            continue;
        }
        if (!merge(arena, &member->value, item, &merged) || hf_value_set(arena, out, member->key, &merged) != 0) {
            return false;
        }
    }
    return true;
}

static bool merge(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live,
                  struct hf_value *out)
{
    if (desired->kind != live->kind || (live->kind != HF_OBJECT && live->kind != HF_ARRAY)) {
        *out = *live;
        return true;
    }
    struct hf_value *made = hf_value_new(arena, live->kind);
    if (!made ||
        !(live->kind == HF_ARRAY ? merge_list(arena, desired, live, made) : merge_object(arena, desired, live, made))) {
        return false;
    }
    *out = *made;
    return true;
}

const struct hf_value *hub_merge(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live)
{
    const struct hf_value *kept = hf_value_copy(arena, live);
    struct hf_value *out = hf_value_new(arena, HF_OBJECT);
    return kept && out && merge(arena, desired, kept, out) ? out : NULL;
}
