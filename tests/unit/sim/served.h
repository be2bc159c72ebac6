/* A simulated server without its port: requests go in, answers come out; the clock is the test's. */
#ifndef SERVED_H
#define SERVED_H

#include "sim.h"

/* The macros of criterion/new/assert.h put an int into a bit. */
#pragma GCC diagnostic ignored "-Wconversion"

struct answer {
    int status;
    struct hf_arena *arena;
    const struct hf_value *body; /* NULL when it is no JSON */
    const char *text;
    struct sim_watch *watch;
    bool closed;
};

struct served {
    struct hf_sim_options options;
    struct sim sim;
    struct answer last;
    const char *authorization; /* the header of each request; NULL: none */
};

extern int64_t served_now; /* monotonic ms */

void served_open(struct served *served); /* with options as set; asserts */
void served_close(struct served *served);

/* path may have a query; body NULL: none; type NULL: application/json. The answer is valid until the next call. */
const struct answer *ask_as(struct served *served, const char *agent, const char *method, const char *path,
                            const char *type, const char *body);
const struct answer *ask(struct served *served, const char *method, const char *path, const char *body);
/* Server-side apply to a path (with ?fieldManager=…). */
const struct answer *apply(struct served *served, const char *path, const char *body);
/* What a watch has to say now. */
const char *told(struct served *served, struct sim_watch *watch);
/* The value at a JSON Pointer of the last answer, as JSON; "" when there is none. */
const char *at(struct served *served, const char *pointer);
void make_space(struct served *served, const char *name);

#endif
