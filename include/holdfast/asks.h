/* What a person asks of the running agent: it alone writes the trail and talks to ConfigHub, so the command line and
 * the dashboard hand it a request through a folder that only the agent's own user may write, and reads the answers
 * there.
 *
 * An ask is ID.ask; taken it becomes ID.taken, before it is begun: it is never done twice, and a restart answers what
 * was under way. Answers are lines of JSON in ID.answer: {"at","state","message"}; state "taken", "progress", "preview"
 * (what would be written), and last "done", "failed" or "refused". */
#ifndef HOLDFAST_ASKS_H
#define HOLDFAST_ASKS_H

#include "holdfast/clock.h"
#include "holdfast/error.h"
#include "holdfast/mem.h"
#include "holdfast/text.h"

#define HF_ASK_ID 24
#define HF_ASKS_SUFFIX ".asks" /* behind the database's path */

enum hf_ask_kind {
    HF_ASK_ACCEPT,   /* what is live becomes a new revision of the unit */
    HF_ASK_ROLLBACK, /* an earlier revision of the unit is restored and applied */
    HF_ASK_UNITS,    /* how the units stand: a JSON array in the last answer's message */
    HF_ASK_PUT_BACK, /* what has drifted is put back now: pauses between attempts, fights and grace are cut short */
};
const char *hf_ask_kind_name(enum hf_ask_kind kind); /* "accept", "rollback", "units", "put_back" */

struct hf_ask {
    const char *id;
    enum hf_ask_kind kind;
    const char *target; /* units: NULL: all */
    const char *space;  /* NULL: the only one with such a unit */
    const char *unit;
    const char *object_kind; /* put_back: one object of the unit; NULL: all of it */
    const char *namespace;
    const char *name;
    int64_t to; /* rollback: a revision; -1: what was live before */
    bool dry_run;
    const char *by;
    const char *reason;
    int64_t at_ms;
};

/* The command line's part. id is made here. HF_EDENIED: the folder is not ours alone; HF_ELIMIT: too many wait. */
int hf_ask_submit(const char *folder, const struct hf_ask *ask, char id[HF_ASK_ID], struct hf_error *err);
/* Takes an ask back that was not taken yet. */
bool hf_ask_withdraw(const char *folder, const char *id);
/* Appends what was answered behind *offset, whole lines only. */
int hf_ask_answers(const char *folder, const char *id, size_t *offset, struct hf_buf *out, struct hf_error *err);

/* The agent's part. At start: what was under way is answered "failed" and told (interrupted may be NULL); what is a day
 * old goes. */
int hf_asks_begin(const char *folder, void (*interrupted)(void *ctx, const struct hf_ask *ask), void *ctx,
                  struct hf_error *err);
/* The last answer was given: nothing of it is under way any more. */
void hf_ask_end(const char *folder, const char *id);
/* Takes the oldest ask (texts in the arena); HF_ENOTFOUND: none waits. What can't be read, or is older than 10 minutes,
 * is answered "refused" and passed over. */
int hf_ask_take(const char *folder, struct hf_arena *arena, struct hf_ask *out, struct hf_error *err);
int hf_ask_answer(const char *folder, const char *id, const char *state, const char *message, struct hf_error *err);

#endif
