/* What live holds that the unit does not set, and that somebody else put there: a walk over both, side by side, that
 * looks closer only where live has more.
 *
 * Told from what the server filled in by value, not by owner: who creates an object owns its defaults, too. Where
 * nobody owns it (managedFields can be emptied by any client) only what weighs by itself counts. */
#include "added.h"

#include <stdlib.h>
#include <string.h>

#include "holdfast/pointer.h"

#define DEEPEST 200u

/* The object that is looked into. */
struct holder {
    struct spot *spot; /* NULL: the object itself */
    const struct hf_type *type;
    const char *root;               /* "core.ConfigMap", at the top of an object without a schema */
    const struct hf_value *desired; /* NULL: the unit has none */
    const struct hf_value *live;
    const struct others *others;
    enum strictness strictness; /* of what is in there; STRICT_NOT: that depends on the key */
};

static void look_into(struct search *search, const struct holder *holder);

static void tell(struct search *search, const struct holder *found, enum hf_class class, const struct claims *claims)
{
    struct walk *walk = search->walk;
    size_t before = walk->count;
    walk->untyped = !found->type || found->type->kind == HF_TYPE_UNKNOWN;
    walk->is_drifted |= class == HF_LEFTOVER;
    hf_walk_find(walk, class, NULL, found->live, claims);
    if (walk->count > before) {
        walk->findings[before].unowned = true;
    }
}

static bool is_container(const struct holder *found)
{
    return (found->live->kind == HF_OBJECT && found->live->as.object.count > 0 &&
            !(found->type && found->type->atomic)) ||
           (found->live->kind == HF_ARRAY && hf_is_granular_list(found->type));
}

/* A Service's ports beyond the unit's are told by the comparison (lists.c). */
static bool is_told(const struct search *search, const struct spot *spot)
{
    const struct spot *list = spot->item ? spot->up : NULL;
    const struct hf_value *ports = hf_value_path(search->walk->unit, "spec", "ports", NULL);
    return search->walk->is_service && list && hf_slice_is(list->key, "ports") && list->up && !list->up->up && ports &&
           ports->kind == HF_ARRAY;
}

/* Live has something where the unit has nothing, and it is no default. Where our last apply owns a part, what becomes
 * of that part is told by the search for leftovers. */
static void beyond(struct search *search, const struct holder *found)
{
    struct walk *walk = search->walk;
    struct claims claims;
    struct mark mark = hf_walk_mark(walk);
    hf_retrace(walk, found->spot, &claims);
    bool is_ours = hf_claims_any_ours(walk, &claims);
    bool is_item = found->spot->item != NULL;
    bool only_ours = is_ours && hf_claims_only_ours(walk, &claims, is_item || is_container(found));
    bool is_parted = is_ours && is_container(found) && !(is_item && hf_others_name_it(found->others));
    bool is_added = is_ours ? !only_ours && !is_parted && found->others->count > 0 : !is_told(search, found->spot);
    if (is_added) {
        bool is_left =
            hf_was_applied(search, found->spot, found->others) || (is_ours && hf_are_makers(search, found->others));
        tell(search, found, is_left ? HF_LEFTOVER : HF_EXTRA_FIELD, &claims);
    }
    hf_walk_back(walk, mark);
    if (is_parted && !only_ours) {
        look_into(search, found);
    }
}

static bool is_worth_it(const struct holder *found)
{
    return found->others->count > 0 || found->strictness == STRICT_ALWAYS ||
           (found->strictness == STRICT_IF_LOOSE && hf_is_loose(found->spot->key, found->live));
}

static bool are_notes(const struct spot *spot)
{
    return !spot->item && spot->up && !spot->up->item && hf_slice_is(spot->up->key, "metadata") &&
           (hf_slice_is(spot->key, "labels") || hf_slice_is(spot->key, "annotations"));
}

/* Maps whose entries stand for themselves. */
static bool are_entries(const struct spot *spot)
{
    return are_notes(spot) ||
           (!spot->item && !spot->up && (hf_slice_is(spot->key, "data") || hf_slice_is(spot->key, "binaryData")));
}

/* Live has a key that the unit does not. Of the metadata of a template labels and annotations stand for themselves. */
static void extra_member(struct search *search, const struct holder *holder, const struct holder *found)
{
    struct walk *walk = search->walk;
    struct hf_slice key = found->spot->key;
    if ((found->live->kind == HF_OBJECT && (are_entries(found->spot) || hf_slice_is(key, "metadata"))) ||
        (found->live->kind == HF_ARRAY && hf_is_granular_list(found->type))) {
        if (!hf_is_allocated(walk, holder->type, key, holder->desired, holder->live, found->live)) {
            look_into(search, found);
        }
        return;
    }
    if (search->of_notes != (holder->spot && are_notes(holder->spot)) || !is_worth_it(found) ||
        hf_is_allocated(walk, holder->type, key, holder->desired, holder->live, found->live) ||
        (holder->spot && are_entries(holder->spot) && hf_is_injected_entry(walk, holder->spot->key, key))) {
        return;
    }
    /* What follows from another addition is one itself: the unit's neighbours count, not live's. */
    walk->in_atomic = true;
    struct place place = hf_place_of(walk, holder->type, key, holder->desired, holder->live);
    walk->in_atomic = false;
    if (!hf_is_preset(walk, &place, found->live)) {
        beyond(search, found);
    }
}

static const struct hf_type *type_of_member(const struct hf_type *type, struct hf_slice key)
{
    if (type && type->kind == HF_TYPE_STRUCT) {
        const struct hf_field *field = hf_type_field(type, key);
        return field ? field->type : NULL;
    }
    return type && type->kind == HF_TYPE_MAP ? type->element : NULL;
}

/* Whether what the unit says as null leaves live's: so it is with what is merged. */
static bool says_nothing(const struct hf_value *desired, const struct hf_type *type)
{
    return !desired || (desired->kind == HF_NULL && type &&
                        (hf_is_granular_list(type) ||
                         ((type->kind == HF_TYPE_STRUCT || type->kind == HF_TYPE_MAP) && !type->atomic)));
}

/* Whether others have noted something that is worth to look at once all else is told. */
static void note(struct search *search, const struct holder *found)
{
    struct others others;
    for (size_t i = 0; i < found->live->as.object.count && !search->has_notes && found->others->count > 0; i++) {
        struct hf_slice key = found->live->as.object.members[i].key;
        bool is_kept = hf_slice_is(found->spot->key, "annotations") && hf_is_kept_note(key);
        if (!is_kept && !hf_value_find(found->desired, key)) {
            hf_others_key(found->others, found->type, key, &others);
            search->has_notes = others.count > 0;
        }
    }
}

static enum strictness strictness_of(struct search *search, const struct holder *holder, struct hf_slice key)
{
    if (holder->strictness != STRICT_NOT && !(holder->type && holder->type->kind == HF_TYPE_STRUCT)) {
        return holder->strictness; /* of a map's entries the map's own */
    }
    const char *name = holder->type && holder->type->is_built_in ? holder->type->name : holder->root;
    size_t at = ((uintptr_t)name >> 3) % (sizeof search->rows / sizeof search->rows[0]);
    if (name && search->rows[at].name != name) {
        search->rows[at].name = name;
        search->rows[at].rows = hf_strict_rows(name);
    }
    return name ? hf_strictness(search->rows[at].rows, key) : STRICT_NOT;
}

static void member(struct search *search, const struct holder *holder, const struct hf_member *theirs,
                   const struct hf_value *desired)
{
    bool is_deep = theirs->value.kind == HF_OBJECT || theirs->value.kind == HF_ARRAY;
    if (theirs->value.kind == HF_NULL || (desired && desired->kind != HF_NULL && !is_deep) ||
        (holder->spot && are_notes(holder->spot) && hf_slice_is(holder->spot->key, "annotations") &&
         hf_is_kept_note(theirs->key))) {
        return;
    }
    const struct hf_type *type = type_of_member(holder->type, theirs->key);
    bool is_extra = says_nothing(desired, type);
    if (!is_extra && desired->kind != theirs->value.kind) {
        return;
    }
    struct others others;
    struct spot spot = {.up = holder->spot, .key = theirs->key};
    struct holder found = {.spot = &spot,
                           .type = type,
                           .desired = is_extra ? NULL : desired,
                           .live = &theirs->value,
                           .others = &others,
                           .strictness = strictness_of(search, holder, theirs->key)};
    hf_others_key(holder->others, holder->type, theirs->key, &others);
    if (are_notes(&spot) && !search->of_notes) {
        if (theirs->value.kind == HF_OBJECT) {
            note(search, &found);
        }
    } else if (is_extra) {
        extra_member(search, holder, &found);
    } else {
        look_into(search, &found);
    }
}

/* Both objects are sorted: one walk over both. */
static void in_object(struct search *search, const struct holder *holder)
{
    const struct hf_value *desired = holder->desired && holder->desired->kind == HF_OBJECT ? holder->desired : NULL;
    const struct hf_value *live = holder->live;
    size_t count = hf_value_count(desired);
    size_t at = 0;
    for (size_t i = 0; i < live->as.object.count && !search->walk->failed; i++) {
        const struct hf_member *theirs = &live->as.object.members[i];
        int order = -1;
        while (at < count && (order = hf_slice_compare(desired->as.object.members[at].key, theirs->key)) < 0) {
            at++;
        }
        bool is_there = at < count && order == 0;
        bool is_skipped = !holder->spot && (hf_is_not_compared(search->walk, search->walk->unit, theirs->key) ||
                                            hf_slice_is(theirs->key, "status"));
        if (!is_skipped) {
            member(search, holder, theirs, is_there ? &desired->as.object.members[at].value : NULL);
        }
    }
}

#define NONE SIZE_MAX

static bool is_same_item(struct walk *walk, const struct hf_type *type, const struct hf_value *a,
                         const struct hf_value *b)
{
    if (type->list_type == HF_LIST_SET) {
        return hf_value_equal(a, b);
    }
    for (size_t i = 0; i < type->list_key_count; i++) {
        const struct hf_value *left = hf_value_get(a, type->list_keys[i]);
        const struct hf_value *right = hf_value_get(b, type->list_keys[i]);
        if (!left || !right) {
            return strcmp(hf_item_key(walk, type, a), hf_item_key(walk, type, b)) == 0; /* a key has a default */
        }
        if (!hf_value_equal(left, right)) {
            return false;
        }
    }
    return true;
}

/* Which item of the unit each of live's is, NONE: none. As good as always they stand in one order, with what is beyond
 * behind; else by key, as the comparison does. */
static size_t *pair_items(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                          const struct hf_value *live)
{
    size_t count = live->as.array.count;
    size_t wanted = desired ? desired->as.array.count : 0;
    size_t *pairs = hf_arena_array(walk->arena, count, sizeof *pairs);
    size_t same = 0;
    while (pairs && same < wanted && same < count &&
           is_same_item(walk, type, &desired->as.array.items[same], &live->as.array.items[same])) {
        pairs[same] = same;
        same++;
    }
    for (size_t i = same; pairs && i < count; i++) {
        pairs[i] = NONE;
    }
    if (same == wanted || !pairs) {
        walk->failed |= !pairs;
        return pairs;
    }
    struct hf_keyed_item *keys = hf_sort_items(walk, type, live);
    size_t *next = hf_arena_array(walk->arena, count, sizeof *next);
    for (size_t i = 0; i < count; i++) {
        pairs[i] = NONE;
    }
    for (size_t i = 0; keys && next && i < wanted; i++) {
        struct hf_keyed_item *found =
            hf_find_item(keys, count, hf_item_key(walk, type, &desired->as.array.items[i]), next);
        if (found) {
            pairs[found->index] = i;
        }
    }
    walk->failed |= !keys || !next;
    return pairs;
}

static void in_list(struct search *search, const struct holder *holder)
{
    struct walk *walk = search->walk;
    const struct hf_value *desired = holder->desired && holder->desired->kind == HF_ARRAY ? holder->desired : NULL;
    const struct hf_value *live = holder->live;
    const size_t *pairs = pair_items(walk, holder->type, desired, live);
    for (size_t i = 0; pairs && i < live->as.array.count && !walk->failed; i++) {
        const struct hf_value *item = &live->as.array.items[i];
        bool is_extra = pairs[i] == NONE;
        struct others others;
        struct spot spot = {.up = holder->spot,
                            .list = holder->type,
                            .item = item,
                            .live_index = i,
                            .desired_index = is_extra ? hf_value_count(desired) : pairs[i]};
        struct holder found = {.spot = &spot,
                               .type = holder->type->element,
                               .desired = is_extra ? NULL : &desired->as.array.items[pairs[i]],
                               .live = item,
                               .others = &others,
                               .strictness = is_extra ? holder->strictness : STRICT_NOT};
        if (!is_extra && item->kind != HF_OBJECT) {
            continue;
        }
        hf_others_item(walk, holder->others, holder->type, item, &others);
        if (!is_extra) {
            look_into(search, &found);
        } else if (!search->of_notes && is_worth_it(&found) && !hf_is_injected_item(walk, found.type, item)) {
            beyond(search, &found);
        }
    }
}

static void look_into(struct search *search, const struct holder *holder)
{
    bool is_whole = holder->type && holder->type->atomic;
    if (++search->depth < DEEPEST && !search->walk->failed && !is_whole) {
        if (holder->live->kind == HF_OBJECT) {
            in_object(search, holder);
        } else if (holder->live->kind == HF_ARRAY && hf_is_granular_list(holder->type)) {
            in_list(search, holder);
        }
    }
    search->depth--;
}

/* The name of a kind that weighs, where its schema is not known. */
static const char *root_name(const struct walk *walk)
{
    static const struct {
        const char *api;
        const char *kind;
        const char *name;
    } ROOTS[] = {{"v1", "ConfigMap", "core.v1.ConfigMap"},
                 {"v1", "Secret", "core.v1.Secret"},
                 {"rbac.authorization.k8s.io/", "Role", "rbac.v1.Role"},
                 {"rbac.authorization.k8s.io/", "ClusterRole", "rbac.v1.ClusterRole"},
                 {"rbac.authorization.k8s.io/", "RoleBinding", "rbac.v1.RoleBinding"},
                 {"rbac.authorization.k8s.io/", "ClusterRoleBinding", "rbac.v1.ClusterRoleBinding"}};
    const char *api_version = hf_value_text(hf_value_get(walk->unit, "apiVersion"));
    const char *kind = hf_value_text(hf_value_get(walk->unit, "kind"));
    for (size_t i = 0; api_version && kind && i < sizeof ROOTS / sizeof ROOTS[0]; i++) {
        if (strcmp(kind, ROOTS[i].kind) == 0 && strncmp(api_version, ROOTS[i].api, strlen(ROOTS[i].api)) == 0) {
            return ROOTS[i].name;
        }
    }
    return NULL;
}

static void in_metadata(struct search *search, const struct holder *object)
{
    static const char *const KEYS[] = {"annotations", "labels"};
    const struct hf_value *live = hf_value_get(object->live, "metadata");
    const struct hf_value *desired = hf_value_get(object->desired, "metadata");
    struct others others;
    struct spot spot = {.key = hf_slice_of("metadata")};
    struct holder metadata = {.spot = &spot,
                              .type = type_of_member(object->type, spot.key),
                              .desired = desired,
                              .live = live,
                              .others = &others};
    hf_others_key(object->others, object->type, spot.key, &others);
    for (size_t i = 0; live && live->kind == HF_OBJECT && i < live->as.object.count; i++) {
        const struct hf_member *theirs = &live->as.object.members[i];
        if (hf_slice_is(theirs->key, KEYS[0]) || hf_slice_is(theirs->key, KEYS[1])) {
            member(search, &metadata, theirs, hf_value_find(desired, theirs->key));
        }
    }
}

static int compare_findings(const void *left, const void *right)
{
    const struct hf_finding *a = left;
    const struct hf_finding *b = right;
    int order = hf_pointer_compare(a->path, b->path);
    return order ? order : hf_pointer_compare(a->desired_path, b->desired_path);
}

void hf_find_added(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                   const struct hf_value *live)
{
    struct search search = {.walk = walk};
    struct others others;
    struct holder object = {.type = type,
                            .root = type && type->is_built_in ? NULL : root_name(walk),
                            .desired = desired,
                            .live = live,
                            .others = &others};
    size_t before = walk->count;
    hf_others_begin(walk, &others);
    in_object(&search, &object);
    in_metadata(&search, &object);
    if (search.has_notes) {
        search.of_notes = true; /* last: they are many and weigh little */
        in_object(&search, &object);
        in_metadata(&search, &object);
    }
    if (walk->count > before && !walk->failed) {
        qsort(walk->findings, walk->count, sizeof *walk->findings, compare_findings);
    }
}
