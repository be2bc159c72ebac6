#include "apply.h"

#include <string.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* Adds back what the pruning took away but somebody, the new config included, still owns. */
static int add_back_owned(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *merged,
                          struct sim_managers *managers, struct hf_value **pruned)
{
    struct sim_set all, left, kept, owned = {0}, lost;
    if (sim_typed_fields(arena, type, merged, &all) != 0 || sim_typed_fields(arena, type, *pruned, &left) != 0) {
        return -1;
    }
    for (size_t i = 0; i < managers->count; i++) {
        struct sim_set both;
        if (sim_set_union(arena, &owned, &managers->items[i].set, &both) != 0) {
            return -1;
        }
        owned = both;
    }
    if (sim_set_union(arena, &left, &owned, &kept) != 0 || sim_set_difference(arena, &all, &kept, &lost) != 0) {
        return -1;
    }
    return sim_typed_remove(arena, type, merged, &lost, pruned);
}

/* Adds back what went with it although the applier never owned it. */
static int add_back_dangling(struct hf_arena *arena, const struct sim_type *type, const struct hf_value *merged,
                             const struct sim_set *last, struct hf_value **pruned)
{
    struct sim_set all, left, lost, own;
    if (sim_typed_fields(arena, type, merged, &all) != 0 || sim_typed_fields(arena, type, *pruned, &left) != 0 ||
        sim_set_difference(arena, &all, &left, &lost) != 0 || sim_set_intersection(arena, &lost, last, &own) != 0) {
        return -1;
    }
    return sim_typed_remove(arena, type, merged, &own, pruned);
}

/* Takes out what this applier applied last time, does not apply now, and nobody else owns. */
static int prune(struct hf_arena *arena, const struct sim_type *type, const struct sim_set *last,
                 struct sim_managers *managers, struct hf_value **merged)
{
    struct hf_value *pruned = NULL;
    if (!last || sim_set_is_empty(last)) {
        return 0;
    }
    if (sim_typed_remove(arena, type, *merged, last, &pruned) != 0 ||
        add_back_owned(arena, type, *merged, managers, &pruned) != 0 ||
        add_back_dangling(arena, type, *merged, last, &pruned) != 0) {
        return -1;
    }
    *merged = pruned;
    return 0;
}

struct conflicts {
    struct sim_work *work;
    const struct sim_set *allowed; /* NULL: none */
    struct hf_buf text;
    const char *who; /* of the entry that is being told */
    size_t count;
    const char *only; /* the first path */
    bool named;       /* the manager's line is written */
    const char *first;
};

static int tell_conflict(void *ctx, const char *path)
{
    struct conflicts *c = ctx;
    if (!c->named) {
        hf_buf_addf(&c->text, "%sconflicts with %s:", c->text.len ? "\n" : "", c->who);
        c->named = true;
    }
    hf_buf_addf(&c->text, "\n- %s", path);
    if (c->count++ == 0) {
        c->only = hf_arena_printf(c->work->arena, "%s", path);
        c->first = c->who;
    }
    sim_cause(c->work, "FieldManagerConflict", path, "conflict with %s", c->who);
    return 0;
}

static int tell_manager(struct conflicts *c, const struct sim_manager *item, const struct sim_set *changed)
{
    struct sim_set conflict, rest;
    if (sim_set_intersection(c->work->arena, &item->set, changed, &conflict) != 0) {
        return -1;
    }
    if (c->allowed) {
        if (sim_set_difference(c->work->arena, &conflict, c->allowed, &rest) != 0) {
            return -1;
        }
        conflict = rest;
    }
    c->who = item->applies ? hf_arena_printf(c->work->arena, "\"%s\"", item->name)
                           : hf_arena_printf(c->work->arena, "\"%s\" using %s", item->name, item->version);
    c->named = false;
    return c->who ? sim_set_each(&conflict, tell_conflict, c) : -1;
}

static int by_name(const void *left, const void *right)
{
    const struct sim_manager *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : (int)b->applies - (int)a->applies;
}

/* 409 when others own what would change. */
static int find_conflicts(struct sim_work *work, const struct sim_managers *managers, const struct sim_manager *own,
                          const struct sim_comparison *comparison, const struct sim_set *allowed)
{
    struct conflicts c = {.work = work, .allowed = allowed};
    struct sim_set changed;
    struct sim_manager *sorted = hf_arena_array(work->arena, managers->count, sizeof *sorted);
    if (!sorted || sim_set_union(work->arena, &comparison->modified, &comparison->added, &changed) != 0) {
        return -1;
    }
    memcpy(sorted, managers->items, managers->count * sizeof *sorted);
    size_t at = (size_t)(own - managers->items);
    memmove(sorted + at, sorted + at + 1, (managers->count - at - 1) * sizeof *sorted);
    qsort(sorted, managers->count - 1, sizeof *sorted, by_name);
    int status = 0;
    for (size_t i = 0; i + 1 < managers->count && status == 0; i++) {
        status = tell_manager(&c, &sorted[i], &changed);
    }
    if (status == 0 && c.count == 1) {
        status = sim_fail(work, 409, "Conflict", "Apply failed with 1 conflict: conflict with %s: %s", c.first, c.only);
    } else if (status == 0 && c.count > 1) {
        status = sim_fail(work, 409, "Conflict", "Apply failed with %zu conflicts: %s", c.count, hf_buf_text(&c.text));
    }
    hf_buf_free(&c.text);
    return status;
}

/* What kubectl's client-side apply wrote and nobody changed since may be taken over by its server-side apply. */
static int allowed_by_last_applied(struct sim_work *work, const struct sim_change *change, struct sim_set *out)
{
    const char *text = hf_value_text(hf_value_path(change->live, "metadata", "annotations", LAST_APPLIED, NULL));
    struct hf_value *last = text ? sim_parse(work->arena, text) : NULL;
    struct sim_work scratch = {.arena = work->arena};
    struct sim_comparison comparison;
    struct sim_set fields, rest, other;
    *out = (struct sim_set){0};
    if (!last || strcmp(sim_text(last, "apiVersion"), change->version) != 0 ||
        sim_typed_check(&scratch, change->type, last) != 0) {
        return 0;
    }
    if (sim_typed_fields(work->arena, change->type, last, &fields) != 0 ||
        sim_typed_compare(work->arena, change->type, last, change->live, &comparison) != 0 ||
        sim_set_difference(work->arena, &fields, &comparison.modified, &rest) != 0 ||
        sim_set_difference(work->arena, &rest, &comparison.added, &other) != 0) {
        return -1;
    }
    return sim_set_difference(work->arena, &other, &comparison.removed, out);
}

static int settle(struct sim_work *work, const struct sim_change *change, bool force,
                  const struct sim_comparison *comparison, struct sim_managers *managers)
{
    struct sim_manager *own = sim_managers_find(managers, change->manager, true, change->version);
    struct sim_set allowed = {0};
    bool is_kubectl = strcmp(change->manager, "kubectl") == 0;
    if (!force && is_kubectl && allowed_by_last_applied(work, change, &allowed) != 0) {
        return -1;
    }
    if (!force && find_conflicts(work, managers, own, comparison, is_kubectl ? &allowed : NULL) != 0) {
        return -1;
    }
    if (sim_managers_yield(work->arena, managers, own, comparison) != 0) {
        return -1;
    }
    for (size_t i = managers->count; i-- > 0;) {
        if (sim_set_is_empty(&managers->items[i].set)) {
            sim_managers_remove(managers, &managers->items[i]);
        }
    }
    return 0;
}

static bool same_managers(struct sim_managers *a, const struct sim_managers *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct sim_manager *item = &b->items[i];
        const struct sim_manager *other = sim_managers_find(a, item->name, item->applies, item->version);
        if (!other || strcmp(other->version, item->version) != 0 || !sim_set_equal(&other->set, &item->set)) {
            return false;
        }
    }
    return true;
}

static int copy_managers(struct hf_arena *arena, const struct sim_managers *from, struct sim_managers *out)
{
    *out = (struct sim_managers){0};
    for (size_t i = 0; i < from->count; i++) {
        const struct sim_manager *item = &from->items[i];
        struct sim_manager *copy = sim_managers_add(arena, out, item->name, item->applies, item->version);
        if (!copy) {
            return -1;
        }
        *copy = *item;
    }
    return 0;
}

/* The first apply to an object nobody tracked: what is there gets an owner of its own. */
static int track_former(struct sim_work *work, const struct sim_change *change, struct sim_managers *managers)
{
    struct sim_change before = *change;
    if (managers->count > 0 || !change->exists) {
        return 0;
    }
    before.manager = "before-first-apply";
    before.live = change->empty;
    before.exists = false;
    return sim_managers_update(work, &before, change->live, managers);
}

static int check_config(struct sim_work *work, const struct sim_change *change, const struct hf_value *config)
{
    const char *version = sim_text(config, "apiVersion");
    if (strcmp(version, change->version) != 0) {
        return sim_fail(work, 400, "BadRequest",
                        "Incorrect version specified in apply patch. Specified patch version: %s, expected: %s",
                        version, change->version);
    }
    if (hf_value_path(config, "metadata", "managedFields", NULL)) {
        return sim_fail(work, 400, "BadRequest", "metadata.managedFields must be nil");
    }
    if (sim_typed_check(work, change->type, config) != 0) {
        return work->problem.code == 400 ? -1
                                         : sim_fail(work, 500, "", "failed to create typed patch object: %s",
                                                    work->problem.message ? work->problem.message : "");
    }
    if (sim_typed_check(work, change->type, change->live) != 0) {
        return sim_fail(work, 500, "", "failed to create typed live object: %s",
                        work->problem.message ? work->problem.message : "");
    }
    return 0;
}

/* Replaces the applier's set by what it applies now; *last is what it was (NULL: it never applied). */
static int set_own(struct sim_work *work, const struct sim_change *change, const struct hf_value *config,
                   struct sim_managers *managers, struct sim_set **last)
{
    struct sim_manager *own = sim_managers_find(managers, change->manager, true, change->version);
    *last = NULL;
    if (own) {
        *last = hf_arena_alloc(work->arena, sizeof **last);
        if (!*last) {
            return -1;
        }
        **last = own->set;
    } else {
        own = sim_managers_add(work->arena, managers, change->manager, true, change->version);
    }
    if (!own) {
        return -1;
    }
    own->version = change->version;
    return sim_typed_fields(work->arena, change->type, config, &own->set);
}

int sim_apply(struct sim_work *work, const struct sim_change *change, const struct hf_value *config, bool force,
              struct sim_managers *managers, struct hf_value **merged)
{
    struct sim_comparison comparison;
    struct sim_managers former;
    struct sim_set *last;
    *merged = NULL;
    if (check_config(work, change, config) != 0 || track_former(work, change, managers) != 0 ||
        copy_managers(work->arena, managers, &former) != 0 ||
        sim_managers_reconcile(work->arena, change, managers) != 0 ||
        sim_typed_merge(work->arena, change->type, change->live, config, merged) != 0 ||
        set_own(work, change, config, managers, &last) != 0 ||
        prune(work->arena, change->type, last, managers, merged) != 0 ||
        sim_typed_compare(work->arena, change->type, change->live, *merged, &comparison) != 0 ||
        settle(work, change, force, &comparison, managers) != 0) {
        return -1;
    }
    struct sim_manager *own = sim_managers_find(managers, change->manager, true, change->version);
    if (own && sim_managers_strip(work->arena, own) != 0) {
        return -1;
    }
    if (own && sim_set_is_empty(&own->set)) {
        sim_managers_remove(managers, own);
        own = NULL;
    }
    bool same = sim_set_is_empty(&comparison.added) && sim_set_is_empty(&comparison.modified) &&
                sim_set_is_empty(&comparison.removed);
    if (same) {
        *merged = NULL;
    }
    if (own && (!same || !same_managers(managers, &former))) {
        own->time = change->now;
    }
    return 0;
}
