/* One request's memory and what went wrong with it; small helpers for building values. */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "holdfast/json.h"

/* What becomes a Status body. code 0 after a failure: memory was short. */
struct sim_problem {
    int code;
    const char *reason;
    const char *message;
    struct hf_value *details; /* NULL: none */
};

struct sim_work {
    struct hf_arena *arena;
    struct sim_problem problem;
    struct hf_value *causes; /* gathered for a 422; NULL: none */
};

/* Fills the problem and returns -1. */
int sim_fail(struct sim_work *work, int code, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds a cause ("FieldValueInvalid", "spec.selector", "Invalid value: …"), and goes on. */
void sim_cause(struct sim_work *work, const char *reason, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Sets name, group and kind of the problem's details. */
int sim_details(struct sim_work *work, const char *name, const char *group, const char *kind);

/* printf into the arena; "" when memory is short. */
const char *sim_printf(struct sim_work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A member that may be changed; NULL when absent. */
struct hf_value *sim_get(struct hf_value *object, const char *key);
struct hf_value *sim_path(struct hf_value *object, const char *first, const char *second);
/* The member, made as an empty object when it is none. NULL: memory. */
struct hf_value *sim_object_at(struct hf_arena *arena, struct hf_value *object, const char *key);

/* -1: memory. */
int sim_put(struct hf_arena *arena, struct hf_value *object, const char *key, const struct hf_value *value);
int sim_put_text(struct hf_arena *arena, struct hf_value *object, const char *key, const char *text);
int sim_put_int(struct hf_arena *arena, struct hf_value *object, const char *key, int64_t number);
int sim_put_bool(struct hf_arena *arena, struct hf_value *object, const char *key, bool value);
int sim_put_json(struct hf_arena *arena, struct hf_value *object, const char *key, const char *json);
void sim_drop(struct hf_value *object, const char *key);

/* A value from JSON text of ours. NULL: memory. */
struct hf_value *sim_parse(struct hf_arena *arena, const char *json);
const char *sim_text(const struct hf_value *object, const char *key); /* "" when it is no text */
bool sim_is_empty(const struct hf_value *value);                      /* absent, null, "", [] or {} */
/* JSON text in the arena; NULL: memory. */
const char *sim_json(struct hf_arena *arena, const struct hf_value *value);

#endif
