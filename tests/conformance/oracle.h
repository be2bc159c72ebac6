/* The oracle test's parts.
 *
 * oracle.c          the run: options, seeds, the closing summary
 * oracle_server.c   the API server: requests, discovery, custom resource definitions
 * oracle_case.c     one case: its steps, done for the first time or again
 * oracle_mutate.c   what is done to the objects
 * oracle_values.c   values to put there that validation is likely to accept
 * oracle_compare.c  the local verdict against what the server would change
 * oracle_known.c    the places where they may differ, and why
 * oracle_shrink.c   a disagreement made small, as a fixture */
#ifndef HF_TEST_ORACLE_H
#define HF_TEST_ORACLE_H

#include <curl/curl.h>

#include "holdfast/drift.h"
#include "holdfast/json.h"
#include "holdfast/map.h"
#include "holdfast/pointer.h"
#include "holdfast/yaml.h"

#define ORACLE_MANAGER "confighub"
#define MOST_STEPS 16

/* How often something was seen, by name. */
struct counts {
    struct {
        char name[160];
        size_t count;
    } at[120];
    size_t used;
};
void counts_add(struct counts *counts, const char *name);
size_t counts_sum(const struct counts *counts);
void counts_print(const char *title, const struct counts *counts);

/* One change of a document. */
struct edit {
    const char *path;
    const struct hf_value *value; /* NULL: taken out */
};

enum step_kind { STEP_APPLY, STEP_CREATE, STEP_EDIT };

/* What was done to the object on the server. */
struct step {
    enum step_kind kind;
    const char *manager;
    const struct hf_value *document; /* applied or created */
    struct edit edit;                /* of what is live then, by PUT */
};

struct example {
    struct step steps[MOST_STEPS];
    size_t count;
    const struct hf_value *desired;
};

/* A list of values seen in the objects, by where they stood. */
struct pool {
    struct {
        const struct hf_type *holder;
        struct hf_slice key; /* empty: an item of a list */
        const struct hf_value *value;
    } * at;
    size_t count;
    size_t cap;
};

struct resource {
    const char *collection;
    bool has_status;
};

struct oracle {
    const char *kubeconfig_path;
    const char *objects_path;
    const char *crds_path;
    const char *only_kind;
    bool verbose;
    bool keeps_refused; /* a unit that the server refuses is a case as well */

    struct hf_arena *kept; /* lives as long as the run */
    CURL *curl;
    const char *server;
    const char *token;
    const char *ca;
    struct hf_types *types;
    struct hf_document *objects;
    size_t object_count;
    struct hf_document *crds;
    size_t crd_count;
    struct hf_buf objects_text;
    struct hf_buf crds_text;
    struct hf_map *resources; /* "apiVersion kind" → struct resource */
    struct pool pool;
    size_t requests;

    /* Of one case. */
    struct hf_arena *arena;
    uint64_t seed;
    uint64_t random;
    struct example example;
    const struct resource *resource;
    const struct hf_type *type; /* of the object */
    char *url;                  /* of the object */
    struct hf_buf answer;
    struct hf_buf story; /* what was done, for people */
};

/* oracle_server.c */
int oracle_open(struct oracle *oracle);
void oracle_close(struct oracle *oracle);
const struct resource *oracle_resource(struct oracle *oracle, const struct hf_value *object);
const struct hf_type *oracle_type(const struct oracle *oracle, const struct hf_value *object);
const struct hf_value *oracle_get(struct oracle *oracle);
/* A forced server-side apply; NULL when it is refused: then *status and oracle->answer say why. */
const struct hf_value *oracle_apply(struct oracle *oracle, const struct hf_value *object, const char *manager,
                                    bool dry_run, long *status);
bool oracle_post(struct oracle *oracle, const struct hf_value *object, const char *manager);
/* A PUT of the whole object. */
bool oracle_replace(struct oracle *oracle, const struct hf_value *object, const char *manager);
void oracle_delete(struct oracle *oracle);
/* Why the server refused, in a few words without names or values. */
void oracle_refusal(struct oracle *oracle, long status, char *out, size_t size);

/* oracle_case.c */
uint64_t oracle_next(struct oracle *oracle);
size_t oracle_below(struct oracle *oracle, size_t limit);
bool oracle_chance(struct oracle *oracle, size_t one_in);
/* Makes the case of a seed and does it. False: its first step was refused. */
bool oracle_begin(struct oracle *oracle, uint64_t seed);
void oracle_end(struct oracle *oracle);
/* Does another case's steps from the start, on a new object. False: the object is not there then. */
bool oracle_replay(struct oracle *oracle, const struct example *example);
struct hf_value *oracle_edited(struct oracle *oracle, const struct hf_value *object, const struct edit *edit);

/* oracle_mutate.c: a change of an object (a unit's, or live); false: found none. */
bool oracle_invent(struct oracle *oracle, const struct hf_value *object, bool is_unit, struct edit *edit);
/* What a unit says of one place of live, alone, as another's apply: NULL when there is none. */
const struct hf_value *oracle_part(struct oracle *oracle, const struct hf_value *live);
/* Says in the unit what the server has filled in somewhere. */
bool oracle_explicit(struct oracle *oracle, const struct hf_value *desired, const struct hf_value *live,
                     struct edit *edit);

/* oracle_values.c */
int oracle_fill_pool(struct oracle *oracle);
const struct hf_value *oracle_drawn(struct oracle *oracle, const struct hf_type *holder, struct hf_slice key);
struct hf_value *oracle_scalar(struct oracle *oracle, const struct hf_type *type, const struct hf_type *holder,
                               struct hf_slice key, const struct hf_value *was, bool is_unit);
struct hf_value *oracle_made(struct oracle *oracle, const struct hf_type *type, struct hf_slice key);
struct hf_value *oracle_text(struct oracle *oracle, const char *text);

/* oracle_known.c */
enum known_extent {
    BELOW_TOO,
    ONLY_ITSELF, /* nothing below it */
    ONLY_UNSAID  /* only a value that the unit has nowhere in such a field: one that the server chose */
};
struct known {
    const char *type; /* the end of the definition's name, "" any */
    const char *field;
    const char *because; /* a field beside it whose finding speaks for it; NULL: none */
    const char *why;
    enum known_extent extent;
};
/* A list of desired with an item whose key is set to null or "": the server takes it for another item than the one with
 * the default, and moves it at each apply. False: none. */
bool oracle_empty_key(const struct hf_type *type, const struct hf_value *desired, struct hf_buf *path);
/* The first entry that speaks of a place or of one above it. Of the second there may be more, behind the first;
 * *beside: the path of `because`. NULL: none. */
const struct known *oracle_not_knowable(const struct hf_type *root, const char *path);
const struct known *oracle_derived(const struct hf_type *root, const char *path, size_t behind, char *beside,
                                   size_t size);
/* The type of a place and of what holds it. */
const struct hf_type *oracle_type_at(const struct hf_type *root, const char *path);

/* oracle_compare.c */
enum outcome_kind { OUTCOME_IN_SYNC, OUTCOME_DRIFTED, OUTCOME_CONFIRMED, OUTCOME_REFUSED, OUTCOME_DISAGREED };

struct difference {
    const char *path;
    enum hf_class class;
    bool is_told;
};

struct outcome {
    enum outcome_kind kind;
    const struct hf_value *live;
    const struct hf_value *result;
    struct hf_judgement judgement;
    struct difference *at;
    size_t count;
    const char *why;        /* OUTCOME_CONFIRMED */
    const char *shaky_list; /* oracle_empty_key */
    char refusal[160];      /* OUTCOME_REFUSED */
    size_t respelled;       /* quantities that the server would only write otherwise */
    bool is_by_apply;       /* the dry-run said otherwise than the apply itself */
};
/* Asks both. -1: the object can't be read. */
int oracle_compare(struct oracle *oracle, const struct hf_value *desired, struct outcome *out);
void oracle_strip(struct hf_value *object, bool has_status);

/* oracle_shrink.c: drops parts while they still disagree, and prints what is left. */
void oracle_shrink(struct oracle *oracle);

#endif
