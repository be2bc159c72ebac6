/* The published view: counted by reference, with what many requests ask of it worked out once, by the first that needs
 * it. */
#ifndef HOLDFAST_SERVE_VIEW_H
#define HOLDFAST_SERVE_VIEW_H

#include <pthread.h>
#include <stdatomic.h>

#include "holdfast/serve.h"

/* Verdicts, worst first: what wants a person stands before what holdfast sees to, and that before what is well. */
enum hf_rank {
    HF_RANK_BLOCKED,
    HF_RANK_UNKNOWN,
    HF_RANK_MISSING,
    HF_RANK_DRIFTED,
    HF_RANK_EXTRA,
    HF_RANK_TERMINATING,
    HF_RANK_PENDING,
    HF_RANK_IN_SYNC,
    HF_RANK_COUNT
};

const char *hf_rank_name(enum hf_rank rank);  /* "blocked", … */
const char *hf_rank_words(enum hf_rank rank); /* "in sync", for people */
enum hf_rank hf_rank_of(const char *verdict); /* a name outside the list, or NULL, counts as unknown */
bool hf_rank_parse(const char *verdict, enum hf_rank *rank);

struct hf_view_index {
    const struct hf_view_object **by_key; /* target, order, kind, namespace, name, apiVersion */
    const struct hf_view_object **worst;  /* the same after the verdict's rank */
    size_t counts[HF_RANK_COUNT];
    size_t (*by_target)[HF_RANK_COUNT]; /* one row a target of the view */
};

struct hf_view_ref {
    atomic_uint refs;
    struct hf_view *view;
    pthread_mutex_t making;
    struct hf_view_index *index; /* NULL until asked for */
};

struct hf_views {
    pthread_mutex_t lock; /* held to copy the pointer only */
    struct hf_view_ref *current;
    uint64_t serial;
};

int hf_views_init(struct hf_views *views, struct hf_error *err);
void hf_views_end(struct hf_views *views);
/* Takes the view over, whatever happens; gives it its serial. -1 when memory is short: then the one before stays. */
int hf_views_put(struct hf_views *views, struct hf_view *view, struct hf_error *err);
struct hf_view_ref *hf_views_get(struct hf_views *views); /* NULL: none yet; to be released */
void hf_view_release(struct hf_view_ref *ref);            /* NULL is fine */

/* NULL when memory is short. Any thread; lives as long as the reference. */
const struct hf_view_index *hf_view_index(struct hf_view_ref *ref);

int hf_object_compare(const struct hf_view_object *a, const struct hf_view_object *b);

/* What the first line says: pure, from the view alone. */
enum hf_state { HF_STATE_WELL, HF_STATE_HANDLED, HF_STATE_ACT, HF_STATE_STARTING };
const char *hf_state_name(enum hf_state state); /* "well", "handled", "act", "starting" */

struct hf_assessment {
    enum hf_state state;
    struct hf_buf sentence; /* is anything wrong, is it being handled, do I have to act */
    struct hf_buf problems; /* one a line; what is to be done about */
    size_t problem_count;
};
/* view may be NULL. stuck_ms: how long the loop has not turned when that is too long, else 0. */
void hf_assess(struct hf_assessment *out, const struct hf_view *view, const struct hf_view_index *index,
               int64_t stuck_ms);
void hf_assessment_free(struct hf_assessment *assessment);

#endif
