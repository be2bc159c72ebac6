/* What may be posted: logins and actions. Private to src/serve. */
#ifndef HOLDFAST_SERVE_POST_H
#define HOLDFAST_SERVE_POST_H

#include "server.h"

struct hf_post; /* one under way */

/* At its headers. NULL: it is refused, and answer says why; nothing of the body is read. target as sent. */
struct hf_post *hf_post_begin(const struct hf_request *request, const char *target, struct hf_answer *answer);
/* A piece of the body. False: it is too long, and the connection is closed. */
bool hf_post_take(struct hf_post *post, const char *bytes, size_t len);
/* At its end; request->who is known. */
void hf_post_finish(struct hf_post *post, const struct hf_request *request, struct hf_answer *answer);
void hf_post_free(struct hf_post *post); /* wipes; NULL is fine */

/* What a handler is given. */
struct hf_posted {
    const char *body;
    size_t len;
    bool is_form; /* application/x-www-form-urlencoded; else JSON */
    bool is_page; /* by a form of ours: answered by a page */
};

/* login.c */
void hf_post_login(const struct hf_request *request, const struct hf_posted *posted, struct hf_answer *answer);
void hf_post_logout(const struct hf_request *request, const struct hf_posted *posted, struct hf_answer *answer);
/* action.c */
void hf_post_action(const struct hf_request *request, const struct hf_posted *posted, struct hf_answer *answer);

/* policy.c */
/* Whether who asks may have what is at the path; else answer says why not. */
bool hf_policy_read(const struct hf_request *request, struct hf_answer *answer);
/* Whether he may change something by a post; checks the CSRF token where a browser sends the credential by itself. */
bool hf_policy_act(const struct hf_request *request, struct hf_answer *answer);
/* What concerns every request: its Host, its rate, its being shut out. */
bool hf_policy_admit(const struct hf_request *request, struct hf_answer *answer);
/* Takes out of an answer what only who may read is told. */
void hf_policy_hide(const struct hf_request *request, struct hf_answer *answer);

#endif
