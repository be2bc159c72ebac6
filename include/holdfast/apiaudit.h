/* The API server's audit events (audit.k8s.io/v1, https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/), as its
 * webhook posts them: who wrote what. Pure. */
#ifndef HOLDFAST_APIAUDIT_H
#define HOLDFAST_APIAUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "holdfast/error.h"

#define HF_APIAUDIT_MOST_BYTES ((size_t)16 << 20)
#define HF_APIAUDIT_MOST_GROUPS 32

/* One write that was answered with success. Of the request's and the response's object nothing is read but its
 * metadata: names, uid and resourceVersion. Strings end at the callback's end; "" where nothing was told. */
struct hf_apiaudit_event {
    const char *user;
    const char *impersonated; /* the user it was done as */
    const char *groups[HF_APIAUDIT_MOST_GROUPS];
    size_t group_count;
    const char *user_agent;
    const char *source; /* the first of sourceIPs: who is nearest to the user */
    const char *verb;   /* create, update, patch, delete, deletecollection */
    const char *group;  /* of the API */
    const char *version;
    const char *resource; /* plural, as in URLs */
    const char *subresource;
    const char *namespace;
    const char *name; /* "": of a whole collection */
    const char *uid;
    const char *resource_version; /* that it made */
    const char *manager;          /* the request's fieldManager */
    int64_t at_ms;                /* when it was answered; HF_TIME_NONE */
};

struct hf_apiaudit_counts {
    size_t events; /* in the list */
    size_t writes; /* told */
    size_t wrong;  /* that could not be read */
};

/* Reads an EventList and tells each event that is a write (stage ResponseComplete, answered 2xx, no dry run, of a
 * resource). An event that can't be read is counted and passed over. -1: the list as a whole is none: HF_EPARSE,
 * HF_ELIMIT (bytes, depth, events: 10,000), HF_ENOMEM. fn may have been called before. */
typedef void (*hf_apiaudit_fn)(void *ctx, const struct hf_apiaudit_event *event);
int hf_apiaudit_read(const char *bytes, size_t len, hf_apiaudit_fn fn, void *ctx, struct hf_apiaudit_counts *counts,
                     struct hf_error *err);

#endif
