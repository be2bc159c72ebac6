/* What the pages' places are filled from. All that comes from outside goes through hf_html_add. */
#ifndef HOLDFAST_SERVE_PAGE_H
#define HOLDFAST_SERVE_PAGE_H

#include "objects.h"

struct hf_page_kind;

struct hf_page {
    const struct hf_page_kind *kind;
    const struct hf_request *request;
    struct hf_buf *out;
    const struct hf_view *view;        /* NULL: none yet */
    const struct hf_view_index *index; /* NULL: none yet */
    struct hf_assessment assessment;
    struct hf_object_filter filter;
    const struct hf_view_object **rows;
    size_t row_count;
    size_t matched;
    size_t skip;
    const struct hf_view_object *object; /* the one that is asked for; NULL: there is none of that key */
    const char *incident;                /* NULL: no page of one */
    struct hf_serve_query query;         /* of its events */
    struct hf_buf events;                /* a JSON array */
    bool no_events;                      /* the trail can't be read */
    bool lists_incidents;                /* by query, instead of events */
    struct hf_buf incidents;             /* a JSON array */
};

enum hf_page_rows {
    HF_ROWS_NONE,
    HF_ROWS_NOT_IN_SYNC, /* worst first */
    HF_ROWS_BY_ORDER
};

struct hf_page_kind {
    const char *path;
    const char *name;  /* of its template, web/main-NAME.html, and of its module */
    const char *title; /* in the list of pages; NULL: not there */
    enum hf_page_rows rows;
    size_t events; /* how many to show */
    const char *const *known;
};

/* page_parts.c */
void hf_page_title(struct hf_page *page);
void hf_page_made(struct hf_page *page);
void hf_page_state(struct hf_page *page);
void hf_page_sentence(struct hf_page *page);
void hf_page_problems(struct hf_page *page);
void hf_page_targets(struct hf_page *page);
void hf_page_stands(struct hf_page *page);
void hf_page_q(struct hf_page *page);
void hf_page_verdicts(struct hf_page *page);
void hf_page_version(struct hf_page *page);

/* page_objects.c */
void hf_page_count(struct hf_page *page);
void hf_page_objects(struct hf_page *page);
void hf_page_more(struct hf_page *page);
void hf_page_detail(struct hf_page *page);

/* page_events.c */
/* Reads what page->query asks for; a failure is told in its place. */
void hf_page_read_events(struct hf_page *page);
void hf_page_events(struct hf_page *page);
void hf_page_more_events(struct hf_page *page);

void hf_page_add_text(struct hf_buf *out, const char *before, const char *text, size_t most, const char *after);

/* page_list.c */
void hf_page_incidents(struct hf_page *page);
void hf_page_more_incidents(struct hf_page *page);

/* page_rules.c */
void hf_page_packs(struct hf_page *page);

/* page_incident.c */
void hf_page_incident(struct hf_page *page);

/* page_trail.c */
/* Fills page->query by the address. False, and a 400, when a parameter is wrong. */
bool hf_page_asks_trail(struct hf_page *page, struct hf_answer *answer);
void hf_page_trail_fields(struct hf_page *page);
void hf_page_states(struct hf_page *page);
void hf_page_exports(struct hf_page *page);
void hf_page_chain(struct hf_page *page);

void hf_page_time(struct hf_buf *out, int64_t ms); /* <time>; "not known" for HF_TIME_NONE */
void hf_page_badge(struct hf_buf *out, enum hf_rank rank);
/* "name=value" behind `between`, escaped; nothing where there is no value. */
void hf_page_parameter(struct hf_buf *out, const char *between, const char *name, const char *value);
/* Long values are cut to `most` bytes; NULL: "(absent)". */
void hf_page_cut(struct hf_buf *out, const char *text, size_t most);

#endif
