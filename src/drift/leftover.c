/* What an earlier revision of the unit set and this one does not: a forced apply takes away what its last apply
 * claimed, the new one does not say, and no other manager claims (sigs.k8s.io/structured-merge-diff, merge/update.go:
 * prune). */
#include "walk.h"

static void leave(struct walk *walk, const struct place *place, const struct hf_value *live,
                  const struct claims *claims)
{
    if (!hf_is_preset(walk, place, live)) {
        hf_walk_find(walk, HF_LEFTOVER, NULL, live, claims);
    }
}

static void in_object(struct walk *walk, const struct place *place, const struct hf_value *live,
                      const struct claims *claims)
{
    for (size_t i = 0; i < live->as.object.count && !walk->failed; i++) {
        const struct hf_member *member = &live->as.object.members[i];
        struct claims below;
        struct mark mark = hf_walk_mark(walk);
        hf_claims_key(walk, claims, member->key, &below);
        if (!hf_claims_any_ours(walk, &below)) {
            continue;
        }
        hf_walk_key(walk, member->key);
        walk->around = claims;
        struct place inner = hf_place_of(walk, place->type, member->key, NULL, live);
        walk->around = NULL;
        if (!hf_is_convention(walk, member->key)) {
            hf_find_leftovers(walk, &inner, &member->value, &below);
        }
        hf_walk_back(walk, mark);
    }
}

static void in_list(struct walk *walk, const struct place *place, const struct hf_value *live,
                    const struct claims *claims)
{
    struct place item = hf_place_of_item(walk, place->type);
    for (size_t i = 0; i < live->as.array.count && !walk->failed; i++) {
        struct claims below;
        struct mark mark = hf_walk_mark(walk);
        hf_claims_item(walk, claims, hf_item_key(walk, place->type, &live->as.array.items[i]), &below);
        hf_walk_item(walk, place->type, &live->as.array.items[i], i, 0);
        if (hf_claims_only_ours(walk, &below, true)) {
            hf_walk_find(walk, HF_LEFTOVER, NULL, &live->as.array.items[i], &below);
        } else if (hf_claims_any_ours(walk, &below)) {
            hf_find_leftovers(walk, &item, &live->as.array.items[i], &below);
        }
        hf_walk_back(walk, mark);
    }
}

bool hf_is_filled_again(const struct walk *walk, const struct place *place, const struct claims *claims)
{
    return place->type && place->type->kind == HF_TYPE_MAP && place->preset && hf_claims_any_ours(walk, claims) &&
           !hf_claims_by_others(walk, claims);
}

void hf_find_leftovers(struct walk *walk, const struct place *place, const struct hf_value *live,
                       const struct claims *claims)
{
    if (!live || !hf_claims_any_ours(walk, claims)) {
        return;
    }
    const struct hf_type *type = hf_type_by_claims(walk, place->type, live, claims);
    struct place merged = *place;
    bool is_atomic = type && type->atomic;
    merged.type = type;
    place = &merged;
    if (live->kind == HF_NULL) {
        if (hf_keeps_null(walk, place) && hf_claims_only_ours(walk, claims, false)) {
            hf_walk_find(walk, HF_LEFTOVER, NULL, live, claims);
        }
        return;
    }
    if (hf_is_filled_again(walk, place, claims)) {
        hf_compare_with_preset(walk, place, NULL, live, claims);
        return;
    }
    if (live->kind == HF_OBJECT && live->as.object.count > 0 && !is_atomic) {
        if ((!type || type->kind != HF_TYPE_STRUCT) && hf_claims_only_ours(walk, claims, true) &&
            place->zero == HF_ZERO_KEPT) {
            leave(walk, place, live, claims); /* an entry of a map that is an object itself */
        } else if (hf_claims_alone(walk, claims)) {
            leave(walk, place, live, claims); /* applied empty; what it holds goes with it */
        } else {
            in_object(walk, place, live, claims);
        }
    } else if (live->kind == HF_ARRAY && live->as.array.count > 0 && hf_is_granular_list(type)) {
        in_list(walk, place, live, claims);
    } else if (hf_claims_only_ours(walk, claims, false)) {
        leave(walk, place, live, claims);
    }
}
