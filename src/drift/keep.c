/* What is sent when some paths must stay as live has them: the unit's document with live's values there.
 *
 * Leaving such a path out would not do: the server takes away what an earlier apply of the same manager set and this
 * one does not say (sigs.k8s.io/structured-merge-diff, merge/update.go: prune), or hands it to a default: replicas that
 * an autoscaler chose would fall to 1. So the manager goes on saying what is there, and the resourceVersion makes the
 * server refuse it (409) when live has moved on meanwhile. */
#include <string.h>

#include "holdfast/pointer.h"
#include "walk.h"

static struct hf_slice parent_of(const char *pointer)
{
    const char *slash = strrchr(pointer, '/');
    return (struct hf_slice){pointer, slash ? (size_t)(slash - pointer) : 0};
}

/* Makes the objects that lead to a place, as live has them. False: a list is missing on the way, whose item could not
 * be told apart from others by what is sent. */
static bool make_way(struct hf_arena *arena, struct hf_value *document, const struct hf_value *live,
                     const struct hf_finding *finding, struct hf_error *err)
{
    const char *there = finding->path;
    const char *here = finding->desired_path;
    const char *end = strrchr(here, '/');
    while (here < end) {
        const char *next_here = strchr(here + 1, '/');
        const char *next_there = strchr(there + 1, '/');
        if (!next_here || !next_there) {
            return false;
        }
        struct hf_slice way = {finding->desired_path, (size_t)(next_here - finding->desired_path)};
        struct hf_slice live_way = {finding->path, (size_t)(next_there - finding->path)};
        const struct hf_value *holder = hf_pointer_get(document, way);
        if (!holder || holder->kind == HF_NULL) {
            const struct hf_value *model = hf_pointer_get(live, live_way);
            const struct hf_value *above =
                hf_pointer_get(document, (struct hf_slice){way.ptr, (size_t)(here - finding->desired_path)});
            struct hf_value *made = hf_value_new(arena, HF_OBJECT);
            if (!model || model->kind != HF_OBJECT || !above || above->kind != HF_OBJECT || !made ||
                hf_pointer_put(arena, document, way, made, err) != 0) {
                return false;
            }
        }
        here = next_here;
        there = next_there;
    }
    return true;
}

/* An item that only live has goes behind the unit's own. */
static bool add_item(struct hf_arena *arena, struct hf_value *document, const struct hf_value *desired,
                     const struct hf_finding *finding, const struct hf_value *value, struct hf_error *err)
{
    struct hf_slice list = parent_of(finding->desired_path);
    const struct hf_value *before = hf_pointer_get(desired, list);
    if (!before || before->kind != HF_ARRAY) {
        return false;
    }
    hf_auto_buf struct hf_buf behind = {0};
    hf_buf_add(&behind, list.ptr, list.len);
    hf_buf_adds(&behind, "/-");
    return hf_pointer_put(arena, document, (struct hf_slice){hf_buf_text(&behind), behind.len}, value, err) == 0;
}

/* A Secret's stringData is folded into data by the server: what is kept there is no longer to be said. */
static void drop_string_data(struct hf_value *document, const char *path)
{
    if (strncmp(path, "/data/", 6) == 0) {
        hf_auto_buf struct hf_buf other = {0};
        hf_buf_addf(&other, "/stringData/%s", path + 6);
        (void)hf_pointer_cut(document, (struct hf_slice){hf_buf_text(&other), other.len});
    }
}

static bool keep_value(struct hf_arena *arena, struct hf_value *document, const struct hf_value *desired,
                       const struct hf_value *live, const struct hf_finding *finding, struct hf_error *err)
{
    const struct hf_value *value = hf_pointer_get(live, hf_slice_of(finding->path));
    struct hf_slice place = hf_slice_of(finding->desired_path);
    if (!value || place.len == 0) {
        return false;
    }
    const struct hf_value *holder = hf_pointer_get(live, parent_of(finding->path));
    if (finding->class == HF_LEFTOVER && holder && holder->kind == HF_ARRAY) {
        return add_item(arena, document, desired, finding, value, err);
    }
    return make_way(arena, document, live, finding, err) && hf_pointer_put(arena, document, place, value, err) == 0;
}

/* What the unit sets and live lacks is not sent: from the back, so that indices further up stay true. */
static bool leave_out(struct hf_arena *arena, struct hf_value *document, const struct hf_finding *const *kept,
                      size_t count, bool is_secret)
{
    const struct hf_finding **gone = hf_arena_array(arena, count, sizeof *gone);
    size_t left = 0;
    if (!gone) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (kept[i]->live) {
            continue;
        }
        size_t at = left++;
        while (at > 0 && hf_pointer_compare(gone[at - 1]->desired_path, kept[i]->desired_path) < 0) {
            gone[at] = gone[at - 1];
            at--;
        }
        gone[at] = kept[i];
    }
    for (size_t i = 0; i < left; i++) {
        (void)hf_pointer_cut(document, hf_slice_of(gone[i]->desired_path));
        if (is_secret) {
            drop_string_data(document, gone[i]->desired_path);
        }
    }
    return true;
}

int hf_drift_keep(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live,
                  const struct hf_finding *const *kept, size_t count, const struct hf_value **out, struct hf_error *err)
{
    struct hf_value *document = hf_value_copy(arena, desired);
    const struct hf_value *version = hf_value_path(live, "metadata", "resourceVersion", NULL);
    const char *kind = hf_value_text(hf_value_get(desired, "kind"));
    bool is_secret = kind && strcmp(kind, "Secret") == 0;
    *out = NULL;
    if (!document) {
        return hf_error_set(err, HF_ENOMEM, "keep what is live: out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        /* What the applier does not own, an apply leaves alone by itself. */
        if (!kept[i]->live || kept[i]->unowned || kept[i]->class == HF_EXTRA_FIELD) {
            continue;
        }
        struct hf_error why = HF_ERROR_INIT;
        if (!keep_value(arena, document, desired, live, kept[i], &why)) {
            return why.code == HF_ENOMEM ? hf_error_set(err, HF_ENOMEM, "keep what is live: out of memory") : 0;
        }
        if (is_secret) {
            drop_string_data(document, kept[i]->desired_path);
        }
    }
    if (!leave_out(arena, document, kept, count, is_secret)) {
        return hf_error_set(err, HF_ENOMEM, "keep what is live: out of memory");
    }
    if (!version || hf_pointer_put(arena, document, hf_slice_of("/metadata/resourceVersion"), version, err) != 0) {
        return err->code == HF_ENOMEM ? -1 : 0;
    }
    *out = document;
    return 0;
}
