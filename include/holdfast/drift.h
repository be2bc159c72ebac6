/* Do they differ, where, and who did it: pure functions. No I/O, no clock, no globals: same input, same verdict.
 *
 * The judge is the API server: live has drifted from desired when a forced server-side apply of desired would change it
 * (../shared/design/drift-semantics.md). */
#ifndef HOLDFAST_DRIFT_H
#define HOLDFAST_DRIFT_H

#include "holdfast/canonical.h"
#include "holdfast/types.h"

enum hf_verdict {
    HF_UNKNOWN, /* can't be judged; reason says why */
    HF_IN_SYNC,
    HF_DRIFTED,
    HF_MISSING,
    HF_EXTRA,
    HF_PENDING,
    HF_TERMINATING,
    HF_BLOCKED
};
#define HF_VERDICT_COUNT 8
const char *hf_verdict_name(enum hf_verdict verdict); /* "in_sync", … */
bool hf_verdict_parse(struct hf_slice text, enum hf_verdict *verdict);

enum hf_class { HF_CHANGED, HF_REMOVED, HF_LEFTOVER, HF_EXTRA_FIELD, HF_DEFAULTED };
const char *hf_class_name(enum hf_class class); /* "changed", "removed", "leftover", "added", "defaulted" */

struct hf_finding {
    const char *path;         /* JSON Pointer into the live object (into desired where live lacks it) */
    const char *desired_path; /* the same place in desired, where list items stand elsewhere than in live */
    const char *readable;     /* spec.template.spec.containers[name=trade-service].image */
    const char *keyed;        /* the path with the items of keyed lists by their keys, for rules: /spec/template/spec/
                                 containers/[name=trade-service]/image (src/drift/keyed.h); NULL: as path */
    enum hf_class class;
    const char *desired;   /* compact JSON, at most 4 KiB then cut with "…"; NULL when absent. Never a Secret's value:
                              then   "hmac-sha256:<hex> (N bytes)" in quotes */
    const char *live;      /* the same */
    const char *manager;   /* who wrote what is live, from managedFields; NULL: not known */
    const char *operation; /* "Apply", "Update"; NULL: not known */
    const char *subresource; /* NULL: none or not known */
    int64_t at_ms;           /* when, by managedFields; HF_TIME_NONE: not known */
    bool untyped;            /* compared without a schema */
    bool unowned; /* the applier does not own it: a forced apply alone leaves it there (added, and what a client-side
                     apply left behind) */
};

/* What live holds and desired never set is of class HF_EXTRA_FIELD ("added"): owned by another manager (but no default
 * and not allocated, told by value and place, for a manager's name can be forged), or, in places that weigh by
 * themselves (containers, env, volumes, ports, RBAC, network policies, data, security settings), by nobody at all:
 * managedFields can be emptied by any client. The topmost place is told once; items of keyed lists, keys of data,
 * labels and annotations each. Whether it is drift is for the rules to say: with additions alone the verdict is
 * HF_IN_SYNC, findings and all. Only a Service's ports count at once, since no apply of the rest would hold. What a
 * client-side apply (by its annotation) left behind is HF_LEFTOVER, and unowned. */
struct hf_judgement {
    enum hf_verdict verdict;           /* HF_IN_SYNC, HF_DRIFTED, HF_MISSING, HF_TERMINATING or HF_UNKNOWN */
    const char *reason;                /* HF_UNKNOWN: why; else NULL */
    const struct hf_finding *findings; /* in path order; of HF_IN_SYNC additions, if any */
    size_t count;
    int64_t drifted_at_ms;    /* the latest at_ms of the findings; HF_TIME_NONE */
    const char *unit_problem; /* what the unit sets and its kind does not have (the server drops or refuses it); NULL:
                                 nothing */
};

struct hf_drift_input {
    const struct hf_types *types;   /* may be NULL: all compared by structure */
    const struct hf_value *desired; /* the unit's document */
    const struct hf_value *live;    /* NULL: there is none */
    const char *manager;            /* the field manager that applies the unit ("confighub") */
    bool has_status;                /* the kind has a status subresource: its status is never compared */
    const void *secret_key;         /* for keyed digests of Secret values; at least 16 bytes */
    size_t secret_key_len;
    size_t max_findings; /* 0: 200; more are counted into a last finding's text */
};

/* Judges; all results live in the arena. -1 only for HF_ENOMEM or HF_EINVAL (desired is no object): documents of any
 * other oddity are judged. Time is bounded by the documents' size (lists match by hash or sorted keys, not pairwise
 * without bound). */
int hf_drift_judge(struct hf_arena *arena, const struct hf_drift_input *input, struct hf_judgement *out,
                   struct hf_error *err);

/* The digest of a live object without what the server owns and changes by itself (managedFields, resourceVersion,
 * generation, uid, creationTimestamp, selfLink, and status when has_status): equal digests give equal verdicts. The
 * fast path: allocates nothing that outlives it. */
int hf_drift_live_digest(struct hf_hasher *hasher, struct hf_buf *scratch, const struct hf_value *live, bool has_status,
                         struct hf_digest *out, struct hf_error *err);

/* The field manager that last applied (operation Apply) most of the object, from managedFields; NULL when none did. In
 * arena. */
const char *hf_drift_applier(struct hf_arena *arena, const struct hf_value *live);

/* Whether a live object carries a deletionTimestamp, and when it was set (HF_TIME_NONE when unreadable). */
bool hf_drift_is_terminating(const struct hf_value *live, int64_t *at_ms);

/* A unified diff of desired against live (only the parts of live that desired speaks of, plus findings), as YAML in the
 * manner of `kubectl diff`: "-" is live, "+" is what would be put back. Secret values are masked. Appends to *buf. */
int hf_drift_diff(struct hf_buf *buf, const struct hf_drift_input *input, const struct hf_judgement *judgement,
                  unsigned context_lines, struct hf_error *err);

/* The unit's document with the given findings left as live has them: what is sent in place of the unit's own content
 * when a rule or an autoscaler keeps some paths. It carries live's resourceVersion: the server answers 409 when live
 * has moved on. *out NULL: a place can't be kept by an apply (it is below a list item that the unit does not have), so
 * nothing may be sent. All in the arena. -1: HF_ENOMEM. */
int hf_drift_keep(struct hf_arena *arena, const struct hf_value *desired, const struct hf_value *live,
                  const struct hf_finding *const *kept, size_t count, const struct hf_value **out,
                  struct hf_error *err);

/* Resource quantities (k8s.io/apimachinery/pkg/api/resource): compares by exact value. False when either is no
 * quantity. */
bool hf_quantity_compare(struct hf_slice a, struct hf_slice b, int *order);

#endif
