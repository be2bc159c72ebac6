/* One case: an object on the server that had a history, and what its unit says now. */
#include <stdio.h>
#include <string.h>

#include "oracle.h"

uint64_t oracle_next(struct oracle *oracle)
{
    uint64_t z = (oracle->random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

size_t oracle_below(struct oracle *oracle, size_t limit)
{
    return limit ? (size_t)(oracle_next(oracle) % limit) : 0;
}

bool oracle_chance(struct oracle *oracle, size_t one_in)
{
    return oracle_below(oracle, one_in) == 0;
}

struct hf_value *oracle_edited(struct oracle *oracle, const struct hf_value *object, const struct edit *edit)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_value *copy = hf_value_copy(oracle->arena, object);
    if (!copy) {
        return NULL;
    }
    if (!edit->value) {
        return hf_pointer_cut(copy, hf_slice_of(edit->path)) ? copy : NULL;
    }
    return hf_pointer_put(oracle->arena, copy, hf_slice_of(edit->path), hf_value_copy(oracle->arena, edit->value),
                          &err) == 0
               ? copy
               : NULL;
}

/* Every SEED in a text becomes the case's own name, for objects whose names have to match what they hold. */
static bool name_texts(struct oracle *oracle, struct hf_value *value, const char *name)
{
    static const char SEED[] = "SEED";
    bool any = false;
    if (value->kind == HF_STRING) {
        const char *found = strstr(value->as.text.ptr, SEED);
        if (found) {
            const char *text = hf_arena_printf(oracle->arena, "%.*s%s%s", (int)(found - value->as.text.ptr),
                                               value->as.text.ptr, name, found + sizeof SEED - 1);
            *value = *oracle_text(oracle, text);
        }
        return found != NULL;
    }
    for (size_t i = 0; i < hf_value_count(value); i++) {
        any |= name_texts(
            oracle, value->kind == HF_OBJECT ? &value->as.object.members[i].value : &value->as.array.items[i], name);
    }
    return any;
}

static const struct hf_value *pick(struct oracle *oracle)
{
    for (;;) {
        const struct hf_value *object = oracle->objects[oracle_below(oracle, oracle->object_count)].value;
        if (!oracle->only_kind || strcmp(hf_value_text(hf_value_get(object, "kind")), oracle->only_kind) == 0) {
            return object;
        }
    }
}

static struct hf_value *named(struct oracle *oracle, const struct hf_value *object, uint64_t seed)
{
    struct hf_value *copy = hf_value_copy(oracle->arena, object);
    struct hf_value *metadata = (struct hf_value *)(uintptr_t)hf_value_get(copy, "metadata");
    char name[40];
    (void)snprintf(name, sizeof name, "o%llu", (unsigned long long)seed);
    if (!name_texts(oracle, copy, name)) {
        const char *whole =
            hf_arena_printf(oracle->arena, "%s-%s", name, hf_value_text(hf_value_get(metadata, "name")));
        hf_value_set(oracle->arena, metadata, hf_slice_of("name"), oracle_text(oracle, whole));
    }
    return copy;
}

static bool do_step(struct oracle *oracle, const struct step *step)
{
    long status;
    if (step->kind == STEP_APPLY) {
        return oracle_apply(oracle, step->document, step->manager, false, &status) != NULL;
    }
    if (step->kind == STEP_CREATE) {
        return oracle_post(oracle, step->document, step->manager);
    }
    const struct hf_value *live = oracle_get(oracle);
    struct hf_value *changed = live ? oracle_edited(oracle, live, &step->edit) : NULL;
    return changed && oracle_replace(oracle, changed, step->manager);
}

/* Does a step and, when the server accepts it, keeps it as part of the case. */
static bool take_step(struct oracle *oracle, struct step step)
{
    if (oracle->example.count == MOST_STEPS || !do_step(oracle, &step)) {
        return false;
    }
    oracle->example.steps[oracle->example.count++] = step;
    return true;
}

static void tell(struct oracle *oracle, const char *who, const struct edit *edit, const struct hf_value *was)
{
    hf_auto_buf struct hf_buf before = {0};
    hf_auto_buf struct hf_buf after = {0};
    if (was) {
        hf_json_write(&before, was);
    }
    if (edit->value) {
        hf_json_write(&after, edit->value);
    }
    hf_buf_addf(&oracle->story, "%s %s: %.120s -> %.120s; ", who, edit->path, was ? hf_buf_text(&before) : "nothing",
                edit->value ? hf_buf_text(&after) : "nothing");
}

static void mutate_live(struct oracle *oracle)
{
    static const char *const MANAGERS[] = {"kubectl-edit", "controller", ORACLE_MANAGER};
    const struct hf_value *live = oracle_get(oracle);
    for (int attempt = 0; live && attempt < 6; attempt++) {
        struct step step = {.kind = STEP_EDIT, .manager = MANAGERS[oracle_below(oracle, 3)]};
        if (oracle_invent(oracle, live, false, &step.edit) && take_step(oracle, step)) {
            tell(oracle, step.manager, &step.edit, hf_pointer_get(live, hf_slice_of(step.edit.path)));
            return;
        }
    }
}

static void apply_part(struct oracle *oracle)
{
    const struct hf_value *live = oracle_get(oracle);
    for (int attempt = 0; live && attempt < 3; attempt++) {
        struct step step = {.kind = STEP_APPLY, .manager = "another", .document = oracle_part(oracle, live)};
        if (step.document && take_step(oracle, step)) {
            hf_auto_buf struct hf_buf text = {0};
            hf_json_write(&text, step.document);
            hf_buf_addf(&oracle->story, "another applies %.300s; ", hf_buf_text(&text));
            return;
        }
    }
}

/* A unit that the server refuses says little: most of them are changed back. */
static void mutate_unit(struct oracle *oracle, bool makes_explicit)
{
    long status;
    const struct hf_value *live = makes_explicit ? oracle_get(oracle) : NULL;
    for (int attempt = 0; attempt < 6; attempt++) {
        struct edit edit;
        bool found = live ? oracle_explicit(oracle, oracle->example.desired, live, &edit)
                          : oracle_invent(oracle, oracle->example.desired, true, &edit);
        struct hf_value *changed = found ? oracle_edited(oracle, oracle->example.desired, &edit) : NULL;
        if (!changed) {
            continue;
        }
        if (oracle_chance(oracle, 40) || oracle_apply(oracle, changed, ORACLE_MANAGER, true, &status)) {
            tell(oracle, "unit", &edit, hf_pointer_get(oracle->example.desired, hf_slice_of(edit.path)));
            oracle->example.desired = changed;
            return;
        }
    }
}

static void mutate(struct oracle *oracle)
{
    size_t how = oracle_below(oracle, 10);
    if (oracle_chance(oracle, 6)) {
        if (take_step(oracle,
                      (struct step){.kind = STEP_APPLY, .manager = "another", .document = oracle->example.desired})) {
            hf_buf_adds(&oracle->story, "another applies the same; ");
        }
    }
    if (oracle_chance(oracle, 5)) {
        apply_part(oracle);
    }
    for (size_t i = 0; how < 6 && i <= oracle_below(oracle, 3); i++) {
        mutate_live(oracle);
    }
    for (size_t i = 0; how >= 4 && i <= oracle_below(oracle, 3); i++) {
        mutate_unit(oracle, oracle_chance(oracle, 5));
    }
}

static void aim(struct oracle *oracle, const struct hf_value *object)
{
    oracle->resource = oracle_resource(oracle, object);
    oracle->type = oracle_type(oracle, object);
    oracle->url = hf_arena_printf(oracle->arena, "%s/%s", oracle->resource->collection,
                                  hf_value_text(hf_value_path(object, "metadata", "name", NULL)));
}

bool oracle_begin(struct oracle *oracle, uint64_t seed)
{
    oracle->seed = seed;
    oracle->random = seed;
    oracle->arena = hf_arena_new(0);
    hf_buf_clear(&oracle->story);
    hf_buf_adds(&oracle->story, "");
    oracle->example = (struct example){.count = 0};
    struct hf_value *object = named(oracle, pick(oracle), seed);
    oracle->example.desired = object;
    aim(oracle, object);
    bool is_created = oracle_chance(oracle, 10);
    struct step first = {.kind = is_created ? STEP_CREATE : STEP_APPLY,
                         .manager = is_created ? "kubectl-create" : ORACLE_MANAGER,
                         .document = object};
    hf_buf_adds(&oracle->story, is_created ? "created by another; " : "");
    if (oracle_get(oracle)) {
        oracle_delete(oracle); /* an earlier run of the same seed was cut short */
    }
    if (!take_step(oracle, first)) {
        return false;
    }
    mutate(oracle);
    return true;
}

void oracle_end(struct oracle *oracle)
{
    oracle_delete(oracle);
    hf_arena_free(oracle->arena);
    oracle->arena = NULL;
}

bool oracle_replay(struct oracle *oracle, const struct example *example)
{
    oracle_delete(oracle);
    for (size_t i = 0; i < example->count; i++) {
        if (!do_step(oracle, &example->steps[i])) {
            return false;
        }
    }
    return true;
}
