/* The one page, whole without JavaScript: web/index.html with {{places}} that are filled here. */
#include "page.h"

#include <string.h>

#include "json_out.h"
#include "objects.h"

#define ROWS 200
#define EVENTS 30

static const struct place {
    const char *name;
    void (*fill)(struct hf_page *page);
} PLACES[] = {
    {"title", hf_page_title},       {"made", hf_page_made},
    {"state", hf_page_state},       {"sentence", hf_page_sentence},
    {"problems", hf_page_problems}, {"targets", hf_page_targets},
    {"detail", hf_page_detail},     {"q", hf_page_q},
    {"verdicts", hf_page_verdicts}, {"count", hf_page_count},
    {"objects", hf_page_objects},   {"more", hf_page_more},
    {"events", hf_page_events},     {"version", hf_page_version},
};

/* Copies the template; what a place is filled with is never looked at again. */
static void fill_template(struct hf_page *page, const char *template)
{
    for (const char *open = strstr(template, "{{"); open; open = strstr(template, "{{")) {
        const char *close = strstr(open, "}}");
        if (!close) {
            break;
        }
        hf_buf_add(page->out, template, (size_t)(open - template));
        struct hf_slice name = {open + 2, (size_t)(close - open) - 2};
        for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
            if (hf_slice_is(name, PLACES[i].name)) {
                PLACES[i].fill(page);
            }
        }
        template = close + 2;
    }
    hf_buf_adds(page->out, template);
}

/* The rows to show are chosen before the template is filled: the count stands above them. */
static void choose_rows(struct hf_page *page)
{
    const struct hf_view *view = page->view;
    for (size_t i = 0; view && page->index && i < view->object_count; i++) {
        const struct hf_view_object *object = page->index->worst[i];
        if (!hf_objects_match(&page->filter, object)) {
            continue;
        }
        if (page->matched++ >= page->skip && page->row_count < ROWS) {
            page->rows[page->row_count++] = object;
        }
    }
}

/* A link to one object carries its key; then the table below is not filtered by it. */
static void choose_object(struct hf_page *page)
{
    page->asks_object = page->filter.name && page->filter.kind && page->filter.target;
    if (page->asks_object) {
        page->object = hf_objects_find(page->request, &page->filter);
        page->filter.target = page->filter.kind = page->filter.namespace = page->filter.name = NULL;
        page->filter.api_version = NULL;
    }
}

void hf_serve_page(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"q",         "verdict", "target",      "space", "unit", "kind",
                                        "namespace", "name",    "api_version", "skip",  NULL};
    const struct hf_view_object *rows[ROWS];
    struct hf_page page = {.request = request, .out = &answer->body, .rows = rows, .events = EVENTS};
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf template = {0};
    int64_t skip;
    answer->is_page = true;
    if (!hf_request_only(request, answer, KNOWN) || !hf_objects_filter(request, answer, &page.filter) ||
        !hf_request_int(request, answer, "skip", 0, INT32_MAX, 0, &skip)) {
        return;
    }
    if (hf_serve_web_file(request->serve, "index.html", &template, &err) != 0 || !hf_buf_ok(&template)) {
        hf_log_error(request->serve->log, HF_WARN, "a file of the dashboard can't be read", &err, NULL);
        hf_answer_problem(answer, 503, "The dashboard's page can't be read.");
        return;
    }
    page.skip = (size_t)skip;
    page.view = request->view ? request->view->view : NULL;
    page.index = request->view ? hf_view_index(request->view) : NULL;
    hf_assess(&page.assessment, page.view, page.index, hf_serve_stuck_ms(request->serve));
    choose_object(&page);
    choose_rows(&page);
    answer->type = "text/html; charset=utf-8";
    fill_template(&page, hf_buf_text(&template));
    hf_assessment_free(&page.assessment);
}
