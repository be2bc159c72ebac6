/* What the calls share, private to src/source. */
#ifndef HF_SOURCE_CONFIGHUB_CALL_H
#define HF_SOURCE_CONFIGHUB_CALL_H

#include "confighub_client.h"
#include "confighub_read.h"

/* A unit's ids and names, copied. */
struct confighub_subject {
    char *space_id;
    char *unit_id;
    char *name; /* "space/slug" */
};
/* HF_EINVAL: ids that can't stand in a path. */
int confighub_subject_copy(struct confighub_subject *out, const struct hf_confighub_unit *unit, struct hf_error *err);
void confighub_subject_free(struct confighub_subject *subject);

/* One request about the unit: path is below /space/S/unit/U. max_body 0: CONFIGHUB_MOST_LIST. */
struct confighub_step {
    const char *method;
    const char *below; /* "/apply?revision=7" */
    const char *body;
    size_t body_len;
    const char *content_type;
    const char *doing; /* "apply revision 7" */
    size_t max_body;
};
int confighub_ask_unit(struct hf_confighub *hub, const struct confighub_subject *subject,
                       const struct confighub_step *step, confighub_answer_fn fn, void *ctx, struct confighub_ask **out,
                       struct hf_error *err);
/* Puts the unit and what was being done before the problem of an answer that could not be used. Returns -1. */
int confighub_wrap(const struct confighub_subject *subject, const char *doing, struct hf_error *err);

#endif
