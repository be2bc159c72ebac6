/* Tokens that are none of ours, as a cluster knows them: what it said is kept for a while, and who waits for it sleeps.
 * Private to src/serve. */
#ifndef HOLDFAST_SERVE_REVIEW_H
#define HOLDFAST_SERVE_REVIEW_H

#include "address.h"
#include "holdfast/digest.h"
#include "holdfast/serve.h"

struct MHD_Connection;
struct hf_reviews;

#define HF_USER_SIZE 400 /* "system:serviceaccount:" with a namespace's 63 and a name's 253 characters fits */

/* What is known of a token now. */
enum hf_review_state {
    HF_REVIEWED,         /* a user of the cluster */
    HF_REVIEW_WRONG,     /* the cluster does not know it */
    HF_REVIEW_NO_ANSWER, /* it can't be asked, or not now */
    HF_REVIEW_WAITS,     /* it is being asked: hf_review_sleep */
};
struct hf_review {
    enum hf_review_state state;
    bool may_read;
    bool may_act;
    bool may_audit;
    char user[HF_USER_SIZE];
    int64_t until_ms; /* the token's own end; HF_TIME_NONE */
    unsigned retry_s; /* with HF_REVIEW_NO_ANSWER */
};

int hf_reviews_new(const struct hf_serve_reviewer *reviewer, struct hf_reviews **out, struct hf_error *err);
void hf_reviews_end(struct hf_reviews *reviews);  /* who sleeps is woken, and nobody sleeps any more; NULL is fine */
void hf_reviews_free(struct hf_reviews *reviews); /* after the daemons are stopped; NULL is fine */

/* Begins to ask where nothing is known. id: the token's SHA-256. token NULL: it is asked again only while it is known
 * here. from NULL: it is known who he was, and he does not count for his address. Any thread. */
void hf_reviews_look(struct hf_reviews *reviews, const struct hf_digest *id, const char *token,
                     const struct hf_address *from, struct hf_review *out);
void hf_reviews_answer(struct hf_reviews *reviews, uint64_t ticket, const struct hf_serve_review *answer);
void hf_reviews_forget(struct hf_reviews *reviews); /* all of it: another cluster is asked; NULL is fine */
/* Each second: who is asked and says nothing has no answer. NULL is fine. */
void hf_reviews_tick(struct hf_reviews *reviews);

/* A connection that sleeps until the cluster has answered. Zero-initialised, one a request. */
struct hf_review_sleep {
    struct MHD_Connection *connection;
    struct hf_digest id;
    unsigned door;
    int64_t since_ms; /* of the first time; 0: it has not slept */
    struct hf_review_sleep *next;
    struct hf_review_sleep **from; /* NULL: it is awake */
};
/* False: it is awake, since there is an answer or it has slept long enough. True: the handler returns, and is called
 * again. */
bool hf_review_sleep(struct hf_reviews *reviews, struct hf_review_sleep *sleep, struct MHD_Connection *connection,
                     unsigned door, const struct hf_digest *id);
/* The connection ends. NULL is fine. */
void hf_review_leave(struct hf_reviews *reviews, struct hf_review_sleep *sleep);
/* Nobody sleeps any more who came by this door or an older one. NULL is fine. */
void hf_reviews_shut(struct hf_reviews *reviews, unsigned door);

#endif
