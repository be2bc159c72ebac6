/* What the server's threads read of the trail and the rules, private to src/run.
 *
 * pages.c        the readers they borrow
 * pages_trail.c  events, incidents, figures, lines of an export
 * pages_chain.c  whether the chain is whole: verified on a thread of its own, now and then
 * pages_rules.c  the rules as loaded */
#ifndef HF_RUN_PAGES_H
#define HF_RUN_PAGES_H

#include "run.h"

#define HF_PAGES_READERS 16

struct run_pages_reader {
    struct hf_audit_reader *reader;
    bool is_lent;
};

/* What was found, when the chain was last looked at. */
struct run_finding {
    int64_t at_ms; /* HF_TIME_NONE: never */
    int64_t took_ms;
    struct hf_audit_proof proof;
    char problem[HF_ERROR_TEXT]; /* "": none */
};

struct run_pages {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t news;
    const char *database; /* the run's */
    struct hf_log *log;
    bool stopping;
    struct run_pages_reader readers[HF_PAGES_READERS];
    struct hf_rules *rules; /* a reference of their own */

    char *key_file; /* of a keyed chain; NULL */
    bool has_thread;
    pthread_t thread;
    bool wanted; /* a verification */
    bool running;
    struct hf_audit_reader *verifying; /* NULL: none is under way */
    struct run_finding found;
};

/* A reader of this thread's alone, which gives up after some seconds. HF_EBUSY, HF_ECANCELED, or why it can't be. */
int hf_pages_borrow(struct run_pages *pages, struct hf_audit_reader **out, struct hf_error *err);
void hf_pages_return(struct run_pages *pages, struct hf_audit_reader *reader);

/* pages_chain.c */
int hf_pages_chain(void *ctx, bool verify, struct hf_buf *out, struct hf_error *err);
void hf_pages_chain_end(struct run_pages *pages); /* once it is stopping */

/* pages_trail.c */
void hf_pages_trail_table(struct run_pages *pages, struct hf_serve_trail *out);
void hf_pages_stop(void *ctx); /* pages.c */

#endif
