#include <inttypes.h>
#include <string.h>

#include "json_out.h"
#include "page.h"

void hf_page_time(struct hf_buf *out, int64_t ms)
{
    char text[HF_TIME_TEXT];
    hf_time_format(ms, text);
    if (ms == HF_TIME_NONE || strlen(text) < 19) {
        hf_buf_adds(out, "<span class=\"dim\">not known</span>");
        return;
    }
    hf_buf_addf(out, "<time datetime=\"%s\" title=\"%s\">%.10s %.8s UTC</time>", text, text, text, text + 11);
}

void hf_page_badge(struct hf_buf *out, enum hf_rank rank)
{
    hf_buf_addf(out, "<span class=\"badge\" data-verdict=\"%s\">%s</span>", hf_rank_name(rank), hf_rank_words(rank));
}

void hf_page_title(struct hf_page *page)
{
    static const char *const WORDS[] = {[HF_STATE_WELL] = "All is well",
                                        [HF_STATE_HANDLED] = "Being handled",
                                        [HF_STATE_ACT] = "Act",
                                        [HF_STATE_STARTING] = "Starting"};
    if (page->kind->title && strcmp(page->kind->path, "/") != 0) {
        hf_buf_addf(page->out, "%s · ", page->kind->title);
    }
    hf_buf_addf(page->out, "%s · holdfast", WORDS[page->assessment.state]);
}

void hf_page_made(struct hf_page *page)
{
    hf_page_time(page->out, page->view ? page->view->made_ms : page->request->now_ms);
}

void hf_page_state(struct hf_page *page)
{
    hf_buf_adds(page->out, hf_state_name(page->assessment.state));
}

void hf_page_sentence(struct hf_page *page)
{
    hf_html_add(page->out, hf_buf_text(&page->assessment.sentence));
}

void hf_page_problems(struct hf_page *page)
{
    const char *line = hf_buf_text(&page->assessment.problems);
    while (*line) {
        size_t len = strcspn(line, "\n");
        char text[600];
        size_t kept = len < sizeof text ? len : sizeof text - 1;
        memcpy(text, line, kept);
        text[kept] = '\0';
        hf_buf_adds(page->out, "<li>");
        hf_html_add(page->out, text);
        hf_buf_adds(page->out, "</li>");
        line += len + (line[len] == '\n');
    }
}

static void add_target_counts(struct hf_page *page, size_t number)
{
    struct hf_buf *out = page->out;
    size_t total = 0;
    for (int rank = 0; rank < HF_RANK_COUNT; rank++) {
        total += page->index->by_target[number][rank];
    }
    hf_buf_adds(out, "<ul class=\"counts\">");
    for (int rank = 0; rank < HF_RANK_COUNT; rank++) {
        size_t count = page->index->by_target[number][rank];
        if (count == 0 && !(rank == HF_RANK_IN_SYNC && total == 0)) {
            continue;
        }
        hf_buf_addf(out, "<li><a class=\"badge\" data-verdict=\"%s\" href=\"/units?verdict=%s&amp;target=",
                    hf_rank_name((enum hf_rank)rank), hf_rank_name((enum hf_rank)rank));
        hf_buf_add_url(out, hf_slice_of(page->view->targets[number].name));
        hf_buf_addf(out, "\"><b>%zu</b> %s</a></li>", count, hf_rank_words((enum hf_rank)rank));
    }
    hf_buf_adds(out, "</ul>");
}

static void add_target(struct hf_page *page, size_t number)
{
    struct hf_buf *out = page->out;
    const struct hf_view_target *target = &page->view->targets[number];
    hf_buf_adds(out, "<li class=\"target\" data-cluster=\"");
    hf_html_add(out, target->cluster_state);
    hf_buf_adds(out, "\"><h3>");
    hf_html_add(out, target->name);
    hf_buf_adds(out, "</h3><p class=\"dim\">");
    hf_html_add(out, target->server);
    hf_buf_adds(out, "</p>");
    add_target_counts(page, number);
    hf_buf_adds(out, "<dl><div><dt>Correction</dt><dd>");
    hf_html_add(out, target->correction);
    uint64_t under_way = target->in_flight + target->queued;
    hf_buf_addf(out, ", %" PRIu64 " put back, %" PRIu64 " under way</dd></div></dl></li>", target->corrected,
                under_way);
}

void hf_page_targets(struct hf_page *page)
{
    for (size_t i = 0; page->index && i < page->view->target_count; i++) {
        add_target(page, i);
    }
    if (!page->view || page->view->target_count == 0) {
        hf_buf_adds(page->out, "<li class=\"dim\">None yet.</li>");
    }
}

static void begin_stand(struct hf_buf *out, bool is_well, const char *what, const char *name, const char *state)
{
    hf_buf_addf(out, "<li class=\"stand\" data-state=\"%s\"><span class=\"mark\" aria-hidden=\"true\"></span><b>%s",
                is_well ? "well" : "act", what);
    hf_html_add(out, name);
    hf_buf_adds(out, "</b> <bdi>");
    hf_page_cut(out, state, 300);
    hf_buf_adds(out, "</bdi>");
}

static void add_stand_time(struct hf_buf *out, const char *before, int64_t ms)
{
    hf_buf_addf(out, "<p class=\"dim\">%s", before);
    hf_page_time(out, ms);
    hf_buf_adds(out, "</p></li>");
}

static void add_target_stands(struct hf_buf *out, const struct hf_view_target *target)
{
    bool has_problem = target->cluster_problem && target->cluster_problem[0];
    bool is_synced = target->cluster_state && strcmp(target->cluster_state, "synced") == 0;
    begin_stand(out, is_synced && !has_problem, "Cluster ", target->name,
                has_problem ? target->cluster_problem : target->cluster_state);
    add_stand_time(out, "since ", target->cluster_since_ms);
    has_problem = target->source_problem && target->source_problem[0];
    begin_stand(out, !has_problem, "Source of ", target->name, has_problem ? target->source_problem : "read");
    add_stand_time(out, "", target->source_at_ms);
}

/* What holdfast depends on, and how old what it knows of it is. */
void hf_page_stands(struct hf_page *page)
{
    const struct hf_view *view = page->view;
    struct hf_buf *out = page->out;
    if (!view) {
        return;
    }
    for (size_t i = 0; i < view->target_count; i++) {
        add_target_stands(out, &view->targets[i]);
    }
    bool has_problem = view->trail_problem && view->trail_problem[0];
    begin_stand(out, !has_problem, "Trail", "", has_problem ? view->trail_problem : "written");
    hf_buf_adds(out, "</li>");
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct hf_view_channel *channel = &view->channels[i];
        begin_stand(out, !channel->failing, "Channel ", channel->name, channel->failing ? "failing" : "delivering");
        hf_buf_addf(out, "<p class=\"dim\">%" PRIu64 " delivered, %" PRIu64 " given up</p></li>", channel->delivered,
                    channel->given_up);
    }
}

void hf_page_q(struct hf_page *page)
{
    hf_html_add(page->out, hf_query_get(page->request->query, "q"));
}

void hf_page_verdicts(struct hf_page *page)
{
    const char *chosen = hf_query_get(page->request->query, "verdict");
    hf_buf_adds(page->out, "<option value=\"\">every verdict</option>");
    for (int rank = 0; rank < HF_RANK_COUNT; rank++) {
        const char *name = hf_rank_name((enum hf_rank)rank);
        hf_buf_addf(page->out, "<option value=\"%s\"%s>%s</option>", name,
                    chosen && strcmp(chosen, name) == 0 ? " selected" : "", hf_rank_words((enum hf_rank)rank));
    }
}

void hf_page_version(struct hf_page *page)
{
    hf_html_add(page->out, HF_VERSION);
}
