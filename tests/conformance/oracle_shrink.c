/* A disagreement made small: steps and parts of documents are dropped while it persists. */
#include <stdio.h>
#include <string.h>

#include "oracle.h"

#define MOST_REQUESTS 3000
#define MOST_PATHS 600

static bool disagrees(struct oracle *oracle, const struct example *example, struct outcome *out)
{
    return oracle_replay(oracle, example) && oracle_compare(oracle, example->desired, out) == 0 &&
           out->kind == OUTCOME_DISAGREED;
}

static bool drop_steps(struct oracle *oracle, struct example *example, struct outcome *out)
{
    bool any = false;
    for (size_t i = example->count; i-- > 1;) {
        struct example trial = *example;
        memmove(&trial.steps[i], &trial.steps[i + 1], (trial.count - i - 1) * sizeof trial.steps[0]);
        trial.count--;
        if (disagrees(oracle, &trial, out)) {
            *example = trial;
            any = true;
        }
    }
    return any;
}

struct paths {
    const char *at[MOST_PATHS];
    size_t count;
};

/* Large parts come first. */
static void list_paths(struct oracle *oracle, const struct hf_value *value, struct hf_buf *path, size_t depth,
                       struct paths *paths)
{
    size_t len = path->len;
    for (size_t i = hf_value_count(value); i-- > 0;) {
        if (value->kind == HF_OBJECT) {
            hf_pointer_add_key(path, value->as.object.members[i].key);
        } else {
            hf_pointer_add_index(path, i);
        }
        if (depth == 0 && paths->count < MOST_PATHS) {
            paths->at[paths->count++] = hf_arena_copy(oracle->arena, hf_buf_text(path), path->len);
        } else if (depth > 0) {
            list_paths(oracle,
                       value->kind == HF_OBJECT ? &value->as.object.members[i].value : &value->as.array.items[i], path,
                       depth - 1, paths);
        }
        path->len = len;
        if (path->ptr) {
            path->ptr[len] = '\0';
        }
    }
}

static bool is_needed(const char *path)
{
    return strcmp(path, "/apiVersion") == 0 || strcmp(path, "/kind") == 0 || strcmp(path, "/metadata") == 0 ||
           strcmp(path, "/metadata/name") == 0;
}

static const struct hf_value *cut_from(struct oracle *oracle, const struct hf_value *document, const char *path)
{
    struct hf_value *copy = document ? hf_value_copy(oracle->arena, document) : NULL;
    if (copy) {
        (void)hf_pointer_cut(copy, hf_slice_of(path));
    }
    return copy;
}

static struct example without(struct oracle *oracle, const struct example *example, const char *path)
{
    struct example trial = *example;
    trial.desired = cut_from(oracle, trial.desired, path);
    for (size_t i = 0; i < trial.count; i++) {
        trial.steps[i].document = cut_from(oracle, trial.steps[i].document, path);
    }
    return trial;
}

static bool drop_parts(struct oracle *oracle, struct example *example, struct outcome *out, size_t limit)
{
    bool any = false;
    for (size_t depth = 0; depth < 16 && oracle->requests < limit; depth++) {
        hf_auto_buf struct hf_buf path = {0};
        struct paths paths = {.count = 0};
        list_paths(oracle, example->desired, &path, depth, &paths);
        list_paths(oracle, example->steps[0].document, &path, depth, &paths);
        for (size_t i = 0; i < paths.count && oracle->requests < limit; i++) {
            struct hf_slice pointer = hf_slice_of(paths.at[i]);
            bool is_there =
                hf_pointer_get(example->desired, pointer) || hf_pointer_get(example->steps[0].document, pointer);
            struct example trial;
            if (is_there && !is_needed(paths.at[i])) {
                trial = without(oracle, example, paths.at[i]);
                if (disagrees(oracle, &trial, out)) {
                    *example = trial;
                    any = true;
                }
            }
        }
    }
    return any;
}

static void print_json(const char *title, const struct hf_value *value)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_json_write(&text, value);
    printf("%s: %s\n", title, hf_buf_text(&text));
}

/* Of live what the verdict may depend on. */
static void print_live(struct oracle *oracle, const struct hf_value *live)
{
    static const char *const OWNED[] = {"time", "apiVersion", "fieldsType"};
    const struct hf_value *had = hf_value_path(live, "metadata", "managedFields", NULL);
    struct hf_value *copy = hf_value_copy(oracle->arena, live);
    struct hf_value *managers = had ? hf_value_copy(oracle->arena, had) : NULL;
    oracle_strip(copy, oracle->resource->has_status);
    for (size_t i = 0; i < hf_value_count(managers); i++) {
        for (size_t j = 0; j < sizeof OWNED / sizeof OWNED[0]; j++) {
            (void)hf_value_unset(&managers->as.array.items[i], hf_slice_of(OWNED[j]));
        }
    }
    struct hf_value *metadata = (struct hf_value *)(uintptr_t)hf_value_get(copy, "metadata");
    if (managers && metadata) {
        hf_value_set(oracle->arena, metadata, hf_slice_of("managedFields"), managers);
    }
    print_json("live", copy);
}

static void print_fixture(struct oracle *oracle, const struct example *example, const struct outcome *out)
{
    printf("---\n# seed %llu. Found here:", (unsigned long long)oracle->seed);
    for (size_t i = 0; i < out->judgement.count; i++) {
        printf(" %s %s%s", hf_class_name(out->judgement.findings[i].class), out->judgement.findings[i].path,
               i + 1 < out->judgement.count ? "," : "");
    }
    printf("%s\n", out->judgement.count ? "" : " in sync");
    printf("case: the oracle's seed %llu\n", (unsigned long long)oracle->seed);
    print_json("desired", example->desired);
    print_live(oracle, out->live);
    if (out->count > 0) {
        printf("expect: [");
        for (size_t i = 0; i < out->count; i++) {
            printf("%s%s %s", i ? ", " : "", hf_class_name(out->at[i].class), out->at[i].path);
        }
        printf("]\n");
    }
}

static void print_steps(const struct example *example)
{
    static const char *const NAMES[] = {"apply", "create", "edit"};
    for (size_t i = 0; i < example->count; i++) {
        const struct step *step = &example->steps[i];
        hf_auto_buf struct hf_buf text = {0};
        const struct hf_value *value = step->document ? step->document : step->edit.value;
        if (value) {
            hf_json_write(&text, value);
        }
        printf("# %s by %s %s %.600s\n", NAMES[step->kind], step->manager, step->edit.path ? step->edit.path : "",
               value ? hf_buf_text(&text) : "(taken out)");
    }
}

void oracle_shrink(struct oracle *oracle)
{
    size_t limit = oracle->requests + MOST_REQUESTS;
    struct example example = oracle->example;
    struct outcome out;
    if (!disagrees(oracle, &example, &out)) {
        printf("  (done again it agrees: it is not shrunk)\n");
        return;
    }
    while (oracle->requests < limit &&
           (drop_steps(oracle, &example, &out) | drop_parts(oracle, &example, &out, limit))) {
    }
    if (disagrees(oracle, &example, &out)) {
        print_fixture(oracle, &example, &out);
        print_steps(&example);
        printf("---\n");
    }
}
