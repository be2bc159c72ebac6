/* The pages, whole without JavaScript: web/page.html with {{places}} that are filled here, {{main}} by the page's own
 * template. */
#include "page.h"

#include <stdio.h>
#include <string.h>

#include "json_out.h"
#include "trail.h"

#define ROWS 200

static const char *const OVERVIEW[] = {"incident", "skip", NULL};
static const char *const UNITS[] = {"q", "verdict", "target", "space", "unit", "skip", NULL};
static const char *const OBJECT[] = {"target", "kind", "namespace", "name", "api_version", NULL};
static const char *const INCIDENTS[] = {"state", "cursor", NULL};
static const char *const TRAIL[] = {HF_TRAIL_FILTERS, "outcome", "before", NULL};
static const char *const NOTHING[] = {NULL};

/* A path that ends in '/' takes all below it; where "/" has an incident in its address (as alerts link to it), that
 * incident is shown. */
static const struct hf_page_kind KINDS[] = {
    {"/", "overview", "Overview", HF_ROWS_NOT_IN_SYNC, 20, OVERVIEW},
    {"/units", "units", "Units", HF_ROWS_BY_ORDER, 0, UNITS},
    {"/incidents", "incidents", "Incidents", HF_ROWS_NONE, 100, INCIDENTS},
    {"/trail", "trail", "Trail", HF_ROWS_NONE, 100, TRAIL},
    {"/rules", "rules", "Rules", HF_ROWS_NONE, 0, NOTHING},
    {"/object", "object", NULL, HF_ROWS_NONE, 50, OBJECT},
    {"/incidents/", "incident", NULL, HF_ROWS_NONE, 1000, NOTHING},
};
#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

static void fill_main(struct hf_page *page);

static void add_name(struct hf_page *page)
{
    hf_buf_adds(page->out, page->kind->name);
}

static void add_pages(struct hf_page *page)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (KINDS[i].title) {
            hf_buf_addf(page->out, "<li><a href=\"%s\"%s>%s</a></li>", KINDS[i].path,
                        &KINDS[i] == page->kind ? " aria-current=\"page\"" : "", KINDS[i].title);
        }
    }
}

static const struct place {
    const char *name;
    void (*fill)(struct hf_page *page);
} PLACES[] = {
    {"title", hf_page_title},
    {"page", add_name},
    {"nav", add_pages},
    {"main", fill_main},
    {"made", hf_page_made},
    {"state", hf_page_state},
    {"sentence", hf_page_sentence},
    {"problems", hf_page_problems},
    {"targets", hf_page_targets},
    {"stands", hf_page_stands},
    {"detail", hf_page_detail},
    {"incident", hf_page_incident},
    {"q", hf_page_q},
    {"verdicts", hf_page_verdicts},
    {"states", hf_page_states},
    {"trail-fields", hf_page_trail_fields},
    {"count", hf_page_count},
    {"objects", hf_page_objects},
    {"more", hf_page_more},
    {"events", hf_page_events},
    {"more-events", hf_page_more_events},
    {"incidents", hf_page_incidents},
    {"more-incidents", hf_page_more_incidents},
    {"exports", hf_page_exports},
    {"chain", hf_page_chain},
    {"packs", hf_page_packs},
    {"version", hf_page_version},
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

static bool read_template(const struct hf_request *request, const char *file, struct hf_buf *out)
{
    struct hf_error err = HF_ERROR_INIT;
    if (hf_serve_web_file(request->serve, file, out, &err) != 0 || !hf_buf_ok(out)) {
        hf_log_error(request->serve->log, HF_WARN, "a file of the dashboard can't be read", &err, NULL);
        return false;
    }
    return true;
}

static void fill_main(struct hf_page *page)
{
    hf_auto_buf struct hf_buf template = {0};
    char file[64];
    (void)snprintf(file, sizeof file, "main-%s.html", page->kind->name);
    if (read_template(page->request, file, &template)) {
        fill_template(page, hf_buf_text(&template));
    } else {
        hf_buf_adds(page->out, "<p>This page can't be read now.</p>");
    }
}

/* The rows to show are chosen before the template is filled: the count stands above them. */
static void choose_rows(struct hf_page *page)
{
    const struct hf_view *view = page->view;
    bool by_order = page->kind->rows == HF_ROWS_BY_ORDER;
    for (size_t i = 0; view && page->index && i < view->object_count; i++) {
        const struct hf_view_object *object = by_order ? page->index->by_key[i] : page->index->worst[i];
        if (!by_order && hf_rank_of(object->verdict) == HF_RANK_IN_SYNC) {
            break;
        }
        if (!hf_objects_match(&page->filter, object)) {
            continue;
        }
        if (page->matched++ >= page->skip && page->row_count < ROWS) {
            page->rows[page->row_count++] = object;
        }
    }
}

static const struct hf_page_kind *kind_of(const struct hf_query *query)
{
    const char *path = query->path;
    if (strcmp(path, "/") == 0 && hf_query_get(query, "incident")) {
        path = "/incidents/";
    }
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(path, KINDS[i].path) == 0) {
            return &KINDS[i];
        }
    }
    return strncmp(path, "/incidents/", strlen("/incidents/")) == 0 ? kind_of(&(struct hf_query){.path = "/incidents/"})
                                                                    : &KINDS[0];
}

static void choose_incident(struct hf_page *page)
{
    const struct hf_query *query = page->request->query;
    if (strcmp(page->kind->path, "/incidents/") == 0) {
        const char *asked = hf_query_get(query, "incident");
        page->incident = asked ? asked : query->path + strlen("/incidents/");
    }
}

static bool reads_query(struct hf_page *page, const struct hf_request *request, struct hf_answer *answer)
{
    int64_t skip;
    bool is_link = page->incident && strcmp(request->query->path, "/") == 0;
    if (!hf_request_only(request, answer, is_link ? OVERVIEW : page->kind->known) ||
        !hf_request_int(request, answer, "skip", 0, INT32_MAX, 0, &skip) || !hf_page_asks_trail(page, answer)) {
        return false;
    }
    page->skip = (size_t)skip;
    if (page->kind->known == TRAIL ||
        page->kind->known == INCIDENTS) { /* its verdict and its names are those of events */
        page->filter.verdicts = 1u;
        return true;
    }
    return hf_objects_filter(request, answer, &page->filter);
}

void hf_serve_page(const struct hf_request *request, struct hf_answer *answer)
{
    const struct hf_view_object *rows[ROWS];
    struct hf_page page = {.request = request, .out = &answer->body, .rows = rows};
    hf_auto_buf struct hf_buf template = {0};
    answer->is_page = true;
    page.kind = kind_of(request->query);
    choose_incident(&page);
    if (!reads_query(&page, request, answer)) {
        return;
    }
    if (!read_template(request, "page.html", &template)) {
        hf_answer_problem(answer, 503, "The dashboard's page can't be read.");
        return;
    }
    page.view = request->view ? request->view->view : NULL;
    page.index = request->view ? hf_view_index(request->view) : NULL;
    hf_assess(&page.assessment, page.view, page.index, hf_serve_stuck_ms(request->serve));
    if (page.kind->known == OBJECT) {
        page.object = hf_objects_find(request, &page.filter);
    }
    if (page.kind->rows != HF_ROWS_NONE) {
        choose_rows(&page);
    }
    hf_page_read_events(&page);
    answer->type = "text/html; charset=utf-8";
    fill_template(&page, hf_buf_text(&template));
    hf_assessment_free(&page.assessment);
    hf_buf_free(&page.events);
    hf_buf_free(&page.incidents);
}
