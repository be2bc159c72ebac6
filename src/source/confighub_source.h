/* The source of ConfigHub's units, private to src/source.
 *
 * confighub_source.c  made, started, freed; told     confighub_fetch.c   the data of revisions
 * confighub_poll.c    one poll after the other       confighub_gone.c    units that are no longer listed
 * confighub_names.c   filters, sets, spaces, targets confighub_keep.c    the store
 * confighub_entry.c   what is known of a unit        confighub_confirm.c one unit asked anew
 * confighub_state.c   its state, in words            confighub_unit.c    as it is told */
#ifndef HF_SOURCE_CONFIGHUB_SOURCE_H
#define HF_SOURCE_CONFIGHUB_SOURCE_H

#include "confighub_list.h"
#include "confighub_select.h"
#include "holdfast/map.h"
#include "unit.h"

#define CONFIGHUB_NAMES_MS (5 * 60000)         /* how often filter and set are read again */
#define CONFIGHUB_LONGEST_WAIT_MS (15 * 60000) /* whatever Retry-After says */

/* What is known of one unit. */
struct entry {
    char *unit_id;
    struct hf_arena *arena; /* of item */
    struct confighub_item item;
    char *text; /* the item as JSON */
    /* The newest that was read, to know what is older. */
    int64_t version;
    int64_t head;
    int64_t updated_ms;
    int64_t action_ms;
    int64_t stale_since_ms;    /* monotonic; 0: the last reading was not older */
    int64_t applying_since_ms; /* monotonic; 0: no apply is on the way */
    uint64_t seen;             /* the poll that has listed it last */

    struct hf_unit *content; /* the last good documents; NULL: there never were any */
    int64_t content_revision;
    bool content_is_kept;  /* in the store */
    struct hf_unit *ahead; /* of the revision that is being applied, read before it is live */
    int64_t ahead_revision;
    char *broken; /* why a revision can't be used; NULL: none is known to be so */
    int64_t broken_revision;
    int64_t retry_ms; /* monotonic, when it is read again; INT64_MAX: never */
    bool fetching;
    char *gone; /* why it is gone from view; NULL: it is in view */
    int64_t gone_checked_ms;
    unsigned missed;      /* listings in a row that it was not in */
    unsigned changes;     /* of item */
    bool is_stored;       /* from the store, and not listed since */
    struct hf_unit *unit; /* as it is told */
    bool fresh;           /* something of it has changed since unit was made */
};

struct feed;
struct work;

/* What a request of the feed was for; copied. */
struct errand {
    void (*done)(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                 const struct hf_error *err);
    char id[CONFIGHUB_MOST_ID + 1];    /* of a unit or another entity */
    char space[CONFIGHUB_MOST_ID + 1]; /* id */
    int64_t number;
    bool of_poll; /* the poll waits for it */
};

struct confirm;

enum step { STEP_NONE, STEP_FILTER, STEP_SET, STEP_LIST, STEP_SPACES, STEP_TARGETS, STEP_UPSTREAM, STEP_GONE };

struct feed {
    struct hf_source source;
    struct hf_confighub *hub;
    struct confighub_choice choice;
    struct confighub_found found;
    struct hf_source_events events;
    struct hf_unit_store store;
    bool has_store;

    struct hf_map *entries;   /* UnitID → struct entry */
    struct hf_map *spaces;    /* SpaceID → slug */
    struct hf_map *targets;   /* TargetID → slug; "": can't be read */
    struct hf_map *upstreams; /* UnitID → struct upstream */

    struct hf_timer *next;
    struct hf_timer *silence; /* ConfigHub has said nothing since start */
    struct work *works;
    struct confirm *confirms;

    enum step step;
    uint64_t poll;
    size_t listing_index;
    struct confighub_listing *listing;
    size_t listed;  /* units in view in this poll */
    size_t waiting; /* works that the poll waits for */
    struct hf_error poll_error;
    int64_t retry_after_ms;
    bool is_old;          /* ConfigHub is of 2025 */
    bool tried_old;       /* in this poll: the select of 2026 was refused */
    bool again;           /* look again as soon as this poll is over */
    int64_t names_ms;     /* monotonic, when filter and set were last found */
    int64_t upstreams_ms; /* monotonic */

    size_t fetching;
    struct hf_error fetch_error; /* why no more data is asked for until the next poll */
    struct hf_map *twins;        /* digest → kept struct hf_unit, while data is read */

    unsigned failures;
    bool is_listed;       /* once at least, since start */
    bool is_told;         /* the units, once at least */
    bool is_loaded;       /* units came from the store */
    char *told_state;     /* NULL: all is well */
    bool emptied;         /* all were gone at once */
    bool changed;         /* a unit that is told has */
    int64_t seen_ms;      /* wall clock, of the last whole listing */
    int64_t seen_kept_ms; /* monotonic, when the store was told of it */
    unsigned busy;
    bool dead;
};

/* confighub_source.c */
void confighub_release(struct feed *feed); /* when it is dead, and nothing runs in it */
int confighub_errand(struct feed *feed, const struct confighub_request *request, const struct errand *errand,
                     struct hf_error *err);
/* Makes the units that have changed, and tells the set when one has. */
void confighub_settle(struct feed *feed);
void confighub_tell_state(struct feed *feed, const struct hf_error *err);
void confighub_tell_stored(struct feed *feed, const struct hf_error *why);

/* confighub_poll.c */
void confighub_poll_now(struct feed *feed);
/* When the poll waits for nothing: its next step. */
void confighub_poll_on(struct feed *feed);
void confighub_poll_fail(struct feed *feed, const struct hf_error *err, int64_t retry_after_ms);
/* Goes on with what is not an answer to the poll: data, confirms. */
void confighub_pump(struct feed *feed);

/* confighub_names.c: each starts what is to be asked, if anything; -1: the poll fails. */
int confighub_find_filter(struct feed *feed, struct hf_error *err);
int confighub_find_set(struct feed *feed, struct hf_error *err);
int confighub_find_spaces(struct feed *feed, struct hf_error *err);
int confighub_find_targets(struct feed *feed, struct hf_error *err);
int confighub_find_upstreams(struct feed *feed, struct hf_error *err);
const char *confighub_space_slug(const struct feed *feed, const struct confighub_item *item);  /* NULL: not known */
const char *confighub_target_slug(const struct feed *feed, const struct confighub_item *item); /* NULL: not known */
void confighub_renew_clones(struct feed *feed); /* whose upstream has a new head: they are shown anew */
int64_t confighub_upstream_head(const struct feed *feed, const struct confighub_item *item); /* 0: not known */

/* confighub_entry.c */
struct entry *confighub_entry(const struct feed *feed, const char *unit_id);
/* What a reading says of a unit; makes the entry. NULL: memory. *stale: it is older than what is known. */
struct entry *confighub_entry_take(struct feed *feed, const struct confighub_item *item, bool *stale,
                                   struct hf_error *err);
void confighub_entry_free(void *entry);
int confighub_set_text(char **slot, const char *text);                    /* NULL clears; -1: memory */
struct entry **confighub_entries(const struct feed *feed, size_t *count); /* by space and slug; NULL: memory */

/* confighub_state.c: reason is appended. */
enum hf_unit_state confighub_state(const struct feed *feed, const struct entry *entry, struct hf_buf *reason);
/* The revision whose documents are wanted; 0: none. */
int64_t confighub_wanted(const struct feed *feed, const struct entry *entry);
void confighub_note_apply(const struct feed *feed, struct entry *entry);

/* confighub_unit.c: entry->unit from all the rest; -1: memory. */
int confighub_present(struct feed *feed, struct entry *entry, struct hf_error *err);

/* confighub_fetch.c: starts what can be; true when nothing is under way. */
bool confighub_fetch(struct feed *feed);
void confighub_forget_twins(struct feed *feed);
/* Bytes of a revision as documents; NULL with err when they can't be used. */
struct hf_unit *confighub_content(const struct entry *entry, const char *space, int64_t revision, const char *bytes,
                                  size_t len, struct hf_error *err);

/* confighub_gone.c */
int confighub_look_for_gone(struct feed *feed, struct hf_error *err);

/* confighub_keep.c */
int confighub_load(struct feed *feed, struct hf_error *err);
void confighub_save(struct feed *feed, struct entry *entry);
void confighub_saw(struct feed *feed);

/* confighub_confirm.c */
void confighub_confirms_done(struct feed *feed);
void confighub_confirms_free(struct feed *feed);

#endif
