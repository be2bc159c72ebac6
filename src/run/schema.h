/* The reading of types, private to src/run.
 *
 * schema.c         one read: what is asked for in which order, and the table that comes of it
 * schema_kinds.c   sets of kinds
 * schema_source.c  one document that types come from: asked for, read, kept */
#ifndef HF_RUN_SCHEMA_H
#define HF_RUN_SCHEMA_H

#include "holdfast/schema.h"

/* A set of kinds with strings of its own. */
struct schema_kinds {
    struct hf_arena *arena;
    struct hf_type_want *items;
    size_t count;
    size_t cap;
};
void schema_kinds_clear(struct schema_kinds *kinds);
int schema_kinds_add(struct schema_kinds *kinds, const struct hf_type_want *kind, struct hf_error *err);
bool schema_kinds_have(const struct schema_kinds *kinds, const struct hf_type_want *kind);
bool schema_kinds_cover(const struct schema_kinds *all, const struct schema_kinds *some);
/* "apps/v1" and a kind as a want; version and group live in arena. -1: HF_ENOMEM. */
int schema_want(struct hf_arena *arena, const char *api_version, const char *kind, struct hf_type_want *out,
                struct hf_error *err);

/* In the order in which they count. */
enum source_form { SOURCE_CRD, SOURCE_V3, SOURCE_V2, SOURCE_BUILT_IN };

struct source {
    struct hf_schema *schema;
    struct source *next;
    enum source_form form;
    char *name;                /* "widgets.example.com", "apis/apps/v1", "/openapi/v2" */
    char *path;                /* to ask for; NULL: none */
    char *stamp;               /* of what types were read from: unchanged means the same content */
    struct schema_kinds asked; /* of this read */
    struct schema_kinds read;  /* of the read that types are from */
    struct hf_types *types;    /* NULL: none */
    bool in_use;               /* in this read */
    bool was_joined;           /* in the table that was handed out last */
    bool is_waiting;           /* to be asked for */
    bool is_failing;           /* as it was told in the log */
};

struct hf_schema {
    struct hf_cluster *cluster;
    struct hf_log *log;
    char *name;
    struct source *sources;
    struct schema_kinds wanted; /* of this read, only what is served */
    struct schema_kinds asked;  /* of this read, all */
    struct schema_kinds covered;
    struct hf_arena *index_arena;
    const struct hf_value *index; /* OpenAPI v3's: path → {serverRelativeURL}; NULL: not served */
    bool index_failing;           /* as it was told in the log */
    unsigned active;
    unsigned phase;
    bool changed;                /* the table differs from the last */
    bool partial;                /* something failed that may soon be readable */
    bool has_table;              /* one was handed out */
    unsigned failures;           /* reads in vain before the first table */
    struct hf_error first_error; /* of this read: what may pass by itself */
    int64_t longest_us;          /* what the conversion of one document took at the most */
    hf_schema_fn done;
    void *ctx;
};

/* schema_source.c */
struct source *schema_source(struct hf_schema *schema, enum source_form form, const char *name, struct hf_error *err);
void schema_source_free(struct source *source);
/* Asks for a source; its answer ends in schema_answered. */
int schema_source_ask(struct source *source, struct hf_error *err);
/* Tells that it can't be read; types from before stand where that may pass. */
void schema_source_failed(struct source *source, const struct hf_error *why);
int schema_source_built_in(struct source *source, struct hf_error *err);
/* Whether types has all that is asked of it in this read. */
bool schema_source_is_whole(const struct source *source);

/* schema.c: a request that was counted in active has been answered. */
void schema_answered(struct hf_schema *schema);

#endif
