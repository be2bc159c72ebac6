/* The types of the kinds in use, read from one cluster and kept up to date.
 *
 * For each kind the best there is: its CustomResourceDefinition where rights allow, the OpenAPI v3 document of its
 * group-version, OpenAPI v2, the extract that is compiled in. What fails for one group falls back for that group alone,
 * and is logged. A second read asks again only for what can have changed: a CRD of the same uid and generation, a v3
 * document of the same hash, a v2 document of the same bytes is not converted again.
 *
 * Thread: the loop's. The cluster is freed before the schema. */
#ifndef HOLDFAST_SCHEMA_H
#define HOLDFAST_SCHEMA_H

#include "holdfast/cluster.h"
#include "holdfast/types.h"

struct hf_schema;

struct hf_schema_kind {
    const char *api_version;
    const char *kind;
};

/* name: the target's, for the log. Both are kept by reference, name is copied. */
int hf_schema_new(struct hf_cluster *cluster, struct hf_log *log, const char *name, struct hf_schema **out,
                  struct hf_error *err);
void hf_schema_free(struct hf_schema *schema); /* NULL is fine */

/* types: the table of all kinds asked for that the cluster serves, the receiver's to free; NULL when it is the same as
 * the last one. A kind that no source knows is not in it. partial: a substitute serves for something that may soon be
 * readable again. err: HF_OK, or why not even an attempt could be made (the server can't be reached, and there is
 * nothing from before); then types is NULL. */
struct hf_schema_result {
    struct hf_types *types;
    bool partial;
};
typedef void (*hf_schema_fn)(void *ctx, const struct hf_schema_result *result, const struct hf_error *err);

/* Reads the types of these kinds (copied; the same one may come twice). After discovery. HF_EBUSY while a read is under
 * way. */
int hf_schema_read(struct hf_schema *schema, const struct hf_schema_kind *kinds, size_t count, hf_schema_fn done,
                   void *ctx, struct hf_error *err);

/* Whether the last read that went well asked for the kind, and it was served; whatever was found of it. */
bool hf_schema_covers(const struct hf_schema *schema, const char *api_version, const char *kind);
/* Whether a kind's group is none of Kubernetes' own: a CRD's, or an aggregated API's. */
bool hf_schema_is_custom(const char *api_version);

#endif
