/* Who asks, and what the RBAC objects let him do. Without --token-auth-file whoever asks may do all. */
#ifndef SIM_USERS_H
#define SIM_USERS_H

#include "store.h"

struct sim;
struct sim_request;
struct sim_response;

struct sim_user {
    const char *token;
    const char *name;
    const char *uid;
    const struct hf_value *groups;
};
struct sim_users {
    struct hf_arena *arena;
    struct sim_user *list;
    size_t count;
};

/* users.c. A file as of kube-apiserver's --token-auth-file: token,name,uid,"group,group". */
int sim_users_open(struct sim *sim, const char *path, struct hf_error *err);
void sim_users_close(struct sim *sim);
/* True: the request may go on. request->user is set where a line of the file names him. */
bool sim_authenticate(const struct sim *sim, struct sim_request *request);
int sim_token_review(struct sim *sim, struct sim_request *request, struct sim_response *response);

/* rbac.c */
struct sim_attributes {
    const char *verb;
    const char *group;
    const char *resource;
    const char *subresource;
    const char *space;
    const char *name;
};
/* why (may be NULL): which binding allows it, in arena. */
bool sim_rbac_allows(const struct sim *sim, struct hf_arena *arena, const char *user, const struct hf_value *groups,
                     const struct sim_attributes *what, const char **why);
/* The request's own right: 0, or -1 with a 403. */
int sim_authorize(const struct sim *sim, struct sim_request *request, const char *group, const char *resource);
int sim_access_review(struct sim *sim, struct sim_request *request, struct sim_response *response);

#endif
