/* Faults that a test asks for by POST /sim/faults. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "request.h"

/* What to do to the requests that come; each is off when zero. */
struct sim_faults {
    int64_t drop_until;  /* connections are closed and none accepted */
    bool refuse;         /* … not even by the system: the port is closed */
    int64_t error_until; /* answers with error_status, with a probability in percent */
    int error_percent;
    int error_status;
    int64_t throttle_until; /* 429 */
    int throttle_seconds;   /* Retry-After */
    int64_t slow_until;
    int64_t slow_ms;
    int64_t silent_until; /* watches that are opened stay without a word, those that are open too */
    int gone_watches;     /* so many next watches get 410 */
    int64_t stale_until;  /* reads see what was at stale_version */
    uint64_t stale_version;
    int64_t path_until; /* paths that begin so are answered with path_status; 200: with junk */
    char path[256];
    int path_status;
    int truncate_lists; /* so many next lists end in the middle */
    int garbage_lines;  /* so many next watch events are preceded by a line of garbage */
    int swallow_writes; /* so many next writes happen and get no answer */
};

struct sim;

/* POST /sim/faults {"kind": …}, DELETE /sim/faults (all off), GET /sim/faults. */
int sim_fault_request(struct sim *sim, struct sim_request *request, struct sim_response *response);
/* A fault that takes the place of the answer: true when response is filled. */
bool sim_fault_answer(struct sim *sim, struct sim_request *request, struct sim_response *response);
/* After the answer was made. */
void sim_fault_after(struct sim *sim, const struct sim_request *request, struct sim_response *response);
/* ms by which an answer is held back now. */
int64_t sim_fault_delay(const struct sim *sim, const struct sim_request *request);
bool sim_fault_drops(const struct sim *sim);

#endif
