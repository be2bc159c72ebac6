/* Desired against live, guided by the type, as a forced server-side apply of desired would see it: what it would put
 * there, and whether that is what is there. */
#include <string.h>

#include "walk.h"

#define DEEPEST 200u

bool hf_is_zero(const struct hf_value *value)
{
    switch (value->kind) {
    case HF_NULL:
        return true;
    case HF_BOOL:
        return !value->as.boolean;
    case HF_NUMBER:
        return hf_number_compare(value->as.text, hf_slice_of("0")) == 0;
    case HF_STRING:
        return value->as.text.len == 0;
    case HF_ARRAY:
        return value->as.array.count == 0;
    case HF_OBJECT:
        return value->as.object.count == 0;
    }
    return false;
}

/* Nothing but zero values, however deep: what a Go struct that nobody filled in is written as. An entry of a map
 * somebody did put there, whatever it is. */
static bool is_hollow(const struct hf_type *type, const struct hf_value *value)
{
    if (value->kind == HF_OBJECT && !(type && type->kind == HF_TYPE_MAP)) {
        for (size_t i = 0; i < value->as.object.count; i++) {
            const struct hf_member *member = &value->as.object.members[i];
            const struct hf_field *field =
                type && type->kind == HF_TYPE_STRUCT ? hf_type_field(type, member->key) : NULL;
            if (!is_hollow(field ? field->type : NULL, &member->value)) {
                return false;
            }
        }
        return true;
    }
    return hf_is_zero(value);
}

static bool is_struct(const struct place *place)
{
    return place->type && place->type->kind == HF_TYPE_STRUCT;
}

/* A struct that is no pointer in Go: it is always there, so that {} and nothing are the same. */
static bool is_always_there(const struct place *place)
{
    return is_struct(place) && place->zero == HF_ZERO_DROPPED;
}

struct place hf_place_of(struct walk *walk, const struct hf_type *type, struct hf_slice key,
                         const struct hf_value *desired, const struct hf_value *live)
{
    struct place place = {.type = NULL, .zero = walk->is_custom ? HF_ZERO_KEPT : HF_ZERO_UNSURE};
    if (!type) {
        return place;
    }
    if (type->kind == HF_TYPE_MAP) {
        place.type = type->element;
        place.is_entry = true;
        place.in_milli = type->element && type->element->kind == HF_TYPE_QUANTITY;
        place.zero = HF_ZERO_KEPT;
        return place;
    }
    const struct hf_field *field = type->kind == HF_TYPE_STRUCT ? hf_type_field(type, key) : NULL;
    if (field) {
        const struct hf_value *preset =
            type->derives_defaults ? hf_preset_by_neighbours(walk, type, key, desired, live) : NULL;
        place = (struct place){.type = field->type,
                               .zero = field->zero,
                               .preset = preset ? preset : field->preset,
                               .is_filled = field->is_filled,
                               .may_have_default = field->may_have_default};
    } else if (type->kind == HF_TYPE_STRUCT) {
        place.is_unknown = type->prunes;
        place.zero = type->is_built_in ? HF_ZERO_UNSURE : HF_ZERO_KEPT;
    }
    return place;
}

struct place hf_place_of_item(const struct walk *walk, const struct hf_type *list)
{
    return (struct place){.type = list ? list->element : NULL,
                          .zero = walk->is_custom ? HF_ZERO_KEPT : HF_ZERO_DROPPED};
}

void hf_compare_with_preset(struct walk *walk, const struct place *place, const struct hf_value *desired,
                            const struct hf_value *live, const struct claims *claims)
{
    static const struct hf_value NOTHING = {.kind = HF_OBJECT};
    bool was_atomic = walk->in_atomic;
    if (!live || place->is_filled) {
        return;
    }
    walk->in_atomic = true;
    if (place->preset && place->preset->kind == live->kind) {
        struct place bare = *place;
        bare.preset = NULL;
        bare.zero = HF_ZERO_KEPT; /* the default stands as it is */
        hf_compare(walk, &bare, place->preset, live, claims);
    } else if (!place->preset && is_always_there(place) && live->kind == HF_OBJECT) {
        hf_compare(walk, place, &NOTHING, live, claims);
    } else if (place->zero == HF_ZERO_KEPT && !(place->is_entry && desired) ? live->kind != HF_NULL
                                                                            : !is_hollow(place->type, live)) {
        hf_walk_find(walk, HF_CHANGED, desired, live, claims);
    }
    walk->in_atomic = was_atomic;
}

bool hf_is_preset(struct walk *walk, const struct place *place, const struct hf_value *live)
{
    static const struct claims NONE;
    bool was_quiet = walk->quiet;
    bool differed = walk->differs;
    walk->quiet = true;
    walk->differs = false;
    hf_compare_with_preset(walk, place, NULL, live, &NONE);
    bool result = !walk->differs;
    walk->quiet = was_quiet;
    walk->differs = differed;
    return result;
}

static void compare_members(struct walk *walk, const struct place *place, const struct hf_value *desired,
                            const struct hf_value *live, const struct claims *claims);

/* The claim on what somebody takes away goes with it: what our apply still claims the server itself dropped (a feature
 * that is off), or the unit said a zero value then. Fields that come and go with a feature are pointers, lists and
 * objects. A custom resource has none. */
static bool was_dropped(struct walk *walk, const struct place *place, const struct hf_value *desired,
                        const struct claims *claims)
{
    bool is_single = desired->kind != HF_OBJECT && desired->kind != HF_ARRAY;
    return !walk->is_custom && !(is_single && place->zero == HF_ZERO_DROPPED) &&
           hf_claims_applied(walk, place->type, desired, claims);
}

/* Live lacks what desired sets, or has null there. */
static void absent(struct walk *walk, const struct place *place, const struct hf_value *desired, bool is_null,
                   const struct claims *claims)
{
    static const struct hf_value NOTHING = {.kind = HF_OBJECT};
    if (is_always_there(place) && desired->kind == HF_OBJECT) {
        compare_members(walk, place, desired, &NOTHING, claims);
        return;
    }
    if (hf_is_zero(desired) && place->zero == HF_ZERO_DROPPED) {
        return;
    }
    if ((!is_null && was_dropped(walk, place, desired, claims)) || (place->is_filled && hf_is_zero(desired))) {
        return;
    }
    if (is_hollow(place->type, desired) && place->zero == HF_ZERO_UNSURE && walk->ours < 0) {
        return;
    }
    hf_walk_find(walk, HF_REMOVED, desired, NULL, claims);
}

/* An object inside another is of the kind that the field is of, whatever a unit says. */
static bool is_fixed(const struct walk *walk, const struct hf_type *type, struct hf_slice key)
{
    return walk->depth > 0 && type && type->is_built_in &&
           (hf_slice_is(key, "apiVersion") || hf_slice_is(key, "kind")) && hf_type_field(type, hf_slice_of("metadata"));
}

void hf_compare_member(struct walk *walk, const struct hf_type *type, struct hf_slice key,
                       const struct hf_value *holder, const struct hf_value *desired,
                       const struct hf_value *live_holder, const struct hf_value *live, const struct claims *claims)
{
    if (!desired && !walk->in_atomic && !hf_claims_any_ours(walk, claims)) {
        return; /* nobody but others speaks of it */
    }
    walk->around = claims;
    bool is_cleared = is_fixed(walk, type, key) || hf_is_cleared(walk, type, key, holder, live_holder);
    struct place place = hf_place_of(walk, type, key, holder, live_holder);
    walk->around = NULL;
    if (is_cleared) {
        return;
    }
    if (place.is_unknown && desired && !live) {
        if (!walk->unit_problem && !walk->quiet) {
            hf_walk_write(walk);
            walk->unit_problem = hf_arena_printf(walk->arena, "%s%s%.*s: no such field", hf_buf_text(&walk->readable),
                                                 walk->readable.len > 0 ? "." : "", HF_SLICE(key));
        }
        return;
    }
    if (desired && place.preset && hf_is_completed(type, key)) {
        desired = place.preset;
    }
    struct claims below;
    struct mark mark = hf_walk_mark(walk);
    hf_claims_key(walk, claims, key, &below);
    hf_walk_key(walk, key);
    if (!hf_is_convention(walk, key)) {
        hf_compare(walk, &place, desired, live, &below);
    }
    hf_walk_back(walk, mark);
}

/* Both objects are sorted: one walk over both. */
static void compare_members(struct walk *walk, const struct place *place, const struct hf_value *desired,
                            const struct hf_value *live, const struct claims *claims)
{
    bool was_atomic = walk->in_atomic;
    walk->in_atomic |= place->type && place->type->atomic;
    size_t i = 0;
    size_t j = 0;
    while ((i < desired->as.object.count || j < live->as.object.count) && !walk->failed) {
        const struct hf_member *ours = i < desired->as.object.count ? &desired->as.object.members[i] : NULL;
        const struct hf_member *theirs = j < live->as.object.count ? &live->as.object.members[j] : NULL;
        int order = !ours ? 1 : !theirs ? -1 : hf_slice_compare(ours->key, theirs->key);
        hf_compare_member(walk, place->type, order <= 0 ? ours->key : theirs->key, desired,
                          order <= 0 ? &ours->value : NULL, live, order >= 0 ? &theirs->value : NULL, claims);
        i += order <= 0;
        j += order >= 0;
    }
    walk->in_atomic = was_atomic;
}

bool hf_keeps_null(const struct walk *walk, const struct place *place)
{
    const struct hf_type *type = place->type;
    bool is_free = walk->is_custom && (!type || type->kind == HF_TYPE_UNKNOWN);
    return (type && type->is_nullable) || (is_free && !place->is_unknown && !place->preset);
}

/* Whether null from the unit leaves what is there: so it is for lists and objects that are merged, unless both are
 * empty (structured-merge-diff, typed/merge.go: doMap, doList). Of what no schema tells, the object itself tells it. */
static bool null_says_nothing(const struct walk *walk, const struct place *place, const struct hf_value *live)
{
    const struct hf_type *type = place->type;
    if (live && hf_is_zero(live)) {
        return false;
    }
    if (!type || type->kind == HF_TYPE_UNKNOWN) {
        return (!type || (walk->is_custom && !type->atomic)) && live && live->kind == HF_OBJECT;
    }
    if (!live && type->is_nullable) {
        return false;
    }
    return (type->kind == HF_TYPE_LIST && hf_is_granular_list(type)) ||
           ((type->kind == HF_TYPE_STRUCT || type->kind == HF_TYPE_MAP) && !type->atomic);
}

static void compare_present(struct walk *walk, const struct place *place, const struct hf_value *desired,
                            const struct hf_value *live, const struct claims *claims)
{
    if (desired->kind == HF_OBJECT && desired->as.object.count == 0 && hf_is_filled_again(walk, place, claims)) {
        hf_compare_with_preset(walk, place, NULL, live, claims);
        return;
    }
    bool is_merged = desired->kind == HF_OBJECT || (desired->kind == HF_ARRAY && hf_is_granular_list(place->type));
    if (hf_is_zero(desired) && place->preset && place->zero == HF_ZERO_DROPPED && hf_is_preset(walk, place, live)) {
        return;
    }
    if (hf_is_zero(desired) && place->zero == HF_ZERO_DROPPED && !is_merged && !hf_is_zero(live)) {
        hf_compare_with_preset(walk, place, desired, live, claims);
    } else if (desired->kind == HF_OBJECT && live->kind == HF_OBJECT) {
        compare_members(walk, place, desired, live, claims);
    } else if (desired->kind == HF_ARRAY && live->kind == HF_ARRAY) {
        hf_compare_list(walk, place->type, desired, live, claims);
    } else if (place->is_filled && hf_is_zero(desired)) {
        return;
    } else if (!hf_scalar_equal(place, desired, live)) {
        hf_walk_find(walk, HF_CHANGED, desired, live, claims);
    }
}

void hf_compare(struct walk *walk, const struct place *place, const struct hf_value *desired,
                const struct hf_value *live, const struct claims *claims)
{
    bool was_untyped = walk->untyped;
    bool are_null = desired && live && desired->kind == HF_NULL && live->kind == HF_NULL;
    const struct hf_value *stored = live;
    bool is_null = live && live->kind == HF_NULL;
    live = is_null ? NULL : live;
    if (walk->depth >= DEEPEST || walk->failed || are_null) {
        return;
    }
    struct place merged = *place;
    merged.type = walk->in_atomic ? place->type : hf_type_by_claims(walk, place->type, live, claims);
    place = &merged;
    walk->depth++;
    walk->untyped = !place->type || place->type->kind == HF_TYPE_UNKNOWN;
    if (desired && desired->kind == HF_NULL && !walk->in_atomic && null_says_nothing(walk, place, live)) {
        hf_find_leftovers(walk, place, live, claims);
    } else if (desired && desired->kind == HF_NULL && hf_keeps_null(walk, place)) {
        hf_walk_find(walk, live ? HF_CHANGED : HF_REMOVED, desired, live, claims); /* null itself is stored */
    } else if (desired && desired->kind == HF_NULL && place->is_entry && !live) {
        hf_walk_find(walk, HF_REMOVED, desired, NULL, claims);
    } else if (desired && (desired->kind == HF_NULL || hf_is_read_as_nothing(place->type, desired))) {
        hf_compare_with_preset(walk, place, desired, live, claims);
    } else if (!desired && walk->in_atomic && place->may_have_default) {
        walk->untyped = was_untyped; /* whether live holds the default is not known here */
    } else if (!desired && walk->in_atomic && is_null && hf_keeps_null(walk, place)) {
        hf_walk_find(walk, HF_CHANGED, NULL, stored, claims);
    } else if (!desired && walk->in_atomic) {
        hf_compare_with_preset(walk, place, NULL, live, claims);
    } else if (!desired) {
        hf_find_leftovers(walk, place, stored, claims);
    } else if (!live) {
        absent(walk, place, desired, is_null, claims);
    } else {
        compare_present(walk, place, desired, live, claims);
    }
    walk->untyped = was_untyped;
    walk->depth--;
}
