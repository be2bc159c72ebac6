/* The verdict on one object. */
#include <string.h>

#include "holdfast/clock.h"
#include "walk.h"

static const char *const VERDICTS[HF_VERDICT_COUNT] = {"unknown", "in_sync", "drifted",     "missing",
                                                       "extra",   "pending", "terminating", "blocked"};

const char *hf_verdict_name(enum hf_verdict verdict)
{
    return (size_t)verdict < HF_VERDICT_COUNT ? VERDICTS[verdict] : "unknown";
}

bool hf_verdict_parse(struct hf_slice text, enum hf_verdict *verdict)
{
    for (int i = 0; i < HF_VERDICT_COUNT; i++) {
        if (hf_slice_is(text, VERDICTS[i])) {
            *verdict = (enum hf_verdict)i;
            return true;
        }
    }
    return false;
}

const char *hf_class_name(enum hf_class class)
{
    static const char *const NAMES[] = {"changed", "removed", "leftover", "added", "defaulted"};
    return (size_t) class < sizeof NAMES / sizeof NAMES[0] ? NAMES[class] : "unknown";
}

bool hf_drift_is_terminating(const struct hf_value *live, int64_t *at_ms)
{
    const struct hf_value *time = hf_value_path(live, "metadata", "deletionTimestamp", NULL);
    *at_ms = HF_TIME_NONE;
    if (!time || time->kind != HF_STRING) {
        return false;
    }
    if (!hf_time_parse(time->as.text, at_ms)) {
        *at_ms = HF_TIME_NONE;
    }
    return true;
}

/* A Secret's stringData is folded into data by the server and never given back. */
static const struct hf_value *fold_secret(struct walk *walk, const struct hf_value *desired)
{
    const struct hf_value *plain = hf_value_get(desired, "stringData");
    if (!plain || plain->kind != HF_OBJECT) {
        return desired;
    }
    struct hf_value *folded = hf_value_copy(walk->arena, desired);
    const struct hf_value *had = hf_value_get(desired, "data");
    struct hf_value *data =
        had && had->kind == HF_OBJECT ? hf_value_copy(walk->arena, had) : hf_value_new(walk->arena, HF_OBJECT);
    if (!folded || !data) {
        walk->failed = true;
        return desired;
    }
    for (size_t i = 0; i < plain->as.object.count; i++) {
        const struct hf_member *member = &plain->as.object.members[i];
        hf_auto_buf struct hf_buf coded = {0};
        if (member->value.kind == HF_STRING) {
            hf_buf_add_base64(&coded, member->value.as.text.ptr, member->value.as.text.len);
        }
        struct hf_value *value = hf_value_string(walk->arena, (struct hf_slice){hf_buf_text(&coded), coded.len});
        hf_wipe(coded.ptr, coded.cap);
        if (!value || hf_value_set(walk->arena, data, member->key, value) != 0) {
            walk->failed = true;
            return desired;
        }
    }
    (void)hf_value_unset(folded, hf_slice_of("stringData"));
    walk->failed |= hf_value_set(walk->arena, folded, hf_slice_of("data"), data) != 0;
    return folded;
}

/* Finalizers and owner references are shared with controllers: only the unit's own entries count, as a set, whatever
 * the schema says. */
static struct place shared_place(void)
{
    static const struct hf_type ELEMENT = {.kind = HF_TYPE_UNKNOWN, .name = ""};
    static const struct hf_type SET = {.kind = HF_TYPE_LIST, .name = "", .element = &ELEMENT, .list_type = HF_LIST_SET};
    return (struct place){.type = &SET, .zero = HF_ZERO_DROPPED};
}

static void compare_key(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                        const struct hf_value *live, const char *key, const struct claims *claims)
{
    const struct hf_value *wanted = hf_value_get(desired, key);
    const struct hf_value *found = hf_value_get(live, key);
    struct place place = hf_place_of(walk, type, hf_slice_of(key), desired, live);
    struct claims below;
    struct mark mark = hf_walk_mark(walk);
    hf_claims_key(walk, claims, hf_slice_of(key), &below);
    hf_walk_key(walk, hf_slice_of(key));
    if (strcmp(key, "finalizers") == 0 || (strcmp(key, "ownerReferences") == 0 && !hf_is_granular_list(place.type))) {
        place = shared_place();
    }
    if (wanted || found) {
        hf_compare(walk, &place, wanted, found, &below);
    }
    hf_walk_back(walk, mark);
}

static void compare_metadata(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                             const struct hf_value *live, const struct claims *claims)
{
    static const char *const KEYS[] = {"annotations", "finalizers", "labels", "ownerReferences"};
    struct place place = hf_place_of(walk, type, hf_slice_of("metadata"), NULL, NULL);
    struct claims below;
    struct mark mark = hf_walk_mark(walk);
    hf_claims_key(walk, claims, hf_slice_of("metadata"), &below);
    hf_walk_key(walk, hf_slice_of("metadata"));
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++) {
        compare_key(walk, place.type, desired, live, KEYS[i], &below);
    }
    hf_walk_back(walk, mark);
}

/* A Namespace's spec is the server's own, that of a request for a certificate stands once it is made: the server passes
 * over what an update says (pkg/registry: their strategies' PrepareForUpdate). */
static bool has_fixed_spec(const char *kind)
{
    return strcmp(kind, "Namespace") == 0 || strcmp(kind, "CertificateSigningRequest") == 0;
}

/* The rules of an aggregated ClusterRole are the controller's, whatever the unit says. */
bool hf_is_not_compared(const struct walk *walk, const struct hf_value *desired, struct hf_slice key)
{
    const char *kind = hf_value_text(hf_value_get(desired, "kind"));
    if (hf_slice_is(key, "apiVersion") || hf_slice_is(key, "kind") || hf_slice_is(key, "metadata")) {
        return true;
    }
    if (hf_slice_is(key, "status")) {
        const struct hf_value *status = hf_value_get(desired, "status");
        return walk->input->has_status || !status || hf_is_zero(status);
    }
    if (hf_slice_is(key, "spec") && kind && has_fixed_spec(kind)) {
        return true;
    }
    return hf_slice_is(key, "rules") && kind && strcmp(kind, "ClusterRole") == 0 &&
           hf_value_get(desired, "aggregationRule");
}

static void compare_object(struct walk *walk, const struct hf_type *type, const struct hf_value *desired,
                           const struct hf_value *live)
{
    struct claims claims;
    hf_claims_begin(walk, &claims);
    compare_metadata(walk, type, hf_value_get(desired, "metadata"), hf_value_get(live, "metadata"), &claims);
    size_t i = 0;
    size_t j = 0;
    while ((i < desired->as.object.count || j < live->as.object.count) && !walk->failed) {
        const struct hf_member *ours = i < desired->as.object.count ? &desired->as.object.members[i] : NULL;
        const struct hf_member *theirs = j < live->as.object.count ? &live->as.object.members[j] : NULL;
        int order = !ours ? 1 : !theirs ? -1 : hf_slice_compare(ours->key, theirs->key);
        struct hf_slice key = order <= 0 ? ours->key : theirs->key;
        if (!hf_is_not_compared(walk, desired, key)) {
            hf_compare_member(walk, type, key, desired, order <= 0 ? &ours->value : NULL, live,
                              order >= 0 ? &theirs->value : NULL, &claims);
        }
        i += order <= 0;
        j += order >= 0;
    }
}

static const struct hf_type *find_type(const struct hf_drift_input *input, const struct hf_value *desired)
{
    const char *api_version = hf_value_text(hf_value_get(desired, "apiVersion"));
    const char *kind = hf_value_text(hf_value_get(desired, "kind"));
    if (!api_version || !kind || !input->types) {
        return NULL;
    }
    const char *slash = strchr(api_version, '/');
    char group[256] = "";
    if (slash && (size_t)(slash - api_version) < sizeof group) {
        memcpy(group, api_version, (size_t)(slash - api_version));
    }
    return hf_types_find(input->types, group, slash ? slash + 1 : api_version, kind);
}

/* When it drifted: the latest time of what makes it drift; where that is additions alone, theirs. */
static int64_t drifted_at(const struct walk *walk)
{
    int64_t latest = HF_TIME_NONE;
    bool only_added = true;
    for (size_t i = 0; i < walk->count; i++) {
        only_added &= walk->findings[i].class == HF_EXTRA_FIELD;
    }
    for (size_t i = 0; i < walk->count; i++) {
        const struct hf_finding *finding = &walk->findings[i];
        if ((only_added || finding->class != HF_EXTRA_FIELD) && finding->at_ms > latest) {
            latest = finding->at_ms;
        }
    }
    return latest;
}

static void conclude(struct walk *walk, struct hf_judgement *out)
{
    out->findings = walk->findings;
    out->count = walk->count;
    out->verdict = walk->is_drifted ? HF_DRIFTED : HF_IN_SYNC;
    out->drifted_at_ms = drifted_at(walk);
    if (walk->left_out > 0) {
        struct hf_finding *last = &walk->findings[walk->count - 1];
        char *more = hf_arena_printf(walk->arena, "%s (and %zu more)", last->readable, walk->left_out);
        last->readable = more ? more : last->readable;
    }
}

int hf_drift_judge(struct hf_arena *arena, const struct hf_drift_input *input, struct hf_judgement *out,
                   struct hf_error *err)
{
    *out = (struct hf_judgement){.verdict = HF_MISSING, .drifted_at_ms = HF_TIME_NONE};
    if (!input->desired || input->desired->kind != HF_OBJECT) {
        return hf_error_set(err, HF_EINVAL, "desired is no object");
    }
    if (!input->live) {
        return 0;
    }
    if (input->live->kind != HF_OBJECT) {
        out->verdict = HF_UNKNOWN;
        out->reason = "what the server gave is no object";
        return 0;
    }
    struct walk walk = {.arena = arena, .input = input};
    const char *kind = hf_value_text(hf_value_get(input->desired, "kind"));
    const char *api_version = hf_value_text(hf_value_get(input->desired, "apiVersion"));
    walk.is_secret = kind && api_version && strcmp(kind, "Secret") == 0 && strcmp(api_version, "v1") == 0;
    walk.is_service = kind && api_version && strcmp(kind, "Service") == 0 && strcmp(api_version, "v1") == 0;
    const struct hf_value *desired = walk.is_secret ? fold_secret(&walk, input->desired) : input->desired;
    walk.unit = desired;
    hf_owners_read(&walk, input->live);
    const struct hf_type *type = find_type(input, desired);
    walk.is_custom = type && !type->is_built_in;
    compare_object(&walk, type, desired, input->live);
    walk.is_drifted = walk.count > 0;
    hf_find_added(&walk, type, desired, input->live);
    bool failed = walk.failed || !hf_buf_ok(&walk.path) || !hf_buf_ok(&walk.desired) || !hf_buf_ok(&walk.readable) ||
                  !hf_buf_ok(&walk.keyed);
    hf_buf_free(&walk.path);
    hf_buf_free(&walk.desired);
    hf_buf_free(&walk.readable);
    hf_buf_free(&walk.keyed);
    hf_buf_free(&walk.text);
    if (failed) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    conclude(&walk, out);
    out->unit_problem = walk.unit_problem;
    return 0;
}

static int feed(struct hf_hasher *hasher, struct hf_buf *scratch, const struct hf_member *member, struct hf_error *err)
{
    if (hf_hasher_add(hasher, member->key.ptr, member->key.len + 1, err) != 0) {
        return -1;
    }
    return hf_canonical_feed(hasher, scratch, &member->value, err);
}

static bool is_server_owned(struct hf_slice key)
{
    static const char *const OWNED[] = {"managedFields", "resourceVersion",   "generation",
                                        "uid",           "creationTimestamp", "selfLink"};
    for (size_t i = 0; i < sizeof OWNED / sizeof OWNED[0]; i++) {
        if (hf_slice_is(key, OWNED[i])) {
            return true;
        }
    }
    return false;
}

static int feed_live(struct hf_hasher *hasher, struct hf_buf *scratch, const struct hf_value *live, bool has_status,
                     struct hf_error *err)
{
    for (size_t i = 0; i < hf_value_count(live); i++) {
        const struct hf_member *member = &live->as.object.members[i];
        bool is_metadata = hf_slice_is(member->key, "metadata") && member->value.kind == HF_OBJECT;
        if (has_status && hf_slice_is(member->key, "status")) {
            continue;
        }
        for (size_t j = 0; is_metadata && j < member->value.as.object.count; j++) {
            const struct hf_member *below = &member->value.as.object.members[j];
            if (!is_server_owned(below->key) &&
                (hf_hasher_add(hasher, "metadata", 9, err) != 0 || feed(hasher, scratch, below, err) != 0)) {
                return -1;
            }
        }
        if (!is_metadata && feed(hasher, scratch, member, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int hf_drift_live_digest(struct hf_hasher *hasher, struct hf_buf *scratch, const struct hf_value *live, bool has_status,
                         struct hf_digest *out, struct hf_error *err)
{
    if (live->kind == HF_OBJECT && feed_live(hasher, scratch, live, has_status, err) != 0) {
        struct hf_error ignored = HF_ERROR_INIT;
        (void)hf_hasher_finish(hasher, out, &ignored);
        return -1;
    }
    return hf_hasher_finish(hasher, out, err);
}
