/* POST /audit/v1/TARGET: what a cluster's API server posts of who wrote what. Private to src/serve. */
#ifndef HOLDFAST_SERVE_HOOK_H
#define HOLDFAST_SERVE_HOOK_H

#include "server.h"

struct hf_hook_call; /* one under way */

/* Whether the request is one; target as sent. */
bool hf_hook_is(const char *method, const char *target);
/* At its headers. NULL: it is refused, and answer says why; nothing of the body is read. */
struct hf_hook_call *hf_hook_begin(struct hf_hook_gate *gate, struct MHD_Connection *connection, const char *target,
                                   struct hf_answer *answer);
/* A piece of the body. False: it is too long or too slow, and the connection is closed. */
bool hf_hook_take(struct hf_hook_call *call, const char *bytes, size_t len);
/* At its end. */
void hf_hook_finish(struct hf_hook_call *call, struct hf_answer *answer);
void hf_hook_free(struct hf_hook_call *call); /* NULL is fine */

#endif
