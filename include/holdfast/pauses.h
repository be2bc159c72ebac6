/* Pauses: what a person has asked not to be put back for a while; and snoozes: what nobody is to be alerted of for a
 * while, but that is put back all the same. They stand in a file beside the trail that only the
 * agent's own user may write; the running agent looks at it every second. */
#ifndef HOLDFAST_PAUSES_H
#define HOLDFAST_PAUSES_H

#include "holdfast/clock.h"
#include "holdfast/error.h"
#include "holdfast/mem.h"

#define HF_PAUSE_ID 24

/* What it covers is what all the names given match exactly; NULL: any. */
struct hf_pause {
    const char *id; /* "p-1a2b3c4d" */
    const char *target;
    const char *space;
    const char *unit;
    const char *kind;
    const char *namespace;
    const char *name;
    const char *by;
    const char *reason;
    int64_t since_ms;
    int64_t until_ms; /* HF_TIME_NONE: until it is ended by a person */
    bool is_snooze;
    const char *ended_by; /* NULL: nobody has ended it */
    int64_t ended_ms;
};

/* Whether it holds at now_ms: neither over nor ended. */
bool hf_pause_holds(const struct hf_pause *pause, int64_t now_ms);

struct hf_pauses {
    struct hf_arena *arena;
    const struct hf_pause *items;
    size_t count;
};

#define HF_MOST_PAUSES 1000u
#define HF_PAUSES_SUFFIX ".pauses" /* behind the database's path */

/* Reads the file; that it is not there means none. HF_EDENIED: somebody else owns it or may write it; HF_EPARSE,
 * HF_EINVAL: with line and column. *out is the caller's (hf_pauses_free). */
int hf_pauses_read(const char *path, struct hf_pauses **out, struct hf_error *err);
void hf_pauses_free(struct hf_pauses *pauses); /* NULL is fine */

/* Adds one (its id is made here and given in id), and drops what ended a day ago. Whole or not at all, also when two do
 * it at once: a lock beside the file, a new file in its place, synced. HF_ELIMIT: there are too many. */
int hf_pauses_add(const char *path, const struct hf_pause *pause, int64_t now_ms, char id[HF_PAUSE_ID],
                  struct hf_error *err);
/* Ends the one of that id, or all (id NULL), in the name of `by`. They stay in the file for a day, so that the agent
 * can record who it was. *count: how many held until now. */
int hf_pauses_end(const char *path, const char *id, const char *by, int64_t now_ms, size_t *count,
                  struct hf_error *err);

#endif
