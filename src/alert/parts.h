/* What every chat message is made of, before a service's own form. Private to src/alert. */
#ifndef HF_ALERT_PARTS_H
#define HF_ALERT_PARTS_H

#include "holdfast/alert_text.h"
#include "holdfast/clock.h"

enum part_kind {
    PART_FACT, /* "Who", "alice via kubectl-edit" */
    PART_DIFF, /* label: the path; text: "- live" and "+ desired", lines */
    PART_ITEM, /* one object of a group */
    PART_NOTE, /* what was left out */
    PART_LINK  /* label: what it leads to; text: a URL */
};

struct part {
    enum part_kind kind;
    const char *label;
    const char *text;
};

#define HF_MOST_PARTS 64

struct parts {
    struct hf_arena *arena;
    const char *title;
    const char *sign; /* a word for the state: "OPEN", "RESOLVED", … */
    struct part items[HF_MOST_PARTS];
    size_t count;
};

/* Raw text still, but without control characters, marks that turn the writing direction, and broken UTF-8; each at most
 * so long as any service wants it. -1: memory. */
int hf_parts_make(struct hf_arena *arena, const struct hf_alert_text *text, struct parts *out, struct hf_error *err);

/* How text is kept from meaning more than itself. */
enum escape {
    ESCAPE_PLAIN,
    ESCAPE_SLACK,   /* & < > as entities (https://api.slack.com/reference/surfaces/formatting), and mrkdwn's signs */
    ESCAPE_MARKDOWN /* a backslash before each sign; no @mention and no link of its own making */
};
/* Appends at most `most` characters (code points) of text; where it is cut stands "…". */
void hf_escape(struct hf_buf *out, enum escape escape, const char *text, size_t most);
/* The same inside a code block: nothing but its end is escaped. */
void hf_escape_code(struct hf_buf *out, enum escape escape, const char *text, size_t most);

/* One line, with nothing in it that is not seen. NULL: memory, or text is NULL. */
const char *hf_clean(struct hf_arena *arena, const char *text, size_t most);

size_t hf_characters(const char *text);
/* "#d00000" and the like by severity and state. */
const char *hf_alert_colour(const struct hf_alert_text *text);

/* "NAME":"…" with a comma before it unless it is the first of its object. */
void hf_json_text(struct hf_buf *out, const char *name, const char *text, bool first);

#endif
