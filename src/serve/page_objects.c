#include <string.h>

#include "json_out.h"
#include "page.h"

#define VALUE_MOST 4000

void hf_page_parameter(struct hf_buf *out, const char *between, const char *name, const char *value)
{
    if (value && value[0]) {
        hf_buf_addf(out, "%s%s=", between, name);
        hf_buf_add_url(out, hf_slice_of(value));
    }
}

static void add_link(struct hf_buf *out, const struct hf_view_object *object)
{
    if (object->incident && object->incident[0]) {
        hf_buf_adds(out, "/incidents/");
        hf_buf_add_url(out, hf_slice_of(object->incident));
        return;
    }
    hf_page_parameter(out, "/object?", "target", object->target);
    hf_page_parameter(out, "&amp;", "kind", object->kind);
    hf_page_parameter(out, "&amp;", "namespace", object->namespace);
    hf_page_parameter(out, "&amp;", "name", object->name);
    hf_page_parameter(out, "&amp;", "api_version", object->api_version);
}

/* "Deployment · traderx-dev · unit trade-service @12 · dev" */
static void add_place(struct hf_buf *out, const struct hf_view_object *object)
{
    hf_buf_adds(out, "<bdi>");
    hf_page_cut(out, object->kind, 253);
    hf_buf_adds(out, "</bdi>");
    if (object->namespace && object->namespace[0]) {
        hf_buf_adds(out, " · <bdi>");
        hf_page_cut(out, object->namespace, 253);
        hf_buf_adds(out, "</bdi>");
    }
    hf_buf_adds(out, " · unit <bdi>");
    hf_page_cut(out, object->unit, 253);
    hf_buf_adds(out, "</bdi>");
    if (object->revision > 0) {
        hf_buf_addf(out, " @%lld", (long long)object->revision);
    }
    hf_buf_adds(out, " · <bdi>");
    hf_page_cut(out, object->target, 253);
    hf_buf_adds(out, "</bdi>");
}

/* Long values are cut: the detail holds them whole. */
void hf_page_cut(struct hf_buf *out, const char *text, size_t most)
{
    hf_auto_buf struct hf_buf cut = {0};
    hf_buf_add_safe(&cut, hf_slice_of(text ? text : "(absent)"), most);
    hf_html_add(out, hf_buf_text(&cut));
    out->failed |= cut.failed;
}

/* What a verdict means where no field is there to tell of. */
static const char *meaning(enum hf_rank rank)
{
    switch (rank) {
    case HF_RANK_MISSING:
        return "not in the cluster";
    case HF_RANK_EXTRA:
        return "in the cluster, and no unit holds it";
    case HF_RANK_TERMINATING:
        return "being deleted";
    case HF_RANK_PENDING:
        return "a newer revision is not applied yet";
    case HF_RANK_UNKNOWN:
        return "can't be judged";
    default:
        return NULL;
    }
}

static void add_what(struct hf_buf *out, const struct hf_view_object *object)
{
    const char *words = meaning(hf_rank_of(object->verdict));
    if (words && object->finding_count == 0) {
        hf_buf_adds(out, "<p>");
        hf_html_add(out, words);
        hf_buf_adds(out, "</p>");
    }
    if (object->reason && object->reason[0]) {
        hf_buf_adds(out, "<p>");
        hf_page_cut(out, object->reason, 300);
        hf_buf_adds(out, "</p>");
    }
    if (object->finding_count == 0) {
        return;
    }
    const struct hf_view_finding *finding = &object->findings[0];
    hf_buf_adds(out, "<p><code>");
    hf_page_cut(out, finding->readable ? finding->readable : finding->path, 200);
    hf_buf_adds(out, "</code> is <code>");
    hf_page_cut(out, finding->live, 80);
    hf_buf_adds(out, "</code>, should be <code>");
    hf_page_cut(out, finding->desired, 80);
    hf_buf_adds(out, "</code></p>");
    if (object->finding_count > 1) {
        hf_buf_addf(out, "<p class=\"dim\">and %zu more</p>", object->finding_count - 1);
    }
}

static void add_row(struct hf_buf *out, const struct hf_view_object *object)
{
    hf_buf_adds(out, "<tr><td>");
    hf_page_badge(out, hf_rank_of(object->verdict));
    hf_buf_adds(out, "</td><td><a class=\"object\" href=\"");
    add_link(out, object);
    hf_buf_adds(out, "\"><bdi>");
    hf_page_cut(out, object->name, 253);
    hf_buf_adds(out, "</bdi></a><p class=\"dim\">");
    add_place(out, object);
    hf_buf_adds(out, "</p></td><td>");
    add_what(out, object);
    hf_buf_adds(out, "</td><td>");
    hf_page_time(out, object->since_ms);
    hf_buf_adds(out, "</td></tr>");
}

void hf_page_count(struct hf_page *page)
{
    size_t total = page->view ? page->view->object_count : 0;
    if (page->kind->rows == HF_ROWS_NOT_IN_SYNC) {
        hf_buf_addf(page->out, total == 1 ? "%zu of %zu object not in sync" : "%zu of %zu objects not in sync",
                    page->matched, total);
    } else if (page->matched == total) {
        hf_buf_addf(page->out, total == 1 ? "%zu object" : "%zu objects", total);
    } else {
        hf_buf_addf(page->out, "%zu of %zu objects", page->matched, total);
    }
}

void hf_page_objects(struct hf_page *page)
{
    for (size_t i = 0; i < page->row_count; i++) {
        add_row(page->out, page->rows[i]);
    }
    if (page->row_count == 0) {
        hf_buf_addf(page->out, "<tr class=\"none\"><td colspan=\"4\">%s</td></tr>",
                    page->kind->rows == HF_ROWS_NOT_IN_SYNC ? "Every object is as its unit says."
                                                            : "No object to show.");
    }
}

/* For a page without JavaScript: the same address, farther on. */
void hf_page_more(struct hf_page *page)
{
    static const char *const KEPT[] = {"q", "verdict", "target", "space", "unit"};
    size_t shown = page->skip + page->row_count;
    if (page->row_count == 0 || shown >= page->matched) {
        return;
    }
    hf_buf_addf(page->out, "<a href=\"%s?skip=%zu", page->kind->path, shown);
    for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++) {
        hf_page_parameter(page->out, "&amp;", KEPT[i], hf_query_get(page->request->query, KEPT[i]));
    }
    hf_buf_addf(page->out, "\">Show more (%zu of %zu shown)</a>", shown, page->matched);
}

static void add_value(struct hf_buf *out, const char *class, const char *label, const char *value)
{
    hf_buf_addf(out, "<div class=\"%s\"><dt>%s</dt><dd>", class, label);
    if (value) {
        hf_buf_adds(out, "<code>");
        hf_page_cut(out, value, VALUE_MOST);
        hf_buf_adds(out, "</code>");
    } else {
        hf_buf_adds(out, "<span class=\"dim\">not there</span>");
    }
    hf_buf_adds(out, "</dd></div>");
}

static void add_finding(struct hf_buf *out, const struct hf_view_finding *finding)
{
    hf_buf_adds(out, "<li class=\"finding\"><h3><code>");
    hf_page_cut(out, finding->readable ? finding->readable : finding->path, 500);
    hf_buf_adds(out, "</code> <span class=\"class\">");
    hf_html_add(out, finding->class);
    hf_buf_adds(out, "</span></h3><dl>");
    add_value(out, "live", "Live", finding->live);
    add_value(out, "desired", "Should be", finding->desired);
    hf_buf_adds(out, "<div><dt>Who</dt><dd><bdi>");
    hf_page_cut(out, finding->manager ? finding->manager : "not known", 253);
    hf_buf_adds(out, "</bdi>");
    if (finding->operation) {
        hf_buf_adds(out, " (");
        hf_html_add(out, finding->operation);
        hf_buf_adds(out, ")");
    }
    hf_buf_adds(out, "</dd></div><div><dt>When</dt><dd>");
    hf_page_time(out, finding->at_ms);
    hf_buf_adds(out, "</dd></div></dl></li>");
}

static void add_corrections(struct hf_buf *out, const struct hf_view_object *object)
{
    if (object->corrections == 0) {
        return;
    }
    hf_buf_addf(out, "<p class=\"dim\">Put back %lld %s", (long long)object->corrections,
                object->corrections == 1 ? "time" : "times");
    if (object->last_correction_ms != HF_TIME_NONE) {
        char took[HF_TIME_TEXT];
        hf_duration_format(object->last_correction_ms, took);
        hf_buf_addf(out, ", the last time in %s", took);
    }
    hf_buf_adds(out, ".</p>");
}

static void add_detail(struct hf_buf *out, const struct hf_view_object *object)
{
    hf_buf_adds(out, "<h1><bdi>");
    hf_page_cut(out, object->name, 253);
    hf_buf_adds(out, "</bdi></h1><p>");
    hf_page_badge(out, hf_rank_of(object->verdict));
    hf_buf_adds(out, " since ");
    hf_page_time(out, object->since_ms);
    hf_buf_adds(out, "</p><p class=\"dim\">");
    add_place(out, object);
    hf_buf_adds(out, "</p>");
    if (object->reason && object->reason[0]) {
        hf_buf_adds(out, "<p class=\"reason\">");
        hf_page_cut(out, object->reason, 2000);
        hf_buf_adds(out, "</p>");
    }
    add_corrections(out, object);
    const char *words = meaning(hf_rank_of(object->verdict));
    hf_buf_adds(out, "<h2>");
    hf_html_add(out, object->finding_count > 0 ? "What differs" : words ? words : "Nothing differs from the unit now");
    hf_buf_adds(out, "</h2>");
    hf_buf_adds(out, object->finding_count > 0 ? "<ol class=\"findings\">" : "");
    for (size_t i = 0; i < object->finding_count; i++) {
        add_finding(out, &object->findings[i]);
    }
    hf_buf_adds(out, object->finding_count > 0 ? "</ol>" : "");
}

void hf_page_detail(struct hf_page *page)
{
    if (page->object) {
        add_detail(page->out, page->object);
    } else {
        hf_buf_adds(page->out, "<h1>No such object</h1><p>No unit holds an object of that name.</p>");
    }
}
