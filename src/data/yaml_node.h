/* A YAML input while it is read. */
#ifndef HF_DATA_YAML_NODE_H
#define HF_DATA_YAML_NODE_H

#include "holdfast/map.h"
#include "holdfast/yaml.h"
#include "yaml_merge.h"
#include "yaml_place.h"
#include "yaml_scalar.h"

/* What a node came to. */
struct hf_yaml_node {
    struct hf_value value;
    size_t nodes;    /* values in it */
    uint32_t height; /* brackets nested in it */
    bool is_scalar;
    struct hf_scalar scalar; /* of one that is not a string */
};

struct hf_yaml_anchor {
    bool open; /* still being read: an alias to it would hold itself */
    struct hf_yaml_node node;
};

struct hf_yaml_reader {
    struct hf_arena *arena;
    yaml_parser_t parser;
    struct hf_yaml_place place;
    struct hf_yaml_limits limits;
    struct hf_map *anchors; /* of this document; NULL until there is one */
    struct hf_yaml_entries open;
    struct hf_document *documents;
    size_t count;
    size_t cap;
    uint32_t depth; /* brackets open */
    size_t nodes;
    size_t aliases;
    size_t source_from; /* where an implicit document would begin */
    struct hf_error *err;
};

/* The next event, which the caller deletes. */
int hf_yaml_next(struct hf_yaml_reader *r, yaml_event_t *event);

/* Each fills the error with the place and returns -1. */
int hf_yaml_fail_memory(struct hf_yaml_reader *r);
int hf_yaml_fail_limit(struct hf_yaml_reader *r, const yaml_mark_t *mark, size_t most, const char *what);
int hf_yaml_fail_at(struct hf_yaml_reader *r, const yaml_mark_t *mark, struct hf_slice found, const char *expected);
int hf_yaml_fail_tag(struct hf_yaml_reader *r, const yaml_event_t *event, const yaml_char_t *tag, const char *expected);

/* The tag without its prefix: "" for none, NULL when it is not one of YAML's own. */
const char *hf_yaml_tag(const yaml_char_t *tag);

/* Reads the node that event begins, and deletes the event. */
int hf_yaml_read_node(struct hf_yaml_reader *r, yaml_event_t *event, struct hf_yaml_node *out);

/* Of scalars (yaml_leaf.c). */
int hf_yaml_read_scalar(struct hf_yaml_reader *r, const yaml_event_t *event, struct hf_yaml_node *out);
/* Refuses what is a number in YAML and none in JSON. */
int hf_yaml_no_endless(struct hf_yaml_reader *r, const yaml_mark_t *mark, const struct hf_yaml_node *node);
/* The key that sigs.k8s.io/yaml makes of a node, which must be a scalar. */
int hf_yaml_set_key(struct hf_yaml_reader *r, const yaml_mark_t *mark, const struct hf_yaml_node *node,
                    struct hf_member *member);

#endif
