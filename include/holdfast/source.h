/* What should be: units. A source follows a place that holds units and tells whenever they change.
 *
 * A unit that can't be read keeps its last good documents and carries the error: it is never told as gone. */
#ifndef HOLDFAST_SOURCE_H
#define HOLDFAST_SOURCE_H

#include "holdfast/digest.h"
#include "holdfast/log.h"
#include "holdfast/loop.h"
#include "holdfast/yaml.h"

struct hf_label {
    const char *name;
    const char *value;
};

/* What ConfigHub itself does about live changes (DriftReconciliationMode). */
enum hf_unit_mode {
    HF_UNIT_ON_DEMAND,         /* nothing: who is to correct may */
    HF_UNIT_CONTINUOUS_APPLY,  /* its own worker puts live back */
    HF_UNIT_CONTINUOUS_REFRESH /* the unit follows live: never to be undone. Also a mode that is not known */
};
const char *hf_unit_mode_name(enum hf_unit_mode mode); /* "on_demand", "continuous_apply", … */

/* Whether a unit is to be held to its documents, and if not, why. The first that applies, from the last up to the
 * first: another toolchain, no target, another target, applying, destroyed, never applied, a gate, pending, ready. */
enum hf_unit_state {
    HF_UNIT_READY,
    HF_UNIT_PENDING,        /* has edits that are not applied; held to the live revision */
    HF_UNIT_GATED,          /* an apply gate blocks what is next; held to the live revision */
    HF_UNIT_NOT_APPROVED,   /* the same, and the gate waits for an approval */
    HF_UNIT_APPLYING,       /* live may be of either revision: neither is drift. Documents: the live revision */
    HF_UNIT_NEVER_APPLIED,  /* from here on: without documents */
    HF_UNIT_DESTROYED,      /* absent objects are right */
    HF_UNIT_NO_TARGET,      /* applied nowhere */
    HF_UNIT_OTHER_TARGET,   /* not the selected one */
    HF_UNIT_OTHER_TOOLCHAIN /* no Kubernetes YAML */
};
const char *hf_unit_state_name(enum hf_unit_state state); /* "ready", "never_applied", … */

/* A unit as read, immutable, counted by reference; all strings live in its arena. Thread: the loop's. */
struct hf_unit {
    struct hf_arena *arena;
    unsigned references;
    const char *slug;              /* of a folder: the file's path below it without .yaml/.yml/.json, '/' kept */
    const char *space;             /* of a folder: the setting, default the folder's name */
    const char *unit_id;           /* ConfigHub's UnitID; "" for a folder */
    const char *origin;            /* for people: the file's path, or the unit's address */
    int64_t revision;              /* of a folder: counts the contents seen since start, from 1 */
    struct hf_digest digest;       /* of the raw bytes */
    const struct hf_label *labels; /* of a folder: from the comment lines "# holdfast: name=value" at the top */
    size_t label_count;
    const char *bytes; /* the raw bytes that documents[].source points into (an item of a List has JSON of its own) */
    size_t byte_count;
    const struct hf_document *documents; /* Kubernetes objects; a List is unpacked into its items */
    size_t document_count;
    const char *problem; /* NULL, or why the newest content can't be used: file, line, column; documents are then the
                            last good ones (none if there never were any) */
    /* Of ConfigHub; a folder's units are HF_UNIT_READY, HF_UNIT_ON_DEMAND, zeros and "". */
    enum hf_unit_state state;
    enum hf_unit_mode mode;
    const char *state_reason; /* for people: why it is in that state; "" for READY */
    const char *page;         /* its page in ConfigHub, for people; "" for a folder */
    const char *space_id;
    const char *target;             /* its target's slug; "": none, or it can't be read */
    int64_t head_revision;          /* the newest edit */
    int64_t applied_revision;       /* the last apply that was asked for */
    int64_t live_revision;          /* the last apply that was completed; 0: none, or destroyed */
    int64_t previous_live_revision; /* what was live before it */
    int64_t upstream_revision;      /* of a clone: the revision it was made or upgraded from; 0: no clone */
    int64_t upstream_head;   /* the upstream unit's head; above upstream_revision: an upgrade is there; 0: not known */
    struct hf_unit *content; /* private: whose bytes and documents these are; NULL: its own */
};

struct hf_unit *hf_unit_keep(struct hf_unit *unit);
void hf_unit_drop(struct hf_unit *unit);                                 /* NULL is fine */
const char *hf_unit_label(const struct hf_unit *unit, const char *name); /* NULL when it has none */
/* READY to NOT_APPROVED: its documents are what should be. */
bool hf_unit_is_held(const struct hf_unit *unit);

/* Reads one unit from bytes (copied). Every document must be an object with apiVersion, kind and metadata.name (or
 * generateName refused); errors name origin, line and column. Used by every source and by `validate`. */
int hf_unit_read(const char *space, const char *slug, const char *origin, const char *bytes, size_t len,
                 struct hf_unit **out, struct hf_error *err);

/* What a source tells. `units` is the whole set after each change (the receiver compares; digests make that cheap). */
struct hf_source_events {
    void *ctx;
    void (*units)(void *ctx, struct hf_unit *const *units, size_t count);
    /* The place itself can't be read (folder gone, no permission): nothing is known to have changed. err HF_OK: it is
     * back. */
    void (*state)(void *ctx, const struct hf_error *err);
};

/* A source: the folder below, ConfigHub in src/source/confighub*.c. */
struct hf_source;
struct hf_source_class {
    const char *name;
    int (*start)(struct hf_source *source, struct hf_error *err);
    void (*refresh)(struct hf_source *source); /* look again now */
    void (*free)(struct hf_source *source);
};
struct hf_source {
    const struct hf_source_class *class;
};

/* A folder of *.yaml, *.yml and *.json (recursively to depth 8; hidden files, editors' backups and links that leave the
 * folder are passed over; at most 20,000 files of 16 MiB), watched by inotify with a rescan every 30 s. A burst of
 * writes is settled for 50 ms before it is read (500 ms at the most). A file that is cut short in mid-write shows as a
 * problem and heals by itself. Links within the folder are followed, as a mounted ConfigMap needs; so is the folder
 * itself when it is a link that is swapped. A file counts as gone once it has been away for 100 ms; all files gone at
 * once, or the folder, is a state, and the units stay. An object in two files belongs to the first by path; the other
 * unit has a problem that names the first. So has a second file of the same slug (a.yaml beside a.json), whose slug
 * then keeps its ending. start doesn't fail because the folder is missing: that is told as a state, and the folder is
 * looked for every second. A callback may free the source. */
int hf_source_folder(struct hf_loop *loop, struct hf_log *log, const char *path, const char *space,
                     const struct hf_source_events *events, struct hf_source **out, struct hf_error *err);

/* Reads the folder once, without a loop: for `check`. The array and each unit are the caller's (hf_unit_drop, free). */
int hf_source_folder_once(const char *path, const char *space, struct hf_unit ***units, size_t *count,
                          struct hf_error *err);

static inline int hf_source_start(struct hf_source *source, struct hf_error *err)
{
    return source->class->start(source, err);
}
static inline void hf_source_refresh(struct hf_source *source)
{
    source->class->refresh(source);
}
static inline void hf_source_free(struct hf_source *source)
{
    if (source) {
        source->class->free(source);
    }
}

#endif
