/* What ConfigHub's JSON says, private to src/source. Fields come and go: what is absent or null is 0 or "". */
#ifndef HF_SOURCE_CONFIGHUB_READ_H
#define HF_SOURCE_CONFIGHUB_READ_H

#include "holdfast/confighub.h"
#include "holdfast/json.h"

#define CONFIGHUB_MOST_GATES 32u

/* A unit as a listing says it; all in the arena that it was read into. */
struct confighub_item {
    const char *unit_id;
    const char *space_id;
    const char *slug;
    const char *space; /* its slug; "": not said */
    const char *toolchain;
    const char *target_id;
    const char *target;    /* its slug; "": not said */
    const char *data_hash; /* hex SHA-256 of the head's data; "" */
    const char *mode;
    const char *upstream_id;
    const char *action; /* the latest one, of UnitStatus; "": none, or not said */
    const char *action_result;
    const char *wrong;  /* what is not of the type it should be; NULL: nothing */
    const char **gates; /* those that block */
    size_t gate_count;
    struct hf_label *labels;
    size_t label_count;
    int64_t head;
    int64_t applied;
    int64_t live;
    int64_t previous;
    int64_t upstream;
    int64_t content_hash; /* of a server of 2025: CRC-32 of the head's data */
    bool action_ended;    /* said to have ended; false also when nothing is said */
    bool is_new;          /* has fields of the server of 2026 */
    /* What grows with every change; not part of what is compared. */
    int64_t version;
    int64_t updated_ms;
    int64_t action_ms;
};

/* Reads {"Unit": {…}, "UnitStatus": {…}, …} or a bare unit. HF_EPARSE: no object, or without a sound UnitID, SpaceID
 * and Slug. Another wrong type is told in out->wrong. */
int confighub_read_item(struct hf_arena *arena, const struct hf_value *json, struct confighub_item *out,
                        struct hf_error *err);
/* As JSON that reads back to the same, without what grows; for comparing and keeping. */
void confighub_write_item(struct hf_buf *out, const struct confighub_item *item);
enum hf_unit_mode confighub_item_mode(const struct confighub_item *item);
/* The unit's object in an answer: that of "Unit", or the answer itself. */
const struct hf_value *confighub_inner(const struct hf_value *json, const char *name);

/* confighub_answer.c */

/* A whole body. HF_EPARSE says "what" was expected. An empty or null list is an empty one. */
int confighub_read_body(struct hf_arena *arena, const char *body, size_t len, const struct hf_value **out,
                        struct hf_error *err);
int confighub_read_list(struct hf_arena *arena, const char *body, size_t len, const struct hf_value **out,
                        struct hf_error *err);
const char *confighub_text(const struct hf_value *object, const char *name); /* "" when it is no text */
const char *confighub_safe_text(struct hf_arena *arena, const struct hf_value *object,
                                const char *name);                          /* NULL: memory */
int64_t confighub_integer(const struct hf_value *object, const char *name); /* 0 when it is none */
int64_t confighub_time(const struct hf_value *object, const char *name);    /* HF_TIME_NONE: never, or no time */

/* The revision of this number in the answer to revision?where=RevisionNum=…; out->bytes lie in *data. HF_ENOTFOUND:
 * it is not in it; HF_ECORRUPT: the data does not match its DataHash. */
int confighub_read_revision(struct hf_arena *arena, const char *body, size_t len, int64_t number, struct hf_buf *data,
                            struct hf_confighub_revision *out, struct hf_error *err);

/* A QueuedOperation, or the event of one. */
struct confighub_event {
    const char *operation_id;
    const char *action;
    const char *status;
    const char *result;
    const char *message;
    int64_t revision;
    int64_t created_ms;
};
void confighub_read_event(struct hf_arena *arena, const struct hf_value *json, struct confighub_event *out);
enum hf_confighub_outcome confighub_outcome_of(const struct confighub_event *event);
bool confighub_is_taken(const struct confighub_event *event); /* the worker has it */

#endif
