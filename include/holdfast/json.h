/* JSON as RFC 8259 has it: strict, bounded, numbers kept as text. Plus a splitter for lists that come in pieces. */
#ifndef HOLDFAST_JSON_H
#define HOLDFAST_JSON_H

#include "holdfast/value.h"

struct hf_read_limits {
    size_t bytes;   /* of the whole input; 0: 16 MiB */
    uint32_t depth; /* of nesting; 0: 128 */
    size_t nodes;   /* values in all; 0: 2,000,000 */
};

/* Reads exactly one JSON text. limits may be NULL (the defaults). Errors: HF_EPARSE ("line 3, column 9: found '}',
 * expected a value"; also for duplicate keys, invalid UTF-8, lone surrogates), HF_ELIMIT, HF_ENOMEM. Never recurses
 * deeper than limits->depth. */
int hf_json_read(struct hf_arena *arena, const char *bytes, size_t len, const struct hf_read_limits *limits,
                 const struct hf_value **out, struct hf_error *err);

/* Compact JSON, keys in their order (sorted), numbers as written. For what is not digested; see canonical.h. */
void hf_json_write(struct hf_buf *buf, const struct hf_value *value);
/* Indented by two spaces, for people. */
void hf_json_write_pretty(struct hf_buf *buf, const struct hf_value *value);

/* A push parser that gives each element of one array of the top-level object as soon as it is whole, so that a list
 * of any length needs the memory of one item. Bytes may be cut anywhere. */
struct hf_json_split;

/* on_item: the bytes of one element (valid during the call). Return -1 with err to stop. */
typedef int (*hf_json_item_fn)(void *ctx, const char *bytes, size_t len, struct hf_error *err);

/* array_key: the top-level member whose array is split ("items"). max_item: bytes of one element at the most
 * (HF_ELIMIT above). max_rest: bytes of everything else. NULL when memory is short. */
struct hf_json_split *hf_json_split_new(const char *array_key, size_t max_item, size_t max_rest,
                                        hf_json_item_fn on_item, void *ctx);
void hf_json_split_free(struct hf_json_split *split);
int hf_json_split_feed(struct hf_json_split *split, const char *bytes, size_t len, struct hf_error *err);
/* At the end of input: the rest of the document (the array replaced by []) into arena. HF_EPARSE when cut short. */
int hf_json_split_finish(struct hf_json_split *split, struct hf_arena *arena, const struct hf_value **rest,
                         struct hf_error *err);

/* Lines of a watch stream: gives each line without its end; empty lines are passed over. */
struct hf_lines {
    struct hf_buf pending;
    size_t max_line; /* 0: 8 MiB */
};
int hf_lines_feed(struct hf_lines *lines, const char *bytes, size_t len, hf_json_item_fn on_line, void *ctx,
                  struct hf_error *err);
void hf_lines_free(struct hf_lines *lines);

#endif
