#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"

static const struct {
    const char *name;
    const char *words;
} RANKS[HF_RANK_COUNT] = {
    [HF_RANK_BLOCKED] = {"blocked", "blocked"}, [HF_RANK_UNKNOWN] = {"unknown", "unknown"},
    [HF_RANK_MISSING] = {"missing", "missing"}, [HF_RANK_DRIFTED] = {"drifted", "drifted"},
    [HF_RANK_EXTRA] = {"extra", "extra"},       [HF_RANK_TERMINATING] = {"terminating", "terminating"},
    [HF_RANK_PENDING] = {"pending", "pending"}, [HF_RANK_IN_SYNC] = {"in_sync", "in sync"},
};

const char *hf_rank_name(enum hf_rank rank)
{
    return RANKS[rank].name;
}

const char *hf_rank_words(enum hf_rank rank)
{
    return RANKS[rank].words;
}

bool hf_rank_parse(const char *verdict, enum hf_rank *rank)
{
    for (int i = 0; verdict && i < HF_RANK_COUNT; i++) {
        if (strcmp(RANKS[i].name, verdict) == 0) {
            *rank = (enum hf_rank)i;
            return true;
        }
    }
    return false;
}

enum hf_rank hf_rank_of(const char *verdict)
{
    enum hf_rank rank = HF_RANK_UNKNOWN;
    (void)hf_rank_parse(verdict, &rank);
    return rank;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

int hf_object_compare(const struct hf_view_object *a, const struct hf_view_object *b)
{
    int order = compare_text(a->target, b->target);
    if (order == 0) {
        order = (a->order > b->order) - (a->order < b->order);
    }
    if (order == 0) {
        order = compare_text(a->kind, b->kind);
    }
    if (order == 0) {
        order = compare_text(a->namespace, b->namespace);
    }
    if (order == 0) {
        order = compare_text(a->name, b->name);
    }
    return order != 0 ? order : compare_text(a->api_version, b->api_version);
}

static int compare_pointers(const void *a, const void *b)
{
    return hf_object_compare(*(const struct hf_view_object *const *)a, *(const struct hf_view_object *const *)b);
}

static void free_index(struct hf_view_index *index)
{
    if (!index) {
        return;
    }
    free(index->by_key);
    free(index->worst);
    free(index->by_target);
    free(index);
}

static size_t target_number(const struct hf_view *view, const char *name)
{
    for (size_t i = 0; i < view->target_count; i++) {
        if (compare_text(view->targets[i].name, name) == 0) {
            return i;
        }
    }
    return view->target_count; /* the row for what names no target of the view */
}

/* A counting sort by rank keeps the key order within each. */
static void fill_index(struct hf_view_index *index, const struct hf_view *view)
{
    for (size_t i = 0; i < view->object_count; i++) {
        const struct hf_view_object *object = &view->objects[i];
        index->by_key[i] = object;
        enum hf_rank rank = hf_rank_of(object->verdict);
        index->counts[rank]++;
        index->by_target[target_number(view, object->target)][rank]++;
    }
    if (view->object_count > 1) {
        qsort(index->by_key, view->object_count, sizeof index->by_key[0], compare_pointers);
    }
    size_t next[HF_RANK_COUNT] = {0};
    for (int rank = 1; rank < HF_RANK_COUNT; rank++) {
        next[rank] = next[rank - 1] + index->counts[rank - 1];
    }
    for (size_t i = 0; i < view->object_count; i++) {
        index->worst[next[hf_rank_of(index->by_key[i]->verdict)]++] = index->by_key[i];
    }
}

static struct hf_view_index *make_index(const struct hf_view *view)
{
    struct hf_view_index *index = hf_calloc(1, sizeof *index);
    if (!index) {
        return NULL;
    }
    size_t room = view->object_count ? view->object_count : 1;
    index->by_key = hf_calloc(room, sizeof(*index->by_key));
    index->worst = hf_calloc(room, sizeof(*index->worst));
    index->by_target = hf_calloc(view->target_count + 1, sizeof(*index->by_target));
    if (!index->by_key || !index->worst || !index->by_target) {
        free_index(index);
        return NULL;
    }
    fill_index(index, view);
    return index;
}

const struct hf_view_index *hf_view_index(struct hf_view_ref *ref)
{
    pthread_mutex_lock(&ref->making);
    if (!ref->index) {
        ref->index = make_index(ref->view);
    }
    const struct hf_view_index *index = ref->index;
    pthread_mutex_unlock(&ref->making);
    return index;
}

int hf_views_init(struct hf_views *views, struct hf_error *err)
{
    memset(views, 0, sizeof *views);
    int failed = pthread_mutex_init(&views->lock, NULL);
    return failed ? hf_error_errno(err, HF_ENOMEM, failed, "make the view's lock") : 0;
}

void hf_views_end(struct hf_views *views)
{
    hf_view_release(views->current);
    views->current = NULL;
    pthread_mutex_destroy(&views->lock);
}

int hf_views_put(struct hf_views *views, struct hf_view *view, struct hf_error *err)
{
    struct hf_view_ref *ref = hf_calloc(1, sizeof *ref);
    if (!ref || pthread_mutex_init(&ref->making, NULL) != 0) {
        free(ref);
        hf_arena_free(view->arena);
        return hf_error_set(err, HF_ENOMEM, "no memory to publish a view");
    }
    atomic_init(&ref->refs, 1);
    ref->view = view;
    pthread_mutex_lock(&views->lock);
    struct hf_view_ref *before = views->current;
    view->serial = ++views->serial;
    views->current = ref;
    pthread_mutex_unlock(&views->lock);
    hf_view_release(before);
    return 0;
}

struct hf_view_ref *hf_views_get(struct hf_views *views)
{
    pthread_mutex_lock(&views->lock);
    struct hf_view_ref *ref = views->current;
    if (ref) {
        atomic_fetch_add_explicit(&ref->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&views->lock);
    return ref;
}

void hf_view_release(struct hf_view_ref *ref)
{
    if (!ref || atomic_fetch_sub_explicit(&ref->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    free_index(ref->index);
    pthread_mutex_destroy(&ref->making);
    hf_arena_free(ref->view->arena);
    free(ref);
}
