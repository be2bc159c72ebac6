/* What the page's places are filled from. All that comes from outside goes through hf_html_add. */
#ifndef HOLDFAST_SERVE_PAGE_H
#define HOLDFAST_SERVE_PAGE_H

#include "objects.h"

struct hf_page {
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
    size_t events;                       /* how many to show */
    bool asks_object;                    /* the address names one object: */
    const struct hf_view_object *object; /* NULL: there is none of that key */
};

/* page_parts.c */
void hf_page_title(struct hf_page *page);
void hf_page_made(struct hf_page *page);
void hf_page_state(struct hf_page *page);
void hf_page_sentence(struct hf_page *page);
void hf_page_problems(struct hf_page *page);
void hf_page_targets(struct hf_page *page);
void hf_page_q(struct hf_page *page);
void hf_page_verdicts(struct hf_page *page);
void hf_page_version(struct hf_page *page);

/* page_objects.c */
void hf_page_count(struct hf_page *page);
void hf_page_objects(struct hf_page *page);
void hf_page_more(struct hf_page *page);
void hf_page_detail(struct hf_page *page);

/* page_events.c */
void hf_page_events(struct hf_page *page);

void hf_page_time(struct hf_buf *out, int64_t ms); /* <time>; "not known" for HF_TIME_NONE */
void hf_page_badge(struct hf_buf *out, enum hf_rank rank);

#endif
