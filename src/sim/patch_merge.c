#include "patch.h"

static int merge(struct hf_arena *arena, struct hf_value *target, const struct hf_value *patch, unsigned depth)
{
    if (depth > 140) {
        return -1;
    }
    for (size_t i = 0; i < hf_value_count(patch); i++) {
        const struct hf_member *member = &patch->as.object.members[i];
        if (member->value.kind == HF_NULL) {
            (void)hf_value_unset(target, member->key);
            continue;
        }
        if (member->value.kind != HF_OBJECT) {
            if (hf_value_set(arena, target, member->key, &member->value) != 0) {
                return -1;
            }
            continue;
        }
        const struct hf_value *there = hf_value_find(target, member->key);
        struct hf_value *inner =
            there && there->kind == HF_OBJECT ? hf_value_copy(arena, there) : hf_value_new(arena, HF_OBJECT);
        if (!inner || merge(arena, inner, &member->value, depth + 1) != 0 ||
            hf_value_set(arena, target, member->key, inner) != 0) {
            return -1;
        }
    }
    return 0;
}

int sim_patch_merge(struct sim_work *work, const struct hf_value *document, const struct hf_value *patch,
                    struct hf_value **out)
{
    if (patch->kind != HF_OBJECT) {
        return sim_fail(work, 400, "BadRequest", "error decoding patch: expected an object, found %s",
                        hf_kind_name(patch->kind));
    }
    *out = hf_value_copy(work->arena, document);
    return *out ? merge(work->arena, *out, patch, 0) : -1;
}
