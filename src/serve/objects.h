/* Choosing objects of the view by a request's parameters: the API's list and the page's table. */
#ifndef HOLDFAST_SERVE_OBJECTS_H
#define HOLDFAST_SERVE_OBJECTS_H

#include "holdfast/mem.h"
#include "server.h"

#define HF_WORDS 8
#define HF_WORD_SIZE 64

struct hf_object_filter { /* NULL: any; all texts are the request's */
    unsigned verdicts;    /* a bit each rank */
    const char *target;
    const char *space;
    const char *unit;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *api_version;
    char words[HF_WORDS][HF_WORD_SIZE]; /* of q: each must stand somewhere, case apart */
    size_t word_count;
};

struct hf_cursor {
    char *bytes; /* freed by the caller, after a failure too */
    enum hf_rank rank;
    struct hf_view_object object; /* its key only */
};

struct hf_list {
    struct hf_object_filter filter;
    size_t limit;
    bool worst_first;
    bool findings;
    const struct hf_cursor *cursor;
};

/* False when answer holds a problem. */
bool hf_objects_filter(const struct hf_request *request, struct hf_answer *answer, struct hf_object_filter *filter);
bool hf_objects_match(const struct hf_object_filter *filter, const struct hf_view_object *object);
/* The object whose key the filter holds; without a namespace: one that has none. NULL. */
const struct hf_view_object *hf_objects_find(const struct hf_request *request, const struct hf_object_filter *filter);
/* What hf_serve_objects gives as "next". False when it is none. */
bool hf_cursor_read(struct hf_cursor *cursor, const char *text, struct hf_error *err);

#endif
