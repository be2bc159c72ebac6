/* A request and its answer, apart from how they travel: what the unit tests drive. */
#ifndef SIM_REQUEST_H
#define SIM_REQUEST_H

#include "store.h"
#include "work.h"

#define SIM_MOST_PARAMETERS 32

struct sim;
struct sim_watch;
struct sim_user;

struct sim_parameter {
    const char *name;
    const char *value;
};

struct sim_request {
    struct sim_work work; /* arena: the caller's, as is all that follows */
    const char *method;
    const char *path; /* decoded, without the query */
    struct sim_parameter parameters[SIM_MOST_PARAMETERS];
    size_t parameter_count;
    const char *content_type; /* "" when there is none; the same below */
    const char *accept;
    const char *user_agent;
    const char *authorization;
    const struct sim_user *user; /* NULL: who may do all */
    const char *body;
    size_t body_len;
    /* What the path names. */
    struct sim_collection *collection;
    const char *space;       /* "" for all or none */
    const char *name;        /* "" for the collection */
    const char *subresource; /* "", "status", "scale" … */
};

struct sim_response {
    int status;
    const char *content_type;
    struct hf_buf body;
    const char *retry_after; /* NULL: no header */
    struct sim_watch *watch; /* the body is its stream */
    size_t truncate;         /* > 0: the connection ends after so many bytes */
    bool close;              /* no answer: the connection ends */
};

/* Answers. Faults and access are looked at first. */
void sim_handle(struct sim *sim, struct sim_request *request, struct sim_response *response);

const char *sim_parameter(const struct sim_request *request, const char *name); /* "" when it is not there */
bool sim_is_dry_run(const struct sim_request *request);

/* The handlers: -1 with the problem set. */
int sim_get_object(struct sim *sim, struct sim_request *request, struct sim_response *response);
int sim_list_objects(struct sim *sim, struct sim_request *request, struct sim_response *response);
int sim_create_object(struct sim *sim, struct sim_request *request, struct sim_response *response);
int sim_update_object(struct sim *sim, struct sim_request *request, struct sim_response *response);
int sim_patch_object(struct sim *sim, struct sim_request *request, struct sim_response *response);
int sim_delete_object(struct sim *sim, struct sim_request *request, struct sim_response *response);
int sim_delete_collection(struct sim *sim, struct sim_request *request, struct sim_response *response);
int sim_scale(struct sim *sim, struct sim_request *request, struct sim_response *response);
int sim_discover(struct sim *sim, struct sim_request *request, struct sim_response *response, bool *known);
int sim_control(struct sim *sim, struct sim_request *request, struct sim_response *response);

/* 404 of a named object, with its details. Returns -1. */
int sim_not_found(struct sim_work *work, const struct sim_kind *kind, const char *name);
/* 409 with the details. Returns -1. */
int sim_conflict(struct sim_work *work, const struct sim_kind *kind, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* 422 from the causes gathered in work. Returns -1. */
int sim_invalid(struct sim_work *work, const struct sim_kind *kind, const char *name);
/* "deployments.apps", "pods"; in the arena, never NULL. */
const char *sim_resource_name(struct hf_arena *arena, const struct sim_kind *kind);

/* Reads the body as JSON or YAML into an object. 400, 415. */
int sim_read_body(struct sim_request *request, bool yaml, struct hf_value **out);
/* The Status body of a problem. */
void sim_write_status(struct hf_buf *buf, struct sim_work *work);
/* What the agent is called in managedFields. */
const char *sim_manager_name(struct sim_request *request);

#endif
