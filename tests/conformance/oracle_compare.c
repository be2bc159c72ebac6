/* The local verdict against what a forced dry-run apply would change. */
#include <stdio.h>
#include <string.h>

#include "oracle.h"

#define MOST_DIFFERENCES 400

void oracle_strip(struct hf_value *object, bool has_status)
{
    static const char *const IGNORED[] = {"managedFields", "resourceVersion", "generation", "creationTimestamp",
                                          "uid",           "selfLink"};
    struct hf_value *metadata = (struct hf_value *)(uintptr_t)hf_value_get(object, "metadata");
    for (size_t i = 0; metadata && i < sizeof IGNORED / sizeof IGNORED[0]; i++) {
        (void)hf_value_unset(metadata, hf_slice_of(IGNORED[i]));
    }
    if (has_status) {
        (void)hf_value_unset(object, hf_slice_of("status"));
    }
}

static void add(struct oracle *oracle, struct outcome *out, const struct hf_buf *path, enum hf_class class)
{
    if (out->count < MOST_DIFFERENCES) {
        out->at[out->count++] =
            (struct difference){.path = hf_arena_copy(oracle->arena, hf_buf_text(path), path->len), .class = class};
    }
}

static void cut(struct hf_buf *buf, size_t len)
{
    buf->len = len;
    if (buf->ptr) {
        buf->ptr[len] = '\0';
    }
}

/* A quantity of the same value: the server keeps the spelling it is given, which is nobody's drift. */
static bool is_respelled(const struct hf_type *root, const char *path, const struct hf_value *a,
                         const struct hf_value *b)
{
    const struct hf_type *type = oracle_type_at(root, path);
    int order;
    return type && type->kind == HF_TYPE_QUANTITY && a->kind == HF_STRING && b->kind == HF_STRING &&
           hf_quantity_compare(a->as.text, b->as.text, &order) && order == 0;
}

static void differences(struct oracle *oracle, const struct hf_value *result, const struct hf_value *live,
                        struct hf_buf *path, struct outcome *out);

static bool is_same_item(const struct hf_type *list, const struct hf_value *a, const struct hf_value *b)
{
    for (size_t i = 0; i < list->list_key_count; i++) {
        const struct hf_value *left = hf_value_get(a, list->list_keys[i]);
        const struct hf_value *right = hf_value_get(b, list->list_keys[i]);
        if ((left || right) && !(left && right && hf_value_equal(left, right))) {
            return false;
        }
    }
    return true;
}

/* Which item of result each of live's is, by key; count: none. False: they stand in another order. */
static bool pair_items(const struct hf_type *list, const struct hf_value *result, const struct hf_value *live,
                       size_t *pairs, bool *taken)
{
    size_t count = result->as.array.count;
    size_t behind = 0;
    bool in_order = true;
    for (size_t i = 0; i < live->as.array.count; i++) {
        size_t at = 0;
        while (at < count &&
               (taken[at] || !is_same_item(list, &result->as.array.items[at], &live->as.array.items[i]))) {
            at++;
        }
        in_order = in_order && at >= behind;
        behind = at < count ? at : behind;
        taken[at] = at < count;
        pairs[i] = at;
    }
    return in_order;
}

/* The items of a keyed list by their keys, so that one that comes or goes does not move the others. False: they stand
 * in another order, which is a difference in itself. */
static bool item_differences(struct oracle *oracle, const struct hf_type *list, const struct hf_value *result,
                             const struct hf_value *live, struct hf_buf *path, struct outcome *out)
{
    size_t count = result->as.array.count;
    size_t len = path->len;
    bool *taken = hf_arena_array(oracle->arena, count + 1, sizeof *taken);
    size_t *pairs = hf_arena_array(oracle->arena, live->as.array.count, sizeof *pairs);
    if (!taken || !pairs || !pair_items(list, result, live, pairs, taken)) {
        return false;
    }
    for (size_t i = 0; i < live->as.array.count; i++) {
        hf_pointer_add_index(path, i);
        differences(oracle, pairs[i] < count ? &result->as.array.items[pairs[i]] : NULL, &live->as.array.items[i], path,
                    out);
        cut(path, len);
    }
    for (size_t i = 0; i < count; i++) {
        if (!taken[i]) {
            add(oracle, out, path, HF_REMOVED);
        }
    }
    return true;
}

static void differences(struct oracle *oracle, const struct hf_value *result, const struct hf_value *live,
                        struct hf_buf *path, struct outcome *out)
{
    size_t len = path->len;
    const struct hf_type *type =
        live && live->kind == HF_ARRAY ? oracle_type_at(oracle->type, hf_buf_text(path)) : NULL;
    if (result && live && result->kind == HF_OBJECT && live->kind == HF_OBJECT) {
        for (size_t i = 0; i < live->as.object.count; i++) {
            const struct hf_member *member = &live->as.object.members[i];
            hf_pointer_add_key(path, member->key);
            differences(oracle, hf_value_find(result, member->key), &member->value, path, out);
            cut(path, len);
        }
        for (size_t i = 0; i < result->as.object.count; i++) {
            const struct hf_member *member = &result->as.object.members[i];
            if (!hf_value_find(live, member->key)) {
                hf_pointer_add_key(path, member->key);
                add(oracle, out, path, HF_REMOVED);
                cut(path, len);
            }
        }
    } else if (result && live && result->kind == HF_ARRAY && live->kind == HF_ARRAY && type &&
               type->kind == HF_TYPE_LIST && type->list_type == HF_LIST_MAP &&
               item_differences(oracle, type, result, live, path, out)) {
        return;
    } else if (result && live && result->kind == HF_ARRAY && live->kind == HF_ARRAY &&
               result->as.array.count == live->as.array.count) {
        for (size_t i = 0; i < live->as.array.count; i++) {
            hf_pointer_add_index(path, i);
            differences(oracle, &result->as.array.items[i], &live->as.array.items[i], path, out);
            cut(path, len);
        }
    } else if (!result || !live) {
        add(oracle, out, path, HF_LEFTOVER);
    } else if (!hf_value_equal(result, live)) {
        if (is_respelled(oracle->type, hf_buf_text(path), result, live)) {
            out->respelled++;
        } else {
            add(oracle, out, path, HF_CHANGED);
        }
    }
}

static bool is_below(const char *path, const char *other)
{
    size_t len = strlen(other);
    return strncmp(path, other, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* An item that comes or goes moves the others: its list speaks for it. */
static bool meet(const char *path, const struct hf_finding *finding)
{
    char place[4000];
    (void)snprintf(place, sizeof place, "%s", finding->path);
    char *last = strrchr(place, '/');
    if ((finding->class == HF_REMOVED || finding->class == HF_LEFTOVER) && last && last[1] >= '0' && last[1] <= '9') {
        *last = '\0';
    }
    return is_below(path, place) || is_below(place, path);
}

static bool is_told(const struct hf_judgement *judgement, const char *path)
{
    for (size_t i = 0; i < judgement->count; i++) {
        if (judgement->findings[i].class != HF_EXTRA_FIELD && meet(path, &judgement->findings[i])) {
            return true;
        }
    }
    return false;
}

static bool says(const struct hf_value *unit, const char *field, const struct hf_value *value)
{
    for (size_t i = 0; i < hf_value_count(unit); i++) {
        const struct hf_member *member = unit->kind == HF_OBJECT ? &unit->as.object.members[i] : NULL;
        if ((member && hf_slice_is(member->key, field) && hf_value_equal(&member->value, value)) ||
            says(member ? &member->value : &unit->as.array.items[i], field, value)) {
            return true;
        }
    }
    return false;
}

/* Each place that the server changes is told by a finding, and each finding is of a place that it changes; what can't
 * be known is set aside by name. */
static const char *not_knowable(const struct oracle *oracle, const struct outcome *out, const char *path)
{
    const struct known *known = oracle_not_knowable(oracle->type, path);
    if (!known && out->shaky_list && is_below(path, out->shaky_list)) {
        return "a list's key set to nothing: for the server that is another item, moved at each apply";
    }
    const struct hf_value *chosen = known ? hf_pointer_get(out->result, hf_slice_of(path)) : NULL;
    if (known && known->extent == ONLY_UNSAID && (!chosen || says(oracle->example.desired, known->field, chosen))) {
        return NULL;
    }
    return known ? known->why : NULL;
}

static void weigh(struct oracle *oracle, struct outcome *out)
{
    char beside[4000];
    size_t told = 0;
    bool differs = false;
    for (size_t i = 0; i < out->count; i++) {
        struct difference *at = &out->at[i];
        const char *why = NULL;
        at->is_told = is_told(&out->judgement, at->path);
        if (!at->is_told && (why = not_knowable(oracle, out, at->path))) {
            out->why = why;
        } else if (!at->is_told) {
            for (size_t j = 0; !at->is_told && oracle_derived(oracle->type, at->path, j, beside, sizeof beside); j++) {
                at->is_told = is_told(&out->judgement, beside);
            }
            differs |= !at->is_told;
        }
    }
    for (size_t j = 0; j < out->judgement.count; j++) {
        const struct hf_finding *finding = &out->judgement.findings[j];
        bool is_real = finding->class == HF_EXTRA_FIELD;
        const char *why = NULL;
        told += !is_real;
        for (size_t i = 0; !is_real && i < out->count; i++) {
            is_real = meet(out->at[i].path, finding);
        }
        if (!is_real && (why = not_knowable(oracle, out, finding->path))) {
            out->why = why;
        } else if (!is_real) {
            differs = true;
        }
    }
    out->kind = differs    ? OUTCOME_DISAGREED
                : out->why ? OUTCOME_CONFIRMED
                : told > 0 ? OUTCOME_DRIFTED
                           : OUTCOME_IN_SYNC;
}

static bool has_drift(const struct hf_judgement *judgement)
{
    for (size_t i = 0; i < judgement->count; i++) {
        if (judgement->findings[i].class != HF_EXTRA_FIELD) {
            return true;
        }
    }
    return false;
}

static int judge(struct oracle *oracle, const struct hf_value *desired, struct outcome *out)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_drift_input input = {.types = oracle->types,
                                   .desired = desired,
                                   .live = out->live,
                                   .manager = ORACLE_MANAGER,
                                   .has_status = oracle->resource->has_status,
                                   .secret_key = "0123456789abcdef",
                                   .secret_key_len = 16,
                                   .max_findings = 2 * MOST_DIFFERENCES};
    if (hf_drift_judge(oracle->arena, &input, &out->judgement, &err) != 0) {
        fprintf(stderr, "oracle: %s\n", err.text);
        return -1;
    }
    return 0;
}

static void look(struct oracle *oracle, struct outcome *out)
{
    struct hf_value *left = hf_value_copy(oracle->arena, out->result);
    struct hf_value *right = hf_value_copy(oracle->arena, out->live);
    hf_auto_buf struct hf_buf path = {0};
    oracle_strip(left, oracle->resource->has_status);
    oracle_strip(right, oracle->resource->has_status);
    out->count = 0;
    out->respelled = 0;
    out->why = NULL;
    differences(oracle, left, right, &path, out);
    weigh(oracle, out);
}

/* A dry-run decodes its result into the object that it has read, where what a conversion does not clear stays
 * (apiserver, registry/generic/registry/dryrun.go): then what a true apply does is what counts. */
static void confirm(struct oracle *oracle, const struct hf_value *desired, struct outcome *out)
{
    long status;
    struct outcome truth = *out;
    truth.result = oracle_apply(oracle, desired, ORACLE_MANAGER, false, &status);
    truth.at = hf_arena_array(oracle->arena, MOST_DIFFERENCES, sizeof *truth.at);
    if (truth.result && truth.at) {
        look(oracle, &truth);
        if (truth.kind != OUTCOME_DISAGREED) {
            *out = truth;
            out->is_by_apply = true;
        }
    }
}

int oracle_compare(struct oracle *oracle, const struct hf_value *desired, struct outcome *out)
{
    long status = 0;
    *out = (struct outcome){.live = oracle_get(oracle)};
    out->result = oracle_apply(oracle, desired, ORACLE_MANAGER, true, &status);
    out->at = hf_arena_array(oracle->arena, MOST_DIFFERENCES, sizeof *out->at);
    if (!out->live || !out->at || judge(oracle, desired, out) != 0) {
        return -1;
    }
    if (!out->result) {
        char reason[120];
        oracle_refusal(oracle, status, reason, sizeof reason);
        bool is_silent = !has_drift(&out->judgement) && !out->judgement.unit_problem;
        (void)snprintf(out->refusal, sizeof out->refusal, "%s%s", reason, is_silent ? " (in sync here)" : "");
        out->kind = OUTCOME_REFUSED;
        return 0;
    }
    if (out->judgement.verdict == HF_UNKNOWN) {
        out->kind = OUTCOME_CONFIRMED;
        out->why = out->judgement.reason;
        return 0;
    }
    hf_auto_buf struct hf_buf list = {0};
    if (oracle_empty_key(oracle->type, desired, &list)) {
        out->shaky_list = hf_arena_copy(oracle->arena, hf_buf_text(&list), list.len);
    }
    look(oracle, out);
    if (out->kind == OUTCOME_DISAGREED) {
        confirm(oracle, desired, out);
    }
    return 0;
}
