/* Threads that answer what may take long, so that it holds none of the server's own: the connection waits suspended. */
#ifndef HOLDFAST_SERVE_WORKS_H
#define HOLDFAST_SERVE_WORKS_H

#include "server.h"

/* A request on its way through a thread. The thread alone touches it between hf_works_add and its being done. */
struct hf_job {
    struct hf_request request; /* query points to the job's; view is its reference */
    struct hf_query query;
    const struct hf_route *route;
    struct hf_answer answer;
    int64_t until_ms; /* monotonic: one that still waits then is answered 503 */
    struct hf_job *next;
};

struct hf_works;
int hf_works_new(struct hf_works **out, struct hf_error *err);
/* Suspends the connection, which is resumed when job->answer is made. False: too many wait. */
bool hf_works_add(struct hf_works *works, struct hf_job *job);
/* All that wait are answered, those under way awaited; after it none is taken. NULL is fine. */
void hf_works_end(struct hf_works *works);
void hf_works_free(struct hf_works *works); /* after the daemon; NULL is fine */
void hf_job_free(struct hf_job *job);       /* NULL is fine */

#endif
