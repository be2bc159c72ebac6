/* The oracle test's parts: the server, and what is done to the objects. */
#ifndef HF_TEST_ORACLE_H
#define HF_TEST_ORACLE_H

#include <curl/curl.h>

#include "holdfast/drift.h"
#include "holdfast/json.h"
#include "holdfast/pointer.h"
#include "holdfast/yaml.h"

#define ORACLE_MANAGER "confighub"

struct oracle {
    const char *kubeconfig_path;
    const char *objects_path;
    const char *only_kind;
    bool verbose;

    struct hf_arena *kept; /* lives as long as the run */
    CURL *curl;
    const char *server;
    const char *token;
    const char *ca;
    struct hf_types *types;
    struct hf_document *objects;
    size_t object_count;
    struct hf_buf objects_text;

    /* Of one case. */
    struct hf_arena *arena;
    uint64_t random;
    struct hf_value *desired;
    char *url; /* of the object */
    char *collection;
    struct hf_buf answer;
    struct hf_buf story; /* what was done, for people */
};

int oracle_open(struct oracle *oracle);
void oracle_close(struct oracle *oracle);
/* Picks an object by the seed and gives it a name of its own. */
void oracle_begin(struct oracle *oracle, uint64_t seed);
void oracle_end(struct oracle *oracle);
/* Puts the unit's object on the server as it is: applied by its manager or, at times, created by another client. */
bool oracle_create(struct oracle *oracle);
/* Mutates live, or desired, or both. */
void oracle_mutate(struct oracle *oracle);

const struct hf_value *oracle_get(struct oracle *oracle);
/* A forced server-side apply; NULL when it is refused: then *status and oracle->answer say why. */
const struct hf_value *oracle_apply(struct oracle *oracle, const struct hf_value *object, const char *manager,
                                    bool dry_run, long *status);
/* A PUT of the whole object. */
bool oracle_replace(struct oracle *oracle, const struct hf_value *object, const char *manager);

uint64_t oracle_next(struct oracle *oracle);
size_t oracle_below(struct oracle *oracle, size_t limit);

#endif
